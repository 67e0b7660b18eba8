//! Schemas of 3D Metadata, and entities whose values stand in JSON (3D Metadata Specification, "JSON Format").

use super::bytes::{Fault, items, uint};
use super::metadata::{Element, PropertyType, constant, json_number};
use crate::{ClassProperty, ClassStatistics, MetadataClass, MetadataEntity, MetadataEnum, Number, Schema, Value};
use serde_json::Value as Json;

/// Most classes, enums, or properties of a class, that are read.
const MAX_ENTRIES: usize = 1 << 16;

/// Brings a schema of the drafts (`3DTILES_metadata`, `EXT_feature_metadata`) into the form of 1.1, in which `type`
/// and `componentType` are two things, an array is no type, and a property is optional unless it is `required`.
pub(super) fn modernize(schema: &mut Json) {
    for (_, class) in members(schema, "classes").into_iter().flatten() {
        for (_, property) in members(class, "properties").into_iter().flatten() {
            modernize_property(property);
        }
    }
}

/// The members of an object in an object.
fn members<'a>(json: &'a mut Json, key: &str) -> Option<&'a mut serde_json::Map<String, Json>> {
    json.get_mut(key).and_then(Json::as_object_mut)
}

fn modernize_property(property: &mut Json) {
    let Json::Object(map) = property else { return };
    let text = |map: &serde_json::Map<String, Json>, key: &str| map.get(key).and_then(Json::as_str).map(str::to_owned);
    if text(map, "type").as_deref() == Some("ARRAY") {
        map.insert("array".into(), true.into());
        if let Some(count) = map.remove("componentCount") {
            map.insert("count".into(), count);
        }
        let element = text(map, "componentType").unwrap_or_default();
        map.insert("type".into(), element.into());
    }
    if let Some(number) = text(map, "type").filter(|name| Number::from_name(name).is_some()) {
        map.insert("type".into(), "SCALAR".into());
        map.insert("componentType".into(), number.into());
    }
    if map.get("optional") == Some(&Json::Bool(false)) && !map.contains_key("required") {
        map.insert("required".into(), true.into());
    }
}

/// The schema as data. What is wrong with a property goes to `report` with its place.
pub(super) fn schema(json: &Json, report: &mut dyn FnMut(&str, String)) -> Schema {
    let class = |(id, class): (&String, &Json)| MetadataClass {
        id: id.clone(),
        name: text(&class["name"]),
        description: text(&class["description"]),
        properties: entries(&class["properties"]).map(|(id, property)| class_property(json, id, property)).collect(),
    };
    let read = Schema {
        id: json["id"].as_str().unwrap_or_default().to_owned(),
        name: text(&json["name"]),
        description: text(&json["description"]),
        version: text(&json["version"]),
        classes: entries(&json["classes"]).map(class).collect(),
        enums: entries(&json["enums"]).map(|(id, json)| metadata_enum(id, json)).collect(),
    };
    for (class, json_class) in entries(&json["classes"]) {
        for (id, property) in entries(&json_class["properties"]) {
            if let Err(fault) = PropertyType::parse(json, property) {
                report(&format!("schema.classes.{class}.properties.{id}"), message(fault));
            }
        }
    }
    read
}

fn message(fault: Fault) -> String {
    fault.problem("").message
}

/// The members of a JSON object; none when it is not one.
fn entries(json: &Json) -> impl Iterator<Item = (&String, &Json)> {
    json.as_object().into_iter().flatten().take(MAX_ENTRIES)
}

fn text(json: &Json) -> Option<String> {
    json.as_str().map(str::to_owned)
}

fn class_property(schema: &Json, id: &str, json: &Json) -> ClassProperty {
    let number = match PropertyType::parse(schema, json).map(|kind| kind.element) {
        Ok(Element::Number(number) | Element::Enum(number)) => Some(number),
        _ => None,
    };
    ClassProperty {
        id: id.to_owned(),
        name: text(&json["name"]),
        description: text(&json["description"]),
        kind: json["type"].as_str().unwrap_or_default().to_owned(),
        number,
        enum_type: text(&json["enumType"]),
        array: json["array"].as_bool().unwrap_or(false),
        count: uint(&json["count"]).and_then(|n| u32::try_from(n).ok()),
        normalized: json["normalized"].as_bool().unwrap_or(false),
        required: json["required"].as_bool().unwrap_or(false),
        semantic: text(&json["semantic"]),
    }
}

