//! Looking at records: whether they answer, and how well.

use super::{Run, Scored};
use crate::matcher::{Matcher, TextMatch, Token};
use crate::order::hash;
use crate::place::distance_m;
use crate::record::{FieldKind, GroupTexts, POPULARITY_POINTS, RecordBlock};
use crate::root::{BLOCK, File, GROUP, Root};

impl<'a> Run<'a> {
    /// Looks at those records of a group that `rows` names; answers whether the group has arrived.
    pub(super) fn verify_group(&mut self, group: u32, tokens: &[Token], typos: bool, rows: u16) -> bool {
        let root = self.root();
        let block_number = group / (BLOCK / GROUP);
        let Some(bytes) = self.block(File::Records, block_number as usize) else {
            let range = root.records.range(block_number as usize);
            return !self.needs.iter().any(|need| need.file == File::Records && Some(&need.range) == range.as_ref());
        };
        let first = group % (BLOCK / GROUP) * GROUP;
        let block = RecordBlock::open(bytes, block_number, root);
        let read = block.and_then(|block| {
            let numbers = group * GROUP - first..;
            self.verify_rows(&block, first as usize, rows, tokens, typos, &|row| numbers.start + row as u32)
        });
        if read.is_none() {
            self.damaged(File::Records, block_number as usize);
        }
        true
    }

    /// Looks at the rows of a block from `first`, the first of a group of texts, on; `None` when it does not read as it
    /// should.
    pub(super) fn verify_rows(
        &mut self,
        block: &RecordBlock<'a>,
        first: usize,
        rows: u16,
        tokens: &[Token],
        typos: bool,
        number_of: &dyn Fn(usize) -> u32,
    ) -> Option<()> {
        let root = self.root();
        let count = block.count().saturating_sub(first).min(GROUP as usize);
        let mut wanted = 0_u16;
        for slot in 0..count {
            if rows >> slot & 1 == 1 && self.filter.passes(block, first + slot)? {
                wanted |= 1 << slot;
            }
        }
        if wanted == 0 {
            return Some(());
        }
        let mut texts = std::mem::take(&mut self.texts);
        block.read_group(first / GROUP as usize, &mut texts)?;
        for slot in (0..count).filter(|slot| wanted >> slot & 1 == 1) {
            let row = first + slot;
            if !self.filter.passes_inside(block, row, &texts, slot) {
                continue;
            }
            let scored = score(&mut self.matcher, &texts, slot, tokens, &self.query.fields, root, typos);
            let Some((text_match, field_penalty)) = scored else { continue };
            let standing = [block.importance(row)?, block.popularity(row)?];
            let distance = match self.query.near {
                Some(near) => Some(distance_m(near, block.position(row)?)),
                None => None,
            };
            let parts = parts_of(text_match.as_ref(), field_penalty, standing, distance);
            let score = parts.iter().map(|(_, value)| value).sum();
            let name_hash = hash(texts.name(slot).unwrap_or_default().as_bytes());
            let (best, _) = self.names.entry(name_hash, score);
            *best = best.max(score);
            let whole = text_match.is_some_and(|text_match| text_match.whole);
            let number = number_of(row);
            let hit = Scored { number, score, name_hash, whole, repeated: false };
            let (known, is_new) = self.hits.entry(number.into(), hit);
            if known.score < score {
                *known = hit;
            }
            if is_new {
                self.count(block, row, &texts, slot);
            }
        }
        self.texts = texts;
        Some(())
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

/// What a hit's score is made of; `standing` are its importance from 0 to 1 and its popularity. Without a text the nearest
/// comes first.
pub(super) fn parts_of(
    text_match: Option<&TextMatch>,
    field_penalty: f64,
    standing: [f64; 2],
    distance_m: Option<f64>,
) -> [(&'static str, f64); 8] {
    let text = text_match.map_or([("match", 0.0); 4], |text_match| text_match.parts);
    let [a, b, c, d] = text;
    let own = [20.0 * standing[0], POPULARITY_POINTS * standing[1]];
    let ([importance, popularity], distance) = match (text_match, distance_m) {
        (None, Some(distance)) => ([0.0; 2], -distance),
        (_, Some(distance)) => (own, -4.0 * (distance / 100.0).ln_1p()),
        (_, None) => (own, 0.0),
    };
    let further = [("importance", importance), ("popularity", popularity), ("distance", distance)];
    let [e, f, g] = further;
    [a, b, c, d, ("field", -field_penalty), e, f, g]
}
