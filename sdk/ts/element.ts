/** The custom element `<city-twin>`: the entry `citytwin/element`. Importing it registers the element. */
import { CityTwin } from "./city-twin.js";
import { CityTwinError } from "./errors.js";
import type { TransformRequest } from "./requests.js";
import { adopt, sheet } from "./sheets.js";
import type { Attribution, CityTwinEvents, CityTwinOptions, View } from "./types.js";
import { inLocale, wordsIn } from "./words.js";

export { CityTwin } from "./city-twin.js";
export { CityTwinError, type CityTwinErrorCode } from "./errors.js";

/** What listeners of the element get as the `detail` of its `CustomEvent`s. */
export type CityTwinElementEvents = {
  /** The twin is open and loading. */
  "twin-ready": CityTwin;
  /** It could not be opened. */
  "twin-error": unknown;
} & { [Type in keyof CityTwinEvents as `twin-${Type}`]: CityTwinEvents[Type] };

const STYLE = sheet(`
:host {
  display: block; position: relative; block-size: 24rem; contain: content;
  color: var(--citytwin-color, #1c2733); background: var(--citytwin-background, #dfe6ea);
  font: var(--citytwin-font, 0.875rem/1.4 system-ui, sans-serif);
}
:host([hidden]) { display: none; }
[part="map"], [part="overlay"] { position: absolute; inset: 0; }
[part="overlay"] { pointer-events: none; }
::slotted(*) { pointer-events: auto; }
canvas:focus-visible { outline: var(--citytwin-focus, 2px solid #0b57d0); outline-offset: -2px; }
[part="status"], [part="error"] { position: absolute; inset: auto 0 50%; padding: 0 1rem; text-align: center; pointer-events: none; }
[part="attribution"] {
  position: absolute; inset: auto 0 0 auto; max-inline-size: 100%; padding: 0.1rem 0.4rem;
  color: var(--citytwin-color, #1c2733); background: var(--citytwin-panel, rgb(255 255 255 / 0.75)); font-size: 0.75rem;
}
[part="attribution"] a { color: inherit; }
.unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none; }
`);

/** So many of the names on the map are told to those who do not see it. */
const MOST_NAMES = 20;
/** Attributes after whose change the city is opened anew. */
const OPENING = ["src", "tilesets", "max-error-px", "cache-bytes"];

// Where there is no page (on a server) importing must not fail; the element is not registered there.
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/**
 * `<city-twin src="twin/twin.json" view="24.94, 60.17, 900" locale="en">`: a city as an element.
 *
 * - `src`: URL of a `twin.json`. `tilesets`: URLs of `tileset.json` files, by spaces, instead.
 * - `view`: longitude, latitude, distance (metres), pitch (degrees, default −45), heading (default 0) and height of what
 *   is looked at (metres, default 0), by commas. Changing it jumps there.
 * - `locale`: a BCP 47 tag. Default: the `lang` of the page.
 * - `label`: the accessible name. Default: the twin's title.
 * - `max-error-px`, `cache-bytes`: as `maxErrorPx` and `cacheBytes` of `CityTwinOptions`.
 *
 * Each attribute has a property: `src`, `tilesets`, `view`, `locale`, `label`, `maxErrorPx`, `cacheBytes`. Headers and
 * `transformRequest` are properties alone.
 *
 * Slots: the default one lies over the map; `loading` and `error` stand in for the words; `alternative` describes the
 * city to those who do not see it. Parts: `map`, `overlay`, `status`, `error`, `attribution`, and `marker`, `popup` and
 * `popup-close` of markers. Custom properties: `--citytwin-color`, `--citytwin-background`, `--citytwin-panel`,
 * `--citytwin-accent`, `--citytwin-font`, `--citytwin-focus`.
 *
 * Events are those of {@link CityTwin.on} with `twin-` before their names, as `CustomEvent`s that do not bubble, and
 * `twin-ready` and `twin-error`.
 */
export class CityTwinElement extends Base {
  /** Attributes that are heeded. */
  static readonly observedAttributes = [...OPENING, "view", "locale", "label"];

  /** As `CityTwinOptions.headers`; set before the element is in the page. */
  headers: Record<string, string> | undefined;
  /** As `CityTwinOptions.transformRequest`; set before the element is in the page. */
  transformRequest: TransformRequest | undefined;
  readonly #parts: Record<"map" | "status" | "error" | "attribution" | "names", HTMLElement>;
  readonly #internals: ElementInternals;
  readonly #wanted = new Set<string>();
  #twin: CityTwin | null = null;
  /** Gives the opening up that is under way. */
  #opening: AbortController | undefined;
  #scheduled = false;

