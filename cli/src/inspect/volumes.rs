//! Whether bounding volumes hold what they promise to hold, and errors fall from level to level.
//!
//! The specification lets a child's *volume* reach out of its parent's as long as what is drawn does not; such a child
//! is still told, because it is culled and refined by a volume that its parent did not promise.

use super::relative;
use citytwin_tiles::{Component, Engine, Extent, Fetch, Primitive, TileContent, TileId};
use glam::{DMat4, DVec3};
use serde::Serialize;
use std::collections::BTreeMap;

/// Vertices (and instances) of a primitive that are looked at, evenly spread.
const MOST_VERTICES: usize = 4096;
const MOST_INSTANCES: usize = 64;
/// Findings of a kind that are listed; all are counted.
const MOST_LISTED: usize = 10;

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Volumes {
    /// Tiles that were held against their parent.
    pub tiles: u64,
    /// Contents whose vertices were held against their volumes.
    pub contents: u64,
    /// Findings by kind: `child-outside-parent`, `content-volume-outside-tile`, `content-outside-volume`,
    /// `error-not-smaller`.
    pub counts: BTreeMap<String, u64>,
    /// The gravest of each kind, at most ten.
    pub findings: Vec<Finding>,
}

/// A volume or an error that is not what it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// One of the kinds of [`Volumes::counts`].
    pub kind: String,
    /// Which tile: its content, or its level where it has none.
    pub place: String,
    /// How far it reaches out; for errors, by how much the child's error is greater. Metres.
    pub metres: f64,
}

impl Volumes {
    fn found(&mut self, kind: &str, place: String, metres: f64) {
        *self.counts.entry(kind.into()).or_insert(0) += 1;
        self.findings.push(Finding { kind: kind.into(), place, metres });
    }

    /// The findings in words, line by line.
    pub(super) fn lines(&self, line: &mut dyn FnMut(&str, String)) {
        line("volumes", format!("{} tiles and {} contents held against what holds them", self.tiles, self.contents));
        for (kind, count) in &self.counts {
            line("", format!("{kind}: {count}"));
            for finding in self.findings.iter().filter(|finding| finding.kind == *kind) {
                line("", format!("  {} by {:.2} m", finding.place, finding.metres));
            }
        }
    }

    /// The gravest first, and no more than can be read.
    fn settle(mut self) -> Self {
        self.findings
            .sort_by(|a, b| a.kind.cmp(&b.kind).then(b.metres.total_cmp(&a.metres)).then(a.place.cmp(&b.place)));
        let mut listed: BTreeMap<String, usize> = BTreeMap::new();
        self.findings.retain(|finding| {
            let n = listed.entry(finding.kind.clone()).or_insert(0);
            *n += 1;
            *n <= MOST_LISTED
        });
        self
    }
}

/// What counts as reaching out: more than a hundredth of the volume's radius, and more than a centimetre.
fn tolerance_m(extent: &Extent) -> f64 {
    (extent.radius_m() * 0.01).max(0.01)
}

/// How far the farthest of the points lies outside; `None` when within the tolerance.
fn outside(extent: &Extent, points: impl Iterator<Item = DVec3>) -> Option<f64> {
    let farthest = points.map(|p| extent.distance_m(p)).fold(0.0, f64::max);
    (farthest.is_finite() && farthest > tolerance_m(extent)).then_some(farthest)
}

/// How far a content reaches out of the volume that is promised for it, metres; `None` when it does not.
pub(super) fn content_outside(engine: &Engine, fetch: &Fetch, content: &TileContent) -> Option<f64> {
    let id = fetch.tile?;
    let ecef_from_tile = engine.tile(id)?.ecef_from_tile;
    let extent = engine.content_extent(id).or_else(|| engine.extent(id))?;
    let points = content.primitives.iter().flat_map(|primitive| points(content, primitive));
    outside(&extent, points.map(|p| ecef_from_tile.transform_point3(p)))
}

/// Some of a primitive's points in the tile's frame.
fn points<'a>(content: &'a TileContent, primitive: &'a Primitive) -> impl Iterator<Item = DVec3> + 'a {
    let tile_from_local = DMat4::from_cols_array(&primitive.tile_from_local);
    let count = primitive.instances.map_or(1, |instances| instances.count as usize);
    let instances = (0..count).step_by(count.div_ceil(MOST_INSTANCES).max(1));
    let vertices = primitive.vertex_count as usize;
    let each = vertices.div_ceil(MOST_VERTICES / if count > 1 { 16 } else { 1 }).max(1);
    instances.flat_map(move |i| {
        let place = tile_from_local * instance(content, primitive, i);
        let local = (0..vertices).step_by(each).map(|v| position(content, primitive, v));
        local.map(move |p| place.transform_point3(p))
    })
}

fn position(content: &TileContent, primitive: &Primitive, vertex: usize) -> DVec3 {
    let at = primitive.positions;
    let start = at.offset as usize + vertex * at.stride as usize;
    let number = |axis: usize| {
        let bytes = content.vertices.get(start + axis * at.component.size()..).unwrap_or_default();
        let stored = at.component.read(bytes);
        if at.normalized { (stored / at.component.normalizer()).max(-1.0) } else { stored }
    };
    DVec3::from_array(std::array::from_fn(number))
}

fn instance(content: &TileContent, primitive: &Primitive, index: usize) -> DMat4 {
    let Some(instances) = primitive.instances else { return DMat4::IDENTITY };
    let start = instances.transforms.offset as usize + index * instances.transforms.stride as usize;
    let number = |i: usize| Component::F32.read(content.vertices.get(start + i * 4..).unwrap_or_default());
    let row = |r: usize| [number(r * 4), number(r * 4 + 1), number(r * 4 + 2), number(r * 4 + 3)];
    let [x, y, z] = [row(0), row(1), row(2)];
    DMat4::from_cols_array_2d(&[x, y, z, [0.0, 0.0, 0.0, 1.0]]).transpose()
}

/// Holds every tile against its parent; `strays` are the contents that reach out of their volumes.
pub(super) fn check(engine: &Engine, contents: u64, strays: &[(TileId, f64)], directory: &str) -> Volumes {
    let mut volumes = Volumes { contents, ..Volumes::default() };
    let place = |id: TileId| {
        let tile = engine.tile(id)?;
        let name = relative(tile.content_url, directory);
        Some(if name.is_empty() { format!("a tile of level {}", tile.level) } else { name })
    };
    for (id, metres) in strays {
        volumes.found("content-outside-volume", place(*id).unwrap_or_default(), *metres);
    }
    for id in engine.tiles() {
        let Some(tile) = engine.tile(id).filter(|tile| !tile.is_further_content) else { continue };
        let Some(extent) = engine.extent(id) else { continue };
        if let Some(content) = engine.content_extent(id)
            && let Some(metres) = outside(&extent, content.points_ecef().into_iter())
        {
            volumes.found("content-volume-outside-tile", place(id).unwrap_or_default(), metres);
        }
        let Some(parent) = engine.parent(id) else { continue };
        let (Some(above), Some(parent)) = (engine.extent(parent), engine.tile(parent)) else { continue };
        volumes.tiles += 1;
        if let Some(metres) = outside(&above, extent.points_ecef().into_iter()) {
            volumes.found("child-outside-parent", place(id).unwrap_or_default(), metres);
        }
        // A parent without a content of its own is never drawn instead.
        let excess = tile.geometric_error - parent.geometric_error;
        if excess > 1e-9 * tile.geometric_error {
            volumes.found("error-not-smaller", place(id).unwrap_or_default(), excess);
        }
    }
    volumes.settle()
}
