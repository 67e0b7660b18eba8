//! Names on the map: loads their files, and draws what `crate::labels` has placed.

use super::core::Core;
use super::files::Wish;
use super::gpu::{Compiler, FrameLook, INSTANCE, LabelGpu};
use super::icons::Icons;
use super::lettering::Lettering;
use crate::labels::{Item, LABELS, Labels, Screen, ShownLabel, look_of};
use crate::{Event, Hit, Problem, Value};
use citytwin_geo::geodetic_from_ecef;
use citytwin_manifest::{LabelCell, LabelIndex};
use citytwin_tiles::resolve_url;
use glam::DVec2;
use std::rc::Rc;
use web_sys::WebGl2RenderingContext as Gl;

/// Names written anew in one frame, so that none takes long.
const MOST_NEW: usize = 16;
/// Halo by day (`#efece6`, the ground) and by night (`#0f1720`).
const HALOS: [[u8; 3]; 2] = [[0xef, 0xec, 0xe6], [0x0f, 0x17, 0x20]];

/// The labels of a viewer.
pub(super) struct MapLabels {
    pub(super) state: Labels,
    url: String,
    index_under_way: bool,
    lettering: Option<Lettering>,
    gpu: Option<LabelGpu>,
    /// Of the pictures in the atlas.
    ratio: f64,
    epoch: u32,
    instances: Vec<f32>,
    /// Names are shown that have no picture yet.
    unwritten: bool,
    icons: Icons,
    /// The GPU refused: no labels until the context is new.
    refused: bool,
}

impl MapLabels {
    pub(super) fn new() -> Self {
        Self {
            state: Labels::new(),
            url: String::new(),
            index_under_way: false,
            lettering: None,
            gpu: None,
            ratio: 0.0,
            epoch: 0,
            instances: Vec::new(),
            unwritten: false,
            icons: Icons::default(),
            refused: false,
        }
    }

    /// Whether frames are needed for labels alone.
    pub(super) fn busy(&self) -> bool {
        !self.state.is_empty() && !self.refused && (self.state.busy() || self.unwritten || self.icons.loading())
    }

    /// Whether answers of the GPU are outstanding.
    pub(super) fn asking(&self) -> bool {
        self.gpu.as_ref().is_some_and(LabelGpu::is_asking)
    }

    /// Whether files are under way.
    pub(super) fn loading(&self) -> bool {
        self.index_under_way || self.state.loading() || self.icons.loading()
    }

    /// The context is lost, and all pictures with it.
    pub(super) fn context_lost(&mut self) {
        self.epoch += 1;
        self.gpu = None;
        self.refused = false;
        self.state.tests_lost();
    }

    /// Takes icons of the twin that have come; returns what is wrong with them.
    pub(super) fn hear_icons(&mut self) -> Vec<Problem> {
        let (news, problems) = self.icons.hear();
        if let Some(gpu) = self.gpu.as_mut().filter(|_| news) {
            // What was written without them is written anew.
            gpu.empty();
            self.unwritten = true;
        }
        problems
    }

    pub(super) fn hear_answers(&mut self, gl: &Gl, now_ms: f64) {
        if let Some(gpu) = &mut self.gpu {
            let answers = gpu.answers(gl);
            self.state.found(&answers, now_ms);
        }
    }

    /// Places and draws after everything else has been drawn. Returns the bytes that this put on the GPU.
    #[allow(clippy::too_many_arguments)] // one call site, all of different types
    pub(super) fn draw(
        &mut self,
        gl: &Gl,
        compiler: &Rc<Compiler>,
        look: &FrameLook,
        size_css: DVec2,
        moved: bool,
        fades: bool,
        now_ms: f64,
    ) -> u64 {
        if self.state.is_empty() || self.refused {
            return 0;
        }
        let mut bytes = 0;
        if self.gpu.is_none() {
            self.gpu = LabelGpu::new(gl, compiler, self.epoch).ok();
            self.refused = self.gpu.is_none();
            bytes = LabelGpu::BYTES;
        }
        if self.lettering.is_none() {
            self.lettering = Lettering::new();
        }
        let (Some(gpu), Some(lettering)) = (&mut self.gpu, &mut self.lettering) else { return 0 };
        let screen = Screen { eye: look.eye, clip_from_rel: look.clip_from_rel, size_css };
        let mut measure = |item: &Item| lettering.measure(&item.text, look_of(&item.label));
        let tests = self.state.place(&screen, moved, now_ms, &mut measure);
        let asked = gpu.ask(gl, &tests);
        if !asked {
            self.state.tests_lost();
        }
        let ratio = f64::from(look.viewport_px[0]) / size_css.x;
        if self.ratio != ratio {
            self.ratio = ratio;
            gpu.empty();
        }
        let night = usize::from(look.light.is_dark());
        self.instances.clear();
        self.unwritten = false;
        let mut left = MOST_NEW;
        for sprite in self.state.sprites(&screen, fades, now_ms) {
            let Some(item) = self.state.item_mut(sprite.key) else { continue };
            let style = look_of(&item.label);
            if item.picture.is_none_or(|(epoch, _)| epoch != gpu.epoch) {
                if left == 0 {
                    self.unwritten = true;
                    continue;
                }
                left -= 1;
                let own = item.label.icon.as_ref().and_then(|name| self.icons.shape(name));
                let size_css = sprite.area.half * 2.0;
                let Some(image) = lettering.write(&item.text, style, own, size_css, ratio) else { continue };
                let Some(room) = gpu.put(gl, &image) else {
                    // Full: emptied, and written anew from the next frame on.
                    gpu.empty();
                    self.unwritten = true;
                    break;
                };
                item.picture = Some((gpu.epoch, room));
            }
            if let Some((_, room)) = item.picture {
                push(&mut self.instances, &sprite.area, room, ratio, sprite.opacity, style.colors[night]);
            }
        }
        self.epoch = gpu.epoch;
        let drawn = gpu.draw(gl, &self.instances, look.viewport_px, HALOS[night].map(|c| f32::from(c) / 255.0));
        self.unwritten |= !drawn;
        // Not ready is ready soon; what the driver refuses it refuses for good.
        self.refused = (!drawn || !asked) && !compiler.take_missed();
        bytes
    }
}

