//! The pool of decode workers: hands out loads, hears what became of them, replaces workers that die.
//!
//! A worker dies loudly (its script cannot be loaded, its decoder panics) or silently (the browser ends it, or a file
//! keeps its decoder busy for ever). The silent ones are found by asking: whoever has work and says nothing for half a
//! minute is dead. The jobs of a dead worker go to its successor, except one that has killed before.

use super::styles::Painted;
use super::timer::Timer;
use super::workers::Workers;
use crate::reply::{Decoded, Reply};
use crate::{Problem, ViewerError};
use citytwin_tiles::wire::{self, Wire};
use citytwin_tiles::{ContentInfo, ImageFormat, SubtreeDoc, TerrainDoc, TileContent, TilesetDoc, UpAxis, What};
use js_sys::{Reflect, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::{Closure, JsValue};
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, ImageBitmap, MessageEvent, Worker};

/// A worker that dies this often before it has said anything is not started again, until somebody asks.
const MOST_DEATHS: u32 = 3;
/// A job over which so many workers died is the culprit.
const MOST_KILLS: u8 = 2;
/// A job that was merely there when so many workers died is taken for it.
const MOST_WITNESSED: u8 = 4;
/// Workers with jobs are asked for a sign of life this often, milliseconds, and given up after so many of those.
const ASK_EVERY_MS: f64 = 5_000.0;
const MOST_UNANSWERED: u32 = 6;

/// A file to load.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) url: String,
    pub(super) what: Wanted,
    /// It was loaded before: the browser's copy will do, however old.
    pub(super) again: bool,
    /// Workers that died over it, and while it was waiting beside another.
    kills: u8,
    witnessed: u8,
}

impl Job {
    pub(super) fn new(id: u64, url: String, what: Wanted, again: bool) -> Self {
        Self { id, url, what, again, kills: 0, witnessed: 0 }
    }
}

/// What is to become of a file.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// Decoded.
    Tile {
        what: What,
        /// The axis that points up in its glTFs, where that is not y.
        gltf_up: Option<UpAxis>,
        /// The tile's geometric error, metres; 0 for what is no tile.
        error_m: f64,
    },
    /// Its bytes as they are.
    File,
    /// The picture that it is.
    Picture,
}

/// What became of a [`Job`].
pub(super) struct Loaded {
    pub(super) id: u64,
    /// Bytes of the file.
    pub(super) bytes: u64,
    pub(super) result: Result<Payload, Problem>,
    /// A failure that may pass by itself.
    pub(super) may_pass: bool,
}

/// What a file holds.
pub(super) enum Payload {
    Tileset(TilesetDoc),
    Subtree(SubtreeDoc),
    Terrain(TerrainDoc),
    Content(Box<ContentPayload>),
    File(Uint8Array),
    Picture(ImageBitmap),
}

/// Something to draw, with its bulk arrays left in JavaScript's memory.
pub(super) struct ContentPayload {
    pub(super) content: TileContent,
    pub(super) info: ContentInfo,
    pub(super) vertices: Uint8Array,
    pub(super) indices: Uint8Array,
    pub(super) properties: Uint8Array,
    /// Images that the GPU takes as they are.
    pub(super) images: Uint8Array,
    /// The others, as the browser has read them, by the number of the image; `None` for what it could not read.
    pub(super) bitmaps: Vec<Option<ImageBitmap>>,
    /// What the style of its layer says of it.
    pub(super) painted: Option<Painted>,
}

type OnLoaded = Rc<dyn Fn(Loaded)>;

struct Slot {
    worker: Worker,
    jobs: Vec<Job>,
    /// The job that its decoder is busy with.
    decoding: Option<u64>,
    /// In a row, before it said anything.
    deaths: u32,
    /// Questions since it last said something.
    unanswered: u32,
    /// Closed: its jobs fail.
    broken: Option<String>,
    _listeners: [Closure<dyn FnMut(Event)>; 2],
}

