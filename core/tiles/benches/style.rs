//! Styling of 100,000 features: `cargo bench -p citytwin-tiles --bench style`.
#![allow(missing_docs)] // criterion's macros make items without documentation

use citytwin_tiles::{Column, ColumnKind, Number, PropertyTable, Style, StyleLimits, TableFeatures};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const FEATURES: u32 = 100_000;

/// Heights, a use and a name for each feature.
fn table() -> (PropertyTable, Vec<u8>) {
    let mut bytes = Vec::new();
    let heights = |bytes: &mut Vec<u8>| (0..FEATURES).for_each(|row| bytes.extend((row as f32 % 300.0).to_le_bytes()));
    let uses = ["residential", "commercial", "school", "hospital"];
    let values = |bytes: &mut Vec<u8>| (0..FEATURES).for_each(|row| bytes.extend(uses[row as usize % 4].as_bytes()));
    let offsets = |bytes: &mut Vec<u8>| {
        let mut at = 0_u32;
        for row in 0..=FEATURES {
            bytes.extend(at.to_le_bytes());
            at += uses[row as usize % 4].len() as u32;
        }
    };
    let mut range = |write: &dyn Fn(&mut Vec<u8>)| {
        let start = bytes.len() as u32;
        write(&mut bytes);
        (start, bytes.len() as u32)
    };
    let column = |id: &str, kind, values, string_offsets| Column {
        id: id.into(),
        kind,
        values,
        string_offsets,
        no_data: None,
        default: None,
    };
    let scalar = ColumnKind::Scalar { number: Number::F32, scale: 1.0, offset: 0.0 };
    let height = column("height", scalar, range(&heights), (0, 0));
    let usage = column("use", ColumnKind::String, range(&values), range(&offsets));
    (PropertyTable { class: "building".into(), count: FEATURES, columns: vec![height, usage], hierarchy: None }, bytes)
}

const STYLES: [(&str, &str); 5] = [
    ("show by height", r#"{ "show": "${height} > 30" }"#),
    (
        "colour by height in 6 steps",
        r#"{ "color": { "conditions": [
            ["${height} >= 250", "color('#800026')"], ["${height} >= 200", "color('#bd0026')"],
            ["${height} >= 150", "color('#e31a1c')"], ["${height} >= 100", "color('#fc4e2a')"],
            ["${height} >= 50", "color('#fd8d3c')"], ["true", "color('#ffeda0')"]] } }"#,
    ),
    (
        "colour by use",
        r#"{ "color": { "conditions": [["${use} === 'hospital'", "color('red')"], ["${use} === 'school'", "color('gold')"]] } }"#,
    ),
    ("colour by formula", r#"{ "color": "mix(color('blue'), color('red'), clamp(${height} / 300, 0, 1))" }"#),
    ("show by pattern", r#"{ "show": "regExp('^(school|hosp)').test(${use})" }"#),
];

fn style(criterion: &mut Criterion) {
    let (table, bytes) = table();
    let features = TableFeatures { table: &table, property_bytes: &bytes };
    let mut group = criterion.benchmark_group("style");
    group.throughput(Throughput::Elements(FEATURES.into()));
    group.sample_size(20);
    for (name, json) in STYLES {
        let style = Style::parse(json.as_bytes(), &StyleLimits::default()).expect("a style");
        assert_eq!(style.evaluate(&features, 0.0).problems, [], "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(style.evaluate(&features, 0.0))));
    }
    group.finish();
}

criterion_group!(benches, style);
criterion_main!(benches);
