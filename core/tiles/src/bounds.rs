//! Bounding volumes placed on the Earth: how far away they are, and whether a view can see them.

use crate::hull::Hull;
use crate::s2::Cell;
use crate::{View, Volume};
use citytwin_geo::{EnuFrame, Geodetic, WGS84_A, ecef_from_geodetic, geodetic_from_ecef};
use glam::{DMat4, DVec3};
use std::f64::consts::{PI, TAU};

/// The planes of a view, as bits: those that still may cut a volume.
pub(crate) const ALL_PLANES: u8 = 0b1_1111;

/// A [`View`], prepared for many questions.
#[derive(Clone, Debug)]
pub(crate) struct Eye {
    pub(crate) position: DVec3,
    pub(crate) direction: DVec3,
    geodetic: Geodetic,
    /// Inward normals of planes through the eye: the four sides of the frustum, and what lies behind.
    planes: [DVec3; 5],
    px_per_tangent: f64,
}

impl Eye {
    pub(crate) fn new(view: &View) -> Self {
        let [left, right, bottom, top] = view.side_normals_ecef();
        Self {
            position: view.eye_ecef,
            direction: view.direction_ecef,
            geodetic: geodetic_from_ecef(view.eye_ecef),
            // A large thing behind the eye reaches over every side plane there, but not over the one across.
            planes: [left, right, bottom, top, view.direction_ecef],
            px_per_tangent: view.px_per_tangent(),
        }
    }

    /// Pixels that `error_m` covers at `distance_m`; inside of a volume (distance 0) very many.
    pub(crate) fn error_px(&self, error_m: f64, distance_m: f64) -> f64 {
        error_m * self.px_per_tangent / distance_m.max(1e-7)
    }
}

/// A bounding volume in ECEF metres.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) center: DVec3,
    /// Of a sphere around the centre that holds the volume.
    pub(crate) radius: f64,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Everywhere,
    Sphere,
    Box(OrientedBox),
    /// The region itself, for distances, and a box around it, for culling.
    Region(Box<([f64; 6], OrientedBox)>),
    Hull(Box<Hull>),
}

/// Unit axes (zero where the box is flat) and half lengths.
#[derive(Clone, Debug)]
struct OrientedBox {
    axes: [DVec3; 3],
    half: [f64; 3],
}

impl Bounds {
    /// Seen from everywhere, at no distance.
    pub(crate) const EVERYWHERE: Self = Self { center: DVec3::ZERO, radius: f64::INFINITY, shape: Shape::Everywhere };

    /// Places a tile's volume; a region stays where it is.
    pub(crate) fn new(volume: &Volume, ecef_from_tile: &DMat4) -> Self {
        match volume {
            Volume::Box(v) => {
                let axis = |i: usize| ecef_from_tile.transform_vector3(DVec3::new(v[i], v[i + 1], v[i + 2]));
                Self::oriented(
                    ecef_from_tile.transform_point3(DVec3::new(v[0], v[1], v[2])),
                    [axis(3), axis(6), axis(9)],
                )
            }
            Volume::Sphere([x, y, z, radius]) => Self {
                center: ecef_from_tile.transform_point3(DVec3::new(*x, *y, *z)),
                radius: radius * max_scale(ecef_from_tile),
                shape: Shape::Sphere,
            },
            Volume::Region(region) => Self::region(region),
            Volume::S2 { cell, heights_m } => {
                let hull = Cell::from_id(*cell).hull(*heights_m);
                Self { center: hull.center, radius: hull.radius(), shape: Shape::Hull(Box::new(hull)) }
            }
        }
    }

    fn oriented(center: DVec3, half_axes: [DVec3; 3]) -> Self {
        let half = half_axes.map(DVec3::length);
        let axes = half_axes.map(DVec3::normalize_or_zero);
        // Corners of a skewed box lie beyond the diagonal of its half lengths, but never beyond their sum.
        let skewed = axes[0].dot(axes[1]).abs() + axes[1].dot(axes[2]).abs() + axes[2].dot(axes[0]).abs() > 1e-6;
        let radius = if skewed { half.iter().sum() } else { DVec3::from_array(half).length() };
        Self { center, radius, shape: Shape::Box(OrientedBox { axes, half }) }
    }

