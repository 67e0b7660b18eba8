//! Pictures and heights of the ground: raster layers and terrain.

use crate::read::{self, At};
use crate::{Attribution, Text};
use serde::Serialize;

/// How the tiles of a raster layer are asked for. All are in Web Mercator (EPSG:3857).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RasterKind {
    /// `{z}`, `{x}` and `{y}` (or `{-y}`, counted from the south).
    Xyz,
    /// `{TileMatrix}`, `{TileRow}` and `{TileCol}`: the template of a RESTful service, or of key-value pairs, of a
    /// tile matrix set that divides as `GoogleMapsCompatible` does.
    Wmts,
    /// A `GetMap` request with `{bbox}` (west, south, east, north in metres of EPSG:3857), `{width}` and `{height}`.
    Wms,
}

/// A picture laid over the ground, under streets and buildings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Raster {
    /// Unique among the twin's layers and rasters.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub title: Text,
    /// How its tiles are asked for.
    pub kind: RasterKind,
    /// URL template of its tiles.
    pub url: String,
    /// Coarsest zoom that there is, 0 to 24. Default 0.
    #[serde(default)]
    pub min_zoom: u8,
    /// Finest zoom that there is, from `minZoom` to 24. Default 19.
    #[serde(default = "finest")]
    pub max_zoom: u8,
    /// From 0, not seen, to 1, hiding the ground. Default 1.
    #[serde(default = "opaque")]
    pub opacity: f64,
    /// Shown at first? Default yes.
    #[serde(default = "crate::yes")]
    pub visible: bool,
    /// Who is to be named while it is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attribution: Vec<Attribution>,
}

impl Raster {
    /// Reads one, as it stands in a manifest.
    ///
    /// # Errors
    /// When this is not JSON of this shape; keys that are not known are errors that name the known ones.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let json = serde_json::from_str(json).map_err(|error| error.to_string())?;
        read::read(&json, Self::read)
    }

    pub(crate) fn read(at: &At<'_>) -> Self {
        at.knows(&["id", "title", "kind", "url", "minZoom", "maxZoom", "opacity", "visible", "attribution"]);
        let kinds = [RasterKind::Xyz, RasterKind::Wmts, RasterKind::Wms];
        let zoom = |key| at.get(key).optional(|at| at.whole(255) as u8);
        Self {
            id: at.get("id").text(),
            title: at.get("title").optional(Text::read).unwrap_or_default(),
            kind: kinds[at.get("kind").choice(&["xyz", "wmts", "wms"])],
            url: at.get("url").text(),
            min_zoom: zoom("minZoom").unwrap_or_default(),
            max_zoom: zoom("maxZoom").unwrap_or_else(finest),
            opacity: at.get("opacity").optional(At::number).unwrap_or_else(opaque),
            visible: at.get("visible").optional(At::flag).unwrap_or_else(crate::yes),
            attribution: at.get("attribution").list(Attribution::read),
        }
    }
}

fn finest() -> u8 {
    19
}

fn opaque() -> f64 {
    1.0
}

/// How the tiles of a terrain are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TerrainKind {
    /// `quantized-mesh` 1.0; the URL is that of its `layer.json`.
    QuantizedMesh,
    /// PNG pictures whose colours are heights; the URL is a template with `{z}`, `{x}` and `{y}`.
    Terrarium,
}

/// The heights of the ground.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Terrain {
    /// How its tiles are written.
    pub kind: TerrainKind,
    /// URL of its `layer.json`, or template of its tiles.
    pub url: String,
    /// Finest zoom of terrarium tiles, 0 to 24. Default 14.
    #[serde(default = "terrarium_finest")]
    pub max_zoom: u8,
    /// Added to every height, metres: the height of the geoid above the ellipsoid where heights are above sea level.
    /// Default 0.
    #[serde(default)]
    pub offset_m: f64,
    /// Who is to be named while it is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attribution: Vec<Attribution>,
}

impl Terrain {
    pub(crate) fn read(at: &At<'_>) -> Self {
        at.knows(&["kind", "url", "maxZoom", "offsetM", "attribution"]);
        let kinds = [TerrainKind::QuantizedMesh, TerrainKind::Terrarium];
        Self {
            kind: kinds[at.get("kind").choice(&["quantized-mesh", "terrarium"])],
            url: at.get("url").text(),
            max_zoom: at.get("maxZoom").optional(|at| at.whole(255) as u8).unwrap_or_else(terrarium_finest),
            offset_m: at.get("offsetM").optional(At::number).unwrap_or_default(),
            attribution: at.get("attribution").list(Attribution::read),
        }
    }
}

fn terrarium_finest() -> u8 {
    14
}
