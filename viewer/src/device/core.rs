//! The state of a viewer, and what one frame does with it. It borrows nothing from outside and calls nobody back:
//! what hosts should hear is collected in `events`.

mod loading;

use super::files::Files;
use super::gpu::{self, Draw, DrawLists, Gpu};
use super::homing::Homing;
use super::labels::MapLabels;
use super::obstacles::Obstacles;
use super::panel::Panel;
use super::picking::Picking;
use super::pool::Pool;
use super::rasters::Rasters;
use super::sight::Sight;
use super::styles::Styles;
use super::terrain::TerrainState;
use super::tile::{FlaggedIds, Mark, Tile};
use crate::camera::{Camera, FOV_DEG, Limits};
use crate::cascades::Cascades;
use crate::daylight::Daylight;
use crate::fade::FADE_MS;
use crate::faults::Faults;
use crate::gesture::Gestures;
use crate::labels::LABELS;
use crate::matrix::{Eye, near_far, rows};
use crate::motion::Motion;
use crate::oneshot::Sender;
use crate::pace::Pace;
use crate::samples::Samples;
use crate::thrift::Thrift;
use crate::{Event, LookAt, Problem, Progress, Scene, Stats, Theme, ViewerError, ViewerOptions};
use citytwin_tiles::{Engine, TileId, TilesetId, View};
use litemap::LiteMap;
use loading::Waiting;
use std::collections::VecDeque;
use web_sys::{HtmlCanvasElement, WebGl2RenderingContext as Gl};

/// A frame uploads arrived tiles for at most this long and this much, but always one: while the view moves, frames must
/// come evenly; at rest, soon.
const UPLOAD_MS_MOVING: f64 = 1.0;
const UPLOAD_MS: f64 = 6.0;
const UPLOAD_BYTES: u64 = 8 << 20;
/// An engine that waits for nothing is asked again this many times before it is believed.
const MOST_NUDGES: u32 = 4;
/// Nothing has come for so long, milliseconds: what is there is drawn as well as can be.
const STALLED_MS: f64 = 1_500.0;

/// A file that is under way: the tile whose content it is, if of one, and where it comes from.
pub(super) struct Asked {
    pub(super) tile: Option<TileId>,
    url: String,
}

pub(super) struct LayerState {
    pub(super) id: String,
    pub(super) tileset: TilesetId,
    /// As in manifests.
    pub(super) theme: &'static str,
}

pub(super) struct Core {
    pub(super) canvas: HtmlCanvasElement,
    pub(super) options: ViewerOptions,
    pub(super) camera: Camera,
    pub(super) motion: Motion,
    pub(super) gestures: Gestures,
    pub(super) events: Vec<Event>,
    pub(super) scene: Scene,
    pub(super) daylight: Daylight,
    cascades: Cascades,
    /// Counts the changes of what casts shadows.
    pub(super) caster_epoch: u64,
    pub(super) pace: Pace,
    thrift: Thrift,
    home: Option<LookAt>,
    pub(super) homing: Homing,
    pub(super) engine: Engine,
    pub(super) layers: Vec<LayerState>,
    pub(super) pool: Pool,
    pub(super) files: Files,
    pub(super) labels: MapLabels,
    pub(super) rasters: Rasters,
    pub(super) terrain: TerrainState,
    pub(super) gl: Gl,
    pub(super) gpu: Option<Gpu>,
    /// The graphics have been lost before.
    pub(super) was_lost: bool,
    pub(super) tiles: Vec<Option<Box<Tile>>>,
    pub(super) drawn: Vec<TileId>,
    pub(super) sight: Sight,
    obstacles: Obstacles,
    pub(super) requests: LiteMap<u64, Asked>,
    pub(super) arrivals: VecDeque<Waiting>,
    faults: Faults,
    /// A twin was opened or a layer added: until then there is nothing to be settled.
    opened: bool,
    /// Pixels of the canvas at rest, and of the frame that is drawn.
    pub(super) full_px: [u32; 2],
    pub(super) size_px: [u32; 2],
    /// The size that the canvas was given.
    canvas_px: [u32; 2],
    seen: Option<(LookAt, [u32; 2])>,
    pub(super) resting: bool,
    engine_due: bool,
    nudges: u32,
    pub(super) draw_due: bool,
    /// More of the city has come, which may wait for yet more of it.
    pub(super) more_due: bool,
    /// When it came.
    more_ms: f64,
    /// The last frame lacked something that is still being compiled.
    partial: bool,
    /// The last frame was drawn without what a slow device is spared.
    spared: bool,
    engine_settled: bool,
    settled: bool,
    settled_waiters: Vec<Sender<()>>,
    pub(super) picking: Picking,
    pub(super) styles: Styles,
    flagged: FlaggedIds,
    /// Selected and hovered; the numbers count their changes.
    pub(super) marks: [Option<Mark>; 2],
    pub(super) mark_epochs: [u32; 2],
    progress: Progress,
    pub(super) stats: Stats,
    pub(super) frame_ms: Samples,
    /// What developers read over the canvas, when they asked for it.
    pub(super) panel: Option<Panel>,
    /// What the data attributes say.
    shown_state: &'static str,
    shown_figures: [Option<u64>; 3],
}

