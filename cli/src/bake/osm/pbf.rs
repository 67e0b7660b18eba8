//! OpenStreetMap PBF bytes → elements (<https://wiki.openstreetmap.org/wiki/PBF_Format>).
//!
//! Our own reader, because the input is not trusted and the existing crate was written for files that are: it adds
//! deltas without a check (a panic in debug builds, wrong places in release), takes a file that ends in the middle of
//! a length for a complete one, drops coordinates silently where the columns of dense nodes differ in length, and
//! stops inflating at its limit without saying so. Here every length is checked against what is left, nothing is
//! allocated from a number in the file, and a fault names the byte where its block begins.

use super::raw::{Batch, Member, MemberKind, RawNode, RawRelation, RawTags, RawWay};
use super::source::Fault;
use citytwin_geo::LonLatRect;
use rayon::prelude::*;
use std::io::Read;

/// Largest header of a block, by the format's definition.
const MAX_HEADER_BYTES: u32 = 64 * 1024;
/// Largest block, packed or unpacked, by the format's definition.
const MAX_BLOCK_BYTES: u64 = 32 * 1024 * 1024;

/// What a writer may require of its readers, as far as this one can.
const KNOWN_FEATURES: [&str; 3] = ["OsmSchema-V0.6", "DenseNodes", "HistoricalInformation"];

/// Reads a whole file; `take` gets each block's elements in file order.
///
/// # Errors
/// When the bytes are cut off, a length exceeds its limit or its surroundings, or a block needs what this reader does
/// not know.
pub(super) fn read(mut input: impl Read, take: &mut dyn FnMut(Batch)) -> Result<(), Fault> {
    let mut offset = 0;
    // Unpacked side by side. Bounds the memory in flight.
    let at_once = 2 * rayon::current_num_threads();
    loop {
        let mut blocks = Vec::new();
        while blocks.len() < at_once {
            let Some(block) = next_block(&mut input, offset)? else { break };
            offset += block.file_bytes;
            blocks.push(block);
        }
        if blocks.is_empty() {
            return Ok(());
        }
        // An indexed parallel iterator keeps the order, and so the first fault is the first in the file.
        let batches: Vec<_> = blocks.par_iter().map(decode_block).collect();
        for batch in batches {
            take(batch?);
        }
    }
}

/// One block as it lies in the file.
struct Block {
    offset: u64,
    kind: Vec<u8>,
    bytes: Vec<u8>,
    file_bytes: u64,
}

impl Block {
    fn fault(&self, message: impl Into<String>) -> Fault {
        let kind = String::from_utf8_lossy(&self.kind);
        Fault { place: format!("{kind} block at byte {}", self.offset), message: message.into() }
    }
}

/// The next block, or `None` at the proper end of the file.
fn next_block(input: &mut impl Read, offset: u64) -> Result<Option<Block>, Fault> {
    let fault = |message: String| Fault { place: format!("byte {offset}"), message };
    let length = read_up_to(input, 4).map_err(|e| fault(e.to_string()))?;
    if length.is_empty() {
        return Ok(None);
    }
    let Ok(length) = <[u8; 4]>::try_from(length.as_slice()) else {
        return Err(fault("the file ends in the middle of a block's length".into()));
    };
    let header_bytes = u32::from_be_bytes(length);
    if header_bytes > MAX_HEADER_BYTES {
        return Err(fault(format!("a block header of {header_bytes} bytes; at most {MAX_HEADER_BYTES} are allowed")));
    }
    let header = read_exactly(input, u64::from(header_bytes), "a block header").map_err(fault)?;
    let (kind, data_bytes) = block_header(&header).map_err(|e| fault(format!("block header: {e}")))?;
    if data_bytes > MAX_BLOCK_BYTES {
        return Err(fault(format!("a block of {data_bytes} bytes; at most {MAX_BLOCK_BYTES} are allowed")));
    }
    let bytes = read_exactly(input, data_bytes, "a block").map_err(fault)?;
    let file_bytes = 4 + u64::from(header_bytes) + data_bytes;
    Ok(Some(Block { offset, kind: kind.to_vec(), bytes, file_bytes }))
}

