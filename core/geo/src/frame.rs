//! Local east-north-up frames and geographic rectangles.

use crate::{Geodetic, ecef_from_geodetic, geodetic_from_ecef, surface_normal_ecef};
use glam::{DMat4, DVec2, DVec3, DVec4};
use serde::{Deserialize, Serialize};

/// A local tangent frame: metres east, north and up of an origin on the ellipsoid.
#[derive(Clone, Copy, Debug)]
pub struct EnuFrame {
    /// Where the frame touches the ellipsoid (or floats above it).
    pub origin: Geodetic,
    /// Rigid transform from ENU to ECEF.
    pub ecef_from_enu: DMat4,
    /// Its inverse.
    pub enu_from_ecef: DMat4,
}

impl EnuFrame {
    /// The frame at `origin`. At the poles, east is that of the given longitude.
    pub fn new(origin: Geodetic) -> Self {
        let up = surface_normal_ecef(origin.lon_rad, origin.lat_rad);
        let east = DVec3::new(-origin.lon_rad.sin(), origin.lon_rad.cos(), 0.0);
        let north = up.cross(east);
        let o = ecef_from_geodetic(origin);
        let ecef_from_enu =
            DMat4::from_cols(east.extend(0.0), north.extend(0.0), up.extend(0.0), DVec4::new(o.x, o.y, o.z, 1.0));
        // A rigid transform inverts exactly by transposing its rotation.
        let enu_from_ecef = DMat4::from_cols(
            DVec4::new(east.x, north.x, up.x, 0.0),
            DVec4::new(east.y, north.y, up.y, 0.0),
            DVec4::new(east.z, north.z, up.z, 0.0),
            DVec4::new(-east.dot(o), -north.dot(o), -up.dot(o), 1.0),
        );
        Self { origin, ecef_from_enu, enu_from_ecef }
    }

    /// ENU metres of a geodetic point.
    pub fn enu_from_geodetic(&self, p: Geodetic) -> DVec3 {
        self.enu_from_ecef.transform_point3(ecef_from_geodetic(p))
    }

    /// Geodetic point of ENU metres.
    pub fn geodetic_from_enu(&self, enu: DVec3) -> Geodetic {
        geodetic_from_ecef(self.ecef_from_enu.transform_point3(enu))
    }

    /// Height (ENU z, metres) at which the ellipsoid's surface lies below or above `xy`: 0 at the origin, about
    /// −8 cm at 1 km, −7.8 m at 10 km. Added to heights above ground to bend a flat map onto the Earth.
    pub fn surface_z(&self, xy: DVec2) -> f64 {
        // Two Newton steps on the height of the point suffice up to several hundred kilometres.
        let mut z = 0.0;
        for _ in 0..3 {
            z -= self.geodetic_from_enu(xy.extend(z)).height_m - self.origin.height_m;
        }
        z
    }
}

/// A rectangle in longitude and latitude, degrees. Does not cross the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LonLatRect {
    /// Western edge, degrees.
    pub west: f64,
    /// Southern edge, degrees.
    pub south: f64,
    /// Eastern edge, degrees.
    pub east: f64,
    /// Northern edge, degrees.
    pub north: f64,
}

impl LonLatRect {
    /// The empty rectangle, ready to be [extended](Self::extend).
    pub const EMPTY: Self =
        Self { west: f64::INFINITY, south: f64::INFINITY, east: f64::NEG_INFINITY, north: f64::NEG_INFINITY };

    /// Grows to hold the point (degrees).
    pub fn extend(&mut self, lon: f64, lat: f64) {
        self.west = self.west.min(lon);
        self.south = self.south.min(lat);
        self.east = self.east.max(lon);
        self.north = self.north.max(lat);
    }

    /// True when no point was ever inside.
    pub fn is_empty(&self) -> bool {
        !(self.west <= self.east && self.south <= self.north)
    }

    /// Whether the point (degrees) lies inside or on the border.
    pub fn contains(&self, lon: f64, lat: f64) -> bool {
        (self.west..=self.east).contains(&lon) && (self.south..=self.north).contains(&lat)
    }

    /// The centre, degrees: longitude, latitude.
    pub fn center(&self) -> (f64, f64) {
        ((self.west + self.east) / 2.0, (self.south + self.north) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enu_axes_point_east_north_and_up() {
        let frame = EnuFrame::new(Geodetic::from_degrees(24.945, 60.17, 0.0));
        let near = |lon: f64, lat: f64, h: f64| frame.enu_from_geodetic(Geodetic::from_degrees(lon, lat, h));
        assert!(near(24.945, 60.17, 0.0).length() < 1e-8);
        let east = near(24.946, 60.17, 0.0);
        assert!(east.x > 55.0 && east.y.abs() < 0.01, "{east}");
        let north = near(24.945, 60.171, 0.0);
        assert!(north.y > 111.0 && north.x.abs() < 1e-6, "{north}");
        let up = near(24.945, 60.17, 10.0);
        assert!((up - DVec3::new(0.0, 0.0, 10.0)).length() < 1e-8, "{up}");
    }

    #[test]
    fn the_ground_falls_away_with_distance() {
        let frame = EnuFrame::new(Geodetic::from_degrees(120.15, 30.28, 0.0));
        assert!(frame.surface_z(DVec2::ZERO).abs() < 1e-9);
        let z = frame.surface_z(DVec2::new(10_000.0, 0.0));
        assert!((-7.9..-7.7).contains(&z), "{z}");
        let p = frame.geodetic_from_enu(DVec3::new(10_000.0, 0.0, z));
        assert!(p.height_m.abs() < 1e-6, "{p:?}");
    }
}
