//! The draw path of tiles: per draw one vertex array, one uniform array and one draw call.

use super::draw_block::{self, DrawBlocks};
use super::features::{self, FeatureTexture};
use super::frame::FRAME_GLSL;
use super::program::{Compiler, Lazy, Program};
use super::textures::Rich;
use super::tile_buffers::constants;
use super::{FrameLook, TileBuffers};
use crate::order::ascending;
use citytwin_tiles::{Alpha, IndexRange, Primitive, Topology};
use std::rc::Rc;
use web_sys::{WebGl2RenderingContext as Gl, WebGlUniformLocation, WebGlVertexArrayObject};

// The shaders have the window's side as a text.
const _: () = assert!(crate::pick_window::SIDE == 17);

/// Points are at least and at most this wide, pixels: none is lost, and none hides a house.
const POINT_PX: [f32; 2] = [1.5, 12.0];

/// What a draw needs for its features.
#[derive(Clone, Copy)]
pub(in crate::device) struct FeatureDraw<'a> {
    pub(in crate::device) texture: &'a FeatureTexture,
    /// As `features.glsl` reads them.
    pub(in crate::device) uniforms: [f32; 4],
    /// Some features shine through by their style.
    pub(in crate::device) is_clear: bool,
    pub(in crate::device) has_highlights: bool,
}

/// Which features of a draw are drawn, as `features.glsl` numbers them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Which {
    All = 0,
    Opaque = 1,
    Clear = 2,
    Selected = 3,
}

/// One primitive of one tile in one frame.
#[derive(Clone, Copy)]
pub(in crate::device) struct Draw<'a> {
    primitive: &'a Primitive,
    array: &'a WebGlVertexArrayObject,
    rich: Option<&'a Rich>,
    /// Width of a point, metres.
    point_m: f32,
    rel_rows: [f32; 12],
    mirrored: bool,
    /// Feature ids of the selected and the hovered feature; −2 for none.
    marks: [f32; 2],
    /// From the eye to the nearest point of its bounds, metres.
    pub(in crate::device) distance_m: f64,
    /// What a pick answers with; at least 1.
    number: u32,
    features: Option<FeatureDraw<'a>>,
    which: Which,
    /// Number of its block.
    slot: u32,
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
        point_m: f32,
        number: u32,
        features: Option<FeatureDraw<'a>>,
    ) -> Option<Self> {
        let array = buffers.arrays.get(index)?;
        let rich = buffers.rich.get(index).and_then(Option::as_ref);
        Some(Self {
            primitive,
            array,
            rich,
            point_m,
            rel_rows,
            mirrored,
            marks,
            distance_m,
            number,
            features,
            which: Which::All,
            slot: 0,
        })
    }

    /// The numbers of its block, as `features.glsl` declares it.
    fn block(&self) -> [f32; draw_block::FLOATS] {
        let mut floats = [0.0; draw_block::FLOATS];
        floats[..12].copy_from_slice(&self.rel_rows);
        floats[12..16].copy_from_slice(&self.primitive.base_color);
        floats[16..20].copy_from_slice(&[
            self.marks[0],
            self.marks[1],
            f32::from(self.which as u8),
            self.number as f32,
        ]);
        floats[20..].copy_from_slice(&self.features.map_or([-1.0; 4], |features| features.uniforms));
        floats
    }

    fn is_clear(&self) -> bool {
        self.features.is_some_and(|features| features.is_clear)
    }

    fn is_selected(&self) -> bool {
        self.marks[0] >= 0.0 || self.features.is_some_and(|features| features.has_highlights)
    }
}

/// A frame's draws, by how they are drawn.
#[derive(Default)]
pub(in crate::device) struct DrawLists<'a> {
    flat: Vec<Draw<'a>>,
    solid: Vec<Draw<'a>>,
    /// Solids with textures or without light.
    rich: Vec<Draw<'a>>,
    point: Vec<Draw<'a>>,
    glass: Vec<Draw<'a>>,
    line: Vec<Draw<'a>>,
    /// Those of the above that are selected, or have features that are.
    selected: Vec<Draw<'a>>,
}

impl<'a> DrawLists<'a> {
    fn push(&mut self, mut draw: Draw<'a>) {
        if draw.is_selected() {
            self.selected.push(Draw { which: Which::Selected, ..draw });
        }
        let primitive = draw.primitive;
        let blends = primitive.alpha == Alpha::Blend || primitive.base_color[3] < 0.99;
        let is_solid = primitive.topology == Topology::Triangles && primitive.flat_order.is_none();
        if draw.is_clear() && is_solid && !blends {
            // Opaque and translucent features of one primitive are drawn in two passes.
            self.glass.push(Draw { which: Which::Clear, ..draw });
            draw.which = Which::Opaque;
        }
        let list = match (primitive.topology, primitive.flat_order) {
            (Topology::Lines, _) => &mut self.line,
            (Topology::Points, _) => &mut self.point,
            (Topology::Triangles, Some(_)) => &mut self.flat,
            (Topology::Triangles, None) if blends => &mut self.glass,
            (Topology::Triangles, None) if draw.rich.is_some() => &mut self.rich,
            (Topology::Triangles, None) => &mut self.solid,
        };
        list.push(draw);
    }

