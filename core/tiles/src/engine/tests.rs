//! Selection on drawn trees.
//!
//! A tree is drawn as indented lines: a name, the geometric error in metres, and words: `add` (refine), `empty` (no
//! content), `fails`, `bytes=N` (of its content; 100 else), `also=NAME` (a further content), `tileset` (its content is
//! the tileset drawn under its name), `near=N` (only requested from within N metres of its middle). Leaves stand side
//! by side from west to east, each 100 m wide, 100 m deep and 20 m high; a parent spans its children. The first row of
//! leaves is centred on the origin.
//!
//! The eye looks straight down with a field of view of 60° over 1000 pixels: from a height of h metres it sees 1.15·h
//! metres of ground, and an error of e metres exceeds 16 pixels below a height of 54·e metres.

use super::*;
use crate::bounds::{ALL_PLANES, Bounds};
use crate::{Availability, DocTile, Implicit, SubtreeShape, TileMetadata, Volume};
use citytwin_geo::{EnuFrame, Geodetic};
use std::collections::{BTreeMap, BTreeSet};

const WIDTH: f64 = 100.0;

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
}

impl World {
    fn new(drawing: &str) -> Self {
        Self::with(drawing, Options::default())
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
        let frame = self.engine.update(&self.view).clone();
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
        self.bytes.get(url).copied().unwrap_or(100)
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

#[test]
fn a_tile_that_is_good_enough_is_drawn_and_nothing_below_it_is_fetched() {
    let mut world = World::new(CITY);
    world.look(0.0, 6000.0);
    world.check("", "city.json").arrive("city").check("", "root").arrive("root").check("root", "");
    assert!(world.engine.frame().idle);
}

#[test]
fn parent_stays_until_all_visible_children_are_ready() {
    let mut world = World::new(CITY);
    world.look(0.0, 6000.0).settle();
    world.look(0.0, 1000.0).check("root", "east west");
    world.arrive("west").check("root", "");
    world.arrive("east").check("west east", "");
}

#[test]
fn each_part_refines_when_it_is_ready_itself() {
    let mut world = World::new(CITY);
    world.look(0.0, 1000.0).check_settled("west east");
    world.look(0.0, 500.0).frame();
    world.arrive("w1").check("west east", "").arrive("w2").check("w1 w2 east", "");
    world.arrive("e1").arrive("e2").check("w1 w2 e1 e2", "");
}

#[test]
fn a_child_out_of_sight_does_not_hold_the_others_and_is_loaded_last() {
    let mut world = World::with(CITY, Options { max_requests: 2, ..Options::default() });
    world.look(0.0, 6000.0).settle();
    world.look(-150.0, 120.0).check("root", "w1 w2");
    world.arrive("w1").arrive("w2").check("w1 w2", "west").arrive("west").check("w1 w2", "east");
    assert!(world.engine.frame().settled && !world.engine.frame().idle);
    world.check_settled("w1 w2");
}

#[test]
fn turning_to_a_neighbour_that_is_still_missing_draws_its_loaded_parent() {
    let mut world = World::with(CITY, Options { preload: false, ..Options::default() });
    world.look(0.0, 1000.0).check_settled("west east");
    world.look(-180.0, 40.0).check_settled("w1");
    world.look(-150.0, 120.0).check("west", "w2").arrive("w2").check("w1 w2", "");
}

#[test]
fn what_was_detailed_stays_while_zooming_out_until_its_parent_is_there() {
    let mut world = World::with(CITY, Options { preload: false, ..Options::default() });
    world.look(0.0, 400.0).check_settled("w1 w2 e1 e2");
    world.look(0.0, 1000.0).check("w1 w2 e1 e2", "east west");
    world.arrive("west").check("west e1 e2", "").arrive("east").check("west east", "");
    world.look(0.0, 6000.0).check("west east", "root").arrive("root").check("root", "");
}

#[test]
fn ancestors_are_loaded_after_what_is_seen() {
    let mut world = World::with(CITY, Options { max_requests: 6, ..Options::default() });
    world.look(0.0, 400.0).frame();
    world.arrive("city").check("", "e1 e2 w1 w2").arrive("w1").check("w1", "").arrive_all();
    world.check("w1 w2 e1 e2", "east root west");
    assert!(world.engine.frame().settled, "preloads are nothing to wait for");
}

#[test]
fn a_coarse_tile_comes_first_when_too_much_is_missing_below_it() {
    let mut world = World::with(CITY, Options { max_loading_descendants: 3, preload: false, ..Options::default() });
    world.look(0.0, 400.0).frame();
    world.arrive("city").check("", "root").arrive("root").check("root", "e1 e2 w1 w2");
}

#[test]
fn added_children_are_drawn_besides_their_parent_as_they_come() {
    let mut world = World::with(
        "
        root 100 add
          a 0
          b 0
        ",
        Options::default(),
    );
    world.look(0.0, 1000.0).frame();
    world.arrive("city").check("", "a b root").arrive("b").check("b", "").arrive("root").check("root b", "");
    world.arrive("a").check("root a b", "");
}

#[test]
fn an_added_child_too_small_at_its_own_distance_is_left_out() {
    let mut world = World::new(
        "
        root 10 add
          a 0
          b 0
          c 0
          d 0
          e 0
          f 0
          g 0
          h 0
        ",
    );
    // Their tops are 510 m to 531 m away, those of the others 568 m and more: what the root leaves out there is less than
    // 16 pixels.
    world.look(-350.0, 530.0).check_settled("root a b c");
}

#[test]
fn empty_tiles_are_looked_through() {
    let mut world = World::new(
        "
        root 100 empty
          west 10 empty
            w1 0
            w2 0
          east 10
        ",
    );
    world.look(0.0, 500.0).frame();
    world.arrive("city").check("", "east w1 w2").arrive("w1").check("w1", "").arrive_all().check("w1 w2 east", "");
    world.look(0.0, 6000.0).check_settled("");
}

#[test]
fn a_failed_child_makes_the_parent_stay_and_is_told_once() {
    let mut world = World::new(
        "
        root 100
          a 0
          b 0 fails
        ",
    );
    world.look(0.0, 1000.0).check_settled("root");
    world.look(10.0, 1000.0).check_settled("root");
    assert_eq!(world.problems, ["fetch-failed b.glb"]);
    let progress = world.engine.frame().progress;
    assert_eq!((progress.wanted, progress.loaded, progress.failed), (2, 1, 1));
    world.look(-80.0, 20.0).check_settled("a");
}

#[test]
fn a_failed_child_calls_for_its_parent_when_that_is_not_loaded() {
    let mut world = World::with(
        "
        root 100
          a 0
          b 0 fails
        ",
        Options { preload: false, ..Options::default() },
    );
    world.look(0.0, 1000.0).frame();
    world.arrive("city").check("", "a b").arrive("b").check("", "").arrive("a").check("a", "root");
    world.arrive("root").check("root", "");
}

#[test]
fn a_failed_child_of_an_empty_parent_leaves_its_siblings_alone() {
    let mut world = World::new(
        "
        root 100 empty
          a 0
          b 0 fails
        ",
    );
    world.look(0.0, 1000.0).check_settled("a");
}

#[test]
fn a_failed_tile_is_replaced_by_its_children() {
    let mut world = World::new(
        "
        root 100 fails
          a 0
          b 0
        ",
    );
    world.look(0.0, 6000.0).check_settled("a b");
    assert_eq!(world.problems, ["fetch-failed root.glb"]);
}

#[test]
fn a_tileset_that_fails_is_told_and_others_go_on() {
    let mut world = World::new(CITY);
    world.engine.add_tileset("gone.json".into());
    world.look(0.0, 6000.0).check_settled("root");
    assert_eq!(world.problems, ["fetch-failed gone.json"]);
}

#[test]
fn no_more_requests_than_allowed_and_the_middle_of_the_view_first() {
    let mut world = World::with(CITY, Options { max_requests: 1, preload: false, ..Options::default() });
    world.look(130.0, 400.0).frame();
    world.arrive("city").check("", "e2").check("", "").arrive("e2").check("e2", "e1").arrive("e1").check("e1 e2", "w2");
}

#[test]
fn requests_that_the_view_outruns_are_aborted_and_may_come_again() {
    let mut world = World::with(CITY, Options { preload: false, ..Options::default() });
    world.look(-150.0, 120.0).frame();
    world.arrive("city").check("", "w1 w2");
    let late = world.in_flight["w1.glb"].clone();
    world.look(150.0, 120.0).check("", "e1 e2");
    assert_eq!(world.engine.frame().abort.len(), 2);
    assert!(!world.engine.arrived(late.request, Ok(Arrival::Content(ContentInfo::default()))), "nobody waits for it");
    world.look(-150.0, 120.0).check("", "w1 w2");
}

#[test]
fn over_the_budget_the_longest_unused_goes_first() {
    let mut world = World::with(CITY, Options { preload: false, cache_bytes: 300, ..Options::default() });
    world.look(-150.0, 120.0).check_settled("w1 w2");
    world.look(150.0, 120.0).check_settled("e1 e2");
    let names: BTreeSet<&str> = world.held.values().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["w2.glb", "e1.glb", "e2.glb"]));
    world.look(-150.0, 120.0).check("w2", "w1").arrive("w1").check("w1 w2", "");
}

