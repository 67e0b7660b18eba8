//! One drawn tree for each rule.

use super::*;
use crate::bounds::Bounds;
use crate::{Availability, Implicit, SubtreeShape, TileMetadata};

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
fn tiles_below_have_the_tile_above_as_their_parent() {
    let mut world = World::new(CITY);
    world.look(0.0, 500.0).settle();
    let engine = &world.engine;
    let tiles = Vec::from_iter(engine.tiles());
    for id in &tiles {
        let children = Vec::from_iter(tiles.iter().filter(|child| engine.parent(**child) == Some(*id)).copied());
        assert_eq!(BTreeSet::from_iter(engine.children(*id)), BTreeSet::from_iter(children), "{id:?}");
    }
    assert!(tiles.iter().any(|id| engine.children(*id).count() == 2));
    assert_eq!(engine.children(TileId(u32::MAX)).count(), 0);
}

#[test]
fn what_the_caller_lost_is_asked_for_again_and_nothing_else() {
    let mut world = World::new(CITY);
    world.look(0.0, 500.0).check_settled("w1 w2 e1 e2");
    world.engine.forget_contents();
    world.held.clear();
    assert!(world.engine.frame().draw.is_empty());
    world.frame();
    assert!(!world.in_flight.values().any(|fetch| fetch.what == What::Json), "the tree is still known");
    assert!(!world.engine.frame().settled);
    world.check_settled("w1 w2 e1 e2");
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
    let mut world = World::with(CITY, Options { max_requests: 2, ..quiet() });
    world.look(0.0, 6000.0).settle();
    world.look(-150.0, 120.0).check("root", "w1 w2");
    world.arrive("w1").arrive("w2").check("w1 w2", "west").arrive("west").check("w1 w2", "east");
    assert!(world.engine.frame().settled && !world.engine.frame().idle);
    world.check_settled("w1 w2");
}

#[test]
fn nothing_is_loaded_below_a_tile_none_of_whose_children_is_in_sight() {
    let mut world = World::new(CITY);
    let tiles = &mut world.tilesets.get_mut("city.json").expect("it was published").tiles;
    let east = tiles.iter_mut().find(|tile| tile.contents == ["east.glb"]).expect("it was drawn");
    // It claims what lies in the west, where it has nothing.
    east.volume = Volume::Box([0.0, 0.0, 10.0, 200.0, 0.0, 0.0, 0.0, 50.0, 0.0, 0.0, 0.0, 10.0]);
    world.look(-150.0, 120.0).check_settled("w1 w2");
    let held: BTreeSet<&str> = world.held.values().map(String::as_str).collect();
    assert_eq!(held, BTreeSet::from(["east.glb", "root.glb", "w1.glb", "w2.glb", "west.glb"]));
}

#[test]
fn turning_to_a_neighbour_that_is_still_missing_draws_its_loaded_parent() {
    let mut world = World::with(CITY, Options { preload: false, ..quiet() });
    world.look(0.0, 1000.0).check_settled("west east");
    world.look(-180.0, 40.0).check_settled("w1");
    world.look(-150.0, 120.0).check("west", "w2").arrive("w2").check("w1 w2", "");
}

#[test]
fn what_was_detailed_stays_while_zooming_out_until_its_parent_is_there() {
    let mut world = World::with(CITY, Options { preload: false, ..quiet() });
    world.look(0.0, 400.0).check_settled("w1 w2 e1 e2");
    world.look(0.0, 1000.0).check("w1 w2 e1 e2", "east west");
    world.arrive("west").check("west e1 e2", "").arrive("east").check("west east", "");
    world.look(0.0, 6000.0).check("west east", "root").arrive("root").check("root", "");
}

#[test]
fn ancestors_are_loaded_after_what_is_seen() {
    let mut world = World::with(CITY, Options { max_requests: 6, ..quiet() });
    world.look(0.0, 400.0).frame();
    world.arrive("city").check("", "e1 e2 w1 w2").arrive("w1").check("w1", "").arrive_all();
    world.check("w1 w2 e1 e2", "east root west");
    assert!(world.engine.frame().settled, "preloads are nothing to wait for");
}

#[test]
fn a_coarse_tile_comes_first_when_too_much_is_missing_below_it() {
    let mut world = World::with(CITY, Options { max_loading_descendants: 3, preload: false, ..quiet() });
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
        quiet(),
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
        Options { preload: false, ..quiet() },
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
    let mut world = World::with(CITY, Options { max_requests: 1, preload: false, ..quiet() });
    world.look(130.0, 400.0).frame();
    world.arrive("city").check("", "e2").check("", "").arrive("e2").check("e2", "e1").arrive("e1").check("e1 e2", "w2");
}

