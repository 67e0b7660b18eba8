//! Words → lists of groups of records.

use super::{List, MAX_ENDING_BLOCKS, Prepared, Run, WordLists};
use crate::bytes::{Reader, at_distance};
use crate::matcher::{Token, initials_of_mixed, is_pinyin_letters};
use crate::record::RecordBlock;
use crate::root::{
    ANSWER_HERE, File, GROUP, HAN_CHARS, INITIALS_KEY, MIRRORED, Near, ONE_ELSEWHERE, PAYLOAD, PINYIN_KEY, Root,
    WORD_KEY, han_answer_key, marker,
};
use crate::store::Problem;
use std::ops::Range;

impl Run<'_> {
    /// The block in which a key stands if it stands anywhere.
    pub(super) fn term_block(&self, key: &[u8]) -> usize {
        self.root().term_keys.partition_point(|first| first.as_ref() <= key).saturating_sub(1)
    }

    /// Hands every key of a block from `from` on with its payload to `each` until it answers `false`; answers whether
    /// the block was read to its end.
    pub(super) fn each_term(&mut self, block: usize, each: &mut dyn FnMut(&[u8], Payload<'_>) -> bool) -> bool {
        let Some(bytes) = self.block(File::Terms, block) else { return true };
        match each_key(bytes, each) {
            Some(finished) => finished,
            None => {
                self.damaged(File::Terms, block);
                true
            }
        }
    }

    /// Decodes the lists of a payload.
    pub(super) fn lists<const N: usize>(&self, payload: Payload<'_>) -> Option<[List; N]> {
        let mut reader = Reader::new(payload.bytes);
        if N == 6 {
            read_place(&mut reader, self.root())?;
        }
        let mut lists: [List; N] = std::array::from_fn(|_| List::default());
        for list in &mut lists {
            *list = read_list(&mut reader, payload.base, self.root().group_count())?;
        }
        Some(lists)
    }

    /// Reads the whole of a list of which only the head is there; leaves the head where it has not arrived.
    pub(super) fn load(&mut self, list: &mut List) -> bool {
        let Some((range, len)) = list.whole.clone() else { return true };
        let universe = self.root().group_count();
        let Some(bytes) = self.look(File::Lists, range.clone(), None) else { return false };
        // Each group takes at least one bit.
        let mut groups = Vec::with_capacity(len.min(bytes.len() * 8));
        let read = Reader::new(bytes).ascending(len, 0, universe, &mut |group| groups.push(group));
        if read.is_none() {
            let message = "damaged: a list does not read as it should".to_owned();
            self.problems.push(Problem { file: File::Lists, range, message });
            return false;
        }
        list.groups = groups;
        list.names.clear();
        list.whole = None;
        true
    }

    /// Lists of one exact key.
    pub(super) fn exact_lists(&mut self, key: &[u8]) -> [List; 2] {
        let block = self.term_block(key);
        let Some(payload) = self.payload_of(key) else { return Default::default() };
        match self.lists(payload.borrow()) {
            Some(lists) => lists,
            None => {
                self.damaged(File::Terms, block);
                Default::default()
            }
        }
    }

    /// The answer made beforehand for a text: its records' numbers, and their block. Notes what lacks.
    pub(super) fn answer_for(&mut self, token: &Token) -> Beforehand {
        let key = match token {
            Token::Han(run) if run.chars().count() > HAN_CHARS => return Beforehand::None,
            Token::Han(run) => han_answer_key(run, &self.root().readings),
            Token::Word(word) | Token::Pinyin(word) => word.as_bytes().to_vec(),
            Token::Mixed(..) => return Beforehand::None,
        };
        let key = [key.as_slice(), &[marker::TOPS]].concat();
        let block = self.term_block(&key);
        if !self.has_block(File::Terms, block) {
            self.block(File::Terms, block);
            return Beforehand::Awaited;
        }
        let Some(payload) = self.payload_of(&key) else { return Beforehand::None };
        let mut reader = Reader::new(&payload.bytes);
        let range = match read_place(&mut reader, self.root()) {
            Some(Place::Copied(range)) => range,
            Some(Place::Here(numbers)) => return Beforehand::Numbers(numbers),
            None => {
                self.damaged(File::Terms, block);
                return Beforehand::None;
            }
        };
        let needs = self.needs.len();
        let Some(bytes) = self.look(File::Lists, range.clone(), None) else {
            return if self.needs.len() > needs { Beforehand::Awaited } else { Beforehand::None };
        };
        match read_answer(bytes, self.root()) {
            Some((numbers, block)) => {
                self.answer = Some(Prepared { numbers, block });
                Beforehand::Here
            }
            None => {
                let message = "damaged: an answer does not read as it should".to_owned();
                self.problems.push(Problem { file: File::Lists, range, message });
                Beforehand::None
            }
        }
    }

    /// What stands beside a key of the dictionary.
    fn payload_of(&mut self, key: &[u8]) -> Option<OwnPayload> {
        let mut payload_found: Option<OwnPayload> = None;
        let block = self.term_block(key);
        self.each_term(block, &mut |found, payload| {
            if found == key {
                payload_found = Some(payload.to_own());
            }
            found < key
        });
        payload_found
    }

    /// Everything that a word of letters may stand for. With `all`, every longer key is looked at, as far as the
    /// dictionary's blocks for them are few; otherwise the precomputed first groups do.
    pub(super) fn word_lists(&mut self, word: &str, all: bool) -> WordLists {
        let mut lists = WordLists::default();
        let key = crate::fold::floor(word, WORD_KEY).as_bytes();
        let mut payloads: Vec<(usize, bool, OwnPayload)> = Vec::new();
        let mut tops: Option<OwnPayload> = None;
        let last_block = self.term_block(&[key, &[0xFF]].concat());
        let first_block = self.term_block(key);
        let many = last_block - first_block > MAX_ENDING_BLOCKS && !self.query.exhaustive;
        let use_tops = !all || many;
        let root = self.root();
        for block in first_block..=last_block {
            if many && block == first_block && !self.has_block(File::Terms, block) {
                // It says whether the others are needed.
                self.block(File::Terms, block);
                break;
            }
            let finished = self.each_term(block, &mut |found, payload| {
                let Some(after) = found.strip_prefix(key) else { return found < key };
                match after {
                    // Without lists it is the answer alone.
                    // The answer for Han characters that are read so.
                    [marker::TOPS, _, ..] => {}
                    [marker::TOPS] if has_lists(payload, root) => tops = Some(payload.to_own()),
                    [kind @ marker::WORD..=marker::INITIALS] => {
                        payloads.push((usize::from(kind - marker::WORD) * 2, true, payload.to_own()));
                    }
                    // Keys of this word alone come first; with the tops at hand, the longer ones need not be read.
                    _ if tops.is_some() && use_tops => return false,
                    [.., kind @ marker::WORD..=marker::INITIALS] => {
                        payloads.push((usize::from(kind - marker::WORD) * 2, false, payload.to_own()));
                    }
                    _ => {}
                }
                true
            });
            if !finished {
                break;
            }
        }
        for (kind, exact, payload) in payloads {
            let Some([start, other]) = self.lists::<2>(payload.borrow()) else {
                self.damaged(File::Terms, first_block);
                continue;
            };
            for (slot, mut list) in [(kind, start), (kind + 1, other)] {
                if exact {
                    lists.exact[slot] = list;
                } else {
                    if all || self.query.exhaustive {
                        self.load(&mut list);
                    }
                    lists.longer[slot].groups.extend(list.groups);
                }
            }
        }
        if let (Some(payload), true) = (tops, use_tops) {
            if let Some(tops) = self.lists::<6>(payload.borrow()) {
                lists.longer = tops;
                lists.cut = true;
            } else {
                self.damaged(File::Terms, first_block);
            }
        }
        lists.longer.iter_mut().for_each(List::settle);
        // Pinyin is filed under its first letters only.
        if word.len() > PINYIN_KEY && is_pinyin_letters(word) {
            let [start, other] = self.exact_lists(&[&word.as_bytes()[..PINYIN_KEY], &[marker::PINYIN]].concat());
            lists.longer[2] = merge(std::mem::take(&mut lists.longer[2]), start);
            lists.longer[3] = merge(std::mem::take(&mut lists.longer[3]), other);
        }
        lists
    }

    /// Groups of the first of more initials than are filed, at the start of a text and elsewhere.
    pub(super) fn many_initials(&mut self, word: &str) -> [List; 2] {
        // No syllable begins with i, u or v.
        if word.len() > INITIALS_KEY && is_pinyin_letters(word) && !word.contains(['i', 'u', 'v']) {
            self.exact_lists(&[&word.as_bytes()[..INITIALS_KEY], &[marker::INITIALS]].concat())
        } else {
            Default::default()
        }
    }

    /// Groups of initials that a word mixing syllables and initials may stand for.
    pub(super) fn mixed_lists(&mut self, word: &str) -> [List; 2] {
        let root = self.root();
        let initials = initials_of_mixed(word, &|syllable| root.readings.is_syllable(syllable));
        let mut lists: [List; 2] = Default::default();
        for initials in initials {
            if initials.len() >= INITIALS_KEY {
                let key = [&initials.as_bytes()[..INITIALS_KEY], &[marker::INITIALS]].concat();
                let [start, other] = self.exact_lists(&key);
                lists = [merge(std::mem::take(&mut lists[0]), start), merge(std::mem::take(&mut lists[1]), other)];
            } else {
                let found = self.word_lists(&initials, true);
                let [.., exact_start, exact_other] = found.exact;
                let [.., start, other] = found.longer;
                for (slot, list) in [(0, exact_start), (0, start), (1, exact_other), (1, other)] {
                    lists[slot] = merge(std::mem::take(&mut lists[slot]), list);
                }
            }
        }
        lists
    }

    /// Lists of the characters, and of the pairs, of a run of Han characters: the first for its beginning.
    pub(super) fn han_lists(&mut self, run: &str) -> Vec<[List; 2]> {
        let chars: Vec<char> = run.chars().collect();
        let readings = &self.root().readings;
        let key = |part: &[char]| {
            let mut key = part.iter().map(|c| readings.in_order(*c)).collect::<String>().into_bytes();
            key.push(marker::HAN);
            key
        };
        match chars.as_slice() {
            [_] => vec![self.exact_lists(&key(&chars))],
            // The first two and the last two tell enough of four and more: what is between is looked at in the record.
            [a, b, .., c, d] if !self.query.exhaustive => {
                [[*a, *b], [*c, *d]].map(|pair| self.exact_lists(&key(&pair))).into()
            }
            _ => chars.windows(2).map(|pair| self.exact_lists(&key(pair))).collect(),
        }
    }
}

