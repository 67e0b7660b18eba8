//! Pictures of a tile's surfaces → textures of the tile.
//!
//! Of each picture only the parts that the tile shows are kept, as coarse as its geometric error allows, and put side by
//! side on pages. A picture that repeats over large surfaces becomes a texture of its own that repeats; where it repeats
//! little, it is unrolled onto a page. Texels are read picture by picture, so that no more than the pages and one picture
//! are in memory.

use super::BakeError;
use super::content::{Content, Part, Skin, Texture, TextureWrap};
use super::mesh::{Draped, Mesh};
use super::picture::{Picture, Shelf, Wrap, texel};
use citytwin_tiles::Pixels;
use etagere::{AtlasAllocator, size2};
use glam::DVec2;
use std::collections::BTreeMap;
use webp_writer::{ColorType, EncoderParams, WebPEncoder};

/// Texels finer than this are not kept, metres.
pub(super) const FINEST_TEXEL_M: f64 = 0.01;
/// Geometric error over the size of a texel: a tile gives way to its children when its error is 16 px wide.
pub(super) const TEXELS_PER_ERROR: f64 = 16.0;
/// Longest side of a page.
const PAGE_PX: u32 = 2048;
/// Texels of all pages of a tile; beyond, all of them become coarser.
const MAX_TEXELS: f64 = (1u64 << 22) as f64;
/// A part goes on so far beyond its own border, so that mipmaps and filters do not mix it with its neighbours.
const PADDING_PX: u32 = 4;
/// A picture that would be unrolled to more than so many times its own area repeats instead.
const MAX_UNROLLED: f64 = 4.0;
/// How good WebP pictures are, of 100.
const QUALITY: u8 = 80;
/// Of the texels that are not opaque, the share between seen and unseen from which a page is blended, not cut out.
const BLENDED_SHARE: usize = 8;

/// Puts the pictures that parts show into textures, and what is see-through into parts of its own. A content without
/// either stays as it is.
///
/// # Errors
/// [`BakeError::Encode`] when a texture does not fit its format.
pub(super) fn drape(content: &mut Content, shelf: &Shelf, texel_m: f64) -> Result<(), BakeError> {
    let parts = std::mem::take(&mut content.parts);
    for part in parts {
        let see_through = part.mesh.colors.iter().any(|color| color[3] < 255);
        if part.flat_order.is_some() || (part.mesh.draped.is_empty() && !see_through) {
            content.parts.push(part);
            continue;
        }
        divide(part, content, shelf, texel_m)?;
    }
    Ok(())
}

/// Texels that a piece of a mesh needs, at the finest.
pub(super) fn texels(mesh: &Mesh, pictures: &[Picture]) -> u64 {
    let mut by_picture: BTreeMap<u32, f64> = BTreeMap::new();
    for piece in &mesh.draped {
        let Some(face) = Face::of(mesh, piece, pictures) else { continue };
        let scale = (face.texel_m / FINEST_TEXEL_M).min(1.0);
        *by_picture.entry(piece.picture).or_default() += face.rect.area() * scale * scale;
    }
    let whole =
        |picture: u32| pictures.get(picture as usize).map_or(0.0, |p| f64::from(p.size[0]) * f64::from(p.size[1]));
    by_picture.into_iter().map(|(picture, texels)| texels.min(whole(picture)) as u64).sum()
}

