//! Things on the GPU that are made when they are first needed.

use crate::ViewerError;

/// Made once; what the GPU refuses is not asked for again before the next context.
pub(super) struct Later<T>(Option<Result<T, ViewerError>>);

impl<T> Default for Later<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Later<T> {
    /// The thing; `None` when the GPU refuses.
    pub(super) fn get(&mut self, make: impl FnOnce() -> Result<T, ViewerError>) -> Option<&mut T> {
        self.0.get_or_insert_with(make).as_mut().ok()
    }

    /// The thing, if it has been made.
    pub(super) fn made(&self) -> Option<&T> {
        self.0.as_ref()?.as_ref().ok()
    }

    /// Forgets the thing, to make another; what was refused stays refused.
    pub(super) fn take(&mut self) -> Option<T> {
        match self.0.take() {
            Some(Ok(thing)) => Some(thing),
            refused => {
                self.0 = refused;
                None
            }
        }
    }
}
