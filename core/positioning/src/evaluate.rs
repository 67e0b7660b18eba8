//! How far off the answers are: cross-validation and the numbers of a table.

use crate::conformal::Radii;
use crate::formats::Walk;
use crate::indoor::{IndoorFilter, IndoorOptions};
use crate::pdr::StepDetector;
use crate::radio::{Fingerprint, Place, QueryOptions, RadioMap, SurveyOptions, distance};
use crate::routes::RouteGraph;
use crate::smooth::{SmoothOptions, smooth};
use crate::venue::Venue;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A place is surveyed when a fingerprint of the map lies within this, metres.
const SURVEYED_M: f64 = 8.0;

/// One answer beside the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Which part was held out.
    pub fold: u32,
    /// Metres from the answer to the truth, in the map's plane, whatever the floor.
    pub error_m: f64,
    /// Floors from the answer to the truth.
    pub floors_off: u32,
    /// Whether the building was right.
    pub building_hit: bool,
    /// Whether the map was surveyed around the truth; radii are learnt from such samples only, since a map is used
    /// where it was surveyed.
    pub surveyed: bool,
    /// The estimator's own spread, metres.
    pub spread_m: f64,
    /// 68 % and 95 % radius, metres.
    pub radii_m: [f64; 2],
}

impl Sample {
    fn new(fold: u32, answer: Place, truth: Place, spread_m: f64, radii_m: [f64; 2]) -> Self {
        Self {
            fold,
            error_m: distance(answer.at_m, truth.at_m),
            floors_off: u32::from(answer.floor.abs_diff(truth.floor)),
            building_hit: answer.building == truth.building,
            surveyed: true,
            spread_m,
            radii_m,
        }
    }
}

/// The numbers of a table; hits and coverages are fractions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Answers.
    pub count: usize,
    /// Questions without an answer.
    pub unanswered: usize,
    /// Mean error, metres.
    pub mean_m: f64,
    /// Median error, metres.
    pub median_m: f64,
    /// Error that three of four answers do not exceed, metres.
    pub p75_m: f64,
    /// Error that 95 of 100 answers do not exceed, metres.
    pub p95_m: f64,
    /// Share of answers in the right building.
    pub building_hit: f64,
    /// Share of answers on the right floor of the right building.
    pub floor_hit: f64,
    /// Mean of error + 15 m for each floor off.
    pub score_m: f64,
    /// Share of errors within the 68 % radius.
    pub coverage68: f64,
    /// Share of errors within the 95 % radius.
    pub coverage95: f64,
    /// Median 68 % radius, metres.
    pub median_radius68_m: f64,
    /// Median 95 % radius, metres.
    pub median_radius95_m: f64,
    /// The one radius that covers as many of these errors as the 68 % radii do, metres: what radii of each answer's own
    /// have to beat on the median.
    pub fixed_radius68_m: f64,
    /// The one radius that covers as many of these errors as the 95 % radii do, metres.
    pub fixed_radius95_m: f64,
    /// Mean seconds from the first observation to the first answer; 0 for single fingerprints.
    pub first_fix_secs: f64,
    /// Mean microseconds for each observation or fingerprint.
    pub update_micros: f64,
}

impl Summary {
    /// The numbers of some samples; all 0 for none.
    pub fn new(samples: &[Sample], unanswered: usize) -> Self {
        if samples.is_empty() {
            return Self { unanswered, ..Self::default() };
        }
        let n = samples.len() as f64;
        let share = |hit: &dyn Fn(&Sample) -> bool| samples.iter().filter(|s| hit(s)).count() as f64 / n;
        let quantile = |of: &dyn Fn(&Sample) -> f64, p: f64| {
            let mut values: Vec<f64> = samples.iter().map(of).collect();
            values.sort_unstable_by(f64::total_cmp);
            values[((values.len() as f64 * p) as usize).min(values.len() - 1)]
        };
        // The least radius that holds a share of the errors.
        let fixed = |coverage: f64| {
            let mut errors: Vec<f64> = samples.iter().map(|s| s.error_m).collect();
            errors.sort_unstable_by(f64::total_cmp);
            ((coverage * n).round() as usize).checked_sub(1).map_or(0.0, |last| errors[last])
        };
        let (coverage68, coverage95) = (share(&|s| s.error_m <= s.radii_m[0]), share(&|s| s.error_m <= s.radii_m[1]));
        Self {
            count: samples.len(),
            unanswered,
            mean_m: samples.iter().map(|s| s.error_m).sum::<f64>() / n,
            median_m: quantile(&|s| s.error_m, 0.5),
            p75_m: quantile(&|s| s.error_m, 0.75),
            p95_m: quantile(&|s| s.error_m, 0.95),
            building_hit: share(&|s| s.building_hit),
            floor_hit: share(&|s| s.building_hit && s.floors_off == 0),
            score_m: samples.iter().map(|s| s.error_m + 15.0 * f64::from(s.floors_off)).sum::<f64>() / n,
            coverage68,
            coverage95,
            median_radius68_m: quantile(&|s| s.radii_m[0], 0.5),
            median_radius95_m: quantile(&|s| s.radii_m[1], 0.5),
            fixed_radius68_m: fixed(coverage68),
            fixed_radius95_m: fixed(coverage95),
            first_fix_secs: 0.0,
            update_micros: 0.0,
        }
    }
}

