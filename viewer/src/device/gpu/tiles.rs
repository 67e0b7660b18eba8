//! The draw path of tiles: per draw one vertex array, one uniform array and one draw call.

use super::drape::{self, DrapeProgram};
use super::draw_block::{self, DrawBlocks};
use super::eye_dome::POINTS_UNIT;
use super::features::{self, FeatureTexture};
use super::frame::FRAME_GLSL;
use super::program::{Compiler, Lazy, Program};
use super::raster::{RasterDraw, RasterProgram};
use super::shadow::MAP_UNIT;
use super::textures::Rich;
use super::tile_buffers::constants;
use super::{FrameLook, TileBuffers};
use crate::fade::Dither;
use crate::order::ascending;
use citytwin_tiles::{Alpha, GroundHeights, IndexRange, Primitive, Topology};
use std::rc::Rc;
use web_sys::{WebGl2RenderingContext as Gl, WebGlUniformLocation, WebGlVertexArrayObject};

// The shaders have the window's side as a text.
const _: () = assert!(crate::pick_window::SIDE == 17);

/// Pictures of the ground lie above land and water (0 to 4), and under streets (10).
const RASTER_ORDER: u8 = 5;
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
    /// Where not all of its fragments are drawn.
    cut: Option<Cut>,
    /// Its layer is seen through.
    seen_through: bool,
    /// It fades out, and what takes its place casts its shadows.
    leaves: bool,
    /// It is the ground of a terrain.
    ground: Option<&'a GroundHeights>,
}

/// Which fragments of a draw are drawn.
#[derive(Clone, Copy, Default)]
pub(in crate::device) struct Cut {
    pub(in crate::device) fade: Option<Dither>,
    pub(in crate::device) by_shapes: bool,
    /// 1 where front faces are the outside of a solid, -1 where back faces are; 0: it has no inside.
    pub(in crate::device) outside: f32,
}

/// What the ground does to what is below it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::device) enum Ground {
    /// Nothing is below it: it is painted behind everything.
    #[default]
    Painted,
    /// It hides it.
    Solid,
    /// It is seen through; this much of it is seen.
    Glass(f32),
}

impl<'a> Draw<'a> {
    /// Place among what lies flat.
    fn order(&self) -> u8 {
        self.primitive.flat_order.unwrap_or_default()
    }

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
            cut: None,
            seen_through: false,
            leaves: false,
            ground: None,
        })
    }

    /// As the ground of a terrain, if it is one.
    pub(in crate::device) fn on_terrain(self, ground: Option<&'a GroundHeights>) -> Self {
        Self { ground, ..self }
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

    /// Cut by the frame's shapes: the inside of solids is seen.
    pub(in crate::device) fn cut(mut self) -> Self {
        let has_inside = self.primitive.topology == Topology::Triangles
            && self.primitive.flat_order.is_none()
            && !self.primitive.double_sided;
        let outside = if self.mirrored { -1.0 } else { 1.0 };
        self.cut = Some(Cut { by_shapes: true, outside: if has_inside { outside } else { 0.0 }, fade: None });
        self
    }

    /// On its way in or out.
    pub(in crate::device) fn faded(mut self, dither: Option<Dither>, leaves: bool) -> Self {
        if dither.is_some() {
            self.cut = Some(Cut { fade: dither, ..self.cut.unwrap_or_default() });
        }
        self.leaves = leaves;
        self
    }

    /// Like glass, where it stands.
    pub(in crate::device) fn seen_through(mut self) -> Self {
        self.seen_through = self.primitive.topology == Topology::Triangles && self.primitive.flat_order.is_none();
        self
    }

    /// Whether its back faces are drawn.
    fn shows_back(&self) -> bool {
        self.primitive.double_sided || self.cut.is_some_and(|cut| cut.outside != 0.0)
    }
}

