//! The outline around what is selected: two pixels wide on the screen, and seen through walls.
//!
//! Selected features are drawn into a mask beside the canvas, with their depth. A pass over the canvas then draws the
//! mask's edge, twice: before what is there in full, behind it faintly. Nothing of it exists while nothing is selected.

use super::program::{Compiler, Lazy, Program};
use super::sample;
use std::rc::Rc;
use web_sys::{WebGl2RenderingContext as Gl, WebGlFramebuffer, WebGlRenderbuffer, WebGlTexture, WebGlUniformLocation};

/// Units of the mask and of its depth; others than the tiles' programs use.
const UNITS: [u32; 2] = [4, 5];
const SAMPLES: i32 = 4;
/// How wide, CSS pixels.
const WIDTH_CSS: f32 = 2.0;
/// Opacity of the edge before and behind other things, and of the whole where it is behind.
const OPACITY: [[f32; 2]; 2] = [[1.0, 0.0], [0.3, 0.12]];

/// The mask, made when something is selected, and the program that draws its edge.
pub(super) struct Outline {
    mask: Option<Mask>,
    edge: Lazy<Option<WebGlUniformLocation>>,
}

impl Outline {
    pub(super) fn new(compiler: &Rc<Compiler>) -> Self {
        let fragment = [include_str!("outline.frag")];
        Self { mask: None, edge: Lazy::new(compiler, &[include_str!("scenery.vert")], &fragment, edge) }
    }

    /// Draws the mask. `draw` fills the bound framebuffer with 1 where something is selected.
    pub(super) fn mask(&mut self, gl: &Gl, size_px: [u32; 2], draw: impl FnOnce(&Gl)) {
        if self.mask.as_ref().is_none_or(|mask| mask.size_px != size_px) {
            self.free(gl);
            self.mask = Mask::new(gl, size_px);
        }
        let Some(mask) = &self.mask else { return };
        let [width, height] = size_px.map(|px| px as i32);
        gl.bind_framebuffer(Gl::FRAMEBUFFER, Some(&mask.samples));
        gl.viewport(0, 0, width, height);
        gl.depth_mask(true);
        gl.clear_bufferfv_with_f32_array(Gl::COLOR, 0, &[0.0; 4]);
        gl.clear_bufferfv_with_f32_array(Gl::DEPTH, 0, &[1.0]);
        draw(gl);
        gl.bind_framebuffer(Gl::READ_FRAMEBUFFER, Some(&mask.samples));
        gl.bind_framebuffer(Gl::DRAW_FRAMEBUFFER, Some(&mask.resolved));
        let parts = Gl::COLOR_BUFFER_BIT | Gl::DEPTH_BUFFER_BIT;
        gl.blit_framebuffer(0, 0, width, height, 0, 0, width, height, parts, Gl::NEAREST);
        gl.bind_framebuffer(Gl::FRAMEBUFFER, None);
        // Coarse levels tell the pass over the canvas where it need not look.
        gl.active_texture(Gl::TEXTURE0 + UNITS[0]);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&mask.textures[0]));
        gl.generate_mipmap(Gl::TEXTURE_2D);
        gl.active_texture(Gl::TEXTURE0);
    }

    /// Draws the mask's edge over the canvas. `pixel_ratio`: device pixels of a CSS pixel.
    pub(super) fn draw(&mut self, gl: &Gl, pixel_ratio: f32) {
        let Some(mask) = &self.mask else { return };
        // A driver that refuses this program after all the others leaves the tint without an edge.
        let Some(outline) = self.edge.bind() else { return };
        for (unit, texture) in UNITS.into_iter().zip(&mask.textures) {
            gl.active_texture(Gl::TEXTURE0 + unit);
            gl.bind_texture(Gl::TEXTURE_2D, Some(texture));
        }
        gl.bind_vertex_array(None);
        gl.disable(Gl::CULL_FACE);
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_mask(false);
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::SRC_ALPHA, Gl::ONE_MINUS_SRC_ALPHA);
        for (depth, [line, whole]) in [Gl::LEQUAL, Gl::GREATER].into_iter().zip(OPACITY) {
            gl.depth_func(depth);
            gl.uniform3f(outline.as_ref(), WIDTH_CSS * pixel_ratio, line, whole);
            gl.draw_arrays(Gl::TRIANGLES, 0, 3);
        }
        gl.disable(Gl::BLEND);
        gl.depth_mask(true);
        gl.depth_func(Gl::LESS);
        for unit in UNITS {
            gl.active_texture(Gl::TEXTURE0 + unit);
            gl.bind_texture(Gl::TEXTURE_2D, None);
        }
        gl.active_texture(Gl::TEXTURE0);
        gl.use_program(None);
    }

    /// Frees the mask.
    pub(super) fn free(&mut self, gl: &Gl) {
        if let Some(mask) = self.mask.take() {
            mask.free(gl);
        }
    }
}

