//! `citytwin bake` from files to files: the demo city, and cities that no one would want.

use bytes::Bytes;
use citytwin::bake::model::{
    Area, AreaClass, Building, City, HeightSource, PointClass, PointThing, Polygon, Roof, RoofShape, Solid, Tags, Way,
    WayClass,
};
use citytwin::bake::{BakeError, Cancel, Input, Options, Report, Silent, bake, files_of, merge};
use citytwin_geo::{Geodetic, LonLatRect, LookAt};
use citytwin_manifest::{Asset, Text, Twin};
use citytwin_tiles::{Arrival, Decoded, Engine, TileContent, Value, View, What, decode};
use glam::DVec2;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

fn helsinki() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/Helsinki.osm.pbf")
}

/// A directory that is gone when this value is.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("citytwin-bake-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).expect("listed").map(|e| e.expect("an entry").file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn options(out: &Path) -> Options {
    Options {
        inputs: vec![Input::new(helsinki())],
        out: out.into(),
        title: Text::default(),
        attribution: Vec::new(),
        words: BTreeMap::new(),
        share: None,
        memory_bytes: 0,
        force: false,
    }
}

/// Every file below a directory, by path.
fn files_below(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
                files.insert(name, fs::read(&path).expect("read"));
            }
        }
    }
    files
}

fn content(bytes: &[u8], name: &str) -> TileContent {
    match decode(bytes, name, &What::Content) {
        Ok(Decoded::Content(content)) => content,
        other => panic!("{name}: {other:?}"),
    }
}

fn near_the_origin() -> City {
    let extent = LonLatRect { west: 24.944, south: 60.1695, east: 24.946, north: 60.1705 };
    City { title: Some("Testville".into()), ..City::on(Geodetic::from_degrees(24.945, 60.17, 0.0), extent) }
}

fn ring(corners: &[(f64, f64)]) -> Polygon {
    Polygon { outer: corners.iter().copied().map(DVec2::from).collect(), holes: Vec::new() }
}

fn house(id: &str, corners: &[(f64, f64)], height_m: f64) -> Building {
    let footprint = ring(corners);
    let solid = Solid {
        footprint: footprint.clone(),
        base_m: 0.0,
        top_m: height_m,
        roof: Roof { shape: RoofShape::Flat, height_m: 0.0, direction_deg: None, across: false },
        wall_color: [200; 3],
        roof_color: [100; 3],
    };
    Building {
        tags: Tags { id: id.into(), ..Tags::default() },
        class: "yes".into(),
        outline: vec![footprint],
        solids: vec![solid],
        surfaces: Vec::new(),
        height_m,
        height_source: HeightSource::Tagged,
    }
}

fn tree(id: &str, x: f64, y: f64) -> PointThing {
    let tags = Tags { id: id.into(), ..Tags::default() };
    PointThing { tags, class: PointClass::Tree, position: DVec2::new(x, y), direction_deg: None, height_m: None }
}

fn bake_city(city: &City) -> Result<(BTreeMap<String, Vec<u8>>, Report), BakeError> {
    let mut report = Report::default();
    let title = Text::new([("en", "Testville")]);
    let files = files_of(city, &title, &Cancel::default(), &Silent, &mut report)?;
    Ok((files.into_iter().collect(), report))
}

