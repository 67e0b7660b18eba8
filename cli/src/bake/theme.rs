//! The four themes of a twin: which features each has, and how they are drawn at any level of detail.

use super::content::{Content, Group, Instance, Part, Skin};
use super::drape;
use super::flats::{Flat, HELD_TRIANGLES};
use super::land::Land;
use super::mesh::{self, Detail, Layers, Mesh};
use super::model::{
    Area, AreaClass, Building, City, HeightSource, PointClass, PointThing, Polygon, Property, Way, WayClass,
};
use super::picture::Shelf;
use super::properties::{Row, row};
use super::stock::Stock;
use super::store::Store;
use super::tile::{Bend, Standing, Thing};
use citytwin_geo::EnuFrame;
use citytwin_geo::Geodetic;
use glam::{DVec2, DVec3};
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a theme has to know so that it can be divided into tiles.
pub(super) trait Theme: Sync {
    /// Its id: directory, layer and property class.
    fn id(&self) -> &'static str;
    /// Number of its features.
    fn feature_count(&self) -> usize;
    /// Properties of a feature, of which there are [`Self::feature_count`].
    fn row(&self, feature: usize) -> Row;
    /// Where a feature is, seen from above.
    fn shape(&self, feature: usize) -> Shape<'_>;
    /// What goes whole to one tile, with its box (ENU metres, not yet bent).
    fn things(&self) -> Cow<'_, [Standing]>;
    /// The largest side of a leaf, metres.
    fn largest_leaf_m(&self) -> f64 {
        f64::INFINITY
    }
    /// The layers of what lies flat: (drawing order, whether its vertices belong to features).
    fn layers(&self) -> &'static [(u8, bool)] {
        &[]
    }
    /// Calls with what lies flat.
    fn flats(&self, detail: Detail, take: &mut dyn FnMut(Flat)) {
        let _ = (detail, take);
    }
    /// The pictures that its surfaces show.
    fn shelf(&self) -> Option<&Shelf<'_>> {
        None
    }
    /// Adds things to a tile's content.
    fn draw(&self, things: &[u32], detail: Detail, bend: &Bend, out: &mut Content);
}

/// Where a feature is, seen from above; ENU metres.
pub(super) enum Shape<'a> {
    Point(DVec2),
    Line(Cow<'a, [DVec2]>),
    Polygons(Cow<'a, [Polygon]>),
}

impl Shape<'_> {
    /// That of something that is not there.
    pub(super) fn none() -> Self {
        Self::Polygons(Cow::default())
    }

    /// The middle of its box; nothing where it has no sound position.
    pub(super) fn middle(&self) -> Option<DVec2> {
        let box_of = |points: &mut dyn Iterator<Item = DVec2>| {
            points.filter(|p| p.is_finite()).map(|p| (p, p)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        };
        let (low, high) = match self {
            Self::Point(at) => box_of(&mut std::iter::once(*at)),
            Self::Line(line) => box_of(&mut line.iter().copied()),
            Self::Polygons(polygons) => box_of(&mut polygons.iter().flat_map(|polygon| &polygon.outer).copied()),
        }?;
        Some((low + high) / 2.0)
    }
}

/// A list of a thing, which somebody else holds as he holds the thing.
fn list_of<'a, T: Clone, P: Clone>(thing: Cow<'a, T>, list: fn(&T) -> &Vec<P>, into: fn(T) -> Vec<P>) -> Cow<'a, [P]> {
    match thing {
        Cow::Borrowed(thing) => Cow::Borrowed(list(thing)),
        Cow::Owned(thing) => Cow::Owned(into(thing)),
    }
}

