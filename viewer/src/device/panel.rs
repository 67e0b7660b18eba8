//! The panel for developers over the canvas's top right corner: numbers, a graph, a legend. It exists only while it is
//! asked for. Looks are set as properties and texts as text, so that strict content policies allow it.

use crate::debug::{GRAPH_LINES_MS, figures, graph_color, graph_height, graph_top_ms, legend};
use crate::samples::Samples;
use crate::{DebugOverlay, Stats};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, Document, HtmlCanvasElement, HtmlElement};

/// It is written at most this often, milliseconds.
const EVERY_MS: f64 = 250.0;
/// From the canvas's corner, CSS pixels.
const MARGIN: i32 = 8;
/// Of the graph, CSS pixels; each of them is drawn with `SHARPNESS`² pixels.
const GRAPH: [u32; 2] = [2 * Samples::CAPACITY as u32, 60];
const SHARPNESS: u32 = 2;

const LOOK: &[(&str, &str)] = &[
    ("position", "absolute"),
    ("transform", "translateX(-100%)"),
    ("box-sizing", "border-box"),
    ("padding", "8px 10px"),
    ("border-radius", "6px"),
    ("background", "#14181c"),
    ("color", "#f2f5f7"),
    ("opacity", "0.92"),
    ("font", "12px/1.4 ui-monospace, Menlo, Consolas, \"DejaVu Sans Mono\", monospace"),
    ("text-align", "left"),
    ("white-space", "pre"),
    ("direction", "ltr"),
    ("pointer-events", "none"),
    ("user-select", "none"),
];
const SWATCH: &[(&str, &str)] = &[
    ("display", "inline-block"),
    ("width", "10px"),
    ("height", "10px"),
    ("margin-right", "6px"),
    // Dark colours stand out from the panel.
    ("outline", "1px solid #8a949c"),
];

pub(super) struct Panel {
    root: HtmlElement,
    figures: Option<HtmlElement>,
    graph: Option<CanvasRenderingContext2d>,
    written_ms: Option<f64>,
    /// Something may have changed since it was written.
    stale: bool,
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.root.remove();
    }
}

impl Panel {
    /// `None` where the canvas is not on a page.
    pub(super) fn new(canvas: &HtmlCanvasElement, overlay: DebugOverlay) -> Option<Self> {
        let document = canvas.owner_document()?;
        let root = element(&document, "div", LOOK)?;
        root.set_class_name("citytwin-debug");
        root.set_attribute("aria-hidden", "true").ok()?;
        let figures = if overlay.statistics { Some(part(&document, &root, "div", &[])?) } else { None };
        let graph = if overlay.frame_graph { Some(graph(&document, &root)?) } else { None };
        for (words, [r, g, b]) in legend(overlay.boxes) {
            let row = part(&document, &root, "div", &[])?;
            let swatch = part(&document, &row, "span", SWATCH)?;
            style(&swatch, "background", &format!("rgb({r}, {g}, {b})"));
            part(&document, &row, "span", &[])?.set_text_content(Some(words));
        }
        canvas.parent_node()?.insert_before(&root, canvas.next_sibling().as_ref()).ok()?;
        Some(Self { root, figures, graph, written_ms: None, stale: true })
    }

    /// Whether it is to be written now; if not, it is later.
    pub(super) fn is_due(&mut self, now_ms: f64) -> bool {
        let due = self.written_ms.is_none_or(|written_ms| now_ms - written_ms >= EVERY_MS);
        self.stale = !due;
        if due {
            self.written_ms = Some(now_ms);
        }
        due
    }

    /// When it wants to be written, if anything may have changed.
    pub(super) fn wakes_at_ms(&self) -> Option<f64> {
        self.stale.then(|| self.written_ms.map_or(0.0, |written_ms| written_ms + EVERY_MS))
    }

    /// Writes it, and follows the canvas's corner.
    pub(super) fn show(&self, canvas: &HtmlCanvasElement, stats: &Stats, frame_ms: &Samples) {
        style(&self.root, "top", &format!("{}px", canvas.offset_top() + MARGIN));
        style(&self.root, "left", &format!("{}px", canvas.offset_left() + canvas.offset_width() - MARGIN));
        if let Some(shown) = &self.figures {
            shown.set_text_content(Some(&figures(stats)));
        }
        if let Some(graph) = &self.graph {
            draw_graph(graph, frame_ms);
        }
    }
}

fn element(document: &Document, kind: &str, look: &[(&str, &str)]) -> Option<HtmlElement> {
    let element: HtmlElement = document.create_element(kind).ok()?.dyn_into().ok()?;
    look.iter().for_each(|(name, value)| style(&element, name, value));
    Some(element)
}

fn part(document: &Document, parent: &HtmlElement, kind: &str, look: &[(&str, &str)]) -> Option<HtmlElement> {
    let element = element(document, kind, look)?;
    parent.append_child(&element).ok()?;
    Some(element)
}

fn style(element: &HtmlElement, name: &str, value: &str) {
    // Setting a known property cannot fail.
    let _ = element.style().set_property(name, value);
}

fn graph(document: &Document, root: &HtmlElement) -> Option<CanvasRenderingContext2d> {
    let [width, height] = GRAPH;
    let size = [format!("{width}px"), format!("{height}px")];
    let look = [("display", "block"), ("margin", "4px 0"), ("width", &size[0]), ("height", &size[1])];
    let canvas: HtmlCanvasElement = part(document, root, "canvas", &look)?.dyn_into().ok()?;
    canvas.set_width(SHARPNESS * width);
    canvas.set_height(SHARPNESS * height);
    let graph: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    graph.scale(SHARPNESS.into(), SHARPNESS.into()).ok()?;
    graph.set_font("10px ui-monospace, Menlo, Consolas, \"DejaVu Sans Mono\", monospace");
    Some(graph)
}

/// One bar for each frame, the latest at the right.
fn draw_graph(graph: &CanvasRenderingContext2d, frame_ms: &Samples) {
    let [width, height] = GRAPH.map(f64::from);
    let bar = width / Samples::CAPACITY as f64;
    let top_ms = graph_top_ms(frame_ms.in_order());
    graph.set_fill_style_str("#262c32");
    graph.fill_rect(0.0, 0.0, width, height);
    let first = Samples::CAPACITY - frame_ms.in_order().count();
    for (i, time_ms) in frame_ms.in_order().enumerate() {
        let [r, g, b] = graph_color(time_ms);
        let high = graph_height(time_ms, top_ms, height).max(0.5);
        graph.set_fill_style_str(&format!("rgb({r}, {g}, {b})"));
        graph.fill_rect((first + i) as f64 * bar, height - high, bar, high);
    }
    for line_ms in GRAPH_LINES_MS {
        let y = height - graph_height(line_ms, top_ms, height);
        graph.set_fill_style_str("#c3cbd2");
        graph.fill_rect(0.0, y, width, 0.5);
        // Fails only for places that are no numbers.
        let _ = graph.fill_text(&format!("{line_ms} ms"), 2.0, y - 2.0);
    }
}
