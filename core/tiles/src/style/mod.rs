//! 3D Tiles Styling (OGC 22-025r4, section 11): what features show, in which colour and size, by expressions over
//! their properties.
//!
//! [`Style::parse`] compiles a style once; [`Style::evaluate`] gives columns of results for all features of a content
//! at once. That is done when a content arrives or the style changes, never per frame.
//!
//! Where the specification is silent, JavaScript's rules hold, as CesiumJS applies them. What differs:
//! * An error in one feature (a comparison with a property that it does not have) gives that feature the default and
//!   is counted as a [`Problem`]; CesiumJS throws.
//! * `=~` and `!~` bind like `===`, so that they can stand beside `&&`.
//! * `min`, `max`, `clamp` and `mix` take numbers in place of vectors wherever GLSL does.
//! * `${…}` also takes names that are no JavaScript names: `${building:levels}`.
//! * Regular expressions are matched in linear time; look-around and back-references are refused.

mod calculate;
mod color;
mod evaluate;
mod features;
mod lexer;
mod parser;
mod points;
mod program;
mod regexp;
mod value;

pub use features::{Features, TableFeatures};
pub use points::PointFeatures;
pub use regexp::RegExp;
pub use value::{StyleValue, Vector};

use crate::Problem;
use evaluate::{Evaluator, Fault};
use parser::Parser;
use program::{NodeId, Op, Program, Source};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Bounds on what a style may ask for. A style over one of them is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StyleLimits {
    /// Bytes of the style. Default 1 MiB.
    pub max_bytes: usize,
    /// Brackets, conditions and signs within each other. Default 64; each costs some 500 bytes of stack.
    pub max_depth: u32,
    /// Operations within each other. Default 256; each costs some 300 bytes of stack.
    pub max_height: u32,
    /// Steps for one feature in one expression, and nodes of the whole style. Default 65,536.
    pub max_cost: u32,
}

impl Default for StyleLimits {
    fn default() -> Self {
        Self { max_bytes: 1 << 20, max_depth: 64, max_height: 256, max_cost: 1 << 16 }
    }
}

/// A compiled style.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Style {
    program: Program,
    show: Option<Rule>,
    color: Option<Rule>,
    point_size: Option<Rule>,
    meta: BTreeMap<String, NodeId>,
}

/// The first of these whose condition holds; without a condition, always.
#[derive(Clone, Debug, PartialEq)]
struct Rule {
    cases: Vec<(Option<NodeId>, NodeId)>,
}

/// What a style says of each feature. A column is absent where the style has no such rule: everything shows, as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Styled {
    /// Whether it is drawn; by default it is.
    pub show: Option<Vec<bool>>,
    /// Red, green, blue, alpha, as CSS means them (sRGB, not premultiplied); by default white.
    pub color: Option<Vec<[u8; 4]>>,
    /// Width of points, pixels; by default 1.
    pub point_size: Option<Vec<f32>>,
    /// What went wrong (`style-evaluation`), each with the number of features; those have the default.
    pub problems: Vec<Problem>,
}

impl Style {
    /// Reads a style: a JSON object with `show`, `color`, `pointSize`, `defines` and `meta`. Other members are left to
    /// whoever knows them.
    ///
    /// # Errors
    /// `style-malformed` when it is no such object, or an expression is none: the problem's place names the expression
    /// and the column, in characters from 1. `style-too-large` when it is over a limit.
    pub fn parse(json: &[u8], limits: &StyleLimits) -> Result<Self, Problem> {
        if json.len() > limits.max_bytes {
            let message = format!("the style has {} bytes; the limit is {}", json.len(), limits.max_bytes);
            return Err(Problem::new("style-too-large", message, "style"));
        }
        let json: Json =
            serde_json::from_slice(json).map_err(|error| malformed(format!("not JSON: {error}"), "style"))?;
        let Json::Object(members) = &json else { return Err(malformed("a style is a JSON object", "style")) };
        let mut reader = Reader { program: Program::default(), defines: BTreeMap::new(), limits };
        let member = |name: &str| members.get(name).filter(|value| !value.is_null());
        reader.defines(member("defines"))?;
        let mut rule = |name| member(name).map(|json| reader.rule(json, name)).transpose();
        let (show, color, point_size) = (rule("show")?, rule("color")?, rule("pointSize")?);
        let meta = reader.expressions(member("meta"), "meta")?;
        Ok(Self { program: reader.program, show, color, point_size, meta })
    }

