//! Shapes on the ground: their outlines and the triangles that fill them, in a local frame, metres.

use earcut::Earcut;
use glam::DVec2;

/// Corners of a disc.
const DISC_CORNERS: u32 = 24;
/// A corner of a line sticks out by at most this many half widths; sharper ones are cut off there.
const MITRE_LIMIT: f64 = 3.0;

/// A filled shape. Every ring is a run of vertices; outer rings run counter-clockwise, holes clockwise.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outline {
    /// Where each vertex is, and metres above the ellipsoid where the document says so.
    pub(crate) vertices: Vec<(DVec2, Option<f64>)>,
    /// Ends of the rings in `vertices`.
    pub(crate) ring_ends: Vec<usize>,
    /// Counter-clockwise.
    pub(crate) triangles: Vec<[u32; 3]>,
}

type Corner = (DVec2, Option<f64>);

impl Outline {
    /// A polygon: the outer ring, then its holes.
    pub(crate) fn polygon(rings: &[Vec<Corner>]) -> Self {
        let mut outline = Self::default();
        for (i, ring) in rings.iter().enumerate() {
            let is_hole = i > 0;
            let clockwise = doubled_area(ring) < 0.0;
            if clockwise == is_hole {
                outline.vertices.extend(ring.iter().copied());
            } else {
                outline.vertices.extend(ring.iter().rev().copied());
            }
            outline.ring_ends.push(outline.vertices.len());
        }
        let Some(&(origin, _)) = outline.vertices.first() else { return outline };
        let holes: Vec<u32> = outline.ring_ends[..outline.ring_ends.len() - 1].iter().map(|end| *end as u32).collect();
        let mut indices: Vec<u32> = Vec::new();
        // Near the origin earcut's sums keep all their digits.
        Earcut::new().earcut(outline.vertices.iter().map(|(at, _)| (*at - origin).to_array()), &holes, &mut indices);
        outline.triangles = indices.chunks_exact(3).map(|t| outline.facing_up([t[0], t[1], t[2]])).collect();
        outline
    }

    /// A line of some width. Positions in a row that are the same count once; `None` when only one is left.
    pub(crate) fn ribbon(line: &[Corner], width_m: f64) -> Option<Self> {
        let mut line = line.to_vec();
        line.dedup_by_key(|(at, _)| *at);
        let closed = line.len() > 3 && line.first().map(|p| p.0) == line.last().map(|p| p.0);
        if line.len() < 2 {
            return None;
        }
        let count = line.len();
        let direction = |i: usize| (line[i + 1].0 - line[i].0).normalize_or_zero();
        let mut sides = [Vec::with_capacity(count), Vec::with_capacity(count)];
        for (i, (at, height)) in line.iter().enumerate() {
            let before = if i > 0 {
                direction(i - 1)
            } else if closed {
                direction(count - 2)
            } else {
                direction(0)
            };
            let after = if i + 1 < count {
                direction(i)
            } else if closed {
                direction(0)
            } else {
                before
            };
            let along = (before + after).normalize_or(after);
            // The corner lies where the two edges meet: farther out, the sharper it is.
            let reach = (1.0 / along.dot(after).max(1.0 / MITRE_LIMIT)) * width_m / 2.0;
            let left = along.perp() * reach;
            sides[0].push((*at + left, *height));
            sides[1].push((*at - left, *height));
        }
        let [left, right] = sides;
        // Counter-clockwise: forth on the right side, back on the left.
        let vertices: Vec<Corner> = right.into_iter().chain(left.into_iter().rev()).collect();
        let last = 2 * count as u32 - 1;
        let mut outline = Self { ring_ends: vec![vertices.len()], vertices, triangles: Vec::new() };
        for i in 0..count as u32 - 1 {
            let (a, b, c, d) = (i, i + 1, last - i - 1, last - i);
            outline.triangles.extend([outline.facing_up([a, b, c]), outline.facing_up([a, c, d])]);
        }
        Some(outline)
    }