  constructor() {
    super();
    this.#internals = this.attachInternals();
    this.#internals.role = "region";
    const shadow = this.attachShadow({ mode: "open", delegatesFocus: true });
    shadow.adoptedStyleSheets = [STYLE()];
    const part = (tag: string, name: string, attributes: Record<string, string> = {}) => {
      const element = document.createElement(tag);
      element.setAttribute("part", name);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      shadow.append(element);
      return element;
    };
    const slot = (name: string) => {
      const element = document.createElement("slot");
      if (name) element.name = name;
      return element;
    };
    const map = part("div", "map");
    const status = part("div", "status", { role: "status" });
    const error = part("div", "error", { role: "alert", hidden: "" });
    status.append(slot("loading"));
    error.append(slot("error"));
    const attribution = part("div", "attribution", { hidden: "" });
    const names = part("ul", "names", { class: "unseen" });
    const alternative = part("div", "alternative", { class: "unseen", id: "alternative" });
    alternative.append(slot("alternative"));
    part("div", "overlay").append(slot(""));
    this.#parts = { map, status, error, attribution, names };
  }

  /** The city, once `twin-ready` was told; null before, and after the element has left the page. */
  get twin(): CityTwin | null {
    return this.#twin;
  }

  /** The attribute of the same name; as the others below. */
  get src(): string {
    return this.getAttribute("src") ?? "";
  }
  set src(value: string) {
    this.setAttribute("src", value);
  }
  get tilesets(): string {
    return this.getAttribute("tilesets") ?? "";
  }
  set tilesets(value: string) {
    this.setAttribute("tilesets", value);
  }
  get view(): string {
    return this.getAttribute("view") ?? "";
  }
  set view(value: string) {
    this.setAttribute("view", value);
  }
  get locale(): string {
    return this.getAttribute("locale") ?? "";
  }
  set locale(value: string) {
    this.setAttribute("locale", value);
  }
  get label(): string {
    return this.getAttribute("label") ?? "";
  }
  set label(value: string) {
    this.setAttribute("label", value);
  }
  get maxErrorPx(): number {
    return numberOr(this.getAttribute("max-error-px"), 16);
  }
  set maxErrorPx(value: number) {
    this.setAttribute("max-error-px", String(value));
  }
  get cacheBytes(): number {
    return numberOr(this.getAttribute("cache-bytes"), 512 * 2 ** 20);
  }
  set cacheBytes(value: number) {
    this.setAttribute("cache-bytes", String(value));
  }

  /** Called by the browser. */
  connectedCallback(): void {
    this.#schedule();
  }

  /** Called by the browser. An element that is only moved keeps its city. */
  disconnectedCallback(): void {
    this.#schedule();
  }

