//! `citytwin precompress`: `.br` and `.gz` beside each file that shrinks, so that a server only has to send them.

use flate2::{Compression, GzBuilder};
use rayon::prelude::*;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What is worth compressing; everything else is compressed already or rare.
const EXTENSIONS: [&str; 14] = [
    "html",
    "js",
    "css",
    "json",
    "ndjson",
    "wasm",
    "glb",
    "subtree",
    "svg",
    "txt",
    "webmanifest",
    "bin",
    "terrain",
    "geojson",
];
/// What every visitor loads first: worth the slowest brotli, which takes ten times as long for a few percent.
const LOADED_FIRST: [&str; 5] = ["html", "js", "css", "wasm", "svg"];
/// Smaller files fit in a packet or two anyway.
const LEAST_BYTES: u64 = 1000;
/// Compressed copies that save less than a twentieth are not kept.
const WORTH: f64 = 0.95;

/// Why a directory could not be compressed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct PrecompressError {
    action: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> PrecompressError {
    let path = path.to_path_buf();
    move |source| PrecompressError { action, path, source }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files looked at: of a known kind and large enough.
    pub files: u64,
    /// Compressed copies written.
    pub written: u64,
    /// Compressed copies that were newer than their file.
    pub fresh: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Bytes when each is sent in its smallest form.
    pub smallest_bytes: u64,
}

impl Summary {
    fn plus(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            written: self.written + other.written,
            fresh: self.fresh + other.fresh,
            bytes: self.bytes + other.bytes,
            smallest_bytes: self.smallest_bytes + other.smallest_bytes,
        }
    }
}

/// The two encodings, as file extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// The same bytes in give the same bytes out: no time and no name in the header.
    fn encode(self, bytes: &[u8], quality: u32) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Self::Brotli => {
                let mut writer = brotli::CompressorWriter::new(&mut out, 1 << 16, quality, 22);
                writer.write_all(bytes)?;
                writer.flush()?;
                drop(writer);
            }
            Self::Gzip => {
                let mut writer = GzBuilder::new().write(&mut out, Compression::best());
                writer.write_all(bytes)?;
                writer.finish()?;
            }
        }
        Ok(out)
    }
}

/// Compresses what is below a directory. Copies newer than their file are left as they are; copies that no longer
/// pay are removed.
///
/// # Errors
/// When the directory or a file in it cannot be read or written.
pub fn precompress(directory: &Path) -> Result<Summary, PrecompressError> {
    let mut files = Vec::new();
    collect(directory, &mut files)?;
    files.par_iter().map(|path| compress(path)).try_reduce(Summary::default, |a, b| Ok(a.plus(b)))
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), PrecompressError> {
    for entry in fs::read_dir(directory).map_err(failed("read", directory))? {
        let entry = entry.map_err(failed("read", directory))?;
        let path = entry.path();
        // Links are not followed: they may lead round in a circle.
        let kind = entry.file_type().map_err(failed("read", &path))?;
        if kind.is_dir() {
            collect(&path, files)?;
        } else if kind.is_file() && extension(&path).is_some_and(|e| EXTENSIONS.contains(&e)) {
            files.push(path);
        }
    }
    Ok(())
}

fn extension(path: &Path) -> Option<&str> {
    path.extension().and_then(|extension| extension.to_str())
}

