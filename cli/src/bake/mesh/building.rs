//! Buildings: walls and roofs.

use super::{Detail, Mesh};
use crate::bake::model::Building;

/// Draws a building as one feature and says whether there was anything to draw at this detail.
pub fn building(building: &Building, detail: Detail, feature: u32, out: &mut Mesh) -> bool {
    let _ = (building, detail, feature, out);
    false
}
