//! The terrain of a twin: which one there is, and how the camera follows it. Its tiles are chosen, loaded and drawn as
//! all others are.

use super::core::{Core, LayerState};
use crate::{Event, LookAt, Problem, TERRAIN, ground};
use citytwin_manifest::{Terrain, TerrainKind, Theme};
use citytwin_tiles::{GroundHeights, RasterScheme, RasterTemplate, TerrainFormat, TerrainSource, resolve_url};

/// So many times its width and height lies around a twin's extent to be seen from it.
const AROUND: f64 = 1.5;

/// What the camera knows of the ground.
#[derive(Default)]
pub(super) struct TerrainState {
    /// There is a terrain.
    on: bool,
    /// Other tiles are drawn than when the camera was last brought to the ground.
    changed: bool,
    /// A view that was asked for and has not been left since: its target is where it was asked to be.
    asked: Option<LookAt>,
    /// Where the camera was brought to.
    brought: Option<LookAt>,
    /// The ground where nothing is known of it, metres above the ellipsoid.
    base_m: f64,
}

impl TerrainState {
    /// Another twin, whose ground lies at this height where nothing says otherwise.
    pub(super) fn start(&mut self, base_m: f64) {
        *self = Self { changed: true, base_m, ..Self::default() };
    }

    /// Other tiles are drawn.
    pub(super) fn changed(&mut self) {
        self.changed = true;
    }

    /// Whether the camera is still to be brought to the ground that is drawn.
    pub(super) fn is_due(&self) -> bool {
        self.on && self.changed
    }
}

impl Core {
    /// Shows the terrain of a twin of this extent (degrees), or none. What is wrong with it becomes a problem.
    pub(super) fn set_terrain(&mut self, terrain: Option<&Terrain>, base: &str, extent: [f64; 4]) {
        self.remove_layer(TERRAIN);
        self.terrain.on = terrain.is_some();
        let Some(terrain) = terrain else { return };
        match source(terrain, base, extent) {
            Ok(source) => {
                let tileset = self.engine.add_terrain(source);
                self.layers.push(LayerState { id: TERRAIN.into(), tileset, theme: Theme::Ground.name() });
                self.sight.follow(&self.scene, &self.layers);
                self.engine_changed();
            }
            Err(problem) => self.events.push(Event::Problem(problem)),
        }
    }

    /// Keeps the eye above the ground and its target on it. What a view was asked to show stays in its middle while
    /// finer ground arrives; what somebody moved to stays as it is seen.
    pub(super) fn follow_terrain(&mut self, flies: bool, jumped: bool) {
        let look = self.camera.look();
        let moved = self.terrain.brought != Some(look);
        if !std::mem::take(&mut self.terrain.changed) && !moved && !jumped {
            return;
        }
        if jumped || flies {
            self.terrain.asked = Some(look);
        } else if moved {
            self.terrain.asked = None;
        }
        let grounds = self.grounds();
        if grounds.is_empty() {
            self.terrain.brought = Some(look);
            return;
        }
        let heights = |lon_rad: f64, lat_rad: f64| finest(&grounds, lon_rad, lat_rad);
        let brought = match self.terrain.asked {
            Some(asked) => ground::under_target(&asked, &heights)
                .map(|ground_m| LookAt { height_m: asked.height_m.max(ground_m), ..asked }),
            None => ground::anchored(&look, &heights),
        };
        let brought = brought.filter(|_| !flies && self.camera.depth_m() == 0.0);
        let wanted = brought.unwrap_or(look);
        let ground_m = ground::under_eye(&wanted, &heights).unwrap_or(self.sight.ground_m);
        self.sight.ground_m = ground_m;
        self.camera.set_ground(ground_m);
        if wanted != look {
            self.camera.set_look(wanted);
        }
        self.terrain.brought = Some(self.camera.look());
    }

    /// All that is known of the ground, seen or not: the eye stands on what lies below the picture.
    fn grounds(&self) -> Vec<&GroundHeights> {
        self.tiles.iter().flatten().filter_map(|tile| tile.content.ground.as_deref()).collect()
    }

    /// Jumps to a view.
    pub(super) fn jump_to(&mut self, look: LookAt) {
        let look = self.on_ground(look);
        // The ground under the eye that was says nothing of that under the eye to be.
        self.sight.ground_m = self.terrain.base_m;
        self.camera.set_ground(self.terrain.base_m);
        self.motion.jump(&mut self.camera, look);
    }

    /// A view whose target is not below the ground, as far as that is known.
    pub(super) fn on_ground(&self, look: LookAt) -> LookAt {
        if self.camera.depth_m() > 0.0 {
            return look;
        }
        let grounds = self.grounds();
        let heights = |lon_rad: f64, lat_rad: f64| finest(&grounds, lon_rad, lat_rad);
        let ground_m = ground::under_target(&look, &heights);
        LookAt { height_m: ground_m.map_or(look.height_m, |ground_m| look.height_m.max(ground_m)), ..look }
    }
}

/// The height that the finest tile says.
fn finest(grounds: &[&GroundHeights], lon_rad: f64, lat_rad: f64) -> Option<f64> {
    let mut found: Option<(u32, f64)> = None;
    for ground in grounds {
        if found.is_none_or(|(level, _)| level < ground.place.level)
            && let Some(height_m) = ground.height_m(lon_rad, lat_rad)
        {
            found = Some((ground.place.level, height_m));
        }
    }
    found.map(|(_, height_m)| height_m)
}

fn source(terrain: &Terrain, base: &str, [west, south, east, north]: [f64; 4]) -> Result<TerrainSource, Problem> {
    let wrong = |message: &str| Err(Problem::new("terrain-value", message, terrain.url.clone()));
    if terrain.max_zoom > 24 {
        return wrong("expected a maxZoom of 0 to 24");
    }
    if terrain.offset_m.is_nan() || terrain.offset_m.abs() > 10_000.0 {
        return wrong("expected an offsetM of −10,000 to 10,000 metres");
    }
    let format = match terrain.kind {
        TerrainKind::QuantizedMesh => TerrainFormat::QuantizedMesh,
        TerrainKind::Terrarium => {
            RasterTemplate::new(RasterScheme::Xyz, &terrain.url)?;
            TerrainFormat::Terrarium
        }
    };
    let (more_lon, more_lat) = ((east - west) * AROUND, (north - south) * AROUND);
    Ok(TerrainSource {
        format,
        url: resolve_url(base, &terrain.url),
        max_level: terrain.max_zoom.into(),
        offset_m: terrain.offset_m,
        area_deg: Some([
            (west - more_lon).max(-180.0),
            (south - more_lat).max(-90.0),
            (east + more_lon).min(180.0),
            (north + more_lat).min(90.0),
        ]),
    })
}
