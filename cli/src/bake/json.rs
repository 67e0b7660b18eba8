//! JSON of several kinds, told apart by what it says it is: one document, or one on each line.

use super::cityjson::{self, Document};
use super::geojson;
use super::source::{Fault, Gathered, Input, Lines, Whole, rest_of, text_of};
use serde::Deserialize;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

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
    let mut reader = Lines::new(BufReader::new(reader), u64::MAX);
    let mut line = Vec::new();
    let beginning = reader.fill_buf().map_err(|error| Fault::new("line 1", error.to_string()))?;
    let framed_bytes = beginning.len() - text_after_frame(beginning).len();
    // A feature that stands where the document must be is refused by that.
    if begins_as(&beginning[framed_bytes..], "CityJSON", Some("CityObjects")) {
        reader.consume(framed_bytes);
        large_document(input, &mut reader, &mut reading, gathered)?;
    }
    loop {
        line.clear();
        let number = reader.line;
        let read = (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        let length = read.map_err(|error| Fault::new(format!("line {number}"), error.to_string()))?;
        if length == 0 {
            break;
        }
        if length as u64 == MAX_LINE_BYTES {
            return Err(Fault::new(format!("line {number}"), format!("longer than {MAX_LINE_BYTES} bytes")));
        }
        if number == 1 && serde_json::from_slice::<&RawValue>(text(&line)).is_err() {
            // Not a document on each line: one over many.
            let whole = rest_of(&mut reader, std::mem::take(&mut line))?;
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

/// What tells how much of a reader has been read.
type Counting<'a> = dyn Fn(Box<dyn Read + 'a>) -> Box<dyn Read + 'a> + 'a;

/// Reads a file of which all can be read again: of a large collection of features one is held at a time.
///
/// # Errors
/// As [`read`].
pub(super) fn read_again<'a>(
    input: &Input,
    whole: &'a Whole,
    counted: &Counting<'a>,
    gathered: &mut Gathered,
) -> Result<(), Fault> {
    let unreadable = |error: io::Error| Fault::new("line 1", error.to_string());
    let open = |count: &Counting<'a>| {
        let mut reader = BufReader::new(count(Box::new(whole.reader()?)));
        let beginning = reader.fill_buf()?;
        let framed_bytes = beginning.len() - text_after_frame(beginning).len();
        reader.consume(framed_bytes);
        Ok(serde_json::Deserializer::from_reader(reader))
    };
    // What it says of itself may stand behind its features.
    match geojson::Head::read(open(&|reader| reader).map_err(unreadable)?) {
        Ok(head) => {
            let mut reading = Reading::default();
            let json = open(counted).map_err(unreadable)?;
            geojson::collection(input, &head, json, None, &mut reading, gathered)
                .map_err(|error| Fault::new(place(1, &error), error.to_string()))?;
            reading.geojson.finish(input)
        }
        // Several of them on lines, or broken.
        Err(_) => read(input, &mut BufReader::new(whole.reader().map_err(unreadable)?), gathered),
    }
}

/// Whether JSON that begins so is a collection of features.
pub(super) fn is_collection(beginning: &[u8]) -> bool {
    begins_as(text_after_frame(beginning), "FeatureCollection", None)
}

/// Whether JSON that begins so says that it is of a type, or has a member before that.
fn begins_as(beginning: &[u8], kind: &str, member: Option<&str>) -> bool {
    struct Probe<'a> {
        kind: &'a str,
        member: Option<&'a str>,
        found: &'a mut bool,
    }

    impl<'de> Visitor<'de> for Probe<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                if key == "type" {
                    *self.found = map.next_value::<Cow<'_, str>>()? == self.kind;
                    break;
                }
                if self.member.is_some_and(|member| key == member) {
                    *self.found = true;
                    break;
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut found = false;
    let probe = Probe { kind, member, found: &mut found };
    // Where it is cut off is no fault.
    let _ = serde_json::Deserializer::from_slice(beginning).deserialize_map(probe);
    found
}

