//! The quadtree: which tiles there are, and what each draws.
//!
//! All themes of a twin share one [`Square`], centred on the city's origin, so that their tiles coincide. A thing
//! that stands (a building, a tree) goes whole to the tile of its centre; what lies flat is cut at the squares'
//! borders. A tile whose full detail is small is a leaf; any other draws a coarse version of everything below it,
//! because refinement replaces it.

use super::flats::{Flat, Flats, HELD_TRIANGLES, Shelves, quarter};
use super::land::Land;
use super::mesh::Mesh;
use citytwin_geo::{EnuFrame, WGS84_A, WGS84_B};
use glam::{DMat3, DVec2, DVec3};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Triangles up to which a tile's full detail makes it a leaf.
const LEAF_TRIANGLES: u64 = 20_000;
/// Texels up to which a tile's pictures do.
const LEAF_TEXELS: u64 = 1 << 20;
/// Tiles are not divided below this side, metres.
const SMALLEST_SIDE_M: f64 = 32.0;
/// The smallest and the largest square that a twin may cover, metres.
const SIDE_RANGE_M: (f64, f64) = (64.0, 262_144.0);
/// Side of a tile over its geometric error: at 16 px allowed error a tile is drawn while it is at most about
/// 1,000 px wide.
const SIDE_PER_ERROR: f64 = 64.0;
/// A flat triangle this long leaves the bent ground by half a centimetre at most, metres.
const BEND_CELL_M: f64 = 512.0;

/// A tile's place in the quadtree. Ordered by level, then x (east), then y (north).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TileKey {
    /// 0 for the root.
    pub(super) level: u32,
    /// Column from the west.
    pub(super) x: u32,
    /// Row from the south.
    pub(super) y: u32,
}

impl TileKey {
    /// The root.
    pub(super) const ROOT: Self = Self { level: 0, x: 0, y: 0 };

    /// Where its content lies in the tileset's directory.
    pub(super) fn content(self) -> String {
        format!("tiles/{}/{}/{}.glb", self.level, self.x, self.y)
    }

    /// The child at column and row 0 or 1.
    pub(super) fn child(self, x: u32, y: u32) -> Self {
        Self { level: self.level + 1, x: self.x * 2 + x, y: self.y * 2 + y }
    }

    /// The parent; nothing for the root.
    pub(super) fn parent(self) -> Option<Self> {
        (self.level > 0).then(|| Self { level: self.level - 1, x: self.x / 2, y: self.y / 2 })
    }
}

/// The square of the root tile: centred on the city's origin, its side a power of two in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Square {
    /// Side, metres.
    pub(super) side_m: f64,
}

impl Square {
    /// The smallest square that reaches `reach_m` metres from the origin in each direction; nothing when that is
    /// more than a twin may cover.
    pub(super) fn covering(reach_m: f64) -> Option<Self> {
        let mut side_m = SIDE_RANGE_M.0;
        while side_m < 2.0 * reach_m {
            side_m *= 2.0;
        }
        (reach_m.is_finite() && side_m <= SIDE_RANGE_M.1).then_some(Self { side_m })
    }

    /// How far from the origin a twin may reach, metres.
    pub(super) const MAX_REACH_M: f64 = SIDE_RANGE_M.1 / 2.0;

    /// Side of a tile of this level, metres.
    pub(super) fn side_at(&self, level: u32) -> f64 {
        self.side_m / f64::from(1u32 << level.min(31))
    }

    /// Geometric error of a tile of this level, metres.
    pub(super) fn error_at(&self, level: u32) -> f64 {
        self.side_at(level) / SIDE_PER_ERROR
    }

    /// South-western corner of a tile, ENU metres; exact.
    pub(super) fn corner(&self, key: TileKey) -> DVec2 {
        DVec2::splat(-self.side_m / 2.0) + DVec2::new(f64::from(key.x), f64::from(key.y)) * self.side_at(key.level)
    }
}