impl Core {
    pub(super) fn new(
        canvas: HtmlCanvasElement,
        options: ViewerOptions,
        pool: Pool,
        styles: Styles,
        reduced_motion: bool,
    ) -> Result<Self, ViewerError> {
        // Before there is a context, for it to be made in this size at once.
        let size_px = sizes(&canvas, &options).1;
        canvas.set_width(size_px[0]);
        canvas.set_height(size_px[1]);
        let gl = gpu::context(&canvas)?;
        let gpu = Gpu::new(&gl)?;
        pool.set_formats(&gpu::formats(&gl));
        let obstacles = Obstacles::new(options.cache_bytes);
        let engine = Engine::new(citytwin_tiles::Options {
            max_error_px: options.max_error_px,
            max_requests: options.max_requests,
            cache_bytes: options.cache_bytes - obstacles.most_bytes(),
            ..citytwin_tiles::Options::default()
        });
        let mut core = Self {
            canvas,
            options,
            camera: Camera::new(),
            motion: Motion::new(reduced_motion),
            gestures: Gestures::new(),
            events: Vec::new(),
            scene: Scene::default(),
            daylight: Daylight::default(),
            cascades: Cascades::default(),
            caster_epoch: 0,
            pace: Pace::default(),
            thrift: Thrift::default(),
            home: None,
            homing: Homing::default(),
            engine,
            layers: Vec::new(),
            pool,
            files: Files::default(),
            labels: MapLabels::new(),
            rasters: Rasters::default(),
            terrain: TerrainState::default(),
            gl,
            gpu: Some(gpu),
            was_lost: false,
            tiles: Vec::new(),
            drawn: Vec::new(),
            sight: Sight::default(),
            obstacles,
            requests: LiteMap::new(),
            arrivals: VecDeque::new(),
            full_px: [0; 2],
            faults: Faults::default(),
            opened: false,
            size_px: [0; 2],
            canvas_px: size_px,
            seen: None,
            resting: true,
            engine_due: true,
            nudges: 0,
            draw_due: true,
            more_due: false,
            more_ms: 0.0,
            partial: false,
            spared: false,
            engine_settled: false,
            settled: false,
            settled_waiters: Vec::new(),
            picking: Picking::default(),
            styles,
            flagged: FlaggedIds::default(),
            marks: [None, None],
            mark_epochs: [0; 2],
            progress: Progress::default(),
            stats: Stats::default(),
            frame_ms: Samples::default(),
            panel: None,
            shown_state: "",
            shown_figures: [None; 3],
        };
        core.measure();
        core.show_state();
        core.show_figures();
        Ok(core)
    }

    // ---- Layers -------------------------------------------------------------------------------------------------

    pub(super) fn set_extent(&mut self, extent: [f64; 4], home: LookAt) {
        // The ground lies on the ellipsoid, unless the home view looks at something lower.
        self.sight.ground_m = home.height_m.min(0.0);
        self.camera.set_limits(Limits::of_extent(extent).with_ground(self.sight.ground_m));
        self.terrain.start(self.sight.ground_m);
        self.home = Some(home);
        self.opened = true;
        self.engine_changed();
        self.motion.jump(&mut self.camera, home);
    }

