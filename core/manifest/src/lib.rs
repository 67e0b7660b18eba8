//! `twin.json`: the one manifest that describes a published city.
//!
//! The command line writes it; the viewer, the SDK and the shell read it: all through [`Twin`]. The committed JSON
//! Schema `twin.schema.json` beside this crate is generated from these types, and a test keeps the two the same.
//!
//! # Conventions
//! * Field names are camelCase in JSON and carry their unit (`heightM`, `headingDeg`).
//! * URLs are relative to the manifest, or absolute.
//! * Words for people are [`Text`]: one string per BCP 47 language tag.
//!
//! This crate knows no network and no files: bytes in, [`Twin`] or [`ManifestError`] out.

mod labels;
mod overlay;
pub mod read;
mod venue;

pub use labels::{DEEPEST_LABEL_LEVEL, ICONS, LABELS_FORMAT, Label, LabelCell, LabelIndex, LabelKind};
pub use overlay::{Raster, RasterKind, Terrain, TerrainKind};
pub use venue::{Venue, VenueFloor};

use citytwin_geo::LookAt;
use read::At;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format version this build writes, and the only major version it reads.
pub const FORMAT: &str = "citytwin/1";

/// Words for people, by BCP 47 language tag (`en`, `zh-CN`, `fi`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Text(pub BTreeMap<String, String>);

impl Text {
    /// From (language, words) pairs.
    pub fn new<const N: usize>(words: [(&str, &str); N]) -> Self {
        Self(words.into_iter().map(|(lang, text)| (lang.into(), text.into())).collect())
    }

    /// The words for `locale`: exact tag, then same primary language, then English, then whatever there is.
    pub fn get(&self, locale: &str) -> &str {
        let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let wanted = primary(locale);
        let found = (self.0.get(locale))
            .or_else(|| self.0.iter().find(|(tag, _)| primary(tag) == wanted).map(|(_, text)| text))
            .or_else(|| self.0.get("en"))
            .or_else(|| self.0.values().next());
        found.map_or("", String::as_str)
    }
}

/// One published city.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Twin {
    /// Always `citytwin/1`.
    pub format: String,
    /// The city's name.
    pub title: Text,
    /// West, south, east, north, degrees (WGS84).
    pub extent: [f64; 4],
    /// The first view.
    pub home: LookAt,
    /// What a person switches on and off, in drawing order (ground first).
    pub layers: Vec<Layer>,
    /// Newline-delimited JSON of [`Asset`]s, the things that can be found; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assets: Option<String>,
    /// URL of the root of the published search index over the assets; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// URL of the index of its labels ([`LabelIndex`]); absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<String>,
    /// Pictures laid over the ground, the lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rasters: Vec<Raster>,
    /// The heights of the ground; absent where it is taken to be flat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terrain: Option<Terrain>,
    /// Insides of its buildings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<Venue>,
    /// Files of everything's attributes for analysis (GeoParquet), by the id of the layer; `places` holds what can be found
    /// and is not drawn.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Words for the categories of the assets, by id; one that is not named here is shown as it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<String, Text>,
    /// Who is to be named on the map, always visible.
    pub attribution: Vec<Attribution>,
}

/// The theme of a layer: decides its icon, its words and its place in the drawing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// Land, water, green: flat.
    Ground,
    /// Roads, paths, rails, bridges.
    Transport,
    /// Buildings and their parts.
    Buildings,
    /// Trees, lamps, signals, stops: small instanced things.
    Furniture,
    /// Anything else.
    Other,
}

impl Theme {
    /// All of them, in drawing order.
    pub const ALL: [Self; 5] = [Self::Ground, Self::Transport, Self::Buildings, Self::Furniture, Self::Other];

    /// As manifests write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ground => "ground",
            Self::Transport => "transport",
            Self::Buildings => "buildings",
            Self::Furniture => "furniture",
            Self::Other => "other",
        }
    }
}

/// One tileset that a person can switch on and off.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Unique within the twin.
    pub id: String,
    /// Its name.
    pub title: Text,
    /// Its theme.
    pub theme: Theme,
    /// URL of its `tileset.json`.
    pub tileset: String,
    /// Shown at first?
    #[serde(default = "yes")]
    pub visible: bool,
    /// Words and units of its features' properties, by property id. Properties not named here are still shown,
    /// under their own id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, PropertyWords>,
}

fn yes() -> bool {
    true
}

/// How a feature property is shown to a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PropertyWords {
    /// Its name.
    pub title: Text,
    /// Its unit, as written after the number (`m`); absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Words for its values, by value; a value not named here is shown as it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Text>,
}

/// Whom the map names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Attribution {
    /// The words, verbatim (`© OpenStreetMap contributors`).
    pub text: String,
    /// Where they lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// SPDX id or name of the licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
}

