//! Inputs of every kind from bytes to tiles: real ones against an independent reading, broken ones against a sentence.

use citytwin::bake::model::{Building, City, Property, Surface, SurfaceClass};
use citytwin::bake::source::{self, read_bytes};
use citytwin::bake::{AxisOrder, Cancel, Input, Report, Silent, files_of, recipe};
use citytwin_geo::{EnuFrame, Geodetic};
use citytwin_manifest::{Theme, Twin};
use citytwin_tiles::{
    Component, Decoded, Primitive, TerrainFormat, TerrainGrid, TerrainPlace, TerrainTile, TileContent, Value as Cell,
    What, decode,
};
use glam::{DMat4, DVec2, DVec3};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A folder of the shared data; nothing, and a loud line, where it is not there.
#[expect(clippy::print_stderr, reason = "a skipped test must be loud")]
fn shared(path: &str) -> Option<PathBuf> {
    let path = repository("../shared/data").join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there", path.display());
    None
}

fn delft_text() -> String {
    let bytes = std::fs::read(repository("demo/delft/delft.city.jsonl.gz")).expect("the demo");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("text");
    text
}

fn delft() -> City {
    let options = recipe::read(&repository("demo/delft/city.toml")).expect("a description");
    source::read(&options.inputs, &Silent).expect("a city")
}

/// What the file itself says of a building, read without any code of ours.
struct Told {
    /// Height of its highest corner above its lowest at level of detail 2.2, metres.
    height_m: f64,
    /// Its own attribute, m³.
    volume_m3: f64,
    /// Faces at level of detail 2.2.
    faces: usize,
    /// What they enclose, and what of it is above those on the ground, which nobody sees.
    inside: Column,
    above: Column,
}

/// Volume between faces and the level 0, and the part of that level below them (m³, m²): what looks down counts negative.
#[derive(Clone, Copy, Debug, Default)]
struct Column {
    volume_m3: f64,
    area_m2: f64,
}

impl Column {
    /// Adds a triangle that is counter-clockwise seen from outside.
    fn add(&mut self, [a, b, c]: [DVec3; 3]) {
        let area_m2 = (b - a).truncate().perp_dot((c - a).truncate()) / 2.0;
        self.area_m2 += area_m2;
        self.volume_m3 += area_m2 * (a.z + b.z + c.z) / 3.0;
    }
}

fn told() -> BTreeMap<String, Told> {
    let text = delft_text();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let header = lines.next().expect("a header");
    let corner = |v: &Value| {
        let number = |value: &Value| value.as_f64().expect("a number");
        let along = |axis: usize| {
            let [scale, translate] = ["scale", "translate"].map(|key| number(&header["transform"][key][axis]));
            number(&v[axis]) * scale + translate
        };
        DVec3::new(along(0), along(1), along(2))
    };
    lines
        .map(|feature| {
            let (mut low, mut high, mut faces) = (f64::INFINITY, f64::NEG_INFINITY, 0);
            let mut volume_m3 = 0.0;
            let mut rings: Vec<(bool, Vec<DVec3>)> = Vec::new();
            for object in feature["CityObjects"].as_object().expect("objects").values() {
                volume_m3 += object["attributes"]["b3_volume_lod22"].as_f64().unwrap_or(0.0);
                for geometry in object["geometry"].as_array().into_iter().flatten().filter(|g| g["lod"] == "2.2") {
                    let semantics = &geometry["semantics"];
                    for (i, face) in geometry["boundaries"][0].as_array().expect("a shell").iter().enumerate() {
                        faces += 1;
                        let surface = semantics["values"][0][i].as_u64().expect("a surface") as usize;
                        let is_ground = semantics["surfaces"][surface]["type"] == "GroundSurface";
                        for ring in face.as_array().into_iter().flatten().filter_map(Value::as_array) {
                            let place = |index: &Value| index.as_u64().expect("an index") as usize;
                            let ring = ring.iter().map(|index| corner(&feature["vertices"][place(index)]));
                            rings.push((is_ground, ring.collect()));
                            for corner in rings.last().into_iter().flat_map(|(_, ring)| ring) {
                                (low, high) = (low.min(corner.z), high.max(corner.z));
                            }
                        }
                    }
                }
            }
            // Fans of triangles: holes run the other way round, and so does what is outside of a ring's corner.
            let (mut inside, mut above) = (Column::default(), Column::default());
            let least = rings.iter().flat_map(|(_, ring)| ring).copied().reduce(DVec3::min).unwrap_or_default();
            for (is_ground, ring) in &rings {
                for i in 2..ring.len() {
                    let triangle = [ring[0] - least, ring[i - 1] - least, ring[i] - least];
                    inside.add(triangle);
                    if !is_ground {
                        above.add(triangle);
                    }
                }
            }
            let id = feature["id"].as_str().expect("an id").to_owned();
            (id, Told { height_m: high - low, volume_m3, faces, inside, above })
        })
        .collect()
}

/// Volume inside surfaces that are closed, or would be with a bottom (divergence theorem over fans of triangles; holes run
/// the other way round).
fn volume_m3(surfaces: &[Surface]) -> f64 {
    let corners = surfaces.iter().flat_map(|surface| surface.rings.iter().flatten());
    let origin = surfaces[0].rings[0][0].with_z(corners.map(|p| p.z).fold(f64::INFINITY, f64::min));
    let fan = |ring: &Vec<DVec3>| -> f64 {
        let corner = |p: DVec3| p - origin;
        ring.windows(2).map(|pair| corner(ring[0]).dot(corner(pair[0]).cross(corner(pair[1])))).sum::<f64>() / 6.0
    };
    surfaces.iter().flat_map(|surface| &surface.rings).map(fan).sum()
}

#[test]
fn delft_has_the_heights_and_volumes_that_its_source_tells() {
    let (city, told) = (delft(), told());
    assert_eq!((city.buildings.len(), told.len()), (1115, 1115));
    let (mut worst_m, mut volumes, mut missing) = (0.0_f64, Vec::new(), 0);
    for building in &city.buildings {
        let source = &told[&building.tags.id];
        worst_m = worst_m.max((building.height_m - source.height_m).abs());
        missing += source.faces - building.surfaces.len();
        assert!(building.surfaces.iter().any(|surface| surface.class == SurfaceClass::Roof));
        assert!(!building.solids.is_empty() && !building.outline.is_empty(), "{}", building.tags.id);
        if source.volume_m3 > 1.0 {
            volumes.push((volume_m3(&building.surfaces) / source.volume_m3, building.tags.id.as_str()));
        }
    }
    assert!(worst_m < 0.01, "{worst_m} m");
    // The plane of RD New shrinks areas by 0.02 %; the attribute was computed before coordinates were rounded.
    let off = volumes.iter().filter(|(ratio, _)| (ratio - 1.0).abs() > 0.002).count();
    assert!(volumes.len() > 1000 && off * 100 < volumes.len(), "{off} of {}", volumes.len());
    let warned = |code: &str| city.warnings.0.get(code).map_or(0, |warning| warning.count as usize);
    // Faults of the other levels of detail are counted too.
    let counted = warned("surface_without_extent") + warned("ring_unreadable");
    assert!(missing <= counted && missing < 50, "{missing} of {counted}: {:?}", city.warnings);
    let year = city.buildings[0].tags.more.get("oorspronkelijkbouwjaar");
    assert!(matches!(year, Some(Property::Integer(year)) if (1600..2030).contains(year)));
}

fn baked(city: &City) -> (BTreeMap<String, Vec<u8>>, Report) {
    let mut report = Report::default();
    let title = citytwin_manifest::Text::new([("en", "Test")]);
    let files = files_of(city, &title, &Cancel::default(), &Silent, &mut report).expect("a twin");
    (files.into_iter().collect(), report)
}

fn content(bytes: &[u8], name: &str) -> TileContent {
    match decode(bytes, name, &What::Content) {
        Ok(Decoded::Content(content)) => content,
        other => panic!("{name}: {other:?}"),
    }
}

/// Positions of the vertices of a primitive in the city's frame, metres.
fn corners(content: &TileContent, primitive: &Primitive) -> Vec<DVec3> {
    let enu_from_local = DMat4::from_cols_array(&primitive.tile_from_local);
    let position = |vertex: u32| {
        let p = (primitive.positions.offset + vertex * primitive.positions.stride) as usize;
        let line = |k: usize| f64::from(u16::from_le_bytes([content.vertices[p + k], content.vertices[p + k + 1]]));
        enu_from_local.transform_point3(DVec3::new(line(0), line(2), line(4)))
    };
    (0..primitive.vertex_count).map(position).collect()
}

/// What the triangles of each feature of a tile enclose above the ellipsoid, by id.
fn columns(content: &TileContent, frame: &EnuFrame) -> BTreeMap<String, Column> {
    let mut columns: BTreeMap<String, Column> = BTreeMap::new();
    for primitive in &content.primitives {
        let Some(indices) = primitive.indices else { continue };
        let ids = ids_of(content, primitive);
        let mut corners = corners(content, primitive);
        corners.iter_mut().for_each(|corner| corner.z -= frame.surface_z(corner.truncate()));
        let size = if indices.wide { 4 } else { 2 };
        let from = indices.offset as usize;
        let all = content.indices[from..from + indices.count as usize * size].chunks_exact(size);
        let all: Vec<usize> =
            all.map(|index| index.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))).collect();
        for triangle in all.chunks_exact(3) {
            let Some(id) = ids.get(triangle[0]) else { continue };
            let corners = [corners[triangle[0]], corners[triangle[1]], corners[triangle[2]]];
            columns.entry(id.clone()).or_default().add(corners);
        }
    }
    columns
}

/// The id of the feature of each vertex; none where they have no features.
fn ids_of(content: &TileContent, primitive: &Primitive) -> Vec<String> {
    let (Some(features), Some(table)) = (&primitive.feature_ids, primitive.table) else { return Vec::new() };
    let table = &content.tables[table as usize];
    let id = |row: u32| {
        let cells = table.row(&content.property_bytes, row);
        let Some((_, Cell::Text(id))) = cells.into_iter().find(|(id, _)| id == "id") else { panic!("no id") };
        id
    };
    let ids: Vec<String> = (0..table.count).map(id).collect();
    (0..primitive.vertex_count)
        .map(|vertex| {
            let f = (features.offset + vertex * features.stride) as usize;
            let row = match features.component {
                Component::U8 => u32::from(content.vertices[f]),
                Component::U16 => u32::from(u16::from_le_bytes([content.vertices[f], content.vertices[f + 1]])),
                _ => f32::from_le_bytes(content.vertices[f..f + 4].try_into().expect("four bytes")) as u32,
            };
            ids[row as usize].clone()
        })
        .collect()
}