fn divide(part: Part, content: &mut Content, shelf: &Shelf, texel_m: f64) -> Result<(), BakeError> {
    let Part { mesh, featured, .. } = part;
    let mut faces: Vec<Face> = Vec::new();
    let mut is_draped = vec![false; mesh.indices.len() / 3];
    for piece in &mesh.draped {
        if let Some(face) = Face::of(&mesh, piece, shelf.pictures) {
            is_draped[piece.indices.start / 3..piece.indices.end / 3].fill(true);
            faces.push(face);
        }
    }
    let alpha = |triangle: usize| mesh.colors[mesh.indices[triangle * 3] as usize][3];
    let plain = |see_through: bool| {
        let chosen = (0..is_draped.len()).filter(|&t| !is_draped[t] && (alpha(t) < 255) == see_through);
        piece_of(&mesh, chosen, true).0
    };
    for (see_through, skin) in [(false, Skin::Plain), (true, Skin::Glass)] {
        let mesh = plain(see_through);
        if !mesh.is_empty() {
            content.parts.push(Part { mesh, flat_order: None, featured, skin });
        }
    }
    let layout = Layout::of(faces, shelf, texel_m);
    for sheet in layout.sheets {
        let painted = sheet.paint(shelf)?;
        let mut skinned = Mesh::default();
        let mut uvs: Vec<[f32; 2]> = Vec::new();
        for (face, to_uv) in &sheet.faces {
            let triangles = face.piece.indices.start / 3..face.piece.indices.end / 3;
            let first = face.piece.first_vertex as usize;
            let (own, used) = piece_of(&mesh, triangles, false);
            uvs.extend(used.into_iter().map(|vertex| {
                let at = (face.points[vertex as usize - first] - to_uv.from) * to_uv.scale;
                [at.x as f32, at.y as f32]
            }));
            skinned.append(&own);
        }
        let skin = match painted {
            Some(painted) => {
                content.textures.push(painted);
                Skin::Textured { texture: content.textures.len() - 1, uvs }
            }
            None => Skin::Plain,
        };
        content.parts.push(Part { mesh: skinned, flat_order: None, featured, skin });
    }
    Ok(())
}

/// Some triangles of a mesh, with the edges between their vertices or without any; and which vertices of the mesh they
/// have, ascending, as they stand in the piece.
fn piece_of(mesh: &Mesh, triangles: impl Iterator<Item = usize>, with_edges: bool) -> (Mesh, Vec<u32>) {
    let triangles: Vec<usize> = triangles.collect();
    let corners = || triangles.iter().flat_map(|t| &mesh.indices[t * 3..t * 3 + 3]);
    let mut used: Vec<u32> = corners().copied().collect();
    used.sort_unstable();
    used.dedup();
    let new = |old: u32| used.binary_search(&old).ok().map(|new| new as u32);
    let at = |old: &u32| *old as usize;
    let piece = Mesh {
        positions: used.iter().map(|old| mesh.positions[at(old)]).collect(),
        normals: used.iter().map(|old| mesh.normals[at(old)]).collect(),
        colors: used.iter().map(|old| mesh.colors[at(old)]).collect(),
        features: used.iter().map(|old| mesh.features[at(old)]).collect(),
        indices: corners().filter_map(|&old| new(old)).collect(),
        outline: match with_edges {
            true => mesh.outline.iter().filter_map(|&[a, b]| Some([new(a)?, new(b)?])).collect(),
            false => Vec::new(),
        },
        draped: Vec::new(),
    };
    (piece, used)
}

/// A rectangle of texels of a picture; beyond 0 and its size where the picture goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rect {
    low: DVec2,
    high: DVec2,
}

impl Rect {
    fn area(&self) -> f64 {
        let size = self.high - self.low;
        size.x.max(1.0) * size.y.max(1.0)
    }