    fn region(region: &[f64; 6]) -> Self {
        let [west, south, east, north, low, high] = *region;
        let width = width_rad(west, east);
        if width > PI / 2.0 || north - south > PI / 2.0 {
            // Too curved for a box that is worth having: the whole Earth up to that height.
            let half = WGS84_A + high.max(0.0);
            let whole = OrientedBox { axes: [DVec3::X, DVec3::Y, DVec3::Z], half: [half; 3] };
            return Self { center: DVec3::ZERO, radius: half, shape: Shape::Region(Box::new((*region, whole))) };
        }
        let middle = Geodetic { lon_rad: west + width / 2.0, lat_rad: (south + north) / 2.0, height_m: 0.0 };
        let frame = EnuFrame::new(middle);
        let (mut least, mut most) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
        // Edges bulge: corners, edge middles and, should it be inside, the equator touch every side of the box.
        let latitudes = [south, middle.lat_rad, north, 0.0f64.clamp(south, north)];
        for lat_rad in latitudes {
            for lon_rad in [west, middle.lon_rad, west + width] {
                for height_m in [low, high] {
                    let p = frame.enu_from_geodetic(Geodetic { lon_rad, lat_rad, height_m });
                    least = least.min(p);
                    most = most.max(p);
                }
            }
        }
        let center = frame.ecef_from_enu.transform_point3((least + most) / 2.0);
        let half = (most - least) / 2.0;
        let axes = [frame.ecef_from_enu.x_axis, frame.ecef_from_enu.y_axis, frame.ecef_from_enu.z_axis];
        let around = OrientedBox { axes: axes.map(|a| a.truncate()), half: half.to_array() };
        Self { center, radius: half.length(), shape: Shape::Region(Box::new((*region, around))) }
    }

    /// Metres from the eye to the nearest point; 0 inside.
    pub(crate) fn distance(&self, eye: &Eye) -> f64 {
        match &self.shape {
            Shape::Region(region) => region_distance(&region.0, eye.position, eye.geodetic),
            _ => self.distance_to(eye.position),
        }
    }

    /// Metres from a point to the nearest point; 0 inside.
    pub(crate) fn distance_to(&self, p: DVec3) -> f64 {
        match &self.shape {
            Shape::Everywhere => 0.0,
            Shape::Sphere => ((p - self.center).length() - self.radius).max(0.0),
            Shape::Box(oriented) => oriented.distance(p - self.center),
            Shape::Region(region) => region_distance(&region.0, p, geodetic_from_ecef(p)),
            Shape::Hull(hull) => hull.distance(p),
        }
    }

    /// Corners of a box that shows where it is, for people: its own, or of a box around it. Corner `i` lies on the far
    /// side of axis `k` where bit `k` of `i` is set. `None` of what is everywhere.
    pub(crate) fn corners(&self) -> Option<[DVec3; 8]> {
        match &self.shape {
            Shape::Everywhere => None,
            Shape::Sphere => Some(std::array::from_fn(|i| self.center + signs(i) * self.radius)),
            Shape::Box(oriented) => Some(oriented.corners(self.center)),
            Shape::Region(region) => Some(region.1.corners(self.center)),
            Shape::Hull(hull) => {
                let corners = hull.corners();
                // Those of the hull go around its top, then around its bottom.
                Some([4, 5, 7, 6, 0, 1, 3, 2].map(|i: usize| corners[i]))
            }
        }
    }

    /// Points on the surface that tell how far it reaches; none of what is everywhere.
    pub(crate) fn points(&self) -> Vec<DVec3> {
        match &self.shape {
            Shape::Everywhere => Vec::new(),
            Shape::Sphere => {
                let diagonals = (0..8).map(|i| signs(i).normalize());
                let axes = DVec3::AXES.into_iter().flat_map(|axis| [axis, -axis]);
                diagonals.chain(axes).map(|direction| self.center + direction * self.radius).collect()
            }
            Shape::Box(oriented) => oriented.corners(self.center).to_vec(),
            Shape::Region(region) => {
                let [west, south, east, north, low, high] = region.0;
                let (middle_lon, middle_lat) = (west + width_rad(west, east) / 2.0, (south + north) / 2.0);
                let at = |lon_rad, lat_rad, height_m| ecef_from_geodetic(Geodetic { lon_rad, lat_rad, height_m });
                let ring = [west, middle_lon, east].map(|lon| [south, middle_lat, north].map(|lat| (lon, lat)));
                let ring = ring.into_iter().flatten();
                ring.flat_map(|(lon, lat)| [at(lon, lat, low), at(lon, lat, high)]).collect()
            }
            Shape::Hull(hull) => hull.corners().to_vec(),
        }
    }

