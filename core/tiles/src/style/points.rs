//! Points of a cloud as features: their position, colour and normal, and the properties that they have.

use super::features::{Features, TableFeatures, of_property};
use super::value::{StyleValue, Vector};
use crate::property::ValueRef;
use crate::{Attribute, Primitive, PropertyShape, TileContent};
use glam::{DMat4, DVec3};

/// The vertices of a primitive, each a feature: `${POSITION}`, `${POSITION_ABSOLUTE}`, `${COLOR}` and `${NORMAL}`, the
/// properties of its property attributes, and those of the table that its feature ids point to (3D Tiles Styling, Point
/// cloud).
///
/// `POSITION` is in the tile's own frame, metres; an `RTC_CENTER` is part of it, because decoding keeps no trace of that.
/// `COLOR` is as CSS means colours (sRGB, 0 to 1).
#[derive(Clone, Copy, Debug)]
pub struct PointFeatures<'a> {
    content: &'a TileContent,
    primitive: &'a Primitive,
    tile_from_local: DMat4,
    ecef_from_tile: DMat4,
    rows: Option<TableFeatures<'a>>,
}

/// What every point may have.
const BUILT_IN: [&str; 4] = ["POSITION", "POSITION_ABSOLUTE", "COLOR", "NORMAL"];

impl<'a> PointFeatures<'a> {
    /// The vertices of a primitive of this content; `ecef_from_tile` is for `POSITION_ABSOLUTE`.
    pub fn new(content: &'a TileContent, primitive: &'a Primitive, ecef_from_tile: &DMat4) -> Self {
        let table = primitive.table.and_then(|table| content.tables.get(table as usize));
        Self {
            content,
            primitive,
            tile_from_local: DMat4::from_cols_array(&primitive.tile_from_local),
            ecef_from_tile: *ecef_from_tile,
            rows: table.map(|table| TableFeatures { table, property_bytes: &content.property_bytes }),
        }
    }

    /// The properties that vertices hold themselves, with where they lie.
    fn attributes(&self) -> impl Iterator<Item = (&'a PropertyShape, &'a Attribute)> {
        let (content, primitive) = (self.content, self.primitive);
        let named = |name: &str| primitive.metadata_attributes.iter().find(|(other, _)| other == name);
        let tables =
            primitive.property_attributes.iter().filter_map(|index| content.property_attributes.get(*index as usize));
        tables.flat_map(|table| &table.properties).filter_map(move |(shape, name)| Some((shape, &named(name)?.1)))
    }

    fn bytes(&self, attribute: &Attribute, row: u32) -> Option<&'a [u8]> {
        let at = (attribute.offset as usize).checked_add((attribute.stride as usize).checked_mul(row as usize)?)?;
        self.content.vertices.get(at..)
    }

    /// The components of a vertex's value; those that it lacks are 0.
    fn components(&self, attribute: &Attribute, row: u32) -> Option<[f64; 4]> {
        let bytes = self.bytes(attribute, row)?;
        let mut components = [0.0; 4];
        for (c, value) in components.iter_mut().enumerate().take(attribute.components.into()) {
            let size = attribute.component.size();
            let stored = attribute.component.read(bytes.get(c * size..(c + 1) * size)?);
            *value = if attribute.normalized { stored / attribute.component.normalizer() } else { stored };
        }
        Some(components)
    }

    fn built_in(&self, index: usize, row: u32) -> Option<Vector> {
        let vec3 = |[x, y, z, _]: [f64; 4]| DVec3::new(x, y, z);
        let position = || {
            let local = vec3(self.components(&self.primitive.positions, row)?);
            Some(self.tile_from_local.transform_point3(local))
        };
        match index {
            0 => Vector::new(&position()?.to_array()),
            1 => Vector::new(&self.ecef_from_tile.transform_point3(position()?).to_array()),
            2 => {
                let factor = self.primitive.base_color.map(f64::from);
                let stored = match &self.primitive.colors {
                    Some(colors) => self.components(colors, row)?,
                    None => [1.0; 4],
                };
                let [r, g, b, a] = std::array::from_fn(|c| stored[c] * factor[c]);
                Vector::new(&[srgb(r), srgb(g), srgb(b), a])
            }
            _ => {
                let normal = vec3(self.components(self.primitive.normals.as_ref()?, row)?);
                Vector::new(&self.tile_from_local.transform_vector3(normal).normalize_or_zero().to_array())
            }
        }
    }

    /// The row of the table that a vertex belongs to.
    fn table_row(&self, row: u32) -> Option<u32> {
        let id = match &self.primitive.feature_ids {
            Some(ids) => ids.component.read(self.bytes(ids, row)?) as u32,
            None => row,
        };
        (Some(id) != self.primitive.null_feature_id).then_some(id)
    }
}

