//! Point clouds (OGC 18-053r2, section 10.4).

use super::batch_table::{DRACO, column_of, components};
use super::feature_table::{FeatureTable, Values, component_type};
use super::orientation::oct_decoded;
use super::{Parts, add_batch_table, check_header, claimed, cut_after, point_draco};
use crate::decode::Context;
use crate::decode::bytes::{Fault, malformed, slice, uint};
use crate::decode::metadata::insert_column;
use crate::{
    Alpha, Attribute, Component, FeatureIds, FeatureSet, Number, Primitive, Problem, PropertyTable, TileContent,
    Topology,
};
use glam::{DMat4, DVec3};
use litemap::LiteMap;

/// Properties that came out of a Draco stream, by name.
type Unpacked = LiteMap<String, Values<'static>>;

/// Reads a point cloud.
pub(crate) fn pnts(bytes: &[u8], place: &str, context: Context<'_>) -> Result<TileContent, Problem> {
    let fault = |fault: Fault| fault.problem(place);
    check_header(bytes, "pnts", 28).map_err(fault)?;
    let parts = cut_after(claimed(bytes), 28).map_err(fault)?;
    let Some(count) = parts.features.count("POINTS_LENGTH") else {
        return Err(fault(Fault::Malformed("POINTS_LENGTH is missing".into())));
    };
    let mut content = TileContent::default();
    content.extensions_used.extend(parts.features.extensions());
    if count == 0 {
        return Ok(content);
    }
    if count > context.limits().vertices as usize {
        return Err(fault(Fault::TooLarge(format!("{count} points"))));
    }
    let unpacked = unpack(&parts, count, context).map_err(fault)?;
    let mut cloud = Cloud { count, features: &parts.features, unpacked, context, vertices: Vec::new() };
    let mut primitive = cloud.primitive().map_err(fault)?;
    let ids = cloud.batch_ids().map_err(fault)?;
    let rows = match ids {
        Some((_, largest)) => parts.features.count("BATCH_LENGTH").unwrap_or(largest as usize + 1),
        None => count,
    };
    let mut table = add_batch_table(&mut content, &parts.batches, rows, place, context);
    if ids.is_none() {
        table = cloud.add_unpacked_properties(&parts, &mut content, table, place);
    }
    let ids = match (ids, table) {
        (Some((ids, _)), _) => Some(ids),
        // Each point is a feature of its own when something is known about it.
        (None, Some(_)) => Some(cloud.own_ids().map_err(fault)?),
        (None, None) => None,
    };
    primitive.feature_ids = ids;
    primitive.table = table;
    primitive.feature_sets.extend(ids.map(|ids| FeatureSet {
        ids: FeatureIds::Attribute(ids),
        of_instances: false,
        label: None,
        feature_count: u32::try_from(rows).unwrap_or(u32::MAX),
        null_id: None,
        table,
    }));
    content.vertices = cloud.vertices;
    content.primitives.push(primitive);
    Ok(content)
}

/// What the Draco stream holds, if there is one.
fn unpack(parts: &Parts<'_>, count: usize, context: Context<'_>) -> Result<Unpacked, Fault> {
    let extension = &parts.features.json["extensions"][DRACO];
    if !extension.is_object() {
        return Ok(Unpacked::new());
    }
    let (offset, len) = (uint(&extension["byteOffset"]), uint(&extension["byteLength"]));
    let (Some(offset), Some(len)) = (offset, len) else { return malformed(format!("{DRACO} has no byte range")) };
    let stream = slice(parts.features.body, offset, len, DRACO)?;
    let named = extension["properties"].as_object().into_iter().flatten();
    let id = |json: &serde_json::Value| uint(json).and_then(|id| u32::try_from(id).ok());
    let mut ids: Vec<(String, u32)> = named.filter_map(|(name, json)| Some((name.clone(), id(json)?))).collect();
    ids.extend(parts.batches.draco_properties());
    point_draco::unpack(stream, &ids, count, context)
}

/// A cloud being read.
struct Cloud<'a> {
    count: usize,
    features: &'a FeatureTable<'a>,
    unpacked: Unpacked,
    context: Context<'a>,
    vertices: Vec<u8>,
}

