//! 3D Tiles 1.0 contents made here, byte by byte: what they become, and that no damage to them does harm.
#![allow(missing_docs, clippy::unwrap_used)] // a test may fail by panicking

mod common;

use citytwin_tiles::{
    Alpha, Attribute, Component, Decoded, FeatureIds, Primitive, Problem, Resources, Style, StyleLimits, TableFeatures,
    TileContent, Topology, UpAxis, Value, What, decode, decode_with,
};
use common::for_each_replacement;
use serde_json::{Value as Json, json};

const ENU_AT_NULL: f64 = 6_378_137.0;

fn le<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|v| bytes(*v)).collect()
}

fn floats(values: &[f32]) -> Vec<u8> {
    le(values, f32::to_le_bytes)
}

fn shorts(values: &[u16]) -> Vec<u8> {
    le(values, u16::to_le_bytes)
}

/// A table's JSON, padded as it should be; none for `null`.
fn table(json: &Json) -> Vec<u8> {
    if json.is_null() {
        return Vec::new();
    }
    let mut text = json.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    text
}

/// A file of 3D Tiles 1.0: its magic, the tables, words that follow their lengths, and the rest.
fn tile(magic: &str, features: (&Json, &[u8]), batches: (&Json, &[u8]), words: &[u32], rest: &[u8]) -> Vec<u8> {
    let parts = [table(features.0), features.1.to_vec(), table(batches.0), batches.1.to_vec()];
    let total = 28 + words.len() * 4 + parts.iter().map(Vec::len).sum::<usize>() + rest.len();
    let mut out = magic.as_bytes().to_vec();
    out.extend(le(&[1, total as u32], u32::to_le_bytes));
    parts.iter().for_each(|part| out.extend((part.len() as u32).to_le_bytes()));
    out.extend(le(words, u32::to_le_bytes));
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.extend_from_slice(rest);
    out
}

fn none() -> (&'static Json, &'static [u8]) {
    (&Json::Null, &[])
}

/// The JSON of a glTF with one triangle, its corners 1 along x, 2 along y and 3 along z, of features 0, 1 and 1.
fn gltf() -> Json {
    let corners = [1f32, 0., 0., 0., 2., 0., 0., 0., 3.];
    let body = [floats(&corners), floats(&[0., 1., 1.])].concat();
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |c: &[u8]| {
        let word = c.iter().fold(0u32, |acc, b| acc << 8 | u32::from(*b));
        (0..4).rev().map(move |i| char::from(digits[(word >> (6 * i)) as usize & 63]))
    };
    let text: String = body.chunks(3).flat_map(group).collect();
    json!({
        "asset": { "version": "2.0" },
        "nodes": [{ "mesh": 0 }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0, "_BATCHID": 1 } }] }],
        "accessors": [
            { "bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3" },
            { "bufferView": 0, "byteOffset": 36, "componentType": 5126, "count": 3, "type": "SCALAR" },
        ],
        "bufferViews": [{ "buffer": 0, "byteLength": 48 }],
        "buffers": [{ "byteLength": 48, "uri": format!("data:application/octet-stream;base64,{text}") }],
    })
}

fn glb() -> Vec<u8> {
    let mut json = gltf().to_string().into_bytes();
    json.resize(json.len().next_multiple_of(4), b' ');
    let words = [2, 20 + json.len() as u32, json.len() as u32];
    [b"glTF".to_vec(), le(&words, u32::to_le_bytes), b"JSON".to_vec(), json].concat()
}

fn content(bytes: &[u8]) -> TileContent {
    match decode(bytes, "http://h/t/tile", &What::Content) {
        Ok(Decoded::Content(content)) => content,
        other => panic!("{other:?}"),
    }
}

fn refused(bytes: &[u8]) -> Problem {
    decode(bytes, "http://h/t/tile", &What::Content).unwrap_err()
}

/// A component as the GPU sees it.
fn component(content: &TileContent, attribute: Attribute, i: usize, c: usize) -> f64 {
    let at = attribute.offset as usize + i * attribute.stride as usize + c * attribute.component.size();
    let stored = attribute.component.read(&content.vertices[at..]);
    if attribute.normalized { stored / attribute.component.normalizer() } else { stored }
}

/// Where vertex `v` of instance `i` is drawn, in the tile's frame.
fn drawn(content: &TileContent, primitive: &Primitive, i: usize, v: usize) -> [f64; 3] {
    let local: [f64; 3] = std::array::from_fn(|c| component(content, primitive.positions, v, c));
    let placed = match primitive.instances {
        None => local,
        Some(instances) => {
            let at = instances.transforms.offset as usize + i * instances.transforms.stride as usize;
            let value = |n: usize| Component::F32.read(&content.vertices[at + n * 4..]);
            std::array::from_fn(|r| (0..3).map(|c| value(r * 4 + c) * local[c]).sum::<f64>() + value(r * 4 + 3))
        }
    };
    let m = primitive.tile_from_local;
    std::array::from_fn(|r| (0..3).map(|c| m[c * 4 + r] * placed[c]).sum::<f64>() + m[12 + r])
}

