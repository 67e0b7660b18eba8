//! Compass, zoom and home, bottom right.

use super::icon::{self, Icon};
use super::shell::shell;
use crate::words::Words;
use citytwin_viewer::Viewer;
use leptos::prelude::*;

/// One press of a zoom button takes the distance to the target times, or through, this.
const ZOOM_STEP: f64 = 1.6;

#[component]
pub(super) fn Controls() -> impl IntoView {
    let shell = shell();
    let heading_deg = Memo::new(move |_| shell.view.get().map_or(0.0, |view| view.heading_deg));
    let compass_label = move || match heading_deg.get().rem_euclid(360.0).round() as i32 % 360 {
        0 => shell.words().north_up.to_owned(),
        heading => (shell.words().north_up_from)(heading),
    };
    view! {
        <Show when=move || shell.city().is_some()>
            <div class="controls" role="group" aria-label=move || shell.words().camera>
                <button
                    id="compass-button" class="tool tool--round card" type="button"
                    on:click=move |_| shell.with_viewer(Viewer::north_up)
                    aria-label=compass_label title=move || shell.words().north_up
                >
                    <span class="needle" style:transform=move || format!("rotate({:.1}deg)", -heading_deg.get())>
                        {icon::COMPASS.view()}
                    </span>
                </button>
                <div class="controls__stack card">
                    <Tool id="zoom-in-button" icon=icon::PLUS label=|w| w.zoom_in act=|viewer| viewer.zoom_by(1.0 / ZOOM_STEP)/>
                    <Tool id="zoom-out-button" icon=icon::MINUS label=|w| w.zoom_out act=|viewer| viewer.zoom_by(ZOOM_STEP)/>
                    <Tool id="home-button" icon=icon::HOME label=|w| w.home act=Viewer::home/>
                </div>
            </div>
        </Show>
    }
}

#[component]
fn Tool(id: &'static str, icon: Icon, label: fn(&Words) -> &'static str, act: fn(&Viewer)) -> impl IntoView {
    let shell = shell();
    view! {
        <button
            id=id class="tool" type="button" on:click=move |_| shell.with_viewer(act)
            aria-label=move || label(shell.words()) title=move || label(shell.words())
        >
            {icon.view()}
        </button>
    }
}