#[test]
fn helsinki_gives_the_same_bytes_with_any_number_of_threads() {
    let at = Temporary::new("same");
    let bake_with = |threads: usize| {
        let out = at.0.join(format!("twin-{threads}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| bake(&options(&out), &Cancel::default(), &Silent)).expect("a twin");
        files_below(&out)
    };
    let (one, again, four) = (bake_with(1), bake_with(2), bake_with(4));
    assert!(one.len() > 50, "{} files", one.len());
    for (name, bytes) in &one {
        assert!(again.get(name) == Some(bytes) && four.get(name) == Some(bytes), "{name} differs");
    }
    assert_eq!((one.len(), one.len()), (again.len(), four.len()));
    assert_eq!(at.names(), ["twin-1", "twin-2", "twin-4"], "nothing half-written is left behind");
}

#[test]
fn shares_merged_are_one_bake_byte_for_byte() {
    let at = Temporary::new("shares");
    let whole = at.0.join("whole");
    bake(&options(&whole), &Cancel::default(), &Silent).expect("a twin");
    let share = |text: &str| {
        let out = at.0.join(format!("share-{}", text.replace('/', "-of-")));
        let options = Options { share: Some(text.parse().expect(text)), ..options(&out) };
        bake(&options, &Cancel::default(), &Silent).expect("a share");
        out
    };
    // In any order, and a share may be baked again over itself.
    let shares = ["3/3", "1/3", "2/3", "1/3"].map(share);
    let joined = at.0.join("joined");
    merge(&shares[..3], &joined, false, &Cancel::default(), &Silent).expect("a twin");
    let (mut whole, joined) = (files_below(&whole), files_below(&joined));
    // Only for the next bake to the same place.
    assert!(whole.remove("bake.json").is_some() && whole.contains_key("attributes/buildings.parquet"));
    assert_eq!(whole.keys().collect::<Vec<_>>(), joined.keys().collect::<Vec<_>>());
    assert!(whole.iter().all(|(name, bytes)| joined[name] == *bytes));
    let tiles = |path: &PathBuf| files_below(path).keys().filter(|name| name.ends_with(".glb")).count();
    assert!(shares[..3].iter().all(|path| tiles(path) * 2 < whole.len()), "each has its part");
    // Anything but all the shares of one bake is refused.
    let other = at.0.join("other");
    let told =
        Options { share: Some("2/3".parse().expect("a share")), title: Text::new([("en", "X")]), ..options(&other) };
    bake(&told, &Cancel::default(), &Silent).expect("a share");
    let [three, one, two, _] = shares;
    for (shares, expected) in [
        (vec![one.clone(), two.clone()], "2 of 3 shares"),
        (vec![one.clone(), two.clone(), two.clone()], "missing or there twice"),
        (vec![one.clone(), other, three.clone()], "a share of another bake"),
        (vec![at.0.join("whole")], "share.json"),
    ] {
        let refused = merge(&shares, &at.0.join("refused"), false, &Cancel::default(), &Silent).expect_err(expected);
        assert!(refused.to_string().contains(expected), "{refused}");
    }
    assert!(!at.0.join("refused").exists());
}

/// Trees in rows over two kilometres, the one in the middle of this kind; and a few houses.
fn plant(trees: &Path, houses: &Path, species: &str, height: u32) {
    let feature = |id: usize, properties: &str, geometry: &str| {
        format!(r#"{{"type":"Feature","id":"{id}","properties":{{{properties}}},"geometry":{{{geometry}}}}}"#)
    };
    let tree = |i: usize| {
        let (lon, lat) = (10.0 + (i % 45) as f64 * 6e-4, 50.0 + (i / 45) as f64 * 4e-4);
        let species = if i == 45 * 22 + 22 { species } else { "Tilia" };
        let properties = format!(r#""natural":"tree","species":"{species}""#);
        feature(i, &properties, &format!(r#""type":"Point","coordinates":[{lon},{lat}]"#))
    };
    let house = |i: usize| {
        let (w, s) = (10.001 + i as f64 * 1e-3, 50.001);
        let (e, n) = (w + 2e-4, s + 1e-4);
        let properties = format!(r#""building":"yes","height":{height},"name":"House {i}""#);
        let ring = format!(r#""type":"Polygon","coordinates":[[[{w},{s}],[{e},{s}],[{e},{n}],[{w},{n}],[{w},{s}]]]"#);
        feature(i, &properties, &ring)
    };
    fs::write(trees, (0..45 * 45).map(tree).collect::<Vec<_>>().join("\n")).expect("written");
    fs::write(houses, (0..9).map(house).collect::<Vec<_>>().join("\n")).expect("written");
}

#[test]
fn a_bake_after_one_source_changed_makes_only_what_depends_on_it() {
    let at = Temporary::new("again");
    let (trees, houses, out) = (at.0.join("trees.geojson"), at.0.join("houses.geojson"), at.0.join("twin"));
    let bake_to = |out: &Path, force: bool| {
        let inputs = vec![Input::new(&trees), Input::new(&houses)];
        let options = Options { inputs, title: Text::new([("en", "Park")]), force, ..options(out) };
        bake(&options, &Cancel::default(), &Silent).expect("a twin")
    };
    // What a bake without a twin before it would have made, from the same inputs.
    let check = |what: &str| {
        let anew = at.0.join("anew");
        let report = bake_to(&anew, true);
        let (again, anew) = (files_below(&out), files_below(&anew));
        assert_eq!(again.keys().collect::<Vec<_>>(), anew.keys().collect::<Vec<_>>(), "{what}");
        for (name, bytes) in &anew {
            assert!(again[name] == *bytes, "{what}: {name} differs");
        }
        report
    };
    plant(&trees, &houses, "Tilia", 9);
    let first = bake_to(&out, false);
    assert!(first.made > 60 && (first.kept, first.unchanged) == (0, false), "{} made", first.made);
    let written = |name: &str| fs::metadata(out.join(name)).and_then(|about| about.modified()).expect("a time");
    let before = written("twin.json");
    assert!(bake_to(&out, false).unchanged && written("twin.json") == before);

    // One tree is another: its tile, those above it, and the table of its theme; not even the search index.
    plant(&trees, &houses, "Acer", 9);
    let second = bake_to(&out, false);
    let anew = check("a tree");
    assert_eq!(second.made + second.kept, first.made);
    assert!((2..=8).contains(&second.made), "{} made", second.made);
    assert_eq!((second.tilesets, second.files, second.bytes), (anew.tilesets, anew.files, anew.bytes));
    // All houses are higher: their tile and their table.
    plant(&trees, &houses, "Acer", 12);
    let third = bake_to(&out, false);
    check("houses");
    assert!((2..=3).contains(&third.made), "{} made", third.made);

    // A file that is not what it was is made again, and so is one that is gone; a stranger among them is cleared away.
    let tile = files_below(&out).into_keys().find(|name| name.starts_with("furniture/tiles/")).expect("a tile");
    let length = fs::metadata(out.join(&tile)).expect("there").len() as usize;
    fs::write(out.join(&tile), vec![0; length]).expect("written");
    plant(&trees, &houses, "Tilia", 12);
    bake_to(&out, false);
    check("a damaged file");
    fs::remove_file(out.join(&tile)).expect("removed");
    assert_eq!(bake_to(&out, false).made, 1);
    fs::write(out.join("furniture/stranger.glb"), "x").expect("written");
    assert!(!bake_to(&out, false).unchanged && !out.join("furniture/stranger.glb").exists());
    check("a stranger");
    // A record that makes no sense, and a person who asks for it, make all of it.
    for force in [false, true] {
        if !force {
            fs::write(out.join("bake.json"), "{").expect("written");
        }
        let full = bake_to(&out, force);
        assert_eq!((full.made, full.kept), (first.made, 0));
    }
}

/// Houses in a row, each with so many bytes of a picture, as GeoParquet.
fn houses_as_parquet(count: u32, picture_bytes: usize) -> Vec<u8> {
    let schema = "message houses { REQUIRED BYTE_ARRAY id (UTF8); REQUIRED BYTE_ARRAY building (UTF8); REQUIRED \
                  BYTE_ARRAY picture; REQUIRED BYTE_ARRAY geometry; }";
    let schema = parse_message_type(schema).expect("a schema");
    let polygon = |i: u32| -> Vec<u8> {
        let (w, s) = (10.0 + f64::from(i) * 3e-4, 50.0);
        let ring = [[w, s], [w + 2e-4, s], [w + 2e-4, s + 1e-4], [w, s + 1e-4], [w, s]];
        let head = [&[1][..], &3_u32.to_le_bytes(), &1_u32.to_le_bytes(), &5_u32.to_le_bytes()].concat();
        head.into_iter().chain(ring.into_iter().flatten().flat_map(f64::to_le_bytes)).collect()
    };
    let picture = |i: u32| (0..picture_bytes).map(|at| (at as u32 * i) as u8).collect();
    let columns: [&dyn Fn(u32) -> Vec<u8>; 4] =
        [&|i| format!("house {i}").into_bytes(), &|_| b"yes".to_vec(), &picture, &polygon];
    let mut writer = SerializedFileWriter::new(Vec::new(), schema.into(), Default::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    for value in columns {
        let mut column = group.next_column().expect("a column").expect("a column");
        let values: Vec<ByteArray> = (0..count).map(|i| value(i).into()).collect();
        column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("written");
        column.close().expect("closed");
    }
    group.close().expect("closed");
    writer.into_inner().expect("finished")
}

/// The lines of a CityJSONSeq as one document.
fn as_document(lines: &str) -> serde_json::Value {
    fn shift(list: &mut serde_json::Value, by: u64) {
        match list {
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| shift(item, by)),
            number => *number = (number.as_u64().expect("a number") + by).into(),
        }
    }
    let mut lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let mut whole = lines.next().expect("a header");
    for mut feature in lines {
        let first = whole["vertices"].as_array().expect("vertices").len() as u64;
        for (id, object) in feature["CityObjects"].as_object_mut().expect("objects") {
            let geometries = object.get_mut("geometry").and_then(serde_json::Value::as_array_mut);
            geometries.into_iter().flatten().for_each(|geometry| shift(&mut geometry["boundaries"], first));
            whole["CityObjects"][id] = object.take();
        }
        let vertices = feature["vertices"].as_array_mut().expect("vertices");
        whole["vertices"].as_array_mut().expect("vertices").append(vertices);
    }
    whole
}

#[test]
fn what_is_made_does_not_depend_on_the_memory() {
    let at = Temporary::new("memory");
    let (trees, houses) = (at.0.join("trees.geojson"), at.0.join("houses.geojson"));
    plant(&trees, &houses, "Acer", 9);
    // Longer than what is held of a file that was packed.
    let (table, packed) = (at.0.join("houses.parquet"), at.0.join("houses.parquet.gz"));
    let bytes = houses_as_parquet(300, 5_000);
    assert!(bytes.len() > 1 << 20, "{}", bytes.len());
    fs::write(&table, &bytes).expect("written");
    let mut gzip = flate2::write::GzEncoder::new(fs::File::create(&packed).expect("made"), Default::default());
    gzip.write_all(&bytes).and_then(|()| gzip.finish().map(drop)).expect("packed");
    let delft = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/delft/delft.city.jsonl.gz");
    let document = at.0.join("delft.city.json");
    let mut lines = String::new();
    let read = flate2::read::GzDecoder::new(fs::File::open(&delft).expect("the demo")).read_to_string(&mut lines);
    read.and_then(|_| fs::write(&document, as_document(&lines).to_string())).expect("written");
    for (name, inputs) in [
        ("park", vec![&trees, &houses]),
        ("delft", vec![&delft]),
        ("document", vec![&document]),
        ("helsinki", vec![&helsinki()]),
        ("table", vec![&table]),
        ("packed", vec![&packed]),
    ] {
        let bake_with = |memory_bytes: u64| {
            let out = at.0.join(format!("{name}-{memory_bytes}"));
            let inputs = inputs.iter().map(Input::new).collect();
            let options = Options { inputs, memory_bytes, ..options(&out) };
            let report = bake(&options, &Cancel::default(), &Silent).expect("a twin");
            (files_below(&out), report.stages[0].result.contains("for want of memory"))
        };
        // Room for nothing, for some, and for all.
        let (none, some, all) = (bake_with(4), bake_with(1 << 20), bake_with(1 << 30));
        assert_eq!((none.1, some.1, all.1), (true, true, false), "{name}");
        assert_eq!(none.0.keys().collect::<Vec<_>>(), all.0.keys().collect::<Vec<_>>(), "{name}");
        for (file, bytes) in &all.0 {
            assert!(none.0[file] == *bytes && some.0[file] == *bytes, "{name}: {file} differs");
        }
    }
    assert!(at.names().iter().all(|name| !name.starts_with('.')), "no file of those is left: {:?}", at.names());
}

#[test]
fn every_file_of_helsinki_reads_back_without_a_problem() {
    let at = Temporary::new("reads");
    let out = at.0.join("twin");
    let report = bake(&options(&out), &Cancel::default(), &Silent).expect("a twin");
    let files = files_below(&out);
    let twin = Twin::from_json(&files["twin.json"]).expect("a manifest");
    assert_eq!(
        twin.layers.iter().map(|l| l.id.as_str()).collect::<Vec<_>>(),
        ["ground", "transport", "buildings", "furniture"]
    );
    let mut ids = BTreeSet::new();
    for layer in &twin.layers {
        let Ok(Decoded::Tileset(tileset)) = decode(&files[&layer.tileset], &layer.tileset, &What::Json) else {
            panic!("{}", layer.tileset)
        };
        let implicit = tileset.tiles[0].implicit.as_ref().expect("an implicit tree");
        for (name, bytes) in files.range(format!("{}/", layer.id)..format!("{}0", layer.id)) {
            if name.ends_with(".subtree") {
                let subtree = decode(bytes, name, &What::Subtree(implicit.shape.clone()));
                let Ok(Decoded::Subtree(subtree)) = subtree else { panic!("{name}: {subtree:?}") };
                assert_eq!(subtree.problems, []);
                assert!(!subtree.metadata.is_empty() && subtree.metadata.iter().all(|m| m.volume.is_some()), "{name}");
            } else if name.ends_with(".glb") {
                let content = content(bytes, name);
                assert_eq!(content.problems, [], "{name}");
                for table in &content.tables {
                    for row in 0..table.count {
                        let cells = table.row(&content.property_bytes, row);
                        let id = cells.iter().find(|(id, _)| id == "id");
                        let Some((_, Value::Text(id))) = id else { panic!("{name}: row {row}: {cells:?}") };
                        ids.insert(id.clone());
                        let unnamed = cells.iter().find(|(id, _)| !layer.properties.contains_key(id));
                        assert_eq!(unnamed, None, "{name}: every property has words");
                    }
                }
            }
        }
    }
    // Every feature of a tile is a row of its theme's attributes.
    let mut rows = BTreeSet::new();
    assert_eq!(
        twin.attributes.keys().map(String::as_str).collect::<Vec<_>>(),
        ["buildings", "furniture", "ground", "places", "transport"]
    );
    for (theme, url) in &twin.attributes {
        let table = SerializedFileReader::new(Bytes::from(files[url].clone())).expect("a Parquet file");
        for row in table.get_row_iter(None).expect("rows") {
            let Field::Str(id) = row.expect("a row").into_columns().swap_remove(0).1 else { panic!("{theme}: no id") };
            rows.insert(id);
        }
    }
    assert!(ids.is_subset(&rows), "{:?}", ids.difference(&rows).next());
    // What can be found can be picked, unless it is a place without a shape.
    let assets: Vec<Asset> = String::from_utf8(files["assets.ndjson"].clone())
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("an asset"))
        .collect();
    assert!(assets.len() > 1000, "{}", assets.len());
    let buildings = assets.iter().filter(|a| a.category == "building");
    assert!(buildings.clone().count() > 50 && buildings.clone().all(|a| ids.contains(&a.id)));
    let [west, south, east, north] = twin.extent;
    assert!(west < twin.home.lon && twin.home.lon < east && south < twin.home.lat && twin.home.lat < north);
    assert!(report.stages.iter().map(|s| s.name).eq(["read", "mesh", "tile", "attributes", "search", "write"]));
}

#[test]
fn coarse_tiles_draw_fewer_triangles_than_what_is_below_them() {
    let at = Temporary::new("coarse");
    let out = at.0.join("twin");
    bake(&options(&out), &Cancel::default(), &Silent).expect("a twin");
    let files = files_below(&out);
    for theme in ["transport", "buildings", "furniture"] {
        let mut by_level: BTreeMap<u32, u64> = BTreeMap::new();
        for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with(theme) && name.ends_with(".glb")) {
            let level = name.split('/').nth(2).and_then(|level| level.parse().ok()).expect("a level");
            *by_level.entry(level).or_default() += content(bytes, name).info().triangles;
        }
        let first = by_level.first_key_value().map_or(0, |(_, n)| *n);
        assert!(by_level.len() > 1 && first < by_level.values().sum::<u64>() / 2, "{theme}: {by_level:?}");
    }
}

#[test]
fn hostile_names_numbers_and_shapes_never_break_a_tile() {
    let mut city = near_the_origin();
    let square = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)];
    let mut script = house("way/1", &square, 10.0);
    script.tags.name = Some("<script>alert(\"1\")</script>\u{0}\u{202e}".into());
    script.tags.names = [("zh-Hans\"}".to_owned(), "塔".to_owned())].into();
    city.buildings = vec![
        script,
        house("way/2", &square, 1e9),
        house("way/3", &[(f64::NAN, 0.0), (5.0, 0.0), (5.0, 5.0)], 8.0),
        house("way/4", &[(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)], 8.0),
        house("way/5", &square, f64::NAN),
        house("way/6", &[], 5.0),
    ];
    city.areas = vec![Area {
        tags: Tags { id: "way/7".into(), ..Tags::default() },
        class: AreaClass::Park,
        polygons: vec![
            ring(&[(-50.0, -50.0), (f64::INFINITY, 0.0), (0.0, 50.0)]),
            ring(&[(0.0, 0.0), (9.0, 9.0), (9.0, 0.0), (0.0, 9.0)]),
        ],
    }];
    city.ways = vec![Way {
        tags: Tags { id: "way/8".into(), ..Tags::default() },
        class: WayClass::Primary,
        line: vec![DVec2::ZERO, DVec2::NAN, DVec2::new(30.0, 3.0)],
        width_m: f64::INFINITY,
        deck_m: f64::NAN,
        bridge: true,
    }];
    city.points = vec![tree("node/1", f64::NAN, 0.0), tree("node/2", 5.0, 5.0)];
    city.points[1].height_m = Some(f64::INFINITY);
    city.points[1].direction_deg = Some(-1e300);
    let (files, _) = bake_city(&city).expect("a twin");
    let mut names = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".glb")) {
        let content = content(bytes, name);
        assert_eq!(content.problems, [], "{name}");
        for table in &content.tables {
            let cells = (0..table.count).flat_map(|row| table.row(&content.property_bytes, row));
            names.extend(cells.filter(|(id, _)| id.starts_with("name")));
        }
    }
    assert!(
        names.contains(&("name".into(), Value::Text("<script>alert(\"1\")</script>\u{0}\u{202e}".into()))),
        "{names:?}"
    );
    assert!(names.contains(&("name_zh_Hans__".into(), Value::Text("塔".into()))), "{names:?}");
    Twin::from_json(&files["twin.json"]).expect("a manifest");
}

#[test]
fn nothing_and_far_too_much_are_clear_errors() {
    assert!(matches!(bake_city(&near_the_origin()), Err(BakeError::Empty { .. })));
    let mut wide = near_the_origin();
    wide.points = vec![tree("node/1", 0.0, 0.0), tree("node/2", 900_000.0, 0.0)];
    let error = bake_city(&wide).expect_err("too wide");
    assert!(matches!(error, BakeError::TooLarge { .. }) && error.to_string().contains("900 km"), "{error}");
}

#[test]
fn one_tree_makes_a_twin_of_what_there_is() {
    let mut city = near_the_origin();
    city.points = vec![tree("node/1", 3.0, 4.0)];
    city.extent = LonLatRect { west: 24.945, south: 60.17, east: 24.945, north: 60.17 };
    let (files, report) = bake_city(&city).expect("a twin");
    let twin = Twin::from_json(&files["twin.json"]).expect("a manifest, although the extent is a point");
    assert!(twin.layers.iter().any(|l| l.id == "furniture") && twin.layers.iter().all(|l| l.id != "buildings"));
    assert!(report.tilesets.iter().any(|(id, stats)| *id == "furniture" && stats.instances == 1));
}

#[test]
fn a_deep_tree_needs_several_subtrees_and_lists_each_tile_once() {
    let mut city = near_the_origin();
    // Trees every 4 m along 6 km: tiles of 256 m and less in a square of 8 km.
    city.points =
        (0..1500).map(|i| tree(&format!("node/{i}"), f64::from(i) * 4.0 - 3000.0, f64::from(i % 7))).collect();
    // And a crowd in one place, so that the tree goes down deep there.
    city.points.extend(
        (0..3000).map(|i| tree(&format!("node/c{i}"), 10.0 + f64::from(i % 60) * 0.1, 10.0 + f64::from(i / 60) * 0.1)),
    );
    let (files, report) = bake_city(&city).expect("a twin");
    let Ok(Decoded::Tileset(tileset)) = decode(&files["furniture/tileset.json"], "furniture/tileset.json", &What::Json)
    else {
        panic!("a tileset")
    };
    let implicit = tileset.tiles[0].implicit.clone().expect("implicit");
    let subtrees: Vec<&String> =
        files.keys().filter(|name| name.ends_with(".subtree") && name.starts_with("furniture")).collect();
    assert!(
        implicit.levels > implicit.shape.subtree_levels && subtrees.len() > 1,
        "{} levels, {subtrees:?}",
        implicit.levels
    );
    let mut tiles = 0;
    for name in subtrees {
        let Ok(Decoded::Subtree(subtree)) = decode(&files[name], name, &What::Subtree(implicit.shape.clone())) else {
            panic!("{name}")
        };
        tiles += subtree.metadata.len() as u64;
    }
    let stats = report.tilesets.iter().find(|(id, _)| *id == "furniture").expect("furniture").1;
    assert_eq!((tiles, stats.instances), (stats.tiles, 4500));
}

#[test]
fn what_stands_at_the_output_is_safe() {
    let at = Temporary::new("safe");
    let out = at.0.join("site");
    fs::create_dir_all(out.join("photos")).expect("a directory");
    fs::write(out.join("photos/1.jpg"), "a photo").expect("written");
    let refused = bake(&options(&out), &Cancel::default(), &Silent).expect_err("not a twin");
    assert!(matches!(refused, BakeError::OutputExists { .. }), "{refused}");
    assert!(refused.to_string().contains("--force"));
    bake(&Options { force: true, ..options(&out) }, &Cancel::default(), &Silent).expect("forced");
    assert_eq!(fs::read(out.join("photos/1.jpg")).expect("still there"), b"a photo");
    // Now it is a twin: it may be baked again, and what is stale goes.
    fs::write(out.join("ground/stale.glb"), "old").expect("written");
    fs::write(out.join("twin.json.br"), "old").expect("written");
    bake(&options(&out), &Cancel::default(), &Silent).expect("a twin over a twin");
    assert!(!out.join("ground/stale.glb").exists() && !out.join("twin.json.br").exists());
    assert!(out.join("photos/1.jpg").exists());
    assert_eq!(at.names(), ["site"]);
}

#[test]
fn a_bake_that_fails_leaves_nothing_behind() {
    let at = Temporary::new("fails");
    let broken = at.0.join("broken.osm.pbf");
    fs::write(&broken, &fs::read(helsinki()).expect("the demo")[..300_000]).expect("written");
    let missing = at.0.join("missing.osm");
    for input in [&broken, &missing] {
        let options = Options { inputs: vec![Input::new(input)], ..options(&at.0.join("twin")) };
        let error = bake(&options, &Cancel::default(), &Silent).expect_err("it cannot be read").to_string();
        assert!(error.contains(&*input.file_name().expect("a name").to_string_lossy()), "{error}");
    }
    let cancel = Cancel::default();
    cancel.cancel();
    let stopped = bake(&options(&at.0.join("twin")), &cancel, &Silent).expect_err("cancelled");
    assert!(matches!(stopped, BakeError::Interrupted));
    let below_a_file = bake(&options(&broken.join("twin")), &Cancel::default(), &Silent).expect_err("not a directory");
    assert!(below_a_file.to_string().contains("broken.osm.pbf"), "{below_a_file}");
    assert_eq!(at.names(), ["broken.osm.pbf"]);
}

#[test]
fn the_search_index_finds_what_the_asset_lines_hold() {
    let at = Temporary::new("search");
    let out = at.0.join("twin");
    bake(&options(&out), &Cancel::default(), &Silent).expect("a twin");
    let twin = Twin::from_json(&fs::read(out.join("twin.json")).expect("read")).expect("a manifest");
    let root = out.join(twin.search.expect("a twin with assets has an index"));
    let mut index = citytwin::search::Folder::open(root.parent().expect("a folder")).expect("an index");
    let assets = fs::read_to_string(out.join(twin.assets.expect("assets"))).expect("read");
    let assets: Vec<Asset> = assets.lines().map(|line| serde_json::from_str(line).expect("an asset")).collect();
    assert!(assets.len() > 1000);
    for asset in assets.iter().step_by(97) {
        let near = Some((asset.lon, asset.lat));
        let answer = index.answer(&citytwin_search::Query { near, ..citytwin_search::Query::new(&asset.name) });
        assert_eq!(answer.problems, []);
        assert!(answer.hits.iter().any(|(_, hit)| hit.record.id == asset.id), "{} {}", asset.id, asset.name);
    }
}

/// Whether a directory has files below it, at least so many.
fn has_files(root: &Path, least: usize) -> bool {
    let Ok(entries) = fs::read_dir(root) else { return false };
    let mut count = 0;
    let mut open: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    while let Some(path) = open.pop() {
        match fs::read_dir(&path) {
            Ok(entries) => open.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) => count += 1,
        }
    }
    count >= least
}

#[test]
fn a_bake_that_is_killed_leaves_the_twin_as_it_was_and_the_next_one_clears_up() {
    let at = Temporary::new("killed");
    let out = at.0.join("twin");
    let tree = at.0.join("tree.geojson");
    let text =
        r#"{"type":"Feature","properties":{"natural":"tree"},"geometry":{"type":"Point","coordinates":[24.9,60.1]}}"#;
    fs::write(&tree, text).expect("written");
    let small = Options { inputs: vec![Input::new(&tree)], ..options(&out) };
    bake(&small, &Cancel::default(), &Silent).expect("a twin");
    let before = files_below(&out);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_citytwin"))
        .args(["bake", "--quiet"])
        .arg(helsinki())
        .arg("--out")
        .arg(&out)
        .spawn()
        .expect("started");
    let partial = at.0.join(format!(".twin.partial-{}", child.id()));
    // Whoever is faster: a bake that is already done proves nothing, and says so.
    while !has_files(&partial, 5) {
        assert_eq!(child.try_wait().expect("a state"), None, "it ended before it could be killed");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(files_below(&out), before, "the twin is as it was");
    assert!(partial.exists());
    bake(&options(&out), &Cancel::default(), &Silent).expect("a twin");
    assert_eq!(at.names(), ["tree.geojson", "twin"], "nothing half-written is left behind");
    assert!(files_below(&out).len() > 50);
    // Killed between its two renames, a bake leaves the old twin under another name.
    let (old, nobody) = (at.0.join(".twin.old-4000000000"), at.0.join("nothing.geojson"));
    fs::rename(&out, &old).expect("moved");
    let missing = Options { inputs: vec![Input::new(&nobody)], ..options(&out) };
    bake(&missing, &Cancel::default(), &Silent).expect_err("no such file");
    assert!(out.join("twin.json").is_file() && !old.exists(), "it is put back");
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must be loud")]
fn a_full_disk_is_one_clear_error_and_leaves_nothing() {
    let at = Temporary::new("full");
    let disk = at.0.join("disk");
    fs::create_dir(&disk).expect("a directory");
    let mount = |arguments: &[&str]| {
        std::process::Command::new("mount").args(arguments).arg(&disk).output().is_ok_and(|out| out.status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=512k", "tmpfs"]) {
        eprintln!("SKIPPED: a small disk can be mounted by root on Linux only");
        return;
    }
    let error = bake(&options(&disk.join("twin")), &Cancel::default(), &Silent).expect_err("a full disk");
    let left = fs::read_dir(&disk).expect("listed").count();
    let unmounted = std::process::Command::new("umount").arg(&disk).status().is_ok_and(|status| status.success());
    assert!(unmounted);
    assert!(matches!(error, BakeError::Io { .. }) && error.to_string().contains("space"), "{error}");
    assert_eq!(left, 0, "nothing is left on it");
}

/// Bytes of the files that the engine asks for until a view of 1280 × 720 pixels is as detailed as it is to be.
fn settled_bytes(files: &BTreeMap<String, Vec<u8>>, twin: &Twin, look: &LookAt) -> u64 {
    let view = View::look_at(look, 60.0, [1280, 720]);
    let options = citytwin_tiles::Options { max_error_px: 16.0, preload: false, ..Default::default() };
    let mut engine = Engine::new(options);
    for layer in &twin.layers {
        engine.add_tileset(layer.tileset.clone());
    }
    let mut bytes = 0;
    loop {
        let frame = engine.update(&view).clone();
        if frame.settled {
            return bytes;
        }
        assert!(!frame.fetch.is_empty(), "nothing is asked for, and it is not settled");
        for fetch in frame.fetch {
            let file = &files[&fetch.url];
            bytes += file.len() as u64;
            let arrival = match decode(file, &fetch.url, &fetch.what).expect("a sound file") {
                Decoded::Tileset(doc) => Arrival::Tileset(doc),
                Decoded::Subtree(doc) => Arrival::Subtree(doc),
                Decoded::Content(content) => Arrival::Content(content.info()),
                other => panic!("{other:?}"),
            };
            engine.arrived(fetch.request, Ok(arrival));
        }
    }
}

/// Bytes of a glb's compressed buffers, and those of its geometry as plain floats and 32-bit indices.
fn geometry_bytes(glb: &[u8]) -> [u64; 2] {
    let length = u32::from_le_bytes(glb[12..16].try_into().expect("a length")) as usize;
    let json: serde_json::Value = serde_json::from_slice(&glb[20..20 + length]).expect("JSON");
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let compressed = list(&json["bufferViews"])
        .iter()
        .filter_map(|view| view["extensions"]["EXT_meshopt_compression"]["byteLength"].as_u64())
        .sum();
    let mut plain: BTreeMap<u64, u64> = BTreeMap::new();
    let mut add = |accessor: &serde_json::Value, item_bytes: u64| {
        let Some(accessor) = accessor.as_u64() else { return };
        let count = json["accessors"][accessor as usize]["count"].as_u64().expect("a count");
        plain.insert(accessor, count * item_bytes);
    };
    for primitive in list(&json["meshes"]).iter().flat_map(|mesh| list(&mesh["primitives"])) {
        for (name, accessor) in primitive["attributes"].as_object().expect("attributes") {
            add(accessor, if matches!(name.as_str(), "POSITION" | "NORMAL") { 12 } else { 4 });
        }
        add(&primitive["indices"], 4);
    }
    [compressed, plain.values().sum()]
}

#[test]
fn helsinki_is_a_fifth_of_plain_gltf_and_no_view_of_it_needs_six_megabytes() {
    let at = Temporary::new("bytes");
    let out = at.0.join("twin");
    bake(&options(&out), &Cancel::default(), &Silent).expect("a twin");
    let files = files_below(&out);
    let glbs = files.iter().filter(|(name, _)| name.ends_with(".glb"));
    let [compressed, plain] = glbs.map(|(_, glb)| geometry_bytes(glb)).fold([0, 0], |[a, b], [c, d]| [a + c, b + d]);
    assert!(plain > 5_000_000 && compressed * 5 <= plain, "{compressed} of {plain} bytes");
    let twin = Twin::from_json(&files["twin.json"]).expect("a manifest");
    for distance_m in [100.0, 300.0, 900.0, 2700.0] {
        for (pitch_deg, heading_deg) in [(-90.0, 0.0), (-35.0, 335.0), (-10.0, 100.0)] {
            let look = LookAt { distance_m, pitch_deg, heading_deg, ..twin.home };
            let bytes = settled_bytes(&files, &twin, &look);
            assert!((10_000..6_000_000).contains(&bytes), "{bytes} bytes from {distance_m} m at {pitch_deg}°");
        }
    }
}
