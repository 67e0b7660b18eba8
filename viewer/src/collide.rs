//! Keeping the eye out of what it flies through: the triangles of solid tiles near it, and what becomes of a step
//! that would end inside of them.

use crate::flight::turn_deg;
use citytwin_geo::LookAt;
use citytwin_tiles::{Attribute, Component, Primitive, Topology};
use glam::{DMat4, DVec3, Vec3};

/// The eye comes no nearer to a surface than this, metres.
pub(crate) const CLEAR_M: f64 = 1.5;
/// A tile of more triangles than this is passed through: it would take longer to read than a frame lasts.
const MOST_TRIANGLES: usize = 300_000;
/// Cells of the grid along each side, at most.
const MOST_CELLS: f32 = 96.0;
/// A cell is at least this wide, metres.
const LEAST_CELL_M: f32 = 6.0;
/// A flight is lifted over what is in its way in such steps, up to such a part of its distance.
const LIFT_STEP: f64 = 1.12;
const MOST_LIFT: f64 = 4.0;

/// Whether a primitive stands in the way: triangles that are neither flat nor instances.
pub(crate) fn stands(primitive: &Primitive) -> bool {
    primitive.topology == Topology::Triangles && primitive.flat_order.is_none() && primitive.instances.is_none()
}

/// The triangles of a tile, in its own frame, in a grid over its ground.
#[derive(Debug, Default)]
pub(crate) struct Solid {
    triangles: Vec<[Vec3; 3]>,
    low: Vec3,
    cell_m: f32,
    cells: [usize; 2],
    /// Where the triangles of each cell begin in `members`; one more than there are cells.
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Solid {
    /// Of triangles in the tile's frame.
    pub(crate) fn new(triangles: Vec<[Vec3; 3]>) -> Self {
        let corners = || triangles.iter().flatten().copied();
        if triangles.is_empty() || !corners().all(Vec3::is_finite) {
            return Self::default();
        }
        let (low, high) = (corners().fold(Vec3::INFINITY, Vec3::min), corners().fold(Vec3::NEG_INFINITY, Vec3::max));
        let size = high - low;
        let cell_m = (size.x.max(size.y) / MOST_CELLS).max(LEAST_CELL_M);
        let cells = [size.x, size.y].map(|side| (side / cell_m) as usize + 1);
        let mut solid = Self { low, cell_m, cells, ..Self::default() };
        let mut counts = vec![0_u32; cells[0] * cells[1] + 1];
        for triangle in &triangles {
            solid.cells_of(triangle).for_each(|cell| counts[cell + 1] += 1);
        }
        for i in 1..counts.len() {
            counts[i] += counts[i - 1];
        }
        let mut next = counts.clone();
        let mut members = vec![0; counts.last().map_or(0, |n| *n as usize)];
        for (i, triangle) in triangles.iter().enumerate() {
            for cell in solid.cells_of(triangle) {
                members[next[cell] as usize] = i as u32;
                next[cell] += 1;
            }
        }
        (solid.starts, solid.members, solid.triangles) = (counts, members, triangles);
        solid
    }

    /// Of the primitives of a tile that stand in the way; none of a tile of too many triangles.
    pub(crate) fn of_tile(primitives: &[Primitive], vertices: &[u8], indices: &[u8]) -> Self {
        let corners = |p: &Primitive| p.indices.map_or(p.vertex_count, |range| range.count) as usize;
        if primitives.iter().filter(|p| stands(p)).map(corners).sum::<usize>() > 3 * MOST_TRIANGLES {
            return Self::default();
        }
        let mut triangles = Vec::new();
        for primitive in primitives.iter().filter(|p| stands(p)) {
            let tile_from_local = DMat4::from_cols_array(&primitive.tile_from_local);
            let corner = |i: usize| {
                let local = position(&primitive.positions, vertices, vertex(primitive, indices, i)?)?;
                Some(tile_from_local.transform_point3(local).as_vec3())
            };
            let all =
                (0..corners(primitive) / 3).map(|t| Some([corner(3 * t)?, corner(3 * t + 1)?, corner(3 * t + 2)?]));
            triangles.extend(all.flatten());
        }
        Self::new(triangles)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.triangles.is_empty()
    }

    /// Bytes that it holds.
    pub(crate) fn heap_bytes(&self) -> u64 {
        (self.triangles.len() * 36 + (self.starts.len() + self.members.len()) * 4) as u64
    }

    /// Columns and rows of the cells over a range of the ground.
    fn range(&self, low: Vec3, high: Vec3) -> [std::ops::Range<usize>; 2] {
        [0, 1].map(|axis| {
            let cell = |v: f32| ((v - self.low[axis]) / self.cell_m).floor().max(0.0) as usize;
            let (from, to) = (cell(low[axis]), cell(high[axis]) + 1);
            if high[axis] < self.low[axis] { 0..0 } else { from.min(self.cells[axis])..to.min(self.cells[axis]) }
        })
    }

    fn cells_of(&self, triangle: &[Vec3; 3]) -> impl Iterator<Item = usize> + use<> {
        let [a, b, c] = *triangle;
        let [columns, rows] = self.range(a.min(b).min(c), a.max(b).max(c));
        let width = self.cells[0];
        rows.flat_map(move |row| columns.clone().map(move |column| row * width + column))
    }

    /// Triangles in the cells over a range; one in several cells comes several times.
    fn near(&self, low: Vec3, high: Vec3) -> impl Iterator<Item = &[Vec3; 3]> {
        let [columns, rows] = self.range(low, high);
        let width = self.cells[0];
        let cells = rows.flat_map(move |row| columns.clone().map(move |column| row * width + column));
        let members = cells.flat_map(|cell| &self.members[self.starts[cell] as usize..self.starts[cell + 1] as usize]);
        members.map(|i| &self.triangles[*i as usize])
    }

    /// Whether the way from one point to another, in the tile's frame, hits a triangle, or ends nearer than `clear` to
    /// one and nearer than it began.
    pub(crate) fn blocks(&self, from: Vec3, to: Vec3, clear: f32) -> bool {
        if self.is_empty() {
            return false;
        }
        let (low, high) = (from.min(to) - clear, from.max(to) + clear);
        let before = || self.distance(from, clear);
        self.near(low, high).any(|triangle| crosses(from, to, triangle)) || {
            let after = self.distance(to, clear);
            after < clear && after < before()
        }
    }

    /// Distance to the nearest triangle; `within` where none is as near.
    fn distance(&self, point: Vec3, within: f32) -> f32 {
        let squared = self.near(point - within, point + within).map(|triangle| distance_squared(point, triangle));
        squared.fold(within * within, f32::min).sqrt()
    }
}

/// The number of a corner's vertex.
fn vertex(primitive: &Primitive, indices: &[u8], corner: usize) -> Option<usize> {
    let Some(range) = &primitive.indices else { return Some(corner) };
    let at = range.offset as usize;
    Some(if range.wide {
        u32::from_le_bytes(indices.get(at + 4 * corner..at + 4 * corner + 4)?.try_into().ok()?) as usize
    } else {
        u16::from_le_bytes(indices.get(at + 2 * corner..at + 2 * corner + 2)?.try_into().ok()?) as usize
    })
}

/// A vertex's position, as its attribute stores it.
fn position(attribute: &Attribute, vertices: &[u8], vertex: usize) -> Option<DVec3> {
    let start = attribute.offset as usize + vertex * attribute.stride as usize;
    let number = |i: usize| {
        let (value, most) = match attribute.component {
            Component::F32 => {
                let bytes = vertices.get(start + 4 * i..start + 4 * i + 4)?;
                return Some(f64::from(f32::from_le_bytes(bytes.try_into().ok()?)));
            }
            Component::U32 => {
                let bytes = vertices.get(start + 4 * i..start + 4 * i + 4)?;
                (f64::from(u32::from_le_bytes(bytes.try_into().ok()?)), f64::from(u32::MAX))
            }
            Component::I16 | Component::U16 => {
                let bytes = vertices.get(start + 2 * i..start + 2 * i + 2)?.try_into().ok()?;
                match attribute.component {
                    Component::I16 => (f64::from(i16::from_le_bytes(bytes)), f64::from(i16::MAX)),
                    _ => (f64::from(u16::from_le_bytes(bytes)), f64::from(u16::MAX)),
                }
            }
            Component::I8 => (f64::from(*vertices.get(start + i)? as i8), f64::from(i8::MAX)),
            Component::U8 => (f64::from(*vertices.get(start + i)?), f64::from(u8::MAX)),
        };
        Some(if attribute.normalized { (value / most).max(-1.0) } else { value })
    };
    Some(DVec3::new(number(0)?, number(1)?, number(2)?))
}

/// Whether a segment meets a triangle from either side (Möller and Trumbore 1997).
fn crosses(from: Vec3, to: Vec3, [a, b, c]: &[Vec3; 3]) -> bool {
    let (way, ab, ac) = (to - from, *b - *a, *c - *a);
    let p = way.cross(ac);
    let det = ab.dot(p);
    if det.abs() < 1e-12 {
        return false;
    }
    let s = from - *a;
    let u = s.dot(p) / det;
    let q = s.cross(ab);
    let (v, t) = (way.dot(q) / det, ac.dot(q) / det);
    u >= 0.0 && v >= 0.0 && u + v <= 1.0 && (0.0..=1.0).contains(&t)
}

/// Squared distance from a point to a triangle (Ericson, Real-Time Collision Detection, section 5.1.5): to the nearest
/// side, or to the plane where the point's foot lies in the triangle.
fn distance_squared(p: Vec3, [a, b, c]: &[Vec3; 3]) -> f32 {
    let side = |a: Vec3, b: Vec3| {
        let ab = b - a;
        let t = ((p - a).dot(ab) / ab.length_squared().max(1e-20)).clamp(0.0, 1.0);
        (a + ab * t - p).length_squared()
    };
    let normal = (*b - *a).cross(*c - *a);
    let inside = |a: Vec3, b: Vec3| (b - a).cross(p - a).dot(normal) >= 0.0;
    if normal.length_squared() > 0.0 && inside(*a, *b) && inside(*b, *c) && inside(*c, *a) {
        let along = (p - *a).dot(normal);
        return along * along / normal.length_squared();
    }
    side(*a, *b).min(side(*b, *c)).min(side(*c, *a))
}

/// What becomes of a step of the camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    /// Where the camera may be.
    pub(crate) look: LookAt,
    /// What moved it must stop.
    pub(crate) stopped: bool,
    /// How many times farther from its target than asked it is, in a flight.
    pub(crate) lift: f64,
}

