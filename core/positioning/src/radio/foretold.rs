//! Cells where nobody surveyed a floor but another floor of the building, foretold from what the others hear.
//!
//! Each access point is put where a path loss by the logarithm of the distance, and by the floors between (Seidel,
//! Rappaport 1992, "914 MHz path loss prediction models for indoor wireless communications in multifloored buildings",
//! IEEE Transactions on Antennas and Propagation 40), explains best what the building's cells hear of it, and that the
//! others do not. Without such cells a scan made there is told to lie on the floor above or below.

use super::{Cell, Entry, Place, UNHEARD_LEVEL, distance, keep_strongest};
use std::collections::{BTreeMap, BTreeSet};

/// What a decade of distance and a floor take, dB. These and the other constants were chosen on UJIIndoorLoc's
/// development users, with parts of floors taken out of the map.
const DECADE_DB: f64 = 30.0;
/// See `DECADE_DB`.
const FLOOR_DB: f64 = 8.0;
/// From floor to floor, and the least distance to an access point that counts, metres.
const STOREY_M: f64 = 4.0;
/// See `STOREY_M`.
const LEAST_M: f64 = 3.0;
/// An access point is not stronger than this a metre from it.
const STRONGEST_AT_A_METRE_DBM: f64 = -15.0;
/// A cell that does not hear an access point says that it is not stronger than this.
const UNHEARD_DBM: f64 = -93.0;
/// A residual counts no more than this, dB.
const LARGEST_RESIDUAL_DB: f64 = 20.0;
/// Fewer cells do not tell where an access point is.
const LEAST_CELLS: usize = 3;
/// Half of the scans hear an access point that is this strong; the share falls over so many dB.
const HALF_HEARD_DBM: f64 = -88.0;
/// See `HALF_HEARD_DBM`.
const HEARD_SLOPE_DB: f64 = 5.0;
/// An access point that fewer scans hear is left out of a cell.
const LEAST_HEARD: f64 = 0.15;
/// Side of the squares that get one cell each, and of those in which access points are looked for, metres.
const CELL_SPACING_M: f64 = 4.0;
/// See `CELL_SPACING_M`.
const SEARCH_SPACING_M: f64 = 6.0;
/// Access points are looked for in no more squares of a building.
const MOST_SQUARES: usize = 2000;

/// Where an access point seems to be, and its power a metre from it.
struct Source {
    ap: u32,
    at: Place,
    at_a_metre_dbm: f64,
}

/// Cells at places that only other floors of the building have a cell within `reach_m` of, with as many access points
/// as `most` at the most; none when `reach_m` is 0.
pub(super) fn foretell(cells: &[Cell], reach_m: f64, most: usize) -> Vec<Cell> {
    let mut buildings: BTreeMap<u16, Vec<&Cell>> = BTreeMap::new();
    if reach_m > 0.0 {
        cells.iter().for_each(|cell| buildings.entry(cell.place.building).or_default().push(cell));
    }
    buildings.values().flat_map(|cells| foretell_building(cells, reach_m, most)).collect()
}

fn foretell_building(cells: &[&Cell], reach_m: f64, most: usize) -> Vec<Cell> {
    let unsurveyed = places_unsurveyed(cells, reach_m);
    if unsurveyed.is_empty() {
        return Vec::new();
    }
    let sources = find_sources(cells);
    let cell = |place: Place| {
        let mut entries: Vec<Entry> = sources.iter().filter_map(|source| source.heard_at(place)).collect();
        keep_strongest(&mut entries, most);
        Cell { place, entries }
    };
    unsurveyed.into_iter().map(cell).filter(|cell| !cell.entries.is_empty()).collect()
}

fn floors(cells: &[&Cell]) -> BTreeSet<i16> {
    cells.iter().map(|cell| cell.place.floor).collect()
}

/// The first place of each square.
fn thinned(places: impl Iterator<Item = [f64; 2]>, side_m: f64) -> Vec<[f64; 2]> {
    let mut squares: BTreeMap<[i64; 2], [f64; 2]> = BTreeMap::new();
    for at_m in places {
        squares.entry(at_m.map(|x| (x / side_m).round() as i64)).or_insert(at_m);
    }
    squares.into_values().collect()
}

