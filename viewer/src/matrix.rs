//! The matrices of a frame, in `f64` until they are handed to the GPU.
//!
//! `rel` is the frame that shaders light in: origin at the eye, axes east, north and up at the camera's target.

use crate::camera::Camera;
use citytwin_geo::{EnuFrame, Geodetic, geodetic_from_ecef};
use glam::{DMat3, DMat4, DVec2, DVec3, DVec4};

/// Where the eye is and what it sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eye {
    pub(crate) eye_ecef: DVec3,
    /// Rotation from ECEF axes to east, north and up at the target.
    rel_from_ecef: DMat3,
    pub(crate) forward: DVec3,
    pub(crate) right: DVec3,
    pub(crate) up: DVec3,
    /// Tangents of half the field of view across the width and across the height.
    pub(crate) tangents: DVec2,
    /// Of the eye above the ellipsoid, metres.
    pub(crate) height_m: f64,
}

impl Eye {
    pub(crate) fn of(camera: &Camera) -> Self {
        let look = camera.look();
        let frame = EnuFrame::new(Geodetic::from_degrees(look.lon, look.lat, look.height_m));
        let [forward, right, up] = camera.axes_enu();
        let eye_ecef = frame.ecef_from_enu.transform_point3(-forward * look.distance_m);
        Self {
            eye_ecef,
            rel_from_ecef: DMat3::from_mat4(frame.enu_from_ecef),
            forward,
            right,
            up,
            tangents: camera.half_tangents(),
            height_m: geodetic_from_ecef(eye_ecef).height_m,
        }
    }

    /// The eye's own frame of a thing placed in ECEF. The large translations cancel here, in `f64`.
    pub(crate) fn rel_from(&self, ecef_from_thing: &DMat4) -> DMat4 {
        let origin = self.rel_from_ecef_point(ecef_from_thing.w_axis.truncate());
        let axes = self.rel_from_ecef * DMat3::from_mat4(*ecef_from_thing);
        DMat4::from_cols(
            axes.x_axis.extend(0.0),
            axes.y_axis.extend(0.0),
            axes.z_axis.extend(0.0),
            DVec4::new(origin.x, origin.y, origin.z, 1.0),
        )
    }

    pub(crate) fn rel_from_ecef_point(&self, ecef: DVec3) -> DVec3 {
        self.rel_from_ecef * (ecef - self.eye_ecef)
    }

    pub(crate) fn rel_from_ecef_direction(&self, ecef: DVec3) -> DVec3 {
        self.rel_from_ecef * ecef
    }

    pub(crate) fn ecef_from_rel_point(&self, rel: DVec3) -> DVec3 {
        self.rel_from_ecef.transpose() * rel + self.eye_ecef
    }

    /// ECEF from the eye's own frame.
    pub(crate) fn ecef_from_rel(&self) -> DMat4 {
        DMat4::from_mat3_translation(self.rel_from_ecef.transpose(), self.eye_ecef)
    }

    /// Direction (not unit) through a point of the canvas in normalised device coordinates, y up.
    pub(crate) fn ray(&self, ndc: DVec2) -> DVec3 {
        self.forward + self.right * (ndc.x * self.tangents.x) + self.up * (ndc.y * self.tangents.y)
    }

    /// Clip space from `rel`: perspective with the usual depth range −1..1.
    pub(crate) fn clip_from_rel(&self, near_m: f64, far_m: f64) -> DMat4 {
        let view = DMat4::from_cols(
            DVec4::new(self.right.x, self.up.x, -self.forward.x, 0.0),
            DVec4::new(self.right.y, self.up.y, -self.forward.y, 0.0),
            DVec4::new(self.right.z, self.up.z, -self.forward.z, 0.0),
            DVec4::W,
        );
        let depth = far_m - near_m;
        let projection = DMat4::from_cols(
            DVec4::new(1.0 / self.tangents.x, 0.0, 0.0, 0.0),
            DVec4::new(0.0, 1.0 / self.tangents.y, 0.0, 0.0),
            DVec4::new(0.0, 0.0, -(far_m + near_m) / depth, -1.0),
            DVec4::new(0.0, 0.0, -2.0 * far_m * near_m / depth, 0.0),
        );
        projection * view
    }
}

