//! Words with mistakes.

use super::candidates::Source;
use super::dictionary::{ALIVE, each_key_alive, read_list};
use super::{List, MAX_TYPO_BLOCKS, Run};
use crate::bytes::Reader;
use crate::matcher::{Rows, Token, typos_allowed};
use crate::root::{File, PINYIN_KEY, WORD_KEY, marker, mirrored, unmirrored};

/// Points that the text of a mistyped match brings besides what the mistakes cost: the whole word, the whole pinyin, the
/// beginning of a word, of pinyin, of pinyin whose key ends before the word does, which is most often none.
const TYPO_POINTS: [f64; 5] = [62.0, 47.5, 49.0, 47.5, 30.0];

/// How much less it brings when it does not stand at the start of a text.
const ELSEWHERE_POINTS: f64 = 15.0;

/// Groups by the number of mistakes, the place in [`TYPO_POINTS`] and whether they stand elsewhere than at the start of
/// a text, the least first.
type Mistyped = Vec<(Class, Vec<u32>)>;
type Class = (u32, u8, bool);

/// The groups of a class, as far as they are known.
fn groups_of(found: &mut Mistyped, class: Class) -> &mut Vec<u32> {
    let at = found.partition_point(|(known, _)| *known < class);
    if found.get(at).is_none_or(|(known, _)| *known != class) {
        found.insert(at, (class, Vec::new()));
    }
    &mut found[at].1
}

/// First letters of a mirrored key, its first byte not counted, that a word shares with those it is compared with.
const MIRRORED_LETTERS: usize = 4;
/// With fewer names found in spite of mistakes, words that differ near their beginning are looked for.
const MIN_MISTYPED: usize = 5;
/// Words that differ near their beginning whose lists are looked at.
const MAX_MIRRORED: usize = 6;

