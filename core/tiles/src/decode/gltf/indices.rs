//! Index arrays: checked, widened, strips and fans unrolled.

use super::accessor::Accessor;
use crate::decode::bytes::{Fault, MAX_DECODED_BYTES, malformed};
use crate::{Component, IndexRange, Topology};

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
) -> Result<Option<IndexRange>, Fault> {
    let in_order = matches!(assembly, Assembly::List(_)) && assembly.unrolled_len(vertex_count) == vertex_count;
    if accessor.is_none() && in_order {
        return Ok(None);
    }
    let listed = accessor.map_or(vertex_count, |a| a.count);
    if accessor.is_some_and(|a| a.components != 1 || !is_index(a.component)) {
        return malformed("indices are not unsigned integers");
    }
    if let Some(accessor) = accessor {
        let largest = (0..listed).map(|i| index(accessor, i)).max().unwrap_or(0);
        if listed > 0 && largest as usize >= vertex_count {
            return malformed(format!("index {largest} of {vertex_count} vertices"));
        }
    }
    let count = assembly.unrolled_len(listed);
    // 65535 restarts primitives in WebGL 2 when indices have 16 bits.
    let wide = vertex_count > 0xffff;
    let offset = out.len().next_multiple_of(4);
    let width = if wide { 4 } else { 2 };
    let end = count.checked_mul(width).and_then(|len| len.checked_add(offset));
    if end.is_none_or(|end| end > MAX_DECODED_BYTES) {
        return Err(Fault::TooLarge("the indices are over 512 MiB".into()));
    }
    out.resize(offset, 0);
    for i in 0..count {
        let source = assembly.source(i, listed);
        let value = accessor.map_or(source as u32, |a| index(a, source));
        if wide {
            out.extend_from_slice(&value.to_le_bytes());
        } else {
            out.extend_from_slice(&(value as u16).to_le_bytes());
        }
    }
    out.resize(out.len().next_multiple_of(4), 0);
    Ok(Some(IndexRange { offset: offset as u32, count: count as u32, wide }))
}

/// Signed integers are not in the standard, but samples have them; a negative one is out of every range.
fn is_index(component: Component) -> bool {
    component != Component::F32
}

fn index(accessor: &Accessor<'_>, i: usize) -> u32 {
    match *accessor.element(i) {
        [a] => u32::from(a),
        [a, b] => u32::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
        _ => 0,
    }
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