/// A frame's draws, by how they are drawn.
#[derive(Default)]
pub(in crate::device) struct DrawLists<'a> {
    flat: Vec<Draw<'a>>,
    /// The ground of a terrain.
    terrain: Vec<Draw<'a>>,
    /// Pictures of the ground, in their order.
    rasters: Vec<RasterDraw<'a>>,
    solid: Vec<Draw<'a>>,
    /// Solids with textures or without light.
    rich: Vec<Draw<'a>>,
    point: Vec<Draw<'a>>,
    glass: Vec<Draw<'a>>,
    line: Vec<Draw<'a>>,
    /// Those of the above that are selected, or have features that are.
    selected: Vec<Draw<'a>>,
    /// Solids of layers that are seen through.
    x_ray: Vec<Draw<'a>>,
    /// How much of them is seen.
    pub(in crate::device) x_ray_opacity: f32,
    pub(in crate::device) ground: Ground,
}

impl<'a> DrawLists<'a> {
    /// Lays pictures over the ground.
    pub(in crate::device) fn set_rasters(&mut self, rasters: Vec<RasterDraw<'a>>) {
        self.rasters = rasters;
    }

    fn push(&mut self, mut draw: Draw<'a>) {
        if draw.is_selected() {
            self.selected.push(Draw { which: Which::Selected, ..draw });
        }
        let primitive = draw.primitive;
        let blends = primitive.alpha == Alpha::Blend || primitive.base_color[3] < 0.99;
        let is_solid = primitive.topology == Topology::Triangles && primitive.flat_order.is_none();
        if draw.is_clear() && is_solid && !blends && !draw.seen_through {
            // Opaque and translucent features of one primitive are drawn in two passes.
            self.glass.push(Draw { which: Which::Clear, ..draw });
            draw.which = Which::Opaque;
        }
        let list = match (primitive.topology, primitive.flat_order) {
            _ if draw.ground.is_some() => &mut self.terrain,
            (Topology::Lines, _) => &mut self.line,
            (Topology::Points, _) => &mut self.point,
            (Topology::Triangles, Some(_)) => &mut self.flat,
            (Topology::Triangles, None) if draw.seen_through => &mut self.x_ray,
            (Topology::Triangles, None) if blends => &mut self.glass,
            (Topology::Triangles, None) if draw.rich.is_some() => &mut self.rich,
            (Topology::Triangles, None) => &mut self.solid,
        };
        list.push(draw);
    }

    /// Whether there are clouds of points.
    pub(super) fn has_points(&self) -> bool {
        !self.point.is_empty()
    }

    /// Whether the ground is that of a terrain.
    pub(in crate::device) fn has_terrain(&self) -> bool {
        !self.terrain.is_empty()
    }

    /// Whether anything is selected.
    pub(super) fn has_selection(&self) -> bool {
        !self.selected.is_empty()
    }

    /// Numbers all draws from 0, and hands out the numbers of each one's block.
    pub(super) fn number_slots(&mut self, mut block: impl FnMut(u32, [f32; draw_block::FLOATS])) {
        let Self { flat, terrain, solid, rich, point, glass, line, selected, x_ray, .. } = self;
        let lists = [flat, terrain, solid, rich, point, glass, line, selected, x_ray];
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
        for list in [&mut self.terrain, &mut self.solid, &mut self.rich, &mut self.x_ray] {
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
    /// `u_line`, `u_opacity` or `u_ring`.
    extra: Option<WebGlUniformLocation>,
    /// Of programs for textures.
    rich: Option<WebGlUniformLocation>,
    /// Of programs for points.
    point: Option<WebGlUniformLocation>,
    /// Of programs that cut.
    cut: Option<WebGlUniformLocation>,
}

/// Programs that differ only in whether they cut.
struct Family {
    whole: Lazy<TileProgram>,
    cut: Lazy<TileProgram>,
}

impl Family {
    /// Programs of `tile.vert` with `variant` before it, and the parts of a fragment shader.
    fn new(compiler: &Rc<Compiler>, variant: &'static str, fragment: &[&'static str]) -> Self {
        let lazy = |cut| TileProgram::lazy(compiler, variant, cut, fragment);
        Self { whole: lazy([""; 2]), cut: lazy(["#define CUT\n", include_str!("cut.glsl")]) }
    }

    fn of(&self, draw: &Draw<'_>) -> &Lazy<TileProgram> {
        if draw.cut.is_none() { &self.whole } else { &self.cut }
    }

    /// The program of a draw, bound. What fades is drawn whole or not at all until its program is ready.
    fn bind(&self, draw: &Draw<'_>) -> Option<&TileProgram> {
        let only_fades = draw.cut.is_some_and(|cut| !cut.by_shapes);
        let stays = only_fades && !draw.leaves;
        self.of(draw).bind().or_else(|| if stays { self.whole.bind() } else { None })
    }
}

/// The program in use, to change it only when needed.
#[derive(Default)]
struct Using<'p> {
    last: Option<(&'p Family, bool, bool)>,
    program: Option<&'p TileProgram>,
}

impl<'p> Using<'p> {
    /// Binds the program of a draw; `begin` sets what holds for all draws with it. `None` when it is not ready.
    fn bind(&mut self, family: &'p Family, draw: &Draw<'_>, begin: impl Fn(&TileProgram)) -> Option<&'p TileProgram> {
        let same = self.last.is_some_and(|(last, cuts, leaves)| {
            std::ptr::eq(last, family) && (cuts, leaves) == (draw.cut.is_some(), draw.leaves)
        });
        if !same {
            self.last = Some((family, draw.cut.is_some(), draw.leaves));
            self.program = family.bind(draw);
            self.program.into_iter().for_each(begin);
        }
        self.program
    }
}

