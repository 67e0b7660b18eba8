//! Files made here, byte by byte: what they become, and that no damage to them does harm.
#![allow(missing_docs, clippy::unwrap_used)] // a test may fail by panicking

mod common;

use citytwin_tiles::{
    Availability, Component, Decoded, Refine, SubtreeDoc, SubtreeShape, TileContent, TilesetDoc, Topology, Value,
    Volume, What, decode, wire,
};
use common::{for_each_replacement, packed_subtree};
use meshoptimizer_rs::Workspace;
use meshoptimizer_rs::codec::{IndexEncoding, encode_index_buffer, encode_index_sequence};
use serde_json::{Value as Json, json};

mod glb;
use glb::{Glb, bytes_of, one_mesh, pack, triangle, unpack};

fn content(bytes: &[u8]) -> TileContent {
    match decode(bytes, "tile.glb", &What::Content) {
        Ok(Decoded::Content(content)) => content,
        other => panic!("{other:?}"),
    }
}

/// Two triangles as our own tiles have them: quantised, compressed, with ids, colours, an outline and properties.
fn baked() -> Vec<u8> {
    let mut glb = Glb::default();
    let positions: [[u16; 4]; 4] = [[0, 0, 0, 0], [100, 0, 0, 0], [100, 20, 0, 0], [0, 20, 40, 0]];
    let positions = glb.vertices(&bytes_of(positions.as_flattened(), u16::to_le_bytes), 8, "NONE");
    let positions = glb.accessor(positions, 5123, "VEC3", 4, false);
    let normals = glb.vertices(&[0, 0, 127, 0].repeat(4), 4, "NONE");
    let normals = glb.accessor(normals, 5120, "VEC3", 4, true);
    let colors = glb.vertices(&[10, 20, 30, 255].repeat(4), 4, "NONE");
    let colors = glb.accessor(colors, 5121, "VEC4", 4, true);
    let ids = glb.vertices(&[1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 4, "NONE");
    let ids = glb.accessor(ids, 5123, "SCALAR", 4, false);
    let packed = encode_index_buffer(&[0, 1, 2, 0, 2, 3], IndexEncoding::DEFAULT, &mut Workspace::default());
    let indices = glb.meshopt(&packed.unwrap(), "TRIANGLES", "NONE", 6, 2);
    let indices = glb.accessor(indices, 5123, "SCALAR", 6, false);
    let packed = encode_index_sequence(&[0, 1, 1, 2], IndexEncoding::DEFAULT, &mut Workspace::default());
    let outline = glb.meshopt(&packed.unwrap(), "INDICES", "NONE", 4, 2);
    let outline = glb.accessor(outline, 5123, "SCALAR", 4, false);
    let names = glb.view("塔Oodi".as_bytes());
    let name_offsets = glb.view(&bytes_of(&[0u32, 3, 7], u32::to_le_bytes));
    let heights = glb.view(&bytes_of(&[-9999f32, 12.5], f32::to_le_bytes));
    let levels = glb.view(&[200, 7]);
    let open = glb.view(&[0b10]);
    let sources = glb.view(&bytes_of(&[2u16, 0], u16::to_le_bytes));
    let tags = glb.view(&[1, 2, 3]);
    let tag_offsets = glb.view(&[0, 1, 3]);
    glb.finish(json!({
        "extensionsUsed": ["EXT_meshopt_compression", "EXT_mesh_features", "KHR_mesh_quantization"],
        "extensionsRequired": ["EXT_meshopt_compression", "KHR_mesh_quantization"],
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": [
            { "translation": [1000, 0, 0], "children": [1] },
            { "mesh": 0, "translation": [0, 5, 0], "scale": [0.5, 0.5, 0.5] },
        ],
        "materials": [{
            "extras": { "citytwinFlat": 3 }, "doubleSided": true,
            "pbrMetallicRoughness": { "baseColorFactor": [0.5, 1, 1, 1] },
        }],
        "meshes": [{ "primitives": [{
            "attributes": { "POSITION": positions, "NORMAL": normals, "COLOR_0": colors, "_FEATURE_ID_0": ids },
            "indices": indices, "material": 0,
            "extensions": {
                "CESIUM_primitive_outline": { "indices": outline },
                "EXT_mesh_features": { "featureIds": [
                    { "featureCount": 4, "label": "corner" },
                    { "featureCount": 2, "attribute": 0, "propertyTable": 0, "nullFeatureId": 0 },
                ]},
            },
        }]}],
        "extensions": { "EXT_structural_metadata": {
            "schema": {
                "classes": { "building": { "properties": {
                    "name": { "type": "STRING", "noData": "" },
                    "height_m": { "type": "SCALAR", "componentType": "FLOAT32", "noData": -9999.0 },
                    "levels": { "type": "SCALAR", "componentType": "UINT8", "scale": 0.5, "offset": 1 },
                    "open": { "type": "BOOLEAN" },
                    "source": { "type": "ENUM", "enumType": "source" },
                    "tags": { "type": "SCALAR", "componentType": "UINT8", "array": true },
                    "owner": { "type": "STRING", "default": "city" },
                    "unused": { "type": "STRING" },
                }}},
                "enums": { "source": { "values": [
                    { "name": "tagged", "value": 0 }, { "name": "estimated", "value": 2 },
                ]}},
            },
            "propertyTables": [{ "class": "building", "count": 2, "properties": {
                "name": { "values": names, "stringOffsets": name_offsets },
                "height_m": { "values": heights },
                "levels": { "values": levels },
                "open": { "values": open },
                "source": { "values": sources },
                "tags": { "values": tags, "arrayOffsets": tag_offsets, "arrayOffsetType": "UINT8" },
            }}],
        }},
    }))
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

#[test]
fn our_own_tiles_become_arrays_for_the_gpu() {
    let content = content(&baked());
    assert_eq!(content.problems, []);
    let [primitive] = content.primitives.as_slice() else { panic!("one primitive") };
    assert_eq!(primitive.topology, Topology::Triangles);
    // y-up to z-up: (x, y, z) becomes (x, -z, y).
    assert_eq!(primitive.bounds, [[1000.0, -20.0, 5.0], [1050.0, 0.0, 15.0]]);
    assert_eq!((primitive.flat_order, primitive.double_sided, primitive.base_color[0]), (Some(3), true, 0.5));
    assert_eq!(primitive.positions.stride, 8);
    let third = primitive.positions.offset as usize + 2 * 8;
    assert_eq!(content.vertices[third..third + 6], [100, 0, 20, 0, 0, 0]);
    let normals = primitive.normals.unwrap();
    assert_eq!((normals.component, normals.normalized, normals.stride), (Component::I8, true, 4));
    let indices = primitive.indices.unwrap();
    assert_eq!((indices.count, indices.wide), (6, false));
    assert_eq!(content.indices[indices.offset as usize..][..12], [0, 0, 1, 0, 2, 0, 0, 0, 2, 0, 3, 0]);
    assert_eq!(primitive.outline.unwrap().count, 4);
    assert_eq!((primitive.table, primitive.null_feature_id), (Some(0), Some(0)));
    let info = content.info();
    assert_eq!((info.triangles, info.features, info.instances), (2, 1, 0), "feature 0 means none");
    assert_eq!(info.gpu_bytes as usize, content.vertices.len() + content.indices.len());
}

#[test]
fn properties_are_read_by_their_schema() {
    let content = content(&baked());
    let table = &content.tables[0];
    let row = |i| table.row(&content.property_bytes, i);
    let expected = |pairs: &[(&str, Value)]| pairs.iter().map(|(k, v)| (k.to_string(), v.clone())).collect::<Vec<_>>();
    assert_eq!(
        row(0),
        expected(&[
            ("levels", Value::Number(101.0)),
            ("name", text("塔")),
            ("open", Value::Boolean(false)),
            ("owner", text("city")),
            ("source", text("estimated")),
            ("tags", text("[1]")),
        ]),
        "the height is unknown, and so left out"
    );
    assert_eq!(row(1)[0], ("height_m".into(), Value::Number(12.5)));
    assert_eq!(row(1)[2], ("name".into(), text("Oodi")));
    assert_eq!(row(1)[6], ("tags".into(), text("[2,3]")));
    assert_eq!(row(2), []);
}

#[test]
fn a_bad_property_is_left_out_and_told() {
    let (mut json, bin) = unpack(&baked());
    let table = &mut json["extensions"]["EXT_structural_metadata"]["propertyTables"][0]["properties"];
    // Offsets that go down: 3, 0, 7.
    table["name"]["stringOffsets"] = table["tags"]["values"].clone();
    table["name"]["stringOffsetType"] = "UINT8".into();
    table["levels"]["values"] = 99.into();
    let view = table["name"]["stringOffsets"].as_u64().unwrap() as usize;
    let at = json["bufferViews"][view]["byteOffset"].as_u64().unwrap() as usize;
    let mut bin = bin;
    bin[at..at + 3].copy_from_slice(&[3, 0, 7]);
    let content = content(&pack(&json, &bin));
    let places: Vec<&str> = content.problems.iter().map(|p| p.place.rsplit(' ').next().unwrap()).collect();
    assert_eq!(places, ["building.levels", "building.name"]);
    assert_eq!(content.tables[0].row(&content.property_bytes, 1).len(), 5);
}

#[test]
fn instances_multiply_what_is_drawn_and_stretch_the_bounds() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let translations = glb.view(&bytes_of(&[0f32, 0., 0., 10., 0., 0.], f32::to_le_bytes));
    let translations = glb.accessor(translations, 5126, "VEC3", 2, false);
    let scales = glb.view(&bytes_of(&[1f32, 1., 1., 2., 2., 2.], f32::to_le_bytes));
    let scales = glb.accessor(scales, 5126, "VEC3", 2, false);
    // Half a turn around y, as normalised 16-bit integers.
    let rotations = glb.view(&bytes_of(&[0i16, 0, 0, 32767, 0, 32767, 0, 0], i16::to_le_bytes));
    let rotations = glb.accessor(rotations, 5122, "VEC4", 2, true);
    let ids = glb.view(&[7, 0, 9, 0]);
    let ids = glb.accessor(ids, 5123, "SCALAR", 2, false);
    let node = json!({ "extensions": {
        "EXT_mesh_gpu_instancing": { "attributes": {
            "TRANSLATION": translations, "ROTATION": rotations, "SCALE": scales, "_FEATURE_ID_0": ids,
        }},
        "EXT_instance_features": { "featureIds": [{ "featureCount": 2, "attribute": 0 }] },
    }});
    let content = content(&glb.finish(one_mesh(&json!({ "attributes": { "POSITION": position } }), &node)));
    let info = content.info();
    assert_eq!((info.triangles, info.instances, info.features), (2, 2, 2));
    assert_eq!(info.bounds, Some([[0.0, 0.0, 0.0], [10.0, 0.0, 2.0]]));
    let transforms = content.primitives[0].instances.unwrap().transforms;
    let second = &content.vertices[transforms.offset as usize + 48..][..48];
    let rows: Vec<f32> = second.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(rows.iter().map(|v| v.round()).collect::<Vec<_>>(), [-2., 0., 0., 10., 0., 2., 0., 0., 0., 0., -2., 0.]);
}

