//! The radio map's file: little-endian, one version number, a checksum at the end.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `CTRM` |
//! | 2 | version, 3 |
//! | 9 × 4 | query options as `f32`: similarity power, likelihood power, σ dB, offset σ dB, unknown ln, heard power, floor powers of neighbours and of the linear classifier, neighbours |
//! | 2 × 8 | origin east and north, metres, `f64` |
//! | 8 × 4 | counts of radius bins of fixes, of those of tracks and of smoothed tracks, of access points, cells, floors, route nodes and route edges, `u32` |
//! | 12 each | radius bins of fixes, then of tracks, then of smoothed tracks: spread, 68 % and 95 % radius, metres, `f32` |
//! | 6 each | access points, ascending |
//! | 14 + … each | cells: east, north in centimetres from the origin `i32`, floor `i16`, building `u16`, entries `u16`; then per entry: step to its access point's number as a LEB128 varint, power in half dB above −128 dBm and, unless the likelihood's or the heard power is 0, how often heard in 1/255 |
//! | 4 each | floors of the linear classifier: building `u16`, floor `i16`, ascending |
//! | 4 + … | its scale `f32`, then for each access point and at last for the bias one `i8` for each floor: weight = scale × value |
//! | 12 each | route nodes: east, north in centimetres from the origin `i32`, floor `i16`, building `u16` |
//! | 2 + … each | route edges, ascending: step to the smaller node's number and from there to the larger one's, varints |
//! | 4 | CRC-32 (IEEE 802.3) of all before |

use super::floors::Floors;
use super::{Cell, Entry, Place, QueryOptions, RadioMap};
use crate::conformal::Radii;
use crate::observation::Mac;
use crate::routes::RouteGraph;

const MAGIC: [u8; 4] = *b"CTRM";
const VERSION: u16 = 3;
/// How often an access point was heard, in a map that makes no use of it.
const ALWAYS: u8 = u8::MAX;

