//! 3D Tiles 1.0 (OGC 18-053r2) contents: `b3dm`, `i3dm`, `pnts` and `cmpt`.

mod b3dm;
mod batch_table;
mod cmpt;
mod feature_table;
mod hierarchy;
mod i3dm;
mod orientation;
mod pnts;
mod point_draco;

use super::bytes::{Fault, malformed, slice, tidy, u32_at};
use super::{Context, gltf};
use crate::{Problem, TileContent};
use batch_table::BatchTable;
use feature_table::FeatureTable;
use serde_json::Value as Json;
use std::borrow::Cow;

pub(crate) use b3dm::b3dm;
pub(crate) use cmpt::cmpt;
pub(crate) use i3dm::i3dm;
pub(crate) use pnts::pnts;

/// A file: its two tables and what follows them.
struct Parts<'a> {
    features: FeatureTable<'a>,
    batches: BatchTable<'a>,
    rest: &'a [u8],
}

/// The bytes that a header claims. Files of some converters claim more than they have, or nothing at all; what is in
/// them has lengths of its own, so what is there is taken.
fn claimed(bytes: &[u8]) -> &[u8] {
    match u32_at(bytes, 8) as usize {
        0..12 => bytes,
        len => &bytes[..len.min(bytes.len())],
    }
}

/// Refuses what is too short for a header, and versions that nobody has specified.
fn check_header(bytes: &[u8], format: &str, len: usize) -> Result<(), Fault> {
    if bytes.len() < len {
        return malformed(format!("{} bytes are no {format}", bytes.len()));
    }
    match u32_at(bytes, 4) {
        1 => Ok(()),
        version => Err(Fault::Unsupported(format!("{format} version {version}"))),
    }
}

/// Cuts a file after a header of `header` bytes: lengths of the feature table's JSON and binary, then of the batch
/// table's.
fn cut<'a>(bytes: &'a [u8], header: usize, lengths: [usize; 4]) -> Result<Parts<'a>, Fault> {
    let mut at = header;
    let mut next = |len: usize, what: &str| {
        let part = slice(bytes, at, len, what);
        at = at.saturating_add(len);
        part
    };
    let feature_json = next(lengths[0], "feature table")?;
    let feature_body = next(lengths[1], "feature table")?;
    let batch_json = next(lengths[2], "batch table")?;
    let batch_body = next(lengths[3], "batch table")?;
    let rest = bytes.get(at..).unwrap_or_default();
    let features = FeatureTable { json: table_json(feature_json, "feature table")?, body: feature_body };
    // Without its batch table a tile can be drawn all the same.
    let (json, fault) = match table_json(batch_json, "batch table") {
        Ok(json) => (json, None),
        Err(fault) => (Json::Null, Some(fault)),
    };
    Ok(Parts { features, batches: BatchTable { json, body: batch_body, fault }, rest })
}

/// Cuts a file whose four table lengths stand at the third word, as they do since 1.0.
fn cut_after(bytes: &[u8], header: usize) -> Result<Parts<'_>, Fault> {
    cut(bytes, header, std::array::from_fn(|i| u32_at(bytes, 12 + 4 * i) as usize))
}

/// A table's JSON; `null` when there is none. Padding may be spaces or zeros, and what follows the first value is
/// ignored. Text that is not UTF-8 (names in a converter's own code page) keeps what can be read of it.
fn table_json(bytes: &[u8], what: &str) -> Result<Json, Fault> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let end = text.iter().rposition(|b| *b != 0 && !b.is_ascii_whitespace()).map_or(0, |last| last + 1);
    if end == 0 {
        return Ok(Json::Null);
    }
    let text = match std::str::from_utf8(&text[..end]) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(&text[..end]),
    };
    match serde_json::Deserializer::from_str(&text).into_iter::<Json>().next() {
        Some(Ok(json)) => Ok(json),
        Some(Err(error)) => malformed(format!("{what}: {error}")),
        None => Ok(Json::Null),
    }
}

/// The glTF inside of a tile, binary or as text.
fn model(bytes: &[u8], place: &str, context: Context<'_>) -> Result<TileContent, Problem> {
    let is_text = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    if !is_text {
        return gltf::glb(bytes, place, context);
    }
    let json = table_json(bytes, "glTF").map_err(|fault| fault.problem(place))?;
    gltf::json(&json, place, context)
}

/// Adds what a batch table holds of `count` features as the content's next property table; its number.
fn add_batch_table(
    content: &mut TileContent,
    batches: &BatchTable<'_>,
    count: usize,
    place: &str,
    context: Context<'_>,
) -> Option<u32> {
    let mut problems = Vec::new();
    let table = batches.read(count, context, &mut content.property_bytes, &mut problems);
    content
        .problems
        .extend(problems.into_iter().map(|(id, fault)| fault.problem(format!("{place}: batch table {id}"))));
    content.extensions_used.extend(batches.extensions());
    tidy(&mut content.extensions_used);
    let table = table.filter(|table| !table.columns.is_empty())?;
    content.tables.push(table);
    Some(content.tables.len() as u32 - 1)
}