#[track_caller]
fn close(found: [f64; 3], expected: [f64; 3]) {
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{found:?} instead of {expected:?}");
}

fn row(content: &TileContent, table: usize, row: u32) -> Vec<(String, Value)> {
    content.tables[table].row(&content.property_bytes, row)
}

fn named(pairs: &[(&str, Value)]) -> Vec<(String, Value)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect()
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

const TWO: Value = Value::Number(2.0);

// b3dm

#[test]
fn a_batched_model_has_rows_for_its_batches() {
    let batches = json!({ "name": ["a", "b"] });
    let bytes = tile("b3dm", (&json!({ "BATCH_LENGTH": 2 }), &[]), (&batches, &[]), &[], &glb());
    let content = content(&bytes);
    assert_eq!(content.problems, []);
    assert_eq!((content.info().features, content.primitives[0].table), (2, Some(0)));
    assert_eq!(row(&content, 0, 1), named(&[("name", text("b"))]));
}

#[test]
fn headers_of_before_1_0_are_told_apart() {
    let batches = table(&json!({ "name": ["a", "b"] }));
    let len = batches.len() as u32;
    for words in [vec![2, len], vec![len, 0, 2]] {
        let mut bytes = b"b3dm".to_vec();
        let total = 12 + words.len() * 4 + batches.len() + glb().len();
        bytes.extend(le(&[1, total as u32], u32::to_le_bytes));
        bytes.extend(le(&words, u32::to_le_bytes));
        let content = content(&[bytes, batches.clone(), glb()].concat());
        assert_eq!(row(&content, 0, 0), named(&[("name", text("a"))]), "header of {} words", words.len());
    }
    // Without a batch table it is the glTF that stands where a length should be.
    let bytes = [b"b3dm".to_vec(), le(&[1, 20 + glb().len() as u32, 0, 0], u32::to_le_bytes), glb()].concat();
    assert_eq!(content(&bytes).info().triangles, 1);
}

#[test]
fn sloppy_files_are_read_all_the_same() {
    let features = json!({ "BATCH_LENGTH": 2 });
    let good = tile("b3dm", (&features, &[]), (&json!({ "name": ["a", "b"] }), &[]), &[], &glb());
    let expected = content(&good);
    let with_length = |len: u32| [&good[..8], &len.to_le_bytes(), &good[12..]].concat();
    let zeroed: Vec<u8> = good.iter().enumerate().map(|(i, b)| if i < 100 && *b == b' ' { 0 } else { *b }).collect();
    for (what, bytes) in [
        ("a length of zero", with_length(0)),
        ("a length beyond the end", with_length(good.len() as u32 + 7)),
        ("bytes after the end", [good.clone(), vec![0; 5]].concat()),
        ("zeros for padding", zeroed),
    ] {
        assert_eq!(content(&bytes), expected, "{what}");
    }
    // glTF as text, and text after the JSON of a table.
    let text_tile = tile("b3dm", (&features, &[]), none(), &[], gltf().to_string().as_bytes());
    assert_eq!(content(&text_tile).info().triangles, 1);
    let unaligned = {
        let json = br#"{"BATCH_LENGTH":2} garbage"#;
        let lengths = [json.len() as u32, 0, 0, 0];
        [b"b3dm\x01\0\0\0\0\0\0\0".to_vec(), le(&lengths, u32::to_le_bytes), json.to_vec(), glb()].concat()
    };
    assert_eq!(content(&unaligned).info().triangles, 1);
}

#[test]
fn a_batch_table_that_cannot_be_read_costs_only_itself() {
    let mut bytes = tile("b3dm", (&json!({ "BATCH_LENGTH": 2 }), &[]), (&json!({ "n": ["a", "b"] }), &[]), &[], &glb());
    let at = bytes.windows(4).position(|w| w == b"{\"n\"").unwrap();
    bytes[at] = b'!';
    let broken = content(&bytes);
    let columns: usize = broken.tables.iter().map(|table| table.columns.len()).sum();
    assert_eq!((broken.info().triangles, columns, broken.problems.len()), (1, 0, 1));
    // Names in another code page lose what cannot be read of them.
    bytes[at] = b'{';
    let name = bytes.windows(3).position(|w| w == b"\"a\"").unwrap() + 1;
    bytes[name] = 0xb1;
    assert_eq!(row(&content(&bytes), 0, 0), named(&[("n", text("\u{fffd}"))]));
}

#[test]
fn a_center_may_stand_in_the_json_or_in_the_body() {
    let body = floats(&[10., 20., 30.]);
    for (features, body) in
        [(json!({ "RTC_CENTER": [10, 20, 30] }), &[][..]), (json!({ "RTC_CENTER": { "byteOffset": 0 } }), &body)]
    {
        let content = content(&tile("b3dm", (&features, body), none(), &[], &glb()));
        close(drawn(&content, &content.primitives[0], 0, 1), [10., 20., 32.]);
        assert_eq!(content.info().bounds, Some([[10., 17., 30.], [11., 20., 32.]]));
    }
    let bad = tile("b3dm", (&json!({ "RTC_CENTER": { "byteOffset": 4 } }), &body), none(), &[], &glb());
    assert!(refused(&bad).message.contains("RTC_CENTER"), "where it belongs is not known");
}

