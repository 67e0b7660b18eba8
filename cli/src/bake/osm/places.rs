//! Named places and addresses that can be searched but are not drawn, and the addresses of buildings.

use super::areal::{self, IfCut};
use super::areas;
use super::ground::Ground;
use super::raw::{Raw, RawTags};
use super::shape::{self, Grid};
use super::tags::{self, Key};
use crate::bake::model::{Place, Polygon, Tags, Warnings};
use glam::DVec2;
use std::collections::BTreeMap;

/// Keys whose value says what a named place is, the most telling first.
const KINDS: [&str; 12] = [
    "amenity",
    "shop",
    "tourism",
    "office",
    "leisure",
    "historic",
    "craft",
    "healthcare",
    "public_transport",
    "railway",
    "man_made",
    "place",
];

/// An address point this near to a building's wall belongs to the building, metres: entrances stand on the outline.
const AT_WALL_M: f64 = 0.5;

/// Reads all places inside the extent, by key: named things that are neither a building nor an area, and address
/// points.
pub(super) fn read(raw: &Raw, ground: &Ground, take: &mut dyn FnMut(Place)) {
    for (id, node) in raw.nodes.iter().filter(|(_, n)| !n.tags.0.is_empty() && ground.contains(n.lonlat)) {
        if let Some(category) = category(&node.tags) {
            let position = ground.enu(node.lonlat);
            take(Place { tags: properties(Key::Node(id), &node.tags), category, position });
        }
    }
    // Their faults are not worth a warning: nothing is drawn of them.
    let mut unheard = Warnings::default();
    let only_place = |tags: &RawTags| {
        !tags.says_yes("building")
            && !tags.says_yes("building:part")
            && areas::class(tags).is_none()
            && category(tags).is_some()
    };
    areal::each(raw, &mut unheard, only_place, &mut |areal, unheard| {
        let polygons = areal.polygons(raw, ground, IfCut::Close, unheard);
        let clipped = ground.clip_rings(&shape::all_rings(&polygons));
        let largest = clipped.iter().max_by(|a, b| shape::area(a).total_cmp(&shape::area(b)));
        if let (Some(polygon), Some(category)) = (largest, category(&areal.tags)) {
            let position = shape::point_inside(polygon);
            take(Place { tags: properties(areal.key, &areal.tags), category, position });
        }
    });
}

/// A shop without a name of its own is found by its brand.
fn properties(key: Key, raw: &RawTags) -> Tags {
    let tags = tags::properties(key, raw);
    Tags { name: tags.name.or_else(|| raw.get("brand").map(str::to_owned)), ..tags }
}

/// What a place is; `address` for one that has nothing but its address.
pub(in crate::bake) fn category(tags: &RawTags) -> Option<String> {
    let named = tags.first(&["name", "brand"]).is_some();
    let kind = KINDS.iter().find_map(|key| {
        let value = tags.get(key).filter(|v| *v != "no")?;
        Some(if value == "yes" { (*key).to_owned() } else { value.to_owned() })
    });
    match kind {
        Some(kind) if named => Some(kind),
        _ => tags::address(tags).map(|_| "address".to_owned()),
    }
}

/// Address points, for buildings that have no address of their own.
pub(in crate::bake) struct AddressNodes {
    grid: Grid,
    nodes: Vec<(DVec2, String)>,
}

impl AddressNodes {
    pub(super) fn new(raw: &Raw, ground: &Ground) -> Self {
        let tagged = raw.nodes.iter().filter(|(_, n)| !n.tags.0.is_empty());
        Self::of_points(tagged.filter_map(|(_, n)| Some((ground.enu(n.lonlat), tags::address(&n.tags)?))))
    }

    /// Of points (metres) with their addresses.
    pub(in crate::bake) fn of_points(points: impl Iterator<Item = (DVec2, String)>) -> Self {
        let nodes: Vec<(DVec2, String)> = points.collect();
        let mut grid = Grid::new(100.0);
        nodes.iter().enumerate().for_each(|(i, (position, _))| grid.insert(i, (*position, *position)));
        Self { grid, nodes }
    }

    /// The address in or at a footprint; where there are several, that which most points give, then the first.
    pub(super) fn of(&self, polygons: &[Polygon]) -> Option<String> {
        let (low, high) = shape::polygon_bounds(polygons);
        let reach = DVec2::splat(AT_WALL_M);
        let mut found: Vec<(&str, usize)> = Vec::new();
        for i in self.grid.near((low - reach, high + reach)) {
            let (position, address) = &self.nodes[i];
            let belongs = polygons
                .iter()
                .any(|p| shape::contains(p, *position) || shape::distance_to_edge(p, *position) <= AT_WALL_M);
            if belongs {
                match found.iter_mut().find(|(known, _)| known == address) {
                    Some((_, count)) => *count += 1,
                    None => found.push((address, 1)),
                }
            }
        }
        let most = found.iter().map(|(_, count)| *count).max()?;
        found.iter().find(|(_, count)| *count == most).map(|(address, _)| (*address).to_owned())
    }
}

/// The name of the city: of a city or town within the extent, else the one that most addresses give.
pub(super) fn city_name(raw: &Raw, ground: &Ground) -> Option<String> {
    let inside = || {
        let nodes = raw.nodes.iter().map(|(_, node)| node);
        nodes.filter(|n| !n.tags.0.is_empty() && ground.contains(n.lonlat))
    };
    for kind in ["city", "town"] {
        if let Some(name) =
            inside().find(|n| n.tags.is("place", kind)).and_then(|n| n.tags.get("name").map(str::to_owned))
        {
            return Some(name);
        }
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let name = |tags: &RawTags| tags.get("addr:city").map(str::to_owned);
    let of_ways = raw.ways.iter().filter_map(|(_, way)| name(&way.tags));
    for name in inside().filter_map(|node| name(&node.tags)).chain(of_ways) {
        *counts.entry(name).or_default() += 1;
    }
    // Of equally frequent ones the first by name.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(name, _)| name)
}