    fn union(&self, other: &Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// A surface that shows a picture.
struct Face<'a> {
    piece: &'a Draped,
    /// For each vertex, texels from the picture's upper left corner.
    points: Vec<DVec2>,
    /// Around the points.
    rect: Rect,
    /// Whether it shows more than the picture once.
    repeats: bool,
    /// How large a texel of the picture is on it, metres.
    texel_m: f64,
}

impl<'a> Face<'a> {
    /// Nothing for a picture that is not known or a face that is not there.
    fn of(mesh: &Mesh, piece: &'a Draped, pictures: &[Picture]) -> Option<Self> {
        let picture = pictures.get(piece.picture as usize).filter(|picture| picture.size[0] > 0)?;
        let size = DVec2::new(f64::from(picture.size[0]), f64::from(picture.size[1]));
        let mut points: Vec<DVec2> =
            piece.uvs.iter().map(|&[u, v]| DVec2::new(f64::from(u), 1.0 - f64::from(v)) * size).collect();
        // Farther out, floats no longer tell texels apart.
        if points.is_empty() || !points.iter().all(|p| p.is_finite() && p.abs().max_element() < 1e7) {
            return None;
        }
        let bounds = |points: &[DVec2]| {
            let first = Rect { low: points[0], high: points[0] };
            points.iter().fold(first, |rect, p| rect.union(&Rect { low: *p, high: *p }))
        };
        let mut rect = bounds(&points);
        let period = match picture.wrap {
            Wrap::Repeat => size,
            Wrap::Mirror => size * 2.0,
            Wrap::Clamp | Wrap::Border => DVec2::INFINITY,
        };
        if period.is_finite() {
            // Half a texel beyond the border is a slip of rounding.
            let shift = ((rect.low + 0.5) / period).floor() * period;
            points.iter_mut().for_each(|p| *p -= shift);
            rect = Rect { low: rect.low - shift, high: rect.high - shift };
        }
        let within = rect.low.min_element() >= -0.5 && (rect.high - size).max_element() <= 0.5;
        if within {
            points.iter_mut().for_each(|p| *p = p.clamp(DVec2::ZERO, size));
            rect = bounds(&points);
        }
        let first = piece.first_vertex;
        let (mut area_m2, mut area_px) = (0.0, 0.0);
        for t in mesh.indices[piece.indices.clone()].chunks_exact(3) {
            let [a, b, c] = [t[0], t[1], t[2]];
            let at = |i: u32| mesh.positions[i as usize];
            let px = |i: u32| points.get((i - first) as usize).copied();
            area_m2 += (at(b) - at(a)).cross(at(c) - at(a)).length();
            area_px += (px(b)? - px(a)?).perp_dot(px(c)? - px(a)?).abs();
        }
        let texel_m = if area_px > 1e-6 { (area_m2 / area_px).sqrt() } else { f64::INFINITY };
        Some(Self { piece, points, rect, repeats: !within, texel_m })
    }
}

/// A part of a picture on a page.
struct Region {
    picture: u32,
    /// Whole texels.
    rect: Rect,
    /// The largest of a texel on its faces, metres.
    texel_m: f64,
    faces: Vec<usize>,
    /// Upper left corner on the page, without padding.
    at: [u32; 2],
    size: [u32; 2],
}

impl Region {
    /// Size at a scale.
    fn scaled(&self, scale: f64) -> [u32; 2] {
        let size = (self.rect.high - self.rect.low) * scale;
        let most = f64::from(PAGE_PX - 2 * PADDING_PX);
        [size.x, size.y].map(|side| side.ceil().clamp(1.0, most) as u32)
    }

    /// How much a picture may be scaled down for texels of a size.
    fn scale(&self, texel_m: f64) -> f64 {
        (self.texel_m / texel_m).clamp(1e-6, 1.0)
    }

    fn cost(&self, texel_m: f64) -> f64 {
        cost(&self.rect, self.scale(texel_m))
    }
}

/// Texels that a rectangle takes on a page.
fn cost(rect: &Rect, scale: f64) -> f64 {
    let size = (rect.high - rect.low) * scale + 2.0 * f64::from(PADDING_PX);
    size.x * size.y
}

/// From texels of a picture to texture coordinates.
struct ToUv {
    from: DVec2,
    scale: DVec2,
}

/// A texture: what is on it, and which faces show it.
struct Sheet<'a> {
    size: [u32; 2],
    regions: Vec<Region>,
    wrap: TextureWrap,
    see_through: bool,
    faces: Vec<(Face<'a>, ToUv)>,
}

struct Layout<'a> {
    sheets: Vec<Sheet<'a>>,
}

