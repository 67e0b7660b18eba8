//! The off-line smoother: a whole walk at once, for surveys and trails.
//!
//! A hidden Markov model (Rabiner 1989, "A tutorial on hidden Markov models", Proceedings of the IEEE 77) over places
//! that people walk: points along the map's routes, and a coarser lattice beside them. Once a second the walk's dead
//! reckoning moves the probability, scans weigh it, and the forward-backward algorithm gives each moment's posterior
//! under all observations before and after it. What leaves the places where people walk loses probability, as in map
//! matching (Newson, Krumm 2009, "Hidden Markov map matching through noise and sparseness", ACM GIS). Floors are the
//! most likely sequence (Viterbi 1967).

use crate::conformal::Radii;
use crate::ground::Heard;
use crate::observation::{Intake, Mac, Measurement, Observation};
use crate::pdr::{Step, StepDetector};
use crate::radio::{Place, RadioFix, RadioMap, distance};
use crate::routes::{RoutePoint, off_route};
use crate::venue::Venue;
use std::cell::OnceCell;
use std::collections::BTreeSet;

/// How walks are smoothed. Chosen on the first fifth of the mall's walks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothOptions {
    /// Readings older than this do not count, milliseconds.
    pub max_age_ms: f64,
    /// How old a scan's readings are on the whole, milliseconds.
    pub scan_lag_ms: f64,
    /// Time between two moments of the model, milliseconds.
    pub epoch_ms: f64,
    /// Distance between points of a route, metres.
    pub spacing_m: f64,
    /// Side of the squares beside the routes, metres, and how much less likely than a route they are.
    pub beside_m: f64,
    /// See `beside_m`.
    pub beside_weight: f64,
    /// So many times the walk's stride and heading are corrected by where it turned out to go.
    pub corrections: usize,
    /// Standard deviation of that correction: radians, and a share of the stride.
    pub correction_sigma: f64,
    /// Exponent on a scan's weight.
    pub scan_power: f64,
    /// Share of a scan's weight that says nothing.
    pub scan_outlier: f64,
    /// Standard deviation of a moment's displacement: metres at rest, and as a share of the displacement.
    pub still_sigma_m: f64,
    /// See `still_sigma_m`.
    pub step_sigma: f64,
    /// Length of a step over what the step detector says.
    pub stride: f64,
    /// Probability of having jumped anywhere, at each moment.
    pub jump: f64,
    /// What leaves the routes loses: the weight of being nowhere, against points a metre apart at full weight.
    pub wall: f64,
}

impl Default for SmoothOptions {
    fn default() -> Self {
        Self {
            max_age_ms: 4000.0,
            scan_lag_ms: 1000.0,
            epoch_ms: 1000.0,
            spacing_m: 1.5,
            beside_m: 1.5,
            beside_weight: 0.2,
            corrections: 2,
            correction_sigma: 0.15,
            scan_power: 2.0,
            scan_outlier: 0.005,
            still_sigma_m: 0.4,
            step_sigma: 0.25,
            stride: 1.0,
            jump: 1e-5,
            wall: 0.3,
        }
    }
}

/// How far beside the routes people may be, metres.
const BESIDE_REACH_M: f64 = 10.0;
/// Time over which a walk's steps are compared with where it went, milliseconds.
const COMPARED_MS: f64 = 8000.0;
/// Probability that the floor changed from one scan to the next.
const FLOOR_CHANGE: f64 = 1e-3;
/// A walk has no more moments than this.
const MOST_EPOCHS: f64 = 7200.0;
/// What is less likely than this, against the most likely, is not carried on.
const NEGLIGIBLE: f64 = 1e-6;

/// One moment of a smoothed walk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothPosition {
    /// Milliseconds on the observations' clock.
    pub time_ms: f64,
    /// The mean of the posterior.
    pub place: Place,
    /// Root mean square distance of the posterior from `place`, metres.
    pub spread_m: f64,
    /// 68 % and 95 % radius, metres, from the map's calibration.
    pub radii_m: [f64; 2],
}

/// A smoothed walk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SmoothTrack {
    moments: Vec<SmoothPosition>,
    radii: Radii,
}

impl SmoothTrack {
    /// The moments, in order of time; none when no scan held anything that the map knows.
    pub fn moments(&self) -> &[SmoothPosition] {
        &self.moments
    }

