import { CityTwinError } from "./errors.js";
import { anything, boolean, checkOptions, number, signal as aSignal, text } from "./options.js";
import type { Requests } from "./requests.js";
import type { Problem, Style, StyleRule } from "./types.js";
import { startGeoJsonWorker } from "./workers.js";

/**
 * Where GeoJSON (RFC 7946) comes from: a URL, absolute or relative to the page; bytes, a `Blob` or `File`, or a stream of
 * bytes; or the document as an object. It is fetched and read in a worker; an object must be copied there first, which
 * the page's thread waits for: large data is better given as a URL or bytes. Bytes and streams are the worker's from
 * then on.
 */
export type GeoJsonSource = string | URL | Uint8Array<ArrayBuffer> | ArrayBuffer | Blob | ReadableStream<Uint8Array> | object;

/**
 * What features of a GeoJSON layer look like: a {@link Style}, and what they are made into. Rules of sizes are numbers,
 * expressions over the features' properties (`"${levels} * 3"`), or conditions, as those of colours; a feature for which
 * a rule has no value has the default, and is told as a `problem`.
 */
export interface GeoJsonStyle extends Style {
  /** How high features stand up, metres, 0 to 10,000; default 0: flat. Not of points without `radiusM`, which it lifts. */
  extrudeM?: StyleRule;
  /**
   * Where they stand, metres above the ellipsoid, −8,192 to 10,000. Default: the heights of their coordinates, or flat on
   * the ground, under buildings, where they have none.
   */
  baseM?: StyleRule;
  /** Width of lines, metres, 0.01 to 10,000; default 4. */
  widthM?: StyleRule;
  /** Radius of points, which become discs, metres, 0.01 to 10,000. Default: none, points are some pixels wide. */
  radiusM?: StyleRule;
  /** Width of points without a radius for which `pointSize` says nothing, CSS pixels, 1 to 127; default 10. */
  pointPx?: number;
}

/** How a GeoJSON layer is shown. */
export interface GeoJsonOptions {
  /** Its name, or its names by language tag. Default: its id. */
  title?: string | Readonly<Record<string, string>>;
  /** Whether it is shown at first. Default true. */
  visible?: boolean;
  /** Gives it up: it then rejects with the signal's reason, and no layer is added. */
  signal?: AbortSignal;
}

/** What became of the features. */
export interface GeoJsonReport {
  /** Features that are shown. */
  shown: number;
  /** Features that are left out. */
  leftOut: number;
  /** What was wrong: each kind once, with the number of features. */
  problems: Problem[];
  /** West, south, east and north edge of what is shown, degrees; null when nothing is. */
  bbox: [west: number, south: number, east: number, north: number] | null;
}

/** @internal */
export const GEOJSON_OPTIONS = { title: anything, visible: boolean, signal: aSignal };
const SHAPE = ["extrudeM", "baseM", "widthM", "radiusM", "pointPx"] as const;
const LOOK = ["show", "color", "pointSize"] as const;
const STYLE = {
  ...Object.fromEntries([...SHAPE, ...LOOK, "defines", "meta"].map((key) => [key, anything])),
  pointPx: number(1, 127),
};

/** The shape of features, and the style that is left; both JSON. No style where it says nothing. @internal */
export function parts(style: GeoJsonStyle): { shape: string; look: string | undefined } {
  checkOptions("addGeoJson: style", style, STYLE);
  const { extrudeM, baseM, widthM, radiusM, pointPx, ...look } = style;
  const shape = JSON.stringify({ extrudeM, baseM, widthM, radiusM, pointPx, defines: style.defines });
  const says = LOOK.some((key) => style[key] !== undefined);
  return { shape, look: says ? JSON.stringify(look) : undefined };
}

/** The files of a tileset. @internal */
export interface MadeTileset {
  files: [path: string, bytes: Uint8Array<ArrayBuffer>][];
  report: GeoJsonReport;
}
interface Reply {
  id: number;
  report?: string;
  files?: MadeTileset["files"];
  problem?: Problem;
}

/** Turns documents into tilesets, in a worker that starts with the first of them. @internal */
export class GeoJsonMaker {
  readonly #requests: Requests;
  readonly #waiting = new Map<number, { resolve(made: MadeTileset): void; reject(error: unknown): void }>();
  #worker: Worker | undefined;
  #lastId = 0;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** @throws CityTwinError `geojson`, `style`, `option` */
  make(source: GeoJsonSource, shape: string): Promise<MadeTileset> {
    const id = ++this.#lastId;
    const { message, transfer } = messageOf(source);
    this.#worker ??= this.#start();
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      try {
        worker.postMessage({ id, shape, ...message }, transfer);
      } catch (cause) {
        this.#waiting.delete(id);
        reject(new CityTwinError("geojson", "The data cannot be handed to the worker.", cause));
      }
    });
  }

  #start(): Worker {
    const worker = startGeoJsonWorker(this.#requests);
    worker.onmessage = ({ data }: MessageEvent<Reply>) => this.#hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#worker = undefined;
      this.end(new CityTwinError("geojson", `The worker that reads GeoJSON has stopped: ${event.message ?? "it cannot be loaded"}.`));
      worker.terminate();
    };
    return worker;
  }

  #hear({ id, report, files, problem }: Reply): void {
    const waiter = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (files && report !== undefined) {
      waiter?.resolve({ files, report: JSON.parse(report) as GeoJsonReport });
    } else if (problem) {
      const { code, message, place } = problem;
      const own = code.startsWith("style") ? "style" : "geojson";
      waiter?.reject(new CityTwinError(own, `The data cannot be shown: ${message} (${place})`, problem));
    }
  }

  /** Ends the worker; whoever waits hears why. */
  end(error: CityTwinError): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function messageOf(source: GeoJsonSource): { message: object; transfer: Transferable[] } {
  if (text(source) === undefined || source instanceof URL) {
    const url = String(source);
    if (!URL.canParse(url, document.baseURI)) throw new CityTwinError("option", `addGeoJson: "${url.slice(0, 80)}" is no URL.`);
    return { message: { url: new URL(url, document.baseURI).href }, transfer: [] };
  }
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
    // A view of a part of a buffer is copied: the rest is not ours to take away.
    const whole = source.byteLength === (source instanceof ArrayBuffer ? source : source.buffer).byteLength;
    const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : whole ? source : source.slice();
    return { message: { bytes }, transfer: [bytes.buffer] };
  }
  if (source instanceof Blob) return { message: { blob: source }, transfer: [] };
  if (source instanceof ReadableStream) return { message: { stream: source }, transfer: [source as unknown as Transferable] };
  if (typeof source === "object" && source !== null) return { message: { value: source }, transfer: [] };
  throw new CityTwinError("option", "addGeoJson takes a URL, bytes, a Blob, a stream or an object.");
}
