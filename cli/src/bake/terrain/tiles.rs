//! A relief as quantized-mesh tiles.

use super::{CELLS, DRAWN_ERROR_M, Relief};
use crate::bake::{BakeError, Cancel};
use citytwin_geo::{EnuFrame, Geodetic, WGS84_A};
use citytwin_tiles::{TerrainGrid, TerrainMesh, TerrainPlace};
use glam::DVec3;
use rayon::prelude::*;
use serde_json::{Value, json};

/// The folder of the terrain, and its document.
pub(in crate::bake) const FOLDER: &str = "terrain";
pub(in crate::bake) const LAYER: &str = "terrain/layer.json";
/// Points along a side of a tile.
const SIDE: usize = CELLS + 1;
/// A tile above the finest is wrong by up to this part of the distance of its points: half a pixel where it is drawn.
const ERROR_OF_CELL: f64 = 1.0 / 16.0;

/// Errors of the network are those of each step of its division, which add up: to a third more where every step halves
/// the distance, and the error of a curved ground with it falls to a quarter.
const ERROR_OF_DRAWN: f64 = 0.6;

/// Its tiles and what lists them, as (path, bytes).
///
/// # Errors
/// [`BakeError::Interrupted`].
pub(in crate::bake) fn files(relief: &Relief, cancel: &Cancel) -> Result<Vec<(String, Vec<u8>)>, BakeError> {
    let mut places = Vec::new();
    let mut available = Vec::new();
    for level in 0..=relief.level {
        let [west, south, east, north] = relief.tiles_of(level);
        available.push(json!([{ "startX": west, "startY": south, "endX": east, "endY": north }]));
        for y in south..=north {
            places.extend((west..=east).map(|x| TerrainPlace { grid: TerrainGrid::Geographic, level, at: [x, y] }));
        }
    }
    let tile = |place: TerrainPlace| {
        cancel.check()?;
        let [x, y] = place.at;
        Ok((format!("{FOLDER}/{}/{x}/{y}.terrain", place.level), relief.tile(&place)))
    };
    let mut files: Vec<_> = places.into_par_iter().map(tile).collect::<Result<_, BakeError>>()?;
    files.push((LAYER.to_owned(), document(relief, &available)));
    Ok(files)
}

fn document(relief: &Relief, available: &[Value]) -> Vec<u8> {
    let e = &relief.extent;
    let document = json!({
        "tilejson": "2.1.0",
        "name": "terrain",
        "version": "1.0.0",
        "format": "quantized-mesh-1.0",
        "scheme": "tms",
        "projection": "EPSG:4326",
        "extensions": ["octvertexnormals"],
        "bounds": [e.west, e.south, e.east, e.north],
        "minzoom": 0,
        "maxzoom": relief.level,
        "tiles": ["{z}/{x}/{y}.terrain"],
        "available": available,
    });
    let mut text = serde_json::to_vec(&document).expect("a JSON value is always text");
    text.push(b'\n');
    text
}

impl Relief {
    fn tile(&self, place: &TerrainPlace) -> Vec<u8> {
        // One point more on each side, for the slopes at the border.
        let heights = Heights::new(self, place);
        let mut points = Vec::with_capacity(SIDE * SIDE);
        let mut normals = Vec::with_capacity(SIDE * SIDE);
        let mut bulge_m = Vec::with_capacity(SIDE * SIDE);
        let [middle_lon, middle_lat] = place.lon_lat_rad(0.5, 0.5);
        for row in 0..SIDE {
            for column in 0..SIDE {
                let [u, v] = [column, row].map(|at| at as f64 / CELLS as f64);
                let [lon, lat] = place.lon_lat_rad(u, v);
                points.push([u, v, heights.at(column, row)]);
                normals.push(heights.normal_ecef(column, row, lon, lat).to_array());
                let away = ((lon - middle_lon) * middle_lat.cos()).hypot(lat - middle_lat);
                bulge_m.push(away * away * WGS84_A / 2.0);
            }
        }
        let cell_m = place.side_m() / CELLS as f64;
        let error_m = if place.level == self.level {
            DRAWN_ERROR_M * ERROR_OF_DRAWN
        } else {
            (cell_m * ERROR_OF_CELL).max(DRAWN_ERROR_M)
        };
        TerrainMesh::of_grid(SIDE, &points, &normals, &bulge_m, error_m).to_bytes(place)
    }
}

/// Heights at the points of a tile and one beyond.
struct Heights {
    heights_m: Vec<f64>,
    /// From one to the next, metres north; east at the equator.
    cell_m: f64,
}

impl Heights {
    const WIDTH: usize = SIDE + 2;

    fn new(relief: &Relief, place: &TerrainPlace) -> Self {
        // Points of the lattice itself, so that tiles of all levels that share one have the same height there.
        let step = 2f64.powi((relief.level - place.level) as i32);
        let first = place.at.map(|at| f64::from(at) * CELLS as f64 - 1.0);
        let node = |i: usize| {
            let (column, row) = (i % Self::WIDTH, i / Self::WIDTH);
            relief.node_m((first[0] + column as f64) * step, (first[1] + row as f64) * step)
        };
        let cell_m = place.side_m() / CELLS as f64;
        Self { heights_m: (0..Self::WIDTH * Self::WIDTH).map(node).collect(), cell_m }
    }

