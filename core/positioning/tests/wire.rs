//! The schema's two forms: what is written comes back, and no bytes do harm.

use citytwin_positioning::wire::{DecodeError, decode, encode};
use citytwin_positioning::{BleReading, Mac, Measurement, Observation, Uuid, WifiReading};

/// A fixed sequence of numbers from 0 to 1 (64-bit LCG), the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn from(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.roll()
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.roll() < 0.5).then(|| value(self))
    }

    fn vector(&mut self, most: f64) -> [f64; 3] {
        [0; 3].map(|_| self.from(-most, most))
    }

    fn mac(&mut self) -> Mac {
        Mac::from_index((self.roll() * 4e9) as u32)
    }
}

/// An observation of any kind with any of its fields.
fn any(dice: &mut Dice, kind: usize) -> Observation {
    let what = match kind {
        0 => Measurement::Gnss {
            lon: dice.from(-180.0, 180.0),
            lat: dice.from(-90.0, 90.0),
            accuracy_m: dice.from(0.001, 500.0),
            altitude_m: dice.maybe(|d| d.from(-400.0, 9e3)),
            satellites: dice.maybe(|d| d.from(0.0, 60.0) as u32),
            cn0_dbhz: dice.maybe(|d| d.from(0.0, 70.0)),
            speed_mps: dice.maybe(|d| d.from(0.0, 50.0)),
            course_deg: dice.maybe(|d| d.from(0.0, 360.0)),
        },
        1 => Measurement::Wifi {
            readings: (0..dice.from(0.0, 30.0) as usize)
                .map(|_| WifiReading {
                    bssid: dice.mac(),
                    rssi_dbm: dice.from(-127.0, 20.0),
                    frequency_mhz: dice.maybe(|d| d.from(2400.0, 7100.0) as u32),
                    age_ms: dice.maybe(|d| d.from(0.0, 1e5)),
                    rtt_m: dice.maybe(|d| d.from(-10.0, 500.0)),
                    rtt_sigma_m: dice.maybe(|d| d.from(0.01, 9.0)),
                })
                .collect(),
        },
        2 => Measurement::Ble {
            readings: (0..dice.from(0.0, 9.0) as usize)
                .map(|_| BleReading {
                    mac: dice.mac(),
                    rssi_dbm: dice.from(-127.0, 20.0),
                    tx_power_dbm: dice.maybe(|d| d.from(-90.0, -30.0)),
                    uuid: dice.maybe(|d| Uuid([0; 16].map(|_| d.from(0.0, 256.0) as u8))),
                    major_minor: dice.maybe(|d| [0; 2].map(|_| d.from(0.0, 65_536.0) as u16)),
                })
                .collect(),
        },
        3 => Measurement::Uwb {
            anchor: "锚 A1".to_owned(),
            range_m: dice.from(0.0, 500.0),
            sigma_m: dice.from(0.01, 3.0),
        },
        4 => Measurement::Inertial {
            accel_mps2: dice.vector(400.0),
            gyro_radps: dice.maybe(|d| d.vector(70.0)),
            magnet_ut: dice.maybe(|d| d.vector(5000.0)),
            rotation: dice.maybe(|d| d.vector(1.0)),
        },
        5 => Measurement::Barometer { pressure_hpa: dice.from(300.0, 1200.0) },
        6 => {
            let at = dice.maybe(|d| [d.from(-1e7, 1e7), d.from(-1e7, 1e7)]);
            Measurement::Marker { id: "Q".to_owned(), at_m: at, floor: at.map(|_| -2), sigma_m: dice.from(0.01, 9.0) }
        }
        7 => Measurement::HostFix {
            lon: dice.from(-180.0, 180.0),
            lat: dice.from(-90.0, 90.0),
            accuracy_m: dice.from(0.01, 99.0),
            floor: dice.maybe(|d| d.from(-9.0, 99.0) as i16),
        },
        _ => Measurement::MapTap { at_m: [dice.from(-1e7, 1e7), 0.0], floor: 3, sigma_m: dice.from(0.01, 9.0) },
    };
    let mut observation = Observation::new(dice.from(-1e9, 1.7e12), what);
    observation.wall_ms = dice.maybe(|d| d.from(0.0, 2e12));
    observation
}

fn many(seed: u64) -> Vec<Observation> {
    let mut dice = Dice(seed);
    (0..90).map(|i| any(&mut dice, i % Measurement::KINDS)).collect()
}

/// All numbers of an observation, with the resolution that the binary form promises for them.
fn apart(a: &serde_json::Value, b: &serde_json::Value, path: &str) -> Result<(), String> {
    use serde_json::Value;
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().try_for_each(|(key, value)| apart(value, &b[key], key))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).try_for_each(|(a, b)| apart(a, b, path))
        }
        (Value::Number(x), Value::Number(y)) => {
            let (x, y) = (x.as_f64().expect("a number"), y.as_f64().expect("a number"));
            let step = match path {
                "timeMs" | "ageMs" | "magnetUt" | "pressureHpa" => 0.001,
                "wallMs" => 1.0,
                "lon" | "lat" => 1e-8,
                "courseDeg" | "rssiDbm" | "txPowerDbm" | "cn0Dbhz" => 0.01,
                "accelMps2" | "gyroRadps" => 1e-4,
                "rotation" => 1e-6,
                "frequencyMhz" | "satellites" | "floor" | "majorMinor" | "v" => 0.0,
                _ => 0.001,
            };
            // Half a step, and what a double loses at this size.
            let allowed = 0.5 * step + 4.0 * f64::EPSILON * x.abs();
            if (x - y).abs() <= allowed { Ok(()) } else { Err(format!("{path}: {x} {y}")) }
        }
        _ if a == b => Ok(()),
        _ => Err(format!("{path}: {a} {b}")),
    }
}

