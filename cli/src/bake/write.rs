//! Files of a twin: all, or none. They are written beside the output as they are made, so that none has to be held.

use super::{BakeError, Cancel};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What marks a directory as a twin.
const MANIFEST: &str = "twin.json";
/// What a bake writes, and so may replace. Anything else in an output directory is left alone.
const OURS: [&str; 14] = [
    MANIFEST,
    super::twin::ASSETS,
    super::twin::SEARCH,
    super::labels::LABELS,
    super::terrain::FOLDER,
    super::venue::FOLDER,
    super::attributes::FOLDER,
    super::reuse::RECORD,
    "ground",
    "transport",
    "buildings",
    "furniture",
    "other",
    super::share::SHARE,
];

/// What is there of what a bake writes, compressed copies too.
pub(super) fn ours(out: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(out) else { return Vec::new() };
    entries.flatten().filter(|entry| is_ours(&entry.file_name().to_string_lossy())).map(|entry| entry.path()).collect()
}

/// Compressed copies of a twin's own files are the twin's too: they would be stale.
fn is_ours(name: &str) -> bool {
    let plain = name.strip_suffix(".br").or_else(|| name.strip_suffix(".gz")).unwrap_or(name);
    OURS.contains(&plain)
}

/// Checks that the output may be written, before any work is done, and removes what a bake that was killed left behind.
///
/// # Errors
/// [`BakeError::OutputExists`] when something that is not a twin is there and `force` is off; [`BakeError::Io`] when
/// it cannot be looked at, or is a file.
pub(super) fn check_output(out: &Path, force: bool) -> Result<(), BakeError> {
    recover(out)?;
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

/// Where the files of a twin go as they are made, in any order and from any thread.
pub(super) trait Sink: Sync {
    /// Takes a file by its path below the twin's directory.
    ///
    /// # Errors
    /// [`BakeError::Io`] when it cannot be written.
    fn put(&self, path: String, bytes: Vec<u8>) -> Result<(), BakeError>;

    /// Takes a file as it is written, so that it has not to be held.
    ///
    /// # Errors
    /// [`BakeError::Io`] when it cannot be written, and those of `write`.
    fn stream(&self, path: String, write: &mut StreamWriter<'_>) -> Result<(), BakeError>;

    /// Files so far, and their bytes.
    fn totals(&self) -> (u64, u64);
}

/// What writes a file.
pub(super) type StreamWriter<'a> = dyn FnMut(&mut (dyn Write + Send)) -> Result<(), BakeError> + 'a;

/// Puts several.
pub(super) fn put_all(sink: &dyn Sink, files: Vec<(String, Vec<u8>)>) -> Result<(), BakeError> {
    files.into_iter().try_for_each(|(path, bytes)| sink.put(path, bytes))
}

/// Files in memory.
#[derive(Default)]
pub(super) struct Held(Mutex<BTreeMap<String, Vec<u8>>>);

impl Held {
    /// All files, sorted by path.
    pub(super) fn into_files(self) -> Vec<(String, Vec<u8>)> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect()
    }
}

impl Sink for Held {
    fn put(&self, path: String, bytes: Vec<u8>) -> Result<(), BakeError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path, bytes);
        Ok(())
    }

    fn stream(&self, path: String, write: &mut StreamWriter<'_>) -> Result<(), BakeError> {
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        self.put(path, bytes)
    }

    fn totals(&self) -> (u64, u64) {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (files.len() as u64, files.values().map(|bytes| bytes.len() as u64).sum())
    }
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

/// A directory beside the output for what does not fit into the memory; it is made by whoever needs it.
pub(super) struct Stores(Partial);

