// The public surface of the npm package citytwin. Made by `cargo xtask check api`; see there.

// ---- city-twin.d.ts

import { type GeoJsonOptions, type GeoJsonReport, type GeoJsonSource, type GeoJsonStyle } from "./geojson.js";
import { type Content, Marker, type MarkerOptions, type Place, type Popup } from "./markers.js";
import type { PartialScene, Scene } from "./scene.js";
import type { Attribution, CityTwinEvents, CityTwinOptions, Diagnostics, Flight, Hit, Layer, ListenOptions, Padding, Problem, Raster, ScreenshotOptions, ShownLabel, Stats, Style, TilesetOptions, View } from "./types.js";
/** A city on a page. Made by {@link CityTwin.create}. */
export declare class CityTwin {
    #private;
    /** What the city is drawn on. */
    readonly canvas: HTMLCanvasElement;
    /**
     * Shows a twin, or tilesets without one, in an element, which it fills.
     *
     * Resolves when it is open and loading; {@link CityTwin.settled} tells when it is drawn.
     *
     * @param container the element, or a selector of it
     * @throws CityTwinError `container`, `option`, `engine`, `fetch`, `manifest`, `view`, `no-webgl2`, `graphics` or
     * `browser`; the signal's reason when it was aborted
     */
    static create(container: HTMLElement | string, options: CityTwinOptions): Promise<CityTwin>;
    private constructor();
    /** The twin's title by language tag; empty for tilesets without a twin. */
    get title(): Readonly<Record<string, string>>;
    /** The language of names and of the few words that the package itself says, a BCP 47 tag. */
    get locale(): string;
    /** Changes the language: names are written in it where the twin has them, else in the city's own. */
    setLocale(locale: string): void;
    /** The view. */
    get view(): Required<View>;
    /**
     * Jumps to a view.
     *
     * @throws CityTwinError `view`
     */
    setView(view: View): void;
    /**
     * Flies to a view. The first touch stops the flight, and so does another view; with reduced motion it jumps.
     *
     * @returns a promise that resolves when the flight has ended, there or where it was stopped
     * @throws CityTwinError `view` or `option`; the signal's reason when it was aborted, which stops the flight
     */
    flyTo({ durationMs, signal, ...view }: Flight): Promise<void>;
    /** How the city is drawn. */
    get scene(): Scene;
    /**
     * Changes parts of how the city is drawn; what is not named stays as it is.
     *
     * @throws CityTwinError `scene` when a key is unknown or a value out of range; the scene then stays as it was
     */
    setScene(parts: PartialScene): void;
    /**
     * Says what covers the borders of the canvas. From then on, flights bring their target into the middle of the rest,
     * and buttons and keys zoom and turn around it; at least a fifth of the canvas counts as free. What is not named is 0.
     *
     * @throws CityTwinError `padding` when a number is negative or not finite
     */
    setPadding(padding: Padding): void;
    /**
     * Resolves when everything that the view needs is loaded and drawn.
     *
     * @throws the signal's reason when it was aborted
     */
    settled({ signal }?: {
        signal?: AbortSignal;
    }): Promise<void>;
    /**
     * The thing at a point, or null.
     *
     * @param x CSS pixels from the canvas's left edge
     * @param y CSS pixels from its top edge
     */
    pick(x: number, y: number): Promise<Hit | null>;
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
    setStyle(layer: string, style: Style | string | null): Promise<void>;
    /**
     * Marks features as a selection is marked, in every level of detail: tinted, with an outline that is seen through
     * walls. Replaces what was highlighted before; null ends it.
     *
     * @param ids the features' `id` properties
     */
    highlight(ids: readonly string[] | null): void;
    /**
     * Hides features in every level of detail: they are not drawn, not picked, and cast no shadow. Replaces what was
     * hidden before; null shows everything.
     *
     * @param ids the features' `id` properties
     */
    hide(ids: readonly string[] | null): void;
    /** What is drawn and held. */
    stats(): Stats;
    /** What else is held, for those who look for leaks. */
    diagnostics(): Diagnostics;
    /**
     * A picture of what is on the canvas now; {@link CityTwin.settled} tells when that is everything. Markers and popups
     * are elements of the page, and not in it.
     *
     * @throws CityTwinError `option`, or `graphics` when the canvas gives none, as while the context is lost
     */
    screenshot(options?: ScreenshotOptions): Promise<Blob>;
    /** The problems that stand: told by the event `problem`, and not yet solved. */
    get problems(): readonly Problem[];
    /**
     * Asks again for everything that could not be loaded. It is done without asking when the network comes back, and now
     * and then for what a stumbling server kept from it.
     *
     * @returns how many files are asked for
     */
    retry(): number;
    /** The layers: the twin's, ground first, then those that were added. */
    get layers(): readonly Layer[];
    /**
     * Switches a layer on or off.
     *
     * @throws CityTwinError `layer` when the twin has none of that id
     */
    setLayerVisible(id: string, visible: boolean): void;
    /**
     * Shows a tileset as a layer.
     *
     * @param tileset URL of its `tileset.json`, absolute or relative to the page
     * @returns the layer's id
     * @throws CityTwinError `option`, or `layer` when there is one of that id already
     */
    addTileset(tileset: string | URL, options?: TilesetOptions): string;
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
    addGeoJson(id: string, data: GeoJsonSource, style?: GeoJsonStyle, options?: GeoJsonOptions): Promise<GeoJsonReport>;
    /**
     * Removes a layer, or a picture on the ground, and frees what it holds.
     *
     * @throws CityTwinError `layer` when there is none of that id
     */
    removeLayer(id: string): void;
    /**
     * Puts markers on the map: elements of the page that keep to places of the world. They are hidden behind the horizon
     * and beside the canvas; those with a popup are buttons. Buildings do not hide them.
     *
     * @returns the markers, in the same order
     * @throws CityTwinError `option`; no marker is added then
     */
    addMarkers(...markers: readonly MarkerOptions[]): Marker[];
    /**
     * Opens a popup at a place, such as a {@link Hit}, in place of the one that is open.
     *
     * @param content a text, shown as it is, or an element
     * @param options `label`: its accessible name
     * @throws CityTwinError `option`
     */
    openPopup(place: Place, content: Content, options?: {
        label?: string;
    }): Popup;
    /**
     * Lays a picture over the ground, above those that are there. One of the same id is replaced.
     *
     * @throws CityTwinError `raster` when a key is unknown, a value out of range, or the template not to be understood
     */
    addRaster(raster: Raster): void;
    /** The pictures on the ground, the lowest first. */
    get rasters(): readonly Raster[];
    /** Shows or hides a picture on the ground. */
    setRasterVisible(id: string, visible: boolean): void;
    /** How much of the ground a picture hides, 0 to 1. */
    setRasterOpacity(id: string, opacity: number): void;
    /** Takes a picture off the ground. */
    removeRaster(id: string): void;
    /** Whom the map must name now: the twin's sources, and those of the pictures that are shown. */
    get attribution(): readonly Attribution[];
    /** Whether names are shown on the map; undefined for a twin that publishes none. */
    get labelsVisible(): boolean | undefined;
    /** Shows or hides the names on the map. Nothing happens with a twin that publishes none. */
    setLabelsVisible(visible: boolean): void;
    /** The names that can be read on the map now, the most important first: for a screen reader, or a list beside it. */
    get shownLabels(): readonly ShownLabel[];
    /**
     * Listens to an event.
     *
     * @param options `signal`: ends it when it is aborted
     * @returns a function that ends it
     * @throws CityTwinError `option` when there is no such event
     */
    on<Type extends keyof CityTwinEvents>(type: Type, listener: (data: CityTwinEvents[Type]) => void, { signal }?: ListenOptions): () => void;
    /** Takes the city off the page and gives all memory back. Every other call fails afterwards; this one may repeat. */
    remove(): void;
}

