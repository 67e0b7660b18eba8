//! The wasm module of the positioning worker: observations in, positions, errors and tracks out.
//!
//! `positioning-worker.js` hands over what the page posts, and posts back what comes out: JSON both ways, but for radio
//! maps and observations in their binary form. This crate knows no sensor, no network and no page.

use citytwin_manifest::read::{At, read};
use citytwin_positioning::exposure::{DirectRange, Exposure, ExposureOptions, Track, TrackLog, TrackPoint, compare};
use citytwin_positioning::json;
use citytwin_positioning::radio::RadioMap;
use citytwin_positioning::venue::{ConnectorKind, Venue};
use citytwin_positioning::watch::{WatchEvent, WatchOptions, WatchPosition};
use citytwin_positioning::{Counts, IndoorOptions, Observation, Positioner, PositionerOptions, wire};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use wasm_bindgen::prelude::wasm_bindgen;

/// What a page may ask.
#[derive(Debug)]
enum Call {
    Feed { observations: Vec<Observation>, wall_offset_ms: f64 },
    Tick { now_ms: f64 },
    Watch { options: WatchOptions, now_ms: f64 },
    ClearWatch { watch: u32 },
    LockFloor { floor: Option<i16> },
    SetPosition { now_ms: f64, longitude: f64, latitude: f64, accuracy: f64, floor: Option<i16> },
    Position { now_ms: f64 },
    Trail {},
    Counts {},
    Track {},
    DeleteTrack { from_ms: f64, to_ms: f64 },
    Exposure { track: Vec<TrackPoint>, ranges: Vec<DirectRange>, options: ExposureOptions },
    Plan {},
}

/// The calls by their names.
const CALLS: [&str; 13] = [
    "feed",
    "tick",
    "watch",
    "clearWatch",
    "lockFloor",
    "setPosition",
    "position",
    "trail",
    "counts",
    "track",
    "deleteTrack",
    "exposure",
    "plan",
];

impl Call {
    fn read(at: &At<'_>) -> Self {
        let number = |key: &str| at.get(key).number();
        match CALLS[at.get("call").choice(&CALLS)] {
            "feed" => {
                let observations = at.get("observations").items().map(|at| json::observation(&at)).collect();
                Self::Feed { observations, wall_offset_ms: number("wallOffsetMs") }
            }
            "tick" => Self::Tick { now_ms: number("nowMs") },
            "watch" => Self::Watch { options: json::watch_options(&at.get("options")), now_ms: number("nowMs") },
            "clearWatch" => Self::ClearWatch { watch: at.get("watch").whole(u32::MAX) },
            "lockFloor" => Self::LockFloor { floor: at.get("floor").optional(json::floor) },
            "setPosition" => Self::SetPosition {
                now_ms: number("nowMs"),
                longitude: number("longitude"),
                latitude: number("latitude"),
                accuracy: number("accuracy"),
                floor: at.get("floor").optional(json::floor),
            },
            "position" => Self::Position { now_ms: number("nowMs") },
            "trail" => Self::Trail {},
            "counts" => Self::Counts {},
            "track" => Self::Track {},
            "deleteTrack" => Self::DeleteTrack { from_ms: number("fromMs"), to_ms: number("toMs") },
            "exposure" => Self::Exposure {
                track: at.get("track").items().map(|at| json::track_point(&at)).collect(),
                ranges: at.get("ranges").items().map(|at| json::direct_range(&at)).collect(),
                options: json::exposure_options(&at.get("options")),
            },
            _ => Self::Plan {},
        }
    }
}

fn parsed<T>(text: &str, of: impl FnOnce(&At<'_>) -> T) -> Result<T, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    read(&json, of)
}

/// What a page is told: events for watches, and what it asked for.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watch: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<WatchPosition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trail: Option<Vec<WatchPosition>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track: Option<Vec<TrackPoint>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exposure: Option<Exposure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
}

#[derive(Debug, Serialize)]
struct Event {
    watch: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<WatchPosition>,
    /// The W3C's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<u8>,
}

