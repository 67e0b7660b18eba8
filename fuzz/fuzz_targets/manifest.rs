//! Any bytes as what a city publishes beside its tiles: its manifest, labels and pictures of the ground.
#![no_main]

use citytwin_fuzz as _;
use citytwin_manifest::{LabelCell, LabelIndex, Raster, Twin};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(twin) = Twin::from_json(data) {
        assert!(Twin::from_json(twin.to_json().as_bytes()).is_ok(), "what was read is written so that it can be read");
    }
    let _ = (LabelIndex::from_json(data), LabelCell::from_json(data));
    let _ = std::str::from_utf8(data).map(Raster::from_json);
});
