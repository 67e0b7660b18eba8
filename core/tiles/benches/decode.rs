//! How fast tiles decode, by the bytes that they become: `cargo bench -p citytwin-tiles --bench decode`.
//!
//! The same files, decoded in wasm beside other decoders in Node: `bench/decode`.
#![allow(missing_docs)] // criterion's macros
#![allow(clippy::disallowed_methods, clippy::print_stderr)] // a benchmark reads files and says what it leaves out

use citytwin_tiles::{Decoded, TileContent, What, decode};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;

/// What is measured, and the files of it, below the tiles of the shared data.
const FILES: [(&str, &str); 8] = [
    ("glb", "3dbag/sibbe/1.1/content/2_2_3.glb"),
    ("b3dm", "3dbag/sibbe/1.0/content/2_2_3.b3dm"),
    ("glb", "Ferry"),
    ("draco", "Frankfurt"),
    ("b3dm", "Berlin"),
    ("draco", "NewYork"),
    ("draco", "delaware"),
    ("meshopt", "helsinki-glb-8-meshopt/0/0.glb"),
];

fn content(bytes: &[u8]) -> Option<TileContent> {
    match decode(bytes, "tile", &What::Content) {
        Ok(Decoded::Content(content)) => Some(content),
        _ => None,
    }
}

/// The contents of a file, or of the largest file in a folder.
fn load(path: &Path) -> Option<Vec<u8>> {
    if path.is_file() {
        return std::fs::read(path).ok();
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).ok()?.flatten() {
            let path = entry.path();
            match path.extension().is_some_and(|e| e == "glb" || e == "b3dm") {
                true => files.push((entry.metadata().ok()?.len(), path)),
                false if path.is_dir() => folders.push(path),
                false => {}
            }
        }
    }
    std::fs::read(files.into_iter().max()?.1).ok()
}

fn decode_files(criterion: &mut Criterion) {
    let tiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tiles");
    for (group, file) in FILES {
        let Some(bytes) = load(&tiles.join(file)) else {
            eprintln!("skipped: there is no {file} in ../shared/data/tiles");
            continue;
        };
        let Some(decoded) = content(&bytes) else {
            eprintln!("skipped: {file} does not decode");
            continue;
        };
        let len = decoded.vertices.len() + decoded.indices.len() + decoded.property_bytes.len();
        let mut group = criterion.benchmark_group(group);
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(file, |bencher| bencher.iter(|| content(black_box(&bytes))));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = decode_files
}
criterion_main!(benches);
