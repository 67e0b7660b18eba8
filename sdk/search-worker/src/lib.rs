//! The wasm module of the search worker: queries in, hits and the byte ranges that are still missing out.
//!
//! `search-worker.js` fetches and calls [`Engine`]; the shell and the npm package start one such worker each. This
//! crate knows no network and no page.

mod json;
#[cfg(test)]
mod protocol;
mod wire;

use citytwin_search::{File, Found, Need, Searcher, Shards, Stack, StackAnswer, StackHere, is_plain_name};
use wasm_bindgen::prelude::wasm_bindgen;
use wire::{Fault, Told};

/// Files of an index: those of the first have the numbers from nought, those of the second go on.
const FILES: usize = File::ALL.len();

/// The published indexes that are asked as one, as far as they have arrived.
#[wasm_bindgen]
pub struct Engine {
    stack: Stack,
    /// The URLs up to their last slash of the roots.
    folders: Vec<String>,
    /// Indexes that cannot be used.
    lost: Vec<Fault>,
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

/// The names of the roots that a list of indexes names, a line each; nothing for what is no list, most often a root.
///
/// # Errors
/// What is wrong with the list, in words.
#[wasm_bindgen]
pub fn shards(bytes: &[u8]) -> Result<String, String> {
    let list = Shards::read(bytes).map_err(|error| error.to_string())?;
    Ok(list.unwrap_or_default().roots.join("\n"))
}

#[wasm_bindgen]
impl Engine {
    /// An engine that finds nothing yet.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript knows no Default")]
    pub fn new() -> Engine {
        Self { stack: Stack::default(), folders: Vec::new(), lost: Vec::new() }
    }

    /// Opens the root that was fetched from `url`, of a further shard or of an overlay over the indexes so far.
    ///
    /// # Errors
    /// What is wrong with the root, in words.
    pub fn push(&mut self, root: &[u8], url: &str) -> Result<(), String> {
        let searcher = Searcher::open(root).map_err(|error| error.to_string())?;
        if !File::ALL.iter().all(|file| is_plain_name(searcher.file_name(*file))) {
            return Err("the root of this search index names a file outside its folder".to_owned());
        }
        self.stack.push(searcher);
        self.folders.push(url.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned());
        Ok(())
    }

    /// Says that an index cannot be had; answers name it among their problems.
    pub fn lose(&mut self, url: &str, message: &str) {
        self.lost.push(Fault { message: message.to_owned(), place: url.to_owned() });
    }

    /// What to tell the page about the index.
    pub fn opened(&self) -> String {
        wire::opened(self.stack.len(), &self.stack.categories())
    }

    /// The URLs of the indexes' files, in the order of their numbers, a line each.
    pub fn urls(&self) -> String {
        let parts = 0..self.folders.len();
        parts.flat_map(|part| File::ALL.map(|file| self.url(part, file))).collect::<Vec<_>>().join("\n")
    }

    /// Answers a query, an `Ask` in JSON, by what is there.
    ///
    /// # Errors
    /// When it cannot be read, in words.
    pub fn ask(&self, ask: &str) -> Result<Step, String> {
        let asked = wire::read_ask(ask)?;
        let (mut answer, address) = match asked.here {
            Some(position) => self.here(position, asked.query.limit),
            None => (self.stack.query(&asked.query), None),
        };
        // What is lost is not counted.
        answer.facets.iter_mut().for_each(|facet| facet.exact &= self.lost.is_empty());
        let needs: Vec<f64> = answer.needs.iter().flat_map(|(part, need)| numbers_of(*part, need)).collect();
        let problems = answer.problems.iter().map(|(part, problem)| {
            let range = &problem.range;
            let url = self.url(*part, problem.file);
            Fault { message: problem.message.clone(), place: format!("{url}: bytes {} to {}", range.start, range.end) }
        });
        let reply = wire::answered(&Told {
            id: asked.id,
            hits: answer.hits.into_iter().map(|(_, hit)| hit).collect(),
            address,
            facets: answer.facets,
            completions: answer.completions,
            did_you_mean: answer.did_you_mean,
            faults: self.lost.iter().cloned().chain(problems).collect(),
            complete: needs.is_empty(),
        });
        Ok(Step { reply, needs })
    }

