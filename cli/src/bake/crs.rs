//! Coordinate reference systems of inputs, by EPSG code or name → WGS84 longitude and latitude.
//!
//! Parameters come from the EPSG registry as PROJ strings, the arithmetic from `proj4rs`. Datum shifts are those of
//! three or seven parameters: they agree with national grids of corrections to about a metre.
//!
//! Only horizontal coordinates are changed. Heights stay what the input says, above whatever its vertical datum is
//! (NAP, DHHN, mean sea level): the difference from the ellipsoid's heights is nearly the same all over a city.

use citytwin_geo::{bd09_from_gcj02, gcj02_from_bd09, gcj02_from_wgs84, wgs84_from_gcj02};
use proj4rs::Proj;
use proj4rs::transform::transform;
use serde::Deserialize;

/// How the first two coordinates of an input are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AxisOrder {
    /// As the registry of the CRS says: often latitude or northing first.
    Authority,
    /// Easting or longitude first, whatever the CRS.
    EastNorth,
    /// Northing or latitude first, whatever the CRS.
    NorthEast,
}

/// A CRS of an input.
#[derive(Clone, Debug)]
pub(super) struct Crs {
    name: String,
    kind: Kind,
    /// Whether the registry has northing or latitude first.
    north_first: bool,
    order: AxisOrder,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Degrees of WGS84, or of what is the same within a metre.
    Wgs84,
    Gcj02,
    Bd09,
    Projected {
        proj: Box<Proj>,
        wgs84: Box<Proj>,
        in_degrees: bool,
    },
}

/// Why a name is no CRS that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CrsError {
    /// It has no such form.
    #[error("\"{0}\" names no coordinate reference system: write EPSG:28992, CRS84, GCJ-02, BD-09 or a PROJ string")]
    Name(String),
    /// The registry has no such code.
    #[error("EPSG:{0} is not in the registry that this build carries")]
    Code(u32),
    /// Its projection cannot be computed here.
    #[error("{name} cannot be computed: {message}")]
    Unsupported {
        /// The CRS.
        name: String,
        /// Why not.
        message: String,
    },
}

const WGS84: &str = "+proj=longlat +datum=WGS84 +no_defs";

impl Crs {
    /// WGS84 in degrees, longitude first (`OGC:CRS84`).
    pub(super) fn wgs84() -> Self {
        Self { name: "CRS84".into(), kind: Kind::Wgs84, north_first: false, order: AxisOrder::EastNorth }
    }

    /// The same with its axes to the east and to the north.
    pub(super) fn east_first(&self) -> Self {
        Self { order: AxisOrder::EastNorth, ..self.clone() }
    }

    /// Reads `EPSG:7415`, `urn:ogc:def:crs:EPSG::7415`, `https://www.opengis.net/def/crs/EPSG/0/7415`, the same for
    /// `CRS84`, `GCJ-02`, `BD-09`, and PROJ strings. Of a list of two (`…,crs:EPSG::25832,crs:EPSG::7837`) the first,
    /// horizontal one counts.
    ///
    /// # Errors
    /// [`CrsError`] for a name of no known form, a code that is not there, a projection that is not supported.
    pub(super) fn parse(text: &str, order: AxisOrder) -> Result<Self, CrsError> {
        let text = text.trim();
        let plain = text.to_ascii_uppercase().replace(['-', '_', ' '], "");
        let named = |kind, name: &str| Ok(Self { name: name.into(), kind, north_first: false, order });
        match plain.as_str() {
            "GCJ02" => return named(Kind::Gcj02, "GCJ-02"),
            "BD09" => return named(Kind::Bd09, "BD-09"),
            "WGS84" => return named(Kind::Wgs84, "CRS84"),
            _ if plain.ends_with("CRS84") || plain.ends_with("CRS84H") => return named(Kind::Wgs84, "CRS84"),
            _ => {}
        }
        if text.starts_with('+') {
            return Self::projected(text, text, false, order);
        }
        let code = epsg_code(text).ok_or_else(|| CrsError::Name(text.chars().take(80).collect()))?;
        Self::from_epsg(code, order)
    }

    fn from_epsg(code: u32, order: AxisOrder) -> Result<Self, CrsError> {
        let name = format!("EPSG:{code}");
        // WGS84 with and without heights.
        if matches!(code, 4326 | 4979) {
            return Ok(Self { name, kind: Kind::Wgs84, north_first: true, order });
        }
        let definition = u16::try_from(code).ok().and_then(crs_definitions::from_code).ok_or(CrsError::Code(code))?;
        Self::projected(&name, definition.proj4, is_north_first(code), order)
    }

