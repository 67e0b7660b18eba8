//! Buildings: outlines and their parts → solids with roofs (Simple 3D Buildings,
//! <https://wiki.openstreetmap.org/wiki/Simple_3D_Buildings>).
//!
//! # Heights
//! `height` is to the top of the roof; `min_height` to the underside. Without `height`, `building:levels` times the
//! usual height of a level, plus the roof. Without either, the median of the known heights of at least three buildings
//! whose centres lie within 100 m (else 250 m), unless the building is of a kind that does not follow its neighbours (a garage, a
//! church), or small; then what is typical of its kind.

use super::areal::{self, IfCut};
use super::ground::Ground;
use super::raw::{Raw, RawTags};
use super::shape::{self, Grid};
use super::tags::{self, Key};
use super::values::{bearing_deg, length_m, length_tag, number_tag};
use super::{color, places};
use crate::bake::Progress;
use crate::bake::model::{Building, HeightSource, Polygon, Property, Roof, RoofShape, Solid, Tags, Warnings};
use crate::bake::store::{Room, Store};
use glam::DVec2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Heights above ground that are believed, metres. The highest building yet planned has 1,000.
const HEIGHTS_M: std::ops::RangeInclusive<f64> = 0.1..=1100.0;
/// Undersides above ground that are believed, metres.
const BASES_M: std::ops::RangeInclusive<f64> = 0.0..=1100.0;
/// Numbers of levels that are believed.
const LEVELS: std::ops::RangeInclusive<f64> = 0.0..=200.0;
/// How far neighbours reach, metres: the second is tried where the first has too few.
const NEIGHBOURS_M: [f64; 2] = [100.0, 250.0];
/// So many neighbours of known height are needed to follow them.
const MIN_NEIGHBOURS: usize = 3;
/// Thinnest solid, metres.
const MIN_THICKNESS_M: f64 = 0.3;
/// A roof without walls (`building=roof`) is so thick, metres.
const CANOPY_M: f64 = 0.4;
/// A part belongs to a building that covers at least this share of it.
const PART_INSIDE: f64 = 0.5;
/// Where parts leave more than this share of the outline open, mapping is taken for unfinished and the rest is filled.
const UNFINISHED: f64 = 0.3;

/// Reads all buildings, by key.
pub(super) fn read(
    raw: &Raw,
    ground: &Ground,
    room: &Room,
    warnings: &mut Warnings,
    progress: &dyn Progress,
    take: &mut dyn FnMut(Building),
) {
    let footprints = footprints(raw, ground, room, warnings);
    let addresses = places::AddressNodes::new(raw, ground);
    footprints.assemble(&addresses, warnings, progress, take);
}

/// Outlines and parts, before it is known which part belongs to which outline.
pub(in crate::bake) struct Footprints {
    outlines: Store<'static, Outline>,
    /// Those of the outlines.
    keys: Vec<Key>,
    parts: Vec<Part>,
}

impl Footprints {
    pub(in crate::bake) fn new(room: &Room) -> Self {
        Self { outlines: Store::new(room), keys: Vec::new(), parts: Vec::new() }
    }

    /// Adds a footprint to what its tags say it is. An outline that is also a part draws itself beside its other parts.
    pub(in crate::bake) fn add(&mut self, key: Key, raw: RawTags, tags: Tags, polygons: Vec<Polygon>) {
        let whole = is_building(&raw);
        if is_part(&raw) {
            if !whole {
                self.parts.push(Part { key, raw, tags, polygons });
                return;
            }
            self.parts.push(Part { key, raw: raw.clone(), tags: tags.clone(), polygons: polygons.clone() });
        }
        if whole {
            self.push(Outline::new(key, raw, tags, polygons, false));
        }
    }

    fn push(&mut self, outline: Outline) {
        self.keys.push(outline.key);
        self.outlines.push(outline);
    }

