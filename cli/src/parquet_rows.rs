//! Parquet files, row by row. The library that reads them panics at some that are damaged: here that is an error.

use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::{Map, Value};
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

/// Digits after the point that a decimal may have: twice as many as 128 bits hold. The library writes each by itself.
const MAX_SCALE: i32 = 76;

/// The values of a row as JSON, and the bytes of its column of geometries. Raw bytes are no words.
///
/// # Errors
/// When a value is none that can be written, as a date in the year 5,000,000: its column is named.
pub(crate) fn split<'r>(row: &'r Row, geometries: &str) -> std::result::Result<Split<'r>, String> {
    let (mut properties, mut geometry) = (Map::new(), None);
    for (name, field) in row.get_column_iter() {
        match field {
            Field::Bytes(bytes) if name == geometries => geometry = Some(bytes.data()),
            Field::Null | Field::Bytes(_) => {}
            _ => {
                let value = if is_plain(field) { guarded(|| Ok(field.to_json_value())).ok() } else { None };
                let value = value.ok_or_else(|| format!("the value of column \"{name}\" cannot be read"))?;
                properties.insert(name.clone(), value);
            }
        }
    }
    Ok((properties, geometry))
}

type Split<'r> = (Map<String, Value>, Option<&'r [u8]>);

/// Whether a value can be written in reasonable time.
fn is_plain(field: &Field) -> bool {
    match field {
        Field::Decimal(decimal) => decimal.scale() <= MAX_SCALE,
        Field::Group(row) => row.get_column_iter().all(|(_, field)| is_plain(field)),
        Field::ListInternal(list) => list.elements().iter().all(is_plain),
        Field::MapInternal(map) => map.entries().iter().all(|(key, value)| is_plain(key) && is_plain(value)),
        _ => true,
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

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type};
    use parquet::file::writer::SerializedFileWriter;

    /// What is read of a column of these values, row by row.
    fn read<T: DataType>(kind: &str, values: &[T::T]) -> Vec<std::result::Result<Value, String>> {
        let schema = format!("message table {{ REQUIRED {kind}; }}");
        let schema = parquet::schema::parser::parse_message_type(&schema).expect("a schema");
        let mut writer = SerializedFileWriter::new(Vec::new(), schema.into(), Default::default()).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        let mut column = group.next_column().expect("a column").expect("a column");
        column.typed::<T>().write_batch(values, None, None).expect("written");
        column.close().expect("closed");
        group.close().expect("closed");
        let file = open(bytes::Bytes::from(writer.into_inner().expect("finished"))).expect("a file");
        let value = |row: Row| split(&row, "geometry").map(|(properties, _)| properties["built"].clone());
        rows(&file).expect("rows").map(|row| value(row.expect("a row"))).collect()
    }

    #[test]
    fn a_value_that_cannot_be_written_is_named_and_the_next_row_is_read() {
        let refused = || Err("the value of column \"built\" cannot be read".to_owned());
        let dates = read::<Int32Type>("INT32 built (DATE)", &[0, i32::MAX, 1]);
        assert_eq!(dates, [Ok("1970-01-01".into()), refused(), Ok("1970-01-02".into())]);
        let decimal = [ByteArray::from(vec![1, 0])];
        assert_eq!(read::<ByteArrayType>("BYTE_ARRAY built (DECIMAL(9,2))", &decimal), [Ok("2.56".into())]);
        let long = "BYTE_ARRAY built (DECIMAL(2000000000,2000000000))";
        assert_eq!(read::<ByteArrayType>(long, &decimal), [refused()]);
    }
}