#[test]
fn what_was_seen_again_counts_as_used() {
    let mut world = World::with(CITY, Options { preload: false, cache_bytes: 200, ..Options::default() });
    world.look(-180.0, 40.0).check_settled("w1");
    world.look(180.0, 40.0).check_settled("e2");
    world.look(-180.0, 40.0).check_settled("w1");
    world.look(20.0, 30.0).check_settled("e1");
    let names: BTreeSet<&str> = world.held.values().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["w1.glb", "e1.glb"]), "e2 is the longest unused, though loaded after w1");
}

#[test]
fn what_is_on_the_screen_is_never_freed_even_over_the_budget() {
    let mut world = World::with(CITY, Options { cache_bytes: 50, ..Options::default() });
    world.look(0.0, 400.0).check_settled("w1 w2 e1 e2");
    assert_eq!(world.engine.frame().progress.bytes, 400, "nothing was preloaded beyond the budget");
    world.look(0.0, 1000.0).check_settled("west east");
    assert_eq!(world.engine.frame().progress.bytes, 200);
}

#[test]
fn preloads_fit_into_the_budget_and_do_not_push_each_other_out() {
    let mut world = World::with(CITY, Options { cache_bytes: 250, ..Options::default() });
    // w1 and w2 in sight, west and east would be welcome: there is room for neither.
    world.look(-150.0, 120.0).check_settled("w1 w2");
    assert_eq!(world.engine.frame().progress.bytes, 200);
}

