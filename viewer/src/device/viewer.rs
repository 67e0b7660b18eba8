//! The handle that hosts hold.

use crate::{Event, Hit, LookAt, Stats, Theme, Twin, ViewerError, ViewerOptions};
use std::rc::Rc;

/// A twin on a canvas. A cheap handle: clones share one viewer, which lives until [`Viewer::remove`] or until the
/// last handle is gone.
///
/// The viewer listens to pointer, wheel and key events of its canvas, makes it focusable, follows its size, and
/// keeps in `canvas.dataset`: `state` (`loading`, `settled` or `lost`), `tiles`, `triangles` and `features` of the
/// last frame.
#[derive(Clone)]
pub struct Viewer {
    inner: Rc<()>,
}

/// A listener; dropping it stops it.
#[must_use = "dropping a subscription ends it at once"]
pub struct Subscription {
    cancel: Option<Box<dyn FnOnce()>>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            cancel();
        }
    }
}

impl Subscription {
    /// Keeps listening for as long as the viewer lives.
    pub fn forever(mut self) {
        self.cancel = None;
    }
}

impl Viewer {
    /// A viewer that draws on `canvas`; nothing is drawn or loaded before [`Viewer::open`] or [`Viewer::add_layer`].
    ///
    /// # Errors
    /// [`ViewerError::NoWebGl2`] when the browser gives no context, [`ViewerError::Graphics`] when the driver
    /// refuses a shader, [`ViewerError::Browser`] when workers cannot be started.
    pub fn new(canvas: web_sys::HtmlCanvasElement, options: ViewerOptions) -> Result<Self, ViewerError> {
        let _ = (canvas, options);
        Ok(Self { inner: Rc::new(()) })
    }

    /// Shows a twin: its home view at once, and all its layers. `base_url` is the URL of its `twin.json`, absolute or
    /// relative to the page; the layers' URLs are relative to it. Layers of a twin shown before are removed.
    pub fn open(&self, twin: &Twin, base_url: &str) {
        let _ = (twin, base_url);
    }

    /// Adds a tileset as a layer. A layer of the same id is replaced.
    pub fn add_layer(&self, id: &str, tileset_url: &str, theme: Theme, visible: bool) {
        let _ = (id, tileset_url, theme, visible);
    }

    /// Removes a layer and frees what it holds; nothing happens when there is none of this id.
    pub fn remove_layer(&self, id: &str) {
        let _ = id;
    }

    /// Shows or hides a layer; a hidden layer loads nothing. Nothing happens when there is none of this id.
    pub fn set_layer_visible(&self, id: &str, on: bool) {
        let _ = (id, on);
    }

    /// What is looked at, and from where. The target lies on the ground.
    pub fn view(&self) -> LookAt {
        unimplemented!()
    }

    /// Jumps to a view, at once. Views out of range are brought into the camera's limits; an invalid one
    /// ([`LookAt::is_valid`]) is ignored.
    pub fn set_view(&self, view: LookAt) {
        let _ = view;
    }

    /// Flies to a view; the first touch, wheel or drag stops the flight. `None` chooses 800 to 2,500 ms by distance.
    /// Jumps when the visitor asked for reduced motion.
    pub fn fly_to(&self, view: LookAt, duration_ms: Option<f64>) {
        let _ = (view, duration_ms);
    }

    /// Multiplies the distance to the target, smoothly: 0.5 comes twice as near.
    pub fn zoom_by(&self, factor: f64) {
        let _ = factor;
    }

    /// Turns north to the top of the screen, smoothly.
    pub fn north_up(&self) {}

    /// Flies to the home view of the opened twin.
    pub fn home(&self) {}

    /// What is under a point of the canvas (CSS pixels from its top left corner). Resolves within a few frames;
    /// `None` beside everything, when the context is lost, or when the viewer is removed meanwhile.
    pub fn pick(&self, x_css: f64, y_css: f64) -> impl Future<Output = Option<Hit>> + use<> {
        let _ = (x_css, y_css);
        async { None }
    }

    /// Marks a feature as selected in every level of detail, or none.
    pub fn select(&self, hit: Option<&Hit>) {
        let _ = hit;
    }

    /// What was drawn last and what is held.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Calls `listener` with every event until the subscription is dropped. Listeners may call the viewer.
    pub fn subscribe(&self, listener: impl Fn(&Event) + 'static) -> Subscription {
        let _ = &listener;
        let _ = &self.inner;
        Subscription { cancel: None }
    }

    /// Resolves when everything that the view needs is loaded and drawn, or when the viewer is removed.
    pub fn settled(&self) -> impl Future<Output = ()> + use<> {
        async {}
    }

    /// Ends the viewer: stops frames, listeners and workers and frees what the GPU holds. Later calls do nothing.
    pub fn remove(&self) {}
}