    /// Hands out their buildings, by key.
    pub(in crate::bake) fn assemble(
        mut self,
        addresses: &places::AddressNodes,
        warnings: &mut Warnings,
        progress: &dyn Progress,
        take: &mut dyn FnMut(Building),
    ) {
        let mut parts = self.assign_parts();
        let mut order: Vec<usize> = (0..self.keys.len()).collect();
        order.sort_by_key(|&place| self.keys[place]);
        let (mut known, mut telling) = (Vec::with_capacity(order.len()), Vec::new());
        for &place in &order {
            let Some(outline) = self.outlines.get(place) else { continue };
            let height = outline.known_height(parts.get(&place).map_or(&[], Vec::as_slice), warnings);
            known.push(height);
            // A garage says nothing about the houses around it, and neither does a tower on a roof.
            if typical(&outline.class).1 && !is_small(&outline) && !outline.is_part {
                telling.extend(height.map(|(height_m, _)| (outline.center, height_m)));
            }
        }
        let estimates = Estimates::new(telling);
        progress.stage("buildings", Some(order.len() as u64));
        for (place, known) in order.into_iter().zip(known) {
            progress.advance(1);
            let Some(mut outline) = self.outlines.take(place) else { continue };
            outline.parts = parts.remove(&place).unwrap_or_default();
            outline.known = known;
            let estimate_m = estimates.height_m(&outline);
            take(outline.building(estimate_m, addresses, warnings));
        }
    }

    /// Gives each part to the outline that has most of it, by the outline's place; a part without one becomes a building of
    /// its own.
    fn assign_parts(&mut self) -> BTreeMap<usize, Vec<Part>> {
        let mut assigned: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
        if self.parts.is_empty() {
            return assigned;
        }
        let mut grid = Grid::new(100.0);
        for (i, outline) in self.outlines.iter().enumerate() {
            grid.insert(i, shape::polygon_bounds(&outline.polygons));
        }
        for part in std::mem::take(&mut self.parts) {
            let bounds = shape::polygon_bounds(&part.polygons);
            let own_area = shape::total_area(&part.polygons);
            let mut best: Option<(usize, f64)> = None;
            for i in grid.near(bounds) {
                // An outline that is also a part is its own first part, not that of a building around it.
                let share = if self.keys[i] == part.key {
                    f64::INFINITY
                } else {
                    let Some(outline) = self.outlines.get(i) else { continue };
                    shape::common_area(&outline.polygons, &part.polygons) / own_area
                };
                if share >= PART_INSIDE && best.is_none_or(|(_, most)| share > most) {
                    best = Some((i, share));
                }
            }
            match best {
                Some((i, _)) => assigned.entry(i).or_default().push(part),
                None => self.push(Outline::new(part.key, part.raw, part.tags, part.polygons, true)),
            }
        }
        // On its own, an outline that is also a part is just a building.
        assigned.retain(|place, parts| !matches!(&parts[..], [only] if only.key == self.keys[*place]));
        assigned
    }
}

/// A building before its heights are known.
#[derive(Clone, Serialize, Deserialize)]
struct Outline {
    key: Key,
    raw: RawTags,
    /// What is published of it.
    tags: Tags,
    class: String,
    polygons: Vec<Polygon>,
    area_m2: f64,
    center: DVec2,
    parts: Vec<Part>,
    /// A part that no building contains, standing for itself.
    is_part: bool,
    known: Option<(f64, HeightSource)>,
}

/// A `building:part`.
#[derive(Clone, Serialize, Deserialize)]
struct Part {
    key: Key,
    raw: RawTags,
    /// What is published of it where no building contains it.
    tags: Tags,
    polygons: Vec<Polygon>,
}

/// All outlines and all parts, whole: a house that reaches over the border is kept, one beyond it is not.
fn footprints(raw: &Raw, ground: &Ground, room: &Room, warnings: &mut Warnings) -> Footprints {
    let mut footprints = Footprints::new(room);
    areal::each(raw, warnings, |tags| is_building(tags) || is_part(tags), &mut |areal, warnings| {
        if is_underground(&areal.tags) {
            return warnings.add("underground_left_out", areal.key.to_string());
        }
        let polygons = areal.polygons(raw, ground, IfCut::LeaveOut, warnings);
        if polygons.is_empty() {
            return;
        }
        if !ground.overlaps(shape::polygon_bounds(&polygons)) {
            return warnings.add("building_outside_extent", areal.key.to_string());
        }
        let kept = tags::properties(areal.key, &areal.tags);
        footprints.add(areal.key, areal.tags, kept, polygons);
    });
    footprints
}

/// Whether this is (a part of) a building that stands there now.
pub(in crate::bake) fn is_building(tags: &RawTags) -> bool {
    is_standing(tags.get("building"))
}

fn is_part(tags: &RawTags) -> bool {
    is_standing(tags.get("building:part"))
}

