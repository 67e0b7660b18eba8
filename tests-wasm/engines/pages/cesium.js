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
