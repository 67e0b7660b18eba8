//! Documents in, tilesets out: what the engine's own reader makes of them.

use citytwin_geojson::{Limits, Shape, Tileset, tileset};
use citytwin_tiles::{Decoded, Primitive, TileContent, Topology, Value as Cell, What, decode};
use serde_json::{Value, json};

fn made(document: &Value, shape: &Value) -> Tileset {
    let shape = Shape::parse(shape.to_string().as_bytes()).expect("a shape");
    tileset(document.to_string().as_bytes(), &shape, &Limits::default()).expect("a document")
}

/// The contents of all tiles, as the engine reads them.
fn contents(made: &Tileset) -> Vec<TileContent> {
    assert!(matches!(decode(&made.files[0].1, "tileset.json", &What::Json), Ok(Decoded::Tileset(_))));
    let content = |(path, bytes): &(String, Vec<u8>)| match decode(bytes, path, &What::Content) {
        Ok(Decoded::Content(content)) => {
            assert_eq!(content.problems, [], "{path}");
            content
        }
        other => panic!("{path} is no content: {other:?}"),
    };
    made.files[1..].iter().map(content).collect()
}

fn feature(kind: &str, coordinates: &Value, properties: &Value) -> Value {
    json!({ "type": "Feature", "properties": properties, "geometry": { "type": kind, "coordinates": coordinates } })
}

fn collection(features: &[Value]) -> Value {
    json!({ "type": "FeatureCollection", "features": features })
}

fn square(lon: f64, lat: f64) -> Value {
    let d = 0.001;
    json!([[[lon, lat], [lon + d, lat], [lon + d, lat + d], [lon, lat + d], [lon, lat]]])
}

#[test]
fn every_geometry_is_drawn_and_keeps_its_properties() {
    let at = json!([24.94, 60.17]);
    let line = json!([[24.94, 60.17], [24.95, 60.17], [24.95, 60.18]]);
    let document = collection(&[
        feature("Point", &at, &json!({ "id": "a", "name": "<b>Tori</b>" })),
        feature("MultiPoint", &json!([at, at]), &json!({ "id": 7 })),
        feature("LineString", &line, &json!({ "name": "路", "lanes": 2 })),
        feature("MultiLineString", &json!([line]), &Value::Null),
        feature("Polygon", &square(24.94, 60.17), &json!({ "open": true, "tags": ["x"] })),
        feature("MultiPolygon", &json!([square(24.94, 60.17)]), &json!({ "open": "no" })),
    ]);
    let made = made(&document, &json!({}));
    assert_eq!((made.shown, made.left_out, made.problems.as_slice()), (6, 0, [].as_slice()));
    assert_eq!(made.bbox, Some([24.94, 60.17, 24.95, 60.18]));
    let [content] = &contents(&made)[..] else { panic!("one tile") };
    let kinds: Vec<_> = content.primitives.iter().map(|p| (p.topology, p.flat_order)).collect();
    let flat = (Topology::Triangles, Some(200));
    assert_eq!(kinds, [flat, (Topology::Triangles, Some(201)), (Topology::Points, None)]);
    let row = |row| content.tables[0].row(&content.property_bytes, row);
    let text = |value: &str| Cell::Text(value.into());
    assert_eq!(row(0), [("id".to_owned(), text("a")), ("name".to_owned(), text("<b>Tori</b>"))]);
    assert_eq!(row(1), [("id".to_owned(), text("7"))]);
    assert_eq!(row(2), [("lanes".to_owned(), Cell::Number(2.0)), ("name".to_owned(), text("路"))]);
}

fn heights(primitive: &Primitive) -> [f64; 2] {
    [primitive.bounds[0][2], primitive.bounds[1][2]]
}

#[test]
fn what_is_extruded_stands_on_its_floor() {
    for (shape, ring, expected) in [
        (json!({ "extrudeM": 30 }), square(24.94, 60.17), [0.0, 30.0]),
        (json!({ "extrudeM": "${h}", "baseM": 5 }), square(24.94, 60.17), [5.0, 17.0]),
        (json!({ "extrudeM": 1 }), json!([[[24.94, 60.17, 8], [24.941, 60.17, 8], [24.941, 60.171, 9]]]), [8.0, 9.0]),
        (json!({}), json!([[[24.94, 60.17, 8], [24.941, 60.17, 8], [24.941, 60.171, 9]]]), [8.0, 9.0]),
        (json!({ "baseM": -3 }), square(24.94, 60.17), [-3.0, -3.0]),
    ] {
        let document = feature("Polygon", &ring, &json!({ "h": 12 }));
        let [content] = &contents(&made(&document, &shape))[..] else { panic!("one tile") };
        let [primitive] = &content.primitives[..] else { panic!("one primitive") };
        let found = heights(primitive);
        assert!(
            found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 0.01),
            "{shape}: {found:?}"
        );
        assert_eq!(primitive.flat_order, None);
    }
}

