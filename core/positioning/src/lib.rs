//! Observations to position, with honest uncertainty, on the visitor's own device.
//!
//! # Conventions
//! * The host feeds [`Observation`]s; this crate reads no sensor, no clock and no network, and nothing leaves it but
//!   its return values. Times are milliseconds on a clock of the host's that never goes back.
//! * Positions at the surface are degrees (WGS84, longitude first) and metres; inside, metres east and north of the
//!   first fix. `accuracy_m` is the radius that holds the truth 95 times in 100, as in the W3C Geolocation API.
//! * A bad observation is a [`Rejected`] value; it never changes the state and never panics.
//!
//! Today: satellite fixes outdoors, through one Kalman filter. Radio maps, floors and dead reckoning build on the same
//! observation and answer types.

mod outdoor;

pub use outdoor::OutdoorFilter;

use serde::{Deserialize, Serialize};

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[non_exhaustive]
pub enum Observation {
    /// A satellite fix, as a browser's or a phone's own positioning gives it.
    #[serde(rename_all = "camelCase")]
    Gnss {
        /// Milliseconds on the host's monotonic clock.
        time_ms: f64,
        /// Degrees (WGS84).
        lon: f64,
        /// Degrees (WGS84).
        lat: f64,
        /// 95 % radius, metres; above 0.
        accuracy_m: f64,
    },
}

/// Where the visitor is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Time of the newest observation that counted, milliseconds on the host's clock.
    pub time_ms: f64,
    /// Degrees (WGS84).
    pub lon: f64,
    /// Degrees (WGS84).
    pub lat: f64,
    /// 95 % radius, metres.
    pub accuracy_m: f64,
    /// Metres per second over ground.
    pub speed_mps: f64,
    /// Degrees clockwise from north; absent below 0.5 m/s, where it means nothing.
    pub heading_deg: Option<f64>,
    /// How the answer came about.
    pub status: Status,
}

/// How a position came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// From one observation.
    FirstFix,
    /// From several observations that agree.
    Tracking,
}

/// Why an observation did not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rejected {
    /// A number is not finite or out of its range.
    Absurd,
    /// Older than, or as old as, one that counted already.
    Late,
    /// Too far from where the visitor can be; the third in a row starts the track anew.
    Outlier,
}
