use super::*;
use crate::{Arrival, ContentInfo, Decoded, Engine, Frame, Options, TileState, View, What, decode, wire};
use citytwin_geo::{LookAt, ecef_from_geodetic};
use glam::{DMat4, DVec3};

const PLACE: TerrainPlace = TerrainPlace { grid: TerrainGrid::Geographic, level: 12, at: [4_660, 3_417] };

fn tile(format: TerrainFormat, place: TerrainPlace, above: u32) -> What {
    What::Terrain(TerrainTile { format, place, above, offset_m: 0.0 })
}

/// A quantized-mesh tile of two triangles, from `low` in the south-west to `high` in the north-east.
fn slope(low: f32, high: f32) -> Vec<u8> {
    let mut out = vec![0; 24];
    out.extend([low, high].iter().flat_map(|height| height.to_le_bytes()));
    out.resize(88, 0);
    out.extend(4_u32.to_le_bytes());
    let most = 32_767;
    for coordinates in [[0, most, 0, most], [0, 0, most, most], [0, most / 2, most / 2, most]] {
        let mut before = 0;
        for value in coordinates {
            let by: i32 = value - before;
            before = value;
            out.extend((((by << 1) ^ (by >> 31)) as u16).to_le_bytes());
        }
    }
    // Corners 0, 1, 2 and 2, 1, 3, in "high water mark" coding.
    let codes = [0_u16, 0, 0, 1, 2, 0];
    out.extend(2_u32.to_le_bytes());
    out.extend(codes.iter().flat_map(|code| code.to_le_bytes()));
    out.extend([0; 16]); // no vertices at the edges: nobody reads them
    out
}

fn content(bytes: &[u8], what: &What) -> TileContent {
    match decode(bytes, "https://h/t.terrain", what) {
        Ok(Decoded::Content(content)) => content,
        other => panic!("{other:?}"),
    }
}

/// Positions, normals and places in Web Mercator.
fn vertices(content: &TileContent) -> Vec<[f32; 8]> {
    let floats =
        |bytes: &[u8]| std::array::from_fn(|i| f32::from_le_bytes(bytes[4 * i..4 * i + 4].try_into().unwrap()));
    content.vertices.chunks_exact(32).map(floats).collect()
}

fn triangles(content: &TileContent) -> Vec<[u32; 3]> {
    let index = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    content.indices.chunks_exact(12).map(|t| [index(&t[..4]), index(&t[4..8]), index(&t[8..])]).collect()
}

#[test]
fn tiles_lie_where_their_grids_say() {
    let degrees = |place: TerrainPlace| place.rect_rad().map(|rad| (rad.to_degrees() * 1e6).round() / 1e6);
    let place = |grid, level, at| TerrainPlace { grid, level, at };
    assert_eq!(degrees(place(TerrainGrid::Geographic, 0, [1, 0])), [0.0, -90.0, 180.0, 90.0]);
    assert_eq!(degrees(place(TerrainGrid::Geographic, 2, [0, 3])), [-180.0, 45.0, -135.0, 90.0]);
    assert_eq!(degrees(place(TerrainGrid::Mercator, 0, [0, 0])), [-180.0, -85.051_129, 180.0, 85.051_129]);
    assert_eq!(degrees(place(TerrainGrid::Mercator, 1, [1, 1])), [0.0, 0.0, 180.0, 85.051_129]);
    for place in [PLACE, place(TerrainGrid::Mercator, 13, [4_660, 5_000])] {
        let [lon, lat] = place.lon_lat_rad(0.25, 0.75);
        let [u, v] = place.share_of(lon, lat);
        assert!((u - 0.25).abs() < 1e-6 && (v - 0.75).abs() < 1e-6, "{u} {v}");
        let [whole, parts] = [place.rect_rad(), place.children()[3].rect_rad()];
        assert!((whole[2] - parts[2]).abs() < 1e-12 && (whole[3] - parts[3]).abs() < 1e-12, "north-east comes last");
    }
}

