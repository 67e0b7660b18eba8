//! Roads, paths, rails and streams → lines with a width, cut at the border of the extent.

use super::areas;
use super::ground::{Ground, LonLat};
use super::raw::{Raw, RawTags, RawWay};
use super::tags::{self, Key};
use super::values::{length_tag, number_tag};
use crate::bake::Progress;
use crate::bake::model::{Warnings, Way, WayClass};
use glam::DVec2;
use std::collections::BTreeMap;

/// Width of a lane without a tag, metres.
const LANE_M: f64 = 3.25;
/// Widths that are believed, metres.
const WIDTHS_M: std::ops::RangeInclusive<f64> = 0.3..=100.0;
/// Height of a layer, metres: what a bridge over a road or railway needs.
const LAYER_M: f64 = 5.0;
/// A bridge rises no more than this share of its length, so that a footbridge over a brook stays low.
const RISE: f64 = 0.12;
/// The lowest deck, metres.
const MIN_DECK_M: f64 = 0.8;

/// Reads all ways, by key; one that leaves the extent and comes back gives several.
pub(super) fn read(
    raw: &Raw,
    ground: &Ground,
    warnings: &mut Warnings,
    progress: &dyn Progress,
    take: &mut dyn FnMut(Way),
) {
    progress.stage("ways", Some(raw.ways.len() as u64));
    let bridges = Bridges::new(raw, ground);
    for (id, way) in raw.ways.iter() {
        progress.advance(1);
        let Some((class, usual_m)) = class(&way.tags).filter(|_| !is_area(&way)) else { continue };
        let key = Key::Way(id);
        if let Some(code) = hidden(&way.tags) {
            warnings.add(code, key.to_string());
            continue;
        }
        let width_m = width_m(&way.tags, class, usual_m, key, warnings);
        let deck_m = bridges.deck_m(id);
        for line in lines(raw, ground, &way, key, warnings) {
            take(Way {
                tags: tags::properties(key, &way.tags),
                class,
                line,
                width_m,
                deck_m: deck_m.unwrap_or(0.0),
                bridge: deck_m.is_some(),
            });
        }
    }
}

/// The stretches of a way inside the extent, metres.
fn lines(raw: &Raw, ground: &Ground, way: &RawWay, key: Key, warnings: &mut Warnings) -> Vec<Vec<DVec2>> {
    let mut lines = Vec::new();
    let runs: Vec<Vec<LonLat>> = raw.runs(&way.refs).map(|run| raw.places(run)).collect();
    if runs.iter().all(|r| r.len() < 2) {
        warnings.add("way_without_line", key.to_string());
    }
    for run in runs {
        for piece in ground.clip_line(&run) {
            let mut line: Vec<DVec2> = piece.iter().map(|p| ground.enu(*p)).collect();
            line.dedup_by(|a, b| a.distance_squared(*b) < 1e-6);
            if line.len() >= 2 {
                lines.push(line);
            }
        }
    }
    lines
}

/// What a way is, and its usual width in metres.
pub(in crate::bake) fn class(tags: &RawTags) -> Option<(WayClass, f64)> {
    use WayClass as C;
    if let Some(highway) = tags.get("highway") {
        return Some(match highway {
            "motorway" => (C::Motorway, 11.0),
            "motorway_link" => (C::Motorway, 5.5),
            "trunk" => (C::Trunk, 10.0),
            "trunk_link" => (C::Trunk, 5.5),
            "primary" => (C::Primary, 10.0),
            "primary_link" => (C::Primary, 5.0),
            "secondary" => (C::Secondary, 8.5),
            "secondary_link" => (C::Secondary, 5.0),
            "tertiary" => (C::Tertiary, 7.5),
            "tertiary_link" => (C::Tertiary, 4.5),
            "residential" | "unclassified" | "road" => (C::Residential, 6.0),
            "living_street" => (C::Residential, 5.0),
            "service" | "busway" | "bus_guideway" | "raceway" | "escape" => (C::Service, 3.5),
            "track" => (C::Service, 2.8),
            "pedestrian" => (C::Pedestrian, 6.0),
            "footway" | "platform" => (C::Footway, 2.0),
            "cycleway" => (C::Cycleway, 2.5),
            "path" | "bridleway" => (C::Path, 1.6),
            "steps" => (C::Steps, 2.0),
            _ => return None,
        });
    }
    match tags.get("railway") {
        Some("rail" | "narrow_gauge" | "subway" | "funicular" | "monorail" | "preserved") => {
            return Some((C::Rail, 3.0));
        }
        Some("tram" | "light_rail") => return Some((C::Tram, 2.6)),
        Some("platform") => return Some((C::Footway, 3.0)),
        _ => {}
    }
    match (tags.get("waterway"), tags.get("man_made")) {
        (Some("river"), _) => Some((C::Waterway, 12.0)),
        (Some("canal"), _) => Some((C::Waterway, 8.0)),
        (Some("stream"), _) => Some((C::Waterway, 2.0)),
        (Some("ditch" | "drain"), _) => Some((C::Waterway, 1.0)),
        (_, Some("pier")) => Some((C::Footway, 3.0)),
        _ => None,
    }
}

/// Whether a closed way is an area instead.
fn is_area(way: &RawWay) -> bool {
    way.is_closed() && !way.tags.says_no("area") && (way.tags.says_yes("area") || areas::class(&way.tags).is_some())
}

