import { awaiting, calling, CityTwinError } from "./errors.js";
import {
  GEOJSON_OPTIONS, GeoJsonMaker, type GeoJsonOptions, type GeoJsonReport, type GeoJsonSource, type GeoJsonStyle, parts,
} from "./geojson.js";
import { type Content, Marker, MarkerLayer, type MarkerOptions, type Place, type Popup } from "./markers.js";
import {
  anything, boolean, callable, check, checkOptions, json, list, number, oneOf, positive, record, signal as aSignal, text, url, urls,
} from "./options.js";
import { checkHeaders, Requests } from "./requests.js";
import type { PartialScene, Scene } from "./scene.js";
import type {
  Attribution, CityTwinEvents, CityTwinOptions, Diagnostics, Flight, Hit, Layer, ListenOptions, Padding, Problem, Raster,
  ScreenshotOptions, ShownLabel, Stats, Style, TilesetOptions, View,
} from "./types.js";
import { decodeWasmUrl, engineWasmUrl, startDecodeWorker, startStyleWorker } from "./workers.js";
import { inLocale, wordsIn } from "./words.js";
import loadEngine, { Handle } from "./wasm/citytwin.js";
import { Refusal } from "./wasm/requests.js";

type Listener = (data: unknown) => void;

const CREATE = {
  twin: url, tilesets: urls, view: record, maxErrorPx: positive, cacheBytes: number(0), locale: text,
  idleTimeoutMs: number(1), headers: record, transformRequest: callable, signal: aSignal,
};
const EVENTS = [
  "click", "hover", "view", "viewrest", "progress", "problem", "problemsolved", "contextlost", "contextrestored", "settled",
];
const THEMES = ["ground", "transport", "buildings", "furniture", "other"];

/** A city on a page. Made by {@link CityTwin.create}. */
export class CityTwin {
  /** What the city is drawn on. */
  readonly canvas: HTMLCanvasElement;
  readonly #root: HTMLElement;
  readonly #requests: Requests;
  #handle: Handle | undefined;
  #locale: string;
  #title: Readonly<Record<string, string>> = {};
  #layers: Layer[] = [];
  #labelsVisible: boolean | undefined;
  #markers: MarkerLayer | undefined;
  readonly #geoJson: GeoJsonMaker;
  /** Folders of layers that were made here, by the layers' ids; nothing while they are being made. */
  readonly #folders = new Map<string, string | undefined>();
  #attribution: Attribution[] = [];
  readonly #rasters = new Map<string, Raster>();
  readonly #listeners = new Map<string, Set<Listener>>();

  /**
   * Shows a twin, or tilesets without one, in an element, which it fills.
   *
   * Resolves when it is open and loading; {@link CityTwin.settled} tells when it is drawn.
   *
   * @param container the element, or a selector of it
   * @throws CityTwinError `container`, `option`, `engine`, `fetch`, `manifest`, `view`, `no-webgl2`, `graphics` or
   * `browser`; the signal's reason when it was aborted
   */
  static async create(container: HTMLElement | string, options: CityTwinOptions): Promise<CityTwin> {
    checkCreate(options);
    const { signal } = options;
    signal?.throwIfAborted();
    const element = typeof container === "string" ? document.querySelector(container) : container;
    if (!(element instanceof HTMLElement)) {
      throw new CityTwinError("container", `There is no element ${String(container)} to show the city in.`);
    }
    const urls = (options.tilesets ?? [options.twin!]).map((url) => new URL(url, document.baseURI));
    const requests = new Requests(options, urls[0]!.origin);
    const fetched = options.twin === undefined ? undefined : fetchManifest(urls[0]!, requests, options);
    const [manifest] = await Promise.all([fetched, engine()]);
    signal?.throwIfAborted();
    const twin = new CityTwin(element, options, requests);
    try {
      if (manifest) twin.#open(manifest, urls[0]!);
      else twin.#openTilesets(urls);
      if (options.view) twin.setView(options.view);
    } catch (error) {
      twin.remove();
      throw error;
    }
    return twin;
  }