    /// Takes bytes of file number `file` that start at `offset`.
    pub fn feed(&mut self, file: usize, offset: f64, bytes: Vec<u8>) {
        if let Some((searcher, file)) = self.part(file) {
            searcher.feed(file, offset as u64, bytes);
        }
    }

    /// Says that a range will not come; queries name it among their problems instead of asking for it again.
    pub fn fail(&mut self, file: usize, start: f64, end: f64, message: &str) {
        if let Some((searcher, file)) = self.part(file) {
            searcher.fail(&Need { file, range: start as u64..end as u64 }, message);
        }
    }

    /// Lets queries ask again for what failed.
    pub fn retry(&mut self) {
        self.stack.parts_mut().iter_mut().for_each(Searcher::retry);
    }

    /// What lies at a position as an answer, and the nearest address.
    fn here(&self, position: (f64, f64), limit: usize) -> (StackAnswer, Option<Found>) {
        let StackHere { nearest, address, needs, problems } = self.stack.here(position, limit);
        let answer = StackAnswer { hits: nearest, needs, problems, ..StackAnswer::default() };
        (answer, address.map(|(_, hit)| hit))
    }

    /// The index and the file of a number.
    fn part(&mut self, file: usize) -> Option<(&mut Searcher, File)> {
        Some((self.stack.parts_mut().get_mut(file / FILES)?, *File::ALL.get(file % FILES)?))
    }

