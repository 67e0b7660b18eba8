//! What of a small window around the pointer is meant: thin things are hard to hit.

/// Width and height of the window, pixels; odd, so that one of them is the pointer's. `tile.vert` knows it as
/// `PICK_SIDE`.
pub(crate) const SIDE: usize = 17;

/// What is seen through one pixel of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Number of the draw; 0 for none.
    pub(crate) number: u32,
    /// Feature id, where the draw has features.
    pub(crate) feature: Option<u32>,
    /// From the eye, metres.
    pub(crate) distance_m: f32,
}

/// The pixel that is meant, as its offset from the window's middle (right, up), and what is seen there: the middle,
/// unless a line or point lies within `reach_px` of it and the middle shows none. `is_thin` tells by the number of the
/// draw. `None` where nothing is.
pub(crate) fn meant(window: &[Seen], reach_px: f64, is_thin: impl Fn(u32) -> bool) -> Option<([i32; 2], Seen)> {
    let half = (SIDE / 2) as i32;
    let at = |x: i32, y: i32| window.get((y + half) as usize * SIDE + (x + half) as usize).copied();
    let middle = at(0, 0)?;
    let found = (middle.number != 0).then_some(([0, 0], middle));
    if found.is_some_and(|(_, seen)| is_thin(seen.number)) {
        return found;
    }
    let mut nearest = (reach_px * reach_px, found);
    for y in -half..=half {
        for x in -half..=half {
            let away = f64::from(x * x + y * y);
            if let Some(seen) = at(x, y)
                && away < nearest.0
                && seen.number != 0
                && is_thin(seen.number)
            {
                nearest = (away, Some(([x, y], seen)));
            }
        }
    }
    nearest.1
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: u32 = 1;
    const LINE: u32 = 2;

    /// What is meant of a window that shows these numbers at these offsets.
    fn check(shown: &[([i32; 2], u32)], expected: Option<([i32; 2], u32)>) {
        let mut window = vec![Seen::default(); SIDE * SIDE];
        for ([x, y], number) in shown {
            let half = (SIDE / 2) as i32;
            window[((y + half) * SIDE as i32 + x + half) as usize].number = *number;
        }
        let found = meant(&window, 5.0, |number| number == LINE).map(|(at, seen)| (at, seen.number));
        assert_eq!(found, expected, "{shown:?}");
    }

    #[test]
    fn the_middle_is_meant_unless_a_thin_thing_is_near() {
        check(&[], None);
        check(&[([0, 0], WALL)], Some(([0, 0], WALL)));
        check(&[([1, 0], WALL)], None);
        check(&[([0, 0], WALL), ([3, -3], LINE), ([4, 2], LINE)], Some(([3, -3], LINE)));
        check(&[([0, 0], LINE), ([1, 0], LINE)], Some(([0, 0], LINE)));
        check(&[([-4, 0], LINE)], Some(([-4, 0], LINE)));
        check(&[([0, 0], WALL), ([5, 1], LINE)], Some(([0, 0], WALL)));
    }

    #[test]
    fn a_window_that_was_not_read_shows_nothing() {
        assert_eq!(meant(&[], 5.0, |_| true), None);
    }
}
