//! Pointers to gestures: which fingers and buttons mean a drag, an orbit, a pinch, a tilt or a tap.

use glam::DVec2;

/// A pointer that moves less than this is a tap, CSS pixels.
const TAP_SLOP_PX: f64 = 6.0;
/// A press longer than this is no tap, milliseconds.
const TAP_MS: f64 = 500.0;
/// A second tap within this time and distance makes a double tap.
const DOUBLE_TAP_MS: f64 = 350.0;
const DOUBLE_TAP_PX: f64 = 30.0;
/// Two fingers decide between tilting and the rest once both have moved this far, CSS pixels.
const DECIDE_PX: f64 = 6.0;

/// A pointer as the browser tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pointer {
    pub(crate) id: i32,
    pub(crate) at: DVec2,
    /// Right or middle button, or a held Control key: turns instead of drags.
    pub(crate) turns: bool,
    pub(crate) time_ms: f64,
}

/// What a pointer event means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Act {
    /// Any touch: whatever moves by itself stops.
    Grab,
    /// Drag the ground from one point to another.
    Drag { from: DVec2, to: DVec2 },
    /// Turn and tilt by this many pixels.
    Orbit { by: DVec2 },
    /// Two fingers: drag, then zoom and turn around `to`.
    Pinch { from: DVec2, to: DVec2, scale: f64, clockwise_deg: f64 },
    /// Everything is let go; what was moving may move on.
    Release,
    /// A click or tap.
    Tap { at: DVec2 },
    /// The second tap of two.
    DoubleTap { at: DVec2 },
}

#[derive(Clone, Copy, Debug)]
struct Held {
    pointer: Pointer,
    start: DVec2,
    moved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum TwoFingers {
    Undecided,
    Tilt,
    Pinch,
}

/// The pointers that are down.
#[derive(Debug)]
pub(crate) struct Gestures {
    held: Vec<Held>,
    two: TwoFingers,
    /// No tap comes of this press: a second finger came down, or it moved.
    spoiled: bool,
    pressed_ms: f64,
    last_tap: Option<(f64, DVec2)>,
}

impl Gestures {
    pub(crate) fn new() -> Self {
        Self { held: Vec::new(), two: TwoFingers::Undecided, spoiled: false, pressed_ms: 0.0, last_tap: None }
    }

    /// Whether any pointer is down.
    pub(crate) fn active(&self) -> bool {
        !self.held.is_empty()
    }

    /// A pointer comes down.
    pub(crate) fn down(&mut self, pointer: Pointer) -> Option<Act> {
        self.held.retain(|held| held.pointer.id != pointer.id);
        self.spoiled = !self.held.is_empty();
        self.pressed_ms = pointer.time_ms;
        if self.held.len() < 2 {
            self.held.push(Held { pointer, start: pointer.at, moved: false });
        }
        // A second finger starts afresh: what the first did before must not decide between tilt and pinch.
        for held in &mut self.held {
            held.start = held.pointer.at;
        }
        self.two = TwoFingers::Undecided;
        Some(Act::Grab)
    }

    /// A pointer that is down moves.
    pub(crate) fn moved(&mut self, pointer: Pointer) -> Option<Act> {
        let index = self.held.iter().position(|held| held.pointer.id == pointer.id)?;
        let before = [0, 1].map(|i| self.held.get(i).map(|held| held.pointer.at));
        let held = &mut self.held[index];
        let turns = held.pointer.turns;
        held.pointer = Pointer { turns, ..pointer };
        match *self.held.as_slice() {
            [_] => self.one_finger(before[0]?),
            [a, b] => self.two_fingers([before[0]?, before[1]?], [a, b]),
            _ => None,
        }
    }

    fn one_finger(&mut self, from: DVec2) -> Option<Act> {
        let held = self.held.first_mut()?;
        let to = held.pointer.at;
        if !held.moved && to.distance(held.start) < TAP_SLOP_PX {
            // Not a drag yet; when it becomes one, it starts at the press.
            return None;
        }
        let from = if held.moved { from } else { held.start };
        held.moved = true;
        self.spoiled = true;
        Some(if held.pointer.turns { Act::Orbit { by: to - from } } else { Act::Drag { from, to } })
    }

