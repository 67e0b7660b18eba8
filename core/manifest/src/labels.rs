//! The published labels of a twin: small static files, the most important names first.
//!
//! [`Twin::labels`](crate::Twin::labels) names the index; it lists cells of a quadtree over its extent. At level `l`
//! the extent is divided into `2^l × 2^l` cells of equal degrees, `x` counted from the west and `y` from the south;
//! the cell's file is `l/x/y.json` beside the index. Each label lies in one cell that contains it: the coarsest that
//! still had room when labels were handed out from the most important on. So a viewer that reads the cells near the
//! eye whose reach covers its distance has every label that can be seen from there.

use crate::read::{self, At};
use serde::Serialize;
use std::collections::BTreeMap;

/// The format version of label files.
pub const LABELS_FORMAT: &str = "citytwin-labels/1";
/// Deepest level of a cell.
pub const DEEPEST_LABEL_LEVEL: u8 = 20;

/// The built-in icons.
pub const ICONS: [&str; 24] = [
    "bar",
    "bicycle",
    "bus",
    "cafe",
    "camera",
    "ferry",
    "hospital",
    "hotel",
    "hydrant",
    "info",
    "library",
    "metro",
    "monument",
    "museum",
    "parking",
    "restaurant",
    "school",
    "shop",
    "signal",
    "theatre",
    "train",
    "tram",
    "tree",
    "worship",
];

/// Which cells there are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelIndex {
    /// Always `citytwin-labels/1`.
    pub format: String,
    /// West, south, east, north, degrees (WGS84).
    pub extent: [f64; 4],
    /// Pictures of icons beside the built-in ones, by their names: URLs of SVG or PNG files of the page's own origin,
    /// relative to the index. Only their shape counts; they are drawn in the colours of the label's kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub icons: BTreeMap<String, String>,
    /// Level, x, y, and the greatest `reachM` of the cell's labels, rounded up to metres.
    pub cells: Vec<[u32; 4]>,
}

impl LabelIndex {
    /// Reads and checks an index. Cells that lie nowhere are left out.
    ///
    /// # Errors
    /// A sentence, when the bytes are not JSON of this shape and format, or the extent is none.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let mut index = from_json(bytes, |at| Self {
            format: at.get("format").text(),
            extent: at.get("extent").array(|at| at.number()),
            icons: crate::by_id(&at.get("icons"), |at| at.text()),
            cells: at.get("cells").items().map(|at| at.array(|at| at.whole(u32::MAX))).collect(),
        })?;
        if index.format != LABELS_FORMAT {
            return Err(format!("its format is \"{}\"; this build reads \"{LABELS_FORMAT}\"", index.format));
        }
        if !crate::is_extent(index.extent) {
            return Err(format!("its extent {:?} is not [west, south, east, north] in degrees", index.extent));
        }
        index.cells.retain(|&[level, x, y, _]| {
            level <= u32::from(DEEPEST_LABEL_LEVEL) && x.max(y) < 1 << level.min(u32::from(DEEPEST_LABEL_LEVEL))
        });
        Ok(index)
    }

    /// West, south, east and north of a cell, degrees.
    pub fn cell_extent(&self, level: u32, x: u32, y: u32) -> [f64; 4] {
        let [west, south, east, north] = self.extent;
        let parts = f64::from(level.min(u32::from(DEEPEST_LABEL_LEVEL))).exp2();
        let (width, height) = ((east - west) / parts, (north - south) / parts);
        let (west, south) = (west + width * f64::from(x), south + height * f64::from(y));
        [west, south, west + width, south + height]
    }
}

/// The contents of one cell's file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LabelCell {
    /// Its labels, the most important first.
    pub labels: Vec<Label>,
}

impl LabelCell {
    /// Reads a cell.
    ///
    /// # Errors
    /// A sentence, when the bytes are not JSON of this shape.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        from_json(bytes, |at| Self { labels: at.get("labels").items().map(|at| Label::read(&at)).collect() })
    }
}

fn from_json<T>(bytes: &[u8], of: impl FnOnce(&At<'_>) -> T) -> Result<T, String> {
    read::read(&serde_json::from_slice(bytes).map_err(|error| error.to_string())?, of)
}

/// What a label names: decides its colour, weight and mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LabelKind {
    /// A part of the city, or a city.
    District,
    /// A sea, river, lake.
    Water,
    /// A park, a wood.
    Green,
    /// A street: written along it.
    Street,
    /// A station, museum, theatre, well-known building.
    Landmark,
    /// A stop or an entrance to trains.
    Transit,
    /// A shop, café, anything else.
    Place,
}

/// A name on the map.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// Stable id of the thing it names (`way/123`), the same as its asset's.
    pub id: String,
    /// Its name in the city's own language; may be empty where there is an icon.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its names by language tag, where the source has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// What it names.
    pub kind: LabelKind,
    /// The icon at its place, in place of its kind's mark: a built-in one (see [`ICONS`]) or one of
    /// [`LabelIndex::icons`]. One that nobody knows is drawn as a plain mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Longitude, degrees (WGS84).
    pub lon: f64,
    /// Latitude, degrees (WGS84).
    pub lat: f64,
    /// Of the point that it names, metres above the ellipsoid: a roof's top, a bridge's deck. Default 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub height_m: f64,
    /// Importance among all labels of the twin; 0 is the greatest.
    pub rank: u32,
    /// Seen from no farther than this, metres.
    pub reach_m: f64,
    /// Compass bearing that it is written along, degrees; streets have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub along_deg: Option<f64>,
    /// Length of what it is written along, metres: it is left out where that is too short on the screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_m: Option<f64>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl LabelKind {
    const ALL: [Self; 7] =
        [Self::District, Self::Water, Self::Green, Self::Street, Self::Landmark, Self::Transit, Self::Place];

    fn read(at: &At<'_>) -> Self {
        Self::ALL[at.choice(&["district", "water", "green", "street", "landmark", "transit", "place"])]
    }
}

