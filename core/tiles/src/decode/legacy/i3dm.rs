//! Instanced models: one glTF in many places (OGC 18-053r2, section 10.3).

use super::feature_table::{FeatureTable, Values};
use super::orientation::Orientation;
use super::{Parts, add_batch_table, check_header, claimed, cut_after, model};
use crate::decode::Context;
use crate::decode::bytes::{Fault, malformed, u32_at};
use crate::{Attribute, Component, FeatureIds, FeatureSet, Instances, Number, Primitive, Problem, TileContent};
use glam::{DMat3, DMat4, DVec3};

/// Bytes of one instance's transform.
const TRANSFORM_BYTES: usize = 48;

/// Reads an instanced model.
pub(crate) fn i3dm(bytes: &[u8], place: &str, context: Context<'_>) -> Result<TileContent, Problem> {
    let fault = |fault: Fault| fault.problem(place);
    check_header(bytes, "i3dm", 32).map_err(fault)?;
    let bytes = claimed(bytes);
    let parts = cut_after(bytes, 32).map_err(fault)?;
    let placed = Placed::read(&parts.features, context).map_err(fault)?;
    let mut content = instanced_model(u32_at(bytes, 28), &parts, place, context)?;
    if placed.left_out > 0 {
        let message =
            format!("{} of {} instances are nowhere (their numbers are not finite)", placed.left_out, placed.count);
        content.problems.push(Problem::new("content-malformed", message, place));
    }
    let table = add_batch_table(&mut content, &parts.batches, placed.rows, place, context);
    placed.apply(&mut content, table, context).map_err(fault)?;
    Ok(content)
}

/// The model, from inside of the file (format 1) or from a file of its own (format 0).
fn instanced_model(format: u32, parts: &Parts<'_>, place: &str, context: Context<'_>) -> Result<TileContent, Problem> {
    let fault = |fault: Fault| fault.problem(place);
    match format {
        1 => model(parts.rest, place, context),
        0 if parts.rest.starts_with(b"glTF") => model(parts.rest, place, context),
        0 => {
            let uri = String::from_utf8_lossy(parts.rest);
            let uri = uri.trim_matches(|c: char| c == '\0' || c.is_whitespace());
            if uri.is_empty() {
                return Err(fault(Fault::Malformed("the URL of its model is empty".into())));
            }
            let url = context.resolve(uri);
            let bytes = context.file(uri).map_err(fault)?;
            model(&bytes, &url, context.at(&url))
        }
        other => Err(fault(Fault::Malformed(format!("gltfFormat {other} is not known")))),
    }
}

/// Where all instances are.
struct Placed {
    /// Instances that the file claims.
    count: usize,
    /// Instances that cannot be placed.
    left_out: usize,
    /// Around this point of the tile's frame they are placed, metres.
    center: DVec3,
    /// center_from_model of each.
    transforms: Vec<DMat4>,
    /// Feature id of each.
    ids: Vec<u32>,
    /// Rows of the batch table.
    rows: usize,
}

impl Placed {
    fn read(features: &FeatureTable<'_>, context: Context<'_>) -> Result<Self, Fault> {
        let Some(count) = features.count("INSTANCES_LENGTH") else { return malformed("INSTANCES_LENGTH is missing") };
        let positions = Positions::read(features, count)?;
        let orientation = Orientation::read(features, count)?;
        let scale = features.values("SCALE", Number::F32, 1, count)?;
        let scales = features.values("SCALE_NON_UNIFORM", Number::F32, 3, count)?;
        let batch_ids = features.values("BATCH_ID", Number::U16, 1, count)?;
        context.take(count.saturating_mul(size_of::<DMat4>()))?;
        let mut transforms = Vec::with_capacity(count);
        let mut ids = Vec::with_capacity(count);
        let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
        for i in 0..count {
            let position = positions.get(i);
            let size = scales.as_ref().map_or(DVec3::ONE, |s| s.vec3(i)) * scale.as_ref().map_or(1.0, |s| s.get(i, 0));
            let turned = orientation.rotation(i, position) * DMat3::from_diagonal(size);
            if !position.is_finite() || !turned.is_finite() {
                continue;
            }
            (low, high) = (low.min(position), high.max(position));
            let mut transform = DMat4::from_mat3(turned);
            transform.w_axis = position.extend(1.0);
            transforms.push(transform);
            ids.push(batch_ids.as_ref().map_or(i as u32, |ids| ids.id(i)));
        }
        let center = if transforms.is_empty() { DVec3::ZERO } else { (low + high) / 2.0 };
        transforms.iter_mut().for_each(|t| t.w_axis -= center.extend(0.0));
        let rows = match batch_ids {
            None => count,
            // Without a length, as many as the ids speak of.
            Some(_) => features.count("BATCH_LENGTH").unwrap_or(ids.iter().max().map_or(0, |id| *id as usize + 1)),
        };
        Ok(Self { count, left_out: count - transforms.len(), center, transforms, ids, rows })
    }

    /// Puts the instances into every primitive of the model.
    fn apply(&self, content: &mut TileContent, table: Option<u32>, context: Context<'_>) -> Result<(), Fault> {
        if self.transforms.is_empty() {
            content.primitives.clear();
            return Ok(());
        }
        // Primitives of one node share their arrays.
        let mut shared: Vec<([f64; 16], Option<Instances>, Instances)> = Vec::new();
        let mut primitives = std::mem::take(&mut content.primitives);
        for primitive in &mut primitives {
            let key = (primitive.tile_from_local, primitive.instances);
            let known = shared.iter().find(|(local, inner, _)| (*local, *inner) == key).map(|(_, _, all)| *all);
            let instances = match known {
                Some(instances) => instances,
                None => {
                    let instances = self.instances_of(primitive, &mut content.vertices, context)?;
                    shared.push((key.0, key.1, instances));
                    instances
                }
            };
            primitive.bounds = self.bounds(primitive.bounds);
            primitive.tile_from_local = DMat4::from_translation(self.center).to_cols_array();
            primitive.instances = Some(instances);
            // An instance is a feature; what the model's own vertices belong to is told by its sets alone.
            primitive.feature_ids = None;
            primitive.null_feature_id = None;
            primitive.table = table;
            primitive.feature_sets.insert(0, self.feature_set(instances, table));
        }
        content.primitives = primitives;
        Ok(())
    }

