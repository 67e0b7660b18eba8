//! Feature textures: what each feature of a tile shows, two texels a feature, read by `features.glsl`.

use super::sample;
use crate::feature_rows::{FeatureRows, LINE_ROWS};
use crate::style_rows::ROW_BYTES;
use std::ops::Range;
use web_sys::{WebGl2RenderingContext as Gl, WebGlTexture};

/// Where the programs look for it.
pub(super) const UNIT: u32 = 3;
const TEXELS: u32 = 2;

/// A tile's feature texture.
pub(in crate::device) struct FeatureTexture {
    pub(super) texture: WebGlTexture,
    rows: u32,
}

impl FeatureTexture {
    /// Makes one with all rows; `None` when the GPU refuses.
    pub(in crate::device) fn new(gl: &Gl, features: &FeatureRows) -> Option<Self> {
        let texture = gl.create_texture()?;
        let made = Self { texture, rows: features.rows().count };
        made.bind(gl);
        let (width, height) = (made.rows.min(LINE_ROWS) * TEXELS, made.rows.div_ceil(LINE_ROWS));
        gl.tex_storage_2d(Gl::TEXTURE_2D, 1, Gl::RGBA8, width as i32, height as i32);
        sample(gl, Gl::TEXTURE_2D, Gl::NEAREST, Gl::NEAREST);
        made.write(gl, features.bytes(), 0..made.rows);
        gl.active_texture(Gl::TEXTURE0);
        Some(made)
    }

    /// Whether it has as many rows as these.
    pub(in crate::device) fn fits(&self, features: &FeatureRows) -> bool {
        self.rows == features.rows().count
    }

    /// Brings rows up to date.
    pub(in crate::device) fn update(&self, gl: &Gl, features: &FeatureRows, rows: Range<u32>) {
        self.bind(gl);
        self.write(gl, features.bytes(), rows);
        gl.active_texture(Gl::TEXTURE0);
    }

    /// Bytes that it takes on the GPU.
    pub(in crate::device) fn bytes(&self) -> u64 {
        let lines = u64::from(self.rows.div_ceil(LINE_ROWS));
        lines * u64::from(self.rows.min(LINE_ROWS)) * ROW_BYTES as u64
    }

    pub(in crate::device) fn free(&self, gl: &Gl) {
        gl.delete_texture(Some(&self.texture));
    }

    pub(super) fn bind(&self, gl: &Gl) {
        gl.active_texture(Gl::TEXTURE0 + UNIT);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.texture));
        gl.pixel_storei(Gl::UNPACK_ALIGNMENT, 1);
    }

    /// Writes rows of the bound texture: what lies in one line alone, and whole lines together.
    fn write(&self, gl: &Gl, bytes: &[u8], rows: Range<u32>) {
        let mut at = rows.start;
        let end = rows.end.min(self.rows);
        while at < end {
            let (line, column) = (at / LINE_ROWS, at % LINE_ROWS);
            let whole = if column == 0 { (end - at) / LINE_ROWS } else { 0 };
            let (width, height) = match whole {
                0 => ((end - at).min(LINE_ROWS - column), 1),
                lines => (LINE_ROWS, lines),
            };
            let taken = at as usize * ROW_BYTES..(at + width * height) as usize * ROW_BYTES;
            // Fails only for sizes that do not fit the bytes; these do.
            let _ = gl.tex_sub_image_2d_with_i32_and_i32_and_u32_and_type_and_opt_u8_array(
                Gl::TEXTURE_2D,
                0,
                (column * TEXELS) as i32,
                line as i32,
                (width * TEXELS) as i32,
                height as i32,
                Gl::RGBA,
                Gl::UNSIGNED_BYTE,
                bytes.get(taken),
            );
            at += width * height;
        }
    }
}
