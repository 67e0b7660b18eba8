//! `citytwin inspect` on tilesets made by others, and on files that are none.
#![allow(clippy::print_stderr, missing_docs, clippy::unwrap_used)] // says when fixtures are absent; may fail by panicking

use citytwin::inspect::{InspectArgs, Inspection, inspect};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: InspectArgs,
}

/// What the arguments lead to.
fn run(tileset: &Path, options: &[&str]) -> anyhow::Result<Inspection> {
    let words = ["inspect", tileset.to_str().unwrap()].into_iter().chain(options.iter().copied());
    inspect(&Line::parse_from(words).args)
}

/// The command itself.
fn command(tileset: &Path, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_citytwin")).arg("inspect").arg(tileset).args(options).output().unwrap()
}

fn samples() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/tiles");
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("SKIPPED: {} is not there, so nothing of it was tested", dir.display());
    None
}

fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inspect").join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn known_tilesets_have_their_known_counts() {
    let Some(dir) = samples() else { return };
    // (tileset, tiles per level, contents, triangles, features, problems). Tiles, contents: from tileset.json, and
    // from the `availableCount`s of the subtrees. Triangles: from the contents' accessors. Problems: the files that are
    // missing or empty.
    for (tileset, levels, contents, triangles, features, problems) in [
        ("3d-tiles-samples/1.0/TilesetWithDiscreteLOD", &[1, 1, 1][..], 3, 17_094, 0, 1),
        ("3d-tiles-samples/1.0/TilesetWithRequestVolume", &[1, 3, 1, 4], 6, 66_574, 40, 0),
        ("3d-tiles-samples/1.1/SparseImplicitQuadtree", &[1, 2, 4, 8, 16, 32], 32, 64, 0, 0),
        ("3d-tiles-samples/1.1/SparseImplicitOctree", &[1, 5, 8, 12, 16, 16], 31, 372, 0, 0),
        ("3d-tiles-samples/1.1/MetadataGranularities", &[1, 4], 20, 10_868, 0, 0),
        ("3dbag/sibbe/1.0", &[1, 6], 6, 63_938, 1178, 2),
        ("3dbag/sibbe/1.1", &[1, 4, 3], 6, 22_227, 414, 3),
        ("3dbag/tienhoven", &[1, 4], 4, 0, 0, 4),
        ("delaware/cesium", &[1, 4, 12, 28, 36], 59, 440_818, 22_532, 0),
        ("spec-tilesets/CesiumJS/Tilesets/TilesetOfTilesets", &[1, 1, 4, 1], 5, 600, 50, 0),
        ("spec-tilesets/CesiumJS/Batched/BatchedWithContentDataUri", &[1], 1, 120, 10, 0),
        ("spec-tilesets/CesiumJS/FullQuadtree", &[1, 4, 16], 21, 0, 0, 21),
    ] {
        let found = run(&dir.join(tileset), &[]).unwrap();
        assert_eq!(found.levels, levels, "{tileset}");
        assert_eq!(found.tiles, levels.iter().sum::<u64>(), "{tileset}");
        assert_eq!((found.contents, found.triangles, found.features), (contents, triangles, features), "{tileset}");
        assert_eq!(found.problems.len(), problems, "{tileset}: {:?}", found.problems);
        for problem in &found.problems {
            assert!(!problem.place.contains("/shared/"), "places are relative: {problem}");
        }
    }
}

#[test]
fn a_view_draws_coarse_tiles_from_afar_and_fine_ones_from_near() {
    let Some(dir) = samples() else { return };
    let tileset = dir.join("spec-tilesets/CesiumJS/Tilesets/TilesetReplacement1");
    // The middle of the tileset's region: -75.612° east, 40.0425° north.
    let drawn = |distance: &str| {
        let view = format!("-75.612,40.0425,0,-30,-60,{distance}");
        let view = run(&tileset, &["--view", &view]).unwrap().view.unwrap();
        assert_eq!(view.drawn_tiles as usize, view.drawn.len());
        assert_eq!(view.drawn_triangles, view.drawn.iter().map(|tile| tile.triangles).sum::<u64>());
        let mut names: Vec<String> = view.drawn.into_iter().map(|tile| tile.content).collect();
        names.sort();
        names
    };
    assert_eq!(drawn("8000"), ["parent.b3dm"]);
    assert_eq!(drawn("400"), ["ll.b3dm", "lr.b3dm", "ul.b3dm", "ur.b3dm"]);
}