#[test]
fn gltf_1_0_is_named() {
    let mut old = glb();
    old[4] = 1;
    let problem = refused(&tile("b3dm", (&json!({}), &[]), none(), &[], &old));
    assert_eq!(problem.code, "content-unsupported");
    assert!(problem.message.contains("glTF 1.0"), "{problem}");
}

#[test]
fn a_tileset_may_say_which_axis_of_its_models_points_up() {
    let bytes = tile("b3dm", (&json!({ "RTC_CENTER": [10, 20, 30] }), &[]), none(), &[], &glb());
    // The second corner lies 2 along the model's y, the third 3 along its z.
    for (up, second, third) in [
        (None, [10., 20., 32.], [10., 17., 30.]),
        (Some(UpAxis::Z), [10., 22., 30.], [10., 20., 33.]),
        (Some(UpAxis::X), [10., 22., 30.], [7., 20., 30.]),
    ] {
        let resources = Resources { gltf_up: up, ..Resources::default() };
        match decode_with(&bytes, "http://h/t/tile", &What::Content, &resources).unwrap() {
            Decoded::Content(content) => {
                close(drawn(&content, &content.primitives[0], 0, 1), second);
                close(drawn(&content, &content.primitives[0], 0, 2), third);
            }
            other => panic!("{other:?}"),
        }
    }
}

// i3dm

/// An instanced model with the triangle inside.
fn instanced(features: &Json, body: &[u8]) -> Vec<u8> {
    tile("i3dm", (features, body), none(), &[1], &glb())
}

#[test]
fn instances_face_as_their_orientation_says() {
    // Half a turn around z; and up along the tile's z, right along its y.
    let oct = shorts(&[32768, 0, 0, 32768]);
    for (what, more, body, x, y) in [
        ("default", json!({}), vec![], [1., 0., 0.], [0., 0., 2.]),
        (
            "vectors",
            json!({ "NORMAL_UP": { "byteOffset": 12 }, "NORMAL_RIGHT": { "byteOffset": 24 } }),
            floats(&[0., -1., 0., -1., 0., 0.]),
            [-1., 0., 0.],
            [0., 0., 2.],
        ),
        (
            "more vectors",
            json!({ "NORMAL_UP": { "byteOffset": 12 }, "NORMAL_RIGHT": { "byteOffset": 24 } }),
            floats(&[0., 0., 1., 0., 1., 0.]),
            [0., 1., 0.],
            [2., 0., 0.],
        ),
        (
            "encoded",
            json!({ "NORMAL_UP_OCT32P": { "byteOffset": 12 }, "NORMAL_RIGHT_OCT32P": { "byteOffset": 16 } }),
            oct,
            [-1., 0., 0.],
            [0., 0., 2.],
        ),
    ] {
        let mut features = json!({ "INSTANCES_LENGTH": 1, "POSITION": { "byteOffset": 0 } });
        features.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let content = content(&instanced(&features, &[floats(&[100., 0., 0.]), body].concat()));
        let primitive = &content.primitives[0];
        let at = |p: [f64; 3]| [p[0] + 100., p[1], p[2]];
        assert_eq!(content.problems, [], "{what}");
        close(drawn(&content, primitive, 0, 0), at(x));
        close(drawn(&content, primitive, 0, 1), at(y));
    }
}

#[test]
fn east_north_and_up_are_those_of_where_an_instance_stands() {
    // On the equator at longitude 0: east is y, north is z, up is x. The second is at 90° east.
    let far = ENU_AT_NULL as f32;
    let features = json!({ "INSTANCES_LENGTH": 2, "EAST_NORTH_UP": true, "POSITION": { "byteOffset": 0 } });
    let content = content(&instanced(&features, &floats(&[far, 0., 0., 0., far, 0.])));
    let primitive = &content.primitives[0];
    close(drawn(&content, primitive, 0, 0), [ENU_AT_NULL, 1., 0.]);
    close(drawn(&content, primitive, 0, 1), [ENU_AT_NULL + 2., 0., 0.]);
    close(drawn(&content, primitive, 0, 2), [ENU_AT_NULL, 0., -3.]);
    close(drawn(&content, primitive, 1, 0), [-1., ENU_AT_NULL, 0.]);
    // With a center the position alone says nothing.
    let features = json!({ "INSTANCES_LENGTH": 1, "EAST_NORTH_UP": true, "POSITION": { "byteOffset": 0 },
        "RTC_CENTER": [0, ENU_AT_NULL, 0] });
    let content = self::content(&instanced(&features, &floats(&[0., 0., 0.])));
    close(drawn(&content, &content.primitives[0], 0, 0), [-1., ENU_AT_NULL, 0.]);
}

