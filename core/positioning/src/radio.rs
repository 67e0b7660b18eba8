//! Radio maps: from fingerprints with known places to the place of a new one.
//!
//! A map keeps reference cells: the mean power of each access point there and how often it was heard. A query scores
//! every cell twice, through one inverted index:
//! * Sørensen similarity of powed powers (Torres-Sospedra et al. 2015, "Comprehensive analysis of distance and
//!   similarity measures for Wi-Fi fingerprinting indoor positioning systems", Expert Systems with Applications 42);
//! * a Gaussian likelihood per access point (Youssef, Agrawala 2005, "The Horus WLAN location determination system")
//!   with a term for what was heard and should not be, one for what was not heard and should have been, and the
//!   device's offset integrated out under a normal prior.
//!
//! Their product, each to a power, is the posterior over cells; the answer is the mean over the best cells of the most
//! likely floor.

mod file;
mod floors;
mod foretold;

pub use file::ReadError;

use crate::conformal::Radii;
use crate::ground::Ground;
use crate::observation::Mac;
use crate::order::{sort_and_dedup, sort_by};
use crate::routes::RouteGraph;
use floors::Floors;
use litemap::LiteMap;
use std::collections::{BTreeMap, BTreeSet};

/// So many best cells vote on the floor.
const FLOOR_VOTERS: usize = 400;

/// A phone within arm's reach of an access point hears about −30 dBm; what claims more is a fault of its driver.
const STRONGEST_DBM: f64 = -30.0;

/// Where and on which floor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Metres east and north in the map's plane.
    pub at_m: [f64; 2],
    /// The floor's number.
    pub floor: i16,
    /// The building's number.
    pub building: u16,
}

/// One scan at a known place.
#[derive(Clone, Debug, PartialEq)]
pub struct Fingerprint {
    /// The true place.
    pub place: Place,
    /// What was heard: address and power in dBm.
    pub readings: Vec<(Mac, f64)>,
    /// Who or which walk made it: what is held out together in cross-validation, and whose device offset is shared.
    pub group: u32,
}

/// How a map is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurveyOptions {
    /// Fingerprints of one square of this size in metres become one cell; 0 keeps each distinct place.
    pub cell_m: f64,
    /// Keep cells of different groups apart, so that devices do not blur into each other.
    pub cells_by_group: bool,
    /// Keep so many of a cell's access points, those heard most and strongest; 1 to 65,535.
    pub max_per_cell: usize,
    /// Forget access points that were heard in fewer fingerprints.
    pub min_heard: usize,
    /// Add a cell midway between cells of one group that are nearer to each other than this, metres; 0 adds none. It
    /// hears what they hear on the mean, and stands for the places that nobody surveyed.
    pub between_m: f64,
    /// Add cells foretold by path loss where another floor of the building has cells and this one has none nearer than
    /// this, metres; 0 adds none.
    pub foretold_m: f64,
}

impl Default for SurveyOptions {
    fn default() -> Self {
        Self { cell_m: 0.0, cells_by_group: true, max_per_cell: 96, min_heard: 3, between_m: 8.0, foretold_m: 3.5 }
    }
}

/// How a query weighs what it knows. Chosen once, on cross-validation over other people's fingerprints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueryOptions {
    /// Exponent on the Sørensen similarity.
    pub similarity_power: f64,
    /// Exponent on the likelihood; below 1, since access points are not independent.
    pub likelihood_power: f64,
    /// Standard deviation of one reading around its cell's mean, dB.
    pub sigma_db: f64,
    /// Standard deviation of a device's offset before any reading, dB.
    pub offset_sigma_db: f64,
    /// Log-probability of a reading that the cell does not know (Horus' small constant, per reading).
    pub unknown_ln: f64,
    /// Exponent on the probability that each access point is heard, or is not; below 1, since one that is switched off
    /// or a deaf device would count too much.
    pub heard_power: f64,
    /// Exponents on the floor's probability by neighbours and by the linear classifier.
    pub neighbour_floor_power: f64,
    /// See `neighbour_floor_power`.
    pub linear_floor_power: f64,
    /// So many best cells make the answer.
    pub neighbours: usize,
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            similarity_power: 8.0,
            likelihood_power: 0.3,
            sigma_db: 4.5,
            offset_sigma_db: 10.0,
            unknown_ln: -6.0,
            heard_power: 0.5,
            neighbour_floor_power: 0.4,
            linear_floor_power: 0.6,
            neighbours: 24,
        }
    }
}

