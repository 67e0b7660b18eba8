const { Cesium } = window;
const { home, layers } = await fetch("twin/twin.json").then((response) => response.json());
const { camera, canvas, scene } = new Cesium.CesiumWidget("city", { baseLayer: false, globe: false });
const turn = new Cesium.HeadingPitchRange(Cesium.Math.toRadians(home.headingDeg), Cesium.Math.toRadians(home.pitchDeg), home.distanceM);
camera.lookAt(Cesium.Cartesian3.fromDegrees(home.lon, home.lat, home.heightM), turn);
camera.lookAtTransform(Cesium.Matrix4.IDENTITY);
scene.light = new Cesium.DirectionalLight({ direction: camera.directionWC });
for (const { tileset } of layers) {
  Cesium.Cesium3DTileset.fromUrl(`twin/${tileset}`).then((tiles) => scene.primitives.add(tiles));
}
new Cesium.ScreenSpaceEventHandler(canvas).setInputAction(({ position }) => {
  const feature = scene.pick(position);
  document.title = feature?.getProperty ? feature.getProperty("name") || feature.getProperty("class") : "A city on a page";
}, Cesium.ScreenSpaceEventType.LEFT_CLICK);
