//! What of the drawn tiles is seen: cut by shapes, seen through, below ground, fading into each other.

use super::core::LayerState;
use super::gpu::{Cut, Draw, Ground};
use super::tile::Tile;
use crate::Scene;
use crate::clip::{Cutter, Fate};
use crate::fade::Fades;
use crate::matrix::Eye;
use citytwin_tiles::{TileId, TilesetId};

/// Something that reaches this far below the ground, metres, is below it; less is how tiles are rounded.
const BELOW_M: f64 = 0.75;
/// Tiles on their way out are kept beyond the memory's budget by at most this part of it.
const MOST_HELD: f64 = 0.125;

#[derive(Default)]
pub(super) struct Sight {
    cutter: Cutter,
    /// Tilesets that are cut, and those that are seen through.
    cut: Vec<TilesetId>,
    x_ray: Vec<TilesetId>,
    pub(super) x_ray_opacity: f32,
    underground: Option<f32>,
    /// Where the ground is, metres above the ellipsoid.
    pub(super) ground_m: f64,
    pub(super) fades: Fades,
    /// Of the frame that is being drawn.
    pub(super) now_ms: f64,
    /// Freed by the engine while they faded out.
    held: Vec<TileId>,
}

impl Sight {
    /// Follows a validated scene and the layers.
    pub(super) fn follow(&mut self, scene: &Scene, layers: &[LayerState]) {
        // It was validated, so that it makes a cutter; were it not, nothing would be cut.
        self.cutter = Cutter::new(&scene.clip).unwrap_or_default();
        let ids = |is: &dyn Fn(&LayerState) -> bool| layers.iter().filter(|l| is(l)).map(|l| l.tileset).collect();
        self.cut = ids(&|layer| scene.clip.cuts(&layer.id, layer.theme));
        self.x_ray = ids(&|layer| scene.x_ray.shows_through(&layer.id, layer.theme));
        self.x_ray_opacity = scene.x_ray.opacity as f32;
        self.underground = scene.underground.enabled.then_some(scene.underground.opacity as f32);
        if !scene.cross_fade.enabled {
            self.fades.clear();
        }
    }

    /// What the shaders need to cut; `None` while nothing is.
    pub(super) fn clip(&self, eye: &Eye) -> Option<[[f32; 4]; crate::clip::CLIP_VECTORS]> {
        self.cutter.is_on().then(|| self.cutter.vectors(eye))
    }

    /// A draw as it is seen; `None` when nothing of it is.
    pub(super) fn see<'a>(&self, draw: Draw<'a>, tile: &Tile, primitive: usize) -> Option<Draw<'a>> {
        let draw = self.see_for_pick(draw, tile, primitive)?;
        if !self.fades.active() {
            return Some(draw);
        }
        let dither = self.fades.dither(tile.id, self.now_ms);
        Some(draw.faded(dither, self.fades.is_leaving(tile.id)))
    }

    /// The same for picking, which knows no fades.
    pub(super) fn see_for_pick<'a>(&self, draw: Draw<'a>, tile: &Tile, primitive: usize) -> Option<Draw<'a>> {
        let mut draw = draw;
        if self.x_ray.contains(&tile.tileset) {
            draw = draw.seen_through();
        }
        if self.cut.contains(&tile.tileset) {
            match self.cutter.fate(&tile.ecef_from_tile(), &tile.content.primitives[primitive].bounds) {
                Fate::Whole => {}
                Fate::Cut => draw = draw.cut(),
                Fate::Gone => return None,
            }
        }
        Some(draw)
    }

    /// Whether the camera may go through a tile: it is cut, or seen through.
    pub(super) fn lets_through(&self, tile: &Tile) -> bool {
        self.cut.contains(&tile.tileset) || self.x_ray.contains(&tile.tileset)
    }

    /// What the ground does, where tiles as low as this are drawn (metres above the ellipsoid).
    pub(super) fn ground(&self, lowest_m: f64) -> Ground {
        match self.underground {
            Some(opacity) => Ground::Glass(opacity),
            None if lowest_m < self.ground_m - BELOW_M => Ground::Solid,
            None => Ground::Painted,
        }
    }

    /// Whether what is below the ground is seen, and how much of the ground.
    pub(super) fn underground(&self) -> Option<f32> {
        self.underground
    }

    /// The engine frees a tile. Returns whether that may wait until it has faded out.
    pub(super) fn hold(&mut self, id: TileId, held_bytes: u64, budget_bytes: u64) -> bool {
        let waits = self.fades.is_leaving(id) && held_bytes as f64 <= budget_bytes as f64 * (1.0 + MOST_HELD);
        if waits {
            self.held.push(id);
        } else {
            self.fades.forget(id);
        }
        waits
    }

    /// Memory is short: nothing waits any more. Returns the tiles to free now.
    pub(super) fn release(&mut self) -> Vec<TileId> {
        std::mem::take(&mut self.held)
    }

    /// A tile is gone, or another one took its number.
    pub(super) fn forget(&mut self, id: TileId) {
        self.fades.forget(id);
        self.held.retain(|held| *held != id);
    }

    /// All tiles are gone.
    pub(super) fn lose(&mut self) {
        self.fades.clear();
        self.held.clear();
    }

    /// Ends fades that are over; returns the tiles to free now.
    pub(super) fn step(&mut self, now_ms: f64) -> Vec<TileId> {
        self.now_ms = now_ms;
        self.fades.step(now_ms);
        let fades = &self.fades;
        self.held.extract_if(.., |id| !fades.is_leaving(*id)).collect()
    }
}

/// What a draw's uniforms say about cutting and fading.
impl From<Cut> for [f32; 4] {
    fn from(cut: Cut) -> Self {
        let side = |below: bool| if below { 1.0 } else { -1.0 };
        let [level, of_noise] = cut.fade.map_or([0.0; 2], |dither| [dither.level, side(dither.below)]);
        [level, of_noise, f32::from(u8::from(cut.by_shapes)), cut.outside]
    }
}
