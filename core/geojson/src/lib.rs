//! GeoJSON (RFC 7946) to a 3D Tiles tileset, made where it is shown.
//!
//! What a page brings along is drawn as any tileset is: in tiles that are culled, with features that are picked,
//! highlighted and styled by their properties. [`tileset`] is a function of the data and a [`Shape`]; it knows no
//! network and no GPU.
//!
//! # Conventions
//! * Longitudes and latitudes are degrees (WGS84), longitude first; heights and lengths are metres, heights above the
//!   ellipsoid.
//! * Points become points of some pixels, or discs; lines become ribbons; polygons are filled. Any of them but points of
//!   pixels can be extruded upwards.
//! * What has no height lies flat on the ground, in the ground's own drawing order. What has one stands where it says.
//! * A document that is not GeoJSON is an error. A feature that cannot be shown is left out, counted and told as a
//!   [`Problem`]; so is a property's expression that has no value.
//! * Colours are not decided here: they are a style of the layer.

mod outline;
mod read;
mod shape;
mod tile;

pub use citytwin_tiles::Problem;
pub use shape::Shape;

use read::Features;

/// Bounds on what a document may ask for. One over [`Limits::max_bytes`] or [`Limits::max_features`] is refused; further
/// vertices than [`Limits::max_vertices`] are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document. Default 256 MiB.
    pub max_bytes: usize,
    /// Features. Default 2,000,000.
    pub max_features: usize,
    /// Vertices that are drawn. Default 20,000,000.
    pub max_vertices: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 256 << 20, max_features: 2_000_000, max_vertices: 20_000_000 }
    }
}

/// A tileset, and what became of the features.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tileset {
    /// Path and bytes of each file; the first is `tileset.json`.
    pub files: Vec<(String, Vec<u8>)>,
    /// Features that are shown.
    pub shown: u32,
    /// Features that are left out.
    pub left_out: u32,
    /// What was wrong: each kind once, with the number of features.
    pub problems: Vec<Problem>,
    /// West, south, east and north edge of what is shown, degrees; nothing when nothing is.
    pub bbox: Option<[f64; 4]>,
}

/// Makes a tileset of a GeoJSON document: a `FeatureCollection`, a `Feature` or a geometry.
///
/// # Errors
/// `geojson-malformed` when the text is no JSON or no GeoJSON, or is cut off; `geojson-too-large` when it is over a limit.
/// The place is a line and a column where there is one.
pub fn tileset(document: &[u8], shape: &Shape, limits: &Limits) -> Result<Tileset, Problem> {
    if document.len() > limits.max_bytes {
        let message = format!("it has {} bytes; the limit is {}", document.len(), limits.max_bytes);
        return Err(Problem::new("geojson-too-large", message, "document"));
    }
    let features = Features::read(document, limits)?;
    Ok(tile::build(features, shape, limits))
}
