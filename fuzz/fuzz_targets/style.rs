//! Any bytes as a style, or as one expression, over features whose properties are of every type.
#![no_main]

use citytwin_fuzz as _;
use citytwin_tiles::{Features, Style, StyleLimits, StyleValue, Vector};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

/// Every property is there; what it is depends on its name and the row.
struct Anything;

impl Features for Anything {
    fn count(&self) -> u32 {
        8
    }

    fn find(&self, name: &str) -> Option<usize> {
        Some(name.bytes().map(usize::from).sum())
    }

    fn value(&self, property: usize, row: u32) -> StyleValue<'_> {
        match (property + row as usize) % 8 {
            0 => StyleValue::Undefined,
            1 => StyleValue::Null,
            2 => StyleValue::Boolean(property.is_multiple_of(2)),
            3 => StyleValue::Number(property as f64 / 3.0 - 100.0),
            4 => StyleValue::Text("größe (a+)+ 12".into()),
            5 => Vector::new(&[1.0, -2.0, f64::NAN, 1e300][..2 + property % 3])
                .map_or(StyleValue::Null, StyleValue::Vector),
            6 => StyleValue::Array(Arc::new([StyleValue::Number(1.0), StyleValue::Text("red".into())])),
            _ => StyleValue::from_json(serde_json::json!({ "a": { "b": [1, 2, 3, 4, 5] }, "0": "x" })),
        }
    }

    fn class_name(&self, row: u32) -> Option<&str> {
        row.is_multiple_of(2).then_some("door")
    }
}

fuzz_target!(|data: &[u8]| {
    let style = if data.first() == Some(&b'{') && data.get(1) != Some(&b'$') {
        Style::parse(data, &StyleLimits::default())
    } else {
        let Ok(text) = std::str::from_utf8(data) else { return };
        let json = serde_json::json!({ "show": text, "color": text, "meta": { "it": text } });
        Style::parse(json.to_string().as_bytes(), &StyleLimits::default())
    };
    let Ok(style) = style else { return };
    let styled = style.evaluate(&Anything, 1.0);
    assert!(styled.show.is_none_or(|column| column.len() == 8));
    assert!(styled.point_size.is_none_or(|column| column.iter().all(|size| size.is_finite() && *size >= 0.0)));
    for name in style.meta_names() {
        if let Some(Ok(value)) = style.meta(name, &Anything, 5, 1.0) {
            std::hint::black_box(value);
        }
    }
});