    /// Whether the eye is inside.
    pub(crate) fn contains(&self, eye: &Eye) -> bool {
        self.distance(eye) <= 0.0
    }

    /// `None` when it lies wholly behind one of the planes; else the planes that cut it, which are the only ones to
    /// ask of things inside of it.
    pub(crate) fn cull(&self, eye: &Eye, planes: u8) -> Option<u8> {
        if matches!(self.shape, Shape::Everywhere) {
            return Some(planes);
        }
        let to_center = self.center - eye.position;
        let mut cut = 0;
        for (i, normal) in eye.planes.iter().enumerate().filter(|(i, _)| planes >> i & 1 == 1) {
            let depth = normal.dot(to_center);
            // The sphere settles most cases without the box.
            if depth >= self.radius {
                continue;
            }
            // Towards the plane's inner side, and away from it.
            let [inwards, outwards] = match &self.shape {
                Shape::Box(oriented) => [oriented.reach(*normal); 2],
                Shape::Region(region) => [region.1.reach(*normal); 2],
                Shape::Hull(hull) => [hull.reach(*normal), hull.reach(-*normal)],
                Shape::Sphere | Shape::Everywhere => [self.radius; 2],
            };
            if depth < -inwards {
                return None;
            }
            if depth < outwards {
                cut |= 1 << i;
            }
        }
        Some(cut)
    }
}

/// Towards corner `i` of a box: bit `k` set is the far side of axis `k`.
fn signs(i: usize) -> DVec3 {
    DVec3::from_array([1, 2, 4].map(|bit| if i & bit == 0 { -1.0 } else { 1.0 }))
}

impl OrientedBox {
    /// In the order of [`Bounds::corners`].
    fn corners(&self, center: DVec3) -> [DVec3; 8] {
        std::array::from_fn(|i| {
            let parts = self.axes.into_iter().zip(self.half).zip(signs(i).to_array());
            center + parts.map(|((axis, half), sign)| axis * half * sign).sum::<DVec3>()
        })
    }

    /// From the nearest point to `p`, which is relative to the centre.
    fn distance(&self, p: DVec3) -> f64 {
        let mut squared = 0.0;
        let mut rest = p;
        for (axis, half) in self.axes.iter().zip(self.half) {
            let along = axis.dot(p);
            rest -= *axis * along;
            squared += (along.abs() - half).max(0.0).powi(2);
        }
        // What no axis explains is the way out of a flat box; of a box with three axes it is rounding.
        if self.half.contains(&0.0) {
            squared += rest.length_squared();
        }
        squared.sqrt()
    }

    /// How far it reaches from its centre towards a plane.
    fn reach(&self, normal: DVec3) -> f64 {
        self.axes.iter().zip(self.half).map(|(axis, half)| axis.dot(normal).abs() * half).sum()
    }
}

/// Largest factor by which the transform stretches a length.
pub(crate) fn max_scale(m: &DMat4) -> f64 {
    let squared = [m.x_axis, m.y_axis, m.z_axis].map(|a| a.truncate().length_squared());
    squared.into_iter().fold(0.0, f64::max).sqrt()
}

/// From west to east, across the antimeridian if need be; never negative, however odd the longitudes are.
fn width_rad(west: f64, east: f64) -> f64 {
    if east < west { (east - west).rem_euclid(TAU) } else { east - west }
}

/// To the point of the region with a position's longitude, latitude and height, as far as the region has them: exact
/// next to the region, and a little too long from afar.
fn region_distance(region: &[f64; 6], position: DVec3, geodetic: Geodetic) -> f64 {
    let [west, south, east, north, low, high] = *region;
    let half_width = width_rad(west, east) / 2.0;
    let off_middle = (geodetic.lon_rad - west - half_width + PI).rem_euclid(TAU) - PI;
    let nearest = Geodetic {
        lon_rad: west + half_width + off_middle.clamp(-half_width, half_width),
        lat_rad: geodetic.lat_rad.clamp(south, north),
        height_m: geodetic.height_m.clamp(low, high),
    };
    if off_middle.abs() <= half_width && nearest.lat_rad == geodetic.lat_rad && nearest.height_m == geodetic.height_m {
        return 0.0;
    }
    (ecef_from_geodetic(nearest) - position).length()
}

