//! A loaded tile: what the GPU draws of it, and what is known about it. Its arrays leave main memory for the GPU; when
//! the graphics are lost, the tile is loaded again, as a rule from the browser's cache.

use super::gpu::{FeatureDraw, FeatureTexture, Pictures, TileBuffers, seen_features};
use super::pool::ContentPayload;
use crate::Stats;
use crate::collide::Solid;
use crate::feature_rows::FeatureRows;
use crate::matrix::{distance_to_box, heights_of_box, reach_of_box};
use crate::property_rows::rows_with_ids;
use crate::style_rows::Rows;
use citytwin_tiles::{ContentInfo, Primitive, PropertyTable, TileContent, TileId, TilesetId, Value};
use glam::{DMat4, DVec3};
use js_sys::Uint8Array;
use web_sys::WebGl2RenderingContext as Gl;

/// A feature that is marked: selected or hovered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) tileset: TilesetId,
    /// Its `id` property: by this it is found in every level of detail.
    pub(super) stable_id: Option<String>,
    /// Where it was picked; without a stable id it is marked only there.
    pub(super) tile: Option<TileId>,
    pub(super) table: Option<u32>,
    pub(super) feature: u32,
}

/// Features that the host has flagged, by their stable ids.
#[derive(Default)]
pub(super) struct FlaggedIds {
    /// Highlighted, hidden; in order.
    ids: [Vec<Vec<u8>>; 2],
    /// Counts the changes.
    epoch: u32,
}

impl FlaggedIds {
    /// Replaces a list (0: highlighted, 1: hidden). False when it is the same as before.
    pub(super) fn set(&mut self, list: usize, ids: &[String]) -> bool {
        let mut ids: Vec<Vec<u8>> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
        ids.sort_unstable();
        ids.dedup();
        if self.ids[list] == ids {
            return false;
        }
        self.ids[list] = ids;
        self.epoch += 1;
        true
    }
}

/// Which feature of a tile bears a mark: its table and row.
type MarkedRow = Option<(Option<u32>, u32)>;

/// What goes to the GPU.
struct Arrays {
    vertices: Uint8Array,
    indices: Uint8Array,
    pictures: Pictures,
}

impl Arrays {
    fn heap_bytes(&self) -> u64 {
        u64::from(self.vertices.length()) + u64::from(self.indices.length()) + self.pictures.heap_bytes()
    }
}

pub(super) struct Tile {
    pub(super) id: TileId,
    pub(super) tileset: TilesetId,
    pub(super) content: TileContent,
    pub(super) info: ContentInfo,
    /// Until the GPU has them.
    arrays: Option<Arrays>,
    gpu_bytes: u64,
    properties: Uint8Array,
    /// Per primitive: the width that a point of it stands for, metres.
    pub(super) point_m: Vec<f32>,
    /// Lowest and highest point, metres above the ellipsoid, about; `None` when it is empty.
    pub(super) heights_m: Option<[f64; 2]>,
    /// Per primitive: its placement, and whether that turns triangles inside out.
    placed: Vec<(DMat4, bool)>,
    ecef_from_tile: DMat4,
    tile_from_ecef: DMat4,
    /// Of what of it is not flat, metres above the ellipsoid; infinite where there is nothing.
    pub(super) lowest_m: f64,
    /// Metres per unit of the tile's frame.
    scale: f64,
    pub(super) buffers: Option<TileBuffers>,
    /// What each feature shows, where that is more than how it is.
    pub(super) features: FeatureRows,
    feature_texture: Option<FeatureTexture>,
    /// The number of the flagged ids that its rows were looked up for.
    flags_epoch: u32,
    /// Selected and hovered, with the number of the mark they were looked up for.
    marked: [(u32, MarkedRow); 2],
}

