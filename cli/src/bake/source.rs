//! Inputs of any kind → one [`City`].
//!
//! A file is recognised by what is in it, whatever its name: `unpack` takes gzip, Zstandard and zip off, then
//! OpenStreetMap goes to `osm`, CityGML to `citygml`, JSON to `json`, and from there to `geojson` or `cityjson`. Everything is put on one
//! ground, whose extent is known only when all inputs have been read.

mod lines;
mod unpack;
mod whole;

pub(super) use lines::Lines;
pub(super) use unpack::Fault;
pub(super) use whole::Whole;

use super::cityjson::{self, Model};
use super::crs::{AxisOrder, Crs, CrsError};
use super::feature::{self, Feature};
use super::model::{City, Warnings};
use super::osm::ground::{self, Ground};
use super::osm::raw::{Raw, Reading};
use super::picture::{self, Origin, Pictures};
use super::stock::Stock;
use super::store::{Room, Store};
use super::terrain::{Raster, Relief, geotiff, hgt};
use super::{BakeError, Progress, citygml, flatgeobuf, geoparquet, json, osm, twin, venue};
use citytwin_geo::LonLatRect;
use citytwin_manifest::{Attribution, Theme};
use std::io::Read;
use std::path::{Path, PathBuf};
use unpack::Unpacked;

/// One input, and what a person says about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    /// The file.
    pub path: PathBuf,
    /// CRS of its coordinates where the file names none: `EPSG:28992`, `GCJ-02`, a PROJ string.
    pub crs: Option<String>,
    /// Order of its axes; as its format and its CRS have it if nothing is said.
    pub axis_order: Option<AxisOrder>,
    /// What its features are where their attributes do not tell.
    pub theme: Option<Theme>,
    /// Their class within the theme (`tree`, `park`, `residential`).
    pub class: Option<String>,
    /// Attribute of the height above ground, metres.
    pub height: Option<String>,
    /// Attribute of the number of floors.
    pub levels: Option<String>,
    /// Attribute of the name.
    pub name: Option<String>,
    /// Attribute that identifies a feature.
    pub id: Option<String>,
    /// Its files are those of a venue, whatever they say they are.
    pub venue: bool,
    /// Level of detail of city models to be drawn from near (`1.3`); the highest where there is none of it.
    pub lod: Option<f64>,
    /// Its textures are left out.
    pub plain: bool,
}

impl Input {
    /// A file that speaks for itself.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// A CRS by its name, its axes in the order that a person says or else usual in the format.
    pub(super) fn crs(&self, name: &str, usual: AxisOrder) -> Result<Crs, CrsError> {
        Crs::parse(name, self.axis_order.unwrap_or(usual))
    }

    /// Its file name up to the first dot.
    pub(super) fn stem(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("input")
    }
}

/// What has been read so far, before there is a ground to put it on.
pub(super) struct Gathered {
    pub(super) room: Room,
    pub(super) elements: Reading,
    pub(super) features: Store<'static, Feature>,
    pub(super) models: Store<'static, Model>,
    /// Heights of the ground.
    rasters: Vec<Raster>,
    /// Files of insides of buildings.
    pub(super) venues: Vec<venue::Files>,
    /// Pictures that models show.
    pub(super) pictures: Pictures,
    /// Names that the data gives the city, the first wins.
    pub(super) title: Option<String>,
    /// Whom the data names.
    pub(super) attribution: Vec<Attribution>,
    pub(super) warnings: Warnings,
}

impl Gathered {
    fn new(room: &Room) -> Self {
        Self {
            room: room.clone(),
            elements: Reading::new(room),
            features: Store::new(room),
            models: Store::new(room),
            rasters: Vec::new(),
            venues: Vec::new(),
            pictures: Pictures::default(),
            title: None,
            attribution: Vec::new(),
            warnings: Warnings::default(),
        }
    }

    /// Adds heights of the ground, and how many of them were unknown.
    fn raster(&mut self, name: &str, (raster, voids): (Raster, usize)) {
        if voids > 0 {
            self.warnings.add("heights_unknown", format!("{name}: {voids} samples; the nearest known height is taken"));
        }
        self.rasters.push(raster);
    }

