//! Everything's attributes as columns, for analysis: a GeoParquet 1.1 file of each theme, whose rows are the features.
//!
//! Rows lie in the order of a Morton curve, so that a group of rows is a part of the city: the least and greatest values
//! of the column `bbox` tell a reader which groups to skip. A group is all that is held of a file.

use super::model::Property;
use super::properties::{Kind, Row, Schema};
use super::reuse::{Digest, Digester, Maker};
use super::theme::Shape;
use super::twin::rounded_to;
use super::write::Sink;
use super::{BakeError, Cancel, wkb};
use citytwin_geo::EnuFrame;
use glam::DVec2;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

/// The folder of the files.
pub(super) const FOLDER: &str = "attributes";
/// What things that are found and not drawn are called.
pub(super) const PLACES: &str = "places";

/// Rows of a group at most, and bytes of what is in them: what is held at once.
const GROUP_ROWS: usize = 32_768;
const GROUP_BYTES: usize = 32 << 20;
/// Rows that are made at once.
const CHUNK_ROWS: usize = 2048;
/// Columns that every file has, of geometries and their boxes.
const GEOMETRY: &str = "geometry";
const BBOX: &str = "bbox";
const SIDES: [&str; 4] = ["xmin", "ymin", "xmax", "ymax"];
/// Columns in this order come first.
const FIRST: [&str; 4] = ["id", "class", "name", "address"];

/// Things of one kind.
pub(super) struct Table<'a, 's> {
    /// What they are called.
    pub(super) id: &'static str,
    /// How many there are.
    pub(super) count: usize,
    /// The attributes of each.
    pub(super) row: &'a (dyn Fn(usize) -> Row + Sync),
    /// Where each is.
    pub(super) shape: &'a (dyn Fn(usize) -> Shape<'s> + Sync),
}

/// Where the file of a theme lies below the twin's directory.
pub(super) fn path(id: &str) -> String {
    format!("{FOLDER}/{id}.parquet")
}

/// Makes the file of a table, if there is anything in it.
///
/// # Errors
/// [`BakeError::Io`] when it cannot be written, [`BakeError::Interrupted`].
pub(super) fn write(
    table: &Table,
    schema: &Schema,
    frame: &EnuFrame,
    maker: &Maker,
    cancel: &Cancel,
) -> Result<(), BakeError> {
    if table.count == 0 {
        return Ok(());
    }
    maker.unit(path(table.id), digest(table, frame), |sink| write_file(table, schema, frame, sink, cancel))
}

/// Stands for all that a table holds, in its order.
fn digest(table: &Table, frame: &EnuFrame) -> Digest {
    let place = |digester: &mut Digester, at: &DVec2| at.to_array().into_iter().for_each(|x| digester.float(x));
    let of_chunk = |first: usize| {
        let mut digester = Digester::new();
        for i in first..table.count.min(first + CHUNK_ROWS) {
            digester.row(&(table.row)(i));
            match (table.shape)(i) {
                Shape::Point(at) => place(&mut digester, &at),
                Shape::Line(line) => line.iter().for_each(|at| place(&mut digester, at)),
                Shape::Polygons(polygons) => {
                    for ring in polygons.iter().flat_map(|p| std::iter::once(&p.outer).chain(&p.holes)) {
                        digester.number(ring.len() as u64);
                        ring.iter().for_each(|at| place(&mut digester, at));
                    }
                    digester.number(polygons.len() as u64);
                    polygons.iter().for_each(|polygon| digester.number(polygon.holes.len() as u64));
                }
            }
        }
        digester.finish()
    };
    let chunks: Vec<usize> = (0..table.count).step_by(CHUNK_ROWS).collect();
    let digests: Vec<Digest> = chunks.into_par_iter().map(of_chunk).collect();
    let mut digester = Digester::new();
    frame.ecef_from_enu.to_cols_array().into_iter().for_each(|x| digester.float(x));
    digests.into_iter().for_each(|digest| digester.digest(digest));
    digester.finish()
}

