//! Several indexes asked as one: shards of a large area, or a base with overlays that bring it up to date.

use crate::query::{Facet, Found, Query};
use crate::searcher::Searcher;
use crate::store::{Need, Problem};

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

    /// Number of records in all indexes, with those that others hide.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Searcher::len).sum()
    }

    /// Whether nothing can be found.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(Searcher::is_empty)
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
        all.hits.sort_by(|(a_part, a), (b_part, b)| b.score.total_cmp(&a.score).then(b_part.cmp(a_part)));
        all.hits.truncate(query.limit);
        all.did_you_mean = all.hits.first().and_then(|(part, _)| corrections.get(*part).cloned().flatten());
        all
    }
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
        all.counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    }
}
