//! Encounters and exposure, on the device: two space-time tracks in, minutes with their uncertainty out.
//!
//! At each moment the distance of two people is a normal in two dimensions, with the sum of both covariances; the
//! probability that it is below `d` is that normal's mass in a disc (DiDonato, Jarnagin 1961, "Integration of the general
//! bivariate Gaussian distribution over an offset circle", Math. Comp. 15). It is weighed by the probability to be on
//! the same floor and by the walls between. Sums of minutes are expectations with an interval, never a yes or no: the
//! errors of one track are alike for a while, and the interval says so.
//!
//! Nothing here sends anything. [`TrackLog`] forgets after 14 days, and at once when asked to.

use crate::order::sort_by;
use crate::venue::Venue;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What is older is forgotten, milliseconds.
pub const RETENTION_MS: f64 = 14.0 * 24.0 * 3600e3;
/// Moments are looked at so far apart, milliseconds.
const STEP_MS: f64 = 10e3;
/// Between two points of a track further apart than this nobody knows where its owner was, milliseconds.
const LONGEST_GAP_MS: f64 = 60e3;
/// Errors of a track are alike for so long, milliseconds.
const ERRORS_ALIKE_MS: f64 = 60e3;
/// What passes each wall of what would pass without one.
const WALL_FACTOR: f64 = 0.1;
/// Deviations of a normal that hold 90 %.
const NINETY: f64 = 1.645;
/// A longer track than this is cut off: a fortnight of points each second.
const MOST_POINTS: usize = 1_300_000;

/// A point of a track.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrackPoint {
    /// Milliseconds since 1970 (UTC).
    pub wall_ms: f64,
    /// Metres in the venue's plane.
    pub at_m: [f64; 2],
    /// Covariance, m²: east-east, east-north, north-north.
    pub covariance_m2: [f64; 3],
    /// The building, as the venue names it.
    pub building: String,
    /// Floors with their probabilities.
    pub floors: Vec<(i16, f64)>,
}

impl TrackPoint {
    fn is_sane(&self) -> bool {
        let [ee, en, nn] = self.covariance_m2;
        self.wall_ms.abs() < 1e15
            && self.at_m.iter().all(|x| x.abs() < 1e8)
            && (0.0..1e12).contains(&ee)
            && (0.0..1e12).contains(&nn)
            && en * en <= ee * nn * (1.0 + 1e-9)
            && self.floors.len() <= 1000
            && self.floors.iter().all(|f| (0.0..=1.0).contains(&f.1))
    }
}

/// One's own track of the last fortnight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackLog {
    points: VecDeque<TrackPoint>,
}

impl TrackLog {
    /// Writes a point down and forgets what is older than 14 days before it; points that are not newer than the last, or
    /// hold what is no number, are left out.
    pub fn push(&mut self, point: TrackPoint) {
        if !point.is_sane() || self.points.back().is_some_and(|last| point.wall_ms <= last.wall_ms) {
            return;
        }
        self.forget_before(point.wall_ms - RETENTION_MS);
        self.points.push_back(point);
        if self.points.len() > MOST_POINTS {
            self.points.pop_front();
        }
    }

    /// Forgets what is older than 14 days; to be called now and then, though nobody moves.
    pub fn tick(&mut self, wall_ms: f64) {
        self.forget_before(wall_ms - RETENTION_MS);
    }

    fn forget_before(&mut self, wall_ms: f64) {
        while self.points.front().is_some_and(|p| p.wall_ms < wall_ms) {
            self.points.pop_front();
        }
    }

    /// Forgets from a time to another, both included.
    pub fn delete(&mut self, from_ms: f64, to_ms: f64) {
        self.points.retain(|p| !(from_ms..=to_ms).contains(&p.wall_ms));
    }

    /// The points, oldest first.
    pub fn points(&self) -> impl Iterator<Item = &TrackPoint> {
        self.points.iter()
    }

    /// The track as it is compared.
    pub fn track(&self) -> Track {
        Track::new(self.points.iter().cloned())
    }
}

/// A track: points in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    points: Vec<TrackPoint>,
}

impl Track {
    /// Of points in any order; those that hold what is no number are left out.
    pub fn new(points: impl IntoIterator<Item = TrackPoint>) -> Self {
        let mut points: Vec<TrackPoint> = points.into_iter().filter(TrackPoint::is_sane).take(MOST_POINTS).collect();
        sort_by(&mut points, |a, b| a.wall_ms.total_cmp(&b.wall_ms));
        points.dedup_by(|a, b| a.wall_ms == b.wall_ms);
        Self { points }
    }