    /// Names of the properties that the style reads.
    pub fn properties(&self) -> &[String] {
        &self.program.names
    }

    /// Whether it reads properties whose names come from other properties (`${feature}[${name}]`): any of them, then.
    pub fn reads_any_property(&self) -> bool {
        self.program.nodes.iter().any(|node| matches!(node.op, Op::NamedProperty(_)))
    }

    /// Whether results change with time alone.
    pub fn depends_on_time(&self) -> bool {
        self.program.nodes.iter().any(|node| node.op == Op::Time)
    }

    /// Shows, colours and sizes all features. `time_ms` is the time since the tileset was loaded, milliseconds
    /// (`${tiles3d_tileset_time}`).
    pub fn evaluate(&self, features: &dyn Features, time_ms: f64) -> Styled {
        let mut run = Run { evaluator: Evaluator::new(&self.program, features, time_ms), faults: BTreeMap::new() };
        let count = features.count();
        let show = self.show.as_ref().map(|rule| run.column(rule, count, true, as_show));
        let color = self.color.as_ref().map(|rule| run.column(rule, count, [255; 4], as_color));
        let point_size = self.point_size.as_ref().map(|rule| run.column(rule, count, 1.0, as_point_size));
        let faults = run.faults;
        let problem = |(fault, count): (&Fault, &u64)| {
            let features = if *count == 1 { "1 feature".into() } else { format!("{count} features") };
            self.problem(fault, &format!(" ({features})"))
        };
        Styled { show, color, point_size, problems: faults.iter().map(problem).collect() }
    }

    /// Names of the expressions of `meta`.
    pub fn meta_names(&self) -> impl Iterator<Item = &str> {
        self.meta.keys().map(String::as_str)
    }

    /// What an expression of `meta` says of one feature; `None` when there is no such expression.
    ///
    /// # Errors
    /// `style-evaluation` when it cannot be evaluated for this feature.
    pub fn meta(
        &self,
        name: &str,
        features: &dyn Features,
        row: u32,
        time_ms: f64,
    ) -> Option<Result<StyleValue<'static>, Problem>> {
        let node = *self.meta.get(name)?;
        let value = Evaluator::new(&self.program, features, time_ms).value(node, row).map(StyleValue::into_owned);
        Some(value.map_err(|fault| self.problem(&fault, "")))
    }

    fn problem(&self, fault: &Fault, note: &str) -> Problem {
        let node = &self.program.nodes[fault.node as usize];
        let source = &self.program.sources[node.source as usize];
        Problem::new("style-evaluation", format!("{}{note}", fault.why), source.at(node.column))
    }
}

impl Source {
    /// `show: column 3 of "…"`, the expression cut short.
    fn at(&self, column: u32) -> String {
        const SHOWN: usize = 80;
        let mut text: String = self.text.chars().take(SHOWN).collect();
        if text.len() < self.text.len() {
            text.push('…');
        }
        format!("{}: column {column} of `{text}`", self.place)
    }
}

fn malformed(message: impl Into<String>, place: &str) -> Problem {
    Problem::new("style-malformed", message, place)
}

/// Reads the members of a style.
struct Reader<'a> {
    program: Program,
    defines: BTreeMap<String, NodeId>,
    limits: &'a StyleLimits,
}