    /// Whether anything is selected.
    pub(super) fn has_selection(&self) -> bool {
        !self.selected.is_empty()
    }

    /// Numbers all draws from 0, and hands out the numbers of each one's block.
    pub(super) fn number_slots(&mut self, mut block: impl FnMut(u32, [f32; draw_block::FLOATS])) {
        let Self { flat, solid, rich, point, glass, line, selected } = self;
        let lists = [flat, solid, rich, point, glass, line, selected];
        for (slot, draw) in (0..).zip(lists.into_iter().flatten()) {
            draw.slot = slot;
            block(slot, draw.block());
        }
    }

    /// Adds a draw, if there is one.
    pub(in crate::device) fn extend(&mut self, draw: Option<Draw<'a>>) {
        if let Some(draw) = draw {
            self.push(draw);
        }
    }

    /// Puts each list into its drawing order: flat things by their order, solids front to back, glass back to front.
    pub(in crate::device) fn sort(&mut self) {
        arrange(&mut self.flat, |draw| draw.primitive.flat_order.unwrap_or(0).into());
        for list in [&mut self.solid, &mut self.rich] {
            arrange(list, |draw| draw.distance_m);
        }
        for list in [&mut self.point, &mut self.glass] {
            arrange(list, |draw| -draw.distance_m);
        }
    }
}

fn arrange(list: &mut Vec<Draw<'_>>, key: fn(&Draw<'_>) -> f64) {
    *list = ascending(list.iter().map(key)).into_iter().map(|i| list[i]).collect();
}

/// The uniforms of a program that draws tiles.
struct TileProgram {
    /// `u_line`.
    extra: Option<WebGlUniformLocation>,
    /// Of programs for textures.
    rich: Option<WebGlUniformLocation>,
    /// Of programs for points.
    point: Option<WebGlUniformLocation>,
}

impl TileProgram {
    /// A program of `tile.vert` with `variant` before it, and the parts of a fragment shader.
    fn lazy(compiler: &Rc<Compiler>, variant: &'static str, fragment: &[&'static str]) -> Lazy<Self> {
        let rich = if variant.contains("RICH") { include_str!("rich.glsl") } else { "" };
        let head = [FRAME_GLSL, variant, rich, include_str!("features.glsl")];
        let vertex = [&head[..], &[include_str!("tile.vert")]].concat();
        Lazy::new(compiler, &vertex, &[&head[..], fragment].concat(), Self::of)
    }

    /// Finds the uniforms of a bound program.
    fn of(gl: &Gl, program: &Program) -> Self {
        let uniform = |name| program.uniform(gl, name);
        gl.uniform1i(uniform("u_base").as_ref(), 0);
        gl.uniform1i(uniform("u_ids").as_ref(), 1);
        gl.uniform1i(uniform("u_features").as_ref(), features::UNIT as i32);
        program.block(gl, "Draw", draw_block::BINDING);
        Self { rich: uniform("u_rich"), point: uniform("u_point"), extra: uniform("u_line") }
    }

    /// Binds a draw's array and what its programs read.
    fn place(&self, gl: &Gl, blocks: &DrawBlocks, draw: &Draw<'_>) {
        if let Some(features) = &draw.features {
            features.texture.bind(gl);
        }
        gl.bind_vertex_array(Some(draw.array));
        blocks.bind(gl, draw.slot);
        if let (Some(location), Some(rich)) = (&self.rich, draw.rich) {
            gl.uniform4fv_with_f32_array(Some(location), &rich.uniforms);
            for (unit, texture) in [(Gl::TEXTURE1, &rich.ids), (Gl::TEXTURE0, &rich.base)] {
                gl.active_texture(unit);
                gl.bind_texture(Gl::TEXTURE_2D, texture.as_ref());
            }
        }
        if let Some(location) = &self.point {
            let px = draw.primitive.point_diameter_px.map_or(POINT_PX, |px| [px, px]);
            gl.uniform3f(Some(location), draw.point_m, px[0], px[1]);
        }
    }
}

