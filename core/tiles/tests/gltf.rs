//! Everything of glTF that tiles use, in files made here: textures, metadata, compression, secondary files, limits.
#![allow(missing_docs, clippy::unwrap_used)] // a test may fail by panicking
#![allow(clippy::disallowed_methods, clippy::print_stderr)] // one file of the shared data is read, or its absence said

mod glb;

use citytwin_tiles::{
    Alpha, Decoded, FeatureIds, Filter, ImageFormat, Limits, Primitive, Problem, Resources, TextureRef, TileContent,
    Value, What, Wrap, decode, decode_fetching, decode_with,
};
use draco_core::{
    DataType, EncoderBuffer, EncoderOptions, FaceIndex, GeometryAttributeType, Mesh, MeshEncoder, PointAttribute,
    PointIndex,
};
use glb::{Glb, bytes_of, one_mesh, pack, triangle, unpack};
use meshoptimizer_rs::Workspace;
use meshoptimizer_rs::codec::{VertexEncoding, encode_filter_color, encode_filter_oct, encode_vertex_buffer};
use serde_json::{Value as Json, json};

fn read(bytes: &[u8]) -> TileContent {
    match decode(bytes, "https://h/t/tile.glb", &What::Content) {
        Ok(Decoded::Content(content)) => content,
        other => panic!("{other:?}"),
    }
}

fn refused(bytes: &[u8], limits: Limits) -> Problem {
    let resources = Resources { limits, settle: true, ..Resources::default() };
    decode_with(bytes, "tile.glb", &What::Content, &resources).expect_err("a problem")
}

fn floats(content: &TileContent, primitive: &Primitive) -> Vec<f32> {
    let positions = primitive.positions;
    (0..primitive.vertex_count as usize)
        .flat_map(|i| &content.vertices[positions.offset as usize + i * positions.stride as usize..][..12])
        .copied()
        .collect::<Vec<u8>>()
        .chunks(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

/// A 2 × 2 image: rows (1, 2), (3, 4) in red, ten times that in green, 255 in blue.
fn image_2x2() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 2);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[1, 10, 255, 2, 20, 255, 3, 30, 255, 4, 40, 255]).unwrap();
    writer.finish().unwrap();
    bytes
}

/// A triangle with texture coordinates at the centres of three of the four texels.
fn textured(material: &Json, primitive: &Json, extensions: &Json) -> Vec<u8> {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let uv = glb.view(&bytes_of(&[0.25f32, 0.25, 0.75, 0.25, 0.25, 0.75], f32::to_le_bytes));
    let uv = glb.accessor(uv, 5126, "VEC2", 3, false);
    let image = glb.view(&image_2x2());
    let mut primitive = primitive.clone();
    primitive["attributes"] = json!({ "POSITION": position, "TEXCOORD_1": uv });
    primitive["material"] = 0.into();
    let mut json = one_mesh(&primitive, &json!({}));
    json["images"] = json!([{ "bufferView": image, "mimeType": "image/png" }]);
    json["samplers"] = json!([{ "wrapS": 33071, "wrapT": 10497, "magFilter": 9728, "minFilter": 9728 }]);
    json["textures"] = json!([{ "source": 0, "sampler": 0 }]);
    json["materials"] = json!([material]);
    json["extensions"] = extensions.clone();
    glb.finish(json)
}

#[test]
fn a_material_keeps_its_texture_as_it_was_stored() {
    let material = json!({
        "alphaMode": "MASK", "alphaCutoff": 0.25, "doubleSided": true,
        "extensions": { "KHR_materials_unlit": {} },
        "pbrMetallicRoughness": { "baseColorFactor": [1, 0.5, 1, 1], "baseColorTexture": {
            "index": 0, "texCoord": 0,
            "extensions": { "KHR_texture_transform": { "texCoord": 1, "offset": [0.5, 0], "scale": [2, 1] } },
        }},
    });
    let content = read(&textured(&material, &json!({}), &Json::Null));
    assert_eq!(content.problems, []);
    let primitive = &content.primitives[0];
    let texture = TextureRef { texture: 0, texcoords: 1, transform: [2.0, 0.0, 0.5, 0.0, 1.0, 0.0] };
    assert_eq!(primitive.base_color_texture, Some(texture));
    assert_eq!((primitive.alpha, primitive.unlit, primitive.double_sided), (Alpha::Mask(0.25), true, true));
    let [(1, uv)] = primitive.texcoords[..] else { panic!("{:?}", primitive.texcoords) };
    assert_eq!((uv.components, uv.uv(&content.vertices, 1)), (2, [0.75, 0.25]));
    let sampler = content.textures[0].sampler;
    assert_eq!((sampler.wrap, sampler.magnify, sampler.mipmap), ([Wrap::Clamp, Wrap::Repeat], Filter::Nearest, None));
    let image = &content.images[content.textures[0].image as usize];
    assert_eq!((image.format, image.format.mime()), (ImageFormat::Png, Some("image/png")));
    assert_eq!((image.width, image.height), (2, 2));
    let (start, end) = image.levels[0];
    assert_eq!(content.image_bytes[start as usize..end as usize], image_2x2());
    // Four pixels of four bytes, and a third for mipmaps.
    let arrays = (content.vertices.len() + content.indices.len()) as u64;
    assert_eq!(content.info().gpu_bytes, arrays + 21);
}

