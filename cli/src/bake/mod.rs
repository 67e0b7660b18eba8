//! `citytwin bake`: a city's own data to `twin.json` and 3D Tiles.
//!
//! Steps that are each a function of the one before, so that the same input gives the same bytes:
//! [`source`] (bytes of any known kind → [`model::City`]) → `mesh` (things → triangles) → `tile` (triangles → quadtree) → `write` (files).
//! The search index and the labels are made from the city's named things just before they are written.

mod attributes;
mod categories;
mod citygml;
mod cityjson;
mod clip;
mod content;
mod crs;
mod drape;
mod error;
mod feature;
mod flatgeobuf;
mod flats;
mod geojson;
mod geoparquet;
mod glb;
mod json;
mod labels;
mod land;
pub mod mesh;
pub mod model;
mod osm;
pub mod picture;
mod progress;
mod properties;
pub mod recipe;
mod reuse;
mod share;
pub mod source;
mod stock;
mod store;
mod subtree;
pub mod terrain;
mod theme;
mod tile;
mod tileset;
mod twin;
mod venue;
mod winding;
pub(crate) mod wkb;
mod words;
mod write;

pub use crs::AxisOrder;
pub use error::BakeError;
pub use progress::{Progress, Silent};
pub use share::{Share, merge};
pub use source::Input;
pub use tileset::Stats;

use citytwin_geo::EnuFrame;
use citytwin_manifest::{Attribution, PropertyWords, Terrain, TerrainKind, Text};
use land::Land;
use model::{City, Warnings};
use properties::{Row, Schema};
use rayon::prelude::*;
use reuse::{Inputs, Maker, digest_of};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use stock::Stock;
use store::Room;
use theme::Theme;
use write::{Held, Sink, Written, put_all};

/// What a bake takes if nobody says how much it may.
pub const MEMORY_BYTES: u64 = 1 << 30;
/// The share of it that things of the city may take: what is made of them, and what is known of each, takes the rest.
const STORED: u64 = 4;

/// What to bake, and where to.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What to read.
    pub inputs: Vec<Input>,
    /// The directory that becomes the twin.
    pub out: PathBuf,
    /// The twin's name by language tag; empty: the name in the data, else that of the first input.
    pub title: Text,
    /// Whom to name, instead of those that city models name as their contact.
    pub attribution: Vec<Attribution>,
    /// Words for properties, by property id; others have those of the built-in list, or their own name.
    pub words: BTreeMap<String, PropertyWords>,
    /// Only a share of the tiles, to be [`merge`]d with the others.
    pub share: Option<Share>,
    /// About how much memory to take, bytes; 0: [`MEMORY_BYTES`]. What is made does not depend on it.
    pub memory_bytes: u64,
    /// Bake everything anew, also into a directory that is not a twin.
    pub force: bool,
}

/// A switch that stops a bake at its next step. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Stops the bake.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`BakeError::Interrupted`] once cancelled.
    pub fn check(&self) -> Result<(), BakeError> {
        if self.0.load(Ordering::Relaxed) { Err(BakeError::Interrupted) } else { Ok(()) }
    }
}

/// What a bake did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Its stages in order.
    pub stages: Vec<Stage>,
    /// Its tilesets: layer id and numbers.
    pub tilesets: Vec<(&'static str, Stats)>,
    /// Nothing has changed since the twin at the output was baked: it is left as it is, and the rest of this is empty.
    pub unchanged: bool,
    /// Tiles, search indexes and files of attributes that were made.
    pub made: u64,
    /// Those that the twin at the output had already, made of the same.
    pub kept: u64,
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was wrong with the input.
    pub warnings: Warnings,
}

impl Report {
    fn add(&mut self, tileset: &tileset::Tileset) {
        if tileset.stats.dropped > 0 {
            let warning = self.warnings.0.entry("position-not-finite".into()).or_default();
            warning.count += tileset.stats.dropped;
            warning.examples.push(format!("{}: vertices or instances left out", tileset.id));
        }
        self.tilesets.push((tileset.id, tileset.stats));
    }
}

/// One stage of a bake.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// `read`, `mesh`, `tile`, `attributes`, `search`, `terrain` or `write`.
    pub name: &'static str,
    /// How long it took, seconds.
    pub seconds: f64,
    /// What came of it, in words.
    pub result: String,
}