#[test]
fn all_primitive_modes_become_lists() {
    for (mode, triangles, lines, points) in
        [(0, 0, 0, 5), (1, 0, 2, 0), (2, 0, 5, 0), (3, 0, 4, 0), (4, 1, 0, 0), (5, 3, 0, 0), (6, 3, 0, 0)]
    {
        let mut glb = Glb::default();
        let position = triangle(&mut glb, 5);
        let primitive = json!({ "mode": mode, "attributes": { "POSITION": position } });
        let info = content(&glb.finish(one_mesh(&primitive, &json!({})))).info();
        assert_eq!((info.triangles, info.lines, info.points), (triangles, lines, points), "mode {mode}");
    }
}

#[test]
fn implicit_feature_ids_count_the_vertices() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let primitive = json!({ "mode": 0, "attributes": { "POSITION": position },
        "extensions": { "EXT_mesh_features": { "featureIds": [{ "featureCount": 3 }] } } });
    assert_eq!(content(&glb.finish(one_mesh(&primitive, &json!({})))).info().features, 3);
}

#[test]
fn sparse_accessors_replace_some_values() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let indices = glb.view(&[2]);
    let values = glb.view(&bytes_of(&[0f32, 0., -50.], f32::to_le_bytes));
    glb.accessors[position]["sparse"] = json!({ "count": 1,
        "indices": { "bufferView": indices, "componentType": 5121 }, "values": { "bufferView": values } });
    let primitive = json!({ "attributes": { "POSITION": position } });
    let bounds = content(&glb.finish(one_mesh(&primitive, &json!({})))).info().bounds;
    assert_eq!(bounds, Some([[0.0, 0.0, 0.0], [1.0, 50.0, 1.0]]));
}