#[test]
fn a_bad_texture_leaves_the_plain_material() {
    let of =
        |info: &Json| json!({ "pbrMetallicRoughness": { "baseColorFactor": [0, 0, 1, 1], "baseColorTexture": info }});
    for (info, word) in [
        (json!({ "index": 7 }), "texture 7"),
        (json!({ "index": 0, "texCoord": 5 }), "TEXCOORD_5"),
        (json!({}), "without an index"),
    ] {
        let content = read(&textured(&of(&info), &json!({}), &Json::Null));
        let primitive = &content.primitives[0];
        assert_eq!((primitive.base_color_texture, primitive.base_color[2]), (None, 1.0));
        assert!(content.problems[0].message.contains(word), "{:?}", content.problems);
    }
}

#[test]
fn ids_in_textures_are_read_by_their_channels() {
    let ids = json!({ "extensions": { "EXT_mesh_features": { "featureIds": [
        { "featureCount": 4, "label": "part", "nullFeatureId": 9, "propertyTable": 0,
          "texture": { "index": 0, "texCoord": 1, "channels": [0, 1] } },
        { "featureCount": 3, "label": "corner" },
    ]}}});
    let content = read(&textured(&json!({}), &ids, &Json::Null));
    let [part, corner] = &content.primitives[0].feature_sets[..] else { panic!() };
    assert_eq!((part.label.as_deref(), part.feature_count, part.null_id), (Some("part"), 4, Some(9)));
    assert_eq!(corner.ids, FeatureIds::Implicit);
    let FeatureIds::Texture { texture, .. } = &part.ids else { panic!() };
    let sampler = content.textures[texture.texture as usize].sampler;
    let pixels = content.pixels(0, &Limits::default()).unwrap();
    let uv = content.primitives[0].texcoords[0].1;
    let id = |vertex| {
        part.ids.of_texel(pixels.texel(&sampler, texture.transformed(uv.uv(&content.vertices, vertex)))).unwrap()
    };
    assert_eq!([id(0), id(1), id(2)], [1 + 256 * 10, 2 + 256 * 20, 3 + 256 * 30]);
    // The ids per vertex are those of the second set, since those in a texture are not per vertex.
    assert_eq!(content.info().features, 3);
}

fn schema() -> Json {
    json!({
        "id": "s",
        "enums": { "use": { "values": [{ "name": "home", "value": 3 }, { "name": "shop", "value": 4 }] } },
        "classes": { "thing": { "properties": {
            "heat": { "type": "SCALAR", "componentType": "UINT8", "normalized": true, "scale": 100, "offset": -20,
                      "semantic": "TEMPERATURE", "noData": 2, "default": 7 },
            "pair": { "type": "VEC2", "componentType": "UINT8" },
            "wide": { "type": "SCALAR", "componentType": "UINT16" },
            "list": { "type": "SCALAR", "componentType": "UINT8", "array": true, "count": 2, "scale": [1, 10] },
            "use": { "type": "ENUM", "enumType": "use" },
            "must": { "type": "SCALAR", "componentType": "UINT8", "required": true },
        }}},
    })
}

