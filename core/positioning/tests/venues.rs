//! Venues of every form: small ones written here, real ones where the data folder lies beside the checkout.

use citytwin_positioning::venue::{BeaconKind, ConnectorKind, Plane, Venue};
use std::path::{Path, PathBuf};

/// Two levels of a shop beside a corridor, with a door, stairs, an entrance and beacons.
const IMDF: [(&str, &str); 4] = [
    (
        "level.geojson",
        r#"{"type":"FeatureCollection","features":[
        {"id":"L0","type":"Feature","feature_type":"level","properties":{"ordinal":0,"short_name":{"en":"G"}},
         "geometry":{"type":"Polygon","coordinates":[[[24.94,60.17],[24.9404,60.17],[24.9404,60.1702],[24.94,60.1702],[24.94,60.17]]]}},
        {"id":"L1","type":"Feature","feature_type":"level","properties":{"ordinal":1,"short_name":{"en":"1"},"elevation_m":5},
         "geometry":{"type":"Polygon","coordinates":[[[24.94,60.17],[24.9404,60.17],[24.9404,60.1702],[24.94,60.1702],[24.94,60.17]]]}}]}"#,
    ),
    (
        "unit.geojson",
        r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","feature_type":"unit","properties":{"category":"walkway","level_id":"L0"},
         "geometry":{"type":"Polygon","coordinates":[[[24.94,60.17],[24.9404,60.17],[24.9404,60.1701],[24.94,60.1701],[24.94,60.17]]]}},
        {"type":"Feature","feature_type":"unit","properties":{"category":"room","level_id":"L0","name":{"en":"Shop"}},
         "geometry":{"type":"Polygon","coordinates":[[[24.94,60.1701],[24.9404,60.1701],[24.9404,60.1702],[24.94,60.1702],[24.94,60.1701]]]}},
        {"type":"Feature","feature_type":"unit","properties":{"category":"stairs","level_id":"L0"},
         "geometry":{"type":"Polygon","coordinates":[[[24.94035,60.17],[24.9404,60.17],[24.9404,60.17003],[24.94035,60.17003],[24.94035,60.17]]]}},
        {"type":"Feature","feature_type":"unit","properties":{"category":"stairs","level_id":"L1"},
         "geometry":{"type":"Polygon","coordinates":[[[24.94035,60.17],[24.9404,60.17],[24.9404,60.17003],[24.94035,60.17003],[24.94035,60.17]]]}},
        {"type":"Feature","feature_type":"unit","properties":{"category":"room","level_id":"nowhere"},"geometry":null}]}"#,
    ),
    (
        "opening.geojson",
        r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","feature_type":"opening","properties":{"category":"pedestrian","level_id":"L0"},
         "geometry":{"type":"LineString","coordinates":[[24.94018,60.1701],[24.94022,60.1701]]}},
        {"type":"Feature","feature_type":"opening","properties":{"category":"pedestrian.principal","level_id":"L0"},
         "geometry":{"type":"LineString","coordinates":[[24.94,60.17004],[24.94,60.17007]]}}]}"#,
    ),
    (
        "beacon.geojson",
        r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","feature_type":"beacon","properties":{"kind":"uwb","id":"A1","level_id":"L0","height_m":3},
         "geometry":{"type":"Point","coordinates":[24.9402,60.1701]}},
        {"type":"Feature","feature_type":"beacon","properties":{"kind":"smoke","id":"A1","level_id":"L0"},"geometry":null}]}"#,
    ),
];

#[test]
fn an_imdf_venue_has_walls_with_doors_stairs_an_entrance_and_beacons() {
    let venue = Venue::read(&IMDF, None).expect("a venue");
    assert_eq!(venue.levels.iter().map(|l| (l.floor, l.name.as_str())).collect::<Vec<_>>(), [(0, "G"), (1, "1")]);
    assert_eq!((venue.elevation_m(0), venue.elevation_m(1), venue.elevation_m(2)), (0.0, 5.0, 8.0));
    let plane = venue.plane(0).expect("degrees");
    let at = |lon: f64, lat: f64| plane.from_lonlat(lon, lat);
    let (corridor, shop) = (at(24.9402, 60.17005), at(24.9402, 60.17015));
    assert_eq!(venue.walls_between(0, corridor, shop), 0, "through the door");
    assert_eq!(venue.walls_between(0, at(24.9401, 60.17005), at(24.9401, 60.17015)), 1, "beside the door");
    assert_eq!(venue.walls_between(0, corridor, at(24.9398, 60.17005)), 0, "through the entrance");
    assert_eq!(venue.walls_between(0, corridor, at(24.9402, 60.1698)), 1, "through the front");
    assert_eq!(venue.walls_between(0, corridor, at(24.94038, 60.17002)), 0, "onto the stairs");
    assert_eq!(venue.connectors.len(), 1);
    assert_eq!((venue.connectors[0].kind, venue.connectors[0].stops.len()), (ConnectorKind::Stairs, 2));
    assert!(
        venue.to_entrance_m(at(24.94, 60.170_055)) < 0.5 && venue.to_connector_m(1, at(24.940_375, 60.170_015)) < 0.5
    );
    let anchor = venue.beacon(BeaconKind::Uwb, "A1").expect("an anchor");
    assert!(anchor.height_m == 3.0 && anchor.spot.floor == 0);
    assert_eq!(venue.problems.len(), 2, "{:?}", venue.problems);
    assert!(venue.contains(0, shop) && !venue.contains(0, at(24.95, 60.17)) && !venue.contains(7, shop));
    assert!(venue.route_edges.len() >= 3, "the door and the entrance lead into their rooms");
}

