//! A builder of glb files, for tests.
#![allow(dead_code, unreachable_pub)] // each test uses what it needs

use meshoptimizer_rs::Workspace;
use meshoptimizer_rs::codec::{VertexEncoding, encode_vertex_buffer};
use serde_json::{Value as Json, json};

/// A glb under construction.
#[derive(Default)]
pub struct Glb {
    pub bin: Vec<u8>,
    pub views: Vec<Json>,
    pub accessors: Vec<Json>,
}

impl Glb {
    pub fn place(&mut self, bytes: &[u8]) -> (usize, usize) {
        self.bin.resize(self.bin.len().next_multiple_of(8), 0);
        self.bin.extend_from_slice(bytes);
        (self.bin.len() - bytes.len(), bytes.len())
    }

    pub fn view(&mut self, bytes: &[u8]) -> usize {
        let (offset, len) = self.place(bytes);
        self.views.push(json!({ "buffer": 0, "byteOffset": offset, "byteLength": len }));
        self.views.len() - 1
    }

    pub fn meshopt(&mut self, packed: &[u8], mode: &str, filter: &str, count: usize, stride: usize) -> usize {
        let (offset, len) = self.place(packed);
        self.views.push(
            json!({ "buffer": 1, "byteLength": count * stride, "extensions": { "EXT_meshopt_compression": {
                "buffer": 0, "byteOffset": offset, "byteLength": len,
                "mode": mode, "filter": filter, "count": count, "byteStride": stride,
            }}}),
        );
        self.views.len() - 1
    }

    pub fn vertices(&mut self, bytes: &[u8], stride: usize, filter: &str) -> usize {
        let count = bytes.len() / stride;
        let packed =
            encode_vertex_buffer(bytes, count, stride, VertexEncoding::new(0, 2).unwrap(), &mut Workspace::default())
                .unwrap();
        self.meshopt(&packed, "ATTRIBUTES", filter, count, stride)
    }

    pub fn accessor(&mut self, view: usize, component: u32, kind: &str, count: usize, normalized: bool) -> usize {
        self.accessors.push(json!({
            "bufferView": view, "componentType": component, "type": kind, "count": count, "normalized": normalized,
        }));
        self.accessors.len() - 1
    }

    pub fn finish(mut self, mut json: Json) -> Vec<u8> {
        self.bin.resize(self.bin.len().next_multiple_of(4), 0);
        json["asset"] = json!({ "version": "2.0" });
        json["bufferViews"] = self.views.into();
        json["accessors"] = self.accessors.into();
        json["buffers"] = json!([{ "byteLength": self.bin.len() }, { "byteLength": 1 << 20 }]);
        pack(&json, &self.bin)
    }
}

pub fn pack(json: &Json, bin: &[u8]) -> Vec<u8> {
    let mut json = json.to_string().into_bytes();
    json.resize(json.len().next_multiple_of(4), b' ');
    let mut out = b"glTF".to_vec();
    let word = |out: &mut Vec<u8>, n: usize| out.extend_from_slice(&(n as u32).to_le_bytes());
    word(&mut out, 2);
    word(&mut out, 28 + json.len() + bin.len());
    word(&mut out, json.len());
    out.extend_from_slice(b"JSON");
    out.extend_from_slice(&json);
    word(&mut out, bin.len());
    out.extend_from_slice(b"BIN\0");
    out.extend_from_slice(bin);
    out
}

/// The JSON and the binary chunk of a glb made here.
pub fn unpack(glb: &[u8]) -> (Json, Vec<u8>) {
    let len = u32::from_le_bytes(glb[12..16].try_into().unwrap()) as usize;
    (serde_json::from_slice(&glb[20..20 + len]).unwrap(), glb[28 + len..].to_vec())
}

pub fn bytes_of<T: Copy, const N: usize>(values: &[T], to_bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|v| to_bytes(*v)).collect()
}

/// A triangle, with whatever else a test wants.
pub fn triangle(glb: &mut Glb, count: usize) -> usize {
    let corners: Vec<f32> = (0..count).flat_map(|i| [i as f32, (i % 2) as f32, 0.0]).collect();
    let view = glb.view(&bytes_of(&corners, f32::to_le_bytes));
    glb.accessor(view, 5126, "VEC3", count, false)
}

pub fn one_mesh(primitive: &Json, node: &Json) -> Json {
    let mut node = node.clone();
    node["mesh"] = 0.into();
    json!({ "nodes": [node], "meshes": [{ "primitives": [primitive] }] })
}
