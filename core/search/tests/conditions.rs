//! Conditions beside the text: attributes, fields, floors, polygons; facets; what an index hides.

#![cfg(feature = "build")]
#![allow(clippy::unwrap_used)] // A test that cannot read its own table has failed.

mod common;

use citytwin_search::{
    Area, BuildOptions, BuiltIndex, FieldKind, How, Overlay, Predicate, Query, Record, Searcher, Stack, Test, Value,
    build,
};
use common::{Random, ask, open_whole};
use std::collections::BTreeMap;

fn random_records(random: &mut Random, count: usize) -> Vec<Record> {
    (0..count)
        .map(|i| {
            let mut attributes = BTreeMap::new();
            if random.below(3) > 0 {
                attributes.insert("heightM".to_owned(), Value::Number(random.below(40) as f64 / 4.0));
            }
            if random.below(2) == 0 {
                attributes.insert("material".to_owned(), Value::Text(random.pick(&["steel", "wood", "钢"]).to_owned()));
            }
            if random.below(4) == 0 {
                attributes.insert("working".to_owned(), Value::Flag(random.below(2) == 0));
            }
            Record {
                id: format!("node/{i}"),
                name: format!("{} {}", random.pick(&["Lamp", "Kamera", "路灯", "Hydrant"]), random.below(30)),
                names: BTreeMap::from([("sv".to_owned(), random.pick(&["Lykta", "Kamera", "Brandpost"]).to_owned())]),
                category: random.pick(&["lamp", "camera", "hydrant"]).to_owned(),
                lon: 24.9 + random.below(1000) as f64 * 1e-4,
                lat: 60.1 + random.below(1000) as f64 * 1e-4,
                floor: (random.below(2) == 0).then(|| random.pick(&["B1", "1", "2"]).to_owned()),
                address: (random.below(20) == 0).then(|| format!("Kaivokatu {}", random.below(9))),
                attributes,
                ..Record::default()
            }
        })
        .collect()
}

fn whole(text: &str) -> Query {
    Query { limit: usize::MAX, exhaustive: true, ..Query::new(text) }
}

fn found(searcher: &mut Searcher, index: &BuiltIndex, query: &Query) -> Vec<String> {
    let mut ids: Vec<String> = ask(searcher, index, query).hits.into_iter().map(|hit| hit.record.id).collect();
    ids.sort();
    ids
}

fn scanned(records: &[Record], wanted: impl Fn(&Record) -> bool) -> Vec<String> {
    let mut ids: Vec<String> = records.iter().filter(|record| wanted(record)).map(|record| record.id.clone()).collect();
    ids.sort();
    ids
}

#[test]
fn predicates_and_floors_equal_a_plain_scan() {
    let records = random_records(&mut Random(41), 2500);
    let index = build(records.clone(), &BuildOptions::default());
    let mut searcher = Searcher::open(&index.root).unwrap();
    let number = Value::Number;
    let text = |text: &str| Value::Text(text.to_owned());
    for (attribute, test) in [
        ("heightM", Test::Exists),
        ("heightM", Test::Equals(number(2.25))),
        ("heightM", Test::Less(number(1.0))),
        ("heightM", Test::More(number(9.0))),
        ("heightM", Test::Between(number(2.0), number(4.5))),
        ("heightM", Test::OneOf(vec![number(0.0), number(9.75), text("2")])),
        ("heightM", Test::Equals(text("2.25"))),
        ("heightM", Test::Less(number(f64::NAN))),
        ("material", Test::Equals(text("钢"))),
        ("material", Test::More(text("steel"))),
        ("working", Test::Equals(Value::Flag(false))),
        ("absent", Test::Exists),
    ] {
        let predicate = Predicate { attribute: attribute.to_owned(), test };
        for (words, floor) in [("", None), ("路灯", None), ("", Some("B1")), ("路灯", Some("2"))] {
            let query = Query { predicates: vec![predicate.clone()], floor: floor.map(str::to_owned), ..whole(words) };
            let expected = scanned(&records, |record| {
                predicate.holds(record)
                    && record.name.starts_with(words)
                    && (floor.is_none() || record.floor.as_deref() == floor)
            });
            assert_eq!(found(&mut searcher, &index, &query), expected, "{words:?} {floor:?} {predicate:?}");
        }
    }
}

