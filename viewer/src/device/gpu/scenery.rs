//! Sky and endless ground: one triangle behind everything, drawn by three-d.

use super::{FrameLook, graphics};
use crate::ViewerError;
use three_d::{Cull, DepthTest, Program, RenderStates, Viewport, WriteMask, vec2, vec3};

/// Linear colour of the ground (`#efece6`).
const GROUND: three_d::Vec3 = three_d::Vec3::new(0.863, 0.838, 0.791);

pub(super) struct Scenery {
    program: Program,
}

impl Scenery {
    pub(super) fn new(context: &three_d::Context) -> Result<Self, ViewerError> {
        let fragment = [include_str!("sun.glsl"), include_str!("common.glsl"), include_str!("scenery.frag")].concat();
        let program = Program::from_source(context, include_str!("scenery.vert"), &fragment).map_err(graphics)?;
        Ok(Self { program })
    }

    pub(super) fn draw(&self, look: &FrameLook) {
        let axis = |v: glam::DVec3| vec3(v.x as f32, v.y as f32, v.z as f32);
        let eye = &look.eye;
        self.program.use_uniform("u_forward", axis(eye.forward));
        self.program.use_uniform("u_right", axis(eye.right * eye.tangents.x));
        self.program.use_uniform("u_up", axis(eye.up * eye.tangents.y));
        self.program.use_uniform("u_height", eye.height_m.max(1.0) as f32);
        self.program.use_uniform("u_ground", GROUND);
        self.program.use_uniform("u_fog", vec2(look.fog_m[0], look.fog_m[1]));
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
