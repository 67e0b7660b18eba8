//! KTX2 textures of Basis Universal (`KHR_texture_basisu`): header by `ktx2`, pixels by `basisu`.

use super::bytes::{Fault, malformed};
use super::metadata::push;
use super::{Context, Decoder};
use crate::{Image, ImageFormat};
use basisu::{DecodeFlags, SourceFormat, TargetFormat, Transcoder};

/// Transcodes all levels into what the GPU takes, appended to `out`.
pub(crate) fn transcode(bytes: &[u8], context: Context<'_>, out: &mut Vec<u8>) -> Result<Image, Fault> {
    context.need(Decoder::Basis)?;
    let (width, height, levels) = check(bytes, context)?;
    let bad = |error: basisu::Error| Fault::Malformed(format!("KTX2: {error:?}"));
    let texture = Transcoder::new(bytes).map_err(bad)?;
    let (format, target) = target(&texture, width, height, context.gpu_formats())?;
    let mut image = Image { format, width, height, levels: Vec::new() };
    for level in 0..levels.min(texture.level_count().max(1)) {
        let size = texture.output_size(level, target).map_err(bad)?;
        context.take(size)?;
        let pixels = texture.transcode(level, target, DecodeFlags::NONE).map_err(bad)?;
        image.levels.push(push(out, &pixels)?);
    }
    Ok(image)
}

/// Width, height and levels; everything that `basisu` believes of the header is compared with what is there.
fn check(bytes: &[u8], context: Context<'_>) -> Result<(u32, u32, u32), Fault> {
    let bad = |error: ktx2::ParseError| Fault::Malformed(format!("KTX2: {error:?}"));
    let reader = ktx2::Reader::new(bytes).map_err(bad)?;
    let header = reader.header();
    let (width, height) = (header.pixel_width, header.pixel_height);
    if width == 0 || height == 0 || header.pixel_depth > 0 || header.layer_count > 1 || header.face_count != 1 {
        return Err(Fault::Unsupported("a KTX2 texture that is not one flat image".into()));
    }
    super::image::check_pixels(width, height, context)?;
    let most = 32 - width.max(height).leading_zeros();
    if header.level_count > most {
        return malformed(format!("KTX2: {} mipmap levels of {width} × {height}", header.level_count));
    }
    for (i, level) in reader.levels().enumerate() {
        // The largest block is 16 bytes for 4 × 4 pixels.
        let blocks = |side: u32| u64::from((side >> i).max(1).div_ceil(4));
        let most = blocks(width) * blocks(height) * 16;
        if level.uncompressed_byte_length > most {
            return malformed(format!("KTX2: level {i} claims {} bytes", level.uncompressed_byte_length));
        }
    }
    let global = reader.supercompression_global_data();
    if header.supercompression_scheme == Some(ktx2::SupercompressionScheme::BasisLZ) {
        let word = |at: usize| super::bytes::u32_at(global, at) as usize;
        let descriptions = (header.level_count.max(1) as usize) * 20;
        let parts = [20, descriptions, word(4), word(8), word(12)];
        if global.len() < 20 || parts.into_iter().try_fold(0usize, usize::checked_add).is_none_or(|n| n > global.len())
        {
            return malformed("KTX2: its code books reach beyond the file");
        }
    }
    Ok((width, height, header.level_count.max(1)))
}

/// The best format of those that the GPU takes. ETC1S is a subset of ETC1, UASTC of ASTC: those lose nothing.
fn target(
    texture: &Transcoder<'_>,
    width: u32,
    height: u32,
    wanted: &[ImageFormat],
) -> Result<(ImageFormat, TargetFormat), Fault> {
    use ImageFormat::{Astc4x4, Bc1, Bc3, Bc7, Etc2Rgb, Etc2Rgba, Rgba8};
    let ranked: &[ImageFormat] = match (texture.source_format(), texture.has_alpha()) {
        (SourceFormat::Etc1s, false) => &[Etc2Rgb, Bc7, Bc1, Astc4x4, Rgba8],
        (SourceFormat::Etc1s, true) => &[Etc2Rgba, Bc7, Bc3, Astc4x4, Rgba8],
        (_, false) => &[Astc4x4, Bc7, Etc2Rgb, Bc1, Rgba8],
        (_, true) => &[Astc4x4, Bc7, Etc2Rgba, Bc3, Rgba8],
    };
    // WebGL takes S3TC and BPTC only where the sides are multiples of the block's.
    let whole = width.is_multiple_of(4) && height.is_multiple_of(4);
    let usable = |format: &ImageFormat| match format {
        Rgba8 => true,
        Bc1 | Bc3 | Bc7 => whole && wanted.contains(format),
        _ => wanted.contains(format),
    };
    let target = |format: ImageFormat| match format {
        Astc4x4 => TargetFormat::Astc4x4Rgba,
        Bc7 => TargetFormat::Bc7Rgba,
        Bc1 => TargetFormat::Bc1Rgb,
        Bc3 => TargetFormat::Bc3Rgba,
        Etc2Rgb => TargetFormat::Etc1Rgb,
        Etc2Rgba => TargetFormat::Etc2Rgba,
        _ => TargetFormat::Rgba32,
    };
    ranked
        .iter()
        .copied()
        .filter(usable)
        .map(|format| (format, target(format)))
        .find(|(_, target)| texture.supports(*target))
        .ok_or_else(|| Fault::Unsupported(format!("a KTX2 texture in {:?}", texture.source_format())))
}
