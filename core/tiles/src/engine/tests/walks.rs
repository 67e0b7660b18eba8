//! Random walks over random trees, and what must hold in every frame of them.

use super::*;
use crate::bounds::ALL_PLANES;

/// A small generator of random numbers (Marsaglia's xorshift), the same everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.below(1 << 32) as f64 / f64::from(u32::MAX)
    }
}

/// A random tree of up to four levels, all REPLACE.
pub(super) fn random_drawing(random: &mut Random) -> String {
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

    /// Along rays through the picture: the ground is drawn exactly once wherever anything could be drawn there.
    fn assert_rays_meet_one_level(&self, random: &mut Random) {
        let tree = &self.engine.tree;
        let drawn: BTreeSet<u32> = self.engine.frame().draw.iter().map(|id| id.0).collect();
        let right = self.view.direction_ecef.cross(self.view.up_ecef);
        let [tan_x, tan_y] = self.view.half_tangents();
        for _ in 0..8 {
            let (x, y) = (random.between(-tan_x, tan_x), random.between(-tan_y, tan_y));
            let ray = self.view.direction_ecef + right * x + self.view.up_ecef * y;
            let from = enu().enu_from_ecef.transform_point3(self.view.eye_ecef);
            let ray = enu().enu_from_ecef.transform_vector3(ray);
            let hit = from + ray * ((10.0 - from.z) / ray.z);
            let is_there = |i: &u32| {
                let center = enu().enu_from_ecef.transform_point3(tree.nodes[*i as usize].bounds.center);
                let off = (hit - center).abs();
                tree.nodes[*i as usize].first_child == tree::NONE && off.x < WIDTH / 2.0 && off.y < 50.0
            };
            let Some(leaf) = self.engine.tiles().map(|id| id.0).find(is_there) else { continue };
            let parent = |i: &u32| Some(tree.nodes[*i as usize].parent).filter(|p| *p != tree::NONE);
            let path: Vec<u32> = std::iter::successors(Some(leaf), parent).collect();
            let state = |i: &u32| tree.nodes[*i as usize].state;
            let has_empty = path.iter().any(|i| tree.is_tile(*i) && state(i) == State::Empty);
            let could = path.iter().any(|i| state(i) == State::Loaded);
            let times = path.iter().filter(|i| drawn.contains(i)).count();
            assert!(times == usize::from(could) || (has_empty && times == 0), "a ray meets {times} levels");
        }
    }

    /// What is loaded beyond the budget is wanted or drawn. Once settled, it is no more than the budget, unless
    /// nothing coarser is there to draw.
    fn assert_within_budget(&self, settled: bool) {
        let engine = &self.engine;
        if engine.cache.bytes <= engine.options.cache_bytes {
            return;
        }
        let nodes = &engine.tree.nodes;
        for node in nodes.iter().filter(|node| node.state == State::Loaded) {
            let needed = node.wanted_frame == engine.frame_number || node.drawn_frame == engine.frame_number;
            assert!(needed, "{} is over the budget and of no use", node.url);
        }
        if settled {
            for node in nodes.iter().filter(|node| node.drawn_frame == engine.frame_number) {
                let parent = |i: &u32| Some(nodes[*i as usize].parent).filter(|p| *p != tree::NONE);
                let above = std::iter::successors(Some(node.parent), parent);
                let coarser = above.filter(|i| matches!(nodes[*i as usize].state, State::Loaded | State::Unloaded));
                assert_eq!(coarser.count(), 0, "{} is over the budget, and finer than need be", node.url);
            }
        }
    }
}

/// Options as a caller may set them.
fn random_options(random: &mut Random) -> Options {
    Options {
        cache_bytes: [mb(300), mb(1500), mb(100_000)][random.below(3) as usize],
        max_requests: 1 + random.below(6) as usize,
        max_requests_per_host: 1 + random.below(6) as usize,
        max_loading_descendants: random.below(6) as u32,
        preload: random.below(2) == 0,
        progressive_fraction: [0.0, 0.3][random.below(2) as usize],
        skip_error_factor: [1.0, 16.0, f64::INFINITY][random.below(3) as usize],
        foveated_cone: [0.1, 1.0][random.below(2) as usize],
        ..Options::default()
    }
}

