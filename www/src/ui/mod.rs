//! The page: one component per file, around one [`shell::Shell`] that they share.

mod bar;
mod browser;
mod controls;
mod daytime;
mod finder;
mod icon;
mod layers;
mod map;
mod opening;
mod panel;
mod search;
mod shell;
mod sight;
mod status;
mod thing;
mod whereabouts;

use leptos::prelude::*;
use shell::{Shell, WorkerUrls};
use wasm_bindgen::prelude::wasm_bindgen;

/// Puts the app into `#app`. The URLs are those of the decode workers' script and of the search worker's.
#[wasm_bindgen]
pub fn start(decode_worker_url: &str, search_worker_url: &str) {
    console_error_panic_hook::set_once();
    let shell = Shell::new(WorkerUrls { decode: decode_worker_url.into(), search: search_worker_url.into() });
    let root = browser::element_by_id("app").expect("index.html has #app");
    mount_to(root, move || view! { <App shell/> }).forget();
    opening::open_twin(shell);
}

#[component]
fn App(shell: Shell) -> impl IntoView {
    provide_context(shell);
    shell.keep_page_in_language();
    shell.follow_network();
    view! {
        <map::Map/>
        <div class="shell" data-panel=move || shell.panel_state()>
            <status::Bar/>
            <div class="column">
                <bar::Bar/>
                <opening::OpeningOrFault/>
                <panel::Panel/>
            </div>
            <status::Notes/>
            <controls::Controls/>
            <daytime::Daytime/>
            <status::Attribution/>
        </div>
    }
}
