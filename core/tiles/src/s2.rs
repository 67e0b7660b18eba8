//! The S2 grid (`3DTILES_bounding_volume_S2`): cells of the Earth's surface and the solids above them.
//!
//! S2 lays six faces of a cube around the sphere and halves each one along both sides up to thirty times; a cell's id
//! holds its face and its place along a Hilbert curve. Longitudes and latitudes on S2's sphere count as geodetic ones
//! (as the extension's text says, and CesiumJS does). Written here rather than taken from the crate `s2`, because
//! all that tiles need of the grid is below: a cell's place, its parts and its corners.
//!
//! Source: <http://s2geometry.io/devguide/s2cell_hierarchy> (quadratic projection, Hilbert curve tables).

use crate::hull::Hull;
use citytwin_geo::{Geodetic, ecef_from_geodetic, surface_normal_ecef};
use glam::DVec3;

/// Levels below a face.
const MAX_LEVEL: u32 = 30;
/// `ij` (i as the higher bit) of the curve's four places, for each of its orientations.
const IJ_FROM_POSITION: [[u64; 4]; 4] = [[0, 1, 3, 2], [0, 2, 3, 1], [3, 2, 0, 1], [3, 1, 0, 2]];
/// What each place does to the orientation below it: bit 0 swaps i and j, bit 1 turns both round.
const TURN: [usize; 4] = [1, 0, 0, 3];

/// A cell by its place on a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    face: u64,
    level: u32,
    /// Column and row among the face's `2^level`.
    i: u64,
    j: u64,
}

impl Cell {
    /// Reads a valid cell id.
    pub(crate) fn from_id(id: u64) -> Self {
        let face = id >> 61;
        let level = MAX_LEVEL - (id.trailing_zeros() / 2).min(MAX_LEVEL);
        let (mut i, mut j) = (0, 0);
        let mut orientation = (face & 1) as usize;
        for step in 1..=level {
            let position = (id >> (61 - 2 * step) & 3) as usize;
            let ij = IJ_FROM_POSITION[orientation][position];
            (i, j) = (i << 1 | ij >> 1, j << 1 | ij & 1);
            orientation ^= TURN[position];
        }
        Self { face, level, i, j }
    }

    pub(crate) fn id(&self) -> u64 {
        let mut id = self.face << 61;
        let mut orientation = (self.face & 1) as usize;
        for step in 1..=self.level {
            let bit = self.level - step;
            let ij = (self.i >> bit & 1) << 1 | self.j >> bit & 1;
            let position = IJ_FROM_POSITION[orientation].iter().position(|found| *found == ij).unwrap_or(0);
            id |= (position as u64) << (61 - 2 * step);
            orientation ^= TURN[position];
        }
        id | 1 << (2 * (MAX_LEVEL - self.level))
    }

    /// The cell in column `x` and row `y` among the `2^levels` squared parts of this one; `None` below the grid's
    /// last level or beyond the cell.
    pub(crate) fn part(&self, levels: u32, x: u32, y: u32) -> Option<Self> {
        let level = self.level.checked_add(levels).filter(|level| *level <= MAX_LEVEL)?;
        let inside = |n: u32| Some(u64::from(n)).filter(|n| n >> levels == 0);
        Some(Self { face: self.face, level, i: (self.i << levels) + inside(x)?, j: (self.j << levels) + inside(y)? })
    }

    /// Longitude and latitude of a point of the cell, with `s` and `t` from 0 to 1 across it.
    fn at(&self, s: f64, t: f64, height_m: f64) -> Geodetic {
        let size = 0.5f64.powi(self.level as i32);
        let uv = |index: u64, part: f64| {
            let st = (index as f64 + part) * size;
            if st >= 0.5 { (4.0 * st * st - 1.0) / 3.0 } else { (1.0 - 4.0 * (1.0 - st) * (1.0 - st)) / 3.0 }
        };
        let (u, v) = (uv(self.i, s), uv(self.j, t));
        let [x, y, z] = match self.face {
            0 => [1.0, u, v],
            1 => [-u, 1.0, v],
            2 => [-u, -v, 1.0],
            3 => [-1.0, -v, -u],
            4 => [v, -1.0, -u],
            _ => [v, u, -1.0],
        };
        Geodetic { lon_rad: y.atan2(x), lat_rad: z.atan2(x.hypot(y)), height_m }
    }

