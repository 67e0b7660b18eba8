//! What `tileset.json` and subtree files become: flat lists that cross the worker border as they are.

use crate::{ClassStatistics, MetadataEntity, Problem, PropertyRange, PropertyTable, Schema, Value};

/// A tile's bounding volume, in the frame that the specification gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refine {
    /// Children are drawn besides the tile.
    Add,
    /// Children are drawn instead of the tile.
    Replace,
}

/// A `tileset.json`, flattened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TilesetDoc {
    /// `asset.version`.
    pub version: String,
    /// `asset.tilesetVersion`: the author's own count. The specification gives it no effect on URLs, so none is
    /// added to them: a signed URL would break.
    pub tileset_version: Option<String>,
    /// `asset.gltfUpAxis` of tilesets from before 1.0, where it is not `Y`.
    pub gltf_up: Option<UpAxis>,
    /// Error of drawing nothing of it, metres.
    pub geometric_error: f64,
    /// Depth first; `tiles[0]` is the root; a parent comes before its children.
    pub tiles: Vec<DocTile>,
    /// Extensions that the tileset uses, sorted.
    pub extensions_used: Vec<String>,
    /// Extensions that the tileset says it cannot be drawn without, sorted.
    pub extensions_required: Vec<String>,
    /// Classes of its metadata; read from `schemaUri` too.
    pub schema: Option<Schema>,
    /// Metadata of the tileset itself.
    pub metadata: Option<MetadataEntity>,
    /// Groups that contents belong to ([`ContentDetails::group`]).
    pub groups: Vec<MetadataEntity>,
    /// `statistics` of the metadata classes.
    pub statistics: Vec<ClassStatistics>,
    /// `properties` of 3D Tiles 1.0: ranges of the features' properties, sorted by id.
    pub properties: Vec<PropertyRange>,
    /// What was wrong with parts of it; those parts are left out.
    pub problems: Vec<Problem>,
}

/// The axis of a glTF that points up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpAxis {
    /// Instead of glTF's own y.
    X,
    /// Instead of glTF's own y.
    Z,
}

/// One explicit tile of a [`TilesetDoc`].
#[derive(Clone, Debug, PartialEq)]
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
    /// What selection does not need; most tiles have none of it.
    pub details: Option<Box<TileDetails>>,
}

/// What a tileset says of a tile beyond what selection needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TileDetails {
    /// Metadata of the tile; of an implicit root, of all its tiles.
    pub metadata: Option<MetadataEntity>,
    /// One for each of [`DocTile::contents`].
    pub contents: Vec<ContentDetails>,
}

/// What a tileset says of one content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContentDetails {
    /// Its bounds, where given; for tiles with several contents only here.
    pub volume: Option<Volume>,
    /// Index into [`TilesetDoc::groups`].
    pub group: Option<u32>,
    /// Metadata of the content.
    pub metadata: Option<MetadataEntity>,
}

/// An implicit tree below a [`DocTile`].
#[derive(Clone, Debug, PartialEq)]
pub struct Implicit {
    /// Absolute URL template of the subtree files (`{level}`, `{x}`, `{y}`, `{z}`).
    pub subtrees: String,
    /// Levels of the whole tree.
    pub levels: u32,
    /// What a reader of a subtree file must know.
    pub shape: SubtreeShape,
}

/// What a reader of a subtree file must know about the tileset that it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct SubtreeShape {
    /// Eight children per tile; else four.
    pub octree: bool,
    /// Levels of a subtree, at least 1.
    pub subtree_levels: u32,
    /// Contents of a tile.
    pub contents: u32,
    /// The tileset's metadata schema as JSON text, which property tables refer to; empty when there is none.
    pub schema: String,
}

/// A subtree file, flattened: the available tiles only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubtreeDoc {
    /// Which tiles exist: bit `(N^l − 1)/(N − 1) + morton` for local level `l`, N = 4 or 8.
    pub tiles: Availability,
    /// Which tiles have their i-th content, with bits as in `tiles`.
    pub contents: Vec<Availability>,
    /// Which child subtrees exist, by Morton index.
    pub children: Availability,
    /// What selection must know per available tile, in the order of the set bits of `tiles`; empty when there is none.
    pub metadata: Vec<TileMetadata>,
    /// Metadata of the subtree itself.
    pub subtree_metadata: Option<MetadataEntity>,
    /// Metadata of the available tiles, a row each; see [`Self::tile_properties`].
    pub tile_table: Option<PropertyTable>,
    /// Metadata of the i-th contents, a row per available one; see [`Self::content_properties`].
    pub content_tables: Vec<Option<PropertyTable>>,
    /// The columns of these tables.
    pub property_bytes: Vec<u8>,
    /// What was wrong with parts of it; those parts are left out.
    pub problems: Vec<Problem>,
}

impl SubtreeDoc {
    /// Metadata of a tile by its bit in [`Self::tiles`]; empty when the tile is not available or has none.
    pub fn tile_properties(&self, bit: usize) -> Vec<(String, Value)> {
        self.row(self.tile_table.as_ref(), &self.tiles, bit)
    }

    /// Metadata of a tile's `content`-th content by the tile's bit; empty when it is not available or has none.
    pub fn content_properties(&self, content: usize, bit: usize) -> Vec<(String, Value)> {
        let table = self.content_tables.get(content).and_then(Option::as_ref);
        self.contents.get(content).map_or(Vec::new(), |available| self.row(table, available, bit))
    }

    fn row(&self, table: Option<&PropertyTable>, available: &Availability, bit: usize) -> Vec<(String, Value)> {
        let Some(table) = table.filter(|_| available.get(bit)) else { return Vec::new() };
        u32::try_from(available.rank(bit)).map_or(Vec::new(), |row| table.row(&self.property_bytes, row))
    }
}

/// A set of bits.
#[derive(Clone, Debug, PartialEq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    /// How its children refine it.
    pub refine: Option<Refine>,
}
