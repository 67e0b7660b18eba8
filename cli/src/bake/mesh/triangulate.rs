//! Polygons with holes → triangles that cover them exactly.

use crate::bake::model::Polygon;
use earcut::Earcut;
use glam::DVec2;
use std::collections::{BTreeMap, BTreeSet};

/// Triangles over the points of a polygon.
#[derive(Clone, Debug, Default)]
pub(super) struct Triangulation {
    /// The outer ring, then the holes.
    pub(super) points: Vec<DVec2>,
    /// Indices of points, counter-clockwise. Every edge of a ring is an edge of exactly one triangle, and every other
    /// edge belongs to two, for a polygon that keeps the rules of [`Polygon`].
    pub(super) triangles: Vec<[u32; 3]>,
}

/// Triangulates; degenerate input gives fewer triangles, in the worst case none.
pub(super) fn triangulate(polygon: &Polygon) -> Triangulation {
    let rings: Vec<&Vec<DVec2>> = std::iter::once(&polygon.outer).chain(&polygon.holes).collect();
    let points: Vec<DVec2> = rings.iter().flat_map(|ring| ring.iter().copied()).collect();
    if polygon.outer.len() < 3 || points.len() > u32::MAX as usize / 4 || !points.iter().all(|p| p.is_finite()) {
        return Triangulation::default();
    }
    let mut hole_starts: Vec<u32> = Vec::with_capacity(polygon.holes.len());
    let mut start = 0;
    for ring in &rings[..rings.len() - 1] {
        start += ring.len() as u32;
        hole_starts.push(start);
    }
    // Near the origin earcut's sums keep all their digits.
    let origin = points[0];
    let mut indices: Vec<u32> = Vec::new();
    Earcut::new().earcut(points.iter().map(|&p| (p - origin).to_array()), &hole_starts, &mut indices);
    let mut triangles: Vec<[u32; 3]> =
        indices.chunks_exact(3).filter_map(|t| facing_up(&points, [t[0], t[1], t[2]])).collect();
    split_at_corners(&points, &ring_edges(&rings), &mut triangles);
    Triangulation { points, triangles }
}

fn doubled_area(points: &[DVec2], [a, b, c]: [u32; 3]) -> f64 {
    let (a, b, c) = (points[a as usize], points[b as usize], points[c as usize]);
    (b - a).perp_dot(c - a)
}

/// The triangle counter-clockwise, or nothing when it is a line.
fn facing_up(points: &[DVec2], [a, b, c]: [u32; 3]) -> Option<[u32; 3]> {
    let (pa, pb, pc) = (points[a as usize], points[b as usize], points[c as usize]);
    let longest = pa.distance_squared(pb).max(pb.distance_squared(pc)).max(pc.distance_squared(pa));
    let doubled = doubled_area(points, [a, b, c]);
    // A height of a millionth of the base: nothing to see, and no normal to trust.
    if doubled.abs() <= longest * 1e-9 {
        None
    } else if doubled > 0.0 {
        Some([a, b, c])
    } else {
        Some([a, c, b])
    }
}

fn ring_edges(rings: &[&Vec<DVec2>]) -> BTreeSet<(u32, u32)> {
    let mut edges = BTreeSet::new();
    let mut start = 0;
    for ring in rings {
        let count = ring.len() as u32;
        for index in 0..count {
            let (a, b) = (start + index, start + (index + 1) % count);
            edges.insert((a.min(b), a.max(b)));
        }
        start += count;
    }
    edges
}

/// Earcut drops corners that lie on a straight line between others, so that a triangle's edge can run past a corner of
/// its neighbours. Such a triangle is split at that corner: no gap can open between neighbours, however rounded.
fn split_at_corners(points: &[DVec2], ring_edges: &BTreeSet<(u32, u32)>, triangles: &mut Vec<[u32; 3]>) {
    for _ in 0..points.len() {
        let mut uses: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for &[a, b, c] in triangles.iter() {
            for (from, to) in [(a, b), (b, c), (c, a)] {
                *uses.entry((from.min(to), from.max(to))).or_default() += 1;
            }
        }
        let loose = |a: u32, b: u32| {
            let edge = (a.min(b), a.max(b));
            uses.get(&edge) == Some(&1) && !ring_edges.contains(&edge)
        };
        // Only corners at loose edges, or with no triangle at all, can be the ones that were run past.
        let unused = ring_edges.iter().filter(|edge| !uses.contains_key(*edge)).flat_map(|&(a, b)| [a, b]);
        let at_loose = uses.keys().filter(|&&(a, b)| loose(a, b)).flat_map(|&(a, b)| [a, b]);
        let corners: BTreeSet<u32> = unused.chain(at_loose).collect();
        if corners.is_empty() {
            return;
        }
        let mut split = Vec::with_capacity(triangles.len() + corners.len());
        let before = triangles.len();
        for &triangle in triangles.iter() {
            split_triangle(points, triangle, &loose, &corners, &mut split);
        }
        *triangles = split;
        if triangles.len() == before {
            return;
        }
    }
}