#[test]
fn many_features_become_many_tiles_with_every_feature_in_one() {
    let features = (0..60_000).map(|i| {
        let (x, y) = (f64::from(i % 300), f64::from(i / 300));
        feature("Point", &json!([24.0 + x * 0.001, 60.0 + y * 0.001]), &json!({ "id": i }))
    });
    let made = made(&collection(&features.collect::<Vec<_>>()), &json!({ "radiusM": 5 }));
    let contents = contents(&made);
    assert!(contents.len() > 30, "{}", contents.len());
    assert_eq!(contents.iter().map(|content| content.tables[0].count).sum::<u32>(), 60_000);
}

#[test]
fn a_bad_feature_is_counted_and_the_others_are_shown() {
    let good = || feature("Point", &json!([24.9, 60.1]), &json!({}));
    for (bad, code) in [
        (json!(null), "feature-malformed"),
        (json!({ "type": "Thing" }), "feature-malformed"),
        (json!({ "type": "Feature", "properties": 7, "geometry": good()["geometry"] }), "feature-malformed"),
        (json!({ "type": "Feature", "geometry": null }), "geometry-missing"),
        (
            json!({ "type": "Feature", "geometry": { "type": "GeometryCollection", "geometries": [] } }),
            "geometry-missing",
        ),
        (feature("Point", &json!([null, 60.1]), &json!({})), "coordinates-malformed"),
        (feature("Point", &json!([24.9]), &json!({})), "coordinates-malformed"),
        (feature("Point", &json!("here"), &json!({})), "coordinates-malformed"),
        (feature("Point", &json!([385_000.0, 6_670_000.0]), &json!({})), "coordinates-out-of-range"),
        (feature("Point", &json!([24.9, 60.1, 1e300]), &json!({})), "coordinates-out-of-range"),
        (feature("LineString", &json!([[24.9, 60.1], [24.9, 60.1]]), &json!({})), "geometry-degenerate"),
        (feature("LineString", &json!([]), &json!({})), "geometry-degenerate"),
        (feature("Polygon", &json!([[[24.9, 60.1], [24.8, 60.1], [24.9, 60.1]]]), &json!({})), "geometry-degenerate"),
        (feature("Polygon", &json!([]), &json!({})), "geometry-degenerate"),
        (feature("Circle", &json!([24.9, 60.1]), &json!({})), "geometry-unknown"),
    ] {
        let made = made(&collection(&[good(), bad.clone(), bad.clone(), good()]), &json!({}));
        assert_eq!((made.shown, made.left_out), (2, 2), "{bad}");
        let [problem] = &made.problems[..] else { panic!("{bad}: {:?}", made.problems) };
        assert!(problem.code == code && problem.message.contains("2 features"), "{bad}: {problem:?}");
    }
}

#[test]
fn nested_collections_end() {
    let deep = |levels: usize| {
        let open = r#"{"type":"GeometryCollection","geometries":["#.repeat(levels);
        format!(r#"{open}{{"type":"Point","coordinates":[24.9,60.1]}}{}"#, "]}".repeat(levels))
    };
    let check = |text: String, shown: u32| {
        let made = tileset(text.as_bytes(), &Shape::default(), &Limits::default()).map(|made| made.shown);
        assert_eq!(made.unwrap_or(0), shown, "{}", text.len());
    };
    check(deep(8), 1);
    check(deep(9), 0);
    check(deep(100_000), 0);
}

#[test]
fn what_is_no_geojson_is_refused_with_its_place() {
    for (text, code, place) in [
        ("", "geojson-malformed", "line 1"),
        ("{\"type\": \"FeatureCollection\", \"features\": [", "geojson-malformed", "line 1"),
        ("{\"type\": \"Point\",\n \"coordinates\": [NaN, 1]}", "geojson-malformed", "line 2"),
        ("{\"type\": \"FeatureCollection\"}", "geojson-malformed", "features"),
        ("{\"type\": \"Topology\"}", "geojson-malformed", "type"),
        ("{\"a\": 1}", "geojson-malformed", "type"),
        ("[1, 2]", "geojson-malformed", "line 1"),
        ("<!doctype html>", "geojson-malformed", "line 1"),
        ("\u{feff}{\"type\": \"Nothing\"}", "geojson-malformed", "type"),
    ] {
        let problem = tileset(text.as_bytes(), &Shape::default(), &Limits::default()).expect_err("not GeoJSON");
        assert!(problem.code == code && problem.place.starts_with(place), "{text}: {problem:?}");
    }
    let limits = Limits { max_bytes: 10, ..Limits::default() };
    let problem = tileset(b"{\"type\": \"Point\"}", &Shape::default(), &limits).expect_err("too large");
    assert_eq!(problem.code, "geojson-too-large");
}

#[test]
fn nothing_at_all_is_an_empty_tileset() {
    let made = made(&collection(&[]), &json!({}));
    assert_eq!((made.files.len(), made.bbox), (1, None));
    contents(&made);
}
