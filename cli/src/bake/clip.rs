//! Cutting flat meshes along lines of constant east or north.
//!
//! Both sides of a cut get the same new vertices, bit for bit, and so does any other triangle that shares the cut
//! edge, even one of another mesh: a crossing is computed from the edge's ends in a fixed order.

use super::mesh::Mesh;
use glam::{DVec3, Vec3};
use std::collections::HashMap;

/// Which coordinate is constant along the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    /// East.
    X,
    /// North.
    Y,
}

impl Axis {
    fn of(self, p: DVec3) -> f64 {
        match self {
            Self::X => p.x,
            Self::Y => p.y,
        }
    }
}

/// Cuts a mesh at a line: what lies below it, and what lies above. Triangles stay in order. Outlines are dropped:
/// flat things have none.
///
/// Sutherland and Hodgman, "Reentrant polygon clipping" (1974), on one triangle at a time. Pictures are dropped too: only what stands shows any, and goes to a tile whole.
pub(super) fn split(mesh: &Mesh, axis: Axis, at: f64) -> [Mesh; 2] {
    // Most meshes far down the tree lie on one side.
    let below = mesh.positions.iter().all(|&p| axis.of(p) <= at);
    if below || mesh.positions.iter().all(|&p| axis.of(p) >= at) {
        let whole = Mesh { outline: Vec::new(), draped: Vec::new(), ..mesh.clone() };
        return if below { [whole, Mesh::default()] } else { [Mesh::default(), whole] };
    }
    let line = Line { mesh, axis, at };
    let mut halves = [Half::new(mesh), Half::new(mesh)];
    for triangle in mesh.indices.chunks_exact(3) {
        let triangle = [triangle[0], triangle[1], triangle[2]];
        let sides = triangle.map(|i| axis.of(mesh.positions[i as usize]) - at);
        for (half, sign) in halves.iter_mut().zip([-1.0, 1.0]) {
            // A triangle that only touches the line from the other side has no part here.
            if sides.iter().any(|side| side * sign > 0.0) {
                half.add(&line, triangle, sides.map(|side| side * sign));
            }
        }
    }
    halves.map(|half| half.out)
}

struct Line<'a> {
    mesh: &'a Mesh,
    axis: Axis,
    at: f64,
}

/// One side of the cut under construction.
struct Half {
    out: Mesh,
    /// New index of each old vertex; `u32::MAX` while it has none.
    kept: Vec<u32>,
    /// New index of each crossing, by the old indices of its edge. Only looked up, never walked: its order does not
    /// reach the output.
    crossings: HashMap<(u32, u32), u32>,
}

impl Half {
    fn new(mesh: &Mesh) -> Self {
        Self { out: Mesh::default(), kept: vec![u32::MAX; mesh.positions.len()], crossings: HashMap::new() }
    }

    /// Adds the part of a triangle with `inside >= 0`.
    fn add(&mut self, line: &Line, triangle: [u32; 3], inside: [f64; 3]) {
        let mut polygon = [0u32; 4];
        let mut count = 0;
        for i in 0..3 {
            let j = (i + 1) % 3;
            if inside[i] >= 0.0 {
                polygon[count] = self.keep(line.mesh, triangle[i]);
                count += 1;
            }
            if inside[i] * inside[j] < 0.0 {
                polygon[count] = self.cross(line, triangle[i], triangle[j]);
                count += 1;
            }
        }
        for k in 2..count {
            self.out.indices.extend([polygon[0], polygon[k - 1], polygon[k]]);
        }
    }

    fn keep(&mut self, mesh: &Mesh, old: u32) -> u32 {
        let i = old as usize;
        if self.kept[i] == u32::MAX {
            self.kept[i] = self.push(mesh.positions[i], mesh.normals[i], mesh.colors[i], mesh.features[i]);
        }
        self.kept[i]
    }

    fn cross(&mut self, line: &Line, from: u32, to: u32) -> u32 {
        let edge = (from.min(to), from.max(to));
        if let Some(&known) = self.crossings.get(&edge) {
            return known;
        }
        let mesh = line.mesh;
        let key = |i: u32| mesh.positions[i as usize].to_array();
        let ordered = key(edge.0).partial_cmp(&key(edge.1)).is_some_and(std::cmp::Ordering::is_le);
        let (a, b) = if ordered { edge } else { (edge.1, edge.0) };
        let (a, b) = (a as usize, b as usize);
        let (pa, pb) = (mesh.positions[a], mesh.positions[b]);
        let share = (line.at - line.axis.of(pa)) / (line.axis.of(pb) - line.axis.of(pa));
        let mut position = pa.lerp(pb, share);
        match line.axis {
            Axis::X => position.x = line.at,
            Axis::Y => position.y = line.at,
        }
        let normal = mesh.normals[a].lerp(mesh.normals[b], share as f32).normalize_or(Vec3::Z);
        let mix = |c: usize| {
            let (x, y) = (f64::from(mesh.colors[a][c]), f64::from(mesh.colors[b][c]));
            (x + (y - x) * share).round() as u8
        };
        let new = self.push(position, normal, [mix(0), mix(1), mix(2), mix(3)], mesh.features[from as usize]);
        self.crossings.insert(edge, new);
        new
    }

