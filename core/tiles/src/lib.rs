//! 3D Tiles and glTF bytes to plain arrays; tile tree, selection, request queue and cache budget; styles.
//!
//! # Conventions
//! * Everything here is a function of data: no GPU, no network, no clock, no threads, no JavaScript. The engine is
//!   *told* what arrived and *says* what to draw, fetch, abort and free.
//! * Frames: `ecef` (metres), `tile` (a tile's own z-up frame), `local` (a primitive's attribute values). Matrices are
//!   column-major and named destination first: `ecef_from_tile`.
//! * Failures: a call that cannot do its job returns [`Problem`] as the error; a part that is bad becomes a
//!   [`Problem`] in the output and the rest goes on. Sizes and counts in headers are never trusted.

mod bounds;
mod compact;
mod content;
mod decode;
mod doc;
mod engine;
mod entity;
mod extent;
mod hull;
mod info;
mod memo;
mod problem;
mod property;
mod raster;
mod s2;
mod style;
mod terrain;
mod url;
mod view;
pub mod wire;

pub use content::{
    Alpha, Attribute, Column, ColumnKind, Component, FeatureIds, FeatureSet, Filter, Hierarchy, Image, ImageFormat,
    IndexRange, Instances, Number, Primitive, PropertyAttribute, PropertyShape, PropertyTable, PropertyTexture,
    Sampler, Texture, TextureRef, TileContent, Topology, Value, Wrap,
};
#[cfg(feature = "images")]
pub use decode::Pixels;
pub use decode::{
    Decoded, Decoder, Limits, Resources, What, base64, decode, decode_fetching, decode_with, understands,
};
pub use doc::{
    Availability, ContentDetails, DocTile, Implicit, Refine, SubtreeDoc, SubtreeShape, TileDetails, TileMetadata,
    TilesetDoc, UpAxis, Volume,
};
pub use engine::{
    Admission, Arrival, Engine, Fetch, Frame, Options, Progress, RequestId, TileId, TileInfo, TileState, TilesetId,
};
pub use entity::{ClassProperty, ClassStatistics, MetadataClass, MetadataEntity, MetadataEnum, PropertyRange, Schema};
pub use extent::Extent;
pub use info::ContentInfo;
pub use problem::Problem;
pub use raster::{RasterScheme, RasterTemplate, RasterTile, raster_tiles};
pub use style::{Features, PointFeatures, RegExp, Style, StyleLimits, StyleValue, Styled, TableFeatures, Vector};
pub use terrain::{
    GroundHeights, TerrainDoc, TerrainFormat, TerrainGrid, TerrainMesh, TerrainPlace, TerrainSource, TerrainTile,
};
pub use url::resolve_url;
pub use view::View;
