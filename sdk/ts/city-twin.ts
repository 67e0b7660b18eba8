import { awaiting, calling, CityTwinError } from "./errors.js";
import type { PartialScene, Scene } from "./scene.js";
import type {
  Attribution, CityTwinEvents, CityTwinOptions, Hit, Layer, Padding, Problem, Raster, ShownLabel, Stats, Style, View,
} from "./types.js";
import loadEngine, { Handle } from "./wasm/citytwin.js";

type Listener = (data: unknown) => void;

/** A city on a page. Made by {@link CityTwin.create}. */
export class CityTwin {
  /** What the city is drawn on. */
  readonly canvas: HTMLCanvasElement;
  #handle: Handle | undefined;
  #layers: Layer[] = [];
  #labelsVisible: boolean | undefined;
  #attribution: Attribution[] = [];
  readonly #rasters = new Map<string, Raster>();
  readonly #listeners = new Map<string, Set<Listener>>();

  /**
   * Shows a twin in an element, which it fills.
   *
   * Resolves when the twin is open and loading; {@link CityTwin.settled} tells when it is drawn.
   *
   * @param container the element, or a selector of it
   * @throws CityTwinError `container`, `engine`, `fetch`, `manifest`, `no-webgl2`, `graphics` or `browser`
   */
  static async create(container: HTMLElement | string, options: CityTwinOptions): Promise<CityTwin> {
    const element = typeof container === "string" ? document.querySelector(container) : container;
    if (!(element instanceof HTMLElement)) {
      throw new CityTwinError("container", `There is no element ${String(container)} to show the city in.`);
    }
    const url = new URL(options.twin, document.baseURI);
    const [manifest] = await Promise.all([fetchManifest(url, options.idleTimeoutMs), engine()]);
    const twin = new CityTwin(element, options);
    try {
      twin.#open(manifest, url, options.locale);
    } catch (error) {
      twin.remove();
      throw error;
    }
    return twin;
  }

  private constructor(container: HTMLElement, options: CityTwinOptions) {
    this.canvas = document.createElement("canvas");
    // Set one by one: a strict Content-Security-Policy forbids style attributes, not these.
    this.canvas.style.display = "block";
    this.canvas.style.width = "100%";
    this.canvas.style.height = "100%";
    container.append(this.canvas);
    try {
      const worker = new URL("./wasm/worker.js", import.meta.url).href;
      const emit = (event: { type: string; data?: unknown }) => this.#emit(event.type, event.data);
      const { maxErrorPx, cacheBytes, idleTimeoutMs } = options;
      this.#handle = calling(() => new Handle(this.canvas, worker, maxErrorPx, cacheBytes, idleTimeoutMs, emit));
    } catch (error) {
      this.canvas.remove();
      throw error;
    }
  }

  #open(manifest: Uint8Array, url: URL, locale?: string): void {
    this.setLabelLocale(locale || document.documentElement.lang || navigator.language);
    calling(() => this.#engine().open(manifest, url.href));
    const twin = JSON.parse(new TextDecoder().decode(manifest)) as {
      layers: Layer[]; labels?: string; rasters?: Raster[]; attribution?: Attribution[];
    };
    this.#layers = twin.layers.map(({ id, title, theme, visible }) => ({ id, title, theme, visible: visible ?? true }));
    this.#attribution = twin.attribution ?? [];
    for (const raster of twin.rasters ?? []) this.#rasters.set(raster.id, raster);
    this.#labelsVisible = twin.labels === undefined ? undefined : true;
  }

