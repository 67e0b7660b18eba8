//! All of an unpacked file, to be read in any order: what describes a Parquet file or an archive stands at its end.

use super::super::store::{Room, Scratch};
use super::Fault;
use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, Write};
use std::path::Path;

/// What is shorter than this is held, bytes.
const HELD_BYTES: u64 = 1 << 20;

/// What holds it.
pub(in crate::bake) enum Whole {
    Memory(Bytes),
    /// The file itself.
    File(File),
    /// What was unpacked to a file.
    Scratch(Scratch),
}

/// Bytes in any order.
pub(in crate::bake) trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

impl Whole {
    /// A file that is not packed.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        File::open(path).map(Self::File).map_err(|error| unreadable(&error))
    }

    /// What comes out of a reader: in memory if it is short or the room is endless, else in a file.
    pub(super) fn of(reader: &mut dyn Read, room: &Room) -> Result<Self, Fault> {
        let held_bytes = if room.is_endless() { u64::MAX } else { HELD_BYTES };
        let mut bytes = Vec::new();
        reader.take(held_bytes).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        if (bytes.len() as u64) < held_bytes {
            return Ok(Self::Memory(bytes.into()));
        }
        let unwritten =
            |path: &Path, error| Fault::new("unpacked", format!("cannot write {}: {error}", path.display()));
        let mut scratch = room.scratch().map_err(|(path, error)| unwritten(&path, error))?;
        while !bytes.is_empty() {
            scratch.file.write_all(&bytes).map_err(|error| unwritten(&scratch.path, error))?;
            bytes.clear();
            reader.take(HELD_BYTES).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        }
        Ok(Self::Scratch(scratch))
    }

    /// All of it from its beginning.
    pub(in crate::bake) fn reader(&self) -> io::Result<Box<dyn Source + '_>> {
        Ok(match self.file() {
            Ok(mut file) => {
                file.rewind()?;
                Box::new(BufReader::new(file))
            }
            Err(bytes) => Box::new(Cursor::new(bytes)),
        })
    }

    fn file(&self) -> Result<&File, &Bytes> {
        match self {
            Self::Memory(bytes) => Err(bytes),
            Self::File(file) | Self::Scratch(Scratch { file, .. }) => Ok(file),
        }
    }
}

fn unreadable(error: &io::Error) -> Fault {
    Fault::new("beginning", error.to_string())
}

impl Length for Whole {
    fn len(&self) -> u64 {
        self.file().map_or_else(Length::len, Length::len)
    }
}

impl ChunkReader for Whole {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(match self.file() {
            Ok(file) => Box::new(file.get_read(start)?),
            Err(bytes) => Box::new(bytes.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        // Room for all of them is made at once.
        if start.checked_add(length as u64).is_none_or(|end| end > Length::len(self)) {
            return Err(ParquetError::EOF(format!("the file ends before {length} bytes at {start}")));
        }
        self.file().map_or_else(|bytes| bytes.get_bytes(start, length), |file| file.get_bytes(start, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_read_from_a_file_unless_the_room_is_endless() {
        let folder = std::env::temp_dir().join(format!("citytwin-whole-{}", std::process::id()));
        let room = Room::new(0, folder.clone());
        let long: Vec<u8> = (0..HELD_BYTES as u32 * 2 + 1).map(|i| (i % 251) as u8).collect();
        let files = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
        for (length, room, in_files) in [
            (0, &room, 0),
            (HELD_BYTES as usize - 1, &room, 0),
            (HELD_BYTES as usize, &room, 1),
            (long.len(), &room, 1),
            (long.len(), &Room::endless(), 0),
        ] {
            let bytes = &long[..length];
            let whole = Whole::of(&mut &bytes[..], room).expect("all of it");
            assert_eq!((files(), Length::len(&whole)), (in_files, length as u64));
            let mut read = Vec::new();
            // Twice, and the second time from the beginning again.
            for _ in 0..2 {
                read.clear();
                whole.reader().and_then(|mut reader| reader.read_to_end(&mut read)).expect("readable");
                assert!(read == bytes, "{length} bytes");
            }
            let middle = length / 2;
            let (rest, at) = (length - middle, middle as u64);
            assert!(whole.get_bytes(at, rest).expect("within it") == bytes[middle..]);
            read.clear();
            whole.get_read(at).expect("within it").read_to_end(&mut read).expect("readable");
            assert!(read == bytes[middle..]);
            for (start, length) in [(at, rest + 1), (at, usize::MAX), (u64::MAX, 1)] {
                assert!(whole.get_bytes(start, length).is_err(), "{length} bytes at {start}");
            }
            drop(whole);
            assert_eq!(files(), 0, "it is removed");
        }
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