/// `building=*` and `building:part=*` of something that stands there now.
fn is_standing(value: Option<&str>) -> bool {
    value
        .is_some_and(|v| !matches!(v, "no" | "proposed" | "planned" | "demolished" | "razed" | "removed" | "collapsed"))
}

pub(in crate::bake) fn is_underground(tags: &RawTags) -> bool {
    let below = |key| tags.get(key).and_then(super::values::number).is_some_and(|v| v < 0.0);
    tags.is("location", "underground") || tags.is("parking", "underground") || below("layer") || below("level")
}

impl Outline {
    fn new(key: Key, raw: RawTags, tags: Tags, polygons: Vec<Polygon>, is_part: bool) -> Self {
        let keys: &[&str] = if is_part { &["building:part"] } else { &["building", "building:part"] };
        let class = raw.first(keys).unwrap_or("yes").to_owned();
        let largest = polygons.iter().max_by(|a, b| shape::area(a).total_cmp(&shape::area(b)));
        let center = largest.map_or(DVec2::ZERO, shape::centroid);
        let area_m2 = shape::total_area(&polygons);
        Self { key, raw, tags, class, polygons, area_m2, center, parts: Vec::new(), is_part, known: None }
    }

    /// The height that tags give, of the whole or of its highest part.
    fn known_height(&self, parts: &[Part], warnings: &mut Warnings) -> Option<(f64, HeightSource)> {
        let own = Vertical::read(&self.raw, self.key, warnings).top(&self.class);
        if own.is_some() {
            return own;
        }
        // Warnings of the parts are counted when they are built.
        let mut unheard = Warnings::default();
        parts
            .iter()
            .filter_map(|part| Vertical::read(&part.raw, part.key, &mut unheard).top(&self.class))
            .max_by(|a, b| a.0.total_cmp(&b.0))
    }