/// Reads a CityJSON document that is not held. If it is a line, others may come after it.
fn large_document(
    input: &Input,
    reader: &mut Lines<impl BufRead>,
    reading: &mut Reading,
    gathered: &mut Gathered,
) -> Result<(), Fault> {
    let first = reader.line;
    let document = Document::read(&mut serde_json::Deserializer::from_reader(&mut *reader), &gathered.room);
    let document = document.map_err(|error| not_json(first, &error))?;
    let last = reader.line;
    // What is behind it on its last line, or on any.
    while let Some(byte) = next_byte(reader).map_err(|error| Fault::new(format!("line {last}"), error.to_string()))? {
        match byte {
            b'\n' if first == last => break,
            _ if byte.is_ascii_whitespace() => {}
            _ => return Err(Fault::new(format!("line {}", reader.line), "not JSON: trailing characters")),
        }
    }
    reading.kind = Some(Kind::CityJsonFeature);
    match document.kind.as_deref() {
        Some("CityJSON") => cityjson::document(input, document, first, reading, gathered),
        Some(other) => Err(Fault::new(format!("line {first}"), refusal(other))),
        None => Err(untold(first)),
    }
}

fn next_byte(reader: &mut impl BufRead) -> io::Result<Option<u8>> {
    let byte = reader.fill_buf()?.first().copied();
    reader.consume(usize::from(byte.is_some()));
    Ok(byte)
}

/// A line without what frames it.
fn text(line: &[u8]) -> &[u8] {
    text_after_frame(line).trim_ascii()
}

/// Text without what comes before a document.
fn text_after_frame(line: &[u8]) -> &[u8] {
    let line = text_of(line);
    line.strip_prefix(b"\x1e").unwrap_or(line)
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
        (Err(error), None) => return Err(not_json(line, error)),
    };
    match kind {
        Some("Feature") => {
            reading.kind = Some(Kind::Feature);
            if !geojson::feature(input, text, None, reading, gathered) {
                gathered.warnings.add("feature_unreadable", format!("{}, line {line}", input.stem()));
            }
            Ok(())
        }
        Some("FeatureCollection") => collection(input, text, None, reading, gathered)
            .map_err(|error| Fault::new(place(line, &error), error.to_string())),
        Some("CityJSON") => {
            reading.kind = Some(Kind::CityJsonFeature);
            let document = Document::read(&mut serde_json::Deserializer::from_slice(text), &gathered.room);
            let document = document.map_err(|error| not_json(line, &error))?;
            cityjson::document(input, document, line, reading, gathered)
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

fn collection(
    input: &Input,
    text: &[u8],
    layer: Option<&str>,
    reading: &mut Reading,
    gathered: &mut Gathered,
) -> Result<(), serde_json::Error> {
    let json = || serde_json::Deserializer::from_slice(text);
    geojson::collection(input, &geojson::Head::read(json())?, json(), layer, reading, gathered)
}

fn place(line: u64, error: &serde_json::Error) -> String {
    format!("line {}, column {}", line - 1 + error.line() as u64, error.column())
}

/// What is wrong with a document.
fn not_json(line: u64, error: &serde_json::Error) -> Fault {
    let message = if error.is_data() || error.is_io() { error.to_string() } else { format!("not JSON: {error}") };
    Fault::new(place(line, error), message)
}

/// A document that does not say what it is.
fn untold(line: u64) -> Fault {
    let message = "JSON without a \"type\": expected a Feature, a FeatureCollection, CityJSON, or layers of tiles";
    Fault::new(format!("line {line}"), message)
}

fn refusal(kind: &str) -> String {
    let what: String = kind.chars().take(40).collect();
    match kind {
        "Topology" => "TopoJSON is not supported: convert it to GeoJSON first".into(),
        "CityModel" => "CityJSON before version 1.0 is not supported: upgrade it first".into(),
        "CityJSONFeature" => cityjson::WITHOUT_HEADER.into(),
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
    let unknown = || untold(line);
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
        collection(input, layer.get().as_bytes(), Some(name), reading, gathered)
            .map_err(|error| Fault::new(format!("layer {name}"), error.to_string()))?;
    }
    Ok(())
}
