//! What developers see over the city: which boxes of tiles in which colours, numbers, and a graph of frame times. Pure;
//! the browser's part is in `device`.

use crate::Stats;
use crate::matrix::Eye;
use citytwin_manifest::read::At;
use glam::DVec3;
use serde::Serialize;
use std::fmt::Write;

/// By what tiles are framed in boxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TileBoxes {
    /// They are not.
    #[default]
    Off,
    /// Those in view, by whether they are drawn, loaded, under way or failed.
    State,
    /// Those that are drawn, by their depth in the tree.
    Level,
    /// Those that are drawn, by their error on the screen next to the error that is allowed.
    Error,
}

/// What developers see over the city. Default: nothing, at no cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DebugOverlay {
    /// `off`, `state`, `level` or `error`. Default `off`.
    pub boxes: TileBoxes,
    /// Whether the numbers of [`Stats`] are shown. Default false.
    pub statistics: bool,
    /// Whether the script time of the last 120 frames is shown. Default false.
    pub frame_graph: bool,
}

impl DebugOverlay {
    pub(crate) fn merged(self, at: &At<'_>) -> Self {
        at.knows(&["boxes", "statistics", "frameGraph"]);
        let kinds = [TileBoxes::Off, TileBoxes::State, TileBoxes::Level, TileBoxes::Error];
        Self {
            boxes: at.get("boxes").or(self.boxes, |at| kinds[at.choice(&["off", "state", "level", "error"])]),
            statistics: at.get("statistics").or(self.statistics, At::flag),
            frame_graph: at.get("frameGraph").or(self.frame_graph, At::flag),
        }
    }

    /// Whether there is anything to see.
    pub(crate) fn is_on(self) -> bool {
        self != Self::default()
    }
}

/// As displayed.
pub(crate) type Rgb = [u8; 3];

/// Where a tile that is shown stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Drawn,
    Loaded,
    Requested,
    Failed,
}

impl Standing {
    /// Told apart by most eyes: of the palette of Okabe and Ito (2008).
    pub(crate) const fn color(self) -> Rgb {
        match self {
            Self::Drawn => [0, 158, 115],
            Self::Loaded => [86, 180, 233],
            Self::Requested => [240, 228, 66],
            Self::Failed => [213, 94, 0],
        }
    }
}

/// The ramp of levels ends here.
const MOST_LEVELS: f64 = 8.0;
/// The ramp of errors ends at so many times the error that is allowed.
const MOST_ERROR: f64 = 2.0;
/// Viridis (van der Walt and Smith, 2015) at equal steps.
const VIRIDIS: [Rgb; 5] = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

/// Colour of a share from 0 to 1; what lies outside has that of the nearer end.
pub(crate) fn ramp(share: f64) -> Rgb {
    // What is no number is as good as nothing.
    let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    let at = share * (VIRIDIS.len() - 1) as f64;
    let from = (at as usize).min(VIRIDIS.len() - 2);
    let part = at - from as f64;
    std::array::from_fn(|c| {
        let [a, b] = [VIRIDIS[from][c], VIRIDIS[from + 1][c]].map(f64::from);
        (a + (b - a) * part).round() as u8
    })
}

/// Colour of a level below the root.
pub(crate) fn level_color(level: u32) -> Rgb {
    ramp(f64::from(level) / MOST_LEVELS)
}

/// Colour of an error, both in CSS pixels.
pub(crate) fn error_color(error_px: f64, allowed_px: f64) -> Rgb {
    ramp(error_px / allowed_px.max(1e-3) / MOST_ERROR)
}