impl Features for PointFeatures<'_> {
    fn count(&self) -> u32 {
        self.primitive.vertex_count
    }

    fn find(&self, name: &str) -> Option<usize> {
        let attributes = BUILT_IN.len();
        let built_in = || BUILT_IN.iter().position(|other| *other == name);
        let attribute = || Some(attributes + self.attributes().position(|(shape, _)| shape.id == name)?);
        let column = || Some(attributes + self.attributes().count() + self.rows?.find(name)?);
        built_in().or_else(attribute).or_else(column)
    }

    fn value(&self, property: usize, row: u32) -> StyleValue<'_> {
        if property < BUILT_IN.len() {
            return self.built_in(property, row).map_or(StyleValue::Undefined, StyleValue::Vector);
        }
        let mut left = property - BUILT_IN.len();
        for (shape, attribute) in self.attributes() {
            if left == 0 {
                let value = self.bytes(attribute, row).and_then(|bytes| shape.value(bytes));
                let is_json = shape.components > 1 || shape.array.is_some();
                return of_property(value.map(ValueRef::from), is_json);
            }
            left -= 1;
        }
        match (&self.rows, self.table_row(row)) {
            (Some(rows), Some(row)) if row < rows.count() => rows.value(left, row),
            _ => StyleValue::Undefined,
        }
    }

    fn class_name(&self, row: u32) -> Option<&str> {
        let row = self.table_row(row)?;
        self.rows.as_ref()?.class_name(row)
    }
}

/// As CSS means a component of a colour, from a linear one. White is exactly 1.
fn srgb(linear: f64) -> f64 {
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.0 - 1.055 * (1.0 - linear.powf(1.0 / 2.4)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::{Style, StyleLimits};
    use crate::{Column, ColumnKind, Component, Number, PropertyAttribute, PropertyTable};

    /// Two points with everything: at (1, 2, 3) and (4, 5, 6) before they move by 10, white and half-lit red.
    fn content() -> TileContent {
        let mut vertices = Vec::new();
        let mut attribute = |component: Component, components: u8, normalized: bool, bytes: &[u8]| {
            let offset = vertices.len() as u32;
            vertices.extend_from_slice(bytes);
            Attribute { offset, stride: bytes.len() as u32 / 2, component, components, normalized }
        };
        let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
        let primitive = Primitive {
            vertex_count: 2,
            tile_from_local: DMat4::from_translation(DVec3::splat(10.0)).to_cols_array(),
            positions: attribute(Component::F32, 3, false, &floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
            colors: Some(attribute(Component::U8, 4, true, &[255, 255, 255, 255, 55, 0, 0, 255])),
            normals: Some(attribute(Component::I8, 3, true, &[0, 0, 127, 0, 127, 0, 0, 0])),
            metadata_attributes: vec![("_INTENSITY".into(), attribute(Component::F32, 1, false, &floats(&[0.5, 2.0])))],
            feature_ids: Some(attribute(Component::U8, 1, false, &[1, 0, 0, 0, 7, 0, 0, 0])),
            property_attributes: vec![0],
            table: Some(0),
            null_feature_id: Some(7),
            ..Primitive::default()
        };
        let intensity = PropertyShape {
            id: "intensity".into(),
            semantic: None,
            number: Number::F32,
            components: 1,
            array: None,
            scale: vec![100.0],
            offset: Vec::new(),
            names: Vec::new(),
            no_data: None,
            default: None,
        };
        let column = Column {
            id: "wall".into(),
            kind: ColumnKind::Boolean,
            values: (0, 1),
            string_offsets: (0, 0),
            no_data: None,
            default: None,
        };
        TileContent {
            vertices,
            property_bytes: vec![0b10],
            primitives: vec![primitive],
            tables: vec![PropertyTable { class: "surface".into(), count: 2, columns: vec![column], hierarchy: None }],
            property_attributes: vec![PropertyAttribute {
                name: None,
                class: "points".into(),
                properties: vec![(intensity, "_INTENSITY".into())],
            }],
            ..TileContent::default()
        }
    }

    #[test]
    fn points_are_styled_by_what_they_are_and_have() {
        let content = content();
        let ecef_from_tile = DMat4::from_scale(DVec3::splat(2.0));
        let points = PointFeatures::new(&content, &content.primitives[0], &ecef_from_tile);
        for (expression, expected) in [
            ("${POSITION} === vec3(11, 12, 13)", [true, false]),
            ("${POSITION_ABSOLUTE} === vec3(28, 30, 32)", [false, true]),
            ("${COLOR} === vec4(1)", [true, false]),
            // 55/255 of the light of red is half of its CSS value.
            ("abs(${COLOR}.r - 0.5) < 0.01 && ${COLOR}.g === 0", [false, true]),
            ("${NORMAL} === vec3(0, 0, 1)", [true, false]),
            ("${NORMAL}.x === 1", [false, true]),
            ("${intensity} === 200", [false, true]),
            ("${wall} === true", [true, false]),
            ("${wall} === undefined", [false, true]),
            ("isExactClass('surface')", [true, false]),
            ("${none} === undefined", [true, true]),
        ] {
            let json = serde_json::json!({ "show": expression }).to_string();
            let style = Style::parse(json.as_bytes(), &StyleLimits::default()).expect("a style");
            let styled = style.evaluate(&points, 0.0);
            assert_eq!((styled.show.as_deref(), styled.problems.len()), (Some(&expected[..]), 0), "{expression}");
        }
    }

    #[test]
    fn attributes_beyond_the_array_leave_values_undefined() {
        let mut content = content();
        content.vertices.truncate(10);
        content.property_bytes.clear();
        let points = PointFeatures::new(&content, &content.primitives[0], &DMat4::IDENTITY);
        let json = r#"{ "show": "${POSITION} === undefined && ${NORMAL} === undefined && ${wall} === undefined" }"#;
        let style = Style::parse(json.as_bytes(), &StyleLimits::default()).expect("a style");
        assert_eq!(style.evaluate(&points, 0.0).show, Some(vec![true; 2]));
    }
}
