//! One drawn tree for each thing that a caller may set or say.

use super::*;

#[test]
fn a_quick_coarse_layer_comes_first_where_nothing_is_drawn() {
    let options = Options { max_requests: 2, preload: false, keep_coarsest: false, ..Options::default() };
    let mut world = World::with(CITY, Options { cache_bytes: mb(100_000), ..options });
    world.look(0.0, 400.0).frame();
    // The root is too coarse even for a picture of 0.3 of the height.
    world.arrive("city").check("", "east west").arrive("east").arrive("west");
    world.check("west east", "e1 w2").arrive("e1").arrive("w2").check("west east", "e2 w1");
    world.arrive("w1").arrive("e2").check("w1 w2 e1 e2", "");
    // Where something is drawn, nothing quick is asked for.
    world.look(0.0, 100_000.0).settle();
    let mut world = World::with(CITY, Options { cache_bytes: mb(100_000), preload: false, ..Options::default() });
    world.look(0.0, 6000.0).check_settled("root").look(0.0, 400.0).check("root", "e1 e2 w1 w2");
}

#[test]
fn the_coarsest_tile_comes_first_and_stays_so_that_no_turn_finds_nothing() {
    let options = Options { preload: false, progressive_fraction: 0.0, cache_bytes: mb(300), ..Options::default() };
    let mut world = World::with(CITY, Options { max_requests: 2, ..options });
    world.look(-150.0, 120.0).frame();
    world.arrive("city").check("", "root w1").arrive("root").arrive("w1").check("root", "w2");
    world.arrive("w2").check("w1 w2", "");
    // There is room for three: what takes the place of the others is the coarsest until they are there.
    world.look(150.0, 120.0).check("root", "e1 e2").arrive("e1").check("root", "").arrive("e2").check("e1 e2", "");
}

#[test]
fn levels_are_skipped_as_far_as_the_caller_likes() {
    for (factor, order) in [
        (1.0, &["root", "east west", "e1 e2 w1 w2"][..]),
        (16.0, &["root", "e1 e2 w1 w2"]),
        (f64::INFINITY, &["e1 e2 w1 w2"]),
    ] {
        let mut world = World::with(CITY, Options { skip_error_factor: factor, preload: false, ..quiet() });
        world.look(0.0, 400.0).frame();
        world.arrive("city");
        for fetched in order {
            world.frame();
            assert_eq!(world.fetched(), *fetched, "factor {factor}");
            world.arrive_all();
        }
        world.check_settled("w1 w2 e1 e2");
    }
}

/// A world over which the eye moves east at so many metres a second, told the time sixty times a second; what the last
/// frame fetches.
fn moving(metres_per_second: f64) -> World {
    let mut world = World::with(CITY, Options { preload: false, ..quiet() });
    world.time = Some((0.0, 1.0 / 60.0));
    world.look(-metres_per_second / 30.0, 400.0).frame();
    world.arrive("city").look(-metres_per_second / 60.0, 400.0).frame();
    for fetch in std::mem::take(&mut world.in_flight).into_values() {
        world.engine.arrived(fetch.request, Err(Problem::new("lost", "on the way", "")));
    }
    world.engine.retry();
    world.look(0.0, 400.0).frame();
    world
}

#[test]
fn what_the_eye_has_passed_before_it_comes_is_not_asked_for_and_something_larger_is() {
    // Leaves are 143 m from corner to corner, the next level 224 m, the root 412 m.
    for (metres_per_second, fetched) in [(50.0, "e1 e2 w1 w2"), (180.0, "east west"), (300.0, "root"), (600.0, "")] {
        let mut world = moving(metres_per_second);
        assert_eq!(world.fetched(), fetched, "{metres_per_second} m/s");
        assert!(!world.engine.frame().settled, "it is still missed");
        world.check_settled("w1 w2 e1 e2");
    }
    let mut world = moving(300.0);
    world.check("", "e1 e2 w1 w2");
    assert_eq!(world.engine.frame().abort.len(), 1, "at rest, the root is of no use any more");
}

