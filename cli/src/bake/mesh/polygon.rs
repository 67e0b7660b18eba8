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
    while thin(&mut points, 2, |a, b, c| {
        a.distance(b) < WELD_M || a.distance(c) < WELD_M || line_distance(b, a, c) < WELD_M
    }) {}
    let area = signed_area(&points);
    if points.len() < 3 || area.abs() < WELD_M {
        return None;
    }
    if (area > 0.0) != counter_clockwise {
        points.reverse();
    }
    Some(points)
}

/// Goes once around a ring and drops every point that is needless between its neighbours, but no two in a row, lest
/// small errors add up along an arc, and while more than `least` points are left. Whether any was dropped.
fn thin(points: &mut Vec<DVec2>, least: usize, mut needless: impl FnMut(DVec2, DVec2, DVec2) -> bool) -> bool {
    let count = points.len();
    let mut kept: Vec<DVec2> = Vec::with_capacity(count);
    let mut left = count;
    let mut just_dropped = false;
    for (index, &point) in points.iter().enumerate() {
        let before = kept.last().copied().unwrap_or(points[count - 1]);
        let after = if index + 1 < count { points[index + 1] } else { kept.first().copied().unwrap_or(point) };
        just_dropped = !just_dropped && left > least && needless(before, point, after);
        if just_dropped {
            left -= 1;
        } else {
            kept.push(point);
        }
    }
    *points = kept;
    left < count
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
            // Points that go in this round still count as in the way: too careful, never wrong.
            let in_the_way = ByEasting::new(rings.iter().flatten().copied());
            let needless = |a, b, c| line_distance(b, a, c) < tolerance && !in_the_way.any_in_triangle(a, b, c);
            let changed = rings.iter_mut().filter_map(|ring| thin(ring, 4, needless).then_some(())).count();
            if changed == 0 {
                break;
            }
        }
    }
    let mut rings = rings.into_iter();
    Polygon { outer: rings.next().unwrap_or_default(), holes: rings.collect() }
}

/// Points sorted from west to east, so that those near a small triangle are found fast.
struct ByEasting(Vec<DVec2>);

impl ByEasting {
    fn new(points: impl Iterator<Item = DVec2>) -> Self {
        let mut points: Vec<DVec2> = points.collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        Self(points)
    }

    fn any_in_triangle(&self, a: DVec2, b: DVec2, c: DVec2) -> bool {
        let (west, east) = (a.x.min(b.x).min(c.x), a.x.max(b.x).max(c.x));
        let first = self.0.partition_point(|p| p.x < west);
        self.0[first..].iter().take_while(|p| p.x <= east).any(|&p| in_triangle(p, a, b, c))
    }
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

#[cfg(test)]
mod tests {
    use super::super::test_shapes::{Seeded, ring, star};
    use super::*;

    fn points(all: &[(f64, f64)]) -> Vec<DVec2> {
        all.iter().map(|&(x, y)| DVec2::new(x, y)).collect()
    }

    #[test]
    fn cleaning_leaves_only_corners() {
        let square = points(&[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]);
        for messy in [
            // Clockwise; doubled points; points in line; a spike; a spike back along the wall; no numbers.
            vec![(0.0, 4.0), (4.0, 4.0), (4.0, 0.0), (0.0, 0.0)],
            vec![(0.0, 0.0), (0.0, 0.0), (4.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0)],
            vec![(0.0, 0.0), (1.0, 0.0), (2.0, 0.001), (3.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)],
            vec![(0.0, 0.0), (4.0, 0.0), (9.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)],
            vec![(0.0, 0.0), (7.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)],
            vec![(0.0, 0.0), (f64::NAN, 1.0), (4.0, 0.0), (4.0, 4.0), (1e30, 5.0), (0.0, 4.0), (0.0, f64::INFINITY)],
        ] {
            let found = clean(&Polygon { outer: points(&messy), holes: vec![] }).expect("a square");
            assert_eq!(found.outer.len(), 4, "{messy:?} → {found:?}");
            assert!((signed_area(&found.outer) - 16.0).abs() < 0.01, "{messy:?} → {found:?}");
            assert!(square.iter().all(|p| found.outer.iter().any(|q| p.distance(*q) < WELD_M)), "{messy:?}");
        }
    }

