//! Checked reading of untrusted bytes and JSON, and the limits that hold for all formats.

use crate::{Component, Number, Problem};
use serde_json::Value as Json;

/// Most bytes that one content may decode to, over all its arrays. Far above any sane tile, far below the address
/// space of wasm32.
pub(crate) const MAX_DECODED_BYTES: usize = 512 << 20;

/// Why a part could not be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// The bytes contradict the format.
    Malformed(String),
    /// A correct file that needs what this build does not have.
    Unsupported(String),
    /// Over a limit.
    TooLarge(String),
    /// A correct file that needs a decoder which this build lacks.
    NoDecoder(super::Decoder),
    /// A secondary file or a decoder was asked for; nobody ever sees this fault.
    Pending,
}

impl Fault {
    pub(crate) fn problem(self, place: impl Into<String>) -> Problem {
        let (code, message) = match self {
            Self::Malformed(message) => ("content-malformed", message),
            Self::Unsupported(message) => ("content-unsupported", message),
            Self::TooLarge(message) => ("content-too-large", message),
            Self::NoDecoder(decoder) => ("decoder-missing", format!("this build lacks the decoder {decoder:?}")),
            Self::Pending => ("resource-pending", "it waits for another file".into()),
        };
        Problem::new(code, message, place)
    }
}

/// Shorthand for a [`Fault::Malformed`].
pub(crate) fn malformed<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Malformed(message.into()))
}

/// `bytes[offset..offset + len]`, or what is wrong with it.
pub(crate) fn slice<'a>(bytes: &'a [u8], offset: usize, len: usize, what: &str) -> Result<&'a [u8], Fault> {
    offset.checked_add(len).and_then(|end| bytes.get(offset..end)).ok_or_else(|| {
        Fault::Malformed(format!("{what}: {len} bytes at {offset} reach beyond the {} bytes there are", bytes.len()))
    })
}

/// Little-endian `u32` at `offset`; 0 beyond the end (check lengths first).
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..offset + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// Little-endian `u64` at `offset`; 0 beyond the end (check lengths first).
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from(u32_at(bytes, offset)) | u64::from(u32_at(bytes, offset + 4)) << 32
}

/// A non-negative whole number of JSON, also when it is written as `3.0`.
pub(crate) fn uint(json: &Json) -> Option<usize> {
    let whole = |v: f64| (v >= 0.0 && v.fract() == 0.0 && v <= u32::MAX.into()).then_some(v as u64);
    json.as_u64().or_else(|| json.as_f64().and_then(whole)).and_then(|v| usize::try_from(v).ok())
}

/// Exactly `N` finite numbers of a JSON array.
pub(crate) fn numbers<const N: usize>(json: &Json) -> Option<[f64; N]> {
    let array = json.as_array().filter(|a| a.len() == N)?;
    let mut out = [0.0; N];
    for (to, from) in out.iter_mut().zip(array) {
        *to = from.as_f64().filter(|v| v.is_finite())?;
    }
    Some(out)
}

/// The strings of a JSON array.
pub(crate) fn strings(json: &Json) -> impl Iterator<Item = &str> {
    json.as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// Puts names in order, each once.
pub(crate) fn tidy(names: &mut Vec<String>) {
    names.sort_unstable();
    names.dedup();
}

/// The elements of a JSON array; none when it is not one.
pub(crate) fn items(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

impl Component {
    /// From glTF's number.
    pub(crate) fn from_gltf(code: usize) -> Option<Self> {
        Some(match code {
            0x1400 => Self::I8,
            0x1401 => Self::U8,
            0x1402 => Self::I16,
            0x1403 => Self::U16,
            0x1405 => Self::U32,
            0x1406 => Self::F32,
            _ => return None,
        })
    }

    /// Bytes of one component.
    pub fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::U32 | Self::F32 => 4,
        }
    }

    /// The component at the start of `bytes`, as it is stored; 0 when there are too few bytes.
    pub fn read(self, bytes: &[u8]) -> f64 {
        match (self, bytes) {
            (Self::I8, [a, ..]) => f64::from(*a as i8),
            (Self::U8, [a, ..]) => f64::from(*a),
            (Self::I16, [a, b, ..]) => f64::from(i16::from_le_bytes([*a, *b])),
            (Self::U16, [a, b, ..]) => f64::from(u16::from_le_bytes([*a, *b])),
            (Self::U32, [a, b, c, d, ..]) => f64::from(u32::from_le_bytes([*a, *b, *c, *d])),
            (Self::F32, [a, b, c, d, ..]) => f64::from(f32::from_le_bytes([*a, *b, *c, *d])),
            _ => 0.0,
        }
    }

    /// What to divide a normalised integer by.
    pub fn normalizer(self) -> f64 {
        match self {
            Self::I8 => 127.0,
            Self::U8 => 255.0,
            Self::I16 => 32767.0,
            Self::U16 => 65535.0,
            Self::U32 => f64::from(u32::MAX),
            Self::F32 => 1.0,
        }
    }
}

impl Number {
    /// From 3D Metadata's name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "INT8" => Self::I8,
            "UINT8" => Self::U8,
            "INT16" => Self::I16,
            "UINT16" => Self::U16,
            "INT32" => Self::I32,
            "UINT32" => Self::U32,
            "INT64" => Self::I64,
            "UINT64" => Self::U64,
            "FLOAT32" => Self::F32,
            "FLOAT64" => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// What to divide a normalised integer by; 1 for floats.
    pub(crate) fn normalizer(self) -> f64 {
        match self {
            Self::I8 => 127.0,
            Self::U8 => 255.0,
            Self::I16 => 32767.0,
            Self::U16 => 65535.0,
            Self::I32 => f64::from(i32::MAX),
            Self::U32 => f64::from(u32::MAX),
            Self::I64 => i64::MAX as f64,
            Self::U64 => u64::MAX as f64,
            Self::F32 | Self::F64 => 1.0,
        }
    }

    /// The `index`-th little-endian number of `bytes`; `None` beyond the end. 64-bit integers lose what `f64` cannot
    /// hold.
    pub fn read(self, bytes: &[u8], index: usize) -> Option<f64> {
        let size = self.size();
        let start = index.checked_mul(size)?;
        let b = bytes.get(start..start.checked_add(size)?)?;
        let low = |n: usize| b.iter().take(n).rev().fold(0u64, |acc, byte| acc << 8 | u64::from(*byte));
        Some(match self {
            Self::I8 => f64::from(b[0] as i8),
            Self::U8 => f64::from(b[0]),
            Self::I16 => f64::from(low(2) as u16 as i16),
            Self::U16 => f64::from(low(2) as u16),
            Self::I32 => f64::from(low(4) as u32 as i32),
            Self::U32 => f64::from(low(4) as u32),
            Self::I64 => low(8) as i64 as f64,
            Self::U64 => low(8) as f64,
            Self::F32 => f64::from(f32::from_bits(low(4) as u32)),
            Self::F64 => f64::from_bits(low(8)),
        })
    }

    /// The `index`-th whole number of `bytes`; `None` beyond the end and for floats.
    pub(crate) fn read_uint(self, bytes: &[u8], index: usize) -> Option<u64> {
        match self {
            Self::U64 => {
                let start = index.checked_mul(8)?;
                bytes.get(start..start.checked_add(8)?).map(|_| u64_at(bytes, start))
            }
            _ => self.read(bytes, index).filter(|v| *v >= 0.0 && v.fract() == 0.0).map(|v| v as u64),
        }
    }
}

/// The bytes of a base64 text (RFC 4648, padding optional); `None` when it holds anything else.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0u32, 0);
    for c in text.bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}
