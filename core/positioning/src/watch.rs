//! Watching a position, in the shape of the W3C Geolocation API (W3C Recommendation, 2022): pure logic, the caller
//! passes the time.

use crate::Status;
use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Without a counted observation for so long a track coasts, milliseconds.
pub const COASTING_AFTER_MS: f64 = 5e3;
/// Without a counted observation for so long a track is lost, milliseconds.
pub const LOST_AFTER_MS: f64 = 60e3;
/// A coasting visitor walks on: the 95 % radius grows by so much, m/s.
const COASTING_GROWTH_MPS: f64 = 1.4;
/// The trail has a place for each so many milliseconds.
const TRAIL_EVERY_MS: f64 = 1e3;

/// `PositionOptions` of the W3C: what a watch asks for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchOptions {
    /// Asks for the best there is; this engine always gives that.
    pub enable_high_accuracy: bool,
    /// Milliseconds without a position until error 3; infinite by default.
    pub timeout: f64,
    /// A position may be so old, milliseconds, to be given at once; 0 by default.
    pub maximum_age: f64,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { enable_high_accuracy: false, timeout: f64::INFINITY, maximum_age: 0.0 }
    }
}

/// `GeolocationPosition` of the W3C, and what this engine knows beyond it. Its JSON is `toJSON()`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchPosition {
    /// The W3C's coordinates; `None` where nobody said how the venue's plane lies on the earth: watches then hear nothing.
    pub coords: Option<Coordinates>,
    /// Milliseconds on the host's clock, of the newest observation that counted.
    pub timestamp: f64,
    /// Metres east and north in the venue's plane; absent away from the venue.
    pub at_m: Option<[f64; 2]>,
    /// 95 % radius, metres, the same as the coordinates' accuracy.
    pub radius_m: f64,
    /// The building's name, or its number; absent outdoors.
    pub building: Option<String>,
    /// The floor's number, ground floor 0; absent outdoors.
    pub floor: Option<i16>,
    /// Probability of the floor, 0 to 1.
    pub floor_probability: Option<f64>,
    /// Floors with their probabilities, lowest first; none outdoors.
    pub floors: Vec<(i16, f64)>,
    /// Probability to be indoors, 0 to 1.
    pub indoor_probability: f64,
    /// Covariance, m²: east-east, east-north, north-north.
    pub covariance_m2: [f64; 3],
    /// Kinds of observations that counted lately.
    pub counted: Vec<Heard>,
    /// How the answer came about.
    pub status: Status,
}

/// A kind of observation that counted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// Its name in the schema.
    pub kind: &'static str,
    /// How long ago, milliseconds.
    pub age_ms: f64,
}

/// `GeolocationCoordinates` of the W3C.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coordinates {
    /// Degrees (WGS84).
    pub latitude: f64,
    /// Degrees (WGS84).
    pub longitude: f64,
    /// 95 % radius, metres.
    pub accuracy: f64,
    /// Metres above the ellipsoid.
    pub altitude: Option<f64>,
    /// 95 % half-width of the altitude, metres.
    pub altitude_accuracy: Option<f64>,
    /// Degrees clockwise from north.
    pub heading: Option<f64>,
    /// Metres per second.
    pub speed: Option<f64>,
}

/// Error codes of the W3C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum WatchError {
    /// The visitor or the page forbids it.
    PermissionDenied = 1,
    /// There is no way to know.
    PositionUnavailable = 2,
    /// No position came in time.
    Timeout = 3,
}

/// What to tell the owner of a watch.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent {
    /// Call `ok` of this watch.
    Position(u32, Box<WatchPosition>),
    /// Call `err` of this watch.
    Error(u32, WatchError),
}

/// All watches of a page, the newest position and the trail.
#[derive(Clone, Debug)]
pub struct Watches {
    watches: LiteMap<u32, Watch>,
    next_id: u32,
    newest: Option<WatchPosition>,
    coasting: Option<Status>,
    locked_floor: Option<i16>,
    trail: VecDeque<WatchPosition>,
    trail_length: usize,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    options: WatchOptions,
    /// When the wait for a position began; `None` after a timeout was told, until the next position.
    waiting_since_ms: Option<f64>,
}

impl Watches {
    /// No watches; the trail keeps the last `trail_length` positions.
    pub fn new(trail_length: usize) -> Self {
        Self {
            watches: LiteMap::new(),
            next_id: 1,
            newest: None,
            coasting: None,
            locked_floor: None,
            trail: VecDeque::new(),
            trail_length,
        }
    }

