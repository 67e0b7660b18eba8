//! Accessors: checked views of typed elements.

use super::buffers::BufferViews;
use crate::decode::Context;
use crate::decode::bytes::{Fault, malformed, slice, uint};
use crate::decode::draco::Values;
use crate::{Attribute, Component};
use glam::DVec3;
use serde_json::Value as Json;
use std::borrow::Cow;

/// Most elements of an accessor that no bytes stand behind.
const MAX_BODILESS_ELEMENTS: usize = 1 << 20;

/// Columns and rows of an accessor's type.
fn shape(name: &str) -> Option<(usize, usize)> {
    Some(match name {
        "SCALAR" => (1, 1),
        "VEC2" => (1, 2),
        "VEC3" => (1, 3),
        "VEC4" => (1, 4),
        "MAT2" => (2, 2),
        "MAT3" => (3, 3),
        "MAT4" => (4, 4),
        _ => return None,
    })
}

/// Typed elements; every element lies inside of `bytes`.
pub(super) struct Accessor<'a> {
    bytes: Cow<'a, [u8]>,
    stride: usize,
    pub(super) component: Component,
    pub(super) components: usize,
    pub(super) normalized: bool,
    pub(super) count: usize,
}

impl<'a> Accessor<'a> {
    /// Reads `accessors[index]`.
    pub(super) fn read(json: &Json, views: &'a BufferViews<'_>, index: usize) -> Result<Self, Fault> {
        let json = &json["accessors"][index];
        let Some(component) = uint(&json["componentType"]).and_then(Component::from_gltf) else {
            return malformed(format!("accessor {index} is missing or has no known componentType"));
        };
        let kind = json["type"].as_str().unwrap_or_default();
        let Some((columns, rows)) = shape(kind) else {
            return malformed(format!("accessor {index} has type \"{kind}\""));
        };
        let components = columns * rows;
        let count = uint(&json["count"]).unwrap_or(0);
        // Columns of a matrix begin at multiples of four bytes.
        let column = match columns {
            1 => component.size() * rows,
            _ => (component.size() * rows).next_multiple_of(4),
        };
        let size = column * columns;
        let (bytes, stride) = match uint(&json["bufferView"]) {
            Some(view) => {
                let view = views.get(view)?;
                let stride = view.stride.unwrap_or(size);
                let offset = uint(&json["byteOffset"]).unwrap_or(0);
                (Cow::Borrowed(elements(&view.bytes, offset, count, stride, size, index)?), stride)
            }
            None if count <= MAX_BODILESS_ELEMENTS => (Cow::Owned(vec![0; count * size]), size),
            None => return malformed(format!("accessor {index} has {count} elements and no bytes")),
        };
        let normalized = json["normalized"].as_bool().unwrap_or(false) && component != Component::F32;
        let mut accessor = Self { bytes, stride, component, components, normalized, count };
        if json["sparse"].is_object() {
            accessor.overlay(&json["sparse"], views, size, index)?;
        }
        if size != accessor.element_size() {
            accessor.close_up(column, component.size() * rows, columns);
        }
        Ok(accessor)
    }

    /// What a decoder gave for an accessor.
    pub(super) fn of_values(values: Values<'a>, count: usize, normalized: bool) -> Self {
        let Values { bytes, component, components, .. } = values;
        let normalized = normalized && component != Component::F32;
        Self { bytes, stride: component.size() * components, component, components, normalized, count }
    }

    /// Scalars that were made here.
    pub(super) fn of_floats(bytes: Vec<u8>, count: usize) -> Self {
        let component = Component::F32;
        Self { bytes: Cow::Owned(bytes), stride: 4, component, components: 1, normalized: false, count }
    }

    /// Removes the gaps between the columns of matrices.
    fn close_up(&mut self, column: usize, used: usize, columns: usize) {
        let mut bytes = Vec::with_capacity(self.count * used * columns);
        for i in 0..self.count {
            for c in 0..columns {
                let start = i * self.stride + c * column;
                bytes.extend_from_slice(&self.bytes[start..start + used]);
            }
        }
        self.stride = used * columns;
        self.bytes = Cow::Owned(bytes);
    }

