//! Where the ground lies below a place in the city's metres: its relief, or level.

use super::mesh::Mesh;
use super::model::{City, Polygon};
use super::terrain::{DRAWN_ERROR_M, Relief};
use citytwin_geo::{EnuFrame, WGS84_A};
use glam::{DVec2, DVec3};

/// The ground of a city.
pub(super) struct Land {
    frame: EnuFrame,
    relief: Option<Relief>,
}

impl Land {
    /// Of a city.
    pub(super) fn of(city: &City) -> Self {
        Self { frame: EnuFrame::new(city.origin), relief: city.relief.clone() }
    }

    /// Level ground.
    #[cfg(test)]
    pub(super) fn level(origin: citytwin_geo::Geodetic) -> Self {
        Self { frame: EnuFrame::new(origin), relief: None }
    }

    /// Distance of the points that it is made of, metres; nothing where it is level.
    pub(super) fn cell_m(&self) -> Option<f64> {
        self.relief.as_ref().map(Relief::cell_m)
    }

    /// Height above the ellipsoid, metres.
    pub(super) fn height_m(&self, at: DVec2) -> f64 {
        let Some(relief) = self.relief.as_ref().filter(|_| at.is_finite()) else { return 0.0 };
        // The ellipsoid falls away below the plane; a sphere is near enough to find longitude and latitude.
        let place = self.frame.geodetic_from_enu(at.extend(-at.length_squared() / (2.0 * WGS84_A)));
        relief.height_m(place.lon(), place.lat())
    }

    /// The level on which something stands, metres: below all of the ground under its sides as it is drawn. Nothing
    /// where the ground is level.
    pub(super) fn stand_m(&self, outline: &[Polygon]) -> Option<f64> {
        let cell_m = self.cell_m()?;
        let mut lowest = f64::INFINITY;
        for ring in outline.iter().map(|polygon| &polygon.outer) {
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                // Creases of the ground between these points are lower by next to nothing.
                let steps = (a.distance(*b) / (cell_m / 16.0)).ceil().clamp(1.0, 1000.0);
                for step in 0..steps as u32 {
                    lowest = f64::min(lowest, self.height_m(a.lerp(*b, f64::from(step) / steps)));
                }
            }
        }
        Some(if lowest.is_finite() { lowest - DRAWN_ERROR_M } else { 0.0 })
    }

    /// Lays a mesh that lies flat on the ground.
    pub(super) fn drape(&self, mesh: &mut Mesh) {
        let Some(cell_m) = self.cell_m() else { return };
        let step_m = cell_m / 2.0;
        for (position, normal) in mesh.positions.iter_mut().zip(&mut mesh.normals) {
            let at = position.truncate();
            let slope = |by: DVec2| (self.height_m(at + by) - self.height_m(at - by)) / (2.0 * step_m);
            let tilt = DVec3::new(-slope(DVec2::X * step_m), -slope(DVec2::Y * step_m), 1.0);
            *normal = tilt.normalize_or(DVec3::Z).as_vec3();
            position.z += self.height_m(at);
        }
    }

    /// Lifts a bridge so that it leads from the ground at its one end to the ground at its other.
    pub(super) fn span(&self, line: &[DVec2], mesh: &mut Mesh) {
        let (Some(_), Some(first), Some(last)) = (&self.relief, line.first(), line.last()) else { return };
        let ends_m = [self.height_m(*first), self.height_m(*last)];
        let total_m: f64 = line.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
        for position in &mut mesh.positions {
            let share = if total_m > 0.0 { way_to(line, position.truncate()) / total_m } else { 0.0 };
            position.z += ends_m[0] + (ends_m[1] - ends_m[0]) * share.clamp(0.0, 1.0);
        }
    }
}

/// How far along a line the point of it lies that is nearest to a place, metres.
fn way_to(line: &[DVec2], place: DVec2) -> f64 {
    let (mut best, mut way_m, mut before_m) = (f64::INFINITY, 0.0, 0.0);
    for pair in line.windows(2) {
        let (along, length_m) = (pair[1] - pair[0], pair[0].distance(pair[1]));
        let share = ((place - pair[0]).dot(along) / along.length_squared().max(1e-12)).clamp(0.0, 1.0);
        let away = place.distance_squared(pair[0] + along * share);
        if away < best {
            (best, way_m) = (away, before_m + share * length_m);
        }
        before_m += length_m;
    }
    way_m
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_along_a_line_is_that_of_its_nearest_point() {
        let line = [DVec2::ZERO, DVec2::new(10.0, 0.0), DVec2::new(10.0, 10.0)];
        for (x, y, expected) in [(3.0, 4.0, 3.0), (12.0, 5.0, 15.0), (-5.0, 0.0, 0.0), (10.0, 90.0, 20.0)] {
            assert_eq!(way_to(&line, DVec2::new(x, y)), expected, "{x} {y}");
        }
    }
}
