//! Polygons in the plane: cleaning, measuring, simplifying, cutting.
//!
//! Boolean operations run on the `i64` engine of `i_overlay`, whose grid is finer than an `f64` metre needs.

use crate::bake::model::Polygon;
use glam::DVec2;
use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay_rule::OverlayRule;
use i_overlay::core::solver::Solver;
use i_overlay::float::overlay::OverlayOptions;
use i_overlay::float::simplify::SimplifyShape;
use i_overlay::float::single::SingleFloatOverlay;
use i_overlay::float::slice::FloatSlice;
use i_overlay::mesh::float::stroke::offset::StrokeOffset;
use i_overlay::mesh::float::style::{LineCap, LineJoin, StrokeStyle};

/// Points closer than this are one point, and a point this close to the line of its neighbours is on it; metres.
const WELD_M: f64 = 0.002;
/// Coordinates beyond this are no part of any city; metres.
const FAR_M: f64 = 1e7;

/// Area of a ring, m²: positive for counter-clockwise.
pub(super) fn signed_area(ring: &[DVec2]) -> f64 {
    // Relative to the first point: far from the origin the products would eat the digits.
    let Some(&origin) = ring.first() else { return 0.0 };
    ring.windows(2).map(|pair| (pair[0] - origin).perp_dot(pair[1] - origin)).sum::<f64>() * 0.5
}

/// Area of a polygon less its holes, m².
pub(super) fn area(polygon: &Polygon) -> f64 {
    signed_area(&polygon.outer).abs() - polygon.holes.iter().map(|hole| signed_area(hole).abs()).sum::<f64>()
}

/// Centre of mass of a ring's area.
pub(super) fn centroid(ring: &[DVec2]) -> DVec2 {
    let Some(&origin) = ring.first() else { return DVec2::ZERO };
    let mut sum = DVec2::ZERO;
    let mut double_area = 0.0;
    for pair in ring.windows(2) {
        let (a, b) = (pair[0] - origin, pair[1] - origin);
        let cross = a.perp_dot(b);
        sum += (a + b) * cross;
        double_area += cross;
    }
    if double_area.abs() > 1e-9 { origin + sum / (3.0 * double_area) } else { origin }
}

/// The longer side of the box around a ring, metres.
pub(super) fn extent_of(ring: &[DVec2]) -> f64 {
    let Some(&first) = ring.first() else { return 0.0 };
    let (low, high) = ring.iter().fold((first, first), |(low, high), &p| (low.min(p), high.max(p)));
    (high - low).max_element()
}

/// The polygon without points that are not finite, doubled, or on the line of their neighbours (spikes included);
/// outer ring counter-clockwise, holes clockwise. Nothing when no area is left.
pub(super) fn clean(polygon: &Polygon) -> Option<Polygon> {
    let outer = clean_ring(&polygon.outer, true)?;
    let holes = polygon.holes.iter().filter_map(|hole| clean_ring(hole, false)).collect();
    Some(Polygon { outer, holes })
}

fn clean_ring(ring: &[DVec2], counter_clockwise: bool) -> Option<Vec<DVec2>> {
    let mut points: Vec<DVec2> =
        ring.iter().copied().filter(|p| p.is_finite() && p.abs().max_element() < FAR_M).collect();
    // Each pass can bring new neighbours together; a ring of n points is clean after n passes at most.
    loop {
        let before = points.len();
        drop_needless_points(&mut points);
        if points.len() < 3 {
            return None;
        }
        if points.len() == before {
            break;
        }
    }
    let area = signed_area(&points);
    if area.abs() < WELD_M {
        return None;
    }
    if (area > 0.0) != counter_clockwise {
        points.reverse();
    }
    Some(points)
}

fn drop_needless_points(points: &mut Vec<DVec2>) {
    let mut index = 0;
    while index < points.len() && points.len() >= 3 {
        let count = points.len();
        let (previous, next) = (points[(index + count - 1) % count], points[(index + 1) % count]);
        let point = points[index];
        if point.distance_squared(previous) < WELD_M * WELD_M || line_distance(point, previous, next) < WELD_M {
            points.remove(index);
        } else {
            index += 1;
        }
    }
}