fn push(
    instances: &mut Vec<f32>,
    area: &crate::labels::Box2,
    room: crate::labels::Room,
    ratio: f64,
    opacity: f32,
    color: [u8; 3],
) {
    let half = DVec2::new(f64::from(room.width), f64::from(room.height)) / 2.0;
    let mut center = area.center * ratio;
    if area.along == DVec2::X {
        // Letters on whole pixels are sharp.
        center = (center - half).round() + half;
    }
    let [red, green, blue] = color.map(|c| f32::from(c) / 255.0);
    let (x, y) = (room.x as f32, room.y as f32);
    let numbers: [f32; INSTANCE] = [
        center.x as f32,
        center.y as f32,
        half.x as f32,
        half.y as f32,
        area.along.x as f32,
        area.along.y as f32,
        opacity,
        0.0,
        x,
        y,
        x + room.width as f32,
        y + room.height as f32,
        red,
        green,
        blue,
        1.0,
    ];
    instances.extend_from_slice(&numbers);
}

impl Core {
    /// Shows the labels of another twin, or none.
    pub(super) fn open_labels(&mut self, index_url: Option<String>) {
        self.forget_files(|wish| matches!(wish, Wish::LabelIndex | Wish::LabelCell(_)));
        self.labels.state.clear();
        self.labels.index_under_way = index_url.is_some();
        if let Some(url) = index_url {
            self.labels.url.clone_from(&url);
            self.load_file(Wish::LabelIndex, url, false);
        }
        self.draw_due = true;
    }

    /// Asks for the cells that came into reach.
    pub(super) fn load_labels(&mut self) {
        if self.labels.state.is_empty() {
            return;
        }
        let eye = crate::matrix::Eye::of(&self.camera).eye_ecef;
        for (number, file) in self.labels.state.wanted(eye) {
            let url = resolve_url(&self.labels.url, &file);
            self.load_file(Wish::LabelCell(number), url, false);
        }
    }

    pub(super) fn label_index_arrived(&mut self, result: Result<Vec<u8>, Problem>, url: &str) {
        self.labels.index_under_way = false;
        let malformed = |message| Problem::new("labels-malformed", message, url);
        match result.and_then(|bytes| LabelIndex::from_json(&bytes).map_err(malformed)) {
            Ok(index) => {
                let problems = self.labels.icons.load(&index.icons, url);
                self.events.extend(problems.into_iter().map(Event::Problem));
                self.labels.state.set_index(&index);
            }
            Err(problem) => self.events.push(Event::Problem(problem)),
        }
        self.draw_due = true;
    }

    pub(super) fn label_cell_arrived(&mut self, number: u32, result: Result<Vec<u8>, Problem>, url: &str) {
        let malformed = |message| Problem::new("labels-malformed", message, url);
        let cell = result.and_then(|bytes| LabelCell::from_json(&bytes).map_err(malformed));
        let cell = cell.map_err(|problem| self.events.push(Event::Problem(problem))).ok();
        self.labels.state.loaded(number, cell);
        self.more_due = true;
    }

    pub(super) fn set_label_locale(&mut self, locale: &str) {
        self.labels.state.set_locale(locale);
        self.draw_due = true;
    }

    pub(super) fn set_labels_on(&mut self, on: bool) {
        self.labels.state.set_on(on);
        self.draw_due = true;
    }

    pub(super) fn shown_labels(&self) -> Vec<ShownLabel> {
        self.labels.state.shown()
    }

    /// The label at a point of the canvas, as a hit of the layer `labels`.
    pub(super) fn label_at(&self, at_css: DVec2) -> Option<Hit> {
        let item = self.labels.state.at(at_css)?;
        let place = geodetic_from_ecef(item.ecef());
        let text = |id: &str, value: &str| (id.to_owned(), Value::Text(value.to_owned()));
        let label = &item.label;
        let mut properties = vec![text("id", &label.id)];
        properties.extend((!item.text.is_empty()).then(|| text("name", &item.text)));
        properties.extend(label.icon.as_ref().map(|icon| text("class", icon)));
        Some(Hit {
            layer: LABELS.to_owned(),
            feature_id: 0,
            properties,
            lon: place.lon(),
            lat: place.lat(),
            height_m: place.height_m,
        })
    }
}