/// Bakes a twin. On failure the output is as it was.
///
/// # Errors
/// [`BakeError::Input`] and [`BakeError::Io`] for inputs that cannot be read, [`BakeError::OutputExists`] before any
/// work is done, [`BakeError::Empty`] and [`BakeError::TooLarge`] for data that makes no twin,
/// [`BakeError::Interrupted`] when cancelled.
pub fn bake(options: &Options, cancel: &Cancel, progress: &dyn Progress) -> Result<Report, BakeError> {
    write::check_output(&options.out, options.force)?;
    // What is shared is not whole before it is merged.
    let inputs = if options.share.is_none() { Inputs::of(options) } else { None };
    if let Some(inputs) = inputs.as_ref().filter(|_| !options.force)
        && reuse::is_up_to_date(&options.out, inputs)
    {
        return Ok(Report { unchanged: true, ..Report::default() });
    }
    let mut report = Report::default();
    let clock = Instant::now();
    progress.stage("read", None);
    let stores = write::Stores::beside(&options.out)?;
    let memory_bytes = if options.memory_bytes == 0 { MEMORY_BYTES } else { options.memory_bytes };
    let room = Room::new(memory_bytes / STORED, stores.path().to_owned());
    let mut stock = source::read_into(&options.inputs, &room, progress)?;
    let city = stock.city_mut();
    if !options.attribution.is_empty() {
        // Whom a file names as its contact is a guess; what OpenStreetMap asks for is not.
        city.attribution.retain(|who| *who == twin::openstreetmap());
    }
    for attribution in &options.attribution {
        if !city.attribution.contains(attribution) {
            city.attribution.push(attribution.clone());
        }
    }
    city.words.extend(options.words.clone());
    cancel.check()?;
    let found = format!(
        "{} buildings, {} other structures, {} areas, {} ways, {} points, {} places",
        stock.buildings.len(),
        stock.structures.len(),
        stock.areas.len(),
        stock.ways.len(),
        stock.points.len(),
        stock.places.len()
    );
    let found = match room.files() {
        0 => found,
        files => format!("{found}; {files} lists of them in files, for want of memory"),
    };
    report.stages.push(Stage { name: "read", seconds: clock.elapsed().as_secs_f64(), result: found });
    let city = &stock;
    let title = title(city, options);
    let written = Written::begin(&options.out, cancel)?;
    let maker = match &inputs {
        Some(inputs) => Maker::after((!options.force).then_some(options.out.as_path()), inputs, &written),
        None => Maker::anew(&written),
    };
    match options.share {
        Some(share) => write_share(city, &title, share, &maker, cancel, progress, &mut report)?,
        None => write_twin(city, &title, &maker, cancel, progress, &mut report)?,
    }
    // Before anything takes the place of the twin that is there: what could not be read again is missing in this one.
    room.check()?;
    (report.made, report.kept) = maker.counts();
    maker.finish(city.pictures.iter().any(picture::Picture::is_beside))?;
    (report.files, report.bytes) = written.totals();
    let clock = Instant::now();
    progress.stage("write", None);
    written.finish()?;
    report.stages.push(Stage {
        name: "write",
        seconds: clock.elapsed().as_secs_f64(),
        result: format!("{} files, {} bytes", report.files, report.bytes),
    });
    Ok(report)
}

/// The twin's name: as given, else as the data has it, else the first input's file name up to its first dot.
fn title(city: &City, options: &Options) -> Text {
    if !options.title.0.is_empty() {
        return options.title.clone();
    }
    let from_file = || options.inputs.first().map(|input| input.stem().to_owned());
    let name = city.title.clone().or_else(from_file).unwrap_or_else(|| "City".into());
    Text::new([("en", name.as_str()), ("zh-CN", name.as_str())])
}

/// Every file of a city's twin as (path, bytes), sorted by path: the same city gives the same bytes.
///
/// # Errors
/// As [`bake`], but for reading and writing.
pub fn files_of(
    city: &City,
    title: &Text,
    cancel: &Cancel,
    progress: &dyn Progress,
    report: &mut Report,
) -> Result<Vec<(String, Vec<u8>)>, BakeError> {
    let held = Held::default();
    write_twin(&Stock::of(city), title, &Maker::anew(&held), cancel, progress, report)?;
    (report.files, report.bytes) = held.totals();
    Ok(held.into_files())
}

