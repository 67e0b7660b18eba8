//! The files of an index on disk: a reader sees the old index or the new one, never half of one.

use anyhow::{Context, Result};
use citytwin_search::{BuiltIndex, File, Searcher, Shards, is_plain_name, root_name};
use std::fs;
use std::path::{Path, PathBuf};

/// Name of an index's root, or of the list of its shards, within its folder.
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

/// An index on its way into a folder, shard by shard: first the files whose names carry a checksum, at the end the root
/// that names them. Until then a reader sees what was there; without that end what was written is removed.
pub(super) struct Publishing {
    out: PathBuf,
    /// Roots of the shards so far.
    roots: Vec<Vec<u8>>,
    /// The index of the folder that an overlay is laid over.
    below: Option<Below>,
    /// Files that were not there before.
    written: Vec<PathBuf>,
    /// The folder was not there before.
    made: bool,
    bytes: u64,
}

/// What a folder's [`ROOT_NAME`] is.
enum Below {
    Root(Vec<u8>),
    List(Shards),
}

impl Publishing {
    /// To take the place of what is in the folder, or to change it.
    ///
    /// # Errors
    /// When the folder cannot be made, or there is no index to lay an overlay over.
    pub(super) fn new(out: &Path, overlay: bool) -> Result<Self> {
        let below = overlay.then(|| below(out)).transpose()?;
        let made = !out.exists();
        fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        Ok(Self { out: out.to_owned(), roots: Vec::new(), below, written: Vec::new(), made, bytes: 0 })
    }

    /// Writes the files of a shard, or of an overlay.
    ///
    /// # Errors
    /// When one cannot be written.
    pub(super) fn add(&mut self, index: BuiltIndex) -> Result<()> {
        for (name, bytes) in &index.files {
            self.put(name, bytes)?;
        }
        self.roots.push(index.root);
        Ok(())
    }

    /// Lets readers see the index. Answers the bytes written. Files that only the index before it named are removed; all
    /// else stays.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn finish(mut self) -> Result<u64> {
        let before = files_in(&self.out);
        let mut names = match self.below.take() {
            None => Vec::new(),
            Some(Below::List(list)) => list.roots,
            Some(Below::Root(root)) => vec![self.put_root(&root)?],
        };
        let mut roots = std::mem::take(&mut self.roots);
        let top = match roots.pop() {
            Some(only) if roots.is_empty() && names.is_empty() => only,
            last => {
                for root in roots.iter().chain(&last) {
                    names.push(self.put_root(root)?);
                }
                Shards { roots: names }.to_bytes()
            }
        };
        put(&self.out, ROOT_NAME, &top)?;
        self.written.clear();
        self.made = false;
        let now = files_in(&self.out);
        for name in before.iter().filter(|name| !now.contains(name)) {
            // A file that cannot be removed takes up room and does no other harm.
            let _ = fs::remove_file(self.out.join(name));
        }
        Ok(self.bytes + top.len() as u64)
    }

    fn put_root(&mut self, root: &[u8]) -> Result<String> {
        let name = root_name(root);
        self.put(&name, root)?;
        Ok(name)
    }

    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.out.join(name);
        let is_new = !path.exists();
        put(&self.out, name, bytes)?;
        if is_new {
            self.written.push(path);
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        for path in &self.written {
            // Nobody names it.
            let _ = fs::remove_file(path);
        }
        if self.made {
            let _ = fs::remove_dir(&self.out);
        }
    }
}

/// The index that an overlay is to change.
fn below(out: &Path) -> Result<Below> {
    let path = out.join(ROOT_NAME);
    let bytes =
        fs::read(&path).with_context(|| format!("there is no index to change: cannot read {}", path.display()))?;
    let cannot = || format!("cannot use {}", path.display());
    if let Some(list) = Shards::read(&bytes).with_context(cannot)? {
        return Ok(Below::List(list));
    }
    Searcher::open(&bytes).with_context(cannot)?;
    Ok(Below::Root(bytes))
}

fn put(out: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = out.join(name);
    let partial = Partial { path: out.join(format!(".{name}.partial-{}", std::process::id())) };
    let cannot = || format!("cannot write {}", path.display());
    fs::write(&partial.path, bytes).with_context(cannot)?;
    fs::rename(&partial.path, &path).with_context(cannot)
}

/// The files beside its [`ROOT_NAME`] that the index in a folder consists of; none where none can be read.
fn files_in(dir: &Path) -> Vec<String> {
    let Ok(bytes) = fs::read(dir.join(ROOT_NAME)) else { return Vec::new() };
    let Ok(Some(list)) = Shards::read(&bytes) else { return files_of(&bytes) };
    let mut files = Vec::new();
    for name in list.roots {
        files.extend(fs::read(dir.join(&name)).map(|root| files_of(&root)).unwrap_or_default());
        files.push(name);
    }
    files
}

/// The files that a root names, as far as they are plain names of this folder; none when it is no root.
fn files_of(root: &[u8]) -> Vec<String> {
    let Ok(searcher) = Searcher::open(root) else { return Vec::new() };
    let names = File::ALL.iter().map(|file| searcher.file_name(*file).to_owned());
    names.filter(|name| name.ends_with(".bin") && is_plain_name(name)).collect()
}
