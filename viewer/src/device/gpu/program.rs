//! Shader programs: compiled when they are first needed, and never waited for where the browser tells when they are
//! ready (`KHR_parallel_shader_compile`). A pass whose program is not ready is left out of the frame, and the frame is
//! drawn again.
//!
//! The driver's answer about a program comes only after everything that it was told before, drawing included. So it is
//! asked before a frame is drawn, when a fence has said that the last one is done; until then no other is drawn, and the
//! page does not stand still meanwhile.

use super::fence::Fence;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use web_sys::{WebGl2RenderingContext as Gl, WebGlProgram, WebGlShader, WebGlUniformLocation};

const HEADER: &str = "#version 300 es\nprecision highp float;\nprecision highp int;\n";
/// `COMPLETION_STATUS_KHR`.
const COMPLETION_STATUS: u32 = 0x91B1;
/// No further program is asked for in a frame after this long, milliseconds: each answer is a way there and back.
const HEAR_MS: f64 = 4.0;

/// Where programs are compiled, and what came of it since the last frame.
pub(in crate::device) struct Compiler {
    gl: Gl,
    /// Whether the browser tells of a program that it is ready.
    tells: bool,
    /// Whether a program was wanted that is not ready.
    missed: Cell<bool>,
    /// What was started, and has not been asked for.
    pending: RefCell<Vec<Rc<dyn Pending>>>,
    /// Behind what the driver has yet to do before it can answer.
    fence: Fence,
    faults: RefCell<Vec<String>>,
}

impl Compiler {
    pub(super) fn new(gl: &Gl) -> Rc<Self> {
        let tells = gl.get_extension("KHR_parallel_shader_compile").ok().flatten().is_some();
        let faults = RefCell::default();
        Rc::new(Self {
            gl: gl.clone(),
            tells,
            missed: Cell::new(false),
            pending: RefCell::default(),
            fence: Fence::default(),
            faults,
        })
    }

    /// Whether the last frame lacked a program; asking forgets.
    pub(in crate::device) fn take_missed(&self) -> bool {
        let missed = self.missed.take();
        if missed {
            // Also where nothing is drawn, which would hand it on.
            self.fence.raise(&self.gl);
            self.gl.flush();
        }
        missed
    }

    /// Hears what became of the programs that were started. Called before anything of a frame is drawn; false when the
    /// driver is not yet done with the last one, and nothing may be drawn. It can change between frames only.
    pub(in crate::device) fn hear(&self, now_ms: &dyn Fn() -> f64) -> bool {
        if !self.fence.is_passed(&self.gl) {
            return false;
        }
        let start_ms = now_ms();
        let mut waited = false;
        // Where the browser does not tell, one at a time keeps frames short.
        let mut may_ask = |program: &Program| match self.tells {
            true => {
                now_ms() - start_ms < HEAR_MS
                    && self.gl.get_program_parameter(&program.program, COMPLETION_STATUS).is_truthy()
            }
            false => !std::mem::replace(&mut waited, true),
        };
        let mut pending = self.pending.take();
        pending.retain(|one| !one.hear(self, &mut may_ask));
        self.pending.replace(pending);
        true
    }

    /// What the driver said of programs that it refused, each once.
    pub(super) fn take_faults(&self) -> Vec<String> {
        self.faults.take()
    }

    /// Compiles and links without asking what came of it.
    fn start(&self, [vertex, fragment]: &[Vec<&'static str>; 2]) -> Option<Program> {
        let gl = &self.gl;
        let program = gl.create_program()?;
        let shader = |kind: u32, parts: &[&'static str]| {
            let shader = gl.create_shader(kind)?;
            gl.shader_source(&shader, &[HEADER, &parts.concat()].concat());
            gl.compile_shader(&shader);
            gl.attach_shader(&program, &shader);
            Some(shader)
        };
        let shaders = [shader(Gl::VERTEX_SHADER, vertex)?, shader(Gl::FRAGMENT_SHADER, fragment)?];
        gl.link_program(&program);
        Some(Program { gl: gl.clone(), program, shaders })
    }
}

/// A program that nobody has asked for yet.
trait Pending {
    /// Whether it is known what became of it, after asking if that may be done.
    fn hear(&self, compiler: &Compiler, may_ask: &mut dyn FnMut(&Program) -> bool) -> bool;
}

/// A program; the shaders it was linked from are kept for what the driver says of them.
pub(super) struct Program {
    gl: Gl,
    program: WebGlProgram,
    shaders: [WebGlShader; 2],
}

impl Drop for Program {
    fn drop(&mut self) {
        self.shaders.iter().for_each(|shader| self.gl.delete_shader(Some(shader)));
        self.gl.delete_program(Some(&self.program));
    }
}

impl Program {
    pub(super) fn bind(&self, gl: &Gl) {
        gl.use_program(Some(&self.program));
    }

