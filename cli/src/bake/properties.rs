//! Feature properties: rows of things, columns of a tile's property table (`EXT_structural_metadata`).

use super::glb::Glb;
use super::model::{Property, Tags};
use super::reuse::Digester;
use rayon::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One feature's properties by property id. Property ids are identifiers: letters, digits and `_`.
pub(super) type Row = BTreeMap<String, Property>;

/// The number that stands for "unknown".
pub(super) const NO_DATA: f64 = -9999.0;

/// Longest text kept, bytes; longer ones are cut.
const MAX_TEXT_BYTES: usize = 2000;

/// The row of a thing: its tags, its class and whatever else its kind knows, which wins over tags of the same id.
pub(super) fn row(tags: &Tags, class: &str, more: &[(&str, Property)]) -> Row {
    let mut row = Row::new();
    for (id, property) in more {
        row.insert((*id).into(), property.clone());
    }
    let mut put = |id: &str, text: &str| {
        if !text.is_empty() {
            row.entry(id.into()).or_insert_with(|| Property::Text(text.into()));
        }
    };
    put("id", &tags.id);
    put("class", class);
    put("name", tags.name.as_deref().unwrap_or_default());
    put("address", tags.address.as_deref().unwrap_or_default());
    for (language, name) in &tags.names {
        put(&identifier(&format!("name_{language}")), name);
    }
    for (id, property) in tags.more.iter() {
        row.entry(identifier(id)).or_insert_with(|| property.clone());
    }
    row
}

/// The text as a property id: other characters become `_`, letters of other scripts their code points.
pub(super) fn identifier(text: &str) -> String {
    let mut id = String::with_capacity(text.len());
    for c in text.chars().take(64) {
        match c {
            _ if c.is_ascii_alphanumeric() => id.push(c),
            _ if c.is_alphanumeric() => id.push_str(&format!("u{:x}", u32::from(c))),
            _ => id.push('_'),
        }
    }
    if !id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        id.insert(0, '_');
    }
    id
}

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Integer,
    Flag,
}

impl Kind {
    fn of(property: &Property) -> Self {
        match property {
            Property::Text(_) => Self::Text,
            Property::Number(_) => Self::Number,
            Property::Integer(_) => Self::Integer,
            Property::Flag(_) => Self::Flag,
        }
    }
}

/// What is known of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Column {
    kind: Kind,
    /// Its cells are of several types, so that it is text.
    mixed: bool,
}

impl Column {
    /// One that holds the cells of both. In any order, cells give the same column.
    fn joined(self, other: Self) -> Self {
        let numbers = |kind| matches!(kind, Kind::Number | Kind::Integer);
        let (kind, mixed) = match (self.kind, other.kind) {
            (a, b) if a == b => (a, false),
            (a, b) if numbers(a) && numbers(b) => (Kind::Number, false),
            _ => (Kind::Text, true),
        };
        Self { kind, mixed: mixed || self.mixed || other.mixed }
    }
}

/// The columns of a theme, the same in all its tiles.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Schema {
    class: String,
    columns: BTreeMap<String, Column>,
}

impl Schema {
    /// The columns that `count` rows need. A property that is a number in one row and text in another becomes text.
    pub(super) fn of(class: &str, count: usize, row: &(dyn Fn(usize) -> Row + Sync)) -> Self {
        let grow = |mut columns: BTreeMap<String, Column>, id: String, column: Column| {
            columns.entry(id).and_modify(|known| *known = known.joined(column)).or_insert(column);
            columns
        };
        let columns = (0..count)
            .into_par_iter()
            .fold(BTreeMap::new, |columns, i| {
                row(i).into_iter().fold(columns, |columns, (id, property)| {
                    grow(columns, id, Column { kind: Kind::of(&property), mixed: false })
                })
            })
            .reduce(BTreeMap::new, |all, some| some.into_iter().fold(all, |all, (id, column)| grow(all, id, column)));
        Self { class: class.into(), columns }
    }

    /// All columns, sorted by id.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.columns.iter().map(|(id, column)| (id.as_str(), column.kind))
    }

    /// Ids of columns that are text because their cells are of several types.
    pub(super) fn mixed(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|(_, column)| column.mixed).map(|(id, _)| id.as_str())
    }

    /// Adds it to a digest.
    pub(super) fn add_to(&self, digester: &mut Digester) {
        digester.bytes(self.class.as_bytes());
        for (id, Column { kind, .. }) in &self.columns {
            digester.bytes(id.as_bytes());
            digester.number(*kind as u64);
        }
    }

    /// Ids of all columns, sorted.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// Writes a tile's property table and returns the contents of `EXT_structural_metadata`. Columns that are empty
    /// in all rows are left out.
    pub(super) fn write(&self, rows: &[Row], glb: &mut Glb) -> Value {
        let (mut schema, mut table) = (Map::new(), Map::new());
        for (id, Column { kind, .. }) in &self.columns {
            if !rows.iter().any(|row| row.contains_key(id)) {
                continue;
            }
            let cells = rows.iter().map(|row| row.get(id));
            let (mut property, column) = match kind {
                // A choice of yes and no is text for styles.
                Kind::Text | Kind::Flag => (json!({ "type": "STRING", "noData": "" }), text_column(cells, glb)),
                Kind::Number | Kind::Integer => (
                    json!({ "type": "SCALAR", "componentType": "FLOAT32", "noData": NO_DATA }),
                    number_column(cells, glb),
                ),
            };
            // The two semantics of the 3D Metadata Semantic Reference that fit.
            if let Some(semantic) = match id.as_str() {
                "id" => Some("ID"),
                "name" => Some("NAME"),
                _ => None,
            } {
                property["semantic"] = json!(semantic);
            }
            schema.insert(id.clone(), property);
            table.insert(id.clone(), column);
        }
        json!({
            "schema": { "id": "citytwin", "classes": { &self.class: { "properties": schema } } },
            "propertyTables": [{ "class": self.class, "count": rows.len(), "properties": table }],
        })
    }
}

