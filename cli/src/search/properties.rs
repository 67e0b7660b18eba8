//! A thing with properties (of a GeoJSON feature, of a Parquet row) as a record.

use citytwin_search::{Record, Value as Attribute};
use serde_json::{Map, Value};

/// Tags of OpenStreetMap that say what a thing is, the telling ones first.
const CLASSES: [&str; 16] = [
    "category",
    "kind",
    "fclass",
    "amenity",
    "shop",
    "tourism",
    "leisure",
    "office",
    "healthcare",
    "emergency",
    "historic",
    "man_made",
    "railway",
    "highway",
    "natural",
    "building",
];

/// The record of a thing at a longitude and latitude (degrees). Its properties are named as in an asset line, or as in
/// OpenStreetMap (`name:sv`, `addr:street`).
///
/// # Errors
/// What it lacks, in words.
pub(super) fn record(id: Option<&Value>, properties: &Map<String, Value>, at: [f64; 2]) -> Result<Record, String> {
    let text = |key: &str| properties.get(key).and_then(as_text);
    let either = |colon: &str| text(colon).or_else(|| text(&colon.replace(':', "_")));
    let id = (id.and_then(as_text)).or_else(|| ["id", "@id", "osm_id"].into_iter().find_map(text)).ok_or("no id")?;
    let address = text("address").or_else(|| match (either("addr:street"), either("addr:housenumber")) {
        (Some(street), Some(number)) => Some(format!("{street} {number}")),
        (street, _) => street,
    });
    let number = |keys: [&str; 2]| keys.into_iter().find_map(|key| properties.get(key).and_then(as_number));
    let mut record = Record {
        id,
        name: text("name").or_else(|| address.clone()).ok_or("no name and no address")?,
        category: category(properties),
        lon: at[0],
        lat: at[1],
        address,
        importance: number(["importance", "importance"]),
        height_m: number(["heightM", "height"]),
        floor: text("floor").or_else(|| text("level")),
        ..Record::default()
    };
    if let Some(Value::Object(names)) = properties.get("names") {
        record.names.extend(names.iter().filter_map(|(tag, name)| Some((tag.clone(), as_text(name)?))));
    }
    if let Some(Value::Array(names)) = properties.get("altNames") {
        record.alt_names.extend(names.iter().filter_map(as_text));
    }
    for (key, value) in properties {
        if !is_told(key)
            && let Ok(value) = serde_json::from_value::<Attribute>(value.clone())
        {
            record.attributes.insert(key.clone(), value);
        }
        let Some(value) = as_text(value) else { continue };
        if let Some(tag) = key.strip_prefix("name:").filter(|tag| is_language(tag)) {
            record.names.insert(tag.to_owned(), value);
        } else if matches!(key.as_str(), "alt_name" | "old_name" | "short_name" | "ref") {
            record.alt_names.extend(value.split(';').map(|name| name.trim().to_owned()));
        }
    }
    check(record)
}

/// Whether a property is kept as something else than an attribute.
fn is_told(key: &str) -> bool {
    const TOLD: [&str; 22] = [
        "id",
        "@id",
        "osm_id",
        "name",
        "names",
        "altNames",
        "alt_name",
        "old_name",
        "short_name",
        "ref",
        "category",
        "address",
        "addr:street",
        "addr_street",
        "addr:housenumber",
        "addr_housenumber",
        "importance",
        "height",
        "heightM",
        "floor",
        "level",
        "geometry",
    ];
    TOLD.contains(&key) || key.starts_with("name:") || matches!(key, "lon" | "lng" | "longitude" | "lat" | "latitude")
}

/// A record that can be found: it has a name and a place on the globe.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn check(record: Record) -> Result<Record, String> {
    if record.name.trim().is_empty() {
        return Err("an empty name".to_owned());
    }
    if !((-180.0..=180.0).contains(&record.lon) && (-90.0..=90.0).contains(&record.lat)) {
        return Err("a position that is not longitude and latitude in degrees (WGS84)".to_owned());
    }
    Ok(record)
}

/// `amenity=cafe` is a cafe, `building=yes` a building.
fn category(properties: &Map<String, Value>) -> String {
    let named = CLASSES.iter().find_map(|key| Some((*key, properties.get(*key).and_then(as_text)?)));
    match named {
        Some((key, value)) if value == "yes" => key.to_owned(),
        Some((_, value)) => value,
        None => "place".to_owned(),
    }
}

fn is_language(tag: &str) -> bool {
    let primary = tag.split('-').next().unwrap_or_default();
    (2..=3).contains(&primary.len()) && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

/// Grows around positions.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    low: [f64; 2],
    high: [f64; 2],
}

impl Extent {
    pub(super) const NONE: Self = Self { low: [f64::INFINITY; 2], high: [f64::NEG_INFINITY; 2] };

    pub(super) fn add(&mut self, position: [f64; 2]) {
        for (axis, value) in position.into_iter().enumerate() {
            self.low[axis] = self.low[axis].min(value);
            self.high[axis] = self.high[axis].max(value);
        }
    }

    /// Its middle; `None` when nothing was added.
    pub(super) fn middle(&self) -> Option<[f64; 2]> {
        let middle = [0, 1].map(|axis| f64::midpoint(self.low[axis], self.high[axis]));
        middle.iter().all(|value| value.is_finite()).then_some(middle)
    }
}
