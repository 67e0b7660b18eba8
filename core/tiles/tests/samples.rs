//! Contents made by others, decoded and counted.
//!
//! What is expected comes from the files' own JSON (read here in the plainest way) or from their documentation.
#![allow(clippy::disallowed_methods, clippy::print_stderr)] // reads fixtures, and says so when they are absent
#![allow(missing_docs, clippy::unwrap_used)] // a test may fail by panicking

mod common;

use citytwin_tiles::{ContentInfo, Decoded, Problem, Resources, TileContent, Value, What, decode_fetching};
use common::{files, samples};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

fn read(path: &Path) -> (Vec<u8>, Result<TileContent, Problem>) {
    let bytes = std::fs::read(path).unwrap();
    let mut fetch = |url: &str| std::fs::read(url).ok();
    let url = path.to_string_lossy();
    let content = match decode_fetching(&bytes, &url, &What::Content, &mut Resources::default(), &mut fetch) {
        Ok(Decoded::Content(content)) => Ok(content),
        Ok(other) => panic!("{}: {other:?}", path.display()),
        Err(problem) => Err(problem),
    };
    (bytes, content)
}

/// The glTF JSON of a glb, a b3dm of version 1.0 or a gltf; `None` when there is none.
fn gltf_json(bytes: &[u8]) -> Option<Json> {
    let word = |bytes: &[u8], i: usize| bytes.get(i * 4..i * 4 + 4).map(|b| u32::from_le_bytes(b.try_into().unwrap()));
    let bytes = match bytes.get(..4)? {
        b"b3dm" => {
            let tables: u32 = (3..7).map(|i| word(bytes, i).unwrap()).fold(0, u32::saturating_add);
            bytes.get(28 + tables as usize..)?
        }
        _ => bytes,
    };
    match bytes.get(..4)? {
        b"glTF" => serde_json::from_slice(bytes.get(20..20 + word(bytes, 3)? as usize)?).ok(),
        _ => serde_json::from_slice(bytes).ok(),
    }
}

/// Triangles that the JSON promises: accessor counts of triangle lists, per node that has the mesh.
fn promised_triangles(json: &Json) -> u64 {
    let count =
        |accessor: &Json| accessor.as_u64().map_or(0, |i| json["accessors"][i as usize]["count"].as_u64().unwrap());
    let mut sum = 0;
    for node in json["nodes"].as_array().into_iter().flatten().filter(|node| node["mesh"].is_u64()) {
        let instances = &node["extensions"]["EXT_mesh_gpu_instancing"]["attributes"]["TRANSLATION"];
        let copies = if instances.is_u64() { count(instances) } else { 1 };
        let mesh = &json["meshes"][node["mesh"].as_u64().unwrap() as usize];
        for primitive in mesh["primitives"].as_array().unwrap() {
            if primitive["mode"].as_u64().unwrap_or(4) == 4 {
                let indices = &primitive["indices"];
                let drawn =
                    if indices.is_null() { count(&primitive["attributes"]["POSITION"]) } else { count(indices) };
                // The converter of the Frankfurt tiles wrote the number of faces where that of indices belongs; the
                // Draco stream knows better (draco3d counts as we do).
                let packed = primitive["extensions"]["KHR_draco_mesh_compression"].is_object();
                sum += if packed && drawn % 3 != 0 { drawn } else { drawn / 3 } * copies;
            }
        }
    }
    sum
}

#[test]
fn every_content_has_the_triangles_that_its_json_promises() {
    let Some(dir) = samples() else { return };
    let (mut compared, mut refused) = (0, 0);
    for path in files(&dir, &[".glb", ".gltf", ".b3dm"]) {
        let (bytes, content) = read(&path);
        let Ok(content) = content else {
            refused += 1;
            continue;
        };
        let Some(json) = gltf_json(&bytes) else { continue };
        assert_eq!(content.info().triangles, promised_triangles(&json), "{}", path.display());
        compared += 1;
    }
    assert!(compared >= 200, "only {compared} contents were compared, {refused} refused");
}

#[test]
fn what_is_not_read_yet_is_refused_by_name() {
    let Some(dir) = samples() else { return };
    for path in files(&dir, &[".glb", ".gltf", ".b3dm", ".i3dm", ".pnts", ".cmpt"]) {
        let (bytes, Err(problem)) = read(&path) else { continue };
        let known = match problem.code.as_str() {
            "content-unsupported" => [
                "Draco",
                "draco",
                "i3dm",
                "pnts",
                "texture",
                "schemaUri",
                "version",
                "file of its own",
                "glTF 1.0",
                "KHR_techniques_webgl",
            ]
            .iter()
            .any(|word| problem.message.contains(word)),
            "decoder-missing" => true,
            // Placeholders.
            "content-malformed" => bytes.len() < 12,
            _ => false,
        };
        assert!(known, "{problem}");
    }
}