#[test]
fn a_hidden_tileset_draws_and_asks_for_nothing_and_comes_back_at_once() {
    let mut world = World::new(CITY);
    world.look(0.0, 1000.0).settle();
    world.engine.set_visible(TilesetId(0), false);
    world.look(0.0, 400.0).check("", "");
    assert!(world.engine.frame().idle);
    world.engine.set_visible(TilesetId(0), true);
    world.look(0.0, 1000.0).check("west east", "");
}

#[test]
fn a_removed_tileset_is_freed_and_its_requests_aborted() {
    let mut world = World::new(CITY);
    world.look(0.0, 1000.0).settle();
    world.look(0.0, 400.0).frame();
    let in_flight = world.in_flight.len();
    assert!(in_flight > 0);
    world.engine.remove_tileset(TilesetId(0));
    world.engine.remove_tileset(TilesetId(0));
    world.frame();
    assert!(world.held.is_empty() && world.in_flight.is_empty());
    assert_eq!(world.engine.tiles().count(), 0);
    let again = world.engine.add_tileset("city.json".into());
    assert_eq!(again, TilesetId(1), "ids of tilesets are not reused");
    world.check_settled("w1 w2 e1 e2");
}

#[test]
fn an_external_tileset_hangs_below_its_tile_and_is_always_looked_into() {
    let mut world = World::new(
        "
        root 100 empty
          quarter 10 tileset
        ",
    );
    world.publish("quarter.json", "house 1\n  room 0");
    // Its frame is that of the tile that it hangs below.
    let quarter = world.tilesets.get_mut("quarter.json").unwrap();
    quarter.tiles.iter_mut().for_each(|tile| tile.tileset_from_tile = DMat4::IDENTITY.to_cols_array());
    world.look(0.0, 2000.0).frame();
    world
        .arrive("city")
        .check("", "quarter.json")
        .arrive("quarter")
        .check("", "house")
        .arrive("house")
        .check("house", "");
    let tile = world.engine.frame().draw[0];
    assert_eq!(world.engine.tile(tile).unwrap().level, 2);
    world.look(0.0, 50.0).check_settled("room");
}

