//! Pictures of the ground: one textured grid for each tile, all with the same texture coordinates and triangles.

use super::frame::FRAME_GLSL;
use super::program::{Compiler, Lazy};
use super::{graphics, sample};
use crate::ViewerError;
use citytwin_tiles::RasterTile;
use glam::DVec3;
use std::rc::Rc;
use web_sys::{
    ImageBitmap, WebGl2RenderingContext as Gl, WebGlBuffer, WebGlTexture, WebGlUniformLocation, WebGlVertexArrayObject,
};

/// Squares along each side of a tile's grid: so that it follows the curve of the Earth.
const GRID: u16 = 16;
const INDICES: i32 = 6 * GRID as i32 * GRID as i32;

type Uniforms = [Option<WebGlUniformLocation>; 2];

/// One tile on the GPU.
pub(in crate::device) struct RasterBuffers {
    array: WebGlVertexArrayObject,
    positions: WebGlBuffer,
    texture: WebGlTexture,
    tile: RasterTile,
    pub(in crate::device) center_ecef: DVec3,
    pub(in crate::device) bytes: u64,
}

/// One tile in one frame.
pub(in crate::device) struct RasterDraw<'a> {
    pub(in crate::device) buffers: &'a RasterBuffers,
    pub(in crate::device) rel_rows: [f32; 12],
    pub(in crate::device) opacity: f32,
}

impl RasterDraw<'_> {
    pub(super) fn texture(&self) -> &WebGlTexture {
        &self.buffers.texture
    }

    pub(super) fn tile(&self) -> RasterTile {
        self.buffers.tile
    }
}

/// What all tiles share.
pub(in crate::device) struct RasterGpu {
    texcoords: WebGlBuffer,
    indices: WebGlBuffer,
}

impl RasterGpu {
    /// # Errors
    /// [`ViewerError::Graphics`] when the GPU gives no buffer.
    pub(in crate::device) fn new(gl: &Gl) -> Result<Self, ViewerError> {
        let side = GRID + 1;
        let mut texcoords = Vec::new();
        let mut indices = Vec::new();
        for row in 0..side {
            for column in 0..side {
                for share in [column, row] {
                    texcoords.extend((f32::from(share) / f32::from(GRID)).to_le_bytes());
                }
                if row < GRID && column < GRID {
                    let at = row * side + column;
                    for index in [at, at + side, at + 1, at + 1, at + side, at + side + 1] {
                        indices.extend(index.to_le_bytes());
                    }
                }
            }
        }
        gl.bind_vertex_array(None);
        Ok(Self {
            texcoords: buffer(gl, Gl::ARRAY_BUFFER, &texcoords)?,
            indices: buffer(gl, Gl::ELEMENT_ARRAY_BUFFER, &indices)?,
        })
    }

    /// Uploads a tile's picture and its grid.
    ///
    /// # Errors
    /// [`ViewerError::Graphics`] when the GPU gives no room.
    pub(in crate::device) fn upload(
        &self,
        gl: &Gl,
        tile: RasterTile,
        bitmap: &ImageBitmap,
    ) -> Result<RasterBuffers, ViewerError> {
        let center_ecef = tile.point_ecef(0.5, 0.5);
        let mut positions = Vec::with_capacity(12 * (usize::from(GRID) + 1).pow(2));
        for row in 0..=GRID {
            for column in 0..=GRID {
                let [u, v] = [column, row].map(|step| f64::from(step) / f64::from(GRID));
                let away = (tile.point_ecef(u, v) - center_ecef).as_vec3();
                positions.extend(away.to_array().iter().flat_map(|metres| metres.to_le_bytes()));
            }
        }
        let array = gl.create_vertex_array().ok_or_else(|| graphics("no vertex array for a picture"))?;
        gl.bind_vertex_array(Some(&array));
        let positions_on = buffer(gl, Gl::ARRAY_BUFFER, &positions)?;
        gl.enable_vertex_attrib_array(0);
        gl.vertex_attrib_pointer_with_i32(0, 3, Gl::FLOAT, false, 12, 0);
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&self.texcoords));
        gl.enable_vertex_attrib_array(1);
        gl.vertex_attrib_pointer_with_i32(1, 2, Gl::FLOAT, false, 8, 0);
        gl.bind_buffer(Gl::ELEMENT_ARRAY_BUFFER, Some(&self.indices));
        gl.bind_vertex_array(None);
        let texture = picture(gl, bitmap)?;
        let texels = u64::from(bitmap.width()) * u64::from(bitmap.height());
        let bytes = positions.len() as u64 + texels * 16 / 3;
        Ok(RasterBuffers { array, positions: positions_on, texture, tile, center_ecef, bytes })
    }
}

