//! Find the city's assets by name, in any script, on the visitor's own device.
//!
//! # Conventions
//! * Text is folded once, in [`fold`]: compatibility forms, case and accents go; Han characters stay as they are.
//! * A name becomes words: runs of letters and digits, and every single Han character. A query matches an asset when
//!   each of its words is a prefix of a word of the name (or of the address), Han in sequence.
//! * Distances are metres, positions degrees (WGS84, longitude first).
//!
//! `build` publishes an index of up to millions of records as static files; [`Searcher`] reads it: it says which byte
//! ranges it needs and is fed them.
//!
//! This crate fetches nothing and knows no clock: bytes in, hits out.

#![cfg_attr(not(feature = "build"), allow(dead_code))] // The writers beside the readers serve only the builder.

#[cfg(feature = "build")]
mod answers;
#[cfg(feature = "build")]
mod build;
mod bytes;
mod fold;
mod matcher;
mod order;
#[cfg(feature = "build")]
mod pinyin_table;
mod place;
mod query;
mod record;
mod regions;
mod root;
mod run;
mod searcher;
mod shards;
mod stack;
mod store;
mod value;

#[cfg(feature = "build")]
pub use build::{BuildOptions, BuiltIndex, Overlay, build, root_name};
pub use fold::{Word, fold, words};
pub use matcher::How;
pub use place::Area;
pub use query::{Answer, Facet, Found, Here, Predicate, Query, Test};
pub use record::{Field, FieldKind, Record};
pub use root::{FORMAT_VERSION, File, IndexError};
pub use searcher::Searcher;
pub use shards::{Shards, is_plain_name};
pub use stack::{Stack, StackAnswer, StackHere};
pub use store::{Need, Problem};
pub use value::Value;
