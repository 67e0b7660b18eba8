//! What a decode worker answers: the small part of it. The viewer includes this file as its own module, so that both
//! sides read the same type and the viewer does not link the decoder.

use citytwin_tiles::{ContentInfo, Problem, SubtreeDoc, TerrainDoc, TileContent, TilesetDoc, wire::wire_enum};

/// What a file became.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// A tileset.
    Tileset(TilesetDoc),
    /// A subtree of an implicit tileset.
    Subtree(SubtreeDoc),
    /// What a terrain has.
    Terrain(TerrainDoc),
    /// Something to draw; its bulk arrays travel beside it.
    Content(Box<(TileContent, ContentInfo)>),
}

wire_enum!(Decoded {
    0 Tileset(doc), 1 Subtree(doc), 2 Content(content), 3 Terrain(doc)
} else Self::Subtree(SubtreeDoc::default()));

/// The header of an answer.
pub(crate) type Reply = Result<Decoded, Problem>;
