//! The wasm module of the style worker: a style and a tile's properties in, what each feature shows out.
//!
//! It is loaded when somebody first sets a style, so that whoever never does pays nothing for it, and runs in a worker
//! of its own, so that no frame waits for the evaluation of a hundred thousand features.

mod rows;

use citytwin_tiles::{
    Features, PointFeatures, Problem, Style, StyleLimits, StyleValue, Styled, TableFeatures, TileContent, wire,
};
use glam::DMat4;
use rows::{FLAGS, HIDDEN_BY_STYLE, PLAIN, ROW_BYTES, Rows};
use wasm_bindgen::prelude::wasm_bindgen;

/// Where a row's width of points is.
const POINT_SIZE: usize = 5;

/// A compiled style.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Styler {
    style: Style,
}

#[wasm_bindgen]
impl Styler {
    /// Compiles a style, a JSON text.
    ///
    /// # Errors
    /// The problem, as a JSON list of one `{code, message, place}`.
    #[wasm_bindgen(constructor)]
    pub fn new(json: &str) -> Result<Styler, String> {
        let style = Style::parse(json.as_bytes(), &StyleLimits::default()).map_err(|problem| as_json(&[problem]))?;
        Ok(Self { style })
    }

    /// Names of the properties that it reads, as a JSON list.
    pub fn properties(&self) -> String {
        serde_json::Value::from(self.style.properties()).to_string()
    }

    /// Whether it may read others, too.
    pub fn reads_any(&self) -> bool {
        self.style.reads_any_property()
    }

    /// Styles a tile. `content` is its [`TileContent`] in [`wire`], of whose tables only the columns matter that the
    /// style reads; properties come beside it, and vertices where points are styled one by one. `ecef_from_tile` is column-major.
    pub fn paint(
        &self,
        content: &[u8],
        properties: Vec<u8>,
        vertices: Vec<u8>,
        ecef_from_tile: &[f64],
        time_ms: f64,
    ) -> Painted {
        let painted = self.painted(content, properties, vertices, ecef_from_tile, time_ms);
        painted.unwrap_or_else(|problem| Painted { rows: Vec::new(), problems: vec![problem] })
    }
}

impl Styler {
    fn painted(
        &self,
        content: &[u8],
        property_bytes: Vec<u8>,
        vertices: Vec<u8>,
        ecef_from_tile: &[f64],
        time_ms: f64,
    ) -> Result<Painted, Problem> {
        let content: TileContent =
            wire::from_bytes(content).map_err(|error| Problem::new("worker-protocol", error.to_string(), "style"))?;
        let content = TileContent { property_bytes, vertices, ..content };
        let rows = Rows::of(&content, self.style.properties())
            .ok_or_else(|| Problem::new("style-too-many-features", "it has more features than can be styled", ""))?;
        let matrix = <[f64; 16]>::try_from(ecef_from_tile).map_or(DMat4::IDENTITY, |m| DMat4::from_cols_array(&m));
        let mut out = Painted { rows: Vec::with_capacity(rows.count as usize * ROW_BYTES), problems: Vec::new() };
        // What is no feature has no properties, but conditions may hold of it all the same.
        out.paint(1, &Styled { problems: Vec::new(), ..self.style.evaluate(&Nothing, time_ms) });
        for table in &content.tables {
            let features = TableFeatures { table, property_bytes: &content.property_bytes };
            out.paint(table.count, &self.style.evaluate(&features, time_ms));
        }
        for (primitive, first) in content.primitives.iter().zip(&rows.points) {
            if first.is_some() {
                let points = PointFeatures::new(&content, primitive, &matrix);
                out.paint(primitive.vertex_count, &self.style.evaluate(&points, time_ms));
            }
        }
        Ok(out)
    }
}

/// What a style says of a tile.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Painted {
    rows: Vec<u8>,
    problems: Vec<Problem>,
}

impl Painted {
    /// Adds the rows of features.
    fn paint(&mut self, count: u32, styled: &Styled) {
        for row in 0..count as usize {
            let mut bytes = PLAIN;
            if let Some(color) = styled.color.as_ref().and_then(|colors| colors.get(row)) {
                bytes[..4].copy_from_slice(color);
            }
            let shows = styled.show.as_ref().and_then(|show| show.get(row)).copied().unwrap_or(true);
            // What is wholly clear would hide what is behind it in the depth buffer.
            if !shows || bytes[3] == 0 {
                bytes[FLAGS] |= HIDDEN_BY_STYLE;
            }
            if let Some(size) = styled.point_size.as_ref().and_then(|sizes| sizes.get(row)) {
                bytes[POINT_SIZE] = (size * 2.0).round().clamp(1.0, 255.0) as u8;
            }
            self.rows.extend_from_slice(&bytes);
        }
        self.problems.extend_from_slice(&styled.problems);
    }
}

#[wasm_bindgen]
impl Painted {
    /// The rows of the tile's feature texture; can be taken once.
    pub fn rows(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.rows)
    }

    /// What went wrong, as a JSON list of `{code, message, place}`.
    pub fn problems(&self) -> String {
        as_json(&self.problems)
    }
}

