import { TilesRenderer } from "3d-tiles-renderer";
import { GLTFExtensionsPlugin, ImplicitTilingPlugin } from "3d-tiles-renderer/plugins";
import { AmbientLight, DirectionalLight, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from "three";
import { DRACOLoader } from "three/examples/jsm/loaders/DRACOLoader.js";
import { MeshoptDecoder } from "three/examples/jsm/libs/meshopt_decoder.module.js";
import { FOV_DEG, maxErrorPx, start, tilesets } from "./common.js";

const RADIANS = Math.PI / 180;
const renderer = new WebGLRenderer({ antialias: true });
renderer.setSize(innerWidth, innerHeight);
document.body.append(renderer.domElement);
const scene = new Scene();
const sun = new DirectionalLight(0xffffff, 2);
scene.add(new AmbientLight(0xffffff, 1), sun);
const fovY = (2 * Math.atan((Math.tan((FOV_DEG / 2) * RADIANS) * innerHeight) / innerWidth)) / RADIANS;
const camera = new PerspectiveCamera(fovY, innerWidth / innerHeight, 1, 1e6);
const opened = tilesets.map((url) => {
  const tiles = new TilesRenderer(url);
  tiles.errorTarget = maxErrorPx;
  tiles.registerPlugin(new ImplicitTilingPlugin());
  tiles.registerPlugin(new GLTFExtensionsPlugin({
    meshoptDecoder: MeshoptDecoder,
    dracoLoader: new DRACOLoader().setDecoderPath("/draco/"),
  }));
  tiles.setCamera(camera);
  tiles.setResolutionFromRenderer(camera, renderer);
  scene.add(tiles.group);
  return tiles;
});

function draw() {
  requestAnimationFrame(draw);
  for (const tiles of opened) tiles.update();
  renderer.render(scene, camera);
}
const [target, offset, east, north, up] = Array.from({ length: 5 }, () => new Vector3());
start({
  setView({ lon, lat, heightM, distanceM, headingDeg, pitchDeg }) {
    const { ellipsoid } = opened[0];
    ellipsoid.getCartographicToPosition(lat * RADIANS, lon * RADIANS, heightM, target);
    ellipsoid.getEastNorthUpAxes(lat * RADIANS, lon * RADIANS, east, north, up);
    const [heading, pitch] = [headingDeg * RADIANS, pitchDeg * RADIANS];
    offset.set(0, 0, 0)
      .addScaledVector(east, -Math.sin(heading) * Math.cos(pitch))
      .addScaledVector(north, -Math.cos(heading) * Math.cos(pitch))
      .addScaledVector(up, -Math.sin(pitch));
    camera.position.copy(target).addScaledVector(offset, distanceM);
    camera.up.copy(up);
    camera.near = distanceM / 100;
    camera.far = distanceM * 100;
    camera.updateProjectionMatrix();
    camera.lookAt(target);
    camera.updateMatrixWorld();
    sun.position.copy(target).addScaledVector(up, 2).addScaledVector(east, 1).addScaledVector(north, -1);
    sun.target.position.copy(target);
    sun.target.updateMatrixWorld();
  },
  calm: () => opened.every(({ stats, loadProgress, visibleTiles }) => {
    return stats.downloading === 0 && stats.parsing === 0 && loadProgress === 1 && visibleTiles.size >= 0;
  }),
  figures: () => ({
    tiles: opened.reduce((sum, { visibleTiles }) => sum + visibleTiles.size, 0),
    triangles: renderer.info.render.triangles,
    gpuBytes: opened.reduce((sum, { lruCache }) => sum + lruCache.cachedBytes, 0),
  }),
});
draw();
