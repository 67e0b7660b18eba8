//! Sky and endless ground: one triangle behind everything.

use super::frame::FRAME_GLSL;
use super::program::{Compiler, Lazy};
use super::shadow::MAP_UNIT;
use std::rc::Rc;
use web_sys::WebGl2RenderingContext as Gl;

pub(super) struct Scenery {
    program: Lazy<()>,
    /// Looks into the maps of full shadows.
    shaded: Lazy<()>,
}

impl Scenery {
    pub(super) fn new(compiler: &Rc<Compiler>) -> Self {
        let fragment = [FRAME_GLSL, include_str!("common.glsl"), include_str!("scenery.frag")];
        let program = Lazy::new(compiler, &[include_str!("scenery.vert")], &fragment, |_, _| ());
        program.start();
        let fragment = [
            FRAME_GLSL,
            "#define SHADED\n",
            include_str!("shadows.glsl"),
            include_str!("common.glsl"),
            include_str!("scenery.frag"),
        ];
        let shaded = Lazy::new(compiler, &[include_str!("scenery.vert")], &fragment, |gl, program| {
            gl.uniform1i(program.uniform(gl, "u_shadow_map").as_ref(), MAP_UNIT as i32);
        });
        Self { program, shaded }
    }

    /// Expects no depth test, culling or blending, and the vertex array of nothing.
    pub(super) fn draw(&self, gl: &Gl, is_shaded: bool) {
        let shaded = is_shaded.then(|| self.shaded.bind()).flatten();
        if shaded.or_else(|| self.program.bind()).is_some() {
            gl.draw_arrays(Gl::TRIANGLES, 0, 3);
        }
    }
}
