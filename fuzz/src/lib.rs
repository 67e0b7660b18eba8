//! What the fuzz targets share.

use std::alloc::System;

/// Most bytes that a target may hold at a time; one allocation beyond aborts it, which libFuzzer reports. Above the
/// decoders' own limit for a content, below a browser tab's memory.
const MAX_HELD_BYTES: usize = 1 << 30;

#[global_allocator]
static ALLOCATOR: cap::Cap<System> = cap::Cap::new(System, MAX_HELD_BYTES);