/// Sixty steps over a world, with answers that come late and in any order.
fn walk(world: &mut World, random: &mut Random) {
    let (mut east, mut height) = (0.0, 3000.0);
    for step in 0..60 {
        if random.below(10) == 0 {
            (east, height) = (random.between(-1500.0, 1500.0), random.between(10.0, 12_000.0));
        } else {
            east += random.between(-100.0, 100.0);
            height = f64::max(5.0, height * random.between(0.7, 1.4));
        }
        if random.below(8) == 0 {
            let destination = above(random.between(-1500.0, 1500.0), random.between(10.0, 12_000.0));
            world.engine.preload_view(Some(destination).filter(|_| random.below(2) == 0));
        }
        world.look(east, height).frame();
        world.assert_no_hole();
        world.assert_rays_meet_one_level(random);
        world.assert_within_budget(false);
        for url in world.in_flight.keys().cloned().collect::<Vec<_>>() {
            if random.below(3) == 0 {
                world.arrive(&url);
            }
        }
        if step % 20 == 19 {
            world.settle();
            world.assert_no_hole();
            world.assert_rays_meet_one_level(random);
            world.assert_within_budget(true);
        }
    }
}

#[test]
fn a_thousand_walks_have_no_hole_ask_for_nothing_twice_keep_the_budget_and_settle() {
    let mut tight = 0;
    for seed in 1..=1000u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let drawing = random_drawing(&mut random);
        let mut world = World::with(&drawing, random_options(&mut random));
        world.time = [None, Some((0.0, 0.016)), Some((0.0, 0.5))][random.below(3) as usize];
        walk(&mut world, &mut random);
        // A server that is back is asked again, and then nothing is missing any more.
        world.fails.clear();
        world.engine.retry();
        world.engine.preload_view(None);
        let drawn = world.settle().drawn();
        assert_eq!(world.engine.frame().progress.failed, 0);
        // Where it ends up does not depend on the way that led there, except within the dead band of a tight budget.
        let mut fresh = World::with(&drawing, world.engine.options().clone());
        fresh.fails.clear();
        fresh.view = world.view;
        fresh.settle();
        let effective_px = [&world, &fresh].map(|w| w.engine.frame().effective_error_px);
        let same = effective_px[0] != effective_px[1] || drawn == fresh.drawn();
        assert!(same, "{drawn} is not {}: seed {seed}\n{drawing}{:?}", fresh.drawn(), world.engine.options());
        tight += u32::from(effective_px[0] > 16.0);
        fresh.assert_within_budget(true);
    }
    assert!(tight > 50, "only {tight} walks ended with a view that did not fit");
}

#[test]
fn memory_is_never_exceeded_while_levels_take_each_others_place() {
    let mut refused = 0;
    for seed in 1..=500u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Sizes that nobody can guess. Every tile has something to draw: the root is the coarsest picture.
        let drawing = random_drawing(&mut random);
        let sized = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name, error, ..] => {
                let indent = line.len() - line.trim_start().len();
                format!("{}{name} {error} bytes={}\n", " ".repeat(indent), [40, 100, 160][random.below(3) as usize])
            }
            _ => String::new(),
        };
        let drawing: String = drawing.lines().map(sized).collect();
        let cache_bytes = [mb(500), mb(900)][random.below(2) as usize];
        let mut world = World::with(&drawing, Options { cache_bytes, ..random_options(&mut random) });
        world.asks = true;
        world.engine.options_mut().cache_bytes = cache_bytes;
        let (mut east, mut height) = (0.0, 3000.0);
        let most = |world: &World| {
            assert!(world.engine.cache.bytes <= cache_bytes, "{} bytes, seed {seed}", world.engine.cache.bytes);
        };
        for step in 0..40 {
            if random.below(6) == 0 {
                (east, height) = (random.between(-1500.0, 1500.0), random.between(10.0, 12_000.0));
            } else {
                east += random.between(-100.0, 100.0);
                height = f64::max(5.0, height * random.between(0.7, 1.4));
            }
            world.look(east, height).frame();
            most(&world);
            for url in world.in_flight.keys().cloned().collect::<Vec<_>>() {
                if random.below(3) == 0 {
                    world.arrive(&url);
                    most(&world);
                }
            }
            if step % 10 == 9 {
                world.settle();
                most(&world);
                world.assert_no_hole();
            }
        }
        refused += world.refused;
    }
    assert!(refused > 0, "nothing was ever larger than expected");
}
