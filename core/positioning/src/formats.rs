//! Readers of published survey formats: text in, fingerprints and observations out.

use crate::observation::{BleReading, Mac, Measurement, Observation, Uuid, WifiReading};
use crate::radio::{Fingerprint, Place};

/// Reads a fingerprint table in UJIIndoorLoc's form (Torres-Sospedra et al. 2014, "UJIIndoorLoc: a new
/// multi-building and multi-floor database for WLAN fingerprint-based indoor localization problems", IPIN): 520
/// columns of dBm with 100 for "not heard", then longitude and latitude in Web-Mercator metres, floor, building,
/// space, position, user, phone, time. The group of a fingerprint is its user. Returns the fingerprints and how many
/// lines could not be read.
pub fn read_uji(csv: &str) -> (Vec<Fingerprint>, usize) {
    let mut fingerprints = Vec::new();
    let mut bad = 0;
    for line in csv.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        match uji_line(line) {
            Some(fingerprint) => fingerprints.push(fingerprint),
            None => bad += 1,
        }
    }
    (fingerprints, bad)
}

fn uji_line(line: &str) -> Option<Fingerprint> {
    let numbers: Vec<f64> = line
        .split(',')
        .map(|field| field.trim().parse().ok().filter(|x: &f64| x.is_finite()))
        .collect::<Option<_>>()?;
    if numbers.len() != 529 {
        return None;
    }
    let readings =
        (1..).zip(&numbers[..520]).filter(|(_, x)| **x < 100.0).map(|(n, x)| (Mac::from_index(n), *x)).collect();
    Some(Fingerprint {
        place: Place { at_m: [numbers[520], numbers[521]], floor: numbers[522] as i16, building: numbers[523] as u16 },
        readings,
        group: numbers[526] as u32,
    })
}

/// One walk of the mall's form: what the phone measured, and where the surveyor was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Walk {
    /// What the phone measured, in order of time.
    pub observations: Vec<Observation>,
    /// Time in milliseconds and true place in metres, in order of time. Truth, never input.
    pub waypoints: Vec<(f64, [f64; 2])>,
    /// Lines that could not be read.
    pub bad_lines: usize,
}

impl Walk {
    /// The true place at a time, on the straight line between way-points; `None` before the first or after the last.
    pub fn truth_at(&self, time_ms: f64) -> Option<[f64; 2]> {
        let after = self.waypoints.iter().position(|w| w.0 >= time_ms)?;
        let (t1, b) = self.waypoints[after];
        if after == 0 {
            return (t1 == time_ms).then_some(b);
        }
        let (t0, a) = self.waypoints[after - 1];
        let s = if t1 > t0 { (time_ms - t0) / (t1 - t0) } else { 0.0 };
        Some([a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1])])
    }
}

/// Reads a walk in the form of the Indoor Location Competition 2.0 data (Microsoft Research and XYZ10, 2020): lines
/// of `epoch_ms`, `TYPE_…`, values, with tabs between. Inertial values of one time become one observation, WiFi lines
/// of one time one scan whose readings carry their age; Bluetooth lines become one observation each time.
pub fn read_walk(text: &str) -> Walk {
    let mut walk = Walk::default();
    // One observation under construction per kind: inertial, WiFi.
    let mut inertial: Option<(f64, Inertial)> = None;
    let mut scan: Option<(f64, Vec<WifiReading>)> = None;
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let Some((time_ms, kind)) = fields.first().and_then(|t| t.parse::<f64>().ok()).zip(fields.get(1)) else {
            walk.bad_lines += 1;
            continue;
        };
        let read = match *kind {
            "TYPE_WAYPOINT" => vector::<2>(&fields).map(|at| walk.waypoints.push((time_ms, at))),
            "TYPE_WIFI" => wifi_reading(time_ms, &fields).map(|reading| {
                if scan.as_ref().is_some_and(|s| s.0 != time_ms) {
                    finish_scan(&mut walk, scan.take());
                }
                scan.get_or_insert_with(|| (time_ms, Vec::new())).1.push(reading);
            }),
            "TYPE_ACCELEROMETER" | "TYPE_GYROSCOPE" | "TYPE_MAGNETIC_FIELD" | "TYPE_ROTATION_VECTOR" => {
                vector::<3>(&fields).map(|v| {
                    if inertial.as_ref().is_some_and(|i| i.0 != time_ms) {
                        finish_inertial(&mut walk, inertial.take());
                    }
                    let sample = &mut inertial.get_or_insert_with(|| (time_ms, Inertial::default())).1;
                    match *kind {
                        "TYPE_ACCELEROMETER" => sample.accel = Some(v),
                        "TYPE_GYROSCOPE" => sample.gyro = Some(v),
                        "TYPE_MAGNETIC_FIELD" => sample.magnet = Some(v),
                        _ => sample.rotation = Some(v),
                    }
                })
            }
            "TYPE_BEACON" => beacon(&fields).map(|reading| {
                let what = Measurement::Ble { readings: vec![reading] };
                walk.observations.push(Observation::new(time_ms, what));
            }),
            _ => Some(()),
        };
        walk.bad_lines += usize::from(read.is_none());
    }
    finish_scan(&mut walk, scan);
    finish_inertial(&mut walk, inertial);
    walk.observations.sort_by(|a, b| a.time_ms.total_cmp(&b.time_ms));
    walk.waypoints.sort_by(|a, b| a.0.total_cmp(&b.0));
    walk
}

