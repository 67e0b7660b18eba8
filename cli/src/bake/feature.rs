//! Features of tables and of GeoJSON, as they come: a shape in degrees, tags in OpenStreetMap's words, and attributes.
//!
//! OpenStreetMap's words are the common tongue: `vocabulary` translates what others write, and the things of the city
//! are made by the same rules as those of OpenStreetMap.

pub(super) mod vocabulary;

use super::Progress;
use super::model::{Area, Place, Polygon, Property, Tags, Warnings, Way};
use super::osm::building::{self, Footprints};
use super::osm::ground::{Ground, LonLat};
use super::osm::places::{self, AddressNodes};
use super::osm::raw::RawTags;
use super::osm::tags::{self, Key};
use super::osm::ways::{self, Bridges, Span};
use super::osm::{areas, points, shape};
use super::reuse::digest_of;
use super::stock::Stock;
use super::store::Store;
use glam::DVec2;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// A feature before there is a ground to put it on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Feature {
    /// What it is, in OpenStreetMap's words.
    pub(super) raw: RawTags,
    /// What is published of it.
    pub(super) tags: Tags,
    pub(super) geometry: Geometry,
}

/// Shapes of one kind; rings are closed or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Geometry {
    Points(Vec<LonLat>),
    Lines(Vec<Vec<LonLat>>),
    /// Each an outer ring and its holes.
    Polygons(Vec<Vec<Vec<LonLat>>>),
}

impl Feature {
    /// Calls with every position, degrees.
    pub(super) fn each_position(&self, take: &mut dyn FnMut(LonLat)) {
        match &self.geometry {
            Geometry::Points(points) => points.iter().for_each(|p| take(*p)),
            Geometry::Lines(lines) => lines.iter().flatten().for_each(|p| take(*p)),
            Geometry::Polygons(polygons) => polygons.iter().flatten().flatten().for_each(|p| take(*p)),
        }
    }
}

/// Makes the things of the city.
pub(super) fn add(
    features: Store<'static, Feature>,
    ground: &Ground,
    stock: &mut Stock<'static>,
    progress: &dyn Progress,
) {
    if features.is_empty() {
        return;
    }
    let mut kept = Kept::of(features, &mut stock.city_mut().warnings);
    progress.stage("features", Some(kept.places.len() as u64));
    let (mut addresses, mut spans) = (Vec::new(), Vec::new());
    for number in 0..kept.places.len() {
        let Some(feature) = kept.get(number) else { continue };
        match &feature.geometry {
            Geometry::Points(points) => {
                let at = points.first().map(|point| ground.enu(*point));
                addresses.extend(at.zip(tags::address(&feature.raw)));
            }
            Geometry::Lines(_) if feature.raw.get("bridge").is_some() => spans.push((number, feature.into_owned())),
            _ => {}
        }
    }
    let addresses = AddressNodes::of_points(addresses.into_iter());
    let bridges = bridges(&spans, ground);
    let room = stock.room().clone();
    let mut maker = Maker { ground, bridges, stock, footprints: Footprints::new(&room) };
    for number in 0..kept.places.len() {
        progress.advance(1);
        if let Some(feature) = kept.take(number) {
            maker.add(Key::Feature(number as i64), feature);
        }
    }
    let footprints = maker.footprints;
    drop(kept);
    let mut warnings = std::mem::take(&mut stock.city_mut().warnings);
    footprints.assemble(&addresses, &mut warnings, progress, &mut |building| stock.buildings.push(building));
    stock.city_mut().warnings = warnings;
}

/// Features without those that repeat others. A feature that was cut at the borders of tiles, or is in two of them, comes
/// in several pieces of one id: they are one again. Of different things with one id, all but the first get a number.
struct Kept {
    features: Store<'static, Feature>,
    /// Places in the store.
    places: Vec<u32>,
    /// Those that are not as they were, by their place.
    changed: BTreeMap<u32, Feature>,
}

