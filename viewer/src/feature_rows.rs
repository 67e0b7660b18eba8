//! What each feature of a tile shows, in main memory: the rows of its feature texture. The GPU's copy follows by the
//! range that has changed, and is made again from here after a lost context.

use crate::style_rows::{FLAGS, HIDDEN_BY_STYLE, PLAIN, ROW_BYTES, Rows};
use std::ops::Range;

/// Flag: the host has highlighted it.
pub(crate) const HIGHLIGHTED: u8 = 2;
/// Flag: the host hides it.
pub(crate) const HIDDEN_BY_HOST: u8 = 4;
/// Flags that the host sets by lists of ids, in the order of [`FeatureRows::flag`].
const BY_HOST: [u8; 2] = [HIGHLIGHTED, HIDDEN_BY_HOST];
/// Rows beside each other in the texture, two texels each; `features.glsl` knows it.
pub(crate) const LINE_ROWS: u32 = 1024;

/// The rows of a tile.
#[derive(Clone, Debug, Default)]
pub(crate) struct FeatureRows {
    rows: Rows,
    bytes: Vec<u8>,
    is_styled: bool,
    /// Some feature shines through.
    is_clear: bool,
    /// Rows that the host has flagged, ascending.
    flagged: [Vec<u32>; 2],
    /// Rows that the GPU does not have yet.
    dirty: Range<u32>,
}

impl FeatureRows {
    /// Takes what a style says of a tile: `bytes` has [`ROW_BYTES`] for each of `rows`, or else nothing is taken.
    pub(crate) fn paint(&mut self, rows: Rows, bytes: Vec<u8>) {
        if bytes.len() != rows.count as usize * ROW_BYTES {
            return self.unpaint(rows);
        }
        self.is_clear = is_clear(&bytes);
        (self.rows, self.bytes, self.is_styled) = (rows, bytes, true);
        self.flag_again();
    }

    /// Everything shows as it is; what the host has flagged stays. `rows`: as without a style.
    pub(crate) fn unpaint(&mut self, rows: Rows) {
        (self.rows, self.is_styled, self.is_clear) = (rows, false, false);
        self.bytes.clear();
        self.flag_again();
    }

    /// Flags these rows of a list (0: highlighted, 1: hidden) and takes the flag from all others. Rows beyond the last
    /// are dropped.
    pub(crate) fn flag(&mut self, list: usize, rows: Vec<u32>) {
        let Some(flag) = BY_HOST.get(list) else { return };
        let before = std::mem::replace(&mut self.flagged[list], rows);
        if before == self.flagged[list] {
            return;
        }
        self.allocate();
        let now = std::mem::take(&mut self.flagged[list]);
        before.iter().for_each(|row| self.set(*row, *flag, false));
        now.iter().for_each(|row| self.set(*row, *flag, true));
        self.flagged[list] = now;
    }

    /// Whether any row says more than that a feature shows as it is.
    pub(crate) fn matter(&self) -> bool {
        self.is_styled || self.flagged.iter().any(|rows| !rows.is_empty())
    }

    pub(crate) fn has_highlights(&self) -> bool {
        !self.flagged[0].is_empty()
    }

    /// Whether some feature shines through by its style.
    pub(crate) fn is_clear(&self) -> bool {
        self.is_clear
    }

    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The rows that have changed since this was asked last.
    pub(crate) fn take_dirty(&mut self) -> Range<u32> {
        std::mem::take(&mut self.dirty)
    }

    fn flag_again(&mut self) {
        if self.flagged.iter().any(|rows| !rows.is_empty()) {
            self.allocate();
        }
        for (list, flag) in BY_HOST.into_iter().enumerate() {
            let rows = std::mem::take(&mut self.flagged[list]);
            rows.iter().for_each(|row| self.set(*row, flag, true));
            self.flagged[list] = rows;
        }
        self.dirty = 0..self.rows.count;
    }

    fn allocate(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = PLAIN.repeat(self.rows.count as usize);
            self.dirty = 0..self.rows.count;
        }
    }

    fn set(&mut self, row: u32, flag: u8, on: bool) {
        let Some(flags) = self.bytes.get_mut(row as usize * ROW_BYTES + FLAGS) else { return };
        *flags = if on { *flags | flag } else { *flags & !flag };
        self.dirty =
            if self.dirty.is_empty() { row..row + 1 } else { self.dirty.start.min(row)..self.dirty.end.max(row + 1) };
    }
}

fn is_clear(bytes: &[u8]) -> bool {
    let shines = |row: &[u8]| row[FLAGS] & HIDDEN_BY_STYLE == 0 && row[3] < 255;
    bytes.chunks_exact(ROW_BYTES).any(shines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: u32) -> Rows {
        Rows { tables: vec![1], points: Vec::new(), count }
    }

    fn flags(rows: &FeatureRows) -> Vec<u8> {
        rows.bytes().chunks_exact(ROW_BYTES).map(|row| row[FLAGS]).collect()
    }

    #[test]
    fn a_tile_without_style_and_flags_costs_nothing() {
        let mut features = FeatureRows::default();
        features.unpaint(rows(4));
        features.flag(0, Vec::new());
        assert!(!features.matter() && features.bytes().is_empty());
    }

    #[test]
    fn flags_outlive_styles_and_only_what_changed_is_told() {
        let mut features = FeatureRows::default();
        features.unpaint(rows(5));
        features.flag(0, vec![2]);
        assert_eq!((flags(&features), features.take_dirty()), (vec![0, 0, 2, 0, 0], 0..5));
        features.flag(1, vec![2, 3]);
        assert_eq!((flags(&features), features.take_dirty()), (vec![0, 0, 6, 4, 0], 2..4));
        features.flag(1, vec![2, 3]);
        assert!(features.take_dirty().is_empty());
        let mut style = PLAIN.repeat(5);
        style[ROW_BYTES + FLAGS] = HIDDEN_BY_STYLE;
        style[3 * ROW_BYTES + 3] = 100;
        features.paint(rows(5), style);
        assert_eq!((flags(&features), features.take_dirty()), (vec![0, 1, 6, 4, 0], 0..5));
        assert!(features.is_clear());
        features.unpaint(rows(5));
        assert_eq!((flags(&features), features.is_clear()), (vec![0, 0, 6, 4, 0], false));
        features.flag(0, Vec::new());
        features.flag(1, vec![9]);
        assert_eq!(flags(&features), [0; 5], "a row beyond the last is dropped");
    }

    #[test]
    fn an_answer_of_the_wrong_length_is_not_taken() {
        let mut features = FeatureRows::default();
        features.paint(rows(3), vec![0; 8]);
        assert!(!features.matter());
    }
}
