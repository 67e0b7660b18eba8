//! What comes in as JSON, read by hand: derived readers of tagged enums would be a quarter of what a browser loads. Each
//! function reads from a place in a document and notes there what is wrong; [`citytwin_manifest::read::read`] says it.
//! `Deserialize` of these types does the same.

use crate::exposure::{DirectRange, ExposureOptions, TrackPoint};
use crate::observation::{BleReading, Mac, Measurement, Observation, SCHEMA_VERSION, Uuid, WifiReading};
use crate::watch::WatchOptions;
use citytwin_manifest::read::{At, read};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// An observation of the schema.
pub fn observation(at: &At<'_>) -> Observation {
    Observation {
        v: at.get("v").or(SCHEMA_VERSION, |at| at.whole(u32::MAX)),
        time_ms: at.get("timeMs").number(),
        wall_ms: at.get("wallMs").optional(At::number),
        what: measurement(at),
    }
}

fn measurement(at: &At<'_>) -> Measurement {
    let number = |key: &str| at.get(key).number();
    let maybe = |key: &str| at.get(key).optional(At::number);
    let axes = |key: &str| at.get(key).array(|at| at.number());
    let maybe_axes = |key: &str| at.get(key).optional(|at| at.array(|at| at.number()));
    match Measurement::NAMES[at.get("kind").choice(&Measurement::NAMES)] {
        "gnss" => Measurement::Gnss {
            lon: number("lon"),
            lat: number("lat"),
            accuracy_m: number("accuracyM"),
            altitude_m: maybe("altitudeM"),
            satellites: at.get("satellites").optional(|at| at.whole(u32::MAX)),
            cn0_dbhz: maybe("cn0Dbhz"),
            speed_mps: maybe("speedMps"),
            course_deg: maybe("courseDeg"),
        },
        "wifi" => Measurement::Wifi { readings: at.get("readings").items().map(|at| wifi(&at)).collect() },
        "ble" => Measurement::Ble { readings: at.get("readings").items().map(|at| ble(&at)).collect() },
        "uwb" => {
            Measurement::Uwb { anchor: at.get("anchor").text(), range_m: number("rangeM"), sigma_m: number("sigmaM") }
        }
        "inertial" => Measurement::Inertial {
            accel_mps2: axes("accelMps2"),
            gyro_radps: maybe_axes("gyroRadps"),
            magnet_ut: maybe_axes("magnetUt"),
            rotation: maybe_axes("rotation"),
        },
        "barometer" => Measurement::Barometer { pressure_hpa: number("pressureHpa") },
        "marker" => Measurement::Marker {
            id: at.get("id").text(),
            at_m: at.get("atM").optional(|at| at.array(|at| at.number())),
            floor: at.get("floor").optional(floor),
            sigma_m: number("sigmaM"),
        },
        "hostFix" => Measurement::HostFix {
            lon: number("lon"),
            lat: number("lat"),
            accuracy_m: number("accuracyM"),
            floor: at.get("floor").optional(floor),
        },
        _ => Measurement::MapTap {
            at_m: at.get("atM").array(|at| at.number()),
            floor: floor(&at.get("floor")),
            sigma_m: number("sigmaM"),
        },
    }
}

fn wifi(at: &At<'_>) -> WifiReading {
    let maybe = |key: &str| at.get(key).optional(At::number);
    WifiReading {
        bssid: address(&at.get("bssid")),
        rssi_dbm: at.get("rssiDbm").number(),
        frequency_mhz: at.get("frequencyMhz").optional(|at| at.whole(u32::MAX)),
        age_ms: maybe("ageMs"),
        rtt_m: maybe("rttM"),
        rtt_sigma_m: maybe("rttSigmaM"),
    }
}

fn ble(at: &At<'_>) -> BleReading {
    let uuid =
        |at: &At<'_>| at.parsed("32 hexadecimal digits, as in 9195b3ad-a9d0-4500-85ff-9fb0f65a5201", Uuid::parse);
    BleReading {
        mac: address(&at.get("mac")),
        rssi_dbm: at.get("rssiDbm").number(),
        tx_power_dbm: at.get("txPowerDbm").optional(At::number),
        uuid: at.get("uuid").optional(uuid).flatten(),
        major_minor: at.get("majorMinor").optional(|at| at.array(|at| at.whole(u32::from(u16::MAX)) as u16)),
    }
}

fn address(at: &At<'_>) -> Mac {
    at.parsed("six hexadecimal pairs, as in 0a:74:9c:2b:56:67", Mac::parse).unwrap_or(Mac([0; 6]))
}

/// A floor's number, ground floor 0.
pub fn floor(at: &At<'_>) -> i16 {
    at.signed(i16::MIN.into(), i16::MAX.into()) as i16
}

/// A point of a track.
pub fn track_point(at: &At<'_>) -> TrackPoint {
    let pair = |at: At<'_>| {
        let mut pair = at.items();
        let (first, second) = (pair.next(), pair.next());
        (first.map_or(0, |at| floor(&at)), second.map_or(f64::NAN, |at| at.number()))
    };
    TrackPoint {
        wall_ms: at.get("wallMs").number(),
        at_m: at.get("atM").array(|at| at.number()),
        covariance_m2: at.get("covarianceM2").array(|at| at.number()),
        building: at.get("building").text(),
        floors: at.get("floors").items().map(pair).collect(),
    }
}

