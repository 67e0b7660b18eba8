use super::*;
use crate::{
    Alpha, Attribute, Availability, Column, ColumnKind, DocTile, FeatureIds, FeatureSet, Hierarchy, Image, ImageFormat,
    IndexRange, Instances, Number, Primitive, Problem, PropertyTable, Refine, Sampler, SubtreeDoc, TerrainDoc,
    TerrainFormat, TerrainGrid, TerrainPlace, TerrainTile, Texture, TextureRef, TileContent, TilesetDoc, UpAxis, Value,
    Volume, What,
};

fn column(id: &str, kind: ColumnKind, no_data: Option<Value>) -> Column {
    Column {
        id: id.into(),
        kind,
        values: (8, 300),
        string_offsets: (0, 0),
        no_data,
        default: Some(Value::Boolean(true)),
    }
}

fn content() -> TileContent {
    let ids = Attribute { offset: 70_000, stride: 12, components: 3, normalized: true, ..Attribute::default() };
    let texture = TextureRef { texture: 1, texcoords: 2, transform: TextureRef::IDENTITY };
    let set =
        |ids| FeatureSet { ids, of_instances: true, label: None, feature_count: 9, null_id: Some(0), table: None };
    let primitive = Primitive {
        feature_sets: vec![
            set(FeatureIds::Attribute(ids)),
            set(FeatureIds::Implicit),
            set(FeatureIds::Texture { texture, channels: vec![0, 3] }),
        ],
        indices: Some(IndexRange { offset: 4, count: u32::MAX, wide: true }),
        alpha: Alpha::Mask(0.5),
        point_diameter_px: Some(2.5),
        flat_order: Some(3),
        instances: Some(Instances { count: 7, transforms: ids, feature_ids: None }),
        bounds: [[-1.5, 0.0, f64::MIN], [f64::MAX, 2.0, 3.0]],
        metadata_attributes: vec![("_INTENSITY".into(), ids)],
        ..Primitive::default()
    };
    let columns = vec![
        column("name", ColumnKind::String, Some(Value::Text("未知".into()))),
        column("height", ColumnKind::Scalar { number: Number::I16, scale: 0.1, offset: -3.0 }, None),
        column(
            "kind",
            ColumnKind::Enum { number: Number::U8, names: vec![(-1, "none".into()), (i64::MAX, "x".into())] },
            None,
        ),
    ];
    let hierarchy = Hierarchy { classes: vec!["roof".into()], lines: vec![vec![0], vec![]], line_of: vec![1, 0] };
    TileContent {
        primitives: vec![primitive, Primitive::default()],
        images: vec![Image { format: ImageFormat::Bc7, width: 4, height: 4, levels: vec![(0, 16)] }],
        textures: vec![Texture { image: 0, sampler: Sampler::default() }],
        tables: vec![PropertyTable { class: "house".into(), count: 2, columns, hierarchy: Some(hierarchy) }],
        problems: vec![Problem::new("code", "words", "place")],
        ..TileContent::default()
    }
}

fn tileset() -> TilesetDoc {
    let tile = DocTile {
        parent: None,
        volume: Volume::Region([0.1; 6]),
        content_volume: Some(Volume::S2 { cell: u64::MAX, heights_m: [0.0, 9.0] }),
        viewer_request_volume: Some(Volume::Sphere([1.0; 4])),
        geometric_error: 16.0,
        refine: Refine::Replace,
        tileset_from_tile: [0.5; 16],
        contents: vec!["http://h/a.glb".into()],
        implicit: None,
        details: Some(Box::default()),
    };
    TilesetDoc {
        gltf_up: Some(UpAxis::Z),
        tiles: vec![tile.clone(), DocTile { parent: Some(0), ..tile }],
        ..TilesetDoc::default()
    }
}

fn check<T: Wire + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = to_bytes(value);
    assert_eq!(from_bytes::<T>(&bytes).as_ref(), Ok(value));
    for end in 0..bytes.len() {
        assert_eq!(from_bytes::<T>(&bytes[..end]), Err(Garbled), "cut at {end} of {}", bytes.len());
    }
    assert_eq!(from_bytes::<T>(&[&bytes[..], &[0]].concat()), Err(Garbled), "something after the end");
    for at in 0..bytes.len() {
        for byte in [0, 0x7f, 0x80, 0xff] {
            let mut garbled = bytes.clone();
            garbled[at] = byte;
            // Whatever it is read as, it is no more than a few times what was written.
            if let Ok(value) = from_bytes::<T>(&garbled) {
                assert!(to_bytes(&value).len() <= bytes.len(), "byte {at} as {byte}");
            }
        }
    }
}

#[test]
fn what_was_written_is_read_and_nothing_else_is() {
    check(&content());
    check(&tileset());
    check(&content().info());
    check(&SubtreeDoc {
        tiles: Availability::Bits(vec![5, 255]),
        property_bytes: vec![1; 300],
        ..SubtreeDoc::default()
    });
    check(&What::Content);
    let place = TerrainPlace { grid: TerrainGrid::Mercator, level: 14, at: [9_300, 70] };
    check(&What::Terrain(TerrainTile { format: TerrainFormat::Terrarium, place, above: 2, offset_m: -17.5 }));
    check(&TerrainDoc {
        grid: TerrainGrid::Geographic,
        templates: vec!["https://h/{z}/{x}/{y}.terrain".into()],
        y_from_north: true,
        available: vec![vec![[0, 0, 1, 0]], vec![]],
        max_level: 14,
        attribution: Some("whose".into()),
    });
    check(&vec![0_u16, 1, 255, 256, u16::MAX]);
    check(&Result::<What, Problem>::Err(Problem::new("a", "b", "c")));
    check(&vec![i64::MIN, -1, 0, 1, i64::MAX]);
    check(&vec![0_u64, 127, 128, u64::MAX]);
    check(&(true, "å中".to_owned(), f32::MIN_POSITIVE));
}

#[test]
fn bulk_arrays_stay_behind() {
    let with_arrays = TileContent { vertices: vec![1], indices: vec![2], image_bytes: vec![3], ..content() };
    assert_eq!(from_bytes(&to_bytes(&with_arrays)), Ok(content()));
}

#[test]
fn a_claimed_length_is_not_believed() {
    for claim in [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0xff; 12], &[2, 0]] {
        assert_eq!(from_bytes::<Vec<u64>>(claim), Err(Garbled));
        assert_eq!(from_bytes::<Vec<u8>>(claim), Err(Garbled));
        assert_eq!(from_bytes::<String>(claim), Err(Garbled));
    }
    assert_eq!(from_bytes::<String>(&[2, 0xc3, 0x28]), Err(Garbled), "no UTF-8");
    assert_eq!(from_bytes::<u32>(&[0x80, 0x80, 0x80, 0x80, 0x10]), Err(Garbled), "more than 32 bits");
    assert_eq!(from_bytes::<What>(&[9]), Err(Garbled), "no such variant");
}
