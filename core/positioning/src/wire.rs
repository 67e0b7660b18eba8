//! The observation schema's binary form: a fifth of the bytes of its JSON, for logs and for hosts that feed at 100 Hz.
//!
//! `CTOB`, one byte of version ([`WIRE_VERSION`]), then records: the length of the record's body as a varint, the body.
//! A body is the kind ([`Measurement::kind`], one byte), the time, the wall clock, then the fields of the kind in the
//! order in which [`Measurement`] documents them. Varints are LEB128; signed numbers are zigzag-coded first (Protocol
//! Buffers, "Encoding"). What may be absent has a byte before it, 0 or 1; lists and names have their count before them.
//!
//! | what | resolution |
//! |---|---|
//! | time: from the record before (the first: from 0) | 1 µs |
//! | wall clock | 1 ms |
//! | degrees of longitude and latitude | 10⁻⁸ ° (1 mm) |
//! | metres, metres per second, deviations; ages in milliseconds | 0.001 |
//! | other degrees; dBm and dB-Hz | 0.01 |
//! | m/s², rad/s | 0.0001 |
//! | µT, hPa | 0.001 |
//! | rotation's vector part | 10⁻⁶ |
//! | addresses, identifiers, whole numbers, names | exact |
//!
//! Deviations and accuracies round up to at least one step, so that they stay above 0.

use crate::observation::{
    BleReading, MAX_ITEMS, MAX_NAME_BYTES, Mac, Measurement, Observation, SCHEMA_VERSION, Uuid, WifiReading,
};

/// Version of the binary form.
pub const WIRE_VERSION: u8 = 1;
const MAGIC: [u8; 4] = *b"CTOB";