#[test]
fn both_forms_give_back_what_was_written() {
    for seed in 0..40 {
        let observations = many(seed);
        let (bytes, left_out) = encode(&observations);
        assert_eq!(left_out, 0, "seed {seed}");
        let read = decode(&bytes).expect("our own bytes");
        assert_eq!(read.len(), observations.len());
        for (a, b) in observations.iter().zip(&read) {
            assert_eq!(b.check(), Ok(()));
            let json = serde_json::to_string(a).expect("serialisable");
            let by_json = serde_json::from_str::<Observation>(&json).expect("our own JSON");
            let [a, b, c] = [a, b, &by_json].map(|o| serde_json::to_value(o).expect("serialisable"));
            apart(&a, &b, "").expect("within the resolution");
            apart(&a, &c, "").expect("but for the last bit of a double");
        }
        assert!(encode(&read).0 == bytes, "what was read is written the same, seed {seed}");
    }
}

#[test]
fn binary_is_a_fifth_of_json_for_a_walk() {
    let mut dice = Dice(4);
    let walk: Vec<Observation> = (0..1000)
        .map(|i| {
            let what = Measurement::Inertial {
                accel_mps2: dice.vector(12.0),
                gyro_radps: Some(dice.vector(3.0)),
                magnet_ut: None,
                rotation: Some(dice.vector(1.0)),
            };
            Observation::new(f64::from(i) * 20.0, what)
        })
        .collect();
    let json: usize = walk.iter().map(|o| serde_json::to_string(o).expect("serialisable").len() + 1).sum();
    let binary = encode(&walk).0.len();
    assert!(5 * binary < json, "{binary} {json}");
}

#[test]
fn what_is_absurd_is_not_written() {
    let absurd = Observation::new(f64::NAN, Measurement::Barometer { pressure_hpa: 1000.0 });
    let sane = Observation::new(1.0, Measurement::Barometer { pressure_hpa: 1000.0 });
    let (bytes, left_out) = encode(&[absurd, sane.clone()]);
    assert_eq!((decode(&bytes), left_out), (Ok(vec![sane]), 1));
}

#[test]
fn corrupted_bytes_are_refused_by_what_is_wrong_with_them() {
    for (bytes, expected) in [
        (&b""[..], DecodeError::NotObservations),
        (b"CTO", DecodeError::NotObservations),
        (b"CTRM\x01", DecodeError::NotObservations),
        (b"CTOB", DecodeError::Truncated(4)),
        (b"CTOB\x02", DecodeError::UnknownVersion(2)),
        // A record that is longer than what is there.
        (b"CTOB\x01\x09\x05", DecodeError::Truncated(7)),
        (b"CTOB\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", DecodeError::Truncated(15)),
        // A varint that does not end, one beyond 64 bits.
        (b"CTOB\x01\xff", DecodeError::Truncated(6)),
        (b"CTOB\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", DecodeError::Invalid(15)),
        // An empty body; a presence that is neither 0 nor 1.
        (b"CTOB\x01\x00", DecodeError::Truncated(6)),
        (b"CTOB\x01\x03\x05\x00\x02", DecodeError::Invalid(9)),
        // A scan that claims 4,000 readings in no bytes, one that claims more than any scan has.
        (b"CTOB\x01\x05\x01\x00\x00\xa0\x1f", DecodeError::Truncated(11)),
        (b"CTOB\x01\x05\x01\x00\x00\xff\x7f", DecodeError::Invalid(11)),
        // A pressure of 0.
        (b"CTOB\x01\x04\x05\x00\x00\x00", DecodeError::Invalid(10)),
        // A name that is no UTF-8.
        (b"CTOB\x01\x06\x03\x00\x00\x01\xff\x00", DecodeError::Invalid(11)),
    ] {
        assert_eq!(decode(bytes), Err(expected), "{bytes:?}");
    }
    // A kind of a later version is skipped.
    assert_eq!(decode(b"CTOB\x01\x02\x63\x00"), Ok(vec![]));
}

#[test]
fn bytes_cut_or_changed_anywhere_never_yield_what_is_absurd() {
    let bytes = encode(&many(7)).0;
    for length in 0..bytes.len() {
        if let Ok(read) = decode(&bytes[..length]) {
            assert!(read.iter().all(|o| o.check().is_ok()), "{length} bytes");
        }
    }
    for at in 5..bytes.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bad = bytes.clone();
            bad[at] = value;
            if let Ok(read) = decode(&bad) {
                assert!(read.iter().all(|o| o.check().is_ok()), "byte {at}");
            }
        }
    }
}
