//! An index in memory: sorted words, each with the assets that have it.

use crate::fold::words;
use citytwin_manifest::Asset;
use std::collections::BTreeMap;
use std::ops::Range;

/// Words of a query beyond this many are ignored.
const MAX_QUERY_WORDS: usize = 16;

/// Collects assets line by line, so that a caller on a busy thread can do it in slices.
#[derive(Default)]
pub struct IndexBuilder {
    assets: Vec<Asset>,
    bad: Vec<BadLine>,
    line: usize,
}

/// A line that is no asset; it is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl IndexBuilder {
    /// Adds one line of newline-delimited JSON. A blank line is skipped; a bad one is remembered and left out.
    pub fn add_line(&mut self, line: &[u8]) {
        self.line += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match serde_json::from_slice::<Asset>(line) {
            Ok(asset) if asset.lon.is_finite() && asset.lat.is_finite() => self.assets.push(asset),
            Ok(asset) => {
                self.bad.push(BadLine { line: self.line, message: format!("{} has no finite position", asset.id) });
            }
            Err(error) => self.bad.push(BadLine { line: self.line, message: error.to_string() }),
        }
    }

    /// The finished index and the lines that were left out.
    pub fn finish(self) -> (Index, Vec<BadLine>) {
        let mut postings: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (number, asset) in self.assets.iter().enumerate() {
            for text in searchable(asset) {
                for word in words(text) {
                    let list = postings.entry(word.text).or_default();
                    if list.last() != Some(&(number as u32)) {
                        list.push(number as u32);
                    }
                }
            }
        }
        (Index { assets: self.assets, postings: postings.into_iter().collect() }, self.bad)
    }
}

/// Every text under which an asset can be found, its own name first.
fn searchable(asset: &Asset) -> impl Iterator<Item = &str> {
    std::iter::once(asset.name.as_str()).chain(asset.names.values().map(String::as_str)).chain(asset.address.as_deref())
}

/// Assets that can be found.
#[derive(Default)]
pub struct Index {
    assets: Vec<Asset>,
    /// Sorted by word; each list ascending.
    postings: Vec<(String, Vec<u32>)>,
}

/// How to search.
#[derive(Clone, Debug)]
pub struct QueryOptions {
    /// At most this many hits; default 10.
    pub limit: usize,
    /// Prefer what is near this longitude and latitude (degrees).
    pub near: Option<(f64, f64)>,
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self { limit: 10, near: None }
    }
}

/// One found asset.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit<'a> {
    /// What was found.
    pub asset: &'a Asset,
    /// The text that matched: its name, a name in another language, or its address.
    pub text: &'a str,
    /// Byte ranges of `text` that the query matched, ascending, for highlighting.
    pub matched: Vec<Range<usize>>,
    /// Higher is better; comparable within one answer.
    pub score: f64,
}

impl Index {
    /// Reads newline-delimited JSON in one go. Bad lines are left out and returned.
    pub fn from_ndjson(bytes: &[u8]) -> (Self, Vec<BadLine>) {
        let mut builder = IndexBuilder::default();
        for line in bytes.split(|&byte| byte == b'\n') {
            builder.add_line(line);
        }
        builder.finish()
    }

    /// Number of assets.
    pub fn len(&self) -> usize {
        self.assets.len()
    }

    /// Whether nothing can be found.
    pub fn is_empty(&self) -> bool {
        self.assets.is_empty()
    }

    /// The best hits, best first; ties in the order of the input. An empty query finds nothing.
    pub fn query(&self, query: &str, options: &QueryOptions) -> Vec<Hit<'_>> {
        let mut query_words: Vec<String> = words(query).into_iter().map(|word| word.text).collect();
        query_words.truncate(MAX_QUERY_WORDS);
        if query_words.is_empty() {
            return Vec::new();
        }
        let mut hits: Vec<(u32, Hit<'_>)> = (self.candidates(&query_words).into_iter())
            .filter_map(|number| Some((number, self.best_hit(number, &query_words, options)?)))
            .collect();
        hits.sort_by(|(a_number, a), (b_number, b)| b.score.total_cmp(&a.score).then(a_number.cmp(b_number)));
        hits.truncate(options.limit);
        hits.into_iter().map(|(_, hit)| hit).collect()
    }

