//! How far away the points of clouds are, pixel by pixel: what eye-dome lighting compares.

use super::{graphics, sample};
use crate::ViewerError;
use web_sys::{WebGl2RenderingContext as Gl, WebGlFramebuffer, WebGlTexture};

/// The texture unit that the depths are bound to.
pub(super) const POINTS_UNIT: u32 = 6;

/// A depth texture of the canvas's size.
pub(super) struct PointDepths {
    texture: WebGlTexture,
    framebuffer: WebGlFramebuffer,
    size_px: [u32; 2],
}

impl PointDepths {
    /// # Errors
    /// [`ViewerError::Graphics`] when the GPU gives no texture.
    pub(super) fn new(gl: &Gl, size_px: [u32; 2]) -> Result<Self, ViewerError> {
        let refused = || graphics("no texture for the depth of points");
        let texture = gl.create_texture().ok_or_else(refused)?;
        let framebuffer = gl.create_framebuffer().ok_or_else(refused)?;
        gl.active_texture(Gl::TEXTURE0 + POINTS_UNIT);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&texture));
        let [width, height] = size_px.map(|px| px as i32);
        gl.tex_storage_2d(Gl::TEXTURE_2D, 1, Gl::DEPTH_COMPONENT24, width, height);
        sample(gl, Gl::TEXTURE_2D, Gl::NEAREST, Gl::NEAREST);
        gl.bind_framebuffer(Gl::FRAMEBUFFER, Some(&framebuffer));
        gl.framebuffer_texture_2d(Gl::FRAMEBUFFER, Gl::DEPTH_ATTACHMENT, Gl::TEXTURE_2D, Some(&texture), 0);
        gl.active_texture(Gl::TEXTURE0);
        Ok(Self { texture, framebuffer, size_px })
    }

    pub(super) fn fits(&self, size_px: [u32; 2]) -> bool {
        self.size_px == size_px
    }

    pub(super) fn free(&self, gl: &Gl) {
        gl.delete_framebuffer(Some(&self.framebuffer));
        gl.delete_texture(Some(&self.texture));
    }

    /// Draws the points' depths anew and binds them for those who look into them.
    pub(super) fn refresh(&self, gl: &Gl, draw: impl FnOnce()) {
        gl.active_texture(Gl::TEXTURE0 + POINTS_UNIT);
        gl.bind_texture(Gl::TEXTURE_2D, None);
        gl.bind_framebuffer(Gl::FRAMEBUFFER, Some(&self.framebuffer));
        gl.viewport(0, 0, self.size_px[0] as i32, self.size_px[1] as i32);
        gl.disable(Gl::BLEND);
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LESS);
        gl.depth_mask(true);
        gl.clear_depth(1.0);
        gl.clear(Gl::DEPTH_BUFFER_BIT);
        draw();
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.texture));
        gl.active_texture(Gl::TEXTURE0);
    }
}