// ---- element.d.ts

/** The custom element `<city-twin>`: the entry `citytwin/element`. Importing it registers the element. */
import { CityTwin } from "./city-twin.js";
import type { TransformRequest } from "./requests.js";
import type { CityTwinEvents } from "./types.js";
export { CityTwin } from "./city-twin.js";
export { CityTwinError, type CityTwinErrorCode } from "./errors.js";
/** What listeners of the element get as the `detail` of its `CustomEvent`s. */
export type CityTwinElementEvents = {
    /** The twin is open and loading. */
    "twin-ready": CityTwin;
    /** It could not be opened. */
    "twin-error": unknown;
} & {
    [Type in keyof CityTwinEvents as `twin-${Type}`]: CityTwinEvents[Type];
};
declare const Base: typeof HTMLElement;
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
export declare class CityTwinElement extends Base {
    #private;
    /** Attributes that are heeded. */
    static readonly observedAttributes: string[];
    /** As `CityTwinOptions.headers`; set before the element is in the page. */
    headers: Record<string, string> | undefined;
    /** As `CityTwinOptions.transformRequest`; set before the element is in the page. */
    transformRequest: TransformRequest | undefined;
    constructor();
    /** The city, once `twin-ready` was told; null before, and after the element has left the page. */
    get twin(): CityTwin | null;
    /** The attribute of the same name; as the others below. */
    get src(): string;
    set src(value: string);
    get tilesets(): string;
    set tilesets(value: string);
    get view(): string;
    set view(value: string);
    get locale(): string;
    set locale(value: string);
    get label(): string;
    set label(value: string);
    get maxErrorPx(): number;
    set maxErrorPx(value: number);
    get cacheBytes(): number;
    set cacheBytes(value: number);
    /** Called by the browser. */
    connectedCallback(): void;
    /** Called by the browser. An element that is only moved keeps its city. */
    disconnectedCallback(): void;
    /** Called by the browser. */
    attributeChangedCallback(name: string, before: string | null, now: string | null): void;
    /** Events that the city tells often are asked for when somebody first listens. */
    addEventListener(...args: Parameters<HTMLElement["addEventListener"]>): void;
}
declare global {
    interface HTMLElementTagNameMap {
        "city-twin": CityTwinElement;
    }
}

// ---- errors.d.ts

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
export type CityTwinErrorCode = "option" | "container" | "no-webgl2" | "graphics" | "browser" | "engine" | "fetch" | "manifest" | "view" | "padding" | "raster" | "scene" | "style" | "layer" | "positioning" | "geojson" | "search" | "removed";
/** What every failing call throws or rejects with. */
export declare class CityTwinError extends Error {
    readonly name = "CityTwinError";
    /** For programs. */
    readonly code: CityTwinErrorCode;
    /** `message` is for people; `cause` is what lies behind, where something does. */
    constructor(code: CityTwinErrorCode, message: string, cause?: unknown);
}

// ---- geojson.d.ts

import type { Problem, Style, StyleRule } from "./types.js";
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

// ---- index.d.ts

/** A city's digital twin on a web page. */
export { CityTwin } from "./city-twin.js";
export { CityTwinError, type CityTwinErrorCode } from "./errors.js";
export type { GeoJsonOptions, GeoJsonReport, GeoJsonSource, GeoJsonStyle } from "./geojson.js";
export { type Content, type Marker, type MarkerOptions, type Place, type Popup } from "./markers.js";
export type { RequestOptions, TransformedRequest, TransformRequest } from "./requests.js";
export type { Attribution, CityTwinEvents, CityTwinOptions, Diagnostics, Flight, Hit, Layer, ListenOptions, Padding, Problem, Progress, Raster, ScreenshotOptions, ShownLabel, Stats, Style, StyleRule, TilesetOptions, View, } from "./types.js";
export type { ClipBox, ClipPolygon, PartialScene, Scene } from "./scene.js";

// ---- markers.d.ts

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
/** A marker on the map. */
export declare class Marker {
    #private;
    /** What is shown: style it, listen to its events. */
    readonly element: HTMLElement;
    /** Where it is. */
    get place(): Required<Place>;
    /**
     * Moves it.
     *
     * @throws CityTwinError `option`
     */
    moveTo(place: Place): void;
    /** Takes it off the map; this call may repeat. */
    remove(): void;
}
/** A popup on the map. */
export declare class Popup extends Marker {
    #private;
    /** Closes it; this call may repeat. */
    remove(): void;
}

// ---- positioning-device.d.ts