/// The programs of all passes.
pub(super) struct TilePrograms {
    surface: Lazy<TileProgram>,
    rich: Lazy<TileProgram>,
    point: Lazy<TileProgram>,
    shadow: Lazy<TileProgram>,
    line: Lazy<TileProgram>,
    pick: Lazy<TileProgram>,
    pick_rich: Lazy<TileProgram>,
    pick_point: Lazy<TileProgram>,
    mask: Lazy<TileProgram>,
    mask_rich: Lazy<TileProgram>,
    mask_point: Lazy<TileProgram>,
}

impl TilePrograms {
    pub(super) fn new(compiler: &Rc<Compiler>) -> Self {
        let surface = [include_str!("common.glsl"), include_str!("tile.frag")];
        let line = [include_str!("common.glsl"), include_str!("line.frag")];
        let pick = [include_str!("pick.frag")];
        let mask = [include_str!("mask.frag")];
        let lazy = |variant, fragment: &[&'static str]| TileProgram::lazy(compiler, variant, fragment);
        let programs = Self {
            surface: lazy("", &surface),
            rich: lazy("#define RICH\n", &surface),
            point: lazy("#define POINTS\n", &surface),
            shadow: lazy("#define SHADOW\n", &[include_str!("shadow.frag")]),
            line: lazy("", &line),
            pick: lazy("", &pick),
            pick_rich: lazy("#define RICH\n", &pick),
            pick_point: lazy("#define POINTS\n#define PICK_SIDE 17.0\n", &pick),
            mask: lazy("", &mask),
            mask_rich: lazy("#define RICH\n", &mask),
            mask_point: lazy("#define POINTS\n", &mask),
        };
        // The first picture of a city needs these: they are compiled while its tiles are on their way.
        for program in [&programs.surface, &programs.shadow, &programs.line] {
            program.start();
        }
        programs
    }

    /// Has compiled what the next click or hover will need. Called when a picture stands.
    pub(super) fn warm(&self) {
        self.pick.start();
    }

    pub(super) fn draw(&self, gl: &Gl, blocks: &DrawBlocks, look: &FrameLook, lists: &DrawLists<'_>) {
        constants(gl);
        gl.blend_func(Gl::SRC_ALPHA, Gl::ONE_MINUS_SRC_ALPHA);
        self.draw_flat(gl, blocks, lists);
        self.draw_shadows(gl, blocks, look, lists);
        self.draw_solid(gl, blocks, lists);
        self.draw_lines(gl, blocks, look, lists);
        gl.disable(Gl::BLEND);
        gl.depth_mask(true);
        gl.bind_vertex_array(None);
        gl.use_program(None);
    }

    fn draw_flat(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        gl.disable(Gl::DEPTH_TEST);
        gl.disable(Gl::CULL_FACE);
        if lists.flat.iter().any(Draw::is_clear) {
            gl.enable(Gl::BLEND);
        } else {
            gl.disable(Gl::BLEND);
        }
        self.run(gl, blocks, &mut Culling::off(), &lists.flat);
    }

    /// Solids, projected along the sunlight onto the ground. The stencil darkens each pixel once.
    fn draw_shadows(&self, gl: &Gl, blocks: &DrawBlocks, look: &FrameLook, lists: &DrawLists<'_>) {
        let Some(program) = self.shadow.bind() else { return };
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
            program.place(gl, blocks, draw);
            assemble(gl, draw.primitive);
        }
        gl.disable(Gl::STENCIL_TEST);
        gl.disable(Gl::BLEND);
        gl.blend_func(Gl::SRC_ALPHA, Gl::ONE_MINUS_SRC_ALPHA);
    }