/// Why a way cannot be seen from above, as a warning's code.
pub(in crate::bake) fn hidden(tags: &RawTags) -> Option<&'static str> {
    let below =
        |key: &str| tags.get(key).and_then(|v| super::values::number(v.split(';').next()?)).is_some_and(|v| v < 0.0);
    // A passage through a building lies on the ground like the road on both sides of it.
    if tags.get("tunnel").is_some_and(|t| t != "no" && t != "building_passage") {
        return Some("tunnel_left_out");
    }
    let indoor = tags.says_yes("indoor") || tags.is("highway", "corridor");
    let underground =
        tags.is("location", "underground") || below("level") || (tags.says_yes("covered") && below("layer"));
    let rail_below = tags.get("railway").is_some() && below("layer") && !tags.says_yes("cutting");
    if underground || rail_below {
        Some("underground_left_out")
    } else if indoor {
        Some("indoor_left_out")
    } else {
        None
    }
}

/// `width`, else lanes, else what is usual; metres.
pub(in crate::bake) fn width_m(
    tags: &RawTags,
    class: WayClass,
    usual_m: f64,
    key: Key,
    warnings: &mut Warnings,
) -> f64 {
    if let Some(width) = length_tag(tags, "width", WIDTHS_M, key, warnings) {
        // Of rails the tag is sometimes the gauge.
        return if matches!(class, WayClass::Rail | WayClass::Tram) { width.max(usual_m) } else { width };
    }
    let is_road = matches!(
        class,
        WayClass::Residential
            | WayClass::Tertiary
            | WayClass::Secondary
            | WayClass::Primary
            | WayClass::Trunk
            | WayClass::Motorway
    );
    if !is_road {
        return usual_m;
    }
    if let Some(lanes) = number_tag(tags, "lanes", 1.0..=16.0, key, warnings) {
        return (lanes * LANE_M).max(3.5);
    }
    // One direction of a road whose other direction is a way of its own; motorways are always mapped so.
    let one_way = tags.says_yes("oneway") || tags.is("junction", "roundabout");
    let is_link = tags.get("highway").is_some_and(|h| h.ends_with("_link"));
    if one_way && class != WayClass::Motorway && class != WayClass::Residential && !is_link {
        usual_m * 0.7
    } else {
        usual_m
    }
}

/// The decks of bridges. A bridge is often several ways one after the other; they are one deck of one height.
pub(in crate::bake) struct Bridges {
    deck_m: BTreeMap<i64, f64>,
}

/// A way that may be (a piece of) a bridge.
pub(in crate::bake) struct Span<'a> {
    /// Its number among all ways.
    pub(in crate::bake) id: i64,
    pub(in crate::bake) tags: &'a RawTags,
    /// What its first and last point are called; the same for ways that meet there.
    pub(in crate::bake) ends: [[i64; 2]; 2],
    pub(in crate::bake) length_m: f64,
}

impl Bridges {
    fn new(raw: &Raw, ground: &Ground) -> Self {
        let end = |node: Option<&i64>| [node.copied().unwrap_or(i64::MIN), 0];
        let bridges: Vec<_> = raw.ways.iter().filter(|(_, way)| is_bridge(&way.tags)).collect();
        Self::of(bridges.iter().map(|(id, way)| Span {
            id: *id,
            tags: &way.tags,
            ends: [end(way.refs.first()), end(way.refs.last())],
            length_m: way_length_m(raw, ground, way),
        }))
    }

    /// The bridges among ways, in the order of their numbers.
    pub(in crate::bake) fn of<'a>(spans: impl Iterator<Item = Span<'a>>) -> Self {
        let bridges: Vec<Span<'a>> = spans.filter(|span| is_bridge(span.tags)).collect();
        let mut group: Vec<usize> = (0..bridges.len()).collect();
        let mut at: BTreeMap<(i64, [i64; 2]), usize> = BTreeMap::new();
        for (i, bridge) in bridges.iter().enumerate() {
            for end in bridge.ends {
                let other = *at.entry((layer(bridge.tags), end)).or_insert(i);
                let (a, b) = (root(&group, i), root(&group, other));
                group[a.max(b)] = a.min(b);
            }
        }
        let mut length_m: BTreeMap<usize, f64> = BTreeMap::new();
        for (i, bridge) in bridges.iter().enumerate() {
            *length_m.entry(root(&group, i)).or_default() += bridge.length_m;
        }
        let deck = |i: usize, tags: &RawTags| {
            let length = length_m.get(&root(&group, i)).copied().unwrap_or(0.0);
            (layer(tags) as f64 * LAYER_M).min(length * RISE).max(MIN_DECK_M)
        };
        Self { deck_m: bridges.iter().enumerate().map(|(i, bridge)| (bridge.id, deck(i, bridge.tags))).collect() }
    }

    /// Height of the deck above ground, metres, if the way is a bridge.
    pub(in crate::bake) fn deck_m(&self, id: i64) -> Option<f64> {
        self.deck_m.get(&id).copied()
    }
}

fn is_bridge(tags: &RawTags) -> bool {
    tags.get("bridge").is_some_and(|b| b != "no") && class(tags).is_some()
}

fn root(group: &[usize], mut i: usize) -> usize {
    while group[i] != i {
        i = group[i];
    }
    i
}

/// A bridge's layer: 1 without a tag, at most 5.
fn layer(tags: &RawTags) -> i64 {
    tags.get("layer").and_then(super::values::number).map_or(1, |l| l.clamp(1.0, 5.0) as i64)
}

fn way_length_m(raw: &Raw, ground: &Ground, way: &RawWay) -> f64 {
    let points: Vec<DVec2> = raw.places(&way.refs).into_iter().map(|place| ground.enu(place)).collect();
    points.windows(2).map(|p| p[0].distance(p[1])).sum()
}
