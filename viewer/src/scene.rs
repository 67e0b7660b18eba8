//! How the city is drawn, beyond any one layer: light, shadows, fog, point clouds, resolution.
//!
//! A [`Scene`] is plain data with defaults. Hosts in JavaScript send parts of it as JSON, which
//! [`Scene::with`] merges into what there is; what it does not know, or what is out of range, is an error that says so.
//! Keys are camelCase in JSON and carry their unit.

use crate::clip::Clip;
use crate::debug::DebugOverlay;
use crate::see_through::{CrossFade, Underground, XRay};
use citytwin_manifest::read::{self, At};
use serde::Serialize;

/// Everything that changes how the city is drawn without being about one layer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scene {
    /// Where the sun stands. Default: mid-morning, from the south-east.
    pub sun: Sun,
    /// Shadows of buildings and trees.
    pub shadows: Shadows,
    /// Haze with distance.
    pub fog: Fog,
    /// How clouds of points are drawn.
    pub point_clouds: PointClouds,
    /// How much is drawn while the view moves, or is loading.
    pub resolution: Resolution,
    /// What of the city is drawn at all; default: all of it.
    pub clip: Clip,
    /// Layers that are seen through. Default: none.
    pub x_ray: XRay,
    /// Seeing and going below the ground. Default: neither.
    pub underground: Underground,
    /// How levels of detail take each other's place. Default: they fade into each other.
    pub cross_fade: CrossFade,
    /// What developers see over the city. Default: nothing.
    pub debug: DebugOverlay,
}

/// Where the sun stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sun {
    /// Milliseconds since 1970-01-01 UTC, as `Date.now()` counts them, years 2010 to 2109: the sun stands where it
    /// does over the view at that time. `None` (`null`, the default): a clear mid-morning from the south-east, always.
    pub time_ms: Option<f64>,
}

/// Which shadows are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ShadowMode {
    /// None: the quickest.
    Off,
    /// Buildings darken flat ground, but not each other.
    Ground,
    /// Everything casts shadows on everything.
    Full,
}

/// Shadows of buildings and trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shadows {
    /// `off`, `ground` or `full`. Default `ground`.
    pub mode: ShadowMode,
    /// Full shadows are drawn in this many rings from near to far, each less sharp; 1 to 4, default 3.
    pub cascades: u32,
    /// Width of each ring's shadow map, pixels; 256 to 4096, default 2048. Memory: 4 bytes × its square, per ring.
    pub map_px: u32,
}

impl Default for Shadows {
    fn default() -> Self {
        Self { mode: ShadowMode::Ground, cascades: 3, map_px: 2048 }
    }
}

/// Haze with distance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fog {
    /// Whether there is any. Default true.
    pub enabled: bool,
    /// How thick: at 2 it hides what is half as far away; 0.1 to 10, default 1.
    pub density: f64,
}

impl Default for Fog {
    fn default() -> Self {
        Self { enabled: true, density: 1.0 }
    }
}

/// How clouds of points are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PointClouds {
    /// Eye-dome lighting.
    pub edl: EyeDome,
}

/// Eye-dome lighting: points are darkened at steps in depth, which gives clouds without normals a shape.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EyeDome {
    /// How dark steps in depth become; 0 (none at all, and none of its cost) to 10, default 1.
    pub strength: f64,
    /// How far around a point is compared, CSS pixels; 0.5 to 8, default 1.4.
    pub radius_px: f64,
}

impl Default for EyeDome {
    fn default() -> Self {
        Self { strength: 1.0, radius_px: 1.4 }
    }
}

/// How much is drawn while the view moves, or is loading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolution {
    /// Whether a slow device draws fewer pixels while the view moves, and neither edges nor shadows on the ground where
    /// it would stutter with them; at rest all is drawn. Default true.
    pub adaptive: bool,
    /// At least this share of the pixels' width and height is drawn; 0.25 to 1, default 0.5.
    pub least: f64,
}

impl Default for Resolution {
    fn default() -> Self {
        Self { adaptive: true, least: 0.5 }
    }
}

/// Why a scene was refused; nothing of it was taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scene: {0}")]
pub struct SceneError(String);