/// The border of the extent as a polygon in ENU metres, with points between the corners: its sides are curved here.
pub(super) fn extent_polygon(city: &City) -> Polygon {
    const POINTS_PER_SIDE: u32 = 8;
    let frame = EnuFrame::new(city.origin);
    let e = city.extent;
    let corners = [(e.west, e.south), (e.east, e.south), (e.east, e.north), (e.west, e.north)];
    let mut outer = Vec::new();
    for (i, &(lon, lat)) in corners.iter().enumerate() {
        let (next_lon, next_lat) = corners[(i + 1) % 4];
        for k in 0..POINTS_PER_SIDE {
            let share = f64::from(k) / f64::from(POINTS_PER_SIDE);
            let point = Geodetic::from_degrees(lon + (next_lon - lon) * share, lat + (next_lat - lat) * share, 0.0);
            outer.push(frame.enu_from_geodetic(point).truncate());
        }
    }
    Polygon { outer, holes: Vec::new() }
}

/// Land, water, green.
pub(super) struct Ground<'a> {
    areas: &'a Store<'a, Area>,
    extent: Polygon,
    /// The bare ground is drawn by its relief.
    has_relief: bool,
}

impl<'a> Ground<'a> {
    /// Of a city.
    pub(super) fn new(city: &'a Stock<'a>) -> Self {
        Self { areas: &city.areas, extent: extent_polygon(city), has_relief: city.relief.is_some() }
    }
}

impl Theme for Ground<'_> {
    fn id(&self) -> &'static str {
        "ground"
    }

    fn feature_count(&self) -> usize {
        self.areas.len()
    }

    fn row(&self, feature: usize) -> Row {
        self.areas.get(feature).map_or_else(Row::new, |area| row(&area.tags, area_class(area.class), &[]))
    }

    fn shape(&self, feature: usize) -> Shape<'_> {
        let area = self.areas.get(feature);
        area.map_or_else(Shape::none, |area| {
            Shape::Polygons(list_of(area, |area| &area.polygons, |area| area.polygons))
        })
    }

    fn things(&self) -> Cow<'_, [Standing]> {
        Cow::default()
    }

    fn layers(&self) -> &'static [(u8, bool)] {
        &[(0, false), (1, true)]
    }

    fn flats(&self, detail: Detail, take: &mut dyn FnMut(Flat)) {
        if !self.has_relief {
            let mut base = Layers::default();
            mesh::extent_ground(&self.extent, 0, &mut base);
            base.0.into_iter().for_each(|(order, mesh)| take(Flat { layer: 0, order, mesh }));
        }
        let draw = |area: &Area, feature, out: &mut Layers| {
            mesh::area(area, Some(&self.extent), detail, feature, out);
        };
        layered(self.areas, draw, &mut |order, mesh| take(Flat { layer: 1, order, mesh }));
    }

    fn draw(&self, _things: &[u32], _detail: Detail, _bend: &Bend, _out: &mut Content) {}
}

/// Draws things into layers in parallel, and calls with each order and mesh: each layer holds them in order.
fn layered<T>(things: &Store<T>, draw: impl Fn(&T, u32, &mut Layers) + Sync, take: &mut dyn FnMut(u32, Mesh))
where
    T: Clone + Serialize + DeserializeOwned + Sync + Send,
{
    const CHUNK: usize = 256;
    /// Chunks that are drawn before they are joined: all of a large city's, beside what is joined, would fill the memory.
    const WAVE: usize = 32;
    let chunk_of = |number: usize| {
        let mut layers = Layers::default();
        for i in number * CHUNK..things.len().min((number + 1) * CHUNK) {
            if let Some(thing) = things.get(i) {
                draw(&thing, i as u32, &mut layers);
            }
        }
        layers
    };
    let mut all = Layers::default();
    let chunks: Vec<usize> = (0..things.len().div_ceil(CHUNK)).collect();
    for wave in chunks.chunks(WAVE) {
        let parts: Vec<Layers> = wave.par_iter().map(|&chunk| chunk_of(chunk)).collect();
        for part in parts {
            part.0.into_iter().for_each(|(order, mesh)| all.layer(order).append(&mesh));
            if all.0.values().map(|mesh| mesh.triangle_count() as u64).sum::<u64>() > HELD_TRIANGLES {
                std::mem::take(&mut all).0.into_iter().for_each(|(order, mesh)| take(order, mesh));
            }
        }
    }
    all.0.into_iter().for_each(|(order, mesh)| take(order, mesh));
}