#[test]
fn property_textures_say_what_each_texel_means() {
    let mut schema = schema();
    schema["enums"]["use"]["valueType"] = "UINT8".into();
    let extensions = json!({ "EXT_structural_metadata": { "schema": schema, "propertyTextures": [{
        "class": "thing", "name": "walls", "properties": {
            "heat": { "index": 0, "texCoord": 1 },
            "pair": { "index": 0, "texCoord": 1, "channels": [0, 1] },
            "wide": { "index": 0, "texCoord": 1, "channels": [0, 1] },
            "list": { "index": 0, "texCoord": 1, "channels": [1, 0] },
            "use": { "index": 0, "texCoord": 1 },
            "must": { "index": 0, "texCoord": 1, "channels": [0, 1] },
            "none": { "index": 0 },
        },
    }]}});
    let primitive = json!({ "extensions": { "EXT_structural_metadata": { "propertyTextures": [0, 5] } } });
    let content = read(&textured(&json!({}), &primitive, &extensions));
    assert_eq!(content.primitives[0].property_textures, [0]);
    let texture = &content.property_textures[0];
    assert_eq!((texture.class.as_str(), texture.name.as_deref()), ("thing", Some("walls")));
    let pixels = content.pixels(0, &Limits::default()).unwrap();
    let row = |uv| -> Vec<(&str, Option<Value>)> {
        let value = |(shape, place, channels): &(citytwin_tiles::PropertyShape, TextureRef, Vec<u8>)| {
            let texel = pixels.texel(&content.textures[place.texture as usize].sampler, uv);
            shape.value(&channels.iter().map(|c| texel[usize::from(*c)]).collect::<Vec<u8>>())
        };
        texture.properties.iter().map(|p| (p.0.id.as_str(), value(p))).collect()
    };
    let text = |text: &str| Some(Value::Text(text.into()));
    let number = |v: f64| Some(Value::Number(v));
    let found = row([0.25, 0.75]);
    assert_eq!(found[0], ("heat", number(3.0 / 255.0 * 100.0 - 20.0)));
    assert_eq!(found[1], ("list", text("[30,30]")));
    assert_eq!(found[2], ("pair", text("[3,30]")));
    assert_eq!(found[3], ("use", text("home")));
    assert_eq!(found[4], ("wide", number(3.0 + 30.0 * 256.0)));
    assert_eq!(row([0.75, 0.25])[0], ("heat", number(7.0)), "no data: the default");
    let told: Vec<&str> = content.problems.iter().map(|p| p.place.rsplit('.').next().unwrap()).collect();
    assert_eq!(told, ["none", "must"], "{:?}", content.problems);
}

#[test]
fn property_attributes_give_each_vertex_its_properties() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    // A row of four bytes per column: matrices are padded.
    let matrices = glb.view(&(0..24).collect::<Vec<u8>>());
    let matrices = glb.accessor(matrices, 5121, "MAT2", 3, false);
    let levels = glb.view(&[1, 0, 2, 0, 3, 0]);
    let levels = glb.accessor(levels, 5123, "SCALAR", 3, false);
    let primitive = json!({ "mode": 0,
        "attributes": { "POSITION": position, "_M": matrices, "_L": levels },
        "extensions": { "EXT_structural_metadata": { "propertyAttributes": [0] } } });
    let mut json = one_mesh(&primitive, &json!({}));
    json["extensions"]["EXT_structural_metadata"] = json!({
        "schema": { "classes": { "c": { "properties": {
            "m": { "type": "MAT2", "componentType": "UINT8" },
            "l": { "type": "SCALAR", "componentType": "UINT16" },
        }}}},
        "propertyAttributes": [{ "class": "c", "properties": {
            "m": { "attribute": "_M" }, "l": { "attribute": "_L", "scale": 2, "offset": 1 },
        }}],
    });
    let content = read(&glb.finish(json));
    assert_eq!(content.problems, []);
    let primitive = &content.primitives[0];
    assert_eq!(primitive.property_attributes, [0]);
    let value = |id: &str, vertex: usize| {
        let properties = &content.property_attributes[0].properties;
        let (shape, name) = properties.iter().find(|(shape, _)| shape.id == id).unwrap();
        let (_, attribute) = primitive.metadata_attributes.iter().find(|(n, _)| n == name).unwrap();
        let start = attribute.offset as usize + vertex * attribute.stride as usize;
        shape.value(&content.vertices[start..][..shape.size()])
    };
    assert_eq!(value("l", 2), Some(Value::Number(7.0)));
    assert_eq!(value("m", 1), Some(Value::Text("[8,9,12,13]".into())));
}