#[test]
fn known_contents_have_their_known_counts() {
    let Some(dir) = samples() else { return };
    // (file, triangles, points, instances, features): from the README of each sample and the batch length of each b3dm.
    for (file, triangles, points, instances, features) in [
        ("3d-tiles-samples/1.0/TilesetWithRequestVolume/city/ll.b3dm", 120, 0, 0, 10),
        ("3d-tiles-samples/1.1/MultipleContents/planePoints.glb", 0, 16_641, 0, 0),
        ("3d-tiles-samples/glTF/GpuInstancesMetadata/GpuInstancesMetadata.gltf", 120, 0, 10, 10),
        ("3d-tiles-samples/glTF/EXT_mesh_features/FeatureIdAttribute/FeatureIdAttribute.gltf", 8, 0, 0, 4),
        ("3d-tiles-samples/glTF/CESIUM_primitive_outline/BoxPrimitiveOutline/BoxPrimitiveOutline.gltf", 12, 0, 0, 0),
        ("spec-tilesets/CesiumJS/Batched/BatchedDeprecated1/batchedDeprecated1.b3dm", 120, 0, 0, 10),
        ("spec-tilesets/CesiumJS/Batched/BatchedDeprecated2/batchedDeprecated2.b3dm", 120, 0, 0, 10),
        ("spec-tilesets/CesiumJS/Hierarchy/BatchTableHierarchy/tile.b3dm", 3030, 0, 0, 30),
        ("helsinki-glb-8-meshopt/0/0.glb", 0, 82_674, 0, 0),
        ("3dbag/sibbe/1.0/content/2_2_3.b3dm", 12_674, 0, 0, 220),
    ] {
        let ContentInfo { triangles: t, points: p, instances: i, features: f, .. } =
            read(&dir.join(file)).1.unwrap().info();
        assert_eq!((t, p, i, f), (triangles, points, instances, features), "{file}");
    }
}

#[test]
fn known_features_have_their_known_properties() {
    let Some(dir) = samples() else { return };
    let text = |text: &str| Value::Text(text.into());
    for (file, table, row, property, expected) in [
        ("3dbag/sibbe/1.1/content/2_2_3.glb", 0, 0, "identificatie", text("NL.IMBAG.Pand.0994100002016882")),
        ("3d-tiles-samples/glTF/GpuInstancesMetadata/GpuInstancesMetadata.gltf", 0, 0, "example_STRING", text("zero")),
        (
            "3d-tiles-samples/glTF/EXT_structural_metadata/FeatureIdAttributeAndPropertyTable/\
             FeatureIdAttributeAndPropertyTable.gltf",
            0,
            0,
            "example_VEC3_FLOAT32",
            text("[0,0.10000000149011612,0.20000000298023224]"),
        ),
        (
            "3d-tiles-samples/glTF/EXT_structural_metadata/MultipleClasses/MultipleClasses.gltf",
            1,
            0,
            "example_UINT16",
            Value::Number(12_345.0),
        ),
        (
            "3d-tiles-samples/glTF/EXT_structural_metadata/ComplexTypes/ComplexTypes.gltf",
            0,
            0,
            "example_fixed_length_ARRAY_ENUM",
            text("[\"ExampleEnumValueA\",\"ExampleEnumValueB\"]"),
        ),
        (
            "spec-tilesets/CesiumJS/Batched/BatchedWithBatchTableBinary/batchedWithBatchTableBinary.b3dm",
            0,
            0,
            "id",
            Value::Number(0.0),
        ),
    ] {
        let content = read(&dir.join(file)).1.unwrap();
        let properties = content.tables[table].row(&content.property_bytes, row);
        let found = properties.iter().find(|(id, _)| id == property).map(|(_, value)| value);
        assert_eq!(found, Some(&expected), "{file}: {properties:?}");
    }
}

/// Every length below a few dozen, and some all the way to the end but for the padding there.
fn shorter(len: usize) -> impl Iterator<Item = usize> {
    (0..40.min(len)).chain((1..24).map(move |i| len * i / 24)).chain(len.checked_sub(16))
}

#[test]
fn every_sample_cut_short_is_told() {
    let Some(dir) = samples() else { return };
    let mut cases: Vec<(PathBuf, What)> = Vec::new();
    for path in files(&dir, &[".glb", ".gltf", ".b3dm", ".i3dm", ".pnts", ".cmpt"]) {
        cases.push((path, What::Content));
    }
    for path in files(&dir, &[".json"]) {
        if let Ok(Decoded::Tileset(doc)) = citytwin_tiles::decode(&std::fs::read(&path).unwrap(), "t", &What::Json) {
            let implicit = doc.tiles.iter().find_map(|tile| tile.implicit.as_ref());
            for subtree in implicit.iter().flat_map(|_| files(path.parent().unwrap(), &[".subtree"])) {
                cases.push((subtree, What::Subtree(implicit.unwrap().shape.clone())));
            }
            cases.push((path, What::Json));
        }
    }
    let (mut cut, mut subtrees) = (0, 0);
    for (path, what) in &cases {
        let bytes = std::fs::read(path).unwrap();
        // Space after JSON means nothing.
        let end = if bytes.starts_with(b"{") { bytes.trim_ascii_end().len() } else { bytes.len() };
        if citytwin_tiles::decode(&bytes, "whole", what).is_err() {
            continue;
        }
        subtrees += usize::from(matches!(what, What::Subtree(_)));
        for len in shorter(end) {
            let result = citytwin_tiles::decode(&bytes[..len], "cut", what);
            // A composite keeps its whole parts, and tells of the rest.
            let told = match result {
                Err(_) => true,
                Ok(Decoded::Content(content)) => !content.problems.is_empty(),
                Ok(_) => false,
            };
            assert!(told, "{len} of {end} bytes of {}", path.display());
            cut += 1;
        }
    }
    assert!(cut > 10_000 && subtrees > 60, "{cut} cuts, {subtrees} subtrees");
}