/// Roads, paths, rails: flat; bridges stand.
pub(super) struct Transport<'a> {
    ways: &'a Store<'a, Way>,
    extent: Polygon,
    land: &'a Land,
    /// (way, full mesh) of each bridge.
    bridges: Vec<(u32, Mesh)>,
}

impl<'a> Transport<'a> {
    /// Of a city.
    pub(super) fn new(city: &'a Stock<'a>, land: &'a Land) -> Self {
        let extent = extent_polygon(city);
        let bridges = (0..city.ways.len() as u32)
            .into_par_iter()
            .filter_map(|number| {
                let (way, mut mesh) = (city.ways.get(number as usize)?, Mesh::default());
                mesh::way_bridge(&way, Some(&extent), Detail::FULL, number, &mut mesh);
                land.span(&way.line, &mut mesh);
                (!mesh.is_empty()).then_some((number, mesh))
            })
            .collect();
        Self { ways: &city.ways, extent, land, bridges }
    }
}

impl Theme for Transport<'_> {
    fn id(&self) -> &'static str {
        "transport"
    }

    fn feature_count(&self) -> usize {
        self.ways.len()
    }

    fn row(&self, feature: usize) -> Row {
        let Some(way) = self.ways.get(feature) else { return Row::new() };
        row(&way.tags, way_class(way.class), &[("width_m", Property::Number(way.width_m))])
    }

    fn shape(&self, feature: usize) -> Shape<'_> {
        let way = self.ways.get(feature);
        way.map_or_else(Shape::none, |way| Shape::Line(list_of(way, |way| &way.line, |way| way.line)))
    }

    fn things(&self) -> Cow<'_, [Standing]> {
        self.bridges.iter().map(|(way, mesh)| thing_of(*way, mesh)).collect()
    }

    fn layers(&self) -> &'static [(u8, bool)] {
        &[(10, true)]
    }

    fn flats(&self, detail: Detail, take: &mut dyn FnMut(Flat)) {
        let draw = |way: &Way, feature, out: &mut Layers| {
            mesh::way_flat(way, Some(&self.extent), detail, feature, out);
        };
        layered(self.ways, draw, &mut |order, mesh| take(Flat { layer: 0, order, mesh }));
    }

    fn draw(&self, things: &[u32], detail: Detail, bend: &Bend, out: &mut Content) {
        let mut all = Mesh::default();
        for (feature, full) in things.iter().map(|&thing| &self.bridges[thing as usize]) {
            if detail.is_full() {
                all.append(full);
            } else {
                let Some(way) = self.ways.get(*feature as usize) else { continue };
                let mut coarse = Mesh::default();
                mesh::way_bridge(&way, Some(&self.extent), detail, *feature, &mut coarse);
                self.land.span(&way.line, &mut coarse);
                all.append(&coarse);
            }
        }
        standing(all, bend, out);
    }
}

/// A thing that stands where its mesh's box has its centre.
fn thing_of(feature: u32, mesh: &Mesh) -> (Thing, (DVec3, DVec3)) {
    let (low, high) = mesh.bounds().unwrap_or_default();
    let at = (low.truncate() + high.truncate()) / 2.0;
    (Thing { feature, at, triangles: mesh.triangle_count() as u64, texels: 0 }, (low, high))
}

/// A building's thing and box, and the level that it stands on.
fn standing_at(
    feature: u32,
    building: &Building,
    mesh: &Mesh,
    has_datum: bool,
    land: &Land,
) -> ((Thing, (DVec3, DVec3)), f64) {
    let (thing, (low, high)) = thing_of(feature, mesh);
    let foot_m = if has_datum { low.z } else { 0.0 };
    let stand_m = land.stand_m(&building.outline).map_or(0.0, |ground_m| ground_m - foot_m);
    let lift = DVec3::Z * stand_m;
    ((thing, (low + lift, high + lift)), stand_m)
}

fn standing(mut mesh: Mesh, bend: &Bend, out: &mut Content) {
    bend.apply(&mut mesh);
    out.parts.push(Part { mesh, flat_order: None, featured: true, skin: Skin::Plain });
}