import type { PositioningObservation } from "./positioning-types.js";
/** Which of the device's own sensors to use. */
export interface DeviceOptions {
    /** Satellites and what the browser makes of them (`navigator.geolocation`); true by default. */
    gnss?: boolean;
    /** Steps and heading (`devicemotion`, `deviceorientation`); true by default. Some phones ask the visitor, and only from a click. */
    motion?: boolean;
}
/** What of the device can be used here. */
export interface DeviceSource {
    /** Whether the page is allowed to use satellites. */
    readonly gnss: boolean;
    /** Whether the page is allowed to use motion sensors. */
    readonly motion: boolean;
    /** Ends it; may be called again. */
    stop(): void;
}
type Vector = [number, number, number];
/** Starts the device's sensors; each observation goes to `take`, each refusal of satellites to `refused`. */
export declare function startDevice(options: DeviceOptions, take: (observation: PositioningObservation) => void, refused: (code: 1 | 2 | 3) => void): Promise<DeviceSource>;
/** A fix of the browser's, on the monotonic clock. */
export declare function gnssOf(position: GeolocationPosition): PositioningObservation;
/** The vector part of the quaternion of the W3C's angles (turns about z, then x, then y), scalar part not negative. */
export declare function rotationOf(alpha: number, beta: number, gamma: number): Vector;
export {};

// ---- positioning-entry.d.ts

/** Positioning, without the 3D view: the entry `citytwin/positioning`. */
export { CityTwinError, type CityTwinErrorCode } from "./errors.js";
export { Positioning, type PositioningOptions, type Replay, type ReplayOptions } from "./positioning.js";
export type { DeviceOptions, DeviceSource } from "./positioning-device.js";
export type { RequestOptions, TransformedRequest, TransformRequest } from "./requests.js";
export type * from "./positioning-types.js";

// ---- positioning-types.d.ts

/** What positioning takes and gives. */
/** What every observation has. */
interface ObservationBase {
    /** Version of the schema; 1 when left out. */
    v?: 1;
    /** When it was measured: milliseconds on a clock that never goes back (`performance.now()` for live ones). */
    timeMs: number;
    /** The same on the wall clock, milliseconds since 1970; only copied, never computed with. */
    wallMs?: number;
}
/** A satellite fix. */
export interface GnssObservation extends ObservationBase {
    kind: "gnss";
    /** Degrees (WGS84). */
    lon: number;
    /** Degrees (WGS84). */
    lat: number;
    /** 95 % radius, metres; above 0. */
    accuracyM: number;
    /** Metres above the ellipsoid. */
    altitudeM?: number;
    /** Satellites used. */
    satellites?: number;
    /** Mean carrier-to-noise density of the satellites used, dB-Hz. */
    cn0Dbhz?: number;
    /** Speed over ground, m/s. */
    speedMps?: number;
    /** Direction of travel, degrees clockwise from true north. */
    courseDeg?: number;
}
/** A WiFi scan. No browser gives one: it comes from a host app. */
export interface WifiObservation extends ObservationBase {
    kind: "wifi";
    readings: {
        /** The access point's address, `0a:74:9c:2b:56:67`. */
        bssid: string;
        /** Received power, dBm. */
        rssiDbm: number;
        /** Centre frequency, MHz. */
        frequencyMhz?: number;
        /** How old the reading was when the scan was reported, milliseconds. */
        ageMs?: number;
        /** Round-trip-time range (IEEE 802.11mc), metres. */
        rttM?: number;
        /** Its deviation, metres. */
        rttSigmaM?: number;
    }[];
}
/** Bluetooth advertisements heard. */
export interface BleObservation extends ObservationBase {
    kind: "ble";
    readings: {
        /** The beacon's address. */
        mac: string;
        /** Received power, dBm. */
        rssiDbm: number;
        /** Power at 1 m that it announces, dBm. */
        txPowerDbm?: number;
        /** iBeacon proximity UUID. */
        uuid?: string;
        /** iBeacon major and minor. */
        majorMinor?: [number, number];
    }[];
}
/** An ultra-wide-band range. */
export interface UwbObservation extends ObservationBase {
    kind: "uwb";
    /** The anchor's name in the venue. */
    anchor: string;
    /** Metres. */
    rangeM: number;
    /** Deviation in line of sight, metres. */
    sigmaM: number;
}
/** A sample of the inertial sensors, in the device's axes: x right, y up along the screen, z out of it. */
export interface InertialObservation extends ObservationBase {
    kind: "inertial";
    /** With gravity, m/s²: 9.81 along the upward axis at rest. */
    accelMps2: [number, number, number];
    /** rad/s, right-handed. */
    gyroRadps?: [number, number, number];
    /** µT. */
    magnetUt?: [number, number, number];
    /** From device to east-north-up: the vector part of the unit quaternion whose scalar part is not negative. */
    rotation?: [number, number, number];
}
/** Air pressure. */
export interface BarometerObservation extends ObservationBase {
    kind: "barometer";
    /** Hectopascal. */
    pressureHpa: number;
}
/** A marker seen (QR code, visual). */
export interface MarkerObservation extends ObservationBase {
    kind: "marker";
    /** Its name in the venue. */
    id: string;
    /** Metres in the venue's plane; when left out, the venue knows. */
    atM?: [number, number];
    /** The floor, ground floor 0; left out together with `atM`. */
    floor?: number;
    /** Deviation per axis, metres. */
    sigmaM: number;
}
/** The host's own fix. */
export interface HostFixObservation extends ObservationBase {
    kind: "hostFix";
    /** Degrees (WGS84). */
    lon: number;
    /** Degrees (WGS84). */
    lat: number;
    /** 95 % radius, metres. */
    accuracyM: number;
    /** The floor, ground floor 0, when the host knows. */
    floor?: number;
}
/** "I am here", tapped on the map. */
export interface MapTapObservation extends ObservationBase {
    kind: "mapTap";
    /** Metres in the venue's plane. */
    atM: [number, number];
    /** The floor that was shown. */
    floor: number;
    /** Deviation per axis, metres: about 3 for a finger. */
    sigmaM: number;
}
/** One measurement. */
export type PositioningObservation = GnssObservation | WifiObservation | BleObservation | UwbObservation | InertialObservation | BarometerObservation | MarkerObservation | HostFixObservation | MapTapObservation;
/** How an answer came about: from one observation, from several that agree, from none for some seconds, or too long. */
export type PositioningStatus = "first-fix" | "tracking" | "coasting" | "lost";
/** Where the visitor is: `GeolocationPosition` of the W3C, and what the engine knows beyond it. */
export interface PositioningPosition {
    /** The W3C's coordinates; `accuracy` is the radius, in metres, that holds the truth 95 times in 100. */
    readonly coords: {
        readonly latitude: number;
        readonly longitude: number;
        readonly accuracy: number;
        readonly altitude: number | null;
        readonly altitudeAccuracy: number | null;
        readonly heading: number | null;
        readonly speed: number | null;
    };
    /** Milliseconds since 1970. */
    readonly timestamp: number;
    /** Metres in the venue's plane; null away from the venue. */
    readonly atM: [east: number, north: number] | null;
    /** The building; null outdoors. */
    readonly building: string | null;
    /** The floor, ground floor 0; null outdoors. */
    readonly floor: number | null;
    /** Its probability. */
    readonly floorProbability: number | null;
    /** Floors with their probabilities, lowest first; none outdoors. */
    readonly floors: readonly (readonly [floor: number, probability: number])[];
    /** Probability to be indoors: it glides, it never switches. */
    readonly indoorProbability: number;
    /** Covariance, m²: east-east, east-north, north-north. */
    readonly covarianceM2: readonly [number, number, number];
    /** Kinds of observations that counted lately, and how long ago. */
    readonly counted: readonly {
        kind: PositioningObservation["kind"];
        ageMs: number;
    }[];
    /** How the answer came about. */
    readonly status: PositioningStatus;
    /** A plain object of all of it. */
    toJSON(): object;
}
/** `GeolocationPositionError` of the W3C. */
export interface PositioningError {
    /** 1: not allowed. 2: no way to know. 3: none came in time. */
    readonly code: 1 | 2 | 3;
    /** For developers. */
    readonly message: string;
    readonly PERMISSION_DENIED: 1;
    readonly POSITION_UNAVAILABLE: 2;
    readonly TIMEOUT: 3;
}
/** `PositionOptions` of the W3C. */
export interface PositioningWatchOptions {
    /** The engine always gives the best there is. */
    enableHighAccuracy?: boolean;
    /** Milliseconds without a position until error 3; for ever by default. */
    timeout?: number;
    /** A position may be so old, milliseconds, to be given at once; 0 by default. */
    maximumAge?: number;
}
/** What became of the observations so far. */
export interface PositioningCounts {
    counted: number;
    /** Not finite, or out of range. */
    absurd: number;
    /** Older than one of their kind that counted. */
    late: number;
    duplicate: number;
    /** Too far from where the visitor can be. */
    outlier: number;
    unknownVersion: number;
    /** Nothing that this venue has a use for. */
    notUsed: number;
}
/** A venue as it can be drawn, in metres of its plane. */
export interface VenuePlan {
    name: string;
    /** Lowest and highest corner. */
    boundsM: [[number, number], [number, number]];
    levels: {
        floor: number;
        name: string;
        walls: [[number, number], [number, number]][];
        areas: {
            name: string;
            open: boolean;
            rings: [number, number][][];
        }[];
        /** Degrees of the bounds' lower left, lower right and upper left corner; null when unknown. */
        cornersLonLat: [[number, number], [number, number], [number, number]] | null;
    }[];
    connectors: {
        kind: "stairs" | "lift" | "escalator" | "ramp";
        stops: [floor: number, at: [number, number]][];
    }[];
    /** What of the files could not be read. */
    problems: string[];
}
/** A point of a track, for exposure analysis. */
export interface TrackPoint {
    /** Milliseconds since 1970. */
    wallMs: number;
    atM: [number, number];
    covarianceM2: [number, number, number];
    building: string;
    floors: [floor: number, probability: number][];
}
/** Minutes, as far as one can know: the truth lies between `low` and `high` nine times in ten. */
export interface Minutes {
    low: number;
    expected: number;
    high: number;
}
/** What one's own track and another's have in common. */
export interface Exposure {
    /** Minutes by distance, on one floor, weighed by walls. Below 2 m only with `ranges`. */
    direct: {
        fromM: number;
        toM: number;
        minutes: Minutes;
    }[];
    /** Minutes in air that the other breathed before. */
    indirect: Minutes;
    /** Minutes that both tracks cover. */
    comparedMinutes: number;
    /** Whether the devices ranged each other. */
    ranged: boolean;
}
/** How tracks are compared. */
export interface ExposureOptions {
    /** Distances that the two devices measured between each other. */
    ranges?: {
        wallMs: number;
        rangeM: number;
        sigmaM: number;
    }[];
    /** The air of a room forgets with this time constant, minutes; 20. */
    airMinutes?: number;
    /** Who comes later breathes nothing of it any more, minutes; 60. */
    longestLagMinutes?: number;
    /** Indirect exposure counts within this distance, metres; 5. */
    indirectM?: number;
}
export {};

