//! Names on the map: an atlas of their pictures, drawn in one call, and tests whether something stands before them.

use super::frame::FRAME_GLSL;
use super::program::{Compiler, Lazy};
use super::{graphics, sample};
use crate::ViewerError;
use crate::labels::{Key, Room, Shelves};
use glam::DVec3;
use std::rc::Rc;
use web_sys::{
    ImageData, WebGl2RenderingContext as Gl, WebGlBuffer, WebGlQuery, WebGlTexture, WebGlUniformLocation,
    WebGlVertexArrayObject,
};

/// Of the atlas, texels: 4 MiB, some hundred names at two pixels per CSS pixel.
const ATLAS_PX: [u32; 2] = [2048, 1024];
/// Numbers of an instance.
pub(in crate::device) const INSTANCE: usize = 16;

/// `u_size` and `u_halo`.
type Uniforms = [Option<WebGlUniformLocation>; 2];

/// What labels need on the GPU.
pub(in crate::device) struct LabelGpu {
    program: Lazy<Uniforms>,
    test: Lazy<()>,
    atlas: WebGlTexture,
    array: WebGlVertexArrayObject,
    instances: WebGlBuffer,
    shelves: Shelves,
    /// Rises when the atlas is emptied: rooms of an earlier one are no longer theirs.
    pub(in crate::device) epoch: u32,
    bytes: Vec<u8>,
    free: Vec<WebGlQuery>,
    asked: Vec<(Key, WebGlQuery)>,
}