    /// Where a uniform is set; `None` when the compiler found it unused, which setting accepts.
    pub(super) fn uniform(&self, gl: &Gl, name: &str) -> Option<WebGlUniformLocation> {
        gl.get_uniform_location(&self.program, name)
    }

    /// Has a uniform block read from a binding point.
    pub(super) fn block(&self, gl: &Gl, name: &str, binding: u32) {
        let index = gl.get_uniform_block_index(&self.program, name);
        if index != Gl::INVALID_INDEX {
            gl.uniform_block_binding(&self.program, index, binding);
        }
    }

    /// The driver's words when it refused.
    fn outcome(&self, gl: &Gl) -> Result<(), String> {
        let linked = gl.get_program_parameter(&self.program, Gl::LINK_STATUS).is_truthy();
        let mut log = String::new();
        for shader in &self.shaders {
            if !linked {
                log += &gl.get_shader_info_log(shader).unwrap_or_default();
            }
            gl.delete_shader(Some(shader));
        }
        if linked { Ok(()) } else { Err(gl.get_program_info_log(&self.program).unwrap_or_default() + &log) }
    }
}

/// What a program is made of, and it, once somebody wanted it.
pub(super) struct Lazy<T> {
    compiler: Rc<Compiler>,
    sources: [Vec<&'static str>; 2],
    made: Rc<Made<T>>,
}

struct Made<T> {
    /// `None` inside: the driver gives no more.
    started: OnceCell<Option<Program>>,
    /// `None` inside: refused.
    ready: OnceCell<Option<T>>,
    finish: fn(&Gl, &Program) -> T,
}

impl<T: 'static> Lazy<T> {
    /// The parts of each shader are joined in their order. `finish` finds the program's uniforms.
    pub(super) fn new(
        compiler: &Rc<Compiler>,
        vertex: &[&'static str],
        fragment: &[&'static str],
        finish: fn(&Gl, &Program) -> T,
    ) -> Self {
        Self {
            compiler: Rc::clone(compiler),
            sources: [vertex.to_vec(), fragment.to_vec()],
            made: Rc::new(Made { started: OnceCell::new(), ready: OnceCell::new(), finish }),
        }
    }

    /// Has it compiled, so that it is ready when it is wanted.
    pub(super) fn start(&self) {
        self.made.started.get_or_init(|| {
            self.compiler.pending.borrow_mut().push(Rc::clone(&self.made) as _);
            self.compiler.start(&self.sources)
        });
    }

    /// The program, bound. `None` when it is not ready, which [`Compiler::take_missed`] tells, or refused.
    pub(super) fn bind(&self) -> Option<&T> {
        self.start();
        let Some(ready) = self.made.ready.get() else {
            self.compiler.missed.set(true);
            return None;
        };
        self.made.started.get()?.as_ref()?.bind(&self.compiler.gl);
        ready.as_ref()
    }
}

impl<T> Pending for Made<T> {
    fn hear(&self, compiler: &Compiler, may_ask: &mut dyn FnMut(&Program) -> bool) -> bool {
        let gl = &compiler.gl;
        let Some(started) = self.started.get() else { return false };
        let Some(program) = started else {
            self.ready.get_or_init(|| None);
            return true;
        };
        if gl.is_context_lost() || !may_ask(program) {
            return false;
        }
        let ready = match program.outcome(gl) {
            // The context went away meanwhile: all is made again.
            Err(_) if gl.is_context_lost() => return false,
            Err(words) => {
                compiler.faults.borrow_mut().push(words);
                None
            }
            Ok(()) => {
                program.bind(gl);
                Some((self.finish)(gl, program))
            }
        };
        self.ready.get_or_init(|| ready);
        true
    }
}
