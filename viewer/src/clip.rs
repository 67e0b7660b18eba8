//! Cutting the city open: a box and a polygon, each of which keeps what is inside or what is outside of it.
//!
//! What a person asks for ([`Clip`]) is checked once and made into a [`Cutter`], which says per tile whether it is
//! kept whole, cut, or gone, and gives the shaders what they need to decide for every fragment.

use crate::matrix::{Bounds, Eye};
use citytwin_geo::{EnuFrame, Geodetic, WGS84_A};
use citytwin_manifest::read::At;
use glam::{DMat4, DVec2, DVec3};
use serde::Serialize;

/// A polygon has at most this many corners: they travel to the GPU with every frame.
pub const MOST_CORNERS: usize = 64;
/// Vectors of four numbers that the shaders get; see `gpu/clip.glsl`.
pub(crate) const CLIP_VECTORS: usize = 9 + MOST_CORNERS / 2;
/// How far from its middle a polygon may reach, metres: beyond, the plane that it is cut in leaves the Earth.
const WIDEST_M: f64 = 100_000.0;

/// Which side of a shape stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Keep {
    /// What is inside stays; everything around it is gone.
    #[default]
    Inside,
    /// What is inside is cut out.
    Outside,
}

/// What of the city is drawn, picked, and casts shadows. With several shapes, what every one of them keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Clip {
    /// A box; none by default.
    #[serde(rename = "box")]
    pub cuboid: Option<ClipBox>,
    /// A polygon; none by default.
    pub polygon: Option<ClipPolygon>,
    /// Ids or themes of the layers that are cut; empty (the default) means all.
    pub layers: Vec<String>,
}

/// An oriented box.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClipBox {
    /// Longitude of its middle, degrees.
    pub lon: f64,
    /// Latitude of its middle, degrees.
    pub lat: f64,
    /// Height of its middle, metres above the ellipsoid. Default 0.
    pub height_m: f64,
    /// Across its heading, along it, and upwards, metres; each above 0 and at most 100,000.
    pub size_m: [f64; 3],
    /// Where it points, degrees clockwise from north. Default 0.
    pub heading_deg: f64,
    /// Which side stays. Default `inside`.
    pub keep: Keep,
}

/// An upright prism over a polygon.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClipPolygon {
    /// Its corners in order, `[longitude, latitude]` in degrees: 3 to 64 of them, in either sense; the first may be
    /// repeated at the end. The sides must not cross or touch each other.
    pub ring: Vec<[f64; 2]>,
    /// Lowest and highest height, metres above the ellipsoid. Default: all heights.
    pub heights_m: Option<[f64; 2]>,
    /// Which side stays. Default `inside`.
    pub keep: Keep,
}

impl Keep {
    fn read(at: &At<'_>) -> Self {
        [Self::Inside, Self::Outside][at.choice(&["inside", "outside"])]
    }
}

impl ClipBox {
    /// From what is said, and what was there before.
    fn merged(before: Option<Self>, at: &At<'_>) -> Self {
        at.knows(&["lon", "lat", "heightM", "sizeM", "headingDeg", "keep"]);
        let number = |key, before: Option<f64>| at.get(key).or_else(before, At::number);
        let Self { height_m, heading_deg, keep, .. } = before.unwrap_or(Self {
            lon: 0.0,
            lat: 0.0,
            height_m: 0.0,
            size_m: [0.0; 3],
            heading_deg: 0.0,
            keep: Keep::Inside,
        });
        Self {
            lon: number("lon", before.map(|b| b.lon)),
            lat: number("lat", before.map(|b| b.lat)),
            height_m: number("heightM", Some(height_m)),
            size_m: at.get("sizeM").or_else(before.map(|b| b.size_m), |at| at.array(|at| at.number())),
            heading_deg: number("headingDeg", Some(heading_deg)),
            keep: at.get("keep").or(keep, Keep::read),
        }
    }
}

