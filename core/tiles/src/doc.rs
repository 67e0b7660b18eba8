//! What `tileset.json` and subtree files become: flat lists that cross the worker border as they are.

use crate::Problem;
use serde::{Deserialize, Serialize};

/// A tile's bounding volume, in the frame that the specification gives it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Volume {
    /// Centre and three half axes, metres, in the tile's frame (before its transform).
    Box([f64; 12]),
    /// West, south, east, north in radians, minimum and maximum height in metres above the ellipsoid. Transforms do
    /// not apply to it.
    Region([f64; 6]),
    /// Centre and radius, metres, in the tile's frame (before its transform).
    Sphere([f64; 4]),
    /// A cell of the S2 grid between two heights (`3DTILES_bounding_volume_S2`). Transforms do not apply to it.
    S2 {
        /// The 64-bit S2 cell id; a valid one: face below 6, its lowest set bit at an even place.
        cell: u64,
        /// Minimum and maximum height, metres above the ellipsoid.
        heights_m: [f64; 2],
    },
}

impl Volume {
    /// A cell of the S2 grid by its token (the hexadecimal cell id without its trailing zeros); `None` when it is not
    /// the token of a cell, or the heights are not finite or the wrong way round.
    pub fn s2(token: &str, heights_m: [f64; 2]) -> Option<Self> {
        let digits = token.len();
        if !(1..=16).contains(&digits) || !token.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        let cell = u64::from_str_radix(token, 16).ok()? << (4 * (16 - digits));
        let volume = Self::S2 { cell, heights_m };
        volume.is_sane().then_some(volume)
    }
}

/// How a tile's children refine it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refine {
    /// Children are drawn besides the tile.
    Add,
    /// Children are drawn instead of the tile.
    Replace,
}

/// A `tileset.json`, flattened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TilesetDoc {
    /// `asset.version`.
    pub version: String,
    /// Error of drawing nothing of it, metres.
    pub geometric_error: f64,
    /// Depth first; `tiles[0]` is the root; a parent comes before its children.
    pub tiles: Vec<DocTile>,
    /// Extensions that the tileset uses, sorted.
    pub extensions_used: Vec<String>,
    /// What was wrong with parts of it; those parts are left out.
    pub problems: Vec<Problem>,
}

/// One explicit tile of a [`TilesetDoc`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocTile {
    /// Index of the parent in [`TilesetDoc::tiles`], always below the tile's own; `None` for the root.
    pub parent: Option<u32>,
    /// Bounds of the tile and all its descendants.
    pub volume: Volume,
    /// Bounds of the content alone, where the tileset gives them.
    pub content_volume: Option<Volume>,
    /// The tile is only considered while the eye is inside of this.
    pub viewer_request_volume: Option<Volume>,
    /// Error of drawing the tile instead of its children, metres, before the transform's scale.
    pub geometric_error: f64,
    /// Own or inherited refinement.
    pub refine: Refine,
    /// Column-major; product of all transforms from the tileset's root down to this tile.
    pub tileset_from_tile: [f64; 16],
    /// Absolute URLs of the contents; for implicit roots, templates.
    pub contents: Vec<String>,
    /// The tile is the root of an implicit tree.
    pub implicit: Option<Implicit>,
}

/// An implicit tree below a [`DocTile`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Implicit {
    /// Absolute URL template of the subtree files (`{level}`, `{x}`, `{y}`, `{z}`).
    pub subtrees: String,
    /// Levels of the whole tree.
    pub levels: u32,
    /// What a reader of a subtree file must know.
    pub shape: SubtreeShape,
}

/// What a reader of a subtree file must know about the tileset that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubtreeShape {
    /// Eight children per tile; else four.
    pub octree: bool,
    /// Levels of a subtree, at least 1.
    pub subtree_levels: u32,
    /// Contents of a tile.
    pub contents: u32,
    /// Properties of the schema that carry a meaning for selection.
    pub semantics: Vec<SemanticProperty>,
}

/// A property of the tileset's schema that carries a meaning for selection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SemanticProperty {
    /// Class of the schema.
    pub class: String,
    /// Property id in the class.
    pub property: String,
    /// What it means.
    pub semantic: Semantic,
    /// Type of the stored numbers.
    pub number: crate::Number,
    /// Numbers per tile.
    pub count: u32,
    /// value = stored · scale + offset, per number; empty means 1.
    pub scale: Vec<f64>,
    /// See `scale`; empty means 0.
    pub offset: Vec<f64>,
}

/// Meanings of tile metadata that selection reads (3D Tiles 1.1, Metadata Semantics).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Semantic {
    /// `TILE_BOUNDING_BOX`.
    TileBox,
    /// `TILE_BOUNDING_REGION`.
    TileRegion,
    /// `TILE_BOUNDING_SPHERE`.
    TileSphere,
    /// `TILE_MINIMUM_HEIGHT`.
    TileMinimumHeight,
    /// `TILE_MAXIMUM_HEIGHT`.
    TileMaximumHeight,
    /// `TILE_GEOMETRIC_ERROR`.
    TileGeometricError,
    /// `CONTENT_BOUNDING_BOX`.
    ContentBox,
    /// `CONTENT_BOUNDING_REGION`.
    ContentRegion,
    /// `CONTENT_BOUNDING_SPHERE`.
    ContentSphere,
}

/// A subtree file, flattened: the available tiles only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SubtreeDoc {
    /// Which tiles exist: bit `(N^l − 1)/(N − 1) + morton` for local level `l`, N = 4 or 8.
    pub tiles: Availability,
    /// Which tiles have their i-th content, with bits as in `tiles`.
    pub contents: Vec<Availability>,
    /// Which child subtrees exist, by Morton index.
    pub children: Availability,
    /// Metadata per available tile, in the order of the set bits of `tiles`; empty when there is none.
    pub metadata: Vec<TileMetadata>,
    /// What was wrong with parts of it; those parts are left out.
    pub problems: Vec<Problem>,
}

/// A set of bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Availability {
    /// All or none.
    Constant(bool),
    /// Least significant bit first.
    Bits(Vec<u8>),
}

impl Default for Availability {
    fn default() -> Self {
        Self::Constant(false)
    }
}

impl Availability {
    /// Whether the bit is set; bits beyond the end are not.
    pub fn get(&self, index: usize) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::Bits(bytes) => bytes.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1),
        }
    }

    /// How many bits below `index` are set.
    pub fn rank(&self, index: usize) -> usize {
        match self {
            Self::Constant(value) => usize::from(*value) * index,
            Self::Bits(bytes) => {
                let whole = (index / 8).min(bytes.len());
                let below: u32 = bytes[..whole].iter().map(|byte| byte.count_ones()).sum();
                let rest =
                    bytes.get(index / 8).map_or(0, |byte| (byte & ((1u16 << (index % 8)) - 1) as u8).count_ones());
                (below + rest) as usize
            }
        }
    }
}

/// What a subtree's metadata says of one tile, in the frame of the implicit root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TileMetadata {
    /// Tight bounds of the tile and all its descendants.
    pub volume: Option<Volume>,
    /// Tight bounds of the content.
    pub content_volume: Option<Volume>,
    /// Lowest height, metres above the ellipsoid; narrows regions only.
    pub minimum_height_m: Option<f64>,
    /// Greatest height, metres above the ellipsoid; narrows regions only.
    pub maximum_height_m: Option<f64>,
    /// Error of drawing the tile instead of its children, metres.
    pub geometric_error: Option<f64>,
}