    fn building(self, estimate_m: f64, addresses: &places::AddressNodes, warnings: &mut Warnings) -> Building {
        let whole = self.known.unwrap_or((estimate_m, HeightSource::Estimated));
        let mut solids = Vec::new();
        if self.parts.is_empty() {
            self.add_solids(&mut solids, self.key, &self.raw, None, &self.polygons, whole, warnings);
        }
        for part in &self.parts {
            let parent = (part.key != self.key).then_some(&self.raw);
            self.add_solids(&mut solids, part.key, &part.raw, parent, &part.polygons, whole, warnings);
        }
        self.fill_unfinished(&mut solids, whole, warnings);
        let highest = solids.iter().max_by(|a, b| a.0.top_m.total_cmp(&b.0.top_m));
        let (height_m, height_source) = highest.map_or(whole, |(solid, source)| (solid.top_m, *source));
        let mut tags = self.tags;
        if tags.address.is_none() {
            tags.address = addresses.of(&self.polygons);
        }
        if !self.parts.is_empty() {
            tags.more.insert("parts", Property::Integer(self.parts.len() as i64));
        }
        Building {
            tags,
            class: self.class,
            outline: self.polygons,
            surfaces: Vec::new(),
            solids: solids.into_iter().map(|(solid, _)| solid).collect(),
            height_m,
            height_source,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one call inside this module; a struct would only repeat the names")]
    fn add_solids(
        &self,
        solids: &mut Vec<(Solid, HeightSource)>,
        key: Key,
        raw: &RawTags,
        parent: Option<&RawTags>,
        polygons: &[Polygon],
        whole: (f64, HeightSource),
        warnings: &mut Warnings,
    ) {
        // The outline's own were counted when its height was looked for.
        let mut unheard = Warnings::default();
        let vertical = Vertical::read(raw, key, if key == self.key { &mut unheard } else { warnings });
        let class = raw.get("building:part").filter(|c| *c != "yes").unwrap_or(&self.class);
        let mut base_m = vertical.base_m.or_else(|| vertical.min_level.map(|l| l * level_m(class))).unwrap_or(0.0);
        // A part without height is paving; the whole may be a tower.
        let is_paving = parent.is_some() && vertical.is_flat;
        let own = if is_paving { (base_m, HeightSource::Tagged) } else { whole };
        let (mut top_m, mut source) = vertical.top(class).unwrap_or(own);
        if top_m < base_m + MIN_THICKNESS_M && !is_paving {
            if vertical.height_m.is_some() {
                warnings.add("height_not_above_min_height", format!("{key}: {top_m} m, {base_m} m"));
                base_m = 0.0;
            } else {
                (top_m, source) = (base_m + level_m(class), HeightSource::Estimated);
            }
        }
        if matches!(class, "roof" | "canopy" | "carport") && vertical.base_m.is_none() && vertical.min_level.is_none() {
            base_m = (top_m - CANOPY_M - vertical.roof_m.unwrap_or(0.0)).max(0.0);
        }
        top_m = top_m.max(base_m + MIN_THICKNESS_M);
        let seed = color::seed(self.key);
        let (wall_color, roof_color) = (color::wall(raw, parent, seed), color::roof(raw, parent, seed));
        for footprint in polygons {
            let roof = vertical.roof(footprint, top_m - base_m);
            solids.push((Solid { footprint: footprint.clone(), base_m, top_m, roof, wall_color, roof_color }, source));
        }
    }

    /// Where parts are mapped for a piece of the building only, the rest of the outline is drawn as a plain block.
    fn fill_unfinished(
        &self,
        solids: &mut Vec<(Solid, HeightSource)>,
        whole: (f64, HeightSource),
        warnings: &mut Warnings,
    ) {
        if self.parts.is_empty() {
            return;
        }
        let covered: Vec<Polygon> = self.parts.iter().flat_map(|p| p.polygons.iter().cloned()).collect();
        let rest = shape::difference(&self.polygons, &covered);
        if shape::total_area(&rest) <= UNFINISHED * self.area_m2 {
            return;
        }
        warnings.add("parts_cover_little", self.key.to_string());
        // A tagged height is that of the highest part, seldom of the rest: levels first, never above the lowest part.
        let standing = solids.iter().map(|(s, _)| s.top_m).filter(|top_m| *top_m > MIN_THICKNESS_M);
        let lowest = standing.fold(f64::INFINITY, f64::min);
        let vertical = Vertical::read(&self.raw, self.key, &mut Warnings::default());
        let by_levels = vertical.levels.map(|l| (l * level_m(&self.class), HeightSource::Levels));
        let (top_m, source) = by_levels.unwrap_or((whole.0.min(lowest), HeightSource::Estimated));
        let seed = color::seed(self.key);
        let (wall_color, roof_color) = (color::wall(&self.raw, None, seed), color::roof(&self.raw, None, seed));
        let roof = Roof { shape: RoofShape::Flat, height_m: 0.0, direction_deg: None, across: false };
        for footprint in rest {
            let top_m = top_m.max(MIN_THICKNESS_M);
            solids.push((Solid { footprint, base_m: 0.0, top_m, roof, wall_color, roof_color }, source));
        }
    }
}

/// What the tags say about the vertical, metres and levels; what makes no sense is counted and missing.
struct Vertical {
    height_m: Option<f64>,
    /// Tagged as next to nothing high.
    is_flat: bool,
    base_m: Option<f64>,
    levels: Option<f64>,
    min_level: Option<f64>,
    roof_m: Option<f64>,
    roof_levels: Option<f64>,
    roof_angle_deg: Option<f64>,
    shape: RoofShape,
    direction_deg: Option<f64>,
    across: bool,
}

impl Vertical {
    fn read(tags: &RawTags, key: Key, warnings: &mut Warnings) -> Self {
        let shape = tags.first(&["roof:shape", "building:roof:shape"]).map_or(RoofShape::Flat, |text| {
            roof_shape(text).unwrap_or_else(|| {
                warnings.add("roof_shape_unknown", format!("{key}: {}", text.chars().take(40).collect::<String>()));
                RoofShape::Flat
            })
        });
        let height = if tags.get("height").is_some() { "height" } else { "building:height" };
        let min_height = if tags.get("min_height").is_some() { "min_height" } else { "building:min_height" };
        let faces = tags.first(&["roof:direction", "roof:slope:direction"]).and_then(bearing_deg);
        let direction_deg = if shape == RoofShape::Skillion {
            faces
        } else {
            // A pitched roof's direction is that of its slopes; the ridge lies across it.
            let ridge = tags.get("roof:ridge:direction").and_then(bearing_deg);
            ridge.or(faces.map(|d| (d + 90.0) % 360.0))
        };
        Self {
            height_m: length_tag(tags, height, HEIGHTS_M, key, warnings),
            is_flat: tags.get(height).and_then(length_m).is_some_and(|m| (0.0..*HEIGHTS_M.start()).contains(&m)),
            base_m: length_tag(tags, min_height, BASES_M, key, warnings),
            levels: number_tag(tags, "building:levels", LEVELS, key, warnings),
            min_level: number_tag(tags, "building:min_level", LEVELS, key, warnings),
            roof_m: length_tag(tags, "roof:height", 0.0..=500.0, key, warnings),
            roof_levels: number_tag(tags, "roof:levels", 0.0..=50.0, key, warnings),
            roof_angle_deg: number_tag(tags, "roof:angle", 0.0..=85.0, key, warnings),
            shape,
            direction_deg,
            across: tags.is("roof:orientation", "across"),
        }
    }

    /// Height of the top above ground, where tags give it.
    fn top(&self, class: &str) -> Option<(f64, HeightSource)> {
        if let Some(height) = self.height_m {
            return Some((height, HeightSource::Tagged));
        }
        let levels = self.levels.filter(|l| *l > 0.0 || self.roof_levels.is_some_and(|r| r > 0.0))?;
        // Levels do not count those under the roof.
        let roof = if self.shape == RoofShape::Flat { 0.0 } else { self.tagged_roof_m().unwrap_or(2.0) };
        Some((levels * level_m(class) + roof, HeightSource::Levels))
    }

    fn tagged_roof_m(&self) -> Option<f64> {
        self.roof_m.or(self.roof_levels.map(|l| l * 2.5)).filter(|h| *h > 0.0)
    }

    fn roof(&self, footprint: &Polygon, solid_m: f64) -> Roof {
        let height_m = if self.shape == RoofShape::Flat {
            0.0
        } else {
            // Without a tag, a usual pitch over the shorter span; at most half of the whole stays roof.
            let span = shorter_span_m(footprint);
            let by_angle = self.roof_angle_deg.map(|a| a.to_radians().tan() * self.rise_per_span() * span);
            let usual = (self.usual_pitch() * self.rise_per_span() * span).clamp(0.5, 8.0).min(solid_m / 2.0);
            self.tagged_roof_m().or(by_angle).unwrap_or(usual).min(solid_m)
        };
        // Higher than nothing, or the shape has no meaning.
        let shape = if height_m > 0.05 { self.shape } else { RoofShape::Flat };
        let height_m = if shape == RoofShape::Flat { 0.0 } else { height_m };
        Roof { shape, height_m, direction_deg: self.direction_deg, across: self.across }
    }

    /// The horizontal way from eaves to top, as a share of the span.
    fn rise_per_span(&self) -> f64 {
        if self.shape == RoofShape::Skillion { 1.0 } else { 0.5 }
    }

    /// Tangent of the usual pitch.
    fn usual_pitch(&self) -> f64 {
        match self.shape {
            RoofShape::Skillion => 0.18,
            RoofShape::Dome => 1.0,
            RoofShape::Pyramidal => 0.8,
            _ => 0.6,
        }
    }
}

/// `roof:shape` as one of those that are drawn: the nearest in silhouette; what has none is flat.
fn roof_shape(text: &str) -> Option<RoofShape> {
    Some(match text.to_ascii_lowercase().replace(['-', ' '], "_").as_str() {
        "gabled"
        | "pitched"
        | "gambrel"
        | "round"
        | "saltbox"
        | "double_saltbox"
        | "crosspitched"
        | "cross_gabled"
        | "gabled_height_moved"
        | "barrel" => RoofShape::Gabled,
        "hipped" | "half_hipped" | "side_hipped" | "side_half_hipped" | "mansard" | "hipped_and_gabled" => {
            RoofShape::Hipped
        }
        "pyramidal" | "cone" | "conical" | "spire" | "tented" => RoofShape::Pyramidal,
        "skillion" | "lean_to" | "shed" | "monopitch" | "mono_pitched" => RoofShape::Skillion,
        "dome" | "onion" | "spherical" | "hemispherical" => RoofShape::Dome,
        "flat" | "yes" | "no" | "many" | "complex" | "sawtooth" | "butterfly" | "terrace" | "flat_terrace"
        | "other" => RoofShape::Flat,
        _ => return None,
    })
}

/// Shorter side of the box along the longest edge, metres.
fn shorter_span_m(footprint: &Polygon) -> f64 {
    let ring = &footprint.outer;
    let edges = ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| *b - *a);
    let longest = edges.max_by(|a, b| a.length_squared().total_cmp(&b.length_squared())).unwrap_or(DVec2::X);
    let along = longest.normalize_or(DVec2::X);
    let box_of = |axis: DVec2| {
        let all = ring.iter().map(|p| p.dot(axis));
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        (high - low).max(0.0)
    };
    box_of(along).min(box_of(along.perp()))
}

/// Usual height of a level with its floor, metres.
fn level_m(class: &str) -> f64 {
    match class {
        "industrial" | "warehouse" | "hangar" | "manufacture" | "train_station" | "sports_hall" | "stadium" => 4.5,
        "church" | "cathedral" | "mosque" | "temple" | "synagogue" | "chapel" => 4.5,
        "office" | "commercial" | "retail" | "public" | "civic" | "government" | "university" | "school"
        | "hospital" | "supermarket" | "college" | "museum" | "hotel" => 3.6,
        "garage" | "garages" | "parking" | "shed" | "carport" => 2.8,
        _ => 3.2,
    }
}

/// What is typical of a kind of building, metres, and whether such buildings follow their neighbours' height.
fn typical(class: &str) -> (f64, bool) {
    match class {
        "garage" | "garages" | "shed" | "hut" | "kiosk" | "toilets" | "carport" | "service" | "container" | "tent"
        | "cabin" | "bunker" | "guardhouse" | "transformer_tower" | "static_caravan" | "outbuilding" | "gatehouse" => {
            (3.0, false)
        }
        "roof" | "canopy" | "greenhouse" | "boathouse" | "houseboat" | "stable" | "barn" | "farm_auxiliary" => {
            (4.5, false)
        }
        "house" | "detached" | "semidetached_house" | "bungalow" | "terrace" | "farm" | "villa" => (6.5, false),
        "cathedral" => (30.0, false),
        "church" | "temple" | "mosque" | "synagogue" => (18.0, false),
        "chapel" | "shrine" | "pavilion" => (7.0, false),
        "stadium" | "grandstand" => (18.0, false),
        "sports_hall" | "sports_centre" | "hangar" | "train_station" | "transportation" => (11.0, false),
        "industrial" | "warehouse" | "manufacture" | "supermarket" | "parking" => (9.0, false),
        "kindergarten" | "school" => (9.0, false),
        "apartments" | "residential" | "dormitory" => (15.0, true),
        "office" | "commercial" | "hotel" | "public" | "civic" | "government" | "hospital" | "university"
        | "college" | "museum" => (16.0, true),
        _ => (9.0, true),
    }
}

/// Heights for buildings whose tags give none.
struct Estimates {
    grid: Grid,
    known: Vec<(DVec2, f64)>,
}

impl Estimates {
    /// Of places and the heights there.
    fn new(known: Vec<(DVec2, f64)>) -> Self {
        let mut grid = Grid::new(NEIGHBOURS_M[0]);
        for (i, (center, _)) in known.iter().enumerate() {
            grid.insert(i, (*center, *center));
        }
        Self { grid, known }
    }

