//! The attributes of a primitive or of instances, packed or not.

use super::Reader;
use super::accessor::Accessor;
use crate::Attribute;
use crate::decode::bytes::{Fault, malformed, uint};
use crate::decode::draco::Geometry;
use serde_json::Value as Json;

/// Attributes by name.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a> {
    json: &'a Json,
    /// Unique ids by name, and what was unpacked.
    draco: Option<(&'a Json, &'a Geometry)>,
}

impl<'a> Attributes<'a> {
    /// Attributes whose accessors have bytes.
    pub(super) fn plain(json: &'a Json) -> Self {
        Self { json, draco: None }
    }

    /// Attributes of `KHR_draco_mesh_compression`; those that the extension does not list have bytes.
    pub(super) fn packed(json: &'a Json, ids: &'a Json, geometry: &'a Geometry) -> Self {
        Self { json, draco: Some((ids, geometry)) }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.json[name].is_number()
    }

    fn accessor_index(&self, name: &str) -> Result<usize, Fault> {
        uint(&self.json[name]).ok_or_else(|| Fault::Malformed(format!("it has no {name}")))
    }
}

impl<'a> Reader<'a> {
    /// The values of an attribute.
    pub(super) fn accessor<'b>(&self, attributes: &Attributes<'b>, name: &str) -> Result<Accessor<'b>, Fault>
    where
        'a: 'b,
    {
        let index = attributes.accessor_index(name)?;
        let Some((ids, geometry)) = attributes.draco.filter(|(ids, _)| ids[name].is_number()) else {
            return Accessor::read(self.json, self.views, index);
        };
        let id = uint(&ids[name]).and_then(|id| u32::try_from(id).ok()).unwrap_or(u32::MAX);
        let normalized = self.json["accessors"][index]["normalized"].as_bool().unwrap_or(false);
        Ok(Accessor::of_values(geometry.attribute(id)?, geometry.points(), normalized))
    }

    /// Appends an attribute, once; with its count. `components` may exceed the accessor's by a missing alpha.
    pub(super) fn attribute(
        &mut self,
        attributes: &Attributes<'_>,
        name: &str,
        components: usize,
    ) -> Result<(Attribute, usize), Fault> {
        let index = attributes.accessor_index(name)?;
        let known = [index as u64, components as u64];
        if let Some(found) = self.attributes.get(known) {
            return Ok(*found);
        }
        let accessor = self.accessor(attributes, name)?;
        let alpha = components == 4 && accessor.components == 3;
        if accessor.components != components && !alpha {
            return malformed(format!("{name} has {} components, not {components}", accessor.components));
        }
        if accessor.count > self.context.limits().vertices as usize {
            return Err(Fault::TooLarge(format!("{} values of {name}", accessor.count)));
        }
        let attribute = accessor.append(&mut self.out.vertices, components, self.context)?;
        let found = (attribute, accessor.count);
        self.attributes.insert(known, found);
        Ok(found)
    }

    /// An attribute that the primitive is drawn without when it is bad.
    pub(super) fn optional(
        &mut self,
        attributes: &Attributes<'_>,
        name: &str,
        components: usize,
        count: usize,
        place: &str,
    ) -> Option<Attribute> {
        if !attributes.has(name) {
            return None;
        }
        match self.attribute(attributes, name, components) {
            Ok((attribute, len)) if len == count => Some(attribute),
            Ok((_, len)) => {
                self.report(place, Fault::Malformed(format!("{len} values of {name} for {count} vertices")));
                None
            }
            Err(fault) => {
                self.report(place, fault);
                None
            }
        }
    }
}
