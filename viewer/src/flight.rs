//! Flights: from one view to another along a path that is easy on the eyes.

use citytwin_geo::{LookAt, WGS84_A, surface_normal_ecef};
use glam::DVec3;

/// How much a flight rises to cross ground: the value that people like best on average (van Wijk and Nuij 2003).
const RHO: f64 = 1.42;

/// A flight under way.
///
/// Target and distance follow the optimal path of van Wijk and Nuij, "Smooth and efficient zooming and panning"
/// (InfoVis 2003), which rises over long ways so that the ground passes at an even pace; heading and pitch turn
/// along.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    from: LookAt,
    to: LookAt,
    /// Straight up at the first target and at the last, unit, ECEF: the way between is a great circle of these.
    ups: [DVec3; 2],
    /// Length of that way, metres.
    way_m: f64,
    path: Path,
    start_ms: f64,
    duration_ms: f64,
}

/// Distance to the target and way over the ground, both functions of the path's own length.
#[derive(Clone, Copy, Debug)]
enum Path {
    /// No way over ground: the distance changes by a constant factor per length.
    Zoom { log_ratio: f64 },
    /// The hyperbolic path: `r0` and the whole length.
    Arc { r0: f64, length: f64 },
}

impl Path {
    fn new(w0: f64, w1: f64, way: f64) -> Self {
        if way < 1e-3 * w0.min(w1) {
            return Self::Zoom { log_ratio: (w1 / w0).ln() };
        }
        let b = |w: f64, sign: f64| (w1 * w1 - w0 * w0 + sign * RHO.powi(4) * way * way) / (2.0 * w * RHO * RHO * way);
        let r = |b: f64| -b.asinh();
        let (r0, r1) = (r(b(w0, 1.0)), r(b(w1, -1.0)));
        Self::Arc { r0, length: (r1 - r0) / RHO }
    }

    fn length(self) -> f64 {
        match self {
            Self::Zoom { log_ratio } => log_ratio.abs() / RHO,
            Self::Arc { length, .. } => length,
        }
    }

    /// Distance to the target, and the part of the way done, after part `t` of the length.
    fn at(self, t: f64, w0: f64, way: f64) -> (f64, f64) {
        match self {
            Self::Zoom { log_ratio } => (w0 * (log_ratio * t).exp(), t),
            Self::Arc { r0, length } => {
                let s = RHO * length * t + r0;
                let along = w0 / (RHO * RHO) * (r0.cosh() * s.tanh() - r0.sinh());
                (w0 * r0.cosh() / s.cosh(), along / way)
            }
        }
    }
}

impl Flight {
    /// Where it goes.
    pub(crate) fn destination(&self) -> LookAt {
        self.to
    }

    /// A flight that starts now. Without a duration, 800 to 2,500 ms by the length of the path.
    pub(crate) fn new(from: LookAt, to: LookAt, duration_ms: Option<f64>, start_ms: f64) -> Self {
        let ups = [from, to].map(|look| surface_normal_ecef(look.lon.to_radians(), look.lat.to_radians()));
        let way_m = WGS84_A * ups[0].angle_between(ups[1]);
        let path = Path::new(from.distance_m, to.distance_m, way_m);
        let turn = turn_deg(from.heading_deg, to.heading_deg).abs().max((to.pitch_deg - from.pitch_deg).abs());
        let chosen_ms = (500.0 * path.length()).max(8.0 * turn).clamp(800.0, 2500.0);
        let duration_ms = duration_ms.filter(|ms| ms.is_finite()).unwrap_or(chosen_ms).max(1.0);
        Self { from, to, ups, way_m, path, start_ms, duration_ms }
    }

    /// The view at a time, and whether the flight goes on after it.
    pub(crate) fn at(&self, now_ms: f64) -> (LookAt, bool) {
        let t = ((now_ms - self.start_ms) / self.duration_ms).clamp(0.0, 1.0);
        if t >= 1.0 {
            return (self.to, false);
        }
        let t = t * t * (3.0 - 2.0 * t);
        let (distance_m, along) = self.path.at(t, self.from.distance_m, self.way_m);
        let up = self.ups[0].slerp(self.ups[1], along);
        let mix = |a: f64, b: f64| a + (b - a) * t;
        let look = LookAt {
            lon: up.y.atan2(up.x).to_degrees(),
            lat: up.z.clamp(-1.0, 1.0).asin().to_degrees(),
            height_m: mix(self.from.height_m, self.to.height_m),
            distance_m,
            heading_deg: self.from.heading_deg + turn_deg(self.from.heading_deg, self.to.heading_deg) * t,
            pitch_deg: mix(self.from.pitch_deg, self.to.pitch_deg),
        };
        (look, true)
    }
}