impl Tile {
    /// `error_m`: the tile's geometric error, metres.
    pub(super) fn new(
        id: TileId,
        tileset: TilesetId,
        ecef_from_tile: DMat4,
        error_m: f64,
        payload: ContentPayload,
    ) -> Self {
        let placed = |primitive: &citytwin_tiles::Primitive| {
            let ecef_from_local = ecef_from_tile * DMat4::from_cols_array(&primitive.tile_from_local);
            (ecef_from_local, ecef_from_local.determinant() < 0.0)
        };
        let scale = ecef_from_tile.x_axis.truncate().length();
        let textures: u64 = payload.content.images.iter().map(citytwin_tiles::Image::gpu_bytes).sum();
        let arrays = Arrays {
            vertices: payload.vertices,
            indices: payload.indices,
            pictures: Pictures { bytes: payload.images, bitmaps: payload.bitmaps },
        };
        let point_m = |primitive: &Primitive| (spacing(primitive) * scale).min(finest(error_m)) as f32;
        let mut features = FeatureRows::default();
        match payload.painted {
            Some(painted) => painted.onto(&mut features),
            None => features.unpaint(Rows::of(&payload.content, &[]).unwrap_or_default()),
        }
        // The foot of a terrain's skirts is nothing that anybody sees.
        let ground_m = payload.content.ground.as_ref().map(|ground| ground.range_m);
        let stands = payload.content.primitives.iter().filter(|primitive| primitive.flat_order.is_none());
        let stands = stands.filter(|_| ground_m.is_none());
        let heights = stands.filter_map(|primitive| heights_of_box(&ecef_from_tile, &primitive.bounds));
        let lowest_m = heights.map(|[low, _]| low).fold(f64::INFINITY, f64::min);
        let mut tile = Self {
            id,
            tileset,
            features,
            feature_texture: None,
            flags_epoch: 0,
            ecef_from_tile,
            point_m: payload.content.primitives.iter().map(point_m).collect(),
            placed: payload.content.primitives.iter().map(placed).collect(),
            heights_m: ground_m
                .or_else(|| payload.info.bounds.and_then(|bounds| heights_of_box(&ecef_from_tile, &bounds))),
            content: payload.content,
            info: payload.info,
            gpu_bytes: u64::from(arrays.vertices.length()) + u64::from(arrays.indices.length()) + textures,
            arrays: Some(arrays),
            properties: payload.properties,
            lowest_m,
            tile_from_ecef: ecef_from_tile.inverse(),
            scale,
            buffers: None,
            marked: [(0, None); 2],
        };
        // What is counted is what is held: while the arrays wait for the GPU they take about as much here.
        let beside = u64::from(tile.properties.length()) + tile.features.bytes().len() as u64;
        tile.info.cpu_bytes = tile.info.cpu_bytes.max(beside);
        tile.info.gpu_bytes = tile.gpu_bytes;
        tile
    }

    /// Bytes that it holds in main memory.
    pub(super) fn heap_bytes(&self) -> u64 {
        let arrays = self.arrays.as_ref().map_or(0, Arrays::heap_bytes);
        u64::from(self.properties.length()) + arrays + self.features.bytes().len() as u64
    }

    /// Moves its arrays to the GPU, if they are not there yet, and keeps `stats` true. Returns the bytes uploaded.
    pub(super) fn upload(&mut self, gl: &Gl, stats: &mut Stats) -> u64 {
        let Some(arrays) = &self.arrays else { return 0 };
        self.buffers = TileBuffers::new(gl, &self.content, &arrays.vertices, &arrays.indices, &arrays.pictures);
        if self.buffers.is_none() {
            return 0;
        }
        stats.heap_bytes -= arrays.heap_bytes();
        stats.gpu_bytes += self.gpu_bytes;
        self.arrays = None;
        self.gpu_bytes
    }

    /// Frees what it holds on the GPU and takes the tile out of `stats`.
    pub(super) fn free(&mut self, gl: &Gl, stats: &mut Stats) {
        stats.heap_bytes -= self.heap_bytes();
        stats.gpu_bytes -= self.free_features(gl);
        if let Some(buffers) = self.buffers.take() {
            buffers.free(gl);
            stats.gpu_bytes -= self.gpu_bytes;
        }
    }

    /// Frees its feature texture. Returns the bytes freed.
    pub(super) fn free_features(&mut self, gl: &Gl) -> u64 {
        let texture = self.feature_texture.take();
        texture.inspect(|texture| texture.free(gl)).map_or(0, |texture| texture.bytes())
    }

    /// Everything shows as it is, but what the host has flagged.
    pub(super) fn unpaint(&mut self) {
        self.features.unpaint(Rows::of(&self.content, &[]).unwrap_or_default());
    }

