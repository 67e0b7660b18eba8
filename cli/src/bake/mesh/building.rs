//! Buildings: walls and roofs.

use super::palette::shade;
use super::polygon::{area, clean, extent_of, simplify, union};
use super::roof::{Face, roof_faces};
use super::surface;
use super::triangulate::triangulate;
use super::{Detail, Mesh};
use crate::bake::model::{Building, Polygon, Roof, RoofShape, Solid};
use glam::{DVec2, DVec3, Vec3};
use std::collections::BTreeMap;

/// The colour of a wall's foot on the ground, and of one that stands on something else, as a share of the wall's.
const FOOT_SHADE: f32 = 0.80;
const UPPER_FOOT_SHADE: f32 = 0.92;
/// The colour of an underside, as a share of the wall's.
const UNDERSIDE_SHADE: f32 = 0.72;
/// A solid that starts higher than this has an underside to be seen, metres.
const OPEN_BELOW_M: f64 = 0.5;
/// Nothing is built higher or deeper, metres: what is beyond is a slip of the input.
const HIGHEST_M: f64 = 2000.0;
/// Walls shorter than this that meet at less than 25° are one round wall, metres.
const ROUND_WALL_M: f64 = 8.0;
const ROUND_COS: f64 = 0.906;
/// A wall's corner is an edge to see when the wall turns by more than 20°, a roof's crease from 15°.
const CORNER_COS: f64 = 0.94;
const CREASE_COS: f32 = 0.966;

/// Draws a building as one feature and says whether there was anything to draw at this detail.
///
/// At full detail its surfaces are drawn, or each solid gets its walls and its roof. At a coarser one, solids of about the same height become one
/// block; a solid that is higher than its neighbours by more than the error stays a block of its own, so that towers
/// stay in the skyline.
pub fn building(building: &Building, detail: Detail, feature: u32, out: &mut Mesh) -> bool {
    let before = out.indices.len();
    if detail.is_full() && !building.surfaces.is_empty() {
        surface::draw(building, feature, out);
    } else if detail.is_full() {
        for solid in building.solids.iter().filter_map(sound) {
            draw(&solid, feature, out);
        }
    } else {
        for solid in blocks(building, detail.error_m) {
            draw(&solid, feature, out);
        }
    }
    out.indices.len() > before
}

/// The solid with a clean footprint and heights that can be drawn; nothing when it has none.
fn sound(solid: &Solid) -> Option<Solid> {
    let footprint = clean(&solid.footprint)?;
    let finite = solid.base_m.is_finite() && solid.top_m.is_finite() && solid.roof.height_m.is_finite();
    let (base_m, top_m) = (solid.base_m.max(-HIGHEST_M), solid.top_m.min(HIGHEST_M));
    if !finite || top_m - base_m < 0.05 {
        return None;
    }
    let height_m = if solid.roof.shape == RoofShape::Flat { 0.0 } else { solid.roof.height_m };
    let roof = Roof { height_m: height_m.clamp(0.0, top_m - base_m), ..solid.roof };
    Some(Solid { footprint, base_m, top_m, roof, ..*solid })
}

/// The simplified solids of a building for a geometric error.
fn blocks(building: &Building, error_m: f64) -> Vec<Solid> {
    let solids: Vec<Solid> = building.solids.iter().filter_map(sound).collect();
    let size = solids.iter().map(|solid| extent_of(&solid.footprint.outer)).fold(0.0, f64::max);
    let top = solids.iter().map(|solid| solid.top_m).fold(0.0, f64::max);
    if size < error_m * 0.5 && top < error_m * 0.5 {
        return Vec::new();
    }
    // A roof whose flattening would be wrong by more than the error keeps its shape.
    let (steep, mut level): (Vec<Solid>, Vec<Solid>) =
        solids.into_iter().partition(|solid| solid.roof.height_m * 0.5 > error_m);
    level.sort_by(|a, b| mean_top(a).total_cmp(&mean_top(b)));
    let mut groups: Vec<Vec<Solid>> = Vec::new();
    for solid in level {
        match groups.last_mut() {
            Some(group) if mean_top(&solid) - mean_top(&group[0]) <= error_m => group.push(solid),
            _ => groups.push(vec![solid]),
        }
    }
    let merged = groups.iter().flat_map(|group| merge(group, error_m));
    merged.chain(steep.iter().map(|solid| with_coarse_footprint(solid, error_m))).collect()
}