#[test]
fn a_simple_indoor_venue_of_openstreetmap_is_read() {
    let text = r#"{"type":"FeatureCollection","features":[
        {"type":"Feature","properties":{"indoor":"corridor","level":"0;1"},
         "geometry":{"type":"Polygon","coordinates":[[[8.0,50.0],[8.0003,50.0],[8.0003,50.0001],[8.0,50.0001],[8.0,50.0]]]}},
        {"type":"Feature","properties":{"indoor":"room","level":"0","name":"Kiosk"},
         "geometry":{"type":"Polygon","coordinates":[[[8.0,50.0001],[8.0003,50.0001],[8.0003,50.0002],[8.0,50.0002],[8.0,50.0001]]]}},
        {"type":"Feature","properties":{"indoor":"area","level":"0-1","stairs":"yes"},
         "geometry":{"type":"Polygon","coordinates":[[[8.0,50.0],[8.00005,50.0],[8.00005,50.00003],[8.0,50.00003],[8.0,50.0]]]}},
        {"type":"Feature","properties":{"door":"yes","level":"0"},"geometry":{"type":"Point","coordinates":[8.0001,50.0001]}}]}"#;
    let venue = Venue::read(&[("map.geojson", text)], None).expect("a venue");
    let plane = venue.plane(0).expect("degrees");
    let way = |lon: f64| venue.walls_between(0, plane.from_lonlat(lon, 50.00005), plane.from_lonlat(lon, 50.00015));
    assert_eq!((venue.levels.len(), way(8.0001), way(8.0002)), (2, 0, 1));
    assert!(venue.connectors.len() == 1 && venue.connectors[0].stops.len() == 2, "{:?}", venue.connectors);
}

#[test]
fn files_that_are_no_venue_say_what_is_wrong() {
    for (name, text, expected) in [
        ("a.geojson", "{", "EOF"),
        ("a.geojson", "{}", "no levels"),
        ("a.gml", "<x>", "no IndoorFeatures"),
        ("a.gml", "<IndoorFeatures", "a tag does not end"),
        ("a.gml", "<!-- ", "does not end"),
        ("level.geojson", r#"{"features":[{"feature_type":"level","properties":{}}]}"#, "without ordinal"),
    ] {
        let error = Venue::read(&[(name, text)], None).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Venue::read(&[("deep.json", &deep)], None).is_err());
}

const GML: &str = r##"<IndoorFeatures><CellSpace gml:id="C1"><gml:name>001</gml:name><gml:LinearRing><gml:pos>0 0 0</gml:pos><gml:pos>5 0 0</gml:pos><gml:pos>5 5 0</gml:pos><gml:pos>0 0 0</gml:pos></gml:LinearRing></CellSpace><State gml:id="R1"><gml:Point><gml:pos>1 1 0.5</gml:pos></gml:Point></State><Transition><connects xlink:href="#R1"/><connects xlink:href="#R1"/></Transition></IndoorFeatures>"##;

#[test]
fn metres_without_degrees_lie_nowhere_on_earth_unless_it_is_said_where() {
    let venue = Venue::read(&[("a.gml", GML)], None).expect("a venue");
    assert_eq!((venue.levels.len(), venue.plane(0).is_some()), (1, false));
    let given = Venue::read(&[("a.gml", GML)], Some(&Plane::at(24.9, 60.2))).expect("a venue");
    let [lon, lat] = given.plane(0).expect("as given").to_lonlat([0.0, 0.0]);
    assert!((lon - 24.9).abs() < 1e-9 && (lat - 60.2).abs() < 1e-9, "{lon} {lat}");
}

#[test]
fn corrupted_venues_never_panic() {
    let texts: Vec<&str> = IMDF.iter().map(|f| f.1).chain([GML]).collect();
    for (n, text) in texts.iter().enumerate() {
        for at in (0..text.len()).step_by(7) {
            for byte in *b"\"9-e]<{" {
                let mut bad = text.as_bytes().to_vec();
                bad[at] = byte;
                let bad = String::from_utf8_lossy(&bad);
                let mut files = IMDF.to_vec();
                match files.get_mut(n) {
                    Some(file) => file.1 = &bad,
                    None => files = vec![("a.gml", &bad)],
                }
                if let Ok(venue) = Venue::read(&files, None) {
                    assert!(venue.elevation_m(0).is_finite());
                    venue.walls_between(0, [-1e3, -1e3], [1e3, 1e3]);
                }
            }
        }
    }
}

/// All files below a folder of the data that lies beside the checkout, by their names below it; `None` without it.
fn shared(folder: &str) -> Option<Vec<(String, String)>> {
    let base = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    let mut files = Vec::new();
    collect(&base, &base, &mut files);
    if files.is_empty() {
        #[allow(clippy::print_stderr)]
        {
            eprintln!("{folder} is not beside the checkout: nothing was tested");
        }
        return None;
    }
    Some(files)
}

fn collect(base: &Path, dir: &Path, files: &mut Vec<(String, String)>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(base, &path, files);
        } else if path.extension().is_some_and(|e| ["geojson", "json", "gml"].iter().any(|x| e == *x))
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            files.push((path.strip_prefix(base).unwrap_or(&path).to_string_lossy().into_owned(), text));
        }
    }
}

