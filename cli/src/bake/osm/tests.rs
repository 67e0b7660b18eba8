//! Whole files through the front door: small drawn ones for each rule, broken ones, and real ones.

use super::raw::Reading;
use super::*;
use crate::bake::model::{
    Area, AreaClass, Building, HeightSource, PointClass, Polygon, Property, RoofShape, WayClass, extent_outline,
};
use crate::bake::source::{Input, plain, read_bytes};
use crate::bake::{BakeError, Silent};
use glam::DVec2;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// An OpenStreetMap file that is drawn in metres around a point in Helsinki; the extent is 200 m wide and high.
#[derive(Default)]
struct Drawing {
    nodes: String,
    rest: String,
    last_id: i64,
}

const LON: f64 = 24.94;
const LAT: f64 = 60.17;
const METRE_LON: f64 = 1.0 / 55_500.0;
const METRE_LAT: f64 = 1.0 / 111_400.0;

impl Drawing {
    fn id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    fn tags(tags: &[(&str, &str)]) -> String {
        let escape = |v: &str| v.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        tags.iter().map(|(k, v)| format!("<tag k=\"{k}\" v=\"{}\"/>", escape(v))).collect()
    }

    fn node(&mut self, (x, y): (f64, f64), tags: &[(&str, &str)]) -> i64 {
        let id = self.id();
        let (lon, lat) = (LON + x * METRE_LON, LAT + y * METRE_LAT);
        writeln!(self.nodes, "<node id=\"{id}\" lon=\"{lon}\" lat=\"{lat}\">{}</node>", Self::tags(tags)).unwrap();
        id
    }

    fn way_of(&mut self, refs: &[i64], tags: &[(&str, &str)]) -> i64 {
        let id = self.id();
        let refs: String = refs.iter().map(|r| format!("<nd ref=\"{r}\"/>")).collect();
        writeln!(self.rest, "<way id=\"{id}\">{refs}{}</way>", Self::tags(tags)).unwrap();
        id
    }

    fn line(&mut self, points: &[(f64, f64)], tags: &[(&str, &str)]) -> i64 {
        let refs: Vec<i64> = points.iter().map(|p| self.node(*p, &[])).collect();
        self.way_of(&refs, tags)
    }

    fn ring(&mut self, points: &[(f64, f64)], tags: &[(&str, &str)]) -> i64 {
        let mut refs: Vec<i64> = points.iter().map(|p| self.node(*p, &[])).collect();
        refs.push(refs[0]);
        self.way_of(&refs, tags)
    }

    fn rect(&mut self, x: f64, y: f64, w: f64, h: f64, tags: &[(&str, &str)]) -> i64 {
        self.ring(&[(x, y), (x + w, y), (x + w, y + h), (x, y + h)], tags)
    }

    fn relation(&mut self, ways: &[(i64, &str)], tags: &[(&str, &str)]) -> i64 {
        let id = self.id();
        let member = |(way, role): &(i64, &str)| format!("<member type=\"way\" ref=\"{way}\" role=\"{role}\"/>");
        let members: String = ways.iter().map(member).collect();
        writeln!(self.rest, "<relation id=\"{id}\">{members}{}</relation>", Self::tags(tags)).unwrap();
        id
    }

    fn xml(&self) -> String {
        let [w, s, e, n] =
            [LON - 100.0 * METRE_LON, LAT - 100.0 * METRE_LAT, LON + 100.0 * METRE_LON, LAT + 100.0 * METRE_LAT];
        let bounds = format!("<bounds minlon=\"{w}\" minlat=\"{s}\" maxlon=\"{e}\" maxlat=\"{n}\"/>");
        format!(
            "<?xml version='1.0' encoding='UTF-8'?>\n<osm version=\"0.6\">\n{bounds}\n{}{}</osm>\n",
            self.nodes, self.rest
        )
    }

    fn city(&self) -> City {
        from_bytes(self.xml().as_bytes()).unwrap()
    }
}

fn raw_from(bytes: &[u8]) -> Result<Raw, source::Fault> {
    let mut reading = Reading::new(&Room::endless());
    let format = source::Format::of(bytes).ok_or_else(|| source::Fault::new("beginning", "no OpenStreetMap data"))?;
    format.read(&mut &bytes[..], &mut reading)?;
    Ok(reading.done())
}

fn from_bytes(bytes: &[u8]) -> Result<City, String> {
    read_bytes(&Input::new("test.osm"), bytes)
}

fn read(paths: &[PathBuf], progress: &dyn Progress) -> Result<City, BakeError> {
    crate::bake::source::read(&plain(paths), progress)
}

fn area_m2(polygons: &[Polygon]) -> f64 {
    shape::total_area(polygons)
}

#[track_caller]
fn near(got: f64, expected: f64, within: f64) {
    assert!((got - expected).abs() <= within, "{got}, expected {expected} ± {within}");
}

fn area(city: &City, class: AreaClass) -> &Area {
    city.areas.iter().find(|a| a.class == class).unwrap_or_else(|| panic!("no {class:?} in {:?}", city.areas))
}

fn building(city: &City, key: i64) -> &Building {
    let id = format!("way/{key}");
    city.buildings.iter().find(|b| b.tags.id == id).unwrap_or_else(|| panic!("no {id}"))
}

fn count(city: &City, code: &str) -> u64 {
    city.warnings.0.get(code).map_or(0, |w| w.count)
}

const MULTIPOLYGON: (&str, &str) = ("type", "multipolygon");

