//! Finding a feature again by its stable id in another tile's property table.

use citytwin_tiles::{ColumnKind, PropertyTable};

/// The first row whose text column `id` says `wanted`. Tables without such a column have none.
pub(crate) fn row_with_id(table: &PropertyTable, property_bytes: &[u8], wanted: &str) -> Option<u32> {
    let column = table.columns.iter().find(|column| column.id == "id" && column.kind == ColumnKind::String)?;
    let range = |(start, end): (u32, u32)| property_bytes.get(start as usize..end as usize);
    let (values, offsets) = (range(column.values)?, range(column.string_offsets)?);
    let mut bounds = offsets.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    let mut start = bounds.next()?;
    for row in 0..table.count {
        let end = bounds.next()?;
        if values.get(start..end) == Some(wanted.as_bytes()) {
            return Some(row);
        }
        start = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_tiles::Column;

    /// A table of one text column over the given bytes.
    fn table(id: &str, count: u32, values: (u32, u32), string_offsets: (u32, u32)) -> PropertyTable {
        let column =
            Column { id: id.into(), kind: ColumnKind::String, values, string_offsets, no_data: None, default: None };
        PropertyTable { class: "building".into(), count, columns: vec![column], hierarchy: None }
    }

    #[test]
    fn a_feature_is_found_by_its_id_and_bad_columns_have_none() {
        let mut bytes = b"way/1way/12xx".to_vec();
        bytes.resize(16, 0);
        for offset in [0_u32, 5, 11, 13] {
            bytes.extend(offset.to_le_bytes());
        }
        let good = table("id", 3, (0, 13), (16, 32));
        assert_eq!(row_with_id(&good, &bytes, "way/12"), Some(1));
        assert_eq!(row_with_id(&good, &bytes, "way/1"), Some(0));
        assert_eq!(row_with_id(&good, &bytes, "way/3"), None);
        assert_eq!(row_with_id(&table("name", 3, (0, 13), (16, 32)), &bytes, "way/1"), None);
        assert_eq!(row_with_id(&table("id", 9, (0, 13), (16, 32)), &bytes, "nothing"), None, "too few offsets");
        assert_eq!(row_with_id(&table("id", 3, (0, 99), (16, 32)), &bytes, "way/1"), None, "values beyond the end");
        assert_eq!(row_with_id(&table("id", 3, (0, 2), (16, 32)), &bytes, "way/1"), None, "offsets beyond the values");
    }
}
