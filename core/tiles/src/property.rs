//! Rows of a property table.

use crate::{Column, ColumnKind, PropertyTable, Value};

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
        self.known_value(property_bytes, row).or_else(|| self.default.clone())
    }

    fn known_value(&self, property_bytes: &[u8], row: usize) -> Option<Value> {
        let bytes = range(property_bytes, self.values)?;
        let value = match &self.kind {
            ColumnKind::String | ColumnKind::Json => Value::Text(self.text(property_bytes, bytes, row)?),
            ColumnKind::Boolean => Value::Boolean(bytes.get(row / 8)? >> (row % 8) & 1 == 1),
            ColumnKind::Scalar { number, scale, offset } => {
                let stored = number.read(bytes, row)?;
                if self.no_data == Some(Value::Number(stored)) {
                    return None;
                }
                return Some(Value::Number(stored * scale + offset)).filter(|_| !stored.is_nan());
            }
            ColumnKind::Enum { number, names } => {
                let stored = number.read(bytes, row)?;
                let name = names.iter().find(|(value, _)| *value as f64 == stored);
                name.map_or(Value::Number(stored), |(_, name)| Value::Text(name.clone()))
            }
        };
        Some(value).filter(|v| self.no_data.as_ref() != Some(v))
    }

    fn text(&self, property_bytes: &[u8], values: &[u8], row: usize) -> Option<String> {
        let offsets = range(property_bytes, self.string_offsets)?;
        let at = |i: usize| crate::Number::U32.read(offsets, i).map(|v| v as usize);
        Some(String::from_utf8_lossy(values.get(at(row)?..at(row + 1)?)?).into_owned())
    }
}

fn range(bytes: &[u8], (start, end): (u32, u32)) -> Option<&[u8]> {
    bytes.get(start as usize..end as usize)
}
