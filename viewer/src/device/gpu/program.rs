//! Shader programs on the raw context.

use crate::ViewerError;
use web_sys::{WebGl2RenderingContext as Gl, WebGlProgram, WebGlShader, WebGlUniformLocation};

const HEADER: &str = "#version 300 es\nprecision highp float;\nprecision highp int;\n";

/// A linked program.
pub(super) struct Program {
    program: WebGlProgram,
}

impl Program {
    /// Compiles and links; the parts are joined in their order.
    ///
    /// # Errors
    /// [`ViewerError::Graphics`] with the driver's log.
    pub(super) fn new(gl: &Gl, vertex: &[&str], fragment: &[&str]) -> Result<Self, ViewerError> {
        let refused = || ViewerError::Graphics("no more shader programs".into());
        let program = gl.create_program().ok_or_else(refused)?;
        let shaders = [(Gl::VERTEX_SHADER, vertex), (Gl::FRAGMENT_SHADER, fragment)];
        let mut compiled: Vec<WebGlShader> = Vec::with_capacity(2);
        for (kind, parts) in shaders {
            let shader = gl.create_shader(kind).ok_or_else(refused)?;
            gl.shader_source(&shader, &format!("{HEADER}{}", parts.concat()));
            gl.compile_shader(&shader);
            gl.attach_shader(&program, &shader);
            compiled.push(shader);
        }
        gl.link_program(&program);
        let linked = gl.get_program_parameter(&program, Gl::LINK_STATUS).is_truthy();
        let mut log = gl.get_program_info_log(&program).unwrap_or_default();
        for shader in &compiled {
            if !linked {
                log += &gl.get_shader_info_log(shader).unwrap_or_default();
            }
            gl.delete_shader(Some(shader));
        }
        if linked { Ok(Self { program }) } else { Err(ViewerError::Graphics(log)) }
    }

    pub(super) fn bind(&self, gl: &Gl) {
        gl.use_program(Some(&self.program));
    }

    /// Where a uniform is set; `None` when the compiler found it unused, which setting accepts.
    pub(super) fn uniform(&self, gl: &Gl, name: &str) -> Option<WebGlUniformLocation> {
        gl.get_uniform_location(&self.program, name)
    }
}
