//! glTF 2.0 and glb, read in place.

mod accessor;
mod attributes;
mod buffers;
mod features;
mod indices;
mod instances;
mod materials;
mod meshopt;
mod metadata;
mod needs;
mod primitive;
mod textures;

use super::bytes::{Fault, items, malformed, numbers, slice, strings, tidy, u32_at, uint};
use super::{Context, Decoder};
use crate::memo::Memo;
use crate::{Problem, TileContent};
use buffers::BufferViews;
use glam::{DMat4, DQuat, DVec3};
use primitive::Shape;
use serde_json::Value as Json;

/// Extensions that are understood, or may be ignored without drawing anything wrong.
pub(super) const UNDERSTOOD: [&str; 21] = [
    "BENTLEY_materials_point_style",
    "CESIUM_RTC",
    "CESIUM_primitive_outline",
    "EXT_instance_features",
    "EXT_mesh_features",
    "EXT_mesh_gpu_instancing",
    "EXT_meshopt_compression",
    "EXT_structural_metadata",
    "EXT_texture_webp",
    "KHR_draco_mesh_compression",
    "KHR_materials_clearcoat",
    "KHR_materials_emissive_strength",
    "KHR_materials_ior",
    "KHR_materials_pbrSpecularGlossiness",
    "KHR_materials_sheen",
    "KHR_materials_specular",
    "KHR_materials_unlit",
    "KHR_mesh_quantization",
    "KHR_meshopt_compression",
    "KHR_texture_basisu",
    "KHR_texture_transform",
];

/// Reads a binary glTF.
pub(crate) fn glb(bytes: &[u8], url: &str, context: Context<'_>) -> Result<TileContent, Problem> {
    glb_chunks(bytes).and_then(|(json, bin)| parse(json, bin, url, context)).map_err(|fault| fault.problem(url))
}

/// Reads a glTF in JSON.
pub(crate) fn json(json: &Json, url: &str, context: Context<'_>) -> Result<TileContent, Problem> {
    read(json, None, url, context).map_err(|fault| fault.problem(url))
}

/// The JSON chunk and the binary chunk.
fn glb_chunks(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), Fault> {
    if bytes.len() < 20 || !bytes.starts_with(b"glTF") {
        return malformed(format!("{} bytes do not start with a glb header", bytes.len()));
    }
    match u32_at(bytes, 4) {
        2 => {}
        1 => return Err(Fault::Unsupported("binary glTF 1.0: convert it to glTF 2.0".into())),
        other => return Err(Fault::Unsupported(format!("binary glTF version {other}"))),
    }
    let bytes = slice(bytes, 0, u32_at(bytes, 8) as usize, "glb")?;
    let json_len = u32_at(bytes, 12) as usize;
    if bytes.get(16..20) != Some(b"JSON") {
        return malformed("the first glb chunk is not JSON");
    }
    let json = slice(bytes, 20, json_len, "JSON chunk")?;
    let bin_at = (20 + json_len).next_multiple_of(4);
    if bytes.len() < bin_at + 8 || &bytes[bin_at + 4..bin_at + 8] != b"BIN\0" {
        return Ok((json, None));
    }
    Ok((json, Some(slice(bytes, bin_at + 8, u32_at(bytes, bin_at) as usize, "BIN chunk")?)))
}

fn parse(json: &[u8], bin: Option<&[u8]>, url: &str, context: Context<'_>) -> Result<TileContent, Fault> {
    let json: Json = serde_json::from_slice(json).map_err(|e| Fault::Malformed(format!("glTF JSON: {e}")))?;
    read(&json, bin, url, context)
}

fn read(json: &Json, bin: Option<&[u8]>, url: &str, context: Context<'_>) -> Result<TileContent, Fault> {
    let version = json["asset"]["version"].as_str().unwrap_or_default();
    if !version.starts_with("2.") {
        return Err(Fault::Unsupported(format!("glTF version \"{version}\"")));
    }
    let missing: Vec<&str> = strings(&json["extensionsRequired"]).filter(|e| !UNDERSTOOD.contains(e)).collect();
    if !missing.is_empty() {
        return Err(Fault::Unsupported(format!("glTF that requires {}", missing.join(", "))));
    }
    needs::request(json, context);
    let views = BufferViews::read(json, bin, context);
    if context.is_pending() {
        return Err(Fault::Pending);
    }
    let mut reader = Reader {
        context,
        json,
        views: &views,
        url,
        out: TileContent::default(),
        attributes: Memo::default(),
        shapes: Memo::default(),
        textures: Memo::default(),
        images: Memo::default(),
        implicit: Memo::default(),
    };
    reader.out.extensions_used = strings(&json["extensionsUsed"]).map(str::to_owned).collect();
    tidy(&mut reader.out.extensions_used);
    // At once, so that the array does not move while it grows. There are as many bytes in the file's own arrays.
    reader.out.vertices.reserve(views.vertex_bytes(bin.map_or(0, <[u8]>::len)));
    reader.structural_metadata();
    reader.scene();
    let out = reader.out;
    // Nothing of it can be drawn: better its parent stays than a hole.
    match (out.primitives.is_empty(), out.problems.first()) {
        (true, Some(problem)) => Err(match problem.code.as_str() {
            "content-unsupported" => Fault::Unsupported(problem.message.clone()),
            "content-too-large" => Fault::TooLarge(problem.message.clone()),
            "decoder-missing" => Fault::NoDecoder(Decoder::Draco),
            _ => Fault::Malformed(problem.message.clone()),
        }),
        _ => Ok(out),
    }
}

