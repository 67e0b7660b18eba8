//! `citytwin bake`: a city's own data to `twin.json` and 3D Tiles.
//!
//! Four steps, each a function of the step before it, so that the same input gives the same bytes:
//! `osm` (bytes → [`model::City`]) → `mesh` (things → triangles) → `tile` (triangles → quadtree) → `write` (files).

mod error;
pub mod mesh;
pub mod model;
mod progress;

pub use error::BakeError;
pub use progress::{Progress, Silent};
