//! Textures of tiles, and what primitives do with them.

use citytwin_tiles::{
    Alpha, FeatureIds, FeatureSet, Filter, Image, ImageFormat, Primitive, Sampler, TextureRef, TileContent, Wrap,
};
use js_sys::Uint8Array;
use litemap::LiteMap;
use web_sys::{ImageBitmap, WebGl2RenderingContext as Gl, WebGlTexture};

/// `EXT_texture_filter_anisotropic`: `TEXTURE_MAX_ANISOTROPY_EXT`, and how much of it, which keeps roofs and streets
/// clear that are seen at a slant.
const MAX_ANISOTROPY: (u32, f32) = (0x84FE, 4.0);

/// Extensions, and the formats that they bring.
const EXTENSIONS: [(&str, &[ImageFormat]); 4] = [
    ("WEBGL_compressed_texture_astc", &[ImageFormat::Astc4x4]),
    ("EXT_texture_compression_bptc", &[ImageFormat::Bc7]),
    ("WEBGL_compressed_texture_etc", &[ImageFormat::Etc2Rgb, ImageFormat::Etc2Rgba]),
    ("WEBGL_compressed_texture_s3tc", &[ImageFormat::Bc1, ImageFormat::Bc3]),
];

/// The compressed formats that the GPU takes. Turns them on.
pub(in crate::device) fn formats(gl: &Gl) -> Vec<ImageFormat> {
    let has = |name: &str| gl.get_extension(name).ok().flatten().is_some();
    has("EXT_texture_filter_anisotropic");
    // Colours are stored in sRGB: without that form of it, S3TC is of no use.
    let srgb = has("WEBGL_compressed_texture_s3tc_srgb");
    let found = EXTENSIONS.iter().filter(|(name, _)| has(name) && (srgb || !name.ends_with("s3tc")));
    found.flat_map(|(_, formats)| formats.iter().copied()).collect()
}

/// The pictures of a content, in main memory.
pub(in crate::device) struct Pictures {
    /// Images that the GPU takes as they are.
    pub(in crate::device) bytes: Uint8Array,
    /// The others, by the number of the image.
    pub(in crate::device) bitmaps: Vec<Option<ImageBitmap>>,
}

impl Pictures {
    pub(in crate::device) fn heap_bytes(&self) -> u64 {
        let bitmap = |b: &ImageBitmap| u64::from(b.width()) * u64::from(b.height()) * 4;
        u64::from(self.bytes.length()) + self.bitmaps.iter().flatten().map(bitmap).sum::<u64>()
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        self.bitmaps.iter().flatten().for_each(ImageBitmap::close);
    }
}

/// Table and "no feature" id of the features that are seen of a primitive: those of its instances or vertices, else
/// those in a texture.
pub(in crate::device) fn seen_features(primitive: &Primitive) -> (Option<u32>, Option<u32>) {
    match id_texture(primitive) {
        Some((set, _, _)) => (set.table, set.null_id),
        None => (primitive.table, primitive.null_feature_id),
    }
}

/// The set of feature ids in a texture, where nothing else says what is what.
fn id_texture(primitive: &Primitive) -> Option<(&FeatureSet, &TextureRef, &[u8])> {
    if primitive.feature_ids.is_some() || primitive.instances.is_some_and(|i| i.feature_ids.is_some()) {
        return None;
    }
    let in_texture = |set: &'_ FeatureSet| matches!(set.ids, FeatureIds::Texture { .. });
    let sets = || primitive.feature_sets.iter().filter(|set| in_texture(set));
    let set = sets().find(|set| set.table.is_some()).or_else(|| sets().next())?;
    match &set.ids {
        FeatureIds::Texture { texture, channels } => Some((set, texture, channels)),
        _ => None,
    }
}

/// What a primitive needs beyond plain colours.
pub(super) struct Rich {
    pub(super) base: Option<WebGlTexture>,
    pub(super) ids: Option<WebGlTexture>,
    /// As `rich.glsl` reads them.
    pub(super) uniforms: [f32; 20],
    /// Sets of texture coordinates for the base colour and the ids.
    pub(super) texcoords: [Option<u32>; 2],
}

/// What a texture holds: colours are filtered in linear light, ids are not touched at all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Color,
    Ids,
}

/// A content's textures on the GPU, each made once.
pub(super) struct Textures<'a> {
    gl: &'a Gl,
    content: &'a TileContent,
    pictures: &'a Pictures,
    made: LiteMap<(u32, Use), Option<WebGlTexture>>,
}

