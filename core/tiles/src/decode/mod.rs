//! Bytes of any tile format to plain values; runs in a worker.

pub(crate) mod bytes;
#[cfg_attr(not(feature = "draco"), path = "draco_absent.rs")]
mod draco;
mod gltf;
mod image;
#[cfg_attr(not(feature = "basis"), path = "ktx_absent.rs")]
mod ktx;
mod legacy;
mod merge;
mod metadata;
#[cfg(feature = "images")]
mod pixels;
#[cfg(feature = "heights")]
mod png;
mod resources;
mod schema;
mod subtree;
mod tileset;

use crate::terrain::{self, TerrainDoc, TerrainTile};
use crate::{Problem, SubtreeDoc, SubtreeShape, TileContent, TilesetDoc};
pub(crate) use bytes::Fault;

pub use bytes::base64;
#[cfg(feature = "images")]
pub use pixels::Pixels;
#[cfg(feature = "heights")]
pub(crate) use png::rgba;
pub(crate) use resources::Context;
use resources::Session;
pub use resources::{Decoder, Limits, Resources};

/// What a fetched file is expected to be.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A `tileset.json`.
    Json,
    /// A subtree of an implicit tree of this shape.
    Subtree(SubtreeShape),
    /// A tile's content: glTF, b3dm, i3dm, pnts, cmpt or, after all, a `tileset.json`.
    Content,
    /// The `layer.json` of a terrain.
    TerrainLayer,
    /// A tile of a terrain.
    Terrain(TerrainTile),
}

impl What {
    /// Whether a file of this kind is drawn.
    pub fn is_content(&self) -> bool {
        matches!(self, Self::Content | Self::Terrain(_))
    }
}

/// What a file became.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// A tileset; the engine takes it as [`crate::Arrival::Tileset`].
    Tileset(TilesetDoc),
    /// A subtree; the engine takes it as [`crate::Arrival::Subtree`].
    Subtree(SubtreeDoc),
    /// Something to draw; the engine takes its [`crate::ContentInfo`].
    Content(TileContent),
    /// What a terrain has; the engine takes it as [`crate::Arrival::Terrain`].
    Terrain(TerrainDoc),
    /// Nothing yet: fetch these absolute URLs, add them to the [`Resources`] and call again.
    Needs {
        /// What to fetch, sorted.
        urls: Vec<String>,
    },
    /// Nothing yet: call again in a build that has these decoders, or with [`Resources::settle`].
    NeedsDecoders {
        /// What this build lacks, sorted.
        decoders: Vec<Decoder>,
    },
}

/// Decodes a file that was fetched from `url`, from its own bytes alone: parts that need a secondary file or a
/// decoder that this build lacks are left out with a problem.
///
/// # Errors
/// A [`Problem`] when nothing of it can be used. It never panics, and allocates no more than [`Limits`] allow.
pub fn decode(bytes: &[u8], url: &str, what: &What) -> Result<Decoded, Problem> {
    decode_with(bytes, url, what, &Resources { settle: true, ..Resources::default() })
}

/// Decodes a file that was fetched from `url`. It may answer that it needs other files first ([`Decoded::Needs`]):
/// the caller adds them to `resources` and calls again, a few times at most (a glTF that an `i3dm` refers to may
/// refer to buffers).
///
/// # Errors
/// As [`decode`].
pub fn decode_with(bytes: &[u8], url: &str, what: &What, resources: &Resources) -> Result<Decoded, Problem> {
    let session = Session::new(resources);
    let result = read(bytes, url, what, session.at(url));
    let (decoders, urls) = session.missed();
    if !decoders.is_empty() {
        return Ok(Decoded::NeedsDecoders { decoders });
    }
    if !urls.is_empty() {
        return Ok(Decoded::Needs { urls });
    }
    result
}

/// Most times that a file may ask for other files.
const MAX_ROUNDS: usize = 8;

