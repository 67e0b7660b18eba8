//! Quantized-mesh 1.0, written: what [`super::quantized`] reads.

use super::quantized::{HEADER, MOST, OCT_NORMALS};
use super::{TerrainPlace, relief};
use citytwin_geo::{Geodetic, WGS84_A, WGS84_B, ecef_from_geodetic};
use glam::DVec3;

/// The ground of a tile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TerrainMesh {
    /// Shares of the tile's width from the west and of its height from the south, 0 to 1; metres above the ellipsoid.
    pub points: Vec<[f64; 3]>,
    /// Unit vectors in ECEF axes, one for each point.
    pub normals_ecef: Vec<[f64; 3]>,
    /// Three points each, against the clock seen from above.
    pub triangles: Vec<[u32; 3]>,
}

impl TerrainMesh {
    /// As few triangles as show a square grid of `side` × `side` points (`side` is a power of two and one more; rows
    /// from the south, columns from the west), none of which is more than `most_error_m` off.
    ///
    /// `points` and `normals_ecef` are those of the grid, as in [`TerrainMesh`]. `bulge_m` says for each point how far
    /// the Earth bends away below it, metres, so that large tiles keep enough triangles to be round.
    ///
    /// # Panics
    /// When `side` is no such number, or the lengths are not `side`².
    pub fn of_grid(
        side: usize,
        points: &[[f64; 3]],
        normals_ecef: &[[f64; 3]],
        bulge_m: &[f64],
        most_error_m: f64,
    ) -> Self {
        assert!(side > 1 && (side - 1).is_power_of_two(), "{side}");
        assert!([points.len(), normals_ecef.len(), bulge_m.len()].iter().all(|len| *len == side * side));
        let values: Vec<f64> = points.iter().zip(bulge_m).map(|(point, bulge)| point[2] - bulge).collect();
        let mut mesh = Self::default();
        // Vertices are numbered as triangles first use them, which is what "high water mark" coding wants.
        let mut numbers = vec![u32::MAX; points.len()];
        for triangle in relief::triangles(&values, side, most_error_m) {
            mesh.triangles.push(upward(triangle, points).map(|corner| {
                let number = &mut numbers[corner as usize];
                if *number == u32::MAX {
                    *number = mesh.points.len() as u32;
                    mesh.points.push(points[corner as usize]);
                    mesh.normals_ecef.push(normals_ecef[corner as usize]);
                }
                *number
            }));
        }
        mesh
    }

    /// The file of the tile at a place.
    pub fn to_bytes(&self, place: &TerrainPlace) -> Vec<u8> {
        let heights = self.points.iter().map(|point| point[2]);
        let (low, high) =
            heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), z| (f64::min(low, z), f64::max(high, z)));
        // Rounded outwards: quantised heights lie between what is written.
        let (low, high) = ((low as f32).next_down(), (high as f32).next_up());
        let mut out = header(&self.ecef(place), low, high);
        debug_assert_eq!(out.len(), HEADER);
        out.extend((self.points.len() as u32).to_le_bytes());
        let span = (f64::from(high) - f64::from(low)).max(1e-9);
        let quantised: Vec<[i32; 3]> = (self.points.iter())
            .map(|[u, v, z]| [*u, *v, (z - f64::from(low)) / span].map(|share| (share * MOST).round() as i32))
            .collect();
        for axis in 0..3 {
            let mut before = 0;
            for point in &quantised {
                let by = point[axis] - before;
                before = point[axis];
                out.extend((((by << 1) ^ (by >> 31)) as u16).to_le_bytes());
            }
        }
        let wide = self.points.len() > 65_536;
        if wide {
            out.resize(out.len().next_multiple_of(4), 0);
        }
        self.put_indices(wide, &mut out);
        for (axis, side) in [(0, 0.0), (1, 0.0), (0, 1.0), (1, 1.0)] {
            self.put_edge(axis, side, wide, &mut out);
        }
        out.push(OCT_NORMALS);
        out.extend((2 * self.points.len() as u32).to_le_bytes());
        out.extend(self.normals_ecef.iter().flat_map(|normal| oct(*normal)));
        out
    }

    fn ecef(&self, place: &TerrainPlace) -> Vec<DVec3> {
        let at = |[u, v, height_m]: &[f64; 3]| {
            let [lon_rad, lat_rad] = place.lon_lat_rad(*u, *v);
            ecef_from_geodetic(Geodetic { lon_rad, lat_rad, height_m: *height_m })
        };
        self.points.iter().map(at).collect()
    }

    fn put_indices(&self, wide: bool, out: &mut Vec<u8>) {
        out.extend((self.triangles.len() as u32).to_le_bytes());
        let mut highest = 0;
        for corner in self.triangles.iter().flatten() {
            let code = highest - corner;
            highest += u32::from(code == 0);
            put(code, wide, out);
        }
    }

    /// The points at a side, in their order along it.
    fn put_edge(&self, axis: usize, side: f64, wide: bool, out: &mut Vec<u8>) {
        let mut found: Vec<u32> =
            (0..self.points.len() as u32).filter(|i| self.points[*i as usize][axis] == side).collect();
        found.sort_by(|a, b| self.points[*a as usize][1 - axis].total_cmp(&self.points[*b as usize][1 - axis]));
        out.extend((found.len() as u32).to_le_bytes());
        found.into_iter().for_each(|index| put(index, wide, out));
    }
}

