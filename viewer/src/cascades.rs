//! Which parts of the world the shadow maps cover: rings from near to far, each a square across the sunlight.
//!
//! A ring stays where it is until the view leaves it or needs a much smaller one, so that its map is drawn again only
//! then; a new one lies on whole texels of the world, so that shadows do not crawl. After Zhang et al., "Parallel-Split
//! Shadow Maps" (2006), with Valient's stable fitting ("Stable Rendering of Cascaded Shadow Maps", ShaderX6, 2008).

use crate::matrix::Eye;
use glam::{DMat3, DMat4, DVec2, DVec3, DVec4};

/// Most rings.
pub(crate) const MOST_RINGS: usize = 4;
/// A new ring is this much wider than what it must cover.
const SPARE: f64 = 1.15;
/// A ring that is wider than this many times what it must cover is too coarse.
const TOO_WIDE: f64 = 1.9;
/// Between splits in equal steps (0) and in equal ratios (1).
const RATIO: f64 = 0.8;
/// Heights of the scene are rounded outwards to this, metres: single tiles do not move rings.
const HEIGHT_STEP_M: f64 = 32.0;
const EARTH_DIAMETER_M: f64 = 12_742_000.0;

/// What the rings are fitted to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// How many rings, 1 to [`MOST_RINGS`].
    pub(crate) rings: usize,
    /// Width of a map, pixels.
    pub(crate) map_px: u32,
    /// Shadows are seen up to here, metres from the eye.
    pub(crate) reach_m: f64,
    /// Lowest and highest thing, metres above the ellipsoid.
    pub(crate) heights_m: [f64; 2],
}

/// A square across the sunlight, and the depth of what lies in it; metres in light axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ring {
    center: DVec2,
    half_m: f64,
    depth: [f64; 2],
    heights_m: [f64; 2],
}

/// The rings of a light.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cascades {
    toward_ecef: DVec3,
    light_from_ecef: DMat3,
    map_px: u32,
    rings: Vec<Ring>,
}

impl Cascades {
    /// Fits the rings to a view, changing as few as possible.
    pub(crate) fn fit(&mut self, eye: &Eye, toward_ecef: DVec3, wanted: &Wanted) {
        if self.toward_ecef != toward_ecef || self.map_px != wanted.map_px {
            *self = Self {
                toward_ecef,
                light_from_ecef: axes_across(toward_ecef),
                map_px: wanted.map_px,
                rings: Vec::new(),
            };
        }
        let heights_m = [
            (wanted.heights_m[0] / HEIGHT_STEP_M).floor() * HEIGHT_STEP_M,
            (wanted.heights_m[1] / HEIGHT_STEP_M).ceil() * HEIGHT_STEP_M,
        ];
        let sinks_m = wanted.reach_m * wanted.reach_m / EARTH_DIAMETER_M;
        let slab = [heights_m[0] - eye.height_m - sinks_m, heights_m[1] - eye.height_m];
        let all = slice(eye, [0.5, wanted.reach_m], slab);
        let (near, far) = all.iter().fold((f64::INFINITY, 0.0_f64), |(near, far), point| {
            let depth = point.dot(eye.forward);
            (near.min(depth), far.max(depth))
        });
        self.rings.truncate(wanted.rings);
        if far <= near {
            // Only sky: what there is may stay for when the view comes back.
            return;
        }
        let near = near.max(0.5);
        for index in 0..wanted.rings.min(MOST_RINGS) {
            let split = |i: usize| {
                let t = i as f64 / wanted.rings as f64;
                RATIO * near * (far / near).powf(t) + (1.0 - RATIO) * (near + (far - near) * t)
            };
            let points = slice(eye, [split(index), split(index + 1)], slab);
            self.fit_ring(index, eye, &points, slab, heights_m);
        }
    }

    fn fit_ring(&mut self, index: usize, eye: &Eye, points: &[DVec3], slab: [f64; 2], heights_m: [f64; 2]) {
        let light = |rel: DVec3| self.light_from_ecef * eye.ecef_from_rel_point(rel);
        let (mut low, mut high) = (DVec2::INFINITY, DVec2::NEG_INFINITY);
        for point in points {
            let at = light(*point).truncate();
            (low, high) = (low.min(at), high.max(at));
        }
        let (middle, needed) = if points.is_empty() {
            // A slice without ground: its ring hides behind the one before.
            (self.rings.last().map_or(DVec2::ZERO, |ring| ring.center), 1.0)
        } else {
            ((low + high) / 2.0, ((high - low) / 2.0).max_element().max(1.0))
        };
        if let Some(ring) = self.rings.get(index)
            && ring.heights_m == heights_m
            && ring.half_m < TOO_WIDE * needed
            && (middle - ring.center).abs().max_element() + needed <= ring.half_m
        {
            return;
        }
        // Sizes from a fixed series: rings of one size lie on the same texels wherever they are.
        let half_m = ((needed * SPARE).log2() * 4.0).ceil() / 4.0;
        let half_m = half_m.exp2();
        let texel_m = 2.0 * half_m / f64::from(self.map_px);
        let center = (middle / texel_m).round() * texel_m;
        let depth = self.depth(eye, center, half_m, slab);
        let ring = Ring { center, half_m, depth, heights_m };
        match self.rings.get_mut(index) {
            Some(old) => *old = ring,
            None => self.rings.push(ring),
        }
    }