fn write_file(
    table: &Table,
    schema: &Schema,
    frame: &EnuFrame,
    sink: &dyn Sink,
    cancel: &Cancel,
) -> Result<(), BakeError> {
    let path = path(table.id);
    let columns = Columns::of(schema);
    let order = along_curve(table);
    sink.stream(path.clone(), &mut |out| {
        let failed = |error: ParquetError| BakeError::io("write", &path)(std::io::Error::other(error));
        let mut file = SerializedFileWriter::new(out, columns.parquet(), Arc::new(settings())).map_err(failed)?;
        let mut seen = Seen::default();
        let mut group = Vec::new();
        let mut bytes = 0;
        for chunk in order.chunks(CHUNK_ROWS) {
            cancel.check()?;
            let rows: Vec<Record> = chunk.par_iter().map(|&i| Record::of(table, i as usize, frame)).collect();
            bytes += rows.iter().map(Record::bytes).sum::<usize>();
            group.extend(rows);
            if group.len() >= GROUP_ROWS || bytes >= GROUP_BYTES {
                columns.write_group(&group, &mut file, &mut seen).map_err(failed)?;
                group.clear();
                bytes = 0;
            }
        }
        if !group.is_empty() {
            columns.write_group(&group, &mut file, &mut seen).map_err(failed)?;
        }
        let geo = KeyValue { key: "geo".into(), value: Some(seen.geo().to_string()) };
        file.append_key_value_metadata(geo);
        file.close().map(|_| ()).map_err(failed)
    })
}

fn settings() -> WriterProperties {
    let never_told = |settings: parquet::file::properties::WriterPropertiesBuilder, column: &str| {
        // No two geometries are the same, and none is the least.
        let path = ColumnPath::from(column);
        settings
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, EnabledStatistics::None)
    };
    let settings = WriterProperties::builder()
        .set_created_by(format!("citytwin {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    never_told(settings, GEOMETRY).build()
}

/// The numbers of all things in the order of a Morton curve over their middles; those at one place by their number.
fn along_curve(table: &Table) -> Vec<u32> {
    let middles: Vec<Option<DVec2>> = (0..table.count).into_par_iter().map(|i| (table.shape)(i).middle()).collect();
    let ends = |(low, high): (DVec2, DVec2), p: &DVec2| (low.min(*p), high.max(*p));
    let (low, high) = middles.iter().flatten().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), ends);
    let step = (high - low).max(DVec2::splat(1e-9)) / f64::from(u16::MAX);
    let key = |middle: &Option<DVec2>| {
        let cell = middle.map_or(DVec2::ZERO, |p| (p - low) / step);
        spread(cell.x as u16) | spread(cell.y as u16) << 1
    };
    let mut order: Vec<(u32, u32)> = (0..).zip(&middles).map(|(i, middle)| (key(middle), i)).collect();
    order.par_sort_unstable();
    order.into_iter().map(|(_, i)| i).collect()
}

/// The bits with gaps of one between them.
fn spread(bits: u16) -> u32 {
    let mut wide = u32::from(bits);
    for (shift, mask) in [(8, 0x00ff_00ff), (4, 0x0f0f_0f0f), (2, 0x3333_3333), (1, 0x5555_5555)] {
        wide = (wide | wide << shift) & mask;
    }
    wide
}

/// A row with its place.
struct Record {
    row: Row,
    geometry: Option<Placed>,
}

impl Record {
    fn of(table: &Table, number: usize, frame: &EnuFrame) -> Self {
        Self { row: (table.row)(number), geometry: Placed::of(&(table.shape)(number), frame) }
    }

    /// What it takes in memory, about.
    fn bytes(&self) -> usize {
        let cell = |(id, property): (&String, &Property)| match property {
            Property::Text(text) => 64 + id.len() + text.len(),
            _ => 64 + id.len(),
        };
        self.row.iter().map(cell).sum::<usize>() + self.geometry.as_ref().map_or(0, |placed| placed.wkb.len())
    }
}

/// A shape in degrees.
struct Placed {
    wkb: ByteArray,
    kind: &'static str,
    /// West, south, east, north.
    sides: [f64; 4],
}

