//! Styles of layers: compiled and evaluated in a worker of their own, which is started when somebody first sets one.
//!
//! A tile that arrives is styled before the engine hears of it, so that it is never drawn as it must not be. When a
//! style changes, the tiles that are there keep their look until all of them are styled anew, and change together.

use super::core::Core;
use super::pool::{ContentPayload, Loaded, Payload, get, post, text};
use super::workers::Workers;
use crate::feature_rows::FeatureRows;
use crate::oneshot::Sender;
use crate::style_rows::Rows;
use crate::{Event as ViewerEvent, Problem};
use citytwin_tiles::{Column, PropertyTable, TileContent, TileId, TilesetId, wire};
use js_sys::{Array, Float64Array, Uint8Array};
use litemap::LiteMap;
use std::collections::VecDeque;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue};
use web_sys::{Event, MessageEvent, Worker};

/// The worker has at most this many tiles at a time: what is no longer wanted need not be waited for.
const MOST_RUNNING: usize = 6;
/// Most bytes of the properties that a style reads of one tile.
const MOST_PART_BYTES: u32 = 1 << 29;
/// Different problems of one style that are told; a style that fails everywhere fails the same way.
const MOST_PROBLEMS: usize = 20;

/// What a style worker has said.
pub(super) struct Answer(JsValue);

type OnAnswer = Rc<dyn Fn(Answer)>;

/// Whoever waits for a style hears whether it was understood, once it is on the screen.
type Waiter = Sender<Result<(), Problem>>;

/// What a style says of a tile.
pub(super) struct Painted {
    style: u32,
    rows: Rows,
    bytes: Vec<u8>,
}

impl Painted {
    pub(super) fn onto(self, features: &mut FeatureRows) {
        features.paint(self.rows, self.bytes);
    }
}

struct LayerStyle {
    tileset: TilesetId,
    number: u32,
    /// What it reads, and whether it may read anything else.
    reads: Rc<(Vec<String>, bool)>,
    /// Tiles that are being styled anew, and those that are ready.
    left: usize,
    ready: Vec<(TileId, Painted)>,
    waiters: Vec<Waiter>,
    problems: Vec<Problem>,
}

enum What {
    /// A tile that has just arrived.
    Arrival(Box<Loaded>),
    /// One that is there.
    Repaint,
}

struct Job {
    tile: TileId,
    style: u32,
    what: What,
}

struct StyleWorker {
    worker: Worker,
    _listeners: [Closure<dyn FnMut(Event)>; 2],
}

impl Drop for StyleWorker {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

/// All styles of a viewer.
pub(super) struct Styles {
    workers: Workers,
    on_answer: OnAnswer,
    worker: Option<StyleWorker>,
    last_number: u32,
    /// Layer, number and waiter of styles that are being compiled.
    compiling: LiteMap<u32, (String, Waiter)>,
    layers: Vec<LayerStyle>,
    queue: VecDeque<Job>,
    running: LiteMap<u32, (Job, Rows)>,
}

impl Styles {
    /// Answers come through `on_answer`, never from within a call.
    pub(super) fn new(workers: Workers, on_answer: OnAnswer) -> Self {
        Self {
            workers,
            on_answer,
            worker: None,
            last_number: 0,
            compiling: LiteMap::new(),
            layers: Vec::new(),
            queue: VecDeque::new(),
            running: LiteMap::new(),
        }
    }

    fn number(&mut self) -> u32 {
        self.last_number += 1;
        self.last_number
    }

    fn of(&self, tileset: TilesetId) -> Option<&LayerStyle> {
        self.layers.iter().find(|layer| layer.tileset == tileset)
    }

    /// Whether a layer has a style.
    pub(super) fn has(&self, tileset: TilesetId) -> bool {
        self.of(tileset).is_some()
    }

    fn numbered(&mut self, number: u32) -> Option<&mut LayerStyle> {
        self.layers.iter_mut().find(|layer| layer.number == number)
    }

    /// The worker, started if need be.
    fn worker(&mut self) -> Result<&Worker, Problem> {
        if self.worker.is_none() {
            self.worker = Some(start(&self.workers, &self.on_answer)?);
        }
        self.worker.as_ref().map(|worker| &worker.worker).ok_or_else(|| broken("it was not started"))
    }

    fn compile(&mut self, layer: &str, json: &str, waiter: Waiter) {
        let number = self.number();
        match self.worker() {
            Ok(worker) => {
                post(worker, &[("style", number.into()), ("json", json.into())]);
                self.compiling.insert(number, (layer.to_owned(), waiter));
            }
            Err(problem) => waiter.send(Err(problem)),
        }
    }

