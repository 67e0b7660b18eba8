//! Selection on drawn trees.
//!
//! A tree is drawn as indented lines: a name, the geometric error in metres, and words: `add` (refine), `empty` (no
//! content), `fails`, `bytes=N` (of its content, megabytes; 100 else), `also=NAME` (a further content), `tileset` (its content is
//! the tileset drawn under its name), `near=N` (only requested from within N metres of its middle). Leaves stand side
//! by side from west to east, each 100 m wide, 100 m deep and 20 m high; a parent spans its children. The first row of
//! leaves is centred on the origin.
//!
//! The eye looks straight down with a field of view of 60° over 1000 pixels: from a height of h metres it sees 1.15·h
//! metres of ground, and an error of e metres exceeds 16 pixels below a height of 54·e metres.

mod options;
mod rules;
mod smooth;
mod walks;

use super::*;
use crate::{DocTile, Volume};
use citytwin_geo::{EnuFrame, Geodetic};
use std::collections::{BTreeMap, BTreeSet};
use walks::Random;

const WIDTH: f64 = 100.0;
const MB: u64 = 1_000_000;

/// A budget for so many megabytes of contents, beside the few kilobytes of the tree.
fn mb(megabytes: u64) -> u64 {
    megabytes * MB + MB / 2
}

/// Room for everything, and without what would be asked for in most drawings: the quick coarse layer and the coarsest
/// tiles.
fn quiet() -> Options {
    Options { progressive_fraction: 0.0, keep_coarsest: false, cache_bytes: mb(100_000), ..Options::default() }
}

/// A frame to stand in.
fn enu() -> EnuFrame {
    EnuFrame::new(Geodetic::from_degrees(24.945, 60.17, 0.0))
}

/// The eye, so many metres above a point of the row of leaves.
fn above(east_m: f64, height_m: f64) -> View {
    let m = enu().ecef_from_enu;
    View {
        eye_ecef: m.transform_point3(DVec3::new(east_m, 0.0, height_m)),
        direction_ecef: m.transform_vector3(-DVec3::Z),
        up_ecef: m.transform_vector3(DVec3::Y),
        fov_rad: 60f64.to_radians(),
        viewport: [1000, 1000],
    }
}

/// The world outside: it has the files, and the caller's hands.
struct World {
    engine: Engine,
    tilesets: BTreeMap<String, TilesetDoc>,
    bytes: BTreeMap<String, u64>,
    fails: BTreeSet<String>,
    in_flight: BTreeMap<String, Fetch>,
    /// Contents that the caller holds, by tile, as it was told to.
    held: BTreeMap<TileId, String>,
    problems: Vec<String>,
    view: View,
    /// Asks whether there is room before it hands a content over; how often there was none.
    asks: bool,
    refused: u32,
    /// The time that the engine is told, and how much later each frame is; `None`: it is not told.
    time: Option<(f64, f64)>,
}

impl World {
    fn new(drawing: &str) -> Self {
        Self::with(drawing, quiet())
    }

    fn with(drawing: &str, options: Options) -> Self {
        let mut world = Self {
            engine: Engine::new(options),
            tilesets: BTreeMap::new(),
            bytes: BTreeMap::new(),
            fails: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            held: BTreeMap::new(),
            problems: Vec::new(),
            view: above(0.0, 1e6),
            asks: false,
            refused: 0,
            time: None,
        };
        world.publish("city.json", drawing);
        world.engine.add_tileset("city.json".into());
        world
    }

