//! Images: told by their first bytes, measured by their headers, kept as they are.

use super::bytes::{Fault, malformed};
use super::metadata::push;
use super::{Context, ktx};
use crate::{Image, ImageFormat};

/// Appends an image's bytes (for KTX2: what the GPU takes) to `out`.
pub(crate) fn append(bytes: &[u8], context: Context<'_>, out: &mut Vec<u8>) -> Result<Image, Fault> {
    if let [0xab, b'K', b'T', b'X', b' ', b'2', b'0', ..] = bytes {
        return ktx::transcode(bytes, context, out);
    }
    let (format, width, height) = measured(bytes)?;
    check_pixels(width, height, context)?;
    context.take(bytes.len())?;
    Ok(Image { format, width, height, levels: vec![push(out, bytes)?] })
}

/// Format and size of an image that is no KTX2, by its header.
pub(crate) fn measured(bytes: &[u8]) -> Result<(ImageFormat, u32, u32), Fault> {
    let (format, size) = match bytes {
        [0x89, b'P', b'N', b'G', ..] => (ImageFormat::Png, png_size(bytes)),
        [0xff, 0xd8, ..] => (ImageFormat::Jpeg, jpeg_size(bytes)),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => (ImageFormat::Webp, webp_size(bytes)),
        _ => return Err(Fault::Unsupported("an image that is neither PNG, JPEG, WebP nor KTX2".into())),
    };
    match size {
        None => malformed(format!("a {format:?} image without a size")),
        Some((width, height)) if width == 0 || height == 0 => {
            malformed(format!("a {format:?} image of {width} × {height} pixels"))
        }
        Some((width, height)) => Ok((format, width, height)),
    }
}

/// Whether an image is within the limit.
pub(crate) fn check_pixels(width: u32, height: u32, context: Context<'_>) -> Result<(), Fault> {
    let most = context.limits().image_pixels;
    if u64::from(width) * u64::from(height) > most {
        return Err(Fault::TooLarge(format!("an image of {width} × {height} pixels, over {most}")));
    }
    Ok(())
}

/// Two big-endian bytes.
fn be16(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(2)?).map(|b| u32::from(b[0]) << 8 | u32::from(b[1]))
}

/// Bytes, little-endian, at most four.
fn le(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    Some(bytes.get(at..at + count)?.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

/// `IHDR` comes first (PNG, section 11.2.1).
fn png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let side = |at| Some(be16(bytes, at)? << 16 | be16(bytes, at + 2)?);
    (bytes.get(12..16)? == b"IHDR").then_some((side(16)?, side(20)?))
}

/// The first start-of-frame marker (ITU T.81, B.2.2).
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = match bytes.get(at..at + 2)? {
            [0xff, 0xff] => {
                at += 1;
                continue;
            }
            [0xff, marker] => *marker,
            _ => return None,
        };
        match marker {
            0x01 | 0xd0..=0xd8 => at += 2,
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return Some((be16(bytes, at + 7)?, be16(bytes, at + 5)?));
            }
            0xd9 | 0xda => return None,
            _ => at += 2 + be16(bytes, at + 2)?.max(2) as usize,
        }
    }
}

/// The first chunk: lossy, lossless or extended (RFC 9649).
fn webp_size(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8 " => Some((le(bytes, 26, 2)? & 0x3fff, le(bytes, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let bits = le(bytes, 21, 4)?;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((le(bytes, 24, 3)? + 1, le(bytes, 27, 3)? + 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_headers_and_damaged_headers_have_none() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x02\0\0\0\x03";
        // An application segment before the frame, a fill byte before its marker.
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x11\x08\0\x07\x01\0\x03";
        let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x05\0\x06\0";
        let lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x04\x40\x01\0";
        let extended = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\xff\0\0\x01\x01\0";
        type Size = fn(&[u8]) -> Option<(u32, u32)>;
        let whole: [(&[u8], Size, (u32, u32)); 5] = [
            (png, png_size, (258, 3)),
            (jpeg, jpeg_size, (256, 7)),
            (lossy, webp_size, (5, 6)),
            (lossless, webp_size, (5, 6)),
            (extended, webp_size, (256, 258)),
        ];
        for (bytes, size, expected) in whole {
            assert_eq!(size(bytes), Some(expected));
            for cut in 2..bytes.len() - 2 {
                assert_eq!(size(&bytes[..cut]), None, "{cut} bytes of {expected:?}");
            }
        }
        assert_eq!(jpeg_size(b"\xff\xd8\xff\xd9"), None);
        assert_eq!(jpeg_size(&[0xff; 64]), None);
    }
}