impl<'a> Textures<'a> {
    pub(super) fn new(gl: &'a Gl, content: &'a TileContent, pictures: &'a Pictures) -> Self {
        Self { gl, content, pictures, made: LiteMap::new() }
    }

    /// What a primitive needs; `None` when the plain programs can draw it.
    pub(super) fn rich(&mut self, primitive: &Primitive) -> Option<Rich> {
        let has = |t: &TextureRef| primitive.texcoords.iter().any(|(set, _)| *set == t.texcoords);
        let base_ref = primitive.base_color_texture.filter(has);
        let id_ref = id_texture(primitive).filter(|(_, t, _)| has(t));
        let base = base_ref.and_then(|t| self.texture(t.texture, Use::Color));
        let ids = id_ref.and_then(|(_, t, _)| self.texture(t.texture, Use::Ids));
        let cutoff = if let Alpha::Mask(cutoff) = primitive.alpha { cutoff } else { -1.0 };
        if base.is_none() && ids.is_none() && cutoff < 0.0 && !primitive.unlit {
            return None;
        }
        let mut uniforms = [0.0; 20];
        let mut rows = |at: usize, transform: [f32; 6], flags: [f32; 2]| {
            uniforms[at..at + 3].copy_from_slice(&transform[..3]);
            uniforms[at + 4..at + 7].copy_from_slice(&transform[3..]);
            (uniforms[at + 3], uniforms[at + 7]) = (flags[0], flags[1]);
        };
        let flag = |on: bool| f32::from(u8::from(on));
        rows(0, base_ref.map_or(TextureRef::IDENTITY, |t| t.transform), [flag(base.is_some()), cutoff]);
        let transform = id_ref.map_or(TextureRef::IDENTITY, |(_, t, _)| t.transform);
        rows(8, transform, [flag(ids.is_some()), flag(primitive.unlit)]);
        for (place, channel) in id_ref.map_or(&[][..], |(_, _, channels)| channels).iter().take(4).enumerate() {
            uniforms[16 + usize::from(*channel & 3)] = 256f32.powi(place as i32);
        }
        let texcoords = [base_ref.map(|t| t.texcoords), id_ref.map(|(_, t, _)| t.texcoords)];
        Some(Rich { base, ids, uniforms, texcoords })
    }

    /// All that were made.
    pub(super) fn finish(self) -> Vec<WebGlTexture> {
        self.made.into_iter().filter_map(|(_, made)| made).collect()
    }

    fn texture(&mut self, index: u32, purpose: Use) -> Option<WebGlTexture> {
        if let Some(made) = self.made.get(&(index, purpose)) {
            return made.clone();
        }
        let made = self.make(index, purpose);
        self.made.insert((index, purpose), made.clone());
        made
    }

    fn make(&self, index: u32, purpose: Use) -> Option<WebGlTexture> {
        let texture = self.content.textures.get(index as usize)?;
        let image = self.content.images.get(texture.image as usize)?;
        let bitmap = self.pictures.bitmaps.get(texture.image as usize).and_then(Option::as_ref);
        let most = self.gl.get_parameter(Gl::MAX_TEXTURE_SIZE).ok()?.as_f64()?;
        let (width, height) = bitmap.map_or((image.width, image.height), |b| (b.width(), b.height()));
        if image.format.mime().is_some() && bitmap.is_none() || f64::from(width.max(height)) > most {
            return None;
        }
        let gl = self.gl;
        let made = gl.create_texture()?;
        gl.active_texture(Gl::TEXTURE0);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&made));
        gl.pixel_storei(Gl::UNPACK_ALIGNMENT, 1);
        let levels = match bitmap {
            Some(bitmap) => upload_bitmap(gl, bitmap, purpose).map(|()| 1),
            None => upload_levels(gl, image, &self.pictures.bytes, purpose),
        };
        let Some(levels) = levels else {
            gl.delete_texture(Some(&made));
            return None;
        };
        let can_reduce = levels == 1 && !is_compressed(image.format);
        sample(gl, texture.sampler, purpose, levels, can_reduce);
        gl.bind_texture(Gl::TEXTURE_2D, None);
        Some(made)
    }
}

fn upload_bitmap(gl: &Gl, bitmap: &ImageBitmap, purpose: Use) -> Option<()> {
    let format = if purpose == Use::Color { Gl::SRGB8_ALPHA8 } else { Gl::RGBA8 } as i32;
    gl.tex_image_2d_with_u32_and_u32_and_image_bitmap(Gl::TEXTURE_2D, 0, format, Gl::RGBA, Gl::UNSIGNED_BYTE, bitmap)
        .ok()
}