impl Label {
    fn read(at: &At<'_>) -> Self {
        Self {
            id: at.get("id").text(),
            name: at.get("name").optional(At::text).unwrap_or_default(),
            names: crate::by_id(&at.get("names"), |at| at.text()),
            kind: LabelKind::read(&at.get("kind")),
            icon: at.get("icon").optional(At::text),
            lon: at.get("lon").number(),
            lat: at.get("lat").number(),
            height_m: at.get("heightM").optional(At::number).unwrap_or_default(),
            rank: at.get("rank").whole(u32::MAX),
            reach_m: at.get("reachM").number(),
            along_deg: at.get("alongDeg").optional(At::number),
            length_m: at.get("lengthM").optional(At::number),
        }
    }

    /// Its name for a locale: the exact tag, then the same primary language, then the city's own name.
    pub fn name_for(&self, locale: &str) -> &str {
        let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let wanted = primary(locale);
        let same = || self.names.iter().find(|(tag, _)| primary(tag) == wanted).map(|(_, name)| name);
        self.names.get(locale).or_else(same).map_or(&self.name, |name| name)
    }

    /// Whether its numbers make sense.
    pub fn is_valid(&self) -> bool {
        let finite = [self.lon, self.lat, self.height_m, self.reach_m, self.along_deg.unwrap_or(0.0)];
        let place = self.lon.abs() <= 180.0 && self.lat.abs() <= 90.0 && self.height_m.abs() < 1e5;
        finite.iter().all(|value| value.is_finite()) && place && !(self.name.is_empty() && self.icon.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(format: &str, extent: &str, cells: &str) -> Result<LabelIndex, String> {
        LabelIndex::from_json(format!(r#"{{"format":"{format}","extent":{extent},"cells":{cells}}}"#).as_bytes())
    }

    #[test]
    fn an_index_says_where_its_cells_lie_and_leaves_out_those_that_lie_nowhere() {
        let cells = "[[0,0,0,900],[1,1,0,50],[1,2,0,50],[21,0,0,1],[4294967295,0,0,1]]";
        let index = index(LABELS_FORMAT, "[24,60,26,62]", cells).expect("an index");
        assert_eq!(index.cells, [[0, 0, 0, 900], [1, 1, 0, 50]]);
        assert_eq!(index.cell_extent(1, 1, 0), [25.0, 60.0, 26.0, 61.0]);
    }

    #[test]
    fn icons_are_read_from_index_and_label_and_a_name_may_be_left_out() {
        let json =
            format!(r#"{{"format":"{LABELS_FORMAT}","extent":[24,60,26,62],"icons":{{"kiosk":"k.svg"}},"cells":[]}}"#);
        let index = LabelIndex::from_json(json.as_bytes()).expect("an index");
        assert_eq!(index.icons.get("kiosk").map(String::as_str), Some("k.svg"));
        let json = r#"{"labels":[{"id":"node/1","kind":"place","icon":"hydrant","lon":24.9,"lat":60.2,"rank":3,"reachM":90}]}"#;
        let label = LabelCell::from_json(json.as_bytes()).expect("a cell").labels.remove(0);
        assert_eq!((label.name.as_str(), label.icon.as_deref()), ("", Some("hydrant")));
        assert_eq!(
            serde_json::to_string(&LabelCell { labels: vec![label.clone()] }).ok().as_deref(),
            Some(
                r#"{"labels":[{"id":"node/1","kind":"place","icon":"hydrant","lon":24.9,"lat":60.2,"rank":3,"reachM":90.0}]}"#
            )
        );
    }

    #[test]
    fn a_wrong_index_says_what_is_wrong() {
        for (found, expected) in [
            (index("citytwin-labels/9", "[24,60,26,62]", "[]"), "citytwin-labels/9"),
            (index(LABELS_FORMAT, "[26,60,24,62]", "[]"), "extent"),
            (index(LABELS_FORMAT, "[24,60,26,1e999]", "[]"), "number out of range"),
            (index(LABELS_FORMAT, "[24,60,26,62]", "[[0,0]]"), "invalid length"),
            (LabelIndex::from_json(b"<html>"), "expected value"),
        ] {
            let message = found.expect_err(expected);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_name_is_that_of_the_locale_then_of_the_language_then_the_citys_own() {
        let json = r#"{"id":"way/1","name":"Esplanadi","names":{"sv":"Esplanaden","zh-Hans":"滨海大道"},
            "kind":"street","lon":24.9,"lat":60.2,"rank":3,"reachM":900,"alongDeg":80}"#;
        let label =
            LabelCell::from_json(format!(r#"{{"labels":[{json}]}}"#).as_bytes()).expect("a cell").labels.remove(0);
        assert_eq!(
            ["sv", "zh-CN", "sv-FI", "en"].map(|locale| label.name_for(locale)),
            ["Esplanaden", "滨海大道", "Esplanaden", "Esplanadi"]
        );
        assert!(label.is_valid() && !Label { lat: 91.0, ..label.clone() }.is_valid());
        let nameless = Label { name: String::new(), ..label };
        assert!(!nameless.is_valid() && Label { icon: Some("camera".into()), ..nameless }.is_valid());
    }
}