fn metadata_enum(id: &str, json: &Json) -> MetadataEnum {
    let value = |v: &Json| Some((v["value"].as_i64()?, v["name"].as_str()?.to_owned()));
    MetadataEnum {
        id: id.to_owned(),
        name: text(&json["name"]),
        values: items(&json["values"]).iter().filter_map(value).collect(),
    }
}

/// A metadata entity: `class` and `properties`. `None` when there is none. Values that contradict the schema are left
/// out and told to `report`; without a schema they are taken as they are.
pub(super) fn entity(schema: &Json, json: &Json, report: &mut dyn FnMut(String)) -> Option<MetadataEntity> {
    let class = json["class"].as_str()?;
    let mut entity = MetadataEntity { class: class.to_owned(), properties: Vec::new() };
    let Some(definitions) = schema["classes"][class]["properties"].as_object() else {
        if !schema["classes"][class].is_object() {
            report(format!("the schema has no class \"{class}\""));
            let values = entries(&json["properties"]).filter_map(|(id, json)| Some((id.clone(), constant(json)?)));
            entity.properties = values.collect();
        }
        return Some(entity);
    };
    for (id, definition) in definitions.iter().take(MAX_ENTRIES) {
        match value(schema, definition, &json["properties"][id]) {
            Ok(Some(value)) => entity.properties.push((id.clone(), value)),
            Ok(None) => {}
            Err(message) => report(format!("{class}.{id}: {message}")),
        }
    }
    for (id, _) in entries(&json["properties"]).filter(|(id, _)| !definitions.contains_key(*id)) {
        report(format!("the class \"{class}\" has no property \"{id}\""));
    }
    Some(entity)
}

/// The final value of one property; `None` when it is unknown and has no default.
fn value(schema: &Json, definition: &Json, stored: &Json) -> Result<Option<Value>, String> {
    let kind = PropertyType::parse(schema, definition).map_err(message)?;
    if stored.is_null() || *stored == definition["noData"] {
        if stored.is_null() && definition["default"].is_null() && definition["required"].as_bool() == Some(true) {
            return Err("a required property is missing".into());
        }
        // Defaults are given in their final form.
        return Ok(constant(&definition["default"]));
    }
    let converter = Converter { kind, definition, names: enum_names(schema, definition) };
    converter.whole(stored).map(|json| constant(&json))
}

fn enum_names(schema: &Json, definition: &Json) -> Vec<(i64, String)> {
    definition["enumType"].as_str().map_or(Vec::new(), |id| metadata_enum(id, &schema["enums"][id]).values)
}

/// From a value as it is stored in JSON to its final form.
struct Converter<'a> {
    kind: PropertyType<'a>,
    definition: &'a Json,
    names: Vec<(i64, String)>,
}

impl Converter<'_> {
    fn whole(&self, stored: &Json) -> Result<Json, String> {
        if !self.kind.array {
            return self.element(stored, 0);
        }
        let Some(elements) = stored.as_array() else { return Err(format!("an array was expected, found {stored}")) };
        if self.kind.count.is_some_and(|count| count != elements.len()) {
            return Err(format!("{} elements were expected, found {}", self.kind.count.unwrap_or(0), elements.len()));
        }
        elements.iter().enumerate().map(|(i, v)| self.element(v, i)).collect::<Result<Vec<_>, _>>().map(Json::from)
    }

    fn element(&self, stored: &Json, element: usize) -> Result<Json, String> {
        if self.kind.components == 1 {
            return self.scalar(stored, element, 0);
        }
        let components = stored.as_array().filter(|values| values.len() == self.kind.components);
        let Some(components) = components else {
            return Err(format!("{} numbers were expected, found {stored}", self.kind.components));
        };
        let scalar = |(i, v): (usize, &Json)| self.scalar(v, element, i);
        components.iter().enumerate().map(scalar).collect::<Result<Vec<_>, _>>().map(Json::from)
    }

    fn scalar(&self, stored: &Json, element: usize, component: usize) -> Result<Json, String> {
        match self.kind.element {
            Element::Number(number) => {
                let Some(value) = stored.as_f64().filter(|v| number.holds(*v)) else {
                    return Err(format!("{} was expected, found {stored}", number.name()));
                };
                let normalizer = if self.kind.normalized { number.normalizer() } else { 1.0 };
                let scale = self.factor("scale", element, component, 1.0);
                let offset = self.factor("offset", element, component, 0.0);
                // 64-bit integers stay exact where nothing is done to them.
                let untouched = normalizer == 1.0 && scale == 1.0 && offset == 0.0;
                Ok(if untouched { stored.clone() } else { json_number(value / normalizer * scale + offset) })
            }
            Element::Boolean if stored.is_boolean() => Ok(stored.clone()),
            Element::String if stored.is_string() => Ok(stored.clone()),
            Element::Enum(_) => {
                let known = |(value, name): &&(i64, String)| stored.as_i64() == Some(*value) || stored == name.as_str();
                let name = self.names.iter().find(known);
                name.map(|(_, name)| name.as_str().into()).ok_or_else(|| format!("the enum has no value {stored}"))
            }
            Element::Boolean => Err(format!("a boolean was expected, found {stored}")),
            Element::String => Err(format!("a string was expected, found {stored}")),
        }
    }

    /// `scale` or `offset`: one number for all, or the shape of the value.
    fn factor(&self, key: &str, element: usize, component: usize, neutral: f64) -> f64 {
        let given = &self.definition[key];
        let of_element = if self.kind.array { &given[element] } else { given };
        let found = [given, of_element, &of_element[component], &given[component]];
        found.into_iter().find_map(Json::as_f64).unwrap_or(neutral)
    }
}

