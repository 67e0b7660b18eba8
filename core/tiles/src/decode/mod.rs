//! Bytes of any tile format to plain values; runs in a worker.

mod bytes;
mod gltf;
mod legacy;
mod metadata;
mod subtree;
mod tileset;

use crate::{Problem, SubtreeDoc, SubtreeShape, TileContent, TilesetDoc};
use bytes::Fault;

pub use bytes::base64;
use serde::{Deserialize, Serialize};

/// What a fetched file is expected to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    /// A `tileset.json`.
    Json,
    /// A subtree of an implicit tree of this shape.
    Subtree(SubtreeShape),
    /// A tile's content: glb, b3dm or, after all, a `tileset.json`.
    Content,
}

/// What a file became.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// A tileset; the engine takes it as [`crate::Arrival::Tileset`].
    Tileset(TilesetDoc),
    /// A subtree; the engine takes it as [`crate::Arrival::Subtree`].
    Subtree(SubtreeDoc),
    /// Arrays to draw; the engine takes their [`TileContent::info`] as [`crate::Arrival::Content`].
    Content(TileContent),
}

/// Reads a file that was fetched from `url`, as [`crate::Fetch::what`] says.
///
/// # Errors
/// A [`Problem`] with the URL as its place when the bytes are truncated or malformed (`content-malformed`,
/// `tileset-malformed`, `subtree-malformed`), hold a format or need an extension that this build does not read
/// (`content-unsupported`), or are over a limit (`content-too-large`).
pub fn decode(bytes: &[u8], url: &str, what: &What) -> Result<Decoded, Problem> {
    match what {
        What::Json => tileset::read(bytes, url).map(Decoded::Tileset),
        What::Subtree(shape) => subtree::read(bytes, url, shape).map(Decoded::Subtree),
        What::Content if is_json(bytes) => json_content(bytes, url),
        What::Content => content(bytes, url, 0).map(Decoded::Content),
    }
}

fn is_json(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
}

/// A JSON content is a glTF or an external tileset: only a look inside tells.
fn json_content(bytes: &[u8], url: &str) -> Result<Decoded, Problem> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let json: serde_json::Value = serde_json::from_slice(text)
        .map_err(|e| Fault::Malformed(format!("neither glTF nor tileset: {e}")).problem(url))?;
    if json["root"].is_object() {
        return tileset::read(bytes, url).map(Decoded::Tileset);
    }
    gltf::json(&json, url).map(settle_tables).map(Decoded::Content)
}

/// A binary content, told by its first four bytes.
fn content(bytes: &[u8], url: &str, nesting: u32) -> Result<TileContent, Problem> {
    let unsupported = |what: &str| Err(Fault::Unsupported(format!("{what} is not read yet")).problem(url));
    let content = match bytes.get(..4) {
        Some(b"glTF") => gltf::glb(bytes, url),
        Some(b"b3dm") => legacy::b3dm(bytes, url),
        Some(b"cmpt") => legacy::cmpt(bytes, url, nesting),
        Some(b"i3dm") => unsupported("i3dm (instanced models of 3D Tiles 1.0)"),
        Some(b"pnts") => unsupported("pnts (point clouds of 3D Tiles 1.0)"),
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