#[test]
fn rings_are_assembled_from_ways_in_any_order_and_direction() {
    let mut d = Drawing::default();
    let n: Vec<i64> = [(-50.0, -50.0), (50.0, -50.0), (50.0, 50.0), (-50.0, 50.0)].map(|p| d.node(p, &[])).to_vec();
    let a = d.way_of(&[n[0], n[1]], &[]);
    let b = d.way_of(&[n[3], n[2], n[1]], &[]);
    let c = d.way_of(&[n[0], n[3]], &[]);
    // Two holes that touch in a point; the role of one is wrong.
    let h1 = d.ring(&[(-20.0, -20.0), (0.0, -20.0), (0.0, 0.0), (-20.0, 0.0)], &[]);
    let h2 = d.ring(&[(0.0, 0.0), (20.0, 0.0), (20.0, 20.0), (0.0, 20.0)], &[]);
    // An island in the first hole.
    let island = d.ring(&[(-15.0, -15.0), (-5.0, -15.0), (-5.0, -5.0), (-15.0, -5.0)], &[]);
    let members = [(h1, "inner"), (b, "outer"), (h2, "outer"), (c, ""), (island, "outer"), (a, "outer")];
    let id = d.relation(&members, &[MULTIPOLYGON, ("natural", "water"), ("name", "Ring")]);
    let city = d.city();
    let water = area(&city, AreaClass::Water);
    assert_eq!(water.tags.id, format!("relation/{id}"));
    near(area_m2(&water.polygons), 10_000.0 - 400.0 - 400.0 + 100.0, 10.0);
    assert_eq!(water.polygons.len(), 2);
    for polygon in &water.polygons {
        assert!(shape::signed_area(&polygon.outer) > 0.0);
        assert!(polygon.holes.iter().all(|h| shape::signed_area(h) < 0.0));
    }
    assert!(city.warnings.0.is_empty(), "{:?}", city.warnings);
}

#[test]
fn tags_on_the_outer_way_of_an_untagged_multipolygon_are_its_own() {
    let mut d = Drawing::default();
    let outer = d.rect(-40.0, -40.0, 80.0, 80.0, &[("building", "school")]);
    let inner = d.rect(-10.0, -10.0, 20.0, 20.0, &[]);
    let id = d.relation(&[(outer, "outer"), (inner, "inner")], &[MULTIPOLYGON]);
    let city = d.city();
    assert_eq!(city.buildings.len(), 1);
    assert_eq!(
        (city.buildings[0].tags.id.as_str(), city.buildings[0].class.as_str()),
        (&*format!("relation/{id}"), "school")
    );
    near(area_m2(&city.buildings[0].outline), 6_000.0, 10.0);
}

#[test]
fn an_outline_that_is_tagged_as_its_relation_is_drawn_once() {
    let mut d = Drawing::default();
    let outer = d.rect(-40.0, -40.0, 80.0, 80.0, &[("building", "yes"), ("name", "Talo")]);
    let inner = d.rect(-10.0, -10.0, 20.0, 20.0, &[]);
    d.relation(&[(outer, "outer"), (inner, "inner")], &[MULTIPOLYGON, ("building", "office")]);
    let city = d.city();
    assert_eq!(city.buildings.len(), 1);
    assert_eq!((city.buildings[0].class.as_str(), city.buildings[0].tags.name.as_deref()), ("office", Some("Talo")));
    assert_eq!(count(&city, "building_outline_tagged_twice"), 1);
}

#[test]
fn a_ring_that_crosses_itself_is_repaired_and_counted() {
    let mut d = Drawing::default();
    let id = d.ring(&[(0.0, 0.0), (20.0, 20.0), (20.0, 0.0), (0.0, 20.0)], &[("building", "yes")]);
    let spike = d.ring(
        &[(40.0, 0.0), (50.0, 0.0), (70.0, 0.0), (50.0, 0.0), (50.0, 10.0), (40.0, 10.0)],
        &[("building", "yes")],
    );
    let city = d.city();
    let bow = building(&city, id);
    assert_eq!((bow.outline.len(), bow.solids.len()), (2, 2));
    near(area_m2(&bow.outline), 200.0, 1.0);
    assert_eq!(city.warnings.0["self_intersecting_ring"].examples, [format!("way/{id}")]);
    near(area_m2(&building(&city, spike).outline), 100.0, 1.0);
}

#[test]
fn parts_are_drawn_instead_of_the_outline_that_holds_them() {
    let mut d = Drawing::default();
    let whole =
        d.rect(0.0, 0.0, 40.0, 20.0, &[("building", "church"), ("height", "60 m"), ("building:colour", "#ff0000")]);
    d.rect(0.0, 0.0, 25.0, 20.0, &[("building:part", "yes"), ("building:levels", "2")]);
    d.rect(
        25.0,
        0.0,
        15.0,
        20.0,
        &[
            ("building:part", "tower"),
            ("height", "55"),
            ("min_height", "9"),
            ("roof:shape", "pyramidal"),
            ("roof:height", "6'4\""),
        ],
    );
    let lone = d.rect(-60.0, 0.0, 10.0, 10.0, &[("building:part", "yes"), ("height", "40 ft")]);
    let city = d.city();
    assert_eq!(city.buildings.len(), 2);
    let church = building(&city, whole);
    assert_eq!(church.solids.len(), 2);
    near(area_m2(&church.outline), 800.0, 2.0);
    let tower = &church.solids[1];
    assert_eq!((tower.base_m, tower.top_m, tower.roof.shape), (9.0, 55.0, RoofShape::Pyramidal));
    near(tower.roof.height_m, 1.9304, 1e-9);
    assert_eq!((church.height_m, church.height_source), (55.0, HeightSource::Tagged));
    // Parts take the colour of the whole, softened.
    assert!(
        tower.wall_color[0] > 200 && tower.wall_color[1] > 30 && tower.wall_color[1] < 60,
        "{:?}",
        tower.wall_color
    );
    near(building(&city, lone).height_m, 12.192, 1e-9);
}

