//! Why a bake could not do its job. Bad parts of an otherwise good input are [`super::model::Warnings`] instead.

use super::model::Warnings;
use std::path::PathBuf;

/// Why a bake stopped. Nothing has been written at the output path when this is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BakeError {
    /// An input cannot be read as what it claims to be.
    #[error("{}: {place}: {message}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Where in it (`block 3`, `line 120`, `header`).
        place: String,
        /// What was expected and what was found.
        message: String,
    },
    /// The inputs can be read, but there is nothing in them to draw.
    #[error(
        "nothing to bake: the input has no building, area, way or street furniture with valid coordinates{left_out}"
    )]
    Empty {
        /// What was left out and why, as the end of the sentence; empty when there was nothing.
        left_out: String,
    },
    /// The data lies too far apart for one local frame.
    #[error(
        "the data reaches {reach_km:.0} km from its centre; a twin may reach {limit_km:.0} km: cut out one city first"
    )]
    TooLarge {
        /// Greatest distance from the centre, kilometres.
        reach_km: f64,
        /// What is allowed, kilometres.
        limit_km: f64,
    },
    /// A file or directory cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried (`open`, `write`).
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The output path holds something that is not a twin.
    #[error("{} exists and is not a twin (it has no twin.json): choose another --out, or pass --force to replace it", path.display())]
    OutputExists {
        /// The output path.
        path: PathBuf,
    },
    /// The output would be broken; a fault of this program, reported instead of a broken tileset.
    #[error("cannot encode {what}: {message}")]
    Encode {
        /// What was being encoded (`buildings/tiles/3/1/2.glb`).
        what: String,
        /// Why not.
        message: String,
    },
    /// The person pressed Ctrl-C.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

impl BakeError {
    /// [`BakeError::Empty`] with what was left out.
    pub(super) fn empty(warnings: &Warnings) -> Self {
        let kinds: Vec<String> = warnings
            .0
            .iter()
            .map(|(code, w)| format!("{code} {} times, for example {}", w.count, w.examples.join("; ")))
            .collect();
        let left_out = if kinds.is_empty() { String::new() } else { format!("; left out: {}", kinds.join(", ")) };
        Self::Empty { left_out }
    }

    /// An [`BakeError::Io`] with its place.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
