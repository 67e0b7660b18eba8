//! 3D Tiles 1.0 contents made by others: counts, placement and properties, and what damage does to them.
//!
//! Counts are compared with what each file's own tables say, read here in the plainest way.
#![allow(clippy::disallowed_methods, clippy::print_stderr)] // reads fixtures, and says so when they are absent
#![allow(missing_docs, clippy::unwrap_used)] // a test may fail by panicking

mod common;

use citytwin_tiles::{Decoded, Decoder, Problem, Resources, TileContent, Value, What, decode, decode_fetching};
use common::{files, samples};
use serde_json::Value as Json;
use std::path::Path;

/// A file decoded, with the files that it refers to.
fn read(path: &Path) -> Result<TileContent, Problem> {
    let bytes = std::fs::read(path).unwrap();
    let mut fetch = |url: &str| std::fs::read(url).ok();
    let url = path.to_string_lossy();
    match decode_fetching(&bytes, &url, &What::Content, &mut Resources::default(), &mut fetch)? {
        Decoded::Content(content) => Ok(content),
        other => panic!("{url}: {other:?}"),
    }
}

fn word(bytes: &[u8], i: usize) -> usize {
    u32::from_le_bytes(bytes[i * 4..i * 4 + 4].try_into().unwrap()) as usize
}

/// What a file's own tables promise.
#[derive(Debug, Default, PartialEq)]
struct Promise {
    points: u64,
    /// Of all parts together, the primitives of their models not multiplied in.
    instances: u64,
    tables: usize,
    /// Rows of the tables together.
    rows: u64,
}

fn promise(bytes: &[u8]) -> Promise {
    if &bytes[..4] == b"cmpt" {
        let (mut at, mut sum) = (16, Promise::default());
        for _ in 0..word(bytes, 3) {
            let part = promise(&bytes[at..at + word(&bytes[at..], 2)]);
            sum.points += part.points;
            sum.instances += part.instances;
            sum.tables += part.tables;
            sum.rows += part.rows;
            at += word(&bytes[at..], 2);
        }
        return sum;
    }
    let header = if &bytes[..4] == b"i3dm" { 32 } else { 28 };
    let json = |at: usize, len: usize| serde_json::from_slice::<Json>(&bytes[at..at + len]).unwrap_or_default();
    let features = json(header, word(bytes, 3));
    let batches = json(header + word(bytes, 3) + word(bytes, 4), word(bytes, 5));
    let number = |name: &str| features[name].as_u64().unwrap_or(0);
    let (points, instances, batch_length) =
        (number("POINTS_LENGTH"), number("INSTANCES_LENGTH"), number("BATCH_LENGTH"));
    let has_properties = batches.as_object().is_some_and(|b| b.keys().any(|k| k != "extensions"));
    let rows = [batch_length, instances, points].into_iter().find(|n| *n > 0).unwrap_or(0);
    Promise { points, instances, tables: usize::from(has_properties), rows: if has_properties { rows } else { 0 } }
}

/// Files that need the Draco decoder.
fn needs_draco(bytes: &[u8]) -> bool {
    bytes.windows(DRACO.len()).any(|w| w == DRACO.as_bytes())
}

const DRACO: &str = "3DTILES_draco_point_compression";

#[test]
fn every_cloud_and_every_instanced_model_has_what_its_tables_promise() {
    let Some(dir) = samples() else { return };
    let (mut compared, mut without_decoder) = (0, 0);
    for path in files(&dir, &[".pnts", ".i3dm", ".cmpt"]) {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display();
        let content = match read(&path) {
            Ok(content) => content,
            Err(problem) if problem.code == "decoder-missing" && !Decoder::Draco.is_here() && needs_draco(&bytes) => {
                without_decoder += 1;
                continue;
            }
            Err(problem) if problem.message.contains("KHR_techniques_webgl") => continue,
            Err(problem) => panic!("{problem}"),
        };
        let promise = promise(&bytes);
        let info = content.info();
        assert_eq!(info.points, promise.points, "{name}");
        // Every model of these has one primitive, but for the tree with its trunk and its leaves.
        let primitives = if path.ends_with("tree.i3dm") { 2 } else { 1 };
        assert_eq!(info.instances, promise.instances * primitives, "{name}");
        assert_eq!(content.tables.len(), promise.tables, "{name}");
        assert_eq!(content.tables.iter().map(|t| u64::from(t.count)).sum::<u64>(), promise.rows, "{name}");
        compared += 1;
    }
    assert!(compared + without_decoder >= 60, "only {compared} files were compared");
}