#[test]
fn a_field_filter_leaves_the_other_texts_out() {
    let records = random_records(&mut Random(43), 900);
    let index = build(records.clone(), &BuildOptions::default());
    let mut searcher = Searcher::open(&index.root).unwrap();
    for (field, expected) in [
        (FieldKind::Name, scanned(&records, |record| record.name.starts_with("Kamera"))),
        (FieldKind::Translation, scanned(&records, |record| record.names["sv"] == "Kamera")),
        (FieldKind::Address, Vec::new()),
    ] {
        let query = Query { fields: vec![field], ..whole("kamera") };
        assert_eq!(found(&mut searcher, &index, &query), expected, "{field:?}");
    }
    let query = Query { fields: vec![FieldKind::Address], ..whole("kaivokatu 3") };
    let expected = scanned(&records, |record| record.address.as_deref() == Some("Kaivokatu 3"));
    assert_eq!(found(&mut searcher, &index, &query), expected);
}

#[test]
fn polygons_with_holes_equal_a_plain_scan() {
    let records = random_records(&mut Random(47), 2000);
    let index = build(records.clone(), &BuildOptions { position_digits: 7, ..BuildOptions::default() });
    let mut searcher = Searcher::open(&index.root).unwrap();
    // A square with a square hole, scanned by their edges.
    let ring =
        |a: f64, b: f64| vec![(24.9 + a, 60.1 + a), (24.9 + b, 60.1 + a), (24.9 + b, 60.1 + b), (24.9 + a, 60.1 + b)];
    for (outer, inner) in [((0.010_05, 0.080_05), (0.030_05, 0.040_05)), ((0.020_05, 0.022_05), (0.0, 0.0))] {
        let area = Area::Polygon(vec![ring(outer.0, outer.1), ring(inner.0, inner.1)]);
        let within = |(a, b): (f64, f64), record: &Record| {
            let (x, y) = (record.lon - 24.9, record.lat - 60.1);
            (a..b).contains(&x) && (a..b).contains(&y)
        };
        let expected = scanned(&records, |record| within(outer, record) && !within(inner, record));
        assert!(!expected.is_empty() || outer.0 > 0.015);
        for category in [None, Some("lamp")] {
            let categories: Vec<String> = category.iter().map(|name| (*name).to_owned()).collect();
            let query = Query { area: Some(area.clone()), categories, ..whole("") };
            let expected = expected.iter().filter(|id| {
                let record = records.iter().find(|record| record.id == **id).unwrap();
                category.is_none_or(|category| record.category == category)
            });
            assert!(found(&mut searcher, &index, &query).iter().eq(expected), "{area:?}");
        }
    }
    for rings in [vec![], vec![vec![]], vec![vec![(f64::NAN, 1.0); 3]], vec![vec![(24.9, 60.1)]]] {
        assert_eq!(found(&mut searcher, &index, &Query { area: Some(Area::Polygon(rings)), ..whole("") }), [""; 0]);
    }
}

#[test]
fn facets_count_what_a_plain_scan_counts() {
    let records = random_records(&mut Random(53), 2000);
    let index = build(records.clone(), &BuildOptions::default());
    let mut searcher = Searcher::open(&index.root).unwrap();
    let facets = ["category", "material", "heightM", "absent"].map(str::to_owned).to_vec();
    for text in ["", "路灯", "hydrant 1"] {
        // Counted over all matches, however few of them are wanted.
        let query = Query { facets: facets.clone(), limit: 3, ..whole(text) };
        let answer = ask(&mut searcher, &index, &query);
        let all = ask(&mut searcher, &index, &whole(text));
        assert!(all.hits.len() > 20);
        for facet in &answer.facets {
            assert!(facet.exact);
            let value = |record: &Record| match facet.of.as_str() {
                "category" => Some(Value::Text(record.category.clone())),
                of => record.attributes.get(of).cloned(),
            };
            let values: Vec<Value> = all.hits.iter().filter_map(|hit| value(&hit.record)).collect();
            assert_eq!(facet.counts.iter().map(|(_, count)| *count as usize).sum::<usize>(), values.len());
            for (of, count) in &facet.counts {
                assert_eq!(values.iter().filter(|value| *value == of).count(), *count as usize, "{text} {of:?}");
            }
            assert!(facet.counts.is_sorted_by_key(|(_, count)| std::cmp::Reverse(*count)));
        }
        let counted = ask(&mut searcher, &index, &Query { limit: 0, ..query.clone() });
        assert_eq!((counted.hits.len(), &counted.facets), (0, &answer.facets), "{text}: none is wanted");
        assert_eq!(answer.facets.len(), facets.len());
        assert!(!ask(&mut searcher, &index, &Query { exhaustive: false, ..query }).facets[0].exact);
    }
}