    /// Names somebody, once.
    pub(super) fn attribute(&mut self, attribution: Attribution) {
        if !self.attribution.contains(&attribution) {
            self.attribution.push(attribution);
        }
    }
}

/// Reads inputs as one city, all of it in memory.
///
/// # Errors
/// [`BakeError::Io`] when a file cannot be opened; [`BakeError::Input`] with the file and the place in it when it is
/// damaged, of no known format, or needs a CRS that nobody named; [`BakeError::Empty`] when there is nothing to draw.
pub fn read(inputs: &[Input], progress: &dyn Progress) -> Result<City, BakeError> {
    read_into(inputs, &Room::endless(), progress).map(Stock::into_city)
}

/// Reads inputs as one city that holds no more than there is room.
///
/// # Errors
/// As [`read`].
pub(super) fn read_into(inputs: &[Input], room: &Room, progress: &dyn Progress) -> Result<Stock<'static>, BakeError> {
    let mut gathered = Gathered::new(room);
    let total = inputs.iter().map(|input| input.path.metadata().map(|m| m.len()).ok()).sum();
    progress.stage("read", total);
    for input in inputs {
        check(input)?;
        for path in files_of(input)? {
            unpack::each(&path, room, progress, &mut |unpacked| {
                gathered.pictures.origin = match unpacked.member {
                    Some(name) => Origin::Member(path.clone(), name.into()),
                    None => Origin::File(path.clone()),
                };
                member_of(input, &path, unpacked, &mut gathered)
            })?;
            room.check()?;
        }
    }
    city(gathered, progress)
}

