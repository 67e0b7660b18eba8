//! What a decode worker answers: the small part of it, in `postcard`. The viewer includes this file as its own
//! module, so that both sides read the same type and the viewer does not link the decoder.

use citytwin_tiles::{ContentInfo, Problem, SubtreeDoc, TileContent, TilesetDoc};
use serde::{Deserialize, Serialize};

/// What a file became.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Decoded {
    /// A tileset.
    Tileset(TilesetDoc),
    /// A subtree of an implicit tileset.
    Subtree(SubtreeDoc),
    /// Something to draw; its bulk arrays travel beside it.
    Content(Box<(TileContent, ContentInfo)>),
}

/// The header of an answer.
pub(crate) type Reply = Result<Decoded, Problem>;
