//! Things of the city → triangles. Pure functions of [`crate::bake::model`]: no file, no clock, no tile.
//!
//! # Conventions
//! * Positions are ENU metres of the city's origin: x east, y north, z up; z = 0 is the ground.
//! * Triangles are counter-clockwise seen from outside; normals have length 1 and point outside.
//! * Colours are sRGB with alpha 255. The foot of a wall is darkened in its vertex colours; light is the shader's.
//! * Broken geometry gives fewer triangles, never a panic and never a number that is not finite.
//!
//! What lies flat goes into [`Layers`], one mesh for each drawing order; what stands goes into a [`Mesh`].

mod building;
mod flat;
mod furniture;
mod palette;
mod polygon;
#[cfg(test)]
mod real_data;
mod roof;
mod surface;
#[cfg(test)]
mod test_shapes;
mod triangulate;

pub use building::building;
pub use flat::{area, extent_ground, way_bridge, way_flat};
pub use furniture::{model, model_coarse, model_variants};

use glam::{DMat4, DVec3, Vec3};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much of the city's detail to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Detail {
    /// The geometric error that the mesh may have, metres; 0 draws everything.
    pub error_m: f64,
}

impl Detail {
    /// Everything.
    pub const FULL: Detail = Detail { error_m: 0.0 };

    /// Whether everything is wanted.
    pub fn is_full(self) -> bool {
        self.error_m <= 0.0
    }
}

/// Triangles with one normal, colour and feature for each vertex.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mesh {
    /// East, north, up; metres.
    pub positions: Vec<DVec3>,
    /// Unit vectors in the same frame.
    pub normals: Vec<Vec3>,
    /// sRGB and alpha.
    pub colors: Vec<[u8; 4]>,
    /// The feature that each vertex belongs to.
    pub features: Vec<u32>,
    /// Three for each triangle.
    pub indices: Vec<u32>,
    /// Visible edges: pairs of vertex indices, each pair an edge of a triangle.
    pub outline: Vec<[u32; 2]>,
    /// Pieces of it that show a picture; no vertex belongs to two.
    pub draped: Vec<Draped>,
}

/// A piece of a mesh that shows a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draped {
    /// Index into [`crate::bake::model::City::pictures`].
    pub picture: u32,
    /// Its first vertex; there are as many as [`Self::uvs`].
    pub first_vertex: u32,
    /// Its first index and the one after its last.
    pub indices: std::ops::Range<usize>,
    /// As in [`crate::bake::model::Drape`], one for each vertex.
    pub uvs: Vec<[f32; 2]>,
}

impl Mesh {
    /// Number of triangles.
    pub fn triangle_count(&self) -> usize {
        self.indices.len() / 3
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The smallest box around all positions as (least, greatest); nothing for an empty mesh.
    pub fn bounds(&self) -> Option<(DVec3, DVec3)> {
        let first = *self.positions.first()?;
        Some(self.positions.iter().fold((first, first), |(low, high), &p| (low.min(p), high.max(p))))
    }

    /// Puts a copy of `other` behind what is already here.
    pub fn append(&mut self, other: &Mesh) {
        let (base, first_index) = (self.positions.len() as u32, self.indices.len());
        self.positions.extend_from_slice(&other.positions);
        self.normals.extend_from_slice(&other.normals);
        self.colors.extend_from_slice(&other.colors);
        self.features.extend_from_slice(&other.features);
        self.indices.extend(other.indices.iter().map(|index| base + index));
        self.outline.extend(other.outline.iter().map(|&[a, b]| [base + a, base + b]));
        self.draped.extend(other.draped.iter().map(|piece| Draped {
            first_vertex: base + piece.first_vertex,
            indices: first_index + piece.indices.start..first_index + piece.indices.end,
            ..piece.clone()
        }));
    }

    /// Moves, turns and scales the mesh; a mirroring matrix turns the triangles round, so that they still face out.
    pub fn transform(&mut self, new_from_old: &DMat4) {
        let linear = glam::DMat3::from_mat4(*new_from_old);
        let normal_matrix = linear.inverse().transpose();
        for position in &mut self.positions {
            *position = new_from_old.transform_point3(*position);
        }
        for normal in &mut self.normals {
            *normal = (normal_matrix * normal.as_dvec3()).normalize_or(DVec3::Z).as_vec3();
        }
        if linear.determinant() < 0.0 {
            for triangle in self.indices.chunks_exact_mut(3) {
                triangle.swap(1, 2);
            }
        }
    }

    /// Adds a vertex and returns its index.
    fn vertex(&mut self, position: DVec3, normal: Vec3, color: [u8; 4], feature: u32) -> u32 {
        let index = self.positions.len() as u32;
        self.positions.push(position);
        self.normals.push(normal);
        self.colors.push(color);
        self.features.push(feature);
        index
    }
}

/// Flat meshes by drawing order: a later one lies on top of an earlier one.
///
/// Orders below [`Layers::FIRST_WAY`] are ground (extent, areas), the others ways (casings, then fills). Within one
/// order, triangles may overlap and have the same height; they have the same colour there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layers(pub BTreeMap<u32, Mesh>);

impl Layers {
    /// The first drawing order that belongs to ways.
    pub const FIRST_WAY: u32 = 32;

