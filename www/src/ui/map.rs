//! The canvas, what the viewer tells, and the view in the address.

use super::browser;
use super::shell::{City, Content, Shell, shell};
use crate::fault::Fault;
use crate::link;
use crate::number;
use crate::ui::shell::Stage;
use citytwin_viewer::{Event, LookAt, TERRAIN, Viewer, ViewerOptions};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// More than this many different problems are only counted: the list is for reading.
const MAX_PROBLEMS: usize = 200;

#[component]
pub(super) fn Map() -> impl IntoView {
    let shell = shell();
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    Effect::new(move |_| {
        if let (Some(canvas), Some(city)) = (canvas.get(), shell.city()) {
            match show(shell, canvas, &city) {
                Ok(()) => {}
                Err(fault) => shell.stage.set(Stage::Failed(fault)),
            }
        }
    });
    let label = move || shell.city_name().map_or_else(String::new, |city| (shell.words().map_of)(&city));
    let spoken_view = move || shell.rest.get().map(|view| spoken(shell, &view));
    view! {
        <canvas
            id="map" class="map" class:map--drawn=move || shell.drawn.get() node_ref=canvas
            tabindex="0" role="application" aria-label=label aria-describedby="map-help"
        ></canvas>
        <p id="map-help" class="unseen">{move || shell.words().map_help}" "{spoken_view}</p>
    }
}

/// Makes the viewer once, and opens the city in it.
fn show(shell: Shell, canvas: web_sys::HtmlCanvasElement, city: &City) -> Result<(), Fault> {
    if shell.viewer.with_value(Option::is_some) {
        return Ok(());
    }
    let options = ViewerOptions {
        worker_url: shell.workers.with_value(|workers| workers.decode.clone()),
        ..ViewerOptions::default()
    };
    let viewer = Viewer::new(canvas, options).map_err(|error| Fault::from_viewer(&error))?;
    viewer.subscribe(move |event| hear(shell, event)).forever();
    viewer.set_label_locale(shell.lang.get_untracked().tag());
    viewer.open(&city.twin, &city.url);
    if let Some(view) = link::view_from_hash(&browser::hash()) {
        viewer.set_view(view);
    }
    shell.view.set(Some(viewer.view()));
    shell.rest.set(Some(viewer.view()));
    shell.viewer.set_value(Some(viewer));
    follow_address(shell);
    Ok(())
}

fn hear(shell: Shell, event: &Event) {
    match event {
        // A click on bare ground is one beside everything.
        Event::Click(Some(hit)) if hit.layer != TERRAIN => {
            shell.with_viewer(|viewer| viewer.select(Some(hit)));
            shell.show(Content::Feature(hit.clone()));
        }
        Event::Click(_) => {
            if matches!(shell.panel.get_untracked(), Some(Content::Feature(_) | Content::Place(_))) {
                shell.close_panel();
            }
        }
        Event::View(view) => shell.view.set(Some(*view)),
        Event::ViewRest(view) => {
            shell.rest.set(Some(*view));
            let old = browser::hash();
            let new = link::hash_from_view(view, &old);
            if new != old {
                browser::replace_hash(&new);
            }
        }
        Event::Progress(progress) => {
            shell.progress.set(*progress);
            // Progress also counts what is fetched ahead of need; that is not worth a word.
            if progress.loaded + progress.failed < progress.wanted {
                shell.settled.set(false);
            }
            if progress.loaded > 0 {
                shell.drawn.set(true);
            }
        }
        Event::Settled => {
            shell.settled.set(true);
            shell.drawn.set(true);
            recognise(shell);
        }
        Event::Problem(problem) => shell.problems.update(|problems| {
            if problems.len() < MAX_PROBLEMS && !problems.contains(problem) {
                problems.push(problem.clone());
            }
        }),
        Event::ProblemSolved(solved) => shell.problems.update(|problems| {
            problems.retain(|problem| (&problem.code, &problem.place) != (&solved.code, &solved.place));
        }),
        Event::ContextLost => shell.lost.set(true),
        Event::ContextRestored => shell.lost.set(false),
        _ => {}
    }
}

/// After a flight to a found place: when its feature stands in the middle of the picture, it is selected and the panel
/// tells all that is known about it.
fn recognise(shell: Shell) {
    let Some(Content::Place(place)) = shell.panel.get_untracked() else { return };
    let Some(canvas) = browser::element_by_id("map") else { return };
    let (x_css, y_css) = (f64::from(canvas.client_width()) / 2.0, f64::from(canvas.client_height()) / 2.0);
    shell.with_viewer(|viewer| {
        let viewer = viewer.clone();
        spawn_local(async move {
            let hit = viewer.pick(x_css, y_css).await.filter(|hit| hit.stable_id().as_ref() == Some(&place.id));
            let still_asked = shell.panel.get_untracked() == Some(Content::Place(place));
            if let (Some(hit), true) = (hit, still_asked) {
                viewer.select(Some(&hit));
                shell.panel.set(Some(Content::Feature(hit)));
            }
        });
    });
}

/// A link to another view of the same page moves the camera there.
fn follow_address(shell: Shell) {
    window_event_listener(leptos::ev::hashchange, move |_| {
        if let Some(view) = link::view_from_hash(&browser::hash()) {
            shell.with_viewer(|viewer| viewer.fly_to(view, None));
        }
    });
}

/// `Looking north-east from 1.2 km away.`
fn spoken(shell: Shell, view: &LookAt) -> String {
    let lang = shell.lang.get();
    let words = lang.words();
    let eighth = (view.heading_deg.rem_euclid(360.0) / 45.0).round() as usize % words.headings.len();
    let (distance, unit) = number::distance(view.distance_m);
    (words.looking)(words.headings[eighth], &format!("{distance} {}", lang.unit(unit)))
}