impl ClipPolygon {
    /// From what is said, and what was there before.
    fn merged(before: Option<&Self>, at: &At<'_>) -> Self {
        at.knows(&["ring", "heightsM", "keep"]);
        let ring = |at: &At<'_>| at.items().map(|at| at.array(|at| at.number())).collect();
        let pair = |at: &At<'_>| at.optional(|at| at.array(|at| at.number()));
        Self {
            ring: at.get("ring").or_else(before.map(|b| b.ring.clone()), ring),
            heights_m: at.get("heightsM").or(before.and_then(|b| b.heights_m), pair),
            keep: at.get("keep").or(before.map(|b| b.keep).unwrap_or_default(), Keep::read),
        }
    }
}

impl Clip {
    pub(crate) fn merged(&self, at: &At<'_>) -> Self {
        at.knows(&["box", "polygon", "layers"]);
        let cuboid = |at: &At<'_>| at.optional(|at| ClipBox::merged(self.cuboid, at));
        let polygon = |at: &At<'_>| at.optional(|at| ClipPolygon::merged(self.polygon.as_ref(), at));
        Self {
            cuboid: at.get("box").or(self.cuboid, cuboid),
            polygon: at.get("polygon").or(self.polygon.clone(), polygon),
            layers: at.get("layers").or(self.layers.clone(), At::texts),
        }
    }

    /// Whether anything is cut.
    pub fn is_on(&self) -> bool {
        self.cuboid.is_some() || self.polygon.is_some()
    }

    /// Whether a layer is cut, by its id and theme.
    pub(crate) fn cuts(&self, id: &str, theme: &str) -> bool {
        self.is_on() && (self.layers.is_empty() || self.layers.iter().any(|name| name == id || name == theme))
    }

    /// # Errors
    /// A sentence that says which part is wrong and what it should be.
    pub fn validate(&self) -> Result<(), String> {
        Cutter::new(self).map(|_| ())
    }
}

/// What becomes of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is kept whole.
    Whole,
    /// Its fragments decide.
    Cut,
    /// Nothing of it is kept.
    Gone,
}

/// A checked [`Clip`], ready to cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cutter {
    cuboid: Option<(DMat4, Keep)>,
    prism: Option<Prism>,
}

#[derive(Clone, Debug)]
struct Prism {
    enu_from_ecef: DMat4,
    /// Metres east and north.
    ring: Vec<DVec2>,
    low: DVec2,
    high: DVec2,
    heights_m: [f64; 2],
    keep: Keep,
}

impl Cutter {
    /// # Errors
    /// As [`Clip::validate`].
    pub(crate) fn new(clip: &Clip) -> Result<Self, String> {
        Ok(Self {
            cuboid: clip.cuboid.as_ref().map(unit_box).transpose()?,
            prism: clip.polygon.as_ref().map(Prism::new).transpose()?,
        })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.cuboid.is_some() || self.prism.is_some()
    }

    /// What becomes of a thing within these bounds of a frame.
    pub(crate) fn fate(&self, ecef_from_thing: &DMat4, bounds: &Bounds) -> Fate {
        let cuboid = self.cuboid.as_ref().map(|(unit_from_ecef, keep)| {
            let [low, high] = moved(&(*unit_from_ecef * *ecef_from_thing), bounds);
            (box_in_box(low, high, DVec3::NEG_ONE, DVec3::ONE), *keep)
        });
        let prism = self.prism.as_ref().map(|prism| (prism.position(ecef_from_thing, bounds), prism.keep));
        let fates = [cuboid, prism].into_iter().flatten().map(|(position, keep)| match (position, keep) {
            (Position::Straddles, _) => Fate::Cut,
            (Position::Inside, Keep::Inside) | (Position::Outside, Keep::Outside) => Fate::Whole,
            _ => Fate::Gone,
        });
        fates.fold(Fate::Whole, |a, b| match (a, b) {
            (Fate::Gone, _) | (_, Fate::Gone) => Fate::Gone,
            (Fate::Whole, Fate::Whole) => Fate::Whole,
            _ => Fate::Cut,
        })
    }

