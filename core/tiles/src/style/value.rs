//! Values of the styling language, and what JavaScript makes of them when it converts one into another.

use super::regexp::RegExp;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

/// A value of the styling language.
#[derive(Clone, Debug, PartialEq)]
pub enum StyleValue<'a> {
    /// What is not there: the feature has no such property.
    Undefined,
    /// Known to be nothing.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number, NaN and the infinities included.
    Number(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// A vector, or a colour: red, green, blue, alpha from 0 to 1.
    Vector(Vector),
    /// A list.
    Array(Arc<[StyleValue<'a>]>),
    /// A property that has properties.
    Object(Arc<Map<String, Json>>),
    /// A regular expression.
    RegExp(Arc<RegExp>),
}

/// A vector of two to four components.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vector {
    /// Two, three or four.
    pub len: u8,
    /// The components; beyond `len` they mean nothing and are 0.
    pub components: [f64; 4],
}

impl Vector {
    /// A vector of these components; `None` unless there are two to four.
    pub fn new(values: &[f64]) -> Option<Self> {
        let mut components = [0.0; 4];
        components.get_mut(..values.len()).filter(|to| to.len() >= 2)?.copy_from_slice(values);
        Some(Self { len: values.len() as u8, components })
    }

    /// The components that it has.
    pub fn as_slice(&self) -> &[f64] {
        &self.components[..usize::from(self.len)]
    }

    /// Each component made into another one.
    pub(super) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        self.zip(self, |value, _| f(value))
    }

    /// Each component made into another one, together with its counterpart in a vector of the same length.
    pub(super) fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut out = *self;
        for i in 0..usize::from(self.len) {
            out.components[i] = f(self.components[i], other.components[i]);
        }
        out
    }

    pub(super) fn dot(&self, other: &Self) -> f64 {
        self.zip(other, |a, b| a * b).as_slice().iter().sum()
    }
}

impl StyleValue<'_> {
    /// The same value, free of what it was borrowed from.
    pub fn into_owned(self) -> StyleValue<'static> {
        match self {
            Self::Undefined => StyleValue::Undefined,
            Self::Null => StyleValue::Null,
            Self::Boolean(value) => StyleValue::Boolean(value),
            Self::Number(value) => StyleValue::Number(value),
            Self::Text(text) => StyleValue::Text(Cow::Owned(text.into_owned())),
            Self::Vector(vector) => StyleValue::Vector(vector),
            Self::Array(items) => StyleValue::Array(items.iter().map(|item| item.clone().into_owned()).collect()),
            Self::Object(object) => StyleValue::Object(object),
            Self::RegExp(regexp) => StyleValue::RegExp(regexp),
        }
    }

    /// The same value without a copy of what it owns.
    pub(super) fn borrowed(&self) -> StyleValue<'_> {
        match self {
            Self::Text(text) => StyleValue::Text(Cow::Borrowed(text)),
            other => other.clone(),
        }
    }

    /// A value out of a JSON property. Two to four numbers are a vector, so that they can be calculated with.
    pub fn from_json(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Boolean(value),
            Json::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::Text(Cow::Owned(text)),
            Json::Object(object) => Self::Object(Arc::new(object)),
            Json::Array(items) => {
                let numbers: Option<Vec<f64>> = items.iter().map(Json::as_f64).collect();
                match numbers.and_then(|numbers| Vector::new(&numbers)) {
                    Some(vector) => Self::Vector(vector),
                    None => Self::Array(items.into_iter().map(StyleValue::from_json).collect()),
                }
            }
        }
    }

    /// `===`: no conversion; vectors by their components, NaN unlike itself, lists and regular expressions unlike
    /// any other.
    pub(super) fn strictly_equals(&self, other: &StyleValue<'_>) -> bool {
        match (self, other) {
            (Self::Undefined, StyleValue::Undefined) | (Self::Null, StyleValue::Null) => true,
            (Self::Boolean(a), StyleValue::Boolean(b)) => a == b,
            (Self::Number(a), StyleValue::Number(b)) => a == b,
            (Self::Text(a), StyleValue::Text(b)) => a == b,
            (Self::Vector(a), StyleValue::Vector(b)) => a == b,
            _ => false,
        }
    }

    /// `Boolean(value)`.
    pub(super) fn truthy(&self) -> bool {
        match self {
            Self::Undefined | Self::Null => false,
            Self::Boolean(value) => *value,
            Self::Number(value) => *value != 0.0 && !value.is_nan(),
            Self::Text(text) => !text.is_empty(),
            Self::Vector(_) | Self::Array(_) | Self::Object(_) | Self::RegExp(_) => true,
        }
    }

    /// `Number(value)`.
    pub(super) fn to_number(&self) -> f64 {
        match self {
            Self::Undefined => f64::NAN,
            Self::Null => 0.0,
            Self::Boolean(value) => f64::from(u8::from(*value)),
            Self::Number(value) => *value,
            Self::Text(text) => number_of(text),
            other => {
                let mut text = String::new();
                other.write_to(&mut text);
                number_of(&text)
            }
        }
    }

    /// Appends what `String(value)` gives.
    pub(super) fn write_to(&self, out: &mut String) {
        match self {
            Self::Undefined => out.push_str("undefined"),
            Self::Null => out.push_str("null"),
            Self::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(value) => write_number(*value, out),
            Self::Text(text) => out.push_str(text),
            Self::Vector(vector) => {
                out.push('(');
                for (i, value) in vector.as_slice().iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    write_number(*value, out);
                }
                out.push(')');
            }
            Self::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    if !matches!(item, Self::Undefined | Self::Null) {
                        item.write_to(out);
                    }
                }
            }
            Self::Object(_) => out.push_str("[object Object]"),
            Self::RegExp(regexp) => {
                // Writing into a text cannot fail.
                let _ = write!(out, "{regexp}");
            }
        }
    }

    /// `value.key` and `value[key]`; what is not there is undefined.
    pub(super) fn member(&self, key: &StyleValue<'_>) -> StyleValue<'static> {
        let text = match key {
            StyleValue::Text(text) => text.as_ref(),
            StyleValue::Number(index) => return self.at(*index),
            _ => return StyleValue::Undefined,
        };
        match self {
            Self::Vector(vector) => {
                let index = match text {
                    "x" | "r" | "0" => 0,
                    "y" | "g" | "1" => 1,
                    "z" | "b" | "2" => 2,
                    "w" | "a" | "3" => 3,
                    _ => return StyleValue::Undefined,
                };
                vector.as_slice().get(index).map_or(StyleValue::Undefined, |value| StyleValue::Number(*value))
            }
            Self::Object(object) => object.get(text).cloned().map_or(StyleValue::Undefined, StyleValue::from_json),
            Self::Array(items) if text == "length" => StyleValue::Number(items.len() as f64),
            Self::Text(own) if text == "length" => StyleValue::Number(own.encode_utf16().count() as f64),
            _ => text.parse().map_or(StyleValue::Undefined, |index| self.at(index)),
        }
    }

    /// `value[index]`.
    fn at(&self, index: f64) -> StyleValue<'static> {
        if index < 0.0 || index.fract() != 0.0 || index > u32::MAX.into() {
            return StyleValue::Undefined;
        }
        let at = index as usize;
        let found = match self {
            Self::Vector(vector) => vector.as_slice().get(at).map(|value| StyleValue::Number(*value)),
            Self::Array(items) => items.get(at).map(|item| item.clone().into_owned()),
            Self::Text(text) => text.chars().nth(at).map(|c| StyleValue::Text(Cow::Owned(c.to_string()))),
            Self::Object(object) => object.get(&index.to_string()).cloned().map(StyleValue::from_json),
            _ => None,
        };
        found.unwrap_or(StyleValue::Undefined)
    }
}

