//! Mesh primitives and their materials.

use super::Reader;
use super::accessor::Accessor;
use super::indices::{self, Assembly};
use super::instances::NodeInstances;
use crate::decode::Decoder;
use crate::decode::bytes::{Fault, malformed, numbers, uint};
use crate::{Attribute, Component, IndexRange, Primitive, Topology};
use glam::{DMat4, DVec3};
use serde_json::Value as Json;

impl Reader<'_> {
    /// One primitive of a mesh, placed by its node.
    pub(super) fn primitive(
        &mut self,
        json: &Json,
        place: &str,
        tile_from_node: &DMat4,
        instances: Option<&NodeInstances>,
    ) -> Result<Primitive, Fault> {
        if json["extensions"]["KHR_draco_mesh_compression"].is_object() {
            self.context.need(Decoder::Draco)?;
            return Err(Fault::Unsupported("KHR_draco_mesh_compression".into()));
        }
        let mode = uint(&json["mode"]).unwrap_or(4);
        let Some(assembly) = Assembly::from_mode(mode) else { return malformed(format!("mode {mode} is not known")) };
        let attributes = &json["attributes"];
        let Some(position) = uint(&attributes["POSITION"]) else { return malformed("it has no POSITION") };
        let (positions, count) = self.attribute(position, 3)?;
        if positions.component == Component::U32 {
            return malformed("POSITION has 32-bit integers");
        }
        let local_bounds = self.position_bounds(position)?;
        let normals = self.optional(&attributes["NORMAL"], 3, count, place);
        let colors = self.optional(&attributes["COLOR_0"], 4, count, place);
        let indices = self.indices(&json["indices"], assembly, count)?;
        let outline = self.outline(json, count, place);
        let features = self.feature_ids(&json["extensions"]["EXT_mesh_features"], attributes, count, place)?;
        let material = &self.json["materials"][uint(&json["material"]).unwrap_or(usize::MAX)];
        let base_color = numbers::<4>(&material["pbrMetallicRoughness"]["baseColorFactor"]).unwrap_or([1.0; 4]);
        let flat_order = uint(&material["extras"]["citytwinFlat"]).and_then(|n| u8::try_from(n).ok());
        // An instance is a feature of its own kind: what it says goes before what its mesh says.
        let of_instances = instances.map(|i| i.features).filter(|f| f.ids.is_some());
        Ok(Primitive {
            topology: assembly.topology(),
            tile_from_local: tile_from_node.to_cols_array(),
            vertex_count: count as u32,
            positions,
            normals,
            colors,
            feature_ids: features.ids.filter(|_| of_instances.is_none()),
            indices,
            outline,
            base_color: base_color.map(|v| v as f32),
            double_sided: material["doubleSided"].as_bool().unwrap_or(false),
            flat_order,
            instances: instances.map(|i| i.instances),
            table: of_instances.map_or(features.table, |f| f.table),
            null_feature_id: of_instances.map_or(features.null_id, |f| f.null_id),
            bounds: placed_bounds(local_bounds, tile_from_node, instances),
            ..Primitive::default()
        })
    }

    /// Appends an accessor as an attribute, once; with its count. `components` may exceed the accessor's by a missing
    /// alpha.
    pub(super) fn attribute(&mut self, index: usize, components: usize) -> Result<(Attribute, usize), Fault> {
        let accessor = Accessor::read(self.json, self.views, index)?;
        let alpha = components == 4 && accessor.components == 3;
        if accessor.components != components && !alpha {
            return malformed(format!("accessor {index} has {} components, not {components}", accessor.components));
        }
        if let Some(attribute) = self.attributes.get(&(index, components)) {
            return Ok((*attribute, accessor.count));
        }
        let attribute = accessor.append(&mut self.out.vertices, components)?;
        let count = accessor.count;
        self.attributes.insert((index, components), attribute);
        Ok((attribute, count))
    }

    /// An attribute that the primitive is drawn without when it is bad.
    fn optional(&mut self, index: &Json, components: usize, count: usize, place: &str) -> Option<Attribute> {
        let (attribute, len) = match self.attribute(uint(index)?, components) {
            Ok(found) => found,
            Err(fault) => {
                self.report(place, fault);
                return None;
            }
        };
        if len != count {
            self.report(place, Fault::Malformed(format!("{len} values of an attribute for {count} vertices")));
            return None;
        }
        Some(attribute)
    }

    fn indices(&mut self, index: &Json, assembly: Assembly, count: usize) -> Result<Option<IndexRange>, Fault> {
        let accessor = match index {
            Json::Null => None,
            index => Some(Accessor::read(self.json, self.views, uint(index).unwrap_or(usize::MAX))?),
        };
        indices::append(&mut self.out.indices, accessor.as_ref(), assembly, count)
    }

    /// `CESIUM_primitive_outline`.
    fn outline(&mut self, json: &Json, count: usize, place: &str) -> Option<IndexRange> {
        let index = &json["extensions"]["CESIUM_primitive_outline"]["indices"];
        if index.is_null() {
            return None;
        }
        self.indices(index, Assembly::List(Topology::Lines), count).unwrap_or_else(|fault| {
            self.report(&format!("{place} CESIUM_primitive_outline"), fault);
            None
        })
    }

    /// Smallest and largest corner of an accessor's values. Scanned, since `min` and `max` in files are not to be
    /// trusted; values that are not finite make the primitive bad.
    fn position_bounds(&mut self, index: usize) -> Result<[DVec3; 2], Fault> {
        if let Some(bounds) = self.position_bounds.get(&index) {
            return Ok(*bounds);
        }
        let accessor = Accessor::read(self.json, self.views, index)?;
        let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
        for i in 0..accessor.count {
            let p = DVec3::new(accessor.value(i, 0), accessor.value(i, 1), accessor.value(i, 2));
            if !p.is_finite() {
                return malformed(format!("position {i} is not finite"));
            }
            low = low.min(p);
            high = high.max(p);
        }
        if accessor.count == 0 {
            return malformed("it has no vertices");
        }
        self.position_bounds.insert(index, [low, high]);
        Ok([low, high])
    }
}

/// Bounds in the tile's frame, over all instances.
fn placed_bounds(local: [DVec3; 2], tile_from_node: &DMat4, instances: Option<&NodeInstances>) -> [[f64; 3]; 2] {
    let once = [DMat4::IDENTITY];
    let transforms = instances.map_or(&once[..], |i| &i.transforms);
    let mut bounds = [DVec3::INFINITY, DVec3::NEG_INFINITY];
    for transform in transforms {
        let tile_from_local = *tile_from_node * *transform;
        for corner in 0..8 {
            let pick = |axis: usize| local[corner >> axis & 1][axis];
            let p = tile_from_local.transform_point3(DVec3::new(pick(0), pick(1), pick(2)));
            bounds = [bounds[0].min(p), bounds[1].max(p)];
        }
    }
    if transforms.is_empty() {
        bounds = [DVec3::ZERO; 2];
    }
    bounds.map(|p| p.to_array())
}
