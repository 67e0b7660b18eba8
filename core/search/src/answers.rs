//! Answers made beforehand: what stands in so many records, or so far apart, that a visitor would wait for it.
//!
//! The texts are prefixes of words, pinyin and initials, and one to three Han characters in a row. Each answer holds its
//! best records whole, so that it is one more request after the dictionary's block.

use crate::build::{Ranked, Tops};
use crate::bytes::{put_varint, seal};
use crate::fold::Analysis;
use crate::record::{Field, POPULARITY_POINTS, put_block, stored_importance};
use crate::root::{GROUP, Root, marker};
use std::collections::BTreeMap;

/// Records of an answer: a few more than a page shows, for the matcher may refuse one.
const KEPT: usize = 11;
/// A prefix of so many records gets an answer.
const PREFIX_RECORDS: usize = 160;
/// Han characters in a row that stand in so many names get an answer.
const HAN_NAMES: usize = 60;
/// Characters in a row that get an answer at most.
const HAN_CHARS: usize = 3;

/// The best records for a text so far.
#[derive(Default)]
struct Best {
    /// Points, number of the name, number of the record; the best first.
    hits: Vec<(i32, u32, u32)>,
}

impl Best {
    fn offer(&mut self, points: i32, name: u32, record: u32) {
        if self.hits.len() == KEPT && self.hits.last().is_some_and(|(least, ..)| *least >= points) {
            return;
        }
        if let Some(same) = self.hits.iter().position(|(_, other, _)| *other == name) {
            if self.hits[same].0 >= points {
                return;
            }
            self.hits.remove(same);
        }
        let at = self.hits.partition_point(|(other, ..)| *other >= points);
        self.hits.insert(at, (points, name, record));
        self.hits.truncate(KEPT);
    }
}

/// Where an answer starts in the lists file and its length in bytes, and the first groups of a wide prefix.
pub(crate) type Written = ((u64, u64), Option<Tops>);

/// Collects answers.
pub(crate) struct Answers<'a> {
    ranked: &'a Ranked<'a>,
    /// Number of the first record of each record's name: records of a name are neighbours.
    names: Vec<u32>,
    /// Letters of each record's name, Han characters counting as one.
    letters: Vec<u16>,
    texts: BTreeMap<Vec<u8>, Best>,
}

impl<'a> Answers<'a> {
    pub(crate) fn new(ranked: &'a Ranked<'a>) -> Self {
        let mut names: Vec<u32> = Vec::with_capacity(ranked.records.len());
        let mut letters = Vec::with_capacity(ranked.records.len());
        let mut analysis = Analysis::default();
        for (number, record) in ranked.records.iter().enumerate() {
            match number.checked_sub(1) {
                Some(before) if ranked.records[before].name == record.name => {
                    names.push(names[before]);
                    letters.push(letters[before]);
                }
                _ => {
                    analysis.read(&record.name);
                    names.push(number as u32);
                    letters.push(analysis.letters().clamp(1, usize::from(u16::MAX)) as u16);
                }
            }
        }
        Self { ranked, names, letters, texts: BTreeMap::new() }
    }

    /// Says how many records a prefix has; `wide` prefixes are answered in any case.
    pub(crate) fn add_prefix(&mut self, prefix: &[u8], wide: bool, records: usize) {
        if wide || records >= PREFIX_RECORDS {
            self.texts.insert(prefix.to_vec(), Best::default());
        }
    }

    /// Points of a record for a match: `text` for the match itself, `matched` letters of it. The parts are those of
    /// [`crate::matcher`], in tenths.
    fn points(&self, text: f64, matched: f64, number: u32) -> i32 {
        let record = self.ranked.records[number as usize];
        let own =
            stored_importance(record) as f64 + POPULARITY_POINTS * f64::from(self.ranked.popularity[number as usize]);
        let covered = (matched / f64::from(self.letters[number as usize])).min(1.0);
        (10.0 * (text + own + 8.0 * covered + if covered >= 1.0 { 20.0 } else { 0.0 })) as i32
    }

