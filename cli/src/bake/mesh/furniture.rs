//! Our own low-poly models of street furniture and trees.

use super::Mesh;
use crate::bake::model::PointClass;

/// How many models there are of a class (trees: broad-leaved 0, conifer 1).
pub fn model_variants(class: PointClass) -> usize {
    if class == PointClass::Tree { 2 } else { 1 }
}

/// The model of a class at the origin: 1 unit is 1 m, its foot at z = 0, facing north (+y). Feature 0 throughout.
/// A `variant` beyond the last counts from the first again.
pub fn model(class: PointClass, variant: usize) -> Mesh {
    let _ = (class, variant);
    Mesh::default()
}

/// The same for coarse levels: at most 20 triangles.
pub fn model_coarse(class: PointClass, variant: usize) -> Mesh {
    let _ = (class, variant);
    Mesh::default()
}
