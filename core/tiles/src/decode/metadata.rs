//! 3D Metadata (schema classes and binary property tables), as glTF, tilesets and subtrees share them.

use super::bytes::{Fault, items, malformed, slice, uint};
use crate::{Column, ColumnKind, Number, PropertyShape, PropertyTable, Value};
use serde_json::Value as Json;

/// What an element of a property is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Element {
    Number(Number),
    Boolean,
    String,
    /// Stored number; the names are in the schema.
    Enum(Number),
}

/// A class property of a schema, read.
#[derive(Clone, Debug)]
pub(crate) struct PropertyType<'a> {
    pub(crate) json: &'a Json,
    pub(crate) element: Element,
    /// Elements of a vector or matrix; 1 otherwise.
    pub(crate) components: usize,
    pub(crate) array: bool,
    /// Length of every array; `None` for variable lengths and for properties that are no arrays.
    pub(crate) count: Option<usize>,
    pub(crate) normalized: bool,
    enum_values: Option<&'a Json>,
}

impl<'a> PropertyType<'a> {
    /// Reads one property of a class.
    pub(crate) fn parse(schema: &'a Json, property: &'a Json) -> Result<Self, Fault> {
        let name = property["type"].as_str().unwrap_or_default();
        let number = || {
            let component = property["componentType"].as_str().unwrap_or_default();
            Number::from_name(component)
                .map(Element::Number)
                .ok_or_else(|| Fault::Malformed(format!("componentType \"{component}\" is not known")))
        };
        let mut enum_values = None;
        let (element, components) = match name {
            "SCALAR" => (number()?, 1),
            "VEC2" => (number()?, 2),
            "VEC3" => (number()?, 3),
            "VEC4" | "MAT2" => (number()?, 4),
            "MAT3" => (number()?, 9),
            "MAT4" => (number()?, 16),
            "STRING" => (Element::String, 1),
            "BOOLEAN" => (Element::Boolean, 1),
            "ENUM" => {
                let definition = &schema["enums"][property["enumType"].as_str().unwrap_or_default()];
                enum_values = Some(&definition["values"]);
                let stored = definition["valueType"].as_str().unwrap_or("UINT16");
                let stored = Number::from_name(stored)
                    .ok_or_else(|| Fault::Malformed(format!("valueType \"{stored}\" is not known")))?;
                (Element::Enum(stored), 1)
            }
            other => return malformed(format!("property type \"{other}\" is not known")),
        };
        Ok(Self {
            json: property,
            element,
            components,
            array: property["array"].as_bool().unwrap_or(false),
            count: uint(&property["count"]),
            normalized: property["normalized"].as_bool().unwrap_or(false),
            enum_values,
        })
    }

    fn enum_names(&self) -> Vec<(i64, String)> {
        let values = self.enum_values.map_or(&[][..], items);
        values.iter().filter_map(|v| Some((v["value"].as_i64()?, v["name"].as_str()?.to_owned()))).collect()
    }

    /// `scale` or `offset` of the `i`-th component; the table's own value goes before the class's.
    fn transform(&self, table_property: &Json, key: &str, i: usize, neutral: f64) -> f64 {
        let own = Some(&table_property[key]).filter(|v| !v.is_null()).unwrap_or(&self.json[key]);
        // Of a vector: one number per component; of an array: one per element, which may itself be a list.
        let listed = || match own.get(i / self.components).filter(|v| v.is_array()) {
            Some(element) => element.get(i % self.components),
            None => own.get(i).or_else(|| own.get(i % self.components)),
        };
        own.as_f64().or_else(|| listed().and_then(Json::as_f64)).unwrap_or(neutral)
    }

    /// Scale and offset of the `i`-th component with normalisation folded in: value = stored · scale + offset.
    pub(crate) fn scale_offset(&self, table_property: &Json, i: usize) -> (f64, f64) {
        let normalizer = match self.element {
            Element::Number(number) if self.normalized => number.normalizer(),
            _ => 1.0,
        };
        let scale = self.transform(table_property, "scale", i, 1.0) / normalizer;
        (scale, self.transform(table_property, "offset", i, 0.0))
    }
}

