//! The wasm module of the search worker: queries in, hits and the byte ranges that are still missing out.
//!
//! `search-worker.js` fetches and calls [`Engine`]; the shell and the npm package start one such worker each. This
//! crate knows no network and no page.

mod protocol;

use citytwin_search::{Area, File, Found, Need, Predicate, Searcher, Test};
use protocol::{Answer, Ask, Condition, Facet, Hit, Opened, Problem, Query, Reply};
use wasm_bindgen::prelude::wasm_bindgen;

/// Hits when a query names no limit.
const DEFAULT_LIMIT: usize = 10;
/// More hits than this are not read by anybody, and would cost the page a long task.
const MAX_LIMIT: usize = 1000;

/// A published index, as far as it has arrived.
#[wasm_bindgen]
pub struct Engine {
    searcher: Searcher,
    /// The root's URL up to its last slash.
    folder: String,
}

/// The answer to a query by what is there, and what to fetch for a better one.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Step {
    reply: String,
    needs: Vec<f64>,
}

#[wasm_bindgen]
impl Step {
    /// What to tell the page.
    pub fn reply(&mut self) -> String {
        std::mem::take(&mut self.reply)
    }

    /// For each range to be fetched three numbers: the file, its first byte, and the byte after its last one.
    pub fn needs(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.needs)
    }
}

#[wasm_bindgen]
impl Engine {
    /// Opens the root that was fetched from `url`.
    ///
    /// # Errors
    /// What is wrong with the root, in words.
    #[wasm_bindgen(constructor)]
    pub fn new(root: &[u8], url: &str) -> Result<Engine, String> {
        let searcher = Searcher::open(root).map_err(|error| error.to_string())?;
        let plain = |name: &str| !name.is_empty() && !name.contains(['/', '\\', ':', '?', '#']);
        if !File::ALL.iter().all(|file| plain(searcher.file_name(*file))) {
            return Err("the root of this search index names a file outside its folder".to_owned());
        }
        let folder = url.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        Ok(Self { searcher, folder })
    }

    /// What to tell the page about the index.
    pub fn opened(&self) -> String {
        let categories = self.searcher.categories().map(|(name, count)| (name.to_owned(), count)).collect();
        json(&Reply::Opened(Opened { count: self.searcher.len(), categories }))
    }

    /// The URLs of the index's files, in the order of their numbers, a line each.
    pub fn urls(&self) -> String {
        File::ALL.map(|file| self.url(file)).join("\n")
    }

    /// Answers a query, an `Ask` in JSON, by what is there.
    ///
    /// # Errors
    /// When it cannot be read, in words.
    pub fn ask(&self, ask: &str) -> Result<Step, String> {
        let Ask { id, query } = serde_json::from_str(ask).map_err(|error| error.to_string())?;
        let answer = self.searcher.query(&asked(query));
        let problems = answer.problems.iter().map(|problem| self.problem(problem)).collect();
        let needs = answer.needs.iter().flat_map(numbers_of).collect();
        let facet = |facet: citytwin_search::Facet| Facet { of: facet.of, counts: facet.counts, exact: facet.exact };
        let reply = Answer {
            id,
            hits: answer.hits.into_iter().map(hit).collect(),
            facets: answer.facets.into_iter().map(facet).collect(),
            completions: answer.completions,
            did_you_mean: answer.did_you_mean,
            problems,
            complete: answer.needs.is_empty(),
        };
        Ok(Step { reply: json(&Reply::Answer(reply)), needs })
    }

    /// Takes bytes of file number `file` that start at `offset`.
    pub fn feed(&mut self, file: usize, offset: f64, bytes: Vec<u8>) {
        if let Some(file) = File::ALL.get(file) {
            self.searcher.feed(*file, offset as u64, bytes);
        }
    }

    /// Says that a range will not come; queries name it among their problems instead of asking for it again.
    pub fn fail(&mut self, file: usize, start: f64, end: f64, message: &str) {
        if let Some(file) = File::ALL.get(file) {
            self.searcher.fail(&Need { file: *file, range: start as u64..end as u64 }, message);
        }
    }

    /// Lets queries ask again for what failed.
    pub fn retry(&mut self) {
        self.searcher.retry();
    }

