//! How a viewer starts its workers: where their scripts and modules lie is the host's business.

use citytwin_tiles::resolve_url;
use std::rc::Rc;
use wasm_bindgen::prelude::JsValue;
use web_sys::{Worker, WorkerOptions, WorkerType};

/// Starts a worker; the error is the browser's.
type Start = Rc<dyn Fn() -> Result<Worker, JsValue>>;

/// Where the workers of a viewer come from.
#[derive(Clone)]
pub struct Workers {
    /// Starts a decode worker, whose script is `worker.js`.
    pub decode: Start,
    /// Absolute URL of the decode workers' wasm module.
    pub decode_wasm_url: String,
    /// Starts the style worker, whose script is `style-worker.js`.
    pub style: Start,
}

impl Workers {
    /// Those whose files lie beside a `worker.js`, as the build puts them. `worker_url` is absolute.
    pub fn beside(worker_url: &str) -> Self {
        let start = |url: String| -> Start {
            Rc::new(move || {
                let options = WorkerOptions::new();
                options.set_type(WorkerType::Module);
                Worker::new_with_options(&url, &options)
            })
        };
        Self {
            decode: start(worker_url.to_owned()),
            decode_wasm_url: resolve_url(worker_url, "decode_worker_bg.wasm"),
            style: start(resolve_url(worker_url, "style-worker.js")),
        }
    }
}
