//! Reading a list of assets, whatever it is written in.

use super::properties::{self, Extent};
use crate::bake::Progress;
use anyhow::{Context, Result, bail};
use citytwin_search::Record;
use flate2::read::MultiGzDecoder;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// So much of the input is looked at to know what it is.
const HEAD_BYTES: usize = 1 << 16;
/// A longer line is no asset, and not worth the memory.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// Places named for each reason why something was left out.
const MAX_EXAMPLES: usize = 3;
/// Different reasons that are told apart.
const MAX_REASONS: usize = 20;

/// What was no asset: by reason, how often and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut(BTreeMap<String, (u64, Vec<String>)>);

impl LeftOut {
    /// Whether everything was an asset.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much was left out.
    pub fn count(&self) -> u64 {
        self.0.values().map(|(count, _)| count).sum()
    }

    /// One line for people per reason: `line 3, line 7 and 12 more: no name`.
    pub fn lines(&self) -> Vec<String> {
        let line = |(reason, (count, places)): (&String, &(u64, Vec<String>))| {
            let more = match count - places.len() as u64 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{}{more}: {reason}", places.join(", "))
        };
        self.0.iter().map(line).collect()
    }

    fn add(&mut self, place: impl FnOnce() -> String, reason: String) {
        let reason = if self.0.len() < MAX_REASONS || self.0.contains_key(&reason) {
            reason
        } else {
            "other reasons".to_owned()
        };
        let (count, places) = self.0.entry(reason).or_default();
        *count += 1;
        if places.len() < MAX_EXAMPLES {
            places.push(place());
        }
    }
}

/// Takes a lot of records.
type Take<'a> = dyn FnMut(Vec<Record>) -> Result<()> + 'a;

/// Where the readers of each format put what they find.
pub(super) struct Sink<'a> {
    records: Vec<Record>,
    left_out: LeftOut,
    /// Records of a lot.
    most: usize,
    lot: &'a mut Take<'a>,
}

impl Sink<'_> {
    /// # Errors
    /// When a lot is full and could not be taken.
    pub(super) fn take(&mut self, place: impl FnOnce() -> String, record: Result<Record, String>) -> Result<()> {
        match record {
            Ok(record) => self.records.push(record),
            Err(reason) => self.left_out.add(place, reason),
        }
        if self.records.len() < self.most {
            return Ok(());
        }
        (self.lot)(std::mem::take(&mut self.records))
    }

    fn finish(mut self) -> Result<LeftOut> {
        if !self.records.is_empty() {
            (self.lot)(std::mem::take(&mut self.records))?;
        }
        Ok(self.left_out)
    }
}

/// Reads asset lines, GeoJSON or Parquet, whichever it is; gzip is seen through. Hands the records to `lot`, so many at a
/// time and at the end what is left, in the order of the input; answers what was no record.
///
/// # Errors
/// When the file cannot be opened, is of no known kind, or cannot be read to its end; when `lot` fails.
pub(super) fn read<'a>(path: &Path, most: usize, progress: &dyn Progress, lot: &'a mut Take<'a>) -> Result<LeftOut> {
    let name = || path.display().to_string();
    let mut file = File::open(path).with_context(|| format!("cannot open {}", name()))?;
    let len = file.metadata().map(|metadata| metadata.len()).unwrap_or(0);
    let mut magic = Vec::new();
    (&mut file).take(4).read_to_end(&mut magic).with_context(|| format!("cannot read {}", name()))?;
    file.seek(SeekFrom::Start(0)).with_context(|| format!("cannot read {}", name()))?;
    let mut sink = Sink { records: Vec::new(), left_out: LeftOut::default(), most: most.max(1), lot };
    if magic == b"PAR1" {
        super::parquet::read(file, &mut sink, progress).with_context(name)?;
        return sink.finish();
    }
    progress.stage("read", Some(len));
    let counted = Counted { file, progress };
    let mut text: Box<dyn BufRead + '_> = if magic.starts_with(&[0x1F, 0x8B]) {
        Box::new(BufReader::with_capacity(HEAD_BYTES, MultiGzDecoder::new(counted)))
    } else {
        Box::new(BufReader::with_capacity(HEAD_BYTES, counted))
    };
    let mut head = Vec::new();
    (&mut text).take(HEAD_BYTES as u64).read_to_end(&mut head).with_context(|| format!("cannot read {}", name()))?;
    let kind = kind(&head).with_context(name)?;
    let whole = head.as_slice().chain(text);
    match kind {
        Kind::Lines => read_lines(whole, &mut sink, &asset).with_context(name)?,
        Kind::FeatureLines => read_lines(whole, &mut sink, &feature_line).with_context(name)?,
        Kind::Collection => read_collection(whole, &mut sink).with_context(name)?,
    }
    sink.finish()
}

/// Tells how far a file has been read.
struct Counted<'a> {
    file: File,
    progress: &'a dyn Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.progress.advance(count as u64);
        Ok(count)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lines,
    FeatureLines,
    Collection,
}