/// What counts as space at the ends of a number (ECMAScript, WhiteSpace and LineTerminator).
fn is_space(c: char) -> bool {
    c.is_whitespace() && c != '\u{85}' || c == '\u{feff}'
}

/// `Number(text)`: decimal, or whole in base 2, 8 or 16; NaN for anything else (ECMAScript, StringToNumber).
fn number_of(text: &str) -> f64 {
    let text = text.trim_matches(is_space);
    if text.is_empty() {
        return 0.0;
    }
    for (prefixes, radix) in [(["0x", "0X"], 16), (["0o", "0O"], 8), (["0b", "0B"], 2)] {
        if let Some(digits) = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)) {
            let value =
                digits.chars().try_fold(0.0, |value, c| Some(value * f64::from(radix) + f64::from(c.to_digit(radix)?)));
            return value.filter(|_| !digits.is_empty()).unwrap_or(f64::NAN);
        }
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned == "Infinity" {
        return if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    // Rust would also read "inf" and "nan".
    let is_decimal = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if is_decimal { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

/// Appends what `String(number)` gives (ECMAScript, Number::toString): shortest digits that read back as the same
/// number, with an exponent from 1e21 up and below 1e-6.
fn write_number(value: f64, out: &mut String) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let size = value.abs();
    // Writing into a text cannot fail.
    let _ = if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        let sign = if size >= 1.0 { "e+" } else { "e" };
        write!(out, "{}", text.replace('e', sign))
    } else {
        // Adding 0 turns −0 into 0.
        write!(out, "{}", value + 0.0)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_and_read_as_javascript_does() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e21, "1e+21"),
            (123456789012345680000.0, "123456789012345680000"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1.25e-7, "1.25e-7"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut text = String::new();
            write_number(value, &mut text);
            assert_eq!(text, expected);
            let read = number_of(&text);
            assert!(read == value || value.is_nan() && read.is_nan(), "{text}");
        }
        for (text, expected) in
            [("", 0.0), (" 12 ", 12.0), ("0x1F", 31.0), ("0b101", 5.0), (".5", 0.5), ("5.", 5.0), ("+2", 2.0)]
        {
            assert_eq!(number_of(text), expected, "{text:?}");
        }
        for text in ["inf", "nan", "0x", "1a", "--1", "1 2", "+0x1", "-", "infinity"] {
            assert!(number_of(text).is_nan(), "{text:?}");
        }
    }
}
