//! How a plane of metres lies on the earth.

use citytwin_geo::{EnuFrame, Geodetic};
use glam::{DVec2, DVec3};

/// Metres in a plane ↔ degrees: a similarity (shift, turn, scale) of the east-north frame at one place, good to
/// centimetres within some kilometres of it.
#[derive(Clone, Copy, Debug)]
pub struct Plane {
    frame: EnuFrame,
    /// East + i·north = `turn` · (x + i·y) + `shift`, as complex numbers.
    turn: DVec2,
    shift: DVec2,
}

impl Plane {
    /// The plane of metres east and north of a place (degrees).
    pub fn at(lon: f64, lat: f64) -> Self {
        Self { frame: EnuFrame::new(Geodetic::from_degrees(lon, lat, 0.0)), turn: DVec2::X, shift: DVec2::ZERO }
    }

    /// The plane in which given metres are nearest to given degrees (longitude, latitude), by least squares (Umeyama
    /// 1991, "Least-squares estimation of transformation parameters between two point patterns", in two dimensions and
    /// without reflection), and the root mean square of what is left, metres. `None` for fewer than two places, for
    /// places that are all one, and for numbers that are none.
    pub fn fit(pairs: &[([f64; 2], [f64; 2])]) -> Option<(Self, f64)> {
        let sane = |x: &f64| x.is_finite() && x.abs() < 1e9;
        let (_, first) = pairs.first()?;
        if pairs.len() < 2 || !pairs.iter().all(|(p, q)| p.iter().chain(q).all(sane) && q[1].abs() <= 90.0) {
            return None;
        }
        let frame = EnuFrame::new(Geodetic::from_degrees(first[0], first[1], 0.0));
        let plane: Vec<DVec2> = pairs.iter().map(|p| DVec2::from(p.0)).collect();
        let enu: Vec<DVec2> = pairs
            .iter()
            .map(|p| frame.enu_from_geodetic(Geodetic::from_degrees(p.1[0], p.1[1], 0.0)).truncate())
            .collect();
        let n = pairs.len() as f64;
        let mean = |points: &[DVec2]| points.iter().fold(DVec2::ZERO, |sum, p| sum + *p) / n;
        let (from, to) = (mean(&plane), mean(&enu));
        let (mut cross, mut square) = (DVec2::ZERO, 0.0);
        for (p, q) in plane.iter().zip(&enu) {
            cross += conjugate_times(*p - from, *q - to);
            square += (*p - from).length_squared();
        }
        if square < 1e-6 || cross.length() < 1e-12 {
            return None;
        }
        let turn = cross / square;
        let shift = to - times(turn, from);
        let left: f64 = plane.iter().zip(&enu).map(|(p, q)| (times(turn, *p) + shift - *q).length_squared()).sum();
        Some((Self { frame, turn, shift }, (left / n).sqrt()))
    }

    /// Metres in the plane of degrees.
    pub fn from_lonlat(&self, lon: f64, lat: f64) -> [f64; 2] {
        let enu = self.frame.enu_from_geodetic(Geodetic::from_degrees(lon, lat, 0.0)).truncate();
        (conjugate_times(self.turn, enu - self.shift) / self.turn.length_squared()).into()
    }

    /// Degrees of metres in the plane: longitude, latitude.
    pub fn to_lonlat(&self, at_m: [f64; 2]) -> [f64; 2] {
        let xy = times(self.turn, at_m.into()) + self.shift;
        let here = self.frame.geodetic_from_enu(DVec3::new(xy.x, xy.y, self.frame.surface_z(xy)));
        [here.lon(), here.lat()]
    }

    /// Radians clockwise from true north of the plane's second axis.
    pub fn north_rad(&self) -> f64 {
        -self.turn.y.atan2(self.turn.x)
    }

    /// Metres on the earth for each of the plane: 1 but for planes like Web Mercator's.
    pub fn scale(&self) -> f64 {
        self.turn.length()
    }
}

fn times(a: DVec2, b: DVec2) -> DVec2 {
    DVec2::new(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x)
}

fn conjugate_times(a: DVec2, b: DVec2) -> DVec2 {
    times(DVec2::new(a.x, -a.y), b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_and_scaled_plane_is_found_again() {
        let truth =
            Plane { turn: DVec2::from_angle(0.7) * 0.5, shift: DVec2::new(300.0, -40.0), ..Plane::at(24.9, 60.2) };
        let at = [[1000.0, 2000.0], [1100.0, 2000.0], [1000.0, 2300.0], [1400.0, 1900.0]];
        let pairs: Vec<_> = at.iter().map(|p| (*p, truth.to_lonlat(*p))).collect();
        let (found, rms) = Plane::fit(&pairs).expect("four places");
        assert!(
            rms < 1e-3 && (found.scale() - 0.5).abs() < 1e-6 && (found.north_rad() + 0.7).abs() < 1e-3,
            "{found:?} {rms}"
        );
        for p in at {
            let [lon, lat] = found.to_lonlat(p);
            let back = found.from_lonlat(lon, lat);
            assert!((back[0] - p[0]).hypot(back[1] - p[1]) < 1e-3, "{p:?} {back:?}");
        }
    }

    #[test]
    fn places_that_say_nothing_make_no_plane() {
        for pairs in [
            &[][..],
            &[([0.0; 2], [24.0, 60.0])],
            &[([1.0; 2], [24.0, 60.0]), ([1.0; 2], [24.0, 60.0])],
            &[([0.0; 2], [f64::NAN, 60.0]), ([1.0; 2], [24.0, 60.0])],
        ] {
            assert!(Plane::fit(pairs).is_none(), "{pairs:?}");
        }
    }
}
