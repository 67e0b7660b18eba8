//! Microseconds for each update: `cargo bench -p citytwin-positioning --features simulator`.
#![allow(missing_docs)]

use citytwin_positioning::simulate::{Devices, radio_map, venue, walk};
use citytwin_positioning::{Measurement, Positioner, PositionerOptions, wire};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;

fn updates(criterion: &mut Criterion) {
    let (venue, map) = (Arc::new(venue()), radio_map());
    let observations = walk(1, Devices::ALL).observations;
    // A minute inside, after a minute of walking up to there.
    let inside = observations.partition_point(|o| o.time_ms < 70e3);
    let options = PositionerOptions { map: Some(map), venue: Some(venue), ..PositionerOptions::default() };
    let mut positioner = Positioner::new(options);
    positioner.feed(&observations[..inside]);
    let after = &observations[inside..];
    for name in ["inertial", "wifi", "uwb", "ble", "barometer"] {
        let of_kind = after.iter().filter(|o| Measurement::NAMES[o.what.kind()] == name);
        let of_kind: Vec<_> = of_kind.take(20).cloned().collect();
        criterion.bench_function(&format!("20 × {name}"), |bench| {
            bench.iter_batched(
                || positioner.clone(),
                |mut positioner| {
                    for observation in &of_kind {
                        let _ = positioner.observe(observation);
                    }
                    black_box(positioner.answer())
                },
                BatchSize::LargeInput,
            );
        });
    }
    let bytes = wire::encode(&observations).0;
    criterion.bench_function("decode a walk", |bench| bench.iter(|| wire::decode(black_box(&bytes))));
}

criterion_group!(benches, updates);
criterion_main!(benches);
