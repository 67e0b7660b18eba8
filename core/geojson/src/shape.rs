//! How features become shapes: widths, heights and radii, by expressions over their properties.

use crate::Problem;
use crate::read::Feature;
use citytwin_tiles::{Features, Style, StyleLimits, StyleValue};
use serde_json::{Map, Value, json};

/// Of lines, metres.
const WIDTH_M: f64 = 4.0;
/// Of points, CSS pixels.
const POINT_PX: f32 = 10.0;
/// Expressions are evaluated as sizes of points, which are not negative: this is added before and taken off after.
const SHIFT_M: f64 = 16_384.0;
/// Nothing is wider or higher, metres.
const MOST_M: f64 = 10_000.0;

/// What features are made into. The default: points of some pixels, ribbons 4 m wide, filled polygons, all flat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    extrude_m: Option<Style>,
    base_m: Option<Style>,
    width_m: Option<Style>,
    radius_m: Option<Style>,
    /// Width of points without a radius, CSS pixels.
    point_px: Option<f32>,
}

/// The sizes of one feature, metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sizes {
    /// Upwards; 0: not at all.
    pub(crate) extrude_m: f64,
    /// Where it stands, above the ellipsoid; `None`: where the document says, or on the ground.
    pub(crate) base_m: Option<f64>,
    pub(crate) width_m: f64,
    /// `None`: a point of some pixels.
    pub(crate) radius_m: Option<f64>,
}

impl Shape {
    /// Reads a shape, a JSON object with any of `extrudeM`, `baseM`, `widthM` and `radiusM` (rules as in a 3D Tiles
    /// style: an expression, a number, or `conditions`), `defines` (of a style) and `pointPx` (CSS pixels; default 10).
    ///
    /// # Errors
    /// `style-malformed`, whose place names the rule and the column in it, and `style-too-large`.
    pub fn parse(json: &[u8]) -> Result<Self, Problem> {
        let json: Value =
            serde_json::from_slice(json).map_err(|error| malformed(format!("not JSON: {error}"), "style"))?;
        let Value::Object(members) = json else { return Err(malformed("a style is an object".into(), "style")) };
        let point_px = members.get("pointPx").and_then(Value::as_f64);
        let defines = members.get("defines").cloned().unwrap_or_default();
        let rule = |name: &str| {
            let given = members.get(name).filter(|rule| !rule.is_null());
            given.map(|rule| compile(name, rule, &defines)).transpose()
        };
        Ok(Self {
            extrude_m: rule("extrudeM")?,
            base_m: rule("baseM")?,
            width_m: rule("widthM")?,
            radius_m: rule("radiusM")?,
            point_px: point_px.map(|point_px| point_px.clamp(1.0, 127.0) as f32),
        })
    }

    /// Width of points, CSS pixels.
    pub(crate) fn point_px(&self) -> f32 {
        self.point_px.unwrap_or(POINT_PX)
    }

    /// The sizes of all features, and what went wrong with expressions.
    pub(crate) fn sizes(&self, features: &[Feature]) -> (Vec<Sizes>, Vec<Problem>) {
        let rows = Rows::new(features);
        let mut problems = Vec::new();
        let mut column = |name: &str, rule: &Option<Style>| {
            rule.as_ref().map(|rule| {
                let styled = rule.evaluate(&rows, 0.0);
                problems.extend(styled.problems.iter().map(|problem| renamed(problem, name)));
                styled.point_size.unwrap_or_default()
            })
        };
        let columns = [
            column("extrudeM", &self.extrude_m),
            column("baseM", &self.base_m),
            column("widthM", &self.width_m),
            column("radiusM", &self.radius_m),
        ];
        let value = |which: usize, row: usize| {
            let shifted = f64::from(*columns[which].as_ref()?.get(row)?);
            // A feature for which there is no value has the default of point sizes, 1, which is far below.
            (shifted > SHIFT_M / 4.0).then_some(shifted - SHIFT_M)
        };
        let sizes = (0..features.len()).map(|row| Sizes {
            extrude_m: value(0, row).unwrap_or(0.0).clamp(0.0, MOST_M),
            base_m: value(1, row).map(|base_m| base_m.clamp(-SHIFT_M / 2.0, MOST_M)),
            width_m: value(2, row).unwrap_or(WIDTH_M).clamp(0.01, MOST_M),
            radius_m: value(3, row).filter(|radius_m| *radius_m > 0.0).map(|radius_m| radius_m.clamp(0.01, MOST_M)),
        });
        (sizes.collect(), problems)
    }
}

fn malformed(message: String, place: &str) -> Problem {
    Problem::new("style-malformed", message, place)
}

fn compile(name: &str, rule: &Value, defines: &Value) -> Result<Style, Problem> {
    let shifted = |expression: &Value| match expression {
        Value::Number(number) => number.as_f64().map(|number| json!(number + SHIFT_M)),
        Value::String(text) => Some(json!(format!("({text}) + {SHIFT_M}"))),
        _ => None,
    };
    let wrong = || malformed("it is a number, an expression or conditions".into(), name);
    let rule = match rule {
        Value::Object(members) => {
            let Some(Value::Array(cases)) = members.get("conditions") else { return Err(wrong()) };
            let case = |case: &Value| match case.as_array().map(Vec::as_slice) {
                Some([condition, value]) => shifted(value).map(|value| json!([condition, value])).ok_or_else(wrong),
                _ => Err(wrong()),
            };
            json!({ "conditions": cases.iter().map(case).collect::<Result<Vec<_>, _>>()? })
        }
        plain => shifted(plain).ok_or_else(wrong)?,
    };
    let style = json!({ "defines": defines, "pointSize": rule }).to_string();
    Style::parse(style.as_bytes(), &StyleLimits::default()).map_err(|problem| renamed(&problem, name))
}