#[test]
fn a_quantized_mesh_lies_on_the_earth_at_its_heights() {
    let content = content(&slope(100.0, 300.0), &tile(TerrainFormat::QuantizedMesh, PLACE, 0));
    let vertices = vertices(&content);
    assert_eq!(vertices.len(), 4 + 4 * 2, "four corners, and a skirt of two feet at each side");
    let frame = PLACE.frame();
    for (i, (u, v, height_m)) in
        [(0.0, 0.0, 100.0), (1.0, 0.0, 200.0), (0.0, 1.0, 200.0), (1.0, 1.0, 300.0)].iter().enumerate()
    {
        let [lon_rad, lat_rad] = PLACE.lon_lat_rad(*u, *v);
        let expected = frame.enu_from_geodetic(Geodetic { lon_rad, lat_rad, height_m: *height_m });
        let found = DVec3::new(vertices[i][0].into(), vertices[i][1].into(), vertices[i][2].into());
        assert!(found.distance(expected) < 0.02, "{i}: {found} {expected}");
        assert!(vertices[i][5] > 0.9, "its normal points up: {:?}", &vertices[i][3..6]);
        assert_eq!([f64::from(vertices[i][6]), f64::from(vertices[i][7]).round()], [*u, *v]);
    }
    let ground = content.ground.as_ref().expect("heights");
    let [lon, lat] = PLACE.lon_lat_rad(0.5, 0.5);
    assert!((ground.height_m(lon, lat).expect("inside") - 200.0).abs() < 0.02);
    assert_eq!(ground.height_m(lon + 1.0, lat), None);
    assert_eq!(content.info().ground_m, Some([100.0, 300.0]));
    let crossed = wire::from_bytes::<TileContent>(&wire::to_bytes(&content)).expect("the header that was written");
    assert_eq!(crossed.ground, content.ground, "heights reach the page");
    assert_eq!(wire::from_bytes(&wire::to_bytes(&content.info())), Ok(content.info()));
    // Whatever their order in the file, triangles are seen from above.
    for corners in &triangles(&content)[..2] {
        let [a, b, c] = corners.map(|i| glam::Vec3::from_slice(&vertices[i as usize][..3]));
        assert!((b - a).cross(c - a).z > 0.0);
    }
}

#[test]
fn skirts_hang_below_every_side_and_end_at_the_corners() {
    let content = content(&slope(0.0, 10.0), &tile(TerrainFormat::QuantizedMesh, PLACE, 0));
    let vertices = vertices(&content);
    let skirts = &triangles(&content)[2..];
    assert_eq!(skirts.len(), 8);
    // A side hangs from its first corner by one triangle, from its last by two.
    let borne = [0, 1, 2, 3].map(|corner| skirts.iter().flatten().filter(|i| **i == corner).count());
    assert_eq!(borne, [2, 3, 3, 4]);
    let depth_m = PLACE.side_m() / 40.0;
    let feet = vertices[4..].iter().map(|foot| f64::from(foot[2]));
    assert!(feet.clone().all(|z| z < 10.0 - depth_m + 0.1), "{feet:?}");
}

#[test]
fn a_part_of_a_coarser_tile_is_what_lies_there() {
    let parent = TerrainPlace { level: 11, at: PLACE.at.map(|at| at / 2), ..PLACE };
    let whole = content(&slope(0.0, 400.0), &tile(TerrainFormat::QuantizedMesh, parent, 0));
    let heights = whole.ground.as_ref().expect("heights");
    for child in parent.children() {
        let part = content(&slope(0.0, 400.0), &tile(TerrainFormat::QuantizedMesh, child, 1));
        let own = part.ground.as_ref().expect("heights");
        for (u, v) in [(0.02, 0.02), (0.5, 0.5), (0.3, 0.9), (0.98, 0.4)] {
            let [lon, lat] = child.lon_lat_rad(u, v);
            let [a, b] = [own, heights].map(|ground| ground.height_m(lon, lat).expect("inside"));
            assert!((a - b).abs() < 0.5, "{a} {b} at {u} {v} of {child:?}");
        }
        let sides = vertices(&part);
        for (axis, side) in [(6, 0.0), (6, 1.0), (7, 0.0), (7, 1.0)] {
            assert!(
                sides.iter().any(|vertex| vertex[axis] == side),
                "it ends where the tile does, and hangs a skirt there"
            );
        }
    }
}

/// A terrarium picture of a height for each pixel.
fn terrarium(side: u32, height_m: impl Fn(u32, u32) -> f64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Rgb);
    let pixels = (0..side * side).flat_map(|i| {
        let steps = ((height_m(i % side, i / side) + 32_768.0) * 256.0).round() as u32;
        [(steps >> 16) as u8, (steps >> 8) as u8, steps as u8]
    });
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&pixels.collect::<Vec<u8>>()).expect("pixels");
    writer.finish().expect("a picture");
    bytes
}

