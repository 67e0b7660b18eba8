//! Quantized-mesh 1.0 (<https://github.com/CesiumGS/quantized-mesh>).

use super::mesh::Surface;
use crate::decode::{
    Context, Fault,
    bytes::{malformed, slice, u32_at},
};

/// Bytes before the number of vertices.
pub(super) const HEADER: usize = 88;
/// Largest value of a quantised coordinate.
pub(super) const MOST: f64 = 32_767.0;
/// No ground is higher or deeper, metres.
const MOST_HEIGHT_M: f64 = 100_000.0;
/// The extension that has a normal for each vertex.
pub(super) const OCT_NORMALS: u8 = 1;

pub(super) fn read(bytes: &[u8], offset_m: f64, context: Context<'_>) -> Result<Surface, Fault> {
    if let [0x1f, 0x8b, ..] = bytes {
        return Err(Fault::Unsupported("gzip without Content-Encoding is not read".into()));
    }
    let header = slice(bytes, 0, HEADER + 4, "terrain header")?;
    let float = |at: usize| f64::from(f32::from_bits(u32_at(header, at)));
    let (low, high) = (float(24), float(28));
    let is_sane = low.abs() <= MOST_HEIGHT_M && high.abs() <= MOST_HEIGHT_M && low <= high;
    if !is_sane {
        return malformed(format!("terrain between {low} and {high} m"));
    }
    let count = u32_at(header, HEADER);
    if count > context.limits().vertices {
        return Err(Fault::TooLarge(format!("{count} vertices")));
    }
    let vertices = count as usize;
    let array = |i: usize| slice(bytes, HEADER + 4 + i * 2 * vertices, 2 * vertices, "terrain vertices");
    let [u, v, heights] = [array(0)?, array(1)?, array(2)?].map(undeltas);
    let wide = vertices > 65_536;
    let size = if wide { 4 } else { 2 };
    let start = (HEADER + 4 + 6 * vertices).next_multiple_of(size);
    let triangles = u32_at(slice(bytes, start, 4, "terrain triangles")?, 0) as usize;
    let length = triangles.checked_mul(3 * size).ok_or_else(|| Fault::TooLarge(format!("{triangles} triangles")))?;
    let stored = slice(bytes, start + 4, length, "terrain indices")?;
    context.take(vertices * 40 + triangles * 12)?;
    let triangles = indices(stored, wide, count)?;
    let at = edges_end(bytes, start + 4 + length, size)?;
    let place = |value: u16| (f64::from(value) / MOST).min(1.0);
    let height = |value: u16| low + place(value) * (high - low) + offset_m;
    Ok(Surface {
        points: (0..vertices).map(|i| [place(u[i]), place(v[i]), height(heights[i])]).collect(),
        triangles,
        normals_ecef: normals(bytes, at, vertices),
        normals_enu: None,
    })
}

/// Zig-zag coded differences to values; what leaves 16 bits wraps, and what leaves the tile is brought back to its side.
fn undeltas(bytes: &[u8]) -> Vec<u16> {
    let mut value = 0_u16;
    let decode = |pair: &[u8; 2]| {
        let code = u16::from_le_bytes(*pair);
        value = value.wrapping_add((code >> 1) ^ (code & 1).wrapping_neg());
        value
    };
    bytes.as_chunks::<2>().0.iter().map(decode).collect()
}

/// "High water mark" coded indices, three each.
fn indices(stored: &[u8], wide: bool, vertices: u32) -> Result<Vec<[u32; 3]>, Fault> {
    let size = if wide { 4 } else { 2 };
    let mut highest = 0_u32;
    let mut out = Vec::with_capacity(stored.len() / size / 3);
    for triangle in stored.chunks_exact(3 * size) {
        let mut corners = [0; 3];
        for (corner, code) in corners.iter_mut().zip(triangle.chunks_exact(size)) {
            let code = code.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
            let Some(index) = highest.checked_sub(code).filter(|index| *index < vertices) else {
                return malformed(format!("a terrain index beyond the {vertices} vertices"));
            };
            highest += u32::from(code == 0);
            *corner = index;
        }
        out.push(corners);
    }
    Ok(out)
}

/// Where the four lists of vertices at the edges end. They are not read: an edge is where coordinates say it is.
fn edges_end(bytes: &[u8], start: usize, size: usize) -> Result<usize, Fault> {
    let mut at = start;
    for _ in 0..4 {
        let count = u32_at(slice(bytes, at, 4, "terrain edge")?, 0) as usize;
        let length = count.checked_mul(size).ok_or_else(|| Fault::TooLarge(format!("{count} vertices at an edge")))?;
        slice(bytes, at + 4, length, "terrain edge")?;
        at += 4 + length;
    }
    Ok(at)
}

/// Unit normals in ECEF axes, where the file has them. Extensions that are cut off or unknown are left alone.
fn normals(bytes: &[u8], start: usize, vertices: usize) -> Option<Vec<[f32; 3]>> {
    let mut at = start;
    while let Some(head) = bytes.get(at..at + 5) {
        let length = u32_at(head, 1) as usize;
        let body = bytes.get(at + 5..(at + 5).checked_add(length)?)?;
        if head[0] == OCT_NORMALS && length == 2 * vertices {
            return Some(body.as_chunks::<2>().0.iter().map(|pair| oct(*pair)).collect());
        }
        at += 5 + length;
    }
    None
}

/// A normal from its oct encoding in two bytes (Cigolle et al., 2014).
fn oct(pair: [u8; 2]) -> [f32; 3] {
    let [x, y] = pair.map(|byte| f32::from(byte) / 255.0 * 2.0 - 1.0);
    let z = 1.0 - x.abs() - y.abs();
    let (x, y) = match z < 0.0 {
        true => ((1.0 - y.abs()) * x.signum(), (1.0 - x.abs()) * y.signum()),
        false => (x, y),
    };
    let length = (x * x + y * y + z * z).sqrt().max(1e-6);
    [x / length, y / length, z / length]
}
