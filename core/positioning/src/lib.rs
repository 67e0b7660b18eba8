//! Observations to position, with honest uncertainty, on the visitor's own device.
//!
//! # Conventions
//! * The host feeds [`Observation`]s; this crate reads no sensor, no clock and no network, and nothing leaves it but
//!   its return values. Times are milliseconds on a clock of the host's that never goes back.
//! * Positions at the surface are degrees (WGS84, longitude first) and metres; inside, metres east and north of the
//!   first fix. `accuracy_m` is the radius that holds the truth 95 times in 100, as in the W3C Geolocation API.
//! * A bad observation is a [`Rejected`] value; it never changes the state and never panics.
//!
//! Outdoors one Kalman filter over satellite fixes ([`OutdoorFilter`]); inside a particle filter over steps and
//! scans ([`IndoorFilter`]) on a radio map ([`radio`]) and in a [`venue`]; [`Positioner`] mixes both by the probability
//! to be indoors, and [`watch`] gives them the W3C's shape.

mod conformal;
mod ground;
mod handover;
mod heading;
mod indoor;
mod observation;
mod order;
mod outdoor;
mod pdr;
mod positioner;
mod random;

pub mod evaluate;
pub mod exposure;
pub mod formats;
pub mod json;
pub mod radio;
pub mod routes;
#[cfg(any(test, feature = "simulator"))]
pub mod simulate;
pub mod smooth;
pub mod venue;
pub mod watch;
pub mod wire;

pub use conformal::Radii;
pub use indoor::{IndoorFilter, IndoorOptions, IndoorPosition};
pub use observation::{
    BleReading, Counts, Intake, Mac, Measurement, Observation, Rejected, SCHEMA_VERSION, Uuid, WifiReading,
};
pub use outdoor::OutdoorFilter;
pub use pdr::{Step, StepDetector};
pub use positioner::{Positioner, PositionerOptions};

use serde::{Deserialize, Serialize};

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
    /// Nothing counted for some seconds: the radius grows.
    Coasting,
    /// Nothing counted for so long that the position means nothing.
    Lost,
}
