//! What is under a point, and what becomes of the answer: events, marks, futures.

use super::core::{Core, place};
use super::gpu::{DrawLists, Gpu};
use super::tile::{Mark, Tile};
use crate::matrix::{Eye, near_far, pixel_from_clip, ray_meets_box};
use crate::oneshot::Sender;
use crate::pick_window::{SIDE, Seen, meant};
use crate::{Event, Hit};
use citytwin_geo::geodetic_from_ecef;
use citytwin_tiles::{TileId, Topology};
use glam::{DVec2, DVec3};
use std::collections::VecDeque;

/// Lines and points are hit from this far, CSS pixels: a finger is not a needle.
const REACH_CSS: f64 = 6.0;

/// What a pick is for.
pub(super) enum Purpose {
    Click,
    Hover,
    Ask(Sender<Option<Hit>>),
}

struct PickJob {
    purpose: Purpose,
    eye: Eye,
    /// The pointer in normalised device coordinates, and the size of a pixel there.
    ndc: DVec2,
    pixel_ndc: DVec2,
    reach_px: f64,
    /// Tile and primitive of each number that the GPU may answer with, from 1.
    candidates: Vec<(TileId, usize)>,
    /// Which of them are lines or points.
    thin: Vec<bool>,
}

/// Picks that wait, the one that is under way, and the pointer.
#[derive(Default)]
pub(super) struct Picking {
    waiting: VecDeque<(DVec2, Purpose)>,
    job: Option<PickJob>,
    /// Where the pointer has moved to since it was last asked about.
    hover_at: Option<DVec2>,
    /// What the last hover event told.
    hovered: Option<Mark>,
    last_picked: Option<(String, Mark)>,
}

impl Picking {
    /// Whether frames are needed until somebody is answered.
    pub(super) fn is_busy(&self, in_gesture: bool) -> bool {
        self.job.is_some() || !self.waiting.is_empty() || (self.hover_at.is_some() && !in_gesture)
    }

    /// Drops all questions; those who ask get nothing.
    pub(super) fn forget(&mut self) {
        self.job = None;
        self.waiting.clear();
    }
}

impl Core {
    pub(super) fn select(&mut self, hit: Option<&Hit>) {
        let mark = hit.and_then(|hit| {
            let picked = self.picking.last_picked.as_ref();
            if let Some((_, mark)) =
                picked.filter(|(layer, mark)| *layer == hit.layer && mark.feature == hit.feature_id)
                && mark.stable_id == hit.stable_id()
            {
                return Some(mark.clone());
            }
            let tileset = self.layers.iter().find(|layer| layer.id == hit.layer)?.tileset;
            Some(Mark { tileset, stable_id: hit.stable_id(), tile: None, table: None, feature: hit.feature_id })
        });
        self.mark(0, mark);
    }

    fn mark(&mut self, which: usize, mark: Option<Mark>) {
        if self.marks[which] != mark {
            self.marks[which] = mark;
            self.mark_epochs[which] += 1;
            self.draw_due = true;
        }
    }

    pub(super) fn ask(&mut self, at_css: DVec2, purpose: Purpose) {
        let size = self.camera.size_css();
        let is_inside = at_css.cmpge(DVec2::ZERO).all() && at_css.cmplt(size).all();
        // Beside the canvas and without graphics nothing can be found; dropping the sender says so.
        if self.gpu.is_some() && is_inside {
            // A name lies over everything: a click on it means what it names.
            if let (Purpose::Click, Some(hit)) = (&purpose, self.label_at(at_css)) {
                self.events.push(Event::Click(Some(hit)));
                return;
            }
            self.picking.waiting.push_back((at_css, purpose));
        }
    }

    pub(super) fn hover_moved(&mut self, at_css: DVec2) {
        self.picking.hover_at = Some(at_css);
    }

    pub(super) fn hover_ends(&mut self) {
        self.picking.hover_at = None;
        self.picking.waiting.retain(|(_, purpose)| !matches!(purpose, Purpose::Hover));
        if matches!(self.picking.job, Some(PickJob { purpose: Purpose::Hover, .. })) {
            // Its answer would come after the pointer has gone.
            self.picking.job.iter_mut().for_each(|job| job.candidates.clear());
        }
        self.hovered(None, None, false);
    }

    /// `tints`: whether the thing under the pointer is one that people point at.
    fn hovered(&mut self, mark: Option<Mark>, hit: Option<Hit>, tints: bool) {
        self.mark(1, mark.clone().filter(|_| tints));
        if self.picking.hovered != mark {
            self.picking.hovered = mark;
            self.events.push(Event::Hover(hit));
        }
    }

    /// Hears the GPU's answer, before the frame is drawn that shows it.
    pub(super) fn hear_picks(&mut self) {
        if let Some(window) = self.gpu.as_mut().and_then(Gpu::picked)
            && let Some(job) = self.picking.job.take()
        {
            self.answer(job, &window);
        }
    }

    /// Asks the GPU the next question, one at a time.
    pub(super) fn start_picks(&mut self) {
        if self.picking.job.is_some() {
            return;
        }
        if self.resting
            && !self.gestures.active()
            && self.picking.waiting.is_empty()
            && let Some(at) = self.picking.hover_at.take()
        {
            self.ask(at, Purpose::Hover);
        }
        if let Some((at_css, purpose)) = self.picking.waiting.pop_front() {
            self.start_pick(at_css, purpose);
        }
    }

