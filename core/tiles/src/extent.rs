//! Bounding volumes in their place on the Earth, for those who check them.

use crate::bounds::Bounds;
use crate::{Engine, TileId, Volume};
use glam::{DMat4, DVec3};

/// A bounding volume, placed.
#[derive(Clone, Debug)]
pub struct Extent(Bounds);

impl Extent {
    /// Places a volume; regions and S2 cells stay where they are.
    pub fn new(volume: &Volume, ecef_from_tile: &DMat4) -> Self {
        Self(Bounds::new(volume, ecef_from_tile))
    }

    /// Metres from a point to the nearest point of the volume; 0 inside.
    pub fn distance_m(&self, ecef: DVec3) -> f64 {
        self.0.distance_to(ecef)
    }

    /// Points on its surface that tell how far it reaches, ECEF metres: corners; of a sphere, fourteen directions.
    pub fn points_ecef(&self) -> Vec<DVec3> {
        self.0.points()
    }

    /// Radius of a sphere that holds it, metres.
    pub fn radius_m(&self) -> f64 {
        self.0.radius
    }
}

impl Engine {
    /// The tile above; `None` for roots of tilesets, and when there is no such tile. A further content of a tile has
    /// the parent of its tile.
    pub fn parent(&self, id: TileId) -> Option<TileId> {
        self.parent_node(id.0).map(TileId)
    }

    /// The tiles right below, as far as they are known; none when there is no such tile.
    pub fn children(&self, id: TileId) -> impl Iterator<Item = TileId> {
        self.child_nodes(id.0).map(TileId)
    }

    /// The volume of a tile and all below it.
    pub fn extent(&self, id: TileId) -> Option<Extent> {
        self.node_bounds(id.0).map(|(tile, _)| Extent(tile.clone()))
    }

    /// The volume that the tileset gives for the tile's content alone.
    pub fn content_extent(&self, id: TileId) -> Option<Extent> {
        self.node_bounds(id.0).and_then(|(_, content)| content.cloned()).map(Extent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_on_the_surface_and_beyond_them_is_outside() {
        let placed = DMat4::from_translation(DVec3::new(4e6, 1e6, 4.8e6)) * DMat4::from_rotation_x(0.3);
        let cell = Volume::s2("46b5a9", [-10.0, 90.0]).unwrap();
        for (volume, points) in [
            (Volume::Box([1.0, 2.0, 3.0, 10.0, 0.0, 0.0, 0.0, 20.0, 0.0, 0.0, 0.0, 30.0]), 8),
            (Volume::Sphere([1.0, 2.0, 3.0, 10.0]), 14),
            (Volume::Region([0.43, 1.04, 0.43001, 1.04001, -5.0, 100.0]), 18),
            (cell, 8),
        ] {
            let extent = Extent::new(&volume, &placed);
            let found = extent.points_ecef();
            assert_eq!(found.len(), points, "{volume:?}");
            let center = found.iter().sum::<DVec3>() / found.len() as f64;
            assert!(extent.distance_m(center) < 1e-6, "{volume:?}");
            for p in found {
                assert!(extent.distance_m(p) < 1e-3, "{volume:?}: {}", extent.distance_m(p));
                let beyond = p + (p - center) * 0.5;
                assert!(extent.distance_m(beyond) > 1e-2 * extent.radius_m(), "{volume:?}");
            }
        }
    }
}
