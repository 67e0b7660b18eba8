//! Distances, areas and the grid of cells by which records are found by place.

use crate::root::Root;

/// Metres of one degree of latitude on a sphere of the Earth's mean radius.
const METRES_PER_DEGREE: f64 = 111_195.0;

/// Metres between two positions (degrees), on a locally flat sphere: good to 0.5 % within a city.
pub(crate) fn distance_m(a: (f64, f64), b: (f64, f64)) -> f64 {
    let x = (b.0 - a.0) * cos_of_latitude((a.1 + b.1) / 2.0);
    let y = b.1 - a.1;
    METRES_PER_DEGREE * (x * x + y * y).sqrt()
}

/// The cosine of a latitude (degrees), by its Taylor series: right to 1e-10. The library's own is right for any angle, and
/// 4 kB of what a browser downloads.
fn cos_of_latitude(lat_deg: f64) -> f64 {
    let x = lat_deg.clamp(-90.0, 90.0).to_radians();
    let factors = [2.0, 12.0, 30.0, 56.0, 90.0, 132.0, 182.0, 240.0];
    factors.iter().rev().fold(1.0, |series, factor| 1.0 - x * x / factor * series)
}

/// Where a hit must lie.
#[derive(Clone, Debug, PartialEq)]
pub enum Area {
    /// West, south, east, north edge, degrees (WGS84); edges belong to it.
    Box([f64; 4]),
    /// Within so many metres of a longitude and latitude.
    Circle {
        /// Longitude and latitude, degrees.
        center: (f64, f64),
        /// Metres.
        radius_m: f64,
    },
    /// Rings of longitudes and latitudes, each closed of itself. What lies in an odd number of them lies in the area,
    /// so that a ring within another is a hole.
    Polygon(Vec<Vec<(f64, f64)>>),
}

/// Whether a position lies in a ring: a ray to the east crosses its edges an odd number of times.
fn in_ring(ring: &[(f64, f64)], (x, y): (f64, f64)) -> bool {
    let Some(&last) = ring.last() else { return false };
    let mut inside = false;
    let mut a = last;
    for &b in ring {
        if (a.1 > y) != (b.1 > y) && x < (b.0 - a.0) * (y - a.1) / (b.1 - a.1) + a.0 {
            inside = !inside;
        }
        a = b;
    }
    inside
}

impl Area {
    /// Whether a longitude and latitude lie in it. Nothing lies in an area that is not finite.
    pub fn contains(&self, position: (f64, f64)) -> bool {
        match self {
            Self::Box([west, south, east, north]) => {
                (*west..=*east).contains(&position.0) && (*south..=*north).contains(&position.1)
            }
            Self::Circle { center, radius_m } => distance_m(*center, position) <= *radius_m,
            Self::Polygon(rings) => rings.iter().filter(|ring| in_ring(ring, position)).count() % 2 == 1,
        }
    }

    /// West, south, east, north edge of a box around it, a little larger than it.
    pub(crate) fn bounds(&self) -> [f64; 4] {
        match *self {
            Self::Box(edges) => edges,
            Self::Circle { center: (lon, lat), radius_m } => {
                let high = radius_m / METRES_PER_DEGREE * 1.01;
                // The cosine shrinks towards the poles: take it where the circle is nearest to one.
                let wide = high / cos_of_latitude((lat.abs() + high).min(89.9));
                [lon - wide, lat - high, lon + wide, lat + high]
            }
            Self::Polygon(ref rings) => rings.iter().flatten().fold(
                [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY],
                |[west, south, east, north], (lon, lat)| {
                    [west.min(*lon), south.min(*lat), east.max(*lon), north.max(*lat)]
                },
            ),
        }
    }
}

/// The cell of a stored position: the upper bits of both axes, interleaved.
pub(crate) fn cell_of(steps: [u64; 2], root: &Root) -> u64 {
    let axis = |axis: usize| {
        let bits = root.position_bits(axis);
        if bits > root.place_level { steps[axis] >> (bits - root.place_level) } else { steps[axis] }
    };
    interleave(axis(0) as u32, axis(1) as u32)
}

pub(crate) fn interleave(column: u32, row: u32) -> u64 {
    spread(column) | spread(row) << 1
}

fn spread(value: u32) -> u64 {
    let mut bits = u64::from(value);
    for (shift, mask) in [
        (16, 0x0000_FFFF_0000_FFFF_u64),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// First and last column and row of the cells that a box touches; `None` when it touches none.
pub(crate) fn cells_of(edges: [f64; 4], root: &Root) -> Option<([u32; 2], [u32; 2])> {
    let [west, south, east, north] = edges;
    if !(edges.iter().all(|edge| !edge.is_nan()) && west <= east && south <= north) {
        return None;
    }
    let mut low = [0; 2];
    let mut high = [0; 2];
    for (axis, (from, to)) in [(west, east), (south, north)].into_iter().enumerate() {
        let bits = root.position_bits(axis);
        let most = root.position_most[axis] as i64;
        // One step of slack for the rounding of stored positions.
        let first = (((from - root.origin[axis]) / root.step_deg) as i64).saturating_sub(1);
        let last = (((to - root.origin[axis]) / root.step_deg) as i64).saturating_add(1);
        if first > most || last < 0 {
            return None;
        }
        let shift = bits.saturating_sub(root.place_level);
        low[axis] = (first.clamp(0, most) >> shift) as u32;
        high[axis] = (last.clamp(0, most) >> shift) as u32;
    }
    Some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cosine_of_a_latitude_is_that_of_the_library() {
        for lat in -900..=900 {
            let lat = f64::from(lat) / 10.0;
            assert!((cos_of_latitude(lat) - lat.to_radians().cos()).abs() < 1e-9, "{lat}");
        }
        assert!(cos_of_latitude(f64::NAN).is_nan() && cos_of_latitude(1e300).abs() < 1e-9);
    }
}