/// What the colours of boxes mean.
pub(crate) fn legend(boxes: TileBoxes) -> Vec<(&'static str, Rgb)> {
    let ramped = |words: [&'static str; 5]| words.into_iter().zip([0.0, 0.25, 0.5, 0.75, 1.0].map(ramp)).collect();
    match boxes {
        TileBoxes::Off => Vec::new(),
        TileBoxes::State => [
            ("drawn", Standing::Drawn),
            ("loaded, not drawn", Standing::Loaded),
            ("requested", Standing::Requested),
            ("failed", Standing::Failed),
        ]
        .map(|(words, standing)| (words, standing.color()))
        .to_vec(),
        TileBoxes::Level => ramped(["level 0", "level 2", "level 4", "level 6", "level 8 and deeper"]),
        TileBoxes::Error => ramped(["no error", "½ of what is allowed", "as allowed", "1½ of it", "twice or more"]),
    }
}

/// Whether a sphere (ECEF metres) may be in view.
pub(crate) fn may_see(eye: &Eye, center_ecef: DVec3, radius_m: f64) -> bool {
    let rel = eye.rel_from_ecef_point(center_ecef);
    let ahead = rel.dot(eye.forward);
    let beside = |axis: DVec3, tangent: f64| rel.dot(axis).abs() <= ahead * tangent + radius_m * tangent.hypot(1.0);
    ahead >= -radius_m && beside(eye.right, eye.tangents.x) && beside(eye.up, eye.tangents.y)
}

/// Corners that share an edge differ in one bit of their number.
const EDGES: [[usize; 2]; 12] =
    [[0, 1], [2, 3], [4, 5], [6, 7], [0, 2], [1, 3], [4, 6], [5, 7], [0, 4], [1, 5], [2, 6], [3, 7]];
/// Bytes of a vertex of a line: its place from the eye (`f32`, metres), and its colour.
pub(crate) const LINE_VERTEX: usize = 16;

/// Adds the edges of a box, given by its corners from the eye, as lines.
pub(crate) fn push_box(lines: &mut Vec<u8>, corners: &[DVec3; 8], [r, g, b]: Rgb, alpha: u8) {
    for corner in EDGES.as_flattened() {
        for value in corners[*corner].as_vec3().to_array() {
            lines.extend(value.to_le_bytes());
        }
        lines.extend([r, g, b, alpha]);
    }
}

/// The numbers, one a line. MB are millions of bytes.
pub(crate) fn figures(stats: &Stats) -> String {
    let mb = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let rows = [
        ("tiles", grouped(stats.tiles_drawn.into())),
        ("triangles", grouped(stats.triangles_drawn)),
        ("features", grouped(stats.features_drawn)),
        ("requests", grouped(stats.requests_active.into())),
        ("downloaded", mb(stats.bytes_downloaded)),
        ("GPU", mb(stats.gpu_bytes)),
        ("heap", mb(stats.heap_bytes)),
        ("allowed error", format!("{:.1} px", stats.effective_error_px)),
        ("frame CPU p50", format!("{:.1} ms", stats.frame_cpu_ms_p50)),
        ("frame CPU p95", format!("{:.1} ms", stats.frame_cpu_ms_p95)),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<14}{value:>19}");
    }
    text
}

/// With a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The lines in the graph, milliseconds: a frame of a 60 Hz screen, and what is felt as a stutter.
pub(crate) const GRAPH_LINES_MS: [f64; 2] = [16.0, 50.0];
/// The graph reaches at least as high as the first, and at most as high as the second, milliseconds.
const GRAPH_TOP_MS: [f64; 2] = [60.0, 120.0];

/// What the top of the graph is, milliseconds.
pub(crate) fn graph_top_ms(times_ms: impl Iterator<Item = f64>) -> f64 {
    times_ms.fold(GRAPH_TOP_MS[0], f64::max).min(GRAPH_TOP_MS[1])
}

/// How high a time stands in a graph so many pixels high.
pub(crate) fn graph_height(time_ms: f64, top_ms: f64, height: f64) -> f64 {
    (time_ms / top_ms).clamp(0.0, 1.0) * height
}

