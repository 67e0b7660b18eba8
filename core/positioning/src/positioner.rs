//! The one door of a host: observations in, answers in the W3C's shape out, indoors and out.
//!
//! Outdoors the Kalman filter, inside the particle filter; both run where both may be right, and the answer is their
//! mixture, each weighed by the probability to be where it holds and by its own precision (moment matching: Bar-Shalom,
//! Li, Kirubarajan 2001, section 1.4.16). So there is no moment of handover at which the position could jump.

use crate::handover::{Handover, Reception};
use crate::json::write;
use crate::observation::{Counts, Intake, Measurement, Observation, Rejected};
use crate::order::sort_by;
use crate::outdoor::OutdoorFilter;
use crate::radio::{Place, RadioMap};
use crate::venue::{Plane, Venue};
use crate::watch::{Coordinates, Heard, WatchEvent, WatchOptions, WatchPosition, Watches};
use crate::{IndoorFilter, IndoorOptions, IndoorPosition, Position, Status};
use std::sync::Arc;

/// √(−2 ln 0.05): radius that holds 95 % of a circular normal, in deviations of one axis.
const RADIUS_95: f64 = 2.447_746_830_680_816;
/// Within this of the venue the particle filter runs; beyond twice of it is dropped, metres.
const NEAR_VENUE_M: f64 = 60.0;
/// So likely outdoors, floors and pressure start from the ground.
const SURELY_OUTDOORS: f64 = 0.1;
/// A kind of observation is named in answers for so long after it counted, milliseconds.
const NAMED_FOR_MS: f64 = 5e3;
/// The trail has a place for each so many milliseconds.
const TRAIL_EVERY_MS: f64 = 1e3;

/// What the engine knows of the world, and how it weighs.
#[derive(Clone, Debug, Default)]
pub struct PositionerOptions {
    /// Of the particle filter.
    pub indoor: IndoorOptions,
    /// The radio map of the venue.
    pub map: Option<RadioMap>,
    /// The venue.
    pub venue: Option<Arc<Venue>>,
    /// How many seconds the trail reaches back; 3,600 when 0.
    pub trail_secs: usize,
}

/// Where a visitor is, from everything that the host observes.
#[derive(Clone, Debug)]
pub struct Positioner {
    map: RadioMap,
    venue: Option<Arc<Venue>>,
    intake: Intake,
    counts: Counts,
    counted_ms: [Option<f64>; Measurement::KINDS],
    outdoor: OutdoorFilter,
    indoor: IndoorFilter,
    handover: Handover,
    watches: Watches,
    now_ms: Option<f64>,
}

impl Positioner {
    /// An engine that has heard nothing yet.
    pub fn new(options: PositionerOptions) -> Self {
        let PositionerOptions { indoor, map, venue, trail_secs } = options;
        let mut indoor = IndoorFilter::new(indoor);
        indoor.set_venue(venue.clone());
        Self {
            map: map.unwrap_or_else(RadioMap::empty),
            venue,
            intake: Intake::default(),
            counts: Counts::default(),
            counted_ms: [None; Measurement::KINDS],
            outdoor: OutdoorFilter::new(),
            indoor,
            handover: Handover::default(),
            watches: Watches::new(if trail_secs == 0 { 3600 } else { trail_secs }),
            now_ms: None,
        }
    }

    /// Takes observations that arrived together, in order of time whatever their order in the slice, and returns what
    /// to tell the watches. What became of each is in [`Positioner::counts`].
    pub fn feed(&mut self, batch: &[Observation]) -> Vec<WatchEvent> {
        let mut order: Vec<&Observation> = batch.iter().collect();
        sort_by(&mut order, |a, b| {
            let by_kind = || a.what.kind().cmp(&b.what.kind());
            // Ranges of one moment: any order will do that does not depend on theirs.
            let by_text = || write(&a.what).cmp(&write(&b.what));
            a.time_ms.total_cmp(&b.time_ms).then_with(by_kind).then_with(by_text)
        });
        let (mut changed, mut events) = (false, Vec::new());
        for observation in order {
            // Of inertial samples only the steps in them move anybody, and pressure moves slowly.
            let silent = matches!(observation.what, Measurement::Inertial { .. } | Measurement::Barometer { .. });
            let counted = self.observe(observation).is_ok();
            let told = self.watches.newest_ms().zip(self.now_ms);
            let due = told.is_none_or(|(told, now)| now - told >= TRAIL_EVERY_MS);
            changed |= counted && (!silent || (due && self.indoor.has_fix()));
            if changed && due {
                events.extend(self.tell());
                changed = false;
            }
        }
        if changed {
            events.extend(self.tell());
        }
        events
    }

