//! Which row of a tile's feature texture belongs to what, and what a row's bytes say. The viewer includes this file as
//! its own module, so that both sides count alike.

use citytwin_tiles::{TileContent, Topology};

/// Bytes of a row: red, green, blue, alpha; then flags, the width of points in half pixels (0: their own), and two
/// that mean nothing.
pub(crate) const ROW_BYTES: usize = 8;
/// A row that changes nothing: white, which stands for a feature's own colour.
pub(crate) const PLAIN: [u8; ROW_BYTES] = [255, 255, 255, 255, 0, 0, 0, 0];
/// Where a row's flags are.
pub(crate) const FLAGS: usize = 4;
/// Flag: the style hides it.
pub(crate) const HIDDEN_BY_STYLE: u8 = 1;
/// Most rows of a tile: what a texture of the size that every WebGL2 device has can hold.
pub(crate) const MOST_ROWS: u32 = 1 << 21;

/// Properties that only the points of a cloud have (3D Tiles Styling, Point cloud).
const OF_POINTS: [&str; 4] = ["POSITION", "POSITION_ABSOLUTE", "COLOR", "NORMAL"];

/// The rows of a tile: first one for all that is no feature, then those of its property tables, one after the other,
/// then one for each point of the clouds that are styled point by point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    /// First row of each table.
    pub(crate) tables: Vec<u32>,
    /// First row of each primitive that is styled point by point.
    pub(crate) points: Vec<Option<u32>>,
    /// All rows.
    pub(crate) count: u32,
}

impl Rows {
    /// The rows of a content under a style that reads these properties; `None` when they are too many.
    pub(crate) fn of(content: &TileContent, names: &[String]) -> Option<Self> {
        let mut rows = Self { count: 1, ..Self::default() };
        let mut take = |count: u32| {
            let first = rows.count;
            rows.count = first.checked_add(count).filter(|count| *count <= MOST_ROWS)?;
            Some(first)
        };
        let tables = content.tables.iter().map(|table| take(table.count)).collect::<Option<_>>()?;
        let of_points = |name: &String| {
            let attributes = content.property_attributes.iter().flat_map(|set| &set.properties);
            OF_POINTS.contains(&name.as_str()) || attributes.into_iter().any(|(shape, _)| shape.id == *name)
        };
        let by_point = names.iter().any(of_points);
        let points = content.primitives.iter().map(|primitive| {
            let is_cloud = primitive.topology == Topology::Points && primitive.instances.is_none();
            if by_point && is_cloud { take(primitive.vertex_count).map(Some) } else { Some(None) }
        });
        let points = points.collect::<Option<_>>()?;
        Some(Self { tables, points, ..rows })
    }
}
