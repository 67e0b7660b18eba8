//! What the eye must not fly into: the triangles of the tiles near it, read when it comes near.

use super::tile::Tile;
use crate::LookAt;
use crate::collide::{self, CLEAR_M, Solid, Step};
use citytwin_tiles::TileId;
use glam::DVec3;
use litemap::LiteMap;
use web_sys::WebGl2RenderingContext as Gl;

/// Tiles this near to the eye's way are read, metres.
const NEAR_M: f64 = 40.0;
/// A step longer than this is a jump, and a jump goes where it was told to, metres.
const FARTHEST_STEP_M: f64 = 2_000.0;
/// As much of what may be held in memory is held here at most: the tiles that would be more are not read.
const SHARE: u64 = 16;
const MOST_BYTES: u64 = 8 << 20;

pub(super) struct Obstacles {
    most_bytes: u64,
    /// By tile; of tiles that the eye is near to.
    solids: LiteMap<TileId, Solid>,
    lift: f64,
}

impl Obstacles {
    /// Out of a budget of so many bytes.
    pub(super) fn new(cache_bytes: u64) -> Self {
        Self { most_bytes: (cache_bytes / SHARE).min(MOST_BYTES), solids: LiteMap::new(), lift: 0.0 }
    }

    /// What it may hold, beyond the one tile that it reads last.
    pub(super) fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// How far the camera may go from one view towards another past these tiles.
    pub(super) fn step<'a>(
        &mut self,
        gl: &Gl,
        before: &LookAt,
        wanted: &LookAt,
        flies: bool,
        tiles: impl Iterator<Item = &'a Tile>,
    ) -> Step {
        let [from, to] = [before, wanted].map(|look| look.eye_direction_up_ecef().0);
        let step_m = from.distance(to);
        if step_m.is_nan() || step_m > FARTHEST_STEP_M {
            return Step { look: *wanted, stopped: false, lift: 1.0 };
        }
        let near: Vec<&Tile> = tiles.filter(|tile| tile.solid_within(from, step_m + NEAR_M)).collect();
        self.solids.retain(|id, _| near.iter().any(|tile| tile.id == *id));
        let mut held: u64 = self.solids.values().map(Solid::heap_bytes).sum();
        for tile in &near {
            if held < self.most_bytes && !self.solids.contains_key(&tile.id) {
                let solid = tile.solid(gl);
                held += solid.heap_bytes();
                self.solids.insert(tile.id, solid);
            }
        }
        let solids = &self.solids;
        let free = |look: &LookAt| {
            let to = look.eye_direction_up_ecef().0;
            !near.iter().any(|tile| solids.get(&tile.id).is_some_and(|solid| blocks(tile, solid, from, to)))
        };
        let step = collide::step(before, wanted, flies, self.lift, free);
        self.lift = step.lift;
        step
    }

    /// A tile is gone, or another one took its number.
    pub(super) fn forget(&mut self, id: TileId) {
        self.solids.remove(&id);
    }
}

fn blocks(tile: &Tile, solid: &Solid, from: DVec3, to: DVec3) -> bool {
    let clear = tile.in_own_units(CLEAR_M) as f32;
    solid.blocks(tile.point(from).as_vec3(), tile.point(to).as_vec3(), clear)
}