/// Where another reader puts them: 3d-tiles-renderer 0.5.3 with three 0.187 (I3DMLoader, PNTSLoader), bounds over the
/// corners of the model's box in every instance, metres. It keeps quantised positions in 32-bit floats.
#[test]
fn clouds_and_instances_stand_where_another_reader_puts_them() {
    let Some(dir) = samples() else { return };
    let forest = [[1_214_910.31, -4_736_402.63, 4_081_533.16], [1_215_117.31, -4_736_230.87, 4_081_683.84]];
    let turned = [[1_214_908.03, -4_736_403.81, 4_081_530.79], [1_215_118.71, -4_736_234.04, 4_081_685.8]];
    let cloud = [[1_215_009.59, -4_736_317.08, 4_081_601.7], [1_215_016.18, -4_736_309.02, 4_081_608.74]];
    let ball = [[1_215_007.9, -4_736_318.03, 4_081_600.23], [1_215_017.87, -4_736_308.06, 4_081_610.22]];
    for (file, expected) in [
        ("Instanced/InstancedOct32POrientation/instancedOct32POrientation.i3dm", turned),
        ("Instanced/InstancedOrientation/instancedOrientation.i3dm", turned),
        ("Instanced/InstancedQuantizedOct32POrientation/instancedQuantizedOct32POrientation.i3dm", turned),
        ("Instanced/InstancedQuantized/instancedQuantized.i3dm", forest),
        ("Instanced/InstancedRTC/instancedRTC.i3dm", forest),
        ("Instanced/InstancedWithBatchIds/instancedWithBatchIds.i3dm", forest),
        ("Instanced/InstancedGltfExternal/instancedGltfExternal.i3dm", forest),
        ("Composite/CompositeOfInstanced/compositeOfInstanced.cmpt", forest),
        (
            "Instanced/InstancedScale/instancedScale.i3dm",
            [[1_214_906.47, -4_736_403.42, 4_081_528.31], [1_215_118.67, -4_736_229.77, 4_081_688.24]],
        ),
        (
            "Instanced/InstancedScaleNonUniform/instancedScaleNonUniform.i3dm",
            [[1_214_912.57, -4_736_404.93, 4_081_530.07], [1_215_117.13, -4_736_231.45, 4_081_683.2]],
        ),
        ("Instanced/InstancedWithTransform/instancedWithTransform.i3dm", [[-90., -90., -10.], [90., 90., 10.]]),
        ("Tilesets/TilesetWithExternalResources/tileset2/external.i3dm", [[-10.; 3], [10.; 3]]),
        (
            "../../3d-tiles-samples/1.0/TilesetWithTreeBillboards/tree.i3dm",
            [[1_214_918.5, -4_736_394.31, 4_081_538.91], [1_215_109., -4_736_237.42, 4_081_676.44]],
        ),
        ("PointCloud/PointCloudRGB/pointCloudRGB.pnts", cloud),
        ("PointCloud/PointCloudConstantColor/pointCloudConstantColor.pnts", cloud),
        ("PointCloud/PointCloudQuantized/pointCloudQuantized.pnts", cloud),
        ("PointCloud/PointCloudTimeDynamicDraco/0.pnts", cloud),
        ("PointCloud/PointCloudBatched/pointCloudBatched.pnts", ball),
        ("PointCloud/PointCloudQuantizedOctEncoded/pointCloudQuantizedOctEncoded.pnts", ball),
        ("PointCloud/PointCloudDraco/pointCloudDraco.pnts", ball),
        ("PointCloud/PointCloudDracoPartial/pointCloudDracoPartial.pnts", ball),
        ("PointCloud/PointCloudWithTransform/pointCloudWithTransform.pnts", [[-2.5; 3], [2.5; 3]]),
        (
            "PointCloud/PointCloudWGS84/pointCloudWGS84.pnts",
            [[1_215_009.63, -4_736_317., 4_081_601.75], [1_215_016.13, -4_736_309., 4_081_608.75]],
        ),
        ("../../3d-tiles-samples/1.0/TilesetWithRequestVolume/points.pnts", [[-1.25; 3], [1.25; 3]]),
    ] {
        let content = match read(&dir.join("spec-tilesets/CesiumJS").join(file)) {
            Err(problem) if problem.code == "decoder-missing" && !Decoder::Draco.is_here() => continue,
            content => content.unwrap(),
        };
        let found = content.info().bounds.unwrap();
        let far = found.as_flattened().iter().zip(expected.as_flattened()).any(|(a, b)| (a - b).abs() > 0.1);
        assert!(!far, "{file}: {found:?} instead of {expected:?}");
    }
}