    pub(super) fn add_layer(&mut self, id: &str, url: String, theme: Theme, visible: bool) {
        self.remove_layer(id);
        let tileset = self.engine.add_tileset(url);
        self.engine.set_visible(tileset, visible);
        self.layers.push(LayerState { id: id.to_owned(), tileset, theme: theme.name() });
        self.sight.follow(&self.scene, &self.layers);
        self.opened = true;
        self.engine_changed();
    }

    pub(super) fn remove_layer(&mut self, id: &str) {
        if let Some(index) = self.layers.iter().position(|layer| layer.id == id) {
            let layer = self.layers.remove(index);
            self.drop_style(layer.tileset);
            self.engine.remove_tileset(layer.tileset);
            self.forget_problems();
            self.engine_changed();
        }
    }

    pub(super) fn remove_layers(&mut self) {
        for layer in std::mem::take(&mut self.layers) {
            self.drop_style(layer.tileset);
            self.engine.remove_tileset(layer.tileset);
        }
        self.forget_problems();
        self.engine_changed();
    }

    pub(super) fn set_layer_visible(&mut self, id: &str, on: bool) {
        if let Some(layer) = self.layers.iter().find(|layer| layer.id == id) {
            self.engine.set_visible(layer.tileset, on);
            self.engine_changed();
        } else if id == LABELS {
            self.set_labels_on(on);
        } else {
            self.set_raster_visible(id, on);
        }
    }

    /// Flags the features that have these stable ids (list 0: highlighted, 1: hidden), and no others.
    pub(super) fn flag(&mut self, list: usize, ids: &[String]) {
        if self.flagged.set(list, ids) {
            self.features_changed();
            if ids.is_empty() {
                self.free_idle_features();
            }
        }
    }

    /// Frees what the GPU holds of features that show as they are, also of tiles that are not drawn now.
    pub(super) fn free_idle_features(&mut self) {
        for tile in self.tiles.iter_mut().flatten() {
            self.stats.heap_bytes += tile.look_up_flags(&self.flagged);
            if !tile.features.matter() {
                self.stats.gpu_bytes -= tile.free_features(&self.gl);
            }
        }
    }

    /// What features show has changed: what is seen, and what casts shadows.
    pub(super) fn features_changed(&mut self) {
        self.draw_due = true;
        self.caster_epoch += 1;
    }

    pub(super) fn engine_changed(&mut self) {
        self.engine_due = true;
        self.nudges = 0;
        self.settled = false;
    }

    pub(super) fn go_home(&mut self, now_ms: f64) {
        if let Some(home) = self.home {
            let home = self.on_ground(home);
            self.motion.fly_to(&mut self.camera, home, None, now_ms);
        }
    }

    // ---- The frame ----------------------------------------------------------------------------------------------

    /// Follows the canvas's size on the page; the drawing buffer follows with the next frame.
    pub(super) fn measure(&mut self) {
        let ([width, height], size_px) = sizes(&self.canvas, &self.options);
        self.camera.set_size_css(width, height);
        if size_px != self.full_px {
            (self.full_px, self.size_px) = (size_px, size_px);
            self.draw_due = true;
        }
    }

