//! Numbers as people read them. English and simplified Chinese write them alike: comma between thousands, decimal
//! point.

/// A whole number with a comma between thousands: `12,345`.
pub fn count(value: u64) -> String {
    group(&value.to_string())
}

/// A number with at most `decimals` places, trailing zeros dropped, a comma between thousands and a true minus sign.
/// Absurd numbers (not finite, or of 16 digits and more) come out in their shortest form.
pub fn decimal(value: f64, decimals: usize) -> String {
    if !value.is_finite() || value.abs() >= 1e15 {
        return format!("{value:e}");
    }
    let fixed = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = fixed.split_once('.').unwrap_or((&fixed, ""));
    let fraction = fraction.trim_end_matches('0');
    let zero = fraction.is_empty() && whole == "0";
    let sign = if value < 0.0 && !zero { "−" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", group(whole))
}

/// A measured value: more places the smaller it is (`1,234`, `23.4`, `0.35`).
pub fn measure(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 1000.0 => 0,
        v if v >= 1.0 => 1,
        _ => 2,
    };
    decimal(value, decimals)
}

/// Megabytes (10⁶ bytes) of a download: `0.3 MB`, `12 MB`.
pub fn megabytes(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    format!("{} MB", if megabytes < 9.95 { format!("{megabytes:.1}") } else { decimal(megabytes, 0) })
}

/// Metres below a kilometre, kilometres from there on, as (number, unit symbol).
pub fn distance(metres: f64) -> (String, &'static str) {
    if metres < 995.0 {
        // Nobody reads metres one by one from the sky.
        let step = if metres < 100.0 { 1.0 } else { 10.0 };
        (decimal((metres / step).round() * step, 0), "m")
    } else {
        (decimal(metres / 1000.0, if metres < 9_950.0 { 1 } else { 0 }), "km")
    }
}

fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (value, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(value), expected);
        }
    }

    #[test]
    fn decimals_are_rounded_and_trimmed() {
        for (value, decimals, expected) in [
            (23.45, 1, "23.4"),
            (23.0, 1, "23"),
            (-1234.5, 1, "−1,234.5"),
            (-0.001, 2, "0"),
            (999.96, 1, "1,000"),
            (0.0, 0, "0"),
            (1e15, 1, "1e15"),
            (f64::NAN, 1, "NaN"),
            (f64::INFINITY, 1, "inf"),
        ] {
            assert_eq!(decimal(value, decimals), expected, "{value}");
        }
    }

    #[test]
    fn small_measures_show_more_places() {
        assert_eq!(measure(0.349), "0.35");
        assert_eq!(measure(23.44), "23.4");
        assert_eq!(measure(1234.5), "1,234");
        assert_eq!(measure(-3.0), "−3");
    }

    #[test]
    fn downloads_are_megabytes() {
        assert_eq!(megabytes(0), "0.0 MB");
        assert_eq!(megabytes(349_000), "0.3 MB");
        assert_eq!(megabytes(9_960_000), "10 MB");
        assert_eq!(megabytes(12_345_678), "12 MB");
    }

    #[test]
    fn far_is_in_kilometres() {
        for (metres, number, unit) in
            [(47.4, "47", "m"), (344.0, "340", "m"), (994.0, "990", "m"), (1240.0, "1.2", "km"), (12_400.0, "12", "km")]
        {
            assert_eq!(distance(metres), (number.to_owned(), unit));
        }
    }
}