    fn forget(&mut self, tileset: TilesetId) -> Vec<Waiter> {
        let Some(index) = self.layers.iter().position(|layer| layer.tileset == tileset) else { return Vec::new() };
        let layer = self.layers.remove(index);
        if let Some(worker) = &self.worker {
            post(&worker.worker, &[("drop", layer.number.into())]);
        }
        layer.waiters
    }
}

impl Core {
    /// Sets the style of a layer, a JSON text, or none. The waiter hears when it is on the screen, or what is wrong.
    pub(super) fn set_style(&mut self, layer: &str, json: Option<&str>, waiter: Waiter) {
        let Some(tileset) = self.layers.iter().find(|state| state.id == layer).map(|state| state.tileset) else {
            waiter.send(Err(Problem::new("layer", format!("there is no layer {layer:?}"), layer)));
            return;
        };
        // Whoever waits for an older style of it is overtaken.
        let older: Vec<u32> =
            self.styles.compiling.iter().filter(|(_, (id, _))| id == layer).map(|(number, _)| *number).collect();
        for number in older {
            if let Some((_, waiter)) = self.styles.compiling.remove(&number) {
                waiter.send(Ok(()));
            }
        }
        match json {
            Some(json) => self.styles.compile(layer, json, waiter),
            None => {
                self.styles.forget(tileset).into_iter().for_each(|waiter| waiter.send(Ok(())));
                self.unstyle(tileset);
                waiter.send(Ok(()));
            }
        }
    }

    /// A layer that goes takes its style along.
    pub(super) fn drop_style(&mut self, tileset: TilesetId) {
        self.styles.forget(tileset).into_iter().for_each(|waiter| waiter.send(Ok(())));
    }

    fn unstyle(&mut self, tileset: TilesetId) {
        for tile in self.tiles.iter_mut().flatten().filter(|tile| tile.tileset == tileset) {
            let before = tile.heap_bytes();
            tile.unpaint();
            self.stats.heap_bytes = self.stats.heap_bytes + tile.heap_bytes() - before;
        }
        self.features_changed();
        self.free_idle_features();
    }

    /// A loaded tile, unless it must be styled first: then it comes back when it is.
    pub(super) fn styled_first(&mut self, mut loaded: Loaded) -> Option<Loaded> {
        let Ok(Payload::Content(payload)) = &mut loaded.result else { return Some(loaded) };
        let Some(tile) = self.requests.get(&loaded.id).and_then(|asked| asked.tile) else { return Some(loaded) };
        let style = self.engine.tile(tile).and_then(|info| self.styles.of(info.tileset)).map(|layer| layer.number);
        if payload.painted.as_ref().map(|painted| painted.style) == style {
            return Some(loaded);
        }
        payload.painted = None;
        let Some(style) = style else { return Some(loaded) };
        // Before tiles that are seen already.
        self.styles.queue.push_front(Job { tile, style, what: What::Arrival(Box::new(loaded)) });
        self.run_style_jobs();
        None
    }

    fn run_style_jobs(&mut self) {
        while self.styles.running.len() < MOST_RUNNING {
            let Some(job) = self.styles.queue.pop_front() else { return };
            if let Some(back) = self.run_style_job(job) {
                self.without_style(back);
            }
        }
    }

    /// Hands a job to the worker; gives it back when there is nothing to be done.
    fn run_style_job(&mut self, job: Job) -> Option<Job> {
        let reads = match self.styles.numbered(job.style) {
            Some(layer) => Rc::clone(&layer.reads),
            None => return Some(job),
        };
        let (content, properties, ecef_from_tile) = match &job.what {
            What::Arrival(loaded) => {
                let (Ok(Payload::Content(payload)), Some(info)) = (&loaded.result, self.engine.tile(job.tile)) else {
                    return Some(job);
                };
                let ContentPayload { content, properties, .. } = &**payload;
                (content, properties, info.ecef_from_tile)
            }
            What::Repaint => match self.tiles.get(job.tile.0 as usize).and_then(Option::as_deref) {
                Some(tile) => (&tile.content, tile.properties(), tile.ecef_from_tile()),
                None => return Some(job),
            },
        };
        let Some(rows) = Rows::of(content, &reads.0) else { return Some(job) };
        let vertices = || match &job.what {
            What::Arrival(loaded) => match &loaded.result {
                Ok(Payload::Content(payload)) => Some(payload.vertices.clone()),
                _ => None,
            },
            What::Repaint => Some(self.tiles.get(job.tile.0 as usize)?.as_deref()?.vertices(&self.gl)),
        };
        let vertices = rows.points.iter().any(Option::is_some).then(vertices).flatten();
        let vertices = vertices.unwrap_or_else(|| Uint8Array::new_with_length(0));
        let (header, properties) = read_part(content, properties, &reads);
        let number = self.styles.number();
        let matrix = Float64Array::from(&ecef_from_tile.to_cols_array()[..]);
        let fields: [(&str, JsValue); 7] = [
            ("style", job.style.into()),
            ("content", Uint8Array::from(header.as_slice()).into()),
            ("properties", properties.into()),
            ("vertices", vertices.into()),
            ("ecefFromTile", matrix.into()),
            ("timeMs", super::shared::now_ms().into()),
            ("job", number.into()),
        ];
        match self.styles.worker() {
            Ok(worker) => post(worker, &fields),
            Err(problem) => {
                self.events.push(ViewerEvent::Problem(problem));
                return Some(job);
            }
        }
        self.styles.running.insert(number, (job, rows));
        None
    }

