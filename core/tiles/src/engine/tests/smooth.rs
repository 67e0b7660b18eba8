//! What must hold from frame to frame: no hole, no flicker, no swinging.

use super::*;
use crate::bounds::ALL_PLANES;

/// Four levels over eight leaves.
const TOWN: &str = "
    root 100
      west 30
        nw 8
          a 0
          b 0
        sw 8
          c 0
          d 0
      east 30
        ne 8
          e 0
          f 0
        se 8
          g 0
          h 0
";

impl World {
    /// How deep the tree is drawn at each leaf in sight.
    fn depths(&self) -> BTreeMap<String, Option<u32>> {
        let tree = &self.engine.tree;
        let eye = Eye::new(&self.view);
        let drawn: BTreeSet<u32> = self.engine.frame().draw.iter().map(|id| id.0).collect();
        let mut depths = BTreeMap::new();
        for tileset in self.tilesets.values() {
            for tile in tileset.tiles.iter().filter(|tile| tile.geometric_error == 0.0) {
                let place = DMat4::from_cols_array(&tile.tileset_from_tile);
                if crate::bounds::Bounds::new(&tile.volume, &place).cull(&eye, ALL_PLANES).is_none() {
                    continue;
                }
                // The deepest node above the leaf that is known so far.
                let center = crate::bounds::Bounds::new(&tile.volume, &place).center;
                let over = |i: &u32| (tree.nodes[*i as usize].bounds.center - center).length() < 1e5;
                let holds = |i: u32| {
                    let Volume::Box(b) = tile.volume else { return false };
                    let node = enu().enu_from_ecef.transform_point3(tree.nodes[i as usize].bounds.center);
                    let half = WIDTH / 2.0 * f64::from(1 << (3 - tree.nodes[i as usize].level.min(3)));
                    (node.x - b[0]).abs() <= half
                };
                let found = drawn.iter().copied().filter(over).find(|i| holds(*i));
                depths.insert(tile.contents[0].clone(), found.map(|i| tree.nodes[i as usize].level));
            }
        }
        depths
    }
}

#[test]
fn zooming_in_and_out_shows_no_hole_and_never_goes_back_and_forth() {
    for seed in 1..=40u64 {
        let mut random = Random(seed * 0x9e37_79b9);
        let mut world = World::with(TOWN, Options { cache_bytes: mb(100_000), ..Options::default() });
        world.time = Some((0.0, 1.0 / 60.0));
        world.look(0.0, 6000.0).check_settled("root");
        let east = random.between(-350.0, 350.0);
        let (mut before, mut fallen) = (BTreeMap::new(), BTreeSet::new());
        for step in 0..600 {
            // In, a rest, and out again.
            let way = match step {
                0..250 => f64::from(step) / 250.0,
                250..350 => 1.0,
                _ => f64::from(600 - step) / 250.0,
            };
            world.look(east * way, 6000.0 * (40.0f64 / 6000.0).powf(way)).frame();
            let depths = world.depths();
            for (leaf, depth) in &depths {
                assert!(depth.is_some(), "seed {seed}, step {step}: nothing is drawn at {leaf}");
                let Some(Some(earlier)) = before.get(leaf) else { continue };
                let (coarser, finer) = (depth < &Some(*earlier), depth > &Some(*earlier));
                // What just came into sight may become finer once; what was fine and became coarser may not.
                let back = if step < 350 { coarser } else { finer && fallen.contains(leaf) };
                assert!(!back, "seed {seed}, step {step}: {leaf} goes from level {earlier} to {depth:?}");
                if coarser {
                    fallen.insert(leaf.clone());
                }
            }
            before = depths;
            for url in world.in_flight.keys().cloned().collect::<Vec<_>>() {
                if random.below(4) == 0 {
                    world.arrive(&url);
                }
            }
        }
    }
}

#[test]
fn at_rest_the_allowed_error_falls_at_most_once_and_rises_at_most_once() {
    let mut tight = 0;
    for seed in 1..=150u64 {
        let mut random = Random(seed.wrapping_mul(0x1234_5678_9abc_def1));
        let drawing = walks::random_drawing(&mut random);
        let cache_bytes = mb(150 + random.below(600));
        let mut world = World::with(&drawing, Options { cache_bytes, ..quiet() });
        // Sizes become known on the way to the first rest; from then on nothing new is learned but by looking closer.
        for (east, height) in [(0.0, 3000.0), (50.0, 300.0), (0.0, 1000.0), (0.0, 200.0), (0.0, 5000.0), (20.0, 250.0)]
        {
            world.look(east, height).settle();
            world.look(east, height * 1.01).settle();
            let rest = world.engine.frame().effective_error_px;
            tight += u32::from(rest > 16.0);
            for _ in 0..30 {
                world.frame();
                assert_eq!(world.engine.frame().effective_error_px, rest, "seed {seed}: it swings");
                let frame = world.engine.frame();
                assert!(frame.idle && !frame.again && frame.fetch.is_empty(), "seed {seed}");
            }
        }
    }
    assert!(tight > 50, "only {tight} views did not fit");
}

#[test]
fn the_allowed_error_moves_by_small_steps_and_leaves_the_picture_alone_within_the_dead_band() {
    // Thirty-two leaves, one level above them.
    let mut drawing = String::from("root 1000\n");
    for parent in 0..8 {
        drawing.push_str(&format!(" p{parent} 40\n"));
        (0..4).for_each(|leaf| drawing.push_str(&format!("  l{parent}{leaf} 0 bytes=10\n")));
    }
    let drawing = drawing.replace(" 40\n", " 40 bytes=10\n").replace("root 1000", "root 1000 bytes=10");
    let mut world = World::with(&drawing, Options { cache_bytes: mb(155), preload: false, ..quiet() });
    world.look(0.0, 2000.0).settle();
    let mut last = world.engine.frame().effective_error_px;
    let mut changes = 0;
    for step in 0..300 {
        // A slow drift to and fro over a place where the view hardly fits.
        world.look(200.0 + (f64::from(step) / 20.0).sin() * 5.0, 1500.0).frame();
        world.arrive_all();
        let now = world.engine.frame().effective_error_px;
        if step > 100 {
            assert!(now / last <= 1.1001 && last / now <= 1.0201, "{last} to {now}");
            changes += u32::from(now != last);
        }
        assert!(world.megabytes() <= 155 + 20, "{} MB", world.megabytes());
        last = now;
    }
    assert!(changes <= 4, "{changes} changes in 200 frames");
    assert!(last > 16.0, "the view does not fit");
}
