//! Where the sun stands, and the light that a city has from it. Axes are east, north and up; colours are linear.

use glam::DVec3;
use solar_positioning::time::JulianDate;
use solar_positioning::{Location, SolarPositions};

/// Towards the sun of a clear mid-morning, from the south-east, 48° high.
const MORNING: DVec3 = DVec3::new(0.4731, -0.4731, 0.7431);
/// Towards the steady light of the night.
const NIGHT: DVec3 = DVec3::new(-0.4500, -0.5300, 0.7188);
/// The light that casts shadows never comes flatter than this: shadows of a house would cover the town.
const LOWEST_DEG: f64 = 4.0;
/// Below this height of the sun, degrees, the light of the night takes over; neither shines there.
const NIGHTFALL_DEG: f64 = -4.0;
/// Seconds by which terrestrial time is ahead of UT, about, in this century; a minute moves the sun by nothing seen.
const DELTA_T_SECS: f64 = 69.0;
/// Julian date of 1970-01-01.
const JULIAN_1970: f64 = 2_440_587.5;
const MS_PER_DAY: f64 = 86_400_000.0;

/// Unit direction towards the sun at a place and time (milliseconds since 1970-01-01 UTC), in east-north-up axes there.
/// Without refraction; within 0.01° from 2010 to 2110. Algorithm 3 of Grena (2012).
pub(crate) fn sun_direction(time_ms: f64, lon_deg: f64, lat_deg: f64) -> DVec3 {
    let location = Location { latitude: lat_deg.clamp(-90.0, 90.0), longitude: lon_deg.clamp(-180.0, 180.0) };
    let position = JulianDate::new(JULIAN_1970 + time_ms / MS_PER_DAY, DELTA_T_SECS)
        .and_then(|time| SolarPositions::grena3().at_from_julian(time, location, 0.0, None));
    // Refused only for what no number of a valid scene or camera is.
    position.map_or(MORNING, |position| {
        let (sin_azimuth, cos_azimuth) = position.azimuth().to_radians().sin_cos();
        let (sin_up, cos_up) = position.elevation_angle().to_radians().sin_cos();
        DVec3::new(sin_azimuth * cos_up, cos_azimuth * cos_up, sin_up)
    })
}

/// The light of a moment. Colours are what a white surface shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Light {
    /// Unit direction towards the light that casts shadows; never below the horizon.
    pub(crate) toward: DVec3,
    /// How much of that light its shadows take, 0 to 1.
    pub(crate) shade: f64,
    /// On a surface that faces it.
    pub(crate) key: DVec3,
    /// On a surface that faces up.
    pub(crate) sky: DVec3,
    /// On a surface that faces down.
    pub(crate) bounce: DVec3,
    /// On a surface that faces west.
    pub(crate) fill: DVec3,
    /// Colour of the sky at the horizon and straight up.
    pub(crate) horizon: DVec3,
    pub(crate) zenith: DVec3,
    /// Colour of the sky around the sun, and how much of it.
    pub(crate) glow: DVec3,
    pub(crate) wide_glow: f64,
    /// Unit direction towards the sun, which may be down.
    pub(crate) toward_sun: DVec3,
    /// Colour of the endless ground (`#efece6`), whatever the light.
    pub(crate) ground: DVec3,
}

/// The light at one height of the sun.
struct Key {
    sun_deg: f64,
    key: [f64; 3],
    sky: [f64; 3],
    bounce: [f64; 3],
    fill: [f64; 3],
    horizon: [f64; 3],
    zenith: [f64; 3],
    glow: [f64; 3],
    wide_glow: f64,
    shade: f64,
}