    /// Whether a point is kept.
    #[cfg(test)]
    pub(crate) fn keeps(&self, ecef: DVec3) -> bool {
        self.fate(&DMat4::from_translation(ecef), &[[0.0; 3]; 2]) == Fate::Whole
    }

    /// What the shaders need, as `gpu/clip.glsl` declares it.
    pub(crate) fn vectors(&self, eye: &Eye) -> [[f32; 4]; CLIP_VECTORS] {
        let mut out = [[0.0; 4]; CLIP_VECTORS];
        let ecef_from_rel = eye.ecef_from_rel();
        let sign = |keep: Keep| if keep == Keep::Inside { 1.0 } else { -1.0 };
        if let Some((unit_from_ecef, keep)) = &self.cuboid {
            out[..3].copy_from_slice(&row_vectors(&(*unit_from_ecef * ecef_from_rel)));
            out[8][0] = sign(*keep);
        }
        if let Some(prism) = &self.prism {
            out[3..6].copy_from_slice(&row_vectors(&(prism.enu_from_ecef * ecef_from_rel)));
            let [low, high] = prism.heights_m.map(|height| height as f32);
            out[6] = [low, high, prism.ring.len() as f32, 0.0];
            out[7] = [prism.low.x, prism.low.y, prism.high.x, prism.high.y].map(|v| v as f32);
            out[8][1] = sign(prism.keep);
            for (i, corner) in prism.ring.iter().enumerate() {
                let at = (i % 2) * 2;
                out[9 + i / 2][at] = corner.x as f32;
                out[9 + i / 2][at + 1] = corner.y as f32;
            }
        }
        out
    }
}

/// From ECEF to a cube from −1 to 1.
fn unit_box(clip: &ClipBox) -> Result<(DMat4, Keep), String> {
    place("clip.box", clip.lon, clip.lat)?;
    if !clip.size_m.iter().all(|size| *size > 0.0 && *size <= WIDEST_M) {
        return Err(format!("clip.box.sizeM must be three numbers above 0 and at most 100000, not {:?}", clip.size_m));
    }
    if !(clip.height_m.is_finite() && clip.heading_deg.is_finite()) {
        return Err("clip.box.heightM and clip.box.headingDeg must be finite numbers".into());
    }
    let frame = EnuFrame::new(Geodetic::from_degrees(clip.lon, clip.lat, clip.height_m));
    // Clockwise on the map is a negative turn about the upward axis; this takes it back.
    let turned = DMat4::from_rotation_z(clip.heading_deg.to_radians());
    let scaled = DMat4::from_scale(DVec3::from(clip.size_m).map(|size| 2.0 / size));
    Ok((scaled * turned * frame.enu_from_ecef, clip.keep))
}

fn place(what: &str, lon: f64, lat: f64) -> Result<(), String> {
    let good = (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat);
    if good { Ok(()) } else { Err(format!("{what}: {lon}, {lat} is no longitude and latitude in degrees")) }
}

impl Prism {
    fn new(clip: &ClipPolygon) -> Result<Self, String> {
        let mut corners = clip.ring.as_slice();
        if let [first, .., last] = corners
            && first == last
        {
            corners = &corners[..corners.len() - 1];
        }
        if !(3..=MOST_CORNERS).contains(&corners.len()) {
            return Err(format!("clip.polygon.ring must have 3 to {MOST_CORNERS} corners, not {}", corners.len()));
        }
        for [lon, lat] in corners {
            place("clip.polygon.ring", *lon, *lat)?;
        }
        let [low_m, high_m] = clip.heights_m.unwrap_or([-1e7, 1e7]);
        if !(low_m.is_finite() && high_m.is_finite() && low_m < high_m) {
            return Err(format!("clip.polygon.heightsM must be two rising numbers, not {low_m}, {high_m}"));
        }
        let middle = corners.iter().map(|c| DVec2::from(*c)).sum::<DVec2>() / corners.len() as f64;
        let frame = EnuFrame::new(Geodetic::from_degrees(middle.x, middle.y, 0.0));
        let flat = |c: &[f64; 2]| frame.enu_from_geodetic(Geodetic::from_degrees(c[0], c[1], 0.0)).truncate();
        let ring: Vec<DVec2> = corners.iter().map(flat).collect();
        if ring.iter().any(|corner| corner.length() > WIDEST_M) {
            return Err("clip.polygon.ring must lie within 100 km of its middle".into());
        }
        if let Some([a, b]) = crossing(&ring) {
            return Err(format!("clip.polygon.ring crosses itself: sides {a} and {b} meet"));
        }
        let low = ring.iter().copied().fold(DVec2::INFINITY, DVec2::min);
        let high = ring.iter().copied().fold(DVec2::NEG_INFINITY, DVec2::max);
        Ok(Self { enu_from_ecef: frame.enu_from_ecef, ring, low, high, heights_m: [low_m, high_m], keep: clip.keep })
    }