    fn push(&mut self, position: DVec3, normal: Vec3, color: [u8; 4], feature: u32) -> u32 {
        self.out.positions.push(position);
        self.out.normals.push(normal);
        self.out.colors.push(color);
        self.out.features.push(feature);
        self.out.positions.len() as u32 - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triangle(corners: [(f64, f64); 3]) -> Mesh {
        Mesh {
            positions: corners.iter().map(|&(x, y)| DVec3::new(x, y, 0.1)).collect(),
            normals: vec![Vec3::Z; 3],
            colors: vec![[10, 20, 30, 255]; 3],
            features: vec![7; 3],
            indices: vec![0, 1, 2],
            ..Mesh::default()
        }
    }

    fn area(mesh: &Mesh) -> f64 {
        let corner = |i: u32| mesh.positions[i as usize].truncate();
        let twice = |t: &[u32]| (corner(t[1]) - corner(t[0])).perp_dot(corner(t[2]) - corner(t[0]));
        mesh.indices.chunks_exact(3).map(twice).sum::<f64>() / 2.0
    }

    #[test]
    fn a_cut_keeps_area_winding_and_features() {
        let mesh = triangle([(0.0, 0.0), (10.0, 1.0), (3.0, 8.0)]);
        for at in [0.1, 2.9, 3.0, 3.1, 9.99] {
            let [low, high] = split(&mesh, Axis::X, at);
            assert!(area(&low) > 0.0 && area(&high) > 0.0, "{at}");
            assert!((area(&low) + area(&high) - area(&mesh)).abs() < 1e-9, "{at}");
            assert!(low.positions.iter().all(|p| p.x <= at) && high.positions.iter().all(|p| p.x >= at), "{at}");
            assert!(low.features.iter().chain(&high.features).all(|&f| f == 7));
        }
    }

    #[test]
    fn a_triangle_beside_or_touching_the_line_goes_to_one_side_whole() {
        let mesh = triangle([(0.0, 0.0), (10.0, 1.0), (3.0, 8.0)]);
        for (axis, at, low, high) in
            [(Axis::X, 10.0, 1, 0), (Axis::X, 0.0, 0, 1), (Axis::Y, 9.0, 1, 0), (Axis::Y, -1.0, 0, 1)]
        {
            let halves = split(&mesh, axis, at);
            assert_eq!(halves.map(|h| h.triangle_count()), [low, high], "{axis:?} {at}");
        }
    }

    #[test]
    fn both_sides_and_any_neighbour_share_the_crossing_bit_for_bit() {
        let mesh = triangle([(0.1, 0.7), (10.3, 1.9), (3.7, 8.1)]);
        // The same edge (first to second corner) in another triangle, run through the other way.
        let neighbour = triangle([(10.3, 1.9), (0.1, 0.7), (4.0, -5.0)]);
        let on_line = |mesh: &Mesh| -> Vec<[u64; 3]> {
            let mut points: Vec<_> =
                mesh.positions.iter().filter(|p| p.x == 3.3).map(|p| p.to_array().map(f64::to_bits)).collect();
            points.sort_unstable();
            points
        };
        let [low, high] = split(&mesh, Axis::X, 3.3);
        assert_eq!(on_line(&low), on_line(&high));
        let [other, _] = split(&neighbour, Axis::X, 3.3);
        assert!(on_line(&other).iter().any(|p| on_line(&low).contains(p)));
    }

    #[test]
    fn drawing_order_survives() {
        let mut mesh = Mesh::default();
        for feature in 0..20 {
            let mut one = triangle([(-5.0, 0.0), (5.0, f64::from(feature)), (0.0, 30.0)]);
            one.features = vec![feature; 3];
            mesh.append(&one);
        }
        for half in split(&mesh, Axis::X, 0.5) {
            let order: Vec<u32> = half.indices.iter().map(|&i| half.features[i as usize]).collect();
            assert!(order.is_sorted(), "{order:?}");
        }
    }
}
