//! Where points of the world are on the canvas.

use crate::matrix::Eye;
use citytwin_geo::{Geodetic, WGS84_A, WGS84_B, ecef_from_geodetic};
use glam::{DVec2, DVec3};

/// How the world is seen on a canvas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection {
    eye: Eye,
    size_css: DVec2,
}

impl Projection {
    pub(crate) fn new(eye: Eye, size_css: DVec2) -> Self {
        Self { eye, size_css }
    }

    /// CSS pixels from the canvas's top left corner, and metres from the eye; `None` for what is behind the eye or
    /// beyond the horizon. Points beside the canvas have a place beside it.
    pub(crate) fn css_from(&self, place: Geodetic) -> Option<(DVec2, f64)> {
        let ecef = ecef_from_geodetic(place);
        if is_beyond_horizon(self.eye.eye_ecef, ecef) {
            return None;
        }
        let rel = self.eye.rel_from_ecef_point(ecef);
        let ahead_m = rel.dot(self.eye.forward);
        if ahead_m.is_nan() || ahead_m < 1e-3 {
            return None;
        }
        let ndc = DVec2::new(rel.dot(self.eye.right), -rel.dot(self.eye.up)) / (self.eye.tangents * ahead_m);
        Some(((ndc + 1.0) / 2.0 * self.size_css, rel.length()))
    }
}

/// Whether the ellipsoid stands between the eye and a point. In coordinates in which the ellipsoid is the unit sphere:
/// whether the point is behind the plane of the horizon and inside the cone that touches the sphere.
fn is_beyond_horizon(eye_ecef: DVec3, ecef: DVec3) -> bool {
    let scale = DVec3::new(WGS84_A, WGS84_A, WGS84_B);
    let (eye, point) = (eye_ecef / scale, ecef / scale);
    let beyond = eye.length_squared() - 1.0;
    if beyond <= 0.0 {
        return false;
    }
    let to_point = point - eye;
    let along = -to_point.dot(eye);
    along > beyond && along * along > beyond * to_point.length_squared()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Camera;
    use citytwin_geo::LookAt;

    fn check(look: LookAt, place: (f64, f64, f64), expected: Option<[f64; 2]>) {
        let mut camera = Camera::new();
        camera.set_size_css(800.0, 600.0);
        camera.set_look(look);
        let projection = Projection::new(Eye::of(&camera), camera.size_css());
        let found = projection.css_from(Geodetic::from_degrees(place.0, place.1, place.2));
        match (found, expected) {
            (Some((at, _)), Some(expected)) => {
                assert!((at - DVec2::from(expected)).length() < 1.0, "{place:?} is at {at}");
            }
            (found, expected) => assert_eq!(found.map(|(at, _)| at), expected.map(DVec2::from), "{place:?}"),
        }
    }

    #[test]
    fn places_have_points_unless_they_are_behind_the_eye_or_the_earth() {
        let city =
            LookAt { lon: 24.94, lat: 60.17, height_m: 0.0, distance_m: 1000.0, heading_deg: 0.0, pitch_deg: -30.0 };
        check(city, (24.94, 60.17, 0.0), Some([400.0, 300.0]));
        // The eye is 866 m south of the target.
        check(city, (24.94, 60.15, 0.0), None);
        // Far north, low: behind the horizon; a tower of 300 km is seen over it.
        check(city, (24.94, 75.0, 0.0), None);
        let far = LookAt { distance_m: 10_000.0, pitch_deg: -10.0, ..city };
        check(far, (24.94, 62.5, 0.0), None);
        let globe = LookAt { lon: 0.0, lat: 0.0, distance_m: 12_000_000.0, pitch_deg: -90.0, ..city };
        check(globe, (0.0, 0.0, 0.0), Some([400.0, 300.0]));
        check(globe, (180.0, 0.0, 0.0), None);
        check(globe, (120.0, 0.0, 0.0), None);
    }

    #[test]
    fn what_stands_high_is_seen_over_the_horizon() {
        let look =
            LookAt { lon: 24.94, lat: 60.17, height_m: 0.0, distance_m: 1000.0, heading_deg: 0.0, pitch_deg: -5.0 };
        let mut camera = Camera::new();
        camera.set_size_css(800.0, 600.0);
        camera.set_look(look);
        let projection = Projection::new(Eye::of(&camera), camera.size_css());
        let at = |height_m| projection.css_from(Geodetic::from_degrees(24.94, 62.17, height_m));
        assert!(at(0.0).is_none() && at(50_000.0).is_some());
    }
}
