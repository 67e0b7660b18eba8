//! What the particle filter takes from a venue and from sensors besides scans and steps: walls, ranges, beacons, fixes,
//! pressure, and the particles' own past.

use super::{IndoorFilter, Particle};
use crate::observation::{BleReading, Measurement, Observation, Rejected, WifiReading};
use crate::order::sort_by;
use crate::radio::Place;
use crate::random::Random;
use crate::venue::{Beacon, BeaconKind, Venue};
use litemap::LiteMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// So many seconds does the fixed-lag smoother look ahead.
pub(super) const LAG_SECS: usize = 10;
/// How high a device is carried, metres above the floor.
const CARRIED_M: f64 = 1.2;
/// A fix or range beyond this squared Mahalanobis distance is an outlier (χ², two degrees of freedom, 99.9 %).
const GATE: f64 = 13.816;
/// So many outliers in a row are the truth: the visitor was carried away.
const KIDNAPPED_AFTER: u32 = 3;
/// Degrees of freedom of a fix's Student t: heavy tails, for reflections.
const FIX_FREEDOM: f64 = 3.0;
/// Exponent on a fix's weight: the errors of successive fixes resemble each other.
const FIX_POWER: f64 = 0.4;
/// Share of ranges without line of sight where no wall, and where a wall, lies between.
const BLOCKED: [f64; 2] = [0.2, 0.8];
/// Mean excess of a range without line of sight, metres (exponential; Jourdan, Dardari, Win 2008, "Position error bound
/// for UWB localization in dense cluttered environments", IEEE TAES 44).
const EXCESS_M: f64 = 2.0;
/// Share of ranges that say nothing, and the span over which they are even, metres.
const RANGE_OUTLIER: f64 = 0.02;
const RANGE_SPAN_M: f64 = 50.0;
/// Exponent on a range's weight: what reflects one range reflects the next.
const RANGE_POWER: f64 = 0.5;
/// What ranges cannot tell, metres of root mean square distance: where anchors and the hand really are.
const RANGE_MODEL_M: f64 = 0.8;
/// Path loss exponent of Bluetooth indoors, and the loss of a storey's slab, dB.
const BLE_EXPONENT: f64 = 2.2;
const SLAB_DB: f64 = 15.0;
/// Deviations of a beacon's power above and below what is foretold, dB: bodies and shelves only weaken.
const BLE_SIGMA_DB: [f64; 2] = [4.0, 9.0];
/// Exponent on a beacon's weight.
const BLE_POWER: f64 = 0.3;
/// Ranges of the last moments tell together where a visitor was carried to, milliseconds, and at most so many.
const TOGETHER_MS: f64 = 1500.0;
const MOST_TOGETHER: usize = 16;
/// Nobody is carried far without notice: scale of the heavy tail around where the visitor was believed, metres.
const CARRIED_FAR_M: f64 = 10.0;
/// Deviation that ranges are blunted by where they draw a place, metres: few draws lie on all rings.
const DRAWN_SIGMA_M: f64 = 1.0;
/// After a range that counted, the spread is the filter's own for so long, milliseconds: the radio map's radii were
/// learnt without ranges.
const RANGED_MS: f64 = 3000.0;
/// A visitor who rises or sinks faster is on stairs or in a lift, m/s.
const CLIMBING_MPS: f64 = 0.25;
/// Distance to stairs or lifts within which a floor may change, metres.
const AT_STAIRS_M: f64 = 6.0;
/// Rate of a change of floors, 1/s, at stairs; elsewhere a fiftieth.
const CHANGE_PER_SEC: f64 = 0.05;
/// Deviation of a height by pressure differences, metres, and the share that says nothing (a door of an air lock).
const PRESSURE_SIGMA_M: f64 = 0.8;
const PRESSURE_OUTLIER: f64 = 0.1;
/// Pressure noise is alike for so long, seconds: so much time makes one independent measurement.
const PRESSURE_ALIKE_SECS: f64 = 3.0;
/// The weather moves the pressure: time constant with which the zero follows, seconds.
const WEATHER_SECS: f64 = 60.0;

