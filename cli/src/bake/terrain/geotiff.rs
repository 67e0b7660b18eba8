//! GeoTIFF (OGC 19-008r4) of one band of heights: its place by a transform or a scale and a point, its CRS by EPSG code.

use super::raster::{MOST_SAMPLES, Raster, Unplaced};
use crate::bake::crs::{AxisOrder, Crs};
use crate::bake::source::Fault;
use std::io::Cursor;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

/// Keys of the directory, by their numbers in the standard.
const RASTER_TYPE: u16 = 1025;
const GEOGRAPHIC_CRS: u16 = 2048;
const PROJECTED_CRS: u16 = 3072;
const VERTICAL_UNIT: u16 = 4099;
/// The raster's coordinates mean samples themselves, not the corners of their squares.
const PIXEL_IS_POINT: u16 = 2;
/// "User-defined": by parameters that are not read.
const NO_CODE: u16 = 32767;
/// Heights beyond are no heights, whatever the file calls unknown.
const MOST_M: f64 = 20_000.0;

/// Whether a file begins as a TIFF or a BigTIFF does.
pub(in crate::bake) fn is_tiff(beginning: &[u8]) -> bool {
    matches!(beginning, [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..])
}

/// Whether it is a picture rather than a raster of one band.
pub(in crate::bake) fn is_picture(bytes: &[u8]) -> bool {
    let color = Decoder::new(Cursor::new(bytes)).and_then(|mut file| file.colortype());
    color.is_ok_and(|color| !matches!(color, ColorType::Gray(_)))
}

/// Reads one; also how many samples were unknown. `crs`: of a file that names none.
pub(in crate::bake) fn read(bytes: Vec<u8>, crs: Option<&str>) -> Result<(Raster, usize), Fault> {
    let broken = |error: TiffError| Fault::new("TIFF", error.to_string());
    let mut limits = Limits::default();
    limits.decoding_buffer_size = MOST_SAMPLES * 4;
    let mut file = Decoder::new(Cursor::new(bytes)).map_err(broken)?.with_limits(limits);
    let (width, height) = file.dimensions().map_err(broken)?;
    let size = [width as usize, height as usize];
    if size.contains(&0) || size[0].checked_mul(size[1]).is_none_or(|samples| samples > MOST_SAMPLES) {
        return Err(Fault::new("TIFF", format!("{width} × {height} samples; at most {MOST_SAMPLES} are read")));
    }
    if !matches!(file.colortype().map_err(broken)?, ColorType::Gray(_)) {
        return Err(Fault::new("TIFF", "a picture; only rasters of one band of heights are read, as terrain"));
    }
    let keys = Keys::read(&mut file);
    let crs = keys.crs(crs)?;
    let crs_from_grid = placement(&mut file, keys.is_point())
        .ok_or_else(|| Fault::new("GeoTIFF", "it does not say where it lies (no ModelPixelScale and ModelTiepoint)"))?;
    let unknown = file.get_tag_ascii_string(Tag::GdalNodata).ok();
    let unknown = unknown.and_then(|text| text.trim_matches(['\0', ' ']).parse::<f64>().ok());
    let samples = file.read_image().map_err(broken)?;
    let unit_m = keys.unit_m();
    let height = |value: f64| {
        let is_known = value.is_finite() && unknown != Some(value) && value.abs() <= MOST_M;
        if is_known { (value * unit_m) as f32 } else { f32::NAN }
    };
    let heights_m = heights(&samples, height)?;
    if heights_m.len() != size[0] * size[1] {
        return Err(Fault::new(
            "TIFF",
            format!("{} samples; expected {width} × {height}", heights_m.len(), height = size[1]),
        ));
    }
    Raster::new(size, heights_m, crs, crs_from_grid).map_err(|unplaced| {
        Fault::new(
            "GeoTIFF",
            match unplaced {
                Unplaced::Void => "no sample has a height",
                Unplaced::Outside => {
                    "its corners lie outside of the Earth, or of what its CRS can say: is its CRS right?"
                }
                Unplaced::Flat => "the transform that says where it lies has no inverse",
            },
        )
    })
}