    /// One animation frame; with `whole` nothing is left out that can be drawn. Returns whether another one is needed
    /// without anything new happening.
    pub(super) fn tick(&mut self, now_ms: &dyn Fn() -> f64, whole: bool) -> bool {
        // The browser says that the graphics are gone only after the next frame.
        if self.gpu.is_none() || self.gl.is_context_lost() {
            return false;
        }
        let start_ms = now_ms();
        let flies = self.motion.flies();
        self.motion.step(&mut self.camera, start_ms);
        let jumped = self.motion.take_jump();
        self.keep_out(flies, jumped);
        self.follow_terrain(flies, jumped);
        self.step_landing();
        let moving = self.motion.moving();
        self.keep_pace(start_ms, moving || self.gestures.active());
        let look = self.camera.look();
        let seen = Some((look, self.full_px));
        let view_changed = self.seen != seen;
        if view_changed {
            if self.seen.is_some_and(|(before, _)| before != look) {
                self.events.push(Event::View(look));
                self.resting = false;
            }
            self.seen = seen;
            self.draw_due = true;
            self.nudges = 0;
            // Also where all tiles are there: names are placed anew.
            self.settled = false;
        }
        self.step_fades(start_ms);
        self.upload_arrivals(now_ms, if view_changed { UPLOAD_MS_MOVING } else { UPLOAD_MS });
        self.hear_picks();
        if view_changed || self.engine_due || self.wakes_at_ms().is_some_and(|at_ms| at_ms <= start_ms) {
            self.update_engine(start_ms);
        }
        if view_changed || self.draw_due || self.more_due {
            self.load_labels();
            let view = self.engine_view(&look);
            self.load_rasters(&view);
        }
        let problems = self.labels.hear_icons();
        self.events.extend(problems.into_iter().map(Event::Problem));
        self.labels.hear_answers(&self.gl, start_ms);
        self.thrift.follow(view_changed, start_ms);
        if self.more_due {
            self.more_ms = start_ms;
        }
        let drawn = self.may_draw(now_ms) && (self.is_due() || self.labels.busy());
        if drawn {
            let spare = !whole && self.scene.resolution.adaptive && self.goes_on() && !self.thrift.is_whole();
            self.draw(start_ms, spare);
        }
        self.start_picks();
        self.step_rest(moving);
        self.step_settled(moving);
        self.show_state();
        if !view_changed {
            self.show_figures();
        }
        if drawn {
            self.stats.frames += 1;
            self.frame_ms.push(now_ms() - start_ms);
        }
        self.step_panel(start_ms);
        moving
            || self.engine_due
            || self.terrain.is_due()
            || self.is_due()
            || self.spared
            || self.thrift.is_busy()
            || self.shown_figures != self.figures().map(Some)
            || !self.arrivals.is_empty()
            || self.labels.busy()
            || self.labels.asking()
            || self.sight.fades.active()
            || self.picking.is_busy(self.gestures.active())
            || !self.resting
    }

    /// Whether a frame may be drawn now, if there is anything new: what the last one lacked once the driver can say at
    /// once whether it is there, and what may wait for more of it when the device is not too slow for that.
    fn may_draw(&mut self, now_ms: &dyn Fn() -> f64) -> bool {
        let Some(gpu) = &self.gpu else { return false };
        if gpu.fence.is_passed(&self.gl) {
            self.thrift.done(now_ms());
        }
        let may_wait = self.loading() && !self.draw_due && !self.partial;
        gpu.compiler().hear(now_ms) && (!may_wait || self.thrift.may_draw(now_ms()))
    }

    /// Whether something of the picture is out of date.
    fn is_due(&self) -> bool {
        self.draw_due || self.more_due || self.partial || (self.spared && !self.goes_on())
    }

    /// Whether the next picture will not be the last of its view, for now.
    fn goes_on(&self) -> bool {
        self.thrift.moves() || (self.loading() && self.sight.now_ms - self.more_ms < STALLED_MS)
    }

    fn loading(&self) -> bool {
        !self.engine_settled || !self.arrivals.is_empty() || self.files_under_way()
    }

    /// Whether other files than tiles are under way.
    fn files_under_way(&self) -> bool {
        self.labels.loading() || self.rasters.loading()
    }

    /// Keeps the eye out of what it would enter by moving.
    fn keep_out(&mut self, flies: bool, jumped: bool) {
        let wanted = self.camera.look();
        let Some((before, _)) = self.seen.filter(|(before, _)| *before != wanted && !jumped) else { return };
        let tiles = self.drawn.iter().filter_map(|id| self.tiles.get(id.0 as usize)?.as_deref());
        let tiles = tiles.filter(|tile| !self.sight.lets_through(tile) && tile.content.ground.is_none());
        let step = self.obstacles.step(&self.gl, &before, &wanted, flies, tiles);
        if step.look != wanted {
            self.camera.set_look(step.look);
        }
        if step.stopped {
            self.motion.halt();
        }
    }

