//! A Kalman filter with constant velocity (Bar-Shalom, Li, Kirubarajan 2001, section 6.3) over satellite fixes, and
//! its fixed-lag smoother (Rauch, Tung, Striebel 1965).

use crate::{Measurement, Observation, Position, Rejected, Status};
use citytwin_geo::{EnuFrame, Geodetic};
use glam::{DVec2, DVec3};
use std::collections::VecDeque;

/// Radius that holds 95 % of a circular Gaussian, in standard deviations of one axis: √(−2 ln 0.05).
const RADIUS_95: f64 = 2.447_746_830_680_816;
/// Spectral density of the white-noise acceleration of a walking visitor, m²/s³ per axis.
const ACCELERATION_DENSITY: f64 = 0.5;
/// Standard deviation of a velocity that is not yet known, m/s.
const UNKNOWN_SPEED: f64 = 10.0;
/// An innovation beyond this squared Mahalanobis distance (χ², two degrees of freedom, 99.9 %) is an outlier.
const GATE: f64 = 13.816;
/// So many outliers in a row are the truth: the visitor was carried away, or the first fix was wrong.
const KIDNAPPED_AFTER: u32 = 3;
/// A pause longer than this starts anew, seconds.
const RESTART_AFTER_SECS: f64 = 120.0;
/// Share of a fix's variance that the next ones have too (ionosphere, reflections off the same walls): it is considered
/// in the answer's radius, not filtered away (Schmidt 1966, "Application of state-space methods to navigation problems").
const SHARED_VARIANCE: f64 = 0.8;
/// So many fixes does the smoother look back.
const LAG_FIXES: usize = 10;
/// Who is no longer seen walks on: growth of the deviation, m/s per axis.
const UNSEEN_MPS: f64 = 0.8;

/// Position and velocity outdoors, from satellite fixes.
#[derive(Clone, Debug, Default)]
pub struct OutdoorFilter {
    state: Option<State>,
    outliers_in_a_row: u32,
    /// The last states, oldest first; one frame.
    past: VecDeque<State>,
}

/// Both axes share one covariance, since the fixes' errors are circular.
#[derive(Clone, Debug)]
struct State {
    frame: EnuFrame,
    time_ms: f64,
    position: DVec2,
    velocity: DVec2,
    /// Variances of position and velocity and their covariance, per axis.
    pp: f64,
    pv: f64,
    vv: f64,
    /// Variance per axis that successive fixes share.
    shared: f64,
    status: Status,
}

impl OutdoorFilter {
    /// A filter that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one observation and returns the new position.
    ///
    /// # Errors
    /// [`Rejected`] says why the observation did not count; the position stays as it was.
    pub fn observe(&mut self, observation: &Observation) -> Result<Position, Rejected> {
        observation.check()?;
        let time_ms = observation.time_ms;
        let (lon, lat, accuracy_m) = match observation.what {
            Measurement::Gnss { lon, lat, accuracy_m, .. } | Measurement::HostFix { lon, lat, accuracy_m, .. } => {
                (lon, lat, accuracy_m)
            }
            _ => return Err(Rejected::NotUsed),
        };
        let fix = Geodetic::from_degrees(lon, lat, 0.0);
        let variance = (accuracy_m / RADIUS_95).powi(2);
        let state = match self.state.take() {
            None => State::first(fix, time_ms, variance),
            Some(state) if time_ms <= state.time_ms => {
                self.state = Some(state);
                return Err(Rejected::Late);
            }
            Some(state) if time_ms - state.time_ms > 1e3 * RESTART_AFTER_SECS => State::first(fix, time_ms, variance),
            Some(state) => match state.updated(fix, time_ms, variance) {
                Some(updated) => updated,
                None if self.outliers_in_a_row + 1 >= KIDNAPPED_AFTER => State::first(fix, time_ms, variance),
                None => {
                    self.state = Some(state);
                    self.outliers_in_a_row += 1;
                    return Err(Rejected::Outlier);
                }
            },
        };
        self.outliers_in_a_row = 0;
        if state.status == Status::FirstFix {
            self.past.clear();
        }
        self.past.push_back(state.clone());
        while self.past.len() > LAG_FIXES {
            self.past.pop_front();
        }
        let position = state.answer();
        self.state = Some(state);
        Ok(position)
    }

