//! Where a visitor is inside: a particle filter over place, heading bias and stride.
//!
//! Steps move the particles (Gustafsson et al. 2002, "Particle filters for positioning, navigation, and tracking",
//! IEEE Transactions on Signal Processing 50); scans weigh them by a mixture of normals around the radio map's best
//! cells. A few particles are drawn from each scan anew, so that a visitor who was carried away is found again (sensor
//! resetting: Lenser, Veloso 2000, ICRA). The floor is a Bayes filter of its own over the scans' floor probabilities.
//! With a venue ([`IndoorFilter::set_venue`]) walls stop particles, and ranges, beacons, fixes and pressure count.

mod fusion;

use crate::Status;
use crate::conformal::Radii;
use crate::ground::{CELL_SIGMA_M, Heard};
use crate::observation::{Counts, Intake, Measurement, Observation, Rejected};
use crate::order::sort_by;
use crate::pdr::{Step, StepDetector};
use crate::radio::{Place, RadioFix, RadioMap};
use crate::random::Random;
use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How the filter weighs what it knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndoorOptions {
    /// How many particles; more are steadier and slower. At least 50.
    pub particles: usize,
    /// Seed of the random numbers: the same seed and observations give the same answers.
    pub seed: u64,
    /// Readings older than this do not count, milliseconds.
    pub max_age_ms: f64,
    /// How old a scan's readings are on the whole, milliseconds: the scan weighs where the visitor was then.
    pub scan_lag_ms: f64,
    /// Standard deviation of the distance to the next route, metres, and the weight of being nowhere near one.
    pub route_sigma_m: f64,
    /// See `route_sigma_m`.
    pub off_route: f64,
    /// Exponent on a scan's weight; below 1, since the errors of successive scans resemble each other.
    pub scan_power: f64,
    /// Share of a scan's weight that says nothing.
    pub scan_outlier: f64,
    /// Standard deviation of a step's direction, radians, and of its length, as a share.
    pub heading_sigma_rad: f64,
    /// See `heading_sigma_rad`.
    pub stride_sigma: f64,
    /// Random walk of the heading bias for each step, radians.
    pub bias_walk_rad: f64,
    /// Share of particles drawn anew from each scan.
    pub reset_share: f64,
    /// Diffusion without steps, metres per √second.
    pub drift_m: f64,
}

impl Default for IndoorOptions {
    fn default() -> Self {
        Self {
            particles: 600,
            seed: 1,
            max_age_ms: 4000.0,
            scan_lag_ms: 1000.0,
            route_sigma_m: 2.0,
            off_route: 0.3,
            scan_power: 0.4,
            scan_outlier: 0.005,
            heading_sigma_rad: 0.25,
            stride_sigma: 0.1,
            bias_walk_rad: 0.03,
            reset_share: 0.02,
            drift_m: 0.15,
        }
    }
}

/// An answer inside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndoorPosition {
    /// Time of the newest observation that counted, milliseconds on the host's clock.
    pub time_ms: f64,
    /// Metres east and north in the map's plane.
    pub at_m: [f64; 2],
    /// The most likely floor, or the locked one.
    pub floor: i16,
    /// Probability of that floor; 1 when locked.
    pub floor_probability: f64,
    /// The building's number.
    pub building: u16,
    /// Covariance, m²: east-east, east-north, north-north.
    pub covariance_m2: [f64; 3],
    /// 68 % and 95 % radius, metres.
    pub radii_m: [f64; 2],
    /// Radians clockwise from north, corrected by the learnt bias; `None` before the first step.
    pub heading_rad: Option<f64>,
    /// Metres per second over the last two seconds.
    pub speed_mps: f64,
    /// How the answer came about.
    pub status: Status,
}

impl IndoorPosition {
    /// Root of the covariance's trace, metres: what the radii were calibrated against.
    pub fn spread_m(&self) -> f64 {
        (self.covariance_m2[0] + self.covariance_m2[2]).sqrt()
    }
}

#[derive(Clone, Copy, Debug)]
struct Particle {
    at: [f64; 2],
    bias: f64,
    stride: f64,
    /// Where it was at the last seconds, newest first.
    trace: [[f64; 2]; fusion::LAG_SECS],
}

