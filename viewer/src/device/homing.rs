//! Looking at a tileset of which nothing is known before it has loaded, waiting for a flight's end, and where things
//! of the world are on the canvas: for hosts that bring their own.

use super::core::Core;
use crate::camera::FOV_DEG;
use crate::matrix::Eye;
use crate::oneshot::Sender;
use crate::project::Projection;
use citytwin_geo::{LookAt, geodetic_from_ecef};
use citytwin_tiles::TilesetId;
use glam::DVec3;

/// A tileset that reaches farther than this from its middle has no middle to look at, metres.
const WHOLE_EARTH_M: f64 = 2_000_000.0;

/// What hosts wait for.
#[derive(Default)]
pub(super) struct Homing {
    /// The tileset that is to be looked at once it is known where it lies.
    tileset: Option<TilesetId>,
    /// Whoever waits for the end of the flight.
    landing: Vec<Sender<()>>,
}

impl Core {
    /// Looks at the whole of a layer as soon as it is known where it lies; until then the view stays.
    pub(super) fn look_at_layer(&mut self, id: &str) {
        self.homing.tileset = self.layers.iter().find(|layer| layer.id == id).map(|layer| layer.tileset);
        self.find_home();
    }

    /// Jumps to the tileset that waits for it, if that is known by now.
    pub(super) fn find_home(&mut self) {
        let Some(tileset) = self.homing.tileset else { return };
        let Some((center_ecef, radius_m)) = self.sphere_of(tileset) else { return };
        self.homing.tileset = None;
        if radius_m > WHOLE_EARTH_M {
            return;
        }
        let middle = geodetic_from_ecef(center_ecef);
        let look = LookAt {
            lon: middle.lon(),
            lat: middle.lat(),
            height_m: middle.height_m,
            distance_m: radius_m / (FOV_DEG.to_radians() / 2.0).tan(),
            heading_deg: 0.0,
            pitch_deg: -45.0,
        };
        self.motion.jump(&mut self.camera, look);
        self.engine_changed();
    }

    /// Middle (ECEF) and radius of a tileset, metres; `None` before it has loaded.
    fn sphere_of(&self, tileset: TilesetId) -> Option<(DVec3, f64)> {
        let mut tiles = self.engine.tiles().filter_map(|id| self.engine.tile(id));
        let root = tiles.find(|tile| tile.tileset == tileset && tile.level == 0)?;
        Some((root.center_ecef, root.radius_m))
    }

    /// The waiter hears when no flight is under way, in the next frame at the earliest.
    pub(super) fn when_landed(&mut self, waiter: Sender<()>) {
        self.homing.landing.push(waiter);
    }

    pub(super) fn step_landing(&mut self) {
        if !self.motion.flies() {
            self.homing.landing.drain(..).for_each(|waiter| waiter.send(()));
        }
    }

    /// How the world is seen on the canvas now.
    pub(super) fn projection(&self) -> Projection {
        Projection::new(Eye::of(&self.camera), self.camera.size_css())
    }
}
