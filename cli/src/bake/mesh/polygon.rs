//! Polygons in the plane.
