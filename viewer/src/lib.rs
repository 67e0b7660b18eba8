//! Pixels and devices: draws a twin on a canvas, takes input, picks, and survives a lost WebGL context.
//!
//! # Conventions
//! * Which tiles are drawn is decided by `citytwin-tiles`; this crate fetches, uploads, draws and frees what the
//!   engine names. It does not know what a building or a road means.
//! * World positions are ECEF metres in `f64`; the GPU gets camera-relative `f32` matrices. Matrices are named
//!   destination first: `clip_from_tile = clip_from_rel * rel_from_tile`, where `rel` is ECEF axes with its origin at
//!   the eye.
//! * `_css` are CSS pixels from the canvas's top left corner, y down; `_px` are device pixels. Times are milliseconds
//!   of `performance.now()`, handed in as arguments.
//! * The main thread never parses: module workers decode, and post GPU-ready arrays.
//! * Failures: a call that cannot do its job returns [`ViewerError`]; a bad tile is an [`Event::Problem`].
//!
//! Camera, gestures, flights and matrices are pure and tested natively. Everything under `device` needs a browser:
//! [`Viewer`] and [`Subscription`] exist on `wasm32` only.
//!
//! ```ignore
//! let viewer = Viewer::new(canvas, ViewerOptions { worker_url: worker_url(), ..Default::default() })?;
//! let subscription = viewer.subscribe(|event| if let Event::Click(Some(hit)) = event { show(hit) });
//! viewer.open(&twin, "https://example.org/twin/twin.json");
//! ```

// Without a browser there is no device to use the pure parts; they are here to be tested.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod camera;
mod cascades;
mod clip;
mod collide;
mod daylight;
mod debug;
#[cfg(target_arch = "wasm32")]
mod device;
mod fade;
mod faults;
mod feature_rows;
mod flight;
mod gesture;
mod ground;
mod labels;
mod light;
mod matrix;
mod motion;
mod oneshot;
mod order;
mod pace;
mod pick_window;
mod project;
mod property_rows;
#[cfg(target_arch = "wasm32")]
#[path = "../decode-worker/src/reply.rs"]
mod reply;
mod samples;
mod scene;
mod see_through;
#[path = "../style-worker/src/rows.rs"]
mod style_rows;
mod thrift;
mod types;

pub use camera::Padding;
pub use clip::{Clip, ClipBox, ClipPolygon, Keep, MOST_CORNERS};
pub use debug::{DebugOverlay, TileBoxes};
#[cfg(target_arch = "wasm32")]
pub use device::{Subscription, Viewer, Workers};
pub use ground::TERRAIN;
pub use labels::{LABELS, ShownLabel};
pub use scene::{EyeDome, Fog, PointClouds, Resolution, Scene, SceneError, ShadowMode, Shadows, Sun};
pub use see_through::{CrossFade, Underground, XRay};
pub use types::{Event, Hit, Progress, Stats, ViewerError, ViewerOptions};

pub use citytwin_geo::LookAt;
pub use citytwin_manifest::{Raster, RasterKind, Theme, Twin};
pub use citytwin_tiles::{Problem, Value};
