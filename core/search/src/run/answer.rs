//! Hits → the answer that is handed out.

use super::filter::CATEGORY;
use super::verify::{field_penalty, parts_of, texts_of};
use super::{REPEAT, REPEAT_PENALTY, Run, Scored};
use crate::fold::words;
use crate::matcher::{How, Token, readings_of_query};
use crate::order::{Numbering, best_first, sort_by_key, sort_pairs};
use crate::place::distance_m;
use crate::query::{Answer, Facet, Found};
use crate::record::{GroupTexts, RecordBlock};
use crate::root::{BLOCK, File, GROUP};
use crate::store::coalesce;
use crate::value::Value;
use std::ops::Range;

/// Completions offered at most.
const MAX_COMPLETIONS: usize = 5;

impl Run<'_> {
    /// Counts a hit by the facets that are asked for.
    pub(super) fn count(&mut self, block: &RecordBlock<'_>, row: usize, texts: &GroupTexts<'_>, slot: usize) {
        let root = self.root();
        for (facet, counts) in self.query.facets.iter().zip(&mut self.counts) {
            let value = if facet == CATEGORY {
                let category = block.category(row).and_then(|place| root.categories.get(place));
                category.map(|(name, _)| Value::Text(name.clone()).to_bytes())
            } else {
                let attribute = root.attributes.binary_search(facet).ok();
                attribute.and_then(|attribute| texts.attribute(slot, attribute, root)).map(<[u8]>::to_vec)
            };
            if let Some(value) = value {
                *counts.entry(value).or_default() += 1;
            }
        }
    }

    fn facets(&mut self, exact: bool) -> Vec<Facet> {
        let counts = std::mem::take(&mut self.counts);
        (self.query.facets.iter().zip(counts))
            .map(|(of, counts)| {
                let known = counts.iter().filter_map(|(bytes, count)| Some((Value::from_bytes(bytes)?, *count)));
                let mut counts: Vec<(Value, u32)> = known.collect();
                // Values of the same count stay in the order of their bytes.
                sort_by_key(&mut counts, |(_, count)| !u64::from(*count));
                Facet { of: of.clone(), counts, exact }
            })
            .collect()
    }

    pub(crate) fn answer(mut self) -> Answer {
        let mut hits = std::mem::take(&mut self.hits);
        let mut order = best_of(hits.values());
        if self.query.spreads_names() {
            let mut names = Numbering::default();
            for (_, number) in &order {
                let Some(hit) = hits.get(u64::from(*number)).copied() else { continue };
                if !names.number(hit.name_hash).1 && !hit.whole {
                    *hits.entry((*number).into(), hit).0 =
                        Scored { score: hit.score - REPEAT_PENALTY, repeated: true, ..hit };
                }
            }
            order = best_of(hits.values());
        }
        order.truncate(self.query.limit);
        let best = order.iter().filter_map(|(_, number)| hits.get(u64::from(*number)));
        let readings = readings_of_query(&self.query.text);
        let hits: Vec<Found> = best.filter_map(|hit| self.found(hit, &readings)).collect();
        let complete = self.saw_all && self.needs.is_empty() && self.problems.is_empty();
        let facets = self.facets(complete);
        let (completions, did_you_mean) = (completions(&self.query.text, &hits), correction(&hits));
        Answer { hits, facets, completions, did_you_mean, needs: coalesce(self.needs), problems: self.problems }
    }

    /// The whole of a hit, with its highlights.
    pub(super) fn found(&mut self, hit: &Scored, readings: &[Vec<Token>]) -> Option<Found> {
        let root = self.root();
        let prepared = self.answer.as_ref().and_then(|answer| {
            let row = answer.numbers.binary_search(&hit.number).ok()?;
            Some((answer.block, row))
        });
        let (block, row) = match prepared {
            Some(prepared) => prepared,
            None => {
                let block_number = hit.number / BLOCK;
                let bytes = self.block(File::Records, block_number as usize)?;
                (RecordBlock::open(bytes, block_number, root)?, (hit.number % BLOCK) as usize)
            }
        };
        let mut texts = GroupTexts::default();
        block.read_group(row / GROUP as usize, &mut texts)?;
        let record = block.record(row, &texts)?;
        let slot = row % GROUP as usize;
        let distance = self.query.near.map(|near| distance_m(near, (record.lon, record.lat)));
        let standing = [block.importance(row)?, block.popularity(row)?];
        let mut best: Option<FoundText> = None;
        let none = [Vec::new()];
        let readings = if readings.is_empty() { &none[..] } else { readings };
        for (tokens, typos) in readings.iter().flat_map(|tokens| [(tokens, false), (tokens, true)]) {
            if typos && best.is_some() {
                break;
            }
            for (field, text) in texts_of(&texts, slot, &self.query.fields) {
                let penalty = field_penalty(field);
                let text_match = match tokens.as_slice() {
                    [] => None,
                    _ => match self.matcher.matches(text, tokens, &root.readings, typos) {
                        Some(text_match) => Some(text_match),
                        None => continue,
                    },
                };
                let mut explain = parts_of(text_match.as_ref(), penalty, standing, distance).to_vec();
                if hit.repeated {
                    explain.push((REPEAT, -REPEAT_PENALTY));
                }
                explain.retain(|(_, value)| *value != 0.0);
                let score = explain.iter().map(|(_, value)| value).sum();
                if best.as_ref().is_none_or(|best| best.score < score) {
                    let matched = if tokens.is_empty() { Vec::new() } else { self.matcher.ranges(text) };
                    let how = text_match.map(|text_match| text_match.how);
                    best = Some(FoundText { text: text.to_owned(), matched, how, score, explain });
                }
                if tokens.is_empty() {
                    break;
                }
            }
        }
        let FoundText { text, matched, how, score, explain } = best?;
        let (number, whole) = (hit.number, hit.whole);
        Some(Found { record, number, text, matched, how, whole, distance_m: distance, score, explain })
    }
}