    /// Replaces the elements that `sparse` lists.
    fn overlay(&mut self, sparse: &Json, views: &BufferViews<'_>, size: usize, index: usize) -> Result<(), Fault> {
        let count = uint(&sparse["count"]).unwrap_or(0);
        let part = |json: &Json, size: usize| {
            let view = views.get(uint(&json["bufferView"]).unwrap_or(usize::MAX))?;
            elements(&view.bytes, uint(&json["byteOffset"]).unwrap_or(0), count, size, size, index)
        };
        let Some(kind) = uint(&sparse["indices"]["componentType"]).and_then(Component::from_gltf) else {
            return malformed(format!("accessor {index}: sparse indices without a known componentType"));
        };
        let targets = part(&sparse["indices"], kind.size())?;
        let values = part(&sparse["values"], size)?;
        let stride = self.stride;
        let bytes = self.bytes.to_mut();
        for (target, value) in targets.chunks_exact(kind.size()).zip(values.chunks_exact(size)) {
            let start = kind.read(target) as usize;
            if start >= self.count {
                return malformed(format!("accessor {index}: sparse index {start} of {}", self.count));
            }
            bytes[start * stride..start * stride + size].copy_from_slice(value);
        }
        Ok(())
    }

    /// Bytes of one element.
    pub(super) fn element_size(&self) -> usize {
        self.component.size() * self.components
    }

    /// The `i`-th element's bytes; `i` is below `count`.
    pub(super) fn element(&self, i: usize) -> &[u8] {
        &self.bytes[i * self.stride..i * self.stride + self.element_size()]
    }

    /// Component `c` of element `i`, normalised integers as fractions.
    pub(super) fn value(&self, i: usize, c: usize) -> f64 {
        let size = self.component.size();
        let stored = self.component.read(&self.element(i)[c * size..]);
        if self.normalized { (stored / self.component.normalizer()).max(-1.0) } else { stored }
    }

    /// The elements as a vertex attribute: appended to `out`, 4-byte aligned. A three-component colour gets its
    /// missing alpha when `components` is 4.
    pub(super) fn append(
        &self,
        out: &mut Vec<u8>,
        components: usize,
        context: Context<'_>,
    ) -> Result<Attribute, Fault> {
        let size = self.element_size();
        let wanted = self.component.size() * components;
        let stride = wanted.max(size).next_multiple_of(4);
        let offset = out.len().next_multiple_of(4);
        context.grow(out, self.count.saturating_mul(stride))?;
        out.reserve(self.count * stride + 4);
        out.resize(offset, 0);
        if stride == self.stride && self.bytes.len() >= self.count * stride && size >= wanted {
            out.extend_from_slice(&self.bytes[..self.count * stride]);
        } else {
            let one = one(self.component);
            for i in 0..self.count {
                out.extend_from_slice(self.element(i));
                if wanted > size {
                    out.extend_from_slice(&one[..self.component.size()]);
                }
                out.resize(out.len().next_multiple_of(4), 0);
            }
        }
        Ok(Attribute {
            offset: offset as u32,
            stride: stride as u32,
            component: self.component,
            components: components as u8,
            normalized: self.normalized,
        })
    }
}

