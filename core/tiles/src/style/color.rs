//! CSS colours (CSS Color Module Level 4: named colours, hexadecimal, `rgb()` and `hsl()`).

use super::value::Vector;

/// The named colours, sorted, as 0xRRGGBB.
#[rustfmt::skip]
const NAMED: [(&str, u32); 148] = [
    ("aliceblue", 0xf0f8ff), ("antiquewhite", 0xfaebd7), ("aqua", 0x00ffff), ("aquamarine", 0x7fffd4),
    ("azure", 0xf0ffff), ("beige", 0xf5f5dc), ("bisque", 0xffe4c4), ("black", 0x000000),
    ("blanchedalmond", 0xffebcd), ("blue", 0x0000ff), ("blueviolet", 0x8a2be2), ("brown", 0xa52a2a),
    ("burlywood", 0xdeb887), ("cadetblue", 0x5f9ea0), ("chartreuse", 0x7fff00), ("chocolate", 0xd2691e),
    ("coral", 0xff7f50), ("cornflowerblue", 0x6495ed), ("cornsilk", 0xfff8dc), ("crimson", 0xdc143c),
    ("cyan", 0x00ffff), ("darkblue", 0x00008b), ("darkcyan", 0x008b8b), ("darkgoldenrod", 0xb8860b),
    ("darkgray", 0xa9a9a9), ("darkgreen", 0x006400), ("darkgrey", 0xa9a9a9), ("darkkhaki", 0xbdb76b),
    ("darkmagenta", 0x8b008b), ("darkolivegreen", 0x556b2f), ("darkorange", 0xff8c00), ("darkorchid", 0x9932cc),
    ("darkred", 0x8b0000), ("darksalmon", 0xe9967a), ("darkseagreen", 0x8fbc8f), ("darkslateblue", 0x483d8b),
    ("darkslategray", 0x2f4f4f), ("darkslategrey", 0x2f4f4f), ("darkturquoise", 0x00ced1), ("darkviolet", 0x9400d3),
    ("deeppink", 0xff1493), ("deepskyblue", 0x00bfff), ("dimgray", 0x696969), ("dimgrey", 0x696969),
    ("dodgerblue", 0x1e90ff), ("firebrick", 0xb22222), ("floralwhite", 0xfffaf0), ("forestgreen", 0x228b22),
    ("fuchsia", 0xff00ff), ("gainsboro", 0xdcdcdc), ("ghostwhite", 0xf8f8ff), ("gold", 0xffd700),
    ("goldenrod", 0xdaa520), ("gray", 0x808080), ("green", 0x008000), ("greenyellow", 0xadff2f),
    ("grey", 0x808080), ("honeydew", 0xf0fff0), ("hotpink", 0xff69b4), ("indianred", 0xcd5c5c),
    ("indigo", 0x4b0082), ("ivory", 0xfffff0), ("khaki", 0xf0e68c), ("lavender", 0xe6e6fa),
    ("lavenderblush", 0xfff0f5), ("lawngreen", 0x7cfc00), ("lemonchiffon", 0xfffacd), ("lightblue", 0xadd8e6),
    ("lightcoral", 0xf08080), ("lightcyan", 0xe0ffff), ("lightgoldenrodyellow", 0xfafad2), ("lightgray", 0xd3d3d3),
    ("lightgreen", 0x90ee90), ("lightgrey", 0xd3d3d3), ("lightpink", 0xffb6c1), ("lightsalmon", 0xffa07a),
    ("lightseagreen", 0x20b2aa), ("lightskyblue", 0x87cefa), ("lightslategray", 0x778899), ("lightslategrey", 0x778899),
    ("lightsteelblue", 0xb0c4de), ("lightyellow", 0xffffe0), ("lime", 0x00ff00), ("limegreen", 0x32cd32),
    ("linen", 0xfaf0e6), ("magenta", 0xff00ff), ("maroon", 0x800000), ("mediumaquamarine", 0x66cdaa),
    ("mediumblue", 0x0000cd), ("mediumorchid", 0xba55d3), ("mediumpurple", 0x9370db), ("mediumseagreen", 0x3cb371),
    ("mediumslateblue", 0x7b68ee), ("mediumspringgreen", 0x00fa9a), ("mediumturquoise", 0x48d1cc), ("mediumvioletred", 0xc71585),
    ("midnightblue", 0x191970), ("mintcream", 0xf5fffa), ("mistyrose", 0xffe4e1), ("moccasin", 0xffe4b5),
    ("navajowhite", 0xffdead), ("navy", 0x000080), ("oldlace", 0xfdf5e6), ("olive", 0x808000),
    ("olivedrab", 0x6b8e23), ("orange", 0xffa500), ("orangered", 0xff4500), ("orchid", 0xda70d6),
    ("palegoldenrod", 0xeee8aa), ("palegreen", 0x98fb98), ("paleturquoise", 0xafeeee), ("palevioletred", 0xdb7093),
    ("papayawhip", 0xffefd5), ("peachpuff", 0xffdab9), ("peru", 0xcd853f), ("pink", 0xffc0cb),
    ("plum", 0xdda0dd), ("powderblue", 0xb0e0e6), ("purple", 0x800080), ("rebeccapurple", 0x663399),
    ("red", 0xff0000), ("rosybrown", 0xbc8f8f), ("royalblue", 0x4169e1), ("saddlebrown", 0x8b4513),
    ("salmon", 0xfa8072), ("sandybrown", 0xf4a460), ("seagreen", 0x2e8b57), ("seashell", 0xfff5ee),
    ("sienna", 0xa0522d), ("silver", 0xc0c0c0), ("skyblue", 0x87ceeb), ("slateblue", 0x6a5acd),
    ("slategray", 0x708090), ("slategrey", 0x708090), ("snow", 0xfffafa), ("springgreen", 0x00ff7f),
    ("steelblue", 0x4682b4), ("tan", 0xd2b48c), ("teal", 0x008080), ("thistle", 0xd8bfd8),
    ("tomato", 0xff6347), ("turquoise", 0x40e0d0), ("violet", 0xee82ee), ("wheat", 0xf5deb3),
    ("white", 0xffffff), ("whitesmoke", 0xf5f5f5), ("yellow", 0xffff00), ("yellowgreen", 0x9acd32),
];