#[test]
fn arrays_and_vectors_have_no_data_scales_and_defaults_too() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let pairs = glb.view(&[1, 2, 255, 255, 3, 4]);
    let floats = glb.view(&bytes_of(&[0.1f32, 2.0, -0.5], f32::to_le_bytes));
    let lists = glb.view(&[9, 1, 2, 3]);
    let offsets = glb.view(&[0, 1, 1, 4]);
    let mut json = one_mesh(&json!({ "attributes": { "POSITION": position } }), &json!({}));
    json["extensions"]["EXT_structural_metadata"] = json!({
        "schema": { "classes": { "c": { "properties": {
            "pair": { "type": "VEC2", "componentType": "UINT8", "noData": [255, 255], "default": [0, 0],
                      "scale": [1, 2], "offset": [0, 1] },
            "float": { "type": "SCALAR", "componentType": "FLOAT32", "noData": 0.1 },
            "list": { "type": "SCALAR", "componentType": "UINT8", "array": true, "noData": [] },
            "must": { "type": "STRING", "required": true },
        }}}},
        "propertyTables": [{ "class": "c", "count": 3, "properties": {
            "pair": { "values": pairs, "scale": [10, 10] },
            "float": { "values": floats },
            "list": { "values": lists, "arrayOffsets": offsets, "arrayOffsetType": "UINT8" },
        }}],
    });
    let content = read(&glb.finish(json));
    assert_eq!(content.problems.len(), 1);
    assert!(content.problems[0].place.ends_with("c.must"), "{:?}", content.problems);
    let row = |i| content.tables[0].row(&content.property_bytes, i);
    let text = |id: &str, text: &str| (id.to_owned(), Value::Text(text.into()));
    let number = |id: &str, v: f64| (id.to_owned(), Value::Number(v));
    assert_eq!(row(0), [text("list", "[9]"), text("pair", "[10,21]")], "0.1 is unknown, as a 32-bit float");
    assert_eq!(row(1), [number("float", 2.0), text("pair", "[0,0]")], "an empty list is unknown here");
    assert_eq!(row(2), [number("float", -0.5), text("list", "[1,2,3]"), text("pair", "[30,41]")]);
}

/// A glTF with everything in other files.
fn scattered() -> Vec<u8> {
    json!({
        "asset": { "version": "2.0" },
        "buffers": [{ "uri": "data/a.bin", "byteLength": 60 }],
        "bufferViews": [{ "buffer": 0, "byteLength": 36 }, { "buffer": 0, "byteOffset": 36, "byteLength": 24 }],
        "accessors": [
            { "bufferView": 0, "componentType": 5126, "type": "VEC3", "count": 3 },
            { "bufferView": 1, "componentType": 5126, "type": "VEC2", "count": 3 },
        ],
        "images": [{ "uri": "../a%20b.png" }, { "uri": "unused.png" }],
        "textures": [{ "source": 0 }, { "source": 1 }],
        "materials": [{ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 } } }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0, "TEXCOORD_0": 1 }, "material": 0 }] }],
        "nodes": [{ "mesh": 0 }],
        "extensions": { "EXT_structural_metadata": {
            "schemaUri": "schema.json",
            "propertyTables": [{ "class": "thing", "count": 1, "properties": {} }],
        }},
    })
    .to_string()
    .into_bytes()
}

#[test]
fn secondary_files_are_asked_for_at_once_and_missing_ones_cost_only_their_part() {
    let bytes = scattered();
    let url = "https://h/t/tile.gltf";
    let mut resources = Resources::default();
    let needs = decode_with(&bytes, url, &What::Content, &resources).unwrap();
    let urls = ["https://h/a%20b.png", "https://h/t/data/a.bin", "https://h/t/schema.json"].map(str::to_owned);
    assert_eq!(needs, Decoded::Needs { urls: urls.to_vec() });
    let schema = schema().to_string().into_bytes();
    let mut fetch = |url: &str| match url.rsplit('/').next().unwrap() {
        "a.bin" => Some(bytes_of(&[0f32, 0., 0., 1., 0., 0., 0., 1., 0., 0., 0., 1., 0., 0., 1.], f32::to_le_bytes)),
        "schema.json" => Some(schema.clone()),
        _ => None,
    };
    let Ok(Decoded::Content(content)) = decode_fetching(&bytes, url, &What::Content, &mut resources, &mut fetch) else {
        panic!("a content")
    };
    assert_eq!(content.info().triangles, 1);
    assert_eq!(content.tables[0].row(&content.property_bytes, 0), [("heat".to_owned(), Value::Number(7.0))]);
    let [image, required] = &content.problems[..] else { panic!("{:?}", content.problems) };
    assert!(image.message.contains("cannot be had") || required.message.contains("cannot be had"));
    // Without anybody to fetch, the buffer is missing, and so is everything.
    let problem = decode(&bytes, url, &What::Content).unwrap_err();
    assert!(problem.message.contains("file of its own"), "{problem}");
}