/// Gives each sample the radii that the samples of the other folds teach (cross-conformal prediction, Vovk 2015).
pub fn calibrate_by_fold(samples: &mut [Sample]) {
    let mut folds: Vec<u32> = samples.iter().map(|s| s.fold).collect();
    folds.sort_unstable();
    folds.dedup();
    for fold in folds {
        let radii = learn(samples.iter().filter(|s| s.fold != fold));
        for sample in samples.iter_mut().filter(|s| s.fold == fold) {
            sample.radii_m = radii.at(sample.spread_m);
        }
    }
}

/// The radii that samples teach.
pub fn learn<'a>(samples: impl Iterator<Item = &'a Sample>) -> Radii {
    Radii::learn(&mut samples.filter(|s| s.surveyed).map(|s| (s.spread_m, s.error_m)).collect())
}

/// Microseconds since some moment, by the caller's clock: this crate has none of its own.
pub type Clock<'a> = &'a dyn Fn() -> f64;

/// What locating fingerprints or walks came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Located {
    /// One sample for each fingerprint or way-point that had an answer; their fold is a fingerprint's group.
    pub samples: Vec<Sample>,
    /// Fingerprints that hear nothing that the map knows; way-points before the first scan.
    pub unanswered: usize,
    /// Fingerprints or observations taken.
    pub observations: usize,
    /// Microseconds that they took together.
    pub micros: f64,
    /// Seconds from the first observation to the first answer, for each walk that had one.
    pub first_fix_secs: Vec<f64>,
}

impl Located {
    /// The numbers of a table.
    pub fn summary(&self) -> Summary {
        let first = &self.first_fix_secs;
        Summary {
            first_fix_secs: first.iter().fold(0.0, |sum, secs| sum + secs) / first.len().max(1) as f64,
            update_micros: self.micros / self.observations.max(1) as f64,
            ..Summary::new(&self.samples, self.unanswered)
        }
    }
}

/// Locates fingerprints by a map. `is_surveyed` tells whether the map was surveyed around a place.
pub fn locate_fingerprints<'a>(
    map: &RadioMap,
    is_surveyed: &dyn Fn(Place) -> bool,
    asked: impl Iterator<Item = &'a Fingerprint>,
    clock: Clock,
    into: &mut Located,
) {
    for f in asked {
        let start = clock();
        let fix = map.locate(&f.readings, None);
        into.micros += clock() - start;
        into.observations += 1;
        match fix {
            Some(fix) => into.samples.push(Sample {
                surveyed: is_surveyed(f.place),
                ..Sample::new(f.group, fix.place, f.place, fix.spread_m, fix.radii_m)
            }),
            None => into.unanswered += 1,
        }
    }
}

/// Each group's fingerprints, located by a map of all other groups, with radii from the other groups' errors. Of the groups
/// in `only`, when there are any: the others serve to learn radii.
pub fn leave_groups_out(
    fingerprints: &[Fingerprint],
    survey: &SurveyOptions,
    query: QueryOptions,
    only: &[u32],
    clock: Clock,
) -> Located {
    let mut located = Located::default();
    let wanted = |group: u32| only.is_empty() || only.contains(&group);
    for group in groups(fingerprints) {
        let train: Vec<_> = fingerprints.iter().filter(|f| f.group != group).cloned().collect();
        let map = RadioMap::new(&train, survey, query);
        let unanswered = located.unanswered;
        let is_surveyed = |place: Place| train.iter().any(|f| is_near(f.place, place));
        locate_fingerprints(&map, &is_surveyed, fingerprints.iter().filter(|f| f.group == group), clock, &mut located);
        if !wanted(group) {
            located.unanswered = unanswered;
        }
    }
    calibrate_by_fold(&mut located.samples);
    located.samples.retain(|sample| wanted(sample.fold));
    located
}

