//! A tile's arrays and textures on the GPU.

use super::textures::{Pictures, Rich, Textures};
use citytwin_tiles::{Attribute, Primitive, TileContent};
use js_sys::Uint8Array;
use web_sys::{WebGl2RenderingContext as Gl, WebGlBuffer, WebGlTexture, WebGlVertexArrayObject};

/// Attribute locations, as `tile.vert` numbers them.
const POSITION: u32 = 0;
const NORMAL: u32 = 1;
const COLOR: u32 = 2;
const FEATURE: u32 = 3;
const INSTANCE_ROWS: u32 = 4;
/// Texture coordinates of the base colour; those of the feature ids come next.
const TEXCOORD: u32 = 7;

/// One vertex buffer, one index buffer, its textures, and one vertex array per primitive.
pub(in crate::device) struct TileBuffers {
    vertices: WebGlBuffer,
    indices: WebGlBuffer,
    /// Bytes of both.
    sizes: [u32; 2],
    pub(super) arrays: Vec<WebGlVertexArrayObject>,
    /// What each primitive needs beyond plain colours.
    pub(super) rich: Vec<Option<Rich>>,
    textures: Vec<WebGlTexture>,
}

impl TileBuffers {
    /// Uploads; `None` when the GPU gives no buffers, which happens when the context is being lost.
    pub(in crate::device) fn new(
        gl: &Gl,
        content: &TileContent,
        vertices: &Uint8Array,
        indices: &Uint8Array,
        pictures: &Pictures,
    ) -> Option<Self> {
        gl.bind_vertex_array(None);
        let sizes = [vertices.length(), indices.length()];
        let buffer = |target: u32, bytes: &Uint8Array| {
            let buffer = gl.create_buffer()?;
            gl.bind_buffer(target, Some(&buffer));
            gl.buffer_data_with_array_buffer_view(target, bytes, Gl::STATIC_DRAW);
            Some(buffer)
        };
        let (vertices, indices) = (buffer(Gl::ARRAY_BUFFER, vertices)?, buffer(Gl::ELEMENT_ARRAY_BUFFER, indices)?);
        let mut textures = Textures::new(gl, content, pictures);
        let rich: Vec<Option<Rich>> = content.primitives.iter().map(|p| textures.rich(p)).collect();
        let textures = textures.finish();
        let array = |(primitive, rich): (&Primitive, &Option<Rich>)| {
            let array = gl.create_vertex_array()?;
            gl.bind_vertex_array(Some(&array));
            gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&vertices));
            gl.bind_buffer(Gl::ELEMENT_ARRAY_BUFFER, Some(&indices));
            point_at(gl, primitive);
            rich.iter().for_each(|rich| point_at_texcoords(gl, primitive, rich.texcoords));
            if content.ground.is_some() {
                // Pictures are draped by them.
                point_at_texcoords(gl, primitive, [Some(0), None]);
            }
            Some(array)
        };
        let arrays = content.primitives.iter().zip(&rich).map(array).collect::<Option<Vec<_>>>();
        gl.bind_vertex_array(None);
        // Without arrays the context is being lost, and all objects with it.
        Some(Self { vertices, indices, sizes, arrays: arrays?, rich, textures })
    }

    /// Vertices and indices as they were uploaded; waits until the GPU has sent them. Zeros when it is lost.
    pub(in crate::device) fn read(&self, gl: &Gl) -> [Vec<u8>; 2] {
        let read = |(buffer, size): (&WebGlBuffer, u32)| {
            let mut bytes = vec![0; size as usize];
            gl.bind_buffer(Gl::COPY_READ_BUFFER, Some(buffer));
            gl.get_buffer_sub_data_with_i32_and_u8_array(Gl::COPY_READ_BUFFER, 0, &mut bytes);
            bytes
        };
        let [vertices, indices] = self.sizes;
        let read = [(&self.vertices, vertices), (&self.indices, indices)].map(read);
        gl.bind_buffer(Gl::COPY_READ_BUFFER, None);
        read
    }

    pub(in crate::device) fn free(&self, gl: &Gl) {
        for array in &self.arrays {
            gl.delete_vertex_array(Some(array));
        }
        for texture in &self.textures {
            gl.delete_texture(Some(texture));
        }
        gl.delete_buffer(Some(&self.vertices));
        gl.delete_buffer(Some(&self.indices));
    }
}

/// Points the bound vertex array at a primitive's attributes in the bound buffer. Attributes that the primitive does
/// not have keep the constant that [`constants`] sets.
fn point_at(gl: &Gl, primitive: &Primitive) {
    point_one(gl, POSITION, &primitive.positions, 0);
    if let Some(normals) = &primitive.normals {
        point_one(gl, NORMAL, normals, 0);
    }
    if let Some(colors) = &primitive.colors {
        point_one(gl, COLOR, colors, 0);
    }
    let Some(instances) = &primitive.instances else {
        if let Some(features) = &primitive.feature_ids {
            point_one(gl, FEATURE, features, 0);
        }
        return;
    };
    for row in 0..3 {
        let transforms = &instances.transforms;
        let attribute = Attribute { offset: transforms.offset + 16 * row, components: 4, ..*transforms };
        point_one(gl, INSTANCE_ROWS + row, &attribute, 1);
    }
    match (&instances.feature_ids, &primitive.feature_ids) {
        (Some(features), _) => point_one(gl, FEATURE, features, 1),
        (None, Some(features)) => point_one(gl, FEATURE, features, 0),
        (None, None) => {}
    }
}

fn point_at_texcoords(gl: &Gl, primitive: &Primitive, sets: [Option<u32>; 2]) {
    for (location, set) in (TEXCOORD..).zip(sets) {
        if let Some((_, attribute)) = primitive.texcoords.iter().find(|(n, _)| Some(*n) == set) {
            point_one(gl, location, attribute, 0);
        }
    }
}

fn point_one(gl: &Gl, location: u32, attribute: &Attribute, divisor: u32) {
    gl.enable_vertex_attrib_array(location);
    gl.vertex_attrib_pointer_with_i32(
        location,
        i32::from(attribute.components),
        attribute.component as u32,
        attribute.normalized,
        attribute.stride as i32,
        attribute.offset as i32,
    );
    gl.vertex_attrib_divisor(location, divisor);
}

/// What stands in for attributes that a primitive does not have.
pub(super) fn constants(gl: &Gl) {
    gl.vertex_attrib4f(NORMAL, 0.0, 0.0, 0.0, 0.0);
    gl.vertex_attrib4f(COLOR, 1.0, 1.0, 1.0, 1.0);
    gl.vertex_attrib4f(FEATURE, -1.0, 0.0, 0.0, 0.0);
    gl.vertex_attrib4f(INSTANCE_ROWS, 1.0, 0.0, 0.0, 0.0);
    gl.vertex_attrib4f(INSTANCE_ROWS + 1, 0.0, 1.0, 0.0, 0.0);
    gl.vertex_attrib4f(INSTANCE_ROWS + 2, 0.0, 0.0, 1.0, 0.0);
}