    fn url(&self, file: File) -> String {
        format!("{}/{}", self.folder, self.searcher.file_name(file))
    }

    fn problem(&self, problem: &citytwin_search::Problem) -> Problem {
        Problem {
            code: "search-part".to_owned(),
            message: problem.message.clone(),
            place: format!("{}: bytes {} to {}", self.url(problem.file), problem.range.start, problem.range.end),
        }
    }
}

fn numbers_of(need: &Need) -> [f64; 3] {
    [need.file as usize as f64, need.range.start as f64, need.range.end as f64]
}

fn asked(query: Query) -> citytwin_search::Query {
    let near = query.near.map(|[lon, lat]| (lon, lat));
    let area = match (query.polygon, query.bbox, query.radius_m, near) {
        (Some(rings), ..) => Some(Area::Polygon(rings)),
        (None, Some(edges), ..) => Some(Area::Box(edges)),
        (None, None, Some(radius_m), Some(center)) => Some(Area::Circle { center, radius_m }),
        _ => None,
    };
    citytwin_search::Query {
        text: query.text,
        limit: query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT),
        near,
        area,
        categories: query.categories,
        floor: query.floor,
        predicates: query.conditions.into_iter().flat_map(predicates).collect(),
        facets: query.facets,
        ..citytwin_search::Query::default()
    }
}

fn predicates(condition: Condition) -> Vec<Predicate> {
    let Condition { attribute, equals, less, more, between, one_of } = condition;
    let mut tests: Vec<Test> = [
        equals.map(Test::Equals),
        less.map(Test::Less),
        more.map(Test::More),
        between.map(|(low, high)| Test::Between(low, high)),
        one_of.map(Test::OneOf),
    ]
    .into_iter()
    .flatten()
    .collect();
    if tests.is_empty() {
        tests.push(Test::Exists);
    }
    tests.into_iter().map(|test| Predicate { attribute: attribute.clone(), test }).collect()
}

fn hit(found: Found) -> Hit {
    Hit {
        record: found.record,
        text: found.text,
        matched: found.matched.into_iter().map(|range| [range.start, range.end]).collect(),
        how: found.how.map(|how| format!("{how:?}")),
        score: found.score,
        distance_m: found.distance_m,
    }
}