    fn tell(&mut self) -> Vec<WatchEvent> {
        let events = self.answer().map_or_else(Vec::new, |answer| self.watches.set_position(answer));
        self.smooth_trail();
        events
    }

    /// Takes one observation.
    ///
    /// # Errors
    /// [`Rejected`] says why it did not count; the position stays as it was.
    pub fn observe(&mut self, observation: &Observation) -> Result<(), Rejected> {
        let fate = self.intake.admit(observation).and_then(|()| self.take(observation));
        self.counts.add(fate);
        if fate.is_ok() {
            self.counted_ms[observation.what.kind()] = Some(observation.time_ms);
        }
        fate
    }

    fn take(&mut self, observation: &Observation) -> Result<(), Rejected> {
        let time_ms = observation.time_ms;
        self.now_ms = Some(self.now_ms.map_or(time_ms, |now| now.max(time_ms)));
        self.handover.advance(time_ms, self.to_entrance_m());
        let outdoor = match &observation.what {
            Measurement::Gnss { accuracy_m, satellites, cn0_dbhz, .. } => {
                let reception = Reception { accuracy_m: *accuracy_m, satellites: *satellites, cn0_dbhz: *cn0_dbhz };
                self.handover.satellites(time_ms, reception);
                self.outdoor.observe(observation).map(|_| ())
            }
            Measurement::HostFix { .. } => self.outdoor.observe(observation).map(|_| ()),
            _ => Err(Rejected::NotUsed),
        };
        self.meet_venue(time_ms);
        self.indoor.set_indoors(self.handover.probability());
        let indoor = self.indoor.observe(&self.map, observation);
        match &observation.what {
            Measurement::Wifi { readings } => {
                let known = readings.iter().filter(|r| self.map.knows(r.bssid)).count();
                if self.map.cell_count() > 0 {
                    self.handover.scan(known, readings.len());
                }
            }
            Measurement::Uwb { .. } | Measurement::Ble { .. } | Measurement::Marker { .. } if indoor.is_ok() => {
                self.handover.indoors(time_ms);
            }
            _ => {}
        }
        if let Some(inside) = self.inside().filter(|_| !matches!(observation.what, Measurement::Inertial { .. })) {
            self.handover.within(time_ms, inside);
        }
        match (outdoor, indoor) {
            (Ok(()), _) | (_, Ok(())) => Ok(()),
            (Err(why), Err(Rejected::NotUsed)) | (Err(_), Err(why)) => Err(why),
        }
    }

    /// Starts the particle filter where the visitor nears the venue, drops it where they have left, and sets it on the
    /// ground outdoors.
    fn meet_venue(&mut self, time_ms: f64) {
        let Some(venue) = self.venue.clone() else { return };
        if self.handover.probability() < SURELY_OUTDOORS {
            self.indoor.set_on_ground();
        }
        let (Some(plane), Some(seen)) = (venue.plane(0), self.outdoor.position_at(time_ms)) else { return };
        let at = plane.from_lonlat(seen.lon, seen.lat);
        let [low, high] = venue.bounds_m();
        let off: [f64; 2] = [0, 1].map(|k| (low[k] - at[k]).max(at[k] - high[k]).max(0.0));
        let away = off[0].hypot(off[1]) * plane.scale();
        let fresh = time_ms - seen.time_ms < 5e3;
        if !self.indoor.has_fix() && away < NEAR_VENUE_M && fresh {
            let sigma = seen.accuracy_m / RADIUS_95 / plane.scale();
            self.indoor.set_position(Place { at_m: at, floor: 0, building: 0 }, sigma.max(0.5));
        } else if self.indoor.has_fix() && fresh && away > 2.0 * NEAR_VENUE_M + 3.0 * seen.accuracy_m {
            self.indoor.forget();
        }
    }

    fn to_entrance_m(&self) -> Option<f64> {
        let venue = self.venue.as_ref().filter(|v| !v.entrances.is_empty())?;
        let at = match self.indoor.position(&self.map) {
            Some(p) => p.at_m,
            None => {
                let p = self.outdoor.position()?;
                venue.plane(0)?.from_lonlat(p.lon, p.lat)
            }
        };
        Some(venue.to_entrance_m(at))
    }

    /// The probability that the position lies within the venue's outline.
    fn inside(&self) -> Option<f64> {
        let venue = self.venue.as_ref()?;
        let p = self.indoor.position(&self.map)?;
        let sigma = (p.spread_m() / std::f64::consts::SQRT_2).max(0.5);
        // Nine places of the normal around it stand for all.
        let offsets = [-1.0, 0.0, 1.0].map(|k| k * 1.2 * sigma);
        let places = offsets.iter().flat_map(|x| offsets.map(|y| [p.at_m[0] + x, p.at_m[1] + y]));
        Some(places.filter(|at| venue.contains(p.floor, *at)).count() as f64 / 9.0)
    }

