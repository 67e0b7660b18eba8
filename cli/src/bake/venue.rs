//! Insides of buildings: IMDF, IndoorGML and indoor GeoJSON → the venues of a twin.
//!
//! What a venue's files say is read by `core/positioning`; they are published as they are, but for GeoJSON in another
//! CRS, whose coordinates become longitude and latitude.

use super::crs::{AxisOrder, Crs};
use super::model::{Building, HeightSource, Polygon, Roof, RoofShape, Solid, Tags, Venue, Warnings};
use super::osm::ground::Ground;
use super::osm::shape;
use super::source::{Fault, Gathered, Input, rest_of, text_of};
use super::stock::Stock;
use citytwin_positioning::venue as indoor;
use serde_json::Value;
use std::io::BufRead;

/// The folder of the venues.
pub(super) const FOLDER: &str = "venues";
/// Most text of one venue, bytes.
const MAX_BYTES: usize = 256 << 20;
/// Longest nesting of coordinates that is walked.
const MAX_DEPTH: u32 = 8;

/// Files of a venue that is being read.
pub(super) struct Files {
    /// That of the input, which names the venue.
    stem: String,
    /// Name without folders, and text.
    files: Vec<(String, String)>,
    bytes: usize,
}

/// Whether a file belongs to a venue by what is in it: IMDF says so of each feature, IndoorGML by its first element. The
/// manifest of an IMDF archive has no features; it is known by its name, version and language.
pub(super) fn is_venue(name: &str, beginning: &[u8]) -> bool {
    let has = |word: &str| beginning.windows(word.len()).any(|part| part == word.as_bytes());
    let is_manifest = name.ends_with("manifest.json") && has("\"version\"") && has("\"language\"");
    let is_indoor_gml = beginning.trim_ascii_start().starts_with(b"<") && has("IndoorFeatures");
    is_manifest || is_indoor_gml || has_feature_type(beginning)
}

/// Whether a collection's features have a `feature_type` beside their `properties`, not among them.
fn has_feature_type(beginning: &[u8]) -> bool {
    const KEY: &[u8] = b"\"feature_type\"";
    let (mut depth, mut in_text, mut escaped) = (0, false, false);
    for (at, byte) in beginning.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => {
                // The collection is one deep, a feature two.
                if !in_text && depth == 2 && beginning[at..].starts_with(KEY) {
                    return true;
                }
                in_text = !in_text;
            }
            b'{' if !in_text => depth += 1,
            b'}' if !in_text => depth -= 1,
            _ => {}
        }
    }
    false
}

/// Takes a file.
///
/// # Errors
/// When it is broken JSON, in a CRS that is not known, or one too many.
pub(super) fn read(input: &Input, name: &str, reader: &mut dyn BufRead, gathered: &mut Gathered) -> Result<(), Fault> {
    let fault = |message: String| Fault::new(name, message);
    let bytes = rest_of(reader, Vec::new())?;
    let text = match text_of(&bytes) {
        text @ [b'<', ..] => String::from_utf8_lossy(text).into_owned(),
        text @ [b'{', ..] => in_degrees(&String::from_utf8_lossy(text), input).map_err(fault)?,
        _ => {
            // A licence, a picture of a plan.
            gathered.warnings.add("venue_file_left_out", name);
            return Ok(());
        }
    };
    let stem = input.stem();
    let files = match gathered.venues.iter_mut().position(|venue| venue.stem == stem) {
        Some(at) => &mut gathered.venues[at],
        None => {
            gathered.venues.push(Files { stem: stem.to_owned(), files: Vec::new(), bytes: 0 });
            gathered.venues.last_mut().expect("just pushed")
        }
    };
    files.bytes += text.len();
    if files.bytes > MAX_BYTES {
        return Err(fault(format!("a venue of more than {MAX_BYTES} bytes")));
    }
    let short = name.rsplit(['/', '\\']).next().unwrap_or(name);
    files.files.push((short.to_owned(), text));
    Ok(())
}

/// GeoJSON with its coordinates as longitude and latitude.
fn in_degrees(text: &str, input: &Input) -> Result<String, String> {
    let mut json: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let named = json.pointer("/crs/properties/name").and_then(Value::as_str).map(str::to_owned);
    let named = named.or_else(|| input.crs.clone()).or_else(|| input.axis_order.map(|_| "CRS84".into()));
    let Some(name) = named else { return Ok(text.to_owned()) };
    let crs = input.crs(&name, AxisOrder::EastNorth).map_err(|error| error.to_string())?;
    if let Some(members) = json.as_object_mut() {
        members.remove("crs");
    }
    for feature in json.get_mut("features").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(coordinates) = feature.pointer_mut("/geometry/coordinates") {
            move_to_degrees(coordinates, &crs, 0)?;
        }
    }
    Ok(json.to_string())
}

fn move_to_degrees(coordinates: &mut Value, crs: &Crs, depth: u32) -> Result<(), String> {
    let Some(items) = coordinates.as_array_mut().filter(|_| depth < MAX_DEPTH) else { return Ok(()) };
    if let [first, second, ..] = &mut items[..]
        && let (Some(x), Some(y)) = (first.as_f64(), second.as_f64())
    {
        let [lon, lat] = crs.lonlat(x, y).ok_or_else(|| format!("{x}, {y} lies nowhere in {}", crs.name()))?;
        // A ten-billionth of a degree: hundredths of a millimetre.
        let rounded = |degrees: f64| Value::from((degrees * 1e10).round() / 1e10);
        (*first, *second) = (rounded(lon), rounded(lat));
        return Ok(());
    }
    items.iter_mut().try_for_each(|item| move_to_degrees(item, crs, depth + 1))
}

