//! Boxes on the screen, and who gets the room.

use super::Key;
use glam::DVec2;

/// Free room around a label that comes, CSS pixels.
const APART_CSS: f64 = 7.0;
/// And around one that stays: so that a small movement does not make it come and go.
const APART_STAYING_CSS: f64 = 1.0;

/// A box that may be turned.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Box2 {
    pub(crate) center: DVec2,
    /// Half of its size along and across.
    pub(crate) half: DVec2,
    /// Unit direction of its first side.
    pub(crate) along: DVec2,
}

impl Box2 {
    pub(crate) fn contains(&self, at: DVec2) -> bool {
        let away = at - self.center;
        away.dot(self.along).abs() <= self.half.x && away.dot(self.along.perp()).abs() <= self.half.y
    }

    /// Whether two boxes have a point in common, this one grown by `apart` on all sides: no side of either keeps them
    /// apart (separating axes).
    pub(crate) fn meets(&self, other: &Self, apart: f64) -> bool {
        let grown = Self { half: self.half + apart, ..*self };
        let away = other.center - self.center;
        let reach = grown.half.length() + other.half.length();
        if away.length_squared() > reach * reach {
            return false;
        }
        [self.along, self.along.perp(), other.along, other.along.perp()]
            .iter()
            .all(|&axis| away.dot(axis).abs() <= grown.extent(axis) + other.extent(axis))
    }

    /// Half of its shadow on an axis.
    fn extent(&self, axis: DVec2) -> f64 {
        self.half.x * self.along.dot(axis).abs() + self.half.y * self.along.perp().dot(axis).abs()
    }

    /// Whether all of it lies between the origin and `size`.
    fn is_within(&self, size: DVec2) -> bool {
        let reach = DVec2::new(self.extent(DVec2::X), self.extent(DVec2::Y));
        (self.center - reach).min_element() >= 0.0 && (self.center + reach).cmple(size).all()
    }
}

/// A label that wants to be shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) key: Key,
    /// The least comes first.
    pub(crate) priority: f64,
    pub(crate) area: Box2,
    /// Its writing may be this long, CSS pixels.
    pub(crate) room_css: Option<f64>,
    /// It is shown already.
    pub(crate) stays: bool,
}

/// Labels that have their place. There are at most as many as a person can read, so each is compared with all.
pub(crate) struct Placed {
    areas: Vec<Box2>,
    pub(crate) keys: Vec<Key>,
    most: usize,
}

impl Placed {
    pub(crate) fn new(most: usize) -> Self {
        Self { areas: Vec::with_capacity(most), keys: Vec::with_capacity(most), most }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.keys.len() >= self.most
    }

    /// Places a label where nothing else is; says whether there was room.
    pub(crate) fn take(&mut self, candidate: &Candidate, size_css: DVec2) -> bool {
        let apart = if candidate.stays { APART_STAYING_CSS } else { APART_CSS };
        let free = candidate.area.is_within(size_css)
            && !self.is_full()
            && !self.areas.iter().any(|area| candidate.area.meets(area, apart));
        if free {
            self.areas.push(candidate.area);
            self.keys.push(candidate.key);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turned(x: f64, y: f64, width: f64, height: f64, degrees: f64) -> Box2 {
        Box2 {
            center: DVec2::new(x, y),
            half: DVec2::new(width, height) / 2.0,
            along: DVec2::from_angle(degrees.to_radians()),
        }
    }

    #[test]
    fn boxes_meet_when_they_have_a_point_in_common() {
        let check = |a: Box2, b: Box2, apart: f64, meet: bool| {
            assert_eq!((a.meets(&b, apart), b.meets(&a, apart)), (meet, meet), "{a:?} {b:?}");
        };
        let flat = turned(0.0, 0.0, 100.0, 10.0, 0.0);
        check(flat, turned(99.0, 0.0, 100.0, 10.0, 0.0), 0.0, true);
        check(flat, turned(101.0, 0.0, 100.0, 10.0, 0.0), 0.0, false);
        check(flat, turned(101.0, 0.0, 100.0, 10.0, 0.0), 2.0, true);
        // Circles and upright boxes around these two would meet.
        check(turned(0.0, 0.0, 100.0, 10.0, 45.0), turned(30.0, 0.0, 100.0, 10.0, 45.0), 0.0, false);
        check(turned(0.0, 0.0, 100.0, 10.0, 45.0), turned(0.0, 0.0, 100.0, 10.0, -45.0), 0.0, true);
        assert!(turned(0.0, 0.0, 100.0, 10.0, 90.0).contains(DVec2::new(4.0, 49.0)));
        assert!(!turned(0.0, 0.0, 100.0, 10.0, 90.0).contains(DVec2::new(6.0, 0.0)));
    }

    #[test]
    fn a_label_that_stays_needs_less_room_than_one_that_comes() {
        let candidate = |x: f64, stays: bool| Candidate {
            key: (0, x as u32),
            priority: 0.0,
            area: turned(x, 50.0, 60.0, 20.0, 0.0),
            room_css: None,
            stays,
        };
        let size = DVec2::new(400.0, 100.0);
        let mut placed = Placed::new(3);
        assert!(placed.take(&candidate(100.0, false), size));
        assert!(!placed.take(&candidate(164.0, false), size), "4 px apart");
        assert!(placed.take(&candidate(164.0, true), size));
        assert!(!placed.take(&candidate(390.0, true), size), "half beyond the edge");
        assert!(placed.take(&candidate(300.0, false), size));
        assert!(placed.is_full() && !placed.take(&candidate(40.0, false), size), "more than can be read");
    }
}