#[test]
fn exponential_filters_are_undone() {
    let mut glb = Glb::default();
    // Mantissa in the low 24 bits, exponent in the high 8: 3·2¹ and so on.
    let word = |mantissa: u32, exponent: u32| mantissa | exponent << 24;
    let words =
        [word(3, 1), word(0, 0), word(0, 0), word(1, 3), word(0, 0), word(0, 0), word(0, 0), word(1, 0), word(0, 0)];
    let view = glb.vertices(&bytes_of(&words, u32::to_le_bytes), 12, "EXPONENTIAL");
    let position = glb.accessor(view, 5126, "VEC3", 3, false);
    let primitive = json!({ "attributes": { "POSITION": position } });
    let bounds = content(&glb.finish(one_mesh(&primitive, &json!({})))).info().bounds;
    assert_eq!(bounds, Some([[0.0, 0.0, 0.0], [8.0, 0.0, 1.0]]));
}

#[test]
fn one_bad_primitive_leaves_the_others() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let good = json!({ "attributes": { "POSITION": position } });
    let bad = [
        json!({ "attributes": {} }),
        json!({ "attributes": { "POSITION": 99 } }),
        json!({ "mode": 9, "attributes": { "POSITION": position } }),
        json!({ "indices": 99, "attributes": { "POSITION": position } }),
        json!({ "attributes": { "POSITION": 1 }, "extensions": { "KHR_draco_mesh_compression": {} } }),
    ];
    for bad in bad {
        let mut glb = Glb { bin: glb.bin.clone(), views: glb.views.clone(), accessors: glb.accessors.clone() };
        glb.bin.resize(64, 0);
        // An accessor without bytes, as Draco has them.
        glb.accessors.push(json!({ "componentType": 5126, "type": "VEC3", "count": 3 }));
        let mut json = one_mesh(&good, &json!({}));
        json["meshes"][0]["primitives"] = json!([bad, good]);
        let content = content(&glb.finish(json));
        assert_eq!((content.primitives.len(), content.problems.len()), (1, 1), "{bad}");
    }
}

