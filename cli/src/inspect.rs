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

use anyhow::{Context, bail, ensure};
use citytwin_geo::LookAt;
use citytwin_manifest::Twin;
use citytwin_tiles::{
    Arrival, ContentInfo, Decoded, Engine, Fetch, Options, Problem, Refine, TileId, TileInfo, View, What, decode,
    resolve_url,
};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeSet;
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
    /// Triangles, instances multiplied out.
    pub triangles: u64,
    /// Points, instances multiplied out.
    pub points: u64,
    /// Instances.
    pub instances: u64,
    /// Features.
    pub features: u64,
    /// Extensions used by the tilesets and their contents, sorted.
    pub extensions: Vec<String>,
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
    Ok(crate::tell(&text)?)
}

/// Reads everything and, where asked, selects for the view.
///
/// # Errors
/// A sentence, when the tileset (or one of a twin's tilesets) cannot be read at all.
pub fn inspect(args: &InspectArgs) -> anyhow::Result<Inspection> {
    let (directory, tilesets) = tilesets(&args.tileset)?;
    let options =
        Options { max_error_px: args.max_error_px, cache_bytes: u64::MAX, preload: false, ..Options::default() };
    let mut engine = Engine::new(options);
    for tileset in &tilesets {
        check_readable(tileset)?;
        engine.add_tileset(tileset.clone());
    }
    let mut extensions = BTreeSet::new();
    let bytes = read_all(&mut engine, &mut extensions);
    // Without a view, a frame from anywhere still tells the problems.
    let nowhere = LookAt { lon: 0.0, lat: 0.0, height_m: 0.0, distance_m: 1.0, heading_deg: 0.0, pitch_deg: -90.0 };
    let view = View::look_at(&args.view.unwrap_or(nowhere), args.fov, args.viewport);
    let frame = engine.update(&view).clone();
    let mut inspection = Inspection { bytes, ..count(&engine) };
    inspection.extensions = extensions.into_iter().collect();
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

/// The directory that names are relative to, with a final slash, and the tilesets to read.
fn tilesets(path: &Path) -> anyhow::Result<(String, Vec<String>)> {
    let file = if path.is_dir() {
        let inside = ["twin.json", "tileset.json"].map(|name| path.join(name));
        let found = inside.into_iter().find(|file| file.is_file());
        found.with_context(|| format!("{}: no twin.json and no tileset.json in it", path.display()))?
    } else {
        path.to_owned()
    };
    let url = file.to_str().with_context(|| format!("{}: the name is not UTF-8", file.display()))?;
    // Resolved against nothing, so that it starts as all URLs in it will.
    let url = resolve_url("", &escape(&url.replace('\\', "/")));
    let directory = url[..url.rfind('/').map_or(0, |slash| slash + 1)].to_owned();
    if file.file_name().is_some_and(|name| name == "twin.json") {
        let bytes = std::fs::read(&file).with_context(|| format!("{}: cannot be read", file.display()))?;
        let twin = Twin::from_json(&bytes).with_context(|| file.display().to_string())?;
        ensure!(!twin.layers.is_empty(), "{}: the twin has no layers", file.display());
        return Ok((directory, twin.layers.iter().map(|layer| resolve_url(&url, &layer.tileset)).collect()));
    }
    Ok((directory, vec![url]))
}

/// A path as a URL reference: what would end the path or start an escape is escaped.
fn escape(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

/// A tileset whose own file is bad is an error, not a problem.
fn check_readable(tileset: &str) -> anyhow::Result<()> {
    let bytes = read(tileset).map_err(|problem| anyhow::anyhow!("{}: {}", problem.place, problem.message))?;
    match decode(&bytes, tileset, &What::Json) {
        Ok(_) => Ok(()),
        Err(problem) => bail!("{}: {}", problem.place, problem.message),
    }
}

/// Feeds the engine until it knows everything; returns the bytes read.
fn read_all(engine: &mut Engine, extensions: &mut BTreeSet<String>) -> u64 {
    let mut total = 0;
    loop {
        let fetches = engine.fetch_all();
        if fetches.is_empty() {
            return total;
        }
        let answers: Vec<_> = fetches.par_iter().map(answer).collect();
        for (fetch, (bytes, result)) in fetches.iter().zip(answers) {
            total += bytes;
            match &result {
                Ok(Arrival::Tileset(doc)) => extensions.extend(doc.extensions_used.iter().cloned()),
                Ok(Arrival::Content(info)) => extensions.extend(info.extensions_used.iter().cloned()),
                Ok(Arrival::Subtree(_)) | Err(_) => {}
            }
            engine.arrived(fetch.request, result);
        }
    }
}

/// Reads and decodes one file; its size goes along.
fn answer(fetch: &Fetch) -> (u64, Result<Arrival, Problem>) {
    let bytes = match read(&fetch.url) {
        Ok(bytes) => bytes,
        Err(problem) => return (0, Err(problem)),
    };
    let arrival = decode(&bytes, &fetch.url, &fetch.what).map(|decoded| match decoded {
        Decoded::Tileset(doc) => Arrival::Tileset(doc),
        Decoded::Subtree(doc) => Arrival::Subtree(doc),
        Decoded::Content(content) => Arrival::Content(content.info()),
        Decoded::Needs { .. } | Decoded::NeedsDecoders { .. } => Arrival::Content(ContentInfo::default()),
    });
    (bytes.len() as u64, arrival)
}

/// The bytes of a local file, or of a data URL.
fn read(url: &str) -> Result<Vec<u8>, Problem> {
    if let Some(data) = url.strip_prefix("data:") {
        return data_url(data)
            .ok_or_else(|| Problem::new("fetch-failed", "not a data URL that can be read", short(url)));
    }
    if url.contains("://") {
        return Err(Problem::new("fetch-failed", "only local files are inspected", url));
    }
    let path = &url[..url.find(['?', '#']).unwrap_or(url.len())];
    let path = unescape(path.as_bytes());
    let path = String::from_utf8_lossy(&path);
    std::fs::read(path.as_ref()).map_err(|e| Problem::new("fetch-failed", e.to_string(), url))
}

/// The start of a text that may be very long.
fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn data_url(data: &str) -> Option<Vec<u8>> {
    let (kind, body) = data.split_once(',')?;
    match kind.ends_with(";base64") {
        true => citytwin_tiles::base64(body),
        false => Some(unescape(body.as_bytes())),
    }
}

/// Undoes percent escapes; what is no escape stays.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|d| std::str::from_utf8(d).ok()).filter(|_| *first == b'%');
        match digits.and_then(|d| u8::from_str_radix(d, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
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
        line("contents", self.contents.to_string());
        line("bytes", self.bytes.to_string());
        line("triangles", self.triangles.to_string());
        line("points", self.points.to_string());
        line("instances", self.instances.to_string());
        line("features", self.features.to_string());
        line("extensions", if self.extensions.is_empty() { "none".into() } else { self.extensions.join(", ") });
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

    #[test]
    fn escapes_survive_the_way_to_a_file_name() {
        let name = "a b/50% #1?.json";
        assert_eq!(unescape(escape(name).as_bytes()), name.as_bytes());
        assert_eq!(unescape(b"a%20b%2"), b"a b%2");
        assert_eq!(data_url("text/plain;base64,aGk=").as_deref(), Some(&b"hi"[..]));
        assert_eq!(data_url("text/plain,h%69").as_deref(), Some(&b"hi"[..]));
    }
}
