//! Texels of PNG files.

use super::bytes::{Fault, malformed};
use std::io::Cursor;

/// Width, height, and red, green, blue, alpha, rows from the top, as stored. `room`: the most bytes it may decode to.
pub(crate) fn rgba(bytes: &[u8], room: usize) -> Result<(u32, u32, Vec<u8>), Fault> {
    let bad = |e: png::DecodingError| Fault::Malformed(format!("PNG: {e}"));
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: room });
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(bad)?;
    let Some(len) = reader.output_buffer_size().filter(|len| *len <= room) else { return malformed("PNG: its size") };
    let mut samples = vec![0; len];
    let info = reader.next_frame(&mut samples).map_err(bad)?;
    let samples = samples.get(..info.buffer_size()).unwrap_or_default();
    let rgba = match info.color_type {
        png::ColorType::Grayscale => spread::<1>(samples, |[v]| [v, v, v, 255]),
        png::ColorType::GrayscaleAlpha => spread::<2>(samples, |[v, a]| [v, v, v, a]),
        png::ColorType::Rgb => spread::<3>(samples, |[r, g, b]| [r, g, b, 255]),
        _ => samples.to_vec(),
    };
    Ok((info.width, info.height, rgba))
}

pub(super) fn spread<const N: usize>(samples: &[u8], rgba: impl Fn([u8; N]) -> [u8; 4]) -> Vec<u8> {
    samples.as_chunks::<N>().0.iter().flat_map(|pixel| rgba(*pixel)).collect()
}