struct State {
    workers: Workers,
    /// A request that brings no byte for so long is given up, milliseconds.
    idle_ms: f64,
    module: Option<JsValue>,
    compiling: bool,
    /// Runs while there are jobs.
    watch: Option<Timer>,
    /// Compressed formats that the GPU takes.
    formats: Vec<ImageFormat>,
    slots: Vec<Slot>,
    on_loaded: OnLoaded,
}

/// The pool. Answers come through the callback, never from within a call of the pool.
pub(super) struct Pool {
    state: Rc<RefCell<State>>,
}

impl Pool {
    /// Starts `count` workers and, beside them, the compilation of their module. A request that brings no byte for
    /// `idle_ms` is given up.
    ///
    /// # Errors
    /// [`ViewerError::Browser`] when the browser starts no workers.
    pub(super) fn new(workers: Workers, count: usize, idle_ms: f64, on_loaded: OnLoaded) -> Result<Self, ViewerError> {
        let state = Rc::new(RefCell::new(State {
            workers,
            idle_ms,
            module: None,
            compiling: false,
            watch: None,
            formats: Vec::new(),
            slots: Vec::new(),
            on_loaded,
        }));
        for index in 0..count.max(1) {
            let slot = start_worker(&state, index, 0)?;
            state.borrow_mut().slots.push(slot);
        }
        compile_module(&state);
        Ok(Self { state })
    }

    /// Starts again what could not be started before: the server may be back.
    pub(super) fn revive(&self) {
        let broken: Vec<usize> = {
            let state = self.state.borrow();
            (0..state.slots.len()).filter(|i| state.slots[*i].broken.is_some()).collect()
        };
        if broken.is_empty() {
            return;
        }
        compile_module(&self.state);
        for index in broken {
            // A browser that refuses now leaves the worker as it is.
            if let Ok(slot) = start_worker(&self.state, index, 0) {
                self.state.borrow_mut().slots[index] = slot;
            }
        }
    }

    /// Compressed formats that the GPU takes, for textures of jobs to come.
    pub(super) fn set_formats(&self, formats: &[ImageFormat]) {
        self.state.borrow_mut().formats = formats.to_vec();
    }

    /// Gives a job to the worker that has the fewest.
    pub(super) fn load(&self, job: Job) {
        give(&self.state, job);
    }