    fn two_fingers(&mut self, before: [DVec2; 2], held: [Held; 2]) -> Option<Act> {
        let now = held.map(|h| h.pointer.at);
        if self.two == TwoFingers::Undecided {
            self.two = decide(held.map(|h| h.start), now)?;
        }
        let (from, to) = ((before[0] + before[1]) / 2.0, (now[0] + now[1]) / 2.0);
        if self.two == TwoFingers::Tilt {
            return Some(Act::Orbit { by: DVec2::new(0.0, to.y - from.y) });
        }
        let (was, is) = (before[1] - before[0], now[1] - now[0]);
        let scale = is.length().max(1.0) / was.length().max(1.0);
        // On a canvas y points down, so a positive angle is clockwise.
        let clockwise_deg = if was.length() > 1.0 && is.length() > 1.0 { was.angle_to(is).to_degrees() } else { 0.0 };
        Some(Act::Pinch { from, to, scale, clockwise_deg })
    }

    /// A pointer goes up.
    pub(crate) fn up(&mut self, pointer: Pointer) -> Option<Act> {
        let index = self.held.iter().position(|held| held.pointer.id == pointer.id)?;
        let held = self.held.remove(index);
        self.two = TwoFingers::Undecided;
        if let Some(rest) = self.held.first_mut() {
            // The finger that stays goes on as a drag from where it is.
            rest.start = rest.pointer.at;
            rest.moved = true;
            return None;
        }
        let tap = !self.spoiled && !held.pointer.turns && pointer.time_ms - self.pressed_ms < TAP_MS;
        if !tap {
            return Some(Act::Release);
        }
        let at = held.start;
        let double =
            self.last_tap.is_some_and(|(ms, p)| pointer.time_ms - ms < DOUBLE_TAP_MS && p.distance(at) < DOUBLE_TAP_PX);
        self.last_tap = (!double).then_some((pointer.time_ms, at));
        Some(if double { Act::DoubleTap { at } } else { Act::Tap { at } })
    }

