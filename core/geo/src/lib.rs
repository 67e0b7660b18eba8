//! Frames and datums, in `f64`, as pure functions.
//!
//! # Conventions
//! * **Destination first**: `ecef_from_geodetic`, `enu_from_ecef`, so that chains read from right to left.
//! * Longitude before latitude, always. Angles at the public surface of the twin (manifest, CLI, SDK) are
//!   degrees and say so (`lon`, `lat`, `_deg`); inside they are radians and say so (`_rad`).
//! * Heights are metres above the WGS84 ellipsoid unless a name says otherwise.
//! * ECEF: metres, x towards 0°N 0°E, z towards the north pole. ENU: x east, y north, z up, right-handed.
//! * Rotation matrices and origins are column-major [`glam::DMat4`].
//!
//! This crate knows nothing of tiles, files, the clock or the network.

mod china;
mod frame;
mod view;
mod wgs84;

pub use china::{bd09_from_gcj02, gcj02_from_bd09, gcj02_from_wgs84, wgs84_from_gcj02};
pub use frame::{EnuFrame, LonLatRect};
pub use view::LookAt;
pub use wgs84::{
    Geodetic, WGS84_A, WGS84_B, WGS84_E2, ecef_from_geodetic, geodetic_from_ecef, lonlat_from_web_mercator,
    surface_normal_ecef, web_mercator_from_lonlat,
};