    fn projected(name: &str, definition: &str, north_first: bool, order: AxisOrder) -> Result<Self, CrsError> {
        let unsupported = |error: proj4rs::errors::Error| CrsError::Unsupported {
            name: name.chars().take(80).collect(),
            message: error.to_string(),
        };
        // Heights are left alone, so their unit does not matter.
        let horizontal: Vec<&str> = definition.split_whitespace().filter(|word| !word.starts_with("+vunits")).collect();
        let proj = Proj::from_proj_string(&horizontal.join(" ")).map_err(unsupported)?;
        if proj.is_geocent() {
            return Err(CrsError::Unsupported {
                name: name.chars().take(80).collect(),
                message: "geocentric coordinates have no heights above ground".into(),
            });
        }
        let wgs84 = Box::new(Proj::from_proj_string(WGS84).map_err(unsupported)?);
        let in_degrees = proj.is_latlong();
        let kind = Kind::Projected { proj: Box::new(proj), wgs84, in_degrees };
        Ok(Self { name: name.into(), kind, north_first: north_first || in_degrees, order })
    }

    /// Its short name, `EPSG:7415`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether coordinates are degrees, so that values beyond ±360 are a sign of another CRS.
    pub(super) fn in_degrees(&self) -> bool {
        !matches!(&self.kind, Kind::Projected { in_degrees: false, .. })
    }

    /// Whether the second coordinate of a pair is the one that points east.
    pub(super) fn swaps_axes(&self) -> bool {
        match self.order {
            AxisOrder::Authority => self.north_first,
            AxisOrder::EastNorth => false,
            AxisOrder::NorthEast => true,
        }
    }

    /// Longitude and latitude in degrees (WGS84) of an input's first two coordinates; nothing where they lie outside
    /// of what the CRS can say, or of the Earth.
    pub(super) fn lonlat(&self, first: f64, second: f64) -> Option<[f64; 2]> {
        let (x, y) = if self.swaps_axes() { (second, first) } else { (first, second) };
        if !x.is_finite() || !y.is_finite() {
            return None;
        }
        let (lon, lat) = match &self.kind {
            Kind::Wgs84 => (x, y),
            Kind::Gcj02 => wgs84_from_gcj02(x, y),
            Kind::Bd09 => {
                let (lon, lat) = gcj02_from_bd09(x, y);
                wgs84_from_gcj02(lon, lat)
            }
            Kind::Projected { proj, wgs84, in_degrees } => {
                let mut point = if *in_degrees { (x.to_radians(), y.to_radians(), 0.0) } else { (x, y, 0.0) };
                transform(proj, wgs84, &mut point).ok()?;
                (point.0.to_degrees(), point.1.to_degrees())
            }
        };
        (lon.abs() <= 180.0 && lat.abs() <= 90.0).then_some([lon, lat])
    }
}

impl Crs {
    /// Easting and northing (or longitude and latitude), always in this order, of longitude and latitude in degrees
    /// (WGS84); nothing where the CRS has none.
    pub(super) fn coordinates_of(&self, lon: f64, lat: f64) -> Option<[f64; 2]> {
        let (x, y) = match &self.kind {
            Kind::Wgs84 => (lon, lat),
            Kind::Gcj02 => gcj02_from_wgs84(lon, lat),
            Kind::Bd09 => {
                let (lon, lat) = gcj02_from_wgs84(lon, lat);
                bd09_from_gcj02(lon, lat)
            }
            Kind::Projected { proj, wgs84, in_degrees } => {
                let mut point = (lon.to_radians(), lat.to_radians(), 0.0);
                transform(wgs84, proj, &mut point).ok()?;
                if *in_degrees { (point.0.to_degrees(), point.1.to_degrees()) } else { (point.0, point.1) }
            }
        };
        (x.is_finite() && y.is_finite()).then_some([x, y])
    }
}

/// The number after the last `EPSG` and a separator, with or without a version in between; or a bare number.
fn epsg_code(text: &str) -> Option<u32> {
    let first = text.split(',').find(|part| part.to_ascii_uppercase().contains("EPSG")).unwrap_or(text);
    let upper = first.to_ascii_uppercase();
    let tail = upper.rfind("EPSG").map_or(upper.as_str(), |at| &upper[at + 4..]);
    // A compound name may go on after the code: `EPSG:25832+5783`.
    let tail = tail.split('+').next()?;
    let code = tail.rsplit([':', '/', '#', ' ']).find(|part| !part.is_empty())?;
    (code.len() <= 9).then(|| code.parse().ok()).flatten()
}