impl QueryOptions {
    /// Weights for dense scans of a venue with hundreds of virtual access points; chosen on the first fifth of the
    /// mall's walks.
    pub fn dense() -> Self {
        Self { similarity_power: 25.0, likelihood_power: 0.0, linear_floor_power: 1.0, ..Self::default() }
    }
}

impl QueryOptions {
    /// Whether it matters how often a cell heard an access point.
    pub(crate) fn uses_heard(&self) -> bool {
        self.likelihood_power > 0.0 && self.heard_power > 0.0
    }
}

/// What a query answers.
#[derive(Clone, Debug, PartialEq)]
pub struct RadioFix {
    /// The mean of the posterior on the most likely floor.
    pub place: Place,
    /// Root mean square distance of the posterior's mass from `place`, on that floor, metres.
    pub spread_m: f64,
    /// Probability of the most likely floor.
    pub floor_probability: f64,
    /// 68 % and 95 % radius, metres, from the map's calibration (of a normal with that spread, in a map that has none).
    pub radii_m: [f64; 2],
    /// The best cells, best first: their index and weight; weights sum to 1.
    pub cells: Vec<(usize, f64)>,
    /// How many of the readings the map knows.
    pub known: usize,
    /// This scan's power minus the map's, dB, shrunk towards 0.
    pub offset_db: f64,
}

/// One reference cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) place: Place,
    pub(crate) entries: Vec<Entry>,
}

/// One access point in a cell, as the file keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Index of the access point.
    pub(crate) ap: u32,
    /// Mean power in half dB above −128 dBm.
    pub(crate) level: u8,
    /// How often it was heard, in 1/255.
    pub(crate) heard: u8,
}

impl Entry {
    fn dbm(self) -> f64 {
        f64::from(self.level) / 2.0 - 128.0
    }

    fn probability(self) -> f64 {
        (f64::from(self.heard) / 255.0).clamp(0.02, 0.97)
    }
}

/// A radio map: cells, their access points, and how far off its answers are.
#[derive(Clone, Debug)]
pub struct RadioMap {
    pub(crate) aps: Vec<Mac>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) floors: Floors,
    pub(crate) radii: Radii,
    pub(crate) track_radii: Radii,
    pub(crate) smooth_radii: Radii,
    pub(crate) routes: RouteGraph,
    /// What each building's floors are like.
    grounds: LiteMap<(u16, i16), Ground>,
    /// Weights of a query.
    pub query: QueryOptions,
    /// For each access point the cells that know it.
    index: Vec<Vec<Posting>>,
    /// For each cell the sum of its powed powers and Σ ln(1 − probability heard).
    sums: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, Debug)]
struct Posting {
    cell: u32,
    dbm: f32,
    powed: f32,
    /// ln p − ln(1 − p) of the probability to be heard.
    logit: f32,
}

/// Powed power: 0 at −105 dBm and below, 1 at 0 dBm (Torres-Sospedra et al. 2015, exponent e).
fn powed(dbm: f64) -> f64 {
    ((dbm + 105.0).max(0.0) / 105.0).powf(std::f64::consts::E)
}