#[derive(Default)]
struct Inertial {
    accel: Option<[f64; 3]>,
    gyro: Option<[f64; 3]>,
    magnet: Option<[f64; 3]>,
    rotation: Option<[f64; 3]>,
}

fn finish_inertial(walk: &mut Walk, done: Option<(f64, Inertial)>) {
    let Some((time_ms, sample)) = done else { return };
    let Some(accel_mps2) = sample.accel else { return };
    let what = Measurement::Inertial {
        accel_mps2,
        gyro_radps: sample.gyro,
        magnet_ut: sample.magnet,
        rotation: sample.rotation,
    };
    walk.observations.push(Observation::new(time_ms, what));
}

fn finish_scan(walk: &mut Walk, done: Option<(f64, Vec<WifiReading>)>) {
    let Some((time_ms, readings)) = done else { return };
    walk.observations.push(Observation::new(time_ms, Measurement::Wifi { readings }));
}

fn vector<const N: usize>(fields: &[&str]) -> Option<[f64; N]> {
    let mut values = [0.0; N];
    for (value, field) in values.iter_mut().zip(fields.get(2..2 + N)?) {
        *value = field.parse().ok().filter(|x: &f64| x.is_finite())?;
    }
    Some(values)
}

/// Fields: time, type, network name, address, dBm, MHz, time last seen.
fn wifi_reading(time_ms: f64, fields: &[&str]) -> Option<WifiReading> {
    let last_seen: Option<f64> = fields.get(6).and_then(|f| f.parse().ok());
    Some(WifiReading {
        bssid: Mac::parse(fields.get(3)?)?,
        rssi_dbm: fields.get(4)?.parse().ok()?,
        frequency_mhz: fields.get(5).and_then(|f| f.parse().ok()),
        age_ms: last_seen.map(|seen| (time_ms - seen).max(0.0)),
        rtt_m: None,
        rtt_sigma_m: None,
    })
}

/// Fields: time, type, proximity UUID, major, minor, dBm at 1 m, dBm, distance, address.
fn beacon(fields: &[&str]) -> Option<BleReading> {
    Some(BleReading {
        mac: Mac::parse(fields.get(8)?)?,
        rssi_dbm: fields.get(6)?.parse().ok()?,
        tx_power_dbm: fields.get(5).and_then(|f| f.parse().ok()),
        uuid: fields.get(2).and_then(|f| Uuid::parse(f)),
        major_minor: fields
            .get(3)
            .and_then(|f| f.parse().ok())
            .zip(fields.get(4).and_then(|f| f.parse().ok()))
            .map(Into::into),
    })
}

impl Walk {
    /// The walk's scans as fingerprints of a floor: the readings younger than `max_age_ms`, at the true place
    /// `scan_lag_ms` before the scan was reported. Scans before the first and after the last way-point are left out.
    pub fn fingerprints(&self, floor: i16, group: u32, max_age_ms: f64, scan_lag_ms: f64) -> Vec<Fingerprint> {
        let fingerprint = |observation: &Observation| {
            let Measurement::Wifi { readings } = &observation.what else { return None };
            let at_m = self.truth_at(observation.time_ms - scan_lag_ms)?;
            let fresh = readings.iter().filter(|r| r.age_ms.is_none_or(|age| age <= max_age_ms));
            let readings = fresh.map(|r| (r.bssid, r.rssi_dbm)).collect();
            Some(Fingerprint { place: Place { at_m, floor, building: 0 }, readings, group })
        };
        self.observations.iter().filter_map(fingerprint).collect()
    }
}
