//! Find the city's assets by name, in any script, on the visitor's own device.
//!
//! # Conventions
//! * Text is folded once, in [`fold`]: compatibility forms, case and accents go; Han characters stay as they are.
//! * A name becomes words: runs of letters and digits, and every single Han character. A query matches an asset when
//!   each of its words is a prefix of a word of the name (or of the address), Han in sequence.
//! * Distances are metres, positions degrees (WGS84, longitude first).
//!
//! This crate fetches nothing and knows no clock: bytes in, hits out. It holds an index in memory, for a city centre's
//! worth of assets; published index files for a million come later.

mod fold;
mod index;

pub use fold::{Word, fold, words};
pub use index::{BadLine, Hit, Index, IndexBuilder, QueryOptions};
