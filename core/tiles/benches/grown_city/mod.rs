//! A city of any number of tiles, all known and loaded, for measuring selection.

use citytwin_geo::LookAt;
use citytwin_tiles::{Arrival, ContentInfo, DocTile, Engine, Options, Refine, TilesetDoc, View, Volume, What};

const LON: f64 = 24.945;
const LAT: f64 = 60.17;
/// Width of the smallest tiles, metres.
const LEAF_M: f64 = 100.0;

/// A complete tree of four children each, filled level by level until it has so many tiles.
fn tileset(tiles: u32) -> TilesetDoc {
    let frame = citytwin_geo::EnuFrame::new(citytwin_geo::Geodetic::from_degrees(LON, LAT, 0.0));
    let tileset_from_tile = frame.ecef_from_enu.to_cols_array();
    let parent = |i: u32| (i - 1) / 4;
    let depth = std::iter::successors(Some(tiles - 1), |i| (*i > 0).then(|| parent(*i))).count() as i32 - 1;
    // Middle and width of each tile, from its parent's.
    let mut squares: Vec<(f64, f64, f64)> = vec![(0.0, 0.0, LEAF_M * 2f64.powi(depth))];
    let mut doc = TilesetDoc { version: "1.1".into(), ..TilesetDoc::default() };
    for i in 0..tiles {
        if i > 0 {
            let (x, y, width) = squares[parent(i) as usize];
            let side = |bit: u32| if ((i - 1) % 4) >> bit & 1 == 1 { width / 4.0 } else { -width / 4.0 };
            squares.push((x + side(0), y + side(1), width / 2.0));
        }
        let (x, y, width) = squares[i as usize];
        let half = width / 2.0;
        doc.tiles.push(DocTile {
            parent: (i > 0).then(|| parent(i)),
            volume: Volume::Box([x, y, 20.0, half, 0.0, 0.0, 0.0, half, 0.0, 0.0, 0.0, 20.0]),
            content_volume: None,
            viewer_request_volume: None,
            geometric_error: if 4 * i + 1 < tiles { width / 16.0 } else { 0.0 },
            refine: Refine::Replace,
            tileset_from_tile,
            contents: vec![format!("{i}.glb")],
            implicit: None,
            details: None,
        });
    }
    doc
}

/// An engine that knows so many tiles and has loaded all of them.
pub(crate) fn grown(tiles: u32) -> Engine {
    let mut engine = Engine::new(Options { cache_bytes: u64::MAX, ..Options::default() });
    engine.add_tileset("tileset.json".into());
    loop {
        let fetches = engine.fetch_all();
        if fetches.is_empty() {
            assert_eq!(engine.tiles().count(), tiles as usize);
            return engine;
        }
        for fetch in fetches {
            let arrival = match fetch.what {
                What::Content => Arrival::Content(ContentInfo { gpu_bytes: 100, ..ContentInfo::default() }),
                _ => Arrival::Tileset(tileset(tiles)),
            };
            assert!(engine.arrived(fetch.request, Ok(arrival)));
        }
    }
}

/// A view over the middle of the city, `turn` degrees around it.
pub(crate) fn view(turn: f64) -> View {
    let look = LookAt { lon: LON, lat: LAT, height_m: 0.0, distance_m: 1_500.0, heading_deg: turn, pitch_deg: -18.0 };
    View::look_at(&look, 60.0, [1280, 720])
}
