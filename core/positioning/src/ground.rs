//! What a floor is to someone who walks on it: how far the next route is, and where a scan may have been made.

use crate::radio::{RadioFix, RadioMap};

/// Side of a square of the raster, metres; longer on floors that would need too many.
const STEP_M: f64 = 1.0;
/// At most so many squares.
const MOST_SQUARES: f64 = 250_000.0;
/// Further than this is all the same, metres.
const FAR_M: f64 = 8.0;
/// Standard deviation of the normal around a reference cell, metres.
pub(crate) const CELL_SIGMA_M: f64 = 4.0;
/// So many best cells tell where a scan was made.
const CELLS: usize = 60;

/// A raster of a floor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ground {
    low: [f64; 2],
    step: f64,
    columns: usize,
    /// For each square metres from its centre to the next route.
    squares: Vec<f32>,
}

impl Ground {
    pub(crate) fn new(routes: &[[f64; 2]]) -> Self {
        if routes.is_empty() || !routes.iter().flatten().all(|x| x.abs() < 1e9) {
            return Self::default();
        }
        let low = [0, 1].map(|k| routes.iter().map(|p| p[k]).fold(f64::INFINITY, f64::min) - FAR_M);
        let size = [0, 1].map(|k| routes.iter().map(|p| p[k]).fold(f64::NEG_INFINITY, f64::max) + FAR_M - low[k]);
        let step = STEP_M.max((size[0] * size[1] / MOST_SQUARES).sqrt()).max(size[0].max(size[1]) / MOST_SQUARES);
        let [columns, rows] = size.map(|s| (s / step) as usize + 1);
        let mut ground = Self { low, step, columns, squares: vec![FAR_M as f32; columns * rows] };
        routes.iter().for_each(|at| ground.stamp(*at));
        ground
    }

    fn stamp(&mut self, at: [f64; 2]) {
        let rows = self.squares.len() / self.columns;
        let place = |x: f64, k: usize| ((x - self.low[k]) / self.step).floor().max(0.0) as usize;
        let [left, bottom] = [0, 1].map(|k| place(at[k] - FAR_M, k));
        let [right, top] = [0, 1].map(|k| place(at[k] + FAR_M, k));
        for row in bottom..=top.min(rows - 1) {
            for column in left..=right.min(self.columns - 1) {
                let centre = [column, row].map(|i| (i as f64 + 0.5) * self.step);
                let d = (self.low[0] + centre[0] - at[0]).hypot(self.low[1] + centre[1] - at[1]);
                let square = &mut self.squares[row * self.columns + column];
                *square = square.min(d as f32);
            }
        }
    }

    /// Whether there are no routes.
    pub(crate) fn is_empty(&self) -> bool {
        self.squares.is_empty()
    }

    /// Metres to the next route, 8 at most.
    pub(crate) fn to_route_m(&self, at: [f64; 2]) -> f64 {
        let [x, y] = [0, 1].map(|k| (at[k] - self.low[k]) / self.step);
        let inside = x >= 0.0 && y >= 0.0 && x < self.columns as f64;
        let index = inside.then(|| (y as usize).saturating_mul(self.columns).saturating_add(x as usize));
        index.and_then(|i| self.squares.get(i)).map_or(FAR_M, |d| f64::from(*d))
    }
}

fn normal(square_m2: f64) -> f64 {
    (-0.5 * square_m2 / CELL_SIGMA_M.powi(2)).exp()
}

/// Where a scan may have been made, as a function of place: a mixture of normals around the map's cells.
pub(crate) struct Heard {
    /// Place and weight; weights sum to 1.
    pub(crate) centres: Vec<([f64; 2], f64)>,
}

impl Heard {
    /// Of a scan's answer, moved by what was walked since the scan.
    pub(crate) fn new(map: &RadioMap, fix: &RadioFix, moved_m: [f64; 2]) -> Self {
        let place = |&(cell, w): &(usize, f64)| Some((map.cell_place(cell)?.at_m, w));
        let moved = |(at, w): ([f64; 2], f64)| ([at[0] + moved_m[0], at[1] + moved_m[1]], w);
        Self { centres: fix.cells.iter().filter_map(place).map(moved).collect() }
    }

    /// 0 to 1; 1 on a cell that has all the weight.
    pub(crate) fn density(&self, at: [f64; 2]) -> f64 {
        self.centres.iter().map(|(c, w)| w * normal((at[0] - c[0]).powi(2) + (at[1] - c[1]).powi(2))).sum()
    }
}

impl RadioMap {
    /// Where a scan was made, with as many cells as a track can use.
    pub(crate) fn locate_for_track(&self, scan: &[(crate::Mac, f64)], floor: i16) -> Option<RadioFix> {
        self.locate_with(scan, Some(floor), CELLS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raster_knows_routes_and_ends_far_away() {
        let ground = Ground::new(&[[0.0, 0.0], [5.0, 0.0]]);
        for (at, route) in [([0.0, 0.0], 0.0), ([5.0, 3.0], 3.0), ([-300.0, 0.0], FAR_M), ([0.0, 1e12], FAR_M)] {
            assert!((ground.to_route_m(at) - route).abs() < 1.0, "{at:?}: {}", ground.to_route_m(at));
        }
        assert_eq!(Ground::default().to_route_m([f64::NAN, 0.0]), FAR_M);
    }

    #[test]
    fn floors_however_wide_take_bounded_memory() {
        for far in [[1e8, 1e8], [1e8, 0.0]] {
            let ground = Ground::new(&[[0.0, 0.0], far]);
            assert!((ground.squares.len() as f64) < 5.0 * MOST_SQUARES, "{far:?}: {}", ground.squares.len());
        }
    }
}
