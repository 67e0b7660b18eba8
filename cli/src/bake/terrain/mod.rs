//! The heights of the ground: rasters of any input → one [`Relief`], what stands on it, and its tiles.
//!
//! Heights are metres above whatever datum the source has (the geoid, as a rule), taken as metres above the ellipsoid
//! like all heights of a bake: the difference is nearly the same all over a city.
//!
//! A relief is the surface that the finest tiles draw: a lattice of points, each square of it two triangles, the way
//! that [`citytwin_tiles::TerrainMesh`] divides them. What stands on it is therefore set on what is drawn, up to [`DRAWN_ERROR_M`].

pub(super) mod geotiff;
pub(super) mod hgt;
mod raster;
mod tiles;

pub(super) use raster::Raster;
pub(super) use tiles::{FOLDER, LAYER, files};

use super::reuse::{Digest, Digester};
use citytwin_geo::LonLatRect;
use citytwin_tiles::{TerrainGrid, TerrainPlace};
use std::sync::Arc;

/// Squares of the lattice along a side of a tile.
const CELLS: usize = 64;
/// The ground is drawn no farther than this from the relief, metres.
pub const DRAWN_ERROR_M: f64 = 0.25;
/// Squares of the lattice are no smaller than this, metres, however fine the source is.
const LEAST_CELL_M: f64 = 2.0;
/// Most tiles of the finest level.
const MOST_FINEST: f64 = 4096.0;
/// So many times its width and height is drawn around an extent.
const AROUND: f64 = 1.5;
/// The finest levels are drawn this far around it only,
const NEAR: f64 = 0.1;
/// which are so many.
const NEAR_LEVELS: u32 = 3;
/// Metres in a degree of latitude.
const DEGREE_M: f64 = 111_320.0;

/// The ground of a city.
#[derive(Clone, Debug)]
pub struct Relief {
    /// The finest first.
    rasters: Arc<[Raster]>,
    extent: LonLatRect,
    /// Finest level of the tiles.
    level: u32,
}

impl Relief {
    /// Of rasters, for a city of this extent; nothing where no raster meets it.
    pub(super) fn new(mut rasters: Vec<Raster>, extent: LonLatRect) -> Option<Self> {
        rasters.retain(|raster| raster.meets(&extent));
        rasters.sort_by(|a, b| a.spacing_m().total_cmp(&b.spacing_m()));
        let finest_m = rasters.first()?.spacing_m();
        // Half the distance of the source's samples, so that the lattice keeps their peaks.
        let wanted_m = (finest_m / 2.0).max(LEAST_CELL_M);
        let cell_m = |level: u32| DEGREE_M * 180.0 / f64::from(1u32 << level) / CELLS as f64;
        let count = |level: u32| {
            let tile_deg = 180.0 / f64::from(1u32 << level);
            let side = |degrees: f64| degrees * (1.0 + 2.0 * NEAR) / tile_deg + 1.0;
            side(extent.east - extent.west) * side(extent.north - extent.south)
        };
        let level = (0..20).find(|&level| cell_m(level) <= wanted_m || count(level + 1) > MOST_FINEST).unwrap_or(20);
        Some(Self { rasters: rasters.into(), extent, level })
    }

    /// Stands for all of it.
    pub(super) fn digest(&self) -> Digest {
        let mut digester = Digester::new();
        self.rasters.iter().for_each(|raster| raster.add_to(&mut digester));
        let LonLatRect { west, south, east, north } = self.extent;
        [west, south, east, north].into_iter().for_each(|side| digester.float(side));
        digester.number(u64::from(self.level));
        digester.finish()
    }

    /// Height of the ground as its finest tiles draw it, up to [`DRAWN_ERROR_M`]; metres. Degrees.
    pub fn height_m(&self, lon: f64, lat: f64) -> f64 {
        let step = self.step_deg();
        let (x, y) = ((lon + 180.0) / step, (lat + 90.0) / step);
        let (column, row) = (x.floor(), y.floor());
        let (u, v) = (x - column, y - row);
        let at = |dx: f64, dy: f64| self.node_m(column + dx, row + dy);
        // The diagonals of neighbouring squares meet, as those of right-triangulated networks do.
        if (column + row).rem_euclid(2.0) < 0.5 {
            let (low, high) = (at(0.0, 0.0), at(1.0, 1.0));
            if u >= v {
                let east = at(1.0, 0.0);
                low + u * (east - low) + v * (high - east)
            } else {
                let north = at(0.0, 1.0);
                low + v * (north - low) + u * (high - north)
            }
        } else {
            let (east, north) = (at(1.0, 0.0), at(0.0, 1.0));
            if u + v <= 1.0 {
                let low = at(0.0, 0.0);
                low + u * (east - low) + v * (north - low)
            } else {
                let high = at(1.0, 1.0);
                high + (1.0 - u) * (north - high) + (1.0 - v) * (east - high)
            }
        }
    }

    /// Degrees from one point of the lattice to the next.
    fn step_deg(&self) -> f64 {
        180.0 / f64::from(1u32 << self.level) / CELLS as f64
    }

    /// Distance of the lattice's points, metres.
    pub(super) fn cell_m(&self) -> f64 {
        self.step_deg() * DEGREE_M
    }

    fn node_m(&self, column: f64, row: f64) -> f64 {
        let step = self.step_deg();
        self.source_m(column * step - 180.0, (row * step - 90.0).clamp(-90.0, 90.0))
    }

    /// Height as the rasters say it; beyond them their edge sinks to 0. Degrees; metres.
    pub fn source_m(&self, lon: f64, lat: f64) -> f64 {
        let inside = self.rasters.iter().find_map(|raster| raster.height_m(lon, lat));
        inside.or_else(|| self.rasters.first()?.beyond_m(lon, lat)).unwrap_or(0.0)
    }

    /// First column and row, last column and row of the tiles of a level; rows from the south.
    fn tiles_of(&self, level: u32) -> [u32; 4] {
        if level == 0 {
            return [0, 0, 1, 0];
        }
        let around = if level + NEAR_LEVELS > self.level { NEAR } else { AROUND };
        let LonLatRect { west, south, east, north } = self.extent;
        let (more_lon, more_lat) = ((east - west) * around, (north - south) * around);
        let [columns, rows] = TerrainPlace::counts(TerrainGrid::Geographic, level);
        let tile_deg = 180.0 / f64::from(1u32 << level);
        let at = |degrees: f64, count: u32| ((degrees / tile_deg).floor().max(0.0) as u32).min(count - 1);
        [
            at(west - more_lon + 180.0, columns),
            at(south - more_lat + 90.0, rows),
            at(east + more_lon + 180.0, columns),
            at(north + more_lat + 90.0, rows),
        ]
    }
}
