//! `citytwin inspect`: what a tileset holds and, for a view, which tiles would be drawn and why.
//!
//! It drives the same engine as the browser does, with files instead of fetches: everything is read once, then the
//! view is selected as if all of it had been loaded.
//!
//! # What is counted
//! * `tiles`, and `levels`: tiles by their depth below the tileset's root, external tilesets counting on.
//! * `contents`: files to draw, whether they could be read or not. `bytes`: sizes of all files that were read,
//!   documents included.
//! * `triangles`, `points`, `instances`: over all contents, coarse and fine; triangles and points of instanced meshes
//!   once per instance.
//! * `features`: different feature ids in each property table (or in each primitive without one), summed over the
//!   contents. A building that is in a coarse and in a fine tile counts in both.
//! * `textures`: images of the contents, by format. `properties`: `id: type` of the features' properties with the rows
//!   of their tables. `formats`: files that were read, by what their first bytes say.
//! * `metadata`: classes of the schemas, entities of tilesets and groups with their values, and how many tiles, contents
//!   and subtrees have one. `volumes`: see [`Volumes`].
//!
//! # Files
//! External tilesets, subtrees, schemas, buffers and images are read from disk, but never from outside of the folder
//! of what is inspected (or of `--root`): a tileset from elsewhere cannot point at other files of this machine.
//!
//! # Exit status
//! 0: it was read, whatever problems were told. 1: it could not be read at all. 2: the arguments are wrong. 3: with
//! `--strict`, there was a problem or a finding.

mod census;
mod files;
mod volumes;

pub use census::{Entity, Metadata};
pub(crate) use files::unescape;
pub use volumes::{Finding, Volumes};

use anyhow::{Context, bail, ensure};
use census::Census;
use citytwin_geo::LookAt;
use citytwin_manifest::Twin;
use citytwin_tiles::{
    Arrival, Decoded, Engine, Fetch, Options, Problem, Refine, Resources, TileId, TileInfo, View, What, decode,
    decode_fetching, resolve_url, understands,
};
use files::{Files, escape, short};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What to inspect, and from where.
#[derive(Clone, Debug, clap::Args)]
pub struct InspectArgs {
    /// A tileset.json, a twin.json, or a directory with one of them.
    pub tileset: PathBuf,
    /// Also tell what is drawn from here: the point looked at (degrees, metres above the ellipsoid), heading (degrees
    /// clockwise from north), pitch (degrees; negative looks down) and distance of the eye (metres).
    #[arg(long, value_name = "LON,LAT,HEIGHT,HEADING,PITCH,DISTANCE", allow_hyphen_values = true, value_parser = parse_view)]
    pub view: Option<LookAt>,
    /// Size of the picture, pixels.
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = parse_viewport)]
    pub viewport: [u32; 2],
    /// A tile is detailed enough when its error covers at most so many pixels.
    #[arg(long, value_name = "N", default_value = "16", value_parser = parse_max_error_px)]
    pub max_error_px: f64,
    /// Field of view across the wider side of the picture, degrees.
    #[arg(long, value_name = "DEG", default_value = "60", value_parser = parse_fov)]
    pub fov: f64,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Read files from below this directory too. Else: from below that of the tileset only.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// End with status 3 when there is a problem or a volume that is not what it should be.
    #[arg(long)]
    pub strict: bool,
}

fn parse_view(text: &str) -> Result<LookAt, String> {
    let numbers: Vec<f64> = text.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    let &[lon, lat, height_m, heading_deg, pitch_deg, distance_m] = numbers.as_slice() else {
        return Err("six numbers are needed: LON,LAT,HEIGHT,HEADING,PITCH,DISTANCE".into());
    };
    let view = LookAt { lon, lat, height_m, distance_m, heading_deg, pitch_deg };
    match view.is_valid() && text.split(',').count() == 6 {
        true => Ok(view),
        false => Err("a number is out of range: pitch is -90 to 90, distance above 0".into()),
    }
}

