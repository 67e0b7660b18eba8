//! Published indexes from the outside: relevance, equality with a plain scan, damage, hostile input.

#![cfg(feature = "build")]
#![allow(clippy::unwrap_used)] // A test that cannot read its own table has failed.

mod common;

use citytwin_search::{
    Answer, Area, BuildOptions, BuiltIndex, FORMAT_VERSION, File, IndexError, Need, Query, Record, Searcher, build,
};
use common::{Random, ask, deliver, open_whole};

fn relevance_records() -> Vec<Record> {
    let lines = include_str!("relevance/records.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('|').map(str::trim).collect();
            let [id, name, category, lon, lat, importance, names, address] = fields[..] else {
                panic!("{line} has {} fields", fields.len())
            };
            let names: Vec<(&str, &str)> = names.split(';').filter_map(|name| name.trim().split_once('=')).collect();
            let is_former = |(tag, _): &(&str, &str)| *tag == "old";
            let alt_names = names.iter().copied().filter(is_former).map(|(_, name)| name.to_owned()).collect();
            let names = names.iter().filter(|name| !is_former(name));
            Record {
                id: id.to_owned(),
                name: name.to_owned(),
                category: category.to_owned(),
                lon: lon.parse().unwrap(),
                lat: lat.parse().unwrap(),
                importance: Some(importance.parse().unwrap()),
                names: names.map(|(tag, name)| ((*tag).to_owned(), (*name).to_owned())).collect(),
                alt_names,
                address: (!address.is_empty()).then(|| address.to_owned()),
                ..Record::default()
            }
        })
        .collect()
}

#[test]
fn people_find_what_they_mean() {
    let index = build(relevance_records(), &BuildOptions::default());
    let mut searcher = Searcher::open(&index.root).unwrap();
    let mut rows = 0;
    let mut wrong = Vec::new();
    for row in include_str!("relevance/queries.txt").lines().filter(|line| !line.starts_with('#')) {
        let (left, expected) = row.split_once(" => ").unwrap();
        let mut query = Query::new("");
        let (left, category) = left.split_once('#').map_or((left, None), |(left, category)| (left, Some(category)));
        query.categories.extend(category.map(|category| category.trim().to_owned()));
        let (text, near) = left.split_once('@').map_or((left, None), |(text, near)| (text, Some(near)));
        query.near = near.map(|near| {
            let (lon, lat) = near.trim().split_once(',').unwrap();
            (lon.parse().unwrap(), lat.parse().unwrap())
        });
        query.text = text.trim().to_owned();
        let answer = ask(&mut searcher, &index, &query);
        assert_eq!(answer.problems, [], "{row}");
        for hit in &answer.hits {
            assert!(hit.matched.iter().all(|range| hit.text.get(range.clone()).is_some()), "{row}: {hit:?}");
            let sum: f64 = hit.explain.iter().map(|(_, value)| value).sum();
            assert!((sum - hit.score).abs() < 1e-9, "{row}: {hit:?}");
        }
        let expected: Vec<&str> = expected.split(',').map(str::trim).filter(|id| *id != "-").collect();
        let found: Vec<&str> = answer.hits.iter().map(|hit| hit.record.id.as_str()).collect();
        let right = if expected.is_empty() { found.is_empty() } else { found.starts_with(&expected) };
        if !right {
            let first: Vec<String> = answer
                .hits
                .iter()
                .take(3)
                .map(|hit| format!("{} {} {:.1}", hit.record.id, hit.text, hit.score))
                .collect();
            wrong.push(format!("{row}: {}", first.join("; ")));
        }
        rows += 1;
    }
    assert!(wrong.is_empty(), "{} of {rows} rows:\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows >= 150);
}

const HAN: [&str; 16] =
    ["中", "山", "路", "东", "西", "村", "委", "会", "重", "庆", "长", "乐", "厦", "门", "大", "海"];
const LATIN: [&str; 12] =
    ["Kamppi", "kampin", "Töölö", "San", "Santa", "Maria", "Marina", "mäki", "A-10", "B-204", "9", "O'Hara"];

fn random_records(random: &mut Random, count: usize) -> Vec<Record> {
    let name = |random: &mut Random| {
        let mut name = String::new();
        for _ in 0..1 + random.below(3) {
            if random.below(2) == 0 {
                (0..1 + random.below(4)).for_each(|_| name.push_str(random.pick(&HAN)));
            } else {
                if !name.is_empty() {
                    name.push(' ');
                }
                name.push_str(random.pick(&LATIN));
            }
        }
        name
    };
    (0..count)
        .map(|number| Record {
            id: if number % 7 == 0 { format!("x{number}-a") } else { format!("way/{number}") },
            name: name(random),
            names: (random.below(4) == 0).then(|| ("en".to_owned(), name(random))).into_iter().collect(),
            address: (random.below(5) == 0).then(|| name(random)),
            category: random.pick(&["tree", "stop", "cafe"]).to_owned(),
            lon: 24.9 + random.below(10_000) as f64 * 1e-5,
            lat: 60.1 + random.below(10_000) as f64 * 1e-5,
            importance: Some(random.below(5) as f64 / 5.0),
            ..Record::default()
        })
        .collect()
}

fn ids(answer: &Answer) -> Vec<String> {
    let mut ids: Vec<String> = answer.hits.iter().map(|hit| hit.record.id.clone()).collect();
    ids.sort();
    ids
}

/// What a plain scan finds: the folded words of one of the texts begin with the query's words, Han in a row.
fn scan<'a>(records: &'a [Record], query: &str) -> Vec<&'a Record> {
    let wanted: Vec<String> = citytwin_search::words(query).into_iter().map(|word| word.text).collect();
    let is_han = |text: &str| text.chars().all(|c| u32::from(c) >= 0x3400);
    let answers = |text: &str| {
        let words: Vec<_> = citytwin_search::words(text);
        match wanted.as_slice() {
            [word] if !is_han(word) => words.iter().any(|other| other.text.starts_with(word)),
            run => words.windows(run.len()).any(|window| {
                window.iter().zip(run).all(|(word, wanted)| word.text == *wanted)
                    && window.windows(2).all(|pair| pair[0].range.end == pair[1].range.start)
            }),
        }
    };
    records.iter().filter(|record| record.texts().any(|(_, text)| answers(text))).collect()
}

fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> BuiltIndex {
    let records = names.into_iter().enumerate().map(|(number, name)| Record {
        id: format!("way/{number}"),
        name: name.to_owned(),
        category: "place".to_owned(),
        ..Record::default()
    });
    build(records.collect(), &BuildOptions::default())
}

fn names_found(index: &BuiltIndex, text: &str) -> Vec<String> {
    let answer = ask(&mut Searcher::open(&index.root).unwrap(), index, &Query::new(text));
    answer.hits.into_iter().map(|hit| hit.record.name).collect()
}

#[test]
fn a_mistyped_word_is_found_at_the_start_of_names_first() {
    let elsewhere: Vec<String> = (0..5000).map(|number| format!("Agua {number} Santa")).collect();
    let index = named(elsewhere.iter().map(String::as_str).chain(["Santa Cruz"]));
    assert_eq!(names_found(&index, "smnta")[0], "Santa Cruz");
}

#[test]
fn mistakes_come_after_the_few_that_match_as_typed() {
    let typed = ["Wetheral", "Wetherby"];
    let found = names_found(&named(typed.into_iter().chain(["Werther"])), "wether");
    assert_eq!((found.len(), found[2].as_str()), (3, "Werther"), "{found:?}");
    let enough = ["Wethersfield", "Werther"];
    let found = names_found(&named(typed.into_iter().chain(enough)), "wether");
    assert!(found.len() == 3 && !found.contains(&"Werther".to_owned()), "{found:?}");
}

#[test]
fn every_hit_of_a_plain_scan_is_found() {
    let mut random = Random(7);
    for count in [0, 1, 15, 16, 17, 129, 3000] {
        let records = random_records(&mut random, count);
        let index = build(records.clone(), &BuildOptions::default());
        let mut searcher = Searcher::open(&index.root).unwrap();
        assert_eq!(searcher.len(), count);
        for text in [
            "k",
            "ka",
            "kamp",
            "san",
            "santa",
            "m",
            "mari",
            "töö",
            "9",
            "204",
            "ohara",
            "中",
            "山路",
            "中山",
            "村委会",
            "重庆",
            "长乐路",
            "大海",
            "委",
        ] {
            let query = Query { limit: usize::MAX, exhaustive: true, ..Query::new(text) };
            let answer = ask(&mut searcher, &index, &query);
            let mut scanned: Vec<String> = scan(&records, text).iter().map(|record| record.id.clone()).collect();
            scanned.sort();
            let found = ids(&answer);
            for id in &scanned {
                assert!(found.binary_search(id).is_ok(), "{text} of {count}: {id} is missing");
            }
            // What is found beyond is found by its reading or in spite of a mistake, never by the text itself.
            let is_letters = text.is_ascii();
            assert!(
                is_letters || found == scanned,
                "{text} of {count}: {} hits, {} scanned",
                found.len(),
                scanned.len()
            );
        }
    }
}

