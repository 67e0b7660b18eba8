import { CityTwinError } from "./errors.js";
import { anything, checkOptions, number, oneOf, text } from "./options.js";
import { adopt, sheet } from "./sheets.js";
import type { Words } from "./words.js";

/** What stands in a marker or popup: a text, shown as it is, or an element of the page. HTML texts are not read. */
export type Content = string | Node;

/** A place in the world. */
export interface Place {
  /** Longitude, degrees (WGS84). */
  lon: number;
  /** Latitude, degrees (WGS84). */
  lat: number;
  /** Metres above the ellipsoid. Default 0. */
  heightM?: number;
}

/** A marker. */
export interface MarkerOptions extends Place {
  /** What stands there. Default: a pin. */
  content?: Content;
  /** Its accessible name. Default: its text, or "Marker". */
  label?: string;
  /** What a popup over it says when somebody chooses it; without it, the marker does nothing. */
  popup?: Content;
  /** Which point of it stands at the place: its `bottom` (the default), or its `center`. */
  anchor?: "bottom" | "center";
}

const STYLE = sheet(`
.citytwin-markers { position: absolute; inset: 0; overflow: clip; pointer-events: none; isolation: isolate; }
.citytwin-marker, .citytwin-popup { position: absolute; inset: 0 auto auto 0; pointer-events: auto; will-change: transform; }
.citytwin-marker {
  border: 0; margin: 0; padding: 0; background: none; color: var(--citytwin-color, #1c2733);
  font: var(--citytwin-font, 0.875rem/1.4 system-ui, sans-serif);
}
button.citytwin-marker { cursor: pointer; }
.citytwin-marker:focus-visible, .citytwin-popup :focus-visible { outline: var(--citytwin-focus, 2px solid #0b57d0); outline-offset: 2px; }
.citytwin-text {
  display: block; padding: 0.15rem 0.5rem; border-radius: 1rem; white-space: nowrap;
  background: var(--citytwin-panel, #fff); box-shadow: 0 1px 4px rgb(0 0 0 / 0.35);
}
.citytwin-pin {
  display: block; inline-size: 1.25rem; block-size: 1.25rem; margin: 0.15rem 0.35rem 0.4rem; rotate: 45deg;
  border-radius: 50% 50% 0 50%; background: var(--citytwin-accent, #0b57d0);
  border: 0.35rem solid var(--citytwin-accent, #0b57d0); box-shadow: inset 0 0 0 1rem #fff;
  box-sizing: border-box;
}
.citytwin-popup {
  max-inline-size: min(20rem, 90%); padding: 0.6rem 2.2rem 0.6rem 0.8rem; border-radius: 0.5rem; overflow-wrap: anywhere;
  color: var(--citytwin-color, #1c2733); background: var(--citytwin-panel, #fff);
  font: var(--citytwin-font, 0.875rem/1.4 system-ui, sans-serif); box-shadow: 0 2px 12px rgb(0 0 0 / 0.35);
}
.citytwin-popup-close {
  position: absolute; inset: 0 0 auto auto; inline-size: 2rem; block-size: 2rem; border: 0; background: none; color: inherit;
  font: inherit; font-size: 1.1rem; cursor: pointer;
}
`);

const PLACE = { lon: number(-180, 180), lat: number(-90, 90), heightM: number(-20_000, 100_000) };
const MARKER = { ...PLACE, content: anything, label: text, popup: anything, anchor: oneOf("bottom", "center") };

/** Where places are on the canvas: x, y and distance for each, NaN where they are not seen. */
type Project = (places: Float64Array) => Float64Array;

interface Pinned {
  readonly element: HTMLElement;
  place: Required<Place>;
  /** CSS that moves its own anchor to the place. */
  readonly shift: string;
  /** Popups lie above all markers. */
  readonly isPopup: boolean;
}

