//! Names on the map: which are loaded, which are shown, and where. Pure; the browser's part is in `device`.
//!
//! Labels come in cells (see `citytwin-manifest`), and a cell is loaded while the eye is within its reach. Every tenth
//! of a second of movement, and once more at rest, the labels in reach are projected and placed, the most important
//! first, so that none covers another; between, those that are shown follow the camera. What appears or goes fades.

mod icons;
mod place;
mod shelf;
mod text;

pub(crate) use place::Box2;
use place::Candidate;
pub(crate) use shelf::Room;
pub(crate) use text::{Look, look_of};
// The browser's part alone needs these.
#[cfg(target_arch = "wasm32")]
pub(crate) use {icons::BADGE_CSS, icons::CORNER_CSS, shelf::Shelves, text::Mark, text::lines};

use crate::matrix::Eye;
use citytwin_geo::{EnuFrame, Geodetic, ecef_from_geodetic};
use citytwin_manifest::{Label, LabelCell, LabelIndex, LabelKind};
use glam::{DMat4, DVec2, DVec3, DVec4};

/// The layer that labels are, for [`Viewer::set_layer_visible`](crate::Viewer::set_layer_visible) and in hits.
pub const LABELS: &str = "labels";
/// Placed anew this often while the camera moves, milliseconds.
const PLACE_EVERY_MS: f64 = 100.0;
/// How long a label takes to appear or to go, milliseconds.
const FADE_MS: f64 = 200.0;
/// A test whether something stands before a label holds this long while the camera moves, milliseconds.
const SEEN_FOR_MS: f64 = 300.0;
/// Labels that are tested for what stands before them in one go.
const MOST_TESTS: usize = 96;
/// A cell is dropped when the eye is this many times its reach away.
const KEPT_REACH: f64 = 1.5;
/// Cells that are loaded at once.
const MOST_REQUESTS: usize = 6;
/// A label for each so many square CSS pixels of the canvas at most: what can be read.
const AREA_OF_ONE: f64 = 15_000.0;
/// More labels of one file are not taken.
const MOST_OF_CELL: usize = 4_096;
/// A district's name is for those who are beyond it: nearer than this share of its reach it is left out.
const DISTRICT_NEAREST: f64 = 1.0 / 40.0;

/// Which label: number of the cell and within it.
pub(crate) type Key = (u32, u32);

/// A label with what is known about it on the screen.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) label: Label,
    /// Its name in the current language, cut to a length that can be shown.
    pub(crate) text: String,
    ecef: DVec3,
    /// Unit direction that it is written along.
    along: Option<DVec3>,
    /// Of its picture, CSS pixels, once measured.
    size_css: Option<DVec2>,
    /// Whether nothing stands before it, and when that was asked; none when never.
    seen: Option<(bool, f64)>,
    /// When the question was asked that is not answered yet.
    asked_ms: Option<f64>,
    /// Its picture in the atlas, and which atlas that is.
    pub(crate) picture: Option<(u32, Room)>,
    shown: bool,
    opacity: f32,
    /// Written from right to left along its street, so as not to stand on its head.
    turned: bool,
    area: Box2,
}

/// A label to draw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sprite {
    pub(crate) key: Key,
    /// Where its picture lies, CSS pixels.
    pub(crate) area: Box2,
    pub(crate) opacity: f32,
}

/// A label on the screen, for hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownLabel {
    /// Stable id of the thing that it names.
    pub id: String,
    /// As written; empty where an icon stands alone.
    pub text: String,
    /// Centre, CSS pixels from the canvas's left edge.
    pub x: f64,
    /// Centre, CSS pixels from its top edge.
    pub y: f64,
    /// Along the writing, CSS pixels.
    pub width: f64,
    /// Across it, CSS pixels.
    pub height: f64,
    /// Direction of writing, degrees clockwise from rightwards; −90 to 90.
    pub angle_deg: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CellState {
    Absent,
    Asked,
    Failed,
    Loaded,
}

