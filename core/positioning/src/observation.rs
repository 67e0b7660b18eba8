//! The observation schema: what a host may tell the engine, field by field, with units.
//!
//! One observation is one JSON object: `{"v":1,"timeMs":1200.0,"wallMs":1.57e12,"kind":"wifi","readings":[…]}`.
//! `kind` names the [`Measurement`]; fields that a host does not know are left out. [`crate::wire`] is the same in
//! a fifth of the bytes.

use serde::{Deserialize, Serialize, Serializer};

/// Version of the schema that this crate speaks; observations of another one are [`Rejected::UnknownVersion`].
pub const SCHEMA_VERSION: u32 = 1;

/// So many readings, samples or satellites in one observation are a fault of the host, not a measurement.
pub(crate) const MAX_ITEMS: usize = 4096;

/// Longest name of an anchor or a marker, bytes.
pub(crate) const MAX_NAME_BYTES: usize = 64;

/// A clock that leaps ahead by more than this is doubted, milliseconds: one wrong time would make all that follow late.
const LEAP_MS: f64 = 600e3;

/// So many observations in a row that agree on a leap are believed: the device has slept.
const LEAPS_BELIEVED: u32 = 3;

/// One measurement and when it was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// Version of the schema; [`SCHEMA_VERSION`] when left out.
    pub v: u32,
    /// Milliseconds on the host's monotonic clock, at the moment of measurement; any origin, never goes back.
    pub time_ms: f64,
    /// Milliseconds since 1970 (UTC) on the host's wall clock; may jump; only copied to answers, never computed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<f64>,
    /// What was measured.
    #[serde(flatten)]
    pub what: Measurement,
}

/// What an [`Observation`] measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
#[non_exhaustive]
pub enum Measurement {
    /// A satellite fix, as a browser's or a phone's receiver gives it.
    Gnss {
        /// Degrees (WGS84), −180 to 180.
        lon: f64,
        /// Degrees (WGS84), −90 to 90.
        lat: f64,
        /// 95 % radius, metres; above 0.
        accuracy_m: f64,
        /// Metres above the WGS84 ellipsoid.
        #[serde(skip_serializing_if = "Option::is_none")]
        altitude_m: Option<f64>,
        /// Satellites used in the fix.
        #[serde(skip_serializing_if = "Option::is_none")]
        satellites: Option<u32>,
        /// Mean carrier-to-noise density of the satellites used, dB-Hz; 0 to 70.
        #[serde(skip_serializing_if = "Option::is_none")]
        cn0_dbhz: Option<f64>,
        /// Speed over ground, m/s; 0 to 500.
        #[serde(skip_serializing_if = "Option::is_none")]
        speed_mps: Option<f64>,
        /// Direction of travel, degrees clockwise from true north; 0 to 360.
        #[serde(skip_serializing_if = "Option::is_none")]
        course_deg: Option<f64>,
    },
    /// A WiFi scan.
    Wifi {
        /// The access points heard, in any order.
        readings: Vec<WifiReading>,
    },
    /// Bluetooth low-energy advertisements heard.
    Ble {
        /// The beacons heard, in any order.
        readings: Vec<BleReading>,
    },
    /// One ultra-wide-band range.
    Uwb {
        /// The anchor's name in the venue; at most 64 bytes.
        anchor: String,
        /// Metres from antenna to antenna, 0 to 500.
        range_m: f64,
        /// Standard deviation of `range_m` in line of sight, metres; above 0.
        sigma_m: f64,
    },
    /// One sample of the inertial sensors, in the device's axes (W3C: x right, y up along the screen, z out of it).
    Inertial {
        /// Acceleration with gravity, m/s² (9.81 along the upward axis at rest); at most 400 per axis.
        accel_mps2: [f64; 3],
        /// Rotation rate, rad/s, right-handed; at most 70 per axis.
        #[serde(skip_serializing_if = "Option::is_none")]
        gyro_radps: Option<[f64; 3]>,
        /// Magnetic flux density, µT; at most 5,000 per axis.
        #[serde(skip_serializing_if = "Option::is_none")]
        magnet_ut: Option<[f64; 3]>,
        /// Rotation from device to east-north-up: the vector part (x, y, z) of the unit quaternion with w ≥ 0.
        #[serde(skip_serializing_if = "Option::is_none")]
        rotation: Option<[f64; 3]>,
    },
    /// Air pressure.
    Barometer {
        /// Hectopascal, 300 to 1,200.
        pressure_hpa: f64,
    },
    /// A marker whose place the venue knows (QR code, visual).
    Marker {
        /// The marker's name in the venue; at most 64 bytes.
        id: String,
        /// Metres east and north in the venue's plane; when left out, the venue says where the marker is.
        #[serde(skip_serializing_if = "Option::is_none")]
        at_m: Option<[f64; 2]>,
        /// The floor's number, ground floor 0; left out together with `at_m`.
        #[serde(skip_serializing_if = "Option::is_none")]
        floor: Option<i16>,
        /// Standard deviation per axis, metres; above 0.
        sigma_m: f64,
    },
    /// The host's own fix (an operating system's fused position).
    HostFix {
        /// Degrees (WGS84), −180 to 180.
        lon: f64,
        /// Degrees (WGS84), −90 to 90.
        lat: f64,
        /// 95 % radius, metres; above 0.
        accuracy_m: f64,
        /// The floor's number, ground floor 0, when the host knows it.
        #[serde(skip_serializing_if = "Option::is_none")]
        floor: Option<i16>,
    },
    /// The visitor tapped the map: "I am here".
    MapTap {
        /// Metres east and north in the venue's plane.
        at_m: [f64; 2],
        /// The floor that was shown, ground floor 0.
        floor: i16,
        /// Standard deviation per axis, metres (a finger: about 3); above 0.
        sigma_m: f64,
    },
}

