//! Where the person is, when they ask for what is near them. The position stays in the page.

use super::browser::window;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Position, PositionError};

/// What is known of where the person is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Whereabouts {
    /// Nobody has asked.
    Unasked,
    Asking,
    /// Longitude and latitude, degrees.
    At(f64, f64),
    Refused,
}

impl Whereabouts {
    pub(super) fn position(self) -> Option<[f64; 2]> {
        match self {
            Self::At(lon, lat) => Some([lon, lat]),
            _ => None,
        }
    }
}

/// Asks the browser once, which asks the person.
pub(super) fn ask(whereabouts: RwSignal<Whereabouts>) {
    let Ok(geolocation) = window().navigator().geolocation() else { return whereabouts.set(Whereabouts::Refused) };
    whereabouts.set(Whereabouts::Asking);
    let found = Closure::once_into_js(move |position: Position| {
        let at = position.coords();
        whereabouts.set(Whereabouts::At(at.longitude(), at.latitude()));
    });
    let refused = Closure::once_into_js(move |_: PositionError| whereabouts.set(Whereabouts::Refused));
    let asked =
        geolocation.get_current_position_with_error_callback(found.unchecked_ref(), Some(refused.unchecked_ref()));
    if asked.is_err() {
        whereabouts.set(Whereabouts::Refused);
    }
}
