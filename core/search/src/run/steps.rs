//! The steps of a search: a word, several words.

use super::dictionary::{gallop, merge};
use super::{List, Run, SHORT_LIST, WordLists};
use crate::matcher::{Token, is_pinyin_letters, typos_allowed};

impl Run<'_> {
    /// One word: what begins with it first, then what has it elsewhere, then readings.
    pub(super) fn search_word(&mut self, token: &Token, mark: u8) {
        let tokens = std::slice::from_ref(token);
        match token {
            Token::Han(run) => {
                let lists = self.han_lists(run);
                self.search_han(lists, tokens, mark);
            }
            Token::Word(word) | Token::Pinyin(word) => {
                let all = self.query.exhaustive || self.filtered();
                let lists = self.word_lists(word, all);
                let cut = lists.cut;
                let first = if matches!(token, Token::Pinyin(_)) { 2 } else { 0 };
                let WordLists { mut exact, mut longer, .. } = lists;
                for kind in (first..6).step_by(2) {
                    for lists in [&mut exact, &mut longer] {
                        for slot in [kind, kind + 1] {
                            // Twice as many as wanted, so that the better of two kinds of match can win.
                            if self.names.len() + self.awaited < self.enough().saturating_mul(2) {
                                self.verify_list(std::mem::take(&mut lists[slot]), tokens, mark, false);
                            }
                        }
                    }
                }
                if (self.names.is_empty() || self.query.exhaustive) && is_pinyin_letters(word) && word.len() > 2 && !cut
                {
                    for list in self.mixed_lists(word) {
                        self.verify_list(list, tokens, mark, false);
                    }
                }
            }
        }
    }

    pub(super) fn search_han(&mut self, mut lists: Vec<[List; 2]>, tokens: &[Token], mark: u8) {
        if lists.iter().any(|[start, other]| start.is_empty() && other.is_empty()) {
            return;
        }
        if let [_] = lists.as_slice() {
            let [start, other] = lists.remove(0);
            self.verify_list(start, tokens, mark, false);
            self.verify_list(other, tokens, mark, false);
            return;
        }
        let [start, other] = std::mem::take(&mut lists[0]);
        for first in [start, other] {
            let rest = lists[1..].to_vec();
            let mut all = vec![first];
            // A run may begin a text with its first pair only: all others stand elsewhere.
            all.extend(
                rest.into_iter().map(|[start, other]| if start.is_empty() { other } else { self.union(start, other) }),
            );
            let list = self.intersect(all);
            self.verify_list(list, tokens, mark, false);
        }
    }

    pub(super) fn union(&mut self, mut a: List, mut b: List) -> List {
        self.load(&mut a);
        self.load(&mut b);
        merge(a, b)
    }

    /// Groups that stand in all lists. A short list is not narrowed further: its names are looked at anyway.
    pub(super) fn intersect(&mut self, mut lists: Vec<List>) -> List {
        lists.sort_by_key(List::len);
        let mut lists = lists.into_iter();
        let Some(mut least) = lists.next() else { return List::default() };
        // All lists are fetched in one round.
        let mut rest: Vec<List> = lists.collect();
        if least.len() > SHORT_LIST {
            rest.iter_mut().for_each(|list| {
                self.load(list);
            });
        }
        if !self.load(&mut least) {
            return List::default();
        }
        for mut other in rest {
            if least.groups.len() <= SHORT_LIST && other.whole.is_some() {
                continue;
            }
            if self.load(&mut other) {
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
        let mut all: Vec<List> = Vec::new();
        let mut broad: Vec<List> = Vec::new();
        for token in tokens {
            match token {
                Token::Han(run) => {
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
        self.verify_list(list, tokens, mark, typos);
    }
}