#[derive(Debug)]
struct Cell {
    id: [u32; 3],
    center_ecef: DVec3,
    radius_m: f64,
    reach_m: f64,
    state: CellState,
    items: Vec<Item>,
}

/// The labels of a twin.
#[derive(Debug)]
pub(crate) struct Labels {
    cells: Vec<Cell>,
    requests: usize,
    pub(crate) on: bool,
    locale: String,
    live: Vec<Key>,
    placed_ms: f64,
    moved_ms: f64,
    faded_ms: f64,
    /// Something changed since the last placement.
    due: bool,
    /// Something was shown or hidden, and its fade is not over.
    fading: bool,
}

/// What the screen is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    pub(crate) eye: Eye,
    pub(crate) clip_from_rel: DMat4,
    pub(crate) size_css: DVec2,
}

impl Screen {
    /// Where a point is seen, CSS pixels; none when it is behind the eye.
    fn css(&self, rel: DVec3) -> Option<DVec2> {
        let clip: DVec4 = self.clip_from_rel * rel.extend(1.0);
        (clip.w > 0.1).then(|| {
            let ndc = clip.truncate().truncate() / clip.w;
            DVec2::new(ndc.x + 1.0, 1.0 - ndc.y) / 2.0 * self.size_css
        })
    }
}

impl Labels {
    pub(crate) fn new() -> Self {
        Self {
            cells: Vec::new(),
            requests: 0,
            on: true,
            locale: String::new(),
            live: Vec::new(),
            placed_ms: f64::NEG_INFINITY,
            moved_ms: f64::NEG_INFINITY,
            faded_ms: 0.0,
            due: false,
            fading: false,
        }
    }

    /// Takes the index of a twin's labels.
    pub(crate) fn set_index(&mut self, index: &LabelIndex) {
        self.clear();
        self.cells = index.cells.iter().map(|&[level, x, y, reach_m]| cell(index, [level, x, y], reach_m)).collect();
        self.due = true;
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.cells.clear();
        self.live.clear();
        self.requests = 0;
    }

    /// Names in this language from now on.
    pub(crate) fn set_locale(&mut self, locale: &str) {
        if self.locale != locale {
            locale.clone_into(&mut self.locale);
            for item in self.cells.iter_mut().flat_map(|cell| &mut cell.items) {
                item.text = text::shown(item.label.name_for(locale));
                item.size_css = None;
                item.picture = None;
            }
            self.due = true;
        }
    }

    /// Switches all labels.
    pub(crate) fn set_on(&mut self, on: bool) {
        self.on = on;
        self.due = true;
    }

    /// Number and file (below the index's folder) of cells to load now.
    pub(crate) fn wanted(&mut self, eye_ecef: DVec3) -> Vec<(u32, String)> {
        let mut wanted = Vec::new();
        let mut dropped = false;
        for (number, cell) in self.cells.iter_mut().enumerate() {
            let away_m = eye_ecef.distance(cell.center_ecef) - cell.radius_m;
            match cell.state {
                CellState::Absent if self.on && away_m <= cell.reach_m && self.requests < MOST_REQUESTS => {
                    cell.state = CellState::Asked;
                    self.requests += 1;
                    let [level, x, y] = cell.id;
                    wanted.push((number as u32, format!("{level}/{x}/{y}.json")));
                }
                CellState::Loaded if away_m > cell.reach_m * KEPT_REACH + 100.0 => {
                    cell.items = Vec::new();
                    cell.state = CellState::Absent;
                    dropped = true;
                }
                _ => {}
            }
        }
        if dropped {
            let cells = &self.cells;
            self.live.retain(|key| cells[key.0 as usize].state == CellState::Loaded);
        }
        wanted
    }

    /// Takes what became of a cell's file; none when it cannot be had.
    pub(crate) fn loaded(&mut self, number: u32, contents: Option<LabelCell>) {
        let Some(cell) = self.cells.get_mut(number as usize).filter(|cell| cell.state == CellState::Asked) else {
            return;
        };
        self.requests = self.requests.saturating_sub(1);
        let Some(contents) = contents else {
            cell.state = CellState::Failed;
            return;
        };
        cell.state = CellState::Loaded;
        let labels = contents.labels.into_iter().filter(Label::is_valid).take(MOST_OF_CELL);
        cell.items = labels.map(|label| Item::new(label, &self.locale)).collect();
        self.due = true;
    }

