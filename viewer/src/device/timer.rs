//! A call that comes later.

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;

/// A call that is due; dropping it calls it off.
pub(super) struct Timer {
    id: i32,
    _call: Closure<dyn FnMut()>,
}

impl Timer {
    /// Calls after so many milliseconds. `None` without a window to call in.
    pub(super) fn after(ms: f64, call: impl FnMut() + 'static) -> Option<Self> {
        let call = Closure::<dyn FnMut()>::new(call);
        let window = web_sys::window()?;
        // Browsers keep the time in 31 bits.
        let ms = ms.clamp(0.0, f64::from(i32::MAX)).ceil() as i32;
        let id =
            window.set_timeout_with_callback_and_timeout_and_arguments_0(call.as_ref().unchecked_ref(), ms).ok()?;
        Some(Self { id, _call: call })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(window) = web_sys::window() {
            window.clear_timeout_with_handle(self.id);
        }
    }
}