/// From night to noon; between two of them, light is mixed. The one at 48° is the default look.
#[rustfmt::skip]
const KEYS: [Key; 8] = [
    Key {
        sun_deg: -12.0, key: [0.070, 0.092, 0.140], sky: [0.075, 0.098, 0.150], bounce: [0.042, 0.051, 0.074],
        fill: [0.014, 0.018, 0.026], horizon: [0.052, 0.075, 0.125], zenith: [0.012, 0.020, 0.046],
        glow: [0.20, 0.16, 0.20], wide_glow: 0.05, shade: 0.50,
    },
    Key {
        sun_deg: -8.0, key: [0.045, 0.060, 0.095], sky: [0.105, 0.125, 0.190], bounce: [0.060, 0.066, 0.090],
        fill: [0.020, 0.025, 0.036], horizon: [0.160, 0.135, 0.185], zenith: [0.030, 0.050, 0.120],
        glow: [0.70, 0.34, 0.24], wide_glow: 0.20, shade: 0.30,
    },
    Key {
        sun_deg: NIGHTFALL_DEG, key: [0.0; 3], sky: [0.190, 0.200, 0.275], bounce: [0.110, 0.105, 0.125],
        fill: [0.036, 0.042, 0.058], horizon: [0.420, 0.290, 0.270], zenith: [0.075, 0.125, 0.270],
        glow: [0.95, 0.44, 0.22], wide_glow: 0.36, shade: 0.0,
    },
    Key {
        sun_deg: 0.0, key: [0.640, 0.300, 0.130], sky: [0.300, 0.282, 0.325], bounce: [0.190, 0.155, 0.145],
        fill: [0.052, 0.058, 0.074], horizon: [0.720, 0.490, 0.360], zenith: [0.130, 0.225, 0.430],
        glow: [1.00, 0.55, 0.26], wide_glow: 0.38, shade: 0.55,
    },
    Key {
        sun_deg: 6.0, key: [1.120, 0.680, 0.350], sky: [0.365, 0.365, 0.405], bounce: [0.260, 0.222, 0.192],
        fill: [0.065, 0.072, 0.087], horizon: [0.830, 0.715, 0.600], zenith: [0.175, 0.330, 0.600],
        glow: [1.00, 0.74, 0.44], wide_glow: 0.26, shade: 0.72,
    },
    Key {
        sun_deg: 20.0, key: [0.960, 0.800, 0.595], sky: [0.385, 0.430, 0.505], bounce: [0.295, 0.277, 0.255],
        fill: [0.072, 0.081, 0.096], horizon: [0.800, 0.835, 0.855], zenith: [0.200, 0.400, 0.710],
        glow: [1.00, 0.88, 0.66], wide_glow: 0.14, shade: 0.80,
    },
    Key {
        sun_deg: 48.0, key: [0.860, 0.770, 0.645], sky: [0.410, 0.465, 0.540], bounce: [0.320, 0.305, 0.285],
        fill: [0.075, 0.085, 0.100], horizon: [0.790, 0.860, 0.910], zenith: [0.210, 0.420, 0.740],
        glow: [1.00, 0.93, 0.78], wide_glow: 0.10, shade: 0.80,
    },
    Key {
        sun_deg: 90.0, key: [0.740, 0.680, 0.590], sky: [0.420, 0.475, 0.550], bounce: [0.330, 0.315, 0.295],
        fill: [0.075, 0.085, 0.100], horizon: [0.790, 0.860, 0.910], zenith: [0.200, 0.410, 0.740],
        glow: [1.00, 0.95, 0.82], wide_glow: 0.09, shade: 0.80,
    },
];

impl Light {
    /// A clear mid-morning.
    pub(crate) fn morning() -> Self {
        Self::of_sun(MORNING)
    }

    /// Whether it is so dark that what is written should be bright: the ground shows less than a third of its colour.
    pub(crate) fn is_dark(&self) -> bool {
        self.key.y * self.toward.z.max(0.0) + self.sky.y < 0.33
    }

    /// The light when the sun stands in this unit direction.
    pub(crate) fn of_sun(toward_sun: DVec3) -> Self {
        let sun_deg = toward_sun.z.clamp(-1.0, 1.0).asin().to_degrees();
        let above = KEYS.iter().position(|key| key.sun_deg > sun_deg).unwrap_or(KEYS.len() - 1).max(1);
        let (a, b) = (&KEYS[above - 1], &KEYS[above]);
        let t = ((sun_deg - a.sun_deg) / (b.sun_deg - a.sun_deg)).clamp(0.0, 1.0);
        let mix = |a: f64, b: f64| a + (b - a) * t;
        let mixed = |a: [f64; 3], b: [f64; 3]| DVec3::from_array(a).lerp(DVec3::from_array(b), t);
        Self {
            toward: if sun_deg < NIGHTFALL_DEG { NIGHT.normalize() } else { raised(toward_sun) },
            shade: mix(a.shade, b.shade),
            key: mixed(a.key, b.key),
            sky: mixed(a.sky, b.sky),
            bounce: mixed(a.bounce, b.bounce),
            fill: mixed(a.fill, b.fill),
            horizon: mixed(a.horizon, b.horizon),
            zenith: mixed(a.zenith, b.zenith),
            glow: mixed(a.glow, b.glow),
            wide_glow: mix(a.wide_glow, b.wide_glow),
            toward_sun,
            ground: DVec3::new(0.863, 0.838, 0.791),
        }
    }

    /// How much light flat ground has; 1 on a clear mid-morning.
    pub(crate) fn daylight(&self) -> f64 {
        luminance(self.sky + self.key * self.toward.z) / 1.0385
    }
}

/// How bright a colour is.
fn luminance(color: DVec3) -> f64 {
    color.dot(DVec3::new(0.2126, 0.7152, 0.0722))
}

