//! The built-in icons: what is cut out of their badge, as SVG paths (even-odd) in CSS pixels around its middle.

/// Side of a badge, CSS pixels, and the radius of its corners.
pub(crate) const BADGE_CSS: f64 = 18.0;
pub(crate) const CORNER_CSS: f64 = 5.0;

/// The path of an icon by its name.
pub(crate) fn path(name: &str) -> Option<&'static str> {
    Some(match name {
        "bar" => "M-5-6H5L1-1V4H3V6H-3V4H-1V-1Z",
        "bicycle" => {
            "M-6.5 2A3 3 0 1 1-.5 2 3 3 0 1 1-6.5 2M-5 2A1.5 1.5 0 1 0-2 2 1.5 1.5 0 1 0-5 2\
             M.5 2A3 3 0 1 1 6.5 2 3 3 0 1 1 .5 2M2 2A1.5 1.5 0 1 0 5 2 1.5 1.5 0 1 0 2 2\
             M-3-3H-1L1-1V-5H4V-4H2.3L3-1H.8Z"
        }
        "bus" => "M-5-6H5V4H4V6H2V4H-2V6H-4V4H-5ZM-4-4.5V-.5H4V-4.5ZM-4 1.3V2.6H-2.5V1.3ZM2.5 1.3V2.6H4V1.3Z",
        "cafe" => "M-5-4H4V-3H6V1H4V2A2 2 0 0 1 2 4H-3A2 2 0 0 1-5 2ZM4-2V0H5V-2ZM-6 5H5V6H-6Z",
        "camera" => "M-6.5-3.5H2V3.5H-6.5ZM3-1L6.5-3V3L3 1Z",
        "ferry" => "M-6.5 1H6.5L4.5 5H-4.5ZM-4 0V-3H-2V-5.5H2V-3H4V0Z",
        "hospital" => "M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
        "hotel" => {
            "M-6.5-4.5H-5V1H6.5V5H5V3H-5V5H-6.5ZM-1.5-2H4A2.3 2.3 0 0 1 6.3 0H-1.5ZM-4.3-1A1.1 1.1 0 1 1-2.1-1 1.1 1.1 0 1 1-4.3-1Z"
        }
        "hydrant" => {
            "M-2-6H2V-4.5H3V-2.5H5V1H3V4H4V6H-4V4H-3V1H-5V-2.5H-3V-4.5H-2ZM-1.3-1A1.3 1.3 0 1 0 1.3-1 1.3 1.3 0 1 0-1.3-1Z"
        }
        "info" => "M-1.5-6H1.5V-3H-1.5ZM-2.5-1.5H1.5V4H3V6H-3V4H-1.3V.5H-2.5Z",
        "library" => "M-6.5-4Q-3-6-.4-4V5Q-3 3-6.5 5ZM6.5-4Q3-6 .4-4V5Q3 3 6.5 5Z",
        "metro" => "M-6 5V-5H-3.5L0 .8 3.5-5H6V5H3.8V-1.2L.7 4H-.7L-3.8-1.2V5Z",
        "monument" => "M0-6.5L1.8-4.5 2.5 3H-2.5L-1.8-4.5ZM-5 4H5V6H-5Z",
        "museum" => {
            "M-6.5-2.5L0-6.5 6.5-2.5V-1.5H-6.5ZM-5.5-.5H-3.5V3.5H-5.5ZM-1-.5H1V3.5H-1ZM3.5-.5H5.5V3.5H3.5ZM-6.5 4.5H6.5V6H-6.5Z"
        }
        "parking" => "M-3.5 6V-6H1A4 4 0 0 1 1 2H-1.3V6ZM-1.3-4V0H.8A2 2 0 0 0 .8-4Z",
        "restaurant" => {
            "M-5.5-6.5H-4.5V-2.5H-3.8V-6.5H-2.8V-2.5H-2.1V-6.5H-1.1V-1.5L-2.4 0V6.5H-4.2V0L-5.5-1.5ZM1.5-6.5Q5-5 5 .5H3.3V6.5H1.5Z"
        }
        "school" => "M0-5.5L7-2 0 1.5-7-2ZM-4 .8L0 2.8 4 .8V3.5Q0 6.5-4 3.5Z",
        "shop" => "M-5-2H5L6 6H-6ZM-3.3-2A3.3 4 0 0 1 3.3-2H1.9A1.9 2.6 0 0 0-1.9-2Z",
        "signal" => {
            "M-3.5-6.5H3.5V6.5H-3.5ZM-1.4-3.9A1.4 1.4 0 1 0 1.4-3.9 1.4 1.4 0 1 0-1.4-3.9\
             M-1.4 0A1.4 1.4 0 1 0 1.4 0 1.4 1.4 0 1 0-1.4 0M-1.4 3.9A1.4 1.4 0 1 0 1.4 3.9 1.4 1.4 0 1 0-1.4 3.9"
        }
        "theatre" => {
            "M-5.5-5.5H5.5V0A5.5 6 0 0 1-5.5 0ZM-3.5-3.5V-1.5H-1V-3.5ZM1-3.5V-1.5H3.5V-3.5ZM-3 .8A3 3.5 0 0 0 3 .8Z"
        }
        "train" => {
            "M-4.5-3.5A4.5 3 0 0 1 4.5-3.5V2L3 3.5 4.5 6H2.8L2 4.5H-2L-2.8 6H-4.5L-3 3.5-4.5 2ZM-3.2-3.5V-.5H3.2V-3.5ZM-3 .8V2.2H-1.6V.8ZM1.6 .8V2.2H3V.8Z"
        }
        "tram" => {
            "M-2.5-6.5H2.5V-5.5H.6V-4.5H3.5L4.5 3 3 5H-3L-4.5 3-3.5-4.5H-.6V-5.5H-2.5ZM-2.5-3V.3H2.5V-3ZM-2.8 1.8V3H-1.5V1.8ZM1.5 1.8V3H2.8V1.8Z"
        }
        "tree" => "M0-6.5A4 4 0 0 1 4-2.5 3.5 3.5 0 0 1 1 2.8V6.5H-1V2.8A3.5 3.5 0 0 1-4-2.5 4 4 0 0 1 0-6.5Z",
        "worship" => "M0-6.5L.9-4.3A5 5 0 0 1 5 1V6H1.8V3A1.8 1.8 0 0 0-1.8 3V6H-5V1A5 5 0 0 1-.9-4.3Z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_manifest::ICONS;

    #[test]
    fn every_icon_that_the_manifest_names_has_a_path_within_its_badge() {
        for name in ICONS {
            let path = path(name).unwrap_or_else(|| panic!("{name} has none"));
            assert!(path.starts_with('M'), "{name}");
            let numbers = path.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter(|n| !n.is_empty());
            let largest = numbers.filter_map(|n| n.parse::<f64>().ok()).fold(0.0, f64::max);
            assert!(largest <= BADGE_CSS / 2.0 - 1.0, "{name} reaches {largest}");
        }
        assert_eq!(path("unknown"), None);
    }
}