/// The state besides particles and floors.
#[derive(Clone, Debug, Default)]
pub(super) struct Fusion {
    venue: Option<Arc<Venue>>,
    pressure: Pressure,
    /// Of fixes in a row, and of ranges more than counted.
    outliers: [u32; 2],
    ranged_ms: Option<f64>,
    /// The last ranges, newest last, whether they counted or not.
    rings: VecDeque<Ring>,
    /// Times of the particles' traces, newest first.
    trace_ms: VecDeque<f64>,
    /// Probability to be indoors, where satellite fixes are worth less; outdoors a scan's cells are. Surely indoors when
    /// nobody said.
    indoors: Option<f64>,
}

impl Fusion {
    /// Weight of a particle that moved.
    pub(super) fn passage(&self, floor: i16, from: [f64; 2], to: [f64; 2]) -> f64 {
        let Some(venue) = &self.venue else { return 1.0 };
        if venue.walls_between(floor, from, to) == 0 { 1.0 } else { venue.through_wall(floor) }
    }

    /// Probability to be indoors.
    pub(super) fn indoors(&self) -> f64 {
        self.indoors.unwrap_or(1.0)
    }

    /// Whether walls may have changed weights.
    pub(super) fn has_venue(&self) -> bool {
        self.venue.is_some()
    }

    /// The spread that counts after a range: the particles' own, and what ranges cannot tell. `None` where the radio
    /// map's radii count.
    pub(super) fn ranged_spread_m(&self, now_ms: f64, spread_m: f64) -> Option<f64> {
        self.ranged_ms.filter(|at| now_ms - at <= RANGED_MS).map(|_| spread_m.hypot(RANGE_MODEL_M))
    }
}

/// A range around an anchor.
#[derive(Clone, Copy, Debug)]
struct Ring {
    time_ms: f64,
    centre: [f64; 2],
    /// Metres from the device up to the anchor.
    up_m: f64,
    range_m: f64,
    sigma_m: f64,
}

impl Ring {
    /// Metres that the range is longer than the way from a place.
    fn excess_m(&self, at: [f64; 2]) -> f64 {
        self.range_m - (square(at, self.centre) + self.up_m * self.up_m).sqrt()
    }

    /// A place at the range's distance.
    fn draw(&self, random: &mut Random) -> [f64; 2] {
        let flat = (self.range_m * self.range_m - self.up_m * self.up_m).max(0.0).sqrt();
        let (turn, noise) = (std::f64::consts::TAU * random.uniform(), random.normal());
        let radius = flat + self.sigma_m * noise;
        [self.centre[0] + radius * turn.sin(), self.centre[1] + radius * turn.cos()]
    }
}

/// Heights by differences of pressure.
#[derive(Clone, Debug, Default)]
struct Pressure {
    /// Time, smoothed height and rate of climb, in metres of the standard atmosphere.
    state: Option<(f64, f64, f64)>,
    /// That height minus the elevation of the floor.
    zero: Option<f64>,
    /// The floor that was believed last, and the height then.
    last: Option<(i16, f64)>,
}

/// Height in the standard atmosphere (ICAO Doc 7488), metres.
fn height_m(pressure_hpa: f64) -> f64 {
    44_330.77 * (1.0 - (pressure_hpa / 1013.25).powf(0.190_263))
}

impl Pressure {
    /// Takes a pressure; returns the seconds since the last one that were smoothed over.
    fn observe(&mut self, time_ms: f64, pressure_hpa: f64) -> f64 {
        let h = height_m(pressure_hpa);
        let Some((before_ms, height, rate)) = self.state else {
            self.state = Some((time_ms, h, 0.0));
            return 0.0;
        };
        let secs = ((time_ms - before_ms) / 1e3).max(0.0);
        if secs > 30.0 {
            // Nobody watched: where the floor is now must come from elsewhere.
            *self = Self { state: Some((time_ms, h, 0.0)), zero: self.zero, last: None };
            return 0.0;
        }
        let moved = (h - height) * (1.0 - (-secs).exp());
        let rate = if secs > 0.0 { rate + (moved / secs - rate) * (1.0 - (-secs / 1.5).exp()) } else { rate };
        self.state = Some((time_ms, height + moved, rate));
        secs
    }
}

impl IndoorFilter {
    /// Sets the venue: its walls, stairs, beacons and markers count from now on.
    pub fn set_venue(&mut self, venue: Option<Arc<Venue>>) {
        self.fusion.venue = venue;
    }

