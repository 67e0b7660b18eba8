//! Batch tables as property tables (OGC 18-053r2, section 9.4).

use super::feature_table::{Values, component_type};
use super::hierarchy;
use crate::decode::Context;
use crate::decode::bytes::{Fault, items, malformed, slice, uint};
use crate::decode::metadata::{insert_column, push, push_strings};
use crate::{Column, ColumnKind, Number, PropertyTable, Value};
use serde_json::Value as Json;
use std::borrow::Cow;

/// The extension that gives features classes and parents.
const HIERARCHY: &str = "3DTILES_batch_table_hierarchy";
/// The extension that keeps per-point properties inside of the Draco stream.
pub(super) const DRACO: &str = "3DTILES_draco_point_compression";

/// A batch table, read in place.
pub(super) struct BatchTable<'a> {
    pub(super) json: Json,
    pub(super) body: &'a [u8],
    /// Why it could not be read.
    pub(super) fault: Option<Fault>,
}

/// A property and what is wrong with it.
pub(super) type Problems = Vec<(String, Fault)>;

impl BatchTable<'_> {
    /// Extensions that it uses.
    pub(super) fn extensions(&self) -> Vec<String> {
        let named = self.json["extensions"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
        named.chain(self.json["HIERARCHY"].is_object().then(|| HIERARCHY.to_owned())).collect()
    }

    /// The properties that lie in a Draco stream, with their ids there.
    pub(super) fn draco_properties(&self) -> Vec<(String, u32)> {
        let properties = self.json["extensions"][DRACO]["properties"].as_object();
        let id = |json: &Json| uint(json).and_then(|id| u32::try_from(id).ok());
        properties.into_iter().flatten().filter_map(|(name, json)| Some((name.clone(), id(json)?))).collect()
    }

    /// Its properties for `count` features, inherited ones included. A bad property is left out.
    pub(super) fn read(
        &self,
        count: usize,
        context: Context<'_>,
        out: &mut Vec<u8>,
        problems: &mut Problems,
    ) -> Option<PropertyTable> {
        problems.extend(self.fault.clone().map(|fault| ("JSON".to_owned(), fault)));
        let properties = self.json.as_object()?;
        let inside_draco = self.draco_properties();
        let mut columns = Vec::new();
        let mut keep = |id: &str, column: Result<Column, Fault>| match column {
            Ok(column) => insert_column(&mut columns, column),
            Err(fault) => problems.push((id.to_owned(), fault)),
        };
        for (id, json) in properties {
            let elsewhere = matches!(id.as_str(), "HIERARCHY" | "extensions" | "extras");
            if elsewhere || inside_draco.iter().any(|(name, _)| name == id) {
                continue;
            }
            if json.is_array() {
                keep(id, listed_column(id, items(json), count, context, out));
            } else {
                let values = binary_values(json, self.body, count);
                keep(id, values.and_then(|values| column_of(id, &values, count, context, out)));
            }
        }
        let mut hierarchy = None;
        let extension = Some(&self.json["extensions"][HIERARCHY]).filter(|h| h.is_object());
        if let Some(json) = extension.or(Some(&self.json["HIERARCHY"]).filter(|h| h.is_object())) {
            match hierarchy::inherited(json, self.body, count, problems) {
                Ok((inherited, classes)) => {
                    hierarchy = Some(classes);
                    // What a feature has of its own goes before what it inherits.
                    for (id, rows) in inherited.into_iter().filter(|(id, _)| !properties.contains_key(id)) {
                        match listed_column(&id, items(&rows), count, context, out) {
                            Ok(column) => insert_column(&mut columns, column),
                            Err(fault) => problems.push((id, fault)),
                        }
                    }
                }
                Err(fault) => problems.push((HIERARCHY.to_owned(), fault)),
            }
        }
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Some(PropertyTable { count, columns, hierarchy, ..PropertyTable::default() })
    }
}

