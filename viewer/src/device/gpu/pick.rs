//! What is in a window of pixels, read back without waiting for the GPU.

use crate::ViewerError;
use crate::pick_window::{SIDE, Seen};
use web_sys::{WebGl2RenderingContext as Gl, WebGlBuffer, WebGlFramebuffer, WebGlRenderbuffer, WebGlSync};

/// Four 32-bit numbers.
const PIXEL_BYTES: usize = 16;
const BYTES: usize = SIDE * SIDE * PIXEL_BYTES;

/// A target of the window's size and the buffer that it is read into.
pub(super) struct PickTarget {
    framebuffer: WebGlFramebuffer,
    pixels: Vec<WebGlRenderbuffer>,
    /// Under way: a buffer of its own for each pick, since a reused one costs the browser a copy and a warning.
    reading: Option<(WebGlBuffer, WebGlSync)>,
}

impl PickTarget {
    pub(super) fn new(gl: &Gl) -> Result<Self, ViewerError> {
        let refused = || ViewerError::Graphics("no target for picking".into());
        let framebuffer = gl.create_framebuffer().ok_or_else(refused)?;
        gl.bind_framebuffer(Gl::FRAMEBUFFER, Some(&framebuffer));
        let mut all_pixels = Vec::with_capacity(2);
        for (format, attachment) in
            [(Gl::RGBA32UI, Gl::COLOR_ATTACHMENT0), (Gl::DEPTH_COMPONENT24, Gl::DEPTH_ATTACHMENT)]
        {
            let pixels = gl.create_renderbuffer().ok_or_else(refused)?;
            gl.bind_renderbuffer(Gl::RENDERBUFFER, Some(&pixels));
            gl.renderbuffer_storage(Gl::RENDERBUFFER, format, SIDE as i32, SIDE as i32);
            gl.framebuffer_renderbuffer(Gl::FRAMEBUFFER, attachment, Gl::RENDERBUFFER, Some(&pixels));
            all_pixels.push(pixels);
        }
        gl.bind_framebuffer(Gl::FRAMEBUFFER, None);
        Ok(Self { framebuffer, pixels: all_pixels, reading: None })
    }

    pub(super) fn free(&mut self, gl: &Gl) {
        if let Some((buffer, fence)) = self.reading.take() {
            gl.delete_sync(Some(&fence));
            gl.delete_buffer(Some(&buffer));
        }
        gl.delete_framebuffer(Some(&self.framebuffer));
        self.pixels.iter().for_each(|pixels| gl.delete_renderbuffer(Some(pixels)));
    }

    pub(super) fn start(&mut self, gl: &Gl, draw: impl FnOnce(&Gl)) -> bool {
        gl.bind_framebuffer(Gl::FRAMEBUFFER, Some(&self.framebuffer));
        gl.viewport(0, 0, SIDE as i32, SIDE as i32);
        gl.depth_mask(true);
        gl.clear_bufferuiv_with_u32_array(Gl::COLOR, 0, &[0; 4]);
        gl.clear_bufferfv_with_f32_array(Gl::DEPTH, 0, &[1.0]);
        draw(gl);
        self.reading = read(gl);
        gl.bind_framebuffer(Gl::FRAMEBUFFER, None);
        gl.flush();
        self.reading.is_some()
    }

    pub(super) fn poll(&mut self, gl: &Gl) -> Option<Vec<Seen>> {
        let (buffer, fence) = self.reading.as_ref()?;
        if gl.client_wait_sync_with_u32(fence, 0, 0) == Gl::TIMEOUT_EXPIRED {
            return None;
        }
        let mut bytes = vec![0; BYTES];
        gl.bind_buffer(Gl::PIXEL_PACK_BUFFER, Some(buffer));
        gl.get_buffer_sub_data_with_i32_and_u8_array(Gl::PIXEL_PACK_BUFFER, 0, &mut bytes);
        gl.bind_buffer(Gl::PIXEL_PACK_BUFFER, None);
        gl.delete_sync(Some(fence));
        gl.delete_buffer(Some(buffer));
        self.reading = None;
        let seen = |pixel: &[u8]| {
            let word = |i: usize| u32::from_le_bytes([pixel[i], pixel[i + 1], pixel[i + 2], pixel[i + 3]]);
            Seen { number: word(0), feature: word(4).checked_sub(1), distance_m: f32::from_bits(word(8)) }
        };
        Some(bytes.chunks_exact(PIXEL_BYTES).map(seen).collect())
    }
}

/// Starts to read the pixels into a buffer; `None` when the GPU refuses.
fn read(gl: &Gl) -> Option<(WebGlBuffer, WebGlSync)> {
    let buffer = gl.create_buffer()?;
    gl.bind_buffer(Gl::PIXEL_PACK_BUFFER, Some(&buffer));
    gl.buffer_data_with_i32(Gl::PIXEL_PACK_BUFFER, BYTES as i32, Gl::STREAM_READ);
    let side = SIDE as i32;
    let read = gl.read_pixels_with_i32(0, 0, side, side, Gl::RGBA_INTEGER, Gl::UNSIGNED_INT, 0);
    gl.bind_buffer(Gl::PIXEL_PACK_BUFFER, None);
    let fence = read.ok().and_then(|()| gl.fence_sync(Gl::SYNC_GPU_COMMANDS_COMPLETE, 0));
    if fence.is_none() {
        gl.delete_buffer(Some(&buffer));
    }
    Some((buffer, fence?))
}
