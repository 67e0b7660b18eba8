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
  /** How sharply is drawn while the view moves. */
  resolution: {
    /** Whether fewer pixels are drawn while the view moves and the device is slow; at rest all are. Default true. */
    adaptive: boolean;
    /** At least this share of the pixels' width and height is drawn; 0.25 to 1, default 0.5. */
    least: number;
  };
}

type Parts<T> = { [Key in keyof T]?: NonNullable<T[Key]> extends object ? Parts<T[Key]> : T[Key] };

/** Any parts of a {@link Scene}; what is not named stays as it is. */
export type PartialScene = Parts<Scene>;
