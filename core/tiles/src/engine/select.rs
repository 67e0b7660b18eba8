//! One walk over the tiles in sight: what to draw, and what to load first.
//!
//! The walk goes down from each root while a tile's error is too large on the screen, and answers on the way up
//! whether what lies below a tile is *covered*: whether every visible part of it can be drawn. A tile that refines by
//! `REPLACE` and is loaded takes the place of its descendants as long as they do not cover it, so that there is never
//! a hole. While a tile that would be detailed enough is still loading, what is loaded below it is drawn, so that
//! zooming out never loses detail before its replacement is there.

use super::budget::{Need, Sizes};
use super::cache::Cache;
use super::motion::Motion;
use super::tree::{NONE, Node, State, Status, Tree};
use super::{Options, TileId};
use crate::Refine;
use crate::bounds::{ALL_PLANES, Eye};

/// A file that is to be loaded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Want {
    pub(super) group: Group,
    /// Lower comes first, within the group.
    pub(super) rank: Rank,
    /// Lower comes first, within the rank: metres.
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

/// Order within a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The quick coarse layer among the urgent, a flight's destination among the preloads.
    First,
    Other,
}

/// Files that the view would draw or needs to know more.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) wanted: u32,
    pub(super) loaded: u32,
    pub(super) failed: u32,
    /// Bytes of the loaded ones.
    pub(super) loaded_bytes: u64,
    /// Bytes of those neither loaded nor failed, unknown ones taken as the mean.
    pub(super) missing_bytes: u64,
    /// Bytes of everything loaded that was of any use, wanted or not.
    pub(super) used_bytes: u64,
    /// Something is not asked for only because the eye moves.
    pub(super) held_back: bool,
}

/// What a visit found out about a tile and everything below it.
#[derive(Clone, Copy, Debug)]
struct Visit {
    /// Every visible part of it is in the draw list (or has nothing to draw).
    covered: bool,
    /// Files that have to load before it is covered.
    loading: u32,
    /// Some of them were not asked for, because the eye is too fast for them.
    outrun: bool,
}

impl Visit {
    const COVERED: Self = Self { covered: true, loading: 0, outrun: false };
    const FAILED: Self = Self { covered: false, loading: 0, outrun: false };

    fn and(self, other: Self) -> Self {
        Self {
            covered: self.covered && other.covered,
            loading: self.loading + other.loading,
            outrun: self.outrun || other.outrun,
        }
    }
}

/// Files that were looked at because the view wants them.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    loading: u32,
    outrun: bool,
}

/// The walk of one frame.
pub(super) struct Selection<'a> {
    pub(super) tree: &'a mut Tree,
    pub(super) cache: &'a mut Cache,
    pub(super) options: &'a Options,
    pub(super) eye: Eye,
    pub(super) motion: Motion,
    pub(super) sizes: Sizes,
    /// The error that is allowed now, pixels; at least [`Options::max_error_px`].
    pub(super) limit_px: f64,
    /// Memory is so short that finer tiles are not held until a coarser one is there, where one that is coarser still
    /// can be drawn.
    pub(super) gives_way: bool,
    /// The coarsest tiles in sight.
    pub(super) coarsest: &'a mut Vec<u32>,
    /// 1 − cos of the angle from the middle of the view beyond which finer tiles wait; infinite when none do.
    pub(super) cone: f64,
    pub(super) frame: u64,
    pub(super) draw: &'a mut Vec<TileId>,
    pub(super) queue: &'a mut Vec<Want>,
    pub(super) tally: Tally,
    pub(super) need: Need,
    pub(super) visited: u32,
}

