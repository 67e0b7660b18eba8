//! Any bytes as a tile's content, in every format, told apart by their first bytes; what was read is gone through as
//! a viewer would.
#![no_main]

use citytwin_fuzz as _;
use citytwin_tiles::{Decoded, TileContent, What, decode};
use libfuzzer_sys::fuzz_target;

/// Rows of a table that are looked at.
const ROWS: u32 = 64;

fuzz_target!(|data: &[u8]| {
    let Ok(Decoded::Content(content)) = decode(data, "https://example.org/a.glb", &What::Content) else { return };
    go_through(&content);
    let mut smaller = content;
    smaller.compact(0.0);
    go_through(&smaller);
});

fn go_through(content: &TileContent) {
    for primitive in &content.primitives {
        if let Some(range) = primitive.indices {
            let bytes = range.count as usize * if range.wide { 4 } else { 2 };
            let indices = &content.indices[range.offset as usize..][..bytes];
            let index = |at: &[u8]| at.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
            let largest = indices.chunks_exact(if range.wide { 4 } else { 2 }).map(index).max();
            assert!(largest.is_none_or(|largest| largest < primitive.vertex_count), "an index beyond the vertices");
        }
        let last = primitive.vertex_count.saturating_sub(1) as usize;
        let positions = primitive.positions;
        assert!(positions.offset as usize + last * positions.stride as usize <= content.vertices.len());
        assert!(primitive.table.is_none_or(|table| (table as usize) < content.tables.len()));
    }
    for table in &content.tables {
        for row in 0..table.count.min(ROWS) {
            std::hint::black_box(table.row(&content.property_bytes, row));
        }
    }
}
