//! FlatGeobuf (version 3 of its specification): a header, an index of boxes that is skipped, features one by one.
//!
//! Header and features are FlatBuffers. Their tables are read here by checked offsets: the usual readers trust the file.

use super::geojson::{self, Coordinates, RawGeometry};
use super::json::Reading;
use super::source::{Fault, Gathered, Input};
use serde_json::{Map, Number, Value};
use std::io::{self, BufRead, Read};

/// `fgb`, major version 3, `fgb`; the last byte is a patch version.
const MAGIC: [u8; 7] = *b"fgb\x03fgb";
/// Longest header and feature, bytes.
const MAX_TABLE_BYTES: u32 = 256 << 20;
/// A node of the index: a box and an offset.
const NODE_BYTES: u64 = 40;
/// Geometries within geometries are not read deeper than this.
const MAX_DEPTH: u32 = 4;
/// A column that names features gives them their id; this is FlatGeobuf's own word for one that was not kept.
const FID: &str = "fid";

/// Whether a file begins as a FlatGeobuf does.
pub(super) fn is_flatgeobuf(beginning: &[u8]) -> bool {
    beginning.starts_with(&MAGIC)
}

/// Reads a file.
///
/// # Errors
/// When it is damaged, or names a CRS that is not known.
pub(super) fn read(input: &Input, reader: &mut dyn BufRead, gathered: &mut Gathered) -> Result<(), Fault> {
    let mut start = [0; 8];
    reader.read_exact(&mut start).map_err(|error| Fault::new("header", error.to_string()))?;
    let mut bytes = Vec::new();
    if !next_table(reader, &mut bytes, "header")? {
        return Err(Fault::new("header", "the file ends before its header"));
    }
    let header = Header::read(&bytes).ok_or_else(|| Fault::new("header", "its header is damaged"))?;
    let mut reading = Reading::default();
    if let Some(crs) = &header.crs {
        reading.geojson.name(crs, input).map_err(|message| Fault::new("header", message))?;
    }
    skip(reader, header.index_bytes).map_err(|error| Fault::new("index", error.to_string()))?;
    let mut number = 0_u64;
    loop {
        number += 1;
        if !next_table(reader, &mut bytes, &format!("feature {number}"))? {
            break;
        }
        match header.feature(&bytes) {
            Some((properties, geometry)) => {
                geojson::record(input, properties, geometry, header.name.as_deref(), &mut reading, gathered);
            }
            None => gathered.warnings.add("feature_unreadable", format!("{}, feature {number}", input.stem())),
        }
    }
    reading.geojson.finish(input)
}

/// Reads a table with its length before it; false at the end of the file.
fn next_table(reader: &mut dyn BufRead, bytes: &mut Vec<u8>, place: &str) -> Result<bool, Fault> {
    let fault = |message: String| Fault::new(place, message);
    if reader.fill_buf().map_err(|error| fault(error.to_string()))?.is_empty() {
        return Ok(false);
    }
    let mut length = [0; 4];
    reader.read_exact(&mut length).map_err(|error| fault(error.to_string()))?;
    let length = u32::from_le_bytes(length);
    if length > MAX_TABLE_BYTES {
        return Err(fault(format!("{length} bytes long; at most {MAX_TABLE_BYTES} are read")));
    }
    bytes.clear();
    // Grows as bytes arrive: a length is not believed.
    let read = reader.take(length.into()).read_to_end(bytes).map_err(|error| fault(error.to_string()))?;
    if read < length as usize {
        return Err(fault(format!("the file ends {} bytes too early", length as usize - read)));
    }
    Ok(true)
}

fn skip(reader: &mut dyn BufRead, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(bytes), &mut io::sink())?;
    if skipped < bytes { Err(io::Error::other("the file ends within its index")) } else { Ok(()) }
}

struct Header {
    name: Option<String>,
    /// Of all features, unless 0: then each has its own.
    geometry_type: u8,
    columns: Vec<Column>,
    index_bytes: u64,
    /// `EPSG:25832`.
    crs: Option<String>,
}

