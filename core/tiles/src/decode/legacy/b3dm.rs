//! Batched models: a glTF whose vertices say which feature they belong to (OGC 18-053r2, section 10.2).

use super::{add_batch_table, check_header, claimed, cut, model};
use crate::decode::Context;
use crate::decode::bytes::{Fault, u32_at};
use crate::{Number, Problem, PropertyTable, TileContent};
use glam::{DMat4, DVec3};

/// Reads a batched model.
pub(crate) fn b3dm(bytes: &[u8], place: &str, context: Context<'_>) -> Result<TileContent, Problem> {
    let fault = |fault: Fault| fault.problem(place);
    check_header(bytes, "b3dm", 28).map_err(fault)?;
    let bytes = claimed(bytes);
    let (header, lengths, batch_length) = layout(bytes);
    let parts = cut(bytes, header, lengths).map_err(fault)?;
    let center = parts.features.global::<3>("RTC_CENTER", Number::F32).map_err(fault)?;
    let mut content = model(parts.rest, place, context)?;
    if let Some(center) = center {
        translate(&mut content, DVec3::from_array(center));
    }
    let count = batch_length.or_else(|| parts.features.count("BATCH_LENGTH")).unwrap_or(0);
    // A glTF that brings its own tables has feature ids for those.
    if content.tables.is_empty() {
        let table = if count > 0 { add_batch_table(&mut content, &parts.batches, count, place, context) } else { None };
        if table.is_none() && content.primitives.iter().any(|p| p.feature_ids.is_some()) {
            // Ids belong to the tile: in all its primitives the same one is the same feature, with properties or without.
            let rows = u32::try_from(count).unwrap_or(u32::MAX);
            content.tables.push(PropertyTable { count: rows, ..PropertyTable::default() });
        }
    }
    Ok(content)
}

/// Length of the header, lengths of the tables, and the number of batches where the header says it.
///
/// Two headers of before 1.0 are told by the text (a quotation mark or `glTF`) that stands where a length should be:
/// as a length it would be over 570 MB.
fn layout(bytes: &[u8]) -> (usize, [usize; 4], Option<usize>) {
    let word = |i: usize| u32_at(bytes, i * 4) as usize;
    let is_text = |length: usize| length >= 0x2200_0000;
    if is_text(word(5)) {
        (20, [0, 0, word(4), 0], Some(word(3)))
    } else if is_text(word(6)) {
        (24, [0, 0, word(3), word(4)], Some(word(5)))
    } else {
        (28, [word(3), word(4), word(5), word(6)], None)
    }
}

/// Moves everything by an offset in the tile's frame.
fn translate(content: &mut TileContent, offset: DVec3) {
    let moved_from_tile = DMat4::from_translation(offset);
    for primitive in &mut content.primitives {
        let moved = moved_from_tile * DMat4::from_cols_array(&primitive.tile_from_local);
        primitive.tile_from_local = moved.to_cols_array();
        primitive.bounds = primitive.bounds.map(|p| (DVec3::from_array(p) + offset).to_array());
    }
}