/// Something that goes whole to one tile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Thing {
    /// Its feature in the theme.
    pub(super) feature: u32,
    /// Where it belongs, ENU metres.
    pub(super) at: DVec2,
    /// Triangles at full detail.
    pub(super) triangles: u64,
    /// Texels of its pictures, as fine as any are kept.
    pub(super) texels: u64,
}

/// A thing and its box, ENU metres.
pub(super) type Standing = (Thing, (DVec3, DVec3));

/// A tile and what it has to draw.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where in the tree.
    pub(super) key: TileKey,
    /// Draws everything; has no children.
    pub(super) leaf: bool,
    /// Draws every thing as a leaf does, but for pictures, which are as coarse as its error allows.
    pub(super) whole: bool,
    /// Indices of the things in its square, ascending.
    pub(super) things: Vec<u32>,
    /// Places of the flat meshes of its square.
    pub(super) flats: Vec<usize>,
}

/// Divides the square until each tile's full detail is small: every tile in key order, interior ones with no flat
/// meshes yet; those of the others are put on the shelves.
///
/// `largest_leaf_m` is the largest side of a leaf: what is too small to be seen from afar is kept out of tiles that
/// are drawn from afar.
pub(super) fn plan(
    square: Square,
    things: &[Standing],
    flats: Flats,
    shelves: &Shelves,
    largest_leaf_m: f64,
) -> Vec<Node> {
    let all = (0..things.len() as u32).collect();
    let mut nodes = divide(&Divider { square, things, shelves, largest_leaf_m }, TileKey::ROOT, all, flats);
    nodes.sort_by_key(|node| node.key);
    nodes
}

struct Divider<'a> {
    square: Square,
    things: &'a [Standing],
    shelves: &'a Shelves,
    largest_leaf_m: f64,
}

fn divide(divider: &Divider, key: TileKey, things: Vec<u32>, flats: Flats) -> Vec<Node> {
    if things.is_empty() && flats.is_empty() {
        return Vec::new();
    }
    let side_m = divider.square.side_at(key.level);
    let triangles = things.iter().map(|&thing| divider.things[thing as usize].0.triangles).sum::<u64>();
    let small = triangles + flats.triangles() <= LEAF_TRIANGLES && side_m <= divider.largest_leaf_m;
    let texels: u64 = things.iter().map(|&thing| divider.things[thing as usize].0.texels).sum();
    if (small && texels <= LEAF_TEXELS) || side_m / 2.0 < SMALLEST_SIDE_M {
        return vec![Node { key, leaf: true, whole: true, things, flats: divider.shelves.put_all(flats) }];
    }
    let middle = divider.square.corner(key) + side_m / 2.0;
    let mut quarters: [Vec<u32>; 4] = Default::default();
    for &thing in &things {
        let at = divider.things[thing as usize].0.at;
        quarters[usize::from(at.x >= middle.x) + 2 * usize::from(at.y >= middle.y)].push(thing);
    }
    let is_large = flats.triangles() > HELD_TRIANGLES;
    let jobs: Vec<_> = quarters.into_iter().zip(flats.quarters(middle)).enumerate().collect();
    let child = |(i, (things, flats))| divide(divider, key.child(i as u32 % 2, i as u32 / 2), things, flats);
    // Large quarters one after the other: all of them at once would fill the memory.
    let children: Vec<Vec<Node>> = match is_large {
        true => jobs.into_iter().map(child).collect(),
        false => jobs.into_par_iter().map(child).collect(),
    };
    let mut nodes = vec![Node { key, leaf: false, whole: small, things, flats: Vec::new() }];
    nodes.extend(children.into_iter().flatten());
    nodes
}

