//! Plane geometry in metres: rings, polygons, and what can be done with them.

use crate::bake::model::Polygon;
use glam::DVec2;
use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay_rule::OverlayRule;
use i_overlay::float::simplify::SimplifyShape;
use i_overlay::float::single::SingleFloatOverlay;
use std::collections::HashMap;

/// Points closer than this are one point, metres. OpenStreetMap's grid is about 1 cm.
const SAME_POINT_M: f64 = 1e-3;
/// Rings smaller than this are no area, square metres.
const MIN_AREA_M2: f64 = 0.01;

/// Signed area, positive when counter-clockwise, square metres.
pub(in crate::bake) fn signed_area(ring: &[DVec2]) -> f64 {
    let Some(&origin) = ring.first() else { return 0.0 };
    // Relative to a corner, so that a small ring far from the origin keeps its digits.
    edges(ring).map(|(a, b)| (a - origin).perp_dot(b - origin)).sum::<f64>() / 2.0
}

/// Area of a polygon without its holes, square metres.
pub(in crate::bake) fn area(polygon: &Polygon) -> f64 {
    signed_area(&polygon.outer) + polygon.holes.iter().map(|h| signed_area(h)).sum::<f64>()
}

/// Area of several polygons, square metres.
pub(in crate::bake) fn total_area(polygons: &[Polygon]) -> f64 {
    polygons.iter().map(area).sum()
}

fn edges(ring: &[DVec2]) -> impl Iterator<Item = (DVec2, DVec2)> + '_ {
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(&a, &b)| (a, b))
}

/// Centre of gravity of a polygon's outer ring; the mean of its points where it has no area.
pub(in crate::bake) fn centroid(polygon: &Polygon) -> DVec2 {
    let ring = &polygon.outer;
    let Some(&origin) = ring.first() else { return DVec2::ZERO };
    let (mut sum, mut twice_area) = (DVec2::ZERO, 0.0);
    for (a, b) in edges(ring) {
        let (a, b) = (a - origin, b - origin);
        let cross = a.perp_dot(b);
        sum += (a + b) * cross;
        twice_area += cross;
    }
    if twice_area.abs() < 1e-9 {
        return ring.iter().copied().sum::<DVec2>() / ring.len() as f64;
    }
    origin + sum / (3.0 * twice_area)
}

/// A point that is inside the polygon for certain (up to rounding): its centroid where that is inside, else the
/// middle of the widest stretch of a horizontal line through it.
pub(in crate::bake) fn point_inside(polygon: &Polygon) -> DVec2 {
    let center = centroid(polygon);
    if contains(polygon, center) {
        return center;
    }
    let mut crossings: Vec<f64> =
        rings(polygon).flat_map(|r| edges(r)).filter_map(|(a, b)| crossing_x(a, b, center.y)).collect();
    crossings.sort_by(f64::total_cmp);
    let widest = crossings.chunks_exact(2).max_by(|p, q| (p[1] - p[0]).total_cmp(&(q[1] - q[0])));
    widest.map_or(center, |pair| DVec2::new((pair[0] + pair[1]) / 2.0, center.y))
}

fn rings(polygon: &Polygon) -> impl Iterator<Item = &Vec<DVec2>> {
    std::iter::once(&polygon.outer).chain(&polygon.holes)
}

/// Where an edge crosses the horizontal line at `y`, if it does.
fn crossing_x(a: DVec2, b: DVec2, y: f64) -> Option<f64> {
    ((a.y > y) != (b.y > y)).then(|| a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x))
}

/// Whether a point lies inside a polygon and outside its holes.
pub(super) fn contains(polygon: &Polygon, p: DVec2) -> bool {
    rings(polygon).flat_map(|r| edges(r)).filter_map(|(a, b)| crossing_x(a, b, p.y)).filter(|x| *x > p.x).count() % 2
        == 1
}

/// Distance of a point to the nearest edge of a polygon, metres.
pub(super) fn distance_to_edge(polygon: &Polygon, p: DVec2) -> f64 {
    let to_edge = |(a, b): (DVec2, DVec2)| {
        let d = b - a;
        let t = if d == DVec2::ZERO { 0.0 } else { ((p - a).dot(d) / d.length_squared()).clamp(0.0, 1.0) };
        p.distance(a + d * t)
    };
    rings(polygon).flat_map(|r| edges(r)).map(to_edge).fold(f64::INFINITY, f64::min)
}

