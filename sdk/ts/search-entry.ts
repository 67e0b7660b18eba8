/** A city's search, without the 3D view: the entry `citytwin/search`. */
export { CityTwinError, type CityTwinErrorCode } from "./errors.js";
export {
  type AttributeValue, type Condition, type Facet, Search, type SearchAnswer, type SearchField, type SearchHere,
  type SearchHit, type SearchOptions,
} from "./search.js";
export type { RequestOptions, TransformedRequest, TransformRequest } from "./requests.js";
export type { Problem } from "./types.js";