impl<'a> Layout<'a> {
    fn of(faces: Vec<Face<'a>>, shelf: &Shelf, texel_m: f64) -> Self {
        let mut by_picture: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (i, face) in faces.iter().enumerate() {
            by_picture.entry(face.piece.picture).or_default().push(i);
        }
        let (mut regions, mut repeating) = (Vec::new(), Vec::new());
        for (picture, of_picture) in by_picture {
            match whole(picture, &of_picture, &faces, shelf, texel_m) {
                Some(region) => repeating.push(region),
                None => regions.extend(regions_of(picture, &of_picture, &faces, texel_m)),
            }
        }
        // Coarser texels until all of them are few enough.
        let mut coarse_m = texel_m;
        for _ in 0..32 {
            let all = regions.iter().chain(&repeating);
            let texels: f64 = all.map(|region| region.cost(coarse_m)).sum();
            if texels <= MAX_TEXELS {
                break;
            }
            coarse_m = coarse_m.max(FINEST_TEXEL_M) * (texels / MAX_TEXELS).sqrt().max(1.05);
        }
        for region in regions.iter_mut().chain(&mut repeating) {
            region.size = region.scaled(region.scale(coarse_m));
        }
        let (clear, opaque): (Vec<Region>, Vec<Region>) =
            regions.into_iter().partition(|region| shelf.pictures[region.picture as usize].see_through);
        let mut sheets: Vec<Sheet> = Vec::new();
        for (regions, see_through) in [(opaque, false), (clear, true)] {
            sheets.extend(pages(regions).into_iter().map(|(size, regions)| Sheet {
                size,
                regions,
                wrap: TextureWrap::Clamp,
                see_through,
                faces: Vec::new(),
            }));
        }
        for region in repeating {
            let picture = &shelf.pictures[region.picture as usize];
            sheets.push(Sheet {
                size: region.size,
                wrap: if picture.wrap == Wrap::Mirror { TextureWrap::Mirror } else { TextureWrap::Repeat },
                see_through: picture.see_through,
                regions: vec![region],
                faces: Vec::new(),
            });
        }
        let mut faces: Vec<Option<Face>> = faces.into_iter().map(Some).collect();
        for sheet in &mut sheets {
            let page = DVec2::new(f64::from(sheet.size[0]), f64::from(sheet.size[1]));
            for region in &sheet.regions {
                let per_texel = DVec2::new(f64::from(region.size[0]), f64::from(region.size[1]))
                    / (region.rect.high - region.rect.low);
                let at = DVec2::new(f64::from(region.at[0]), f64::from(region.at[1]));
                for face in region.faces.iter().filter_map(|&i| faces[i].take()) {
                    let to_uv = ToUv { from: region.rect.low - at / per_texel, scale: per_texel / page };
                    sheet.faces.push((face, to_uv));
                }
            }
        }
        Self { sheets }
    }
}

/// The whole picture as a texture that repeats, where its faces would be unrolled to much more.
fn whole(picture: u32, of: &[usize], faces: &[Face], shelf: &Shelf, texel_m: f64) -> Option<Region> {
    let Picture { wrap, size, .. } = &shelf.pictures[picture as usize];
    if !matches!(wrap, Wrap::Repeat | Wrap::Mirror) {
        return None;
    }
    let rect = Rect { low: DVec2::ZERO, high: DVec2::new(f64::from(size[0]), f64::from(size[1])) };
    let unrolled: f64 = of.iter().map(|&i| &faces[i]).filter(|face| face.repeats).map(|face| face.rect.area()).sum();
    let texel_of = |of: &[usize]| of.iter().map(|&i| faces[i].texel_m).filter(|m| m.is_finite()).fold(0.0, f64::max);
    let own_m = texel_of(of);
    let region = Region { picture, rect, texel_m: own_m, faces: of.to_vec(), at: [0; 2], size: [0; 2] };
    // The same scale makes both smaller; a picture of a few texels is unrolled rather than drawn by itself.
    let scale = region.scale(texel_m);
    (unrolled > MAX_UNROLLED * rect.area() && unrolled * scale * scale > 4096.0).then_some(region)
}

/// The parts of a picture that faces show. Parts are joined where that takes less than each by itself.
fn regions_of(picture: u32, of: &[usize], faces: &[Face], texel_m: f64) -> Vec<Region> {
    let mut sorted: Vec<usize> = of.to_vec();
    sorted.sort_by(|&a, &b| faces[b].rect.area().total_cmp(&faces[a].rect.area()).then(a.cmp(&b)));
    let mut regions: Vec<Region> = Vec::new();
    for i in sorted {
        let face = &faces[i];
        let rect = Rect { low: face.rect.low.floor(), high: face.rect.high.ceil().max(face.rect.low.floor() + 1.0) };
        let own = Region {
            picture,
            rect,
            texel_m: if face.texel_m.is_finite() { face.texel_m } else { 0.0 },
            faces: vec![i],
            at: [0; 2],
            size: [0; 2],
        };
        join(own, &mut regions, texel_m);
    }
    // What has grown may take in its neighbours now.
    for _ in 0..3 {
        let before = regions.len();
        for region in std::mem::take(&mut regions) {
            join(region, &mut regions, texel_m);
        }
        if regions.len() == before {
            break;
        }
    }
    regions
}