fn compress(path: &Path) -> Result<Summary, PrecompressError> {
    let metadata = fs::metadata(path).map_err(failed("read", path))?;
    let mut summary = Summary { files: 1, bytes: metadata.len(), smallest_bytes: metadata.len(), ..Summary::default() };
    let mut bytes: Option<Vec<u8>> = None;
    for encoding in [Encoding::Brotli, Encoding::Gzip] {
        let mut target = path.as_os_str().to_owned();
        target.push(encoding.suffix());
        let target = PathBuf::from(target);
        if metadata.len() < LEAST_BYTES {
            remove(&target)?;
            continue;
        }
        if let Some(size) = fresh(&metadata, &target) {
            summary.fresh += 1;
            summary.smallest_bytes = summary.smallest_bytes.min(size);
            continue;
        }
        let bytes = match &bytes {
            Some(bytes) => bytes,
            None => bytes.insert(fs::read(path).map_err(failed("read", path))?),
        };
        let quality = if extension(path).is_some_and(|e| LOADED_FIRST.contains(&e)) { 11 } else { 9 };
        let packed = encoding.encode(bytes, quality).map_err(failed("compress", path))?;
        if packed.len() as f64 > bytes.len() as f64 * WORTH {
            remove(&target)?;
            continue;
        }
        replace(&target, &packed)?;
        summary.written += 1;
        summary.smallest_bytes = summary.smallest_bytes.min(packed.len() as u64);
    }
    Ok(summary)
}

/// Size of a compressed copy that is newer than its file.
fn fresh(original: &fs::Metadata, copy: &Path) -> Option<u64> {
    let copy = fs::metadata(copy).ok()?;
    (copy.modified().ok()? > original.modified().ok()?).then_some(copy.len())
}

fn remove(path: &Path) -> Result<(), PrecompressError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Writes beside and renames, so that a server never sends half a file.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), PrecompressError> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    fs::write(&partial, bytes).map_err(failed("write", &partial))?;
    fs::rename(&partial, path).map_err(failed("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("citytwin-precompress-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("deep")).expect("a temporary directory");
        path
    }

    #[test]
    fn what_shrinks_gets_both_copies_and_comes_back_whole() {
        let at = directory("both");
        let text = "the city and the sea ".repeat(200);
        fs::write(at.join("deep/app.js"), &text).expect("written");
        let summary = precompress(&at).expect("compressed");
        assert_eq!((summary.files, summary.written), (1, 2));
        assert!(summary.smallest_bytes < summary.bytes / 10);
        let mut back = String::new();
        let br = fs::read(at.join("deep/app.js.br")).expect("a .br");
        brotli::Decompressor::new(br.as_slice(), 4096).read_to_string(&mut back).expect("brotli");
        assert_eq!(back, text);
        back.clear();
        let gz = fs::read(at.join("deep/app.js.gz")).expect("a .gz");
        flate2::read::GzDecoder::new(gz.as_slice()).read_to_string(&mut back).expect("gzip");
        assert_eq!(back, text);
        assert_eq!(gz[4..8], [0; 4], "no time in the header");
        fs::remove_dir_all(at).expect("removed");
    }

    #[test]
    fn a_second_run_writes_nothing_until_the_file_changes() {
        let at = directory("fresh");
        let file = at.join("twin.json");
        fs::write(&file, "[1,2,3]".repeat(300)).expect("written");
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(10);
        fs::File::options().write(true).open(&file).and_then(|f| f.set_modified(old)).expect("aged");
        assert_eq!(precompress(&at).expect("compressed").written, 2);
        let again = precompress(&at).expect("compressed");
        assert_eq!((again.written, again.fresh), (0, 2));
        // Newer again, and now too small to be worth it: the stale copies must go, or a server would send them.
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&file, "[]").expect("written");
        precompress(&at).expect("compressed");
        assert!(!at.join("twin.json.br").exists() && !at.join("twin.json.gz").exists());
        fs::remove_dir_all(at).expect("removed");
    }

    #[test]
    fn small_strange_and_incompressible_files_stay_alone() {
        let at = directory("alone");
        fs::write(at.join("small.json"), "{}").expect("written");
        fs::write(at.join("photo.jpg"), "a".repeat(5000)).expect("written");
        let mut state = 1u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(5000)
        .collect();
        fs::write(at.join("noise.glb"), noise).expect("written");
        let summary = precompress(&at).expect("compressed");
        assert_eq!(summary.written, 0);
        assert_eq!(fs::read_dir(&at).expect("listed").count(), 4);
        fs::remove_dir_all(at).expect("removed");
    }

    #[test]
    fn a_missing_directory_is_an_error_with_its_name() {
        let error = precompress(Path::new("/nowhere/at/all")).expect_err("there is nothing");
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
