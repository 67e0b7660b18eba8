//! `EXT_meshopt_compression` and `KHR_meshopt_compression`: all modes and filters. The second also has version 1 of the
//! vertex codec and the colour filter.

use crate::decode::Context;
use crate::decode::bytes::{Fault, malformed, uint};
use meshoptimizer_rs::codec::{
    Mode, decode_filter_color, decode_filter_exp, decode_filter_oct, decode_filter_quat, decode_index_buffer_into,
    decode_index_sequence_into, decode_vertex_buffer_into,
};
use meshoptimizer_rs::{Limits, Workspace};
use serde_json::Value as Json;

/// The bytes of a compressed buffer view, and the stride of its elements where it has one.
pub(super) fn decode(json: &Json, source: &[u8], context: Context<'_>) -> Result<(Vec<u8>, Option<usize>), Fault> {
    let mode = json["mode"].as_str().unwrap_or_default();
    let Ok(mode) = Mode::parse(mode) else { return malformed(format!("meshopt mode \"{mode}\" is not known")) };
    let (count, stride) = (uint(&json["count"]).unwrap_or(0), uint(&json["byteStride"]).unwrap_or(0));
    let Some(len) = count.checked_mul(stride).filter(|len| *len > 0) else {
        return malformed(format!("meshopt: {count} elements of {stride} bytes"));
    };
    // The densest code is two bits for sixteen bytes: more than that from so few bytes is a lie in the header, and
    // is refused before anything is allocated for it.
    if len / 64 > source.len() {
        return malformed(format!("meshopt: {len} bytes cannot come from {}", source.len()));
    }
    context.take(len)?;
    let mut workspace = Workspace::new(Limits { max_bytes: len.saturating_add(16 << 20), ..Limits::default() });
    let bad = |e: meshoptimizer_rs::Error| Fault::Malformed(format!("meshopt: {e:?}"));
    // Into an array of our own: the decoders that allocate are specialised for three kinds of targets.
    let mut bytes = vec![0; len];
    match mode {
        Mode::Attributes => decode_vertex_buffer_into(&mut bytes, count, stride, source, &mut workspace),
        Mode::Triangles => decode_index_buffer_into(&mut bytes, count, stride, source, &mut workspace),
        Mode::Indices => decode_index_sequence_into(&mut bytes, count, stride, source, &mut workspace),
    }
    .map_err(bad)?;
    let filter = match json["filter"].as_str().unwrap_or("NONE") {
        "NONE" => return Ok((bytes, (mode == Mode::Attributes).then_some(stride))),
        _ if mode != Mode::Attributes => return malformed("meshopt: a filter on indices"),
        "OCTAHEDRAL" => decode_filter_oct,
        "QUATERNION" => decode_filter_quat,
        "EXPONENTIAL" => decode_filter_exp,
        "COLOR" => decode_filter_color,
        other => return malformed(format!("meshopt filter \"{other}\" is not known")),
    };
    filter(&mut bytes, count, stride, &mut workspace).map_err(bad)?;
    Ok((bytes, Some(stride)))
}