    fn draw_solid(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LESS);
        gl.depth_mask(true);
        // Pushed back a little, so that edges win over the walls they run along.
        gl.enable(Gl::POLYGON_OFFSET_FILL);
        gl.polygon_offset(1.0, 1.0);
        let mut culling = Culling::default();
        self.run(gl, blocks, &mut culling, &lists.solid);
        self.run(gl, blocks, &mut culling, &lists.rich);
        self.draw_points(gl, blocks, lists);
        gl.enable(Gl::BLEND);
        gl.depth_mask(false);
        self.run(gl, blocks, &mut culling, &lists.glass);
        gl.disable(Gl::POLYGON_OFFSET_FILL);
        gl.disable(Gl::CULL_FACE);
    }

    /// Draws surfaces in their order, each with the program that it needs.
    fn run(&self, gl: &Gl, blocks: &DrawBlocks, culling: &mut Culling, draws: &[Draw<'_>]) {
        let (mut last, mut bound) = (None, None);
        for draw in draws {
            let is_rich = draw.rich.is_some();
            if last != Some(is_rich) {
                last = Some(is_rich);
                bound = if is_rich { self.rich.bind() } else { self.surface.bind() };
            }
            let Some(program) = bound else { continue };
            culling.set(gl, draw);
            program.place(gl, blocks, draw);
            assemble(gl, draw.primitive);
        }
    }

    /// Clouds; those that shine through after the others, from the farthest on.
    fn draw_points(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        if lists.point.is_empty() {
            return;
        }
        let Some(program) = self.point.bind() else { return };
        for blends in [false, true] {
            if blends {
                gl.enable(Gl::BLEND);
            }
            let is_clear = |draw: &Draw<'_>| draw.primitive.alpha == Alpha::Blend || draw.is_clear();
            for draw in lists.point.iter().filter(|draw| is_clear(draw) == blends) {
                program.place(gl, blocks, draw);
                assemble(gl, draw.primitive);
            }
        }
        gl.disable(Gl::BLEND);
    }

    fn draw_lines(&self, gl: &Gl, blocks: &DrawBlocks, look: &FrameLook, lists: &DrawLists<'_>) {
        let Some(program) = self.line.bind() else { return };
        gl.depth_func(Gl::LEQUAL);
        gl.depth_mask(false);
        gl.uniform2f(program.extra.as_ref(), 1.0, 0.30);
        for draw in lists.solid.iter().filter(|draw| draw.distance_m < f64::from(look.edges_m)) {
            let Some(outline) = &draw.primitive.outline else { continue };
            program.place(gl, blocks, draw);
            elements(gl, Gl::LINES, outline, draw.primitive);
        }
        gl.uniform2f(program.extra.as_ref(), 0.0, 1.0);
        for draw in &lists.line {
            program.place(gl, blocks, draw);
            assemble(gl, draw.primitive);
        }
    }

    /// Fills the bound framebuffer with 1 where something is selected.
    pub(super) fn draw_mask(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        constants(gl);
        gl.disable(Gl::BLEND);
        gl.disable(Gl::CULL_FACE);
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LESS);
        for draw in &lists.selected {
            let program = match kind(draw) {
                (true, _) => &self.mask_point,
                (false, true) => &self.mask_rich,
                (false, false) => &self.mask,
            };
            let Some(program) = program.bind() else { continue };
            program.place(gl, blocks, draw);
            assemble(gl, draw.primitive);
        }
        gl.bind_vertex_array(None);
        gl.use_program(None);
    }

    /// Draws numbers, features and distances instead of colours, into the bound framebuffer.
    pub(super) fn draw_pick(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        constants(gl);
        gl.disable(Gl::BLEND);
        gl.disable(Gl::CULL_FACE);
        gl.disable(Gl::DEPTH_TEST);
        self.run_pick(gl, blocks, &mut Culling::off(), &lists.flat);
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LESS);
        gl.depth_mask(true);
        let mut culling = Culling::default();
        for draws in [&lists.solid, &lists.rich, &lists.glass, &lists.line, &lists.point] {
            self.run_pick(gl, blocks, &mut culling, draws);
        }
        gl.disable(Gl::CULL_FACE);
        gl.bind_vertex_array(None);
        gl.use_program(None);
    }

    fn run_pick(&self, gl: &Gl, blocks: &DrawBlocks, culling: &mut Culling, draws: &[Draw<'_>]) {
        let (mut last, mut bound) = (None, None);
        for draw in draws {
            let of_draw = kind(draw);
            if last != Some(of_draw) {
                last = Some(of_draw);
                bound = self.pick_program(of_draw).bind();
            }
            let Some(program) = bound else { continue };
            culling.set(gl, draw);
            program.place(gl, blocks, draw);
            assemble(gl, draw.primitive);
        }
    }

    fn pick_program(&self, kind: (bool, bool)) -> &Lazy<TileProgram> {
        match kind {
            (true, _) => &self.pick_point,
            (false, true) => &self.pick_rich,
            (false, false) => &self.pick,
        }
    }

    /// Wants the programs that picking among these needs.
    pub(super) fn can_pick(&self, lists: &DrawLists<'_>) {
        let all = [&lists.flat, &lists.solid, &lists.rich, &lists.glass, &lists.line, &lists.point];
        for draw in all.into_iter().flatten() {
            self.pick_program(kind(draw)).bind();
        }
    }
}

/// Points, and textured or without light.
fn kind(draw: &Draw<'_>) -> (bool, bool) {
    (draw.primitive.topology == Topology::Points, draw.rich.is_some())
}

/// Which faces are culled, to change it only when needed.
#[derive(Default)]
struct Culling {
    state: Option<(bool, bool)>,
    off: bool,
}

impl Culling {
    /// Nothing is culled, whatever is drawn.
    fn off() -> Self {
        Self { off: true, ..Self::default() }
    }

    fn set(&mut self, gl: &Gl, draw: &Draw<'_>) {
        if self.off {
            return;
        }
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
