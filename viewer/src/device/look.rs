//! What holds for a whole frame: matrices, haze, light, shadows, and how many pixels it has.

use super::core::Core;
use super::gpu::{FrameLook, ShadowLook};
use crate::camera::FOV_DEG;
use crate::cascades::{Cascades, MOST_RINGS, Wanted};
use crate::matrix::Eye;
use crate::{Scene, ShadowMode};
use glam::DMat4;

/// Share of what is far away that clear air hides.
const AIR: f32 = 0.16;
/// Full shadows are seen up to so many times the distance to the target, and at least as if that were this far, metres.
const SHADOW_REACH: f64 = 6.0;
const SHADOW_LEAST_M: f64 = 100.0;

impl Core {
    pub(super) fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The scene has been validated.
    pub(super) fn set_scene(&mut self, scene: Scene) {
        if self.scene != scene {
            let debug_changed = self.scene.debug != scene.debug;
            self.scene = scene;
            if debug_changed {
                self.follow_debug();
            }
            self.caster_epoch += 1;
            self.sight.follow(&self.scene, &self.layers);
            let underground = &self.scene.underground;
            self.camera.set_depth(if underground.enabled { underground.depth_m } else { 0.0 });
            self.draw_due = true;
        }
    }

    /// Gives the canvas the pixels that this frame is to have: all of them, unless the view moves and frames are slow.
    /// Nothing that is measured in CSS pixels notices.
    pub(super) fn keep_pace(&mut self, now_ms: f64, moving: bool) {
        let share = self.pace.share(now_ms, moving, &self.scene.resolution);
        let size_px = self.full_px.map(|px| (f64::from(px) * share).round().max(1.0) as u32);
        if size_px != self.size_px {
            self.size_px = size_px;
            self.draw_due = true;
        }
    }

    /// What a frame has without full shadows, and what a pick needs.
    pub(super) fn frame_look(&self, eye: Eye, planes_m: (f64, f64)) -> FrameLook {
        let scene = &self.scene;
        let hidden_m = self.hidden_m();
        let edl = scene.point_clouds.edl;
        let pixels_per_css = f64::from(self.size_px[0]) / self.camera.size_css().x.max(1.0);
        FrameLook {
            clip_from_rel: eye.clip_from_rel(planes_m.0, planes_m.1),
            planes_m,
            viewport_px: self.size_px,
            pixel_ratio: pixels_per_css as f32,
            // Without fog it begins beyond everything.
            fog_m: [0.6, 1.0].map(|part| if scene.fog.enabled { part * hidden_m } else { part * 1e9 } as f32),
            air: if scene.fog.enabled { AIR } else { 0.0 },
            is_rough: false,
            edges_m: 1_800.0,
            // The field of view lies across the wider side.
            pixels_at_1_m: f64::from(self.size_px[0].max(self.size_px[1])) / 2.0 / (FOV_DEG.to_radians() / 2.0).tan(),
            light: self.daylight.light(&eye),
            underground: self.sight.underground().map(|o| [o, (eye.height_m - self.sight.ground_m) as f32]),
            clip: self.sight.clip(&eye),
            ground_shadows: scene.shadows.mode == ShadowMode::Ground,
            shadows: None,
            edl: (edl.strength > 0.0).then_some([edl.strength as f32, (edl.radius_px * pixels_per_css) as f32]),
            eye,
        }
    }

    /// Where haze hides everything, metres. From afar the whole twin is clear; from near, the haze gives the street its
    /// depth.
    fn hidden_m(&self) -> f64 {
        (6.0 * self.camera.look().distance_m).max(4_500.0) / self.scene.fog.density
    }

    /// The frame's full shadows, if it has any: where the scene says so, or `wanted`. `cascades` are fitted to the view;
    /// `heights_m`: of the lowest and the highest thing drawn.
    pub(super) fn shadow_look(
        &self,
        cascades: &mut Cascades,
        eye: &Eye,
        heights_m: [f64; 2],
        wanted: bool,
    ) -> Option<ShadowLook> {
        let shadows = self.scene.shadows;
        if !(wanted || shadows.mode == ShadowMode::Full) || heights_m[0] > heights_m[1] {
            return None;
        }
        let toward = self.daylight.toward_ecef()?;
        let reach_m = (SHADOW_REACH * self.camera.look().distance_m.max(SHADOW_LEAST_M)).min(0.75 * self.hidden_m());
        let wanted = Wanted { rings: shadows.cascades as usize, map_px: shadows.map_px, reach_m, heights_m };
        cascades.fit(eye, toward, &wanted);
        let mut look = ShadowLook {
            rings: [None; MOST_RINGS],
            map_from_rel: [DMat4::IDENTITY; MOST_RINGS],
            texels_m: [1.0; MOST_RINGS],
            map_px: shadows.map_px,
            reach_m: reach_m as f32,
            epoch: self.caster_epoch,
        };
        for (index, ring) in cascades.rings().iter().enumerate().take(MOST_RINGS) {
            look.rings[index] = Some(*ring);
            look.map_from_rel[index] = cascades.map_from_rel(eye, ring);
            look.texels_m[index] = cascades.texel_m(ring) as f32;
        }
        (!cascades.rings().is_empty()).then_some(look)
    }
}