    /// Goes on with what fades; the last frame of a fade is drawn without it.
    fn step_fades(&mut self, now_ms: f64) {
        self.draw_due |= self.sight.fades.active();
        for id in self.sight.step(now_ms) {
            self.free_tile(id);
        }
    }

    /// Other tiles are drawn from now on.
    fn drawn_changed(&mut self, draw: Vec<TileId>) {
        if self.scene.cross_fade.enabled && !self.motion.is_reduced() && self.thrift.may_fade(FADE_MS) {
            self.sight.fades.changed(&self.drawn, &draw, &self.engine, self.sight.now_ms);
        } else {
            self.sight.fades.clear();
        }
        self.drawn = draw;
        self.terrain.changed();
        self.caster_epoch += 1;
        self.more_due = true;
    }

    /// A view of this canvas as the engine takes it, in CSS pixels.
    pub(super) fn engine_view(&self, look: &LookAt) -> View {
        let size = self.camera.size_css();
        View::look_at(look, FOV_DEG, [size.x.round() as u32, size.y.round() as u32])
    }

    fn draw(&mut self, now_ms: f64, spare: bool) {
        let Some(gpu) = &self.gpu else { return };
        let marks = [&self.marks[0], &self.marks[1]];
        for id in self.drawn.iter().copied().chain(self.sight.fades.leaving()) {
            if let Some(tile) = self.tiles.get_mut(id.0 as usize).and_then(Option::as_deref_mut) {
                tile.upload(&gpu.gl, &mut self.stats);
                tile.look_up(marks, self.mark_epochs);
                self.stats.heap_bytes += tile.look_up_flags(&self.flagged);
                let (more, less) = tile.upload_features(&gpu.gl);
                self.stats.gpu_bytes = self.stats.gpu_bytes + more - less;
            }
        }
        // Setting one makes the drawing buffer anew, even to what it was.
        let [width, height] = self.size_px;
        if self.canvas_px[0] != width {
            self.canvas.set_width(width);
        }
        if self.canvas_px[1] != height {
            self.canvas.set_height(height);
        }
        self.canvas_px = self.size_px;
        let eye = Eye::of(&self.camera);
        self.daylight.follow(&self.scene.sun, self.camera.look());
        // Taken out for a moment: the lists borrow everything else.
        let (mut gpu, mut cascades) = (self.gpu.take(), std::mem::take(&mut self.cascades));
        let mut heights_m = [f64::INFINITY, f64::NEG_INFINITY];
        let mut rasters = std::mem::take(&mut self.rasters);
        let mut lists = DrawLists::default();
        lists.set_rasters(rasters.draws(&eye));
        lists.x_ray_opacity = self.sight.x_ray_opacity;
        let (mut nearest, mut farthest) = (f64::INFINITY, 0.0_f64);
        let (mut tiles, mut triangles, mut features, mut lowest_m) = (0, 0, 0, f64::INFINITY);
        let flat_is_near = self.sight.underground().is_some();
        for tile in self.drawn_tiles().chain(self.tiles_of(self.sight.fades.leaving())) {
            tiles += 1;
            triangles += tile.info.triangles;
            features += tile.info.features;
            lowest_m = tile.lowest_m.min(lowest_m);
            if let Some([low, high]) = tile.heights_m {
                heights_m = [heights_m[0].min(low), heights_m[1].max(high)];
            }
            let eye_tile = tile.point(eye.eye_ecef);
            for index in 0..tile.content.primitives.len() {
                let (near, far) = tile.distances(index, eye_tile);
                if flat_is_near || tile.content.primitives[index].flat_order.is_none() {
                    nearest = nearest.min(near);
                }
                farthest = farthest.max(far);
                let draw = place(tile, index, &eye, near, 0);
                lists.extend(draw.and_then(|draw| self.sight.see(draw, tile, index)));
            }
        }
        lists.ground = self.sight.ground(lowest_m);
        lists.sort();
        let mut look = self.frame_look(eye, near_far(nearest, farthest));
        // Outlines of solids fit a plane alone.
        let all_shadows = look.ground_shadows && lists.has_terrain();
        look.shadows = self.shadow_look(&mut cascades, &eye, heights_m, all_shadows);
        if spare {
            (look.is_rough, look.ground_shadows) = (true, false);
        }
        // What lacks a program that is still being compiled is drawn again, until it is whole.
        let is_partial = gpu.as_mut().is_some_and(|gpu| !gpu.draw(&look, &mut lists));
        drop(lists);
        let lacks_boxes = gpu.as_mut().is_some_and(|gpu| !gpu.draw_boxes(&self.box_lines(&look.eye)));
        self.rasters = rasters;
        let (size_css, fades) = (self.camera.size_css(), !self.motion.is_reduced());
        if let Some(gpu) = &mut gpu {
            let moved = self.draw_due || self.more_due;
            self.stats.gpu_bytes += self.labels.draw(&self.gl, gpu.compiler(), &look, size_css, moved, fades, now_ms);
            gpu.finish();
            if gpu.fence.raise(&self.gl) {
                self.thrift.begun(!spare, now_ms);
            }
        }
        (self.draw_due, self.more_due, self.spared) = (false, false, spare);
        self.partial = is_partial || lacks_boxes;
        let faults = gpu.as_ref().map_or_else(Vec::new, Gpu::take_faults);
        self.events.extend(faults.into_iter().map(|words| Event::Problem(Problem::new("graphics", words, "canvas"))));
        (self.gpu, self.cascades) = (gpu, cascades);
        self.stats.tiles_drawn = tiles;
        self.stats.triangles_drawn = triangles;
        self.stats.features_drawn = features;
    }

