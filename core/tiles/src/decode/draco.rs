//! Draco streams, by `draco-core`: its own limits stop what a header only claims, before it is allocated.
//!
//! What remains: the crate reads untrusted counts through checked arithmetic and charges every allocation against the
//! length of the stream and against the limits given here. An index beyond a slice would still be a panic, which in
//! wasm ends the worker's instance; tests damage streams in thousands of ways without one.

use super::bytes::{Fault, malformed};
use super::{Context, Decoder};
use crate::Component;
use draco_core::draco_types::DataType;
use draco_core::{DecodeLimits, DecoderBuffer, Mesh, MeshDecoder, PointAttribute};
use std::borrow::Cow;

/// A decoded mesh or point cloud.
pub(crate) struct Geometry {
    mesh: Mesh,
}

/// The values of an attribute, one per point, without gaps.
pub(crate) struct Values<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) component: Component,
    pub(crate) components: usize,
}

/// Reads a stream: a mesh or a point cloud.
pub(crate) fn decode(bytes: &[u8], context: Context<'_>) -> Result<Geometry, Fault> {
    context.need(Decoder::Draco)?;
    let points = u64::from(context.limits().vertices);
    let limits = DecodeLimits::default()
        .with_max_points(points)
        .with_max_faces(points.saturating_mul(2))
        .with_max_decoded_bytes(context.room());
    let mut mesh = Mesh::new();
    let mut buffer = DecoderBuffer::new(bytes).with_limits(limits);
    MeshDecoder::new().decode(&mut buffer, &mut mesh).map_err(|error| match error.kind() {
        draco_core::status::ErrorKind::LimitExceeded => Fault::TooLarge(format!("Draco: {error}")),
        _ => Fault::Malformed(format!("Draco: {error}")),
    })?;
    if mesh.num_points() as u64 > points {
        return Err(Fault::TooLarge(format!("Draco: {} points", mesh.num_points())));
    }
    context.take(mesh.faces().len().saturating_mul(12))?;
    Ok(Geometry { mesh })
}

impl Geometry {
    /// Points: vertices of a mesh.
    pub(crate) fn points(&self) -> usize {
        self.mesh.num_points()
    }

    /// Triangles' corners; none for a point cloud. They are as the stream has them: check them.
    pub(crate) fn indices(&self) -> impl ExactSizeIterator<Item = u32> + Clone + '_ {
        self.mesh.faces().as_flattened().iter().map(|point| point.0)
    }

    /// The attribute of a unique id.
    pub(crate) fn attribute(&self, unique_id: u32) -> Result<Values<'_>, Fault> {
        let Some(attribute) = self.mesh.attribute_by_unique_id(unique_id) else {
            return malformed(format!("Draco: there is no attribute {unique_id}"));
        };
        let components = usize::from(attribute.num_components());
        let component = match attribute.data_type() {
            DataType::Int8 => Component::I8,
            DataType::Uint8 | DataType::Bool => Component::U8,
            DataType::Int16 => Component::I16,
            DataType::Uint16 => Component::U16,
            DataType::Uint32 => Component::U32,
            DataType::Float32 => Component::F32,
            // What glTF has no type for.
            DataType::Int32 | DataType::Int64 | DataType::Uint64 | DataType::Float64 => {
                let values = attribute.read_f32s(self.points(), components);
                let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                return Ok(Values { bytes: Cow::Owned(bytes), component: Component::F32, components });
            }
            DataType::Invalid => return malformed(format!("Draco: attribute {unique_id} has no type")),
        };
        let bytes = self.values(attribute, component.size() * components)?;
        Ok(Values { bytes, component, components })
    }

    /// Values in point order: as they lie, where every point has its own.
    fn values<'a>(&'a self, attribute: &'a PointAttribute, size: usize) -> Result<Cow<'a, [u8]>, Fault> {
        let (data, stride) = (attribute.buffer().data(), usize::try_from(attribute.byte_stride()).unwrap_or(0));
        let short = || Fault::Malformed("Draco: an attribute is shorter than the points it is of".into());
        let Some(map) = attribute.explicit_mapping().filter(|_| stride >= size) else {
            let len = self.points().checked_mul(size).ok_or_else(short)?;
            return data.get(..len).filter(|_| stride == size).map(Cow::Borrowed).ok_or_else(short);
        };
        let map = map.get(..self.points()).ok_or_else(short)?;
        let mut bytes = Vec::with_capacity(map.len() * size);
        for entry in map {
            let start = (entry.0 as usize).checked_mul(stride).ok_or_else(short)?;
            let value = start.checked_add(size).and_then(|end| data.get(start..end)).ok_or_else(short)?;
            bytes.extend_from_slice(value);
        }
        Ok(Cow::Owned(bytes))
    }
}