pub(super) fn merge(mut a: List, b: List) -> List {
    if a.is_empty() {
        return b;
    }
    if !b.is_empty() {
        a.groups.extend(b.groups);
        a.groups.sort_unstable();
        a.groups.dedup();
        a.names.clear();
        // Two heads merged are a head of the union; which whole it was the head of is no longer known.
        a.whole = None;
    }
    a
}

/// How many values at the front are below `target`, found in steps that double.
pub(super) fn gallop(values: &[u32], target: u32) -> usize {
    let mut step = 1;
    while step < values.len() && values[step] < target {
        step *= 2;
    }
    let low = step / 2;
    low + values[low..values.len().min(step + 1)].partition_point(|value| *value < target)
}

/// What is known of an answer made beforehand.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Beforehand {
    /// It is here.
    Here,
    /// The numbers of its records are here; ascending.
    Numbers(Vec<u32>),
    /// Bytes lack to tell.
    Awaited,
    /// There is none.
    None,
}

/// Where the records of an answer are.
enum Place {
    Here(Vec<u32>),
    /// Bytes of the lists file.
    Copied(Range<u64>),
}

/// Reads the front of a payload of [`marker::TOPS`].
fn read_place(reader: &mut Reader<'_>, root: &Root) -> Option<Place> {
    match reader.varint()? {
        ANSWER_HERE => Some(Place::Here(read_numbers(reader, root)?)),
        len => {
            let start = reader.varint()?;
            Some(Place::Copied(start..start.checked_add(len)?))
        }
    }
}