/// One glTF being read.
struct Reader<'a> {
    context: Context<'a>,
    json: &'a Json,
    views: &'a BufferViews<'a>,
    url: &'a str,
    out: TileContent,
    /// Attributes already appended, by accessor and number of components, with their counts: many primitives share
    /// them.
    attributes: Memo<(crate::Attribute, usize)>,
    /// Primitives already read, by mesh and place in it: many nodes share them.
    shapes: Memo<Result<Shape, Fault>>,
    /// Textures already read, by their index in the file.
    textures: Memo<Result<u32, Fault>>,
    /// Images already read, by their index in the file.
    images: Memo<Result<u32, Fault>>,
    /// Ids that count vertices, by how many.
    implicit: Memo<crate::Attribute>,
}

impl<'a> Reader<'a> {
    fn report(&mut self, place: &str, fault: Fault) {
        let problem = fault.problem(format!("{}: {place}", self.url));
        if self.out.problems.len() < 64 && !self.out.problems.contains(&problem) {
            self.out.problems.push(problem);
        }
    }

    /// All nodes of the scene that have a mesh.
    fn scene(&mut self) {
        let json = self.json;
        let nodes = items(&json["nodes"]);
        let scene = &json["scenes"][uint(&json["scene"]).unwrap_or(0)];
        let roots: Vec<usize> = match scene.as_object() {
            Some(_) => items(&scene["nodes"]).iter().filter_map(uint).collect(),
            None => roots(nodes),
        };
        let z_up = self.context.z_up_from_model();
        let root = match numbers::<3>(&json["extensions"]["CESIUM_RTC"]["center"]) {
            Some(center) => DMat4::from_translation(DVec3::from_array(center)) * z_up,
            None => z_up,
        };
        // A node hangs below one parent only, so a second visit means a cycle.
        let mut seen = vec![false; nodes.len()];
        let mut stack: Vec<(usize, DMat4)> = roots.into_iter().rev().map(|node| (node, root)).collect();
        while let Some((index, tile_from_parent)) = stack.pop() {
            let Some(node) = nodes.get(index).filter(|_| !std::mem::replace(&mut seen[index], true)) else {
                self.report(&format!("nodes[{index}]"), Fault::Malformed("missing, or below two parents".into()));
                continue;
            };
            let tile_from_node = tile_from_parent * local_transform(node);
            if !tile_from_node.is_finite() {
                self.report(&format!("nodes[{index}]"), Fault::Malformed("its transform is not finite".into()));
                continue;
            }
            if let Some(mesh) = uint(&node["mesh"]) {
                self.mesh(mesh, node, &tile_from_node);
            }
            stack.extend(items(&node["children"]).iter().rev().filter_map(uint).map(|child| (child, tile_from_node)));
        }
    }

    fn mesh(&mut self, mesh: usize, node: &Json, tile_from_node: &DMat4) {
        let json = self.json;
        let place = format!("meshes[{mesh}]");
        let instances = match self.instances(node) {
            Ok(instances) => instances,
            Err(fault) => return self.report(&format!("{place} EXT_mesh_gpu_instancing"), fault),
        };
        for (i, primitive) in items(&json["meshes"][mesh]["primitives"]).iter().enumerate() {
            let place = format!("{place}.primitives[{i}]");
            if self.out.primitives.len() >= self.context.limits().primitives as usize {
                let most = self.context.limits().primitives;
                return self.report("meshes", Fault::TooLarge(format!("more than {most} primitives")));
            }
            let shape = match self.shapes.get([mesh as u64, i as u64]) {
                Some(known) => known.clone(),
                None => {
                    let shape = self.primitive(primitive, &place);
                    self.shapes.insert([mesh as u64, i as u64], shape.clone());
                    shape
                }
            };
            match shape {
                Ok(shape) => self.out.primitives.push(shape.placed(tile_from_node, instances.as_ref())),
                Err(fault) => self.report(&place, fault),
            }
        }
    }
}

/// Nodes that are nobody's children.
fn roots(nodes: &[Json]) -> Vec<usize> {
    let mut is_child = vec![false; nodes.len()];
    for child in nodes.iter().flat_map(|node| items(&node["children"])).filter_map(uint) {
        if let Some(slot) = is_child.get_mut(child) {
            *slot = true;
        }
    }
    (0..nodes.len()).filter(|i| !is_child[*i]).collect()
}

/// A node's matrix, or its translation, rotation and scale.
fn local_transform(node: &Json) -> DMat4 {
    if let Some(matrix) = numbers::<16>(&node["matrix"]) {
        return DMat4::from_cols_array(&matrix);
    }
    let translation = numbers::<3>(&node["translation"]).map_or(DVec3::ZERO, DVec3::from_array);
    let rotation = numbers::<4>(&node["rotation"]).map_or(DQuat::IDENTITY, DQuat::from_array);
    let scale = numbers::<3>(&node["scale"]).map_or(DVec3::ONE, DVec3::from_array);
    DMat4::from_scale_rotation_translation(scale, rotation.normalize(), translation)
}