    /// The position as of the last observation that counted.
    pub fn position(&self) -> Option<Position> {
        self.state.as_ref().map(State::answer)
    }

    /// The position as of a later time: it stays where it was last seen, and its radius grows.
    pub fn position_at(&self, time_ms: f64) -> Option<Position> {
        let answer = self.position()?;
        let unseen = RADIUS_95 * UNSEEN_MPS * ((time_ms - answer.time_ms) / 1e3 - 1.0).max(0.0);
        Some(Position { accuracy_m: answer.accuracy_m.hypot(unseen), ..answer })
    }

    /// Puts the visitor at a place (degrees) with a 95 % radius, whatever came before.
    pub fn set_position(&mut self, time_ms: f64, lon: f64, lat: f64, accuracy_m: f64) {
        let what = Measurement::HostFix { lon, lat, accuracy_m, floor: None };
        if Observation::new(time_ms, what).check().is_ok() {
            let state = State::first(Geodetic::from_degrees(lon, lat, 0.0), time_ms, (accuracy_m / RADIUS_95).powi(2));
            self.past = [state.clone()].into();
            (self.state, self.outliers_in_a_row) = (Some(state), 0);
        }
    }

    /// The last positions as all fixes tell, oldest first: the newest is that of [`OutdoorFilter::position`], the others
    /// know what came after them.
    pub fn smoothed(&self) -> Vec<Position> {
        let Some(newest) = self.past.back() else { return Vec::new() };
        let mut later = newest.clone();
        let mut answers = vec![later.answer()];
        for state in self.past.iter().rev().skip(1) {
            later = state.smoothed_by(&later);
            answers.push(later.answer());
        }
        answers.reverse();
        answers
    }
}

impl State {
    fn first(fix: Geodetic, time_ms: f64, variance: f64) -> Self {
        Self {
            frame: EnuFrame::new(fix),
            time_ms,
            position: DVec2::ZERO,
            velocity: DVec2::ZERO,
            pp: variance,
            pv: 0.0,
            vv: UNKNOWN_SPEED * UNKNOWN_SPEED,
            // The first fix's is in its variance already.
            shared: 0.0,
            status: Status::FirstFix,
        }
    }

    /// The state after a fix, or `None` when the fix lies beyond the gate.
    fn updated(&self, fix: Geodetic, time_ms: f64, variance: f64) -> Option<Self> {
        let dt = (time_ms - self.time_ms) / 1e3;
        let [pp, pv, vv] = self.predicted(dt);
        let predicted = self.position + dt * self.velocity;
        let innovation = self.frame.enu_from_geodetic(fix).truncate() - predicted;
        let s = pp + variance;
        if innovation.length_squared() / s > GATE {
            return None;
        }
        let (gain_p, gain_v) = (pp / s, pv / s);
        Some(Self {
            frame: self.frame,
            time_ms,
            position: predicted + gain_p * innovation,
            velocity: self.velocity + gain_v * innovation,
            pp: (1.0 - gain_p) * pp,
            pv: (1.0 - gain_p) * pv,
            vv: vv - gain_v * pv,
            shared: SHARED_VARIANCE * variance,
            status: Status::Tracking,
        })
    }

    /// The variances after some seconds without a fix.
    fn predicted(&self, dt: f64) -> [f64; 3] {
        let (dt2, dt3) = (dt * dt, dt * dt * dt);
        [
            self.pp + 2.0 * dt * self.pv + dt2 * self.vv + ACCELERATION_DENSITY * dt3 / 3.0,
            self.pv + dt * self.vv + ACCELERATION_DENSITY * dt2 / 2.0,
            self.vv + ACCELERATION_DENSITY * dt,
        ]
    }

