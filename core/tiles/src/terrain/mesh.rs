//! A surface in the shares of its tile to what a GPU takes: positions, normals, places in Web Mercator, skirts.

use super::{GroundHeights, TerrainTile};
use crate::decode::{Context, Fault, bytes::malformed};
use crate::memo::Memo;
use crate::{Attribute, IndexRange, Primitive, TileContent};
use citytwin_geo::Geodetic;
use glam::{DMat3, DVec3};

/// A skirt hangs down by this part of its tile's side.
const SKIRT_OF_SIDE: f64 = 1.0 / 40.0;
/// Bytes of a vertex: position, normal, place in Web Mercator.
const STRIDE: u32 = 32;
/// Linear colour of the bare ground: `#efece6`.
const BARE: [f32; 4] = [0.863, 0.838, 0.791, 1.0];

/// Triangles of a tile.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Surface {
    /// Shares of the tile's width from the west and of its height from the south, 0 to 1; metres above the ellipsoid.
    pub(super) points: Vec<[f64; 3]>,
    /// Each corner below the number of points.
    pub(super) triangles: Vec<[u32; 3]>,
    /// Of the file, one for each point.
    pub(super) normals_ecef: Option<Vec<[f32; 3]>>,
    /// In the tile's frame, one for each point.
    pub(super) normals_enu: Option<Vec<[f32; 3]>>,
}

/// The content of a tile, in its own frame.
pub(super) fn content(surface: Surface, tile: &TerrainTile, context: Context<'_>) -> Result<TileContent, Fault> {
    let surface = if tile.above == 0 { surface } else { part(&surface, tile) };
    if surface.triangles.is_empty() {
        return malformed("a terrain tile without triangles");
    }
    let ground = GroundHeights::new(tile.place, &surface.points, &surface.triangles);
    let frame = tile.place.frame();
    let enu_of = |point: &[f64; 3], height_m: f64| {
        let [lon_rad, lat_rad] = tile.place.lon_lat_rad(point[0], point[1]);
        frame.enu_from_geodetic(Geodetic { lon_rad, lat_rad, height_m })
    };
    let positions: Vec<DVec3> = surface.points.iter().map(|point| enu_of(point, point[2])).collect();
    let triangles: Vec<[u32; 3]> = surface.triangles.iter().map(|corners| upward(*corners, &positions)).collect();
    let normals = match (&surface.normals_enu, &surface.normals_ecef) {
        (Some(normals), _) => normals.clone(),
        (None, Some(normals)) => {
            let turn = DMat3::from_mat4(frame.enu_from_ecef);
            normals.iter().map(|n| (turn * glam::Vec3::from(*n).as_dvec3()).as_vec3().to_array()).collect()
        }
        (None, None) => smooth_normals(&positions, &triangles),
    };
    let skirts = skirts(&surface.points);
    let hanging: usize = skirts.iter().map(Vec::len).sum();
    context.take((positions.len() + hanging) * STRIDE as usize + (triangles.len() + 2 * hanging) * 12)?;

    let mut out = Vertices::new(tile);
    for ((point, position), normal) in surface.points.iter().zip(&positions).zip(&normals) {
        out.push(point, *position, *normal);
    }
    let mut indices: Vec<u32> = triangles.into_iter().flatten().collect();
    let depth_m = tile.place.side_m() * SKIRT_OF_SIDE;
    for skirt in skirts {
        let mut before = None;
        for top in skirt {
            let point = &surface.points[top as usize];
            let foot = out.push(point, enu_of(point, point[2] - depth_m), normals[top as usize]);
            if let Some((last_top, last_foot)) = before.replace((top, foot)) {
                indices.extend([last_top, last_foot, top, top, last_foot, foot]);
            }
        }
    }
    let attribute = |offset, components| Attribute { offset, stride: STRIDE, components, ..Attribute::default() };
    let primitive = Primitive {
        vertex_count: out.count,
        positions: attribute(0, 3),
        normals: Some(attribute(12, 3)),
        texcoords: vec![(0, attribute(24, 2))],
        indices: Some(IndexRange { offset: 0, count: indices.len() as u32, wide: true }),
        base_color: BARE,
        // From below ground it is a ceiling.
        double_sided: true,
        bounds: out.bounds.map(|corner| corner.to_array()),
        ..Primitive::default()
    };
    Ok(TileContent {
        vertices: out.bytes,
        indices: indices.iter().flat_map(|index| index.to_le_bytes()).collect(),
        primitives: vec![primitive],
        ground: Some(Box::new(ground)),
        ..TileContent::default()
    })
}

/// The vertex array as it grows.
struct Vertices<'a> {
    tile: &'a TerrainTile,
    mercator: [f64; 4],
    bytes: Vec<u8>,
    bounds: [DVec3; 2],
    count: u32,
}

