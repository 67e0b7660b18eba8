//! The maps of what the light meets first, drawn again only when something in them has changed.

use super::{graphics, sample};
use crate::ViewerError;
use crate::cascades::{MOST_RINGS, Ring};
use glam::DMat4;
use web_sys::{WebGl2RenderingContext as Gl, WebGlFramebuffer, WebGlTexture};

/// The texture unit that the maps are bound to; 0 and 1 are the tiles' own.
pub(super) const MAP_UNIT: u32 = 2;

/// A frame's full shadows.
#[derive(Clone, Copy, Debug)]
pub(in crate::device) struct ShadowLook {
    /// Near to far; their maps in the same order.
    pub(in crate::device) rings: [Option<Ring>; MOST_RINGS],
    pub(in crate::device) map_from_rel: [DMat4; MOST_RINGS],
    /// Width of a texel of each ring, metres.
    pub(in crate::device) texels_m: [f32; MOST_RINGS],
    pub(in crate::device) map_px: u32,
    /// They are seen up to here, metres.
    pub(in crate::device) reach_m: f32,
    /// Counts the changes of what casts shadows.
    pub(in crate::device) epoch: u64,
}

impl ShadowLook {
    pub(super) fn count(&self) -> usize {
        self.rings.iter().flatten().count()
    }
}

/// The maps, one layer of a texture for each ring.
pub(super) struct ShadowMaps {
    texture: WebGlTexture,
    framebuffer: WebGlFramebuffer,
    map_px: u32,
    layers: usize,
    /// What each layer holds.
    drawn: [Option<(Ring, u64)>; MOST_RINGS],
}

impl ShadowMaps {
    /// # Errors
    /// [`ViewerError::Graphics`] when the GPU gives no texture.
    pub(super) fn new(gl: &Gl, look: &ShadowLook) -> Result<Self, ViewerError> {
        let refused = || graphics("no texture for shadows");
        let texture = gl.create_texture().ok_or_else(refused)?;
        let framebuffer = gl.create_framebuffer().ok_or_else(refused)?;
        let (map_px, layers) = (look.map_px, look.count());
        gl.active_texture(Gl::TEXTURE0 + MAP_UNIT);
        gl.bind_texture(Gl::TEXTURE_2D_ARRAY, Some(&texture));
        let (side, depth) = (map_px as i32, layers as i32);
        gl.tex_storage_3d(Gl::TEXTURE_2D_ARRAY, 1, Gl::DEPTH_COMPONENT24, side, side, depth);
        sample(gl, Gl::TEXTURE_2D_ARRAY, Gl::LINEAR, Gl::LINEAR);
        for (name, value) in
            [(Gl::TEXTURE_COMPARE_MODE, Gl::COMPARE_REF_TO_TEXTURE), (Gl::TEXTURE_COMPARE_FUNC, Gl::LEQUAL)]
        {
            gl.tex_parameteri(Gl::TEXTURE_2D_ARRAY, name, value as i32);
        }
        gl.active_texture(Gl::TEXTURE0);
        Ok(Self { texture, framebuffer, map_px, layers, drawn: [None; MOST_RINGS] })
    }

    /// Whether these maps can hold a frame's shadows.
    pub(super) fn fits(&self, look: &ShadowLook) -> bool {
        self.map_px == look.map_px && self.layers == look.count()
    }

    pub(super) fn free(&self, gl: &Gl) {
        gl.delete_framebuffer(Some(&self.framebuffer));
        gl.delete_texture(Some(&self.texture));
    }

    /// Bytes on the GPU; depth of 24 bits takes 4 bytes.
    pub(super) fn bytes(&self) -> u64 {
        4 * u64::from(self.map_px).pow(2) * self.layers as u64
    }

    /// Brings the maps up to date and binds them for those who look into them. `draw` draws what casts shadows into
    /// the map of a ring, and says whether it could draw all.
    pub(super) fn refresh(&mut self, gl: &Gl, look: &ShadowLook, mut draw: impl FnMut(usize) -> bool) {
        let mut begun = false;
        for (index, ring) in look.rings.iter().enumerate() {
            let Some(ring) = ring else { continue };
            let state = Some((*ring, look.epoch));
            if self.drawn[index] == state {
                continue;
            }
            if !begun {
                begun = true;
                self.begin(gl);
            }
            gl.framebuffer_texture_layer(Gl::FRAMEBUFFER, Gl::DEPTH_ATTACHMENT, Some(&self.texture), 0, index as i32);
            gl.clear(Gl::DEPTH_BUFFER_BIT);
            self.drawn[index] = state.filter(|_| draw(index));
        }
        if begun {
            gl.disable(Gl::POLYGON_OFFSET_FILL);
            gl.disable(Gl::CULL_FACE);
        }
        gl.active_texture(Gl::TEXTURE0 + MAP_UNIT);
        gl.bind_texture(Gl::TEXTURE_2D_ARRAY, Some(&self.texture));
        gl.active_texture(Gl::TEXTURE0);
    }

    fn begin(&self, gl: &Gl) {
        // A texture must not be bound for reading while it is drawn into.
        gl.active_texture(Gl::TEXTURE0 + MAP_UNIT);
        gl.bind_texture(Gl::TEXTURE_2D_ARRAY, None);
        gl.bind_framebuffer(Gl::FRAMEBUFFER, Some(&self.framebuffer));
        gl.viewport(0, 0, self.map_px as i32, self.map_px as i32);
        gl.disable(Gl::BLEND);
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LESS);
        gl.depth_mask(true);
        gl.clear_depth(1.0);
        gl.enable(Gl::POLYGON_OFFSET_FILL);
        gl.polygon_offset(1.5, 2.0);
    }
}