impl LabelGpu {
    /// # Errors
    /// [`ViewerError::Graphics`] when the driver refuses.
    pub(in crate::device) fn new(gl: &Gl, compiler: &Rc<Compiler>, epoch: u32) -> Result<Self, ViewerError> {
        let refused = || graphics("no room for labels");
        let program =
            Lazy::new(compiler, &[include_str!("label.vert")], &[include_str!("label.frag")], |gl, program| {
                ["u_size", "u_halo"].map(|name| program.uniform(gl, name))
            });
        let test = Lazy::new(
            compiler,
            &[FRAME_GLSL, include_str!("label_test.vert")],
            &[include_str!("label_test.frag")],
            |_, _| (),
        );
        let atlas = gl.create_texture().ok_or_else(refused)?;
        gl.active_texture(Gl::TEXTURE0);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&atlas));
        gl.tex_storage_2d(Gl::TEXTURE_2D, 1, Gl::RG8, ATLAS_PX[0] as i32, ATLAS_PX[1] as i32);
        sample(gl, Gl::TEXTURE_2D, Gl::LINEAR, Gl::LINEAR);
        let array = gl.create_vertex_array().ok_or_else(refused)?;
        let instances = gl.create_buffer().ok_or_else(refused)?;
        gl.bind_vertex_array(Some(&array));
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&instances));
        for location in 0..4 {
            gl.enable_vertex_attrib_array(location);
            gl.vertex_attrib_pointer_with_i32(location, 4, Gl::FLOAT, false, 4 * INSTANCE as i32, 16 * location as i32);
            gl.vertex_attrib_divisor(location, 1);
        }
        gl.bind_vertex_array(None);
        Ok(Self {
            program,
            test,
            atlas,
            array,
            instances,
            shelves: Shelves::new(ATLAS_PX),
            epoch,
            bytes: Vec::new(),
            free: Vec::new(),
            asked: Vec::new(),
        })
    }

    /// Bytes on the GPU.
    pub(in crate::device) const BYTES: u64 = 2 * ATLAS_PX[0] as u64 * ATLAS_PX[1] as u64;

    /// Forgets all pictures.
    pub(in crate::device) fn empty(&mut self) {
        self.shelves.empty();
        self.epoch += 1;
    }

    /// Puts a picture into the atlas; none when that is full.
    pub(in crate::device) fn put(&mut self, gl: &Gl, image: &ImageData) -> Option<Room> {
        let room = self.shelves.take(image.width() + 1, image.height() + 1)?;
        gl.active_texture(Gl::TEXTURE0);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.atlas));
        let put = gl.tex_sub_image_2d_with_u32_and_u32_and_image_data(
            Gl::TEXTURE_2D,
            0,
            room.x as i32,
            room.y as i32,
            Gl::RG,
            Gl::UNSIGNED_BYTE,
            image,
        );
        put.ok().map(|()| Room { width: image.width(), height: image.height(), ..room })
    }

    /// Draws instances over everything. False when the program for that is not ready, or refused.
    pub(in crate::device) fn draw(&mut self, gl: &Gl, instances: &[f32], size_px: [u32; 2], halo: [f32; 3]) -> bool {
        if instances.is_empty() {
            return true;
        }
        let Some([size_at, halo_at]) = self.program.bind() else { return false };
        self.bytes.clear();
        self.bytes.extend(instances.iter().flat_map(|value| value.to_le_bytes()));
        gl.uniform2f(size_at.as_ref(), size_px[0] as f32, size_px[1] as f32);
        gl.uniform3f(halo_at.as_ref(), halo[0], halo[1], halo[2]);
        gl.active_texture(Gl::TEXTURE0);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.atlas));
        gl.bind_vertex_array(Some(&self.array));
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&self.instances));
        gl.buffer_data_with_u8_array(Gl::ARRAY_BUFFER, &self.bytes, Gl::STREAM_DRAW);
        gl.disable(Gl::DEPTH_TEST);
        gl.disable(Gl::CULL_FACE);
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::SRC_ALPHA, Gl::ONE_MINUS_SRC_ALPHA);
        gl.draw_arrays_instanced(Gl::TRIANGLE_STRIP, 0, 4, (instances.len() / INSTANCE) as i32);
        gl.disable(Gl::BLEND);
        gl.bind_vertex_array(None);
        gl.use_program(None);
        true
    }

    /// Asks whether anything stands before these places (in `rel`), against the depth of the frame just drawn.
    /// False when the program for that is not ready, or refused.
    pub(in crate::device) fn ask(&mut self, gl: &Gl, places: &[(Key, DVec3)]) -> bool {
        if places.is_empty() {
            return true;
        }
        if self.test.bind().is_none() {
            return false;
        }
        gl.bind_vertex_array(None);
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LESS);
        gl.depth_mask(false);
        gl.color_mask(false, false, false, false);
        for &(key, rel) in places {
            let Some(query) = self.free.pop().or_else(|| gl.create_query()) else { break };
            gl.vertex_attrib4f(0, rel.x as f32, rel.y as f32, rel.z as f32, 1.0);
            gl.begin_query(Gl::ANY_SAMPLES_PASSED_CONSERVATIVE, &query);
            gl.draw_arrays(Gl::POINTS, 0, 1);
            gl.end_query(Gl::ANY_SAMPLES_PASSED_CONSERVATIVE);
            self.asked.push((key, query));
        }
        gl.color_mask(true, true, true, true);
        gl.depth_mask(true);
        gl.use_program(None);
        true
    }

    /// Whether answers are outstanding.
    pub(in crate::device) fn is_asking(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The answers, once all are there.
    pub(in crate::device) fn answers(&mut self, gl: &Gl) -> Vec<(Key, bool)> {
        let there = |query: &WebGlQuery, name| gl.get_query_parameter(query, name).is_truthy();
        if !self.asked.last().is_some_and(|(_, query)| there(query, Gl::QUERY_RESULT_AVAILABLE)) {
            return Vec::new();
        }
        let answers = self.asked.iter().map(|(key, query)| {
            let result = gl.get_query_parameter(query, Gl::QUERY_RESULT);
            (*key, result.is_truthy() && result.as_f64() != Some(0.0))
        });
        let answers = answers.collect();
        self.free.extend(self.asked.drain(..).map(|(_, query)| query));
        answers
    }
}