    /// Assets that have, for each query word, a word that starts with it; ascending.
    fn candidates(&self, query_words: &[String]) -> Vec<u32> {
        let mut common: Option<Vec<u32>> = None;
        for word in query_words {
            let mut found: Vec<u32> = self.with_prefix(word).flat_map(|(_, list)| list.iter().copied()).collect();
            found.sort_unstable();
            found.dedup();
            common = Some(match common {
                None => found,
                Some(before) => before.into_iter().filter(|number| found.binary_search(number).is_ok()).collect(),
            });
        }
        common.unwrap_or_default()
    }

    fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a (String, Vec<u32>)> {
        let start = self.postings.partition_point(|(word, _)| word.as_str() < prefix);
        self.postings[start..].iter().take_while(move |(word, _)| word.starts_with(prefix))
    }

    /// The best of an asset's texts that alone matches the whole query.
    fn best_hit(&self, number: u32, query_words: &[String], options: &QueryOptions) -> Option<Hit<'_>> {
        let asset = &self.assets[number as usize];
        let far_penalty =
            options.near.map_or(0.0, |(lon, lat)| (distance_m(lon, lat, asset.lon, asset.lat) / 100.0).ln_1p());
        (searchable(asset).enumerate())
            .filter_map(|(field, text)| {
                let (matched, quality) = match_text(text, query_words)?;
                // The asset's own name counts a little more than its other names and its address.
                let score = quality - if field == 0 { 0.0 } else { 1.0 } - far_penalty;
                Some(Hit { asset, text, matched, score })
            })
            .max_by(|a, b| a.score.total_cmp(&b.score))
    }
}

/// Where each query word matches a distinct word of the text, and how well the whole does.
fn match_text(text: &str, query_words: &[String]) -> Option<(Vec<Range<usize>>, f64)> {
    let text_words = words(text);
    let mut taken = vec![false; text_words.len()];
    let mut matched = Vec::with_capacity(query_words.len());
    let mut in_order = true;
    let mut whole_words = 0;
    let mut next = 0;
    for query_word in query_words {
        // From where the last word matched onwards first, so that sequences are found as sequences.
        let found = (next..text_words.len())
            .chain(0..next)
            .find(|&i| !taken[i] && text_words[i].text.starts_with(query_word.as_str()))?;
        in_order &= found == next || matched.is_empty();
        taken[found] = true;
        whole_words += usize::from(text_words[found].text == *query_word);
        let word = &text_words[found];
        matched.push(if word.text == *query_word {
            word.range.clone()
        } else {
            prefix_range(text, word.range.clone(), query_word)
        });
        next = found + 1;
    }
    let starts = taken.first() == Some(&true);
    let share = whole_words as f64 / query_words.len() as f64;
    let coverage = query_words.len() as f64 / text_words.len() as f64;
    let quality =
        10.0 + 4.0 * f64::from(u8::from(starts)) + 4.0 * f64::from(u8::from(in_order)) + 3.0 * share + 5.0 * coverage;
    matched.sort_by_key(|range| range.start);
    Some((matched, quality))
}

/// The part of the word at `range` whose folded form is `folded_prefix`.
fn prefix_range(text: &str, range: Range<usize>, folded_prefix: &str) -> Range<usize> {
    let mut folded = String::new();
    for (offset, c) in text[range.clone()].char_indices() {
        if folded.len() >= folded_prefix.len() {
            return range.start..range.start + offset;
        }
        crate::fold::fold(c, &mut folded);
    }
    range
}