fn write_twin(
    city: &Stock,
    title: &Text,
    maker: &Maker,
    cancel: &Cancel,
    progress: &dyn Progress,
    report: &mut Report,
) -> Result<(), BakeError> {
    let tiled = tile(city, Share::WHOLE, maker, cancel, progress, report)?;
    let frame = EnuFrame::new(city.origin);
    let setting = tileset::Setting { frame: &frame, square: tiled.square, copyright: &tiled.copyright };
    let mut tilesets = Vec::new();
    for contents in tiled.contents {
        tilesets.extend(tileset::assemble(contents, &setting, maker.rest())?);
    }
    cancel.check()?;
    let clock = Instant::now();
    progress.stage("search", None);
    let assets = twin::assets(city);
    let bytes = write_search(&assets, maker)?;
    report.stages.push(Stage {
        name: "search",
        seconds: clock.elapsed().as_secs_f64(),
        result: format!("{} assets, {bytes} bytes", assets.lines().count()),
    });
    write_terrain(city, maker, cancel, progress, report)?;
    let layers: Vec<(&str, &[String])> = tilesets.iter().map(|t| (t.id, t.property_ids.as_slice())).collect();
    put_all(maker.rest(), described(city, title, &layers, &assets))?;
    tilesets.into_iter().for_each(|tileset| report.add(&tileset));
    Ok(())
}

/// The search index over asset lines, and its bytes.
fn write_search(assets: &str, maker: &Maker) -> Result<u64, BakeError> {
    if assets.is_empty() {
        return Ok(0);
    }
    maker.unit(twin::SEARCH.to_owned(), digest_of(assets.as_bytes()), |sink| {
        let files = twin::search_files(assets);
        let bytes = total_bytes(&files);
        put_all(sink, files)?;
        Ok(bytes)
    })
}

/// The contents of all themes, and what they share.
struct Tiled {
    contents: Vec<tileset::Contents>,
    square: tile::Square,
    copyright: String,
}

/// Draws, divides and encodes the city, or a share of it.
fn tile(
    city: &Stock,
    share: Share,
    maker: &Maker,
    cancel: &Cancel,
    progress: &dyn Progress,
    report: &mut Report,
) -> Result<Tiled, BakeError> {
    if city.is_empty() {
        return Err(BakeError::empty(&city.warnings));
    }
    report.warnings = city.warnings.clone();
    let clock = Instant::now();
    progress.stage("mesh", None);
    let land = Land::of(city);
    let (ground, transport) = (theme::Ground::new(city), theme::Transport::new(city, &land));
    let shelf = picture::Shelf::new(&city.pictures);
    let buildings = theme::Buildings::new("buildings", &city.buildings, &land, &shelf);
    let structures = theme::Buildings::new("other", &city.structures, &land, &shelf);
    let furniture = theme::Furniture::new(city, &land);
    let themes: [&dyn Theme; 5] = [&ground, &transport, &buildings, &structures, &furniture];
    let reach_m =
        theme::reach(&theme::extent_polygon(city), &themes).ok_or_else(|| BakeError::empty(&city.warnings))?;
    let square = tile::Square::covering(reach_m)
        .ok_or(BakeError::TooLarge { reach_km: reach_m / 1000.0, limit_km: tile::Square::MAX_REACH_M / 1000.0 })?;
    cancel.check()?;
    let standing = |theme: &&dyn Theme| theme.things().iter().map(|(thing, _)| thing.triangles).sum::<u64>();
    let triangles: u64 = themes.iter().map(standing).sum();
    report.stages.push(Stage {
        name: "mesh",
        seconds: clock.elapsed().as_secs_f64(),
        result: format!("{triangles} standing triangles in a square of {} m", square.side_m),
    });

    let clock = Instant::now();
    let frame = EnuFrame::new(city.origin);
    let named: Vec<&str> = city.attribution.iter().map(|who| who.text.as_str()).collect();
    let copyright = named.join("; ");
    let setting = tileset::Setting { frame: &frame, square, copyright: &copyright };
    let mut contents = Vec::new();
    let mut schemas = Vec::new();
    for theme in themes {
        let schema = Schema::of(theme.id(), theme.feature_count(), &|feature| theme.row(feature));
        for column in schema.mixed() {
            report.warnings.add("attribute_of_mixed_types", format!("{}: {column}", theme.id()));
        }
        contents.push(tileset::contents(
            (theme, &schema),
            &setting,
            (&land, city.room()),
            share,
            maker,
            cancel,
            progress,
        )?);
        schemas.push(schema);
    }
    let count: usize = contents.iter().map(|contents| contents.records.len()).sum();
    report.stages.push(Stage {
        name: "tile",
        seconds: clock.elapsed().as_secs_f64(),
        result: format!("{count} contents of tiles"),
    });
    if share.is_first() {
        let clock = Instant::now();
        progress.stage("attributes", None);
        let rows = write_attributes(city, &themes, &schemas, &frame, maker, cancel)?;
        report.stages.push(Stage {
            name: "attributes",
            seconds: clock.elapsed().as_secs_f64(),
            result: format!("{rows} rows"),
        });
    }
    Ok(Tiled { contents, square, copyright })
}

