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

type Parts<T> = T extends readonly unknown[] ? T : T extends object ? { [Key in keyof T]?: Parts<T[Key]> } : T;

/** Any parts of a {@link Scene}; what is not named stays as it is. */
export type PartialScene = Parts<Scene>;