    fn url(&self, part: usize, file: File) -> String {
        [self.folders[part].as_str(), "/", self.stack.parts()[part].file_name(file)].concat()
    }
}

fn numbers_of(part: usize, need: &Need) -> [f64; 3] {
    [(part * FILES + need.file as usize) as f64, need.range.start as f64, need.range.end as f64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Answer, Ask, Condition, Facet, Opened, Query, Reply};
    use citytwin_search::{Area, BuildOptions, BuiltIndex, FieldKind, Predicate, Record, Test, Value, build};

    fn index() -> BuiltIndex {
        let record = |id: &str, name: &str, category: &str, lon: f64| Record {
            id: id.to_owned(),
            name: name.to_owned(),
            category: category.to_owned(),
            lon,
            lat: 60.0,
            floor: (lon < 24.05).then(|| "2".to_owned()),
            address: (lon < 24.05).then(|| "Urho Kekkosen katu 1".to_owned()),
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
        let mut engine = Engine::new();
        engine.push(&index.root, "https://a.example/search/search.bin").expect("a root");
        engine
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
            (r#"{"text":"kamp","fields":["name","other"]}"#, &["way/1", "node/2"]),
            (r#"{"text":"kamp","fields":["address"]}"#, &[]),
            (r#"{"here":[24.1,60.0],"limit":2}"#, &["node/2", "way/1"]),
        ] {
            assert_eq!(ids(&complete(&mut engine, &index, query)), expected, "{query}");
        }
        let here = complete(&mut engine, &index, r#"{"here":[24.1,60.0],"limit":1}"#);
        assert_eq!((here.hits[0].distance_m, here.address.map(|hit| hit.record.id)), (Some(0.0), Some("way/1".into())));
        let counted = complete(&mut engine, &index, r#"{"text":"kamp","facets":["category"]}"#);
        let counts = vec![(Value::Text("mall".to_owned()), 1), (Value::Text("pharmacy".to_owned()), 1)];
        assert_eq!(counted.facets, [Facet { of: "category".to_owned(), counts, exact: false }]);
        for query in [
            "",
            "{",
            r#"{"text":1}"#,
            r#"{"limit":-1}"#,
            r#"{"limit":1.5}"#,
            r#"{"near":[1]}"#,
            r#"{"here":[1]}"#,
            r#"{"fields":["names"]}"#,
            r#"{"bbox":[1,2,3,"4"]}"#,
            r#"{"polygon":[[1,2]]}"#,
            r#"{"where":{}}"#,
            r#"{"where":[{"attribute":"a","between":[1]}]}"#,
            r#"{"where":[{"attribute":"a","equals":[]}]}"#,
        ] {
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
            let error = Engine::new().push(root, "x").expect_err("an error");
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(shards(b"CTSI").as_deref(), Ok(""));
        assert!(shards(b"CTSL").expect_err("an error").contains("damaged"));
    }

    #[test]
    fn a_list_of_indexes_is_asked_as_one_and_a_lost_one_is_a_problem() {
        let index = index();
        let list = Shards { roots: vec!["root-1.bin".to_owned(), "root-2.bin".to_owned()] };
        assert_eq!(shards(&list.to_bytes()).as_deref(), Ok("root-1.bin\nroot-2.bin"));
        let moved = Record { id: "way/1".to_owned(), name: "Kamppi 2".to_owned(), ..Record::default() };
        let options = BuildOptions { overlay: Some(citytwin_search::Overlay::default()), ..BuildOptions::default() };
        let overlay = build(vec![moved], &options);
        let mut engine = open(&index);
        engine.push(&overlay.root, "https://a.example/search/root-2.bin").expect("a root");
        engine.lose("https://a.example/search/root-3.bin", "the server answered 404");
        assert_eq!(engine.urls().lines().count(), 8);
        for (part, index) in [&index, &overlay].into_iter().enumerate() {
            for (file, (_, bytes)) in index.files.iter().enumerate() {
                engine.feed(part * FILES + file, 0.0, bytes.clone());
            }
        }
        let mut step = engine.ask(r#"{"id":7,"query":{"text":"kamppi"}}"#).expect("a query");
        let answer = answer(&mut step);
        assert_eq!(ids(&answer), ["way/1", "node/2"]);
        assert_eq!(answer.hits[0].record.name, "Kamppi 2");
        assert!(answer.complete);
        // What the lost one has is not counted.
        let ask = r#"{"id":8,"query":{"bbox":[-1,-1,30,80],"facets":["category"]}}"#;
        let counted = self::answer(&mut engine.ask(ask).expect("a query"));
        assert_eq!((counted.facets[0].counts.len(), counted.facets[0].exact), (3, false));
        assert_eq!((answer.problems.len(), answer.problems[0].message.as_str()), (1, "the server answered 404"));
        assert_eq!(answer.problems[0].place, "https://a.example/search/root-3.bin");
    }

    #[test]
    fn a_query_is_read_as_its_type_writes_it() {
        let number = |value: f64| Some(Value::Number(value));
        let conditions = vec![
            Condition { attribute: "a".to_owned(), ..Condition::default() },
            Condition { attribute: "b".to_owned(), equals: Some(Value::Flag(true)), ..Condition::default() },
            Condition { attribute: "c".to_owned(), less: number(-2.5e-7), more: number(1e300), ..Condition::default() },
            Condition {
                attribute: "山\"\n".to_owned(),
                between: Some((Value::Number(1.0), Value::Text("z".to_owned()))),
                one_of: Some(vec![Value::Text("\u{1}".to_owned()), Value::Flag(false)]),
                ..Condition::default()
            },
        ];
        let query = Query {
            text: "中山路 \"A-1024\" \u{202e}👩".to_owned(),
            limit: Some(5),
            near: Some([121.47, -31.2]),
            radius_m: Some(200.5),
            bbox: None,
            polygon: Some(vec![vec![(1.0, 2.0), (3.5, 4.0)], vec![]]),
            here: Some([1.5, 2.5]),
            fields: vec!["translation".to_owned(), "address".to_owned()],
            categories: vec!["cafe".to_owned(), "lamp".to_owned()],
            floor: Some("B1".to_owned()),
            conditions,
            facets: vec!["category".to_owned()],
        };
        let text = serde_json::to_string(&Ask { id: u32::MAX, query: query.clone() }).expect("JSON");
        let asked = wire::read_ask(&text).expect(&text);
        assert_eq!(asked.id, f64::from(u32::MAX));
        let read = asked.query;
        assert_eq!((read.text, read.limit, read.near), (query.text.clone(), 5, Some((121.47, -31.2))));
        assert_eq!(read.area, query.polygon.clone().map(Area::Polygon));
        assert_eq!((asked.here, read.fields), (Some((1.5, 2.5)), vec![FieldKind::Translation, FieldKind::Address]));
        assert_eq!(
            (read.categories, read.floor, read.facets),
            (query.categories.clone(), query.floor.clone(), query.facets.clone())
        );
        let predicate = |attribute: &str, test| Predicate { attribute: attribute.to_owned(), test };
        let last = query.conditions[3].clone();
        assert_eq!(
            read.predicates,
            [
                predicate("a", Test::Exists),
                predicate("b", Test::Equals(Value::Flag(true))),
                predicate("c", Test::Less(Value::Number(-2.5e-7))),
                predicate("c", Test::More(Value::Number(1e300))),
                predicate(&last.attribute, last.between.map(|(low, high)| Test::Between(low, high)).expect("given")),
                predicate(&last.attribute, Test::OneOf(last.one_of.expect("given"))),
            ]
        );
        let circle = Query { polygon: None, ..query };
        let text = serde_json::to_string(&Ask { id: 1, query: circle }).expect("JSON");
        let area = wire::read_ask(&text).expect(&text).query.area;
        assert_eq!(area, Some(Area::Circle { center: (121.47, -31.2), radius_m: 200.5 }));
    }

    #[test]
    fn a_record_is_told_whole() {
        let record = Record {
            id: "way/1".to_owned(),
            name: "Kamppi \"K\"".to_owned(),
            names: [("sv".to_owned(), "Kampen".to_owned()), ("zh".to_owned(), "坎皮".to_owned())].into(),
            alt_names: vec!["Old Kamppi".to_owned(), "K 7".to_owned()],
            category: "mall".to_owned(),
            lon: 24.931_600_1,
            lat: -60.168_7,
            address: Some("Kaivokatu 1".to_owned()),
            importance: Some(0.85),
            height_m: Some(-12.25),
            floor: Some("B1".to_owned()),
            attributes: [
                ("roof".to_owned(), Value::Flag(true)),
                ("third".to_owned(), Value::Number(1.0 / 3.0)),
                ("use".to_owned(), Value::Text("retail\t".to_owned())),
            ]
            .into(),
        };
        let index = build(vec![record.clone()], &BuildOptions { position_digits: 7, ..BuildOptions::default() });
        let found = complete(&mut open(&index), &index, r#"{"text":"old kamp","near":[24.9316,-60.1687]}"#);
        let hit = &found.hits[0];
        assert_eq!(hit.record, record);
        assert_eq!((hit.text.as_str(), hit.matched.as_slice()), ("Old Kamppi", &[[0, 3], [4, 8]][..]));
        assert!(hit.distance_m.is_some_and(|distance_m| distance_m < 0.1) && hit.score > 0.0);
        assert_eq!((found.completions.as_slice(), found.did_you_mean), (&["old Kamppi".to_owned()][..], None));
        let mistyped = complete(&mut open(&index), &index, r#"{"text":"kamppu"}"#);
        assert_eq!(
            (mistyped.hits[0].how.as_deref(), mistyped.did_you_mean.as_deref()),
            (Some("Typo(1)"), Some("Kamppi"))
        );
    }
}
