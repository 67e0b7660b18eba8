//! How long one frame's selection takes: `cargo bench -p citytwin-tiles --bench select`.
//!
//! The eye turns by a degree each frame. Criterion's throughput is in visited tiles: its inverse is the time for one.
#![allow(missing_docs)] // criterion's macros make items without documentation
#![allow(clippy::print_stdout)] // the counts belong beside the times

mod grown_city;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn select(c: &mut Criterion) {
    let mut group = c.benchmark_group("select");
    for tiles in [100_000, 1_000_000] {
        let mut engine = grown_city::grown(tiles);
        let frames: Vec<_> = (0..360).map(|turn| grown_city::view(f64::from(turn))).collect();
        let (mut drawn, mut visited) = (0, 0);
        for view in &frames {
            let frame = engine.update(view);
            assert!(frame.idle, "everything is loaded");
            drawn += frame.draw.len();
            visited += frame.progress.visited;
        }
        let (drawn, visited) = (drawn / frames.len(), visited / frames.len() as u32);
        println!("{tiles} tiles: {drawn} drawn and {visited} visited in a frame");
        group.throughput(Throughput::Elements(visited.into()));
        let mut turn = 0;
        group.bench_function(format!("{tiles} tiles, {drawn} drawn"), |b| {
            b.iter(|| {
                turn = (turn + 1) % frames.len();
                engine.update(&frames[turn]).draw.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, select);
criterion_main!(benches);
