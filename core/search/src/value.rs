//! Values of attributes, and the few bytes that hold one.

use crate::bytes::{Reader, put_varint};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A number, in the unit that the attribute's name says.
    Number(f64),
    /// Anything else.
    Text(String),
}

impl Value {
    /// The order of two values of a kind; `None` between a number and a text.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Flag(a), Self::Flag(b)) => Some(a.cmp(b)),
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// The bytes that stand for it in an index.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Flag(flag) => out.push(kind::FLAG + u8::from(*flag)),
            Self::Text(text) => {
                out.push(kind::TEXT);
                out.extend_from_slice(text.as_bytes());
            }
            Self::Number(number) => match decimal(*number) {
                Some((digits, places)) => {
                    out.push(kind::DECIMAL + places);
                    put_varint(&mut out, (digits << 1 ^ digits >> 63) as u64);
                }
                None => {
                    out.push(kind::NUMBER);
                    out.extend_from_slice(&number.to_le_bytes());
                }
            },
        }
        out
    }

    /// Reads what [`Value::to_bytes`] made.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        Some(match reader.u8()? {
            kind @ (kind::FLAG | kind::FLAG_SET) => Self::Flag(kind == kind::FLAG_SET),
            kind::TEXT => Self::Text(std::str::from_utf8(reader.rest()).ok()?.to_owned()),
            kind::NUMBER => Self::Number(reader.f64()?),
            kind => {
                let power = POWERS.get(usize::from(kind.checked_sub(kind::DECIMAL)?))?;
                let coded = reader.varint()?;
                Self::Number(((coded >> 1) as i64 ^ -((coded & 1) as i64)) as f64 / power)
            }
        })
    }
}

/// First bytes of a stored value.
mod kind {
    pub(super) const FLAG: u8 = 0;
    pub(super) const FLAG_SET: u8 = 1;
    pub(super) const TEXT: u8 = 2;
    pub(super) const NUMBER: u8 = 3;
    /// And the digits after the point, added.
    pub(super) const DECIMAL: u8 = 4;
}

const POWERS: [f64; 7] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];

/// A number as digits and how many of them stand after the point, where that is all of it.
fn decimal(number: f64) -> Option<(i64, u8)> {
    (0_u8..).zip(POWERS).find_map(|(places, power)| {
        let digits = (number * power).round();
        (digits.abs() < 1e15 && digits / power == number && !(digits == 0.0 && number.is_sign_negative()))
            .then_some((digits as i64, places))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_small_ones_are_small() {
        for (value, most) in [
            (Value::Flag(true), 1),
            (Value::Flag(false), 1),
            (Value::Number(0.0), 2),
            (Value::Number(-12.5), 3),
            (Value::Number(-0.0), 9),
            (Value::Number(1.0 / 3.0), 9),
            (Value::Number(f64::INFINITY), 9),
            (Value::Number(1e300), 9),
            (Value::Text("cast iron".to_owned()), 10),
        ] {
            let bytes = value.to_bytes();
            assert!(bytes.len() <= most, "{value:?}: {} bytes", bytes.len());
            assert_eq!(Value::from_bytes(&bytes), Some(value));
        }
    }

    #[test]
    fn bytes_that_are_no_value_give_none() {
        for bytes in [&[][..], &[2, 0xFF], &[3, 1, 2], &[4], &[4, 0x80], &[11, 1], &[255]] {
            assert_eq!(Value::from_bytes(bytes), None, "{bytes:?}");
        }
    }
}