    /// Puts a drawn tileset into the world.
    fn publish(&mut self, url: &str, drawing: &str) {
        let mut doc = TilesetDoc { version: "1.1".into(), ..TilesetDoc::default() };
        let lines: Vec<&str> = drawing.lines().filter(|line| !line.trim().is_empty()).collect();
        let depth = |line: &str| line.len() - line.trim_start().len();
        let is_leaf = |i: usize| lines.get(i + 1).is_none_or(|next| depth(next) <= depth(lines[i]));
        let leaves = (0..lines.len()).filter(|i| is_leaf(*i)).count();
        let mut path: Vec<(usize, u32)> = Vec::new();
        let mut leaf = 0;
        for (i, line) in lines.iter().enumerate() {
            path.retain(|(d, _)| *d < depth(line));
            let below = lines[i..].iter().skip(1).take_while(|l| depth(l) > depth(line)).count();
            let span = (i..=i + below).filter(|j| is_leaf(*j)).count();
            let west = (leaf as f64 - leaves as f64 / 2.0) * WIDTH;
            leaf += usize::from(is_leaf(i));
            let parent = path.last().map(|(_, index)| *index);
            let refine = parent.map_or(Refine::Replace, |p| doc.tiles[p as usize].refine);
            doc.tiles.push(self.drawn_tile(line, parent, refine, west, span as f64 * WIDTH));
            path.push((depth(line), i as u32));
        }
        self.tilesets.insert(url.into(), doc);
    }

    fn drawn_tile(&mut self, line: &str, parent: Option<u32>, refine: Refine, west: f64, width: f64) -> DocTile {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap();
        let box_of = |half_height: f64| {
            let half = width / 2.0;
            [west + half, 0.0, half_height, half, 0.0, 0.0, 0.0, 50.0, 0.0, 0.0, 0.0, half_height]
        };
        let mut tile = DocTile {
            parent,
            volume: Volume::Box(box_of(10.0)),
            content_volume: None,
            viewer_request_volume: None,
            geometric_error: words.next().unwrap().parse().unwrap(),
            refine,
            tileset_from_tile: enu().ecef_from_enu.to_cols_array(),
            contents: vec![format!("{name}.glb")],
            implicit: None,
            details: None,
        };
        for word in words {
            match word.split_once('=').unwrap_or((word, "")) {
                ("add", _) => tile.refine = Refine::Add,
                ("replace", _) => tile.refine = Refine::Replace,
                ("empty", _) => tile.contents.clear(),
                ("tileset", _) => tile.contents = vec![format!("{name}.json")],
                ("fails", _) => {
                    self.fails.insert(format!("{name}.glb"));
                }
                ("bytes", n) => {
                    self.bytes.insert(format!("{name}.glb"), n.parse().unwrap());
                }
                ("also", other) => tile.contents.push(format!("{other}.glb")),
                ("near", radius) => {
                    let radius: f64 = radius.parse().unwrap();
                    tile.viewer_request_volume = Some(Volume::Sphere([west + width / 2.0, 0.0, 0.0, radius]));
                }
                other => panic!("{other:?} is not a word of drawings"),
            }
        }
        tile
    }

    /// One frame, carried out. Holds the caller's side of the agreement, and checks the engine's.
    fn frame(&mut self) -> &mut Self {
        let frame = match &mut self.time {
            Some((now, step)) => {
                *now += *step;
                self.engine.update_at(&self.view, *now).clone()
            }
            None => self.engine.update(&self.view).clone(),
        };
        for request in &frame.abort {
            self.in_flight.retain(|_, fetch| fetch.request != *request);
        }
        for tile in &frame.free {
            assert!(self.held.remove(tile).is_some(), "{tile:?} was freed but not held");
        }
        for fetch in &frame.fetch {
            assert!(!self.held.values().any(|url| *url == fetch.url), "{} was asked for again", fetch.url);
            let twice = self.in_flight.insert(fetch.url.clone(), fetch.clone());
            assert!(twice.is_none(), "{} is in flight twice", fetch.url);
        }
        assert!(self.in_flight.len() <= self.engine.options().max_requests, "more requests than allowed");
        assert_eq!(self.in_flight.len() as u32, frame.progress.requests_active);
        for tile in &frame.draw {
            assert!(self.held.contains_key(tile), "{tile:?} is drawn but not held");
        }
        let bytes: u64 = self.held.values().map(|url| self.size(url)).sum();
        assert_eq!(bytes, frame.progress.bytes, "the engine lost count");
        self.problems.extend(frame.problems.iter().map(|p| format!("{} {}", p.code, p.place)));
        self
    }