impl TileProgram {
    /// `cut`: what stands before both shaders of a program that cuts, and before its fragment shader.
    fn lazy(
        compiler: &Rc<Compiler>,
        variant: &'static str,
        cut: [&'static str; 2],
        fragment: &[&'static str],
    ) -> Lazy<Self> {
        let rich = if variant.contains("RICH") { include_str!("rich.glsl") } else { "" };
        let head = [FRAME_GLSL, variant, cut[0], rich, include_str!("features.glsl")];
        let vertex = [&head[..], &[include_str!("tile.vert")]].concat();
        Lazy::new(compiler, &vertex, &[&head[..], &[cut[1]], fragment].concat(), Self::of)
    }

    /// Finds the uniforms of a bound program.
    fn of(gl: &Gl, program: &Program) -> Self {
        let uniform = |name| program.uniform(gl, name);
        gl.uniform1i(uniform("u_base").as_ref(), 0);
        gl.uniform1i(uniform("u_ids").as_ref(), 1);
        gl.uniform1i(uniform("u_features").as_ref(), features::UNIT as i32);
        gl.uniform1i(uniform("u_shadow_map").as_ref(), MAP_UNIT as i32);
        gl.uniform1i(uniform("u_points").as_ref(), POINTS_UNIT as i32);
        program.block(gl, "Draw", draw_block::BINDING);
        Self {
            rich: uniform("u_rich"),
            point: uniform("u_point"),
            extra: ["u_line", "u_opacity", "u_ring"].into_iter().find_map(uniform),
            cut: uniform("u_cut"),
        }
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
        if let (Some(location), Some(cut)) = (&self.cut, draw.cut) {
            gl.uniform4fv_with_f32_array(Some(location), &<[f32; 4]>::from(cut));
        }
    }
}

/// The programs of all passes.
pub(super) struct TilePrograms {
    raster: RasterProgram,
    drape: DrapeProgram,
    surface: Family,
    rich: Family,
    point: Family,
    /// Those that look into the maps of full shadows.
    shaded: Family,
    shaded_rich: Family,
    /// What casts full shadows.
    cast: Family,
    cast_rich: Family,
    /// Points with eye-dome lighting, and those that only leave their depth for it.
    domed: Family,
    disc: Family,
    /// Whether the frame that is drawn has full shadows, and eye-dome lighting.
    is_shaded: bool,
    is_domed: bool,
    /// Whether the programs of every city are ready.
    is_warm: bool,
    shadow: Family,
    line: Family,
    pick: Family,
    pick_rich: Family,
    pick_point: Family,
    /// Of what is selected.
    mask: Family,
    mask_rich: Family,
    mask_point: Family,
}

const LIGHT: &str = include_str!("common.glsl");
const SURFACE: &[&str] = &[LIGHT, include_str!("tile.frag")];
const SHADED: &[&str] = &[include_str!("shadows.glsl"), LIGHT, include_str!("tile.frag")];
const DOMED: &[&str] = &[LIGHT, include_str!("dome.glsl"), include_str!("tile.frag")];
const CAST: &[&str] = &[include_str!("cast.frag")];
const PICK: &[&str] = &[include_str!("pick.frag")];
const MASK: &[&str] = &[include_str!("mask.frag")];

impl TilePrograms {
    pub(super) fn new(compiler: &Rc<Compiler>) -> Self {
        let family = |variant, fragment: &[&'static str]| Family::new(compiler, variant, fragment);
        let programs = Self {
            raster: RasterProgram::new(compiler),
            drape: DrapeProgram::new(compiler),
            surface: family("", SURFACE),
            rich: family("#define RICH\n", SURFACE),
            point: family("#define POINTS\n", SURFACE),
            shaded: family("#define SHADED\n", SHADED),
            shaded_rich: family("#define SHADED\n#define RICH\n", SHADED),
            cast: family("#define CAST\n", CAST),
            cast_rich: family("#define CAST\n#define RICH\n", CAST),
            domed: family("#define POINTS\n#define EDL\n", DOMED),
            disc: family("#define POINTS\n", &[include_str!("disc.frag")]),
            is_shaded: false,
            is_domed: false,
            is_warm: false,
            shadow: family("#define SHADOW\n", &[include_str!("shadow.frag")]),
            line: family("", &[LIGHT, include_str!("line.frag")]),
            pick: family("", PICK),
            pick_rich: family("#define RICH\n", PICK),
            pick_point: family("#define POINTS\n#define PICK_SIDE 17.0\n", PICK),
            mask: family("", MASK),
            mask_rich: family("#define RICH\n", MASK),
            mask_point: family("#define POINTS\n", MASK),
        };
        // Compiled while the city's tiles are on their way.
        for program in programs.common() {
            program.start();
        }
        programs
    }

    /// What every city needs, and the first click.
    fn common(&self) -> [&Lazy<TileProgram>; 7] {
        let [surface, line, shadow] = [&self.surface, &self.line, &self.shadow];
        [&surface.whole, &surface.cut, &line.whole, &line.cut, &shadow.whole, &shadow.cut, &self.pick.whole]
    }

    /// Says what the next frame has. Until the programs for it are ready, it is drawn without.
    ///
    /// Those of every city are made ready before there is anything to draw: the driver's answer about a program waits
    /// for all that was drawn before.
    pub(super) fn prepare(&mut self, is_shaded: bool, is_domed: bool) {
        if !self.is_warm {
            let ready = self.common().map(|program| program.bind().is_some());
            self.is_warm = ready.iter().all(|ready| *ready);
        }
        self.is_shaded = is_shaded && self.shaded.whole.bind().is_some();
        self.is_domed = is_domed && self.domed.whole.bind().is_some();
    }

    /// Draws what casts shadows into the map of a ring, which is bound. Whether all could be drawn: not when a program
    /// is still being compiled.
    pub(super) fn draw_casters(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>, ring: usize) -> bool {
        constants(gl);
        let mut culling = Culling::default();
        let (mut last, mut bound, mut is_whole) = (None, None, true);
        // A terrain casts none: its skirts, which close the gaps between tiles, would lie in the shadow of its own edge.
        for draw in lists.solid.iter().chain(&lists.rich).filter(|draw| !draw.leaves) {
            // What fades in casts its whole shadow at once.
            let kind = (draw.rich.is_some(), draw.cut.is_some_and(|cut| cut.by_shapes));
            if last != Some(kind) {
                last = Some(kind);
                let family = if kind.0 { &self.cast_rich } else { &self.cast };
                bound = if kind.1 { family.cut.bind() } else { family.whole.bind() };
                bound.into_iter().for_each(|program| gl.uniform1i(program.extra.as_ref(), ring as i32));
            }
            let Some(program) = bound else {
                is_whole = false;
                continue;
            };
            culling.set(gl, draw);
            program.place(gl, blocks, draw);
            assemble(gl, draw.primitive);
        }
        gl.bind_vertex_array(None);
        is_whole
    }

    /// Draws the points' depths into the bound framebuffer.
    pub(super) fn draw_point_depths(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        constants(gl);
        let mut using = Using::default();
        for draw in &lists.point {
            let Some(program) = using.bind(&self.disc, draw, |_| {}) else { continue };
            program.place(gl, blocks, draw);
            assemble(gl, draw.primitive);
        }
        gl.bind_vertex_array(None);
    }

    pub(super) fn draw(&self, gl: &Gl, blocks: &DrawBlocks, look: &FrameLook, lists: &DrawLists<'_>) {
        constants(gl);
        gl.blend_func(Gl::SRC_ALPHA, Gl::ONE_MINUS_SRC_ALPHA);
        let glass_ground = matches!(lists.ground, Ground::Glass(_));
        if !glass_ground {
            self.draw_terrain(gl, blocks, lists);
            self.draw_flat(gl, blocks, lists);
            if look.ground_shadows && !lists.has_terrain() {
                self.draw_shadows(gl, blocks, look, lists);
            }
        }
        self.draw_solid(gl, blocks, lists);
        if glass_ground {
            self.draw_lines(gl, blocks, look, lists);
            self.draw_glass_ground(gl, blocks, lists);
            self.draw_glass(gl, blocks, lists);
        } else {
            self.draw_glass(gl, blocks, lists);
            self.draw_lines(gl, blocks, look, lists);
        }
        self.draw_x_ray(gl, blocks, look, lists);
        gl.disable(Gl::BLEND);
        gl.depth_mask(true);
        gl.bind_vertex_array(None);
        gl.use_program(None);
    }

    /// The ground of a terrain, pushed back a little, so that what lies on it wins.
    fn draw_terrain(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        if !lists.has_terrain() {
            return;
        }
        begin_terrain(gl);
        self.run(gl, blocks, &mut Culling::default(), &lists.terrain, 1.0);
        gl.disable(Gl::POLYGON_OFFSET_FILL);
        gl.disable(Gl::CULL_FACE);
    }

    /// Pictures of the ground, over what was drawn of it so far.
    fn draw_pictures<'a>(&self, gl: &Gl, lists: &DrawLists<'a>) {
        if !lists.has_terrain() {
            return self.raster.draw(gl, &lists.rasters);
        }
        // What is cut stays bare: pictures know no shapes.
        let whole = lists.terrain.iter().filter(|draw| draw.cut.is_none_or(|cut| !cut.by_shapes));
        let ground = |draw: &Draw<'a>| {
            let Draw { primitive, array, rel_rows, .. } = *draw;
            Some(drape::Ground { heights: draw.ground?, primitive, array, rel_rows })
        };
        let grounds: Vec<drape::Ground<'_>> = whole.filter_map(ground).collect();
        gl.disable(Gl::POLYGON_OFFSET_FILL);
        self.drape.draw(gl, &lists.rasters, &grounds, |primitive| assemble(gl, primitive));
        begin_flat(gl, lists);
    }

    /// Flat things, each over those of a lower order, which lie in the same plane.
    fn draw_flat(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        gl.disable(Gl::CULL_FACE);
        if lists.flat.iter().any(Draw::is_clear) {
            gl.enable(Gl::BLEND);
        } else {
            gl.disable(Gl::BLEND);
        }
        begin_flat(gl, lists);
        let (below, above) = lists.flat.split_at(lists.flat.partition_point(|draw| draw.order() < RASTER_ORDER));
        self.run(gl, blocks, &mut Culling::off(), below, 1.0);
        if !lists.rasters.is_empty() {
            self.draw_pictures(gl, lists);
            if lists.flat.iter().any(Draw::is_clear) {
                gl.enable(Gl::BLEND);
            }
        }
        self.run(gl, blocks, &mut Culling::off(), above, 1.0);
        gl.disable(Gl::POLYGON_OFFSET_FILL);
    }

    /// Flat things with what is below them shining through. The stencil lets only the topmost of them be seen.
    fn draw_glass_ground(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        let Ground::Glass(opacity) = lists.ground else { return };
        gl.disable(Gl::CULL_FACE);
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LEQUAL);
        gl.depth_mask(false);
        gl.enable(Gl::BLEND);
        gl.enable(Gl::STENCIL_TEST);
        gl.stencil_func(Gl::EQUAL, 0, 0xff);
        gl.stencil_op(Gl::KEEP, Gl::KEEP, Gl::INCR);
        gl.enable(Gl::POLYGON_OFFSET_FILL);
        gl.polygon_offset(1.0, 4.0);
        self.run(gl, blocks, &mut Culling::off(), lists.flat.iter().rev().chain(&lists.terrain), opacity);
        gl.disable(Gl::POLYGON_OFFSET_FILL);
        gl.disable(Gl::STENCIL_TEST);
    }