#[test]
fn a_tileset_that_holds_itself_is_a_problem_and_not_the_end() {
    let mut world = World::new(
        "
        root 100 empty
          city 10 tileset
          a 0
        ",
    );
    world.look(0.0, 500.0).check_settled("a");
    assert_eq!(world.problems, ["tileset-nested city.json"]);
}

#[test]
fn all_contents_of_a_tile_are_drawn_together() {
    let mut world = World::new(
        "
        root 100
          a 0 also=trees
        ",
    );
    world.look(0.0, 6000.0).settle();
    world.look(0.0, 1000.0).check("root", "a trees").arrive("a").check("root", "").arrive("trees");
    world.check("a trees", "");
    assert_eq!(world.engine.tiles().filter(|t| world.engine.tile(*t).unwrap().is_further_content).count(), 1);
}

#[test]
fn one_failed_content_of_several_does_not_hold_the_others() {
    let mut world = World::new("root 100 also=trees");
    world.fails.insert("trees.glb".into());
    world.look(0.0, 1000.0).check_settled("root");
}

#[test]
fn a_tile_is_only_asked_for_from_inside_its_request_volume() {
    let mut world = World::new(
        "
        root 100
          a 0 near=300
          b 0
        ",
    );
    world.look(0.0, 400.0).check_settled("root");
    world.look(0.0, 200.0).check_settled("a b");
}

#[test]
fn a_wrong_answer_is_a_problem() {
    let mut world = World::new(CITY);
    world.frame();
    let request = world.in_flight.remove("city.json").unwrap().request;
    assert!(!world.engine.arrived(request, Ok(Arrival::Content(ContentInfo::default()))));
    assert!(!world.engine.arrived(request, Ok(Arrival::Content(ContentInfo::default()))), "answered already");
    world.frame();
    assert_eq!(world.problems, ["answer-unexpected city.json"]);
}

#[test]
fn more_tiles_than_allowed_are_a_problem_and_not_the_end() {
    let mut world = World::with(CITY, Options { max_tiles: 3, ..Options::default() });
    world.look(0.0, 400.0).settle();
    assert_eq!(world.problems, ["tiles-too-many engine"]);
    assert_eq!(world.drawn(), "west east");
}

#[test]
fn an_impossible_view_changes_nothing() {
    let mut world = World::new(CITY);
    world.look(0.0, 1000.0).settle();
    world.view.eye_ecef.x = f64::NAN;
    world.check("west east", "");
}

/// A quadtree of 2² leaves in two levels of subtrees, with tight boxes for its children.
fn implicit_world() -> World {
    let mut world = World::with("root 100", Options { preload: false, ..Options::default() });
    let doc = world.tilesets.get_mut("city.json").unwrap();
    doc.tiles[0].contents = vec!["{level}-{x}-{y}.glb".into()];
    doc.tiles[0].implicit = Some(Implicit {
        subtrees: "{level}.{x}.{y}.subtree".into(),
        levels: 3,
        shape: SubtreeShape { octree: false, subtree_levels: 2, contents: 1, schema: String::new() },
    });
    world
}

