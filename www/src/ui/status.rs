//! What the map is doing: loading, interrupted, offline, incomplete; and whom it names.

use super::browser;
use super::icon::{self, Icon};
use super::shell::{Content, Shell, shell};
use citytwin_manifest::Attribution as Source;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use std::time::Duration;

/// Loading that takes less than this is shown by the thin bar alone.
const WORDS_AFTER: Duration = Duration::from_millis(600);
/// So many problems are listed in full.
const LISTED_PROBLEMS: usize = 20;

/// What the viewer calls graphics that do not come back, and a file that the server has no more.
const GRAPHICS_GONE: &str = "graphics-gone";
const FILE_GONE: &str = "file-gone";

/// Whether tiles that the view needs are still missing.
fn is_loading(shell: Shell) -> bool {
    shell.city().is_some() && !shell.settled.get() && !shell.lost.get()
}

/// The thin bar at the top: what is loaded of what the view needs.
#[component]
pub(super) fn Bar() -> impl IntoView {
    let shell = shell();
    let share = move || {
        let progress = shell.progress.get();
        if progress.wanted == 0 {
            return 0.02;
        }
        ((progress.loaded + progress.failed) as f64 / progress.wanted as f64).clamp(0.02, 1.0)
    };
    view! {
        <div class="progress" class:progress--on=move || is_loading(shell) aria-hidden="true">
            <div class="progress__done" style:transform=move || format!("scaleX({:.3})", share())></div>
        </div>
    }
}

/// Notes at the bottom left.
#[component]
pub(super) fn Notes() -> impl IntoView {
    let shell = shell();
    let is_slow = slow_loading(shell);
    let retry = move |_| shell.load_again();
    // The panel with the details says it already.
    let has_news = move || {
        shell.problems.with(|problems| !problems.is_empty())
            && shell.panel.get() != Some(Content::Problems)
            && !shell.has_problem(GRAPHICS_GONE)
    };
    view! {
        <div class="notes">
            <div role="status">
                {move || shell.lost.get().then(|| interrupted(shell))}
                {move || is_empty(shell).then(|| note(icon::LAYERS, shell.words().empty_city.to_owned()))}
                {move || (!shell.online.get()).then(|| note(icon::OFFLINE, shell.words().offline.to_owned()))}
            </div>
            <Show when=move || is_slow.get()>
                <p id="loading-note" class="pill card" aria-hidden="true">
                    {move || {
                        let progress = shell.progress.get();
                        if progress.wanted == 0 {
                            format!("{}…", shell.words().loading_starts)
                        } else {
                            (shell.words().loading_city)(progress.loaded, progress.wanted, progress.bytes)
                        }
                    }}
                </p>
            </Show>
            <Show when=has_news>
                <div id="problems-note" class="pill pill--warning card" role="status">
                    {icon::WARNING.view()}
                    <span>{move || (shell.words().parts_missing)(shell.problems.with(Vec::len))}</span>
                    <button class="link" type="button" on:click=retry>{move || shell.words().try_again}</button>
                    {move || shell.has_problem(FILE_GONE).then(|| reload(shell))}
                    <button class="link" type="button" on:click=move |_| shell.show(Content::Problems)>
                        {move || shell.words().details}
                    </button>
                </div>
            </Show>
            <p class="unseen" role="status">{spoken_progress(shell)}</p>
        </div>
    }
}

/// A city without layers: there is nothing to wait for.
fn is_empty(shell: Shell) -> bool {
    shell.twin().is_some_and(|twin| twin.layers.is_empty())
}

/// The graphics were taken away: they come back by themselves, as a rule.
fn interrupted(shell: Shell) -> AnyView {
    if !shell.has_problem(GRAPHICS_GONE) {
        return note(icon::RETRY, shell.words().restoring_picture.to_owned()).into_any();
    }
    view! {
        <div class="pill pill--warning card">
            {icon::WARNING.view()}
            <span>{shell.words().graphics_gone}</span>
            {reload(shell)}
        </div>
    }
    .into_any()
}