    /// This state under a smoothed later one.
    fn smoothed_by(&self, later: &Self) -> Self {
        let dt = (later.time_ms - self.time_ms) / 1e3;
        let [pp, pv, vv] = self.predicted(dt);
        let determinant = pp * vv - pv * pv;
        if determinant <= 0.0 {
            return self.clone();
        }
        // Gain: P Fᵀ (F P Fᵀ + Q)⁻¹.
        let (a, b) = (self.pp + dt * self.pv, self.pv);
        let (c, d) = (self.pv + dt * self.vv, self.vv);
        let row = |x: f64, y: f64| [(x * vv - y * pv) / determinant, (y * pp - x * pv) / determinant];
        let ([g0, g1], [h0, h1]) = (row(a, b), row(c, d));
        let off = later.position - (self.position + dt * self.velocity);
        let turn = later.velocity - self.velocity;
        let (x, y, z) = (later.pp - pp, later.pv - pv, later.vv - vv);
        Self {
            position: self.position + g0 * off + g1 * turn,
            velocity: self.velocity + h0 * off + h1 * turn,
            pp: self.pp + g0 * g0 * x + 2.0 * g0 * g1 * y + g1 * g1 * z,
            pv: self.pv + g0 * h0 * x + (g0 * h1 + g1 * h0) * y + g1 * h1 * z,
            vv: self.vv + h0 * h0 * x + 2.0 * h0 * h1 * y + h1 * h1 * z,
            ..self.clone()
        }
    }

    fn answer(&self) -> Position {
        let xy = self.position;
        let here = self.frame.geodetic_from_enu(DVec3::new(xy.x, xy.y, self.frame.surface_z(xy)));
        let speed_mps = self.velocity.length();
        let heading = self.velocity.x.atan2(self.velocity.y).to_degrees().rem_euclid(360.0);
        Position {
            time_ms: self.time_ms,
            lon: here.lon(),
            lat: here.lat(),
            accuracy_m: RADIUS_95 * (self.pp + self.shared).sqrt(),
            speed_mps,
            heading_deg: (speed_mps >= 0.5).then_some(heading),
            status: self.status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Geodetic = Geodetic { lon_rad: 0.435_4, lat_rad: 1.050_2, height_m: 0.0 };

    fn gnss(time_ms: f64, lon: f64, lat: f64, accuracy_m: f64) -> Observation {
        let what = Measurement::Gnss {
            lon,
            lat,
            accuracy_m,
            altitude_m: None,
            satellites: None,
            cn0_dbhz: None,
            speed_mps: None,
            course_deg: None,
        };
        Observation::new(time_ms, what)
    }

    fn fix(time_ms: f64, east: f64, north: f64, accuracy_m: f64) -> Observation {
        let p = EnuFrame::new(HOME).geodetic_from_enu(DVec3::new(east, north, 0.0));
        gnss(time_ms, p.lon(), p.lat(), accuracy_m)
    }

    fn metres_from(position: &Position, east: f64, north: f64) -> f64 {
        let p = Geodetic::from_degrees(position.lon, position.lat, 0.0);
        EnuFrame::new(HOME).enu_from_geodetic(p).truncate().distance(DVec2::new(east, north))
    }

    /// A fixed sequence of standard normal numbers (Box–Muller over a 64-bit LCG), the same on every machine.
    fn normals() -> impl FnMut() -> f64 {
        let mut seed: u64 = 7;
        let mut uniform = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 11) as f64 + 0.5) / (1u64 << 53) as f64
        };
        move || (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
    }

