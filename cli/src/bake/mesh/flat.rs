//! What lies on the ground: areas and the ribbons of ways.

use super::{Detail, Layers, Mesh};
use crate::bake::model::{Area, Polygon, Way};

/// The bare ground of the whole extent; `extent` is its border.
pub fn extent_ground(extent: &Polygon, feature: u32, out: &mut Layers) {
    let _ = (extent, feature, out);
}

/// Draws an area, cut off at `extent` where one is given; whether there was anything to draw at this detail.
pub fn area(area: &Area, extent: Option<&Polygon>, detail: Detail, feature: u32, out: &mut Layers) -> bool {
    let _ = (area, extent, detail, feature, out);
    false
}

/// Draws a way at grade as a ribbon, cut off at `extent`; whether there was anything to draw at this detail.
/// Draws nothing for a bridge.
pub fn way_flat(way: &Way, extent: Option<&Polygon>, detail: Detail, feature: u32, out: &mut Layers) -> bool {
    let _ = (way, extent, detail, feature, out);
    false
}

/// Draws a bridge as a deck with thickness, cut off at `extent`; whether there was anything to draw at this detail.
/// Draws nothing for a way at grade.
pub fn way_bridge(way: &Way, extent: Option<&Polygon>, detail: Detail, feature: u32, out: &mut Mesh) -> bool {
    let _ = (way, extent, detail, feature, out);
    false
}
