//! Mesh primitives.

use super::Reader;
use super::attributes::Attributes;
use super::features::Features;
use super::indices::{self, Assembly};
use super::instances::NodeInstances;
use crate::decode::bytes::{Fault, malformed, uint};
use crate::decode::draco::{self, Geometry};
use crate::{Component, FeatureIds, IndexRange, Primitive, Topology};
use glam::{DMat4, DVec3};
use serde_json::Value as Json;

/// A primitive as its mesh has it, before a node places it.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    primitive: Primitive,
    bounds: [DVec3; 2],
}

impl Shape {
    /// The primitive in a node's place.
    pub(super) fn placed(&self, tile_from_node: &DMat4, instances: Option<&NodeInstances>) -> Primitive {
        let mut primitive = self.primitive.clone();
        primitive.tile_from_local = tile_from_node.to_cols_array();
        primitive.bounds = placed_bounds(self.bounds, tile_from_node, instances);
        let Some(NodeInstances { instances, features, .. }) = instances else { return primitive };
        primitive.instances = Some(*instances);
        primitive.feature_sets.splice(0..0, features.sets.iter().cloned());
        // An instance is a feature of its own kind: what it says goes before what its mesh says.
        if features.ids.is_some() {
            primitive.feature_ids = None;
            (primitive.table, primitive.null_feature_id) = (features.table, features.null_id);
        }
        primitive
    }
}

impl Reader<'_> {
    /// One primitive of a mesh.
    pub(super) fn primitive(&mut self, json: &Json, place: &str) -> Result<Shape, Fault> {
        let attributes = &json["attributes"];
        let packed = &json["extensions"]["KHR_draco_mesh_compression"];
        if !packed.is_object() {
            return self.assemble(json, place, &Attributes::plain(attributes), None);
        }
        let view = self.views.get(uint(&packed["bufferView"]).unwrap_or(usize::MAX));
        match view.and_then(|view| draco::decode(&view.bytes, self.context)) {
            Ok(geometry) => {
                let attributes = Attributes::packed(attributes, &packed["attributes"], &geometry);
                self.assemble(json, place, &attributes, Some(&geometry))
            }
            // The extension may come with accessors that have bytes, for readers without it.
            Err(fault) => match self.has_bytes(&attributes["POSITION"]) {
                true => self.assemble(json, place, &Attributes::plain(attributes), None),
                false => Err(fault),
            },
        }
    }

    fn has_bytes(&self, accessor: &Json) -> bool {
        uint(accessor).is_some_and(|i| self.json["accessors"][i]["bufferView"].is_number())
    }

    fn assemble(
        &mut self,
        json: &Json,
        place: &str,
        attributes: &Attributes<'_>,
        draco: Option<&Geometry>,
    ) -> Result<Shape, Fault> {
        let mode = uint(&json["mode"]).unwrap_or(4);
        let Some(assembly) = Assembly::from_mode(mode) else { return malformed(format!("mode {mode} is not known")) };
        if !attributes.has("POSITION") {
            return malformed("it has no POSITION");
        }
        let (positions, count) = self.attribute(attributes, "POSITION", 3)?;
        if positions.component == Component::U32 {
            return malformed("POSITION has 32-bit integers");
        }
        let bounds = self.position_bounds(attributes)?;
        let indices = match draco.filter(|geometry| geometry.indices().len() > 0) {
            Some(geometry) => {
                let list = Assembly::List(Topology::Triangles);
                Some(indices::unroll(&mut self.out.indices, geometry.indices(), list, count, self.context)?)
            }
            None if draco.is_some() => None,
            None => self.indices(&json["indices"], assembly, count)?,
        };
        let metadata = &json["extensions"]["EXT_structural_metadata"];
        let (property_textures, property_sets) = self.property_textures(metadata);
        let (property_attributes, metadata_attributes) = self.property_attributes(metadata, attributes, count, place);
        let material = self.material(&json["material"]);
        let Features { sets, ids, table, null_id } =
            self.features(&json["extensions"]["EXT_mesh_features"], attributes, count, false, place);
        let mut primitive = Primitive {
            topology: assembly.topology(),
            vertex_count: count as u32,
            positions,
            normals: self.optional(attributes, "NORMAL", 3, count, place),
            colors: self.optional(attributes, "COLOR_0", 4, count, place),
            feature_ids: ids,
            feature_sets: sets,
            property_textures,
            property_attributes,
            metadata_attributes,
            indices,
            outline: self.outline(json, count, place),
            base_color: material.base_color,
            base_color_texture: material.texture,
            alpha: material.alpha,
            unlit: material.unlit,
            point_diameter_px: material.point_diameter_px,
            double_sided: material.double_sided,
            flat_order: material.flat_order,
            table,
            null_feature_id: null_id,
            ..Primitive::default()
        };
        self.texcoords(&mut primitive, &property_sets, attributes, place);
        Ok(Shape { primitive, bounds })
    }

    /// Reads the sets of texture coordinates that something refers to; what refers to a missing one is dropped.
    fn texcoords(&mut self, primitive: &mut Primitive, more: &[u32], attributes: &Attributes<'_>, place: &str) {
        let of_features = primitive.feature_sets.iter().filter_map(|set| match &set.ids {
            FeatureIds::Texture { texture, .. } => Some(texture.texcoords),
            FeatureIds::Attribute(_) | FeatureIds::Implicit => None,
        });
        let of_material = primitive.base_color_texture.iter().map(|texture| texture.texcoords);
        let mut sets: Vec<u32> = of_features.chain(of_material).chain(more.iter().copied()).collect();
        sets.sort_unstable();
        sets.dedup();
        for set in sets {
            let name = format!("TEXCOORD_{set}");
            let count = primitive.vertex_count as usize;
            match self.optional(attributes, &name, 2, count, place) {
                Some(attribute) => primitive.texcoords.push((set, attribute)),
                None => {
                    let fault = Fault::Malformed(format!("a texture without its {name}"));
                    self.report(place, fault);
                    primitive.base_color_texture = primitive.base_color_texture.filter(|t| t.texcoords != set);
                    let reads = |ids: &FeatureIds| matches!(ids, FeatureIds::Texture { texture, .. } if texture.texcoords == set);
                    primitive.feature_sets.retain(|features| !reads(&features.ids));
                }
            }
        }
    }

    fn indices(&mut self, index: &Json, assembly: Assembly, count: usize) -> Result<Option<IndexRange>, Fault> {
        let accessor = match index {
            Json::Null => None,
            index => Some(super::accessor::Accessor::read(self.json, self.views, uint(index).unwrap_or(usize::MAX))?),
        };
        indices::append(&mut self.out.indices, accessor.as_ref(), assembly, count, self.context)
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

    /// Smallest and largest corner of the positions. Scanned, since `min` and `max` in files are not to be trusted;
    /// values that are not finite make the primitive bad.
    fn position_bounds(&mut self, attributes: &Attributes<'_>) -> Result<[DVec3; 2], Fault> {
        let accessor = self.accessor(attributes, "POSITION")?;
        if accessor.count == 0 {
            return malformed("it has no vertices");
        }
        accessor.bounds().ok_or_else(|| Fault::Malformed("a position is not finite".into()))
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
