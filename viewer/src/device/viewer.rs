//! The handle that hosts hold.

use super::core::Core;
use super::listeners::{Listeners, reduced_motion};
use super::picking::Purpose;
use super::pool::Pool;
use super::shared::{Shared, now_ms};
use super::styles::Styles;
use super::workers::Workers;
use crate::oneshot::oneshot;
use crate::{
    Event, Hit, LookAt, Padding, Problem, Raster, Scene, SceneError, ShownLabel, Stats, Theme, Twin, ViewerError,
    ViewerOptions,
};
use citytwin_geo::Geodetic;
use citytwin_tiles::resolve_url;
use glam::DVec2;
use std::rc::{Rc, Weak};

/// A twin on a canvas. A cheap handle: clones share one viewer, which lives until [`Viewer::remove`] or until the
/// last handle is gone.
///
/// The viewer listens to pointer, wheel and key events of its canvas, makes it focusable, follows its size, and
/// keeps in `canvas.dataset`: `state` (`loading`, `settled` or `lost`), `tiles`, `triangles` and `features` of the
/// last frame.
#[derive(Clone)]
pub struct Viewer {
    handle: Rc<Handle>,
}

/// Ends the viewer with the last handle.
struct Handle(Rc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// A listener; dropping it stops it.
#[must_use = "dropping a subscription ends it at once"]
pub struct Subscription {
    shared: Weak<Shared>,
    id: Option<u64>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let (Some(shared), Some(id)) = (self.shared.upgrade(), self.id) {
            shared.unsubscribe(id);
        }
    }
}

impl Subscription {
    /// Keeps listening for as long as the viewer lives.
    pub fn forever(mut self) {
        self.id = None;
    }
}

impl Viewer {
    /// A viewer that draws on `canvas`; nothing is drawn or loaded before [`Viewer::open`] or [`Viewer::add_layer`].
    ///
    /// # Errors
    /// [`ViewerError::NoWebGl2`] when the browser gives no context, [`ViewerError::Graphics`] when the driver
    /// refuses a shader, [`ViewerError::Browser`] when workers cannot be started.
    pub fn new(canvas: web_sys::HtmlCanvasElement, options: ViewerOptions) -> Result<Self, ViewerError> {
        let workers = Workers::beside(&on_page(&options.worker_url));
        Self::with_workers(canvas, options, workers)
    }

    /// The same with workers that come from elsewhere than [`ViewerOptions::worker_url`].
    ///
    /// # Errors
    /// As [`Viewer::new`].
    pub fn with_workers(
        canvas: web_sys::HtmlCanvasElement,
        options: ViewerOptions,
        sources: Workers,
    ) -> Result<Self, ViewerError> {
        let window = web_sys::window()
            .ok_or_else(|| ViewerError::Browser { what: "a viewer", message: "there is no window".into() })?;
        let cores = window.navigator().hardware_concurrency() as usize;
        let workers = options.workers.unwrap_or_else(|| cores.saturating_sub(1).clamp(1, 4));
        let shared = Rc::new(Shared::default());
        let weak = Rc::downgrade(&shared);
        let on_loaded = move |loaded| {
            if let Some(shared) = weak.upgrade() {
                shared.change(|core| core.loaded(loaded, now_ms()));
            }
        };
        let idle_ms = options.idle_timeout_ms.max(1.0);
        let pool = Pool::new(sources.clone(), workers, idle_ms, Rc::new(on_loaded))?;
        let weak = Rc::downgrade(&shared);
        let on_style = move |answer| {
            if let Some(shared) = weak.upgrade() {
                shared.change(|core| core.style_answered(&answer));
            }
        };
        let styles = Styles::new(sources, Rc::new(on_style));
        let handle = Rc::new(Handle(Rc::clone(&shared)));
        let listeners = Listeners::new(&shared, &canvas)?;
        shared.start(Core::new(canvas, options, pool, styles, reduced_motion())?, listeners);
        Ok(Self { handle })
    }