fn parse_viewport(text: &str) -> Result<[u32; 2], String> {
    let side = |text: &str| text.trim().parse().ok().filter(|n| (1..=65_535).contains(n));
    let (width, height) = text.split_once(['x', 'X', '×']).unwrap_or(("", ""));
    match (side(width), side(height)) {
        (Some(width), Some(height)) => Ok([width, height]),
        _ => Err("two whole numbers from 1 to 65535 are needed, as in 1280x720".into()),
    }
}

fn parse_max_error_px(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0).ok_or("a number of at least 0 is needed".into())
}

fn parse_fov(text: &str) -> Result<f64, String> {
    let in_range = |n: &f64| *n > 0.0 && *n < 180.0;
    text.parse().ok().filter(in_range).ok_or("a number of degrees between 0 and 180 is needed".into())
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// Tiles.
    pub tiles: u64,
    /// Tiles per level, from the root.
    pub levels: Vec<u64>,
    /// Files to draw.
    pub contents: u64,
    /// Bytes of all files that were read.
    pub bytes: u64,
    /// Files that were read, by format.
    pub formats: BTreeMap<String, u64>,
    /// Triangles, instances multiplied out.
    pub triangles: u64,
    /// Line segments, instances multiplied out.
    pub lines: u64,
    /// Points, instances multiplied out.
    pub points: u64,
    /// Instances.
    pub instances: u64,
    /// Features.
    pub features: u64,
    /// Images of the contents, by format.
    pub textures: BTreeMap<String, u64>,
    /// `id: type` of the features' properties, with the rows of their tables.
    pub properties: BTreeMap<String, u64>,
    /// Extensions used by the tilesets and their contents, sorted.
    pub extensions: Vec<String>,
    /// Those of them that are not understood.
    pub extensions_not_understood: Vec<String>,
    /// Metadata of tilesets, tiles, contents, groups and subtrees.
    pub metadata: Metadata,
    /// Whether volumes and errors are what they should be.
    pub volumes: Volumes,
    /// What was wrong.
    pub problems: Vec<Problem>,
    /// What the view draws.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub view: Option<Drawn>,
}

/// What a view draws.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drawn {
    /// The drawn contents, in tree order.
    pub drawn: Vec<DrawnTile>,
    /// How many they are.
    pub drawn_tiles: u64,
    /// Their triangles.
    pub drawn_triangles: u64,
}

/// One drawn content.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrawnTile {
    /// Its file, relative to what was inspected.
    pub content: String,
    /// Its tile's level.
    pub level: u32,
    /// Error of drawing it, pixels.
    pub error_px: f64,
    /// Its triangles.
    pub triangles: u64,
    /// Its features.
    pub features: u64,
    /// Why it is drawn.
    #[serde(skip)]
    pub why: String,
}

/// Inspects and prints.
///
/// # Errors
/// A sentence, when the tileset (or one of a twin's tilesets) cannot be read at all.
pub fn run(args: &InspectArgs) -> anyhow::Result<()> {
    let inspection = inspect(args)?;
    let text = match args.json {
        true => serde_json::to_string_pretty(&inspection)? + "\n",
        false => inspection.text(args.max_error_px),
    };
    crate::tell(&text)?;
    let (problems, findings) = (inspection.problems.len(), inspection.volumes.counts.values().sum());
    ensure!(!args.strict || (problems == 0 && findings == 0), Unsound { problems, findings });
    Ok(())
}

/// What `--strict` does not let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problems} problems, {findings} findings")]
pub struct Unsound {
    /// Problems told.
    pub problems: usize,
    /// Findings counted.
    pub findings: u64,
}

