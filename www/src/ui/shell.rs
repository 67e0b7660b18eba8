//! What the components share.

use super::browser;
use super::finder::Finder;
use crate::fault::Fault;
use crate::sheet::Stop;
use crate::words::{Lang, Words};
use citytwin_manifest::Twin;
use citytwin_search::Record;
use citytwin_viewer::{Hit, LookAt, Problem, Progress, Viewer};
use leptos::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The opened city and where its relative URLs start.
#[derive(Clone)]
pub(super) struct City {
    pub(super) twin: Arc<Twin>,
    pub(super) url: String,
}

/// How far opening has come.
#[derive(Clone)]
pub(super) enum Stage {
    Opening,
    Open(City),
    Failed(Fault),
}

/// What the one panel shows.
#[derive(Clone, PartialEq)]
pub(super) enum Content {
    Layers,
    Feature(Hit),
    Place(Record),
    Problems,
}

/// Where the pages' workers lie.
#[derive(Clone)]
pub(super) struct WorkerUrls {
    pub(super) decode: String,
    pub(super) search: String,
}

#[derive(Clone, Copy)]
pub(super) struct Shell {
    pub(super) workers: StoredValue<WorkerUrls>,
    pub(super) lang: RwSignal<Lang>,
    pub(super) stage: RwSignal<Stage>,
    pub(super) panel: RwSignal<Option<Content>>,
    pub(super) stop: RwSignal<Stop>,
    pub(super) viewer: StoredValue<Option<Viewer>, LocalStorage>,
    pub(super) finder: Finder,

    // The last event of each kind.
    pub(super) view: RwSignal<Option<LookAt>>,
    pub(super) rest: RwSignal<Option<LookAt>>,
    pub(super) progress: RwSignal<Progress>,
    pub(super) settled: RwSignal<bool>,
    pub(super) drawn: RwSignal<bool>,
    pub(super) lost: RwSignal<bool>,
    pub(super) online: RwSignal<bool>,
    pub(super) problems: RwSignal<Vec<Problem>>,

    /// What a person has switched, by layer id; the others are as the manifest has them.
    switched: RwSignal<BTreeMap<String, bool>>,
}

impl Shell {
    pub(super) fn new(workers: WorkerUrls) -> Self {
        let tag = browser::root().map(|root| root.lang()).unwrap_or_default();
        Self {
            workers: StoredValue::new(workers),
            lang: RwSignal::new(Lang::from_tag(&tag).unwrap_or(Lang::En)),
            stage: RwSignal::new(Stage::Opening),
            panel: RwSignal::new(None),
            stop: RwSignal::new(Stop::Half),
            viewer: StoredValue::new_local(None),
            finder: Finder::new(),
            view: RwSignal::new(None),
            rest: RwSignal::new(None),
            progress: RwSignal::new(Progress::default()),
            settled: RwSignal::new(false),
            drawn: RwSignal::new(false),
            lost: RwSignal::new(false),
            online: RwSignal::new(browser::is_online()),
            problems: RwSignal::new(Vec::new()),
            switched: RwSignal::new(BTreeMap::new()),
        }
    }

    pub(super) fn words(self) -> &'static Words {
        self.lang.get().words()
    }

    pub(super) fn city(self) -> Option<City> {
        match self.stage.get() {
            Stage::Open(city) => Some(city),
            _ => None,
        }
    }

    /// The city, for what is done rather than shown.
    pub(super) fn city_untracked(self) -> Option<City> {
        match self.stage.get_untracked() {
            Stage::Open(city) => Some(city),
            _ => None,
        }
    }

    pub(super) fn twin(self) -> Option<Arc<Twin>> {
        self.city().map(|city| city.twin)
    }

    /// The city's name in the current language, once it is known.
    pub(super) fn city_name(self) -> Option<String> {
        let name = self.twin()?.title.get(self.lang.get().tag()).to_owned();
        (!name.is_empty()).then_some(name)
    }

    pub(super) fn with_viewer(self, f: impl FnOnce(&Viewer)) {
        self.viewer.with_value(|viewer| viewer.as_ref().map(f));
    }

    pub(super) fn show(self, content: Content) {
        self.stop.set(if matches!(content, Content::Feature(_) | Content::Place(_)) { Stop::Peek } else { Stop::Half });
        self.panel.set(Some(content));
    }

    pub(super) fn close_panel(self) {
        // The focus goes back to where the panel came from, not to the start of the page.
        let from = if self.panel.get_untracked() == Some(Content::Layers) { "layers-button" } else { "map" };
        if browser::has_focus_within("panel") {
            browser::focus(from);
        }
        if matches!(self.panel.get_untracked(), Some(Content::Feature(_))) {
            self.with_viewer(|viewer| viewer.select(None));
        }
        self.panel.set(None);
    }

    /// Whether a layer is switched on; not tracked, for its switch knows when it is pressed.
    pub(super) fn is_layer_on(self, id: &str, at_first: bool) -> bool {
        self.switched.with_untracked(|switched| switched.get(id).copied().unwrap_or(at_first))
    }

    pub(super) fn set_layer(self, id: &str, on: bool) {
        self.switched.update(|switched| {
            switched.insert(id.to_owned(), on);
        });
        self.with_viewer(|viewer| viewer.set_layer_visible(id, on));
    }

    /// Asks again for what could not be loaded. Problems that this solves leave the list by themselves.
    pub(super) fn load_again(self) {
        self.settled.set(false);
        self.with_viewer(|viewer| {
            viewer.retry();
            self.problems.set(viewer.problems());
        });
    }

    /// Whether a problem of this kind stands.
    pub(super) fn has_problem(self, code: &str) -> bool {
        self.problems.with(|problems| problems.iter().any(|problem| problem.code == code))
    }

    /// Says so when the network goes. When it comes back, the viewer itself asks again for what failed meanwhile.
    pub(super) fn follow_network(self) {
        window_event_listener(leptos::ev::offline, move |_| self.online.set(false));
        window_event_listener(leptos::ev::online, move |_| self.online.set(true));
    }

    /// `none`, or where the sheet rests: tells the style sheet how much room the controls have on a phone.
    pub(super) fn panel_state(self) -> &'static str {
        if self.panel.with(Option::is_some) { self.stop.get().name() } else { "none" }
    }

    /// Keeps `<html lang>` and the title in the current language.
    pub(super) fn keep_page_in_language(self) {
        Effect::new(move |_| {
            let tag = self.lang.get().tag();
            if let Some(root) = browser::root() {
                root.set_lang(tag);
                let _ = root.dataset().set("lang", tag);
            }
            self.with_viewer(|viewer| viewer.set_label_locale(tag));
            let title = self.city_name().map_or_else(|| "CityTwin".to_owned(), |city| (self.words().page_title)(&city));
            document().set_title(&title);
        });
    }
}

/// The shell of the page that the calling component is in.
pub(super) fn shell() -> Shell {
    expect_context()
}