fn has_lists(payload: Payload<'_>, root: &Root) -> bool {
    let mut reader = Reader::new(payload.bytes);
    read_place(&mut reader, root).is_some() && !reader.is_empty()
}

/// Numbers of at most a group of records, ascending.
fn read_numbers(reader: &mut Reader<'_>, root: &Root) -> Option<Vec<u32>> {
    let count = reader.len().filter(|count| *count <= GROUP as usize)?;
    let mut number = 0_u32;
    (0..count)
        .map(|_| {
            number = number.checked_add(reader.varint32()?).filter(|number| *number < root.record_count)?;
            Some(number)
        })
        .collect()
}

/// The records of an answer.
fn read_answer<'a>(bytes: &'a [u8], root: &'a Root) -> Option<(Vec<u32>, RecordBlock<'a>)> {
    let mut reader = Reader::new(bytes);
    let numbers = read_numbers(&mut reader, root)?;
    let count = numbers.len();
    Some((numbers, RecordBlock::open_counted(reader.rest(), count, root)?))
}

/// Reads one list of a payload.
pub(super) fn read_list(reader: &mut Reader<'_>, base: u32, universe: u32) -> Option<List> {
    const HEAD: usize = 64;
    let len = usize::try_from(reader.varint()?).ok().filter(|len| *len <= universe as usize)?;
    let head = len.min(HEAD);
    let mut groups = Vec::with_capacity(head);
    reader.ascending(head, base, universe, &mut |group| groups.push(group))?;
    let mut whole = None;
    if len > HEAD {
        let start = reader.varint()?;
        whole = Some((start..start.checked_add(reader.varint()?)?, len));
    }
    Some(List { groups, whole, ..List::default() })
}

