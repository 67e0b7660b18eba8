//! The heights of the ground as a tree of tiles: quantized-mesh and terrarium.
//!
//! Where tiles lie and which there are is known here; their files are read in the modules below, in a worker. The tree
//! itself hangs in the engine's beside those of 3D Tiles ([`crate::Engine::add_terrain`]).

mod ground;
mod layer;
mod mesh;
mod quantized;
mod relief;
mod terrarium;
mod write;

pub use ground::GroundHeights;
pub use write::TerrainMesh;

use crate::decode::Context;
use crate::{Problem, TileContent, Volume};
use citytwin_geo::{EnuFrame, Geodetic, WGS84_A};
use std::f64::consts::{FRAC_PI_2, PI};

/// Deepest level of all: columns and rows stay far below 2³².
pub(crate) const DEEPEST_LEVEL: u32 = 24;
/// A tile may be drawn while so many times its samples' distance, over its number of samples, is allowed: with the
/// engine's default of 16 pixels this is what CesiumJS draws with its 2.
const ERROR_FACTOR: f64 = 2.0;
/// Heights that a tile is taken to have before anything of its terrain is loaded, metres.
const UNKNOWN_HEIGHTS_M: [f64; 2] = [0.0, 50.0];
/// The roots of a terrain are the tiles about as wide as its area; at most so many.
const MOST_ROOTS: usize = 64;

/// How the tiles of a terrain are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerrainFormat {
    /// `quantized-mesh` 1.0.
    QuantizedMesh,
    /// PNG pictures: height = red · 256 + green + blue / 256 − 32768 metres.
    Terrarium,
}

/// A terrain to show.
#[derive(Clone, Debug, PartialEq)]
pub struct TerrainSource {
    /// How its tiles are written.
    pub format: TerrainFormat,
    /// Absolute URL of its `layer.json`; for terrarium, the template of its tiles, with `{z}`, `{x}` and `{y}` (or
    /// `{-y}`, from the south).
    pub url: String,
    /// Finest level of terrarium tiles, at most 24; of the others `layer.json` says it.
    pub max_level: u32,
    /// Added to every height, metres.
    pub offset_m: f64,
    /// West, south, east and north, degrees, of what is shown of it, rounded up to whole tiles; `None` for the Earth.
    pub area_deg: Option<[f64; 4]>,
}

/// How the Earth is divided into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerrainGrid {
    /// Longitude and latitude: two tiles at level 0 (`EPSG:4326`).
    Geographic,
    /// Web Mercator: one tile at level 0 (`EPSG:3857`).
    Mercator,
}

/// Where a tile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerrainPlace {
    /// How the Earth is divided.
    pub grid: TerrainGrid,
    /// Level, from 0.
    pub level: u32,
    /// Column from the west, row from the south.
    pub at: [u32; 2],
}

impl TerrainPlace {
    /// Tiles of its level from the west to the east, and from the south to the north.
    pub fn counts(grid: TerrainGrid, level: u32) -> [u32; 2] {
        let rows = 1 << level.min(DEEPEST_LEVEL);
        match grid {
            TerrainGrid::Geographic => [2 * rows, rows],
            TerrainGrid::Mercator => [rows, rows],
        }
    }

    /// Longitude and latitude, radians, of a point of it: `u` from its western to its eastern side, `v` from its
    /// southern to its northern, both from 0 to 1.
    pub fn lon_lat_rad(&self, u: f64, v: f64) -> [f64; 2] {
        let [columns, rows] = Self::counts(self.grid, self.level).map(f64::from);
        let (x, y) = ((f64::from(self.at[0]) + u) / columns, (f64::from(self.at[1]) + v) / rows);
        let lat_rad = match self.grid {
            TerrainGrid::Geographic => (y - 0.5) * PI,
            TerrainGrid::Mercator => latitude(2.0 * y - 1.0),
        };
        [(2.0 * x - 1.0) * PI, lat_rad]
    }

    /// The share of its width and height at which a point lies; beyond 0 and 1 outside of it.
    pub fn share_of(&self, lon_rad: f64, lat_rad: f64) -> [f64; 2] {
        let [columns, rows] = Self::counts(self.grid, self.level).map(f64::from);
        let y = match self.grid {
            TerrainGrid::Geographic => lat_rad / PI + 0.5,
            TerrainGrid::Mercator => (mercator(lat_rad) + 1.0) / 2.0,
        };
        let x = (lon_rad / PI + 1.0) / 2.0;
        [x * columns - f64::from(self.at[0]), y * rows - f64::from(self.at[1])]
    }

    /// West, south, east and north, radians.
    pub fn rect_rad(&self) -> [f64; 4] {
        let [[west, south], [east, north]] = [self.lon_lat_rad(0.0, 0.0), self.lon_lat_rad(1.0, 1.0)];
        [west, south, east, north]
    }

