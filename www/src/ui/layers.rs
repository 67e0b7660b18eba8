//! The switches of what the map shows.

use super::icon::{self, Icon};
use super::shell::Shell;
use super::sight;
use citytwin_manifest::{Layer, Theme};
use citytwin_viewer::LABELS;
use leptos::prelude::*;

/// The panel's contents, in the current language.
pub(super) fn view(shell: Shell) -> AnyView {
    let layers = shell.twin().map(|twin| twin.layers.clone()).unwrap_or_default();
    if layers.is_empty() {
        return view! { <p>{shell.words().no_layers}</p> }.into_any();
    }
    let rasters = shell.twin().map(|twin| twin.rasters.clone()).unwrap_or_default();
    let pictures = rasters.iter().rev().map(|raster| {
        let title = raster.title.get(shell.lang.get().tag());
        let name = if title.is_empty() { raster.id.clone() } else { title.to_owned() };
        row(shell, &raster.id, "other", icon::OTHER, name, raster.visible)
    });
    let pictures = pictures.collect_view();
    let names = shell.twin().is_some_and(|twin| twin.labels.is_some()).then(|| labels(shell));
    // Top of the list is top of the map.
    let rows = layers.iter().rev().map(|layer| switch(shell, layer)).collect_view();
    view! { <ul class="layers">{names}{rows}{pictures}</ul> {sight::view(shell)} }.into_any()
}

/// The switch of the names on the map.
fn labels(shell: Shell) -> AnyView {
    row(shell, LABELS, "labels", icon::LABELS, shell.words().labels.to_owned(), true)
}

fn switch(shell: Shell, layer: &Layer) -> AnyView {
    let title = layer.title.get(shell.lang.get().tag()).to_owned();
    let theme = match layer.theme {
        Theme::Ground => "ground",
        Theme::Transport => "transport",
        Theme::Buildings => "buildings",
        Theme::Furniture => "furniture",
        Theme::Other => "other",
    };
    let name = if title.is_empty() { layer.id.clone() } else { title };
    row(shell, &layer.id, theme, Icon::of_theme(layer.theme), name, layer.visible)
}

/// `visible`: whether the manifest has it shown at first.
fn row(shell: Shell, id: &str, theme: &'static str, icon: Icon, name: String, visible: bool) -> AnyView {
    let on = shell.is_layer_on(id, visible);
    let id = id.to_owned();
    let layer = id.clone();
    view! {
        <li>
            <label class="switch" data-theme=theme data-layer=layer>
                <span class="switch__icon">{icon.view()}</span>
                <span class="switch__name" dir="auto">{name}</span>
                <input
                    class="switch__box" type="checkbox" role="switch" prop:checked=on
                    on:change=move |event| shell.set_layer(&id, event_target_checked(&event))
                />
            </label>
        </li>
    }
    .into_any()
}
