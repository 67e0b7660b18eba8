import { GlobeControls, TilesRenderer } from "3d-tiles-renderer";
import { GLTFExtensionsPlugin, ImplicitTilingPlugin } from "3d-tiles-renderer/plugins";
import { AmbientLight, Color, DirectionalLight, Group, PerspectiveCamera, Raycaster, Scene, Vector2, Vector3, WebGLRenderer } from "three";
import { MeshoptDecoder } from "three/examples/jsm/libs/meshopt_decoder.module.js";

const { home, layers } = await fetch("twin/twin.json").then((response) => response.json());
const container = document.getElementById("city");
const renderer = new WebGLRenderer({ antialias: true });
container.append(renderer.domElement);
const scene = new Scene();
scene.background = new Color(0xcfe0ea);
const camera = new PerspectiveCamera(40, 1, 1, 1e5);
const all = new Group();
scene.add(new AmbientLight(0xffffff, 1), all);
const opened = layers.map(({ tileset }) => {
  const tiles = new TilesRenderer(`twin/${tileset}`);
  tiles.registerPlugin(new ImplicitTilingPlugin());
  tiles.registerPlugin(new GLTFExtensionsPlugin({ metadata: true, meshoptDecoder: MeshoptDecoder }));
  tiles.setCamera(camera);
  all.add(tiles.group);
  return tiles;
});

const radians = (degrees) => (degrees * Math.PI) / 180;
const [target, east, north, up] = Array.from({ length: 4 }, () => new Vector3());
const { ellipsoid } = opened[0];
ellipsoid.getCartographicToPosition(radians(home.lat), radians(home.lon), home.heightM, target);
ellipsoid.getEastNorthUpAxes(radians(home.lat), radians(home.lon), east, north, up);
const [heading, pitch] = [radians(home.headingDeg), radians(home.pitchDeg)];
camera.position.copy(target)
  .addScaledVector(east, -Math.sin(heading) * Math.cos(pitch) * home.distanceM)
  .addScaledVector(north, -Math.cos(heading) * Math.cos(pitch) * home.distanceM)
  .addScaledVector(up, -Math.sin(pitch) * home.distanceM);
camera.up.copy(up);
camera.lookAt(target);
const sun = new DirectionalLight(0xffffff, 2);
sun.position.copy(target).addScaledVector(up, 2000).addScaledVector(east, 1000);
sun.target.position.copy(target);
scene.add(sun, sun.target);
const controls = new GlobeControls(scene, camera, renderer.domElement);
controls.setEllipsoid(ellipsoid, all);

function resize() {
  renderer.setSize(container.clientWidth, container.clientHeight);
  camera.aspect = container.clientWidth / container.clientHeight;
  camera.updateProjectionMatrix();
  for (const tiles of opened) tiles.setResolutionFromRenderer(camera, renderer);
}
addEventListener("resize", resize);
resize();
renderer.setAnimationLoop(() => {
  controls.update();
  camera.updateMatrixWorld();
  for (const tiles of opened) tiles.update();
  renderer.render(scene, camera);
});
renderer.domElement.addEventListener("click", ({ offsetX, offsetY }) => {
  const point = new Vector2((2 * offsetX) / container.clientWidth - 1, 1 - (2 * offsetY) / container.clientHeight);
  const raycaster = new Raycaster();
  raycaster.setFromCamera(point, camera);
  const [hit] = raycaster.intersectObject(all, true);
  const { meshFeatures, structuralMetadata } = hit?.object.userData ?? {};
  const [row] = meshFeatures?.getFeatures(hit.faceIndex, hit.barycoord) ?? [];
  const found = row === undefined ? undefined : structuralMetadata.getPropertyTableData(0, row);
  document.title = found ? String(found.name || found.class) : "A city on a page";
});