#[test]
fn positions_and_sizes_come_in_all_their_forms() {
    let body = [floats(&[0., 0., 0., 10., 0., 0.]), floats(&[2., 3.]), floats(&[1., 1., 1., 1., 2., 10.])].concat();
    let features = json!({ "INSTANCES_LENGTH": 2, "POSITION": { "byteOffset": 0 }, "SCALE": { "byteOffset": 24 },
        "SCALE_NON_UNIFORM": { "byteOffset": 32 }, "RTC_CENTER": [1000, 0, 0] });
    let content = content(&instanced(&features, &body));
    close(drawn(&content, &content.primitives[0], 0, 0), [1002., 0., 0.]);
    close(drawn(&content, &content.primitives[0], 1, 0), [1013., 0., 0.]);
    close(drawn(&content, &content.primitives[0], 1, 1), [1010., 0., 60.]);
    close(drawn(&content, &content.primitives[0], 1, 2), [1010., -18., 0.]);
    assert_eq!(content.info().bounds, Some([[1000., -18., 0.], [1013., 0., 60.]]));
    let features = json!({ "INSTANCES_LENGTH": 2, "POSITION_QUANTIZED": { "byteOffset": 0 },
        "QUANTIZED_VOLUME_OFFSET": [5, 0, 0], "QUANTIZED_VOLUME_SCALE": [100, 10, 1] });
    let content = self::content(&instanced(&features, &shorts(&[0, 0, 0, 65535, 65535, 65535])));
    close(drawn(&content, &content.primitives[0], 0, 0), [6., 0., 0.]);
    close(drawn(&content, &content.primitives[0], 1, 0), [106., 10., 1.]);
}

#[test]
fn instances_have_ids_of_every_width() {
    for (kind, body) in [
        (json!("UNSIGNED_BYTE"), vec![2, 0]),
        (json!("UNSIGNED_SHORT"), shorts(&[2, 0])),
        (json!(null), shorts(&[2, 0])),
        (json!("UNSIGNED_INT"), le(&[2u32, 0], u32::to_le_bytes)),
    ] {
        let features = json!({ "INSTANCES_LENGTH": 2, "POSITION": { "byteOffset": 0 },
            "BATCH_ID": { "byteOffset": 24, "componentType": kind } });
        let body = [floats(&[0.; 6]), body].concat();
        let batches =
            json!({ "name": ["a", "b", "c"], "two": { "byteOffset": 0, "componentType": "INT", "type": "SCALAR" } });
        let bytes = tile("i3dm", (&features, &body), (&batches, &le(&[0, 1, 2], i32::to_le_bytes)), &[1], &glb());
        let content = content(&bytes);
        let ids = content.primitives[0].instances.unwrap().feature_ids.unwrap();
        assert_eq!((component(&content, ids, 0, 0), component(&content, ids, 1, 0)), (2., 0.), "{kind}");
        assert_eq!((content.info().features, content.info().instances), (2, 2));
        assert_eq!(row(&content, 0, 2), named(&[("name", text("c")), ("two", TWO)]));
        assert!(content.primitives[0].feature_ids.is_none(), "an instance is the feature");
        assert!(matches!(content.primitives[0].feature_sets[0].ids, FeatureIds::Attribute(a) if a == ids));
    }
    // Without ids each is its own.
    let features = json!({ "INSTANCES_LENGTH": 2, "POSITION": { "byteOffset": 0 } });
    let batches = json!({ "name": ["a", "b"] });
    let content = content(&tile("i3dm", (&features, &floats(&[0.; 6])), (&batches, &[]), &[1], &glb()));
    assert_eq!(content.info().features, 2);
    assert_eq!(row(&content, 0, 1), named(&[("name", text("b"))]));
}

#[test]
fn an_instance_that_is_nowhere_is_left_out() {
    let features = json!({ "INSTANCES_LENGTH": 3, "POSITION": { "byteOffset": 0 } });
    let content = content(&instanced(&features, &floats(&[1., 0., 0., f32::NAN, 0., 0., 3., 0., 0.])));
    assert_eq!((content.info().instances, content.problems.len()), (2, 1));
    let ids = content.primitives[0].instances.unwrap().feature_ids.unwrap();
    assert_eq!(component(&content, ids, 1, 0), 2., "it keeps its number");
}