    /// Where the visitor is, as of the newest observation; `None` before the first that tells.
    pub fn answer(&self) -> Option<WatchPosition> {
        let now_ms = self.now_ms?;
        let inside = self.indoor.position(&self.map);
        let outside = self.outdoor.position_at(now_ms);
        let p = self.handover.probability();
        let plane = self.venue.as_ref().and_then(|v| v.plane(inside.as_ref().map_or(0, |i| i.floor))).copied();
        let parts = Parts::new(inside, outside, p, plane.as_ref())?;
        let (at, covariance, radius) = parts.mixed();
        let lonlat = parts.plane.map(|plane| plane.to_lonlat(at));
        let scale = parts.plane.map_or(1.0, |plane| plane.scale());
        let indoors = p >= 0.5 && inside.is_some();
        let (heading, speed) = parts.motion();
        let status = match (&inside, &outside) {
            (Some(i), Some(o)) if i.status == Status::FirstFix && o.status == Status::FirstFix => Status::FirstFix,
            (Some(i), None) => i.status,
            (None, Some(o)) => o.status,
            _ => Status::Tracking,
        };
        let floors = self.indoor.floor_probabilities();
        Some(WatchPosition {
            coords: lonlat.map(|[longitude, latitude]| Coordinates {
                latitude,
                longitude,
                accuracy: radius * scale,
                altitude: None,
                altitude_accuracy: None,
                heading,
                speed: Some(speed),
            }),
            timestamp: now_ms,
            at_m: inside.map(|_| at),
            radius_m: radius * scale,
            building: inside.filter(|_| indoors).map(|i| self.building_name(i.building)),
            floor: inside.filter(|_| indoors).map(|i| i.floor),
            floor_probability: inside.filter(|_| indoors).map(|i| i.floor_probability),
            floors: if indoors { floors } else { Vec::new() },
            indoor_probability: p,
            covariance_m2: covariance.map(|c| c * scale * scale),
            counted: self.counted(now_ms),
            status,
        })
    }

    fn building_name(&self, number: u16) -> String {
        let name = self.venue.as_ref().map_or("", |v| v.name.as_str());
        if name.is_empty() { number.to_string() } else { name.to_owned() }
    }

    fn counted(&self, now_ms: f64) -> Vec<Heard> {
        let heard = |(kind, at): (usize, &Option<f64>)| {
            let age_ms = now_ms - (*at)?;
            (age_ms <= NAMED_FOR_MS).then_some(Heard { kind: Measurement::NAMES[kind], age_ms })
        };
        self.counted_ms.iter().enumerate().filter_map(heard).collect()
    }

    /// The trail learns what came later.
    fn smooth_trail(&mut self) {
        let p = self.handover.probability();
        let plane = |floor| self.venue.as_ref().and_then(|v| v.plane(floor)).copied();
        if p < 0.5 {
            for old in self.outdoor.smoothed() {
                self.watches.amend(old.time_ms, Some([old.lon, old.lat]), None, old.accuracy_m);
            }
        } else if let Some((time_ms, at_m, spread_m)) = self.indoor.smoothed() {
            let plane = plane(self.indoor.position(&self.map).map_or(0, |i| i.floor));
            let radius = 1.731 * spread_m * plane.map_or(1.0, |plane| plane.scale());
            self.watches.amend(time_ms, plane.map(|plane| plane.to_lonlat(at_m)), Some(at_m), radius.max(0.1));
        }
    }

    /// What came in so far and what became of it.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Starts a watch: its number, never 0, and the position that is young enough to be told at once.
    pub fn watch_position(&mut self, options: WatchOptions, now_ms: f64) -> (u32, Option<WatchPosition>) {
        self.watches.watch(options, now_ms)
    }

    /// Ends a watch; unknown numbers are left alone, as the W3C has it.
    pub fn clear_watch(&mut self, id: u32) {
        self.watches.clear_watch(id);
    }

    /// Lets time pass: timeouts, and the change to coasting and to lost.
    pub fn tick(&mut self, now_ms: f64) -> Vec<WatchEvent> {
        self.watches.tick(now_ms)
    }

    /// The newest answer as of a time.
    pub fn position(&self, now_ms: f64) -> Option<WatchPosition> {
        self.watches.position(now_ms)
    }

    /// Holds the floor of all answers; `None` lets it go.
    pub fn lock_floor(&mut self, floor: Option<i16>) {
        self.indoor.lock_floor(floor);
        self.watches.lock_floor(floor);
    }