/// One access point in a scan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WifiReading {
    /// The access point's address.
    pub bssid: Mac,
    /// Received power, dBm; −127 to 20.
    pub rssi_dbm: f64,
    /// Centre frequency, MHz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_mhz: Option<u32>,
    /// How old this reading was when the scan was reported, milliseconds; operating systems repeat old readings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<f64>,
    /// Round-trip-time range (IEEE 802.11mc), metres; −10 to 500, small negative ones happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_m: Option<f64>,
    /// Standard deviation of `rtt_m`, metres; above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_sigma_m: Option<f64>,
}

/// One Bluetooth beacon heard.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BleReading {
    /// The beacon's address.
    pub mac: Mac,
    /// Received power, dBm; −127 to 20.
    pub rssi_dbm: f64,
    /// Power at 1 m that an iBeacon or Eddystone announces, dBm; −127 to 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_power_dbm: Option<f64>,
    /// iBeacon proximity UUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// iBeacon major and minor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub major_minor: Option<[u16; 2]>,
}

/// A 48-bit hardware address, in JSON `"0a:74:9c:2b:56:67"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The address in six pairs of hexadecimal digits between colons or dashes; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 17 {
            return None;
        }
        let mut mac = [0; 6];
        for (i, byte) in mac.iter_mut().enumerate() {
            let digit = |at: usize| char::from(bytes[at]).to_digit(16);
            if i > 0 && !matches!(bytes[3 * i - 1], b':' | b'-') {
                return None;
            }
            *byte = u8::try_from(digit(3 * i)? * 16 + digit(3 * i + 1)?).ok()?;
        }
        Some(Self(mac))
    }

    /// The address of number `n`: for fingerprint tables that number their access points.
    pub fn from_index(n: u32) -> Self {
        let [a, b, c, d] = n.to_be_bytes();
        Self([0x02, 0, a, b, c, d])
    }
}