fn json(reply: &Reply) -> String {
    serde_json::to_string(reply).expect("a reply has only string keys")
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_search::{BuildOptions, BuiltIndex, Record, Value, build};

    fn index() -> BuiltIndex {
        let record = |id: &str, name: &str, category: &str, lon: f64| Record {
            id: id.to_owned(),
            name: name.to_owned(),
            category: category.to_owned(),
            lon,
            lat: 60.0,
            floor: (lon < 24.05).then(|| "2".to_owned()),
            attributes: [("floors".to_owned(), Value::Number(lon.floor()))].into(),
            ..Record::default()
        };
        let records = vec![
            record("way/1", "Kamppi", "mall", 24.0),
            record("node/2", "Kampin apteekki", "pharmacy", 24.1),
            record("node/3", "<b>山</b>", "cafe", 25.0),
        ];
        build(records, &BuildOptions::default())
    }

    fn open(index: &BuiltIndex) -> Engine {
        Engine::new(&index.root, "https://a.example/search/search.bin").expect("a root")
    }

    fn answer(step: &mut Step) -> Answer {
        match serde_json::from_str(&step.reply()).expect("our own JSON") {
            Reply::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// Asks until nothing is missing, feeding from memory.
    fn complete(engine: &mut Engine, index: &BuiltIndex, query: &str) -> Answer {
        loop {
            let mut step = engine.ask(&format!(r#"{{"id":7,"query":{query}}}"#)).expect("a query");
            let answer = answer(&mut step);
            let needs = step.needs();
            assert_eq!(answer.complete, needs.is_empty());
            if answer.complete {
                return answer;
            }
            for need in needs.chunks_exact(3) {
                let (file, start, end) = (need[0] as usize, need[1] as usize, need[2] as usize);
                engine.feed(file, need[1], index.files[file].1[start..end].to_vec());
            }
        }
    }

    fn ids(answer: &Answer) -> Vec<&str> {
        answer.hits.iter().map(|hit| hit.record.id.as_str()).collect()
    }

    #[test]
    fn an_index_opens_and_says_what_is_in_it_and_where_its_files_lie() {
        let engine = open(&index());
        let opened: Reply = serde_json::from_str(&engine.opened()).expect("our own JSON");
        let categories = vec![("cafe".to_owned(), 1), ("mall".to_owned(), 1), ("pharmacy".to_owned(), 1)];
        assert_eq!(opened, Reply::Opened(Opened { count: 3, categories }));
        let urls = engine.urls();
        assert_eq!(urls.lines().count(), 4);
        assert!(urls.lines().all(|url| url.starts_with("https://a.example/search/")), "{urls}");
    }

    #[test]
    fn queries_are_answered_in_steps_with_every_condition() {
        let index = index();
        let mut engine = open(&index);
        let found = complete(&mut engine, &index, r#"{"text":"kamp","limit":5}"#);
        assert_eq!((found.id, ids(&found)), (7, vec!["way/1", "node/2"]));
        assert_eq!((found.hits[0].matched.as_slice(), found.hits[0].how.as_deref()), (&[[0, 4]][..], Some("Prefix")));
        for (query, expected) in [
            (r#"{"text":"kamp","categories":["pharmacy"]}"#, &["node/2"][..]),
            (r#"{"text":"kamp","bbox":[23.9,59.9,24.05,60.1]}"#, &["way/1"]),
            (r#"{"near":[24.1,60.0],"radiusM":100}"#, &["node/2"]),
            (r#"{"polygon":[[[24.05,59],[26,59],[26,61],[24.05,61]]],"near":[25,60]}"#, &["node/3", "node/2"]),
            (r#"{"text":"kamp","floor":"2"}"#, &["way/1"]),
            (r#"{"where":[{"attribute":"floors","more":24}]}"#, &["node/3"]),
            (
                r#"{"where":[{"attribute":"floors","between":[20,24.5],"oneOf":[24,3]}],"text":"kamppi"}"#,
                &["way/1", "node/2"],
            ),
            (r#"{"where":[{"attribute":"windows"}]}"#, &[]),
            (r#"{"text":"shan"}"#, &["node/3"]),
            (r#"{"text":"kamp","limit":0}"#, &[]),
        ] {
            assert_eq!(ids(&complete(&mut engine, &index, query)), expected, "{query}");
        }
        let counted = complete(&mut engine, &index, r#"{"text":"kamp","facets":["category"]}"#);
        let counts = vec![(Value::Text("mall".to_owned()), 1), (Value::Text("pharmacy".to_owned()), 1)];
        assert_eq!(counted.facets, [Facet { of: "category".to_owned(), counts, exact: false }]);
        for query in ["", "{", r#"{"text":1}"#, r#"{"limit":-1}"#] {
            assert!(engine.ask(&format!(r#"{{"id":7,"query":{query}}}"#)).is_err(), "{query}");
        }
    }

    #[test]
    fn what_fails_is_a_problem_until_it_is_tried_again() {
        let index = index();
        let mut engine = open(&index);
        let query = r#"{"text":"kamppi"}"#;
        let ask = r#"{"id":1,"query":{"text":"kamppi"}}"#;
        let failed = loop {
            let mut step = engine.ask(ask).expect("a query");
            for need in step.needs().chunks_exact(3) {
                engine.fail(need[0] as usize, need[1], need[2], "the server answered 404");
            }
            let answer = answer(&mut step);
            if answer.complete {
                break answer;
            }
        };
        assert!(failed.hits.is_empty());
        let problem = &failed.problems[0];
        assert!(problem.place.starts_with("https://a.example/search/terms-"), "{problem:?}");
        assert_eq!(problem.message, "the server answered 404");
        engine.retry();
        assert_eq!(ids(&complete(&mut engine, &index, query)), ["way/1", "node/2"]);
        // Numbers of no file are ignored.
        engine.feed(9, 0.0, vec![1]);
        engine.fail(9, 0.0, 1.0, "x");
    }

    #[test]
    fn what_is_no_index_is_refused_in_words() {
        for (root, expected) in [(&b"<!doctype html>"[..], "not the root"), (b"CTSI", "damaged"), (b"", "not the root")]
        {
            let error = Engine::new(root, "x").err().expect("an error");
            assert!(error.contains(expected), "{error}");
        }
    }
}