/// Blows one pixel at `ndc` up to the whole of clip space: what is drawn through it into a single pixel is what is
/// seen there.
pub(crate) fn pixel_from_clip(ndc: DVec2, viewport_px: DVec2) -> DMat4 {
    // The last column shifts by w, as clip coordinates are not yet divided by it.
    DMat4::from_cols(
        DVec4::new(viewport_px.x, 0.0, 0.0, 0.0),
        DVec4::new(0.0, viewport_px.y, 0.0, 0.0),
        DVec4::Z,
        DVec4::new(-ndc.x * viewport_px.x, -ndc.y * viewport_px.y, 0.0, 1.0),
    )
}

/// Near and far plane for a scene seen between these distances, metres: as tight as the scene allows, for depth
/// precision, and never closer than half a metre.
pub(crate) fn near_far(nearest_m: f64, farthest_m: f64) -> (f64, f64) {
    let far = (farthest_m * 1.05 + 10.0).max(100.0);
    let near = (nearest_m * 0.8).clamp(0.5, far * 0.5);
    (near, far)
}

/// An axis-aligned box in the frame of the tile that holds it, metres.
pub(crate) type Bounds = [[f64; 3]; 2];

/// Distance from a point to a box; 0 inside.
pub(crate) fn distance_to_box(point: DVec3, bounds: &Bounds) -> f64 {
    let [low, high] = bounds.map(DVec3::from);
    (low - point).max(point - high).max(DVec3::ZERO).length()
}

/// Greatest distance from a point to a box's corners.
pub(crate) fn reach_of_box(point: DVec3, bounds: &Bounds) -> f64 {
    let [low, high] = bounds.map(DVec3::from);
    (point - low).abs().max((high - point).abs()).length()
}

/// Lowest and highest corner of a box, metres above the ellipsoid; `None` when that is no number.
pub(crate) fn heights_of_box(ecef_from_box: &DMat4, bounds: &Bounds) -> Option<[f64; 2]> {
    let [low, high] = bounds.map(DVec3::from);
    let mut heights_m = [f64::INFINITY, f64::NEG_INFINITY];
    for corner in 0..8 {
        let pick = |axis: usize| if corner >> axis & 1 == 0 { low[axis] } else { high[axis] };
        let ecef = ecef_from_box.transform_point3(DVec3::new(pick(0), pick(1), pick(2)));
        let height_m = geodetic_from_ecef(ecef).height_m;
        heights_m = [heights_m[0].min(height_m), heights_m[1].max(height_m)];
    }
    heights_m.iter().all(|height_m| height_m.is_finite()).then_some(heights_m)
}

/// Whether a ray meets a box that is grown by `margin` on all sides.
pub(crate) fn ray_meets_box(origin: DVec3, direction: DVec3, bounds: &Bounds, margin: f64) -> bool {
    let [low, high] = bounds.map(DVec3::from);
    let (low, high) = (low - margin, high + margin);
    let (mut enter, mut leave) = (0.0_f64, f64::INFINITY);
    for axis in 0..3 {
        let (o, d) = (origin[axis], direction[axis]);
        if d.abs() < 1e-12 {
            if o < low[axis] || o > high[axis] {
                return false;
            }
            continue;
        }
        let (a, b) = ((low[axis] - o) / d, (high[axis] - o) / d);
        enter = enter.max(a.min(b));
        leave = leave.min(a.max(b));
    }
    enter <= leave
}

