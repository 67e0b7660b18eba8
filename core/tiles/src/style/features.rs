//! What a style is evaluated over.

use super::value::StyleValue;
use crate::property::ValueRef;
use crate::{ColumnKind, PropertyTable};

/// Features with properties: rows of a table, points of a cloud, anything that a style can be asked about.
pub trait Features {
    /// How many there are.
    fn count(&self) -> u32;

    /// Where to find the property of this name, for [`Self::value`]; `None` when no feature has it. Asked once per
    /// evaluation.
    fn find(&self, name: &str) -> Option<usize>;

    /// The value of a property that [`Self::find`] found, in a row below [`Self::count`].
    fn value(&self, property: usize, row: u32) -> StyleValue<'_>;

    /// The class of a feature in a batch table hierarchy, or in the schema; `None` when there are no classes.
    fn class_name(&self, _row: u32) -> Option<&str> {
        None
    }

    /// Whether a feature's class, or one that it inherits from, has this name.
    fn is_class(&self, row: u32, name: &str) -> bool {
        self.class_name(row) == Some(name)
    }
}

/// The rows of a [`PropertyTable`] over [`crate::TileContent::property_bytes`].
#[derive(Clone, Copy, Debug)]
pub struct TableFeatures<'a> {
    /// The table.
    pub table: &'a PropertyTable,
    /// What its columns refer to.
    pub property_bytes: &'a [u8],
}

impl Features for TableFeatures<'_> {
    fn count(&self) -> u32 {
        self.table.count
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.table.columns.iter().position(|column| column.id == name)
    }

    fn value(&self, property: usize, row: u32) -> StyleValue<'_> {
        let Some(column) = self.table.columns.get(property) else { return StyleValue::Undefined };
        of_property(column.value_ref(self.property_bytes, row as usize), column.kind == ColumnKind::Json)
    }

    fn class_name(&self, row: u32) -> Option<&str> {
        match &self.table.hierarchy {
            Some(hierarchy) => hierarchy.classes_of(row).next(),
            None => Some(self.table.class.as_str()).filter(|name| !name.is_empty()),
        }
    }

    fn is_class(&self, row: u32, name: &str) -> bool {
        match &self.table.hierarchy {
            Some(hierarchy) => hierarchy.classes_of(row).any(|class| class == name),
            None => self.class_name(row) == Some(name),
        }
    }
}

/// What a style sees of a property; vectors, arrays and objects are stored as JSON.
pub(super) fn of_property(value: Option<ValueRef<'_>>, is_json: bool) -> StyleValue<'_> {
    match value {
        None => StyleValue::Undefined,
        Some(ValueRef::Number(value)) => StyleValue::Number(value),
        Some(ValueRef::Boolean(value)) => StyleValue::Boolean(value),
        Some(ValueRef::Text(json)) if is_json => match serde_json::from_str(&json) {
            Ok(json) => StyleValue::from_json(json),
            Err(_) => StyleValue::Text(json),
        },
        Some(ValueRef::Text(text)) => StyleValue::Text(text),
    }
}

/// No features at all: for what can be calculated beforehand.
pub(super) struct NoFeatures;

impl Features for NoFeatures {
    fn count(&self) -> u32 {
        0
    }

    fn find(&self, _name: &str) -> Option<usize> {
        None
    }

    fn value(&self, _property: usize, _row: u32) -> StyleValue<'_> {
        StyleValue::Undefined
    }
}
