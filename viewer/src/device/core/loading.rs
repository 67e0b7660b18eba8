//! What comes from the workers and goes to the engine, and what the engine says in return.

use super::super::files::Files;
use super::super::pool::{Job, Loaded, Payload, Wanted};
use super::super::tile::Tile;
use super::{Asked, Core, MOST_NUDGES, UPLOAD_BYTES};
use crate::{Event, Problem, Progress, TileBoxes};
use citytwin_tiles::{Arrival, Fetch, Frame, RequestId, TileId, TilesetId};
use std::collections::VecDeque;

/// What became of a request, waiting for its turn.
pub(in crate::device) enum Waiting {
    /// A tile, for the GPU.
    Tile(RequestId, Box<Tile>),
    /// A document or a problem, for the engine alone.
    Other(RequestId, Box<Result<Arrival, Problem>>),
}

impl Waiting {
    fn request(&self) -> RequestId {
        match self {
            Self::Tile(request, _) | Self::Other(request, _) => *request,
        }
    }
}

impl Core {
    /// Takes in what a worker has loaded. A tile for which there is no room in memory is dropped at once.
    pub(in crate::device) fn loaded(&mut self, loaded: Loaded, now_ms: f64) {
        self.stats.bytes_downloaded += loaded.bytes;
        if Files::is_ours(loaded.id) {
            return self.file_arrived(loaded);
        }
        let Some(asked) = self.requests.get(&loaded.id) else { return };
        match &loaded.result {
            Err(problem) => self.faults.failed(&asked.url, problem, loaded.may_pass, now_ms),
            Ok(_) => self.events.extend(self.faults.arrived(&asked.url).map(Event::ProblemSolved)),
        }
        self.sort_in(loaded);
    }

    /// Puts what was loaded into the queue; tiles of layers with a style come back once they are styled.
    pub(in crate::device) fn sort_in(&mut self, loaded: Loaded) {
        let Some(loaded) = self.styled_first(loaded) else { return };
        let request = RequestId(loaded.id);
        let Some(asked) = self.requests.get(&loaded.id) else { return };
        let other = match loaded.result {
            Err(problem) => Err(problem),
            Ok(Payload::Tileset(doc)) => Ok(Arrival::Tileset(doc)),
            Ok(Payload::Subtree(doc)) => Ok(Arrival::Subtree(doc)),
            Ok(Payload::Terrain(doc)) => Ok(Arrival::Terrain(doc)),
            Ok(Payload::File(_) | Payload::Picture(_)) => {
                Err(Problem::new("worker-protocol", "expected a decoded file, found a plain one", &asked.url))
            }
            Ok(Payload::Content(payload)) => {
                let placed = asked.tile.and_then(|id| Some((id, self.engine.tile(id)?)));
                if let Some((id, info)) = placed {
                    let tile = Tile::new(id, info.tileset, info.ecef_from_tile, info.geometric_error, *payload);
                    return self.take_in(request, Box::new(tile));
                }
                Err(Problem::new("content-unexpected", "expected a tileset or subtree, found a content", &asked.url))
            }
        };
        self.arrivals.push_back(Waiting::Other(request, Box::new(other)));
    }

    /// Puts a tile into the queue, if there is room for it.
    fn take_in(&mut self, request: RequestId, tile: Box<Tile>) {
        let bytes = tile.info.cpu_bytes + tile.info.gpu_bytes;
        let admission = self.engine.admit(request, bytes);
        for id in admission.free {
            self.free_tile(id);
        }
        // What only fades out gives way.
        if self.stats.heap_bytes + self.stats.gpu_bytes + bytes > self.options.cache_bytes {
            for id in self.sight.release() {
                self.free_tile(id);
            }
        }
        if admission.has_room {
            self.stats.heap_bytes += tile.heap_bytes();
            self.arrivals.push_back(Waiting::Tile(request, tile));
        } else {
            self.requests.remove(&request.0);
            self.engine_changed();
        }
    }

    /// Hands arrivals to the engine, tiles once they are on the GPU, within the frame's budget.
    pub(super) fn upload_arrivals(&mut self, now_ms: &dyn Fn() -> f64, budget_ms: f64) {
        let start_ms = now_ms();
        let mut uploaded = 0;
        while uploaded < UPLOAD_BYTES && now_ms() - start_ms < budget_ms {
            let Some(waiting) = self.arrivals.pop_front() else { return };
            uploaded += self.arrive(waiting);
            self.engine_due = true;
            self.nudges = 0;
        }
    }

