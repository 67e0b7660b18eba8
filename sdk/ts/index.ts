/** A city's digital twin on a web page. */
export { CityTwin } from "./city-twin.js";
export { CityTwinError, type CityTwinErrorCode } from "./errors.js";
export type { GeoJsonOptions, GeoJsonReport, GeoJsonSource, GeoJsonStyle } from "./geojson.js";
export { type Content, type Marker, type MarkerOptions, type Place, type Popup } from "./markers.js";
export type { RequestOptions, TransformedRequest, TransformRequest } from "./requests.js";
export type {
  Attribution, CityTwinEvents, CityTwinOptions, Diagnostics, Flight, Hit, Layer, ListenOptions, Padding, Problem, Progress,
  Raster, ScreenshotOptions, ShownLabel, Stats, Style, StyleRule, TilesetOptions, View,
} from "./types.js";
export type { ClipBox, ClipPolygon, PartialScene, Scene } from "./scene.js";