    /// Whether there are no labels at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Whether cells are under way.
    pub(crate) fn loading(&self) -> bool {
        self.requests > 0
    }

    pub(crate) fn item(&self, key: Key) -> Option<&Item> {
        self.cells.get(key.0 as usize)?.items.get(key.1 as usize)
    }

    pub(crate) fn item_mut(&mut self, key: Key) -> Option<&mut Item> {
        self.cells.get_mut(key.0 as usize)?.items.get_mut(key.1 as usize)
    }

    /// Chooses what is shown, when that is due. `measure` says how large a label's picture is, CSS pixels. Returns
    /// the labels for which it is to be found out whether something stands before them, with their places in `rel`;
    /// [`Self::found`] takes the answers.
    pub(crate) fn place(
        &mut self,
        screen: &Screen,
        moved: bool,
        now_ms: f64,
        measure: &mut dyn FnMut(&Item) -> DVec2,
    ) -> Vec<(Key, DVec3)> {
        self.due |= moved;
        if moved {
            self.moved_ms = now_ms;
        }
        if !self.due || now_ms - self.placed_ms < PLACE_EVERY_MS {
            return Vec::new();
        }
        self.placed_ms = now_ms;
        self.due = false;
        let mut candidates = if self.on { self.candidates(screen) } else { Vec::new() };
        candidates.sort_by(|a, b| a.priority.total_cmp(&b.priority).then(a.key.cmp(&b.key)));
        let most = (screen.size_css.x * screen.size_css.y / AREA_OF_ONE).clamp(4.0, 90.0) as usize;
        let mut tests = Vec::new();
        let holds_from_ms = self.moved_ms.min(now_ms - SEEN_FOR_MS);
        let mut placed = place::Placed::new(most);
        let (moved_ms, mut is_outdated) = (self.moved_ms, false);
        for candidate in &mut candidates {
            if placed.is_full() {
                break;
            }
            let Some(item) = self.item_mut(candidate.key) else { continue };
            if !item.may_be_seen(holds_from_ms) && tests.len() < MOST_TESTS {
                item.asked_ms = Some(now_ms);
                tests.push((candidate.key, screen.eye.rel_from_ecef_point(item.ecef)));
            }
            // What holds only for a while is asked again after it.
            is_outdated |= item.is_tested() && item.seen.is_some_and(|(_, when)| when < moved_ms);
            if item.is_hidden() {
                continue;
            }
            let size = item.size_css.unwrap_or_else(|| measure(item));
            item.size_css = Some(size);
            let look = look_of(&item.label);
            candidate.area = item.area_at(candidate.area.center, candidate.area.along, size, look);
            let too_long = candidate.room_css.is_some_and(|room| size.x > room);
            if !too_long && placed.take(candidate, screen.size_css) {
                item.area = candidate.area;
            }
        }
        self.show(&placed.keys);
        self.due |= is_outdated || tests.len() == MOST_TESTS;
        tests
    }

    /// All labels in reach and on the screen, at their anchors.
    fn candidates(&mut self, screen: &Screen) -> Vec<Candidate> {
        let eye = screen.eye.eye_ecef;
        let mut candidates = Vec::new();
        for (number, cell) in self.cells.iter_mut().enumerate() {
            if cell.items.is_empty() || eye.distance(cell.center_ecef) - cell.radius_m > cell.reach_m {
                continue;
            }
            for (i, item) in cell.items.iter_mut().enumerate() {
                candidates.extend(item.candidate((number as u32, i as u32), screen));
            }
        }
        candidates
    }

    fn show(&mut self, keys: &[Key]) {
        for key in std::mem::take(&mut self.live) {
            if let Some(item) = self.item_mut(key) {
                item.shown = false;
                if item.opacity > 0.0 {
                    self.live.push(key);
                }
            }
        }
        for &key in keys {
            let Some(item) = self.item_mut(key) else { continue };
            item.shown = true;
            if item.opacity == 0.0 {
                self.live.push(key);
            }
        }
        self.fading = true;
    }