fn new_column(id: &str, kind: ColumnKind) -> Column {
    Column { id: id.to_owned(), kind, values: (0, 0), string_offsets: (0, 0), no_data: None, default: None }
}

/// A property that is written out as a JSON array: numbers, booleans or strings; a mixture is kept as JSON text.
fn listed_column(
    id: &str,
    values: &[Json],
    count: usize,
    context: Context<'_>,
    out: &mut Vec<u8>,
) -> Result<Column, Fault> {
    if values.len() < count {
        return malformed(format!("{} values for {count} features", values.len()));
    }
    let values = &values[..count];
    let plain = ColumnKind::Scalar { number: Number::F64, scale: 1.0, offset: 0.0 };
    // A missing value among numbers is NaN, which a row leaves out.
    if values.iter().all(|v| v.is_number() || v.is_null()) && values.iter().any(Json::is_number) {
        context.take(count * 8)?;
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.as_f64().unwrap_or(f64::NAN).to_le_bytes()).collect();
        return Ok(Column { values: push(out, &bytes)?, ..new_column(id, plain) });
    }
    if values.iter().all(Json::is_boolean) && count > 0 {
        let mut bits = vec![0u8; count.div_ceil(8)];
        context.take(bits.len())?;
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
    text_column(id, kind, &rows, has_null, context, out)
}

fn text_column(
    id: &str,
    kind: ColumnKind,
    rows: &[String],
    has_null: bool,
    context: Context<'_>,
    out: &mut Vec<u8>,
) -> Result<Column, Fault> {
    context.take(rows.iter().map(|row| row.len() + 4).sum())?;
    let (values, string_offsets) = push_strings(out, rows)?;
    let no_data = has_null.then(|| Value::Text(String::new()));
    Ok(Column { values, string_offsets, no_data, ..new_column(id, kind) })
}

/// The values of a property in the binary body.
pub(super) fn binary_values<'a>(json: &Json, body: &'a [u8], count: usize) -> Result<Values<'a>, Fault> {
    let number = component_type(json["componentType"].as_str().unwrap_or_default())?;
    let components = components(json)?;
    let offset = uint(&json["byteOffset"]).unwrap_or(0);
    let Some(len) = count.checked_mul(number.size() * components) else { return malformed("absurd count") };
    Ok(Values { bytes: Cow::Borrowed(slice(body, offset, len, "batch table")?), number, components })
}

/// Components of a property's `type`.
pub(super) fn components(json: &Json) -> Result<usize, Fault> {
    Ok(match json["type"].as_str().unwrap_or_default() {
        "SCALAR" => 1,
        "VEC2" => 2,
        "VEC3" => 3,
        "VEC4" => 4,
        other => return malformed(format!("type \"{other}\" is not known")),
    })
}

/// Numbers as a column: scalars as they are, vectors as JSON text.
pub(super) fn column_of(
    id: &str,
    values: &Values<'_>,
    count: usize,
    context: Context<'_>,
    out: &mut Vec<u8>,
) -> Result<Column, Fault> {
    if values.components == 1 {
        context.take(values.bytes.len())?;
        let kind = ColumnKind::Scalar { number: values.number, scale: 1.0, offset: 0.0 };
        return Ok(Column { values: push(out, &values.bytes)?, ..new_column(id, kind) });
    }
    // Text of a number is at most 24 bytes long; asked for first, so that nothing too large is ever built.
    context.take(count * (values.components * 2 + 5))?;
    let rows: Vec<String> = (0..count).map(|i| vector(values, i).to_string()).collect();
    text_column(id, ColumnKind::Json, &rows, false, context, out)
}

/// The value of feature `i` as JSON: a number, or an array of them.
pub(super) fn vector(values: &Values<'_>, i: usize) -> Json {
    match values.components {
        1 => values.get(i, 0).into(),
        n => (0..n).map(|c| Json::from(values.get(i, c))).collect::<Vec<_>>().into(),
    }
}
