//! The engine gives the same values in a browser as natively. Each test runs in both: natively it pins the value,
//! in the browser it compares with it.
#![allow(missing_docs)]

use citytwin_geo::LookAt;
use citytwin_tiles::{Decoded, TileContent, What, decode, wire};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// A glb of a grid of 8 × 8 squares, with heights, feature ids and a table of properties.
fn grid_glb() -> Vec<u8> {
    const SIDE: u16 = 9;
    let mut bin = Vec::new();
    let mut views = Vec::new();
    let mut view = |bin: &mut Vec<u8>, bytes: &[u8]| {
        views.push(serde_json::json!({ "buffer": 0, "byteOffset": bin.len(), "byteLength": bytes.len() }));
        bin.extend_from_slice(bytes);
        bin.resize(bin.len().next_multiple_of(8), 0);
    };
    let corners = || (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
    let positions: Vec<u8> = corners()
        .flat_map(|(x, y)| [f32::from(x) * 1.5, f32::from(x * y) / 7.0, f32::from(y) * -1.5])
        .flat_map(f32::to_le_bytes)
        .collect();
    let features: Vec<u8> = corners().flat_map(|(x, y)| f32::from((x + y) % 3).to_le_bytes()).collect();
    let squares = (0..SIDE - 1).flat_map(|y| (0..SIDE - 1).map(move |x| y * SIDE + x));
    let indices: Vec<u8> =
        squares.flat_map(|a| [a, a + 1, a + SIDE, a + SIDE, a + 1, a + SIDE + 1]).flat_map(u16::to_le_bytes).collect();
    view(&mut bin, &positions);
    view(&mut bin, &features);
    view(&mut bin, &indices);
    view(&mut bin, "Kämp中Å".as_bytes());
    view(&mut bin, &[0_u32, 5, 8, 10].map(u32::to_le_bytes).concat());
    let count = u32::from(SIDE) * u32::from(SIDE);
    let json = serde_json::json!({
        "asset": { "version": "2.0" },
        "extensionsUsed": ["EXT_mesh_features", "EXT_structural_metadata"],
        "scene": 0, "scenes": [{ "nodes": [0] }], "nodes": [{ "mesh": 0, "translation": [10.0, 0.25, -3.0] }],
        "meshes": [{ "primitives": [{
            "attributes": { "POSITION": 0, "_FEATURE_ID_0": 1 }, "indices": 2,
            "extensions": { "EXT_mesh_features":
                { "featureIds": [{ "featureCount": 3, "attribute": 0, "propertyTable": 0 }] } } }] }],
        "accessors": [
            { "bufferView": 0, "componentType": 5126, "count": count, "type": "VEC3",
              "min": [0.0, 0.0, -12.0], "max": [12.0, 64.0 / 7.0, 0.0] },
            { "bufferView": 1, "componentType": 5126, "count": count, "type": "SCALAR" },
            { "bufferView": 2, "componentType": 5123, "count": 6 * 64, "type": "SCALAR" }],
        "extensions": { "EXT_structural_metadata": {
            "schema": { "id": "s", "classes": { "thing": { "properties": { "name": { "type": "STRING" } } } } },
            "propertyTables": [{ "class": "thing", "count": 3,
                "properties": { "name": { "values": 3, "stringOffsets": 4 } } }] } },
        "bufferViews": views, "buffers": [{ "byteLength": bin.len() }],
    });
    let mut json = json.to_string().into_bytes();
    json.resize(json.len().next_multiple_of(4), b' ');
    let mut glb = b"glTF\x02\0\0\0".to_vec();
    glb.extend((28 + json.len() as u32 + bin.len() as u32).to_le_bytes());
    glb.extend((json.len() as u32).to_le_bytes());
    glb.extend(b"JSON");
    glb.extend(json);
    glb.extend((bin.len() as u32).to_le_bytes());
    glb.extend(b"BIN\0");
    glb.extend(bin);
    glb
}

/// FNV-1a.
fn hash(pieces: &[&[u8]]) -> u64 {
    let bytes = pieces.iter().flat_map(|piece| piece.iter());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn a_glb_becomes_the_same_bytes() {
    let Ok(Decoded::Content(content)) = decode(&grid_glb(), "grid.glb", &What::Content) else {
        panic!("the grid is a good glb");
    };
    let info = content.info();
    assert_eq!((info.triangles, info.features, info.problems.len()), (128, 3, 0), "{info:?}");
    let header = wire::to_bytes(&content);
    let again: TileContent = wire::from_bytes(&header).expect("the header that was written");
    assert_eq!((&again.primitives, &again.tables), (&content.primitives, &content.tables), "over the worker's border");
    let arrays = hash(&[&content.vertices, &content.indices, &content.property_bytes]);
    assert_eq!(arrays, 0x6866_962f_4ce5_9f7b, "the arrays differ from the native ones: {arrays:#x}");
    let names: Vec<_> =
        (0..3).map(|row| format!("{:?}", content.tables[0].row(&content.property_bytes, row))).collect();
    assert!(names[0].contains("Kämp") && names[1].contains('中') && names[2].contains('Å'), "{names:?}");
}

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn a_glb_cut_off_anywhere_is_a_problem_and_no_panic() {
    let glb = grid_glb();
    for end in 0..glb.len() {
        assert!(decode(&glb[..end], "cut.glb", &What::Content).is_err(), "cut at {end} of {}", glb.len());
    }
}

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn the_eye_of_a_view_is_in_the_same_place_to_a_micrometre() {
    let view =
        LookAt { lon: 24.945, lat: 60.17, height_m: 20.0, distance_m: 1500.0, heading_deg: 33.0, pitch_deg: -35.0 };
    let (eye, direction, _) = view.eye_direction_up_ecef();
    for (found, expected) in
        eye.to_array().into_iter().zip([2_885_460.976_981_843, 1_341_403.867_142_931_8, 5_510_174.074_974_797])
    {
        assert!((found - expected).abs() < 1e-6, "{eye:?}");
    }
    assert!((direction.length() - 1.0).abs() < 1e-12, "{direction:?}");
}
