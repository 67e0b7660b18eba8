//! Pictures laid over the ground: which tiles are loaded, kept and drawn.

use super::core::Core;
use super::files::Wish;
use super::gpu::{RasterBuffers, RasterDraw, RasterGpu};
use crate::matrix::{Eye, rows};
use crate::{Event, Problem};
use citytwin_manifest::{Raster, RasterKind};
use citytwin_tiles::{RasterScheme, RasterTemplate, RasterTile, View, raster_tiles, resolve_url};
use glam::DMat4;
use litemap::LiteMap;
use web_sys::{ImageBitmap, WebGl2RenderingContext as Gl};

/// A texel is let cover this many CSS pixels.
const TEXEL_CSS: f64 = 1.4;
/// Tiles of one raster in a frame.
const MOST_TILES: usize = 160;
/// Loads of all rasters at once.
const MOST_REQUESTS: usize = 8;
/// Bytes of tiles that are kept beside those in view.
const CACHE_BYTES: u64 = 64 << 20;

enum State {
    Asked,
    Failed,
    Loaded {
        buffers: RasterBuffers,
        /// Number of the last frame that drew it.
        used: u64,
    },
}

struct Layer {
    number: u32,
    id: String,
    template: RasterTemplate,
    base: String,
    zooms: [u8; 2],
    opacity: f64,
    visible: bool,
    tiles: LiteMap<RasterTile, State>,
    /// The tiles of the view, the coarsest first.
    wanted: Vec<RasterTile>,
    /// A failure has been told: the others look the same.
    told: bool,
}

/// The rasters of a viewer, the lowest first.
#[derive(Default)]
pub(super) struct Rasters {
    layers: Vec<Layer>,
    gpu: Option<RasterGpu>,
    next: u32,
    frame: u64,
    bytes: u64,
}

impl Rasters {
    fn under_way(&self) -> usize {
        let asked = |layer: &Layer| layer.tiles.values().filter(|state| matches!(state, State::Asked)).count();
        self.layers.iter().map(asked).sum()
    }

    /// Whether tiles in view are not there yet.
    pub(super) fn loading(&self) -> bool {
        let missing = |layer: &&Layer| layer.wanted.iter().any(|tile| layer.to_load(*tile).is_some());
        self.under_way() > 0 || self.layers.iter().filter(|layer| layer.visible).any(|layer| missing(&layer))
    }

    /// The context is lost, and all tiles with it.
    pub(super) fn context_lost(&mut self) {
        self.gpu = None;
        self.bytes = 0;
        for layer in &mut self.layers {
            layer.tiles.retain(|_, state| !matches!(state, State::Loaded { .. }));
        }
    }

    /// What is drawn of all visible rasters: for what is missing, coarser tiles that are there; those first.
    pub(super) fn draws(&mut self, eye: &Eye) -> Vec<RasterDraw<'_>> {
        self.frame += 1;
        let frame = self.frame;
        let mut draws = Vec::new();
        for layer in self.layers.iter_mut().filter(|layer| layer.visible) {
            let mut shown: Vec<RasterTile> =
                layer.wanted.iter().filter_map(|tile| layer.nearest_loaded(*tile)).collect();
            shown.sort_unstable();
            shown.dedup();
            for tile in &shown {
                if let Some(State::Loaded { used, .. }) = layer.tiles.get_mut(tile) {
                    *used = frame;
                }
            }
            let opacity = layer.opacity as f32;
            let tiles = &layer.tiles;
            draws.extend(shown.into_iter().filter_map(|tile| match tiles.get(&tile) {
                Some(State::Loaded { buffers, .. }) => {
                    let rel_rows = rows(&eye.rel_from(&DMat4::from_translation(buffers.center_ecef)));
                    Some(RasterDraw { buffers, rel_rows, opacity })
                }
                _ => None,
            }));
        }
        draws
    }

    /// Frees the tiles that were not drawn for longest, until the rest fits. Returns the bytes freed.
    fn shrink(&mut self, gl: &Gl) -> u64 {
        let mut freed = 0;
        while self.bytes - freed > CACHE_BYTES {
            let oldest = self.layers.iter().enumerate().flat_map(|(at, layer)| {
                let frame = self.frame;
                layer.tiles.iter().filter_map(move |(tile, state)| match state {
                    State::Loaded { used, .. } if *used + 1 < frame => Some((*used, at, *tile)),
                    _ => None,
                })
            });
            let Some((_, at, tile)) = oldest.min() else { break };
            if let Some(State::Loaded { buffers, .. }) = self.layers[at].tiles.remove(&tile) {
                freed += buffers.bytes;
                buffers.free(gl);
            }
        }
        self.bytes -= freed;
        freed
    }

    fn free(&mut self, gl: &Gl, layer: &Layer) -> u64 {
        let mut freed = 0;
        for state in layer.tiles.values() {
            if let State::Loaded { buffers, .. } = state {
                freed += buffers.bytes;
                buffers.free(gl);
            }
        }
        self.bytes -= freed;
        freed
    }
}

impl Layer {
    fn nearest_loaded(&self, tile: RasterTile) -> Option<RasterTile> {
        std::iter::successors(Some(tile), |tile| tile.parent())
            .find(|tile| matches!(self.tiles.get(tile), Some(State::Loaded { .. })))
    }

    /// What to ask for so that a tile's ground is covered: it, or the finest coarser one that has not failed.
    fn to_load(&self, tile: RasterTile) -> Option<RasterTile> {
        let mut tile = tile;
        loop {
            match self.tiles.get(&tile) {
                None => return Some(tile),
                Some(State::Failed) => tile = tile.parent().filter(|tile| tile.zoom >= self.zooms[0])?,
                Some(_) => return None,
            }
        }
    }
}