impl Selection<'_> {
    /// Walks a tileset from its root.
    pub(super) fn select(&mut self, root: u32) {
        self.visit(root, ALL_PLANES, None);
    }

    /// A tile in sight. `above_px`: the error of the nearest loaded tile above it, which can be drawn in its place.
    fn visit(&mut self, index: u32, planes: u8, above_px: Option<f64>) -> Visit {
        self.visited += 1;
        let error_px = self.measure(index);
        self.touch(index);
        if self.tree.awaits_document(index) {
            let Wanted { loading, outrun } = self.want(index, above_px);
            return Visit { covered: false, loading, outrun };
        }
        let (status, document) = self.tree.status(index);
        if self.options.keep_coarsest && above_px.is_none() && self.is_coarsest(index, status) {
            self.coarsest.push(index);
        }
        let refines = self.refines(status, document, error_px);
        if refines {
            self.tree.expand(index);
        }
        let has_own = matches!(status, Status::Waiting | Status::Ready);
        if !document && has_own && self.tree.may_have_children(index) {
            self.need.judge(error_px, self.limit_px, self.options.max_error_px);
        }
        if !refines || self.tree.nodes[index as usize].first_child == NONE {
            return self.visit_last(index, status, planes, above_px);
        }
        match document || self.tree.nodes[index as usize].refine == Refine::Add {
            true => self.visit_adding(index, status, document, planes, above_px),
            false => self.visit_replacing(index, status, planes, above_px),
        }
    }

    /// Whether to look below a tile.
    fn refines(&self, status: Status, document: bool, error_px: f64) -> bool {
        match status {
            // A tile that stands for a tileset has nothing itself that could be good enough; neither has a failed one.
            _ if document => true,
            Status::Failed => true,
            // Where memory is short: nothing would be drawn in the place of what lies below an empty one.
            Status::Empty => error_px > self.options.max_error_px,
            Status::Waiting | Status::Ready => error_px > self.limit_px,
        }
    }

    /// A tile that is as detailed as it need or can be.
    fn visit_last(&mut self, index: u32, status: Status, planes: u8, above_px: Option<f64>) -> Visit {
        if !self.content_in_sight(index, planes) {
            return Visit::COVERED;
        }
        let Wanted { loading, outrun } = self.want(index, above_px);
        match status {
            Status::Empty => self.nothing_to_draw(index),
            Status::Ready => {
                self.draw(index);
                Visit::COVERED
            }
            Status::Failed => Visit::FAILED,
            Status::Waiting => {
                let holds = self.tree.nodes[index as usize].refine == Refine::Replace
                    && !(self.gives_way && above_px.is_some());
                let covered = holds && self.hold(index, planes);
                Visit { covered, loading, outrun }
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
        let node = &self.tree.nodes[index as usize];
        let mut child = node.first_child;
        // Where nothing is loaded below, looking for it would cost a walk over all that was ever seen there.
        if child == NONE || node.loaded_below == 0 {
            return false;
        }
        let mut covered = true;
        while child != NONE {
            let next = self.tree.nodes[child as usize].next_sibling;
            if let Some(planes) = self.in_sight(child, planes) {
                self.visited += 1;
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
    fn visit_adding(&mut self, index: u32, status: Status, document: bool, planes: u8, above_px: Option<f64>) -> Visit {
        let own = match status {
            Status::Empty => None,
            _ if !self.content_in_sight(index, planes) => None,
            _ => {
                let Wanted { loading, outrun } = self.want(index, above_px);
                if status == Status::Ready {
                    self.draw(index);
                }
                Some(Visit { covered: status == Status::Ready, loading, outrun })
            }
        };
        let parent_error = self.tree.nodes[index as usize].geometric_error;
        let mut below = Visit::COVERED;
        let mut child = self.tree.nodes[index as usize].first_child;
        while child != NONE {
            let next = self.tree.nodes[child as usize].next_sibling;
            if let Some(planes) = self.in_sight(child, planes) {
                // What the parent leaves out here is too small to see at the child's own distance.
                if document || !self.too_small(child, parent_error, 0.0) {
                    below = below.and(self.visit(child, planes, above_px));
                }
            }
            child = next;
        }
        match own {
            // Its own content is what takes its parent's place; the children's is a gain.
            Some(own) => Visit { covered: own.covered, ..own.and(below) },
            None => below,
        }
    }

    /// Whether what a parent with this error leaves out at a child's place, and so many pixels, is allowed.
    fn too_small(&mut self, child: u32, parent_error: f64, more_px: f64) -> bool {
        let distance = self.tree.nodes[child as usize].bounds.distance(&self.eye);
        let error_px = self.eye.error_px(parent_error, distance) + more_px;
        self.need.judge(error_px, self.limit_px, self.options.max_error_px);
        error_px <= self.limit_px
    }

    /// A tile whose children take its place.
    fn visit_replacing(&mut self, index: u32, status: Status, planes: u8, above_px: Option<f64>) -> Visit {
        let (draw_start, queue_start) = (self.draw.len(), self.queue.len());
        let own_px = self.tree.nodes[index as usize].error_px;
        let below = match status {
            Status::Ready => self.visit_children(index, planes, Some(own_px), false),
            _ => self.visit_children(index, planes, above_px, status == Status::Empty),
        };
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
            Status::Waiting if self.comes_first(index, below, above_px) => {
                self.queue.truncate(queue_start);
                let Wanted { loading, outrun } = self.want(index, above_px);
                Visit { covered: false, loading, outrun }
            }
            Status::Waiting if above_px.is_none() && self.is_quick(index) => {
                self.ask(index, Group::Urgent, Rank::First);
                below
            }
            Status::Waiting => {
                self.preload(index);
                below
            }
        }
    }

    /// Whether a tile that is not loaded goes before what is wanted below it: something failed there, there is too
    /// much to wait for, it would come too late, or the step down from what is loaded above is too large.
    fn comes_first(&self, index: u32, below: Visit, above_px: Option<f64>) -> bool {
        let node = &self.tree.nodes[index as usize];
        let factor = self.options.skip_error_factor;
        let too_large_a_step = factor.is_finite() && above_px.is_none_or(|above| node.error_px * factor <= above);
        below.loading == 0
            || below.loading > self.options.max_loading_descendants
            || too_large_a_step
            || (below.outrun && !self.outruns(node))
    }

    /// Whether a tile belongs to the quick coarse layer: good enough for a smaller picture, as its parent is not.
    fn is_quick(&self, index: u32) -> bool {
        let fraction = self.options.progressive_fraction;
        let node = &self.tree.nodes[index as usize];
        let good = |node: &Node| node.error_px * fraction <= self.limit_px;
        let parent = self.tree.nodes.get(node.parent as usize);
        // An empty parent shows nothing, however good it is.
        let parent_is = parent.is_some_and(|p| !matches!(p.state, State::Document | State::Empty) && good(p));
        fraction > 0.0 && good(node) && !parent_is && !self.outruns(node)
    }

    /// Whether a tile has something to draw and no tile above it has.
    fn is_coarsest(&self, index: u32, status: Status) -> bool {
        let mut parent = self.tree.nodes[index as usize].parent;
        if !matches!(status, Status::Waiting | Status::Ready) {
            return false;
        }
        while let Some(node) = self.tree.nodes.get(parent as usize) {
            if !matches!(node.state, State::Document | State::Empty) {
                return false;
            }
            parent = node.parent;
        }
        true
    }

    /// Keeps the coarsest tiles in sight, and asks for those that are missing.
    pub(super) fn keep_coarsest(&mut self) {
        for i in 0..self.coarsest.len() {
            let index = self.coarsest[i];
            self.ask(index, Group::Urgent, Rank::First);
            let mut at = index;
            while at != NONE {
                let node = &mut self.tree.nodes[at as usize];
                if node.state == State::Loaded && node.wanted_frame != self.frame {
                    self.tally.loaded_bytes += node.bytes;
                    node.drawn_frame = self.frame;
                }
                at = node.next_content;
            }
        }
    }

    /// The children of a tile that they replace. `shrinks`: the parent is empty, so that children may be left out where
    /// memory is short.
    fn visit_children(&mut self, index: u32, planes: u8, above_px: Option<f64>, shrinks: bool) -> Visit {
        let parent_error = self.tree.nodes[index as usize].geometric_error;
        let mut all = Visit::COVERED;
        let (mut seen, mut unseen) = (false, false);
        let mut child = self.tree.nodes[index as usize].first_child;
        while child != NONE {
            let next = self.tree.nodes[child as usize].next_sibling;
            if !self.may_be_requested(child) {
                // It may not be shown from here, so it cannot take its part of the parent's place.
                all = all.and(Visit::FAILED);
            } else if let Some(planes) = self.cull(child, planes) {
                seen = true;
                if !(shrinks && self.too_small(child, parent_error, self.options.max_error_px)) {
                    all = all.and(self.visit(child, planes, above_px));
                }
            } else {
                unseen = true;
            }
            child = next;
        }
        if seen && unseen {
            self.preload_unseen(index, planes);
        }
        all
    }

    /// Children that are out of sight beside others that are not: turning towards them should not throw those back.
    fn preload_unseen(&mut self, index: u32, planes: u8) {
        let mut child = self.tree.nodes[index as usize].first_child;
        while child != NONE {
            let Node { next_sibling, ref bounds, .. } = self.tree.nodes[child as usize];
            let unseen = bounds.cull(&self.eye, planes).is_none();
            if unseen && self.may_be_requested(child) && !self.is_hidden(child) {
                self.preload(child);
            }
            child = next_sibling;
        }
    }

    /// What the eye will see from where it is flying to: everything that it would draw there, loaded when nothing is
    /// more urgent.
    pub(super) fn look_ahead(&mut self, index: u32, planes: u8) {
        self.visited += 1;
        self.touch(index);
        if self.tree.awaits_document(index) {
            return self.ask(index, Group::Preload, Rank::First);
        }
        let (status, document) = self.tree.status(index);
        let node = &self.tree.nodes[index as usize];
        let error_px = self.eye.error_px(node.geometric_error, node.bounds.distance(&self.eye));
        let refines = document || error_px > self.limit_px || status == Status::Failed;
        if refines {
            self.tree.expand(index);
        }
        let Node { first_child, refine, .. } = self.tree.nodes[index as usize];
        let last = !refines || first_child == NONE;
        if (last || refine == Refine::Add) && self.content_in_sight(index, planes) {
            self.ask(index, Group::Preload, Rank::First);
        }
        let mut child = if last { NONE } else { first_child };
        while child != NONE {
            let next = self.tree.nodes[child as usize].next_sibling;
            if let Some(planes) = self.in_sight(child, planes) {
                self.look_ahead(child, planes);
            }
            child = next;
        }
    }

    /// The planes that cut a tile in sight.
    fn in_sight(&self, index: u32, planes: u8) -> Option<u8> {
        self.cull(index, planes).filter(|_| self.may_be_requested(index))
    }

    fn cull(&self, index: u32, planes: u8) -> Option<u8> {
        let bounds = &self.tree.nodes[index as usize].bounds;
        bounds.cull(&self.eye, planes).filter(|_| !self.is_hidden(index))
    }

    /// Whether haze hides it.
    fn is_hidden(&self, index: u32) -> bool {
        let beyond = self.options.hidden_beyond_m;
        beyond < f64::INFINITY && self.tree.nodes[index as usize].bounds.distance(&self.eye) > beyond
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
            if node.state == State::Loaded && node.used_frame != self.frame {
                node.used_frame = self.frame;
                self.tally.used_bytes += node.bytes;
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

    /// The view wants this tile's files.
    fn want(&mut self, index: u32, above_px: Option<f64>) -> Wanted {
        let group = if above_px.is_some() { Group::Normal } else { Group::Urgent };
        let node = &self.tree.nodes[index as usize];
        let outrun = self.outruns(node);
        let waits = outrun || (group == Group::Normal && self.off_center(node) > self.cone);
        let mut wanted = Wanted { loading: 0, outrun: false };
        let mut at = index;
        while at != NONE {
            let node = &mut self.tree.nodes[at as usize];
            let first_time = std::mem::replace(&mut node.wanted_frame, self.frame) != self.frame;
            node.useful_frame = self.frame;
            let (state, next) = (node.state, node.next_content);
            if first_time {
                let size = node.size(&self.sizes);
                match state {
                    State::Loaded => self.tally.loaded_bytes += size,
                    State::Unloaded | State::Requested(_) => self.tally.missing_bytes += size,
                    State::Empty | State::Document | State::Failed => {}
                }
                self.tally.wanted += u32::from(state != State::Empty);
                self.tally.loaded += u32::from(matches!(state, State::Loaded | State::Document));
                self.tally.failed += u32::from(state == State::Failed);
            }
            if matches!(state, State::Unloaded | State::Requested(_)) {
                wanted.loading += 1;
                wanted.outrun |= outrun;
            }
            if state == State::Unloaded {
                match waits {
                    true => self.tally.held_back = true,
                    false => self.enqueue(at, group, Rank::Other),
                }
            }
            at = next;
        }
        wanted
    }

    /// Somebody may want this tile's files soon.
    fn preload(&mut self, index: u32) {
        if self.options.preload && !self.outruns(&self.tree.nodes[index as usize]) {
            self.ask(index, Group::Preload, Rank::Other);
        }
    }

    /// Asks for this tile's files although the picture is complete without them.
    fn ask(&mut self, index: u32, group: Group, rank: Rank) {
        // What is there already keeps its place: else it would go to make room for the next, and come again.
        self.touch(index);
        let mut at = index;
        while at != NONE {
            let node = &mut self.tree.nodes[at as usize];
            node.useful_frame = self.frame;
            let (state, next) = (node.state, node.next_content);
            if state == State::Unloaded {
                self.enqueue(at, group, rank);
            }
            at = next;
        }
    }

    /// Whether the eye will be past a tile before it could be there.
    fn outruns(&self, node: &Node) -> bool {
        self.options.outrun_secs > 0.0 && self.motion.outruns(2.0 * node.bounds.radius, self.options.outrun_secs)
    }

    /// 1 − cos of the angle between the middle of the view and the nearest point of a tile's sphere.
    fn off_center(&self, node: &Node) -> f64 {
        let to_center = node.bounds.center - self.eye.position;
        let along = self.eye.direction.dot(to_center);
        let across = (to_center - self.eye.direction * along).length() - node.bounds.radius;
        match across.is_finite() && across > 0.0 {
            true => 1.0 - along / along.hypot(across),
            false => 0.0,
        }
    }

    /// Foveated: what lies in the middle of the view, and near, comes first: (1 − cos angle) · distance.
    fn enqueue(&mut self, node: u32, group: Group, rank: Rank) {
        let bounds = &self.tree.nodes[node as usize].bounds;
        let to_center = bounds.center - self.eye.position;
        let priority = to_center.length() - self.eye.direction.dot(to_center);
        let priority = if priority.is_finite() { priority } else { 0.0 };
        self.queue.push(Want { group, rank, priority, node });
    }
}
