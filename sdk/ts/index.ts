/** A city's digital twin on a web page. */
export { CityTwin } from "./city-twin.js";
export { CityTwinError, type CityTwinErrorCode } from "./errors.js";
export type { Attribution, CityTwinEvents, CityTwinOptions, Hit, Layer, Padding, Problem, Progress, Raster, ShownLabel, Stats, Style, StyleRule, View } from "./types.js";
export type { ClipBox, ClipPolygon, PartialScene, Scene } from "./scene.js";
