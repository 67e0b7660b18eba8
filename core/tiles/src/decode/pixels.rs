//! Texels on the CPU: for tools, and for ids and properties in textures. A browser shows images without this.

use super::Limits;
use super::bytes::{Fault, malformed};
use super::image;
use crate::{Attribute, FeatureIds, ImageFormat, Problem, Sampler, TextureRef, TileContent, Wrap};
use std::io::Cursor;

/// A decoded image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Red, green, blue, alpha; rows from the top. Colours are as stored, without any conversion.
    pub rgba: Vec<u8>,
}

impl TileContent {
    /// Decodes one of [`TileContent::images`].
    ///
    /// # Errors
    /// A [`Problem`] when there is no such image, when it is damaged or over the limits, and for block-compressed
    /// images: ask for those without formats in [`crate::Resources::gpu_formats`].
    pub fn pixels(&self, image: u32, limits: &Limits) -> Result<Pixels, Problem> {
        self.read_pixels(image, limits).map_err(|fault| fault.problem(format!("images[{image}]")))
    }

    fn read_pixels(&self, image: u32, limits: &Limits) -> Result<Pixels, Fault> {
        let Some(image) = self.images.get(image as usize) else { return malformed("there is no such image") };
        let range = image.levels.first().map_or(0..0, |(start, end)| *start as usize..*end as usize);
        let bytes = self.image_bytes.get(range).unwrap_or_default();
        Pixels::of((image.format, image.width, image.height), bytes, limits)
    }
}

impl Pixels {
    /// Width and height that the header of a PNG, JPEG or WebP file says.
    ///
    /// # Errors
    /// A [`Problem`] when it is of another format or its header is damaged.
    pub fn size_of(bytes: &[u8]) -> Result<(u32, u32), Problem> {
        image::measured(bytes).map(|(_, width, height)| (width, height)).map_err(|fault| fault.problem("image"))
    }

    /// Decodes a PNG, JPEG or WebP file.
    ///
    /// # Errors
    /// A [`Problem`] when it is of another format, damaged, or over [`Limits::image_pixels`], which is compared with its
    /// header before there is room for texels.
    pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, Problem> {
        let pixels = image::measured(bytes).and_then(|header| Self::of(header, bytes, limits));
        pixels.map_err(|fault| fault.problem("image"))
    }

    fn of((format, width, height): (ImageFormat, u32, u32), bytes: &[u8], limits: &Limits) -> Result<Self, Fault> {
        let size = u64::from(width) * u64::from(height);
        if size > limits.image_pixels {
            return Err(Fault::TooLarge(format!("{size} pixels")));
        }
        let room = usize::try_from(size.saturating_mul(8)).unwrap_or(usize::MAX).saturating_add(1 << 20);
        let pixels = match format {
            ImageFormat::Png => png(bytes, room)?,
            ImageFormat::Jpeg => jpeg(bytes)?,
            ImageFormat::Webp => webp(bytes, room)?,
            ImageFormat::Rgba8 => Pixels { width, height, rgba: bytes.to_vec() },
            other => return Err(Fault::Unsupported(format!("pixels of {other:?}"))),
        };
        match (pixels.width, pixels.height) == (width, height) && pixels.rgba.len() as u64 == size * 4 {
            true => Ok(pixels),
            false => malformed("its pixels are not as many as its header says"),
        }
    }

    /// The nearest texel, wrapped as the sampler says; (0, 0) is the upper left corner.
    pub fn texel(&self, sampler: &Sampler, uv: [f32; 2]) -> [u8; 4] {
        let at = |axis: usize, side: u32| {
            let wrapped = match sampler.wrap[axis] {
                Wrap::Repeat => uv[axis].rem_euclid(1.0),
                Wrap::Clamp => uv[axis].clamp(0.0, 1.0),
                Wrap::Mirror => 1.0 - (uv[axis].rem_euclid(2.0) - 1.0).abs(),
            };
            // The conversion saturates, also for what is not a number.
            ((wrapped * side as f32) as u32).min(side.saturating_sub(1)) as usize
        };
        let start = (at(1, self.height) * self.width as usize + at(0, self.width)) * 4;
        self.rgba.get(start..start + 4).map_or([0; 4], |p| [p[0], p[1], p[2], p[3]])
    }
}

impl TextureRef {
    /// Texture coordinates of a vertex with the transform applied.
    pub fn transformed(&self, [u, v]: [f32; 2]) -> [f32; 2] {
        let m = &self.transform;
        [m[0] * u + m[1] * v + m[2], m[3] * u + m[4] * v + m[5]]
    }
}

impl Attribute {
    /// The first two components of a value, normalised integers as fractions; zero beyond the array.
    pub fn uv(&self, vertices: &[u8], index: u32) -> [f32; 2] {
        let start = self.offset as usize + index as usize * self.stride as usize;
        let read = |c: usize| {
            let bytes = vertices.get(start + c * self.component.size()..).unwrap_or_default();
            let stored = self.component.read(bytes);
            (if self.normalized { stored / self.component.normalizer() } else { stored }) as f32
        };
        [read(0), read(1)]
    }
}

impl FeatureIds {
    /// The id that a texel holds; `None` for ids that are not in a texture.
    pub fn of_texel(&self, texel: [u8; 4]) -> Option<u32> {
        let Self::Texture { channels, .. } = self else { return None };
        let bytes = channels.iter().rev().map(|c| texel.get(usize::from(*c)).copied().unwrap_or(0));
        Some(bytes.fold(0, |id, byte| id << 8 | u32::from(byte)))
    }
}

fn png(bytes: &[u8], room: usize) -> Result<Pixels, Fault> {
    let (width, height, rgba) = super::png::rgba(bytes, room)?;
    Ok(Pixels { width, height, rgba })
}

fn jpeg(bytes: &[u8]) -> Result<Pixels, Fault> {
    use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGBA);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let rgba = decoder.decode().map_err(|e| Fault::Malformed(format!("JPEG: {e}")))?;
    let Some((width, height)) = decoder.dimensions() else { return malformed("JPEG: its size") };
    Ok(Pixels { width: width as u32, height: height as u32, rgba })
}

fn webp(bytes: &[u8], room: usize) -> Result<Pixels, Fault> {
    let bad = |e: image_webp::DecodingError| Fault::Malformed(format!("WebP: {e}"));
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).map_err(bad)?;
    decoder.set_memory_limit(room);
    let Some(len) = decoder.output_buffer_size().filter(|len| *len <= room) else { return malformed("WebP: its size") };
    let mut samples = vec![0; len];
    decoder.read_image(&mut samples).map_err(bad)?;
    let (width, height) = decoder.dimensions();
    let rgba =
        if decoder.has_alpha() { samples } else { super::png::spread::<3>(&samples, |[r, g, b]| [r, g, b, 255]) };
    Ok(Pixels { width, height, rgba })
}