struct Column {
    name: String,
    kind: u8,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let table = Table::root(bytes)?;
        let columns = table.tables(7)?.into_iter().map(|column| Column::read(&column)).collect::<Option<_>>()?;
        let count = table.u64(8).unwrap_or(0);
        let node_size = table.u16(9).unwrap_or(16);
        let crs = table.table(10).and_then(|crs| {
            let org = crs.text(0).filter(|org| !org.is_empty()).unwrap_or_else(|| "EPSG".into());
            let code = crs.text(5).or_else(|| crs.i32(1).filter(|code| *code > 0).map(|code| code.to_string()))?;
            Some(format!("{org}:{code}"))
        });
        Some(Self {
            name: table.text(0).filter(|name| !name.is_empty()),
            geometry_type: table.u8(2).unwrap_or(0),
            columns,
            index_bytes: index_bytes(count, node_size)?,
            crs,
        })
    }

    fn feature(&self, bytes: &[u8]) -> Option<(Map<String, Value>, Option<RawGeometry>)> {
        let table = Table::root(bytes)?;
        let own = table.tables(2)?.iter().map(Column::read).collect::<Option<Vec<_>>>()?;
        let columns = if own.is_empty() { &self.columns } else { &own };
        let properties = match table.vector(1, 1) {
            Some(bytes) => properties(bytes, columns)?,
            None => Map::new(),
        };
        let geometry = match table.table(0) {
            Some(geometry) => Some(shape(&geometry, self.geometry_type, 0)?),
            None => None,
        };
        Some((properties, geometry))
    }
}

impl Column {
    fn read(table: &Table<'_>) -> Option<Self> {
        Some(Self { name: table.text(0)?, kind: table.u8(1).unwrap_or(0) })
    }
}

/// Bytes of the packed index over so many features.
fn index_bytes(count: u64, node_size: u16) -> Option<u64> {
    if node_size == 0 || count == 0 {
        return Some(0);
    }
    let node_size = u64::from(node_size.max(2));
    let (mut level, mut nodes) = (count, count);
    while level > 1 {
        level = level.div_ceil(node_size);
        nodes = nodes.checked_add(level)?;
    }
    // A single feature has a root of its own.
    let nodes = if count == 1 { 2 } else { nodes };
    nodes.checked_mul(NODE_BYTES)
}

/// Pairs of a column's number and a value of its kind.
fn properties(mut bytes: &[u8], columns: &[Column]) -> Option<Map<String, Value>> {
    fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
        let (head, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(head)
    }
    let mut map = Map::new();
    while !bytes.is_empty() {
        let column = columns.get(usize::from(u16::from_le_bytes(*take(&mut bytes)?)))?;
        let float = |number: f64| Number::from_f64(number).map_or(Value::Null, Value::Number);
        let value = match column.kind {
            0 => i8::from_le_bytes(*take(&mut bytes)?).into(),
            1 => take::<1>(&mut bytes)?[0].into(),
            2 => (take::<1>(&mut bytes)?[0] != 0).into(),
            3 => i16::from_le_bytes(*take(&mut bytes)?).into(),
            4 => u16::from_le_bytes(*take(&mut bytes)?).into(),
            5 => i32::from_le_bytes(*take(&mut bytes)?).into(),
            6 => u32::from_le_bytes(*take(&mut bytes)?).into(),
            7 => i64::from_le_bytes(*take(&mut bytes)?).into(),
            8 => u64::from_le_bytes(*take(&mut bytes)?).into(),
            9 => float(f32::from_le_bytes(*take(&mut bytes)?).into()),
            10 => float(f64::from_le_bytes(*take(&mut bytes)?)),
            kind @ 11..=14 => {
                let length = u32::from_le_bytes(*take(&mut bytes)?) as usize;
                let (text, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                match kind {
                    // Raw bytes are no words.
                    14 => continue,
                    12 => serde_json::from_slice(text).unwrap_or(Value::Null),
                    _ => String::from_utf8_lossy(text).into_owned().into(),
                }
            }
            _ => return None,
        };
        map.insert(column.name.clone(), value);
    }
    if let Some(fid) = map.remove(FID) {
        map.entry("id").or_insert(fid);
    }
    Some(map)
}

fn shape(table: &Table<'_>, known: u8, depth: u32) -> Option<RawGeometry> {
    if depth > MAX_DEPTH {
        return None;
    }
    let kind = if known == 0 { table.u8(6).unwrap_or(0) } else { known };
    let positions = || -> Option<Vec<Coordinates>> {
        let (numbers, _) = table.vector(1, 8)?.as_chunks::<8>();
        let (pairs, _) = numbers.as_chunks::<2>();
        Some(pairs.iter().map(|pair| Coordinates::Position(pair.map(f64::from_le_bytes))).collect())
    };
    let one = |name: &str, coordinates| Some(RawGeometry::new(name, coordinates));
    match kind {
        1 => one("Point", positions()?.into_iter().next()?),
        2 => one("LineString", Coordinates::List(positions()?)),
        4 => one("MultiPoint", Coordinates::List(positions()?)),
        3 => one("Polygon", Coordinates::List(parts(positions()?, table)?)),
        5 => one("MultiLineString", Coordinates::List(parts(positions()?, table)?)),
        6 | 7 => {
            let inner = if kind == 6 { 3 } else { 0 };
            let shapes = table.tables(7)?;
            let shapes = shapes.iter().map(|part| shape(part, inner, depth + 1)).collect::<Option<_>>()?;
            Some(RawGeometry::collection(shapes))
        }
        _ => None,
    }
}

/// Positions by where each ring or line ends; one where nothing says so.
fn parts(positions: Vec<Coordinates>, table: &Table<'_>) -> Option<Vec<Coordinates>> {
    let Some(ends) = table.vector(0, 4).filter(|ends| !ends.is_empty()) else {
        return Some(vec![Coordinates::List(positions)]);
    };
    let mut positions = positions.into_iter();
    let (mut before, mut out) = (0, Vec::new());
    for end in ends.as_chunks::<4>().0.iter().map(|end| u32::from_le_bytes(*end)) {
        let count = end.checked_sub(before)? as usize;
        let part: Vec<Coordinates> = positions.by_ref().take(count).collect();
        if part.len() < count {
            return None;
        }
        out.push(Coordinates::List(part));
        before = end;
    }
    Some(out)
}

/// A FlatBuffers table; every offset is checked.
#[derive(Clone, Copy)]
struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Offsets of its fields from `at`, 0 for those that are not there.
    fields: &'a [u8],
}

