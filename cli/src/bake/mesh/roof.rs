//! Roofs over any footprint, as faces that cover it exactly in plan.
//!
//! A roof is a height above the eaves for each point of the footprint. Rectangles, and footprints that one point sees
//! whole, get their faces directly; other footprints are cut along the creases of a height field over their oriented
//! box, so that walls end where the field says. A result that does not cover the footprint gives way to a flat roof.

use super::polygon::{OrientedBox, area, centroid, signed_area, slice};
use crate::bake::model::{Polygon, Roof, RoofShape};
use glam::{DVec2, DVec3, Vec3};

/// A roof lower than this is flat, metres.
const LEAST_RISE_M: f64 = 0.05;
/// Rings of a dome between its eaves and its top.
const DOME_RINGS: usize = 5;
/// Corners of a footprint that turn less than this are smooth in a dome: cosine of 35°.
const SMOOTH_COS: f64 = 0.82;

/// One face of a roof.
#[derive(Clone, Debug)]
pub(super) struct Face {
    /// Its border in plan, counter-clockwise, and its holes.
    pub(super) rings: Vec<Vec<DVec3>>,
    /// One normal for each point of the first ring where the face is part of something round.
    pub(super) normals: Option<Vec<Vec3>>,
}

impl Face {
    fn flat(ring: Vec<DVec3>) -> Face {
        Face { rings: vec![ring], normals: None }
    }

    /// The face in plan.
    pub(super) fn plan(&self) -> Polygon {
        let mut rings = self.rings.iter().map(|ring| ring.iter().map(|p| p.truncate()).collect());
        Polygon { outer: rings.next().unwrap_or_default(), holes: rings.collect() }
    }

    /// The normal of the plane that fits best (Newell), facing up.
    pub(super) fn normal(&self) -> Vec3 {
        let Some(ring) = self.rings.first() else { return Vec3::Z };
        let sum = (0..ring.len())
            .map(|index| (ring[index] - ring[0]).cross(ring[(index + 1) % ring.len()] - ring[0]))
            .fold(DVec3::ZERO, |sum, cross| sum + cross);
        let normal = sum.normalize_or(DVec3::Z);
        if normal.z > 0.0 { normal.as_vec3() } else { Vec3::Z }
    }
}

/// The faces of a roof whose eaves are at `eaves_m` and whose top is `rise_m` above them. `footprint` is clean.
pub(super) fn roof_faces(footprint: &Polygon, roof: &Roof, eaves_m: f64, rise_m: f64) -> Vec<Face> {
    let flat = || lifted(std::slice::from_ref(footprint), |_| eaves_m + rise_m);
    if rise_m < LEAST_RISE_M {
        return flat();
    }
    let faces = match roof.shape {
        RoofShape::Flat => return flat(),
        RoofShape::Skillion => {
            let field = Field::skillion(&footprint.outer, roof);
            lifted(std::slice::from_ref(footprint), |p| eaves_m + rise_m * field.at(p))
        }
        RoofShape::Gabled => gabled(footprint, roof, eaves_m, rise_m),
        RoofShape::Hipped => hipped(footprint, roof, eaves_m, rise_m),
        RoofShape::Pyramidal => pyramidal(footprint, eaves_m, rise_m),
        RoofShape::Dome => dome(footprint, eaves_m, rise_m),
    };
    if covers(&faces, footprint) { faces } else { flat() }
}

/// Whether the faces face up and have the footprint's area together.
fn covers(faces: &[Face], footprint: &Polygon) -> bool {
    let expected = area(footprint);
    let plans: Vec<Polygon> = faces.iter().map(Face::plan).collect();
    let covered: f64 = plans.iter().map(area).sum();
    plans.iter().all(|plan| signed_area(&plan.outer) > 0.0) && (covered - expected).abs() <= 1e-3 * expected.max(0.1)
}