impl Placed {
    /// Nothing where a position is no number, or there is none.
    fn of(shape: &Shape, frame: &EnuFrame) -> Option<Self> {
        let mut sides = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let mut sound = true;
        let mut place = |at: &DVec2| {
            let geodetic = frame.geodetic_from_enu(at.extend(frame.surface_z(*at)));
            // A tenth of a millimetre: what was written with fewer digits has them again.
            let [lon, lat] = [geodetic.lon(), geodetic.lat()].map(|degrees| rounded_to(degrees, 1e9));
            sound &= lon.is_finite() && lat.is_finite();
            sides = [sides[0].min(lon), sides[1].min(lat), sides[2].max(lon), sides[3].max(lat)];
            [lon, lat]
        };
        let (wkb, kind) = match shape {
            Shape::Point(at) => (wkb::point(place(at)), "Point"),
            Shape::Line(line) => (wkb::line(&line.iter().map(place).collect::<Vec<_>>()), "LineString"),
            Shape::Polygons(polygons) => {
                let placed: Vec<Vec<Vec<[f64; 2]>>> = polygons
                    .iter()
                    .map(|polygon| {
                        let rings = std::iter::once(&polygon.outer).chain(&polygon.holes);
                        rings.map(|ring| ring.iter().map(&mut place).collect()).collect()
                    })
                    .collect();
                (wkb::polygons(&placed), if placed.len() == 1 { "Polygon" } else { "MultiPolygon" })
            }
        };
        (sound && sides[0] <= sides[2]).then(|| Self { wkb: wkb.into(), kind, sides })
    }
}

/// What is known of a file when its last row is written.
struct Seen {
    kinds: BTreeSet<&'static str>,
    sides: [f64; 4],
}

impl Default for Seen {
    fn default() -> Self {
        Self { kinds: BTreeSet::new(), sides: [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY] }
    }
}

impl Seen {
    fn add(&mut self, placed: &Placed) {
        self.kinds.insert(placed.kind);
        let ([a, b, c, d], [west, south, east, north]) = (self.sides, placed.sides);
        self.sides = [a.min(west), b.min(south), c.max(east), d.max(north)];
    }

    /// The file's metadata (GeoParquet 1.1). No CRS: longitude and latitude (OGC:CRS84).
    fn geo(&self) -> Value {
        let covering: BTreeMap<&str, [&str; 2]> = SIDES.map(|side| (side, [BBOX, side])).into();
        let mut column = json!({
            "encoding": "WKB",
            "geometry_types": self.kinds,
            "orientation": "counterclockwise",
            "covering": { BBOX: covering },
        });
        if !self.kinds.is_empty() {
            column[BBOX] = json!(self.sides);
        }
        json!({ "version": "1.1.0", "primary_column": GEOMETRY, "columns": { GEOMETRY: column } })
    }
}

/// The columns of a file besides geometries.
struct Columns<'a> {
    /// Name in the file, property id, type.
    columns: Vec<(String, &'a str, Kind)>,
}

impl<'a> Columns<'a> {
    fn of(schema: &'a Schema) -> Self {
        let known: BTreeMap<&str, Kind> = schema.columns().collect();
        let first = FIRST.iter().filter_map(|id| known.get_key_value(*id));
        let rest = known.iter().filter(|(id, _)| !FIRST.contains(*id));
        let name = |id: &str| {
            let mut name = id.to_owned();
            while name == GEOMETRY || name == BBOX || (name != id && known.contains_key(name.as_str())) {
                name.push('_');
            }
            name
        };
        Self { columns: first.chain(rest).map(|(id, kind)| (name(id), *id, *kind)).collect() }
    }

    fn parquet(&self) -> TypePtr {
        let primitive = |name: &str, physical: Physical, logical: Option<LogicalType>, repetition: Repetition| {
            let column = Type::primitive_type_builder(name, physical).with_logical_type(logical);
            Arc::new(column.with_repetition(repetition).build().expect("a type of columns"))
        };
        let mut fields: Vec<TypePtr> = Vec::new();
        for (name, _, kind) in &self.columns {
            let (physical, logical) = match kind {
                Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
                Kind::Number => (Physical::DOUBLE, None),
                Kind::Integer => (Physical::INT64, None),
                Kind::Flag => (Physical::BOOLEAN, None),
            };
            fields.push(primitive(name, physical, logical, Repetition::OPTIONAL));
        }
        fields.push(primitive(GEOMETRY, Physical::BYTE_ARRAY, None, Repetition::OPTIONAL));
        let sides = SIDES.map(|side| primitive(side, Physical::DOUBLE, None, Repetition::REQUIRED));
        let bbox = Type::group_type_builder(BBOX).with_repetition(Repetition::OPTIONAL).with_fields(sides.into());
        fields.push(Arc::new(bbox.build().expect("a group of columns")));
        Arc::new(Type::group_type_builder("schema").with_fields(fields).build().expect("a group of columns"))
    }