    /// The state at a time; `None` where nobody knows.
    fn at(&self, wall_ms: f64) -> Option<TrackPoint> {
        let after = self.points.partition_point(|p| p.wall_ms < wall_ms);
        let b = self.points.get(after)?;
        if b.wall_ms == wall_ms {
            return Some(b.clone());
        }
        let a = &self.points[after.checked_sub(1)?];
        if b.wall_ms - a.wall_ms > LONGEST_GAP_MS || a.building != b.building {
            return None;
        }
        let s = (wall_ms - a.wall_ms) / (b.wall_ms - a.wall_ms);
        let nearer = if s < 0.5 { a } else { b };
        Some(TrackPoint {
            wall_ms,
            at_m: [0, 1].map(|k| a.at_m[k] + s * (b.at_m[k] - a.at_m[k])),
            covariance_m2: [0, 1, 2].map(|k| a.covariance_m2[k] + s * (b.covariance_m2[k] - a.covariance_m2[k])),
            building: nearer.building.clone(),
            floors: nearer.floors.clone(),
        })
    }
}

/// A distance between the two devices, measured directly (ultra-wide band, Bluetooth channel sounding).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectRange {
    /// Milliseconds since 1970 (UTC).
    pub wall_ms: f64,
    /// Metres.
    pub range_m: f64,
    /// Its deviation, metres.
    pub sigma_m: f64,
}

/// How tracks are compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExposureOptions {
    /// The air of a room forgets with this time constant, minutes.
    pub air_minutes: f64,
    /// Who comes later than this breathes nothing of it any more, minutes.
    pub longest_lag_minutes: f64,
    /// Indirect exposure counts within this distance, metres.
    pub indirect_m: f64,
}

impl Default for ExposureOptions {
    fn default() -> Self {
        Self { air_minutes: 20.0, longest_lag_minutes: 60.0, indirect_m: 5.0 }
    }
}

/// Minutes, as far as one can know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Minutes {
    /// The true value lies above this 95 times in 100.
    pub low: f64,
    /// Expected.
    pub expected: f64,
    /// The true value lies below this 95 times in 100.
    pub high: f64,
}

/// Minutes within a distance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// From this distance, metres.
    pub from_m: f64,
    /// Up to this distance, metres.
    pub to_m: f64,
    /// On the same floor, weighed by the walls between.
    pub minutes: Minutes,
}

/// What two tracks have in common.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// Minutes by distance. Nearer than 2 m only where devices ranged each other; else the first bucket reaches to 5 m.
    pub direct: Vec<Bucket>,
    /// Minutes in air that the other breathed before, weighed by what is left of it.
    pub indirect: Minutes,
    /// Minutes that both tracks cover.
    pub compared_minutes: f64,
    /// Whether devices ranged each other at any time.
    pub ranged: bool,
}