/// Buildings, and other structures that are drawn alike.
pub(super) struct Buildings<'a> {
    id: &'static str,
    buildings: &'a Store<'a, Building>,
    /// Whether any of them has surfaces.
    has_surfaces: bool,
    /// Those that have anything to draw, with their boxes: not the meshes, of which a large city's would fill the memory.
    drawn: Vec<Standing>,
    /// The level that each of them stands on.
    stands_m: Vec<f64>,
    shelf: &'a Shelf<'a>,
}

impl<'a> Buildings<'a> {
    /// Of buildings of a city.
    pub(super) fn new(id: &'static str, buildings: &'a Store<'a, Building>, land: &Land, shelf: &'a Shelf<'a>) -> Self {
        // Structures of city models keep their heights above the median of all; on a relief they stand on their own feet.
        let has_datum = id == "other";
        let has_surfaces = AtomicBool::new(false);
        let draw = |feature: usize| {
            let building = buildings.get(feature)?;
            if !building.surfaces.is_empty() {
                has_surfaces.store(true, Ordering::Relaxed);
            }
            let mut mesh = Mesh::default();
            let drawn = mesh::building(&building, Detail::FULL, feature as u32, &mut mesh);
            drawn.then(|| {
                let ((mut thing, bounds), stand_m) = standing_at(feature as u32, &building, &mesh, has_datum, land);
                thing.texels = drape::texels(&mesh, shelf.pictures);
                ((thing, bounds), stand_m)
            })
        };
        let (drawn, stands_m) = (0..buildings.len()).into_par_iter().filter_map(draw).unzip();
        Self { id, buildings, has_surfaces: has_surfaces.into_inner(), drawn, stands_m, shelf }
    }
}

impl Theme for Buildings<'_> {
    fn id(&self) -> &'static str {
        self.id
    }

    fn feature_count(&self) -> usize {
        self.buildings.len()
    }

    fn row(&self, feature: usize) -> Row {
        let Some(building) = self.buildings.get(feature) else { return Row::new() };
        let source = height_source(building.height_source);
        let more =
            [("height_m", Property::Number(building.height_m)), ("height_source", Property::Text(source.into()))];
        row(&building.tags, &building.class, &more)
    }

    fn shape(&self, feature: usize) -> Shape<'_> {
        let building = self.buildings.get(feature);
        building.map_or_else(Shape::none, |building| Shape::Polygons(list_of(building, |b| &b.outline, |b| b.outline)))
    }

    fn largest_leaf_m(&self) -> f64 {
        // Corners are rounded to a part of the tile's side: a model's surfaces stay within a centimetre so.
        if self.has_surfaces { 256.0 } else { f64::INFINITY }
    }

    fn things(&self) -> Cow<'_, [Standing]> {
        Cow::Borrowed(&self.drawn)
    }

    fn shelf(&self) -> Option<&Shelf<'_>> {
        Some(self.shelf)
    }

    fn draw(&self, things: &[u32], detail: Detail, bend: &Bend, out: &mut Content) {
        let mut all = Mesh::default();
        for thing in things.iter().map(|&thing| thing as usize) {
            let (feature, first) = (self.drawn[thing].0.feature, all.positions.len());
            let Some(building) = self.buildings.get(feature as usize) else { continue };
            mesh::building(&building, detail, feature, &mut all);
            all.positions[first..].iter_mut().for_each(|position| position.z += self.stands_m[thing]);
        }
        standing(all, bend, out);
    }
}

/// A model's triangles and box.
struct Model {
    full: Mesh,
    coarse: Mesh,
    bounds: (DVec3, DVec3),
}

/// Trees, lamps, signals: instanced.
pub(super) struct Furniture<'a> {
    points: &'a Store<'a, PointThing>,
    /// Each of them as it is drawn.
    spots: Vec<Spot>,
    land: &'a Land,
    models: BTreeMap<(PointClass, usize), Model>,
}

/// How a small thing is drawn.
struct Spot {
    /// Its class and variant.
    model: (PointClass, usize),
    position: DVec2,
    bearing_deg: f64,
    /// Times as large as its model.
    scale: f64,
    /// From 0 to 1: those with small ones are drawn from afar.
    turn: f64,
}

