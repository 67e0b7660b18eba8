//! Everything that needs a browser.

mod core;
mod debug;
mod files;
mod gpu;
mod labels;
mod lettering;
mod listeners;
mod look;
mod obstacles;
mod panel;
mod picking;
mod pool;
mod rasters;
mod shared;
mod sight;
mod styles;
mod tile;
mod timer;
mod viewer;

pub use viewer::{Subscription, Viewer};