    /// Solids, projected along the sunlight onto the ground. The stencil darkens each pixel once.
    fn draw_shadows(&self, gl: &Gl, blocks: &DrawBlocks, look: &FrameLook, lists: &DrawLists<'_>) {
        gl.disable(Gl::DEPTH_TEST);
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::ZERO, Gl::SRC_COLOR);
        gl.enable(Gl::STENCIL_TEST);
        gl.stencil_func(Gl::EQUAL, 0, 0xff);
        gl.stencil_op(Gl::KEEP, Gl::KEEP, Gl::INCR);
        // Seen from above, what faces the sun keeps its winding and casts the whole shadow.
        let mut culling = Culling::default();
        let reach_m = 0.75 * f64::from(look.fog_m[1]);
        let casts = |draw: &&Draw<'_>| draw.distance_m < reach_m && !draw.leaves;
        let mut using = Using::default();
        for draw in lists.solid.iter().filter(casts) {
            let Some(program) = using.bind(&self.shadow, draw, |_| {}) else { continue };
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
        gl.disable(Gl::BLEND);
        // Pushed back a little, so that edges win over the walls they run along.
        gl.enable(Gl::POLYGON_OFFSET_FILL);
        gl.polygon_offset(1.0, 1.0);
        let mut culling = Culling::default();
        self.run(gl, blocks, &mut culling, &lists.solid, 1.0);
        self.run(gl, blocks, &mut culling, &lists.rich, 1.0);
        self.draw_points(gl, blocks, lists);
        gl.disable(Gl::POLYGON_OFFSET_FILL);
        gl.disable(Gl::CULL_FACE);
    }

