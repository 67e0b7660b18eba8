//! The draw path of tiles: per draw one vertex array, one uniform array and one draw call.

use super::TileBuffers;
use super::program::Program;
use super::tile_buffers::constants;
use crate::ViewerError;
use crate::matrix::Eye;
use citytwin_tiles::{IndexRange, Primitive, Topology};
use glam::DMat4;
use web_sys::{WebGl2RenderingContext as Gl, WebGlUniformLocation, WebGlVertexArrayObject};

/// What holds for a whole frame.
pub(in crate::device) struct FrameLook {
    pub(in crate::device) eye: Eye,
    pub(in crate::device) clip_from_rel: DMat4,
    pub(in crate::device) viewport_px: [u32; 2],
    /// Where haze begins and where it hides everything, metres.
    pub(in crate::device) fog_m: [f32; 2],
    /// Edges have faded away at this distance, metres.
    pub(in crate::device) edges_m: f32,
}

/// One primitive of one tile in one frame.
#[derive(Clone, Copy)]
pub(in crate::device) struct Draw<'a> {
    primitive: &'a Primitive,
    array: &'a WebGlVertexArrayObject,
    rel_rows: [f32; 12],
    mirrored: bool,
    /// Feature ids of the selected and the hovered feature; −2 for none.
    marks: [f32; 2],
    /// From the eye to the nearest point of its bounds, metres.
    pub(in crate::device) distance_m: f64,
    /// What a pick answers with; at least 1.
    number: u32,
}

impl<'a> Draw<'a> {
    /// The `index`-th primitive of a tile whose buffers are on the GPU. `mirrored`: its transform turns triangles
    /// inside out.
    #[allow(clippy::too_many_arguments)] // one call site, all of different types
    pub(in crate::device) fn new(
        primitive: &'a Primitive,
        buffers: &'a TileBuffers,
        index: usize,
        rel_rows: [f32; 12],
        mirrored: bool,
        marks: [f32; 2],
        distance_m: f64,
        number: u32,
    ) -> Option<Self> {
        let array = buffers.arrays.get(index)?;
        Some(Self { primitive, array, rel_rows, mirrored, marks, distance_m, number })
    }
}

/// A frame's draws, by how they are drawn.
#[derive(Default)]
pub(in crate::device) struct DrawLists<'a> {
    flat: Vec<Draw<'a>>,
    solid: Vec<Draw<'a>>,
    glass: Vec<Draw<'a>>,
    line: Vec<Draw<'a>>,
}

impl<'a> DrawLists<'a> {
    fn push(&mut self, draw: Draw<'a>) {
        let list = match (draw.primitive.topology, draw.primitive.flat_order) {
            (Topology::Lines | Topology::Points, _) => &mut self.line,
            (Topology::Triangles, Some(_)) => &mut self.flat,
            (Topology::Triangles, None) if draw.primitive.base_color[3] < 0.99 => &mut self.glass,
            (Topology::Triangles, None) => &mut self.solid,
        };
        list.push(draw);
    }

    /// Adds a draw, if there is one.
    pub(in crate::device) fn extend(&mut self, draw: Option<Draw<'a>>) {
        if let Some(draw) = draw {
            self.push(draw);
        }
    }

    /// Puts each list into its drawing order: flat things by their order, solids front to back, glass back to front.
    pub(in crate::device) fn sort(&mut self) {
        self.flat.sort_by_key(|draw| draw.primitive.flat_order);
        self.solid.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m));
        self.glass.sort_by(|a, b| b.distance_m.total_cmp(&a.distance_m));
    }
}

/// A program that draws tiles.
struct TileProgram {
    program: Program,
    clip_from_rel: Option<WebGlUniformLocation>,
    draw: Option<WebGlUniformLocation>,
    fog: Option<WebGlUniformLocation>,
    /// `u_line`, `u_ghost` or `u_height`.
    extra: Option<WebGlUniformLocation>,
}

impl TileProgram {
    fn new(gl: &Gl, variant: &str, fragment: &[&str], extra: &str) -> Result<Self, ViewerError> {
        let vertex = [variant, include_str!("sun.glsl"), include_str!("tile.vert")];
        let program = Program::new(gl, &vertex, fragment)?;
        let uniform = |name| program.uniform(gl, name);
        Ok(Self {
            clip_from_rel: uniform("u_clip_from_rel"),
            draw: uniform("u_draw"),
            fog: uniform("u_fog"),
            extra: uniform(extra),
            program,
        })
    }

    /// Binds the program and sets what holds for the frame.
    fn begin(&self, gl: &Gl, look: &FrameLook) {
        self.program.bind(gl);
        let clip_from_rel = look.clip_from_rel.as_mat4().to_cols_array();
        gl.uniform_matrix4fv_with_f32_array(self.clip_from_rel.as_ref(), false, &clip_from_rel);
        gl.uniform2f(self.fog.as_ref(), look.fog_m[0], look.fog_m[1]);
    }

