//! What a glTF needs besides its own bytes, asked for all at once before anything is decoded.

use crate::decode::bytes::{items, uint};
use crate::decode::{Context, Decoder};
use serde_json::Value as Json;

/// Asks for every file and decoder that will be used. Faults are met again, and told, where they are used.
pub(super) fn request(json: &Json, context: Context<'_>) {
    if let Some(uri) = json["extensions"]["EXT_structural_metadata"]["schemaUri"].as_str() {
        let _ = context.file(uri);
    }
    if primitives(json).any(|p| p["extensions"]["KHR_draco_mesh_compression"].is_object()) {
        let _ = context.need(Decoder::Draco);
    }
    for texture in used_textures(json) {
        let texture = &json["textures"][texture];
        let basis = uint(&texture["extensions"]["KHR_texture_basisu"]["source"]);
        if basis.is_some() {
            let _ = context.need(Decoder::Basis);
        }
        let image = basis.filter(|_| Decoder::Basis.is_here()).or_else(|| super::textures::plain_source(texture));
        let uri = image.and_then(|image| json["images"][image]["uri"].as_str());
        if let Some(uri) = uri.filter(|uri| !uri.starts_with("data:")) {
            let _ = context.file(uri);
        }
    }
}

fn primitives(json: &Json) -> impl Iterator<Item = &Json> {
    items(&json["meshes"]).iter().flat_map(|mesh| items(&mesh["primitives"]))
}

/// Textures that the content will show or read, in order.
fn used_textures(json: &Json) -> Vec<usize> {
    let of_materials = items(&json["materials"]).iter().map(super::materials::base_color_texture);
    let of_features = primitives(json)
        .flat_map(|p| items(&p["extensions"]["EXT_mesh_features"]["featureIds"]))
        .map(|set| &set["texture"]);
    let metadata = &json["extensions"]["EXT_structural_metadata"];
    let of_properties = items(&metadata["propertyTextures"])
        .iter()
        .filter_map(|t| t["properties"].as_object())
        .flat_map(|p| p.values());
    let infos = of_materials.chain(of_features).chain(of_properties);
    let mut used: Vec<usize> = infos.filter_map(|info| uint(&info["index"])).collect();
    used.sort_unstable();
    used.dedup();
    used
}
