//! Parquet files, row by row. The library that reads them panics at some that are damaged: here that is an error.

use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::Row;
use parquet::record::reader::RowIter;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// Opens a file.
///
/// # Errors
/// When it is damaged.
pub(crate) fn open<R: ChunkReader + 'static>(source: R) -> Result<SerializedFileReader<R>> {
    guarded(|| SerializedFileReader::new(source))
}

/// The rows of a file, up to the first that cannot be read.
///
/// # Errors
/// When it is damaged.
pub(crate) fn rows(file: &dyn FileReader) -> Result<Rows<'_>> {
    guarded(|| file.get_row_iter(None)).map(|rows| Rows(Some(rows)))
}

/// See [`rows`].
pub(crate) struct Rows<'a>(Option<RowIter<'a>>);

impl Iterator for Rows<'_> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.0.as_mut()?;
        let row = guarded(|| rows.next().transpose());
        if row.is_err() {
            self.0 = None;
        }
        row.transpose()
    }
}

thread_local! {
    /// Whether a panic on this thread is an error that is about to be told.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Calls the library.
fn guarded<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                before(panic);
            }
        }));
    });
    GUARDED.set(true);
    // What was being changed when it panicked is dropped unseen.
    let result = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(false);
    result.unwrap_or_else(|_| Err(ParquetError::General("the file is damaged".into())))
}
