//! The library behind the `citytwin` command: everything that a city runs once, natively, to publish a twin.
//!
//! It stands on `core`; nothing that a browser needs lives here.

pub mod bake;
pub mod inspect;
pub mod locate;
mod parquet_rows;
pub mod precompress;
pub mod search;
pub mod serve;

use std::io::{self, ErrorKind, Write};

/// Prints an answer. A reader that has seen enough (`citytwin inspect … | head`) is no failure.
fn tell(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
