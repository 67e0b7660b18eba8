// CesiumJS over one tileset: `countAt(url, view)` draws it at full detail and counts what it has loaded.
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

/** Draws until nothing is missing, then counts every drawn content. */
window.countAt = async (url, { lon, lat, heightM }) => {
  const tileset = await Cesium.Cesium3DTileset.fromUrl(url, {
    maximumScreenSpaceError: 0.001, foveatedScreenSpaceError: false, dynamicScreenSpaceError: false,
  });
  const failures = [];
  tileset.tileFailed.addEventListener(({ url, message }) => failures.push(`${url}: ${message}`));
  let drawn = new Map();
  tileset.tileVisible.addEventListener((tile) => drawn.set(tile.content.url, tile.content));
  widget.scene.preUpdate.addEventListener(() => drawn.clear());
  widget.scene.primitives.add(tileset);
  widget.camera.setView({
    destination: Cesium.Cartesian3.fromDegrees(lon, lat, heightM),
    orientation: { heading: 0, pitch: -Math.PI / 2, roll: 0 },
  });
  let calm = 0;
  await new Promise((resolve, reject) => {
    widget.scene.renderError.addEventListener((_, error) => reject(error));
    widget.scene.postRender.addEventListener(() => {
      calm = tileset.tilesLoaded && drawn.size > 0 ? calm + 1 : 0;
      if (calm > 3) resolve();
    });
  });
  const contents = [...drawn.values()].map(count);
  const first = [...drawn.values()].map((content) => content.featuresLength && content.getFeature(0)).find(Boolean);
  const properties = first ? first.getPropertyIds() : [];
  return { contents, failures, properties };
};
window.isReady = true;
