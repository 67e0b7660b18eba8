//! The search box and its results: a combobox over the city's published index.

use super::browser;
use super::finder::{Hit, Query, Stage};
use super::icon;
use super::shell::{Content, Shell, shell};
use super::whereabouts::{self, Whereabouts};
use crate::facts;
use crate::highlight::{self, Part};
use crate::number;
use citytwin_search::{Record, Value};
use citytwin_viewer::LookAt;
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use std::time::Duration;

const MAX_RESULTS: usize = 12;
/// Kinds offered to narrow results down, and to begin with when nothing is typed.
const MAX_CHIPS: usize = 6;
const MAX_BROWSE_CHIPS: usize = 12;
/// Kinds offered because the text names them.
const MAX_NAMED_CHIPS: usize = 3;

/// What the person has said so far.
#[derive(Clone, Copy)]
struct Wish {
    text: RwSignal<String>,
    category: RwSignal<Option<String>>,
    in_view: RwSignal<bool>,
    near_me: RwSignal<bool>,
    whereabouts: RwSignal<Whereabouts>,
    /// The list is shown.
    open: RwSignal<bool>,
    /// Number of the chosen result.
    active: RwSignal<usize>,
    /// Enter was pressed before its answer was there.
    take_first: RwSignal<bool>,
}

impl Wish {
    fn new() -> Self {
        Self {
            text: RwSignal::new(String::new()),
            category: RwSignal::new(None),
            in_view: RwSignal::new(false),
            near_me: RwSignal::new(false),
            whereabouts: RwSignal::new(Whereabouts::Unasked),
            open: RwSignal::new(false),
            active: RwSignal::new(0),
            take_first: RwSignal::new(false),
        }
    }

    fn set_text(self, text: String) {
        self.active.set(0);
        self.take_first.set(false);
        self.open.set(true);
        self.text.set(text);
    }

    /// Whether there is nothing yet to search for.
    fn is_blank(self) -> bool {
        self.text.with(|text| text.trim().is_empty())
            && self.category.with(Option::is_none)
            && !self.in_view.get()
            && !self.near_me.get()
    }

    /// The query; `None` while there is none.
    fn query(self, shell: Shell) -> Option<Query> {
        if !self.open.get() || self.is_blank() {
            return None;
        }
        let mut polygon = None;
        if self.in_view.get() {
            // Asked again whenever the camera comes to rest.
            shell.rest.track();
            shell.with_viewer(|viewer| polygon = Some(vec![viewer.ground_in_view()]));
        }
        let mine = self.near_me.get().then(|| self.whereabouts.get().position()).flatten();
        let seen = || shell.rest.get_untracked().map(|view| [view.lon, view.lat]);
        Some(Query {
            text: self.text.get(),
            limit: Some(MAX_RESULTS),
            near: mine.or_else(seen),
            polygon,
            categories: self.category.get().into_iter().collect(),
            facets: vec!["category".to_owned()],
            ..Query::default()
        })
    }
}

/// Goes to a place and tells what is known about it.
fn choose(shell: Shell, place: Record) {
    let distance_m = if place.category == "street" { 600.0 } else { 350.0 };
    shell.with_viewer(|viewer| {
        let now = viewer.view();
        let pitch_deg = now.pitch_deg.clamp(-60.0, -30.0);
        let target = LookAt { lon: place.lon, lat: place.lat, height_m: now.height_m, distance_m, pitch_deg, ..now };
        viewer.select(None);
        viewer.fly_to(target, None);
    });
    shell.show(Content::Place(place));
    // On to what was asked for; on a phone this also puts the keyboard away. The panel is there after this turn.
    set_timeout(|| browser::focus("panel-title"), Duration::ZERO);
}

/// Takes result number `number`, or the first one as soon as its answer is there.
fn take(shell: Shell, wish: Wish, number: usize) {
    if !shell.finder.is_current() {
        return wish.take_first.set(true);
    }
    let hit = shell.finder.answer.with_untracked(|answer| answer.hits.get(number).cloned());
    if let Some(hit) = hit {
        wish.open.set(false);
        wish.text.set(hit.text);
        choose(shell, hit.record);
    }
}

/// Asks whenever the wish changes; takes what Enter was pressed for once it is there.
fn keep_asking(shell: Shell, wish: Wish) {
    let query = Memo::new(move |_| wish.query(shell));
    Effect::new(move |_| match query.get() {
        Some(query) => {
            shell.finder.start(shell);
            shell.finder.ask(query);
        }
        None => shell.finder.forget(),
    });
    Effect::new(move |_| {
        let has_hits = shell.finder.answer.with(|answer| !answer.hits.is_empty());
        if has_hits && wish.take_first.get() && shell.finder.is_current() {
            wish.take_first.set(false);
            take(shell, wish, 0);
        }
    });
}