fn places_unsurveyed(cells: &[&Cell], reach_m: f64) -> Vec<Place> {
    let on_floor = |floor: i16| {
        let (here, others): (Vec<&Cell>, Vec<&Cell>) = cells.iter().partition(|cell| cell.place.floor == floor);
        let far = |at_m: &[f64; 2]| here.iter().all(|cell| distance(cell.place.at_m, *at_m) > reach_m);
        let building = cells[0].place.building;
        let places = thinned(others.iter().map(|cell| cell.place.at_m).filter(far), CELL_SPACING_M);
        places.into_iter().map(move |at_m| Place { at_m, floor, building })
    };
    floors(cells).into_iter().flat_map(on_floor).collect()
}

/// What the cells of a building hear of one access point: the cell's number, dBm, and how often.
type Heard = Vec<(usize, f64, f64)>;

fn find_sources(cells: &[&Cell]) -> Vec<Source> {
    let mut heard: BTreeMap<u32, Heard> = BTreeMap::new();
    for (number, cell) in cells.iter().enumerate() {
        for entry in &cell.entries {
            heard.entry(entry.ap).or_default().push((number, entry.dbm(), f64::from(entry.heard) / 255.0));
        }
    }
    heard.retain(|_, heard| heard.len() >= LEAST_CELLS);
    let mut best: Vec<(f64, Option<Source>)> = heard.iter().map(|_| (f64::INFINITY, None)).collect();
    for at in candidates(cells) {
        let losses: Vec<f64> = cells.iter().map(|cell| loss_db(at, cell.place)).collect();
        for ((ap, heard), best) in heard.iter().zip(&mut best) {
            let at_a_metre_dbm = at_a_metre(heard, &losses);
            if let Some(error) = misfit(heard, &losses, at_a_metre_dbm, best.0) {
                *best = (error, Some(Source { ap: *ap, at, at_a_metre_dbm }));
            }
        }
    }
    best.into_iter().filter_map(|(_, source)| source).collect()
}

/// Where access points may be: anywhere in the building where a floor was surveyed, on each of its floors.
fn candidates(cells: &[&Cell]) -> Vec<Place> {
    let mut side_m = SEARCH_SPACING_M;
    let squares = loop {
        let squares = thinned(cells.iter().map(|cell| cell.place.at_m), side_m);
        if squares.len() <= MOST_SQUARES {
            break squares;
        }
        side_m *= 2.0;
    };
    let place = |floor| squares.iter().map(move |at_m| Place { at_m: *at_m, floor, building: cells[0].place.building });
    floors(cells).into_iter().flat_map(place).collect()
}

/// What is lost from one place to another, beyond what is lost within a metre.
fn loss_db(from: Place, to: Place) -> f64 {
    let storeys = f64::from(from.floor.abs_diff(to.floor));
    let distance_m = distance(from.at_m, to.at_m).hypot(LEAST_M).hypot(STOREY_M * storeys);
    DECADE_DB * distance_m.log10() + FLOOR_DB * storeys
}

/// The power a metre from an access point that fits best to the cells that hear it.
fn at_a_metre(heard: &Heard, losses: &[f64]) -> f64 {
    let sum: f64 = heard.iter().map(|(cell, dbm, share)| share * (dbm + losses[*cell])).sum();
    (sum / heard.iter().map(|h| h.2).sum::<f64>()).min(STRONGEST_AT_A_METRE_DBM)
}

/// Sum of the squared residuals; `None` when it is not less than `least`.
fn misfit(heard: &Heard, losses: &[f64], at_a_metre_dbm: f64, least: f64) -> Option<f64> {
    let square = |residual_db: f64| residual_db.min(LARGEST_RESIDUAL_DB).powi(2);
    let too_strong = |loss_db: f64| square((at_a_metre_dbm - loss_db - UNHEARD_DBM).max(0.0));
    // The cells that hear it are taken out beforehand of the sum over all cells, which only grows.
    let residual = |&(cell, dbm, share): &(usize, f64, f64)| {
        share * square((dbm - at_a_metre_dbm + losses[cell]).abs()) - too_strong(losses[cell])
    };
    let mut sum: f64 = heard.iter().map(residual).sum();
    for loss_db in losses {
        if sum >= least {
            return None;
        }
        sum += too_strong(*loss_db);
    }
    (sum < least).then_some(sum)
}

impl Source {
    fn heard_at(&self, place: Place) -> Option<Entry> {
        let dbm = self.at_a_metre_dbm - loss_db(self.at, place);
        let share = 1.0 / (1.0 + ((HALF_HEARD_DBM - dbm) / HEARD_SLOPE_DB).exp());
        let level = ((dbm + 128.0) * 2.0).round().clamp(f64::from(UNHEARD_LEVEL), 255.0) as u8;
        (share > LEAST_HEARD).then(|| Entry { ap: self.ap, level, heard: (share * 255.0).round() as u8 })
    }
}
