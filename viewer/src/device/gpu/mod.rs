//! The graphics context and what is drawn with it.
//!
//! One WebGL2 context, drawn on through web-sys alone: the fewest calls for each tile, and its arrays go from a worker's
//! buffer to the GPU without passing through wasm memory.
//!
//! Nothing here survives a lost context: the whole [`Gpu`] is dropped and made again.

mod boxes;
mod drape;
mod draw_block;
mod eye_dome;
mod features;
mod fence;
mod frame;
mod labels;
mod later;
mod outline;
mod pick;
mod program;
mod raster;
mod rough;
mod scenery;
mod shadow;
mod textures;
mod tile_buffers;
mod tiles;

pub(super) use features::FeatureTexture;
pub(super) use frame::FrameLook;
pub(super) use labels::{INSTANCE, LabelGpu};
pub(super) use program::Compiler;
pub(super) use raster::{RasterBuffers, RasterDraw, RasterGpu};
pub(super) use shadow::ShadowLook;
pub(super) use textures::{Pictures, formats, seen_features};
pub(super) use tile_buffers::TileBuffers;
pub(super) use tiles::{Cut, Draw, DrawLists, FeatureDraw, Ground};

use crate::ViewerError;
use crate::pick_window::Seen;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use web_sys::{HtmlCanvasElement, WebGl2RenderingContext as Gl, WebGlContextAttributes, WebGlPowerPreference};

/// Everything that lives on the GPU beside the tiles' own buffers.
pub(super) struct Gpu {
    pub(super) gl: Gl,
    compiler: Rc<Compiler>,
    frame: frame::FrameBlock,
    pick_frame: frame::FrameBlock,
    blocks: draw_block::DrawBlocks,
    shadows: later::Later<shadow::ShadowMaps>,
    points: later::Later<eye_dome::PointDepths>,
    scenery: scenery::Scenery,
    rough: rough::Rough,
    tiles: tiles::TilePrograms,
    pick: pick::PickTarget,
    outline: outline::Outline,
    boxes: later::Later<boxes::Boxes>,
    /// Behind the last frame.
    pub(super) fence: fence::Fence,
}

/// Asks the canvas for a context.
///
/// # Errors
/// [`ViewerError::NoWebGl2`] when there is none to be had.
pub(super) fn context(canvas: &HtmlCanvasElement) -> Result<Gl, ViewerError> {
    let attributes = WebGlContextAttributes::new();
    attributes.set_alpha(false);
    attributes.set_antialias(true);
    attributes.set_stencil(true);
    attributes.set_power_preference(WebGlPowerPreference::HighPerformance);
    attributes.set_fail_if_major_performance_caveat(false);
    let context = canvas.get_context_with_context_options("webgl2", &attributes).ok().flatten();
    context.and_then(|context| context.dyn_into().ok()).ok_or(ViewerError::NoWebGl2)
}

impl Gpu {
    /// Has the programs compiled that the first picture needs.
    ///
    /// # Errors
    /// [`ViewerError::Graphics`] with the driver's words; also when the context is lost.
    pub(super) fn new(gl: &Gl) -> Result<Self, ViewerError> {
        if gl.is_context_lost() {
            return Err(ViewerError::Graphics("the context is lost".into()));
        }
        // Asking for compressed formats is what turns them on, once for each context.
        formats(gl);
        let compiler = Compiler::new(gl);
        Ok(Self {
            gl: gl.clone(),
            frame: frame::FrameBlock::new(gl)?,
            pick_frame: frame::FrameBlock::new(gl)?,
            blocks: draw_block::DrawBlocks::new(gl)?,
            shadows: later::Later::default(),
            points: later::Later::default(),
            scenery: scenery::Scenery::new(&compiler),
            rough: rough::Rough::new(&compiler),
            tiles: tiles::TilePrograms::new(&compiler),
            pick: pick::PickTarget::new(gl)?,
            outline: outline::Outline::new(&compiler),
            boxes: later::Later::default(),
            fence: fence::Fence::default(),
            compiler,
        })
    }

    /// Bytes of shadow maps, and of frames that are drawn beside the canvas.
    pub(super) fn own_bytes(&self) -> u64 {
        self.shadows.made().map_or(0, shadow::ShadowMaps::bytes) + self.rough.bytes()
    }

    /// Frees what does not free itself, for the context may outlive the viewer.
    pub(super) fn free(&mut self) {
        self.frame.free(&self.gl);
        self.pick_frame.free(&self.gl);
        self.pick.free(&self.gl);
        self.rough.free(&self.gl);
        self.draw_boxes(&[]);
    }