    /// Takes the answers to tests: whether a label is seen.
    pub(crate) fn found(&mut self, answers: &[(Key, bool)], now_ms: f64) {
        for &(key, seen) in answers {
            if let Some(item) = self.item_mut(key) {
                let news = item.seen.is_none_or(|(before, _)| before != seen);
                // An answer holds for the view that was asked about.
                item.seen = Some((seen, item.asked_ms.take().unwrap_or(now_ms)));
                self.due |= news;
            }
        }
    }

    /// Forgets tests that were not answered.
    pub(crate) fn tests_lost(&mut self) {
        for item in self.cells.iter_mut().flat_map(|cell| &mut cell.items) {
            item.asked_ms = None;
        }
        self.due = true;
    }

    /// Fades, and says where each label is now. At once without `motion`.
    pub(crate) fn sprites(&mut self, screen: &Screen, motion: bool, now_ms: f64) -> Vec<Sprite> {
        let step = if motion { ((now_ms - self.faded_ms).clamp(0.0, 50.0) / FADE_MS) as f32 } else { 1.0 };
        self.faded_ms = now_ms;
        self.fading = false;
        let mut sprites = Vec::with_capacity(self.live.len());
        let live = std::mem::take(&mut self.live);
        for key in live {
            let Some(item) = self.item_mut(key) else { continue };
            let goal = if item.shown { 1.0 } else { 0.0 };
            item.opacity += (goal - item.opacity).clamp(-step, step);
            let fading = item.opacity != goal;
            let follows = item.follow(screen);
            if let (true, Some(area)) = (item.opacity > 0.0, follows) {
                item.area = area;
                sprites.push(Sprite { key, area, opacity: item.opacity });
            }
            let stays = item.shown || item.opacity > 0.0;
            self.fading |= fading;
            if stays {
                self.live.push(key);
            }
        }
        sprites
    }

    /// Whether frames are needed though nothing else happens.
    pub(crate) fn busy(&self) -> bool {
        self.fading || self.due
    }

    /// The label at a point of the canvas.
    pub(crate) fn at(&self, at_css: DVec2) -> Option<&Item> {
        let shown = self.live.iter().filter_map(|&key| self.item(key)).filter(|item| item.shown);
        shown.filter(|item| item.area.contains(at_css)).min_by_key(|item| item.label.rank)
    }

    /// What is shown, the most important first.
    pub(crate) fn shown(&self) -> Vec<ShownLabel> {
        let mut items: Vec<&Item> = self.live.iter().filter_map(|&key| self.item(key)).collect();
        items.retain(|item| item.shown);
        items.sort_by_key(|item| item.label.rank);
        items.iter().map(|item| item.as_shown()).collect()
    }
}

impl Item {
    fn new(label: Label, locale: &str) -> Self {
        let at = Geodetic::from_degrees(label.lon, label.lat, label.height_m);
        let along = label.along_deg.map(|bearing| {
            let (sin, cos) = bearing.to_radians().sin_cos();
            EnuFrame::new(at).ecef_from_enu.transform_vector3(DVec3::new(sin, cos, 0.0))
        });
        Self {
            text: text::shown(label.name_for(locale)),
            ecef: ecef_from_geodetic(at),
            along,
            label,
            size_css: None,
            seen: None,
            asked_ms: None,
            picture: None,
            shown: false,
            opacity: 0.0,
            turned: false,
            area: Box2::default(),
        }
    }

    pub(crate) fn ecef(&self) -> DVec3 {
        self.ecef
    }

    /// Whether the last test holds or one is under way. Names of areas lie over what stands there.
    fn may_be_seen(&self, holds_from_ms: f64) -> bool {
        !self.is_tested() || self.asked_ms.is_some() || self.seen.is_some_and(|(_, when)| when >= holds_from_ms)
    }

