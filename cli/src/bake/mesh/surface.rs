//! Surfaces of a model: plane pieces with what they are.

use super::palette::{WINDOW, pitched, shade};
use super::triangulate::triangulate;
use super::{Draped, Mesh};
use crate::bake::model::{Building, Polygon, Surface, SurfaceClass};
use glam::{DVec2, DVec3};
use std::collections::BTreeMap;

/// The colour of a wall's foot on the ground, as a share of the wall's.
const FOOT_SHADE: f32 = 0.80;
/// A wall's corner this near to the ground is its foot, metres.
const FOOT_M: f64 = 0.3;
/// Edges between faces that turn by less than 15° are no edges to see.
const CREASE_COS: f64 = 0.966;
/// A roof that leans more than 8° is pitched.
const PITCHED_COS: f64 = 0.99;
/// Corners of neighbouring faces this near to each other are one, metres.
const SAME_M: f64 = 1e-3;

/// Draws the surfaces of a building as one feature; undersides on the ground are never seen and left out.
pub(super) fn draw(building: &Building, feature: u32, out: &mut Mesh) {
    let mut edges: BTreeMap<([i64; 3], [i64; 3]), Edge> = BTreeMap::new();
    let (wall, roof) = building.solids.first().map_or((WALL, ROOF), |solid| (solid.wall_color, solid.roof_color));
    for surface in building.surfaces.iter().filter(|surface| surface.class != SurfaceClass::Ground) {
        face(surface, wall, roof, feature, &mut edges, out);
    }
    for ((from, to), edge) in &edges {
        let seen = match edges.get(&(*to, *from)) {
            // Each pair of twins once.
            Some(twin) => from < to && edge.normal.dot(twin.normal) < CREASE_COS,
            None => edge.top_m >= FOOT_M,
        };
        if seen {
            out.outline.push(edge.vertices);
        }
    }
}

/// Walls and roofs of a model without blocks.
const WALL: [u8; 3] = [0xe9, 0xe4, 0xda];
const ROOF: [u8; 3] = [0xd8, 0xd0, 0xc4];

/// An edge of a face as it runs around it.
struct Edge {
    normal: DVec3,
    vertices: [u32; 2],
    /// Height of its higher end, metres.
    top_m: f64,
}

fn face(
    surface: &Surface,
    wall: [u8; 3],
    roof: [u8; 3],
    feature: u32,
    edges: &mut BTreeMap<([i64; 3], [i64; 3]), Edge>,
    out: &mut Mesh,
) {
    let Some(plane) = Plane::of(surface) else { return };
    let flat = |ring: &Vec<DVec3>| -> Vec<DVec2> { ring.iter().map(|p| plane.flat(*p)).collect() };
    let mut rings = surface.rings.iter().map(flat);
    let Some(outer) = rings.next() else { return };
    let triangles = triangulate(&Polygon { outer, holes: rings.collect() }).triangles;
    if triangles.is_empty() {
        return;
    }
    let by_class = match surface.class {
        SurfaceClass::Roof if plane.normal.z < PITCHED_COS => pitched(roof),
        SurfaceClass::Roof => roof,
        SurfaceClass::Window => WINDOW,
        SurfaceClass::Wall | SurfaceClass::Ground | SurfaceClass::Door | SurfaceClass::Other => wall,
    };
    let (first, first_index) = (out.positions.len() as u32, out.indices.len());
    let has_foot = surface.class == SurfaceClass::Wall && surface.color.is_none();
    for &point in surface.rings.iter().flatten() {
        let factor = if has_foot && point.z < FOOT_M { FOOT_SHADE } else { 1.0 };
        let color = surface.color.unwrap_or_else(|| shade(by_class, factor));
        out.vertex(point, plane.normal.as_vec3(), color, feature);
    }
    out.indices.extend(triangles.iter().flatten().map(|index| first + index));
    if let Some(drape) = &surface.drape {
        let uvs: Vec<[f32; 2]> = drape.uvs.iter().flatten().copied().collect();
        let indices = first_index..out.indices.len();
        out.draped.push(Draped { picture: drape.picture, first_vertex: first, indices, uvs });
    }
    let mut start = first;
    for ring in &surface.rings {
        let count = ring.len() as u32;
        for (i, (from, to)) in ring.iter().zip(ring.iter().cycle().skip(1)).enumerate() {
            let vertices = [start + i as u32, start + (i as u32 + 1) % count];
            edges
                .insert((corner(*from), corner(*to)), Edge { normal: plane.normal, vertices, top_m: from.z.max(to.z) });
        }
        start += count;
    }
}

