//! Which tiles to draw, fetch, abort and free, frame by frame.

mod cache;
mod select;
mod tree;

#[cfg(test)]
mod tests;

use crate::bounds::Eye;
use crate::{ContentInfo, Problem, Refine, SubtreeDoc, TilesetDoc, View, What};
use cache::Cache;
use glam::{DMat4, DVec3};
use select::{Group, Selection, Want};
use tree::{State, Tree};

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
    /// Load ancestors and neighbours of what is drawn when there is nothing more urgent, as far as they fit into the
    /// cache. Default true.
    pub preload: bool,
    /// Most tiles to know at a time; beyond, tiles go without children and a problem says so. Default 2 million, about
    /// 1 GB.
    pub max_tiles: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_error_px: 16.0,
            max_requests: 20,
            cache_bytes: 512 << 20,
            max_loading_descendants: 20,
            preload: true,
            max_tiles: 2_000_000,
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
    /// How its children refine it.
    pub refine: Refine,
    /// Whether it has children, as far as is known.
    pub has_children: bool,
    /// It has a file that is to be drawn (rather than a document, or nothing), whether that was loaded or not.
    pub is_content: bool,
    /// It is no tile of its own but a further content of one that has several.
    pub is_further_content: bool,
    /// Centre of its bounding volume, ECEF metres.
    pub center_ecef: DVec3,
    /// Radius of a sphere around that centre that holds the bounding volume, metres.
    pub radius_m: f64,
}

/// The engine: a function of what was added, what arrived and the view.
#[derive(Debug, Default)]
pub struct Engine {
    options: Options,
    tree: Tree,
    cache: Cache,
    queue: Vec<Want>,
    active: Vec<Active>,
    frame: Frame,
    frame_number: u64,
    next_request: u64,
    /// Told with the next frame.
    pending_problems: Vec<Problem>,
    pending_abort: Vec<RequestId>,
    pending_free: Vec<TileId>,
    /// Nodes of removed tilesets: to be told as freed with the next frame, and after it to be used again.
    leaving: Vec<u32>,
    left: Vec<u32>,
    overflow_told: bool,
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
struct Active {
    request: RequestId,
    node: u32,
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
        self.tree.add_tileset(url)
    }

    /// Removes a tileset. The next frame frees its tiles and aborts its requests.
    pub fn remove_tileset(&mut self, id: TilesetId) {
        let nodes = self.tree.remove_tileset(id);
        for index in &nodes {
            match self.tree.nodes[*index as usize].state {
                State::Loaded => {
                    self.cache.remove(&mut self.tree.nodes, *index);
                    self.pending_free.push(TileId(*index));
                }
                State::Requested(request) => {
                    self.active.retain(|active| active.request != request);
                    self.pending_abort.push(request);
                }
                _ => {}
            }
        }
        self.leaving.extend(nodes);
    }

    /// Shows or hides a tileset. A hidden one draws and requests nothing; its tiles stay in the cache.
    pub fn set_visible(&mut self, id: TilesetId, visible: bool) {
        if let Some(tileset) = self.tree.tileset_mut(id) {
            tileset.visible = visible;
        }
    }

    /// Selects for this view. Call it whenever the view or the options changed, something arrived, or the last frame
    /// was not [`Frame::idle`]; each frame's lists must be carried out before the next call. A view that is not
    /// [valid](View::is_valid) changes nothing.
    pub fn update(&mut self, view: &View) -> &Frame {
        self.begin_frame();
        if view.is_valid() {
            self.select(view);
            self.abort_useless();
            self.evict();
            self.request();
        }
        self.finish_frame();
        &self.frame
    }

    fn begin_frame(&mut self) {
        self.frame.fetch.clear();
        self.frame.abort.clear();
        self.frame.free.clear();
        self.frame.problems.clear();
        self.frame.abort.append(&mut self.pending_abort);
        self.frame.free.append(&mut self.pending_free);
        self.frame.problems.append(&mut self.pending_problems);
        self.tree.release(&mut self.left);
        std::mem::swap(&mut self.left, &mut self.leaving);
        self.frame_number += 1;
        self.tree.max_nodes = self.options.max_tiles;
    }