  private constructor(container: HTMLElement, options: CityTwinOptions, requests: Requests) {
    this.#requests = requests;
    this.#geoJson = new GeoJsonMaker(requests);
    this.#locale = options.locale || document.documentElement.lang || navigator.language;
    this.#root = document.createElement("div");
    this.canvas = document.createElement("canvas");
    // Set one by one: a strict Content-Security-Policy forbids style attributes, not these.
    Object.assign(this.#root.style, { position: "relative", width: "100%", height: "100%", overflow: "clip" });
    Object.assign(this.canvas.style, { display: "block", width: "100%", height: "100%" });
    this.#root.append(this.canvas);
    container.append(this.#root);
    try {
      this.#handle = calling(() => new Handle(
        this.canvas,
        () => startDecodeWorker(requests), decodeWasmUrl(), startStyleWorker,
        { maxErrorPx: options.maxErrorPx, cacheBytes: options.cacheBytes, idleTimeoutMs: options.idleTimeoutMs },
        (event: { type: string; data?: unknown }) => this.#emit(event.type, event.data),
      ));
      this.setLocale(this.#locale);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  #open(manifest: Uint8Array, url: URL): void {
    calling(() => this.#engine().open(manifest, url.href));
    const twin = JSON.parse(new TextDecoder().decode(manifest)) as {
      title?: Record<string, string>; layers: Layer[]; labels?: string; rasters?: Raster[]; attribution?: Attribution[];
      terrain?: { attribution?: Attribution[] };
    };
    this.#title = twin.title ?? {};
    this.#layers = twin.layers.map(({ id, title, theme, visible }) => ({ id, title, theme, visible: visible ?? true }));
    this.#attribution = [...(twin.attribution ?? []), ...(twin.terrain?.attribution ?? [])];
    for (const raster of twin.rasters ?? []) this.#rasters.set(raster.id, raster);
    this.#labelsVisible = twin.labels === undefined ? undefined : true;
    this.#nameCanvas();
  }

  #openTilesets(urls: URL[]): void {
    const [first] = urls.map((url) => this.addTileset(url));
    calling(() => this.#engine().lookAtLayer(first!));
  }

  /** What people who do not see the canvas are told of it. */
  #nameCanvas(): void {
    const title = inLocale(this.#title, this.#locale);
    const words = wordsIn(this.#locale);
    const name = title === undefined ? words.map : words.mapOf(title);
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", name);
    this.canvas.textContent = name;
  }

  /** The twin's title by language tag; empty for tilesets without a twin. */
  get title(): Readonly<Record<string, string>> {
    return this.#title;
  }

  /** The language of names and of the few words that the package itself says, a BCP 47 tag. */
  get locale(): string {
    return this.#locale;
  }

  /** Changes the language: names are written in it where the twin has them, else in the city's own. */
  setLocale(locale: string): void {
    check("setLocale", locale, text);
    calling(() => this.#engine().setLabelLocale(locale));
    this.#locale = locale;
    this.#nameCanvas();
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
   * Flies to a view. The first touch stops the flight, and so does another view; with reduced motion it jumps.
   *
   * @returns a promise that resolves when the flight has ended, there or where it was stopped
   * @throws CityTwinError `view` or `option`; the signal's reason when it was aborted, which stops the flight
   */
  async flyTo({ durationMs, signal, ...view }: Flight): Promise<void> {
    checkOptions("flyTo", { durationMs, signal }, { durationMs: number(0), signal: aSignal });
    signal?.throwIfAborted();
    calling(() => this.#engine().flyTo(view, durationMs));
    const landed = this.#engine().landed() as Promise<void>;
    const stop = () => { this.#handle?.setView(this.#handle.view()); };
    await until(landed, signal, stop);
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
    const partial = json("setScene", parts, "scene");
    calling(() => this.#engine().setScene(partial));
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

  /**
   * Resolves when everything that the view needs is loaded and drawn.
   *
   * @throws the signal's reason when it was aborted
   */
  async settled({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    await until(this.#engine().settled() as Promise<void>, signal);
  }

  /**
   * The thing at a point, or null.
   *
   * @param x CSS pixels from the canvas's left edge
   * @param y CSS pixels from its top edge
   */
  async pick(x: number, y: number): Promise<Hit | null> {
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
    this.#layer(layer);
    const written = style === null || typeof style === "string" ? style : json("setStyle", style, "style");
    await awaiting(this.#engine().setStyle(layer, written ?? undefined));
  }

  /**
   * Marks features as a selection is marked, in every level of detail: tinted, with an outline that is seen through
   * walls. Replaces what was highlighted before; null ends it.
   *
   * @param ids the features' `id` properties
   */
  highlight(ids: readonly string[] | null): void {
    check("highlight", ids ?? [], list(text));
    calling(() => this.#engine().highlight([...(ids ?? [])]));
  }

  /**
   * Hides features in every level of detail: they are not drawn, not picked, and cast no shadow. Replaces what was
   * hidden before; null shows everything.
   *
   * @param ids the features' `id` properties
   */
  hide(ids: readonly string[] | null): void {
    check("hide", ids ?? [], list(text));
    calling(() => this.#engine().hide([...(ids ?? [])]));
  }

  /** What is drawn and held. */
  stats(): Stats {
    return calling(() => this.#engine().stats() as Stats);
  }

  /** What else is held, for those who look for leaks. */
  diagnostics(): Diagnostics {
    return calling(() => this.#engine().diagnostics() as Diagnostics);
  }

  /**
   * A picture of what is on the canvas now; {@link CityTwin.settled} tells when that is everything. Markers and popups
   * are elements of the page, and not in it.
   *
   * @throws CityTwinError `option`, or `graphics` when the canvas gives none, as while the context is lost
   */
  async screenshot(options: ScreenshotOptions = {}): Promise<Blob> {
    checkOptions("screenshot", options, { type: oneOf("image/png", "image/jpeg", "image/webp"), quality: number(0, 1) });
    calling(() => this.#engine().drawNow());
    const { type = "image/png", quality } = options;
    // Before this task ends: then the browser takes the pixels away.
    const blob = await new Promise<Blob | null>((resolve) => this.canvas.toBlob(resolve, type, quality));
    if (!blob || this.canvas.dataset.state === "lost") throw new CityTwinError("graphics", "The canvas gives no picture now.");
    return blob;
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

  /** The layers: the twin's, ground first, then those that were added. */
  get layers(): readonly Layer[] {
    return this.#layers;
  }

  /**
   * Switches a layer on or off.
   *
   * @throws CityTwinError `layer` when the twin has none of that id
   */
  setLayerVisible(id: string, visible: boolean): void {
    this.#layer(id);
    calling(() => this.#engine().setLayerVisible(id, visible));
    this.#layers = this.#layers.map((layer) => (layer.id === id ? { ...layer, visible } : layer));
  }

  /**
   * Shows a tileset as a layer.
   *
   * @param tileset URL of its `tileset.json`, absolute or relative to the page
   * @returns the layer's id
   * @throws CityTwinError `option`, or `layer` when there is one of that id already
   */
  addTileset(tileset: string | URL, options: TilesetOptions = {}): string {
    checkOptions("addTileset", options, { id: text, title: anything, theme: oneOf(...THEMES), visible: boolean });
    const { id = this.#freeId("tileset"), theme = "other", visible = true } = options;
    this.#mustBeFree(id);
    calling(() => this.#engine().addTileset(id, new URL(tileset, document.baseURI).href, theme, visible));
    this.#layers.push({ id, title: titles(options.title, id), theme, visible });
    return id;
  }

  /**
   * Shows GeoJSON as a layer that is drawn, picked, styled and highlighted as the twin's own. It is turned into tiles in
   * a worker. A feature that cannot be shown is left out and counted.
   *
   * ```js
   * await twin.addGeoJson("works", "roadworks.geojson", { color: "color('#d7301f')", widthM: 6 });
   * await twin.addGeoJson("plans", plans, { extrudeM: "${levels} * 3.2", color: "rgba(11, 87, 208, 0.6)" });
   * ```
   *
   * Features are highlighted and hidden by their property `id`, or else by their own `id`.
   *
   * @param id unique among layers
   * @returns a promise of what became of the features; it resolves when the layer is there
   * @throws CityTwinError `geojson` when this is not GeoJSON, cannot be fetched, or is too large; `style`, whose message
   * names the rule and the place in it; `layer` when there is one of that id; `option`; the signal's reason
   */
  async addGeoJson(
    id: string, data: GeoJsonSource, style: GeoJsonStyle = {}, options: GeoJsonOptions = {},
  ): Promise<GeoJsonReport> {
    checkOptions("addGeoJson", options, GEOJSON_OPTIONS);
    const { title, visible = true, signal } = options;
    signal?.throwIfAborted();
    const { shape, look } = parts(style);
    this.#engine();
    this.#mustBeFree(id);
    this.#folders.set(id, undefined);
    try {
      const { files, report } = await until(this.#geoJson.make(data, shape), signal);
      const engine = this.#engine();
      const folder = this.#requests.keep(files);
      this.#folders.set(id, folder);
      // Not shown, and so not loaded, before it can look as it shall.
      calling(() => engine.addTileset(id, `${folder}tileset.json`, "other", false));
      this.#layers.push({ id, title: titles(title, id), theme: "other", visible });
      if (look !== undefined) await this.setStyle(id, look);
      if (this.#layer(id).visible) calling(() => this.#engine().setLayerVisible(id, true));
      for (const problem of report.problems) this.#emit("problem", problem);
      return report;
    } catch (error) {
      if (this.#layers.some((layer) => layer.id === id) && this.#handle) this.removeLayer(id);
      this.#folders.delete(id);
      throw error;
    }
  }

  /**
   * Removes a layer, or a picture on the ground, and frees what it holds.
   *
   * @throws CityTwinError `layer` when there is none of that id
   */
  removeLayer(id: string): void {
    if (this.#rasters.has(id)) return this.removeRaster(id);
    this.#layer(id);
    calling(() => this.#engine().removeLayer(id));
    this.#layers = this.#layers.filter((layer) => layer.id !== id);
    const folder = this.#folders.get(id);
    if (folder !== undefined) this.#requests.forget(folder);
    this.#folders.delete(id);
  }

  /**
   * Puts markers on the map: elements of the page that keep to places of the world. They are hidden behind the horizon
   * and beside the canvas; those with a popup are buttons. Buildings do not hide them.
   *
   * @returns the markers, in the same order
   * @throws CityTwinError `option`; no marker is added then
   */
  addMarkers(...markers: readonly MarkerOptions[]): Marker[] {
    const layer = this.#markerLayer();
    const added: Marker[] = [];
    try {
      for (const options of markers) added.push(layer.add(options));
    } catch (error) {
      for (const marker of added) marker.remove();
      throw error;
    }
    return added;
  }

  /**
   * Opens a popup at a place, such as a {@link Hit}, in place of the one that is open.
   *
   * @param content a text, shown as it is, or an element
   * @param options `label`: its accessible name
   * @throws CityTwinError `option`
   */
  openPopup(place: Place, content: Content, options: { label?: string } = {}): Popup {
    checkOptions("openPopup", options, { label: text });
    const { lon, lat, heightM } = place;
    return this.#markerLayer().open({ lon, lat, heightM }, content, options.label);
  }

  #markerLayer(): MarkerLayer {
    const engine = this.#engine();
    if (!this.#markers) {
      const layer = new MarkerLayer(this.#root, (places) => engine.project(places), () => wordsIn(this.#locale));
      this.on("view", () => layer.update());
      this.#markers = layer;
    }
    return this.#markers;
  }

  #layer(id: string): Layer {
    const layer = this.#layers.find((layer) => layer.id === id);
    if (layer) return layer;
    const known = this.#layers.map((layer) => layer.id).join(", ") || "none";
    throw new CityTwinError("layer", `There is no layer "${id}"; there is ${known}.`);
  }

  #freeId(stem: string): string {
    for (let number = 1; ; number += 1) {
      const id = `${stem}-${number}`;
      if (!this.#layers.some((layer) => layer.id === id) && !this.#rasters.has(id)) return id;
    }
  }

  #mustBeFree(id: string): void {
    if (text(id) !== undefined) throw new CityTwinError("layer", "The id of a layer must be a string.");
    const taken = this.#layers.some((layer) => layer.id === id) || this.#rasters.has(id) || this.#folders.has(id);
    if (taken || id === "labels") {
      throw new CityTwinError("layer", `There is a layer "${id}" already.`);
    }
  }

  /**
   * Lays a picture over the ground, above those that are there. One of the same id is replaced.
   *
   * @throws CityTwinError `raster` when a key is unknown, a value out of range, or the template not to be understood
   */
  addRaster(raster: Raster): void {
    const written = json("addRaster", raster, "raster");
    if (this.#layers.some((layer) => layer.id === raster.id)) {
      throw new CityTwinError("raster", `The twin has a layer "${raster.id}" already.`);
    }
    calling(() => this.#engine().addRaster(written));
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

  /** The names that can be read on the map now, the most important first: for a screen reader, or a list beside it. */
  get shownLabels(): readonly ShownLabel[] {
    return calling(() => this.#engine().shownLabels() as ShownLabel[]);
  }

  /**
   * Listens to an event.
   *
   * @param options `signal`: ends it when it is aborted
   * @returns a function that ends it
   * @throws CityTwinError `option` when there is no such event
   */
  on<Type extends keyof CityTwinEvents>(
    type: Type, listener: (data: CityTwinEvents[Type]) => void, { signal }: ListenOptions = {},
  ): () => void {
    if (!EVENTS.includes(type)) {
      throw new CityTwinError("option", `There is no event "${String(type)}"; there are ${EVENTS.join(", ")}.`);
    }
    if (signal?.aborted) return () => {};
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener as Listener));
    this.#handle?.hear(type, true);
    const end = () => {
      listeners.delete(listener as Listener);
      if (listeners.size === 0) this.#handle?.hear(type, false);
      signal?.removeEventListener("abort", end);
    };
    signal?.addEventListener("abort", end);
    return end;
  }

  /** Takes the city off the page and gives all memory back. Every other call fails afterwards; this one may repeat. */
  remove(): void {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#listeners.clear();
    this.#markers?.end();
    this.#geoJson.end(new CityTwinError("removed", "This viewer has been removed."));
    handle?.remove();
    // Later, because a listener that the engine is calling right now may have called us.
    if (handle) setTimeout(() => handle.free());
    this.#root.remove();
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

/**
 * Makes sure that options are some, and belong together.
 *
 * @throws CityTwinError `option`
 */
function checkCreate(options: CityTwinOptions): void {
  const where = "CityTwin.create";
  checkOptions(where, options, CREATE);
  checkHeaders(where, options.headers);
  const { twin, tilesets, headers } = options;
  if ((twin === undefined) === (tilesets === undefined)) {
    throw new CityTwinError("option", `${where} takes either "twin" or "tilesets".`);
  }
  for (const url of tilesets ?? [twin!]) {
    if (!URL.canParse(url, document.baseURI)) throw new CityTwinError("option", `${where}: "${url}" is no URL.`);
  }
  const origins = new Set(tilesets?.map((url) => new URL(url, document.baseURI).origin));
  if (headers && origins.size > 1) {
    const words = `"headers" are for one origin, these tilesets are on ${[...origins].join(", ")}: use "transformRequest"`;
    throw new CityTwinError("option", `${where}: ${words}.`);
  }
}

/** A title as a text by language tag. */
function titles(title: TilesetOptions["title"], id: string): Record<string, string> {
  return typeof title === "object" ? { ...title } : { en: title ?? id };
}

/** What a promise says, unless a signal is aborted first; then `stop` is called. */
async function until<T>(promise: Promise<T>, signal: AbortSignal | undefined, stop = () => {}): Promise<T> {
  if (!signal) return promise;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => { stop(); reject(signal.reason); };
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function fetchManifest(url: URL, requests: Requests, options: CityTwinOptions): Promise<Uint8Array> {
  const { idleTimeoutMs = IDLE_TIMEOUT_MS, signal: given } = options;
  const failed = (what: string, cause?: unknown) =>
    new CityTwinError("fetch", `The twin's manifest could not be fetched: ${what} (${url.href})`, cause);
  // A manifest is a few kilobytes: all of it may take as long as other files may wait for their next byte.
  const late = AbortSignal.timeout(Math.max(1, idleTimeoutMs));
  const signal = given ? AbortSignal.any([late, given]) : late;
  const unreachable = (cause: unknown) => {
    if (given?.aborted) return given.reason as unknown;
    if (cause instanceof Refusal) return failed(cause.message, cause);
    return failed(late.aborted ? `the server sent nothing for ${idleTimeoutMs / 1000} s` : "the server cannot be reached", cause);
  };
  const response = await requests.fetch(url.href, { signal }).catch((cause: unknown) => {
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
  loading ??= loadEngine({ module_or_path: engineWasmUrl() }).catch((cause: unknown) => {
    loading = undefined;
    throw new CityTwinError("engine", "The engine's program could not be loaded.", cause);
  });
  return loading;
}
