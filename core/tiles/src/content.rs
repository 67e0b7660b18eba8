//! What a tile's content becomes: plain arrays in the layout that a GPU takes, and columns of properties.
//!
//! A [`TileContent`] crosses from a decode worker to the main thread as one small header (this struct, without its
//! bulk arrays, in `postcard`) and three bulk byte arrays that move without a copy.

use crate::Problem;
use serde::{Deserialize, Serialize};

/// One decoded content: what to draw and what is known about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TileContent {
    /// Every vertex and instance array, each 4-byte aligned; goes into one vertex buffer.
    #[serde(skip)]
    pub vertices: Vec<u8>,
    /// Every index array, each 4-byte aligned; goes into one index buffer.
    #[serde(skip)]
    pub indices: Vec<u8>,
    /// Every property column, as [`PropertyTable`] refers to it.
    #[serde(skip)]
    pub property_bytes: Vec<u8>,
    /// What to draw, in the file's order.
    pub primitives: Vec<Primitive>,
    /// Property tables of the features.
    pub tables: Vec<PropertyTable>,
    /// Extensions that the content uses, sorted.
    pub extensions_used: Vec<String>,
    /// What was wrong with parts of it; those parts are left out.
    pub problems: Vec<Problem>,
}

/// What the GPU assembles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Topology {
    /// A triangle list (strips and fans are unrolled).
    Triangles,
    /// A line list (strips and loops are unrolled).
    Lines,
    /// Points.
    Points,
}

/// One draw call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Primitive {
    /// What it is made of.
    pub topology: Topology,
    /// Column-major; from the attribute's values (dequantised by their `normalized` flag only) to the tile's own
    /// z-up frame, metres. Holds the node's transform, the quantisation scale and the y-up to z-up turn.
    pub tile_from_local: [f64; 16],
    /// Vertices.
    pub vertex_count: u32,
    /// Positions, 3 components.
    pub positions: Attribute,
    /// Unit normals, 3 components, in local axes; absent: flat shading from derivatives.
    pub normals: Option<Attribute>,
    /// Linear RGBA, 4 components.
    pub colors: Option<Attribute>,
    /// Feature ids, 1 component.
    pub feature_ids: Option<Attribute>,
    /// The drawn elements; absent: vertices in order.
    pub indices: Option<IndexRange>,
    /// Pairs of indices of edges to draw as lines (`CESIUM_primitive_outline`).
    pub outline: Option<IndexRange>,
    /// Linear RGBA factor of the material.
    pub base_color: [f32; 4],
    /// Back faces are drawn too.
    pub double_sided: bool,
    /// Flat things that lie in the ground plane: drawn in ascending order, without depth test among themselves
    /// (material `extras.citytwinFlat`).
    pub flat_order: Option<u8>,
    /// Drawn once per instance when present.
    pub instances: Option<Instances>,
    /// Index into [`TileContent::tables`] of the property table that feature ids point to.
    pub table: Option<u32>,
    /// The feature id that means "no feature".
    pub null_feature_id: Option<u32>,
    /// Smallest and largest corner, in the tile's own z-up frame, metres; instances included.
    pub bounds: [[f64; 3]; 2],
}

/// Where an attribute's values lie in [`TileContent::vertices`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Bytes from the start of the array to the first value; a multiple of 4.
    pub offset: u32,
    /// Bytes from value to value; a multiple of 4.
    pub stride: u32,
    /// Type of each component.
    pub component: Component,
    /// Components per value, 1 to 4.
    pub components: u8,
    /// Integers stand for 0..1 (unsigned) or −1..1 (signed), as in glTF.
    pub normalized: bool,
}

/// Type of a component, as glTF and WebGL number them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u32)]
pub enum Component {
    /// `BYTE`.
    I8 = 0x1400,
    /// `UNSIGNED_BYTE`.
    U8 = 0x1401,
    /// `SHORT`.
    I16 = 0x1402,
    /// `UNSIGNED_SHORT`.
    U16 = 0x1403,
    /// `UNSIGNED_INT`.
    U32 = 0x1405,
    /// `FLOAT`.
    F32 = 0x1406,
}

/// Where indices lie in [`TileContent::indices`]. Each index is below its primitive's `vertex_count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRange {
    /// Bytes from the start; a multiple of 4.
    pub offset: u32,
    /// Number of indices.
    pub count: u32,
    /// 32-bit indices; else 16-bit.
    pub wide: bool,
}

/// Instances of a primitive (`EXT_mesh_gpu_instancing`, `i3dm`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instances {
    /// How many.
    pub count: u32,
    /// Per instance three rows of four `f32` (48 bytes, row-major 3×4): instance transform, applied between the
    /// mesh and [`Primitive::tile_from_local`]: `tile = tile_from_local * instance * local`. For quantised meshes
    /// the mesh's own dequantisation is folded into the instance.
    pub transforms: Attribute,
    /// Feature ids per instance.
    pub feature_ids: Option<Attribute>,
}

/// A table of feature properties: columns over [`TileContent::property_bytes`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PropertyTable {
    /// Class in the schema.
    pub class: String,
    /// Number of features.
    pub count: u32,
    /// Its columns, by property id.
    pub columns: Vec<Column>,
}

/// One column of a [`PropertyTable`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Property id in the schema.
    pub id: String,
    /// How its bytes are read.
    pub kind: ColumnKind,
    /// Byte range of the values in [`TileContent::property_bytes`].
    pub values: (u32, u32),
    /// Byte range of the `count + 1` string offsets, little-endian `u32`; strings only.
    pub string_offsets: (u32, u32),
    /// The value that means "unknown", as text for strings and enums, as a stored number (before scale and offset)
    /// otherwise.
    pub no_data: Option<Value>,
    /// What stands for an unknown value.
    pub default: Option<Value>,
}

/// How a column's bytes are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ColumnKind {
    /// UTF-8 between consecutive offsets.
    String,
    /// Bits, least significant first.
    Boolean,
    /// Little-endian scalar, scaled and offset.
    Scalar {
        /// Type of the stored number.
        number: Number,
        /// value = stored · scale + offset.
        scale: f64,
        /// See `scale`.
        offset: f64,
    },
    /// Enum: stored number to name.
    Enum {
        /// Type of the stored number.
        number: Number,
        /// Names by value.
        names: Vec<(i64, String)>,
    },
    /// A vector, matrix or array: kept as JSON text, one string per row.
    Json,
}

/// Type of a stored number, as in 3D Metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Number {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

/// One property of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Text; also the name of an enum's value, and JSON for arrays.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Boolean(bool),
}