impl Reader<'_> {
    /// A define sees features only, not other defines (3D Tiles Styling, Defining variables): there are no circles.
    fn defines(&mut self, json: Option<&Json>) -> Result<(), Problem> {
        self.defines = self.expressions(json, "defines")?;
        Ok(())
    }

    /// Named expressions.
    fn expressions(&mut self, json: Option<&Json>, place: &str) -> Result<BTreeMap<String, NodeId>, Problem> {
        let Some(json) = json else { return Ok(BTreeMap::new()) };
        let Json::Object(members) = json else { return Err(malformed("not an object of expressions", place)) };
        members
            .iter()
            .map(|(name, json)| Ok((name.clone(), self.expression(json, format!("{place}.{name}"))?)))
            .collect()
    }

    fn rule(&mut self, json: &Json, name: &str) -> Result<Rule, Problem> {
        let conditions = match json {
            Json::Object(members) => match members.get("conditions") {
                Some(Json::Array(conditions)) => conditions,
                _ => return Err(malformed("an object without a list of conditions", name)),
            },
            json => return Ok(Rule { cases: vec![(None, self.expression(json, name.to_owned())?)] }),
        };
        let mut cases = Vec::new();
        for (index, case) in conditions.iter().enumerate() {
            let place = |part: &str| format!("{name}.conditions[{index}]{part}");
            let Some([condition, value]) = case.as_array().map(Vec::as_slice) else {
                return Err(malformed("a condition is a list of two expressions", &place("")));
            };
            cases.push((Some(self.expression(condition, place("[0]"))?), self.expression(value, place("[1]"))?));
        }
        Ok(Rule { cases })
    }

    fn expression(&mut self, json: &Json, place: String) -> Result<NodeId, Problem> {
        let text = match json {
            Json::String(text) => text.clone(),
            Json::Bool(_) | Json::Number(_) => json.to_string(),
            _ => return Err(malformed("an expression is a text, a number or a boolean", &place)),
        };
        self.program.sources.push(Source { place, text: text.clone() });
        Parser::parse(&text, &mut self.program, &self.defines, self.limits).map_err(|fault| {
            let place = self.program.sources.last().map_or(String::new(), |source| source.at(fault.column));
            let code = if fault.is_over_limit { "style-too-large" } else { "style-malformed" };
            Problem::new(code, fault.message, place)
        })
    }
}

/// One evaluation over all features.
struct Run<'a> {
    evaluator: Evaluator<'a>,
    /// How many features each befell.
    faults: BTreeMap<Fault, u64>,
}

impl<'a> Run<'a> {
    fn column<T: Copy>(
        &mut self,
        rule: &Rule,
        count: u32,
        default: T,
        read: fn(&StyleValue<'a>) -> Result<Option<T>, &'static str>,
    ) -> Vec<T> {
        let mut column = Vec::with_capacity(count as usize);
        for row in 0..count {
            let value = self.rule(rule, row).and_then(|found| match found {
                Some((node, value)) => read(&value).map_err(|why| Fault { node, why }),
                None => Ok(None),
            });
            column.push(
                value
                    .unwrap_or_else(|fault| {
                        *self.faults.entry(fault).or_default() += 1;
                        None
                    })
                    .unwrap_or(default),
            );
        }
        column
    }

    /// The value of the first case that applies.
    fn rule(&self, rule: &Rule, row: u32) -> Result<Option<(NodeId, StyleValue<'a>)>, Fault> {
        for (condition, node) in &rule.cases {
            let applies = match condition {
                Some(condition) => self.evaluator.value(*condition, row)?.truthy(),
                None => true,
            };
            if applies {
                return Ok(Some((*node, self.evaluator.value(*node, row)?)));
            }
        }
        Ok(None)
    }
}

fn as_show(value: &StyleValue<'_>) -> Result<Option<bool>, &'static str> {
    match value {
        StyleValue::Boolean(show) => Ok(Some(*show)),
        StyleValue::Undefined | StyleValue::Null => Ok(None),
        _ => Err("show is not a boolean"),
    }
}

fn as_color(value: &StyleValue<'_>) -> Result<Option<[u8; 4]>, &'static str> {
    match value {
        StyleValue::Vector(vector) if vector.len == 4 => Ok(Some(color::to_bytes(vector))),
        StyleValue::Undefined | StyleValue::Null => Ok(None),
        _ => Err("color is not a colour"),
    }
}

fn as_point_size(value: &StyleValue<'_>) -> Result<Option<f32>, &'static str> {
    match value {
        StyleValue::Number(size) if size.is_finite() && *size >= 0.0 => Ok(Some(*size as f32)),
        StyleValue::Undefined | StyleValue::Null => Ok(None),
        _ => Err("pointSize is not a number from 0 up"),
    }
}