impl RadioMap {
    /// A map of fingerprints. The order of the fingerprints does not matter, nor that of their readings.
    pub fn new(fingerprints: &[Fingerprint], options: &SurveyOptions, query: QueryOptions) -> Self {
        let usable = |f: &&Fingerprint| f.place.at_m.iter().all(|x| x.abs() < 1e8);
        let mut heard_in: BTreeMap<Mac, usize> = BTreeMap::new();
        for (mac, _) in fingerprints.iter().filter(usable).flat_map(|f| readings(&f.readings)) {
            *heard_in.entry(mac).or_default() += 1;
        }
        let aps: Vec<Mac> = heard_in.iter().filter(|(_, n)| **n >= options.min_heard).map(|(mac, _)| *mac).collect();
        let mut groups: BTreeMap<_, Vec<&Fingerprint>> = BTreeMap::new();
        for fingerprint in fingerprints.iter().filter(usable) {
            let place = fingerprint.place;
            let square =
                place.at_m.map(|x| if options.cell_m > 0.0 { (x / options.cell_m).floor() } else { x * 100.0 } as i64);
            let group = if options.cells_by_group { fingerprint.group } else { 0 };
            groups.entry((place.building, place.floor, square, group)).or_default().push(fingerprint);
        }
        let mut by_group: BTreeMap<_, Vec<Cell>> = BTreeMap::new();
        for ((building, floor, _, group), members) in groups {
            let cell = cell(&members, &aps, options);
            if !cell.entries.is_empty() {
                by_group.entry((building, floor, group)).or_default().push(cell);
            }
        }
        let midway: Vec<Cell> = by_group.values().flat_map(|cells| cells_between(cells, options.between_m)).collect();
        let mut cells: Vec<Cell> = by_group.into_values().flatten().chain(midway).collect();
        let foretold = foretold::foretell(&cells, options.foretold_m, options.max_per_cell);
        let usable: Vec<&Fingerprint> = fingerprints.iter().filter(usable).collect();
        let floors = Floors::learn(&usable, &aps, &foretold, 1);
        cells.extend(foretold);
        Self::from_parts(aps, cells, floors, Radii::default(), query)
    }

    /// A map that knows nothing.
    pub fn empty() -> Self {
        let floors = Floors::default();
        Self::from_parts(Vec::new(), Vec::new(), floors, Radii::default(), QueryOptions::default())
    }

    pub(crate) fn from_parts(
        aps: Vec<Mac>,
        cells: Vec<Cell>,
        floors: Floors,
        radii: Radii,
        query: QueryOptions,
    ) -> Self {
        let mut index = vec![Vec::new(); aps.len()];
        let mut sums = Vec::with_capacity(cells.len());
        for (number, cell) in cells.iter().enumerate() {
            let mut sum = (0.0, 0.0);
            for entry in &cell.entries {
                let (p, powed) = (entry.probability(), powed(entry.dbm()));
                sum.0 += powed;
                sum.1 += (1.0 - p).ln();
                index[entry.ap as usize].push(Posting {
                    cell: number as u32,
                    dbm: entry.dbm() as f32,
                    powed: powed as f32,
                    logit: (p / (1.0 - p)).ln() as f32,
                });
            }
            sums.push(sum);
        }
        Self {
            aps,
            cells,
            floors,
            radii,
            track_radii: Radii::default(),
            smooth_radii: Radii::default(),
            routes: RouteGraph::default(),
            grounds: LiteMap::new(),
            query,
            index,
            sums,
        }
    }

    /// Sets where people walk.
    pub fn set_routes(&mut self, routes: RouteGraph) {
        let mut floors: Vec<(u16, i16)> = routes.nodes.iter().map(|node| (node.building, node.floor)).collect();
        sort_and_dedup(&mut floors);
        let ground = |(building, floor)| {
            let points: Vec<[f64; 2]> = routes.points(building, floor, 1.0).iter().map(|p| p.at_m).collect();
            ((building, floor), Ground::new(&points))
        };
        self.grounds = floors.into_iter().map(ground).collect();
        self.routes = routes;
    }

    /// Where people walk, as far as the map knows.
    pub fn routes(&self) -> &RouteGraph {
        &self.routes
    }

    pub(crate) fn ground(&self, building: u16, floor: i16) -> Option<&Ground> {
        self.grounds.get(&(building, floor))
    }