    /// Goes on with a tile of which no style says anything.
    fn without_style(&mut self, job: Job) {
        match job.what {
            // If its layer has another style by now, it is caught again.
            What::Arrival(loaded) => self.sort_in(*loaded),
            What::Repaint => self.repainted(job.tile, job.style, None),
        }
    }

    fn repainted(&mut self, tile: TileId, style: u32, painted: Option<Painted>) {
        let Some(layer) = self.styles.numbered(style) else { return };
        layer.ready.extend(painted.map(|painted| (tile, painted)));
        layer.left = layer.left.saturating_sub(1);
        if layer.left == 0 {
            self.show_style(style);
        }
    }

    /// All tiles that are there change together.
    fn show_style(&mut self, style: u32) {
        let Some(layer) = self.styles.numbered(style) else { return };
        let tileset = layer.tileset;
        let (ready, waiters) = (std::mem::take(&mut layer.ready), std::mem::take(&mut layer.waiters));
        for (id, painted) in ready {
            let tile = self.tiles.get_mut(id.0 as usize).and_then(Option::as_deref_mut);
            if let Some(tile) = tile.filter(|tile| tile.tileset == tileset) {
                let before = tile.heap_bytes();
                painted.onto(&mut tile.features);
                self.stats.heap_bytes = self.stats.heap_bytes + tile.heap_bytes() - before;
            }
        }
        self.features_changed();
        waiters.into_iter().for_each(|waiter| waiter.send(Ok(())));
    }

    /// A message of the style worker.
    pub(super) fn style_answered(&mut self, answer: &Answer) {
        let data = &answer.0;
        if let Some(reason) = get(data, "broken").as_string() {
            return self.style_worker_broke(&reason);
        }
        let problems = problems_of(&get(data, "problems"));
        if let Some(number) = get(data, "style").as_f64() {
            let names = items(&get(data, "properties")).filter_map(|name| name.as_string()).collect();
            self.style_compiled(number as u32, (names, get(data, "any").is_truthy()), problems);
        } else if let Some(number) = get(data, "job").as_f64() {
            self.tile_styled(number as u32, &get(data, "rows"), problems);
        }
        self.run_style_jobs();
    }

    fn style_compiled(&mut self, number: u32, reads: (Vec<String>, bool), problems: Vec<Problem>) {
        let Some((id, waiter)) = self.styles.compiling.remove(&number) else { return };
        if let Some(problem) = problems.into_iter().next() {
            waiter.send(Err(problem));
            return;
        }
        let Some(tileset) = self.layers.iter().find(|layer| layer.id == id).map(|layer| layer.tileset) else { return };
        let mut waiters = self.styles.forget(tileset);
        waiters.push(waiter);
        self.take_in_waiting(tileset);
        // Those on the screen first.
        let of_layer = self.tiles.iter().flatten().filter(|tile| tile.tileset == tileset).map(|tile| tile.id);
        let (mut tiles, others): (Vec<TileId>, Vec<TileId>) = of_layer.partition(|id| self.drawn.contains(id));
        tiles.extend(others);
        let left = tiles.len();
        self.styles.layers.push(LayerStyle {
            tileset,
            number,
            reads: Rc::new(reads),
            left,
            ready: Vec::new(),
            waiters,
            problems: Vec::new(),
        });
        self.styles.queue.extend(tiles.into_iter().map(|tile| Job { tile, style: number, what: What::Repaint }));
        if left == 0 {
            self.show_style(number);
        }
    }

    fn tile_styled(&mut self, number: u32, bytes: &JsValue, problems: Vec<Problem>) {
        let Some((job, rows)) = self.styles.running.remove(&number) else { return };
        if let Some(layer) = self.styles.numbered(job.style) {
            for problem in problems {
                if layer.problems.len() < MOST_PROBLEMS && !layer.problems.contains(&problem) {
                    layer.problems.push(problem.clone());
                    self.events.push(ViewerEvent::Problem(problem));
                }
            }
        }
        let bytes = bytes.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec).unwrap_or_default();
        let painted = Painted { style: job.style, rows, bytes };
        match job.what {
            What::Repaint => self.repainted(job.tile, job.style, Some(painted)),
            What::Arrival(mut loaded) => {
                if let Ok(Payload::Content(payload)) = &mut loaded.result {
                    payload.painted = Some(painted);
                }
                self.sort_in(*loaded);
            }
        }
    }

