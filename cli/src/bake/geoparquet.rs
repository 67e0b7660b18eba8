//! GeoParquet 1.0 and 1.1: rows of a Parquet file with a column of geometries in well-known binary.

use super::geojson;
use super::json::Reading;
use super::source::{Fault, Gathered, Input, Whole};
use super::wkb;
use crate::parquet_rows;
use parquet::file::reader::FileReader;
use serde_json::Value;

/// Whether a file begins as a Parquet file does.
pub(super) fn is_parquet(beginning: &[u8]) -> bool {
    beginning.starts_with(b"PAR1")
}

/// Reads a file, of which a page of each column is held.
///
/// # Errors
/// When it is damaged, has no geometries in well-known binary, or names a CRS that is not known.
pub(super) fn read(input: &Input, whole: Whole, gathered: &mut Gathered) -> Result<(), Fault> {
    let damaged = |error: parquet::errors::ParquetError| Fault::new("Parquet", error.to_string());
    let reader = parquet_rows::open(whole).map_err(damaged)?;
    let metadata = reader.metadata().file_metadata();
    let stated = metadata.key_value_metadata().into_iter().flatten().find(|pair| pair.key == "geo");
    let stated = stated.and_then(|pair| pair.value.as_deref()).and_then(|text| serde_json::from_str(text).ok());
    let columns: Vec<&str> = metadata.schema().get_fields().iter().map(|field| field.name()).collect();
    let about = Geo::read(stated.as_ref(), &columns).map_err(|message| Fault::new("GeoParquet", message))?;
    let mut reading = Reading::default();
    if let Some(crs) = &about.crs {
        reading.geojson.name(crs, input).map_err(|message| Fault::new("GeoParquet", message))?;
    }
    let rows = parquet_rows::rows(&reader).map_err(damaged)?;
    for (number, row) in (1_u64..).zip(rows) {
        let row = row.map_err(|error| Fault::new(format!("row {number}"), error.to_string()))?;
        let (mut properties, geometry) = match parquet_rows::split(&row, &about.column) {
            Ok(split) => split,
            Err(message) => {
                gathered.warnings.add("row_unreadable", format!("{}, row {number}: {message}", input.stem()));
                continue;
            }
        };
        // The boxes of geometries are known from themselves.
        if properties.get("bbox").is_some_and(Value::is_object) {
            properties.remove("bbox");
        }
        match geometry.map(wkb::read) {
            Some(None) => gathered.warnings.add("geometry_unreadable", format!("{}, row {number}", input.stem())),
            geometry => geojson::record(input, properties, geometry.flatten(), None, &mut reading, gathered),
        }
    }
    reading.geojson.finish(input)
}

/// What a file says about its geometries.
struct Geo {
    column: String,
    crs: Option<String>,
}

impl Geo {
    fn read(stated: Option<&Value>, columns: &[&str]) -> Result<Self, String> {
        let named = stated.and_then(|geo| geo["primary_column"].as_str());
        let column = named.unwrap_or("geometry");
        if !columns.contains(&column) {
            return Err(format!(
                "it has no column \"{column}\" of geometries; its columns are {}. A table of longitudes and latitudes is \
                 read by \"citytwin search build\"",
                columns.join(", ")
            ));
        }
        let about = stated.map(|geo| &geo["columns"][column]);
        let encoding = about.and_then(|about| about["encoding"].as_str()).unwrap_or("WKB");
        if encoding != "WKB" {
            return Err(format!("its geometries are encoded as \"{encoding}\"; expected WKB"));
        }
        // Without a word it is longitude and latitude; `null` says that nobody knows.
        let id = about.and_then(|about| about.get("crs")).map(|crs| &crs["id"]);
        let crs = id.and_then(|id| {
            let code = id["code"].as_str().map(str::to_owned).or_else(|| id["code"].as_u64().map(|n| n.to_string()))?;
            Some(format!("{}:{code}", id["authority"].as_str()?))
        });
        Ok(Self { column: column.to_owned(), crs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_says_where_its_geometries_are_and_in_which_system() {
        let columns = ["id", "geom"];
        let geo = |about: Value| {
            let stated = json!({ "primary_column": "geom", "columns": { "geom": about } });
            Geo::read(Some(&stated), &columns).map(|geo| geo.crs)
        };
        assert_eq!(geo(json!({ "encoding": "WKB" })), Ok(None));
        let rd = json!({ "encoding": "WKB", "crs": { "id": { "authority": "EPSG", "code": 28992 } } });
        assert_eq!(geo(rd), Ok(Some("EPSG:28992".into())));
        assert!(geo(json!({ "encoding": "polygon" })).is_err_and(|message| message.contains("expected WKB")));
        assert!(Geo::read(None, &columns).is_err_and(|message| message.contains("id, geom")));
    }
}
