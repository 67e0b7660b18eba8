//! Whether a city model's axes are in the order that is declared: if not, the city is mirrored, and its shapes inside out.
//!
//! Many files have easting first where the registry of their CRS has northing first. What is looked at are the first
//! shapes of a file that are closed, or would be with a bottom: their faces look outwards, so that their volume is positive
//! if the axes are read in the right order, and negative if not. A shape that is inside out in the right order was built
//! badly, and is turned.

use super::cityjson::Face;
use super::crs::Crs;
use super::model::Warnings;
use glam::DVec3;
use std::sync::Arc;

/// So many objects are looked at, or fewer that have so many corners.
const MAX_OBJECTS: usize = 256;
const MAX_CORNERS: usize = 1 << 18;
/// Or that take so many bytes, as they are held.
const MAX_HELD_BYTES: usize = 32 << 20;
/// For each shape that is right, at least so many must be wrong: a few are always built badly.
const WRONG_FOR_RIGHT: usize = 20;
/// Metres in a degree; a shape that is stretched is inside out no less.
const DEGREE_M: f64 = 111_320.0;
/// Where a projection is used, its metres are those of the ground but for this share.
const SCALE: f64 = 0.03;

/// What the shapes of a file say.
#[derive(Default)]
pub(super) struct Ballot {
    objects: usize,
    corners: usize,
    /// Closed shapes whose volume is positive with the first axis to the east and the second to the north.
    east_first: usize,
    north_first: usize,
    /// A corner of one of them.
    place: [f64; 3],
}

/// What is held of a file until its axes are known.
pub(super) struct Waiting<T> {
    pub(super) ballot: Ballot,
    pub(super) held: Vec<T>,
    held_bytes: usize,
}

impl<T> Waiting<T> {
    pub(super) fn new() -> Self {
        Self { ballot: Ballot::default(), held: Vec::new(), held_bytes: 0 }
    }

    /// Holds something of so many bytes; true when enough has been looked at, or no more is to be held.
    pub(super) fn hold(&mut self, thing: T, bytes: usize) -> bool {
        self.held.push(thing);
        self.held_bytes = self.held_bytes.saturating_add(bytes);
        self.ballot.is_full() || self.held_bytes >= MAX_HELD_BYTES
    }
}

impl Ballot {
    /// Whether enough has been looked at.
    pub(super) fn is_full(&self) -> bool {
        self.objects >= MAX_OBJECTS || self.corners >= MAX_CORNERS
    }

    /// Counts an object, whose shapes are looked at by [`Self::shape`].
    pub(super) fn object(&mut self) {
        self.objects += 1;
    }

    /// Looks at the rings of all faces of a shape, in the coordinates of the file.
    pub(super) fn shape(&mut self, crs: &Crs, rings: &[Vec<[f64; 3]>]) {
        self.corners += rings.iter().map(Vec::len).sum::<usize>();
        let Some(first) = rings.iter().flatten().next() else { return };
        let unit_m = if crs.in_degrees() { DEGREE_M } else { 1.0 };
        match Enclosed::by(rings.iter(), [unit_m; 2]) {
            Some(enclosed) if enclosed.volume_m3 > 0.0 => self.east_first += 1,
            Some(_) => self.north_first += 1,
            None => return,
        }
        self.place = *first;
    }

    /// The CRS with its axes in the order in which they are, and a warning if that is not the declared one.
    pub(super) fn decide(self, crs: Arc<Crs>, name: &str, warnings: &mut Warnings) -> Arc<Crs> {
        let (right, wrong) = match crs.swaps_axes() {
            true => (self.north_first, self.east_first),
            false => (self.east_first, self.north_first),
        };
        if wrong == 0 || wrong < right * WRONG_FOR_RIGHT {
            return crs;
        }
        let other = crs.east_first();
        // Else such a file is rather built badly: nobody delivers it the other way round.
        if !crs.swaps_axes() || !is_used_at(&crs, &other, self.place) {
            return crs;
        }
        warnings.add(
            "axes_swapped",
            format!(
                "{name}: {wrong} of {} closed shapes are inside out with northing first, as {} has it: easting is read \
                 first (--axis-order authority if this is wrong)",
                right + wrong,
                crs.name()
            ),
        );
        Arc::new(other)
    }
}

/// Turns all faces of a shape that is inside out; true if it was.
pub(super) fn turn(faces: &mut [Face]) -> bool {
    let rings = faces.iter().flat_map(|face| &face.rings);
    let Some(&[_, lat, _]) = rings.clone().flatten().next() else { return false };
    let enclosed = Enclosed::by(rings, [DEGREE_M * lat.to_radians().cos(), DEGREE_M]);
    // Where all of it looks up, as a deck does on walls that look inwards, that is how it is to be seen.
    let inside_out = enclosed.is_some_and(|enclosed| enclosed.volume_m3 < 0.0 && enclosed.up <= OPEN);
    if inside_out {
        faces.iter_mut().for_each(Face::turn);
    }
    inside_out
}