/// Why bytes are not a radio map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The first four bytes are not `CTRM`.
    NotARadioMap,
    /// Of another version of the format.
    UnknownVersion(u16),
    /// The bytes end before what they announce.
    Truncated,
    /// The checksum does not fit.
    Corrupted,
    /// A number lies outside its range, at this byte.
    Invalid(usize),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotARadioMap => write!(f, "not a radio map: the bytes do not begin with CTRM"),
            Self::UnknownVersion(version) => write!(f, "radio map of version {version}, expected {VERSION}"),
            Self::Truncated => write!(f, "the radio map ends before what it announces"),
            Self::Corrupted => write!(f, "the radio map's checksum does not fit"),
            Self::Invalid(at) => write!(f, "the radio map holds a number out of range before byte {at}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl RadioMap {
    /// The map as bytes; the same map gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        let q = &self.query;
        for x in [
            q.similarity_power,
            q.likelihood_power,
            q.sigma_db,
            q.offset_sigma_db,
            q.unknown_ln,
            q.heard_power,
            q.neighbour_floor_power,
            q.linear_floor_power,
            q.neighbours as f64,
        ] {
            out.extend((x as f32).to_le_bytes());
        }
        let origin = self.cells.first().map_or([0.0; 2], |cell| cell.place.at_m.map(f64::round));
        origin.iter().for_each(|x| out.extend(x.to_le_bytes()));
        for count in [
            self.radii.bins.len(),
            self.track_radii.bins.len(),
            self.smooth_radii.bins.len(),
            self.aps.len(),
            self.cells.len(),
            self.floors.classes.len(),
            self.routes.nodes.len(),
            self.routes.edges.len(),
        ] {
            out.extend((count as u32).to_le_bytes());
        }
        for radii in [&self.radii, &self.track_radii, &self.smooth_radii] {
            radii.bins.iter().flatten().for_each(|x| out.extend(x.to_le_bytes()));
        }
        self.aps.iter().for_each(|mac| out.extend(mac.0));
        for cell in &self.cells {
            place(&mut out, &cell.place, origin);
            out.extend((cell.entries.len() as u16).to_le_bytes());
            let mut before = 0;
            for entry in &cell.entries {
                varint(&mut out, entry.ap - before);
                before = entry.ap;
                out.push(entry.level);
                if q.uses_heard() {
                    out.push(entry.heard);
                }
            }
        }
        for (building, floor) in &self.floors.classes {
            out.extend(building.to_le_bytes());
            out.extend(floor.to_le_bytes());
        }
        let scale = self.floors.scale();
        out.extend(scale.to_le_bytes());
        out.extend(self.floors.weights.iter().map(|w| ((w / scale).round() as i8).to_le_bytes()[0]));
        self.routes.nodes.iter().for_each(|node| place(&mut out, node, origin));
        let mut before = 0;
        for (a, b) in &self.routes.edges {
            varint(&mut out, a - before);
            varint(&mut out, b - a);
            before = *a;
        }
        let sum = crc32(&out);
        out.extend(sum.to_le_bytes());
        out
    }

    /// The map in bytes that [`RadioMap::to_bytes`] made. No count is believed before it is compared with what is
    /// there.
    ///
    /// # Errors
    /// [`ReadError`], for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReadError> {
        if bytes.len() < 4 || bytes[..4] != MAGIC {
            return Err(ReadError::NotARadioMap);
        }
        let mut reader = Reader { bytes, at: 4 };
        let version = u16::from_le_bytes(reader.take()?);
        if version != VERSION {
            return Err(ReadError::UnknownVersion(version));
        }
        let body = bytes.len().checked_sub(4).ok_or(ReadError::Truncated)?;
        if u32::from_le_bytes([bytes[body], bytes[body + 1], bytes[body + 2], bytes[body + 3]]) != crc32(&bytes[..body])
        {
            return Err(ReadError::Corrupted);
        }
        reader.bytes = &bytes[..body];
        let query = reader.query()?;
        let origin = [f64::from_le_bytes(reader.take()?), f64::from_le_bytes(reader.take()?)];
        reader.check(origin.iter().all(|x| x.abs() < 1e9))?;
        let mut count = |least_bytes: usize| {
            let n = u32::from_le_bytes(reader.take()?) as usize;
            if n > bytes.len() / least_bytes { Err(ReadError::Truncated) } else { Ok(n) }
        };
        let bins = [count(12)?, count(12)?, count(12)?];
        let (aps, cells, floors, nodes, edges) = (count(6)?, count(14)?, count(4)?, count(12)?, count(2)?);
        let [radii, track_radii, smooth_radii] =
            [reader.radii(bins[0])?, reader.radii(bins[1])?, reader.radii(bins[2])?];
        let aps: Vec<Mac> = (0..aps).map(|_| reader.take().map(Mac)).collect::<Result<_, _>>()?;
        reader.check(aps.is_sorted_by(|a, b| a < b))?;
        let cells = (0..cells).map(|_| reader.cell(origin, aps.len(), query.uses_heard())).collect::<Result<_, _>>()?;
        let floors = reader.floors(floors, aps.len())?;
        let routes = reader.routes(nodes, edges, origin)?;
        reader.check(reader.at == body)?;
        let mut map = Self::from_parts(aps, cells, floors, Radii::default(), query);
        map.set_radii(radii, track_radii, smooth_radii);
        map.set_routes(routes);
        Ok(map)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let bytes = self.bytes.get(self.at..).and_then(|b| b.first_chunk()).ok_or(ReadError::Truncated)?;
        self.at += N;
        Ok(*bytes)
    }

    fn check(&self, holds: bool) -> Result<(), ReadError> {
        if holds { Ok(()) } else { Err(ReadError::Invalid(self.at)) }
    }

    /// A finite `f32` from `least` to `most`.
    fn number(&mut self, least: f32, most: f32) -> Result<f32, ReadError> {
        let x = f32::from_le_bytes(self.take()?);
        self.check((least..=most).contains(&x))?;
        Ok(x)
    }

    fn query(&mut self) -> Result<QueryOptions, ReadError> {
        Ok(QueryOptions {
            similarity_power: self.number(0.0, 1e3)?.into(),
            likelihood_power: self.number(0.0, 1e3)?.into(),
            sigma_db: self.number(0.1, 100.0)?.into(),
            offset_sigma_db: self.number(0.0, 100.0)?.into(),
            unknown_ln: self.number(-1e3, 0.0)?.into(),
            heard_power: self.number(0.0, 1e3)?.into(),
            neighbour_floor_power: self.number(0.0, 1e3)?.into(),
            linear_floor_power: self.number(0.0, 1e3)?.into(),
            neighbours: self.number(1.0, 1e4)? as usize,
        })
    }

    fn radii(&mut self, bins: usize) -> Result<Radii, ReadError> {
        Ok(Radii { bins: (0..bins).map(|_| self.bin()).collect::<Result<_, _>>()? })
    }

    fn place(&mut self, origin: [f64; 2]) -> Result<Place, ReadError> {
        let mut at_m = [0.0; 2];
        for (x, zero) in at_m.iter_mut().zip(origin) {
            *x = zero + f64::from(i32::from_le_bytes(self.take()?)) / 100.0;
        }
        Ok(Place { at_m, floor: i16::from_le_bytes(self.take()?), building: u16::from_le_bytes(self.take()?) })
    }

    fn routes(&mut self, nodes: usize, edges: usize, origin: [f64; 2]) -> Result<RouteGraph, ReadError> {
        let nodes: Vec<Place> = (0..nodes).map(|_| self.place(origin)).collect::<Result<_, _>>()?;
        let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(edges);
        let mut before = 0_u32;
        for _ in 0..edges {
            let a = before.checked_add(self.varint()?).ok_or(ReadError::Invalid(self.at))?;
            let b = a.checked_add(self.varint()?).ok_or(ReadError::Invalid(self.at))?;
            self.check((b as usize) < nodes.len() && a < b && pairs.last().is_none_or(|last| *last < (a, b)))?;
            before = a;
            pairs.push((a, b));
        }
        Ok(RouteGraph { nodes, edges: pairs })
    }

    fn bin(&mut self) -> Result<[f32; 3], ReadError> {
        Ok([self.number(0.0, 1e7)?, self.number(0.0, 1e7)?, self.number(0.0, 1e7)?])
    }

    fn cell(&mut self, origin: [f64; 2], aps: usize, with_heard: bool) -> Result<Cell, ReadError> {
        let place = self.place(origin)?;
        let count = usize::from(u16::from_le_bytes(self.take()?));
        if count > (self.bytes.len() - self.at) / 2 {
            return Err(ReadError::Truncated);
        }
        let mut entries = Vec::with_capacity(count);
        let mut before = 0_u32;
        for i in 0..count {
            let step = self.varint()?;
            let ap = before.checked_add(step).ok_or(ReadError::Invalid(self.at))?;
            self.check((ap as usize) < aps && (i == 0 || step > 0))?;
            before = ap;
            let [level] = self.take()?;
            let [heard] = if with_heard { self.take()? } else { [ALWAYS] };
            entries.push(Entry { ap, level, heard });
        }
        Ok(Cell { place, entries })
    }

    fn floors(&mut self, count: usize, aps: usize) -> Result<Floors, ReadError> {
        let mut classes = Vec::with_capacity(count);
        for _ in 0..count {
            classes.push((u16::from_le_bytes(self.take()?), i16::from_le_bytes(self.take()?)));
        }
        self.check(classes.is_sorted_by(|a, b| a < b))?;
        let scale = self.number(0.0, 1e9)?;
        let n = count.checked_mul(aps + 1).ok_or(ReadError::Truncated)?;
        let bytes = self.bytes.get(self.at..self.at.saturating_add(n)).ok_or(ReadError::Truncated)?;
        self.at += n;
        Ok(Floors { classes, weights: bytes.iter().map(|b| scale * f32::from(i8::from_le_bytes([*b]))).collect() })
    }

    fn varint(&mut self) -> Result<u32, ReadError> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21] {
            let [byte] = self.take()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ReadError::Invalid(self.at))
    }
}

fn place(out: &mut Vec<u8>, place: &Place, origin: [f64; 2]) {
    for (x, zero) in place.at_m.iter().zip(origin) {
        out.extend((((x - zero) * 100.0).round() as i32).to_le_bytes());
    }
    out.extend(place.floor.to_le_bytes());
    out.extend(place.building.to_le_bytes());
}

fn varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// CRC-32 of IEEE 802.3, bit by bit: a map is read once.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}
