//! The bottom sheet of a phone: where it rests, and where it goes when a finger lets go.

/// Where a sheet rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its heading only.
    Peek,
    /// Half of the screen.
    Half,
    /// All of the screen below the search box.
    Full,
}

impl Stop {
    /// For the `data-stop` attribute, which the style sheet reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Peek => "peek",
            Self::Half => "half",
            Self::Full => "full",
        }
    }

    /// The next larger one; from the largest back to the smallest.
    pub fn next(self) -> Self {
        match self {
            Self::Peek => Self::Half,
            Self::Half => Self::Full,
            Self::Full => Self::Peek,
        }
    }

    /// One larger, if there is one.
    pub fn up(self) -> Self {
        if self == Self::Full { self } else { self.next() }
    }

    /// One smaller, if there is one.
    pub fn down(self) -> Self {
        match self {
            Self::Peek | Self::Half => Self::Peek,
            Self::Full => Self::Half,
        }
    }
}

/// Faster than this (CSS pixels per millisecond) a drag is a flick: it moves on by one stop.
const FLICK_PX_PER_MS: f64 = 0.5;
/// Shorter than this (CSS pixels) a drag is a tap.
const TAP_PX: f64 = 6.0;

/// A finished drag of the sheet's head.
#[derive(Clone, Copy, Debug)]
pub struct Drag {
    /// Where the sheet rested before.
    pub from: Stop,
    /// Height of the sheet when let go, as a share of the screen's height.
    pub height: f64,
    /// How far up it was dragged, CSS pixels; negative: down.
    pub up_px: f64,
    /// Speed upwards at the end, CSS pixels per millisecond.
    pub speed_px_per_ms: f64,
}

/// Where a drag leads; `None` closes the sheet.
pub fn settle(drag: Drag) -> Option<Stop> {
    let Drag { from, height, up_px, speed_px_per_ms } = drag;
    if up_px.abs() < TAP_PX {
        return Some(from.next());
    }
    let nearest = match height {
        h if h < 0.3 => Stop::Peek,
        h if h < 0.7 => Stop::Half,
        _ => Stop::Full,
    };
    if speed_px_per_ms > FLICK_PX_PER_MS {
        return Some(if nearest == from { from.up() } else { nearest });
    }
    let flicked_down = speed_px_per_ms < -FLICK_PX_PER_MS;
    if from == Stop::Peek && up_px < 0.0 && (flicked_down || up_px < -40.0) {
        return None;
    }
    Some(if flicked_down && nearest == from { from.down() } else { nearest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: Stop, height: f64, up_px: f64, speed_px_per_ms: f64, expected: Option<Stop>) {
        let drag = Drag { from, height, up_px, speed_px_per_ms };
        assert_eq!(settle(drag), expected, "{drag:?}");
    }

    #[test]
    fn a_slow_drag_rests_at_the_nearest_stop() {
        check(Stop::Peek, 0.5, 300.0, 0.1, Some(Stop::Half));
        check(Stop::Peek, 0.85, 600.0, 0.0, Some(Stop::Full));
        check(Stop::Full, 0.2, -500.0, -0.1, Some(Stop::Peek));
        check(Stop::Half, 0.45, -40.0, 0.0, Some(Stop::Half));
    }

    #[test]
    fn a_flick_moves_on_by_one_stop() {
        check(Stop::Peek, 0.2, 30.0, 1.2, Some(Stop::Half));
        check(Stop::Half, 0.55, 30.0, 1.2, Some(Stop::Full));
        check(Stop::Full, 0.8, -30.0, -1.2, Some(Stop::Half));
        check(Stop::Half, 0.45, -30.0, -1.2, Some(Stop::Peek));
    }

    #[test]
    fn pulling_the_smallest_sheet_down_closes_it() {
        check(Stop::Peek, 0.1, -20.0, -1.0, None);
        check(Stop::Peek, 0.05, -60.0, -0.1, None);
        check(Stop::Peek, 0.12, -10.0, 0.0, Some(Stop::Peek));
    }

    #[test]
    fn a_tap_on_the_handle_steps_through_the_stops() {
        check(Stop::Peek, 0.15, 0.0, 0.0, Some(Stop::Half));
        check(Stop::Half, 0.5, 2.0, 0.0, Some(Stop::Full));
        check(Stop::Full, 0.9, -2.0, 0.0, Some(Stop::Peek));
    }
}
