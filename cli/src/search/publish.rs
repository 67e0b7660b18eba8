//! The files of an index on disk: a reader sees the old index or the new one, never half of one.

use anyhow::{Context, Result};
use citytwin_search::{BuiltIndex, File, Searcher};
use std::fs;
use std::path::{Path, PathBuf};

/// Name of an index's root within its folder.
pub const ROOT_NAME: &str = "search.bin";

/// A file that is written under another name first, and removed when it does not get its own.
struct Partial {
    path: PathBuf,
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Nothing to do when it cannot be removed, or was renamed.
        let _ = fs::remove_file(&self.path);
    }
}

/// Puts an index into a folder: first the files whose names carry a checksum, then the root that names them, each
/// under its name only when it is whole. Files that only the index before it named are removed; all else stays.
///
/// # Errors
/// When the folder or a file cannot be written; then the index that was there is as it was.
pub fn publish(index: &BuiltIndex, out: &Path) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let before = names_of(&out.join(ROOT_NAME));
    for (name, bytes) in &index.files {
        put(out, name, bytes)?;
    }
    put(out, ROOT_NAME, &index.root)?;
    let stale = before.iter().filter(|old| index.files.iter().all(|(name, _)| name != *old));
    for name in stale {
        // A file that cannot be removed takes up room and does no other harm.
        let _ = fs::remove_file(out.join(name));
    }
    Ok(())
}

fn put(out: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = out.join(name);
    let partial = Partial { path: out.join(format!(".{name}.partial-{}", std::process::id())) };
    let cannot = || format!("cannot write {}", path.display());
    fs::write(&partial.path, bytes).with_context(cannot)?;
    fs::rename(&partial.path, &path).with_context(cannot)
}

/// The files that a root names, as far as they are plain names of this folder; none when there is no such root.
fn names_of(root: &Path) -> Vec<String> {
    let Some(searcher) = fs::read(root).ok().and_then(|bytes| Searcher::open(&bytes).ok()) else { return Vec::new() };
    let names = File::ALL.iter().map(|file| searcher.file_name(*file).to_owned());
    names.filter(|name| name.ends_with(".bin") && !name.contains(['/', '\\'])).collect()
}
