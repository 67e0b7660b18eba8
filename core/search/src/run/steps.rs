//! The steps of a search: a word, several words.

use super::candidates::{MAX_MIXED_GROUPS, Source, phrase_of};
use super::dictionary::{gallop, merge};
use super::{List, Run, WordLists};
use crate::fold::floor;
use crate::matcher::{Token, is_pinyin_letters, typos_allowed};
use crate::order::sort_by_key;
use crate::root::{File, PINYIN_KEY};

/// A list is fetched to narrow another when it takes fewer bytes than this for each group of the other.
const BYTES_OF_A_LOOK: u64 = 700;

/// Words of more letters are not taken for initials or for syllables mixed with initials: most often they are mistyped.
const MAX_MIXED_LETTERS: usize = 8;

/// Points that the text of a match brings, by kind of key: words, pinyin, initials; each at the start of a text and
/// elsewhere. From the weights of [`crate::matcher`], the unknown coverage taken for a half.
const EXACT_POINTS: [f64; 6] = [78.0, 59.0, 62.0, 45.0, 50.0, 35.0];
/// The same for a key that the word only begins.
const LONGER_POINTS: [f64; 6] = [66.0, 50.0, 55.0, 40.0, 50.0, 35.0];
/// The same for Han characters.
const HAN_POINTS: [f64; 2] = [74.0, 58.0];

