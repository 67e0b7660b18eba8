//! Parquet tables as records: a row each, placed by `lon` and `lat` columns or by a GeoParquet `geometry`.

use super::input::Sink;
use super::properties::{self, Extent};
use crate::bake::{Progress, wkb};
use crate::parquet_rows;
use anyhow::{Context, Result, bail};
use parquet::file::reader::FileReader;
use parquet::record::Row;
use serde_json::Value;
use std::fs::File;

/// Names of the columns that may hold a longitude and a latitude.
const POSITIONS: [[&str; 2]; 3] = [["lon", "lat"], ["lng", "lat"], ["longitude", "latitude"]];

/// Reads every row.
///
/// # Errors
/// When the file is damaged, compressed in a way that is not built in, or has no positions at all.
pub(super) fn read(file: File, sink: &mut Sink<'_>, progress: &dyn Progress) -> Result<()> {
    let reader = parquet_rows::open(file).context("this Parquet file is damaged")?;
    let metadata = reader.metadata().file_metadata();
    let columns: Vec<&str> = metadata.schema().get_fields().iter().map(|field| field.name()).collect();
    let has = |name: &&str| columns.contains(name);
    if !POSITIONS.iter().any(|pair| pair.iter().all(has)) && !has(&"geometry") {
        bail!(
            "this Parquet file has neither columns \"lon\" and \"lat\" nor a \"geometry\"; it has {}",
            columns.join(", ")
        );
    }
    progress.stage("read", u64::try_from(metadata.num_rows()).ok());
    let rows = parquet_rows::rows(&reader).context("this Parquet file cannot be read")?;
    for (number, row) in rows.enumerate() {
        let row = row.with_context(|| format!("this Parquet file cannot be read on from row {}", number + 1))?;
        sink.take(|| format!("row {}", number + 1), record(&row))?;
        progress.advance(1);
    }
    Ok(())
}

fn record(row: &Row) -> Result<citytwin_search::Record, String> {
    let (properties, geometry) = parquet_rows::split(row, "geometry")?;
    let number = |name: &str| properties.get(name).and_then(Value::as_f64);
    let at = (POSITIONS.iter().find_map(|[lon, lat]| Some([number(lon)?, number(lat)?])))
        .or_else(|| middle_of_wkb(geometry?))
        .ok_or("no position")?;
    properties::record(None, &properties, at)
}

/// The middle of what a geometry in well-known binary (OGC 06-103r4, section 8) covers. `None` when it is empty or
/// cut short.
fn middle_of_wkb(bytes: &[u8]) -> Option<[f64; 2]> {
    let mut extent = Extent::NONE;
    wkb::positions(bytes)?.into_iter().for_each(|position| extent.add(position));
    extent.middle()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A geometry in little-endian well-known binary: its type, then counts and coordinates as given.
    fn wkb(kind: u32, parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(kind.to_le_bytes());
        parts.iter().for_each(|part| bytes.extend(*part));
        bytes
    }

    fn floats(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn the_middle_of_each_kind_of_geometry_is_found() {
        let point = wkb(1, &[&floats(&[3.0, 4.0])]);
        assert_eq!(middle_of_wkb(&point), Some([3.0, 4.0]));
        let two = 2_u32.to_le_bytes();
        assert_eq!(middle_of_wkb(&wkb(1002, &[&two, &floats(&[0.0, 0.0, 9.0, 4.0, 2.0, 9.0])])), Some([2.0, 1.0]));
        let one = 1_u32.to_le_bytes();
        let ring = [&one[..], &two, &floats(&[1.0, 1.0, 3.0, 5.0])].concat();
        assert_eq!(middle_of_wkb(&wkb(3, &[&ring])), Some([2.0, 3.0]));
        assert_eq!(middle_of_wkb(&wkb(4, &[&two, &point, &wkb(1, &[&floats(&[5.0, 4.0])])])), Some([4.0, 4.0]));
        let big: Vec<u8> = [&[0][..], &1_u32.to_be_bytes(), &7_f64.to_be_bytes(), &8_f64.to_be_bytes()].concat();
        assert_eq!(middle_of_wkb(&big), Some([7.0, 8.0]));
        let with_srid = wkb(0x2000_0001, &[&4326_u32.to_le_bytes(), &floats(&[1.0, 2.0])]);
        assert_eq!(middle_of_wkb(&with_srid), Some([1.0, 2.0]));
    }

    #[test]
    fn damaged_geometries_have_no_middle() {
        let point = wkb(1, &[&floats(&[3.0, 4.0])]);
        for len in 0..point.len() {
            assert_eq!(middle_of_wkb(&point[..len]), None, "{len}");
        }
        let most = u32::MAX.to_le_bytes();
        let mut nested = point.clone();
        for _ in 0..50 {
            nested = wkb(7, &[&1_u32.to_le_bytes(), &nested]);
        }
        for bytes in [wkb(99, &[]), wkb(2, &[&most]), wkb(3, &[&most]), wkb(7, &[&most]), nested] {
            assert_eq!(middle_of_wkb(&bytes), None);
        }
        assert_eq!(middle_of_wkb(&wkb(1, &[&floats(&[f64::NAN, f64::NAN])])), None);
    }
}
