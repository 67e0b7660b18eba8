/** Positioning, without the 3D view: the entry `citytwin/positioning`. */
export { CityTwinError, type CityTwinErrorCode } from "./errors.js";
export { Positioning, type PositioningOptions, type Replay, type ReplayOptions } from "./positioning.js";
export type { DeviceOptions, DeviceSource } from "./positioning-device.js";
export type { RequestOptions, TransformedRequest, TransformRequest } from "./requests.js";
export type * from "./positioning-types.js";
