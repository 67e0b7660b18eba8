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
/// As much is read for one step at most, bytes: the rest comes with the next ones.
const READ_BYTES: u64 = 8 << 20;

#[derive(Default)]
pub(super) struct Obstacles {
    /// By tile; of tiles that the eye is near to.
    solids: LiteMap<TileId, Solid>,
    lift: f64,
}

impl Obstacles {
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
        let mut read = 0;
        for tile in &near {
            if read < READ_BYTES && !self.solids.contains_key(&tile.id) {
                let solid = tile.solid(gl);
                read += solid.heap_bytes();
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