#[test]
fn an_implicit_tree_is_read_subtree_by_subtree() {
    let mut world = implicit_world();
    // 100 m in four; the south-western quarter has no tile, the north-eastern one goes on below.
    let root = SubtreeDoc {
        tiles: Availability::Bits(vec![0b11101]),
        contents: vec![Availability::Bits(vec![0b11101])],
        children: Availability::Bits(vec![0, 0b0001_0000]),
        metadata: vec![
            TileMetadata::default(),
            TileMetadata { geometric_error: Some(0.0), ..TileMetadata::default() },
            TileMetadata {
                volume: Some(Volume::Box([-25.0, 25.0, 5.0, 25.0, 0.0, 0.0, 0.0, 25.0, 0.0, 0.0, 0.0, 5.0])),
                ..TileMetadata::default()
            },
            TileMetadata::default(),
        ],
        ..SubtreeDoc::default()
    };
    world.look(0.0, 1000.0).frame();
    world.arrive("city").check("", "0.0.0.subtree");
    let fetch = world.in_flight.remove("0.0.0.subtree").unwrap();
    assert!(matches!(fetch.what, What::Subtree(_)) && fetch.tile.is_none());
    world.engine.arrived(fetch.request, Ok(Arrival::Subtree(root)));
    world.frame();
    // The north-eastern quarter wants its children, and so the subtree below it.
    assert_eq!(world.fetched(), "1-0-1 1-1-0 2.2.2.subtree");
    let heights: Vec<f64> = (world.engine.tiles().map(|t| world.engine.tile(t).unwrap()))
        .map(|t| (enu().enu_from_ecef.transform_point3(t.center_ecef).z * 10.0).round() / 10.0)
        .collect();
    assert!(heights.contains(&5.0), "the tight box counts: {heights:?}");
    let below = SubtreeDoc {
        tiles: Availability::Bits(vec![0b00001]),
        contents: vec![Availability::Constant(true)],
        ..SubtreeDoc::default()
    };
    let fetch = world.in_flight.remove("2.2.2.subtree").unwrap();
    world.engine.arrived(fetch.request, Ok(Arrival::Subtree(below)));
    world.check_settled("1-1-0 1-0-1 2-2-2");
}

#[test]
fn a_tool_can_ask_for_everything() {
    let mut world = World::new(CITY);
    world.publish("other.json", "x 1 also=y\n  z 0");
    world.engine.add_tileset("other.json".into());
    loop {
        let fetches = world.engine.fetch_all();
        if fetches.is_empty() {
            break;
        }
        world.in_flight.extend(fetches.into_iter().map(|fetch| (fetch.url.clone(), fetch)));
        world.arrive_all();
    }
    assert_eq!(world.held.len(), 10);
    world.engine.options_mut().cache_bytes = u64::MAX;
    world.look(0.0, 400.0).check("w1 w2 e1 e2 x y", "");
}

/// A small generator of random numbers (Marsaglia's xorshift), the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.below(1 << 32) as f64 / f64::from(u32::MAX)
    }
}

/// A random tree of up to four levels, all REPLACE.
fn random_drawing(random: &mut Random) -> String {
    fn tile(random: &mut Random, depth: usize, count: &mut u32, out: &mut String) {
        *count += 1;
        let error = if depth == 4 { 0.0 } else { [200.0, 50.0, 12.0, 3.0][depth] };
        let words = match random.below(12) {
            0 => "empty",
            1 => "fails",
            2 => "bytes=700",
            _ => "",
        };
        out.push_str(&format!("{}t{count} {error} {words}\n", " ".repeat(depth)));
        let children = if depth == 4 { 0 } else { random.below(4) };
        for _ in 0..children {
            tile(random, depth + 1, count, out);
        }
    }
    let mut out = String::new();
    tile(random, 0, &mut 0, &mut out);
    out
}