#[test]
fn an_outline_that_its_parts_hardly_cover_is_filled() {
    let mut d = Drawing::default();
    let whole = d.rect(0.0, 0.0, 40.0, 20.0, &[("building", "yes"), ("building:levels", "3")]);
    d.rect(0.0, 0.0, 5.0, 5.0, &[("building:part", "yes"), ("height", "30")]);
    let city = d.city();
    let b = building(&city, whole);
    let covered: f64 = b.solids.iter().map(|s| shape::area(&s.footprint)).sum();
    near(covered, 800.0, 2.0);
    assert_eq!((b.height_m, b.solids[1].top_m, count(&city, "parts_cover_little")), (30.0, 3.0 * 3.2, 1));
}

#[test]
fn a_part_without_height_is_paving_and_not_as_high_as_the_tower() {
    let mut d = Drawing::default();
    let whole = d.rect(0.0, 0.0, 40.0, 20.0, &[("building", "yes"), ("height", "468")]);
    d.rect(0.0, 0.0, 20.0, 20.0, &[("building:part", "yes"), ("height", "0")]);
    d.rect(20.0, 0.0, 20.0, 20.0, &[("building:part", "yes"), ("height", "no idea")]);
    let city = d.city();
    let tops: Vec<f64> = building(&city, whole).solids.iter().map(|solid| solid.top_m).collect();
    assert_eq!((tops, count(&city, "height_unusable")), (vec![0.3, 468.0], 2));
    // Nor does it say how high the rest of the building is.
    let mut d = Drawing::default();
    let whole = d.rect(0.0, 0.0, 40.0, 20.0, &[("building", "yes"), ("height", "40")]);
    d.rect(0.0, 0.0, 8.0, 20.0, &[("building:part", "yes"), ("height", "0")]);
    let tops: Vec<f64> = building(&d.city(), whole).solids.iter().map(|solid| solid.top_m).collect();
    assert_eq!(tops, [0.3, 40.0]);
}

#[test]
fn heights_come_from_tags_then_levels_then_neighbours() {
    let mut d = Drawing::default();
    let put = |d: &mut Drawing, tags: &[(&str, &str)]| {
        let x = -90.0 + 12.0 * (d.last_id / 5) as f64;
        d.rect(x, 0.0, 10.0, 10.0, tags)
    };
    let tagged = put(&mut d, &[("building", "yes"), ("height", "20"), ("building:levels", "3")]);
    let levels = put(&mut d, &[("building", "office"), ("building:levels", "5")]);
    put(&mut d, &[("building", "yes"), ("height", "12")]);
    let absurd: Vec<i64> =
        ["1e9", "-3", "abc", "NaN"].iter().map(|v| put(&mut d, &[("building", "yes"), ("height", v)])).collect();
    let garage = put(&mut d, &[("building", "garage")]);
    let inverted = put(&mut d, &[("building", "yes"), ("height", "5"), ("min_height", "10")]);
    let city = d.city();
    let height = |id| (building(&city, id).height_m, building(&city, id).height_source);
    assert_eq!(height(tagged), (20.0, HeightSource::Tagged));
    assert_eq!(height(levels), (18.0, HeightSource::Levels));
    for id in absurd {
        // The middle one of 5, 12, 18 and 20 metres, the upper of two.
        assert_eq!(height(id), (18.0, HeightSource::Estimated));
    }
    assert_eq!(height(garage), (3.0, HeightSource::Estimated));
    assert_eq!(building(&city, inverted).solids[0].base_m, 0.0);
    assert_eq!((count(&city, "height_unusable"), count(&city, "height_not_above_min_height")), (4, 1));
    assert!(city.buildings.iter().flat_map(|b| &b.solids).all(|s| s.top_m > s.base_m && s.base_m >= 0.0));
}

#[test]
fn roof_shapes_and_directions_are_those_of_the_wiki() {
    for (tags, shape, direction) in [
        (vec![("roof:shape", "gabled")], RoofShape::Gabled, None),
        (vec![("roof:shape", "round")], RoofShape::Gabled, None),
        (vec![("roof:shape", "half-hipped")], RoofShape::Hipped, None),
        (vec![("roof:shape", "onion")], RoofShape::Dome, None),
        // A skillion faces down its slope; a ridge runs across the direction of its slopes.
        (vec![("roof:shape", "skillion"), ("roof:direction", "SW")], RoofShape::Skillion, Some(225.0)),
        (vec![("roof:shape", "gabled"), ("roof:direction", "300")], RoofShape::Gabled, Some(30.0)),
        (vec![("roof:shape", "flat"), ("roof:height", "3")], RoofShape::Flat, None),
        (vec![("roof:shape", "9.0")], RoofShape::Flat, None),
    ] {
        let mut d = Drawing::default();
        let all = [vec![("building", "house"), ("height", "8")], tags.clone()].concat();
        d.rect(0.0, 0.0, 20.0, 10.0, &all);
        let city = d.city();
        let solid = &city.buildings[0].solids[0];
        assert_eq!((solid.roof.shape, solid.roof.direction_deg, solid.top_m), (shape, direction, 8.0), "{tags:?}");
        assert_eq!(solid.roof.height_m > 0.0, shape != RoofShape::Flat, "{tags:?}");
        assert!(solid.roof.height_m <= 4.0, "{tags:?}: {}", solid.roof.height_m);
    }
}

