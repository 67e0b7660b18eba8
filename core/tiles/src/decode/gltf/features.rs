//! Feature ids: `EXT_mesh_features`, `EXT_instance_features` and the batch ids of `b3dm`.

use super::Reader;
use super::accessor::Accessor;
use super::attributes::Attributes;
use crate::decode::bytes::{Fault, items, malformed, uint};
use crate::{Attribute, Component, FeatureIds, FeatureSet};
use serde_json::Value as Json;

/// The feature id sets of a primitive's vertices, or of a node's instances.
#[derive(Clone, Debug, Default)]
pub(super) struct Features {
    pub(super) sets: Vec<FeatureSet>,
    /// Ids per vertex (or instance) of the most useful set: with a property table if there is one.
    pub(super) ids: Option<Attribute>,
    pub(super) table: Option<u32>,
    pub(super) null_id: Option<u32>,
}

impl Reader<'_> {
    /// Every set of an extension object. A bad set is left out and told.
    pub(super) fn features(
        &mut self,
        extension: &Json,
        attributes: &Attributes<'_>,
        count: usize,
        of_instances: bool,
        place: &str,
    ) -> Features {
        let mut sets = Vec::new();
        for (i, json) in items(&extension["featureIds"]).iter().enumerate() {
            match self.feature_set(json, attributes, count, of_instances) {
                Ok(set) => sets.push(set),
                Err(fault) => self.report(&format!("{place}.featureIds[{i}]"), fault),
            }
        }
        if sets.is_empty() && !of_instances {
            match self.batch_ids(attributes, count) {
                Ok(set) => sets.extend(set),
                Err(fault) => self.report(&format!("{place} batch ids"), fault),
            }
        }
        let usable = |set: &&FeatureSet| !matches!(set.ids, FeatureIds::Texture { .. });
        let best = sets.iter().filter(usable).find(|set| set.table.is_some()).or_else(|| sets.iter().find(usable));
        let Some(best) = best.cloned() else { return Features { sets, ..Features::default() } };
        let ids = match best.ids {
            FeatureIds::Attribute(attribute) => Ok(attribute),
            _ => self.implicit_ids(count),
        };
        match ids {
            Ok(ids) => Features { sets, ids: Some(ids), table: best.table, null_id: best.null_id },
            Err(fault) => {
                self.report(place, fault);
                Features { sets, ..Features::default() }
            }
        }
    }

    fn feature_set(
        &mut self,
        json: &Json,
        attributes: &Attributes<'_>,
        count: usize,
        of_instances: bool,
    ) -> Result<FeatureSet, Fault> {
        let ids = if json["texture"].is_object() {
            let channels = channels(&json["texture"])?;
            if channels.len() > 4 {
                return malformed(format!("ids of {} channels", channels.len()));
            }
            FeatureIds::Texture { texture: self.texture_ref(&json["texture"])?, channels }
        } else if let Some(n) = uint(&json["attribute"]) {
            FeatureIds::Attribute(self.id_attribute(attributes, &format!("_FEATURE_ID_{n}"), count)?)
        } else {
            FeatureIds::Implicit
        };
        let number = |key: &str| uint(&json[key]).and_then(|v| u32::try_from(v).ok());
        Ok(FeatureSet {
            ids,
            of_instances,
            label: json["label"].as_str().map(str::to_owned),
            feature_count: number("featureCount").unwrap_or(0),
            null_id: number("nullFeatureId"),
            table: number("propertyTable"),
        })
    }

    /// `_BATCHID`, whose table is the batch table.
    fn batch_ids(&mut self, attributes: &Attributes<'_>, count: usize) -> Result<Option<FeatureSet>, Fault> {
        let Some(name) = ["_BATCHID", "BATCHID"].into_iter().find(|name| attributes.has(name)) else {
            return Ok(None);
        };
        let ids = FeatureIds::Attribute(self.id_attribute(attributes, name, count)?);
        Ok(Some(FeatureSet { ids, of_instances: false, label: None, feature_count: 0, null_id: None, table: Some(0) }))
    }

    fn id_attribute(&mut self, attributes: &Attributes<'_>, name: &str, count: usize) -> Result<Attribute, Fault> {
        let (attribute, len) = self.attribute(attributes, name, 1)?;
        if len != count {
            return malformed(format!("{len} values of {name} for {count}"));
        }
        if attribute.component == Component::F32 {
            round(&mut self.out.vertices, attribute, count);
        }
        Ok(attribute)
    }

    /// Ids that count the vertices (or instances).
    fn implicit_ids(&mut self, count: usize) -> Result<Attribute, Fault> {
        if let Some(attribute) = self.implicit.get([count as u64, 0]) {
            return Ok(*attribute);
        }
        let bytes: Vec<u8> = {
            self.context.take(count.saturating_mul(4))?;
            // Whole numbers are exact in f32 up to 16.7 million, which is also the default limit of vertices.
            (0..count).flat_map(|id| (id as f32).to_le_bytes()).collect()
        };
        let values = Accessor::of_floats(bytes, count);
        let attribute = values.append(&mut self.out.vertices, 1, self.context)?;
        debug_assert_eq!(attribute.component, Component::F32);
        self.implicit.insert([count as u64, 0], attribute);
        Ok(attribute)
    }
}

/// Makes ids whole numbers again: Draco may have quantised them, so that 273 comes as 272.996.
fn round(vertices: &mut [u8], attribute: Attribute, count: usize) {
    for i in 0..count {
        let at = attribute.offset as usize + i * attribute.stride as usize;
        let Some(bytes) = vertices.get_mut(at..at + 4) else { return };
        let id = Component::F32.read(bytes) as f32;
        bytes.copy_from_slice(&id.round().to_le_bytes());
    }
}

/// The channels that a texture's values are in; red alone where it does not say.
pub(super) fn channels(json: &Json) -> Result<Vec<u8>, Fault> {
    let Some(listed) = json["channels"].as_array() else { return Ok(vec![0]) };
    let channel = |json: &Json| uint(json).and_then(|n| u8::try_from(n).ok()).filter(|n| *n < 4);
    let channels: Option<Vec<u8>> = listed.iter().map(channel).collect();
    channels.filter(|c| !c.is_empty() && c.len() <= 16).ok_or_else(|| Fault::Malformed("channels out of 0 to 3".into()))
}
