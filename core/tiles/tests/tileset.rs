//! Tilesets and subtrees made here: what they become, and that no damage to them does harm.
#![allow(missing_docs, clippy::unwrap_used)] // a test may fail by panicking

mod common;

use citytwin_tiles::{
    Availability, Decoded, Limits, MetadataEntity, Number, Problem, Refine, Resources, SubtreeDoc, SubtreeShape,
    TilesetDoc, UpAxis, Value, Volume, What, decode, decode_with, wire,
};
use common::{for_each_replacement, packed_subtree};
use serde_json::{Value as Json, json};

const URL: &str = "http://h/t/tileset.json";

fn tileset(json: &Json) -> TilesetDoc {
    match decode(json.to_string().as_bytes(), URL, &What::Json) {
        Ok(Decoded::Tileset(doc)) => doc,
        other => panic!("{other:?}"),
    }
}

/// A tileset of one tile with more members.
fn with(more: Json) -> Json {
    let mut json = json!({
        "asset": { "version": "1.1" },
        "geometricError": 10,
        "root": { "boundingVolume": { "sphere": [0, 0, 0, 5] }, "geometricError": 5 },
    });
    merge(&mut json, more);
    json
}

fn merge(into: &mut Json, from: Json) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Json::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

fn places(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|p| format!("{} {}", p.code, p.place.strip_prefix(URL).unwrap_or(&p.place))).collect()
}

