//! Decimal numbers in text, to 15 digits: the standard library's exact reader costs a browser ten kilobytes of tables.

/// The number that all of a text is, as XML Schema writes doubles but for its words; `None` for anything else.
pub(super) fn number(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes().first()? {
        b'-' => (true, &mantissa[1..]),
        b'+' => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (mut value, mut places, mut any, mut fraction) = (0.0_f64, 0_i32, false, false);
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' => {
                any = true;
                // Digits beyond what a double holds only tell how large it is.
                if value < 1e17 {
                    value = value * 10.0 + f64::from(byte - b'0');
                    places = places.saturating_add(i32::from(fraction));
                } else {
                    places = places.saturating_sub(i32::from(!fraction));
                }
            }
            b'.' if !fraction => fraction = true,
            _ => return None,
        }
    }
    let power = exponent.saturating_sub(places);
    // Dividing by a power of ten is exact where it can be.
    let value = if power < 0 { value / 10_f64.powi(power.saturating_neg()) } else { value * 10_f64.powi(power) };
    (any && value.is_finite()).then_some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_standard_library_reads_them() {
        for text in
            ["0", "-0", "12", "+3.5", ".5", "5.", "-139.700258", "1e3", "2.5E-3", "24.9384000001", "1e-400", "00012.50"]
        {
            let (read, exact) = (number(text).expect(text), text.parse::<f64>().expect(text));
            assert!((read - exact).abs() <= 1e-15 * exact.abs(), "{text}: {read}");
        }
        for text in ["", "-", ".", "e5", "1e", "1e400", "1.2.3", "inf", "NaN", "0x1", "1 ", "--1", "1e99999999999", "ü"]
        {
            assert_eq!(number(text), None, "{text}");
        }
        let long = "9".repeat(500);
        assert_eq!(number(&long), None);
        assert_eq!(number(&format!("0.{}", "1".repeat(400))).map(|x| (x * 9.0).round()), Some(1.0));
    }
}