    /// A disc.
    pub(crate) fn disc((at, height): Corner, radius_m: f64) -> Self {
        let corner = |i: u32| {
            let turn = f64::from(i) / f64::from(DISC_CORNERS) * std::f64::consts::TAU;
            (at + DVec2::from_angle(turn) * radius_m, height)
        };
        Self {
            vertices: (0..DISC_CORNERS).map(corner).collect(),
            ring_ends: vec![DISC_CORNERS as usize],
            triangles: (1..DISC_CORNERS - 1).map(|i| [0, i, i + 1]).collect(),
        }
    }

    /// Each side of each ring, by its vertices in order.
    pub(crate) fn sides(&self) -> impl Iterator<Item = [usize; 2]> {
        let starts = std::iter::once(0).chain(self.ring_ends.iter().copied());
        starts
            .zip(&self.ring_ends)
            .flat_map(|(start, &end)| (start..end).map(move |i| [i, if i + 1 < end { i + 1 } else { start }]))
    }

    fn facing_up(&self, [a, b, c]: [u32; 3]) -> [u32; 3] {
        let [pa, pb, pc] = [a, b, c].map(|i| self.vertices[i as usize].0);
        if (pb - pa).perp_dot(pc - pa) < 0.0 { [a, c, b] } else { [a, b, c] }
    }
}

fn doubled_area(ring: &[Corner]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter().zip(next).map(|((a, _), (b, _))| a.perp_dot(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corners(points: &[[f64; 2]]) -> Vec<Corner> {
        points.iter().map(|p| (DVec2::from_array(*p), None)).collect()
    }

    fn area(outline: &Outline) -> f64 {
        let area = |[a, b, c]: &[u32; 3]| {
            let [a, b, c] = [*a, *b, *c].map(|i| outline.vertices[i as usize].0);
            (b - a).perp_dot(c - a) / 2.0
        };
        assert!(outline.triangles.iter().all(|t| area(t) >= 0.0), "a triangle faces down");
        outline.triangles.iter().map(area).sum()
    }

    #[test]
    fn triangles_cover_a_shape_once() {
        let square = corners(&[[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]);
        let hole = corners(&[[2.0, 2.0], [4.0, 2.0], [4.0, 4.0], [2.0, 4.0]]);
        let mut turned = square.clone();
        turned.reverse();
        for ring in [square, turned] {
            let outline = Outline::polygon(&[ring, hole.clone()]);
            assert!((area(&outline) - 96.0).abs() < 1e-9);
            // Outer counter-clockwise, hole clockwise, whatever the document says.
            let walled: f64 = outline.sides().map(|[a, b]| outline.vertices[a].0.perp_dot(outline.vertices[b].0)).sum();
            assert!((walled / 2.0 - 96.0).abs() < 1e-9);
        }
        let straight = Outline::ribbon(&corners(&[[0.0, 0.0], [5.0, 0.0], [5.0, 0.0], [10.0, 0.0]]), 2.0);
        assert!((area(&straight.expect("a line")) - 20.0).abs() < 1e-9);
        let corner = Outline::ribbon(&corners(&[[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]), 2.0).expect("a line");
        assert!((area(&corner) - 40.0).abs() < 1e-9);
        let disc = Outline::disc((DVec2::ZERO, None), 10.0);
        assert!((area(&disc) - 310.6).abs() < 0.1);
        assert_eq!(Outline::ribbon(&corners(&[[1.0, 1.0], [1.0, 1.0]]), 2.0), None);
    }

    #[test]
    fn a_line_that_turns_back_stays_within_bounds() {
        let back = Outline::ribbon(&corners(&[[0.0, 0.0], [10.0, 0.0], [0.0, 0.1]]), 2.0).expect("a line");
        assert!(back.vertices.iter().all(|(at, _)| at.is_finite() && at.length() < 20.0), "{back:?}");
    }
}
