//! Which tiles to draw, fetch, abort and free, frame by frame.

mod budget;
mod cache;
mod motion;
mod options;
mod queue;
mod select;
mod tree;

#[cfg(test)]
mod tests;

use crate::bounds::{ALL_PLANES, Bounds, Eye};
use crate::{ContentInfo, Problem, Refine, SubtreeDoc, TerrainDoc, TerrainSource, TilesetDoc, UpAxis, View, What};
use budget::{Budget, Need, Pressure};
use cache::Cache;
use glam::{DMat4, DVec3};
use litemap::LiteMap;
use motion::Motion;
use queue::Room;
use select::{Group, Selection, Tally, Want};
use tree::{State, Tree};

pub use options::Options;

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
    /// The axis that points up in its glTFs, where its tileset says so; goes into [`crate::Resources::gltf_up`].
    pub gltf_up: Option<UpAxis>,
}

/// What a fetched file turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// A tileset.
    Tileset(TilesetDoc),
    /// A subtree.
    Subtree(SubtreeDoc),
    /// What a terrain has.
    Terrain(TerrainDoc),
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
    /// About how many bytes the tile tree itself takes: nodes and documents.
    pub tree_bytes: u64,
    /// Tiles that the last update looked at.
    pub visited: u32,
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
    /// The error that tiles of this frame may have, pixels: [`Options::max_error_px`], or more where the view did not
    /// fit into [`Options::cache_bytes`].
    pub effective_error_px: f64,
    /// Everything that this view wants is drawn or has failed, and it fits into memory as well as it can.
    pub settled: bool,
    /// Update again with the next animation frame, whatever arrives until then: the error that is allowed goes on
    /// changing, or requests were held back while the eye moves.
    pub again: bool,
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
    /// Could not be loaded; it is not tried again before [`Engine::retry`].
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

/// What [`Engine::admit`] says of a content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Drop the contents of these first.
    pub free: Vec<TileId>,
    /// There is room for it.
    pub has_room: bool,
}

/// The engine: a function of what was added, what arrived and the view.
#[derive(Debug, Default)]
pub struct Engine {
    options: Options,
    tree: Tree,
    cache: Cache,
    budget: Budget,
    motion: Motion,
    destination: Option<View>,
    queue: Vec<Want>,
    /// Nodes of the requests in flight.
    active: LiteMap<RequestId, u32>,
    /// Bytes of those that have come and wait to be handed over.
    admitted: LiteMap<RequestId, u64>,
    pressure: Pressure,
    /// The coarsest tiles in sight, in one frame.
    coarsest: Vec<u32>,
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

    /// Adds a terrain, which is to the engine a tileset like any other: its tiles are selected, requested, kept and
    /// replaced in the same way and out of the same budget.
    pub fn add_terrain(&mut self, source: TerrainSource) -> TilesetId {
        self.tree.add_terrain(source)
    }

    /// Removes a tileset. The next frame frees its tiles and aborts its requests.
    pub fn remove_tileset(&mut self, id: TilesetId) {
        self.budget.forget();
        let nodes = self.tree.remove_tileset(id);
        for index in &nodes {
            match self.tree.nodes[*index as usize].state {
                State::Loaded => {
                    self.cache.remove(&mut self.tree.nodes, *index);
                    self.pending_free.push(TileId(*index));
                }
                State::Requested(request) => {
                    self.active.remove(&request);
                    self.admitted.remove(&request);
                    self.pending_abort.push(request);
                }
                _ => {}
            }
        }
        self.leaving.extend(nodes);
    }

    /// Shows or hides a tileset. A hidden one draws and requests nothing; its tiles stay in the cache.
    pub fn set_visible(&mut self, id: TilesetId, visible: bool) {
        self.budget.forget();
        if let Some(tileset) = self.tree.tileset_mut(id) {
            tileset.visible = visible;
        }
    }

    /// Says where the eye is flying to, so that what it will see there is loaded on the way; `None` when it has
    /// arrived or the flight was broken off. Such loads come before all other preloads, whatever
    /// [`Options::preload`] says, and after everything that the current view misses.
    pub fn preload_view(&mut self, destination: Option<View>) {
        self.destination = destination.filter(View::is_valid);
    }