/// Distance of `point` from the line through `a` and `b`; from `a` when they are one.
fn line_distance(point: DVec2, a: DVec2, b: DVec2) -> f64 {
    let along = b - a;
    let length = along.length();
    if length < 1e-9 { point.distance(a) } else { ((point - a).perp_dot(along) / length).abs() }
}

/// A box around a ring, turned to be as small as possible.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrientedBox {
    pub(super) center: DVec2,
    /// Unit vector along the longer side.
    pub(super) axis: DVec2,
    /// Half of the longer and of the shorter side, metres.
    pub(super) half: DVec2,
}

impl OrientedBox {
    /// The box of least area among those with a side along an edge of the ring.
    pub(super) fn around(ring: &[DVec2]) -> OrientedBox {
        let mut best: Option<(f64, OrientedBox)> = None;
        for (index, &a) in ring.iter().enumerate() {
            let b = ring[(index + 1) % ring.len()];
            let Some(axis) = (b - a).try_normalize() else { continue };
            let candidate = OrientedBox::along(ring, axis);
            let area = candidate.half.x * candidate.half.y;
            // The margin keeps the first of equals, whatever the rounding.
            if best.is_none_or(|(least, _)| area < least * (1.0 - 1e-9)) {
                best = Some((area, candidate));
            }
        }
        let found = best.map_or_else(|| OrientedBox::along(ring, DVec2::X), |(_, found)| found);
        if found.half.x >= found.half.y { found } else { found.turned() }
    }

    /// The box whose first side lies along `axis`, a unit vector.
    pub(super) fn along(ring: &[DVec2], axis: DVec2) -> OrientedBox {
        let (mut low, mut high) = (DVec2::INFINITY, DVec2::NEG_INFINITY);
        for p in ring {
            let local = DVec2::new(p.dot(axis), p.dot(axis.perp()));
            low = low.min(local);
            high = high.max(local);
        }
        if ring.is_empty() {
            return OrientedBox { center: DVec2::ZERO, axis, half: DVec2::ZERO };
        }
        let middle = (low + high) * 0.5;
        OrientedBox { center: axis * middle.x + axis.perp() * middle.y, axis, half: (high - low) * 0.5 }
    }

    /// The same box with its sides in the other order.
    pub(super) fn turned(self) -> OrientedBox {
        OrientedBox { axis: self.axis.perp(), half: DVec2::new(self.half.y, self.half.x), ..self }
    }

    /// The point at (along the axis, across it) from the centre.
    pub(super) fn point(&self, u: f64, v: f64) -> DVec2 {
        self.center + self.axis * u + self.axis.perp() * v
    }

    /// (along the axis, across it) from the centre.
    pub(super) fn local(&self, p: DVec2) -> DVec2 {
        let d = p - self.center;
        DVec2::new(d.dot(self.axis), d.dot(self.axis.perp()))
    }
}

/// The polygon with fewer points, none further than about `tolerance_m` from where it was, and without holes smaller
/// than `least_hole_m2`. It stays free of self-intersection: a point is only dropped when no other point lies in the
/// triangle that goes with it (Visvalingam's test).
pub(super) fn simplify(polygon: &Polygon, tolerance_m: f64, least_hole_m2: f64) -> Polygon {
    let holes = polygon.holes.iter().filter(|hole| signed_area(hole).abs() >= least_hole_m2);
    let mut rings: Vec<Vec<DVec2>> = std::iter::once(&polygon.outer).chain(holes).cloned().collect();
    // Least first, so that noise goes before shape.
    for tolerance in [tolerance_m * 0.25, tolerance_m * 0.5, tolerance_m] {
        for _ in 0..8 {
            if !(0..rings.len()).fold(false, |changed, ring| simplify_pass(&mut rings, ring, tolerance) || changed) {
                break;
            }
        }
    }
    let mut rings = rings.into_iter();
    Polygon { outer: rings.next().unwrap_or_default(), holes: rings.collect() }
}

