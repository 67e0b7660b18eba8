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
export type StyleRule = string | number | boolean | { conditions: [string | boolean, string | number | boolean][] };

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