impl Volume {
    /// The implicit tile (`level`, `x`, `y`, `z`) of a root with this volume; `None` for spheres, which do not
    /// subdivide, and beyond the last level of the S2 grid. Quadtrees keep the whole third extent.
    pub(crate) fn subdivided(&self, octree: bool, level: u32, [x, y, z]: [u32; 3]) -> Option<Self> {
        let size = 0.5f64.powi(level.try_into().unwrap_or(i32::MAX));
        let z_part = if octree { (z, size) } else { (0, 1.0) };
        let parts = [(x, size), (y, size), z_part];
        match self {
            Self::Sphere(_) => None,
            Self::S2 { cell, heights_m: [low, high] } => {
                let part = Cell::from_id(*cell).part(level, x, y)?;
                let (z, size) = parts[2];
                let height = |z: f64| low + (high - low) * size * z;
                Some(Self::S2 { cell: part.id(), heights_m: [height(f64::from(z)), height(f64::from(z) + 1.0)] })
            }
            Self::Box(v) => {
                let mut out = *v;
                for (axis, (i, size)) in parts.into_iter().enumerate() {
                    // From −1 to 1 along the half axis.
                    let middle = (2.0 * f64::from(i) + 1.0) * size - 1.0;
                    for c in 0..3 {
                        let half = v[3 + axis * 3 + c];
                        out[c] += half * middle;
                        out[3 + axis * 3 + c] = half * size;
                    }
                }
                Some(Self::Box(out))
            }
            Self::Region([west, south, east, north, low, high]) => {
                let span = |from: f64, extent: f64, (i, size): (u32, f64)| {
                    (from + extent * size * f64::from(i), from + extent * size * (f64::from(i) + 1.0))
                };
                let (w, e) = span(*west, width_rad(*west, *east), parts[0]);
                let (s, n) = span(*south, north - south, parts[1]);
                let (l, h) = span(*low, high - low, parts[2]);
                let wrap = |lon: f64| if lon > PI { lon - TAU } else { lon };
                Some(Self::Region([wrap(w), s, wrap(e), n, l, h]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_geo::LookAt;

    /// 100 m south of Helsinki's centre, looking north along the ground, 90° across.
    fn eye() -> (Eye, EnuFrame) {
        let (lon, lat) = (24.945, 60.17);
        let look_at = LookAt { lon, lat, height_m: 0.0, distance_m: 100.0, heading_deg: 0.0, pitch_deg: 0.0 };
        let view = View::look_at(&look_at, 90.0, [1000, 1000]);
        (Eye::new(&view), EnuFrame::new(Geodetic::from_degrees(lon, lat, 0.0)))
    }

    #[test]
    fn corners_that_differ_in_one_bit_share_an_edge() {
        let region = Volume::Region([0.43, 1.05, 0.4301, 1.0501, 0.0, 50.0]);
        let cell = Volume::S2 { cell: Cell::from_id(0x4692_0000_0000_0000).id(), heights_m: [0.0, 50.0] };
        for volume in [boxed([1.0, 2.0, 3.0], [30.0, 20.0, 10.0]), Volume::Sphere([1.0, 2.0, 3.0, 5.0]), region, cell] {
            let bounds = Bounds::new(&volume, &DMat4::IDENTITY);
            let corners = bounds.corners().unwrap();
            assert!(corners.iter().all(|corner| bounds.distance_to(*corner) <= bounds.radius), "{volume:?}");
            for i in 0..8_usize {
                let across = corners[i].distance(corners[7 - i]);
                for other in [1, 2, 4].map(|bit| i ^ bit) {
                    assert!(corners[i].distance(corners[other]) < across, "{volume:?}: {i} to {other}");
                }
            }
        }
        assert_eq!(Bounds::EVERYWHERE.corners(), None);
    }

    fn boxed(center: [f64; 3], half: [f64; 3]) -> Volume {
        let ([x, y, z], [a, b, c]) = (center, half);
        Volume::Box([x, y, z, a, 0.0, 0.0, 0.0, b, 0.0, 0.0, 0.0, c])
    }

    #[test]
    fn a_region_of_absurd_numbers_still_has_a_distance() {
        let (eye, _) = eye();
        for region in [
            [67944870877505.0, 0.2, 0.7, 0.3, -16.0, 783.0],
            [-1e300, -1e300, 1e300, 1e300, -1e300, 1e300],
            [1e300, 0.0, -1e300, 0.0, 0.0, 0.0],
        ] {
            let distance = Bounds::new(&Volume::Region(region), &DMat4::IDENTITY).distance(&eye);
            assert!(distance >= 0.0, "{region:?}: {distance}");
        }
    }

    #[test]
    fn distance_is_to_the_nearest_face_edge_or_corner() {
        let (eye, frame) = eye();
        for (center, half, expected) in [
            ([0.0, 0.0, 0.0], [10.0, 10.0, 10.0], 90.0),
            ([0.0, -100.0, 0.0], [10.0, 10.0, 10.0], 0.0),
            ([13.0, -100.0, 14.0], [10.0, 10.0, 10.0], 5.0),
            ([0.0, -100.0, 5.0], [10.0, 10.0, 0.0], 5.0),
            ([3.0, -100.0, 4.0], [0.0, 10.0, 0.0], 5.0),
        ] {
            let bounds = Bounds::new(&boxed(center, half), &frame.ecef_from_enu);
            assert!((bounds.distance(&eye) - expected).abs() < 1e-6, "{center:?} {half:?}: {}", bounds.distance(&eye));
        }
        let sphere = Bounds::new(&Volume::Sphere([0.0, 0.0, 0.0, 30.0]), &frame.ecef_from_enu);
        assert!((sphere.distance(&eye) - 70.0).abs() < 1e-6);
    }

    #[test]
    fn only_what_the_frustum_touches_is_visible() {
        let (eye, frame) = eye();
        for (center, half, visible) in [
            ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], true),
            ([0.0, -200.0, 0.0], [1.0, 1.0, 1.0], false),
            ([105.0, 0.0, 0.0], [1.0, 1.0, 1.0], false),
            ([105.0, 0.0, 0.0], [6.0, 1.0, 1.0], true),
            ([-105.0, 0.0, 0.0], [1.0, 1.0, 1.0], false),
            ([0.0, 0.0, 105.0], [1.0, 1.0, 1.0], false),
            ([0.0, 0.0, -105.0], [1.0, 1.0, 6.0], true),
            ([0.0, -100.0, 0.0], [1.0, 1.0, 1.0], true),
            // Behind, and wider than the frustum's sides are apart there.
            ([0.0, -110.0, 0.0], [50.0, 9.0, 50.0], false),
            ([0.0, -110.0, 0.0], [50.0, 11.0, 50.0], true),
        ] {
            let bounds = Bounds::new(&boxed(center, half), &frame.ecef_from_enu);
            assert_eq!(bounds.cull(&eye, ALL_PLANES).is_some(), visible, "{center:?} {half:?}");
        }
        let inside = Bounds::new(&boxed([0.0, 50.0, 0.0], [1.0; 3]), &frame.ecef_from_enu);
        assert_eq!(inside.cull(&eye, ALL_PLANES), Some(0), "no plane cuts it, so none is asked below it");
    }

    #[test]
    fn a_region_is_as_far_as_its_nearest_point_and_inside_its_box() {
        let (eye, _) = eye();
        let rad = |lon: f64, lat: f64| (lon.to_radians(), lat.to_radians());
        let ((west, south), (east, north)) = (rad(24.94, 60.17), rad(24.95, 60.18));
        let bounds = Bounds::new(&Volume::Region([west, south, east, north, 0.0, 50.0]), &DMat4::IDENTITY);
        assert!((bounds.distance(&eye) - 100.0).abs() < 0.01, "{}", bounds.distance(&eye));
        assert!(bounds.cull(&eye, ALL_PLANES).is_some());
        // The far side of the antimeridian is near.
        let pacific =
            LookAt { lon: 179.9, lat: 0.0, height_m: 0.0, distance_m: 1.0, heading_deg: 0.0, pitch_deg: -90.0 };
        let eye = Eye::new(&View::look_at(&pacific, 60.0, [100, 100]));
        let region = Volume::Region([179.95f64.to_radians(), -0.1, -179.0f64.to_radians(), 0.1, 0.0, 0.0]);
        let distance = Bounds::new(&region, &DMat4::IDENTITY).distance(&eye);
        assert!((distance - 0.05f64.to_radians() * WGS84_A).abs() < 5.0, "{distance}");
    }

    #[test]
    fn a_region_is_held_by_its_box() {
        for region in
            [[0.1, 0.2, 0.3, 0.4, -10.0, 500.0], [-0.2, -0.3, 0.1, 0.2, 0.0, 0.0], [3.1, 0.9, -3.1, 1.2, 0.0, 9000.0]]
        {
            let bounds = Bounds::new(&Volume::Region(region), &DMat4::IDENTITY);
            let Shape::Region(shape) = &bounds.shape else { panic!("a region") };
            for i in 0..=20 {
                for j in 0..=20 {
                    for height_m in [region[4], region[5]] {
                        let at = |from: f64, extent: f64, k: i32| from + extent * f64::from(k) / 20.0;
                        let p = ecef_from_geodetic(Geodetic {
                            lon_rad: at(region[0], width_rad(region[0], region[2]), i),
                            lat_rad: at(region[1], region[3] - region[1], j),
                            height_m,
                        });
                        let outside = shape.1.distance(p - bounds.center);
                        assert!(outside < 1e-3 * bounds.radius, "{region:?} {i} {j}: {outside} of {}", bounds.radius);
                    }
                }
            }
        }
    }

    #[test]
    fn a_cell_of_the_s2_grid_is_as_far_as_its_nearest_point_and_seen_where_it_is() {
        let (eye, frame) = eye();
        let token = |id: u64| Volume::S2 { cell: id, heights_m: [0.0, 30.0] };
        // Level 13, about a kilometre across, around the frame's origin.
        let home = Volume::s2("46920bd", [0.0, 30.0]).expect("a token");
        let bounds = Bounds::new(&home, &DMat4::IDENTITY);
        let at = frame.enu_from_ecef.transform_point3(bounds.center);
        assert!(at.truncate().length() < 3000.0 && bounds.radius < 2000.0, "{at} {}", bounds.radius);
        // Every part lies in it: never nearer, and never seen without it.
        for (x, y) in [(0, 0), (3, 1), (7, 7), (5, 0)] {
            let Some(Volume::S2 { cell, heights_m }) = home.subdivided(false, 3, [x, y, 0]) else { panic!("a part") };
            assert_eq!(heights_m, [0.0, 30.0], "a quadtree keeps the heights");
            let part = Bounds::new(&token(cell), &DMat4::IDENTITY);
            assert!(part.distance(&eye) >= bounds.distance(&eye) - 0.1);
            assert!(part.cull(&eye, ALL_PLANES).is_none() || bounds.cull(&eye, ALL_PLANES).is_some());
        }
        let halved = home.subdivided(true, 1, [1, 0, 1]);
        assert!(matches!(halved, Some(Volume::S2 { heights_m: [15.0, 30.0], .. })), "{halved:?}");
        // The far side of the Earth is behind.
        assert_eq!(Bounds::new(&token(0x2ef5_9bd3_52b9_3ac3), &DMat4::IDENTITY).cull(&eye, ALL_PLANES), None);
        assert!(Bounds::new(&token(0x3000_0000_0000_0000), &DMat4::IDENTITY).distance(&eye) > 1e6);
    }

    #[test]
    fn implicit_tiles_split_their_root() {
        let root = Volume::Box([0.0, 0.0, 0.0, 8.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 2.0]);
        let quad = Volume::Box([-6.0, 3.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0]);
        assert_eq!(root.subdivided(false, 2, [0, 3, 0]), Some(quad));
        let oct = Volume::Box([4.0, -2.0, 1.0, 4.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(root.subdivided(true, 1, [1, 0, 1]), Some(oct));
        let region = Volume::Region([0.0, 0.0, 0.8, 0.4, 0.0, 100.0]);
        assert_eq!(region.subdivided(false, 1, [1, 0, 0]), Some(Volume::Region([0.4, 0.0, 0.8, 0.2, 0.0, 100.0])));
        assert_eq!(Volume::Sphere([0.0; 4]).subdivided(true, 1, [0; 3]), None);
    }
}
