//! One walk over the tiles in sight: what to draw, and what to load first.
//!
//! The walk goes down from each root while a tile's error is too large on the screen, and answers on the way up
//! whether what lies below a tile is *covered*: whether every visible part of it can be drawn. A tile that refines by
//! `REPLACE` and is loaded takes the place of its descendants as long as they do not cover it, so that there is never
//! a hole. While a tile that would be detailed enough is still loading, what is loaded below it is drawn, so that
//! zooming out never loses detail before its replacement is there.

use super::cache::Cache;
use super::tree::{NONE, State, Status, Tree};
use super::{Options, TileId};
use crate::Refine;
use crate::bounds::{ALL_PLANES, Eye};

/// A file that is to be loaded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Want {
    pub(super) group: Group,
    /// Lower comes first, within the group.
    pub(super) priority: f64,
    pub(super) node: u32,
}

/// How much a file is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    /// There is nothing to see in its place.
    Urgent,
    /// There is something coarser to see.
    Normal,
    /// Nobody sees it now.
    Preload,
}

/// Files that the view would draw or needs to know more.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) wanted: u32,
    pub(super) loaded: u32,
    pub(super) failed: u32,
}

/// What a visit found out about a tile and everything below it.
#[derive(Clone, Copy, Debug)]
struct Visit {
    /// Every visible part of it is in the draw list (or has nothing to draw).
    covered: bool,
    /// Files that have to load before it is covered.
    loading: u32,
}

impl Visit {
    const COVERED: Self = Self { covered: true, loading: 0 };
    const FAILED: Self = Self { covered: false, loading: 0 };

    fn and(self, other: Self) -> Self {
        Self { covered: self.covered && other.covered, loading: self.loading + other.loading }
    }
}

/// The walk of one frame.
pub(super) struct Selection<'a> {
    pub(super) tree: &'a mut Tree,
    pub(super) cache: &'a mut Cache,
    pub(super) options: &'a Options,
    pub(super) eye: Eye,
    pub(super) frame: u64,
    pub(super) draw: &'a mut Vec<TileId>,
    pub(super) queue: &'a mut Vec<Want>,
    pub(super) tally: Tally,
    /// Bytes of loaded contents that were of use in this frame.
    pub(super) used_bytes: u64,
}