/// Decodes a file that was fetched from `url`, and calls `fetch` for every secondary file; `None` from it leaves the
/// part out with a problem. For callers that can wait.
///
/// # Errors
/// As [`decode`].
pub fn decode_fetching(
    bytes: &[u8],
    url: &str,
    what: &What,
    resources: &mut Resources,
    fetch: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
) -> Result<Decoded, Problem> {
    for _ in 0..MAX_ROUNDS {
        match decode_with(bytes, url, what, resources)? {
            Decoded::Needs { urls } => {
                for url in urls {
                    let file = fetch(&url);
                    resources.insert(url, file);
                }
            }
            Decoded::NeedsDecoders { .. } => resources.settle = true,
            decoded => return Ok(decoded),
        }
    }
    resources.settle = true;
    decode_with(bytes, url, what, resources)
}

/// Whether an extension of tilesets or of glTF is understood, by its name: read, or to be ignored without drawing
/// anything wrong.
pub fn understands(extension: &str) -> bool {
    tileset::EXTENSIONS.contains(&extension) || gltf::UNDERSTOOD.contains(&extension)
}

fn read(bytes: &[u8], url: &str, what: &What, context: Context<'_>) -> Result<Decoded, Problem> {
    match what {
        What::Json => tileset::read(bytes, url, context).map(Decoded::Tileset),
        What::Subtree(shape) => subtree::read(bytes, url, shape, context).map(Decoded::Subtree),
        What::Content if is_json(bytes) => json_content(bytes, url, context),
        What::Content => content(bytes, url, context, 0).map(Decoded::Content),
        What::TerrainLayer => terrain::read_layer(bytes, url).map(Decoded::Terrain),
        What::Terrain(tile) => terrain::read_tile(bytes, url, tile, context).map(Decoded::Content),
    }
}

fn is_json(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
}

/// A JSON content is a glTF or an external tileset: only a look inside tells.
fn json_content(bytes: &[u8], url: &str, context: Context<'_>) -> Result<Decoded, Problem> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let json: serde_json::Value = serde_json::from_slice(text)
        .map_err(|e| Fault::Malformed(format!("neither glTF nor tileset: {e}")).problem(url))?;
    if json["root"].is_object() {
        return tileset::read(bytes, url, context).map(Decoded::Tileset);
    }
    gltf::json(&json, url, context).map(settle_tables).map(Decoded::Content)
}

/// A binary content, told by its first four bytes.
fn content(bytes: &[u8], url: &str, context: Context<'_>, nesting: u32) -> Result<TileContent, Problem> {
    let unsupported = |what: &str| Err(Fault::Unsupported(format!("{what} is not read yet")).problem(url));
    let content = match bytes.get(..4) {
        Some(b"glTF") => gltf::glb(bytes, url, context),
        Some(b"b3dm") => legacy::b3dm(bytes, url, context),
        Some(b"cmpt") => legacy::cmpt(bytes, url, context, nesting),
        Some(b"i3dm") => legacy::i3dm(bytes, url, context),
        Some(b"pnts") => legacy::pnts(bytes, url, context),
        Some(b"vctr" | b"geom") => unsupported("a vector or geometry tile (never standardised)"),
        Some([0x1f, 0x8b, ..]) => unsupported("gzip without Content-Encoding"),
        Some(magic) => {
            let magic = String::from_utf8_lossy(magic).escape_default().to_string();
            Err(Fault::Malformed(format!("a content that starts with \"{magic}\"")).problem(url))
        }
        None => Err(Fault::Malformed(format!("a content of {} bytes", bytes.len())).problem(url)),
    };
    content.map(settle_tables)
}

/// Drops references to tables that are not there.
fn settle_tables(mut content: TileContent) -> TileContent {
    let tables = content.tables.len() as u32;
    for primitive in &mut content.primitives {
        primitive.table = primitive.table.filter(|table| *table < tables);
    }
    content
}