    /// Brings the feature texture up to date, or frees it when nothing is to be said any more. Returns the bytes that
    /// the GPU holds more, and those that it holds less.
    pub(super) fn upload_features(&mut self, gl: &Gl) -> (u64, u64) {
        if !self.features.matter() {
            return (0, self.free_features(gl));
        }
        let dirty = self.features.take_dirty();
        if let Some(texture) = self.feature_texture.as_ref().filter(|texture| texture.fits(&self.features)) {
            if !dirty.is_empty() {
                texture.update(gl, &self.features, dirty);
            }
            return (0, 0);
        }
        let freed = self.free_features(gl);
        self.feature_texture = FeatureTexture::new(gl, &self.features);
        (self.feature_texture.as_ref().map_or(0, FeatureTexture::bytes), freed)
    }

    /// Looks up which rows the host has flagged, once per change of that. Returns the bytes that it holds more.
    pub(super) fn look_up_flags(&mut self, flagged: &FlaggedIds) -> u64 {
        if self.flags_epoch == flagged.epoch {
            return 0;
        }
        self.flags_epoch = flagged.epoch;
        let before = self.features.bytes().len();
        for (list, ids) in flagged.ids.iter().enumerate() {
            let rows = if ids.is_empty() {
                Vec::new()
            } else {
                self.rows_of(&|id| ids.binary_search_by(|own| own.as_slice().cmp(id)).is_ok())
            };
            self.features.flag(list, rows);
        }
        // Rows are made for the first flag, and kept.
        (self.features.bytes().len() - before) as u64
    }

    /// Rows of the feature texture whose features have a wanted id.
    fn rows_of(&self, is_wanted: &dyn Fn(&[u8]) -> bool) -> Vec<u32> {
        let tables = self.content.tables.iter().zip(&self.features.rows().tables);
        tables
            .flat_map(|(table, first)| self.table_rows(table, is_wanted).into_iter().map(move |row| first + row))
            .collect()
    }

    fn table_rows(&self, table: &PropertyTable, is_wanted: &dyn Fn(&[u8]) -> bool) -> Vec<u32> {
        rows_with_ids(table, &|(start, end)| self.properties.subarray(start, end.max(start)).to_vec(), is_wanted)
    }