/// Regions that a new one is compared with: the most recent of very many.
const COMPARED: usize = 512;

fn join(new: Region, regions: &mut Vec<Region>, texel_m: f64) {
    let own = new.cost(texel_m);
    let gain = |region: &Region| {
        let both = Region {
            texel_m: region.texel_m.max(new.texel_m),
            rect: region.rect.union(&new.rect),
            faces: Vec::new(),
            ..*region
        };
        let most = f64::from(PAGE_PX - 2 * PADDING_PX);
        let fits = ((both.rect.high - both.rect.low) * both.scale(texel_m)).max_element() <= most;
        region.cost(texel_m) + own - if fits { both.cost(texel_m) } else { f64::INFINITY }
    };
    let recent = regions.len().saturating_sub(COMPARED);
    let best = regions[recent..].iter().enumerate().map(|(i, region)| (gain(region), recent + i));
    match best.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((gain, i)) if gain >= 0.0 => {
            let region = &mut regions[i];
            region.rect = region.rect.union(&new.rect);
            region.texel_m = region.texel_m.max(new.texel_m);
            region.faces.extend(new.faces);
        }
        _ => regions.push(new),
    }
}

/// Puts regions on pages, each as small as what is on it.
fn pages(mut regions: Vec<Region>) -> Vec<([u32; 2], Vec<Region>)> {
    let padded = |region: &Region| region.size.map(|side| side + 2 * PADDING_PX);
    regions.sort_by_key(|region| {
        let [width, height] = padded(region);
        (std::cmp::Reverse(height), std::cmp::Reverse(width))
    });
    let mut pages = Vec::new();
    while !regions.is_empty() {
        let texels: f64 = regions.iter().map(padded).map(|[w, h]| f64::from(w) * f64::from(h)).sum();
        let widest = regions.iter().map(|region| padded(region)[0]).max().unwrap_or(1);
        // About square, so that the corners of small pages are not far from their middle.
        let width = ((texels * 1.1).sqrt() as u32).next_multiple_of(16).clamp(widest, PAGE_PX);
        let mut allocator = AtlasAllocator::new(size2(width as i32, PAGE_PX as i32));
        let (mut placed, mut left) = (Vec::new(), Vec::new());
        let mut used = [1, 1];
        for mut region in std::mem::take(&mut regions) {
            let [w, h] = padded(&region);
            match allocator.allocate(size2(w as i32, h as i32)) {
                Some(found) => {
                    let corner = [found.rectangle.min.x, found.rectangle.min.y].map(|v| v.max(0) as u32);
                    region.at = corner.map(|v| v + PADDING_PX);
                    used = [used[0].max(corner[0] + w), used[1].max(corner[1] + h)];
                    placed.push(region);
                }
                None => left.push(region),
            }
        }
        if placed.is_empty() {
            break;
        }
        pages.push((used, placed));
        regions = left;
    }
    pages
}

impl Sheet<'_> {
    /// The texture; nothing when no picture of it can be read any more.
    fn paint(&self, shelf: &Shelf) -> Result<Option<Texture>, BakeError> {
        let [width, height] = self.size.map(|side| side as usize);
        let mut rgba = vec![0u8; width * height * 4];
        let padding = if self.wrap == TextureWrap::Clamp { PADDING_PX } else { 0 };
        let mut order: Vec<&Region> = self.regions.iter().collect();
        order.sort_by_key(|region| region.picture);
        let mut any = false;
        for same in order.chunk_by(|a, b| a.picture == b.picture) {
            let Ok(pixels) = shelf.pixels(same[0].picture) else { continue };
            any = true;
            let picture = &shelf.pictures[same[0].picture as usize];
            for region in same {
                copy(region, picture, &pixels, padding, &mut rgba, width);
            }
        }
        if !any {
            return Ok(None);
        }
        if !self.see_through {
            fill(&mut rgba);
        }
        let unseen = |texel: &&[u8; 4]| texel[3] < 255;
        let texels = rgba.as_chunks::<4>().0;
        let between = texels.iter().filter(|texel| (16..240).contains(&texel[3])).count();
        let blended = between > texels.iter().filter(unseen).count() / BLENDED_SHARE;
        let webp = encode(&rgba, self.size, self.see_through)?;
        Ok(Some(Texture { webp, wrap: self.wrap, see_through: self.see_through, blended }))
    }
}

