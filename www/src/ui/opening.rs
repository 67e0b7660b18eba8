//! Fetching the manifest, and what stands in the city's place until it is there or when it is not.

use super::browser;
use super::icon;
use super::shell::{City, Shell, Stage, shell};
use crate::fault::Fault;
use citytwin_manifest::Twin;
use gloo_net::http::Request;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::sync::Arc;

/// The twin that a page opens when its address names none.
const DEFAULT_TWIN: &str = "twin/twin.json";

/// Fetches the manifest that the address names and opens it.
pub(super) fn open_twin(shell: Shell) {
    shell.stage.set(Stage::Opening);
    spawn_local(async move {
        match fetch_twin().await {
            Ok(city) => {
                shell.stage.set(Stage::Open(city));
            }
            Err(fault) => shell.stage.set(Stage::Failed(fault)),
        }
    });
}

async fn fetch_twin() -> Result<City, Fault> {
    let named = browser::query_parameter("twin").unwrap_or_else(|| DEFAULT_TWIN.to_owned());
    let Some((url, own_site)) = browser::resolve(&named) else { return Err(Fault::Missing { url: named }) };
    if !own_site {
        return Err(Fault::Foreign { url });
    }
    let bytes = fetch(&url).await?;
    let twin = Twin::from_json(&bytes).map_err(|error| Fault::from_manifest(&url, &error))?;
    Ok(City { twin: Arc::new(twin), url })
}

/// The bytes at a URL of our own site.
async fn fetch(url: &str) -> Result<Vec<u8>, Fault> {
    let unreachable = |error: gloo_net::Error| Fault::Unreachable { url: url.to_owned(), message: error.to_string() };
    let response = Request::get(url).send().await.map_err(unreachable)?;
    if !response.ok() {
        return Err(Fault::from_status(url, response.status()));
    }
    response.binary().await.map_err(unreachable)
}

#[component]
pub(super) fn OpeningOrFault() -> impl IntoView {
    let shell = shell();
    move || match shell.stage.get() {
        Stage::Opening => view! { <p class="note card" role="status">{shell.words().opening}</p> }.into_any(),
        Stage::Failed(fault) => fault_card(shell, &fault),
        Stage::Open(_) => ().into_any(),
    }
}

fn fault_card(shell: Shell, fault: &Fault) -> AnyView {
    let words = fault.words(shell.lang.get());
    // A viewer that did not start may have spoilt the canvas: only a fresh page is a fair second try.
    let again = match fault {
        Fault::NoWebGl2 | Fault::NoViewer { .. } => |_: Shell| browser::reload(),
        _ => open_twin,
    };
    view! {
        <section class="fault card" role="alert">
            <h2>{words.heading}</h2>
            <p>{words.advice}</p>
            {words.retry.then(|| view! {
                <button class="button" type="button" on:click=move |_| again(shell)>
                    {icon::RETRY.view()}{shell.words().try_again}
                </button>
            })}
            {(!words.detail.is_empty()).then(|| view! {
                <details>
                    <summary>{shell.words().technical_details}</summary>
                    <p class="fault__detail" dir="auto">{words.detail}</p>
                </details>
            })}
        </section>
    }
    .into_any()
}
