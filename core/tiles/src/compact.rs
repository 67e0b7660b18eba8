//! Smaller arrays that look the same: what a screen cannot show need not lie on the GPU.
//!
//! Positions become 16-bit steps of a grid that all primitives of a content share, so that what touched or lay in one
//! plane still does; normals become bytes, as `KHR_mesh_quantization` has them; indices take 16 bits where that is
//! enough.

use crate::memo::Memo;
use crate::{Attribute, Component, IndexRange, Instances, Primitive, TileContent};
use glam::{DMat4, DVec3};

/// Nothing moves by more than half of this, metres, however near the eye may come.
const STEP_M: f64 = 1.0 / 128.0;
/// Nor by more than half of this share of the tile's geometric error.
const STEP_OF_ERROR: f64 = 1.0 / 128.0;
/// Steps of a 16-bit number.
const STEPS: f64 = 65_534.0;

impl TileContent {
    /// Makes vertex and index arrays smaller where no pixel shows it. `error_m`: the tile's geometric error, metres; 0
    /// when it is unknown. What is not worth it, or would lose too much, stays as it is. Arrays that are not whole
    /// (an offset beyond the end) stay too.
    pub fn compact(&mut self, error_m: f64) {
        let mut packer =
            Packer { vertices: &self.vertices, out: Vec::new(), moved: Memo::default(), placed: Memo::default() };
        let grid = Grid::of(&self.primitives, &self.vertices, error_m);
        let mut primitives = self.primitives.clone();
        let packed = primitives.iter_mut().try_for_each(|primitive| packer.pack(primitive, grid.as_ref()));
        let vertices = packer.out;
        // Arrays that overlap in the file can become larger.
        if packed.is_some() && vertices.len() < self.vertices.len() {
            (self.vertices, self.primitives) = (vertices, primitives);
        }
        let mut indices = Vec::new();
        let mut ranges: Vec<[Option<IndexRange>; 2]> = Vec::with_capacity(self.primitives.len());
        for primitive in &self.primitives {
            let narrow = |range: IndexRange| narrow(range, primitive.vertex_count, &self.indices, &mut indices);
            let Some(both) = both([primitive.indices, primitive.outline], narrow) else { return };
            ranges.push(both);
        }
        if indices.len() >= self.indices.len() {
            return;
        }
        for (primitive, [drawn, outline]) in self.primitives.iter_mut().zip(ranges) {
            (primitive.indices, primitive.outline) = (drawn, outline);
        }
        self.indices = indices;
    }
}

/// Both ranges through a function that may fail.
fn both(
    ranges: [Option<IndexRange>; 2],
    mut of: impl FnMut(IndexRange) -> Option<IndexRange>,
) -> Option<[Option<IndexRange>; 2]> {
    let mut out = [None; 2];
    for (range, out) in ranges.into_iter().zip(&mut out) {
        *out = match range {
            Some(range) => Some(of(range)?),
            None => None,
        };
    }
    Some(out)
}

/// Copies indices, in 16 bits where all vertices can be told apart by them.
fn narrow(range: IndexRange, vertex_count: u32, from: &[u8], out: &mut Vec<u8>) -> Option<IndexRange> {
    let size = if range.wide { 4 } else { 2 };
    let bytes = part(from, range.offset as usize, range.count as usize * size)?;
    let offset = u32::try_from(out.len()).ok()?;
    // The largest 16-bit index restarts strips in WebGL.
    let narrows = range.wide && vertex_count <= 0xffff;
    if narrows {
        out.extend(bytes.chunks_exact(4).flat_map(|index| [index[0], index[1]]));
    } else {
        out.extend_from_slice(bytes);
    }
    pad(out);
    Some(IndexRange { offset, wide: range.wide && !narrows, ..range })
}