#[test]
fn an_index_beyond_the_vertices_is_refused() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let indices = glb.view(&[0, 0, 1, 0, 3, 0]);
    let indices = glb.accessor(indices, 5123, "SCALAR", 3, false);
    let primitive = json!({ "indices": indices, "attributes": { "POSITION": position } });
    let problem = decode(&glb.finish(one_mesh(&primitive, &json!({}))), "t.glb", &What::Content).unwrap_err();
    assert_eq!((problem.code.as_str(), problem.message.as_str()), ("content-malformed", "index 3 of 3 vertices"));
}

#[test]
fn what_is_missing_is_named() {
    for (bytes, expected) in [
        (&b"\x1f\x8b\x08\0"[..], "gzip"),
        (b"vctr\x01\0\0\0", "vector"),
        (br#"{"asset":{"version":"2.0"},"extensionsRequired":["KHR_texture_basisu","ACME_fog"]}"#, "ACME_fog"),
        (br#"{"asset":{"version":"1.0"}}"#, "glTF version \"1.0\""),
    ] {
        let problem = decode(bytes, "u", &What::Content).unwrap_err();
        assert_eq!(problem.code, "content-unsupported");
        assert!(problem.message.contains(expected), "{problem}");
    }
    for bytes in [&b""[..], b"gl", b"<html>", b"\0\0\0\0\0\0\0\0"] {
        assert_eq!(decode(bytes, "u", &What::Content).unwrap_err().code, "content-malformed");
    }
}

/// A b3dm around a glb.
fn b3dm(feature: &Json, batch: &Json, batch_binary: &[u8], glb: &[u8]) -> Vec<u8> {
    let (mut feature, mut batch) = (feature.to_string().into_bytes(), batch.to_string().into_bytes());
    feature.resize((28 + feature.len()).next_multiple_of(8) - 28, b' ');
    batch.resize(batch.len().next_multiple_of(8), b' ');
    let parts = [feature.as_slice(), &[], &batch, batch_binary];
    let total = 28 + parts.iter().map(|p| p.len()).sum::<usize>() + glb.len();
    let mut out = b"b3dm".to_vec();
    for n in [1, total].into_iter().chain(parts.iter().map(|p| p.len())) {
        out.extend_from_slice(&(n as u32).to_le_bytes());
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.extend_from_slice(glb);
    out
}

fn batched() -> Vec<u8> {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let ids = glb.view(&bytes_of(&[1f32, 1., 1.], f32::to_le_bytes));
    let ids = glb.accessor(ids, 5126, "SCALAR", 3, false);
    let glb = glb.finish(one_mesh(&json!({ "attributes": { "POSITION": position, "_BATCHID": ids } }), &json!({})));
    let batch = json!({
        "name": ["a", "b"], "height": [1.5, null], "open": [false, true], "mixed": [1, { "k": "v" }],
        "area": { "byteOffset": 0, "componentType": "UNSIGNED_SHORT", "type": "SCALAR" },
        "center": { "byteOffset": 4, "componentType": "BYTE", "type": "VEC2" },
        "bad": { "byteOffset": 400, "componentType": "FLOAT", "type": "SCALAR" },
    });
    b3dm(&json!({ "BATCH_LENGTH": 2, "RTC_CENTER": [100, 200, 300] }), &batch, &[1, 0, 2, 0, 3, 4, 5, 6], &glb)
}

#[test]
fn a_batch_table_is_a_property_table_and_rtc_moves_the_tile() {
    let content = content(&batched());
    assert_eq!(content.primitives[0].bounds, [[100.0, 200.0, 300.0], [102.0, 200.0, 301.0]]);
    assert_eq!((content.primitives[0].table, content.info().features), (Some(0), 1));
    let row = content.tables[0].row(&content.property_bytes, 1);
    let row: Vec<(&str, &Value)> = row.iter().map(|(k, v)| (k.as_str(), v)).collect();
    let (two, yes) = (Value::Number(2.0), Value::Boolean(true));
    let (center, mixed, name) = (text("[5.0,6.0]"), text("{\"k\":\"v\"}"), text("b"));
    assert_eq!(row, [("area", &two), ("center", &center), ("mixed", &mixed), ("name", &name), ("open", &yes)]);
    assert_eq!(content.problems.len(), 1, "{:?}", content.problems);
    assert!(content.problems[0].place.contains("bad"));
}

#[test]
fn composites_hold_all_their_parts() {
    let part = batched();
    let mut cmpt = b"cmpt".to_vec();
    for n in [1, 16 + 2 * part.len() + 12, 3] {
        cmpt.extend_from_slice(&(n as u32).to_le_bytes());
    }
    cmpt.extend_from_slice(&part);
    cmpt.extend_from_slice(b"pnts\x01\0\0\0\x0c\0\0\0");
    cmpt.extend_from_slice(&part);
    let content = content(&cmpt);
    assert_eq!((content.primitives.len(), content.tables.len()), (2, 2));
    assert_eq!(content.primitives[1].table, Some(1));
    assert_eq!(content.tables[1].row(&content.property_bytes, 1)[3], ("name".into(), text("b")));
    assert!(content.problems.iter().any(|p| p.message.contains("pnts")));
}

fn tileset() -> Json {
    json!({
        "asset": { "version": "1.1" },
        "geometricError": 100,
        "extensionsUsed": ["b", "a", "b"],
        "schema": { "classes": { "tile": { "properties": {
            "box": { "type": "SCALAR", "componentType": "FLOAT64", "array": true, "count": 12, "semantic": "TILE_BOUNDING_BOX" },
            "low": { "type": "SCALAR", "componentType": "INT16", "scale": 0.5, "semantic": "TILE_MINIMUM_HEIGHT" },
            "other": { "type": "STRING", "semantic": "NAME" },
        }}}},
        "root": {
            "transform": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 10, 0, 0, 1],
            "boundingVolume": { "sphere": [0, 0, 0, 5] },
            "geometricError": 50,
            "refine": "ADD",
            "children": [
                {
                    "transform": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 1, 0, 1],
                    "boundingVolume": { "region": [0, 0, 1, 1, 0, 10] },
                    "viewerRequestVolume": { "sphere": [0, 0, 0, 1] },
                    "geometricError": 5,
                    "content": { "url": "a/b.b3dm", "boundingVolume": { "sphere": [0, 0, 0, 1] } },
                },
                {
                    "boundingVolume": { "box": [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1] },
                    "geometricError": 5,
                    "refine": "replace",
                    "contents": [{ "uri": "{level}/{x}.glb" }, { "uri": "../c.glb" }],
                    "implicitTiling": {
                        "subdivisionScheme": "OCTREE", "subtreeLevels": 2, "availableLevels": 4,
                        "subtrees": { "uri": "s/{level}.subtree" },
                    },
                },
                { "geometricError": -1, "boundingVolume": {} },
            ],
        },
    })
}

fn tileset_doc(json: &Json) -> TilesetDoc {
    match decode(json.to_string().as_bytes(), "http://h/t/tileset.json", &What::Json) {
        Ok(Decoded::Tileset(doc)) => doc,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tileset_is_flattened_with_everything_inherited() {
    let doc = tileset_doc(&tileset());
    assert_eq!((doc.version.as_str(), doc.geometric_error), ("1.1", 100.0));
    assert_eq!(doc.extensions_used, ["a", "b"]);
    let [root, a, b, c] = doc.tiles.as_slice() else { panic!("four tiles") };
    assert_eq!((root.parent, a.parent, b.parent), (None, Some(0), Some(0)));
    assert_eq!((root.refine, a.refine, b.refine), (Refine::Add, Refine::Add, Refine::Replace));
    assert_eq!(a.volume, Volume::Region([0., 0., 1., 1., 0., 10.]));
    assert_eq!((a.tileset_from_tile[0], &a.tileset_from_tile[12..15]), (2.0, &[10.0, 1.0, 0.0][..]));
    assert!(a.content_volume.is_some() && a.viewer_request_volume.is_some());
    assert_eq!(a.contents, ["http://h/t/a/b.b3dm"]);
    assert_eq!(b.contents, ["http://h/t/{level}/{x}.glb", "http://h/c.glb"]);
    let implicit = b.implicit.as_ref().unwrap();
    assert_eq!((implicit.subtrees.as_str(), implicit.levels), ("http://h/t/s/{level}.subtree", 4));
    assert_eq!((implicit.shape.octree, implicit.shape.contents), (true, 2));
    assert_eq!(serde_json::from_str::<Json>(&implicit.shape.schema).unwrap(), tileset()["schema"]);
    assert_eq!((c.volume, c.geometric_error), (root.volume, 25.0), "what is wrong is taken from the parent");
    assert_eq!(doc.problems.len(), 2);
    // What crosses the worker border comes out the same.
    let crossed: TilesetDoc = wire::from_bytes(&wire::to_bytes(&doc)).unwrap();
    assert_eq!(crossed, doc);
}

#[test]
fn what_is_no_tileset_is_an_error() {
    for bytes in [&b""[..], b"{}", b"[]", br#"{"asset":{}}"#, br#"{"asset":{"version":"1.0"},"root":{}}"#] {
        assert_eq!(decode(bytes, "u", &What::Json).unwrap_err().code, "tileset-malformed");
    }
    let deep = r#"{"asset":{},"root":{"#.to_owned() + &r#""children":[{"#.repeat(100_000);
    assert_eq!(decode(deep.as_bytes(), "u", &What::Json).unwrap_err().code, "tileset-too-large");
}

fn shape() -> SubtreeShape {
    SubtreeShape { octree: false, subtree_levels: 2, contents: 1, schema: tileset()["schema"].to_string() }
}

/// Root and two of its children; the boxes are (row, …, row).
fn subtree() -> Vec<u8> {
    let boxes: Vec<f64> = (0..36).map(|i| f64::from(i / 12)).collect();
    let mut binary = vec![0b01101, 0, 0, 0, 0, 0, 0, 0, 0b0101, 0, 0, 0, 0, 0, 0, 0];
    binary.extend(bytes_of(&boxes, f64::to_le_bytes));
    binary.extend(bytes_of(&[-10i16, 20, 30, 0], i16::to_le_bytes));
    let json = json!({
        "buffers": [{ "byteLength": binary.len() }],
        "bufferViews": [
            { "buffer": 0, "byteOffset": 0, "byteLength": 1 },
            { "buffer": 0, "byteOffset": 8, "byteLength": 2 },
            { "buffer": 0, "byteOffset": 16, "byteLength": 288 },
            { "buffer": 0, "byteOffset": 304, "byteLength": 6 },
        ],
        "tileAvailability": { "bitstream": 0 },
        "contentAvailability": [{ "constant": 1 }],
        "childSubtreeAvailability": { "bitstream": 1 },
        "tileMetadata": 0,
        "propertyTables": [{ "class": "tile", "count": 3, "properties": { "box": { "values": 2 }, "low": { "values": 3 } } }],
    });
    packed_subtree(&json, &binary)
}

fn subtree_doc(bytes: &[u8]) -> SubtreeDoc {
    match decode(bytes, "s", &What::Subtree(shape())) {
        Ok(Decoded::Subtree(doc)) => doc,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_subtree_tells_what_there_is_and_where_it_ends() {
    let doc = subtree_doc(&subtree());
    assert_eq!((doc.tiles.get(0), doc.tiles.get(1), doc.tiles.get(2), doc.tiles.get(9)), (true, false, true, false));
    assert_eq!((doc.tiles.rank(0), doc.tiles.rank(3), doc.tiles.rank(5)), (0, 2, 3));
    assert_eq!(doc.contents, [Availability::Constant(true)]);
    assert!(doc.children.get(0) && !doc.children.get(1) && doc.children.get(2));
    assert_eq!(doc.metadata.len(), 3);
    assert_eq!(doc.metadata[2].volume, Some(Volume::Box([2.0; 12])));
    assert_eq!(doc.metadata[0].minimum_height_m, Some(-5.0));
    // As JSON, with its buffer inside.
    let json = br#"{"buffers":[{"uri":"data:application/octet-stream;base64,DQ==","byteLength":1}],
        "bufferViews":[{"buffer":0,"byteOffset":0,"byteLength":1}],
        "tileAvailability":{"bitstream":0},"contentAvailability":[{"bitstream":0}],
        "childSubtreeAvailability":{"constant":0}}"#;
    let doc = subtree_doc(json);
    assert!(doc.tiles.get(2) && !doc.tiles.get(1) && !doc.children.get(0) && doc.contents[0].get(3));
    let crossed: SubtreeDoc = wire::from_bytes(&wire::to_bytes(&doc)).unwrap();
    assert_eq!(crossed, doc);
}

/// No answer is refused: the point is that there is one, and that it is not large.
fn survives(bytes: &[u8], what: &What) {
    match decode(bytes, "x", what) {
        Ok(Decoded::Content(content)) => {
            let info = content.info();
            assert!(info.gpu_bytes < 64 << 20, "{} bytes from {}", info.gpu_bytes, bytes.len());
            for table in &content.tables {
                table.row(&content.property_bytes, 0);
                table.row(&content.property_bytes, table.count.saturating_sub(1));
            }
            // The promise to the GPU: everything lies inside.
            for primitive in &content.primitives {
                let ids = [primitive.normals, primitive.colors, primitive.feature_ids];
                for attribute in ids.into_iter().flatten().chain([primitive.positions]) {
                    let end = attribute.offset as usize + attribute.stride as usize * primitive.vertex_count as usize;
                    assert!(end <= content.vertices.len() && attribute.offset % 4 == 0 && attribute.stride % 4 == 0);
                }
                for range in [primitive.indices, primitive.outline].into_iter().flatten() {
                    let width = if range.wide { 4 } else { 2 };
                    let bytes = &content.indices[range.offset as usize..][..range.count as usize * width];
                    for index in bytes.chunks(width) {
                        let index = index.iter().rev().fold(0u32, |acc, b| acc << 8 | u32::from(*b));
                        assert!(index < primitive.vertex_count);
                    }
                }
            }
        }
        Ok(_) => {}
        Err(problem) => assert!(!problem.code.is_empty() && !problem.message.is_empty()),
    }
}

#[test]
fn no_truncation_and_no_flipped_byte_does_harm() {
    let files = [
        (baked(), What::Content),
        (batched(), What::Content),
        (subtree(), What::Subtree(shape())),
        (tileset().to_string().into_bytes(), What::Json),
    ];
    for (bytes, what) in files {
        for len in 0..bytes.len() {
            survives(&bytes[..len], &what);
        }
        for i in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[i] ^= flip;
                survives(&bytes, &what);
            }
        }
    }
}

#[test]
fn no_absurd_value_in_any_header_does_harm() {
    let absurd = [
        json!(null),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(65_535),
        json!(1_000_000_000u64),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!("x"),
        json!([]),
        json!({}),
        json!([0, 0, 0, 0]),
    ];
    let (glb, bin) = unpack(&baked());
    let mut instanced = glb.clone();
    instanced["nodes"][1]["extensions"]["EXT_mesh_gpu_instancing"]["attributes"] = json!({ "TRANSLATION": 0 });
    for other in &absurd {
        for json in [&glb, &instanced] {
            for_each_replacement(json, other, &mut |json| survives(&pack(json, &bin), &What::Content));
        }
        for_each_replacement(&tileset(), other, &mut |json| survives(json.to_string().as_bytes(), &What::Json));
    }
}
