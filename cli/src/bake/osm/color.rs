//! Colours of walls and roofs, sRGB: what is tagged, softened, else a warm palette with a little variation.

use super::raw::RawTags;
use super::tags::Key;

type Rgb = [u8; 3];

/// Walls without a tag.
const WALL: Rgb = [0xe9, 0xe4, 0xda];
/// Roofs without a tag.
const ROOF: Rgb = [0xd8, 0xd0, 0xc4];
/// How much of a tagged colour's saturation stays.
const SOFTENED: f64 = 0.7;
/// Brightness varies by this share from building to building.
const VARIATION: f64 = 0.04;

/// The wall's colour.
pub(in crate::bake) fn wall(tags: &RawTags, parent: Option<&RawTags>, seed: u64) -> Rgb {
    let of = |tags: &RawTags| {
        let tagged = tags.first(&["building:colour", "building:color", "building:facade:colour", "colour"]);
        let material = || tags.first(&["building:material", "building:facade:material", "material"]).and_then(material);
        tagged.and_then(parse).or_else(material)
    };
    paint(of(tags).or_else(|| parent.and_then(of)), WALL, seed)
}

/// The roof's colour.
pub(in crate::bake) fn roof(tags: &RawTags, parent: Option<&RawTags>, seed: u64) -> Rgb {
    let of = |tags: &RawTags| {
        let tagged = tags.first(&["roof:colour", "roof:color", "building:roof:colour"]);
        let material = || tags.first(&["roof:material", "building:roof:material"]).and_then(material);
        tagged.and_then(parse).or_else(material)
    };
    // Another part of the number than the wall's, so that the two vary apart.
    paint(of(tags).or_else(|| parent.and_then(of)), ROOF, seed >> 20)
}

/// The seed of a building's colours.
pub(super) fn seed(key: Key) -> u64 {
    key.seed()
}

fn paint(tagged: Option<Rgb>, default: Rgb, seed: u64) -> Rgb {
    match tagged {
        Some(color) => vary(soften(color), seed, 0.5),
        None => vary(default, seed, 1.0),
    }
}

/// Brighter or darker by up to [`VARIATION`], and a third of that warmer or cooler.
fn vary(color: Rgb, seed: u64, strength: f64) -> Rgb {
    let unit = |bits: u64| (bits & 0x3ff) as f64 / 511.5 - 1.0;
    let light = 1.0 + VARIATION * strength * unit(seed);
    let warm = VARIATION * strength / 3.0 * unit(seed >> 10);
    let channel = |v: u8, tint: f64| (f64::from(v) * (light + tint)).round().clamp(0.0, 255.0) as u8;
    [channel(color[0], warm), channel(color[1], 0.0), channel(color[2], -warm)]
}

/// Towards the grey of the same lightness (HSL), and away from pure black and white, which light cannot shade.
fn soften(color: Rgb) -> Rgb {
    let v = color.map(f64::from);
    let lightness = (v[0].max(v[1]).max(v[2]) + v[0].min(v[1]).min(v[2])) / 2.0;
    v.map(|c| (lightness + (c - lightness) * SOFTENED).clamp(38.0, 245.0).round() as u8)
}