/// How a property that is not in a table is read. `stored` may give its own scale and offset.
pub(crate) fn property_shape(
    schema: &Json,
    id: &str,
    definition: &Json,
    stored: &Json,
) -> Result<PropertyShape, Fault> {
    let property = PropertyType::parse(schema, definition)?;
    let number = match property.element {
        Element::Number(number) | Element::Enum(number) => number,
        Element::Boolean | Element::String => {
            return Err(Fault::Unsupported("strings and booleans are in tables only".into()));
        }
    };
    let array = match (property.array, property.count) {
        (false, _) => None,
        (true, Some(count)) if count <= 16 => Some(count as u32),
        (true, count) => return malformed(format!("an array of {count:?} elements outside of a table")),
    };
    let numbers = property.components * array.unwrap_or(1) as usize;
    let (scale, offset) = (0..numbers).map(|i| property.scale_offset(stored, i)).unzip();
    Ok(PropertyShape {
        id: id.to_owned(),
        semantic: definition["semantic"].as_str().map(str::to_owned),
        number,
        components: property.components as u8,
        array,
        scale,
        offset,
        names: property.enum_names(),
        no_data: constant(&definition["noData"]).map(|value| as_stored(value, number)),
        default: constant(&definition["default"]),
    })
}

/// `noData` as the column can hold it: a 32-bit float is not the number of its decimal notation.
fn as_stored(value: Value, number: Number) -> Value {
    match (value, number) {
        (Value::Number(v), Number::F32) => Value::Number(f64::from(v as f32)),
        (value, _) => value,
    }
}

/// A JSON constant (noData, default) as a property value.
pub(crate) fn constant(json: &Json) -> Option<Value> {
    match json {
        Json::Null => None,
        Json::Bool(v) => Some(Value::Boolean(*v)),
        Json::Number(v) => v.as_f64().map(Value::Number),
        Json::String(v) => Some(Value::Text(v.clone())),
        other => Some(Value::Text(other.to_string())),
    }
}

/// Bytes of a buffer view, by its index.
pub(crate) trait Views {
    fn view(&self, index: usize) -> Result<&[u8], Fault>;
}

/// Adds a column to those in the order of their ids. They mostly come in that order.
pub(crate) fn insert_column(columns: &mut Vec<Column>, column: Column) {
    let at = columns.partition_point(|other| other.id <= column.id);
    columns.insert(at, column);
}

/// Reads `propertyTables[i]`, appending its columns to `out`. A bad property is left out and told to `report`.
pub(crate) fn property_table(
    schema: &Json,
    table: &Json,
    views: &dyn Views,
    out: &mut Vec<u8>,
    report: &mut dyn FnMut(String, Fault),
) -> PropertyTable {
    let class = table["class"].as_str().unwrap_or_default();
    let count = uint(&table["count"]).unwrap_or(0).min(u32::MAX as usize);
    let mut result = PropertyTable { class: class.to_owned(), count: count as u32, ..PropertyTable::default() };
    let properties = schema["classes"][class]["properties"].as_object();
    if properties.is_none() {
        report(format!("class \"{class}\""), Fault::Malformed("the schema has no such class".into()));
    }
    for (id, definition) in properties.into_iter().flatten() {
        let stored = &table["properties"][id];
        match column(schema, id, definition, stored, count, views, out) {
            Ok(Some(column)) => insert_column(&mut result.columns, column),
            Ok(None) => {}
            Err(fault) => report(format!("{class}.{id}"), fault),
        }
    }
    result
}

