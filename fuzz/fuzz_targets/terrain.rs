//! Any bytes as the files of a terrain: a tile of quantized mesh, whole and in part, a terrarium picture, `layer.json`.
#![no_main]

use citytwin_fuzz as _;
use citytwin_geo::LookAt;
use citytwin_tiles::{
    Arrival, Decoded, Engine, Options, TerrainFormat, TerrainGrid, TerrainPlace, TerrainSource, TerrainTile, View,
    What, decode,
};
use libfuzzer_sys::fuzz_target;

const URL: &str = "https://example.org/layer.json";

fuzz_target!(|data: &[u8]| {
    for (format, grid, above) in [
        (TerrainFormat::QuantizedMesh, TerrainGrid::Geographic, 0),
        (TerrainFormat::QuantizedMesh, TerrainGrid::Mercator, 2),
        (TerrainFormat::Terrarium, TerrainGrid::Mercator, 0),
    ] {
        let place = TerrainPlace { grid, level: 12, at: [2_331, 2_900] };
        tile(data, &What::Terrain(TerrainTile { format, place, above, offset_m: 17.0 }));
    }
    layer(data);
});

fn tile(data: &[u8], what: &What) {
    let Ok(Decoded::Content(mut content)) = decode(data, URL, what) else { return };
    content.compact(20.0);
    for primitive in &content.primitives {
        assert!(primitive.indices.is_some_and(|range| range.count > 0));
    }
    let ground = content.ground.expect("every tile of a terrain has heights");
    let [lon, lat] = ground.place.lon_lat_rad(0.4, 0.6);
    let height_m = ground.height_m(lon, lat).expect("inside of it");
    assert!(height_m.is_finite());
}

fn layer(data: &[u8]) {
    let Ok(Decoded::Terrain(doc)) = decode(data, URL, &What::TerrainLayer) else { return };
    let mut engine = Engine::new(Options { max_tiles: 2_000, ..Options::default() });
    engine.add_terrain(TerrainSource {
        format: TerrainFormat::QuantizedMesh,
        url: URL.into(),
        max_level: 0,
        offset_m: 0.0,
        area_deg: Some([24.9, 60.1, 25.0, 60.2]),
    });
    let look = LookAt { lon: 24.94, lat: 60.17, height_m: 0.0, distance_m: 900.0, heading_deg: 30.0, pitch_deg: -40.0 };
    let view = View::look_at(&look, 60.0, [800, 600]);
    for _ in 0..4 {
        let frame = engine.update(&view).clone();
        for fetch in frame.fetch {
            let answer = match fetch.what {
                What::TerrainLayer => Ok(Arrival::Terrain(doc.clone())),
                _ => Ok(Arrival::Content(Default::default())),
            };
            engine.arrived(fetch.request, answer);
        }
    }
}
