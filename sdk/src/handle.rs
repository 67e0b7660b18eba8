//! The exports.

use crate::shapes::{
    DiagnosticsShape, EventShape, HitShape, OptionsShape, ShownLabelShape, StatsShape, error_code, event_type,
    style_error_code,
};
use citytwin_manifest::{Raster, Twin};
use citytwin_viewer::{LookAt, Padding, Subscription, Theme, Viewer, ViewerError, Workers};
use js_sys::{Error, Function, Reflect};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{HtmlCanvasElement, Worker};

/// One viewer on one canvas.
#[wasm_bindgen]
pub struct Handle {
    viewer: Viewer,
    /// Types of events that somebody listens to.
    heard: Rc<RefCell<BTreeSet<String>>>,
    /// Kept for as long as the handle lives: events end with it.
    _events: Subscription,
}

#[wasm_bindgen]
impl Handle {
    /// Takes a canvas; `start_decode` and `start_style` return new workers, `listener` hears `{ type, data }` of every
    /// event that is heard.
    ///
    /// # Errors
    /// `option`, `no-webgl2`, `graphics` or `browser`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        canvas: HtmlCanvasElement,
        start_decode: Function,
        decode_wasm_url: String,
        start_style: Function,
        options: JsValue,
        listener: Function,
    ) -> Result<Handle, JsValue> {
        let options: OptionsShape =
            serde_wasm_bindgen::from_value(options).map_err(|error| thrown("option", &error.to_string()))?;
        let workers = Workers { decode: starter(start_decode), decode_wasm_url, style: starter(start_style) };
        let viewer = Viewer::with_workers(canvas, options.into(), workers).map_err(|error| thrown_by_viewer(&error))?;
        let heard = Rc::<RefCell<BTreeSet<String>>>::default();
        let hears = Rc::clone(&heard);
        let events = viewer.subscribe(move |event| {
            let is_heard = event_type(event).is_some_and(|name| hears.borrow().contains(name));
            if let Some(shape) = EventShape::of(event).filter(|_| is_heard) {
                // A listener's own error is the host's to report; the viewer goes on.
                let _ = plain(&shape).and_then(|event| listener.call1(&JsValue::NULL, &event));
            }
        });
        Ok(Self { viewer, heard, _events: events })
    }

    /// Says whether anybody listens to events of a type; at first nobody does.
    pub fn hear(&self, event: String, on: bool) {
        let mut heard = self.heard.borrow_mut();
        if on {
            heard.insert(event)
        } else {
            heard.remove(&event)
        };
    }

    /// Shows a twin: all its layers, from its home view.
    ///
    /// # Errors
    /// `manifest` when this is not a `twin.json` that can be read.
    pub fn open(&self, twin_json: &[u8], url: &str) -> Result<(), JsValue> {
        let twin = Twin::from_json(twin_json).map_err(|error| thrown("manifest", &error.to_string()))?;
        self.viewer.open(&twin, url);
        Ok(())
    }

    /// The view.
    ///
    /// # Errors
    /// Never in practice: the view is a plain object.
    pub fn view(&self) -> Result<JsValue, JsValue> {
        plain(&self.viewer.view())
    }

    /// Jumps to a view.
    ///
    /// # Errors
    /// `view` when it is not one.
    #[wasm_bindgen(js_name = setView)]
    pub fn set_view(&self, view: JsValue) -> Result<(), JsValue> {
        self.viewer.set_view(look_at(view)?);
        Ok(())
    }

    /// Flies to a view.
    ///
    /// # Errors
    /// `view` when it is not one.
    #[wasm_bindgen(js_name = flyTo)]
    pub fn fly_to(&self, view: JsValue, duration_ms: Option<f64>) -> Result<(), JsValue> {
        self.viewer.fly_to(look_at(view)?, duration_ms);
        Ok(())
    }

    /// Resolves when no flight is under way.
    pub fn landed(&self) -> js_sys::Promise {
        let landed = self.viewer.landed();
        wasm_bindgen_futures::future_to_promise(async move {
            landed.await;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Looks at the whole of a layer as soon as it is known where it lies.
    #[wasm_bindgen(js_name = lookAtLayer)]
    pub fn look_at_layer(&self, id: &str) {
        self.viewer.look_at_layer(id);
    }

    /// Where places are on the canvas: [`Viewer::project`].
    pub fn project(&self, places: &[f64]) -> Vec<f64> {
        self.viewer.project(places)
    }

    /// Draws a frame at once.
    #[wasm_bindgen(js_name = drawNow)]
    pub fn draw_now(&self) {
        self.viewer.draw_now();
    }

    /// How the city is drawn.
    ///
    /// # Errors
    /// Never in practice: a scene is a plain object.
    pub fn scene(&self) -> Result<JsValue, JsValue> {
        plain(&self.viewer.scene())
    }

    /// Changes parts of how the city is drawn, given as JSON.
    ///
    /// # Errors
    /// `scene` when a key is unknown or a value out of range.
    #[wasm_bindgen(js_name = setScene)]
    pub fn set_scene(&self, partial_json: &str) -> Result<(), JsValue> {
        let changed = self.viewer.scene().with(partial_json).and_then(|scene| self.viewer.set_scene(scene));
        changed.map_err(|error| thrown("scene", &error.to_string()))
    }

    /// Says what covers the borders of the canvas.
    ///
    /// # Errors
    /// `padding` when a number is negative or not finite.
    #[wasm_bindgen(js_name = setPadding)]
    pub fn set_padding(&self, padding: JsValue) -> Result<(), JsValue> {
        let padding: Padding =
            serde_wasm_bindgen::from_value(padding).map_err(|error| thrown("padding", &error.to_string()))?;
        if !padding.is_valid() {
            return Err(thrown("padding", &format!("{padding:?} is out of range")));
        }
        self.viewer.set_padding(padding);
        Ok(())
    }

    /// The feature at a point of the canvas, CSS pixels, or null.
    ///
    /// # Errors
    /// Never in practice: a hit is a plain object.
    pub fn pick(&self, x_css: f64, y_css: f64) -> js_sys::Promise {
        let hit = self.viewer.pick(x_css, y_css);
        wasm_bindgen_futures::future_to_promise(async move { plain(&hit.await.as_ref().map(HitShape::of)) })
    }

    /// Styles a layer by a 3D Tiles style, a JSON text; without one it shows as it is. Resolves when that is seen.
    ///
    /// # Errors
    /// `layer` when there is none of this id, `style` when it is not a style.
    #[wasm_bindgen(js_name = setStyle)]
    #[allow(clippy::needless_pass_by_value)] // what JavaScript gives is ours
    pub fn set_style(&self, layer: &str, style: Option<String>) -> js_sys::Promise {
        let styled = self.viewer.set_style(layer, style.as_deref());
        wasm_bindgen_futures::future_to_promise(async move {
            let styled = styled.await.map(|()| JsValue::UNDEFINED);
            styled.map_err(|problem| {
                thrown(style_error_code(&problem), &format!("{}: {}", problem.place, problem.message))
            })
        })
    }

    /// Marks features by their stable ids, and no others.
    #[allow(clippy::needless_pass_by_value)] // what JavaScript gives is ours
    pub fn highlight(&self, ids: Vec<String>) {
        self.viewer.highlight(&ids);
    }

    /// Hides features by their stable ids, and no others.
    #[allow(clippy::needless_pass_by_value)] // what JavaScript gives is ours
    pub fn hide(&self, ids: Vec<String>) {
        self.viewer.hide(&ids);
    }

    /// Resolves when everything that the view needs is drawn.
    pub fn settled(&self) -> js_sys::Promise {
        let settled = self.viewer.settled();
        wasm_bindgen_futures::future_to_promise(async move {
            settled.await;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// What is drawn and held.
    ///
    /// # Errors
    /// Never in practice: the figures are a plain object.
    pub fn stats(&self) -> Result<JsValue, JsValue> {
        plain(&StatsShape::of(&self.viewer.stats()))
    }

    /// What else is held.
    ///
    /// # Errors
    /// Never in practice: the figures are a plain object.
    pub fn diagnostics(&self) -> Result<JsValue, JsValue> {
        plain(&DiagnosticsShape::of(&self.viewer.stats()))
    }

    /// Shows a tileset as a layer; one of the same id is replaced.
    ///
    /// # Errors
    /// `option` when the theme is none.
    #[wasm_bindgen(js_name = addTileset)]
    pub fn add_tileset(&self, id: &str, url: &str, theme: &str, visible: bool) -> Result<(), JsValue> {
        let known = Theme::ALL.into_iter().find(|known| known.name() == theme);
        let theme = known.ok_or_else(|| thrown("option", &format!("{theme:?} is no theme")))?;
        self.viewer.add_layer(id, url, theme, visible);
        Ok(())
    }

    /// Removes a layer.
    #[wasm_bindgen(js_name = removeLayer)]
    pub fn remove_layer(&self, id: &str) {
        self.viewer.remove_layer(id);
    }

    /// Lays a picture over the ground; `raster_json` is one of the manifest's `rasters`.
    ///
    /// # Errors
    /// `raster` when it is none.
    #[wasm_bindgen(js_name = addRaster)]
    pub fn add_raster(&self, raster_json: &str) -> Result<(), JsValue> {
        let raster = Raster::from_json(raster_json).map_err(|error| thrown("raster", &error.to_string()))?;
        self.viewer.add_raster(&raster).map_err(|problem| thrown("raster", &problem.to_string()))
    }

    /// Takes a picture off the ground.
    #[wasm_bindgen(js_name = removeRaster)]
    pub fn remove_raster(&self, id: &str) {
        self.viewer.remove_raster(id);
    }

    /// How much of the ground a picture hides.
    #[wasm_bindgen(js_name = setRasterOpacity)]
    pub fn set_raster_opacity(&self, id: &str, opacity: f64) {
        self.viewer.set_raster_opacity(id, opacity);
    }

    /// Writes names in this language.
    #[wasm_bindgen(js_name = setLabelLocale)]
    pub fn set_label_locale(&self, locale: &str) {
        self.viewer.set_label_locale(locale);
    }

    /// The names that are shown.
    ///
    /// # Errors
    /// Never in practice: they are plain objects.
    #[wasm_bindgen(js_name = shownLabels)]
    pub fn shown_labels(&self) -> Result<JsValue, JsValue> {
        let labels = self.viewer.shown_labels();
        plain(&labels.iter().map(ShownLabelShape::of).collect::<Vec<_>>())
    }

    /// Asks again for what could not be loaded; how many files that are.
    pub fn retry(&self) -> usize {
        self.viewer.retry()
    }

    /// The problems that stand.
    ///
    /// # Errors
    /// Never in practice: problems are plain objects.
    pub fn problems(&self) -> Result<JsValue, JsValue> {
        plain(&self.viewer.problems())
    }

    /// Switches a layer on or off.
    #[wasm_bindgen(js_name = setLayerVisible)]
    pub fn set_layer_visible(&self, id: &str, on: bool) {
        self.viewer.set_layer_visible(id, on);
    }

    /// Stops drawing and gives everything back; the handle is freed afterwards.
    pub fn remove(&self) {
        self.viewer.remove();
    }
}

/// A function of JavaScript that returns a worker.
fn starter(start: Function) -> Rc<dyn Fn() -> Result<Worker, JsValue>> {
    Rc::new(move || start.call0(&JsValue::NULL)?.dyn_into())
}

fn plain(value: &impl Serialize) -> Result<JsValue, JsValue> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}

fn look_at(view: JsValue) -> Result<LookAt, JsValue> {
    let view: LookAt = serde_wasm_bindgen::from_value(view).map_err(|error| thrown("view", &error.to_string()))?;
    view.is_valid().then_some(view).ok_or_else(|| thrown("view", &format!("{view:?} is out of range")))
}

fn thrown_by_viewer(error: &ViewerError) -> JsValue {
    thrown(error_code(error), &error.to_string())
}

fn thrown(code: &str, message: &str) -> JsValue {
    let error = Error::new(message);
    // Setting a property of a fresh Error cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