/// Counts an object of which a shape was turned.
pub(super) fn turned(id: &str, warnings: &mut Warnings) {
    warnings.add("shapes_inside_out", format!("{id}: its faces looked inwards, and were turned round"));
}

/// Whether a place is one where a CRS is used, with its axes in another order than declared.
fn is_used_at(declared: &Crs, other: &Crs, [first, second, _]: [f64; 3]) -> bool {
    let Some(scale) = metres_per_unit(other, first, second) else { return false };
    // Far from where it is used, a projection stretches: its metres are shorter on the ground.
    metres_per_unit(declared, first, second).is_none_or(|declared| scale > declared * (1.0 - SCALE))
}

fn metres_per_unit(crs: &Crs, first: f64, second: f64) -> Option<f64> {
    const STEP: f64 = 100.0;
    let [lon, lat] = crs.lonlat(first, second)?;
    if crs.in_degrees() {
        return Some(DEGREE_M);
    }
    let [east, north] = crs.lonlat(first + STEP, second)?;
    Some(((east - lon) * lat.to_radians().cos()).hypot(north - lat) * DEGREE_M / STEP)
}

/// A shape is open where more than this share of its faces looks one way and has nothing that looks the other.
const OPEN: f64 = 0.02;

/// What faces enclose.
struct Enclosed {
    /// Positive if they look outwards in a right-handed frame.
    volume_m3: f64,
    /// The share of them that looks up with nothing below that looks down; negative for the other way round.
    up: f64,
}

impl Enclosed {
    /// Nothing where faces are not closed at the sides, or enclose next to nothing.
    fn by<'a>(rings: impl Iterator<Item = &'a Vec<[f64; 3]>> + Clone, [x_m, y_m]: [f64; 2]) -> Option<Self> {
        let corners = rings.clone().flatten();
        let low = corners.clone().map(|p| p[2]).fold(f64::INFINITY, f64::min);
        let &[x, y, _] = corners.clone().next()?;
        // A bottom that is missing would add nothing.
        let from_bottom = |p: &[f64; 3]| DVec3::new((p[0] - x) * x_m, (p[1] - y) * y_m, p[2] - low);
        let (mut sum, mut sides_m2, mut all_m2, mut volume_m3) = (DVec3::ZERO, 0.0, 0.0, 0.0);
        for ring in rings {
            let points: Vec<DVec3> = ring.iter().map(from_bottom).collect();
            let next = points.iter().cycle().skip(1);
            let area: DVec3 = points.iter().zip(next).map(|(a, b)| a.cross(*b)).sum::<DVec3>() / 2.0;
            let middle = points.iter().sum::<DVec3>() / points.len().max(1) as f64;
            sum += area;
            sides_m2 += area.truncate().length();
            all_m2 += area.length();
            volume_m3 += area.dot(middle) / 3.0;
        }
        let closed = sum.truncate().length() <= OPEN * all_m2 && sides_m2 >= 0.1 * all_m2;
        // A cube encloses 0.07 of this, a slab ten times as wide as high 0.03.
        let much = volume_m3.abs() > 0.002 * all_m2.powf(1.5);
        (closed && much).then_some(Self { volume_m3, up: sum.z / all_m2 })
    }
}

#[cfg(test)]
mod tests {
    use super::super::crs::AxisOrder;
    use super::*;

    /// A house of 10 × 6 × 4 m, in the order of axes that is said, at a place (east, north).
    fn house([east, north]: [f64; 2], unit_m: f64, north_first: bool, bottom: bool) -> Vec<Vec<[f64; 3]>> {
        let corner = |e: f64, n: f64, z: f64| {
            let (e, n) = (east + e / unit_m, north + n / unit_m);
            if north_first { [n, e, z] } else { [e, n, z] }
        };
        let base = [(0.0, 0.0), (10.0, 0.0), (10.0, 6.0), (0.0, 6.0)];
        let mut rings: Vec<Vec<[f64; 3]>> = (0..4)
            .map(|i| {
                let ((a, b), (c, d)) = (base[i], base[(i + 1) % 4]);
                vec![corner(a, b, 30.0), corner(c, d, 30.0), corner(c, d, 34.0), corner(a, b, 34.0)]
            })
            .collect();
        rings.push(base.iter().map(|&(e, n)| corner(e, n, 34.0)).collect());
        if bottom {
            rings.push(base.iter().rev().map(|&(e, n)| corner(e, n, 30.0)).collect());
        }
        rings
    }