/// From the JSON of each file, followed by hand from batch 4 (a door) to its house, its zone and its classifiers.
#[test]
fn doors_inherit_from_their_houses() {
    let Some(dir) = samples() else { return };
    let text = |text: &str| Value::Text(text.into());
    let own = [("door_name", text("door0")), ("height", Value::Number(5.0))];
    let house = [("building_name", text("building0")), ("zone_name", text("zone0"))];
    let more = [("description", text("built in 1980")), ("year", Value::Number(2000.0)), ("color", text("red"))];
    for (folder, properties, expected) in [
        ("BatchTableHierarchy", 9, [&own[..], &house].concat()),
        ("BatchTableHierarchyLegacy", 9, [&own[..], &house].concat()),
        ("BatchTableHierarchyMultipleParents", 15, [&own[..], &house, &more].concat()),
        ("BatchTableHierarchyBinary", 15, [&own[..], &house, &more].concat()),
        ("BatchTableHierarchyNoParents", 5, own.to_vec()),
    ] {
        let content = read(&dir.join("spec-tilesets/CesiumJS/Hierarchy").join(folder).join("tile.b3dm")).unwrap();
        assert_eq!(content.problems, [], "{folder}");
        let row = content.tables[0].row(&content.property_bytes, 4);
        assert_eq!(row.len(), properties, "{folder}: {row:?}");
        for (name, value) in expected {
            assert!(row.contains(&(name.to_owned(), value.clone())), "{folder}: {name} in {row:?}");
        }
    }
}

/// One sample of each kind; the whole of every file is what the fuzz targets are for.
#[test]
fn no_truncation_and_no_flipped_byte_of_a_sample_does_harm() {
    let Some(dir) = samples() else { return };
    let dir = dir.join("spec-tilesets/CesiumJS");
    for file in [
        "Batched/BatchedDeprecated1/batchedDeprecated1.b3dm",
        "Batched/BatchedWithBatchTableBinary/batchedWithBatchTableBinary.b3dm",
        "Composite/CompositeOfComposite/compositeOfComposite.cmpt",
        "Hierarchy/BatchTableHierarchyBinary/tile.b3dm",
        "Instanced/InstancedGltfExternal/instancedGltfExternal.i3dm",
        "Instanced/InstancedOct32POrientation/instancedOct32POrientation.i3dm",
        "Instanced/InstancedWithBatchIds/instancedWithBatchIds.i3dm",
        "PointCloud/PointCloudBatched/pointCloudBatched.pnts",
        "PointCloud/PointCloudDracoBatched/pointCloudDracoBatched.pnts",
        "PointCloud/PointCloudQuantizedOctEncoded/pointCloudQuantizedOctEncoded.pnts",
    ] {
        let bytes = std::fs::read(dir.join(file)).unwrap();
        // Headers and tables lie in the first bytes: all of those, and some of the rest.
        let places = || (0..bytes.len()).filter(|i| *i < 400 || i % 97 == 0);
        for len in places() {
            // There may be an answer or a problem, but there is one.
            let _ = decode(&bytes[..len], file, &What::Content);
        }
        for i in places() {
            for flip in [0x01, 0xff] {
                let mut bytes = bytes.clone();
                bytes[i] ^= flip;
                let _ = decode(&bytes, file, &What::Content);
            }
        }
    }
}