impl Scene {
    /// This scene with parts of it replaced: `partial_json` is an object with any of a scene's keys, and so are the
    /// objects in it.
    ///
    /// # Errors
    /// When it is not JSON, holds a key that a scene does not have (the message names those that it has), or a value
    /// of another type or out of range.
    pub fn with(&self, partial_json: &str) -> Result<Self, SceneError> {
        let partial = serde_json::from_str(partial_json).map_err(|error| SceneError(error.to_string()))?;
        let scene = read::read(&partial, |at| self.merged(at)).map_err(SceneError)?;
        scene.validate()?;
        Ok(scene)
    }

    /// Whether every number is within its range.
    ///
    /// # Errors
    /// Names the first that is not, with its range.
    pub fn validate(&self) -> Result<(), SceneError> {
        if let Some(time_ms) = self.sun.time_ms {
            // 2010-01-01 and 2110-01-01: what the formula of the sun's place was made for.
            within("sun.timeMs", time_ms, 1_262_304_000_000.0, 4_417_977_600_000.0)?;
        }
        within("shadows.cascades", f64::from(self.shadows.cascades), 1.0, 4.0)?;
        within("shadows.mapPx", f64::from(self.shadows.map_px), 256.0, 4096.0)?;
        within("fog.density", self.fog.density, 0.1, 10.0)?;
        within("pointClouds.edl.strength", self.point_clouds.edl.strength, 0.0, 10.0)?;
        within("pointClouds.edl.radiusPx", self.point_clouds.edl.radius_px, 0.5, 8.0)?;
        within("resolution.least", self.resolution.least, 0.25, 1.0)?;
        self.clip.validate().map_err(SceneError)?;
        within("xRay.opacity", self.x_ray.opacity, 0.0, 1.0)?;
        within("underground.opacity", self.underground.opacity, 0.0, 1.0)?;
        within("underground.depthM", self.underground.depth_m, 1.0, 2000.0)
    }
}

/// Whether a number is within its range, both ends included.
fn within(key: &str, value: f64, least: f64, most: f64) -> Result<(), SceneError> {
    // A NaN is within nothing.
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(SceneError(format!("{key} is {value}, expected {least} to {most}")))
    }
}

// Objects are merged, everything else is replaced.

impl Scene {
    fn merged(&self, at: &At<'_>) -> Self {
        at.knows(&[
            "sun",
            "shadows",
            "fog",
            "pointClouds",
            "resolution",
            "clip",
            "xRay",
            "underground",
            "crossFade",
            "debug",
        ]);
        Self {
            sun: at.get("sun").or(self.sun, |at| self.sun.merged(at)),
            shadows: at.get("shadows").or(self.shadows, |at| self.shadows.merged(at)),
            fog: at.get("fog").or(self.fog, |at| self.fog.merged(at)),
            point_clouds: at.get("pointClouds").or(self.point_clouds, |at| self.point_clouds.merged(at)),
            resolution: at.get("resolution").or(self.resolution, |at| self.resolution.merged(at)),
            clip: at.get("clip").or(self.clip.clone(), |at| self.clip.merged(at)),
            x_ray: at.get("xRay").or(self.x_ray.clone(), |at| self.x_ray.merged(at)),
            underground: at.get("underground").or(self.underground, |at| self.underground.merged(at)),
            cross_fade: at.get("crossFade").or(self.cross_fade, |at| self.cross_fade.merged(at)),
            debug: at.get("debug").or(self.debug, |at| self.debug.merged(at)),
        }
    }
}

impl Sun {
    fn merged(self, at: &At<'_>) -> Self {
        at.knows(&["timeMs"]);
        Self { time_ms: at.get("timeMs").or(self.time_ms, |at| at.optional(At::number)) }
    }
}

impl Shadows {
    fn merged(self, at: &At<'_>) -> Self {
        at.knows(&["mode", "cascades", "mapPx"]);
        let modes = [ShadowMode::Off, ShadowMode::Ground, ShadowMode::Full];
        Self {
            mode: at.get("mode").or(self.mode, |at| modes[at.choice(&["off", "ground", "full"])]),
            cascades: at.get("cascades").or(self.cascades, |at| at.whole(u32::MAX)),
            map_px: at.get("mapPx").or(self.map_px, |at| at.whole(u32::MAX)),
        }
    }
}

impl Fog {
    fn merged(self, at: &At<'_>) -> Self {
        at.knows(&["enabled", "density"]);
        Self {
            enabled: at.get("enabled").or(self.enabled, At::flag),
            density: at.get("density").or(self.density, At::number),
        }
    }
}

impl PointClouds {
    fn merged(self, at: &At<'_>) -> Self {
        at.knows(&["edl"]);
        Self { edl: at.get("edl").or(self.edl, |at| self.edl.merged(at)) }
    }
}

