//! The synthetic city that CesiumJS is compared with: the same tiles for the same views.
//!
//! `peer_city/cesium.json` holds the city's shape and what CesiumJS draws of it, with its source.

use citytwin_geo::{EnuFrame, Geodetic};
use citytwin_tiles::{Arrival, ContentInfo, DocTile, Engine, Fetch, Options, Refine, TilesetDoc, View, Volume, What};
use glam::{DMat4, DVec3};
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
struct City {
    lon_deg: f64,
    lat_deg: f64,
    depth: u32,
    leaf_m: f64,
    /// Column by column from the south-west.
    leaf_heights_mm: Vec<u32>,
    views: Vec<Selected>,
}

#[derive(Deserialize)]
struct Selected {
    eye: [f64; 3],
    direction: [f64; 3],
    up: [f64; 3],
    fov_rad: f64,
    viewport: [u32; 2],
    drawn: BTreeSet<String>,
}

impl City {
    fn read() -> Self {
        serde_json::from_str(include_str!("peer_city/cesium.json")).expect("the fixture is JSON of this shape")
    }

    fn ecef_from_tile(&self) -> DMat4 {
        EnuFrame::new(Geodetic::from_degrees(self.lon_deg, self.lat_deg, 0.0)).ecef_from_enu
    }

    /// As high as its highest leaf.
    fn height_m(&self, level: u32, x: u32, y: u32) -> f64 {
        let leaves = 1 << (self.depth - level);
        let column = |x: u32| (0..leaves).map(move |j| x * (1 << self.depth) + y * leaves + j);
        let below = (0..leaves).flat_map(|i| column(x * leaves + i));
        below.map(|leaf| f64::from(self.leaf_heights_mm[leaf as usize]) / 1000.0).fold(0.0, f64::max)
    }

    fn tileset(&self) -> TilesetDoc {
        let mut doc = TilesetDoc { version: "1.1".into(), ..TilesetDoc::default() };
        self.add(&mut doc, None, 0, 0, 0);
        doc
    }

    fn add(&self, doc: &mut TilesetDoc, parent: Option<u32>, level: u32, x: u32, y: u32) {
        let whole = self.leaf_m * f64::from(1 << self.depth);
        let size = whole / f64::from(1 << level);
        let middle = |i: u32| (f64::from(i) + 0.5) * size - whole / 2.0;
        let (half, up) = (size / 2.0, self.height_m(level, x, y) / 2.0);
        let index = doc.tiles.len() as u32;
        doc.tiles.push(DocTile {
            parent,
            volume: Volume::Box([middle(x), middle(y), up, half, 0.0, 0.0, 0.0, half, 0.0, 0.0, 0.0, up]),
            content_volume: None,
            viewer_request_volume: None,
            geometric_error: if level == self.depth { 0.0 } else { size / 16.0 },
            refine: Refine::Replace,
            tileset_from_tile: self.ecef_from_tile().to_cols_array(),
            contents: vec![format!("{level}_{x}_{y}.glb")],
            implicit: None,
            details: None,
        });
        if level < self.depth {
            for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                self.add(doc, Some(index), level + 1, 2 * x + i, 2 * y + j);
            }
        }
    }
}

/// Gives the engine what it asks for; how many contents that were.
fn answer(city: &City, engine: &mut Engine, fetches: &[Fetch]) -> u32 {
    for fetch in fetches {
        let arrival = match fetch.what {
            What::Content => Arrival::Content(ContentInfo { gpu_bytes: 130_000, ..ContentInfo::default() }),
            _ => Arrival::Tileset(city.tileset()),
        };
        assert!(engine.arrived(fetch.request, Ok(arrival)));
    }
    fetches.iter().filter(|fetch| fetch.what == What::Content).count() as u32
}

/// How many contents the engine asks for in a view until it has nothing left to ask for.
fn asked(city: &City, engine: &mut Engine, view: &View) -> u32 {
    let mut contents = 0;
    for _ in 0..1000 {
        let frame = engine.update(view);
        if frame.idle {
            return contents;
        }
        let fetches = frame.fetch.clone();
        contents += answer(city, engine, &fetches);
    }
    panic!("it is never idle");
}

/// Everything that the engine draws for a view, once it has settled, and how many contents it asked for.
fn drawn(city: &City, engine: &mut Engine, view: &View) -> (BTreeSet<String>, u32) {
    let mut contents = 0;
    for _ in 0..1000 {
        let frame = engine.update(view);
        if frame.settled {
            let ids = frame.draw.clone();
            let name = |id| engine.tile(id).map(|tile| tile.content_url.trim_end_matches(".glb").to_owned());
            return (ids.into_iter().filter_map(name).collect(), contents);
        }
        let fetches = frame.fetch.clone();
        contents += answer(city, engine, &fetches);
    }
    panic!("it never settles");
}

fn views(city: &City) -> impl Iterator<Item = (View, &BTreeSet<String>)> {
    city.views.iter().map(|selected| {
        let view = View {
            eye_ecef: DVec3::from_array(selected.eye),
            direction_ecef: DVec3::from_array(selected.direction),
            up_ecef: DVec3::from_array(selected.up),
            fov_rad: selected.fov_rad,
            viewport: selected.viewport,
        };
        (view, &selected.drawn)
    })
}

#[test]
fn the_same_tiles_are_drawn_as_cesium_draws() {
    let city = City::read();
    let mut engine = Engine::new(Options { preload: false, ..Options::default() });
    engine.add_tileset("tileset.json".into());
    for ((view, theirs), count) in views(&city).zip([72, 115, 18]) {
        let (ours, _) = drawn(&city, &mut engine, &view);
        assert_eq!(theirs.len(), count);
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
        assert_eq!((only(&ours, theirs), only(theirs, &ours)), (Vec::new(), Vec::new()), "(only ours, only theirs)");
    }
}

#[test]
fn a_view_costs_little_more_requests_than_the_tiles_that_it_draws() {
    let city = City::read();
    for ((view, theirs), most) in views(&city).zip([76, 122, 24]) {
        let mut engine = Engine::new(Options { preload: false, ..Options::default() });
        engine.add_tileset("tileset.json".into());
        let (ours, contents) = drawn(&city, &mut engine, &view);
        assert_eq!(ours.len(), theirs.len());
        assert!(contents <= most, "{contents} requests for {} tiles", ours.len());
    }
}

#[test]
fn nothing_is_asked_for_but_what_is_drawn_what_lies_above_it_and_beside_it() {
    let city = City::read();
    let mut engine = Engine::new(Options::default());
    engine.add_tileset("tileset.json".into());
    let contents: u32 = views(&city).map(|(view, _)| asked(&city, &mut engine, &view)).sum();
    let above = |name: &String| {
        let numbers: Vec<u32> = name.split('_').filter_map(|number| number.parse().ok()).collect();
        (1..=numbers[0]).map(|up| [numbers[0] - up, numbers[1] >> up, numbers[2] >> up]).collect::<Vec<_>>()
    };
    let refined: BTreeSet<[u32; 3]> = views(&city).flat_map(|(_, drawn)| drawn.iter().flat_map(above)).collect();
    assert!(contents as usize <= 1 + 4 * refined.len(), "{contents} for {} tiles that are refined", refined.len());
}