    fn select(&mut self, view: &View) {
        self.frame.draw.clear();
        self.queue.clear();
        let mut selection = Selection {
            tree: &mut self.tree,
            cache: &mut self.cache,
            options: &self.options,
            eye: Eye::new(view),
            frame: self.frame_number,
            draw: &mut self.frame.draw,
            queue: &mut self.queue,
            tally: select::Tally::default(),
            used_bytes: 0,
        };
        for tileset in 0..selection.tree.tilesets.len() {
            if let Some(tileset) = selection.tree.tilesets[tileset].as_ref().filter(|t| t.visible) {
                let root = tileset.root;
                selection.select(root);
            }
        }
        let select::Tally { wanted, loaded, failed } = selection.tally;
        let used_bytes = selection.used_bytes;
        self.frame.progress = Progress { wanted, loaded, failed, ..Progress::default() };
        self.frame.settled = wanted == loaded + failed;
        for id in &self.frame.draw {
            self.tree.nodes[id.0 as usize].drawn_frame = self.frame_number;
        }
        self.drop_preloads_beyond_budget(used_bytes);
    }

    /// Preloads must fit beside what is of use: else they would push each other out for ever. A size that is not known
    /// is taken to be the mean.
    fn drop_preloads_beyond_budget(&mut self, used_bytes: u64) {
        let mean = self.cache.bytes.checked_div(self.cache.count).unwrap_or(0);
        let mut room = self.options.cache_bytes.saturating_sub(used_bytes);
        room = room.saturating_sub(mean * self.active.len() as u64);
        let nodes = &self.tree.nodes;
        self.queue.retain(|want| {
            let known = nodes[want.node as usize].bytes;
            let size = if known > 0 { known } else { mean };
            if want.group == Group::Preload && size <= room {
                room -= size;
                return true;
            }
            want.group != Group::Preload
        });
    }

    fn abort_useless(&mut self) {
        let (nodes, frame, abort) = (&mut self.tree.nodes, self.frame_number, &mut self.frame.abort);
        self.active.retain(|active| {
            let node = &mut nodes[active.node as usize];
            let useful = node.useful_frame == frame;
            if !useful {
                node.state = State::Unloaded;
                abort.push(active.request);
            }
            useful
        });
    }

    fn evict(&mut self) {
        let free = &mut self.frame.free;
        self.cache.evict(&mut self.tree.nodes, self.options.cache_bytes, self.frame_number, |node, index| {
            node.state = State::Unloaded;
            node.info = None;
            free.push(TileId(index));
        });
    }

    /// Sends the most missed files for, as many as may be in flight. Preloads never take more than half of that.
    fn request(&mut self) {
        self.queue.sort_unstable_by(|a, b| a.group.cmp(&b.group).then(a.priority.total_cmp(&b.priority)));
        let cap = self.options.max_requests;
        for i in 0..self.queue.len() {
            let want = self.queue[i];
            let room = if want.group == Group::Preload { cap.div_ceil(2) } else { cap };
            if self.active.len() >= room {
                break;
            }
            if self.tree.nodes[want.node as usize].state == State::Unloaded {
                let fetch = self.start(want.node);
                self.frame.fetch.push(fetch);
            }
        }
    }

    fn start(&mut self, node: u32) -> Fetch {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.active.push(Active { request, node });
        let what = self.tree.what(node);
        let tile = (what == What::Content).then_some(TileId(node));
        self.tree.nodes[node as usize].state = State::Requested(request);
        Fetch { request, url: self.tree.nodes[node as usize].url.clone(), what, tile }
    }

    fn finish_frame(&mut self) {
        if self.tree.overflowed && !self.overflow_told {
            self.overflow_told = true;
            let message = format!("more than {} tiles; the rest is not shown", self.options.max_tiles);
            self.frame.problems.push(Problem::new("tiles-too-many", message, "engine"));
        }
        self.frame.progress.requests_active = self.active.len() as u32;
        self.frame.progress.bytes = self.cache.bytes;
        self.frame.idle = self.frame.settled && self.active.is_empty();
    }

