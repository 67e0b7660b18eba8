//! What is written, and in which hand.

use super::icons::{self, BADGE_CSS};
use citytwin_manifest::{Label, LabelKind};
use glam::DVec2;

/// Longer names are cut.
const MOST_CHARS: usize = 48;
/// Names of places longer than this are written on two lines, where they have a space to break at.
const WIDE_CHARS: usize = 16;
/// Streets that are read from this far are of rank, metres.
const OF_RANK_M: f64 = 1_400.0;

/// Districts that are read from less far are blocks of houses, metres.
const BLOCK_M: f64 = 3_000.0;

/// How a label is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    pub(crate) size_css: f64,
    pub(crate) weight: u16,
    /// sRGB, by day and by night.
    pub(crate) colors: [[u8; 3]; 2],
    /// A mark above the name, at the place itself; an icon, where it has one that is built in.
    pub(crate) mark: Option<Mark>,
    /// May be written on two lines.
    pub(crate) folds: bool,
}

/// The shape of a mark: kinds differ in more than their colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Disc,
    Square,
    Diamond,
    /// What is cut out of a badge.
    Icon(&'static str),
    /// The twin's own picture takes this one's place, once it is there.
    Picture,
}

impl Mark {
    /// Height with the room below it, CSS pixels.
    pub(crate) fn height_css(self) -> f64 {
        match self {
            Self::Icon(_) | Self::Picture => BADGE_CSS + 2.0,
            _ => 11.0,
        }
    }
}

impl Look {
    /// From the place that is named to the middle of the picture: a mark lies on its place.
    pub(crate) fn anchor_offset(&self, size_css: DVec2) -> DVec2 {
        let down = self.mark.map_or(0.0, |mark| size_css.y / 2.0 - mark.height_css() / 2.0 - 2.0);
        DVec2::new(0.0, down)
    }
}

pub(crate) fn look_of(label: &Label) -> Look {
    let of_rank = label.reach_m >= OF_RANK_M;
    let strong = if of_rank { 600 } else { 500 };
    let (size_css, weight, day, night, mark) = match label.kind {
        LabelKind::District if label.reach_m < BLOCK_M => (12.0, 500, [0x5c, 0x55, 0x4d], [0xb4, 0xc0, 0xcc], None),
        LabelKind::District => (14.0, 600, [0x4d, 0x48, 0x42], [0xc9, 0xd4, 0xde], None),
        LabelKind::Water => (13.0, 500, [0x1f, 0x55, 0x7d], [0x8f, 0xc4, 0xe8], None),
        LabelKind::Green => (13.0, 500, [0x2b, 0x5c, 0x2f], [0x96, 0xcf, 0x9a], None),
        LabelKind::Street => (if of_rank { 13.0 } else { 12.0 }, strong, [0x45, 0x42, 0x3d], [0xd6, 0xdd, 0xe4], None),
        LabelKind::Landmark => (12.0, 600, [0x6d, 0x3a, 0x17], [0xf0, 0xbd, 0x92], Some(Mark::Diamond)),
        LabelKind::Transit => (12.0, 600, [0x0a, 0x4a, 0xa8], [0x93, 0xbd, 0xff], Some(Mark::Square)),
        LabelKind::Place => (12.0, 500, [0x52, 0x4c, 0x45], [0xc6, 0xcd, 0xd4], Some(Mark::Disc)),
    };
    let icon = |name: &String| icons::path(name).map_or(Mark::Picture, Mark::Icon);
    let mark = label.icon.as_ref().map(icon).or(mark);
    Look { size_css, weight, colors: [day, night], mark, folds: label.kind != LabelKind::Street }
}

/// The name as shown: control characters are left out, what is too long is cut.
pub(super) fn shown(name: &str) -> String {
    let mut clean = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut text: String = clean.by_ref().take(MOST_CHARS).collect();
    if clean.next().is_some() {
        text.pop();
        text.push('…');
    }
    text
}

/// The lines of a name: two at most, broken at the space nearest the middle. A name in Chinese is never broken, not
/// even at a space.
pub(crate) fn lines(text: &str, folds: bool) -> [&str; 2] {
    let count = text.chars().count();
    if !folds || count <= WIDE_CHARS || text.chars().any(is_wide) {
        return [text, ""];
    }
    let middle = text.len() / 2;
    let breaks = text.match_indices(' ').map(|(at, _)| at).min_by_key(|at| at.abs_diff(middle));
    breaks.map_or([text, ""], |at| [text[..at].trim_end(), text[at..].trim_start()])
}

/// Chinese, Japanese and Korean characters.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_manifest::LabelCell;

    #[test]
    fn names_break_at_the_space_nearest_the_middle_and_chinese_ones_never() {
        assert_eq!(lines("Museum of Modern Art Kiasma", true), ["Museum of Modern", "Art Kiasma"]);
        assert_eq!(lines("Museum of Modern Art Kiasma", false), ["Museum of Modern Art Kiasma", ""]);
        assert_eq!(lines("Kiasma", true), ["Kiasma", ""]);
        assert_eq!(lines("Kaisaniemenpuistokatu", true), ["Kaisaniemenpuistokatu", ""]);
        let chinese = "上海市 浦东新区 陆家嘴金融贸易区 世纪大道";
        assert_eq!(lines(chinese, true), [chinese, ""]);
    }

    #[test]
    fn an_icon_lies_on_its_place_with_the_name_below() {
        let json = r#"{"id":"a","name":"A","kind":"transit","icon":"tram","lon":0,"lat":0,"rank":0,"reachM":600}"#;
        let cell = LabelCell::from_json(format!(r#"{{"labels":[{json}]}}"#).as_bytes()).expect("a cell");
        let label = cell.labels[0].clone();
        let look = look_of(&label);
        assert!(matches!(look.mark, Some(Mark::Icon(path)) if path == icons::path("tram").expect("a path")));
        let size = DVec2::new(60.0, 44.0);
        let top = look.anchor_offset(size).y - size.y / 2.0;
        assert!((top + BADGE_CSS / 2.0 + 3.0).abs() < 1.0, "the badge's middle is {top} below the picture's top");
        let own = Label { icon: Some("kiosk".into()), ..label };
        assert_eq!(look_of(&own).mark, Some(Mark::Picture));
    }

    #[test]
    fn a_name_without_end_is_cut_and_a_broken_one_is_cleaned() {
        let long = shown(&"长".repeat(1000));
        assert_eq!((long.chars().count(), long.ends_with('…')), (MOST_CHARS, true));
        assert_eq!(shown("a\nb\u{0}c"), "a b c");
    }

    #[test]
    fn every_name_stands_out_from_the_ground_by_day_and_by_night() {
        let luminance = |[r, g, b]: [u8; 3]| {
            let linear = |c: u8| {
                let c = f64::from(c) / 255.0;
                if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
        };
        let grounds = [[0xef, 0xec, 0xe6], [0x0f, 0x17, 0x20]];
        use LabelKind::{District, Green, Landmark, Place, Street, Transit, Water};
        for kind in [District, Green, Landmark, Place, Street, Transit, Water] {
            let json = r#"{"id":"a","name":"A","kind":"place","lon":0,"lat":0,"rank":0,"reachM":2000}"#;
            let cell = LabelCell::from_json(format!(r#"{{"labels":[{json}]}}"#).as_bytes()).expect("a cell");
            let label = Label { kind, ..cell.labels[0].clone() };
            for (text, ground) in look_of(&label).colors.into_iter().zip(grounds) {
                let (a, b) = (luminance(text), luminance(ground));
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 4.5, "{kind:?}: {contrast}");
            }
        }
    }
}