    /// Shows a twin: its home view at once, and all its layers. `base_url` is the URL of its `twin.json`, absolute or
    /// relative to the page; the layers' URLs are relative to it. Layers of a twin shown before are removed.
    pub fn open(&self, twin: &Twin, base_url: &str) {
        let base = on_page(base_url);
        self.change(|core| {
            core.remove_layers();
            core.set_extent(twin.extent, twin.home);
            for layer in &twin.layers {
                core.add_layer(&layer.id, resolve_url(&base, &layer.tileset), layer.theme, layer.visible);
            }
            core.set_terrain(twin.terrain.as_ref(), &base, twin.extent);
            core.remove_rasters();
            for raster in &twin.rasters {
                core.add_raster_or_tell(raster, &base);
            }
            core.open_labels(twin.labels.as_ref().map(|url| resolve_url(&base, url)));
        });
    }

    /// Adds a tileset as a layer. A layer of the same id is replaced.
    pub fn add_layer(&self, id: &str, tileset_url: &str, theme: Theme, visible: bool) {
        self.change(|core| core.add_layer(id, on_page(tileset_url), theme, visible));
    }

    /// Removes a layer and frees what it holds; nothing happens when there is none of this id.
    pub fn remove_layer(&self, id: &str) {
        self.change(|core| core.remove_layer(id));
    }

    /// Shows or hides a layer; a hidden layer loads nothing. Nothing happens when there is none of this id.
    pub fn set_layer_visible(&self, id: &str, on: bool) {
        self.change(|core| core.set_layer_visible(id, on));
    }

    /// Writes names in this language (a BCP 47 tag) where the twin has them, else in the city's own. Labels are the
    /// layer `labels` for [`Viewer::set_layer_visible`].
    pub fn set_label_locale(&self, locale: &str) {
        self.change(|core| core.set_label_locale(locale));
    }

    /// The names that are shown, the most important first.
    pub fn shown_labels(&self) -> Vec<ShownLabel> {
        self.handle.0.read(Core::shown_labels).unwrap_or_default()
    }

    /// Lays a picture over the ground, above those that are there. One of the same id is replaced. Its URL is relative
    /// to the page. [`Viewer::set_layer_visible`] switches it by its id.
    ///
    /// # Errors
    /// `raster-template` when the URL template cannot be understood, `raster-value` when a number is out of range.
    pub fn add_raster(&self, raster: &Raster) -> Result<(), Problem> {
        let base = on_page("");
        self.handle.0.change(|core| core.add_raster(raster, &base)).unwrap_or(Ok(()))
    }

    /// Takes a picture off the ground and frees what it holds; nothing happens when there is none of this id.
    pub fn remove_raster(&self, id: &str) {
        self.change(|core| {
            core.remove_raster(id);
        });
    }

    /// How much of the ground a picture hides, 0 to 1; nothing happens when there is none of this id.
    pub fn set_raster_opacity(&self, id: &str, opacity: f64) {
        self.change(|core| core.set_raster_opacity(id, opacity));
    }

    /// How the city is drawn.
    pub fn scene(&self) -> Scene {
        self.handle.0.read(|core| core.scene().clone()).unwrap_or_default()
    }

    /// Draws the city in another way, from the next frame on.
    ///
    /// # Errors
    /// When a number is out of range ([`Scene::validate`]); the scene stays as it was.
    pub fn set_scene(&self, scene: Scene) -> Result<(), SceneError> {
        scene.validate()?;
        self.change(|core| core.set_scene(scene));
        Ok(())
    }

    /// What is looked at, and from where. The target lies on the ground.
    pub fn view(&self) -> LookAt {
        self.handle.0.read(|core| core.camera.look()).unwrap_or(NOWHERE)
    }

    /// Longitude and latitude (degrees) of the ground under the corners of the canvas, clockwise from its top left; a
    /// corner above the horizon gives a far point below it.
    pub fn ground_in_view(&self) -> Vec<(f64, f64)> {
        self.handle.0.read(|core| core.camera.ground_in_view().to_vec()).unwrap_or_default()
    }

