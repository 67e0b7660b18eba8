//! Files → readers of what they hold: gzip, Zstandard and zip are unpacked on the way, with bounds.

use super::super::store::Room;
use super::super::{BakeError, Progress, Silent};
use super::whole::Whole;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest beginning that is looked at to tell formats apart.
const BEGINNING_BYTES: u64 = 4096;
/// A file may be packed in a packed file (a zip of `.gz`), but no deeper.
const MAX_LAYERS: u32 = 2;
/// What a packed file may unpack to: so many times its own size,
const MAX_RATIO: u64 = 256;
/// and always this much, bytes. Text of coordinates shrinks to about a tenth.
const ALWAYS_BYTES: u64 = 64 << 20;
/// Members of one archive.
const MAX_MEMBERS: usize = 10_000;
/// What a Zstandard frame may ask to remember, bytes: that of its highest ordinary level.
const MAX_ZSTD_WINDOW_BYTES: u64 = 128 << 20;

/// What is wrong with an input, and where in it.
#[derive(Debug)]
pub(in crate::bake) struct Fault {
    pub(in crate::bake) place: String,
    pub(in crate::bake) message: String,
}

impl Fault {
    /// A fault at a place.
    pub(in crate::bake) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

/// An unpacked file.
pub(super) struct Unpacked<'a> {
    pub(super) beginning: &'a [u8],
    /// All of it.
    pub(super) reader: &'a mut (dyn BufRead + Send),
    /// Its name in the archive that it is a member of.
    pub(super) member: Option<&'a str>,
    unpacking: &'a Unpacking<'a>,
    depth: u32,
}

impl Unpacked<'_> {
    /// All of it, to be read in any order.
    ///
    /// # Errors
    /// When it cannot be read, or what is packed cannot be written to a file.
    pub(super) fn whole(&mut self) -> Result<Whole, Fault> {
        self.unpacking.whole(self.reader, self.depth)
    }

    /// A reader of all of it that tells how much of the file has been read, where nothing has told so yet.
    pub(super) fn counted<R>(&self, inner: R) -> Counted<'_, R> {
        self.unpacking.counted(inner, self.depth)
    }
}

/// What takes one.
pub(super) type Take<'t> = &'t mut dyn FnMut(Unpacked<'_>) -> Result<(), Fault>;

/// Opens a file and hands on what is in it, unpacked.
///
/// # Errors
/// [`BakeError::Io`] when it cannot be opened; [`BakeError::Input`] when it is damaged, unpacks to more than is
/// believable, or `take` refuses it.
pub(super) fn each(path: &Path, room: &Room, progress: &dyn Progress, take: Take<'_>) -> Result<(), BakeError> {
    let file = File::open(path).map_err(BakeError::io("open", path))?;
    let bytes = file.metadata().map_err(BakeError::io("read", path))?.len();
    let read = AtomicU64::new(0);
    let path_again = path.is_file().then_some(path);
    let unpacking = Unpacking { left: allowed(bytes), path: path_again, room, progress, read: &read };
    let input = BufReader::with_capacity(1 << 16, Counted { inner: file, progress, read: &read });
    unpacking.layer(input, 0, None, take).map_err(|fault| BakeError::Input {
        path: path.to_owned(),
        place: fault.place,
        message: fault.message,
    })?;
    // What was not read from its beginning to its end.
    progress.advance(bytes.saturating_sub(read.into_inner()));
    Ok(())
}

/// The same for bytes.
pub(super) fn each_of_bytes(bytes: &[u8], take: Take<'_>) -> Result<(), Fault> {
    let (left, room, read) = (allowed(bytes.len() as u64), Room::endless(), AtomicU64::new(0));
    let unpacking = Unpacking { left, path: None, room: &room, progress: &Silent, read: &read };
    unpacking.layer(BufReader::new(bytes), 0, None, take)
}

/// What so many bytes may unpack to.
fn allowed(bytes: u64) -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(bytes.saturating_mul(MAX_RATIO).max(ALWAYS_BYTES)))
}

/// Tells how much of the file has been read, whatever it unpacks to.
pub(super) struct Counted<'a, R> {
    inner: R,
    progress: &'a dyn Progress,
    read: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.progress.advance(n as u64);
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl<R: Seek> Seek for Counted<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// How one file is unpacked.
struct Unpacking<'a> {
    /// How much more may come out of it, all its layers and members together.
    left: Arc<AtomicU64>,
    /// The file, where it can be opened again.
    path: Option<&'a Path>,
    room: &'a Room,
    progress: &'a dyn Progress,
    /// Bytes of the file of which it was told.
    read: &'a AtomicU64,
}

