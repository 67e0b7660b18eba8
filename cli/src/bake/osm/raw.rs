//! OpenStreetMap's own elements, as they stand in a file: nodes, ways and relations with their tags.

use super::by_id::{ById, Kind, Unsorted};
use super::ground::LonLat;
use crate::bake::model::Warnings;
use crate::bake::store::Room;
use citytwin_geo::LonLatRect;
use serde::{Deserialize, Serialize};

/// Tags in the order of the file. A handful per element, so a list is both smaller and faster than a map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::bake) struct RawTags(pub(in crate::bake) Vec<(Box<str>, Box<str>)>);

impl RawTags {
    /// The value of a key; the first where a broken file repeats one.
    pub(in crate::bake) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| &**k == key).map(|(_, v)| v.trim()).filter(|v| !v.is_empty())
    }

    /// The first of several keys that is there.
    pub(in crate::bake) fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// Whether the key has this value.
    pub(in crate::bake) fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    /// Whether the key is there and does not say no.
    pub(in crate::bake) fn says_yes(&self, key: &str) -> bool {
        self.get(key).is_some_and(|v| v != "no" && v != "false" && v != "0")
    }

    /// Whether the key is there and says no.
    pub(in crate::bake) fn says_no(&self, key: &str) -> bool {
        matches!(self.get(key), Some("no" | "false" | "0"))
    }

    /// `other`'s tags below these: a key of both keeps its value here.
    pub(super) fn over(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.0.extend(other.0.iter().filter(|(k, _)| self.get(k).is_none()).cloned());
        all
    }
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RawNode {
    /// Longitude and latitude, degrees, in range.
    pub(super) lonlat: [f64; 2],
    pub(super) tags: RawTags,
}

/// A way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RawWay {
    /// Node ids; some may be missing from the input.
    pub(super) refs: Vec<i64>,
    pub(super) tags: RawTags,
}

impl RawWay {
    /// Whether it ends where it begins.
    pub(super) fn is_closed(&self) -> bool {
        self.refs.len() >= 4 && self.refs.first() == self.refs.last()
    }
}

/// What a relation's member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum MemberKind {
    Node,
    Way,
    Relation,
}

/// A relation's member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) kind: MemberKind,
    pub(super) id: i64,
    pub(super) role: Box<str>,
}

/// A relation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RawRelation {
    pub(super) members: Vec<Member>,
    pub(super) tags: RawTags,
}

/// Elements in file order, before they are merged: what one block of a file holds.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) nodes: Vec<(i64, RawNode)>,
    pub(super) ways: Vec<(i64, RawWay)>,
    pub(super) relations: Vec<(i64, RawRelation)>,
    pub(super) bounds: Option<LonLatRect>,
    pub(super) warnings: Warnings,
}

/// The elements of inputs that are being read.
#[derive(Debug)]
pub(in crate::bake) struct Reading {
    nodes: Unsorted<RawNode>,
    ways: Unsorted<RawWay>,
    relations: Unsorted<RawRelation>,
    bounds: LonLatRect,
    warnings: Warnings,
}

impl Reading {
    /// Of two copies of a way or relation the longer one stays, because extracts of neighbouring places may each hold a
    /// cut copy; else the later input wins.
    pub(in crate::bake) fn new(room: &Room) -> Self {
        Self {
            nodes: Unsorted::new(room, Kind { replaces: |_, _| true, weight: |_| 1 }),
            ways: Unsorted::new(
                room,
                Kind { replaces: |old, new| old.refs.len() <= new.refs.len(), weight: |way| 1 + way.refs.len() / 8 },
            ),
            relations: Unsorted::new(
                room,
                Kind {
                    replaces: |old, new| old.members.len() <= new.members.len(),
                    weight: |relation| 1 + relation.members.len() / 4,
                },
            ),
            bounds: LonLatRect::EMPTY,
            warnings: Warnings::default(),
        }
    }

    pub(super) fn absorb(&mut self, batch: Batch) {
        for (id, node) in batch.nodes {
            let [lon, lat] = node.lonlat;
            // Also false for NaN.
            if lon.abs() <= 180.0 && lat.abs() <= 90.0 {
                self.nodes.push(id, node);
            } else {
                self.warnings.add("coordinates_out_of_range", format!("node/{id}: {lon}, {lat}"));
            }
        }
        batch.ways.into_iter().for_each(|(id, way)| self.ways.push(id, way));
        batch.relations.into_iter().for_each(|(id, relation)| self.relations.push(id, relation));
        if let Some(b) = batch.bounds {
            self.add_bounds(b);
        }
        self.warnings.absorb(batch.warnings);
    }

    fn add_bounds(&mut self, b: LonLatRect) {
        let valid = !b.is_empty()
            && [b.west, b.east].iter().all(|v| v.abs() <= 180.0)
            && [b.south, b.north].iter().all(|v| v.abs() <= 90.0);
        if valid {
            self.bounds.extend(b.west, b.south);
            self.bounds.extend(b.east, b.north);
        } else {
            let LonLatRect { west, south, east, north } = b;
            self.warnings.add("bounds_out_of_range", format!("header: {west}, {south}, {east}, {north}"));
        }
    }

    /// What was read.
    pub(in crate::bake) fn done(self) -> Raw {
        let (nodes, ways, relations) = (self.nodes.sorted(), self.ways.sorted(), self.relations.sorted());
        Raw { nodes, ways, relations, bounds: self.bounds, warnings: self.warnings }
    }
}

/// All elements of all inputs, by id.
#[derive(Debug)]
pub(in crate::bake) struct Raw {
    pub(super) nodes: ById<RawNode>,
    pub(super) ways: ById<RawWay>,
    pub(super) relations: ById<RawRelation>,
    /// What the inputs say they cover, degrees.
    pub(super) bounds: LonLatRect,
    pub(in crate::bake) warnings: Warnings,
}

impl Raw {
    /// Where a node is, if it is known.
    pub(super) fn place(&self, node: i64) -> Option<LonLat> {
        self.nodes.look(node, |node| node.lonlat)
    }

    /// The stretches of a line of nodes that are known.
    pub(super) fn runs<'a>(&self, nodes: &'a [i64]) -> impl Iterator<Item = &'a [i64]> {
        nodes.split(|node| !self.nodes.contains(*node)).filter(|run| !run.is_empty())
    }

    /// Where nodes are, those that are known.
    pub(super) fn places(&self, nodes: &[i64]) -> Vec<LonLat> {
        nodes.iter().filter_map(|&node| self.place(node)).collect()
    }
}