/// A colour as `#rgb`, `#rrggbb` (the `#` may be missing) or a CSS name, also with underscores. Of a list the first.
pub(in crate::bake) fn parse(text: &str) -> Option<Rgb> {
    let text = text.split(';').next()?.trim().to_ascii_lowercase();
    let name: String = text.chars().filter(|c| !matches!(c, '_' | ' ' | '-')).collect();
    if let Ok(i) = NAMES.binary_search_by(|(n, _)| (*n).cmp(name.as_str())) {
        let rgb = NAMES[i].1;
        return Some([(rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8]);
    }
    let hex = text.strip_prefix('#').unwrap_or(&text);
    let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    match digits?[..] {
        [r, g, b] => Some([r * 17, g * 17, b * 17]),
        [r1, r0, g1, g0, b1, b0] => Some([r1 * 16 + r0, g1 * 16 + g0, b1 * 16 + b0]),
        _ => None,
    }
}

/// Typical colour of a material of walls or roofs.
fn material(text: &str) -> Option<Rgb> {
    Some(match text.split(';').next()?.trim().to_ascii_lowercase().as_str() {
        "brick" | "bricks" => [0xb5, 0x6f, 0x55],
        "roof_tiles" | "tile" | "tiles" | "clay" => [0xb3, 0x62, 0x48],
        "glass" | "mirror" => [0xa9, 0xc4, 0xd4],
        "concrete" | "cement" | "cement_block" => [0xc9, 0xc5, 0xbd],
        "stone" | "limestone" | "granite" | "sandstone" | "masonry" => [0xd0, 0xc4, 0xae],
        "marble" => [0xec, 0xe8, 0xe0],
        "wood" | "timber_framing" | "bamboo" => [0xb8, 0x93, 0x6c],
        "metal" | "steel" | "metal_plates" | "zinc" | "tin" | "aluminium" | "sheet_metal" => [0xb4, 0xb9, 0xbd],
        "copper" => [0x7d, 0xb5, 0x9c],
        "slate" => [0x74, 0x7b, 0x84],
        "tar_paper" | "asphalt" | "bitumen" | "asphalt_shingle" => [0x8d, 0x89, 0x84],
        "gravel" => [0xc2, 0xbd, 0xb4],
        "eternit" => [0xa8, 0xa5, 0xa0],
        "grass" | "plants" => [0xb7, 0xcc, 0x98],
        "thatch" => [0xb9, 0xa0, 0x74],
        "solar_panels" => [0x4f, 0x5d, 0x78],
        "mud" | "adobe" | "loam" | "rammed_earth" => [0xc8, 0xa6, 0x7c],
        _ => return None,
    })
}

/// CSS Color Module Level 4, section 6.1, by name.
#[rustfmt::skip]
const NAMES: [(&str, u32); 148] = [
    ("aliceblue", 0xf0f8ff), ("antiquewhite", 0xfaebd7), ("aqua", 0x00ffff), ("aquamarine", 0x7fffd4),
    ("azure", 0xf0ffff), ("beige", 0xf5f5dc), ("bisque", 0xffe4c4), ("black", 0x000000), ("blanchedalmond", 0xffebcd),
    ("blue", 0x0000ff), ("blueviolet", 0x8a2be2), ("brown", 0xa52a2a), ("burlywood", 0xdeb887),
    ("cadetblue", 0x5f9ea0), ("chartreuse", 0x7fff00), ("chocolate", 0xd2691e), ("coral", 0xff7f50),
    ("cornflowerblue", 0x6495ed), ("cornsilk", 0xfff8dc), ("crimson", 0xdc143c), ("cyan", 0x00ffff),
    ("darkblue", 0x00008b), ("darkcyan", 0x008b8b), ("darkgoldenrod", 0xb8860b), ("darkgray", 0xa9a9a9),
    ("darkgreen", 0x006400), ("darkgrey", 0xa9a9a9), ("darkkhaki", 0xbdb76b), ("darkmagenta", 0x8b008b),
    ("darkolivegreen", 0x556b2f), ("darkorange", 0xff8c00), ("darkorchid", 0x9932cc), ("darkred", 0x8b0000),
    ("darksalmon", 0xe9967a), ("darkseagreen", 0x8fbc8f), ("darkslateblue", 0x483d8b), ("darkslategray", 0x2f4f4f),
    ("darkslategrey", 0x2f4f4f), ("darkturquoise", 0x00ced1), ("darkviolet", 0x9400d3), ("deeppink", 0xff1493),
    ("deepskyblue", 0x00bfff), ("dimgray", 0x696969), ("dimgrey", 0x696969), ("dodgerblue", 0x1e90ff),
    ("firebrick", 0xb22222), ("floralwhite", 0xfffaf0), ("forestgreen", 0x228b22), ("fuchsia", 0xff00ff),
    ("gainsboro", 0xdcdcdc), ("ghostwhite", 0xf8f8ff), ("gold", 0xffd700), ("goldenrod", 0xdaa520),
    ("gray", 0x808080), ("green", 0x008000), ("greenyellow", 0xadff2f), ("grey", 0x808080), ("honeydew", 0xf0fff0),
    ("hotpink", 0xff69b4), ("indianred", 0xcd5c5c), ("indigo", 0x4b0082), ("ivory", 0xfffff0), ("khaki", 0xf0e68c),
    ("lavender", 0xe6e6fa), ("lavenderblush", 0xfff0f5), ("lawngreen", 0x7cfc00), ("lemonchiffon", 0xfffacd),
    ("lightblue", 0xadd8e6), ("lightcoral", 0xf08080), ("lightcyan", 0xe0ffff), ("lightgoldenrodyellow", 0xfafad2),
    ("lightgray", 0xd3d3d3), ("lightgreen", 0x90ee90), ("lightgrey", 0xd3d3d3), ("lightpink", 0xffb6c1),
    ("lightsalmon", 0xffa07a), ("lightseagreen", 0x20b2aa), ("lightskyblue", 0x87cefa), ("lightslategray", 0x778899),
    ("lightslategrey", 0x778899), ("lightsteelblue", 0xb0c4de), ("lightyellow", 0xffffe0), ("lime", 0x00ff00),
    ("limegreen", 0x32cd32), ("linen", 0xfaf0e6), ("magenta", 0xff00ff), ("maroon", 0x800000),
    ("mediumaquamarine", 0x66cdaa), ("mediumblue", 0x0000cd), ("mediumorchid", 0xba55d3), ("mediumpurple", 0x9370db),
    ("mediumseagreen", 0x3cb371), ("mediumslateblue", 0x7b68ee), ("mediumspringgreen", 0x00fa9a),
    ("mediumturquoise", 0x48d1cc), ("mediumvioletred", 0xc71585), ("midnightblue", 0x191970), ("mintcream", 0xf5fffa),
    ("mistyrose", 0xffe4e1), ("moccasin", 0xffe4b5), ("navajowhite", 0xffdead), ("navy", 0x000080),
    ("oldlace", 0xfdf5e6), ("olive", 0x808000), ("olivedrab", 0x6b8e23), ("orange", 0xffa500),
    ("orangered", 0xff4500), ("orchid", 0xda70d6), ("palegoldenrod", 0xeee8aa), ("palegreen", 0x98fb98),
    ("paleturquoise", 0xafeeee), ("palevioletred", 0xdb7093), ("papayawhip", 0xffefd5), ("peachpuff", 0xffdab9),
    ("peru", 0xcd853f), ("pink", 0xffc0cb), ("plum", 0xdda0dd), ("powderblue", 0xb0e0e6), ("purple", 0x800080),
    ("rebeccapurple", 0x663399), ("red", 0xff0000), ("rosybrown", 0xbc8f8f), ("royalblue", 0x4169e1),
    ("saddlebrown", 0x8b4513), ("salmon", 0xfa8072), ("sandybrown", 0xf4a460), ("seagreen", 0x2e8b57),
    ("seashell", 0xfff5ee), ("sienna", 0xa0522d), ("silver", 0xc0c0c0), ("skyblue", 0x87ceeb),
    ("slateblue", 0x6a5acd), ("slategray", 0x708090), ("slategrey", 0x708090), ("snow", 0xfffafa),
    ("springgreen", 0x00ff7f), ("steelblue", 0x4682b4), ("tan", 0xd2b48c), ("teal", 0x008080), ("thistle", 0xd8bfd8),
    ("tomato", 0xff6347), ("turquoise", 0x40e0d0), ("violet", 0xee82ee), ("wheat", 0xf5deb3), ("white", 0xffffff),
    ("whitesmoke", 0xf5f5f5), ("yellow", 0xffff00), ("yellowgreen", 0x9acd32),
];