fn read(files: &[(String, String)]) -> Venue {
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Venue::read(&files, None).expect("a venue")
}

#[test]
fn shinjuku_has_eight_levels_whose_routes_cross_no_wall() {
    let Some(files) = shared("indoor/ShinjukuTerminal") else { return };
    let venue = read(&files);
    assert_eq!(venue.levels.iter().map(|l| l.floor).collect::<Vec<_>>(), [-3, -2, -1, 0, 1, 2, 3, 4]);
    assert!(venue.route_nodes.len() > 1900 && venue.route_edges.len() > 2400, "{}", venue.route_edges.len());
    let lifts = venue.connectors.iter().filter(|c| c.kind == ConnectorKind::Lift).count();
    assert!(lifts >= 20 && venue.connectors.len() > 200, "{lifts} {}", venue.connectors.len());
    let [lon, lat] = venue.plane(0).expect("nodes tell degrees and metres").to_lonlat(venue.route_nodes[0].at_m);
    assert!((lon - 139.70).abs() < 0.01 && (lat - 35.69).abs() < 0.01, "{lon} {lat}");
    // Walls have doors where routes lead through; what is left are routes along a wall and across several floors' halls.
    let same = |e: &&(u32, u32)| venue.route_nodes[e.0 as usize].floor == venue.route_nodes[e.1 as usize].floor;
    let edges: Vec<_> = venue.route_edges.iter().filter(same).collect();
    let crossed = edges
        .iter()
        .filter(|e| {
            let (a, b) = (venue.route_nodes[e.0 as usize], venue.route_nodes[e.1 as usize]);
            venue.walls_between(a.floor, a.at_m, b.at_m) > 0
        })
        .count();
    assert!(crossed * 20 < edges.len(), "{crossed} of {}", edges.len());
    let walls: usize = venue.levels.iter().map(|l| venue.walls(l.floor).len()).sum();
    assert!(walls > 5000, "{walls}");
}

#[test]
fn fjk_haus_has_three_levels_and_its_states_are_in_its_cells() {
    let Some(files) = shared("indoor/infactory/igml-feature/src/main/resources/sample-data") else { return };
    let venue = read(&files);
    assert_eq!(venue.levels.iter().map(|l| l.areas.len()).sum::<usize>(), 14);
    assert_eq!(venue.levels.len(), 3, "{:?}", venue.levels.iter().map(|l| l.elevation_m).collect::<Vec<_>>());
    assert_eq!(venue.connectors.len(), 2, "{:?}", venue.connectors);
    let states = venue.route_nodes.iter().filter(|n| venue.contains(n.floor, n.at_m)).count();
    assert!(10 * states > 8 * venue.route_nodes.len(), "{states} of {}", venue.route_nodes.len());
    let same = |e: &&(u32, u32)| venue.route_nodes[e.0 as usize].floor == venue.route_nodes[e.1 as usize].floor;
    for e in venue.route_edges.iter().filter(same) {
        let (a, b) = (venue.route_nodes[e.0 as usize], venue.route_nodes[e.1 as usize]);
        assert_eq!(venue.walls_between(a.floor, a.at_m, b.at_m), 0, "{a:?} {b:?}");
    }
}

#[test]
fn the_malls_floor_maps_lie_in_the_walks_own_metres() {
    let Some(files) = shared("positioning/ilc20/site1") else { return };
    let venue = read(&files);
    assert_eq!(venue.levels.iter().map(|l| l.floor).collect::<Vec<_>>(), [-1, 0, 1, 2, 3]);
    for level in &venue.levels {
        assert!(!level.doors_known && level.areas.len() > 80 && !venue.outline(level.floor).is_empty());
        let plane = venue.plane(level.floor).expect("degrees");
        assert!((plane.scale() - 1.0).abs() < 0.2, "{}", plane.scale());
    }
    // As `F1/floor_info.json` has it.
    let corners = || venue.outline(0).iter().flatten().flatten();
    assert!(corners().all(|p| (-1.0..241.0).contains(&p[0]) && (-1.0..178.0).contains(&p[1])));
    let east = |low: f64, x: &[f64; 2]| low.max(x[0]);
    assert!(corners().fold(0.0, east) > 60.0);
    let plane = Plane::at(120.0, 30.0);
    assert!((plane.to_lonlat([0.0, 0.0])[0] - 120.0).abs() < 1e-9);
}