    /// Lowest and highest depth (light z) that the slab between two heights has within a square.
    fn depth(&self, eye: &Eye, center: DVec2, half_m: f64, slab: [f64; 2]) -> [f64; 2] {
        let up = self.light_from_ecef * (eye.ecef_from_rel_point(DVec3::Z) - eye.eye_ecef);
        let eye_light = self.light_from_ecef * eye.eye_ecef;
        let steep = up.z.max(0.02);
        let mut depth = [f64::INFINITY, f64::NEG_INFINITY];
        for corner in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
            let at = center + DVec2::from(corner) * half_m - eye_light.truncate();
            for height in slab {
                let z = eye_light.z + (height - up.x * at.x - up.y * at.y) / steep;
                depth = [depth[0].min(z), depth[1].max(z)];
            }
        }
        // The Earth turns its back a little while the ring stays.
        let spare_m = 5.0 + 0.02 * (depth[1] - depth[0]);
        [depth[0] - spare_m, depth[1] + spare_m]
    }

    /// The rings, near to far.
    pub(crate) fn rings(&self) -> &[Ring] {
        &self.rings
    }

    /// Width of a texel of a ring, metres.
    pub(crate) fn texel_m(&self, ring: &Ring) -> f64 {
        2.0 * ring.half_m / f64::from(self.map_px)
    }

    /// Clip space of a ring's map from the eye's frame: nearer to the light is nearer.
    pub(crate) fn map_from_rel(&self, eye: &Eye, ring: &Ring) -> DMat4 {
        let turn = DMat3::from_cols(
            self.light_from_ecef * (eye.ecef_from_rel_point(DVec3::X) - eye.eye_ecef),
            self.light_from_ecef * (eye.ecef_from_rel_point(DVec3::Y) - eye.eye_ecef),
            self.light_from_ecef * (eye.ecef_from_rel_point(DVec3::Z) - eye.eye_ecef),
        );
        let half_depth = (ring.depth[1] - ring.depth[0]) / 2.0;
        let scale = DVec3::new(1.0 / ring.half_m, 1.0 / ring.half_m, -1.0 / half_depth);
        // The large numbers cancel here, in `f64`.
        let middle = ring.center.extend((ring.depth[0] + ring.depth[1]) / 2.0);
        let origin = (self.light_from_ecef * eye.eye_ecef - middle) * scale;
        DMat4::from_cols(
            (turn.x_axis * scale).extend(0.0),
            (turn.y_axis * scale).extend(0.0),
            (turn.z_axis * scale).extend(0.0),
            DVec4::new(origin.x, origin.y, origin.z, 1.0),
        )
    }
}

/// Axes with z towards the light, from ECEF.
fn axes_across(toward: DVec3) -> DMat3 {
    let z = toward.normalize_or(DVec3::Z);
    let aside = if z.z.abs() < 0.9 { DVec3::Z } else { DVec3::X };
    let x = aside.cross(z).normalize();
    DMat3::from_cols(x, z.cross(x), z).transpose()
}