fn is_near(a: Place, b: Place) -> bool {
    (a.building, a.floor) == (b.building, b.floor) && distance(a.at_m, b.at_m) <= SURVEYED_M
}

/// The same split with plain 1-NN: the place of the fingerprint at the least Euclidean distance in dBm, with −110 dBm
/// for what was not heard. The yardstick of published tables.
pub fn leave_groups_out_nearest(fingerprints: &[Fingerprint]) -> Vec<Sample> {
    let level = |dbm: f64| (dbm + 110.0).max(0.0);
    let mut index: BTreeMap<_, Vec<(usize, f64)>> = BTreeMap::new();
    let mut squares = vec![0.0; fingerprints.len()];
    for (i, f) in fingerprints.iter().enumerate() {
        for &(mac, dbm) in &f.readings {
            index.entry(mac).or_default().push((i, level(dbm)));
            squares[i] += level(dbm).powi(2);
        }
    }
    let mut samples = Vec::new();
    for f in fingerprints {
        let mut distances = squares.clone();
        for (mac, dbm) in &f.readings {
            for (i, other) in index.get(mac).into_iter().flatten() {
                distances[*i] -= 2.0 * level(*dbm) * other;
            }
        }
        let others = (0..fingerprints.len()).filter(|i| fingerprints[*i].group != f.group);
        if let Some(best) = others.min_by(|a, b| distances[*a].total_cmp(&distances[*b])) {
            samples.push(Sample::new(f.group, fingerprints[best].place, f.place, 1.0, [0.0; 2]));
        }
    }
    calibrate_by_fold(&mut samples);
    samples
}

fn groups(fingerprints: &[Fingerprint]) -> Vec<u32> {
    let mut groups: Vec<u32> = fingerprints.iter().map(|f| f.group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// A walk, the floor it was on, and the part that it is held out with.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyWalk {
    /// The floor's number.
    pub floor: i16,
    /// Which part it is held out with.
    pub fold: u32,
    /// The walk.
    pub walk: Walk,
}

impl SurveyWalk {
    fn way(&self) -> Vec<Place> {
        self.walk.waypoints.iter().map(|(_, at_m)| Place { at_m: *at_m, floor: self.floor, building: 0 }).collect()
    }
}

/// The radio map of walks, with the routes that they took.
pub fn map_of_walks<'a>(
    walks: impl Iterator<Item = &'a SurveyWalk>,
    survey: &SurveyOptions,
    query: QueryOptions,
    filter: &IndoorOptions,
) -> RadioMap {
    let walks: Vec<&SurveyWalk> = walks.collect();
    let fingerprints: Vec<_> = walks
        .iter()
        .flat_map(|w| w.walk.fingerprints(w.floor, w.fold, filter.max_age_ms, filter.scan_lag_ms))
        .collect();
    let ways: Vec<Vec<Place>> = walks.iter().map(|w| w.way()).collect();
    let mut map = RadioMap::new(&fingerprints, survey, query);
    map.set_routes(RouteGraph::learn(ways.iter().map(Vec::as_slice)));
    map
}

/// Follows a walk by a map, causally: at each way-point the answer is that of the observations before it. Way-points
/// are truth only.
pub fn follow(
    map: &RadioMap,
    venue: Option<&Arc<Venue>>,
    walk: &SurveyWalk,
    options: IndoorOptions,
    into: &mut Located,
) {
    let mut filter = IndoorFilter::new(options);
    filter.set_venue(venue.cloned());
    let mut waypoints = walk.walk.waypoints.iter().peekable();
    let mut first_fix = None;
    for observation in &walk.walk.observations {
        while let Some(waypoint) = waypoints.next_if(|w| w.0 < observation.time_ms) {
            compare(map, &filter, walk, waypoint.1, into);
        }
        let _ = filter.observe(map, observation);
        into.observations += 1;
        if first_fix.is_none() && filter.has_fix() {
            first_fix = Some((observation.time_ms - walk.walk.observations[0].time_ms) / 1e3);
        }
    }
    for waypoint in waypoints {
        compare(map, &filter, walk, waypoint.1, into);
    }
    into.first_fix_secs.extend(first_fix);
}

fn compare(map: &RadioMap, filter: &IndoorFilter, walk: &SurveyWalk, at_m: [f64; 2], into: &mut Located) {
    match filter.position(map) {
        None => into.unanswered += 1,
        Some(p) => {
            let answer = Place { at_m: p.at_m, floor: p.floor, building: p.building };
            let truth = Place { at_m, floor: walk.floor, building: p.building };
            into.samples.push(Sample::new(walk.fold, answer, truth, p.spread_m(), p.radii_m));
        }
    }
}