impl World {
    /// In a tree that refines by REPLACE: no place is drawn twice, and a place in sight that is not drawn has nothing
    /// loaded that could be drawn there.
    fn assert_no_hole(&self) {
        let tree = &self.engine.tree;
        let eye = Eye::new(&self.view);
        let drawn: BTreeSet<u32> = self.engine.frame().draw.iter().map(|id| id.0).collect();
        for leaf in self.engine.tiles().map(|id| id.0).filter(|i| tree.nodes[*i as usize].first_child == tree::NONE) {
            let parent = |i: &u32| Some(tree.nodes[*i as usize].parent).filter(|p| *p != tree::NONE);
            let path: Vec<u32> = std::iter::successors(Some(leaf), parent).collect();
            let times = path.iter().filter(|i| drawn.contains(i)).count();
            assert!(times <= 1, "a place is drawn {times} times");
            // Where a tile has no content, nothing is what there is to draw.
            if path.iter().any(|i| tree.is_tile(*i) && tree.nodes[*i as usize].state == State::Empty) {
                continue;
            }
            let in_sight = tree.nodes[leaf as usize].bounds.cull(&eye, ALL_PLANES).is_some();
            let could = path.iter().any(|i| tree.nodes[*i as usize].state == State::Loaded);
            let states: Vec<_> =
                path.iter().map(|i| (&tree.nodes[*i as usize].url, tree.nodes[*i as usize].state)).collect();
            assert!(!in_sight || !could || times == 1, "there is a hole where something is loaded: {states:?}");
        }
    }

    /// What is loaded beyond the budget is wanted or drawn.
    fn assert_within_budget(&self) {
        let engine = &self.engine;
        if engine.cache.bytes <= engine.options.cache_bytes {
            return;
        }
        for node in engine.tree.nodes.iter().filter(|node| node.state == State::Loaded) {
            let needed = node.wanted_frame == engine.frame_number || node.drawn_frame == engine.frame_number;
            assert!(needed, "{} is over the budget and of no use", node.url);
        }
    }
}

#[test]
fn two_hundred_walks_have_no_hole_ask_for_nothing_twice_keep_the_budget_and_settle() {
    for seed in 1..=200u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let drawing = random_drawing(&mut random);
        let options = Options {
            cache_bytes: [300, 1500, u64::MAX][random.below(3) as usize],
            max_requests: 1 + random.below(6) as usize,
            max_loading_descendants: random.below(6) as u32,
            preload: random.below(2) == 0,
            ..Options::default()
        };
        let mut world = World::with(&drawing, options);
        let (mut east, mut height) = (0.0, 3000.0);
        for step in 0..60 {
            if random.below(10) == 0 {
                (east, height) = (random.between(-1500.0, 1500.0), random.between(10.0, 12_000.0));
            } else {
                east += random.between(-100.0, 100.0);
                height = f64::max(5.0, height * random.between(0.7, 1.4));
            }
            world.look(east, height).frame();
            world.assert_no_hole();
            world.assert_within_budget();
            for url in world.in_flight.keys().cloned().collect::<Vec<_>>() {
                if random.below(3) == 0 {
                    world.arrive(&url);
                }
            }
            if step % 20 == 19 {
                world.settle();
                world.assert_no_hole();
                world.assert_within_budget();
            }
        }
        // Where it ends up does not depend on the way that led there.
        let drawn = world.settle().drawn();
        let mut fresh = World::with(&drawing, world.engine.options().clone());
        fresh.view = world.view;
        if world.fails.is_empty() {
            assert_eq!(drawn, fresh.settle().drawn(), "seed {seed}\n{drawing}");
        }
    }
}

#[test]
fn bounds_everywhere_are_seen_from_everywhere() {
    let eye = Eye::new(&above(0.0, 100.0));
    assert_eq!(Bounds::EVERYWHERE.cull(&eye, 0b0101), Some(0b0101));
    assert_eq!(Bounds::EVERYWHERE.distance(&eye), 0.0);
}