#[test]
fn filters_and_places_equal_a_plain_scan() {
    let mut random = Random(11);
    let records = random_records(&mut random, 3000);
    let index = build(records.clone(), &BuildOptions { position_digits: 7, ..BuildOptions::default() });
    let mut searcher = Searcher::open(&index.root).unwrap();
    for round in 0..60 {
        let (west, south) = (24.9 + random.below(90) as f64 * 1e-3, 60.1 + random.below(90) as f64 * 1e-3);
        let size = [0.0005, 0.005, 0.05, 0.3][round % 4];
        let area = if round % 2 == 0 {
            Area::Box([west, south, west + size, south + size])
        } else {
            Area::Circle { center: (west, south), radius_m: size * 50_000.0 }
        };
        let categories = if round % 3 == 0 { vec!["cafe".to_owned()] } else { Vec::new() };
        for text in ["", "中山", "ka"] {
            let query = Query {
                area: Some(area.clone()),
                categories: categories.clone(),
                limit: usize::MAX,
                exhaustive: true,
                ..Query::new(text)
            };
            let within = |record: &&Record| {
                area.contains((record.lon, record.lat))
                    && (categories.is_empty() || categories.contains(&record.category))
            };
            let mut scanned: Vec<String> = match text {
                "" => records.iter().filter(within).map(|record| record.id.clone()).collect(),
                text => {
                    scan(&records, text).into_iter().filter(|r| within(r)).map(|record| record.id.clone()).collect()
                }
            };
            scanned.sort();
            let found = ids(&ask(&mut searcher, &index, &query));
            assert!(scanned.iter().all(|id| found.binary_search(id).is_ok()), "{text} in {area:?}");
            assert!(text == "ka" || found == scanned, "{text} in {area:?}: {} for {}", found.len(), scanned.len());
        }
    }
}

#[test]
fn the_nearest_are_those_of_a_plain_scan() {
    let mut random = Random(13);
    let records = random_records(&mut random, 3000);
    let index = build(records.clone(), &BuildOptions { position_digits: 7, ..BuildOptions::default() });
    let mut searcher = Searcher::open(&index.root).unwrap();
    for limit in [1, 5, 40] {
        for _ in 0..20 {
            let near = (24.88 + random.below(140) as f64 * 1e-3, 60.08 + random.below(140) as f64 * 1e-3);
            let answer = ask(&mut searcher, &index, &Query { near: Some(near), limit, ..Query::new("") });
            let distance = |record: &Record| {
                let x = (record.lon - near.0) * f64::midpoint(near.1, record.lat).to_radians().cos();
                111_195.0 * x.hypot(record.lat - near.1)
            };
            let mut scanned: Vec<f64> = records.iter().map(distance).collect();
            scanned.sort_by(f64::total_cmp);
            let found: Vec<f64> = answer.hits.iter().filter_map(|hit| hit.distance_m).collect();
            assert_eq!(found.len(), limit);
            for (found, scanned) in found.iter().zip(&scanned) {
                assert!((found - scanned).abs() < 0.1, "{near:?}: {found} for {scanned}");
            }
        }
    }
}

#[test]
fn the_same_records_give_the_same_bytes_in_any_order() {
    let mut records = random_records(&mut Random(3), 500);
    let one = build(records.clone(), &BuildOptions::default());
    records.reverse();
    let other = build(records, &BuildOptions::default());
    assert!(one.root == other.root && one.files == other.files);
}