    /// Stops a job. No answer comes any more.
    pub(super) fn abort(&self, id: u64) {
        let mut state = self.state.borrow_mut();
        for slot in &mut state.slots {
            if let Some(index) = slot.jobs.iter().position(|job| job.id == id) {
                slot.jobs.swap_remove(index);
                post(&slot.worker, &[("type", "abort".into()), ("id", (id as f64).into())]);
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.state.borrow_mut();
        state.watch = None;
        for slot in &state.slots {
            slot.worker.terminate();
        }
    }
}

/// Compiles the workers' module and hands it out, unless that is done or under way.
fn compile_module(state: &Rc<RefCell<State>>) {
    let wasm_url = {
        let mut state = state.borrow_mut();
        if state.module.is_some() || state.compiling {
            return;
        }
        state.compiling = true;
        state.workers.decode_wasm_url.clone()
    };
    let weak = Rc::downgrade(state);
    wasm_bindgen_futures::spawn_local(async move {
        let compiled = compile(&wasm_url).await;
        let Some(state) = weak.upgrade() else { return };
        state.borrow_mut().compiling = false;
        match compiled {
            Ok(module) => {
                state.borrow_mut().module = Some(module);
                state.borrow().slots.iter().for_each(|slot| send_module(&state.borrow(), slot));
            }
            Err(error) => {
                let message = format!("the decoder cannot be loaded from {wasm_url}: {}", text(&error));
                let count = state.borrow().slots.len();
                (0..count).for_each(|index| close(&state, index, &message));
            }
        }
    });
}

/// Asks workers with jobs for a sign of life, now and then.
fn watch(state: &Rc<RefCell<State>>) {
    if state.borrow().watch.is_some() {
        return;
    }
    let weak = Rc::downgrade(state);
    let timer = Timer::after(ASK_EVERY_MS, move || {
        if let Some(state) = weak.upgrade() {
            ask(&state);
        }
    });
    state.borrow_mut().watch = timer;
}

fn ask(state: &Rc<RefCell<State>>) {
    let dead: Vec<usize> = {
        let mut state = state.borrow_mut();
        state.watch = None;
        let busy = state.slots.iter_mut().enumerate().filter(|(_, slot)| !slot.jobs.is_empty());
        busy.filter_map(|(index, slot)| {
            slot.unanswered += 1;
            post(&slot.worker, &[("type", "ping".into())]);
            (slot.unanswered > MOST_UNANSWERED).then_some(index)
        })
        .collect()
    };
    for index in dead {
        let over = state.borrow().slots[index].decoding;
        died(state, index, over, "it says nothing any more");
    }
    if state.borrow().slots.iter().any(|slot| !slot.jobs.is_empty()) {
        watch(state);
    }
}

fn start_worker(state: &Rc<RefCell<State>>, index: usize, deaths: u32) -> Result<Slot, ViewerError> {
    let start = Rc::clone(&state.borrow().workers.decode);
    let worker = start().map_err(|error| ViewerError::Browser { what: "a decode worker", message: text(&error) })?;
    let weak = Rc::downgrade(state);
    let listen = |kind: &'static str, hear: fn(&Rc<RefCell<State>>, usize, &Event)| {
        let weak = weak.clone();
        let listener = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            if let Some(state) = weak.upgrade() {
                hear(&state, index, &event);
            }
        });
        worker.add_event_listener_with_callback(kind, listener.as_ref().unchecked_ref()).unwrap_throw();
        listener
    };
    let listeners = [
        listen("message", heard),
        listen("error", |state, index, event| {
            // It is told here; the console need not hear of it.
            event.prevent_default();
            let message = get(event, "message").as_string();
            let over = state.borrow().slots.get(index).and_then(|slot| slot.decoding);
            died(state, index, over, &message.unwrap_or_else(|| "its script cannot be loaded".into()));
        }),
    ];
    let slot =
        Slot { worker, jobs: Vec::new(), decoding: None, deaths, unanswered: 0, broken: None, _listeners: listeners };
    send_module(&state.borrow(), &slot);
    Ok(slot)
}

fn send_module(state: &State, slot: &Slot) {
    if let Some(module) = &state.module {
        post(&slot.worker, &[("type", "init".into()), ("module", module.clone())]);
    }
}

/// Compiles a module once, for all workers. Streaming where the server names the type of wasm.
async fn compile(url: &str) -> Result<JsValue, JsValue> {
    let window = web_sys::window().ok_or_else(|| JsValue::from_str("no window"))?;
    let streamed = js_sys::WebAssembly::compile_streaming(&window.fetch_with_str(url));
    if let Ok(module) = JsFuture::from(streamed).await {
        return Ok(module);
    }
    let response: web_sys::Response = JsFuture::from(window.fetch_with_str(url)).await?.dyn_into()?;
    if !response.ok() {
        return Err(JsValue::from_str(&format!("the server answered {}", response.status())));
    }
    let bytes = JsFuture::from(response.array_buffer()?).await?;
    JsFuture::from(js_sys::WebAssembly::compile(&bytes)).await
}