/// Colour of a time in the graph.
pub(crate) fn graph_color(time_ms: f64) -> Rgb {
    let [smooth, stutter] = GRAPH_LINES_MS;
    let standing = if time_ms <= smooth {
        Standing::Drawn
    } else if time_ms <= stutter {
        Standing::Requested
    } else {
        Standing::Failed
    };
    standing.color()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Camera;

    #[test]
    fn the_ramp_goes_from_dark_to_bright_and_ends_at_its_ends() {
        let brightness = |[r, g, b]: Rgb| 0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b);
        let all: Vec<f64> = (0..=20).map(|i| brightness(ramp(f64::from(i) / 20.0))).collect();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        assert_eq!([ramp(0.0), ramp(0.5), ramp(1.0)], [VIRIDIS[0], VIRIDIS[2], VIRIDIS[4]]);
        assert_eq!([ramp(-1.0), ramp(7.0), ramp(f64::NAN)], [VIRIDIS[0], VIRIDIS[4], VIRIDIS[0]]);
    }

    #[test]
    fn a_legend_has_the_colours_that_boxes_have() {
        let colors = |boxes| legend(boxes).into_iter().map(|(_, color)| color).collect::<Vec<_>>();
        assert_eq!(colors(TileBoxes::Off), Vec::<Rgb>::new());
        assert_eq!(colors(TileBoxes::Level), [0, 2, 4, 6, 99].map(level_color));
        assert_eq!(colors(TileBoxes::Error), [0.0, 8.0, 16.0, 24.0, 1e9].map(|error| error_color(error, 16.0)));
        let states = [Standing::Drawn, Standing::Loaded, Standing::Requested, Standing::Failed];
        assert_eq!(colors(TileBoxes::State), states.map(Standing::color));
    }

    #[test]
    fn errors_are_next_to_what_is_allowed_and_that_may_be_nothing() {
        assert_eq!(error_color(16.0, 16.0), error_color(4.0, 4.0));
        assert_eq!(error_color(3.0, 0.0), VIRIDIS[4]);
        assert_eq!(error_color(0.0, 0.0), VIRIDIS[0]);
    }

    #[test]
    fn a_box_has_twelve_edges_and_three_at_each_corner() {
        let corners = std::array::from_fn(|i| DVec3::new(i as f64, 0.0, -1.0));
        let mut lines = Vec::new();
        push_box(&mut lines, &corners, [1, 2, 3], 4);
        assert_eq!(lines.len(), 24 * LINE_VERTEX);
        let mut at = [0; 8];
        for vertex in lines.chunks(LINE_VERTEX) {
            at[f32::from_le_bytes([vertex[0], vertex[1], vertex[2], vertex[3]]) as usize] += 1;
            assert_eq!(vertex[12..], [1, 2, 3, 4]);
        }
        assert_eq!(at, [3; 8]);
        assert!(EDGES.iter().all(|[a, b]| (a ^ b).count_ones() == 1));
    }

    #[test]
    fn what_lies_beside_or_behind_the_view_is_not_seen() {
        let mut camera = Camera::new();
        camera.set_size_css(800.0, 600.0);
        let eye = Eye::of(&camera);
        let seen = |rel: DVec3, radius_m| may_see(&eye, eye.ecef_from_rel_point(rel), radius_m);
        assert!(seen(eye.forward * 100.0, 1.0));
        assert!(!seen(eye.forward * -100.0, 99.0) && seen(eye.forward * -100.0, 400.0));
        let edge = eye.ray(glam::DVec2::new(1.0, 0.0)) * 100.0;
        assert!(seen(edge + eye.right * 5.0, 10.0) && !seen(edge + eye.right * 50.0, 10.0));
        let edge = eye.ray(glam::DVec2::new(0.0, -1.0)) * 100.0;
        assert!(seen(edge - eye.up * 5.0, 10.0) && !seen(edge - eye.up * 50.0, 10.0));
    }

    #[test]
    fn figures_are_aligned_and_have_their_units() {
        let stats = Stats {
            tiles_drawn: 7,
            triangles_drawn: 1_234_567,
            features_drawn: 1_000,
            gpu_bytes: 12_340_000,
            effective_error_px: 16.0,
            frame_cpu_ms_p95: 3.25,
            ..Stats::default()
        };
        let text = figures(&stats);
        assert!(text.lines().all(|line| line.chars().count() == 33), "{text}");
        let tiles = format!("tiles{:>28}\n", 7);
        for part in [&tiles, "1,234,567\n", "1,000\n", "12.3 MB\n", "16.0 px\n", "3.2 ms\n", "0.0 MB\n"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn the_graph_grows_with_slow_frames_up_to_an_end() {
        assert_eq!(graph_top_ms([1.0, 20.0].into_iter()), 60.0);
        assert_eq!(graph_top_ms([1.0, 90.0, 3.0].into_iter()), 90.0);
        assert_eq!(graph_top_ms([9_000.0].into_iter()), 120.0);
        assert_eq!(graph_height(30.0, 60.0, 50.0), 25.0);
        assert_eq!([graph_height(900.0, 250.0, 50.0), graph_height(-1.0, 250.0, 50.0)], [50.0, 0.0]);
        let colors = [1.0, 16.0, 16.1, 50.0, 50.1].map(graph_color);
        assert!(colors[0] == colors[1] && colors[2] == colors[3] && colors[1] != colors[2] && colors[3] != colors[4]);
    }
}