/// Reads `n` bytes or up to the end. The buffer grows with what is really there.
fn read_up_to(input: &mut impl Read, n: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(n).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read_exactly(input: &mut impl Read, n: u64, what: &str) -> Result<Vec<u8>, String> {
    let bytes = read_up_to(input, n).map_err(|e| e.to_string())?;
    if bytes.len() as u64 == n {
        Ok(bytes)
    } else {
        Err(format!("the file ends in the middle of {what}: {n} bytes announced, {} left", bytes.len()))
    }
}

/// `BlobHeader`: type and size of the data.
fn block_header(bytes: &[u8]) -> Result<(&[u8], u64), Wire> {
    let (mut kind, mut data_bytes) = (None, None);
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => kind = Some(value.bytes()?),
            3 => data_bytes = Some(value.int()?),
            _ => {}
        }
    }
    Ok((kind.ok_or("no type")?, data_bytes.ok_or("no size")?))
}

fn decode_block(block: &Block) -> Result<Batch, Fault> {
    let decode: fn(&[u8]) -> Result<Batch, Wire> = match block.kind.as_slice() {
        b"OSMHeader" => header_block,
        b"OSMData" => primitive_block,
        // The format tells readers to pass over what they do not know.
        _ => return Ok(Batch::default()),
    };
    let data = unpack(&block.bytes).map_err(|e| block.fault(e))?;
    decode(&data).map_err(|e| block.fault(e))
}

/// `Blob`: the data inside, inflated.
fn unpack(bytes: &[u8]) -> Result<Vec<u8>, Wire> {
    let (mut raw, mut zlib, mut raw_size) = (None, None, None);
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => raw = Some(value.bytes()?),
            2 => raw_size = Some(value.int()?),
            3 => zlib = Some(value.bytes()?),
            4 => return Err("packed with LZMA, which is not supported: write it again with zlib".into()),
            5 => return Err("packed with bzip2, which is not supported: write it again with zlib".into()),
            6 => return Err("packed with LZ4, which is not supported: write it again with zlib".into()),
            7 => return Err("packed with Zstandard, which is not supported: write it again with zlib".into()),
            _ => {}
        }
    }
    if let Some(raw) = raw {
        return Ok(raw.to_vec());
    }
    let zlib = zlib.ok_or("no data")?;
    let data = read_up_to(&mut flate2::read::ZlibDecoder::new(zlib), MAX_BLOCK_BYTES + 1)
        .map_err(|e| format!("zlib data: {e}"))?;
    if data.len() as u64 > MAX_BLOCK_BYTES {
        return Err(format!("unpacks to more than the {MAX_BLOCK_BYTES} bytes that are allowed"));
    }
    match raw_size {
        Some(size) if size != data.len() as u64 => {
            Err(format!("unpacks to {} bytes, but {size} are announced", data.len()))
        }
        _ => Ok(data),
    }
}

/// `HeaderBlock`: the bounds, and whether this reader can read the rest.
fn header_block(bytes: &[u8]) -> Result<Batch, Wire> {
    let mut batch = Batch::default();
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => batch.bounds = Some(header_bounds(value.bytes()?)?),
            4 => {
                let feature = String::from_utf8_lossy(value.bytes()?);
                if !KNOWN_FEATURES.contains(&&*feature) {
                    return Err(format!("the file requires the feature {feature:?}, which is not supported"));
                }
            }
            _ => {}
        }
    }
    Ok(batch)
}

fn header_bounds(bytes: &[u8]) -> Result<LonLatRect, Wire> {
    let mut rect = LonLatRect { west: f64::NAN, south: f64::NAN, east: f64::NAN, north: f64::NAN };
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        let side = match field {
            1 => &mut rect.west,
            2 => &mut rect.east,
            3 => &mut rect.north,
            4 => &mut rect.south,
            _ => continue,
        };
        *side = zigzag(value.int()?) as f64 / 1e9;
    }
    Ok(rect)
}

/// What the elements of a `PrimitiveBlock` share.
struct Shared<'a> {
    strings: Vec<&'a [u8]>,
    granularity: i64,
    lat_offset: i64,
    lon_offset: i64,
}

