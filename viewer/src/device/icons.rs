//! A twin's own icons: pictures of the page's own origin, of which only the shape counts.

use super::lettering::canvas_2d;
use crate::Problem;
use citytwin_tiles::resolve_url;
use litemap::LiteMap;
use std::collections::BTreeMap;
use web_sys::{HtmlCanvasElement, HtmlImageElement};

/// More icons of one twin are not taken.
const MOST: usize = 64;
/// Side of a shape, pixels: enough for a badge at three pixels per CSS pixel.
const SIDE_PX: u32 = 48;

#[derive(Default)]
pub(super) struct Icons {
    /// Name, URL and picture of those that are under way.
    waiting: Vec<(String, String, HtmlImageElement)>,
    shapes: LiteMap<String, HtmlCanvasElement>,
}

impl Icons {
    /// Loads the icons that an index names, in place of those before. Returns what is wrong with them.
    pub(super) fn load(&mut self, icons: &BTreeMap<String, String>, base: &str) -> Vec<Problem> {
        *self = Self::default();
        let origin = web_sys::window().and_then(|window| window.location().origin().ok()).unwrap_or_default();
        let mut problems = Vec::new();
        for (name, url) in icons.iter().take(MOST) {
            let url = resolve_url(base, url);
            if !url.starts_with(&format!("{origin}/")) {
                let message = "an icon lies at another origin than the page";
                problems.push(Problem::new("icon-origin", message, url));
            } else if let Ok(image) = HtmlImageElement::new() {
                image.set_src(&url);
                self.waiting.push((name.clone(), url, image));
            }
        }
        problems
    }

    /// Whether pictures are under way.
    pub(super) fn loading(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes what has come. Returns whether there are new shapes, and what could not be read.
    pub(super) fn hear(&mut self) -> (bool, Vec<Problem>) {
        let mut problems = Vec::new();
        let come = self.waiting.extract_if(.., |(_, _, image)| image.complete()).collect::<Vec<_>>();
        let news = !come.is_empty();
        for (name, url, image) in come {
            match shape(&image) {
                Some(shape) => drop(self.shapes.insert(name, shape)),
                None => {
                    let message = "the browser cannot read this as a picture";
                    problems.push(Problem::new("icon-unreadable", message, url));
                }
            }
        }
        (news, problems)
    }

    pub(super) fn shape(&self, name: &str) -> Option<&HtmlCanvasElement> {
        self.shapes.get(name)
    }
}

/// What of a picture is not transparent, in green.
fn shape(image: &HtmlImageElement) -> Option<HtmlCanvasElement> {
    if image.natural_width() == 0 {
        return None;
    }
    let (canvas, context) = canvas_2d(false)?;
    canvas.set_width(SIDE_PX);
    canvas.set_height(SIDE_PX);
    let side = f64::from(SIDE_PX);
    context.draw_image_with_html_image_element_and_dw_and_dh(image, 0.0, 0.0, side, side).ok()?;
    context.set_global_composite_operation("source-in").ok()?;
    context.set_fill_style_str("#0f0");
    context.fill_rect(0.0, 0.0, side, side);
    Some(canvas)
}
