//! Everything that needs a browser.

mod core;
mod debug;
mod files;
mod gpu;
mod homing;
mod icons;
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
mod terrain;
mod tile;
mod timer;
mod viewer;
mod workers;

pub use viewer::{Subscription, Viewer};
pub use workers::Workers;
