//! The piece of ground that is baked: its extent, its metres, and cutting things at its border.

use super::raw::Raw;
use super::shape;
use crate::bake::model::{Polygon, Warnings, extent_outline};
use citytwin_geo::{EnuFrame, Geodetic, LonLatRect};
use glam::DVec2;

/// Widest extent, degrees: beyond it a plane no longer stands for the ground, and something is wrong with the input.
const MAX_SPAN_DEG: f64 = 20.0;
/// Narrowest extent, degrees (about 20 m), so that a single tree still has ground to stand on.
const MIN_SPAN_DEG: f64 = 0.0002;
/// A header that covers more than so many times the area of the data is not believed,
const MAX_HEADER_TO_DATA: f64 = 16.0;
/// unless it is narrower than this, degrees: a small extract may well be nearly empty.
const SMALL_SPAN_DEG: f64 = 0.05;

/// The ground.
pub(in crate::bake) struct Ground {
    /// Degrees.
    pub(in crate::bake) extent: LonLatRect,
    frame: EnuFrame,
    /// The extent's border, metres, counter-clockwise.
    outline: Vec<DVec2>,
}

/// Longitude and latitude, degrees.
pub(in crate::bake) type LonLat = [f64; 2];

/// Which way to walk along the border.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Walk {
    Shorter,
    Clockwise,
}

impl Ground {
    pub(in crate::bake) fn new(extent: LonLatRect) -> Self {
        let (lon, lat) = extent.center();
        let origin = Geodetic::from_degrees(lon, lat, 0.0);
        Self { extent, frame: EnuFrame::new(origin), outline: extent_outline(&extent, origin) }
    }

    pub(in crate::bake) fn origin(&self) -> Geodetic {
        self.frame.origin
    }

    /// Metres east and north of the origin.
    pub(in crate::bake) fn enu(&self, [lon, lat]: LonLat) -> DVec2 {
        self.frame.enu_from_geodetic(Geodetic::from_degrees(lon, lat, 0.0)).truncate()
    }

    pub(in crate::bake) fn contains(&self, [lon, lat]: LonLat) -> bool {
        self.extent.contains(lon, lat)
    }

    /// Whether a box (metres) and the extent have a point in common.
    pub(in crate::bake) fn overlaps(&self, (low, high): (DVec2, DVec2)) -> bool {
        let (west_south, east_north) = shape::bounds(&self.outline);
        low.cmple(east_north).all() && high.cmpge(west_south).all()
    }

    /// The area inside closed rings (even-odd), cut at the border.
    pub(in crate::bake) fn clip_rings(&self, rings: &[Vec<DVec2>]) -> Vec<Polygon> {
        shape::intersection(rings, std::slice::from_ref(&self.outline))
    }

    /// The pieces of a line inside the extent, degrees.
    pub(in crate::bake) fn clip_line(&self, line: &[LonLat]) -> Vec<Vec<LonLat>> {
        let mut pieces: Vec<Vec<LonLat>> = Vec::new();
        let mut whole = false;
        for pair in line.windows(2) {
            let Some((from, to)) = self.clip_segment(pair[0], pair[1]) else {
                whole = false;
                continue;
            };
            match pieces.last_mut() {
                Some(piece) if whole && from == pair[0] => piece.push(to),
                _ => pieces.push(vec![from, to]),
            }
            whole = to == pair[1];
        }
        // A line that only touches the border from outside leaves a point.
        pieces.retain(|p| p.iter().any(|q| q != &p[0]));
        pieces
    }

    /// Liang and Barsky (1984). Ends inside stay exactly where they are; cut ends lie exactly on the border.
    fn clip_segment(&self, a: LonLat, b: LonLat) -> Option<(LonLat, LonLat)> {
        let e = &self.extent;
        let (low, high) = ([e.west, e.south], [e.east, e.north]);
        let (mut from, mut to) = (0.0_f64, 1.0_f64);
        let (mut start, mut end) = (a, b);
        for axis in 0..2 {
            let d = b[axis] - a[axis];
            if d == 0.0 {
                if a[axis] < low[axis] || a[axis] > high[axis] {
                    return None;
                }
                continue;
            }
            let (enter, leave) = if d > 0.0 { (low[axis], high[axis]) } else { (high[axis], low[axis]) };
            let other = 1 - axis;
            let at = |t: f64, border: f64| {
                let mut p = [0.0; 2];
                p[axis] = border;
                p[other] = (a[other] + (b[other] - a[other]) * t).clamp(low[other], high[other]);
                p
            };
            let t = (enter - a[axis]) / d;
            if t > from {
                (from, start) = (t, at(t, enter));
            }
            let t = (leave - a[axis]) / d;
            if t < to {
                (to, end) = (t, at(t, leave));
            }
        }
        (from <= to).then_some((start, end))
    }