fn heights(samples: &DecodingResult, height: impl Fn(f64) -> f32) -> Result<Vec<f32>, Fault> {
    fn all<T: Copy + Into<f64>>(values: &[T], height: impl Fn(f64) -> f32) -> Vec<f32> {
        values.iter().map(|value| height((*value).into())).collect()
    }
    Ok(match samples {
        DecodingResult::U8(values) => all(values, height),
        DecodingResult::U16(values) => all(values, height),
        DecodingResult::U32(values) => all(values, height),
        DecodingResult::I8(values) => all(values, height),
        DecodingResult::I16(values) => all(values, height),
        DecodingResult::I32(values) => all(values, height),
        DecodingResult::F32(values) => all(values, height),
        DecodingResult::F64(values) => all(values, height),
        _ => return Err(Fault::new("TIFF", "samples of 16-bit floats or 64-bit integers are not read")),
    })
}

/// `x = a·column + b·row + c`, `y = d·column + e·row + f` of the middles of samples.
fn placement(file: &mut Decoder<Cursor<Vec<u8>>>, is_point: bool) -> Option<[f64; 6]> {
    let mut numbers = |tag| file.get_tag_f64_vec(tag).ok();
    let affine = match numbers(Tag::ModelTransformationTag) {
        Some(matrix) if matrix.len() >= 8 => [matrix[0], matrix[1], matrix[3], matrix[4], matrix[5], matrix[7]],
        _ => {
            let (scale, tie) = (numbers(Tag::ModelPixelScaleTag)?, numbers(Tag::ModelTiepointTag)?);
            let ([width, height, ..], [column, row, _, x, y, ..]) = (&scale[..], &tie[..]) else { return None };
            [*width, 0.0, x - column * width, 0.0, -height, y + row * height]
        }
    };
    let half = if is_point { 0.0 } else { 0.5 };
    let [a, b, c, d, e, f] = affine;
    let shifted = [a, b, c + (a + b) * half, d, e, f + (d + e) * half];
    shifted.iter().all(|value| value.is_finite()).then_some(shifted)
}

/// The directory of keys whose values stand in it.
struct Keys(Vec<u16>);

impl Keys {
    fn read(file: &mut Decoder<Cursor<Vec<u8>>>) -> Self {
        Self(file.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).unwrap_or_default())
    }

    fn get(&self, key: u16) -> Option<u16> {
        let entries = self.0.get(4..).unwrap_or_default().as_chunks::<4>().0;
        // A location of 0 says that the value stands here.
        entries.iter().find(|[id, location, ..]| *id == key && *location == 0).map(|[.., value]| *value)
    }

    fn is_point(&self) -> bool {
        self.get(RASTER_TYPE) == Some(PIXEL_IS_POINT)
    }

    /// Metres of the unit of heights; foot and US survey foot by their EPSG codes.
    fn unit_m(&self) -> f64 {
        match self.get(VERTICAL_UNIT) {
            Some(9002) => 0.3048,
            Some(9003) => 1200.0 / 3937.0,
            _ => 1.0,
        }
    }

    fn crs(&self, given: Option<&str>) -> Result<Crs, Fault> {
        let code = [PROJECTED_CRS, GEOGRAPHIC_CRS].into_iter().find_map(|key| self.get(key));
        let name = match (code.filter(|code| !matches!(*code, 0 | NO_CODE)), given) {
            (Some(code), _) => format!("EPSG:{code}"),
            (None, Some(given)) => given.to_owned(),
            (None, None) => {
                return Err(Fault::new(
                    "GeoTIFF",
                    "it names no coordinate reference system by its code: say which it is, for example --crs EPSG:25832",
                ));
            }
        };
        Crs::parse(&name, AxisOrder::EastNorth).map_err(|error| Fault::new("GeoTIFF", error.to_string()))
    }
}

#[cfg(test)]
pub(in crate::bake) mod tests {
    use super::*;
    use tiff::encoder::{TiffEncoder, colortype};