    fn height_m(&self, outline: &Outline) -> f64 {
        let (typical_m, follows) = typical(&outline.class);
        if is_small(outline) {
            return typical_m.min(3.5);
        }
        if !follows {
            return typical_m;
        }
        let median_m = NEIGHBOURS_M.iter().find_map(|&reach_m| self.median_m(outline.center, reach_m));
        // No slender towers: a shed in the court of a block is not as high as the block.
        median_m.map_or(typical_m, |m| m.min(2.0 * outline.area_m2.sqrt()).max(3.0))
    }

    /// The median of the known heights around a place, where there are enough.
    fn median_m(&self, center: DVec2, reach_m: f64) -> Option<f64> {
        let reach = DVec2::splat(reach_m);
        let mut heights: Vec<f64> = self
            .grid
            .near((center - reach, center + reach))
            .into_iter()
            .map(|i| self.known[i])
            .filter(|(neighbour, _)| neighbour.distance(center) <= reach_m)
            .map(|(_, height)| height)
            .collect();
        heights.sort_by(f64::total_cmp);
        (heights.len() >= MIN_NEIGHBOURS).then(|| heights[heights.len() / 2])
    }
}

/// Too small to be a house like those around it.
fn is_small(outline: &Outline) -> bool {
    outline.area_m2 < 30.0
}