    /// The corners to pass outside the extent on the way from one point at its border to another, with the two points
    /// just outside the border where that way begins and ends. What lies outside is cut off afterwards.
    pub(super) fn border_between(&self, from: LonLat, to: LonLat, walk: Walk) -> Vec<LonLat> {
        let (a, b) = (self.border_position(from), self.border_position(to));
        let counter_clockwise = (b - a).rem_euclid(4.0);
        let clockwise = walk == Walk::Clockwise || counter_clockwise > 2.0;
        let mut path = vec![self.outside(a)];
        // Corners are whole numbers; fewer than four lie strictly between the two points.
        let mut corner = if clockwise { a.ceil() - 1.0 } else { a.floor() + 1.0 };
        let mut left = if clockwise { (a - b).rem_euclid(4.0) } else { counter_clockwise };
        left -= (corner - a).abs();
        while left > 0.0 {
            path.push(self.outside(corner.rem_euclid(4.0)));
            corner += if clockwise { -1.0 } else { 1.0 };
            left -= 1.0;
        }
        path.push(self.outside(b));
        path
    }

    /// How far a point is from the border, as a share of the extent's size; 0 outside.
    pub(super) fn border_distance(&self, p: LonLat) -> f64 {
        let [u, v] = self.unit(p);
        (1.0 - u.abs().max(v.abs())).max(0.0) / 2.0
    }

    /// −1…1 inside the extent.
    fn unit(&self, [lon, lat]: LonLat) -> [f64; 2] {
        let e = &self.extent;
        let (x, y) = e.center();
        [(lon - x) / ((e.east - e.west) / 2.0), (lat - y) / ((e.north - e.south) / 2.0)]
    }

    /// The nearest place on the border, counted counter-clockwise from the south-western corner: 0–1 along the south,
    /// 1–2 along the east, 2–3 along the north (towards the west), 3–4 along the west.
    pub(super) fn border_position(&self, p: LonLat) -> f64 {
        let [u, v] = self.unit(p);
        let (across, along) = if u.abs() > v.abs() { (u, v) } else { (v, u) };
        let along = (along.clamp(-1.0, 1.0) + 1.0) / 2.0;
        match (u.abs() > v.abs(), across >= 0.0) {
            (false, false) => along,
            (true, true) => 1.0 + along,
            (false, true) => 3.0 - along,
            (true, false) => (4.0 - along) % 4.0,
        }
    }

    /// The point at a place on the border, moved outwards by a hundredth of the extent.
    fn outside(&self, position: f64) -> LonLat {
        let along = position.fract() * 2.0 - 1.0;
        let [u, v] = match position as i64 {
            0 => [along, -1.0],
            1 => [1.0, along],
            2 => [-along, 1.0],
            _ => [-1.0, -along],
        };
        let e = &self.extent;
        let (x, y) = e.center();
        [x + u * 1.02 * (e.east - e.west) / 2.0, y + v * 1.02 * (e.north - e.south) / 2.0]
    }
}

/// What the inputs cover: their headers where those are believable, else the box around the nodes. `None` without nodes.
pub(in crate::bake) fn extent(raw: &Raw, warnings: &mut Warnings) -> Option<LonLatRect> {
    let mut data = LonLatRect::EMPTY;
    raw.nodes.iter().for_each(|(_, n)| data.extend(n.lonlat[0], n.lonlat[1]));
    if data.is_empty() {
        return None;
    }
    if is_too_wide(&data) {
        data = without_strays(raw, warnings);
    }
    let header = raw.bounds;
    let area = |r: &LonLatRect| (r.east - r.west) * (r.north - r.south);
    let believable = !header.is_empty()
        && !is_too_wide(&header)
        && (is_small(&header) || area(&header) <= MAX_HEADER_TO_DATA * area(&data))
        && raw.nodes.iter().any(|(_, n)| header.contains(n.lonlat[0], n.lonlat[1]));
    if !header.is_empty() && !believable {
        let LonLatRect { west, south, east, north } = header;
        warnings.add("bounds_not_believable", format!("header: {west}, {south}, {east}, {north}"));
    }
    Some(widened(if believable { header } else { data }))
}

fn is_small(r: &LonLatRect) -> bool {
    r.east - r.west <= SMALL_SPAN_DEG && r.north - r.south <= SMALL_SPAN_DEG
}

pub(in crate::bake) fn is_too_wide(r: &LonLatRect) -> bool {
    r.east - r.west > MAX_SPAN_DEG || r.north - r.south > MAX_SPAN_DEG
}

/// The box around what lies near the median node. A single broken coordinate must not stretch a city over an ocean.
fn without_strays(raw: &Raw, warnings: &mut Warnings) -> LonLatRect {
    let median = |axis: usize| {
        let mut all: Vec<f64> = raw.nodes.iter().map(|(_, n)| n.lonlat[axis]).collect();
        let middle = all.len() / 2;
        *all.select_nth_unstable_by(middle, f64::total_cmp).1
    };
    let middle = [median(0), median(1)];
    let mut rect = LonLatRect::EMPTY;
    for (id, node) in raw.nodes.iter() {
        if (0..2).all(|axis| (node.lonlat[axis] - middle[axis]).abs() <= MAX_SPAN_DEG / 2.0) {
            rect.extend(node.lonlat[0], node.lonlat[1]);
        } else {
            warnings.add("far_from_the_rest", format!("node/{id}: {}, {}", node.lonlat[0], node.lonlat[1]));
        }
    }
    rect
}

pub(in crate::bake) fn widened(mut r: LonLatRect) -> LonLatRect {
    let (x, y) = r.center();
    r.extend(x - MIN_SPAN_DEG / 2.0, y - MIN_SPAN_DEG / 2.0);
    r.extend(x + MIN_SPAN_DEG / 2.0, y + MIN_SPAN_DEG / 2.0);
    r
}