    /// The position at a time, between two moments on the straight line; the first or last one outside. `None` when
    /// there are none.
    pub fn at(&self, time_ms: f64) -> Option<SmoothPosition> {
        let after = self.moments.partition_point(|e| e.time_ms < time_ms);
        let b = self.moments.get(after).or(self.moments.last())?;
        let a = self.moments.get(after.saturating_sub(1)).unwrap_or(b);
        let s = share(a.time_ms, b.time_ms, time_ms);
        let spread_m = a.spread_m + s * (b.spread_m - a.spread_m);
        let place = Place { at_m: between(a.place.at_m, b.place.at_m, s), ..if s < 0.5 { a.place } else { b.place } };
        Some(SmoothPosition { time_ms, place, spread_m, radii_m: self.radii.at(spread_m) })
    }
}

/// Where `at` lies from `from` (0) to `to` (1); 1 when they are the same.
fn share(from: f64, to: f64, at: f64) -> f64 {
    if to > from { ((at - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 }
}

fn between(a: [f64; 2], b: [f64; 2], s: f64) -> [f64; 2] {
    [a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1])]
}

/// Where a walk went by its steps alone, turned and stretched, from its own origin.
struct DeadReckoning(Vec<(f64, [f64; 2])>);

impl DeadReckoning {
    fn new(steps: &[Step], turn: [f64; 2]) -> Self {
        const LONGEST_STEP_MS: f64 = 800.0;
        let mut knots = Vec::with_capacity(2 * steps.len());
        let mut at = [0.0; 2];
        let mut before = f64::NEG_INFINITY;
        for step in steps {
            let start = before.max(step.time_ms - LONGEST_STEP_MS);
            knots.push((start, at));
            if let Some(heading) = step.heading_rad {
                let moved = [step.stride_m * heading.sin(), step.stride_m * heading.cos()];
                let moved = times_turn(moved, turn);
                at = [at[0] + moved[0], at[1] + moved[1]];
            }
            knots.push((step.time_ms, at));
            before = step.time_ms;
        }
        Self(knots)
    }

    fn at(&self, time_ms: f64) -> [f64; 2] {
        let after = self.0.partition_point(|k| k.0 < time_ms);
        let Some(b) = self.0.get(after).or(self.0.last()) else { return [0.0; 2] };
        let a = self.0.get(after.saturating_sub(1)).unwrap_or(b);
        between(a.1, b.1, share(a.0, b.0, time_ms))
    }

    fn moved(&self, from_ms: f64, to_ms: f64) -> [f64; 2] {
        let (a, b) = (self.at(from_ms), self.at(to_ms));
        [b[0] - a[0], b[1] - a[1]]
    }
}

/// Time and readings of a scan.
type Scan = (f64, Vec<(Mac, f64)>);

/// Smooths a walk. The order of the observations does not matter; bad ones are left out. A venue, in the map's plane, tells
/// where its walls are.
pub fn smooth(
    map: &RadioMap,
    venue: Option<&Venue>,
    observations: &[Observation],
    options: &SmoothOptions,
) -> SmoothTrack {
    let (steps, scans, [start, end]) = read(observations, options);
    let floors = floor_sequence(map, &scans);
    let visited: BTreeSet<(u16, i16)> = floors.iter().copied().flatten().collect();
    if visited.is_empty() {
        return SmoothTrack::default();
    }
    let epoch_ms = options.epoch_ms.max((end - start) / MOST_EPOCHS).max(1.0);
    let times: Vec<f64> =
        (0..=((end - start) / epoch_ms).ceil() as usize).map(|i| start + i as f64 * epoch_ms).collect();
    let model = Model::new(map, venue, &visited, options);
    let fixes: Vec<_> = scans
        .iter()
        .zip(&floors)
        .filter_map(|((time_ms, scan), floor)| {
            floor.and_then(|floor| Some((*time_ms, floor, map.locate_for_track(scan, floor.1)?)))
        })
        .collect();
    let mut turn = [options.stride, 0.0];
    let mut moments = Vec::new();
    for round in 0..=options.corrections {
        let path = DeadReckoning::new(&steps, turn);
        let epochs = epochs(map, &path, &fixes, &times);
        let posteriors = times.iter().zip(model.posteriors(&epochs)).zip(&epochs);
        let position = |((time, p), epoch): ((&f64, Vec<f64>), &Epoch)| model.position(*time, &p, epoch.floor?);
        moments = posteriors.filter_map(position).collect();
        if round < options.corrections {
            turn = times_turn(turn, correction(&path, &moments, options.correction_sigma));
        }
    }
    let radii = map.smooth_radii().clone();
    moments.iter_mut().for_each(|m| m.radii_m = radii.at(m.spread_m));
    SmoothTrack { moments, radii }
}