/// The probability that a two-dimensional normal lies within `radius_m` of zero: mean in metres; covariance in m².
/// 1 or 0 when there is no spread. To 10⁻⁶.
pub fn within(radius_m: f64, mean_m: [f64; 2], covariance_m2: [f64; 3]) -> f64 {
    let [ee, en, nn] = covariance_m2;
    // Principal axes.
    let turn = 0.5 * (2.0 * en).atan2(ee - nn);
    let (sin, cos) = turn.sin_cos();
    let mean = [cos * mean_m[0] + sin * mean_m[1], cos * mean_m[1] - sin * mean_m[0]];
    let middle = (ee + nn) / 2.0;
    let half = (((ee - nn) / 2.0).powi(2) + en * en).sqrt();
    let sigma = [middle + half, middle - half].map(|v: f64| v.max(1e-8).sqrt());
    if radius_m <= 0.0 || !(mean[0].is_finite() && mean[1].is_finite()) {
        return 0.0;
    }
    let (low, high) = ((mean[0] - 8.0 * sigma[0]).max(-radius_m), (mean[0] + 8.0 * sigma[0]).min(radius_m));
    if low >= high {
        return 0.0;
    }
    // In the angle of the disc's edge the integrand has no root at its ends: Simpson's rule converges fast.
    let (from, to) = ((low / radius_m).asin(), (high / radius_m).asin());
    const PIECES: usize = 200;
    let step = (to - from) / PIECES as f64;
    let value = |i: usize| {
        let (sin, cos) = (from + step * i as f64).sin_cos();
        let (x, y) = (radius_m * sin, radius_m * cos);
        let density = (-0.5 * ((x - mean[0]) / sigma[0]).powi(2)).exp() / (sigma[0] * 2.506_628_274_631_000_2);
        density * radius_m * cos * (normal_cdf((y - mean[1]) / sigma[1]) - normal_cdf((-y - mean[1]) / sigma[1]))
    };
    let inner: f64 = (1..PIECES).map(|i| value(i) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
    ((value(0) + value(PIECES) + inner) * step / 3.0).clamp(0.0, 1.0)
}

/// Φ, by the complementary error function of Press et al. (Numerical Recipes, 3rd ed., 6.2.2), to 1.2·10⁻⁷.
fn normal_cdf(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 2.0 / (2.0 + z);
    const C: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let polynomial = C.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let upper = 0.5 * t * (-z * z + polynomial).exp();
    if x >= 0.0 { 1.0 - upper } else { upper }
}

/// The probability that both are on the same floor of the same building.
fn same_floor(a: &TrackPoint, b: &TrackPoint) -> f64 {
    if a.building != b.building {
        return 0.0;
    }
    if a.floors.is_empty() && b.floors.is_empty() {
        return 1.0;
    }
    let on = |floor: i16| b.floors.iter().find(|f| f.0 == floor).map_or(0.0, |f| f.1);
    a.floors.iter().map(|(floor, p)| p * on(*floor)).sum::<f64>().min(1.0)
}

/// What of the exposure passes the walls between the likeliest places.
fn walls(a: &TrackPoint, b: &TrackPoint, venue: Option<&Venue>) -> f64 {
    let likely = a.floors.iter().max_by(|x, y| x.1.total_cmp(&y.1)).map(|f| f.0);
    let between = venue.zip(likely).map_or(0, |(venue, floor)| venue.walls_between(floor, a.at_m, b.at_m));
    WALL_FACTOR.powi(between.min(8) as i32)
}

/// Compares one's own track with another's. Ranges are those that the two devices measured between each other.
pub fn compare(
    own: &Track,
    other: &Track,
    ranges: &[DirectRange],
    venue: Option<&Venue>,
    options: &ExposureOptions,
) -> Exposure {
    let sane = |r: &&DirectRange| r.range_m.is_finite() && (1e-3..100.0).contains(&r.sigma_m) && r.wall_ms.is_finite();
    let mut ranges: Vec<&DirectRange> = ranges.iter().filter(sane).collect();
    sort_by(&mut ranges, |a, b| a.wall_ms.total_cmp(&b.wall_ms));
    let edges: &[f64] = if ranges.is_empty() { &[0.0, 5.0, 10.0] } else { &[0.0, 2.0, 5.0, 10.0] };
    // For each moment of both the probability of each bucket, and the weight of walls and floors.
    let mut moments: Vec<(f64, Vec<f64>)> = Vec::new();
    for wall_ms in common(own, other) {
        let (Some(a), Some(b)) = (own.at(wall_ms), other.at(wall_ms)) else { continue };
        let near = ranges.partition_point(|r| r.wall_ms < wall_ms - STEP_MS / 2.0);
        let range = ranges.get(near).filter(|r| r.wall_ms < wall_ms + STEP_MS / 2.0);
        let below = |d: f64| match range {
            // Who is ranged is beside, whatever the tracks say of floors.
            Some(r) => normal_cdf((d - r.range_m) / r.sigma_m),
            None => closer_than(d, &a, &b) * same_floor(&a, &b),
        };
        let passes = if range.is_some() { 1.0 } else { walls(&a, &b, venue) };
        // Nearer than 2 m is only claimed by a range.
        let mut by_distance: Vec<f64> =
            edges.windows(2).map(|e| (below(e[1]) - below(e[0])).max(0.0) * passes).collect();
        if edges.len() == 4 && range.is_none() {
            by_distance[1] += std::mem::take(&mut by_distance[0]);
        }
        moments.push((wall_ms, by_distance));
    }
    let direct = edges
        .windows(2)
        .enumerate()
        .map(|(k, e)| {
            let series: Vec<(f64, f64)> = moments.iter().map(|m| (m.0, m.1[k])).collect();
            Bucket { from_m: e[0], to_m: e[1], minutes: minutes(&series) }
        })
        .collect();
    Exposure {
        direct,
        indirect: indirect(own, other, venue, options),
        compared_minutes: moments.len() as f64 * STEP_MS / 60e3,
        ranged: !ranges.is_empty(),
    }
}

fn closer_than(d: f64, a: &TrackPoint, b: &TrackPoint) -> f64 {
    let mean = [b.at_m[0] - a.at_m[0], b.at_m[1] - a.at_m[1]];
    within(d, mean, [0, 1, 2].map(|k| a.covariance_m2[k] + b.covariance_m2[k]))
}

/// The moments that both tracks may cover.
fn common(a: &Track, b: &Track) -> impl Iterator<Item = f64> + use<> {
    let ends = |t: &Track| t.points.first().map(|p| p.wall_ms).zip(t.points.last().map(|p| p.wall_ms));
    let (from, to) = match (ends(a), ends(b)) {
        (Some(a), Some(b)) => (a.0.max(b.0), a.1.min(b.1)),
        _ => (0.0, -1.0),
    };
    let steps = ((to - from) / STEP_MS).floor().clamp(-1.0, 1e6);
    (0..=steps as i64).map(move |i| from + STEP_MS * i as f64).filter(move |_| steps >= 0.0)
}

/// The sum of probabilities over moments, and its interval: indicators of moments nearby are alike as the errors are.
fn minutes(series: &[(f64, f64)]) -> Minutes {
    let step = STEP_MS / 60e3;
    let expected: f64 = series.iter().map(|s| s.1 * step).sum();
    let deviation = |p: f64| (p * (1.0 - p)).max(0.0).sqrt();
    // Σᵢⱼ σᵢ σⱼ exp(−|tᵢ − tⱼ|/τ), by a recursion over time.
    let (mut variance, mut carried, mut before) = (0.0, 0.0, None);
    for (wall_ms, p) in series {
        let fade = before.map_or(0.0, |t: f64| (-(wall_ms - t) / ERRORS_ALIKE_MS).exp());
        carried *= fade;
        let own = deviation(*p);
        variance += own * own + 2.0 * own * carried;
        carried += own;
        before = Some(*wall_ms);
    }
    let half = NINETY * step * variance.sqrt();
    let most: f64 = series.iter().filter(|s| s.1 > 0.0).count() as f64 * step;
    Minutes { low: (expected - half).max(0.0), expected, high: (expected + half).min(most) }
}

/// ∫∫ P(own at t is where the other was at t − lag) · exp(−lag/air)/air dlag dt, in minutes: what a well-mixed room keeps
/// (Riley, Murphy, Riley 1978, "Airborne spread of measles in a suburban elementary school").
fn indirect(own: &Track, other: &Track, venue: Option<&Venue>, options: &ExposureOptions) -> Minutes {
    let air_ms = options.air_minutes.clamp(0.5, 1e4) * 60e3;
    let longest = (options.longest_lag_minutes.clamp(0.0, 1e4) * 60e3 / STEP_MS) as i64;
    let radius = options.indirect_m.clamp(0.0, 100.0);
    // Coarser in lag than in time: the air forgets slowly.
    let stride = (longest / 120).max(1);
    let (Some(first), Some(last)) = (own.points.first(), own.points.last()) else { return Minutes::default() };
    let steps = ((last.wall_ms - first.wall_ms) / STEP_MS).clamp(0.0, 1e6) as i64;
    let mut series = Vec::new();
    for i in 0..=steps {
        let wall_ms = first.wall_ms + STEP_MS * i as f64;
        let Some(a) = own.at(wall_ms) else { continue };
        let mut breathed = 0.0;
        for lag in (1..=longest).step_by(stride as usize) {
            let lag_ms = lag as f64 * STEP_MS;
            let Some(b) = other.at(wall_ms - lag_ms) else { continue };
            let same = same_floor(&a, &b);
            if same > 1e-3 {
                let left = (-lag_ms / air_ms).exp() * stride as f64 * STEP_MS / air_ms;
                breathed += closer_than(radius, &a, &b) * same * walls(&a, &b, venue) * left;
            }
        }
        series.push((wall_ms, breathed.min(1.0)));
    }
    minutes(&series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn point(secs: f64, at_m: [f64; 2], sigma: f64, floor: i16) -> TrackPoint {
        let covariance_m2 = [sigma * sigma, 0.0, sigma * sigma];
        TrackPoint {
            wall_ms: 1.6e12 + 1e3 * secs,
            at_m,
            covariance_m2,
            building: "M".to_owned(),
            floors: vec![(floor, 1.0)],
        }
    }

    fn standing(minutes: f64, from_secs: f64, at_m: [f64; 2], sigma: f64, floor: i16) -> Track {
        Track::new((0..=(minutes * 6.0) as u32).map(|i| point(from_secs + 10.0 * f64::from(i), at_m, sigma, floor)))
    }

    #[test]
    fn the_probability_of_a_distance_is_that_of_a_million_throws() {
        let mut random = Random::new(11);
        for (radius, mean, covariance) in [
            (2.0, [0.0, 0.0], [1.0, 0.0, 1.0]),
            (2.0, [1.5, -1.0], [4.0, 1.5, 1.0]),
            (5.0, [6.0, 3.0], [9.0, -6.0, 16.0]),
            (5.0, [0.0, 4.9], [0.01, 0.0, 0.01]),
            (1.0, [0.3, 0.2], [100.0, 30.0, 20.0]),
        ] {
            let [ee, en, nn]: [f64; 3] = covariance;
            let (a, b) = (ee.sqrt(), en / ee.sqrt());
            let c = (nn - b * b).sqrt();
            const THROWS: u32 = 200_000;
            let hits = (0..THROWS).filter(|_| {
                let (u, v) = (random.normal(), random.normal());
                (mean[0] + a * u).hypot(mean[1] + b * u + c * v) < radius
            });
            let thrown = hits.count() as f64 / f64::from(THROWS);
            let computed = within(radius, mean, covariance);
            let allowed = 4.0 * (thrown * (1.0 - thrown) / f64::from(THROWS)).sqrt() + 2e-5;
            assert!((computed - thrown).abs() < allowed, "{radius} {mean:?} {covariance:?}: {computed} {thrown}");
        }
        // Without spread; far away; the closed form of a circular normal.
        assert!(within(2.0, [1.0, 1.0], [0.0; 3]) > 0.999 && within(2.0, [2.0, 1.0], [0.0; 3]) < 1e-6);
        assert!(within(2.0, [1e6, 0.0], [1.0, 0.0, 1.0]) < 1e-12 && within(0.0, [0.0; 2], [1.0, 0.0, 1.0]) == 0.0);
        assert!((within(3.0, [0.0; 2], [4.0, 0.0, 4.0]) - (1.0 - (-9.0_f64 / 8.0).exp())).abs() < 1e-6);
    }

    #[test]
    fn intervals_of_minutes_hold_what_was_thrown() {
        // Two people stand 3 m apart for half an hour; their fixes err by 3 m, alike for a minute.
        let (a, b) = (standing(30.0, 0.0, [0.0, 0.0], 3.0, 0), standing(30.0, 0.0, [3.0, 0.0], 3.0, 0));
        let minutes = compare(&a, &b, &[], None, &ExposureOptions::default()).direct[0].minutes;
        let mut random = Random::new(3);
        let (mut inside, mut sum) = (0, 0.0);
        const RUNS: usize = 400;
        let keep = (-STEP_MS / ERRORS_ALIKE_MS).exp();
        for _ in 0..RUNS {
            let sigma = 18.0_f64.sqrt();
            let mut off = [sigma * random.normal(), sigma * random.normal()];
            let mut thrown = 0.0;
            for _ in 0..181 {
                thrown += if (3.0 + off[0]).hypot(off[1]) < 5.0 { STEP_MS / 60e3 } else { 0.0 };
                off = off.map(|x| keep * x + (1.0 - keep * keep).sqrt() * sigma * random.normal());
            }
            sum += thrown;
            inside += usize::from((minutes.low..=minutes.high).contains(&thrown));
        }
        assert!((sum / RUNS as f64 - minutes.expected).abs() < 0.6, "{} {minutes:?}", sum / RUNS as f64);
        let share = inside as f64 / RUNS as f64;
        assert!((0.85..=0.999).contains(&share), "{share} {minutes:?}");
        assert!(minutes.low < minutes.expected && minutes.expected < minutes.high);
    }

    #[test]
    fn floors_walls_and_buildings_part_people() {
        let options = ExposureOptions::default();
        let near = |a: &Track, b: &Track, venue: Option<&Venue>| {
            compare(a, b, &[], venue, &options).direct[0].minutes.expected
        };
        let own = standing(10.0, 0.0, [20.0, 20.0], 0.5, 0);
        let beside = standing(10.0, 0.0, [22.0, 20.0], 0.5, 0);
        assert!((near(&own, &beside, None) - 10.0).abs() < 0.3);
        assert_eq!(near(&own, &standing(10.0, 0.0, [22.0, 20.0], 0.5, 1), None), 0.0);
        let mut other = point(0.0, [22.0, 20.0], 0.5, 0);
        other.building = "N".to_owned();
        let later = TrackPoint { wall_ms: other.wall_ms + 50e3, ..other.clone() };
        assert_eq!(near(&own, &Track::new([other, later]), None), 0.0);
        let venue = crate::simulate::venue();
        let (corridor, shop) = ([25.0, 23.0], [25.0, 25.0]);
        let (a, b) = (standing(10.0, 0.0, corridor, 0.5, 0), standing(10.0, 0.0, shop, 0.5, 0));
        let (open, walled) = (near(&a, &b, None), near(&a, &b, Some(&venue)));
        assert!((walled / open - WALL_FACTOR).abs() < 0.01, "{walled} {open}");
    }

    #[test]
    fn two_metres_are_claimed_only_where_devices_ranged_each_other() {
        let (a, b) = (standing(10.0, 0.0, [0.0; 2], 0.3, 0), standing(10.0, 0.0, [1.0, 0.0], 0.3, 0));
        let without = compare(&a, &b, &[], None, &ExposureOptions::default());
        assert!(without.direct.iter().all(|bucket| bucket.to_m > 2.0) && !without.ranged, "{without:?}");
        // Ranged for the first five minutes.
        let ranges: Vec<DirectRange> = (0..30)
            .map(|i| DirectRange { wall_ms: 1.6e12 + 10e3 * f64::from(i), range_m: 1.0, sigma_m: 0.1 })
            .collect();
        let with = compare(&a, &b, &ranges, None, &ExposureOptions::default());
        assert_eq!(with.direct[0].to_m, 2.0);
        assert!(
            (with.direct[0].minutes.expected - 5.0).abs() < 0.1 && with.direct[1].minutes.expected > 4.0,
            "{with:?}"
        );
    }

    #[test]
    fn who_comes_later_breathes_what_is_left() {
        let options = ExposureOptions::default();
        let other = standing(30.0, 0.0, [0.0; 2], 0.5, 0);
        let indirect =
            |from_secs: f64| compare(&standing(10.0, from_secs, [1.0, 0.0], 0.5, 0), &other, &[], None, &options);
        let (soon, late, never) = (indirect(1860.0), indirect(3000.0), indirect(9000.0));
        assert_eq!((soon.compared_minutes, soon.direct[0].minutes.expected), (0.0, 0.0));
        // At once after 30 minutes of breathing: ∫ exp(−l/20) dl/20 from just before to 30 minutes earlier, over 10 minutes.
        assert!((soon.indirect.expected - 6.2).abs() < 0.8, "{soon:?}");
        assert!(late.indirect.expected < 0.6 * soon.indirect.expected && late.indirect.expected > 0.5, "{late:?}");
        assert_eq!(never.indirect.expected, 0.0);
    }

    #[test]
    fn a_log_forgets_after_a_fortnight_and_on_request() {
        let mut log = TrackLog::default();
        for day in 0..20 {
            log.push(point(86_400.0 * f64::from(day), [0.0; 2], 1.0, 0));
        }
        assert_eq!(log.points().count(), 15, "today and fourteen days back");
        log.push(point(0.0, [0.0; 2], 1.0, 0));
        log.push(TrackPoint { at_m: [f64::NAN, 0.0], ..point(2e6, [0.0; 2], 1.0, 0) });
        assert_eq!(log.points().count(), 15, "what is old or no number is left out");
        let day = |n: f64| 1.6e12 + 86_400e3 * n;
        log.delete(day(10.0), day(12.0));
        assert_eq!(log.points().count(), 12);
        log.tick(day(60.0));
        assert_eq!(log.points().count(), 0);
        assert_eq!(
            compare(&log.track(), &Track::default(), &[], None, &ExposureOptions::default()).compared_minutes,
            0.0
        );
    }
}