#[test]
fn no_file_makes_a_caller_fetch_without_end() {
    let mut json: Json = serde_json::from_slice(&scattered()).unwrap();
    let buffers: Vec<Json> = (0..100).map(|i| json!({ "uri": format!("{i}.bin"), "byteLength": 60 })).collect();
    json["buffers"] = buffers.into();
    let resources = Resources { limits: Limits { files: 10, ..Limits::default() }, ..Resources::default() };
    let needs = decode_with(json.to_string().as_bytes(), "t.gltf", &What::Content, &resources).unwrap();
    assert!(matches!(needs, Decoded::Needs { urls } if urls.len() == 10));
}

#[test]
fn what_nobody_understands_is_refused_by_name() {
    let json =
        json!({ "asset": { "version": "2.0" }, "extensionsRequired": ["ACME_fog", "KHR_texture_basisu", "ACME_rain"] });
    let problem = refused(json.to_string().as_bytes(), Limits::default());
    assert_eq!(
        (problem.code.as_str(), problem.message.as_str()),
        ("content-unsupported", "glTF that requires ACME_fog, ACME_rain")
    );
    let first = refused(b"glTF\x01\0\0\0\x14\0\0\0\0\0\0\0\0\0\0\0", Limits::default());
    assert!(first.message.contains("binary glTF 1.0"), "{first}");
}

#[test]
fn every_limit_refuses_what_is_over_it() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 300);
    let glb = glb.finish(one_mesh(&json!({ "attributes": { "POSITION": position } }), &json!({})));
    let over = |limits: Limits| {
        let problem = refused(&glb, limits);
        assert_eq!(problem.code, "content-too-large", "{problem}");
    };
    over(Limits { vertices: 299, ..Limits::default() });
    over(Limits { decoded_bytes: 3599, ..Limits::default() });
    over(Limits { primitives: 0, ..Limits::default() });
    let textured = textured(
        &json!({ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0, "texCoord": 1 } } }),
        &json!({}),
        &Json::Null,
    );
    let limits = Limits { image_pixels: 3, ..Limits::default() };
    let resources = Resources { limits, settle: true, ..Resources::default() };
    let Ok(Decoded::Content(content)) = decode_with(&textured, "t", &What::Content, &resources) else { panic!() };
    assert_eq!((content.images.len(), content.problems[0].code.as_str()), (0, "content-too-large"));
}

/// A grid of 2·side² triangles in Draco, with a colour and an id per vertex.
fn draco_grid(side: usize, speed: i32, sequential: bool) -> (Vec<u8>, Vec<f32>) {
    let width = side + 1;
    let count = width * width;
    let mut mesh = Mesh::new();
    mesh.set_num_points(count);
    let positions: Vec<f32> =
        (0..count).flat_map(|i| [(i % width) as f32, (i / width) as f32, (i % 7) as f32]).collect();
    let mut add = |kind, components: u8, data: DataType, normalized: bool, bytes: &[u8]| {
        let mut attribute = PointAttribute::new();
        attribute.init(kind, components, data, normalized, count);
        attribute.buffer_mut().write(0, bytes);
        mesh.add_attribute(attribute);
    };
    add(GeometryAttributeType::Position, 3, DataType::Float32, false, &bytes_of(&positions, f32::to_le_bytes));
    let colors: Vec<u8> = (0..count).flat_map(|i| [i as u8, 0, 200]).collect();
    add(GeometryAttributeType::Color, 3, DataType::Uint8, true, &colors);
    let ids: Vec<u16> = (0..count).map(|i| (i / width) as u16).collect();
    add(GeometryAttributeType::Generic, 1, DataType::Uint16, false, &bytes_of(&ids, u16::to_le_bytes));
    mesh.set_num_faces(side * side * 2);
    for (i, (x, y)) in (0..side * side).map(|i| (i % side, i / side)).enumerate() {
        let at = |dx: usize, dy: usize| PointIndex(((y + dy) * width + x + dx) as u32);
        mesh.set_face(FaceIndex(i as u32 * 2), [at(0, 0), at(1, 0), at(0, 1)]);
        mesh.set_face(FaceIndex(i as u32 * 2 + 1), [at(1, 0), at(1, 1), at(0, 1)]);
    }
    let mut options = EncoderOptions::new();
    options.set_global_int("encoding_speed", speed);
    options.set_global_int("decoding_speed", speed);
    if sequential {
        options.set_encoding_method(0);
    }
    let mut encoder = MeshEncoder::new();
    encoder.set_mesh(mesh);
    let mut out = EncoderBuffer::new();
    encoder.encode(&options, &mut out).unwrap();
    (out.data().to_vec(), positions)
}