#[test]
fn after_a_jump_what_is_there_now_is_asked_for_with_the_next_frame() {
    let mut world = World::with(CITY, Options { preload: false, ..quiet() });
    world.time = Some((0.0, 1.0 / 60.0));
    world.look(150.0, 120.0).frame();
    world.arrive("city").check("", "e1 e2");
    world.look(-150.0, 120.0).check("", "");
    assert_eq!(world.engine.frame().abort.len(), 2, "what was asked for before is of no use here");
    assert!(!world.engine.frame().settled && world.engine.frame().again);
    world.check("", "w1 w2");
    assert!(!world.engine.frame().again, "now it waits for what arrives");
    world.check_settled("w1 w2");
}

#[test]
fn a_flights_destination_is_loaded_on_the_way_and_drawn_on_arrival() {
    let mut world = World::with(CITY, Options { preload: false, ..quiet() });
    world.look(150.0, 120.0).check_settled("e1 e2");
    world.engine.preload_view(Some(above(-150.0, 120.0)));
    world.check("e1 e2", "w1 w2").settle();
    assert!(world.engine.frame().settled, "nobody waits for it");
    world.look(-150.0, 120.0).check("w1 w2", "");
    assert!(world.engine.frame().idle);
    // What the eye misses where it is goes first.
    let mut world = World::with(CITY, Options { max_requests: 2, preload: false, ..quiet() });
    world.engine.preload_view(Some(above(-150.0, 120.0)));
    world.look(150.0, 120.0).frame();
    world.arrive("city").check("", "e1 e2").arrive_all().check("e1 e2", "w1");
    // Broken off, its requests are of no use any more.
    world.engine.preload_view(None);
    world.check("e1 e2", "");
    assert_eq!(world.engine.frame().abort.len(), 1);
    // It never pushes out what is seen, nor itself.
    let mut world = World::with(CITY, Options { cache_bytes: mb(350), preload: false, ..quiet() });
    world.engine.preload_view(Some(above(-150.0, 120.0)));
    world.look(150.0, 120.0).check_settled("e1 e2");
    assert_eq!(world.megabytes(), 300);
}

#[test]
fn what_failed_is_asked_for_again_when_the_caller_says_so() {
    let mut world = World::with(CITY, quiet());
    world.fails.extend(["city.json".into(), "w1.glb".into()]);
    world.look(0.0, 400.0).check_settled("");
    assert_eq!(world.problems, ["fetch-failed city.json"]);
    world.check("", "").check("", "");
    world.fails.remove("city.json");
    assert_eq!(world.engine.retry(), 1);
    world.check_settled("west e1 e2");
    world.fails.clear();
    assert_eq!(world.engine.retry(), 1);
    world.check_settled("w1 w2 e1 e2");
    assert_eq!(world.engine.retry(), 0);
    assert_eq!(world.problems.len(), 2);
}

#[test]
fn what_haze_hides_is_neither_drawn_nor_asked_for() {
    let mut world = World::with(CITY, Options { hidden_beyond_m: 385.0, ..quiet() });
    // Tops of the middle leaves are 380 m away, those of the outer ones 393 m.
    world.look(0.0, 400.0).check_settled("w2 e1");
    assert!(!world.held.values().any(|url| url == "w1.glb" || url == "e2.glb"));
}

const ROW: &str = "
    root 100
      a 0
      b 0
      c 0
      d 0
      e 0
      f 0
      g 0
      h 0
";

#[test]
fn while_the_eye_moves_only_the_middle_becomes_finer() {
    let mut world = World::with(ROW, Options { foveated_cone: 0.0, outrun_secs: 0.0, ..quiet() });
    world.time = Some((0.0, 0.06));
    world.look(0.0, 6000.0).check_settled("root");
    world.look(0.0, 900.0).check("root", "d e");
    world.check("root", "").check("root", "").check("root", "");
    // Two tenths of a second after it came to rest.
    world.check("root", "a b c f g h");
}

#[test]
fn added_tiles_that_do_not_fit_are_left_out_from_the_farthest_on() {
    let row = ROW.replace("root 100", "root 20 add");
    let mut world = World::with(&row, Options { preload: false, ..quiet() });
    world.look(0.0, 700.0).check_settled("root a b c d e f g h");
    world.engine.options_mut().cache_bytes = mb(550);
    world.check_settled("root c d e f");
    assert_eq!(world.megabytes(), 500);
    // The same below a parent that is empty: it could not be drawn in their place.
    let row = ROW.replace("root 100", "root 20 empty");
    let mut world = World::with(&row, Options { cache_bytes: mb(450), ..quiet() });
    world.look(0.0, 700.0).check_settled("c d e f");
}