/// The filter. It holds no map: the map is handed in with each observation.
#[derive(Clone, Debug)]
pub struct IndoorFilter {
    options: IndoorOptions,
    intake: Intake,
    counts: Counts,
    steps: StepDetector,
    random: Random,
    particles: Vec<Particle>,
    weights: Vec<f64>,
    floors: LiteMap<(u16, i16), f64>,
    locked: Option<i16>,
    /// Time and displacement of the last steps.
    recent: VecDeque<(f64, [f64; 2])>,
    heading_rad: Option<f64>,
    moved_ms: Option<f64>,
    scans: u32,
    now_ms: f64,
    fusion: fusion::Fusion,
}

impl IndoorFilter {
    /// A filter that knows nothing yet.
    pub fn new(options: IndoorOptions) -> Self {
        Self {
            options,
            intake: Intake::default(),
            counts: Counts::default(),
            steps: StepDetector::default(),
            random: Random::new(options.seed),
            particles: Vec::new(),
            weights: Vec::new(),
            floors: LiteMap::new(),
            locked: None,
            recent: VecDeque::new(),
            heading_rad: None,
            moved_ms: None,
            scans: 0,
            now_ms: 0.0,
            fusion: fusion::Fusion::default(),
        }
    }

    /// Takes one observation. Uses WiFi scans, inertial samples, map taps and markers that tell their place; with a
    /// venue all kinds, fixes in degrees once there is a position.
    ///
    /// # Errors
    /// [`Rejected`] says why it did not count; the position stays as it was.
    pub fn observe(&mut self, map: &RadioMap, observation: &Observation) -> Result<(), Rejected> {
        let fate = self.intake.admit(observation).and_then(|()| self.take(map, observation));
        self.counts.add(fate);
        self.remember(observation.time_ms);
        fate
    }

    /// Takes observations that arrived together, in order of time whatever their order in the slice.
    pub fn observe_batch(&mut self, map: &RadioMap, batch: &[Observation]) {
        let mut order: Vec<&Observation> = batch.iter().collect();
        sort_by(&mut order, |a, b| a.time_ms.total_cmp(&b.time_ms).then_with(|| a.what.kind().cmp(&b.what.kind())));
        for observation in order {
            let _ = self.observe(map, observation);
        }
    }

    /// What came in so far and what became of it.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Holds the floor, whatever the observations say; `None` lets it go.
    pub fn lock_floor(&mut self, floor: Option<i16>) {
        self.locked = floor;
    }

    /// Puts the visitor at a place, with a standard deviation per axis in metres.
    pub fn set_position(&mut self, place: Place, sigma_m: f64) {
        if !(place.at_m.iter().all(|x| x.abs() < 1e8) && (0.0..1e6).contains(&sigma_m)) {
            return;
        }
        self.particles.clear();
        for _ in 0..self.count() {
            let at = place.at_m.map(|x| x + sigma_m * self.random.normal());
            let particle = self.particle(at);
            self.particles.push(particle);
        }
        self.weights = vec![1.0; self.particles.len()];
        self.floors = LiteMap::from_iter([((place.building, place.floor), 1.0)]);
        self.scans = self.scans.max(1);
    }

    /// Whether there is a position.
    pub fn has_fix(&self) -> bool {
        !self.particles.is_empty()
    }

    /// The position as of the last observation that counted; `None` before the first scan.
    pub fn position(&self, map: &RadioMap) -> Option<IndoorPosition> {
        let sum: f64 = self.weights.iter().sum();
        if self.particles.is_empty() || sum <= 0.0 {
            return None;
        }
        let (mut at_m, mut bias) = ([0.0; 2], 0.0);
        for (p, w) in self.particles.iter().zip(&self.weights) {
            at_m[0] += p.at[0] * w / sum;
            at_m[1] += p.at[1] * w / sum;
            bias += p.bias * w / sum;
        }
        let mut covariance_m2 = [0.0; 3];
        for (p, w) in self.particles.iter().zip(&self.weights) {
            let d = [p.at[0] - at_m[0], p.at[1] - at_m[1]];
            covariance_m2[0] += d[0] * d[0] * w / sum;
            covariance_m2[1] += d[0] * d[1] * w / sum;
            covariance_m2[2] += d[1] * d[1] * w / sum;
        }
        let ((building, floor), floor_probability) = self.floor()?;
        let path: f64 = self.recent.iter().filter(|r| self.now_ms - r.0 <= 2e3).map(|r| r.1[0].hypot(r.1[1])).sum();
        let spread = (covariance_m2[0] + covariance_m2[2]).sqrt();
        let ranged = self.fusion.ranged_spread_m(self.now_ms, spread);
        let radii_m = ranged.map_or_else(|| self.radii(map).at(spread), |spread| Radii::default().at(spread));
        Some(IndoorPosition {
            time_ms: self.now_ms,
            at_m,
            floor: self.locked.unwrap_or(floor),
            floor_probability: if self.locked.is_some() { 1.0 } else { floor_probability },
            building,
            covariance_m2,
            radii_m,
            heading_rad: self.heading_rad.map(|h| h + bias),
            speed_mps: path / 2.0,
            status: if self.scans < 2 { Status::FirstFix } else { Status::Tracking },
        })
    }

