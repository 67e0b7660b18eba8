//! Boxes around tiles, for developers: all of them in one call, over the frame that was drawn. Nothing of it exists
//! while no boxes are shown.

use super::frame::FRAME_GLSL;
use super::graphics;
use super::program::{Compiler, Lazy};
use crate::ViewerError;
use crate::debug::LINE_VERTEX;
use std::rc::Rc;
use web_sys::{WebGl2RenderingContext as Gl, WebGlBuffer, WebGlVertexArrayObject};

/// The program and the vertices.
pub(super) struct Boxes {
    program: Lazy<()>,
    array: WebGlVertexArrayObject,
    vertices: WebGlBuffer,
}

impl Boxes {
    /// # Errors
    /// [`ViewerError::Graphics`] when the GPU gives no buffer.
    pub(super) fn new(gl: &Gl, compiler: &Rc<Compiler>) -> Result<Self, ViewerError> {
        let vertex = [FRAME_GLSL, include_str!("boxes.vert")];
        let program = Lazy::new(compiler, &vertex, &[include_str!("boxes.frag")], |_, _| ());
        let refused = || graphics("no buffer for boxes");
        let array = gl.create_vertex_array().ok_or_else(refused)?;
        let vertices = gl.create_buffer().ok_or_else(refused)?;
        gl.bind_vertex_array(Some(&array));
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&vertices));
        gl.enable_vertex_attrib_array(0);
        gl.vertex_attrib_pointer_with_i32(0, 3, Gl::FLOAT, false, LINE_VERTEX as i32, 0);
        gl.enable_vertex_attrib_array(1);
        gl.vertex_attrib_pointer_with_i32(1, 4, Gl::UNSIGNED_BYTE, true, LINE_VERTEX as i32, 12);
        gl.bind_vertex_array(None);
        Ok(Self { program, array, vertices })
    }

    /// Draws lines, each two vertices of [`LINE_VERTEX`] bytes, once the program is ready. What stands before them hides
    /// them.
    pub(super) fn draw(&self, gl: &Gl, lines: &[u8]) {
        if self.program.bind().is_none() {
            return;
        }
        gl.bind_vertex_array(Some(&self.array));
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&self.vertices));
        gl.buffer_data_with_u8_array(Gl::ARRAY_BUFFER, lines, Gl::STREAM_DRAW);
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LEQUAL);
        gl.depth_mask(false);
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::SRC_ALPHA, Gl::ONE_MINUS_SRC_ALPHA);
        gl.draw_arrays(Gl::LINES, 0, (lines.len() / LINE_VERTEX) as i32);
        gl.disable(Gl::BLEND);
        gl.depth_mask(true);
        gl.depth_func(Gl::LESS);
        gl.bind_vertex_array(None);
        gl.use_program(None);
    }

    pub(super) fn free(&self, gl: &Gl) {
        gl.delete_vertex_array(Some(&self.array));
        gl.delete_buffer(Some(&self.vertices));
    }
}