/// The direction, brought up to the lowest height that light may come from.
fn raised(direction: DVec3) -> DVec3 {
    let (sin_lowest, cos_lowest) = LOWEST_DEG.to_radians().sin_cos();
    if direction.z >= sin_lowest {
        return direction;
    }
    let flat = direction.truncate().normalize_or(glam::DVec2::NEG_Y) * cos_lowest;
    flat.extend(sin_lowest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_height(sun_deg: f64) -> Light {
        let (up, flat) = sun_deg.to_radians().sin_cos();
        Light::of_sun(DVec3::new(flat, 0.0, up))
    }

    /// Azimuth and elevation, degrees.
    fn sun_at(time_ms: f64, lon: f64, lat: f64) -> (f64, f64) {
        let sun = sun_direction(time_ms, lon, lat);
        (sun.x.atan2(sun.y).to_degrees().rem_euclid(360.0), sun.z.asin().to_degrees())
    }

    #[test]
    fn the_sun_stands_where_almanacs_say() {
        // NREL's algorithm, which gives the worked example of its report (NREL/TP-560-34302: 2003-10-17 12:30:30 at
        // UTC−7, azimuth 194.34024° and, before refraction, 39.872046° high), and ours agree.
        let golden = Location { latitude: 39.742476, longitude: -105.1786 };
        let by_nrel = |time_ms: f64| {
            let time = JulianDate::new(JULIAN_1970 + time_ms / MS_PER_DAY, 67.0).expect("a time");
            let position = SolarPositions::new().at_from_julian(time, golden, 1830.14, None).expect("a position");
            (position.azimuth(), position.elevation_angle())
        };
        let example = by_nrel(1_066_419_030_000.0);
        assert!((example.0 - 194.34024).abs() < 1e-3 && (example.1 - 39.872046).abs() < 1e-3, "{example:?}");
        for day in 0..40 {
            let time_ms = 1_700_000_000_000.0 + 9.27 * MS_PER_DAY * f64::from(day);
            let (ours, nrels) = (sun_at(time_ms, golden.longitude, golden.latitude), by_nrel(time_ms));
            assert!((ours.0 - nrels.0).abs() < 0.03 && (ours.1 - nrels.1).abs() < 0.015, "{ours:?} {nrels:?}");
        }
        // Seen from a pole, the sun is as high as its declination: at the equinox of 2026-03-20 14:46 UTC and at the
        // solstices of 2026-06-21 08:24 and 2026-12-21 20:50 UTC.
        for (time_ms, declination) in
            [(1_774_017_960_000.0, 0.0), (1_782_030_240_000.0, 23.436), (1_797_886_200_000.0, -23.436)]
        {
            for (lat, sign) in [(90.0, 1.0), (-90.0, -1.0)] {
                let (_, elevation) = sun_at(time_ms, 0.0, lat);
                assert!((elevation - sign * declination).abs() < 0.015, "{time_ms} {lat}: {elevation}");
            }
        }
        // At that equinox the equation of time is −7 min 27 s: the sun stands overhead at 39.64° west.
        assert!(sun_at(1_774_017_960_000.0, -39.64, 0.0).1 > 89.9);
    }

    #[test]
    fn the_default_look_is_a_clear_morning() {
        let light = Light::morning();
        assert!((light.key - DVec3::new(0.860, 0.770, 0.645)).length() < 1e-3, "{light:?}");
        assert!((light.daylight() - 1.0).abs() < 0.002, "{}", light.daylight());
        assert!((light.toward - MORNING).length() < 1e-9);
    }

    #[test]
    fn it_gets_darker_with_the_sun_and_never_black() {
        let mut last = f64::INFINITY;
        for step in 0..=150 {
            let light = at_height(48.0 - f64::from(step));
            let now = light.daylight();
            assert!(now <= last * 1.06, "at {}°: {now} after {last}", 48 - step);
            assert!(now > 0.08 && light.zenith.min_element() > 0.005, "at {}°: {now}", 48 - step);
            last = now;
        }
    }

    #[test]
    fn dusk_is_warm_and_night_is_cool() {
        let (dusk, night) = (at_height(3.0), at_height(-30.0));
        assert!(dusk.key.x > 2.0 * dusk.key.z && dusk.horizon.x > dusk.horizon.z, "{dusk:?}");
        assert!(night.key.z > 1.5 * night.key.x && night.horizon.z > night.horizon.x, "{night:?}");
        assert!(night.toward.z > 0.5);
    }

    #[test]
    fn light_changes_without_a_jump() {
        let mut last = at_height(91.0);
        for step in 1..3_000 {
            let light = at_height(91.0 - f64::from(step) * 0.05);
            // Direction times strength: where the light of the night takes over, both are nothing.
            let jump = (light.key * light.toward.z - last.key * last.toward.z).abs().max_element();
            let sky = (light.horizon - last.horizon).abs().max_element();
            assert!(jump < 0.02 && sky < 0.02, "at {}°: {jump} {sky}", 91.0 - f64::from(step) * 0.05);
            last = light;
        }
    }

    #[test]
    fn light_never_comes_from_below() {
        for toward in [DVec3::NEG_Z, DVec3::Z, DVec3::X, DVec3::new(0.6, 0.0, -0.05).normalize()] {
            let light = Light::of_sun(toward);
            assert!(light.toward.z > 0.06 && (light.toward.length() - 1.0).abs() < 1e-4, "{toward} {light:?}");
        }
        assert!(sun_direction(f64::NAN, 0.0, 0.0).is_finite());
    }
}
