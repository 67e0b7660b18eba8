//! Pictures of the ground over a terrain: the terrain's own triangles, drawn again for each picture that lies on them.

use super::frame::FRAME_GLSL;
use super::program::{Compiler, Lazy};
use super::raster::RasterDraw;
use citytwin_tiles::{GroundHeights, Primitive};
use std::rc::Rc;
use web_sys::{WebGl2RenderingContext as Gl, WebGlUniformLocation, WebGlVertexArrayObject};

/// A tile of the terrain.
pub(super) struct Ground<'a> {
    pub(super) heights: &'a GroundHeights,
    pub(super) primitive: &'a Primitive,
    pub(super) array: &'a WebGlVertexArrayObject,
    pub(super) rel_rows: [f32; 12],
}

/// The program of draped pictures: placement, part and opacity.
pub(super) struct DrapeProgram(Lazy<[Option<WebGlUniformLocation>; 3]>);

impl DrapeProgram {
    pub(super) fn new(compiler: &Rc<Compiler>) -> Self {
        let vertex = [FRAME_GLSL, include_str!("drape.vert")];
        let fragment = [FRAME_GLSL, "#define DRAPED\n", include_str!("common.glsl"), include_str!("raster.frag")];
        Self(Lazy::new(compiler, &vertex, &fragment, |gl, program| {
            ["u_rows", "u_part", "u_opacity"].map(|name| program.uniform(gl, name))
        }))
    }

    /// Draws pictures in their order over the terrain, whose depth is there. `assemble` draws a ground's triangles,
    /// whose array is bound.
    pub(super) fn draw(
        &self,
        gl: &Gl,
        pictures: &[RasterDraw<'_>],
        grounds: &[Ground<'_>],
        assemble: impl Fn(&Primitive),
    ) {
        if pictures.is_empty() || grounds.is_empty() {
            return;
        }
        let Some([rows, part, opacity]) = self.0.bind() else { return };
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LEQUAL);
        gl.depth_mask(false);
        gl.enable(Gl::BLEND);
        gl.active_texture(Gl::TEXTURE0);
        let rects: Vec<[f64; 4]> = grounds.iter().map(|ground| ground.heights.place.mercator_rect()).collect();
        for picture in pictures {
            gl.bind_texture(Gl::TEXTURE_2D, Some(picture.texture()));
            gl.uniform1f(opacity.as_ref(), picture.opacity);
            let on = picture.tile().mercator_rect();
            for (ground, rect) in grounds.iter().zip(&rects) {
                let Some(share) = part_of(on, *rect) else { continue };
                gl.bind_vertex_array(Some(ground.array));
                gl.uniform4fv_with_f32_array(rows.as_ref(), &ground.rel_rows);
                gl.uniform4fv_with_f32_array(part.as_ref(), &share);
                assemble(ground.primitive);
            }
        }
        gl.disable(Gl::BLEND);
        gl.depth_mask(true);
    }
}

/// Scale and offset from shares of a ground to those of a picture, both from their south-western corner; `None` where
/// they do not meet.
fn part_of(picture: [f64; 4], ground: [f64; 4]) -> Option<[f32; 4]> {
    let meet = |axis: usize| picture[axis] < ground[axis + 2] && ground[axis] < picture[axis + 2];
    let along = |axis: usize| {
        let side = picture[axis + 2] - picture[axis];
        [(ground[axis + 2] - ground[axis]) / side, (ground[axis] - picture[axis]) / side].map(|share| share as f32)
    };
    let ([sx, ox], [sy, oy]) = (along(0), along(1));
    (meet(0) && meet(1)).then_some([sx, sy, ox, oy])
}