impl RasterBuffers {
    pub(in crate::device) fn free(&self, gl: &Gl) {
        gl.delete_vertex_array(Some(&self.array));
        gl.delete_buffer(Some(&self.positions));
        gl.delete_texture(Some(&self.texture));
    }
}

fn buffer(gl: &Gl, kind: u32, bytes: &[u8]) -> Result<WebGlBuffer, ViewerError> {
    let buffer = gl.create_buffer().ok_or_else(|| graphics("no buffer for a picture"))?;
    gl.bind_buffer(kind, Some(&buffer));
    gl.buffer_data_with_u8_array(kind, bytes, Gl::STATIC_DRAW);
    Ok(buffer)
}

fn picture(gl: &Gl, bitmap: &ImageBitmap) -> Result<WebGlTexture, ViewerError> {
    let texture = gl.create_texture().ok_or_else(|| graphics("no texture for a picture"))?;
    gl.active_texture(Gl::TEXTURE0);
    gl.bind_texture(Gl::TEXTURE_2D, Some(&texture));
    gl.tex_image_2d_with_u32_and_u32_and_image_bitmap(
        Gl::TEXTURE_2D,
        0,
        Gl::RGBA8 as i32,
        Gl::RGBA,
        Gl::UNSIGNED_BYTE,
        bitmap,
    )
    .map_err(|_| graphics("the browser does not give the picture to the GPU"))?;
    gl.generate_mipmap(Gl::TEXTURE_2D);
    sample(gl, Gl::TEXTURE_2D, Gl::LINEAR_MIPMAP_LINEAR, Gl::LINEAR);
    Ok(texture)
}

/// The program of pictures of the ground.
pub(super) struct RasterProgram(Lazy<Uniforms>);

impl RasterProgram {
    pub(super) fn new(compiler: &Rc<Compiler>) -> Self {
        let vertex = [FRAME_GLSL, include_str!("raster.vert")];
        let fragment = [FRAME_GLSL, include_str!("common.glsl"), include_str!("raster.frag")];
        Self(Lazy::new(compiler, &vertex, &fragment, |gl, program| {
            ["u_rows", "u_opacity"].map(|name| program.uniform(gl, name))
        }))
    }

    /// Draws tiles in their order, without depth.
    pub(super) fn draw(&self, gl: &Gl, draws: &[RasterDraw<'_>]) {
        if draws.is_empty() {
            return;
        }
        let Some([rows, opacity]) = self.0.bind() else { return };
        gl.depth_mask(false);
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::SRC_ALPHA, Gl::ONE_MINUS_SRC_ALPHA);
        gl.active_texture(Gl::TEXTURE0);
        for draw in draws {
            gl.bind_texture(Gl::TEXTURE_2D, Some(&draw.buffers.texture));
            gl.bind_vertex_array(Some(&draw.buffers.array));
            gl.uniform4fv_with_f32_array(rows.as_ref(), &draw.rel_rows);
            gl.uniform1f(opacity.as_ref(), draw.opacity);
            gl.draw_elements_with_i32(Gl::TRIANGLES, INDICES, Gl::UNSIGNED_SHORT, 0);
        }
        gl.disable(Gl::BLEND);
        gl.depth_mask(true);
    }
}
