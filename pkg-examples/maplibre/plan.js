// What the plan looks like: a MapLibre style over one GeoJSON, in the colours of the city.

const GROUND = [
  "match", ["get", "class"],
  "water", "#a9cbe0",
  ["park", "grass", "pitch"], "#cfe0bf",
  "wood", "#b5cfa4",
  "sand", "#eee3c8",
  ["plaza", "pier"], "#e6e1d8",
  "parking", "#e4e2dd",
  "#ebe7e0",
];
const WAYS = [
  "match", ["get", "class"],
  ["rail", "tram"], "#b9b3aa",
  "waterway", "#a9cbe0",
  ["footway", "path", "steps", "cycleway", "pedestrian"], "#f4f1ea",
  "#ffffff",
];

const ofLayer = (layer) => ["==", ["get", "layer"], layer];
const inOrder = { "fill-sort-key": ["get", "order"] };

/** Texts are drawn with the browser's own fonts: no glyphs are fetched. */
export function style(plan, attribution) {
  return {
    version: 8,
    sources: {
      plan: { type: "geojson", data: plan, attribution, tolerance: 0.1 },
      sight: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
    },
    layers: [
      { id: "land", type: "background", paint: { "background-color": "#efece6" } },
      { id: "ground", type: "fill", source: "plan", filter: ofLayer("ground"), layout: inOrder, paint: { "fill-color": GROUND, "fill-antialias": false } },
      { id: "transport", type: "fill", source: "plan", filter: ofLayer("transport"), layout: inOrder, paint: { "fill-color": WAYS } },
      { id: "buildings", type: "fill", source: "plan", filter: ofLayer("buildings"), paint: { "fill-color": "#d3cbbd", "fill-outline-color": "#a89f90" } },
      { id: "chosen", type: "fill", source: "plan", filter: ["==", ["get", "id"], ""], paint: { "fill-color": "#0b6cff" } },
      { id: "wedge", type: "fill", source: "sight", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": "#0b6cff", "fill-opacity": 0.12 } },
      { id: "eye", type: "circle", source: "sight", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 7, "circle-color": "#0b6cff", "circle-stroke-color": "#ffffff", "circle-stroke-width": 2 } },
      {
        id: "names", type: "symbol", source: "plan", filter: ["all", ofLayer("buildings"), ["has", "name"]], minzoom: 14,
        layout: { "text-field": ["get", "name"], "text-font": ["sans-serif"], "text-size": 12, "text-max-width": 8 },
        paint: { "text-color": "#3b4650", "text-halo-color": "#f4f1ea", "text-halo-width": 1.5 },
      },
    ],
  };
}
