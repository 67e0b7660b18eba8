//! Parquet tables as records: a row each, placed by `lon` and `lat` columns or by a GeoParquet `geometry`.

use super::input::Sink;
use super::properties::{self, Extent};
use crate::bake::Progress;
use anyhow::{Context, Result, bail};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value};
use std::fs::File;

/// Names of the columns that may hold a longitude and a latitude.
const POSITIONS: [[&str; 2]; 3] = [["lon", "lat"], ["lng", "lat"], ["longitude", "latitude"]];

/// Reads every row.
///
/// # Errors
/// When the file is damaged, compressed in a way that is not built in, or has no positions at all.
pub(super) fn read(file: File, sink: &mut Sink<'_>, progress: &dyn Progress) -> Result<()> {
    let reader = SerializedFileReader::new(file).context("this Parquet file is damaged")?;
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
    let rows = reader.get_row_iter(None).context("this Parquet file cannot be read")?;
    for (number, row) in rows.enumerate() {
        let row = row.with_context(|| format!("this Parquet file cannot be read on from row {}", number + 1))?;
        sink.take(|| format!("row {}", number + 1), record(&row))?;
        progress.advance(1);
    }
    Ok(())
}

fn record(row: &Row) -> Result<citytwin_search::Record, String> {
    let mut properties = Map::new();
    let mut geometry = None;
    for (name, field) in row.get_column_iter() {
        match field {
            Field::Bytes(bytes) if name == "geometry" => geometry = Some(bytes.data()),
            // Raw bytes are no words.
            Field::Null | Field::Bytes(_) => {}
            _ => {
                properties.insert(name.clone(), field.to_json_value());
            }
        }
    }
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
    Wkb { bytes }.geometry(&mut extent, 0)?;
    extent.middle()
}

struct Wkb<'a> {
    bytes: &'a [u8],
}

impl Wkb<'_> {
    /// Collections within collections deeper than this are no honest geometry.
    const MAX_DEPTH: u32 = 8;

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*head)
    }

    fn u32(&mut self, little: bool) -> Option<u32> {
        let bytes = self.take()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn f64(&mut self, little: bool) -> Option<f64> {
        let bytes = self.take()?;
        Some(if little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    }

    fn geometry(&mut self, extent: &mut Extent, depth: u32) -> Option<()> {
        let [order] = self.take()?;
        let little = order == 1;
        let code = self.u32(little)?;
        // Z and M as ISO writes them (thousands) and as PostGIS does (upper bits), where an SRID may follow.
        let iso = code & 0xFFFF;
        let extra = u32::from(code & 0x8000_0000 != 0 || matches!(iso / 1000, 1 | 3))
            + u32::from(code & 0x4000_0000 != 0 || matches!(iso / 1000, 2 | 3));
        if code & 0x2000_0000 != 0 {
            self.u32(little)?;
        }
        match iso % 1000 {
            1 => self.positions(1, extra, little, extent),
            2 => {
                let count = self.u32(little)?;
                self.positions(count, extra, little, extent)
            }
            3 => (0..self.u32(little)?).try_for_each(|_| {
                let count = self.u32(little)?;
                self.positions(count, extra, little, extent)
            }),
            4..=7 if depth < Self::MAX_DEPTH => {
                (0..self.u32(little)?).try_for_each(|_| self.geometry(extent, depth + 1))
            }
            _ => None,
        }
    }

    /// An empty point is written as two NaN, which an extent ignores.
    fn positions(&mut self, count: u32, extra: u32, little: bool, extent: &mut Extent) -> Option<()> {
        for _ in 0..count {
            extent.add([self.f64(little)?, self.f64(little)?]);
            for _ in 0..extra {
                self.f64(little)?;
            }
        }
        Some(())
    }
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