fn lifted(plans: &[Polygon], height: impl Fn(DVec2) -> f64) -> Vec<Face> {
    let lift = |ring: &Vec<DVec2>| ring.iter().map(|&p| p.extend(height(p))).collect();
    plans
        .iter()
        .map(|plan| Face { rings: std::iter::once(&plan.outer).chain(&plan.holes).map(lift).collect(), normals: None })
        .collect()
}

fn gabled(footprint: &Polygon, roof: &Roof, eaves_m: f64, rise_m: f64) -> Vec<Face> {
    let ridge_m = eaves_m + rise_m;
    if let Some([a, b, c, d]) = along_ridge(footprint, roof) {
        let (start, end) = (a.midpoint(d).extend(ridge_m), b.midpoint(c).extend(ridge_m));
        let [a, b, c, d] = [a, b, c, d].map(|p| p.extend(eaves_m));
        return vec![Face::flat(vec![a, b, end, start]), Face::flat(vec![c, d, start, end])];
    }
    field_roof(footprint, &Field::gable(ridge_box(&footprint.outer, roof)), eaves_m, rise_m)
}

fn hipped(footprint: &Polygon, roof: &Roof, eaves_m: f64, rise_m: f64) -> Vec<Face> {
    let Some(corners @ [a, b, c, d]) = along_ridge(footprint, roof) else {
        return field_roof(footprint, &Field::hip(ridge_box(&footprint.outer, roof)), eaves_m, rise_m);
    };
    let (start, end) = (a.midpoint(d), b.midpoint(c));
    let length = start.distance(end);
    let run = area(footprint) / length * 0.5;
    if run > 0.48 * length {
        return fan(&corners, centroid(&corners), eaves_m, rise_m);
    }
    let inward = (end - start) * (run / length);
    let (start, end) = ((start + inward).extend(eaves_m + rise_m), (end - inward).extend(eaves_m + rise_m));
    let [a, b, c, d] = [a, b, c, d].map(|p| p.extend(eaves_m));
    [vec![a, b, end, start], vec![b, c, end], vec![c, d, start, end], vec![d, a, start]].map(Face::flat).into()
}

fn pyramidal(footprint: &Polygon, eaves_m: f64, rise_m: f64) -> Vec<Face> {
    match middle(footprint) {
        Some(apex) => fan(&footprint.outer, apex, eaves_m, rise_m),
        None => field_roof(footprint, &Field::tent(OrientedBox::around(&footprint.outer)), eaves_m, rise_m),
    }
}

fn fan(ring: &[DVec2], apex: DVec2, eaves_m: f64, rise_m: f64) -> Vec<Face> {
    let top = apex.extend(eaves_m + rise_m);
    (0..ring.len())
        .map(|index| {
            let (a, b) = (ring[index], ring[(index + 1) % ring.len()]);
            Face::flat(vec![a.extend(eaves_m), b.extend(eaves_m), top])
        })
        .collect()
}

