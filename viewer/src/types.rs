//! What a host gives to the viewer and gets from it.

use citytwin_geo::LookAt;
use citytwin_tiles::{Problem, Value};

/// How a viewer draws and loads. The defaults suit a laptop and a phone.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewerOptions {
    /// A tile is refined when its geometric error covers more than this many CSS pixels; above 0. Default 16, as in
    /// other 3D Tiles viewers; smaller is sharper and loads more.
    pub max_error_px: f64,
    /// Bytes that decoded tiles may take, in main memory and on the GPU together, and what is known of tiles yet to
    /// load. What does not fit is drawn coarser; only what the coarsest picture needs is held in any case. Default
    /// 512 MiB.
    pub cache_bytes: u64,
    /// A request that brings no byte for this long is given up and sent again, milliseconds; at least 1. Default
    /// 20,000. A slow line is no reason: what counts is the wait for the next byte.
    pub idle_timeout_ms: f64,
    /// Requests under way at once. Default 20.
    pub max_requests: usize,
    /// Decode workers; `None`: one less than the machine's cores, between 1 and 4.
    pub workers: Option<usize>,
    /// URL of `worker.js`, absolute or relative to the page; `decode_worker.js` and `decode_worker_bg.wasm` lie
    /// beside it. Default `worker.js`.
    pub worker_url: String,
    /// Device pixels per CSS pixel are never more than this. Default 2.
    pub max_pixel_ratio: f64,
}

impl Default for ViewerOptions {
    fn default() -> Self {
        Self {
            max_error_px: 16.0,
            cache_bytes: 512 << 20,
            idle_timeout_ms: 20_000.0,
            max_requests: 20,
            workers: None,
            worker_url: "worker.js".into(),
            max_pixel_ratio: 2.0,
        }
    }
}

/// Why a viewer could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewerError {
    /// The browser gives no WebGL2 context: too old, switched off, or too many pages hold one.
    #[error("this browser cannot draw in 3D here: WebGL2 is not available")]
    NoWebGl2,
    /// The graphics driver refused something that every WebGL2 device has; the text is the driver's.
    #[error("the graphics driver refused to start: {0}")]
    Graphics(String),
    /// A browser interface is missing or failed.
    #[error("the browser refused {what}: {message}")]
    Browser {
        /// Which interface.
        what: &'static str,
        /// The browser's words.
        message: String,
    },
}

/// The thing under a point of the canvas.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Id of the layer that it belongs to.
    pub layer: String,
    /// Its row in its tile's property table. Not stable between levels of detail: use the `id` property for that.
    pub feature_id: u32,
    /// Its properties in the schema's order, values that mean "unknown" left out.
    pub properties: Vec<(String, Value)>,
    /// Longitude of the point hit, degrees.
    pub lon: f64,
    /// Latitude of the point hit, degrees.
    pub lat: f64,
    /// Height of the point hit, metres above the ellipsoid.
    pub height_m: f64,
}

impl Hit {
    /// The value of a property.
    pub fn property(&self, id: &str) -> Option<&Value> {
        self.properties.iter().find(|(name, _)| name == id).map(|(_, value)| value)
    }

    /// The feature's stable id (its `id` property), where it has one.
    pub fn stable_id(&self) -> Option<String> {
        match self.property("id")? {
            Value::Text(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Boolean(_) => None,
        }
    }
}

/// What a host can listen to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A click or tap; `None` beside everything.
    Click(Option<Hit>),
    /// The pointer rests on another feature than before; `None` when on none.
    Hover(Option<Hit>),
    /// The camera has moved. At most once per frame.
    View(LookAt),
    /// The camera has come to rest after moving.
    ViewRest(LookAt),
    /// Loading has advanced.
    Progress(Progress),
    /// Something could not be loaded, decoded or drawn; the scene goes on. Each is told once, until it is solved.
    Problem(Problem),
    /// What was told as a problem is one no more: the file has come, or nobody asks for it now.
    ProblemSolved(Problem),
    /// The browser took the graphics away; drawing goes on after [`Event::ContextRestored`].
    ContextLost,
    /// The graphics are back, the same picture follows.
    ContextRestored,
    /// Everything that the view needs is loaded and drawn.
    Settled,
}

/// How far loading is, over all layers that are switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tiles that this view needs.
    pub wanted: u64,
    /// Those that are loaded.
    pub loaded: u64,
    /// Those that failed for good.
    pub failed: u64,
    /// Requests under way.
    pub requests_active: u64,
    /// Bytes downloaded since the start.
    pub bytes: u64,
}

/// What the viewer has drawn and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// Tiles in the last frame.
    pub tiles_drawn: u32,
    /// Triangles in the last frame, instances counted each.
    pub triangles_drawn: u64,
    /// Features of the tiles in the last frame.
    pub features_drawn: u64,
    /// Requests under way.
    pub requests_active: u32,
    /// Bytes downloaded since the start.
    pub bytes_downloaded: u64,
    /// Bytes in GPU buffers.
    pub gpu_bytes: u64,
    /// Bytes of decoded tiles in main memory, those that wait for their upload included.
    pub heap_bytes: u64,
    /// About how many bytes the tree of known tiles takes in main memory.
    pub tree_bytes: u64,
    /// The error that tiles may have now, CSS pixels: what was asked for, or more where that does not fit into memory.
    pub effective_error_px: f64,
    /// Frames drawn since the start.
    pub frames: u64,
    /// Script time of a frame, milliseconds, median of the last 120 frames.
    pub frame_cpu_ms_p50: f64,
    /// The same, 95th percentile.
    pub frame_cpu_ms_p95: f64,
}
