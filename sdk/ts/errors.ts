/**
 * Tells failures apart.
 *
 * - `option`: an option is not known, missing, or has a value that it cannot have; the message lists what is known.
 * - `container`: there is no such element, or it is not in the page.
 * - `no-webgl2`: this browser cannot draw in 3D: too old, switched off, or too many pages hold a context.
 * - `graphics`: the graphics driver refused to start.
 * - `browser`: a browser interface is missing or failed.
 * - `engine`: the engine's program could not be loaded.
 * - `fetch`: the manifest could not be fetched.
 * - `manifest`: what was fetched is not a `twin.json` that this version reads.
 * - `view`: a number of a view is missing or out of range.
 * - `padding`: a side of a padding is negative or not finite.
 * - `raster`: a raster has a key or id that is not known, a value out of range, or a URL template not to be understood.
 * - `scene`: a scene has a key that is not known, or a value of another type or out of range.
 * - `style`: a style is not one; the message names the expression and the place in it.
 * - `layer`: there is no layer of that id, or one too many.
 * - `geojson`: GeoJSON cannot be fetched or read, or its worker has broken down.
 * - `positioning`: a venue, a radio map or observations cannot be fetched or read, or their worker has broken down.
 * - `search`: the search index cannot be fetched or read, or its worker has broken down.
 * - `removed`: the viewer has been removed, or the search or positioning closed.
 */
export type CityTwinErrorCode =
  | "option"
  | "container"
  | "no-webgl2"
  | "graphics"
  | "browser"
  | "engine"
  | "fetch"
  | "manifest"
  | "view"
  | "padding"
  | "raster"
  | "scene"
  | "style"
  | "layer"
  | "positioning"
  | "geojson"
  | "search"
  | "removed";

/** What every failing call throws or rejects with. */
export class CityTwinError extends Error {
  override readonly name = "CityTwinError";
  /** For programs. */
  readonly code: CityTwinErrorCode;

  /** `message` is for people; `cause` is what lies behind, where something does. */
  constructor(code: CityTwinErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Calls the engine; what it throws carries a code already. @internal */
export function calling<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw told(cause);
  }
}

/** As {@link calling}, for what the engine promises. @internal */
export async function awaiting<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (cause) {
    throw told(cause);
  }
}

function told(cause: unknown): CityTwinError {
  const code = (cause as { code?: unknown }).code;
  const known = typeof code === "string" ? (code as CityTwinErrorCode) : "browser";
  return new CityTwinError(known, (cause as Error).message ?? String(cause), cause);
}
