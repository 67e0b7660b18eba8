//! A mark behind what the device was told to do, to see when it is done with that.

use std::cell::RefCell;
use web_sys::{WebGl2RenderingContext as Gl, WebGlSync};

/// At most one mark; a second one only once the first was seen to be passed.
#[derive(Default)]
pub(in crate::device) struct Fence(RefCell<Option<WebGlSync>>);

impl Fence {
    /// Puts a mark behind all that was asked for until now; the browser hands it on with the frame. False when there is
    /// one already.
    pub(in crate::device) fn raise(&self, gl: &Gl) -> bool {
        let mut sync = self.0.borrow_mut();
        let free = sync.is_none();
        if free {
            *sync = gl.fence_sync(Gl::SYNC_GPU_COMMANDS_COMPLETE, 0);
        }
        free
    }

    /// Whether the mark is passed, or there is none.
    pub(in crate::device) fn is_passed(&self, gl: &Gl) -> bool {
        let mut sync = self.0.borrow_mut();
        let Some(raised) = sync.as_ref() else { return true };
        // A lost context has no status.
        let is_passed = gl.get_sync_parameter(raised, Gl::SYNC_STATUS).as_f64() != Some(f64::from(Gl::UNSIGNALED));
        if is_passed {
            gl.delete_sync(sync.take().as_ref());
        }
        is_passed
    }
}
