//! Buffers and buffer views, with `EXT_meshopt_compression` undone.

use crate::decode::Context;
use crate::decode::bytes::{Fault, MAX_DECODED_BYTES, items, malformed, slice, uint};
use crate::decode::metadata::Views;
use meshoptimizer_rs::codec::{BufferView as MeshoptView, Filter, Mode};
use meshoptimizer_rs::{Limits, Workspace};
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
    let compressed = &json["extensions"]["EXT_meshopt_compression"];
    if compressed.is_object() {
        return meshopt(compressed, buffers, context);
    }
    let bytes = part(buffers, json)?;
    if let Cow::Owned(copy) = &bytes {
        context.take(copy.len())?;
    }
    Ok(View { bytes, stride: uint(&json["byteStride"]) })
}

/// `EXT_meshopt_compression`, all modes and filters.
fn meshopt<'a>(json: &Json, buffers: &Buffers<'a>, context: Context<'_>) -> Result<View<'a>, Fault> {
    let source = part(buffers, json)?;
    let mode = match json["mode"].as_str().unwrap_or_default() {
        "ATTRIBUTES" => Mode::Attributes,
        "TRIANGLES" => Mode::Triangles,
        "INDICES" => Mode::Indices,
        other => return malformed(format!("meshopt mode \"{other}\" is not known")),
    };
    let filter = json["filter"].as_str().unwrap_or("NONE");
    let bad = |e: meshoptimizer_rs::Error| Fault::Malformed(format!("meshopt: {e:?}"));
    let filter = Filter::parse(filter).map_err(bad)?;
    let (count, stride) = (uint(&json["count"]).unwrap_or(0), uint(&json["byteStride"]).unwrap_or(0));
    let view = MeshoptView::new(mode, filter, count, stride).map_err(bad)?;
    // The densest code is two bits for sixteen bytes: more than that from so few bytes is a lie in the header, and
    // is refused before anything is allocated for it.
    if view.byte_length() / 64 > source.len() {
        return malformed(format!("meshopt: {} bytes cannot come from {}", view.byte_length(), source.len()));
    }
    context.take(view.byte_length())?;
    let mut workspace = Workspace::new(Limits { max_bytes: MAX_DECODED_BYTES, ..Limits::default() });
    let bytes = view.decode(&source, &mut workspace).map_err(bad)?;
    Ok(View { bytes: Cow::Owned(bytes), stride: (mode == Mode::Attributes).then_some(stride) })
}