    /// Lets everything that failed be asked for again, for example because the server is back; how many files that
    /// are. When to call it, and how often, is the caller's to say: the engine never tries again by itself, so that a
    /// broken tileset costs one request per file.
    pub fn retry(&mut self) -> usize {
        self.retry_where(|_| true)
    }

    /// As [`retry`](Self::retry), for the files whose URL is picked.
    pub fn retry_where(&mut self, pick: impl Fn(&str) -> bool) -> usize {
        let nodes = self.tree.nodes.iter_mut();
        let failed = nodes.filter(|node| node.state == State::Failed && pick(&node.url));
        let again = failed.map(|node| node.state = State::Unloaded).count();
        if again > 0 {
            self.budget.forget();
        }
        again
    }

    /// Forgets all loaded contents, because the caller has lost what it made of them: they are asked for again where a
    /// view wants them. No frame names them in [`Frame::free`].
    pub fn forget_contents(&mut self) {
        for index in 0..self.tree.nodes.len() as u32 {
            if self.tree.nodes[index as usize].state == State::Loaded {
                self.unload(index);
            }
        }
        self.frame.draw.clear();
    }

    /// URLs of the files that failed and were not asked for again since.
    pub fn failed(&self) -> impl Iterator<Item = &str> {
        let exists = |index: &usize| self.tree.exists(*index as u32);
        let failed = |index: &usize| self.tree.nodes[*index].state == State::Failed;
        (0..self.tree.nodes.len()).filter(failed).filter(exists).map(|index| self.tree.nodes[index].url.as_str())
    }

    /// Says how many bytes (CPU and GPU) a content has that has come but is not [handed over](Self::arrived) yet, and
    /// asks whether there is room for it. Without asking, the memory in use may exceed [`Options::cache_bytes`] by the
    /// contents that turn out larger than was expected.
    ///
    /// Where there is no room, the request is over: drop the content. It will be asked for again when there is.
    pub fn admit(&mut self, request: RequestId, bytes: u64) -> Admission {
        let Some(&index) = self.active.get(&request) else { return Admission::default() };
        let node = &mut self.tree.nodes[index as usize];
        node.bytes = bytes;
        if !std::mem::replace(&mut node.sized, true) {
            self.budget.learn(bytes);
        }
        let before: u64 = self.admitted.values().sum();
        let mut admission = Admission::default();
        let left = self.content_budget().saturating_sub(before + bytes);
        while let Some(useless) = self.cache.oldest_useless(&self.tree.nodes, left, self.frame_number) {
            self.unload(useless);
            admission.free.push(TileId(useless));
        }
        admission.has_room = self.cache.bytes + before + bytes <= self.content_budget() || self.overdraws(before);
        if admission.has_room {
            self.admitted.insert(request, bytes);
        } else {
            self.active.remove(&request);
            self.tree.nodes[index as usize].state = State::Unloaded;
        }
        admission
    }

    /// Whether memory may be exceeded: for one content at a time, where the coarsest picture needs it, or where more is
    /// in use than may be, because it takes the place of something larger.
    fn overdraws(&self, admitted_bytes: u64) -> bool {
        admitted_bytes == 0 && (self.pressure == Pressure::Hopeless || self.cache.bytes > self.content_budget())
    }

    /// Selects for this view. Call it whenever the view or the options changed, something arrived, or the last frame
    /// was not [`Frame::idle`]; each frame's lists must be carried out before the next call. A view that is not
    /// [valid](View::is_valid) changes nothing.
    ///
    /// Without the time, as here, the eye counts as resting; see [`update_at`](Self::update_at).
    pub fn update(&mut self, view: &View) -> &Frame {
        self.update_timed(view, None)
    }

    /// As [`update`](Self::update), at a time in seconds since anything. From two of them the engine knows how fast the
    /// eye moves, and does not ask for what would come too late ([`Options::outrun_secs`]).
    pub fn update_at(&mut self, view: &View, now_secs: f64) -> &Frame {
        self.update_timed(view, Some(now_secs))
    }

