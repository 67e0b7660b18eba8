//! Shares of a bake: several machines bake one city, each some of its tiles, and one joins them.
//!
//! Every tile is a function of the inputs alone, so that it does not matter who bakes it. A share is a directory with
//! its tiles and `share.json`, which holds what is known of each; the first also has everything that is no tile. Shares
//! that are merged give the same bytes as one bake.

use super::model::City;
use super::tile::{Square, TileKey};
use super::tileset::{Contents, Record, Setting, assemble};
use super::write::{self, Sink, Written, put_all};
use super::{BakeError, Cancel, Progress, Report, reuse};
use citytwin_geo::{EnuFrame, Geodetic};
use citytwin_manifest::Twin;
use glam::DVec3;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What describes a share.
pub(super) const SHARE: &str = "share.json";
const FORMAT: &str = "citytwin-share/1";
/// More shares than tiles would be idle.
const MAX_SHARES: u32 = 100_000;
/// Themes in the order of the manifest.
const THEMES: [&str; 5] = ["ground", "transport", "buildings", "other", "furniture"];

/// Which share of a bake: `2/8` is the second of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Counted from 0.
    index: u32,
    of: u32,
}

impl Share {
    /// All of it.
    pub(super) const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether a tile is in this share, by its number in the plan. Neighbours go to different shares, because heavy
    /// tiles lie side by side.
    pub(super) fn has(self, number: usize) -> bool {
        number % self.of as usize == self.index as usize
    }

    /// Whether it also has everything that is no tile.
    pub(super) fn is_first(self) -> bool {
        self.index == 0
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no share: write 1/8 for the first of eight");
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let (index, of): (u32, u32) = (index.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
        if index == 0 || index > of || of > MAX_SHARES {
            return Err(wrong());
        }
        Ok(Self { index: index - 1, of })
    }
}

/// `share.json`. Numbers with fractions are written as their bits, so that not one is lost.
#[derive(Serialize, Deserialize)]
struct Described {
    format: String,
    index: u32,
    of: u32,
    /// Stands for the inputs: that of the manifest and of the findable things.
    inputs: u64,
    /// Longitude and latitude of the origin, radians.
    origin: [u64; 2],
    side_m: u64,
    copyright: String,
    tilesets: Vec<DescribedTileset>,
}

#[derive(Serialize, Deserialize)]
struct DescribedTileset {
    id: String,
    properties: Vec<String>,
    tiles: Vec<DescribedTile>,
}

#[derive(Serialize, Deserialize)]
struct DescribedTile {
    key: [u32; 3],
    leaf: bool,
    bounds: [u64; 6],
    triangles: u64,
    instances: u64,
    dropped: u64,
    features: Vec<u32>,
}

impl DescribedTile {
    fn of(record: &Record) -> Self {
        let TileKey { level, x, y } = record.key;
        let (low, high) = record.bounds;
        let [a, b, c] = low.to_array().map(f64::to_bits);
        let [d, e, f] = high.to_array().map(f64::to_bits);
        Self {
            key: [level, x, y],
            leaf: record.leaf,
            bounds: [a, b, c, d, e, f],
            triangles: record.triangles,
            instances: record.instances,
            dropped: record.dropped,
            features: record.features.clone(),
        }
    }

