//! Where the device points: gyroscope, corrected slowly by what knows north.

use std::f64::consts::{PI, TAU};

/// Time constant of the correction towards north, seconds: long against a passage by steel, short against the
/// gyroscope's drift.
const CORRECTION_SECS: f64 = 30.0;
/// Time constant of the low-pass filter that finds gravity, seconds; without a rotation vector.
const GRAVITY_SECS: f64 = 1.0;
/// The earth's field lies within this, µT; outside of it a compass is disturbed and does not count.
const EARTH_FIELD_UT: std::ops::RangeInclusive<f64> = 20.0..=70.0;
/// Longest gap that the gyroscope is carried over, seconds.
const LONGEST_GAP_SECS: f64 = 0.2;

/// Complementary filter (Mahony, Hamel, Pflimlin 2008, "Nonlinear complementary filters on the special orthogonal
/// group", IEEE TAC 53, in its scalar form): the gyroscope's rate around the vertical is summed up, and the angle from
/// it to the heading of the rotation vector (or, without one, of the tilt-compensated compass) is low-passed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heading {
    last_ms: Option<f64>,
    /// Sum of the turns, radians clockwise; any origin.
    turned: f64,
    /// Mean direction of north's heading minus `turned`.
    offset: [f64; 2],
    /// Seconds of correction so far.
    corrected: f64,
    gravity: Option<[f64; 3]>,
}

/// One sample of the sensors, as in `Measurement::Inertial`.
pub(crate) struct Sample {
    pub(crate) accel: [f64; 3],
    pub(crate) gyro: Option<[f64; 3]>,
    pub(crate) magnet: Option<[f64; 3]>,
    pub(crate) rotation: Option<[f64; 3]>,
}

impl Heading {
    /// Radians clockwise from magnetic north; `None` while nothing told where north is.
    pub(crate) fn observe(&mut self, time_ms: f64, sample: &Sample) -> Option<f64> {
        let gap = self.last_ms.map_or(0.0, |last| (time_ms - last) / 1e3);
        self.last_ms = Some(time_ms);
        let axes = sample.rotation.map(axes);
        let share = 1.0 - (-gap.max(0.0) / GRAVITY_SECS).exp();
        let gravity = self.gravity.map_or(sample.accel, |g| [0, 1, 2].map(|k| g[k] + share * (sample.accel[k] - g[k])));
        self.gravity = Some(gravity);
        let up = axes.map_or_else(|| unit(gravity), |a| Some(a[2]));
        let north = match (axes, sample.magnet, up) {
            (Some([east, north, up]), ..) => Some(direction(east, north, up)),
            (None, Some(magnet), Some(up)) => compass(magnet, up),
            _ => None,
        };
        if let (Some(gyro), Some(up)) = (sample.gyro, up) {
            if (0.0..=LONGEST_GAP_SECS).contains(&gap) {
                self.turned = (self.turned - gap * dot(gyro, up) + PI).rem_euclid(TAU) - PI;
            } else {
                self.corrected = 0.0;
            }
        } else {
            // Without a gyroscope there is nothing to correct.
            (self.turned, self.corrected) = (0.0, 0.0);
        }
        if let Some(north) = north {
            let gap = gap.clamp(0.001, LONGEST_GAP_SECS);
            self.corrected += gap;
            let share = gap / self.corrected.min(CORRECTION_SECS);
            let (sin, cos) = (north - self.turned).sin_cos();
            self.offset[0] += share * (cos - self.offset[0]);
            self.offset[1] += share * (sin - self.offset[1]);
        }
        (self.offset != [0.0; 2]).then(|| self.turned + self.offset[1].atan2(self.offset[0]))
    }
}

/// East, north and up in the device's axes, from the vector part of a unit quaternion with w ≥ 0.
fn axes([x, y, z]: [f64; 3]) -> [[f64; 3]; 3] {
    let w = (1.0 - x * x - y * y - z * z).max(0.0).sqrt();
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

/// The heading of the device's top, or of its back when the top points to the sky or the ground.
fn direction(east: [f64; 3], north: [f64; 3], up: [f64; 3]) -> f64 {
    if up[1].abs() < 0.9 { east[1].atan2(north[1]) } else { (-east[2]).atan2(-north[2]) }
}

/// The heading by a compass, tilt-compensated; `None` when it is disturbed.
fn compass(magnet: [f64; 3], up: [f64; 3]) -> Option<f64> {
    if !EARTH_FIELD_UT.contains(&dot(magnet, magnet).sqrt()) {
        return None;
    }
    let east = unit(cross(magnet, up))?;
    Some(direction(east, cross(up, east), up))
}

fn unit(v: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(v, v).sqrt();
    (length > 1e-6).then(|| v.map(|x| x / length))
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    const FLAT: [f64; 3] = [0.0, 0.0, 9.81];

    /// The rotation vector of a flat device whose top points to a heading.
    fn towards(heading: f64) -> [f64; 3] {
        [0.0, 0.0, -(heading / 2.0).sin()]
    }

    #[test]
    fn a_passage_by_steel_turns_the_compass_but_hardly_the_heading() {
        let (mut heading, mut last) = (Heading::default(), None);
        for i in 0..1500_u32 {
            // From 20 s on the rotation vector is off by a right angle, for two seconds.
            let seen = if (1000..1100).contains(&i) { 1.9 } else { 0.4 };
            let sample = Sample { accel: FLAT, gyro: Some([0.0; 3]), magnet: None, rotation: Some(towards(seen)) };
            last = heading.observe(f64::from(i) * 20.0, &sample);
            assert!((last.expect("known") - 0.4).abs() < 0.15, "{i}: {last:?}");
        }
        assert!((last.expect("known") - 0.4).abs() < 0.1, "{last:?}");
    }

    #[test]
    fn a_turn_of_the_gyroscope_is_followed_at_once() {
        let mut heading = Heading::default();
        let mut last = None;
        for i in 0..200_u32 {
            // A right turn of 90° in the second second: clockwise is negative around the upward axis.
            let turning = (50..100).contains(&i);
            let rate = if turning { -PI / 2.0 } else { 0.0 };
            let sample =
                Sample { accel: FLAT, gyro: Some([0.0, 0.0, rate]), magnet: Some([0.0, 30.0, -40.0]), rotation: None };
            let disturbed = Sample { magnet: None, ..sample };
            last = heading.observe(f64::from(i) * 20.0, if i < 50 { &sample } else { &disturbed });
        }
        let last = last.expect("known");
        assert!((last - PI / 2.0).abs() < 0.02, "{last}");
    }

    #[test]
    fn the_compass_and_the_rotation_vector_agree_however_the_device_is_held() {
        let mut random = Random::new(7);
        for _ in 0..200 {
            let q = [0, 1, 2].map(|_| 0.8 * (random.uniform() - 0.5));
            let [_, north, up] = axes(q);
            // The field dips into the ground north of the equator.
            let magnet = [0, 1, 2].map(|k| 30.0 * north[k] - 38.0 * up[k]);
            let by_vector = direction(axes(q)[0], north, up);
            let by_compass = compass(magnet, up).expect("undisturbed");
            let off = (by_vector - by_compass + PI).rem_euclid(TAU) - PI;
            assert!(off.abs() < 1e-9, "{q:?}: {by_vector} {by_compass}");
        }
        assert_eq!(compass([0.0, 300.0, 0.0], [0.0, 0.0, 1.0]), None, "beside a magnet");
    }
}
