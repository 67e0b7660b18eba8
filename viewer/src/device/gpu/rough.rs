//! Frames without anti-aliasing, for slow devices. A canvas has its samples for as long as it lives, and every one of them
//! has to be drawn; so such frames are drawn beside it, and copied.

use super::program::{Compiler, Lazy};
use super::sample;
use std::rc::Rc;
use web_sys::{WebGl2RenderingContext as Gl, WebGlFramebuffer, WebGlRenderbuffer, WebGlTexture};

/// Another unit than the tiles' programs use.
const UNIT: u32 = 7;

pub(super) struct Rough {
    copy: Lazy<()>,
    target: Option<Target>,
    /// Whether the frame that is being drawn is drawn into the target.
    is_on: bool,
}

impl Rough {
    pub(super) fn new(compiler: &Rc<Compiler>) -> Self {
        let copy =
            Lazy::new(compiler, &[include_str!("scenery.vert")], &[include_str!("rough.frag")], |gl, program| {
                gl.uniform1i(program.uniform(gl, "u_frame").as_ref(), UNIT as i32);
            });
        copy.start();
        Self { copy, target: None, is_on: false }
    }

    /// Binds what a frame is to be drawn into: the target where it is wanted and can be had, else the canvas. The target
    /// lives until a frame does without it.
    pub(super) fn begin(&mut self, gl: &Gl, wanted: bool, size_px: [u32; 2]) {
        self.is_on = wanted && self.copy.bind().is_some();
        if self.target.as_ref().is_some_and(|target| !wanted || target.size_px != size_px) {
            self.free(gl);
        }
        if self.is_on && self.target.is_none() {
            self.target = Target::new(gl, size_px);
        }
        let target = self.target.as_ref().filter(|_| self.is_on);
        gl.bind_framebuffer(Gl::FRAMEBUFFER, target.map(|target| &target.framebuffer));
    }

    /// Copies the frame onto the canvas, if it is not drawn there.
    pub(super) fn end(&mut self, gl: &Gl) {
        let Some(target) = self.target.as_ref().filter(|_| std::mem::take(&mut self.is_on)) else { return };
        gl.bind_framebuffer(Gl::FRAMEBUFFER, None);
        if self.copy.bind().is_none() {
            return;
        }
        gl.bind_vertex_array(None);
        gl.disable(Gl::DEPTH_TEST);
        gl.disable(Gl::CULL_FACE);
        gl.disable(Gl::BLEND);
        gl.active_texture(Gl::TEXTURE0 + UNIT);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&target.texture));
        gl.draw_arrays(Gl::TRIANGLES, 0, 3);
        gl.bind_texture(Gl::TEXTURE_2D, None);
        gl.active_texture(Gl::TEXTURE0);
        gl.use_program(None);
    }

    /// Bytes of the target.
    pub(super) fn bytes(&self) -> u64 {
        self.target.as_ref().map_or(0, |target| target.size_px.map(u64::from).iter().product::<u64>() * 8)
    }

    /// Frees the target.
    pub(super) fn free(&mut self, gl: &Gl) {
        if let Some(target) = self.target.take() {
            gl.delete_framebuffer(Some(&target.framebuffer));
            gl.delete_renderbuffer(Some(&target.depth));
            gl.delete_texture(Some(&target.texture));
        }
    }
}

/// Colours, and depth with stencil, as the canvas has them, but one sample each.
struct Target {
    size_px: [u32; 2],
    framebuffer: WebGlFramebuffer,
    texture: WebGlTexture,
    depth: WebGlRenderbuffer,
}

impl Target {
    fn new(gl: &Gl, size_px: [u32; 2]) -> Option<Self> {
        let [width, height] = size_px.map(|px| px as i32);
        let (framebuffer, texture) = (gl.create_framebuffer()?, gl.create_texture()?);
        let depth = gl.create_renderbuffer()?;
        gl.bind_framebuffer(Gl::FRAMEBUFFER, Some(&framebuffer));
        gl.active_texture(Gl::TEXTURE0 + UNIT);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&texture));
        gl.tex_storage_2d(Gl::TEXTURE_2D, 1, Gl::RGBA8, width, height);
        sample(gl, Gl::TEXTURE_2D, Gl::NEAREST, Gl::NEAREST);
        gl.framebuffer_texture_2d(Gl::FRAMEBUFFER, Gl::COLOR_ATTACHMENT0, Gl::TEXTURE_2D, Some(&texture), 0);
        gl.bind_texture(Gl::TEXTURE_2D, None);
        gl.active_texture(Gl::TEXTURE0);
        gl.bind_renderbuffer(Gl::RENDERBUFFER, Some(&depth));
        gl.renderbuffer_storage(Gl::RENDERBUFFER, Gl::DEPTH24_STENCIL8, width, height);
        gl.framebuffer_renderbuffer(Gl::FRAMEBUFFER, Gl::DEPTH_STENCIL_ATTACHMENT, Gl::RENDERBUFFER, Some(&depth));
        Some(Self { size_px, framebuffer, texture, depth })
    }
}
