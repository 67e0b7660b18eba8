//! GCJ-02 (the obfuscated datum of Chinese maps) and BD-09 (Baidu's second offset on top of it).
//!
//! The forward formula is the public reverse-engineered one that every open implementation shares; it is defined
//! inside mainland China only, and the identity outside. The inverses iterate to below 0.1 mm instead of
//! subtracting the forward offset once (which is off by up to two metres). Conversions are explicit, never guessed.
//! All arguments and results are degrees, longitude first.

use std::f64::consts::PI;

/// Krasovsky 1940 semi-major axis and eccentricity squared, as the formula has them.
const A: f64 = 6_378_245.0;
const EE: f64 = 0.006_693_421_622_965_943;

/// The rectangle outside which GCJ-02 equals WGS84.
fn in_china(lon: f64, lat: f64) -> bool {
    (72.004..=137.8347).contains(&lon) && (0.8293..=55.8271).contains(&lat)
}

fn offset(lon: f64, lat: f64) -> (f64, f64) {
    let (x, y) = (lon - 105.0, lat - 35.0);
    let wave = |v: f64, k: f64| (v * k * PI).sin();
    let common = (20.0 * wave(x, 6.0) + 20.0 * wave(x, 2.0)) * 2.0 / 3.0;
    let d_lat = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * x.abs().sqrt()
        + common
        + (20.0 * wave(y, 1.0) + 40.0 * wave(y, 1.0 / 3.0)) * 2.0 / 3.0
        + (160.0 * wave(y, 1.0 / 12.0) + 320.0 * wave(y, 1.0 / 30.0)) * 2.0 / 3.0;
    let d_lon = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * x.abs().sqrt()
        + common
        + (20.0 * wave(x, 1.0) + 40.0 * wave(x, 1.0 / 3.0)) * 2.0 / 3.0
        + (150.0 * wave(x, 1.0 / 12.0) + 300.0 * wave(x, 1.0 / 30.0)) * 2.0 / 3.0;
    let rad_lat = lat.to_radians();
    let magic = 1.0 - EE * rad_lat.sin().powi(2);
    (
        (d_lon * 180.0) / (A / magic.sqrt() * rad_lat.cos() * PI),
        (d_lat * 180.0) / ((A * (1.0 - EE)) / (magic * magic.sqrt()) * PI),
    )
}

/// Finds the input whose image is `target`, by fixed-point iteration from `target` itself.
fn invert(target: (f64, f64), forward: impl Fn(f64, f64) -> (f64, f64)) -> (f64, f64) {
    let mut guess = target;
    for _ in 0..30 {
        let image = forward(guess.0, guess.1);
        let step = (target.0 - image.0, target.1 - image.1);
        guess = (guess.0 + step.0, guess.1 + step.1);
        if step.0.abs() < 1e-11 && step.1.abs() < 1e-11 {
            break;
        }
    }
    guess
}

/// GCJ-02 of a WGS84 position; the identity outside China.
pub fn gcj02_from_wgs84(lon: f64, lat: f64) -> (f64, f64) {
    if !in_china(lon, lat) {
        return (lon, lat);
    }
    let (d_lon, d_lat) = offset(lon, lat);
    (lon + d_lon, lat + d_lat)
}

/// WGS84 of a GCJ-02 position, to below 0.1 mm; the identity outside China.
pub fn wgs84_from_gcj02(lon: f64, lat: f64) -> (f64, f64) {
    if !in_china(lon, lat) {
        return (lon, lat);
    }
    invert((lon, lat), |lon, lat| {
        let (d_lon, d_lat) = offset(lon, lat);
        (lon + d_lon, lat + d_lat)
    })
}

const BD_X: f64 = PI * 3000.0 / 180.0;

/// BD-09 of a GCJ-02 position.
pub fn bd09_from_gcj02(lon: f64, lat: f64) -> (f64, f64) {
    let z = lon.hypot(lat) + 0.00002 * (lat * BD_X).sin();
    let theta = lat.atan2(lon) + 0.000003 * (lon * BD_X).cos();
    (z * theta.cos() + 0.0065, z * theta.sin() + 0.006)
}

/// GCJ-02 of a BD-09 position, to below 0.1 mm.
pub fn gcj02_from_bd09(lon: f64, lat: f64) -> (f64, f64) {
    invert((lon, lat), bd09_from_gcj02)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiananmen_moves_by_half_a_kilometre() {
        // 116.404, 39.915 WGS84 is the example that the public implementations agree on.
        let (lon, lat) = gcj02_from_wgs84(116.404, 39.915);
        assert!(
            (lon - 116.410_244_499_169_38).abs() < 1e-9 && (lat - 39.916_404_281_501_64).abs() < 1e-9,
            "{lon} {lat}"
        );
    }

    #[test]
    fn inverses_return_to_a_tenth_of_a_millimetre() {
        const DEG_PER_TENTH_MM: f64 = 1e-4 / 111_320.0;
        for i in 0..40 {
            for j in 0..40 {
                let (lon, lat) = (74.0 + f64::from(i) * 1.5, 5.0 + f64::from(j) * 1.2);
                let g = gcj02_from_wgs84(lon, lat);
                let w = wgs84_from_gcj02(g.0, g.1);
                assert!(
                    (w.0 - lon).abs() < DEG_PER_TENTH_MM && (w.1 - lat).abs() < DEG_PER_TENTH_MM,
                    "{lon} {lat} {w:?}"
                );
                let b = bd09_from_gcj02(g.0, g.1);
                let r = gcj02_from_bd09(b.0, b.1);
                assert!(
                    (r.0 - g.0).abs() < DEG_PER_TENTH_MM && (r.1 - g.1).abs() < DEG_PER_TENTH_MM,
                    "{lon} {lat} {r:?}"
                );
            }
        }
    }

    #[test]
    fn both_ways_agree_to_a_millimetre_from_either_end() {
        let mut state = 7_u64;
        let mut roll = |low: f64, high: f64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            low + (high - low) * (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let metres = |a: (f64, f64), b: (f64, f64)| ((a.0 - b.0) * b.1.to_radians().cos()).hypot(a.1 - b.1) * 111_320.0;
        for _ in 0..20_000 {
            let p = (roll(73.5, 135.0), roll(3.9, 53.5));
            let there = |f: fn(f64, f64) -> (f64, f64), back: fn(f64, f64) -> (f64, f64)| {
                let q = f(p.0, p.1);
                metres(back(q.0, q.1), p)
            };
            let off = [
                there(gcj02_from_wgs84, wgs84_from_gcj02),
                there(wgs84_from_gcj02, gcj02_from_wgs84),
                there(bd09_from_gcj02, gcj02_from_bd09),
                there(gcj02_from_bd09, bd09_from_gcj02),
            ];
            assert!(off.iter().all(|off| *off < 1e-3), "{p:?}: {off:?} m");
        }
    }

    #[test]
    fn outside_china_nothing_moves() {
        assert_eq!(gcj02_from_wgs84(24.945, 60.17), (24.945, 60.17));
        assert_eq!(wgs84_from_gcj02(-0.1, 51.5), (-0.1, 51.5));
    }
}