fn in_draco(stream: &[u8], count: usize) -> Vec<u8> {
    let mut glb = Glb::default();
    let view = glb.view(stream);
    for (component, kind, normalized) in [(5126, "VEC3", false), (5121, "VEC3", true), (5123, "SCALAR", false)] {
        glb.accessors
            .push(json!({ "componentType": component, "type": kind, "count": count, "normalized": normalized }));
    }
    glb.accessors.push(json!({ "componentType": 5123, "type": "SCALAR", "count": 6 }));
    let primitive = json!({
        "attributes": { "POSITION": 0, "COLOR_0": 1, "_FEATURE_ID_0": 2 }, "indices": 3,
        "extensions": {
            "KHR_draco_mesh_compression": { "bufferView": view,
                "attributes": { "POSITION": 0, "COLOR_0": 1, "_FEATURE_ID_0": 2 } },
            "EXT_mesh_features": { "featureIds": [{ "featureCount": 1, "attribute": 0 }] },
        },
    });
    glb.finish(one_mesh(&primitive, &json!({})))
}

#[test]
fn draco_gives_back_what_went_in() {
    for (speed, sequential) in [(0, false), (5, false), (10, true)] {
        let (stream, positions) = draco_grid(8, speed, sequential);
        let content = read(&in_draco(&stream, 81));
        assert_eq!(content.problems, []);
        let primitive = &content.primitives[0];
        let info = content.info();
        assert_eq!((primitive.vertex_count, info.triangles, info.features), (81, 128, 9), "speed {speed}");
        assert_eq!(primitive.colors.map(|c| (c.components, c.normalized)), Some((4, true)));
        // Draco orders points as it likes.
        let mut found: Vec<Vec<i64>> = floats(&content, primitive).chunks(3).map(rounded).collect();
        let mut expected: Vec<Vec<i64>> = positions.chunks(3).map(rounded).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "speed {speed}");
    }
}

fn rounded(p: &[f32]) -> Vec<i64> {
    p.iter().map(|v| (v * 4.0).round() as i64).collect()
}

#[test]
fn no_damage_to_a_draco_stream_does_harm() {
    for (speed, sequential) in [(0, false), (5, false), (10, true)] {
        let (stream, _) = draco_grid(6, speed, sequential);
        let survives = |stream: &[u8]| {
            let limits = Limits { vertices: 1 << 16, decoded_bytes: 16 << 20, ..Limits::default() };
            let resources = Resources { limits, settle: true, ..Resources::default() };
            if let Ok(Decoded::Content(content)) = decode_with(&in_draco(stream, 49), "t", &What::Content, &resources) {
                assert!(content.vertices.len() + content.indices.len() <= 16 << 20);
            }
        };
        (0..stream.len()).for_each(|len| survives(&stream[..len]));
        for i in 0..stream.len() {
            for flip in [0x01, 0x10, 0x80, 0xff] {
                let mut damaged = stream.clone();
                damaged[i] ^= flip;
                survives(&damaged);
            }
        }
        let problem = refused(&in_draco(&stream, 49), Limits { vertices: 48, ..Limits::default() });
        assert_eq!(problem.code, "content-too-large", "{problem}");
    }
}

