//! How coarse the picture must be to fit into memory.
//!
//! The error that a tile may have on the screen starts at what the caller allows. While the tiles that the view wants
//! are more than the budget holds, it rises by 2 to 10 % a frame; when they would fit with a dead band to spare, it
//! falls by 2 %. For a view that stands still, an error that proved too small is not tried again unless the size of a
//! tile became known meanwhile, so that it goes down at most once and up at most once, and comes to rest. (CesiumJS
//! multiplies and divides by 1.02 without a dead band, and swings.)

use super::Options;
use crate::View;

/// One frame's step down, and the smallest step up.
const STEP: f64 = 1.02;
/// The largest step up.
const LARGEST_STEP: f64 = 1.10;

/// What a content is taken to have before any size is known.
const FIRST_GUESS_BYTES: u64 = 4 << 20;

/// How far memory stands in the way of what is missed most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pressure {
    /// Not at all.
    #[default]
    None,
    /// Finer tiles that are drawn until a coarser one is there give way to what is coarser still.
    Tight,
    /// Nothing can be drawn coarser: what is missed is loaded all the same, one at a time.
    Hopeless,
}

impl Pressure {
    /// What it is after a frame. `blocked`: there was no room for what is missed most, and nothing is under way that
    /// could make some; `adapts`: the next frame allows another error; `idle`: nothing is under way at all.
    pub(super) fn after(self, blocked: bool, adapts: bool, idle: bool) -> Self {
        match (self, blocked) {
            (Self::None, true) => Self::Tight,
            (Self::Tight | Self::Hopeless, true) if !adapts => Self::Hopeless,
            (before, true) => before,
            (before, false) if !idle => before,
            (_, false) => Self::None,
        }
    }
}

/// What one walk found out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Need {
    /// Bytes of everything that the view wants, loaded or not.
    pub(super) bytes: u64,
    /// The smallest error that was too large: from there on something is left coarser.
    pub(super) coarser_at_px: Option<f64>,
    /// The largest error that passed only because more is allowed now than the caller said: below it, something
    /// becomes finer.
    pub(super) finer_below_px: Option<f64>,
}

impl Need {
    /// Notes that an error was judged: too large, or passed.
    pub(super) fn judge(&mut self, error_px: f64, limit_px: f64, allowed_px: f64) {
        if error_px > limit_px {
            self.coarser_at_px = Some(self.coarser_at_px.map_or(error_px, |at| at.min(error_px)));
        } else if error_px > allowed_px {
            self.finer_below_px = Some(self.finer_below_px.map_or(error_px, |at| at.max(error_px)));
        }
    }
}

/// Sizes of all contents that were ever loaded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sizes {
    sum: u64,
    count: u64,
    pub(super) largest: u64,
}

impl Sizes {
    /// The mean, which an unknown size is taken to be.
    pub(super) fn mean(&self) -> u64 {
        self.sum.checked_div(self.count).unwrap_or(FIRST_GUESS_BYTES)
    }
}

/// The error that is allowed now.
#[derive(Clone, Debug, Default)]
pub(super) struct Budget {
    effective_px: f64,
    /// The largest error that was found too small for the view as it stands.
    overflowed_px: Option<f64>,
    /// View, and what the caller allowed, when that was found.
    seen: Option<(View, f64, u64)>,
    pub(super) sizes: Sizes,
}

impl Budget {
    /// The error that is allowed in the next walk, pixels; never below what the caller allows.
    pub(super) fn effective_px(&self, allowed_px: f64) -> f64 {
        self.effective_px.max(allowed_px)
    }

    /// The size of a content became known that was not known before.
    pub(super) fn learn(&mut self, bytes: u64) {
        self.sizes.sum += bytes;
        self.sizes.count += 1;
        self.sizes.largest = self.sizes.largest.max(bytes);
        self.overflowed_px = None;
    }

    /// Something else changed than the view: what was found too small may do now.
    pub(super) fn forget(&mut self) {
        self.overflowed_px = None;
    }

    /// Takes in what the next walk is for.
    pub(super) fn observe(&mut self, view: &View, options: &Options) {
        let seen = Some((*view, options.max_error_px, options.cache_bytes));
        if std::mem::replace(&mut self.seen, seen) != seen {
            self.overflowed_px = None;
        }
    }

    /// Adapts after a walk; whether the next walk will be allowed another error.
    pub(super) fn adapt(&mut self, allowed_px: f64, budget: u64, need: &Need) -> bool {
        let now = self.effective_px(allowed_px);
        let next = match need.bytes > budget {
            true => self.raised(now, budget, need),
            false if need.bytes.saturating_add(self.dead_band(budget)) <= budget => self.lowered(now, allowed_px, need),
            false => now,
        };
        // What the caller allows is no state: when that changes, it holds at once.
        self.effective_px = if next > allowed_px { next } else { 0.0 };
        next != now
    }

    /// Larger than the largest tile, as long as the budget is larger than two of them.
    fn dead_band(&self, budget: u64) -> u64 {
        (self.sizes.largest + budget / 16).min(budget / 2)
    }

    fn raised(&mut self, now: f64, budget: u64, need: &Need) -> f64 {
        self.overflowed_px = Some(self.overflowed_px.map_or(now, |px| px.max(now)));
        // What stands in the way of less is found in one step, however large its error.
        let Some(coarser_at) = need.coarser_at_px.filter(|at| at.is_finite()) else { return now };
        // Tiles on a plane go with the square of the error.
        let step = (need.bytes as f64 / budget.max(1) as f64).sqrt().clamp(STEP, LARGEST_STEP);
        (now * step).max(coarser_at)
    }

    fn lowered(&self, now: f64, allowed_px: f64, need: &Need) -> f64 {
        let lower = need.finer_below_px.map_or(allowed_px, |at| (now / STEP).min(at).max(allowed_px));
        match self.overflowed_px {
            Some(overflowed) if lower <= overflowed => now,
            _ => lower,
        }
    }
}
