//! Seeing through walls and below ground: what of a scene says so, and what it means for a layer.

use citytwin_manifest::read::At;
use serde::Serialize;

/// Layers drawn like glass: their nearest surfaces and their edges are seen, and what is behind them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct XRay {
    /// Whether anything is. Default false.
    pub enabled: bool,
    /// Ids or themes of the layers. Default `["buildings"]`. Flat things stay as they are.
    pub layers: Vec<String>,
    /// How much of their surfaces is seen; 0 (edges alone) to 1, default 0.22.
    pub opacity: f64,
}

impl Default for XRay {
    fn default() -> Self {
        Self { enabled: false, layers: vec!["buildings".into()], opacity: 0.22 }
    }
}

impl XRay {
    pub(crate) fn merged(&self, at: &At<'_>) -> Self {
        at.knows(&["enabled", "layers", "opacity"]);
        Self {
            enabled: at.get("enabled").or(self.enabled, At::flag),
            layers: at.get("layers").or(self.layers.clone(), At::texts),
            opacity: at.get("opacity").or(self.opacity, At::number),
        }
    }

    /// Whether a layer is seen through, by its id and theme.
    pub(crate) fn shows_through(&self, id: &str, theme: &str) -> bool {
        self.enabled && self.layers.iter().any(|name| name == id || name == theme)
    }
}

/// What is below the ground is seen, and the camera may go there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Underground {
    /// Whether it is. Default false: the ground hides what is below it, and the camera stays above.
    pub enabled: bool,
    /// How much of the ground and of other flat things is seen; 0 (nothing) to 1 (all of it), default 0.4.
    pub opacity: f64,
    /// How far below ground the camera may go, metres; 1 to 2000, default 60.
    pub depth_m: f64,
}

impl Default for Underground {
    fn default() -> Self {
        Self { enabled: false, opacity: 0.4, depth_m: 60.0 }
    }
}

impl Underground {
    pub(crate) fn merged(self, at: &At<'_>) -> Self {
        at.knows(&["enabled", "opacity", "depthM"]);
        Self {
            enabled: at.get("enabled").or(self.enabled, At::flag),
            opacity: at.get("opacity").or(self.opacity, At::number),
            depth_m: at.get("depthM").or(self.depth_m, At::number),
        }
    }
}

/// How levels of detail take each other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossFade {
    /// Whether they fade into each other, for a fifth of a second; never where reduced motion is asked for. Default
    /// true.
    pub enabled: bool,
}

impl Default for CrossFade {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl CrossFade {
    pub(crate) fn merged(self, at: &At<'_>) -> Self {
        at.knows(&["enabled"]);
        Self { enabled: at.get("enabled").or(self.enabled, At::flag) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_seen_through_by_id_or_theme_while_it_is_on() {
        let mut x_ray = XRay::default();
        assert!(!x_ray.shows_through("houses", "buildings"), "off by default");
        x_ray.enabled = true;
        assert!(x_ray.shows_through("houses", "buildings") && !x_ray.shows_through("roads", "transport"));
        x_ray.layers = vec!["roads".into()];
        assert!(!x_ray.shows_through("houses", "buildings") && x_ray.shows_through("roads", "transport"));
    }
}