    fn update_timed(&mut self, view: &View, now_secs: Option<f64>) -> &Frame {
        self.begin_frame();
        if view.is_valid() {
            self.motion.observe(view, now_secs);
            self.budget.observe(view, &self.options);
            let (tally, need) = self.select(view);
            self.abort_useless();
            let kept = tally.loaded_bytes + self.mark_drawn();
            self.evict();
            let blocked = self.request(kept, self.room_for_preloads(&tally)).filter(|_| self.active.is_empty());
            let need = match blocked.filter(|_| self.pressure != Pressure::None) {
                Some(bytes) => Need { bytes: bytes.max(need.bytes), ..need },
                None => need,
            };
            let adapts = self.budget.adapt(self.allowed_px(), self.content_budget(), &need);
            self.pressure = self.pressure.after(blocked.is_some(), adapts, self.active.is_empty());
            self.frame.settled &= !adapts && blocked.is_none();
            self.frame.again = adapts || tally.held_back || blocked.is_some();
        }
        self.finish_frame();
        &self.frame
    }

    /// What the options allow, whatever a caller may have put there.
    fn allowed_px(&self) -> f64 {
        self.options.max_error_px.max(0.0)
    }

    /// Bytes that are left for contents.
    fn content_budget(&self) -> u64 {
        self.options.cache_bytes.saturating_sub(self.tree.bytes())
    }

    fn begin_frame(&mut self) {
        self.frame.fetch.clear();
        self.frame.abort.clear();
        self.frame.free.clear();
        self.frame.problems.clear();
        self.frame.again = false;
        self.frame.abort.append(&mut self.pending_abort);
        self.frame.free.append(&mut self.pending_free);
        self.frame.problems.append(&mut self.pending_problems);
        self.tree.release(&mut self.left);
        std::mem::swap(&mut self.left, &mut self.leaving);
        self.frame_number += 1;
        self.tree.max_nodes = self.options.max_tiles;
    }

    /// Walks all visible tilesets; what the view wants of them, and whether it fits.
    fn select(&mut self, view: &View) -> (Tally, Need) {
        self.frame.draw.clear();
        self.queue.clear();
        self.coarsest.clear();
        let limit_px = self.budget.effective_px(self.allowed_px());
        let moves = self.motion.moved_within(self.options.foveated_delay_secs);
        let waits = moves && self.options.foveated_cone < 1.0;
        let mut selection = Selection {
            tree: &mut self.tree,
            cache: &mut self.cache,
            options: &self.options,
            eye: Eye::new(view),
            motion: self.motion,
            sizes: self.budget.sizes,
            limit_px,
            gives_way: self.pressure != Pressure::None,
            coarsest: &mut self.coarsest,
            cone: if waits { self.options.foveated_cone * (1.0 - (view.fov_rad / 2.0).cos()) } else { f64::INFINITY },
            frame: self.frame_number,
            draw: &mut self.frame.draw,
            queue: &mut self.queue,
            tally: Tally::default(),
            need: Need::default(),
            visited: 0,
        };
        for tileset in 0..selection.tree.tilesets.len() {
            if let Some(root) = selection.tree.visible_root(tileset) {
                selection.select(root);
            }
        }
        selection.keep_coarsest();
        let tally = selection.tally;
        let need = Need { bytes: tally.loaded_bytes + tally.missing_bytes, ..selection.need };
        if let Some(destination) = &self.destination {
            selection.eye = Eye::new(destination);
            for tileset in 0..selection.tree.tilesets.len() {
                if let Some(root) = selection.tree.visible_root(tileset) {
                    selection.look_ahead(root, ALL_PLANES);
                }
            }
        }
        let (Tally { wanted, loaded, failed, .. }, used_bytes) = (tally, selection.tally.used_bytes);
        self.frame.progress = Progress { wanted, loaded, failed, visited: selection.visited, ..Progress::default() };
        self.frame.settled = wanted == loaded + failed;
        self.frame.effective_error_px = limit_px;
        (Tally { used_bytes, ..tally }, need)
    }

