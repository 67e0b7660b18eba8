//! Sky and endless ground: one triangle behind everything, drawn by three-d.

use super::frame::FRAME_GLSL;
use super::{FrameLook, graphics};
use crate::ViewerError;
use three_d::{Cull, DepthTest, Program, RenderStates, Viewport, WriteMask};

pub(super) struct Scenery {
    program: Program,
}

impl Scenery {
    pub(super) fn new(context: &three_d::Context) -> Result<Self, ViewerError> {
        let fragment = [FRAME_GLSL, include_str!("common.glsl"), include_str!("scenery.frag")].concat();
        let program = Program::from_source(context, include_str!("scenery.vert"), &fragment).map_err(graphics)?;
        Ok(Self { program })
    }

    pub(super) fn draw(&self, look: &FrameLook) {
        let states = RenderStates {
            write_mask: WriteMask::COLOR,
            depth_test: DepthTest::Always,
            cull: Cull::None,
            ..RenderStates::default()
        };
        let [width, height] = look.viewport_px;
        self.program.draw_arrays(states, Viewport::new_at_origo(width, height), 3);
    }
}