    /// Puts the visitor at a place: degrees, 95 % radius in metres, and the floor when it is inside. Returns what to tell
    /// the watches; nothing for numbers that are none.
    pub fn set_position(
        &mut self,
        now_ms: f64,
        lonlat: [f64; 2],
        accuracy_m: f64,
        floor: Option<i16>,
    ) -> Vec<WatchEvent> {
        let [lon, lat] = lonlat;
        let fix = Observation::new(now_ms, Measurement::HostFix { lon, lat, accuracy_m, floor });
        if fix.check().is_err() {
            return Vec::new();
        }
        self.now_ms = Some(self.now_ms.map_or(now_ms, |now| now.max(now_ms)));
        self.outdoor.set_position(now_ms, lon, lat, accuracy_m);
        let plane = self.venue.as_ref().and_then(|v| v.plane(floor.unwrap_or(0))).copied();
        if let (Some(plane), Some(floor)) = (plane, floor) {
            let sigma = accuracy_m / RADIUS_95 / plane.scale();
            self.indoor.set_position(Place { at_m: plane.from_lonlat(lon, lat), floor, building: 0 }, sigma);
            (0..3).for_each(|i| self.handover.indoors(now_ms + 1e3 * f64::from(i)));
        }
        self.answer().map_or_else(Vec::new, |answer| self.watches.set_position(answer))
    }

    /// The last positions, oldest first, one a second; those older than some seconds know what came after them.
    pub fn trail(&self) -> impl Iterator<Item = &WatchPosition> {
        self.watches.trail()
    }
}

/// Both estimates in one plane.
struct Parts {
    plane: Option<Plane>,
    parts: Vec<Estimate>,
}

struct Estimate {
    weight: f64,
    mean: [f64; 2],
    /// East-east, east-north, north-north.
    covariance: [f64; 3],
    radius95: f64,
    heading_deg: Option<f64>,
    speed_mps: f64,
}

impl Parts {
    fn new(inside: Option<IndoorPosition>, outside: Option<Position>, p: f64, plane: Option<&Plane>) -> Option<Self> {
        // Without a venue the plane is that of the place itself.
        let plane = plane.copied().or_else(|| outside.filter(|_| inside.is_none()).map(|o| Plane::at(o.lon, o.lat)));
        let mut parts = Vec::new();
        if let Some(i) = inside {
            let north = plane.as_ref().map_or(0.0, Plane::north_rad);
            let heading = i.heading_rad.filter(|_| i.speed_mps >= 0.3);
            parts.push(Estimate {
                weight: p,
                mean: i.at_m,
                covariance: i.covariance_m2,
                radius95: i.radii_m[1],
                heading_deg: heading.map(|h| (h + north).to_degrees().rem_euclid(360.0)),
                speed_mps: i.speed_mps,
            });
        }
        if let (Some(o), Some(plane)) = (outside, &plane) {
            let radius95 = o.accuracy_m / plane.scale();
            let variance = (radius95 / RADIUS_95).powi(2);
            parts.push(Estimate {
                weight: 1.0 - p,
                mean: plane.from_lonlat(o.lon, o.lat),
                covariance: [variance, 0.0, variance],
                radius95,
                heading_deg: o.heading_deg,
                speed_mps: o.speed_mps,
            });
        }
        let both = parts.len() > 1;
        for part in &mut parts {
            // Surer counts more: an estimate that nobody has seen confirmed for long fades by itself.
            let variance = part.covariance[0] + part.covariance[2];
            part.weight = if both { part.weight.max(1e-3) / variance.max(0.01) } else { 1.0 };
        }
        let sum: f64 = parts.iter().map(|part| part.weight).sum();
        parts.iter_mut().for_each(|part| part.weight /= sum);
        (!parts.is_empty() && sum > 0.0).then_some(Self { plane, parts })
    }

    /// Mean, covariance and 95 % radius of the mixture.
    fn mixed(&self) -> ([f64; 2], [f64; 3], f64) {
        let at = [0, 1].map(|k| self.parts.iter().map(|part| part.weight * part.mean[k]).sum::<f64>());
        let (mut covariance, mut square) = ([0.0; 3], 0.0);
        for part in &self.parts {
            let d = [part.mean[0] - at[0], part.mean[1] - at[1]];
            let apart = [d[0] * d[0], d[0] * d[1], d[1] * d[1]];
            (0..3).for_each(|k| covariance[k] += part.weight * (part.covariance[k] + apart[k]));
            square += part.weight * (part.radius95.powi(2) + RADIUS_95.powi(2) * (apart[0] + apart[2]) / 2.0);
        }
        (at, covariance, square.sqrt())
    }

    /// Heading and speed of the weightiest part.
    fn motion(&self) -> (Option<f64>, f64) {
        let best = self.parts.iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
        best.map_or((None, 0.0), |part| (part.heading_deg, part.speed_mps))
    }
}

#[cfg(test)]
mod tests;