    /// Notes what is drawn; bytes of what is drawn although something else is wanted in its place.
    fn mark_drawn(&mut self) -> u64 {
        let mut stand_in_bytes = 0;
        for id in &self.frame.draw {
            let node = &mut self.tree.nodes[id.0 as usize];
            let counted = node.wanted_frame == self.frame_number || node.drawn_frame == self.frame_number;
            node.drawn_frame = self.frame_number;
            stand_in_bytes += if counted { 0 } else { node.bytes };
        }
        stand_in_bytes
    }

    /// Bytes that preloads may take. They must fit beside what is of use: else they would push each other out for ever.
    fn room_for_preloads(&self, tally: &Tally) -> u64 {
        let under_way = self.active.values().map(|node| &self.tree.nodes[*node as usize]);
        let unwanted = under_way.filter(|node| node.wanted_frame != self.frame_number);
        let unwanted_bytes: u64 = unwanted.map(|node| node.size(&self.budget.sizes)).sum();
        self.content_budget().saturating_sub(tally.used_bytes + tally.missing_bytes + unwanted_bytes)
    }

    fn abort_useless(&mut self) {
        let (nodes, frame, abort) = (&mut self.tree.nodes, self.frame_number, &mut self.frame.abort);
        let admitted = &mut self.admitted;
        self.active.retain(|request, node| {
            let node = &mut nodes[*node as usize];
            let useful = node.useful_frame == frame;
            if !useful {
                node.state = State::Unloaded;
                admitted.remove(request);
                abort.push(*request);
            }
            useful
        });
    }

    /// Bytes of what is under way.
    fn bytes_under_way(&self) -> u64 {
        self.active.values().map(|node| self.tree.nodes[*node as usize].size(&self.budget.sizes)).sum()
    }

    /// Makes room for what is under way.
    fn evict(&mut self) {
        let budget = self.content_budget().saturating_sub(self.bytes_under_way());
        while let Some(index) = self.cache.oldest_useless(&self.tree.nodes, budget, self.frame_number) {
            self.unload(index);
            self.frame.free.push(TileId(index));
        }
    }

    fn unload(&mut self, index: u32) {
        self.cache.remove(&mut self.tree.nodes, index);
        self.tree.count_loaded(index, false);
        let node = &mut self.tree.nodes[index as usize];
        node.state = State::Unloaded;
        node.info = None;
    }

    /// Sends the most missed files for, as many as may be in flight and as fit beside what is `kept` because it is
    /// wanted or drawn. Returns the bytes that would be needed where they do not fit.
    fn request(&mut self, kept: u64, mut preloads: u64) -> Option<u64> {
        let room = Room { in_all: self.options.max_requests, per_host: self.options.max_requests_per_host };
        if self.active.len() >= room.in_all {
            return None;
        }
        queue::sort(&mut self.queue);
        let budget = self.content_budget();
        let mut committed = kept + self.bytes_under_way();
        for i in 0..self.queue.len() {
            let Want { group, node, .. } = self.queue[i];
            let found = &self.tree.nodes[node as usize];
            let size = found.size(&self.budget.sizes);
            let under_way = self.active.values().map(|node| self.tree.nodes[*node as usize].url.as_str());
            if found.state != State::Unloaded || !room.has(group, &found.url, under_way) {
                continue;
            }
            if group == Group::Preload {
                if size > preloads {
                    continue;
                }
                preloads -= size;
            } else if size > 0 && committed + size > budget && !(self.active.is_empty() && self.overdraws(0)) {
                return Some(committed + size);
            }
            committed += size;
            let fetch = self.start(node);
            self.frame.fetch.push(fetch);
            if self.active.len() >= room.in_all {
                break;
            }
        }
        None
    }

    fn start(&mut self, node: u32) -> Fetch {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.active.insert(request, node);
        let what = self.tree.what(node);
        let tile = what.is_content().then_some(TileId(node));
        self.tree.nodes[node as usize].state = State::Requested(request);
        Fetch { request, url: self.tree.nodes[node as usize].url.clone(), what, tile, gltf_up: self.tree.gltf_up(node) }
    }

