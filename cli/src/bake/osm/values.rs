//! What people write as a tag's value → numbers. Everything here answers `None` instead of guessing.

use super::raw::RawTags;
use super::tags::Key;
use crate::bake::model::Warnings;
use std::ops::RangeInclusive;

const FOOT_M: f64 = 0.3048;
const INCH_M: f64 = 0.0254;

/// A length in metres: `12`, `12.5 m`, `12,5`, `40 ft`, `6'4"`. Of a list (`3;4`) the first counts.
pub(super) fn length_m(text: &str) -> Option<f64> {
    let text = text.split(';').next()?.trim().trim_start_matches('~').trim_start();
    if let Some((feet, inches)) = text.split_once(['\'', '′', '’']) {
        let inches = inches.trim().trim_end_matches(['"', '″', '”', '\'']).trim();
        let inches = if inches.is_empty() { 0.0 } else { number(inches)? };
        return Some(number(feet)? * FOOT_M + inches * INCH_M);
    }
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+'))).unwrap_or(text.len());
    // An exponent belongs to the number: `1e9` is absurd, not one of unit "e9".
    let end = if text[end..].starts_with(['e', 'E']) && text[end + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        text.len()
    } else {
        end
    };
    let value = number(&text[..end])?;
    let unit_m = match text[end..].trim().to_ascii_lowercase().trim_end_matches('.') {
        "" | "m" | "mt" | "mtr" | "metre" | "metres" | "meter" | "meters" | "米" => 1.0,
        "ft" | "foot" | "feet" => FOOT_M,
        "in" | "inch" | "inches" | "\"" | "″" => INCH_M,
        "cm" => 0.01,
        "km" => 1000.0,
        _ => return None,
    };
    Some(value * unit_m)
}

/// A plain number, with a decimal point or comma; finite.
pub(in crate::bake) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    // Rust also reads "inf", "nan" and "infinity".
    let value: f64 = if text.contains(',') { text.replacen(',', ".", 1).parse() } else { text.parse() }.ok()?;
    value.is_finite().then_some(value)
}

/// A compass bearing in degrees, `[0, 360)`: `225`, `225°`, `SW`, `south-west`.
pub(super) fn bearing_deg(text: &str) -> Option<f64> {
    const POINTS: [&str; 16] =
        ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];
    let text = text.split(';').next()?.trim().trim_end_matches('°').trim_end();
    if let Some(degrees) = number(text) {
        return Some(degrees.rem_euclid(360.0)).filter(|d| *d < 360.0);
    }
    let short: String = text
        .to_ascii_lowercase()
        .replace("north", "n")
        .replace("south", "s")
        .replace("east", "e")
        .replace("west", "w")
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .collect();
    let index = POINTS.iter().position(|p| p.eq_ignore_ascii_case(&short))?;
    Some(index as f64 * 22.5)
}

/// A vertical or other size out of the tags, with a warning when it is there but unreadable or out of `range`.
pub(in crate::bake) fn length_tag(
    tags: &RawTags,
    key: &str,
    range: RangeInclusive<f64>,
    of: Key,
    warnings: &mut Warnings,
) -> Option<f64> {
    checked(tags.get(key)?, length_m, key, range, of, warnings)
}

/// A count out of the tags, as [`length_tag`].
pub(in crate::bake) fn number_tag(
    tags: &RawTags,
    key: &str,
    range: RangeInclusive<f64>,
    of: Key,
    warnings: &mut Warnings,
) -> Option<f64> {
    let first = |text: &str| number(text.split(';').next()?);
    checked(tags.get(key)?, first, key, range, of, warnings)
}

fn checked(
    text: &str,
    read: impl Fn(&str) -> Option<f64>,
    key: &str,
    range: RangeInclusive<f64>,
    of: Key,
    warnings: &mut Warnings,
) -> Option<f64> {
    let value = read(text).filter(|v| range.contains(v));
    if value.is_none() {
        // Cut, because the text may be of any length.
        let shown: String = text.chars().take(40).collect();
        warnings.add(&format!("{}_unusable", key.replace(':', "_")), format!("{of}: {key}={shown}"));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (text, expected) in [
            ("12", Some(12.0)),
            ("12.5", Some(12.5)),
            ("12,5", Some(12.5)),
            ("12 m", Some(12.0)),
            ("12m", Some(12.0)),
            (" 12 metres ", Some(12.0)),
            ("40 ft", Some(12.192)),
            ("40'", Some(12.192)),
            ("6'4\"", Some(1.9304)),
            ("6′4″", Some(1.9304)),
            ("6' 4", Some(1.9304)),
            ("~12", Some(12.0)),
            ("12;14", Some(12.0)),
            ("632米", Some(632.0)),
            ("-3", Some(-3.0)),
            ("1e9", Some(1e9)),
            ("0.5 km", Some(500.0)),
            ("abc", None),
            ("", None),
            ("m", None),
            ("NaN", None),
            ("inf", None),
            ("1e999", None),
            ("12 floors", None),
            ("1.2.3", None),
            ("12 e", None),
            ("'", None),
            ("6'x\"", None),
            ("--", None),
            ("é", None),
        ] {
            let got = length_m(text);
            let same = match (got, expected) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9 * (1.0 + b.abs()),
                (a, b) => a == b,
            };
            assert!(same, "{text:?}: {got:?}, expected {expected:?}");
        }
    }

    #[test]
    fn bearings_are_read_as_degrees_or_compass_points() {
        for (text, expected) in [
            ("225", Some(225.0)),
            ("225°", Some(225.0)),
            ("-90", Some(270.0)),
            ("360", Some(0.0)),
            ("SW", Some(225.0)),
            ("nne", Some(22.5)),
            ("south-west", Some(225.0)),
            ("North", Some(0.0)),
            ("forward", None),
            ("", None),
            ("NaN", None),
        ] {
            assert_eq!(bearing_deg(text), expected, "{text:?}");
        }
    }

    #[test]
    fn absurd_values_count_as_missing_and_are_named() {
        let key = Key::way(7);
        for value in ["1e9", "-3", "abc", "NaN", "0"] {
            let tags = RawTags(vec![("height".into(), value.into())]);
            let mut warnings = Warnings::default();
            assert_eq!(length_tag(&tags, "height", 0.1..=1000.0, key, &mut warnings), None, "{value}");
            assert_eq!(warnings.0["height_unusable"].examples, [format!("way/7: height={value}")]);
        }
    }
}