#[test]
fn records_come_back_as_they_were() {
    let mut records = random_records(&mut Random(5), 300);
    records[0].floor = Some("3F".to_owned());
    records[0].height_m = Some(12.5);
    records[0].alt_names = vec!["Old name".to_owned(), "Ref 7".to_owned()];
    records[1].id = "007".to_owned();
    records[2].id = "way/99999999999999999999".to_owned();
    let index = build(records.clone(), &BuildOptions { position_digits: 7, ..BuildOptions::default() });
    let mut searcher = open_whole(&index);
    let answer = ask(&mut searcher, &index, &Query { limit: usize::MAX, exhaustive: true, ..Query::new("") });
    assert_eq!(answer.hits.len(), records.len());
    for record in &records {
        let back = &answer.hits.iter().find(|hit| hit.record.id == record.id).unwrap().record;
        assert!((back.lon - record.lon).abs() < 1e-7 && (back.lat - record.lat).abs() < 1e-7);
        let back = Record { lon: record.lon, lat: record.lat, importance: record.importance, ..back.clone() };
        assert_eq!(&back, record);
    }
}

#[test]
fn cold_and_warm_give_the_same_answer() {
    let records = random_records(&mut Random(17), 3000);
    let index = build(records, &BuildOptions::default());
    let mut whole = open_whole(&index);
    for text in ["kamppi", "中山", "san m", "mar", "zsl", "村", "kampi"] {
        let query = Query::new(text);
        let mut cold = Searcher::open(&index.root).unwrap();
        let warm = ask(&mut whole, &index, &query);
        assert_eq!(
            ask(&mut cold, &index, &query).hits.first().map(|hit| hit.score),
            warm.hits.first().map(|hit| hit.score),
            "{text}"
        );
    }
}

#[test]
fn a_missing_part_gives_a_partial_answer_and_a_problem() {
    let records = random_records(&mut Random(19), 3000);
    let index = build(records, &BuildOptions::default());
    let query = Query { limit: 1000, ..Query::new("kamppi") };
    let all = open_whole(&index).query(&query).hits.len();
    let mut searcher = Searcher::open(&index.root).unwrap();
    let mut failed = None;
    let answer = loop {
        let answer = searcher.query(&query);
        if answer.needs.is_empty() {
            break answer;
        }
        for need in &answer.needs {
            if failed.is_none() && need.file == File::Records {
                // The first block of what is needed; the rest is asked for again.
                let range = need.range.start..need.range.start + 1;
                searcher.fail(&Need { file: need.file, range }, "404");
                failed = Some(need.clone());
            } else {
                deliver(&mut searcher, &index, need);
            }
        }
    };
    assert!(!answer.hits.is_empty() && answer.hits.len() < all, "{} of {all}", answer.hits.len());
    assert!(answer.problems.iter().any(|problem| problem.file == File::Records && problem.message == "404"));
    searcher.retry();
    assert_eq!(ask(&mut searcher, &index, &query).hits.len(), all);
}

#[test]
fn a_damaged_root_is_named() {
    let index = build(relevance_records(), &BuildOptions::default());
    assert_eq!(Searcher::open(b"<html>").err(), Some(IndexError::Magic));
    let mut newer = index.root.clone();
    newer[4] += 1;
    assert_eq!(Searcher::open(&newer).err(), Some(IndexError::Version { found: FORMAT_VERSION + 1 }));
    for len in 0..index.root.len() {
        assert!(Searcher::open(&index.root[..len]).is_err(), "cut to {len}");
    }
    for bit in (0..index.root.len() * 8).step_by(5) {
        let mut bytes = index.root.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Searcher::open(&bytes).is_err(), "bit {bit}");
    }
}