    fn finish_frame(&mut self) {
        if self.tree.overflowed && !self.overflow_told {
            self.overflow_told = true;
            let message = format!("more than {} tiles; the rest is not shown", self.options.max_tiles);
            self.frame.problems.push(Problem::new("tiles-too-many", message, "engine"));
        }
        self.frame.progress.requests_active = self.active.len() as u32;
        self.frame.progress.bytes = self.cache.bytes;
        self.frame.progress.tree_bytes = self.tree.bytes();
        self.frame.idle = self.frame.settled && self.active.is_empty();
    }

    /// The last frame.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Hands over what became of a fetch. Returns whether the engine still wants it: when `false`, drop the content.
    pub fn arrived(&mut self, request: RequestId, result: Result<Arrival, Problem>) -> bool {
        let Some(index) = self.active.remove(&request) else { return false };
        self.admitted.remove(&request);
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
            (Arrival::Content(mut info), What::Content | What::Json | What::Terrain(_))
                if !self.tree.is_stand_in(index) =>
            {
                self.pending_problems.append(&mut info.problems);
                let node = &mut self.tree.nodes[index as usize];
                node.state = State::Loaded;
                node.bytes = info.cpu_bytes.saturating_add(info.gpu_bytes);
                if !std::mem::replace(&mut node.sized, true) {
                    self.budget.learn(node.bytes);
                }
                node.info = Some(Box::new(info));
                self.cache.insert(&mut self.tree.nodes, index);
                self.tree.count_loaded(index, true);
                self.tree.settle_heights(index);
                Ok(())
            }
            (Arrival::Terrain(doc), What::TerrainLayer) => {
                self.tree.attach_terrain(index, doc);
                self.budget.forget();
                Ok(())
            }
            (Arrival::Tileset(mut doc), What::Content | What::Json) => {
                let problems = std::mem::take(&mut doc.problems);
                self.tree.attach_tileset(index, doc)?;
                self.budget.forget();
                self.pending_problems.extend(problems);
                Ok(())
            }
            (Arrival::Subtree(mut doc), What::Subtree(_)) => {
                self.pending_problems.append(&mut doc.problems);
                self.tree.attach_subtree(index, doc);
                self.budget.forget();
                Ok(())
            }
            (_, what) => {
                let expected = match what {
                    What::Json => "a tileset",
                    What::Subtree(_) => "a subtree",
                    What::Content | What::Terrain(_) => "a content",
                    What::TerrainLayer => "the layer.json of a terrain",
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

    /// Corners (ECEF metres) of a box that shows where a tile is: its bounding box, or a box around its bounding volume.
    /// Two corners whose numbers differ in one bit share an edge. `None` when there is no such tile, or it is
    /// everywhere.
    pub fn corners(&self, id: TileId) -> Option<[DVec3; 8]> {
        self.node_bounds(id.0)?.0.corners()
    }

    /// All tiles known so far, further contents of a tile included, in no particular order.
    pub fn tiles(&self) -> impl Iterator<Item = TileId> {
        (0..self.tree.nodes.len() as u32).filter(|index| self.tree.is_tile(*index)).map(TileId)
    }

    /// What the caller said about a loaded content.
    pub fn content(&self, id: TileId) -> Option<&ContentInfo> {
        self.tree.nodes.get(id.0 as usize)?.info.as_deref()
    }

    /// The node above; see [`Engine::parent`].
    pub(crate) fn parent_node(&self, index: u32) -> Option<u32> {
        let parent = self.tree.nodes.get(index as usize)?.parent;
        self.tree.is_tile(index).then_some(parent).filter(|parent| self.tree.is_tile(*parent))
    }

    /// The nodes below; see [`Engine::children`].
    pub(crate) fn child_nodes(&self, index: u32) -> impl Iterator<Item = u32> {
        let is_tile = self.tree.is_tile(index);
        is_tile.then(|| self.tree.children(index)).into_iter().flatten().filter(|child| self.tree.is_tile(*child))
    }

    /// Bounds of a tile and, where given, of its content.
    pub(crate) fn node_bounds(&self, index: u32) -> Option<(&Bounds, Option<&Bounds>)> {
        let node = self.tree.nodes.get(index as usize).filter(|_| self.tree.is_tile(index))?;
        Some((&node.bounds, node.content_bounds.as_deref()))
    }
}
