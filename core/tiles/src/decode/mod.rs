//! Bytes of any tile format to plain values; runs in a worker.

use crate::{Problem, SubtreeDoc, SubtreeShape, TileContent, TilesetDoc};
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
/// A [`Problem`] with the URL as its place when the bytes are truncated or malformed (`…-malformed`), hold a format
/// or need an extension that this build does not read (`content-unsupported`), or are over a limit (`…-too-large`).
pub fn decode(bytes: &[u8], url: &str, what: &What) -> Result<Decoded, Problem> {
    let _ = (bytes, what);
    Err(Problem::new("content-unsupported", "not readable yet", url))
}