impl Run<'_> {
    pub(super) fn search_typos(&mut self, tokens: &[Token], mark: u8) {
        let mistyped = |token: &Token| match token {
            Token::Han(_) | Token::Mixed(..) => 0,
            Token::Word(word) | Token::Pinyin(word) => typos_allowed(word),
        };
        let most = tokens.iter().map(mistyped).max().unwrap_or(0);
        if most == 0 {
            return;
        }
        let [Token::Word(word) | Token::Pinyin(word)] = tokens else {
            self.search_words(tokens, mark, true);
            return;
        };
        let typed = self.names.len() + self.awaited;
        // The first letter is nearly always right, and believing it leaves a tenth of the dictionary to search.
        for (allowed, first_right) in [(1, true), (2, true), (1, false)] {
            if allowed > most || (allowed == 2 && self.query.exhaustive) {
                continue;
            }
            let allowed = if self.query.exhaustive { most } else { allowed };
            let found = self.typo_groups(word, allowed, first_right && !self.query.exhaustive);
            self.search_mistyped(found, tokens, mark);
            if allowed == 1 && first_right && typed == 0 && self.needs.is_empty() && self.names.len() < MIN_MISTYPED {
                let found = self.mirrored_groups(word);
                self.search_mistyped(found, tokens, mark);
            }
            if !self.names.is_empty() || (self.decided() && !self.query.exhaustive) {
                break;
            }
        }
    }

    /// Whether something was found, or what is to be fetched says more.
    fn decided(&self) -> bool {
        !self.names.is_empty() || !self.needs.is_empty()
    }

    fn search_mistyped(&mut self, found: Mistyped, tokens: &[Token], mark: u8) {
        let sources = found.into_iter().map(|((mistakes, kind, elsewhere), groups)| {
            let place = if elsewhere { ELSEWHERE_POINTS } else { 0.0 };
            let points = TYPO_POINTS[usize::from(kind)] - 7.5 * f64::from(mistakes) - place;
            Source::new(List { groups, ..List::default() }, points)
        });
        self.search_sources(sources.collect(), tokens, mark, true);
    }

    /// Groups of words that differ from this one by a mistake near its beginning: those that end like it. Of what is not
    /// at hand only the best few are fetched.
    fn mirrored_groups(&mut self, word: &str) -> Mistyped {
        let mut groups = Mistyped::new();
        let word = crate::fold::floor(word, WORD_KEY).as_bytes();
        let key = mirrored(word);
        let around = &key[..key.len().min(MIRRORED_LETTERS + 1)];
        let here = self.term_block(&key);
        let first = self.term_block(around).max(here.saturating_sub(1));
        let last = self.term_block(&[around, &[0xFF]].concat()).min(here + 1);
        let mut near: Vec<(u8, Vec<u8>)> = Vec::new();
        let mut rows = Rows::default();
        for block in first..=last {
            self.each_term(block, &mut |found, _| {
                let Some((&kind, letters)) = found.split_last() else { return true };
                if let Some(other) = unmirrored(letters)
                    && other.len().abs_diff(word.len()) <= 1
                    && rows.is_within_one(word, &other)
                    && near.len() < MAX_MIRRORED
                {
                    near.push((kind, other));
                }
                true
            });
        }
        for (kind, mut other) in near {
            other.push(kind);
            let lists = self.exact_lists(&other);
            for (found, elsewhere) in lists.into_iter().zip([false, true]) {
                groups_of(&mut groups, (1, u8::from(kind == marker::PINYIN), elsewhere)).extend(found.groups);
            }
        }
        for (_, list) in &mut groups {
            list.sort_unstable();
            list.dedup();
        }
        groups
    }

    /// Groups of keys within so many mistakes of a word, by how good such a match is, the best first.
    pub(super) fn typo_groups(&mut self, word: &str, allowed: u32, first_right: bool) -> Mistyped {
        let mut groups = Mistyped::new();
        if allowed == 0 {
            return groups;
        }
        let word = crate::fold::floor(word, WORD_KEY).as_bytes();
        let universe = self.root().group_count();
        let mut budget = if self.names.len() + self.awaited == 0 { MAX_TYPO_BLOCKS } else { 0 };
        let near = self.term_block(word);
        // What is at hand is searched in full; beyond it, only the blocks around the word itself are fetched.
        let half = MAX_TYPO_BLOCKS / 2;
        for block in near.saturating_sub(half)..(near + half).min(self.root().term_keys.len()) {
            if budget > 0 && !self.has_block(File::Terms, block) {
                budget -= 1;
                self.block(File::Terms, block);
            }
        }
        let mut rows = Rows::default();
        rows.reset(word.len());
        // By depth: least distance of the word to a beginning of the key so far.
        let mut nearest: Vec<u32> = vec![u32::MAX];
        let mut block = 0;
        let mut blocks = self.root().term_keys.len();
        let first_byte = word.first().copied().filter(|_| first_right);
        if let Some(first) = first_byte {
            block = self.term_block(&[first]);
            blocks = blocks.min(self.term_block(&[first, 0xFF]) + 1);
        }
        while block < blocks {
            if self.has_block(File::Terms, block) {
                let mut dead: Option<usize> = None;
                let mut last: Vec<u8> = Vec::new();
                let mut before_len = 0;
                let Some(bytes) = self.block(File::Terms, block) else {
                    block += 1;
                    continue;
                };
                // Rows are kept from key to key as far as the keys begin alike.
                rows.truncate(0, word.len());
                nearest.truncate(1);
                let damaged = each_key_alive(bytes, &mut |key, shared, payload| {
                    let shared = shared.min(before_len);
                    before_len = key.len();
                    let Some((&kind, letters)) = key.split_last() else { return ALIVE };
                    if first_byte.is_some() && letters.first() != first_byte.as_ref() {
                        return ALIVE;
                    }
                    dead = None;
                    let keep = shared.min(rows.depth()).min(letters.len());
                    rows.truncate(keep, word.len());
                    nearest.truncate(keep + 1);
                    let mut whole = u32::MAX;
                    for (depth, &byte) in letters.iter().enumerate().skip(keep) {
                        let (distance, least) = rows.push(word, byte);
                        whole = distance;
                        let best = nearest.last().copied().unwrap_or(u32::MAX).min(distance);
                        nearest.push(best);
                        if least > allowed && best > allowed {
                            dead = Some(depth + 1);
                            last.clear();
                            last.extend_from_slice(&letters[..=depth]);
                            return depth + 1;
                        }
                    }
                    if keep == letters.len() {
                        whole = rows.distance(word.len());
                    }
                    let best = nearest.last().copied().unwrap_or(u32::MAX);
                    // The reading goes on where its key ends: so may the word.
                    let cut = kind == marker::PINYIN && letters.len() >= PINYIN_KEY;
                    let beyond = if cut { rows.least(word.len()) } else { u32::MAX };
                    let class = match kind {
                        marker::WORD if whole <= allowed => (whole, 0),
                        marker::PINYIN if whole <= allowed => (whole, 1),
                        marker::WORD if best <= allowed => (best, 2),
                        marker::PINYIN if best <= allowed => (best, 3),
                        marker::PINYIN if beyond <= allowed => (beyond, 4),
                        _ => return ALIVE,
                    };
                    // A distance of nought has been found without mistakes already.
                    let mut reader = Reader::new(payload.bytes);
                    for elsewhere in [false, true] {
                        match read_list(&mut reader, payload.base, universe) {
                            Some(found) => groups_of(&mut groups, (class.0, class.1, elsewhere)).extend(found.groups),
                            None => return ALIVE,
                        }
                    }
                    ALIVE
                })
                .is_none();
                if damaged {
                    self.damaged(File::Terms, block);
                }
                // When the block ended in a dead prefix, go to where another begins.
                if dead.is_some() {
                    let mut next = last.clone();
                    if let Some(byte) = next.last_mut() {
                        *byte = byte.saturating_add(1);
                    }
                    block = self.term_block(&next).max(block + 1);
                    continue;
                }
            }
            block += 1;
        }
        for (_, list) in &mut groups {
            list.sort_unstable();
            list.dedup();
        }
        groups
    }
}
