//! The light of the scene's time over the view.

use crate::light::{Light, sun_direction};
use crate::matrix::Eye;
use crate::{LookAt, Sun};
use citytwin_geo::{EnuFrame, Geodetic};
use glam::{DMat3, DVec3};

/// The sun is that of one place until the view is this far from it, degrees: while the camera roams a city the sun
/// stands still, and so do shadows.
const PLACE_DEG: f64 = 0.5;

/// Follows the scene's sun and the view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Daylight {
    now: Option<Now>,
}

#[derive(Clone, Copy, Debug)]
struct Now {
    sun: Sun,
    lon: f64,
    lat: f64,
    light: Light,
    /// From the place's east, north and up to ECEF axes.
    ecef_from_place: DMat3,
}

impl Daylight {
    /// Computes the light anew when the scene's sun has changed or the view is far from where it was.
    pub(crate) fn follow(&mut self, sun: &Sun, look: LookAt) {
        let same = |now: &Now| {
            now.sun == *sun && (now.lon - look.lon).abs() < PLACE_DEG && (now.lat - look.lat).abs() < PLACE_DEG
        };
        if self.now.as_ref().is_some_and(same) {
            return;
        }
        let light = match sun.time_ms {
            Some(time_ms) => Light::of_sun(sun_direction(time_ms, look.lon, look.lat)),
            None => Light::morning(),
        };
        let frame = EnuFrame::new(Geodetic::from_degrees(look.lon, look.lat, 0.0));
        let ecef_from_place = DMat3::from_mat4(frame.ecef_from_enu);
        self.now = Some(Now { sun: *sun, lon: look.lon, lat: look.lat, light, ecef_from_place });
    }

    /// The light in the eye's axes.
    pub(crate) fn light(&self, eye: &Eye) -> Light {
        let Some(now) = &self.now else { return Light::morning() };
        let turned = |direction: DVec3| eye.rel_from_ecef_direction(now.ecef_from_place * direction);
        Light { toward: turned(now.light.toward), toward_sun: turned(now.light.toward_sun), ..now.light }
    }

    /// Unit direction towards the light that casts shadows, in ECEF axes. The same bits until the light changes.
    pub(crate) fn toward_ecef(&self) -> Option<DVec3> {
        self.now.map(|now| now.ecef_from_place * now.light.toward)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Camera;

    fn look(lon: f64) -> LookAt {
        LookAt { lon, lat: 60.17, height_m: 0.0, distance_m: 900.0, heading_deg: 20.0, pitch_deg: -40.0 }
    }

    #[test]
    fn the_sun_stands_still_while_the_camera_roams_a_city() {
        let mut daylight = Daylight::default();
        let sun = Sun { time_ms: Some(1.79e12) };
        daylight.follow(&sun, look(24.94));
        let before = daylight.toward_ecef();
        daylight.follow(&sun, look(25.30));
        assert_eq!(before, daylight.toward_ecef());
        daylight.follow(&sun, look(26.0));
        assert_ne!(before, daylight.toward_ecef());
    }

    #[test]
    fn seen_from_the_eye_the_light_comes_from_where_it_should() {
        let mut camera = Camera::new();
        camera.set_look(look(24.94));
        let mut daylight = Daylight::default();
        daylight.follow(&Sun::default(), look(24.96));
        let light = daylight.light(&Eye::of(&camera));
        // A kilometre turns the vertical by 0.01°.
        assert!((light.toward - Light::morning().toward).length() < 1e-3, "{light:?}");
    }
}
