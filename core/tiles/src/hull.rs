//! A solid with six faces, such as stands above a cell of the S2 grid.

use glam::DVec3;

/// Corners of each face in order around it: top and bottom, then the sides. Corner `k` of the top stands above corner
/// `k + 4` of the bottom, and side `k` lies between the corners `k` and `k + 1`.
const FACES: [[usize; 4]; 6] = [[0, 1, 2, 3], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]];

/// A convex solid with six faces, in ECEF metres.
#[derive(Clone, Debug)]
pub(crate) struct Hull {
    pub(crate) center: DVec3,
    /// Outward unit normals of top, bottom and four sides, and how far from the centre their planes lie.
    normals: [DVec3; 6],
    reach: [f64; 6],
    /// Relative to the centre.
    corners: [DVec3; 8],
}

impl Hull {
    /// The solid below planes with the given normals at the given distances from the centre: top, bottom, and sides
    /// in order around it.
    pub(crate) fn new(center: DVec3, normals: [DVec3; 6], reach: [f64; 6]) -> Self {
        let corner = |k: usize| {
            let [lid, a, b] = [k / 4, 2 + (k + 3) % 4, 2 + k % 4];
            meet([lid, a, b].map(|i| normals[i]), [lid, a, b].map(|i| reach[i]))
        };
        Self { center, normals, reach, corners: std::array::from_fn(corner) }
    }

    /// Of a sphere around the centre that holds it.
    pub(crate) fn radius(&self) -> f64 {
        self.corners.iter().map(|c| c.length()).fold(0.0, f64::max)
    }

    /// In ECEF, those of the top first.
    pub(crate) fn corners(&self) -> [DVec3; 8] {
        self.corners.map(|corner| self.center + corner)
    }

    /// How far it reaches from its centre along a direction.
    pub(crate) fn reach(&self, direction: DVec3) -> f64 {
        self.corners.iter().map(|c| direction.dot(*c)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Metres from a point to the nearest point of it; 0 inside.
    pub(crate) fn distance(&self, p: DVec3) -> f64 {
        let p = p - self.center;
        let facing = (0..6).filter(|i| self.normals[*i].dot(p) > self.reach[*i]);
        let squared = facing.map(|i| {
            let [a, b, c, d] = FACES[i].map(|k| self.corners[k]);
            to_triangle_squared(p, a, b, c).min(to_triangle_squared(p, a, c, d))
        });
        squared.reduce(f64::min).map_or(0.0, f64::sqrt)
    }
}

/// Where three planes meet; the origin when they do not.
fn meet([a, b, c]: [DVec3; 3], [at_a, at_b, at_c]: [f64; 3]) -> DVec3 {
    let volume = a.dot(b.cross(c));
    if volume.abs() < 1e-12 {
        return DVec3::ZERO;
    }
    (b.cross(c) * at_a + c.cross(a) * at_b + a.cross(b) * at_c) / volume
}

/// Squared distance from a point to a triangle (Ericson, Real-Time Collision Detection, section 5.1.5).
fn to_triangle_squared(p: DVec3, a: DVec3, b: DVec3, c: DVec3) -> f64 {
    let (ab, ac, ap) = (b - a, c - a, p - a);
    let (d1, d2) = (ab.dot(ap), ac.dot(ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return ap.length_squared();
    }
    let bp = p - b;
    let (d3, d4) = (ab.dot(bp), ac.dot(bp));
    if d3 >= 0.0 && d4 <= d3 {
        return bp.length_squared();
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return (ap - ab * (d1 / (d1 - d3))).length_squared();
    }
    let cp = p - c;
    let (d5, d6) = (ab.dot(cp), ac.dot(cp));
    if d6 >= 0.0 && d5 <= d6 {
        return cp.length_squared();
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return (ap - ac * (d2 / (d2 - d6))).length_squared();
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0 {
        return (bp - (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)))).length_squared();
    }
    let normal = ab.cross(ac);
    let along = normal.dot(ap);
    along * along / normal.length_squared().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_to_the_nearest_face_edge_or_corner() {
        let [x, y, z] = [DVec3::X, DVec3::Y, DVec3::Z];
        let hull = Hull::new(DVec3::splat(10.0), [z, -z, -y, x, y, -x], [3.0, 3.0, 2.0, 1.0, 2.0, 1.0]);
        for (p, expected) in [
            ([10.0, 10.0, 10.0], 0.0),
            ([10.5, 11.0, 12.0], 0.0),
            ([10.0, 10.0, 20.0], 7.0),
            ([10.0, 5.0, 10.0], 3.0),
            ([14.0, 16.0, 10.0], 5.0),
            ([7.0, 14.0, 19.0], (4.0f64 + 4.0 + 36.0).sqrt()),
            ([13.0, 6.0, 0.0], (4.0f64 + 4.0 + 49.0).sqrt()),
        ] {
            let found = hull.distance(DVec3::from_array(p));
            assert!((found - expected).abs() < 1e-12, "{p:?}: {found} for {expected}");
        }
        assert!((hull.radius() - 14f64.sqrt()).abs() < 1e-12);
        assert!((hull.reach(x) - 1.0).abs() < 1e-12 && (hull.reach(-z) - 3.0).abs() < 1e-12);
    }
}