    fn position(&self, ecef_from_thing: &DMat4, bounds: &Bounds) -> Position {
        let [low, high] = moved(&(self.enu_from_ecef * *ecef_from_thing), bounds);
        // The surface falls away from the plane; heights are above the surface.
        let drop = |far: f64| far * far / (2.0 * WGS84_A);
        let reach = low.abs().max(high.abs()).truncate().length();
        let heights = [low.z, high.z + drop(reach)];
        let [bottom, top] = self.heights_m;
        if heights[1] < bottom || heights[0] > top {
            return Position::Outside;
        }
        match rect_in_ring(low.truncate(), high.truncate(), &self.ring) {
            Position::Inside if heights[0] < bottom || heights[1] > top => Position::Straddles,
            position => position,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Inside,
    Outside,
    Straddles,
}

fn box_in_box(low: DVec3, high: DVec3, outer_low: DVec3, outer_high: DVec3) -> Position {
    if low.cmpgt(outer_high).any() || high.cmplt(outer_low).any() {
        Position::Outside
    } else if low.cmpge(outer_low).all() && high.cmple(outer_high).all() {
        Position::Inside
    } else {
        Position::Straddles
    }
}

/// Where a rectangle lies to a ring without crossings.
fn rect_in_ring(low: DVec2, high: DVec2, ring: &[DVec2]) -> Position {
    if sides(ring).any(|(a, b)| side_meets_rect(a, b, low, high)) {
        Position::Straddles
    } else if contains(ring, (low + high) / 2.0) {
        Position::Inside
    } else {
        Position::Outside
    }
}

fn sides(ring: &[DVec2]) -> impl Iterator<Item = (DVec2, DVec2)> {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1))
}

/// Even-odd rule; the same steps as in `gpu/clip.glsl`.
fn contains(ring: &[DVec2], p: DVec2) -> bool {
    let crosses =
        |(a, b): &(DVec2, DVec2)| (a.y > p.y) != (b.y > p.y) && p.x < a.x + (b.x - a.x) * ((p.y - a.y) / (b.y - a.y));
    sides(ring).filter(crosses).count() % 2 == 1
}

/// Whether a segment touches a rectangle or lies in it.
fn side_meets_rect(a: DVec2, b: DVec2, low: DVec2, high: DVec2) -> bool {
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        let (from, way) = (a[axis], b[axis] - a[axis]);
        if way == 0.0 {
            if from < low[axis] || from > high[axis] {
                return false;
            }
            continue;
        }
        let (one, other) = ((low[axis] - from) / way, (high[axis] - from) / way);
        enter = enter.max(one.min(other));
        leave = leave.min(one.max(other));
    }
    enter <= leave
}