/// What each moment knows: its floor, the scans nearest to it, and the way since the moment before.
fn epochs(map: &RadioMap, path: &DeadReckoning, fixes: &[(f64, (u16, i16), RadioFix)], times: &[f64]) -> Vec<Epoch> {
    let mut epochs: Vec<Epoch> = times.iter().map(|_| Epoch::default()).collect();
    for (time_ms, floor, fix) in fixes {
        let after = times.partition_point(|t| t < time_ms).min(times.len() - 1);
        let before = after.saturating_sub(1);
        let nearest = if time_ms - times[before] < times[after] - time_ms { before } else { after };
        epochs[nearest].floor = Some(*floor);
        epochs[nearest].heard.push(Heard::new(map, fix, path.moved(*time_ms, times[nearest])));
    }
    for (epoch, pair) in epochs.iter_mut().skip(1).zip(times.windows(2)) {
        epoch.moved = path.moved(pair[0], pair[1]);
    }
    fill_floors(&mut epochs);
    epochs
}

/// How a walk's steps must be turned and stretched to go where the walk went: cosine and sine of the angle, times the
/// stretch. Weighted least squares over stretches of some seconds, with a normal prior around no correction.
fn correction(path: &DeadReckoning, moments: &[SmoothPosition], sigma: f64) -> [f64; 2] {
    let prior = sigma.max(1e-3).powi(-2);
    let (mut with, mut square) = ([prior, 0.0], prior);
    for (i, a) in moments.iter().enumerate() {
        let Some(b) = moments[i..].iter().find(|b| b.time_ms - a.time_ms >= COMPARED_MS) else { break };
        if b.place.floor != a.place.floor {
            continue;
        }
        let d = path.moved(a.time_ms, b.time_ms);
        let p = [b.place.at_m[0] - a.place.at_m[0], b.place.at_m[1] - a.place.at_m[1]];
        // Stretches overlap: together they count as if they did not.
        let share = moments.get(i + 1).map_or(1.0, |next| ((next.time_ms - a.time_ms) / COMPARED_MS).min(1.0));
        let weight = share / (1.0 + a.spread_m.powi(2) + b.spread_m.powi(2));
        with[0] += weight * (d[0] * p[0] + d[1] * p[1]);
        with[1] += weight * (d[0] * p[1] - d[1] * p[0]);
        square += weight * (d[0] * d[0] + d[1] * d[1]);
    }
    let turn = with.map(|x| x / square);
    let length = turn[0].hypot(turn[1]);
    if length.is_finite() && length > 1e-3 { turn.map(|x| x / length * length.clamp(0.7, 1.4)) } else { [1.0, 0.0] }
}