    fn is_hidden(&self) -> bool {
        self.is_tested() && !self.seen.is_some_and(|(seen, _)| seen)
    }

    fn is_tested(&self) -> bool {
        !matches!(self.label.kind, LabelKind::District | LabelKind::Water | LabelKind::Green)
    }

    fn candidate(&mut self, key: Key, screen: &Screen) -> Option<Candidate> {
        let rel = screen.eye.rel_from_ecef_point(self.ecef);
        let distance_m = rel.length();
        let too_near = self.label.kind == LabelKind::District && distance_m < self.label.reach_m * DISTRICT_NEAREST;
        if distance_m > self.label.reach_m || too_near {
            return None;
        }
        let at = screen.css(rel)?;
        if at.x < 0.0 || at.y < 0.0 || at.x > screen.size_css.x || at.y > screen.size_css.y {
            return None;
        }
        let (along, room_css) = self.direction(rel, at, screen);
        let rank = f64::from(self.label.rank);
        // What is shown gives way only to what is clearly more important.
        let priority = if self.shown { rank * 0.7 - 12.0 } else { rank };
        let area = Box2 { center: at, half: DVec2::ZERO, along };
        Some(Candidate { key, priority, area, room_css, stays: self.shown })
    }

    /// Unit direction of writing on the screen, never upside down, and the room along it, CSS pixels.
    fn direction(&mut self, rel: DVec3, at: DVec2, screen: &Screen) -> (DVec2, Option<f64>) {
        /// A street that stands this upright on the screen keeps the direction in which it was written.
        const UPRIGHT: f64 = 0.12;
        let Some(along) = self.along else { return (DVec2::X, None) };
        let step_m = rel.length() * 0.002;
        let ahead = screen.eye.rel_from_ecef_point(self.ecef + along * step_m);
        let Some(seen) = screen.css(ahead).map(|ahead| ahead - at) else { return (DVec2::X, Some(0.0)) };
        let px_per_m = seen.length() / step_m;
        let room = self.label.length_m.unwrap_or(f64::INFINITY) * px_per_m * 1.15;
        let Some(direction) = seen.try_normalize() else { return (DVec2::X, Some(0.0)) };
        if direction.x.abs() > UPRIGHT || !self.shown {
            self.turned = direction.x < 0.0;
        }
        (if self.turned { -direction } else { direction }, Some(room))
    }

    fn area_at(&self, at: DVec2, along: DVec2, size: DVec2, look: Look) -> Box2 {
        Box2 { center: at + look.anchor_offset(size), half: size / 2.0, along }
    }

    /// Where its picture is now; none when it is behind the eye.
    fn follow(&mut self, screen: &Screen) -> Option<Box2> {
        let size = self.size_css?;
        let rel = screen.eye.rel_from_ecef_point(self.ecef);
        let at = screen.css(rel)?;
        let (along, _) = self.direction(rel, at, screen);
        Some(self.area_at(at, along, size, look_of(&self.label)))
    }

    fn as_shown(&self) -> ShownLabel {
        let size = self.area.half * 2.0;
        ShownLabel {
            id: self.label.id.clone(),
            text: self.text.clone(),
            x: self.area.center.x,
            y: self.area.center.y,
            width: size.x,
            height: size.y,
            angle_deg: self.area.along.y.atan2(self.area.along.x).to_degrees(),
        }
    }
}

fn cell(index: &LabelIndex, id: [u32; 3], reach_m: u32) -> Cell {
    let [west, south, east, north] = index.cell_extent(id[0], id[1], id[2]);
    let point = |lon, lat| ecef_from_geodetic(Geodetic::from_degrees(lon, lat, 0.0));
    let center_ecef = point((west + east) / 2.0, (south + north) / 2.0);
    let corners = [point(west, south), point(east, south), point(east, north), point(west, north)];
    let radius_m = corners.iter().map(|corner| corner.distance(center_ecef)).fold(0.0, f64::max);
    Cell { id, center_ecef, radius_m, reach_m: f64::from(reach_m), state: CellState::Absent, items: Vec::new() }
}

#[cfg(test)]
mod tests;