    /// West, south, east and north in the square of Web Mercator, whose sides go from −1 to 1.
    pub fn mercator_rect(&self) -> [f64; 4] {
        let [west, south, east, north] = self.rect_rad();
        [west / PI, mercator(south), east / PI, mercator(north)]
    }

    /// The frame of its content: east, north and up at its middle.
    pub fn frame(&self) -> EnuFrame {
        let [lon_rad, lat_rad] = self.lon_lat_rad(0.5, 0.5);
        EnuFrame::new(Geodetic { lon_rad, lat_rad, height_m: 0.0 })
    }

    /// From south to north, metres.
    pub fn side_m(&self) -> f64 {
        let [_, south, _, north] = self.rect_rad();
        (north - south) * WGS84_A
    }

    /// The four tiles below it, southern ones first.
    pub fn children(&self) -> [Self; 4] {
        let [x, y] = self.at;
        [[0, 0], [1, 0], [0, 1], [1, 1]].map(|[dx, dy]| Self {
            level: self.level + 1,
            at: [2 * x + dx, 2 * y + dy],
            ..*self
        })
    }

    fn overlaps(&self, [west, south, east, north]: [f64; 4]) -> bool {
        let [w, s, e, n] = self.rect_rad();
        w < east && west < e && s < north && south < n
    }
}

/// In the square whose sides go from −1 to 1; the poles are at its sides.
fn mercator(lat_rad: f64) -> f64 {
    (lat_rad.clamp(-FRAC_PI_2, FRAC_PI_2).tan().asinh() / PI).clamp(-1.0, 1.0)
}

fn latitude(mercator: f64) -> f64 {
    (mercator * PI).sinh().atan()
}

/// The tiles of a level that cover an area, radians; the first [`MOST_ROOTS`] of them.
fn tiles_within(grid: TerrainGrid, level: u32, area: [f64; 4]) -> Vec<TerrainPlace> {
    let whole = TerrainPlace { grid, level, at: [0, 0] };
    let [columns, rows] = TerrainPlace::counts(grid, level);
    let [[x0, y0], [x1, y1]] = [[area[0], area[1]], [area[2], area[3]]].map(|[lon, lat]| whole.share_of(lon, lat));
    let range = |from: f64, to: f64, count: u32| {
        let at = |share: f64| (share.floor().max(0.0) as u32).min(count - 1);
        at(from)..=at(to)
    };
    let places =
        range(y0, y1, rows).flat_map(|y| range(x0, x1, columns).map(move |x| TerrainPlace { at: [x, y], ..whole }));
    places.filter(|place| place.overlaps(area)).take(MOST_ROOTS).collect()
}

/// What a worker must know of a tile to read its file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TerrainTile {
    /// How the file is written.
    pub format: TerrainFormat,
    /// The tile that is shown.
    pub place: TerrainPlace,
    /// How many levels above it the tile lies whose file it is: where there is no file of its own, it shows its part of
    /// a coarser one.
    pub above: u32,
    /// Added to every height, metres.
    pub offset_m: f64,
}

/// Which tiles a terrain has, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct TerrainDoc {
    /// How the Earth is divided.
    pub grid: TerrainGrid,
    /// Absolute URL templates of its tiles, at least one.
    pub templates: Vec<String>,
    /// `{y}` counts from the north.
    pub y_from_north: bool,
    /// Per level, the rectangles of tiles that there are: first column and row, last column and row, rows from the
    /// south. Empty: all of them.
    pub available: Vec<Vec<[u32; 4]>>,
    /// The finest level.
    pub max_level: u32,
    /// Words that name whose it is, where it says so.
    pub attribution: Option<String>,
}

impl TerrainDoc {
    pub(crate) fn has(&self, place: &TerrainPlace) -> bool {
        if self.available.is_empty() {
            return place.level <= self.max_level;
        }
        let [x, y] = place.at;
        let inside =
            |[west, south, east, north]: &[u32; 4]| (*west..=*east).contains(&x) && (*south..=*north).contains(&y);
        self.available.get(place.level as usize).is_some_and(|rectangles| rectangles.iter().any(inside))
    }

    /// URL of a tile's file.
    pub(crate) fn url(&self, place: &TerrainPlace) -> String {
        let TerrainPlace { level, at: [x, y], grid } = *place;
        let from_north = TerrainPlace::counts(grid, level)[1] - 1 - y;
        let [y, other] = if self.y_from_north { [from_north, y] } else { [y, from_north] };
        let pick = (x as usize + y as usize) % self.templates.len().max(1);
        let mut url = self.templates.get(pick).cloned().unwrap_or_default();
        for (name, value) in [("{z}", level), ("{x}", x), ("{y}", y), ("{-y}", other)] {
            url = url.replace(name, &value.to_string());
        }
        url
    }
}

/// A terrain in the engine's tree.
#[derive(Debug)]
pub(crate) struct Terrain {
    source: TerrainSource,
    /// Absent until it has arrived.
    doc: Option<TerrainDoc>,
}