fn corner(p: DVec3) -> [i64; 3] {
    (p / SAME_M).round().to_array().map(|v| v as i64)
}

/// The plane of a face, with two axes in it.
struct Plane {
    origin: DVec3,
    right: DVec3,
    up: DVec3,
    normal: DVec3,
}

impl Plane {
    /// Nothing for a face that has no area, or numbers that are none.
    fn of(surface: &Surface) -> Option<Self> {
        let ring = surface.rings.first()?;
        let origin = *ring.first()?;
        let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
        let doubled: DVec3 = pairs.map(|(a, b)| (*a - origin).cross(*b - origin)).sum();
        let normal = doubled.try_normalize()?;
        let right = normal.any_orthonormal_vector();
        Some(Self { origin, right, up: normal.cross(right), normal })
    }

    fn flat(&self, p: DVec3) -> DVec2 {
        let p = p - self.origin;
        DVec2::new(p.dot(self.right), p.dot(self.up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::model::{HeightSource, Tags};

    fn surface(class: SurfaceClass, rings: &[&[[f64; 3]]]) -> Surface {
        let rings = rings.iter().map(|ring| ring.iter().map(|p| DVec3::from(*p)).collect()).collect();
        Surface { rings, class, color: None, drape: None }
    }

    fn drawn(surfaces: Vec<Surface>) -> Mesh {
        let building = Building {
            tags: Tags::default(),
            class: "yes".into(),
            outline: Vec::new(),
            solids: Vec::new(),
            surfaces,
            height_m: 0.0,
            height_source: HeightSource::Tagged,
        };
        let mut mesh = Mesh::default();
        draw(&building, 3, &mut mesh);
        for t in mesh.indices.chunks_exact(3) {
            let [a, b, c] = [t[0], t[1], t[2]].map(|i| mesh.positions[i as usize]);
            let facing = (b - a).cross(c - a).normalize().as_vec3();
            assert!(facing.dot(mesh.normals[t[0] as usize]) > 0.99, "{facing}");
        }
        mesh
    }

    fn area(mesh: &Mesh) -> f64 {
        let corners = |t: &[u32]| [t[0], t[1], t[2]].map(|i| mesh.positions[i as usize]);
        mesh.indices.chunks_exact(3).map(corners).map(|[a, b, c]| (b - a).cross(c - a).length() / 2.0).sum()
    }

    #[test]
    fn faces_of_any_direction_are_covered_and_face_outside() {
        let wall: &[[f64; 3]] = &[[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 0.0, 3.0], [0.0, 0.0, 3.0]];
        let window: &[[f64; 3]] = &[[1.0, 0.0, 1.0], [1.0, 0.0, 2.0], [2.0, 0.0, 2.0], [2.0, 0.0, 1.0]];
        let roof: &[[f64; 3]] = &[[0.0, 0.0, 3.0], [4.0, 0.0, 3.0], [4.0, 3.0, 7.0], [0.0, 3.0, 7.0]];
        let mesh = drawn(vec![surface(SurfaceClass::Wall, &[wall, window]), surface(SurfaceClass::Roof, &[roof])]);
        assert!((area(&mesh) - (11.0 + 20.0)).abs() < 1e-9, "{}", area(&mesh));
        // The foot is darker than the top; the roof has a colour of its own.
        let at = |z: f64| mesh.positions.iter().position(|p| p.z == z).map(|i| mesh.colors[i]).expect("a corner");
        assert!(at(0.0)[0] < at(1.0)[0] && at(7.0) != at(1.0));
        // The eaves are an edge once; the foot is none.
        let high = |edge: &&[u32; 2]| edge.iter().all(|&i| mesh.positions[i as usize].z == 3.0);
        assert_eq!(mesh.outline.iter().filter(high).count(), 1);
        assert!(mesh.outline.iter().all(|edge| edge.iter().any(|&i| mesh.positions[i as usize].z > 0.5)));
    }

    #[test]
    fn undersides_and_broken_faces_draw_nothing() {
        let ground: &[[f64; 3]] = &[[0.0, 0.0, 0.0], [0.0, 3.0, 0.0], [4.0, 0.0, 0.0]];
        let line: &[[f64; 3]] = &[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]];
        let broken: &[[f64; 3]] = &[[f64::NAN, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 5.0, 0.0]];
        let mesh = drawn(vec![
            surface(SurfaceClass::Ground, &[ground]),
            surface(SurfaceClass::Roof, &[line]),
            surface(SurfaceClass::Roof, &[broken]),
            surface(SurfaceClass::Roof, &[]),
            surface(SurfaceClass::Roof, &[&[]]),
        ]);
        assert!(mesh.is_empty() && mesh.outline.is_empty());
    }
}
