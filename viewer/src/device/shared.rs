//! What the handles of one viewer share: its state, who listens, and the animation frame.
//!
//! The state is borrowed only while nobody outside is called, so that listeners may call the viewer.

use super::core::Core;
use super::listeners::Listeners;
use super::timer::Timer;
use crate::Event;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::Performance;

type Subscriber = Rc<dyn Fn(&Event)>;
type Animation = Closure<dyn FnMut(f64)>;

#[derive(Default)]
pub(super) struct Shared {
    /// `None` before the start and after the removal.
    core: RefCell<Option<Core>>,
    subscribers: RefCell<Vec<(u64, Subscriber)>>,
    next_subscriber: Cell<u64>,
    listeners: RefCell<Option<Listeners>>,
    animation: RefCell<Option<Animation>>,
    scheduled: Cell<Option<i32>>,
    /// Asks for a frame later.
    alarm: RefCell<Option<Timer>>,
    /// Runs while the graphics are gone.
    overdue: RefCell<Option<Timer>>,
}

/// Graphics that are gone for longer than this, milliseconds, are said to be gone: drivers are back within seconds.
const RESTORED_WITHIN_MS: f64 = 10_000.0;

thread_local! {
    /// Looked up once: the clock is asked several times a frame.
    static CLOCK: Option<Performance> = web_sys::window().and_then(|window| window.performance());
}

/// Milliseconds since the page began.
pub(super) fn now_ms() -> f64 {
    CLOCK.with(|clock| clock.as_ref().map_or(0.0, Performance::now))
}

impl Shared {
    pub(super) fn start(self: &Rc<Self>, core: Core, listeners: Listeners) {
        let weak = Rc::downgrade(self);
        let animation = Closure::<dyn FnMut(f64)>::new(move |_time_ms: f64| {
            if let Some(shared) = Weak::upgrade(&weak) {
                shared.frame();
            }
        });
        *self.animation.borrow_mut() = Some(animation);
        *self.core.borrow_mut() = Some(core);
        *self.listeners.borrow_mut() = Some(listeners);
        self.schedule();
    }

    /// Does something with the state and asks for a frame. `None` when the viewer is removed.
    pub(super) fn change<R>(&self, work: impl FnOnce(&mut Core) -> R) -> Option<R> {
        let result = self.core.borrow_mut().as_mut().map(work);
        if result.is_some() {
            self.schedule();
        }
        result
    }

    /// Reads the state. `None` when the viewer is removed.
    pub(super) fn read<R>(&self, work: impl FnOnce(&Core) -> R) -> Option<R> {
        self.core.borrow().as_ref().map(work)
    }

    /// Asks for a frame, once.
    pub(super) fn schedule(&self) {
        if self.scheduled.get().is_some() {
            return;
        }
        let animation = self.animation.borrow();
        if let (Some(window), Some(animation)) = (web_sys::window(), animation.as_ref()) {
            self.scheduled.set(window.request_animation_frame(animation.as_ref().unchecked_ref()).ok());
        }
    }

    fn frame(self: &Rc<Self>) {
        self.scheduled.set(None);
        let more = self.core.borrow_mut().as_mut().is_some_and(|core| core.tick(&now_ms, false));
        if more {
            self.schedule();
        } else {
            self.set_alarm();
        }
        self.tell();
    }

    /// Asks for a frame at the time when the state will want one, if nothing happens before.
    fn set_alarm(self: &Rc<Self>) {
        let at_ms = self.read(Core::alarm_at_ms).flatten();
        let weak = Rc::downgrade(self);
        *self.alarm.borrow_mut() = at_ms.and_then(|at_ms| {
            Timer::after(at_ms - now_ms(), move || {
                if let Some(shared) = weak.upgrade() {
                    shared.schedule();
                }
            })
        });
    }

    /// The graphics are gone: says so again if they stay away.
    pub(super) fn context_lost(self: &Rc<Self>) {
        self.change(Core::context_lost);
        let weak = Rc::downgrade(self);
        *self.overdue.borrow_mut() = Timer::after(RESTORED_WITHIN_MS, move || {
            if let Some(shared) = weak.upgrade() {
                shared.change(Core::context_overdue);
                shared.tell();
            }
        });
        self.tell();
    }

    /// The graphics are back.
    pub(super) fn context_restored(&self) {
        self.overdue.take();
        self.change(Core::context_restored);
        self.tell();
    }

    /// The screen's pixels have changed: hears of the next change too.
    pub(super) fn follow_ratio(self: &Rc<Self>) {
        if let Some(listeners) = self.listeners.borrow_mut().as_mut() {
            listeners.follow_ratio(self);
        }
    }

    /// Tells everybody what has happened. Listeners may call the viewer; what that brings about is told next time.
    pub(super) fn tell(&self) {
        let events = self.core.borrow_mut().as_mut().map(|core| std::mem::take(&mut core.events)).unwrap_or_default();
        for event in &events {
            let subscribers: Vec<_> = self.subscribers.borrow().iter().map(|(_, f)| Rc::clone(f)).collect();
            subscribers.iter().for_each(|subscriber| subscriber(event));
        }
    }

    pub(super) fn subscribe(&self, subscriber: Subscriber) -> u64 {
        let id = self.next_subscriber.get();
        self.next_subscriber.set(id + 1);
        self.subscribers.borrow_mut().push((id, subscriber));
        id
    }

    pub(super) fn unsubscribe(&self, id: u64) {
        self.subscribers.borrow_mut().retain(|(other, _)| *other != id);
    }

    /// Ends everything.
    pub(super) fn remove(&self) {
        if let (Some(window), Some(id)) = (web_sys::window(), self.scheduled.take()) {
            // Fails only without a window to draw in.
            let _ = window.cancel_animation_frame(id);
        }
        self.alarm.take();
        self.overdue.take();
        // Taken out first, dropped after: dropping resolves futures that may call the viewer.
        let parts = (self.listeners.take(), self.core.take(), self.subscribers.take(), self.animation.take());
        drop(parts);
    }
}
