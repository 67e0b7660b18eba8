//! What a caller may set.

/// How the engine behaves. Every field may change between two frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// A tile is detailed enough when its error covers at most this many pixels. Default 16; at least 0 (0 asks for
    /// every leaf in sight). While the view does not fit into [`cache_bytes`](Self::cache_bytes), more is allowed:
    /// [`Frame::effective_error_px`](crate::Frame::effective_error_px).
    pub max_error_px: f64,
    /// Most requests in flight at a time, over all tilesets. Default 20; 0 requests nothing.
    pub max_requests: usize,
    /// Most requests in flight at a time to one host (scheme, name and port of a URL; all URLs without one count as
    /// one host). Default 20, so that it limits nothing beside the default of
    /// [`max_requests`](Self::max_requests); 6 is what browsers allow over HTTP/1.1. 0 requests nothing.
    pub max_requests_per_host: usize,
    /// Bytes of memory to keep to: loaded contents (on the GPU and beside it) and the tile tree itself. Default
    /// 512 MiB. When the current view needs more, it is drawn coarser until it fits, and so does the exchange of one
    /// level for another: what is on the screen is freed only once something coarser is there. Only what the coarsest
    /// picture needs is held in any case; 0 keeps nothing else. Within a sixteenth of the budget and the largest tile below it the detail is left as it is.
    pub cache_bytes: u64,
    /// While a tile that could stand in is itself not loaded, at most this many tiles below it are loaded at once;
    /// beyond, it comes first. Default 20 (as in cesium-native); 0 loads every tile before those below it that are
    /// still missing.
    pub max_loading_descendants: u32,
    /// Load ancestors and neighbours of what is drawn when there is nothing more urgent, as far as they fit into the
    /// cache. Default true.
    pub preload: bool,
    /// Most tiles to know at a time; beyond, tiles go without children and a problem says so. Default 2 million, about
    /// 1 GB.
    pub max_tiles: usize,
    /// Where nothing is drawn yet, tiles that are good enough for a picture of this fraction of the height come first:
    /// a quick coarse layer, which zooming out and turning find loaded later. Default 0.3 (CesiumJS'
    /// `progressiveResolutionHeightFraction`); from 0 (none) to 1.
    pub progressive_fraction: f64,
    /// Load the coarsest tiles in sight before all others and keep them, so that wherever the eye turns there is
    /// something to see. Default true.
    pub keep_coarsest: bool,
    /// How many times smaller than the error of the next loaded tile above it a tile's own error may be without its
    /// being loaded on the way down to finer ones. Default infinity: levels are skipped, up to
    /// [`max_loading_descendants`](Self::max_loading_descendants). At least 1: no level is skipped (what CesiumJS does
    /// without `skipLevelOfDetail`; with it, its factor is 16).
    pub skip_error_factor: f64,
    /// A tile that the eye will have passed by its own diameter after this many seconds is not asked for, and a larger
    /// one above it is: it would come too late. Default 1, which is CesiumJS' 60 frames; 0 asks for everything. Only
    /// where the caller tells the time ([`Engine::update_at`](crate::Engine::update_at)).
    pub outrun_secs: f64,
    /// While the eye moves, what would only make the picture finer waits where it lies outside of a cone around the
    /// middle of the view: the cone's part of the field of view, measured by 1 − cos. Default 1: nothing waits; 0
    /// leaves a line. CesiumJS' `foveatedConeSize` is 0.1, but it lets only added tiles wait. Only where the caller
    /// tells the time.
    pub foveated_cone: f64,
    /// How long after the eye came to rest that waiting ends, seconds. Default 0.2 (CesiumJS'
    /// `foveatedTimeDelay`); at least 0.
    pub foveated_delay_secs: f64,
    /// Tiles beyond this distance are not drawn, because the caller's haze hides them. Default infinity; metres, at
    /// least 0.
    pub hidden_beyond_m: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_error_px: 16.0,
            max_requests: 20,
            max_requests_per_host: 20,
            cache_bytes: 512 << 20,
            max_loading_descendants: 20,
            preload: true,
            max_tiles: 2_000_000,
            progressive_fraction: 0.3,
            keep_coarsest: true,
            skip_error_factor: f64::INFINITY,
            outrun_secs: 1.0,
            foveated_cone: 1.0,
            foveated_delay_secs: 0.2,
            hidden_beyond_m: f64::INFINITY,
        }
    }
}
