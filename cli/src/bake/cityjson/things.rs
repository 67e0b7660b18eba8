//! Models → things of the city, on its ground.
//!
//! The ground of a twin is flat. A building stands on it with its own lowest point; so do trees and furniture. Bridges,
//! relief and everything else keep their height above the median of the buildings' lowest points.

use super::super::feature::{Feature, Geometry};
use super::super::model::{
    Area, AreaClass, Building, City, HeightSource, PointClass, PointThing, Polygon, Property, Roof, RoofShape, Solid,
    Surface, SurfaceClass, Way, WayClass,
};
use super::super::osm::ground::Ground;
use super::super::osm::raw::RawTags;
use super::super::osm::tags::Key;
use super::super::osm::{color, shape};
use super::super::stock::Stock;
use super::super::store::Store;
use super::{Face, Model, Place};
use glam::{DVec2, DVec3};
use std::collections::BTreeMap;

/// A face that rises less steeply than this is a roof, where nothing says what it is: the cosine of 84°.
const ROOF_COS: f64 = 0.1;
/// A face this level has one height: the cosine of 2°.
const LEVEL_COS: f64 = 0.9994;
/// Corners of a face farther from its plane are counted, metres.
const NOT_PLANE_M: f64 = 0.1;
/// Roads and the like that only have a line are so wide, metres.
const LINE_M: f64 = 4.0;

/// Adds models to the city; those that are only a footprint become features, to be built like any footprint.
pub(in crate::bake) fn add(
    models: Store<'static, Model>,
    ground: &Ground,
    stock: &mut Stock<'static>,
    footprints: &mut Store<'static, Feature>,
) {
    let datum_m = datum(&models);
    for model in models.into_things() {
        let mut maker = Maker { ground, city: stock.city_mut(), datum_m };
        match kind_of(&model.kind) {
            Kind::Building if model.near.is_empty() && !model.footprint.is_empty() => footprints.push(footprint(model)),
            Kind::Building => maker.building(model),
            Kind::Area(class) if model.near.is_empty() && model.footprint.is_empty() => maker.flat(model, class),
            Kind::Area(class) => maker.area(model, class),
            Kind::Tree => maker.tree(model),
            Kind::Furniture => maker.structure(model, true),
            Kind::Structure => maker.structure(model, false),
        }
        stock.settle();
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Building,
    Area(AreaClass),
    Tree,
    Furniture,
    Structure,
}

fn kind_of(kind: &str) -> Kind {
    match kind {
        _ if kind.starts_with("Building") => Kind::Building,
        "WaterBody" | "Waterway" => Kind::Area(AreaClass::Water),
        "LandUse" => Kind::Area(AreaClass::Residential),
        "PlantCover" => Kind::Area(AreaClass::Grass),
        "Road" | "TransportSquare" => Kind::Area(AreaClass::Plaza),
        "Railway" => Kind::Area(AreaClass::Industrial),
        "SolitaryVegetationObject" => Kind::Tree,
        "CityFurniture" => Kind::Furniture,
        _ => Kind::Structure,
    }
}

/// The usual height of the ground: the median of the buildings' lowest points, else of everything's.
fn datum(models: &Store<'static, Model>) -> f64 {
    let lowest_of = |only_buildings: bool| {
        let chosen = models.iter().filter(|m| !only_buildings || matches!(kind_of(&m.kind), Kind::Building));
        let mut all: Vec<f64> = chosen.filter_map(|model| lowest(&model)).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    };
    lowest_of(true).or_else(|| lowest_of(false)).unwrap_or(0.0)
}

fn places(model: &Model) -> impl Iterator<Item = &Place> {
    let faces = model.near.iter().flatten().chain(&model.footprint);
    faces.flat_map(|face| &face.rings).chain(&model.lines).flatten().chain(&model.points)
}

fn lowest(model: &Model) -> Option<f64> {
    places(model).map(|place| place[2]).reduce(f64::min)
}

/// A footprint with what is known about its height, in OpenStreetMap's words.
fn footprint(model: Model) -> Feature {
    let mut raw = vec![("building".into(), "yes".into())];
    raw.extend(model.height_m.map(|m| ("height".into(), m.to_string().into())));
    raw.extend(model.storeys.map(|n| ("building:levels".into(), n.to_string().into())));
    let ring = |ring: &Vec<Place>| ring.iter().map(|&[lon, lat, _]| [lon, lat]).collect();
    let polygons = model.footprint.iter().map(|face| face.rings.iter().map(ring).collect()).collect();
    Feature { raw: RawTags(raw), tags: model.tags, geometry: Geometry::Polygons(polygons) }
}

struct Maker<'a> {
    ground: &'a Ground,
    city: &'a mut City,
    datum_m: f64,
}