    fn draw_glass(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        gl.depth_func(Gl::LESS);
        gl.enable(Gl::BLEND);
        gl.depth_mask(false);
        gl.enable(Gl::POLYGON_OFFSET_FILL);
        gl.polygon_offset(1.0, 1.0);
        self.run(gl, blocks, &mut Culling::default(), &lists.glass, 1.0);
        gl.disable(Gl::POLYGON_OFFSET_FILL);
        gl.disable(Gl::CULL_FACE);
    }

    /// Layers that are seen through: all their edges faintly, then their nearest surfaces, which a pass that writes
    /// depth alone has found, then the edges of those.
    fn draw_x_ray(&self, gl: &Gl, blocks: &DrawBlocks, look: &FrameLook, lists: &DrawLists<'_>) {
        if lists.x_ray.is_empty() {
            return;
        }
        gl.enable(Gl::BLEND);
        gl.depth_mask(false);
        gl.depth_func(Gl::LEQUAL);
        self.draw_edges(gl, blocks, look, &lists.x_ray, 0.45);
        gl.enable(Gl::POLYGON_OFFSET_FILL);
        gl.polygon_offset(1.0, 1.0);
        gl.depth_mask(true);
        gl.color_mask(false, false, false, false);
        self.run(gl, blocks, &mut Culling::default(), &lists.x_ray, 1.0);
        gl.color_mask(true, true, true, true);
        gl.depth_mask(false);
        self.run(gl, blocks, &mut Culling::default(), &lists.x_ray, lists.x_ray_opacity);
        gl.disable(Gl::POLYGON_OFFSET_FILL);
        gl.disable(Gl::CULL_FACE);
        self.draw_edges(gl, blocks, look, &lists.x_ray, 0.30);
    }