impl<'a> Cloud<'a> {
    /// A property of the feature table, from the Draco stream or the body.
    fn values(&self, name: &str, number: Number, components: usize) -> Result<Option<Values<'a>>, Fault> {
        match self.unpacked.get(name) {
            Some(values) if values.components == components => Ok(Some(values.clone())),
            Some(values) => malformed(format!("{name} has {} components, not {components}", values.components)),
            None => self.features.values(name, number, components, self.count),
        }
    }

    /// Everything but the features.
    fn primitive(&mut self) -> Result<Primitive, Fault> {
        let (positions, tile_from_local, bounds) = self.positions()?;
        let normals = self.normals()?;
        let (colors, base_color, blends) = self.colors()?;
        Ok(Primitive {
            topology: Topology::Points,
            tile_from_local: tile_from_local.to_cols_array(),
            vertex_count: self.count as u32,
            positions,
            normals,
            colors,
            base_color,
            alpha: if blends { Alpha::Blend } else { Alpha::Opaque },
            // A point without a normal has no side that light could fall on.
            unlit: normals.is_none(),
            bounds: bounds.map(|p| p.to_array()),
            ..Primitive::default()
        })
    }

    /// Appends one value per point, padded to four bytes.
    fn append(
        &mut self,
        component: Component,
        components: u8,
        normalized: bool,
        mut value: impl FnMut(usize, &mut Vec<u8>),
    ) -> Result<Attribute, Fault> {
        let stride = (component.size() * usize::from(components)).next_multiple_of(4);
        self.context.take(self.count.saturating_mul(stride))?;
        let start = self.vertices.len();
        let offset = u32::try_from(start).map_err(|_| Fault::TooLarge("the arrays are over 4 GiB".into()))?;
        self.vertices.reserve_exact(self.count * stride);
        for i in 0..self.count {
            value(i, &mut self.vertices);
            self.vertices.resize(start + (i + 1) * stride, 0);
        }
        Ok(Attribute { offset, stride: stride as u32, component, components, normalized })
    }

    fn positions(&mut self) -> Result<(Attribute, DMat4, [DVec3; 2]), Fault> {
        let global = |name: &str| self.features.global::<3>(name, Number::F32);
        let rtc = global("RTC_CENTER")?.map_or(DVec3::ZERO, DVec3::from_array);
        if let Some(values) = self.values("POSITION", Number::F32, 3)? {
            let [low, high] = bounds(&values, self.count)?;
            // Moved to the middle: what is far from the origin would tremble in the GPU's 32-bit floats.
            let center = (low + high) / 2.0;
            let positions = self.append(Component::F32, 3, false, |i, out| {
                for v in (values.vec3(i) - center).as_vec3().to_array() {
                    out.extend_from_slice(&v.to_le_bytes());
                }
            })?;
            return Ok((positions, DMat4::from_translation(rtc + center), [low + rtc, high + rtc]));
        }
        let Some(values) = self.values("POSITION_QUANTIZED", Number::U16, 3)? else {
            return malformed("neither POSITION nor POSITION_QUANTIZED is there");
        };
        let (Some(scale), Some(offset)) = (global("QUANTIZED_VOLUME_SCALE")?, global("QUANTIZED_VOLUME_OFFSET")?)
        else {
            return malformed("POSITION_QUANTIZED without its volume");
        };
        let scale = DVec3::from_array(scale) / 65535.0;
        let offset = rtc + DVec3::from_array(offset);
        let corners = bounds(&values, self.count)?.map(|p| p * scale + offset);
        let positions = self.append(Component::U16, 3, false, |i, out| {
            for c in 0..3 {
                out.extend_from_slice(&(values.get(i, c) as u16).to_le_bytes());
            }
        })?;
        let tile_from_local = DMat4::from_translation(offset) * DMat4::from_scale(scale);
        Ok((positions, tile_from_local, [corners[0].min(corners[1]), corners[0].max(corners[1])]))
    }

    /// As signed bytes: finer than the two bytes of the octahedron, and a third of floats.
    fn normals(&mut self) -> Result<Option<Attribute>, Fault> {
        let push = |out: &mut Vec<u8>, normal: DVec3| {
            out.extend(normal.normalize_or_zero().to_array().map(|v| (v * 127.0).round() as i8 as u8));
        };
        if let Some(values) = self.values("NORMAL", Number::F32, 3)? {
            return self.append(Component::I8, 3, true, |i, out| push(out, values.vec3(i))).map(Some);
        }
        let Some(values) = self.values("NORMAL_OCT16P", Number::U8, 2)? else { return Ok(None) };
        let normal = |i: usize| oct_decoded(values.get(i, 0), values.get(i, 1), 255.0);
        self.append(Component::I8, 3, true, |i, out| push(out, normal(i))).map(Some)
    }

    /// Colours per point, the one that all have, and whether what is behind shines through.
    fn colors(&mut self) -> Result<(Option<Attribute>, [f32; 4], bool), Fault> {
        const WHITE: [f32; 4] = [1.0; 4];
        let linear = linear_from_srgb();
        if let Some(values) = self.values("RGBA", Number::U8, 4)? {
            let mut blends = false;
            let colors = self.append(Component::U16, 4, true, |i, out| {
                let alpha = values.get(i, 3) as u8;
                blends |= alpha < 255;
                push_color(out, &linear, &values, i, alpha);
            })?;
            return Ok((Some(colors), WHITE, blends));
        }
        if let Some(values) = self.values("RGB", Number::U8, 3)? {
            let colors = self.append(Component::U16, 4, true, |i, out| push_color(out, &linear, &values, i, 255))?;
            return Ok((Some(colors), WHITE, false));
        }
        if let Some(values) = self.values("RGB565", Number::U16, 1)? {
            let colors = self.append(Component::U16, 4, true, |i, out| {
                let packed = values.id(i);
                let wide = |v: u32, max: u32| linear[((v * 255 + max / 2) / max) as usize & 255];
                for v in [wide(packed >> 11 & 31, 31), wide(packed >> 5 & 63, 63), wide(packed & 31, 31), u16::MAX] {
                    out.extend_from_slice(&v.to_le_bytes());
                }
            })?;
            return Ok((Some(colors), WHITE, false));
        }
        let Some(color) = self.features.global::<4>("CONSTANT_RGBA", Number::U8)? else {
            return Ok((None, WHITE, false));
        };
        let channel = |v: f64| f32::from(linear[v.clamp(0.0, 255.0) as usize]) / f32::from(u16::MAX);
        let alpha = (color[3] / 255.0).clamp(0.0, 1.0) as f32;
        let color = [channel(color[0]), channel(color[1]), channel(color[2]), alpha];
        Ok((None, color, alpha < 1.0))
    }

    /// `BATCH_ID`, and the largest of them.
    fn batch_ids(&mut self) -> Result<Option<(Attribute, u32)>, Fault> {
        let Some(values) = self.values("BATCH_ID", Number::U16, 1)? else { return Ok(None) };
        let mut largest = 0;
        let ids = self.append(Component::U32, 1, false, |i, out| {
            largest = largest.max(values.id(i));
            out.extend_from_slice(&values.id(i).to_le_bytes());
        })?;
        Ok(Some((ids, largest)))
    }

    /// Ids that count the points.
    fn own_ids(&mut self) -> Result<Attribute, Fault> {
        self.append(Component::U32, 1, false, |i, out| out.extend_from_slice(&(i as u32).to_le_bytes()))
    }

    /// Adds the batch table's properties that lay in the Draco stream; the table that they are in.
    fn add_unpacked_properties(
        &self,
        parts: &Parts<'_>,
        content: &mut TileContent,
        mut table: Option<u32>,
        place: &str,
    ) -> Option<u32> {
        for (id, _) in parts.batches.draco_properties() {
            let Some(values) = self.unpacked.get(&id) else { continue };
            let out = &mut content.property_bytes;
            let column = as_declared(&parts.batches.json[&id], values)
                .and_then(|values| column_of(&id, &values, self.count, self.context, out));
            match column {
                Ok(column) => {
                    let index = *table.get_or_insert_with(|| {
                        content.tables.push(PropertyTable { count: self.count as u32, ..PropertyTable::default() });
                        content.tables.len() as u32 - 1
                    });
                    let columns = &mut content.tables[index as usize].columns;
                    insert_column(columns, column);
                }
                Err(fault) => content.problems.push(fault.problem(format!("{place}: batch table {id}"))),
            }
        }
        table
    }
}