    /// The browser takes a pointer away (a system gesture, a lost window).
    pub(crate) fn cancelled(&mut self, id: i32) -> Option<Act> {
        let held_before = self.held.len();
        self.held.retain(|held| held.pointer.id != id);
        (self.held.len() < held_before).then_some(Act::Release)
    }
}

/// Two fingers that go up or down together, side by side, tilt; anything else pinches.
fn decide(start: [DVec2; 2], now: [DVec2; 2]) -> Option<TwoFingers> {
    let moves = [now[0] - start[0], now[1] - start[1]];
    let spread = (now[1] - now[0]).length() - (start[1] - start[0]).length();
    if spread.abs() > 2.0 * DECIDE_PX {
        return Some(TwoFingers::Pinch);
    }
    if moves.iter().any(|m| m.length() < DECIDE_PX) {
        // One finger holding still while the other goes far is a turn.
        return moves.iter().any(|m| m.length() > 4.0 * DECIDE_PX).then_some(TwoFingers::Pinch);
    }
    let upright = moves.iter().all(|m| m.y.abs() > 1.5 * m.x.abs()) && moves[0].y * moves[1].y > 0.0;
    let side = start[1] - start[0];
    Some(if upright && side.x.abs() > side.y.abs() { TwoFingers::Tilt } else { TwoFingers::Pinch })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(id: i32, x: f64, y: f64, time_ms: f64) -> Pointer {
        Pointer { id, at: DVec2::new(x, y), turns: false, time_ms }
    }

    /// Plays events (`d`own, `m`ove, `u`p) and returns what they mean.
    fn play(events: &[(char, Pointer)]) -> Vec<Act> {
        let mut gestures = Gestures::new();
        let mut step = |(kind, pointer): &(char, Pointer)| match kind {
            'd' => gestures.down(*pointer),
            'm' => gestures.moved(*pointer),
            _ => gestures.up(*pointer),
        };
        events.iter().filter_map(&mut step).filter(|act| *act != Act::Grab).collect()
    }

    #[test]
    fn a_still_press_is_a_tap_and_two_make_a_double_tap() {
        let taps = play(&[
            ('d', p(1, 10.0, 10.0, 0.0)),
            ('m', p(1, 12.0, 11.0, 30.0)),
            ('u', p(1, 12.0, 11.0, 60.0)),
            ('d', p(1, 14.0, 10.0, 200.0)),
            ('u', p(1, 14.0, 10.0, 260.0)),
        ]);
        let at = DVec2::new(10.0, 10.0);
        assert_eq!(taps, [Act::Tap { at }, Act::DoubleTap { at: DVec2::new(14.0, 10.0) }]);
        assert_eq!(play(&[('d', p(1, 0.0, 0.0, 0.0)), ('u', p(1, 0.0, 0.0, 900.0))]), [Act::Release], "a long press");
    }

    #[test]
    fn a_drag_covers_the_whole_way_from_the_press() {
        let acts = play(&[
            ('d', p(1, 10.0, 10.0, 0.0)),
            ('m', p(1, 13.0, 10.0, 10.0)),
            ('m', p(1, 30.0, 10.0, 20.0)),
            ('m', p(1, 50.0, 20.0, 30.0)),
            ('u', p(1, 50.0, 20.0, 40.0)),
        ]);
        let v = DVec2::new;
        assert_eq!(
            acts,
            [
                Act::Drag { from: v(10.0, 10.0), to: v(30.0, 10.0) },
                Act::Drag { from: v(30.0, 10.0), to: v(50.0, 20.0) },
                Act::Release
            ]
        );
    }

    #[test]
    fn the_right_button_turns() {
        let right = |x, time_ms| Pointer { turns: true, ..p(1, x, 0.0, time_ms) };
        let acts = play(&[('d', right(0.0, 0.0)), ('m', right(20.0, 10.0)), ('u', right(20.0, 20.0))]);
        assert_eq!(acts, [Act::Orbit { by: DVec2::new(20.0, 0.0) }, Act::Release]);
    }

    #[test]
    fn fingers_apart_zoom_and_a_lifted_finger_leaves_a_drag() {
        let acts = play(&[
            ('d', p(1, 100.0, 100.0, 0.0)),
            ('d', p(2, 200.0, 100.0, 5.0)),
            ('m', p(2, 300.0, 100.0, 10.0)),
            ('u', p(2, 300.0, 100.0, 20.0)),
            ('m', p(1, 110.0, 100.0, 30.0)),
            ('u', p(1, 110.0, 100.0, 40.0)),
        ]);
        let [Act::Pinch { scale, clockwise_deg, .. }, Act::Drag { .. }, Act::Release] = acts[..] else {
            panic!("{acts:?}")
        };
        assert_eq!((scale, clockwise_deg), (2.0, 0.0));
    }

    #[test]
    fn a_finger_around_the_other_turns_clockwise_on_the_screen() {
        let acts =
            play(&[('d', p(1, 100.0, 100.0, 0.0)), ('d', p(2, 200.0, 100.0, 5.0)), ('m', p(2, 100.0, 200.0, 10.0))]);
        let [Act::Pinch { clockwise_deg, .. }] = acts[..] else { panic!("{acts:?}") };
        assert!((clockwise_deg - 90.0).abs() < 1e-9, "{clockwise_deg}");
    }

    #[test]
    fn two_fingers_upwards_tilt() {
        let acts = play(&[
            ('d', p(1, 100.0, 300.0, 0.0)),
            ('d', p(2, 200.0, 300.0, 5.0)),
            ('m', p(1, 100.0, 290.0, 10.0)),
            ('m', p(2, 200.0, 290.0, 12.0)),
            ('m', p(1, 100.0, 270.0, 20.0)),
        ]);
        assert!(!acts.is_empty());
        assert!(acts.iter().all(|act| matches!(act, Act::Orbit { by } if by.y < 0.0 && by.x == 0.0)), "{acts:?}");
    }

    #[test]
    fn a_pointer_taken_away_is_let_go() {
        let mut gestures = Gestures::new();
        gestures.down(p(1, 0.0, 0.0, 0.0));
        assert_eq!(gestures.cancelled(1), Some(Act::Release));
        assert_eq!(gestures.cancelled(1), None);
        assert_eq!(gestures.moved(p(1, 50.0, 0.0, 1.0)), None);
        assert!(!gestures.active());
    }
}