/// Lower left and upper right corner of the box around points.
pub(super) fn bounds<'a>(points: impl IntoIterator<Item = &'a DVec2>) -> (DVec2, DVec2) {
    points.into_iter().fold((DVec2::INFINITY, DVec2::NEG_INFINITY), |(low, high), &p| (low.min(p), high.max(p)))
}

/// Box around several polygons.
pub(in crate::bake) fn polygon_bounds(polygons: &[Polygon]) -> (DVec2, DVec2) {
    bounds(polygons.iter().flat_map(|p| &p.outer))
}

/// A ring without repeated points and without spikes (there and back on the same line). Open; may become empty.
pub(in crate::bake) fn cleaned(ring: &[DVec2]) -> Vec<DVec2> {
    let mut clean: Vec<DVec2> = Vec::with_capacity(ring.len());
    for &p in ring {
        clean.push(p);
        while drop_last_if_needless(&mut clean) {}
    }
    // The same at the seam.
    loop {
        let n = clean.len();
        if n < 3 {
            return Vec::new();
        }
        if is_same(clean[0], clean[n - 1]) || is_spike(clean[n - 2], clean[n - 1], clean[0]) {
            clean.pop();
        } else if is_spike(clean[n - 1], clean[0], clean[1]) {
            clean.remove(0);
        } else {
            return clean;
        }
    }
}

fn drop_last_if_needless(points: &mut Vec<DVec2>) -> bool {
    let n = points.len();
    if n >= 2 && is_same(points[n - 2], points[n - 1]) {
        points.pop();
        true
    } else if n >= 3 && is_spike(points[n - 3], points[n - 2], points[n - 1]) {
        points.remove(n - 2);
        true
    } else {
        false
    }
}

fn is_same(a: DVec2, b: DVec2) -> bool {
    a.distance_squared(b) < SAME_POINT_M * SAME_POINT_M
}

/// Whether the path turns back on itself at `b`.
fn is_spike(a: DVec2, b: DVec2, c: DVec2) -> bool {
    let (back, on) = (a - b, c - b);
    // Parallel to within a millimetre at the shorter of the two.
    back.dot(on) > 0.0 && back.perp_dot(on).abs() < SAME_POINT_M * back.length().max(on.length())
}

/// A single ring as polygons, and whether it had to be repaired because it crosses itself.
pub(in crate::bake) fn polygons_of_ring(ring: &[DVec2]) -> (Vec<Polygon>, bool) {
    let mut ring = cleaned(ring);
    let area = signed_area(&ring);
    if ring.len() == 3 && area.abs() < MIN_AREA_M2 {
        return (Vec::new(), false);
    }
    let repaired = even_odd(std::slice::from_ref(&ring));
    let is_simple = repaired.len() == 1
        && repaired[0].holes.is_empty()
        && (total_area(&repaired) - area.abs()).abs() <= 1e-4 * area.abs() + 1e-3;
    if !is_simple {
        return (repaired, true);
    }
    // The points of the input, exactly: repairing rounds them and drops those on straight edges.
    if area < 0.0 {
        ring.reverse();
    }
    (vec![Polygon { outer: ring, holes: Vec::new() }], false)
}

/// The area inside an odd number of rings.
pub(in crate::bake) fn even_odd(rings: &[Vec<DVec2>]) -> Vec<Polygon> {
    polygons(arrays(rings).simplify_shape(FillRule::EvenOdd))
}

/// What is inside an odd number of rings of both lists.
pub(super) fn intersection(a: &[Vec<DVec2>], b: &[Vec<DVec2>]) -> Vec<Polygon> {
    polygons(arrays(a).overlay(&arrays(b), OverlayRule::Intersect, FillRule::EvenOdd))
}

