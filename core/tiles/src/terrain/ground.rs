//! Heights of the ground on a small grid, for a camera that must stay above it.

use super::TerrainPlace;
use crate::wire::wire_struct;

/// Grid points along each side.
const SIDE: usize = 65;

/// Heights of one tile, as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct GroundHeights {
    /// The tile.
    pub place: TerrainPlace,
    /// Lowest and highest, metres above the ellipsoid.
    pub range_m: [f64; 2],
    /// Per grid point, rows from the south, the share of the way from the lowest to the highest.
    shares: Vec<u16>,
}

wire_struct!(GroundHeights { place, range_m, shares });

impl GroundHeights {
    /// Samples triangles of points (`u`, `v`, height in metres).
    pub(super) fn new(place: TerrainPlace, points: &[[f64; 3]], triangles: &[[u32; 3]]) -> Self {
        let heights = points.iter().map(|point| point[2]);
        let range_m = heights.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], z| [low.min(z), high.max(z)]);
        let range_m = if range_m[0] <= range_m[1] { range_m } else { [0.0; 2] };
        let step_m = ((range_m[1] - range_m[0]) / f64::from(u16::MAX)).max(1e-9);
        let mut shares = vec![0; SIDE * SIDE];
        for triangle in triangles {
            fill(&triangle.map(|corner| points[corner as usize]), &mut |at, height| {
                shares[at] = ((height - range_m[0]) / step_m).round().clamp(0.0, 65_535.0) as u16;
            });
        }
        Self { place, range_m, shares }
    }

    /// Bytes that it holds.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(self.shares.as_slice())
    }

    /// Metres above the ellipsoid at a place; `None` outside of the tile.
    pub fn height_m(&self, lon_rad: f64, lat_rad: f64) -> Option<f64> {
        let [u, v] = self.place.share_of(lon_rad, lat_rad);
        if !((0.0..=1.0).contains(&u) && (0.0..=1.0).contains(&v)) {
            return None;
        }
        let last = (SIDE - 1) as f64;
        let split = |share: f64| {
            let at = (share * last).min(last - 1.0).floor();
            (at as usize, share * last - at)
        };
        let ((x, right), (y, up)) = (split(u), split(v));
        let at = |x: usize, y: usize| self.shares.get(y * SIDE + x).copied().map_or(0.0, f64::from);
        let row = |y: usize| at(x, y) * (1.0 - right) + at(x + 1, y) * right;
        let share = (row(y) * (1.0 - up) + row(y + 1) * up) / f64::from(u16::MAX);
        Some(self.range_m[0] + share * (self.range_m[1] - self.range_m[0]))
    }
}

/// Calls `set` with every grid point in a triangle, and its height there.
fn fill(corners: &[[f64; 3]; 3], set: &mut dyn FnMut(usize, f64)) {
    let last = (SIDE - 1) as f64;
    let [a, b, c] = corners;
    let whole = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    if whole.abs() < 1e-15 {
        return;
    }
    let range = |axis: usize| {
        let least = corners.iter().map(|corner| corner[axis]).fold(f64::INFINITY, f64::min);
        let most = corners.iter().map(|corner| corner[axis]).fold(f64::NEG_INFINITY, f64::max);
        (least * last - 1e-9).ceil().max(0.0) as usize..=((most * last + 1e-9).floor().min(last) as usize)
    };
    for row in range(1) {
        for column in range(0) {
            let (x, y) = (column as f64 / last, row as f64 / last);
            let beta = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / whole;
            let gamma = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / whole;
            let alpha = 1.0 - beta - gamma;
            if alpha.min(beta).min(gamma) > -1e-9 {
                set(row * SIDE + column, alpha * a[2] + beta * b[2] + gamma * c[2]);
            }
        }
    }
}
