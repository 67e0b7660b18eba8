import { FOV_DEG, maxErrorPx, start, tilesets } from "./common.js";
const { Cesium } = window;

const widget = new Cesium.CesiumWidget("view", {
  baseLayer: false, globe: false, skyBox: false, skyAtmosphere: false, scene3DOnly: true,
});
widget.scene.camera.frustum.fov = Cesium.Math.toRadians(FOV_DEG);
const opened = await Promise.all(tilesets.map((url) => Cesium.Cesium3DTileset.fromUrl(url, {
  // One screen-space error for all engines: by default this one allows more of it towards the horizon.
  maximumScreenSpaceError: maxErrorPx, dynamicScreenSpaceError: false, cacheBytes: 1e9, maximumCacheOverflowBytes: 1e9,
})));
for (const tileset of opened) widget.scene.primitives.add(tileset);
const sum = (value) => opened.reduce((total, tileset) => total + value(tileset), 0);
start({
  setView({ lon, lat, heightM, distanceM, headingDeg, pitchDeg }) {
    const { toRadians } = Cesium.Math;
    const range = new Cesium.HeadingPitchRange(toRadians(headingDeg), toRadians(pitchDeg), distanceM);
    widget.camera.lookAt(Cesium.Cartesian3.fromDegrees(lon, lat, heightM), range);
    widget.camera.lookAtTransform(Cesium.Matrix4.IDENTITY);
  },
  calm: () => opened.every((tileset) => tileset.tilesLoaded),
  figures: () => ({
    tiles: sum((tileset) => tileset.statistics.selected),
    triangles: sum((tileset) => tileset.statistics.numberOfTrianglesSelected),
    gpuBytes: sum((tileset) => tileset.totalMemoryUsageInBytes),
  }),
});
window.look = ({ timeMs, shadows, seeThrough, ring, dome }) => {
  if (timeMs) widget.clock.currentTime = Cesium.JulianDate.fromDate(new Date(timeMs));
  if (shadows) Object.assign(widget.scene.shadowMap, { enabled: true, size: 2048, maximumDistance: 5_000 });
  for (const tileset of opened) {
    const isBuildings = tileset.resource.url.includes("buildings");
    if (seeThrough && isBuildings) tileset.style = new Cesium.Cesium3DTileStyle({ color: `color("white", ${seeThrough})` });
    if (ring && isBuildings) {
      const positions = Cesium.Cartesian3.fromDegreesArray(ring.flat());
      tileset.clippingPolygons = new Cesium.ClippingPolygonCollection({ polygons: [new Cesium.ClippingPolygon({ positions })] });
    }
    if (dome) tileset.pointCloudShading = new Cesium.PointCloudShading({ attenuation: true, eyeDomeLighting: true });
  }
};