/// A problem as it is with the rule that people wrote.
fn renamed(problem: &Problem, name: &str) -> Problem {
    let own = |text: &str| text.replace("pointSize", name).replace("a number from 0 up", "a number");
    Problem::new(&problem.code, own(&problem.message), own(&problem.place))
}

/// Features as expressions see them.
struct Rows<'a> {
    rows: Vec<&'a Map<String, Value>>,
    names: Vec<String>,
}

impl<'a> Rows<'a> {
    fn new(features: &'a [Feature]) -> Self {
        let rows: Vec<_> = features.iter().map(|feature| &feature.properties).collect();
        let names: std::collections::BTreeSet<&String> = rows.iter().flat_map(|row| row.keys()).collect();
        let names = names.into_iter().cloned().collect();
        Self { rows, names }
    }
}

impl Features for Rows<'_> {
    fn count(&self) -> u32 {
        self.rows.len() as u32
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok()
    }

    fn value(&self, property: usize, row: u32) -> StyleValue<'_> {
        let value = self.names.get(property).and_then(|name| self.rows.get(row as usize)?.get(name));
        match value {
            None => StyleValue::Undefined,
            Some(Value::Null) => StyleValue::Null,
            Some(Value::Bool(yes)) => StyleValue::Boolean(*yes),
            Some(Value::Number(number)) => StyleValue::Number(number.as_f64().unwrap_or(f64::NAN)),
            Some(Value::String(text)) => StyleValue::Text(text.as_str().into()),
            Some(other) => StyleValue::from_json(other.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(style: &Value, properties: &Value, expected: Sizes, problems: usize) {
        let shape = Shape::parse(style.to_string().as_bytes()).expect("a shape");
        let Value::Object(properties) = properties.clone() else { panic!("not an object") };
        let (sizes, found) = shape.sizes(&[Feature { properties, parts: Vec::new() }]);
        let near = |a: f64, b: f64| (a - b).abs() < 0.01;
        let [found_sizes] = sizes[..] else { panic!("one feature") };
        let same = near(found_sizes.extrude_m, expected.extrude_m)
            && near(found_sizes.width_m, expected.width_m)
            && near(found_sizes.base_m.unwrap_or(1e9), expected.base_m.unwrap_or(1e9))
            && near(found_sizes.radius_m.unwrap_or(1e9), expected.radius_m.unwrap_or(1e9));
        assert!(same, "{style}: {found_sizes:?}");
        assert_eq!(found.len(), problems, "{found:?}");
    }

    const DEFAULT: Sizes = Sizes { extrude_m: 0.0, base_m: None, width_m: WIDTH_M, radius_m: None };

    #[test]
    fn sizes_are_constants_expressions_or_conditions() {
        check(&json!({}), &json!({}), DEFAULT, 0);
        let all = Sizes { extrude_m: 30.0, base_m: Some(-2.5), width_m: 7.0, radius_m: Some(3.0) };
        check(&json!({ "extrudeM": 30, "baseM": -2.5, "widthM": 7, "radiusM": 3 }), &json!({}), all, 0);
        let by = json!({ "extrudeM": "${levels} * 3", "defines": { "w": "${lanes} * 3.5" }, "widthM": "${w}" });
        check(&by, &json!({ "levels": 4, "lanes": 2 }), Sizes { extrude_m: 12.0, width_m: 7.0, ..DEFAULT }, 0);
        let cases = json!({ "extrudeM": { "conditions": [["${kind} === 'tower'", 80], ["true", "${h}"]] } });
        check(&cases, &json!({ "kind": "tower" }), Sizes { extrude_m: 80.0, ..DEFAULT }, 0);
        check(&cases, &json!({ "h": 9 }), Sizes { extrude_m: 9.0, ..DEFAULT }, 0);
    }

    #[test]
    fn a_feature_without_a_value_keeps_the_default_and_is_told() {
        check(&json!({ "extrudeM": "${levels}" }), &json!({}), DEFAULT, 1);
        check(&json!({ "extrudeM": "${levels}" }), &json!({ "levels": "many" }), DEFAULT, 1);
        check(&json!({ "widthM": 1e30, "extrudeM": -5 }), &json!({}), Sizes { width_m: MOST_M, ..DEFAULT }, 0);
    }

    #[test]
    fn what_is_no_rule_is_named() {
        for (style, place) in [
            (json!({ "extrudeM": "${a" }), "extrudeM"),
            (json!({ "widthM": true }), "widthM"),
            (json!({ "radiusM": { "conditions": [["true"]] } }), "radiusM"),
        ] {
            let problem = Shape::parse(style.to_string().as_bytes()).expect_err("no rule");
            assert!(problem.code == "style-malformed" && problem.place.contains(place), "{problem:?}");
        }
    }
}