    /// Hands over all waiting tiles of a tileset, whatever the frame's budget: they were loaded before a style that is to
    /// be seen on all tiles at once.
    pub(in crate::device) fn take_in_waiting(&mut self, tileset: TilesetId) {
        let of_tileset = |waiting: &Waiting| matches!(waiting, Waiting::Tile(_, tile) if tile.tileset == tileset);
        let (now, later): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.arrivals).into_iter().partition(of_tileset);
        self.arrivals = later;
        for waiting in now {
            self.arrive(waiting);
            self.engine_due = true;
        }
    }

    /// Bytes of the tiles in the queue.
    pub(super) fn waiting_bytes(&self) -> u64 {
        let bytes = |waiting: &Waiting| if let Waiting::Tile(_, tile) = waiting { tile.heap_bytes() } else { 0 };
        self.arrivals.iter().map(bytes).sum()
    }

    fn arrive(&mut self, waiting: Waiting) -> u64 {
        self.requests.remove(&waiting.request().0);
        let (request, mut tile) = match waiting {
            Waiting::Tile(request, tile) => (request, tile),
            Waiting::Other(request, result) => {
                self.engine.arrived(request, *result);
                return 0;
            }
        };
        if !self.engine.arrived(request, Ok(Arrival::Content(tile.info.clone()))) {
            self.stats.heap_bytes -= tile.heap_bytes();
            return 0;
        }
        let bytes = self.gpu.as_ref().map_or(0, |gpu| tile.upload(&gpu.gl, &mut self.stats));
        let index = tile.id.0 as usize;
        if self.tiles.len() <= index {
            self.tiles.resize_with(index + 1, || None);
        }
        self.free_tile(tile.id);
        self.tiles[index] = Some(tile);
        bytes
    }

    pub(super) fn free_tile(&mut self, id: TileId) {
        self.sight.forget(id);
        self.obstacles.forget(id);
        if let Some(mut tile) = self.tiles.get_mut(id.0 as usize).and_then(Option::take) {
            tile.free(&self.gl, &mut self.stats);
        }
    }

    pub(super) fn update_engine(&mut self, now_ms: f64) {
        if self.faults.is_due(now_ms) {
            let faults = &self.faults;
            self.engine.retry_where(|url| faults.may_pass(url));
            self.pool.revive();
        }
        let destination = self.motion.destination().map(|look| self.engine_view(&look));
        self.engine.preload_view(destination);
        let view = self.engine_view(&self.camera.look());
        let frame = self.engine.update_at(&view, now_ms / 1000.0).clone();
        self.carry_out(frame);
        self.find_home();
        // Boxes of tiles show how these stand.
        self.draw_due |= self.scene.debug.boxes != TileBoxes::Off;
    }

    /// Asks again for everything that failed; how many files that are.
    pub(in crate::device) fn retry(&mut self) -> usize {
        self.pool.revive();
        self.faults.ask_again();
        self.engine_changed();
        self.engine.retry()
    }

    /// When the viewer must look after its failed files, though nothing happens until then.
    pub(in crate::device) fn wakes_at_ms(&self) -> Option<f64> {
        self.faults.due_ms().filter(|_| self.gpu.is_some())
    }

    /// After a layer has gone, so have its problems.
    pub(super) fn forget_problems(&mut self) {
        let failed: Vec<&str> = self.engine.failed().collect();
        self.events.extend(self.faults.keep(&failed).into_iter().map(Event::ProblemSolved));
    }

    /// Tells a problem, unless it was told before and still stands.
    pub(super) fn tell(&mut self, problem: Problem) {
        if self.faults.report(&problem) {
            self.events.push(Event::Problem(problem));
        }
    }

    /// Does what the engine says.
    fn carry_out(&mut self, frame: Frame) {
        for request in frame.abort {
            self.requests.remove(&request.0);
            self.pool.abort(request.0);
            self.drop_arrival(request);
        }
        if frame.draw != self.drawn {
            self.drawn_changed(frame.draw);
        }
        for id in frame.free {
            if !self.sight.hold(id, self.stats.heap_bytes + self.stats.gpu_bytes, self.options.cache_bytes / 2) {
                self.free_tile(id);
            }
        }
        for Fetch { request, url, what, tile, gltf_up } in frame.fetch {
            self.requests.insert(request.0, Asked { tile, url: url.clone() });
            let error_m = tile.and_then(|id| self.engine.tile(id)).map_or(0.0, |tile| tile.geometric_error);
            self.pool.load(Job::new(request.0, url, Wanted::Tile { what, gltf_up, error_m }, self.was_lost));
        }
        for problem in frame.problems {
            self.tell(problem);
        }
        let progress = Progress {
            wanted: frame.progress.wanted.into(),
            loaded: frame.progress.loaded.into(),
            failed: frame.progress.failed.into(),
            requests_active: frame.progress.requests_active.into(),
            bytes: self.stats.bytes_downloaded,
        };
        if progress != self.progress {
            self.progress = progress;
            self.events.push(Event::Progress(progress));
        }
        self.stats.requests_active = frame.progress.requests_active;
        self.stats.effective_error_px = frame.effective_error_px;
        self.stats.tree_bytes = frame.progress.tree_bytes;
        self.engine_settled = frame.settled;
        // What is in flight or arrived wakes the viewer by itself; an engine that waits for neither is asked again.
        let waits = !self.requests.is_empty() || !self.arrivals.is_empty();
        let nudged = !frame.idle && !waits && self.nudges < MOST_NUDGES;
        self.engine_due = frame.again || nudged;
        self.nudges += u32::from(nudged && !frame.again);
    }

    /// Drops what has arrived for a request that nobody waits for any more.
    fn drop_arrival(&mut self, request: RequestId) {
        let Some(at) = self.arrivals.iter().position(|waiting| waiting.request() == request) else { return };
        if let Some(Waiting::Tile(_, tile)) = self.arrivals.remove(at) {
            self.stats.heap_bytes -= tile.heap_bytes();
        }
    }
}
