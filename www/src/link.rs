//! The part of the address that names a view: `#view=lon,lat,heightM,distanceM,headingDeg,pitchDeg`.

use citytwin_viewer::LookAt;

/// The view named by a location's hash (with or without `#`; other `&`-separated parts are left alone). `None` when
/// there is none, or when it is not six sensible numbers.
pub fn view_from_hash(hash: &str) -> Option<LookAt> {
    let value = hash.trim_start_matches('#').split('&').find_map(|part| part.strip_prefix("view="))?;
    // Some mail programs escape the commas.
    let numbers: Vec<f64> = value
        .replace("%2C", ",")
        .replace("%2c", ",")
        .split(',')
        .map(|n| n.trim().parse().ok())
        .collect::<Option<_>>()?;
    let &[lon, lat, height_m, distance_m, heading_deg, pitch_deg] = numbers.as_slice() else { return None };
    let view = LookAt { lon, lat, height_m, distance_m, heading_deg, pitch_deg };
    view.is_valid().then_some(view)
}

/// The hash that names a view, to about a decimetre and a tenth of a degree; keeps other parts of `old_hash`.
pub fn hash_from_view(view: &LookAt, old_hash: &str) -> String {
    let heading_deg = view.heading_deg.rem_euclid(360.0);
    let mut hash = format!(
        "#view={:.6},{:.6},{},{},{},{}",
        view.lon,
        view.lat,
        short(view.height_m),
        short(view.distance_m.max(0.1)),
        short(heading_deg),
        short(view.pitch_deg)
    );
    for part in old_hash.trim_start_matches('#').split('&').filter(|p| !p.is_empty() && !p.starts_with("view=")) {
        hash.push('&');
        hash.push_str(part);
    }
    hash
}

/// One decimal place, dropped when it is zero.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: LookAt =
        LookAt { lon: 24.941, lat: 60.171, height_m: 18.0, distance_m: 1200.0, heading_deg: 335.5, pitch_deg: -38.0 };

    #[test]
    fn a_view_survives_its_link() {
        let hash = hash_from_view(&VIEW, "");
        assert_eq!(hash, "#view=24.941000,60.171000,18,1200,335.5,-38");
        assert_eq!(view_from_hash(&hash), Some(VIEW));
        assert_eq!(view_from_hash(&hash.replace(',', "%2C")), Some(VIEW));
    }

    #[test]
    fn headings_in_links_are_between_0_and_360() {
        let hash = hash_from_view(&LookAt { heading_deg: -24.5, height_m: -0.01, ..VIEW }, "");
        assert_eq!(hash, "#view=24.941000,60.171000,0,1200,335.5,-38");
    }

    #[test]
    fn other_parts_of_the_hash_stay() {
        let hash = hash_from_view(&VIEW, "#view=1,2,3,4,5,6&floor=2");
        assert!(hash.starts_with("#view=24.941000,") && hash.ends_with("&floor=2"), "{hash}");
        assert_eq!(view_from_hash(&format!("#floor=2&{}", &hash[1..])), Some(VIEW));
    }

    #[test]
    fn nonsense_names_no_view() {
        for hash in [
            "",
            "#",
            "#view=",
            "#view=1,2,3",
            "#view=1,2,3,4,5,6,7",
            "#view=a,b,c,d,e,f",
            "#view=200,0,0,1,0,0",
            "#view=0,0,0,-1,0,0",
            "#view=0,0,NaN,1,0,0",
            "#view=0,0,0,inf,0,0",
            "#viewer=1,2,3,4,5,6",
            "#view=<script>,2,3,4,5,6",
        ] {
            assert_eq!(view_from_hash(hash), None, "{hash}");
        }
    }
}