#[test]
fn terrarium_pixels_become_ground_at_their_heights() {
    let place = TerrainPlace { grid: TerrainGrid::Mercator, level: 13, at: [4_660, 5_000] };
    let what = tile(TerrainFormat::Terrarium, place, 0);
    // A slope to the east of 2 m a pixel, and a tower of 60 m.
    let slope =
        |x: u32, y: u32| 2.0 * f64::from(x) + if (100..110).contains(&x) && (40..50).contains(&y) { 60.0 } else { 0.0 };
    let content = content(&terrarium(256, slope), &what);
    let ground = content.ground.as_ref().expect("heights");
    let at = |u: f64, v: f64| {
        let [lon, lat] = place.lon_lat_rad(u, v);
        ground.height_m(lon, lat).expect("inside")
    };
    assert!((at(0.5, 0.5) - 255.0).abs() < 1.0, "{}", at(0.5, 0.5));
    assert!((at(0.0, 0.3) + 1.0).abs() < 1.0, "half a pixel beyond the first: {}", at(0.0, 0.3));
    assert!(at(0.41, 1.0 - 45.0 / 256.0) > 240.0, "the tower stands in the north");
    let count = content.info().triangles;
    assert!((50..4_000).contains(&count), "{count} triangles");
    let flat = self::content(&terrarium(256, |_, _| 7.0), &what).info();
    assert!(flat.triangles < count, "{} triangles for a plain", flat.triangles);
    assert_eq!(flat.ground_m, Some([7.0, 7.0]));
}

#[test]
fn neighbours_meet() {
    let place = TerrainPlace { grid: TerrainGrid::Mercator, level: 13, at: [4_660, 5_000] };
    let east = TerrainPlace { at: [place.at[0] + 1, place.at[1]], ..place };
    let wave = |x: u32| 40.0 * (f64::from(x) / 37.0).sin();
    let [a, b] = [(place, 0), (east, 256)].map(|(place, from)| {
        let bytes = terrarium(256, |x, y| wave(x + from) + 0.3 * f64::from(y));
        content(&bytes, &tile(TerrainFormat::Terrarium, place, 0)).ground.expect("heights")
    });
    for v in [0.0, 0.13, 0.5, 0.77, 1.0] {
        let [lon, lat] = place.lon_lat_rad(1.0, v);
        let heights = [a.height_m(lon - 1e-12, lat), b.height_m(lon + 1e-12, lat)].map(|height| height.expect("there"));
        assert!((heights[0] - heights[1]).abs() < 1.2, "{heights:?}");
    }
}

#[test]
#[allow(clippy::print_stderr)] // says so when there is nothing to test
fn samples_of_others_are_read() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tiles/terrain");
    let Ok(plain) = read_file(&dir.join("maptiler_10_1070_778.terrain")) else {
        eprintln!("SKIPPED: {} is not there", dir.display());
        return;
    };
    let place = TerrainPlace { grid: TerrainGrid::Geographic, level: 10, at: [1_070, 778] };
    let content = content(&plain, &tile(TerrainFormat::QuantizedMesh, place, 0));
    let [low, high] = content.info().ground_m.expect("heights");
    assert!((400.0..600.0).contains(&low) && (2_000.0..4_000.0).contains(&high), "the Alps: {low} to {high} m");
    let extended = read_file(&dir.join("tile-with-extensions.terrain")).expect("a sample");
    let content = self::content(&extended, &tile(TerrainFormat::QuantizedMesh, place, 0));
    assert!(vertices(&content).iter().all(|v| (v[3].hypot(v[4]).hypot(v[5]) - 1.0).abs() < 0.01), "its own normals");
    let picture = read_file(&dir.join("terrarium.png")).expect("a sample");
    let place = TerrainPlace { grid: TerrainGrid::Mercator, level: 10, at: [500, 600] };
    let content = self::content(&picture, &tile(TerrainFormat::Terrarium, place, 0));
    let [low, high] = content.info().ground_m.expect("heights");
    assert!(low > -500.0 && high < 9_000.0 && high - low > 100.0, "{low} to {high}");
}

#[allow(clippy::disallowed_methods)] // files of others, where they are
fn read_file(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}

