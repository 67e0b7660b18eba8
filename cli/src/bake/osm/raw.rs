//! OpenStreetMap's own elements, as they stand in a file: nodes, ways and relations with their tags.

use crate::bake::model::Warnings;
use citytwin_geo::LonLatRect;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RawNode {
    /// Longitude and latitude, degrees, in range.
    pub(super) lonlat: [f64; 2],
    pub(super) tags: RawTags,
}

/// A way.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberKind {
    Node,
    Way,
    Relation,
}

/// A relation's member.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub(super) kind: MemberKind,
    pub(super) id: i64,
    pub(super) role: Box<str>,
}

/// A relation.
#[derive(Clone, Debug, PartialEq)]
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

/// All elements of all inputs, by id.
#[derive(Debug)]
pub(in crate::bake) struct Raw {
    pub(super) nodes: BTreeMap<i64, RawNode>,
    pub(super) ways: BTreeMap<i64, RawWay>,
    pub(super) relations: BTreeMap<i64, RawRelation>,
    /// What the inputs say they cover, degrees.
    pub(super) bounds: LonLatRect,
    pub(in crate::bake) warnings: Warnings,
}

impl Raw {
    pub(in crate::bake) fn new() -> Self {
        Self {
            nodes: BTreeMap::new(),
            ways: BTreeMap::new(),
            relations: BTreeMap::new(),
            bounds: LonLatRect::EMPTY,
            warnings: Warnings::default(),
        }
    }

    /// Merges by id. Of two copies of a way or relation the longer one stays, because extracts of neighbouring places
    /// may each hold a cut copy; else the later input wins.
    pub(super) fn absorb(&mut self, batch: Batch) {
        for (id, node) in batch.nodes {
            let [lon, lat] = node.lonlat;
            // Also false for NaN.
            if lon.abs() <= 180.0 && lat.abs() <= 90.0 {
                self.nodes.insert(id, node);
            } else {
                self.warnings.add("coordinates_out_of_range", format!("node/{id}: {lon}, {lat}"));
            }
        }
        for (id, way) in batch.ways {
            if self.ways.get(&id).is_none_or(|old| old.refs.len() <= way.refs.len()) {
                self.ways.insert(id, way);
            }
        }
        for (id, relation) in batch.relations {
            if self.relations.get(&id).is_none_or(|old| old.members.len() <= relation.members.len()) {
                self.relations.insert(id, relation);
            }
        }
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
}