/// One column; `None` when the table does not store the property and the schema has no default for it.
fn column(
    schema: &Json,
    id: &str,
    definition: &Json,
    stored: &Json,
    count: usize,
    views: &dyn Views,
    out: &mut Vec<u8>,
) -> Result<Option<Column>, Fault> {
    let property = PropertyType::parse(schema, definition)?;
    let mut column = Column {
        id: id.to_owned(),
        kind: ColumnKind::String,
        values: (0, 0),
        string_offsets: (0, 0),
        no_data: constant(&definition["noData"]),
        default: constant(&definition["default"]),
    };
    let Some(values) = uint(&stored["values"]) else {
        if definition["required"] == true {
            return malformed("a required property is missing");
        }
        return Ok(column.default.is_some().then_some(column));
    };
    let values = views.view(values)?;
    if property.array || property.components > 1 {
        column.kind = ColumnKind::Json;
        // JSON text is never empty, so that an empty one can stand for no data.
        column.no_data = Some(Value::Text(String::new()));
        let rows = json_rows(&property, stored, values, count, views)?;
        (column.values, column.string_offsets) = push_strings(out, &rows)?;
        return Ok(Some(column));
    }
    match property.element {
        Element::Number(number) => {
            let (scale, offset) = property.scale_offset(stored, 0);
            column.no_data = column.no_data.map(|value| as_stored(value, number));
            column.kind = ColumnKind::Scalar { number, scale, offset };
            column.values = push(out, numbers_of(values, count, number)?)?;
        }
        Element::Enum(number) => {
            column.kind = ColumnKind::Enum { number, names: property.enum_names() };
            column.values = push(out, numbers_of(values, count, number)?)?;
        }
        Element::Boolean => {
            column.kind = ColumnKind::Boolean;
            column.values = push(out, slice(values, 0, count.div_ceil(8), "booleans")?)?;
        }
        Element::String => {
            let offsets = Offsets::strings(stored, count, values.len(), views)?;
            let packed: Vec<u8> = (0..=count).flat_map(|i| (offsets.at(i) as u32).to_le_bytes()).collect();
            column.values = push(out, values)?;
            column.string_offsets = push(out, &packed)?;
        }
    }
    Ok(Some(column))
}

fn numbers_of(values: &[u8], count: usize, number: Number) -> Result<&[u8], Fault> {
    let Some(len) = count.checked_mul(number.size()) else { return malformed("absurd count") };
    slice(values, 0, len, "numbers")
}

/// First byte and the byte after the last.
type Range = (u32, u32);

/// Appends bytes, 8-byte aligned; returns their range.
pub(crate) fn push(out: &mut Vec<u8>, bytes: &[u8]) -> Result<Range, Fault> {
    let start = out.len().next_multiple_of(8);
    if start + bytes.len() > super::bytes::MAX_DECODED_BYTES {
        return Err(Fault::TooLarge("the property tables are over 512 MiB".into()));
    }
    out.resize(start, 0);
    out.extend_from_slice(bytes);
    Ok((start as u32, out.len() as u32))
}

/// Appends strings and their offsets; returns both ranges.
pub(crate) fn push_strings(out: &mut Vec<u8>, rows: &[String]) -> Result<(Range, Range), Fault> {
    let mut offsets = vec![0u8; 4];
    let mut end = 0usize;
    for row in rows {
        end += row.len();
        offsets.extend_from_slice(&(end as u32).to_le_bytes());
    }
    Ok((push(out, rows.concat().as_bytes())?, push(out, &offsets)?))
}

/// Checked ascending offsets into an array or string buffer.
struct Offsets<'a> {
    bytes: &'a [u8],
    number: Number,
}

impl<'a> Offsets<'a> {
    /// `stringOffsets` of `count` strings in `limit` bytes.
    fn strings(stored: &Json, count: usize, limit: usize, views: &'a dyn Views) -> Result<Self, Fault> {
        Self::parse(stored, "stringOffset", count, limit, views)
    }

    /// `count + 1` ascending offsets of which none is above `limit`.
    fn parse(stored: &Json, key: &str, count: usize, limit: usize, views: &'a dyn Views) -> Result<Self, Fault> {
        let Some(view) = uint(&stored[format!("{key}s")]) else { return malformed(format!("{key}s are missing")) };
        let number = stored[format!("{key}Type")].as_str().unwrap_or("UINT32");
        let number = match Number::from_name(number) {
            Some(number @ (Number::U8 | Number::U16 | Number::U32 | Number::U64)) => number,
            _ => return malformed(format!("{key}Type \"{number}\" is not an unsigned integer")),
        };
        let Some(entries) = count.checked_add(1) else { return malformed("absurd count") };
        let offsets = Self { bytes: numbers_of(views.view(view)?, entries, number)?, number };
        let mut previous = 0;
        for i in 0..=count {
            let at = offsets.at(i);
            if at < previous || at > limit {
                return malformed(format!("{key}s[{i}] is {at}, after {previous}, of {limit}"));
            }
            previous = at;
        }
        Ok(offsets)
    }

    /// The `i`-th offset; in range by construction.
    fn at(&self, i: usize) -> usize {
        let value = self.number.read_uint(self.bytes, i).unwrap_or(0);
        usize::try_from(value).unwrap_or(usize::MAX)
    }
}

