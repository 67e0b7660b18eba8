//! The uniform blocks `Draw`: what holds for one draw, for all draws of a frame in one buffer.
//!
//! Uploaded once for a frame, and then only pointed at, which costs the script less than an array of uniforms for each
//! draw of each pass.

use super::graphics;
use super::tiles::DrawLists;
use crate::ViewerError;
use web_sys::{WebGl2RenderingContext as Gl, WebGlBuffer};

/// Where a draw's block is bound; the frame's own is at 0.
pub(super) const BINDING: u32 = 1;
/// Numbers of a block, as `features.glsl` declares it.
pub(super) const FLOATS: usize = 24;
/// Bytes from block to block: no device asks for a coarser alignment.
const STRIDE: usize = 256;

pub(super) struct DrawBlocks {
    buffer: WebGlBuffer,
    /// Kept so that a frame allocates nothing.
    content: Vec<u8>,
}

impl DrawBlocks {
    /// # Errors
    /// [`ViewerError::Graphics`] when the GPU gives no buffer.
    pub(super) fn new(gl: &Gl) -> Result<Self, ViewerError> {
        let buffer = gl.create_buffer().ok_or_else(|| graphics("no buffer for what holds for a draw"))?;
        Ok(Self { buffer, content: Vec::new() })
    }

    /// Uploads the blocks of all draws, and numbers the draws.
    pub(super) fn begin(&mut self, gl: &Gl, lists: &mut DrawLists<'_>) {
        self.content.clear();
        lists.number_slots(|slot, floats| {
            self.content.resize((slot as usize + 1) * STRIDE, 0);
            let block = &mut self.content[slot as usize * STRIDE..];
            block.as_chunks_mut().0.iter_mut().zip(floats).for_each(|(to, float)| *to = float.to_le_bytes());
        });
        gl.bind_buffer(Gl::UNIFORM_BUFFER, Some(&self.buffer));
        gl.buffer_data_with_u8_array(Gl::UNIFORM_BUFFER, &self.content, Gl::STREAM_DRAW);
    }

    /// Lets programs read a draw's block.
    pub(super) fn bind(&self, gl: &Gl, slot: u32) {
        let offset = slot as usize * STRIDE;
        gl.bind_buffer_range_with_i32_and_i32(
            Gl::UNIFORM_BUFFER,
            BINDING,
            Some(&self.buffer),
            offset as i32,
            (FLOATS * 4) as i32,
        );
    }
}