/// A step from one view to another, as far as `free` says that the eye may go. A flight is lifted over what is in its
/// way, back along the line of sight, and comes down slowly again; anything else stops before it.
pub(crate) fn step(before: &LookAt, wanted: &LookAt, flies: bool, lift: f64, free: impl Fn(&LookAt) -> bool) -> Step {
    if flies {
        let mut lift = (lift / LIFT_STEP).max(1.0);
        while lift <= MOST_LIFT {
            let look = LookAt { distance_m: wanted.distance_m * lift, ..*wanted };
            if free(&look) {
                return Step { look, stopped: false, lift };
            }
            lift *= LIFT_STEP;
        }
        return Step { look: *before, stopped: true, lift: 1.0 };
    }
    if free(wanted) {
        return Step { look: *wanted, stopped: false, lift: 1.0 };
    }
    let parts = [0.75, 0.5, 0.25].map(|part| between(before, wanted, part));
    let look = parts.into_iter().find(|look| free(look)).unwrap_or(*before);
    Step { look, stopped: true, lift: 1.0 }
}

/// A view between two that are near each other.
fn between(a: &LookAt, b: &LookAt, part: f64) -> LookAt {
    let mix = |a: f64, b: f64| a + (b - a) * part;
    LookAt {
        lon: mix(a.lon, b.lon),
        lat: mix(a.lat, b.lat),
        height_m: mix(a.height_m, b.height_m),
        distance_m: mix(a.distance_m, b.distance_m),
        heading_deg: (a.heading_deg + turn_deg(a.heading_deg, b.heading_deg) * part).rem_euclid(360.0),
        pitch_deg: mix(a.pitch_deg, b.pitch_deg),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_geo::{EnuFrame, Geodetic};
    use citytwin_tiles::IndexRange;

    /// The six sides of a block from 0 to `size`, as triangles.
    fn block(size: Vec3) -> Vec<[Vec3; 3]> {
        let corner = |i: usize| Vec3::new((i & 1) as f32, ((i >> 1) & 1) as f32, (i >> 2) as f32) * size;
        let sides = [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]];
        sides.iter().flat_map(|[a, b, c, d]| [[*a, *b, *c], [*a, *c, *d]]).map(|corners| corners.map(corner)).collect()
    }

    #[test]
    fn a_way_into_a_block_is_blocked_and_a_way_past_it_is_not() {
        let solid = Solid::new(block(Vec3::new(20.0, 30.0, 15.0)));
        let v = Vec3::new;
        for (from, to, blocked) in [
            (v(-10.0, 15.0, 5.0), v(5.0, 15.0, 5.0), true),
            (v(10.0, 15.0, 40.0), v(10.0, 15.0, 10.0), true),
            (v(-10.0, 15.0, 5.0), v(30.0, 15.0, 5.0), true),
            (v(-10.0, 15.0, 20.0), v(30.0, 15.0, 20.0), false),
            (v(-10.0, 15.0, 5.0), v(-2.0, 15.0, 5.0), false),
            (v(-10.0, 15.0, 5.0), v(-1.0, 15.0, 5.0), true),
            // Away from a wall that is too near already, and along it.
            (v(-1.0, 15.0, 5.0), v(-1.2, 15.0, 5.0), false),
            (v(-1.0, 15.0, 5.0), v(-1.0, 18.0, 5.0), false),
            // Inside, where somebody went on purpose, and out again.
            (v(8.0, 10.0, 5.0), v(10.0, 12.0, 6.0), false),
            (v(500.0, 500.0, 5.0), v(505.0, 505.0, 5.0), false),
        ] {
            assert_eq!(solid.blocks(from, to, CLEAR_M as f32), blocked, "{from} {to}");
        }
        assert!(!Solid::default().blocks(v(0.0, 0.0, 0.0), v(1.0, 1.0, 1.0), 1.0));
    }

    #[test]
    fn the_grid_finds_what_a_search_of_all_triangles_finds() {
        let mut triangles = Vec::new();
        let mut seed = 7_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 24) as f32
        };
        for _ in 0..800 {
            let at = Vec3::new(next() * 1500.0, next() * 700.0, next() * 40.0);
            triangles.push([0, 1, 2].map(|_| at + Vec3::new(next(), next(), next()) * 60.0));
        }
        let solid = Solid::new(triangles.clone());
        let mut hits = 0;
        for _ in 0..600 {
            let from = Vec3::new(next() * 1700.0 - 100.0, next() * 900.0 - 100.0, next() * 60.0);
            let to = from + (Vec3::new(next(), next(), next()) - 0.5) * 40.0;
            let crossed = triangles.iter().any(|t| crosses(from, to, t));
            let nearest = triangles.iter().map(|t| distance_squared(to, t)).fold(f32::INFINITY, f32::min).sqrt();
            assert!((solid.distance(to, 5.0) - nearest.min(5.0)).abs() < 1e-4);
            assert!(!crossed || solid.blocks(from, to, 0.0));
            hits += u32::from(crossed);
        }
        assert!(hits > 10, "{hits}");
    }

    #[test]
    fn tiles_are_read_in_the_layout_that_the_gpu_takes() {
        // Two triangles of 16-bit steps of half a metre, as quantised tiles have them, and one that is flat.
        let numbers: [i16; 16] = [0, 0, 0, 0, 20, 0, 0, 0, 0, 20, 0, 0, 0, 0, 20, 0];
        let vertices: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let indices: Vec<u8> = [0_u16, 1, 2, 0, 1, 3, 9, 9, 9].iter().flat_map(|n| n.to_le_bytes()).collect();
        let positions = Attribute { offset: 0, stride: 8, component: Component::I16, components: 3, normalized: false };
        let solid = Primitive {
            positions,
            vertex_count: 4,
            indices: Some(IndexRange { offset: 0, count: 9, wide: false }),
            tile_from_local: DMat4::from_scale(DVec3::splat(0.5)).to_cols_array(),
            ..Primitive::default()
        };
        let flat = Primitive { flat_order: Some(0), ..solid.clone() };
        let read = Solid::of_tile(&[solid, flat], &vertices, &indices);
        assert_eq!(read.triangles.len(), 2, "the third reaches beyond the array, the flat ones lie in nobody's way");
        assert_eq!(read.triangles[0], [Vec3::ZERO, Vec3::X * 10.0, Vec3::Y * 10.0]);
        assert!(read.heap_bytes() > 72);
        assert!(read.blocks(Vec3::new(1.0, -2.0, 1.0), Vec3::new(1.0, 2.0, 1.0), 0.1));
    }

    const HOUSE: Vec3 = Vec3::new(40.0, 40.0, 30.0);

    /// Whether the eye of a view gets there from another's past a house whose corner stands at 24.945° E, 60.17° N.
    fn free<'a>(solid: &'a Solid, from: &'a LookAt) -> impl Fn(&LookAt) -> bool + 'a {
        let frame = EnuFrame::new(Geodetic::from_degrees(24.945, 60.17, 0.0));
        move |to| {
            let [from, to] =
                [from, to].map(|look| frame.enu_from_ecef.transform_point3(look.eye_direction_up_ecef().0));
            !solid.blocks(from.as_vec3(), to.as_vec3(), CLEAR_M as f32)
        }
    }

    fn over_the_house(distance_m: f64) -> LookAt {
        let p =
            EnuFrame::new(Geodetic::from_degrees(24.945, 60.17, 0.0)).geodetic_from_enu(DVec3::new(20.0, 20.0, 0.0));
        LookAt { lon: p.lon(), lat: p.lat(), height_m: 0.0, distance_m, heading_deg: 10.0, pitch_deg: -60.0 }
    }

    #[test]
    fn a_zoom_stops_before_the_roof() {
        let solid = Solid::new(block(HOUSE));
        let mut look = over_the_house(100.0);
        let mut stopped = false;
        for _ in 0..60 {
            let wanted = LookAt { distance_m: look.distance_m * 0.95, ..look };
            let step = step(&look, &wanted, false, 1.0, free(&solid, &look));
            (look, stopped) = (step.look, step.stopped);
        }
        let height_m = look.distance_m * 60f64.to_radians().sin();
        assert!(stopped && (30.0 + CLEAR_M..34.0).contains(&height_m), "{height_m}");
    }

    #[test]
    fn a_flight_into_a_house_ends_above_it_looking_at_its_target() {
        let solid = Solid::new(block(HOUSE));
        let (mut look, mut lift) = (over_the_house(300.0), 1.0);
        let mut highest = 0.0_f64;
        for i in 0..=60 {
            let wanted = over_the_house(300.0 - 4.8 * f64::from(i));
            let step = step(&look, &wanted, true, lift, free(&solid, &look));
            assert!(!step.stopped);
            assert!(step.look.distance_m <= look.distance_m + 6.0, "no jump back");
            (look, lift) = (step.look, step.lift);
            highest = highest.max(lift);
        }
        let height_m = look.distance_m * 60f64.to_radians().sin();
        assert!(height_m > 30.0 + CLEAR_M && height_m < 40.0 && highest > 1.5, "{height_m} {highest}");
        assert_eq!((look.lon, look.pitch_deg), (over_the_house(1.0).lon, -60.0));
    }

    #[test]
    fn a_flight_that_cannot_be_lifted_stops() {
        let stays = over_the_house(50.0);
        let stuck = step(&stays, &over_the_house(20.0), true, 1.0, |_| false);
        assert_eq!(stuck, Step { look: stays, stopped: true, lift: 1.0 });
        let turned = LookAt { heading_deg: 350.0, ..stays };
        let half = step(&turned, &LookAt { heading_deg: 30.0, ..stays }, false, 1.0, |look| look.heading_deg < 20.0);
        assert!(half.stopped && (half.look.heading_deg - 10.0).abs() < 1e-9, "{half:?}");
    }
}
