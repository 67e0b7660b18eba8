//! Several indexes asked as one: shards of a large area, or a base with overlays that bring it up to date.

use crate::order::{Keyed, best_first, hash, sort_by_key};
use crate::query::{Facet, Found, Query};
use crate::run::{REPEAT, REPEAT_PENALTY};
use crate::searcher::Searcher;
use crate::store::{Need, Problem};

/// What lies at a position, as far as the indexes of a [`Stack`] say; the number before a thing is that of its part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackHere {
    /// The nearest records, the nearest first.
    pub nearest: Vec<(usize, Found)>,
    /// The nearest record that has an address or is one.
    pub address: Option<(usize, Found)>,
    /// As in [`StackAnswer`].
    pub needs: Vec<(usize, Need)>,
    /// As in [`StackAnswer`].
    pub problems: Vec<(usize, Problem)>,
}

/// Indexes one upon the other. A record of an overlay hides those with its id below.
#[derive(Default)]
pub struct Stack {
    parts: Vec<Searcher>,
}

/// What the indexes of a [`Stack`] found so far; the number before a thing is that of its part.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackAnswer {
    /// The best hits of all parts, best first.
    pub hits: Vec<(usize, Found)>,
    /// Counts over all parts.
    pub facets: Vec<Facet>,
    /// As in [`crate::Answer`].
    pub completions: Vec<String>,
    /// As in [`crate::Answer`], of the part that has the best hit.
    pub did_you_mean: Option<String>,
    /// What to fetch for a better answer.
    pub needs: Vec<(usize, Need)>,
    /// Parts of the indexes that could not be used.
    pub problems: Vec<(usize, Problem)>,
}

impl Stack {
    /// Lays an index upon the others: a further shard, or an overlay.
    pub fn push(&mut self, part: Searcher) {
        for below in &mut self.parts {
            below.hide(part.replaced().iter().map(String::as_str));
        }
        self.parts.push(part);
    }

    /// The indexes, the lowest first: to ask for their files' names, and to feed them.
    pub fn parts_mut(&mut self) -> &mut [Searcher] {
        &mut self.parts
    }

    /// The indexes, the lowest first.
    pub fn parts(&self) -> &[Searcher] {
        &self.parts
    }

    /// The categories of all indexes with their number of records, by name.
    pub fn categories(&self) -> Vec<(String, u32)> {
        let mut all: Vec<(String, u32)> = Vec::new();
        for (name, count) in self.parts.iter().flat_map(Searcher::categories) {
            match all.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
                Ok(at) => all[at].1 = all[at].1.saturating_add(count),
                Err(at) => all.insert(at, (name.to_owned(), count)),
            }
        }
        all
    }

    /// Number of records in all indexes, with those that others hide.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Searcher::len).sum()
    }

    /// Whether nothing can be found.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(Searcher::is_empty)
    }

    /// What lies at a longitude and latitude (degrees), over all parts.
    pub fn here(&self, position: (f64, f64), limit: usize) -> StackHere {
        let mut all = StackHere::default();
        for (number, part) in self.parts.iter().enumerate() {
            let here = part.here(position, limit);
            all.nearest.extend(here.nearest.into_iter().map(|hit| (number, hit)));
            all.needs.extend(here.needs.into_iter().map(|need| (number, need)));
            all.problems.extend(here.problems.into_iter().map(|problem| (number, problem)));
            let nearer = |found: &Found| all.address.as_ref().is_none_or(|(_, old)| found.score > old.score);
            if let Some(found) = here.address.filter(nearer) {
                all.address = Some((number, found));
            }
        }
        sort_hits(&mut all.nearest);
        all.nearest.truncate(limit);
        all
    }

    /// The best answer that the bytes at hand allow. Of hits that are as good the newest part's come first.
    pub fn query(&self, query: &Query) -> StackAnswer {
        let mut all = StackAnswer::default();
        let mut corrections = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let answer = part.query(query);
            all.hits.extend(answer.hits.into_iter().map(|hit| (number, hit)));
            all.needs.extend(answer.needs.into_iter().map(|need| (number, need)));
            all.problems.extend(answer.problems.into_iter().map(|problem| (number, problem)));
            for completion in answer.completions {
                if !all.completions.contains(&completion) {
                    all.completions.push(completion);
                }
            }
            corrections.push(answer.did_you_mean);
            merge_facets(&mut all.facets, answer.facets);
        }
        sort_hits(&mut all.hits);
        if query.spreads_names() {
            repeat_across_parts(&mut all.hits);
        }
        all.hits.truncate(query.limit);
        all.did_you_mean = all.hits.first().and_then(|(part, _)| corrections.get(*part).cloned().flatten());
        all
    }
}

/// Best first; of those that are as good the newest part's.
fn sort_hits(hits: &mut Vec<(usize, Found)>) {
    sort_by_key(hits, |(part, _)| !(*part as u64));
    sort_by_key(hits, |(_, hit)| best_first(hit.score));
}

/// A part knows only the names of its own hits: those of names that another part has higher up lose what they would have
/// lost in one index.
fn repeat_across_parts(hits: &mut Vec<(usize, Found)>) {
    let mut first = Keyed::default();
    let repeats: Vec<bool> = (hits.iter())
        .map(|(part, hit)| {
            let told = hit.whole || hit.explain.iter().any(|(name, _)| *name == REPEAT);
            first.entry(hash(hit.record.name.as_bytes()), *part).0 != part && !told
        })
        .collect();
    for ((_, hit), _) in hits.iter_mut().zip(repeats).filter(|(_, repeats)| *repeats) {
        hit.score -= REPEAT_PENALTY;
        hit.explain.push((REPEAT, -REPEAT_PENALTY));
    }
    sort_hits(hits);
}

fn merge_facets(all: &mut Vec<Facet>, more: Vec<Facet>) {
    if all.is_empty() {
        *all = more;
        return;
    }
    for (all, more) in all.iter_mut().zip(more) {
        all.exact &= more.exact;
        for (value, count) in more.counts {
            match all.counts.iter_mut().find(|(known, _)| *known == value) {
                Some((_, known)) => *known = known.saturating_add(count),
                None => all.counts.push((value, count)),
            }
        }
        sort_by_key(&mut all.counts, |(_, count)| !u64::from(*count));
    }
}