    fn size(&self, url: &str) -> u64 {
        self.bytes.get(url).copied().unwrap_or(100) * MB
    }

    /// Megabytes of loaded contents.
    fn megabytes(&self) -> u64 {
        self.engine.frame().progress.bytes / MB
    }

    /// Answers one request.
    fn arrive(&mut self, name: &str) -> &mut Self {
        let url = [format!("{name}.glb"), format!("{name}.json"), name.to_owned()]
            .into_iter()
            .find(|url| self.in_flight.contains_key(url))
            .unwrap_or_else(|| panic!("{name} is not in flight: {:?}", self.in_flight.keys()));
        let fetch = self.in_flight.remove(&url).unwrap();
        let result = match self.tilesets.get(&url) {
            _ if self.fails.contains(&url) => Err(Problem::new("fetch-failed", "404", url.clone())),
            Some(doc) => Ok(Arrival::Tileset(doc.clone())),
            None if fetch.what == What::Json => Err(Problem::new("fetch-failed", "404", url.clone())),
            None => Ok(Arrival::Content(ContentInfo { gpu_bytes: self.size(&url), ..ContentInfo::default() })),
        };
        let holds = matches!(result, Ok(Arrival::Content(_)));
        if holds && self.asks {
            let admission = self.engine.admit(fetch.request, self.size(&url));
            for tile in &admission.free {
                assert!(self.held.remove(tile).is_some(), "{tile:?} was freed but not held");
            }
            if !admission.has_room {
                self.refused += 1;
                return self;
            }
        }
        let kept = self.engine.arrived(fetch.request, result);
        if holds && kept {
            self.held.insert(fetch.tile.unwrap(), url);
        }
        self
    }

    /// Answers everything that is in flight, once.
    fn arrive_all(&mut self) -> &mut Self {
        for url in self.in_flight.keys().cloned().collect::<Vec<_>>() {
            self.arrive(&url);
        }
        self
    }

    fn look(&mut self, east_m: f64, height_m: f64) -> &mut Self {
        self.view = above(east_m, height_m);
        self
    }

    /// Frames and answers until nothing is left to do.
    fn settle(&mut self) -> &mut Self {
        for _ in 0..1000 {
            self.frame();
            if self.engine.frame().idle {
                return self;
            }
            self.arrive_all();
        }
        panic!("it never settles: {:?}", self.engine.frame());
    }

    fn drawn(&self) -> String {
        self.names(self.engine.frame().draw.iter().map(|id| self.engine.tile(*id).unwrap().content_url.to_owned()))
    }

    fn fetched(&self) -> String {
        let mut urls: Vec<String> = self.engine.frame().fetch.iter().map(|fetch| fetch.url.clone()).collect();
        urls.sort();
        self.names(urls.into_iter())
    }

    fn names(&self, urls: impl Iterator<Item = String>) -> String {
        let short = |url: String| url.trim_end_matches(".glb").to_owned();
        urls.map(short).collect::<Vec<_>>().join(" ")
    }

    /// One frame, and what it draws, in tree order, and fetches, sorted.
    #[track_caller]
    fn check(&mut self, drawn: &str, fetched: &str) -> &mut Self {
        self.frame();
        assert_eq!((self.drawn().as_str(), self.fetched().as_str()), (drawn, fetched), "(drawn, fetched)");
        self
    }

    /// Everything settled, and what is drawn then.
    #[track_caller]
    fn check_settled(&mut self, drawn: &str) -> &mut Self {
        self.settle();
        assert_eq!(self.drawn(), drawn);
        self
    }
}

const CITY: &str = "
    root 100
      west 10
        w1 0
        w2 0
      east 10
        e1 0
        e2 0
";
