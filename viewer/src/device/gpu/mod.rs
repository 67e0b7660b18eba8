//! The graphics context and what is drawn with it.
//!
//! One WebGL2 context, two hands: three-d holds it and draws the scenery; tiles are drawn through vertex-array objects
//! on the same context from web-sys, because three-d's own per-object path issues about ten times the calls, and
//! because tile arrays then go from a worker's buffer to the GPU without passing through wasm memory.
//!
//! Nothing here survives a lost context: the whole [`Gpu`] is dropped and made again.

mod features;
mod frame;
mod outline;
mod pick;
mod program;
mod scenery;
mod textures;
mod tile_buffers;
mod tiles;

pub(super) use features::FeatureTexture;
pub(super) use frame::FrameLook;
pub(super) use textures::{Pictures, formats, seen_features};
pub(super) use tile_buffers::TileBuffers;
pub(super) use tiles::{Draw, DrawLists, FeatureDraw};

use crate::ViewerError;
use crate::pick_window::Seen;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use web_sys::{HtmlCanvasElement, WebGl2RenderingContext as Gl, WebGlContextAttributes, WebGlPowerPreference};

/// Everything that lives on the GPU beside the tiles' own buffers.
pub(super) struct Gpu {
    pub(super) gl: Gl,
    frame: frame::FrameBlock,
    pick_frame: frame::FrameBlock,
    scenery: scenery::Scenery,
    tiles: tiles::TilePrograms,
    pick: pick::PickTarget,
    outline: outline::Outline,
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
    /// Compiles the programs.
    ///
    /// # Errors
    /// [`ViewerError::Graphics`] with the driver's words; also when the context is lost.
    pub(super) fn new(gl: &Gl) -> Result<Self, ViewerError> {
        if gl.is_context_lost() {
            return Err(ViewerError::Graphics("the context is lost".into()));
        }
        // Asking for compressed formats is what turns them on, once for each context.
        formats(gl);
        // three-d wants an `Arc`, though nothing in a browser's main thread is ever sent anywhere.
        #[allow(clippy::arc_with_non_send_sync)]
        let low_level = Arc::new(three_d::context::Context::from_webgl2_context(gl.clone()));
        let context = three_d::Context::from_gl_context(low_level).map_err(graphics)?;
        Ok(Self {
            gl: gl.clone(),
            frame: frame::FrameBlock::new(gl)?,
            pick_frame: frame::FrameBlock::new(gl)?,
            scenery: scenery::Scenery::new(&context)?,
            tiles: tiles::TilePrograms::new(gl)?,
            pick: pick::PickTarget::new(gl)?,
            outline: outline::Outline::default(),
        })
    }

    /// Draws a frame into the canvas.
    pub(super) fn draw(&mut self, look: &FrameLook, lists: &DrawLists<'_>) {
        let gl = &self.gl;
        self.frame.begin(gl, look);
        gl.clear_depth(1.0);
        if lists.has_selection() {
            self.outline.mask(gl, look.viewport_px, |gl| self.tiles.draw_mask(gl, lists));
        } else {
            self.outline.free(gl);
        }
        gl.bind_framebuffer(Gl::FRAMEBUFFER, None);
        gl.depth_mask(true);
        gl.clear_stencil(0);
        gl.clear(Gl::COLOR_BUFFER_BIT | Gl::DEPTH_BUFFER_BIT | Gl::STENCIL_BUFFER_BIT);
        self.scenery.draw(look);
        gl.viewport(0, 0, look.viewport_px[0] as i32, look.viewport_px[1] as i32);
        self.tiles.draw(gl, look, lists);
        self.outline.draw(gl, look.pixel_ratio);
    }

    /// Starts to find out what is in the window of pixels that `look` was blown up from; the answer comes from
    /// [`Gpu::picked`]. False when the GPU refuses.
    pub(super) fn start_pick(&mut self, look: &FrameLook, lists: &DrawLists<'_>) -> bool {
        self.pick_frame.begin(&self.gl, look);
        self.pick.start(&self.gl, |gl| self.tiles.draw_pick(gl, lists))
    }

    /// The answer to the last pick, once it is there.
    pub(super) fn picked(&mut self) -> Option<Vec<Seen>> {
        self.pick.poll(&self.gl)
    }
}

fn graphics(error: impl std::fmt::Display) -> ViewerError {
    ViewerError::Graphics(error.to_string())
}
