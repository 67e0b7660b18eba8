//! What a tile's content becomes: plain arrays in the layout that a GPU takes, and columns of properties.
//!
//! A [`TileContent`] crosses from a decode worker to the main thread as one small header (this struct, without its
//! bulk arrays, in [`wire`](crate::wire)) and four bulk byte arrays that move without a copy.

use crate::{GroundHeights, Problem};

/// One decoded content: what to draw and what is known about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TileContent {
    /// Every vertex and instance array, each 4-byte aligned; goes into one vertex buffer.
    pub vertices: Vec<u8>,
    /// Every index array, each 4-byte aligned; goes into one index buffer.
    pub indices: Vec<u8>,
    /// Every property column, as [`PropertyTable`] refers to it.
    pub property_bytes: Vec<u8>,
    /// Every image, as [`Image`] refers to it.
    pub image_bytes: Vec<u8>,
    /// What to draw, in the file's order.
    pub primitives: Vec<Primitive>,
    /// Pictures that textures show.
    pub images: Vec<Image>,
    /// Images with the way they are sampled.
    pub textures: Vec<Texture>,
    /// Property tables of the features.
    pub tables: Vec<PropertyTable>,
    /// Properties per texel (`EXT_structural_metadata`).
    pub property_textures: Vec<PropertyTexture>,
    /// Properties per vertex (`EXT_structural_metadata`).
    pub property_attributes: Vec<PropertyAttribute>,
    /// Heights of the ground, where it is a tile of a terrain.
    pub ground: Option<Box<GroundHeights>>,
    /// Extensions that the content uses, sorted.
    pub extensions_used: Vec<String>,
    /// What was wrong with parts of it; those parts are left out.
    pub problems: Vec<Problem>,
}

/// What the GPU assembles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Topology {
    /// A triangle list (strips and fans are unrolled).
    #[default]
    Triangles,
    /// A line list (strips and loops are unrolled).
    Lines,
    /// Points.
    Points,
}

/// One draw call. The default is an empty triangle list in opaque white.
#[derive(Clone, Debug, PartialEq)]
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
    /// Texture coordinates that something refers to: the number of the set, and 2 components. (0, 0) is the image's
    /// upper left corner.
    pub texcoords: Vec<(u32, Attribute)>,
    /// Feature ids, 1 component: of the most useful set of [`Self::feature_sets`] that has them per vertex.
    pub feature_ids: Option<Attribute>,
    /// Every set of feature ids, in the file's order; those of instances first.
    pub feature_sets: Vec<FeatureSet>,
    /// Indices into [`TileContent::property_textures`].
    pub property_textures: Vec<u32>,
    /// Indices into [`TileContent::property_attributes`].
    pub property_attributes: Vec<u32>,
    /// Attributes that its property attributes read, by name (`_INTENSITY`).
    pub metadata_attributes: Vec<(String, Attribute)>,
    /// The drawn elements; absent: vertices in order.
    pub indices: Option<IndexRange>,
    /// Pairs of indices of edges to draw as lines (`CESIUM_primitive_outline`).
    pub outline: Option<IndexRange>,
    /// Linear RGBA factor of the material.
    pub base_color: [f32; 4],
    /// Multiplied with the base colour; its colours are stored in sRGB.
    pub base_color_texture: Option<TextureRef>,
    /// What alpha does.
    pub alpha: Alpha,
    /// Drawn as it is, without light (`KHR_materials_unlit`).
    pub unlit: bool,
    /// Width of points, pixels, where the file says so (`BENTLEY_materials_point_style`).
    pub point_diameter_px: Option<f32>,
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

impl Default for Primitive {
    fn default() -> Self {
        Self {
            topology: Topology::Triangles,
            tile_from_local: glam::DMat4::IDENTITY.to_cols_array(),
            vertex_count: 0,
            positions: Attribute::default(),
            normals: None,
            colors: None,
            texcoords: Vec::new(),
            feature_ids: None,
            feature_sets: Vec::new(),
            property_textures: Vec::new(),
            property_attributes: Vec::new(),
            metadata_attributes: Vec::new(),
            indices: None,
            outline: None,
            base_color: [1.0; 4],
            base_color_texture: None,
            alpha: Alpha::Opaque,
            unlit: false,
            point_diameter_px: None,
            double_sided: false,
            flat_order: None,
            instances: None,
            table: None,
            null_feature_id: None,
            bounds: [[0.0; 3]; 2],
        }
    }
}