/// One turn after another, or a displacement turned: the product of two complex numbers.
fn times_turn(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

/// Steps, scans, and the time of the first and last observation.
fn read(observations: &[Observation], options: &SmoothOptions) -> (Vec<Step>, Vec<Scan>, [f64; 2]) {
    let mut order: Vec<&Observation> = observations.iter().collect();
    order.sort_by(|a, b| a.time_ms.total_cmp(&b.time_ms).then_with(|| a.what.kind().cmp(&b.what.kind())));
    let (mut intake, mut detector) = (Intake::default(), StepDetector::default());
    let (mut steps, mut scans, mut span) = (Vec::new(), Vec::new(), None);
    for observation in order.into_iter().filter(|o| intake.admit(o).is_ok()) {
        span = Some([span.map_or(observation.time_ms, |s: [f64; 2]| s[0]), observation.time_ms]);
        if let Measurement::Wifi { readings } = &observation.what {
            let fresh = readings.iter().filter(|r| r.age_ms.is_none_or(|age| age <= options.max_age_ms));
            let readings = fresh.map(|r| (r.bssid, r.rssi_dbm)).collect();
            scans.push((observation.time_ms - options.scan_lag_ms, readings));
        }
        steps.extend(detector.observe(observation));
    }
    (steps, scans, span.unwrap_or_default())
}

/// The most likely floor at each scan; `None` where a scan holds nothing that the map knows.
fn floor_sequence(map: &RadioMap, scans: &[Scan]) -> Vec<Option<(u16, i16)>> {
    let seen: Vec<_> = scans.iter().map(|(_, scan)| map.floor_probabilities(scan)).collect();
    let all: Vec<(u16, i16)> =
        seen.iter().flatten().flat_map(|p| p.keys().copied()).collect::<BTreeSet<_>>().into_iter().collect();
    let mut best = vec![0.0_f64; all.len()];
    let mut from: Vec<Vec<usize>> = Vec::with_capacity(seen.len());
    for p in seen.iter().flatten() {
        let top = (0..all.len()).max_by(|a, b| best[*a].total_cmp(&best[*b])).unwrap_or(0);
        let change = best[top] + FLOOR_CHANGE.ln();
        let came: Vec<usize> = (0..all.len()).map(|k| if best[k] >= change { k } else { top }).collect();
        // Scans resemble each other: none of them alone proves a floor.
        let heard = |floor: &(u16, i16)| 0.5 * p.get(floor).copied().unwrap_or(0.0).max(0.01).ln();
        best = all.iter().zip(&came).map(|(floor, k)| best[*k].max(change) + heard(floor)).collect();
        from.push(came);
    }
    let mut at = (0..all.len()).max_by(|a, b| best[*a].total_cmp(&best[*b])).unwrap_or(0);
    let mut floors: Vec<Option<(u16, i16)>> = seen.iter().map(|_| None).collect();
    for (i, _) in seen.iter().enumerate().rev().filter(|(_, p)| p.is_some()) {
        floors[i] = Some(all[at]);
        at = from.pop().map_or(at, |came| came[at]);
    }
    floors
}

/// One moment's evidence.
#[derive(Default)]
struct Epoch {
    floor: Option<(u16, i16)>,
    heard: Vec<Heard>,
    /// Metres walked since the moment before.
    moved: [f64; 2],
}

/// Moments without a scan are on the floor of the one before, those before the first scan on its floor.
fn fill_floors(epochs: &mut [Epoch]) {
    let mut floor = epochs.iter().find_map(|e| e.floor);
    for epoch in epochs {
        floor = epoch.floor.or(floor);
        epoch.floor = floor;
    }
}

/// The places, and how one moves between them.
struct Model<'a> {
    points: Vec<RoutePoint>,
    floors: Vec<(u16, i16)>,
    total_m: f64,
    grid: Grid,
    walls: Option<Walls<'a>>,
    options: &'a SmoothOptions,
}

/// Which points have a wall between them, found out as they are asked for.
struct Walls<'a> {
    venue: &'a Venue,
    /// For each point the numbers of those within [`NEAR_M`] that lie behind a wall, ascending.
    behind: Vec<OnceCell<Vec<u32>>>,
}

/// Walls between points further apart than this are not kept, metres.
const NEAR_M: f64 = 4.0;

impl<'a> Model<'a> {
    fn new(
        map: &RadioMap,
        venue: Option<&'a Venue>,
        visited: &BTreeSet<(u16, i16)>,
        options: &'a SmoothOptions,
    ) -> Self {
        let (mut points, mut floors) = (Vec::new(), Vec::new());
        for (building, floor) in visited {
            let mut here = map.routes().points(*building, *floor, options.spacing_m.max(0.1));
            if here.is_empty() {
                // Nothing is known of routes: people walk where the survey was, and next to it.
                let point = |at_m| RoutePoint { at_m, length_m: 1.0 };
                here = map.cell_places(*building, *floor).map(point).collect();
                let between = off_route(&here, options.spacing_m.max(0.5), 3.0);
                here.extend(between.into_iter().map(point));
            }
            let length_m = options.beside_m * options.beside_weight;
            let beside = off_route(&here, options.beside_m.max(0.5), BESIDE_REACH_M);
            here.extend(beside.into_iter().map(|at_m| RoutePoint { at_m, length_m }));
            floors.resize(floors.len() + here.len(), (*building, *floor));
            points.extend(here);
        }
        let total_m = points.iter().map(|p| p.length_m).sum::<f64>().max(1e-9);
        let walls = venue.map(|venue| Walls { venue, behind: points.iter().map(|_| OnceCell::new()).collect() });
        Self { grid: Grid::new(&points), walls, points, floors, total_m, options }
    }