/** A marker on the map. */
export class Marker {
  /** What is shown: style it, listen to its events. */
  readonly element: HTMLElement;
  readonly #layer: MarkerLayer;
  readonly #pinned: Pinned;

  /** @internal */
  constructor(layer: MarkerLayer, pinned: Pinned) {
    this.#layer = layer;
    this.#pinned = pinned;
    this.element = pinned.element;
  }

  /** Where it is. */
  get place(): Required<Place> {
    return { ...this.#pinned.place };
  }

  /**
   * Moves it.
   *
   * @throws CityTwinError `option`
   */
  moveTo(place: Place): void {
    this.#pinned.place = placeOf("moveTo", place);
    this.#layer.schedule();
  }

  /** Takes it off the map; this call may repeat. */
  remove(): void {
    this.#layer.remove(this.#pinned);
  }
}

/** A popup on the map. */
export class Popup extends Marker {
  readonly #closed: (() => void) | undefined;

  /** @internal */
  constructor(layer: MarkerLayer, pinned: Pinned, closed?: () => void) {
    super(layer, pinned);
    this.#closed = closed;
  }

  /** Closes it; this call may repeat. */
  override remove(): void {
    if (!this.element.isConnected) return;
    super.remove();
    this.#closed?.();
  }
}

/** Elements that keep to places in the world, over a canvas. @internal */
export class MarkerLayer {
  readonly #element = document.createElement("div");
  readonly #pinned = new Set<Pinned>();
  readonly #project: Project;
  readonly #words: () => Words;
  readonly #resized: ResizeObserver;
  #size: readonly [width: number, height: number] = [0, 0];
  #scheduled = 0;
  #popup: Popup | undefined;

  constructor(root: HTMLElement, project: Project, words: () => Words) {
    this.#project = project;
    this.#words = words;
    this.#element.className = "citytwin-markers";
    root.append(this.#element);
    adopt(root, STYLE());
    this.#resized = new ResizeObserver(([entry]) => {
      if (!entry) return;
      this.#size = [entry.contentRect.width, entry.contentRect.height];
      this.schedule();
    });
    this.#resized.observe(this.#element);
  }

  /** @throws CityTwinError `option` */
  add(options: MarkerOptions): Marker {
    checkOptions("addMarkers", options, MARKER);
    const { content, label, popup, anchor = "bottom" } = options;
    const place = placeOf("addMarkers", options);
    checkContent("addMarkers", "content", content);
    checkContent("addMarkers", "popup", popup);
    const element = document.createElement(popup === undefined ? "div" : "button");
    if (element instanceof HTMLButtonElement) element.type = "button";
    element.className = "citytwin-marker";
    element.setAttribute("part", "marker");
    const name = label ?? (content === undefined ? this.#words().marker : undefined);
    if (name !== undefined) element.setAttribute("aria-label", name);
    if (name !== undefined && popup === undefined) element.setAttribute("role", "img");
    element.append(shown(content));
    const shift = anchor === "center" ? "translate(-50%, -50%)" : "translate(-50%, -100%)";
    const pinned: Pinned = { element, place, shift, isPopup: false };
    if (popup !== undefined) {
      element.setAttribute("aria-haspopup", "dialog");
      element.setAttribute("aria-expanded", "false");
      element.addEventListener("click", () => this.#toggle(pinned, popup, name ?? element.textContent ?? ""));
    }
    this.#put(pinned);
    return new Marker(this, pinned);
  }

  /** Opens a popup in place of the one that is open. @throws CityTwinError `option` */
  open(place: Place, content: Content, label = "", closed?: () => void): Popup {
    const at = placeOf("openPopup", place);
    checkContent("openPopup", "content", content);
    this.#popup?.remove();
    const element = document.createElement("div");
    element.className = "citytwin-popup";
    element.setAttribute("part", "popup");
    element.setAttribute("role", "dialog");
    element.tabIndex = -1;
    if (label) element.setAttribute("aria-label", label);
    element.append(content);
    const close = document.createElement("button");
    close.type = "button";
    close.className = "citytwin-popup-close";
    close.setAttribute("part", "popup-close");
    close.setAttribute("aria-label", this.#words().close);
    close.textContent = "×";
    element.append(close);
    const pinned: Pinned = { element, place: at, shift: "translate(-50%, calc(-100% - 2.2rem))", isPopup: true };
    const popup = new Popup(this, pinned, closed);
    close.addEventListener("click", () => popup.remove());
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      popup.remove();
    });
    this.#put(pinned);
    this.#popup = popup;
    return popup;
  }

  #toggle(marker: Pinned, content: Content, label: string): void {
    const { element } = marker;
    if (element.getAttribute("aria-expanded") === "true") return this.#popup?.remove();
    const popup = this.open(marker.place, content, label, () => {
      element.setAttribute("aria-expanded", "false");
      if (element.isConnected) element.focus({ preventScroll: true });
    });
    element.setAttribute("aria-expanded", "true");
    this.update();
    popup.element.focus({ preventScroll: true });
  }

