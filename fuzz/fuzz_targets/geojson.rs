//! Any bytes as GeoJSON; what is made of it is read by the engine's own decoder, which must find nothing wrong.
#![no_main]

use citytwin_fuzz as _;
use citytwin_geojson::{Limits, Shape, tileset};
use citytwin_tiles::{Decoded, What, decode};
use libfuzzer_sys::fuzz_target;

/// Larger documents would show no more, only slower.
const LIMITS: Limits = Limits { max_bytes: 1 << 16, max_features: 1 << 10, max_vertices: 1 << 16 };
/// Every way of making shapes.
const SHAPES: [&str; 3] =
    ["{}", r#"{"extrudeM":"${h}","baseM":"${b}","radiusM":3}"#, r#"{"widthM":1e9,"extrudeM":1e9}"#];

fuzz_target!(|data: &[u8]| {
    let shape = SHAPES[data.len() % SHAPES.len()];
    let Ok(made) = tileset(data, &Shape::parse(shape.as_bytes()).expect("a shape"), &LIMITS) else { return };
    for (path, bytes) in &made.files {
        let what = if path == "tileset.json" { What::Json } else { What::Content };
        match decode(bytes, path, &what) {
            Ok(Decoded::Content(content)) => assert_eq!(content.problems, [], "{path}"),
            Ok(_) => {}
            Err(problem) => panic!("{problem:?}"),
        }
    }
});