#[test]
fn what_lies_underground_is_left_out_and_counted() {
    let mut d = Drawing::default();
    d.rect(0.0, 0.0, 10.0, 10.0, &[("building", "yes"), ("location", "underground")]);
    d.rect(20.0, 0.0, 10.0, 10.0, &[("building", "yes"), ("layer", "-1")]);
    d.line(&[(0.0, 30.0), (50.0, 30.0)], &[("railway", "subway"), ("tunnel", "yes")]);
    d.line(&[(0.0, 40.0), (50.0, 40.0)], &[("highway", "primary"), ("tunnel", "yes")]);
    d.line(&[(0.0, 50.0), (50.0, 50.0)], &[("highway", "service"), ("tunnel", "building_passage")]);
    let city = d.city();
    assert_eq!((city.buildings.len(), city.ways.len()), (0, 1));
    assert_eq!((count(&city, "underground_left_out"), count(&city, "tunnel_left_out")), (2, 2));
}

#[test]
fn ways_have_the_width_of_their_tags_or_class() {
    for (tags, class, width_m) in [
        (vec![("highway", "residential")], WayClass::Residential, 6.0),
        (vec![("highway", "residential"), ("width", "4,5 m")], WayClass::Residential, 4.5),
        (vec![("highway", "primary"), ("lanes", "4")], WayClass::Primary, 13.0),
        (vec![("highway", "primary"), ("lanes", "400")], WayClass::Primary, 10.0),
        (vec![("highway", "primary"), ("oneway", "yes")], WayClass::Primary, 7.0),
        (vec![("highway", "footway"), ("width", "1e9")], WayClass::Footway, 2.0),
        (vec![("railway", "tram"), ("width", "1")], WayClass::Tram, 2.6),
        (vec![("waterway", "canal")], WayClass::Waterway, 8.0),
    ] {
        let mut d = Drawing::default();
        d.line(&[(0.0, 0.0), (50.0, 0.0)], &tags);
        let city = d.city();
        assert_eq!((city.ways[0].class, city.ways[0].width_m), (class, width_m), "{tags:?}");
    }
}

#[test]
fn the_pieces_of_a_bridge_have_one_deck() {
    let mut d = Drawing::default();
    let n: Vec<i64> = [-60.0, -50.0, 40.0, 60.0].iter().map(|x| d.node((*x, 0.0), &[])).collect();
    let road = [("highway", "primary")];
    d.way_of(&n[0..2], &road);
    d.way_of(&n[1..3], &[road[0], ("bridge", "yes")]);
    d.way_of(&n[2..4], &[road[0], ("bridge", "yes"), ("layer", "1")]);
    d.line(&[(0.0, 40.0), (10.0, 40.0)], &[("highway", "footway"), ("bridge", "yes")]);
    d.line(&[(0.0, 60.0), (90.0, 60.0)], &[("highway", "footway"), ("bridge", "yes"), ("layer", "2")]);
    let decks: Vec<(bool, f64)> = d.city().ways.iter().map(|w| (w.bridge, (w.deck_m * 10.0).round() / 10.0)).collect();
    assert_eq!(decks, [(false, 0.0), (true, 5.0), (true, 5.0), (true, 1.2), (true, 10.0)]);
}

#[test]
fn lines_are_cut_exactly_at_the_border() {
    let mut d = Drawing::default();
    // Out in the north, back in, out in the east, and past the corner without touching.
    d.line(&[(0.0, 0.0), (0.0, 150.0), (50.0, 150.0), (50.0, 0.0), (150.0, 0.0)], &[("highway", "primary")]);
    d.line(&[(90.0, 130.0), (130.0, 90.0)], &[("highway", "footway")]);
    let city = d.city();
    let outline = extent_outline(&city.extent, city.origin);
    let border = Polygon { outer: outline, holes: vec![] };
    assert_eq!(city.ways.len(), 2);
    let (a, b) = (&city.ways[0].line, &city.ways[1].line);
    assert_eq!((a.len(), b.len()), (2, 3));
    for end in [a[1], b[0], b[2]] {
        assert!(shape::distance_to_edge(&border, end) < 0.01, "{end}");
    }
    near(a[1].y, 100.0, 0.5);
    near(b[2].x, 100.0, 0.5);
}

#[test]
fn areas_are_cut_at_the_border_and_buildings_are_not() {
    let mut d = Drawing::default();
    d.rect(50.0, 50.0, 300.0, 300.0, &[("landuse", "forest")]);
    d.rect(90.0, -10.0, 30.0, 20.0, &[("building", "yes")]);
    d.rect(150.0, -10.0, 30.0, 20.0, &[("building", "yes")]);
    let city = d.city();
    near(area_m2(&area(&city, AreaClass::Wood).polygons), 2_500.0, 30.0);
    assert_eq!(city.buildings.len(), 1);
    near(area_m2(&city.buildings[0].outline), 600.0, 2.0);
    assert_eq!(count(&city, "building_outside_extent"), 1);
}

