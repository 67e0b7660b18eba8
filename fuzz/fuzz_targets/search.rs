//! A search index with bytes changed by a hostile hand, and any query over it. The input's front says what is changed:
//! a file, a place in it and a byte each, and whether everything is looked at; its rest is the query's text. Checksums count for nothing here, as the hand
//! could have set them right.
#![no_main]

use citytwin_fuzz as _;
use citytwin_search::{
    Area, BuildOptions, BuiltIndex, FieldKind, File, Predicate, Query, Record, Searcher, Shards, Test, Value, build,
};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

/// Names whose words, characters and readings fill every kind of list.
const NAMES: [&str; 8] =
    ["Kamppi", "Mannerheimintie", "中山路", "重庆村委会", "San Marino", "路灯 A-1024", "Töölö", "中山公园"];

fn index() -> &'static BuiltIndex {
    static INDEX: OnceLock<BuiltIndex> = OnceLock::new();
    INDEX.get_or_init(|| {
        let record = |i: usize| Record {
            id: format!("node/{i}"),
            name: format!("{} {}", NAMES[i % NAMES.len()], i / 40),
            category: ["cafe", "lamp"][i % 2].to_owned(),
            lon: 24.9 + (i % 37) as f64 * 1e-3,
            lat: 60.1 + (i % 41) as f64 * 1e-3,
            address: (i.is_multiple_of(5)).then(|| format!("Kaivokatu {i}")),
            attributes: [("heightM".to_owned(), Value::Number(i as f64 / 4.0))].into(),
            ..Record::default()
        };
        build((0..700).map(record).collect(), &BuildOptions::default())
    })
}

fuzz_target!(|data: &[u8]| {
    // A list of shards is the other thing that may stand in a root's place.
    if let Ok(Some(list)) = Shards::read(data) {
        assert_eq!(Shards::read(&list.to_bytes()), Ok(Some(list)), "a list does not come back");
    }
    let Some((&first, data)) = data.split_first() else { return };
    let (changes, text) = data.split_at(data.len().min(usize::from(first % 32) * 4));
    let index = index();
    let mut root = index.root.clone();
    let mut files: Vec<Vec<u8>> = index.files.iter().map(|(_, bytes)| bytes.clone()).collect();
    for change in changes.chunks_exact(4) {
        let file = usize::from(change[0]) % (files.len() + 1);
        let bytes = files.get_mut(file).unwrap_or(&mut root);
        let at = usize::from(u16::from_le_bytes([change[1], change[2]])) % bytes.len().max(1);
        if let Some(byte) = bytes.get_mut(at) {
            *byte = change[3];
        }
    }
    // A root that is damaged is refused, or read as far as it makes sense.
    let Ok(mut searcher) = Searcher::open(&root).or_else(|_| Searcher::open(&index.root)) else { return };
    for (file, bytes) in File::ALL.into_iter().zip(files) {
        searcher.feed(file, 0, bytes);
    }
    let text = String::from_utf8_lossy(text);
    let plain = Query::new(&text);
    let near = Query { near: Some((24.92, 60.12)), ..plain.clone() };
    let filtered = Query {
        area: Some(Area::Box([24.91, 60.11, 24.93, 60.13])),
        predicates: vec![Predicate { attribute: "heightM".to_owned(), test: Test::More(Value::Number(3.0)) }],
        facets: vec!["category".to_owned(), "heightM".to_owned()],
        ..plain.clone()
    };
    let all =
        Query { exhaustive: true, limit: 1000, fields: vec![FieldKind::Name, FieldKind::Address], ..plain.clone() };
    searcher.hide(["node/3", "no number"]);
    let here = searcher.here((24.92, 60.12), 3);
    assert!(here.nearest.len() <= 3);
    let queries = if first < 0x80 { vec![plain, near, filtered] } else { vec![plain, all] };
    for query in queries {
        let answer = searcher.query(&query);
        assert!(answer.hits.len() <= query.limit);
        for hit in &answer.hits {
            assert!(
                hit.matched.iter().all(|range| hit.text.get(range.clone()).is_some()),
                "a range splits a character"
            );
        }
    }
});
