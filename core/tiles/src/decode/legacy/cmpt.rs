//! Composites: several tiles in one file (OGC 18-053r2, section 10.5).

use super::{check_header, claimed};
use crate::decode::bytes::{Fault, slice, u32_at};
use crate::decode::merge::append;
use crate::decode::{Context, content};
use crate::{Problem, TileContent};

/// Reads a composite: all its parts together. A part that is bad is left out.
pub(crate) fn cmpt(bytes: &[u8], place: &str, context: Context<'_>, nesting: u32) -> Result<TileContent, Problem> {
    let fault = |fault: Fault| fault.problem(place);
    let deepest = context.limits().nesting.min(64);
    if nesting >= deepest {
        return Err(fault(Fault::TooLarge(format!("composites nested {deepest} deep"))));
    }
    check_header(bytes, "cmpt", 16).map_err(fault)?;
    let bytes = claimed(bytes);
    let mut out = TileContent::default();
    let mut at = 16;
    for i in 0..u32_at(bytes, 12) {
        let place = format!("{place}: tile {i}");
        // A part has at least its own magic, version and length.
        let len = (u32_at(bytes, at + 8) as usize).max(12);
        let part = match slice(bytes, at, len, "inner tile") {
            Ok(part) => part,
            Err(fault) => {
                out.problems.push(fault.problem(place));
                break;
            }
        };
        match content(part, &place, context, nesting + 1) {
            Ok(part) => append(&mut out, part).map_err(fault)?,
            Err(problem) => out.problems.push(problem),
        }
        at += len;
    }
    match (out.primitives.is_empty(), out.problems.first()) {
        (true, Some(first)) => Err(first.clone()),
        _ => Ok(out),
    }
}