impl Spot {
    fn of(point: &PointThing, model: &Model) -> Self {
        let any_bearing = if point.class == PointClass::Tree { 360.0 * chance(point, 2) } else { 0.0 };
        Self {
            model: (point.class, variant(point)),
            position: point.position,
            bearing_deg: point.direction_deg.unwrap_or(any_bearing).rem_euclid(360.0),
            scale: scale(point, model),
            turn: chance(point, 3),
        }
    }
}

/// By its known height, else trees vary a little so that no two look the same.
fn scale(point: &PointThing, model: &Model) -> f64 {
    let model_m = model.bounds.1.z.max(0.1);
    match point.height_m {
        Some(height_m) if height_m.is_finite() && height_m > 0.0 => (height_m / model_m).clamp(0.25, 5.0),
        _ if point.class == PointClass::Tree => 0.8 + 0.4 * chance(point, 1),
        _ => 1.0,
    }
}

/// A coarse tile draws at most this many instances.
const MAX_COARSE_INSTANCES: usize = 2000;

impl<'a> Furniture<'a> {
    /// Of a city.
    pub(super) fn new(city: &'a Stock<'a>, land: &'a Land) -> Self {
        let mut models = BTreeMap::new();
        let spot = |point: Cow<'_, PointThing>| {
            let key = (point.class, variant(&point));
            let model = models.entry(key).or_insert_with(|| {
                let (full, coarse) = (mesh::model(key.0, key.1), mesh::model_coarse(key.0, key.1));
                Model { bounds: full.bounds().unwrap_or_default(), full, coarse }
            });
            Spot::of(&point, model)
        };
        let spots = city.points.iter().map(spot).collect();
        Self { points: &city.points, spots, land, models }
    }

    fn instance(&self, feature: u32, bend: &Bend) -> Instance {
        let Spot { position, bearing_deg, scale, .. } = self.spots[feature as usize];
        let z = bend.surface_z(position) + self.land.height_m(position);
        Instance { position: position.extend(z), bearing_deg, scale, feature }
    }
}

/// A number from 0 to 1 that looks random and is always the same for the same thing (FNV-1a of its id).
fn chance(point: &PointThing, salt: u8) -> f64 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    let hash = point.tags.id.bytes().chain([salt]).fold(2_166_136_261, step);
    f64::from(hash >> 8) / f64::from(1u32 << 24)
}

fn variant(point: &PointThing) -> usize {
    let has_needles = point.tags.more.get("leaf_type") == Some(&Property::Text("needleleaved".into()));
    usize::from(point.class == PointClass::Tree && has_needles)
}

impl Theme for Furniture<'_> {
    fn id(&self) -> &'static str {
        "furniture"
    }

    fn feature_count(&self) -> usize {
        self.points.len()
    }

    fn row(&self, feature: usize) -> Row {
        let Some(point) = self.points.get(feature) else { return Row::new() };
        let height = point.height_m.map(|height_m| ("height_m", Property::Number(height_m)));
        let direction = point.direction_deg.map(|deg| ("direction_deg", Property::Number(deg)));
        let more: Vec<_> = height.into_iter().chain(direction).collect();
        row(&point.tags, point_class(point.class), &more)
    }

    fn shape(&self, feature: usize) -> Shape<'_> {
        self.spots.get(feature).map_or_else(Shape::none, |spot| Shape::Point(spot.position))
    }

    fn things(&self) -> Cow<'_, [Standing]> {
        let thing = |(feature, spot): (usize, &Spot)| {
            let triangles = self.models[&spot.model].full.triangle_count() as u64;
            let at = spot.position.extend(self.land.height_m(spot.position));
            (Thing { feature: feature as u32, at: spot.position, triangles, texels: 0 }, (at, at))
        };
        self.spots.iter().enumerate().map(thing).collect()
    }

    fn largest_leaf_m(&self) -> f64 {
        // A bollard is not worth drawing from where a larger tile is drawn whole.
        256.0
    }

    fn draw(&self, things: &[u32], detail: Detail, bend: &Bend, out: &mut Content) {
        let tall = |feature: &u32| {
            let spot = &self.spots[*feature as usize];
            self.models[&spot.model].bounds.1.z * spot.scale >= detail.error_m / 2.0
        };
        let mut features: Vec<u32> = things.iter().copied().filter(tall).collect();
        if !detail.is_full() && features.len() > MAX_COARSE_INSTANCES {
            // The same few stay at every level above, so that nothing comes and goes while zooming.
            let share = MAX_COARSE_INSTANCES as f64 / features.len() as f64;
            features.retain(|&feature| self.spots[feature as usize].turn < share);
        }
        for (key, model) in &self.models {
            let here = |feature: &&u32| self.spots[**feature as usize].model == *key;
            let instances: Vec<Instance> =
                features.iter().filter(here).map(|&feature| self.instance(feature, bend)).collect();
            let shape = if detail.is_full() { &model.full } else { &model.coarse };
            out.groups.push(Group { name: point_class(key.0).into(), model: shape.clone(), instances });
        }
    }
}

