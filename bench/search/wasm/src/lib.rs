//! `core/search` behind plain exports, so that a benchmark in Node needs no binding step.
//!
//! Texts go in through memory from [`alloc`]; answers come out as lines of text at [`output`]. One index, or the shards of
//! one, at a time; the files of the second shard have the numbers after those of the first.
#![allow(unsafe_code)] // Plain exports have no other way to pass memory; nothing outside benchmarks uses them.
#![allow(clippy::missing_safety_doc)] // The callers are the scripts beside this crate.

use citytwin_search::{File, Need, Query, Searcher, Shards, Stack};
use std::cell::RefCell;
use std::fmt::Write;

#[derive(Default)]
struct State {
    stack: Stack,
    output: String,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Memory for `len` bytes, given back by the call that takes it.
#[unsafe(no_mangle)]
pub extern "C" fn alloc(len: usize) -> *mut u8 {
    Box::leak(vec![0_u8; len].into_boxed_slice()).as_mut_ptr()
}

/// Takes back memory of [`alloc`].
fn taken(start: *mut u8, len: usize) -> Box<[u8]> {
    // SAFETY: the scripts hand back exactly what `alloc` gave them, once.
    unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, len)) }
}

/// Forgets everything.
#[unsafe(no_mangle)]
pub extern "C" fn reset() {
    STATE.with_borrow_mut(|state| state.stack = Stack::default());
}

/// Opens a root, the only one or a further shard's; answers its number of records, or -1.
#[unsafe(no_mangle)]
pub extern "C" fn push(start: *mut u8, len: usize) -> i32 {
    let root = taken(start, len);
    STATE.with_borrow_mut(|state| match Searcher::open(&root) {
        Ok(searcher) => {
            let count = searcher.len() as i32;
            state.stack.push(searcher);
            count
        }
        Err(_) => -1,
    })
}

/// Writes the names of the roots that a list of shards names, a line each, none for what is no list; answers their length.
#[unsafe(no_mangle)]
pub extern "C" fn shards(start: *mut u8, len: usize) -> usize {
    let bytes = taken(start, len);
    let roots = Shards::read(&bytes).ok().flatten().unwrap_or_default().roots;
    STATE.with_borrow_mut(|state| {
        state.output = roots.join("\n");
        state.output.len()
    })
}

/// Writes the names of all files in the order of their numbers, a line each; answers their length.
#[unsafe(no_mangle)]
pub extern "C" fn file_names() -> usize {
    STATE.with_borrow_mut(|State { stack, output }| {
        let names = stack.parts().iter().flat_map(|part| File::ALL.map(|file| part.file_name(file)));
        *output = names.collect::<Vec<_>>().join("\n");
        output.len()
    })
}

/// Hands over bytes of file number `file` from `offset` on.
#[unsafe(no_mangle)]
pub extern "C" fn feed(file: usize, offset: f64, start: *mut u8, len: usize) {
    let bytes = taken(start, len);
    STATE.with_borrow_mut(|state| {
        let (part, file) = (file / File::ALL.len(), File::ALL[file % File::ALL.len()]);
        if let Some(part) = state.stack.parts_mut().get_mut(part) {
            part.feed(file, offset as u64, bytes);
        }
    });
}

/// Asks; answers the length of [`output`]: first the needs (`file start end`), then an empty line, then the hits
/// (`id <tab> ten times its score <tab> how <tab> name`).
#[unsafe(no_mangle)]
pub extern "C" fn query(start: *mut u8, len: usize, limit: usize) -> usize {
    let text = taken(start, len);
    STATE.with_borrow_mut(|State { stack, output }| {
        let text = String::from_utf8_lossy(&text).into_owned();
        let answer = stack.query(&Query { text, limit, ..Query::default() });
        output.clear();
        for (part, Need { file, range }) in &answer.needs {
            let _ = writeln!(output, "{} {} {}", part * File::ALL.len() + *file as usize, range.start, range.end);
        }
        output.push('\n');
        for (_, hit) in &answer.hits {
            let _ = writeln!(
                output,
                "{}\t{}\t{:?}\t{}",
                hit.record.id,
                (hit.score * 10.0) as i64,
                hit.how,
                hit.record.name
            );
        }
        output.len()
    })
}

/// Where the last answer stands.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    STATE.with_borrow(|state| state.output.as_ptr())
}