impl Shared<'_> {
    /// The string at an index; bytes that are no UTF-8 become replacement characters.
    fn string(&self, index: u64) -> Result<Box<str>, Wire> {
        let bytes = usize::try_from(index)
            .ok()
            .and_then(|i| self.strings.get(i))
            .ok_or_else(|| format!("string {index} is asked for, but the block has {} strings", self.strings.len()))?;
        Ok(String::from_utf8_lossy(bytes).into())
    }

    /// Degrees from the block's units.
    fn lonlat(&self, lon: i64, lat: i64) -> [f64; 2] {
        let degrees = |offset: i64, v: i64| {
            // Exact in 128 bits, whatever the file says; then one rounding.
            (i128::from(offset) + i128::from(self.granularity) * i128::from(v)) as f64 / 1e9
        };
        [degrees(self.lon_offset, lon), degrees(self.lat_offset, lat)]
    }

    fn tags(&self, keys: &[u8], values: &[u8]) -> Result<RawTags, Wire> {
        let (mut keys, mut values) = (Varints(keys), Varints(values));
        let mut tags = Vec::new();
        loop {
            match (keys.next()?, values.next()?) {
                (Some(k), Some(v)) => tags.push((self.string(k)?, self.string(v)?)),
                (None, None) => return Ok(RawTags(tags)),
                _ => return Err("an element has more keys than values, or fewer".into()),
            }
        }
    }
}

fn primitive_block(bytes: &[u8]) -> Result<Batch, Wire> {
    let mut shared = Shared { strings: Vec::new(), granularity: 100, lat_offset: 0, lon_offset: 0 };
    let mut groups = Vec::new();
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => shared.strings = string_table(value.bytes()?)?,
            2 => groups.push(value.bytes()?),
            17 => shared.granularity = value.int()? as i64,
            19 => shared.lat_offset = value.int()? as i64,
            20 => shared.lon_offset = value.int()? as i64,
            _ => {}
        }
    }
    let mut batch = Batch::default();
    for group in groups {
        let mut fields = Fields(group);
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => node(&shared, value.bytes()?, &mut batch)?,
                2 => dense_nodes(&shared, value.bytes()?, &mut batch)?,
                3 => way(&shared, value.bytes()?, &mut batch)?,
                4 => relation(&shared, value.bytes()?, &mut batch)?,
                _ => {}
            }
        }
    }
    Ok(batch)
}

fn string_table(bytes: &[u8]) -> Result<Vec<&[u8]>, Wire> {
    let mut strings = Vec::new();
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        if field == 1 {
            strings.push(value.bytes()?);
        }
    }
    Ok(strings)
}

fn node(shared: &Shared<'_>, bytes: &[u8], batch: &mut Batch) -> Result<(), Wire> {
    let (mut id, mut lat, mut lon) = (None, None, None);
    let (mut keys, mut values, mut visible): (&[u8], &[u8], bool) = (&[], &[], true);
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => id = Some(zigzag(value.int()?)),
            2 => keys = value.bytes()?,
            3 => values = value.bytes()?,
            4 => visible = info_visible(value.bytes()?)?,
            8 => lat = Some(zigzag(value.int()?)),
            9 => lon = Some(zigzag(value.int()?)),
            _ => {}
        }
    }
    if visible {
        let (id, lat, lon) = (
            id.ok_or("a node without id")?,
            lat.ok_or("a node without latitude")?,
            lon.ok_or("a node without longitude")?,
        );
        batch.nodes.push((id, RawNode { lonlat: shared.lonlat(lon, lat), tags: shared.tags(keys, values)? }));
    }
    Ok(())
}