    /// The last frame.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Hands over what became of a fetch. Returns whether the engine still wants it: when `false`, drop the content.
    pub fn arrived(&mut self, request: RequestId, result: Result<Arrival, Problem>) -> bool {
        let Some(position) = self.active.iter().position(|active| active.request == request) else { return false };
        let index = self.active.swap_remove(position).node;
        match result.and_then(|arrival| self.accept(index, arrival)) {
            Ok(()) => true,
            Err(problem) => {
                self.tree.nodes[index as usize].state = State::Failed;
                self.pending_problems.push(problem);
                false
            }
        }
    }

    fn accept(&mut self, index: u32, arrival: Arrival) -> Result<(), Problem> {
        let what = self.tree.what(index);
        match (arrival, what) {
            (Arrival::Content(mut info), What::Content | What::Json) if !self.tree.is_stand_in(index) => {
                self.pending_problems.append(&mut info.problems);
                let node = &mut self.tree.nodes[index as usize];
                node.state = State::Loaded;
                node.bytes = info.cpu_bytes + info.gpu_bytes;
                node.info = Some(Box::new(info));
                self.cache.insert(&mut self.tree.nodes, index);
                Ok(())
            }
            (Arrival::Tileset(mut doc), What::Content | What::Json) => {
                let problems = std::mem::take(&mut doc.problems);
                self.tree.attach_tileset(index, doc)?;
                self.pending_problems.extend(problems);
                Ok(())
            }
            (Arrival::Subtree(mut doc), What::Subtree(_)) => {
                self.pending_problems.append(&mut doc.problems);
                self.tree.attach_subtree(index, doc);
                Ok(())
            }
            (_, what) => {
                let expected = match what {
                    What::Json => "a tileset",
                    What::Subtree(_) => "a subtree",
                    What::Content => "a content",
                };
                let url = &self.tree.nodes[index as usize].url;
                Err(Problem::new("answer-unexpected", format!("{expected} was asked for, something else came"), url))
            }
        }
    }

    /// Everything that is known of and neither loaded, failed nor asked for, in all visible tilesets, without regard
    /// to view, cap and cache: for tools that read a tileset as a whole. Empty when all is loaded.
    pub fn fetch_all(&mut self) -> Vec<Fetch> {
        self.tree.max_nodes = self.options.max_tiles;
        let mut fetches = Vec::new();
        let mut stack: Vec<u32> = self.tree.visible_roots().collect();
        while let Some(index) = stack.pop() {
            self.tree.expand(index);
            let files: Vec<u32> = self.tree.contents(index).collect();
            for file in files {
                if self.tree.nodes[file as usize].state == State::Unloaded {
                    fetches.push(self.start(file));
                }
            }
            stack.extend(self.tree.children(index));
        }
        fetches
    }

    /// What is known about a tile; `None` when there is no such tile.
    pub fn tile(&self, id: TileId) -> Option<TileInfo<'_>> {
        if !self.tree.is_tile(id.0) {
            return None;
        }
        let node = &self.tree.nodes[id.0 as usize];
        Some(TileInfo {
            tileset: TilesetId(node.tileset),
            level: node.level,
            ecef_from_tile: self.tree.ecef_from_tile(id.0),
            content_url: &node.url,
            error_px: node.error_px,
            state: match node.state {
                State::Empty | State::Document => TileState::Empty,
                State::Unloaded => TileState::Unloaded,
                State::Requested(_) => TileState::Requested,
                State::Loaded => TileState::Loaded,
                State::Failed => TileState::Failed,
            },
            geometric_error: node.geometric_error,
            refine: node.refine,
            has_children: self.tree.has_children(id.0),
            is_content: !node.expects_document && !matches!(node.state, State::Empty | State::Document),
            is_further_content: self.tree.is_further_content(id.0),
            center_ecef: node.bounds.center,
            radius_m: node.bounds.radius,
        })
    }

    /// All tiles known so far, further contents of a tile included, in no particular order.
    pub fn tiles(&self) -> impl Iterator<Item = TileId> {
        (0..self.tree.nodes.len() as u32).filter(|index| self.tree.is_tile(*index)).map(TileId)
    }

    /// What the caller said about a loaded content.
    pub fn content(&self, id: TileId) -> Option<&ContentInfo> {
        self.tree.nodes.get(id.0 as usize)?.info.as_deref()
    }
}