fn number_column<'a>(cells: impl Iterator<Item = Option<&'a Property>>, glb: &mut Glb) -> Value {
    let mut bytes = Vec::new();
    for cell in cells {
        let number = cell.and_then(Property::number).unwrap_or(NO_DATA) as f32;
        let number = if number.is_finite() { number } else { NO_DATA as f32 };
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    json!({ "values": glb.plain_view(&bytes) })
}

fn text_column<'a>(cells: impl Iterator<Item = Option<&'a Property>>, glb: &mut Glb) -> Value {
    let mut bytes = Vec::new();
    let mut offsets = vec![0u32];
    for cell in cells {
        match cell {
            Some(Property::Text(text)) => bytes.extend_from_slice(cut(text).as_bytes()),
            Some(other) => bytes.extend_from_slice(other.to_string().as_bytes()),
            None => {}
        }
        offsets.push(bytes.len() as u32);
    }
    let narrow = bytes.len() <= usize::from(u16::MAX);
    let offset_bytes: Vec<u8> = if narrow {
        offsets.iter().flat_map(|&offset| (offset as u16).to_le_bytes()).collect()
    } else {
        offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect()
    };
    // A buffer view may not be empty; it is when every text is.
    if bytes.is_empty() {
        bytes.push(0);
    }
    let values = glb.plain_view(&bytes);
    let string_offsets = glb.plain_view(&offset_bytes);
    let offset_type = if narrow { "UINT16" } else { "UINT32" };
    json!({ "values": values, "stringOffsets": string_offsets, "stringOffsetType": offset_type })
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_identifiers() {
        for (text, id) in [
            ("name_zh-Hans", "name_zh_Hans"),
            ("roof:shape", "roof_shape"),
            ("2nd", "_2nd"),
            ("", "_"),
            ("高さ", "u9ad8u3055"),
        ] {
            assert_eq!(identifier(text), id);
        }
    }

    #[test]
    fn a_tag_never_replaces_what_the_kind_knows() {
        let tags = Tags {
            id: "way/1".into(),
            more: [("class", Property::Text("fake".into())), ("id", Property::Number(3.0))].into(),
            ..Tags::default()
        };
        let row = row(&tags, "church", &[("height_m", Property::Number(5.0))]);
        assert_eq!(row["id"], Property::Text("way/1".into()));
        assert_eq!(row["class"], Property::Text("church".into()));
        assert_eq!(row["height_m"], Property::Number(5.0));
    }

    #[test]
    fn mixed_columns_become_text_and_absurd_numbers_unknown() {
        let row_of = |property: Property| Row::from([("levels".to_owned(), property)]);
        let (number, whole) = (Property::Number(3.5), Property::Integer(3));
        let (many, yes) = (Property::Text("many".into()), Property::Flag(true));
        for (cells, kind, mixed) in [
            ([&number, &many, &number], Kind::Text, true),
            ([&yes, &many, &many], Kind::Text, true),
            ([&yes, &whole, &yes], Kind::Text, true),
            ([&whole, &number, &whole], Kind::Number, false),
            ([&whole, &whole, &whole], Kind::Integer, false),
            ([&yes, &yes, &yes], Kind::Flag, false),
        ] {
            let schema = Schema::of("c", 3, &|i| row_of(cells[i].clone()));
            assert_eq!(schema.columns["levels"], Column { kind, mixed }, "{cells:?}");
            assert_eq!(schema.mixed().count(), usize::from(mixed));
        }
        let mut glb = Glb::default();
        let absurd = Property::Number(f64::INFINITY);
        number_column([Some(&absurd), None].into_iter(), &mut glb);
        let file = glb.finish(Map::new()).expect("a small file");
        let expected: Vec<u8> = [NO_DATA as f32; 2].iter().flat_map(|n| n.to_le_bytes()).collect();
        assert!(file.ends_with(&expected));
    }

    #[test]
    fn endless_names_are_cut_between_characters() {
        assert_eq!(cut(&"字".repeat(1000)).len(), 1998);
        assert_eq!(cut("<script>"), "<script>");
    }
}
