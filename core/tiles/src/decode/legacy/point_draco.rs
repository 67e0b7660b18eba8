//! `3DTILES_draco_point_compression`: properties of points in a Draco stream.

use super::feature_table::Values;
use crate::decode::bytes::Fault;
use crate::decode::{Context, Decoder};
use std::collections::BTreeMap;

/// The attributes of a Draco point cloud that have these ids, by name, in the order of its points. The stream must
/// hold `count` points.
#[cfg(not(feature = "draco"))]
pub(super) fn unpack(
    _stream: &[u8],
    _ids: &[(String, u32)],
    _count: usize,
    context: Context<'_>,
) -> Result<BTreeMap<String, Values<'static>>, Fault> {
    context.need(Decoder::Draco)?;
    Err(Fault::NoDecoder(Decoder::Draco))
}

/// The attributes of a Draco point cloud that have these ids, by name, in the order of its points. The stream must
/// hold `count` points.
#[cfg(feature = "draco")]
pub(super) fn unpack(
    stream: &[u8],
    ids: &[(String, u32)],
    count: usize,
    context: Context<'_>,
) -> Result<BTreeMap<String, Values<'static>>, Fault> {
    use crate::decode::bytes::malformed;
    use draco_core::{DecodeLimits, DecoderBuffer, PointCloud, PointCloudDecoder};

    context.need(Decoder::Draco)?;
    let limits =
        DecodeLimits::default().with_max_points(count as u64).with_max_decoded_bytes(context.limits().decoded_bytes);
    let mut cloud = PointCloud::new();
    PointCloudDecoder::new()
        .decode(&mut DecoderBuffer::new(stream).with_limits(limits), &mut cloud)
        .map_err(|error| Fault::Malformed(format!("Draco: {error}")))?;
    if cloud.num_points() != count {
        return malformed(format!("Draco: {} points instead of {count}", cloud.num_points()));
    }
    let mut out = BTreeMap::new();
    for (name, id) in ids {
        let Some(attribute) = cloud.attribute_by_unique_id(*id) else {
            return malformed(format!("Draco: there is no attribute {id} for {name}"));
        };
        out.insert(name.clone(), values(attribute, count, context)?);
    }
    Ok(out)
}

/// An attribute's values, point by point.
#[cfg(feature = "draco")]
fn values(
    attribute: &draco_core::PointAttribute,
    count: usize,
    context: Context<'_>,
) -> Result<Values<'static>, Fault> {
    use crate::Number;
    use draco_core::{DataType, PointIndex};

    let number = match attribute.data_type() {
        DataType::Int8 => Number::I8,
        DataType::Uint8 | DataType::Bool => Number::U8,
        DataType::Int16 => Number::I16,
        DataType::Uint16 => Number::U16,
        DataType::Int32 => Number::I32,
        DataType::Uint32 => Number::U32,
        DataType::Int64 => Number::I64,
        DataType::Uint64 => Number::U64,
        DataType::Float32 => Number::F32,
        DataType::Float64 => Number::F64,
        other => return Err(Fault::Unsupported(format!("Draco: values of type {other:?}"))),
    };
    let components = usize::from(attribute.num_components());
    let size = components * number.size();
    context.take(count.saturating_mul(size))?;
    let stored = attribute.buffer().data();
    let stride = usize::try_from(attribute.byte_stride()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(count * size);
    for point in 0..count {
        let start = (attribute.mapped_index(PointIndex(point as u32)).0 as usize).checked_mul(stride);
        let value = start.and_then(|start| stored.get(start..start.checked_add(size)?));
        let Some(value) = value else { return Err(Fault::Malformed(format!("Draco: point {point} has no value"))) };
        bytes.extend_from_slice(value);
    }
    Ok(Values { bytes: bytes.into(), number, components })
}