    /// Jumps to a view, at once. Views out of range are brought into the camera's limits; an invalid one
    /// ([`LookAt::is_valid`]) is ignored.
    pub fn set_view(&self, view: LookAt) {
        self.change(|core| {
            core.jump_to(view);
        });
    }

    /// Flies to a view; the first touch, wheel or drag stops the flight. `None` chooses 800 to 2,500 ms by distance.
    /// Jumps when the visitor asked for reduced motion. A flight rises over buildings that are in its way, and ends
    /// before one that its view lies in.
    pub fn fly_to(&self, view: LookAt, duration_ms: Option<f64>) {
        self.change(|core| {
            core.motion.set_reduced(reduced_motion());
            let view = core.on_ground(view);
            core.motion.fly_to(&mut core.camera, view, duration_ms, now_ms());
        });
    }

    /// Resolves when no flight is under way any more: it has arrived or was stopped. Also when the viewer is removed.
    pub fn landed(&self) -> impl Future<Output = ()> + use<> {
        let (sender, receiver) = oneshot();
        self.change(|core| core.when_landed(sender));
        async move {
            // `None`: removed.
            let _ = receiver.await;
        }
    }

    /// Looks at the whole of a layer as soon as it is known where it lies; nothing happens when there is none of this
    /// id, or when it reaches around the Earth.
    pub fn look_at_layer(&self, id: &str) {
        self.change(|core| core.look_at_layer(id));
    }

    /// Where places are on the canvas, and how far from the eye. `places`: longitude and latitude (degrees) and metres
    /// above the ellipsoid, in turn. What comes back: CSS pixels from the canvas's top left corner, rightwards and
    /// down, and metres from the eye, in turn; three NaN for a place behind the eye or beyond the horizon.
    pub fn project(&self, places: &[f64]) -> Vec<f64> {
        let Some(projection) = self.handle.0.read(Core::projection) else { return Vec::new() };
        let (places, _) = places.as_chunks::<3>();
        let on_canvas = |[lon, lat, height_m]: &[f64; 3]| {
            let seen = projection.css_from(Geodetic::from_degrees(*lon, *lat, *height_m));
            seen.map_or([f64::NAN; 3], |(at, away_m)| [at.x, at.y, away_m])
        };
        places.iter().flat_map(on_canvas).collect()
    }

    /// Draws a frame at once, whatever has changed: until the caller's task ends, the canvas's pixels can be read.
    pub fn draw_now(&self) {
        self.change(|core| {
            core.draw_due = true;
            core.tick(&now_ms, true);
        });
    }

    /// Says what covers the borders of the canvas: flights then bring their target into the middle of the rest, and
    /// buttons and keys zoom and turn around it. Invalid padding ([`Padding::is_valid`]) is ignored.
    pub fn set_padding(&self, padding: Padding) {
        self.change(|core| core.camera.set_padding(padding));
    }

    /// Multiplies the distance to the target, smoothly: 0.5 comes twice as near.
    pub fn zoom_by(&self, factor: f64) {
        self.change(|core| {
            core.motion.set_reduced(reduced_motion());
            let middle = core.camera.middle_css();
            core.motion.zoom_by(&mut core.camera, factor, middle);
        });
    }

    /// Turns north to the top of the screen, smoothly.
    pub fn north_up(&self) {
        self.change(|core| {
            core.motion.set_reduced(reduced_motion());
            core.motion.north_up(&mut core.camera, now_ms());
        });
    }

    /// Flies to the home view of the opened twin.
    pub fn home(&self) {
        self.change(|core| {
            core.motion.set_reduced(reduced_motion());
            core.go_home(now_ms());
        });
    }

    /// What is under a point of the canvas (CSS pixels from its top left corner). Resolves within a few frames;
    /// `None` beside everything, when the context is lost, or when the viewer is removed meanwhile.
    pub fn pick(&self, x_css: f64, y_css: f64) -> impl Future<Output = Option<Hit>> + use<> {
        let (sender, receiver) = oneshot();
        self.change(|core| core.ask(DVec2::new(x_css, y_css), Purpose::Ask(sender)));
        async move { receiver.await.flatten() }
    }