fn give(state: &Rc<RefCell<State>>, job: Job) {
    watch(state);
    let refused = {
        let mut state = state.borrow_mut();
        let cache = if job.again { "force-cache" } else { "default" };
        let mut message = vec![
            ("id", (job.id as f64).into()),
            ("url", job.url.as_str().into()),
            ("cache", cache.into()),
            ("idleMs", state.idle_ms.into()),
        ];
        match &job.what {
            Wanted::Tile { what, gltf_up, error_m } => {
                let mut options = wire::to_bytes(&state.formats);
                gltf_up.put(&mut options);
                error_m.put(&mut options);
                let what = wire::to_bytes(what);
                message.push(("type", "load".into()));
                message.push(("what", Uint8Array::from(what.as_slice()).into()));
                message.push(("options", Uint8Array::from(options.as_slice()).into()));
            }
            Wanted::File => message.push(("type", "file".into())),
            Wanted::Picture => message.push(("type", "picture".into())),
        }
        let free = state.slots.iter_mut().filter(|slot| slot.broken.is_none()).min_by_key(|slot| slot.jobs.len());
        match free {
            Some(slot) => {
                post(&slot.worker, &message);
                slot.jobs.push(job);
                return;
            }
            None => state.slots.iter().find_map(|slot| slot.broken.clone()).unwrap_or_default(),
        }
    };
    // Told in a turn of its own: the caller is in the middle of something.
    let on_loaded = Rc::clone(&state.borrow().on_loaded);
    wasm_bindgen_futures::spawn_local(async move {
        on_loaded(failed(&job, "worker-unavailable", refused, true));
    });
}

/// A message from a worker.
fn heard(state: &Rc<RefCell<State>>, index: usize, event: &Event) {
    let Some(message) = event.dyn_ref::<MessageEvent>() else { return };
    let data = message.data();
    if let Some(reason) = get(&data, "broken").as_string() {
        close(state, index, &reason);
        return;
    }
    if let Some(slot) = state.borrow_mut().slots.get_mut(index) {
        (slot.unanswered, slot.deaths) = (0, 0);
        if let Some(id) = get(&data, "decoding").as_f64() {
            slot.decoding = Some(id as u64);
        }
    }
    let Some(id) = get(&data, "id").as_f64().map(|id| id as u64) else { return };
    if let Some(reason) = get(&data, "crash").as_string() {
        died(state, index, Some(id), &reason);
        return;
    }
    let on_loaded = {
        let mut state = state.borrow_mut();
        let Some(slot) = state.slots.get_mut(index) else { return };
        slot.decoding = slot.decoding.filter(|decoding| *decoding != id);
        let Some(at) = slot.jobs.iter().position(|job| job.id == id) else { return };
        slot.jobs.swap_remove(at);
        Rc::clone(&state.on_loaded)
    };
    if !get(&data, "aborted").is_truthy() {
        on_loaded(read(id, &data));
    }
}

fn read(id: u64, data: &JsValue) -> Loaded {
    let bytes = get(data, "bytes").as_f64().unwrap_or_default() as u64;
    let problem = get(data, "problem");
    if problem.is_object() {
        let field = |name| get(&problem, name).as_string().unwrap_or_default();
        let may_pass = get(&problem, "mayPass").is_truthy();
        let result = Err(Problem::new(&field("code"), field("message"), field("place")));
        return Loaded { id, bytes, result, may_pass };
    }
    if let Ok(file) = get(data, "file").dyn_into::<Uint8Array>() {
        return Loaded { id, bytes, result: Ok(Payload::File(file)), may_pass: false };
    }
    if let Ok(bitmap) = get(data, "bitmap").dyn_into::<ImageBitmap>() {
        return Loaded { id, bytes, result: Ok(Payload::Picture(bitmap)), may_pass: false };
    }
    let array = |name| get(data, name).dyn_into::<Uint8Array>().unwrap_or_else(|_| Uint8Array::new_with_length(0));
    let reply: Reply = wire::from_bytes(&array("header").to_vec())
        .unwrap_or_else(|error| Err(Problem::new("worker-protocol", error.to_string(), "")));
    let result = reply.map(|decoded| match decoded {
        Decoded::Tileset(tileset) => Payload::Tileset(tileset),
        Decoded::Subtree(subtree) => Payload::Subtree(subtree),
        Decoded::Terrain(terrain) => Payload::Terrain(terrain),
        Decoded::Content(decoded) => {
            let (content, mut info) = *decoded;
            let bitmaps: js_sys::Array = get(data, "bitmaps").dyn_into().unwrap_or_default();
            let bitmaps: Vec<_> = bitmaps.iter().map(|bitmap| bitmap.dyn_into::<ImageBitmap>().ok()).collect();
            for (i, image) in content.images.iter().enumerate() {
                if image.format.mime().is_some() && bitmaps.get(i).is_none_or(Option::is_none) {
                    let message = "the browser cannot read this picture; the plain material is drawn";
                    info.problems.push(Problem::new("image-unreadable", message, format!("images[{i}]")));
                }
            }
            Payload::Content(Box::new(ContentPayload {
                content,
                info,
                vertices: array("vertices"),
                indices: array("indices"),
                properties: array("properties"),
                images: array("images"),
                bitmaps,
                painted: None,
            }))
        }
    });
    // A page in place of a file comes from something that stands between: a proxy, or a site being moved.
    let may_pass = matches!(&result, Err(problem) if problem.code == "html-instead-of-data");
    Loaded { id, bytes, result, may_pass }
}