/// Greatest distance from the origin along either axis, metres, of anything that the themes draw; `None` when they
/// draw nothing. What lies flat is cut at the extent, which is drawn itself.
pub(super) fn reach(extent: &Polygon, themes: &[&dyn Theme]) -> Option<f64> {
    let mut reach = None;
    let mut grow = |p: DVec2| {
        let distance = p.abs().max_element();
        if distance.is_finite() {
            reach = Some(f64::max(reach.unwrap_or(0.0), distance));
        }
    };
    for theme in themes {
        for (_, (low, high)) in theme.things().iter() {
            grow(low.truncate());
            grow(high.truncate());
        }
    }
    extent.outer.iter().copied().for_each(&mut grow);
    reach
}

/// Words of [`HeightSource`] in the `height_source` property.
pub(super) fn height_source(source: HeightSource) -> &'static str {
    match source {
        HeightSource::Tagged => "tagged",
        HeightSource::Levels => "levels",
        HeightSource::Estimated => "estimated",
    }
}

/// Word of an area's class in the `class` property.
pub(super) fn area_class(class: AreaClass) -> &'static str {
    match class {
        AreaClass::Residential => "residential",
        AreaClass::Commercial => "commercial",
        AreaClass::Industrial => "industrial",
        AreaClass::Sand => "sand",
        AreaClass::Grass => "grass",
        AreaClass::Park => "park",
        AreaClass::Wood => "wood",
        AreaClass::Pitch => "pitch",
        AreaClass::Plaza => "plaza",
        AreaClass::Parking => "parking",
        AreaClass::Water => "water",
        AreaClass::Pier => "pier",
    }
}

/// Word of a way's class in the `class` property.
pub(super) fn way_class(class: WayClass) -> &'static str {
    match class {
        WayClass::Steps => "steps",
        WayClass::Path => "path",
        WayClass::Footway => "footway",
        WayClass::Cycleway => "cycleway",
        WayClass::Pedestrian => "pedestrian",
        WayClass::Service => "service",
        WayClass::Residential => "residential",
        WayClass::Tertiary => "tertiary",
        WayClass::Secondary => "secondary",
        WayClass::Primary => "primary",
        WayClass::Trunk => "trunk",
        WayClass::Motorway => "motorway",
        WayClass::Rail => "rail",
        WayClass::Tram => "tram",
        WayClass::Waterway => "waterway",
    }
}

/// Word of a small thing's class in the `class` property.
pub(super) fn point_class(class: PointClass) -> &'static str {
    match class {
        PointClass::Tree => "tree",
        PointClass::StreetLamp => "street_lamp",
        PointClass::TrafficSignal => "traffic_signal",
        PointClass::Camera => "camera",
        PointClass::Hydrant => "hydrant",
        PointClass::Stop => "stop",
        PointClass::Entrance => "entrance",
        PointClass::Bench => "bench",
        PointClass::WasteBasket => "waste_basket",
        PointClass::Bollard => "bollard",
    }
}
