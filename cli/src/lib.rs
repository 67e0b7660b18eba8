//! The library behind the `citytwin` command: everything that a city runs once, natively, to publish a twin.
//!
//! It stands on `core`; nothing that a browser needs lives here.

pub mod bake;
pub mod inspect;
pub mod locate;
pub mod precompress;
pub mod search;
pub mod serve;