fn dense_nodes(shared: &Shared<'_>, bytes: &[u8], batch: &mut Batch) -> Result<(), Wire> {
    let (mut ids, mut lats, mut lons, mut tags, mut visible) =
        (Deltas::default(), Deltas::default(), Deltas::default(), Varints(&[]), Varints(&[]));
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => ids = Deltas::new(value.bytes()?),
            5 => visible = Varints(dense_visible(value.bytes()?)?),
            8 => lats = Deltas::new(value.bytes()?),
            9 => lons = Deltas::new(value.bytes()?),
            10 => tags = Varints(value.bytes()?),
            _ => {}
        }
    }
    loop {
        match (ids.next()?, lats.next()?, lons.next()?) {
            (Some(id), Some(lat), Some(lon)) => {
                let tags = dense_tags(shared, &mut tags)?;
                // Files without history have no such column: all their nodes exist.
                if visible.next()? != Some(0) {
                    batch.nodes.push((id, RawNode { lonlat: shared.lonlat(lon, lat), tags }));
                }
            }
            (None, None, None) => return Ok(()),
            _ => return Err("dense nodes whose ids, latitudes and longitudes differ in number".into()),
        }
    }
}

/// Tags of one dense node: key, value, key, value, …, 0. Without any tags in the block, nothing at all.
fn dense_tags(shared: &Shared<'_>, column: &mut Varints<'_>) -> Result<RawTags, Wire> {
    let mut tags = Vec::new();
    while let Some(key) = column.next()?.filter(|&key| key != 0) {
        let value = column.next()?.ok_or("dense nodes whose last key has no value")?;
        tags.push((shared.string(key)?, shared.string(value)?));
    }
    Ok(RawTags(tags))
}

fn way(shared: &Shared<'_>, bytes: &[u8], batch: &mut Batch) -> Result<(), Wire> {
    let (mut id, mut visible) = (None, true);
    let (mut keys, mut values): (&[u8], &[u8]) = (&[], &[]);
    let (mut refs, mut lats, mut lons) = (Deltas::default(), Deltas::default(), Deltas::default());
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => id = Some(value.int()? as i64),
            2 => keys = value.bytes()?,
            3 => values = value.bytes()?,
            4 => visible = info_visible(value.bytes()?)?,
            8 => refs = Deltas::new(value.bytes()?),
            9 => lats = Deltas::new(value.bytes()?),
            10 => lons = Deltas::new(value.bytes()?),
            _ => {}
        }
    }
    let mut way = RawWay { refs: Vec::new(), tags: shared.tags(keys, values)? };
    while let Some(node) = refs.next()? {
        way.refs.push(node);
        // The optional feature LocationsOnWays: nodes without tags are left out, their places stand here.
        if let (Some(lat), Some(lon)) = (lats.next()?, lons.next()?) {
            batch.nodes.push((node, RawNode { lonlat: shared.lonlat(lon, lat), tags: RawTags::default() }));
        }
    }
    if visible {
        batch.ways.push((id.ok_or("a way without id")?, way));
    }
    Ok(())
}

fn relation(shared: &Shared<'_>, bytes: &[u8], batch: &mut Batch) -> Result<(), Wire> {
    let (mut id, mut visible) = (None, true);
    let (mut keys, mut values): (&[u8], &[u8]) = (&[], &[]);
    let (mut roles, mut ids, mut kinds) = (Varints(&[]), Deltas::default(), Varints(&[]));
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => id = Some(value.int()? as i64),
            2 => keys = value.bytes()?,
            3 => values = value.bytes()?,
            4 => visible = info_visible(value.bytes()?)?,
            8 => roles = Varints(value.bytes()?),
            9 => ids = Deltas::new(value.bytes()?),
            10 => kinds = Varints(value.bytes()?),
            _ => {}
        }
    }
    let mut members = Vec::new();
    loop {
        match (roles.next()?, ids.next()?, kinds.next()?) {
            (Some(role), Some(id), Some(kind)) => {
                let kind = match kind {
                    0 => MemberKind::Node,
                    1 => MemberKind::Way,
                    2 => MemberKind::Relation,
                    other => return Err(format!("a relation with a member of unknown kind {other}")),
                };
                members.push(Member { kind, id, role: shared.string(role)? });
            }
            (None, None, None) => break,
            _ => return Err("a relation whose roles, ids and kinds of members differ in number".into()),
        }
    }
    if visible {
        let relation = RawRelation { members, tags: shared.tags(keys, values)? };
        batch.relations.push((id.ok_or("a relation without id")?, relation));
    }
    Ok(())
}