    fn write_group<W: Write + Send>(
        &self,
        rows: &[Record],
        file: &mut SerializedFileWriter<W>,
        seen: &mut Seen,
    ) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        for (_, id, kind) in &self.columns {
            let cells = rows.iter().map(|record| record.row.get(*id));
            match kind {
                Kind::Text => column::<ByteArrayType, _>(&mut group, cells.map(|c| c.map(text)))?,
                Kind::Number => column::<DoubleType, _>(&mut group, cells.map(|c| c.and_then(finite)))?,
                Kind::Integer => column::<Int64Type, _>(&mut group, cells.map(|c| c.and_then(integer)))?,
                Kind::Flag => column::<BoolType, _>(&mut group, cells.map(|c| c.and_then(flag)))?,
            }
        }
        let placed = || rows.iter().map(|record| record.geometry.as_ref());
        placed().flatten().for_each(|placed| seen.add(placed));
        column::<ByteArrayType, _>(&mut group, placed().map(|p| p.map(|p| p.wkb.clone())))?;
        for side in 0..SIDES.len() {
            column::<DoubleType, _>(&mut group, placed().map(|p| p.map(|p| p.sides[side])))?;
        }
        group.close().map(|_| ())
    }
}

fn text(property: &Property) -> ByteArray {
    property.to_string().into_bytes().into()
}

fn finite(property: &Property) -> Option<f64> {
    property.number().filter(|number| number.is_finite())
}

fn integer(property: &Property) -> Option<i64> {
    if let Property::Integer(number) = property { Some(*number) } else { None }
}

fn flag(property: &Property) -> Option<bool> {
    if let Property::Flag(yes) = property { Some(*yes) } else { None }
}