impl Kept {
    fn of(features: Store<'static, Feature>, warnings: &mut Warnings) -> Self {
        let mut kept = Self { features, places: Vec::new(), changed: BTreeMap::new() };
        // The first place of each id, which a part of its digest stands for: those of a country fill the memory. Two ids
        // with one would be told apart as one id that repeats.
        let mut first: HashMap<u64, u32> = HashMap::new();
        for place in 0..kept.features.len() as u32 {
            let Some(feature) = kept.features.get(place as usize) else { continue };
            let id = &feature.tags.id;
            let mut number = 1;
            let change = loop {
                let name = if number == 1 { Cow::Borrowed(id) } else { Cow::Owned(format!("{id}#{number}")) };
                let key = digest_of(name.as_bytes()).short();
                let Some(&known) = first.get(&key) else {
                    first.insert(key, place);
                    kept.places.push(place);
                    break (number > 1).then(|| {
                        let mut renamed = feature.clone().into_owned();
                        renamed.tags.id = name.into_owned();
                        (place, renamed)
                    });
                };
                let whole = kept.at(known).filter(|whole| whole.raw == feature.raw);
                if let Some(mut joined) = whole.map(|whole| whole.geometry.clone())
                    && join(&mut joined, &feature.geometry)
                {
                    warnings.add("pieces_of_one_feature_joined", name.as_str());
                    break kept
                        .at(known)
                        .filter(|whole| whole.geometry != joined)
                        .map(|whole| (known, Feature { geometry: joined, ..whole.into_owned() }));
                }
                number += 1;
                // So many different things of one id have none: numbers are theirs.
                if number > 1000 {
                    warnings.add("id_repeated_too_often", id.as_str());
                    break None;
                }
            };
            drop(feature);
            kept.changed.extend(change);
        }
        kept
    }

    fn at(&self, place: u32) -> Option<Cow<'_, Feature>> {
        self.changed.get(&place).map(Cow::Borrowed).or_else(|| self.features.get(place as usize))
    }

    fn get(&self, number: usize) -> Option<Cow<'_, Feature>> {
        self.at(*self.places.get(number)?)
    }

    fn take(&mut self, number: usize) -> Option<Feature> {
        let place = *self.places.get(number)?;
        self.changed.remove(&place).or_else(|| self.features.take(place as usize))
    }
}

/// Adds the shapes of a piece, unless they are there already; false for another kind of shape.
fn join(whole: &mut Geometry, piece: &Geometry) -> bool {
    match (whole, piece) {
        (Geometry::Points(whole), Geometry::Points(piece)) => whole == piece,
        (Geometry::Lines(whole), Geometry::Lines(piece)) => {
            piece.iter().for_each(|line| push_new(whole, line));
            true
        }
        (Geometry::Polygons(whole), Geometry::Polygons(piece)) => {
            piece.iter().for_each(|polygon| push_new(whole, polygon));
            true
        }
        _ => false,
    }
}

fn push_new<T: Clone + PartialEq>(all: &mut Vec<T>, new: &T) {
    if !all.contains(new) {
        all.push(new.clone());
    }
}

/// The decks of bridges among lines with their numbers. Lines that meet have the same position there, bit for bit.
fn bridges(features: &[(usize, Feature)], ground: &Ground) -> Bridges {
    let end = |p: Option<&LonLat>| p.map_or([i64::MIN, 0], |p| p.map(|v| v.to_bits().cast_signed()));
    Bridges::of(features.iter().filter_map(|(i, feature)| {
        let Geometry::Lines(lines) = &feature.geometry else { return None };
        let length_m = |line: &Vec<LonLat>| {
            let points: Vec<DVec2> = line.iter().map(|p| ground.enu(*p)).collect();
            points.windows(2).map(|pair| pair[0].distance(pair[1])).sum::<f64>()
        };
        Some(Span {
            id: *i as i64,
            tags: &feature.raw,
            ends: [end(lines.first().and_then(|line| line.first())), end(lines.last().and_then(|line| line.last()))],
            length_m: lines.iter().map(length_m).sum(),
        })
    }))
}

struct Maker<'a> {
    ground: &'a Ground,
    bridges: Bridges,
    stock: &'a mut Stock<'static>,
    footprints: Footprints,
}

