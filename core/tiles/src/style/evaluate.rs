//! Carries out a [`Program`] for one feature after the other.

use super::calculate::{self, Refusal};
use super::color;
use super::features::{Features, NoFeatures};
use super::program::{Binary, Color, NodeId, Op, Program};
use super::regexp::RegExp;
use super::value::StyleValue;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Patterns that come from features are kept so that each is compiled once; beyond this many, from the start.
const MAX_KEPT_PATTERNS: usize = 256;

/// Why a node has no value for a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    pub(super) node: NodeId,
    pub(super) why: Refusal,
}

/// A program with the features that it is carried out for.
pub(super) struct Evaluator<'a> {
    program: &'a Program,
    features: &'a dyn Features,
    /// Where each of the program's properties is found.
    slots: Vec<Option<usize>>,
    time_ms: f64,
    patterns: RefCell<Patterns>,
}

/// Compiled by pattern and flags; `None` for what is no regular expression.
type Patterns = BTreeMap<(String, String), Option<Arc<RegExp>>>;

type Evaluated<'a> = Result<StyleValue<'a>, Fault>;

/// The value of a node that no feature changes.
///
/// # Errors
/// A sentence that says why it has none.
pub(super) fn constant(program: &Program, node: NodeId) -> Result<StyleValue<'static>, String> {
    if let Op::RegExp(pattern, flags) = &program.nodes[node as usize].op {
        let text = |id: NodeId| {
            let mut text = String::new();
            if let Op::Constant(value) = &program.nodes[id as usize].op {
                value.write_to(&mut text);
            }
            text
        };
        let flags = flags.map(text).unwrap_or_default();
        return RegExp::new(&text(*pattern), &flags).map(|regexp| StyleValue::RegExp(Arc::new(regexp)));
    }
    let evaluator = Evaluator::new(program, &NoFeatures, 0.0);
    evaluator.value(node, 0).map(StyleValue::into_owned).map_err(|fault| fault.why.to_owned())
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(program: &'a Program, features: &'a dyn Features, time_ms: f64) -> Self {
        let slots = program.names.iter().map(|name| features.find(name)).collect();
        Self { program, features, slots, time_ms, patterns: RefCell::default() }
    }

    /// The value of a node for a feature. The depth of this recursion is bounded by the height of nodes.
    pub(super) fn value(&self, id: NodeId, row: u32) -> Evaluated<'a> {
        use StyleValue as V;
        let refuse = |why: Refusal| Fault { node: id, why };
        match &self.program.nodes[id as usize].op {
            Op::Constant(value) => Ok(value.borrowed()),
            Op::Property(name) => Ok(match self.slots.get(*name as usize) {
                Some(Some(slot)) => self.features.value(*slot, row),
                _ => V::Undefined,
            }),
            Op::Binary(op @ (Binary::Match | Binary::NotMatch), left, right) => {
                let matches = self.matches(&self.value(*left, row)?, &self.value(*right, row)?).map_err(refuse)?;
                Ok(V::Boolean(matches == (*op == Binary::Match)))
            }
            Op::Binary(op, left, right) => {
                calculate::binary(*op, &self.value(*left, row)?, &self.value(*right, row)?).map_err(refuse)
            }
            Op::And(parts) => {
                self.until(parts, false, row).map_err(|fault| fault.unwrap_or(refuse("&& takes two booleans")))
            }
            Op::Or(parts) => {
                self.until(parts, true, row).map_err(|fault| fault.unwrap_or(refuse("|| takes two booleans")))
            }
            Op::Conditional(test, then, otherwise) => match self.value(*test, row)? {
                V::Boolean(true) => self.value(*then, row),
                V::Boolean(false) => self.value(*otherwise, row),
                _ => Err(refuse("what stands before ? is not a boolean")),
            },
            Op::Not(operand) => match self.value(*operand, row)? {
                V::Boolean(value) => Ok(V::Boolean(!value)),
                _ => Err(refuse("! takes a boolean")),
            },
            Op::Negative(operand) => match self.value(*operand, row)? {
                V::Number(value) => Ok(V::Number(-value)),
                V::Vector(vector) => Ok(V::Vector(vector.map(|value| -value))),
                _ => Err(refuse("- takes a number or a vector")),
            },
            Op::Positive(operand) => match self.value(*operand, row)? {
                value @ (V::Number(_) | V::Vector(_)) => Ok(value),
                _ => Err(refuse("+ takes a number or a vector")),
            },
            Op::Member(object, key) => Ok(self.value(*object, row)?.member(&self.value(*key, row)?)),
            Op::NamedProperty(name) => Ok(self.named_property(&self.value(*name, row)?, row)),
            // On the stack: this is the innermost loop of most styles.
            Op::Call(function, arguments) => match arguments[..] {
                [a] => calculate::call(*function, &[self.value(a, row)?]),
                [a, b] => calculate::call(*function, &[self.value(a, row)?, self.value(b, row)?]),
                [a, b, c] => {
                    calculate::call(*function, &[self.value(a, row)?, self.value(b, row)?, self.value(c, row)?])
                }
                _ => calculate::call(*function, &[]),
            }
            .map_err(refuse),
            Op::Vector(len, arguments) => calculate::vector(*len, &self.values(arguments, row)?).map_err(refuse),
            Op::Color(kind, arguments) => make_color(*kind, &self.values(arguments, row)?).map_err(refuse),
            Op::Array(items) => Ok(V::Array(self.values(items, row)?.into())),
            Op::Template(parts) => self.template(parts, row)?.map_err(refuse),
            Op::RegExp(..) | Op::Test(..) | Op::Exec(..) | Op::ToString(_) => self.text_operation(id, row),
            Op::IsExactClass(_) | Op::IsClass(_) | Op::ClassName => self.class(id, row),
            Op::Time => Ok(V::Number(self.time_ms)),
        }
    }

    fn values(&self, ids: &[NodeId], row: u32) -> Result<Vec<StyleValue<'a>>, Fault> {
        ids.iter().map(|id| self.value(*id, row)).collect()
    }

    /// From the left until one is `stop`, which is then the value.
    fn until(&self, parts: &[NodeId], stop: bool, row: u32) -> Result<StyleValue<'a>, Option<Fault>> {
        for part in parts {
            match self.value(*part, row).map_err(Some)? {
                StyleValue::Boolean(value) if value == stop => return Ok(StyleValue::Boolean(stop)),
                StyleValue::Boolean(_) => {}
                _ => return Err(None),
            }
        }
        Ok(StyleValue::Boolean(!stop))
    }

    fn named_property(&self, name: &StyleValue<'_>, row: u32) -> StyleValue<'a> {
        let mut text = String::new();
        name.write_to(&mut text);
        self.features.find(&text).map_or(StyleValue::Undefined, |slot| self.features.value(slot, row))
    }

    fn template(&self, parts: &[NodeId], row: u32) -> Result<Result<StyleValue<'a>, Refusal>, Fault> {
        let mut text = String::new();
        for part in parts {
            let value = self.value(*part, row)?;
            let is_nothing = matches!(value, StyleValue::Undefined | StyleValue::Null);
            if !is_nothing && text.len() <= calculate::MAX_TEXT_BYTES {
                value.write_to(&mut text);
            }
        }
        Ok(calculate::bounded(text))
    }

    fn matches(&self, left: &StyleValue<'_>, right: &StyleValue<'_>) -> Result<bool, Refusal> {
        match (left, right) {
            (StyleValue::RegExp(regexp), StyleValue::Text(text))
            | (StyleValue::Text(text), StyleValue::RegExp(regexp)) => regexp.test(text).ok_or(TOO_LONG),
            _ => Err("=~ and !~ take a regular expression and a text"),
        }
    }

    fn text_operation(&self, id: NodeId, row: u32) -> Evaluated<'a> {
        use StyleValue as V;
        let refuse = |why: Refusal| Fault { node: id, why };
        match &self.program.nodes[id as usize].op {
            Op::RegExp(pattern, flags) => {
                let pattern = self.value(*pattern, row)?;
                let flags = flags.map(|flags| self.value(flags, row)).transpose()?;
                self.pattern(&pattern, flags.as_ref()).map(V::RegExp).ok_or(refuse("not a regular expression"))
            }
            Op::Test(regexp, text) => match (self.value(*regexp, row)?, self.value(*text, row)?) {
                (V::RegExp(regexp), V::Text(text)) => regexp.test(&text).map(V::Boolean).ok_or(refuse(TOO_LONG)),
                _ => Err(refuse("test takes a text, of a regular expression")),
            },
            Op::Exec(regexp, text) => match (self.value(*regexp, row)?, self.value(*text, row)?) {
                (V::RegExp(regexp), V::Text(text)) => match regexp.exec(&text) {
                    None => Err(refuse(TOO_LONG)),
                    Some(None) => Ok(V::Null),
                    Some(Some(None)) => Ok(V::Undefined),
                    Some(Some(Some(group))) => Ok(V::Text(Cow::Owned(group.to_owned()))),
                },
                _ => Err(refuse("exec takes a text, of a regular expression")),
            },
            Op::ToString(object) => match self.value(*object, row)? {
                value @ (V::RegExp(_) | V::Vector(_)) => {
                    let mut text = String::new();
                    value.write_to(&mut text);
                    Ok(V::Text(Cow::Owned(text)))
                }
                _ => Err(refuse("toString is for vectors, colours and regular expressions; String() is for anything")),
            },
            _ => Ok(V::Undefined),
        }
    }

    fn pattern(&self, pattern: &StyleValue<'_>, flags: Option<&StyleValue<'_>>) -> Option<Arc<RegExp>> {
        let mut key = (String::new(), String::new());
        pattern.write_to(&mut key.0);
        if let Some(flags) = flags {
            flags.write_to(&mut key.1);
        }
        let mut patterns = self.patterns.borrow_mut();
        if let Some(kept) = patterns.get(&key) {
            return kept.clone();
        }
        if patterns.len() >= MAX_KEPT_PATTERNS {
            patterns.clear();
        }
        let compiled = RegExp::new(&key.0, &key.1).ok().map(Arc::new);
        patterns.insert(key, compiled.clone());
        compiled
    }

    fn class(&self, id: NodeId, row: u32) -> Evaluated<'a> {
        let name = |id: NodeId| {
            let mut name = String::new();
            self.value(id, row)?.write_to(&mut name);
            Ok(name)
        };
        let is_feature = row < self.features.count();
        Ok(match &self.program.nodes[id as usize].op {
            Op::IsExactClass(class) => {
                let class = name(*class)?;
                StyleValue::Boolean(is_feature && self.features.class_name(row) == Some(&class))
            }
            Op::IsClass(class) => {
                let class = name(*class)?;
                StyleValue::Boolean(is_feature && self.features.is_class(row, &class))
            }
            _ => match self.features.class_name(row).filter(|_| is_feature) {
                Some(name) => StyleValue::Text(Cow::Borrowed(name)),
                None => StyleValue::Undefined,
            },
        })
    }
}

const TOO_LONG: Refusal = "the text is too long for a regular expression";

fn make_color(kind: Color, arguments: &[StyleValue<'_>]) -> Result<StyleValue<'static>, Refusal> {
    let number = |index: usize| match arguments.get(index) {
        None => Ok(1.0),
        Some(StyleValue::Number(value)) => Ok(*value),
        Some(_) => Err("a colour is made of numbers"),
    };
    let made = match kind {
        Color::Css => {
            let mut made = match arguments.first() {
                None => color::rgba(1.0, 1.0, 1.0, 1.0),
                Some(StyleValue::Text(text)) => color::css(text).ok_or("not a CSS colour")?,
                Some(_) => return Err("color takes a text"),
            };
            if arguments.len() > 1 {
                made.components[3] = number(1)?;
            }
            made
        }
        Color::Rgb => color::rgba(number(0)? / 255.0, number(1)? / 255.0, number(2)? / 255.0, number(3)?),
        Color::Hsl => color::hsla(number(0)?, number(1)?, number(2)?, number(3)?),
    };
    Ok(StyleValue::Vector(made))
}