/// Height of a flat roof that stands for the solid's own.
fn mean_top(solid: &Solid) -> f64 {
    let missing = match solid.roof.shape {
        RoofShape::Flat => 0.0,
        RoofShape::Gabled | RoofShape::Skillion => 0.5,
        RoofShape::Hipped => 0.55,
        RoofShape::Pyramidal => 0.67,
        RoofShape::Dome => 0.33,
    };
    solid.top_m - solid.roof.height_m * missing
}

fn with_coarse_footprint(solid: &Solid, error_m: f64) -> Solid {
    Solid { footprint: simplify(&solid.footprint, error_m / 8.0, error_m * error_m), ..*solid }
}

/// Blocks over everything that the group covers, at its mean height, in the colours of its largest solid.
fn merge(group: &[Solid], error_m: f64) -> Vec<Solid> {
    let areas: Vec<f64> = group.iter().map(|solid| area(&solid.footprint).max(1e-3)).collect();
    let Some(largest) = (0..group.len()).max_by(|&a, &b| areas[a].total_cmp(&areas[b])) else { return Vec::new() };
    let top_m =
        group.iter().zip(&areas).map(|(solid, area)| mean_top(solid) * area).sum::<f64>() / areas.iter().sum::<f64>();
    let lowest = group.iter().map(|solid| solid.base_m).fold(f64::INFINITY, f64::min);
    let base_m = if lowest > error_m { lowest } else { lowest.min(0.0) };
    let footprints: Vec<Polygon> = group.iter().map(|solid| solid.footprint.clone()).collect();
    let covered = if footprints.len() == 1 { footprints } else { union(&footprints) };
    let roof = Roof { shape: RoofShape::Flat, height_m: 0.0, direction_deg: None, across: false };
    covered
        .iter()
        .filter_map(clean)
        .map(|footprint| Solid { footprint, base_m, top_m, roof, ..group[largest] })
        .map(|solid| with_coarse_footprint(&solid, error_m))
        .collect()
}

/// A point in plan as a key: faces share their corners to the last bit.
type Corner = (u64, u64);

fn corner(p: DVec3) -> Corner {
    // Adding zero makes one zero of the two.
    ((p.x + 0.0).to_bits(), (p.y + 0.0).to_bits())
}

/// An edge of a face, as it runs around it.
struct Edge {
    from: DVec3,
    to: DVec3,
    /// Indices of its ends in the mesh.
    vertices: [u32; 2],
}

fn draw(solid: &Solid, feature: u32, out: &mut Mesh) {
    let rise_m = solid.roof.height_m;
    let faces = roof_faces(&solid.footprint, &solid.roof, solid.top_m - rise_m, rise_m);
    let mut edges: BTreeMap<(Corner, Corner), Edge> = BTreeMap::new();
    for face in &faces {
        draw_face(face, solid, feature, &mut edges, out);
    }
    draw_creases(&edges, out);
    let border: Vec<&Edge> =
        edges.iter().filter(|((from, to), _)| !edges.contains_key(&(*to, *from))).map(|(_, edge)| edge).collect();
    draw_walls(&border, solid, feature, out);
}

/// A face of the roof and, where the solid is open below, the same face as its underside.
fn draw_face(face: &Face, solid: &Solid, feature: u32, edges: &mut BTreeMap<(Corner, Corner), Edge>, out: &mut Mesh) {
    let triangles = triangulate(&face.plan()).triangles;
    if triangles.is_empty() {
        return;
    }
    let normal = face.normal();
    let color = shade(solid.roof_color, 1.0);
    let points: Vec<DVec3> = face.rings.iter().flatten().copied().collect();
    let first = out.positions.len() as u32;
    for (index, &point) in points.iter().enumerate() {
        let own = face.normals.as_ref().and_then(|normals| normals.get(index)).copied();
        out.vertex(point, own.unwrap_or(normal), color, feature);
    }
    out.indices.extend(triangles.iter().flatten().map(|index| first + index));
    let mut start = 0;
    for ring in &face.rings {
        for index in 0..ring.len() {
            let next = (index + 1) % ring.len();
            let vertices = [first + (start + index) as u32, first + (start + next) as u32];
            let (from, to) = (ring[index], ring[next]);
            edges.insert((corner(from), corner(to)), Edge { from, to, vertices });
        }
        start += ring.len();
    }
    if solid.base_m > OPEN_BELOW_M {
        let first = out.positions.len() as u32;
        let color = shade(solid.wall_color, UNDERSIDE_SHADE);
        for point in points {
            out.vertex(point.with_z(solid.base_m), Vec3::NEG_Z, color, feature);
        }
        out.indices.extend(triangles.iter().flat_map(|&[a, b, c]| [first + a, first + c, first + b]));
    }
}

