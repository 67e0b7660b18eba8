//! Any bytes as a subtree of a quadtree with metadata and of an octree without.
#![no_main]

use citytwin_fuzz as _;
use citytwin_tiles::{Decoded, SubtreeShape, What, decode};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static SHAPES: LazyLock<Vec<SubtreeShape>> = LazyLock::new(|| {
    let tilesets =
        [include_bytes!("../seeds/tileset/quadtree.json").as_slice(), include_bytes!("../seeds/tileset/octree.json")];
    let shape = |bytes: &[u8]| match decode(bytes, "tileset.json", &What::Json) {
        Ok(Decoded::Tileset(doc)) => doc.tiles[0].implicit.clone().expect("an implicit root").shape,
        other => panic!("our own tileset is read: {other:?}"),
    };
    tilesets.map(shape).to_vec()
});

fuzz_target!(|data: &[u8]| {
    for shape in SHAPES.iter() {
        let Ok(Decoded::Subtree(doc)) = decode(data, "0.subtree", &What::Subtree(shape.clone())) else { continue };
        assert_eq!(doc.metadata.len().min(1), usize::from(!doc.metadata.is_empty()));
        std::hint::black_box((doc.tiles.rank(shape.tile_count()), doc.children.rank(shape.child_count())));
    }
});
