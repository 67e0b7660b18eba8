//! The page: one component per file, around one [`shell::Shell`] that they share.

mod bar;
mod browser;
mod controls;
mod icon;
mod layers;
mod map;
mod opening;
mod panel;
mod search;
mod shell;
mod status;
mod thing;

use leptos::prelude::*;
use shell::Shell;
use wasm_bindgen::prelude::wasm_bindgen;

/// Puts the app into `#app`. `worker_url` is that of the decode workers' script.
#[wasm_bindgen]
pub fn start(worker_url: &str) {
    console_error_panic_hook::set_once();
    let shell = Shell::new(worker_url);
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
            <status::Attribution/>
        </div>
    }
}