    /// A GeoTIFF of floats, 30 m apart, whose north-western sample's corner is at easting and northing of a UTM zone.
    pub(in crate::bake) fn written(size: [u32; 2], corner: [f64; 2], epsg: u16, heights: &[f32]) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut out).expect("begun");
        let mut image = encoder.new_image::<colortype::Gray32Float>(size[0], size[1]).expect("an image");
        let directory = image.encoder();
        directory.write_tag(Tag::ModelPixelScaleTag, &[30.0, 30.0, 0.0][..]).expect("a tag");
        directory.write_tag(Tag::ModelTiepointTag, &[0.0, 0.0, 0.0, corner[0], corner[1], 0.0][..]).expect("a tag");
        let keys = [1, 1, 0, 2, 1024, 0, 1, 1, PROJECTED_CRS, 0, 1, epsg];
        directory.write_tag(Tag::GeoKeyDirectoryTag, &keys[..]).expect("a tag");
        directory.write_tag(Tag::GdalNodata, "-9999").expect("a tag");
        image.write_data(heights).expect("written");
        out.into_inner()
    }

    #[test]
    fn samples_lie_in_the_middle_of_their_squares_of_the_named_system() {
        let bytes = written([3, 2], [372_000.0, 4_845_000.0], 32632, &[1.0, 2.0, 3.0, 11.0, 12.0, -9999.0]);
        assert!(is_tiff(&bytes));
        let (raster, voids) = read(bytes, None).expect("a raster");
        assert_eq!(voids, 1);
        let utm = Crs::parse("EPSG:32632", AxisOrder::EastNorth).expect("UTM");
        for (x, y, expected) in
            [(372_015.0, 4_844_985.0, 1.0), (372_045.0, 4_844_955.0, 12.0), (372_030.0, 4_844_970.0, 6.5)]
        {
            let [lon, lat] = utm.lonlat(x, y).expect("a place");
            let found = raster.height_m(lon, lat).expect("inside");
            assert!((found - expected).abs() < 1e-3, "{x} {y}: {found}");
        }
    }

    #[test]
    fn files_that_gdal_wrote_are_read_whatever_they_are_packed_with() {
        // 24 × 20 samples of 10 m in RD New: height = 3 · column + 2 · row; the north-western one is unknown.
        let rd = Crs::parse("EPSG:28992", AxisOrder::EastNorth).expect("RD New");
        for bytes in [
            // 16-bit integers in strips, LZW with a predictor; floats in tiles, Deflate with the predictor of floats.
            &include_bytes!("../../../../fuzz/seeds/bake/hills-lzw.tif")[..],
            &include_bytes!("../../../../fuzz/seeds/bake/hills-deflate.tif")[..],
        ] {
            let (raster, voids) = read(bytes.to_vec(), None).expect("a raster");
            assert_eq!(voids, 1);
            for (column, row) in
                [(1, 0), (0, 5), (23, 19), (17, 16), (12, 3)].map(|(c, r)| (f64::from(c), f64::from(r)))
            {
                let [lon, lat] = rd.lonlat(85_005.0 + 10.0 * column, 446_595.0 - 10.0 * row).expect("a place");
                let found = raster.height_m(lon, lat).expect("inside");
                assert!((found - 3.0 * column - 2.0 * row).abs() < 0.01, "{column} {row}: {found}");
            }
        }
    }

    #[test]
    fn what_is_no_raster_of_heights_is_refused_with_a_sentence() {
        let good = written([2, 2], [372_000.0, 4_845_000.0], 32632, &[1.0, 2.0, 3.0, 4.0]);
        let reason = |bytes: Vec<u8>| read(bytes, None).map(|_| ()).map_err(|fault| fault.message);
        let message = |epsg| reason(written([2, 2], [372_000.0, 4_845_000.0], epsg, &[1.0; 4])).expect_err("refused");
        assert!(message(NO_CODE).contains("--crs"), "{}", message(NO_CODE));
        assert!(message(9999).contains("EPSG:9999"), "{}", message(9999));
        let void = reason(written([2, 2], [372_000.0, 4_845_000.0], 32632, &[-9999.0; 4])).expect_err("void");
        assert!(void.contains("no sample has a height"), "{void}");
        assert!(!is_picture(&good));
        let mut picture = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut picture).expect("begun");
        encoder.write_image::<colortype::RGB8>(1, 1, &[1, 2, 3]).expect("written");
        assert!(is_picture(picture.get_ref()));
        assert!(reason(picture.into_inner()).expect_err("a picture").contains("one band"));
        // Cut anywhere, or with any byte changed, it is an error or a raster, never a panic.
        for at in 0..good.len() {
            let _ = reason(good[..at].to_vec());
            for value in [0, 1, 127, 255] {
                let mut bytes = good.clone();
                bytes[at] = value;
                let _ = reason(bytes);
            }
        }
    }
}