/// `statistics` of a schema's classes.
pub(super) fn statistics(json: &Json) -> Vec<ClassStatistics> {
    let values = |json: &Json| entries(json).filter_map(|(key, v)| Some((key.clone(), constant(v)?))).collect();
    let class = |(id, json): (&String, &Json)| ClassStatistics {
        class: id.clone(),
        count: json["count"].as_u64(),
        properties: entries(&json["properties"]).map(|(id, json)| (id.clone(), values(json))).collect(),
    };
    entries(&json["classes"]).map(class).collect()
}

/// A property of the tileset's schema that carries a meaning for selection.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SemanticProperty {
    /// Class of the schema.
    pub(super) class: String,
    /// Property id in the class.
    pub(super) property: String,
    /// What it means.
    pub(super) semantic: Semantic,
    /// Type of the stored numbers.
    pub(super) number: Number,
    /// Numbers per tile.
    pub(super) count: usize,
    /// value = stored · scale + offset, per number.
    pub(super) scale_offset: Vec<(f64, f64)>,
}

/// Meanings of tile metadata that selection reads (3D Metadata Semantic Reference).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Semantic {
    TileBox,
    TileRegion,
    TileSphere,
    TileMinimumHeight,
    TileMaximumHeight,
    TileGeometricError,
    TileRefine,
    ContentBox,
    ContentRegion,
    ContentSphere,
}

/// Every meaning with the number of numbers that it takes.
const SEMANTICS: [(&str, Semantic, usize); 10] = [
    ("TILE_BOUNDING_BOX", Semantic::TileBox, 12),
    ("TILE_BOUNDING_REGION", Semantic::TileRegion, 6),
    ("TILE_BOUNDING_SPHERE", Semantic::TileSphere, 4),
    ("TILE_MINIMUM_HEIGHT", Semantic::TileMinimumHeight, 1),
    ("TILE_MAXIMUM_HEIGHT", Semantic::TileMaximumHeight, 1),
    ("TILE_GEOMETRIC_ERROR", Semantic::TileGeometricError, 1),
    ("TILE_REFINE", Semantic::TileRefine, 1),
    ("CONTENT_BOUNDING_BOX", Semantic::ContentBox, 12),
    ("CONTENT_BOUNDING_REGION", Semantic::ContentRegion, 6),
    ("CONTENT_BOUNDING_SPHERE", Semantic::ContentSphere, 4),
];

/// The properties of a schema that selection reads.
pub(super) fn semantics(schema: &Json) -> Vec<SemanticProperty> {
    let mut found = Vec::new();
    for (class, definition) in entries(&schema["classes"]) {
        for (property, json) in entries(&definition["properties"]) {
            let name = json["semantic"].as_str().unwrap_or_default();
            let Some((_, semantic, count)) = SEMANTICS.iter().find(|(known, ..)| *known == name) else { continue };
            let Ok(kind) = PropertyType::parse(schema, json) else { continue };
            let elements = kind.components * if kind.array { kind.count.unwrap_or(0) } else { 1 };
            let Element::Number(number) = kind.element else { continue };
            if elements == *count {
                found.push(SemanticProperty {
                    class: class.clone(),
                    property: property.clone(),
                    semantic: *semantic,
                    number,
                    count: *count,
                    scale_offset: (0..*count).map(|i| kind.scale_offset(&Json::Null, i)).collect(),
                });
            }
        }
    }
    found
}
