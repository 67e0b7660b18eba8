//! Which tiles to draw, fetch, abort and free, frame by frame.

use crate::{ContentInfo, Problem, SubtreeDoc, TilesetDoc, View, What};
use glam::{DMat4, DVec3};

/// How the engine behaves. Every field may change between two frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// A tile is detailed enough when its error covers at most this many pixels. Default 16; at least 0 (0 asks for
    /// every leaf in sight).
    pub max_error_px: f64,
    /// Most requests in flight at a time, over all tilesets. Default 20; 0 requests nothing.
    pub max_requests: usize,
    /// Bytes of loaded contents (CPU and GPU) to keep. Default 512 MiB. What the current view needs is never freed,
    /// even when it alone is larger.
    pub cache_bytes: u64,
    /// While a tile that could stand in is itself not loaded, at most this many tiles below it are loaded at once;
    /// beyond, it comes first. Default 20.
    pub max_loading_descendants: u32,
    /// Load ancestors and neighbours of what is drawn when there is nothing more urgent. Default true.
    pub preload: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_error_px: 16.0,
            max_requests: 20,
            cache_bytes: 512 << 20,
            max_loading_descendants: 20,
            preload: true,
        }
    }
}

/// A tileset that was added to an [`Engine`]. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilesetId(pub u32);

/// A tile, unique over all tilesets of an [`Engine`]; reused after its tileset was removed and a later frame said to
/// free it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId(pub u32);

/// A request. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A file to fetch and [`decode`](crate::decode); the answer goes to [`Engine::arrived`].
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// To answer with.
    pub request: RequestId,
    /// Where it is.
    pub url: String,
    /// What it is expected to be.
    pub what: What,
    /// The tile whose content it is; `None` for documents.
    pub tile: Option<TileId>,
}

/// What a fetched file turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// A tileset.
    Tileset(TilesetDoc),
    /// A subtree.
    Subtree(SubtreeDoc),
    /// Something to draw, which the caller holds under the fetch's tile id.
    Content(ContentInfo),
}

/// How far loading has come, for the current view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files that this view wants, loaded or not: what it would draw, and documents that it waits for.
    pub wanted: u32,
    /// Those of them that are loaded.
    pub loaded: u32,
    /// Those of them that failed.
    pub failed: u32,
    /// Requests in flight.
    pub requests_active: u32,
    /// Bytes of loaded contents (CPU and GPU).
    pub bytes: u64,
}

/// What to do after one [`Engine::update`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// Draw these; each one's content is loaded. In tree order: parents before children, tilesets as added.
    pub draw: Vec<TileId>,
    /// Fetch these, most urgent first.
    pub fetch: Vec<Fetch>,
    /// Nobody waits for these any more; an answer is ignored, and none is needed.
    pub abort: Vec<RequestId>,
    /// Drop the contents of these.
    pub free: Vec<TileId>,
    /// What went wrong since the last frame; each problem is told once.
    pub problems: Vec<Problem>,
    /// How far loading has come.
    pub progress: Progress,
    /// Everything that this view wants is drawn or has failed.
    pub settled: bool,
    /// Settled, and nothing is in flight or waiting: until the view, the options or the tilesets change, a further
    /// update would say the same.
    pub idle: bool,
}

/// Where a tile's own content stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileState {
    /// It has none to draw: empty, or the root of an external tileset.
    Empty,
    /// Not loaded.
    Unloaded,
    /// In flight.
    Requested,
    /// Loaded.
    Loaded,
    /// Could not be loaded; it is not tried again.
    Failed,
}

/// What is known about a tile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TileInfo<'a> {
    /// Its tileset.
    pub tileset: TilesetId,
    /// Depth below the root of its tileset (external tilesets count on); for implicit tiles of one, their level.
    pub level: u32,
    /// Places its content: ECEF (metres) from the tile's z-up frame.
    pub ecef_from_tile: DMat4,
    /// Absolute URL of its content; empty when it has none.
    pub content_url: &'a str,
    /// Its error in the last frame in which it was considered, pixels; 0 before.
    pub error_px: f64,
    /// Where its content stands.
    pub state: TileState,
    /// Error of drawing it instead of its children, metres, scaled by its transform.
    pub geometric_error: f64,
    /// Whether it has children, as far as is known.
    pub has_children: bool,
    /// Centre of its bounding volume, ECEF metres.
    pub center_ecef: DVec3,
    /// Radius of a sphere around that centre that holds the bounding volume, metres.
    pub radius_m: f64,
}

/// The engine: a function of what was added, what arrived and the view.
#[derive(Debug, Default)]
pub struct Engine {
    options: Options,
    frame: Frame,
}

impl Engine {
    /// An engine without tilesets.
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// The options in force.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Changes options; they hold from the next update on.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Adds a tileset by the URL of its `tileset.json`; it is fetched with the next update and is visible.
    pub fn add_tileset(&mut self, url: String) -> TilesetId {
        let _ = url;
        TilesetId(0)
    }

    /// Removes a tileset. The next frame frees its tiles and aborts its requests.
    pub fn remove_tileset(&mut self, id: TilesetId) {
        let _ = id;
    }

    /// Shows or hides a tileset. A hidden one draws and requests nothing; its tiles stay in the cache.
    pub fn set_visible(&mut self, id: TilesetId, visible: bool) {
        let _ = (id, visible);
    }

    /// Selects for this view. Call it whenever the view or the options changed, something arrived, or the last frame
    /// was not [`Frame::idle`]; each frame's lists must be carried out before the next call.
    pub fn update(&mut self, view: &View) -> &Frame {
        let _ = view;
        &self.frame
    }

    /// The last frame.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Hands over what became of a fetch. Returns whether the engine still wants it: when `false`, drop the content.
    pub fn arrived(&mut self, request: RequestId, result: Result<Arrival, Problem>) -> bool {
        let _ = (request, result);
        false
    }

    /// Everything that is known of and neither loaded, failed nor asked for, in all visible tilesets, without regard
    /// to view, cap and cache: for tools that read a tileset as a whole. Empty when all is loaded.
    pub fn fetch_all(&mut self) -> Vec<Fetch> {
        Vec::new()
    }

    /// What is known about a tile; `None` when there is no such tile.
    pub fn tile(&self, id: TileId) -> Option<TileInfo<'_>> {
        let _ = id;
        None
    }

    /// All tiles known so far, in no particular order.
    pub fn tiles(&self) -> impl Iterator<Item = TileId> {
        [].into_iter()
    }

    /// What the caller said about a loaded content.
    pub fn content(&self, id: TileId) -> Option<&ContentInfo> {
        let _ = id;
        None
    }
}
