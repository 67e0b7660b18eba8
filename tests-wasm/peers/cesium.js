// CesiumJS over one tileset: `countAt(url, view)` draws it at full detail and counts what it has loaded; and over one
// terrain: `heightsAt(url, view, places)` draws it and reads how high it is drawn.
const { Cesium } = window;

const widget = new Cesium.CesiumWidget("view", {
  baseLayer: false, globe: false, skyBox: false, skyAtmosphere: false, scene3DOnly: true,
});

/** Triangles of a drawn content, instances multiplied out, and the features of its property tables. */
function count(content) {
  const model = content._model;
  let triangles = 0;
  for (const node of model.sceneGraph.components.nodes) {
    const copies = node.instances?.attributes[0]?.count ?? 1;
    for (const primitive of node.primitives) {
      const elements = primitive.indices?.count ?? primitive.attributes[0].count;
      triangles += (elements / 3) * copies;
    }
  }
  const features = model.featureTables.reduce((sum, table) => sum + table.featuresLength, 0);
  return { url: content.url, triangles, features };
}

function look({ lon, lat, heightM, pitchDeg }) {
  widget.camera.setView({
    destination: Cesium.Cartesian3.fromDegrees(lon, lat, heightM),
    orientation: { heading: 0, pitch: Cesium.Math.toRadians(pitchDeg), roll: 0 },
  });
}

/** Draws until `isWhole` for some frames. */
function drawn(isWhole) {
  let calm = 0;
  return new Promise((resolve, reject) => {
    widget.scene.renderError.addEventListener((_, error) => reject(error));
    widget.scene.postRender.addEventListener(() => {
      calm = isWhole() ? calm + 1 : 0;
      if (calm > 3) resolve();
    });
  });
}

/** Draws until nothing is missing, then counts every drawn content. Colours are as they are, whatever the sun does. */
window.countAt = async (url, view) => {
  const tileset = await Cesium.Cesium3DTileset.fromUrl(url, {
    maximumScreenSpaceError: 0.001, foveatedScreenSpaceError: false, dynamicScreenSpaceError: false,
    customShader: new Cesium.CustomShader({ lightingModel: Cesium.LightingModel.UNLIT }),
  });
  const failures = [];
  tileset.tileFailed.addEventListener(({ url, message }) => failures.push(`${url}: ${message}`));
  const seen = new Map();
  tileset.tileVisible.addEventListener((tile) => seen.set(tile.content.url, tile.content));
  widget.scene.preUpdate.addEventListener(() => seen.clear());
  widget.scene.primitives.add(tileset);
  look(view);
  await drawn(() => tileset.tilesLoaded && seen.size > 0);
  const contents = [...seen.values()].map(count);
  const first = [...seen.values()].map((content) => content.featuresLength && content.getFeature(0)).find(Boolean);
  const properties = first ? first.getPropertyIds() : [];
  return { contents, failures, properties };
};

/** Heights of places, as the terrain's finest tiles have them and as they are drawn, metres. */
window.heightsAt = async (url, view, places) => {
  const terrain = await Cesium.CesiumTerrainProvider.fromUrl(url, { requestVertexNormals: true });
  const failures = [];
  terrain.errorEvent.addEventListener(({ message }) => failures.push(message));
  const globe = new Cesium.Globe(Cesium.Ellipsoid.WGS84);
  globe.terrainProvider = terrain;
  globe.maximumScreenSpaceError = 1;
  widget.scene.globe = globe;
  look(view);
  const at = () => places.map(([lon, lat]) => Cesium.Cartographic.fromDegrees(lon, lat));
  const finest = await Cesium.sampleTerrainMostDetailed(terrain, at());
  await drawn(() => globe.tilesLoaded);
  return { finest: finest.map((place) => place.height), drawn: at().map((place) => globe.getHeight(place)), failures };
};
window.isReady = true;