    /// What a draw of a primitive needs for its features; `None` where they show as they are.
    pub(super) fn feature_draw(&self, primitive: usize) -> Option<FeatureDraw<'_>> {
        let texture = self.feature_texture.as_ref()?;
        let (table, null_id) = seen_features(&self.content.primitives[primitive]);
        let rows = self.features.rows();
        let first =
            |table: u32| Some((*rows.tables.get(table as usize)?, self.content.tables.get(table as usize)?.count));
        let (first, count) = table.and_then(first).unwrap_or((0, 0));
        let points = rows.points.get(primitive).copied().flatten();
        Some(FeatureDraw {
            texture,
            uniforms: [
                first as f32,
                count as f32,
                null_id.map_or(-1.0, |id| id as f32),
                points.map_or(-1.0, |first| first as f32),
            ],
            is_clear: self.features.is_clear(),
            has_highlights: self.features.has_highlights(),
        })
    }

    pub(super) fn properties(&self) -> &Uint8Array {
        &self.properties
    }

    /// Its vertex array; read back from the GPU, which waits for it, when it is there already.
    pub(super) fn vertices(&self, gl: &Gl) -> Uint8Array {
        match (&self.arrays, &self.buffers) {
            (Some(arrays), _) => arrays.vertices.clone(),
            (None, Some(buffers)) => Uint8Array::from(buffers.read(gl)[0].as_slice()),
            (None, None) => Uint8Array::new_with_length(0),
        }
    }

    pub(super) fn ecef_from_tile(&self) -> DMat4 {
        self.ecef_from_tile
    }

    /// Placement of a primitive, ECEF from its attribute values, and whether it mirrors.
    pub(super) fn placed(&self, primitive: usize) -> (&DMat4, bool) {
        let (ecef_from_local, mirrored) = &self.placed[primitive];
        (ecef_from_local, *mirrored)
    }

    /// A point in the tile's own frame.
    pub(super) fn point(&self, ecef: DVec3) -> DVec3 {
        self.tile_from_ecef.transform_point3(ecef)
    }

    /// A direction in the tile's own frame.
    pub(super) fn direction(&self, ecef: DVec3) -> DVec3 {
        self.tile_from_ecef.transform_vector3(ecef)
    }

    /// Nearest and farthest distance (metres) of a primitive's bounds from a point in the tile's frame.
    pub(super) fn distances(&self, primitive: usize, eye_tile: DVec3) -> (f64, f64) {
        let bounds = &self.content.primitives[primitive].bounds;
        (distance_to_box(eye_tile, bounds) * self.scale, reach_of_box(eye_tile, bounds) * self.scale)
    }

    /// A length in the tile's own frame.
    pub(super) fn in_own_units(&self, length_m: f64) -> f64 {
        length_m / self.scale
    }

    /// Whether something of it that stands in the way is within so many metres of a point.
    pub(super) fn solid_within(&self, ecef: DVec3, reach_m: f64) -> bool {
        let point = self.point(ecef);
        let solid = self.content.primitives.iter().filter(|primitive| crate::collide::stands(primitive));
        solid.into_iter().any(|primitive| distance_to_box(point, &primitive.bounds) * self.scale < reach_m)
    }

    /// Its triangles that stand in the way. Reads them back from the GPU, which waits for it.
    pub(super) fn solid(&self, gl: &Gl) -> Solid {
        let Some(buffers) = &self.buffers else { return Solid::default() };
        let [vertices, indices] = buffers.read(gl);
        Solid::of_tile(&self.content.primitives, &vertices, &indices)
    }

    /// Looks marks up once per change of them; `epochs` count the changes.
    pub(super) fn look_up(&mut self, marks: [&Option<Mark>; 2], epochs: [u32; 2]) {
        for i in 0..2 {
            if self.marked[i].0 != epochs[i] {
                self.marked[i] = (epochs[i], marks[i].as_ref().and_then(|mark| self.find(mark)));
            }
        }
    }

    fn find(&self, mark: &Mark) -> MarkedRow {
        if self.tileset != mark.tileset {
            return None;
        }
        if mark.tile == Some(self.id) {
            return Some((mark.table, mark.feature));
        }
        let wanted = mark.stable_id.as_ref()?;
        let is_wanted = |id: &[u8]| id == wanted.as_bytes();
        let found = |(i, table)| Some((Some(i as u32), *self.table_rows(table, &is_wanted).first()?));
        self.content.tables.iter().enumerate().find_map(found)
    }

    /// Feature ids of the selected and the hovered feature of a primitive, as the shader takes them.
    pub(super) fn marks(&self, primitive: usize) -> [f32; 2] {
        let table = self.table_of(primitive);
        self.marked.map(|(_, row)| match row {
            Some((in_table, row)) if in_table == table => row as f32,
            _ => -2.0,
        })
    }

    /// The property table of the features that are seen of a primitive.
    pub(super) fn table_of(&self, primitive: usize) -> Option<u32> {
        seen_features(&self.content.primitives[primitive]).0
    }

    /// Whether an id is one of a feature of a primitive at all.
    pub(super) fn is_feature(&self, primitive: usize, id: u32) -> bool {
        seen_features(&self.content.primitives[primitive]).1 != Some(id)
    }

    /// The properties of a feature of a primitive.
    pub(super) fn properties_of(&self, primitive: usize, feature: u32) -> Vec<(String, Value)> {
        let table = self.table_of(primitive).and_then(|i| self.content.tables.get(i as usize));
        table.map_or_else(Vec::new, |table| table.row(&self.properties.to_vec(), feature))
    }
}

/// The distance between the points of a primitive, in the tile's units, as if they lay on the largest side of their
/// bounds, which is how a scan of surfaces lies.
fn spacing(primitive: &Primitive) -> f64 {
    let [low, high] = primitive.bounds.map(DVec3::from_array);
    let size = high - low;
    let side = (size.x * size.y).max(size.y * size.z).max(size.z * size.x);
    (side / f64::from(primitive.vertex_count.max(1))).sqrt()
}

/// A tile's error bounds how far its points are apart; of a leaf, which has none, nothing is known.
fn finest(error_m: f64) -> f64 {
    if error_m > 0.0 { error_m } else { f64::INFINITY }
}
