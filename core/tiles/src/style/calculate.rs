//! Operators and functions over values: GLSL's rules for vectors, JavaScript's for the rest.

use super::program::{Binary, Function};
use super::value::{StyleValue, Vector};
use std::borrow::Cow;

/// Longest text that an expression may put together, bytes.
pub(super) const MAX_TEXT_BYTES: usize = 1 << 20;

/// What an operator or function does not take.
pub(super) type Refusal = &'static str;

type Calculated = Result<StyleValue<'static>, Refusal>;

/// An operator between two values; not the regular-expression ones.
pub(super) fn binary(op: Binary, left: &StyleValue<'_>, right: &StyleValue<'_>) -> Calculated {
    use StyleValue as V;
    let compare = |holds: fn(&f64, &f64) -> bool| match (left, right) {
        (V::Number(a), V::Number(b)) => Ok(V::Boolean(holds(a, b))),
        _ => Err("a comparison takes two numbers"),
    };
    match op {
        Binary::Equal => Ok(V::Boolean(left.strictly_equals(right))),
        Binary::NotEqual => Ok(V::Boolean(!left.strictly_equals(right))),
        Binary::Less => compare(f64::lt),
        Binary::LessOrEqual => compare(f64::le),
        Binary::Greater => compare(f64::gt),
        Binary::GreaterOrEqual => compare(f64::ge),
        Binary::Add => match (left, right) {
            (V::Text(_), _) | (_, V::Text(_)) => {
                let mut text = String::new();
                left.write_to(&mut text);
                right.write_to(&mut text);
                bounded(text)
            }
            _ => alike(left, right, |a, b| a + b).ok_or("+ takes two numbers, two vectors of one length, or a text"),
        },
        Binary::Subtract => alike(left, right, |a, b| a - b).ok_or("- takes two numbers or two vectors of one length"),
        Binary::Remainder => alike(left, right, |a, b| a % b).ok_or("% takes two numbers or two vectors of one length"),
        Binary::Multiply => match (left, right) {
            (V::Number(scale), V::Vector(vector)) | (V::Vector(vector), V::Number(scale)) => {
                Ok(V::Vector(vector.map(|value| value * scale)))
            }
            _ => alike(left, right, |a, b| a * b).ok_or("* takes numbers, or vectors of one length"),
        },
        Binary::Divide => match (left, right) {
            (V::Vector(vector), V::Number(scale)) => Ok(V::Vector(vector.map(|value| value / scale))),
            _ => alike(left, right, |a, b| a / b).ok_or("/ takes numbers, vectors of one length, or a number last"),
        },
        Binary::Match | Binary::NotMatch => Err("=~ and !~ take a regular expression and a text"),
    }
}

/// A text, unless it has grown too long.
pub(super) fn bounded(text: String) -> Calculated {
    if text.len() > MAX_TEXT_BYTES {
        return Err("the text is too long");
    }
    Ok(StyleValue::Text(Cow::Owned(text)))
}

/// Two numbers, or two vectors of the same length.
fn alike(left: &StyleValue<'_>, right: &StyleValue<'_>, f: impl Fn(f64, f64) -> f64) -> Option<StyleValue<'static>> {
    match (left, right) {
        (StyleValue::Number(a), StyleValue::Number(b)) => Some(StyleValue::Number(f(*a, *b))),
        (StyleValue::Vector(a), StyleValue::Vector(b)) if a.len == b.len => Some(StyleValue::Vector(a.zip(b, f))),
        _ => None,
    }
}