#[test]
fn rings_whose_nodes_are_missing_are_closed_along_the_border_or_left_out() {
    let mut d = Drawing::default();
    let known = [(60.0, 90.0), (60.0, 60.0), (95.0, 60.0)].map(|p| d.node(p, &[]));
    // The nodes beyond the north-eastern corner are not in the extract.
    let refs = [known[0], known[1], known[2], 900_001, 900_002, 900_003, known[0]];
    d.way_of(&refs, &[("leisure", "park")]);
    d.way_of(&refs, &[("building", "yes")]);
    let half = d.line(&[(-60.0, 95.0), (-60.0, 60.0), (-95.0, 60.0)], &[]);
    d.relation(&[(half, "outer"), (900_004, "outer")], &[MULTIPOLYGON, ("natural", "water")]);
    // Far from any border nothing can be said.
    let open = d.line(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], &[]);
    d.relation(&[(open, "outer"), (900_005, "outer")], &[MULTIPOLYGON, ("natural", "sand")]);
    let city = d.city();
    near(area_m2(&area(&city, AreaClass::Park).polygons), 1_600.0, 20.0);
    near(area_m2(&area(&city, AreaClass::Water).polygons), 1_600.0, 20.0);
    assert!(city.buildings.is_empty() && city.areas.len() == 2);
    assert_eq!(
        (count(&city, "building_cut_at_border"), count(&city, "area_cut_at_border"), count(&city, "open_ring")),
        (1, 2, 1)
    );
}

#[test]
fn the_sea_lies_to_the_right_of_the_coast() {
    let coast = [("natural", "coastline")];
    let sea = |draw: &dyn Fn(&mut Drawing)| {
        let mut d = Drawing::default();
        d.node((0.0, 0.0), &[("natural", "tree")]);
        draw(&mut d);
        let city = d.city();
        city.areas.iter().find(|a| a.tags.id == "sea").map(|a| (area_m2(&a.polygons), a.polygons.clone()))
    };
    let all = 40_000.0;
    assert_eq!(sea(&|_| {}), None);
    // From south to north: water in the east.
    let (east, polygons) = sea(&|d| _ = d.line(&[(50.0, -150.0), (50.0, 150.0)], &coast)).unwrap();
    near(east, all / 4.0, 60.0);
    assert!(polygons[0].outer.iter().all(|p| p.x > 49.0));
    // The other way round: water in the west.
    near(sea(&|d| _ = d.line(&[(50.0, 150.0), (50.0, -150.0)], &coast)).unwrap().0, all * 0.75, 200.0);
    // A strait between two coasts, in several ways, and an island in it.
    let strait = sea(&|d| {
        d.line(&[(-50.0, -150.0), (-50.0, 150.0)], &coast);
        let n = [(50.0, 150.0), (50.0, 0.0), (50.0, -150.0)].map(|p| d.node(p, &[]));
        d.way_of(&n[1..], &coast);
        d.way_of(&n[..2], &coast);
        d.ring(&[(-10.0, -10.0), (10.0, -10.0), (10.0, 10.0), (-10.0, 10.0)], &coast);
    });
    let (area, polygons) = strait.unwrap();
    near(area, all / 2.0 - 400.0, 120.0);
    assert_eq!((polygons.len(), polygons[0].holes.len()), (1, 1));
    // Nothing but an island: sea all around.
    near(sea(&|d| _ = d.rect(-10.0, -10.0, 20.0, 20.0, &coast)).unwrap().0, all - 400.0, 250.0);
    // A bay that fills a corner.
    near(sea(&|d| _ = d.line(&[(150.0, 0.0), (0.0, 0.0), (0.0, 150.0)], &coast)).unwrap().0, all / 4.0, 60.0);
}

#[test]
fn a_piece_of_coast_that_contradicts_the_rest_does_not_flood_the_city() {
    let coast = [("natural", "coastline")];
    let mut d = Drawing::default();
    d.line(&[(50.0, -150.0), (50.0, 150.0)], &coast);
    d.line(&[(-20.0, -95.0), (-30.0, -150.0)], &coast);
    let city = d.city();
    near(area_m2(&area(&city, AreaClass::Water).polygons), 10_000.0, 60.0);
    assert_eq!(count(&city, "coastline_contradicts"), 1);
}

#[test]
fn small_things_become_points_and_rows_become_trees() {
    let mut d = Drawing::default();
    d.node((0.0, 0.0), &[("natural", "tree"), ("height", "14 m")]);
    d.node((1.0, 0.0), &[("highway", "street_lamp")]);
    d.node((2.0, 0.0), &[("man_made", "surveillance"), ("camera:direction", "SE")]);
    d.node((3.0, 0.0), &[("public_transport", "stop_position"), ("name", "not drawn")]);
    d.node((4.0, 0.0), &[("highway", "bus_stop")]);
    d.node((500.0, 0.0), &[("amenity", "bench")]);
    d.line(&[(0.0, 0.0), (40.0, 0.0)], &[("natural", "tree_row")]);
    let city = d.city();
    let of = |class| city.points.iter().filter(|p| p.class == class).collect::<Vec<_>>();
    assert_eq!(of(PointClass::Tree)[0].height_m, Some(14.0));
    assert_eq!(of(PointClass::Camera)[0].direction_deg, Some(135.0));
    assert_eq!((of(PointClass::StreetLamp).len(), of(PointClass::Stop).len(), of(PointClass::Bench).len()), (1, 1, 0));
    // Six along 40 m; the first stands there already.
    let row: Vec<_> = of(PointClass::Tree)[1..].to_vec();
    assert_eq!(row.len(), 5);
    assert!(row.iter().all(|t| t.tags.more.get("source") == Some(&Property::Text("interpolated".into()))));
    near(row[4].position.x - row[3].position.x, 8.0, 0.1);
}