    /// Whether an access point is in the map.
    pub fn knows(&self, bssid: Mac) -> bool {
        self.aps.binary_search(&bssid).is_ok()
    }

    /// How many reference cells there are.
    pub fn cell_count(&self) -> usize {
        self.cells.len()
    }

    /// The place of a cell, or `None` when there is no such cell.
    pub fn cell_place(&self, cell: usize) -> Option<Place> {
        self.cells.get(cell).map(|c| c.place)
    }

    /// Where the cells of a floor are.
    pub(crate) fn cell_places(&self, building: u16, floor: i16) -> impl Iterator<Item = [f64; 2]> + '_ {
        let here = move |cell: &&Cell| (cell.place.building, cell.place.floor) == (building, floor);
        self.cells.iter().filter(here).map(|cell| cell.place.at_m)
    }

    /// Where a scan was made; `None` when it holds nothing that the map knows. The order of the readings does not
    /// matter. With `floor`, only that floor's cells are looked at.
    pub fn locate(&self, scan: &[(Mac, f64)], floor: Option<i16>) -> Option<RadioFix> {
        self.locate_with(scan, floor, self.query.neighbours)
    }

    /// [`RadioMap::locate`] with another number of cells that make the answer.
    pub(crate) fn locate_with(&self, scan: &[(Mac, f64)], floor: Option<i16>, neighbours: usize) -> Option<RadioFix> {
        let scores = self.score(scan, floor)?;
        let Scores { mut weights, offsets, known } = scores;
        sort_to_weights(&mut weights)?;
        let floors = self.floor_masses(&weights, scan);
        let total: f64 = floors.values().sum();
        let (&(building, floor), &mass) = floors.iter().max_by(|a, b| a.1.total_cmp(b.1))?;
        weights.retain(|&(cell, _)| {
            let place = self.cells[cell].place;
            (place.building, place.floor) == (building, floor)
        });
        weights.truncate(neighbours.max(1));
        let sum: f64 = weights.iter().map(|w| w.1).sum();
        let mut at_m = [0.0; 2];
        for (cell, weight) in &mut weights {
            *weight /= sum;
            let place = self.cells[*cell].place;
            at_m[0] += *weight * place.at_m[0];
            at_m[1] += *weight * place.at_m[1];
        }
        let square: f64 =
            weights.iter().map(|&(cell, w)| w * distance(self.cells[cell].place.at_m, at_m).powi(2)).sum();
        let spread_m = square.sqrt();
        let offset_db = weights.iter().map(|&(cell, w)| w * offsets[cell]).sum();
        Some(RadioFix {
            place: Place { at_m, floor, building },
            spread_m,
            floor_probability: mass / total,
            radii_m: self.radii.at(spread_m),
            cells: weights,
            known,
            offset_db,
        })
    }

    /// The probability of each building and floor that a scan may have been made on; `None` when it holds nothing that
    /// the map knows.
    pub fn floor_probabilities(&self, scan: &[(Mac, f64)]) -> Option<LiteMap<(u16, i16), f64>> {
        let mut weights = self.score(scan, None)?.weights;
        sort_to_weights(&mut weights)?;
        let mut floors = self.floor_masses(&weights, scan);
        let total: f64 = floors.values().sum();
        floors.iter_mut().for_each(|(_, p)| *p /= total);
        Some(floors)
    }

    /// The radii of a filter that tracks by this map.
    pub fn track_radii(&self) -> &Radii {
        &self.track_radii
    }

    /// The radii of a smoother that looks at whole walks by this map.
    pub fn smooth_radii(&self) -> &Radii {
        &self.smooth_radii
    }

    /// Sets the radii of single fixes, of a filter that tracks by this map, and of a smoother.
    pub fn set_radii(&mut self, fixes: Radii, tracks: Radii, smoothed: Radii) {
        (self.radii, self.track_radii, self.smooth_radii) = (fixes, tracks, smoothed);
    }

    /// Floors by the mass of the best cells and by the linear classifier, not normalised.
    fn floor_masses(&self, weights: &[(usize, f64)], scan: &[(Mac, f64)]) -> LiteMap<(u16, i16), f64> {
        let mut floors: LiteMap<(u16, i16), f64> = LiteMap::new();
        for &(cell, weight) in weights.iter().take(FLOOR_VOTERS) {
            let place = self.cells[cell].place;
            *floors.entry((place.building, place.floor)).or_insert(0.0) += weight;
        }
        let by_line = self.floors.ln_probabilities(&floors::known(scan, &self.aps));
        for (floor, mass) in floors.iter_mut() {
            let ln = self.floors.classes.binary_search(floor).map_or(0.0, |class| by_line[class]);
            *mass = f64::max(*mass, 1e-12).powf(self.query.neighbour_floor_power)
                * (self.query.linear_floor_power * ln).exp();
        }
        floors
    }

    /// The logarithm of the unnormalised posterior of every cell that shares an access point with the scan.
    fn score(&self, scan: &[(Mac, f64)], floor: Option<i16>) -> Option<Scores> {
        let q = &self.query;
        let n = self.cells.len();
        let (mut shared, mut hits) = (vec![0.0_f64; n], vec![0.0_f64; n]);
        let (mut sum_d, mut sum_d2, mut logits) = (vec![0.0_f64; n], vec![0.0_f64; n], vec![0.0_f64; n]);
        let (mut known, mut total) = (0_usize, 0.0);
        for (mac, dbm) in readings(scan) {
            let Ok(ap) = self.aps.binary_search(&mac) else { continue };
            known += 1;
            let query_powed = powed(dbm);
            total += query_powed;
            for posting in &self.index[ap] {
                let cell = posting.cell as usize;
                shared[cell] += query_powed.min(f64::from(posting.powed));
                hits[cell] += 1.0;
                let d = dbm - f64::from(posting.dbm);
                sum_d[cell] += d;
                sum_d2[cell] += d * d;
                logits[cell] += f64::from(posting.logit);
            }
        }
        if known == 0 {
            return None;
        }
        let (variance, offset_variance) = (q.sigma_db.powi(2), q.offset_sigma_db.powi(2));
        let mut offsets = vec![0.0; n];
        let mut weights = Vec::new();
        for (number, cell) in self.cells.iter().enumerate() {
            if hits[number] == 0.0 || floor.is_some_and(|f| f != cell.place.floor) {
                continue;
            }
            let (powed_sum, not_heard) = self.sums[number];
            let similarity = 2.0 * shared[number] / (total + powed_sum).max(1e-12);
            let k = hits[number];
            // Normal residuals with the common offset integrated out (Sherman–Morrison on σ²I + t²11ᵀ).
            let inflation = variance + k * offset_variance;
            offsets[number] = offset_variance * sum_d[number] / inflation;
            let quadratic = (sum_d2[number] - offset_variance * sum_d[number].powi(2) / inflation) / variance;
            let density = -0.5 * (quadratic + k * variance.ln() + (inflation / variance).ln());
            let heard = q.heard_power * (not_heard + logits[number]);
            let ln = heard + density + (known as f64 - k) * q.unknown_ln;
            let ln = q.similarity_power * similarity.max(1e-9).ln() + q.likelihood_power * ln;
            weights.push((number, ln));
        }
        Some(Scores { weights, offsets, known })
    }
}