  #put(pinned: Pinned): void {
    // Not seen before it has a place on the canvas.
    pinned.element.style.visibility = "hidden";
    this.#element.append(pinned.element);
    this.#pinned.add(pinned);
    this.schedule();
  }

  remove(pinned: Pinned): void {
    this.#pinned.delete(pinned);
    pinned.element.remove();
  }

  /** Puts everything into its place before the next picture. */
  schedule(): void {
    this.#scheduled ||= requestAnimationFrame(() => this.update());
  }

  /**
   * Puts everything into its place: one call of the engine, and transforms alone, so that the browser need not lay out
   * anything. What is not on the canvas is hidden from the keyboard too.
   */
  update(): void {
    cancelAnimationFrame(this.#scheduled);
    this.#scheduled = 0;
    if (this.#pinned.size === 0) return;
    const places = new Float64Array(3 * this.#pinned.size);
    let at = 0;
    for (const { place: { lon, lat, heightM } } of this.#pinned) {
      places.set([lon, lat, heightM], at);
      at += 3;
    }
    const seen = this.#project(places);
    const [width, height] = this.#size;
    at = 0;
    for (const { element: { style }, shift, isPopup } of this.#pinned) {
      const [x, y, awayM] = seen.subarray(at, at + 3) as unknown as [number, number, number];
      at += 3;
      const isOn = x >= 0 && y >= 0 && x <= width && y <= height;
      set(style, "visibility", isOn ? "visible" : "hidden");
      if (!isOn) continue;
      set(style, "transform", `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) ${shift}`);
      // Near ones lie over far ones, and popups over all; a centimetre is told apart up to 20 km.
      set(style, "zIndex", String(isPopup ? 2_000_001 : Math.max(0, 2_000_000 - Math.round(100 * awayM))));
    }
  }

  /** Ends it. */
  end(): void {
    cancelAnimationFrame(this.#scheduled);
    this.#resized.disconnect();
    this.#element.remove();
    this.#pinned.clear();
  }
}

function set(style: CSSStyleDeclaration, key: "visibility" | "transform" | "zIndex", value: string): void {
  if (style[key] !== value) style[key] = value;
}

function placeOf(where: string, { lon, lat, heightM = 0 }: Place): Required<Place> {
  checkOptions(where, { lon: lon ?? NaN, lat: lat ?? NaN, heightM }, PLACE);
  return { lon, lat, heightM };
}

function checkContent(where: string, key: string, content: unknown): void {
  if (content === undefined || typeof content === "string" || content instanceof Node) return;
  throw new CityTwinError("option", `${where}: "${key}" must be a text or a DOM node.`);
}

function shown(content: Content | undefined): Node {
  if (content instanceof Node) return content;
  const element = document.createElement("span");
  element.className = content === undefined ? "citytwin-pin" : "citytwin-text";
  if (content !== undefined) element.textContent = content;
  return element;
}