#[test]
fn text_stays_text_whatever_is_in_it() {
    let name = "<script>alert('x')</script> & \"co\"";
    let mut d = Drawing::default();
    d.rect(
        0.0,
        0.0,
        10.0,
        10.0,
        &[
            ("building", "yes"),
            ("name", name),
            ("name:zh-Hant", "赫爾辛基"),
            ("name:etymology:wikidata", "Q1"),
            ("website", "javascript:alert(1)"),
        ],
    );
    let city = d.city();
    let tags = &city.buildings[0].tags;
    assert_eq!(tags.name.as_deref(), Some(name));
    assert_eq!(tags.names.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), [("zh-Hant", "赫爾辛基")]);
    assert_eq!(tags.more.get("website"), Some(&Property::Text("javascript:alert(1)".into())));
}

#[test]
fn places_and_addresses_are_found() {
    let mut d = Drawing::default();
    d.node((5.0, 5.0), &[("addr:street", "Mannerheimintie"), ("addr:housenumber", "13"), ("addr:city", "Helsinki")]);
    d.node((6.0, 5.0), &[("amenity", "cafe"), ("name", "Ekberg")]);
    d.rect(0.0, 0.0, 10.0, 10.0, &[("building", "yes")]);
    d.rect(50.0, 50.0, 10.0, 10.0, &[("amenity", "school"), ("name", "Koulu")]);
    let city = d.city();
    let found: Vec<_> =
        city.places.iter().map(|p| (p.category.as_str(), p.tags.name.as_deref(), p.tags.address.as_deref())).collect();
    assert_eq!(
        found,
        [
            ("address", None, Some("Mannerheimintie 13")),
            ("cafe", Some("Ekberg"), None),
            ("school", Some("Koulu"), None)
        ]
    );
    assert_eq!(city.buildings[0].tags.address.as_deref(), Some("Mannerheimintie 13"));
    assert_eq!(city.title.as_deref(), Some("Helsinki"));
}

#[test]
fn coordinates_out_of_range_are_dropped_and_counted() {
    let mut d = Drawing::default();
    d.node((0.0, 0.0), &[("natural", "tree")]);
    for (lon, lat) in [("200", "60"), ("24", "-91"), ("NaN", "60"), ("inf", "60"), ("24", "1e300")] {
        let id = d.id();
        writeln!(d.nodes, "<node id=\"{id}\" lon=\"{lon}\" lat=\"{lat}\"><tag k=\"natural\" v=\"tree\"/></node>")
            .unwrap();
    }
    writeln!(d.nodes, "<node id=\"77\" lon=\"abc\" lat=\"60\"/><node lon=\"1\" lat=\"2\"/>").unwrap();
    let city = d.city();
    assert_eq!(city.points.len(), 1);
    assert_eq!((count(&city, "coordinates_out_of_range"), count(&city, "element_without_valid_attribute")), (5, 2));
}

#[test]
fn without_bounds_a_stray_node_does_not_stretch_the_city() {
    let mut d = Drawing::default();
    for x in 0..20 {
        d.node((f64::from(x) * 5.0, 0.0), &[("natural", "tree")]);
    }
    d.node((-10_000_000.0 * 0.1, 0.0), &[("natural", "tree")]);
    let xml = d.xml();
    let (bounds, end) = (xml.find("<bounds").unwrap(), xml.find("<node").unwrap());
    let city = from_bytes(format!("{}{}", &xml[..bounds], &xml[end..]).as_bytes()).unwrap();
    assert!(city.extent.east - city.extent.west < 20.0);
    // And one node alone still has ground to stand on.
    let city = from_bytes(b"<osm><node id='1' lon='3' lat='4'><tag k='natural' v='tree'/></node></osm>").unwrap();
    assert!(city.extent.east > city.extent.west && city.points.len() == 1);
}