impl Run<'_> {
    /// One word: what begins with it first, then what has it elsewhere, then readings.
    pub(super) fn search_word(&mut self, token: &Token, mark: u8) {
        let tokens = std::slice::from_ref(token);
        match token {
            Token::Mixed(run, _) => {
                let lists = self.han_lists(run);
                self.search_han(lists, tokens, mark);
            }
            Token::Han(run) => {
                if self.search_han_start(run, tokens, mark) && !self.query.exhaustive {
                    return;
                }
                if self.names.len() + self.awaited < self.few() {
                    let lists = self.han_lists(run);
                    self.search_han(lists, tokens, mark);
                }
            }
            Token::Word(word) | Token::Pinyin(word) => {
                let all = self.query.exhaustive || self.filtered();
                let lists = self.word_lists(word, all);
                let cut = lists.cut;
                let joined = matches!(token, Token::Pinyin(_));
                let WordLists { exact, longer, .. } = lists;
                let exact = exact.into_iter().zip(EXACT_POINTS);
                let sources = exact.chain(longer.into_iter().zip(LONGER_POINTS));
                let sources = sources.enumerate().filter(|(slot, _)| !joined || slot % 6 >= 2);
                let sources = sources.map(|(_, (list, points))| Source::new(list, points)).collect();
                self.search_sources(sources, tokens, mark, false);
                let short = word.len() <= MAX_MIXED_LETTERS || self.query.exhaustive;
                if self.names.len() + self.awaited < self.few() && short && !cut {
                    let sources = self.many_initials(word).into_iter().zip([EXACT_POINTS[4], EXACT_POINTS[5]]);
                    let sources = sources.map(|(list, points)| Source::new(list, points)).collect();
                    self.search_sources(sources, tokens, mark, false);
                }
                let nothing = self.names.len() + self.awaited == 0;
                let short = (3..=MAX_MIXED_LETTERS).contains(&word.len());
                if (nothing && short && !cut || self.query.exhaustive) && is_pinyin_letters(word) && word.len() > 2 {
                    let mut lists = self.mixed_lists(word);
                    if !self.query.exhaustive {
                        self.keep_readings(word, &mut lists);
                    }
                    let sources = lists.into_iter().zip([52.0, 37.0]);
                    let sources = sources.map(|(list, points)| Source::new(list, points)).collect();
                    self.search_some(sources, tokens, mark, false, MAX_MIXED_GROUPS);
                }
            }
        }
    }

    /// Leaves of the groups of texts that begin with initials those between the texts that begin with the first syllable
    /// of `word`: names stand in the order of their readings.
    fn keep_readings(&mut self, word: &str, [start, _]: &mut [List; 2]) {
        let root = self.root();
        let syllable = (2..=word.len().min(6))
            .rev()
            .filter_map(|len| word.get(..len))
            .find(|part| root.readings.is_syllable(part));
        let Some(syllable) = syllable else { return };
        let WordLists { exact: [_, _, exact, ..], longer: [_, _, longer, ..], .. } = self.word_lists(syllable, false);
        let names = root.tiers.get(1).map_or(u32::MAX, |(first, _)| *first);
        let read = || exact.groups.iter().chain(&longer.groups).copied().filter(|group| *group < names);
        if let (Some(least), Some(most)) = (read().min(), read().max()) {
            start.groups.retain(|group| (least..=most).contains(group));
        }
    }

    /// Texts that begin with three characters or more are found by how these are read, at one place of the dictionary.
    /// Answers whether it is too early to look elsewhere.
    fn search_han_start(&mut self, run: &str, tokens: &[Token], mark: u8) -> bool {
        let root = self.root();
        let mut reading = String::new();
        for c in run.chars() {
            match root.readings.of(c).next() {
                Some(syllable) => reading.push_str(syllable),
                None => return false,
            }
        }
        if run.chars().count() > 2 {
            let reading = floor(&reading, PINYIN_KEY);
            let block = self.term_block(reading.as_bytes());
            if !self.has_block(File::Terms, block) {
                self.block(File::Terms, block);
                return true;
            }
            let WordLists { exact: [_, _, exact, ..], longer: [_, _, longer, ..], .. } =
                self.word_lists(reading, false);
            let sources = vec![Source::new(exact, HAN_POINTS[0]), Source::new(longer, HAN_POINTS[0])];
            self.search_sources(sources, tokens, mark, false);
        }
        self.awaited > 0
    }

    /// Several words: the texts that begin with the first two, in this order.
    fn search_phrase(&mut self, tokens: &[Token], mark: u8) {
        if let Some(phrase) = phrase_of(tokens) {
            let WordLists { exact: [exact, ..], longer: [longer, ..], .. } = self.word_lists(&phrase, false);
            let sources = [Source::new(exact, EXACT_POINTS[0]), Source::new(longer, LONGER_POINTS[0])];
            self.search_sources(sources.into(), tokens, mark, false);
        }
    }

    pub(super) fn search_han(&mut self, mut lists: Vec<[List; 2]>, tokens: &[Token], mark: u8) {
        if lists.iter().any(|[start, other]| start.is_empty() && other.is_empty()) {
            return;
        }
        if let [_] = lists.as_slice() {
            let [start, other] = lists.remove(0);
            let sources = vec![Source::new(start, HAN_POINTS[0]), Source::new(other, HAN_POINTS[1])];
            self.search_sources(sources, tokens, mark, false);
            return;
        }
        let [start, other] = std::mem::take(&mut lists[0]);
        let mut sources = Vec::new();
        for (first, points) in [start, other].into_iter().zip(HAN_POINTS) {
            let rest = lists[1..].to_vec();
            let mut all = vec![first];
            // A run may begin a text with its first pair only: all others stand elsewhere.
            all.extend(
                rest.into_iter().map(|[start, other]| if start.is_empty() { other } else { self.union(start, other) }),
            );
            sources.push(Source::new(self.intersect(all), points));
        }
        self.search_sources(sources, tokens, mark, false);
    }

    pub(super) fn union(&mut self, mut a: List, mut b: List) -> List {
        self.load(&mut a);
        self.load(&mut b);
        merge(a, b)
    }

    /// Groups that stand in all lists. A short list is not narrowed further: its names are looked at anyway.
    pub(super) fn intersect(&mut self, mut lists: Vec<List>) -> List {
        sort_by_key(&mut lists, |list| list.len() as u64);
        let mut lists = lists.into_iter();
        let Some(mut least) = lists.next() else { return List::default() };
        // All lists are fetched in one round.
        let mut rest: Vec<List> = lists.collect();
        let worth = least.len() as u64 * BYTES_OF_A_LOOK;
        for list in &mut rest {
            if list.whole.as_ref().is_some_and(|(range, _)| range.end - range.start < worth) || self.query.exhaustive {
                self.load(list);
            }
        }
        if !self.load(&mut least) {
            return List::default();
        }
        for other in rest {
            if other.whole.is_none() {
                let mut rest = other.groups.as_slice();
                least.groups.retain(|group| {
                    rest = &rest[gallop(rest, *group)..];
                    rest.first() == Some(group)
                });
            }
        }
        least
    }

    /// Several words: groups that have each of them.
    pub(super) fn search_words(&mut self, tokens: &[Token], mark: u8, typos: bool) {
        if !typos {
            self.search_phrase(tokens, mark);
            if self.names.len() + self.awaited >= self.few() {
                return;
            }
        }
        let mut all: Vec<List> = Vec::new();
        let mut broad: Vec<List> = Vec::new();
        for token in tokens {
            match token {
                Token::Han(run) | Token::Mixed(run, _) => {
                    for [start, other] in self.han_lists(run) {
                        all.push(self.union(start, other));
                    }
                }
                Token::Word(word) | Token::Pinyin(word) => {
                    let lists = self.word_lists(word, true);
                    let mut list = List::default();
                    let mut complete = !lists.cut;
                    for mut part in lists.exact.into_iter().chain(lists.longer) {
                        complete &= self.load(&mut part);
                        list.groups.extend(part.groups);
                    }
                    if typos {
                        for (_, groups) in self.typo_groups(word, typos_allowed(word), !self.query.exhaustive) {
                            list.groups.extend(groups);
                        }
                    }
                    if (list.is_empty() || self.query.exhaustive) && !typos {
                        for mut part in self.many_initials(word) {
                            complete &= self.load(&mut part);
                            list.groups.extend(part.groups);
                        }
                    }
                    if list.is_empty() && !typos && is_pinyin_letters(word) && word.len() > 2 {
                        for mut part in self.mixed_lists(word) {
                            self.load(&mut part);
                            list.groups.extend(part.groups);
                        }
                    }
                    list.groups.sort_unstable();
                    list.groups.dedup();
                    if complete { all.push(list) } else { broad.push(list) }
                }
            }
        }
        // A word of too many endings narrows nothing down; without any other, its first groups must do.
        let list = if all.is_empty() { self.intersect(broad) } else { self.intersect(all) };
        self.search_sources(vec![Source::new(list, 50.0)], tokens, mark, typos);
    }
}