/// Smooths a walk by a map: at each way-point the answer is that of all observations of the walk. Way-points are truth
/// only.
pub fn smooth_walk(
    map: &RadioMap,
    venue: Option<&Arc<Venue>>,
    walk: &SurveyWalk,
    options: &SmoothOptions,
    into: &mut Located,
) {
    let track = smooth(map, venue.map(Arc::as_ref), &walk.walk.observations, options);
    into.observations += walk.walk.observations.len();
    for (time_ms, at_m) in &walk.walk.waypoints {
        let Some(p) = track.at(*time_ms) else {
            into.unanswered += 1;
            continue;
        };
        let truth = Place { at_m: *at_m, floor: walk.floor, building: p.place.building };
        into.samples.push(Sample::new(walk.fold, p.place, truth, p.spread_m, p.radii_m));
    }
}

/// How far dead reckoning alone, from the first way-point on, ends from the last one, as a share of the way between all
/// way-points; `None` for a walk of less than 20 m.
pub fn drift(walk: &SurveyWalk) -> Option<f64> {
    let points = &walk.walk.waypoints;
    let length_m: f64 = points.windows(2).map(|pair| distance(pair[0].1, pair[1].1)).sum();
    let (start, end) = (points.first()?, points.last()?);
    if length_m < 20.0 {
        return None;
    }
    let mut detector = StepDetector::default();
    let steps = walk.walk.observations.iter().filter_map(|observation| detector.observe(observation));
    let mut at = start.1;
    for step in steps.filter(|step| step.time_ms > start.0 && step.time_ms <= end.0) {
        let (sin, cos) = step.heading_rad?.sin_cos();
        at = [at[0] + step.stride_m * sin, at[1] + step.stride_m * cos];
    }
    Some(distance(at, end.1) / length_m)
}

/// How a walk is located.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// By what came before: what a visitor gets.
    Causal(IndoorOptions),
    /// By the whole walk.
    Offline(SmoothOptions),
}

impl Method {
    /// Locates a walk by a map, and by the walls of a venue in the map's plane.
    pub fn locate(
        &self,
        map: &RadioMap,
        venue: Option<&Arc<Venue>>,
        walk: &SurveyWalk,
        clock: Clock,
        into: &mut Located,
    ) {
        let start = clock();
        match self {
            Self::Causal(options) => follow(map, venue, walk, *options, into),
            Self::Offline(options) => smooth_walk(map, venue, walk, options, into),
        }
        into.micros += clock() - start;
    }
}

/// The walks of each fold, or of those in `only` when there are any, located by a map of the other folds'.
/// Radii are learnt from the errors of the other folds that were located. One outcome for each method.
pub fn leave_walks_out(
    walks: &[SurveyWalk],
    (survey, query): (&SurveyOptions, QueryOptions),
    venue: Option<&Arc<Venue>>,
    methods: &[Method],
    only: &[u32],
    clock: Clock,
) -> Vec<Located> {
    let mut folds: Vec<u32> = walks.iter().map(|w| w.fold).collect();
    folds.sort_unstable();
    folds.dedup();
    let mut located = vec![Located::default(); methods.len()];
    for fold in folds.into_iter().filter(|fold| only.is_empty() || only.contains(fold)) {
        let map = map_of_walks(walks.iter().filter(|w| w.fold != fold), survey, query, &IndoorOptions::default());
        for (method, into) in methods.iter().zip(&mut located) {
            walks.iter().filter(|w| w.fold == fold).for_each(|walk| method.locate(&map, venue, walk, clock, into));
        }
    }
    located.iter_mut().for_each(|f| calibrate_by_fold(&mut f.samples));
    located
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of errors of 1 to 100 m, radii hold the least 70 and the least 95.
    #[test]
    fn a_fixed_radius_holds_as_many_errors_as_the_radii_do() {
        let sample = |error: u32| {
            let error_m = f64::from(error);
            let radius = |most: u32, m: f64| if error <= most { error_m + m } else { error_m - m };
            Sample {
                fold: 0,
                error_m,
                floors_off: 0,
                building_hit: true,
                surveyed: true,
                spread_m: 1.0,
                radii_m: [radius(70, 0.5), radius(95, 0.75)],
            }
        };
        // Not in the order of their errors.
        let samples: Vec<Sample> = (0..100).map(|i| sample(i * 37 % 100 + 1)).collect();
        let summary = Summary::new(&samples, 0);
        assert_eq!((summary.coverage68, summary.coverage95), (0.7, 0.95));
        assert_eq!((summary.fixed_radius68_m, summary.fixed_radius95_m), (70.0, 95.0));
    }
}
