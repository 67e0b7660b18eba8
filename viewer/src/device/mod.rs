//! Everything that needs a browser.

mod viewer;

pub use viewer::{Subscription, Viewer};