    pub(super) fn drawn_tiles(&self) -> impl Iterator<Item = &Tile> {
        self.tiles_of(self.drawn.iter().copied())
    }

    fn tiles_of(&self, ids: impl Iterator<Item = TileId>) -> impl Iterator<Item = &Tile> {
        ids.filter_map(|id| self.tiles.get(id.0 as usize)?.as_deref())
    }

    // ---- What hosts hear ----------------------------------------------------------------------------------------

    fn step_rest(&mut self, moving: bool) {
        if !self.resting && !moving && !self.gestures.active() {
            self.resting = true;
            self.events.push(Event::ViewRest(self.camera.look()));
        }
    }

    fn step_settled(&mut self, moving: bool) {
        let loaded = self.engine_settled && !self.engine_due && !self.files_under_way() && !self.terrain.is_due();
        // Names that come and go later, as when the pointer moves, unsettle nothing.
        let loaded = loaded && (self.settled || !(self.labels.busy() || self.labels.asking()));
        let drawn = !self.is_due() && !self.spared;
        let settled = loaded && !moving && !self.sight.fades.active() && drawn && self.opened;
        if settled {
            if !self.settled {
                self.events.push(Event::Settled);
            }
            self.settled_waiters.drain(..).for_each(|waiter| waiter.send(()));
        }
        self.settled = settled;
    }

    pub(super) fn when_settled(&mut self, waiter: Sender<()>) {
        // Answered by the next frame: what was asked for just before has not been looked at.
        self.settled_waiters.push(waiter);
    }

    /// Keeps the canvas's data attributes true; touches the page only when they change.
    fn show_state(&mut self) {
        let state = match (&self.gpu, self.settled) {
            (None, _) => "lost",
            (Some(_), true) => "settled",
            (Some(_), false) => "loading",
        };
        if self.shown_state != state {
            self.shown_state = state;
            self.show("state", state);
        }
    }

    /// The figures, which wait until the view has stood for a frame: each costs the page a look at its styles.
    fn show_figures(&mut self) {
        for (i, name) in ["tiles", "triangles", "features"].into_iter().enumerate() {
            let value = self.figures()[i];
            if self.shown_figures[i] != Some(value) {
                self.shown_figures[i] = Some(value);
                self.show(name, &value.to_string());
            }
        }
    }

    fn figures(&self) -> [u64; 3] {
        [self.stats.tiles_drawn.into(), self.stats.triangles_drawn, self.stats.features_drawn]
    }