impl Selection<'_> {
    /// Walks a tileset from its root.
    pub(super) fn select(&mut self, root: u32) {
        self.visit(root, ALL_PLANES, false);
    }

    /// A tile in sight. `fallback`: something loaded above it can be drawn in its place.
    fn visit(&mut self, index: u32, planes: u8, fallback: bool) -> Visit {
        let error_px = self.measure(index);
        self.touch(index);
        if self.tree.awaits_document(index) {
            let loading = self.want(index, fallback);
            return Visit { covered: false, loading };
        }
        let (status, document) = self.tree.status(index);
        // A tile that stands for a tileset has nothing itself that could be good enough; neither has a failed one.
        let refines = document || error_px > self.options.max_error_px || status == Status::Failed;
        if refines {
            self.tree.expand(index);
        }
        if refines && self.tree.nodes[index as usize].first_child != NONE {
            return match document || self.tree.nodes[index as usize].refine == Refine::Add {
                true => self.visit_adding(index, status, document, planes, fallback),
                false => self.visit_replacing(index, status, planes, fallback),
            };
        }
        self.visit_last(index, status, planes, fallback)
    }

    /// A tile that is as detailed as it need or can be.
    fn visit_last(&mut self, index: u32, status: Status, planes: u8, fallback: bool) -> Visit {
        if !self.content_in_sight(index, planes) {
            return Visit::COVERED;
        }
        let loading = self.want(index, fallback);
        match status {
            Status::Empty => self.nothing_to_draw(index),
            Status::Ready => {
                self.draw(index);
                Visit::COVERED
            }
            Status::Failed => Visit::FAILED,
            Status::Waiting => {
                let covered = self.tree.nodes[index as usize].refine == Refine::Replace && self.hold(index, planes);
                Visit { covered, loading }
            }
        }
    }

    /// An empty tile is covered, unless what it was to be filled with failed.
    fn nothing_to_draw(&self, index: u32) -> Visit {
        let failed = self.tree.contents(index).any(|c| self.tree.nodes[c as usize].state == State::Failed);
        if failed { Visit::FAILED } else { Visit::COVERED }
    }

    /// Draws what is loaded below a tile that is loading itself; whether that covers it. If it does not, a loaded tile
    /// above takes it all back; if there is none, a part is better than nothing.
    fn hold(&mut self, index: u32, planes: u8) -> bool {
        let mut child = self.tree.nodes[index as usize].first_child;
        let mut covered = child != NONE;
        while child != NONE {
            let next = self.tree.nodes[child as usize].next_sibling;
            if let Some(planes) = self.in_sight(child, planes) {
                self.touch(child);
                let (status, _) = self.tree.status(child);
                covered &= match status {
                    Status::Ready => {
                        self.draw(child);
                        true
                    }
                    Status::Empty if !self.tree.has_children(child) => true,
                    _ => self.hold(child, planes),
                };
            }
            child = next;
        }
        covered
    }

    /// A tile whose children come on top of it.
    fn visit_adding(&mut self, index: u32, status: Status, document: bool, planes: u8, fallback: bool) -> Visit {
        let own = match status {
            Status::Empty => None,
            _ if !self.content_in_sight(index, planes) => None,
            _ => {
                let loading = self.want(index, fallback);
                if status == Status::Ready {
                    self.draw(index);
                }
                Some(Visit { covered: status != Status::Waiting, loading })
            }
        };
        let parent_error = self.tree.nodes[index as usize].geometric_error;
        let mut below = Visit::COVERED;
        let mut child = self.tree.nodes[index as usize].first_child;
        while child != NONE {
            let next = self.tree.nodes[child as usize].next_sibling;
            if let Some(planes) = self.in_sight(child, planes) {
                // What the parent leaves out here is too small to see at the child's own distance.
                let distance = self.tree.nodes[child as usize].bounds.distance(&self.eye);
                let needless = !document && self.eye.error_px(parent_error, distance) <= self.options.max_error_px;
                if !needless {
                    below = below.and(self.visit(child, planes, fallback));
                }
            }
            child = next;
        }
        match own {
            // Its own content is what takes its parent's place; the children's is a gain.
            Some(own) => Visit { covered: own.covered, loading: own.loading + below.loading },
            None => below,
        }
    }

    /// A tile whose children take its place.
    fn visit_replacing(&mut self, index: u32, status: Status, planes: u8, fallback: bool) -> Visit {
        let (draw_start, queue_start) = (self.draw.len(), self.queue.len());
        let below = self.visit_children(index, planes, fallback || status == Status::Ready);
        match status {
            Status::Empty | Status::Failed => below,
            Status::Ready if below.covered => below,
            Status::Ready => {
                self.draw.truncate(draw_start);
                self.draw(index);
                Visit { covered: true, ..below }
            }
            // Zooming out will want it soon.
            Status::Waiting if below.covered => {
                self.preload(index);
                below
            }
            Status::Waiting if below.loading == 0 || below.loading > self.options.max_loading_descendants => {
                // Below it something failed, or there is too much to wait for: it comes first.
                self.queue.truncate(queue_start);
                let loading = self.want(index, fallback);
                Visit { covered: false, loading }
            }
            Status::Waiting => {
                self.preload(index);
                below
            }
        }
    }

    fn visit_children(&mut self, index: u32, planes: u8, fallback: bool) -> Visit {
        let mut all = Visit::COVERED;
        let mut child = self.tree.nodes[index as usize].first_child;
        while child != NONE {
            let next = self.tree.nodes[child as usize].next_sibling;
            if !self.may_be_requested(child) {
                // It may not be shown from here, so it cannot take its part of the parent's place.
                all = all.and(Visit::FAILED);
            } else if let Some(planes) = self.cull(child, planes) {
                all = all.and(self.visit(child, planes, fallback));
            } else {
                // Out of sight now; turning towards it should not throw its neighbours back.
                self.preload(child);
            }
            child = next;
        }
        all
    }

    /// The planes that cut a tile in sight.
    fn in_sight(&self, index: u32, planes: u8) -> Option<u8> {
        self.cull(index, planes).filter(|_| self.may_be_requested(index))
    }

    fn cull(&self, index: u32, planes: u8) -> Option<u8> {
        self.tree.nodes[index as usize].bounds.cull(&self.eye, planes)
    }

    /// Whether the eye is where the tile may be shown (`viewerRequestVolume`).
    fn may_be_requested(&self, index: u32) -> bool {
        self.tree.nodes[index as usize].request_bounds.as_ref().is_none_or(|bounds| bounds.contains(&self.eye))
    }

    fn content_in_sight(&self, index: u32, planes: u8) -> bool {
        let bounds = &self.tree.nodes[index as usize].content_bounds;
        bounds.as_ref().is_none_or(|bounds| bounds.cull(&self.eye, planes).is_some())
    }

    fn measure(&mut self, index: u32) -> f64 {
        let node = &mut self.tree.nodes[index as usize];
        node.error_px = self.eye.error_px(node.geometric_error, node.bounds.distance(&self.eye));
        node.error_px
    }

    /// Notes that a tile's loaded files are of use.
    fn touch(&mut self, index: u32) {
        let mut at = index;
        while at != NONE {
            let node = &mut self.tree.nodes[at as usize];
            let next = node.next_content;
            if node.state == State::Loaded {
                if node.used_frame != self.frame {
                    node.used_frame = self.frame;
                    self.used_bytes += node.bytes;
                }
                self.cache.touch(&mut self.tree.nodes, at);
            }
            at = next;
        }
    }

    fn draw(&mut self, index: u32) {
        let mut at = index;
        while at != NONE {
            let node = &mut self.tree.nodes[at as usize];
            if node.state == State::Loaded {
                self.draw.push(TileId(at));
            }
            at = node.next_content;
        }
    }

    /// The view wants this tile's files; how many of them are not there yet.
    fn want(&mut self, index: u32, fallback: bool) -> u32 {
        let group = if fallback { Group::Normal } else { Group::Urgent };
        let mut loading = 0;
        let mut at = index;
        while at != NONE {
            let node = &mut self.tree.nodes[at as usize];
            let first_time = std::mem::replace(&mut node.wanted_frame, self.frame) != self.frame;
            node.useful_frame = self.frame;
            let (state, next) = (node.state, node.next_content);
            if first_time {
                self.tally.wanted += u32::from(state != State::Empty);
                self.tally.loaded += u32::from(matches!(state, State::Loaded | State::Document));
                self.tally.failed += u32::from(state == State::Failed);
            }
            if matches!(state, State::Unloaded | State::Requested(_)) {
                loading += 1;
            }
            if state == State::Unloaded {
                self.enqueue(at, group);
            }
            at = next;
        }
        loading
    }

    /// Somebody may want this tile's files soon.
    fn preload(&mut self, index: u32) {
        if !self.options.preload {
            return;
        }
        let mut at = index;
        while at != NONE {
            let node = &mut self.tree.nodes[at as usize];
            node.useful_frame = self.frame;
            let (state, next) = (node.state, node.next_content);
            if state == State::Unloaded {
                self.enqueue(at, Group::Preload);
            }
            at = next;
        }
    }

    /// Foveated: what lies in the middle of the view, and near, comes first.
    fn enqueue(&mut self, node: u32, group: Group) {
        let bounds = &self.tree.nodes[node as usize].bounds;
        let to_center = bounds.center - self.eye.position;
        let distance = to_center.length();
        let priority = distance - self.eye.direction.dot(to_center);
        self.queue.push(Want { group, priority: if priority.is_finite() { priority } else { 0.0 }, node });
    }
}
