//! What the viewer hears from the page: pointers, wheel, keys, sizes, and the fate of its graphics context.

use super::core::Core;
use super::picking::Purpose;
use super::shared::{Shared, now_ms};
use crate::ViewerError;
use crate::gesture::{Act, Pointer};
use crate::motion::Key;
use glam::DVec2;
use js_sys::Function;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue};
use web_sys::{
    AddEventListenerOptions, Event, EventTarget, HtmlCanvasElement, KeyboardEvent, MouseEvent, PointerEvent,
    ResizeObserver, WheelEvent,
};

/// A wheel step of 100 pixels changes the distance by this power of e.
const WHEEL_ZOOM_PER_PX: f64 = 0.0018;
/// A pinch on a touchpad arrives as a wheel with Control held, in smaller numbers.
const PINCH_ZOOM_PER_PX: f64 = 0.01;

/// A listener that ends when dropped.
struct Listener {
    target: EventTarget,
    kind: &'static str,
    hear: Closure<dyn FnMut(Event)>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Fails only for a bad kind, which adding would have told.
        let _ = self.target.remove_event_listener_with_callback(self.kind, self.hear.as_ref().unchecked_ref());
    }
}

/// All of a viewer's listeners.
pub(super) struct Listeners {
    _events: Vec<Listener>,
    /// Of the screen's pixel ratio: the latest, and the one before, which may be speaking.
    ratios: Vec<Listener>,
    sizes: ResizeObserver,
    _on_size: Closure<dyn FnMut()>,
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.sizes.disconnect();
    }
}

type Hear = fn(&Rc<Shared>, &Event);

impl Listeners {
    /// Makes the canvas focusable, takes its gestures from the browser, and listens.
    ///
    /// # Errors
    /// [`ViewerError::Browser`] when the browser refuses a listener.
    pub(super) fn new(shared: &Rc<Shared>, canvas: &HtmlCanvasElement) -> Result<Self, ViewerError> {
        if canvas.tab_index() < 0 {
            canvas.set_tab_index(0);
        }
        // Without it the browser scrolls and zooms the page instead. Setting a known property cannot fail.
        let _ = canvas.style().set_property("touch-action", "none");
        let window = web_sys::window().ok_or_else(|| refused("the page", &JsValue::NULL))?;
        let on_canvas: [(&'static str, Hear); 13] = [
            ("pointerdown", pointer_down),
            ("pointermove", pointer_moved),
            ("pointerup", pointer_up),
            ("pointercancel", pointer_cancelled),
            ("lostpointercapture", pointer_cancelled),
            ("pointerleave", pointer_left),
            ("wheel", wheel),
            ("keydown", key_down),
            ("keyup", key_up),
            ("blur", blurred),
            ("contextmenu", |_, event| event.prevent_default()),
            ("webglcontextlost", context_lost),
            ("webglcontextrestored", |shared, _| shared.context_restored()),
        ];
        let mut events = Vec::with_capacity(on_canvas.len() + 2);
        for (kind, hear) in on_canvas {
            events.push(listen(shared, canvas, kind, hear)?);
        }
        // Also told when the page is zoomed.
        events.push(listen(shared, &window, "resize", |shared, _| measure(shared))?);
        events.push(listen(shared, &window, "online", |shared, _| {
            shared.change(Core::retry);
        })?);
        let weak = Rc::downgrade(shared);
        let on_size = Closure::<dyn FnMut()>::new(move || {
            if let Some(shared) = weak.upgrade() {
                measure(&shared);
            }
        });
        let sizes = ResizeObserver::new(on_size.as_ref().unchecked_ref())
            .map_err(|error| refused("a ResizeObserver", &error))?;
        sizes.observe(canvas);
        let mut listeners = Self { _events: events, ratios: Vec::new(), sizes, _on_size: on_size };
        listeners.follow_ratio(shared);
        Ok(listeners)
    }

    /// Hears when the screen has other pixels than now, as after the window has moved to another one.
    pub(super) fn follow_ratio(&mut self, shared: &Rc<Shared>) {
        let Some(window) = web_sys::window() else { return };
        let query = format!("(resolution: {}dppx)", window.device_pixel_ratio());
        let query = window.match_media(&query).ok().flatten();
        let listener = query.and_then(|query| listen(shared, &query, "change", |shared, _| ratio_changed(shared)).ok());
        if self.ratios.len() > 1 {
            self.ratios.remove(0);
        }
        self.ratios.extend(listener);
    }
}

fn listen(shared: &Rc<Shared>, target: &EventTarget, kind: &'static str, hear: Hear) -> Result<Listener, ViewerError> {
    let weak = Rc::downgrade(shared);
    let hear = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
        if let Some(shared) = weak.upgrade() {
            hear(&shared, &event);
        }
    });
    // A wheel listener must be able to keep the page from scrolling.
    let options = AddEventListenerOptions::new();
    options.set_passive(false);
    let function: &Function = hear.as_ref().unchecked_ref();
    target
        .add_event_listener_with_callback_and_add_event_listener_options(kind, function, &options)
        .map_err(|error| refused("a listener", &error))?;
    Ok(Listener { target: target.clone(), kind, hear })
}

