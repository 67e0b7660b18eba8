//! Sky and endless ground: one triangle behind everything.

use super::frame::FRAME_GLSL;
use super::program::{Compiler, Lazy};
use std::rc::Rc;
use web_sys::WebGl2RenderingContext as Gl;

pub(super) struct Scenery {
    program: Lazy<()>,
}

impl Scenery {
    pub(super) fn new(compiler: &Rc<Compiler>) -> Self {
        let fragment = [FRAME_GLSL, include_str!("common.glsl"), include_str!("scenery.frag")];
        let program = Lazy::new(compiler, &[include_str!("scenery.vert")], &fragment, |_, _| ());
        program.start();
        Self { program }
    }

    /// Expects no depth test, culling or blending, and the vertex array of nothing.
    pub(super) fn draw(&self, gl: &Gl) {
        if self.program.bind().is_some() {
            gl.draw_arrays(Gl::TRIANGLES, 0, 3);
        }
    }
}