#[test]
fn bad_files_are_named_with_the_place_and_the_fault() {
    let node = "<node id='1' lon='3' lat='4'><tag k='natural' v='tree'/></node>";
    let long = format!("<osm>\n<node id='1' lon='3' lat='4' user='{}'/></osm>", "x".repeat(3 << 20));
    let cases: &[(&[u8], &str)] = &[
        (b"", "beginning: the file is empty"),
        (b"PK\x03\x04 zip", "archive: "),
        (b"{\"type\": \"FeatureCollection\"}", "nothing to bake"),
        (b"%PDF-1.7", "beginning: expected OpenStreetMap data"),
        (b"BZh91AY", "beginning: packed with bzip2"),
        (b"\x1f\x8b\x08\x00garbage", "beginning: "),
        (b"<html><body>404</body></html>", "line 1: expected <osm>, found <html>"),
        (b"<osm version='0.6'></osm>", "nothing to bake"),
        (b"<osm>\n<way id='1'>\n<nd ref='1'/>\n", "line 4: the file ends before </osm>"),
        (b"<osm>\n<node id='1' lon=3></osm>", "line 2: "),
        (b"<osm>\n<node id='1'></way></osm>", "line 2: "),
        (b"<osm>\n<node id='1' lon='3' lat='4'><tag k='a' v='&bogus;'/></node></osm>", "line 2: "),
        (b"<osm>\xff\xfe</osm>", "line 1: "),
        (b"<osm><bounds minlat='5' minlon='5' maxlat='6' maxlon='6'/></osm>", "nothing to bake"),
        (long.as_bytes(), "a tag or text of more than"),
        (
            b"\0\0\0\x0d\x0a\x09OSMHeader",
            "byte 0: the file ends in the middle of a block header: 13 bytes announced, 11 left",
        ),
        (b"\0\x01\0\x01\x0a\x09OSMHeader\x18\x10", "byte 0: a block header of 65537 bytes"),
        (b"\0\0\0\x10\x0a\x09OSMHeader\x18\xff\xff\xff\x7f", "byte 0: a block of 268435455 bytes"),
        (
            b"\0\0\0\x0d\x0a\x09OSMHeader\x18\x7f",
            "byte 0: the file ends in the middle of a block: 127 bytes announced, 0 left",
        ),
        (
            b"\0\0\0\x0d\x0a\x09OSMHeader\x18\x02\x0a\x7f",
            "OSMHeader block at byte 0: a field of 127 bytes, but 0 are left",
        ),
        (b"\0\0\0\x0d\x0a\x09OSMHeader\x18\x05\x0a\x03\x22\x01X", "requires the feature \"X\""),
        (b"\0\0\0\x0d\x0a\x09OSMHeader\x18\x02\x22\x00", "packed with LZMA"),
    ];
    for (bytes, expected) in cases {
        let message = from_bytes(bytes).unwrap_err();
        assert!(message.contains(expected), "{:?}: {message:?}, expected {expected:?}", &bytes[..bytes.len().min(40)]);
    }
    assert!(from_bytes(format!("\u{feff}\n <osm>{node}</osm>").as_bytes()).is_ok());
    let missing = read(&[PathBuf::from("/nonexistent/x.osm")], &Silent).unwrap_err().to_string();
    assert!(missing.starts_with("cannot open /nonexistent/x.osm: "), "{missing}");
}

fn demo() -> Vec<u8> {
    std::fs::read(demo_path()).unwrap()
}

fn demo_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/Helsinki.osm.pbf")
}