/// Closes the list when the focus has left the box and the list, which it has only after this turn.
fn close_when_left(wish: Wish) {
    set_timeout(
        move || {
            if !browser::has_focus_within("search-box") && !browser::has_focus_within("search-list") {
                wish.open.set(false);
            }
        },
        Duration::ZERO,
    );
}

/// A slash anywhere leads to the box.
fn listen_for_slash(input: NodeRef<leptos::html::Input>) {
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
}

fn on_key(shell: Shell, wish: Wish, event: &KeyboardEvent) {
    // While an input method composes, keys choose among its candidates. 229 is what Safari says of them.
    if event.is_composing() || event.key_code() == 229 {
        return;
    }
    match event.key().as_str() {
        "ArrowDown" | "ArrowUp" => {
            event.prevent_default();
            wish.open.set(true);
            let count = shell.finder.answer.with_untracked(|answer| answer.hits.len()).max(1);
            let step = if event.key() == "ArrowDown" { 1 } else { count - 1 };
            wish.active.update(|active| *active = (*active + step) % count);
        }
        "Enter" if wish.open.get_untracked() && !untrack(|| wish.is_blank()) => {
            take(shell, wish, wish.active.get_untracked());
        }
        "Escape" if wish.open.get_untracked() => {
            event.stop_propagation();
            wish.open.set(false);
        }
        "Escape" if !wish.text.with_untracked(String::is_empty) => {
            event.stop_propagation();
            wish.text.set(String::new());
        }
        _ => {}
    }
}

#[component]
pub(super) fn Search() -> impl IntoView {
    let shell = shell();
    let wish = Wish::new();
    let input = NodeRef::<leptos::html::Input>::new();
    // What an input method composes is shown, but not searched for.
    let composing = RwSignal::new(false);
    keep_asking(shell, wish);
    listen_for_slash(input);
    let open = move || {
        shell.finder.start(shell);
        wish.open.set(true);
    };
    let clear = move |_| {
        wish.category.set(None);
        wish.set_text(String::new());
        if let Some(input) = input.get_untracked() {
            let _ = input.focus();
        }
    };
    let placeholder = move || match shell.city_name() {
        Some(city) => (shell.words().search_in)(&city),
        None => shell.words().search.to_owned(),
    };
    let has_index = move || shell.twin().is_some_and(|twin| twin.search.is_some());
    let has_hits = move || shell.finder.answer.with(|answer| !answer.hits.is_empty());
    let announced = move || match wish.open.get() && !wish.is_blank() && !shell.finder.is_busy() {
        true => (shell.words().results_found)(shell.finder.answer.with(|answer| answer.hits.len())),
        false => String::new(),
    };
    view! {
        <Show when=has_index>
            <div id="search-box" class="search" role="search">
                {icon::SEARCH.view()}
                <input
                    id="search" class="search__input" type="text" node_ref=input
                    role="combobox" aria-autocomplete="list" aria-controls="results"
                    autocomplete="off" autocapitalize="off" spellcheck="false"
                    enterkeyhint="search" maxlength="200"
                    placeholder=placeholder aria-label=placeholder
                    aria-expanded=move || wish.open.get().to_string()
                    aria-activedescendant=move || {
                        (wish.open.get() && has_hits()).then(|| format!("result-{}", wish.active.get()))
                    }
                    prop:value=move || wish.text.get()
                    on:compositionstart=move |_| composing.set(true)
                    on:compositionend=move |event| {
                        composing.set(false);
                        wish.set_text(event_target_value(&event));
                    }
                    on:input=move |event| {
                        if !composing.get_untracked() {
                            wish.set_text(event_target_value(&event));
                        }
                    }
                    on:focus=move |_| open()
                    on:click=move |_| open()
                    on:blur=move |_| close_when_left(wish)
                    on:keydown=move |event| on_key(shell, wish, &event)
                />
                <Show when=move || !wish.text.with(String::is_empty) || wish.category.with(Option::is_some)>
                    <button class="tool" type="button" on:click=clear aria-label=move || shell.words().clear_search>
                        {icon::CLOSE.view()}
                    </button>
                </Show>
            </div>
            <p class="unseen" role="status">{announced}</p>
            <Show when=move || wish.open.get()>
                <List wish/>
            </Show>
        </Show>
    }
}

