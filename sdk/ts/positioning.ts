import { CityTwinError } from "./errors.js";
import { anything, callable, checkOptions, number, record } from "./options.js";
import { type DeviceOptions, type DeviceSource, startDevice } from "./positioning-device.js";
import type {
  Exposure, ExposureOptions, PositioningCounts, PositioningError, PositioningObservation, PositioningPosition,
  PositioningWatchOptions, TrackPoint, VenuePlan,
} from "./positioning-types.js";
import { checkHeaders, type RequestOptions, Requests } from "./requests.js";
import { Refusal } from "./wasm/requests.js";
import { startPositioningWorker } from "./workers.js";

/**
 * What {@link Positioning.open} takes. Its `headers` are for the origin of the first file that is fetched: of the venue,
 * or else the radio map.
 */
export interface PositioningOptions extends RequestOptions {
  /** The venue: URLs of its files (IMDF, IndoorGML, GeoJSON), or their names and texts. */
  venue?: (string | URL | { name: string; text: string })[];
  /** The radio map that `citytwin locate survey` made: its URL, or its bytes. */
  radioMap?: string | URL | Uint8Array;
  /** Same seed, same observations, same answers; 1 by default. */
  seed?: number;
}

/** How a recorded walk is replayed. */
export interface ReplayOptions {
  /** So many times as fast as it was recorded; 1 by default, at most 1000. */
  speed?: number;
  /** Hears how far it is, 0 to 1. */
  progress?(share: number): void;
}

/** A replay under way. */
export interface Replay {
  /** Resolves when all has been fed or it was stopped. */
  readonly done: Promise<void>;
  /** Ends it; may be called again. */
  stop(): void;
}

type Reported = Omit<PositioningPosition, "toJSON">;
interface Reply {
  events?: { watch: number; position?: Reported; error?: 1 | 2 | 3 }[];
  watch?: number;
  position?: Reported;
  trail?: Reported[];
  counts?: PositioningCounts;
  track?: TrackPoint[];
  exposure?: Exposure;
  plan?: VenuePlan;
  observations?: PositioningObservation[];
}
interface Watch {
  ok(position: PositioningPosition): void;
  fail?(error: PositioningError): void;
  /** The engine's number, once it is known. */
  engine?: number;
}

/** How often timeouts and lost tracks are looked for, milliseconds. */
const TICK_MS = 500;
/** The device's own samples are posted together, milliseconds. */
const BATCH_MS = 100;

const MESSAGES = {
  1: "The page or the visitor does not allow it.", 2: "Nothing tells where the visitor is.", 3: "No position came in time.",
};

/**
 * A visitor's position, indoors and out, from whatever the host observes. It runs in a worker of its own on the
 * visitor's device; nothing leaves it but what the page reads. Made by {@link Positioning.open}.
 */