    #[test]
    fn the_order_of_axes_is_what_shapes_say_where_the_other_is_often_meant() {
        let (berlin, berlin_deg) = ([24_000.0, 21_000.0], [13.4, 52.5]);
        let (zone_3, delft) = ([3_500_000.0, 5_400_000.0], [85_000.0, 446_500.0]);
        // CRS, place, whether the file has northing first, whether its faces look inwards, whether easting is then read
        // first, the warning.
        for (name, place, north_first, inward, east_first, warning) in [
            ("EPSG:3068", berlin, true, false, false, None),
            ("EPSG:3068", berlin, false, false, true, Some("axes_swapped")),
            ("EPSG:4258", berlin_deg, true, false, false, None),
            ("EPSG:4258", berlin_deg, false, false, true, Some("axes_swapped")),
            ("EPSG:31467", zone_3, true, false, false, None),
            ("EPSG:31467", zone_3, false, false, true, Some("axes_swapped")),
            // Inside out, but in no other order anywhere near the zone, or on the Earth.
            ("EPSG:31467", zone_3, true, true, false, None),
            ("EPSG:4258", [139.7, 35.6], true, true, false, None),
            ("EPSG:28992", delft, false, false, true, None),
            ("EPSG:28992", delft, false, true, true, None),
        ] {
            let crs = Arc::new(Crs::parse(name, AxisOrder::Authority).expect(name));
            let unit_m = if crs.in_degrees() { DEGREE_M } else { 1.0 };
            for bottom in [true, false] {
                let mut ballot = Ballot::default();
                // One that is built badly changes nothing.
                for turned in std::iter::repeat_n(inward, 30).chain([!inward]) {
                    let mut rings = house(place, unit_m, north_first, bottom);
                    if turned {
                        rings.iter_mut().for_each(|ring| ring.reverse());
                    }
                    ballot.object();
                    ballot.shape(&crs, &rings);
                }
                let mut warnings = Warnings::default();
                let decided = ballot.decide(crs.clone(), "file", &mut warnings);
                let told: Vec<&str> = warnings.0.keys().map(String::as_str).collect();
                let case = format!("{name}, northing first: {north_first}, inward: {inward}, bottom: {bottom}");
                assert_eq!(told, Vec::from_iter(warning), "{case}");
                assert_eq!(!decided.swaps_axes(), east_first, "{case}");
            }
        }
    }

    #[test]
    fn what_is_not_closed_says_nothing() {
        let house = house([0.0, 0.0], 1.0, false, true);
        let without = |gone: &[usize]| -> Vec<Vec<[f64; 3]>> {
            let kept = house.iter().enumerate().filter(|(i, _)| !gone.contains(i));
            kept.map(|(_, ring)| ring.clone()).collect()
        };
        let broken = vec![vec![[f64::NAN, 0.0, 0.0]; 4]; 6];
        let flat = vec![house[4].clone()];
        for (case, rings, closed) in [
            ("closed", without(&[]), true),
            ("without a bottom", without(&[5]), true),
            ("without a wall", without(&[0]), false),
            ("a roof alone", flat, false),
            ("no coordinates", broken, false),
            ("nothing", Vec::new(), false),
        ] {
            assert_eq!(Enclosed::by(rings.iter(), [1.0; 2]).is_some(), closed, "{case}");
        }
    }

    #[test]
    fn a_shape_is_turned_if_all_of_it_is_inside_out() {
        let delft = house([4.36, 52.0], DEGREE_M, false, true);
        // Faces that are there, four walls, a roof and a bottom; those that look the wrong way; whether all are turned.
        for (there, wrong, turned) in [
            (&[0, 1, 2, 3, 4, 5][..], &[][..], false),
            (&[0, 1, 2, 3, 4, 5], &[0, 1, 2, 3, 4, 5], true),
            (&[0, 1, 2, 3, 4], &[0, 1, 2, 3, 4], true),
            (&[0, 1, 2, 3, 4, 5], &[5], false),
            (&[0, 1, 2, 3, 4], &[0, 1, 2, 3], false),
            (&[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5], false),
            (&[4], &[4], false),
            (&[], &[], false),
        ] {
            let face = |&at: &usize| {
                let mut ring = delft[at].clone();
                if wrong.contains(&at) {
                    ring.reverse();
                }
                Face { rings: vec![ring], class: None, color: None, drape: None, marks: None }
            };
            let before: Vec<Face> = there.iter().map(face).collect();
            let mut after = before.clone();
            assert_eq!(turn(&mut after), turned, "{there:?}, {wrong:?}");
            let expected = before.iter().map(|face| {
                let mut rings = face.rings.clone();
                rings.iter_mut().filter(|_| turned).for_each(|ring| ring.reverse());
                rings
            });
            assert!(after.iter().map(|face| face.rings.clone()).eq(expected), "{there:?}, {wrong:?}");
        }
    }
}