#[test]
fn a_model_of_its_own_file_is_asked_for() {
    let features = json!({ "INSTANCES_LENGTH": 1, "POSITION": { "byteOffset": 0 } });
    let body = floats(&[7., 0., 0.]);
    let part = tile("i3dm", (&features, &body), none(), &[0], b"../m/tree.glb\0\0 ");
    let mut cmpt = b"cmpt".to_vec();
    cmpt.extend(le(&[1, 16 + 2 * part.len() as u32, 2], u32::to_le_bytes));
    cmpt.extend([part.clone(), part.clone()].concat());
    let mut resources = Resources::default();
    for bytes in [&part, &cmpt] {
        match decode_with(bytes, "http://h/t/tile", &What::Content, &Resources::default()).unwrap() {
            Decoded::Needs { urls } => assert_eq!(urls, ["http://h/m/tree.glb"]),
            other => panic!("{other:?}"),
        }
    }
    resources.insert("http://h/m/tree.glb", Some(glb()));
    match decode_with(&cmpt, "http://h/t/tile", &What::Content, &resources).unwrap() {
        Decoded::Content(content) => {
            assert_eq!((content.primitives.len(), content.problems.len()), (2, 0));
            close(drawn(&content, &content.primitives[1], 0, 0), [8., 0., 0.]);
        }
        other => panic!("{other:?}"),
    }
    resources.insert("http://h/m/tree.glb", None);
    let problem = decode_with(&part, "http://h/t/tile", &What::Content, &resources).unwrap_err();
    assert!(problem.message.contains("tree.glb"), "{problem}");
    assert_eq!(refused(&tile("i3dm", (&features, &body), none(), &[0], b" \0")).code, "content-malformed");
    assert_eq!(refused(&tile("i3dm", (&features, &body), none(), &[2], &glb())).code, "content-malformed");
}

// pnts

/// A cloud of two points with more properties.
fn cloud(more: &Json, body: &[u8], batches: (&Json, &[u8])) -> Vec<u8> {
    let mut features = json!({ "POINTS_LENGTH": 2, "POSITION": { "byteOffset": 0 } });
    features.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    tile("pnts", (&features, &[floats(&[1., 2., 3., 5., 6., 7.]), body.to_vec()].concat()), batches, &[], &[])
}

#[test]
fn points_have_colours_in_all_their_forms() {
    let linear = |v: f64| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
    let half = linear(128. / 255.);
    // Green of 32 in 6 bits is 130 in 8.
    let packed = shorts(&[31 << 11 | 32 << 5, 0]);
    for (form, body, expected, alpha) in [
        ("RGBA", vec![255, 128, 0, 51, 0, 0, 0, 255], [1., half, 0., 0.2], Alpha::Blend),
        ("RGBA", vec![255, 128, 0, 255, 0, 0, 0, 255], [1., half, 0., 1.], Alpha::Opaque),
        ("RGB", vec![255, 128, 0, 0, 0, 0], [1., half, 0., 1.], Alpha::Opaque),
        ("RGB565", packed, [1., linear(130. / 255.), 0., 1.], Alpha::Opaque),
    ] {
        let content = content(&cloud(&json!({ form: { "byteOffset": 24 } }), &body, none()));
        let primitive = &content.primitives[0];
        let found: [f64; 4] = std::array::from_fn(|c| component(&content, primitive.colors.unwrap(), 0, c));
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-5), "{form}: {found:?}");
        assert_eq!((primitive.alpha, primitive.topology), (alpha, Topology::Points));
        assert!(primitive.unlit, "nothing says where its sides are");
    }
    let content = content(&cloud(&json!({ "CONSTANT_RGBA": [255, 128, 0, 51] }), &[], none()));
    let primitive = &content.primitives[0];
    assert!((f64::from(primitive.base_color[1]) - half).abs() < 2e-5 && (primitive.base_color[3] - 0.2).abs() < 1e-6);
    assert_eq!((primitive.colors, primitive.alpha), (None, Alpha::Blend));
}

#[test]
fn points_have_normals_in_both_forms() {
    let encoded = [128, 0, 0, 128];
    for (form, body) in [("NORMAL", floats(&[0., -1., 0., -1., 0., 0.])), ("NORMAL_OCT16P", encoded.to_vec())] {
        let content = content(&cloud(&json!({ form: { "byteOffset": 24 } }), &body, none()));
        let primitive = &content.primitives[0];
        let normal = |i| std::array::from_fn(|c| component(&content, primitive.normals.unwrap(), i, c));
        let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.01);
        assert!(near(normal(0), [0., -1., 0.]) && near(normal(1), [-1., 0., 0.]), "{form}");
        assert!(!primitive.unlit);
    }
}

#[test]
fn points_stand_where_they_should() {
    let plain = content(&cloud(&json!({ "RTC_CENTER": [1e6, 0, 0] }), &[], none()));
    close(drawn(&plain, &plain.primitives[0], 0, 1), [1e6 + 5., 6., 7.]);
    assert_eq!(plain.info().bounds, Some([[1e6 + 1., 2., 3.], [1e6 + 5., 6., 7.]]));
    let features = json!({ "POINTS_LENGTH": 2, "POSITION_QUANTIZED": { "byteOffset": 0 },
        "QUANTIZED_VOLUME_OFFSET": [1e6, 0, 0], "QUANTIZED_VOLUME_SCALE": [100, 10, 1] });
    let body = shorts(&[0, 0, 0, 65535, 65535, 65535]);
    let quantised = content(&tile("pnts", (&features, &body), none(), &[], &[]));
    close(drawn(&quantised, &quantised.primitives[0], 0, 1), [1e6 + 100., 10., 1.]);
    assert_eq!(quantised.info().points, 2);
    assert_eq!(quantised.info().bounds, Some([[1e6, 0., 0.], [1e6 + 100., 10., 1.]]));
}

