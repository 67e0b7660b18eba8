//! 3D Tiles 1.0 containers: `b3dm` and `cmpt`.

use super::bytes::{Fault, items, malformed, numbers, slice, u32_at, uint};
use super::merge::append;
use super::metadata::{push, push_strings};
use super::{Context, gltf};
use crate::{Column, ColumnKind, Number, Problem, PropertyTable, TileContent};
use glam::{DMat4, DVec3};
use serde_json::Value as Json;

/// Composites in composites, at most.
const MAX_NESTING: u32 = 8;

/// The parts of a `b3dm` file.
struct Batched<'a> {
    feature_table: Json,
    feature_binary: &'a [u8],
    batch_table: Json,
    batch_binary: &'a [u8],
    glb: &'a [u8],
    /// Batches, where the header says so instead of the feature table (before 1.0).
    batch_length: Option<usize>,
}

/// Reads a batched model.
pub(crate) fn b3dm(bytes: &[u8], url: &str, context: Context<'_>) -> Result<TileContent, Problem> {
    let parts = split_b3dm(bytes).map_err(|fault| fault.problem(url))?;
    let mut content = gltf::glb(parts.glb, url, context)?;
    if let Some(center) = rtc_center(&parts) {
        let tile_from_rtc = DMat4::from_translation(center);
        for primitive in &mut content.primitives {
            let moved = tile_from_rtc * DMat4::from_cols_array(&primitive.tile_from_local);
            primitive.tile_from_local = moved.to_cols_array();
            primitive.bounds = primitive.bounds.map(|p| (DVec3::from_array(p) + center).to_array());
        }
    }
    let count = parts.batch_length.or_else(|| uint(&parts.feature_table["BATCH_LENGTH"])).unwrap_or(0);
    let has_tables = !content.tables.is_empty();
    if !has_tables && parts.batch_table.is_object() && count > 0 {
        let mut problems = Vec::new();
        let table = batch_table(&parts, count, &mut content.property_bytes, &mut problems);
        content.problems.extend(problems.into_iter().map(|(id, f)| f.problem(format!("{url}: batch table {id}"))));
        content.tables.push(table);
    }
    Ok(content)
}

fn split_b3dm(bytes: &[u8]) -> Result<Batched<'_>, Fault> {
    if bytes.len() < 28 {
        return malformed(format!("{} bytes are no b3dm", bytes.len()));
    }
    let version = u32_at(bytes, 4);
    if version != 1 {
        return Err(Fault::Unsupported(format!("b3dm version {version}")));
    }
    let bytes = slice(bytes, 0, u32_at(bytes, 8) as usize, "b3dm")?;
    let word = |i: usize| u32_at(bytes, i * 4) as usize;
    // Two headers of before 1.0 are told by the text that stands where a length should be.
    let is_text = |length: usize| length >= 0x2200_0000;
    let (header, lengths, batch_length) = if is_text(word(5)) {
        (20, [0, 0, word(4), 0], Some(word(3)))
    } else if is_text(word(6)) {
        (24, [0, 0, word(3), word(4)], Some(word(5)))
    } else {
        (28, [word(3), word(4), word(5), word(6)], None)
    };
    let mut at = header;
    let mut next = |len: usize| {
        let part = slice(bytes, at, len, "b3dm table");
        at = at.saturating_add(len);
        part
    };
    let (feature_json, feature_binary) = (next(lengths[0])?, next(lengths[1])?);
    let (batch_json, batch_binary) = (next(lengths[2])?, next(lengths[3])?);
    Ok(Batched {
        feature_table: table_json(feature_json, "feature table")?,
        feature_binary,
        batch_table: table_json(batch_json, "batch table")?,
        batch_binary,
        glb: slice(bytes, at, bytes.len().saturating_sub(at), "glb")?,
        batch_length,
    })
}

/// A table's JSON; `null` when there is none.
fn table_json(bytes: &[u8], what: &str) -> Result<Json, Fault> {
    let end = bytes.iter().rposition(|b| !matches!(b, b' ' | 0)).map_or(0, |last| last + 1);
    if end == 0 {
        return Ok(Json::Null);
    }
    serde_json::from_slice(&bytes[..end]).map_err(|e| Fault::Malformed(format!("{what}: {e}")))
}

/// `RTC_CENTER`, as numbers or as a reference into the binary body.
fn rtc_center(parts: &Batched<'_>) -> Option<DVec3> {
    let json = &parts.feature_table["RTC_CENTER"];
    let inline = numbers::<3>(json);
    let stored = || {
        let at = uint(&json["byteOffset"])?;
        let body = parts.feature_binary.get(at..)?;
        let read = |i| Number::F32.read(body, i).filter(|v| v.is_finite());
        Some([read(0)?, read(1)?, read(2)?])
    };
    inline.or_else(stored).map(DVec3::from_array)
}

/// A batch table as a property table. A bad property is left out.
fn batch_table(
    parts: &Batched<'_>,
    count: usize,
    out: &mut Vec<u8>,
    problems: &mut Vec<(String, Fault)>,
) -> PropertyTable {
    let mut columns = Vec::new();
    for (id, json) in parts.batch_table.as_object().into_iter().flatten() {
        if matches!(id.as_str(), "HIERARCHY" | "extensions" | "extras") {
            if id == "HIERARCHY" || json["3DTILES_batch_table_hierarchy"].is_object() {
                problems.push((id.clone(), Fault::Unsupported("3DTILES_batch_table_hierarchy".into())));
            }
            continue;
        }
        let column = if json.is_array() {
            listed_column(id, items(json), count, out)
        } else {
            binary_column(id, json, parts.batch_binary, count, out)
        };
        match column {
            Ok(column) => columns.push(column),
            Err(fault) => problems.push((id.clone(), fault)),
        }
    }
    columns.sort_by(|a, b| a.id.cmp(&b.id));
    PropertyTable { class: String::new(), count: u32::try_from(count).unwrap_or(u32::MAX), columns }
}

