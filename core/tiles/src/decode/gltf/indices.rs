//! Index arrays: checked, widened, strips and fans unrolled.

use super::accessor::Accessor;
use crate::decode::Context;
use crate::decode::bytes::{Fault, malformed};
use crate::{Component, IndexRange, Topology};
use std::borrow::Cow;

/// What a primitive mode becomes, as glTF numbers the modes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Assembly {
    List(Topology),
    LineLoop,
    LineStrip,
    TriangleStrip,
    TriangleFan,
}

impl Assembly {
    pub(super) fn from_mode(mode: usize) -> Option<Self> {
        Some(match mode {
            0 => Self::List(Topology::Points),
            1 => Self::List(Topology::Lines),
            2 => Self::LineLoop,
            3 => Self::LineStrip,
            4 => Self::List(Topology::Triangles),
            5 => Self::TriangleStrip,
            6 => Self::TriangleFan,
            _ => return None,
        })
    }

    pub(super) fn topology(self) -> Topology {
        match self {
            Self::List(topology) => topology,
            Self::LineLoop | Self::LineStrip => Topology::Lines,
            Self::TriangleStrip | Self::TriangleFan => Topology::Triangles,
        }
    }

    /// Elements of the list that `n` elements of the mode become.
    fn unrolled_len(self, n: usize) -> usize {
        match self {
            Self::List(Topology::Triangles) => n - n % 3,
            Self::List(Topology::Lines) => n - n % 2,
            Self::List(Topology::Points) => n,
            Self::LineLoop if n >= 2 => n.saturating_mul(2),
            Self::LineLoop => 0,
            Self::LineStrip => n.saturating_sub(1).saturating_mul(2),
            Self::TriangleStrip | Self::TriangleFan => n.saturating_sub(2).saturating_mul(3),
        }
    }

    /// Which of the `n` elements of the mode the `i`-th of the list is (glTF 2.0, section 3.7.2.1).
    fn source(self, i: usize, n: usize) -> usize {
        let (part, corner) = (i / 3, i % 3);
        match self {
            Self::List(_) => i,
            Self::LineLoop | Self::LineStrip => (i / 2 + i % 2) % n,
            Self::TriangleStrip => match corner {
                0 => part,
                1 => part + 1 + part % 2,
                _ => part + 2 - part % 2,
            },
            Self::TriangleFan => match corner {
                0 => part + 1,
                1 => part + 2,
                _ => 0,
            },
        }
    }
}

/// Appends the drawn elements of a primitive. `None` when its vertices are drawn in order.
pub(super) fn append(
    out: &mut Vec<u8>,
    accessor: Option<&Accessor<'_>>,
    assembly: Assembly,
    vertex_count: usize,
    context: Context<'_>,
) -> Result<Option<IndexRange>, Fault> {
    let listed = match accessor {
        None if matches!(assembly, Assembly::List(_)) && assembly.unrolled_len(vertex_count) == vertex_count => {
            return Ok(None);
        }
        None => return unroll(out, 0..vertex_count as u32, assembly, vertex_count, context).map(Some),
        Some(accessor) if accessor.components != 1 => return malformed("indices are not scalars"),
        Some(accessor) => accessor,
    };
    if listed.component == Component::F32 {
        return malformed("indices are not integers");
    }
    // Signed integers are not in the standard, but samples have them; a negative one is out of every range.
    let packed = listed.packed().map_or_else(|| elements(listed), Cow::Borrowed);
    let packed = packed.get(..listed.count * listed.element_size()).unwrap_or_default();
    let range = match listed.element_size() {
        1 => unroll(out, packed.iter().map(|i| u32::from(*i)), assembly, vertex_count, context),
        2 => {
            let indices = packed.as_chunks().0.iter().map(|i| u32::from(u16::from_le_bytes(*i)));
            unroll(out, indices, assembly, vertex_count, context)
        }
        _ => {
            let indices = packed.as_chunks().0.iter().map(|i| u32::from_le_bytes(*i));
            unroll(out, indices, assembly, vertex_count, context)
        }
    };
    range.map(Some)
}