    /// Binds a draw's array and sets its uniforms. `only_selected` hides every other feature.
    fn place(&self, gl: &Gl, draw: &Draw<'_>, only_selected: bool) {
        let mut uniforms = [0.0; 20];
        uniforms[..12].copy_from_slice(&draw.rel_rows);
        uniforms[12..16].copy_from_slice(&draw.primitive.base_color);
        uniforms[16..].copy_from_slice(&[
            draw.marks[0],
            draw.marks[1],
            f32::from(u8::from(only_selected)),
            draw.number as f32,
        ]);
        gl.bind_vertex_array(Some(draw.array));
        gl.uniform4fv_with_f32_array(self.draw.as_ref(), &uniforms);
    }
}

/// The programs of all passes.
pub(super) struct TilePrograms {
    surface: TileProgram,
    shadow: TileProgram,
    line: TileProgram,
    pick: TileProgram,
}

impl TilePrograms {
    pub(super) fn new(gl: &Gl) -> Result<Self, ViewerError> {
        let light = [include_str!("sun.glsl"), include_str!("common.glsl")].concat();
        Ok(Self {
            surface: TileProgram::new(gl, "", &[&light, include_str!("tile.frag")], "u_ghost")?,
            shadow: TileProgram::new(gl, "#define SHADOW\n", &[include_str!("shadow.frag")], "u_height")?,
            line: TileProgram::new(gl, "", &[&light, include_str!("line.frag")], "u_line")?,
            pick: TileProgram::new(gl, "", &[include_str!("pick.frag")], "")?,
        })
    }

    pub(super) fn draw(&self, gl: &Gl, look: &FrameLook, lists: &DrawLists<'_>) {
        constants(gl);
        gl.blend_func(Gl::SRC_ALPHA, Gl::ONE_MINUS_SRC_ALPHA);
        self.draw_flat(gl, look, lists);
        self.draw_shadows(gl, look, lists);
        self.draw_solid(gl, look, lists);
        self.draw_lines(gl, look, lists);
        self.draw_ghost(gl, look, lists);
        gl.disable(Gl::BLEND);
        gl.depth_mask(true);
        gl.bind_vertex_array(None);
        gl.use_program(None);
    }

    fn draw_flat(&self, gl: &Gl, look: &FrameLook, lists: &DrawLists<'_>) {
        let program = &self.surface;
        program.begin(gl, look);
        gl.uniform1f(program.extra.as_ref(), 1.0);
        gl.disable(Gl::DEPTH_TEST);
        gl.disable(Gl::CULL_FACE);
        gl.disable(Gl::BLEND);
        for draw in &lists.flat {
            program.place(gl, draw, false);
            assemble(gl, draw.primitive);
        }
    }