/// What of `a` is not covered by any polygon of `b`.
pub(super) fn difference(a: &[Polygon], b: &[Polygon]) -> Vec<Polygon> {
    // Outer rings run counter-clockwise, holes clockwise: with the non-zero rule overlapping polygons unite.
    polygons(arrays(&all_rings(a)).overlay(&arrays(&all_rings(b)), OverlayRule::Difference, FillRule::NonZero))
}

/// What polygons cover together.
pub(in crate::bake) fn union(all: &[Polygon]) -> Vec<Polygon> {
    polygons(arrays(&all_rings(all)).simplify_shape(FillRule::NonZero))
}

/// Area that two sets of polygons have in common, square metres.
pub(super) fn common_area(a: &[Polygon], b: &[Polygon]) -> f64 {
    let (a_low, a_high) = polygon_bounds(a);
    let (b_low, b_high) = polygon_bounds(b);
    if a_low.cmpgt(b_high).any() || b_low.cmpgt(a_high).any() {
        return 0.0;
    }
    let common = arrays(&all_rings(a)).overlay(&arrays(&all_rings(b)), OverlayRule::Intersect, FillRule::NonZero);
    total_area(&polygons(common))
}

/// The rings of several polygons.
pub(in crate::bake) fn all_rings(polygons: &[Polygon]) -> Vec<Vec<DVec2>> {
    polygons.iter().flat_map(|p| rings(p).cloned()).collect()
}

fn arrays(rings: &[Vec<DVec2>]) -> Vec<Vec<[f64; 2]>> {
    rings.iter().filter(|r| r.len() >= 3).map(|r| r.iter().map(DVec2::to_array).collect()).collect()
}

/// What the overlay gives back (outer rings counter-clockwise, holes clockwise), without slivers.
fn polygons(shapes: Vec<Vec<Vec<[f64; 2]>>>) -> Vec<Polygon> {
    let ring = |contour: Vec<[f64; 2]>| {
        Some(cleaned(&contour.into_iter().map(DVec2::from).collect::<Vec<_>>()))
            .filter(|r| r.len() >= 3 && signed_area(r).abs() >= MIN_AREA_M2)
    };
    shapes
        .into_iter()
        .filter_map(|shape| {
            let mut contours = shape.into_iter();
            let outer = ring(contours.next()?)?;
            Some(Polygon { outer, holes: contours.filter_map(ring).collect() })
        })
        .collect()
}

/// Boxes by place, to find which ones are near a place.
pub(super) struct Grid {
    cell_m: f64,
    cells: HashMap<(i64, i64), Vec<usize>>,
    /// Boxes over so many cells that listing them in each would fill the memory.
    large: Vec<usize>,
}

impl Grid {
    const MAX_CELLS: i64 = 256;

    pub(super) fn new(cell_m: f64) -> Self {
        Self { cell_m, cells: HashMap::new(), large: Vec::new() }
    }

    pub(super) fn insert(&mut self, index: usize, (low, high): (DVec2, DVec2)) {
        let ((x0, y0), (x1, y1)) = (self.cell(low), self.cell(high));
        let count = (x1.saturating_sub(x0) + 1).saturating_mul(y1.saturating_sub(y0) + 1);
        if count > Self::MAX_CELLS {
            self.large.push(index);
            return;
        }
        for x in x0..=x1 {
            for y in y0..=y1 {
                self.cells.entry((x, y)).or_default().push(index);
            }
        }
    }

    fn cell(&self, p: DVec2) -> (i64, i64) {
        ((p.x / self.cell_m).floor() as i64, (p.y / self.cell_m).floor() as i64)
    }

    /// Indices of boxes that may reach into the given one; ascending, each once.
    pub(super) fn near(&self, (low, high): (DVec2, DVec2)) -> Vec<usize> {
        let ((x0, y0), (x1, y1)) = (self.cell(low), self.cell(high));
        let mut found = self.large.clone();
        let count = (x1.saturating_sub(x0) + 1).saturating_mul(y1.saturating_sub(y0) + 1);
        if count > Self::MAX_CELLS {
            found.extend(self.cells.values().flatten());
        } else {
            for x in x0..=x1 {
                for y in y0..=y1 {
                    found.extend(self.cells.get(&(x, y)).into_iter().flatten());
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