/// What is selected, as seen: once with samples, which smooth its edge, and once as textures.
struct Mask {
    size_px: [u32; 2],
    samples: WebGlFramebuffer,
    resolved: WebGlFramebuffer,
    buffers: [WebGlRenderbuffer; 2],
    /// How much of a pixel is selected, and the depth there.
    textures: [WebGlTexture; 2],
}

impl Mask {
    fn new(gl: &Gl, size_px: [u32; 2]) -> Option<Self> {
        let [width, height] = size_px.map(|px| px as i32);
        let parts = [(Gl::R8, Gl::COLOR_ATTACHMENT0), (Gl::DEPTH_COMPONENT24, Gl::DEPTH_ATTACHMENT)];
        let samples = gl.create_framebuffer()?;
        gl.bind_framebuffer(Gl::FRAMEBUFFER, Some(&samples));
        let buffer = |(format, attachment): (u32, u32)| {
            let buffer = gl.create_renderbuffer()?;
            gl.bind_renderbuffer(Gl::RENDERBUFFER, Some(&buffer));
            gl.renderbuffer_storage_multisample(Gl::RENDERBUFFER, SAMPLES, format, width, height);
            gl.framebuffer_renderbuffer(Gl::FRAMEBUFFER, attachment, Gl::RENDERBUFFER, Some(&buffer));
            Some(buffer)
        };
        let buffers = [buffer(parts[0])?, buffer(parts[1])?];
        let resolved = gl.create_framebuffer()?;
        gl.bind_framebuffer(Gl::FRAMEBUFFER, Some(&resolved));
        gl.active_texture(Gl::TEXTURE0 + UNITS[0]);
        let texture = |(format, attachment): (u32, u32), levels: i32, reduced: u32| {
            let texture = gl.create_texture()?;
            gl.bind_texture(Gl::TEXTURE_2D, Some(&texture));
            gl.tex_storage_2d(Gl::TEXTURE_2D, levels, format, width, height);
            sample(gl, Gl::TEXTURE_2D, reduced, Gl::NEAREST);
            gl.framebuffer_texture_2d(Gl::FRAMEBUFFER, attachment, Gl::TEXTURE_2D, Some(&texture), 0);
            Some(texture)
        };
        let levels = 32 - size_px[0].max(size_px[1]).max(1).leading_zeros();
        let textures =
            [texture(parts[0], levels as i32, Gl::LINEAR_MIPMAP_NEAREST)?, texture(parts[1], 1, Gl::NEAREST)?];
        gl.bind_texture(Gl::TEXTURE_2D, None);
        gl.active_texture(Gl::TEXTURE0);
        gl.bind_framebuffer(Gl::FRAMEBUFFER, None);
        Some(Self { size_px, samples, resolved, buffers, textures })
    }

    fn free(&self, gl: &Gl) {
        gl.delete_framebuffer(Some(&self.samples));
        gl.delete_framebuffer(Some(&self.resolved));
        self.buffers.iter().for_each(|buffer| gl.delete_renderbuffer(Some(buffer)));
        self.textures.iter().for_each(|texture| gl.delete_texture(Some(texture)));
    }
}

/// The uniform `u_outline` of the pass over the canvas, and the textures' units told to its program.
fn edge(gl: &Gl, program: &Program) -> Option<WebGlUniformLocation> {
    for (name, unit) in ["u_mask", "u_depth"].into_iter().zip(UNITS) {
        gl.uniform1i(program.uniform(gl, name).as_ref(), unit as i32);
    }
    program.uniform(gl, "u_outline")
}
