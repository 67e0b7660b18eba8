//! The few things that the shell asks the browser for, with failures as plain values.

use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, Url, UrlSearchParams, Window};

/// Where the chosen language is remembered. boot.js reads it too.
const LANG_KEY: &str = "citytwin.lang";

pub(super) fn window() -> Window {
    web_sys::window().expect("the shell runs in a page")
}

pub(super) fn element_by_id(id: &str) -> Option<HtmlElement> {
    window().document()?.get_element_by_id(id)?.dyn_into().ok()
}

pub(super) fn root() -> Option<HtmlElement> {
    window().document()?.document_element()?.dyn_into().ok()
}

/// Remembers the language; where storage is switched off, only for this page.
pub(super) fn remember_language(tag: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(LANG_KEY, tag);
    }
}

/// A parameter of the page's query.
pub(super) fn query_parameter(name: &str) -> Option<String> {
    let query = window().location().search().ok()?;
    UrlSearchParams::new_with_str(&query).ok()?.get(name)
}

/// `relative` against the page's address, and whether it leads to the page's own site.
pub(super) fn resolve(relative: &str) -> Option<(String, bool)> {
    let page = Url::new(&window().location().href().ok()?).ok()?;
    let url = Url::new_with_base(relative, &page.href()).ok()?;
    Some((url.href(), url.origin() == page.origin()))
}

pub(super) fn hash() -> String {
    window().location().hash().unwrap_or_default()
}

/// Replaces the address's hash without a step in the history.
pub(super) fn replace_hash(hash: &str) {
    if let Ok(history) = window().history() {
        // Browsers refuse when it happens too often; then the address stays one view behind.
        let _ = history.state().and_then(|state| history.replace_state_with_url(&state, "", Some(hash)));
    }
}

pub(super) fn reload() {
    let _ = window().location().reload();
}

pub(super) fn is_online() -> bool {
    window().navigator().on_line()
}

/// Height of the window, CSS pixels.
pub(super) fn window_height() -> f64 {
    root().map_or(1.0, |root| f64::from(root.client_height().max(1)))
}

pub(super) fn focus(id: &str) {
    if let Some(element) = element_by_id(id) {
        let _ = element.focus();
    }
}

/// Milliseconds since 1970-01-01 UTC.
pub(super) fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// By how much the device's clocks are ahead of UTC at a time, minutes.
pub(super) fn clock_offset_min(time_ms: f64) -> f64 {
    let date = js_sys::Date::new_0();
    date.set_time(time_ms);
    -date.get_timezone_offset()
}

/// Whether the focus is on the element or on something in it.
pub(super) fn has_focus_within(id: &str) -> bool {
    let active = window().document().and_then(|document| document.active_element());
    let (Some(element), Some(active)) = (element_by_id(id), active) else { return false };
    element.contains(Some(&active))
}

/// Whether keys typed now go into a text field.
pub(super) fn is_typing() -> bool {
    let active = window().document().and_then(|document| document.active_element());
    active.is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"))
}