    fn start_pick(&mut self, at_css: DVec2, purpose: Purpose) {
        let eye = Eye::of(&self.camera);
        let size_css = self.camera.size_css();
        let at = at_css / size_css * 2.0 - 1.0;
        let ndc = DVec2::new(at.x, -at.y);
        let ray = eye.ray(ndc).normalize();
        let ray_ecef = eye.ecef_from_rel_point(ray) - eye.eye_ecef;
        let viewport_px: DVec2 = self.size_px.map(f64::from).into();
        let reach_px = (REACH_CSS * viewport_px.x / size_css.x).clamp(1.0, SIDE as f64 / 2.0);
        // How far the window's edge is from the ray, per metre away.
        let spread = 2.0 * eye.tangents.max_element() * SIDE as f64 / viewport_px.max_element();
        let (mut candidates, mut thin) = (Vec::new(), Vec::new());
        // Taken out for a moment: the lists borrow everything else.
        let mut gpu = self.gpu.take();
        let mut lists = DrawLists::default();
        let (mut nearest, mut farthest, mut lowest_m) = (f64::INFINITY, 0.0_f64, f64::INFINITY);
        for tile in self.drawn_tiles() {
            let (origin, direction) = (tile.point(eye.eye_ecef), tile.direction(ray_ecef));
            for (index, primitive) in tile.content.primitives.iter().enumerate() {
                let (near, far) = tile.distances(index, origin);
                let is_thin = primitive.topology != Topology::Triangles;
                let margin = 0.5 + if is_thin { spread * tile.in_own_units(far) } else { 0.0 };
                if !ray_meets_box(origin, direction, &primitive.bounds, margin) {
                    continue;
                }
                nearest = nearest.min(near);
                farthest = farthest.max(far);
                candidates.push((tile.id, index));
                thin.push(is_thin);
                let draw = place(tile, index, &eye, near, candidates.len() as u32);
                lists.extend(draw.and_then(|draw| self.sight.see_for_pick(draw, tile, index)));
            }
            lowest_m = tile.lowest_m.min(lowest_m);
        }
        lists.ground = self.sight.ground(lowest_m);
        lists.sort();
        if gpu.as_ref().is_some_and(|gpu| !gpu.can_pick(&lists)) {
            drop(lists);
            self.gpu = gpu;
            self.picking.waiting.push_front((at_css, purpose));
            return;
        }
        let mut look = self.frame_look(eye, near_far(nearest, farthest));
        look.clip_from_rel = pixel_from_clip(ndc, viewport_px / SIDE as f64) * look.clip_from_rel;
        let started = gpu.as_mut().is_some_and(|gpu| gpu.start_pick(&look, &mut lists));
        drop(lists);
        self.gpu = gpu;
        let job = PickJob { purpose, eye, ndc, pixel_ndc: 2.0 / viewport_px, reach_px, candidates, thin };
        if started {
            self.picking.job = Some(job);
        } else {
            self.answer(job, &[]);
        }
    }

    fn answer(&mut self, job: PickJob, window: &[Seen]) {
        let found = self.hit(&job, window);
        let tints = found.as_ref().is_some_and(|(_, _, tints)| *tints);
        let (hit, mark) = found.map_or((None, None), |(hit, mark, _)| (Some(hit), Some(mark)));
        match job.purpose {
            Purpose::Hover => return self.hovered(mark, hit, tints),
            Purpose::Click => self.events.push(Event::Click(hit.clone())),
            Purpose::Ask(sender) => sender.send(hit.clone()),
        }
        if let (Some(hit), Some(mark)) = (hit, mark) {
            self.picking.last_picked = Some((hit.layer, mark));
        }
    }

    /// What was hit, how it is marked, and whether hovering tints it.
    fn hit(&self, job: &PickJob, window: &[Seen]) -> Option<(Hit, Mark, bool)> {
        let is_thin = |number: u32| job.thin.get((number as usize).wrapping_sub(1)).copied().unwrap_or(false);
        let ([x, y], seen) = meant(window, job.reach_px, is_thin)?;
        let &(id, primitive) = job.candidates.get(seen.number.checked_sub(1)? as usize)?;
        let tile = self.tiles.get(id.0 as usize)?.as_deref()?;
        let layer = self.layers.iter().find(|layer| layer.tileset == tile.tileset)?.id.clone();
        let ray: DVec3 = job.eye.ray(job.ndc + DVec2::new(x.into(), y.into()) * job.pixel_ndc).normalize();
        let place = geodetic_from_ecef(job.eye.ecef_from_rel_point(ray * f64::from(seen.distance_m)));
        let feature_id = seen.feature.filter(|id| tile.is_feature(primitive, *id));
        let feature = feature_id.unwrap_or(0);
        let hit = Hit {
            layer,
            feature_id: feature,
            properties: feature_id.map_or_else(Vec::new, |feature| tile.properties_of(primitive, feature)),
            lon: place.lon(),
            lat: place.lat(),
            height_m: place.height_m,
        };
        let mark = Mark {
            tileset: tile.tileset,
            stable_id: hit.stable_id(),
            tile: Some(id),
            table: tile.table_of(primitive),
            feature,
        };
        let tints = feature_id.is_some() && self.is_pointed_at(tile, primitive);
        Some((hit, mark, tints))
    }

    /// Whether people point at things of this kind: ground, water and roads are what things stand on, unless a style
    /// makes them say something.
    fn is_pointed_at(&self, tile: &Tile, primitive: usize) -> bool {
        tile.content.primitives[primitive].flat_order.is_none() || self.styles.has(tile.tileset)
    }
}