/// The longest text that can be a colour.
const MAX_LEN: usize = 128;

/// Red, green, blue, alpha.
pub(super) fn rgba(r: f64, g: f64, b: f64, a: f64) -> Vector {
    Vector { len: 4, components: [r, g, b, a] }
}

/// The colour that a CSS text names, components from 0 to 1; `None` when it names none.
pub(super) fn css(text: &str) -> Option<Vector> {
    let text = text.trim();
    if text.len() > MAX_LEN {
        return None;
    }
    let text = text.to_ascii_lowercase();
    if let Ok(at) = NAMED.binary_search_by(|(name, _)| (*name).cmp(&text)) {
        let [_, r, g, b] = NAMED[at].1.to_be_bytes().map(|byte| f64::from(byte) / 255.0);
        return Some(rgba(r, g, b, 1.0));
    }
    if text == "transparent" {
        return Some(rgba(0.0, 0.0, 0.0, 0.0));
    }
    match text.strip_prefix('#') {
        Some(digits) => hexadecimal(digits),
        None => function(&text),
    }
}

/// `rgb`, `rgba`, `rrggbb` or `rrggbbaa`.
fn hexadecimal(digits: &str) -> Option<Vector> {
    let values: Vec<u32> = digits.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let components: Vec<f64> = match values.len() {
        3 | 4 => values.iter().map(|v| f64::from(*v) / 15.0).collect(),
        6 | 8 => values.chunks(2).map(|v| f64::from(v[0] * 16 + v[1]) / 255.0).collect(),
        _ => return None,
    };
    Some(rgba(components[0], components[1], components[2], components.get(3).copied().unwrap_or(1.0)))
}