    /// Marks a feature as selected in every level of detail, or none.
    pub fn select(&self, hit: Option<&Hit>) {
        self.change(|core| core.select(hit));
    }

    /// Styles a layer by a 3D Tiles style, a JSON text (3D Tiles 1.1, section 11), or shows it as it is again. Nothing
    /// changes before all tiles that are there can change together; tiles to come are styled before they are seen.
    ///
    /// `color` stands in place of plain colours and in front of textures; white leaves a feature's own colour.
    /// `pointSize` is in CSS pixels, up to 127. A feature that cannot be styled is an [`Event::Problem`] and keeps its
    /// look.
    ///
    /// # Errors
    /// `layer` when there is none of this id; `style-malformed` or `style-too-large`, whose place names the expression
    /// and the column in it; `style-worker` when styles cannot be evaluated here. Nothing changes then.
    pub fn set_style(&self, layer: &str, style: Option<&str>) -> impl Future<Output = Result<(), Problem>> + use<> {
        let (sender, receiver) = oneshot();
        self.change(|core| core.set_style(layer, style, sender));
        // `None`: removed meanwhile.
        async move { receiver.await.unwrap_or(Ok(())) }
    }

    /// Marks the features with these stable ids, in every level of detail, as a selection is marked; an empty list
    /// marks none. Replaces the list before.
    pub fn highlight(&self, ids: &[String]) {
        self.change(|core| core.flag(0, ids));
    }

    /// Hides the features with these stable ids, in every level of detail: they are not drawn, not picked, and cast no
    /// shadow. Replaces the list before; an empty list shows all.
    pub fn hide(&self, ids: &[String]) {
        self.change(|core| core.flag(1, ids));
    }

    /// What was drawn last and what is held.
    pub fn stats(&self) -> Stats {
        self.handle.0.read(Core::stats).unwrap_or_default()
    }

    /// Calls `listener` with every event until the subscription is dropped. Listeners may call the viewer.
    pub fn subscribe(&self, listener: impl Fn(&Event) + 'static) -> Subscription {
        let shared = &self.handle.0;
        Subscription { shared: Rc::downgrade(shared), id: Some(shared.subscribe(Rc::new(listener))) }
    }

    /// Resolves when everything that the view needs is loaded and drawn, or when the viewer is removed.
    pub fn settled(&self) -> impl Future<Output = ()> + use<> {
        let (sender, receiver) = oneshot();
        self.change(|core| core.when_settled(sender));
        async move {
            // `None`: removed.
            let _ = receiver.await;
        }
    }

    /// Asks again for everything that could not be loaded, and starts workers again that could not be started; how
    /// many files are asked for. The viewer does so by itself when the network comes back, and, with waits that grow
    /// from 5 seconds to 5 minutes, for what a stumbling server or network kept from it.
    pub fn retry(&self) -> usize {
        self.handle.0.change(Core::retry).unwrap_or_default()
    }

    /// The problems that stand: told by [`Event::Problem`], and not yet solved. At most 1,000.
    pub fn problems(&self) -> Vec<Problem> {
        self.handle.0.read(Core::problems).unwrap_or_default()
    }

    /// Ends the viewer: stops frames, listeners and workers and frees what the GPU holds. Later calls do nothing.
    pub fn remove(&self) {
        self.handle.0.remove();
    }

    fn change(&self, work: impl FnOnce(&mut Core)) {
        self.handle.0.change(work);
    }
}

/// The view of a viewer that was removed.
const NOWHERE: LookAt =
    LookAt { lon: 0.0, lat: 0.0, height_m: 0.0, distance_m: 1.0, heading_deg: 0.0, pitch_deg: -90.0 };

/// A URL relative to the page, made absolute; workers have another base.
fn on_page(url: &str) -> String {
    let base = web_sys::window().and_then(|window| window.document()?.base_uri().ok().flatten());
    let absolute = base.and_then(|base| web_sys::Url::new_with_base(url, &base).ok());
    absolute.map_or_else(|| url.to_owned(), |absolute| absolute.href())
}
