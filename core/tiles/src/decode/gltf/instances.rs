//! `EXT_mesh_gpu_instancing` and `EXT_instance_features`.

use super::Reader;
use super::accessor::Accessor;
use super::attributes::Attributes;
use super::features::Features;
use crate::decode::bytes::{Fault, malformed, uint};
use crate::{Attribute, Component, Instances};
use glam::{DMat4, DQuat, DVec3};
use serde_json::Value as Json;

/// The instances of one node.
pub(super) struct NodeInstances {
    pub(super) instances: Instances,
    pub(super) features: Features,
    /// node_from_instance of each, for bounds.
    pub(super) transforms: Vec<DMat4>,
}

impl Reader<'_> {
    /// The instances of a node; `None` when it is drawn once.
    pub(super) fn instances(&mut self, node: &Json) -> Result<Option<NodeInstances>, Fault> {
        let extension = &node["extensions"]["EXT_mesh_gpu_instancing"];
        if !extension.is_object() {
            return Ok(None);
        }
        let attributes = &extension["attributes"];
        let transforms = self.instance_transforms(attributes)?;
        let count = transforms.len();
        let offset = self.out.vertices.len().next_multiple_of(4);
        self.context.grow(&self.out.vertices, count.saturating_mul(48))?;
        self.out.vertices.resize(offset, 0);
        for transform in &transforms {
            for row in 0..3 {
                for value in transform.row(row).as_vec4().to_array() {
                    self.out.vertices.extend_from_slice(&value.to_le_bytes());
                }
            }
        }
        let attribute = Attribute {
            offset: offset as u32,
            stride: 48,
            component: Component::F32,
            components: 4,
            normalized: false,
        };
        let features = &node["extensions"]["EXT_instance_features"];
        let features = match features.is_object() {
            true => self.features(features, &Attributes::plain(attributes), count, true, "EXT_instance_features"),
            false => Features::default(),
        };
        let instances = Instances { count: count as u32, transforms: attribute, feature_ids: features.ids };
        Ok(Some(NodeInstances { instances, features, transforms }))
    }

    fn instance_transforms(&self, attributes: &Json) -> Result<Vec<DMat4>, Fault> {
        let translation = self.instance_attribute(&attributes["TRANSLATION"], 3)?;
        let rotation = self.instance_attribute(&attributes["ROTATION"], 4)?;
        let scale = self.instance_attribute(&attributes["SCALE"], 3)?;
        let counts = [&translation, &rotation, &scale].map(|a| a.as_ref().map(|a| a.count));
        let Some(count) = counts.into_iter().flatten().next() else { return malformed("it has no transforms") };
        if counts.into_iter().flatten().any(|n| n != count) {
            return malformed(format!("its attributes differ in length: {counts:?}"));
        }
        let vec3 = |a: &Accessor<'_>, i: usize| DVec3::new(a.value(i, 0), a.value(i, 1), a.value(i, 2));
        let transform = |i: usize| {
            let rotation = rotation.as_ref().map_or(DQuat::IDENTITY, |a| {
                DQuat::from_xyzw(a.value(i, 0), a.value(i, 1), a.value(i, 2), a.value(i, 3)).normalize()
            });
            let scale = scale.as_ref().map_or(DVec3::ONE, |a| vec3(a, i));
            let translation = translation.as_ref().map_or(DVec3::ZERO, |a| vec3(a, i));
            DMat4::from_scale_rotation_translation(scale, rotation, translation)
        };
        self.context.take(count.saturating_mul(size_of::<DMat4>()))?;
        let transforms: Vec<DMat4> = (0..count).map(transform).collect();
        match transforms.iter().position(|t| !t.is_finite()) {
            Some(i) => malformed(format!("instance {i} has a transform that is not finite")),
            None => Ok(transforms),
        }
    }

    fn instance_attribute(&self, index: &Json, components: usize) -> Result<Option<Accessor<'_>>, Fault> {
        let Some(index) = uint(index) else { return Ok(None) };
        let accessor = Accessor::read(self.json, self.views, index)?;
        if accessor.components != components {
            return malformed(format!("accessor {index} has {} components, not {components}", accessor.components));
        }
        Ok(Some(accessor))
    }
}