/// The files of an input: itself, or what a directory holds, sorted.
pub(super) fn files_of(input: &Input) -> Result<Vec<PathBuf>, BakeError> {
    if !input.path.is_dir() {
        return Ok(vec![input.path.clone()]);
    }
    let entries = std::fs::read_dir(&input.path).map_err(BakeError::io("read", &input.path))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// What a person says must make sense before any file is read.
fn check(input: &Input) -> Result<(), BakeError> {
    let Some(name) = &input.crs else { return Ok(()) };
    let wrong = |error: CrsError| BakeError::Input {
        path: input.path.clone(),
        place: "--crs".into(),
        message: error.to_string(),
    };
    Crs::parse(name, AxisOrder::EastNorth).map(|_| ()).map_err(wrong)
}

/// Reads what a file or a member of an archive holds.
fn member_of(input: &Input, path: &Path, mut unpacked: Unpacked<'_>, gathered: &mut Gathered) -> Result<(), Fault> {
    let (beginning, member) = (unpacked.beginning, unpacked.member);
    let place = || member.unwrap_or("beginning").to_owned();
    let name = member.or_else(|| path.to_str()).unwrap_or_default();
    let format =
        if input.venue || venue::is_venue(name, beginning) { Ok(Format::Venue) } else { Format::of(beginning, name) };
    let reader = &mut *unpacked.reader;
    let result = match format {
        Ok(Format::Venue) => venue::read(input, name, reader, gathered),
        Ok(Format::Osm(format)) => {
            gathered.attribute(twin::openstreetmap());
            format.read(reader, &mut gathered.elements)
        }
        Ok(Format::CityGml) => citygml::read(input, reader, gathered),
        Ok(Format::Json) if json::is_collection(beginning) => {
            let whole = unpacked.whole();
            whole.and_then(|whole| {
                json::read_again(input, &whole, &|reader| Box::new(unpacked.counted(reader)), gathered)
            })
        }
        Ok(Format::Json) => json::read(input, reader, gathered),
        Ok(Format::FlatGeobuf) => flatgeobuf::read(input, reader, gathered),
        Ok(Format::Parquet) => unpacked.whole().and_then(|whole| geoparquet::read(input, whole, gathered)),
        Ok(Format::Tiff) => rest_of(reader, Vec::new()).and_then(|bytes| {
            // Archives of city models hold textures.
            if member.is_some() && geotiff::is_picture(&bytes) {
                gathered.warnings.add("picture_left_out", name);
                return Ok(());
            }
            geotiff::read(bytes, input.crs.as_deref()).map(|raster| gathered.raster(name, raster))
        }),
        Ok(Format::Hgt) => {
            let raster = rest_of(reader, Vec::new()).and_then(|bytes| hgt::read(name, &bytes));
            raster.map(|raster| gathered.raster(name, raster))
        }
        Err(message) => Err(Fault::new(place(), message)),
    };
    result.map_err(|fault| match member {
        Some(name) if fault.place != name => Fault::new(format!("{name}: {}", fault.place), fault.message),
        _ => fault,
    })
}

/// Text without its byte order mark and what is blank before it.
pub(super) fn text_of(beginning: &[u8]) -> &[u8] {
    beginning.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(beginning).trim_ascii_start()
}

enum Format {
    Osm(osm::source::Format),
    CityGml,
    Json,
    FlatGeobuf,
    Parquet,
    Venue,
    /// Heights of the ground.
    Tiff,
    Hgt,
}

impl Format {
    fn of(beginning: &[u8], name: &str) -> Result<Self, String> {
        if geotiff::is_tiff(beginning) {
            return Ok(Self::Tiff);
        }
        if flatgeobuf::is_flatgeobuf(beginning) {
            return Ok(Self::FlatGeobuf);
        }
        if geoparquet::is_parquet(beginning) {
            return Ok(Self::Parquet);
        }
        if hgt::is_hgt(name, beginning) {
            return Ok(Self::Hgt);
        }
        let text = text_of(beginning);
        if text.is_empty() {
            return Err("the file is empty".into());
        }
        // A record separator begins each value of a JSON text sequence (RFC 7464).
        if text.starts_with(b"{") || text.starts_with(b"[") || text.starts_with(b"\x1e") {
            return Ok(Self::Json);
        }
        if text.starts_with(b"<") && citygml::is_citygml(text) {
            return Ok(Self::CityGml);
        }
        match osm::source::Format::of(beginning) {
            Some(format) => Ok(Self::Osm(format)),
            None => Err(format!(
                "expected OpenStreetMap data, GeoJSON, FlatGeobuf, GeoParquet, CityJSON, CityGML, or heights as GeoTIFF or \
                 SRTM (also as .gz, .zst or .zip), found a file that begins with {:?}",
                String::from_utf8_lossy(&beginning[..beginning.len().min(16)])
            )),
        }
    }
}

/// Puts everything on one ground.
fn city(mut gathered: Gathered, progress: &dyn Progress) -> Result<Stock<'static>, BakeError> {
    let room = &gathered.room.clone();
    let mut warnings = std::mem::take(&mut gathered.warnings);
    let mut raw = std::mem::replace(&mut gathered.elements, Reading::new(room)).done();
    room.check()?;
    warnings.absorb(std::mem::take(&mut raw.warnings));
    let venues: Vec<venue::Read> = std::mem::take(&mut gathered.venues)
        .into_iter()
        .filter_map(|files| venue::Read::of(files, &mut warnings))
        .collect();
    let Some(extent) = extent(&mut gathered, &raw, &venues, &mut warnings) else {
        return Err(BakeError::empty(&warnings));
    };
    let ground = Ground::new(extent);
    let mut stock = osm::city_on(&ground, &raw, warnings, room, progress);
    drop(raw);
    cityjson::add(gathered.models, &ground, &mut stock, &mut gathered.features);
    feature::add(gathered.features, &ground, &mut stock, progress);
    venues.into_iter().for_each(|venue| venue.add(&ground, &mut stock));
    room.check()?;
    let city = stock.city_mut();
    if city.title.is_none() {
        city.title = gathered.title;
    }
    city.attribution = gathered.attribution;
    city.pictures = gathered.pictures.list;
    picture::settle(&mut stock);
    let city = stock.city_mut();
    let has_rasters = !gathered.rasters.is_empty();
    city.relief = Relief::new(gathered.rasters, extent);
    if has_rasters && city.relief.is_none() {
        city.warnings.add("heights_elsewhere", "no raster of heights meets the extent of the other inputs");
    }
    if stock.is_empty() { Err(BakeError::empty(&stock.warnings)) } else { Ok(stock) }
}