    /// Offers the records of a key of the dictionary to all its prefixes.
    pub(crate) fn offer_key(&mut self, key: &[u8], places: &[u32]) {
        let Some((&kind, letters)) = key.split_last() else { return };
        for depth in 1..=letters.len() {
            let Some(mut best) = self.texts.get_mut(&letters[..depth]).map(std::mem::take) else { continue };
            let whole = depth == letters.len();
            let (quality, matched) = match kind {
                marker::WORD => (if whole { 50.0 } else { 42.5 }, depth as f64),
                marker::PINYIN => (if whole { 40.0 } else { 35.0 }, 0.0),
                _ => (30.0, 0.0),
            };
            for place in places {
                let number = place >> 1;
                let start = if place & 1 == 0 { 15.0 } else { 0.0 };
                let points = self.points(quality + start, matched, number);
                best.offer(points, self.names[number as usize], number);
            }
            self.texts.insert(letters[..depth].to_vec(), best);
        }
    }

    /// Finds the Han characters in a row that stand in many names, and their best records.
    pub(crate) fn han(&mut self) {
        let mut rows: Vec<u64> = Vec::new();
        self.each_han_row(|row, _, _| rows.push(row));
        rows.sort_unstable();
        let frequent = rows.chunk_by(|a, b| a == b).filter(|same| same.len() >= HAN_NAMES).map(|same| same[0]);
        let frequent: Vec<u64> = frequent.collect();
        drop(rows);
        let mut best: Vec<Best> = frequent.iter().map(|_| Best::default()).collect();
        self.each_han_row(|row, number, text| {
            if let Ok(at) = frequent.binary_search(&row) {
                let chars = HAN_CHARS - (row.trailing_zeros() as usize / 21).min(HAN_CHARS - 1);
                let points = self.points(text, chars as f64, number);
                best[at].offer(points, self.names[number as usize], number);
            }
        });
        for (row, best) in frequent.into_iter().zip(best) {
            let codes = [row >> 42, row >> 21 & 0x1F_FFFF, row & 0x1F_FFFF].map(|code| code as u32);
            let text: String = codes.into_iter().filter(|code| *code > 0).filter_map(char::from_u32).collect();
            self.texts.insert(text.into_bytes(), best);
        }
    }

    /// Hands up to three Han characters in a row of every text to `each`, with the record and the points for where they
    /// stand; of a name that several records have, the first alone.
    fn each_han_row(&self, mut each: impl FnMut(u64, u32, f64)) {
        let mut analysis = Analysis::default();
        for (number, record) in self.ranked.records.iter().enumerate() {
            for (field, text) in record.texts() {
                let penalty = match field {
                    Field::Name if self.names[number] != number as u32 => continue,
                    Field::Name => 0.0,
                    Field::Address => 12.0,
                    _ => 3.0,
                };
                analysis.read(text);
                for first in 0..analysis.items.len() {
                    let points = if first == 0 { 65.0 } else { 50.0 } - penalty;
                    let mut row = 0_u64;
                    for len in 0..HAN_CHARS {
                        let Some(item) = analysis.items.get(first + len) else { break };
                        if !item.han || (len > 0 && !item.joined) {
                            break;
                        }
                        let Some(c) = analysis.text(item).chars().next() else { break };
                        row |= u64::from(c) << (21 * (HAN_CHARS - 1 - len));
                        each(row, number as u32, points);
                    }
                }
            }
        }
    }

    /// Writes the answers behind the long lists. Gives every text with its place there and its first groups, ascending.
    pub(crate) fn write(
        self,
        mut wide: BTreeMap<Vec<u8>, Tops>,
        root: &Root,
        lists: &mut Vec<u8>,
    ) -> Vec<(Vec<u8>, Written)> {
        let mut written = Vec::with_capacity(self.texts.len());
        for (mut text, best) in self.texts {
            let tops = wide.remove(&text);
            let mut numbers: Vec<u32> = best.hits.iter().map(|(.., record)| *record).collect();
            numbers.sort_unstable();
            let together = numbers.chunk_by(|a, b| b / GROUP - a / GROUP < 2).count();
            text.push(marker::TOPS);
            if together < 2 && tops.is_none() {
                continue;
            }
            let mut block = Vec::new();
            put_varint(&mut block, numbers.len() as u64);
            let mut before = 0;
            for number in &numbers {
                put_varint(&mut block, (number - before).into());
                before = *number;
            }
            let records: Vec<_> = numbers.iter().map(|number| self.ranked.records[*number as usize]).collect();
            let popularity: Vec<u8> = numbers.iter().map(|number| self.ranked.popularity[*number as usize]).collect();
            put_block(&mut block, &records, &popularity, root);
            seal(&mut block);
            written.push((text, ((lists.len() as u64, block.len() as u64), tops)));
            lists.extend(block);
        }
        written
    }
}