/// Against the clock seen from above, beginning with the same corner.
fn upward([a, b, c]: [u32; 3], points: &[[f64; 3]]) -> [u32; 3] {
    let [p, q, r] = [a, b, c].map(|corner| points[corner as usize]);
    let twice = (q[0] - p[0]) * (r[1] - p[1]) - (r[0] - p[0]) * (q[1] - p[1]);
    if twice < 0.0 { [a, c, b] } else { [a, b, c] }
}

fn put(value: u32, wide: bool, out: &mut Vec<u8>) {
    if wide {
        out.extend(value.to_le_bytes());
    } else {
        out.extend((value as u16).to_le_bytes());
    }
}

/// Centre, heights, sphere around all points, and a point that is below the horizon only when all of them are.
fn header(points: &[DVec3], low: f32, high: f32) -> Vec<u8> {
    let (least, most) = points.iter().fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(l, h), p| (l.min(*p), h.max(*p)));
    let center = (least + most) / 2.0;
    let radius_m = points.iter().map(|p| p.distance(center)).fold(0.0, f64::max);
    let mut out = Vec::with_capacity(HEADER);
    let vector = |v: DVec3, out: &mut Vec<u8>| out.extend(v.to_array().iter().flat_map(|x| x.to_le_bytes()));
    vector(center, &mut out);
    out.extend(low.to_le_bytes());
    out.extend(high.to_le_bytes());
    vector(center, &mut out);
    out.extend(radius_m.to_le_bytes());
    vector(horizon(points, center), &mut out);
    out
}

/// In space scaled so that the ellipsoid is the unit sphere (Kevin Ring, "Horizon Culling", 2013, as CesiumJS has it).
fn horizon(points: &[DVec3], center: DVec3) -> DVec3 {
    /// Seen from everywhere: what a tile as wide as a hemisphere needs.
    const ALWAYS: f64 = 1e6;
    let radii = DVec3::new(WGS84_A, WGS84_A, WGS84_B);
    let towards = (center / radii).normalize_or(DVec3::Z);
    let farthest = points.iter().map(|point| {
        let scaled = *point / radii;
        let direction = scaled.normalize_or(DVec3::Z);
        let length = scaled.length().max(1.0);
        let (cos_alpha, sin_alpha) = (direction.dot(towards), direction.cross(towards).length());
        let cos_beta = 1.0 / length;
        let sin_beta = (length * length - 1.0).sqrt() * cos_beta;
        let share = cos_alpha * cos_beta - sin_alpha * sin_beta;
        if share > 1.0 / ALWAYS { 1.0 / share } else { ALWAYS }
    });
    towards * farthest.fold(1.0, f64::max)
}

/// A unit vector in two bytes (Cigolle et al., 2014).
fn oct([x, y, z]: [f64; 3]) -> [u8; 2] {
    let sum = x.abs() + y.abs() + z.abs();
    let (u, v) = (x / sum, y / sum);
    let sign = |value: f64| if value < 0.0 { -1.0 } else { 1.0 };
    let (u, v) = if z < 0.0 { ((1.0 - v.abs()) * sign(u), (1.0 - u.abs()) * sign(v)) } else { (u, v) };
    [u, v].map(|value| ((value * 0.5 + 0.5) * 255.0).round() as u8)
}