    fn record(self) -> Record {
        let [level, x, y] = self.key;
        let [a, b, c, d, e, f] = self.bounds.map(f64::from_bits);
        Record {
            key: TileKey { level, x, y },
            leaf: self.leaf,
            bounds: (DVec3::new(a, b, c), DVec3::new(d, e, f)),
            triangles: self.triangles,
            instances: self.instances,
            dropped: self.dropped,
            features: self.features,
            // Known when the file is there.
            bytes: 0,
        }
    }
}

/// Files as (path, bytes).
type Files = Vec<(String, Vec<u8>)>;

/// Writes what describes a share, whose tiles are written. `rest`: the manifest with all layers, and everything else that
/// is no tile.
///
/// # Errors
/// [`BakeError::Io`] when it cannot be written.
pub(super) fn describe(
    share: Share,
    city: &City,
    (square, copyright): (Square, &str),
    all: Vec<Contents>,
    rest: Files,
    sink: &dyn Sink,
) -> Result<(), BakeError> {
    let mut described = Described {
        format: FORMAT.into(),
        index: share.index,
        of: share.of,
        inputs: rest
            .iter()
            .filter(|(path, _)| !path.contains('/'))
            .map(|(_, bytes)| bytes)
            .fold(FNV, |hash, bytes| fnv(hash, bytes)),
        origin: [city.origin.lon_rad.to_bits(), city.origin.lat_rad.to_bits()],
        side_m: square.side_m.to_bits(),
        copyright: copyright.into(),
        tilesets: Vec::new(),
    };
    for contents in all {
        described.tilesets.push(DescribedTileset {
            id: contents.id.into(),
            properties: contents.property_ids,
            tiles: contents.records.iter().map(DescribedTile::of).collect(),
        });
    }
    if share.is_first() {
        put_all(sink, rest)?;
    }
    let text = serde_json::to_vec(&described).expect("whole numbers and text are always JSON");
    sink.put(SHARE.into(), text)
}

const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a.
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Joins the shares of one bake, in any order, to a twin. On failure the output is as it was.
///
/// # Errors
/// [`BakeError::Io`] when a file cannot be read or written; [`BakeError::Input`] when a share is missing, there twice,
/// broken, or of other inputs; [`BakeError::OutputExists`], [`BakeError::Interrupted`].
pub fn merge(
    shares: &[PathBuf],
    out: &Path,
    force: bool,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Result<Report, BakeError> {
    write::check_output(out, force)?;
    let mut described = Vec::new();
    for path in shares {
        described.push((path, read(path)?));
    }
    described.sort_by_key(|(_, share)| share.index);
    check(&described)?;
    let mut report = Report::default();
    progress.stage("write", None);
    let written = Written::begin(out, cancel)?;
    join(described, &written, &mut report)?;
    (report.files, report.bytes) = written.totals();
    written.finish()?;
    Ok(report)
}

fn wrong(path: &Path, message: impl Into<String>) -> BakeError {
    BakeError::Input { path: path.join(SHARE), place: "share".into(), message: message.into() }
}

fn read(path: &Path) -> Result<Described, BakeError> {
    let file = path.join(SHARE);
    let bytes = std::fs::read(&file).map_err(BakeError::io("open", &file))?;
    let described: Described = serde_json::from_slice(&bytes).map_err(|error| wrong(path, error.to_string()))?;
    if described.format != FORMAT {
        return Err(wrong(path, format!("its format is \"{}\"; this build reads \"{FORMAT}\"", described.format)));
    }
    Ok(described)
}

/// Whether these are all the shares of one bake, in order.
fn check(shares: &[(&PathBuf, Described)]) -> Result<(), BakeError> {
    let Some((path, first)) = shares.first() else {
        return Err(wrong(Path::new(""), "there is no share to merge"));
    };
    for (i, (path, share)) in shares.iter().enumerate() {
        if (share.of, share.inputs) != (first.of, first.inputs) {
            return Err(wrong(path, "it is a share of another bake"));
        }
        if share.index as usize != i {
            return Err(wrong(path, format!("share {}/{} is missing or there twice", i + 1, share.of)));
        }
    }
    if shares.len() != first.of as usize {
        return Err(wrong(path, format!("{} of {} shares are there", shares.len(), first.of)));
    }
    Ok(())
}

fn join(shares: Vec<(&PathBuf, Described)>, sink: &dyn Sink, report: &mut Report) -> Result<(), BakeError> {
    let first_path = shares[0].0.clone();
    let (copyright, side_m) = (shares[0].1.copyright.clone(), f64::from_bits(shares[0].1.side_m));
    let [lon_rad, lat_rad] = shares[0].1.origin.map(f64::from_bits);
    let frame = EnuFrame::new(Geodetic { lon_rad, lat_rad, height_m: 0.0 });
    let setting = Setting { frame: &frame, square: Square { side_m }, copyright: &copyright };
    let mut contents: Vec<Contents> =
        THEMES.map(|id| Contents { id, property_ids: Vec::new(), records: Vec::new() }).into();
    for (path, share) in shares {
        for tileset in share.tilesets {
            let Some(whole) = contents.iter_mut().find(|contents| contents.id == tileset.id) else {
                return Err(wrong(path, format!("an unknown tileset \"{}\"", tileset.id)));
            };
            whole.property_ids = tileset.properties;
            for tile in tileset.tiles {
                let mut record = tile.record();
                let name = format!("{}/{}", whole.id, record.key.content());
                let file = path.join(&name);
                let bytes = std::fs::read(&file).map_err(BakeError::io("read", file))?;
                record.bytes = bytes.len() as u64;
                sink.put(name, bytes)?;
                whole.records.push(record);
            }
        }
    }
    let mut ids = Vec::new();
    for mut whole in contents {
        whole.records.sort_by_key(|record| record.key);
        let Some(tileset) = assemble(whole, &setting, sink)? else { continue };
        ids.push(tileset.id);
        report.tilesets.push((tileset.id, tileset.stats));
    }
    for (name, path) in rest(&first_path)? {
        if name == "twin.json" {
            let bytes = std::fs::read(&path).map_err(BakeError::io("read", path))?;
            let mut twin = Twin::from_json(&bytes).map_err(|error| wrong(&first_path, error.to_string()))?;
            twin.layers.retain(|layer| ids.contains(&layer.id.as_str()));
            sink.put(name, twin.to_json().into_bytes())?;
            continue;
        }
        reuse::copy(sink, name, &path)?;
    }
    Ok(())
}

/// Name and path of everything of the first share that is neither a tile nor its description.
fn rest(share: &Path) -> Result<Vec<(String, PathBuf)>, BakeError> {
    let mut files = Vec::new();
    let mut open = vec![share.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).map_err(BakeError::io("read", &directory))? {
            let path = entry.map_err(BakeError::io("read", &directory))?.path();
            let below = path.strip_prefix(share).unwrap_or(&path);
            let name = below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            if name == SHARE || THEMES.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                files.push((name, path));
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_counted_from_one_and_have_each_tile_once() {
        let shares: Vec<Share> = ["1/3", "2/3", "3/3"].map(|text| text.parse().expect(text)).into();
        for number in 0..20 {
            assert_eq!(shares.iter().filter(|share| share.has(number)).count(), 1, "{number}");
        }
        assert!(shares[0].is_first() && !shares[1].is_first() && Share::WHOLE.has(7));
        for text in ["", "1", "0/3", "4/3", "1/0", "a/b", "1/1000000", "-1/3", "1/3/5"] {
            let error = text.parse::<Share>().expect_err(text);
            assert!(error.contains("1/8"), "{error}");
        }
    }
}
