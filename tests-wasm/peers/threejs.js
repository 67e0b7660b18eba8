// 3DTilesRendererJS over one tileset: `countAt(url, view)` draws it at full detail and counts what it has loaded.
import { TilesRenderer } from "3d-tiles-renderer";
import {
  GLTFExtensionsPlugin, GLTFMeshFeaturesExtension, GLTFStructuralMetadataExtension, ImplicitTilingPlugin,
} from "3d-tiles-renderer/plugins";
import { AmbientLight, Matrix4, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from "three";
import { MeshoptDecoder } from "three/examples/jsm/libs/meshopt_decoder.module.js";

const renderer = new WebGLRenderer();
renderer.setSize(innerWidth, innerHeight);
document.body.append(renderer.domElement);
const scene = new Scene();
// Light from everywhere shows colours as they are.
scene.add(new AmbientLight(0xffffff, Math.PI));
const camera = new PerspectiveCamera(60, innerWidth / innerHeight, 1, 1e6);

/** Triangles of a drawn scene, instances multiplied out, and the different feature ids in it by property table. */
function count(url, drawn) {
  let triangles = 0;
  const features = new Map();
  const ids = (table) => features.get(table) ?? features.set(table, new Set()).get(table);
  drawn.traverse((mesh) => {
    if (!mesh.isMesh) return;
    const elements = (mesh.geometry.index ?? mesh.geometry.attributes.position).count;
    triangles += (elements / 3) * (mesh.isInstancedMesh ? mesh.count : 1);
    // three.js keeps the attribute of vertices in lower case, that of instances as it is.
    const perInstance = mesh.isInstancedMesh && mesh.geometry.attributes._FEATURE_ID_0;
    const perVertex = mesh.geometry.attributes._feature_id_0;
    const info = mesh.userData.meshFeatures?.getFeatureInfo()[0];
    const attribute = perInstance || perVertex;
    for (let i = 0; attribute && i < (perInstance ? mesh.count : attribute.count); i++) {
      ids(info?.propertyTable ?? 0).add(attribute.getX(i));
    }
  });
  return { url, triangles, features: [...features.values()].reduce((sum, set) => sum + set.size, 0) };
}

/** Draws until nothing is missing, then counts every drawn content. */
window.countAt = async (url, { lon, lat, heightM, pitchDeg }) => {
  const tiles = new TilesRenderer(url);
  tiles.errorTarget = 0.001;
  tiles.registerPlugin(new ImplicitTilingPlugin());
  tiles.registerPlugin(
    new GLTFExtensionsPlugin({
      metadata: false,
      meshoptDecoder: MeshoptDecoder,
      plugins: [(parser) => new GLTFMeshFeaturesExtension(parser), () => new GLTFStructuralMetadataExtension()],
    }),
  );
  const failures = [];
  tiles.addEventListener("load-error", ({ url, error }) => failures.push(`${url}: ${error}`));
  tiles.setCamera(camera);
  tiles.setResolutionFromRenderer(camera, renderer);
  scene.add(tiles.group);
  const radians = Math.PI / 180;
  const [east, north, up] = [new Vector3(), new Vector3(), new Vector3()];
  tiles.ellipsoid.getEastNorthUpFrame(lat * radians, lon * radians, heightM, new Matrix4()).extractBasis(east, north, up);
  const [sin, cos] = [Math.sin(pitchDeg * radians), Math.cos(pitchDeg * radians)];
  camera.position.copy(tiles.ellipsoid.getCartographicToPosition(lat * radians, lon * radians, heightM, new Vector3()));
  // Straight down, north is above.
  camera.up.set(0, 0, 1);
  camera.lookAt(camera.position.clone().addScaledVector(north, cos).addScaledVector(up, sin));
  let calm = 0;
  while (calm <= 3) {
    await new Promise(requestAnimationFrame);
    camera.updateMatrixWorld();
    tiles.update();
    renderer.render(scene, camera);
    const { downloading, parsing } = tiles.stats;
    const isCalm = tiles.visibleTiles.size > 0 && downloading === 0 && parsing === 0 && tiles.loadProgress === 1;
    calm = isCalm ? calm + 1 : 0;
    if (failures.length > 0) break;
  }
  const contents = [];
  let properties = [];
  tiles.forEachLoadedModel((model, tile) => {
    if (!tiles.visibleTiles.has(tile)) return;
    contents.push(count(tile.content.uri, model));
    model.traverse((part) => {
      const metadata = part.userData.structuralMetadata;
      if (metadata?.tableAccessors.length > 0) properties = Object.keys(metadata.getPropertyTableData(0, 0));
    });
  });
  return { contents, failures, properties };
};
window.isReady = true;
