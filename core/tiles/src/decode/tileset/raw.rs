//! `tileset.json` as serde sees it: the core of 1.0 and 1.1, and the extensions of 1.0 that became the core of 1.1.

use crate::Volume;
use serde::Deserialize;
use serde_json::Value as Json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawTileset {
    pub(super) asset: RawAsset,
    #[serde(default)]
    pub(super) geometric_error: Option<f64>,
    pub(super) root: RawTile,
    #[serde(flatten)]
    pub(super) metadata: RawTilesetMetadata,
    /// Of 1.0: ranges of the features' properties.
    #[serde(default)]
    pub(super) properties: Json,
    #[serde(default)]
    pub(super) extensions_used: Vec<String>,
    #[serde(default)]
    pub(super) extensions_required: Vec<String>,
    #[serde(default)]
    pub(super) extensions: RawTilesetExtensions,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawAsset {
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) tileset_version: Option<String>,
    #[serde(default)]
    pub(super) gltf_up_axis: Option<String>,
}

/// The core of 1.1, and with `tileset` and a map of groups the extension `3DTILES_metadata`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawTilesetMetadata {
    #[serde(default)]
    pub(super) schema: Json,
    #[serde(default)]
    pub(super) schema_uri: Option<String>,
    #[serde(default)]
    pub(super) statistics: Json,
    #[serde(default)]
    pub(super) groups: Json,
    #[serde(default, alias = "tileset")]
    pub(super) metadata: Json,
}

#[derive(Default, Deserialize)]
pub(super) struct RawTilesetExtensions {
    #[serde(default, rename = "3DTILES_metadata")]
    pub(super) metadata: Option<Json>,
}

impl RawTilesetMetadata {
    /// What the extension of 1.0 says. It is, itself, the entity of the tileset, or in drafts has one in it.
    pub(super) fn drafted(extensions: &RawTilesetExtensions) -> serde_json::Result<Self> {
        let Some(json) = &extensions.metadata else { return Ok(Self::default()) };
        let mut read = Self::deserialize(json)?;
        if read.metadata.is_null() && json["class"].is_string() {
            read.metadata = json.clone();
        }
        Ok(read)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawTile {
    #[serde(default)]
    pub(super) bounding_volume: Option<RawVolume>,
    #[serde(default)]
    pub(super) viewer_request_volume: Option<RawVolume>,
    #[serde(default)]
    pub(super) geometric_error: Option<f64>,
    #[serde(default)]
    pub(super) refine: Option<String>,
    #[serde(default)]
    pub(super) transform: Option<Vec<f64>>,
    #[serde(default)]
    pub(super) content: Option<RawContent>,
    #[serde(default)]
    pub(super) contents: Vec<RawContent>,
    #[serde(default)]
    pub(super) children: Vec<RawTile>,
    #[serde(default)]
    pub(super) implicit_tiling: Option<RawImplicit>,
    #[serde(default)]
    pub(super) metadata: Json,
    #[serde(default)]
    pub(super) extensions: Option<RawTileExtensions>,
}

/// Drafts of 1.1 had these as extensions of 1.0.
#[derive(Deserialize)]
pub(super) struct RawTileExtensions {
    #[serde(default, rename = "3DTILES_implicit_tiling")]
    pub(super) implicit: Option<RawImplicit>,
    #[serde(default, rename = "3DTILES_multiple_contents")]
    pub(super) contents: Option<RawContents>,
    #[serde(default, rename = "3DTILES_metadata")]
    pub(super) metadata: Json,
}

#[derive(Deserialize)]
pub(super) struct RawContents {
    #[serde(default, alias = "content")]
    pub(super) contents: Vec<RawContent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawContent {
    #[serde(default)]
    pub(super) uri: Option<String>,
    /// Before 1.0.
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default)]
    pub(super) bounding_volume: Option<RawVolume>,
    #[serde(default)]
    pub(super) group: Json,
    #[serde(default)]
    pub(super) metadata: Json,
    #[serde(default)]
    pub(super) extensions: Option<RawContentExtensions>,
}

#[derive(Deserialize)]
pub(super) struct RawContentExtensions {
    #[serde(default, rename = "3DTILES_metadata")]
    pub(super) metadata: Json,
}

impl RawContent {
    pub(super) fn uri(&self) -> Option<&str> {
        self.uri.as_deref().or(self.url.as_deref()).filter(|uri| !uri.is_empty())
    }

    fn drafted(&self) -> &Json {
        self.extensions.as_ref().map_or(&Json::Null, |e| &e.metadata)
    }

    /// Its metadata entity, if any.
    pub(super) fn metadata(&self) -> &Json {
        if self.metadata.is_null() { self.drafted() } else { &self.metadata }
    }

    /// Its group: an index; in drafts a name.
    pub(super) fn group(&self) -> &Json {
        if self.group.is_null() { &self.drafted()["group"] } else { &self.group }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawImplicit {
    #[serde(default)]
    pub(super) subdivision_scheme: String,
    #[serde(default)]
    pub(super) subtree_levels: f64,
    #[serde(default)]
    pub(super) available_levels: Option<f64>,
    /// Of the draft: the last level, not the number of levels.
    #[serde(default)]
    pub(super) maximum_level: Option<f64>,
    pub(super) subtrees: RawContent,
}

#[derive(Deserialize)]
pub(super) struct RawVolume {
    #[serde(default, rename = "box")]
    oriented_box: Option<Vec<f64>>,
    #[serde(default)]
    region: Option<Vec<f64>>,
    #[serde(default)]
    sphere: Option<Vec<f64>>,
    #[serde(default)]
    extensions: Option<RawVolumeExtensions>,
}

#[derive(Deserialize)]
struct RawVolumeExtensions {
    #[serde(default, rename = "3DTILES_bounding_volume_S2")]
    s2: Option<RawS2>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawS2 {
    #[serde(default)]
    token: String,
    #[serde(default)]
    minimum_height: f64,
    #[serde(default)]
    maximum_height: f64,
}

impl RawVolume {
    pub(super) fn read(&self) -> Option<Volume> {
        let exactly = |v: &Option<Vec<f64>>, n: usize| v.clone().filter(|v| v.len() == n);
        let oriented_box = exactly(&self.oriented_box, 12).and_then(|v| v.try_into().ok()).map(Volume::Box);
        let region = || exactly(&self.region, 6).and_then(|v| v.try_into().ok()).map(Volume::Region);
        let sphere = || exactly(&self.sphere, 4).and_then(|v| v.try_into().ok()).map(Volume::Sphere);
        let cell = self.extensions.as_ref().and_then(|e| e.s2.as_ref());
        let cell = cell.and_then(|s2| Volume::s2(&s2.token, [s2.minimum_height, s2.maximum_height]));
        // The order that other engines use when a volume has several shapes; an extension goes before its fallback.
        cell.or(oriented_box).or_else(region).or_else(sphere).filter(Volume::is_sane)
    }
}
