//! What a slow device is spared of pictures that are not the last of their view, because the view moves or more of the
//! city is on its way. Fast devices are spared nothing.
//!
//! * Shadows and edges take as long as the city itself: where it would stutter with them, it moves without, and they
//!   come back at rest.
//! * While a view that stands still is loading, each batch of tiles would have the whole city drawn anew, and what draws
//!   it is kept from loading it: the device rests between such pictures for longer than it draws them.
//! * Levels of detail that could not fade smoothly do not fade.

/// A whole picture that takes longer than this, milliseconds, stutters.
const SLOW_MS: f64 = 66.0;
/// After so long in a motion without a whole picture one is tried, if this one took less than this part of `SLOW_MS`.
const FAST_PART: f64 = 0.3;
/// Pictures that take less, milliseconds, cost the loading next to nothing.
const CHEAP_MS: f64 = 25.0;
/// The device rests this many times as long as the last picture took it, but no longer than the second, milliseconds: a
/// visitor wants to see that there is progress.
const REST: f64 = 2.0;
const MOST_REST_MS: f64 = 800.0;
/// A fade of fewer pictures than this looks like a fault.
const LEAST_FADE_FRAMES: f64 = 3.0;
/// A view that has not changed for so long, milliseconds, stands still; pictures may take as long as twice.
const STILL_MS: f64 = 150.0;

/// Follows how long pictures keep the device busy. Times are milliseconds of a steady clock.
#[derive(Clone, Debug)]
pub(crate) struct Thrift {
    /// When the picture that the device is at was handed to it, and whether it is a whole one.
    begun: Option<(f64, bool)>,
    /// When it was done with the last one, and how long that took.
    done_ms: f64,
    took_ms: f64,
    /// How long the last whole one took.
    whole_ms: f64,
    /// When the view changed last, and whether it had changed shortly before.
    changed_ms: f64,
    moves: bool,
}

impl Default for Thrift {
    fn default() -> Self {
        Self { begun: None, done_ms: 0.0, took_ms: 0.0, whole_ms: 0.0, changed_ms: f64::NEG_INFINITY, moves: false }
    }
}

impl Thrift {
    /// A frame begins, in which the view has changed or not. One jump is no motion.
    pub(crate) fn follow(&mut self, changed: bool, now_ms: f64) {
        let is_soon = now_ms - self.changed_ms < STILL_MS.max(2.0 * self.took_ms);
        self.moves = is_soon && (changed || self.moves);
        if changed {
            self.changed_ms = now_ms;
        }
    }

    /// Whether the view has changed from frame to frame until just now.
    pub(crate) fn moves(&self) -> bool {
        self.moves
    }

    /// A picture was handed to the device while it had nothing else to draw.
    pub(crate) fn begun(&mut self, whole: bool, now_ms: f64) {
        self.begun = Some((now_ms, whole));
    }

    /// Whether the device is at a picture, as far as is known.
    pub(crate) fn is_busy(&self) -> bool {
        self.begun.is_some()
    }

    /// The device is done with what it was given. Where nobody looked for long, as in a hidden tab, that seems to have
    /// taken long, until the next picture.
    pub(crate) fn done(&mut self, now_ms: f64) {
        let Some((begun_ms, whole)) = self.begun.take() else { return };
        (self.done_ms, self.took_ms) = (now_ms, now_ms - begun_ms);
        // So fast that a whole one will be too, whatever the last one took.
        if whole || self.took_ms < FAST_PART * SLOW_MS {
            self.whole_ms = self.took_ms;
        }
    }

    /// Whether a picture that will not be the last of its view has shadows and edges.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole_ms <= SLOW_MS
    }

    /// Whether a picture is worth its time that only shows more of a view that is still loading.
    pub(crate) fn may_draw(&self, now_ms: f64) -> bool {
        match self.begun {
            Some((begun_ms, _)) => self.took_ms < CHEAP_MS && now_ms - begun_ms < CHEAP_MS,
            None => self.took_ms < CHEAP_MS || now_ms - self.done_ms >= (REST * self.took_ms).min(MOST_REST_MS),
        }
    }

    /// Whether a fade of so many milliseconds has enough pictures to be seen as one.
    pub(crate) fn may_fade(&self, fade_ms: f64) -> bool {
        self.took_ms * LEAST_FADE_FRAMES <= fade_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fade::FADE_MS;

    /// After one picture that took so long.
    fn after(took_ms: f64) -> Thrift {
        let mut thrift = Thrift::default();
        thrift.begun(true, 0.0);
        thrift.done(took_ms);
        thrift
    }

    /// Loads until so many milliseconds on a device that needs `cost_ms` for a picture, the first of them at 0; when
    /// the others were begun.
    fn loaded(cost_ms: f64, for_ms: f64) -> Vec<f64> {
        let mut thrift = after(cost_ms);
        let (mut begun, mut now_ms): (Vec<f64>, _) = (Vec::new(), cost_ms);
        while now_ms < for_ms {
            if begun.last().is_some_and(|last| now_ms - last >= cost_ms) {
                thrift.done(now_ms);
            }
            if thrift.may_draw(now_ms) {
                thrift.begun(true, now_ms);
                begun.push(now_ms);
            }
            now_ms += 10.0;
        }
        begun
    }

    #[test]
    fn a_fast_device_draws_every_picture_whole_and_every_fade() {
        assert_eq!(loaded(10.0, 1_000.0).len(), 99);
        assert!(after(16.0).may_fade(FADE_MS) && after(16.0).is_whole());
    }

    #[test]
    fn a_slow_device_draws_for_a_third_of_the_time_and_fades_nothing() {
        assert_eq!(loaded(100.0, 1_500.0), [300.0, 600.0, 900.0, 1_200.0]);
        assert!(!after(100.0).may_fade(FADE_MS) && !after(100.0).is_whole());
    }

    #[test]
    fn progress_is_seen_on_the_slowest_device() {
        assert_eq!(loaded(1_000.0, 4_000.0), [1_800.0, 3_600.0]);
    }

    #[test]
    fn what_the_device_was_spared_comes_back_when_it_is_fast() {
        let mut thrift = after(200.0);
        // Without shadows and edges it is fast enough, but would not be with them.
        thrift.begun(false, 700.0);
        thrift.done(730.0);
        assert!(!thrift.is_whole());
        thrift.begun(false, 900.0);
        thrift.done(910.0);
        assert!(thrift.is_whole() && thrift.may_draw(920.0) && thrift.may_fade(FADE_MS));
    }

    #[test]
    fn a_view_moves_from_its_second_change_until_it_has_stood_still_for_a_moment() {
        let mut thrift = Thrift::default();
        let mut moves = |changed, now_ms| {
            thrift.follow(changed, now_ms);
            thrift.moves()
        };
        assert!(!moves(true, 1_000.0), "a jump");
        assert!(!moves(false, 1_016.0));
        assert!(!moves(true, 2_000.0), "another one");
        assert!(moves(true, 2_016.0));
        assert!(moves(false, 2_100.0), "a hand that holds still for a moment");
        assert!(moves(true, 2_116.0));
        assert!(!moves(false, 2_300.0));
        assert!(!moves(false, 2_316.0));
    }

    #[test]
    fn frames_may_be_far_apart_on_a_slow_device() {
        let mut thrift = after(400.0);
        thrift.follow(true, 1_000.0);
        thrift.follow(true, 1_500.0);
        assert!(thrift.moves());
    }
}