/// Ridges and hips: edges between two faces whose normals differ at an end of the edge.
fn draw_creases(edges: &BTreeMap<(Corner, Corner), Edge>, out: &mut Mesh) {
    for ((from, to), edge) in edges {
        let Some(twin) = edges.get(&(*to, *from)) else { continue };
        let sharp = |a: u32, b: u32| out.normals[a as usize].dot(out.normals[b as usize]) < CREASE_COS;
        let [a, b] = edge.vertices;
        let [twin_b, twin_a] = twin.vertices;
        // Each pair of twins once.
        if from < to && sharp(a, twin_a) && sharp(b, twin_b) {
            out.outline.push([a, b]);
        }
    }
}

fn draw_walls(border: &[&Edge], solid: &Solid, feature: u32, out: &mut Mesh) {
    let mut starting: BTreeMap<Corner, usize> = BTreeMap::new();
    let mut ending: BTreeMap<Corner, usize> = BTreeMap::new();
    for (index, edge) in border.iter().enumerate() {
        starting.entry(corner(edge.from)).or_insert(index);
        ending.entry(corner(edge.to)).or_insert(index);
    }
    let direction = |edge: &Edge| (edge.to - edge.from).truncate().normalize_or(DVec2::X);
    for edge in border {
        let own = direction(edge);
        let neighbour = |found: Option<&usize>| found.map(|&index| border[index]);
        let before = neighbour(ending.get(&corner(edge.from)));
        let after = neighbour(starting.get(&corner(edge.to)));
        let is_round = |other: &Edge| {
            let length = |edge: &Edge| edge.from.truncate().distance(edge.to.truncate());
            own.dot(direction(other)) > ROUND_COS && length(edge).max(length(other)) < ROUND_WALL_M
        };
        let normal_with = |other: Option<&Edge>| {
            let other = other.filter(|other| is_round(other)).map_or(own, direction);
            let outward = -(own + other).normalize_or(own).perp();
            outward.extend(0.0).as_vec3()
        };
        let ends_at_corner = after.is_none_or(|after| own.dot(direction(after)) < CORNER_COS);
        draw_wall(edge, [normal_with(before), normal_with(after)], ends_at_corner, solid, feature, out);
    }
}