    /// Says how likely the visitor is indoors, 0 to 1: satellite fixes count the less then, and scans the more. A radio map
    /// of the inside knows no cell for what is heard in front of the house.
    pub(crate) fn set_indoors(&mut self, probability: f64) {
        self.fusion.indoors = Some(probability.clamp(0.0, 1.0));
    }

    /// Says that the visitor is outdoors, on the ground: floors and pressure start from there.
    pub(crate) fn set_on_ground(&mut self) {
        let building = self.building();
        self.floors = LiteMap::from_iter([((building, 0), 1.0)]);
        self.fusion.pressure.zero = self.fusion.pressure.state.map(|s| s.1);
        self.fusion.pressure.last = None;
    }

    /// Forgets where the visitor is.
    pub(crate) fn forget(&mut self) {
        self.particles.clear();
        self.weights.clear();
        self.floors.clear();
        self.fusion.trace_ms.clear();
        self.scans = 0;
    }

    /// Probabilities of the floors, lowest first.
    pub fn floor_probabilities(&self) -> Vec<(i16, f64)> {
        let sum: f64 = self.floors.values().sum();
        let mut floors: Vec<(i16, f64)> = Vec::new();
        for ((_, floor), p) in self.floors.iter() {
            match floors.iter_mut().find(|f| f.0 == *floor) {
                Some(known) => known.1 += p / sum,
                None => floors.push((*floor, p / sum)),
            }
        }
        sort_by(&mut floors, |a, b| a.0.cmp(&b.0));
        floors
    }

    /// Where the visitor was some seconds ago, as what came since tells (fixed-lag smoothing by the particles' own
    /// past: Kitagawa 1996, "Monte Carlo filter and smoother", JCGS 5): time in milliseconds, metres, and the root mean
    /// square distance from there, metres.
    pub fn smoothed(&self) -> Option<(f64, [f64; 2], f64)> {
        let n = self.fusion.trace_ms.len();
        let (time_ms, last) = (*self.fusion.trace_ms.back()?, n.checked_sub(1)?);
        let sum: f64 = self.weights.iter().sum();
        if sum <= 0.0 || self.particles.is_empty() {
            return None;
        }
        let over = |of: &dyn Fn(&Particle) -> f64| -> f64 {
            self.particles.iter().zip(&self.weights).map(|(p, w)| of(p) * w).sum::<f64>() / sum
        };
        let at = [0, 1].map(|k| over(&|p| p.trace[last][k]));
        let square = over(&|p| (p.trace[last][0] - at[0]).powi(2) + (p.trace[last][1] - at[1]).powi(2));
        Some((time_ms, at, square.sqrt()))
    }

    /// Once a second each particle writes down where it is.
    pub(super) fn remember(&mut self, time_ms: f64) {
        if self.particles.is_empty() || self.fusion.trace_ms.front().is_some_and(|t| time_ms - t < 1e3) {
            return;
        }
        self.fusion.trace_ms.push_front(time_ms);
        self.fusion.trace_ms.truncate(LAG_SECS);
        for p in &mut self.particles {
            p.trace.rotate_right(1);
            p.trace[0] = p.at;
        }
    }

    /// The most likely floor, or the locked one; the ground floor while there is none.
    pub(super) fn floor_now(&self) -> i16 {
        self.locked.or(self.floor().map(|f| f.0.1)).unwrap_or(0)
    }

    fn building(&self) -> u16 {
        self.floor().map_or(0, |f| f.0.0)
    }

    /// How much of a change of floors is possible here: 1 where nothing is known of stairs, or at them.
    pub(super) fn floor_leak(&self) -> f64 {
        let Some(venue) = self.fusion.venue.as_ref().filter(|v| !v.connectors.is_empty()) else { return 1.0 };
        let floor = self.floor_now();
        if self.particles.is_empty() {
            return 1.0;
        }
        // A sample of the particles will do.
        let step = self.particles.len().div_ceil(60).max(1);
        let sample = self.particles.iter().step_by(step);
        let (mut near, mut all) = (0.0, 0.0);
        for p in sample {
            all += 1.0;
            near += f64::from(u8::from(venue.to_connector_m(floor, p.at) < AT_STAIRS_M));
        }
        0.02 + 0.98 * near / all
    }

