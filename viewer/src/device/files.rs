//! Files that the viewer itself asks for, beside those that the engine of the tiles does: labels, pictures of the
//! ground. They go through the same workers, with the same patience.

use super::core::Core;
use super::pool::{Job, Loaded, Payload, Wanted};
use crate::Problem;
use citytwin_tiles::RasterTile;
use litemap::LiteMap;

/// Numbers of our jobs begin here; the engine's never come this far.
const FIRST: u64 = 1 << 52;

/// What a file is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    LabelIndex,
    /// Number of the cell.
    LabelCell(u32),
    /// Number of the raster.
    Raster(u32, RasterTile),
}

/// Our files under way, with their URLs.
#[derive(Default)]
pub(super) struct Files {
    next: u64,
    under_way: LiteMap<u64, (Wish, String)>,
}

impl Files {
    pub(super) fn is_ours(id: u64) -> bool {
        id >= FIRST
    }
}

impl Core {
    /// Asks for a file; `picture`: read by the browser.
    pub(super) fn load_file(&mut self, wish: Wish, url: String, picture: bool) {
        let id = FIRST + self.files.next;
        self.files.next += 1;
        self.files.under_way.insert(id, (wish, url.clone()));
        let what = if picture { Wanted::Picture } else { Wanted::File };
        self.pool.load(Job::new(id, url, what, self.was_lost));
    }

    /// Stops what is no longer wished for.
    pub(super) fn forget_files(&mut self, forget: impl Fn(&Wish) -> bool) {
        let pool = &self.pool;
        self.files.under_way.retain(|id, (wish, _)| {
            let forgotten = forget(wish);
            if forgotten {
                pool.abort(*id);
            }
            !forgotten
        });
    }

    pub(super) fn file_arrived(&mut self, loaded: Loaded) {
        let Some((wish, url)) = self.files.under_way.remove(&loaded.id) else { return };
        let unexpected = || Problem::new("worker-protocol", "the worker answered with something else", url.clone());
        match wish {
            Wish::LabelIndex | Wish::LabelCell(_) => {
                let bytes = loaded.result.and_then(|payload| match payload {
                    Payload::File(bytes) => Ok(bytes.to_vec()),
                    _ => Err(unexpected()),
                });
                match wish {
                    Wish::LabelCell(number) => self.label_cell_arrived(number, bytes, &url),
                    _ => self.label_index_arrived(bytes, &url),
                }
            }
            Wish::Raster(number, tile) => {
                let bitmap = loaded.result.and_then(|payload| match payload {
                    Payload::Picture(bitmap) => Ok(bitmap),
                    _ => Err(unexpected()),
                });
                self.raster_arrived(number, tile, bitmap);
            }
        }
    }
}