    fn radii<'a>(&self, map: &'a RadioMap) -> &'a Radii {
        map.track_radii()
    }

    fn count(&self) -> usize {
        self.options.particles.clamp(50, 20_000)
    }

    fn particle(&mut self, at: [f64; 2]) -> Particle {
        let trace = [at; fusion::LAG_SECS];
        Particle {
            at,
            bias: 0.2 * self.random.normal(),
            stride: (1.0 + 0.12 * self.random.normal()).clamp(0.5, 1.6),
            trace,
        }
    }

    fn floor(&self) -> Option<((u16, i16), f64)> {
        let sum: f64 = self.floors.values().sum();
        let (floor, mass) = self.floors.iter().max_by(|a, b| a.1.total_cmp(b.1))?;
        Some((*floor, mass / sum))
    }

    fn take(&mut self, map: &RadioMap, observation: &Observation) -> Result<(), Rejected> {
        let time_ms = observation.time_ms;
        match &observation.what {
            Measurement::Inertial { .. } => {
                if let Some(step) = self.steps.observe(observation) {
                    self.walk(step);
                }
            }
            Measurement::Wifi { readings } => {
                let fresh: Vec<_> = readings
                    .iter()
                    .filter(|r| r.age_ms.is_none_or(|age| age <= self.options.max_age_ms))
                    .map(|r| (r.bssid, r.rssi_dbm))
                    .collect();
                self.diffuse(time_ms);
                let ranged = self.round_trips(readings, time_ms);
                self.hear(map, &fresh, time_ms).or_else(|why| if ranged { Ok(()) } else { Err(why) })?;
            }
            Measurement::MapTap { at_m, floor, sigma_m }
            | Measurement::Marker { at_m: Some(at_m), floor: Some(floor), sigma_m, .. } => {
                let building = self.floor().map_or(0, |f| f.0.0);
                self.set_position(Place { at_m: *at_m, floor: *floor, building }, *sigma_m);
            }
            _ => self.fuse(observation)?,
        }
        self.now_ms = self.now_ms.max(time_ms);
        if self.counts.counted == 0 {
            self.now_ms = time_ms;
        }
        Ok(())
    }

    fn walk(&mut self, step: Step) {
        let o = self.options;
        let Some(heading) = step.heading_rad else {
            for i in 0..self.particles.len() {
                for axis in 0..2 {
                    self.particles[i].at[axis] += 0.7 * step.stride_m * self.random.normal();
                }
            }
            return;
        };
        let floor = self.floor_now();
        for i in 0..self.particles.len() {
            let mut p = self.particles[i];
            let from = p.at;
            p.bias += o.bias_walk_rad * self.random.normal();
            let direction = heading + p.bias + o.heading_sigma_rad * self.random.normal();
            let length = step.stride_m * p.stride * (1.0 + o.stride_sigma * self.random.normal());
            p.at = [p.at[0] + length * direction.sin(), p.at[1] + length * direction.cos()];
            self.particles[i] = p;
            self.weights[i] *= self.fusion.passage(floor, from, p.at);
        }
        if self.fusion.has_venue() && !self.thin() {
            self.weights.iter_mut().for_each(|w| *w = 1.0);
        }
        self.heading_rad = Some(heading);
        self.recent.push_back((step.time_ms, [step.stride_m * heading.sin(), step.stride_m * heading.cos()]));
        while self.recent.len() > 8 {
            self.recent.pop_front();
        }
    }

    /// Lets the particles drift until a time.
    fn diffuse(&mut self, time_ms: f64) {
        let secs = self.moved_ms.map_or(0.0, |before| ((time_ms - before) / 1e3).clamp(0.0, 60.0));
        self.moved_ms = Some(time_ms);
        let sigma = self.options.drift_m * secs.sqrt();
        for i in 0..self.particles.len() {
            for axis in 0..2 {
                self.particles[i].at[axis] += sigma * self.random.normal();
            }
        }
    }

    fn hear(&mut self, map: &RadioMap, scan: &[(crate::Mac, f64)], time_ms: f64) -> Result<(), Rejected> {
        let posterior = map.floor_probabilities(scan).ok_or(Rejected::NotUsed)?;
        let leak = self.floor_leak();
        for (_, known) in self.floors.iter_mut() {
            // A floor may change at any time, or at stairs where they are known: forget a little.
            *known = (1.0 - 0.03 * leak) * *known + 0.001 * leak;
        }
        for (floor, p) in posterior {
            *self.floors.entry(floor).or_insert(if self.scans == 0 { 1.0 } else { 0.001 }) *= p.max(0.01).sqrt();
        }
        let sum: f64 = self.floors.values().sum();
        self.floors.iter_mut().for_each(|(_, p)| *p /= sum);
        let Some(((_, floor), _)) = self.floor() else { return Err(Rejected::NotUsed) };
        let floor = self.locked.unwrap_or(floor);
        let fix = map.locate_for_track(scan, floor).ok_or(Rejected::NotUsed)?;
        let lag: [f64; 2] = self
            .recent
            .iter()
            .filter(|r| time_ms - r.0 < self.options.scan_lag_ms)
            .fold([0.0; 2], |sum, r| [sum[0] + r.1[0], sum[1] + r.1[1]]);
        let heard = Heard::new(map, &fix, lag);
        let trust = self.fusion.indoors();
        if self.particles.is_empty() && trust < 0.3 {
            return Err(Rejected::NotUsed);
        }
        self.scans += 1;
        if self.particles.is_empty() {
            self.particles = (0..self.count()).map(|_| self.draw(&fix, &heard)).collect();
            self.weights = vec![1.0; self.particles.len()];
            return Ok(());
        }
        let o = self.options;
        let ground = map.ground(fix.place.building, fix.place.floor).filter(|ground| !ground.is_empty());
        let narrow = -0.5 / o.route_sigma_m.powi(2);
        for (p, weight) in self.particles.iter().zip(&mut self.weights) {
            *weight *= (heard.density(p.at) + o.scan_outlier).powf(o.scan_power * trust);
            if let Some(ground) = ground {
                *weight *= o.off_route + (narrow * ground.to_route_m(p.at).powi(2)).exp();
            }
        }
        self.resample(&fix, &heard);
        let n = self.particles.len();
        let mean = self.weights.iter().sum::<f64>() / n as f64;
        for _ in 0..(o.reset_share * trust * n as f64) as usize {
            let i = self.random.below(n);
            self.particles[i] = self.draw(&fix, &heard);
            self.weights[i] = mean;
        }
        Ok(())
    }

    /// A particle somewhere around the scan's cells.
    fn draw(&mut self, fix: &RadioFix, heard: &Heard) -> Particle {
        let mut u = self.random.uniform();
        let mut at = fix.place.at_m;
        for (centre, w) in &heard.centres {
            at = *centre;
            u -= w;
            if u <= 0.0 {
                break;
            }
        }
        let at = at.map(|x| x + CELL_SIGMA_M * self.random.normal());
        self.particle(at)
    }

    /// Resampling, or new particles when none fits.
    fn resample(&mut self, fix: &RadioFix, heard: &Heard) {
        if !self.thin() {
            let n = self.particles.len();
            self.particles = (0..n).map(|_| self.draw(fix, heard)).collect();
            self.weights = vec![1.0; n];
        }
    }

    /// Systematic resampling (Kitagawa 1996) when fewer than half of the particles matter; `false` when no weight is
    /// left, and nothing was done.
    fn thin(&mut self) -> bool {
        let n = self.particles.len();
        let sum: f64 = self.weights.iter().sum();
        if n == 0 || sum <= 0.0 || !sum.is_finite() {
            return n == 0;
        }
        self.weights.iter_mut().for_each(|w| *w *= n as f64 / sum);
        let squares: f64 = self.weights.iter().map(|w| w * w).sum();
        if (n * n) as f64 / squares > 0.5 * n as f64 {
            return true;
        }
        let mut drawn = Vec::with_capacity(n);
        let (mut at, mut upto) = (0, self.weights[0]);
        let start = self.random.uniform();
        for i in 0..n {
            while start + i as f64 > upto && at + 1 < n {
                at += 1;
                upto += self.weights[at];
            }
            let mut p = self.particles[at];
            p.bias += 0.01 * self.random.normal();
            p.stride = (p.stride + 0.01 * self.random.normal()).clamp(0.5, 1.6);
            drawn.push(p);
        }
        self.particles = drawn;
        self.weights = vec![1.0; n];
        true
    }
}
