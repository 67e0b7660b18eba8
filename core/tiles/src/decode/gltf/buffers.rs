//! Buffers and buffer views, with meshopt compression undone.

use super::meshopt;
use crate::decode::Context;
use crate::decode::bytes::{Fault, items, malformed, slice, uint};
use crate::decode::metadata::Views;
use serde_json::Value as Json;
use std::borrow::Cow;

/// Every buffer view of a glTF, decoded once.
pub(super) struct BufferViews<'a> {
    views: Vec<Result<View<'a>, Fault>>,
}

/// The bytes of a buffer view.
pub(super) struct View<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) stride: Option<usize>,
}

impl<'a> BufferViews<'a> {
    /// Reads all views; a bad one fails only when it is used.
    pub(super) fn read(json: &Json, bin: Option<&'a [u8]>, context: Context<'a>) -> Self {
        let buffers: Vec<_> =
            items(&json["buffers"]).iter().enumerate().map(|(i, b)| buffer(b, i, bin, context)).collect();
        let views = items(&json["bufferViews"]).iter().map(|v| view(v, &buffers, context)).collect();
        Self { views }
    }

    pub(super) fn get(&self, index: usize) -> Result<&View<'a>, Fault> {
        match self.views.get(index) {
            Some(Ok(view)) => Ok(view),
            Some(Err(fault)) => Err(fault.clone()),
            None => malformed(format!("bufferView {index} of {}", self.views.len())),
        }
    }
}

impl BufferViews<'_> {
    /// How much room vertices will take about: bytes of the views whose elements have a stride. Views may overlap, so
    /// those in the file count no more than the file's own `bin_bytes`; the others were paid for when they were decoded.
    pub(super) fn vertex_bytes(&self, bin_bytes: usize) -> usize {
        let (mut there, mut decoded) = (0usize, 0usize);
        for view in self.views.iter().flatten().filter(|view| view.stride.is_some()) {
            let sum = if matches!(view.bytes, Cow::Borrowed(_)) { &mut there } else { &mut decoded };
            *sum = sum.saturating_add(view.bytes.len());
        }
        there.min(bin_bytes).saturating_add(decoded)
    }
}

impl Views for BufferViews<'_> {
    fn view(&self, index: usize) -> Result<&[u8], Fault> {
        self.get(index).map(|view| &*view.bytes)
    }
}

fn buffer<'a>(json: &Json, index: usize, bin: Option<&'a [u8]>, context: Context<'a>) -> Result<Cow<'a, [u8]>, Fault> {
    match (json["uri"].as_str(), bin) {
        (None, Some(bin)) if index == 0 => Ok(Cow::Borrowed(bin)),
        // The fallback buffer of EXT_meshopt_compression has no bytes: nothing may be read from it.
        (None, _) => Ok(Cow::Borrowed(&[][..])),
        (Some(uri), _) => context.file(uri),
    }
}

type Buffers<'a> = [Result<Cow<'a, [u8]>, Fault>];

/// A slice of a buffer, which stays borrowed from the file when the buffer is.
fn part<'a>(buffers: &Buffers<'a>, json: &Json) -> Result<Cow<'a, [u8]>, Fault> {
    let index = uint(&json["buffer"]).unwrap_or(usize::MAX);
    let buffer = match buffers.get(index) {
        Some(Ok(buffer)) => buffer,
        Some(Err(fault)) => return Err(fault.clone()),
        None => return malformed(format!("there is no buffer {}", json["buffer"])),
    };
    let offset = uint(&json["byteOffset"]).unwrap_or(0);
    let len = uint(&json["byteLength"]).unwrap_or(0);
    match buffer {
        Cow::Borrowed(bytes) => slice(bytes, offset, len, "bufferView").map(Cow::Borrowed),
        Cow::Owned(bytes) => slice(bytes, offset, len, "bufferView").map(|part| Cow::Owned(part.to_vec())),
    }
}

fn view<'a>(json: &Json, buffers: &Buffers<'a>, context: Context<'_>) -> Result<View<'a>, Fault> {
    for name in ["KHR_meshopt_compression", "EXT_meshopt_compression"] {
        let compressed = &json["extensions"][name];
        if compressed.is_object() {
            let (bytes, stride) = meshopt::decode(compressed, &part(buffers, compressed)?, context)?;
            return Ok(View { bytes: Cow::Owned(bytes), stride });
        }
    }
    let bytes = part(buffers, json)?;
    if let Cow::Owned(copy) = &bytes {
        context.take(copy.len())?;
    }
    Ok(View { bytes, stride: uint(&json["byteStride"]) })
}