/// A hemisphere's profile over the footprint: its ring shrinks towards the middle as a circle of latitude does.
fn dome(footprint: &Polygon, eaves_m: f64, rise_m: f64) -> Vec<Face> {
    let Some(middle) = middle(footprint) else { return pyramidal(footprint, eaves_m, rise_m) };
    let ring = &footprint.outer;
    let count = ring.len();
    let step = std::f64::consts::FRAC_PI_2 / DOME_RINGS as f64;
    let at = |corner: usize, level: usize| {
        let (sin, cos) = (step * level as f64).sin_cos();
        // The eaves keep the footprint's own bits, so that walls meet them.
        let plan = if level == 0 { ring[corner] } else { middle + (ring[corner] - middle) * cos };
        plan.extend(eaves_m + rise_m * sin)
    };
    let outward = |edge: usize| -(ring[(edge + 1) % count] - ring[edge]).normalize_or_zero().perp();
    // Normal over an edge at a level: the cross product of the edge and the meridian.
    let normal = |edge: usize, level: usize| {
        let (sin, cos) = (step * level as f64).sin_cos();
        let reach = (ring[edge] - middle).dot(outward(edge));
        (outward(edge) * (rise_m * cos)).extend(reach * sin).normalize_or(DVec3::Z)
    };
    let corner_normal = |edge: usize, corner: usize, level: usize| {
        let other = if corner == edge { (edge + count - 1) % count } else { corner };
        let smooth = outward(edge).dot(outward(other)) > SMOOTH_COS;
        let sum = if smooth { normal(edge, level) + normal(other, level) } else { normal(edge, level) };
        sum.normalize_or(DVec3::Z).as_vec3()
    };
    let mut faces = Vec::with_capacity(count * DOME_RINGS);
    for level in 0..DOME_RINGS {
        for edge in 0..count {
            let next = (edge + 1) % count;
            let mut ring = vec![at(edge, level), at(next, level)];
            let mut normals = vec![corner_normal(edge, edge, level), corner_normal(edge, next, level)];
            if level + 1 < DOME_RINGS {
                ring.extend([at(next, level + 1), at(edge, level + 1)]);
                normals.extend([corner_normal(edge, next, level + 1), corner_normal(edge, edge, level + 1)]);
            } else {
                ring.push(middle.extend(eaves_m + rise_m));
                // Round on top, but not where the footprint makes the last ring steep.
                let last = normal(edge, level);
                normals.push(if last.z > 0.7 { Vec3::Z } else { last.as_vec3() });
            }
            faces.push(Face { rings: vec![ring], normals: Some(normals) });
        }
    }
    faces
}

/// A point that sees the whole ring from inside; nothing when neither of the likely ones does.
fn middle(footprint: &Polygon) -> Option<DVec2> {
    let ring = &footprint.outer;
    let sees_all = |&point: &DVec2| {
        (0..ring.len()).all(|index| {
            let (a, b) = (ring[index], ring[(index + 1) % ring.len()]);
            // Not so flat that the face would be a needle: 5 cm from every edge's line.
            (a - point).perp_dot(b - point) > 0.05 * a.distance(b)
        })
    };
    let candidates = [centroid(ring), OrientedBox::around(ring).center];
    if footprint.holes.is_empty() { candidates.into_iter().find(sees_all) } else { None }
}

/// The four corners of a footprint that is nearly a rectangle, such that the ridge runs along the first side.
fn along_ridge(footprint: &Polygon, roof: &Roof) -> Option<[DVec2; 4]> {
    let corners: [DVec2; 4] = footprint.outer.as_slice().try_into().ok()?;
    let side = |index: usize| corners[(index + 1) % 4] - corners[index % 4];
    // Between 60 and 120 degrees at each corner.
    let is_square = |index: usize| {
        let (before, after) = (side(index).normalize_or_zero(), side(index + 1).normalize_or_zero());
        before.perp_dot(after) > 0.0 && before.dot(after).abs() < 0.5
    };
    if !footprint.holes.is_empty() || !(0..4).all(is_square) {
        return None;
    }
    let (first, second) = (side(0) - side(2), side(1) - side(3));
    let along_first = match bearing(roof) {
        Some(bearing) => first.normalize_or_zero().dot(bearing).abs() >= second.normalize_or_zero().dot(bearing).abs(),
        None => (first.length() >= second.length()) != roof.across,
    };
    let [a, b, c, d] = corners;
    Some(if along_first { [a, b, c, d] } else { [b, c, d, a] })
}

/// The unit vector of a roof's tagged bearing.
fn bearing(roof: &Roof) -> Option<DVec2> {
    let degrees = roof.direction_deg.filter(|degrees| degrees.is_finite())?;
    let (sin, cos) = degrees.to_radians().sin_cos();
    Some(DVec2::new(sin, cos))
}

