//! How many pixels are drawn while the view moves: all, unless frames come too slowly.

use crate::Resolution;

/// Frames that come slower than this, milliseconds, are too slow to drag a city around.
const SLOW_MS: f64 = 40.0;
/// Frames that come faster than this could do with more pixels.
const FAST_MS: f64 = 20.0;
/// So many frames in a row are waited for before pixels are taken away, and before they are given back.
const SLOW_FRAMES: u32 = 4;
const FAST_FRAMES: u32 = 45;
/// A step that was taken back is not tried again within so many frames.
const BURNT_FRAMES: u32 = 600;
/// A step takes or gives this share of the width and height: a third of the pixels.
const STEP: f64 = 0.82;
/// A frame that took longer says that the page slept, not that drawing is slow.
const SLEPT_MS: f64 = 2_000.0;

/// Follows how fast frames come while the view moves.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    /// Share of the width and height to draw while moving.
    share: f64,
    last_ms: Option<f64>,
    /// Frames in a row that were slow, and that were fast.
    slow: u32,
    fast: u32,
    /// Frames until a step up may be tried again.
    burnt: u32,
    /// Frames since the last step up.
    since_up: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { share: 1.0, last_ms: None, slow: 0, fast: 0, burnt: 0, since_up: u32::MAX }
    }
}

impl Pace {
    /// What share of the canvas's width and height the frame that begins now (milliseconds of a steady clock) is to
    /// have. At rest always 1; a motion begins where the last one ended.
    pub(crate) fn share(&mut self, now_ms: f64, moving: bool, settings: &Resolution) -> f64 {
        if !moving || !settings.adaptive {
            self.last_ms = None;
            self.slow = 0;
            return 1.0;
        }
        if let Some(took_ms) = self.last_ms.map(|last_ms| now_ms - last_ms).filter(|took_ms| *took_ms < SLEPT_MS) {
            self.learn(took_ms);
        }
        self.last_ms = Some(now_ms);
        self.share.clamp(settings.least.min(1.0), 1.0)
    }

    fn learn(&mut self, took_ms: f64) {
        self.burnt = self.burnt.saturating_sub(1);
        self.since_up = self.since_up.saturating_add(1);
        self.fast = if took_ms < FAST_MS { self.fast + 1 } else { 0 };
        self.slow = if took_ms > SLOW_MS { self.slow + 1 } else { 0 };
        if self.slow >= SLOW_FRAMES {
            self.share = (self.share * STEP).max(0.25);
            if self.since_up < 4 * SLOW_FRAMES {
                self.burnt = BURNT_FRAMES;
            }
            self.slow = 0;
        } else if self.fast >= FAST_FRAMES && self.share < 1.0 && self.burnt == 0 {
            self.share = (self.share / STEP).min(1.0);
            (self.since_up, self.fast) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moves for so many frames on a device that needs `cost_ms` for a frame with all pixels; the shares drawn.
    fn moved(pace: &mut Pace, clock_ms: &mut f64, frames: u32, cost_ms: f64, settings: &Resolution) -> Vec<f64> {
        let mut shares = Vec::new();
        for _ in 0..frames {
            let share = pace.share(*clock_ms, true, settings);
            *clock_ms += (cost_ms * share * share).max(16.7);
            shares.push(share);
        }
        shares
    }

    #[test]
    fn fast_frames_keep_all_pixels() {
        let (mut pace, mut clock) = (Pace::default(), 0.0);
        let shares = moved(&mut pace, &mut clock, 500, 12.0, &Resolution::default());
        assert!(shares.iter().all(|share| *share == 1.0));
    }

    #[test]
    fn slow_frames_lose_pixels_until_they_are_fast_enough_and_rest_brings_all_back() {
        let (mut pace, mut clock) = (Pace::default(), 0.0);
        let settings = Resolution { least: 0.25, ..Resolution::default() };
        let last = moved(&mut pace, &mut clock, 60, 90.0, &settings).pop().expect("frames");
        assert!(90.0 * last * last < SLOW_MS && last > 0.5, "{last}");
        assert_eq!(pace.share(clock, false, &settings), 1.0);
        // The next motion begins where this one ended, however long the rest was.
        clock += 60_000.0;
        assert_eq!(pace.share(clock, true, &settings), last);
    }

    #[test]
    fn pixels_never_go_below_what_is_asked_for() {
        let (mut pace, mut clock) = (Pace::default(), 0.0);
        let shares = moved(&mut pace, &mut clock, 200, 900.0, &Resolution::default());
        assert_eq!(shares.last(), Some(&0.5));
    }

    #[test]
    fn pixels_come_back_when_frames_are_fast_and_do_not_swing() {
        let (mut pace, mut clock) = (Pace::default(), 0.0);
        let settings = Resolution { least: 0.25, ..Resolution::default() };
        moved(&mut pace, &mut clock, 60, 90.0, &settings);
        // The load is gone.
        assert_eq!(moved(&mut pace, &mut clock, 400, 10.0, &settings).last(), Some(&1.0));
        // A device on the edge: quick with one step less, slow with one more.
        let (mut pace, mut clock) = (Pace::default(), 0.0);
        let mut changes = 0;
        let shares = moved(&mut pace, &mut clock, 1_200, 45.0, &settings);
        shares.windows(2).for_each(|pair| changes += u32::from(pair[0] != pair[1]));
        assert!(changes <= 6, "{changes} changes in 1,200 frames");
    }

    #[test]
    fn nothing_changes_when_it_is_switched_off_or_the_page_slept() {
        let (mut pace, mut clock) = (Pace::default(), 0.0);
        let off = Resolution { adaptive: false, ..Resolution::default() };
        assert!(moved(&mut pace, &mut clock, 100, 200.0, &off).iter().all(|share| *share == 1.0));
        // Nor when now and then a frame is late.
        for frame in 0..200 {
            clock += if frame % 3 == 0 { 120.0 } else { 16.7 };
            assert_eq!(pace.share(clock, true, &Resolution::default()), 1.0);
        }
        for _ in 0..20 {
            clock += 5_000.0;
            assert_eq!(pace.share(clock, true, &Resolution::default()), 1.0);
        }
    }
}
