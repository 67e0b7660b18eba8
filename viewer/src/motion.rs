//! What moves the camera between events: inertia, smooth zoom, held keys and flights.

use crate::camera::Camera;
use crate::flight::{Flight, turn_deg};
use crate::gesture::Act;
use citytwin_geo::LookAt;
use glam::DVec2;

/// Time constants of what dies away, milliseconds.
const GLIDE_MS: f64 = 220.0;
const ZOOM_MS: f64 = 70.0;
/// A pointer that rested this long before it was let go throws nothing.
const REST_MS: f64 = 60.0;
/// Degrees per pixel of an orbit.
const ORBIT_DEG_PER_PX: f64 = 0.25;
/// A key press acts at least this long, so that a tap on it is felt.
const KEY_MS: f64 = 120.0;
/// What a held key does per millisecond.
const KEY_PX_PER_MS: f64 = 0.6;
const KEY_TURN_DEG_PER_MS: f64 = 0.07;
const KEY_TILT_DEG_PER_MS: f64 = 0.04;
const KEY_ZOOM_PER_MS: f64 = 0.0016;

/// What a key does while it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    PanLeft,
    PanRight,
    PanUp,
    PanDown,
    TurnLeft,
    TurnRight,
    TiltUp,
    TiltDown,
    ZoomIn,
    ZoomOut,
}