#[test]
fn what_lies_in_an_area_is_counted_whole() {
    let records = random_records(&mut Random(57), 2000);
    let index = build(records.clone(), &BuildOptions { position_digits: 7, ..BuildOptions::default() });
    let mut searcher = Searcher::open(&index.root).unwrap();
    let area = Area::Box([24.92, 60.12, 24.96, 60.17]);
    let within = scanned(&records, |record| area.contains((record.lon, record.lat))).len();
    for limit in [0, 10] {
        let query = Query { area: Some(area.clone()), facets: vec!["category".to_owned()], limit, ..Query::default() };
        let facet = &ask(&mut searcher, &index, &query).facets[0];
        let counted: u32 = facet.counts.iter().map(|(_, count)| count).sum();
        assert!(facet.exact && within > 100);
        assert_eq!(counted as usize, within, "limit {limit}");
        // Before anything has arrived nothing is known for sure.
        assert!(!Searcher::open(&index.root).unwrap().query(&query).facets[0].exact);
    }
}

#[test]
fn what_is_hidden_is_not_found() {
    let mut records = random_records(&mut Random(59), 300);
    records[7].id = "no number".to_owned();
    let index = build(records.clone(), &BuildOptions::default());
    let mut searcher = open_whole(&index);
    searcher.hide(["node/3", "no number", "node/3000", "way/4", ""]);
    let expected = scanned(&records, |record| record.id != "node/3" && record.id != "no number");
    assert_eq!(found(&mut searcher, &index, &whole("")), expected);
}

#[test]
fn an_address_is_found_for_a_position() {
    let records = random_records(&mut Random(61), 800);
    let index = build(records.clone(), &BuildOptions { position_digits: 7, ..BuildOptions::default() });
    let searcher = open_whole(&index);
    let mut random = Random(67);
    for _ in 0..20 {
        let at = (24.9 + random.below(1000) as f64 * 1e-4, 60.1 + random.below(1000) as f64 * 1e-4);
        let distance = |record: &Record| {
            let x = (record.lon - at.0) * f64::midpoint(at.1, record.lat).to_radians().cos();
            111_195.0 * x.hypot(record.lat - at.1)
        };
        let nearest = |wanted: fn(&Record) -> bool| {
            records.iter().filter(|record| wanted(record)).map(distance).fold(f64::INFINITY, f64::min)
        };
        let here = searcher.here(at, 3);
        assert_eq!((here.nearest.len(), here.needs.len(), here.problems.len()), (3, 0, 0));
        assert!((here.nearest[0].distance_m.unwrap() - nearest(|_| true)).abs() < 0.1);
        let address = here.address.unwrap();
        assert!((address.distance_m.unwrap() - nearest(|record| record.address.is_some())).abs() < 0.1, "{address:?}");
    }
}

#[test]
fn words_are_completed_and_mistakes_corrected() {
    let records = [("1", "Mannerheimintie"), ("2", "Mannerheimin aukio"), ("3", "Kiasma"), ("4", "Café Mannerheim")];
    let records = records.map(|(id, name)| Record { id: id.to_owned(), name: name.to_owned(), ..Record::default() });
    let index = build(records.to_vec(), &BuildOptions::default());
    let searcher = open_whole(&index);
    let answer = searcher.query(&Query::new("mannerh"));
    assert_eq!(answer.completions, ["Mannerheimintie", "Mannerheimin", "Mannerheim"]);
    assert_eq!(answer.did_you_mean, None);
    assert_eq!(searcher.query(&Query::new("café mannerh")).completions, ["café Mannerheim"]);
    let answer = searcher.query(&Query::new("kiasme"));
    assert_eq!((answer.hits[0].how, answer.did_you_mean.as_deref()), (Some(How::Typo(1)), Some("Kiasma")));
}