/// Two sides of a ring that meet where they should not.
fn crossing(ring: &[DVec2]) -> Option<[usize; 2]> {
    let sides: Vec<_> = sides(ring).collect();
    let n = sides.len();
    for (i, (a, b)) in sides.iter().copied().enumerate() {
        let next = (i + 1) % n;
        let (_, c) = sides[next];
        // A side without length, or one that folds back over the side before it.
        let (way, onward) = (b - a, c - b);
        let folds = way.dot(onward) < 0.0 && way.perp_dot(onward).abs() < 1e-7 * way.length() * onward.length();
        if way.length() < 1e-6 || folds {
            return Some([i, next]);
        }
        for (j, (c, d)) in sides.iter().copied().enumerate().skip(i + 2) {
            if (j + 1) % n != i && meet(a, b, c, d) {
                return Some([i, j]);
            }
        }
    }
    None
}

/// Whether two segments share a point.
fn meet(a: DVec2, b: DVec2, c: DVec2, d: DVec2) -> bool {
    let side = |a: DVec2, b: DVec2, p: DVec2| (b - a).perp_dot(p - a);
    let (c1, d1, a1, b1) = (side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b));
    if c1 * d1 < 0.0 && a1 * b1 < 0.0 {
        return true;
    }
    let on = |a: DVec2, b: DVec2, p: DVec2, s: f64| s == 0.0 && (p - a).dot(p - b) <= 0.0;
    on(a, b, c, c1) || on(a, b, d, d1) || on(c, d, a, a1) || on(c, d, b, b1)
}

/// The box around a box that is moved.
fn moved(to_from: &DMat4, bounds: &Bounds) -> [DVec3; 2] {
    let [low, high] = bounds.map(DVec3::from);
    let (middle, half) = ((low + high) / 2.0, (high - low) / 2.0);
    let at = to_from.transform_point3(middle);
    let [x, y, z] = [to_from.x_axis, to_from.y_axis, to_from.z_axis].map(|axis| axis.truncate().abs());
    let reach = x * half.x + y * half.y + z * half.z;
    [at - reach, at + reach]
}