/// Values of a Draco stream, if they are what the batch table says of the property. Draco keeps the width of whole
/// numbers, not always their sign; types that it has and vertices have not come as floats.
fn as_declared(json: &serde_json::Value, values: &Values<'static>) -> Result<Values<'static>, Fault> {
    let declared = (component_type(json["componentType"].as_str().unwrap_or_default())?, components(json)?);
    let found = (values.number, values.components);
    let as_floats = found.0 == Number::F32;
    if declared.1 != found.1 || !as_floats && declared.0.size() != found.0.size() {
        return malformed(format!("declared as {declared:?}, found as {found:?}"));
    }
    Ok(Values { number: if as_floats { found.0 } else { declared.0 }, ..values.clone() })
}

/// Smallest and largest corner of finite positions.
fn bounds(positions: &Values<'_>, count: usize) -> Result<[DVec3; 2], Fault> {
    let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
    for i in 0..count {
        let p = positions.vec3(i);
        if !p.is_finite() {
            return malformed(format!("position {i} is not finite"));
        }
        (low, high) = (low.min(p), high.max(p));
    }
    Ok([low, high])
}

fn push_color(out: &mut Vec<u8>, linear: &[u16; 256], rgb: &Values<'_>, i: usize, alpha: u8) {
    for c in 0..3 {
        out.extend_from_slice(&linear[rgb.get(i, c) as u8 as usize].to_le_bytes());
    }
    out.extend_from_slice(&(u16::from(alpha) * 257).to_le_bytes());
}

/// Linear light of each 8-bit sRGB value, in 16 bits: in 8 the dark ones would fall together.
fn linear_from_srgb() -> [u16; 256] {
    std::array::from_fn(|i| {
        let v = i as f64 / 255.0;
        let linear = if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
        (linear * 65535.0).round() as u16
    })
}