fn part(bytes: &[u8], offset: usize, length: usize) -> Option<&[u8]> {
    bytes.get(offset..offset.checked_add(length)?)
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

/// The lattice that positions come to lie on, in local units.
struct Grid {
    step: f64,
}

impl Grid {
    /// `None` when some primitive is too large for 16 bits of the finest step that is allowed, or is not in metres of
    /// one size in every direction.
    fn of(primitives: &[Primitive], vertices: &[u8], error_m: f64) -> Option<Self> {
        let allowed_m = STEP_M.max(if error_m.is_finite() { error_m * STEP_OF_ERROR } else { 0.0 });
        let (mut finest, mut coarsest) = (0.0_f64, f64::INFINITY);
        for primitive in primitives.iter().filter(|primitive| fits(primitive)) {
            let axes = DMat4::from_cols_array(&primitive.tile_from_local);
            let sizes = [axes.x_axis, axes.y_axis, axes.z_axis].map(|axis| axis.truncate().length());
            let scale = sizes.into_iter().fold(0.0, f64::max);
            if scale <= 0.0 || !scale.is_finite() || sizes.iter().any(|size| (size / scale - 1.0).abs() > 1e-3) {
                return None;
            }
            let [low, high] = extent(primitive, vertices)?;
            finest = finest.max((high - low).max_element() / (STEPS - 2.0));
            coarsest = coarsest.min(allowed_m / scale);
        }
        // A power of two: what lies on a coarser grid of this kind, such as that of the tile next to it, fits exactly.
        let step = coarsest.log2().floor().exp2();
        (step.is_finite() && step > 0.0 && finest <= step).then_some(Self { step })
    }
}

/// Whether positions may be put on a grid: their transform must be the primitive's own.
fn fits(primitive: &Primitive) -> bool {
    let Attribute { component, components, .. } = primitive.positions;
    component == Component::F32 && components == 3 && primitive.instances.is_none() && primitive.vertex_count > 0
}

fn extent(primitive: &Primitive, vertices: &[u8]) -> Option<[DVec3; 2]> {
    let mut corners = [DVec3::INFINITY, DVec3::NEG_INFINITY];
    for i in 0..primitive.vertex_count {
        let at = point(&primitive.positions, vertices, i)?;
        corners = [corners[0].min(at), corners[1].max(at)];
    }
    Some(corners)
}

/// A position of three floats; `None` beyond the array or when it is not finite.
fn point(attribute: &Attribute, vertices: &[u8], i: u32) -> Option<DVec3> {
    let bytes = part(vertices, place(attribute, i), 12)?;
    let float = |at: usize| Some(f64::from(f32::from_le_bytes(bytes[at..at + 4].try_into().ok()?)));
    let at = DVec3::new(float(0)?, float(4)?, float(8)?);
    at.is_finite().then_some(at)
}

fn place(attribute: &Attribute, i: u32) -> usize {
    attribute.offset as usize + i as usize * attribute.stride as usize
}

/// What an attribute was, by which primitives that share one find it again.
fn key(attribute: &Attribute, count: u32) -> [u64; 2] {
    let form = (attribute.component as u64) << 8 | u64::from(attribute.components);
    [u64::from(attribute.offset) << 32 | u64::from(attribute.stride), form << 32 | u64::from(count)]
}

/// Writes the new vertex array.
struct Packer<'a> {
    vertices: &'a [u8],
    out: Vec<u8>,
    moved: Memo<Attribute>,
    /// Positions that lie on the grid, with its origin.
    placed: Memo<(Attribute, DVec3)>,
}