/// A venue before there is a ground to put it on.
pub(super) struct Read {
    files: Files,
    venue: indoor::Venue,
}

impl Read {
    /// Reads what was gathered; what is no venue is counted and left out.
    pub(super) fn of(files: Files, warnings: &mut Warnings) -> Option<Self> {
        let texts: Vec<(&str, &str)> = files.files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        match indoor::Venue::read(&texts, None) {
            Ok(venue) => {
                for problem in &venue.problems {
                    warnings.add("venue_problem", format!("{}: {problem}", files.stem));
                }
                let read = Self { files, venue };
                if read.ground_floor().is_some_and(|level| read.outline(level.floor).is_empty()) {
                    warnings.add(
                        "venue_without_place",
                        format!("{}: its files do not tell where on Earth it is", read.files.stem),
                    );
                }
                Some(read)
            }
            Err(message) => {
                warnings.add("venue_unreadable", format!("{}: {message}", files.stem));
                None
            }
        }
    }

    /// The floor that stands on the ground: 0, or the lowest.
    fn ground_floor(&self) -> Option<&indoor::Level> {
        self.venue.level(0).or_else(|| self.venue.levels.first())
    }

    /// Rings of a floor's outline, in degrees; none where the files do not tell where on Earth they are.
    fn outline(&self, floor: i16) -> Vec<Vec<Vec<[f64; 2]>>> {
        let Some(plane) = self.venue.plane(floor) else { return Vec::new() };
        let ring = |ring: &Vec<[f64; 2]>| ring.iter().map(|at| plane.to_lonlat(*at)).collect();
        let outline = self.venue.outline(floor);
        if !outline.is_empty() {
            return outline.iter().map(|rings| rings.iter().map(ring).collect()).collect();
        }
        let areas = self.venue.level(floor).map_or(&[][..], |level| &level.areas);
        areas.iter().map(|area| area.rings.iter().map(ring).collect()).collect()
    }

    /// Calls with every corner of its ground floor, degrees.
    pub(super) fn each_position(&self, take: &mut dyn FnMut([f64; 2])) {
        let floor = self.ground_floor().map_or(0, |level| level.floor);
        self.outline(floor).iter().flatten().flatten().for_each(|at| take(*at));
    }

    /// Adds the venue, and a building around it where none stands yet.
    pub(super) fn add(self, ground: &Ground, stock: &mut Stock) {
        let Some(floor) = self.ground_floor().map(|level| level.floor) else { return };
        let mut rings = Vec::new();
        for polygon in self.outline(floor) {
            for ring in polygon {
                rings.push(shape::cleaned(&ring.iter().map(|at| ground.enu(*at)).collect::<Vec<_>>()));
            }
        }
        rings.retain(|ring| ring.len() >= 3);
        let pieces: Vec<Polygon> = rings.iter().flat_map(|ring| shape::polygons_of_ring(ring).0).collect();
        let outline = shape::union(&pieces);
        let id = format!("venue/{}", self.files.stem);
        let name = Some(self.venue.name.clone()).filter(|name| !name.is_empty());
        let top = self.venue.levels.iter().map(|level| level.elevation_m).fold(0.0, f64::max);
        let height_m = (top + indoor::STOREY_M).clamp(indoor::STOREY_M, 800.0);
        if let Some(largest) = outline.iter().max_by(|a, b| shape::area(a).total_cmp(&shape::area(b)))
            && !is_built(stock, shape::point_inside(largest))
        {
            stock.buildings.push(shell(&id, name.clone(), outline, height_m));
        }
        stock.city_mut().venues.push(Venue {
            id: self.files.stem.clone(),
            name,
            floors: self
                .venue
                .levels
                .iter()
                .map(|level| (level.floor, level.name.clone(), level.elevation_m))
                .collect(),
            files: self.files.files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect(),
        });
    }
}

/// Where a file of a venue lies.
pub(super) fn path(venue: &Venue, name: &str) -> String {
    let plain = |text: &str| -> String {
        let letter = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
        text.chars().map(letter).collect()
    };
    format!("{FOLDER}/{}/{}", plain(&venue.id), plain(name))
}

/// Whether a building goes around a place.
fn is_built(stock: &Stock, at: glam::DVec2) -> bool {
    let around = |polygon: &Polygon| super::labels::goes_around(polygon, at);
    stock.buildings.iter().any(|building| building.outline.iter().any(around))
}

/// A block around a venue.
fn shell(id: &str, name: Option<String>, outline: Vec<Polygon>, height_m: f64) -> Building {
    let roof = Roof { shape: RoofShape::Flat, height_m: 0.0, direction_deg: None, across: false };
    let solid = |footprint: &Polygon| Solid {
        footprint: footprint.clone(),
        base_m: 0.0,
        top_m: height_m,
        roof,
        wall_color: [214, 208, 198],
        roof_color: [188, 184, 178],
    };
    Building {
        tags: Tags { id: id.into(), name, ..Tags::default() },
        class: "venue".into(),
        solids: outline.iter().map(solid).collect(),
        outline,
        surfaces: Vec::new(),
        height_m,
        height_source: HeightSource::Levels,
    }
}
