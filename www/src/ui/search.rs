//! The search box and its results: a combobox over the city's list of places.

use super::browser;
use super::icon;
use super::opening::fetch;
use super::shell::{City, Content, Places, Shell, shell};
use crate::facts;
use citytwin_manifest::Asset;
use citytwin_search::{IndexBuilder, QueryOptions};
use citytwin_viewer::LookAt;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

const MAX_RESULTS: usize = 8;
/// Lines indexed between two frames: about a millisecond's worth.
const LINES_PER_SLICE: usize = 200;

/// One found place.
#[derive(Clone, PartialEq)]
struct Found {
    asset: Asset,
    /// The text that matched.
    text: String,
    /// Byte ranges of it to be marked.
    matched: Vec<Range<usize>>,
}

/// Finds places by name or address, the nearer to the view the better.
fn search(shell: Shell, query: &str) -> Vec<Found> {
    let Places::Ready(index) = shell.places.get() else { return Vec::new() };
    let near = shell.rest.get_untracked().map(|view| (view.lon, view.lat));
    (index.query(query, &QueryOptions { limit: MAX_RESULTS, near }).into_iter())
        .map(|hit| Found { asset: hit.asset.clone(), text: hit.text.to_owned(), matched: hit.matched })
        .collect()
}

/// Fetches and indexes the city's places, a slice at a time so that the picture keeps moving.
pub(super) fn load_places(shell: Shell, city: &City) {
    let Some(file) = &city.twin.assets else { return };
    let resolved = web_sys::Url::new_with_base(file, &city.url).map(|url| url.href());
    let Ok(url) = resolved else { return shell.places.set(Places::Failed) };
    shell.places.set(Places::Loading);
    spawn_local(async move {
        match fetch(&url).await {
            Ok(bytes) => index_slice(shell, Rc::new(bytes), 0, IndexBuilder::default()),
            Err(_) => shell.places.set(Places::Failed),
        }
    });
}

fn index_slice(shell: Shell, bytes: Rc<Vec<u8>>, start: usize, mut builder: IndexBuilder) {
    let mut next = start;
    for _ in 0..LINES_PER_SLICE {
        let rest = &bytes[next..];
        if rest.is_empty() {
            let (index, _left_out) = builder.finish();
            return shell.places.set(if index.is_empty() { Places::None } else { Places::Ready(Rc::new(index)) });
        }
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        builder.add_line(&rest[..end]);
        next += (end + 1).min(rest.len());
    }
    set_timeout(move || index_slice(shell, bytes, next, builder), Duration::ZERO);
}

/// Goes to a place and tells what is known about it.
fn choose(shell: Shell, asset: &Asset) {
    let distance_m = if asset.category == "street" { 600.0 } else { 350.0 };
    shell.with_viewer(|viewer| {
        let now = viewer.view();
        let pitch_deg = now.pitch_deg.clamp(-60.0, -30.0);
        let target = LookAt { lon: asset.lon, lat: asset.lat, height_m: now.height_m, distance_m, pitch_deg, ..now };
        viewer.select(None);
        viewer.fly_to(target, None);
    });
    shell.show(Content::Place(asset.clone()));
    // On to what was asked for; on a phone this also puts the keyboard away. The panel is there after this turn.
    set_timeout(|| browser::focus("panel-title"), Duration::ZERO);
}

