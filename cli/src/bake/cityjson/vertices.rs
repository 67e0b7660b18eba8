//! Vertices of a document, more of them than the memory holds.

use super::super::store::{Blocks, Room};
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Vertices of a block: what is read at once where they are in a file.
const BLOCK: usize = 512;

/// Vertices in order, as the file has them.
pub(super) struct VertexList {
    /// The first ones.
    blocks: Blocks<Block>,
    /// Those after them.
    last: Vec<[f64; 3]>,
}

/// Most files have whole numbers; then half of the bytes will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Block {
    Whole(Vec<[i32; 3]>),
    Real(Vec<[f64; 3]>),
}

impl Block {
    fn of(vertices: &[[f64; 3]]) -> Self {
        let whole = |&value: &f64| Some(value as i32).filter(|&whole| f64::from(whole).to_bits() == value.to_bits());
        let all = vertices.iter().map(|[x, y, z]| Some([whole(x)?, whole(y)?, whole(z)?]));
        all.collect::<Option<_>>().map_or_else(|| Self::Real(vertices.to_vec()), Self::Whole)
    }

    fn get(&self, at: usize) -> Option<[f64; 3]> {
        match self {
            Self::Whole(vertices) => vertices.get(at).map(|vertex| vertex.map(f64::from)),
            Self::Real(vertices) => vertices.get(at).copied(),
        }
    }
}

impl VertexList {
    /// An empty one.
    pub(super) fn new(room: &Room) -> Self {
        Self { blocks: Blocks::new(room), last: Vec::new() }
    }

    fn push(&mut self, vertex: [f64; 3]) {
        self.last.push(vertex);
        if self.last.len() == BLOCK {
            self.blocks.push(Block::of(&self.last));
            self.last.clear();
        }
    }

    /// A vertex by its number.
    pub(super) fn get(&self, index: usize) -> Option<[f64; 3]> {
        let (block, at) = (index / BLOCK, index % BLOCK);
        if block == self.blocks.len() {
            return self.last.get(at).copied();
        }
        self.blocks.look(block, |block| block.get(at))?
    }
}

/// All in memory.
impl Default for VertexList {
    fn default() -> Self {
        Self::new(&Room::endless())
    }
}

impl<'de> Deserialize<'de> for VertexList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut list = Self::default();
        deserializer.deserialize_seq(&mut list).map(|()| list)
    }
}

impl<'de> DeserializeSeed<'de> for &mut VertexList {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut VertexList {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(vertex) = seq.next_element()? {
            self.push(vertex);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vertex_is_what_it_was_whatever_the_room_is() {
        let folder = std::env::temp_dir().join(format!("citytwin-vertices-{}", std::process::id()));
        let count = BLOCK * (Blocks::<Block>::RECENT + 3) + 5;
        let vertex = |i: usize| {
            let x = i as f64;
            match i / BLOCK % 5 {
                0 => [x, -x, 7.0],
                1 => [x + 0.25, 0.1, -0.0],
                2 => [f64::from(i32::MAX) + 1.0, f64::from(i32::MIN), 1e300],
                3 => [f64::from(i32::MAX), f64::from(i32::MIN), 0.0],
                _ => [0.0, -0.0, x],
            }
        };
        for limit_bytes in [0, 100_000, u64::MAX] {
            let room = Room::new(limit_bytes, folder.clone());
            let mut list = VertexList::new(&room);
            (0..count).for_each(|i| list.push(vertex(i)));
            // Forwards, and jumping between blocks that take each other's place.
            for i in (0..count).chain((0..count).map(|i| i * 7919 % count)) {
                assert_eq!(list.get(i).map(|v| v.map(f64::to_bits)), Some(vertex(i).map(f64::to_bits)), "{i}");
            }
            assert_eq!([list.get(count), list.get(usize::MAX)], [None, None]);
            room.check().expect("all was written and read");
            assert_eq!(room.files() > 0, limit_bytes < u64::MAX);
        }
        let _ = std::fs::remove_dir_all(folder);
    }
}