#[test]
fn meshopt_has_its_second_version_and_its_colour_filter_in_the_khronos_extension() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let workspace = &mut Workspace::default();
    let colors = [1.0f32, 0.5, 0.25, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0];
    let filtered = encode_filter_color(3, 4, 8, &colors, workspace).unwrap();
    let packed = encode_vertex_buffer(&filtered, 3, 4, VertexEncoding::new(1, 2).unwrap(), workspace).unwrap();
    let view = glb.meshopt(&packed, "ATTRIBUTES", "COLOR", 3, 4);
    let extensions = glb.views[view]["extensions"].take();
    glb.views[view]["extensions"] = json!({ "KHR_meshopt_compression": extensions["EXT_meshopt_compression"] });
    let color = glb.accessor(view, 5121, "VEC4", 3, true);
    let content =
        read(&glb.finish(one_mesh(&json!({ "attributes": { "POSITION": position, "COLOR_0": color } }), &json!({}))));
    assert_eq!(content.problems, []);
    let start = content.primitives[0].colors.unwrap().offset as usize;
    for (found, expected) in content.vertices[start..start + 12].iter().zip(colors) {
        assert!((f32::from(*found) / 255.0 - expected).abs() < 0.02, "{found} is not {expected}");
    }
}

#[test]
fn octahedral_filters_are_undone() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let normals = [0.0f32, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, -0.6, 0.0, -0.8, 0.0];
    let filtered = encode_filter_oct(3, 4, 8, &normals, &mut Workspace::default()).unwrap();
    let view = glb.vertices(&filtered, 4, "OCTAHEDRAL");
    let normal = glb.accessor(view, 5120, "VEC3", 3, true);
    let content =
        read(&glb.finish(one_mesh(&json!({ "attributes": { "POSITION": position, "NORMAL": normal } }), &json!({}))));
    let start = content.primitives[0].normals.unwrap().offset as usize;
    for (i, expected) in normals.iter().enumerate().filter(|(i, _)| i % 4 < 3) {
        let found = f32::from(content.vertices[start + i] as i8) / 127.0;
        assert!((found - expected).abs() < 0.02, "{found} is not {expected}");
    }
}

#[test]
fn a_restart_in_a_strip_begins_another() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 6);
    let indices = glb.view(&[0, 1, 2, 255, 3, 4, 5, 0]);
    let indices = glb.accessor(indices, 5121, "SCALAR", 7, false);
    for (mode, expected) in [(5, (2, 0)), (6, (2, 0)), (3, (0, 4)), (2, (0, 6))] {
        let glb = Glb { bin: glb.bin.clone(), views: glb.views.clone(), accessors: glb.accessors.clone() };
        let primitive = json!({ "mode": mode, "indices": indices, "attributes": { "POSITION": position } });
        let info = read(&glb.finish(one_mesh(&primitive, &json!({})))).info();
        assert_eq!((info.triangles, info.lines), expected, "mode {mode}");
    }
}

#[test]
fn nodes_that_share_a_mesh_share_its_arrays() {
    let mut glb = Glb::default();
    let position = triangle(&mut glb, 3);
    let mut json = one_mesh(&json!({ "attributes": { "POSITION": position } }), &json!({}));
    json["nodes"] = json!([{ "mesh": 0 }, { "mesh": 0, "translation": [5, 0, 0] }]);
    let content = read(&glb.finish(json));
    assert_eq!((content.primitives.len(), content.vertices.len()), (2, 36));
    assert_eq!(content.info().bounds, Some([[0.0, 0.0, 0.0], [7.0, 0.0, 1.0]]));
}

/// The KTX2 tile of the shared data; `None`, and said so, when it is not there.
fn ktx2_tile() -> Option<Vec<u8>> {
    let path = "../../../shared/data/tiles/spec-tilesets/CesiumJS/VNext/agi-ktx2/0/0.glb";
    let bytes = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok();
    if bytes.is_none() {
        eprintln!("skipped: ../shared/data/tiles is not there");
    }
    bytes
}

fn with_formats(bytes: &[u8], formats: &[ImageFormat]) -> TileContent {
    let resources = Resources { gpu_formats: formats.to_vec(), ..Resources::default() };
    match decode_with(bytes, "t", &What::Content, &resources) {
        Ok(Decoded::Content(content)) => content,
        other => panic!("{other:?}"),
    }
}