  /** The view. */
  get view(): Required<View> {
    return calling(() => this.#engine().view() as Required<View>);
  }

  /**
   * Jumps to a view.
   *
   * @throws CityTwinError `view`
   */
  setView(view: View): void {
    calling(() => this.#engine().setView(view));
  }

  /**
   * Flies to a view; the first touch stops the flight.
   *
   * @param options `durationMs`: how long; by distance unless given
   * @throws CityTwinError `view`
   */
  flyTo(view: View, options: { durationMs?: number } = {}): void {
    calling(() => this.#engine().flyTo(view, options.durationMs));
  }

  /** How the city is drawn. */
  get scene(): Scene {
    return calling(() => this.#engine().scene() as Scene);
  }

  /**
   * Changes parts of how the city is drawn; what is not named stays as it is.
   *
   * @throws CityTwinError `scene` when a key is unknown or a value out of range; the scene then stays as it was
   */
  setScene(parts: PartialScene): void {
    calling(() => this.#engine().setScene(JSON.stringify(parts)));
  }

  /**
   * Says what covers the borders of the canvas. From then on, flights bring their target into the middle of the rest,
   * and buttons and keys zoom and turn around it; at least a fifth of the canvas counts as free. What is not named is 0.
   *
   * @throws CityTwinError `padding` when a number is negative or not finite
   */
  setPadding(padding: Padding): void {
    calling(() => this.#engine().setPadding(padding));
  }

  /** Resolves when everything that the view needs is loaded and drawn. */
  settled(): Promise<void> {
    return this.#engine().settled() as Promise<void>;
  }

  /**
   * The thing at a point, or null.
   *
   * @param x CSS pixels from the canvas's left edge
   * @param y CSS pixels from its top edge
   */
  pick(x: number, y: number): Promise<Hit | null> {
    return this.#engine().pick(x, y) as Promise<Hit | null>;
  }

  /**
   * Styles a layer, by an object or by its JSON text; null shows it as it is. Until the style can be seen everywhere,
   * nothing changes; tiles that load later are styled before they are seen. A feature for which an expression has no
   * value keeps its look, and is told as a `problem`.
   *
   * ```js
   * await twin.setStyle("buildings", {
   *   color: { conditions: [["${height_m} >= 20", "color('#d7301f')"], ["true", "color('#fee8c8')"]] },
   *   show: "${height_m} > 3",
   * });
   * ```
   *
   * @returns a promise that resolves when the style is on the screen
   * @throws CityTwinError `style`, whose message names the expression and the place in it, or `layer`
   */
  async setStyle(layer: string, style: Style | string | null): Promise<void> {
    const json = style === null || typeof style === "string" ? style : JSON.stringify(style);
    await awaiting(this.#engine().setStyle(layer, json ?? undefined));
  }

  /**
   * Marks features as a selection is marked, in every level of detail: tinted, with an outline that is seen through
   * walls. Replaces what was highlighted before; null ends it.
   *
   * @param ids the features' `id` properties
   */
  highlight(ids: readonly string[] | null): void {
    calling(() => this.#engine().highlight([...(ids ?? [])]));
  }

  /**
   * Hides features in every level of detail: they are not drawn, not picked, and cast no shadow. Replaces what was
   * hidden before; null shows everything.
   *
   * @param ids the features' `id` properties
   */
  hide(ids: readonly string[] | null): void {
    calling(() => this.#engine().hide([...(ids ?? [])]));
  }

  /** What is drawn and held. */
  get stats(): Stats {
    return calling(() => this.#engine().stats() as Stats);
  }

  /** The problems that stand: told by the event `problem`, and not yet solved. */
  get problems(): readonly Problem[] {
    return calling(() => this.#engine().problems() as Problem[]);
  }

  /**
   * Asks again for everything that could not be loaded. It is done without asking when the network comes back, and now
   * and then for what a stumbling server kept from it.
   *
   * @returns how many files are asked for
   */
  retry(): number {
    return calling(() => this.#engine().retry());
  }

  /** The twin's layers, ground first. */
  get layers(): readonly Layer[] {
    return this.#layers;
  }

  /**
   * Switches a layer on or off.
   *
   * @throws CityTwinError `layer` when the twin has none of that id
   */
  setLayerVisible(id: string, visible: boolean): void {
    if (!this.#layers.some((layer) => layer.id === id)) {
      const known = this.#layers.map((layer) => layer.id).join(", ");
      throw new CityTwinError("layer", `The twin has no layer "${id}"; it has ${known}.`);
    }
    calling(() => this.#engine().setLayerVisible(id, visible));
    this.#layers = this.#layers.map((layer) => (layer.id === id ? { ...layer, visible } : layer));
  }

  /**
   * Lays a picture over the ground, above those that are there. One of the same id is replaced.
   *
   * @throws CityTwinError `raster` when a key is unknown, a value out of range, or the template not to be understood
   */
  addRaster(raster: Raster): void {
    if (this.#layers.some((layer) => layer.id === raster.id)) {
      throw new CityTwinError("raster", `The twin has a layer "${raster.id}" already.`);
    }
    calling(() => this.#engine().addRaster(JSON.stringify(raster)));
    this.#rasters.delete(raster.id);
    this.#rasters.set(raster.id, { ...raster });
  }

  /** The pictures on the ground, the lowest first. */
  get rasters(): readonly Raster[] {
    return [...this.#rasters.values()];
  }

  /** Shows or hides a picture on the ground. */
  setRasterVisible(id: string, visible: boolean): void {
    this.#rasters.set(id, { ...this.#raster(id), visible });
    calling(() => this.#engine().setLayerVisible(id, visible));
  }

  /** How much of the ground a picture hides, 0 to 1. */
  setRasterOpacity(id: string, opacity: number): void {
    this.#rasters.set(id, { ...this.#raster(id), opacity });
    calling(() => this.#engine().setRasterOpacity(id, opacity));
  }

  /** Takes a picture off the ground. */
  removeRaster(id: string): void {
    this.#raster(id);
    this.#rasters.delete(id);
    calling(() => this.#engine().removeRaster(id));
  }

  #raster(id: string): Raster {
    const raster = this.#rasters.get(id);
    if (raster) return raster;
    const known = [...this.#rasters.keys()].join(", ") || "none";
    throw new CityTwinError("raster", `There is no raster "${id}"; there is ${known}.`);
  }

  /** Whom the map must name now: the twin's sources, and those of the pictures that are shown. */
  get attribution(): readonly Attribution[] {
    const shown = this.rasters.filter((raster) => raster.visible ?? true);
    return [...this.#attribution, ...shown.flatMap((raster) => raster.attribution ?? [])];
  }

  /** Whether names are shown on the map; undefined for a twin that publishes none. */
  get labelsVisible(): boolean | undefined {
    return this.#labelsVisible;
  }

  /** Shows or hides the names on the map. Nothing happens with a twin that publishes none. */
  setLabelsVisible(visible: boolean): void {
    if (this.#labelsVisible === undefined) return;
    calling(() => this.#engine().setLayerVisible("labels", visible));
    this.#labelsVisible = visible;
  }

  /**
   * Writes names in a language where the twin has them, else in the city's own.
   *
   * @param locale a BCP 47 tag (`zh-CN`)
   */
  setLabelLocale(locale: string): void {
    calling(() => this.#engine().setLabelLocale(locale));
  }

  /** The names that can be read on the map now, the most important first: for a screen reader, or a list beside it. */
  get shownLabels(): readonly ShownLabel[] {
    return calling(() => this.#engine().shownLabels() as ShownLabel[]);
  }

  /**
   * Listens to an event.
   *
   * @returns a function that ends it
   */
  on<Type extends keyof CityTwinEvents>(type: Type, listener: (data: CityTwinEvents[Type]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener as Listener));
    this.#handle?.hear(type, true);
    return () => {
      listeners.delete(listener as Listener);
      if (listeners.size === 0) this.#handle?.hear(type, false);
    };
  }

  /** Takes the city off the page and gives all memory back. Every other call fails afterwards; this one may repeat. */
  remove(): void {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#listeners.clear();
    handle?.remove();
    // Later, because a listener that the engine is calling right now may have called us.
    if (handle) setTimeout(() => handle.free());
    this.canvas.remove();
    // Browsers give a page few contexts, and take one back only when the garbage collector finds it.
    if (handle) this.canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }

  #engine(): Handle {
    if (!this.#handle) throw new CityTwinError("removed", "This viewer has been removed.");
    return this.#handle;
  }

  #emit(type: string, data: unknown): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(data);
      } catch (error) {
        // The host's error goes where its errors go; the other listeners still hear the event.
        reportError(error);
      }
    }
  }
}

/** The wait for a byte of the manifest, unless told otherwise; milliseconds. */
const IDLE_TIMEOUT_MS = 20_000;

async function fetchManifest(url: URL, idleTimeoutMs = IDLE_TIMEOUT_MS): Promise<Uint8Array> {
  const failed = (what: string, cause?: unknown) =>
    new CityTwinError("fetch", `The twin's manifest could not be fetched: ${what} (${url.href})`, cause);
  // A manifest is a few kilobytes: all of it may take as long as other files may wait for their next byte.
  const signal = AbortSignal.timeout(Math.max(1, idleTimeoutMs));
  const unreachable = (cause: unknown) =>
    failed(signal.aborted ? `the server sent nothing for ${idleTimeoutMs / 1000} s` : "the server cannot be reached", cause);
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    throw unreachable(cause);
  });
  if (!response.ok) throw failed(`the server answered ${response.status}`);
  const bytes = await response.arrayBuffer().catch((cause: unknown) => {
    throw unreachable(cause);
  });
  return new Uint8Array(bytes);
}

let loading: Promise<unknown> | undefined;

/** Loads the engine once for the page; a later call tries again after a failure. */
function engine(): Promise<unknown> {
  loading ??= loadEngine().catch((cause: unknown) => {
    loading = undefined;
    throw new CityTwinError("engine", "The engine's program could not be loaded.", cause);
  });
  return loading;
}