    /// Draws surfaces in their order, each with the program that it needs.
    fn run<'d, 'a: 'd>(
        &self,
        gl: &Gl,
        blocks: &DrawBlocks,
        culling: &mut Culling,
        draws: impl IntoIterator<Item = &'d Draw<'a>>,
        opacity: f32,
    ) {
        let mut using = Using::default();
        for draw in draws {
            let family = match (draw.rich.is_some(), self.is_shaded) {
                (true, true) => &self.shaded_rich,
                (true, false) => &self.rich,
                (false, true) => &self.shaded,
                (false, false) => &self.surface,
            };
            let begin = |program: &TileProgram| gl.uniform1f(program.extra.as_ref(), opacity);
            let Some(program) = using.bind(family, draw, begin) else { continue };
            culling.set(gl, draw);
            program.place(gl, blocks, draw);
            assemble(gl, draw.primitive);
        }
    }

    /// Clouds; those that shine through after the others, from the farthest on.
    fn draw_points(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        let mut using = Using::default();
        let family = if self.is_domed { &self.domed } else { &self.point };
        let is_clear = |draw: &Draw<'_>| draw.primitive.alpha == Alpha::Blend || draw.is_clear();
        for blends in [false, true] {
            for draw in lists.point.iter().filter(|draw| is_clear(draw) == blends) {
                let begin = |program: &TileProgram| gl.uniform1f(program.extra.as_ref(), 1.0);
                let Some(program) = using.bind(family, draw, begin) else { continue };
                if blends {
                    gl.enable(Gl::BLEND);
                }
                program.place(gl, blocks, draw);
                assemble(gl, draw.primitive);
            }
        }
        gl.disable(Gl::BLEND);
    }

    fn draw_lines(&self, gl: &Gl, blocks: &DrawBlocks, look: &FrameLook, lists: &DrawLists<'_>) {
        gl.enable(Gl::BLEND);
        gl.depth_func(Gl::LEQUAL);
        gl.depth_mask(false);
        if !look.is_rough {
            self.draw_edges(gl, blocks, look, &lists.solid, 0.30);
        }
        let mut using = Using::default();
        for draw in &lists.line {
            let begin = |program: &TileProgram| gl.uniform2f(program.extra.as_ref(), 0.0, 1.0);
            let Some(program) = using.bind(&self.line, draw, begin) else { continue };
            program.place(gl, blocks, draw);
            assemble(gl, draw.primitive);
        }
    }

    /// `darkness`: what is left of the colour of what they are edges of.
    fn draw_edges(&self, gl: &Gl, blocks: &DrawBlocks, look: &FrameLook, draws: &[Draw<'_>], darkness: f32) {
        let mut using = Using::default();
        for draw in draws.iter().filter(|draw| draw.distance_m < f64::from(look.edges_m)) {
            let Some(outline) = &draw.primitive.outline else { continue };
            let begin = |program: &TileProgram| gl.uniform2f(program.extra.as_ref(), 1.0, darkness);
            let Some(program) = using.bind(&self.line, draw, begin) else { continue };
            program.place(gl, blocks, draw);
            elements(gl, Gl::LINES, outline, draw.primitive);
        }
    }

    /// Fills the bound framebuffer with 1 where something is selected.
    pub(super) fn draw_mask(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        constants(gl);
        gl.disable(Gl::BLEND);
        gl.disable(Gl::CULL_FACE);
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LESS);
        let mut using = Using::default();
        for draw in &lists.selected {
            let family = match kind(draw) {
                (true, _) => &self.mask_point,
                (false, true) => &self.mask_rich,
                (false, false) => &self.mask,
            };
            let Some(program) = using.bind(family, draw, |_| {}) else { continue };
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
        self.pick_ground(gl, blocks, lists);
        if lists.has_terrain() && matches!(lists.ground, Ground::Glass(_)) {
            // What is below it is meant, where there is something.
            gl.clear_bufferfv_with_f32_array(Gl::DEPTH, 0, &[1.0]);
        }
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LESS);
        gl.depth_mask(true);
        let mut culling = Culling::default();
        if !lists.x_ray.is_empty() {
            // What is seen through is meant only where nothing stands behind it.
            self.run_pick(gl, blocks, &mut culling, &lists.x_ray);
            gl.clear_bufferfv_with_f32_array(Gl::DEPTH, 0, &[1.0]);
            let hides = !matches!(lists.ground, Ground::Glass(_)) && lists.has_terrain();
            if hides || lists.ground == Ground::Solid {
                gl.color_mask(false, false, false, false);
                self.pick_ground(gl, blocks, lists);
                gl.enable(Gl::DEPTH_TEST);
                gl.depth_func(Gl::LESS);
                gl.depth_mask(true);
                gl.color_mask(true, true, true, true);
                culling = Culling::default();
            }
        }
        for draws in [&lists.solid, &lists.rich, &lists.glass, &lists.line, &lists.point] {
            self.run_pick(gl, blocks, &mut culling, draws);
        }
        gl.disable(Gl::CULL_FACE);
        gl.bind_vertex_array(None);
        gl.use_program(None);
    }

    fn pick_ground(&self, gl: &Gl, blocks: &DrawBlocks, lists: &DrawLists<'_>) {
        if lists.has_terrain() {
            begin_terrain(gl);
            self.run_pick(gl, blocks, &mut Culling::off(), &lists.terrain);
        }
        begin_flat(gl, lists);
        self.run_pick(gl, blocks, &mut Culling::off(), &lists.flat);
        gl.disable(Gl::POLYGON_OFFSET_FILL);
    }

    fn run_pick(&self, gl: &Gl, blocks: &DrawBlocks, culling: &mut Culling, draws: &[Draw<'_>]) {
        let mut using = Using::default();
        for draw in draws {
            let family = self.pick_family(kind(draw));
            let Some(program) = using.bind(family, draw, |_| {}) else { continue };
            culling.set(gl, draw);
            program.place(gl, blocks, draw);
            assemble(gl, draw.primitive);
        }
    }

    fn pick_family(&self, kind: (bool, bool)) -> &Family {
        match kind {
            (true, _) => &self.pick_point,
            (false, true) => &self.pick_rich,
            (false, false) => &self.pick,
        }
    }

    /// Wants the programs that picking among these needs.
    pub(super) fn can_pick(&self, lists: &DrawLists<'_>) {
        let solids = [&lists.solid, &lists.rich, &lists.glass, &lists.x_ray];
        let others = [&lists.flat, &lists.terrain, &lists.line, &lists.point];
        let all = solids.into_iter().chain(others).flatten();
        let mut using = Using::default();
        for draw in all {
            using.bind(self.pick_family(kind(draw)), draw, |_| {});
        }
    }
}