    /// What is left of the weight of a way between two points.
    fn passage(&self, from: usize, to: usize) -> f64 {
        let Some(walls) = &self.walls else { return 1.0 };
        let floor = self.floors[from].1;
        let at = |point: usize| self.points[point].at_m;
        let blocked = |to: usize| walls.venue.walls_between(floor, at(from), at(to)) > 0;
        let behind = || -> Vec<u32> {
            let near =
                self.grid.around(at(from), NEAR_M).filter(|to| distance(at(from), at(*to)) <= NEAR_M && blocked(*to));
            let mut behind: Vec<u32> = near.map(|to| to as u32).collect();
            behind.sort_unstable();
            behind
        };
        let through = if distance(at(from), at(to)) <= NEAR_M {
            walls.behind[from].get_or_init(behind).binary_search(&(to as u32)).is_ok()
        } else {
            blocked(to)
        };
        if through { walls.venue.through_wall(floor) } else { 1.0 }
    }

    /// For each moment the probability of each point.
    fn posteriors(&self, epochs: &[Epoch]) -> Vec<Vec<f64>> {
        let evidence: Vec<Option<Vec<f64>>> = epochs.iter().map(|e| self.evidence(e)).collect();
        let mut forward: Vec<Vec<f64>> = Vec::with_capacity(epochs.len());
        for (i, epoch) in epochs.iter().enumerate() {
            let mut p = match forward.last() {
                None => self.points.iter().map(|p| p.length_m / self.total_m).collect(),
                Some(before) => self.predict(before, epoch.moved),
            };
            self.weigh(&mut p, epoch, evidence[i].as_deref());
            forward.push(p);
        }
        let mut backward = vec![1.0; self.points.len()];
        for i in (0..epochs.len()).rev() {
            let filtered = forward[i].clone();
            forward[i].iter_mut().zip(&backward).for_each(|(p, b)| *p *= b);
            normalise(&mut forward[i]);
            if forward[i].iter().sum::<f64>() <= 0.0 {
                forward[i] = filtered;
            }
            if i > 0 {
                self.weigh(&mut backward, &epochs[i], evidence[i].as_deref());
                backward = self.retrodict(&backward, &forward[i - 1], epochs[i].moved);
            }
        }
        forward
    }

    /// How likely each point is by a moment's scans, the best at 1; `None` without scans.
    fn evidence(&self, epoch: &Epoch) -> Option<Vec<f64>> {
        let o = self.options;
        let weigh = |heard: &Heard, at| (heard.density(at) + o.scan_outlier).powf(o.scan_power);
        let all = |at| epoch.heard.iter().map(|h| weigh(h, at)).product::<f64>();
        (!epoch.heard.is_empty()).then(|| self.points.iter().map(|p| all(p.at_m)).collect())
    }

    fn weigh(&self, p: &mut [f64], epoch: &Epoch, evidence: Option<&[f64]>) {
        if let Some(evidence) = evidence {
            p.iter_mut().zip(evidence).for_each(|(p, e)| *p *= e);
        }
        for (p, floor) in p.iter_mut().zip(&self.floors) {
            if epoch.floor.is_some_and(|f| f != *floor) {
                *p = 0.0;
            }
        }
        normalise(p);
    }

    fn predict(&self, before: &[f64], moved: [f64; 2]) -> Vec<f64> {
        let least = NEGLIGIBLE * before.iter().copied().fold(0.0, f64::max);
        let mut after: Vec<f64> = self.points.iter().map(|p| self.options.jump * p.length_m / self.total_m).collect();
        let mut reached: Vec<(usize, f64)> = Vec::new();
        for (i, p) in before.iter().enumerate().filter(|(_, p)| **p > least) {
            reached.clear();
            reached.extend(self.reached(i, moved));
            let sum = self.options.wall + reached.iter().map(|r| r.1).sum::<f64>();
            for (j, w) in &reached {
                after[*j] += p * w / sum;
            }
        }
        after
    }

    /// The probability of what comes after, for each point that may have been the one before.
    fn retrodict(&self, after: &[f64], filtered: &[f64], moved: [f64; 2]) -> Vec<f64> {
        let o = self.options;
        let jumped = o.jump * after.iter().zip(&self.points).map(|(b, p)| b * p.length_m).sum::<f64>() / self.total_m;
        let least = NEGLIGIBLE * filtered.iter().copied().fold(0.0, f64::max);
        let before = |i: usize| {
            if filtered[i] <= least {
                return jumped;
            }
            let (mut sum, mut p) = (o.wall, 0.0);
            for (j, w) in self.reached(i, moved) {
                sum += w;
                p += w * after[j];
            }
            jumped + p / sum
        };
        (0..self.points.len()).map(before).collect()
    }