/// A reader that stops when too much has come out of it.
struct Bounded<R> {
    inner: R,
    left: Arc<AtomicU64>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let before = self.left.load(Ordering::Relaxed);
        self.left.store(before.saturating_sub(n as u64), Ordering::Relaxed);
        if n as u64 > before {
            return Err(io::Error::other(format!(
                "unpacks to more than {MAX_RATIO} times its size: refused as an archive bomb"
            )));
        }
        Ok(n)
    }
}

impl Unpacking<'_> {
    fn layer<'a>(
        &self,
        mut input: impl BufRead + Send + 'a,
        depth: u32,
        member: Option<&str>,
        take: Take<'_>,
    ) -> Result<(), Fault> {
        let place = || member.unwrap_or("beginning").to_owned();
        let mut beginning = Vec::new();
        let looked = input.by_ref().take(BEGINNING_BYTES).read_to_end(&mut beginning);
        looked.map_err(|error| Fault::new(place(), error.to_string()))?;
        let packed = Packing::of(&beginning);
        if packed.is_some() && depth >= MAX_LAYERS {
            return Err(Fault::new(place(), format!("packed more than {MAX_LAYERS} times: unpack it first")));
        }
        let head = beginning.clone();
        let mut whole = Cursor::new(beginning).chain(input);
        match packed {
            None => take(Unpacked { beginning: &head, reader: &mut whole, member, unpacking: self, depth }),
            Some(Packing::Gzip) => {
                let unpacked = flate2::bufread::MultiGzDecoder::new(whole);
                self.layer(self.bounded(unpacked), depth + 1, member, take)
            }
            Some(Packing::Zstd) => {
                let unpacked =
                    ruzstd::decoding::StreamingDecoder::new_with_max_window_size(whole, MAX_ZSTD_WINDOW_BYTES)
                        .map_err(|error| Fault::new(place(), error.to_string()))?;
                self.layer(self.bounded(unpacked), depth + 1, member, take)
            }
            Some(Packing::Zip) => self.zip(&mut whole, depth, take),
            Some(Packing::Other(name)) => {
                Err(Fault::new(place(), format!("packed with {name}, which is not supported: unpack it first")))
            }
        }
    }

    // Boxed, because the type of the reader would otherwise contain itself.
    fn bounded<'a>(&self, inner: impl Read + Send + 'a) -> Box<dyn BufRead + Send + 'a> {
        Box::new(BufReader::with_capacity(1 << 16, Bounded { inner, left: self.left.clone() }))
    }

    /// All of a layer.
    fn whole(&self, reader: &mut dyn Read, depth: u32) -> Result<Whole, Fault> {
        match self.path.filter(|_| depth == 0) {
            Some(path) => Whole::open(path),
            None => Whole::of(reader, self.room),
        }
    }

    fn counted<R>(&self, inner: R, depth: u32) -> Counted<'_, R> {
        // What is packed was told of when it was unpacked.
        let progress = if depth == 0 && self.path.is_some() { self.progress } else { &Silent };
        Counted { inner, progress, read: self.read }
    }

    /// The members of a zip file in the order of their names. Its list of members stands at its end.
    fn zip(&self, packed: &mut dyn Read, depth: u32, take: Take<'_>) -> Result<(), Fault> {
        let whole = self.whole(packed, depth)?;
        let failed = |error: String| Fault::new("archive", error);
        let bytes = whole.reader().map_err(|error| failed(error.to_string()))?;
        let mut archive =
            zip::ZipArchive::new(self.counted(bytes, depth)).map_err(|error| failed(error.to_string()))?;
        if archive.len() > MAX_MEMBERS {
            return Err(Fault::new("archive", format!("{} members; at most {MAX_MEMBERS} are read", archive.len())));
        }
        let names = archive.file_names().filter_map(|name| Some(name.ok()?.into_owned()));
        let mut names: Vec<String> = names.filter(|name| is_data(name)).collect();
        names.sort();
        if names.is_empty() {
            return Err(Fault::new("archive", "there is no file in it"));
        }
        for name in names {
            let failed = |error: zip::result::ZipError| Fault::new(name.clone(), error.to_string());
            let member = archive.by_name(&name).map_err(failed)?;
            self.layer(self.bounded(member), depth + 1, Some(&name), take)?;
        }
        Ok(())
    }
}

/// Whether a member of an archive, or a file of a folder, is more than a folder, a note or a picture.
pub(super) fn is_data(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    let lower = last.to_ascii_lowercase();
    !last.is_empty()
        && !last.starts_with('.')
        && !name.starts_with("__MACOSX/")
        && ![".txt", ".md", ".pdf", ".html", ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".xsd", ".qmd"]
            .iter()
            .any(|end| lower.ends_with(end))
}

enum Packing {
    Gzip,
    Zstd,
    Zip,
    Other(&'static str),
}

impl Packing {
    fn of(beginning: &[u8]) -> Option<Self> {
        Some(match beginning {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Other("bzip2"),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Other("xz"),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Self::Other("7-Zip"),
            _ => return None,
        })
    }
}