    fn at(&self, column: usize, row: usize) -> f64 {
        self.heights_m[(row + 1) * Self::WIDTH + column + 1]
    }

    /// Out of the ground, by the slopes between its neighbours.
    fn normal_ecef(&self, column: usize, row: usize, lon_rad: f64, lat_rad: f64) -> DVec3 {
        let at = |dx: usize, dy: usize| self.heights_m[(row + dy) * Self::WIDTH + column + dx];
        let east_m = self.cell_m * lat_rad.cos().max(1e-3);
        let slope = [(at(2, 1) - at(0, 1)) / (2.0 * east_m), (at(1, 2) - at(1, 0)) / (2.0 * self.cell_m)];
        let enu = DVec3::new(-slope[0], -slope[1], 1.0).normalize();
        EnuFrame::new(Geodetic { lon_rad, lat_rad, height_m: 0.0 }).ecef_from_enu.transform_vector3(enu)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Raster;
    use super::*;
    use crate::bake::crs::Crs;
    use citytwin_geo::LonLatRect;
    use citytwin_tiles::{Decoded, TerrainFormat, TerrainTile, What, decode};

    /// Hills, 90 m between samples.
    fn relief() -> Relief {
        let (side, step) = (241, 1.0 / 1200.0);
        let height = |i: usize| {
            let (x, y) = ((i % side) as f64, (i / side) as f64);
            (300.0 + 90.0 * (x * 0.11).sin() * (y * 0.07).cos()) as f32
        };
        let placed = [step, 0.0, 7.35, 0.0, -step, 43.8];
        let (raster, _) =
            Raster::new([side; 2], (0..side * side).map(height).collect(), Crs::wgs84(), placed).expect("a raster");
        let extent = LonLatRect { west: 7.40, south: 43.72, east: 7.44, north: 43.75 };
        Relief::new(vec![raster], extent).expect("a relief")
    }

    fn read(relief: &Relief, path: &str, bytes: &[u8]) -> Option<(TerrainPlace, Box<citytwin_tiles::GroundHeights>)> {
        let numbers: Vec<u32> = path.split(['/', '.']).filter_map(|part| part.parse().ok()).collect();
        let [level, x, y] = numbers[..] else { return None };
        let place = TerrainPlace { grid: TerrainGrid::Geographic, level, at: [x, y] };
        let tile = TerrainTile { format: TerrainFormat::QuantizedMesh, place, above: 0, offset_m: 0.0 };
        let Ok(Decoded::Content(content)) = decode(bytes, path, &What::Terrain(tile)) else { panic!("{path}") };
        assert!(content.problems.is_empty() && level <= relief.level, "{:?}", content.problems);
        Some((place, content.ground.expect("heights")))
    }

    #[test]
    fn the_reader_finds_the_relief_in_the_tiles_within_what_they_may_be_off() {
        let relief = relief();
        let files = files(&relief, &Cancel::default()).expect("files");
        let (mut finest, mut worst_m, mut levels) = (0, 0.0_f64, std::collections::BTreeSet::new());
        for (path, bytes) in &files {
            let Some((place, ground)) = read(&relief, path, bytes) else { continue };
            levels.insert(place.level);
            if place.level < relief.level {
                continue;
            }
            finest += 1;
            for i in 0..33 * 33 {
                let [u, v] = [i % 33, i / 33].map(|at| f64::from(at) / 32.0);
                let [lon, lat] = place.lon_lat_rad(u, v);
                let drawn = ground.height_m(lon, lat).expect("inside");
                worst_m = worst_m.max((drawn - relief.height_m(lon.to_degrees(), lat.to_degrees())).abs());
            }
        }
        assert!(finest >= 4 && levels.len() == relief.level as usize + 1, "{finest} {levels:?}");
        // Quantised heights add a hundredth.
        assert!((0.05..DRAWN_ERROR_M + 0.02).contains(&worst_m), "{worst_m} m");
    }

    #[test]
    fn between_its_points_the_relief_stays_near_the_source() {
        let relief = relief();
        let raster = &relief.rasters[0];
        assert!(relief.cell_m() <= raster.spacing_m() / 2.0 && relief.cell_m() > raster.spacing_m() / 8.0);
        let mut worst_m = 0.0_f64;
        for i in 0..10_000 {
            let (lon, lat) = (7.40 + f64::from(i % 100) * 0.0004, 43.72 + f64::from(i / 100) * 0.0003);
            worst_m = worst_m.max((relief.height_m(lon, lat) - relief.source_m(lon, lat)).abs());
        }
        // The hills rise by up to 10 m from one sample to the next.
        assert!(worst_m < 1.0, "{worst_m}");
    }

    #[test]
    fn without_a_raster_of_the_place_there_is_no_relief() {
        let relief = relief();
        let far = LonLatRect { west: 24.0, south: 60.0, east: 24.1, north: 60.1 };
        assert!(Relief::new(relief.rasters.to_vec(), far).is_none());
    }
}