impl Core {
    /// Lays a picture over the ground, above those that are there. One of the same id is replaced.
    pub(super) fn add_raster(&mut self, raster: &Raster, base: &str) -> Result<(), Problem> {
        let scheme = match raster.kind {
            RasterKind::Xyz => RasterScheme::Xyz,
            RasterKind::Wmts => RasterScheme::Wmts,
            RasterKind::Wms => RasterScheme::Wms,
        };
        let template = RasterTemplate::new(scheme, &raster.url)?;
        let wrong = |message: &str| Err(Problem::new("raster-value", message, raster.url.clone()));
        if raster.min_zoom > raster.max_zoom || raster.max_zoom > 24 {
            return wrong("expected zooms 0 to 24, minZoom not above maxZoom");
        }
        if !(0.0..=1.0).contains(&raster.opacity) {
            return wrong("expected an opacity of 0 to 1");
        }
        self.remove_raster(&raster.id);
        let number = self.rasters.next;
        self.rasters.next += 1;
        self.rasters.layers.push(Layer {
            number,
            id: raster.id.clone(),
            template,
            base: base.to_owned(),
            zooms: [raster.min_zoom, raster.max_zoom],
            opacity: raster.opacity,
            visible: raster.visible,
            tiles: LiteMap::new(),
            wanted: Vec::new(),
            told: false,
        });
        self.draw_due = true;
        Ok(())
    }

    /// As [`Core::add_raster`], for a twin's own: what is wrong becomes a problem.
    pub(super) fn add_raster_or_tell(&mut self, raster: &Raster, base: &str) {
        if let Err(problem) = self.add_raster(raster, base) {
            self.events.push(Event::Problem(problem));
        }
    }

    /// Removes a raster; says whether there was one.
    pub(super) fn remove_raster(&mut self, id: &str) -> bool {
        let Some(at) = self.rasters.layers.iter().position(|layer| layer.id == id) else { return false };
        let layer = self.rasters.layers.remove(at);
        self.forget_files(|wish| matches!(wish, Wish::Raster(number, _) if *number == layer.number));
        let gl = self.gl.clone();
        let freed = self.rasters.free(&gl, &layer);
        self.stats.gpu_bytes = self.stats.gpu_bytes.saturating_sub(freed);
        self.draw_due = true;
        true
    }

    pub(super) fn remove_rasters(&mut self) {
        while let Some(id) = self.rasters.layers.first().map(|layer| layer.id.clone()) {
            self.remove_raster(&id);
        }
    }

    pub(super) fn set_raster_visible(&mut self, id: &str, on: bool) {
        if let Some(layer) = self.rasters.layers.iter_mut().find(|layer| layer.id == id) {
            layer.visible = on;
            self.draw_due = true;
        }
    }

    pub(super) fn set_raster_opacity(&mut self, id: &str, opacity: f64) {
        if let Some(layer) = self.rasters.layers.iter_mut().find(|layer| layer.id == id) {
            layer.opacity = opacity.clamp(0.0, 1.0);
            self.draw_due = true;
        }
    }

    /// Chooses tiles for the view, and asks for those that are missing.
    pub(super) fn load_rasters(&mut self, view: &View) {
        for layer in self.rasters.layers.iter_mut().filter(|layer| layer.visible) {
            layer.wanted = raster_tiles(view, layer.zooms, TEXEL_CSS, MOST_TILES);
        }
        let mut free = MOST_REQUESTS.saturating_sub(self.rasters.under_way());
        let mut wishes = Vec::new();
        for layer in self.rasters.layers.iter_mut().filter(|layer| layer.visible) {
            // The finest lie in the foreground.
            for i in (0..layer.wanted.len()).rev() {
                if free == 0 {
                    break;
                }
                if let Some(tile) = layer.to_load(layer.wanted[i]) {
                    free -= 1;
                    layer.tiles.insert(tile, State::Asked);
                    wishes.push((layer.number, tile, resolve_url(&layer.base, &layer.template.url(tile))));
                }
            }
        }
        for (number, tile, url) in wishes {
            self.load_file(Wish::Raster(number, tile), url, true);
        }
    }

    pub(super) fn raster_arrived(&mut self, number: u32, tile: RasterTile, result: Result<ImageBitmap, Problem>) {
        let gl = self.gl.clone();
        if self.rasters.gpu.is_none() {
            self.rasters.gpu = RasterGpu::new(&gl).ok();
        }
        let gpu = self.rasters.gpu.as_ref();
        let buffers = result.as_ref().ok().and_then(|bitmap| {
            let buffers = gpu.and_then(|gpu| gpu.upload(&gl, tile, bitmap).ok());
            bitmap.close();
            buffers
        });
        let frame = self.rasters.frame;
        let Some(layer) = self.rasters.layers.iter_mut().find(|layer| layer.number == number) else { return };
        let mut added = 0;
        let state = match buffers {
            Some(buffers) => {
                added = buffers.bytes;
                State::Loaded { buffers, used: frame }
            }
            None => State::Failed,
        };
        layer.tiles.insert(tile, state);
        if let Err(problem) = result
            && !std::mem::replace(&mut layer.told, true)
        {
            self.events.push(Event::Problem(problem));
        }
        self.rasters.bytes += added;
        let freed = self.rasters.shrink(&gl);
        self.stats.gpu_bytes = (self.stats.gpu_bytes + added).saturating_sub(freed);
        self.more_due = true;
    }
}