export class Positioning {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(reply: Reply): void; reject(error: unknown): void }>();
  readonly #watches = new Map<number, Watch>();
  readonly #sources = new Set<{ stop(): void }>();
  readonly #ticker: ReturnType<typeof setInterval>;
  #lastCall = 0;
  #lastWatch = 0;
  #gone: CityTwinError | undefined;
  /** From the observations' clock to milliseconds since 1970. */
  #wallOffsetMs = Date.now() - performance.now();
  /** While a replay runs, its clock: the time of the newest observation. */
  #replayMs: number | undefined;

  /**
   * Starts an engine.
   *
   * @throws CityTwinError `positioning` when a file cannot be fetched, or is no venue or radio map; `option`
   */
  static async open(options: PositioningOptions = {}): Promise<Positioning> {
    checkOptions("Positioning.open", options,
      { venue: anything, radioMap: anything, seed: number(0), headers: record, transformRequest: callable });
    checkHeaders("Positioning.open", options.headers);
    const files = (options.venue ?? []).map((file) =>
      (typeof file === "object" && "text" in file ? file : new URL(file, document.baseURI)));
    const { radioMap } = options;
    const map = radioMap === undefined || radioMap instanceof Uint8Array ? radioMap ?? null : new URL(radioMap, document.baseURI);
    const first = [...files, map].find((file) => file instanceof URL);
    const requests = new Requests(options, first?.origin ?? location.origin);
    const [mapBytes, ...venue] = await Promise.all([
      map instanceof URL ? fetched(requests, map).then(async (response) => new Uint8Array(await response.arrayBuffer())) : map,
      ...files.map(async (file) =>
        (file instanceof URL ? [file.href, await (await fetched(requests, file)).text()] : [file.name, file.text])),
    ]);
    const [worker, wasmUrl] = startPositioningWorker();
    return new Promise((resolve, reject) => {
      const fail = (message: string) => {
        worker.terminate();
        reject(new CityTwinError("positioning", message));
      };
      worker.onerror = () => fail("The positioning worker could not be started.");
      worker.onmessage = ({ data }: MessageEvent<{ opened?: boolean; failed?: string }>) => {
        if (data.failed !== undefined) fail(`Positioning cannot start: ${data.failed}`);
        else if (data.opened) resolve(new Positioning(worker));
      };
      worker.postMessage({ open: { venue, radioMap: mapBytes, seed: options.seed ?? 1 }, wasmUrl });
    });
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<{ id: number; reply?: string; error?: string }>) => this.#hear(data);
    worker.onerror = () => this.#end(new CityTwinError("positioning", "The positioning worker has stopped."));
    this.#ticker = setInterval(() => void this.#call({ call: "tick", nowMs: this.#now() }).catch(() => {}), TICK_MS);
  }

  /**
   * Feeds observations, in JSON's form or in the binary one, in any order within the call. Resolves when watches have
   * been told. What became of them is in {@link Positioning.counts}.
   *
   * @throws CityTwinError `positioning` when they are not of the schema; none of them has counted then
   */
  async feed(observations: readonly PositioningObservation[] | PositioningObservation | Uint8Array): Promise<void> {
    if (observations instanceof Uint8Array) {
      await this.#post({ bytes: observations, wallOffsetMs: this.#wallOffsetMs });
      return;
    }
    const list = Array.isArray(observations) ? observations : [observations];
    await this.#call({ call: "feed", observations: list, wallOffsetMs: this.#wallOffsetMs });
  }

  /**
   * Observations in their binary form, read: for {@link Positioning.replay}.
   *
   * @throws CityTwinError `positioning` when they are none
   */
  async decode(bytes: Uint8Array): Promise<PositioningObservation[]> {
    return (await this.#post({ decode: bytes })).observations ?? [];
  }

  /**
   * As `navigator.geolocation.watchPosition`: calls `ok` with each new position, `fail` when there is none.
   *
   * @returns the watch's number, for {@link Positioning.clearWatch}
   */
  watchPosition(
    ok: (position: PositioningPosition) => void, fail?: (error: PositioningError) => void,
    options: PositioningWatchOptions = {},
  ): number {
    const id = ++this.#lastWatch;
    const watch: Watch = { ok, ...(fail ? { fail } : {}) };
    this.#watches.set(id, watch);
    const { timeout, maximumAge, enableHighAccuracy } = options;
    // Infinity is no JSON: left out, it is the engine's default.
    const finite = {
      enableHighAccuracy: enableHighAccuracy ?? false,
      ...(timeout !== undefined && Number.isFinite(timeout) ? { timeout: Math.max(timeout, 0) } : {}),
      maximumAge: Math.min(maximumAge ?? 0, Number.MAX_SAFE_INTEGER),
    };
    this.#call({ call: "watch", options: finite, nowMs: this.#now() }).then((reply) => {
      // Before the engine's first event for it: replies come in order.
      if (reply.watch !== undefined) watch.engine = reply.watch;
      if (!this.#watches.has(id)) void this.#call({ call: "clearWatch", watch: reply.watch }).catch(() => {});
      else if (reply.position) ok(this.#told(reply.position));
    }, () => fail?.(positionError(2)));
    return id;
  }

  /** Ends a watch; unknown numbers are left alone. */
  clearWatch(id: number): void {
    const engine = this.#watches.get(id)?.engine;
    this.#watches.delete(id);
    if (engine !== undefined) void this.#call({ call: "clearWatch", watch: engine }).catch(() => {});
  }

  /** As `navigator.geolocation.getCurrentPosition`: calls `ok` or `fail` once. */
  getCurrentPosition(
    ok: (position: PositioningPosition) => void, fail?: (error: PositioningError) => void,
    options: PositioningWatchOptions = {},
  ): void {
    const id = this.watchPosition((position) => { this.clearWatch(id); ok(position); },
      (error) => { this.clearWatch(id); fail?.(error); }, options);
  }

  /** Holds the floor of all answers, ground floor 0; null lets it go. */
  async lockFloor(floor: number | null): Promise<void> {
    await this.#call({ call: "lockFloor", floor });
  }

  /** Puts the visitor at a place: degrees, 95 % radius in metres (3 by default), and the floor when it is inside. */
  async setPosition(
    place: { longitude: number; latitude: number; accuracy?: number; floor?: number | null },
  ): Promise<void> {
    const { longitude, latitude, accuracy = 3, floor = null } = place;
    await this.#call({ call: "setPosition", nowMs: this.#now(), longitude, latitude, accuracy, floor });
  }

  /** The way so far, oldest first, one place a second: older ones know what came after them. */
  async trail(): Promise<PositioningPosition[]> {
    const { trail = [] } = await this.#call({ call: "trail" });
    return trail.filter((position) => position.coords).map((position) => this.#told(position));
  }

  /** What became of all observations. */
  async counts(): Promise<PositioningCounts> {
    return (await this.#call({ call: "counts" })).counts!;
  }

  /** The venue, to be drawn; null without one. */
  async plan(): Promise<VenuePlan | null> {
    return (await this.#call({ call: "plan" })).plan ?? null;
  }

  /** One's own track indoors: at most 14 days, and only of this page's life. It leaves the device only if the page sends it. */
  async track(): Promise<TrackPoint[]> {
    return (await this.#call({ call: "track" })).track ?? [];
  }

  /** Forgets the track from a time to another, milliseconds since 1970; all of it by default. */
  async deleteTrack(fromMs = -1e15, toMs = 1e15): Promise<void> {
    await this.#call({ call: "deleteTrack", fromMs, toMs });
  }

  /** Compares one's own track with another's, here on the device. Intervals, never a yes or no. */
  async exposure(track: readonly TrackPoint[], options: ExposureOptions = {}): Promise<Exposure> {
    const { ranges = [], ...how } = options;
    return (await this.#call({ call: "exposure", track, ranges, options: how })).exposure!;
  }

  /**
   * Uses the device's own satellites and motion sensors, as far as the page is allowed. To be called from a click:
   * some phones ask. A refusal of satellites reaches the watches as error 1.
   */
  async useDevice(options: DeviceOptions = {}): Promise<DeviceSource> {
    let batch: PositioningObservation[] = [];
    const flush = () => {
      const fed = batch;
      batch = [];
      if (fed.length) this.feed(fed).catch(() => {});
    };
    const timer = setInterval(flush, BATCH_MS);
    const source = await startDevice(options, (observation) => batch.push(observation), (code) => {
      if (code === 1) for (const watch of this.#watches.values()) watch.fail?.(positionError(1));
    });
    return this.#adopt({ ...source, stop: () => { clearInterval(timer); source.stop(); } });
  }

  /**
   * Replays recorded observations in their own time; the page's clock stands still for them. Their time must ascend.
   */
  replay(observations: readonly PositioningObservation[], options: ReplayOptions = {}): Replay {
    const speed = Math.min(Math.max(options.speed ?? 1, 1e-3), 1000);
    const first = observations[0]?.timeMs ?? 0;
    const length = Math.max((observations.at(-1)?.timeMs ?? 0) - first, 1);
    this.#wallOffsetMs = (observations[0]?.wallMs ?? Date.now()) - first;
    let stopped = false;
    const run = async () => {
      const start = performance.now();
      let next = 0;
      while (!stopped && next < observations.length) {
        const until = first + (performance.now() - start) * speed;
        const from = next;
        while (next < observations.length && observations[next]!.timeMs <= until) next++;
        if (next > from) {
          this.#replayMs = observations[next - 1]!.timeMs;
          try {
            await this.feed(observations.slice(from, next));
          } catch (error) {
            // Stopped in the middle is no failure.
            if (stopped) return;
            throw error;
          }
          options.progress?.(Math.min((this.#replayMs - first) / length, 1));
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    return this.#adopt({ done: run(), stop: () => { stopped = true; } });
  }

  /** Ends the worker and all sources, and forgets everything. This call may repeat. */
  close(): void {
    this.#end(new CityTwinError("removed", "This positioning has been closed."));
  }

  #adopt<S extends { stop(): void }>(source: S): S {
    this.#sources.add(source);
    if (this.#gone) source.stop();
    return source;
  }

  #now(): number {
    return this.#replayMs ?? performance.now();
  }

  #call(call: object): Promise<Reply> {
    return this.#post({ call: JSON.stringify(call) });
  }

  #post(message: object): Promise<Reply> {
    if (this.#gone) return Promise.reject(this.#gone);
    const id = ++this.#lastCall;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...message });
    });
  }

  #hear({ id, reply, error }: { id: number; reply?: string; error?: string }): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (reply === undefined) {
      waiting?.reject(new CityTwinError("positioning", `Positioning was told what it does not understand: ${error}`));
      return;
    }
    const told = JSON.parse(reply) as Reply;
    for (const { watch: engine, position, error } of told.events ?? []) {
      const watch = [...this.#watches.values()].find((watch) => watch.engine === engine);
      if (position?.coords) watch?.ok(this.#told(position));
      else if (error) watch?.fail?.(positionError(error));
    }
    waiting?.resolve(told);
  }

  #told(reported: Reported): PositioningPosition {
    const position = { ...reported, timestamp: reported.timestamp + this.#wallOffsetMs };
    return { ...position, toJSON: () => position };
  }

  #end(error: CityTwinError): void {
    if (this.#gone) return;
    this.#gone = error;
    clearInterval(this.#ticker);
    for (const source of this.#sources) source.stop();
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#watches.clear();
  }
}

async function fetched(requests: Requests, url: URL): Promise<Response> {
  const failed = (what: string, cause?: unknown) =>
    new CityTwinError("positioning", `${url.href} cannot be fetched: ${what}.`, cause);
  const response = await requests.fetch(url.href).catch((cause: unknown) => {
    throw failed(cause instanceof Refusal ? cause.message : "the server cannot be reached", cause);
  });
  if (!response.ok) throw failed(`status ${response.status}`);
  return response;
}

function positionError(code: 1 | 2 | 3): PositioningError {
  return { code, message: MESSAGES[code], PERMISSION_DENIED: 1, POSITION_UNAVAILABLE: 2, TIMEOUT: 3 };
}
