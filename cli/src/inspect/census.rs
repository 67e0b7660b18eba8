//! What is gathered of single files while they are read: formats, textures, properties, metadata.

use super::files;
use citytwin_tiles::{
    ColumnKind, ImageFormat, MetadataEntity, PropertyShape, PropertyTable, SubtreeDoc, TileContent, TilesetDoc, Value,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Metadata of tilesets, tiles, contents, groups and subtrees.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Classes of all schemas, with `id: type` of each property; one that has a meaning, with it.
    pub classes: BTreeMap<String, Vec<String>>,
    /// Entities of whole tilesets.
    pub tilesets: Vec<Entity>,
    /// Groups of contents.
    pub groups: Vec<Entity>,
    /// Explicit and implicit tiles that have an entity.
    pub tiles: u64,
    /// Contents that have an entity.
    pub contents: u64,
    /// Subtrees that have an entity.
    pub subtrees: u64,
    /// `properties` of 1.0: smallest and greatest value in the tileset.
    pub ranges: BTreeMap<String, [Option<f64>; 2]>,
}

impl Metadata {
    /// The findings in words, line by line.
    pub(super) fn lines(&self, line: &mut dyn FnMut(&str, String)) {
        let counts =
            format!("{} tiles, {} contents, {} subtrees with metadata", self.tiles, self.contents, self.subtrees);
        line("metadata", counts);
        for (class, properties) in &self.classes {
            line("", format!("class {class}: {}", properties.join("; ")));
        }
        for (what, entities) in [("tileset", &self.tilesets), ("group", &self.groups)] {
            for entity in entities {
                let values: Vec<String> = entity.properties.iter().map(|(id, v)| format!("{id} = {v}")).collect();
                line("", format!("{what} of class {}: {}", entity.class, files::short(&values.join(", "))));
            }
        }
        for (id, [low, high]) in &self.ranges {
            let number = |v: &Option<f64>| v.map_or("?".into(), |v| v.to_string());
            line("", format!("property {id}: {} to {}", number(low), number(high)));
        }
    }
}

/// A class and its values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entity {
    /// Class in the schema.
    pub class: String,
    /// Values by property id.
    pub properties: BTreeMap<String, serde_json::Value>,
}

impl From<&MetadataEntity> for Entity {
    fn from(entity: &MetadataEntity) -> Self {
        let values = entity.properties.iter().map(|(id, value)| (id.clone(), json(value)));
        Self { class: entity.class.clone(), properties: values.collect() }
    }
}

/// Vectors and arrays are text that is JSON.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) if text.starts_with('[') => {
            serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into())
        }
        Value::Text(text) => text.as_str().into(),
        Value::Number(number) => (*number).into(),
        Value::Boolean(yes) => (*yes).into(),
    }
}

/// Sums over files.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Census {
    pub(super) bytes: u64,
    pub(super) formats: BTreeMap<String, u64>,
    pub(super) extensions: BTreeSet<String>,
    pub(super) textures: BTreeMap<String, u64>,
    /// `id: type` of the features' properties, to the rows of their tables.
    pub(super) properties: BTreeMap<String, u64>,
    pub(super) metadata: Metadata,
}

impl Census {
    pub(super) fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.extensions.extend(other.extensions);
        let sums = [
            (&mut self.formats, other.formats),
            (&mut self.textures, other.textures),
            (&mut self.properties, other.properties),
        ];
        for (sum, more) in sums {
            for (key, n) in more {
                *sum.entry(key).or_insert(0) += n;
            }
        }
        let (sum, more) = (&mut self.metadata, other.metadata);
        sum.classes.extend(more.classes);
        sum.tilesets.extend(more.tilesets);
        sum.groups.extend(more.groups);
        sum.ranges.extend(more.ranges);
        sum.tiles += more.tiles;
        sum.contents += more.contents;
        sum.subtrees += more.subtrees;
    }

    pub(super) fn of_tileset(doc: &TilesetDoc) -> Self {
        let mut metadata = Metadata::default();
        for class in doc.schema.iter().flat_map(|schema| &schema.classes) {
            let property = |p: &citytwin_tiles::ClassProperty| {
                let meaning = p.semantic.as_ref().map_or(String::new(), |s| format!(", {s}"));
                format!("{}: {}{meaning}", p.id, p.type_name())
            };
            metadata.classes.insert(class.id.clone(), class.properties.iter().map(property).collect());
        }
        metadata.tilesets.extend(doc.metadata.iter().map(Entity::from));
        metadata.groups.extend(doc.groups.iter().map(Entity::from));
        metadata.ranges.extend(doc.properties.iter().map(|p| (p.id.clone(), [p.minimum, p.maximum])));
        for details in doc.tiles.iter().filter_map(|tile| tile.details.as_ref()) {
            metadata.tiles += u64::from(details.metadata.is_some());
            metadata.contents += details.contents.iter().filter(|c| c.metadata.is_some()).count() as u64;
        }
        Self { extensions: doc.extensions_used.iter().cloned().collect(), metadata, ..Self::default() }
    }

    pub(super) fn of_subtree(doc: &SubtreeDoc) -> Self {
        let metadata = Metadata {
            tiles: doc.tile_table.as_ref().map_or(0, |table| table.count.into()),
            contents: doc.content_tables.iter().flatten().map(|table| u64::from(table.count)).sum(),
            subtrees: doc.subtree_metadata.is_some().into(),
            ..Metadata::default()
        };
        Self { metadata, ..Self::default() }
    }

    pub(super) fn of_content(content: &TileContent) -> Self {
        let mut census = Self { extensions: content.extensions_used.iter().cloned().collect(), ..Self::default() };
        for image in &content.images {
            *census.textures.entry(image_format(image.format).into()).or_insert(0) += 1;
        }
        for table in &content.tables {
            census.table(table);
        }
        let shapes =
            content.property_textures.iter().flat_map(|t| t.properties.iter().map(|(shape, ..)| (shape, "texel")));
        let of_vertices = content.property_attributes.iter();
        let of_vertices = of_vertices.flat_map(|a| a.properties.iter().map(|(shape, _)| (shape, "vertex")));
        for (shape, per) in shapes.chain(of_vertices) {
            *census.properties.entry(format!("{}: {} per {per}", shape.id, shape_type(shape))).or_insert(0) += 1;
        }
        census
    }

    fn table(&mut self, table: &PropertyTable) {
        for column in &table.columns {
            let kind = match &column.kind {
                ColumnKind::String => "STRING".into(),
                ColumnKind::Boolean => "BOOLEAN".into(),
                ColumnKind::Scalar { number, .. } => number.name().to_owned(),
                ColumnKind::Enum { .. } => "ENUM".into(),
                ColumnKind::Json => "vector, matrix or array".into(),
            };
            *self.properties.entry(format!("{}: {kind}", column.id)).or_insert(0) += u64::from(table.count);
        }
    }
}

fn shape_type(shape: &PropertyShape) -> String {
    let array = shape.array.map_or(String::new(), |count| format!("array of {count} "));
    let vector = if shape.components > 1 { format!("{} × ", shape.components) } else { String::new() };
    let what = if shape.names.is_empty() { shape.number.name() } else { "ENUM" };
    format!("{array}{vector}{what}")
}

fn image_format(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Webp => "WebP",
        ImageFormat::Rgba8 => "KTX2 (Basis)",
        ImageFormat::Astc4x4 => "ASTC",
        ImageFormat::Bc7 | ImageFormat::Bc1 | ImageFormat::Bc3 => "BC",
        ImageFormat::Etc2Rgb | ImageFormat::Etc2Rgba => "ETC2",
    }
}