impl Terrain {
    /// A terrain; one that is described by a document waits for it.
    pub(crate) fn new(source: TerrainSource) -> Self {
        let doc = (source.format == TerrainFormat::Terrarium).then(|| TerrainDoc {
            grid: TerrainGrid::Mercator,
            templates: vec![source.url.clone()],
            y_from_north: true,
            available: Vec::new(),
            max_level: source.max_level.min(DEEPEST_LEVEL),
            attribution: None,
        });
        Self { source, doc }
    }

    pub(crate) fn url(&self) -> &str {
        &self.source.url
    }

    pub(crate) fn awaits_doc(&self) -> bool {
        self.doc.is_none()
    }

    pub(crate) fn set_doc(&mut self, doc: TerrainDoc) {
        self.doc = Some(doc);
    }

    /// The coarsest tiles that are shown: of the level whose tiles are about as wide as the area, or the first below
    /// that has some.
    pub(crate) fn roots(&self) -> Vec<TerrainPlace> {
        let Some(doc) = &self.doc else { return Vec::new() };
        let [west, south, east, north] =
            self.source.area_deg.map_or([-PI, -FRAC_PI_2, PI, FRAC_PI_2], |degrees| degrees.map(f64::to_radians));
        let share = ((east - west) / (2.0 * PI)).max((north - south) / PI).clamp(1e-9, 1.0);
        let fits = (1.0 / share).log2().floor() as u32;
        let wanted = fits.min(doc.max_level);
        let area = [west, south, east, north];
        // Coarser ones where the level that fits does not have all; where none has, the first that has some.
        let mut levels = (0..=wanted).rev();
        let whole = levels.find_map(|level| {
            let tiles = tiles_within(doc.grid, level, area);
            (!tiles.is_empty() && tiles.iter().all(|place| doc.has(place))).then_some(tiles)
        });
        whole.unwrap_or_else(|| {
            let mut levels = (0..=wanted).rev().chain(wanted + 1..=doc.max_level);
            let some = levels.find_map(|level| {
                let mut tiles = tiles_within(doc.grid, level, area);
                tiles.retain(|place| doc.has(place));
                (!tiles.is_empty()).then_some(tiles)
            });
            some.unwrap_or_default()
        })
    }
    /// The tiles that refine a tile, each with how far above it its file lies; none where no finer file is.
    pub(crate) fn children(&self, place: &TerrainPlace, above: u32) -> Vec<(TerrainPlace, u32)> {
        let Some(doc) = self.doc.as_ref().filter(|doc| place.level < doc.max_level) else { return Vec::new() };
        let children = place.children();
        if !children.iter().any(|child| doc.has(child)) {
            return Vec::new();
        }
        children.into_iter().map(|child| (child, if doc.has(&child) { 0 } else { above + 1 })).collect()
    }

    /// URL of the file of a tile.
    pub(crate) fn file_url(&self, place: &TerrainPlace, above: u32) -> String {
        let file = TerrainPlace { level: place.level - above, at: place.at.map(|at| at >> above), ..*place };
        self.doc.as_ref().map_or_else(String::new, |doc| doc.url(&file))
    }

    /// What a worker must know to read it.
    pub(crate) fn tile(&self, place: TerrainPlace, above: u32) -> TerrainTile {
        TerrainTile { format: self.source.format, place, above, offset_m: self.source.offset_m }
    }

    /// Error of drawing a tile instead of its children, metres.
    pub(crate) fn error_m(&self, place: &TerrainPlace) -> f64 {
        let samples = match self.source.format {
            TerrainFormat::QuantizedMesh => 65.0,
            TerrainFormat::Terrarium => 256.0,
        };
        place.side_m() * ERROR_FACTOR / samples
    }

    /// Where a tile is, between the heights of what is loaded above it, if anything is.
    pub(crate) fn volume(&self, place: &TerrainPlace, heights_m: Option<[f64; 2]>) -> Volume {
        let [west, south, east, north] = place.rect_rad();
        let unknown = UNKNOWN_HEIGHTS_M.map(|height| height + self.source.offset_m);
        let [low, high] = heights_m.unwrap_or(unknown);
        Volume::Region([west, south, east, north, low, high])
    }
}

/// Reads `layer.json`.
pub(crate) fn read_layer(bytes: &[u8], url: &str) -> Result<TerrainDoc, Problem> {
    layer::read(bytes, url).map_err(|fault| fault.problem(url))
}

/// Reads the file of a tile.
pub(crate) fn read_tile(
    bytes: &[u8],
    url: &str,
    tile: &TerrainTile,
    context: Context<'_>,
) -> Result<TileContent, Problem> {
    let surface = match tile.format {
        TerrainFormat::QuantizedMesh => quantized::read(bytes, tile.offset_m, context),
        TerrainFormat::Terrarium => terrarium::read(bytes, tile, context),
    };
    surface.and_then(|surface| mesh::content(surface, tile, context)).map_err(|fault| fault.problem(url))
}

#[cfg(test)]
mod tests;
