//! The conditions of a query beside its text.

use crate::query::{Predicate, Query};
use crate::record::{GroupTexts, RecordBlock};
use crate::root::Root;
use crate::searcher::{Hidden, Searcher};
use crate::value::Value;

/// The facet that every record has.
pub(super) const CATEGORY: &str = "category";

/// Conditions, made ready to be held against stored records.
pub(super) struct Filter<'a> {
    query: &'a Query,
    root: &'a Root,
    hidden: &'a Hidden,
    /// Places in the root's list; `None` for all.
    categories: Option<Vec<usize>>,
    /// Predicates with their attribute's place in the root's list, `None` where no record has it.
    predicates: Vec<(Option<usize>, &'a Predicate)>,
}

impl<'a> Filter<'a> {
    pub(super) fn new(searcher: &'a Searcher, query: &'a Query) -> Self {
        let root = &searcher.root;
        let categories = (!query.categories.is_empty()).then(|| {
            let place = |wanted: &String| root.categories.binary_search_by(|(name, _)| name.cmp(wanted)).ok();
            query.categories.iter().filter_map(place).collect()
        });
        let predicates =
            query.predicates.iter().map(|p| (root.attributes.binary_search(&p.attribute).ok(), p)).collect();
        Self { query, root, hidden: &searcher.hidden, categories, predicates }
    }

    /// Whether no record can pass.
    pub(super) fn passes_none(&self) -> bool {
        self.categories.as_ref().is_some_and(Vec::is_empty) || self.predicates.iter().any(|(place, _)| place.is_none())
    }

    /// Whether a record passes as far as its fixed fields say; `None` when the block does not read as it should.
    pub(super) fn passes(&self, block: &RecordBlock<'_>, row: usize) -> Option<bool> {
        if let Some(categories) = &self.categories
            && !categories.contains(&block.category(row)?)
        {
            return Some(false);
        }
        match &self.query.area {
            Some(area) => Some(area.contains(block.position(row)?)),
            None => Some(true),
        }
    }

    /// Whether a record passes by its floor, its attributes and its id.
    pub(super) fn passes_inside(
        &self,
        block: &RecordBlock<'_>,
        row: usize,
        texts: &GroupTexts<'_>,
        slot: usize,
    ) -> bool {
        let floor = self.query.floor.as_deref();
        let meets = |(place, predicate): &(Option<usize>, &Predicate)| {
            let bytes = place.and_then(|place| texts.attribute(slot, place, self.root));
            bytes.and_then(Value::from_bytes).is_some_and(|value| predicate.test.holds(&value))
        };
        (floor.is_none() || floor == texts.floor(slot))
            && self.predicates.iter().all(meets)
            && !(self.hidden.any() && self.hidden.holds(block, row, texts, slot))
    }
}