#[test]
fn points_are_features_or_parts_of_them() {
    let more = json!({ "BATCH_LENGTH": 3, "BATCH_ID": { "byteOffset": 24, "componentType": "UNSIGNED_BYTE" } });
    let batches = json!({ "name": ["a", "b", "c"] });
    let batched = content(&cloud(&more, &[2, 2], (&batches, &[])));
    assert_eq!((batched.info().features, batched.tables[0].count), (1, 3));
    assert_eq!(row(&batched, 0, 2), named(&[("name", text("c"))]));
    let batches = json!({ "t": { "byteOffset": 0, "componentType": "FLOAT", "type": "SCALAR" },
        "v": { "byteOffset": 8, "componentType": "UNSIGNED_BYTE", "type": "VEC2" } });
    let each = content(&cloud(&json!({}), &[], (&batches, &[floats(&[1., 2.]), vec![1, 2, 3, 4]].concat())));
    assert_eq!(each.info().features, 2);
    assert_eq!(row(&each, 0, 1), named(&[("t", TWO), ("v", text("[3.0,4.0]"))]));
    // Nothing is known of these: they are no features.
    assert_eq!(content(&cloud(&json!({}), &[], (&json!({}), &[]))).info().features, 0);
}

#[test]
fn clouds_that_lie_are_refused() {
    for (what, features) in [
        ("POINTS_LENGTH", json!({})),
        ("points", json!({ "POINTS_LENGTH": 4_000_000_000u32, "POSITION": { "byteOffset": 0 } })),
        ("POSITION", json!({ "POINTS_LENGTH": 3, "POSITION": { "byteOffset": 0 } })),
        ("POSITION", json!({ "POINTS_LENGTH": 1 })),
        ("volume", json!({ "POINTS_LENGTH": 1, "POSITION_QUANTIZED": { "byteOffset": 0 } })),
        ("RGB", json!({ "POINTS_LENGTH": 2, "POSITION": { "byteOffset": 0 }, "RGB": { "byteOffset": 24 } })),
    ] {
        let problem = refused(&tile("pnts", (&features, &floats(&[0.; 6])), none(), &[], &[]));
        assert!(problem.message.contains(what), "{what}: {problem}");
    }
    assert_eq!(refused(b"pnts\x02\0\0\0\x1c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").code, "content-unsupported");
    let bytes = cloud(&json!({ "POINTS_LENGTH": 1 }), &[], none());
    let at = bytes.len() - 24;
    assert!(refused(&[&bytes[..at], &floats(&[f32::NAN; 6])].concat()).message.contains("not finite"));
}

// cmpt

#[test]
fn composites_nest_only_so_deep() {
    let mut bytes = cloud(&json!({}), &[], none());
    for depth in 1..=9 {
        let mut outer = b"cmpt".to_vec();
        outer.extend(le(&[1, 16 + bytes.len() as u32, 1], u32::to_le_bytes));
        outer.extend_from_slice(&bytes);
        bytes = outer;
        match depth {
            1..=8 => assert_eq!(content(&bytes).info().points, 2, "depth {depth}"),
            _ => assert_eq!(refused(&bytes).code, "content-too-large"),
        }
    }
    // So many parts are not there.
    let lie = [b"cmpt".to_vec(), le(&[1, 16, u32::MAX], u32::to_le_bytes)].concat();
    assert_eq!(refused(&lie).code, "content-malformed");
}

// Hierarchies

/// A batched model of two features and a hierarchy.
fn with_hierarchy(hierarchy: &Json, body: &[u8]) -> TileContent {
    let batches = json!({ "own": [1, 2], "extensions": { "3DTILES_batch_table_hierarchy": hierarchy } });
    content(&tile("b3dm", (&json!({ "BATCH_LENGTH": 2 }), &[]), (&batches, body), &[], &glb()))
}

/// Two doors of a house in a street.
fn house() -> Json {
    json!({
        "instancesLength": 4,
        "classes": [
            { "name": "door", "length": 2, "instances": { "door": ["d0", "d1"], "own": [7, 7] } },
            { "name": "house", "length": 1, "instances": { "house": ["h"], "colour": ["red"] } },
            { "name": "street", "length": 1, "instances": { "street": ["s"], "colour": ["grey"] } },
        ],
        "classIds": [0, 0, 1, 2],
        "parentIds": [2, 2, 3, 3],
    })
}

#[test]
fn features_inherit_from_the_nearest_ancestor() {
    let content = with_hierarchy(&house(), &[]);
    assert_eq!(content.problems, []);
    assert_eq!(content.extensions_used, ["3DTILES_batch_table_hierarchy"]);
    let expected = named(&[
        ("colour", text("red")),
        ("door", text("d1")),
        ("house", text("h")),
        ("own", TWO),
        ("street", text("s")),
    ]);
    assert_eq!(row(&content, 0, 1), expected);
}