    /// A solid with six faces around everything above the cell between two heights (metres above the ellipsoid): as
    /// tight as planes can be that touch it above, below and along its four sides.
    pub(crate) fn hull(&self, [low_m, high_m]: [f64; 2]) -> Hull {
        const SIDES: [[f64; 2]; 4] = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        /// Points along a side that its plane must not cut off.
        const SAMPLES: u32 = 8;
        let point = |[s, t]: [f64; 2], height_m: f64| ecef_from_geodetic(self.at(s, t, height_m));
        let along = |side: usize, k: u32| {
            let (from, to) = (SIDES[side], SIDES[(side + 1) % 4]);
            let part = f64::from(k) / f64::from(SAMPLES);
            [from[0] + (to[0] - from[0]) * part, from[1] + (to[1] - from[1]) * part]
        };
        let up = |st: [f64; 2]| {
            let at = self.at(st[0], st[1], 0.0);
            surface_normal_ecef(at.lon_rad, at.lat_rad)
        };
        let middle = [0.5, 0.5];
        let center = (point(middle, low_m) + point(middle, high_m)) / 2.0;
        let above = up(middle);
        let mut normals = [above, -above, DVec3::ZERO, DVec3::ZERO, DVec3::ZERO, DVec3::ZERO];
        for side in 0..4 {
            let [from, half, to] = [0, SAMPLES / 2, SAMPLES].map(|k| along(side, k));
            normals[2 + side] = (point(to, 0.0) - point(from, 0.0)).cross(up(half)).normalize_or_zero();
        }
        let mut reach = normals.map(|normal| normal.dot(point(middle, high_m) - center));
        for side in 0..4 {
            for k in 0..SAMPLES {
                for height_m in [low_m, high_m] {
                    let p = point(along(side, k), height_m) - center;
                    for (reach, normal) in reach.iter_mut().zip(normals) {
                        *reach = reach.max(normal.dot(p));
                    }
                }
            }
        }
        Hull::new(center, normals, reach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Volume;

    fn cell(token: &str) -> Cell {
        match Volume::s2(token, [0.0, 0.0]) {
            Some(Volume::S2 { cell, .. }) => Cell::from_id(cell),
            other => panic!("{token}: {other:?}"),
        }
    }

    fn lon_lat(cell: &Cell, s: f64, t: f64) -> (f64, f64) {
        let at = cell.at(s, t, 0.0);
        (at.lon(), at.lat())
    }

    /// Expected values: `S2Cell.fromToken` of CesiumJS 1.140.
    #[test]
    fn tokens_lie_where_other_readers_have_them() {
        for (token, lon, lat) in [
            ("1", 0.0, 0.0),
            ("3", 90.0, 0.0),
            ("7", 180.0, 0.0),
            ("9", -90.0, 0.0),
            ("2ef59bd352b93ac3", 105.641_318_037_743_08, -10.490_091_033_598_308),
            ("1234567", 9.868_307_318_504_081, 27.468_392_925_827_604),
        ] {
            let (found_lon, found_lat) = lon_lat(&cell(token), 0.5, 0.5);
            let off = (found_lon - lon + 540.0).rem_euclid(360.0) - 180.0;
            assert!(off.abs() < 1e-12 && (found_lat - lat).abs() < 1e-12, "{token}: {found_lon} {found_lat}");
        }
        let face = cell("1");
        for ((s, t), (lon, lat)) in [((0.0, 0.0), (-45.0, -35.264_389_683)), ((1.0, 1.0), (45.0, 35.264_389_683))] {
            let found = lon_lat(&face, s, t);
            assert!((found.0 - lon).abs() < 1e-9 && (found.1 - lat).abs() < 1e-9, "{found:?}");
        }
    }

    /// Expected values: `S2Cell.fromFacePositionLevel` over `HilbertOrder.encode2D`, as CesiumJS 1.140 derives the
    /// volumes of implicit tiles.
    #[test]
    fn implicit_tiles_are_parts_of_their_root() {
        for (root, level, x, y, expected) in
            [("1", 3, 5, 2, "1bc"), ("3", 3, 5, 2, "2ec"), ("9", 6, 41, 17, "9b85"), ("b", 6, 41, 17, "aed1")]
        {
            let part = cell(root).part(level, x, y).map(|part| format!("{:016x}", part.id()));
            assert_eq!(part.as_deref().map(|id| id.trim_end_matches('0')), Some(expected), "{root} {level} {x} {y}");
        }
        // A root further down goes on in the same columns and rows.
        let whole = cell("b").part(6, 41, 17);
        assert_eq!(cell("b").part(2, 2, 1).and_then(|c| c.part(4, 9, 1)), whole);
        assert_eq!(whole.and_then(|c| c.part(25, 0, 0)), None, "there are only thirty levels");
        assert_eq!(cell("b").part(1, 2, 0), None);
    }

    #[test]
    fn ids_survive_the_way_to_columns_and_back() {
        for token in ["1", "b", "89c25a4c", "2ef59bd352b93ac3", "1234567", "97a9", "b7ffffffffffffff"] {
            let Some(Volume::S2 { cell, .. }) = Volume::s2(token, [0.0, 0.0]) else { panic!("{token}") };
            assert_eq!(Cell::from_id(cell).id(), cell, "{token}");
        }
    }

    #[test]
    fn everything_above_a_cell_is_inside_of_its_hull_and_little_else() {
        for token in ["1", "5", "b", "89c25a4c", "1234567", "2ef59bd352b93ac3", "4c", "47"] {
            let cell = cell(token);
            let heights = [-20.0, 300.0];
            let hull = cell.hull(heights);
            let radius = hull.radius();
            for (a, b, c) in triples(12) {
                let p = ecef_from_geodetic(cell.at(a, b, heights[0] + (heights[1] - heights[0]) * c));
                let outside = hull.distance(p);
                assert!(outside <= 1e-4 * radius, "{token} {a} {b} {c}: {outside} of {radius}");
            }
            if cell.level > 8 {
                let above = ecef_from_geodetic(cell.at(0.5, 0.5, heights[1] + 100.0));
                assert!((hull.distance(above) - 100.0).abs() < 1.0, "{token}: {}", hull.distance(above));
            }
        }
    }

    /// A grid of triples from 0 to 1.
    fn triples(n: u32) -> impl Iterator<Item = (f64, f64, f64)> {
        let part = move |i: u32| f64::from(i) / f64::from(n);
        (0..=n).flat_map(move |a| {
            (0..=n).flat_map(move |b| [0.0, 0.5, 1.0].into_iter().map(move |c| (part(a), part(b), c)))
        })
    }
}