/// Reads everything and, where asked, selects for the view.
///
/// # Errors
/// A sentence, when the tileset (or one of a twin's tilesets) cannot be read at all.
pub fn inspect(args: &InspectArgs) -> anyhow::Result<Inspection> {
    let Found { directory, tilesets, file } = tilesets(&args.tileset)?;
    let files = Files::below(args.root.as_deref().unwrap_or(file.parent().unwrap_or(Path::new(""))))?;
    let options =
        Options { max_error_px: args.max_error_px, cache_bytes: u64::MAX, preload: false, ..Options::default() };
    let mut engine = Engine::new(options);
    for tileset in &tilesets {
        check_readable(&files, tileset)?;
        engine.add_tileset(tileset.clone());
    }
    let Read { census, contents, strays } = read_all(&mut engine, &files);
    // Without a view, a frame from anywhere still tells the problems.
    let nowhere = LookAt { lon: 0.0, lat: 0.0, height_m: 0.0, distance_m: 1.0, heading_deg: 0.0, pitch_deg: -90.0 };
    let view = View::look_at(&args.view.unwrap_or(nowhere), args.fov, args.viewport);
    let frame = engine.update(&view).clone();
    let mut inspection = count(&engine);
    inspection.volumes = volumes::check(&engine, contents, &strays, &directory);
    inspection.take(census);
    inspection.problems =
        frame.problems.into_iter().map(|p| Problem { place: relative(&p.place, &directory), ..p }).collect();
    if args.view.is_some() {
        let tiles = frame.draw.iter().filter_map(|id| drawn_tile(&engine, *id, args.max_error_px, &directory));
        let drawn: Vec<DrawnTile> = tiles.collect();
        let drawn_triangles = drawn.iter().map(|tile| tile.triangles).sum();
        inspection.view = Some(Drawn { drawn_tiles: drawn.len() as u64, drawn_triangles, drawn });
    }
    Ok(inspection)
}

/// What to read.
struct Found {
    /// What names are relative to: a URL with a final slash.
    directory: String,
    tilesets: Vec<String>,
    /// The tileset.json or twin.json.
    file: PathBuf,
}

/// Finds the tilesets that a path stands for.
fn tilesets(path: &Path) -> anyhow::Result<Found> {
    let file = if path.is_dir() {
        let inside = ["twin.json", "tileset.json"].map(|name| path.join(name));
        let found = inside.into_iter().find(|file| file.is_file());
        found.with_context(|| format!("{}: no twin.json and no tileset.json in it", path.display()))?
    } else {
        path.to_owned()
    };
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("3tz") || e.eq_ignore_ascii_case("zip")) {
        bail!("{}: an archive; unpack it (it is a ZIP file) and inspect the tileset.json in it", path.display());
    }
    let url = file.to_str().with_context(|| format!("{}: the name is not UTF-8", file.display()))?;
    // Resolved against nothing, so that it starts as all URLs in it will.
    let url = resolve_url("", &escape(&url.replace('\\', "/")));
    let directory = url[..url.rfind('/').map_or(0, |slash| slash + 1)].to_owned();
    if file.file_name().is_some_and(|name| name == "twin.json") {
        let bytes = std::fs::read(&file).with_context(|| format!("{}: cannot be read", file.display()))?;
        let twin = Twin::from_json(&bytes).with_context(|| file.display().to_string())?;
        ensure!(!twin.layers.is_empty(), "{}: the twin has no layers", file.display());
        let tilesets = twin.layers.iter().map(|layer| resolve_url(&url, &layer.tileset)).collect();
        return Ok(Found { directory, tilesets, file });
    }
    Ok(Found { directory, tilesets: vec![url], file })
}

/// Errors with the path they are about.
trait Fault<T> {
    fn fault(self, path: &Path) -> anyhow::Result<T>;
}

impl<T> Fault<T> for std::io::Result<T> {
    fn fault(self, path: &Path) -> anyhow::Result<T> {
        self.with_context(|| format!("{}: cannot be read", path.display()))
    }
}

/// A tileset whose own file is bad is an error, not a problem.
fn check_readable(files: &Files, tileset: &str) -> anyhow::Result<()> {
    let bytes = files.read(tileset).map_err(|problem| anyhow::anyhow!("{}: {}", problem.place, problem.message))?;
    match decode(&bytes, tileset, &What::Json) {
        Ok(_) => Ok(()),
        Err(problem) => bail!("{}: {}", problem.place, problem.message),
    }
}