    /// Weighs the floors, those of the venue among them.
    fn weigh_floors(&mut self, change: f64, weight: impl Fn(i16) -> f64) {
        let building = self.building();
        let change = change.clamp(0.0, 0.5);
        if let Some(venue) = &self.fusion.venue {
            for level in &venue.levels {
                self.floors.entry((building, level.floor)).or_insert(1e-9);
            }
        }
        let n = self.floors.len().max(1) as f64;
        let sum: f64 = self.floors.values().sum();
        for ((_, floor), p) in self.floors.iter_mut() {
            *p = ((1.0 - change) * *p / sum + change / n) * weight(*floor).max(1e-12);
        }
        let sum: f64 = self.floors.values().sum();
        if sum > 0.0 && sum.is_finite() {
            self.floors.iter_mut().for_each(|(_, p)| *p /= sum);
        }
    }

    /// Takes an observation of a kind that needs the venue.
    pub(super) fn fuse(&mut self, observation: &Observation) -> Result<(), Rejected> {
        let time_ms = observation.time_ms;
        let venue = self.fusion.venue.clone().ok_or(Rejected::NotUsed)?;
        match &observation.what {
            Measurement::Gnss { lon, lat, accuracy_m, .. } => {
                self.degrees(&venue, [*lon, *lat], *accuracy_m * (1.0 + self.fusion.indoors()), time_ms)
            }
            Measurement::HostFix { lon, lat, accuracy_m, floor } => {
                self.degrees(&venue, [*lon, *lat], *accuracy_m, time_ms)?;
                if let Some(floor) = *floor {
                    self.weigh_floors(0.01, |f| if f == floor { 5.0 } else { 1.0 });
                }
                Ok(())
            }
            Measurement::Marker { id, sigma_m, .. } => {
                let marker = venue.beacon(BeaconKind::Marker, id).ok_or(Rejected::NotUsed)?;
                let place = Place { at_m: marker.spot.at_m, floor: marker.spot.floor, building: self.building() };
                self.set_position(place, *sigma_m);
                Ok(())
            }
            Measurement::Uwb { anchor, range_m, sigma_m } => {
                let anchor = venue.beacon(BeaconKind::Uwb, anchor).ok_or(Rejected::NotUsed)?;
                self.range(&venue, anchor, *range_m, *sigma_m, time_ms)
            }
            Measurement::Ble { readings } => self.advertisements(&venue, readings, time_ms),
            Measurement::Barometer { pressure_hpa } => {
                self.pressure(&venue, *pressure_hpa, time_ms);
                Ok(())
            }
            _ => Err(Rejected::NotUsed),
        }
    }

    /// Round-trip-time ranges of a scan; whether any counted.
    pub(super) fn round_trips(&mut self, readings: &[WifiReading], time_ms: f64) -> bool {
        let Some(venue) = self.fusion.venue.clone() else { return false };
        let mut ranged: Vec<&WifiReading> = readings.iter().filter(|r| r.rtt_m.is_some()).collect();
        sort_by(&mut ranged, |a, b| a.bssid.cmp(&b.bssid));
        let mut counted = false;
        for reading in ranged {
            let Some(point) = venue.beacon(BeaconKind::WifiRtt, &reading.bssid.to_string()) else { continue };
            let (range_m, sigma_m) = (reading.rtt_m.unwrap_or_default(), reading.rtt_sigma_m.unwrap_or(1.5));
            counted |= self.range(&venue, point, range_m.max(0.0), sigma_m.max(0.5), time_ms).is_ok();
        }
        counted
    }

