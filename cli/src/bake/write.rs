//! Files of a twin: all at once, or none.

use super::{BakeError, Cancel, Progress};
use rayon::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// What marks a directory as a twin.
const MANIFEST: &str = "twin.json";
/// What a bake writes, and so may replace. Anything else in an output directory is left alone.
const OURS: [&str; 10] = [
    MANIFEST,
    super::twin::ASSETS,
    super::twin::SEARCH,
    super::labels::LABELS,
    "ground",
    "transport",
    "buildings",
    "furniture",
    "other",
    super::share::SHARE,
];

/// Checks that the output may be written, before any work is done.
///
/// # Errors
/// [`BakeError::OutputExists`] when something that is not a twin is there and `force` is off; [`BakeError::Io`] when
/// it cannot be looked at, or is a file.
pub(super) fn check_output(out: &Path, force: bool) -> Result<(), BakeError> {
    let entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BakeError::io("write to", out)(error)),
    };
    let is_empty = entries.take(1).count() == 0;
    if is_empty || force || out.join(MANIFEST).is_file() || out.join(super::share::SHARE).is_file() {
        return Ok(());
    }
    Err(BakeError::OutputExists { path: out.into() })
}

/// A directory beside the output, removed when dropped.
struct Partial {
    path: PathBuf,
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Nothing to do when it cannot be removed, or was renamed away.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Writes files (path below `out`, bytes) to a directory beside `out` and puts that in its place. Files and
/// directories in `out` that a bake does not write stay.
///
/// # Errors
/// [`BakeError::Io`] or [`BakeError::Interrupted`]; then `out` is as it was.
pub(super) fn write(
    out: &Path,
    files: &[(String, Vec<u8>)],
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Result<(), BakeError> {
    let partial = Partial { path: beside(out, "partial")? };
    let old = Partial { path: beside(out, "old")? };
    for stale in [&partial.path, &old.path] {
        if stale.exists() {
            fs::remove_dir_all(stale).map_err(BakeError::io("remove", stale))?;
        }
    }
    create_directories(&partial.path, files)?;
    files.par_iter().try_for_each(|(name, bytes)| {
        cancel.check()?;
        let path = partial.path.join(name);
        progress.advance(1);
        fs::write(&path, bytes).map_err(BakeError::io("write", path))
    })?;
    if !out.exists() {
        return fs::rename(&partial.path, out).map_err(BakeError::io("write", out));
    }
    keep_strangers(out, &partial.path)?;
    fs::rename(out, &old.path).map_err(BakeError::io("replace", out))?;
    fs::rename(&partial.path, out).map_err(|error| {
        // Put back what was there.
        let _ = fs::rename(&old.path, out);
        BakeError::io("replace", out)(error)
    })
}

/// `.name.what-pid` beside `out`, on the same file system, so that renaming is atomic.
fn beside(out: &Path, what: &str) -> Result<PathBuf, BakeError> {
    let absolute = std::path::absolute(out).map_err(BakeError::io("find", out))?;
    let refused = || BakeError::io("write to", out)(std::io::Error::other("this is not a directory's name"));
    let name = absolute.file_name().ok_or_else(refused)?.to_string_lossy().into_owned();
    let parent = absolute.parent().ok_or_else(refused)?;
    fs::create_dir_all(parent).map_err(BakeError::io("create", parent))?;
    Ok(parent.join(format!(".{name}.{what}-{}", std::process::id())))
}

fn create_directories(root: &Path, files: &[(String, Vec<u8>)]) -> Result<(), BakeError> {
    let mut directories: Vec<PathBuf> =
        files.iter().filter_map(|(name, _)| root.join(name).parent().map(Path::to_path_buf)).collect();
    directories.sort();
    directories.dedup();
    directories.iter().try_for_each(|path| fs::create_dir_all(path).map_err(BakeError::io("create", path)))
}

/// Copies over what the output directory holds besides a twin. Compressed copies of a twin's own files are the
/// twin's too: they would be stale.
fn keep_strangers(out: &Path, new: &Path) -> Result<(), BakeError> {
    for entry in fs::read_dir(out).map_err(BakeError::io("read", out))? {
        let entry = entry.map_err(BakeError::io("read", out))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let plain = name.strip_suffix(".br").or_else(|| name.strip_suffix(".gz")).unwrap_or(&name);
        if !OURS.contains(&plain) {
            copy_all(&entry.path(), &new.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> Result<(), BakeError> {
    let kind = fs::symlink_metadata(from).map_err(BakeError::io("read", from))?.file_type();
    if kind.is_dir() {
        fs::create_dir_all(to).map_err(BakeError::io("create", to))?;
        for entry in fs::read_dir(from).map_err(BakeError::io("read", from))? {
            let entry = entry.map_err(BakeError::io("read", from))?;
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::copy(from, to).map(|_| ()).map_err(BakeError::io("copy", from))
}