#[test]
fn an_overlay_adds_replaces_and_removes() {
    let records = random_records(&mut Random(71), 400);
    let base = build(records.clone(), &BuildOptions::default());
    let mut moved = records[5].clone();
    moved.name = "Kamera 99".to_owned();
    let added = Record { id: "node/9000".to_owned(), name: "Kamera 98".to_owned(), ..records[6].clone() };
    let overlay = Some(Overlay { removed: vec!["node/7".to_owned(), "node/123456".to_owned()] });
    let options = BuildOptions { overlay, ..BuildOptions::default() };
    let top = build(vec![moved.clone(), added.clone()], &options);
    let mut now: Vec<Record> = records.into_iter().filter(|r| r.id != "node/5" && r.id != "node/7").collect();
    now.extend([moved, added]);
    let mut stack = Stack::default();
    stack.push(open_whole(&base));
    stack.push(open_whole(&top));
    assert_eq!(stack.len(), 402);
    let facets = vec!["category".to_owned()];
    for text in ["", "路灯", "Kamera 9"] {
        let answer = stack.query(&Query { facets: facets.clone(), fields: vec![FieldKind::Name], ..whole(text) });
        let mut found: Vec<String> = answer.hits.iter().map(|(_, hit)| hit.record.id.clone()).collect();
        found.sort();
        let words = text.to_lowercase();
        let expected = scanned(&now, |record| record.name.to_lowercase().starts_with(&words));
        assert_eq!(found, expected, "{text}");
        assert!(answer.facets[0].exact && answer.needs.is_empty() && answer.problems.is_empty());
        assert_eq!(answer.facets[0].counts.iter().map(|(_, count)| *count as usize).sum::<usize>(), expected.len());
    }
    let best = &stack.query(&Query::new("kamera 99")).hits[0];
    assert_eq!((best.0, best.1.record.id.as_str()), (1, "node/5"));
}

#[test]
fn shards_asked_together_find_what_one_index_finds() {
    let records = random_records(&mut Random(73), 600);
    let mut stack = Stack::default();
    for shard in records.chunks(200) {
        stack.push(open_whole(&build(shard.to_vec(), &BuildOptions::default())));
    }
    let index = build(records, &BuildOptions::default());
    let mut one = open_whole(&index);
    for text in ["", "hydrant", "路灯 1", "kaivokatu", "brandpo"] {
        let answer = stack.query(&whole(text));
        let mut together: Vec<String> = answer.hits.iter().map(|(_, hit)| hit.record.id.clone()).collect();
        together.sort();
        assert_eq!(together, found(&mut one, &index, &whole(text)), "{text}");
        assert!(answer.hits.is_sorted_by(|a, b| a.1.score >= b.1.score));
    }
}

#[test]
fn a_shard_that_is_missing_cut_or_of_another_version_leaves_the_others_answers() {
    let records = random_records(&mut Random(79), 600);
    let shards: Vec<BuiltIndex> =
        records.chunks(300).map(|shard| build(shard.to_vec(), &BuildOptions::default())).collect();
    let mut alone = open_whole(&shards[0]);
    let first = found(&mut alone, &shards[0], &whole("hydrant"));
    // Another version is refused when its root is opened.
    let mut newer = shards[1].root.clone();
    newer[4] += 1;
    assert!(Searcher::open(&newer).is_err());
    for cut in [None, Some(100)] {
        let mut stack = Stack::default();
        stack.push(open_whole(&shards[0]));
        stack.push(Searcher::open(&shards[1].root).unwrap());
        let answer = loop {
            let answer = stack.query(&whole("hydrant"));
            if answer.needs.is_empty() {
                break answer;
            }
            for (part, need) in answer.needs {
                assert_eq!(part, 1);
                let bytes = &shards[part].files[need.file as usize].1;
                let range = need.range.start as usize..need.range.end as usize;
                match cut {
                    Some(end) if range.end <= end => {
                        stack.parts_mut()[part].feed(need.file, need.range.start, &bytes[range]);
                    }
                    _ => stack.parts_mut()[part].fail(&need, "offline"),
                }
            }
        };
        let ids = answer.hits.iter().filter(|(part, _)| *part == 0).map(|(_, hit)| hit.record.id.clone());
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        assert_eq!(ids, first, "{cut:?}");
        assert!(!answer.problems.is_empty());
        assert!(answer.problems.iter().all(|(part, problem)| *part == 1 && problem.message == "offline"));
    }
}

#[test]
fn damaged_attributes_break_no_query() {
    let mut random = Random(83);
    let clean = build(random_records(&mut random, 1200), &BuildOptions::default());
    for round in 0..60 {
        let mut searcher = Searcher::open(&clean.root).unwrap();
        for (file, (_, bytes)) in citytwin_search::File::ALL.into_iter().zip(&clean.files) {
            let mut bytes = bytes.clone();
            for _ in 0..round {
                let at = random.below(bytes.len());
                bytes[at] = random.below(256) as u8;
            }
            searcher.feed(file, 0, bytes);
        }
        let test = Test::More(Value::Number(1.0));
        let query = Query {
            predicates: vec![Predicate { attribute: "heightM".to_owned(), test }],
            facets: vec!["material".to_owned()],
            ..whole("")
        };
        let answer = searcher.query(&query);
        assert!(answer.needs.is_empty() && (round == 0) == answer.problems.is_empty());
        assert_eq!(answer.facets[0].exact, round == 0);
    }
}