/// Sorts log-weights, best first, and takes them to weights with the best at 1; `None` without any.
fn sort_to_weights(weights: &mut [(usize, f64)]) -> Option<()> {
    sort_by(weights, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let best = weights.first()?.1;
    weights.iter_mut().for_each(|w| w.1 = (w.1 - best).exp());
    Some(())
}

struct Scores {
    weights: Vec<(usize, f64)>,
    offsets: Vec<f64>,
    known: usize,
}

/// The sane readings in a fixed order, one for each address (the strongest).
fn readings(scan: &[(Mac, f64)]) -> Vec<(Mac, f64)> {
    let mut sorted: Vec<_> = scan.iter().copied().filter(|(_, dbm)| (-127.0..=STRONGEST_DBM).contains(dbm)).collect();
    sort_by(&mut sorted, |a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    sorted.dedup_by_key(|r| r.0);
    sorted
}

fn cell(members: &[&Fingerprint], aps: &[Mac], options: &SurveyOptions) -> Cell {
    let mut powers: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    for member in members {
        xs.push(member.place.at_m[0]);
        ys.push(member.place.at_m[1]);
        for (mac, dbm) in readings(&member.readings) {
            if let Ok(ap) = aps.binary_search(&mac) {
                powers.entry(ap as u32).or_default().push(dbm);
            }
        }
    }
    let n = members.len() as f64;
    let mut entries: Vec<Entry> = powers
        .into_iter()
        .map(|(ap, mut powers)| Entry {
            ap,
            level: ((mean(&mut powers) + 128.0) * 2.0).round().clamp(0.0, 255.0) as u8,
            // Laplace's rule, so that neither "always" nor "never" is ever certain.
            heard: ((powers.len() as f64 + 0.5) / (n + 1.0) * 255.0).round().clamp(1.0, 255.0) as u8,
        })
        .collect();
    keep_strongest(&mut entries, options.max_per_cell);
    let first = members[0].place;
    Cell { place: Place { at_m: [mean(&mut xs), mean(&mut ys)], ..first }, entries }
}

/// Keeps the access points that are heard most and strongest, in order of their numbers.
fn keep_strongest(entries: &mut Vec<Entry>, most: usize) {
    entries.sort_unstable_by_key(|e| (std::cmp::Reverse(u32::from(e.level) * u32::from(e.heard)), e.ap));
    entries.truncate(most.clamp(1, 65_535));
    entries.sort_unstable_by_key(|e| e.ap);
}

/// So many nearest cells of each get a cell midway to it.
const MIDWAY_TO: usize = 4;
/// Power of an access point in a cell that does not hear it, where the cell beside it does, in half dB above −128 dBm:
/// just below what phones report.
const UNHEARD_LEVEL: u8 = 62;

/// A cell midway between each cell and those nearest to it, if they are nearer than `reach_m`.
fn cells_between(cells: &[Cell], reach_m: f64) -> Vec<Cell> {
    const SAME_PLACE_M: f64 = 0.5;
    let mut pairs = BTreeSet::new();
    for (i, a) in cells.iter().enumerate() {
        let apart = |(j, b): (usize, &Cell)| (distance(a.place.at_m, b.place.at_m), j);
        let mut near: Vec<(f64, usize)> = cells.iter().enumerate().map(apart).collect();
        near.retain(|(m, _)| (SAME_PLACE_M..reach_m).contains(m));
        near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        pairs.extend(near.iter().take(MIDWAY_TO).map(|(_, j)| (i.min(*j), i.max(*j))));
    }
    pairs.into_iter().map(|(i, j)| cell_between(&cells[i], &cells[j])).collect()
}

fn cell_between(a: &Cell, b: &Cell) -> Cell {
    let mut both: BTreeMap<u32, [(u8, u8); 2]> = BTreeMap::new();
    for (side, cell) in [a, b].into_iter().enumerate() {
        for entry in &cell.entries {
            both.entry(entry.ap).or_insert([(UNHEARD_LEVEL, 0); 2])[side] = (entry.level, entry.heard);
        }
    }
    let entry =
        |(ap, [a, b]): (u32, [(u8, u8); 2])| Entry { ap, level: a.0.midpoint(b.0), heard: a.1.midpoint(b.1).max(1) };
    let at_m = [0, 1].map(|k| a.place.at_m[k].midpoint(b.place.at_m[k]));
    let mut entries: Vec<Entry> = both.into_iter().map(entry).collect();
    // As many as a cell of the file may have.
    entries.truncate(65_535);
    Cell { place: Place { at_m, ..a.place }, entries }
}

/// The mean, summed in order of size so that the order of the input does not matter.
fn mean(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Metres between two points of a plane.
pub(crate) fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}