/// A venue as it is drawn: metres in its plane.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    name: String,
    bounds_m: [[f64; 2]; 2],
    levels: Vec<PlanLevel>,
    connectors: Vec<PlanConnector>,
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanLevel {
    floor: i16,
    name: String,
    walls: Vec<[[f64; 2]; 2]>,
    areas: Vec<PlanArea>,
    /// Degrees of three corners of the bounds: lower left, lower right, upper left.
    corners_lon_lat: Option<[[f64; 2]; 3]>,
}

#[derive(Debug, Serialize)]
struct PlanArea {
    name: String,
    open: bool,
    rings: Vec<Vec<[f64; 2]>>,
}

#[derive(Debug, Serialize)]
struct PlanConnector {
    kind: &'static str,
    stops: Vec<(i16, [f64; 2])>,
}

/// A visitor's engine.
#[wasm_bindgen]
pub struct Engine {
    positioner: Positioner,
    venue: Option<Arc<Venue>>,
    log: TrackLog,
}

#[wasm_bindgen]
impl Engine {
    /// Of a venue (a list of `[name, text]` in JSON, may be empty), a radio map's bytes (may be empty) and a seed.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    #[wasm_bindgen(constructor)]
    pub fn new(venue_files: &str, radio_map: &[u8], seed: u32) -> Result<Engine, String> {
        let files: Vec<Vec<String>> = parsed(venue_files, |at| at.items().map(|at| at.texts()).collect())?;
        let files: Vec<(&str, &str)> =
            files.iter().filter_map(|file| Some((file.first()?.as_str(), file.get(1)?.as_str()))).collect();
        let venue = if files.is_empty() { None } else { Some(Arc::new(Venue::read(&files, None)?)) };
        let map = if radio_map.is_empty() { None } else { Some(RadioMap::from_bytes(radio_map)) };
        let map = map.transpose().map_err(|error| error.to_string())?;
        let indoor = IndoorOptions { seed: seed.into(), ..IndoorOptions::default() };
        let options = PositionerOptions { indoor, map, venue: venue.clone(), trail_secs: 0 };
        Ok(Self { positioner: Positioner::new(options), venue, log: TrackLog::default() })
    }

    /// Carries out what the page asks, a `Call` in JSON, and returns a `Reply`.
    ///
    /// # Errors
    /// When it cannot be read, in words; nothing has changed then.
    pub fn call(&mut self, call: &str) -> Result<String, String> {
        let call = parsed(call, Call::read)?;
        Ok(json::write(&self.carry_out(call)))
    }

    /// Takes observations in their binary form, as `call` takes those in JSON.
    ///
    /// # Errors
    /// When they are none, in words; nothing has changed then.
    pub fn feed(&mut self, observations: &[u8], wall_offset_ms: f64) -> Result<String, String> {
        let observations = wire::decode(observations).map_err(|error| error.to_string())?;
        Ok(json::write(&self.carry_out(Call::Feed { observations, wall_offset_ms })))
    }
}

/// Observations in their binary form as a list in JSON.
///
/// # Errors
/// When they are none, in words.
#[wasm_bindgen]
pub fn decode(observations: &[u8]) -> Result<String, String> {
    let observations = wire::decode(observations).map_err(|error| error.to_string())?;
    Ok(json::write(&observations))
}

impl Engine {
    fn carry_out(&mut self, call: Call) -> Reply {
        let mut reply = Reply::default();
        match call {
            Call::Feed { observations, wall_offset_ms } => {
                reply.events = events(self.positioner.feed(&observations));
                self.note(wall_offset_ms);
            }
            Call::Tick { now_ms } => reply.events = events(self.positioner.tick(now_ms)),
            Call::Watch { options, now_ms } => {
                let (watch, position) = self.positioner.watch_position(options, now_ms);
                (reply.watch, reply.position) = (Some(watch), position);
            }
            Call::ClearWatch { watch } => self.positioner.clear_watch(watch),
            Call::LockFloor { floor } => self.positioner.lock_floor(floor),
            Call::SetPosition { now_ms, longitude, latitude, accuracy, floor } => {
                reply.events = events(self.positioner.set_position(now_ms, [longitude, latitude], accuracy, floor));
            }
            Call::Position { now_ms } => reply.position = self.positioner.position(now_ms),
            Call::Trail {} => reply.trail = Some(self.positioner.trail().cloned().collect()),
            Call::Counts {} => reply.counts = Some(self.positioner.counts()),
            Call::Track {} => reply.track = Some(self.log.points().cloned().collect()),
            Call::DeleteTrack { from_ms, to_ms } => self.log.delete(from_ms, to_ms),
            Call::Exposure { track, ranges, options } => {
                let (own, other) = (self.log.track(), Track::new(track));
                reply.exposure = Some(compare(&own, &other, &ranges, self.venue.as_deref(), &options));
            }
            Call::Plan {} => reply.plan = self.venue.as_deref().map(plan),
        }
        reply
    }

