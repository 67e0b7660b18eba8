//! Feature ids: `EXT_mesh_features`, `EXT_instance_features` and the batch ids of `b3dm`.

use super::Reader;
use crate::decode::bytes::{Fault, MAX_DECODED_BYTES, items, malformed, uint};
use crate::{Attribute, Component};
use serde_json::Value as Json;

/// Which features a primitive's vertices, or a node's instances, belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct FeatureIds {
    pub(super) ids: Option<Attribute>,
    pub(super) table: Option<u32>,
    pub(super) null_id: Option<u32>,
}

impl Reader<'_> {
    /// The most useful feature id set of an extension object: with a property table if there is one, and stored per
    /// vertex (or instance), since textures of ids are not read.
    pub(super) fn feature_ids(
        &mut self,
        extension: &Json,
        attributes: &Json,
        count: usize,
        place: &str,
    ) -> Result<FeatureIds, Fault> {
        let sets = items(&extension["featureIds"]);
        let usable = |set: &&Json| !set["texture"].is_object();
        let with_table = |set: &&Json| set["propertyTable"].is_number();
        let best = sets.iter().filter(usable).find(with_table).or_else(|| sets.iter().find(usable));
        let Some(set) = best else {
            if !sets.is_empty() {
                self.report(place, Fault::Unsupported("feature ids in a texture".into()));
            }
            return self.batch_ids(attributes, count);
        };
        let ids = match uint(&set["attribute"]) {
            Some(n) => self.id_attribute(&attributes[format!("_FEATURE_ID_{n}")], count)?,
            None => self.implicit_ids(count)?,
        };
        let number = |key: &str| uint(&set[key]).and_then(|v| u32::try_from(v).ok());
        Ok(FeatureIds { ids: Some(ids), table: number("propertyTable"), null_id: number("nullFeatureId") })
    }

    /// `_BATCHID`, whose table is the batch table.
    fn batch_ids(&mut self, attributes: &Json, count: usize) -> Result<FeatureIds, Fault> {
        let batch = ["_BATCHID", "BATCHID"].into_iter().map(|name| &attributes[name]).find(|id| id.is_number());
        match batch {
            Some(accessor) => {
                Ok(FeatureIds { ids: Some(self.id_attribute(accessor, count)?), table: Some(0), null_id: None })
            }
            None => Ok(FeatureIds::default()),
        }
    }

    fn id_attribute(&mut self, accessor: &Json, count: usize) -> Result<Attribute, Fault> {
        let Some(index) = uint(accessor) else { return malformed("its feature id attribute is missing") };
        let (attribute, len) = self.attribute(index, 1)?;
        if len != count {
            return malformed(format!("{len} feature ids for {count}"));
        }
        Ok(attribute)
    }

    /// Ids that count the vertices (or instances).
    fn implicit_ids(&mut self, count: usize) -> Result<Attribute, Fault> {
        let out = &mut self.out.vertices;
        let offset = out.len().next_multiple_of(4);
        if count.saturating_mul(4) > MAX_DECODED_BYTES.saturating_sub(offset) {
            return Err(Fault::TooLarge("the vertices are over 512 MiB".into()));
        }
        out.resize(offset, 0);
        // Whole numbers are exact in f32 up to 16.7 million, more than one content can hold of vertices in sane tiles.
        for id in 0..count {
            out.extend_from_slice(&(id as f32).to_le_bytes());
        }
        Ok(Attribute { offset: offset as u32, stride: 4, component: Component::F32, components: 1, normalized: false })
    }
}