impl Key {
    /// The meaning of a key by its `KeyboardEvent.key`, with or without Shift.
    pub(crate) fn named(name: &str, shift: bool) -> Option<Self> {
        Some(match (name, shift) {
            ("ArrowLeft", false) => Self::PanLeft,
            ("ArrowRight", false) => Self::PanRight,
            ("ArrowUp", false) => Self::PanUp,
            ("ArrowDown", false) => Self::PanDown,
            ("ArrowLeft", true) | ("q" | "Q", _) => Self::TurnLeft,
            ("ArrowRight", true) | ("e" | "E", _) => Self::TurnRight,
            ("ArrowUp", true) | ("PageUp", _) => Self::TiltUp,
            ("ArrowDown", true) | ("PageDown", _) => Self::TiltDown,
            ("+" | "=", _) => Self::ZoomIn,
            ("-" | "_", _) => Self::ZoomOut,
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct HeldKey {
    key: Key,
    down: bool,
    until_ms: f64,
}

/// The camera's motion.
#[derive(Debug)]
pub(crate) struct Motion {
    reduced: bool,
    last_ms: Option<f64>,
    /// Of the target over the ground, metres per millisecond; measured while dragging, dies away after.
    glide: DVec2,
    /// Heading and pitch, degrees per millisecond.
    spin: DVec2,
    moved_ms: f64,
    held: bool,
    /// Natural logarithm of the zoom still to do, and where.
    zoom_left: f64,
    zoom_at: DVec2,
    keys: Vec<HeldKey>,
    flight: Option<Flight>,
    jumped: bool,
}

impl Motion {
    /// At rest. With `reduced`, nothing moves by itself: no inertia, no flights, no smooth zoom.
    pub(crate) fn new(reduced: bool) -> Self {
        Self {
            reduced,
            last_ms: None,
            glide: DVec2::ZERO,
            spin: DVec2::ZERO,
            moved_ms: f64::NEG_INFINITY,
            held: false,
            zoom_left: 0.0,
            zoom_at: DVec2::ZERO,
            keys: Vec::new(),
            flight: None,
            jumped: false,
        }
    }

    /// Whether the visitor asked for less motion.
    pub(crate) fn is_reduced(&self) -> bool {
        self.reduced
    }

    pub(crate) fn set_reduced(&mut self, reduced: bool) {
        self.reduced = reduced;
    }

    /// Whether the next step will move the camera.
    pub(crate) fn moving(&self) -> bool {
        self.flight.is_some()
            || !self.keys.is_empty()
            || self.zoom_left != 0.0
            || (!self.held && (self.glide != DVec2::ZERO || self.spin != DVec2::ZERO))
    }

    /// Everything that moves by itself stops.
    pub(crate) fn stop(&mut self) {
        (self.glide, self.spin, self.zoom_left) = (DVec2::ZERO, DVec2::ZERO, 0.0);
        self.keys.clear();
        self.flight = None;
    }

    /// What carries on by itself ends, as before a wall; held keys and pointers stay.
    pub(crate) fn halt(&mut self) {
        (self.glide, self.spin, self.zoom_left) = (DVec2::ZERO, DVec2::ZERO, 0.0);
        self.flight = None;
    }

    /// Jumps; an invalid view is ignored.
    pub(crate) fn jump(&mut self, camera: &mut Camera, to: LookAt) {
        self.stop();
        self.jumped = true;
        camera.set_look(to);
    }

    /// Whether the camera has jumped since it was asked last: a jump goes where it was told to, through whatever.
    pub(crate) fn take_jump(&mut self) -> bool {
        std::mem::take(&mut self.jumped)
    }

    /// Whether a flight is under way.
    pub(crate) fn flies(&self) -> bool {
        self.flight.is_some()
    }

    /// Carries a gesture out.
    pub(crate) fn act(&mut self, camera: &mut Camera, act: Act, now_ms: f64) {
        match act {
            Act::Grab => {
                self.stop();
                self.held = true;
            }
            Act::Drag { from, to } => {
                let by = camera.drag(from, to);
                self.measure(now_ms, by, DVec2::ZERO);
            }
            Act::Orbit { by } => {
                let turn = DVec2::new(by.x, -by.y) * ORBIT_DEG_PER_PX;
                camera.orbit(turn.x, turn.y);
                self.measure(now_ms, DVec2::ZERO, turn);
            }
            Act::Pinch { from, to, scale, clockwise_deg } => {
                camera.drag(from, to);
                camera.zoom(1.0 / scale, to);
                camera.turn_around(to, -clockwise_deg);
                self.measure(now_ms, DVec2::ZERO, DVec2::ZERO);
            }
            Act::Release | Act::Tap { .. } | Act::DoubleTap { .. } => {
                self.held = false;
                if self.reduced || now_ms - self.moved_ms > REST_MS {
                    (self.glide, self.spin) = (DVec2::ZERO, DVec2::ZERO);
                }
                if let Act::DoubleTap { at } = act {
                    self.zoom_by(camera, 0.5, at);
                }
            }
        }
    }

    /// Follows the speed of a drag.
    fn measure(&mut self, now_ms: f64, by_m: DVec2, by_deg: DVec2) {
        let since_ms = (now_ms - self.moved_ms).clamp(1.0, 200.0);
        let weight = 1.0 - (-since_ms / 40.0).exp();
        self.glide = self.glide.lerp(by_m / since_ms, weight);
        self.spin = self.spin.lerp(by_deg / since_ms, weight);
        self.moved_ms = now_ms;
    }

    /// Multiplies the distance smoothly, keeping the ground under a point where it is.
    pub(crate) fn zoom_by(&mut self, camera: &mut Camera, factor: f64, at_css: DVec2) {
        if !(factor.is_finite() && factor > 0.0) {
            return;
        }
        self.flight = None;
        if self.reduced {
            camera.zoom(factor, at_css);
            return;
        }
        self.glide = DVec2::ZERO;
        self.zoom_at = at_css;
        self.zoom_left = (self.zoom_left + factor.ln()).clamp(-3.0, 3.0);
    }

    /// Flies so that the target comes into the middle of what is free of the canvas, or jumps where motion is to be
    /// reduced.
    pub(crate) fn fly_to(&mut self, camera: &mut Camera, to: LookAt, duration_ms: Option<f64>, now_ms: f64) {
        if to.is_valid() {
            self.go(camera, camera.padded(to), duration_ms, now_ms);
        }
    }

    fn go(&mut self, camera: &mut Camera, to: LookAt, duration_ms: Option<f64>, now_ms: f64) {
        if self.reduced {
            self.jump(camera, to);
        } else {
            self.stop();
            self.flight = Some(Flight::new(camera.look(), to, duration_ms, now_ms));
        }
    }

    /// Where the flight under way goes.
    pub(crate) fn destination(&self) -> Option<LookAt> {
        self.flight.as_ref().map(Flight::destination)
    }

    /// Turns north to the top of the screen.
    pub(crate) fn north_up(&mut self, camera: &mut Camera, now_ms: f64) {
        let look = camera.look();
        let turn = turn_deg(look.heading_deg, 0.0).abs();
        self.go(camera, camera.headed(0.0), Some(200.0 + 3.0 * turn), now_ms);
    }

    pub(crate) fn key_down(&mut self, key: Key, now_ms: f64) {
        self.flight = None;
        match self.keys.iter_mut().find(|held| held.key == key) {
            Some(held) => held.down = true,
            None => self.keys.push(HeldKey { key, down: true, until_ms: now_ms + KEY_MS }),
        }
    }

    /// Lets go of the keys of which this is true.
    pub(crate) fn keys_up(&mut self, released: impl Fn(Key) -> bool) {
        for held in self.keys.iter_mut().filter(|held| released(held.key)) {
            held.down = false;
        }
    }

    /// Moves the camera to where it is at this time. Returns whether it goes on moving.
    pub(crate) fn step(&mut self, camera: &mut Camera, now_ms: f64) -> bool {
        // After a rest the first step is as long as a frame, not as the rest.
        let dt = self.last_ms.map_or(16.0, |last| now_ms - last).clamp(0.0, 100.0);
        self.last_ms = Some(now_ms);
        if let Some(flight) = &self.flight {
            let (look, on) = flight.at(now_ms);
            camera.set_look(look);
            if !on {
                self.flight = None;
            }
        }
        self.step_zoom(camera, dt);
        self.step_glide(camera, dt);
        self.step_keys(camera, dt, now_ms);
        if !self.moving() {
            self.last_ms = None;
        }
        self.moving()
    }

    fn step_zoom(&mut self, camera: &mut Camera, dt: f64) {
        if self.zoom_left == 0.0 {
            return;
        }
        let part = self.zoom_left * (1.0 - (-dt / ZOOM_MS).exp());
        let done = if self.zoom_left.abs() < 0.002 { self.zoom_left } else { part };
        self.zoom_left -= done;
        camera.zoom(done.exp(), self.zoom_at);
    }

    fn step_glide(&mut self, camera: &mut Camera, dt: f64) {
        if self.held || (self.glide == DVec2::ZERO && self.spin == DVec2::ZERO) {
            return;
        }
        camera.shift(self.glide * dt);
        camera.orbit(self.spin.x * dt, self.spin.y * dt);
        let decay = (-dt / GLIDE_MS).exp();
        self.glide *= decay;
        self.spin *= decay;
        // Slower than a pixel in a tenth of a second is rest.
        if self.glide.length() < 0.01 * camera.metres_per_px() {
            self.glide = DVec2::ZERO;
        }
        if self.spin.length() < 0.01 * ORBIT_DEG_PER_PX {
            self.spin = DVec2::ZERO;
        }
    }

    fn step_keys(&mut self, camera: &mut Camera, dt: f64, now_ms: f64) {
        let middle = camera.middle_css();
        let pan = |camera: &mut Camera, x: f64, y: f64| {
            let ahead = DVec2::from_angle(-camera.look().heading_deg.to_radians()).rotate(DVec2::new(x, y));
            camera.shift(ahead * (KEY_PX_PER_MS * dt * camera.metres_per_px()));
        };
        for held in &self.keys {
            match held.key {
                Key::PanLeft => pan(camera, -1.0, 0.0),
                Key::PanRight => pan(camera, 1.0, 0.0),
                Key::PanUp => pan(camera, 0.0, 1.0),
                Key::PanDown => pan(camera, 0.0, -1.0),
                Key::TurnLeft => camera.orbit(-KEY_TURN_DEG_PER_MS * dt, 0.0),
                Key::TurnRight => camera.orbit(KEY_TURN_DEG_PER_MS * dt, 0.0),
                Key::TiltUp => camera.orbit(0.0, KEY_TILT_DEG_PER_MS * dt),
                Key::TiltDown => camera.orbit(0.0, -KEY_TILT_DEG_PER_MS * dt),
                Key::ZoomIn => camera.zoom((-KEY_ZOOM_PER_MS * dt).exp(), middle),
                Key::ZoomOut => camera.zoom((KEY_ZOOM_PER_MS * dt).exp(), middle),
            }
        }
        self.keys.retain(|held| held.down || now_ms < held.until_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Camera {
        let mut camera = Camera::new();
        camera.set_size_css(800.0, 600.0);
        camera.set_look(look(24.94));
        camera
    }

    fn look(lon: f64) -> LookAt {
        LookAt { lon, lat: 60.17, height_m: 0.0, distance_m: 1000.0, heading_deg: 0.0, pitch_deg: -40.0 }
    }

    /// Steps at 60 Hz until rest; returns how many steps it took.
    fn settle(motion: &mut Motion, camera: &mut Camera, from_ms: f64) -> usize {
        (1..1000).find(|i| !motion.step(camera, from_ms + *i as f64 * 16.0)).expect("motion ends")
    }

    fn drag(motion: &mut Motion, camera: &mut Camera) -> f64 {
        motion.act(camera, Act::Grab, 0.0);
        let mut at = DVec2::new(500.0, 300.0);
        for i in 1..10 {
            let to = at - DVec2::new(10.0, 0.0);
            motion.act(camera, Act::Drag { from: at, to }, f64::from(i) * 16.0);
            at = to;
        }
        camera.look().lon
    }

    #[test]
    fn a_thrown_map_glides_on_and_comes_to_rest() {
        let (mut camera, mut motion) = (camera(), Motion::new(false));
        let thrown = drag(&mut motion, &mut camera);
        motion.act(&mut camera, Act::Release, 150.0);
        let steps = settle(&mut motion, &mut camera, 150.0);
        assert!(camera.look().lon > thrown + 1e-5 && (5..150).contains(&steps), "{steps}");
    }

    #[test]
    fn a_map_that_was_held_still_stays() {
        for (reduced, released_ms) in [(false, 400.0), (true, 150.0)] {
            let (mut camera, mut motion) = (camera(), Motion::new(reduced));
            let dragged = drag(&mut motion, &mut camera);
            motion.act(&mut camera, Act::Release, released_ms);
            assert!(!motion.moving());
            assert_eq!(camera.look().lon, dragged);
        }
    }

    #[test]
    fn a_wheel_zooms_smoothly_by_the_whole_factor() {
        let (mut camera, mut motion) = (camera(), Motion::new(false));
        motion.zoom_by(&mut camera, 0.5, DVec2::new(400.0, 300.0));
        motion.step(&mut camera, 16.0);
        assert!((500.0..990.0).contains(&camera.look().distance_m));
        settle(&mut motion, &mut camera, 16.0);
        assert!((camera.look().distance_m - 500.0).abs() < 1e-6);
        motion.zoom_by(&mut camera, f64::NAN, DVec2::ZERO);
        assert!(!motion.moving());
    }

    #[test]
    fn a_touch_stops_a_flight() {
        let (mut camera, mut motion) = (camera(), Motion::new(false));
        motion.fly_to(&mut camera, look(24.99), None, 0.0);
        assert!(motion.destination().is_some_and(|to| (to.lon - 24.99).abs() < 1e-9));
        assert!(motion.step(&mut camera, 400.0));
        let half_way = camera.look();
        assert!(half_way.lon > 24.94 && half_way.lon < 24.99);
        motion.act(&mut camera, Act::Grab, 410.0);
        assert!(!motion.moving() && motion.destination().is_none());
        motion.step(&mut camera, 800.0);
        assert_eq!(camera.look(), half_way);
    }

    #[test]
    fn a_flight_arrives_and_reduced_motion_jumps() {
        let (mut camera, mut motion) = (camera(), Motion::new(false));
        motion.fly_to(&mut camera, look(24.99), Some(300.0), 0.0);
        settle(&mut motion, &mut camera, 0.0);
        assert_eq!(camera.look(), look(24.99));
        motion.set_reduced(true);
        motion.fly_to(&mut camera, look(24.94), None, 0.0);
        assert_eq!((camera.look(), motion.moving()), (look(24.94), false));
    }

    #[test]
    fn a_short_key_press_is_felt_and_a_held_key_goes_on() {
        let (mut camera, mut motion) = (camera(), Motion::new(false));
        motion.key_down(Key::PanRight, 0.0);
        motion.keys_up(|key| key == Key::PanRight);
        settle(&mut motion, &mut camera, 0.0);
        assert!(camera.look().lon > 24.9405, "{:?}", camera.look());
        motion.key_down(Key::TurnLeft, 1000.0);
        for i in 0..60 {
            assert!(motion.step(&mut camera, 1000.0 + f64::from(i) * 16.0));
        }
        motion.keys_up(|_| true);
        assert!(!motion.step(&mut camera, 2000.0));
        assert!((280.0..320.0).contains(&camera.look().heading_deg), "{:?}", camera.look());
    }

    #[test]
    fn keys_have_their_usual_meaning() {
        assert_eq!(Key::named("ArrowLeft", false), Some(Key::PanLeft));
        assert_eq!(Key::named("ArrowLeft", true), Some(Key::TurnLeft));
        assert_eq!(Key::named("E", true), Some(Key::TurnRight));
        assert_eq!(Key::named("=", false), Some(Key::ZoomIn));
        assert_eq!(Key::named("Tab", false), None);
    }
}
