//! `3DTILES_draco_point_compression`: properties of points in a Draco stream.

use super::feature_table::Values;
use crate::decode::bytes::{Fault, malformed};
use crate::decode::{Context, draco};
use crate::{Component, Number};
use litemap::LiteMap;
use std::borrow::Cow;

/// The attributes of a Draco point cloud that have these ids, by name, in the order of its points. The stream must
/// hold `count` points.
pub(super) fn unpack(
    stream: &[u8],
    ids: &[(String, u32)],
    count: usize,
    context: Context<'_>,
) -> Result<LiteMap<String, Values<'static>>, Fault> {
    let cloud = draco::decode(stream, context)?;
    if cloud.points() != count {
        return malformed(format!("Draco: {} points instead of {count}", cloud.points()));
    }
    let mut out = LiteMap::new();
    for (name, id) in ids {
        let found = cloud.attribute(*id)?;
        let number = match found.component {
            Component::I8 => Number::I8,
            Component::U8 => Number::U8,
            Component::I16 => Number::I16,
            Component::U16 => Number::U16,
            Component::U32 => Number::U32,
            Component::F32 => Number::F32,
        };
        let bytes = Cow::Owned(found.bytes.into_owned());
        out.insert(name.clone(), Values { bytes, number, components: found.components });
    }
    Ok(out)
}
