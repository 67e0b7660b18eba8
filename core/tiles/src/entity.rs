//! 3D Metadata as tilesets and subtrees carry it: schemas, and entities with their values.

use crate::{Number, Value};

/// Something with properties: a tileset, a tile, a content, a group or a subtree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataEntity {
    /// Class in the schema.
    pub class: String,
    /// Values by property id, in the schema's order; scale, offset, normalisation, noData and defaults are applied.
    /// Properties that the entity does not have are left out. Vectors, matrices and arrays are JSON text.
    pub properties: Vec<(String, Value)>,
}

impl MetadataEntity {
    /// The value of a property, where the entity has it.
    pub fn get(&self, property: &str) -> Option<&Value> {
        self.properties.iter().find(|(id, _)| id == property).map(|(_, value)| value)
    }
}

/// Which classes, properties and enums there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// `id`; empty in drafts.
    pub id: String,
    /// Name, for people.
    pub name: Option<String>,
    /// What it describes, for people.
    pub description: Option<String>,
    /// Version of the schema, as its author counts.
    pub version: Option<String>,
    /// By id.
    pub classes: Vec<MetadataClass>,
    /// By id.
    pub enums: Vec<MetadataEnum>,
}

impl Schema {
    /// A class by its id.
    pub fn class(&self, id: &str) -> Option<&MetadataClass> {
        self.classes.iter().find(|class| class.id == id)
    }
}

/// A class of a [`Schema`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataClass {
    /// Id in the schema.
    pub id: String,
    /// Name, for people.
    pub name: Option<String>,
    /// What it describes, for people.
    pub description: Option<String>,
    /// By id.
    pub properties: Vec<ClassProperty>,
}

/// A property of a [`MetadataClass`].
#[derive(Clone, Debug, PartialEq)]
pub struct ClassProperty {
    /// Id in the class.
    pub id: String,
    /// Name, for people.
    pub name: Option<String>,
    /// What it says, for people.
    pub description: Option<String>,
    /// `SCALAR`, `VEC2` … `MAT4`, `STRING`, `BOOLEAN` or `ENUM`.
    pub kind: String,
    /// Type of the stored numbers; `None` where there are none.
    pub number: Option<Number>,
    /// Id of the enum; `ENUM` only.
    pub enum_type: Option<String>,
    /// Whether a value is an array of the above.
    pub array: bool,
    /// Length of every array; `None` for those of any length.
    pub count: Option<u32>,
    /// Stored integers stand for 0..1 or −1..1.
    pub normalized: bool,
    /// Every entity of the class has it.
    pub required: bool,
    /// What it means, by the 3D Metadata Semantic Reference.
    pub semantic: Option<String>,
}

impl ClassProperty {
    /// The type in words: `VEC3 of FLOAT32`, `array of 2 ENUM color`, `SCALAR of UINT8, normalized`.
    pub fn type_name(&self) -> String {
        let mut out = match (self.array, self.count) {
            (true, Some(count)) => format!("array of {count} "),
            (true, None) => "array of ".into(),
            (false, _) => String::new(),
        };
        out += &self.kind;
        if let Some(number) = self.number.filter(|_| self.enum_type.is_none()) {
            out = format!("{out} of {}", number.name());
        }
        if let Some(name) = &self.enum_type {
            out = format!("{out} {name}");
        }
        if self.normalized {
            out += ", normalized";
        }
        out
    }
}

/// An enum of a [`Schema`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataEnum {
    /// Id in the schema.
    pub id: String,
    /// Name, for people.
    pub name: Option<String>,
    /// Names by stored value.
    pub values: Vec<(i64, String)>,
}

/// What `statistics` says of one class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassStatistics {
    /// Class in the schema.
    pub class: String,
    /// Entities of the class in the tileset, where told.
    pub count: Option<u64>,
    /// By property id: `min`, `max`, `mean`, `occurrences` … as the file tells them; vectors and objects as JSON text.
    pub properties: Vec<(String, Vec<(String, Value)>)>,
}

/// What the `properties` of a 3D Tiles 1.0 tileset say of one property of its features.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyRange {
    /// Property id.
    pub id: String,
    /// Smallest value in the tileset, where told.
    pub minimum: Option<f64>,
    /// Greatest value in the tileset, where told.
    pub maximum: Option<f64>,
}

impl Number {
    /// The name that 3D Metadata gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::I8 => "INT8",
            Self::U8 => "UINT8",
            Self::I16 => "INT16",
            Self::U16 => "UINT16",
            Self::I32 => "INT32",
            Self::U32 => "UINT32",
            Self::I64 => "INT64",
            Self::U64 => "UINT64",
            Self::F32 => "FLOAT32",
            Self::F64 => "FLOAT64",
        }
    }

    /// Whether a stored number of the type can have this value; always true of floats.
    pub(crate) fn holds(self, value: f64) -> bool {
        let whole = |low: f64, high: f64| value.fract() == 0.0 && value >= low && value <= high;
        match self {
            Self::I8 => whole(-128.0, 127.0),
            Self::U8 => whole(0.0, 255.0),
            Self::I16 => whole(-32768.0, 32767.0),
            Self::U16 => whole(0.0, 65535.0),
            Self::I32 => whole(f64::from(i32::MIN), f64::from(i32::MAX)),
            Self::U32 => whole(0.0, f64::from(u32::MAX)),
            Self::I64 => whole(i64::MIN as f64, i64::MAX as f64),
            Self::U64 => whole(0.0, u64::MAX as f64),
            Self::F32 | Self::F64 => true,
        }
    }
}
