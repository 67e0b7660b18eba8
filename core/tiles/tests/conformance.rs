//! Every tileset and tile of others that we have, against what other readers make of it.
//!
//! `conformance.tsv` holds the expectations. It is the output of `tests-wasm/oracle/conformance.mjs`, which knows
//! nothing of this crate and explains the columns.
#![allow(clippy::disallowed_methods, clippy::print_stderr)] // reads fixtures, and says so when they are absent
#![allow(missing_docs, clippy::unwrap_used)] // a test may fail by panicking

mod common;

use citytwin_tiles::{
    Arrival, ContentInfo, Decoded, Engine, Fetch, Options, Problem, Resources, TileContent, TilesetDoc, What,
    decode_fetching,
};
use common::samples;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One line of the table, or what was found in its place.
#[derive(Clone, Debug, Default, PartialEq)]
struct Row {
    file: String,
    kind: String,
    state: String,
    /// By the column's name; those without a value are left out.
    counts: BTreeMap<&'static str, u64>,
    properties: String,
}

const COUNTS: [&str; 7] = ["tiles", "contents", "triangles", "points", "instances", "features", "failed"];

fn table() -> Vec<Row> {
    let text = include_str!("conformance.tsv");
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let row = |line: &str| {
        let cells: BTreeMap<&str, &str> = columns.iter().copied().zip(line.split('\t')).collect();
        let counts = COUNTS.into_iter().filter_map(|name| Some((name, cells[name].parse().ok()?)));
        Row {
            file: cells["file"].into(),
            kind: cells["kind"].into(),
            state: cells["state"].into(),
            counts: counts.collect(),
            properties: cells["properties"].trim_start_matches('-').into(),
        }
    };
    lines.map(row).collect()
}

/// The bytes of a local file, or of a data URL in base64.
fn fetch(url: &str) -> Option<Vec<u8>> {
    if let Some((_, data)) = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,")) {
        return citytwin_tiles::base64(data);
    }
    std::fs::read(url.split(['?', '#']).next()?).ok()
}

fn read(url: &str, what: &What) -> Result<Decoded, Problem> {
    let bytes = fetch(url).ok_or_else(|| Problem::new("fetch-failed", "there is no such file", url))?;
    decode_fetching(&bytes, url, what, &mut Resources::default(), &mut |url| fetch(url))
}

fn counts_of(info: &ContentInfo) -> [(&'static str, u64); 4] {
    [("triangles", info.triangles), ("points", info.points), ("instances", info.instances), ("features", info.features)]
}

fn names(content: &TileContent) -> String {
    let names: BTreeSet<&str> = content.tables.iter().flat_map(|t| &t.columns).map(|c| c.id.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

/// The line that a content should have, and its problems.
fn content_row(file: &str, path: &Path) -> (Row, Vec<Problem>) {
    let row = Row { file: file.into(), kind: "content".into(), ..Row::default() };
    match read(&path.to_string_lossy(), &What::Content) {
        Ok(Decoded::Content(mut content)) => {
            let info = content.info();
            let gpu_bytes = info.gpu_bytes;
            content.compact(0.0);
            let smaller = content.info();
            assert!(smaller.gpu_bytes <= gpu_bytes, "{file}: {gpu_bytes} bytes became {}", smaller.gpu_bytes);
            assert_eq!(counts_of(&smaller), counts_of(&info), "{file}: a smaller content has the same in it");
            let state = if info.problems.is_empty() { "whole" } else { "partial" };
            let counts = counts_of(&info).into_iter().collect();
            (Row { state: state.into(), counts, properties: names(&content), ..row }, info.problems)
        }
        Ok(other) => panic!("{file}: {other:?}"),
        Err(problem) => (Row { state: "refused".into(), ..row }, vec![problem]),
    }
}

/// What `properties` of 1.0 and the classes of 1.1 name.
fn named(doc: &TilesetDoc) -> String {
    let ranges = doc.properties.iter().map(|p| p.id.clone());
    let classes = doc.schema.iter().flat_map(|s| &s.classes);
    let classes = classes.flat_map(|c| c.properties.iter().map(move |p| format!("{}.{}", c.id, p.id)));
    let names: BTreeSet<String> = ranges.chain(classes).collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

/// The line that a tileset should have, and its problems.
fn tileset_row(file: &str, path: &Path) -> (Row, Vec<Problem>) {
    let mut row = Row { file: file.into(), kind: "tileset".into(), ..Row::default() };
    let mut engine = Engine::new(Options { cache_bytes: u64::MAX, ..Options::default() });
    let url = path.to_string_lossy().into_owned();
    engine.add_tileset(url.clone());
    let (mut failed, mut problems) = (0, Vec::new());
    loop {
        let fetches: Vec<Fetch> = engine.fetch_all();
        if fetches.is_empty() {
            break;
        }
        for Fetch { request, url: from, what, .. } in fetches {
            let arrival = read(&from, &what).map(|decoded| match decoded {
                Decoded::Tileset(doc) => {
                    problems.extend(doc.problems.clone());
                    if from == url {
                        row.properties = named(&doc);
                    }
                    Arrival::Tileset(doc)
                }
                Decoded::Subtree(doc) => {
                    problems.extend(doc.problems.clone());
                    Arrival::Subtree(doc)
                }
                Decoded::Content(content) => Arrival::Content(content.info()),
                other => panic!("{from}: {other:?}"),
            });
            failed += u64::from(arrival.is_err());
            if let Err(problem) = &arrival {
                problems.push(problem.clone());
            }
            engine.arrived(request, arrival);
        }
    }
    let mut add = |name, n| *row.counts.entry(name).or_insert(0) += n;
    COUNTS.into_iter().for_each(|name| add(name, 0));
    add("failed", failed);
    for id in engine.tiles() {
        let tile = engine.tile(id).unwrap();
        add("tiles", u64::from(!tile.is_further_content));
        add("contents", u64::from(tile.is_content));
        for (name, n) in engine.content(id).map_or(Vec::new(), |info| counts_of(info).to_vec()) {
            add(name, n);
        }
    }
    row.state = if failed > 0 { "partial" } else { "whole" }.into();
    (row, problems)
}

#[test]
fn every_tileset_and_tile_holds_what_other_readers_find_in_it() {
    let Some(dir) = samples() else { return };
    let (mut differences, mut rows) = (Vec::new(), 0);
    for expected in table() {
        let path = dir.join(&expected.file);
        let (found, problems) = match expected.kind.as_str() {
            "tileset" => tileset_row(&expected.file, &path),
            _ => content_row(&expected.file, &path),
        };
        rows += 1;
        if found != expected {
            differences.push(format!("expected {expected:?}\n   found {found:?}\n         {problems:?}"));
        }
        if expected.state != "whole" {
            assert!(!problems.is_empty(), "{}: nothing was told", expected.file);
        }
    }
    assert!(rows >= 690, "{rows} rows");
    assert!(differences.is_empty(), "{} of {rows} differ:\n{}", differences.len(), differences.join("\n"));
}
