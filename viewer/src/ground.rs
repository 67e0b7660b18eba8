//! The camera over a terrain: its target lies on the ground, wherever the view goes.

use citytwin_geo::{EnuFrame, Geodetic, LookAt, geodetic_from_ecef};
use glam::{DMat3, DVec3};

/// The layer that a terrain is, for [`Viewer::set_layer_visible`](crate::Viewer::set_layer_visible) and in hits.
pub const TERRAIN: &str = "terrain";
/// Steps along the view on the way to the ground.
const MOST_STEPS: usize = 96;
/// The ground is looked for so many times as far away as the target, and at least this far, metres.
const REACH: f64 = 3.0;
const LEAST_REACH_M: f64 = 500.0;
/// A step goes this part of the height above the ground, and at least this part of the way so far.
const STEP_OF_HEIGHT: f64 = 0.8;
const STEP_OF_WAY: f64 = 0.01;
/// A target that is this near to the ground lies on it: part of the distance, and metres.
const NEAR: f64 = 0.002;
const NEAR_M: f64 = 0.2;

/// Heights of the ground, metres above the ellipsoid, by longitude and latitude in radians; `None` where none is known.
pub(crate) type Heights<'a> = &'a dyn Fn(f64, f64) -> Option<f64>;

/// Height of the ground under a view's target.
pub(crate) fn under_target(look: &LookAt, heights: Heights<'_>) -> Option<f64> {
    heights(look.lon.to_radians(), look.lat.to_radians())
}

/// Height of the ground under a view's eye.
pub(crate) fn under_eye(look: &LookAt, heights: Heights<'_>) -> Option<f64> {
    let eye = geodetic_from_ecef(look.eye_direction_up_ecef().0);
    heights(eye.lon_rad, eye.lat_rad)
}

/// The same picture, with its target where the ground is met; `None` when it is there already, or no ground is met.
pub(crate) fn anchored(look: &LookAt, heights: Heights<'_>) -> Option<LookAt> {
    let (eye, direction, _) = look.eye_direction_up_ecef();
    let way_m = meet(eye, direction, (REACH * look.distance_m).max(LEAST_REACH_M), heights)?;
    if (way_m - look.distance_m).abs() < NEAR * look.distance_m + NEAR_M {
        return None;
    }
    let target = geodetic_from_ecef(eye + direction * way_m);
    let frame = EnuFrame::new(Geodetic { height_m: 0.0, ..target });
    let enu = DMat3::from_mat4(frame.enu_from_ecef) * direction;
    Some(LookAt {
        lon: target.lon(),
        lat: target.lat(),
        height_m: target.height_m,
        distance_m: way_m,
        // Straight down, north stays where it was.
        heading_deg: if enu.truncate().length() < 1e-6 { look.heading_deg } else { enu.x.atan2(enu.y).to_degrees() },
        pitch_deg: enu.z.clamp(-1.0, 1.0).asin().to_degrees(),
    })
}

/// How far a ray goes to the ground, metres.
fn meet(from: DVec3, direction: DVec3, reach_m: f64, heights: Heights<'_>) -> Option<f64> {
    let above = |way_m: f64| {
        let at = geodetic_from_ecef(from + direction * way_m);
        Some(at.height_m - heights(at.lon_rad, at.lat_rad)?)
    };
    let (mut before_m, mut way_m) = (0.0, 0.0);
    for _ in 0..MOST_STEPS {
        let above_m = above(way_m)?;
        if above_m <= 0.0 {
            return Some(halve(before_m, way_m, &above));
        }
        before_m = way_m;
        way_m += (above_m * STEP_OF_HEIGHT).max(way_m * STEP_OF_WAY).max(0.5);
        if way_m > reach_m {
            return None;
        }
    }
    None
}

fn halve(mut free_m: f64, mut hit_m: f64, above: &dyn Fn(f64) -> Option<f64>) -> f64 {
    for _ in 0..24 {
        let middle_m = (free_m + hit_m) / 2.0;
        match above(middle_m) {
            Some(above_m) if above_m > 0.0 => free_m = middle_m,
            _ => hit_m = middle_m,
        }
    }
    hit_m
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: LookAt =
        LookAt { lon: 24.94, lat: 60.17, height_m: 0.0, distance_m: 900.0, heading_deg: 30.0, pitch_deg: -35.0 };

    #[test]
    fn the_target_slides_along_the_view_to_the_ground() {
        // A slope up to the north: 50 m, and 1 m for every 10 m.
        let heights = |_: f64, lat_rad: f64| Some(50.0 + (lat_rad - LOOK.lat.to_radians()) * 637_100.0);
        let found = anchored(&LOOK, &heights).expect("another target");
        let ground = under_target(&found, &heights).expect("ground");
        assert!((found.height_m - ground).abs() < 0.01, "{found:?} over {ground}");
        assert!(found.distance_m < LOOK.distance_m);
        let [(eye, direction, up), (same_eye, same, same_up)] = [LOOK, found].map(|look| look.eye_direction_up_ecef());
        assert!(eye.distance(same_eye) < 0.01 && direction.distance(same) < 1e-6, "the picture is the same");
        assert!(up.distance(same_up) < 1e-3);
        assert_eq!(anchored(&found, &heights), None, "it is there");
    }

    #[test]
    fn where_no_ground_is_met_nothing_changes() {
        assert_eq!(anchored(&LOOK, &|_, _| None), None);
        assert_eq!(anchored(&LOOK, &|_, _| Some(-50_000.0)), None);
        let under = under_eye(&LOOK, &|_, lat_rad| Some(lat_rad.to_degrees())).expect("a height");
        assert!(under < LOOK.lat, "the eye stands south of what it looks at");
    }
}