#[test]
fn corrupted_tiles_are_refused_with_what_is_wrong() {
    let what = tile(TerrainFormat::QuantizedMesh, PLACE, 0);
    let good = slope(0.0, 100.0);
    let with = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        bad
    };
    let indices = 88 + 4 + 6 * 4 + 4;
    for (name, bytes, code, words) in [
        ("nothing", Vec::new(), "content-malformed", "terrain header"),
        ("a header cut off", good[..90].to_vec(), "content-malformed", "terrain header"),
        ("vertices cut off", good[..100].to_vec(), "content-malformed", "terrain vertices"),
        ("indices cut off", good[..indices + 5].to_vec(), "content-malformed", "terrain indices"),
        ("edges cut off", good[..good.len() - 1].to_vec(), "content-malformed", "terrain edge"),
        ("no height", with(24, &f32::NAN.to_le_bytes()), "content-malformed", "terrain between"),
        ("heights the wrong way round", with(28, &(-1.0_f32).to_le_bytes()), "content-malformed", "terrain between"),
        ("a mountain of a million metres", with(28, &1e6_f32.to_le_bytes()), "content-malformed", "terrain between"),
        ("more vertices than any tile", with(88, &u32::MAX.to_le_bytes()), "content-too-large", "vertices"),
        ("more vertices than bytes", with(88, &9_999_u32.to_le_bytes()), "content-malformed", "terrain vertices"),
        (
            "more triangles than bytes",
            with(indices - 4, &u32::MAX.to_le_bytes()),
            "content-malformed",
            "terrain indices",
        ),
        ("an index before the first", with(indices, &7_u16.to_le_bytes()), "content-malformed", "terrain index"),
        ("more edges than bytes", with(good.len() - 4, &u32::MAX.to_le_bytes()), "content-malformed", "terrain edge"),
        ("gzip", b"\x1f\x8b\x08".to_vec(), "content-unsupported", "gzip"),
    ] {
        let problem = decode(&bytes, "https://h/t.terrain", &what).expect_err(name);
        assert!(problem.code == code && problem.message.contains(words), "{name}: {problem}");
    }
    let mut empty = good.clone();
    empty[indices - 4..indices].copy_from_slice(&0_u32.to_le_bytes());
    empty.drain(indices..indices + 12);
    let problem = decode(&empty, "t", &what).expect_err("no triangles");
    assert!(problem.message.contains("without triangles"), "{problem}");
    // Any single byte may be anything.
    for at in 0..good.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let _ = decode(&with(at, &[value]), "t", &what);
        }
    }
}

#[test]
fn corrupted_pictures_are_refused_with_what_is_wrong() {
    let place = TerrainPlace { grid: TerrainGrid::Mercator, level: 9, at: [1, 1] };
    let what = tile(TerrainFormat::Terrarium, place, 0);
    let good = terrarium(64, |x, y| f64::from(x + y));
    for (name, bytes, words) in [
        ("no picture", b"GIF89a".to_vec(), "PNG"),
        ("cut off", good[..good.len() / 2].to_vec(), "PNG"),
        ("of another size", terrarium(65, |_, _| 0.0), "65 × 65 pixels"),
        ("too small", terrarium(2, |_, _| 0.0), "2 × 2 pixels"),
    ] {
        let problem = decode(&bytes, "t", &what).expect_err(name);
        assert!(problem.message.contains(words), "{name}: {problem}");
    }
    let problem = decode(&good, "t", &tile(TerrainFormat::Terrarium, place, 1)).expect_err("a part");
    assert!(problem.message.contains("a part"), "{problem}");
}

const LAYER: &str = r#"{"tilejson":"2.1.0","format":"quantized-mesh-1.0","version":"1.2","scheme":"tms",
    "projection":"EPSG:4326","tiles":["{z}/{x}/{y}.terrain?v={version}"],"attribution":"© us",
    "available":[[{"startX":0,"startY":0,"endX":1,"endY":0}],[{"startX":2,"startY":1,"endX":3,"endY":1}]]}"#;

