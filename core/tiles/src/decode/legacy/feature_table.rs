//! Feature tables: JSON over a binary body (OGC 18-053r2, section 9.3).

use crate::Number;
use crate::decode::bytes::{Fault, items, malformed, numbers, slice, uint};
use serde_json::Value as Json;
use std::borrow::Cow;

/// A feature table, read in place.
pub(super) struct FeatureTable<'a> {
    pub(super) json: Json,
    pub(super) body: &'a [u8],
}

/// Values of one property: `components` numbers for each feature.
#[derive(Clone, Debug)]
pub(super) struct Values<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) number: Number,
    pub(super) components: usize,
}

impl Values<'_> {
    /// Component `c` of the value of feature `i`; 0 beyond the last.
    pub(super) fn get(&self, i: usize, c: usize) -> f64 {
        self.number.read(&self.bytes, i * self.components + c).unwrap_or(0.0)
    }

    /// The first three components of the value of feature `i`.
    pub(super) fn vec3(&self, i: usize) -> glam::DVec3 {
        glam::DVec3::new(self.get(i, 0), self.get(i, 1), self.get(i, 2))
    }

    /// The value of feature `i` as a whole number.
    pub(super) fn id(&self, i: usize) -> u32 {
        self.get(i, 0) as u32
    }
}

impl<'a> FeatureTable<'a> {
    /// A whole number that holds for all features, as a number or as a reference into the body.
    pub(super) fn count(&self, name: &str) -> Option<usize> {
        let json = &self.json[name];
        let single = || uint(items(json).first()?);
        let stored = || Number::U32.read(self.body.get(uint(&json["byteOffset"])?..)?, 0).map(|v| v as usize);
        uint(json).or_else(single).or_else(stored)
    }

    /// Extensions that it uses.
    pub(super) fn extensions(&self) -> Vec<String> {
        self.json["extensions"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    /// Whether a flag is set.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.json[name].as_bool().unwrap_or(false)
    }

    /// `N` finite numbers that hold for all features; `number` is their type in the body.
    pub(super) fn global<const N: usize>(&self, name: &str, number: Number) -> Result<Option<[f64; N]>, Fault> {
        let json = &self.json[name];
        if json.is_null() {
            return Ok(None);
        }
        let stored = || {
            let body = self.body.get(uint(&json["byteOffset"])?..)?;
            let mut out = [0.0; N];
            for (i, value) in out.iter_mut().enumerate() {
                *value = number.read(body, i).filter(|v| v.is_finite())?;
            }
            Some(out)
        };
        match numbers::<N>(json).or_else(stored) {
            Some(values) => Ok(Some(values)),
            None => malformed(format!("{name} is not {N} numbers")),
        }
    }

    /// `components` numbers for each of `count` features; `None` when the table does not have the property. It may
    /// name a type of its own; `number` is the type that it has otherwise.
    pub(super) fn values(
        &self,
        name: &str,
        number: Number,
        components: usize,
        count: usize,
    ) -> Result<Option<Values<'a>>, Fault> {
        let json = &self.json[name];
        if json.is_null() {
            return Ok(None);
        }
        let number = match json["componentType"].as_str() {
            Some(kind) => component_type(kind)?,
            None => number,
        };
        let Some(len) = count.checked_mul(components * number.size()) else { return malformed("absurd count") };
        let bytes = if json.is_array() {
            Cow::Owned(listed(name, items(json), number, count * components)?)
        } else {
            let Some(offset) = uint(&json["byteOffset"]) else {
                return malformed(format!("{name} has no byteOffset"));
            };
            Cow::Borrowed(slice(self.body, offset, len, name)?)
        };
        Ok(Some(Values { bytes, number, components }))
    }
}

/// Numbers that are written out, as bytes.
fn listed(name: &str, values: &[Json], number: Number, expected: usize) -> Result<Vec<u8>, Fault> {
    if values.len() < expected {
        return malformed(format!("{name} lists {} numbers, not {expected}", values.len()));
    }
    let mut out = Vec::with_capacity(expected * number.size());
    for value in &values[..expected] {
        let Some(value) = value.as_f64() else { return malformed(format!("{name} lists {value}")) };
        match number {
            Number::I8 | Number::U8 => out.push(value as i64 as u8),
            Number::I16 | Number::U16 => out.extend_from_slice(&(value as i64 as u16).to_le_bytes()),
            Number::I32 | Number::U32 => out.extend_from_slice(&(value as i64 as u32).to_le_bytes()),
            Number::I64 | Number::U64 => out.extend_from_slice(&(value as i64).to_le_bytes()),
            Number::F32 => out.extend_from_slice(&(value as f32).to_le_bytes()),
            Number::F64 => out.extend_from_slice(&value.to_le_bytes()),
        }
    }
    Ok(out)
}

/// A `componentType` of 3D Tiles 1.0.
pub(super) fn component_type(name: &str) -> Result<Number, Fault> {
    Ok(match name {
        "BYTE" => Number::I8,
        "UNSIGNED_BYTE" => Number::U8,
        "SHORT" => Number::I16,
        "UNSIGNED_SHORT" => Number::U16,
        "INT" => Number::I32,
        "UNSIGNED_INT" => Number::U32,
        "FLOAT" => Number::F32,
        "DOUBLE" => Number::F64,
        other => return malformed(format!("componentType \"{other}\" is not known")),
    })
}
