//! Any bytes as what a worker posts to the page.
#![no_main]

use citytwin_fuzz as _;
use citytwin_tiles::wire::{from_bytes, to_bytes};
use citytwin_tiles::{SubtreeDoc, TileContent, TilesetDoc};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(content) = from_bytes::<TileContent>(data) {
        assert!(to_bytes(&content).len() <= data.len(), "no longer than what it was read from");
    }
    let _ = (from_bytes::<TilesetDoc>(data), from_bytes::<SubtreeDoc>(data));
});