    #[test]
    fn a_walk_is_followed_closer_than_its_fixes_and_the_radius_holds() {
        let mut noise = normals();
        let mut filter = OutdoorFilter::new();
        let (mut raw, mut filtered, mut inside) = (0.0, 0.0, 0);
        const STEPS: usize = 400;
        for i in 0..STEPS {
            let t = i as f64;
            let truth = (1.2 * t, 0.4 * t);
            let (dx, dy) = (5.0 * noise(), 5.0 * noise());
            let answer =
                filter.observe(&fix(1e3 * t, truth.0 + dx, truth.1 + dy, 5.0 * RADIUS_95)).expect("a sane fix");
            let error = metres_from(&answer, truth.0, truth.1);
            raw += dx.hypot(dy);
            filtered += error;
            inside += usize::from(error <= answer.accuracy_m);
        }
        assert!(filtered < 0.7 * raw, "filtered {filtered} raw {raw}");
        assert!(inside as f64 > 0.93 * STEPS as f64, "{inside} of {STEPS}");
        let last = filter.position().expect("a position");
        assert!((last.speed_mps - 1.265).abs() < 0.8 && last.status == Status::Tracking, "{last:?}");
    }

    #[test]
    fn what_came_after_makes_the_trail_better_and_surer() {
        let mut noise = normals();
        let mut filter = OutdoorFilter::new();
        let (mut filtered, mut smoothed, mut inside, mut n) = (0.0, 0.0, 0, 0);
        for i in 0..300 {
            let t = f64::from(i);
            let (dx, dy) = (5.0 * noise(), 5.0 * noise());
            filter.observe(&fix(1e3 * t, 1.2 * t + dx, 0.4 * t + dy, 5.0 * RADIUS_95)).expect("a sane fix");
            let trail = filter.smoothed();
            assert_eq!(trail.last(), filter.position().as_ref());
            if let (10, Some(old)) = (trail.len(), trail.first()) {
                let then = old.time_ms / 1e3;
                let error = metres_from(old, 1.2 * then, 0.4 * then);
                smoothed += error;
                inside += usize::from(error <= old.accuracy_m);
                filtered += metres_from(&filter.position().expect("a position"), 1.2 * t, 0.4 * t);
                n += 1;
                assert!(old.accuracy_m < trail[9].accuracy_m, "{trail:?}");
            }
        }
        assert!(smoothed < 0.8 * filtered, "{smoothed} {filtered}");
        assert!(inside as f64 > 0.92 * f64::from(n), "{inside} of {n}");
    }

    #[test]
    fn absurd_and_late_fixes_change_nothing() {
        let mut filter = OutdoorFilter::new();
        filter.observe(&fix(1000.0, 0.0, 0.0, 5.0)).expect("a sane fix");
        let before = filter.position();
        let bad = gnss;
        for (observation, expected) in [
            (bad(f64::NAN, 24.9, 60.1, 5.0), Rejected::Absurd),
            (bad(2000.0, 24.9, 91.0, 5.0), Rejected::Absurd),
            (bad(2000.0, f64::INFINITY, 60.1, 5.0), Rejected::Absurd),
            (bad(2000.0, 24.9, 60.1, 0.0), Rejected::Absurd),
            (bad(2000.0, 24.9, 60.1, f64::NAN), Rejected::Absurd),
            (fix(1000.0, 1.0, 1.0, 5.0), Rejected::Late),
            (fix(500.0, 1.0, 1.0, 5.0), Rejected::Late),
            (fix(2000.0, 5000.0, 0.0, 5.0), Rejected::Outlier),
        ] {
            assert_eq!(filter.observe(&observation), Err(expected), "{observation:?}");
            assert_eq!(filter.position(), before);
        }
    }

    #[test]
    fn a_visitor_who_is_carried_away_is_found_again_at_the_third_fix() {
        let mut filter = OutdoorFilter::new();
        for i in 0..10 {
            filter.observe(&fix(1e3 * f64::from(i), 0.0, 0.0, 5.0)).expect("a sane fix");
        }
        assert!(filter.observe(&fix(11e3, 8000.0, 0.0, 5.0)).is_err());
        assert!(filter.observe(&fix(12e3, 8001.0, 0.0, 5.0)).is_err());
        let found = filter.observe(&fix(13e3, 8002.0, 0.0, 5.0)).expect("the third in a row counts");
        assert!(metres_from(&found, 8002.0, 0.0) < 6.0 && found.status == Status::FirstFix, "{found:?}");
    }
}