/// What stands beside a key of the dictionary.
#[derive(Clone, Copy)]
pub(super) struct Payload<'b> {
    /// The group from which the first ones are told.
    pub(super) base: u32,
    pub(super) bytes: &'b [u8],
}

/// The same, copied out of its block.
struct OwnPayload {
    base: u32,
    bytes: Vec<u8>,
}

impl Payload<'_> {
    fn to_own(self) -> OwnPayload {
        OwnPayload { base: self.base, bytes: self.bytes.to_vec() }
    }
}

impl OwnPayload {
    fn borrow(&self) -> Payload<'_> {
        Payload { base: self.base, bytes: &self.bytes }
    }
}

/// Hands every key of a block of terms with its payload to `each` until it answers `false`. `None` when the block does
/// not read as it should; else whether it was read to its end.
pub(super) fn each_key(bytes: &[u8], each: &mut dyn FnMut(&[u8], Payload<'_>) -> bool) -> Option<bool> {
    let mut finished = true;
    each_key_alive(bytes, &mut |key, _, payload| {
        finished = finished && each(key, payload);
        if finished { ALIVE } else { 0 }
    })?;
    Some(finished)
}

/// Takes a key, how many bytes it shares with the one before, and its payload; answers how many bytes are dead.
pub(super) type EachKey<'a> = dyn FnMut(&[u8], usize, Payload<'_>) -> usize + 'a;

/// What [`each_key_alive`] is answered to go on with the next key.
pub(super) const ALIVE: usize = usize::MAX;

/// Hands every key of a block with its shared length and payload to `each`, except that keys which begin with the
/// same `dead` bytes as the last one are skipped when `each` answered `dead`.
pub(super) fn each_key_alive(bytes: &[u8], each: &mut EachKey<'_>) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let mut near = Near::new(reader.varint32()?);
    let mut key: Vec<u8> = Vec::new();
    let (mut dead, mut shared, mut is_mirrored) = (ALIVE, 0, false);
    while !reader.is_empty() {
        let (tail, shared_with_next) = reader.ended()?;
        if shared == 0 {
            is_mirrored = tail.first() == Some(&MIRRORED);
        }
        let payload = match is_mirrored {
            true => Payload { base: 0, bytes: &[] },
            false => read_payload(&mut reader, *tail.last()?, &mut near)?,
        };
        if dead == 0 {
            return Some(());
        }
        // Of a dead key only the dead bytes are kept: a key that shares fewer is the next one to look at.
        if shared < dead {
            if shared > key.len() {
                return None;
            }
            key.truncate(shared);
            key.extend_from_slice(tail);
            dead = each(&key, shared, payload);
        }
        shared = shared_with_next;
    }
    Some(())
}

/// Reads what stands beside a key of this kind.
fn read_payload<'b>(reader: &mut Reader<'b>, kind: u8, near: &mut Near) -> Option<Payload<'b>> {
    let number = reader.varint()?;
    if let Some(len) = number.checked_sub(PAYLOAD) {
        return Some(Payload { base: *near.group(kind, false), bytes: reader.take(usize::try_from(len).ok()?)? });
    }
    // As a payload would say it: one group at no distance, and none.
    let (elsewhere, bytes): (bool, &[u8]) =
        if number == ONE_ELSEWHERE { (true, &[0, 1, 0]) } else { (false, &[1, 0, 0]) };
    let last = near.group(kind, elsewhere);
    *last = at_distance(*last, reader.varint()?)?;
    Some(Payload { base: *last, bytes })
}
