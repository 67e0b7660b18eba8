//! The bytes of an index that have arrived so far.

use crate::bytes::unseal;
use crate::order::sort_by_key;
use crate::root::{File, Root};
use std::cell::Cell;
use std::ops::Range;

/// Ranges with a smaller gap between them are fetched as one: a request saved for a fifth of a second of a slow line.
const MAX_GAP_BYTES: u64 = 32_000;

/// Bytes that a query wants: to be fetched by the caller and handed to [`crate::Searcher::feed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The file; its name is [`crate::Searcher::file_name`].
    pub file: File,
    /// Bytes of that file.
    pub range: Range<u64>,
}

/// A fault of a part of the index; what does not depend on that part is found all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: File,
    /// Bytes of that file.
    pub range: Range<u64>,
    /// What is wrong with them.
    pub message: String,
}

/// What has arrived of the four files.
#[derive(Default)]
pub(crate) struct Store {
    /// By file: extents with their first byte, ascending.
    extents: [Vec<(u64, Box<[u8]>)>; 4],
    /// By file: ranges that will not come, and why.
    failed: [Vec<(Range<u64>, String)>; 4],
    /// By file and block: whether its checksum has been looked at and was right.
    verified: [Vec<Cell<bool>>; 4],
}

/// What a look into the store gives.
pub(crate) enum Look<'a> {
    /// The content of the sealed block.
    Have(&'a [u8]),
    /// Not here yet.
    Missing(Range<u64>),
    /// It cannot be had, or is damaged.
    Bad(Problem),
}

impl Store {
    pub(crate) fn new(root: &Root) -> Self {
        let mut store = Self::default();
        for file in File::ALL {
            let blocks = root.blocks(file).map_or(0, |blocks| blocks.ends.len());
            store.verified[file as usize] = vec![Cell::new(false); blocks];
        }
        store
    }

    /// Takes bytes of a file. Bytes that are here already are kept as they are.
    pub(crate) fn feed(&mut self, file: File, offset: u64, bytes: Box<[u8]>) {
        let extents = &mut self.extents[file as usize];
        let Some(end) = offset.checked_add(bytes.len() as u64) else { return };
        let before = extents.partition_point(|(start, _)| *start <= offset);
        let reaches = |(start, extent): &(u64, Box<[u8]>)| start + extent.len() as u64 >= end;
        if bytes.is_empty() || extents[..before].last().is_some_and(reaches) {
            return;
        }
        // A longer extent takes the place of those that it holds.
        extents.retain(|(start, extent)| *start < offset || *start + extent.len() as u64 > end);
        let at = extents.partition_point(|(start, _)| *start < offset);
        extents.insert(at, (offset, bytes));
        self.failed[file as usize].retain(|(range, _)| range.end <= offset || range.start >= end);
    }

    pub(crate) fn fail(&mut self, need: &Need, message: &str) {
        let failed = &mut self.failed[need.file as usize];
        failed.retain(|(range, _)| *range != need.range);
        failed.push((need.range.clone(), message.to_owned()));
    }

    pub(crate) fn forget_failures(&mut self) {
        self.failed = Default::default();
    }

    /// Bytes held.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.extents.iter().flatten().map(|(_, extent)| extent.len() as u64).sum()
    }

    fn raw(&self, file: File, range: &Range<u64>) -> Option<&[u8]> {
        // Extents may overlap; the one that starts last before the range nearly always holds it.
        let extents = &self.extents[file as usize];
        let before = extents.partition_point(|(start, _)| *start <= range.start);
        extents[..before].iter().rev().take(4).find_map(|(start, extent)| {
            let from = usize::try_from(range.start - start).ok()?;
            extent.get(from..from.checked_add(usize::try_from(range.end - range.start).ok()?)?)
        })
    }

    /// A sealed range of a file; `block` is its number where the file has blocks.
    pub(crate) fn look(&self, file: File, range: Range<u64>, block: Option<usize>) -> Look<'_> {
        if range.is_empty() {
            // Nobody can deliver nothing: it would be asked for without end.
            return Look::Bad(Problem { file, range, message: "damaged: it is empty".to_owned() });
        }
        let Some(sealed) = self.raw(file, &range) else {
            let failure = (self.failed[file as usize].iter())
                .find(|(failed, _)| failed.start < range.end && failed.end > range.start)
                .map(|(_, message)| message.clone());
            return match failure {
                Some(message) => Look::Bad(Problem { file, range, message }),
                None => Look::Missing(range),
            };
        };
        let verified = block.and_then(|block| self.verified[file as usize].get(block));
        if verified.is_some_and(Cell::get) {
            return Look::Have(&sealed[..sealed.len().saturating_sub(4)]);
        }
        match unseal(sealed) {
            Some(content) => {
                if let Some(verified) = verified {
                    verified.set(true);
                }
                Look::Have(content)
            }
            None => Look::Bad(Problem { file, range, message: "damaged: its checksum is wrong".to_owned() }),
        }
    }
}

/// Joins needs that touch or nearly touch; in the order of files and offsets.
pub(crate) fn coalesce(needs: Vec<Need>) -> Vec<Need> {
    join(needs, MAX_GAP_BYTES)
}

/// Joins needs with at most such a gap between them.
pub(crate) fn join(mut needs: Vec<Need>, max_gap_bytes: u64) -> Vec<Need> {
    const MAX_START: u64 = (1 << 56) - 1;
    sort_by_key(&mut needs, |need| (need.file as u64) << 56 | need.range.start.min(MAX_START));
    let mut joined: Vec<Need> = Vec::new();
    for need in needs {
        let reach = need.range.start.saturating_sub(max_gap_bytes);
        match joined.last_mut() {
            Some(last) if last.file == need.file && reach <= last.range.end => {
                last.range.end = last.range.end.max(need.range.end);
            }
            _ => joined.push(need),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_no_bytes_is_damaged_and_not_asked_for() {
        let mut store = Store::default();
        assert!(matches!(store.look(File::Records, 5..5, None), Look::Bad(_)));
        assert!(matches!(store.look(File::Records, 5..6, None), Look::Missing(_)));
        store.feed(File::Records, 0, [0; 9].into());
        assert!(matches!(store.look(File::Records, 5..5, None), Look::Bad(_)));
    }
}