fn layer(json: &str) -> Result<TerrainDoc, Problem> {
    match decode(json.as_bytes(), "https://h/terrain/layer.json", &What::TerrainLayer)? {
        Decoded::Terrain(doc) => Ok(doc),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_layer_says_which_tiles_there_are_and_where() {
    let doc = layer(LAYER).expect("a layer");
    assert_eq!((doc.max_level, doc.attribution.as_deref()), (1, Some("© us")));
    let place = |level, at| TerrainPlace { grid: TerrainGrid::Geographic, level, at };
    assert_eq!(doc.url(&place(1, [3, 1])), "https://h/terrain/1/3/1.terrain?v=1.2");
    let has =
        [place(0, [1, 0]), place(1, [2, 1]), place(1, [1, 1]), place(1, [2, 0]), place(2, [4, 2])].map(|p| doc.has(&p));
    assert_eq!(has, [true, true, false, false, false]);
    let flipped = layer(&LAYER.replace("\"tms\"", "\"slippyMap\"")).expect("a layer");
    assert_eq!(flipped.url(&place(1, [3, 1])), "https://h/terrain/1/3/0.terrain?v=1.2");
    assert!(flipped.has(&place(1, [2, 0])) && !flipped.has(&place(1, [2, 1])));
}

#[test]
fn a_wrong_layer_says_what_is_wrong() {
    for (from, to, words) in [
        ("quantized-mesh-1.0", "heightmap-1.0", "heightmap-1.0"),
        ("EPSG:4326", "EPSG:3067", "EPSG:3067"),
        ("\"tms\"", "\"snake\"", "snake"),
        ("\"tiles\"", "\"tilez\"", "no \"tiles\""),
        ("{y}", "y", "lacks {z}, {x} or {y}"),
        ("\"endX\":1", "\"endX\":-1", "lacks startX"),
        ("{\"tilejson\"", "[{\"tilejson\"", "layer.json"),
    ] {
        let problem = layer(&LAYER.replacen(from, to, 1)).expect_err(to);
        assert!(problem.message.contains(words), "{to}: {problem}");
    }
}

// ---- In the engine --------------------------------------------------------------------------------------------------

const AREA: [f64; 4] = [24.90, 60.15, 24.98, 60.19];

fn view(distance_m: f64) -> View {
    let look = LookAt { lon: 24.94, lat: 60.17, height_m: 0.0, distance_m, heading_deg: 30.0, pitch_deg: -40.0 };
    View::look_at(&look, 60.0, [800, 600])
}

fn terrain(url: &str, format: TerrainFormat) -> TerrainSource {
    TerrainSource { format, url: url.into(), max_level: 14, offset_m: 0.0, area_deg: Some(AREA) }
}

/// Answers every fetch until nothing more is asked for; `None` fails.
fn load(engine: &mut Engine, view: &View, answer: &dyn Fn(&What, &str) -> Option<Arrival>) -> (Frame, Vec<String>) {
    let mut urls = Vec::new();
    for _ in 0..200 {
        let frame = engine.update(view).clone();
        if frame.idle {
            return (frame, urls);
        }
        for fetch in frame.fetch {
            urls.push(fetch.url.clone());
            let arrival = answer(&fetch.what, &fetch.url);
            engine.arrived(fetch.request, arrival.ok_or_else(|| Problem::new("gone", "404", fetch.url)));
        }
    }
    panic!("it never came to rest");
}

fn some_ground(low: f64, high: f64) -> Arrival {
    Arrival::Content(ContentInfo { gpu_bytes: 1000, ground_m: Some([low, high]), ..ContentInfo::default() })
}

#[test]
fn terrarium_tiles_are_chosen_like_any_others_within_the_area() {
    let mut engine = Engine::new(Options { preload: false, ..Options::default() });
    engine.add_terrain(terrain("https://h/{z}/{x}/{y}.png", TerrainFormat::Terrarium));
    let (frame, urls) = load(&mut engine, &view(900.0), &|_, _| Some(some_ground(10.0, 40.0)));
    let levels: Vec<u32> = frame.draw.iter().map(|id| level_of(&engine, *id)).collect();
    assert!(levels.iter().any(|level| *level >= 13) && levels.iter().all(|level| *level <= 14), "{levels:?}");
    assert!(urls.iter().all(|url| url.starts_with("https://h/1")), "no tile of the whole Earth: {urls:?}");
    assert!(urls.len() < 40, "{}", urls.len());
    // The one under the target is in the finest rows, counted from the north.
    assert!(urls.iter().any(|url| url.contains("/13/4663/") || url.contains("/14/9327/")), "{urls:?}");
}

fn level_of(engine: &Engine, id: crate::TileId) -> u32 {
    let url = engine.tile(id).expect("a tile").content_url;
    url.split('/').nth(3).and_then(|level| level.parse().ok()).expect("a level")
}

#[test]
fn a_parent_stays_until_all_its_children_are_there_and_where_one_is_missing() {
    let mut engine = Engine::new(Options::default());
    engine.add_terrain(terrain("https://h/{z}/{x}/{y}.png", TerrainFormat::Terrarium));
    let coarse = |url: &str| url.contains("/12/");
    let (frame, _) = load(&mut engine, &view(900.0), &|_, url| coarse(url).then(|| some_ground(0.0, 30.0)));
    assert!(!frame.draw.is_empty(), "what there is, is drawn");
    assert!(frame.draw.iter().all(|id| level_of(&engine, *id) == 12), "although finer ground was asked for");
}

#[test]
fn bounds_follow_the_heights_that_arrive() {
    let mut engine = Engine::new(Options { preload: false, ..Options::default() });
    engine.add_terrain(terrain("https://h/{z}/{x}/{y}.png", TerrainFormat::Terrarium));
    load(&mut engine, &view(2_000.0), &|_, _| Some(some_ground(700.0, 900.0)));
    let up = ecef_from_geodetic(Geodetic::from_degrees(24.94, 60.17, 0.0)).normalize();
    let loaded = |id: &crate::TileId| engine.tile(*id).is_some_and(|tile| tile.state == TileState::Loaded);
    for id in engine.tiles().filter(loaded) {
        let tile = engine.tile(id).expect("a tile");
        let height_m = (tile.center_ecef - tile.ecef_from_tile.w_axis.truncate()).dot(up);
        assert!((550.0..950.0).contains(&height_m), "{height_m} of {}", tile.content_url);
        assert_eq!(tile.ecef_from_tile.determinant().signum(), 1.0);
        assert_ne!(tile.ecef_from_tile, DMat4::IDENTITY);
    }
}

#[test]
fn where_a_level_ends_in_the_middle_of_the_view_its_parent_fills_the_rest() {
    let mut engine = Engine::new(Options { preload: false, ..Options::default() });
    engine.add_terrain(terrain("https://h/layer.json", TerrainFormat::QuantizedMesh));
    // Of level 12, only what lies west of the target.
    let whole = |level: u32| {
        let [columns, rows] = TerrainPlace::counts(TerrainGrid::Geographic, level);
        vec![[0, 0, columns - 1, rows - 1]]
    };
    let mut available: Vec<Vec<[u32; 4]>> = (0..12).map(whole).collect();
    let here = TerrainPlace { level: 12, ..PLACE }.share_of(24.94_f64.to_radians(), 60.17_f64.to_radians());
    let column = (f64::from(PLACE.at[0]) + here[0]).floor() as u32 & !1;
    available.push(vec![[0, 0, column, 4_095]]);
    let doc = TerrainDoc {
        grid: TerrainGrid::Geographic,
        templates: vec!["https://h/{z}/{x}/{y}.terrain".into()],
        y_from_north: false,
        available,
        max_level: 12,
        attribution: None,
    };
    let answer = |what: &What, _: &str| match what {
        What::TerrainLayer => Some(Arrival::Terrain(doc.clone())),
        What::Terrain(tile) => {
            assert_eq!(tile.above, u32::from(tile.place.level == 12 && tile.place.at[0] > column));
            Some(some_ground(0.0, 20.0))
        }
        other => panic!("{other:?}"),
    };
    let (frame, urls) = load(&mut engine, &view(900.0), &answer);
    assert_eq!(urls[0], "https://h/layer.json");
    let mut again: Vec<&String> = urls.iter().filter(|url| url.contains("/11/")).collect();
    let files = again.len();
    again.dedup();
    assert!(again.len() < files || files > 1, "a file of level 11 is read for a part too: {urls:?}");
    assert!(!frame.draw.is_empty());
    assert_eq!(frame.progress.failed, 0);
}

#[test]
fn a_layer_that_cannot_be_had_is_a_problem_and_nothing_more() {
    let mut engine = Engine::new(Options::default());
    let id = engine.add_terrain(terrain("https://h/layer.json", TerrainFormat::QuantizedMesh));
    let (frame, urls) = load(&mut engine, &view(900.0), &|_, _| None);
    assert!(frame.draw.is_empty() && urls.len() == 1, "{urls:?}");
    engine.remove_tileset(id);
    engine.update(&view(900.0));
    assert_eq!(engine.failed().count(), 0);
}