// ---- positioning.d.ts

import { type DeviceOptions, type DeviceSource } from "./positioning-device.js";
import type { Exposure, ExposureOptions, PositioningCounts, PositioningError, PositioningObservation, PositioningPosition, PositioningWatchOptions, TrackPoint, VenuePlan } from "./positioning-types.js";
import { type RequestOptions } from "./requests.js";
/**
 * What {@link Positioning.open} takes. Its `headers` are for the origin of the first file that is fetched: of the venue,
 * or else the radio map.
 */
export interface PositioningOptions extends RequestOptions {
    /** The venue: URLs of its files (IMDF, IndoorGML, GeoJSON), or their names and texts. */
    venue?: (string | URL | {
        name: string;
        text: string;
    })[];
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
/**
 * A visitor's position, indoors and out, from whatever the host observes. It runs in a worker of its own on the
 * visitor's device; nothing leaves it but what the page reads. Made by {@link Positioning.open}.
 */
export declare class Positioning {
    #private;
    /**
     * Starts an engine.
     *
     * @throws CityTwinError `positioning` when a file cannot be fetched, or is no venue or radio map; `option`
     */
    static open(options?: PositioningOptions): Promise<Positioning>;
    private constructor();
    /**
     * Feeds observations, in JSON's form or in the binary one, in any order within the call. Resolves when watches have
     * been told. What became of them is in {@link Positioning.counts}.
     *
     * @throws CityTwinError `positioning` when they are not of the schema; none of them has counted then
     */
    feed(observations: readonly PositioningObservation[] | PositioningObservation | Uint8Array): Promise<void>;
    /**
     * Observations in their binary form, read: for {@link Positioning.replay}.
     *
     * @throws CityTwinError `positioning` when they are none
     */
    decode(bytes: Uint8Array): Promise<PositioningObservation[]>;
    /**
     * As `navigator.geolocation.watchPosition`: calls `ok` with each new position, `fail` when there is none.
     *
     * @returns the watch's number, for {@link Positioning.clearWatch}
     */
    watchPosition(ok: (position: PositioningPosition) => void, fail?: (error: PositioningError) => void, options?: PositioningWatchOptions): number;
    /** Ends a watch; unknown numbers are left alone. */
    clearWatch(id: number): void;
    /** As `navigator.geolocation.getCurrentPosition`: calls `ok` or `fail` once. */
    getCurrentPosition(ok: (position: PositioningPosition) => void, fail?: (error: PositioningError) => void, options?: PositioningWatchOptions): void;
    /** Holds the floor of all answers, ground floor 0; null lets it go. */
    lockFloor(floor: number | null): Promise<void>;
    /** Puts the visitor at a place: degrees, 95 % radius in metres (3 by default), and the floor when it is inside. */
    setPosition(place: {
        longitude: number;
        latitude: number;
        accuracy?: number;
        floor?: number | null;
    }): Promise<void>;
    /** The way so far, oldest first, one place a second: older ones know what came after them. */
    trail(): Promise<PositioningPosition[]>;
    /** What became of all observations. */
    counts(): Promise<PositioningCounts>;
    /** The venue, to be drawn; null without one. */
    plan(): Promise<VenuePlan | null>;
    /** One's own track indoors: at most 14 days, and only of this page's life. It leaves the device only if the page sends it. */
    track(): Promise<TrackPoint[]>;
    /** Forgets the track from a time to another, milliseconds since 1970; all of it by default. */
    deleteTrack(fromMs?: number, toMs?: number): Promise<void>;
    /** Compares one's own track with another's, here on the device. Intervals, never a yes or no. */
    exposure(track: readonly TrackPoint[], options?: ExposureOptions): Promise<Exposure>;
    /**
     * Uses the device's own satellites and motion sensors, as far as the page is allowed. To be called from a click:
     * some phones ask. A refusal of satellites reaches the watches as error 1.
     */
    useDevice(options?: DeviceOptions): Promise<DeviceSource>;
    /**
     * Replays recorded observations in their own time; the page's clock stands still for them. Their time must ascend.
     */
    replay(observations: readonly PositioningObservation[], options?: ReplayOptions): Replay;
    /** Ends the worker and all sources, and forgets everything. This call may repeat. */
    close(): void;
}

// ---- requests.d.ts

/** How a file is to be asked for. What is left out stays as it is. */
export interface TransformedRequest {
    /** Another URL, absolute or relative to the page. */
    url?: string | URL;
    /**
     * Headers. They go to this URL and nowhere else: a server's answer that leads elsewhere is a problem
     * (`request-refused`), not followed.
     */
    headers?: Record<string, string>;
    /** Whether cookies go along: `same-origin` (the default), `include` or `omit`. */
    credentials?: RequestCredentials;
}
/**
 * Says how a file is to be asked for: called with the absolute URL of every file of a twin before it is fetched, in the
 * page, wherever the fetch itself runs. Undefined: as it is. What it throws is a problem of that file, which is asked
 * for again later.
 */
export type TransformRequest = (url: string) => TransformedRequest | undefined | Promise<TransformedRequest | undefined>;
/** How files are asked for. */
export interface RequestOptions {
    /** Headers for the origin that the twin, index or tileset comes from, and for no other. */
    headers?: Record<string, string>;
    /** Says how each file is to be asked for; the headers that it gives win over `headers`. */
    transformRequest?: TransformRequest;
}

// ---- scene.d.ts

/** How the city is drawn, beyond any one layer. */
export interface Scene {
    /** Where the sun stands. */
    sun: {
        /**
         * Milliseconds since 1970-01-01 UTC, as `Date.now()` counts them, years 2010 to 2109: the sun stands where it does
         * over the view at that time. null, the default: a clear mid-morning from the south-east, always.
         */
        timeMs: number | null;
    };
    /** Shadows of buildings and trees. */
    shadows: {
        /**
         * `off`: none, the quickest. `ground`, the default: buildings darken flat ground, but not each other. `full`:
         * everything casts shadows on everything.
         */
        mode: "off" | "ground" | "full";
        /** Full shadows are drawn in this many rings from near to far, each less sharp; 1 to 4, default 3. */
        cascades: number;
        /** Width of each ring's shadow map, pixels; 256 to 4096, default 2048. Memory: 4 bytes × its square, per ring. */
        mapPx: number;
    };
    /** Haze with distance. */
    fog: {
        /** Whether there is any. Default true. */
        enabled: boolean;
        /** How thick: at 2 it hides what is half as far away; 0.1 to 10, default 1. */
        density: number;
    };
    /** How clouds of points are drawn. */
    pointClouds: {
        /** Eye-dome lighting: points are darkened at steps in depth, which gives clouds without normals a shape. */
        edl: {
            /** How dark steps in depth become; 0 (none at all, and none of its cost) to 10, default 1. */
            strength: number;
            /** How far around a point is compared, CSS pixels; 0.5 to 8, default 1.4. */
            radiusPx: number;
        };
    };
    /** How much is drawn while the view moves, or is loading. */
    resolution: {
        /**
         * Whether a slow device draws fewer pixels while the view moves, and neither edges nor shadows on the ground where
         * it would stutter with them; at rest all is drawn. Default true.
         */
        adaptive: boolean;
        /** At least this share of the pixels' width and height is drawn; 0.25 to 1, default 0.5. */
        least: number;
    };
    /**
     * What of the city is drawn, can be picked, and casts shadows; default: all of it. With several shapes, what every one
     * of them keeps. Where solids are cut open, their insides are seen in one flat colour.
     */
    clip: {
        /** A box, or null (the default). */
        box: ClipBox | null;
        /** A polygon, or null (the default). */
        polygon: ClipPolygon | null;
        /** Ids or themes of the layers that are cut; empty, the default: all. */
        layers: string[];
    };
    /** Layers drawn like glass: their nearest surfaces, all their edges, and what is behind them. */
    xRay: {
        /** Whether any is. Default false. */
        enabled: boolean;
        /** Ids or themes of the layers; default `["buildings"]`. Flat things stay as they are. */
        layers: string[];
        /** How much of their surfaces is seen; 0 (edges alone) to 1, default 0.22. */
        opacity: number;
    };
    /** Seeing what is below the ground, and going there. */
    underground: {
        /** Default false: the ground hides what is below it, and the camera stays above. */
        enabled: boolean;
        /** How much of the ground and of other flat things is seen; 0 (nothing) to 1 (all of it), default 0.4. */
        opacity: number;
        /** How far below ground the camera may go, metres; 1 to 2000, default 60. */
        depthM: number;
    };
    /** How levels of detail take each other's place. */
    crossFade: {
        /** Whether they fade into each other, for a fifth of a second; never with reduced motion. Default true. */
        enabled: boolean;
    };
    /** What developers see over the city; by default nothing, at no cost. Texts are in English. */
    debug: {
        /**
         * Boxes around tiles, with a legend. `off`: none, the default. `state`: of the tiles in view, by whether they are
         * drawn, loaded, under way or failed. `level`: of those that are drawn, by their depth in the tree. `error`: of
         * those that are drawn, by their error on the screen next to what is allowed.
         */
        boxes: "off" | "state" | "level" | "error";
        /** Whether the numbers of {@link Stats} are shown over the canvas, at most four times a second. Default false. */
        statistics: boolean;
        /** Whether a graph shows the script time of the last 120 frames, with lines at 16 and 50 ms. Default false. */
        frameGraph: boolean;
    };
}
/** An oriented box that cuts the city. */
export interface ClipBox {
    /** Longitude of its middle, degrees (WGS84). */
    lon: number;
    /** Latitude of its middle, degrees (WGS84). */
    lat: number;
    /** Height of its middle, metres above the ellipsoid. Default 0. */
    heightM?: number;
    /** Across its heading, along it, and upwards, metres; each above 0 and at most 100,000. */
    sizeM: [number, number, number];
    /** Where it points, degrees clockwise from north. Default 0. */
    headingDeg?: number;
    /** Which side stays. Default `inside`. */
    keep?: "inside" | "outside";
}
/** An upright prism over a polygon that cuts the city. */
export interface ClipPolygon {
    /**
     * Its corners in order, `[lon, lat]` in degrees: 3 to 64, in either sense; the first may be repeated at the end. Its
     * sides must not cross or touch each other.
     */
    ring: [number, number][];
    /** Lowest and highest height, metres above the ellipsoid. Default null: all heights. */
    heightsM?: [number, number] | null;
    /** Which side stays. Default `inside`. */
    keep?: "inside" | "outside";
}
type Parts<T> = T extends readonly unknown[] ? T : T extends object ? {
    [Key in keyof T]?: Parts<T[Key]>;
} : T;
/** Any parts of a {@link Scene}; what is not named stays as it is. */
export type PartialScene = Parts<Scene>;
export {};

// ---- search-entry.d.ts

/** A city's search, without the 3D view: the entry `citytwin/search`. */
export { CityTwinError, type CityTwinErrorCode } from "./errors.js";
export { type AttributeValue, type Condition, type Facet, Search, type SearchAnswer, type SearchField, type SearchHere, type SearchHit, type SearchOptions, } from "./search.js";
export type { RequestOptions, TransformedRequest, TransformRequest } from "./requests.js";
export type { Problem } from "./types.js";

// ---- search.d.ts

import { type RequestOptions } from "./requests.js";
import type { Problem } from "./types.js";
/** The value of an attribute. */
export type AttributeValue = string | number | boolean;
/** A condition on an attribute: each test that is given must pass; without any, the attribute has to exist. */
export interface Condition {
    /** The attribute's name. */
    attribute: string;
    /** It is this. */
    equals?: AttributeValue;
    /** It is less than this. */
    less?: AttributeValue;
    /** It is more than this. */
    more?: AttributeValue;
    /** It lies between these, both included. */
    between?: [AttributeValue, AttributeValue];
    /** It is one of these. */
    oneOf?: AttributeValue[];
}
/** A text of a thing: its name in the city's own language, in another one, an old or other name, its address. */
export type SearchField = "name" | "translation" | "other" | "address";
/** What a query may ask for besides its text. */
export interface SearchOptions {
    /** At most this many hits, from 0 to 1000; with none, facets are counted all the same. Default 10. */
    limit?: number;
    /** Prefer what is near this longitude and latitude (degrees); without a text, the nearest first. */
    near?: [lon: number, lat: number];
    /** Only within so many metres of `near`. */
    radiusM?: number;
    /** Only within these edges, degrees. */
    bbox?: [west: number, south: number, east: number, north: number];
    /** Only within these rings of longitudes and latitudes (degrees); a ring within another is a hole. */
    polygon?: [lon: number, lat: number][][];
    /** Only of these categories. */
    categories?: string[];
    /** Match the text against these alone. Default: all. */
    fields?: SearchField[];
    /** Only what is on this floor, as its venue names it. */
    floor?: string;
    /** Only what meets all of these. */
    where?: Condition[];
    /** Count the hits by these: `category`, or the name of an attribute. */
    facets?: string[];
    /** Gives the query up: it then rejects with the signal's reason. */
    signal?: AbortSignal;
}
/** One found thing. */
export interface SearchHit {
    /** Its id in the source (`way/123`), the same as its feature's property `id`. */
    id: string;
    /** Its name in the city's own language. */
    name: string;
    /** Its names by language tag. */
    names: Record<string, string>;
    /** What it is (`building`, `street`, `cafe`). */
    category: string;
    /** Longitude, degrees (WGS84). */
    lon: number;
    /** Latitude, degrees (WGS84). */
    lat: number;
    /** Street and house number, where known. */
    address?: string;
    /** The floor it is on, where known. */
    floor?: string;
    /** What else is known of it. */
    attributes: Record<string, AttributeValue>;
    /** Metres from `near`, where that was given. */
    distanceM?: number;
    /** Higher is better; comparable within one answer. */
    score: number;
    /** What matched. */
    match: {
        /** Its name, another name, or its address. */
        text: string;
        /** Starts and ends within `text` as JavaScript counts, for `text.slice(start, end)`; ascending. */
        ranges: [start: number, end: number][];
        /** How the least good word of the query matched (`Prefix`, `Typo(1)`); null when there was no text. */
        how: string | null;
    };
}
/** How many hits have which value. */
export interface Facet {
    /** `category`, or the name of an attribute. */
    of: string;
    /** Values with their number of hits, the most frequent first. */
    counts: [value: AttributeValue, count: number][];
    /** Whether all matches were counted; if not, there are at least so many. */
    exact: boolean;
}
/** What a query has found so far. */
export interface SearchAnswer {
    /** The best hits, best first. */
    hits: SearchHit[];
    /** Counts for the facets that were asked for. */
    facets: Facet[];
    /** Whole texts of the best hits that the words typed so far begin. */
    completions: string[];
    /** The query with its mistakes corrected, when nothing matches it as it was typed. */
    didYouMean: string | null;
    /** Parts of the index that could not be had; what they hold is missing. */
    problems: Problem[];
    /** Nothing more is to come. */
    complete: boolean;
}
/** What lies at a position. */
export interface SearchHere {
    /** The nearest things, the nearest first. */
    nearest: SearchHit[];
    /** The nearest that has an address, or is one; null where there is none. */
    address: SearchHit | null;
    /** Parts of the index that could not be had; what they hold is missing. */
    problems: Problem[];
}
/**
 * A city's search, answered on the visitor's device from the index files that the city publishes. It runs in a worker
 * of its own and fetches only the pieces that a query needs. Made by {@link Search.open}.
 */
export declare class Search {
    #private;
    /**
     * Opens an index.
     *
     * @param url the root of the index: `search` of a `twin.json`, absolute or relative to the page. In Node: a URL
     * (`file:`, `http:`, `https:`), or a path relative to the working directory
     * @throws CityTwinError `search` when it cannot be fetched or is no index that this version reads, `option`
     */
    static open(url: string | URL, options?: RequestOptions): Promise<Search>;
    private constructor();
    /** How many things can be found; another number after the city has published its index anew. */
    get count(): number;
    /** The categories with their number of things, by name. */
    get categories(): readonly (readonly [name: string, count: number])[];
    /**
     * The answer to a query, once it is complete. Parts of the index that could not be had are among its `problems`.
     *
     * @throws CityTwinError `search` when the worker has broken down, `option`, `removed` after {@link Search.close}; the
     * signal's reason when it was aborted
     */
    query(text: string, options?: SearchOptions): Promise<SearchAnswer>;
    /**
     * The answer to a query as it gets better: what is at hand at once, then with every piece of the index that arrives;
     * the last one is `complete`. Leaving the loop gives the query up.
     *
     * @throws CityTwinError as {@link Search.query}
     */
    stream(text: string, options?: SearchOptions): AsyncGenerator<SearchAnswer, void, void>;
    /**
     * What is here? The nearest things, and the nearest address.
     *
     * @param position longitude and latitude, degrees
     * @throws CityTwinError as {@link Search.query}
     */
    here(position: [lon: number, lat: number], options?: Pick<SearchOptions, "limit" | "signal">): Promise<SearchHere>;
    /**
     * Ends the worker and gives its memory back. Queries under way and later ones fail; this call may repeat. In Node the
     * program goes on until it is called.
     */
    close(): void;
}

// ---- types.d.ts

import type { RequestOptions } from "./requests.js";
/** What is looked at, and from where. */
export interface View {
    /** Longitude of the target, degrees (WGS84). */
    lon: number;
    /** Latitude of the target, degrees (WGS84). */
    lat: number;
    /** Height of the target, metres above the ellipsoid. Default 0. */
    heightM?: number;
    /** From the target to the eye, metres; above 0. */
    distanceM: number;
    /** Direction of looking, degrees clockwise from north. Default 0. */
    headingDeg?: number;
    /** Direction of looking, degrees above the horizon: −90 looks straight down. */
    pitchDeg: number;
}
/** What covers the borders of the canvas, CSS pixels: a panel, say. */
export interface Padding {
    /** From the left edge; at least 0, default 0, as the others. */
    left?: number;
    /** From the right edge. */
    right?: number;
    /** From the top edge. */
    top?: number;
    /** From the bottom edge. */
    bottom?: number;
}
/** A view, and how to fly there. */
export interface Flight extends View {
    /** How long the flight takes, milliseconds; at least 0. Default: 800 to 2,500 by distance. */
    durationMs?: number;
    /** Stops the flight. */
    signal?: AbortSignal;
}
/** How a twin is shown. Either `twin` or `tilesets` must be given. */
export interface CityTwinOptions extends RequestOptions {
    /** URL of the `twin.json`, absolute or relative to the page. */
    twin?: string | URL;
    /**
     * URLs of the `tileset.json` of 3D Tiles tilesets, absolute or relative to the page: what is shown where there is no
     * twin. Their layers are called `tileset-1`, `tileset-2` and so on.
     */
    tilesets?: readonly (string | URL)[];
    /** What is looked at first. Default: the twin's home view, or the whole of the first tileset. */
    view?: View;
    /** A tile is refined when its error covers more than this many CSS pixels; above 0, default 16. */
    maxErrorPx?: number;
    /**
     * Bytes that tiles may take, in main memory and on the GPU together; what does not fit is drawn coarser. Default
     * 512 MiB.
     */
    cacheBytes?: number;
    /** Language of the names on the map, a BCP 47 tag (`zh-CN`). Default: that of the page, else of the browser. */
    locale?: string;
    /** A request that brings no byte for this long is given up and sent again, milliseconds; at least 1, default 20,000. */
    idleTimeoutMs?: number;
    /** Gives the creation up: it then rejects with the signal's reason. */
    signal?: AbortSignal;
}
/** How a tileset is shown. */
export interface TilesetOptions {
    /** Unique among layers. Default `tileset-1`, `tileset-2` and so on. */
    id?: string;
    /** Its name, or its names by language tag. Default: its id. */
    title?: string | Readonly<Record<string, string>>;
    /** `ground`, `transport`, `buildings`, `furniture` or `other`, the default: its place in the drawing order. */
    theme?: string;
    /** Whether it is shown at first. Default true. */
    visible?: boolean;
}
/** What kind of picture is taken. */
export interface ScreenshotOptions {
    /** Its media type. Default `image/png`. */
    type?: "image/png" | "image/jpeg" | "image/webp";
    /** Of lossy pictures, from 0 to 1. Default: the browser's. */
    quality?: number;
}
/** How events are listened to. */
export interface ListenOptions {
    /** Ends it. */
    signal?: AbortSignal;
}
/** What a person switches on and off. */
export interface Layer {
    /** Unique within the twin. */
    readonly id: string;
    /** Its name by language tag (`en`, `zh-CN`). */
    readonly title: Readonly<Record<string, string>>;
    /** `ground`, `transport`, `buildings`, `furniture` or `other`. */
    readonly theme: string;
    /** Whether it is shown. */
    readonly visible: boolean;
}
/**
 * What features show, by expressions over their properties: a 3D Tiles style (3D Tiles 1.1, section 11).
 *
 * An expression is a text such as `${height_m} > 30`, or a boolean or number. A rule is one expression, or conditions
 * of which the first that holds counts.
 */
export interface Style {
    /** Whether a feature is drawn. Default true. What is not drawn is not picked and casts no shadow. */
    show?: StyleRule;
    /**
     * Its colour, such as `rgba(255, 0, 0, 0.5)` or `color('#fde725', 0.8)`: in place of a plain colour, in front of a
     * texture. White, the default, leaves its own.
     */
    color?: StyleRule;
    /** Width of points, CSS pixels, up to 127. By default they are as wide as they lie apart. */
    pointSize?: StyleRule;
    /** Expressions to be used by others, as `${name}`. */
    defines?: Record<string, string>;
}
/** A rule of a {@link Style}. */
export type StyleRule = string | number | boolean | {
    conditions: [string | boolean, string | number | boolean][];
};
/** The thing under a point of the canvas. */
export interface Hit {
    /** Id of the layer that it belongs to. */
    layer: string;
    /** Its row in its tile; not the same in every level of detail. `properties.id` is, where there is one. */
    featureId: number;
    /** What is known about it, by property id; unknown values are left out. */
    properties: Record<string, string | number | boolean>;
    /** Longitude of the point hit, degrees (WGS84). */
    lon: number;
    /** Latitude of the point hit, degrees (WGS84). */
    lat: number;
    /** Height of the point hit, metres above the ellipsoid. */
    heightM: number;
}
/** Whom the map names. */
export interface Attribution {
    /** The words, verbatim (`© OpenStreetMap contributors`). */
    text: string;
    /** Where they lead. */
    url?: string;
    /** SPDX id or name of the licence. */
    license?: string;
}
/** A picture laid over the ground, under streets and buildings. Its tiles are in Web Mercator (EPSG:3857). */
export interface Raster {
    /** Unique among layers and rasters. */
    id: string;
    /** Its name by language tag. */
    title?: Record<string, string>;
    /** `xyz`: a template with `{z}`, `{x}` and `{y}` or `{-y}`. `wmts`: with `{TileMatrix}`, `{TileRow}` and `{TileCol}`.
     * `wms`: a `GetMap` request with `{bbox}`, `{width}` and `{height}`. */
    kind: "xyz" | "wmts" | "wms";
    /** URL template of its tiles. */
    url: string;
    /** Coarsest zoom that there is, default 0. */
    minZoom?: number;
    /** Finest zoom that there is, default 19. */
    maxZoom?: number;
    /** From 0, not seen, to 1, hiding the ground; default 1. */
    opacity?: number;
    /** Shown at first? Default true. */
    visible?: boolean;
    /** Who is to be named while it is there. */
    attribution?: Attribution[];
}
/** A name on the map. */
export interface ShownLabel {
    /** Stable id of the thing that it names, as in search results and `properties.id`. */
    id: string;
    /** As written. */
    text: string;
    /** Its centre, CSS pixels from the canvas's left edge. */
    x: number;
    /** Its centre, CSS pixels from the canvas's top edge. */
    y: number;
    /** Along the writing, CSS pixels. */
    width: number;
    /** Across the writing, CSS pixels. */
    height: number;
    /** Direction of writing, degrees clockwise from rightwards. */
    angleDeg: number;
}
/** How far loading is, over all layers that are switched on. */
export interface Progress {
    /** Tiles that this view needs. */
    wanted: number;
    /** Those that are loaded. */
    loaded: number;
    /** Those that failed for good. */
    failed: number;
    /** Requests under way. */
    requestsActive: number;
    /** Bytes downloaded since the start. */
    bytes: number;
}
/** A fault from which the scene goes on. */
export interface Problem {
    /** For programs: short and stable. */
    code: string;
    /** For people. */
    message: string;
    /** A URL, and within it a path. */
    place: string;
}
/** What is drawn and held. */
export interface Stats {
    /** Tiles in the last frame. */
    tilesVisible: number;
    /** Triangles in the last frame, instances counted each. */
    trianglesVisible: number;
    /** Features of the tiles in the last frame. */
    featuresVisible: number;
    /** Requests under way. */
    requestsActive: number;
    /** Bytes downloaded since the start. */
    bytesDownloaded: number;
    /** Bytes in GPU buffers and textures. */
    gpuBytes: number;
    /** Bytes of decoded tiles in main memory. */
    heapBytes: number;
    /** Script time of a frame, milliseconds: median and 95th percentile of the last 120 frames. */
    frameCpuMs: {
        /** Median. */
        p50: number;
        /** 95th percentile. */
        p95: number;
    };
    /** The error that tiles may have now, CSS pixels: as asked for, or more where that does not fit into memory. */
    effectiveErrorPx: number;
}
/** What else is held. */
export interface Diagnostics {
    /** About how many bytes the tree of known tiles takes. */
    treeBytes: number;
    /** Frames drawn since the start. */
    frames: number;
}
/** What can be listened to, and what a listener gets. */
export interface CityTwinEvents {
    /** A click or tap; null beside everything. */
    click: Hit | null;
    /** The pointer rests on another feature than before; null when on none. */
    hover: Hit | null;
    /** The camera has moved; at most once per frame. */
    view: View;
    /** The camera has come to rest. */
    viewrest: View;
    /** Loading has advanced. */
    progress: Progress;
    /** Something could not be loaded, decoded or drawn; each is told once, until it is solved. */
    problem: Problem;
    /** What was told as a problem is one no more. */
    problemsolved: Problem;
    /** The browser took the graphics away. */
    contextlost: undefined;
    /** The graphics are back; the same picture follows. */
    contextrestored: undefined;
    /** Everything that the view needs is loaded and drawn. */
    settled: undefined;
}
