//! Terrarium: pictures whose colours are heights.

use super::mesh::Surface;
use super::{TerrainTile, relief};
use crate::decode::{Context, Decoder, Fault, bytes::malformed};
use citytwin_geo::Geodetic;
use glam::DVec3;

/// Pixels that a tile may be wide: powers of two.
const SIDES: [u32; 4] = [64, 128, 256, 512];
/// What a triangle may be wrong by, in distances between samples.
const ERROR_SAMPLES: f64 = 0.125;

pub(super) fn read(bytes: &[u8], tile: &TerrainTile, context: Context<'_>) -> Result<Surface, Fault> {
    context.need(Decoder::Heights)?;
    let (width, height, rgb) = pixels(bytes, context)?;
    if width != height || !SIDES.contains(&width) {
        return malformed(format!(
            "a terrarium tile of {width} × {height} pixels; expected 64, 128, 256 or 512 square"
        ));
    }
    if tile.above != 0 {
        return malformed("a part of a terrarium tile");
    }
    let side = width as usize + 1;
    context.take(side * side * 80)?;
    Ok(surface(&vertices(&rgb, width as usize), side, tile))
}

/// Heights at the corners of pixels, metres, rows from the north. Pixels are samples at their middles; corners inside
/// are means of four, those at the edge go on as the slope inside does, so that neighbours nearly agree.
fn vertices(rgb: &[[u8; 3]], width: usize) -> Vec<f64> {
    let sample = |x: usize, y: usize| {
        let [r, g, b] = rgb[y * width + x].map(f64::from);
        r * 256.0 + g + b / 256.0 - 32_768.0
    };
    // The two samples beside a corner, with their weights.
    let beside = |corner: usize| match corner {
        0 => [(0, 1.5), (1, -0.5)],
        corner if corner == width => [(width - 1, 1.5), (width - 2, -0.5)],
        corner => [(corner - 1, 0.5), (corner, 0.5)],
    };
    let side = width + 1;
    let corner = |i: usize| {
        let (columns, rows) = (beside(i % side), beside(i / side));
        rows.iter().map(|(y, wy)| columns.iter().map(|(x, wx)| sample(*x, *y) * wx * wy).sum::<f64>()).sum()
    };
    (0..side * side).map(corner).collect()
}

/// As few triangles as show the heights.
fn surface(heights_m: &[f64], side: usize, tile: &TerrainTile) -> Surface {
    let enu = positions(heights_m, side, tile);
    // Up in the tile's own frame: so that the curve of the Earth counts too.
    let ups: Vec<f64> = enu.iter().map(|at| at.z).collect();
    let spacing_m = tile.place.side_m() / (side - 1) as f64;
    let chosen = relief::triangles(&ups, side, spacing_m * ERROR_SAMPLES);
    let mut number = vec![u32::MAX; side * side];
    let (mut points, mut normals) = (Vec::new(), Vec::new());
    let mut of = |corner: u32| {
        let at = corner as usize;
        if number[at] == u32::MAX {
            number[at] = points.len() as u32;
            let (x, y) = (at % side, at / side);
            let share = |step: usize| step as f64 / (side - 1) as f64;
            points.push([share(x), 1.0 - share(y), heights_m[at] + tile.offset_m]);
            normals.push(normal(&enu, side, x, y));
        }
        number[at]
    };
    let triangles = chosen.into_iter().map(|triangle| triangle.map(&mut of)).collect();
    Surface { points, triangles, normals_ecef: None, normals_enu: Some(normals) }
}

fn positions(heights_m: &[f64], side: usize, tile: &TerrainTile) -> Vec<DVec3> {
    let frame = tile.place.frame();
    let at = |i: usize| {
        let (u, v) = ((i % side) as f64 / (side - 1) as f64, 1.0 - (i / side) as f64 / (side - 1) as f64);
        let [lon_rad, lat_rad] = tile.place.lon_lat_rad(u, v);
        frame.enu_from_geodetic(Geodetic { lon_rad, lat_rad, height_m: heights_m[i] + tile.offset_m })
    };
    (0..heights_m.len()).map(at).collect()
}

/// From the neighbours on both sides, so that triangles that share a vertex are lit alike however they were chosen.
fn normal(enu: &[DVec3], side: usize, x: usize, y: usize) -> [f32; 3] {
    let along = |a: usize, b: usize| enu[b] - enu[a];
    let row = y * side;
    let east = along(row + x.saturating_sub(1), row + (x + 1).min(side - 1));
    let north = along((y + 1).min(side - 1) * side + x, y.saturating_sub(1) * side + x);
    east.cross(north).normalize_or(DVec3::Z).as_vec3().to_array()
}

#[cfg(feature = "heights")]
fn pixels(bytes: &[u8], context: Context<'_>) -> Result<(u32, u32, Vec<[u8; 3]>), Fault> {
    let most = u64::from(SIDES[SIDES.len() - 1]);
    let room = (most * most * 8 + (1 << 20)) as usize;
    context.take(room)?;
    let (width, height, rgba) = crate::decode::rgba(bytes, room)?;
    let rgb: Vec<[u8; 3]> = rgba.as_chunks::<4>().0.iter().map(|[r, g, b, _]| [*r, *g, *b]).collect();
    match rgb.len() as u64 == u64::from(width) * u64::from(height) {
        true => Ok((width, height, rgb)),
        false => malformed("its pixels are not as many as its header says"),
    }
}

#[cfg(not(feature = "heights"))]
fn pixels(_bytes: &[u8], _context: Context<'_>) -> Result<(u32, u32, Vec<[u8; 3]>), Fault> {
    Err(Fault::NoDecoder(Decoder::Heights))
}
