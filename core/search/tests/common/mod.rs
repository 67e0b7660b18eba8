//! What the tests of published indexes share.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)] // Each test uses a part of it.

use citytwin_search::{Answer, BuiltIndex, File, Need, Query, Searcher};

/// Answers a query as a caller would: fetches what is needed until nothing is.
pub fn ask(searcher: &mut Searcher, index: &BuiltIndex, query: &Query) -> Answer {
    for _ in 0..1000 {
        let answer = searcher.query(query);
        if answer.needs.is_empty() {
            return answer;
        }
        for need in &answer.needs {
            deliver(searcher, index, need);
        }
    }
    panic!("{query:?} never ends");
}

pub fn deliver(searcher: &mut Searcher, index: &BuiltIndex, need: &Need) {
    let (_, bytes) = &index.files[need.file as usize];
    match bytes.get(need.range.start as usize..need.range.end as usize) {
        Some(part) => searcher.feed(need.file, need.range.start, part),
        None => searcher.fail(need, "too short"),
    }
}

pub fn open_whole(index: &BuiltIndex) -> Searcher {
    let mut searcher = Searcher::open(&index.root).unwrap();
    for (file, (_, bytes)) in File::ALL.into_iter().zip(&index.files) {
        searcher.feed(file, 0, bytes.as_slice());
    }
    searcher
}

/// A small random generator (SplitMix64), so that every run is the same.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % bound as u64) as usize
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}