/// Vectors, matrices and arrays as JSON text, one per row.
fn json_rows(
    property: &PropertyType<'_>,
    stored: &Json,
    values: &[u8],
    count: usize,
    views: &dyn Views,
) -> Result<Vec<String>, Fault> {
    let unit = property.components;
    // How many elements the values can hold at all: the bound of every offset and count below.
    let held = match property.element {
        Element::Number(number) | Element::Enum(number) => values.len() / number.size(),
        Element::Boolean => values.len() * 8,
        Element::String => uint(&stored["stringOffsets"]).map_or(Ok(0), |v| views.view(v).map(<[u8]>::len))?,
    };
    let fixed = if property.array { property.count } else { Some(1) };
    let offsets = match fixed {
        Some(_) => None,
        None => Some(Offsets::parse(stored, "arrayOffset", count, held / unit.max(1), views)?),
    };
    let total = match (&offsets, fixed) {
        (Some(offsets), _) => offsets.at(count),
        (None, length) => count.saturating_mul(length.unwrap_or(0)),
    };
    if total.checked_mul(unit).is_none_or(|needed| needed > held) {
        return malformed(format!("{total} array elements do not fit into {} bytes", values.len()));
    }
    // An empty fixed array costs no bytes, so its number of rows is bounded by nothing but this.
    if total == 0 && count > values.len().max(1 << 20) {
        return malformed("absurd count");
    }
    let strings = match property.element {
        Element::String => Some(Offsets::strings(stored, total, values.len(), views)?),
        _ => None,
    };
    let names = property.enum_names();
    let scaled = if property.array { unit * property.count.unwrap_or(1).clamp(1, 256) } else { unit };
    let scales: Vec<(f64, f64)> = (0..scaled).map(|i| property.scale_offset(stored, i)).collect();
    let element = |i: usize, (scale, offset): (f64, f64)| -> Json {
        match property.element {
            Element::Number(number) => json_number(number.read(values, i).unwrap_or(0.0) * scale + offset),
            Element::Enum(number) => {
                let value = number.read(values, i).unwrap_or(0.0);
                let name = names.iter().find(|(v, _)| *v as f64 == value);
                name.map_or_else(|| json_number(value), |(_, name)| name.as_str().into())
            }
            Element::Boolean => (values.get(i / 8).is_some_and(|b| b >> (i % 8) & 1 == 1)).into(),
            Element::String => {
                let range = strings.as_ref().map_or(0..0, |s| s.at(i)..s.at(i + 1));
                String::from_utf8_lossy(values.get(range).unwrap_or_default()).into()
            }
        }
    };
    // Elements of an array each have their own scale where the schema lists as many.
    let scale = |row_start: usize, i: usize| scales[(i - row_start) % scales.len()];
    let one = |row_start: usize, i: usize, scaled: bool| -> Json {
        let read = |i: usize| element(i, if scaled { scale(row_start, i) } else { (1.0, 0.0) });
        if unit == 1 { read(i) } else { (i * unit..(i + 1) * unit).map(read).collect::<Vec<_>>().into() }
    };
    let no_data = Some(&property.json["noData"]).filter(|value| !value.is_null());
    let mut text_bytes = 0;
    let mut rows = Vec::new();
    for row in 0..count {
        let range = match (&offsets, fixed) {
            (Some(offsets), _) => offsets.at(row)..offsets.at(row + 1),
            (None, length) => row * length.unwrap_or(0)..(row + 1) * length.unwrap_or(0),
        };
        let read = |scaled: bool| -> Json {
            let start = range.start * unit;
            match property.array {
                true => range.clone().map(|i| one(start, i, scaled)).collect::<Vec<_>>().into(),
                false => one(start, row, scaled),
            }
        };
        let unknown = no_data.is_some_and(|no_data| same(&read(false), no_data));
        let text = if unknown { String::new() } else { read(true).to_string() };
        text_bytes += text.len();
        if text_bytes > super::bytes::MAX_DECODED_BYTES {
            return Err(Fault::TooLarge("the property arrays are over 512 MiB as text".into()));
        }
        rows.push(text);
    }
    Ok(rows)
}

/// Whether two constants are the same, numbers as 32-bit floats.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64().map(|v| v as f32) == b.as_f64().map(|v| v as f32),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => a == b,
    }
}

/// Whole numbers without a decimal point.
pub(crate) fn json_number(value: f64) -> Json {
    if value.fract() == 0.0 && value.abs() < 9e15 { (value as i64).into() } else { value.into() }
}
