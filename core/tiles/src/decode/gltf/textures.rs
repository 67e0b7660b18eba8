//! Textures, samplers and images; only those that something uses.

use super::Reader;
use crate::decode::bytes::{Fault, malformed, numbers, uint};
use crate::decode::{Decoder, image};
use crate::{Filter, Sampler, Texture, TextureRef, Wrap};
use serde_json::Value as Json;

/// The image of a texture that needs no transcoder.
pub(super) fn plain_source(texture: &Json) -> Option<usize> {
    uint(&texture["extensions"]["EXT_texture_webp"]["source"]).or_else(|| uint(&texture["source"]))
}

impl Reader<'_> {
    /// What a `textureInfo` refers to.
    pub(super) fn texture_ref(&mut self, info: &Json) -> Result<TextureRef, Fault> {
        let Some(index) = uint(&info["index"]) else { return malformed("a texture without an index") };
        let moved = &info["extensions"]["KHR_texture_transform"];
        let set = uint(&moved["texCoord"]).or_else(|| uint(&info["texCoord"])).unwrap_or(0);
        let texture = match self.textures.get([index as u64, 0]) {
            Some(known) => known.clone()?,
            None => {
                let texture = self.texture(index);
                self.textures.insert([index as u64, 0], texture.clone());
                texture?
            }
        };
        Ok(TextureRef { texture, texcoords: u32::try_from(set).unwrap_or(u32::MAX), transform: transform(moved) })
    }

    fn texture(&mut self, index: usize) -> Result<u32, Fault> {
        let json = &self.json["textures"][index];
        let packed = uint(&json["extensions"]["KHR_texture_basisu"]["source"]);
        let usable = packed.filter(|_| Decoder::Basis.is_here());
        let Some(source) = usable.or_else(|| plain_source(json)).or(packed) else {
            return malformed(format!("texture {index} is missing or has no image"));
        };
        let image = match self.images.get([source as u64, 0]) {
            Some(known) => known.clone()?,
            None => {
                let image = self.image(source);
                self.images.insert([source as u64, 0], image.clone());
                image?
            }
        };
        let sampler = uint(&json["sampler"]).map_or(Sampler::default(), |i| sampler(&self.json["samplers"][i]));
        self.out.textures.push(Texture { image, sampler });
        Ok(self.out.textures.len() as u32 - 1)
    }

    fn image(&mut self, index: usize) -> Result<u32, Fault> {
        let json = &self.json["images"][index];
        let file;
        let bytes: &[u8] = match (json["uri"].as_str(), uint(&json["bufferView"])) {
            (Some(uri), _) => {
                file = self.context.file(uri)?;
                &file
            }
            (None, Some(view)) => &self.views.get(view)?.bytes,
            (None, None) => return malformed(format!("image {index} is missing or has no bytes")),
        };
        let image = image::append(bytes, self.context, &mut self.out.image_bytes)?;
        self.out.images.push(image);
        Ok(self.out.images.len() as u32 - 1)
    }
}

/// `KHR_texture_transform` as a matrix. The rotation is counter-clockwise as seen, with v downwards.
fn transform(json: &Json) -> [f32; 6] {
    if !json.is_object() {
        return TextureRef::IDENTITY;
    }
    let [x, y] = numbers::<2>(&json["offset"]).unwrap_or([0.0; 2]);
    let [width, height] = numbers::<2>(&json["scale"]).unwrap_or([1.0; 2]);
    let (sin, cos) = json["rotation"].as_f64().filter(|r| r.is_finite()).unwrap_or(0.0).sin_cos();
    [cos * width, sin * height, x, -sin * width, cos * height, y].map(|v| v as f32)
}

/// A sampler in glTF's (WebGL's) numbers.
fn sampler(json: &Json) -> Sampler {
    let wrap = |key: &str| match uint(&json[key]) {
        Some(33071) => Wrap::Clamp,
        Some(33648) => Wrap::Mirror,
        _ => Wrap::Repeat,
    };
    let (minify, mipmap) = match uint(&json["minFilter"]) {
        Some(9728) => (Filter::Nearest, None),
        Some(9729) => (Filter::Linear, None),
        Some(9984) => (Filter::Nearest, Some(Filter::Nearest)),
        Some(9985) => (Filter::Linear, Some(Filter::Nearest)),
        Some(9986) => (Filter::Nearest, Some(Filter::Linear)),
        _ => (Filter::Linear, Some(Filter::Linear)),
    };
    let magnify = if uint(&json["magFilter"]) == Some(9728) { Filter::Nearest } else { Filter::Linear };
    Sampler { wrap: [wrap("wrapS"), wrap("wrapT")], magnify, minify, mipmap }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texture_transforms_scale_then_turn_then_move() {
        let quarter = std::f64::consts::FRAC_PI_2;
        let m = transform(&json!({ "offset": [5, 12], "rotation": quarter, "scale": [2.0, 0.5] }));
        // The same numbers as in cesium-native's own test: (1, 1) is scaled to (2, 0.5), turned to (0.5, -2).
        let at = |u: f32, v: f32| [m[0] * u + m[1] * v + m[2], m[3] * u + m[4] * v + m[5]];
        for (found, expected) in at(1.0, 1.0).into_iter().chain(at(0.0, 0.0)).zip([5.5, 10.0, 5.0, 12.0]) {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
        assert_eq!(transform(&Json::Null), TextureRef::IDENTITY);
    }

    #[test]
    fn samplers_are_told_by_their_numbers() {
        let json = json!({ "wrapS": 33071, "wrapT": 33648, "magFilter": 9728, "minFilter": 9985 });
        let expected = Sampler {
            wrap: [Wrap::Clamp, Wrap::Mirror],
            magnify: Filter::Nearest,
            minify: Filter::Linear,
            mipmap: Some(Filter::Nearest),
        };
        assert_eq!(sampler(&json), expected);
        assert_eq!(sampler(&json!({})), Sampler::default());
    }
}