/// One findable thing of the city: a line of the file that [`Twin::assets`] names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Asset {
    /// Stable id from the source (`way/123`), the same as the feature's `id` property.
    pub id: String,
    /// Its name in the city's own language.
    pub name: String,
    /// Its names by language tag, where the source has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// What it is (`building`, `street`, `cafe`).
    pub category: String,
    /// Longitude, degrees (WGS84).
    pub lon: f64,
    /// Latitude, degrees (WGS84).
    pub lat: f64,
    /// Street and house number, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// Why a manifest could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON.
    #[error("this is not a twin.json: {0}")]
    Json(#[from] serde_json::Error),
    /// A format this build does not read.
    #[error("this twin.json has format \"{found}\"; this build reads \"{FORMAT}\"")]
    Format {
        /// What the manifest says.
        found: String,
    },
    /// A value that makes no sense.
    #[error("this twin.json has a wrong value: {0}")]
    Value(String),
}

impl Twin {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`ManifestError::Json`] when the bytes are not JSON, [`ManifestError::Format`] when the format is another,
    /// [`ManifestError::Value`] when something is missing or of another type, an extent or view is out of range, or two
    /// layers share an id.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        let json = serde_json::from_slice(bytes)?;
        let twin = read::read(&json, Self::read).map_err(ManifestError::Value)?;
        if twin.format != FORMAT {
            return Err(ManifestError::Format { found: twin.format });
        }
        if !is_extent(twin.extent) {
            return Err(ManifestError::Value(format!(
                "extent {:?} is not [west, south, east, north] in degrees",
                twin.extent
            )));
        }
        if !twin.home.is_valid() {
            return Err(ManifestError::Value(format!("home view {:?} is out of range", twin.home)));
        }
        for (i, layer) in twin.layers.iter().enumerate() {
            if twin.layers[..i].iter().any(|other| other.id == layer.id) {
                return Err(ManifestError::Value(format!("two layers have the id \"{}\"", layer.id)));
            }
        }
        for (i, raster) in twin.rasters.iter().enumerate() {
            let taken = twin.rasters[..i].iter().any(|other| other.id == raster.id)
                || twin.layers.iter().any(|layer| layer.id == raster.id);
            if taken {
                return Err(ManifestError::Value(format!("two layers have the id \"{}\"", raster.id)));
            }
        }
        Ok(twin)
    }

    fn read(at: &At<'_>) -> Self {
        let url = |key| at.get(key).optional(At::text);
        Self {
            format: at.get("format").text(),
            title: Text::read(&at.get("title")),
            extent: at.get("extent").array(|at| at.number()),
            home: look_at(&at.get("home")),
            layers: at.get("layers").items().map(|at| Layer::read(&at)).collect(),
            assets: url("assets"),
            search: url("search"),
            labels: url("labels"),
            rasters: at.get("rasters").list(Raster::read),
            terrain: at.get("terrain").optional(Terrain::read),
            venues: at.get("venues").list(Venue::read),
            attributes: by_id(&at.get("attributes"), |at| at.text()),
            categories: by_id(&at.get("categories"), Text::read),
            attribution: at.get("attribution").items().map(|at| Attribution::read(&at)).collect(),
        }
    }

    /// The manifest as pretty JSON with a final newline; the same twin gives the same bytes.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("a Twin has only string keys and finite numbers");
        json.push('\n');
        json
    }
}

impl Layer {
    fn read(at: &At<'_>) -> Self {
        Self {
            id: at.get("id").text(),
            title: Text::read(&at.get("title")),
            theme: Theme::ALL[at.get("theme").choice(&Theme::ALL.map(Theme::name))],
            tileset: at.get("tileset").text(),
            visible: at.get("visible").optional(At::flag).unwrap_or_else(yes),
            properties: by_id(&at.get("properties"), PropertyWords::read),
        }
    }
}

impl PropertyWords {
    fn read(at: &At<'_>) -> Self {
        Self {
            title: Text::read(&at.get("title")),
            unit: at.get("unit").optional(At::text),
            values: by_id(&at.get("values"), Text::read),
        }
    }
}

impl Attribution {
    fn read(at: &At<'_>) -> Self {
        Self {
            text: at.get("text").text(),
            url: at.get("url").optional(At::text),
            license: at.get("license").optional(At::text),
        }
    }
}

impl Text {
    fn read(at: &At<'_>) -> Self {
        Self(members(at, |at| at.text()))
    }
}

/// The members of an object that may be left out.
fn by_id<T>(at: &At<'_>, read: fn(&At<'_>) -> T) -> BTreeMap<String, T> {
    at.optional(|at| members(at, read)).unwrap_or_default()
}

fn members<T>(at: &At<'_>, read: fn(&At<'_>) -> T) -> BTreeMap<String, T> {
    at.members().map(|(id, at)| (id.to_owned(), read(&at))).collect()
}

fn look_at(at: &At<'_>) -> LookAt {
    let or_zero = |key| at.get(key).optional(At::number).unwrap_or_default();
    LookAt {
        lon: at.get("lon").number(),
        lat: at.get("lat").number(),
        height_m: or_zero("heightM"),
        distance_m: at.get("distanceM").number(),
        heading_deg: or_zero("headingDeg"),
        pitch_deg: at.get("pitchDeg").number(),
    }
}

/// Whether these are west, south, east and north of something, degrees.
fn is_extent([west, south, east, north]: [f64; 4]) -> bool {
    let in_range = |lon: f64, lat: f64| (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
    in_range(west, south) && in_range(east, north) && west < east && south < north
}

#[cfg(test)]
mod tests;