/// A range between two devices.
pub fn direct_range(at: &At<'_>) -> DirectRange {
    DirectRange {
        wall_ms: at.get("wallMs").number(),
        range_m: at.get("rangeM").number(),
        sigma_m: at.get("sigmaM").number(),
    }
}

/// How tracks are compared; what is left out is as by default.
pub fn exposure_options(at: &At<'_>) -> ExposureOptions {
    let usual = ExposureOptions::default();
    ExposureOptions {
        air_minutes: at.get("airMinutes").or(usual.air_minutes, At::number),
        longest_lag_minutes: at.get("longestLagMinutes").or(usual.longest_lag_minutes, At::number),
        indirect_m: at.get("indirectM").or(usual.indirect_m, At::number),
    }
}

/// What a watch asks for; what is left out is as by default.
pub fn watch_options(at: &At<'_>) -> WatchOptions {
    let usual = WatchOptions::default();
    WatchOptions {
        enable_high_accuracy: at.get("enableHighAccuracy").or(usual.enable_high_accuracy, At::flag),
        timeout: at.get("timeout").or(usual.timeout, At::number),
        maximum_age: at.get("maximumAge").or(usual.maximum_age, At::number),
    }
}

/// JSON of anything that `serde` knows: as `serde_json` writes it, but numbers as the standard library writes them, which
/// takes a browser ten kilobytes less. Numbers that are none are null.
///
/// # Panics
/// When a map has keys that are no texts.
pub fn write(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Plain)).expect("keys are texts");
    String::from_utf8(bytes).expect("JSON is text")
}

struct Plain;

impl Formatter for Plain {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        write!(writer, "{value}")
    }
}

macro_rules! read_by_hand {
    ($($type:ty: $reader:expr),*) => { $(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read(&Value::deserialize(deserializer)?, $reader).map_err(de::Error::custom)
            }
        }
    )* };
}
read_by_hand!(
    Observation: observation, TrackPoint: track_point, DirectRange: direct_range, ExposureOptions: exposure_options,
    WatchOptions: watch_options
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_observation_is_told_with_its_place() {
        for (json, expected) in [
            ("{}", "timeMs is missing, expected a number"),
            (r#"{"timeMs":1,"kind":"dance"}"#, "kind is a text (\"dance\"), expected one of gnss, wifi"),
            (r#"{"timeMs":1,"kind":"wifi"}"#, "readings is missing, expected a list"),
            (
                r#"{"timeMs":1,"kind":"wifi","readings":[{"bssid":"x","rssiDbm":-1}]}"#,
                "readings[0].bssid is a text (\"x\"), expected six",
            ),
            (
                r#"{"timeMs":1,"kind":"ble","readings":[{"mac":"0a:74:9c:2b:56:67","rssiDbm":-1,"majorMinor":[1,65536]}]}"#,
                "readings[0].majorMinor[1] is a number (65536)",
            ),
            (
                r#"{"timeMs":1,"kind":"ble","readings":[{"mac":"0a:74:9c:2b:56:67","rssiDbm":-1,"uuid":"0"}]}"#,
                "readings[0].uuid is a text",
            ),
            (r#"{"timeMs":1,"kind":"mapTap","atM":[1],"floor":0,"sigmaM":1}"#, "atM has an invalid length, expected 2"),
            (
                r#"{"timeMs":1,"kind":"mapTap","atM":[1,2],"floor":0.5,"sigmaM":1}"#,
                "floor is a number (0.5), expected a whole",
            ),
            (r#"{"timeMs":1,"kind":"mapTap","atM":[1,2],"floor":-40000,"sigmaM":1}"#, "floor is a number (-40000)"),
            (r#"{"timeMs":1,"v":null,"kind":"barometer","pressureHpa":1}"#, "v is null"),
            ("[]", "it is a list, expected an object"),
        ] {
            let error = serde_json::from_str::<Observation>(json).expect_err(json).to_string();
            assert!(error.starts_with(expected), "{json}: {error}");
        }
    }

    #[test]
    fn options_that_are_left_out_are_as_by_default_and_tracks_come_back() {
        assert_eq!(serde_json::from_str::<ExposureOptions>("{}").expect("defaults"), ExposureOptions::default());
        let options: WatchOptions =
            serde_json::from_str(r#"{"timeout":5,"enableHighAccuracy":true}"#).expect("options");
        assert_eq!((options.timeout, options.maximum_age, options.enable_high_accuracy), (5.0, 0.0, true));
        let floors = vec![(-1, 0.25), (0, 0.75)];
        let (at_m, covariance_m2) = ([1.5, -2.0], [1.0, 0.0, 2.0]);
        let point = TrackPoint { wall_ms: 1e12, at_m, covariance_m2, building: "Mall".into(), floors };
        let json = serde_json::to_string(&point).expect("serialisable");
        assert_eq!(serde_json::from_str::<TrackPoint>(&json).expect("our own"), point);
        assert_eq!(serde_json::from_str::<TrackPoint>(&write(&point)).expect("our own"), point);
        assert_eq!(write(&[1e21, -0.5, f64::NAN, 3.0]), "[1000000000000000000000,-0.5,null,3]");
    }
}
