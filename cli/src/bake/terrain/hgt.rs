//! SRTM's `.hgt`: a square of big-endian 16-bit metres over one degree, rows from the north. Its place is its name.

use super::raster::{Raster, Unplaced};
use crate::bake::crs::Crs;
use crate::bake::source::Fault;

/// Samples along a side of the products: 3″, 1.5″, 1″.
const SIDES: [usize; 3] = [1201, 2401, 3601];
/// What stands where nothing was measured.
const VOID: i16 = i16::MIN;
/// Nothing on land is lower or higher, metres: a file that begins otherwise is none.
const SANE_M: std::ops::RangeInclusive<i16> = -500..=9000;

/// South-western corner, degrees, that a name says (`N43E007.hgt`, `S23W044.SRTMGL1.hgt.zip`).
pub(in crate::bake) fn corner(name: &str) -> Option<[f64; 2]> {
    let name = name.rsplit(['/', '\\']).next()?.split('.').next()?;
    let bytes = name.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        let text = name.get(range)?;
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<f64>().ok())?
    };
    let (lat, lon) = (digits(1..3)?, digits(4..7)?);
    let sign = |byte: u8, plus: u8, minus: u8| match byte.to_ascii_uppercase() {
        b if b == plus => Some(1.0),
        b if b == minus => Some(-1.0),
        _ => None,
    };
    let corner = [lon * sign(bytes[3], b'E', b'W')?, lat * sign(bytes[0], b'N', b'S')?];
    (bytes.len() == 7 && lon <= 180.0 && lat <= 90.0).then_some(corner)
}

/// Whether a file may be one, by its name and how it begins.
pub(in crate::bake) fn is_hgt(name: &str, beginning: &[u8]) -> bool {
    let first = beginning.first_chunk().map(|pair| i16::from_be_bytes(*pair));
    corner(name).is_some() && first.is_some_and(|height| height == VOID || SANE_M.contains(&height))
}

/// Reads one; also how many samples were unknown.
pub(in crate::bake) fn read(name: &str, bytes: &[u8]) -> Result<(Raster, usize), Fault> {
    let fault = |message: String| Fault::new("heights", message);
    let Some(&side) = SIDES.iter().find(|side| **side * **side * 2 == bytes.len()) else {
        return Err(fault(format!(
            "{} bytes; a file of SRTM heights has 2,884,802 (3 arc seconds), 11,529,602 or 25,934,402 (1 arc second)",
            bytes.len()
        )));
    };
    let [west, south] = corner(name).ok_or_else(|| fault(format!("\"{name}\" names no place")))?;
    let (pairs, _) = bytes.as_chunks::<2>();
    let height = |pair: &[u8; 2]| match i16::from_be_bytes(*pair) {
        VOID => f32::NAN,
        height => f32::from(height),
    };
    let step = 1.0 / (side - 1) as f64;
    let crs_from_grid = [step, 0.0, west, 0.0, -step, south + 1.0];
    Raster::new([side; 2], pairs.iter().map(height).collect(), Crs::wgs84(), crs_from_grid).map_err(|unplaced| {
        fault(match unplaced {
            Unplaced::Void => "no sample has a height".into(),
            Unplaced::Outside | Unplaced::Flat => format!("\"{name}\" names no place on Earth"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_where_a_square_of_heights_lies() {
        for (name, expected) in [
            ("N43E007.hgt", Some([7.0, 43.0])),
            ("dem/s23w044.SRTMGL1.hgt", Some([-44.0, -23.0])),
            ("N43E007", Some([7.0, 43.0])),
            ("N43E07.hgt", None),
            ("N43E0077.hgt", None),
            ("X43E007.hgt", None),
            ("N99E007.hgt", None),
            ("N4é007x.hgt", None),
            ("monaco.osm", None),
            ("", None),
        ] {
            assert_eq!(corner(name), expected, "{name}");
        }
    }

    #[test]
    fn rows_run_from_the_north_and_a_wrong_size_is_told() {
        let side = 1201;
        let mut bytes = vec![0; side * side * 2];
        // The second sample of the northernmost row, and one that was not measured.
        bytes[2..4].copy_from_slice(&500_i16.to_be_bytes());
        bytes[4..6].copy_from_slice(&VOID.to_be_bytes());
        let (raster, voids) = read("N43E007.hgt", &bytes).expect("heights");
        assert_eq!(voids, 1);
        assert_eq!(raster.height_m(7.0 + 1.0 / 1200.0, 44.0).map(f64::round), Some(500.0));
        assert_eq!(raster.height_m(7.5, 43.5), Some(0.0));
        let message = read("N43E007.hgt", &bytes[2..]).expect_err("cut").message;
        assert!(message.contains("2884800 bytes") && message.contains("2,884,802"), "{message}");
        assert!(is_hgt("N43E007.hgt", &bytes) && !is_hgt("N43E007.json", b"{\"type\"") && !is_hgt("x.hgt", &bytes));
    }
}
