//! OpenStreetMap's two formats, told apart by their first bytes.

use super::raw::Reading;
use super::{pbf, xml};
use std::io::BufRead;

pub(in crate::bake) use crate::bake::source::Fault;

/// What OpenStreetMap data is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bake) enum Format {
    Pbf,
    Xml,
}

impl Format {
    /// The format of a file that begins so; nothing for anything else.
    pub(in crate::bake) fn of(beginning: &[u8]) -> Option<Self> {
        match beginning {
            // Length of the block header, then its field 1: nine bytes, "OSMHeader".
            [_, _, _, _, 0x0a, 9, rest @ ..] if rest.starts_with(b"OSMHeader") => Some(Self::Pbf),
            _ if crate::bake::source::text_of(beginning).starts_with(b"<") => Some(Self::Xml),
            _ => None,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is broken.
    pub(in crate::bake) fn read(self, input: &mut (dyn BufRead + Send), reading: &mut Reading) -> Result<(), Fault> {
        match self {
            Self::Pbf => pbf::read(input, &mut |batch| reading.absorb(batch)),
            Self::Xml => xml::read(input, &mut |batch| reading.absorb(batch)),
        }
    }
}
