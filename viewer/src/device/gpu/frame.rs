//! The uniform block `Frame`: what holds for a whole frame, written once and read by every program.

use super::graphics;
use super::shadow::ShadowLook;
use crate::ViewerError;
use crate::cascades::MOST_RINGS;
use crate::clip::CLIP_VECTORS;
use crate::light::Light;
use crate::matrix::Eye;
use glam::{DMat4, DVec3};
use web_sys::{WebGl2RenderingContext as Gl, WebGlBuffer};

/// Declares the block; every shader that reads of it begins with this.
pub(super) const FRAME_GLSL: &str = include_str!("frame.glsl");

/// Where the block is bound. Programs that bind nothing else read binding point 0, so that none has to be told.
const BINDING: u32 = 0;

// The shaders have the number of vectors as a text.
const _: () = assert!(CLIP_VECTORS == 41);

/// What holds for a whole frame.
pub(in crate::device) struct FrameLook {
    pub(in crate::device) eye: Eye,
    pub(in crate::device) clip_from_rel: DMat4,
    /// Near and far plane, metres.
    pub(in crate::device) planes_m: (f64, f64),
    pub(in crate::device) viewport_px: [u32; 2],
    /// Device pixels of a CSS pixel.
    pub(in crate::device) pixel_ratio: f32,
    /// Where haze begins and where it hides everything, metres.
    pub(in crate::device) fog_m: [f32; 2],
    /// Share of what is far away that the clear air before it hides.
    pub(in crate::device) air: f32,
    /// Whether what a slow device is spared is left out: edges of solids, and anti-aliasing.
    pub(in crate::device) is_rough: bool,
    /// Edges have faded away at this distance, metres.
    pub(in crate::device) edges_m: f32,
    /// Pixels of a metre at a distance of one.
    pub(in crate::device) pixels_at_1_m: f64,
    /// Where light comes from, in the eye's axes.
    pub(in crate::device) light: Light,
    /// Where what is below the ground is seen: how much of the ground is, and the eye's height above it, metres.
    pub(in crate::device) underground: Option<[f32; 2]>,
    /// Shapes that cut.
    pub(in crate::device) clip: Option<[[f32; 4]; CLIP_VECTORS]>,
    /// Whether solids darken the flat ground by their outlines, as without full shadows they do.
    pub(in crate::device) ground_shadows: bool,
    /// Full shadows; `None` without them.
    pub(in crate::device) shadows: Option<ShadowLook>,
    /// Strength and radius (pixels) of eye-dome lighting; `None` without it.
    pub(in crate::device) edl: Option<[f32; 2]>,
}

impl FrameLook {
    /// The block's content, as `frame.glsl` declares it: only whole `vec4`s, so that std140 adds no padding.
    fn write(&self, block: &mut Vec<u8>) {
        let [width, height] = self.viewport_px.map(|px| px as f32);
        let (near_m, far_m) = self.planes_m;
        let eye = &self.eye;
        let light = &self.light;
        block.clear();
        push(block, &self.clip_from_rel.as_mat4().to_cols_array());
        push(block, &[eye.height_m.max(1.0) as f32, self.pixels_at_1_m as f32, width, height]);
        push(block, &vec4(eye.forward, near_m as f32));
        push(block, &vec4(eye.right * eye.tangents.x, far_m as f32));
        push(block, &vec4(eye.up * eye.tangents.y, self.pixel_ratio));
        push(block, &[self.fog_m[0], self.fog_m[1], self.air, self.edges_m]);
        push(block, &vec4(light.toward, light.shade as f32));
        for color in [light.key, light.sky, light.bounce, light.fill, light.horizon, light.zenith, light.glow] {
            push(block, &vec4(color, 0.0));
        }
        push(block, &vec4(light.toward_sun, light.wide_glow as f32));
        push(block, &vec4(light.ground, light.daylight() as f32));
        let [opacity, height_m] = self.underground.unwrap_or([1.0; 2]);
        push(block, &[f32::from(u8::from(self.underground.is_some())), opacity, height_m, 0.0]);
        push(block, self.clip.unwrap_or([[0.0; 4]; CLIP_VECTORS]).as_flattened());
        self.write_shadows(block);
        let [strength, radius_px] = self.edl.unwrap_or_default();
        push(block, &[strength, radius_px, 0.0, 0.0]);
    }

    fn write_shadows(&self, block: &mut Vec<u8>) {
        let Some(shadows) = &self.shadows else {
            return push(block, &[0.0; 16 * MOST_RINGS + 8]);
        };
        for map_from_rel in &shadows.map_from_rel {
            push(block, &map_from_rel.as_mat4().to_cols_array());
        }
        push(block, &shadows.texels_m);
        push(block, &[shadows.count() as f32, 1.0 / shadows.map_px as f32, shadows.reach_m, 0.0]);
    }
}

fn push(block: &mut Vec<u8>, values: &[f32]) {
    block.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn vec4(v: DVec3, w: f32) -> [f32; 4] {
    [v.x as f32, v.y as f32, v.z as f32, w]
}

/// The block on the GPU. Drawing and picking have one each, so that neither waits for the other's to be read.
pub(super) struct FrameBlock {
    buffer: WebGlBuffer,
    /// Kept so that a frame allocates nothing.
    content: Vec<u8>,
}

impl FrameBlock {
    pub(super) fn free(&self, gl: &Gl) {
        gl.delete_buffer(Some(&self.buffer));
    }

    /// # Errors
    /// [`ViewerError::Graphics`] when the GPU gives no buffer.
    pub(super) fn new(gl: &Gl) -> Result<Self, ViewerError> {
        let buffer = gl.create_buffer().ok_or_else(|| graphics("no buffer for what holds for a frame"))?;
        Ok(Self { buffer, content: Vec::new() })
    }

    /// Uploads a frame's block and lets every program read it.
    pub(super) fn begin(&mut self, gl: &Gl, look: &FrameLook) {
        look.write(&mut self.content);
        gl.bind_buffer_base(Gl::UNIFORM_BUFFER, BINDING, Some(&self.buffer));
        gl.buffer_data_with_u8_array(Gl::UNIFORM_BUFFER, &self.content, Gl::STREAM_DRAW);
    }
}
