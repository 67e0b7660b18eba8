//! What is known about one thing of the city.

use super::icon;
use super::shell::Shell;
use crate::facts::{Facts, Row};
use citytwin_viewer::LookAt;
use leptos::prelude::*;

/// How near "look closer" goes, metres.
const CLOSER_M: f64 = 180.0;

/// The panel's contents for a thing at a place (degrees), in the current language.
pub(super) fn view(shell: Shell, lon: f64, lat: f64, facts: Facts) -> AnyView {
    let words = shell.words();
    let closer = move |_| {
        shell.with_viewer(|viewer| {
            let now = viewer.view();
            let distance_m = CLOSER_M.min(now.distance_m * 0.6).max(60.0);
            viewer.fly_to(LookAt { lon, lat, distance_m, ..now }, None);
        });
    };
    let nothing = facts.rows.is_empty().then(|| view! { <p class="facts__none">{words.no_facts}</p> });
    let position = Row { label: words.position.into(), value: (words.position_of)(lon, lat), note: String::new() };
    let id = (!facts.id.is_empty()).then(|| {
        view! {
            <p class="facts__id">{words.source_id}" "<span dir="ltr">{facts.id}</span></p>
        }
    });
    view! {
        {nothing}
        <dl class="facts">
            {facts.rows.into_iter().chain([position]).map(fact).collect_view()}
        </dl>
        <button class="button button--quiet" type="button" on:click=closer>
            {icon::CLOSER.view()}{words.look_closer}
        </button>
        {id}
    }
    .into_any()
}

fn fact(row: Row) -> impl IntoView {
    let link = row.link().map(str::to_owned);
    let note = (!row.note.is_empty()).then(|| view! { <span class="facts__note">{row.note}</span> });
    let value = match link {
        Some(url) => view! { <a href=url target="_blank" rel="noopener noreferrer nofollow" dir="ltr">{row.value}</a> }
            .into_any(),
        None => view! { <span dir="auto">{row.value}</span> }.into_any(),
    };
    view! {
        <div class="facts__row">
            <dt dir="auto">{row.label}</dt>
            <dd>{value}{note}</dd>
        </div>
    }
}