impl<'a> Table<'a> {
    fn root(bytes: &'a [u8]) -> Option<Self> {
        Self::at(bytes, u32_at(bytes, 0)? as usize)
    }

    fn at(bytes: &'a [u8], at: usize) -> Option<Self> {
        let back = i64::from(u32_at(bytes, at)?.cast_signed());
        let fields_at = usize::try_from((at as i64).checked_sub(back)?).ok()?;
        let length = usize::from(u16::from_le_bytes(*bytes.get(fields_at..)?.first_chunk()?));
        let fields = bytes.get(fields_at.checked_add(4)?..fields_at.checked_add(length)?)?;
        Some(Self { bytes, at, fields })
    }

    /// Where a field's value stands.
    fn field(&self, number: usize) -> Option<usize> {
        let offset = u16::from_le_bytes(*self.fields.get(2 * number..)?.first_chunk()?);
        (offset != 0).then_some(self.at + usize::from(offset))
    }

    fn value<const N: usize>(&self, number: usize) -> Option<[u8; N]> {
        self.bytes.get(self.field(number)?..)?.first_chunk().copied()
    }

    fn u8(&self, number: usize) -> Option<u8> {
        self.value(number).map(u8::from_le_bytes)
    }

    fn u16(&self, number: usize) -> Option<u16> {
        self.value(number).map(u16::from_le_bytes)
    }

    fn i32(&self, number: usize) -> Option<i32> {
        self.value(number).map(i32::from_le_bytes)
    }

    fn u64(&self, number: usize) -> Option<u64> {
        self.value(number).map(u64::from_le_bytes)
    }

    /// Where what a field points to stands.
    fn target(&self, number: usize) -> Option<usize> {
        let at = self.field(number)?;
        at.checked_add(u32_at(self.bytes, at)? as usize)
    }

    fn table(&self, number: usize) -> Option<Self> {
        Self::at(self.bytes, self.target(number)?)
    }

    /// The bytes of a vector of items of that size.
    fn vector(&self, number: usize, item_bytes: usize) -> Option<&'a [u8]> {
        let at = self.target(number)?;
        let count = u32_at(self.bytes, at)? as usize;
        self.bytes.get(at.checked_add(4)?..)?.get(..count.checked_mul(item_bytes)?)
    }

    fn text(&self, number: usize) -> Option<String> {
        self.vector(number, 1).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// Tables of a vector; none where there is no vector, nothing where one of them is damaged.
    fn tables(&self, number: usize) -> Option<Vec<Self>> {
        let Some(offsets) = self.vector(number, 4) else { return Some(Vec::new()) };
        let first = self.target(number)? + 4;
        let offsets = offsets.as_chunks::<4>().0.iter().enumerate();
        offsets
            .map(|(i, offset)| Self::at(self.bytes, (first + 4 * i).checked_add(u32::from_le_bytes(*offset) as usize)?))
            .collect()
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}
