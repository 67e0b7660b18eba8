import { CityTwin } from "./node_modules/citytwin/dist/index.js";
import { Map, NavigationControl, setWorkerUrl } from "./node_modules/maplibre-gl/dist/maplibre-gl.mjs";
import { style } from "./plan.js";

/** Metres on the ground that a CSS pixel of MapLibre covers, at zoom 0 and the equator. */
const M_PER_PX = 40_075_016.686 / 512;

// A strict Content-Security-Policy allows no worker made from a blob: this one is a file.
setWorkerUrl(new URL("node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs", document.baseURI).href);

const [twin, plan] = await Promise.all([
  CityTwin.create("#city", { twin: "twin/twin.json", locale: "en" }),
  fetch("map.geojson").then((response) => response.json()),
]);
const map = new Map({
  container: "map",
  style: style(plan, twin.attribution.map(({ text }) => text).join(", ")),
  ...cameraOf(twin.view),
  hash: true,
  // Whom the map names is always seen, in a narrow plan too.
  attributionControl: { compact: false },
  pitchWithRotate: false,
  touchPitch: false,
});
map.addControl(new NavigationControl({ visualizePitch: false }), "top-right");
await map.once("load");
showSight(twin.view);

// Each view follows the other, and what it did itself comes back as no change.
map.on("move", () => {
  const [now, wanted] = [twin.view, viewOf(map)];
  if (apart(now, wanted)) twin.setView({ ...now, ...wanted });
});
twin.on("view", (view) => {
  if (apart(viewOf(map), view)) map.jumpTo(cameraOf(view));
  showSight(view);
});
twin.on("click", (hit) => choose(hit && { ...hit.properties, layer: hit.layer }));
map.on("click", (event) => {
  const [feature] = map.queryRenderedFeatures(event.point, { layers: ["buildings"] });
  choose(feature?.properties ?? null);
});
document.documentElement.dataset.linked = "true";

/** How wide CityTwin's camera sees, across the longer side of its canvas. */
function halfWidth() {
  const { clientWidth, clientHeight } = twin.canvas;
  return Math.max(clientWidth, clientHeight) / 2 / Math.tan(Math.PI / 6);
}

function cameraOf({ lon, lat, distanceM, headingDeg }) {
  const groundM = M_PER_PX * Math.cos((lat * Math.PI) / 180);
  // The plan shows a little more than the city, so that the eye itself is on it.
  const zoom = Math.log2((groundM * halfWidth()) / distanceM) - 0.6;
  return { center: [lon, lat], zoom, bearing: headingDeg };
}

function viewOf(map) {
  const { lng: lon, lat } = map.getCenter();
  const groundM = M_PER_PX * Math.cos((lat * Math.PI) / 180);
  const distanceM = (groundM * halfWidth()) / 2 ** (map.getZoom() + 0.6);
  return { lon, lat, distanceM, headingDeg: (map.getBearing() + 360) % 360 };
}

function apart(a, b) {
  const turned = Math.abs(((a.headingDeg - b.headingDeg + 540) % 360) - 180);
  return Math.abs(a.lon - b.lon) > 1e-7 || Math.abs(a.lat - b.lat) > 1e-7 || turned > 0.01
    || Math.abs(Math.log(a.distanceM / b.distanceM)) > 1e-4;
}

/** Draws where the camera stands, and the ground that it sees, to a little behind its target. */
function showSight({ lon, lat, distanceM, headingDeg, pitchDeg }) {
  const mPerDeg = 111_320;
  const backM = distanceM * Math.cos((pitchDeg * Math.PI) / 180);
  const at = (forwardM, rightM) => {
    const turn = (headingDeg * Math.PI) / 180;
    const [east, north] = [forwardM * Math.sin(turn) + rightM * Math.cos(turn), forwardM * Math.cos(turn) - rightM * Math.sin(turn)];
    return [lon + east / mPerDeg / Math.cos((lat * Math.PI) / 180), lat + north / mPerDeg];
  };
  const side = distanceM * Math.tan(Math.PI / 6) * Math.min(1, twin.canvas.clientWidth / twin.canvas.clientHeight);
  const eye = at(-backM, 0);
  const wedge = [eye, at(backM / 2, -1.5 * side), at(backM / 2, 1.5 * side), eye];
  const feature = (geometry) => ({ type: "Feature", properties: {}, geometry });
  map.getSource("sight").setData({
    type: "FeatureCollection",
    features: [
      feature({ type: "Polygon", coordinates: [wedge] }),
      feature({ type: "Point", coordinates: eye }),
    ],
  });
}

function choose(properties) {
  const id = properties?.id === undefined ? null : String(properties.id);
  twin.highlight(id ? [id] : null);
  map.setFilter("chosen", ["==", ["get", "id"], id ?? ""]);
  const name = properties?.name_en ?? properties?.name ?? properties?.address ?? properties?.class;
  document.getElementById("thing").textContent = name ? String(name).replaceAll("_", " ") : "Nothing there.";
}