    /// A fix in degrees whose 95 % radius is `accuracy_m`.
    fn degrees(&mut self, venue: &Venue, lonlat: [f64; 2], accuracy_m: f64, time_ms: f64) -> Result<(), Rejected> {
        let plane = venue.plane(self.floor_now()).ok_or(Rejected::NotUsed)?;
        let at = plane.from_lonlat(lonlat[0], lonlat[1]);
        let sigma = (accuracy_m / 2.448 / plane.scale()).max(0.1);
        if self.particles.is_empty() {
            return Err(Rejected::NotUsed);
        }
        self.diffuse(time_ms);
        let (mean, variance) = self.cloud();
        let d2 = square(mean, at);
        if d2 / (sigma * sigma + variance / 2.0) > GATE {
            self.fusion.outliers[0] += 1;
            if self.fusion.outliers[0] < KIDNAPPED_AFTER {
                return Err(Rejected::Outlier);
            }
            self.scatter(|filter| {
                let (a, b) = (filter.random.normal(), filter.random.normal());
                [at[0] + sigma * a, at[1] + sigma * b]
            });
        } else {
            let scale = FIX_FREEDOM * sigma * sigma;
            let power = -0.5 * (FIX_FREEDOM + 2.0) * FIX_POWER;
            self.reweigh(|p| (1.0 + square(p, at) / scale).powf(power));
        }
        self.fusion.outliers[0] = 0;
        Ok(())
    }

    fn range(
        &mut self,
        venue: &Venue,
        from: &Beacon,
        range_m: f64,
        sigma_m: f64,
        time_ms: f64,
    ) -> Result<(), Rejected> {
        let centre = from.spot.at_m;
        if !self.particles.is_empty() {
            self.diffuse(time_ms);
        }
        let (mean, variance) = self.cloud();
        // Who climbs stairs hears the next floor's anchors before the floor is known: then that floor fits better.
        let ups = [self.floor_now(), from.spot.floor].map(|floor| {
            (floor, venue.elevation_m(from.spot.floor) + from.height_m - venue.elevation_m(floor) - CARRIED_M)
        });
        let ring = |up_m| Ring { time_ms, centre, up_m, range_m, sigma_m };
        let [now, theirs] = ups.map(|(_, up)| ring(up).excess_m(mean).abs());
        let (floor, up) = if self.particles.is_empty() || theirs < now { ups[1] } else { ups[0] };
        let ring = ring(up);
        let rings = &mut self.fusion.rings;
        while rings.len() >= MOST_TOGETHER || rings.front().is_some_and(|old| time_ms - old.time_ms > TOGETHER_MS) {
            rings.pop_front();
        }
        rings.push_back(ring);
        if self.particles.is_empty() {
            self.floors = LiteMap::from_iter([((self.building(), from.spot.floor), 1.0)]);
            self.scatter(|filter| ring.draw(&mut filter.random));
            self.fusion.ranged_ms = Some(time_ms);
            return Ok(());
        }
        // While the cloud is wide the range is blunted, or hardly a particle would lie on its ring.
        let sigma = sigma_m.max(0.1).hypot(0.2 * variance.sqrt());
        let innovation = ring.excess_m(mean);
        let deviation = (sigma * sigma + variance).sqrt();
        // A range may be too long by a reflection, but never too short.
        if innovation < -4.0 * deviation || innovation > 4.0 * deviation + 6.0 * EXCESS_M {
            self.fusion.outliers[1] += 1;
            if self.fusion.outliers[1] < KIDNAPPED_AFTER {
                return Err(Rejected::Outlier);
            }
            self.carried(mean, variance);
            self.fusion.outliers[1] = 0;
        } else {
            // One anchor's ranges fit all around it: they do not clear those of two others.
            self.fusion.outliers[1] = self.fusion.outliers[1].saturating_sub(1);
            let same_floor = from.spot.floor == floor;
            self.reweigh(|p| {
                let walls = same_floor && venue.walls_between(floor, p, centre) > 0;
                range_likelihood(ring.excess_m(p), sigma, walls || !same_floor).powf(RANGE_POWER)
            });
        }
        self.fusion.ranged_ms = Some(time_ms);
        let heard_on = from.spot.floor;
        self.weigh_floors(0.0, |f| if f == heard_on { 1.0 } else { 0.6 });
        Ok(())
    }

    /// Ranges say again and again that the visitor is elsewhere: particles anew where the last ranges meet. Two rings meet
    /// twice, and one is everywhere around its anchor: what is nearer to where the visitor was believed is more likely.
    fn carried(&mut self, mean: [f64; 2], variance: f64) {
        let rings: Vec<Ring> = self.fusion.rings.iter().copied().collect();
        self.scatter(|filter| rings[filter.random.below(rings.len())].draw(&mut filter.random));
        let scale = CARRIED_FAR_M * CARRIED_FAR_M + variance;
        self.reweigh(|p| {
            let near = (1.0 + square(p, mean) / scale).powf(-1.5);
            let meet = |ring: &Ring| range_likelihood(ring.excess_m(p), ring.sigma_m.hypot(DRAWN_SIGMA_M), false);
            near * rings.iter().map(meet).product::<f64>()
        });
    }