impl Maker<'_> {
    fn enu(&self, [lon, lat, height_m]: Place, base_m: f64) -> DVec3 {
        self.ground.enu([lon, lat]).extend(height_m - base_m)
    }

    fn surfaces(&mut self, id: &str, faces: &[Face], base_m: f64) -> Vec<Surface> {
        let mut surfaces = Vec::with_capacity(faces.len());
        for face in faces {
            let rings: Vec<Vec<DVec3>> =
                face.rings.iter().map(|ring| ring.iter().map(|p| self.enu(*p, base_m)).collect()).collect();
            let normal = newell(&rings[0]);
            if normal == DVec3::ZERO {
                self.city.warnings.add("surface_without_extent", id);
                continue;
            }
            let middle = rings[0].iter().sum::<DVec3>() / rings[0].len() as f64;
            if rings.iter().flatten().any(|p| (*p - middle).dot(normal).abs() > NOT_PLANE_M) {
                self.city.warnings.add("surface_not_plane", id);
            }
            let class = face.class.unwrap_or_else(|| seen_class(normal, &rings[0]));
            surfaces.push(Surface { rings, class, color: face.color, drape: face.drape.clone() });
        }
        surfaces
    }

    fn building(&mut self, model: Model) {
        if model.near.is_empty() {
            self.loose(model);
            return;
        }
        let base_m = lowest(&model).unwrap_or(0.0);
        if let Some(building) = self.built(&model, base_m, "yes") {
            self.city.buildings.push(building);
        }
    }

    /// Anything with surfaces that is no building. `standing`: on its own lowest point.
    fn structure(&mut self, mut model: Model, standing: bool) {
        if model.near.is_empty() && !model.footprint.is_empty() {
            model.near = vec![std::mem::take(&mut model.footprint)];
        }
        if model.near.is_empty() {
            self.loose(model);
            return;
        }
        let base_m = if standing { lowest(&model).unwrap_or(self.datum_m) } else { self.datum_m };
        let class = snake_case(&model.kind);
        if let Some(structure) = self.built(&model, base_m, &class) {
            self.city.structures.push(structure);
        }
    }

    fn built(&mut self, model: &Model, base_m: f64, class: &str) -> Option<Building> {
        let id = model.tags.id.clone();
        let mut surfaces = Vec::new();
        for faces in &model.near {
            surfaces.extend(self.surfaces(&id, faces, base_m));
        }
        let seed = Key::Feature(hash(&id).cast_signed()).seed();
        let plain = RawTags::default();
        let colors = (color::wall(&plain, None, seed), color::roof(&plain, None, seed));
        let mut solids = Vec::new();
        for faces in if model.far.is_empty() { &model.near } else { &model.far } {
            let far = self.surfaces(&id, faces, base_m);
            solids.extend(prisms(&far, colors));
        }
        if surfaces.is_empty() {
            self.city.warnings.add("object_without_geometry", id);
            return None;
        }
        let footprints: Vec<Polygon> = solids.iter().map(|solid| solid.footprint.clone()).collect();
        let height_m = surfaces.iter().flat_map(|s| s.rings.iter().flatten()).map(|p| p.z).fold(0.0, f64::max);
        let mut tags = model.tags.clone();
        tags.more.insert("ground_m", Property::Number(base_m));
        Some(Building {
            tags,
            class: class.into(),
            outline: shape::union(&footprints),
            solids,
            surfaces,
            height_m,
            height_source: HeightSource::Tagged,
        })
    }

    fn area(&mut self, model: Model, class: AreaClass) {
        let faces = || model.near.iter().flatten().chain(&model.footprint);
        if faces().any(|face| face.drape.is_some()) {
            self.city.warnings.add("texture_left_out", format!("{}: it is drawn flat", model.tags.id));
        }
        let mut pieces = Vec::new();
        for face in faces() {
            let rings: Vec<Vec<DVec3>> =
                face.rings.iter().map(|ring| ring.iter().map(|p| self.enu(*p, self.datum_m)).collect()).collect();
            // What stands upright has no extent on the map.
            if newell(&rings[0]).z.abs() > ROOF_COS {
                pieces.extend(plan(&rings));
            }
        }
        let polygons = shape::union(&pieces);
        if polygons.is_empty() {
            self.city.warnings.add("area_without_extent", model.tags.id);
            return;
        }
        self.city.areas.push(Area { tags: model.tags, class, polygons });
    }

    /// A road or river that is only a line.
    fn flat(&mut self, model: Model, class: AreaClass) {
        let class = match (model.kind.as_str(), class) {
            ("Railway", _) => WayClass::Rail,
            (_, AreaClass::Water) => WayClass::Waterway,
            _ => WayClass::Residential,
        };
        for line in &model.lines {
            let line: Vec<DVec2> = line.iter().map(|&[lon, lat, _]| self.ground.enu([lon, lat])).collect();
            let tags = model.tags.clone();
            self.city.ways.push(Way { tags, class, line, width_m: LINE_M, deck_m: 0.0, bridge: false });
        }
        if model.lines.is_empty() {
            self.city.warnings.add("object_without_geometry", model.tags.id);
        }
    }

    /// A tree is drawn with the twin's own trees, as high and where the source has it.
    fn tree(&mut self, model: Model) {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut sum, mut count) = (DVec2::ZERO, 0.0);
        for &[lon, lat, z] in places(&model) {
            (low, high) = (low.min(z), high.max(z));
            sum += self.ground.enu([lon, lat]);
            count += 1.0;
        }
        if count == 0.0 {
            return;
        }
        let height_m = Some(high - low).filter(|m| *m > 0.3).or(model.height_m);
        self.city.points.push(PointThing {
            tags: model.tags,
            class: PointClass::Tree,
            position: sum / count,
            direction_deg: None,
            height_m,
        });
    }

    /// Points and lines of something that has no surface.
    fn loose(&mut self, model: Model) {
        if model.points.is_empty() && model.lines.is_empty() {
            self.city.warnings.add("object_without_geometry", model.tags.id);
            return;
        }
        self.city.warnings.add("points_and_lines_left_out", model.tags.id);
    }
}