impl Accessor<'_> {
    /// Smallest and largest value of each of the first three components; `None` when one is not finite, or when there
    /// are fewer components.
    pub(super) fn bounds(&self) -> Option<[DVec3; 2]> {
        if self.components < 3 {
            return None;
        }
        // 8 and 16 bits are exact in f32.
        let [low, high] = match self.component {
            Component::I8 => self.scan(i8::from_le_bytes, i8::MIN, i8::MAX).map(|v| v.map(f32::from)),
            Component::U8 => self.scan(u8::from_le_bytes, u8::MIN, u8::MAX).map(|v| v.map(f32::from)),
            Component::I16 => self.scan(i16::from_le_bytes, i16::MIN, i16::MAX).map(|v| v.map(f32::from)),
            Component::U16 => self.scan(u16::from_le_bytes, u16::MIN, u16::MAX).map(|v| v.map(f32::from)),
            Component::F32 => self.scan_floats()?,
            Component::U32 => return None,
        };
        let value = |stored: f32| match self.normalized {
            true => (f64::from(stored) / self.component.normalizer()).max(-1.0),
            false => f64::from(stored),
        };
        Some([low, high].map(|corner| DVec3::from_array(corner.map(value))))
    }

    /// Bounds of integers. Four lanes where elements are padded to four components, as meshopt has them: that is a
    /// vector of the machine's.
    fn scan<T: Copy + Ord, const N: usize>(&self, read: impl Fn([u8; N]) -> T, least: T, most: T) -> [[T; 3]; 2] {
        let (mut low, mut high) = ([most; 4], [least; 4]);
        for element in self.bytes.chunks(self.stride).take(self.count) {
            let lanes = match element.as_chunks::<N>().0 {
                [x, y, z, w, ..] => [read(*x), read(*y), read(*z), read(*w)],
                [x, y, z] => [read(*x), read(*y), read(*z), least],
                _ => continue,
            };
            for (lane, v) in lanes.into_iter().enumerate() {
                low[lane] = low[lane].min(v);
                high[lane] = high[lane].max(v);
            }
        }
        [[low[0], low[1], low[2]], [high[0], high[1], high[2]]]
    }

    fn scan_floats(&self) -> Option<[[f32; 3]; 2]> {
        let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
        let mut sum = 0.0;
        for element in self.bytes.chunks(self.stride).take(self.count) {
            let [x, y, z, ..] = element.as_chunks().0 else { continue };
            for (axis, component) in [x, y, z].into_iter().enumerate() {
                let v = f32::from_le_bytes(*component);
                // `f32::min` is a call into a library in wasm, which took most of the time of a tile.
                low[axis] = if v < low[axis] { v } else { low[axis] };
                high[axis] = if v > high[axis] { v } else { high[axis] };
                // Zero as long as everything is finite; comparisons pass over what is not a number.
                sum += v * 0.0;
            }
        }
        (sum == 0.0).then_some([low, high])
    }

    /// The elements' bytes where nothing lies between them.
    pub(super) fn packed(&self) -> Option<&[u8]> {
        (self.stride == self.element_size()).then_some(&*self.bytes)
    }
}

/// Opaque alpha, in the component's own type.
fn one(component: Component) -> [u8; 4] {
    match component {
        Component::I8 => [127, 0, 0, 0],
        Component::U8 => [255, 0, 0, 0],
        Component::I16 => [0xff, 0x7f, 0, 0],
        Component::U16 => [0xff, 0xff, 0, 0],
        Component::U32 => [0xff; 4],
        Component::F32 => 1f32.to_le_bytes(),
    }
}

/// The bytes from the first element to the end of the last.
fn elements(
    bytes: &[u8],
    offset: usize,
    count: usize,
    stride: usize,
    size: usize,
    index: usize,
) -> Result<&[u8], Fault> {
    if count == 0 {
        return Ok(&[]);
    }
    if stride < size {
        return malformed(format!("accessor {index}: elements of {size} bytes every {stride} bytes"));
    }
    let needed = (count - 1).checked_mul(stride).and_then(|len| len.checked_add(size));
    let Some(needed) = needed else { return malformed(format!("accessor {index}: absurd count {count}")) };
    // The padding after the last element is taken along when it is there, so that whole arrays copy at once.
    let padded = needed.saturating_add(stride - size);
    let there = offset.checked_add(padded).is_some_and(|end| end <= bytes.len());
    slice(bytes, offset, if there { padded } else { needed }, &format!("accessor {index}"))
}
