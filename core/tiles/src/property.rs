//! Rows of a property table.

use crate::{Column, ColumnKind, PropertyShape, PropertyTable, Value};
use std::borrow::Cow;

/// A [`Value`] that need not be copied to be looked at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValueRef<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Boolean(bool),
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            Value::Number(value) => Self::Number(*value),
            Value::Boolean(value) => Self::Boolean(*value),
        }
    }
}

impl From<Value> for ValueRef<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(Cow::Owned(text)),
            Value::Number(value) => Self::Number(value),
            Value::Boolean(value) => Self::Boolean(value),
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Text(text) => Self::Text(text.into_owned()),
            ValueRef::Number(value) => Self::Number(value),
            ValueRef::Boolean(value) => Self::Boolean(value),
        }
    }
}

impl PropertyTable {
    /// The properties of one feature, in the table's order, over [`crate::TileContent::property_bytes`]. Properties
    /// that the feature does not have (noData without a default) are left out; a row beyond the table has none.
    pub fn row(&self, property_bytes: &[u8], row: u32) -> Vec<(String, Value)> {
        if row >= self.count {
            return Vec::new();
        }
        let value = |column: &Column| Some((column.id.clone(), column.value(property_bytes, row as usize)?));
        self.columns.iter().filter_map(value).collect()
    }
}

impl Column {
    /// The value in a row; `None` when it is unknown or beyond the column.
    fn value(&self, property_bytes: &[u8], row: usize) -> Option<Value> {
        self.value_ref(property_bytes, row).map(Value::from)
    }

    /// As [`Self::value`], without a copy of texts.
    pub(crate) fn value_ref<'a>(&'a self, property_bytes: &'a [u8], row: usize) -> Option<ValueRef<'a>> {
        self.known_value(property_bytes, row).or_else(|| self.default.as_ref().map(ValueRef::from))
    }

    fn known_value<'a>(&'a self, property_bytes: &'a [u8], row: usize) -> Option<ValueRef<'a>> {
        let bytes = range(property_bytes, self.values)?;
        let value = match &self.kind {
            ColumnKind::String | ColumnKind::Json => ValueRef::Text(self.text(property_bytes, bytes, row)?),
            ColumnKind::Boolean => ValueRef::Boolean(bytes.get(row / 8)? >> (row % 8) & 1 == 1),
            ColumnKind::Scalar { number, scale, offset } => {
                let stored = number.read(bytes, row)?;
                if self.no_data == Some(Value::Number(stored)) {
                    return None;
                }
                return Some(ValueRef::Number(stored * scale + offset)).filter(|_| !stored.is_nan());
            }
            ColumnKind::Enum { number, names } => {
                let stored = number.read(bytes, row)?;
                let name = names.iter().find(|(value, _)| *value as f64 == stored);
                name.map_or(ValueRef::Number(stored), |(_, name)| ValueRef::Text(Cow::Borrowed(name)))
            }
        };
        let is_no_data = self.no_data.as_ref().is_some_and(|no_data| ValueRef::from(no_data) == value);
        (!is_no_data).then_some(value)
    }

    fn text<'a>(&self, property_bytes: &[u8], values: &'a [u8], row: usize) -> Option<Cow<'a, str>> {
        let offsets = range(property_bytes, self.string_offsets)?;
        let at = |i: usize| crate::Number::U32.read(offsets, i).map(|v| v as usize);
        Some(String::from_utf8_lossy(values.get(at(row)?..at(row + 1)?)?))
    }
}

impl PropertyShape {
    /// Bytes of one value.
    pub fn size(&self) -> usize {
        self.number.size() * self.numbers()
    }

    fn numbers(&self) -> usize {
        usize::from(self.components) * self.array.map_or(1, |len| len as usize)
    }

    /// The value of stored little-endian bytes; vectors, matrices and arrays as JSON text. `None` when it is unknown
    /// or when there are too few bytes.
    pub fn value(&self, bytes: &[u8]) -> Option<Value> {
        let stored: Vec<f64> = (0..self.numbers()).map(|i| self.number.read(bytes, i)).collect::<Option<_>>()?;
        self.of_numbers(&stored)
    }

    /// The value of stored numbers, as [`Self::value`].
    pub fn of_numbers(&self, stored: &[f64]) -> Option<Value> {
        if stored.len() < self.numbers() {
            return None;
        }
        let last = |list: &[f64], i: usize, neutral| list.get(i).or(list.last()).copied().unwrap_or(neutral);
        let element = |i: usize| -> Value {
            match self.names.iter().find(|(value, _)| *value as f64 == stored[i]) {
                Some((_, name)) => Value::Text(name.clone()),
                None => Value::Number(stored[i] * last(&self.scale, i, 1.0) + last(&self.offset, i, 0.0)),
            }
        };
        let raw = |i: usize| if self.names.is_empty() { Value::Number(stored[i]) } else { element(i) };
        let value = |of: &dyn Fn(usize) -> Value| match self.numbers() {
            1 if self.array.is_none() => of(0),
            _ => Value::Text(json_text(self, of)),
        };
        if self.no_data.as_ref() == Some(&value(&raw)) {
            return self.default.clone();
        }
        Some(value(&element)).filter(|v| !matches!(v, Value::Number(v) if v.is_nan()))
    }
}

/// Elements as JSON text: vectors in arrays are lists of their own.
fn json_text(shape: &PropertyShape, element: &dyn Fn(usize) -> Value) -> String {
    let components = usize::from(shape.components);
    let json = |i: usize| match element(i) {
        Value::Text(text) => serde_json::Value::from(text),
        Value::Number(v) if v.fract() == 0.0 && v.abs() < 9e15 => (v as i64).into(),
        Value::Number(v) => v.into(),
        Value::Boolean(v) => v.into(),
    };
    let vector = |i: usize| -> serde_json::Value {
        if components == 1 { json(i) } else { (i * components..(i + 1) * components).map(json).collect() }
    };
    match shape.array {
        Some(len) => (0..len as usize).map(vector).collect::<serde_json::Value>().to_string(),
        None => vector(0).to_string(),
    }
}

fn range(bytes: &[u8], (start, end): (u32, u32)) -> Option<&[u8]> {
    bytes.get(start as usize..end as usize)
}
