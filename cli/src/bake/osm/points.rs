//! Trees, lamps, signals, cameras and other small things.

use super::ground::{Ground, LonLat};
use super::raw::{Raw, RawTags};
use super::shape::Grid;
use super::tags::{self, Key};
use super::values::{bearing_deg, length_tag};
use crate::bake::model::{PointClass, PointThing, Property, Tags, Warnings};
use crate::bake::store::Store;
use glam::DVec2;

/// Distance of the trees of a row where only the row is mapped, metres.
const TREE_EVERY_M: f64 = 8.0;
/// Longest row that is filled with trees, metres; longer is a mistake.
const MAX_ROW_M: f64 = 20_000.0;

/// Reads all small things inside the extent: nodes by id, then the trees of rows.
pub(super) fn read(raw: &Raw, ground: &Ground, warnings: &mut Warnings, things: &mut Store<PointThing>) {
    for (id, node) in raw.nodes.iter() {
        let Some(class) = class(&node.tags) else { continue };
        let key = Key::Node(id);
        if !ground.contains(node.lonlat) {
            warnings.add("point_outside_extent", key.to_string());
            continue;
        }
        if node.tags.is("location", "underground") {
            warnings.add("underground_left_out", key.to_string());
            continue;
        }
        let kept = tags::properties(key, &node.tags);
        things.push(thing(class, ground.enu(node.lonlat), &node.tags, kept, key, warnings));
    }
    tree_rows(raw, ground, things, warnings);
}

/// A small thing as its tags say it is.
pub(in crate::bake) fn thing(
    class: PointClass,
    position: DVec2,
    raw: &RawTags,
    tags: Tags,
    key: Key,
    warnings: &mut Warnings,
) -> PointThing {
    let highest = if class == PointClass::Tree { 0.3..=130.0 } else { 0.1..=60.0 };
    let height_m = length_tag(raw, "height", highest, key, warnings);
    PointThing { tags, class, position, direction_deg: direction(raw), height_m }
}

/// The trees of rows, except where they are mapped one by one.
fn tree_rows(raw: &Raw, ground: &Ground, things: &mut Store<PointThing>, warnings: &mut Warnings) {
    let trees: Vec<DVec2> = things.iter().filter(|t| t.class == PointClass::Tree).map(|t| t.position).collect();
    let mut grid = Grid::new(TREE_EVERY_M);
    trees.iter().enumerate().for_each(|(i, p)| grid.insert(i, (*p, *p)));
    let reach = DVec2::splat(TREE_EVERY_M / 2.0);
    let is_mapped =
        |p: DVec2| grid.near((p - reach, p + reach)).into_iter().any(|i| trees[i].distance(p) < TREE_EVERY_M / 2.0);
    let mut row = Vec::new();
    for (id, way) in raw.ways.iter().filter(|(_, w)| w.tags.is("natural", "tree_row")) {
        tree_row(Key::Way(id), &way.tags, &raw.places(&way.refs), ground, warnings, &mut row);
        things.extend(row.drain(..).filter(|tree| !is_mapped(tree.position)));
    }
}

pub(in crate::bake) fn class(tags: &RawTags) -> Option<PointClass> {
    use PointClass as C;
    if tags.0.is_empty() {
        return None;
    }
    let is = |key: &str, values: &[&str]| tags.get(key).is_some_and(|v| values.contains(&v));
    Some(if is("natural", &["tree"]) {
        C::Tree
    } else if is("highway", &["street_lamp"]) {
        C::StreetLamp
    } else if is("highway", &["traffic_signals"]) {
        C::TrafficSignal
    } else if is("man_made", &["surveillance"]) {
        C::Camera
    } else if is("emergency", &["fire_hydrant"]) {
        C::Hydrant
    } else if is("highway", &["bus_stop"])
        || is("railway", &["tram_stop", "station", "halt"])
        // `stop_position` is where the vehicle stands, on the road; its platform is where people look for a stop.
        || is("public_transport", &["platform", "station"])
        || is("amenity", &["bus_station", "ferry_terminal"])
    {
        C::Stop
    } else if tags.says_yes("entrance") || is("railway", &["subway_entrance", "train_station_entrance"]) {
        C::Entrance
    } else if is("amenity", &["bench"]) {
        C::Bench
    } else if is("amenity", &["waste_basket"]) {
        C::WasteBasket
    } else if is("barrier", &["bollard"]) {
        C::Bollard
    } else {
        return None;
    })
}

fn direction(tags: &RawTags) -> Option<f64> {
    tags.first(&["camera:direction", "surveillance:direction", "direction"]).and_then(bearing_deg)
}

/// Trees along a row: made up from the row, and marked so.
fn tree_row(
    key: Key,
    raw_tags: &RawTags,
    run: &[LonLat],
    ground: &Ground,
    warnings: &mut Warnings,
    things: &mut Vec<PointThing>,
) {
    let height_m = length_tag(raw_tags, "height", 0.3..=130.0, key, warnings);
    let mut number = 0;
    for piece in ground.clip_line(run) {
        let line: Vec<DVec2> = piece.iter().map(|p| ground.enu(*p)).collect();
        for position in every(&line, TREE_EVERY_M) {
            number += 1;
            let more = [("source", Property::Text("interpolated".to_owned()))].into();
            things.push(PointThing {
                tags: Tags { id: format!("{key}#{number}"), more, ..tags::properties(key, raw_tags) },
                class: PointClass::Tree,
                position,
                direction_deg: None,
                height_m,
            });
        }
    }
}

/// Points along a line at equal distances of about `step`, with one at each end.
fn every(line: &[DVec2], step: f64) -> Vec<DVec2> {
    let length: f64 = line.windows(2).map(|p| p[0].distance(p[1])).sum();
    if length <= 0.0 || length > MAX_ROW_M {
        return Vec::new();
    }
    let gaps = (length / step).round().max(1.0);
    let mut points = Vec::new();
    let (mut passed, mut next) = (0.0, 0.0);
    for pair in line.windows(2) {
        let segment = pair[0].distance(pair[1]);
        while segment > 0.0 && next <= passed + segment + 1e-9 && points.len() as f64 <= gaps {
            points.push(pair[0].lerp(pair[1], ((next - passed) / segment).clamp(0.0, 1.0)));
            next += length / gaps;
        }
        passed += segment;
    }
    points
}
