//! What is counted of a content.

use crate::memo::Memo;
use crate::{Attribute, Image, Primitive, Problem, TileContent, Topology};

/// What the engine, and a curious person, must know of a loaded content. Instances are multiplied out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContentInfo {
    /// Bytes that stay in memory beside the GPU: properties, headers and what picking needs.
    pub cpu_bytes: u64,
    /// Bytes of vertices, indices and textures with their mipmaps.
    pub gpu_bytes: u64,
    /// Triangles drawn.
    pub triangles: u64,
    /// Line segments drawn, outlines not counted.
    pub lines: u64,
    /// Points drawn.
    pub points: u64,
    /// Instances of instanced primitives: per instancing node and primitive.
    pub instances: u64,
    /// Distinct features: different ids per property table, and different ids per primitive without one. The id that
    /// means "no feature" is not one. Ids in textures are not counted: as many as the file claims.
    pub features: u64,
    /// Smallest and largest corner of everything in it, in the tile's z-up frame, metres; absent when it is empty.
    pub bounds: Option<[[f64; 3]; 2]>,
    /// Lowest and highest ground, metres above the ellipsoid, where it is a tile of a terrain.
    pub ground_m: Option<[f64; 2]>,
    /// Extensions that it uses, sorted.
    pub extensions_used: Vec<String>,
    /// What was wrong with parts of it.
    pub problems: Vec<Problem>,
}

impl TileContent {
    /// Counts the content. Walks all feature ids once: call it where the content was decoded, while it still has its
    /// arrays.
    pub fn info(&self) -> ContentInfo {
        let drawn = |topology: Topology, per: u64| -> u64 {
            self.primitives.iter().filter(|p| p.topology == topology).map(|p| p.elements() / per * p.copies()).sum()
        };
        ContentInfo {
            cpu_bytes: self.cpu_bytes(),
            gpu_bytes: (self.vertices.len() + self.indices.len()) as u64
                + self.images.iter().map(Image::gpu_bytes).sum::<u64>(),
            triangles: drawn(Topology::Triangles, 3),
            lines: drawn(Topology::Lines, 2),
            points: drawn(Topology::Points, 1),
            instances: self.primitives.iter().filter_map(|p| p.instances).map(|i| u64::from(i.count)).sum(),
            features: self.features(),
            bounds: self.primitives.iter().map(|p| p.bounds).reduce(union),
            ground_m: self.ground.as_ref().map(|ground| ground.range_m),
            extensions_used: self.extensions_used.clone(),
            problems: self.problems.clone(),
        }
    }

    fn cpu_bytes(&self) -> u64 {
        let columns: usize = self.tables.iter().map(|t| t.columns.len()).sum();
        let ground = self.ground.as_ref().map_or(0, |ground| ground.heap_bytes());
        (ground
            + self.property_bytes.len()
            + size_of_val(self.primitives.as_slice())
            + columns * size_of::<crate::Column>()) as u64
    }

    fn features(&self) -> u64 {
        // Ids of primitives that share a table are the same features.
        let mut ids: Memo<Vec<u32>> = Memo::default();
        let mut claimed: Memo<u64> = Memo::default();
        for (i, primitive) in self.primitives.iter().enumerate() {
            let own = |table: Option<u32>| table.map_or([0, i as u64], |table| [1, table.into()]);
            if primitive.has_ids() {
                ids.or_insert_with(own(primitive.table), Vec::new).extend(primitive.features(&self.vertices));
            } else if let Some(set) = primitive.feature_sets.first() {
                let count = claimed.or_insert_with(own(set.table), || 0);
                *count = (*count).max(set.feature_count.into());
            }
        }
        let counted = ids.into_values().into_iter().map(|mut ids| {
            ids.sort_unstable();
            ids.dedup();
            ids.len() as u64
        });
        counted.sum::<u64>() + claimed.into_values().into_iter().sum::<u64>()
    }
}

impl Image {
    /// Bytes that it takes as a texture, mipmaps included; what is encoded becomes four bytes per pixel.
    pub fn gpu_bytes(&self) -> u64 {
        match self.format.mime() {
            Some(_) => u64::from(self.width) * u64::from(self.height) * 4 * 4 / 3,
            None => self.levels.iter().map(|(start, end)| u64::from(end.saturating_sub(*start))).sum(),
        }
    }
}

impl Primitive {
    /// Vertices or indices drawn, once.
    fn elements(&self) -> u64 {
        self.indices.map_or(self.vertex_count, |range| range.count).into()
    }

    /// Whether it has ids per vertex or instance.
    fn has_ids(&self) -> bool {
        self.feature_ids.is_some() || self.instances.is_some_and(|instances| instances.feature_ids.is_some())
    }

    /// How many times it is drawn.
    fn copies(&self) -> u64 {
        self.instances.map_or(1, |instances| instances.count.into())
    }

    /// The different feature ids in it, sorted.
    fn features(&self, vertices: &[u8]) -> Vec<u32> {
        let of_instances = self.instances.and_then(|i| Some((i.feature_ids?, i.count)));
        let of_vertices = self.feature_ids.map(|ids| (ids, self.vertex_count));
        let mut ids = match of_instances.or(of_vertices) {
            Some((attribute, count)) => attribute.ids(vertices, count),
            None => Vec::new(),
        };
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| Some(*id) != self.null_feature_id);
        ids
    }
}

impl Attribute {
    /// The first component of `count` values as whole numbers; values beyond the array are left out, and runs of
    /// equal values are told once.
    fn ids(&self, vertices: &[u8], count: u32) -> Vec<u32> {
        let value = |i: u32| {
            let bytes = vertices.get(self.offset as usize + i as usize * self.stride as usize..)?;
            Some(self.component.read(bytes) as u32)
        };
        let mut ids: Vec<u32> = Vec::new();
        for id in (0..count).map_while(value) {
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        }
        ids
    }
}

/// The smallest box around two boxes.
fn union(a: [[f64; 3]; 2], b: [[f64; 3]; 2]) -> [[f64; 3]; 2] {
    [std::array::from_fn(|i| a[0][i].min(b[0][i])), std::array::from_fn(|i| a[1][i].max(b[1][i]))]
}