/// Hands the parts of coarse flat meshes of one level to the interior tiles of that level. `draw` calls with the meshes.
pub(super) fn hand_out(
    square: Square,
    level: u32,
    nodes: &mut [Node],
    shelves: &Shelves,
    draw: impl FnOnce(&mut dyn FnMut(Flat)),
) {
    let wanted: Vec<TileKey> = nodes.iter().filter(|n| !n.leaf && n.key.level == level).map(|n| n.key).collect();
    let mut parts = Parts { shelves, level, held: BTreeMap::new(), triangles: 0, places: BTreeMap::new() };
    draw(&mut |flat| {
        descend(square, TileKey::ROOT, flat, &wanted, &mut parts);
        if parts.triangles > HELD_TRIANGLES {
            parts.put_away();
        }
    });
    parts.put_away();
    for node in nodes.iter_mut().filter(|node| !node.leaf && node.key.level == level) {
        node.flats = parts.places.remove(&node.key).unwrap_or_default();
    }
}

/// Parts of flat meshes by tile of a level.
struct Parts<'a> {
    shelves: &'a Shelves,
    level: u32,
    /// Those that are not yet put away, by tile, layer and order.
    held: BTreeMap<(TileKey, u8, u32), Mesh>,
    triangles: u64,
    /// Where the others are.
    places: BTreeMap<TileKey, Vec<usize>>,
}

impl Parts<'_> {
    fn add(&mut self, key: TileKey, flat: &Flat) {
        self.triangles += flat.mesh.triangle_count() as u64;
        self.held.entry((key, flat.layer, flat.order)).or_default().append(&flat.mesh);
    }

    fn put_away(&mut self) {
        self.triangles = 0;
        for ((key, layer, order), mesh) in std::mem::take(&mut self.held) {
            let places = self.shelves.put(std::iter::once(Flat { layer, order, mesh }));
            self.places.entry(key).or_default().extend(places);
        }
    }
}

fn descend(square: Square, key: TileKey, flat: Flat, wanted: &[TileKey], parts: &mut Parts) {
    let shift = parts.level - key.level;
    let below: Vec<TileKey> =
        wanted.iter().copied().filter(|t| t.x >> shift == key.x && t.y >> shift == key.y).collect();
    if below.is_empty() || flat.mesh.is_empty() {
        return;
    }
    if shift == 0 {
        return parts.add(key, &flat);
    }
    let Flat { layer, order, mesh } = flat;
    let middle = square.corner(key) + square.side_at(key.level + 1);
    for (i, mesh) in (0..).zip(quarter(mesh, middle)) {
        descend(square, key.child(i % 2, i / 2), Flat { layer, order, mesh }, &below, parts);
    }
}

/// Bends flat maps onto the Earth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bend {
    /// The ellipsoid as a quadratic form, in ENU axes.
    form: DMat3,
    /// Gradient of that form at the origin, halved.
    slope: DVec3,
}

impl Bend {
    /// For positions in the frame, whose origin lies on the ellipsoid.
    pub(super) fn new(frame: &EnuFrame) -> Self {
        let ecef_from_enu = DMat3::from_mat4(frame.ecef_from_enu);
        let ellipsoid = DMat3::from_diagonal(DVec3::new(
            1.0 / (WGS84_A * WGS84_A),
            1.0 / (WGS84_A * WGS84_A),
            1.0 / (WGS84_B * WGS84_B),
        ));
        let origin = frame.ecef_from_enu.w_axis.truncate();
        Self {
            form: ecef_from_enu.transpose() * ellipsoid * ecef_from_enu,
            slope: ecef_from_enu.transpose() * (ellipsoid * origin),
        }
    }

    /// Height (ENU z, metres) of the ellipsoid's surface at `xy`: the same as [`EnuFrame::surface_z`], in closed
    /// form because it is asked for every vertex.
    pub(super) fn surface_z(&self, xy: DVec2) -> f64 {
        // (o + p)ᵀ Q (o + p) = 1 with p = (x, y, z), where oᵀ Q o = 1 and the horizontal part of the gradient is 0.
        let flat = xy.extend(0.0);
        let a = self.form.z_axis.z;
        let half_b = self.slope.z + self.form.z_axis.dot(flat);
        let c = flat.dot(self.form * flat);
        let root = (half_b * half_b - a * c).max(0.0).sqrt();
        // The form of the solution that does not cancel.
        -c / (half_b + root)
    }

