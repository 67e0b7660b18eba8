//! `core/tiles`' decoders behind plain exports, so that a benchmark in Node needs no binding step.
#![allow(unsafe_code)] // Plain exports have no other way to pass memory; nothing outside benchmarks uses them.

use citytwin_tiles::{Decoded, What, decode as decode_tile};
use meshoptimizer_rs::Workspace;
use meshoptimizer_rs::codec::{decode_index_buffer, decode_vertex_buffer};

/// Memory for `len` bytes, given back by [`free`].
#[unsafe(no_mangle)]
pub extern "C" fn alloc(len: usize) -> *mut u8 {
    Box::leak(vec![0_u8; len].into_boxed_slice()).as_mut_ptr()
}

/// Takes back memory of [`alloc`].
///
/// # Safety
/// The same start and length, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(start: *mut u8, len: usize) {
    // SAFETY: as the caller promises.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, len)) });
}

/// Decodes a content; answers the bytes of its arrays, 0 when it cannot be read.
///
/// # Safety
/// `start` and `len` are those of a call to [`alloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn decode(start: *const u8, len: usize) -> usize {
    // SAFETY: as the caller promises.
    let bytes = unsafe { std::slice::from_raw_parts(start, len) };
    match decode_tile(bytes, "tile", &What::Content) {
        Ok(Decoded::Content(content)) => content.vertices.len() + content.indices.len(),
        _ => 0,
    }
}

/// Decodes a meshopt stream alone (triangles, else attributes), with the crate that `core/tiles` uses; answers the bytes
/// that it becomes, 0 when it cannot be read.
///
/// # Safety
/// `start` and `len` are those of a call to [`alloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn meshopt(start: *const u8, len: usize, count: usize, stride: usize, triangles: bool) -> usize {
    // SAFETY: as the caller promises.
    let bytes = unsafe { std::slice::from_raw_parts(start, len) };
    let workspace = &mut Workspace::default();
    let decoded = match triangles {
        true => decode_index_buffer(count, stride, bytes, workspace),
        false => decode_vertex_buffer(count, stride, bytes, workspace),
    };
    decoded.map_or(0, |bytes| std::hint::black_box(bytes).len())
}
