//! A file → elements, whatever its name: PBF, XML or gzipped XML, recognised by its first bytes.

use super::raw::{Batch, Raw};
use super::{pbf, xml};
use crate::bake::{BakeError, Progress};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// What is wrong with an input, and where in it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: String,
    pub(super) message: String,
}

/// Longest beginning that is looked at to tell the formats apart.
const BEGINNING_BYTES: u64 = 64;

/// Reads a file into `raw`.
///
/// # Errors
/// [`BakeError::Io`] when it cannot be opened, [`BakeError::Input`] when it is no OpenStreetMap data, or broken.
pub(super) fn read(path: &Path, raw: &mut Raw, progress: &dyn Progress) -> Result<(), BakeError> {
    let file = File::open(path).map_err(BakeError::io("open", path))?;
    let input = BufReader::new(Counted { file, progress });
    read_any(input, false, &mut |batch| raw.absorb(batch)).map_err(|fault| BakeError::Input {
        path: path.to_owned(),
        place: fault.place,
        message: fault.message,
    })
}

/// Tells how much of the file has been read, whatever it unpacks to.
struct Counted<'a> {
    file: File,
    progress: &'a dyn Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.progress.advance(n as u64);
        Ok(n)
    }
}

/// Recognises the format and reads it. `unpacked`: these bytes come out of a gzip file already.
pub(super) fn read_any<'a>(
    mut input: impl BufRead + Send + 'a,
    unpacked: bool,
    take: &mut dyn FnMut(Batch),
) -> Result<(), Fault> {
    let mut beginning = Vec::new();
    let looked = input.by_ref().take(BEGINNING_BYTES).read_to_end(&mut beginning);
    let fault = |message: String| Fault { place: "beginning".to_owned(), message };
    looked.map_err(|e| fault(e.to_string()))?;
    let format = recognise(&beginning);
    let whole = std::io::Cursor::new(beginning).chain(input);
    match format {
        Ok(Format::Pbf) => pbf::read(whole, take),
        Ok(Format::Xml) => xml::read(whole, take),
        Ok(Format::Gzip) if !unpacked => {
            // Boxed, because the type of the reader would otherwise contain itself.
            let inner: Box<dyn BufRead + Send + 'a> =
                Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(whole)));
            read_any(inner, true, take)
        }
        Ok(Format::Gzip) => Err(fault("packed with gzip twice".into())),
        Err(message) => Err(fault(message)),
    }
}

enum Format {
    Pbf,
    Xml,
    Gzip,
}

fn recognise(beginning: &[u8]) -> Result<Format, String> {
    let text = beginning.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(beginning).trim_ascii_start();
    match beginning {
        [] => Err("the file is empty".into()),
        [0x1f, 0x8b, ..] => Ok(Format::Gzip),
        [b'B', b'Z', b'h', ..] => Err("packed with bzip2, which is not supported: unpack it first".into()),
        // Length of the block header, then its field 1: nine bytes, "OSMHeader".
        [_, _, _, _, 0x0a, 9, rest @ ..] if rest.starts_with(b"OSMHeader") => Ok(Format::Pbf),
        _ if text.starts_with(b"<") => Ok(Format::Xml),
        _ => Err(format!(
            "expected OpenStreetMap data (.osm.pbf, .osm, .osm.gz), found a file that begins with {:?}",
            String::from_utf8_lossy(&beginning[..beginning.len().min(16)])
        )),
    }
}