/// What reading everything gave, besides what the engine knows.
#[derive(Default)]
struct Read {
    census: Census,
    /// Contents whose vertices were held against their volumes.
    contents: u64,
    /// Contents that reach out of their volumes, and how far (metres).
    strays: Vec<(TileId, f64)>,
}

/// Feeds the engine until it knows everything.
fn read_all(engine: &mut Engine, files: &Files) -> Read {
    let mut read = Read::default();
    loop {
        let fetches = engine.fetch_all();
        if fetches.is_empty() {
            return read;
        }
        let known = &*engine;
        let answers: Vec<Answer> = fetches.par_iter().map(|fetch| answer(known, fetch, files)).collect();
        for (fetch, answer) in fetches.iter().zip(answers) {
            read.contents += u64::from(matches!(answer.result, Ok(Arrival::Content(_))));
            read.strays.extend(fetch.tile.zip(answer.outside_m));
            read.census.add(answer.census);
            engine.arrived(fetch.request, answer.result);
        }
    }
}

/// One file, read and decoded.
struct Answer {
    census: Census,
    outside_m: Option<f64>,
    result: Result<Arrival, Problem>,
}

fn answer(engine: &Engine, fetch: &Fetch, files: &Files) -> Answer {
    let bytes = match files.read(&fetch.url) {
        Ok(bytes) => bytes,
        Err(problem) => return Answer { census: Census::default(), outside_m: None, result: Err(problem) },
    };
    let mut resources = Resources::default();
    let mut others = 0;
    let mut fetch_other = |url: &str| {
        let bytes = files.read(url).ok();
        others += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        bytes
    };
    let decoded = decode_fetching(&bytes, &fetch.url, &fetch.what, &mut resources, &mut fetch_other);
    let (mut census, outside_m, result) = match decoded {
        Ok(Decoded::Tileset(doc)) => (Census::of_tileset(&doc), None, Ok(Arrival::Tileset(doc))),
        Ok(Decoded::Subtree(doc)) => (Census::of_subtree(&doc), None, Ok(Arrival::Subtree(doc))),
        Ok(Decoded::Content(content)) => {
            let outside_m = volumes::content_outside(engine, fetch, &content);
            (Census::of_content(&content), outside_m, Ok(Arrival::Content(content.info())))
        }
        Ok(Decoded::Terrain(doc)) => (Census::default(), None, Ok(Arrival::Terrain(doc))),
        Ok(Decoded::Needs { .. } | Decoded::NeedsDecoders { .. }) => {
            let problem = Problem::new("resource-pending", "it needs another file", &fetch.url);
            (Census::default(), None, Err(problem))
        }
        Err(problem) => (Census::default(), None, Err(problem)),
    };
    census.bytes = bytes.len() as u64 + others;
    census.formats.insert(files::format(&bytes, &fetch.what).into(), 1);
    Answer { census, outside_m, result }
}

/// Counts of everything that the engine knows.
fn count(engine: &Engine) -> Inspection {
    let mut sum = Inspection::default();
    for id in engine.tiles() {
        let Some(tile) = engine.tile(id) else { continue };
        if !tile.is_further_content {
            let level = tile.level as usize;
            sum.levels.resize(sum.levels.len().max(level + 1), 0);
            sum.levels[level] += 1;
            sum.tiles += 1;
        }
        sum.contents += u64::from(tile.is_content);
        if let Some(info) = engine.content(id) {
            sum.triangles += info.triangles;
            sum.lines += info.lines;
            sum.points += info.points;
            sum.instances += info.instances;
            sum.features += info.features;
        }
    }
    sum
}

fn drawn_tile(engine: &Engine, id: TileId, max_error_px: f64, directory: &str) -> Option<DrawnTile> {
    let tile = engine.tile(id)?;
    Some(DrawnTile {
        content: relative(tile.content_url, directory),
        level: tile.level,
        error_px: tile.error_px,
        triangles: engine.content(id).map_or(0, |info| info.triangles),
        features: engine.content(id).map_or(0, |info| info.features),
        why: why(&tile, max_error_px),
    })
}