impl Maker<'_> {
    fn add(&mut self, key: Key, feature: Feature) {
        let Feature { raw, tags, geometry } = feature;
        let id = tags.id.clone();
        let drawn = match geometry {
            Geometry::Points(positions) => self.points(key, &raw, &tags, &positions),
            Geometry::Lines(lines) => self.lines(key, &raw, &tags, &lines),
            Geometry::Polygons(polygons) => self.polygons(key, raw, tags, &polygons),
        };
        if !drawn {
            self.stock.city_mut().warnings.add("feature_not_drawn", id);
        }
    }

    fn points(&mut self, key: Key, raw: &RawTags, tags: &Tags, positions: &[LonLat]) -> bool {
        // A label's point stands for a building that has its own shape.
        if building::is_building(raw) {
            return false;
        }
        let mut drawn = false;
        for (i, position) in positions.iter().enumerate() {
            let mut tags = tags.clone();
            if i > 0 {
                tags.id = format!("{}#{}", tags.id, i + 1);
            }
            let position = self.ground.enu(*position);
            if let Some(class) = points::class(raw) {
                let warnings = &mut self.stock.city_mut().warnings;
                let thing = points::thing(class, position, raw, tags, key, warnings);
                self.stock.points.push(thing);
                drawn = true;
            } else if let Some(category) = places::category(raw) {
                self.stock.places.push(Place { tags, category, position });
                drawn = true;
            }
        }
        drawn
    }

    fn lines(&mut self, key: Key, raw: &RawTags, tags: &Tags, lines: &[Vec<LonLat>]) -> bool {
        let Some((class, usual_m)) = ways::class(raw) else { return false };
        if let Some(code) = ways::hidden(raw) {
            self.stock.city_mut().warnings.add(code, tags.id.clone());
            return true;
        }
        let width_m = ways::width_m(raw, class, usual_m, key, &mut self.stock.city_mut().warnings);
        let Key::Feature(number) = key else { return false };
        let deck_m = self.bridges.deck_m(number);
        for line in lines {
            let mut line: Vec<DVec2> = line.iter().map(|p| self.ground.enu(*p)).collect();
            line.dedup_by(|a, b| a.distance_squared(*b) < 1e-6);
            if line.len() < 2 {
                self.stock.city_mut().warnings.add("way_without_line", tags.id.clone());
                continue;
            }
            self.stock.ways.push(Way {
                tags: tags.clone(),
                class,
                line,
                width_m,
                deck_m: deck_m.unwrap_or(0.0),
                bridge: deck_m.is_some(),
            });
        }
        true
    }

    fn polygons(&mut self, key: Key, raw: RawTags, tags: Tags, polygons: &[Vec<Vec<LonLat>>]) -> bool {
        let built = building::is_building(&raw) || raw.says_yes("building:part");
        let area = areas::class(&raw);
        if !built && area.is_none() && places::category(&raw).is_none() {
            return false;
        }
        let shapes = self.shapes(&tags.id, polygons);
        if shapes.is_empty() {
            return true;
        }
        if built {
            if building::is_underground(&raw) {
                self.stock.city_mut().warnings.add("underground_left_out", tags.id);
                return true;
            }
            self.footprints.add(key, raw, tags, shapes);
            return true;
        }
        if let Some(class) = area.filter(|_| !areas::is_hidden(&raw)) {
            self.stock.areas.push(Area { tags, class, polygons: shapes });
            return true;
        }
        let largest = shapes.iter().max_by(|a, b| shape::area(a).total_cmp(&shape::area(b)));
        if let (Some(polygon), Some(category)) = (largest, places::category(&raw)) {
            self.stock.places.push(Place { tags, category, position: shape::point_inside(polygon) });
        }
        true
    }

    /// Polygons in metres, sound, those of several pieces joined where they touch.
    fn shapes(&mut self, id: &str, polygons: &[Vec<Vec<LonLat>>]) -> Vec<Polygon> {
        let mut shapes = Vec::new();
        for polygon in polygons {
            let rings: Vec<Vec<DVec2>> = polygon
                .iter()
                .map(|ring| shape::cleaned(&ring.iter().map(|p| self.ground.enu(*p)).collect::<Vec<_>>()))
                .filter(|ring| ring.len() >= 3)
                .collect();
            let sound = match &rings[..] {
                [] => Vec::new(),
                [ring] => {
                    let (sound, repaired) = shape::polygons_of_ring(ring);
                    if repaired {
                        self.stock.city_mut().warnings.add("self_intersecting_ring", id);
                    }
                    sound
                }
                _ => shape::even_odd(&rings),
            };
            if sound.is_empty() {
                self.stock.city_mut().warnings.add("area_without_extent", id);
            }
            shapes.extend(sound);
        }
        if polygons.len() > 1 { shape::union(&shapes) } else { shapes }
    }
}

/// An attribute's value as a property.
pub(super) fn property(value: &serde_json::Value) -> Option<Property> {
    use serde_json::Value;
    match value {
        Value::Null => None,
        Value::Bool(yes) => Some(Property::Flag(*yes)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(Property::Integer(whole)),
            None => number.as_f64().filter(|n| n.is_finite()).map(Property::Number),
        },
        Value::String(text) => {
            let text = text.trim();
            (!text.is_empty()).then(|| Property::Text(text.to_owned()))
        }
        Value::Array(values) if values.is_empty() => None,
        Value::Object(values) if values.is_empty() => None,
        other => Some(Property::Text(other.to_string())),
    }
}