    fn advertisements(&mut self, venue: &Venue, readings: &[BleReading], time_ms: f64) -> Result<(), Rejected> {
        let mut heard: Vec<(&Beacon, f64)> = Vec::new();
        for reading in readings {
            let named =
                reading.uuid.zip(reading.major_minor).map(|(uuid, [major, minor])| format!("{uuid}/{major}/{minor}"));
            let beacon = venue.beacon(BeaconKind::Bluetooth, &reading.mac.to_string());
            let beacon = beacon.or_else(|| named.and_then(|id| venue.beacon(BeaconKind::Bluetooth, &id)));
            heard.extend(beacon.map(|b| (b, reading.rssi_dbm)));
        }
        sort_by(&mut heard, |a, b| a.0.id.cmp(&b.0.id).then(a.1.total_cmp(&b.1)));
        let Some((strongest, dbm)) = heard.iter().max_by(|a, b| a.1.total_cmp(&b.1)).copied() else {
            return Err(Rejected::NotUsed);
        };
        if self.particles.is_empty() {
            let sigma = 10_f64.powf((strongest.tx_power_dbm - dbm) / (10.0 * BLE_EXPONENT)).clamp(2.0, 30.0);
            let place = Place { at_m: strongest.spot.at_m, floor: strongest.spot.floor, building: self.building() };
            self.set_position(place, sigma);
            return Ok(());
        }
        self.diffuse(time_ms);
        let floor = self.floor_now();
        self.reweigh(|p| heard.iter().map(|(b, dbm)| ble_likelihood(venue, b, floor, p, *dbm)).product());
        let (mean, _) = self.cloud();
        let on = |f: i16| heard.iter().map(|(b, dbm)| ble_likelihood(venue, b, f, mean, *dbm)).product::<f64>();
        let on: Vec<(i16, f64)> = venue.levels.iter().map(|l| (l.floor, on(l.floor))).collect();
        let leak = self.floor_leak();
        self.weigh_floors(0.01 * leak, |f| on.iter().find(|x| x.0 == f).map_or(1e-3, |x| x.1.max(1e-3)));
        Ok(())
    }

    /// Floors by differences of pressure: the height above the last floor that was sure.
    fn pressure(&mut self, venue: &Venue, pressure_hpa: f64, time_ms: f64) {
        let secs = self.fusion.pressure.observe(time_ms, pressure_hpa);
        let Some((_, height, rate)) = self.fusion.pressure.state else { return };
        if self.floors.is_empty() {
            return;
        }
        let climbing = rate.abs() > CLIMBING_MPS;
        if let Some(zero) = self.fusion.pressure.zero {
            let power = (secs / PRESSURE_ALIKE_SECS).min(1.0);
            let weight = |floor: i16| {
                let off = (height - zero - venue.elevation_m(floor)) / PRESSURE_SIGMA_M;
                ((-0.5 * off * off).exp() + PRESSURE_OUTLIER).powf(power)
            };
            let leak = self.floor_leak();
            self.weigh_floors(CHANGE_PER_SEC * secs * leak, weight);
            if climbing && self.locked.is_none() && !venue.connectors.is_empty() {
                // Who rises or sinks is on stairs or in a lift.
                let floor = self.floor_now();
                let power = secs.min(1.0);
                self.reweigh(|p| (0.3 + (-0.5 * (venue.to_connector_m(floor, p) / 4.0).powi(2)).exp()).powf(power));
            }
        }
        let Some(((_, floor), p)) = self.floor() else { return };
        if p < 0.7 || climbing {
            return;
        }
        let now = height - venue.elevation_m(floor);
        let pressure = &mut self.fusion.pressure;
        // Another floor at the same height: what was believed before was wrong.
        let corrected = pressure.last.is_some_and(|last| last.0 != floor && (last.1 - height).abs() < 1.0);
        pressure.zero = Some(match pressure.zero {
            Some(zero) if !corrected => zero + (now - zero) * (1.0 - (-secs / WEATHER_SECS).exp()),
            _ => now,
        });
        if pressure.last.is_none_or(|last| last.0 != floor) {
            pressure.last = Some((floor, height));
        }
    }

