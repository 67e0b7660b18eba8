//! Well-known binary (OGC 06-103r4, section 8; with Z and M as ISO or PostGIS writes them) ↔ geometries.

use super::geojson::{Coordinates, RawGeometry};

/// Collections within collections deeper than this are no honest geometry.
const MAX_DEPTH: u32 = 8;

/// Reads a geometry; nothing when it is damaged or of another kind.
pub(super) fn read(bytes: &[u8]) -> Option<RawGeometry> {
    Wkb { bytes }.geometry(0)
}

/// All positions of a geometry, in order; nothing when it is damaged or of another kind. An empty point has two NaN.
pub(crate) fn positions(bytes: &[u8]) -> Option<Vec<[f64; 2]>> {
    let mut positions = Vec::new();
    read(bytes)?.add_positions(&mut positions);
    Some(positions)
}

/// Writes a point: little-endian, as all that is written here.
pub(super) fn point(at: [f64; 2]) -> Vec<u8> {
    let mut bytes = header(1);
    put_position(&mut bytes, at);
    bytes
}

/// Writes a line.
pub(super) fn line(positions: &[[f64; 2]]) -> Vec<u8> {
    let mut bytes = header(2);
    put_positions(&mut bytes, positions, false);
    bytes
}

/// Writes polygons, each of an outer ring and its holes, open: a `Polygon` where there is one, else a `MultiPolygon`.
pub(super) fn polygons(polygons: &[Vec<Vec<[f64; 2]>>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if polygons.len() != 1 {
        bytes = header(6);
        bytes.extend((polygons.len() as u32).to_le_bytes());
    }
    for rings in polygons {
        bytes.extend(header(3));
        bytes.extend((rings.len() as u32).to_le_bytes());
        rings.iter().for_each(|ring| put_positions(&mut bytes, ring, true));
    }
    bytes
}

fn header(kind: u32) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(kind.to_le_bytes());
    bytes
}

fn put_positions(bytes: &mut Vec<u8>, positions: &[[f64; 2]], closed: bool) {
    let again = positions.first().filter(|_| closed);
    bytes.extend((positions.len() as u32 + u32::from(again.is_some())).to_le_bytes());
    positions.iter().chain(again).for_each(|at| put_position(bytes, *at));
}

fn put_position(bytes: &mut Vec<u8>, at: [f64; 2]) {
    at.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
}

struct Wkb<'a> {
    bytes: &'a [u8],
}

/// How the numbers of a geometry are written.
#[derive(Clone, Copy)]
struct Form {
    little: bool,
    /// Numbers of a position after the first two.
    more: u32,
}