#[test]
fn styles_ask_for_the_class_of_a_feature_and_of_what_it_is_part_of() {
    let mut hierarchy = house();
    hierarchy["parentCounts"] = json!([1, 0, 1, 0]);
    hierarchy["parentIds"] = json!([2, 3]);
    let content = with_hierarchy(&hierarchy, &[]);
    let features = TableFeatures { table: &content.tables[0], property_bytes: &content.property_bytes };
    for (show, expected) in [
        ("isExactClass('door')", [true, true]),
        ("isExactClass('house')", [false, false]),
        ("isClass('door')", [true, true]),
        ("isClass('house')", [true, false]),
        ("isClass('street')", [true, false]),
        ("isClass('town')", [false, false]),
        ("getExactClassName() === 'door'", [true, true]),
    ] {
        let style = Style::parse(json!({ "show": show }).to_string().as_bytes(), &StyleLimits::default()).unwrap();
        assert_eq!(style.evaluate(&features, 0.0).show.unwrap(), expected, "{show}");
    }
}

#[test]
fn features_have_as_many_parents_as_they_say() {
    let mut hierarchy = house();
    // The first door hangs in the house and in the street, the second in nothing.
    hierarchy["parentCounts"] = json!([2, 0, 1, 0]);
    hierarchy["parentIds"] = json!([3, 2, 3]);
    let content = with_hierarchy(&hierarchy, &[]);
    assert_eq!(row(&content, 0, 0)[0], ("colour".into(), text("grey")), "the first parent goes before the second");
    assert_eq!(row(&content, 0, 0).len(), 5);
    assert_eq!(row(&content, 0, 1), named(&[("door", text("d1")), ("own", TWO)]));
    hierarchy["parentIds"] = json!(null);
    assert_eq!(row(&with_hierarchy(&hierarchy, &[]), 0, 0).len(), 2);
}

#[test]
fn hierarchies_may_lie_in_the_body() {
    let mut hierarchy = house();
    hierarchy["classIds"] = json!({ "byteOffset": 0 });
    hierarchy["parentIds"] = json!({ "byteOffset": 8, "componentType": "UNSIGNED_BYTE" });
    hierarchy["classes"][0]["instances"]["door"] =
        json!({ "byteOffset": 12, "componentType": "FLOAT", "type": "SCALAR" });
    let body = [shorts(&[0, 0, 1, 2]), vec![2, 2, 3, 3], floats(&[1., 2.])].concat();
    assert_eq!(row(&with_hierarchy(&hierarchy, &body), 0, 1)[1], ("door".into(), TWO));
}

#[test]
fn hierarchies_that_lie_are_left_out_with_a_problem() {
    for (what, key, value) in [
        ("ancestor", "parentIds", json!([2, 2, 3, 2])),
        ("ancestor", "parentIds", json!([1, 0, 3, 3])),
        ("parent 4", "parentIds", json!([2, 2, 3, 4])),
        ("parentIds", "parentIds", json!([2, 2, 3])),
        ("parentIds", "parentIds", json!([2, 2, 3, -1])),
        ("class 3", "classIds", json!([0, 0, 1, 3])),
        ("classIds", "classIds", json!(null)),
        ("parentCounts", "parentCounts", json!([1, 1])),
        ("parentIds", "parentCounts", json!([9, 9, 9, u32::MAX])),
        ("instances", "instancesLength", json!(1)),
        ("classIds", "instancesLength", json!(4_000_000_000u32)),
    ] {
        let mut hierarchy = house();
        hierarchy[key] = value;
        let content = with_hierarchy(&hierarchy, &[]);
        assert!(content.problems.iter().any(|p| p.message.contains(what)), "{what}: {:?}", content.problems);
        assert_eq!(row(&content, 0, 1), named(&[("own", TWO)]), "{what}");
    }
    // A bad property costs only itself.
    let mut hierarchy = house();
    hierarchy["classes"][0]["instances"]["door"] = json!(["d0"]);
    let content = with_hierarchy(&hierarchy, &[]);
    assert_eq!((content.problems.len(), row(&content, 0, 1).len()), (1, 4));
}

#[test]
fn a_long_chain_of_ancestors_is_no_recursion() {
    let count = 50_000;
    let parents: Vec<usize> = (0..count).map(|i| (i + 1).min(count - 1)).collect();
    let hierarchy = json!({ "instancesLength": count, "classIds": vec![0; count], "parentIds": parents,
        "classes": [{ "name": "c", "length": count, "instances": {} }] });
    assert_eq!(with_hierarchy(&hierarchy, &[]).problems, []);
}

// Damage

