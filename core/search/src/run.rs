//! Answers one query over the bytes at hand, noting which it lacks.

use crate::matcher::{Matcher, Token, readings_of_query};
use crate::order::{Keyed, Numbering};
use crate::query::Query;
use crate::record::{GroupTexts, RecordBlock};
use crate::root::{File, Root};
use crate::searcher::Searcher;
use crate::store::{Look, Need, Problem};
use filter::Filter;
use std::collections::BTreeMap;
use std::ops::Range;

mod answer;
mod candidates;
mod dictionary;
mod filter;
mod places;
mod steps;
mod typo;
mod verify;

/// Groups that one step of a query looks at unless its answer must be complete.
const MAX_GROUPS: usize = 192;
/// The same where most records fall to a filter, which is cheap.
const MAX_FILTERED_GROUPS: usize = 6000;
/// With fewer names that match as typed, mistakes are looked for.
const MIN_TYPED: usize = 3;
/// Blocks of the dictionary that a search for mistyped words fetches at most.
const MAX_TYPO_BLOCKS: usize = 4;
/// Blocks of the dictionary that one word's endings may fill.
const MAX_ENDING_BLOCKS: usize = 6;
/// A hit with the same name as one before it loses this much, so that ten of one name do not hide all others.
pub(crate) const REPEAT_PENALTY: f64 = 25.0;
/// The name of that part of a score.
pub(crate) const REPEAT: &str = "repeat";
/// Cells looked at around a position at most.
const MAX_CELLS: usize = 4096;
/// A list of groups that starts with its best ones.
#[derive(Clone, Debug, Default)]
struct List {
    /// Ascending; all of the list, or its best.
    groups: Vec<u32>,
    /// Names that each group brings at least; empty for one each.
    names: Vec<u8>,
    /// The whole list, where `groups` are only its best: bytes of the lists file, and how many groups it has.
    whole: Option<(Range<u64>, usize)>,
}

impl List {
    fn len(&self) -> usize {
        self.whole.as_ref().map_or(self.groups.len(), |(_, len)| *len)
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Sorts groups put together from several lists, and counts from how many each came.
    fn settle(&mut self) {
        self.groups.sort_unstable();
        self.names = self.groups.chunk_by(|a, b| a == b).map(|same| same.len().min(255) as u8).collect();
        self.groups.dedup();
    }
}

/// The groups of everything that one letter word may stand for.
#[derive(Default)]
struct WordLists {
    /// By kind of key: words, pinyin, initials; each at the start of a text and elsewhere.
    exact: [List; 6],
    /// The same for longer keys that begin with the word.
    longer: [List; 6],
    /// `longer` holds only the first groups.
    cut: bool,
}

/// A verified record that matches.
#[derive(Clone, Copy)]
struct Scored {
    number: u32,
    score: f64,
    name_hash: u64,
    whole: bool,
    /// Another hit of its name stands higher up.
    repeated: bool,
}

/// An answer made beforehand: numbers of its records, ascending, and the records.
struct Prepared<'a> {
    numbers: Vec<u32>,
    block: RecordBlock<'a>,
}

pub(crate) struct Run<'a> {
    searcher: &'a Searcher,
    query: &'a Query,
    filter: Filter<'a>,
    counts: Vec<BTreeMap<Vec<u8>, u32>>,
    answer: Option<Prepared<'a>>,
    matcher: Matcher,
    texts: GroupTexts<'a>,
    needs: Vec<Need>,
    problems: Vec<Problem>,
    /// By number.
    hits: Keyed<Scored>,
    /// Different names among the hits, by their hash, with the best score of each.
    names: Keyed<f64>,
    /// Names that the groups that have not arrived will bring, roughly.
    awaited: usize,
    /// Groups looked at, by the reading of the query and whether typos were allowed.
    seen: Numbering,
    /// Every record that could match was looked at, but for those that lack.
    saw_all: bool,
}

