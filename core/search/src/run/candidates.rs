//! Which groups of records to look at, and when to stop: those that promise most come first, until no other can be
//! expected to beat what was found (after the threshold algorithm of Fagin, Lotem and Naor, 2003, with expectations in
//! the place of bounds).

use super::dictionary::Beforehand;
use super::{List, Run};
use crate::fold::floor;
use crate::matcher::Token;
use crate::root::{BLOCK, File, GROUP, PHRASE, PHRASE_KEY};
use crate::store::Need;

/// A hit that is expected to be better by less than this is not worth a further request.
const SLACK_POINTS: f64 = 7.0;

/// With more wanted hits than this, every one of them is worth a request.
const FEW_WANTED: usize = 20;
/// Groups looked at beyond what is enough, because they cost no request.
const MAX_FREE_GROUPS: usize = 40;
/// Bytes between what is fetched anyway and what comes along with it.
const FREE_GAP_BYTES: u64 = 2_000;

/// Groups looked at for a mistyped word.
const MAX_TYPO_GROUPS: usize = 48;
/// Groups looked at for a word that mixes syllables and initials: its initials alone say little.
pub(super) const MAX_MIXED_GROUPS: usize = 32;

/// The first two words of a query as the key of the texts that begin with them.
pub(super) fn phrase_of(tokens: &[Token]) -> Option<String> {
    match tokens {
        [Token::Word(first), Token::Word(second), ..] => {
            Some(floor(&format!("{PHRASE}{first} {second}"), PHRASE_KEY + 1).to_owned())
        }
        _ => None,
    }
}

/// A list of groups with what its matches bring.
pub(super) struct Source {
    list: List,
    /// Points of a match's text.
    points: f64,
    next: usize,
}

impl Source {
    pub(super) fn new(list: List, points: f64) -> Self {
        Self { list, points, next: 0 }
    }
}

impl Run<'_> {
    /// Whether the query has an answer made beforehand, which is then among the hits or on its way.
    pub(super) fn answered_beforehand(&mut self, readings: &[Vec<Token>]) -> bool {
        let Some(tokens) = readings.first() else { return false };
        let token = match tokens.as_slice() {
            [only @ (Token::Word(_) | Token::Han(_))] => only.clone(),
            _ => match phrase_of(tokens) {
                Some(phrase) if tokens.len() == 2 => Token::Word(phrase),
                _ => return false,
            },
        };
        let plain = self.query.is_plain() && self.query.near.is_none() && self.query.facets.is_empty();
        if !plain || self.query.exhaustive || self.query.limit > 10 || self.searcher.hidden.any() {
            return false;
        }
        match self.answer_for(&token) {
            Beforehand::None => return false,
            Beforehand::Numbers(numbers) => {
                for same in numbers.chunk_by(|a, b| a / GROUP == b / GROUP) {
                    let rows = same.iter().fold(0, |rows, number| rows | 1 << (number % GROUP));
                    self.verify_group(same[0] / GROUP, tokens, false, rows);
                }
                return !self.hits.is_empty() || !self.needs.is_empty();
            }
            Beforehand::Here | Beforehand::Awaited => {}
        }
        let Some(prepared) = self.answer.take() else { return true };
        let numbers = &prepared.numbers;
        let read = self.verify_rows(&prepared.block, 0, u16::MAX, tokens, false, &|row| {
            numbers.get(row).copied().unwrap_or_default()
        });
        self.answer = Some(prepared);
        read.is_some() && !self.hits.is_empty()
    }

    /// Looks at the groups of lists, the most promising first, until there are hits enough.
    pub(super) fn search_sources(&mut self, sources: Vec<Source>, tokens: &[Token], mark: u8, typos: bool) {
        let most = if typos { MAX_TYPO_GROUPS } else { self.max_groups() };
        self.search_some(sources, tokens, mark, typos, most);
    }

    /// The same, at most `most` groups unless the answer must be complete.
    pub(super) fn search_some(
        &mut self,
        mut sources: Vec<Source>,
        tokens: &[Token],
        mark: u8,
        typos: bool,
        most: usize,
    ) {
        let enough = self.enough();
        // What is near or passes a filter cannot be told from a group's number.
        let ranked = self.query.near.is_none() && !self.filtered();
        let max_groups = if self.query.exhaustive { usize::MAX } else { most };
        let mut done = 0;
        let mut enough_at = None;
        while done < max_groups {
            let Some((source, group, expected)) = self.most_promising(&mut sources) else { return };
            let found = self.names.len() + self.awaited;
            // A person looks at the first few: what comes after them must not cost a request for each.
            if ranked && self.query.limit <= FEW_WANTED && found >= self.few() && !self.is_free(group) {
                return;
            }
            if !self.query.exhaustive && found >= if ranked { enough } else { enough.saturating_mul(3) } {
                let beaten = ranked && self.awaited == 0 && self.better_than(expected - SLACK_POINTS) >= enough;
                let since = done - *enough_at.get_or_insert(done);
                // Neighbours of what is looked at anyway cost no request.
                let free = since < MAX_FREE_GROUPS && self.is_free(group);
                let stop = beaten || self.awaited > 0 || found >= enough.saturating_mul(20) || !ranked;
                if stop && !(ranked && free) {
                    return;
                }
            }
            let list = &mut sources[source];
            let brings = list.list.names.get(list.next).copied().unwrap_or(1);
            list.next += 1;
            let in_a_row = list.list.groups.get(list.next) == Some(&(group + 1));
            if !self.seen.number(u64::from(mark) << 32 | u64::from(group)).1 {
                continue;
            }
            done += 1;
            if !self.verify_group(group, tokens, typos, u16::MAX) {
                // A group that has not arrived brings a hit at least; one in a row of groups brings more.
                self.awaited += usize::from(brings.max(if in_a_row { 2 } else { 1 }));
            }
        }
    }

    /// Whether a group's records are here, or come with what is to be fetched anyway.
    fn is_free(&self, group: u32) -> bool {
        let block = (group / (BLOCK / GROUP)) as usize;
        let Some(range) = self.root().records.range(block) else { return false };
        let comes = |need: &Need| {
            let gap = range.start.saturating_sub(need.range.end).max(need.range.start.saturating_sub(range.end));
            need.file == File::Records && gap < FREE_GAP_BYTES
        };
        self.needs.iter().any(comes) || self.has_block(File::Records, block)
    }

    /// The list whose next group promises most, that group and its points; `None` when all are done.
    fn most_promising(&mut self, sources: &mut [Source]) -> Option<(usize, u32, f64)> {
        let mut best: Option<(usize, u32, f64)> = None;
        for (i, source) in sources.iter_mut().enumerate() {
            if source.next >= source.list.groups.len() && source.list.whole.is_some() {
                // Only when nothing at hand is better is the rest of a list worth a request.
                let wanted = self.awaited == 0 && self.names.len() < self.enough() || self.query.exhaustive;
                if !wanted || !self.load(&mut source.list) {
                    continue;
                }
                source.next = 0;
            }
            let Some(&group) = source.list.groups.get(source.next) else { continue };
            let expected = source.points + self.root().points_of(group);
            if best.is_none_or(|(.., most)| expected > most) {
                best = Some((i, group, expected));
            }
        }
        best
    }

    /// Different names found with this score and better ones.
    fn better_than(&self, score: f64) -> usize {
        self.names.values().iter().filter(|found| **found >= score).count()
    }
}
