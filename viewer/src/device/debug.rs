//! The overlay for developers: which boxes are drawn, and when its panel is written. See [`crate::debug`].

use super::core::Core;
use super::panel::Panel;
use crate::TileBoxes;
use crate::debug::{Rgb, Standing, error_color, level_color, may_see, push_box};
use crate::matrix::Eye;
use citytwin_tiles::{TileId, TileInfo, TileState};

/// A frame shows at most so many boxes; those of drawn tiles come first.
const MOST_BOXES: usize = 2048;
/// Opacity of the boxes of tiles that are drawn, and of others.
const ALPHA: [u8; 2] = [255, 150];

impl Core {
    /// The scene shows something else to developers than before.
    pub(super) fn follow_debug(&mut self) {
        // The panel before goes first.
        self.panel = None;
        let overlay = self.scene.debug;
        self.panel = overlay.is_on().then(|| Panel::new(&self.canvas, overlay)).flatten();
    }

    /// Writes the panel when it is time.
    pub(super) fn step_panel(&mut self, now_ms: f64) {
        let Some(mut panel) = self.panel.take() else { return };
        if panel.is_due(now_ms) {
            panel.show(&self.canvas, &self.stats(), &self.frame_ms);
        }
        self.panel = Some(panel);
    }

    /// When a frame is wanted, though nothing happens until then.
    pub(super) fn alarm_at_ms(&self) -> Option<f64> {
        let panel = self.panel.as_ref().and_then(Panel::wakes_at_ms).filter(|_| self.gpu.is_some());
        self.wakes_at_ms().into_iter().chain(panel).reduce(f64::min)
    }

    /// The edges of the boxes of this frame, as the GPU takes them; none when they are off.
    pub(super) fn box_lines(&self, eye: &Eye) -> Vec<u8> {
        let mut lines = Vec::new();
        let boxes = self.scene.debug.boxes;
        if boxes == TileBoxes::Off {
            return lines;
        }
        let mut drawn = self.drawn.clone();
        drawn.sort_unstable();
        // Below those that are drawn.
        if boxes == TileBoxes::State {
            let room = MOST_BOXES.saturating_sub(drawn.len());
            let others = self.engine.tiles().filter(|id| drawn.binary_search(id).is_err());
            let others = others.filter_map(|id| Some((id, standing(&self.engine.tile(id)?)?.color())));
            self.push_boxes(&mut lines, eye, others, ALPHA[1], room);
        }
        let drawn = drawn.into_iter().filter_map(|id| {
            let info = self.engine.tile(id)?;
            let color = match boxes {
                TileBoxes::Level => level_color(info.level),
                TileBoxes::Error => error_color(info.error_px, self.stats.effective_error_px),
                TileBoxes::State | TileBoxes::Off => Standing::Drawn.color(),
            };
            Some((id, color))
        });
        self.push_boxes(&mut lines, eye, drawn, ALPHA[0], MOST_BOXES);
        lines
    }

    fn push_boxes(
        &self,
        lines: &mut Vec<u8>,
        eye: &Eye,
        tiles: impl Iterator<Item = (TileId, Rgb)>,
        alpha: u8,
        most: usize,
    ) {
        let in_view = tiles
            .filter(|(id, _)| self.engine.tile(*id).is_some_and(|tile| may_see(eye, tile.center_ecef, tile.radius_m)));
        for (id, color) in in_view.take(most) {
            if let Some(corners) = self.engine.corners(id) {
                push_box(lines, &corners.map(|corner| eye.rel_from_ecef_point(corner)), color, alpha);
            }
        }
    }
}

/// How a tile that is not drawn stands; `None` when that is not shown.
fn standing(tile: &TileInfo<'_>) -> Option<Standing> {
    match tile.state {
        TileState::Loaded => Some(Standing::Loaded),
        TileState::Requested => Some(Standing::Requested),
        TileState::Failed => Some(Standing::Failed),
        TileState::Empty | TileState::Unloaded => None,
    }
}