/// One wall below an edge of the roof's border: a quad, or a triangle where the roof comes down to the foot.
fn draw_wall(edge: &Edge, normals: [Vec3; 2], ends_at_corner: bool, solid: &Solid, feature: u32, out: &mut Mesh) {
    let open_below = solid.base_m > OPEN_BELOW_M;
    let top_color = shade(solid.wall_color, 1.0);
    let foot_color = shade(solid.wall_color, if open_below { UPPER_FOOT_SHADE } else { FOOT_SHADE });
    let (from, to) = (edge.from, edge.to);
    let stands = |top: DVec3| top.z - solid.base_m > 1e-6;
    if !stands(from) && !stands(to) {
        return;
    }
    // In the order in which the triangles ask for them, neighbours differ little, and the next wall begins where this one
    // ends: that packs well.
    let top_from = stands(from).then(|| out.vertex(from, normals[0], top_color, feature));
    let foot_from = out.vertex(from.with_z(solid.base_m), normals[0], foot_color, feature);
    let foot_to = out.vertex(to.with_z(solid.base_m), normals[1], foot_color, feature);
    let top_to = stands(to).then(|| out.vertex(to, normals[1], top_color, feature));
    if let Some(top_from) = top_from {
        out.indices.extend([top_from, foot_from, foot_to]);
    }
    let top_from = top_from.unwrap_or(foot_from);
    if let Some(top_to) = top_to {
        out.indices.extend([top_from, foot_to, top_to]);
    }
    let top_to = top_to.unwrap_or(foot_to);
    out.outline.push([top_from, top_to]);
    if ends_at_corner && top_to != foot_to {
        out.outline.push([foot_to, top_to]);
    }
    if open_below {
        out.outline.push([foot_from, foot_to]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_shapes::{Seeded, comb, ring, star};
    use super::*;
    use crate::bake::model::{HeightSource, Tags};
    use std::collections::BTreeSet;

    const SHAPES: [RoofShape; 6] = [
        RoofShape::Flat,
        RoofShape::Gabled,
        RoofShape::Hipped,
        RoofShape::Pyramidal,
        RoofShape::Skillion,
        RoofShape::Dome,
    ];

    fn solid(outer: Vec<DVec2>, shape: RoofShape) -> Solid {
        Solid {
            footprint: Polygon { outer, holes: vec![] },
            base_m: 0.0,
            top_m: 12.0,
            roof: Roof { shape, height_m: 4.0, direction_deg: None, across: false },
            wall_color: [200, 190, 180],
            roof_color: [180, 90, 70],
        }
    }

    fn house(solids: Vec<Solid>) -> Building {
        Building {
            tags: Tags::default(),
            class: "yes".into(),
            outline: solids.iter().map(|solid| solid.footprint.clone()).collect(),
            height_m: solids.iter().map(|solid| solid.top_m).fold(0.0, f64::max),
            solids,
            surfaces: vec![],
            height_source: HeightSource::Tagged,
        }
    }

    fn rectangle(width: f64, depth: f64) -> Vec<DVec2> {
        [(0.0, 0.0), (width, 0.0), (width, depth), (0.0, depth)].map(|(x, y)| DVec2::new(x, y)).into()
    }

    fn l_shape() -> Vec<DVec2> {
        [(0.0, 0.0), (20.0, 0.0), (20.0, 8.0), (8.0, 8.0), (8.0, 22.0), (0.0, 22.0)]
            .map(|(x, y)| DVec2::new(x, y))
            .into()
    }

    fn mesh_of(solids: Vec<Solid>, error_m: f64) -> Mesh {
        let mut mesh = Mesh::default();
        building(&house(solids), Detail { error_m }, 7, &mut mesh);
        mesh
    }

    fn key(p: DVec3) -> [u64; 3] {
        [p.x + 0.0, p.y + 0.0, p.z + 0.0].map(f64::to_bits)
    }

    fn corners(mesh: &Mesh) -> impl Iterator<Item = [u32; 3]> + '_ {
        mesh.indices.chunks_exact(3).map(|t| [t[0], t[1], t[2]])
    }

    /// What looks up covers the footprint; the surface is closed but for a foot on the ground; it faces outwards; and
    /// its outline runs along its triangles.
    fn check(solid: &Solid, what: &str) {
        let mesh = mesh_of(vec![solid.clone()], 0.0);
        let expected = area(&clean(&solid.footprint).expect("a footprint"));
        let mut covered = 0.0;
        let mut edges: BTreeMap<([u64; 3], [u64; 3]), i32> = BTreeMap::new();
        let mut drawn: BTreeSet<[u32; 2]> = BTreeSet::new();
        for [a, b, c] in corners(&mesh) {
            let [pa, pb, pc] = [a, b, c].map(|index| mesh.positions[index as usize]);
            let facing = (pb - pa).cross(pc - pa);
            if facing.z > 1e-9 {
                covered += facing.z * 0.5;
            }
            for index in [a, b, c] {
                let normal = mesh.normals[index as usize];
                assert!((normal.length() - 1.0).abs() < 1e-4, "{what}: {normal}");
                assert!(facing.normalize().as_vec3().dot(normal) > 0.3, "{what}: {facing} {normal}");
            }
            for (from, to) in [(a, b), (b, c), (c, a)] {
                drawn.extend([[from, to], [to, from]]);
                let (p, q) = (mesh.positions[from as usize], mesh.positions[to as usize]);
                if solid.base_m > OPEN_BELOW_M || p.z > solid.base_m || q.z > solid.base_m {
                    *edges.entry((key(p), key(q))).or_default() += 1;
                }
            }
        }
        assert!((covered - expected).abs() < 2e-3 * expected, "{what}: {covered} m² of {expected} m²");
        for ((from, to), count) in &edges {
            let back = edges.get(&(*to, *from));
            assert_eq!(back, Some(count), "{what}: open at {:?}", [from, to].map(|p| p.map(f64::from_bits)));
        }
        assert!(mesh.outline.iter().all(|edge| drawn.contains(edge)), "{what}: an outline beside the triangles");
        let (low, high) = mesh.bounds().expect("a mesh");
        assert!((low.z - solid.base_m).abs() < 1e-9 && (high.z - solid.top_m).abs() < 1e-6, "{what}: {low} {high}");
    }

    #[test]
    fn every_roof_closes_every_plain_footprint() {
        for shape in SHAPES {
            for outer in [rectangle(20.0, 9.0), rectangle(9.0, 9.0), l_shape(), ring(5.0, 5.0, 6.0, 24), comb(5)] {
                for base_m in [0.0, 3.0] {
                    check(&Solid { base_m, ..solid(outer.clone(), shape) }, &format!("{shape:?} {base_m} {outer:?}"));
                }
            }
        }
    }

    #[test]
    fn every_roof_closes_any_star_far_from_the_origin() {
        let mut seeded = Seeded(3);
        for round in 0..300 {
            let outer = star(&mut seeded, DVec2::new(2e4, -1e4));
            for shape in SHAPES {
                let mut solid = solid(outer.clone(), shape);
                solid.roof.direction_deg = (round % 3 == 0).then_some(round as f64 * 7.0);
                solid.roof.across = round % 2 == 0;
                check(&solid, &format!("{shape:?} of star {round}"));
            }
        }
    }

    #[test]
    fn every_roof_closes_a_footprint_with_a_yard() {
        let yard: Vec<DVec2> = rectangle(6.0, 4.0).into_iter().rev().map(|p| p + DVec2::new(4.0, 3.0)).collect();
        for shape in SHAPES {
            let mut solid = solid(rectangle(20.0, 12.0), shape);
            solid.footprint.holes = vec![yard.clone()];
            check(&solid, &format!("{shape:?}"));
        }
    }

    #[test]
    fn a_roof_as_high_as_its_solid_comes_down_to_the_ground() {
        for shape in SHAPES {
            let mut tent = solid(rectangle(20.0, 9.0), shape);
            tent.roof.height_m = 99.0;
            check(&tent, &format!("{shape:?}"));
        }
    }

    #[test]
    fn a_rectangle_has_the_triangles_that_its_roof_needs_and_no_more() {
        for (shape, walls, roof, outline) in [
            (RoofShape::Flat, 8, 2, 8),
            (RoofShape::Gabled, 12, 4, 11),
            (RoofShape::Hipped, 8, 6, 13),
            (RoofShape::Pyramidal, 8, 4, 12),
            (RoofShape::Skillion, 8, 2, 8),
        ] {
            let mesh = mesh_of(vec![solid(rectangle(20.0, 9.0), shape)], 0.0);
            assert_eq!((mesh.triangle_count(), mesh.outline.len()), (walls + roof, outline), "{shape:?}");
        }
    }

    #[test]
    fn a_ridge_follows_the_longer_side_unless_told_otherwise() {
        let ridge = |direction_deg: Option<f64>, across: bool| {
            let mut solid = solid(rectangle(20.0, 9.0), RoofShape::Gabled);
            (solid.roof.direction_deg, solid.roof.across) = (direction_deg, across);
            let mesh = mesh_of(vec![solid], 0.0);
            let top: Vec<DVec3> = mesh.positions.into_iter().filter(|p| p.z > 11.9).collect();
            let spread = top.iter().map(|p| p.x).fold(0.0, f64::max) - top.iter().map(|p| p.x).fold(99.0, f64::min);
            if spread > 19.0 { "east" } else { "north" }
        };
        assert_eq!(ridge(None, false), "east");
        assert_eq!(ridge(None, true), "north");
        assert_eq!(ridge(Some(10.0), false), "north");
        assert_eq!(ridge(Some(265.0), false), "east");
    }

    #[test]
    fn a_skillion_falls_towards_its_bearing() {
        let mut solid = solid(rectangle(10.0, 10.0), RoofShape::Skillion);
        solid.roof.direction_deg = Some(90.0);
        let mesh = mesh_of(vec![solid], 0.0);
        let height_at = |x: f64| {
            let there = mesh.positions.iter().filter(|p| (p.x - x).abs() < 0.01);
            there.map(|p| p.z).fold(0.0, f64::max)
        };
        assert!((height_at(0.0) - 12.0).abs() < 1e-6 && (height_at(10.0) - 8.0).abs() < 1e-6);
    }

    #[test]
    fn walls_are_darker_at_their_foot() {
        let mesh = mesh_of(vec![solid(rectangle(20.0, 9.0), RoofShape::Flat)], 0.0);
        for (position, (normal, color)) in mesh.positions.iter().zip(mesh.normals.iter().zip(&mesh.colors)) {
            let expected = match (normal.z.abs() < 0.5, position.z > 1.0) {
                (true, true) => [200, 190, 180, 255],
                (true, false) => [160, 152, 144, 255],
                (false, _) => [180, 90, 70, 255],
            };
            assert_eq!(*color, expected);
        }
        assert!(mesh.features.iter().all(|&feature| feature == 7));
    }

    #[test]
    fn from_afar_parts_of_one_height_are_one_block_and_a_tower_stays() {
        let shifted = |x: f64| rectangle(10.0, 10.0).into_iter().map(|p| p + DVec2::X * x).collect::<Vec<_>>();
        let mut tower = solid(shifted(20.0), RoofShape::Pyramidal);
        (tower.top_m, tower.roof.height_m) = (60.0, 6.0);
        let parts = vec![solid(shifted(0.0), RoofShape::Gabled), solid(shifted(10.0), RoofShape::Flat), tower];
        let mesh = mesh_of(parts, 8.0);
        assert_eq!(mesh.triangle_count(), 10 + 10, "a block and a tower");
        let high = mesh.bounds().expect("a mesh").1;
        assert!(high.z > 54.0 && high.z < 60.0, "{high}");
    }

    #[test]
    fn a_spire_keeps_its_point_while_it_is_higher_than_the_error() {
        let mut spire = solid(rectangle(6.0, 6.0), RoofShape::Pyramidal);
        (spire.top_m, spire.roof.height_m) = (70.0, 40.0);
        let top = |error_m: f64| mesh_of(vec![spire.clone()], error_m).bounds().expect("a mesh").1.z;
        assert!((top(8.0) - 70.0).abs() < 1e-6);
        assert!((top(32.0) - (70.0 - 40.0 * 0.67)).abs() < 1e-6);
    }

    #[test]
    fn small_buildings_go_when_both_height_and_size_are_below_half_the_error() {
        let shed = || vec![Solid { top_m: 3.0, ..solid(rectangle(4.0, 3.0), RoofShape::Flat) }];
        assert_eq!(mesh_of(shed(), 4.0).triangle_count(), 10);
        assert!(mesh_of(shed(), 16.0).is_empty());
        assert!(!building(&house(shed()), Detail { error_m: 16.0 }, 0, &mut Mesh::default()));
    }

    #[test]
    fn broken_solids_are_left_out() {
        let good = solid(rectangle(20.0, 9.0), RoofShape::Gabled);
        let mut line = good.clone();
        line.footprint.outer = vec![DVec2::ZERO, DVec2::X, DVec2::X * 2.0];
        let mut not_a_number = good.clone();
        not_a_number.footprint.outer = vec![DVec2::NAN; 4];
        let broken = vec![
            line,
            not_a_number,
            Solid { top_m: -3.0, ..good.clone() },
            Solid { top_m: f64::NAN, ..good.clone() },
            Solid { base_m: f64::INFINITY, ..good.clone() },
            Solid { footprint: Polygon { outer: vec![], holes: vec![vec![]] }, ..good.clone() },
        ];
        for error_m in [0.0, 4.0] {
            assert!(mesh_of(broken.clone(), error_m).is_empty());
        }
        let tall = mesh_of(vec![Solid { top_m: 1e9, ..good }], 0.0);
        assert!(tall.bounds().expect("a mesh").1.z <= HIGHEST_M);
    }

    #[test]
    fn a_footprint_that_crosses_itself_is_drawn_somehow() {
        let outer = vec![DVec2::ZERO, DVec2::new(10.0, 10.0), DVec2::new(10.0, 0.0), DVec2::new(0.0, 9.0)];
        for shape in SHAPES {
            for error_m in [0.0, 4.0] {
                let mesh = mesh_of(vec![solid(outer.clone(), shape)], error_m);
                assert!(mesh.positions.iter().all(|p| p.is_finite()), "{shape:?}");
            }
        }
    }
}