    fn feature_set(&self, instances: Instances, table: Option<u32>) -> FeatureSet {
        FeatureSet {
            ids: instances.feature_ids.map_or(FeatureIds::Implicit, FeatureIds::Attribute),
            of_instances: true,
            label: None,
            feature_count: u32::try_from(self.rows).unwrap_or(u32::MAX),
            null_id: None,
            table,
        }
    }

    /// Appends transforms and ids for a primitive, whose own placement (and own instances) go into them.
    fn instances_of(
        &self,
        primitive: &Primitive,
        vertices: &mut Vec<u8>,
        context: Context<'_>,
    ) -> Result<Instances, Fault> {
        let model_from_local = DMat4::from_cols_array(&primitive.tile_from_local);
        let inner = match primitive.instances {
            Some(instances) => read_transforms(vertices, instances),
            None => vec![DMat4::IDENTITY],
        };
        let total = self.transforms.len().saturating_mul(inner.len());
        if u32::try_from(total).is_err() {
            return Err(Fault::TooLarge(format!("{total} instances")));
        }
        context.take(total.saturating_mul(TRANSFORM_BYTES + 4))?;
        let transforms_at = align(vertices);
        for outer in &self.transforms {
            for inner in &inner {
                push_transform(vertices, &(*outer * model_from_local * *inner));
            }
        }
        let ids_at = vertices.len();
        for id in &self.ids {
            inner.iter().for_each(|_| vertices.extend_from_slice(&id.to_le_bytes()));
        }
        let attribute = |offset: usize, stride: usize, component, components| {
            let offset = u32::try_from(offset).map_err(|_| Fault::TooLarge("the arrays are over 4 GiB".into()))?;
            Ok(Attribute { offset, stride: stride as u32, component, components, normalized: false })
        };
        Ok(Instances {
            count: total as u32,
            transforms: attribute(transforms_at, TRANSFORM_BYTES, Component::F32, 4)?,
            feature_ids: Some(attribute(ids_at, 4, Component::U32, 1)?),
        })
    }

    /// Bounds of all instances of what has these bounds.
    fn bounds(&self, model: [[f64; 3]; 2]) -> [[f64; 3]; 2] {
        let mut bounds = [DVec3::INFINITY, DVec3::NEG_INFINITY];
        for transform in &self.transforms {
            for corner in 0..8 {
                let pick = |axis: usize| model[corner >> axis & 1][axis];
                let p = transform.transform_point3(DVec3::new(pick(0), pick(1), pick(2))) + self.center;
                bounds = [bounds[0].min(p), bounds[1].max(p)];
            }
        }
        bounds.map(|p| p.to_array())
    }
}

/// Positions, as floats or quantised.
struct Positions<'a> {
    values: Values<'a>,
    scale: DVec3,
    offset: DVec3,
}

impl<'a> Positions<'a> {
    fn read(features: &FeatureTable<'a>, count: usize) -> Result<Self, Fault> {
        let global = |name: &str| features.global::<3>(name, Number::F32);
        let center = global("RTC_CENTER")?.map_or(DVec3::ZERO, DVec3::from_array);
        if let Some(values) = features.values("POSITION", Number::F32, 3, count)? {
            return Ok(Self { values, scale: DVec3::ONE, offset: center });
        }
        let Some(values) = features.values("POSITION_QUANTIZED", Number::U16, 3, count)? else {
            return malformed("neither POSITION nor POSITION_QUANTIZED is there");
        };
        let (Some(scale), Some(offset)) = (global("QUANTIZED_VOLUME_SCALE")?, global("QUANTIZED_VOLUME_OFFSET")?)
        else {
            return malformed("POSITION_QUANTIZED without its volume");
        };
        let scale = DVec3::from_array(scale) / 65535.0;
        Ok(Self { values, scale, offset: center + DVec3::from_array(offset) })
    }

    /// Of instance `i`, in the tile's frame.
    fn get(&self, i: usize) -> DVec3 {
        self.values.vec3(i) * self.scale + self.offset
    }
}

/// Pads to four bytes; where the next value begins.
fn align(vertices: &mut Vec<u8>) -> usize {
    vertices.resize(vertices.len().next_multiple_of(4), 0);
    vertices.len()
}

fn push_transform(vertices: &mut Vec<u8>, transform: &DMat4) {
    for row in 0..3 {
        for value in transform.row(row).as_vec4().to_array() {
            vertices.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// The transforms that a primitive already has.
fn read_transforms(vertices: &[u8], instances: Instances) -> Vec<DMat4> {
    let one = |i: usize| {
        let at = instances.transforms.offset as usize + i * instances.transforms.stride as usize;
        let value = |n: usize| vertices.get(at + n * 4..).map_or(0.0, |bytes| Component::F32.read(bytes));
        let rows: [f64; 12] = std::array::from_fn(value);
        DMat4::from_cols_array(&[
            rows[0], rows[4], rows[8], 0.0, rows[1], rows[5], rows[9], 0.0, rows[2], rows[6], rows[10], 0.0, rows[3],
            rows[7], rows[11], 1.0,
        ])
    };
    (0..instances.count as usize).map(one).collect()
}
