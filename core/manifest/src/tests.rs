use super::*;

fn twin() -> Twin {
    Twin {
        format: FORMAT.into(),
        title: Text::new([("en", "Helsinki"), ("zh-CN", "赫尔辛基")]),
        extent: [24.93, 60.16, 24.95, 60.18],
        home: LookAt { lon: 24.94, lat: 60.17, height_m: 0.0, distance_m: 1200.0, heading_deg: 0.0, pitch_deg: -40.0 },
        layers: vec![Layer {
            id: "buildings".into(),
            title: Text::new([("en", "Buildings")]),
            theme: Theme::Buildings,
            tileset: "buildings/tileset.json".into(),
            visible: true,
            properties: BTreeMap::new(),
        }],
        assets: None,
        search: None,
        labels: None,
        rasters: Vec::new(),
        terrain: None,
        venues: vec![Venue {
            id: "station".into(),
            title: Text::new([("en", "Station")]),
            files: vec!["venues/station/level.geojson".into()],
            floors: vec![VenueFloor { floor: -1, name: "B1".into(), elevation_m: -4.5 }],
        }],
        attributes: [("buildings".to_owned(), "attributes/buildings.parquet".to_owned())].into(),
        categories: BTreeMap::new(),
        attribution: vec![Attribution { text: "© OpenStreetMap contributors".into(), url: None, license: None }],
    }
}

#[test]
fn a_manifest_survives_the_round_trip() {
    assert_eq!(Twin::from_json(twin().to_json().as_bytes()).expect("our own JSON"), twin());
}

#[test]
fn bad_manifests_say_what_is_wrong() {
    let check = |edit: &dyn Fn(&mut Twin), expected: &str| {
        let mut t = twin();
        edit(&mut t);
        let error = Twin::from_json(t.to_json().as_bytes()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&|t| t.format = "citytwin/9".into(), "citytwin/9");
    check(&|t| t.extent = [200.0, 0.0, 201.0, 1.0], "extent");
    check(&|t| t.extent.reverse(), "extent");
    check(&|t| t.home.distance_m = -1.0, "home view");
    check(&|t| t.layers.push(t.layers[0].clone()), "two layers");
    check(
        &|t| {
            let raster = r#"{"id":"buildings","kind":"xyz","url":"https://x.example/{z}/{x}/{y}.png"}"#;
            t.rasters.push(Raster::from_json(raster).expect("a raster"));
        },
        "two layers",
    );
    for junk in ["", "{", "[]", "{\"format\":1}", "<html>404</html>"] {
        assert!(Twin::from_json(junk.as_bytes()).is_err(), "{junk}");
    }
}

#[test]
fn themes_are_read_as_they_are_written() {
    for theme in Theme::ALL {
        assert_eq!(serde_json::to_value(theme).ok(), Some(theme.name().into()));
        let mut t = twin();
        t.layers[0].theme = theme;
        assert_eq!(Twin::from_json(t.to_json().as_bytes()).expect("our own JSON").layers[0].theme, theme);
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let check = |from: &str, to: &str, expected: &str| {
        let json = twin().to_json().replacen(from, to, 1);
        let error = Twin::from_json(json.as_bytes()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("\"tileset\"", "\"tilesets\"", "layers[0].tileset is missing, expected a text");
    check(
        "\"theme\": \"buildings\"",
        "\"theme\": \"house\"",
        "layers[0].theme is a text (\"house\"), expected one of ground",
    );
    check("\"pitchDeg\": -40.0", "\"pitchDeg\": null", "home.pitchDeg is null, expected a number");
    check("\"visible\": true", "\"visible\": 1", "layers[0].visible is a number (1), expected true or false");
}

#[test]
fn words_fall_back_from_tag_to_language_to_english_to_anything() {
    let text = Text::new([("en", "Water"), ("zh-CN", "水"), ("fi", "Vesi")]);
    assert_eq!(text.get("zh-CN"), "水");
    assert_eq!(text.get("zh-Hans-CN"), "水");
    assert_eq!(text.get("fi-FI"), "Vesi");
    assert_eq!(text.get("sv"), "Water");
    assert_eq!(Text::new([("fi", "Vesi")]).get("sv"), "Vesi");
    assert_eq!(Text::default().get("en"), "");
}

/// Run with `UPDATE_SCHEMA=1` to write the schema after a change of the types.
#[test]
#[allow(clippy::disallowed_methods)] // the test, not the crate, keeps the file
fn the_committed_schema_is_that_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/twin.schema.json");
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Twin)).expect("a schema is JSON") + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &schema).expect("the schema can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == schema, "twin.schema.json is stale: run UPDATE_SCHEMA=1 cargo test -p citytwin-manifest");
}