/// Seals damaged content again, so that the checks behind the checksum are reached as well: an index made by a hostile
/// hand. The checksum is that of `bytes.rs`.
fn reseal(block: &mut [u8]) {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let Some((content, sum)) = block.split_last_chunk_mut::<4>() else { return };
    let mut hash = content.len() as u64 ^ 0x5EED;
    let (words, tail) = content.as_chunks::<8>();
    for word in words {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(MULTIPLIER);
    }
    for byte in tail {
        hash = (hash.rotate_left(23) ^ u64::from(*byte)).wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 32;
    *sum = ((hash.wrapping_mul(MULTIPLIER) >> 32) as u32).to_le_bytes();
}

const PROBES: [&str; 10] = ["kamppi", "中山路", "村", "zsl", "san maria", "kampi", "a10", "zhongsl", "山 路", ""];

/// Asks what a damaged index answers: anything but a panic or an endless loop.
fn probe(searcher: &mut Searcher, index: &BuiltIndex) {
    for text in PROBES {
        for near in [None, Some((24.95, 60.15))] {
            let query = Query { near, ..Query::new(text) };
            let answer = ask(searcher, index, &query);
            assert!(answer.hits.len() <= 10);
        }
    }
}

#[test]
fn a_hostile_root_cannot_break_a_query() {
    let mut random = Random(23);
    let index = build(random_records(&mut random, 400), &BuildOptions::default());
    let mut opened = 0;
    for _ in 0..3000 {
        let mut root = index.root.clone();
        for _ in 0..1 + random.below(3) {
            let at = 5 + random.below(root.len() - 9);
            root[at] = [0, 0xFF, 0x7F, 0x80, random.below(256) as u8][random.below(5)];
        }
        reseal(&mut root);
        let Ok(mut searcher) = Searcher::open(&root) else { continue };
        opened += 1;
        if opened % 8 == 0 {
            probe(&mut searcher, &index);
        }
    }
    assert!(opened > 100, "{opened} roots were opened");
}

#[test]
fn damaged_files_cannot_break_a_query() {
    let mut random = Random(29);
    let clean = build(random_records(&mut random, 3000), &BuildOptions::default());
    for round in 0..150 {
        let mut files = clean.files.clone();
        for (_, bytes) in &mut files {
            match round % 3 {
                0 => bytes.truncate(random.below(bytes.len() + 1)),
                1 => (0..20).for_each(|_| {
                    let at = random.below(bytes.len());
                    bytes[at] ^= 1 << random.below(8);
                }),
                _ => (0..bytes.len() / 50).for_each(|_| {
                    let at = random.below(bytes.len());
                    bytes[at] = random.below(256) as u8;
                }),
            }
        }
        let index = BuiltIndex { root: clean.root.clone(), files, record_count: 0, term_count: 0 };
        let mut searcher = Searcher::open(&index.root).unwrap();
        probe(&mut searcher, &index);
    }
}

#[test]
fn blocks_of_a_hostile_hand_cannot_break_a_query() {
    let mut random = Random(31);
    let clean = build(random_records(&mut random, 3000), &BuildOptions::default());
    let mut searcher = Searcher::open(&clean.root).unwrap();
    for round in 0..400 {
        // Every block that a probe fetches is damaged and sealed again.
        let query = Query::new(PROBES[round % PROBES.len()]);
        for _ in 0..100 {
            let answer = searcher.query(&query);
            if answer.needs.is_empty() {
                break;
            }
            for need in &answer.needs {
                let (_, bytes) = &clean.files[need.file as usize];
                let mut part = bytes[need.range.start as usize..need.range.end as usize].to_vec();
                for _ in 0..1 + random.below(4) {
                    let at = random.below(part.len());
                    part[at] = [0, 1, 0xFF, 0x80, random.below(256) as u8][random.below(5)];
                }
                reseal(&mut part);
                searcher.feed(need.file, need.range.start, part);
            }
        }
        searcher = Searcher::open(&clean.root).unwrap();
    }
}

#[test]
fn hostile_queries_are_only_text() {
    let index = build(random_records(&mut Random(37), 2000), &BuildOptions::default());
    let mut searcher = open_whole(&index);
    for text in [
        "\0",
        "\u{202e}kamp",
        &"a ".repeat(10_000),
        &"山".repeat(10_000),
        &"kamppi".repeat(2000),
        ".*[",
        "(?:a+)+$",
        "\u{301}\u{301}",
        "👩‍👩‍👧",
        "עברית العربية",
        "a\u{300}\u{301}\u{302}\u{303}",
        "%00%ff",
        "' OR 1=1 --",
        "\u{FEFF}",
        "zzzzzzzzzzzzzzzzzzzzzzzz",
        "szszszszszszszszszszsz",
        "\u{1F1EB}\u{1F1EE}",
        "ﷺ",
        "９９９",
        "　中　山　",
    ] {
        for limit in [0, 1, usize::MAX] {
            let near = Some((f64::NAN, f64::INFINITY));
            for area in
                [None, Some(Area::Box([f64::NAN; 4])), Some(Area::Circle { center: (200.0, 95.0), radius_m: 1e9 })]
            {
                for exhaustive in [false, true] {
                    let query = Query { limit, near, area: area.clone(), exhaustive, ..Query::new(text) };
                    let _ = ask(&mut searcher, &index, &query);
                }
            }
        }
    }
}