  /** Called by the browser. */
  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now) return;
    if (OPENING.includes(name)) {
      this.#close();
      this.#schedule();
    } else if (name === "view" && now) {
      this.#trying(() => this.#twin?.setView(viewOf(now)));
    }
    this.#name();
  }

  /** Events that the city tells often are asked for when somebody first listens. */
  override addEventListener(...args: Parameters<HTMLElement["addEventListener"]>): void {
    super.addEventListener(...args);
    const type = args[0].startsWith("twin-") ? args[0].slice(5) : "";
    if (type === "" || type === "ready" || type === "error" || this.#wanted.has(type)) return;
    this.#wanted.add(type);
    if (this.#twin) this.#forward(this.#twin, type);
  }

  #forward(twin: CityTwin, type: string): void {
    // A name that the city does not know is some other script's event.
    this.#quietly(() => twin.on(type as keyof CityTwinEvents, (detail) => this.#tell(`twin-${type}`, detail)));
  }

  #tell(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #quietly(work: () => unknown): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof CityTwinError && error.code === "option")) throw error;
    }
  }

  /** Opens or closes the city in a turn of its own: after all attributes that are set together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.isConnected) this.#close();
      else if (!this.#twin && !this.#opening && (this.src || this.tilesets)) void this.#open();
    });
  }

  async #open(): Promise<void> {
    const opening = new AbortController();
    this.#opening = opening;
    this.#say("status", wordsIn(this.#language()).loading);
    try {
      const twin = await CityTwin.create(this.#parts.map, this.#options(opening.signal));
      if (opening.signal.aborted) return twin.remove();
      this.#opened(twin);
    } catch (error) {
      if (opening.signal.aborted) return;
      this.#failed(error);
    } finally {
      if (this.#opening === opening) this.#opening = undefined;
    }
  }

  #options(signal: AbortSignal): CityTwinOptions {
    const { src, tilesets, headers, transformRequest } = this;
    const number = (name: string) => (this.hasAttribute(name) ? Number(this.getAttribute(name)) : undefined);
    return {
      ...(src ? { twin: src } : { tilesets: tilesets.trim().split(/\s+/) }),
      ...(this.view && { view: viewOf(this.view) }),
      locale: this.#language(),
      maxErrorPx: number("max-error-px"), cacheBytes: number("cache-bytes"),
      headers, transformRequest, signal,
    };
  }

  #opened(twin: CityTwin): void {
    this.#twin = twin;
    twin.canvas.setAttribute("aria-describedby", "alternative");
    this.#say("status", "");
    this.#say("error", "");
    adopt(twin.canvas, STYLE());
    for (const type of this.#wanted) this.#forward(twin, type);
    twin.on("settled", () => this.#tellNames(twin));
    this.#attribute(twin.attribution);
    this.#name();
    this.#tell("twin-ready", twin);
  }

  #failed(error: unknown): void {
    const words = wordsIn(this.#language()).failed;
    this.#say("status", "");
    this.#say("error", error instanceof CityTwinError ? `${words} ${error.message}` : words);
    this.#tell("twin-error", error);
  }

  #trying(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#tell("twin-error", error);
    }
  }

  #close(): void {
    this.#opening?.abort(new DOMException("The element has changed or left the page.", "AbortError"));
    this.#opening = undefined;
    this.#twin?.remove();
    this.#twin = null;
    for (const part of ["status", "error"] as const) this.#say(part, "");
    this.#attribute([]);
    this.#parts.names.replaceChildren();
  }

  /** Puts words into a part, behind what the page has put into its slot. */
  #say(part: "status" | "error", words: string): void {
    this.#parts[part].hidden = words === "";
    this.#parts[part].querySelector("slot")!.textContent = words;
  }

  #attribute(attribution: readonly Attribution[]): void {
    this.#parts.attribution.hidden = attribution.length === 0;
    const named = attribution.map(({ text, url }) => {
      const href = url === undefined ? undefined : webUrl(url);
      if (href === undefined) return document.createTextNode(text);
      const link = document.createElement("a");
      Object.assign(link, { href, textContent: text, target: "_blank", rel: "noopener" });
      return link;
    });
    this.#parts.attribution.replaceChildren(...named.flatMap((node, i) => (i > 0 ? [" · ", node] : [node])));
  }

  /** The names that can be read on the map, for those who do not see it. */
  #tellNames(twin: CityTwin): void {
    const items = twin.shownLabels.slice(0, MOST_NAMES).map(({ text }) => {
      const item = document.createElement("li");
      item.textContent = text;
      return item;
    });
    this.#parts.names.replaceChildren(...items);
  }

  #name(): void {
    const name = this.label || (this.#twin && inLocale(this.#twin.title, this.#language()));
    this.#internals.ariaLabel = name || wordsIn(this.#language()).map;
    this.#twin?.setLocale(this.#language());
    if (this.label) this.#twin?.canvas.setAttribute("aria-label", this.label);
  }

  #language(): string {
    return this.locale || document.documentElement.lang || navigator.language;
  }
}

/** Addresses that lead to the web; others (`javascript:`) lead nowhere. */
function webUrl(url: string): string | undefined {
  if (!URL.canParse(url, document.baseURI)) return undefined;
  const { href, protocol } = new URL(url, document.baseURI);
  return protocol === "https:" || protocol === "http:" ? href : undefined;
}

function numberOr(text: string | null, otherwise: number): number {
  const number = Number(text ?? NaN);
  return Number.isNaN(number) ? otherwise : number;
}

function viewOf(text: string): View {
  const parts = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  if (parts.length < 3 || parts.length > 6 || parts.some(Number.isNaN)) {
    const words = "longitude, latitude, distance and, where wanted, pitch, heading and height, by commas";
    throw new CityTwinError("view", `A view is ${words}; found "${text}".`);
  }
  const [lon, lat, distanceM, pitchDeg = -45, headingDeg = 0, heightM = 0] = parts as [number, number, number];
  return { lon, lat, distanceM, pitchDeg, headingDeg, heightM };
}

if (globalThis.customElements && !customElements.get("city-twin")) customElements.define("city-twin", CityTwinElement);

declare global {
  interface HTMLElementTagNameMap {
    "city-twin": CityTwinElement;
  }
}