impl Wkb<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*head)
    }

    fn u32(&mut self, little: bool) -> Option<u32> {
        let bytes = self.take()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn f64(&mut self, little: bool) -> Option<f64> {
        let bytes = self.take()?;
        Some(if little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    }

    fn geometry(&mut self, depth: u32) -> Option<RawGeometry> {
        let little = self.take::<1>()? == [1];
        let code = self.u32(little)?;
        // Z and M as ISO writes them (thousands) and as PostGIS does (upper bits), where an SRID may follow.
        let iso = code & 0xffff;
        let has_z = code & 0x8000_0000 != 0 || matches!(iso / 1000, 1 | 3);
        let has_m = code & 0x4000_0000 != 0 || matches!(iso / 1000, 2 | 3);
        let form = Form { little, more: u32::from(has_z) + u32::from(has_m) };
        if code & 0x2000_0000 != 0 {
            self.u32(little)?;
        }
        Some(match iso % 1000 {
            1 => RawGeometry::new("Point", self.position(form)?),
            2 => RawGeometry::new("LineString", self.line(form)?),
            3 => RawGeometry::new("Polygon", self.list(form, |wkb| wkb.line(form))?),
            // Parts have headers of their own.
            kind @ 4..=6 if depth < MAX_DEPTH => {
                let parts = self.list(form, |wkb| wkb.geometry(depth + 1)?.into_coordinates())?;
                RawGeometry::new(["MultiPoint", "MultiLineString", "MultiPolygon"][kind as usize - 4], parts)
            }
            7 if depth < MAX_DEPTH => {
                let count = self.u32(little)?;
                let mut parts = Vec::new();
                for _ in 0..count {
                    parts.push(self.geometry(depth + 1)?);
                }
                RawGeometry::collection(parts)
            }
            _ => return None,
        })
    }

    fn position(&mut self, form: Form) -> Option<Coordinates> {
        let at = [self.f64(form.little)?, self.f64(form.little)?];
        for _ in 0..form.more {
            self.take::<8>()?;
        }
        Some(Coordinates::Position(at))
    }

    fn line(&mut self, form: Form) -> Option<Coordinates> {
        self.list(form, |wkb| wkb.position(form))
    }

    /// As many as a count says; the list grows as they are found.
    fn list(&mut self, form: Form, mut item: impl FnMut(&mut Self) -> Option<Coordinates>) -> Option<Coordinates> {
        let count = self.u32(form.little)?;
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(item(self)?);
        }
        Some(Coordinates::List(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Little-endian: a type, then counts and coordinates as given.
    fn wkb(kind: u32, parts: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(kind.to_le_bytes());
        parts.iter().for_each(|part| bytes.extend(*part));
        bytes
    }

    fn floats(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let ring = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]];
        let closed = "[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]";
        for (bytes, expected) in [
            (point([3.0, 4.5]), "Point [3.0, 4.5]".to_owned()),
            (line(&ring), "LineString [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]".to_owned()),
            (polygons(&[vec![ring.clone(), ring.clone()]]), format!("Polygon [{closed}, {closed}]")),
            (polygons(&[vec![ring.clone()], vec![ring]]), format!("MultiPolygon [[{closed}], [{closed}]]")),
            (polygons(&[]), "MultiPolygon []".to_owned()),
        ] {
            assert_eq!(read(&bytes).map(|geometry| geometry.to_string()), Some(expected));
        }
    }

    #[test]
    fn every_kind_is_read_with_or_without_heights() {
        let (one, two) = (1_u32.to_le_bytes(), 2_u32.to_le_bytes());
        let line = wkb(1002, &[&two, &floats(&[0.0, 1.0, 9.0, 4.0, 2.0, 9.0])]);
        let ring = [&one[..], &two, &floats(&[1.0, 1.0, 3.0, 5.0])].concat();
        let polygon = wkb(3, &[&ring]);
        let big: Vec<u8> = [&[0][..], &1_u32.to_be_bytes(), &7_f64.to_be_bytes(), &8_f64.to_be_bytes()].concat();
        for (bytes, expected) in [
            (wkb(1, &[&floats(&[3.0, 4.0])]), "Point [3.0, 4.0]"),
            (big, "Point [7.0, 8.0]"),
            (wkb(0x2000_0001, &[&4326_u32.to_le_bytes(), &floats(&[1.0, 2.0])]), "Point [1.0, 2.0]"),
            (line.clone(), "LineString [[0.0, 1.0], [4.0, 2.0]]"),
            (polygon.clone(), "Polygon [[[1.0, 1.0], [3.0, 5.0]]]"),
            (wkb(6, &[&one, &polygon]), "MultiPolygon [[[[1.0, 1.0], [3.0, 5.0]]]]"),
            (wkb(5, &[&one, &line]), "MultiLineString [[[0.0, 1.0], [4.0, 2.0]]]"),
            (wkb(7, &[&one, &line]), "GeometryCollection (LineString [[0.0, 1.0], [4.0, 2.0]])"),
        ] {
            assert_eq!(read(&bytes).map(|geometry| geometry.to_string()).as_deref(), Some(expected));
            for len in 0..bytes.len() {
                assert!(read(&bytes[..len]).is_none(), "{expected} cut to {len}");
            }
        }
        let most = u32::MAX.to_le_bytes();
        let mut nested = wkb(1, &[&floats(&[3.0, 4.0])]);
        for _ in 0..50 {
            nested = wkb(7, &[&one, &nested]);
        }
        for bytes in [wkb(99, &[]), wkb(2, &[&most]), wkb(3, &[&most]), wkb(7, &[&most]), nested] {
            assert!(read(&bytes).is_none());
        }
    }
}
