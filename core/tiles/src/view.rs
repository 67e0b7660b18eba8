//! The eye: where it is, what it sees, and how large an error looks to it.

use citytwin_geo::LookAt;
use glam::DVec3;

/// A perspective camera over a viewport.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The eye, ECEF metres.
    pub eye_ecef: DVec3,
    /// Unit direction of looking, ECEF.
    pub direction_ecef: DVec3,
    /// Unit up vector, ECEF, at a right angle to the direction.
    pub up_ecef: DVec3,
    /// Field of view across the wider side of the viewport, radians, in (0, π).
    pub fov_rad: f64,
    /// Width and height in device pixels, each at least 1.
    pub viewport: [u32; 2],
}

impl View {
    /// The view of a [`LookAt`], with the field of view (degrees) across the wider side of the viewport (pixels).
    pub fn look_at(look_at: &LookAt, fov_deg: f64, viewport: [u32; 2]) -> Self {
        let (eye_ecef, direction_ecef, up_ecef) = look_at.eye_direction_up_ecef();
        Self { eye_ecef, direction_ecef, up_ecef, fov_rad: fov_deg.to_radians(), viewport: viewport.map(|v| v.max(1)) }
    }

    /// Tangents of half the field of view across the width and across the height.
    pub fn half_tangents(&self) -> [f64; 2] {
        let [width, height] = self.viewport.map(|v| f64::from(v.max(1)));
        let per_px = (self.fov_rad / 2.0).tan() / width.max(height);
        [width * per_px, height * per_px]
    }

    /// Field of view across the height, radians.
    pub fn fov_y_rad(&self) -> f64 {
        2.0 * self.half_tangents()[1].atan()
    }

    /// Pixels that one metre covers at a distance of one metre.
    pub fn px_per_tangent(&self) -> f64 {
        let [width, height] = self.viewport.map(|v| f64::from(v.max(1)));
        width.max(height) / (2.0 * (self.fov_rad / 2.0).tan())
    }

    /// Whether every number is finite and in its range.
    pub fn is_valid(&self) -> bool {
        self.eye_ecef.is_finite()
            && self.direction_ecef.is_finite()
            && self.up_ecef.is_finite()
            && self.fov_rad > 0.0
            && self.fov_rad < std::f64::consts::PI
    }

    /// Inward unit normals of the four side planes, all through the eye: left, right, bottom, top (ECEF).
    pub(crate) fn side_normals_ecef(&self) -> [DVec3; 4] {
        let [tan_x, tan_y] = self.half_tangents();
        let right = self.direction_ecef.cross(self.up_ecef);
        let normal = |side: DVec3, tan: f64| (side + self.direction_ecef * tan).normalize_or_zero();
        [normal(right, tan_x), normal(-right, tan_x), normal(self.up_ecef, tan_y), normal(-self.up_ecef, tan_y)]
    }
}