#[test]
fn basis_textures_become_what_the_gpu_takes() {
    use ImageFormat::{Astc4x4, Bc1, Bc7, Etc2Rgb, Etc2Rgba, Rgba8};
    let Some(bytes) = ktx2_tile() else { return };
    for (formats, usable) in [
        (&[][..], &[Rgba8][..]),
        (&[Astc4x4], &[Astc4x4]),
        (&[Bc7, Bc1], &[Bc7]),
        (&[Etc2Rgb, Etc2Rgba], &[Etc2Rgb, Etc2Rgba]),
    ] {
        let content = with_formats(&bytes, formats);
        assert_eq!(content.problems, []);
        let image = &content.images[0];
        assert!(usable.contains(&image.format), "{:?} of {formats:?}", image.format);
        let blocks = |level: u32| {
            u64::from((image.width >> level).max(1).div_ceil(4) * (image.height >> level).max(1).div_ceil(4))
        };
        for (level, (start, end)) in image.levels.iter().enumerate() {
            let expected = match image.format {
                Rgba8 => u64::from((image.width >> level).max(1)) * u64::from((image.height >> level).max(1)) * 4,
                Etc2Rgb | Bc1 => blocks(level as u32) * 8,
                _ => blocks(level as u32) * 16,
            };
            assert_eq!(u64::from(end - start), expected, "level {level} of {:?}", image.format);
        }
    }
    let content = with_formats(&bytes, &[]);
    let pixels = content.pixels(0, &Limits::default()).unwrap();
    let mean = pixels.rgba.iter().step_by(4).map(|v| u64::from(*v)).sum::<u64>() / (pixels.rgba.len() as u64 / 4);
    assert!((20..235).contains(&mean), "a picture, not a plain area: {mean}");
}

#[test]
fn no_damage_to_a_ktx2_file_does_harm() {
    let Some(bytes) = ktx2_tile() else { return };
    let (json, bin) = unpack(&bytes);
    let view = &json["bufferViews"][3];
    let start = view["byteOffset"].as_u64().unwrap() as usize;
    let len = view["byteLength"].as_u64().unwrap() as usize;
    // Only the texture, on one triangle, so that thousands of tries stay fast.
    let of = |file: &[u8]| {
        let mut glb = Glb::default();
        let position = triangle(&mut glb, 3);
        let uv = glb.view(&[0; 24]);
        let uv = glb.accessor(uv, 5126, "VEC2", 3, false);
        let view = glb.view(file);
        let primitive = json!({ "attributes": { "POSITION": position, "TEXCOORD_0": uv }, "material": 0 });
        let mut json = one_mesh(&primitive, &json!({}));
        json["materials"] = json!([{ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 } } }]);
        json["textures"] = json!([{ "extensions": { "KHR_texture_basisu": { "source": 0 } } }]);
        json["images"] = json!([{ "bufferView": view }]);
        glb.finish(json)
    };
    let file = &bin[start..start + len];
    // Little room: what a damaged header only claims must not be allocated, nor take long.
    let limits = Limits { decoded_bytes: 4 << 20, image_pixels: 1 << 16, ..Limits::default() };
    let resources = Resources { limits, settle: true, gpu_formats: vec![ImageFormat::Etc2Rgb], ..Resources::default() };
    let survives = |file: &[u8]| {
        let _ = decode_with(&of(file), "t", &What::Content, &resources);
    };
    // Sizes are part of the header: make it small, so that damage behind the header is met at all.
    let mut small = file.to_vec();
    small[20..24].copy_from_slice(&64u32.to_le_bytes());
    small[24..28].copy_from_slice(&64u32.to_le_bytes());
    for i in (0..256).chain((256..small.len()).step_by(997)) {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = small.clone();
            damaged[i] ^= flip;
            survives(&damaged);
        }
    }
    for len in (0..512).chain((512..small.len()).step_by(4999)) {
        survives(&small[..len]);
    }
}

#[test]
fn no_damage_to_an_image_does_harm() {
    let whole = textured(
        &json!({ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0, "texCoord": 1 } } }),
        &json!({}),
        &Json::Null,
    );
    let (json, bin) = unpack(&whole);
    let start = json["bufferViews"][2]["byteOffset"].as_u64().unwrap() as usize;
    for i in start..bin.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bin.clone();
            damaged[i] ^= flip;
            let content = read(&pack(&json, &damaged));
            let limits = Limits { image_pixels: 1 << 16, ..Limits::default() };
            if !content.images.is_empty() {
                let _ = content.pixels(0, &limits);
            }
        }
    }
}
