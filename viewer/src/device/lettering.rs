//! Pictures of names, written by the browser in its own fonts.

use crate::labels::{Look, MARK_CSS, Mark, lines};
use glam::DVec2;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

const FONTS: &str = "system-ui, \"PingFang SC\", \"Hiragino Sans GB\", \"Microsoft YaHei\", \"Noto Sans SC\", \"Noto Sans CJK SC\", sans-serif";
/// Width of the halo on each side, CSS pixels.
const HALO_CSS: f64 = 2.0;
/// Free on each side of a picture, CSS pixels.
const PAD_CSS: f64 = 3.0;
/// Height of a line in sizes of its type.
const LINE: f64 = 1.22;

/// A canvas to write on.
pub(super) struct Lettering {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    font: String,
}

impl Lettering {
    /// None where the browser has no 2D canvas.
    pub(super) fn new() -> Option<Self> {
        let document = web_sys::window()?.document()?;
        let canvas: HtmlCanvasElement = document.create_element("canvas").ok()?.dyn_into().ok()?;
        let options = js_sys::Object::new();
        // Its pixels are always read: keep them where that is quick.
        js_sys::Reflect::set(&options, &"willReadFrequently".into(), &JsValue::TRUE).ok()?;
        let context = canvas.get_context_with_context_options("2d", &options).ok()??.dyn_into().ok()?;
        Some(Self { canvas, context, font: String::new() })
    }

    /// Size of a name's picture, CSS pixels.
    pub(super) fn measure(&mut self, text: &str, look: Look) -> DVec2 {
        self.set_font(look);
        let lines = lines(text, look.folds);
        let width = |line: &str| self.context.measure_text(line).map_or(0.0, |metrics| metrics.width());
        let widest = lines.iter().map(|line| width(line)).fold(0.0, f64::max);
        let rows = if lines[1].is_empty() { 1.0 } else { 2.0 };
        let mark = if look.mark.is_some() { MARK_CSS } else { 0.0 };
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
    pub(super) fn write(&mut self, text: &str, look: Look, size_css: DVec2, ratio: f64) -> Option<ImageData> {
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
            self.trace(mark, middle, top + MARK_CSS / 2.0 - 1.0)?;
            self.context.stroke();
            self.context.fill();
            top += MARK_CSS;
        }
        for line in lines(text, look.folds) {
            let y = top + LINE * look.size_css / 2.0;
            self.context.stroke_text(line, middle, y).ok()?;
            self.context.fill_text(line, middle, y).ok()?;
            top += LINE * look.size_css;
        }
        self.context.get_image_data(0.0, 0.0, f64::from(width), f64::from(height)).ok()
    }

    fn trace(&self, mark: Mark, x: f64, y: f64) -> Option<()> {
        /// Half of its width, CSS pixels.
        const R: f64 = 3.6;
        let context = &self.context;
        context.begin_path();
        match mark {
            Mark::Disc => context.arc(x, y, R, 0.0, std::f64::consts::TAU).ok()?,
            Mark::Square => context.rect(x - R, y - R, 2.0 * R, 2.0 * R),
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