    /// Starts a watch: its number, never 0, and the position that is young enough to be told at once.
    pub fn watch(&mut self, options: WatchOptions, now_ms: f64) -> (u32, Option<WatchPosition>) {
        let id = self.next_id;
        self.next_id = self.next_id.checked_add(1).unwrap_or(1);
        self.watches.insert(id, Watch { options, waiting_since_ms: Some(now_ms) });
        let young = self.newest.as_ref().filter(|p| p.coords.is_some() && now_ms - p.timestamp <= options.maximum_age);
        (id, young.map(|p| self.at(p, now_ms)))
    }

    /// Ends a watch; unknown numbers are left alone, as the W3C has it.
    pub fn clear_watch(&mut self, id: u32) {
        self.watches.remove(&id);
    }

    /// Holds the floor of all answers; `None` lets it go.
    pub fn lock_floor(&mut self, floor: Option<i16>) {
        self.locked_floor = floor;
    }

    /// A new position from the filters, or from `setPosition`. Positions that are not finite or older than the newest
    /// are left out.
    pub fn set_position(&mut self, position: WatchPosition) -> Vec<WatchEvent> {
        let finite = |c: &Coordinates| [c.latitude, c.longitude, c.accuracy].iter().all(|x| x.is_finite());
        let sane =
            position.coords.as_ref().is_none_or(|c| finite(c) && c.accuracy > 0.0) && position.timestamp.is_finite();
        if !sane || self.newest.as_ref().is_some_and(|newest| position.timestamp < newest.timestamp) {
            return Vec::new();
        }
        self.coasting = None;
        let told = self.at(&position, position.timestamp);
        self.newest = Some(position);
        // One place a second: what is newer takes the place of what is younger than that.
        let at = self.trail.len().wrapping_sub(2);
        if self.trail.get(at).is_some_and(|before| told.timestamp - before.timestamp < TRAIL_EVERY_MS) {
            self.trail.pop_back();
        }
        self.trail.push_back(told.clone());
        while self.trail.len() > self.trail_length {
            self.trail.pop_front();
        }
        if told.coords.is_some() { self.tell(&told) } else { Vec::new() }
    }

    /// Time of the newest position.
    pub fn newest_ms(&self) -> Option<f64> {
        self.newest.as_ref().map(|p| p.timestamp)
    }

    /// Betters the trail's place of a time (within half a second): degrees, metres in the venue's plane, 95 % radius.
    pub fn amend(&mut self, time_ms: f64, lonlat: Option<[f64; 2]>, at_m: Option<[f64; 2]>, radius_m: f64) {
        let off = |p: &WatchPosition| (p.timestamp - time_ms).abs();
        let Some(place) = self.trail.iter_mut().rev().take(600).min_by(|a, b| off(a).total_cmp(&off(b))) else {
            return;
        };
        if off(place) > 500.0 || !radius_m.is_finite() {
            return;
        }
        if let (Some(c), Some([longitude, latitude])) = (&mut place.coords, lonlat) {
            (c.longitude, c.latitude, c.accuracy) = (longitude, latitude, radius_m);
        }
        place.at_m = at_m.or(place.at_m);
        place.radius_m = radius_m;
    }

    /// Lets time pass: timeouts, and the change to coasting and to lost.
    pub fn tick(&mut self, now_ms: f64) -> Vec<WatchEvent> {
        let mut events = Vec::new();
        if let Some(newest) = self.newest.as_ref().filter(|p| p.coords.is_some()) {
            let told = self.at(newest, now_ms);
            let quiet = matches!(told.status, Status::Coasting | Status::Lost).then_some(told.status);
            if quiet.is_some() && quiet != self.coasting {
                self.coasting = quiet;
                events.extend(self.watches.keys().map(|id| match told.status {
                    Status::Lost => WatchEvent::Error(*id, WatchError::PositionUnavailable),
                    _ => WatchEvent::Position(*id, Box::new(told.clone())),
                }));
            }
        }
        for (id, watch) in self.watches.iter_mut() {
            if watch.waiting_since_ms.is_some_and(|since| now_ms - since > watch.options.timeout) {
                watch.waiting_since_ms = None;
                events.push(WatchEvent::Error(*id, WatchError::Timeout));
            }
        }
        events
    }

    /// The newest position as of a time; `None` before the first.
    pub fn position(&self, now_ms: f64) -> Option<WatchPosition> {
        self.newest.as_ref().map(|p| self.at(p, now_ms))
    }

    /// The last positions, oldest first.
    pub fn trail(&self) -> impl Iterator<Item = &WatchPosition> {
        self.trail.iter()
    }

    fn tell(&mut self, position: &WatchPosition) -> Vec<WatchEvent> {
        for (_, watch) in self.watches.iter_mut() {
            watch.waiting_since_ms = Some(position.timestamp);
        }
        self.watches.keys().map(|id| WatchEvent::Position(*id, Box::new(position.clone()))).collect()
    }

