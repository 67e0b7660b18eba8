//! Looking at records: whether they answer, and how well.

use super::{List, Run, Scored};
use crate::matcher::{Matcher, TextMatch, Token};
use crate::place::distance_m;
use crate::record::{FieldKind, GroupTexts, RecordBlock};
use crate::root::{BLOCK, File, GROUP, Root};
use std::collections::BTreeSet;

impl Run<'_> {
    /// Looks at the names of a list's groups until there are enough hits.
    pub(super) fn verify_list(&mut self, mut list: List, tokens: &[Token], mark: u8, typos: bool) {
        let enough = if typos { self.enough().saturating_mul(2) } else { self.enough() };
        let max_groups = self.max_groups();
        let mut found = BTreeSet::new();
        let mut awaited = 0;
        let mut done = 0;
        loop {
            while let Some(&group) = list.groups.get(done) {
                if found.len() + awaited >= enough || done >= max_groups {
                    self.awaited += awaited;
                    return;
                }
                done += 1;
                if !self.seen.insert((mark, group)) {
                    continue;
                }
                match self.verify_group(group, tokens, typos, u16::MAX) {
                    Some(names) => found.extend(names),
                    // A group that has not arrived brings a hit at least; one in a row of groups brings many.
                    None if list.groups.get(done) == Some(&(group + 1)) => awaited += GROUP as usize / 2,
                    None => awaited += 1,
                }
            }
            if list.whole.is_none() || !self.load(&mut list) {
                self.awaited += awaited;
                return;
            }
        }
    }

    /// Looks at those records of a group that `rows` names; answers the names of the hits, `None` when the group has
    /// not arrived.
    pub(super) fn verify_group(&mut self, group: u32, tokens: &[Token], typos: bool, rows: u16) -> Option<Vec<u64>> {
        let root = self.root();
        let block_number = group / (BLOCK / GROUP);
        let Some(bytes) = self.block(File::Records, block_number as usize) else {
            let range = root.records.range(block_number as usize)?;
            let missing = self.needs.iter().any(|need| need.file == File::Records && need.range == range);
            return if missing { None } else { Some(Vec::new()) };
        };
        let Some(block) = RecordBlock::open(bytes, block_number, root) else {
            self.damaged(File::Records, block_number as usize);
            return Some(Vec::new());
        };
        let first = (group % (BLOCK / GROUP) * GROUP) as usize;
        let count = block.count().saturating_sub(first).min(GROUP as usize);
        let filter = &self.filter;
        let wanted =
            |slot: usize| -> Option<bool> { Some(rows >> slot & 1 == 1 && filter.passes(&block, first + slot)?) };
        let wanted: Option<Vec<bool>> = (0..count).map(wanted).collect();
        let Some(wanted) = wanted else {
            self.damaged(File::Records, block_number as usize);
            return Some(Vec::new());
        };
        let mut names = Vec::new();
        if !wanted.contains(&true) {
            return Some(names);
        }
        let mut texts = std::mem::take(&mut self.texts);
        if block.read_group(first / GROUP as usize, &mut texts).is_none() {
            self.damaged(File::Records, block_number as usize);
            return Some(names);
        }
        for slot in (0..count).filter(|slot| wanted[*slot]) {
            let number = group * GROUP + slot as u32;
            if !self.filter.passes_inside(&block, first + slot, &texts, slot) {
                continue;
            }
            let scored = score(&mut self.matcher, &texts, slot, tokens, &self.query.fields, root, typos);
            let Some((text_match, field_penalty)) = scored else { continue };
            let row = first + slot;
            let (Some(importance), Some(position)) = (block.importance(row), block.position(row)) else { continue };
            let distance = self.query.near.map(|near| distance_m(near, position));
            let parts = parts_of(text_match.as_ref(), field_penalty, importance, distance);
            let name_hash = hash_name(texts.name(slot).unwrap_or_default());
            names.push(name_hash);
            self.names.insert(name_hash);
            let score = parts.iter().map(|(_, value)| value).sum();
            let whole = text_match.is_some_and(|text_match| text_match.whole);
            let hit = Scored { number, score, name_hash, whole };
            match self.hits.get(&number).map(|old| old.score) {
                None => {
                    self.count(&block, row, &texts, slot);
                    self.hits.insert(number, hit);
                }
                Some(old) if old < hit.score => {
                    self.hits.insert(number, hit);
                }
                Some(_) => {}
            }
        }
        self.texts = texts;
        Some(names)
    }
}

pub(super) fn field_penalty(field: FieldKind) -> f64 {
    match field {
        FieldKind::Name => 0.0,
        FieldKind::Translation | FieldKind::Other => 3.0,
        FieldKind::Address => 12.0,
    }
}

/// Every text of a record that a query may match, by the fields that it asks for.
pub(super) fn texts_of<'t>(
    texts: &'t GroupTexts<'_>,
    slot: usize,
    fields: &[FieldKind],
) -> impl Iterator<Item = (FieldKind, &'t str)> {
    let name = texts.name(slot).map(|name| (FieldKind::Name, name));
    name.into_iter().chain(texts.further(slot)).filter(|(field, _)| fields.is_empty() || fields.contains(field))
}

/// The best of a record's texts that alone answers the query; with no words, every record does.
fn score(
    matcher: &mut Matcher,
    texts: &GroupTexts<'_>,
    slot: usize,
    tokens: &[Token],
    fields: &[FieldKind],
    root: &Root,
    typos: bool,
) -> Option<(Option<TextMatch>, f64)> {
    if tokens.is_empty() {
        return texts_of(texts, slot, fields).next().map(|_| (None, 0.0));
    }
    let mut best: Option<(TextMatch, f64)> = None;
    for (field, text) in texts_of(texts, slot, fields) {
        let penalty = field_penalty(field);
        if let Some(found) = matcher.matches(text, tokens, &root.readings, typos)
            && best.as_ref().is_none_or(|(best, before)| best.score() - before < found.score() - penalty)
        {
            best = Some((found, penalty));
        }
    }
    best.map(|(text_match, penalty)| (Some(text_match), penalty))
}

/// What a hit's score is made of. Without a text the nearest comes first.
pub(super) fn parts_of(
    text_match: Option<&TextMatch>,
    field_penalty: f64,
    importance: f64,
    distance_m: Option<f64>,
) -> [(&'static str, f64); 7] {
    let text = text_match.map_or([("match", 0.0); 4], |text_match| text_match.parts);
    let [a, b, c, d] = text;
    let (importance, distance) = match (text_match, distance_m) {
        (None, Some(distance)) => (0.0, -distance),
        (_, Some(distance)) => (20.0 * importance, -4.0 * (distance / 100.0).ln_1p()),
        (_, None) => (20.0 * importance, 0.0),
    };
    [a, b, c, d, ("field", -field_penalty), ("importance", importance), ("distance", distance)]
}

/// A number that is the same for the same name (FNV-1a).
fn hash_name(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}