fn is_north_first(code: u32) -> bool {
    let after = NORTH_FIRST.partition_point(|&(first, _)| first <= code);
    after.checked_sub(1).is_some_and(|i| code <= NORTH_FIRST[i].1)
}

/// First and last code of the runs of projected and compound CRSs whose registered first axis points north and whose
/// second points east (EPSG 12.029, of those codes that the table of parameters has).
#[rustfmt::skip]
const NORTH_FIRST: &[(u32, u32)] = &[
    (2036, 2036), (2044, 2045), (2081, 2083), (2085, 2086), (2091, 2093), (2096, 2098), (2105, 2132), (2166, 2180),
    (2193, 2193), (2199, 2200), (2206, 2212), (2319, 2549), (2551, 2735), (2738, 2758), (2935, 2941), (2953, 2953),
    (3006, 3030), (3034, 3035), (3038, 3051), (3058, 3059), (3068, 3068), (3114, 3118), (3120, 3120), (3126, 3140),
    (3146, 3147), (3150, 3152), (3300, 3301), (3328, 3335), (3346, 3346), (3350, 3352), (3366, 3366), (3386, 3390),
    (3396, 3399), (3407, 3407), (3414, 3414), (3416, 3416), (3764, 3764), (3788, 3793), (3795, 3796), (3833, 3854),
    (3873, 3885), (3901, 3903), (3907, 3911), (4026, 4026), (4037, 4038), (4417, 4417), (4434, 4434), (4491, 4554),
    (4568, 4589), (4652, 4656), (4766, 4800), (4812, 4812), (4822, 4822), (4839, 4880), (5048, 5048), (5105, 5130),
    (5167, 5188), (5253, 5259), (5269, 5275), (5343, 5349), (5367, 5367), (5479, 5481), (5518, 5520), (5562, 5588),
    (5632, 5639), (5651, 5653), (5845, 5857), (5945, 5970), (6145, 6170), (6362, 6362), (6372, 6387), (6669, 6687),
    (6707, 6709), (6870, 6870), (6875, 6876), (6927, 6927), (6962, 6962), (7799, 7801), (7825, 7831), (8433, 8441),
    (20004, 20032), (20064, 20092), (21413, 21483), (21896, 21899), (22171, 22197), (25884, 25884), (27205, 27232),
    (27391, 27398), (27492, 27492), (28402, 28492), (29701, 29702), (30161, 30179), (30800, 30800), (31251, 31259),
    (31275, 31290), (31466, 31469), (31700, 31700),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// About a metre.
    const METRE_DEG: f64 = 1e-5;

    #[test]
    fn projections_agree_with_proj_to_a_metre() {
        // (CRS, its coordinates in the registry's order, longitude and latitude by PROJ 9.8 without grids).
        for (name, [x, y], [lon, lat]) in [
            ("EPSG:28992", [85000.0, 446500.0], [4.3677856, 52.0024556]),
            ("EPSG:7415", [85000.0, 446500.0], [4.3677856, 52.0024556]),
            ("EPSG:2056", [2683000.0, 1248000.0], [8.5376903, 47.3776072]),
            ("EPSG:25832", [691000.0, 5335000.0], [11.5675012, 48.1395583]),
            ("EPSG:27700", [530000.0, 180000.0], [-0.1283539, 51.5039908]),
            ("EPSG:2154", [652000.0, 6862000.0], [2.3458120, 48.8562481]),
            ("EPSG:31370", [149000.0, 170000.0], [4.3545547, 50.8404105]),
            ("EPSG:3857", [2776000.0, 8437000.0], [24.9372323, 60.1669427]),
            ("EPSG:6677", [-37036.0, -8715.0], [139.7370702, 35.6661379]),
            ("EPSG:32618", [583960.0, 4507523.0], [-74.0059695, 40.7143492]),
            ("EPSG:2263", [987000.0, 190000.0], [-73.9900840, 40.6881824]),
        ] {
            let crs = Crs::parse(name, AxisOrder::Authority).expect(name);
            let got = crs.lonlat(x, y).expect(name);
            // Datum shifts of national systems differ by choice of parameters.
            let near = |a: f64, b: f64| (a - b).abs() < 3.0 * METRE_DEG;
            assert!(near(got[0], lon) && near(got[1], lat), "{name}: {got:?}, not {lon}, {lat}");
            let [east, north] = crs.coordinates_of(got[0], got[1]).expect(name);
            let back = if crs.north_first { [north, east] } else { [east, north] };
            assert!((back[0] - x).abs() < 0.01 && (back[1] - y).abs() < 0.01, "{name}: {back:?}");
        }
    }

    #[test]
    fn names_are_read_in_every_usual_form() {
        for (text, name) in [
            ("EPSG:7415", "EPSG:7415"),
            ("7415", "EPSG:7415"),
            ("epsg:28992", "EPSG:28992"),
            ("urn:ogc:def:crs:EPSG::7415", "EPSG:7415"),
            ("urn:ogc:def:crs:EPSG:6.12:3068", "EPSG:3068"),
            ("http://www.opengis.net/def/crs/EPSG/0/6677", "EPSG:6677"),
            ("http://www.opengis.net/gml/srs/epsg.xml#4326", "EPSG:4326"),
            ("urn:ogc:def:crs,crs:EPSG::25832,crs:EPSG::7837", "EPSG:25832"),
            ("EPSG:25832+5783", "EPSG:25832"),
            ("urn:ogc:def:crs:OGC:1.3:CRS84", "CRS84"),
            ("OGC:CRS84", "CRS84"),
            ("gcj02", "GCJ-02"),
            ("BD-09", "BD-09"),
        ] {
            assert_eq!(Crs::parse(text, AxisOrder::Authority).expect(text).name(), name);
        }
        for (text, part) in [
            ("", "names no"),
            ("Delft", "names no"),
            ("EPSG:", "names no"),
            ("EPSG:999999", "not in the registry"),
            ("EPSG:9999999", "not in the registry"),
            ("EPSG:4978", "geocentric"),
            ("+proj=nonsense", "cannot be computed"),
        ] {
            let error = Crs::parse(text, AxisOrder::Authority).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_order_of_axes_is_the_registrys_or_what_is_asked_for() {
        let authority = Crs::parse("EPSG:4326", AxisOrder::Authority).expect("WGS84");
        assert_eq!(authority.lonlat(60.17, 24.945), Some([24.945, 60.17]));
        let plain = Crs::parse("EPSG:4326", AxisOrder::EastNorth).expect("WGS84");
        assert_eq!(plain.lonlat(24.945, 60.17), Some([24.945, 60.17]));
        let turned = Crs::parse("CRS84", AxisOrder::NorthEast).expect("WGS84");
        assert_eq!(turned.lonlat(60.17, 24.945), Some([24.945, 60.17]));
        // Northing first, in metres: Japan's plane rectangular system IX.
        let order = |order| Crs::parse("EPSG:6677", order).expect("a CRS").lonlat(-37036.0, -8715.0).expect("Tokyo");
        let [lon, lat] = order(AxisOrder::Authority);
        assert!((lon - 139.737).abs() < 1e-3 && (lat - 35.666).abs() < 1e-3, "{lon} {lat}");
        assert!((order(AxisOrder::EastNorth)[0] - lon).abs() > 0.1);
        assert!(NORTH_FIRST.is_sorted_by(|a, b| a.0 <= a.1 && a.1 < b.0));
    }

    #[test]
    fn chinas_offsets_are_taken_out() {
        let gcj = Crs::parse("GCJ-02", AxisOrder::EastNorth).expect("GCJ-02");
        let [lon, lat] = gcj.lonlat(116.410_244_5, 39.916_404_3).expect("Beijing");
        assert!((lon - 116.404).abs() < 1e-6 && (lat - 39.915).abs() < 1e-6, "{lon} {lat}");
        let bd = Crs::parse("BD-09", AxisOrder::EastNorth).expect("BD-09");
        let (x, y) = citytwin_geo::bd09_from_gcj02(116.410_244_5, 39.916_404_3);
        let [lon, lat] = bd.lonlat(x, y).expect("Beijing");
        assert!((lon - 116.404).abs() < 1e-6 && (lat - 39.915).abs() < 1e-6, "{lon} {lat}");
    }

    #[test]
    fn absurd_coordinates_have_no_place() {
        for name in ["EPSG:28992", "EPSG:25832", "EPSG:4326", "EPSG:2056", "EPSG:3857", "GCJ-02"] {
            let crs = Crs::parse(name, AxisOrder::Authority).expect(name);
            for (x, y) in [(f64::NAN, 0.0), (1e300, 1e300), (0.0, f64::INFINITY), (-1e18, 1e18)] {
                let at = crs.lonlat(x, y);
                assert!(at.is_none_or(|[lon, lat]| lon.abs() <= 180.0 && lat.abs() <= 90.0), "{name}: {at:?}");
            }
        }
    }
}
