//! JSON of several kinds, told apart by what it says it is: one document, or one on each line.

use super::cityjson;
use super::geojson;
use super::source::{Fault, Gathered, Input, rest_of, text_of};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};

/// Longest line of a file with a document on each line, bytes.
const MAX_LINE_BYTES: u64 = 512 << 20;

/// What a document says about itself at its outermost level.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
}

/// What is carried from line to line.
#[derive(Default)]
pub(super) struct Reading {
    /// What the lines so far were.
    kind: Option<Kind>,
    pub(super) geojson: geojson::State,
    pub(super) cityjson: cityjson::State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Feature,
    CityJsonFeature,
}

/// Reads a file.
///
/// # Errors
/// When it is not JSON, or JSON of no known kind, or names no CRS although its coordinates need one.
pub(super) fn read(input: &Input, reader: &mut dyn BufRead, gathered: &mut Gathered) -> Result<(), Fault> {
    let mut reading = Reading::default();
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        number += 1;
        let read = (&mut *reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        let length = read.map_err(|error| Fault::new(format!("line {number}"), error.to_string()))?;
        if length == 0 {
            break;
        }
        if length as u64 == MAX_LINE_BYTES {
            return Err(Fault::new(format!("line {number}"), format!("longer than {MAX_LINE_BYTES} bytes")));
        }
        if number == 1 && serde_json::from_slice::<&RawValue>(text(&line)).is_err() {
            // Not a document on each line: one over many.
            let whole = rest_of(&mut *reader, std::mem::take(&mut line))?;
            document(input, text(&whole), 1, &mut reading, gathered)?;
            break;
        }
        let document_text = text(&line);
        if !document_text.is_empty() {
            document(input, document_text, number, &mut reading, gathered)?;
        }
    }
    cityjson::finish(input, &mut reading, gathered)?;
    reading.geojson.finish(input)
}

/// A line without what frames it.
fn text(line: &[u8]) -> &[u8] {
    let line = text_of(line);
    line.strip_prefix(b"\x1e").unwrap_or(line).trim_ascii()
}

fn document(
    input: &Input,
    text: &[u8],
    line: u64,
    reading: &mut Reading,
    gathered: &mut Gathered,
) -> Result<(), Fault> {
    // The many lines of one kind are not looked at twice.
    let known = match reading.kind {
        Some(Kind::Feature) => geojson::feature(input, text, None, reading, gathered),
        Some(Kind::CityJsonFeature) => cityjson::feature(input, text, line, reading, gathered)?,
        None => false,
    };
    if known {
        return Ok(());
    }
    let found = kind_of(text);
    let kind = match (&found, reading.kind) {
        (Ok(kind), _) => kind.as_deref(),
        // A broken line among good ones is a thing lost, not a file.
        (Err(error), Some(_)) => {
            gathered.warnings.add("line_unreadable", format!("{}, line {line}: {error}", input.stem()));
            return Ok(());
        }
        (Err(error), None) => return Err(Fault::new(place(line, error), format!("not JSON: {error}"))),
    };
    match kind {
        Some("Feature") => {
            reading.kind = Some(Kind::Feature);
            if !geojson::feature(input, text, None, reading, gathered) {
                gathered.warnings.add("feature_unreadable", format!("{}, line {line}", input.stem()));
            }
            Ok(())
        }
        Some("FeatureCollection") => geojson::collection(input, text, None, reading, gathered)
            .map_err(|error| Fault::new(place(line, &error), error.to_string())),
        Some("CityJSON") => {
            reading.kind = Some(Kind::CityJsonFeature);
            cityjson::document(input, text, line, reading, gathered)
        }
        Some("CityJSONFeature") => {
            reading.kind = Some(Kind::CityJsonFeature);
            cityjson::feature(input, text, line, reading, gathered).map(|_| ())
        }
        Some(other) if reading.kind.is_some() => {
            gathered.warnings.add("line_unreadable", format!("{}, line {line}: {}", input.stem(), refusal(other)));
            Ok(())
        }
        Some(other) => Err(Fault::new(format!("line {line}"), refusal(other))),
        None => untyped(input, text, line, reading, gathered),
    }
}

fn place(line: u64, error: &serde_json::Error) -> String {
    format!("line {}, column {}", line - 1 + error.line() as u64, error.column())
}

fn refusal(kind: &str) -> String {
    let what: String = kind.chars().take(40).collect();
    match kind {
        "Topology" => "TopoJSON is not supported: convert it to GeoJSON first".into(),
        "CityModel" => "CityJSON before version 1.0 is not supported: upgrade it first".into(),
        "CityJSONExtension" => "this is the schema of a CityJSON extension, not a city".into(),
        "Point" | "LineString" | "Polygon" | "MultiPoint" | "MultiLineString" | "MultiPolygon"
        | "GeometryCollection" => format!("a bare {what}: put it into a Feature, so that it can say what it is"),
        _ => format!("JSON of type \"{what}\": expected a Feature, a FeatureCollection or CityJSON"),
    }
}

/// The `type` of an object; nothing for an object without one, or for an array.
fn kind_of(text: &[u8]) -> Result<Option<String>, serde_json::Error> {
    if text.starts_with(b"{") {
        let probe: Probe<'_> = serde_json::from_slice(text)?;
        return Ok(probe.kind.map(Cow::into_owned));
    }
    serde_json::from_slice::<&RawValue>(text).map(|_| None)
}

/// A list of documents, or the layers of a tile by name (Tilezen).
fn untyped(input: &Input, text: &[u8], line: u64, reading: &mut Reading, gathered: &mut Gathered) -> Result<(), Fault> {
    let unknown = || {
        let message = "JSON without a \"type\": expected a Feature, a FeatureCollection, CityJSON, or layers of tiles";
        Fault::new(format!("line {line}"), message)
    };
    if let Ok(documents) = serde_json::from_slice::<Vec<&RawValue>>(text) {
        if documents.is_empty() {
            return Err(unknown());
        }
        for inner in documents {
            // No deeper: a list of lists is no format.
            if inner.get().starts_with('[') {
                return Err(unknown());
            }
            document(input, inner.get().as_bytes(), line, reading, gathered)?;
        }
        return Ok(());
    }
    let layers: BTreeMap<String, &RawValue> = serde_json::from_slice(text).map_err(|_| unknown())?;
    let is_layer =
        |value: &&RawValue| kind_of(value.get().as_bytes()).is_ok_and(|k| k.as_deref() == Some("FeatureCollection"));
    if layers.is_empty() || !layers.values().all(is_layer) {
        return Err(unknown());
    }
    for (name, layer) in &layers {
        geojson::collection(input, layer.get().as_bytes(), Some(name), reading, gathered)
            .map_err(|error| Fault::new(format!("layer {name}"), error.to_string()))?;
    }
    Ok(())
}