fn reload(shell: Shell) -> impl IntoView {
    view! {
        <button class="link" type="button" on:click=move |_| browser::reload()>{shell.words().reload}</button>
    }
}

fn note(icon: Icon, words: String) -> impl IntoView {
    view! { <p class="pill card">{icon.view()}<span>{words}</span></p> }
}

/// True once loading has gone on for longer than a blink.
fn slow_loading(shell: Shell) -> RwSignal<bool> {
    let is_slow = RwSignal::new(false);
    Effect::new(move |timer: Option<Option<TimeoutHandle>>| {
        let running = timer.flatten();
        if !is_loading(shell) {
            running.inspect(TimeoutHandle::clear);
            is_slow.set(false);
            return None;
        }
        running.or_else(|| set_timeout_with_handle(move || is_slow.set(true), WORDS_AFTER).ok())
    });
    is_slow
}

/// For a screen reader: the start, each quarter and the end, instead of every tile.
fn spoken_progress(shell: Shell) -> impl Fn() -> String {
    let quarter = Memo::new(move |_| {
        let progress = shell.progress.get();
        let done = (progress.loaded + progress.failed) * 4;
        done.checked_div(progress.wanted).unwrap_or(0).min(3) as u8
    });
    let loading = Memo::new(move |_| is_loading(shell));
    move || match (loading.get(), quarter.get()) {
        // With parts missing it is not; the note about them says so.
        (false, _) if shell.city().is_some() && shell.problems.with(Vec::is_empty) => {
            shell.words().loading_done.to_owned()
        }
        (false, _) => String::new(),
        (true, 0) => shell.words().loading_starts.to_owned(),
        (true, quarter) => (shell.words().loading_quarter)(quarter),
    }
}

/// The list of problems, for those who can do something about them.
pub(super) fn problems(shell: Shell) -> AnyView {
    let problems = shell.problems.get();
    let more = problems.len().saturating_sub(LISTED_PROBLEMS);
    let rows = (problems.into_iter().take(LISTED_PROBLEMS))
        .map(|problem| {
            view! {
                <li>
                    <p dir="auto">{problem.message}</p>
                    <p class="problems__place" dir="ltr">{problem.place}" · "{problem.code}</p>
                </li>
            }
        })
        .collect_view();
    view! {
        <p>{shell.words().parts_missing_help}</p>
        {shell.has_problem(FILE_GONE).then(|| view! { <p>{shell.words().published_again}" "{reload(shell)}</p> })}
        <button class="button" type="button" on:click=move |_| shell.load_again()>
            {icon::RETRY.view()}{shell.words().try_again}
        </button>
        <ul class="problems">{rows}</ul>
        {(more > 0).then(|| view! { <p>{(shell.words().more_like_this)(more)}</p> })}
    }
    .into_any()
}

/// Whom the map names; always visible.
#[component]
pub(super) fn Attribution() -> impl IntoView {
    let shell = shell();
    let sources = move || {
        let of = |twin: &citytwin_manifest::Twin| {
            let rasters = twin.rasters.iter().flat_map(|raster| &raster.attribution);
            let terrain = twin.terrain.iter().flat_map(|terrain| &terrain.attribution);
            twin.attribution.iter().chain(rasters).chain(terrain).cloned().collect::<Vec<_>>()
        };
        shell.twin().map(|twin| of(&twin)).unwrap_or_default()
    };
    view! {
        <footer class="attribution" aria-label=move || shell.words().attribution>
            {move || sources().into_iter().map(source).collect_view()}
        </footer>
    }
}

fn source(source: Source) -> AnyView {
    // A manifest could name a script; only web addresses become links.
    let link = source.url.filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    match link {
        Some(url) => view! {
            <a href=url target="_blank" rel="noopener noreferrer" title=source.license>{source.text}</a>
        }
        .into_any(),
        None => view! { <span title=source.license>{source.text}</span> }.into_any(),
    }
}