impl<'a> Vertices<'a> {
    fn new(tile: &'a TerrainTile) -> Self {
        let bounds = [DVec3::INFINITY, DVec3::NEG_INFINITY];
        Self { tile, mercator: tile.place.mercator_rect(), bytes: Vec::new(), bounds, count: 0 }
    }

    fn push(&mut self, point: &[f64; 3], position: DVec3, normal: [f32; 3]) -> u32 {
        let [_, south, _, north] = self.mercator;
        let [_, lat_rad] = self.tile.place.lon_lat_rad(point[0], point[1]);
        // Both shares from the south-west; a tile at a pole is flat there.
        let up = (super::mercator(lat_rad) - south) / (north - south).max(1e-12);
        let place = position.as_vec3().to_array();
        for value in place.into_iter().chain(normal).chain([point[0] as f32, up as f32]) {
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
        self.bounds = [self.bounds[0].min(position), self.bounds[1].max(position)];
        self.count += 1;
        self.count - 1
    }
}

/// A triangle that is seen from above turns against the clock.
fn upward([a, b, c]: [u32; 3], positions: &[DVec3]) -> [u32; 3] {
    let [p, q, r] = [a, b, c].map(|corner| positions[corner as usize]);
    if (q - p).cross(r - p).z < 0.0 { [a, c, b] } else { [a, b, c] }
}

/// The mean of the triangles around, weighed by their size.
fn smooth_normals(positions: &[DVec3], triangles: &[[u32; 3]]) -> Vec<[f32; 3]> {
    let mut sums = vec![DVec3::ZERO; positions.len()];
    for triangle in triangles {
        let [p, q, r] = triangle.map(|corner| positions[corner as usize]);
        triangle.iter().for_each(|corner| sums[*corner as usize] += (q - p).cross(r - p));
    }
    sums.into_iter().map(|sum| sum.normalize_or(DVec3::Z).as_vec3().to_array()).collect()
}

/// The points at each of the four sides, in their order along it.
fn skirts(points: &[[f64; 3]]) -> [Vec<u32>; 4] {
    [(0, 0.0), (0, 1.0), (1, 0.0), (1, 1.0)].map(|(axis, side)| {
        let mut found: Vec<u32> = (0..points.len() as u32).filter(|i| points[*i as usize][axis] == side).collect();
        found.sort_by(|a, b| points[*a as usize][1 - axis].total_cmp(&points[*b as usize][1 - axis]));
        found
    })
}

/// The part of a coarser tile's surface that lies in the tile which is shown.
fn part(surface: &Surface, tile: &TerrainTile) -> Surface {
    let count = f64::from(tile.above.min(30)).exp2();
    let mask = (1_u32 << tile.above.min(30)) - 1;
    let first = tile.place.at.map(|at| f64::from(at & mask));
    let scaled = |point: &[f64; 3]| [point[0] * count - first[0], point[1] * count - first[1], point[2]];
    let mut out = Surface::default();
    let mut known = Memo::default();
    for triangle in &surface.triangles {
        let polygon = cut(triangle.map(|corner| scaled(&surface.points[corner as usize])).to_vec());
        let corners: Vec<u32> = polygon
            .iter()
            .map(|point| {
                *known.or_insert_with([point[0].to_bits(), point[1].to_bits()], || {
                    out.points.push(*point);
                    out.points.len() as u32 - 1
                })
            })
            .collect();
        out.triangles.extend((2..corners.len()).map(|i| [corners[0], corners[i - 1], corners[i]]));
    }
    out
}

/// What of a polygon lies in the unit square (Sutherland and Hodgman, 1974).
fn cut(polygon: Vec<[f64; 3]>) -> Vec<[f64; 3]> {
    let sides = [(0, 0.0, 1.0), (0, 1.0, -1.0), (1, 0.0, 1.0), (1, 1.0, -1.0)];
    sides.into_iter().fold(polygon, |polygon, (axis, side, sign)| {
        let inside = |point: &[f64; 3]| (point[axis] - side) * sign >= 0.0;
        let mut out = Vec::with_capacity(polygon.len() + 1);
        for (i, to) in polygon.iter().enumerate() {
            let from = &polygon[(i + polygon.len() - 1) % polygon.len()];
            if inside(from) != inside(to) {
                let share = (side - from[axis]) / (to[axis] - from[axis]);
                let mut at: [f64; 3] = std::array::from_fn(|i| from[i] + (to[i] - from[i]) * share);
                at[axis] = side;
                out.push(at);
            }
            if inside(to) {
                out.push(*to);
            }
        }
        out
    })
}
