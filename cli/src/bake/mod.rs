//! `citytwin bake`: a city's own data to `twin.json` and 3D Tiles.
//!
//! Steps that are each a function of the one before, so that the same input gives the same bytes:
//! `osm` (bytes → [`model::City`]) → `mesh` (things → triangles) → `tile` (triangles → quadtree) → `write` (files).
//! The search index and the labels are made from the city's named things just before they are written.

mod categories;
mod clip;
mod content;
mod error;
mod glb;
mod labels;
pub mod mesh;
pub mod model;
pub mod osm;
mod progress;
mod properties;
mod subtree;
mod theme;
mod tile;
mod tileset;
mod twin;
mod words;
mod write;

pub use error::BakeError;
pub use progress::{Progress, Silent};
pub use tileset::Stats;

use citytwin_geo::EnuFrame;
use citytwin_manifest::Text;
use model::{City, Warnings};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use theme::Theme;

/// What to bake, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// `.osm.pbf`, `.osm` and `.osm.gz` files.
    pub inputs: Vec<PathBuf>,
    /// The directory that becomes the twin.
    pub out: PathBuf,
    /// The twin's name by language tag; empty: the name in the data, else that of the first input.
    pub title: Text,
    /// Write into a directory that is not a twin.
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
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was wrong with the input.
    pub warnings: Warnings,
}

/// One stage of a bake.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// `read`, `mesh`, `tile`, `search` or `write`.
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
    let mut report = Report::default();
    let clock = Instant::now();
    progress.stage("read", None);
    let city = osm::read(&options.inputs, progress)?;
    cancel.check()?;
    let found = format!(
        "{} buildings, {} areas, {} ways, {} points, {} places",
        city.buildings.len(),
        city.areas.len(),
        city.ways.len(),
        city.points.len(),
        city.places.len()
    );
    report.stages.push(Stage { name: "read", seconds: clock.elapsed().as_secs_f64(), result: found });
    let files = files_of(&city, &title(&city, options), cancel, progress, &mut report)?;
    let clock = Instant::now();
    progress.stage("write", Some(files.len() as u64));
    write::write(&options.out, &files, cancel, progress)?;
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
    let from_file = || {
        let name = options.inputs.first()?.file_name()?.to_string_lossy().into_owned();
        name.split('.').next().filter(|stem| !stem.is_empty()).map(str::to_owned)
    };
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
    if city.buildings.is_empty() && city.areas.is_empty() && city.ways.is_empty() && city.points.is_empty() {
        return Err(BakeError::Empty);
    }
    report.warnings = city.warnings.clone();
    let clock = Instant::now();
    progress.stage("mesh", None);
    let (ground, transport) = (theme::Ground::new(city), theme::Transport::new(city));
    let (buildings, furniture) = (theme::Buildings::new(city), theme::Furniture::new(city));
    let themes: [&dyn Theme; 4] = [&ground, &transport, &buildings, &furniture];
    let reach_m = theme::reach(&themes).ok_or(BakeError::Empty)?;
    let square = tile::Square::covering(reach_m)
        .ok_or(BakeError::TooLarge { reach_km: reach_m / 1000.0, limit_km: tile::Square::MAX_REACH_M / 1000.0 })?;
    cancel.check()?;
    let triangles: u64 = themes.iter().flat_map(|theme| theme.things()).map(|(thing, _)| thing.triangles).sum();
    report.stages.push(Stage {
        name: "mesh",
        seconds: clock.elapsed().as_secs_f64(),
        result: format!("{triangles} standing triangles in a square of {} m", square.side_m),
    });

    let clock = Instant::now();
    let frame = EnuFrame::new(city.origin);
    let copyright = twin::openstreetmap().text;
    let setting = tileset::Setting { frame: &frame, square, copyright: &copyright };
    let mut tilesets = Vec::new();
    for theme in themes {
        tilesets.extend(tileset::bake(theme, &setting, cancel, progress)?);
    }
    let tiles: u64 = tilesets.iter().map(|tileset| tileset.stats.tiles).sum();
    report.stages.push(Stage {
        name: "tile",
        seconds: clock.elapsed().as_secs_f64(),
        result: format!("{tiles} tiles in {} tilesets", tilesets.len()),
    });

    cancel.check()?;
    let clock = Instant::now();
    progress.stage("search", None);
    let assets = twin::assets(city);
    let search = if assets.is_empty() { Vec::new() } else { twin::search_files(&assets) };
    report.stages.push(Stage {
        name: "search",
        seconds: clock.elapsed().as_secs_f64(),
        result: format!("{} assets, {} bytes", assets.lines().count(), total_bytes(&search)),
    });
    Ok(gather(city, title, tilesets, (assets, search), report))
}

/// Files as (path, bytes).
type Files = Vec<(String, Vec<u8>)>;

/// All files of the twin, sorted, and the report's numbers.
fn gather(
    city: &City,
    title: &Text,
    tilesets: Vec<tileset::Tileset>,
    (assets, search): (String, Files),
    report: &mut Report,
) -> Files {
    let layers: Vec<(&str, &[String])> = tilesets.iter().map(|t| (t.id, t.property_ids.as_slice())).collect();
    let labels = labels::files(city, twin::extent(city));
    let mut manifest = twin::twin(city, title.clone(), &layers, &assets);
    manifest.labels = (!labels.is_empty()).then(|| labels::INDEX.to_owned());
    let mut files = vec![("twin.json".to_owned(), manifest.to_json().into_bytes())];
    if !assets.is_empty() {
        files.push((twin::ASSETS.to_owned(), assets.into_bytes()));
    }
    files.extend(search);
    files.extend(labels);
    for tileset in tilesets {
        if tileset.stats.dropped > 0 {
            let warning = report.warnings.0.entry("position-not-finite".into()).or_default();
            warning.count += tileset.stats.dropped;
            warning.examples.push(format!("{}: vertices or instances left out", tileset.id));
        }
        report.tilesets.push((tileset.id, tileset.stats));
        files.extend(tileset.files.into_iter().map(|(path, bytes)| (format!("{}/{path}", tileset.id), bytes)));
    }
    files.sort();
    report.files = files.len() as u64;
    report.bytes = total_bytes(&files);
    files
}

fn total_bytes(files: &[(String, Vec<u8>)]) -> u64 {
    files.iter().map(|(_, bytes)| bytes.len() as u64).sum()
}
