//! A published index, as far as it has arrived.

use crate::order::insert_sorted;
use crate::query::{Answer, Found, Here, Query};
use crate::record::{FieldKind, GroupTexts, RecordBlock, stored_id};
use crate::root::{File, IndexError, Root};
use crate::run::Run;
use crate::store::{Need, Store, coalesce};

///
/// ```no_run
/// # fn fetch(_: &str, _: std::ops::Range<u64>) -> Vec<u8> { Vec::new() }
/// # fn main() -> Result<(), citytwin_search::IndexError> {
/// # let root = Vec::new();
/// use citytwin_search::{Query, Searcher};
/// let mut searcher = Searcher::open(&root)?;
/// let query = Query::new("mannerheimintie");
/// loop {
///     let answer = searcher.query(&query);
///     // Show answer.hits: they get better with every round.
///     if answer.needs.is_empty() {
///         break;
///     }
///     for need in &answer.needs {
///         let bytes = fetch(searcher.file_name(need.file), need.range.clone());
///         searcher.feed(need.file, need.range.start, bytes);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Searcher {
    pub(crate) root: Root,
    pub(crate) store: Store,
    pub(crate) hidden: Hidden,
}

/// Ids of records that are no longer to be found, ascending.
#[derive(Default)]
pub(crate) struct Hidden {
    /// As records store them: the front's place in the root counted from 1, and the number.
    split: Vec<(u64, u64)>,
    /// Those that stand whole.
    whole: Vec<String>,
}

impl Hidden {
    pub(crate) fn any(&self) -> bool {
        !self.split.is_empty() || !self.whole.is_empty()
    }

    pub(crate) fn holds(&self, block: &RecordBlock<'_>, row: usize, texts: &GroupTexts<'_>, slot: usize) -> bool {
        match block.split_id(row) {
            Some((0, _)) => texts
                .whole_id(slot)
                .is_some_and(|id| self.whole.binary_search_by(|known| known.as_str().cmp(id)).is_ok()),
            Some(split) => self.split.binary_search(&split).is_ok(),
            None => false,
        }
    }
}

impl Searcher {
    /// Reads the root of an index.
    ///
    /// # Errors
    /// [`IndexError`] when the bytes are no root, of another version, or damaged.
    pub fn open(root: &[u8]) -> Result<Self, IndexError> {
        let root = Root::from_bytes(root)?;
        let store = Store::new(&root);
        Ok(Self { root, store, hidden: Hidden::default() })
    }

    /// Number of records in the index.
    pub fn len(&self) -> usize {
        self.root.record_count as usize
    }

    /// Whether nothing can be found.
    pub fn is_empty(&self) -> bool {
        self.root.record_count == 0
    }

    /// The categories of the index with their number of records, by name.
    pub fn categories(&self) -> impl Iterator<Item = (&str, u32)> {
        self.root.categories.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// The name of a file beside the root.
    pub fn file_name(&self, file: File) -> &str {
        &self.root.files[file as usize].0
    }

    /// Length of a file in bytes.
    pub fn file_len(&self, file: File) -> u64 {
        self.root.files[file as usize].1
    }

    /// Takes bytes of a file that start at `offset`: those of a need, or a whole file. A boxed slice or a vector is
    /// kept without being copied.
    pub fn feed(&mut self, file: File, offset: u64, bytes: impl Into<Box<[u8]>>) {
        self.store.feed(file, offset, bytes.into());
    }

    /// Says that a need will not be met. Queries no longer ask for it and name it among their problems.
    pub fn fail(&mut self, need: &Need, message: &str) {
        self.store.fail(need, message);
    }

    /// Lets queries ask again for what failed.
    pub fn retry(&mut self) {
        self.store.forget_failures();
    }

    /// Bytes of the files that have arrived and are kept.
    pub fn held_bytes(&self) -> u64 {
        self.store.held_bytes()
    }

    /// Finds these records no more: they were removed, or another index has a newer state of them.
    pub fn hide<'i>(&mut self, ids: impl IntoIterator<Item = &'i str>) {
        for id in ids {
            match stored_id(id, &self.root) {
                (0, _) => insert_sorted(&mut self.hidden.whole, id.to_owned()),
                split => insert_sorted(&mut self.hidden.split, split),
            }
        }
    }

    /// Ids of records of other indexes that this one, an overlay, takes the place of; ascending.
    pub fn replaced(&self) -> &[String] {
        &self.root.replaced
    }

    /// What lies at a longitude and latitude (degrees): the nearest records, and the nearest that has an address.
    pub fn here(&self, position: (f64, f64), limit: usize) -> Here {
        let answer = self.query(&Query { near: Some(position), limit, ..Query::default() });
        let mut here = Here { nearest: answer.hits, needs: answer.needs, problems: answer.problems, address: None };
        let nearest = Query { near: Some(position), limit: 1, ..Query::default() };
        for query in [
            Query { fields: vec![FieldKind::Address], ..nearest.clone() },
            Query { categories: vec!["address".to_owned()], ..nearest },
        ] {
            let answer = self.query(&query);
            here.needs.extend(answer.needs);
            here.problems.extend(answer.problems);
            let nearer = |found: &Found| here.address.as_ref().is_none_or(|old| found.score > old.score);
            if let Some(found) = answer.hits.into_iter().next().filter(nearer) {
                here.address = Some(found);
            }
        }
        here.needs = coalesce(here.needs);
        here.problems.dedup();
        here
    }

    /// The best answer that the bytes at hand allow, and what to fetch for a better one. An older query is given up
    /// by not asking again.
    pub fn query(&self, query: &Query) -> Answer {
        let mut run = Run::new(self, query);
        run.search();
        run.answer()
    }
}