/// What is found of a record: the parts of [`Found`] that depend on which of its texts matched.
struct FoundText {
    text: String,
    matched: Vec<Range<usize>>,
    how: Option<How>,
    score: f64,
    explain: Vec<(&'static str, f64)>,
}

/// The numbers of hits, the best first.
fn best_of(hits: &[Scored]) -> Vec<(u64, u32)> {
    let mut order: Vec<(u64, u32)> = hits.iter().map(|hit| (best_first(hit.score), hit.number)).collect();
    sort_pairs(&mut order);
    order
}

/// The query with its last word ended as it goes on in the best hits.
fn completions(query: &str, hits: &[Found]) -> Vec<String> {
    let mut completions: Vec<String> = Vec::new();
    for hit in hits.iter().filter(|hit| matches!(hit.how, Some(How::Prefix))) {
        // The words of the text that a matched range begins, whole.
        for word in words(&hit.text) {
            let begun = hit.matched.iter().any(|range| range.start == word.range.start && range.end < word.range.end);
            let (Some(whole), true) = (hit.text.get(word.range.clone()), begun) else { continue };
            let typed = words(query).last().map_or(query.len(), |last| last.range.start);
            let text = format!("{}{whole}", query.get(..typed).unwrap_or_default());
            if completions.len() < MAX_COMPLETIONS && !completions.contains(&text) {
                completions.push(text);
            }
        }
    }
    completions
}

/// What the best hit has in place of a mistyped query.
fn correction(hits: &[Found]) -> Option<String> {
    let best = hits.first()?;
    if !matches!(best.how, Some(How::Typo(_) | How::TypoPrefix(_) | How::TypoPinyin(_))) {
        return None;
    }
    let parts: Vec<&str> = best.matched.iter().filter_map(|range| best.text.get(range.clone())).collect();
    Some(parts.join(" "))
}