/// A worker has died, over a job or by itself. Its jobs go to its successor, except those that bring death.
fn died(state: &Rc<RefCell<State>>, index: usize, over: Option<u64>, reason: &str) {
    let deaths = {
        let state = state.borrow();
        let Some(slot) = state.slots.get(index) else { return };
        slot.worker.terminate();
        // One that died over a job had been alive.
        if over.is_some() { 0 } else { slot.deaths + 1 }
    };
    if deaths >= MOST_DEATHS {
        close(state, index, &format!("the decode worker keeps dying: {reason}"));
        return;
    }
    let successor = match start_worker(state, index, deaths) {
        Ok(successor) => successor,
        Err(error) => return close(state, index, &error.to_string()),
    };
    let before = {
        let mut state = state.borrow_mut();
        std::mem::replace(&mut state.slots[index], successor)
    };
    for mut job in before.jobs {
        match over {
            Some(id) if id == job.id => job.kills += 1,
            Some(_) => {}
            None => job.witnessed += 1,
        }
        if job.kills >= MOST_KILLS || job.witnessed >= MOST_WITNESSED {
            let on_loaded = Rc::clone(&state.borrow().on_loaded);
            let message = format!("decoders die over this file: {reason}");
            on_loaded(failed(&job, "decoder-crashed", message, false));
        } else {
            give(state, job);
        }
    }
}

/// Closes a worker until somebody asks for it again; its jobs fail, the other workers go on.
fn close(state: &Rc<RefCell<State>>, index: usize, reason: &str) {
    let (jobs, on_loaded) = {
        let mut state = state.borrow_mut();
        let on_loaded = Rc::clone(&state.on_loaded);
        let Some(slot) = state.slots.get_mut(index) else { return };
        slot.worker.terminate();
        slot.broken = Some(reason.to_owned());
        (std::mem::take(&mut slot.jobs), on_loaded)
    };
    for job in jobs {
        on_loaded(failed(&job, "worker-unavailable", reason.to_owned(), true));
    }
}

fn failed(job: &Job, code: &str, message: String, may_pass: bool) -> Loaded {
    Loaded { id: job.id, bytes: 0, result: Err(Problem::new(code, message, job.url.clone())), may_pass }
}

pub(super) fn post(worker: &Worker, fields: &[(&str, JsValue)]) {
    let message = js_sys::Object::new();
    for (name, value) in fields {
        // Setting a field of a fresh plain object cannot fail.
        let _ = Reflect::set(&message, &JsValue::from_str(name), value);
    }
    // Posting fails only for values that cannot be cloned; these can.
    let _ = worker.post_message(&message);
}

pub(super) fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// The browser's words for an error.
pub(super) fn text(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => error.as_string().unwrap_or_else(|| "unknown".into()),
    }
}