impl<'a> Run<'a> {
    pub(crate) fn new(searcher: &'a Searcher, query: &'a Query) -> Self {
        Self {
            searcher,
            query,
            filter: Filter::new(searcher, query),
            counts: vec![BTreeMap::new(); query.facets.len()],
            answer: None,
            matcher: Matcher::default(),
            texts: GroupTexts::default(),
            needs: Vec::new(),
            problems: Vec::new(),
            hits: Keyed::default(),
            names: Keyed::default(),
            awaited: 0,
            seen: Numbering::default(),
            saw_all: query.exhaustive,
        }
    }

    fn root(&self) -> &'a Root {
        &self.searcher.root
    }

    fn filtered(&self) -> bool {
        !self.query.is_plain()
    }

    /// Different names after which a step of the query has found enough.
    fn enough(&self) -> usize {
        if self.query.exhaustive { usize::MAX } else { self.query.limit.clamp(10, 200) }
    }

    /// Different names after which what matches less well is not looked for.
    fn few(&self) -> usize {
        if self.query.exhaustive || self.filtered() || self.query.near.is_some() {
            usize::MAX
        } else {
            self.enough() / 2
        }
    }

    fn max_groups(&self) -> usize {
        match () {
            () if self.query.exhaustive => usize::MAX,
            () if self.filtered() => MAX_FILTERED_GROUPS,
            () if self.query.near.is_some() => 4 * MAX_GROUPS,
            () => MAX_GROUPS,
        }
    }

    pub(crate) fn search(&mut self) {
        let wants_nothing = self.query.limit == 0 && self.query.facets.is_empty();
        if wants_nothing || self.searcher.is_empty() || self.filter.passes_none() {
            return;
        }
        let readings = readings_of_query(&self.query.text);
        if readings.is_empty() {
            // Nothing that could be a word: only an empty text asks for everything.
            if self.query.text.trim().is_empty() {
                self.search_places();
            }
            return;
        }
        if let Some(area) = self.query.area.as_ref().filter(|area| self.is_small(area)) {
            for tokens in &readings {
                self.search_area(area, tokens, false);
                if self.hits.is_empty() {
                    self.search_area(area, tokens, true);
                }
            }
            return;
        }
        if self.answered_beforehand(&readings) {
            return;
        }
        for (i, tokens) in readings.iter().enumerate() {
            match tokens.as_slice() {
                [only] => self.search_word(only, i as u8 * 2),
                _ => self.search_words(tokens, i as u8 * 2, false),
            }
            if matches!(tokens[..], [Token::Mixed(..)]) && self.names.len() + self.awaited >= self.few() {
                return;
            }
        }
        let typed = self.names.len() + self.awaited;
        if typed < MIN_TYPED || self.query.exhaustive {
            for (i, tokens) in readings.iter().enumerate() {
                self.search_typos(tokens, i as u8 * 2 + 1);
            }
        }
        if let Some(near) = self.query.near {
            self.search_around(near, &readings[0]);
        }
    }

    // --- blocks -----------------------------------------------------------------------------------------------------

    fn look(&mut self, file: File, range: Range<u64>, block: Option<usize>) -> Option<&'a [u8]> {
        match self.searcher.store.look(file, range, block) {
            Look::Have(content) => Some(content),
            Look::Missing(range) => {
                let need = Need { file, range };
                if !self.needs.contains(&need) {
                    self.needs.push(need);
                }
                None
            }
            Look::Bad(problem) => {
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                None
            }
        }
    }

    fn block(&mut self, file: File, block: usize) -> Option<&'a [u8]> {
        let range = self.root().blocks(file)?.range(block)?;
        self.look(file, range, Some(block))
    }

    fn has_block(&self, file: File, block: usize) -> bool {
        let range = self.root().blocks(file).and_then(|blocks| blocks.range(block));
        range.is_some_and(|range| !matches!(self.searcher.store.look(file, range, Some(block)), Look::Missing(_)))
    }

    fn damaged(&mut self, file: File, block: usize) {
        let range = self.root().blocks(file).and_then(|blocks| blocks.range(block)).unwrap_or_default();
        let problem = Problem { file, range, message: "damaged: it does not read as it should".to_owned() };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}