/// Least and greatest height of each feature of a tile above the ellipsoid, metres, by id.
fn heights(content: &TileContent, frame: &EnuFrame) -> BTreeMap<String, (f64, f64)> {
    let mut heights = BTreeMap::new();
    for primitive in &content.primitives {
        for (id, enu) in ids_of(content, primitive).into_iter().zip(corners(content, primitive)) {
            let z = enu.z - frame.surface_z(enu.truncate());
            let (low, high) = heights.entry(id).or_insert((f64::INFINITY, f64::NEG_INFINITY));
            (*low, *high) = (f64::min(*low, z), f64::max(*high, z));
        }
    }
    heights
}

#[test]
fn delfts_tiles_are_as_high_and_as_large_as_their_source() {
    let city = delft();
    let (files, report) = baked(&city);
    // Undersides on the ground are not drawn; that the model is as high as its source is the test above.
    let drawn_m: BTreeMap<&str, f64> = city
        .buildings
        .iter()
        .map(|building| {
            let drawn = building.surfaces.iter().filter(|surface| surface.class != SurfaceClass::Ground);
            let z = drawn.flat_map(|surface| surface.rings.iter().flatten()).map(|p| p.z);
            let (low, high) = z.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), z| (l.min(z), h.max(z)));
            (building.tags.id.as_str(), high - low)
        })
        .collect();
    let buildings = report.tilesets.iter().find(|(id, _)| *id == "buildings").expect("buildings").1;
    assert_eq!(buildings.features, 1115, "every building is drawn");
    let frame = EnuFrame::new(city.origin);
    let deepest = |name: &&String| name.starts_with("buildings/tiles/");
    let mut checked = BTreeSet::new();
    for name in files.keys().filter(deepest) {
        for (id, (low, high)) in heights(&content(&files[name], name), &frame) {
            // Coarse tiles draw blocks; a tile that draws surfaces has them as high as they are.
            if (high - low - drawn_m[id.as_str()]).abs() < 0.01 {
                checked.insert(id);
            }
        }
    }
    assert_eq!(checked.len(), 1115);
    // And as large: what the drawn triangles enclose is what the source's boundaries do, but for a centimetre of height all
    // over the footprint. (The area of a small shed is off by a third of a percent:
    // its corners are rounded to a few millimetres, and RD New is smaller than the ground.)
    let told = told();
    let mut drawn: BTreeMap<String, Column> = BTreeMap::new();
    for name in files.keys().filter(|name| is_leaf(name, "buildings", &files)) {
        for (id, column) in columns(&content(&files[name], name), &frame) {
            assert!(drawn.insert(id, column).is_none(), "a building is in one leaf");
        }
    }
    let (mut closed, mut worst_m, mut worst_area) = (0, 0.0_f64, 0.0_f64);
    for (id, told) in &told {
        // What is open underneath, or looks down on both sides, has no volume to compare.
        if told.inside.area_m2.abs() > 0.001 || told.inside.volume_m3 < 1.0 {
            continue;
        }
        let Column { volume_m3, area_m2 } = drawn[id];
        closed += 1;
        let told = told.above;
        worst_m = worst_m.max((told.volume_m3 / told.area_m2 - volume_m3 / area_m2).abs());
        worst_area = worst_area.max((area_m2 / told.area_m2 - 1.0).abs());
    }
    assert!(closed > 1000 && worst_m < 0.01 && worst_area < 0.005, "{closed} solids, {worst_m} m, {worst_area}");
    let twin = Twin::from_json(&files["twin.json"]).expect("a manifest");
    assert!(twin.attribution.iter().any(|who| who.text.contains("3DBAG")), "{:?}", twin.attribution);
}

#[test]
fn the_style_of_delft_colours_every_building_by_its_year() {
    let text = std::fs::read_to_string(repository("demo/delft/year-built.style.json")).expect("a style");
    let style: Value = serde_json::from_str(&text).expect("JSON");
    let conditions = style["color"]["conditions"].as_array().expect("conditions");
    let named = conditions.iter().filter(|c| c[0].as_str().is_some_and(|c| c.contains("${oorspronkelijkbouwjaar}")));
    assert!(named.count() >= 5 && conditions.last().is_some_and(|last| last[0] == "true"));
    let city = delft();
    assert!(city.buildings.iter().all(|b| b.tags.more.get("oorspronkelijkbouwjaar").is_some()));
}

/// Root objects of a CityJSON file or sequence that have a geometry somewhere below them.
fn roots_with_geometry(text: &str) -> usize {
    let documents: Vec<Value> = match serde_json::from_str(text) {
        Ok(document) => vec![document],
        Err(_) => text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
    };
    let mut count = 0;
    for document in documents {
        let Some(objects) = document["CityObjects"].as_object() else { continue };
        let has = |object: &Value| {
            let geometries = object["geometry"].as_array().into_iter().flatten();
            geometries.into_iter().any(|g| g["boundaries"].as_array().is_some_and(|b| !b.is_empty()))
        };
        let below = |root: &str| {
            let (mut open, mut seen) = (vec![root.to_owned()], BTreeSet::new());
            while let Some(id) = open.pop() {
                let Some(object) = objects.get(&id).filter(|_| seen.insert(id.clone())) else { continue };
                if has(object) {
                    return true;
                }
                let children = object["children"].as_array().into_iter().flatten();
                open.extend(children.filter_map(Value::as_str).map(str::to_owned));
            }
            false
        };
        let is_root = |object: &Value| {
            let parents = object["parents"].as_array().into_iter().flatten().filter_map(Value::as_str);
            !parents.into_iter().any(|parent| objects.contains_key(parent))
        };
        count += objects.iter().filter(|(id, object)| is_root(object) && below(id)).count();
    }
    count
}

/// Why files of the shared collection are refused, by the end of their path; all others are baked.
const REFUSED: &[(&str, &str)] = &[
    ("cityjsonfeature_minimal.city.jsonl", "without the line of type \"CityJSON\""),
    ("invalid_cityjsonfeature_root_id_unresolved.city.jsonl", "without the line of type \"CityJSON\""),
    ("cjfeat1.json", "without the line of type \"CityJSON\""),
    ("invalid_missing_type.json", "JSON without a \"type\""),
    ("generic.ext.json", "the schema of a CityJSON extension"),
    ("o4.json", "CityJSON 0.9 is not supported"),
    ("tetra.json", "CityJSON before version 1.0"),
    ("tetra_all_geom.json", "CityJSON before version 1.0"),
    // Conformance cases whose corners all lie on one line, or that are only points; none is anything to draw.
    ("cityjson_fake_complete.city.json", "nothing to bake"),
    ("geometry_instance.city.json", "nothing to bake"),
    ("geometry_semantics_multilinestring.city.json", "points_and_lines_left_out"),
    ("geometry_semantics_multipoint.city.json", "points_and_lines_left_out"),
    ("geometry_semantics_multisurface.city.json", "surface_without_extent"),
    ("geometry_texture_multisolid.city.json", "surface_without_extent"),
    ("geometry_texture_multisurface.city.json", "nothing to bake"),
    ("geometry_texture_solid.city.json", "surface_without_extent"),
    ("semantic_all_types.city.json", "nothing to bake"),
    ("semantic_complete.city.json", "nothing to bake"),
    ("semantic_extended.city.json", "nothing to bake"),
    ("invalid_out_of_range_vertex_index.json", "ring_unreadable"),
    ("invalid_u64_f64_bounds.json", "nothing to bake"),
    ("data/o.json", "nothing to bake"),
    ("potatoes.city.json", "nothing to bake"),
    ("sem_point.city.json", "points_and_lines_left_out"),
    ("sample.city.jsonl", "ring_unreadable"),
    ("sample_late_attribute.city.jsonl", "ring_unreadable"),
];