    /// A position as of a later time: its floor locked, its status and radius aged.
    fn at(&self, position: &WatchPosition, now_ms: f64) -> WatchPosition {
        let age_ms = (now_ms - position.timestamp).max(0.0);
        let mut told = position.clone();
        if let Some(floor) = self.locked_floor {
            (told.floor, told.floor_probability, told.floors) = (Some(floor), Some(1.0), vec![(floor, 1.0)]);
        }
        if age_ms > LOST_AFTER_MS {
            told.status = Status::Lost;
        } else if age_ms > COASTING_AFTER_MS {
            told.status = Status::Coasting;
        }
        if age_ms > COASTING_AFTER_MS {
            told.radius_m += COASTING_GROWTH_MPS * (age_ms - COASTING_AFTER_MS) / 1e3;
            told.coords.iter_mut().for_each(|c| c.accuracy += COASTING_GROWTH_MPS * (age_ms - COASTING_AFTER_MS) / 1e3);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(timestamp: f64) -> WatchPosition {
        let coords = Coordinates {
            latitude: 60.1,
            longitude: 24.9,
            accuracy: 5.0,
            altitude: None,
            altitude_accuracy: None,
            heading: None,
            speed: None,
        };
        WatchPosition {
            coords: Some(coords),
            timestamp,
            at_m: None,
            radius_m: 5.0,
            building: None,
            floor: Some(2),
            floor_probability: Some(0.9),
            floors: vec![(1, 0.1), (2, 0.9)],
            indoor_probability: 0.8,
            covariance_m2: [4.0, 0.0, 4.0],
            counted: Vec::new(),
            status: Status::Tracking,
        }
    }

    #[test]
    fn a_watch_hears_positions_coasting_loss_and_its_end() {
        let mut watches = Watches::new(2);
        let (id, none) = watches.watch(WatchOptions::default(), 0.0);
        assert_eq!(none, None);
        assert_eq!(watches.set_position(at(1e3)), [WatchEvent::Position(id, Box::new(at(1e3)))]);
        assert_eq!(watches.tick(2e3), []);
        let events = watches.tick(7e3);
        assert!(
            matches!(&events[..], [WatchEvent::Position(i, p)] if *i == id && p.status == Status::Coasting && p.radius_m > 5.0),
            "{events:?}"
        );
        assert_eq!(watches.tick(8e3), [], "told once");
        assert_eq!(watches.tick(62e3), [WatchEvent::Error(id, WatchError::PositionUnavailable)]);
        assert_eq!(watches.set_position(at(500.0)), [], "older than the newest");
        assert_eq!(watches.set_position(at(63e3)).len(), 1);
        watches.clear_watch(id);
        assert_eq!(watches.set_position(at(64e3)), []);
        assert_eq!(watches.trail().map(|p| p.timestamp).collect::<Vec<_>>(), [63e3, 64e3]);
    }

    #[test]
    fn a_timeout_is_told_once_until_the_next_position() {
        let mut watches = Watches::new(0);
        let (id, _) = watches.watch(WatchOptions { timeout: 1e3, ..WatchOptions::default() }, 0.0);
        assert_eq!(watches.tick(900.0), []);
        assert_eq!(watches.tick(1100.0), [WatchEvent::Error(id, WatchError::Timeout)]);
        assert_eq!(watches.tick(5000.0), []);
        watches.set_position(at(6e3));
        assert_eq!(watches.tick(7100.0), [WatchEvent::Error(id, WatchError::Timeout)]);
    }

    #[test]
    fn an_old_position_serves_only_whom_it_is_young_enough_for() {
        let mut watches = Watches::new(0);
        watches.set_position(at(1e3));
        let ask = |maximum_age| WatchOptions { maximum_age, ..WatchOptions::default() };
        assert!(watches.watch(ask(500.0), 2e3).1.is_none());
        assert!(watches.watch(ask(1500.0), 2e3).1.is_some());
    }

    #[test]
    fn a_locked_floor_holds_until_it_is_let_go() {
        let mut watches = Watches::new(0);
        watches.lock_floor(Some(-1));
        watches.set_position(at(1e3));
        assert_eq!(watches.position(1e3).and_then(|p| p.floor), Some(-1));
        watches.lock_floor(None);
        assert_eq!(watches.position(1e3).and_then(|p| p.floor), Some(2));
    }

    #[test]
    fn json_has_the_w3c_names() {
        let json = serde_json::to_value(at(1.0)).expect("serialisable");
        assert!(
            json["coords"]["altitudeAccuracy"].is_null()
                && json["coords"]["accuracy"] == 5.0
                && json["timestamp"] == 1.0
        );
    }
}