    /// Writes the newest positions inside down for exposure analysis.
    fn note(&mut self, wall_offset_ms: f64) {
        let last = self.log.points().last().map_or(f64::NEG_INFINITY, |p| p.wall_ms);
        let trail: Vec<&WatchPosition> = self.positioner.trail().collect();
        let known = trail.partition_point(|p| p.timestamp + wall_offset_ms <= last);
        for p in &trail[known..] {
            if let (Some(at_m), Some(building)) = (p.at_m, p.building.clone()) {
                let (covariance_m2, floors) = (p.covariance_m2, p.floors.clone());
                let wall_ms = p.timestamp + wall_offset_ms;
                self.log.push(TrackPoint { wall_ms, at_m, covariance_m2, building, floors });
            }
        }
    }
}

fn events(events: Vec<WatchEvent>) -> Vec<Event> {
    let event = |event| match event {
        WatchEvent::Position(watch, position) => Event { watch, position: Some(*position), error: None },
        WatchEvent::Error(watch, error) => Event { watch, position: None, error: Some(error as u8) },
    };
    events.into_iter().map(event).collect()
}

fn plan(venue: &Venue) -> Plan {
    let bounds_m = venue.bounds_m();
    let [[x0, y0], [x1, y1]] = bounds_m;
    let levels = venue.levels.iter().map(|level| PlanLevel {
        floor: level.floor,
        name: level.name.clone(),
        walls: venue.walls(level.floor).to_vec(),
        areas: level
            .areas
            .iter()
            .map(|a| PlanArea { name: a.name.clone(), open: a.open, rings: a.rings.clone() })
            .collect(),
        corners_lon_lat: venue.plane(level.floor).map(|p| [[x0, y0], [x1, y0], [x0, y1]].map(|at| p.to_lonlat(at))),
    });
    let connectors = venue.connectors.iter().map(|c| PlanConnector {
        kind: match c.kind {
            ConnectorKind::Stairs => "stairs",
            ConnectorKind::Lift => "lift",
            ConnectorKind::Escalator => "escalator",
            ConnectorKind::Ramp => "ramp",
        },
        stops: c.stops.iter().map(|s| (s.floor, s.at_m)).collect(),
    });
    Plan {
        name: venue.name.clone(),
        bounds_m,
        levels: levels.collect(),
        connectors: connectors.collect(),
        problems: venue.problems.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_positioning::simulate::{Devices, radio_map, venue_files, walk};

    fn engine() -> Engine {
        Engine::new(&serde_json::to_string(&venue_files()).expect("texts"), &radio_map().to_bytes(), 1)
            .expect("an engine")
    }

    fn call(engine: &mut Engine, call: &str) -> Value {
        serde_json::from_str(&engine.call(call).expect(call)).expect("our own JSON")
    }

    #[test]
    fn a_walk_in_either_form_is_told_to_a_watch_and_written_to_trail_and_track() {
        let walk = walk(3, Devices::PHONE);
        // To the steps of the binary form, so that both forms hold the same numbers.
        let observations = wire::decode(&wire::encode(&walk.observations[..6000]).0).expect("our own bytes");
        let (mut by_json, mut by_bytes) = (engine(), engine());
        let mut ends = Vec::new();
        for (engine, binary) in [(&mut by_json, false), (&mut by_bytes, true)] {
            let id = call(engine, r#"{"call":"watch","options":{"timeout":5000},"nowMs":0}"#)["watch"].clone();
            let mut last = Value::Null;
            for batch in observations.chunks(500) {
                let told = if binary {
                    serde_json::from_str(&engine.feed(&wire::encode(batch).0, 1.6e12).expect("observations"))
                        .expect("JSON")
                } else {
                    let observations = serde_json::to_string(batch).expect("serialisable");
                    call(engine, &format!(r#"{{"call":"feed","observations":{observations},"wallOffsetMs":1.6e12}}"#))
                };
                for event in told["events"].as_array().into_iter().flatten() {
                    assert_eq!(event["watch"], id);
                    last = event["position"].clone();
                }
            }
            assert!(last["coords"]["accuracy"].as_f64().is_some_and(|a| a > 0.0) && last["floor"] == 0, "{last}");
            assert!(call(engine, r#"{"call":"trail"}"#)["trail"].as_array().is_some_and(|t| t.len() > 50));
            let track = call(engine, r#"{"call":"track"}"#)["track"].clone();
            assert!(track.as_array().is_some_and(|t| t.len() > 2), "{track}");
            let exposure =
                call(engine, &format!(r#"{{"call":"exposure","track":{track},"ranges":[],"options":{{}}}}"#));
            assert!(
                exposure["exposure"]["direct"][0]["minutes"]["expected"].as_f64().is_some_and(|m| m > 0.0),
                "{exposure}"
            );
            call(engine, r#"{"call":"deleteTrack","fromMs":0,"toMs":1e15}"#);
            assert_eq!(call(engine, r#"{"call":"track"}"#)["track"], Value::Array(Vec::new()));
            let error = call(engine, r#"{"call":"tick","nowMs":1e9}"#);
            assert!(error["events"].as_array().is_some_and(|e| e.iter().any(|e| e["error"] == 3)), "{error}");
            ends.push((last["coords"]["longitude"].as_f64(), last["coords"]["latitude"].as_f64()));
        }
        // But for the last bit of a double in JSON.
        let apart = |a: Option<f64>, b: Option<f64>| (a.expect("a number") - b.expect("a number")).abs();
        assert!(apart(ends[0].0, ends[1].0) < 3e-5 && apart(ends[0].1, ends[1].1) < 3e-5, "{ends:?}");
    }

    #[test]
    fn a_floor_is_locked_a_position_is_set_and_the_plan_is_told() {
        let mut engine = engine();
        let plan = call(&mut engine, r#"{"call":"plan"}"#)["plan"].clone();
        assert!(plan["name"] == "Made-up mall" && plan["levels"][1]["walls"].as_array().is_some_and(|w| w.len() > 10));
        let [lon, lat] = [0, 1].map(|k| plan["levels"][0]["cornersLonLat"][0][k].as_f64().expect("degrees"));
        call(&mut engine, r#"{"call":"watch","options":{},"nowMs":0}"#);
        call(&mut engine, r#"{"call":"lockFloor","floor":1}"#);
        let set =
            format!(r#"{{"call":"setPosition","nowMs":10,"longitude":{lon},"latitude":{lat},"accuracy":3,"floor":1}}"#);
        let told = call(&mut engine, &set)["events"][0]["position"].clone();
        assert!(
            told["floor"] == 1 && (told["coords"]["longitude"].as_f64().expect("degrees") - lon).abs() < 1e-4,
            "{told}"
        );
        call(&mut engine, r#"{"call":"clearWatch","watch":1}"#);
        assert_eq!(call(&mut engine, &set.replace(":10", ":20"))["events"], Value::Null);
        assert_eq!(call(&mut engine, r#"{"call":"counts"}"#)["counts"]["counted"], 0);
    }

    #[test]
    fn what_cannot_be_read_is_said_in_words_and_changes_nothing() {
        let mut engine = engine();
        for bad in ["", "{}", r#"{"call":"dance"}"#, r#"{"call":"feed","observations":[{}],"wallOffsetMs":0}"#] {
            assert!(!engine.call(bad).expect_err(bad).is_empty());
        }
        assert!(decode(b"CTOB\x01\x05").is_err() && decode(b"CTOB\x01").as_deref() == Ok("[]"));
        assert!(engine.feed(b"CTOB\x07", 0.0).is_err_and(|e| e.contains("version 7")));
        assert!(Engine::new("[]", b"no map", 1).err().is_some_and(|e| e.contains("CTRM")));
        assert!(Engine::new(r#"[["a.geojson","{}"]]"#, b"", 1).err().is_some_and(|e| e.contains("no levels")));
    }
}