    /// Lifts every position by the height of the ellipsoid below it.
    pub(super) fn apply(&self, mesh: &mut Mesh) {
        for position in &mut mesh.positions {
            position.z += self.surface_z(position.truncate());
        }
    }

    /// Bends a flat mesh that fills (a part of) a tile, cutting long triangles so that they follow the ground.
    pub(super) fn apply_flat(&self, mesh: Mesh, square: Square, land: &Land, key: TileKey, leaf: bool) -> Mesh {
        let side_m = square.side_at(key.level);
        // A coarse tile's own error dwarfs what a quarter of it bends away; a leaf that large is open sea or the like.
        let cells = if leaf { 32.0 } else { 4.0 };
        let bend_m = BEND_CELL_M.max(side_m / cells);
        // On a relief, so that what lies on it follows it as nearly as it is drawn at this level.
        let cell_m = land.cell_m().map_or(bend_m, |relief_m| (relief_m / 2.0).max(side_m / 32.0));
        let mut cut = Mesh::default();
        cut_to_cells(mesh, square.corner(key), side_m, cell_m, &mut cut);
        land.drape(&mut cut);
        self.apply(&mut cut);
        cut
    }
}

/// Cuts a mesh along the lines of a grid. Triangles of different cells do not overlap, so that the drawing order
/// within each cell is all that has to stay.
fn cut_to_cells(mesh: Mesh, corner: DVec2, side_m: f64, cell_m: f64, out: &mut Mesh) {
    if mesh.is_empty() {
        return;
    }
    if side_m <= cell_m {
        out.append(&mesh);
        return;
    }
    let half_m = side_m / 2.0;
    for (i, part) in quarter(mesh, corner + half_m).into_iter().enumerate() {
        let part_corner = corner + DVec2::new((i % 2) as f64, (i / 2) as f64) * half_m;
        cut_to_cells(part, part_corner, half_m, cell_m, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::flats::layers;
    use crate::bake::store::Room;
    use citytwin_geo::Geodetic;
    use glam::Vec3;

    /// A flat sheet of `n` × `n` little squares over ±`reach`.
    pub(crate) fn sheet(n: u32, reach: f64) -> Mesh {
        let mut mesh = Mesh::default();
        for y in 0..=n {
            for x in 0..=n {
                let at = |i: u32| (f64::from(i) / f64::from(n) * 2.0 - 1.0) * reach;
                mesh.positions.push(DVec3::new(at(x), at(y), 0.0));
                mesh.normals.push(Vec3::Z);
                mesh.colors.push([1, 2, 3, 255]);
                mesh.features.push(0);
            }
        }
        for y in 0..n {
            for x in 0..n {
                let a = y * (n + 1) + x;
                mesh.indices.extend([a, a + 1, a + n + 2, a, a + n + 2, a + n + 1]);
            }
        }
        mesh
    }

    fn flats(room: &Room, mesh: Mesh) -> Flats {
        let mut flats = Flats::new(room);
        flats.push(Flat { layer: 0, order: 0, mesh });
        flats
    }

    /// The tiles, and what says of each what lies flat in it.
    fn planned(square: Square, things: &[Standing], flat: Mesh) -> (Vec<Node>, impl Fn(&Node) -> Mesh) {
        let room = Room::endless();
        let shelves = Shelves::new(&room);
        let nodes = plan(square, things, flats(&room, flat), &shelves, f64::INFINITY);
        let store = shelves.filled();
        (nodes, move |node: &Node| layers(&store, &node.flats, 1).remove(0))
    }

    fn area(mesh: &Mesh) -> f64 {
        let corner = |i: u32| mesh.positions[i as usize].truncate();
        let twice = |t: &[u32]| (corner(t[1]) - corner(t[0])).perp_dot(corner(t[2]) - corner(t[0]));
        mesh.indices.chunks_exact(3).map(twice).sum::<f64>() / 2.0
    }

    #[test]
    fn the_square_is_the_smallest_power_of_two_that_covers() {
        let side = |reach| Square::covering(reach).map(|square| square.side_m);
        assert_eq!(side(0.0), Some(64.0));
        assert_eq!(side(825.0), Some(2048.0));
        assert_eq!(side(1024.0), Some(2048.0));
        assert_eq!(side(1024.1), Some(4096.0));
        assert_eq!(side(200_000.0), None);
        assert_eq!(side(f64::NAN), None);
        assert_eq!(side(f64::INFINITY), None);
    }

    #[test]
    fn bending_agrees_with_the_geodetic_surface() {
        let frame = EnuFrame::new(Geodetic::from_degrees(24.945, 60.17, 0.0));
        let bend = Bend::new(&frame);
        for xy in [(0.0, 0.0), (1000.0, 0.0), (-700.0, 800.0), (30_000.0, -90_000.0), (131_000.0, 131_000.0)] {
            let xy = DVec2::from(xy);
            let (ours, exact) = (bend.surface_z(xy), frame.surface_z(xy));
            assert!((ours - exact).abs() < 1e-6, "{xy}: {ours} {exact}");
        }
    }

    #[test]
    fn leaves_hold_all_and_overlap_nowhere() {
        let square = Square { side_m: 1024.0 };
        let flat = sheet(150, 500.0);
        let things: Vec<Standing> = (0..100)
            .map(|i| Thing {
                feature: i,
                at: DVec2::new(f64::from(i % 10), f64::from(i / 10)) * 100.0 - 450.0,
                triangles: 900,
                texels: 0,
            })
            .map(|thing| (thing, (DVec3::ZERO, DVec3::ZERO)))
            .collect();
        let (nodes, meshes) = planned(square, &things, flat.clone());
        let leaves: Vec<&Node> = nodes.iter().filter(|n| n.leaf).collect();
        assert!(leaves.len() > 4, "135,000 triangles are divided");
        let total: f64 = leaves.iter().map(|n| area(&meshes(n))).sum();
        assert!((total - area(&flat)).abs() < 1e-6, "{total}");
        for node in &nodes {
            let (low, side) = (square.corner(node.key), square.side_at(node.key.level));
            for p in meshes(node).positions {
                let inside = |v: f64, low: f64| v >= low && v <= low + side;
                assert!(inside(p.x, low.x) && inside(p.y, low.y), "{:?}: {p}", node.key);
            }
            let children = nodes.iter().filter(|n| n.key.parent() == Some(node.key)).count();
            assert_eq!(node.leaf, children == 0);
        }
        let mut seen: Vec<u32> = leaves.iter().flat_map(|n| n.things.iter().copied()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn interior_tiles_get_their_part_of_the_coarse_version() {
        let square = Square { side_m: 1024.0 };
        let room = Room::endless();
        let shelves = Shelves::new(&room);
        let mut nodes = plan(square, &[], flats(&room, sheet(300, 500.0)), &shelves, f64::INFINITY);
        for level in 0..3 {
            let coarse = Flat { layer: 0, order: 0, mesh: sheet(3, 500.0) };
            hand_out(square, level, &mut nodes, &shelves, |take| take(coarse));
        }
        let store = shelves.filled();
        let meshes = |node: &Node| layers(&store, &node.flats, 1).remove(0);
        for level in 0..3 {
            let interior = nodes.iter().filter(|n| !n.leaf && n.key.level == level);
            let below = |key: TileKey| {
                let covers = |leaf: TileKey| {
                    leaf.level > level
                        && leaf.x >> (leaf.level - level) == key.x
                        && leaf.y >> (leaf.level - level) == key.y
                };
                nodes.iter().filter(|n| n.leaf && covers(n.key)).map(|n| area(&meshes(n))).sum::<f64>()
            };
            for node in interior {
                assert!((area(&meshes(node)) - below(node.key)).abs() < 1e-6, "{:?} covers what is below", node.key);
            }
        }
    }

    #[test]
    fn what_lies_flat_keeps_its_order_with_room_and_without() {
        let square = Square { side_m: 1024.0 };
        // More than is held at once: sheets of two orders in turn, of which each lies on the ones before.
        let sheets = || {
            (0..60_u32).map(|feature| {
                let mut mesh = sheet(24, 500.0);
                mesh.features.fill(feature);
                Flat { layer: 0, order: feature % 2, mesh }
            })
        };
        assert!(sheets().next().is_some_and(|flat| flat.mesh.triangle_count() as u64 > HELD_TRIANGLES));
        let drawn = |name: &str, room: &Room| {
            let (mut all, shelves) = (Flats::new(room), Shelves::new(room));
            sheets().for_each(|flat| all.push(flat));
            let mut nodes = plan(square, &[], all, &shelves, f64::INFINITY);
            hand_out(square, 0, &mut nodes, &shelves, |take| sheets().for_each(take));
            let store = shelves.filled();
            let meshes: Vec<Mesh> = nodes.iter().map(|node| layers(&store, &node.flats, 1).remove(0)).collect();
            room.check().unwrap_or_else(|error| panic!("{name}: {error}"));
            (nodes.iter().map(|node| (node.key, node.leaf)).collect::<Vec<_>>(), meshes)
        };
        let folder = std::env::temp_dir().join(format!("citytwin-flats-{}", std::process::id()));
        let (held, filed) = (drawn("held", &Room::endless()), drawn("filed", &Room::new(0, folder.clone())));
        let _ = std::fs::remove_dir_all(folder);
        assert!(held == filed, "what is drawn depends on the room");
        for ((key, leaf), mesh) in held.0.iter().zip(&held.1) {
            let drawn: Vec<u32> = mesh.indices.iter().map(|&i| mesh.features[i as usize]).collect();
            assert!(drawn.is_sorted_by_key(|feature| (feature % 2, *feature)), "{key:?} {leaf}");
            assert_eq!(drawn.iter().collect::<std::collections::BTreeSet<_>>().len(), 60, "{key:?}");
        }
    }

    #[test]
    fn a_thousand_things_at_one_point_end_in_one_leaf() {
        let thing = Thing { feature: 0, at: DVec2::new(3.0, 3.0), triangles: 1_000_000, texels: 0 };
        let things = vec![(thing, (DVec3::ZERO, DVec3::ZERO)); 1000];
        let room = Room::endless();
        let nodes = plan(Square { side_m: 1024.0 }, &things, Flats::new(&room), &Shelves::new(&room), 256.0);
        assert_eq!(nodes.iter().filter(|n| n.leaf).count(), 1);
        assert_eq!(nodes.last().map(|n| n.key.level), Some(5), "tiles end at 32 m");
    }

    #[test]
    fn long_flat_triangles_follow_the_bent_ground() {
        let frame = EnuFrame::new(Geodetic::from_degrees(24.945, 60.17, 0.0));
        let bend = Bend::new(&frame);
        let square = Square { side_m: 8192.0 };
        let mesh = bend.apply_flat(sheet(1, 4000.0), square, &Land::level(frame.origin), TileKey::ROOT, true);
        let corner = |i: u32| mesh.positions[i as usize];
        for t in mesh.indices.chunks_exact(3) {
            let middle = (corner(t[0]) + corner(t[1]) + corner(t[2])) / 3.0;
            let off = middle.z - frame.surface_z(middle.truncate());
            assert!(off.abs() < 0.01, "{middle}: {off} m");
        }
    }
}
