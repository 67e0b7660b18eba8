//! The switches of what the map shows.

use super::icon::Icon;
use super::shell::Shell;
use citytwin_manifest::{Layer, Theme};
use leptos::prelude::*;

/// The panel's contents, in the current language.
pub(super) fn view(shell: Shell) -> AnyView {
    let layers = shell.twin().map(|twin| twin.layers.clone()).unwrap_or_default();
    if layers.is_empty() {
        return view! { <p>{shell.words().no_layers}</p> }.into_any();
    }
    // Top of the list is top of the map.
    let rows = layers.iter().rev().map(|layer| switch(shell, layer)).collect_view();
    view! { <ul class="layers">{rows}</ul> }.into_any()
}

fn switch(shell: Shell, layer: &Layer) -> impl IntoView {
    let title = layer.title.get(shell.lang.get().tag()).to_owned();
    let theme = match layer.theme {
        Theme::Ground => "ground",
        Theme::Transport => "transport",
        Theme::Buildings => "buildings",
        Theme::Furniture => "furniture",
        Theme::Other => "other",
    };
    let name = if title.is_empty() { layer.id.clone() } else { title };
    let id = layer.id.clone();
    let on = shell.is_layer_on(layer);
    view! {
        <li>
            <label class="switch" data-theme=theme data-layer=layer.id.clone()>
                <span class="switch__icon">{Icon::of_theme(layer.theme).view()}</span>
                <span class="switch__name" dir="auto">{name}</span>
                <input
                    class="switch__box" type="checkbox" role="switch" prop:checked=on
                    on:change=move |event| shell.set_layer(&id, event_target_checked(&event))
                />
            </label>
        </li>
    }
}
