//! A raster of heights and where it lies.

use crate::bake::crs::Crs;
use crate::bake::reuse::Digester;
use citytwin_geo::LonLatRect;

/// Most samples of one raster: half a gibibyte.
pub(in crate::bake) const MOST_SAMPLES: usize = 1 << 27;

/// Heights at the points of a grid.
#[derive(Clone, Debug)]
pub(in crate::bake) struct Raster {
    columns: usize,
    rows: usize,
    /// Metres, rows from the top.
    heights_m: Vec<f32>,
    crs: Crs,
    /// Column and row from the coordinates of the CRS: `[a, b, c, d, e, f]` is `column = a·x + b·y + c`,
    /// `row = d·x + e·y + f`.
    grid_from_crs: [f64; 6],
    bounds: LonLatRect,
    spacing_m: f64,
}

/// Why there is no raster.
#[derive(Debug)]
pub(in crate::bake) enum Unplaced {
    /// No sample has a height.
    Void,
    /// Its corners lie outside of what its CRS can say.
    Outside,
    /// Its affine transform has no inverse.
    Flat,
}

impl Raster {
    /// Adds all of it to a digest.
    pub(in crate::bake) fn add_to(&self, digester: &mut Digester) {
        let Self { columns, rows, heights_m, crs, grid_from_crs, bounds, spacing_m } = self;
        digester.number(*columns as u64);
        digester.number(*rows as u64);
        for row in heights_m.chunks((*columns).max(1)) {
            digester.bytes(&row.iter().flat_map(|height_m| height_m.to_le_bytes()).collect::<Vec<u8>>());
        }
        digester.bytes(format!("{crs:?} {bounds:?} {spacing_m:?} {grid_from_crs:?}").as_bytes());
    }

    /// Heights (not a number: unknown; those become the nearest known one, and are counted) whose sample (column,
    /// row) lies at `x = a·column + b·row + c`, `y = d·column + e·row + f`.
    pub(in crate::bake) fn new(
        [columns, rows]: [usize; 2],
        mut heights_m: Vec<f32>,
        crs: Crs,
        crs_from_grid: [f64; 6],
    ) -> Result<(Self, usize), Unplaced> {
        debug_assert_eq!(heights_m.len(), columns * rows);
        let voids = fill(&mut heights_m, columns).ok_or(Unplaced::Void)?;
        let [a, b, c, d, e, f] = crs_from_grid;
        let whole = a * e - b * d;
        if !whole.is_finite() || whole == 0.0 {
            return Err(Unplaced::Flat);
        }
        let grid_from_crs =
            [e / whole, -b / whole, (b * f - c * e) / whole, -d / whole, a / whole, (c * d - a * f) / whole];
        let place = |column: f64, row: f64| crs.lonlat(a * column + b * row + c, d * column + e * row + f);
        let (last_column, last_row) = ((columns - 1) as f64, (rows - 1) as f64);
        let mut bounds = LonLatRect::EMPTY;
        // A parallel is curved in most projections: points along the sides, not corners alone.
        for step in 0..=16 {
            let share = f64::from(step) / 16.0;
            for (column, row) in [(share, 0.0), (share, 1.0), (0.0, share), (1.0, share)] {
                let [lon, lat] = place(column * last_column, row * last_row).ok_or(Unplaced::Outside)?;
                bounds.extend(lon, lat);
            }
        }
        let spacing_m = (bounds.north - bounds.south) * super::DEGREE_M / last_row.max(1.0);
        Ok((Self { columns, rows, heights_m, crs, grid_from_crs, bounds, spacing_m }, voids))
    }

    /// Whether it has a part of an extent.
    pub(super) fn meets(&self, extent: &LonLatRect) -> bool {
        let b = &self.bounds;
        b.west <= extent.east && extent.west <= b.east && b.south <= extent.north && extent.south <= b.north
    }

    /// From one sample to the next, metres.
    pub(super) fn spacing_m(&self) -> f64 {
        self.spacing_m
    }

    /// Column and row of a place, with fractions; degrees.
    fn grid(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        let [x, y] = self.crs.coordinates_of(lon, lat)?;
        let [a, b, c, d, e, f] = self.grid_from_crs;
        let (column, row) = (a * x + b * y + c, d * x + e * y + f);
        (column.is_finite() && row.is_finite()).then_some((column, row))
    }

    /// Height between the four samples around a place, degrees; nothing outside.
    pub(super) fn height_m(&self, lon: f64, lat: f64) -> Option<f64> {
        /// Rounding of coordinates must not open gaps between neighbouring files, samples.
        const EDGE: f64 = 0.01;
        let (column, row) = self.grid(lon, lat)?;
        let inside = |at: f64, count: usize| at >= -EDGE && at <= (count - 1) as f64 + EDGE;
        (inside(column, self.columns) && inside(row, self.rows)).then(|| self.between(column, row))
    }