/// What a material's alpha does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Alpha {
    /// Nothing.
    #[default]
    Opaque,
    /// Below this value nothing is drawn, else opaque.
    Mask(f32),
    /// It blends with what is behind.
    Blend,
}

/// A set of feature ids of a primitive (`EXT_mesh_features`, `EXT_instance_features`, batch ids).
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureSet {
    /// Where the ids are.
    pub ids: FeatureIds,
    /// Ids of instances; else of vertices (or texels).
    pub of_instances: bool,
    /// Name of the set, for people and styles.
    pub label: Option<String>,
    /// Different features that the file claims; 0 where it does not say.
    pub feature_count: u32,
    /// The id that means "no feature".
    pub null_id: Option<u32>,
    /// Index into [`TileContent::tables`].
    pub table: Option<u32>,
}

/// Where feature ids are.
#[derive(Clone, Debug, PartialEq)]
pub enum FeatureIds {
    /// One per vertex or instance; 1 component, whole numbers.
    Attribute(Attribute),
    /// The number of the vertex or instance itself.
    Implicit,
    /// In a texture: the channels' bytes, least significant first. Never filtered.
    Texture {
        /// Where to read.
        texture: TextureRef,
        /// Channels (0 is red), at most 4.
        channels: Vec<u8>,
    },
}

/// A texture as a primitive uses it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextureRef {
    /// Index into [`TileContent::textures`].
    pub texture: u32,
    /// The set of [`Primitive::texcoords`].
    pub texcoords: u32,
    /// Row-major 2×3: `[u', v'] = M · [u, v, 1]` (`KHR_texture_transform`).
    pub transform: [f32; 6],
}

impl TextureRef {
    /// The transform that changes nothing.
    pub const IDENTITY: [f32; 6] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
}

/// An image with the way it is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texture {
    /// Index into [`TileContent::images`].
    pub image: u32,
    /// How it is sampled.
    pub sampler: Sampler,
}

/// How a texture is sampled; the default is glTF's: repeat, linear, mipmapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    /// Beyond the edges, along u and v.
    pub wrap: [Wrap; 2],
    /// Between texels, enlarged.
    pub magnify: Filter,
    /// Between texels, reduced.
    pub minify: Filter,
    /// Between mipmap levels; `None` draws without mipmaps.
    pub mipmap: Option<Filter>,
}

impl Default for Sampler {
    fn default() -> Self {
        Self { wrap: [Wrap::Repeat; 2], magnify: Filter::Linear, minify: Filter::Linear, mipmap: Some(Filter::Linear) }
    }
}

/// Beyond the edge of a texture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrap {
    /// Again from the start.
    #[default]
    Repeat,
    /// Back and forth.
    Mirror,
    /// The texel at the edge.
    Clamp,
}

/// Which texels make a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The nearest one.
    Nearest,
    /// Those around it, weighed.
    Linear,
}

/// A picture in [`TileContent::image_bytes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// How its bytes are read.
    pub format: ImageFormat,
    /// Pixels, as the header says.
    pub width: u32,
    /// Pixels, as the header says.
    pub height: u32,
    /// Byte ranges of the mipmap levels, largest first; encoded formats have one.
    pub levels: Vec<(u32, u32)>,
}

/// How an image's bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageFormat {
    /// The bytes of a PNG file.
    Png,
    /// The bytes of a JPEG file.
    Jpeg,
    /// The bytes of a WebP file.
    Webp,
    /// Four bytes per pixel, rows from the top, without padding.
    Rgba8,
    /// `COMPRESSED_RGBA_ASTC_4x4_KHR`.
    Astc4x4,
    /// `COMPRESSED_RGBA_BPTC_UNORM_EXT`.
    Bc7,
    /// `COMPRESSED_RGB_S3TC_DXT1_EXT`.
    Bc1,
    /// `COMPRESSED_RGBA_S3TC_DXT5_EXT`.
    Bc3,
    /// `COMPRESSED_RGB8_ETC2`.
    Etc2Rgb,
    /// `COMPRESSED_RGBA8_ETC2_EAC`.
    Etc2Rgba,
}