/// One round over a ring; whether a point was dropped.
fn simplify_pass(rings: &mut [Vec<DVec2>], ring: usize, tolerance: f64) -> bool {
    let mut dropped = false;
    let mut index = 0;
    while index < rings[ring].len() && rings[ring].len() > 4 {
        let points = &rings[ring];
        let count = points.len();
        let (a, b, c) = (points[(index + count - 1) % count], points[index], points[(index + 1) % count]);
        if line_distance(b, a, c) < tolerance && !rings.iter().flatten().any(|&p| in_triangle(p, a, b, c)) {
            rings[ring].remove(index);
            dropped = true;
        }
        // Also after a drop: the next point has just got a new neighbour and waits for the next round.
        index += 1;
    }
    dropped
}

/// Whether `p` lies in the closed triangle and is none of its corners.
fn in_triangle(p: DVec2, a: DVec2, b: DVec2, c: DVec2) -> bool {
    if p == a || p == b || p == c {
        return false;
    }
    let (low, high) = (a.min(b).min(c), a.max(b).max(c));
    if p.cmplt(low).any() || p.cmpgt(high).any() {
        return false;
    }
    let (d, e, f) = ((b - a).perp_dot(p - a), (c - b).perp_dot(p - b), (a - c).perp_dot(p - c));
    (d >= 0.0 && e >= 0.0 && f >= 0.0) || (d <= 0.0 && e <= 0.0 && f <= 0.0)
}

/// The line with fewer points, none further than `tolerance_m` from where it was (Douglas–Peucker).
pub(super) fn simplify_line(line: &[DVec2], tolerance_m: f64) -> Vec<DVec2> {
    if line.len() < 3 {
        return line.to_vec();
    }
    let mut keep = vec![false; line.len()];
    keep[0] = true;
    keep[line.len() - 1] = true;
    let mut spans = vec![(0, line.len() - 1)];
    while let Some((from, to)) = spans.pop() {
        let farthest = (from + 1..to)
            .map(|index| (index, segment_distance(line[index], line[from], line[to])))
            .max_by(|left, right| left.1.total_cmp(&right.1));
        if let Some((index, distance)) = farthest
            && distance > tolerance_m
        {
            keep[index] = true;
            spans.push((from, index));
            spans.push((index, to));
        }
    }
    line.iter().zip(keep).filter(|(_, keep)| *keep).map(|(&p, _)| p).collect()
}

fn segment_distance(p: DVec2, a: DVec2, b: DVec2) -> f64 {
    let along = b - a;
    let t = ((p - a).dot(along) / along.length_squared().max(1e-12)).clamp(0.0, 1.0);
    p.distance(a + along * t)
}

type Contour = Vec<[f64; 2]>;

fn contour(ring: &[DVec2]) -> Contour {
    ring.iter().map(DVec2::to_array).collect()
}

fn contours(polygon: &Polygon) -> Vec<Contour> {
    std::iter::once(&polygon.outer).chain(&polygon.holes).map(|ring| contour(ring)).collect()
}

fn polygons(shapes: Vec<Vec<Contour>>) -> Vec<Polygon> {
    let ring = |contour: Contour| contour.into_iter().map(DVec2::from_array).collect();
    shapes
        .into_iter()
        .filter_map(|shape| {
            let mut rings = shape.into_iter().map(ring);
            Some(Polygon { outer: rings.next()?, holes: rings.collect() })
        })
        .collect()
}

/// What is covered by any of the polygons.
pub(super) fn union(all: &[Polygon]) -> Vec<Polygon> {
    let subject: Vec<Vec<Contour>> = all.iter().map(contours).collect();
    polygons(subject.simplify_shape_as::<i64>(FillRule::NonZero))
}

/// What is covered by both.
pub(super) fn intersection(a: &Polygon, b: &Polygon) -> Vec<Polygon> {
    polygons(contours(a).overlay_as::<i64>(&contours(b), OverlayRule::Intersect, FillRule::NonZero))
}