#[test]
#[expect(clippy::print_stdout, reason = "the table is what one wants to see with --nocapture")]
fn every_city_model_is_baked_or_refused_with_a_reason() {
    let Some(folder) = shared("citymodel") else { return };
    let mut open = vec![folder.clone()];
    let mut files = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("listed") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                open.push(path);
            } else if (name.ends_with(".json") || name.ends_with(".jsonl"))
                && !["case.json", "invariants.json", "profile.json", "acquisition.json", "cases.json"]
                    .contains(&name.as_str())
            {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() > 90, "{}", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let name = path.strip_prefix(&folder).expect("below").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("read");
        let expected = roots_with_geometry(&String::from_utf8_lossy(&bytes));
        let input = Input { crs: Some("EPSG:28992".into()), ..Input::new(&path) };
        let refusal = REFUSED.iter().find(|(end, _)| name.ends_with(end)).map(|(_, why)| *why);
        match read_bytes(&input, &bytes) {
            Ok(city) => {
                let count = |code: &str| city.warnings.0.get(code).map_or(0, |warning| warning.count as usize);
                let drawn = city.buildings.len() + city.structures.len() + city.areas.len() + city.points.len();
                // A thing that is a line in several pieces is one thing.
                let ways: BTreeSet<&str> = city.ways.iter().map(|way| way.tags.id.as_str()).collect();
                let lost = [
                    "object_without_geometry",
                    "points_and_lines_left_out",
                    "far_from_the_rest",
                    "area_without_extent",
                    "line_unreadable",
                ];
                let lost: usize = lost.iter().map(|code| count(code)).sum();
                let codes: Vec<&str> = city.warnings.0.keys().map(String::as_str).collect();
                println!("{name}: {expected} objects, {drawn} drawn, {lost} left out, {}", codes.join(" "));
                if refusal.is_some() || drawn + ways.len() + lost < expected {
                    wrong.push(format!("{name}: {drawn} + {} + {lost} of {expected}: {codes:?}", ways.len()));
                }
                baked(&city);
            }
            Err(message) => {
                println!("{name}: refused: {message}");
                // Without any geometry there is nothing to draw; else the reason is one of those above.
                let nothing = expected == 0 && message.contains("nothing to bake");
                if !nothing && refusal.is_none_or(|why| !message.contains(why)) {
                    wrong.push(format!("{name}: {message}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Members of a CityGML file that are city objects, counted by their tags.
fn gml_members(text: &str) -> usize {
    ["cityObjectMember", "featureMember"]
        .iter()
        .map(|name| text.matches(&format!("<{name}>")).count() + text.matches(&format!(":{name}>")).count() / 2)
        .sum()
}

#[test]
fn every_citygml_file_is_baked_with_all_its_objects() {
    let Some(folder) = shared("citymodel") else { return };
    for (name, least) in [
        ("citygml4j/citygml4j-samples/input/datasets/lod2_buildings_v3.gml", 100),
        ("citygml4j/citygml4j-samples/input/datasets/lod2_test_ade_v2.gml", 2),
        ("citygml4j/citygml4j-samples/input/datasets/lod3_building_v2.gml", 1),
        ("citygml4j/citygml4j-samples/input/datasets/lod4_building_v2.gml", 2),
        ("citygml4j/citygml4j-samples/input/datasets/test_ade_objects_v3.gml", 2),
        ("plateau/numazu-shi/udx/fld/52385721_fld_6697_l1_op.gml", 3),
        ("plateau/numazu-shi/udx/lsld/523857_lsld_6668_op.gml", 81),
        ("plateau/numazu-shi/udx/luse/523836_luse_6668_op.gml", 224),
        ("plateau/numazu-shi/udx/tnm/523855_tnm_6697_op.gml", 3),
        ("plateau/takeo-shi/udx/urf/493060_urf_6668_op.gml", 140),
    ] {
        let bytes = std::fs::read(folder.join(name)).expect("read");
        let members = gml_members(&String::from_utf8_lossy(&bytes));
        let city = read_bytes(&Input::new(name), &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let drawn = city.buildings.len() + city.structures.len() + city.areas.len() + city.points.len();
        let count = |code: &str| city.warnings.0.get(code).map_or(0, |warning| warning.count as usize);
        let lost = count("object_without_geometry") + count("area_without_extent");
        assert!(
            drawn + lost == members && drawn >= least,
            "{name}: {drawn} + {lost} of {members}: {:?}",
            city.warnings
        );
        baked(&city);
    }
    let invalid = std::fs::read(folder.join("citygml4j/citygml4j-samples/input/datasets/invalid_building_v3.gml"));
    let refused = read_bytes(&Input::new("invalid"), &invalid.expect("read")).expect_err("no CRS");
    assert!(refused.contains("names no coordinate reference system"), "{refused}");
}

#[test]
fn citygml_and_cityjson_of_the_same_buildings_are_the_same() {
    type Measure = fn(&Building) -> f64;
    let Some(folder) = shared("citymodel/citygml4j/citygml4j-samples/input/datasets") else { return };
    let read = |name: &str| source::read(&[Input::new(folder.join(name))], &Silent).expect(name);
    let (gml, json) = (read("lod2_buildings_v3.gml"), read("lod2_buildings_v2.json"));
    let sorted = |city: &City, of: Measure| {
        let mut values: Vec<f64> = city.buildings.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let measures: [(&str, Measure); 3] = [
        ("height", |building| building.height_m),
        ("faces", |building| building.surfaces.len() as f64),
        ("volume", |building| volume_m3(&building.surfaces)),
    ];
    for (what, of) in measures {
        let (a, b) = (sorted(&gml, of), sorted(&json, of));
        assert_eq!((a.len(), b.len()), (100, 100));
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 0.01, "{what}: {worst}");
    }
}

#[test]
fn real_models_are_right_way_out_whatever_their_axes_are() {
    const CITYGML: &str = "citygml4j/citygml4j-samples/input/datasets";
    let Some(folder) = shared("citymodel") else { return };
    let east_first = Some(AxisOrder::EastNorth);
    // Files in CRSs that have northing first; the order that is asked for; whether it is found to be the other one; the
    // volume of all buildings, m³, as the rings of the file have it, read by an XML and a JSON parser, and numpy: negative where
    // they are inside out in the order that is asked for, and have to be turned.
    for (name, asked, is_swapped, expected_m3) in [
        (&format!("{CITYGML}/lod3_building_v2.gml"), None, true, 2707.4),
        (&format!("{CITYGML}/lod3_building_v2.gml"), east_first, false, 2707.4),
        (&format!("{CITYGML}/lod3_building_v2.gml"), Some(AxisOrder::Authority), false, -2707.4),
        (&"cjval/data/texture4.city.json".to_owned(), None, true, 1531.7),
        (&"cjval/data/texture4.city.json".to_owned(), Some(AxisOrder::NorthEast), false, -1531.7),
        (&format!("{CITYGML}/lod2_buildings_v3.gml"), None, true, 0.0),
        (&format!("{CITYGML}/lod2_buildings_v2.json"), None, true, 0.0),
        (&"cjval/data/japanese.city.json".to_owned(), None, false, 0.0),
    ] {
        let bytes = std::fs::read(folder.join(name)).expect(name);
        let input = Input { axis_order: asked, ..Input::new(folder.join(name)) };
        let city = read_bytes(&input, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let told = city.warnings.0.get("axes_swapped").map_or(0, |warning| warning.count);
        assert_eq!(told, u64::from(is_swapped), "{name}: {:?}", city.warnings);
        let turned = city.warnings.0.contains_key("shapes_inside_out");
        assert_eq!(turned, expected_m3 < 0.0, "{name}: {:?}", city.warnings);
        let volumes: Vec<f64> = city.buildings.iter().map(|building| volume_m3(&building.surfaces)).collect();
        if expected_m3 == 0.0 {
            assert!(volumes.iter().all(|volume_m3| *volume_m3 > 0.0), "{name}: {volumes:?}");
        } else {
            let ratio = volumes.iter().sum::<f64>() / f64::abs(expected_m3);
            assert!((ratio - 1.0).abs() < 0.005, "{name}: {ratio}");
        }
    }
}

/// A closed block of 10 m to the east and 6 m to the north, by its corners and the corners of its faces.
fn block(east: f64, north: f64, north_first: bool) -> (Vec<[f64; 3]>, [[usize; 4]; 6]) {
    let corner = |e: f64, n: f64, z: f64| match north_first {
        true => [north + n, east + e, z],
        false => [east + e, north + n, z],
    };
    let level = |z: f64| [corner(0.0, 0.0, z), corner(10.0, 0.0, z), corner(10.0, 6.0, z), corner(0.0, 6.0, z)];
    let faces = [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7], [4, 5, 6, 7], [3, 2, 1, 0]];
    ([level(30.0), level(36.0)].concat(), faces)
}

/// Such blocks in the middle of Berlin, some of them inside out, as a file of a format.
fn blocks(format: &str, count: usize, north_first: bool, inside_out: &[usize]) -> String {
    let all = (0..count).map(|i| {
        let (corners, mut faces) = block(24_000.0 + 40.0 * i as f64, 21_000.0, north_first);
        if inside_out.contains(&i) {
            faces.iter_mut().for_each(|face| face.reverse());
        }
        (corners, faces)
    });
    let objects = all.enumerate().map(|(i, (corners, faces))| match format {
        "gml" => {
            let list = |face: &[usize; 4]| -> String {
                let ring = face.iter().chain(&face[..1]).flat_map(|&at| corners[at]);
                ring.map(|value| format!("{value} ")).collect()
            };
            let members = faces.iter().map(|face| {
                format!("<gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>{}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember>", list(face))
            });
            format!(
                r#"<core:cityObjectMember><bldg:Building gml:id="house{i}"><bldg:lod2Solid><gml:Solid><gml:exterior><gml:CompositeSurface>{}</gml:CompositeSurface></gml:exterior></gml:Solid></bldg:lod2Solid></bldg:Building></core:cityObjectMember>"#,
                members.collect::<String>()
            )
        }
        _ => {
            let shell: Vec<Value> = faces.iter().map(|face| json!([face])).collect();
            let building = json!({ "type": "Building", "geometry": [{ "type": "Solid", "lod": "2", "boundaries": [shell] }] });
            json!({ "type": "CityJSONFeature", "id": format!("house{i}"), "CityObjects": { format!("house{i}"): building }, "vertices": corners })
                .to_string()
        }
    });
    let objects: Vec<String> = objects.collect();
    if format == "gml" {
        return format!(
            r#"<core:CityModel xmlns:core="http://www.opengis.net/citygml/2.0" xmlns:bldg="http://www.opengis.net/citygml/building/2.0" xmlns:gml="http://www.opengis.net/gml"><gml:boundedBy><gml:Envelope srsName="EPSG:3068"/></gml:boundedBy>{}</core:CityModel>"#,
            objects.concat()
        );
    }
    let header = json!({
        "type": "CityJSON", "version": "2.0", "CityObjects": {}, "vertices": [],
        "metadata": { "referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/3068" },
        "transform": { "scale": [1.0, 1.0, 1.0], "translate": [0.0, 0.0, 0.0] },
    });
    if format == "jsonl" {
        return [vec![header.to_string()], objects].concat().join("\n");
    }
    // A whole document: the first block alone.
    let (mut whole, block) = (header, serde_json::from_str::<Value>(&objects[0]).expect("JSON"));
    (whole["CityObjects"], whole["vertices"]) = (block["CityObjects"].clone(), block["vertices"].clone());
    whole.to_string()
}

#[test]
fn axes_are_read_as_said_or_else_as_the_shapes_show() {
    use AxisOrder::{Authority, EastNorth, NorthEast};
    // By pyproj 3.7: what EPSG:3068 has 24,000 m east and 21,000 m north, and 21,000 m east and 24,000 m north.
    let (here, there) = ([13.389_728_3, 52.515_867_9], [13.345_364_9, 52.542_730_5]);
    for format in ["gml", "json", "jsonl"] {
        // Whether northing is first in the file; what is said; where the first is; whether it has to be turned; warnings.
        for (north_first, said, place, turned, warnings) in [
            (true, None, here, false, 0),
            (false, None, here, false, 1),
            (true, Some(Authority), here, false, 0),
            (false, Some(Authority), there, true, 0),
            (false, Some(EastNorth), here, false, 0),
            (true, Some(EastNorth), there, true, 0),
            (true, Some(NorthEast), here, false, 0),
        ] {
            let case = format!("{format}, northing first: {north_first}, {said:?}");
            let input = Input { axis_order: said, ..Input::new(format!("blocks.{format}")) };
            let city = read_bytes(&input, blocks(format, 3, north_first, &[]).as_bytes()).expect(&case);
            assert_eq!(
                city.warnings.0.get("axes_swapped").map_or(0, |w| w.count),
                warnings,
                "{case}: {:?}",
                city.warnings
            );
            let count = if format == "json" { 1 } else { 3 };
            assert_eq!(city.buildings.len(), count, "{case}");
            let told = city.warnings.0.get("shapes_inside_out").map_or(0, |warning| warning.count as usize);
            assert_eq!(told, if turned { count } else { 0 }, "{case}: {:?}", city.warnings);
            let first = &city.buildings[0];
            let volume_m3 = volume_m3(&first.surfaces);
            assert!((volume_m3 - 360.0).abs() < 1.0, "{case}: {volume_m3}");
            let frame = EnuFrame::new(city.origin);
            let at = frame.geodetic_from_enu(first.surfaces[0].rings[0][0]);
            let off_m = DVec2::new(at.lon_rad.to_degrees() - place[0], at.lat_rad.to_degrees() - place[1]) * 111_320.0;
            assert!(off_m.length() < 20.0, "{case}: {at:?}");
        }
    }
    let tree =
        r#"{"type":"Feature","geometry":{"type":"Point","coordinates":[52.5,13.4]},"properties":{"natural":"tree"}}"#;
    for (said, [lon, lat]) in [(None, [52.5, 13.4]), (Some(NorthEast), [13.4, 52.5]), (Some(Authority), [52.5, 13.4])] {
        let city =
            read_bytes(&Input { axis_order: said, ..Input::new("tree.geojson") }, tree.as_bytes()).expect("a tree");
        let off_deg = (city.origin.lon_rad.to_degrees() - lon).hypot(city.origin.lat_rad.to_degrees() - lat);
        assert!(off_deg < 0.01, "{said:?}: {:?}", city.origin);
    }
}

#[test]
fn the_crs_of_a_citygml_file_is_the_first_that_is_named() {
    let text = blocks("gml", 3, true, &[]);
    let envelope = |name: &str| format!(r#"<gml:boundedBy><gml:Envelope srsName="{name}"/></gml:boundedBy>"#);
    let (usual, other) = (envelope("EPSG:3068"), envelope("EPSG:25833"));
    let solid = |name: &str| format!(r#"<gml:Solid srsName="{name}">"#);
    let unnamed = text.replacen(&usual, "", 1);
    let of_object = unnamed.replacen("<gml:Solid>", &solid("EPSG:3068"), 1);
    let member = "<core:cityObjectMember>";
    let empty = format!(r#"{member}<bldg:Building gml:id="empty"/></core:cityObjectMember>{member}"#);
    for (case, text) in [
        ("before all objects", text.clone()),
        ("in the first object alone", of_object.clone()),
        ("behind an object without a place", of_object.replacen(member, &empty, 1)),
        ("twice", text.replacen(&usual, &format!("{usual}{other}"), 1)),
        (
            "in an object, and behind it",
            of_object.replacen("</core:cityObjectMember>", &format!("</core:cityObjectMember>{other}"), 1),
        ),
        ("before all objects, and in one", text.replacen("<gml:Solid>", &solid("EPSG:25833"), 1)),
    ] {
        for said in [None, Some(AxisOrder::Authority)] {
            let city =
                read_bytes(&Input { axis_order: said, ..Input::new("blocks.gml") }, text.as_bytes()).expect(case);
            assert_eq!(city.buildings.len(), 3, "{case}: {:?}", city.warnings);
            let off_m = DVec2::new(city.origin.lon() - 13.390_3, city.origin.lat() - 52.515_9) * 111_320.0;
            assert!(off_m.length() < 100.0, "{case}: {:?}", city.origin);
        }
    }
    let message = read_bytes(&Input::new("blocks.gml"), unnamed.as_bytes()).map(|_| ()).expect_err("no name");
    assert!(message.contains("names no coordinate reference system"), "{message}");
}

#[test]
fn solids_that_are_inside_out_are_turned_one_by_one() {
    for format in ["gml", "jsonl"] {
        for inside_out in [&[][..], &[1], &[0, 1, 2]] {
            let text = blocks(format, 3, true, inside_out);
            // With the order of the axes said: else three of three would be taken for another order.
            let input = Input { axis_order: Some(AxisOrder::Authority), ..Input::new(format!("blocks.{format}")) };
            let city = read_bytes(&input, text.as_bytes()).expect(format);
            let volumes: Vec<f64> = city.buildings.iter().map(|building| volume_m3(&building.surfaces)).collect();
            assert!(volumes.len() == 3 && volumes.iter().all(|m3| (m3 - 360.0).abs() < 1.0), "{format}: {volumes:?}");
            let told = city.warnings.0.get("shapes_inside_out").cloned().unwrap_or_default();
            let ids: Vec<&str> = told.examples.iter().filter_map(|example| example.split(':').next()).collect();
            let expected: Vec<String> = inside_out.iter().map(|i| format!("house{i}")).collect();
            assert_eq!(
                (ids, told.count),
                (expected.iter().map(String::as_str).collect(), inside_out.len() as u64),
                "{format}"
            );
        }
    }
    // Two solids of one object, of which one is turned, and one with a cavity, whose faces look inwards as they must.
    let text = blocks("json", 1, true, &[]);
    let mut whole: Value = serde_json::from_str(&text).expect("JSON");
    let geometry = &mut whole["CityObjects"]["house0"]["geometry"][0];
    let shell = geometry["boundaries"][0].clone();
    let turned: Value = shell
        .as_array()
        .into_iter()
        .flatten()
        .map(|face| json!([face[0].as_array().into_iter().flatten().rev().collect::<Vec<_>>()]))
        .collect();
    (geometry["type"], geometry["boundaries"]) = (json!("MultiSolid"), json!([[shell, turned], [turned], [shell]]));
    let input = Input { axis_order: Some(AxisOrder::Authority), ..Input::new("solids.json") };
    let city = read_bytes(&input, whole.to_string().as_bytes()).expect("a city");
    let surfaces = &city.buildings[0].surfaces;
    assert_eq!(surfaces.len(), 18);
    assert!(surfaces.chunks(6).all(|solid| (volume_m3(solid) - 360.0).abs() < 1.0));
    assert_eq!(city.warnings.0["shapes_inside_out"].count, 1);
}

/// A document of a house of two parts, which stand before it, and of a tree; its members in this order.
fn town(order: &[&str]) -> String {
    let corners: Vec<[i32; 3]> =
        [0, 6000].into_iter().flat_map(|z| [[0, 0, z], [9000, 0, z], [9000, 7000, z], [0, 7000, z]]).collect();
    let faces = [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7], [4, 5, 6, 7], [3, 2, 1, 0]].map(|face| [face]);
    let part = json!({ "type": "BuildingPart", "parents": ["house"], "geometry": [{ "type": "Solid", "lod": "2", "boundaries": [faces] }] });
    let members = json!({
        "type": "CityJSON", "version": "2.0", "vertices": corners,
        "metadata": { "referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/7415", "title": "A \"town\"\n\u{1f3e0}" },
        "transform": { "scale": [0.001, 0.001, 0.001], "translate": [85000.0, 446000.0, 2.0] },
        "CityObjects": {
            "a part": part, "b part": part,
            "house": { "type": "Building", "children": ["b part", "a part"], "attributes": { "name": "House", "storeys": 2 } },
            "tree": { "type": "SolitaryVegetationObject", "geometry": [{ "type": "MultiSurface", "lod": "1", "boundaries": [faces[0]] }] },
        },
    });
    let members: Vec<String> = order.iter().map(|name| format!("{}: {}", json!(name), members[name])).collect();
    format!("{{{}}}", members.join(", "))
}

#[test]
fn a_document_is_read_the_same_in_any_order_and_on_any_lines() {
    let usual = ["type", "version", "transform", "metadata", "CityObjects", "vertices"];
    let sorted = ["CityObjects", "metadata", "transform", "type", "version", "vertices"];
    let vertices_first = ["vertices", "metadata", "type", "version", "transform", "CityObjects"];
    let said =
        |city: &City| format!("{:?} {:?} {:?} {:?}", city.buildings, city.points, city.attribution, city.warnings);
    let expected = read(&town(&usual)).expect("a city");
    let house = &expected.buildings[0];
    let about = (expected.buildings.len(), expected.points.len(), house.surfaces.len(), house.tags.id.as_str());
    assert_eq!(about, (1, 1, 12, "house"), "{:?}", expected.warnings);
    assert_eq!(house.tags.more.get("storeys"), Some(&Property::Integer(2)));
    let text = town(&usual);
    let spread = text.replace(", ", ",\n\n").replace(": ", ":\r\n\t");
    // Longer than what is looked at to tell what it is.
    let padded = text.replacen('{', &format!("{{\"+padding\": \"{}\", ", "x".repeat(200_000)), 1);
    for (case, text) in [
        ("sorted", town(&sorted)),
        ("vertices first", town(&vertices_first)),
        ("over many lines", spread.clone()),
        ("framed", format!("\u{feff} \n\x1e{text} \r\n \n")),
        ("padded", padded.clone()),
        ("padded, over many lines", padded.replace(", ", ",\n")),
        ("in a list", format!("[{text}]")),
        // The last of two objects of an id counts.
        ("twice the same id", text.replacen("\"a part\":", "\"house\":5,\"a part\":", 1)),
    ] {
        let city = read(&text).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(said(&city), said(&expected), "{case}");
    }
    for (case, broken, expected) in [
        ("cut", text[..text.len() - 9].to_owned(), "line 1, column"),
        ("cut in an object", spread[..spread.find("b part").expect("there")].to_owned(), "not JSON: EOF while parsing"),
        ("no JSON within an object", spread.replacen("\"parents\"", "parents", 1), "not JSON: key must be a string"),
        ("a vertex of two numbers", spread.replacen("[9000,0,0]", "[9000,0]", 1), "invalid length 2"),
        ("objects as a list", r#"{"type":"CityJSON","CityObjects":[]}"#.to_owned(), "expected a map"),
        (
            "vertices twice",
            text.replacen("\"version\"", "\"vertices\": [], \"version\"", 1),
            "duplicate field `vertices`",
        ),
        ("something behind it", format!("{text} {{}}"), "not JSON: trailing characters"),
        ("a second one behind many lines", format!("{spread}\n{text}"), "not JSON: trailing characters"),
        (
            "another type at its end",
            town(&sorted).replace("\"CityJSON\"", "\"CityJSONFeature\""),
            "without the line of type",
        ),
        ("none at all", town(&sorted).replace("\"type\": \"CityJSON\",", ""), "JSON without a \"type\""),
        ("of another kind", town(&sorted).replace("\"CityJSON\"", "\"Topology\""), "TopoJSON is not supported"),
        ("no version", text.replace("version", "virgin"), "line 1: CityJSON without a version"),
    ] {
        let message = read(&broken).map(|_| ()).expect_err(case);
        assert!(message.contains(expected), "{case}: {message}");
    }
    // What is below an object that cannot be read stands for itself.
    for (what, with) in
        [("2}", "1e999}"), ("\"House\"", "\"\\ud800\""), ("2}", &format!("{}{}}}", "[".repeat(200), "]".repeat(200)))]
    {
        let orphaned = text.replacen(what, with, 1);
        assert_ne!(orphaned, text);
        let city = read(&orphaned).expect("a city");
        let ids: Vec<&str> = city.buildings.iter().map(|building| building.tags.id.as_str()).collect();
        let told = &city.warnings.0["object_unreadable"];
        assert_eq!((ids, told.count), (vec!["a part", "b part"], 1), "{with}");
        assert!(told.examples[0].starts_with("house: "), "{told:?}");
    }
}

#[test]
fn what_waits_for_its_axes_is_held_up_to_a_bound() {
    let padding = "x".repeat(33 << 20);
    for (format, from, to) in [
        ("gml", "<bldg:lod2Solid>", format!("<bldg:padding>{padding}</bldg:padding><bldg:lod2Solid>")),
        ("jsonl", "{\"CityObjects\"", format!("{{\"padding\":\"{padding}\",\"CityObjects\"")),
    ] {
        let (right, wrong) = (blocks(format, 1, true, &[]), blocks(format, 30, false, &[]));
        let (head, end) = if format == "gml" {
            ("<core:cityObjectMember>", "</core:CityModel>")
        } else {
            ("{\"CityObjects\":{\"house", "")
        };
        let objects = |text: &str| text[text.find(head).expect("an object")..text.len() - end.len()].to_owned();
        let first = objects(&right).replace("house0", "first");
        let begin = &right[..right.find(head).expect("an object")];
        for (first, is_swapped) in [(first.clone(), true), (first.replacen(from, &to, 1), false)] {
            let text = [begin, &first, "\n", &objects(&wrong), end].concat();
            let city = read_bytes(&Input::new(format!("blocks.{format}")), text.as_bytes()).expect(format);
            // Thirty to one say that the axes are swapped, if they are asked.
            assert_eq!(city.warnings.0.contains_key("axes_swapped"), is_swapped, "{format}: {:?}", city.warnings);
            assert_eq!(city.buildings.len(), 31, "{format}: {:?}", city.warnings);
        }
    }
}

#[test]
fn citygml_keeps_semantics_attributes_and_whole_numbers_of_a_crs() {
    let text = std::fs::read_to_string(repository("fuzz/seeds/bake/town.gml")).expect("the seed");
    let city = read_bytes(&Input::new("town.gml"), text.as_bytes()).expect("a city");
    let building = &city.buildings[0];
    assert_eq!((building.tags.id.as_str(), building.tags.name.as_deref()), ("b", Some("N & M")));
    assert_eq!(building.tags.more.get("x"), Some(&Property::Integer(1)));
    // The solid only links to the roof's polygon: it is there once.
    assert_eq!(building.surfaces.iter().map(|s| s.class).collect::<Vec<_>>(), [SurfaceClass::Roof]);
    assert!((building.height_m - 1.0).abs() < 1e-6 && (city.origin.lon() - 4.368).abs() < 1e-3);
    for (from, to, expected) in [
        ("</core:CityModel>", "", "the file ends before </CityModel>"),
        ("</bldg:Building>", "", "line 1: "),
        ("EPSG:28992", "EPSG:28999", "EPSG:28999 is not in the registry"),
        ("85000 446500 5 85009 446500 5 85009 446509 6 85000 446500 5", "1 2 3", "nothing to bake"),
        (
            "xmlns:core=\"http://www.opengis.net/citygml/2.0\"",
            "xmlns:core=\"http://www.opengis.net/citygml/1.0\"",
            "CityGML 1.0 is not supported",
        ),
        ("N &amp; M", &"<a>".repeat(300), "elements nested deeper than 200"),
    ] {
        let broken = text.replace(from, to);
        assert_ne!(broken, text, "{from}");
        let message = read_bytes(&Input::new("town.gml"), broken.as_bytes()).map(|_| ()).expect_err(expected);
        assert!(message.contains(expected), "{from}: {message}");
    }
}

#[test]
fn a_parquet_file_that_ends_within_a_length_is_an_error() {
    let bytes = std::fs::read(repository("fuzz/seeds/bake/damaged-length.parquet")).expect("the seed");
    let message = read_bytes(&Input::new("town.parquet"), &bytes).map(|_| ()).expect_err("damaged");
    assert!(message.contains("the file is damaged"), "{message}");
}

#[test]
fn damaged_inputs_give_an_error_or_a_city_but_never_a_panic() {
    let mut state = 7_u64;
    let mut random = |n: usize| {
        // SplitMix64 (Steele et al. 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    };
    let (mut cities, mut errors) = (0, 0);
    for name in ["town.geojson", "town.city.jsonl", "town.city.json", "town.gml", "town.fgb", "town.parquet"] {
        let seed = std::fs::read(repository("fuzz/seeds/bake").join(name)).expect("a seed");
        assert!(read_bytes(&Input::new(name), &seed).is_ok(), "{name}: {:?}", read_bytes(&Input::new(name), &seed));
        for round in 0..300 {
            let mut bytes = seed.clone();
            for _ in 0..=round % 3 {
                let at = random(bytes.len());
                match round % 4 {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes[at] = random(256) as u8,
                    // Digits for digits: numbers that are still numbers.
                    2 => bytes[at] = if bytes[at].is_ascii_digit() { b'0' + random(10) as u8 } else { bytes[at] },
                    _ => bytes.splice(at..at, b"1e308,-".iter().copied()).for_each(drop),
                }
            }
            match read_bytes(&Input { crs: Some("EPSG:28992".into()), ..Input::new(name) }, &bytes) {
                Ok(_) => cities += 1,
                Err(_) => errors += 1,
            }
        }
    }
    assert!(cities > 50 && errors > 50, "{cities} cities, {errors} errors");
}

fn feature(geometry: &str, properties: &str) -> String {
    format!(r#"{{"type":"Feature","properties":{properties},"geometry":{geometry}}}"#)
}

/// A square house of about 20 m at a place in degrees.
fn house(lon: f64, lat: f64, properties: &str) -> String {
    let (e, n) = (lon + 0.0003, lat + 0.0002);
    feature(
        &format!(
            r#"{{"type":"Polygon","coordinates":[[[{lon},{lat}],[{e},{lat}],[{e},{n}],[{lon},{n}],[{lon},{lat}]]]}}"#
        ),
        properties,
    )
}

fn collection(features: &[String]) -> String {
    format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))
}

fn read(text: &str) -> Result<City, String> {
    read_bytes(&Input::new("town.geojson"), text.as_bytes())
}

#[test]
fn features_become_things_by_their_attributes() {
    let line = |x: f64, properties: &str| {
        feature(&format!(r#"{{"type":"LineString","coordinates":[[24.9,60.1],[{x},60.101]]}}"#), properties)
    };
    let point = |properties: &str| feature(r#"{"type":"Point","coordinates":[24.9001,60.1001,7]}"#, properties);
    let city = read(&collection(&[
        house(24.9, 60.1, r#"{"id":1,"kind":"building","height":12.5,"addr_street":"Main","addr_housenumber":"1"}"#),
        house(24.902, 60.1, r#"{"id":2,"num_floors":3,"owner":"City"}"#),
        house(24.904, 60.1, r#"{"id":3,"fclass":"park","name":"Park"}"#),
        house(24.906, 60.1, r#"{"id":4,"what":"nothing"}"#),
        line(24.91, r#"{"id":5,"fclass":"primary","bridge":"T","layer":1}"#),
        line(24.92, r#"{"id":6,"kind":"path","kind_detail":"footway"}"#),
        point(r#"{"id":7,"natural":"tree","height":"9 m"}"#),
        point(r#"{"id":8,"kind":"cafe","name":"Café"}"#),
    ]))
    .expect("a city");
    let heights: Vec<f64> = city.buildings.iter().map(|b| b.height_m).collect();
    assert!(heights.len() == 2 && heights[0] == 12.5 && (heights[1] - 9.6).abs() < 1e-9, "{heights:?}");
    assert_eq!(city.buildings[0].tags.address.as_deref(), Some("Main 1"));
    assert!(city.buildings[1].tags.more.get("owner").is_some());
    assert_eq!((city.areas.len(), city.ways.len(), city.points.len(), city.places.len()), (1, 2, 1, 1));
    assert!(city.ways[0].bridge && city.ways[0].deck_m > 0.0 && !city.ways[1].bridge);
    assert_eq!(city.points[0].height_m, Some(9.0));
    assert_eq!(city.places[0].tags.id, "town/8");
    assert_eq!(city.warnings.0["feature_not_drawn"].examples, ["town/4"]);
    baked(&city);
    // Several collections, one on a line, and one behind a byte order mark.
    let houses = [24.9, 24.91].map(|lon| collection(&[house(lon, 60.1, r#"{"building":"yes"}"#)]));
    assert_eq!(read(&houses.join("\n")).expect("two lines").buildings.len(), 2);
    assert_eq!(read(&format!("\u{feff} {}", houses[0])).expect("one").buildings.len(), 1);
}

#[test]
fn what_a_person_says_about_an_input_comes_first() {
    let text = collection(&[feature(r#"{"type":"Point","coordinates":[24.9,60.1]}"#, r#"{"soort":"Eik","hoog":11}"#)]);
    let input = Input {
        theme: Some(Theme::Furniture),
        class: Some("tree".into()),
        name: Some("soort".into()),
        height: Some("hoog".into()),
        ..Input::new("trees.geojson")
    };
    let city = read_bytes(&input, text.as_bytes()).expect("a city");
    assert_eq!((city.points[0].tags.name.as_deref(), city.points[0].height_m), (Some("Eik"), Some(11.0)));
}

#[test]
fn coordinates_are_read_in_the_system_that_is_named() {
    let square = |x: f64, y: f64| {
        let (e, n) = (x + 20.0, y + 20.0);
        feature(
            &format!(r#"{{"type":"Polygon","coordinates":[[[{x},{y}],[{e},{y}],[{e},{n}],[{x},{n}]]]}}"#),
            r#"{"building":"yes","height":10}"#,
        )
    };
    let asks = read(&square(85000.0, 446500.0)).expect_err("no CRS");
    assert!(asks.contains("85000, 446500") && asks.contains("--crs EPSG:"), "{asks}");
    let with = |crs: &str, text: &str| read_bytes(&Input { crs: Some(crs.into()), ..Input::new("x") }, text.as_bytes());
    let city = with("EPSG:28992", &square(85000.0, 446500.0)).expect("Delft");
    assert!((city.origin.lon() - 4.368).abs() < 1e-3 && (city.origin.lat() - 52.0025).abs() < 1e-3);
    let named = format!(
        r#"{{"type":"FeatureCollection","features":[{}],"crs":{{"type":"name","properties":{{"name":"urn:ogc:def:crs:EPSG::28992"}}}}}}"#,
        square(85000.0, 446500.0)
    );
    assert_eq!(read(&named).expect("Delft").origin, city.origin);
    let unknown = read(&named.replace("28992", "28999")).expect_err("no such CRS");
    assert!(unknown.contains("EPSG:28999 is not in the registry"), "{unknown}");
    // GCJ-02 lies half a kilometre beside WGS84.
    let house = house(121.5, 31.24, r#"{"building":"yes","height":9}"#);
    let (plain, gcj) = (with("CRS84", &house).expect("Shanghai"), with("GCJ-02", &house).expect("Shanghai"));
    let off = (plain.origin.lon() - gcj.origin.lon()).abs();
    assert!((0.003..0.006).contains(&off), "{off}");
}

#[test]
fn pieces_of_one_feature_are_one_again_and_different_ones_stay_apart() {
    let a = house(24.9, 60.1, r#"{"id":9,"kind":"building","height":8}"#);
    let b = house(24.90015, 60.1, r#"{"id":9,"kind":"building","height":8}"#);
    let c = house(24.9, 60.102, r#"{"id":9,"kind":"building","height":20}"#);
    let lines = [&a, &a, &b, &c].map(String::as_str).join("\n");
    let city = read(&lines).expect("a city");
    let ids: Vec<&str> = city.buildings.iter().map(|b| b.tags.id.as_str()).collect();
    assert_eq!(ids, ["town/9", "town/9#2"]);
    assert_eq!(city.buildings[0].outline.len(), 1);
    assert_eq!(city.warnings.0["pieces_of_one_feature_joined"].count, 2);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).expect("written");
    packed.finish().expect("packed")
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        archive.start_file(*name, options).expect("begun");
        archive.write_all(bytes).expect("written");
    }
    archive.finish().expect("packed").into_inner()
}

#[test]
fn packed_inputs_are_unpacked_whatever_they_are_called() {
    let text = house(24.9, 60.1, r#"{"id":1,"building":"yes","height":8}"#);
    let plain = read(&text).expect("a city");
    let zstd = ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let note: &[u8] = b"read me";
    for (what, bytes) in [
        ("gzip", gzip(text.as_bytes())),
        ("zstd", zstd),
        ("zip", zip(&[("a/town.json", text.as_bytes()), ("README.txt", note)])),
        ("zip of gzip", zip(&[("town.gz", &gzip(text.as_bytes()))])),
    ] {
        let city = read_bytes(&Input::new("town.dat"), &bytes).expect(what);
        assert_eq!(city.buildings, plain.buildings, "{what}");
    }
}

#[test]
fn bad_inputs_are_refused_with_a_sentence() {
    let good = house(24.9, 60.1, r#"{"building":"yes","height":8}"#);
    let mut endless = br#"{"type":""#.to_vec();
    endless.resize(80 << 20, b'a');
    let cube = |version: &str, extra: &str| {
        format!(
            r#"{{"type":"CityJSON","version":"{version}"{extra},"CityObjects":{{"a":{{"type":"Building","geometry":
            [{{"type":"MultiSurface","lod":"2","boundaries":[[[0,1,2]]]}}]}}}},"vertices":[[0,0,0],[9,0,0],[0,9,5]]}}"#
        )
    };
    let rd = r#","metadata":{"referenceSystem":"https://www.opengis.net/def/crs/EPSG/0/7415"}"#;
    assert!(read(&cube("2.0", rd)).is_ok(), "{:?}", read(&cube("2.0", rd)));
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("nothing", Vec::new(), "the file is empty"),
        ("blanks", b"  \n ".to_vec(), "the file is empty"),
        ("a picture", b"\x89PNG\r\n\x1a\n".to_vec(), "expected OpenStreetMap data, GeoJSON, FlatGeobuf"),
        ("three layers of gzip", gzip(&gzip(&gzip(good.as_bytes()))), "packed more than 2 times"),
        ("a bomb", gzip(&endless), "refused as an archive bomb"),
        ("a nested bomb", zip(&[("a.gz", &gzip(&endless))]), "refused as an archive bomb"),
        ("a cut gzip", gzip(good.as_bytes())[..60].to_vec(), ""),
        ("an empty zip", zip(&[("README.txt", b"hi")]), "no file in it"),
        ("xz", b"\xfd7zXZ\0".to_vec(), "packed with xz"),
        ("broken JSON", br#"{"type":"FeatureCollection","features":[{]}"#.to_vec(), "not JSON"),
        ("cut JSON", good.as_bytes()[..good.len() - 9].to_vec(), "not JSON"),
        ("deep JSON", [b'['; 100_000].to_vec(), "not JSON"),
        ("a bare geometry", br#"{"type":"Point","coordinates":[1,2]}"#.to_vec(), "put it into a Feature"),
        ("TopoJSON", br#"{"type":"Topology","objects":{}}"#.to_vec(), "TopoJSON is not supported"),
        ("some JSON", br#"{"hello":"world"}"#.to_vec(), "JSON without a \"type\""),
        ("a list of lists", b"[[1,2],[3]]".to_vec(), "JSON without a \"type\""),
        ("no features", collection(&[]).into_bytes(), "nothing to bake"),
        ("old CityJSON", cube("0.9", rd).into_bytes(), "CityJSON 0.9 is not supported"),
        ("CityJSON without CRS", cube("2.0", "").into_bytes(), "say which it is, for example --crs EPSG:7415"),
        ("CityJSON of an unknown CRS", cube("2.0", &rd.replace("7415", "9999999")).into_bytes(), "EPSG:9999999"),
        (
            "a piece of a sequence",
            br#"{"type":"CityJSONFeature","id":"a","CityObjects":{},"vertices":[]}"#.to_vec(),
            "without the line of type \"CityJSON\"",
        ),
    ];
    for (what, bytes, expected) in cases {
        let message = read_bytes(&Input::new("bad"), bytes).map(|_| ()).expect_err(what);
        assert!(message.contains(expected), "{what}: {message}");
    }
}

#[test]
fn broken_parts_are_counted_and_the_rest_is_baked() {
    let good = house(24.9, 60.1, r#"{"id":1,"building":"yes","height":8}"#);
    let polygon = |ring: &str| {
        feature(&format!(r#"{{"type":"Polygon","coordinates":[{ring}]}}"#), r#"{"building":"yes","height":8}"#)
    };
    let bad = [
        polygon("[[24.9,60.1],[24.901,60.101],[24.901,60.1],[24.9,60.101],[24.9,60.1]]"),
        polygon("[[24.9,60.1],[24.9,60.1]]"),
        polygon("[24.9,60.1]"),
        polygon("[[24.9,60.1],[1e999,2],[3,4]]"),
        polygon("[[24.9,60.1],[424.9,60.2],[24.901,60.101],[24.902,60.1]]"),
        feature("null", r#"{"building":"yes"}"#),
        r#"{"type":"Feature","properties":[1],"geometry":{"type":"Point","coordinates":[1,2]}}"#.to_owned(),
        r#"{"type":"Feature","prop"#.to_owned(),
        house(-120.0, -40.0, r#"{"id":"far","building":"yes","height":8}"#),
    ];
    let mut lines = vec![good.clone(), good];
    lines.extend(bad);
    let city = read(&lines.join("\n")).expect("a city");
    let codes: BTreeMap<&str, u64> = city.warnings.0.iter().map(|(code, w)| (code.as_str(), w.count)).collect();
    for code in [
        "self_intersecting_ring",
        "geometry_unreadable",
        "coordinates_out_of_range",
        "feature_without_geometry",
        "line_unreadable",
        "far_from_the_rest",
        "pieces_of_one_feature_joined",
    ] {
        assert!(codes.contains_key(code), "{code}: {codes:?}");
    }
    assert!(city.buildings.iter().any(|building| building.tags.id == "town/1"));
    baked(&city);
}

#[test]
fn shanghai_has_its_towers_with_names_in_chinese_and_english() {
    let Some(path) = shared("china/shanghai_tilezen_34tiles.json") else { return };
    let city = source::read(&[Input::new(path)], &Silent).expect("a city");
    let tower = city.buildings.iter().find(|b| b.tags.names.get("en").is_some_and(|n| n == "Shanghai Tower"));
    let tower = tower.expect("Shanghai Tower");
    assert!((tower.height_m - 632.0).abs() < 1.0 && tower.tags.names.contains_key("zh"), "{:?}", tower.tags);
    assert!(city.buildings.len() > 1000 && city.ways.len() > 1000 && city.places.len() > 200);
    assert!(city.areas.iter().any(|area| area.class == citytwin::bake::model::AreaClass::Water));
    assert!(city.attribution.iter().any(|who| who.text.contains("OpenStreetMap")));
}

/// The ground as the finest tiles of a terrain draw it: corners of triangles as longitude, latitude (degrees) and height
/// (metres), by the square of the plan that they touch.
struct DrawnGround(BTreeMap<[i64; 2], Vec<[DVec3; 3]>>);

impl DrawnGround {
    const SQUARE_DEG: f64 = 0.0005;

    fn read(files: &BTreeMap<String, Vec<u8>>) -> Self {
        let layer: Value = serde_json::from_slice(&files["terrain/layer.json"]).expect("JSON");
        let finest = format!("terrain/{}/", layer["maxzoom"]);
        let mut ground = Self(BTreeMap::new());
        for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with(&finest)) {
            let numbers: Vec<u32> = name.split(['/', '.']).filter_map(|part| part.parse().ok()).collect();
            let [level, x, y] = numbers[..] else { panic!("{name}") };
            let place = TerrainPlace { grid: TerrainGrid::Geographic, level, at: [x, y] };
            let tile = TerrainTile { format: TerrainFormat::QuantizedMesh, place, above: 0, offset_m: 0.0 };
            let Ok(Decoded::Content(content)) = decode(bytes, name, &What::Terrain(tile)) else { panic!("{name}") };
            ground.add(&content, &place.frame());
        }
        ground
    }

    fn add(&mut self, content: &TileContent, frame: &EnuFrame) {
        let float =
            |at: usize| f64::from(f32::from_le_bytes(content.vertices[at..at + 4].try_into().expect("a float")));
        let stride = content.primitives[0].positions.stride as usize;
        let corner = |index: &[u8]| {
            let at = u32::from_le_bytes(index.try_into().expect("an index")) as usize * stride;
            let p = frame.geodetic_from_enu(DVec3::new(float(at), float(at + 4), float(at + 8)));
            DVec3::new(p.lon(), p.lat(), p.height_m)
        };
        for triangle in content.indices.chunks_exact(12) {
            let corners = [corner(&triangle[..4]), corner(&triangle[4..8]), corner(&triangle[8..])];
            let square = |p: DVec3| (p.truncate() / Self::SQUARE_DEG).floor().to_array().map(|at| at as i64);
            let low = square(corners[0].min(corners[1]).min(corners[2]));
            let high = square(corners[0].max(corners[1]).max(corners[2]));
            for (x, y) in (low[0]..=high[0]).flat_map(|x| (low[1]..=high[1]).map(move |y| (x, y))) {
                self.0.entry([x, y]).or_default().push(corners);
            }
        }
    }

    /// Skirts hang below: the highest triangle at a place counts.
    fn height_m(&self, at: DVec2) -> f64 {
        let square = (at / Self::SQUARE_DEG).floor().to_array().map(|at| at as i64);
        let height = |[a, b, c]: &[DVec3; 3]| {
            let [p, q, r] = [*a, *b, *c].map(DVec3::truncate);
            let whole = (q - p).perp_dot(r - p);
            let (beta, gamma) = ((at - p).perp_dot(r - p) / whole, (q - p).perp_dot(at - p) / whole);
            let inside = whole.abs() > 1e-14 && beta.min(gamma).min(1.0 - beta - gamma) > -1e-6;
            inside.then_some(a.z + beta * (b.z - a.z) + gamma * (c.z - a.z))
        };
        let found = self.0.get(&square).into_iter().flatten().filter_map(height);
        found.reduce(f64::max).unwrap_or_else(|| panic!("no ground at {at}"))
    }
}

/// Buildings stand no higher than the lowest drawn ground under their sides, and no deeper than this below it, metres:
/// both the ground and the building may be off by a quarter.
const DEEPEST_M: f64 = 0.55;
/// Rounding of positions, metres.
const ROUNDING_M: f64 = 0.03;

/// How many buildings there are whose feet touch the ground, all of them checked.
fn stand_on_their_ground(city: &City, files: &BTreeMap<String, Vec<u8>>) -> usize {
    let (ground, frame) = (DrawnGround::read(files), EnuFrame::new(city.origin));
    let mut feet_m: BTreeMap<String, f64> = BTreeMap::new();
    for (name, bytes) in files.iter().filter(|(name, _)| is_leaf(name, "buildings", files)) {
        for (id, (low, _)) in heights(&content(bytes, name), &frame) {
            let foot_m = feet_m.entry(id).or_insert(f64::INFINITY);
            *foot_m = foot_m.min(low);
        }
    }
    let standing = city.buildings.iter().filter(|b| b.solids.iter().any(|solid| solid.base_m == 0.0));
    let mut count = 0;
    for building in standing.filter(|building| feet_m.contains_key(&building.tags.id)) {
        let mut lowest_m = f64::INFINITY;
        for ring in building.outline.iter().map(|polygon| &polygon.outer) {
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                let steps = (a.distance(*b) / 2.0).ceil().max(1.0);
                for step in 0..steps as u32 {
                    let at = a.lerp(*b, f64::from(step) / steps);
                    let place: Geodetic = frame.geodetic_from_enu(at.extend(frame.surface_z(at)));
                    lowest_m = lowest_m.min(ground.height_m(DVec2::new(place.lon(), place.lat())));
                }
            }
        }
        let deep_m = lowest_m - feet_m[&building.tags.id];
        assert!((-ROUNDING_M..DEEPEST_M).contains(&deep_m), "{}: {deep_m} m below", building.tags.id);
        count += 1;
    }
    count
}

/// Whether a file is a tile of a tileset that has no finer one below it.
fn is_leaf(name: &str, tileset: &str, files: &BTreeMap<String, Vec<u8>>) -> bool {
    let numbers: Vec<u32> = name.split(['/', '.']).filter_map(|part| part.parse().ok()).collect();
    let [level, x, y] = numbers[..] else { return false };
    let child = |dx: u32, dy: u32| format!("{tileset}/tiles/{}/{}/{}.glb", level + 1, 2 * x + dx, 2 * y + dy);
    name.starts_with(tileset)
        && name.ends_with(".glb")
        && ![(0, 0), (0, 1), (1, 0), (1, 1)].iter().any(|(dx, dy)| files.contains_key(&child(*dx, *dy)))
}

/// SRTM's 3-arc-second square of 43°N 7°E, made up: valleys and ridges.
fn made_up_hgt() -> Vec<u8> {
    let height = |i: usize| {
        let (x, y) = ((i % 1201) as f64, (i / 1201) as f64);
        (400.0 + 250.0 * (x * 0.23).sin() + 120.0 * (y * 0.31).cos()) as i16
    };
    (0..1201 * 1201).flat_map(|i| height(i).to_be_bytes()).collect()
}

#[test]
fn a_city_is_set_on_its_terrain() {
    let houses: Vec<String> = (0..60)
        .map(|i| {
            let (lon, lat) = (7.42 + f64::from(i % 10) * 0.0011, 43.73 + f64::from(i / 10) * 0.0009);
            house(lon, lat, &format!(r#"{{"id":{i},"building":"yes","height":12}}"#))
        })
        .collect();
    let road =
        feature(r#"{"type":"LineString","coordinates":[[7.42,43.73],[7.431,43.735]]}"#, r#"{"highway":"primary"}"#);
    let bridge = feature(
        r#"{"type":"LineString","coordinates":[[7.42,43.7305],[7.428,43.7305]]}"#,
        r#"{"highway":"primary","bridge":"yes","layer":1}"#,
    );
    let tree = feature(r#"{"type":"Point","coordinates":[7.4255,43.7325]}"#, r#"{"natural":"tree","height":8}"#);
    let features: Vec<String> = houses.into_iter().chain([road, bridge, tree]).collect();
    let archive = zip(&[("town.geojson", collection(&features).as_bytes()), ("N43E007.hgt", &made_up_hgt())]);
    let city = read_bytes(&Input::new("town.zip"), &archive).expect("a city");
    let (files, report) = baked(&city);
    assert_eq!(stand_on_their_ground(&city, &files), 60);
    let twin = Twin::from_json(&files["twin.json"]).expect("a manifest");
    assert_eq!(twin.terrain.as_ref().map(|terrain| terrain.url.as_str()), Some("terrain/layer.json"));
    assert!(report.stages.iter().any(|stage| stage.name == "terrain"));
    // Roads follow the ground; the bare ground is the terrain's own.
    let (ground, frame) = (DrawnGround::read(&files), EnuFrame::new(city.origin));
    assert!(!files.keys().any(|name| name.starts_with("ground/")));
    let mut checked = 0;
    for (name, bytes) in files.iter().filter(|(name, _)| is_leaf(name, "transport", &files)) {
        let content = content(bytes, name);
        for primitive in content.primitives.iter().filter(|primitive| primitive.flat_order.is_some()) {
            for at in corners(&content, primitive) {
                let place = frame.geodetic_from_enu(at);
                let off_m = place.height_m - ground.height_m(DVec2::new(place.lon(), place.lat()));
                assert!((-0.3..0.6).contains(&off_m), "{name}: {off_m} m above the ground");
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked}");
    // Without the heights everything lies on the ellipsoid, as it did.
    let flat = City { relief: None, ..city };
    let (files, _) = baked(&flat);
    assert!(files.keys().all(|name| !name.starts_with("terrain/")) && files.contains_key("ground/tileset.json"));
}

#[test]
fn monaco_stands_on_the_heights_that_srtm_measured() {
    let Some(folder) = shared("osm") else { return };
    let inputs = [Input::new(folder.join("monaco.osm.pbf")), Input::new(folder.join("N43E007.hgt.zip"))];
    let city = source::read(&inputs, &Silent).expect("a city");
    let (files, _) = baked(&city);
    assert!(stand_on_their_ground(&city, &files) > 800, "of {}", city.buildings.len());
    // The file itself, read without any code of ours: rows of big-endian metres from the north-western corner.
    let packed = std::fs::read(folder.join("N43E007.hgt.zip")).expect("read");
    let mut raw = Vec::new();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(packed)).expect("an archive");
    archive.by_index(0).expect("a member").read_to_end(&mut raw).expect("unpacked");
    let ground = DrawnGround::read(&files);
    let (mut worst_m, mut sum_m, mut count) = (0.0_f64, 0.0, 0);
    for (column, row) in (0..1201).flat_map(|column| (0..1201).map(move |row| (column, row))) {
        let at = DVec2::new(7.0 + f64::from(column) / 1200.0, 44.0 - f64::from(row) / 1200.0);
        if city.extent.contains(at.x, at.y) {
            let sample = (row * 1201 + column) as usize * 2;
            let measured = f64::from(i16::from_be_bytes([raw[sample], raw[sample + 1]]));
            let off_m = (ground.height_m(at) - measured).abs();
            (worst_m, sum_m, count) = (worst_m.max(off_m), sum_m + off_m, count + 1);
        }
    }
    // The lattice has a point in every half of a square of the source: a sample on a ridge of it loses a part of what
    // the ridge rises above its neighbours, tens of metres here.
    assert!(count > 400 && worst_m < 15.0 && sum_m / f64::from(count) < 1.0, "{worst_m} {sum_m} {count}");
}

#[test]
fn tables_of_features_are_read_as_gdal_and_geopandas_write_them() {
    // Both hold the same four things in RD New: two houses (one with a hole, one of two parts), a road and a tree.
    for name in ["town.fgb", "town.parquet"] {
        let bytes = std::fs::read(repository("fuzz/seeds/bake").join(name)).expect("a seed");
        let city = read_bytes(&Input::new(name), &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let ids: BTreeSet<&str> = city.buildings.iter().map(|building| building.tags.id.as_str()).collect();
        assert_eq!(ids, BTreeSet::from(["town/h1", "town/h2"]), "{name}");
        let house = city.buildings.iter().find(|b| b.tags.id == "town/h1").expect("the first");
        assert_eq!((house.tags.name.as_deref(), house.height_m), (Some("Häuschen"), 9.5), "{name}");
        assert_eq!((house.outline.len(), house.outline[0].holes.len()), (1, 1), "{name}");
        assert_eq!(house.tags.more.get("open"), Some(&Property::Flag(true)), "{name}");
        assert_eq!((city.ways.len(), city.points.len()), (1, 1), "{name}");
        assert!((city.origin.lon() - 4.3688).abs() < 1e-3 && (city.origin.lat() - 52.0024).abs() < 1e-3, "{name}");
        // Cut anywhere, it is an error or a smaller city.
        for length in 0..bytes.len() {
            let _ = read_bytes(&Input::new(name), &bytes[..length]);
        }
    }
}

#[test]
fn shinjuku_is_a_venue_with_all_its_spaces() {
    let Some(folder) = shared("indoor/ShinjukuTerminal") else { return };
    let input = Input { venue: true, ..Input::new(&folder) };
    let city = source::read(&[input], &Silent).expect("a city");
    let (files, _) = baked(&city);
    let twin = Twin::from_json(&files["twin.json"]).expect("a manifest");
    let [venue] = &twin.venues[..] else { panic!("{:?}", twin.venues) };
    let floors: Vec<i16> = venue.floors.iter().map(|floor| floor.floor).collect();
    assert!(floors.contains(&-3) && floors.contains(&4) && floors.is_sorted(), "{floors:?}");
    // What is published is the same venue, now in degrees; spaces are counted in the source without any code of ours.
    let texts: Vec<(&str, &str)> =
        (venue.files.iter()).map(|name| (name.as_str(), std::str::from_utf8(&files[name]).expect("text"))).collect();
    let published = citytwin_positioning::venue::Venue::read(&texts, None).expect("a venue");
    let spaces: usize = std::fs::read_dir(&folder)
        .expect("listed")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with("_Space.geojson"))
        .map(|path| {
            let json: Value = serde_json::from_slice(&std::fs::read(path).expect("read")).expect("JSON");
            json["features"].as_array().map_or(0, Vec::len)
        })
        .sum();
    let areas: usize = published.levels.iter().map(|level| level.areas.len()).sum();
    // Two of them name a floor that no file has.
    assert_eq!((spaces, areas + published.problems.len()), (1173, 1173), "{:?}", published.problems);
    let shell = city.buildings.iter().find(|building| building.class == "venue").expect("a block around it");
    assert!(
        shell.height_m > 10.0 && (city.origin.lon() - 139.70).abs() < 0.01 && (city.origin.lat() - 35.69).abs() < 0.01
    );
}

#[test]
fn imdf_is_recognised_and_what_is_no_venue_is_told() {
    let square = |id: &str, kind: &str, properties: &str| {
        format!(
            r#"{{"type":"FeatureCollection","features":[{{"id":"{id}","type":"Feature","feature_type":"{kind}",
            "properties":{properties},"geometry":{{"type":"Polygon","coordinates":
            [[[24.94,60.17],[24.941,60.17],[24.941,60.1705],[24.94,60.1705],[24.94,60.17]]]}}}}]}}"#
        )
    };
    let level = square("l", "level", r#"{"ordinal":0,"short_name":{"en":"G"},"name":{"en":"Ground"}}"#);
    let unit = square("u", "unit", r#"{"level_id":"l","category":"room","name":{"en":"Hall"}}"#);
    let manifest: &[u8] = br#"{"version":"1.0.0","created":"2026-01-01T00:00:00Z","language":"en"}"#;
    let archive = zip(&[
        ("mall/level.geojson", level.as_bytes()),
        ("mall/manifest.json", manifest),
        ("mall/unit.geojson", unit.as_bytes()),
    ]);
    let city = read_bytes(&Input::new("mall.zip"), &archive).expect("a city");
    assert_eq!((city.venues.len(), city.venues[0].id.as_str(), city.venues[0].files.len()), (1, "mall", 3));
    // The same word among the attributes means nothing.
    let plain = collection(&[house(24.94, 60.17, r#"{"feature_type":"building","height":9}"#)]);
    assert!(read(&plain).is_ok_and(|city| city.venues.is_empty() && city.buildings.len() == 1));
    assert_eq!((city.venues[0].floors.len(), city.buildings.len()), (1, 1));
    // With a building around it there is no second one.
    let archive = zip(&[
        ("level.geojson", level.as_bytes()),
        ("town.geojson", house(24.94035, 60.17015, r#"{"building":"yes","height":9}"#).as_bytes()),
    ]);
    let around = read_bytes(&Input::new("mall.zip"), &archive).expect("a city");
    assert_eq!(around.buildings.len(), 1, "the house");
    let refused =
        read_bytes(&Input::new("mall.zip"), &zip(&[("unit.geojson", unit.as_bytes())])).expect_err("no level");
    assert!(refused.contains("venue_unreadable") && refused.contains("no known level"), "{refused}");
    let wrong = Input { venue: true, crs: Some("EPSG:28999".into()), ..Input::new("x.geojson") };
    assert!(read_bytes(&wrong, level.as_bytes()).expect_err("a CRS").contains("EPSG:28999"));
}

/// Files of the shared data that are no city models: what becomes of each. Numbers of buildings in are those that
/// osmium counts (closed ways and multipolygons with `building`), and those of lines for line-by-line GeoJSON.
const OTHERS: &[(&str, Outcome)] = &[
    ("osm/monaco.osm.gz", Outcome::Buildings { counted: 966, drawn: 965 }),
    // Parts that no building contains stand for themselves.
    ("osm/monaco.osm.pbf", Outcome::Buildings { counted: 1285, drawn: 1281 }),
    ("osm/nyc.osm.pbf", Outcome::Buildings { counted: 1525, drawn: 1531 }),
    ("osm/suburb.osm.pbf", Outcome::Buildings { counted: 2219, drawn: 2171 }),
    ("osm/berlin-siegessaeule.osm.gz", Outcome::Buildings { counted: 5, drawn: 10 }),
    ("osm/osm-testdata/misc/64bit_ids.osm", Outcome::Buildings { counted: 53, drawn: 53 }),
    ("osm/osm-testdata/misc/multipolygon_testcases.osm", Outcome::Refused("far_from_the_rest")),
    ("osm/osm-testdata/misc/tag_lengths.osm", Outcome::Refused("nothing to bake")),
    ("osm/osm-testdata/grid/data/all.osm", Outcome::Refused("a twin may reach 131 km")),
    ("osm/N43E007.hgt.zip", Outcome::Refused("nothing to bake")),
    ("china/shanghai_tilezen_34tiles.json", Outcome::Buildings { counted: 1572, drawn: 1322 }),
    ("china/hangzhou/hangzhou-water.pbf", Outcome::Refused("expected OpenStreetMap data")),
    ("china/hangzhou/hangzhou-landuse.pbf", Outcome::Refused("expected OpenStreetMap data")),
    ("china/hangzhou/flowline-mock.json", Outcome::Refused("JSON without a \"type\"")),
    ("china/hangzhou/hangzhou.dem", Outcome::Refused("expected OpenStreetMap data")),
    ("indoor/ShinjukuTerminal/Shinjuku_link.geojson", Outcome::Refused("feature_not_drawn 2549 times")),
    ("indoor/ifc/tests/ifc_tiler_test_data/FZK.ifc", Outcome::Refused("begins with \"ISO-10303-21")),
    (
        "indoor/infactory/igml-feature/src/main/resources/sample-data/FJK-Haus_IndoorGML_withEXR-corrected_1_0_3.gml",
        Outcome::Refused("nothing to bake"),
    ),
    ("scale/nyc_buildings.geojsonl.gz", Outcome::Lines(122_840)),
    ("scale/nyc_addresses.geojsonl.gz", Outcome::Lines(119_118)),
    ("scale/nyc_roads.geojsonl.gz", Outcome::Lines(53_340)),
];

/// What becomes of a file.
enum Outcome {
    Buildings {
        counted: usize,
        drawn: usize,
    },
    /// A feature on each line: all of them are there, joined, or counted as left out.
    Lines(usize),
    Refused(&'static str),
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is what one wants to see with --nocapture")]
fn every_other_shared_file_is_baked_or_refused_with_a_reason() {
    let Some(folder) = shared("") else { return };
    let mut wrong = Vec::new();
    for (name, outcome) in OTHERS {
        let read = source::read(&[Input::new(folder.join(name))], &Silent).and_then(|city| {
            // Reading a large one is enough here; that it bakes is what benchmarks show.
            let mut report = Report::default();
            let title = citytwin_manifest::Text::new([("en", "Test")]);
            if !matches!(outcome, Outcome::Lines(_)) {
                files_of(&city, &title, &Cancel::default(), &Silent, &mut report)?;
            }
            Ok(city)
        });
        let count = |city: &City, code: &str| city.warnings.0.get(code).map_or(0, |warning| warning.count as usize);
        let found = match &read {
            Ok(city) => {
                format!("{} buildings, {} ways, {} places", city.buildings.len(), city.ways.len(), city.places.len())
            }
            Err(error) => error.to_string(),
        };
        println!("{name}: {found}");
        let right = match (outcome, &read) {
            (Outcome::Buildings { counted, drawn }, Ok(city)) => {
                let codes = ["underground_left_out", "building_cut_at_border", "pieces_of_one_feature_joined"];
                let lost: usize = codes.iter().map(|code| count(city, code)).sum();
                city.buildings.len() == *drawn && drawn + lost >= *counted
            }
            (Outcome::Lines(lines), Ok(city)) => {
                let codes =
                    ["pieces_of_one_feature_joined", "feature_not_drawn", "area_without_extent", "tunnel_left_out"];
                let lost: usize = codes.iter().map(|code| count(city, code)).sum();
                let parts = |building: &Building| match building.tags.more.get("parts") {
                    Some(Property::Integer(parts)) => *parts as usize,
                    _ => 0,
                };
                let parts: usize = city.buildings.iter().map(parts).sum();
                let there = city.buildings.len() + parts + city.ways.len() + city.places.len() + city.points.len();
                there + lost >= *lines
            }
            (Outcome::Refused(why), Err(error)) => error.to_string().contains(why),
            _ => false,
        };
        if !right {
            wrong.push(format!("{name}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