impl Stores {
    /// # Errors
    /// [`BakeError::Io`] where the output has no place.
    pub(super) fn beside(out: &Path) -> Result<Self, BakeError> {
        beside(out, STORES).map(|path| Self(Partial { path }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }
}

/// A twin that is written to a directory beside its place, and put there when it is complete.
pub(super) struct Written<'a> {
    out: &'a Path,
    partial: Partial,
    cancel: &'a Cancel,
    directories: Mutex<BTreeSet<PathBuf>>,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl<'a> Written<'a> {
    /// Begins.
    ///
    /// # Errors
    /// [`BakeError::Io`].
    pub(super) fn begin(out: &'a Path, cancel: &'a Cancel) -> Result<Self, BakeError> {
        let partial = Partial { path: beside(out, PARTIAL)? };
        fs::create_dir_all(&partial.path).map_err(BakeError::io("create", &partial.path))?;
        Ok(Self {
            out,
            partial,
            cancel,
            directories: Mutex::default(),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    /// Puts the twin in its place. Files and directories there that a bake does not write stay.
    ///
    /// # Errors
    /// [`BakeError::Io`] or [`BakeError::Interrupted`]; then the output is as it was.
    pub(super) fn finish(self) -> Result<(), BakeError> {
        self.cancel.check()?;
        let (out, partial) = (self.out, &self.partial.path);
        if !out.exists() {
            return fs::rename(partial, out).map_err(BakeError::io("write", out));
        }
        keep_strangers(out, partial)?;
        let old = Partial { path: beside(out, OLD)? };
        fs::rename(out, &old.path).map_err(BakeError::io("replace", out))?;
        fs::rename(partial, out).map_err(|error| {
            // Put back what was there.
            let _ = fs::rename(&old.path, out);
            BakeError::io("replace", out)(error)
        })
    }

    fn directory(&self, path: &Path) -> Result<(), BakeError> {
        let Some(parent) = path.parent() else { return Ok(()) };
        let mut known = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(parent) {
            fs::create_dir_all(parent).map_err(BakeError::io("create", parent))?;
            known.insert(parent.to_owned());
        }
        Ok(())
    }
}

impl Sink for Written<'_> {
    fn put(&self, path: String, bytes: Vec<u8>) -> Result<(), BakeError> {
        self.cancel.check()?;
        let path = self.partial.path.join(path);
        self.directory(&path)?;
        fs::write(&path, &bytes).map_err(BakeError::io("write", path))?;
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn stream(&self, path: String, write: &mut StreamWriter<'_>) -> Result<(), BakeError> {
        self.cancel.check()?;
        let path = self.partial.path.join(path);
        self.directory(&path)?;
        let file = fs::File::create(&path).map_err(BakeError::io("create", &path))?;
        let mut file = std::io::BufWriter::new(file);
        write(&mut file)?;
        file.flush().map_err(BakeError::io("write", &path))?;
        self.files.fetch_add(1, Ordering::Relaxed);
        let bytes = file.get_ref().metadata().map_err(BakeError::io("read", &path))?.len();
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn totals(&self) -> (u64, u64) {
        (self.files.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

/// What directories beside the output are.
const PARTIAL: &str = "partial";
const OLD: &str = "old";
const STORES: &str = "stores";

/// `.name.what-pid` beside `out`, on the same file system, so that renaming is atomic.
fn beside(out: &Path, what: &str) -> Result<PathBuf, BakeError> {
    let (parent, name) = place(out)?;
    fs::create_dir_all(&parent).map_err(BakeError::io("create", &parent))?;
    Ok(parent.join(format!(".{name}.{what}-{}", std::process::id())))
}

/// The directory that the output is in, and its name.
fn place(out: &Path) -> Result<(PathBuf, String), BakeError> {
    let absolute = std::path::absolute(out).map_err(BakeError::io("find", out))?;
    let refused = || BakeError::io("write to", out)(std::io::Error::other("this is not a directory's name"));
    let name = absolute.file_name().ok_or_else(refused)?.to_string_lossy().into_owned();
    Ok((absolute.parent().ok_or_else(refused)?.to_owned(), name))
}

/// Puts back a twin that a killed bake had moved away, and removes what it had written so far. Directories of bakes that
/// still run are left alone.
fn recover(out: &Path) -> Result<(), BakeError> {
    let (parent, name) = place(out)?;
    let Ok(entries) = fs::read_dir(&parent) else { return Ok(()) };
    for entry in entries.flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        let rest = found.strip_prefix(&format!(".{name}.")).and_then(|rest| rest.split_once('-'));
        let Some((what, Ok(pid))) = rest.map(|(what, pid)| (what, pid.parse::<u32>())) else { continue };
        if ![PARTIAL, OLD, STORES].contains(&what) || (pid != std::process::id() && is_running(pid)) {
            continue;
        }
        if what == OLD && !out.exists() {
            fs::rename(entry.path(), out).map_err(BakeError::io("put back", out))?;
        } else {
            fs::remove_dir_all(entry.path()).map_err(BakeError::io("remove", entry.path()))?;
        }
    }
    Ok(())
}

/// Whether a process of this number runs on this machine; where nobody can tell, it does.
fn is_running(pid: u32) -> bool {
    let processes = Path::new("/proc");
    !processes.join("self").exists() || processes.join(pid.to_string()).exists()
}

/// Copies over what the output directory holds besides a twin.
fn keep_strangers(out: &Path, new: &Path) -> Result<(), BakeError> {
    for entry in fs::read_dir(out).map_err(BakeError::io("read", out))? {
        let entry = entry.map_err(BakeError::io("read", out))?;
        if !is_ours(&entry.file_name().to_string_lossy()) {
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