/// Points, and textured or without light.
fn kind(draw: &Draw<'_>) -> (bool, bool) {
    (draw.primitive.topology == Topology::Points, draw.rich.is_some())
}

fn begin_terrain(gl: &Gl) {
    gl.enable(Gl::DEPTH_TEST);
    gl.depth_func(Gl::LESS);
    gl.depth_mask(true);
    gl.disable(Gl::BLEND);
    gl.enable(Gl::POLYGON_OFFSET_FILL);
    gl.polygon_offset(1.0, 1.0);
}

/// Flat things are drawn over one another in their order, wherever they lie; where the ground hides what is below it,
/// they leave their depth, pushed back so that what stands on it has its feet. On a terrain, hills hide them, and they
/// are drawn forward, because they follow it only nearly.
fn begin_flat(gl: &Gl, lists: &DrawLists<'_>) {
    if lists.has_terrain() {
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::LEQUAL);
        gl.depth_mask(false);
        gl.enable(Gl::POLYGON_OFFSET_FILL);
        gl.polygon_offset(-4.0, -16.0);
    } else if lists.ground == Ground::Solid {
        gl.enable(Gl::DEPTH_TEST);
        gl.depth_func(Gl::ALWAYS);
        gl.depth_mask(true);
        gl.enable(Gl::POLYGON_OFFSET_FILL);
        gl.polygon_offset(1.0, 4.0);
    } else {
        gl.disable(Gl::DEPTH_TEST);
    }
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
        let state = (draw.shows_back(), draw.mirrored);
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