    /// The mesh of one order, made when it is not there yet.
    pub fn layer(&mut self, order: u32) -> &mut Mesh {
        self.0.entry(order).or_default()
    }

    /// All triangles, sorted by drawing order.
    #[cfg(test)]
    fn into_merged(self) -> Mesh {
        let mut all = Mesh::default();
        self.0.values().for_each(|layer| all.append(layer));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triangle() -> Mesh {
        let mut mesh = Mesh::default();
        for (x, y) in [(0.0, 0.0), (2.0, 0.0), (0.0, 1.0)] {
            mesh.vertex(DVec3::new(x, y, 0.0), Vec3::Z, [1, 2, 3, 255], 4);
        }
        mesh.indices.extend([0, 1, 2]);
        mesh.outline.push([0, 1]);
        mesh
    }

    #[test]
    fn appended_meshes_keep_their_own_corners() {
        let mut both = triangle();
        both.append(&triangle());
        assert_eq!(both.indices, [0, 1, 2, 3, 4, 5]);
        assert_eq!(both.outline, [[0, 1], [3, 4]]);
        assert_eq!((both.triangle_count(), both.positions.len(), both.features.len()), (2, 6, 6));
        assert_eq!(both.bounds(), Some((DVec3::ZERO, DVec3::new(2.0, 1.0, 0.0))));
        assert_eq!(Mesh::default().bounds(), None);
    }

    #[test]
    fn a_moved_mesh_still_faces_the_way_of_its_normals() {
        for scale in [DVec3::new(2.0, 1.0, 1.0), DVec3::new(-1.0, 1.0, 3.0), DVec3::new(1.0, 1.0, -1.0)] {
            let mut mesh = triangle();
            let turn = DMat4::from_rotation_x(0.7) * DMat4::from_translation(DVec3::new(5.0, 6.0, 7.0));
            mesh.transform(&(turn * DMat4::from_scale(scale)));
            let [a, b, c] = [0, 1, 2].map(|corner| mesh.positions[mesh.indices[corner] as usize]);
            let facing = (b - a).cross(c - a).normalize().as_vec3();
            assert!(mesh.normals.iter().all(|normal| facing.dot(*normal) > 0.999), "{scale}: {facing}");
        }
    }

    #[test]
    fn layers_merge_from_the_lowest_to_the_highest() {
        let mut layers = Layers::default();
        for order in [40, 3, 17] {
            let mut mesh = triangle();
            mesh.features = vec![order; 3];
            layers.layer(order).append(&mesh);
        }
        assert_eq!(layers.into_merged().features, [3, 3, 3, 17, 17, 17, 40, 40, 40]);
    }
}