/// The demo with its blocks unpacked, so that damage reaches the decoder and is not caught by zlib.
fn demo_unpacked() -> Vec<u8> {
    pbf::unpacked(&demo()).unwrap()
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        // Numerical Recipes' 64-bit generator; the upper bits are good enough.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

#[test]
fn a_cut_pbf_names_the_byte_where_its_last_block_begins() {
    let bytes = demo();
    let mut random = Random(1);
    let mut errors = 0;
    for i in 0..60 {
        let length = if i < 20 { i } else { random.below(bytes.len()) };
        if let Err(fault) = raw_from(&bytes[..length]) {
            errors += 1;
            assert!(fault.place.contains("byte ") || fault.place == "beginning", "{fault:?}");
        }
    }
    // A file may end between two blocks, but hardly by chance.
    assert!(errors >= 59, "{errors}");
}

#[test]
fn a_damaged_pbf_gives_an_error_or_a_city_but_never_a_panic() {
    let mut random = Random(2);
    let (packed, unpacked) = (demo(), demo_unpacked());
    let (mut errors, mut cities) = (0, 0);
    for round in 0..50 {
        let mut bytes = if round % 10 == 0 { packed.clone() } else { unpacked.clone() };
        // From one broken byte to many.
        for _ in 0..=round % 4 {
            let at = random.below(bytes.len());
            bytes[at] = random.below(256) as u8;
        }
        match raw_from(&bytes) {
            Err(_) => errors += 1,
            Ok(_) if round % 4 == 1 => cities += usize::from(from_bytes(&bytes).is_ok()),
            Ok(_) => {}
        }
    }
    assert!(errors > 5 && cities > 2, "{errors} errors, {cities} cities");
}

#[test]
fn xml_and_pbf_and_gzip_of_the_same_data_give_the_same_city() {
    let mut d = Drawing::default();
    d.rect(0.0, 0.0, 10.0, 10.0, &[("building", "yes"), ("height", "12")]);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(d.xml().as_bytes()).unwrap();
    let packed = gz.finish().unwrap();
    assert_eq!(format!("{:?}", from_bytes(&packed).unwrap()), format!("{:?}", d.city()));
    // Cut anywhere, a gzip file is an error.
    for length in [0, 5, 20, packed.len() / 2, packed.len() - 1] {
        assert!(from_bytes(&packed[..length]).is_err(), "{length}");
    }
    assert_eq!(format!("{:?}", from_bytes(&demo_unpacked()).unwrap()), format!("{:?}", from_bytes(&demo()).unwrap()));
}

#[test]
fn elements_of_several_inputs_are_one_by_id() {
    let dir = std::env::temp_dir().join(format!("citytwin-osm-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let mut d = Drawing::default();
    let id = d.rect(0.0, 0.0, 10.0, 10.0, &[("building", "yes"), ("height", "12")]);
    let whole = d.xml();
    // The neighbouring extract holds the same house without two of its nodes.
    let cut = whole.replacen("<nd ref=\"2\"/><nd ref=\"3\"/>", "", 1).replace("<node id=\"2\"", "<node id=\"900\"");
    let paths = [("a.osm", &whole), ("b.dat", &cut)].map(|(name, text)| {
        std::fs::write(dir.join(name), text).unwrap();
        dir.join(name)
    });
    let city = read(&paths, &Silent).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(city.buildings.len(), 1);
    near(area_m2(&building(&city, id).outline), 100.0, 1.0);
}

#[test]
fn the_demo_city_is_read_whole_and_always_the_same() {
    let city = read(&[demo_path()], &Silent).unwrap();
    let again = read(&[demo_path()], &Silent).unwrap();
    assert_eq!(format!("{city:?}"), format!("{again:?}"));
    assert_eq!(city.title.as_deref(), Some("Helsinki"));
    let points = |class| city.points.iter().filter(|p| p.class == class && !p.tags.id.contains('#')).count();
    assert_eq!(points(PointClass::Tree), 649);
    assert_eq!(points(PointClass::StreetLamp), 586);
    assert_eq!(points(PointClass::TrafficSignal), 135);
    // One of the 221 cameras is tagged on a lamp.
    assert_eq!(points(PointClass::Camera), 220);
    // 433 ways and 67 relations, less those whose nodes lie beyond the border, and two ways that are outlines of
    // relations; and parts without a building.
    let cut = count(&city, "building_cut_at_border");
    assert_eq!((city.buildings.len(), cut), (450, 60));
    let kiasma = building(&city, 8_042_215);
    assert_eq!(
        (kiasma.tags.name.as_deref(), kiasma.tags.names["en"].as_str()),
        (Some("Kiasma"), "Museum of Modern Art Kiasma")
    );
    assert_eq!(kiasma.tags.address.as_deref(), Some("Mannerheiminaukio 2"));
    let sea = &city.areas[0];
    assert_eq!((sea.tags.id.as_str(), sea.class), ("sea", AreaClass::Water));
    assert!((100_000.0..110_000.0).contains(&area_m2(&sea.polygons)), "{}", area_m2(&sea.polygons));
    check_geometry(&city);
}

/// What the rest of the bake relies on.
fn check_geometry(city: &City) {
    let outline = extent_outline(&city.extent, city.origin);
    let (low, high) = shape::bounds(&outline);
    let (low, high) = (low - DVec2::splat(0.05), high + DVec2::splat(0.05));
    let inside = |p: &DVec2| p.cmpge(low).all() && p.cmple(high).all();
    let check_ring = |ring: &[DVec2], id: &str| {
        assert!(ring.len() >= 3 && ring.iter().all(|p| p.is_finite()), "{id}");
        assert!(ring.iter().zip(ring.iter().cycle().skip(1)).all(|(a, b)| a != b), "{id}: repeated point");
    };
    let check = |polygon: &Polygon, id: &str| {
        check_ring(&polygon.outer, id);
        assert!(shape::signed_area(&polygon.outer) > 0.0, "{id}");
        for hole in &polygon.holes {
            check_ring(hole, id);
            assert!(shape::signed_area(hole) < 0.0, "{id}");
        }
    };
    for b in &city.buildings {
        assert!(!b.outline.is_empty() && !b.solids.is_empty() && b.height_m > 0.0, "{}", b.tags.id);
        b.outline.iter().chain(b.solids.iter().map(|s| &s.footprint)).for_each(|p| check(p, &b.tags.id));
        for s in &b.solids {
            assert!(s.base_m >= 0.0 && s.top_m > s.base_m && s.top_m <= 1200.0, "{}", b.tags.id);
            assert!(s.roof.height_m >= 0.0 && s.roof.height_m <= s.top_m - s.base_m + 1e-9, "{}", b.tags.id);
        }
    }
    for a in &city.areas {
        assert!(!a.polygons.is_empty(), "{}", a.tags.id);
        a.polygons.iter().for_each(|p| check(p, &a.tags.id));
        assert!(a.polygons.iter().flat_map(|p| &p.outer).all(inside), "{} sticks out", a.tags.id);
    }
    for w in &city.ways {
        assert!(w.line.len() >= 2 && w.width_m > 0.0 && w.line.iter().all(inside), "{}", w.tags.id);
    }
    assert!(city.points.iter().map(|p| &p.position).chain(city.places.iter().map(|p| &p.position)).all(inside));
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test must be loud")]
fn other_real_files_are_read() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/osm");
    let files = [
        ("monaco.osm.pbf", 1000..2000),
        ("monaco.osm.gz", 900..2000),
        ("nyc.osm.pbf", 1500..1600),
        ("suburb.osm.pbf", 2100..2220),
        ("berlin-siegessaeule.osm.gz", 5..50),
        ("osm-testdata/misc/64bit_ids.osm", 50..60),
        ("osm-testdata/grid/data/all.osm", 1..10),
    ];
    for (name, buildings) in files {
        let path = dir.join(name);
        if !path.exists() {
            eprintln!("SKIPPED: {} is not there", path.display());
            continue;
        }
        let city = read(&[path], &Silent).unwrap_or_else(|e| panic!("{e}"));
        assert!(buildings.contains(&city.buildings.len()), "{name}: {}", city.buildings.len());
        check_geometry(&city);
    }
    // Nothing in these is anything to draw.
    for name in ["osm-testdata/misc/multipolygon_testcases.osm", "osm-testdata/misc/tag_lengths.osm"] {
        let path = dir.join(name);
        assert!(!path.exists() || matches!(read(&[path], &Silent), Err(BakeError::Empty { .. })));
    }
}
