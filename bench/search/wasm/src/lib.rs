//! `core/search` behind plain exports, so that a benchmark in Node needs no binding step.
//!
//! Texts go in through memory from [`alloc`]; answers come out as lines of text at [`output`]. One searcher at a time.
#![allow(unsafe_code)] // Plain exports have no other way to pass memory; nothing outside benchmarks uses them.
#![allow(clippy::missing_safety_doc)] // The callers are the scripts beside this crate.

use citytwin_search::{File, Need, Query, Searcher};
use std::cell::RefCell;
use std::fmt::Write;

#[derive(Default)]
struct State {
    searcher: Option<Searcher>,
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

/// Opens a root; answers its number of records, or -1.
#[unsafe(no_mangle)]
pub extern "C" fn open(start: *mut u8, len: usize) -> i32 {
    let root = taken(start, len);
    STATE.with_borrow_mut(|state| {
        state.searcher = Searcher::open(&root).ok();
        state.searcher.as_ref().map_or(-1, |searcher| searcher.len() as i32)
    })
}

/// Hands over bytes of file number `file` from `offset` on.
#[unsafe(no_mangle)]
pub extern "C" fn feed(file: usize, offset: f64, start: *mut u8, len: usize) {
    let bytes = taken(start, len);
    STATE.with_borrow_mut(|state| {
        if let (Some(searcher), Some(file)) = (&mut state.searcher, File::ALL.get(file)) {
            searcher.feed(*file, offset as u64, bytes);
        }
    });
}

/// Asks; answers the length of [`output`]: first the needs (`file start end`), then an empty line, then the hits
/// (`id <tab> ten times its score <tab> how <tab> name`).
#[unsafe(no_mangle)]
pub extern "C" fn query(start: *mut u8, len: usize, limit: usize) -> usize {
    let text = taken(start, len);
    STATE.with_borrow_mut(|state| {
        let State { searcher: Some(searcher), output } = state else { return 0 };
        let text = String::from_utf8_lossy(&text).into_owned();
        let answer = searcher.query(&Query { text, limit, ..Query::default() });
        output.clear();
        for Need { file, range } in &answer.needs {
            let _ = writeln!(output, "{} {} {}", *file as usize, range.start, range.end);
        }
        output.push('\n');
        for hit in &answer.hits {
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