fn specimens() -> Vec<Vec<u8>> {
    let ids = json!({ "BATCH_LENGTH": 2, "RTC_CENTER": [1, 2, 3], "RGB": { "byteOffset": 24 },
        "NORMAL_OCT16P": { "byteOffset": 32 }, "BATCH_ID": { "byteOffset": 36, "componentType": "UNSIGNED_INT" } });
    let batches = json!({ "a": [1, null], "b": { "byteOffset": 0, "componentType": "SHORT", "type": "VEC3" },
        "extensions": { "3DTILES_batch_table_hierarchy": house() } });
    let points = cloud(&ids, &[7; 20], (&batches, &[1; 12]));
    let features = json!({ "INSTANCES_LENGTH": 2, "POSITION": { "byteOffset": 0 }, "EAST_NORTH_UP": true,
        "SCALE": { "byteOffset": 0 }, "BATCH_ID": { "byteOffset": 0 }, "NORMAL_UP_OCT32P": { "byteOffset": 0 },
        "NORMAL_RIGHT_OCT32P": { "byteOffset": 4 } });
    let instances = tile("i3dm", (&features, &floats(&[3.; 6])), (&batches, &[1; 12]), &[1], &glb());
    let model = tile("b3dm", (&json!({ "BATCH_LENGTH": 2 }), &[]), (&batches, &[1; 12]), &[], &glb());
    let parts = [points.clone(), instances.clone()].concat();
    let all = [b"cmpt".to_vec(), le(&[1, 16 + parts.len() as u32, 2], u32::to_le_bytes), parts].concat();
    vec![points, instances, model, all]
}

/// No answer is refused: the point is that there is one, that it is not large, and that all of it lies inside.
fn survives(bytes: &[u8]) {
    let Ok(Decoded::Content(content)) = decode(bytes, "x", &What::Content) else { return };
    assert!(content.info().gpu_bytes < 1 << 20);
    for table in &content.tables {
        table.row(&content.property_bytes, 0);
        table.row(&content.property_bytes, table.count.saturating_sub(1));
    }
    for primitive in &content.primitives {
        let inside = |a: Attribute, count: u32| {
            let end = u64::from(a.offset) + u64::from(a.stride) * u64::from(count);
            assert!(end <= content.vertices.len() as u64 && a.offset.is_multiple_of(4) && a.stride.is_multiple_of(4));
        };
        let own = [Some(primitive.positions), primitive.normals, primitive.colors, primitive.feature_ids];
        own.into_iter().flatten().for_each(|a| inside(a, primitive.vertex_count));
        if let Some(instances) = primitive.instances {
            inside(instances.transforms, instances.count);
            instances.feature_ids.into_iter().for_each(|a| inside(a, instances.count));
        }
    }
}

#[test]
fn no_truncation_and_no_flipped_byte_does_harm() {
    for bytes in specimens() {
        for len in 0..bytes.len() {
            survives(&bytes[..len]);
        }
        for i in 0..bytes.len() {
            for flip in [0x01, 0x10, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[i] ^= flip;
                survives(&bytes);
            }
        }
    }
}

#[test]
fn no_absurd_value_in_a_table_does_harm() {
    let specimen = |features: &Json, batches: &Json| {
        survives(&tile("pnts", (features, &[7; 64]), (batches, &[1; 32]), &[], &[]));
        survives(&tile("i3dm", (features, &[7; 64]), (batches, &[1; 32]), &[1], &glb()));
        survives(&tile("b3dm", (features, &[7; 64]), (batches, &[1; 32]), &[], &glb()));
    };
    let place = json!({ "byteOffset": 0, "componentType": "UNSIGNED_BYTE" });
    let mut features = json!({ "POINTS_LENGTH": 2, "INSTANCES_LENGTH": 2, "BATCH_LENGTH": 2, "RTC_CENTER": place,
        "EAST_NORTH_UP": true, "CONSTANT_RGBA": place, "QUANTIZED_VOLUME_OFFSET": place, "QUANTIZED_VOLUME_SCALE": place });
    for name in ["POSITION", "POSITION_QUANTIZED", "NORMAL", "RGB565", "SCALE", "SCALE_NON_UNIFORM", "BATCH_ID"] {
        features[name] = json!({ "byteOffset": 0 });
    }
    let batches = json!({ "a": [1, null], "b": { "byteOffset": 0, "componentType": "SHORT", "type": "VEC3" },
        "extensions": { "3DTILES_batch_table_hierarchy": house() } });
    let absurd = [
        json!(null),
        json!(-1),
        json!(0.5),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!("x"),
        json!([]),
        json!([0, 1e300, 4, 4]),
        json!({}),
        json!({ "byteOffset": u64::MAX }),
        json!({ "byteOffset": 60 }),
    ];
    for other in &absurd {
        for_each_replacement(&features, other, &mut |features| specimen(features, &batches));
        for_each_replacement(&batches, other, &mut |batches| specimen(&features, batches));
        let mut quantised = features.clone();
        quantised["POSITION"] = Json::Null;
        for_each_replacement(&quantised, other, &mut |features| specimen(features, &batches));
    }
}