fn entity(class: &str, properties: &[(&str, Value)]) -> MetadataEntity {
    let properties = properties.iter().map(|(id, value)| ((*id).to_owned(), value.clone())).collect();
    MetadataEntity { class: class.into(), properties }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn schema() -> Json {
    json!({
        "id": "s",
        "name": "Schema",
        "classes": {
            "thing": { "name": "Thing", "properties": {
                "kind": { "type": "ENUM", "enumType": "kinds" },
                "size": { "type": "SCALAR", "componentType": "UINT8", "scale": 0.5, "offset": 10, "required": true },
            } },
        },
        "enums": { "kinds": { "valueType": "UINT8", "values": [
            { "name": "house", "value": 0 }, { "name": "tree", "value": 7 },
        ] } },
    })
}

fn thing(kind: &str, size: u32) -> Json {
    json!({ "class": "thing", "properties": { "kind": kind, "size": size } })
}

/// What [`thing`] is read as.
fn read_thing(kind: &str, size: f64) -> MetadataEntity {
    entity("thing", &[("kind", text(kind)), ("size", Value::Number(size))])
}

#[test]
fn metadata_is_read_at_every_granularity() {
    let json = with(json!({
        "schema": schema(),
        "metadata": thing("house", 0),
        "groups": [thing("tree", 1), thing("house", 2)],
        "statistics": { "classes": { "thing": {
            "count": 3, "properties": { "size": { "min": 1, "max": 9.5 }, "kind": { "occurrences": { "tree": 2 } } },
        } } },
        "root": {
            "metadata": thing("tree", 3),
            "contents": [
                { "uri": "a.glb", "group": 1, "metadata": thing("house", 4) },
                { "uri": "b.glb", "boundingVolume": { "sphere": [0, 0, 0, 1] } },
            ],
        },
    }));
    let doc = tileset(&json);
    assert_eq!(doc.problems, []);
    let schema = doc.schema.as_ref().unwrap();
    assert_eq!((schema.id.as_str(), schema.name.as_deref()), ("s", Some("Schema")));
    let class = schema.class("thing").unwrap();
    let types: Vec<_> = class.properties.iter().map(|p| (p.id.as_str(), p.type_name(), p.required)).collect();
    assert_eq!(types, [("kind", "ENUM kinds".into(), false), ("size", "SCALAR of UINT8".into(), true)]);
    assert_eq!(schema.enums[0].values, [(0, "house".into()), (7, "tree".into())]);
    assert_eq!(doc.metadata, Some(read_thing("house", 10.0)));
    assert_eq!(doc.groups, [read_thing("tree", 10.5), read_thing("house", 11.0)]);
    let details = doc.tiles[0].details.as_ref().unwrap();
    assert_eq!(details.metadata, Some(read_thing("tree", 11.5)));
    assert_eq!((details.contents[0].group, &details.contents[0].metadata), (Some(1), &Some(read_thing("house", 12.0))));
    assert_eq!(details.contents[1].volume, Some(Volume::Sphere([0., 0., 0., 1.])));
    assert_eq!(doc.tiles[0].content_volume, None, "the volume of one of two contents does not bound both");
    let statistics = &doc.statistics[0];
    assert_eq!((statistics.class.as_str(), statistics.count), ("thing", Some(3)));
    assert!(statistics.properties.contains(&("kind".into(), vec![("occurrences".into(), text(r#"{"tree":2}"#))])));
    let crossed: TilesetDoc = wire::from_bytes(&wire::to_bytes(&doc)).unwrap();
    assert_eq!(crossed, doc);
}

#[test]
fn the_extensions_of_1_0_say_the_same_as_the_core_of_1_1() {
    let core = with(json!({
        "schema": schema(),
        "metadata": thing("house", 0),
        "groups": [thing("tree", 1), thing("house", 2)],
        "root": {
            "metadata": thing("tree", 3),
            "contents": [{ "uri": "a{level}.glb", "group": 1, "metadata": thing("house", 4) }, { "uri": "b.glb" }],
            "implicitTiling": {
                "subdivisionScheme": "QUADTREE", "subtreeLevels": 2, "availableLevels": 4,
                "subtrees": { "uri": "s" },
            },
        },
    }));
    let mut content = thing("house", 4);
    content["group"] = json!("b");
    let drafted = |tileset_entity: Json, groups: Json| {
        let mut json = with(json!({
            "extensions": { "3DTILES_metadata": { "schema": schema(), "groups": groups } },
            "root": { "extensions": {
                "3DTILES_metadata": thing("tree", 3),
                "3DTILES_multiple_contents": { "content": [
                    { "uri": "a{level}.glb", "extensions": { "3DTILES_metadata": content } }, { "uri": "b.glb" },
                ] },
                "3DTILES_implicit_tiling": {
                    "subdivisionScheme": "QUADTREE", "subtreeLevels": 2, "maximumLevel": 3,
                    "subtrees": { "uri": "s" },
                },
            } },
        }));
        merge(&mut json["extensions"]["3DTILES_metadata"], tileset_entity);
        json
    };
    let expected = tileset(&core);
    assert_eq!(expected.problems, []);
    let groups = json!({ "a": thing("tree", 1), "b": thing("house", 2) });
    for json in [drafted(json!({ "tileset": thing("house", 0) }), groups.clone()), drafted(thing("house", 0), groups)] {
        assert_eq!(tileset(&json), expected);
    }
}

#[test]
fn values_take_the_form_that_their_property_gives_them() {
    let check = |definition: Json, stored: Json, expected: Result<Option<Value>, &str>| {
        let json = with(json!({
            "schema": {
                "classes": { "c": { "properties": { "p": definition } } },
                "enums": { "e": { "values": [{ "name": "A", "value": 1 }, { "name": "B", "value": -2 }] } },
            },
            "metadata": { "class": "c", "properties": { "p": stored } },
        }));
        let doc = tileset(&json);
        let found = match doc.problems.first() {
            Some(problem) => Err(problem.message.clone()),
            None => Ok(doc.metadata.unwrap().get("p").cloned()),
        };
        match (found, expected) {
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}, not {expected}"),
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned), "{json}"),
        }
    };
    let number = |v: f64| Ok(Some(Value::Number(v)));
    let json_text = |v: &str| Ok(Some(text(v)));
    check(json!({ "type": "STRING" }), json!("x"), json_text("x"));
    check(json!({ "type": "BOOLEAN" }), json!(true), Ok(Some(Value::Boolean(true))));
    check(json!({ "type": "SCALAR", "componentType": "INT8" }), json!(-128), number(-128.0));
    check(json!({ "type": "SCALAR", "componentType": "INT8" }), json!(-129), Err("INT8 was expected"));
    check(json!({ "type": "SCALAR", "componentType": "UINT16" }), json!(1.5), Err("UINT16 was expected"));
    check(json!({ "type": "SCALAR", "componentType": "UINT8", "normalized": true }), json!(255), number(1.0));
    check(json!({ "type": "SCALAR", "componentType": "FLOAT32", "scale": 2, "offset": -1 }), json!(4), number(7.0));
    check(json!({ "type": "SCALAR", "componentType": "UINT8", "noData": 255 }), json!(255), Ok(None));
    check(
        json!({ "type": "SCALAR", "componentType": "UINT8", "noData": 255, "default": 3, "scale": 2 }),
        json!(255),
        number(3.0),
    );
    check(json!({ "type": "STRING", "default": "d" }), Json::Null, json_text("d"));
    check(json!({ "type": "STRING" }), Json::Null, Ok(None));
    check(json!({ "type": "STRING", "required": true }), Json::Null, Err("required property is missing"));
    check(json!({ "type": "STRING" }), json!(3), Err("a string was expected"));
    check(json!({ "type": "BOOLEAN" }), json!(1), Err("a boolean was expected"));
    check(json!({ "type": "ENUM", "enumType": "e" }), json!("B"), json_text("B"));
    check(json!({ "type": "ENUM", "enumType": "e" }), json!(-2), json_text("B"));
    check(json!({ "type": "ENUM", "enumType": "e" }), json!("C"), Err("the enum has no value"));
    check(json!({ "type": "VEC2", "componentType": "FLOAT64" }), json!([1, 2.5]), json_text("[1,2.5]"));
    check(json!({ "type": "VEC2", "componentType": "FLOAT64" }), json!([1]), Err("2 numbers were expected"));
    check(
        json!({ "type": "VEC2", "componentType": "UINT8", "normalized": true, "scale": [2, 4], "offset": [0, 1] }),
        json!([255, 0]),
        json_text("[2,1]"),
    );
    check(json!({ "type": "MAT2", "componentType": "INT16" }), json!([1, 2, 3, 4]), json_text("[1,2,3,4]"));
    check(
        json!({ "type": "SCALAR", "componentType": "UINT8", "array": true, "count": 2, "scale": [2, 3] }),
        json!([10, 10]),
        json_text("[20,30]"),
    );
    check(json!({ "type": "STRING", "array": true }), json!(["a", "b"]), json_text(r#"["a","b"]"#));
    check(json!({ "type": "ENUM", "enumType": "e", "array": true }), json!(["A", -2]), json_text(r#"["A","B"]"#));
    check(json!({ "type": "BOOLEAN", "array": true, "count": 3 }), json!([true]), Err("3 elements were expected"));
    check(
        json!({ "type": "VEC2", "componentType": "UINT8", "array": true, "count": 2, "scale": [[1, 2], [3, 4]] }),
        json!([[1, 1], [1, 1]]),
        json_text("[[1,2],[3,4]]"),
    );
    check(
        json!({ "type": "SCALAR", "componentType": "UINT64", "array": true }),
        json!([u64::MAX]),
        json_text("[18446744073709551615]"),
    );
    // As the drafts wrote it.
    check(json!({ "type": "FLOAT32" }), json!(1.5), number(1.5));
    check(json!({ "type": "ARRAY", "componentType": "UINT8", "componentCount": 2 }), json!([1, 2]), json_text("[1,2]"));
    check(json!({ "type": "ARRAY", "componentType": "STRING" }), json!(["x"]), json_text(r#"["x"]"#));
    check(json!({ "type": "WHATEVER" }), json!(1), Err("is not known"));
}

#[test]
fn a_schema_in_a_file_of_its_own_is_asked_for_and_read() {
    let json = with(json!({ "schemaUri": "../schema.json", "metadata": thing("tree", 1) })).to_string();
    let mut resources = Resources::default();
    let needs = decode_with(json.as_bytes(), URL, &What::Json, &resources).unwrap();
    assert_eq!(needs, Decoded::Needs { urls: vec!["http://h/schema.json".into()] });
    resources.insert("http://h/schema.json", Some(schema().to_string().into_bytes()));
    let Ok(Decoded::Tileset(doc)) = decode_with(json.as_bytes(), URL, &What::Json, &resources) else { panic!() };
    assert_eq!((doc.metadata, doc.problems), (Some(read_thing("tree", 10.5)), Vec::new()));
    // Without it, or with something else in its place, the values are taken as they are, and a problem says so.
    for file in [None, Some(b"<html>".to_vec())] {
        resources.insert("http://h/schema.json", file);
        let Ok(Decoded::Tileset(doc)) = decode_with(json.as_bytes(), URL, &What::Json, &resources) else { panic!() };
        assert_eq!(doc.metadata.unwrap().get("size"), Some(&Value::Number(1.0)));
        assert_eq!(places(&doc.problems), ["tileset-unsupported : schemaUri", "metadata-malformed : metadata"]);
    }
}

#[test]
fn what_is_wrong_with_a_part_is_told_with_its_place() {
    for (more, expected) in [
        (json!({ "asset": { "version": "2.0" } }), "tileset-unsupported : asset.version"),
        (json!({ "asset": { "gltfUpAxis": "W" } }), "tileset-malformed : asset.gltfUpAxis"),
        (json!({ "extensionsRequired": ["X_y"] }), "tileset-unsupported : extensionsRequired"),
        (json!({ "geometricError": -1 }), "tileset-malformed : geometricError"),
        (json!({ "root": { "refine": "both" } }), "tileset-malformed : tile 0"),
        (json!({ "root": { "transform": [1] } }), "tileset-malformed : tile 0"),
        (json!({ "root": { "viewerRequestVolume": { "box": [1] } } }), "tileset-malformed : tile 0"),
        (json!({ "root": { "content": {} } }), "tileset-malformed : tile 0: content 0"),
        (json!({ "root": { "content": { "uri": "" } } }), "tileset-malformed : tile 0: content 0"),
        (
            json!({ "root": { "content": { "uri": "a", "boundingVolume": { "sphere": [0, 0, 0, -1] } } } }),
            "tileset-malformed : tile 0: content 0",
        ),
        (json!({ "root": { "content": { "uri": "a", "group": 0 } } }), "metadata-malformed : tile 0: content 0"),
        (json!({ "root": { "metadata": thing("tree", 0) } }), "metadata-malformed : tile 0"),
        (json!({ "root": { "metadata": {} } }), "metadata-malformed : tile 0"),
        (json!({ "schema": schema(), "metadata": thing("car", 0) }), "metadata-malformed : metadata"),
        (json!({ "schema": schema(), "groups": [{ "class": "none" }] }), "metadata-malformed : group 0"),
        (
            json!({ "schema": { "classes": { "c": { "properties": { "p": { "type": "VEC9" } } } } } }),
            "tileset-malformed : schema.classes.c.properties.p",
        ),
        (json!({ "root": { "implicitTiling": { "subtrees": { "uri": "s" } } } }), "tileset-malformed : tile 0"),
        (
            json!({ "root": { "children": [{ "boundingVolume": {}, "geometricError": 0 }] } }),
            "tileset-malformed : tile 1",
        ),
    ] {
        let doc = tileset(&with(more.clone()));
        assert_eq!(places(&doc.problems), [expected], "{more}");
    }
    let bad = json!({ "boundingVolume": {}, "geometricError": 0 });
    let doc = tileset(&with(json!({ "root": { "children": vec![bad; 100] } })));
    assert_eq!(doc.problems.len(), 65);
    assert!(doc.problems[64].message.contains("36 more"), "{}", doc.problems[64]);
}

#[test]
fn what_1_0_knew_is_read() {
    let doc = tileset(&with(json!({
        "asset": { "version": "0.0", "gltfUpAxis": "z", "tilesetVersion": "e575c6f1" },
        "properties": { "id": { "minimum": 0, "maximum": 9 }, "height": { "maximum": 20.5 } },
        "root": { "content": { "url": "a.b3dm" }, "refine": "add" },
        "extensionsUsed": ["3DTILES_draco_point_compression"],
        "extensionsRequired": ["3DTILES_draco_point_compression"],
    })));
    assert_eq!(doc.problems, []);
    assert_eq!((doc.gltf_up, doc.tileset_version.as_deref()), (Some(UpAxis::Z), Some("e575c6f1")));
    let ranges: Vec<_> = doc.properties.iter().map(|p| (p.id.as_str(), p.minimum, p.maximum)).collect();
    assert_eq!(ranges, [("height", None, Some(20.5)), ("id", Some(0.0), Some(9.0))]);
    assert_eq!((doc.tiles[0].refine, doc.tiles[0].contents[0].as_str()), (Refine::Add, "http://h/t/a.b3dm"));
    assert_eq!(doc.extensions_required, ["3DTILES_draco_point_compression"]);
}

#[test]
fn an_s2_cell_is_known_by_its_token() {
    let volume = |token: &str, heights: [f64; 2]| {
        let cell = json!({ "token": token, "minimumHeight": heights[0], "maximumHeight": heights[1] });
        let json = json!({ "root": { "boundingVolume": {
            "box": [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1],
            "extensions": { "3DTILES_bounding_volume_S2": cell },
        } } });
        tileset(&with(json)).tiles[0].volume
    };
    let cell = |cell, heights_m| Volume::S2 { cell, heights_m };
    assert_eq!(volume("1", [-5.0, 10.0]), cell(0x1000_0000_0000_0000, [-5.0, 10.0]));
    assert_eq!(volume("89c6c7", [0.0, 0.0]), cell(0x89c6_c700_0000_0000, [0.0, 0.0]));
    assert_eq!(volume("46b5a9a70b9e0d31", [0.0, 1.0]), cell(0x46b5_a9a7_0b9e_0d31, [0.0, 1.0]));
    // No cell: the fallback is taken.
    for (token, heights) in [
        ("", [0.0, 1.0]),
        ("X", [0.0, 1.0]),
        ("0", [0.0, 1.0]),
        ("f", [0.0, 1.0]),
        ("2", [0.0, 1.0]),
        ("1", [2.0, 1.0]),
    ] {
        assert!(matches!(volume(token, heights), Volume::Sphere(_) | Volume::Box(_)), "{token}");
    }
    assert!(matches!(volume("00000000000000001", [0.0, 1.0]), Volume::Box(_)), "seventeen digits");
}

#[test]
fn limits_hold_whatever_a_tileset_says() {
    let read = |more: Json, limits: Limits| {
        let resources = Resources { limits, ..Resources::default() };
        decode_with(with(more).to_string().as_bytes(), URL, &What::Json, &resources)
    };
    let child = json!({ "boundingVolume": { "sphere": [0, 0, 0, 1] }, "geometricError": 0 });
    let three = json!({ "root": { "children": [child, child] } });
    assert!(read(three.clone(), Limits { tiles: 3, ..Limits::default() }).is_ok());
    assert_eq!(read(three, Limits { tiles: 2, ..Limits::default() }).unwrap_err().code, "tileset-too-large");
    let implicit = |levels: f64, subtree_levels: f64, scheme: &str, uri: &str, limits: Limits| {
        let json = json!({ "root": { "implicitTiling": {
            "subdivisionScheme": scheme, "subtreeLevels": subtree_levels, "availableLevels": levels,
            "subtrees": { "uri": uri },
        } } });
        let Ok(Decoded::Tileset(doc)) = read(json, limits) else { panic!() };
        (doc.tiles[0].implicit.is_some(), doc.problems.first().map(|p| p.code.clone()))
    };
    let standard = Limits::default;
    let code = |code: &str| (false, Some(code.to_owned()));
    assert_eq!(implicit(31.0, 12.0, "QUADTREE", "s", standard()), (true, None));
    assert_eq!(implicit(32.0, 12.0, "QUADTREE", "s", standard()), code("tileset-malformed"));
    assert_eq!(implicit(1.5, 1.0, "QUADTREE", "s", standard()), code("tileset-malformed"));
    assert_eq!(implicit(1.0, 0.0, "QUADTREE", "s", standard()), code("tileset-malformed"));
    assert_eq!(implicit(5.0, 1.0, "HEXTREE", "s", standard()), code("tileset-malformed"));
    assert_eq!(implicit(20.0, 13.0, "QUADTREE", "s", standard()), code("tileset-too-large"));
    assert_eq!(implicit(20.0, 8.0, "OCTREE", "s", standard()), (true, None));
    assert_eq!(implicit(20.0, 31.0, "OCTREE", "s", standard()), code("tileset-too-large"));
    assert_eq!(implicit(3.0, 3.0, "OCTREE", &"s".repeat(5000), standard()), code("tileset-too-large"));
    assert_eq!(implicit(6.0, 1.0, "OCTREE", "s", Limits { levels: 5, ..standard() }), code("tileset-malformed"));
    assert_eq!(implicit(6.0, 2.0, "OCTREE", "s", Limits { subtree_tiles: 8, ..standard() }), code("tileset-too-large"));
}

/// A quadtree of two levels per subtree and two contents per tile.
fn shape() -> SubtreeShape {
    let schema = json!({ "classes": {
        "tile": { "properties": {
            "name": { "type": "STRING" },
            "region": { "type": "SCALAR", "componentType": "FLOAT64", "array": true, "count": 6, "semantic": "TILE_BOUNDING_REGION" },
            "error": { "type": "SCALAR", "componentType": "FLOAT32", "semantic": "TILE_GEOMETRIC_ERROR" },
            "refine": { "type": "SCALAR", "componentType": "UINT8", "semantic": "TILE_REFINE" },
        } },
        "content": { "properties": { "height": { "type": "SCALAR", "componentType": "UINT8", "scale": 0.5 } } },
        "subtree": { "properties": { "author": { "type": "STRING" } } },
    } });
    SubtreeShape { octree: false, subtree_levels: 2, contents: 2, schema: schema.to_string() }
}

/// Root and two of its children; the first content of the root and the last child; the second of all.
fn subtree() -> (Json, Vec<u8>) {
    let regions: Vec<u8> = (0..18).flat_map(|i| (f64::from(i) / 100.0).to_le_bytes()).collect();
    let errors: Vec<u8> = [8.0f32, 4.0, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let parts: [&[u8]; 9] = [
        &[0b01101],
        &[0b01001],
        &[0b0000_0000, 0b0000_0001],
        b"rootab",
        &[0, 4, 5, 6],
        &regions,
        &errors,
        &[0, 1, 1],
        &[10, 30],
    ];
    let (mut binary, mut views) = (Vec::new(), Vec::new());
    for part in parts {
        binary.resize(binary.len().next_multiple_of(8), 0);
        views.push(json!({ "buffer": 0, "byteOffset": binary.len(), "byteLength": part.len() }));
        binary.extend_from_slice(part);
    }
    let json = json!({
        "buffers": [{ "byteLength": binary.len() }],
        "bufferViews": views,
        "tileAvailability": { "bitstream": 0, "availableCount": 3 },
        "contentAvailability": [{ "bitstream": 1, "availableCount": 2 }, { "constant": 1 }],
        "childSubtreeAvailability": { "bitstream": 2, "availableCount": 1 },
        "propertyTables": [
            { "class": "tile", "count": 3, "properties": {
                "name": { "values": 3, "stringOffsets": 4, "stringOffsetType": "UINT8" },
                "region": { "values": 5 }, "error": { "values": 6 }, "refine": { "values": 7 },
            } },
            { "class": "content", "count": 2, "properties": { "height": { "values": 8 } } },
        ],
        "tileMetadata": 0,
        "contentMetadata": [1],
        "subtreeMetadata": { "class": "subtree", "properties": { "author": "me" } },
    });
    (json, binary)
}

fn read_subtree(bytes: &[u8]) -> Result<SubtreeDoc, Problem> {
    match decode(bytes, "s", &What::Subtree(shape()))? {
        Decoded::Subtree(doc) => Ok(doc),
        other => panic!("{other:?}"),
    }
}

#[test]
fn subtree_metadata_is_kept_as_columns_with_a_row_per_tile_and_content() {
    let (json, binary) = subtree();
    let doc = read_subtree(&packed_subtree(&json, &binary)).unwrap();
    assert_eq!(doc.problems, []);
    assert_eq!(doc.subtree_metadata, Some(entity("subtree", &[("author", text("me"))])));
    let name = |bit| doc.tile_properties(bit).into_iter().find(|(id, _)| id == "name").map(|(_, value)| value);
    assert_eq!((name(0), name(1), name(2), name(3)), (Some(text("root")), None, Some(text("a")), Some(text("b"))));
    let height = |value| vec![("height".to_owned(), Value::Number(value))];
    assert_eq!(doc.content_properties(0, 0), height(5.0));
    assert_eq!(doc.content_properties(0, 3), height(15.0));
    assert_eq!((doc.content_properties(0, 2), doc.content_properties(1, 0)), (Vec::new(), Vec::new()));
    let said: Vec<_> = doc.metadata.iter().map(|m| (m.geometric_error, m.refine)).collect();
    let expected =
        [(Some(8.0), Some(Refine::Add)), (Some(4.0), Some(Refine::Replace)), (Some(2.0), Some(Refine::Replace))];
    assert_eq!(said, expected);
    assert_eq!(doc.metadata[1].volume, Some(Volume::Region([0.06, 0.07, 0.08, 0.09, 0.10, 0.11])));
    let crossed: SubtreeDoc = wire::from_bytes(&wire::to_bytes(&doc)).unwrap();
    assert_eq!(crossed, doc);
}

#[test]
fn a_json_subtree_with_an_external_buffer_says_the_same_as_a_binary_one() {
    let (mut json, binary) = subtree();
    let expected = read_subtree(&packed_subtree(&json, &binary)).unwrap();
    json["buffers"][0]["uri"] = "../a.bin".into();
    let bytes = json.to_string().into_bytes();
    let what = What::Subtree(shape());
    let mut resources = Resources::default();
    let read = |resources: &Resources| decode_with(&bytes, "http://h/s/0.json", &what, resources);
    assert_eq!(read(&resources), Ok(Decoded::Needs { urls: vec!["http://h/a.bin".into()] }));
    resources.insert("http://h/a.bin", Some(binary.clone()));
    assert_eq!(read(&resources), Ok(Decoded::Subtree(expected)));
    for bad in [None, Some(binary[..10].to_vec())] {
        resources.insert("http://h/a.bin", bad);
        assert_eq!(read(&resources).unwrap_err().code, "subtree-malformed");
    }
    // A buffer that nothing refers to is not fetched.
    json["buffers"] = json!([{ "byteLength": binary.len(), "uri": "../a.bin" }, { "byteLength": 9, "uri": "unused" }]);
    let needs = decode_with(json.to_string().as_bytes(), "http://h/s/0.json", &what, &Resources::default());
    assert_eq!(needs, Ok(Decoded::Needs { urls: vec!["http://h/a.bin".into()] }));
}

/// Corrupted subtrees: what is replaced, whether the subtree can be used, and the place and words of the problem.
#[test]
fn a_subtree_that_contradicts_itself_says_where() {
    for (path, value, usable, place, words) in [
        ("/tileAvailability/availableCount", json!(4), true, "s: tileAvailability", "availableCount is 4, but 3"),
        ("/contentAvailability/0/availableCount", json!(0), true, "s: contentAvailability 0", "availableCount is 0"),
        ("/childSubtreeAvailability/availableCount", json!(2), true, "s: childSubtreeAvailability", "but 1"),
        ("/tileAvailability", json!({}), false, "s", "neither constant nor bitstream"),
        ("/tileAvailability", json!({ "constant": 2 }), false, "s", "neither 0 nor 1"),
        ("/tileAvailability", json!({ "bitstream": 99 }), false, "s", "bufferView 99"),
        ("/tileAvailability", json!({ "bitstream": 0, "constant": "x" }), false, "s", "neither 0 nor 1"),
        ("/tileAvailability", json!({ "constant": 0 }), true, "s: availability", "without their tiles"),
        ("/childSubtreeAvailability", json!({ "bitstream": 0 }), false, "s", "2 bytes at 0 reach beyond"),
        ("/bufferViews/0/byteLength", json!(0), false, "s", "reach beyond"),
        ("/bufferViews/0/byteOffset", json!(1u64 << 60), false, "s", "reach beyond"),
        ("/bufferViews/0/buffer", json!(1), false, "s", "has no buffer"),
        ("/buffers/0/byteLength", json!(1u64 << 40), false, "s", "reach beyond"),
        ("/buffers/0/uri", json!("data:;base64,!"), false, "s", "data URL"),
        ("/tileMetadata", json!(7), true, "s: tileMetadata", "no property table 7"),
        ("/propertyTables/0/count", json!(2), true, "s: tileMetadata", "count of Some(2) for 3"),
        ("/propertyTables/0/class", json!("none"), true, "s: tileMetadata: class \"none\"", "no such class"),
        ("/propertyTables/0/properties/error/values", json!(7), true, "s: tileMetadata: tile.error", "reach beyond"),
        ("/contentMetadata/0", json!(-1), true, "s: contentMetadata 0", "no property table -1"),
        ("/contentAvailability/2", json!({ "constant": 1 }), true, "s: contentAvailability", "the tileset has 2"),
        ("/subtreeMetadata/class", json!("x"), true, "s: subtreeMetadata", "no class \"x\""),
    ] {
        let (mut json, binary) = subtree();
        match json.pointer_mut(path) {
            Some(found) => *found = value,
            None => match path.rsplit_once('/') {
                Some((parent, "2")) => json.pointer_mut(parent).unwrap().as_array_mut().unwrap().push(value),
                Some((parent, key)) => json.pointer_mut(parent).unwrap()[key] = value,
                None => unreachable!(),
            },
        }
        let result = read_subtree(&packed_subtree(&json, &binary));
        assert_eq!(result.is_ok(), usable, "{path}: {result:?}");
        let problems = result.map_or_else(|problem| vec![problem], |doc| doc.problems);
        let told = problems.iter().any(|p| p.place == place && p.message.contains(words));
        assert!(told, "{path}: {problems:?}");
    }
}

#[test]
fn orphans_in_a_subtree_are_counted() {
    let bits = |bits: u8| json!({ "bitstream": bits });
    let json = json!({
        "buffers": [{ "byteLength": 3 }],
        "bufferViews": [
            { "buffer": 0, "byteOffset": 0, "byteLength": 1 },
            { "buffer": 0, "byteOffset": 1, "byteLength": 2 },
        ],
        "tileAvailability": bits(0), "contentAvailability": [bits(0)], "childSubtreeAvailability": bits(1),
    });
    // Two tiles without the root; child subtrees below the first and the second, of which only one is there.
    let doc = read_subtree(&packed_subtree(&json, &[0b00110, 0b0000_0001, 0b1000_0000])).unwrap();
    let messages: Vec<&str> = doc.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        messages,
        ["2 tiles are available below tiles that are not", "1 child subtrees are available below tiles that are not"]
    );
    let drafted = json!({
        "tileAvailability": { "constant": 1 }, "childSubtreeAvailability": { "constant": 0 },
        "extensions": { "3DTILES_multiple_contents": { "contentAvailability": [{ "constant": 1 }, { "constant": 0 }] } },
    });
    let doc = read_subtree(drafted.to_string().as_bytes()).unwrap();
    assert_eq!(doc.contents, [Availability::Constant(true), Availability::Constant(false)]);
}

#[test]
fn no_absurd_value_in_a_subtree_or_in_metadata_does_harm() {
    let metadata = with(json!({
        "schema": schema(),
        "metadata": thing("house", 0),
        "groups": [thing("tree", 1)],
        "properties": { "a": { "minimum": 0 } },
        "statistics": { "classes": { "thing": { "count": 3, "properties": { "size": { "min": 1 } } } } },
        "root": {
            "boundingVolume": { "extensions": { "3DTILES_bounding_volume_S2": { "token": "1", "maximumHeight": 3 } } },
            "metadata": thing("tree", 3),
            "contents": [{ "uri": "a.glb", "group": 0, "metadata": thing("house", 4) }],
            "implicitTiling": {
                "subdivisionScheme": "QUADTREE", "subtreeLevels": 2, "availableLevels": 4, "subtrees": { "uri": "s" },
            },
        },
    }));
    let (json, binary) = subtree();
    let shape_schema: Json = serde_json::from_str(&shape().schema).unwrap();
    for other in [
        json!(null),
        json!(-1),
        json!(1.5),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!("x"),
        json!([]),
        json!({}),
        json!([0, 0, 0, 0]),
    ] {
        for_each_replacement(&metadata, &other, &mut |json| {
            let _ = decode(json.to_string().as_bytes(), URL, &What::Json);
        });
        for_each_replacement(&json, &other, &mut |json| drop(read_subtree(&packed_subtree(json, &binary))));
        for_each_replacement(&shape_schema, &other, &mut |schema| {
            let what = What::Subtree(SubtreeShape { schema: schema.to_string(), ..shape() });
            if let Ok(Decoded::Subtree(doc)) = decode(&packed_subtree(&json, &binary), "s", &what) {
                (0..6).for_each(|bit| drop((doc.tile_properties(bit), doc.content_properties(0, bit))));
            }
        });
    }
    let whole = packed_subtree(&json, &binary);
    for len in 0..whole.len() {
        assert!(read_subtree(&whole[..len]).is_err(), "{len}");
    }
    assert_eq!(Number::U8.name(), "UINT8");
}
