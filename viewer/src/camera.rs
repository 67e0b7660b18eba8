//! The camera: what it looks at, how drags and zooms move it, and where it may not go.

use citytwin_geo::{EnuFrame, Geodetic, LonLatRect, LookAt};
use glam::{DVec2, DVec3};

/// Field of view across the wider side of the canvas, degrees.
pub(crate) const FOV_DEG: f64 = 60.0;
/// The camera never looks flatter than this, degrees.
const FLATTEST_PITCH_DEG: f64 = -5.0;
/// A ray flatter than this slope is taken to reach the ground at this slope: no drag throws the city to the horizon.
const FLATTEST_SLOPE: f64 = 0.06;
/// Where the camera may be below ground, it may look up as steeply as this, degrees.
const STEEPEST_PITCH_DEG: f64 = 85.0;
/// How near the camera may come to its target, metres.
const NEAREST_M: f64 = 12.0;
/// How far above the ground the eye stays, metres.
const ABOVE_GROUND_M: f64 = 1.0;
/// Padding never leaves less than this part of the canvas free.
const LEAST_FREE: f64 = 0.2;

/// What covers the borders of the canvas, CSS pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Padding {
    /// From the left edge; at least 0, as the others. Default 0.
    pub left: f64,
    /// From the right edge.
    pub right: f64,
    /// From the top edge.
    pub top: f64,
    /// From the bottom edge.
    pub bottom: f64,
}

impl Padding {
    /// Whether every number is finite and not negative.
    pub fn is_valid(&self) -> bool {
        [self.left, self.right, self.top, self.bottom].iter().all(|side| side.is_finite() && *side >= 0.0)
    }
}

/// Where the camera may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Greatest distance to the target, metres.
    farthest_m: f64,
    /// The target stays in here.
    target: Option<LonLatRect>,
    /// Where the ground is, metres above the ellipsoid.
    ground_m: f64,
    /// How far below it the eye may go, metres; 0: it stays above.
    depth_m: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { farthest_m: 12_000_000.0, target: None, ground_m: 0.0, depth_m: 0.0 }
    }
}

impl Limits {
    /// Those of a twin of this extent (west, south, east, north in degrees): the whole of it can be seen with its
    /// surroundings, and a little beyond its border can be looked at.
    pub(crate) fn of_extent(extent: [f64; 4]) -> Self {
        let [west, south, east, north] = extent;
        let frame = EnuFrame::new(Geodetic::from_degrees((west + east) / 2.0, (south + north) / 2.0, 0.0));
        let corner = frame.enu_from_geodetic(Geodetic::from_degrees(east, north, 0.0)).truncate();
        let (pad_lon, pad_lat) = ((east - west) * 0.15, (north - south) * 0.15);
        Self {
            farthest_m: (corner.length() * 5.0).max(3_000.0),
            target: Some(LonLatRect {
                west: (west - pad_lon).max(-180.0),
                south: (south - pad_lat).max(-90.0),
                east: (east + pad_lon).min(180.0),
                north: (north + pad_lat).min(90.0),
            }),
            ..Self::default()
        }
    }

    /// With the ground at a height, metres above the ellipsoid.
    pub(crate) fn with_ground(self, ground_m: f64) -> Self {
        Self { ground_m, ..self }
    }

    /// How low the eye may go, metres above the ellipsoid.
    fn lowest_m(&self) -> f64 {
        self.ground_m + if self.depth_m > 0.0 { -self.depth_m } else { ABOVE_GROUND_M }
    }

    /// The highest that the camera may look, degrees.
    fn flattest_deg(&self) -> f64 {
        if self.depth_m > 0.0 { STEEPEST_PITCH_DEG } else { FLATTEST_PITCH_DEG }
    }
}

/// The camera of a canvas. Points on the ground are metres east and north of the target, in the plane that touches
/// the Earth there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Camera {
    look: LookAt,
    limits: Limits,
    size_css: DVec2,
    padding: Padding,
}

impl Camera {
    pub(crate) fn new() -> Self {
        Self {
            look: LookAt {
                lon: 0.0,
                lat: 0.0,
                height_m: 0.0,
                distance_m: 12_000_000.0,
                heading_deg: 0.0,
                pitch_deg: -90.0,
            },
            limits: Limits::default(),
            size_css: DVec2::new(300.0, 150.0),
            padding: Padding::default(),
        }
    }

    pub(crate) fn look(&self) -> LookAt {
        self.look
    }