fn row_vectors(m: &DMat4) -> [[f32; 4]; 3] {
    [m.row(0), m.row(1), m.row(2)].map(|row| row.to_array().map(|v| v as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LookAt;
    use crate::camera::Camera;
    use citytwin_geo::ecef_from_geodetic;

    const LON: f64 = 24.945;
    const LAT: f64 = 60.17;

    fn at(east: f64, north: f64, up: f64) -> DVec3 {
        EnuFrame::new(Geodetic::from_degrees(LON, LAT, 0.0)).ecef_from_enu.transform_point3(DVec3::new(east, north, up))
    }

    fn boxed(heading_deg: f64, keep: Keep) -> Clip {
        let cuboid = ClipBox { lon: LON, lat: LAT, height_m: 10.0, size_m: [20.0, 60.0, 30.0], heading_deg, keep };
        Clip { cuboid: Some(cuboid), ..Clip::default() }
    }

    /// A ring of metres around the place.
    fn ring(corners: &[[f64; 2]]) -> Clip {
        let frame = EnuFrame::new(Geodetic::from_degrees(LON, LAT, 0.0));
        let lonlat = |c: &[f64; 2]| {
            let p = frame.geodetic_from_enu(DVec3::new(c[0], c[1], 0.0));
            [p.lon(), p.lat()]
        };
        let ring = corners.iter().map(lonlat).collect();
        Clip { polygon: Some(ClipPolygon { ring, heights_m: None, keep: Keep::Inside }), ..Clip::default() }
    }

    /// An L.
    fn bent() -> Clip {
        ring(&[[0.0, 0.0], [60.0, 0.0], [60.0, 20.0], [20.0, 20.0], [20.0, 60.0], [0.0, 60.0]])
    }

    fn cutter(clip: &Clip) -> Cutter {
        Cutter::new(clip).expect("a good clip")
    }

    /// The fate of a box of 2·`half` metres around a point.
    fn fate(cutter: &Cutter, [east, north, up]: [f64; 3], half: f64) -> Fate {
        let frame = EnuFrame::new(Geodetic::from_degrees(LON, LAT, 0.0));
        let low = [east - half, north - half, up - half];
        cutter.fate(&frame.ecef_from_enu, &[low, [east + half, north + half, up + half]])
    }

    #[test]
    fn a_box_keeps_what_is_in_it_and_turns_with_its_heading() {
        for (heading_deg, point, inside) in [
            (0.0, [0.0, 0.0, 10.0], true),
            (0.0, [9.9, 29.9, 24.9], true),
            (0.0, [10.1, 0.0, 10.0], false),
            (0.0, [0.0, 0.0, -5.1], false),
            (90.0, [29.9, 0.0, 10.0], true),
            (90.0, [0.0, 29.9, 10.0], false),
            // Pointing north-east: its long axis runs there, and not to the north-west.
            (45.0, [18.0, 18.0, 10.0], true),
            (45.0, [-18.0, 18.0, 10.0], false),
        ] {
            let [e, n, u] = point;
            assert_eq!(cutter(&boxed(heading_deg, Keep::Inside)).keeps(at(e, n, u)), inside, "{heading_deg} {point:?}");
            assert_eq!(cutter(&boxed(heading_deg, Keep::Outside)).keeps(at(e, n, u)), !inside, "{point:?}");
        }
    }

    #[test]
    fn a_polygon_keeps_what_is_in_it_even_where_it_is_bent() {
        let clip = cutter(&bent());
        for (e, n, inside) in
            [(10.0, 10.0, true), (50.0, 10.0, true), (10.0, 50.0, true), (50.0, 50.0, false), (-1.0, 10.0, false)]
        {
            for up in [-500.0, 0.0, 500.0] {
                assert_eq!(clip.keeps(at(e, n, up)), inside, "{e} {n} {up}");
            }
        }
    }

    #[test]
    fn heights_bound_a_polygon_above_the_curved_ground() {
        let mut clip = ring(&[[-20e3, -20e3], [20e3, -20e3], [20e3, 20e3], [-20e3, 20e3]]);
        clip.polygon.as_mut().expect("there").heights_m = Some([-2.0, 5.0]);
        let clip = cutter(&clip);
        let frame = EnuFrame::new(Geodetic::from_degrees(LON, LAT, 0.0));
        let far = frame.geodetic_from_enu(DVec3::new(10e3, 0.0, 0.0));
        for (height_m, inside) in [(0.0, true), (4.5, true), (6.0, false), (-3.0, false)] {
            let p = ecef_from_geodetic(Geodetic { height_m, ..far });
            // A point's place is known to its drop twice over: the bounds may say "straddles" but never lie.
            let found = clip.fate(&DMat4::from_translation(p), &[[0.0; 3]; 2]);
            assert!(
                found == if inside { Fate::Whole } else { Fate::Gone } || found == Fate::Cut,
                "{height_m} {found:?}"
            );
        }
        assert!(!clip.keeps(at(0.0, 0.0, 6.0)) && clip.keeps(at(0.0, 0.0, 4.0)) && !clip.keeps(at(0.0, 0.0, -3.0)));
    }

    #[test]
    fn tiles_are_whole_cut_or_gone() {
        let clip = cutter(&boxed(0.0, Keep::Inside));
        assert_eq!(fate(&clip, [0.0, 0.0, 10.0], 5.0), Fate::Whole);
        assert_eq!(fate(&clip, [8.0, 0.0, 10.0], 5.0), Fate::Cut);
        assert_eq!(fate(&clip, [80.0, 0.0, 10.0], 5.0), Fate::Gone);
        assert_eq!(fate(&clip, [0.0, 0.0, 10.0], 500.0), Fate::Cut, "the box is in the tile");
        let clip = cutter(&bent());
        assert_eq!(fate(&clip, [10.0, 10.0, 0.0], 5.0), Fate::Whole);
        assert_eq!(fate(&clip, [22.0, 22.0, 0.0], 5.0), Fate::Cut, "the inner corner");
        assert_eq!(fate(&clip, [40.0, 40.0, 0.0], 15.0), Fate::Gone, "in its rectangle, not in it");
        assert_eq!(fate(&clip, [0.0, 0.0, 0.0], 900.0), Fate::Cut);
        let mut out = bent();
        out.polygon.as_mut().expect("there").keep = Keep::Outside;
        assert_eq!(fate(&cutter(&out), [10.0, 10.0, 0.0], 5.0), Fate::Gone);
        // Both must keep it.
        let both = Clip { polygon: out.polygon, ..boxed(0.0, Keep::Inside) };
        assert_eq!(fate(&cutter(&both), [5.0, 10.0, 10.0], 1.0), Fate::Gone);
        assert_eq!(fate(&cutter(&both), [-5.0, 10.0, 10.0], 1.0), Fate::Whole);
        assert_eq!(fate(&Cutter::default(), [0.0; 3], 1.0), Fate::Whole);
    }

    #[test]
    fn a_side_cut_between_whole_and_gone_never_lies_about_a_point() {
        // Every point of a tile that is whole is kept, and none of one that is gone.
        let (shapes, mut seen) = ([cutter(&bent()), cutter(&boxed(30.0, Keep::Outside))], [0; 3]);
        for cutter in &shapes {
            for i in 0..400 {
                let (e, n) = (f64::from(i % 20) * 5.0 - 20.0, f64::from(i / 20) * 5.0 - 20.0);
                let found = fate(cutter, [e, n, 10.0], 3.0);
                seen[found as usize] += 1;
                for corner in [[-3.0, -3.0], [3.0, 3.0], [0.0, 0.0], [-3.0, 3.0]] {
                    let kept = cutter.keeps(at(e + corner[0], n + corner[1], 10.0));
                    assert!(found == Fate::Cut || kept == (found == Fate::Whole), "{e} {n} {corner:?}");
                }
            }
        }
        assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
    }

    #[test]
    fn shapes_that_make_no_sense_are_refused_in_words() {
        let square = || ring(&[[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]);
        assert_eq!(square().validate(), Ok(()));
        let many: Vec<[f64; 2]> =
            (0..65).map(|i| DVec2::from_angle(f64::from(i) * 0.09).to_array().map(|v| v * 100.0)).collect();
        assert_eq!(ring(&many[..64]).validate(), Ok(()));
        let edit = |change: fn(&mut ClipPolygon)| {
            let mut clip = square();
            change(clip.polygon.as_mut().expect("there"));
            clip
        };
        let edit_box = |change: fn(&mut ClipBox)| {
            let mut clip = boxed(0.0, Keep::Inside);
            change(clip.cuboid.as_mut().expect("there"));
            clip
        };
        for (clip, word) in [
            (ring(&many), "3 to 64 corners, not 65"),
            (ring(&[[0.0, 0.0], [1.0, 1.0]]), "not 2"),
            (ring(&[[0.0, 0.0], [10.0, 10.0], [10.0, 0.0], [0.0, 10.0]]), "crosses itself"),
            (ring(&[[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [5.0, 0.0], [5.0, 9.0]]), "crosses itself"),
            (ring(&[[0.0, 0.0], [0.0, 0.0], [10.0, 0.0], [5.0, 9.0]]), "crosses itself"),
            (edit(|p| p.ring[1][0] = f64::NAN), "no longitude"),
            (edit(|p| p.ring[2][1] = 95.0), "no longitude"),
            (edit(|p| p.ring[2] = [40.0, 10.0]), "100 km"),
            (edit(|p| p.heights_m = Some([5.0, 5.0])), "rising"),
            (edit(|p| p.heights_m = Some([f64::NEG_INFINITY, 5.0])), "rising"),
            (edit_box(|b| b.size_m[1] = 0.0), "sizeM"),
            (edit_box(|b| b.size_m[2] = f64::NAN), "sizeM"),
            (edit_box(|b| b.lon = 200.0), "no longitude"),
            (edit_box(|b| b.heading_deg = f64::NAN), "headingDeg"),
        ] {
            let refused = clip.validate().expect_err(word);
            assert!(refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn a_closed_ring_and_either_sense_are_taken() {
        let mut corners = vec![[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0], [0.0, 0.0]];
        assert!(cutter(&ring(&corners)).keeps(at(5.0, 5.0, 0.0)));
        corners.reverse();
        assert!(cutter(&ring(&corners)).keeps(at(5.0, 5.0, 0.0)));
    }

    #[test]
    fn shaders_get_the_same_shapes_from_wherever_the_eye_is() {
        let mut camera = Camera::new();
        camera.set_size_css(800.0, 600.0);
        camera.set_look(LookAt {
            lon: LON + 0.003,
            lat: LAT - 0.001,
            height_m: 3.0,
            distance_m: 700.0,
            heading_deg: 70.0,
            pitch_deg: -30.0,
        });
        let eye = Eye::of(&camera);
        let both = Clip { polygon: bent().polygon, ..boxed(45.0, Keep::Outside) };
        let vectors = cutter(&both).vectors(&eye);
        let on_gpu = |rows: &[[f32; 4]], ecef: DVec3| {
            let rel = eye.rel_from_ecef_point(ecef).as_vec3();
            DVec3::from_array([0, 1, 2].map(|i| {
                let [x, y, z, w] = rows[i];
                f64::from(x * rel.x + y * rel.y + z * rel.z + w)
            }))
        };
        let unit = on_gpu(&vectors[..3], at(18.0, 18.0, 25.0));
        assert!((unit - DVec3::new(0.0, 18.0 * 2f64.sqrt() / 30.0, 1.0)).length() < 1e-4, "{unit}");
        let corner = on_gpu(&vectors[3..6], at(60.0, 20.0, 0.0)).truncate();
        let sent = DVec2::new(f64::from(vectors[10][0]), f64::from(vectors[10][1]));
        assert!(corner.distance(sent) < 1e-3, "{corner} {sent}");
        assert_eq!((vectors[6][2], vectors[8][0], vectors[8][1]), (6.0, -1.0, 1.0));
        assert_eq!(Cutter::default().vectors(&eye)[8], [0.0; 4]);
    }

    #[test]
    fn clips_are_read_from_plain_objects_and_unknown_keys_are_refused() {
        let clip = |json: &str| {
            let json = serde_json::from_str(json).expect("JSON");
            citytwin_manifest::read::read(&json, |at| Clip::default().merged(at))
        };
        let ok = clip(
            r#"{ "box": { "lon": 1, "lat": 2, "sizeM": [1, 2, 3], "keep": "outside" }, "layers": ["buildings"] }"#,
        );
        let ok = ok.expect("a clip");
        assert!(ok.is_on() && ok.cuts("x", "buildings") && !ok.cuts("ground", "ground"));
        assert_eq!(ok.cuboid.map(|b| (b.keep, b.height_m)), Some((Keep::Outside, 0.0)));
        for (json, words) in [
            (r#"{ "polygon": { "ring": [], "hole": 1 } }"#, "polygon.hole is an unknown key"),
            (r#"{ "polygon": { "keep": "inside" } }"#, "polygon.ring is missing"),
            (r#"{ "box": { "lon": 1, "lat": 2 } }"#, "box.sizeM is missing"),
            (r#"{ "box": { "lon": 1, "sizeM": [1, 2, 3] } }"#, "box.lat is missing"),
            (r#"{ "polygon": { "ring": [[1, 2, 3]] } }"#, "polygon.ring[0] has an invalid length"),
        ] {
            let error = clip(json).expect_err(words);
            assert!(error.contains(words), "{error}");
        }
        let json = serde_json::json!({ "box": { "lon": 3 }, "layers": [] });
        let moved = citytwin_manifest::read::read(&json, |at| ok.merged(at)).expect("a clip");
        assert_eq!(
            moved.cuboid,
            ok.cuboid.map(|b| ClipBox { lon: 3.0, ..b }),
            "an object is merged into the one before"
        );
        assert!(!Clip::default().is_on());
    }
}