impl Packer<'_> {
    fn pack(&mut self, primitive: &mut Primitive, grid: Option<&Grid>) -> Option<()> {
        let count = primitive.vertex_count;
        if let Some(Instances { count, transforms, feature_ids }) = &mut primitive.instances {
            // Three rows of it.
            let mut rows = Attribute { components: 3 * transforms.components, ..*transforms };
            self.copy(&mut rows, *count)?;
            *transforms = Attribute { components: transforms.components, ..rows };
            feature_ids.iter_mut().try_for_each(|ids| self.copy(ids, *count))?;
        }
        match grid.filter(|_| fits(primitive)) {
            Some(grid) => self.place(primitive, grid)?,
            None => self.copy(&mut primitive.positions, count)?,
        }
        if let Some(normals) = &mut primitive.normals {
            self.normals(normals, count)?;
        }
        let others = primitive.colors.iter_mut().chain(&mut primitive.feature_ids);
        let others = others.chain(primitive.texcoords.iter_mut().map(|(_, attribute)| attribute));
        others.chain(primitive.metadata_attributes.iter_mut().map(|(_, a)| a)).try_for_each(|a| self.copy(a, count))?;
        for set in &mut primitive.feature_sets {
            let count = match (set.of_instances, primitive.instances) {
                (true, instances) => instances?.count,
                (false, _) => count,
            };
            if let crate::FeatureIds::Attribute(ids) = &mut set.ids {
                self.copy(ids, count)?;
            }
        }
        Some(())
    }

    /// Positions on the grid.
    fn place(&mut self, primitive: &mut Primitive, grid: &Grid) -> Option<()> {
        let known = key(&primitive.positions, primitive.vertex_count);
        let (positions, origin) = match self.placed.get(known) {
            Some(placed) => *placed,
            None => {
                let placed = self.onto(grid, primitive)?;
                self.placed.insert(known, placed);
                placed
            }
        };
        primitive.positions = positions;
        let from_grid = DMat4::from_translation(origin * grid.step) * DMat4::from_scale(DVec3::splat(grid.step));
        let tile_from_local = DMat4::from_cols_array(&primitive.tile_from_local) * from_grid;
        primitive.tile_from_local = tile_from_local.to_cols_array();
        Some(())
    }

    fn onto(&mut self, grid: &Grid, primitive: &Primitive) -> Option<(Attribute, DVec3)> {
        let [low, high] = extent(primitive, self.vertices)?;
        // Whole steps, so that equal coordinates of different primitives stay equal.
        let origin = ((low + high) / 2.0 / grid.step).round();
        let offset = u32::try_from(self.out.len()).ok()?;
        for i in 0..primitive.vertex_count {
            let steps = (point(&primitive.positions, self.vertices, i)? / grid.step).round() - origin;
            steps.to_array().iter().for_each(|step| self.out.extend_from_slice(&(*step as i16).to_le_bytes()));
            pad(&mut self.out);
        }
        Some((Attribute { offset, stride: 8, component: Component::I16, ..primitive.positions }, origin))
    }

    /// Floats as signed bytes.
    fn normals(&mut self, attribute: &mut Attribute, count: u32) -> Option<()> {
        if attribute.component != Component::F32 || attribute.components != 3 {
            return self.copy(attribute, count);
        }
        if self.again(attribute, count) {
            return Some(());
        }
        let known = key(attribute, count);
        let offset = u32::try_from(self.out.len()).ok()?;
        for i in 0..count {
            let bytes = part(self.vertices, place(attribute, i), 12)?;
            for float in bytes.chunks_exact(4) {
                // Not a number becomes 0, as casts have it.
                let value = f32::from_le_bytes(float.try_into().ok()?);
                self.out.push((value.clamp(-1.0, 1.0) * 127.0).round() as i8 as u8);
            }
            self.out.push(0);
        }
        *attribute = Attribute { offset, stride: 4, component: Component::I8, components: 3, normalized: true };
        self.moved.insert(known, *attribute);
        Some(())
    }

    /// Whether another primitive, or another use, had this attribute; then it refers to the same copy.
    fn again(&self, attribute: &mut Attribute, count: u32) -> bool {
        let moved = self.moved.get(key(attribute, count));
        moved.inspect(|moved| *attribute = **moved).is_some()
    }

    /// As it is, but without gaps between values.
    fn copy(&mut self, attribute: &mut Attribute, count: u32) -> Option<()> {
        if self.again(attribute, count) {
            return Some(());
        }
        let known = key(attribute, count);
        let size = attribute.component.size() * usize::from(attribute.components);
        let stride = size.next_multiple_of(4);
        let offset = u32::try_from(self.out.len()).ok()?;
        for i in 0..count {
            let start = place(attribute, i);
            self.out.extend_from_slice(part(self.vertices, start, size)?);
            pad(&mut self.out);
        }
        *attribute = Attribute { offset, stride: stride as u32, ..*attribute };
        self.moved.insert(known, *attribute);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FeatureIds, FeatureSet};

    /// A content of two primitives: boxes' corners at heights in steps of 0.1 m, around `origin`.
    fn content(origin: DVec3, size_m: f64) -> TileContent {
        let mut content = TileContent::default();
        for shift in [0.0, 0.37] {
            let offset = content.vertices.len() as u32;
            let count = 50_u32;
            for i in 0..count {
                let t = f64::from(i) / f64::from(count - 1);
                let at =
                    origin + DVec3::new(t * size_m + shift, (1.0 - t) * size_m, if i % 2 == 0 { 3.3 } else { 0.1 });
                let normal = DVec3::new(t, 1.0 - t, 0.5).normalize();
                for value in at.to_array().into_iter().chain(normal.to_array()).chain([f64::from(i)]) {
                    content.vertices.extend_from_slice(&(value as f32).to_le_bytes());
                }
            }
            let at =
                |by: u32, components| Attribute { offset: offset + by, stride: 28, components, ..Attribute::default() };
            let start = content.indices.len() as u32;
            (0..count).for_each(|i| content.indices.extend_from_slice(&i.to_le_bytes()));
            content.primitives.push(Primitive {
                vertex_count: count,
                positions: at(0, 3),
                normals: Some(at(12, 3)),
                feature_ids: Some(at(24, 1)),
                feature_sets: vec![FeatureSet {
                    ids: FeatureIds::Attribute(at(24, 1)),
                    of_instances: false,
                    label: None,
                    feature_count: count,
                    null_id: None,
                    table: None,
                }],
                indices: Some(IndexRange { offset: start, count, wide: true }),
                ..Primitive::default()
            });
        }
        content
    }

    /// Vertices as the shader sees them: positions in the tile, normals, ids.
    fn seen(content: &TileContent) -> Vec<(DVec3, DVec3, f64)> {
        let value = |attribute: &Attribute, i: u32| -> Vec<f64> {
            let bytes = &content.vertices[place(attribute, i)..];
            let scale = if attribute.normalized { 127.0 } else { 1.0 };
            let size = attribute.component.size();
            (0..attribute.components.into())
                .map(|c: usize| attribute.component.read(&bytes[c * size..]) / scale)
                .collect()
        };
        let vertex = |primitive: &Primitive, i| {
            let local = DVec3::from_slice(&value(&primitive.positions, i));
            let normal = DVec3::from_slice(&value(&primitive.normals.expect("normals"), i));
            let tile = DMat4::from_cols_array(&primitive.tile_from_local).transform_point3(local);
            (tile, normal, value(&primitive.feature_ids.expect("ids"), i)[0])
        };
        content.primitives.iter().flat_map(|p| (0..p.vertex_count).map(move |i| vertex(p, i))).collect()
    }

    fn largest_shift(before: &TileContent, after: &TileContent) -> f64 {
        let shifts = seen(before).into_iter().zip(seen(after));
        shifts.map(|(a, b)| a.0.distance(b.0)).fold(0.0, f64::max)
    }

    #[test]
    fn a_smaller_content_looks_the_same() {
        let before = content(DVec3::new(-120.0, 40.0, 7.0), 300.0);
        let mut after = before.clone();
        after.compact(0.0);
        assert_eq!(after.vertices.len(), 2 * 50 * 16, "{} before", before.vertices.len());
        assert_eq!(after.indices.len(), 2 * 50 * 2);
        assert!(largest_shift(&before, &after) <= STEP_M * 3_f64.sqrt() / 2.0, "{}", largest_shift(&before, &after));
        for (a, b) in seen(&before).into_iter().zip(seen(&after)) {
            assert!(a.1.distance(b.1) < 0.01 && a.2 == b.2, "{a:?} {b:?}");
        }
        assert_eq!(after.info().features, before.info().features);
        let set = |p: &Primitive| p.feature_sets[0].ids == FeatureIds::Attribute(p.feature_ids.expect("ids"));
        assert!(after.primitives.iter().all(set), "a set refers to the ids that were moved");
    }

    #[test]
    fn equal_heights_of_different_primitives_stay_equal() {
        let mut after = content(DVec3::new(17.3, -9.1, 2.2), 411.0);
        after.compact(0.0);
        let vertices = seen(&after);
        let heights = |i: usize| (vertices[i].0.z, vertices[50 + i].0.z);
        assert!((0..50).all(|i| heights(i).0 == heights(i).1), "{:?}", heights(0));
    }

    #[test]
    fn what_is_too_large_for_the_eye_that_may_come_near_keeps_its_positions() {
        let before = content(DVec3::ZERO, 3_000.0);
        let mut near = before.clone();
        near.compact(0.0);
        assert_eq!(near.primitives[0].positions.component, Component::F32);
        assert_eq!(largest_shift(&before, &near), 0.0);
        let mut far = before.clone();
        far.compact(16.0);
        assert_eq!(far.primitives[0].positions.component, Component::I16);
        assert!(largest_shift(&before, &far) <= 16.0 * STEP_OF_ERROR);
    }

    #[test]
    fn positions_stay_where_their_frame_is_not_in_metres_or_not_theirs_alone() {
        let mut skewed = content(DVec3::ZERO, 100.0);
        skewed.primitives[0].tile_from_local[0] = 2.0;
        let mut instanced = content(DVec3::ZERO, 100.0);
        instanced.primitives.truncate(1);
        let transforms = Attribute { offset: 0, stride: 48, components: 4, ..Attribute::default() };
        instanced.primitives[0].instances = Some(Instances { count: 2, transforms, feature_ids: None });
        let rows = instanced.vertices[..96].to_vec();
        for mut content in [skewed, instanced] {
            content.compact(0.0);
            let transforms = content.primitives[0].instances.map(|instances| instances.transforms);
            assert!(
                transforms.is_none_or(|t| t.components == 4 && content.vertices[t.offset as usize..][..96] == rows)
            );
            assert_eq!(content.primitives[0].positions.component, Component::F32);
            assert_eq!(content.primitives[0].normals.map(|n| n.component), Some(Component::I8));
        }
    }

    #[test]
    fn broken_arrays_stay_as_they_are() {
        for truncated in [0, 3, 300] {
            let mut content = content(DVec3::ZERO, 100.0);
            content.vertices.truncate(truncated);
            content.indices.truncate(truncated);
            let before = content.clone();
            content.compact(f64::NAN);
            assert!(content == before, "cut to {truncated} bytes");
        }
        let mut content = content(DVec3::splat(f64::NAN), 100.0);
        content.compact(f64::INFINITY);
        assert_eq!(content.primitives[0].positions.component, Component::F32);
        TileContent::default().compact(1.0);
    }
}