#[component]
fn List(wish: Wish) -> impl IntoView {
    let shell = shell();
    let finder = shell.finder;
    let shown = Memo::new(move |_| match finder.stage.get() {
        Stage::Failed(_) => Vec::new(),
        _ if wish.is_blank() => Vec::new(),
        _ => finder.answer.with(|answer| answer.hits.clone()),
    });
    view! {
        // A press would take the focus, and with it the list, before its click arrives.
        <div
            id="search-list" class="results" on:pointerdown=|event| event.prevent_default()
            on:focusout=move |_| close_when_left(wish)
            on:keydown=move |event| if event.key() == "Escape" {
                event.stop_propagation();
                browser::focus("search");
                wish.open.set(false);
            }
        >
            {move || chips(shell, wish)}
            {move || note(shell, wish, shown.with(Vec::is_empty))}
            <ul
                id="results" role="listbox" aria-label=move || shell.words().results
                aria-busy=move || finder.is_busy().to_string()
            >
                {move || (shown.get().into_iter().enumerate())
                    .map(|(number, hit)| result(shell, wish, hit, number))
                    .collect_view()}
            </ul>
            {move || problems(shell, wish)}
        </div>
    }
}

/// What narrows the results down: the view, the person's place, and kinds. Before anything is typed, the kinds that the
/// city has most of.
fn chips(shell: Shell, wish: Wish) -> Option<AnyView> {
    let Stage::Ready(index) = shell.finder.stage.get() else { return None };
    let blank = wish.is_blank();
    let named = match (wish.category.get(), shell.twin()) {
        (None, Some(twin)) => wish.text.with(|text| facts::kinds_called(&twin, &index.categories, text)),
        _ => Vec::new(),
    };
    let mut kinds: Vec<(String, u32)> = if blank {
        // Addresses and buildings are looked for by name, not leafed through.
        let mut kinds = index.categories;
        kinds.retain(|(kind, _)| !matches!(kind.as_str(), "address" | "building" | "place"));
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        kinds
    } else {
        shell.finder.answer.with(|answer| {
            let counts = answer.facets.iter().flat_map(|facet| &facet.counts);
            counts.filter_map(|(kind, count)| Some((as_text(kind)?, *count))).collect()
        })
    };
    kinds.truncate(if blank { MAX_BROWSE_CHIPS } else { MAX_CHIPS });
    let chosen = wish.category.get();
    if let Some(chosen) = &chosen {
        kinds.retain(|(kind, _)| kind == chosen);
    }
    let words = shell.words();
    let near_me = move || {
        wish.near_me.update(|on| *on = !*on);
        if wish.near_me.get_untracked() && wish.whereabouts.get_untracked().position().is_none() {
            whereabouts::ask(wish.whereabouts);
        }
    };
    kinds.retain(|(kind, _)| !named.iter().take(MAX_NAMED_CHIPS).any(|(named, _)| named == kind));
    let named = named.into_iter().take(MAX_NAMED_CHIPS).map(|(kind, count)| {
        let label = kind_label(shell, &kind, count);
        let press = move || {
            wish.category.set(Some(kind.clone()));
            wish.set_text(String::new());
        };
        chip(label, false, press)
    });
    let named = named.collect_view();
    // One kind alone narrows nothing down.
    let kinds = if blank || chosen.is_some() || kinds.len() > 1 { kinds } else { Vec::new() };
    let kinds = kinds.into_iter().map(|(kind, count)| kind_chip(shell, wish, kind, count)).collect_view();
    Some(
        view! {
            <div class="chips" role="group" aria-label=if blank { words.browse } else { words.narrow_down }>
                {chip(words.in_view.to_owned(), wish.in_view.get(), move || wish.in_view.update(|on| *on = !*on))}
                {chip(words.near_me.to_owned(), wish.near_me.get(), near_me)}
                {named}
                {kinds}
            </div>
        }
        .into_any(),
    )
}

fn kind_chip(shell: Shell, wish: Wish, kind: String, count: u32) -> AnyView {
    let on = wish.category.with(|chosen| chosen.as_ref() == Some(&kind));
    let label = kind_label(shell, &kind, count);
    let press = move || {
        wish.active.set(0);
        wish.category.set(if on { None } else { Some(kind.clone()) });
    };
    chip(label, on, press).into_any()
}

/// A kind in the person's language, with how many there are.
fn kind_label(shell: Shell, kind: &str, count: u32) -> String {
    let name = shell.twin().map(|twin| facts::class_words(&twin, kind, shell.lang.get())).unwrap_or_default();
    format!("{name} {}", number::count(count.into()))
}