    /// The mean of the particles and the trace of their covariance, m².
    fn cloud(&self) -> ([f64; 2], f64) {
        let sum: f64 = self.weights.iter().sum::<f64>().max(1e-300);
        let weighted = || self.particles.iter().zip(&self.weights);
        let mean = [0, 1].map(|k| weighted().map(|(p, w)| p.at[k] * w).sum::<f64>() / sum);
        (mean, weighted().map(|(p, w)| square(p.at, mean) * w).sum::<f64>() / sum)
    }

    fn reweigh(&mut self, weight: impl Fn([f64; 2]) -> f64) {
        for (p, w) in self.particles.iter().zip(&mut self.weights) {
            *w *= weight(p.at).max(1e-30);
        }
        if !self.thin() {
            self.weights.iter_mut().for_each(|w| *w = 1.0);
        }
    }

    /// All particles anew.
    fn scatter(&mut self, mut place: impl FnMut(&mut Self) -> [f64; 2]) {
        self.particles.clear();
        for _ in 0..self.count() {
            let at = place(self);
            let particle = self.particle(at);
            self.particles.push(particle);
        }
        self.weights = vec![1.0; self.particles.len()];
        self.fusion.trace_ms.clear();
        self.scans = self.scans.max(1);
    }
}

fn square(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

/// Likelihood of a range that is `excess` longer than the way: a normal in line of sight, a skewed tail towards longer
/// ones without, and a share that says nothing.
fn range_likelihood(excess: f64, sigma: f64, walls: bool) -> f64 {
    let blocked = BLOCKED[usize::from(walls)];
    let bell = (-0.5 * (excess / sigma).powi(2)).exp();
    let normal = bell / (sigma * 2.506_628_274_631);
    let tail = if excess > 0.0 { (-excess / EXCESS_M).exp() / EXCESS_M } else { bell / EXCESS_M };
    (1.0 - RANGE_OUTLIER) * ((1.0 - blocked) * normal + blocked * tail) + RANGE_OUTLIER / RANGE_SPAN_M
}

/// Relative likelihood of a beacon's power at a place.
fn ble_likelihood(venue: &Venue, beacon: &Beacon, floor: i16, at: [f64; 2], dbm: f64) -> f64 {
    let up = venue.elevation_m(beacon.spot.floor) + beacon.height_m - venue.elevation_m(floor) - CARRIED_M;
    let d = (square(at, beacon.spot.at_m) + up * up).sqrt().max(0.5);
    let slabs = f64::from(beacon.spot.floor.abs_diff(floor)) * SLAB_DB;
    let off = dbm - (beacon.tx_power_dbm - 10.0 * BLE_EXPONENT * d.log10() - slabs);
    let sigma = BLE_SIGMA_DB[usize::from(off < 0.0)];
    ((-0.5 * (off / sigma).powi(2)).exp() + 0.02).powf(BLE_POWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_too_long_are_more_likely_than_ranges_too_short() {
        for walls in [false, true] {
            let at = |excess| range_likelihood(excess, 0.2, walls);
            assert!(at(0.0) > at(0.5) && at(2.0) > 3.0 * at(-2.0), "{walls}");
            // As a density it sums to one, over the span of what says nothing.
            let sum: f64 = (-2500..2500).map(|i| at(f64::from(i) * 0.01) * 0.01).sum();
            assert!((sum - 1.0).abs() < 0.12, "{walls} {sum}");
        }
        assert!(range_likelihood(3.0, 0.2, true) > 2.0 * range_likelihood(3.0, 0.2, false));
    }

    #[test]
    fn pressure_falls_by_a_hectopascal_in_eight_metres() {
        assert!((height_m(1012.25) - height_m(1013.25) - 8.33).abs() < 0.05);
        let mut pressure = Pressure::default();
        for i in 0..100 {
            // Half a metre each second upwards.
            pressure.observe(f64::from(i) * 200.0, 1013.25 - 0.12 * 0.5 * f64::from(i) * 0.2);
        }
        let (_, _, rate) = pressure.state.expect("a height");
        assert!((rate - 0.5).abs() < 0.05, "{rate}");
    }
}
