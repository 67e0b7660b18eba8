//! The search worker, as the shell talks to it: one query at a time, the newest.

use super::shell::Shell;
use leptos::prelude::*;
use serde::Serialize;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, MessageEvent, Worker, WorkerOptions, WorkerType};

/// What is said to the worker and what it says; the worker's own file.
#[path = "../../../sdk/search-worker/src/protocol.rs"]
#[allow(dead_code)] // the shell does not read all that the worker says
mod protocol;

pub(super) use protocol::{Answer, Ask, Hit, Opened, Problem, Query, Reply};

/// How far the index has come.
#[derive(Clone, PartialEq)]
pub(super) enum Stage {
    /// Nobody has searched yet: nothing is loaded before it is wanted.
    Idle,
    Loading,
    Ready(Opened),
    Failed(Problem),
}

/// The search worker and what it has told.
#[derive(Clone, Copy)]
pub(super) struct Finder {
    pub(super) stage: RwSignal<Stage>,
    /// The newest answer.
    pub(super) answer: RwSignal<Answer>,
    worker: StoredValue<Option<Running>, LocalStorage>,
    /// Number of the last query.
    last: StoredValue<u32>,
}

struct Running {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

/// What the worker understands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Request<'a> {
    Open(&'a str),
    Ask(Ask),
    Cancel(u32),
    Retry(bool),
}

impl Finder {
    pub(super) fn new() -> Self {
        Self {
            stage: RwSignal::new(Stage::Idle),
            answer: RwSignal::new(Answer { complete: true, ..Answer::default() }),
            worker: StoredValue::new_local(None),
            last: StoredValue::new(0),
        }
    }

    /// Starts the worker on the city's index, unless it runs.
    pub(super) fn start(self, shell: Shell) {
        if !matches!(self.stage.get_untracked(), Stage::Idle | Stage::Failed(_)) {
            return;
        }
        let Some(city) = shell.city_untracked() else { return };
        let Some(root) = &city.twin.search else { return };
        let root = web_sys::Url::new_with_base(root, &city.url).map(|url| url.href()).unwrap_or_default();
        let script = shell.workers.with_value(|workers| workers.search.clone());
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let Ok(worker) = Worker::new_with_options(&script, &options) else { return self.fail("no worker", &script) };
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| self.hear(&event));
        let on_error = Closure::<dyn FnMut(Event)>::new(move |_| self.fail("the worker could not be started", &script));
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        self.worker.set_value(Some(Running { worker, _on_message: on_message, _on_error: on_error }));
        self.stage.set(Stage::Loading);
        self.say(&Request::Open(&root));
    }

    /// Asks; the query before this one is given up.
    pub(super) fn ask(self, query: Query) {
        let before = self.last.get_value();
        self.last.set_value(before.wrapping_add(1));
        self.say(&Request::Ask(Ask { id: self.last.get_value(), query }));
        // After the new one, so that what both need is fetched on.
        self.say(&Request::Cancel(before));
    }

    /// Lets the next query ask again for what did not come.
    pub(super) fn retry(self) {
        self.say(&Request::Retry(true));
    }

    /// Asks nothing any more.
    pub(super) fn forget(self) {
        self.say(&Request::Cancel(self.last.get_value()));
        self.answer.set(Answer { id: self.last.get_value(), complete: true, ..Answer::default() });
    }

    /// Whether the answer at hand is to the last query, not to one before it.
    pub(super) fn is_current(self) -> bool {
        self.answer.with(|answer| answer.id) == self.last.get_value()
    }

    /// Whether more is to come.
    pub(super) fn is_busy(self) -> bool {
        !self.answer.with(|answer| answer.complete) || !self.is_current()
    }

    fn say(self, request: &Request<'_>) {
        let Ok(text) = serde_json::to_string(request) else { return };
        self.worker.with_value(|running| {
            // Posting a text to a worker of our own cannot fail.
            let _ = running.as_ref().map(|running| running.worker.post_message(&text.into()));
        });
    }

    fn hear(self, event: &MessageEvent) {
        let reply = event.data().as_string().and_then(|text| serde_json::from_str(&text).ok());
        match reply {
            Some(Reply::Opened(opened)) => self.stage.set(Stage::Ready(opened)),
            Some(Reply::Failed(problem)) => {
                self.stage.set(Stage::Failed(problem));
                self.worker.set_value(None);
            }
            Some(Reply::Answer(answer)) => {
                // While the first ranges of a new query are fetched, the answer before it stays: nothing flickers.
                let empty_handed = answer.hits.is_empty() && !answer.complete;
                if answer.id == self.last.get_value() && !empty_handed {
                    self.answer.set(answer);
                }
            }
            None => self.fail("the worker said what the page does not understand", ""),
        }
    }

    fn fail(self, message: &str, place: &str) {
        let (code, message, place) = ("search-worker".to_owned(), message.to_owned(), place.to_owned());
        self.stage.set(Stage::Failed(Problem { code, message, place }));
    }
}