#[test]
fn json_has_the_promised_fields_and_the_view_ones_only_with_a_view() {
    let Some(dir) = samples() else { return };
    let tileset = dir.join("3d-tiles-samples/1.1/MultipleContents/tileset.json");
    let keys = |options: &[&str]| {
        let output = command(&tileset, options);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        json.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let always = [
        "tiles",
        "levels",
        "contents",
        "bytes",
        "triangles",
        "points",
        "instances",
        "features",
        "extensions",
        "problems",
        "formats",
        "lines",
        "textures",
        "properties",
        "extensionsNotUnderstood",
        "metadata",
        "volumes",
    ];
    let mut expected: Vec<String> = always.map(String::from).to_vec();
    expected.sort();
    assert_eq!(keys(&["--json"]), expected);
    expected.extend(["drawn", "drawnTiles", "drawnTriangles"].map(String::from));
    expected.sort();
    assert_eq!(keys(&["--json", "--view", "-1,2,3,-4,-5,6", "--viewport", "800x600", "--max-error-px", "8"]), expected);
}

#[test]
fn what_cannot_be_read_ends_with_one_line_and_status_1() {
    let dir = scratch("bad");
    for (name, bytes) in [
        ("empty.json", &b""[..]),
        ("text.json", b"hello"),
        ("array.json", b"[1, 2]"),
        ("no-root.json", br#"{"asset":{"version":"1.1"}}"#),
        ("twin.json", br#"{"format":"citytwin/99"}"#),
    ] {
        let file = dir.join(name);
        std::fs::write(&file, bytes).unwrap();
        let output = command(&file, &["--json"]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(message.lines().count() == 1 && message.contains(name), "{message}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(command(&dir.join("absent.json"), &[]).status.code(), Some(1));
    assert_eq!(command(&scratch("empty"), &[]).status.code(), Some(1));
}

#[test]
fn a_tileset_with_problems_is_still_read() {
    let dir = scratch("problems");
    let tileset = r#"{"asset":{"version":"1.0"},"geometricError":10,"root":{
        "boundingVolume":{"sphere":[0,0,0,5]},"geometricError":5,"refine":"ADD","children":[
            {"boundingVolume":{"sphere":[0,0,0,5]},"geometricError":0,"content":{"uri":"a%20b.glb"}},
            {"boundingVolume":{"sphere":[0,0,0,5]},"geometricError":0,"content":{"uri":"https://example.invalid/c.glb"}},
            {"boundingVolume":{},"geometricError":0,"content":{"uri":"missing.glb"}}]}}"#;
    std::fs::write(dir.join("tileset.json"), tileset).unwrap();
    std::fs::write(dir.join("a b.glb"), b"garbage, but found").unwrap();
    let found = run(&dir, &["--view", "0,0,0,0,-90,10"]).unwrap();
    let codes: Vec<(&str, &str)> = found.problems.iter().map(|p| (p.code.as_str(), p.place.as_str())).collect();
    assert!(codes.contains(&("content-malformed", "a%20b.glb")), "{codes:?}");
    assert!(codes.contains(&("fetch-failed", "https://example.invalid/c.glb")), "{codes:?}");
    assert!(codes.contains(&("fetch-failed", "missing.glb")), "{codes:?}");
    assert!(codes.contains(&("tileset-malformed", "tileset.json: tile 3")), "{codes:?}");
    assert_eq!((found.tiles, found.contents, found.view.unwrap().drawn_tiles), (4, 3, 0));
}

/// A tileset of a root and its children, in a folder of its own.
fn write_tileset(name: &str, root: &str) -> PathBuf {
    let dir = scratch(name);
    let tileset = format!(r#"{{"asset":{{"version":"1.1"}},"geometricError":10,"root":{root}}}"#);
    std::fs::write(dir.join("tileset.json"), tileset).unwrap();
    dir
}

#[test]
fn metadata_is_told_with_its_classes_and_values() {
    let Some(dir) = samples() else { return };
    let found = run(&dir.join("3d-tiles-samples/1.1/MetadataGranularities"), &[]).unwrap();
    let metadata = &found.metadata;
    assert_eq!((metadata.tiles, metadata.contents, metadata.subtrees), (4, 20, 0));
    assert_eq!(
        metadata.classes["exampleContentMetadataClass"],
        ["materials: SCALAR of UINT16", "vertices: SCALAR of UINT32"]
    );
    assert_eq!(metadata.tilesets[0].properties["author"], "Cesium");
    assert_eq!(metadata.groups.len(), 2);
    assert_eq!(metadata.groups[0].properties["color"], serde_json::json!([64, 64, 255]));
    assert_eq!(found.formats["glb"], 20);
    let found = run(&dir.join("3dbag/sibbe/1.0"), &[]).unwrap();
    assert!(found.properties.keys().any(|name| name == "identificatie: STRING"), "{:?}", found.properties);
    let found = run(&dir.join("spec-tilesets/CesiumJS/Tilesets/Tileset"), &[]).unwrap();
    assert!(found.metadata.ranges.contains_key("id"), "{:?}", found.metadata.ranges);
}

#[test]
fn volumes_that_do_not_hold_are_told() {
    let volume = |x: f64, r: f64| format!(r#"{{"sphere":[{x},0,0,{r}]}}"#);
    let root = format!(
        r#"{{"boundingVolume":{},"geometricError":5,"refine":"ADD","children":[
            {{"boundingVolume":{},"geometricError":1}},
            {{"boundingVolume":{},"geometricError":1}},
            {{"boundingVolume":{},"geometricError":7}},
            {{"boundingVolume":{},"geometricError":1,"content":{{"uri":"a.glb","boundingVolume":{}}}}}]}}"#,
        volume(0.0, 10.0),
        volume(1.0, 5.0),
        volume(8.0, 5.0),
        volume(0.0, 5.0),
        volume(0.0, 2.0),
        volume(0.0, 4.0),
    );
    let dir = write_tileset("volumes", &root);
    let found = run(&dir, &[]).unwrap().volumes;
    let counts: Vec<(&str, u64)> = found.counts.iter().map(|(kind, n)| (kind.as_str(), *n)).collect();
    assert_eq!(counts, [("child-outside-parent", 1), ("content-volume-outside-tile", 1), ("error-not-smaller", 1)]);
    assert_eq!(found.tiles, 4);
    let child = found.findings.iter().find(|f| f.kind == "child-outside-parent").unwrap();
    assert!((child.metres - 3.0).abs() < 1e-6 && child.place == "a tile of level 1", "{child:?}");
    assert_eq!(command(&dir, &[]).status.code(), Some(0), "problems alone are no failure");
    assert_eq!(command(&dir, &["--strict"]).status.code(), Some(3));
}

#[test]
fn contents_stay_inside_their_volumes_in_real_tilesets() {
    let Some(dir) = samples() else { return };
    for tileset in ["delaware/cesium", "3dbag/sibbe/1.1", "3d-tiles-samples/1.1/MetadataGranularities"] {
        let volumes = run(&dir.join(tileset), &[]).unwrap().volumes;
        assert!(volumes.contents > 0 && !volumes.counts.contains_key("error-not-smaller"), "{tileset}: {volumes:?}");
    }
}

#[test]
fn no_file_outside_of_the_folder_is_read_unless_a_wider_one_is_named() {
    let child =
        r#"{"boundingVolume":{"sphere":[0,0,0,5]},"geometricError":0,"content":{"uri":"../%2e%2e/fence/x.json"}}"#;
    let dir = write_tileset("fence/in/deep", child);
    let outside = scratch("fence");
    std::fs::write(
        outside.join("x.json"),
        r#"{"asset":{"version":"1.1"},"geometricError":1,"root":{
        "boundingVolume":{"sphere":[0,0,0,5]},"geometricError":0}}"#,
    )
    .unwrap();
    // The reference is written to leave the folder by an escaped dot segment.
    let reference = std::fs::read_to_string(dir.join("tileset.json")).unwrap().replace("/fence", "");
    std::fs::write(dir.join("tileset.json"), reference).unwrap();
    let codes = |options: &[&str]| -> Vec<String> {
        run(&dir, options).unwrap().problems.into_iter().map(|p| p.code).collect()
    };
    assert_eq!(codes(&[]), ["fetch-refused"]);
    assert_eq!(codes(&["--root", outside.to_str().unwrap()]), Vec::<String>::new());
}

#[test]
fn an_archive_is_refused_with_what_to_do_about_it() {
    let output = command(&scratch("archive").join("city.3tz"), &[]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("unpack it"), "{message}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let file = scratch("pipe").join("tileset.json");
    let tileset = r#"{"asset":{"version":"1.1"},"geometricError":1,"root":{
        "boundingVolume":{"sphere":[0,0,0,5]},"geometricError":0}}"#;
    std::fs::write(&file, tileset).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader); // as `head` does when it has its lines
    let output =
        Command::new(env!("CARGO_BIN_EXE_citytwin")).arg("inspect").arg(&file).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}