/// `Info.visible`: false for deleted elements in files with history.
fn info_visible(bytes: &[u8]) -> Result<bool, Wire> {
    let mut visible = true;
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        if field == 6 {
            visible = value.int()? != 0;
        }
    }
    Ok(visible)
}

/// `DenseInfo.visible`: the column, empty in files without history.
fn dense_visible(bytes: &[u8]) -> Result<&[u8], Wire> {
    let mut column: &[u8] = &[];
    let mut fields = Fields(bytes);
    while let Some((field, value)) = fields.next()? {
        if field == 6 {
            column = value.bytes()?;
        }
    }
    Ok(column)
}

/// What is wrong on the level of protocol buffers or of the schema.
type Wire = String;

/// A field's value; the schema knows which it is.
#[derive(Clone, Copy)]
enum Value<'a> {
    Int(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn int(self) -> Result<u64, Wire> {
        match self {
            Self::Int(v) => Ok(v),
            Self::Bytes(_) => Err("bytes where a number is expected".into()),
        }
    }

    fn bytes(self) -> Result<&'a [u8], Wire> {
        match self {
            Self::Bytes(v) => Ok(v),
            Self::Int(_) => Err("a number where bytes are expected".into()),
        }
    }
}

/// The fields of a message that are still to be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, Wire> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Int(varint(&mut self.0)?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = varint(&mut self.0)?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Bytes(self.take(4)?),
            other => return Err(format!("a field of unknown wire type {other}")),
        };
        Ok(Some((key >> 3, value)))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Wire> {
        let split = usize::try_from(length).ok().and_then(|n| self.0.split_at_checked(n));
        let (head, tail) = split.ok_or_else(|| format!("a field of {length} bytes, but {} are left", self.0.len()))?;
        self.0 = tail;
        Ok(head)
    }
}

/// A packed column of unsigned numbers.
struct Varints<'a>(&'a [u8]);

impl Varints<'_> {
    fn next(&mut self) -> Result<Option<u64>, Wire> {
        if self.0.is_empty() { Ok(None) } else { varint(&mut self.0).map(Some) }
    }
}

/// A packed column of signed differences; yields the sums.
struct Deltas<'a> {
    column: Varints<'a>,
    sum: i64,
}

impl Default for Deltas<'_> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<'a> Deltas<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { column: Varints(bytes), sum: 0 }
    }

    fn next(&mut self) -> Result<Option<i64>, Wire> {
        let Some(delta) = self.column.next()? else { return Ok(None) };
        self.sum = self.sum.checked_add(zigzag(delta)).ok_or("a sum of differences exceeds 64 bits")?;
        Ok(Some(self.sum))
    }
}

fn zigzag(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

/// A base-128 number of at most ten bytes.
fn varint(bytes: &mut &[u8]) -> Result<u64, Wire> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            *bytes = &bytes[i + 1..];
            return Ok(value);
        }
    }
    Err(if bytes.len() < 10 { "the data ends in the middle of a number" } else { "a number of more than ten bytes" }
        .into())
}

/// The same file with its blocks unpacked.
#[cfg(test)]
pub(super) fn unpacked(mut file: &[u8]) -> Result<Vec<u8>, Fault> {
    fn put_varint(out: &mut Vec<u8>, mut v: usize) {
        while v >= 0x80 {
            out.push(v as u8 | 0x80);
            v >>= 7;
        }
        out.push(v as u8);
    }
    let mut out = Vec::new();
    while let Some(block) = next_block(&mut file, 0)? {
        let data = unpack(&block.bytes).map_err(|e| block.fault(e))?;
        let mut blob = vec![0x0a];
        put_varint(&mut blob, data.len());
        blob.extend(data);
        let mut header = vec![0x0a, block.kind.len() as u8];
        header.extend(&block.kind);
        header.push(0x18);
        put_varint(&mut header, blob.len());
        out.extend((header.len() as u32).to_be_bytes());
        out.extend(header);
        out.extend(blob);
    }
    Ok(out)
}