    /// Without the worker there are no styles: what waits for it goes on without, and the next style starts another.
    fn style_worker_broke(&mut self, reason: &str) {
        let problem = broken(reason);
        self.styles.worker = None;
        for (_, (_, waiter)) in std::mem::take(&mut self.styles.compiling) {
            waiter.send(Err(problem.clone()));
        }
        let layers = std::mem::take(&mut self.styles.layers);
        let jobs = std::mem::take(&mut self.styles.running).into_iter().map(|(_, (job, _))| job);
        let jobs: Vec<Job> = jobs.chain(std::mem::take(&mut self.styles.queue)).collect();
        for layer in layers {
            self.unstyle(layer.tileset);
            layer.waiters.into_iter().for_each(|waiter| waiter.send(Err(problem.clone())));
        }
        jobs.into_iter().for_each(|job| self.without_style(job));
        self.events.push(ViewerEvent::Problem(problem));
    }
}

/// What the worker must know of a content, and the property bytes that go with it: of tables, the columns that the style
/// reads. A city's tables have dozens; a style reads one or two.
fn read_part(content: &TileContent, properties: &Uint8Array, reads: &(Vec<String>, bool)) -> (Vec<u8>, Uint8Array) {
    if reads.1 {
        return (wire::to_bytes(content), properties.clone());
    }
    let columns = content.tables.iter().map(|table| {
        let is_read = |column: &&Column| reads.0.contains(&column.id);
        table.columns.iter().filter(is_read).cloned().collect::<Vec<_>>()
    });
    let mut columns: Vec<Vec<Column>> = columns.collect();
    let ranges = || columns.iter().flatten().flat_map(|column| [column.values, column.string_offsets]);
    let lengths: u32 = ranges().map(|(start, end)| end.saturating_sub(start)).fold(0, u32::saturating_add);
    let part = Uint8Array::new_with_length(lengths.min(MOST_PART_BYTES));
    let mut at = 0_u32;
    for range in columns.iter_mut().flatten().flat_map(|column| [&mut column.values, &mut column.string_offsets]) {
        let bytes = properties.subarray(range.0, range.1.max(range.0));
        let taken = (at, at.saturating_add(bytes.length()));
        if taken.1 <= part.length() {
            part.set(&bytes, at);
            (*range, at) = (taken, taken.1);
        } else {
            *range = (0, 0);
        }
    }
    let tables = content.tables.iter().zip(columns).map(|(table, columns)| PropertyTable {
        class: table.class.clone(),
        count: table.count,
        columns,
        hierarchy: table.hierarchy.clone(),
    });
    let header = TileContent {
        primitives: content.primitives.clone(),
        property_attributes: content.property_attributes.clone(),
        tables: tables.collect(),
        ..TileContent::default()
    };
    (wire::to_bytes(&header), part)
}

fn broken(reason: &str) -> Problem {
    Problem::new("style-worker", format!("styles cannot be evaluated: {reason}"), "style")
}

fn problems_of(told: &JsValue) -> Vec<Problem> {
    let problem = |told: JsValue| {
        let field = |name| get(&told, name).as_string().unwrap_or_default();
        Problem::new(&field("code"), field("message"), field("place"))
    };
    items(told).map(problem).collect()
}

/// The items of a list; none of what is no list.
fn items(list: &JsValue) -> impl Iterator<Item = JsValue> {
    let list = list.dyn_ref::<Array>().cloned();
    list.into_iter().flat_map(|list| list.to_vec())
}

fn start(workers: &Workers, on_answer: &OnAnswer) -> Result<StyleWorker, Problem> {
    let worker = (workers.style)().map_err(|error| broken(&text(&error)))?;
    let listen = |kind: &str, read: fn(&Event) -> JsValue| {
        let on_answer = Rc::clone(on_answer);
        let listener = Closure::<dyn FnMut(Event)>::new(move |event: Event| on_answer(Answer(read(&event))));
        let added = worker.add_event_listener_with_callback(kind, listener.as_ref().unchecked_ref());
        added.map(|()| listener).map_err(|error| broken(&text(&error)))
    };
    let listeners = [
        listen("message", |event| event.dyn_ref::<MessageEvent>().map_or(JsValue::UNDEFINED, MessageEvent::data))?,
        listen("error", |event| {
            let reason = get(event, "message").as_string();
            let told = js_sys::Object::new();
            let reason = reason.unwrap_or_else(|| "its script cannot be loaded".into());
            // Setting a field of a fresh plain object cannot fail.
            let _ = js_sys::Reflect::set(&told, &"broken".into(), &reason.into());
            told.into()
        })?,
    ];
    Ok(StyleWorker { worker, _listeners: listeners })
}