/// A function of as many values as it takes.
pub(super) fn call(function: Function, arguments: &[StyleValue<'_>]) -> Calculated {
    match arguments {
        [value] => unary(function, value),
        [left, right] => two(function, left, right),
        [first, second, third] => three(function, first, second, third),
        _ => Err("a function takes one to three values"),
    }
}

fn unary(function: Function, value: &StyleValue<'_>) -> Calculated {
    let number: fn(f64) -> f64 = match function {
        Function::Boolean => return Ok(StyleValue::Boolean(value.truthy())),
        Function::Number => return Ok(StyleValue::Number(value.to_number())),
        Function::String => {
            let mut text = String::new();
            value.write_to(&mut text);
            return bounded(text);
        }
        Function::IsNan => return Ok(StyleValue::Boolean(value.to_number().is_nan())),
        Function::IsFinite => return Ok(StyleValue::Boolean(value.to_number().is_finite())),
        Function::Length => return length(value),
        Function::Normalize => return normalize(value),
        Function::Abs => f64::abs,
        Function::Sqrt => f64::sqrt,
        Function::Cos => f64::cos,
        Function::Sin => f64::sin,
        Function::Tan => f64::tan,
        Function::Acos => f64::acos,
        Function::Asin => f64::asin,
        Function::Atan => f64::atan,
        Function::Radians => f64::to_radians,
        Function::Degrees => f64::to_degrees,
        Function::Sign => |value| if value == 0.0 || value.is_nan() { value } else { value.signum() },
        Function::Floor => f64::floor,
        Function::Ceil => f64::ceil,
        Function::Round => round,
        Function::Exp => f64::exp,
        Function::Exp2 => f64::exp2,
        Function::Log => f64::ln,
        Function::Log2 => f64::log2,
        Function::Fract => |value| value - value.floor(),
        _ => return Err("the function takes more than one value"),
    };
    match value {
        StyleValue::Number(value) => Ok(StyleValue::Number(number(*value))),
        StyleValue::Vector(vector) => Ok(StyleValue::Vector(vector.map(number))),
        _ => Err("the function takes a number or a vector"),
    }
}

/// Halves go up, also below 0 (ECMAScript, Math.round).
fn round(value: f64) -> f64 {
    let rounded = value.round();
    if rounded - value == -0.5 { rounded + 1.0 } else { rounded }
}

fn length(value: &StyleValue<'_>) -> Calculated {
    match value {
        StyleValue::Number(value) => Ok(StyleValue::Number(value.abs())),
        StyleValue::Vector(vector) => Ok(StyleValue::Number(vector.dot(vector).sqrt())),
        _ => Err("length takes a number or a vector"),
    }
}

fn normalize(value: &StyleValue<'_>) -> Calculated {
    match value {
        StyleValue::Number(_) => Ok(StyleValue::Number(1.0)),
        StyleValue::Vector(vector) => {
            let length = vector.dot(vector).sqrt();
            if length == 0.0 || !length.is_finite() {
                return Err("normalize takes a vector with a finite length other than 0");
            }
            Ok(StyleValue::Vector(vector.map(|value| value / length)))
        }
        _ => Err("normalize takes a number or a vector"),
    }
}

fn two(function: Function, left: &StyleValue<'_>, right: &StyleValue<'_>) -> Calculated {
    use StyleValue as V;
    let difference = || alike(left, right, |a, b| a - b);
    let calculated = match function {
        Function::Atan2 => alike(left, right, f64::atan2),
        Function::Pow => alike(left, right, power),
        Function::Min => alike(left, &spread(left, right), least),
        Function::Max => alike(left, &spread(left, right), |a, b| -least(-a, -b)),
        Function::Distance => difference().and_then(|value| length(&value).ok()),
        Function::Dot => match (left, right) {
            (V::Number(a), V::Number(b)) => Some(V::Number(a * b)),
            (V::Vector(a), V::Vector(b)) if a.len == b.len => Some(V::Number(a.dot(b))),
            _ => None,
        },
        Function::Cross => match (left, right) {
            (V::Vector(a), V::Vector(b)) if a.len == 3 && b.len == 3 => Some(V::Vector(cross(a, b))),
            _ => return Err("cross takes two vectors of three components"),
        },
        _ => return Err("the function does not take two values"),
    };
    calculated.ok_or("the function takes two numbers or two vectors of one length")
}

fn three(function: Function, first: &StyleValue<'_>, second: &StyleValue<'_>, third: &StyleValue<'_>) -> Calculated {
    let calculated = match function {
        Function::Clamp => {
            // The lower bound goes first, also when the two are swapped.
            let lowered = alike(first, &spread(first, third), |value, high| if value > high { high } else { value });
            let below = alike(first, &spread(first, second), |value, low| if value < low { low } else { f64::NAN });
            lowered.zip(below).and_then(|(lowered, below)| {
                alike(&lowered, &below, |lowered, below| if below.is_nan() { lowered } else { below })
            })
        }
        Function::Mix => {
            let share = spread(first, third);
            let from = alike(first, &share, |value, share| (1.0 - share) * value);
            let to = alike(second, &share, |value, share| share * value);
            from.zip(to).and_then(|(from, to)| alike(&from, &to, |a, b| a + b))
        }
        _ => return Err("the function does not take three values"),
    };
    calculated.ok_or("the function takes numbers, or vectors of one length")
}

/// A number as a vector like `model`, where that is one.
fn spread(model: &StyleValue<'_>, value: &StyleValue<'_>) -> StyleValue<'static> {
    match (model, value) {
        (StyleValue::Vector(vector), StyleValue::Number(value)) => StyleValue::Vector(vector.map(|_| *value)),
        (_, other) => other.clone().into_owned(),
    }
}

/// The smaller one; NaN when one of them is (ECMAScript, Math.min).
fn least(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

/// NaN where IEEE would have 1 (ECMAScript, Number::exponentiate).
fn power(base: f64, exponent: f64) -> f64 {
    if exponent.is_nan() || base.abs() == 1.0 && exponent.is_infinite() { f64::NAN } else { base.powf(exponent) }
}

fn cross(a: &Vector, b: &Vector) -> Vector {
    let ([a0, a1, a2, _], [b0, b1, b2, _]) = (a.components, b.components);
    Vector { len: 3, components: [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0, 0.0] }
}

/// A vector of `len` components out of numbers and vectors: exactly as many as it needs, or one for all, or one longer
/// vector (3D Tiles Styling, Vectors).
pub(super) fn vector(len: u8, arguments: &[StyleValue<'_>]) -> Calculated {
    let wanted = usize::from(len);
    let mut values = Vec::with_capacity(wanted);
    for argument in arguments {
        match argument {
            StyleValue::Number(value) => values.push(*value),
            StyleValue::Vector(vector) => values.extend_from_slice(vector.as_slice()),
            _ => return Err("a vector is made of numbers and vectors"),
        }
    }
    if let [value] = values[..] {
        values = vec![value; wanted];
    } else if arguments.len() == 1 {
        values.truncate(wanted);
    }
    if values.len() != wanted {
        return Err("a vector is made of as many components as it has");
    }
    Vector::new(&values).map(StyleValue::Vector).ok_or("a vector has two to four components")
}