/// The shorter turn from one heading to another, degrees clockwise in −180..180.
pub(crate) fn turn_deg(from_deg: f64, to_deg: f64) -> f64 {
    (to_deg - from_deg + 180.0).rem_euclid(360.0) - 180.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(lon: f64, distance_m: f64, heading_deg: f64) -> LookAt {
        LookAt { lon, lat: 60.17, height_m: 0.0, distance_m, heading_deg, pitch_deg: -40.0 }
    }

    fn check(from: LookAt, to: LookAt) -> Vec<LookAt> {
        let flight = Flight::new(from, to, Some(1000.0), 0.0);
        let steps: Vec<_> = (0..=100).map(|i| flight.at(f64::from(i) * 10.0).0).collect();
        let close = |a: LookAt, b: LookAt| {
            assert!((a.lon - b.lon).abs() < 1e-7 && (a.lat - b.lat).abs() < 1e-7, "{a:?} {b:?}");
            assert!((a.distance_m / b.distance_m - 1.0).abs() < 1e-3, "{a:?} {b:?}");
        };
        close(steps[0], from);
        assert_eq!(flight.at(1000.0), (to, false));
        close(flight.at(999.999).0, to);
        for pair in steps.windows(2) {
            assert!((pair[1].distance_m / pair[0].distance_m).ln().abs() < 0.6, "no jumps: {pair:?}");
        }
        steps
    }

    #[test]
    fn a_far_flight_rises_over_the_way_and_lands() {
        let steps = check(look(24.94, 300.0, 0.0), look(25.10, 300.0, 0.0));
        let top = steps.iter().map(|s| s.distance_m).fold(0.0, f64::max);
        assert!(top > 2_000.0, "{top}");
    }

    #[test]
    fn a_flight_around_the_world_keeps_to_its_surface() {
        let steps = check(look(24.94, 300.0, 0.0), look(121.47, 300.0, 0.0));
        assert!(steps.iter().all(|s| s.is_valid()));
    }

    #[test]
    fn a_near_flight_stays_low() {
        let steps = check(look(24.94, 1000.0, 0.0), look(24.941, 800.0, 90.0));
        assert!(steps.iter().all(|s| s.distance_m < 1010.0));
    }

    #[test]
    fn a_flight_in_place_only_zooms() {
        let steps = check(look(24.94, 8000.0, 0.0), look(24.94, 200.0, 0.0));
        assert!(steps.windows(2).all(|p| p[1].distance_m <= p[0].distance_m));
        check(look(24.94, 200.0, 0.0), look(24.94, 200.0, 0.0));
    }

    #[test]
    fn headings_take_the_shorter_turn() {
        assert_eq!(turn_deg(350.0, 10.0), 20.0);
        assert_eq!(turn_deg(10.0, 350.0), -20.0);
        let steps = check(look(24.94, 500.0, 350.0), look(24.94, 500.0, 10.0));
        assert!(steps.iter().all(|s| (349.0..=371.0).contains(&s.heading_deg) || s.heading_deg == 10.0));
    }

    #[test]
    fn the_duration_follows_the_way_within_bounds() {
        let short = Flight::new(look(24.94, 500.0, 0.0), look(24.9401, 500.0, 0.0), None, 0.0);
        let long = Flight::new(look(24.94, 100.0, 0.0), look(28.0, 100.0, 0.0), None, 0.0);
        assert_eq!((short.duration_ms, long.duration_ms), (800.0, 2500.0));
        let nan = Flight::new(look(24.94, 500.0, 0.0), look(24.95, 500.0, 0.0), Some(f64::NAN), 0.0);
        assert!(nan.duration_ms >= 800.0);
    }
}