/// Writes the next column of a group, whose cells may be empty.
fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        levels.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".into()))?;
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::model::Polygon;
    use crate::bake::source::{Input, read_bytes};
    use crate::bake::write::Held;
    use citytwin_geo::Geodetic;
    use citytwin_manifest::Theme;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::file::statistics::Statistics;
    use parquet::record::Field;

    fn written(table: &Table) -> Vec<u8> {
        let frame = EnuFrame::new(Geodetic::from_degrees(4.36, 52.0, 0.0));
        let held = Held::default();
        let schema = Schema::of(table.id, table.count, table.row);
        write_file(table, &schema, &frame, &held, &Cancel::default()).expect("a file");
        held.into_files().remove(0).1
    }

    /// A tree in each square of 10 m, row by row from the south-west.
    fn trees(count: usize, shape: &(dyn Fn(usize) -> Shape<'static> + Sync)) -> Vec<u8> {
        let row = |i: usize| {
            let mut row = Row::from([
                ("id".to_owned(), Property::Text(format!("tree/{i}"))),
                ("class".to_owned(), Property::Text("tree".into())),
                ("girth".to_owned(), Property::Integer(i as i64 + (1 << 53))),
                ("height".to_owned(), Property::Number(i as f64 / 8.0)),
                ("geometry".to_owned(), Property::Text("round".into())),
                ("mixed".to_owned(), if i == 0 { Property::Flag(true) } else { Property::Integer(i as i64) }),
            ]);
            if i.is_multiple_of(2) {
                row.insert("sick".to_owned(), Property::Flag(i.is_multiple_of(4)));
            }
            row
        };
        written(&Table { id: "furniture", count, row: &row, shape })
    }

    fn at(i: usize) -> DVec2 {
        DVec2::new((i % 200) as f64, (i / 200) as f64) * 10.0
    }

    #[test]
    fn columns_have_types_and_every_cell_is_there() {
        let bytes = trees(3000, &|i| Shape::Point(if i == 7 { DVec2::NAN } else { at(i) }));
        assert_eq!(bytes, trees(3000, &|i| Shape::Point(if i == 7 { DVec2::NAN } else { at(i) })), "the same bytes");
        let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("a Parquet file");
        let fields = file.metadata().file_metadata().schema().get_fields().to_vec();
        let types: Vec<String> = fields
            .iter()
            .map(|f| match f.is_primitive() {
                true => format!("{} {}", f.name(), f.get_physical_type()),
                false => f.name().to_owned(),
            })
            .collect();
        assert_eq!(
            types,
            [
                "id BYTE_ARRAY",
                "class BYTE_ARRAY",
                "geometry_ BYTE_ARRAY",
                "girth INT64",
                "height DOUBLE",
                "mixed BYTE_ARRAY",
                "sick BOOLEAN",
                "geometry BYTE_ARRAY",
                "bbox"
            ]
        );
        let mut seen = BTreeSet::new();
        for row in file.get_row_iter(None).expect("rows") {
            let row: BTreeMap<String, Field> = row.expect("a row").into_columns().into_iter().collect();
            let Field::Str(id) = &row["id"] else { panic!("{row:?}") };
            let i: usize = id["tree/".len()..].parse().expect("a number");
            assert_eq!(row["girth"], Field::Long(i as i64 + (1 << 53)));
            assert_eq!(row["height"], Field::Double(i as f64 / 8.0));
            assert_eq!(row["mixed"], Field::Str(if i == 0 { "yes".into() } else { i.to_string() }));
            assert_eq!(row["sick"], if i.is_multiple_of(2) { Field::Bool(i.is_multiple_of(4)) } else { Field::Null });
            assert_eq!(row["geometry_"], Field::Str("round".into()));
            assert_eq!((row["geometry"] == Field::Null, row["bbox"] == Field::Null), (i == 7, i == 7));
            seen.insert(i);
        }
        assert_eq!(seen.len(), 3000);
    }

    #[test]
    fn groups_of_rows_are_parts_of_the_city_and_say_where_they_lie() {
        let count = GROUP_ROWS + 7232;
        let file =
            SerializedFileReader::new(bytes::Bytes::from(trees(count, &|i| Shape::Point(at(i))))).expect("a file");
        let mut areas = Vec::new();
        for group in file.metadata().row_groups() {
            let side = |name: &str, least: bool| {
                let path = format!("{BBOX}.{name}");
                let column = group.columns().iter().find(|c| c.column_path().string() == path).expect("a box");
                let Some(Statistics::Double(values)) = column.statistics() else { panic!("no statistics") };
                *(if least { values.min_opt() } else { values.max_opt() }).expect("a value")
            };
            let [west, south] = [side("xmin", true), side("ymin", true)];
            areas.push((side("xmax", false) - west) * (side("ymax", false) - south));
        }
        assert_eq!(areas.len(), 2);
        // 200 by 200 trees: the second group is the rest of the north-eastern corner.
        assert!(areas[1] < areas[0] / 3.0, "{areas:?}");
    }

    #[test]
    fn our_own_reader_finds_everything_where_it_was() {
        let ring = |at: DVec2, r: f64| [(-r, -r), (r, -r), (r, r), (-r, r)].map(|p| at + DVec2::from(p)).to_vec();
        let reversed = |mut ring: Vec<DVec2>| {
            ring.reverse();
            ring
        };
        let houses: Vec<Vec<Polygon>> = vec![
            vec![Polygon { outer: ring(DVec2::ZERO, 9.0), holes: vec![reversed(ring(DVec2::ZERO, 3.0))] }],
            vec![
                Polygon { outer: ring(DVec2::new(90.0, 50.0), 5.0), holes: Vec::new() },
                Polygon { outer: ring(DVec2::new(120.0, 50.0), 5.0), holes: Vec::new() },
            ],
        ];
        let row = |i: usize| {
            Row::from([
                ("id".to_owned(), Property::Text(format!("h{i}"))),
                ("height_m".to_owned(), Property::Number(7.5)),
                ("year".to_owned(), Property::Integer(1900)),
            ])
        };
        let bytes = written(&Table {
            id: "buildings",
            count: 2,
            row: &row,
            shape: &|i| Shape::Polygons(std::borrow::Cow::Borrowed(&houses[i])),
        });
        let input = Input {
            theme: Some(Theme::Buildings),
            height: Some("height_m".into()),
            id: Some("id".into()),
            ..Input::new("town.parquet")
        };
        let city = read_bytes(&input, &bytes).expect("a city");
        let frame = EnuFrame::new(Geodetic::from_degrees(4.36, 52.0, 0.0));
        let own = EnuFrame::new(city.origin);
        assert_eq!(city.buildings.len(), 2, "{:?}", city.warnings);
        for (building, expected) in city.buildings.iter().zip(&houses) {
            assert_eq!((building.height_m, building.outline.len()), (7.5, expected.len()));
            assert_eq!(building.tags.more.get("year"), Some(&Property::Integer(1900)));
            assert_eq!(building.outline[0].holes.len(), expected[0].holes.len());
            for polygon in expected {
                for p in &polygon.outer {
                    let place = frame.geodetic_from_enu(p.extend(frame.surface_z(*p)));
                    let here = own.enu_from_geodetic(place).truncate();
                    let corners = building.outline.iter().flat_map(|polygon| &polygon.outer);
                    assert!(corners.clone().any(|corner| corner.distance(here) < 0.001), "{here}");
                }
            }
        }
    }
}