fn new_column(id: &str, kind: ColumnKind) -> Column {
    Column { id: id.to_owned(), kind, values: (0, 0), string_offsets: (0, 0), no_data: None, default: None }
}

/// A property that is written out as a JSON array: numbers, booleans or strings; a mixture is kept as JSON text.
fn listed_column(id: &str, values: &[Json], count: usize, out: &mut Vec<u8>) -> Result<Column, Fault> {
    if values.len() < count {
        return malformed(format!("{} values for {count} features", values.len()));
    }
    let values = &values[..count];
    let plain = ColumnKind::Scalar { number: Number::F64, scale: 1.0, offset: 0.0 };
    // A missing value among numbers is NaN, which a row leaves out.
    if values.iter().all(|v| v.is_number() || v.is_null()) && values.iter().any(Json::is_number) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.as_f64().unwrap_or(f64::NAN).to_le_bytes()).collect();
        return Ok(Column { values: push(out, &bytes)?, ..new_column(id, plain) });
    }
    if values.iter().all(Json::is_boolean) {
        let mut bits = vec![0u8; count.div_ceil(8)];
        for (i, _) in values.iter().enumerate().filter(|(_, v)| **v == Json::Bool(true)) {
            bits[i / 8] |= 1 << (i % 8);
        }
        return Ok(Column { values: push(out, &bits)?, ..new_column(id, ColumnKind::Boolean) });
    }
    let text = |v: &Json| match v {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    };
    let rows: Vec<String> = values.iter().map(text).collect();
    let all_text = values.iter().all(|v| v.is_string() || v.is_null());
    let kind = if all_text { ColumnKind::String } else { ColumnKind::Json };
    let has_null = values.iter().any(Json::is_null);
    let (values, string_offsets) = push_strings(out, &rows)?;
    let no_data = has_null.then(|| crate::Value::Text(String::new()));
    Ok(Column { values, string_offsets, no_data, ..new_column(id, kind) })
}

/// A property in the binary body.
fn binary_column(id: &str, json: &Json, body: &[u8], count: usize, out: &mut Vec<u8>) -> Result<Column, Fault> {
    let number = match json["componentType"].as_str().unwrap_or_default() {
        "BYTE" => Number::I8,
        "UNSIGNED_BYTE" => Number::U8,
        "SHORT" => Number::I16,
        "UNSIGNED_SHORT" => Number::U16,
        "INT" => Number::I32,
        "UNSIGNED_INT" => Number::U32,
        "FLOAT" => Number::F32,
        "DOUBLE" => Number::F64,
        other => return malformed(format!("componentType \"{other}\" is not known")),
    };
    let components = match json["type"].as_str().unwrap_or_default() {
        "SCALAR" => 1,
        "VEC2" => 2,
        "VEC3" => 3,
        "VEC4" => 4,
        other => return malformed(format!("type \"{other}\" is not known")),
    };
    let offset = uint(&json["byteOffset"]).unwrap_or(0);
    let Some(len) = count.checked_mul(number.size() * components) else { return malformed("absurd count") };
    let bytes = slice(body, offset, len, "batch table")?;
    if components == 1 {
        let kind = ColumnKind::Scalar { number, scale: 1.0, offset: 0.0 };
        return Ok(Column { values: push(out, bytes)?, ..new_column(id, kind) });
    }
    let row = |i: usize| -> String {
        let values: Vec<Json> =
            (0..components).map(|c| number.read(bytes, i * components + c).unwrap_or(0.0).into()).collect();
        Json::from(values).to_string()
    };
    let rows: Vec<String> = (0..count).map(row).collect();
    let (values, string_offsets) = push_strings(out, &rows)?;
    Ok(Column { values, string_offsets, ..new_column(id, ColumnKind::Json) })
}

/// Reads a composite: all its parts together. A part that is bad is left out.
pub(crate) fn cmpt(bytes: &[u8], url: &str, context: Context<'_>, nesting: u32) -> Result<TileContent, Problem> {
    let fault = |fault: Fault| fault.problem(url);
    if nesting >= MAX_NESTING {
        return Err(fault(Fault::TooLarge(format!("composites nested {MAX_NESTING} deep"))));
    }
    if bytes.len() < 16 {
        return Err(fault(Fault::Malformed(format!("{} bytes are no cmpt", bytes.len()))));
    }
    let bytes = slice(bytes, 0, u32_at(bytes, 8) as usize, "cmpt").map_err(fault)?;
    let mut out = TileContent::default();
    let mut at = 16;
    for i in 0..u32_at(bytes, 12) {
        let place = format!("{url}: tile {i}");
        let len = u32_at(bytes, at + 8) as usize;
        let part = match slice(bytes, at, len.max(12), "inner tile") {
            Ok(part) => part,
            Err(fault) => {
                out.problems.push(fault.problem(place));
                break;
            }
        };
        match super::content(part, &place, context, nesting + 1) {
            Ok(part) => append(&mut out, part).map_err(fault)?,
            Err(problem) => out.problems.push(problem),
        }
        at += len.max(12);
    }
    match (out.primitives.is_empty(), out.problems.first()) {
        (true, Some(first)) => Err(first.clone()),
        _ => Ok(out),
    }
}