/// The elements without what lies between them.
fn elements<'a>(accessor: &'a Accessor<'_>) -> Cow<'a, [u8]> {
    (0..accessor.count).flat_map(|i| accessor.element(i)).copied().collect()
}

/// Appends indices, with strips, loops and fans as lists.
pub(super) fn unroll(
    out: &mut Vec<u8>,
    indices: impl ExactSizeIterator<Item = u32> + Clone,
    assembly: Assembly,
    vertex_count: usize,
    context: Context<'_>,
) -> Result<IndexRange, Fault> {
    let Assembly::List(_) = assembly else {
        let listed: Vec<u32> = collect(indices, context)?;
        // glTF forbids the restart value (section 3.7.2.1); where a file has it nevertheless, a run ends there.
        let mut unrolled = Vec::new();
        for run in listed.split(|index| is_restart(*index, vertex_count)) {
            let count = assembly.unrolled_len(run.len());
            context.take(count.saturating_mul(4))?;
            unrolled.extend((0..count).map(|i| run[assembly.source(i, run.len())]));
        }
        return list(out, unrolled.into_iter(), vertex_count, context);
    };
    let count = assembly.unrolled_len(indices.len());
    list(out, indices.take(count), vertex_count, context)
}

fn collect(indices: impl ExactSizeIterator<Item = u32>, context: Context<'_>) -> Result<Vec<u32>, Fault> {
    context.take(indices.len().saturating_mul(4))?;
    Ok(indices.collect())
}

/// The largest value of an index type, which is no vertex.
fn is_restart(index: u32, vertex_count: usize) -> bool {
    index as usize >= vertex_count && matches!(index, 0xff | 0xffff | 0xffff_ffff)
}

/// Appends indices as they are, each below `vertex_count`.
fn list(
    out: &mut Vec<u8>,
    indices: impl ExactSizeIterator<Item = u32> + Clone,
    vertex_count: usize,
    context: Context<'_>,
) -> Result<IndexRange, Fault> {
    let count = indices.len();
    let largest = indices.clone().fold(0, u32::max);
    if count > 0 && largest as usize >= vertex_count {
        return malformed(format!("index {largest} of {vertex_count} vertices"));
    }
    // 65535 restarts primitives in WebGL 2 when indices have 16 bits.
    let wide = vertex_count > 0xffff;
    let offset = out.len().next_multiple_of(4);
    let width = if wide { 4 } else { 2 };
    context.grow(out, count.saturating_mul(width))?;
    out.resize(offset + count * width, 0);
    let target = &mut out[offset..];
    if wide {
        target.as_chunks_mut().0.iter_mut().zip(indices).for_each(|(to, index)| *to = index.to_le_bytes());
    } else {
        let narrow = target.as_chunks_mut().0.iter_mut().zip(indices);
        narrow.for_each(|(to, index)| *to = (index as u16).to_le_bytes());
    }
    out.resize(out.len().next_multiple_of(4), 0);
    Ok(IndexRange { offset: offset as u32, count: count as u32, wide })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unrolled(mode: usize, n: usize) -> Vec<usize> {
        let assembly = Assembly::from_mode(mode).unwrap();
        (0..assembly.unrolled_len(n)).map(|i| assembly.source(i, n)).collect()
    }

    #[test]
    fn strips_loops_and_fans_unroll_as_gltf_says() {
        for (mode, n, expected) in [
            (0, 2, vec![0, 1]),
            (1, 5, vec![0, 1, 2, 3]),
            (2, 3, vec![0, 1, 1, 2, 2, 0]),
            (2, 1, vec![]),
            (3, 3, vec![0, 1, 1, 2]),
            (3, 0, vec![]),
            (4, 4, vec![0, 1, 2]),
            (5, 5, vec![0, 1, 2, 1, 3, 2, 2, 3, 4]),
            (5, 2, vec![]),
            (6, 4, vec![1, 2, 0, 2, 3, 0]),
        ] {
            assert_eq!(unrolled(mode, n), expected, "mode {mode} of {n}");
        }
    }
}