/// Unit normal of a ring that need not be plane (Newell's method); zero for one without area.
pub(in crate::bake) fn newell(ring: &[DVec3]) -> DVec3 {
    let Some(&first) = ring.first() else { return DVec3::ZERO };
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    let doubled: DVec3 = pairs.map(|(a, b)| (*a - first).cross(*b - first)).sum();
    // A ten-thousandth of a square metre: nothing to see.
    if doubled.length() > 1e-4 { doubled.normalize() } else { DVec3::ZERO }
}

/// What a face is by where it faces.
fn seen_class(normal: DVec3, ring: &[DVec3]) -> SurfaceClass {
    if normal.z > ROOF_COS {
        SurfaceClass::Roof
    } else if normal.z < -LEVEL_COS && ring.iter().all(|p| p.z < 0.05) {
        SurfaceClass::Ground
    } else {
        SurfaceClass::Wall
    }
}

/// The polygon of a face seen from above.
fn plan(rings: &[Vec<DVec3>]) -> Vec<Polygon> {
    let flat = |ring: &Vec<DVec3>| shape::cleaned(&ring.iter().map(|p| p.truncate()).collect::<Vec<_>>());
    let rings: Vec<Vec<DVec2>> = rings.iter().map(flat).filter(|ring| ring.len() >= 3).collect();
    match &rings[..] {
        [] => Vec::new(),
        [ring] => shape::polygons_of_ring(ring).0,
        _ => shape::even_odd(&rings),
    }
}

/// Blocks that stand for an object from afar: where its roofs are level, one for each height; else one as high as its
/// roofs are on average.
fn prisms(surfaces: &[Surface], (wall_color, roof_color): ([u8; 3], [u8; 3])) -> Vec<Solid> {
    let base_m = surfaces.iter().flat_map(|s| s.rings.iter().flatten()).map(|p| p.z).fold(f64::INFINITY, f64::min);
    let roofs: Vec<(&Surface, DVec3)> = surfaces
        .iter()
        .filter(|s| s.class != SurfaceClass::Ground)
        .map(|surface| (surface, newell(&surface.rings[0])))
        .filter(|(_, normal)| normal.z > ROOF_COS)
        .collect();
    let all_level = roofs.iter().all(|(_, normal)| normal.z > LEVEL_COS);
    let mut by_height: BTreeMap<i64, (Vec<Polygon>, f64, f64)> = BTreeMap::new();
    for (surface, _) in roofs {
        let plan = plan(&surface.rings);
        let area = shape::total_area(&plan);
        let ring = &surface.rings[0];
        let mean = ring.iter().map(|p| p.z).sum::<f64>() / ring.len() as f64;
        let group = if all_level { (mean * 100.0).round() as i64 } else { 0 };
        let (polygons, weighted, total) = by_height.entry(group).or_default();
        polygons.extend(plan);
        *weighted += mean * area;
        *total += area;
    }
    let mut solids = Vec::new();
    for (polygons, weighted, total) in by_height.into_values() {
        let top_m = weighted / total;
        if !top_m.is_finite() || top_m - base_m < 0.05 {
            continue;
        }
        for footprint in shape::union(&polygons) {
            let roof = Roof { shape: RoofShape::Flat, height_m: 0.0, direction_deg: None, across: false };
            solids.push(Solid { footprint, base_m, top_m, roof, wall_color, roof_color });
        }
    }
    solids
}

/// `SolitaryVegetationObject` → `solitary_vegetation_object`; an extension's `+` goes.
fn snake_case(kind: &str) -> String {
    let mut text = String::with_capacity(kind.len() + 4);
    for c in kind.chars().filter(|c| c.is_alphanumeric()).take(60) {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    if text.is_empty() { "other".into() } else { text }
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