#[component]
pub(super) fn Search() -> impl IntoView {
    let shell = shell();
    let query = RwSignal::new(String::new());
    let open = RwSignal::new(false);
    let active = RwSignal::new(0_usize);
    let input = NodeRef::<leptos::html::Input>::new();
    let found = Memo::new(move |_| search(shell, &query.get()));
    let listed = move || open.get() && !query.with(|query| query.trim().is_empty());

    let take = move |number: usize| {
        if let Some(found) = found.get_untracked().get(number) {
            query.set(found.text.clone());
            open.set(false);
            choose(shell, &found.asset);
        }
    };
    let on_key = move |event: KeyboardEvent| match event.key().as_str() {
        "ArrowDown" | "ArrowUp" => {
            event.prevent_default();
            open.set(true);
            let count = found.with_untracked(Vec::len).max(1);
            let step = if event.key() == "ArrowDown" { 1 } else { count - 1 };
            active.update(|active| *active = (*active + step) % count);
        }
        "Enter" if listed() => take(active.get_untracked()),
        "Escape" if listed() => {
            event.stop_propagation();
            open.set(false);
        }
        "Escape" if !query.with_untracked(String::is_empty) => {
            event.stop_propagation();
            query.set(String::new());
        }
        _ => {}
    };
    let clear = move |_| {
        query.set(String::new());
        if let Some(input) = input.get_untracked() {
            let _ = input.focus();
        }
    };
    let slash = window_event_listener(leptos::ev::keydown, move |event| {
        let plain = !event.ctrl_key() && !event.meta_key() && !event.alt_key();
        if event.key() == "/"
            && plain
            && !browser::is_typing()
            && let Some(input) = input.get_untracked()
        {
            event.prevent_default();
            let _ = input.focus();
            input.select();
        }
    });
    on_cleanup(move || slash.remove());

    let placeholder = move || match shell.city_name() {
        Some(city) => (shell.words().search_in)(&city),
        None => shell.words().search.to_owned(),
    };
    let has_places = move || shell.places.with(|places| !matches!(places, Places::None));
    let announced = move || match (listed(), shell.places.get()) {
        (true, Places::Ready(_)) => (shell.words().results_found)(found.with(Vec::len)),
        _ => String::new(),
    };
    view! {
        <Show when=has_places>
            <div class="search" role="search">
                {icon::SEARCH.view()}
                <input
                    id="search" class="search__input" type="text" node_ref=input
                    role="combobox" aria-autocomplete="list" aria-controls="results"
                    autocomplete="off" autocapitalize="off" spellcheck="false"
                    enterkeyhint="search" maxlength="200"
                    placeholder=placeholder aria-label=placeholder
                    aria-expanded=move || listed().to_string()
                    aria-activedescendant=move || {
                        (listed() && !found.with(Vec::is_empty)).then(|| format!("result-{}", active.get()))
                    }
                    prop:value=move || query.get()
                    on:input=move |event| {
                        query.set(event_target_value(&event));
                        active.set(0);
                        open.set(true);
                    }
                    on:focus=move |_| open.set(true)
                    on:blur=move |_| open.set(false)
                    on:keydown=on_key
                />
                <Show when=move || !query.with(String::is_empty)>
                    <button class="tool" type="button" on:click=clear aria-label=move || shell.words().clear_search>
                        {icon::CLOSE.view()}
                    </button>
                </Show>
            </div>
            <p class="unseen" role="status">{announced}</p>
            <Show when=listed>
                // A press would take the focus, and with it the list, before its click arrives.
                <div class="results" on:pointerdown=|event| event.prevent_default()>
                    {move || match shell.places.get() {
                        Places::Failed => view! { <p class="results__note">{shell.words().search_failed}</p> }.into_any(),
                        Places::Loading => view! { <p class="results__note">{shell.words().search_loading}</p> }.into_any(),
                        _ if found.with(Vec::is_empty) => {
                            let words = (shell.words().nothing_found)(query.get().trim());
                            view! { <p class="results__note">{words}</p> }.into_any()
                        }
                        _ => ().into_any(),
                    }}
                    <ul id="results" role="listbox" aria-label=move || shell.words().results>
                        {move || (found.get().into_iter().enumerate())
                            .map(|(number, found)| result(shell, found, number, active, move || take(number)))
                            .collect_view()}
                    </ul>
                </div>
            </Show>
        </Show>
    }
}

fn result(
    shell: Shell,
    found: Found,
    number: usize,
    active: RwSignal<usize>,
    on_take: impl Fn() + 'static,
) -> impl IntoView {
    let kind = shell.twin().map(|twin| facts::class_words(&twin, &found.asset.category, shell.lang.get()));
    // What was found may be another name or the address: then the thing's own name goes below it.
    let own = (found.asset.name != found.text).then(|| found.asset.name.clone());
    let below: Vec<String> =
        own.into_iter().chain(kind).chain(found.asset.address.filter(|a| *a != found.text)).collect();
    view! {
        <li
            id=format!("result-{number}") class="result" role="option"
            aria-selected=move || (active.get() == number).to_string()
            on:pointerenter=move |_| active.set(number)
            on:click=move |_| on_take()
        >
            {icon::PIN.view()}
            <span class="result__text">
                <span class="result__name" dir="auto">{marked(&found.text, &found.matched)}</span>
                <span class="result__kind" dir="auto">{below.join(" · ")}</span>
            </span>
        </li>
    }
}

/// The text with its matched ranges in `<mark>`.
fn marked(text: &str, matched: &[Range<usize>]) -> Vec<AnyView> {
    let mut parts = Vec::new();
    let mut done = 0;
    for range in matched {
        let (Some(before), Some(hit)) = (text.get(done..range.start), text.get(range.clone())) else { continue };
        parts.push(before.to_owned().into_any());
        parts.push(view! { <mark>{hit.to_owned()}</mark> }.into_any());
        done = range.end;
    }
    parts.push(text.get(done..).unwrap_or_default().to_owned().into_any());
    parts
}