impl std::fmt::Display for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A 128-bit identifier (RFC 9562), in JSON `"9195b3ad-a9d0-4500-85ff-9fb0f65a5201"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// The identifier in 32 hexadecimal digits, with dashes after the 8th, 12th, 16th and 20th or none at all; `None`
    /// for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let dashes = bytes.len() == 36 && [8, 13, 18, 23].iter().all(|at| bytes[*at] == b'-');
        if !dashes && bytes.len() != 32 {
            return None;
        }
        let skip = |at: &(usize, &u8)| !(dashes && [8, 13, 18, 23].contains(&at.0));
        let mut digits = bytes.iter().enumerate().filter(skip).map(|(_, b)| char::from(*b).to_digit(16));
        let mut uuid = [0; 16];
        for byte in &mut uuid {
            *byte = u8::try_from(digits.next()?? * 16 + digits.next()??).ok()?;
        }
        Some(Self(uuid))
    }
}

impl std::fmt::Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let dash = if [4, 6, 8, 10].contains(&i) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl Serialize for Uuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why an observation did not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rejected {
    /// A number is not finite or out of its range.
    Absurd,
    /// Older than, or as old as, one of its kind that counted already.
    Late,
    /// The same as the one of its kind that came before it.
    Duplicate,
    /// Too far from where the visitor can be; the third in a row starts the track anew.
    Outlier,
    /// Of a version of the schema that this crate does not speak.
    UnknownVersion,
    /// Of a kind that this method makes no use of.
    NotUsed,
}

impl Observation {
    /// An observation of this schema, without wall-clock time.
    pub fn new(time_ms: f64, what: Measurement) -> Self {
        Self { v: SCHEMA_VERSION, time_ms, wall_ms: None, what }
    }

    /// Checks every number against the range that its field documents.
    ///
    /// # Errors
    /// [`Rejected::UnknownVersion`], or [`Rejected::Absurd`] when a number is out of range or not finite.
    pub fn check(&self) -> Result<(), Rejected> {
        if self.v != SCHEMA_VERSION {
            return Err(Rejected::UnknownVersion);
        }
        let sane = self.time_ms.abs() < 1e15 && self.wall_ms.is_none_or(|t| t.abs() < 1e15) && self.what.is_sane();
        if sane { Ok(()) } else { Err(Rejected::Absurd) }
    }
}

impl Measurement {
    /// The number of this kind, for tables by kind; below [`Measurement::KINDS`].
    pub fn kind(&self) -> usize {
        match self {
            Self::Gnss { .. } => 0,
            Self::Wifi { .. } => 1,
            Self::Ble { .. } => 2,
            Self::Uwb { .. } => 3,
            Self::Inertial { .. } => 4,
            Self::Barometer { .. } => 5,
            Self::Marker { .. } => 6,
            Self::HostFix { .. } => 7,
            Self::MapTap { .. } => 8,
        }
    }

    /// The kinds' names in JSON, in order of their numbers.
    pub const NAMES: [&str; Self::KINDS] =
        ["gnss", "wifi", "ble", "uwb", "inertial", "barometer", "marker", "hostFix", "mapTap"];

    /// How many kinds there are.
    pub const KINDS: usize = 9;

    fn is_sane(&self) -> bool {
        let degrees = |lon: f64, lat: f64| (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
        let positive = |x: f64| x > 0.0 && x < 1e6;
        let power = |x: f64| (-127.0..=20.0).contains(&x);
        let vector = |v: &[f64; 3], most: f64| v.iter().all(|x| x.abs() <= most);
        let name = |text: &str| text.len() <= MAX_NAME_BYTES;
        let plane = |at: &[f64; 2]| at.iter().all(|x| x.abs() < 1e8);
        match self {
            Self::Gnss { lon, lat, accuracy_m, altitude_m, satellites, cn0_dbhz, speed_mps, course_deg } => {
                degrees(*lon, *lat)
                    && positive(*accuracy_m)
                    && altitude_m.is_none_or(|x| x.abs() < 1e5)
                    && satellites.is_none_or(|n| n <= 1000)
                    && cn0_dbhz.is_none_or(|x| (0.0..=70.0).contains(&x))
                    && speed_mps.is_none_or(|x| (0.0..=500.0).contains(&x))
                    && course_deg.is_none_or(|x| (0.0..=360.0).contains(&x))
            }
            Self::Wifi { readings } => {
                readings.len() <= MAX_ITEMS
                    && readings.iter().all(|r| {
                        power(r.rssi_dbm)
                            && r.age_ms.is_none_or(|x| (0.0..1e9).contains(&x))
                            && r.rtt_m.is_none_or(|x| (-10.0..=500.0).contains(&x))
                            && r.rtt_sigma_m.is_none_or(positive)
                    })
            }
            Self::Ble { readings } => {
                readings.len() <= MAX_ITEMS
                    && readings.iter().all(|r| power(r.rssi_dbm) && r.tx_power_dbm.is_none_or(power))
            }
            Self::Uwb { anchor, range_m, sigma_m } => {
                name(anchor) && (0.0..=500.0).contains(range_m) && positive(*sigma_m)
            }
            Self::Inertial { accel_mps2, gyro_radps, magnet_ut, rotation } => {
                vector(accel_mps2, 400.0)
                    && gyro_radps.as_ref().is_none_or(|v| vector(v, 70.0))
                    && magnet_ut.as_ref().is_none_or(|v| vector(v, 5000.0))
                    && rotation.as_ref().is_none_or(|v| vector(v, 1.001))
            }
            Self::Barometer { pressure_hpa } => (300.0..=1200.0).contains(pressure_hpa),
            Self::Marker { id, at_m, floor, sigma_m } => {
                name(id) && at_m.as_ref().is_none_or(plane) && at_m.is_some() == floor.is_some() && positive(*sigma_m)
            }
            Self::MapTap { at_m, sigma_m, .. } => plane(at_m) && positive(*sigma_m),
            Self::HostFix { lon, lat, accuracy_m, .. } => degrees(*lon, *lat) && positive(*accuracy_m),
        }
    }
}

/// What came in and what became of it, by count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Observations that counted.
    pub counted: u64,
    /// [`Rejected::Absurd`].
    pub absurd: u64,
    /// [`Rejected::Late`].
    pub late: u64,
    /// [`Rejected::Duplicate`].
    pub duplicate: u64,
    /// [`Rejected::Outlier`].
    pub outlier: u64,
    /// [`Rejected::UnknownVersion`].
    pub unknown_version: u64,
    /// [`Rejected::NotUsed`].
    pub not_used: u64,
}

impl Counts {
    /// Counts the fate of one observation.
    pub fn add(&mut self, fate: Result<(), Rejected>) {
        let counter = match fate {
            Ok(()) => &mut self.counted,
            Err(Rejected::Absurd) => &mut self.absurd,
            Err(Rejected::Late) => &mut self.late,
            Err(Rejected::Duplicate) => &mut self.duplicate,
            Err(Rejected::Outlier) => &mut self.outlier,
            Err(Rejected::UnknownVersion) => &mut self.unknown_version,
            Err(Rejected::NotUsed) => &mut self.not_used,
        };
        *counter += 1;
    }
}

/// The door: checks observations, and knows the newest of each kind.
#[derive(Clone, Debug, Default)]
pub struct Intake {
    newest: [Option<Observation>; Measurement::KINDS],
    /// The newest time of all kinds.
    newest_ms: Option<f64>,
    /// Time of the last leap, and how many before it agree.
    leap: Option<(f64, u32)>,
}

impl Intake {
    /// Lets an observation in, or says why not. Order matters within a kind only: a scan that the operating system
    /// delivers after newer inertial samples still counts. Ranges of different anchors and batches of beacons may
    /// share one time; other kinds may not. A time more than ten minutes ahead of all before is absurd until the third
    /// in a row agrees.
    ///
    /// # Errors
    /// [`Rejected::UnknownVersion`], [`Rejected::Absurd`], [`Rejected::Duplicate`] or [`Rejected::Late`].
    pub fn admit(&mut self, observation: &Observation) -> Result<(), Rejected> {
        observation.check()?;
        let newest = &mut self.newest[observation.what.kind()];
        if let Some(before) = newest {
            if before.time_ms == observation.time_ms && before.what == observation.what {
                return Err(Rejected::Duplicate);
            }
            let may_share = matches!(observation.what, Measurement::Uwb { .. } | Measurement::Ble { .. });
            if observation.time_ms < before.time_ms || (observation.time_ms == before.time_ms && !may_share) {
                return Err(Rejected::Late);
            }
        }
        let time_ms = observation.time_ms;
        if self.newest_ms.is_some_and(|newest| time_ms - newest > LEAP_MS) {
            let agree = self.leap.filter(|leap| (time_ms - leap.0).abs() <= LEAP_MS).map_or(1, |leap| leap.1 + 1);
            self.leap = Some((time_ms, agree));
            if agree < LEAPS_BELIEVED {
                return Err(Rejected::Absurd);
            }
        }
        self.leap = None;
        self.newest_ms = Some(self.newest_ms.map_or(time_ms, |newest| newest.max(time_ms)));
        *newest = Some(observation.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn barometer(time_ms: f64, pressure_hpa: f64) -> Observation {
        Observation::new(time_ms, Measurement::Barometer { pressure_hpa })
    }

    #[test]
    fn every_kind_survives_json() {
        for json in [
            r#"{"v":1,"timeMs":1.0,"wallMs":2.0,"kind":"gnss","lon":1.0,"lat":2.0,"accuracyM":3.0,"satellites":7,"courseDeg":90.0}"#,
            r#"{"v":1,"timeMs":1.0,"kind":"marker","id":"Q","sigmaM":0.5}"#,
            r#"{"v":1,"timeMs":1.0,"kind":"wifi","readings":[{"bssid":"0a:74:9c:2b:56:67","rssiDbm":-60.0,"ageMs":5.0}]}"#,
            r#"{"v":1,"timeMs":1.0,"kind":"ble","readings":[{"mac":"0a:74:9c:2b:56:67","rssiDbm":-60.0,"uuid":"9195b3ad-a9d0-4500-85ff-9fb0f65a5201","majorMinor":[1,2]}]}"#,
            r#"{"v":1,"timeMs":1.0,"kind":"uwb","anchor":"A","rangeM":3.0,"sigmaM":0.1}"#,
            r#"{"v":1,"timeMs":1.0,"kind":"inertial","accelMps2":[0.0,0.0,9.81],"rotation":[0.0,0.0,0.5]}"#,
            r#"{"v":1,"timeMs":1.0,"kind":"barometer","pressureHpa":1013.0}"#,
            r#"{"v":1,"timeMs":1.0,"kind":"marker","id":"Q","atM":[1.0,2.0],"floor":-1,"sigmaM":0.5}"#,
            r#"{"v":1,"timeMs":1.0,"kind":"hostFix","lon":1.0,"lat":2.0,"accuracyM":3.0}"#,
            r#"{"v":1,"timeMs":1.0,"kind":"mapTap","atM":[1.0,2.0],"floor":0,"sigmaM":3.0}"#,
        ] {
            let observation: Observation = serde_json::from_str(json).expect(json);
            assert_eq!(observation.check(), Ok(()), "{json}");
            assert_eq!(serde_json::to_string(&observation).expect("serialisable"), json);
        }
    }

    #[test]
    fn the_door_tells_absurd_late_and_duplicate_apart() {
        let mut intake = Intake::default();
        let other = Observation { v: 2, ..barometer(0.0, 1000.0) };
        for (observation, expected) in [
            (barometer(1.0, 1000.0), Ok(())),
            (barometer(1.0, 1000.0), Err(Rejected::Duplicate)),
            (barometer(1.0, 1001.0), Err(Rejected::Late)),
            (barometer(0.0, 1000.0), Err(Rejected::Late)),
            (barometer(2.0, 1000.0), Ok(())),
            (barometer(f64::NAN, 1000.0), Err(Rejected::Absurd)),
            (barometer(3.0, f64::NAN), Err(Rejected::Absurd)),
            (barometer(3.0, 0.0), Err(Rejected::Absurd)),
            (barometer(f64::INFINITY, 1000.0), Err(Rejected::Absurd)),
            (other, Err(Rejected::UnknownVersion)),
        ] {
            assert_eq!(intake.admit(&observation), expected, "{observation:?}");
        }
    }

    #[test]
    fn one_wrong_time_does_not_silence_what_follows_but_a_sleep_is_believed() {
        let mut intake = Intake::default();
        let at = |secs: f64| barometer(1e3 * secs, 1000.0);
        for (secs, expected) in [
            (1.0, Ok(())),
            (9e6, Err(Rejected::Absurd)),
            (2.0, Ok(())),
            (7e3, Err(Rejected::Absurd)),
            (7.001e3, Err(Rejected::Absurd)),
            (7.002e3, Ok(())),
            (3.0, Err(Rejected::Late)),
        ] {
            assert_eq!(intake.admit(&at(secs)), expected, "{secs} s");
        }
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        assert_eq!(
            Uuid::parse("9195B3ADA9D0450085FF9FB0F65A5201").map(|u| u.to_string()).as_deref(),
            Some("9195b3ad-a9d0-4500-85ff-9fb0f65a5201")
        );
        for text in [
            "",
            "9195b3ad-a9d0-4500-85ff-9fb0f65a520",
            "9195b3ad-a9d0-4500-85ff-9fb0f65a520g",
            "9195b3ad_a9d0-4500-85ff-9fb0f65a5201",
        ] {
            assert_eq!(Uuid::parse(text), None, "{text}");
        }
        assert_eq!(Mac::parse("0A:74:9c:2b:56:67").map(|m| m.to_string()).as_deref(), Some("0a:74:9c:2b:56:67"));
        for text in
            ["", "0a:74:9c:2b:56", "0a:74:9c:2b:56:6g", "0a749c2b566700000", "ü0a:74:9c:2b:56:6", "+a:74:9c:2b:56:67"]
        {
            assert_eq!(Mac::parse(text), None, "{text}");
        }
    }
}
