//! The one panel: below the search box on a laptop, a bottom sheet with three stops on a phone.

use super::browser;
use super::icon;
use super::layers;
use super::shell::{Content, Shell, shell};
use super::status;
use super::thing;
use crate::facts::{self, Facts};
use crate::sheet::{self, Drag};
use leptos::ev::{KeyboardEvent, MouseEvent, PointerEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// A drag under way.
#[derive(Clone, Copy)]
struct Held {
    start_y_px: f64,
    start_height_px: f64,
    last_y_px: f64,
    last_ms: f64,
    speed_px_per_ms: f64,
}

#[component]
pub(super) fn Panel() -> impl IntoView {
    let shell = shell();
    let escape = window_event_listener(leptos::ev::keydown, move |event| {
        if event.key() == "Escape" && shell.panel.with_untracked(Option::is_some) {
            shell.close_panel();
        }
    });
    on_cleanup(move || escape.remove());
    // Only whether there is a panel: new contents slide no new sheet in.
    let is_open = Memo::new(move |_| shell.panel.with(Option::is_some));
    view! { <Show when=move || is_open.get()><Sheet/></Show> }
}

#[component]
fn Sheet() -> impl IntoView {
    let shell = shell();
    let sheet = NodeRef::<leptos::html::Section>::new();
    let held = RwSignal::new(None::<Held>);
    let dragged_px = RwSignal::new(None::<f64>);

    let grab = move |event: PointerEvent| {
        // On a laptop the panel is no sheet, and its handle has no size.
        let is_sheet = browser::element_by_id("sheet-handle").is_some_and(|handle| handle.offset_height() > 0);
        let (Some(sheet), true) = (sheet.get_untracked(), is_sheet) else { return };
        if let Some(target) = event.current_target().and_then(|t| t.dyn_into::<web_sys::Element>().ok()) {
            let _ = target.set_pointer_capture(event.pointer_id());
        }
        let y_px = f64::from(event.client_y());
        held.set(Some(Held {
            start_y_px: y_px,
            start_height_px: sheet.get_bounding_client_rect().height(),
            last_y_px: y_px,
            last_ms: event.time_stamp(),
            speed_px_per_ms: 0.0,
        }));
    };
    let drag = move |event: PointerEvent| {
        let Some(mut now) = held.get_untracked() else { return };
        let y_px = f64::from(event.client_y());
        let elapsed_ms = (event.time_stamp() - now.last_ms).max(1.0);
        now.speed_px_per_ms = (now.last_y_px - y_px) / elapsed_ms;
        (now.last_y_px, now.last_ms) = (y_px, event.time_stamp());
        held.set(Some(now));
        dragged_px.set(Some((now.start_height_px + now.start_y_px - y_px).max(0.0)));
    };
    let release = move |event: PointerEvent| {
        let Some(last) = held.get_untracked() else { return };
        held.set(None);
        dragged_px.set(None);
        let up_px = last.start_y_px - f64::from(event.client_y());
        let drag = Drag {
            from: shell.stop.get_untracked(),
            height: (last.start_height_px + up_px) / browser::window_height(),
            up_px,
            // A finger that rested before it let go did not flick.
            speed_px_per_ms: if event.time_stamp() - last.last_ms > 80.0 { 0.0 } else { last.speed_px_per_ms },
        };
        match sheet::settle(drag) {
            Some(stop) => shell.stop.set(stop),
            None => shell.close_panel(),
        }
    };
    let cancel = move |_| {
        held.set(None);
        dragged_px.set(None);
    };
    let keys = move |event: KeyboardEvent| match event.key().as_str() {
        "ArrowUp" => shell.stop.update(|stop| *stop = stop.up()),
        "ArrowDown" => shell.stop.update(|stop| *stop = stop.down()),
        _ => {}
    };
    // A finger's tap has been a drag of no length already; keys and screen readers click without a pointer.
    let press = move |event: MouseEvent| {
        if event.detail() == 0 {
            shell.stop.update(|stop| *stop = stop.next());
        }
    };
    view! {
        <section
            id="panel" class="panel card" node_ref=sheet aria-labelledby="panel-title"
            data-stop=move || shell.stop.get().name()
            class:panel--held=move || dragged_px.get().is_some()
            style:height=move || dragged_px.get().map(|px| format!("{px:.0}px")).unwrap_or_default()
        >
            <header
                class="panel__head" on:pointerdown=grab on:pointermove=drag on:pointerup=release on:pointercancel=cancel
            >
                <button
                    id="sheet-handle" class="panel__handle" type="button" on:keydown=keys on:click=press
                    aria-label=move || shell.words().resize_panel
                ></button>
                <Heading/>
                <button
                    id="panel-close" class="tool" type="button" on:click=move |_| shell.close_panel()
                    on:pointerdown=|event| event.stop_propagation()
                    aria-label=move || shell.words().close title=move || shell.words().close
                >
                    {icon::CLOSE.view()}
                </button>
            </header>
            <div class="panel__body">
                {move || match shell.panel.get() {
                    Some(Content::Layers) => layers::view(shell),
                    Some(Content::Problems) => status::problems(shell),
                    Some(Content::Feature(hit)) => thing::view(shell, hit.lon, hit.lat, facts_shown(shell)),
                    Some(Content::Place(place)) => thing::view(shell, place.lon, place.lat, facts_shown(shell)),
                    None => ().into_any(),
                }}
            </div>
        </section>
    }
}

/// What the panel is about, and one line below it.
#[component]
fn Heading() -> impl IntoView {
    let shell = shell();
    let title_and_line = move || match shell.panel.get() {
        Some(Content::Layers) => (shell.words().layers.to_owned(), shell.words().layers_hint.to_owned()),
        Some(Content::Problems) => ((shell.words().parts_missing)(shell.problems.with(Vec::len)), String::new()),
        Some(Content::Feature(_) | Content::Place(_)) => {
            let facts = facts_shown(shell);
            (facts.heading, facts.kind)
        }
        None => (String::new(), String::new()),
    };
    view! {
        <div class="panel__title">
            <h2 id="panel-title" dir="auto" tabindex="-1">{move || title_and_line().0}</h2>
            <p dir="auto">{move || title_and_line().1}</p>
        </div>
    }
}

/// The facts of the thing that the panel shows, in the current language.
fn facts_shown(shell: Shell) -> Facts {
    let (Some(twin), lang) = (shell.twin(), shell.lang.get()) else { return Facts::default() };
    match shell.panel.get() {
        Some(Content::Feature(hit)) => facts::of_hit(&hit, &twin, lang),
        Some(Content::Place(place)) => facts::of_place(&place, &twin, lang),
        _ => Facts::default(),
    }
}