/// Uploads every level that is there; how many.
fn upload_levels(gl: &Gl, image: &Image, bytes: &Uint8Array, purpose: Use) -> Option<i32> {
    let format = gl_format(image.format, purpose);
    for (level, (start, end)) in image.levels.iter().enumerate() {
        let size = |full: u32| (full >> level).max(1) as i32;
        let (width, height, part) = (size(image.width), size(image.height), bytes.subarray(*start, *end));
        if is_compressed(image.format) {
            gl.compressed_tex_image_2d_with_array_buffer_view(
                Gl::TEXTURE_2D,
                level as i32,
                format,
                width,
                height,
                0,
                &part,
            );
        } else {
            gl.tex_image_2d_with_i32_and_i32_and_i32_and_format_and_type_and_opt_array_buffer_view(
                Gl::TEXTURE_2D,
                level as i32,
                format as i32,
                width,
                height,
                0,
                Gl::RGBA,
                Gl::UNSIGNED_BYTE,
                Some(&part),
            )
            .ok()?;
        }
    }
    (!image.levels.is_empty()).then_some(image.levels.len() as i32)
}

fn is_compressed(format: ImageFormat) -> bool {
    format.mime().is_none() && format != ImageFormat::Rgba8
}

/// As the WebGL extensions number the formats; colours in their sRGB form.
fn gl_format(format: ImageFormat, purpose: Use) -> u32 {
    let (linear, srgb) = match format {
        ImageFormat::Astc4x4 => (0x93B0, 0x93D0),
        ImageFormat::Bc7 => (0x8E8C, 0x8E8D),
        ImageFormat::Bc1 => (0x83F0, 0x8C4C),
        ImageFormat::Bc3 => (0x83F3, 0x8C4F),
        ImageFormat::Etc2Rgb => (0x9274, 0x9275),
        ImageFormat::Etc2Rgba => (0x9278, 0x9279),
        ImageFormat::Rgba8 | ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Webp => (Gl::RGBA8, Gl::SRGB8_ALPHA8),
    };
    if purpose == Use::Color { srgb } else { linear }
}

/// Sets how the bound texture is sampled. `can_reduce`: the GPU may make the levels that are missing.
fn sample(gl: &Gl, sampler: Sampler, purpose: Use, levels: i32, can_reduce: bool) {
    let set = |name: u32, value: u32| gl.tex_parameteri(Gl::TEXTURE_2D, name, value as i32);
    for (name, wrap) in [(Gl::TEXTURE_WRAP_S, sampler.wrap[0]), (Gl::TEXTURE_WRAP_T, sampler.wrap[1])] {
        let mode = match wrap {
            Wrap::Repeat => Gl::REPEAT,
            Wrap::Mirror => Gl::MIRRORED_REPEAT,
            Wrap::Clamp => Gl::CLAMP_TO_EDGE,
        };
        set(name, mode);
    }
    let plain = |filter: Filter| if filter == Filter::Linear { Gl::LINEAR } else { Gl::NEAREST };
    if purpose == Use::Ids {
        set(Gl::TEXTURE_MAG_FILTER, Gl::NEAREST);
        set(Gl::TEXTURE_MIN_FILTER, Gl::NEAREST);
        return;
    }
    set(Gl::TEXTURE_MAG_FILTER, plain(sampler.magnify));
    let mipmap = sampler.mipmap.filter(|_| levels > 1 || can_reduce);
    set(
        Gl::TEXTURE_MIN_FILTER,
        match (sampler.minify, mipmap) {
            (filter, None) => plain(filter),
            (Filter::Nearest, Some(Filter::Nearest)) => Gl::NEAREST_MIPMAP_NEAREST,
            (Filter::Nearest, Some(Filter::Linear)) => Gl::NEAREST_MIPMAP_LINEAR,
            (Filter::Linear, Some(Filter::Nearest)) => Gl::LINEAR_MIPMAP_NEAREST,
            (Filter::Linear, Some(Filter::Linear)) => Gl::LINEAR_MIPMAP_LINEAR,
        },
    );
    if mipmap.is_some() && can_reduce {
        gl.generate_mipmap(Gl::TEXTURE_2D);
    } else {
        set(Gl::TEXTURE_MAX_LEVEL, levels as u32 - 1);
    }
    if sampler.minify == Filter::Linear {
        gl.tex_parameterf(Gl::TEXTURE_2D, MAX_ANISOTROPY.0, MAX_ANISOTROPY.1);
    }
}
