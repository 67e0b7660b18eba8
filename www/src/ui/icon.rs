//! Icons: our own SVG files, compiled in. `currentColor` gives them the colour of the text around them.

use citytwin_manifest::Theme;
use leptos::prelude::*;

/// Markup of an icon: a constant of this program, never text from outside.
#[derive(Clone, Copy)]
pub(super) struct Icon(&'static str);

macro_rules! icons {
    ($($name:ident = $file:literal),* $(,)?) => {
        $(pub(super) const $name: Icon = Icon(include_str!(concat!("../../icons/", $file, ".svg")));)*
    };
}

icons! {
    LAYERS = "layers", PLUS = "plus", MINUS = "minus", HOME = "home", CLOSE = "close", SEARCH = "search", PIN = "pin",
    WARNING = "warning", RETRY = "retry", OFFLINE = "offline", CLOSER = "closer", COMPASS = "compass", CLOCK = "clock",
    LABELS = "labels", GROUND = "ground", TRANSPORT = "transport", BUILDINGS = "buildings", FURNITURE = "furniture", OTHER = "other",
    SEE_THROUGH = "see-through", UNDERGROUND = "underground",
}

impl Icon {
    pub(super) fn of_theme(theme: Theme) -> Self {
        match theme {
            Theme::Ground => GROUND,
            Theme::Transport => TRANSPORT,
            Theme::Buildings => BUILDINGS,
            Theme::Furniture => FURNITURE,
            Theme::Other => OTHER,
        }
    }

    /// The icon; its meaning is told by the words beside it or by its button's label.
    pub(super) fn view(self) -> impl IntoView {
        view! { <span class="icon" aria-hidden="true" inner_html=self.0></span> }
    }
}