/// The first three rows of a matrix as the shaders take them.
pub(crate) fn rows(m: &DMat4) -> [f32; 12] {
    let t = m.transpose();
    let mut out = [0.0; 12];
    for (row, column) in [t.x_axis, t.y_axis, t.z_axis].into_iter().enumerate() {
        for (i, value) in column.to_array().into_iter().enumerate() {
            out[row * 4 + i] = value as f32;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_geo::{LookAt, ecef_from_geodetic};

    fn camera() -> Camera {
        let mut camera = Camera::new();
        camera.set_size_css(800.0, 600.0);
        camera.set_look(LookAt {
            lon: 24.94,
            lat: 60.17,
            height_m: 10.0,
            distance_m: 1000.0,
            heading_deg: 30.0,
            pitch_deg: -40.0,
        });
        camera
    }

    fn ndc(m: &DMat4, p: DVec3) -> DVec3 {
        let clip = *m * p.extend(1.0);
        clip.truncate() / clip.w
    }

    #[test]
    fn the_target_is_in_the_middle_and_the_ray_under_a_pixel_goes_where_it_is_drawn() {
        let camera = camera();
        let eye = Eye::of(&camera);
        let target = ecef_from_geodetic(Geodetic::from_degrees(24.94, 60.17, 10.0));
        let clip_from_rel = eye.clip_from_rel(1.0, 5000.0);
        let middle = ndc(&clip_from_rel, eye.rel_from_ecef_point(target));
        assert!(middle.truncate().length() < 1e-9 && middle.z.abs() < 1.0, "{middle}");
        let at = DVec2::new(0.3, -0.7);
        let p = ndc(&clip_from_rel, eye.ray(at) * 321.0);
        assert!((p.truncate() - at).length() < 1e-12, "{p}");
        assert!((eye.ecef_from_rel_point(eye.rel_from_ecef_point(target)) - target).length() < 1e-8);
        assert!((eye.height_m - 652.8).abs() < 0.5, "{}", eye.height_m);
    }

    #[test]
    fn depth_runs_from_near_to_far() {
        let eye = Eye::of(&camera());
        let m = eye.clip_from_rel(2.0, 900.0);
        assert!((ndc(&m, eye.forward * 2.0).z + 1.0).abs() < 1e-9);
        assert!((ndc(&m, eye.forward * 900.0).z - 1.0).abs() < 1e-9);
    }

    #[test]
    fn positions_keep_a_millimetre_on_the_gpu() {
        let eye = Eye::of(&camera());
        let frame = EnuFrame::new(Geodetic::from_degrees(24.945, 60.172, 0.0));
        let rel_from_tile = eye.rel_from(&frame.ecef_from_enu);
        let r = rows(&rel_from_tile);
        let p = DVec3::new(123.456, -78.9, 12.345);
        let exact = rel_from_tile.transform_point3(p);
        for (row, exact) in r.chunks_exact(4).zip(exact.to_array()) {
            let on_gpu = row[0] * p.x as f32 + row[1] * p.y as f32 + row[2] * p.z as f32 + row[3];
            assert!((f64::from(on_gpu) - exact).abs() < 1e-3, "{on_gpu} {exact}");
        }
    }

    #[test]
    fn a_pixel_blown_up_holds_what_was_seen_there() {
        let eye = Eye::of(&camera());
        let (at, viewport) = (DVec2::new(-0.25, 0.5), DVec2::new(800.0, 600.0));
        let m = pixel_from_clip(at, viewport) * eye.clip_from_rel(1.0, 5000.0);
        assert!(ndc(&m, eye.ray(at) * 100.0).truncate().length() < 1e-9);
        let half_pixel = DVec2::new(1.0 / 800.0, 1.0 / 600.0);
        let edge = ndc(&m, eye.ray(at + half_pixel) * 700.0);
        assert!((edge.truncate() - DVec2::ONE).length() < 1e-9, "{edge}");
    }

    #[test]
    fn boxes_know_their_distance_and_the_rays_that_meet_them() {
        let bounds = [[0.0, 0.0, 0.0], [10.0, 10.0, 10.0]];
        let p = DVec3::new(-3.0, 5.0, 14.0);
        assert!((distance_to_box(p, &bounds) - 5.0).abs() < 1e-12);
        assert_eq!(distance_to_box(DVec3::splat(5.0), &bounds), 0.0);
        assert!((reach_of_box(DVec3::ZERO, &bounds) - 300.0_f64.sqrt()).abs() < 1e-12);
        assert!(ray_meets_box(p, DVec3::new(1.0, 0.0, -1.0), &bounds, 0.0));
        assert!(!ray_meets_box(p, DVec3::new(-1.0, 0.0, 1.0), &bounds, 0.0), "the box is behind");
        assert!(!ray_meets_box(p, DVec3::X, &bounds, 0.0));
        assert!(ray_meets_box(p, DVec3::X, &bounds, 4.1));
    }

    #[test]
    fn a_box_knows_its_heights() {
        let frame = EnuFrame::new(Geodetic::from_degrees(24.945, 60.172, 5.0));
        let heights_m = heights_of_box(&frame.ecef_from_enu, &[[-100.0, -50.0, -2.0], [100.0, 50.0, 40.0]]);
        let [low, high] = heights_m.expect("finite");
        assert!((low - 3.0).abs() < 0.01 && (high - 45.0).abs() < 0.01, "{low} {high}");
        assert_eq!(heights_of_box(&frame.ecef_from_enu, &[[f64::NAN; 3]; 2]), None);
    }

    #[test]
    fn planes_enclose_the_scene() {
        assert_eq!(near_far(0.0, 50_000.0).0, 0.5);
        let (near, far) = near_far(200.0, 3000.0);
        assert!(near > 100.0 && near < 200.0 && far > 3000.0);
        let (near, far) = near_far(f64::INFINITY, 0.0);
        assert!(near < far && far.is_finite());
    }
}
