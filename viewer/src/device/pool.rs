//! The pool of decode workers: hands out loads, hears what became of them, replaces workers that die.

use super::styles::Painted;
use crate::reply::{Decoded, Reply};
use crate::{Problem, ViewerError};
use citytwin_tiles::{ContentInfo, ImageFormat, SubtreeDoc, TileContent, TilesetDoc, UpAxis, What};
use js_sys::{Reflect, Uint8Array};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::{Closure, JsValue};
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, ImageBitmap, MessageEvent, Worker, WorkerOptions, WorkerType};

/// A worker that dies this often without having finished anything is not started again.
const MOST_DEATHS: u32 = 3;

/// A file to load.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) url: String,
    pub(super) what: Wanted,
    /// It was loaded before: the browser's copy will do, however old.
    pub(super) again: bool,
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
}

/// What a file holds.
pub(super) enum Payload {
    Tileset(TilesetDoc),
    Subtree(SubtreeDoc),
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
    deaths: u32,
    /// Closed for good: its jobs fail.
    broken: Option<String>,
    _listeners: [Closure<dyn FnMut(Event)>; 2],
}

struct State {
    worker_url: String,
    module: Option<JsValue>,
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
    /// Starts `count` workers and, beside them, the compilation of their module.
    ///
    /// # Errors
    /// [`ViewerError::Browser`] when the browser starts no workers from this URL.
    pub(super) fn new(worker_url: &str, count: usize, on_loaded: OnLoaded) -> Result<Self, ViewerError> {
        let state = Rc::new(RefCell::new(State {
            worker_url: worker_url.to_owned(),
            module: None,
            formats: Vec::new(),
            slots: Vec::new(),
            on_loaded,
        }));
        for index in 0..count.max(1) {
            let slot = start_worker(&state, index, 0)?;
            state.borrow_mut().slots.push(slot);
        }
        let wasm_url = citytwin_tiles::resolve_url(worker_url, "decode_worker_bg.wasm");
        let weak = Rc::downgrade(&state);
        wasm_bindgen_futures::spawn_local(async move {
            let compiled = compile(&wasm_url).await;
            let Some(state) = weak.upgrade() else { return };
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
        Ok(Self { state })
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
        for slot in &self.state.borrow().slots {
            slot.worker.terminate();
        }
    }
}

fn start_worker(state: &Rc<RefCell<State>>, index: usize, deaths: u32) -> Result<Slot, ViewerError> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let url = state.borrow().worker_url.clone();
    let worker = Worker::new_with_options(&url, &options)
        .map_err(|error| ViewerError::Browser { what: "a decode worker", message: text(&error) })?;
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
            let message = get(event, "message").as_string();
            died(state, index, None, &message.unwrap_or_else(|| "its script cannot be loaded".into()));
        }),
    ];
    let slot = Slot { worker, jobs: Vec::new(), deaths, broken: None, _listeners: listeners };
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
    let refused = {
        let mut state = state.borrow_mut();
        let cache = if job.again { "force-cache" } else { "default" };
        let mut message =
            vec![("id", (job.id as f64).into()), ("url", job.url.as_str().into()), ("cache", cache.into())];
        match &job.what {
            Wanted::Tile { what, gltf_up, error_m } => {
                let options = postcard::to_allocvec(&(&state.formats, gltf_up, error_m)).unwrap_or_default();
                let what = postcard::to_allocvec(what).unwrap_or_default();
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
        on_loaded(failed(&job, "worker-unavailable", refused));
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
    let Some(id) = get(&data, "id").as_f64().map(|id| id as u64) else { return };
    if let Some(reason) = get(&data, "crash").as_string() {
        died(state, index, Some(id), &reason);
        return;
    }
    let on_loaded = {
        let mut state = state.borrow_mut();
        let Some(slot) = state.slots.get_mut(index) else { return };
        let Some(at) = slot.jobs.iter().position(|job| job.id == id) else { return };
        slot.jobs.swap_remove(at);
        slot.deaths = 0;
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
        return Loaded { id, bytes, result: Err(Problem::new(&field("code"), field("message"), field("place"))) };
    }
    if let Ok(file) = get(data, "file").dyn_into::<Uint8Array>() {
        return Loaded { id, bytes, result: Ok(Payload::File(file)) };
    }
    if let Ok(bitmap) = get(data, "bitmap").dyn_into::<ImageBitmap>() {
        return Loaded { id, bytes, result: Ok(Payload::Picture(bitmap)) };
    }
    let array = |name| get(data, name).dyn_into::<Uint8Array>().unwrap_or_else(|_| Uint8Array::new_with_length(0));
    let reply: Reply = postcard::from_bytes(&array("header").to_vec())
        .unwrap_or_else(|error| Err(Problem::new("worker-protocol", error.to_string(), "")));
    let result = reply.map(|decoded| match decoded {
        Decoded::Tileset(tileset) => Payload::Tileset(tileset),
        Decoded::Subtree(subtree) => Payload::Subtree(subtree),
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
    Loaded { id, bytes, result }
}

/// A worker has died, over a job or by itself. The job is reported, the others go to its successor.
fn died(state: &Rc<RefCell<State>>, index: usize, over: Option<u64>, reason: &str) {
    let deaths = {
        let state = state.borrow();
        let Some(slot) = state.slots.get(index) else { return };
        slot.worker.terminate();
        slot.deaths + 1
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
    for job in before.jobs {
        if over == Some(job.id) {
            let on_loaded = Rc::clone(&state.borrow().on_loaded);
            on_loaded(failed(&job, "decoder-crashed", format!("the decoder died over this file: {reason}")));
        } else {
            give(state, job);
        }
    }
}

/// Closes a worker for good; its jobs fail, the other workers go on.
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
        on_loaded(failed(&job, "worker-unavailable", reason.to_owned()));
    }
}

fn failed(job: &Job, code: &str, message: String) -> Loaded {
    Loaded { id: job.id, bytes: 0, result: Err(Problem::new(code, message, job.url.clone())) }
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
