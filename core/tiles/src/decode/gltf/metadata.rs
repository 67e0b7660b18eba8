//! `EXT_structural_metadata` of a glTF: its schema, property tables, property textures and property attributes.

use super::Reader;
use super::attributes::Attributes;
use super::features::channels;
use crate::decode::bytes::{Fault, items, malformed, uint};
use crate::decode::metadata::{property_shape, property_table};
use crate::{Attribute, PropertyAttribute, PropertyShape, PropertyTexture};
use serde_json::{Map, Value as Json};

impl<'a> Reader<'a> {
    /// Everything of the extension, in order; a bad part is empty so that the numbers of the others hold.
    pub(super) fn structural_metadata(&mut self) {
        let json = self.json;
        let metadata = &json["extensions"]["EXT_structural_metadata"];
        if !metadata.is_object() {
            return;
        }
        let file;
        let schema = match metadata["schemaUri"].as_str() {
            None => &metadata["schema"],
            Some(uri) => {
                file = self.schema_file(uri).unwrap_or_else(|fault| {
                    self.report("EXT_structural_metadata.schemaUri", fault);
                    Json::Null
                });
                &file
            }
        };
        let mut problems = Vec::new();
        for (i, table) in items(&metadata["propertyTables"]).iter().enumerate() {
            let mut report =
                |place: String, fault: Fault| problems.push((format!("propertyTables[{i}] {place}"), fault));
            let bytes = &mut self.out.property_bytes;
            let table = property_table(schema, table, self.views, bytes, &mut report);
            self.out.tables.push(table);
        }
        for (place, fault) in problems {
            self.report(&place, fault);
        }
        for (i, json) in items(&metadata["propertyTextures"]).iter().enumerate() {
            let texture = self.property_texture(schema, json, i);
            self.out.property_textures.push(texture);
        }
        for (i, json) in items(&metadata["propertyAttributes"]).iter().enumerate() {
            let attribute = self.property_attribute(schema, json, i);
            self.out.property_attributes.push(attribute);
        }
    }

    fn schema_file(&self, uri: &str) -> Result<Json, Fault> {
        let bytes = self.context.file(uri)?;
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        serde_json::from_slice(text).map_err(|e| Fault::Malformed(format!("the schema: {e}")))
    }

    fn property_texture(&mut self, schema: &Json, json: &Json, index: usize) -> PropertyTexture {
        let mut properties = Vec::new();
        for (id, shape, info) in self.shapes(schema, json, &format!("propertyTextures[{index}]")) {
            let read = channels(info).and_then(|channels| Ok((self.texture_ref(info)?, channels)));
            match read {
                Ok((_, channels)) if shape.size() != channels.len() => {
                    let message = format!("{} bytes in {} channels", shape.size(), channels.len());
                    self.report(&format!("propertyTextures[{index}].{id}"), Fault::Malformed(message));
                }
                Ok((texture, channels)) => properties.push((shape, texture, channels)),
                Err(fault) => self.report(&format!("propertyTextures[{index}].{id}"), fault),
            }
        }
        PropertyTexture { name: text(&json["name"]), class: class(json), properties }
    }

    fn property_attribute(&mut self, schema: &Json, json: &Json, index: usize) -> PropertyAttribute {
        let mut properties = Vec::new();
        for (id, shape, info) in self.shapes(schema, json, &format!("propertyAttributes[{index}]")) {
            match info["attribute"].as_str() {
                Some(name) => properties.push((shape, name.to_owned())),
                None => {
                    let fault = Fault::Malformed("it names no attribute".into());
                    self.report(&format!("propertyAttributes[{index}].{id}"), fault);
                }
            }
        }
        PropertyAttribute { name: text(&json["name"]), class: class(json), properties }
    }

    /// The properties of a property texture or attribute with what their class says of them.
    fn shapes<'b>(&mut self, schema: &Json, json: &'b Json, place: &str) -> Vec<(&'b str, PropertyShape, &'b Json)> {
        let class = &schema["classes"][json["class"].as_str().unwrap_or_default()]["properties"];
        let empty = Map::new();
        let stored = json["properties"].as_object().unwrap_or(&empty);
        let required = class.as_object().into_iter().flatten().filter(|(_, p)| p["required"] == true);
        for (id, _) in required.filter(|(id, _)| !stored.contains_key(*id)) {
            self.report(&format!("{place}.{id}"), Fault::Malformed("a required property is missing".into()));
        }
        let mut shapes = Vec::new();
        for (id, info) in json["properties"].as_object().into_iter().flatten() {
            let shape = match class[id].is_object() {
                true => property_shape(schema, id, &class[id], info),
                false => malformed("the class has no such property"),
            };
            match shape {
                Ok(shape) => shapes.push((id.as_str(), shape, info)),
                Err(fault) => self.report(&format!("{place}.{id}"), fault),
            }
        }
        shapes
    }

    /// The property textures that a primitive uses, and the sets of texture coordinates that they read.
    pub(super) fn property_textures(&self, extension: &Json) -> (Vec<u32>, Vec<u32>) {
        let textures = &self.out.property_textures;
        let used = items(&extension["propertyTextures"]).iter().filter_map(uint).filter(|i| *i < textures.len());
        let used: Vec<u32> = used.map(|i| i as u32).collect();
        let properties = used.iter().flat_map(|i| &textures[*i as usize].properties);
        let sets = properties.map(|(_, texture, _)| texture.texcoords).collect();
        (used, sets)
    }

    /// The property attributes that a primitive uses, and the attributes that they read. Those whose attribute is
    /// missing have none.
    pub(super) fn property_attributes(
        &mut self,
        extension: &Json,
        attributes: &Attributes<'_>,
        count: usize,
        place: &str,
    ) -> (Vec<u32>, Vec<(String, Attribute)>) {
        let known = &self.out.property_attributes;
        let used = items(&extension["propertyAttributes"]).iter().filter_map(uint).filter(|i| *i < known.len());
        let used: Vec<u32> = used.map(|i| i as u32).collect();
        let of_used = used.iter().flat_map(|i| &known[*i as usize].properties);
        let mut wanted: Vec<(String, usize)> =
            of_used.map(|(shape, name)| (name.clone(), usize::from(shape.components))).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut found = Vec::new();
        for (name, components) in wanted {
            if let Some(attribute) = self.optional(attributes, &name, components, count, place) {
                found.push((name, attribute));
            }
        }
        (used, found)
    }
}

fn class(json: &Json) -> String {
    json["class"].as_str().unwrap_or_default().to_owned()
}

fn text(json: &Json) -> Option<String> {
    json.as_str().map(str::to_owned)
}