/// Splits at the first corner found on a loose edge; a second one waits for the next round.
fn split_triangle(
    points: &[DVec2],
    [a, b, c]: [u32; 3],
    loose: &impl Fn(u32, u32) -> bool,
    corners: &BTreeSet<u32>,
    out: &mut Vec<[u32; 3]>,
) {
    for (from, to, apex) in [(a, b, c), (b, c, a), (c, a, b)] {
        if !loose(from, to) {
            continue;
        }
        let on_edge = corners
            .iter()
            .find(|&&corner| corner != apex && corner != from && corner != to && is_between(points, corner, from, to));
        if let Some(&corner) = on_edge {
            out.push([from, corner, apex]);
            out.push([corner, to, apex]);
            return;
        }
    }
    out.push([a, b, c]);
}

fn is_between(points: &[DVec2], corner: u32, from: u32, to: u32) -> bool {
    let (p, a, b) = (points[corner as usize], points[from as usize], points[to as usize]);
    let along = b - a;
    let length_squared = along.length_squared();
    let t = (p - a).dot(along) / length_squared;
    t > 1e-9 && t < 1.0 - 1e-9 && (p - a).perp_dot(along).abs() <= length_squared * 1e-8
}

#[cfg(test)]
mod tests {
    use super::super::polygon::area;
    use super::super::test_shapes::{Seeded, comb, ring, star};
    use super::*;

    /// Covers the polygon exactly, faces up, and leaves no edge loose.
    fn check(polygon: &Polygon) {
        let found = triangulate(polygon);
        let covered: f64 = found.triangles.iter().map(|&t| doubled_area(&found.points, t) * 0.5).sum();
        let expected = area(polygon);
        assert!((covered - expected).abs() < 1e-6 * expected.max(1.0), "{covered} of {expected}: {polygon:?}");
        assert!(found.triangles.iter().all(|&t| doubled_area(&found.points, t) > 0.0));
        let rings: Vec<&Vec<DVec2>> = std::iter::once(&polygon.outer).chain(&polygon.holes).collect();
        let borders = ring_edges(&rings);
        let mut uses: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for [a, b, c] in found.triangles {
            for (from, to) in [(a, b), (b, c), (c, a)] {
                *uses.entry((from.min(to), from.max(to))).or_default() += 1;
            }
        }
        for (edge, count) in uses {
            assert_eq!(count, if borders.contains(&edge) { 1 } else { 2 }, "edge {edge:?} of {polygon:?}");
        }
    }

    #[test]
    fn triangles_cover_a_ring_with_its_hole_left_open() {
        check(&Polygon { outer: ring(0.0, 0.0, 10.0, 12), holes: vec![] });
        let mut hole = ring(1.0, 0.5, 4.0, 7);
        hole.reverse();
        check(&Polygon { outer: ring(0.0, 0.0, 10.0, 12), holes: vec![hole] });
    }

    #[test]
    fn corners_in_line_with_each_other_leave_no_loose_edge() {
        for teeth in 1..12 {
            check(&Polygon { outer: comb(teeth), holes: vec![] });
        }
    }

    #[test]
    fn triangles_cover_any_star() {
        let mut seeded = Seeded(7);
        for _ in 0..500 {
            check(&Polygon { outer: star(&mut seeded, DVec2::new(3e4, -2e4)), holes: vec![] });
        }
    }

    #[test]
    fn broken_rings_give_no_triangle_and_no_panic() {
        let p = |x: f64, y: f64| DVec2::new(x, y);
        for outer in [
            vec![],
            vec![p(0.0, 0.0)],
            vec![p(0.0, 0.0), p(1.0, 0.0)],
            vec![p(0.0, 0.0), p(1.0, 0.0), p(2.0, 0.0)],
            vec![p(0.0, 0.0); 9],
            vec![p(f64::NAN, 0.0), p(1.0, 0.0), p(0.0, 1.0)],
        ] {
            assert!(triangulate(&Polygon { outer, holes: vec![vec![], vec![p(0.0, 0.0)]] }).triangles.is_empty());
        }
    }
}