    /// Draws a frame, up to [`Gpu::finish`]. Whether all of it was drawn: not when a program is still being compiled.
    pub(super) fn draw(&mut self, look: &FrameLook, lists: &mut DrawLists<'_>) -> bool {
        let gl = &self.gl;
        self.frame.begin(gl, look);
        self.blocks.begin(gl, lists);
        let (blocks, lists) = (&self.blocks, &*lists);
        refresh_shadows(gl, &mut self.shadows, &self.tiles, blocks, look, lists);
        let domed = refresh_points(gl, &mut self.points, &self.tiles, blocks, look, lists);
        self.tiles.prepare(look.shadows.is_some(), domed);
        gl.clear_depth(1.0);
        if lists.has_selection() {
            self.outline.mask(gl, look.viewport_px, |gl| self.tiles.draw_mask(gl, blocks, lists));
        } else {
            self.outline.free(gl);
        }
        self.rough.begin(gl, look.is_rough, look.viewport_px);
        gl.depth_mask(true);
        gl.clear_stencil(0);
        gl.clear(Gl::COLOR_BUFFER_BIT | Gl::DEPTH_BUFFER_BIT | Gl::STENCIL_BUFFER_BIT);
        gl.viewport(0, 0, look.viewport_px[0] as i32, look.viewport_px[1] as i32);
        gl.disable(Gl::DEPTH_TEST);
        gl.disable(Gl::CULL_FACE);
        gl.disable(Gl::BLEND);
        self.scenery.draw(gl, look.shadows.is_some());
        self.tiles.draw(gl, blocks, look, lists);
        self.outline.draw(gl, look.pixel_ratio);
        !self.compiler.take_missed()
    }

    /// Brings the frame onto the canvas, with all that was drawn over it.
    pub(super) fn finish(&mut self) {
        self.rough.end(&self.gl);
    }

    /// Draws lines over the frame, as [`boxes`] takes them; without any, frees what that needs. False when the program
    /// for it is not ready.
    pub(super) fn draw_boxes(&mut self, lines: &[u8]) -> bool {
        let gl = &self.gl;
        if lines.is_empty() {
            if let Some(boxes) = self.boxes.take() {
                boxes.free(gl);
            }
            return true;
        }
        if let Some(boxes) = self.boxes.get(|| boxes::Boxes::new(gl, &self.compiler)) {
            boxes.draw(gl, lines);
        }
        !self.compiler.take_missed()
    }

    /// Where further programs are compiled.
    pub(super) fn compiler(&self) -> &Rc<Compiler> {
        &self.compiler
    }

    /// What the driver said of programs that it refused, each once.
    pub(super) fn take_faults(&self) -> Vec<String> {
        self.compiler.take_faults()
    }

    /// Whether picking can draw these; if not, it can soon.
    pub(super) fn can_pick(&self, lists: &DrawLists<'_>) -> bool {
        self.tiles.can_pick(lists);
        !self.compiler.take_missed()
    }

    /// Starts to find out what is in the window of pixels that `look` was blown up from; the answer comes from
    /// [`Gpu::picked`]. False when the GPU refuses.
    pub(super) fn start_pick(&mut self, look: &FrameLook, lists: &mut DrawLists<'_>) -> bool {
        self.pick_frame.begin(&self.gl, look);
        self.blocks.begin(&self.gl, lists);
        let (blocks, lists) = (&self.blocks, &*lists);
        self.pick.start(&self.gl, |gl| self.tiles.draw_pick(gl, blocks, lists))
    }

    /// The answer to the last pick, once it is there.
    pub(super) fn picked(&mut self) -> Option<Vec<Seen>> {
        self.pick.poll(&self.gl)
    }
}

/// Brings the maps of full shadows up to date; without full shadows their memory is given back.
fn refresh_shadows(
    gl: &Gl,
    maps: &mut later::Later<shadow::ShadowMaps>,
    tiles: &tiles::TilePrograms,
    blocks: &draw_block::DrawBlocks,
    look: &FrameLook,
    lists: &DrawLists<'_>,
) {
    let fits = |maps: &shadow::ShadowMaps| look.shadows.as_ref().is_some_and(|shadows| maps.fits(shadows));
    if maps.made().is_some_and(|maps| !fits(maps))
        && let Some(old) = maps.take()
    {
        old.free(gl);
    }
    if let Some(shadows) = &look.shadows
        && let Some(maps) = maps.get(|| shadow::ShadowMaps::new(gl, shadows))
    {
        maps.refresh(gl, shadows, |ring| tiles.draw_casters(gl, blocks, lists, ring));
    }
}

/// Draws the depths of points, when eye-dome lighting is on and there are any.
fn refresh_points(
    gl: &Gl,
    points: &mut later::Later<eye_dome::PointDepths>,
    tiles: &tiles::TilePrograms,
    blocks: &draw_block::DrawBlocks,
    look: &FrameLook,
    lists: &DrawLists<'_>,
) -> bool {
    let wanted = look.edl.is_some() && lists.has_points();
    if points.made().is_some_and(|points| !wanted || !points.fits(look.viewport_px))
        && let Some(old) = points.take()
    {
        old.free(gl);
    }
    if !wanted {
        return false;
    }
    let Some(points) = points.get(|| eye_dome::PointDepths::new(gl, look.viewport_px)) else { return false };
    points.refresh(gl, || tiles.draw_point_depths(gl, blocks, lists));
    true
}

/// How the bound texture is read, reduced and enlarged; its edge goes on for ever.
fn sample(gl: &Gl, target: u32, reduced: u32, enlarged: u32) {
    for (name, value) in [
        (Gl::TEXTURE_MIN_FILTER, reduced),
        (Gl::TEXTURE_MAG_FILTER, enlarged),
        (Gl::TEXTURE_WRAP_S, Gl::CLAMP_TO_EDGE),
        (Gl::TEXTURE_WRAP_T, Gl::CLAMP_TO_EDGE),
    ] {
        gl.tex_parameteri(target, name, value as i32);
    }
}

fn graphics(error: impl std::fmt::Display) -> ViewerError {
    ViewerError::Graphics(error.to_string())
}