    /// Solids, projected along the sunlight onto the ground. The stencil darkens each pixel once.
    fn draw_shadows(&self, gl: &Gl, look: &FrameLook, lists: &DrawLists<'_>) {
        let program = &self.shadow;
        program.begin(gl, look);
        gl.uniform1f(program.extra.as_ref(), look.eye.height_m as f32);
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::ZERO, Gl::SRC_COLOR);
        gl.enable(Gl::STENCIL_TEST);
        gl.stencil_func(Gl::EQUAL, 0, 0xff);
        gl.stencil_op(Gl::KEEP, Gl::KEEP, Gl::INCR);
        // Seen from above, what faces the sun keeps its winding and casts the whole shadow.
        let mut culling = Culling::default();
        let reach_m = 0.75 * f64::from(look.fog_m[1]);
        for draw in lists.solid.iter().filter(|draw| draw.distance_m < reach_m) {
            culling.set(gl, draw);
            program.place(gl, draw, false);
            assemble(gl, draw.primitive);
        }
        gl.disable(Gl::STENCIL_TEST);
        gl.disable(Gl::BLEND);
        gl.blend_func(Gl::SRC_ALPHA, Gl::ONE_MINUS_SRC_ALPHA);
    }

    fn draw_solid(&self, gl: &Gl, look: &FrameLook, lists: &DrawLists<'_>) {
        let program = &self.surface;
        program.begin(gl, look);
        gl.uniform1f(program.extra.as_ref(), 1.0);
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LESS);
        gl.depth_mask(true);
        // Pushed back a little, so that edges win over the walls they run along.
        gl.enable(Gl::POLYGON_OFFSET_FILL);
        gl.polygon_offset(1.0, 1.0);
        let mut culling = Culling::default();
        for draw in &lists.solid {
            culling.set(gl, draw);
            program.place(gl, draw, false);
            assemble(gl, draw.primitive);
        }
        gl.enable(Gl::BLEND);
        gl.depth_mask(false);
        for draw in &lists.glass {
            culling.set(gl, draw);
            program.place(gl, draw, false);
            assemble(gl, draw.primitive);
        }
        gl.disable(Gl::POLYGON_OFFSET_FILL);
        gl.disable(Gl::CULL_FACE);
    }

    fn draw_lines(&self, gl: &Gl, look: &FrameLook, lists: &DrawLists<'_>) {
        let program = &self.line;
        program.begin(gl, look);
        gl.depth_func(Gl::LEQUAL);
        gl.depth_mask(false);
        gl.uniform2f(program.extra.as_ref(), look.edges_m, 0.30);
        for draw in lists.solid.iter().filter(|draw| draw.distance_m < f64::from(look.edges_m)) {
            let Some(outline) = &draw.primitive.outline else { continue };
            program.place(gl, draw, false);
            elements(gl, Gl::LINES, outline, draw.primitive);
        }
        gl.uniform2f(program.extra.as_ref(), 0.0, 1.0);
        for draw in &lists.line {
            program.place(gl, draw, false);
            assemble(gl, draw.primitive);
        }
    }

    /// The selected feature shines through what stands before it.
    fn draw_ghost(&self, gl: &Gl, look: &FrameLook, lists: &DrawLists<'_>) {
        let mut selected = lists.solid.iter().filter(|draw| draw.marks[0] >= 0.0).peekable();
        if selected.peek().is_none() {
            return;
        }
        let program = &self.surface;
        program.begin(gl, look);
        gl.uniform1f(program.extra.as_ref(), 0.3);
        gl.depth_func(Gl::GREATER);
        gl.enable(Gl::CULL_FACE);
        let mut culling = Culling::default();
        for draw in selected {
            culling.set(gl, draw);
            program.place(gl, draw, true);
            assemble(gl, draw.primitive);
        }
        gl.disable(Gl::CULL_FACE);
    }

    /// Draws numbers, features and distances instead of colours, into the bound framebuffer.
    pub(super) fn draw_pick(&self, gl: &Gl, look: &FrameLook, lists: &DrawLists<'_>) {
        constants(gl);
        let program = &self.pick;
        program.begin(gl, look);
        gl.disable(Gl::BLEND);
        gl.disable(Gl::CULL_FACE);
        gl.disable(Gl::DEPTH_TEST);
        for draw in &lists.flat {
            program.place(gl, draw, false);
            assemble(gl, draw.primitive);
        }
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LESS);
        gl.depth_mask(true);
        let mut culling = Culling::default();
        for draw in lists.solid.iter().chain(&lists.glass).chain(&lists.line) {
            culling.set(gl, draw);
            program.place(gl, draw, false);
            assemble(gl, draw.primitive);
        }
        gl.disable(Gl::CULL_FACE);
        gl.bind_vertex_array(None);
        gl.use_program(None);
    }
}

/// Which faces are culled, to change it only when needed.
#[derive(Default)]
struct Culling {
    state: Option<(bool, bool)>,
}

impl Culling {
    fn set(&mut self, gl: &Gl, draw: &Draw<'_>) {
        let state = (draw.primitive.double_sided, draw.mirrored);
        if self.state == Some(state) {
            return;
        }
        self.state = Some(state);
        if state.0 {
            gl.disable(Gl::CULL_FACE);
        } else {
            gl.enable(Gl::CULL_FACE);
            gl.cull_face(if state.1 { Gl::FRONT } else { Gl::BACK });
        }
    }
}

/// Issues the draw call of a primitive whose array is bound.
fn assemble(gl: &Gl, primitive: &Primitive) {
    let mode = match primitive.topology {
        Topology::Triangles => Gl::TRIANGLES,
        Topology::Lines => Gl::LINES,
        Topology::Points => Gl::POINTS,
    };
    match &primitive.indices {
        Some(indices) => elements(gl, mode, indices, primitive),
        None => {
            let vertices = primitive.vertex_count as i32;
            match &primitive.instances {
                Some(instances) => gl.draw_arrays_instanced(mode, 0, vertices, instances.count as i32),
                None => gl.draw_arrays(mode, 0, vertices),
            }
        }
    }
}

fn elements(gl: &Gl, mode: u32, indices: &IndexRange, primitive: &Primitive) {
    let kind = if indices.wide { Gl::UNSIGNED_INT } else { Gl::UNSIGNED_SHORT };
    let (count, offset) = (indices.count as i32, indices.offset as i32);
    match &primitive.instances {
        Some(instances) => {
            gl.draw_elements_instanced_with_i32(mode, count, kind, offset, instances.count as i32);
        }
        None => gl.draw_elements_with_i32(mode, count, kind, offset),
    }
}