    pub(crate) fn size_css(&self) -> DVec2 {
        self.size_css
    }

    pub(crate) fn set_size_css(&mut self, width: f64, height: f64) {
        self.size_css = DVec2::new(width.max(1.0), height.max(1.0));
    }

    /// How far below ground it may go is kept.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = Limits { depth_m: self.limits.depth_m, ..limits };
        self.look = self.clamped(self.look);
    }

    /// Says where the ground is under the eye, metres above the ellipsoid.
    pub(crate) fn set_ground(&mut self, ground_m: f64) {
        if self.limits.ground_m != ground_m {
            self.limits.ground_m = ground_m;
            self.look = self.clamped(self.look);
        }
    }

    /// How far below ground the eye may go, metres.
    pub(crate) fn depth_m(&self) -> f64 {
        self.limits.depth_m
    }

    /// Lets the eye go so far below ground, metres; 0 keeps it above.
    pub(crate) fn set_depth(&mut self, depth_m: f64) {
        self.limits.depth_m = depth_m.max(0.0);
        self.look = self.clamped(self.look);
    }

    /// Says what covers the borders of the canvas.
    pub(crate) fn set_padding(&mut self, padding: Padding) {
        if padding.is_valid() {
            self.padding = padding;
        }
    }

    /// The middle of what is free of the canvas, CSS pixels.
    pub(crate) fn middle_css(&self) -> DVec2 {
        let Padding { left, right, top, bottom } = self.padding;
        let middle = |size: f64, before: f64, after: f64| {
            let most = (1.0 - LEAST_FREE) * size;
            let scale = if before + after > most { most / (before + after) } else { 1.0 };
            (size + (before - after) * scale) / 2.0
        };
        DVec2::new(middle(self.size_css.x, left, right), middle(self.size_css.y, top, bottom))
    }

    /// The view that shows the target of another in the middle of what is free.
    pub(crate) fn padded(&self, look: LookAt) -> LookAt {
        let mut camera = *self;
        camera.look = self.clamped(look);
        let at = camera.ground_under(camera.middle_css()).clamp_length_max(2.0 * look.distance_m);
        if at.length() > 1e-9 * look.distance_m {
            camera.shift(-at);
        }
        camera.look
    }

    /// The view turned to a heading (degrees) around the middle of what is free.
    pub(crate) fn headed(&self, heading_deg: f64) -> LookAt {
        let mut camera = *self;
        camera.turn_around(self.middle_css(), heading_deg - self.look.heading_deg);
        LookAt { heading_deg, ..camera.look }
    }

    /// Jumps; an invalid view is ignored.
    pub(crate) fn set_look(&mut self, look: LookAt) {
        if look.is_valid() {
            self.look = self.clamped(look);
        }
    }

    /// The nearest view within the limits.
    pub(crate) fn clamped(&self, look: LookAt) -> LookAt {
        let mut look = LookAt {
            distance_m: look.distance_m.clamp(NEAREST_M, self.limits.farthest_m),
            heading_deg: look.heading_deg.rem_euclid(360.0),
            pitch_deg: look.pitch_deg.clamp(-90.0, self.limits.flattest_deg()),
            ..look
        };
        // The eye is this many sines of the pitch below the target; it may be so far below that it reaches its lowest.
        let below_m = look.height_m - self.limits.lowest_m();
        look.height_m += (-look.distance_m - below_m).max(0.0);
        let steepest = (below_m / look.distance_m).clamp(-1.0, 1.0).asin().to_degrees();
        look.pitch_deg = look.pitch_deg.min(steepest);
        if let Some(rect) = self.limits.target {
            look.lon = look.lon.clamp(rect.west, rect.east);
            look.lat = look.lat.clamp(rect.south, rect.north);
        }
        look
    }

    /// Tangents of half the field of view across the width and across the height.
    pub(crate) fn half_tangents(&self) -> DVec2 {
        self.size_css * ((FOV_DEG.to_radians() / 2.0).tan() / self.size_css.max_element())
    }

    /// Unit directions of looking, to the right and up, in east-north-up axes at the target.
    pub(crate) fn axes_enu(&self) -> [DVec3; 3] {
        let (sin_h, cos_h) = self.look.heading_deg.to_radians().sin_cos();
        let (sin_p, cos_p) = self.look.pitch_deg.to_radians().sin_cos();
        let forward = DVec3::new(sin_h * cos_p, cos_h * cos_p, sin_p);
        let up = DVec3::new(-sin_h * sin_p, -cos_h * sin_p, cos_p);
        [forward, forward.cross(up), up]
    }

    /// Unit direction (east-north-up axes at the target) from the eye through a point of the canvas.
    pub(crate) fn ray_enu(&self, at_css: DVec2) -> DVec3 {
        let [forward, right, up] = self.axes_enu();
        let ndc = (at_css / self.size_css * 2.0 - 1.0) * self.half_tangents();
        (forward + right * ndc.x - up * ndc.y).normalize()
    }

    /// The ground under a point of the canvas, metres from the target; points at or above the horizon give a far
    /// point below them.
    pub(crate) fn ground_under(&self, at_css: DVec2) -> DVec2 {
        let eye = -self.axes_enu()[0] * self.look.distance_m;
        let ray = self.ray_enu(at_css);
        let flat = ray.truncate().length().max(1e-9);
        // From below, the ground is up; an eye in its plane counts as a little off it.
        let slope = (-ray.z * eye.z.signum() / flat).max(FLATTEST_SLOPE);
        let away_m = eye.z.abs().max(self.look.distance_m * (-FLATTEST_PITCH_DEG).to_radians().sin());
        eye.truncate() + ray.truncate() / flat * (away_m / slope)
    }

    /// Longitude and latitude (degrees) of the ground under the corners of the canvas, clockwise from its top left.
    pub(crate) fn ground_in_view(&self) -> [(f64, f64); 4] {
        let frame = EnuFrame::new(Geodetic::from_degrees(self.look.lon, self.look.lat, self.look.height_m));
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|corner| {
            let ground = self.ground_under(DVec2::from(corner) * self.size_css);
            let at = frame.geodetic_from_enu(ground.extend(0.0));
            (at.lon(), at.lat())
        })
    }

    /// Metres that one CSS pixel covers at the target, across the line of sight.
    pub(crate) fn metres_per_px(&self) -> f64 {
        2.0 * self.half_tangents().x * self.look.distance_m / self.size_css.x
    }

    /// Moves the target over the ground, metres east and north.
    pub(crate) fn shift(&mut self, by_m: DVec2) {
        let frame = EnuFrame::new(Geodetic::from_degrees(self.look.lon, self.look.lat, self.look.height_m));
        let to = frame.geodetic_from_enu(by_m.extend(0.0));
        self.look = self.clamped(LookAt { lon: to.lon(), lat: to.lat(), ..self.look });
    }

    /// Drags the ground from one point of the canvas to another. Returns how the target moved, metres.
    pub(crate) fn drag(&mut self, from_css: DVec2, to_css: DVec2) -> DVec2 {
        let by = self.ground_under(from_css) - self.ground_under(to_css);
        self.shift(by);
        by
    }

    /// Multiplies the distance, keeping the ground under a point of the canvas where it is.
    pub(crate) fn zoom(&mut self, factor: f64, at_css: DVec2) {
        let distance_m = (self.look.distance_m * factor).clamp(NEAREST_M, self.limits.farthest_m);
        let factor = distance_m / self.look.distance_m;
        let anchor = self.ground_under(at_css).clamp_length_max(4.0 * self.look.distance_m);
        self.look.distance_m = distance_m;
        self.shift(anchor * (1.0 - factor));
    }

    /// Turns the camera around its target: heading clockwise and pitch upwards, degrees.
    pub(crate) fn orbit(&mut self, heading_deg: f64, pitch_deg: f64) {
        self.look = self.clamped(LookAt {
            heading_deg: self.look.heading_deg + heading_deg,
            pitch_deg: self.look.pitch_deg + pitch_deg,
            ..self.look
        });
    }

    /// Turns the camera clockwise (degrees) around the ground under a point of the canvas.
    pub(crate) fn turn_around(&mut self, at_css: DVec2, clockwise_deg: f64) {
        let pivot = self.ground_under(at_css).clamp_length_max(4.0 * self.look.distance_m);
        let turned = DVec2::from_angle(-clockwise_deg.to_radians()).rotate(-pivot);
        self.orbit(clockwise_deg, 0.0);
        self.shift(pivot + turned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CENTER: DVec2 = DVec2::new(400.0, 300.0);

    fn camera() -> Camera {
        let mut camera = Camera::new();
        camera.set_size_css(800.0, 600.0);
        camera.set_look(LookAt {
            lon: 24.94,
            lat: 60.17,
            height_m: 0.0,
            distance_m: 1000.0,
            heading_deg: 30.0,
            pitch_deg: -40.0,
        });
        camera
    }

    /// Where a canvas point's ground lies, degrees.
    fn lonlat(camera: &Camera, at: DVec2) -> DVec2 {
        let look = camera.look();
        let frame = EnuFrame::new(Geodetic::from_degrees(look.lon, look.lat, 0.0));
        let p = frame.geodetic_from_enu(camera.ground_under(at).extend(0.0));
        DVec2::new(p.lon(), p.lat())
    }

    /// About a centimetre at 60° north.
    const CM_DEG: f64 = 2e-7;

    #[test]
    fn the_middle_of_the_canvas_is_the_target() {
        assert!(camera().ground_under(CENTER).length() < 1e-6);
    }

    #[test]
    fn the_ground_in_view_lies_around_the_target_and_wider_at_the_top() {
        let corners = camera().ground_in_view();
        let [top_left, top_right, bottom_right, bottom_left] = corners.map(DVec2::from);
        assert!((top_left - lonlat(&camera(), DVec2::ZERO)).length() < CM_DEG);
        let target = DVec2::new(24.94, 60.17);
        assert!(top_left.distance(top_right) > bottom_left.distance(bottom_right));
        // Looking north-east: what is far away lies there.
        let (far, near) = ((top_left + top_right) / 2.0 - target, (bottom_left + bottom_right) / 2.0 - target);
        assert!(far.x > 0.0 && far.y > 0.0 && near.x < 0.0 && near.y < 0.0, "{far} {near}");
    }

    #[test]
    fn a_drag_keeps_the_ground_under_the_pointer() {
        let mut camera = camera();
        let (from, to) = (DVec2::new(200.0, 350.0), DVec2::new(500.0, 480.0));
        let before = lonlat(&camera, from);
        camera.drag(from, to);
        // The tangent plane moves with the target: over half a kilometre the difference is a few centimetres.
        assert!((lonlat(&camera, to) - before).length() < 20.0 * CM_DEG, "{before} {}", lonlat(&camera, to));
    }

    #[test]
    fn a_zoom_keeps_the_ground_under_the_pointer() {
        let mut camera = camera();
        let at = DVec2::new(620.0, 410.0);
        let before = lonlat(&camera, at);
        camera.zoom(0.4, at);
        assert!((camera.look().distance_m - 400.0).abs() < 1e-9);
        assert!((lonlat(&camera, at) - before).length() < 20.0 * CM_DEG);
    }

    #[test]
    fn a_turn_keeps_the_ground_under_the_fingers() {
        let mut camera = camera();
        let at = DVec2::new(300.0, 450.0);
        let before = lonlat(&camera, at);
        camera.turn_around(at, 25.0);
        assert!((camera.look().heading_deg - 55.0).abs() < 1e-9);
        // Turning moves the ground point on the canvas only by perspective of the same distance: it stays put.
        assert!((lonlat(&camera, at) - before).length() < 20.0 * CM_DEG, "{before} {}", lonlat(&camera, at));
    }

    #[test]
    fn the_eye_stays_above_the_ground_whatever_is_asked() {
        let mut camera = camera();
        camera.orbit(500.0, 300.0);
        camera.zoom(1e-9, CENTER);
        let look = camera.look();
        assert_eq!(look.pitch_deg, FLATTEST_PITCH_DEG);
        assert_eq!(look.distance_m, NEAREST_M);
        assert!((-look.pitch_deg).to_radians().sin() * look.distance_m > 1.0);
        assert!((0.0..360.0).contains(&look.heading_deg));
        camera.orbit(0.0, -500.0);
        assert_eq!(camera.look().pitch_deg, -90.0);
    }

    #[test]
    fn no_view_that_is_asked_for_puts_the_eye_below_ground() {
        let eye_m = |look: LookAt| look.height_m - look.pitch_deg.to_radians().sin() * look.distance_m;
        let mut camera = camera();
        for (height_m, distance_m, pitch_deg) in
            [(-100.0, 12.0, -40.0), (-5.0, 12.0, -6.0), (-300.0, 200.0, -90.0), (-1e6, 12.0, -5.0)]
        {
            camera.set_look(LookAt { height_m, distance_m, pitch_deg, ..camera.look() });
            assert!(eye_m(camera.look()) > 0.99, "{height_m} {distance_m} {:?}", camera.look());
        }
        // A twin whose ground lies lower.
        camera.set_limits(Limits::default().with_ground(-40.0));
        camera.set_look(LookAt { height_m: -35.0, distance_m: 20.0, pitch_deg: -30.0, ..camera.look() });
        assert_eq!((camera.look().height_m, camera.look().pitch_deg), (-35.0, -30.0));
        // Allowed below, it may look up and go so far.
        camera.set_limits(Limits::default());
        camera.set_depth(50.0);
        camera.set_look(LookAt { height_m: 0.0, distance_m: 40.0, pitch_deg: 30.0, ..camera.look() });
        assert!((eye_m(camera.look()) + 20.0).abs() < 1e-9, "{:?}", camera.look());
        camera.orbit(0.0, 500.0);
        assert_eq!(camera.look().pitch_deg, STEEPEST_PITCH_DEG);
        camera.zoom(100.0, CENTER);
        assert!((eye_m(camera.look()) + 50.0).abs() < 1e-6, "{:?}", camera.look());
        camera.set_depth(0.0);
        assert!(eye_m(camera.look()) > 0.99);
    }

    #[test]
    fn from_below_the_ground_is_dragged_and_zoomed_as_from_above() {
        let mut camera = camera();
        camera.set_depth(5000.0);
        camera.orbit(0.0, 80.0);
        assert_eq!(camera.look().pitch_deg, 40.0);
        assert!(camera.ground_under(CENTER).length() < 1e-6);
        let (from, to) = (DVec2::new(300.0, 250.0), DVec2::new(500.0, 180.0));
        let before = lonlat(&camera, from);
        camera.drag(from, to);
        assert!((lonlat(&camera, to) - before).length() < 40.0 * CM_DEG, "{before} {}", lonlat(&camera, to));
        camera.orbit(0.0, -40.0);
        assert!(camera.drag(CENTER, DVec2::new(420.0, 310.0)).length() > 1.0, "in the plane itself too");
    }

    #[test]
    fn padding_puts_the_target_into_the_middle_of_what_is_free() {
        let mut camera = camera();
        let target = LookAt { heading_deg: 70.0, distance_m: 600.0, ..camera.look() };
        assert_eq!(camera.padded(target), camera.clamped(target));
        for padding in [
            Padding { left: 320.0, ..Padding::default() },
            Padding { bottom: 300.0, ..Padding::default() },
            Padding { left: 100.0, right: 20.0, top: 50.0, bottom: 70.0 },
        ] {
            camera.set_padding(padding);
            let mut there = camera;
            there.look = camera.padded(target);
            let at = lonlat(&there, there.middle_css());
            assert!((at - DVec2::new(target.lon, target.lat)).length() < 20.0 * CM_DEG, "{padding:?} {at}");
            assert_eq!((there.look.distance_m, there.look.heading_deg), (600.0, 70.0));
            // Turning keeps it there.
            there.look = there.headed(0.0);
            assert!((lonlat(&there, there.middle_css()) - at).length() < 40.0 * CM_DEG);
        }
        camera.set_padding(Padding { left: 320.0, ..Padding::default() });
        assert_eq!(camera.middle_css(), DVec2::new(560.0, 300.0));
        camera.set_padding(Padding { left: 5000.0, right: 5000.0, ..Padding::default() });
        assert_eq!(camera.middle_css(), CENTER, "some of it stays free");
        camera.set_padding(Padding { left: f64::NAN, ..Padding::default() });
        assert_eq!(camera.middle_css(), CENTER);
    }

    #[test]
    fn the_target_stays_near_the_twin() {
        let mut camera = camera();
        camera.set_limits(Limits::of_extent([24.93, 60.16, 24.95, 60.18]));
        for _ in 0..50 {
            camera.drag(DVec2::new(10.0, 300.0), DVec2::new(790.0, 300.0));
        }
        camera.zoom(1e9, CENTER);
        let look = camera.look();
        assert!((24.925..24.955).contains(&look.lon) && (60.155..60.185).contains(&look.lat), "{look:?}");
        assert!((3000.0..20_000.0).contains(&look.distance_m), "{look:?}");
    }

    #[test]
    fn a_drag_beyond_the_horizon_stays_finite() {
        let mut camera = camera();
        camera.orbit(0.0, 35.0);
        let by = camera.drag(DVec2::new(400.0, 1.0), DVec2::new(400.0, 599.0));
        assert!(by.is_finite() && by.length() < 10_000.0, "{by}");
        camera.set_look(LookAt { lat: f64::NAN, ..camera.look() });
        assert!(camera.look().is_valid());
    }
}
