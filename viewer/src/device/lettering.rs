//! Pictures of names, written by the browser in its own fonts.

use crate::labels::{BADGE_CSS, CORNER_CSS, Look, Mark, lines};
use glam::DVec2;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, CanvasWindingRule, HtmlCanvasElement, ImageData, Path2d};

const FONTS: &str = "system-ui, \"PingFang SC\", \"Hiragino Sans GB\", \"Microsoft YaHei\", \"Noto Sans SC\", \"Noto Sans CJK SC\", sans-serif";
/// Width of the halo on each side, CSS pixels.
const HALO_CSS: f64 = 2.0;
/// Free on each side of a picture, CSS pixels.
const PAD_CSS: f64 = 3.0;
/// Height of a line in sizes of its type.
const LINE: f64 = 1.22;

/// A canvas, and what draws on it; `read`: its pixels are read often.
pub(super) fn canvas_2d(read: bool) -> Option<(HtmlCanvasElement, CanvasRenderingContext2d)> {
    let document = web_sys::window()?.document()?;
    let canvas: HtmlCanvasElement = document.create_element("canvas").ok()?.dyn_into().ok()?;
    let options = js_sys::Object::new();
    js_sys::Reflect::set(&options, &"willReadFrequently".into(), &JsValue::from_bool(read)).ok()?;
    let context = canvas.get_context_with_context_options("2d", &options).ok()??.dyn_into().ok()?;
    Some((canvas, context))
}

/// A canvas to write on.
pub(super) struct Lettering {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    font: String,
}

impl Lettering {
    /// None where the browser has no 2D canvas.
    pub(super) fn new() -> Option<Self> {
        // Its pixels are always read: keep them where that is quick.
        let (canvas, context) = canvas_2d(true)?;
        Some(Self { canvas, context, font: String::new() })
    }

    /// Size of a name's picture, CSS pixels.
    pub(super) fn measure(&mut self, text: &str, look: Look) -> DVec2 {
        self.set_font(look);
        let lines = lines(text, look.folds);
        let width = |line: &str| self.context.measure_text(line).map_or(0.0, |metrics| metrics.width());
        let widest = lines.iter().map(|line| width(line)).fold(0.0, f64::max);
        let rows = lines.iter().filter(|line| !line.is_empty()).count() as f64;
        let mark = look.mark.map_or(0.0, Mark::height_css);
        let widest = widest.max(mark);
        let size = DVec2::new(widest, rows * LINE * look.size_css + mark) + 2.0 * PAD_CSS;
        size.ceil().min(DVec2::new(1000.0, 200.0))
    }

    fn set_font(&mut self, look: Look) {
        let font = format!("{} {}px {FONTS}", look.weight, look.size_css);
        if self.font != font {
            self.context.set_font(&font);
            self.font = font;
        }
    }

    /// The picture: the name in red, its halo in green, at `ratio` pixels per CSS pixel.
    /// `own`: the shape of the twin's own icon, in green.
    pub(super) fn write(
        &mut self,
        text: &str,
        look: Look,
        own: Option<&HtmlCanvasElement>,
        size_css: DVec2,
        ratio: f64,
    ) -> Option<ImageData> {
        let size = (size_css * ratio).ceil().max(DVec2::ONE);
        let (width, height) = (size.x as u32, size.y as u32);
        if self.canvas.width() < width || self.canvas.height() < height {
            self.canvas.set_width(self.canvas.width().max(width));
            self.canvas.set_height(self.canvas.height().max(height));
            self.font.clear(); // a canvas that changes its size forgets everything
        }
        let context = &self.context;
        // Each call fails only for numbers that are none.
        context.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0).ok()?;
        context.set_global_composite_operation("source-over").ok()?;
        context.set_fill_style_str("#000");
        context.fill_rect(0.0, 0.0, size_css.x + 1.0, size_css.y + 1.0);
        context.set_global_composite_operation("lighter").ok()?;
        context.set_line_join("round");
        context.set_line_width(2.0 * HALO_CSS);
        context.set_stroke_style_str("#0f0");
        context.set_fill_style_str("#f00");
        context.set_text_align("center");
        context.set_text_baseline("middle");
        self.set_font(look);
        let middle = size_css.x / 2.0;
        let mut top = PAD_CSS;
        if let Some(mark) = look.mark {
            self.mark(mark, own, middle, top + mark.height_css() / 2.0 - 1.0)?;
            top += mark.height_css();
        }
        for line in lines(text, look.folds).into_iter().filter(|line| !line.is_empty()) {
            let y = top + LINE * look.size_css / 2.0;
            self.context.stroke_text(line, middle, y).ok()?;
            self.context.fill_text(line, middle, y).ok()?;
            top += LINE * look.size_css;
        }
        self.context.get_image_data(0.0, 0.0, f64::from(width), f64::from(height)).ok()
    }

    /// A mark with its middle at a point. An icon is its badge in red with its shape in green: the halo's colour.
    fn mark(&self, mark: Mark, own: Option<&HtmlCanvasElement>, x: f64, y: f64) -> Option<()> {
        let context = &self.context;
        // One that nobody knows, or that has not come, is a plain mark.
        let mark = if mark == Mark::Picture && own.is_none() { Mark::Disc } else { mark };
        self.trace(mark, x, y)?;
        context.stroke();
        context.fill();
        if !matches!(mark, Mark::Icon(_) | Mark::Picture) {
            return Some(());
        }
        context.save();
        context.translate(x, y).ok()?;
        context.set_global_composite_operation("source-over").ok()?;
        match (mark, own) {
            (Mark::Icon(path), _) => {
                context.set_fill_style_str("#0f0");
                let shape = Path2d::new_with_path_string(path).ok()?;
                context.fill_with_path_2d_and_winding(&shape, CanvasWindingRule::Evenodd);
            }
            (_, Some(shape)) => {
                let half = BADGE_CSS / 2.0 - 2.5;
                let side = 2.0 * half;
                context.draw_image_with_html_canvas_element_and_dw_and_dh(shape, -half, -half, side, side).ok()?;
            }
            _ => {}
        }
        context.restore();
        Some(())
    }

    fn trace(&self, mark: Mark, x: f64, y: f64) -> Option<()> {
        /// Half of its width, CSS pixels.
        const R: f64 = 3.6;
        let context = &self.context;
        context.begin_path();
        match mark {
            Mark::Disc => context.arc(x, y, R, 0.0, std::f64::consts::TAU).ok()?,
            Mark::Square => context.rect(x - R, y - R, 2.0 * R, 2.0 * R),
            Mark::Icon(_) | Mark::Picture => {
                let half = BADGE_CSS / 2.0;
                context.round_rect_with_f64(x - half, y - half, BADGE_CSS, BADGE_CSS, CORNER_CSS).ok()?;
            }
            Mark::Diamond => {
                context.move_to(x, y - R - 1.0);
                context.line_to(x + R + 1.0, y);
                context.line_to(x, y + R + 1.0);
                context.line_to(x - R - 1.0, y);
                context.close_path();
            }
        }
        Some(())
    }
}