/// Whether a convex counter-clockwise `border` holds every point. False for a border that is not convex there.
pub(super) fn holds(border: &Polygon, points: &[DVec2]) -> bool {
    let ring = &border.outer;
    border.holes.is_empty()
        && points.iter().all(|&p| {
            (0..ring.len()).all(|index| {
                let (a, b) = (ring[index], ring[(index + 1) % ring.len()]);
                (b - a).perp_dot(p - a) >= 0.0
            })
        })
}

/// Cuts are rounded to this grid, metres. It is coarse enough that a cut which misses a corner by rounding goes through
/// it, instead of leaving a needle, and far finer than anyone sees.
const SLICE_GRID_M: f64 = 1.0 / 16384.0;

/// The polygon cut along segments that end on each other or outside. Pieces share their corners exactly, and a piece
/// keeps the corners of its neighbours on its own straight edges. No pieces when it is too large for the grid.
pub(super) fn slice(polygon: &Polygon, cuts: &[[DVec2; 2]]) -> Vec<Polygon> {
    let strings: Vec<Contour> = cuts.iter().map(|cut| contour(cut)).collect();
    let mut options = OverlayOptions::<f64, i64>::default();
    options.preserve_input_collinear = true;
    options.preserve_output_collinear = true;
    options.clean_result = false;
    let subject = contours(polygon);
    let pieces = subject.slice_custom_by_fixed_scale_as::<i64>(
        &strings,
        FillRule::NonZero,
        options,
        Solver::AUTO,
        1.0 / SLICE_GRID_M,
    );
    polygons(pieces.unwrap_or_default())
}

/// How the ends of a ribbon look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caps {
    Butt,
    Round,
}

/// The ribbon of a line with round joins; a line that ends where it starts is closed. `arc_error_m` bounds how far the
/// arcs' chords are from the arcs.
pub(super) fn ribbon(line: &[DVec2], width_m: f64, caps: Caps, arc_error_m: f64) -> Vec<Polygon> {
    let mut points: Vec<DVec2> = Vec::with_capacity(line.len());
    for &p in line.iter().filter(|p| p.is_finite() && p.abs().max_element() < FAR_M) {
        if points.last().is_none_or(|last| last.distance(p) > WELD_M) {
            points.push(p);
        }
    }
    if points.len() < 2 || !(0.01..1000.0).contains(&width_m) {
        return Vec::new();
    }
    let closed = points.len() > 3 && points[0].distance(points[points.len() - 1]) < WELD_M;
    if closed {
        points.pop();
    }
    // Chord error e of an arc with radius r: e = r (1 - cos(step / 2)) ≈ r step² / 8; steps between 6 and 45 degrees.
    let step = (16.0 * arc_error_m / width_m).sqrt().clamp(0.1, 0.78);
    let cap = || if caps == Caps::Round { LineCap::Round(step) } else { LineCap::Butt };
    let style = StrokeStyle::new(width_m).line_join(LineJoin::Round(step)).start_cap(cap()).end_cap(cap());
    let shapes = contour(&points).stroke_as::<i64>(style, closed);
    polygons(shapes).iter().filter_map(clean).collect()
}

/// The line moved to its left by `offset_m`, corners mitred (twice the offset at most).
pub(super) fn parallel(line: &[DVec2], offset_m: f64) -> Vec<DVec2> {
    let direction = |index: usize| (line[index + 1] - line[index]).normalize_or_zero();
    (0..line.len())
        .map(|index| {
            let before = if index > 0 { direction(index - 1) } else { DVec2::ZERO };
            let after = if index + 1 < line.len() { direction(index) } else { DVec2::ZERO };
            let tangent = (before + after).normalize_or(after);
            let reference = if after == DVec2::ZERO { before } else { after };
            line[index] + tangent.perp() * (offset_m / tangent.dot(reference).max(0.5))
        })
        .collect()
}