/// Metres between two positions (degrees), on a sphere, good to 0.5 %.
fn distance_m(lon_a: f64, lat_a: f64, lon_b: f64, lat_b: f64) -> f64 {
    const METRES_PER_DEGREE: f64 = 111_195.0;
    let x = (lon_b - lon_a) * ((lat_a + lat_b) / 2.0).to_radians().cos();
    METRES_PER_DEGREE * x.hypot(lat_b - lat_a)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CITY: &str = r#"
{"id":"way/1","name":"Kamppi","names":{"sv":"Kampen","zh":"坎皮购物中心"},"category":"mall","lon":24.932,"lat":60.169}
{"id":"way/2","name":"Kampinkuja","category":"street","lon":24.931,"lat":60.168,"address":"Kampinkuja 2"}
{"id":"node/3","name":"Café Töölö","category":"cafe","lon":24.93,"lat":60.175}
{"id":"way/4","name":"Mannerheimintie","category":"street","lon":24.935,"lat":60.17}
{"id":"node/5","name":"Mannerheimintie 14","category":"address","lon":24.94,"lat":60.17}
{"id":"node/6","name":"中山路","names":{"en":"Zhongshan Road"},"category":"street","lon":121.48,"lat":31.23}
{"id":"node/7","name":"<img src=x onerror=alert(1)>","category":"cafe","lon":24.9,"lat":60.1}
{"id":"node/8","name":"Apteekki","category":"pharmacy","lon":24.93,"lat":60.17}
{"id":"node/9","name":"Apteekki","category":"pharmacy","lon":24.96,"lat":60.17}
"#;

    fn check(query: &str, near: Option<(f64, f64)>, expected: &[&str]) {
        let (index, bad) = Index::from_ndjson(CITY.as_bytes());
        assert!(bad.is_empty(), "{bad:?}");
        let hits = index.query(query, &QueryOptions { limit: 3, near });
        let ids: Vec<_> = hits.iter().map(|hit| hit.asset.id.as_str()).collect();
        assert_eq!(ids, expected, "{query}");
        for hit in &hits {
            assert!(
                !hit.matched.is_empty() && hit.matched.iter().all(|range| hit.text.get(range.clone()).is_some()),
                "{hit:?}"
            );
        }
    }

    #[test]
    fn names_are_found_by_prefix_in_any_spelling_and_script() {
        check("kamp", None, &["way/1", "way/2"]);
        check("KAMPEN", None, &["way/1"]);
        check("toolo cafe", None, &["node/3"]);
        check("Mannerheimintie", None, &["way/4", "node/5"]);
        check("mannerheimintie 14", None, &["node/5"]);
        check("山路", None, &["node/6"]);
        check("购物", None, &["way/1"]);
        check("zhong road", None, &["node/6"]);
        check("img", None, &["node/7"]);
        check("", None, &[]);
        check("  …", None, &[]);
        check("xyzzy", None, &[]);
    }

    #[test]
    fn of_equal_names_the_nearer_comes_first() {
        check("apteekki", Some((24.93, 60.17)), &["node/8", "node/9"]);
        check("apteekki", Some((24.96, 60.17)), &["node/9", "node/8"]);
    }

    #[test]
    fn highlights_cover_what_was_typed_and_no_more() {
        let (index, _) = Index::from_ndjson(CITY.as_bytes());
        let hit = &index.query("tööl", &QueryOptions::default())[0];
        assert_eq!(&hit.text[hit.matched[0].clone()], "Tööl");
    }

    #[test]
    fn bad_lines_are_named_and_the_rest_is_found() {
        let (index, bad) = Index::from_ndjson(
            b"{\"id\":1}\n\n{\"id\":\"a\",\"name\":\"B\",\"category\":\"c\",\"lon\":1,\"lat\":2}\n\xff\xfe\n",
        );
        assert_eq!(index.len(), 1);
        assert_eq!(bad.iter().map(|b| b.line).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(index.query("b", &QueryOptions::default()).len(), 1);
    }

    #[test]
    fn hostile_queries_are_only_text() {
        let (index, _) = Index::from_ndjson(CITY.as_bytes());
        for query in ["\0", "\u{202e}kamp", &"a ".repeat(10_000), &"山".repeat(10_000), ".*[", "\u{301}\u{301}", "👩‍👩‍👧"]
        {
            let _ = index.query(query, &QueryOptions { limit: usize::MAX, near: Some((f64::NAN, 0.0)) });
        }
    }

    #[test]
    fn every_asset_that_a_plain_scan_finds_is_found() {
        let (index, _) = Index::from_ndjson(CITY.as_bytes());
        for prefix in ["k", "ka", "m", "c", "a", "1", "z", "r", "中", "心", "t"] {
            let scanned = index
                .assets
                .iter()
                .filter(|asset| searchable(asset).any(|text| words(text).iter().any(|w| w.text.starts_with(prefix))))
                .count();
            assert_eq!(index.query(prefix, &QueryOptions { limit: 100, near: None }).len(), scanned, "{prefix}");
        }
    }
}