/// The oriented box of a footprint with its axis along the ridge. A tagged bearing within 20° of a side of the
/// smallest box means that side: bearings are tagged by eye.
fn ridge_box(ring: &[DVec2], roof: &Roof) -> OrientedBox {
    let fitted = OrientedBox::around(ring);
    let Some(bearing) = bearing(roof) else {
        return if roof.across { fitted.turned() } else { fitted };
    };
    const NEAR_COS: f64 = 0.94;
    if fitted.axis.dot(bearing).abs() > NEAR_COS {
        fitted
    } else if fitted.axis.perp().dot(bearing).abs() > NEAR_COS {
        fitted.turned()
    } else {
        OrientedBox::along(ring, bearing)
    }
}

/// Height as a share of the rise, 0 to 1, over the plane: flat pieces between straight creases.
struct Field {
    frame: OrientedBox,
    shape: FieldShape,
}

enum FieldShape {
    /// Falls from the ridge to both long sides.
    Gable,
    /// Falls from the ridge to all sides; `run` is how far the ridge ends before the short sides.
    Hip { run: f64 },
    /// Falls from one side of the box to the other, along the axis.
    Plane,
}

impl Field {
    fn gable(frame: OrientedBox) -> Field {
        Field { frame, shape: FieldShape::Gable }
    }

    fn hip(frame: OrientedBox) -> Field {
        Field { frame, shape: FieldShape::Hip { run: frame.half.y.min(0.7 * frame.half.x) } }
    }

    fn tent(frame: OrientedBox) -> Field {
        Field { frame, shape: FieldShape::Hip { run: frame.half.x } }
    }

    fn skillion(ring: &[DVec2], roof: &Roof) -> Field {
        let fitted = OrientedBox::around(ring);
        let down = bearing(roof).unwrap_or(if roof.across { fitted.axis } else { fitted.axis.perp() });
        let sides = [fitted.axis, -fitted.axis, fitted.axis.perp(), -fitted.axis.perp()];
        let axis = sides.into_iter().find(|side| side.dot(down) > 0.97).unwrap_or(down);
        Field { frame: OrientedBox::along(ring, axis), shape: FieldShape::Plane }
    }

    fn at(&self, point: DVec2) -> f64 {
        let local = self.frame.local(point);
        let half = self.frame.half.max(DVec2::splat(1e-6));
        let across = 1.0 - local.y.abs() / half.y;
        let share = match self.shape {
            FieldShape::Gable => across,
            FieldShape::Hip { run } => across.min((half.x - local.x.abs()) / run.max(1e-6)),
            FieldShape::Plane => 0.5 - 0.5 * local.x / half.x,
        };
        share.clamp(0.0, 1.0)
    }

    /// Where the field bends, drawn beyond the box so that no end lies inside the footprint by rounding.
    fn creases(&self) -> Vec<[DVec2; 2]> {
        let half = self.frame.half;
        let point = |u: f64, v: f64| self.frame.point(u, v);
        match self.shape {
            FieldShape::Plane => Vec::new(),
            FieldShape::Gable => vec![[point(-half.x - 1.0, 0.0), point(half.x + 1.0, 0.0)]],
            FieldShape::Hip { run } => {
                let end = (half.x - run).max(0.0);
                let mut creases: Vec<[DVec2; 2]> = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)]
                    .into_iter()
                    .map(|(u, v)| [point(u * end, 0.0), point(u * (end + run * 1.1), v * half.y * 1.1)])
                    .collect();
                if end > 0.0 {
                    creases.push([point(-end, 0.0), point(end, 0.0)]);
                }
                creases
            }
        }
    }
}

fn field_roof(footprint: &Polygon, field: &Field, eaves_m: f64, rise_m: f64) -> Vec<Face> {
    let pieces = slice(footprint, &field.creases());
    // A ridge beside the footprint would leave the roof below its height: what is highest gets the whole rise.
    let highest = pieces.iter().flat_map(|piece| &piece.outer).map(|&p| field.at(p)).fold(0.0, f64::max).max(0.1);
    lifted(&pieces, |p| eaves_m + rise_m * field.at(p) / highest)
}
