//! The document: features one by one, each by itself.

use crate::{Limits, Problem};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Collections of geometries may lie so deep within each other.
const MAX_NESTING: u32 = 8;

/// A longitude, a latitude (degrees) and, where the document has one, a height (metres).
pub(crate) type Position = ([f64; 2], Option<f64>);

/// What is drawn of a feature.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Point(Position),
    Line(Vec<Position>),
    /// The outer ring first, then its holes.
    Polygon(Vec<Vec<Position>>),
}

/// A feature that can be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Feature {
    pub(crate) properties: Map<String, Value>,
    pub(crate) parts: Vec<Part>,
}

/// What could be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Features {
    pub(crate) list: Vec<Feature>,
    pub(crate) faults: Faults,
}

/// Kinds of faults, each with the number of features and the first of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    counts: BTreeMap<(&'static str, String), (u32, String)>,
    /// Features that are left out.
    pub(crate) left_out: u32,
}

impl Faults {
    pub(crate) fn add(&mut self, code: &'static str, message: impl Into<String>, place: impl Into<String>) {
        self.counts.entry((code, message.into())).or_insert_with(|| (0, place.into())).0 += 1;
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        let told = self.counts.iter().map(|((code, message), (count, place))| {
            let features =
                if *count == 1 { "1 feature".into() } else { format!("{count} features, the first of them here") };
            Problem::new(code, format!("{message} ({features})"), place.clone())
        });
        told.collect()
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow)]
    features: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    geometry: Option<&'a RawValue>,
    #[serde(borrow)]
    properties: Option<&'a RawValue>,
    id: Option<Value>,
    #[serde(borrow)]
    coordinates: Option<&'a RawValue>,
    #[serde(borrow)]
    geometries: Option<Vec<&'a RawValue>>,
}

/// What is wrong with one feature.
type Fault = (&'static str, String);

fn fault<T>(code: &'static str, message: impl Into<String>) -> Result<T, Fault> {
    Err((code, message.into()))
}

impl Features {
    pub(crate) fn read(document: &[u8], limits: &Limits) -> Result<Self, Problem> {
        // A byte order mark is no JSON, but many files have one.
        let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
        let malformed = |message: String, place: String| Problem::new("geojson-malformed", message, place);
        let head: Head<'_> = serde_json::from_slice(document).map_err(|error| {
            malformed(
                format!("this is no GeoJSON: {error}"),
                format!("line {}, column {}", error.line(), error.column()),
            )
        })?;
        let mut features = Self::default();
        match head.kind.as_deref() {
            Some("FeatureCollection") => {
                let Some(list) = &head.features else {
                    return Err(malformed("a FeatureCollection has features".into(), "features".into()));
                };
                if list.len() > limits.max_features {
                    let message = format!("it has {} features; the limit is {}", list.len(), limits.max_features);
                    return Err(Problem::new("geojson-too-large", message, "features"));
                }
                for (number, raw) in list.iter().enumerate() {
                    features.add(number, read_feature(raw.get()));
                }
            }
            Some("Feature") => features.add(0, feature_of(&head)),
            Some(_) if head.coordinates.is_some() || head.geometries.is_some() => {
                let parts = parts_of(&head, 0).map(|parts| Feature { parts, ..Feature::default() });
                features.add(0, parts);
            }
            Some(other) => {
                return Err(malformed(format!("\"{}\" is no type of GeoJSON", shortened(other)), "type".into()));
            }
            None => return Err(malformed("this is no GeoJSON: it has no type".into(), "type".into())),
        }
        Ok(features)
    }

    fn add(&mut self, number: usize, feature: Result<Feature, Fault>) {
        match feature {
            Ok(feature) => self.list.push(feature),
            Err((code, message)) => {
                self.faults.left_out += 1;
                self.faults.add(code, message, format!("features[{number}]"));
            }
        }
    }
}

fn read_feature(json: &str) -> Result<Feature, Fault> {
    let head: Head<'_> = serde_json::from_str(json).or_else(|error| fault("feature-malformed", not_so(&error)))?;
    if head.kind.as_deref() != Some("Feature") {
        return fault("feature-malformed", "it is no Feature");
    }
    feature_of(&head)
}