#[test]
fn requests_that_the_view_outruns_are_aborted_and_may_come_again() {
    let mut world = World::with(CITY, Options { preload: false, ..quiet() });
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
    let mut world = World::with(CITY, Options { preload: false, cache_bytes: mb(300), ..quiet() });
    world.look(-150.0, 120.0).check_settled("w1 w2");
    world.look(150.0, 120.0).check_settled("e1 e2");
    let names: BTreeSet<&str> = world.held.values().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["w2.glb", "e1.glb", "e2.glb"]));
    world.look(-150.0, 120.0).check("w2", "w1").arrive("w1").check("w1 w2", "");
}

#[test]
fn what_was_seen_again_counts_as_used() {
    let mut world = World::with(CITY, Options { preload: false, cache_bytes: mb(200), ..quiet() });
    world.look(-180.0, 40.0).check_settled("w1");
    world.look(180.0, 40.0).check_settled("e2");
    world.look(-180.0, 40.0).check_settled("w1");
    world.look(20.0, 30.0).check_settled("e1");
    let names: BTreeSet<&str> = world.held.values().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["w1.glb", "e1.glb"]), "e2 is the longest unused, though loaded after w1");
}

#[test]
fn a_view_that_does_not_fit_is_drawn_coarser_until_it_does() {
    for (megabytes, drawn, effective_px) in
        [(400, "w1 w2 e1 e2", 16.0..=16.0), (250, "west east", 22.0..=26.0), (50, "root", 200.0..=260.0)]
    {
        let mut world = World::with(CITY, Options { cache_bytes: mb(megabytes), ..quiet() });
        world.look(0.0, 400.0).check_settled(drawn);
        let found = world.engine.frame().effective_error_px;
        assert!(effective_px.contains(&found), "{megabytes} MB: {found} px");
        assert!(world.megabytes() <= megabytes.max(100), "{} MB", world.megabytes());
        // With room again it becomes as fine as it was to be.
        world.engine.options_mut().cache_bytes = mb(1000);
        world.check_settled("w1 w2 e1 e2");
        assert_eq!(world.engine.frame().effective_error_px, 16.0);
    }
}

#[test]
fn what_is_on_the_screen_stays_when_the_budget_shrinks_below_it() {
    let mut world = World::with(CITY, Options { preload: false, ..quiet() });
    world.look(0.0, 400.0).check_settled("w1 w2 e1 e2");
    world.engine.options_mut().cache_bytes = mb(250);
    for _ in 0..100 {
        world.frame();
        if world.drawn() == "west east" {
            return;
        }
        // One at a time: each one that comes takes the place of two.
        assert!(world.in_flight.len() <= 1);
        assert!(["w1 w2 e1 e2", "west e1 e2", "w1 w2 east"].contains(&world.drawn().as_str()), "{}", world.drawn());
        world.arrive_all();
    }
    panic!("it never fits");
}

#[test]
fn preloads_fit_into_the_budget_and_do_not_push_each_other_out() {
    let mut world = World::with(CITY, Options { cache_bytes: mb(250), ..quiet() });
    // w1 and w2 in sight, west and east would be welcome: there is room for neither.
    world.look(-150.0, 120.0).check_settled("w1 w2");
    assert_eq!(world.megabytes(), 200);
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
    let mut world = World::with(CITY, Options { max_tiles: 3, ..quiet() });
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
    let mut world = World::with("root 100", Options { preload: false, ..quiet() });
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
fn corners_of_a_tile_are_those_of_its_box() {
    let mut world = World::new(CITY);
    world.look(0.0, 1000.0).settle();
    let engine = &world.engine;
    let west = engine.tiles().find(|id| engine.tile(*id).unwrap().content_url.contains("west")).unwrap();
    let corners = engine.corners(west).unwrap().map(|corner| enu().enu_from_ecef.transform_point3(corner));
    let [low, high] = [corners.into_iter().reduce(DVec3::min), corners.into_iter().reduce(DVec3::max)];
    assert!((high.unwrap() - low.unwrap() - (corners[7] - corners[0])).length() < 1e-6, "{corners:?}");
    assert!((corners[0] - corners[4]).abs().abs_diff_eq(DVec3::Z * 20.0, 1e-6), "{corners:?}");
    assert_eq!(engine.corners(TileId(1_000_000)), None);
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

#[test]
fn bounds_everywhere_are_seen_from_everywhere() {
    let eye = Eye::new(&above(0.0, 100.0));
    assert_eq!(Bounds::EVERYWHERE.cull(&eye, 0b0101), Some(0b0101));
    assert_eq!(Bounds::EVERYWHERE.distance(&eye), 0.0);
}
