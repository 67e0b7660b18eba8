//! The card at the top left: the city's name, search, layers, language.

use super::browser;
use super::icon;
use super::search::Search;
use super::shell::{Content, shell};
use leptos::prelude::*;

#[component]
pub(super) fn Bar() -> impl IntoView {
    let shell = shell();
    let layers_open = move || matches!(shell.panel.get(), Some(Content::Layers));
    let toggle_layers = move |_| {
        if layers_open() { shell.close_panel() } else { shell.show(Content::Layers) }
    };
    let switch_language = move |_| {
        let lang = shell.lang.get_untracked().other();
        browser::remember_language(lang.tag());
        shell.lang.set(lang);
    };
    view! {
        <header class="bar card">
            <h1 class="bar__title">{move || shell.city_name().unwrap_or_else(|| "CityTwin".into())}</h1>
            <p class="bar__subtitle">{move || shell.words().digital_twin}</p>
            <div class="bar__actions">
                <Show when=move || shell.city().is_some()>
                    <button
                        id="layers-button" class="tool" type="button" on:click=toggle_layers
                        aria-expanded=move || layers_open().to_string() aria-controls="panel"
                        aria-label=move || shell.words().layers title=move || shell.words().layers
                    >
                        {icon::LAYERS.view()}
                    </button>
                </Show>
                <button
                    id="language-button" class="tool tool--text" type="button" on:click=switch_language
                    lang=move || shell.lang.get().other().tag()
                >
                    {move || shell.lang.get().other().own_name()}
                </button>
            </div>
            <Search/>
        </header>
    }
}
