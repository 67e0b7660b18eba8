//! Any bytes as `tileset.json`; what was read goes through the engine for a few frames.
#![no_main]

use citytwin_fuzz as _;
use citytwin_geo::LookAt;
use citytwin_tiles::{Arrival, Decoded, Engine, Options, Problem, View, What, decode};
use libfuzzer_sys::fuzz_target;

const URL: &str = "https://example.org/tileset.json";
/// Enough to go from the document to its tiles, and from those to theirs.
const FRAMES: usize = 4;
/// Larger documents would show no more, only slower.
const MAX_TILES: usize = 1 << 12;

fuzz_target!(|data: &[u8]| {
    let Ok(Decoded::Tileset(doc)) = decode(data, URL, &What::Json) else { return };
    if doc.tiles.len() > MAX_TILES {
        return;
    }
    let mut engine = Engine::new(Options { max_tiles: MAX_TILES, ..Options::default() });
    engine.add_tileset(URL.to_owned());
    let look_at = LookAt { lon: 0.0, lat: 10.0, height_m: 0.0, distance_m: 1000.0, heading_deg: 0.0, pitch_deg: -45.0 };
    let view = View::look_at(&look_at, 60.0, [640, 360]);
    for _ in 0..FRAMES {
        let fetches = engine.update(&view).fetch.clone();
        for fetch in fetches {
            let answer = match fetch.what {
                // The same tileset in itself: what a hostile server would do.
                What::Json | What::Content => Ok(Arrival::Tileset(doc.clone())),
                What::Subtree(_) | What::TerrainLayer | What::Terrain(_) => {
                    Err(Problem::new("fetch-failed", "404", fetch.url))
                }
            };
            engine.arrived(fetch.request, answer);
        }
    }
});
