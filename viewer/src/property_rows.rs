//! Finding features again by their stable ids in another tile's property table.

use citytwin_tiles::{Column, ColumnKind, PropertyTable};

/// The rows, ascending, whose column `id` says something that is wanted; numbers are written as JavaScript writes
/// them. `bytes_of` copies a range of the property bytes. Tables without such a column have none.
pub(crate) fn rows_with_ids(
    table: &PropertyTable,
    bytes_of: &dyn Fn((u32, u32)) -> Vec<u8>,
    is_wanted: &dyn Fn(&[u8]) -> bool,
) -> Vec<u32> {
    match table.columns.iter().find(|column| column.id == "id") {
        Some(column) if column.kind == ColumnKind::String => text_rows(table.count, column, bytes_of, is_wanted),
        Some(column) => number_rows(table.count, column, bytes_of, is_wanted),
        None => Vec::new(),
    }
}

fn text_rows(
    count: u32,
    column: &Column,
    bytes_of: &dyn Fn((u32, u32)) -> Vec<u8>,
    is_wanted: &dyn Fn(&[u8]) -> bool,
) -> Vec<u32> {
    let (values, offsets) = (bytes_of(column.values), bytes_of(column.string_offsets));
    let mut bounds = offsets.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    let Some(mut start) = bounds.next() else { return Vec::new() };
    let mut rows = Vec::new();
    for (row, end) in (0..count).zip(bounds) {
        if values.get(start..end).is_some_and(is_wanted) {
            rows.push(row);
        }
        start = end;
    }
    rows
}

fn number_rows(
    count: u32,
    column: &Column,
    bytes_of: &dyn Fn((u32, u32)) -> Vec<u8>,
    is_wanted: &dyn Fn(&[u8]) -> bool,
) -> Vec<u32> {
    let ColumnKind::Scalar { number, scale, offset } = column.kind else { return Vec::new() };
    let values = bytes_of(column.values);
    let is_row = |row: &u32| {
        let stored = number.read(&values, *row as usize);
        stored.is_some_and(|stored| is_wanted((stored * scale + offset).to_string().as_bytes()))
    };
    (0..count).filter(is_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_tiles::Number;

    /// A table of one text column over the given bytes.
    fn table(id: &str, count: u32, values: (u32, u32), string_offsets: (u32, u32)) -> PropertyTable {
        let column =
            Column { id: id.into(), kind: ColumnKind::String, values, string_offsets, no_data: None, default: None };
        PropertyTable { class: "building".into(), count, columns: vec![column], hierarchy: None }
    }

    fn check(table: &PropertyTable, bytes: &[u8], wanted: &[&str], expected: &[u32]) {
        let bytes_of = |(start, end)| bytes.get(start as usize..end as usize).unwrap_or_default().to_vec();
        let is_wanted = |id: &[u8]| wanted.iter().any(|wanted| wanted.as_bytes() == id);
        assert_eq!(rows_with_ids(table, &bytes_of, &is_wanted), expected, "{wanted:?}");
    }

    #[test]
    fn features_are_found_by_their_ids_and_bad_columns_have_none() {
        let mut bytes = b"way/1way/12xx".to_vec();
        bytes.resize(16, 0);
        for offset in [0_u32, 5, 11, 13] {
            bytes.extend(offset.to_le_bytes());
        }
        let good = table("id", 3, (0, 13), (16, 32));
        check(&good, &bytes, &["way/12"], &[1]);
        check(&good, &bytes, &["xx", "way/1", "way/3"], &[0, 2]);
        check(&table("name", 3, (0, 13), (16, 32)), &bytes, &["way/1"], &[]);
        check(&table("id", 9, (0, 13), (16, 32)), &bytes, &["nothing"], &[]);
        check(&table("id", 3, (0, 99), (16, 32)), &bytes, &["way/1"], &[]);
        check(&table("id", 3, (0, 2), (16, 32)), &bytes, &["way/1"], &[]);
        check(&table("id", 3, (0, 13), (16, 16)), &bytes, &["way/1"], &[]);
    }

    #[test]
    fn ids_that_are_numbers_are_found_as_they_are_written() {
        let bytes: Vec<u8> = [7_u32, 70_000].iter().flat_map(|id| id.to_le_bytes()).collect();
        let mut table = table("id", 2, (0, 8), (0, 0));
        table.columns[0].kind = ColumnKind::Scalar { number: Number::U32, scale: 1.0, offset: 0.0 };
        check(&table, &bytes, &["70000"], &[1]);
        check(&table, &bytes, &["7", "70000"], &[0, 1]);
        check(&table, &bytes, &["7.0"], &[]);
    }
}