fn refused(what: &'static str, error: &JsValue) -> ViewerError {
    ViewerError::Browser { what, message: super::pool::text(error) }
}

fn ratio_changed(shared: &Rc<Shared>) {
    measure(shared);
    shared.follow_ratio();
}

fn measure(shared: &Shared) {
    shared.change(Core::measure);
}

fn place(event: &MouseEvent) -> DVec2 {
    DVec2::new(f64::from(event.offset_x()), f64::from(event.offset_y()))
}

fn pointer(event: &PointerEvent) -> Pointer {
    Pointer {
        id: event.pointer_id(),
        at: place(event),
        turns: event.button() > 0 || (event.ctrl_key() && event.pointer_type() == "mouse"),
        time_ms: event.time_stamp(),
    }
}

/// Carries out what a pointer event means.
fn act(core: &mut Core, act: Option<Act>, time_ms: f64) {
    let Some(act) = act else { return };
    core.motion.set_reduced(reduced_motion());
    core.motion.act(&mut core.camera, act, time_ms);
    if let Act::Tap { at } = act {
        core.ask(at, Purpose::Click);
    }
}

/// Whether the visitor asked for less motion.
pub(super) fn reduced_motion() -> bool {
    let query = web_sys::window().and_then(|window| window.match_media("(prefers-reduced-motion: reduce)").ok()?);
    query.is_some_and(|query| query.matches())
}

fn pointer_down(shared: &Rc<Shared>, event: &Event) {
    let Some(event) = event.dyn_ref::<PointerEvent>() else { return };
    shared.change(|core| {
        // A pointer that is gone already cannot be captured; then it is not held either.
        let _ = core.canvas.set_pointer_capture(event.pointer_id());
        let down = core.gestures.down(pointer(event));
        act(core, down, event.time_stamp());
    });
}

fn pointer_moved(shared: &Rc<Shared>, event: &Event) {
    let Some(event) = event.dyn_ref::<PointerEvent>() else { return };
    shared.change(|core| {
        if core.gestures.active() {
            let moved = core.gestures.moved(pointer(event));
            act(core, moved, event.time_stamp());
        } else if event.pointer_type() != "touch" {
            core.hover_moved(place(event));
        }
    });
}

fn pointer_up(shared: &Rc<Shared>, event: &Event) {
    let Some(event) = event.dyn_ref::<PointerEvent>() else { return };
    shared.change(|core| {
        let up = core.gestures.up(pointer(event));
        act(core, up, event.time_stamp());
    });
}

fn pointer_cancelled(shared: &Rc<Shared>, event: &Event) {
    let Some(event) = event.dyn_ref::<PointerEvent>() else { return };
    shared.change(|core| {
        let cancelled = core.gestures.cancelled(event.pointer_id());
        act(core, cancelled, event.time_stamp());
    });
}

fn pointer_left(shared: &Rc<Shared>, _: &Event) {
    shared.change(Core::hover_ends);
}

fn wheel(shared: &Rc<Shared>, event: &Event) {
    let Some(event) = event.dyn_ref::<WheelEvent>() else { return };
    event.prevent_default();
    shared.change(|core| {
        let px_per_unit = match event.delta_mode() {
            WheelEvent::DOM_DELTA_LINE => 18.0,
            WheelEvent::DOM_DELTA_PAGE => core.camera.size_css().y,
            _ => 1.0,
        };
        let per_px = if event.ctrl_key() { PINCH_ZOOM_PER_PX } else { WHEEL_ZOOM_PER_PX };
        let power = (event.delta_y() * px_per_unit * per_px).clamp(-1.0, 1.0);
        core.motion.set_reduced(reduced_motion());
        core.motion.zoom_by(&mut core.camera, power.exp(), place(event));
    });
}

fn key_down(shared: &Rc<Shared>, event: &Event) {
    let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
    if event.ctrl_key() || event.alt_key() || event.meta_key() {
        return;
    }
    let name = event.key();
    let known = shared.change(|core| {
        core.motion.set_reduced(reduced_motion());
        match (Key::named(&name, event.shift_key()), name.as_str()) {
            (Some(key), _) => core.motion.key_down(key, now_ms()),
            (None, "n" | "N") => core.motion.north_up(&mut core.camera, now_ms()),
            (None, "h" | "H" | "Home") => core.go_home(now_ms()),
            _ => return false,
        }
        true
    });
    if known == Some(true) {
        event.prevent_default();
    }
}

fn key_up(shared: &Rc<Shared>, event: &Event) {
    let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
    let name = event.key();
    shared.change(|core| {
        // Shift may have been let go first, so both meanings of the key end; and all end with Shift itself.
        let meanings = [Key::named(&name, false), Key::named(&name, true)];
        core.motion.keys_up(|key| name == "Shift" || meanings.contains(&Some(key)));
    });
}

fn blurred(shared: &Rc<Shared>, _: &Event) {
    shared.change(|core| core.motion.keys_up(|_| true));
}

fn context_lost(shared: &Rc<Shared>, event: &Event) {
    // Without this the browser never gives the context back.
    event.prevent_default();
    shared.context_lost();
}
