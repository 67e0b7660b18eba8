//! Answers made beforehand: what stands in so many records, or so far apart, that a visitor would wait for it.
//!
//! The texts are prefixes of words, pinyin and initials, and one to three Han characters in a row. Each answer holds its
//! best records whole, so that it is one more request after the dictionary's block.

use crate::build::{Ranked, Tops};
use crate::bytes::{put_varint, seal};
use crate::fold::Analysis;
use crate::record::{Field, POPULARITY_POINTS, put_block, stored_importance};
use crate::root::{BLOCK, File, HAN_CHARS, Readings, Root, han_answer_key, marker};
use crate::store::{Need, join};
use std::collections::BTreeMap;
use std::ops::Range;

/// Records of an answer: a few more than a page shows, for the matcher may refuse one.
const KEPT: usize = 11;
/// A text of so many records gets an answer.
const MANY_RECORDS: usize = 90;
/// Unless so many of them begin with it: these are neighbours.
const NEIGHBOURS: usize = 14;
/// As long as these are no more than this.
const MAX_NEIGHBOURS: usize = 600;

/// Whether a text needs an answer that stands in so many records, of which so many begin with it.
fn is_needed(records: usize, begun: usize) -> bool {
    records >= MANY_RECORDS && !(NEIGHBOURS..=MAX_NEIGHBOURS).contains(&begun)
}

/// An answer's records are not copied when they come by so many requests among all records.
const NEAR_REQUESTS: usize = 1;
/// And by so many bytes.
const NEAR_BYTES: u64 = 24_000;
/// With such a gap between them they come by one.
const NEAR_GAP_BYTES: u64 = 16_000;

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

/// Where the records of an answer are.
pub(crate) enum Place {
    /// They stand so near to each other among all records that their numbers will do; ascending.
    Here(Vec<u32>),
    /// Copies of them, in these bytes of the lists file.
    Copied(Range<u64>),
}

/// An answer, and the first groups of a wide prefix.
pub(crate) type Written = (Place, Option<Tops>);

/// Collects answers.
pub(crate) struct Answers<'a> {
    ranked: &'a Ranked<'a>,
    /// Letters of each record's name, Han characters counting as one.
    letters: Vec<u16>,
    texts: BTreeMap<Vec<u8>, Best>,
}

impl<'a> Answers<'a> {
    pub(crate) fn new(ranked: &'a Ranked<'a>) -> Self {
        let mut letters = Vec::with_capacity(ranked.records.len());
        let mut analysis = Analysis::default();
        for (number, record) in ranked.records.iter().enumerate() {
            let same = ranked.names[number] as usize;
            letters.push(match letters.get(same) {
                Some(letters) => *letters,
                None => {
                    analysis.read(&record.name);
                    analysis.letters().clamp(1, usize::from(u16::MAX)) as u16
                }
            });
        }
        Self { ranked, letters, texts: BTreeMap::new() }
    }

    /// Says how many records a prefix has; `wide` prefixes are answered in any case.
    pub(crate) fn add_prefix(&mut self, prefix: &[u8], wide: bool, records: usize, begun: usize) {
        if wide || is_needed(records, begun) {
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
                best.offer(points, self.ranked.names[number as usize], number);
            }
            self.texts.insert(letters[..depth].to_vec(), best);
        }
    }

    /// Finds the Han characters in a row that stand in many names, and their best records.
    pub(crate) fn han(&mut self, readings: &Readings) {
        // Three characters leave a bit free: it says that a text begins with them.
        let mut rows: Vec<u64> = Vec::new();
        self.each_han_row(|row, _, points| rows.push(row << 1 | u64::from(points > 50.0)));
        rows.sort_unstable();
        let alike = rows.chunk_by(|a, b| a >> 1 == b >> 1);
        let frequent = alike.filter(|same| is_needed(same.len(), same.iter().filter(|row| **row & 1 == 1).count()));
        let frequent: Vec<u64> = frequent.map(|same| same[0] >> 1).collect();
        drop(rows);
        let mut best: Vec<Best> = frequent.iter().map(|_| Best::default()).collect();
        self.each_han_row(|row, number, text| {
            if let Ok(at) = frequent.binary_search(&row) {
                let chars = HAN_CHARS - (row.trailing_zeros() as usize / 21).min(HAN_CHARS - 1);
                let points = self.points(text, chars as f64, number);
                best[at].offer(points, self.ranked.names[number as usize], number);
            }
        });
        for (row, best) in frequent.into_iter().zip(best) {
            let codes = [row >> 42, row >> 21 & 0x1F_FFFF, row & 0x1F_FFFF].map(|code| code as u32);
            let text: String = codes.into_iter().filter(|code| *code > 0).filter_map(char::from_u32).collect();
            self.texts.insert(han_answer_key(&text, readings), best);
        }
    }

    /// Hands up to three Han characters in a row of every text to `each`, with the record and the points for where they
    /// stand; of a name that several records have, the first alone.
    fn each_han_row(&self, mut each: impl FnMut(u64, u32, f64)) {
        let mut analysis = Analysis::default();
        for (number, record) in self.ranked.records.iter().enumerate() {
            for (field, text) in record.texts() {
                let penalty = match field {
                    Field::Name if self.ranked.names[number] != number as u32 => continue,
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
            text.push(marker::TOPS);
            if is_near(&numbers, root) {
                written.push((text, (Place::Here(numbers), tops)));
                continue;
            }
            let mut block = Vec::new();
            put_numbers(&mut block, &numbers);
            let records: Vec<_> = numbers.iter().map(|number| self.ranked.records[*number as usize]).collect();
            let popularity: Vec<u8> = numbers.iter().map(|number| self.ranked.popularity[*number as usize]).collect();
            put_block(&mut block, &records, &popularity, root);
            seal(&mut block);
            let start = lists.len() as u64;
            lists.extend(block);
            written.push((text, (Place::Copied(start..lists.len() as u64), tops)));
        }
        written
    }
}

/// Appends how many numbers there are, and the steps between them.
pub(crate) fn put_numbers(out: &mut Vec<u8>, numbers: &[u32]) {
    put_varint(out, numbers.len() as u64);
    let mut before = 0;
    for number in numbers {
        put_varint(out, (number - before).into());
        before = *number;
    }
}

/// Whether records, by their numbers, ascending, come by few requests of few bytes.
fn is_near(numbers: &[u32], root: &Root) -> bool {
    let blocks = numbers.iter().filter_map(|number| root.records.range((number / BLOCK) as usize));
    let needs = join(blocks.map(|range| Need { file: File::Records, range }).collect(), NEAR_GAP_BYTES);
    let bytes: u64 = needs.iter().map(|need| need.range.end - need.range.start).sum();
    needs.len() <= NEAR_REQUESTS && bytes <= NEAR_BYTES
}
