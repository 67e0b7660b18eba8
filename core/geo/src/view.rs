//! The one description of a view that the manifest, the command line, the viewer and the SDK share.

use crate::{EnuFrame, Geodetic};
use glam::DVec3;
use serde::{Deserialize, Serialize};

/// What is looked at, and from where.
///
/// The camera sits `distance_m` away from the target, looking at it along `heading_deg` and `pitch_deg`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LookAt {
    /// Longitude of the target, degrees (WGS84).
    pub lon: f64,
    /// Latitude of the target, degrees (WGS84).
    pub lat: f64,
    /// Height of the target, metres above the ellipsoid.
    #[serde(default)]
    pub height_m: f64,
    /// From the target to the eye, metres; above 0.
    pub distance_m: f64,
    /// Direction of looking, degrees clockwise from north.
    #[serde(default)]
    pub heading_deg: f64,
    /// Direction of looking, degrees above the horizon: −90 looks straight down, 0 along the ground.
    pub pitch_deg: f64,
}

impl LookAt {
    /// Whether every number is finite and in its range.
    pub fn is_valid(&self) -> bool {
        [self.lon, self.lat, self.height_m, self.distance_m, self.heading_deg, self.pitch_deg]
            .iter()
            .all(|v| v.is_finite())
            && (-180.0..=180.0).contains(&self.lon)
            && (-90.0..=90.0).contains(&self.lat)
            && self.distance_m > 0.0
            && (-90.0..=90.0).contains(&self.pitch_deg)
    }

    /// The eye, the unit direction of looking and the unit up vector, all ECEF (metres).
    pub fn eye_direction_up_ecef(&self) -> (DVec3, DVec3, DVec3) {
        let frame = EnuFrame::new(Geodetic::from_degrees(self.lon, self.lat, self.height_m));
        let (sin_h, cos_h) = self.heading_deg.to_radians().sin_cos();
        let (sin_p, cos_p) = self.pitch_deg.to_radians().sin_cos();
        let direction = DVec3::new(sin_h * cos_p, cos_h * cos_p, sin_p);
        let up = DVec3::new(-sin_h * sin_p, -cos_h * sin_p, cos_p);
        (
            frame.ecef_from_enu.transform_point3(-direction * self.distance_m),
            frame.ecef_from_enu.transform_vector3(direction),
            frame.ecef_from_enu.transform_vector3(up),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geodetic_from_ecef;

    #[test]
    fn the_eye_is_behind_and_above_the_target() {
        let view =
            LookAt { lon: 24.945, lat: 60.17, height_m: 0.0, distance_m: 1000.0, heading_deg: 0.0, pitch_deg: -30.0 };
        let (eye, direction, up) = view.eye_direction_up_ecef();
        let eye = geodetic_from_ecef(eye);
        assert!((eye.height_m - 500.0).abs() < 0.2, "{eye:?}");
        assert!(eye.lat() < 60.17 && (eye.lon() - 24.945).abs() < 1e-9, "looking north, the eye is south: {eye:?}");
        assert!(direction.dot(up).abs() < 1e-12);
        let down = LookAt { pitch_deg: -90.0, heading_deg: 90.0, ..view }.eye_direction_up_ecef();
        let east = EnuFrame::new(Geodetic::from_degrees(24.945, 60.17, 0.0)).ecef_from_enu.x_axis.truncate();
        assert!((down.2 - east).length() < 1e-9, "straight down, heading is what is up on the screen");
    }

    #[test]
    fn absurd_views_are_refused() {
        let good = LookAt { lon: 0.0, lat: 0.0, height_m: 0.0, distance_m: 1.0, heading_deg: 0.0, pitch_deg: -90.0 };
        assert!(good.is_valid());
        for bad in [
            LookAt { lon: f64::NAN, ..good },
            LookAt { lat: 91.0, ..good },
            LookAt { distance_m: 0.0, ..good },
            LookAt { pitch_deg: -91.0, ..good },
            LookAt { heading_deg: f64::INFINITY, ..good },
        ] {
            assert!(!bad.is_valid(), "{bad:?}");
        }
    }
}