    /// Height beyond its edge, which sinks to 0 as far away as the raster is wide.
    pub(super) fn beyond_m(&self, lon: f64, lat: f64) -> Option<f64> {
        let (column, row) = self.grid(lon, lat)?;
        let beyond = |at: f64, count: usize| (-at).max(at - (count - 1) as f64).max(0.0) / count as f64;
        let away = beyond(column, self.columns).max(beyond(row, self.rows));
        Some(self.between(column, row) * (1.0 - away).max(0.0))
    }

    fn between(&self, column: f64, row: f64) -> f64 {
        let split = |at: f64, count: usize| {
            let at = at.clamp(0.0, (count - 1) as f64);
            let first = (at as usize).min(count.saturating_sub(2));
            (first, (first + 1).min(count - 1), at - first as f64)
        };
        let ((west, east, u), (top, bottom, v)) = (split(column, self.columns), split(row, self.rows));
        let at = |column: usize, row: usize| f64::from(self.heights_m[row * self.columns + column]);
        let along = |row: usize| at(west, row) * (1.0 - u) + at(east, row) * u;
        along(top) * (1.0 - v) + along(bottom) * v
    }
}

/// Gives what is unknown the height of the nearest sample that is known, step by step; how many there were, or nothing
/// where nothing is known.
fn fill(heights_m: &mut [f32], columns: usize) -> Option<usize> {
    let voids = heights_m.iter().filter(|height| !height.is_finite()).count();
    if voids == 0 || voids == heights_m.len() {
        return (voids == 0 && !heights_m.is_empty()).then_some(0);
    }
    let count = heights_m.len();
    let is_edge =
        |at: &usize| heights_m[*at].is_finite() && around(*at, columns, count).any(|near| !heights_m[near].is_finite());
    let mut front: Vec<usize> = (0..count).filter(is_edge).collect();
    while !front.is_empty() {
        let mut next = Vec::new();
        for at in front {
            for near in around(at, columns, count) {
                if !heights_m[near].is_finite() {
                    heights_m[near] = heights_m[at];
                    next.push(near);
                }
            }
        }
        front = next;
    }
    Some(voids)
}

/// The samples beside one, above and below.
fn around(at: usize, columns: usize, count: usize) -> impl Iterator<Item = usize> {
    let column = at % columns;
    let beside = [(column > 0).then(|| at - 1), (column + 1 < columns).then_some(at + 1)];
    let across = [at.checked_sub(columns), (at + columns < count).then_some(at + columns)];
    beside.into_iter().chain(across).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raster(heights_m: Vec<f32>) -> Result<(Raster, usize), Unplaced> {
        // 3 × 2 samples, a hundredth of a degree apart, from 7°E 43°N.
        Raster::new([3, 2], heights_m, Crs::wgs84(), [0.01, 0.0, 7.0, 0.0, -0.01, 43.0])
    }

    #[test]
    fn heights_lie_between_their_samples_and_sink_beyond_the_edge() {
        let (raster, voids) = raster(vec![0.0, 10.0, 20.0, 100.0, 110.0, 120.0]).expect("a raster");
        assert_eq!(voids, 0);
        for (lon, lat, expected) in [
            (7.0, 43.0, Some(0.0)),
            (7.02, 42.99, Some(120.0)),
            (7.005, 43.0, Some(5.0)),
            (7.015, 42.995, Some(65.0)),
            (7.03, 43.0, None),
            (7.0, 43.01, None),
        ] {
            let found = raster.height_m(lon, lat);
            assert!(
                found.map(|m| (m * 1e6).round() / 1e6) == expected,
                "{lon} {lat}: {found:?}, expected {expected:?}"
            );
        }
        // Half of the raster's height away, half of the edge's height is left.
        assert!((raster.beyond_m(7.02, 42.98).expect("a height") - 60.0).abs() < 1e-6);
        assert_eq!(raster.beyond_m(8.0, 43.0), Some(0.0));
    }

    #[test]
    fn what_is_unknown_is_as_high_as_the_nearest_that_is_known() {
        let none = f32::NAN;
        let (raster, voids) = raster(vec![7.0, none, none, none, none, 9.0]).expect("a raster");
        assert_eq!((voids, raster.heights_m.as_slice()), (4, &[7.0, 7.0, 9.0, 7.0, 9.0, 9.0][..]));
        assert!(matches!(self::raster(vec![none; 6]), Err(Unplaced::Void)));
    }
}