fn feature_of(head: &Head<'_>) -> Result<Feature, Fault> {
    let Some(geometry) = head.geometry else { return fault("geometry-missing", "it has no geometry") };
    let parts = read_geometry(geometry.get(), 0)?;
    let properties: Option<Map<String, Value>> = match head.properties {
        Some(raw) => serde_json::from_str(raw.get())
            .or_else(|error| fault("feature-malformed", format!("its properties: {}", not_so(&error))))?,
        None => None,
    };
    let mut properties = properties.unwrap_or_default();
    // By its id a feature is found again, as text: that of its properties, else its own.
    let own = || head.id.clone().filter(|id| id.is_string() || id.is_number());
    match properties.remove("id").filter(|id| id.is_string() || id.is_number()).or_else(own) {
        Some(Value::String(id)) => drop(properties.insert("id".into(), id.into())),
        Some(id) => drop(properties.insert("id".into(), id.to_string().into())),
        None => {}
    }
    Ok(Feature { properties, parts })
}

fn read_geometry(json: &str, nesting: u32) -> Result<Vec<Part>, Fault> {
    let head: Head<'_> = serde_json::from_str(json).or_else(|error| fault("geometry-malformed", not_so(&error)))?;
    parts_of(&head, nesting)
}

/// serde's words without the line and the column, which count within the feature.
fn not_so(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words.rsplit_once(" at line ").map_or(words.clone(), |(before, _)| before.to_owned())
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn parts_of(head: &Head<'_>, nesting: u32) -> Result<Vec<Part>, Fault> {
    let kind = head.kind.as_deref().unwrap_or_default();
    if kind == "GeometryCollection" {
        if nesting >= MAX_NESTING {
            return fault(
                "geometry-malformed",
                format!("collections lie more than {MAX_NESTING} deep within each other"),
            );
        }
        let members = head.geometries.iter().flatten().map(|raw| read_geometry(raw.get(), nesting + 1));
        return Ok(members.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect());
    }
    let Some(coordinates) = head.coordinates else { return fault("geometry-malformed", "it has no coordinates") };
    let json = coordinates.get();
    match kind {
        "Point" => Ok(vec![Part::Point(position(&numbers(json)?)?)]),
        "MultiPoint" => lists::<Vec<Vec<f64>>>(json)?.iter().map(|at| position(at).map(Part::Point)).collect(),
        "LineString" => Ok(vec![line(&lists::<Vec<Vec<f64>>>(json)?)?]),
        "MultiLineString" => lists::<Vec<Vec<Vec<f64>>>>(json)?.iter().map(|one| line(one)).collect(),
        "Polygon" => Ok(vec![polygon(&lists::<Vec<Vec<Vec<f64>>>>(json)?)?]),
        "MultiPolygon" => lists::<Vec<Vec<Vec<Vec<f64>>>>>(json)?.iter().map(|one| polygon(one)).collect(),
        other => fault("geometry-unknown", format!("\"{}\" is no type of geometry", shortened(other))),
    }
}

fn lists<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Fault> {
    serde_json::from_str(json)
        .or_else(|error| fault("coordinates-malformed", format!("its coordinates: {}", not_so(&error))))
}

fn numbers(json: &str) -> Result<Vec<f64>, Fault> {
    lists(json)
}

fn position(numbers: &[f64]) -> Result<Position, Fault> {
    let (Some(&lon), Some(&lat)) = (numbers.first(), numbers.get(1)) else {
        return fault("coordinates-malformed", "a position has a longitude and a latitude");
    };
    if !((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat)) {
        return fault("coordinates-out-of-range", "its coordinates are no degrees: GeoJSON is WGS84, longitude first");
    }
    let height_m = numbers.get(2).copied();
    if height_m.is_some_and(|height_m| !(-20_000.0..=1e7).contains(&height_m)) {
        return fault("coordinates-out-of-range", "its height is not on or about the Earth");
    }
    Ok(([lon, lat], height_m))
}

fn line(numbers: &[Vec<f64>]) -> Result<Part, Fault> {
    let positions = numbers.iter().map(|at| position(at)).collect::<Result<Vec<_>, _>>()?;
    if positions.iter().all(|position| position.0 == positions[0].0) {
        return fault("geometry-degenerate", "a line has at least two positions");
    }
    Ok(Part::Line(positions))
}

fn polygon(numbers: &[Vec<Vec<f64>>]) -> Result<Part, Fault> {
    let ring = |numbers: &Vec<Vec<f64>>| {
        let mut ring = numbers.iter().map(|at| position(at)).collect::<Result<Vec<_>, _>>()?;
        if ring.len() > 1 && ring.first().map(|p| p.0) == ring.last().map(|p| p.0) {
            ring.pop();
        }
        if ring.len() < 3 {
            return fault("geometry-degenerate", "a ring has at least three corners");
        }
        Ok(ring)
    };
    let rings = numbers.iter().map(ring).collect::<Result<Vec<_>, Fault>>()?;
    if rings.is_empty() {
        return fault("geometry-degenerate", "a polygon has a ring");
    }
    Ok(Part::Polygon(rings))
}