impl ImageFormat {
    /// The media type of a file that a browser decodes; `None` for what the GPU takes as it is.
    pub fn mime(self) -> Option<&'static str> {
        match self {
            Self::Png => Some("image/png"),
            Self::Jpeg => Some("image/jpeg"),
            Self::Webp => Some("image/webp"),
            _ => None,
        }
    }
}

/// Properties that a texture holds per texel.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyTexture {
    /// Name, for people.
    pub name: Option<String>,
    /// Class in the schema.
    pub class: String,
    /// Its properties: where each is read, from which channels (0 is red, bytes in this order), and what it means.
    pub properties: Vec<(PropertyShape, TextureRef, Vec<u8>)>,
}

/// Properties that vertex attributes hold.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyAttribute {
    /// Name, for people.
    pub name: Option<String>,
    /// Class in the schema.
    pub class: String,
    /// Its properties and the names of the attributes that hold them ([`Primitive::metadata_attributes`]).
    pub properties: Vec<(PropertyShape, String)>,
}

/// How the stored numbers of one property become its value, for properties that are not in tables.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyShape {
    /// Property id in the schema.
    pub id: String,
    /// What it means (`semantic` of the schema).
    pub semantic: Option<String>,
    /// Type of the stored numbers.
    pub number: Number,
    /// Numbers of a vector or matrix; 1 for the rest.
    pub components: u8,
    /// Elements of an array of fixed length; `None` when it is no array.
    pub array: Option<u32>,
    /// value = stored · scale + offset, per number of a vector, matrix or array, normalisation included; the last
    /// holds for all further ones, none means 1.
    pub scale: Vec<f64>,
    /// See `scale`; none means 0.
    pub offset: Vec<f64>,
    /// Names of an enum's values; empty for the rest.
    pub names: Vec<(i64, String)>,
    /// The value that means "unknown", as stored (before scale and offset).
    pub no_data: Option<Value>,
    /// What stands for an unknown value.
    pub default: Option<Value>,
}

/// Where an attribute's values lie in [`TileContent::vertices`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attribute {
    /// Bytes from the start of the array to the first value; a multiple of 4.
    pub offset: u32,
    /// Bytes from value to value; a multiple of 4.
    pub stride: u32,
    /// Type of each component.
    pub component: Component,
    /// Components per value, 1 to 4; up to 16 for matrices of metadata.
    pub components: u8,
    /// Integers stand for 0..1 (unsigned) or −1..1 (signed), as in glTF.
    pub normalized: bool,
}

/// Type of a component, as glTF and WebGL number them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    #[default]
    F32 = 0x1406,
}

/// Where indices lie in [`TileContent::indices`]. Each index is below its primitive's `vertex_count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexRange {
    /// Bytes from the start; a multiple of 4.
    pub offset: u32,
    /// Number of indices.
    pub count: u32,
    /// 32-bit indices; else 16-bit.
    pub wide: bool,
}

/// Instances of a primitive (`EXT_mesh_gpu_instancing`, `i3dm`).
#[derive(Clone, Copy, Debug, PartialEq)]
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyTable {
    /// Class in the schema.
    pub class: String,
    /// Number of features.
    pub count: u32,
    /// Its columns, by property id.
    pub columns: Vec<Column>,
    /// Classes of a batch table hierarchy; absent when there is none.
    pub hierarchy: Option<Hierarchy>,
}

/// What the features of a batch table are, and what they are parts of (`3DTILES_batch_table_hierarchy`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hierarchy {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Lines of descent, each once: a feature's own class and then those of its ancestors, as indices of `classes`.
    pub lines: Vec<Vec<u32>>,
    /// For each feature, its line.
    pub line_of: Vec<u32>,
}

impl Hierarchy {
    /// The classes of a feature, its own first.
    pub fn classes_of(&self, feature: u32) -> impl Iterator<Item = &str> {
        let line = self.line_of.get(feature as usize).and_then(|line| self.lines.get(*line as usize));
        line.into_iter().flatten().filter_map(|class| self.classes.get(*class as usize)).map(String::as_str)
    }
}

/// One column of a [`PropertyTable`].
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text; also the name of an enum's value, and JSON for arrays.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no.
    Boolean(bool),
}