/// Copies a part of a picture to its place, and so much of what goes on beyond. Where it is scaled down, a texel is the
/// mean of those that it covers.
fn copy(region: &Region, picture: &Picture, pixels: &Pixels, padding: u32, rgba: &mut [u8], width: usize) {
    let [w, h] = region.size.map(i64::from);
    let step = (region.rect.high - region.rect.low) / DVec2::new(w as f64, h as f64);
    let padding = i64::from(padding);
    let covered = |i: i64, low: f64, step: f64| {
        let (from, to) = (low + i as f64 * step, low + (i + 1) as f64 * step);
        // Exact where nothing is scaled.
        let from = (from + 1e-6).floor() as i64;
        from..((to - 1e-6).ceil() as i64).max(from + 1)
    };
    for j in -padding..h + padding {
        let rows = covered(j, region.rect.low.y, step.y);
        for i in -padding..w + padding {
            let columns = covered(i, region.rect.low.x, step.x);
            let (mut sum, mut weight, mut alpha, mut count) = ([0u64; 3], 0u64, 0u64, 0u64);
            for y in rows.clone() {
                for x in columns.clone() {
                    let [r, g, b, a] = texel(pixels, picture.wrap, x, y).unwrap_or(picture.border).map(u64::from);
                    // What is not seen has no colour, but must have one where all is unseen.
                    let share = a * 255 + 1;
                    sum = [sum[0] + r * share, sum[1] + g * share, sum[2] + b * share];
                    (weight, alpha, count) = (weight + share, alpha + a, count + 1);
                }
            }
            let (x, y) = ((i64::from(region.at[0]) + i) as usize, (i64::from(region.at[1]) + j) as usize);
            let at = (y * width + x) * 4;
            let mean = |total: u64| ((total + weight / 2) / weight) as u8;
            rgba[at..at + 4].copy_from_slice(&[mean(sum[0]), mean(sum[1]), mean(sum[2]), (alpha / count) as u8]);
        }
    }
}

/// Gives what nothing was put on the mean colour of the rest: mipmaps of the rest take some of it.
fn fill(rgba: &mut [u8]) {
    let (mut sum, mut count) = ([0u64; 3], 0u64);
    for texel in rgba.as_chunks::<4>().0.iter().filter(|texel| texel[3] > 0) {
        (0..3).for_each(|k| sum[k] += u64::from(texel[k]));
        count += 1;
    }
    let [r, g, b] = sum.map(|channel| (channel / count.max(1)) as u8);
    rgba.as_chunks_mut::<4>().0.iter_mut().filter(|texel| texel[3] == 0).for_each(|texel| *texel = [r, g, b, 255]);
}

fn encode(rgba: &[u8], [width, height]: [u32; 2], see_through: bool) -> Result<Vec<u8>, BakeError> {
    let mut webp = Vec::new();
    let mut encoder = WebPEncoder::new(&mut webp);
    let mut params = EncoderParams::default();
    (params.use_lossy, params.lossy_quality) = (true, QUALITY);
    encoder.set_params(params);
    let opaque: Vec<u8>;
    let (samples, kind) = if see_through {
        (rgba, ColorType::Rgba8)
    } else {
        opaque = rgba.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
        (&opaque[..], ColorType::Rgb8)
    };
    encoder
        .encode(samples, width, height, kind)
        .map_err(|error| BakeError::Encode { what: "a texture".into(), message: error.to_string() })?;
    Ok(webp)
}
