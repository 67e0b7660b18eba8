//! OpenStreetMap tags → the twin's properties. Values are text and stay as they are, whatever they contain.

use super::raw::RawTags;
use crate::bake::model::{Property, Tags};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an element is called in OpenStreetMap. Ordered by kind, then number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(in crate::bake) enum Key {
    Node(i64),
    Way(i64),
    Relation(i64),
    /// Something of another source whose attributes were translated into tags: its number among those.
    Feature(i64),
}

impl Key {
    #[cfg(test)]
    pub(super) fn way(id: i64) -> Self {
        Self::Way(id)
    }

    /// A well-mixed number that is the same in every run (SplitMix64's finaliser, Steele et al. 2014).
    pub(in crate::bake) fn seed(self) -> u64 {
        let (kind, id) = match self {
            Self::Node(id) => (1, id),
            Self::Way(id) => (2, id),
            Self::Relation(id) | Self::Feature(id) => (3, id),
        };
        let mut x = (id as u64).wrapping_mul(4).wrapping_add(kind).wrapping_add(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(id) => write!(f, "node/{id}"),
            Self::Way(id) => write!(f, "way/{id}"),
            Self::Relation(id) => write!(f, "relation/{id}"),
            Self::Feature(id) => write!(f, "feature/{id}"),
        }
    }
}

/// Tags that are kept as text properties: OpenStreetMap's key, the property's id. Left out: notes among mappers, and
/// identifiers of other databases, which are no plain words.
pub(in crate::bake) const KEPT: [(&str, &str); 58] = [
    ("access", "access"),
    ("amenity", "amenity"),
    ("architect", "architect"),
    ("artist_name", "artist_name"),
    ("bicycle", "bicycle"),
    ("brand", "brand"),
    ("building:material", "building_material"),
    ("building:use", "building_use"),
    ("camera:type", "camera_type"),
    ("capacity", "capacity"),
    ("crossing", "crossing"),
    ("cuisine", "cuisine"),
    ("denomination", "denomination"),
    ("description", "description"),
    ("email", "email"),
    ("emergency", "emergency"),
    ("fee", "fee"),
    ("genus", "genus"),
    ("healthcare", "healthcare"),
    ("heritage", "heritage"),
    ("highway", "highway"),
    ("historic", "historic"),
    ("internet_access", "internet_access"),
    ("landuse", "landuse"),
    ("layer", "layer"),
    ("leaf_type", "leaf_type"),
    ("leisure", "leisure"),
    ("lit", "lit"),
    ("man_made", "man_made"),
    ("maxspeed", "maxspeed"),
    ("natural", "natural"),
    ("network", "network"),
    ("office", "office"),
    ("official_name", "official_name"),
    ("alt_name", "alt_name"),
    ("old_name", "old_name"),
    ("short_name", "short_name"),
    ("oneway", "oneway"),
    ("opening_hours", "opening_hours"),
    ("operator", "operator"),
    ("phone", "phone"),
    ("contact:phone", "phone"),
    ("contact:website", "website"),
    ("public_transport", "public_transport"),
    ("railway", "railway"),
    ("ref", "ref"),
    ("religion", "religion"),
    ("roof:material", "roof_material"),
    ("roof:shape", "roof_shape"),
    ("shop", "shop"),
    ("species", "species"),
    ("sport", "sport"),
    ("start_date", "start_date"),
    ("surface", "surface"),
    ("surveillance:type", "surveillance_type"),
    ("tourism", "tourism"),
    ("website", "website"),
    ("wheelchair", "wheelchair"),
];

/// Tags that are kept as numbers where they are plain numbers, as text otherwise.
pub(in crate::bake) const NUMBERS: [(&str, &str); 5] = [
    ("building:levels", "levels"),
    ("building:flats", "flats"),
    ("lanes", "lanes"),
    ("roof:levels", "roof_levels"),
    ("building:levels:underground", "levels_underground"),
];

/// The properties of an element.
pub(super) fn properties(key: Key, raw: &RawTags) -> Tags {
    let mut tags = Tags {
        id: key.to_string(),
        name: raw.get("name").map(str::to_owned),
        address: address(raw),
        ..Tags::default()
    };
    for (k, v) in &raw.0 {
        if let Some(language) = k.strip_prefix("name:").filter(|l| is_language(l)) {
            tags.names.entry(language.to_owned()).or_insert_with(|| v.to_string());
        }
    }
    for (from, to) in KEPT {
        if let Some(value) = raw.get(from) {
            tags.more.insert_new(to, Property::Text(value.to_owned()));
        }
    }
    for (from, to) in NUMBERS {
        // Anything else would be a warning elsewhere; `levels` stays a number for whoever reads the column.
        if let Some(value) = raw.get(from).and_then(super::values::number).filter(|v| (0.0..=1000.0).contains(v)) {
            tags.more.insert(to, Property::Number(value));
        }
    }
    tags
}

/// Street (or place) and house number, in that order; or the full address where only that is given.
pub(in crate::bake) fn address(raw: &RawTags) -> Option<String> {
    let street = raw.first(&["addr:street", "addr:place"]);
    match (street, raw.get("addr:housenumber")) {
        (Some(street), Some(number)) => Some(format!("{street} {number}")),
        _ => raw.get("addr:full").map(str::to_owned),
    }
}

/// Whether the part after `name:` is a language tag (BCP 47) and not something else (`left`, `etymology:wikidata`).
pub(in crate::bake) fn is_language(text: &str) -> bool {
    let mut subtags = text.split(['-', '_']);
    let primary = subtags.next().unwrap_or("");
    matches!(primary.len(), 2 | 3)
        && primary.bytes().all(|b| b.is_ascii_lowercase())
        && !matches!(primary, "old" | "alt" | "loc" | "int" | "reg")
        && subtags.all(|s| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()))
}