fn as_json(problems: &[Problem]) -> String {
    let object = |problem: &Problem| serde_json::json!({ "code": problem.code, "message": problem.message, "place": problem.place });
    problems.iter().map(object).collect::<serde_json::Value>().to_string()
}

/// One thing that is no feature.
struct Nothing;

impl Features for Nothing {
    fn count(&self) -> u32 {
        1
    }

    fn find(&self, _name: &str) -> Option<usize> {
        None
    }

    fn value(&self, _property: usize, _row: u32) -> StyleValue<'_> {
        StyleValue::Undefined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_tiles::{Attribute, Column, ColumnKind, Component, Number, Primitive, PropertyTable, Topology};

    /// Two houses of 10 and 40 metres, and a cloud of three points at heights 0, 1 and 2.
    fn content() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let properties: Vec<u8> = [10.0_f32, 40.0].iter().flat_map(|height| height.to_le_bytes()).collect();
        let points = [0.0_f32, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 2.0];
        let vertices: Vec<u8> = points.iter().flat_map(|value| value.to_le_bytes()).collect();
        let column = Column {
            id: "height".into(),
            kind: ColumnKind::Scalar { number: Number::F32, scale: 1.0, offset: 0.0 },
            values: (0, 8),
            string_offsets: (0, 0),
            no_data: None,
            default: None,
        };
        let cloud = Primitive {
            topology: Topology::Points,
            vertex_count: 3,
            positions: Attribute { offset: 0, stride: 12, component: Component::F32, components: 3, normalized: false },
            ..Primitive::default()
        };
        let content = TileContent {
            primitives: vec![cloud],
            tables: vec![PropertyTable { class: "house".into(), count: 2, columns: vec![column], hierarchy: None }],
            ..TileContent::default()
        };
        (wire::to_bytes(&content), properties, vertices)
    }

    fn paint(json: &str) -> (Vec<[u8; 8]>, String) {
        let (content, properties, vertices) = content();
        let styler = Styler::new(json).expect("a style");
        let mut painted = styler.paint(&content, properties, vertices, &DMat4::IDENTITY.to_cols_array(), 0.0);
        let rows = painted.rows();
        (rows.chunks_exact(8).map(|row| row.try_into().expect("eight bytes")).collect(), painted.problems())
    }

    #[test]
    fn each_feature_has_a_row_after_the_one_for_all_else() {
        let json = r#"{ "color": { "conditions": [["${height} > 30", "rgba(255, 0, 0, 0.5)"]] }, "show": "${height} !== 10" }"#;
        let (rows, problems) = paint(json);
        // A comparison with what is not there has no answer: the row of no feature keeps the default, silently.
        assert_eq!(rows, [PLAIN, [255, 255, 255, 255, 1, 0, 0, 0], [255, 0, 0, 128, 0, 0, 0, 0]]);
        assert_eq!(problems, "[]");
    }

    #[test]
    fn points_have_rows_of_their_own_when_the_style_asks_where_they_are() {
        let (rows, _) = paint(r#"{ "show": "${POSITION}.z < 1.5", "pointSize": "${POSITION}.z * 3 + 1" }"#);
        assert_eq!(rows.len(), 6);
        let sizes: Vec<_> = rows[3..].iter().map(|row| (row[FLAGS], row[POINT_SIZE])).collect();
        assert_eq!(sizes, [(0, 2), (0, 8), (1, 14)]);
    }

    #[test]
    fn what_is_wholly_clear_is_hidden() {
        let (rows, _) = paint(r#"{ "color": "rgba(1, 2, 3, 0)" }"#);
        assert!(rows.iter().all(|row| row[FLAGS] == HIDDEN_BY_STYLE), "{rows:?}");
    }

    #[test]
    fn a_bad_style_is_told_with_its_place_and_a_bad_feature_is_counted() {
        let refused = Styler::new(r#"{ "show": "${height} >" }"#).expect_err("no expression");
        assert!(refused.contains("style-malformed") && refused.contains("show: column"), "{refused}");
        let (_, problems) = paint(r#"{ "show": "${height}" }"#);
        assert!(problems.contains("style-evaluation") && problems.contains("2 features"), "{problems}");
    }

    #[test]
    fn bytes_that_are_no_content_and_tables_beyond_all_bounds_are_problems() {
        let styler = Styler::new(r#"{ "show": true }"#).expect("a style");
        let problems = |content: &[u8]| styler.paint(content, Vec::new(), Vec::new(), &[], 0.0).problems();
        assert!(problems(b"\xff\xff\xff").contains("worker-protocol"));
        let table = PropertyTable { count: u32::MAX, ..PropertyTable::default() };
        let content = TileContent { tables: vec![table.clone(), table], ..TileContent::default() };
        let problems = problems(&wire::to_bytes(&content));
        assert!(problems.contains("style-too-many-features"), "{problems}");
    }
}
