//! Records by place.

use super::candidates::Source;
use super::{List, MAX_CELLS, MAX_FILTERED_GROUPS, Run};
use crate::bytes::Reader;
use crate::matcher::Token;
use crate::order::sort_by_key;
use crate::place::{Area, cells_of, interleave};
use crate::root::File;

impl Run<'_> {
    /// Whether an area has so few cells that looking at its records beats looking for the words first.
    pub(super) fn is_small(&self, area: &Area) -> bool {
        self.cell_count(area) <= 64
    }

    fn cell_count(&self, area: &Area) -> u64 {
        cells_of(area.bounds(), self.root())
            .map_or(0, |([left, low], [right, high])| u64::from(right - left + 1) * u64::from(high - low + 1))
    }

    /// The groups of the records in the given cells; ascending.
    pub(super) fn groups_in(&mut self, cells: &[u64]) -> Vec<u32> {
        let mut groups = Vec::new();
        let root = self.root();
        let mut at = 0;
        while let Some(&cell) = cells.get(at) {
            let block = root.place_cells.partition_point(|first| *first <= cell).saturating_sub(1);
            let end = root.place_cells.get(block + 1).copied().unwrap_or(u64::MAX);
            let until = at + cells[at..].partition_point(|other| *other < end).max(1);
            if let Some(bytes) = self.block(File::Places, block) {
                let first = root.place_cells.get(block).copied().unwrap_or(0);
                if read_cells(bytes, first, &cells[at..until], root.group_count(), &mut groups).is_none() {
                    self.damaged(File::Places, block);
                }
            }
            at = until;
        }
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    pub(super) fn cells_within(&self, area: &Area) -> Vec<u64> {
        let Some(([left, low], [right, high])) = cells_of(area.bounds(), self.root()) else { return Vec::new() };
        let mut cells: Vec<u64> = (low..=high)
            .flat_map(|row| (left..=right).map(move |column| interleave(column, row)))
            .take(MAX_CELLS)
            .collect();
        sort_by_key(&mut cells, |cell| *cell);
        cells
    }

    pub(super) fn search_area(&mut self, area: &Area, tokens: &[Token], typos: bool) {
        let cells = self.cells_within(area);
        for group in self.groups_in(&cells) {
            self.verify_group(group, tokens, typos, u16::MAX);
        }
    }

    /// No text: everything in an area, or what is nearest.
    pub(super) fn search_places(&mut self) {
        // An area with more cells than are looked at is a filter: its first cells would be one edge of it.
        let area = self.query.area.as_ref().filter(|area| self.cell_count(area) <= MAX_CELLS as u64);
        match (area, self.query.near) {
            (Some(area), _) => {
                self.search_area(area, &[], false);
                self.saw_all = true;
            }
            (None, Some(near)) if self.query.area.is_none() => self.search_around(near, &[]),
            _ => {
                let most = if self.query.exhaustive { u32::MAX } else { MAX_FILTERED_GROUPS as u32 };
                let groups = (0..self.root().group_count().min(most)).collect();
                let list = List { groups, ..List::default() };
                self.search_sources(vec![Source::new(list, 0.0)], &[], 0, false);
            }
        }
    }

    /// Rings of growing size around a position, until there are hits enough that no ring beyond can beat.
    pub(super) fn search_around(&mut self, near: (f64, f64), tokens: &[Token]) {
        let root = self.root();
        if !(near.0.is_finite() && near.1.is_finite()) {
            return;
        }
        let cell_deg = f64::from(2_u32.pow(root.position_bits(1).saturating_sub(root.place_level))) * root.step_deg;
        let mut radius_m = (cell_deg * 111_195.0 / 2.0).max(20.0);
        let rings = if tokens.is_empty() { 12 } else { 3 };
        for _ in 0..rings {
            let area = Area::Circle { center: near, radius_m };
            let cells = self.cells_within(&area);
            for group in self.groups_in(&cells) {
                self.verify_group(group, tokens, false, u16::MAX);
            }
            let within = self.hits.values().iter().filter(|hit| -hit.score <= radius_m).count();
            if (tokens.is_empty() && within >= self.query.limit) || cells.len() >= MAX_CELLS || !self.needs.is_empty() {
                break;
            }
            radius_m *= if tokens.is_empty() && self.hits.is_empty() { 4.0 } else { 2.0 };
        }
    }
}

/// Adds the groups of the wanted cells (ascending) of a block of places.
fn read_cells(bytes: &[u8], first: u64, wanted: &[u64], universe: u32, groups: &mut Vec<u32>) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let mut cell = first;
    while !reader.is_empty() {
        cell = cell.checked_add(reader.varint()?)?;
        let count = usize::try_from(reader.varint()?).ok()?;
        let is_wanted = wanted.binary_search(&cell).is_ok();
        reader.ascending(count, 0, universe, &mut |group| {
            if is_wanted {
                groups.push(group);
            }
        })?;
    }
    Some(())
}