impl EyeDome {
    fn merged(self, at: &At<'_>) -> Self {
        at.knows(&["strength", "radiusPx"]);
        Self {
            strength: at.get("strength").or(self.strength, At::number),
            radius_px: at.get("radiusPx").or(self.radius_px, At::number),
        }
    }
}

impl Resolution {
    fn merged(self, at: &At<'_>) -> Self {
        at.knows(&["adaptive", "least"]);
        Self {
            adaptive: at.get("adaptive").or(self.adaptive, At::flag),
            least: at.get("least").or(self.least, At::number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(partial: &str, expected: Result<Scene, &str>) {
        let scene = Scene::default().with(partial);
        match expected {
            Ok(expected) => assert_eq!(scene, Ok(expected), "{partial}"),
            Err(words) => {
                let error = scene.expect_err(partial).to_string();
                assert!(error.contains(words), "{partial}: {error}");
            }
        }
    }

    #[test]
    fn the_default_is_valid_and_nothing_changes_it() {
        assert_eq!(Scene::default().validate(), Ok(()));
        check("{}", Ok(Scene::default()));
        check(r#"{"sun":{}}"#, Ok(Scene::default()));
    }

    #[test]
    fn a_part_replaces_only_what_it_names() {
        let mut expected = Scene::default();
        expected.sun.time_ms = Some(1.5e12);
        expected.point_clouds.edl.strength = 2.0;
        check(r#"{"sun":{"timeMs":1.5e12},"pointClouds":{"edl":{"strength":2}}}"#, Ok(expected.clone()));
        assert_eq!(expected.with(r#"{"pointClouds":{"edl":{"strength":1}}}"#).map(|scene| scene.sun), Ok(expected.sun));
        assert_eq!(expected.with(r#"{"sun":{"timeMs":null}}"#).map(|scene| scene.sun), Ok(Sun::default()));
    }

    #[test]
    fn what_a_scene_does_not_know_or_take_is_refused_by_name() {
        for (partial, words) in [
            ("", "EOF"),
            ("[]", "it is a list, expected an object"),
            ("null", "it is null, expected an object"),
            (r#"{"sum":{}}"#, "sum is an unknown key, expected one of sun"),
            (r#"{"shadows":{"mode":"full","blur":1}}"#, "shadows.blur is an unknown key, expected one of mode"),
            (r#"{"sun":{"timeMs":"noon"}}"#, "noon"),
            (r#"{"sun":7}"#, "7"),
            (r#"{"shadows":{"mode":"soft"}}"#, "shadows.mode is a text (\"soft\"), expected one of off, ground, full"),
            (r#"{"shadows":{"cascades":-1}}"#, "-1"),
            (r#"{"shadows":{"cascades":5}}"#, "shadows.cascades is 5, expected 1 to 4"),
            (r#"{"shadows":{"mapPx":100000}}"#, "shadows.mapPx"),
            (r#"{"fog":{"density":0}}"#, "fog.density is 0, expected 0.1 to 10"),
            (r#"{"fog":{"enabled":null}}"#, "null"),
            (r#"{"sun":{"timeMs":1e300}}"#, "sun.timeMs"),
            (r#"{"pointClouds":{"edl":{"radiusPx":99}}}"#, "pointClouds.edl.radiusPx"),
            (r#"{"xRay":{"opacity":1.5}}"#, "xRay.opacity is 1.5, expected 0 to 1"),
            (r#"{"underground":{"depthM":0}}"#, "underground.depthM is 0, expected 1 to 2000"),
            (r#"{"clip":{"polygon":{"ring":[[0,0],[1,1]]}}}"#, "3 to 64 corners, not 2"),
            (r#"{"clip":{"box":{"lon":0,"lat":0,"size":[1,1,1]}}}"#, "sizeM"),
            (r#"{"clip":{"hole":null}}"#, "clip.hole is an unknown key, expected one of box, polygon, layers"),
            (r#"{"debug":{"boxes":"on"}}"#, "expected one of off, state, level, error"),
            (r#"{"resolution":{"least":2}}"#, "resolution.least is 2, expected 0.25 to 1"),
        ] {
            check(partial, Err(words));
        }
        let scene = Scene { fog: Fog { density: f64::NAN, ..Fog::default() }, ..Scene::default() };
        assert!(scene.validate().is_err());
    }
}