/// Why a tile is drawn itself.
fn why(tile: &TileInfo<'_>, max_error_px: f64) -> String {
    match tile {
        _ if tile.error_px <= max_error_px => format!("detailed enough: at most {max_error_px} px"),
        _ if !tile.has_children => "nothing finer below it".into(),
        TileInfo { refine: Refine::Add, .. } => "its children come on top of it".into(),
        _ => "stands in for children that cannot all be drawn".into(),
    }
}

/// A name that does not depend on where the tileset lies.
fn relative(url: &str, directory: &str) -> String {
    match url.starts_with("data:") {
        true => short(url),
        false => url.strip_prefix(directory).unwrap_or(url).to_owned(),
    }
}

impl Inspection {
    fn take(&mut self, census: Census) {
        self.bytes = census.bytes;
        self.formats = census.formats;
        self.textures = census.textures;
        self.properties = census.properties;
        self.metadata = census.metadata;
        self.extensions = census.extensions.into_iter().collect();
        self.extensions_not_understood = self.extensions.iter().filter(|name| !understands(name)).cloned().collect();
    }

    /// The findings in words.
    pub fn text(&self, max_error_px: f64) -> String {
        let mut out = String::new();
        let mut line = |name: &str, value: String| {
            let _ = writeln!(out, "{name:<11}{value}");
        };
        line("tiles", self.tiles.to_string());
        for (level, tiles) in self.levels.iter().enumerate() {
            line("", format!("level {level}: {tiles}"));
        }
        let listed = |counts: &BTreeMap<String, u64>| {
            let parts: Vec<String> = counts.iter().map(|(name, n)| format!("{name} ({n})")).collect();
            if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
        };
        let joined = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        line("contents", self.contents.to_string());
        line("bytes", self.bytes.to_string());
        line("formats", listed(&self.formats));
        for (name, n) in [
            ("triangles", self.triangles),
            ("lines", self.lines),
            ("points", self.points),
            ("instances", self.instances),
            ("features", self.features),
        ] {
            line(name, n.to_string());
        }
        line("textures", listed(&self.textures));
        line("properties", if self.properties.is_empty() { "none".into() } else { String::new() });
        for (property, rows) in &self.properties {
            line("", format!("{property} ({rows} rows)"));
        }
        line("extensions", joined(&self.extensions));
        line("unknown", joined(&self.extensions_not_understood));
        self.metadata.lines(&mut line);
        self.volumes.lines(&mut line);
        line("problems", self.problems.len().to_string());
        for problem in &self.problems {
            line("", problem.to_string());
        }
        if let Some(view) = &self.view {
            let triangles = view.drawn_triangles;
            line("drawn", format!("{} tiles, {triangles} triangles, at {max_error_px} px", view.drawn_tiles));
            for tile in &view.drawn {
                let DrawnTile { content, level, error_px, triangles, features, why } = tile;
                line(
                    "",
                    format!(
                        "{content}: level {level}, error {error_px:.1} px, {triangles} triangles, {features} features; {why}"
                    ),
                );
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_six_numbers_in_range() {
        let view = parse_view("24.9,60.2,5,-30,-45.5,1e3").unwrap();
        assert_eq!((view.lon, view.heading_deg, view.pitch_deg, view.distance_m), (24.9, -30.0, -45.5, 1000.0));
        for bad in [
            "",
            "1,2,3",
            "a,b,c,d,e,f",
            "1,2,3,4,5,6,7",
            "1,2,3,4,5,x,6",
            "0,91,0,0,0,1",
            "0,0,0,0,-91,1",
            "0,0,0,0,0,0",
        ] {
            assert!(parse_view(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_viewport("1280x720"), Ok([1280, 720]));
        for bad in ["1280", "0x1", "x", "-1x1", "1x99999"] {
            assert!(parse_viewport(bad).is_err(), "{bad}");
        }
        assert!(parse_fov("180").is_err() && parse_fov("60").is_ok() && parse_max_error_px("-1").is_err());
    }
}