/// What a text is, by its beginning.
fn kind(head: &[u8]) -> Result<Kind> {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    // Some GeoJSON sequences (RFC 8142) begin each record with this.
    let text = text.strip_prefix(b"\x1E").unwrap_or(text);
    let Some(first) = text.first() else { bail!("the file is empty") };
    if *first != b'{' {
        let start = String::from_utf8_lossy(&text[..text.len().min(12)]).into_owned();
        bail!("this is not asset lines, GeoJSON or Parquet: it begins with {start:?}");
    }
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let kind = match serde_json::from_slice::<Value>(line) {
        Ok(value) => match value["type"].as_str() {
            Some("FeatureCollection") => Kind::Collection,
            Some("Feature") => Kind::FeatureLines,
            _ => Kind::Lines,
        },
        // Longer than the head, or written over several lines.
        Err(_) if find(text, b"\"FeatureCollection\"") => Kind::Collection,
        Err(_) if find(line, b"\"Feature\"") => Kind::FeatureLines,
        Err(_) => Kind::Lines,
    };
    Ok(kind)
}

fn find(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

fn read_lines(
    mut text: impl BufRead,
    sink: &mut Sink<'_>,
    record: &dyn Fn(&[u8]) -> Result<Record, String>,
) -> Result<()> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = (&mut text).take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
        if read.with_context(|| format!("cannot read on from line {number}"))? == 0 {
            break;
        }
        if line.len() as u64 == MAX_LINE_BYTES {
            bail!("line {number} is longer than {} MB: this is no list of assets", MAX_LINE_BYTES >> 20);
        }
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line);
        let line = line.strip_prefix(b"\x1E").unwrap_or(line).trim_ascii();
        if !line.is_empty() {
            sink.take(|| format!("line {number}"), record(line))?;
        }
    }
    Ok(())
}

fn asset(line: &[u8]) -> Result<Record, String> {
    serde_json::from_slice(line).map_err(|error| without_place(&error)).and_then(properties::check)
}

fn feature_line(line: &[u8]) -> Result<Record, String> {
    let value = serde_json::from_slice(line).map_err(|error| without_place(&error))?;
    feature(&value)
}

/// What is wrong with a line, without serde's own `at line 1 column 9`, which would tell equal reasons apart.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

fn feature(value: &Value) -> Result<Record, String> {
    let Some(properties) = value["properties"].as_object() else { return Err("no properties".to_owned()) };
    let mut extent = Extent::NONE;
    collect_positions(&value["geometry"], &mut extent);
    let at = extent.middle().ok_or("no position")?;
    properties::record(value.get("id"), properties, at)
}

/// Adds every position of a geometry, its depth bounded by the JSON reader.
fn collect_positions(value: &Value, extent: &mut Extent) {
    match value {
        Value::Object(geometry) => {
            let parts = ["coordinates", "geometries"].into_iter().filter_map(|key| geometry.get(key));
            parts.for_each(|part| collect_positions(part, extent));
        }
        Value::Array(parts) => match parts.as_slice() {
            [Value::Number(lon), Value::Number(lat), ..] => {
                extent.add([lon.as_f64().unwrap_or(f64::NAN), lat.as_f64().unwrap_or(f64::NAN)]);
            }
            _ => parts.iter().for_each(|part| collect_positions(part, extent)),
        },
        _ => {}
    }
}

/// Reads a `FeatureCollection` feature by feature, so that a large one is never in memory twice.
fn read_collection(mut text: impl Read, sink: &mut Sink<'_>) -> Result<()> {
    let mut start = [0; 3];
    let mut len = 0;
    while len < start.len() {
        match text.read(&mut start[len..])? {
            0 => break,
            count => len += count,
        }
    }
    let start = start[..len].strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start[..len]);
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(start.chain(text)));
    let mut failed = None;
    let found = Collection { sink, failed: &mut failed }.deserialize(&mut json);
    if let Some(failed) = failed {
        return Err(failed);
    }
    let found = found.context("this GeoJSON is damaged")?;
    json.end().context("this GeoJSON is damaged")?;
    if !found {
        bail!("this GeoJSON has no features");
    }
    Ok(())
}

struct Collection<'a, 's> {
    sink: &'a mut Sink<'s>,
    /// Why the sink takes no more: a fault that is not of the JSON.
    failed: &'a mut Option<anyhow::Error>,
}

impl<'de> DeserializeSeed<'de> for Collection<'_, '_> {
    /// Whether there was a member `features`.
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Collection<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a FeatureCollection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "features" {
                map.next_value_seed(Features { sink: self.sink, failed: self.failed })?;
                found = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct Features<'a, 's> {
    sink: &'a mut Sink<'s>,
    failed: &'a mut Option<anyhow::Error>,
}

impl<'de> DeserializeSeed<'de> for Features<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Features<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut features: A) -> Result<(), A::Error> {
        let mut number = 0_u64;
        while let Some(value) = features.next_element::<Value>()? {
            number += 1;
            if let Err(error) = self.sink.take(|| format!("feature {number}"), feature(&value)) {
                *self.failed = Some(error);
                return Err(A::Error::custom("no more features can be taken"));
            }
        }
        Ok(())
    }
}