    fn show(&self, name: &str, value: &str) {
        // Fails only for names that are no data attributes.
        let _ = self.canvas.dataset().set(name, value);
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            frame_cpu_ms_p50: self.frame_ms.quantile(0.5),
            frame_cpu_ms_p95: self.frame_ms.quantile(0.95),
            gpu_bytes: self.stats.gpu_bytes + self.gpu.as_ref().map_or(0, Gpu::own_bytes),
            ..self.stats
        }
    }

    // ---- The context --------------------------------------------------------------------------------------------

    /// The browser has taken the graphics away: everything on the GPU is gone already. A flight goes on: it arrives
    /// when the graphics are back.
    pub(super) fn context_lost(&mut self) {
        self.gpu = None;
        self.tiles.clear();
        self.drawn.clear();
        self.engine.forget_contents();
        self.engine_due = true;
        self.was_lost = true;
        (self.stats.gpu_bytes, self.stats.heap_bytes) = (0, self.waiting_bytes());
        self.obstacles = Obstacles::new(self.options.cache_bytes);
        self.sight.lose();
        self.picking.forget();
        self.labels.context_lost();
        self.rasters.context_lost();
        self.settled = false;
        self.events.push(Event::ContextLost);
        self.show_state();
    }

    /// The graphics are back: programs now, tiles as they arrive again.
    pub(super) fn context_restored(&mut self) {
        match Gpu::new(&self.gl) {
            Ok(gpu) => {
                self.gpu = Some(gpu);
                self.draw_due = true;
                self.engine_due = true;
                self.events.extend(self.faults.solved(GRAPHICS_GONE.0, GRAPHICS_GONE.1).map(Event::ProblemSolved));
                self.events.push(Event::ContextRestored);
            }
            // Lost again meanwhile: the browser says so next, and gives another one.
            Err(_) if self.gl.is_context_lost() => {}
            Err(error) => self.tell(Problem::new(GRAPHICS_GONE.0, error.to_string(), GRAPHICS_GONE.1)),
        }
        self.show_state();
    }

    /// Says so when the graphics have not come back by now.
    pub(super) fn context_overdue(&mut self) {
        if self.gpu.is_none() {
            let message = "the browser does not give the graphics back; loading the page anew may help";
            self.tell(Problem::new(GRAPHICS_GONE.0, message, GRAPHICS_GONE.1));
        }
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        self.faults.standing().cloned().collect()
    }
}

/// Code and place of the problem that the graphics do not come back.
const GRAPHICS_GONE: (&str, &str) = ("graphics-gone", "canvas");

impl Drop for Core {
    fn drop(&mut self) {
        for tile in self.tiles.iter_mut().flatten() {
            tile.free(&self.gl, &mut self.stats);
        }
        if let Some(gpu) = &mut self.gpu {
            gpu.free();
        }
    }
}

/// A canvas's size on the page, CSS pixels, and the pixels that its drawing buffer is to have.
fn sizes(canvas: &HtmlCanvasElement, options: &ViewerOptions) -> ([f64; 2], [u32; 2]) {
    let size_css = [canvas.client_width(), canvas.client_height()].map(f64::from);
    let device_ratio = web_sys::window().map_or(1.0, |window| window.device_pixel_ratio());
    let ratio = device_ratio.clamp(0.25, options.max_pixel_ratio.max(0.25));
    (size_css, size_css.map(|css| (css * ratio).round().clamp(1.0, 8192.0) as u32))
}

pub(super) fn place<'a>(tile: &'a Tile, index: usize, eye: &Eye, distance_m: f64, number: u32) -> Option<Draw<'a>> {
    let (ecef_from_local, mirrored) = tile.placed(index);
    let rel_rows = rows(&eye.rel_from(ecef_from_local));
    let primitive = &tile.content.primitives[index];
    let buffers = tile.buffers.as_ref()?;
    let point_m = tile.point_m[index];
    Draw::new(
        primitive,
        buffers,
        index,
        rel_rows,
        mirrored,
        tile.marks(index),
        distance_m,
        point_m,
        number,
        tile.feature_draw(index),
    )
    .map(|draw| draw.on_terrain(tile.content.ground.as_deref()))
}