/// The attributes of everything, and how many rows they are.
fn write_attributes(
    city: &Stock,
    themes: &[&dyn Theme],
    schemas: &[Schema],
    frame: &EnuFrame,
    maker: &Maker,
    cancel: &Cancel,
) -> Result<usize, BakeError> {
    themes.par_iter().zip(schemas).try_for_each(|(theme, schema)| {
        let table = attributes::Table {
            id: theme.id(),
            count: theme.feature_count(),
            row: &|i| theme.row(i),
            shape: &|i| theme.shape(i),
        };
        attributes::write(&table, schema, frame, maker, cancel)
    })?;
    let places = &city.places;
    let row =
        |i: usize| places.get(i).map_or_else(Row::new, |place| properties::row(&place.tags, &place.category, &[]));
    let table = attributes::Table {
        id: attributes::PLACES,
        count: places.len(),
        row: &row,
        shape: &|i| places.get(i).map_or_else(theme::Shape::none, |place| theme::Shape::Point(place.position)),
    };
    attributes::write(&table, &Schema::of(table.id, table.count, &row), frame, maker, cancel)?;
    Ok(places.len() + themes.iter().map(|theme| theme.feature_count()).sum::<usize>())
}

fn write_share(
    city: &Stock,
    title: &Text,
    share: Share,
    maker: &Maker,
    cancel: &Cancel,
    progress: &dyn Progress,
    report: &mut Report,
) -> Result<(), BakeError> {
    let Tiled { contents, square, copyright } = tile(city, share, maker, cancel, progress, report)?;
    cancel.check()?;
    let assets = twin::assets(city);
    let layers: Vec<(&str, &[String])> = contents.iter().map(|c| (c.id, c.property_ids.as_slice())).collect();
    if share.is_first() {
        progress.stage("search", None);
        write_search(&assets, maker)?;
        write_terrain(city, maker, cancel, progress, report)?;
    }
    let rest = described(city, title, &layers, &assets);
    share::describe(share, city, (square, &copyright), contents, rest, maker.rest())
}

/// The tiles of the ground; nothing where it is level.
fn write_terrain(
    city: &City,
    maker: &Maker,
    cancel: &Cancel,
    progress: &dyn Progress,
    report: &mut Report,
) -> Result<(), BakeError> {
    let Some(relief) = &city.relief else { return Ok(()) };
    let clock = Instant::now();
    progress.stage("terrain", None);
    let (tiles, bytes) = maker.unit(terrain::FOLDER.to_owned(), relief.digest(), |sink| {
        let files = terrain::files(relief, cancel)?;
        let about = (files.len() - 1, total_bytes(&files));
        put_all(sink, files)?;
        Ok(about)
    })?;
    report.stages.push(Stage {
        name: "terrain",
        seconds: clock.elapsed().as_secs_f64(),
        result: format!("{tiles} tiles, {bytes} bytes"),
    });
    Ok(())
}

/// The manifest, the findable things and the labels.
fn described(city: &Stock, title: &Text, layers: &[(&str, &[String])], assets: &str) -> Files {
    let labels = labels::files(city, twin::extent(city));
    let mut manifest = twin::twin(city, title.clone(), layers, assets);
    manifest.labels = (!labels.is_empty()).then(|| labels::INDEX.to_owned());
    manifest.terrain = city.relief.is_some().then(|| Terrain {
        kind: TerrainKind::QuantizedMesh,
        url: terrain::LAYER.to_owned(),
        max_zoom: 0,
        offset_m: 0.0,
        attribution: Vec::new(),
    });
    let mut files = vec![("twin.json".to_owned(), manifest.to_json().into_bytes())];
    for venue in &city.venues {
        files.extend(venue.files.iter().map(|(name, bytes)| (venue::path(venue, name), bytes.clone())));
    }
    if !assets.is_empty() {
        files.push((twin::ASSETS.to_owned(), assets.as_bytes().to_vec()));
    }
    files.extend(labels);
    files
}

/// Files as (path, bytes).
type Files = Vec<(String, Vec<u8>)>;

fn total_bytes(files: &[(String, Vec<u8>)]) -> u64 {
    files.iter().map(|(_, bytes)| bytes.len() as u64).sum()
}