    /// The points that are reached from one by a displacement, and their weight.
    fn reached(&self, from: usize, moved: [f64; 2]) -> impl Iterator<Item = (usize, f64)> + '_ {
        let o = self.options;
        let variance = (o.still_sigma_m.powi(2) + (o.step_sigma * moved[0].hypot(moved[1])).powi(2)).max(1e-3);
        let at = self.points[from].at_m;
        let at = [at[0] + moved[0], at[1] + moved[1]];
        self.grid.around(at, 3.0 * variance.sqrt()).filter_map(move |j| {
            let RoutePoint { at_m, length_m } = self.points[j];
            let square = (at_m[0] - at[0]).powi(2) + (at_m[1] - at[1]).powi(2);
            let weight = || self.passage(from, j) * length_m / variance * (-0.5 * square / variance).exp();
            (square < 9.0 * variance).then(|| (j, weight()))
        })
    }

    fn position(&self, time_ms: f64, p: &[f64], (building, floor): (u16, i16)) -> Option<SmoothPosition> {
        let mut at_m = [0.0; 2];
        for (point, p) in self.points.iter().zip(p) {
            at_m = [at_m[0] + p * point.at_m[0], at_m[1] + p * point.at_m[1]];
        }
        let square: f64 = self.points.iter().zip(p).map(|(x, p)| p * distance(x.at_m, at_m).powi(2)).sum();
        let spread_m = square.sqrt();
        let sane = at_m.iter().all(|x| x.is_finite()) && spread_m.is_finite() && p.iter().sum::<f64>() > 0.5;
        let place = Place { at_m, floor, building };
        sane.then_some(SmoothPosition { time_ms, place, spread_m, radii_m: [0.0; 2] })
    }
}

/// Takes the sum to 1, unless there is nothing.
fn normalise(p: &mut [f64]) {
    let sum: f64 = p.iter().sum();
    if sum > 0.0 {
        p.iter_mut().for_each(|p| *p /= sum);
    }
}

/// Points by squares, in rows.
struct Grid {
    low: [f64; 2],
    side: f64,
    columns: usize,
    rows: usize,
    /// Where each square's points begin in `order`, and at last its length.
    starts: Vec<u32>,
    order: Vec<u32>,
}

impl Grid {
    fn new(points: &[RoutePoint]) -> Self {
        const SIDE_M: f64 = 1.5;
        const MOST_SQUARES: f64 = 250_000.0;
        let low = [0, 1].map(|k| points.iter().map(|p| p.at_m[k]).fold(f64::INFINITY, f64::min));
        let size = [0, 1].map(|k| points.iter().map(|p| p.at_m[k] - low[k]).fold(0.0, f64::max));
        let side = SIDE_M.max((size[0] * size[1] / MOST_SQUARES).sqrt()).max(size[0].max(size[1]) / MOST_SQUARES);
        let [columns, rows] = size.map(|s| (s / side) as usize + 1);
        let mut grid = Self { low, side, columns, rows, starts: Vec::new(), order: (0..points.len() as u32).collect() };
        let squares: Vec<usize> =
            points.iter().map(|p| grid.place(p.at_m[1], 1) * columns + grid.place(p.at_m[0], 0)).collect();
        grid.order.sort_by_key(|i| squares[*i as usize]);
        let order = &grid.order;
        let start = |square| order.partition_point(|i| squares[*i as usize] < square) as u32;
        grid.starts = (0..=columns * rows).map(start).collect();
        grid
    }

    fn place(&self, at: f64, axis: usize) -> usize {
        let most = if axis == 0 { self.columns } else { self.rows } - 1;
        (((at - self.low[axis]) / self.side).floor().max(0.0) as usize).min(most)
    }

    /// The points of all squares that a circle touches.
    fn around(&self, at: [f64; 2], radius: f64) -> impl Iterator<Item = usize> + '_ {
        let [left, right] = [at[0] - radius, at[0] + radius].map(|x| self.place(x, 0));
        let [bottom, top] = [at[1] - radius, at[1] + radius].map(|y| self.place(y, 1));
        (bottom..=top).flat_map(move |row| {
            let row = row * self.columns;
            let (from, to) = (self.starts[row + left] as usize, self.starts[row + right + 1] as usize);
            self.order[from..to].iter().map(|i| *i as usize)
        })
    }
}