    #[test]
    fn cleaning_does_not_eat_a_finely_drawn_circle() {
        let circle = ring(0.0, 0.0, 50.0, 20_000);
        let found = clean(&Polygon { outer: circle, holes: vec![] }).expect("a circle");
        let worst = (0..found.outer.len())
            .map(|index| found.outer[index].midpoint(found.outer[(index + 1) % found.outer.len()]).length())
            .fold(f64::INFINITY, f64::min);
        assert!(worst > 50.0 - 0.01, "{worst}");
    }

    #[test]
    fn simplifying_keeps_the_shape_and_crosses_nothing() {
        let mut seeded = Seeded(5);
        for _ in 0..300 {
            let outer = star(&mut seeded, DVec2::splat(1e4));
            let noisy: Vec<DVec2> = (0..outer.len())
                .flat_map(|index| {
                    let (a, b) = (outer[index], outer[(index + 1) % outer.len()]);
                    (0..8).map(move |step| a.lerp(b, f64::from(step) / 8.0))
                })
                .map(|p| p + DVec2::splat(0.05 * seeded.next()))
                .collect();
            let before = clean(&Polygon { outer: noisy, holes: vec![] }).expect("a star");
            let after = simplify(&before, 0.3, 0.0);
            assert!(after.outer.len() <= before.outer.len() / 2);
            assert!(is_simple(&after.outer), "{after:?}");
            assert!(after.outer.iter().all(|p| before.outer.contains(p)));
            for p in &before.outer {
                let ring = &after.outer;
                let near = (0..ring.len()).map(|i| segment_distance(*p, ring[i], ring[(i + 1) % ring.len()]));
                assert!(near.fold(f64::INFINITY, f64::min) < 0.9);
            }
        }
    }

    fn is_simple(ring: &[DVec2]) -> bool {
        let count = ring.len();
        let crosses = |i: usize, j: usize| {
            let (a, b, c, d) = (ring[i], ring[(i + 1) % count], ring[j], ring[(j + 1) % count]);
            let side = |a: DVec2, b: DVec2, p: DVec2| (b - a).perp_dot(p - a);
            side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
        };
        (0..count).all(|i| (i + 1..count).all(|j| !crosses(i, j)))
    }

    #[test]
    fn a_coast_of_a_hundred_thousand_points_is_simplified_in_a_moment() {
        let mut seeded = Seeded(9);
        let coast = ring(0.0, 0.0, 5e3, 100_000).into_iter().map(|p| p * (1.0 + 1e-5 * seeded.next())).collect();
        let start = std::time::Instant::now();
        let found = simplify(&Polygon { outer: coast, holes: vec![] }, 1.0, 0.0);
        assert!(found.outer.len() < 2_000, "{}", found.outer.len());
        assert!(start.elapsed().as_secs() < 10);
    }

    #[test]
    fn lines_keep_what_sticks_out() {
        let line = points(&[(0.0, 0.0), (5.0, 0.1), (10.0, 0.0), (15.0, 3.0), (20.0, 0.0)]);
        assert_eq!(simplify_line(&line, 0.5), points(&[(0.0, 0.0), (10.0, 0.0), (15.0, 3.0), (20.0, 0.0)]));
        assert_eq!(simplify_line(&line, 5.0), points(&[(0.0, 0.0), (20.0, 0.0)]));
        assert_eq!(simplify_line(&line[..1], 5.0), line[..1]);
    }

    #[test]
    fn a_parallel_keeps_its_distance() {
        let line = points(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)]);
        assert_eq!(parallel(&line, 1.0), points(&[(0.0, 1.0), (9.0, 1.0), (9.0, 10.0)]));
        assert!(parallel(&[], 1.0).is_empty());
    }
}