/// The box around everything that was read, less what lies too far from the rest.
fn extent(gathered: &mut Gathered, raw: &Raw, venues: &[venue::Read], warnings: &mut Warnings) -> Option<LonLatRect> {
    let osm = ground::extent(raw, warnings);
    drop_strays(gathered, osm, warnings);
    let mut all = osm.unwrap_or(LonLatRect::EMPTY);
    gathered.features.iter().for_each(|f| f.each_position(&mut |[lon, lat]| all.extend(lon, lat)));
    gathered.models.iter().for_each(|m| m.each_position(&mut |[lon, lat]| all.extend(lon, lat)));
    venues.iter().for_each(|venue| venue.each_position(&mut |[lon, lat]| all.extend(lon, lat)));
    (!all.is_empty()).then(|| ground::widened(all))
}

/// No city reaches farther from its middle, degrees.
const FAR_DEG: f64 = 10.0;

/// Leaves out what lies so far from the middle of everything that no city reaches there. `near`: an extent that is
/// known already.
fn drop_strays(gathered: &mut Gathered, near: Option<LonLatRect>, warnings: &mut Warnings) {
    let boxes = || {
        let features = gathered.features.iter().map(|f| box_of(|take| f.each_position(take)));
        features.chain(gathered.models.iter().map(|m| box_of(|take| m.each_position(take))))
    };
    let mut all = near.unwrap_or(LonLatRect::EMPTY);
    for rect in boxes().filter(|rect| !rect.is_empty()) {
        all.extend(rect.west, rect.south);
        all.extend(rect.east, rect.north);
    }
    if all.is_empty() || !ground::is_too_wide(&all) {
        return;
    }
    let boxes: Vec<LonLatRect> = boxes().collect();
    let median = |value: &dyn Fn(&LonLatRect) -> f64| {
        let mut values: Vec<f64> = boxes.iter().filter(|rect| !rect.is_empty()).map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    let (lon, lat) =
        near.map_or_else(|| (median(&|rect| rect.center().0), median(&|rect| rect.center().1)), |rect| rect.center());
    let is_near = |rect: &LonLatRect| {
        rect.west >= lon - FAR_DEG
            && rect.east <= lon + FAR_DEG
            && rect.south >= lat - FAR_DEG
            && rect.north <= lat + FAR_DEG
    };
    let mut stays = boxes.iter().map(|rect| rect.is_empty() || is_near(rect));
    let mut keep = |id: &str| {
        let near = stays.next().unwrap_or(true);
        if !near {
            warnings.add("far_from_the_rest", id);
        }
        near
    };
    gathered.features.retain(|feature| keep(&feature.tags.id));
    gathered.models.retain(|model| keep(&model.tags.id));
}

/// The box around positions that are handed out one by one.
fn box_of(each: impl FnOnce(&mut dyn FnMut([f64; 2]))) -> LonLatRect {
    let mut rect = LonLatRect::EMPTY;
    each(&mut |[lon, lat]| rect.extend(lon, lat));
    rect
}

/// Reads bytes as the file of that name would be read.
///
/// # Errors
/// As [`read`], with the place and the message of what is wrong.
pub fn read_bytes(input: &Input, bytes: &[u8]) -> Result<City, String> {
    let mut gathered = Gathered::new(&Room::endless());
    unpack::each_of_bytes(bytes, &mut |unpacked| member_of(input, &input.path, unpacked, &mut gathered))
        .map_err(|fault| format!("{}: {}", fault.place, fault.message))?;
    city(gathered, &super::Silent).map(Stock::into_city).map_err(|error| error.to_string())
}

/// All of a reader, with room for as much as there is.
pub(super) fn rest_of(reader: &mut dyn Read, mut bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let at = bytes.len();
    reader.read_to_end(&mut bytes).map_err(|error| Fault::new(format!("byte {at}"), error.to_string()))?;
    Ok(bytes)
}

/// Inputs that speak for themselves.
#[cfg(test)]
pub(super) fn plain(paths: &[impl AsRef<std::path::Path>]) -> Vec<Input> {
    paths.iter().map(|path| Input::new(path.as_ref())).collect()
}