fn chip(label: String, on: bool, press: impl Fn() + 'static) -> impl IntoView {
    view! {
        <button class="chip" type="button" aria-pressed=on.to_string() dir="auto" on:click=move |_| press()>{label}</button>
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// What is said where results would be, or above them.
fn note(shell: Shell, wish: Wish, is_empty: bool) -> Option<AnyView> {
    let words = shell.words();
    let finder = shell.finder;
    let note = |text: String| Some(view! { <p class="results__note">{text}</p> }.into_any());
    match finder.stage.get() {
        Stage::Failed(problem) => {
            let offline = !shell.online.get() || problem.code == "network";
            let said = if offline { words.search_failed_offline } else { words.search_failed };
            return Some(failed(shell, said, vec![(problem.message, problem.place)], move || finder.start(shell)));
        }
        Stage::Idle | Stage::Loading => return note(words.search_loading.to_owned()),
        Stage::Ready(_) => {}
    }
    if wish.near_me.get() {
        match wish.whereabouts.get() {
            Whereabouts::Asking => return note(words.locating.to_owned()),
            Whereabouts::Refused => return note(words.not_located.to_owned()),
            _ => {}
        }
    }
    if let Some(meant) = finder.answer.with(|answer| answer.did_you_mean.clone()).filter(|_| !wish.is_blank()) {
        let text = meant.clone();
        return Some(
            view! {
                <p class="results__note">
                    {words.did_you_mean}" "
                    <button class="link" type="button" dir="auto" on:click=move |_| wish.set_text(text.clone())>{meant}</button>
                </p>
            }
            .into_any(),
        );
    }
    match () {
        () if wish.is_blank() || !is_empty => None,
        () if finder.is_busy() => note(words.searching.to_owned()),
        () => note((words.nothing_found)(wish.text.get().trim())),
    }
}

/// Parts of the index that did not come, below what was found all the same.
fn problems(shell: Shell, wish: Wish) -> Option<AnyView> {
    let problems = shell.finder.answer.with(|answer| answer.problems.clone());
    if problems.is_empty() || wish.is_blank() || matches!(shell.finder.stage.get(), Stage::Failed(_)) {
        return None;
    }
    let details = problems.into_iter().map(|problem| (problem.message, problem.place)).collect();
    let again = move || {
        if let Some(query) = untrack(|| wish.query(shell)) {
            shell.finder.retry();
            shell.finder.ask(query);
        }
    };
    Some(failed(shell, shell.words().search_incomplete, details, again))
}

fn failed(
    shell: Shell,
    said: &'static str,
    details: Vec<(String, String)>,
    again: impl Fn() + Send + Sync + 'static,
) -> AnyView {
    let words = shell.words();
    let rows = (details.into_iter())
        .map(|(message, place)| view! { <li><span dir="auto">{message}</span>" "<span dir="ltr">{place}</span></li> })
        .collect_view();
    view! {
        <div class="results__note" role="alert">
            <p>{said}" "<button class="link" type="button" on:click=move |_| again()>{words.try_again}</button></p>
            <details>
                <summary>{words.technical_details}</summary>
                <ul class="problems__place">{rows}</ul>
            </details>
        </div>
    }
    .into_any()
}

fn result(shell: Shell, wish: Wish, hit: Hit, number: usize) -> impl IntoView {
    let Hit { record, text, matched, distance_m, .. } = hit;
    let kind = shell.twin().map(|twin| facts::class_words(&twin, &record.category, shell.lang.get()));
    // What was found may be another name or the address: then the thing's own name goes below it.
    let own = (record.name != text).then_some(record.name);
    let distance = wish.near_me.get().then_some(distance_m).flatten().map(|metres| {
        let (value, unit) = number::distance(metres);
        format!("{value}\u{a0}{}", shell.lang.get().unit(unit))
    });
    let address = record.address.filter(|address| *address != text);
    let below: Vec<String> = distance.into_iter().chain(own).chain(kind).chain(address).collect();
    view! {
        <li
            id=format!("result-{number}") class="result" role="option"
            aria-selected=move || (wish.active.get() == number).to_string()
            on:pointerenter=move |_| wish.active.set(number)
            on:click=move |_| take(shell, wish, number)
        >
            {icon::PIN.view()}
            <span class="result__text">
                <span class="result__name" dir="auto">{marked(&text, &matched)}</span>
                <span class="result__kind" dir="auto">{below.join(" · ")}</span>
            </span>
        </li>
    }
}

/// The text with its matched ranges in `<mark>`.
fn marked(text: &str, matched: &[[usize; 2]]) -> Vec<AnyView> {
    let part = |part: Part<'_>| match part {
        Part::Plain(text) => text.to_owned().into_any(),
        Part::Matched(text) => view! { <mark>{text.to_owned()}</mark> }.into_any(),
    };
    highlight::parts(text, matched).into_iter().map(part).collect()
}