/// Why bytes are not observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The first four bytes are not `CTOB`.
    NotObservations,
    /// Of another version of the form.
    UnknownVersion(u8),
    /// The bytes end before what they announce, at this byte.
    Truncated(usize),
    /// A number, a name or a count is not one, before this byte.
    Invalid(usize),
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotObservations => write!(f, "not observations: the bytes do not begin with CTOB"),
            Self::UnknownVersion(version) => {
                write!(f, "observations of version {version} of the binary form, expected {WIRE_VERSION}")
            }
            Self::Truncated(at) => write!(f, "the observations end at byte {at}, before what they announce"),
            Self::Invalid(at) => write!(f, "what lies before byte {at} of the observations is no value of its field"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Observations as bytes. What lies outside of its field's range (see [`Observation::check`]) is left out; the number
/// of those comes back too.
pub fn encode(observations: &[Observation]) -> (Vec<u8>, usize) {
    let mut out = MAGIC.to_vec();
    out.push(WIRE_VERSION);
    let (mut before_us, mut left_out) = (0, 0);
    for observation in observations {
        let mut observation = observation.clone();
        if observation.check().is_err() {
            left_out += 1;
            continue;
        }
        let mut body = Writer(vec![observation.what.kind() as u8]);
        // The writer cannot fail.
        let _ = record(&mut body, &mut observation, &mut before_us);
        varint(&mut out, body.0.len() as u64);
        out.extend(body.0);
    }
    (out, left_out)
}

/// The observations in bytes that [`encode`] made. Records of kinds that this version does not know are skipped. No
/// count is believed before it is compared with what is there.
///
/// # Errors
/// [`DecodeError`], for anything else.
pub fn decode(bytes: &[u8]) -> Result<Vec<Observation>, DecodeError> {
    if bytes.len() < 4 || bytes[..4] != MAGIC {
        return Err(DecodeError::NotObservations);
    }
    let version = *bytes.get(4).ok_or(DecodeError::Truncated(4))?;
    if version != WIRE_VERSION {
        return Err(DecodeError::UnknownVersion(version));
    }
    let mut reader = Reader { bytes, at: 5 };
    let mut before_us = 0;
    let mut observations = Vec::new();
    while reader.at < bytes.len() {
        let length = usize::try_from(reader.varint()?).map_err(|_| DecodeError::Invalid(reader.at))?;
        let end = reader.at.checked_add(length).filter(|end| *end <= bytes.len());
        let end = end.ok_or(DecodeError::Truncated(bytes.len()))?;
        let mut body = Reader { bytes: &bytes[..end], at: reader.at };
        let kind = body.byte()?;
        if let Some(what) = blank(kind) {
            let mut observation = Observation::new(0.0, what);
            record(&mut body, &mut observation, &mut before_us)?;
            // What follows was appended by a later version.
            observation.check().map_err(|_| DecodeError::Invalid(body.at))?;
            observations.push(observation);
        }
        reader.at = end;
    }
    Ok(observations)
}

/// One description of the layout serves writing and reading: the writer looks at the values, the reader sets them.
trait Wire {
    fn integer(&mut self, value: &mut i64) -> Result<(), DecodeError>;
    /// Whether there is something.
    fn present(&mut self, is: bool) -> Result<bool, DecodeError>;
    /// How many there are, at most `most`.
    fn count(&mut self, n: usize, most: usize) -> Result<usize, DecodeError>;
    fn raw(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError>;
    fn invalid(&self) -> DecodeError;

    /// A number in steps of 1/`per_unit`.
    fn number(&mut self, value: &mut f64, per_unit: f64) -> Result<(), DecodeError> {
        let mut steps = (*value * per_unit).round() as i64;
        self.integer(&mut steps)?;
        *value = steps as f64 / per_unit;
        Ok(())
    }

    fn numbers(&mut self, values: &mut [f64], per_unit: f64) -> Result<(), DecodeError> {
        values.iter_mut().try_for_each(|value| self.number(value, per_unit))
    }

    /// A number above 0, in thousandths.
    fn positive(&mut self, value: &mut f64) -> Result<(), DecodeError> {
        *value = value.max(0.001);
        self.number(value, 1e3)
    }

    fn whole<T: Copy + Into<i64> + TryFrom<i64>>(&mut self, value: &mut T) -> Result<(), DecodeError> {
        let mut wide = (*value).into();
        self.integer(&mut wide)?;
        *value = T::try_from(wide).map_err(|_| self.invalid())?;
        Ok(())
    }

    fn name(&mut self, text: &mut String) -> Result<(), DecodeError> {
        let n = self.count(text.len(), MAX_NAME_BYTES)?;
        let mut bytes = std::mem::take(text).into_bytes();
        bytes.resize(n, 0);
        self.raw(&mut bytes)?;
        *text = String::from_utf8(bytes).map_err(|_| self.invalid())?;
        Ok(())
    }

    fn maybe<T: Clone>(
        &mut self,
        value: &mut Option<T>,
        blank: T,
        field: impl FnOnce(&mut Self, &mut T) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if !self.present(value.is_some())? {
            *value = None;
            return Ok(());
        }
        field(self, value.get_or_insert(blank))
    }

    fn maybe_number(&mut self, value: &mut Option<f64>, per_unit: f64) -> Result<(), DecodeError> {
        self.maybe(value, 0.0, |wire, x| wire.number(x, per_unit))
    }
}

const DEGREES: f64 = 1e8;
const METRES: f64 = 1e3;
const HUNDREDTHS: f64 = 1e2;
const MOTION: f64 = 1e4;

fn record<W: Wire>(wire: &mut W, observation: &mut Observation, before_us: &mut i64) -> Result<(), DecodeError> {
    let time_us = (observation.time_ms * 1e3).round() as i64;
    let mut step = time_us.wrapping_sub(*before_us);
    wire.integer(&mut step)?;
    *before_us = before_us.checked_add(step).ok_or_else(|| wire.invalid())?;
    observation.time_ms = *before_us as f64 / 1e3;
    observation.v = SCHEMA_VERSION;
    wire.maybe_number(&mut observation.wall_ms, 1.0)?;
    measurement(wire, &mut observation.what)
}

fn measurement<W: Wire>(wire: &mut W, what: &mut Measurement) -> Result<(), DecodeError> {
    match what {
        Measurement::Gnss { lon, lat, accuracy_m, altitude_m, satellites, cn0_dbhz, speed_mps, course_deg } => {
            wire.number(lon, DEGREES)?;
            wire.number(lat, DEGREES)?;
            wire.positive(accuracy_m)?;
            wire.maybe_number(altitude_m, METRES)?;
            wire.maybe(satellites, 0, W::whole)?;
            wire.maybe_number(cn0_dbhz, HUNDREDTHS)?;
            wire.maybe_number(speed_mps, METRES)?;
            wire.maybe_number(course_deg, HUNDREDTHS)
        }
        Measurement::Wifi { readings } => {
            let n = wire.count(readings.len(), MAX_ITEMS)?;
            readings.resize(n, blank_wifi());
            readings.iter_mut().try_for_each(|reading| wifi(wire, reading))
        }
        Measurement::Ble { readings } => {
            let n = wire.count(readings.len(), MAX_ITEMS)?;
            readings.resize(n, blank_ble());
            readings.iter_mut().try_for_each(|reading| ble(wire, reading))
        }
        Measurement::Uwb { anchor, range_m, sigma_m } => {
            wire.name(anchor)?;
            wire.number(range_m, METRES)?;
            wire.positive(sigma_m)
        }
        Measurement::Inertial { accel_mps2, gyro_radps, magnet_ut, rotation } => {
            wire.numbers(accel_mps2, MOTION)?;
            wire.maybe(gyro_radps, [0.0; 3], |wire, v| wire.numbers(v, MOTION))?;
            wire.maybe(magnet_ut, [0.0; 3], |wire, v| wire.numbers(v, 1e3))?;
            wire.maybe(rotation, [0.0; 3], |wire, v| wire.numbers(v, 1e6))
        }
        Measurement::Barometer { pressure_hpa } => wire.number(pressure_hpa, 1e3),
        Measurement::Marker { id, at_m, floor, sigma_m } => {
            wire.name(id)?;
            wire.maybe(at_m, [0.0; 2], |wire, v| wire.numbers(v, METRES))?;
            wire.maybe(floor, 0, W::whole)?;
            wire.positive(sigma_m)
        }
        Measurement::HostFix { lon, lat, accuracy_m, floor } => {
            wire.number(lon, DEGREES)?;
            wire.number(lat, DEGREES)?;
            wire.positive(accuracy_m)?;
            wire.maybe(floor, 0, W::whole)
        }
        Measurement::MapTap { at_m, floor, sigma_m } => {
            wire.numbers(at_m, METRES)?;
            wire.whole(floor)?;
            wire.positive(sigma_m)
        }
    }
}

fn wifi<W: Wire>(wire: &mut W, reading: &mut WifiReading) -> Result<(), DecodeError> {
    wire.raw(&mut reading.bssid.0)?;
    wire.number(&mut reading.rssi_dbm, HUNDREDTHS)?;
    wire.maybe(&mut reading.frequency_mhz, 0, W::whole)?;
    wire.maybe_number(&mut reading.age_ms, 1e3)?;
    wire.maybe_number(&mut reading.rtt_m, METRES)?;
    wire.maybe(&mut reading.rtt_sigma_m, 0.0, W::positive)
}

fn ble<W: Wire>(wire: &mut W, reading: &mut BleReading) -> Result<(), DecodeError> {
    wire.raw(&mut reading.mac.0)?;
    wire.number(&mut reading.rssi_dbm, HUNDREDTHS)?;
    wire.maybe_number(&mut reading.tx_power_dbm, HUNDREDTHS)?;
    wire.maybe(&mut reading.uuid, Uuid([0; 16]), |wire, uuid| wire.raw(&mut uuid.0))?;
    wire.maybe(&mut reading.major_minor, [0; 2], |wire, pair| pair.iter_mut().try_for_each(|n| wire.whole(n)))
}

/// The measurement of a kind's number, with nothing in it; `None` for kinds that this version does not know.
fn blank(kind: u8) -> Option<Measurement> {
    Some(match kind {
        0 => Measurement::Gnss {
            lon: 0.0,
            lat: 0.0,
            accuracy_m: 1.0,
            altitude_m: None,
            satellites: None,
            cn0_dbhz: None,
            speed_mps: None,
            course_deg: None,
        },
        1 => Measurement::Wifi { readings: Vec::new() },
        2 => Measurement::Ble { readings: Vec::new() },
        3 => Measurement::Uwb { anchor: String::new(), range_m: 0.0, sigma_m: 1.0 },
        4 => Measurement::Inertial { accel_mps2: [0.0; 3], gyro_radps: None, magnet_ut: None, rotation: None },
        5 => Measurement::Barometer { pressure_hpa: 1000.0 },
        6 => Measurement::Marker { id: String::new(), at_m: None, floor: None, sigma_m: 1.0 },
        7 => Measurement::HostFix { lon: 0.0, lat: 0.0, accuracy_m: 1.0, floor: None },
        8 => Measurement::MapTap { at_m: [0.0; 2], floor: 0, sigma_m: 1.0 },
        _ => return None,
    })
}

fn blank_wifi() -> WifiReading {
    WifiReading { bssid: Mac([0; 6]), rssi_dbm: 0.0, frequency_mhz: None, age_ms: None, rtt_m: None, rtt_sigma_m: None }
}

fn blank_ble() -> BleReading {
    BleReading { mac: Mac([0; 6]), rssi_dbm: 0.0, tx_power_dbm: None, uuid: None, major_minor: None }
}

struct Writer(Vec<u8>);

impl Wire for Writer {
    fn integer(&mut self, value: &mut i64) -> Result<(), DecodeError> {
        varint(&mut self.0, ((*value << 1) ^ (*value >> 63)) as u64);
        Ok(())
    }

    fn present(&mut self, is: bool) -> Result<bool, DecodeError> {
        self.0.push(is.into());
        Ok(is)
    }

    fn count(&mut self, n: usize, _: usize) -> Result<usize, DecodeError> {
        varint(&mut self.0, n as u64);
        Ok(n)
    }

    fn raw(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn invalid(&self) -> DecodeError {
        DecodeError::Invalid(0)
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let byte = *self.bytes.get(self.at).ok_or(DecodeError::Truncated(self.at))?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Invalid(self.at))
    }
}

impl Wire for Reader<'_> {
    fn integer(&mut self, value: &mut i64) -> Result<(), DecodeError> {
        let coded = self.varint()?;
        *value = (coded >> 1) as i64 ^ -((coded & 1) as i64);
        Ok(())
    }

    fn present(&mut self, _: bool) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.invalid()),
        }
    }

    fn count(&mut self, _: usize, most: usize) -> Result<usize, DecodeError> {
        let n = usize::try_from(self.varint()?).map_err(|_| self.invalid())?;
        // Whatever is counted takes a byte at least.
        if n > most {
            return Err(self.invalid());
        }
        if n > self.bytes.len() - self.at { Err(DecodeError::Truncated(self.bytes.len())) } else { Ok(n) }
    }

    fn raw(&mut self, bytes: &mut [u8]) -> Result<(), DecodeError> {
        let from = self.bytes.get(self.at..self.at + bytes.len()).ok_or(DecodeError::Truncated(self.bytes.len()))?;
        bytes.copy_from_slice(from);
        self.at += bytes.len();
        Ok(())
    }

    fn invalid(&self) -> DecodeError {
        DecodeError::Invalid(self.at)
    }
}
