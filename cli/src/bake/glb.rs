//! The glb container: buffer views (compressed with `EXT_meshopt_compression` or plain), accessors, chunks.
//!
//! glTF 2.0, section 4.4; `EXT_meshopt_compression`: buffer 0 is the binary chunk with the compressed bytes, buffer
//! 1 a fallback without data that says where the decompressed bytes would lie.

use super::BakeError;
use meshoptimizer_rs::Workspace;
use meshoptimizer_rs::codec::{IndexEncoding, VertexEncoding, encode_index_buffer, encode_vertex_buffer};
use serde_json::{Map, Value, json};

/// `GL_ARRAY_BUFFER`.
const TARGET_VERTICES: u32 = 34962;
/// `GL_ELEMENT_ARRAY_BUFFER`.
const TARGET_INDICES: u32 = 34963;

/// glTF's component types that we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs)]
pub(super) enum ComponentType {
    I8 = 5120,
    U8 = 5121,
    I16 = 5122,
    U16 = 5123,
    U32 = 5125,
    F32 = 5126,
}

/// A glb under construction.
#[derive(Default)]
pub(super) struct Glb {
    workspace: Workspace,
    binary: Vec<u8>,
    fallback_bytes: usize,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

fn failed(error: impl std::fmt::Debug) -> BakeError {
    BakeError::Encode { what: "a meshopt buffer".into(), message: format!("{error:?}") }
}

impl Glb {
    /// Adds vertex attributes of `stride` bytes each and returns the buffer view. `is_vertices` is false for
    /// instance attributes, which no vertex buffer target is set for.
    ///
    /// # Errors
    /// [`BakeError::Encode`] when there is no value, or the stride is not a multiple of 4 below 256.
    pub(super) fn attribute_view(
        &mut self,
        bytes: &[u8],
        stride: usize,
        is_vertices: bool,
    ) -> Result<usize, BakeError> {
        let mut view = self.packed(bytes, stride)?;
        if is_vertices {
            view["byteStride"] = json!(stride);
            view["target"] = json!(TARGET_VERTICES);
        }
        Ok(self.push_view(view))
    }

    /// A view of values of `stride` bytes each, packed.
    fn packed(&mut self, bytes: &[u8], stride: usize) -> Result<Value, BakeError> {
        let count = bytes.len() / stride.max(1);
        let encoding = VertexEncoding::new(0, 2).map_err(failed)?;
        let packed = encode_vertex_buffer(bytes, count, stride, encoding, &mut self.workspace).map_err(failed)?;
        Ok(self.compressed_view(&packed, count, stride, "ATTRIBUTES"))
    }

    /// Adds the indices of triangles, in 16 bits where they fit, and returns their accessor.
    ///
    /// # Errors
    /// [`BakeError::Encode`] when there is no index or a triangle is incomplete.
    pub(super) fn triangles(&mut self, indices: &[u32], vertex_count: usize) -> Result<usize, BakeError> {
        // The greatest 16-bit index would be read as primitive restart.
        let wide = vertex_count > 0xffff;
        let stride = if wide { 4 } else { 2 };
        let encoding = IndexEncoding::new(1).map_err(failed)?;
        let packed = encode_index_buffer(indices, encoding, &mut self.workspace).map_err(failed)?;
        let view = self.compressed_view(&packed, indices.len(), stride, "TRIANGLES");
        let component = if wide { ComponentType::U32 } else { ComponentType::U16 };
        Ok(self.index_accessor(view, indices.len(), component))
    }

    /// Adds pairs of indices and returns their accessor. As numbers of 32 bits they pack into half a byte each; the mode
    /// that is made for indices takes one at least.
    ///
    /// # Errors
    /// [`BakeError::Encode`] when they cannot be packed.
    pub(super) fn edges(&mut self, indices: &[u32]) -> Result<usize, BakeError> {
        let bytes: Vec<u8> = indices.iter().flat_map(|index| index.to_le_bytes()).collect();
        let view = self.packed(&bytes, 4)?;
        Ok(self.index_accessor(view, indices.len(), ComponentType::U32))
    }

    fn index_accessor(&mut self, mut view: Value, count: usize, component: ComponentType) -> usize {
        view["target"] = json!(TARGET_INDICES);
        let view = self.push_view(view);
        self.accessor(json!({
            "bufferView": view, "componentType": component as u32, "count": count, "type": "SCALAR",
        }))
    }

    /// Adds plain bytes, 8-byte aligned as 3D Metadata asks, and returns the buffer view.
    pub(super) fn plain_view(&mut self, bytes: &[u8]) -> usize {
        let offset = self.append(bytes, 8);
        self.push_view(json!({ "buffer": 0, "byteOffset": offset, "byteLength": bytes.len() }))
    }

    /// Adds an accessor as it will stand in the file and returns its index.
    pub(super) fn accessor(&mut self, accessor: Value) -> usize {
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }

    fn compressed_view(&mut self, packed: &[u8], count: usize, stride: usize, mode: &str) -> Value {
        let offset = self.append(packed, 4);
        let fallback_offset = self.fallback_bytes.next_multiple_of(4);
        self.fallback_bytes = fallback_offset + count * stride;
        json!({
            "buffer": 1,
            "byteOffset": fallback_offset,
            "byteLength": count * stride,
            "extensions": { "EXT_meshopt_compression": {
                "buffer": 0,
                "byteOffset": offset,
                "byteLength": packed.len(),
                "byteStride": stride,
                "count": count,
                "mode": mode,
            } },
        })
    }

    fn append(&mut self, bytes: &[u8], alignment: usize) -> usize {
        self.binary.resize(self.binary.len().next_multiple_of(alignment), 0);
        let offset = self.binary.len();
        self.binary.extend_from_slice(bytes);
        offset
    }

    fn push_view(&mut self, view: Value) -> usize {
        self.views.push(view);
        self.views.len() - 1
    }

    /// The file: `document` is everything of the JSON but buffers, buffer views and accessors.
    ///
    /// # Errors
    /// [`BakeError::Encode`] when the file would exceed the format's 4 GiB.
    pub(super) fn finish(mut self, mut document: Map<String, Value>) -> Result<Vec<u8>, BakeError> {
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        let mut buffers = vec![json!({ "byteLength": self.binary.len() })];
        if self.fallback_bytes > 0 {
            buffers.push(json!({
                "byteLength": self.fallback_bytes,
                "extensions": { "EXT_meshopt_compression": { "fallback": true } },
            }));
        }
        document.insert("buffers".into(), Value::Array(buffers));
        document.insert("bufferViews".into(), Value::Array(self.views));
        document.insert("accessors".into(), Value::Array(self.accessors));
        let mut text = Value::Object(document).to_string().into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let total = 12 + 8 + text.len() + 8 + self.binary.len();
        let total_u32 = u32::try_from(total).map_err(|_| BakeError::Encode {
            what: "a glb".into(),
            message: format!("{total} bytes are more than the format's 4 GiB"),
        })?;
        let mut file = Vec::with_capacity(total);
        file.extend_from_slice(b"glTF");
        for word in [2, total_u32, text.len() as u32] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(b"JSON");
        file.extend_from_slice(&text);
        file.extend_from_slice(&(self.binary.len() as u32).to_le_bytes());
        file.extend_from_slice(b"BIN\0");
        file.extend_from_slice(&self.binary);
        Ok(file)
    }
}
