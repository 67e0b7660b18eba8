//! The WGS84 ellipsoid (NIMA TR8350.2) and spherical Web Mercator (EPSG:3857).

use glam::DVec3;
use serde::{Deserialize, Serialize};

/// Semi-major axis of WGS84, metres.
pub const WGS84_A: f64 = 6_378_137.0;
/// Flattening of WGS84.
const WGS84_F: f64 = 1.0 / 298.257_223_563;
/// Semi-minor axis of WGS84, metres.
pub const WGS84_B: f64 = WGS84_A * (1.0 - WGS84_F);
/// First eccentricity squared of WGS84.
pub const WGS84_E2: f64 = WGS84_F * (2.0 - WGS84_F);

/// A point on or above the WGS84 ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Geodetic {
    /// Longitude, radians, east positive.
    pub lon_rad: f64,
    /// Geodetic latitude, radians, north positive.
    pub lat_rad: f64,
    /// Metres above the ellipsoid.
    pub height_m: f64,
}

impl Geodetic {
    /// From degrees and metres.
    pub fn from_degrees(lon: f64, lat: f64, height_m: f64) -> Self {
        Self { lon_rad: lon.to_radians(), lat_rad: lat.to_radians(), height_m }
    }

    /// Longitude in degrees.
    pub fn lon(&self) -> f64 {
        self.lon_rad.to_degrees()
    }

    /// Latitude in degrees.
    pub fn lat(&self) -> f64 {
        self.lat_rad.to_degrees()
    }
}

/// ECEF position (metres) of a geodetic point.
pub fn ecef_from_geodetic(p: Geodetic) -> DVec3 {
    let (sin_lat, cos_lat) = p.lat_rad.sin_cos();
    let (sin_lon, cos_lon) = p.lon_rad.sin_cos();
    let n = WGS84_A / (1.0 - WGS84_E2 * sin_lat * sin_lat).sqrt();
    DVec3::new(
        (n + p.height_m) * cos_lat * cos_lon,
        (n + p.height_m) * cos_lat * sin_lon,
        (n * (1.0 - WGS84_E2) + p.height_m) * sin_lat,
    )
}

/// Geodetic point of an ECEF position (metres).
///
/// Bowring's formula (1976) followed by two refinements; under a micrometre from 10 km below the surface to
/// geostationary height. At the Earth's centre the answer is longitude 0, latitude 90°, height −b.
pub fn geodetic_from_ecef(ecef: DVec3) -> Geodetic {
    let p = ecef.truncate().length();
    let lon_rad = if p > 0.0 { ecef.y.atan2(ecef.x) } else { 0.0 };
    let ep2 = WGS84_E2 / (1.0 - WGS84_E2);
    // The parametric latitude, improved from the geodetic one each round.
    let mut beta = (ecef.z * WGS84_A).atan2(p * WGS84_B);
    let mut lat_rad = 0.0;
    for _ in 0..3 {
        let (sin_b, cos_b) = beta.sin_cos();
        lat_rad = (ecef.z + ep2 * WGS84_B * sin_b.powi(3)).atan2(p - WGS84_E2 * WGS84_A * cos_b.powi(3));
        beta = ((1.0 - WGS84_F) * lat_rad.sin()).atan2(lat_rad.cos());
    }
    let (sin_lat, cos_lat) = lat_rad.sin_cos();
    let n = WGS84_A / (1.0 - WGS84_E2 * sin_lat * sin_lat).sqrt();
    // Stable at the poles as well as at the equator.
    let height_m = p * cos_lat + ecef.z * sin_lat - WGS84_A * WGS84_A / n;
    Geodetic { lon_rad, lat_rad, height_m }
}

/// Unit normal of the ellipsoid (ECEF) above the given longitude and latitude.
pub fn surface_normal_ecef(lon_rad: f64, lat_rad: f64) -> DVec3 {
    let (sin_lat, cos_lat) = lat_rad.sin_cos();
    let (sin_lon, cos_lon) = lon_rad.sin_cos();
    DVec3::new(cos_lat * cos_lon, cos_lat * sin_lon, sin_lat)
}

/// Web Mercator (EPSG:3857) metres of a longitude and latitude in degrees; latitude is clamped to ±85.06°.
pub fn web_mercator_from_lonlat(lon: f64, lat: f64) -> (f64, f64) {
    let lat = lat.clamp(-85.06, 85.06).to_radians();
    (WGS84_A * lon.to_radians(), WGS84_A * (std::f64::consts::FRAC_PI_4 + lat / 2.0).tan().ln())
}

/// Longitude and latitude in degrees of Web Mercator (EPSG:3857) metres.
pub fn lonlat_from_web_mercator(x: f64, y: f64) -> (f64, f64) {
    ((x / WGS84_A).to_degrees(), (y / WGS84_A).sinh().atan().to_degrees())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points_have_their_published_ecef() {
        // EPSG Guidance Note 7-2, section 4.1.1: 53°48'33.820"N 2°07'46.380"E 73.0 m.
        let p = Geodetic::from_degrees(2.0 + 7.0 / 60.0 + 46.380 / 3600.0, 53.0 + 48.0 / 60.0 + 33.820 / 3600.0, 73.0);
        let ecef = ecef_from_geodetic(p);
        assert!((ecef - DVec3::new(3_771_793.968, 140_253.342, 5_124_304.349)).length() < 2e-3, "{ecef}");
        // Longitude 0, latitude 0 lies on the x axis; the pole on the z axis.
        assert_eq!(ecef_from_geodetic(Geodetic::from_degrees(0.0, 0.0, 0.0)), DVec3::new(WGS84_A, 0.0, 0.0));
        assert!((ecef_from_geodetic(Geodetic::from_degrees(0.0, 90.0, 0.0)).z - WGS84_B).abs() < 1e-8);
    }

    #[test]
    fn geodetic_survives_the_round_trip_everywhere() {
        for lon in (-180..=180).step_by(15) {
            for lat in (-90..=90).step_by(5) {
                for height_m in [-10_000.0, 0.0, 8_848.0, 35_786_000.0] {
                    let p = Geodetic::from_degrees(f64::from(lon), f64::from(lat), height_m);
                    let ecef = ecef_from_geodetic(p);
                    let q = geodetic_from_ecef(ecef);
                    assert!(
                        (ecef_from_geodetic(q) - ecef).length() < 1e-6 * (1.0 + height_m.abs() * 1e-6),
                        "{p:?} {q:?}"
                    );
                    assert!((q.height_m - height_m).abs() < 1e-6 * (1.0 + height_m.abs() * 1e-6), "{p:?} {q:?}");
                }
            }
        }
        assert!(geodetic_from_ecef(DVec3::ZERO).height_m.is_finite());
    }

    #[test]
    fn web_mercator_matches_epsg_3857() {
        // EPSG Guidance Note 7-2, Popular Visualisation Pseudo-Mercator: 24°22'54.433"N 100°20'00.000"W.
        let (lon, lat) = (-(100.0 + 20.0 / 60.0), 24.0 + 22.0 / 60.0 + 54.433 / 3600.0);
        let (x, y) = web_mercator_from_lonlat(lon, lat);
        assert!((x + 11_169_055.58).abs() < 0.01 && (y - 2_800_000.00).abs() < 0.01, "{x} {y}");
        let (lon2, lat2) = lonlat_from_web_mercator(x, y);
        assert!((lon2 - lon).abs() < 1e-12 && (lat2 - lat).abs() < 1e-12);
    }
}