/// `rgb(…)`, `rgba(…)`, `hsl(…)` or `hsla(…)`.
fn function(text: &str) -> Option<Vector> {
    let (name, arguments) = text.strip_suffix(')')?.split_once('(')?;
    let separators = |c: char| c == ',' || c == '/' || c.is_ascii_whitespace();
    let arguments: Vec<&str> = arguments.split(separators).filter(|argument| !argument.is_empty()).collect();
    if arguments.len() != 3 && arguments.len() != 4 {
        return None;
    }
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        text.parse::<f64>().ok().filter(|_| plain)
    };
    let percent = |text: &str| Some(number(text.strip_suffix('%')?)? / 100.0);
    let alpha = arguments.get(3).map_or(Some(1.0), |text| number(text))?;
    match name.trim_end() {
        "rgb" | "rgba" => {
            let channel = |text: &str| percent(text).or_else(|| Some(number(text)? / 255.0));
            Some(rgba(channel(arguments[0])?, channel(arguments[1])?, channel(arguments[2])?, alpha))
        }
        "hsl" | "hsla" => {
            Some(hsla(number(arguments[0])? / 360.0, percent(arguments[1])?, percent(arguments[2])?, alpha))
        }
        _ => None,
    }
}

/// A colour by hue, saturation, lightness and alpha, each from 0 to 1; the hue goes round.
pub(super) fn hsla(hue: f64, saturation: f64, lightness: f64, alpha: f64) -> Vector {
    let hue = hue % 1.0;
    if saturation == 0.0 {
        return rgba(lightness, lightness, lightness, alpha);
    }
    let high =
        if lightness < 0.5 { lightness * (1.0 + saturation) } else { lightness + saturation - lightness * saturation };
    let low = 2.0 * lightness - high;
    let channel = |hue: f64| channel_of_hue(low, high, hue);
    rgba(channel(hue + 1.0 / 3.0), channel(hue), channel(hue - 1.0 / 3.0), alpha)
}

fn channel_of_hue(low: f64, high: f64, hue: f64) -> f64 {
    let hue = match hue {
        hue if hue < 0.0 => hue + 1.0,
        hue if hue > 1.0 => hue - 1.0,
        hue => hue,
    };
    if hue * 6.0 < 1.0 {
        low + (high - low) * 6.0 * hue
    } else if hue * 2.0 < 1.0 {
        high
    } else if hue * 3.0 < 2.0 {
        low + (high - low) * (2.0 / 3.0 - hue) * 6.0
    } else {
        low
    }
}

/// The eight-bit colour that is drawn.
pub(super) fn to_bytes(color: &Vector) -> [u8; 4] {
    // A cast clamps, and makes 0 of NaN.
    color.components.map(|value| (value * 255.0).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted() {
        assert!(NAMED.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn every_form_of_a_colour_is_read() {
        for (text, expected) in [
            ("red", Some([255, 0, 0, 255])),
            (" RebeccaPurple ", Some([0x66, 0x33, 0x99, 255])),
            ("transparent", Some([0, 0, 0, 0])),
            ("#f80", Some([255, 136, 0, 255])),
            ("#F808", Some([255, 136, 0, 136])),
            ("#ff8800", Some([255, 136, 0, 255])),
            ("#ff880080", Some([255, 136, 0, 128])),
            ("rgb(255, 136, 0)", Some([255, 136, 0, 255])),
            ("rgb(100%, 50%, 0%)", Some([255, 128, 0, 255])),
            ("rgba(255 136 0 / 0.5)", Some([255, 136, 0, 128])),
            ("hsl(120, 100%, 50%)", Some([0, 255, 0, 255])),
            ("hsla(240, 100%, 50%, 0.2)", Some([0, 0, 255, 51])),
            ("#ff88", Some([255, 255, 136, 136])),
            ("#ff880", None),
            ("#ggg", None),
            ("rgb(1, 2)", None),
            ("rgb(1, 2, x)", None),
            ("hsl(1, 2, 3)", None),
            ("redd", None),
            ("", None),
            ("rgb(", None),
        ] {
            assert_eq!(css(text).map(|color| to_bytes(&color)), expected, "{text:?}");
        }
    }
}