/// Corners of the part of the view between two depths and two heights over the eye, in the eye's frame. Exact: the
/// corners of a convex body cut by parallel planes lie on its edges.
fn slice(eye: &Eye, depths: [f64; 2], [low, high]: [f64; 2]) -> Vec<DVec3> {
    const CORNERS: [(f64, f64); 4] = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
    let at = |depth: f64, corner: usize| eye.ray(DVec2::from(CORNERS[corner % 4])) * depth;
    let mut points = Vec::with_capacity(24);
    let mut edge = |a: DVec3, b: DVec3| {
        let (mut from, mut to) = (0.0_f64, 1.0_f64);
        let rise = b.z - a.z;
        for (height, above) in [(low, 1.0), (high, -1.0)] {
            let (start, slope) = ((a.z - height) * above, rise * above);
            if slope.abs() < 1e-12 {
                if start < 0.0 {
                    return;
                }
            } else if slope > 0.0 {
                from = from.max(-start / slope);
            } else {
                to = to.min(-start / slope);
            }
        }
        if from <= to {
            points.extend([a.lerp(b, from), a.lerp(b, to)]);
        }
    };
    for corner in 0..4 {
        edge(at(depths[0], corner), at(depths[1], corner));
        depths.iter().for_each(|depth| edge(at(*depth, corner), at(*depth, corner + 1)));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LookAt;
    use crate::camera::Camera;
    use crate::light::Light;

    const WANTED: Wanted = Wanted { rings: 3, map_px: 1024, reach_m: 3_000.0, heights_m: [-3.0, 70.0] };

    fn eye(lon: f64, distance_m: f64, pitch_deg: f64) -> Eye {
        let mut camera = Camera::new();
        camera.set_size_css(800.0, 600.0);
        camera.set_look(LookAt { lon, lat: 60.17, height_m: 0.0, distance_m, heading_deg: 335.0, pitch_deg });
        Eye::of(&camera)
    }

    fn toward() -> DVec3 {
        let eye = eye(24.94, 900.0, -35.0);
        eye.ecef_from_rel_point(Light::morning().toward) - eye.eye_ecef
    }

    fn fitted(eye: &Eye) -> Cascades {
        let mut cascades = Cascades::default();
        cascades.fit(eye, toward(), &WANTED);
        cascades
    }

    /// Ground points that the canvas shows, in the eye's frame, with their depths.
    fn ground_in_view(eye: &Eye) -> Vec<DVec3> {
        let at = |i: i32| f64::from(i) / 10.0;
        let ndc = (-10..=10).flat_map(|x| (-10..=10).map(move |y| DVec2::new(at(x), at(y))));
        let rays = ndc.map(|ndc| eye.ray(ndc)).filter(|ray| ray.z < -1e-3);
        rays.map(|ray| ray * (eye.height_m / -ray.z)).filter(|p| p.dot(eye.forward) < WANTED.reach_m).collect()
    }

    #[test]
    fn every_ground_point_in_view_lies_in_a_ring_with_room_for_what_shades_it() {
        for (distance_m, pitch_deg) in [(30.0, -5.0), (200.0, -20.0), (900.0, -35.0), (2_000.0, -90.0)] {
            let eye = eye(24.94, distance_m, pitch_deg);
            let cascades = fitted(&eye);
            let points = ground_in_view(&eye);
            assert!(points.len() > 100, "{}", points.len());
            for point in points {
                let covered = cascades.rings().iter().any(|ring| {
                    let map = cascades.map_from_rel(&eye, ring);
                    let up_the_light = Light::morning().toward * (70.0 / Light::morning().toward.z);
                    [point, point + up_the_light].iter().all(|p| map.transform_point3(*p).abs().max_element() <= 1.0)
                });
                assert!(covered, "{point} from {distance_m} m");
            }
        }
    }

    #[test]
    fn rings_grow_with_distance() {
        let cascades = fitted(&eye(24.94, 900.0, -35.0));
        let sizes: Vec<f64> = cascades.rings().iter().map(|ring| cascades.texel_m(ring)).collect();
        assert!(sizes.len() == 3 && sizes[0] < 0.8 * sizes[2] && sizes[0] < 1.5, "{sizes:?}");
    }

    #[test]
    fn tiny_moves_change_nothing() {
        let mut cascades = fitted(&eye(24.94, 900.0, -35.0));
        let before = cascades.rings().to_vec();
        for step in 1..20 {
            let step = f64::from(step);
            cascades.fit(&eye(24.94 + 2e-6 * step, 900.0 + 0.2 * step, -35.0 - 0.01 * step), toward(), &WANTED);
        }
        assert_eq!(cascades.rings(), before);
    }

    #[test]
    fn a_world_point_keeps_its_texel_when_a_ring_moves() {
        let start = eye(24.94, 900.0, -35.0);
        let mut cascades = fitted(&start);
        let ecef = start.ecef_from_rel_point(start.forward * 900.0);
        // Of all pixels of a ring, where within one a point lies.
        let place = |cascades: &Cascades, eye: &Eye| {
            let ring = cascades.rings()[0];
            let at = cascades.map_from_rel(eye, &ring).transform_point3(eye.rel_from_ecef_point(ecef)).truncate();
            (((at + 1.0) * 512.0).fract(), ring)
        };
        let (before, old) = place(&cascades, &start);
        let mut moved = 0;
        for step in 1..40 {
            let eye = eye(24.94 + 1e-4 * f64::from(step), 900.0, -35.0);
            cascades.fit(&eye, toward(), &WANTED);
            let (after, ring) = place(&cascades, &eye);
            moved += u32::from(ring != old);
            if ring.half_m == old.half_m {
                let off = (after - before).abs();
                let off = off.min(1.0 - off);
                assert!(off.max_element() < 1e-3, "{before} {after}");
            }
        }
        assert!(moved > 10, "the ring follows: {moved}");
    }

    #[test]
    fn a_zoom_brings_finer_rings_and_the_sky_leaves_them() {
        let mut cascades = fitted(&eye(24.94, 900.0, -35.0));
        let coarse = cascades.texel_m(&cascades.rings()[0]);
        cascades.fit(&eye(24.94, 90.0, -35.0), toward(), &WANTED);
        assert!(cascades.texel_m(&cascades.rings()[0]) < coarse / 3.0);
        let before = cascades.rings().to_vec();
        // Straight up.
        let mut up = eye(24.94, 90.0, -35.0);
        (up.forward, up.up) = (DVec3::Z, DVec3::Y);
        up.height_m = 500.0;
        cascades.fit(&up, toward(), &WANTED);
        assert_eq!(cascades.rings(), before);
    }
}
