//! Materials: what of them is drawn.

use super::Reader;
use crate::decode::bytes::{numbers, uint};
use crate::{Alpha, TextureRef};
use serde_json::Value as Json;

/// What a primitive takes from its material.
#[derive(Clone, Copy, Debug)]
pub(super) struct Material {
    pub(super) base_color: [f32; 4],
    pub(super) texture: Option<TextureRef>,
    pub(super) alpha: Alpha,
    pub(super) unlit: bool,
    pub(super) double_sided: bool,
    pub(super) point_diameter_px: Option<f32>,
    pub(super) flat_order: Option<u8>,
}

/// The reference to a material's colours; null where it has none. A material of specular and glossiness is drawn with
/// its diffuse colour.
pub(super) fn base_color_texture(material: &Json) -> &Json {
    let diffuse = &material["extensions"]["KHR_materials_pbrSpecularGlossiness"];
    match diffuse.is_object() {
        true => &diffuse["diffuseTexture"],
        false => &material["pbrMetallicRoughness"]["baseColorTexture"],
    }
}

impl Reader<'_> {
    /// A material by its index; the default one for no index. Its texture is left out, and told, when it is bad.
    pub(super) fn material(&mut self, index: &Json) -> Material {
        let json = self.json;
        let index = uint(index).unwrap_or(usize::MAX);
        let material = &json["materials"][index];
        let info = base_color_texture(material);
        let texture = match info.is_object() {
            false => None,
            true => self
                .texture_ref(info)
                .map_err(|fault| self.report(&format!("materials[{index}].baseColorTexture"), fault))
                .ok(),
        };
        let extensions = &material["extensions"];
        let diffuse = &extensions["KHR_materials_pbrSpecularGlossiness"];
        let factor = match diffuse.is_object() {
            true => &diffuse["diffuseFactor"],
            false => &material["pbrMetallicRoughness"]["baseColorFactor"],
        };
        let alpha = match material["alphaMode"].as_str() {
            Some("MASK") => Alpha::Mask(material["alphaCutoff"].as_f64().unwrap_or(0.5) as f32),
            Some("BLEND") => Alpha::Blend,
            _ => Alpha::Opaque,
        };
        let diameter = extensions["BENTLEY_materials_point_style"]["diameter"].as_f64();
        Material {
            base_color: numbers::<4>(factor).unwrap_or([1.0; 4]).map(|v| v as f32),
            texture,
            alpha,
            unlit: extensions["KHR_materials_unlit"].is_object(),
            double_sided: material["doubleSided"].as_bool().unwrap_or(false),
            point_diameter_px: diameter.filter(|d| *d > 0.0 && *d <= 1024.0).map(|d| d as f32),
            flat_order: uint(&material["extras"]["citytwinFlat"]).and_then(|n| u8::try_from(n).ok()),
        }
    }
}
