//! `tileset.json`, 3D Tiles 1.0 and 1.1.

use super::Context;
use super::metadata::{Element, PropertyType};
use crate::{
    DocTile, Implicit, Problem, Refine, Semantic, SemanticProperty, SubtreeShape, TilesetDoc, Volume, resolve_url,
};
use glam::DMat4;
use serde::Deserialize;
use serde_json::Value as Json;

/// Most tiles of one `tileset.json`.
const MAX_TILES: usize = 1 << 22;
/// Most levels of an implicit tree: coordinates stay below 2³¹.
const MAX_LEVELS: usize = 31;
/// Most levels of a subtree of a quadtree: 5.6 million tiles. Octrees: two thirds of it, 2.4 million tiles.
const MAX_SUBTREE_LEVELS: usize = 12;
/// Most problems that one document tells.
const MAX_PROBLEMS: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTileset {
    asset: RawAsset,
    #[serde(default)]
    geometric_error: Option<f64>,
    root: RawTile,
    #[serde(default)]
    schema: Json,
    #[serde(default)]
    schema_uri: Option<String>,
    #[serde(default)]
    extensions_used: Vec<String>,
    #[serde(default)]
    extensions_required: Vec<String>,
}

#[derive(Deserialize)]
struct RawAsset {
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTile {
    #[serde(default)]
    bounding_volume: Option<RawVolume>,
    #[serde(default)]
    viewer_request_volume: Option<RawVolume>,
    #[serde(default)]
    geometric_error: Option<f64>,
    #[serde(default)]
    refine: Option<String>,
    #[serde(default)]
    transform: Option<Vec<f64>>,
    #[serde(default)]
    content: Option<RawContent>,
    #[serde(default)]
    contents: Vec<RawContent>,
    #[serde(default)]
    children: Vec<RawTile>,
    #[serde(default)]
    implicit_tiling: Option<RawImplicit>,
    #[serde(default)]
    extensions: Option<RawExtensions>,
}

/// Drafts of 1.1 had these as extensions of 1.0.
#[derive(Deserialize)]
struct RawExtensions {
    #[serde(default, rename = "3DTILES_implicit_tiling")]
    implicit: Option<RawImplicit>,
    #[serde(default, rename = "3DTILES_multiple_contents")]
    contents: Option<RawContents>,
}

#[derive(Deserialize)]
struct RawContents {
    #[serde(default, alias = "content")]
    contents: Vec<RawContent>,
}

#[derive(Deserialize)]
struct RawVolume {
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawContent {
    #[serde(default)]
    uri: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    bounding_volume: Option<RawVolume>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawImplicit {
    #[serde(default)]
    subdivision_scheme: String,
    #[serde(default)]
    subtree_levels: f64,
    /// `maximumLevel` of the draft is the last level, not the number of levels.
    #[serde(default)]
    available_levels: Option<f64>,
    #[serde(default)]
    maximum_level: Option<f64>,
    subtrees: RawContent,
}

impl RawVolume {
    fn read(&self) -> Option<Volume> {
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

impl Volume {
    /// Whether every number is finite and no size negative.
    pub(crate) fn is_sane(&self) -> bool {
        match self {
            Self::Box(v) => v.iter().all(|v| v.is_finite()),
            Self::Region(v) => v.iter().all(|v| v.is_finite()) && v[1] <= v[3] && v[4] <= v[5],
            Self::Sphere(v) => v.iter().all(|v| v.is_finite()) && v[3] >= 0.0,
            Self::S2 { cell, heights_m: [low, high] } => {
                let lowest = cell & cell.wrapping_neg();
                cell >> 61 < 6
                    && lowest & 0x1555_5555_5555_5555 != 0
                    && low.is_finite()
                    && high.is_finite()
                    && low <= high
            }
        }
    }
}

/// Reads a `tileset.json`.
pub(crate) fn read(bytes: &[u8], url: &str, _context: Context<'_>) -> Result<TilesetDoc, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let raw: RawTileset = serde_json::from_slice(bytes)
        .map_err(|e| Problem::new("tileset-malformed", format!("not a tileset.json: {e}"), url))?;
    let mut reader = Reader { url, semantics: semantics(&raw.schema), out: TilesetDoc::default() };
    if raw.schema_uri.is_some() {
        reader.report("schemaUri", "tileset-unsupported", "a metadata schema in a file of its own is not read");
    }
    for required in &raw.extensions_required {
        if !["3DTILES_content_gltf", "3DTILES_implicit_tiling", "3DTILES_multiple_contents", "3DTILES_metadata"]
            .contains(&required.as_str())
        {
            reader.report(required, "tileset-unsupported", "the tileset requires an extension that is not read");
        }
    }
    reader.out.version = raw.asset.version;
    reader.out.extensions_used = raw.extensions_used;
    reader.out.extensions_used.sort();
    reader.out.extensions_used.dedup();
    reader.tree(&raw.root)?;
    reader.out.geometric_error = raw.geometric_error.unwrap_or(0.0);
    Ok(reader.out)
}

struct Reader<'a> {
    url: &'a str,
    semantics: Vec<SemanticProperty>,
    out: TilesetDoc,
}

/// What a tile takes over from its parent.
struct Parent {
    index: Option<u32>,
    tileset_from_tile: DMat4,
    refine: Refine,
    volume: Option<Volume>,
    geometric_error: f64,
}

impl Reader<'_> {
    fn report(&mut self, place: &str, code: &str, message: &str) {
        if self.out.problems.len() < MAX_PROBLEMS {
            self.out.problems.push(Problem::new(code, message, format!("{}: {place}", self.url)));
        }
    }

    /// Flattens the tree, parents before children, depth first.
    fn tree(&mut self, root: &RawTile) -> Result<(), Problem> {
        let parent = Parent {
            index: None,
            tileset_from_tile: DMat4::IDENTITY,
            refine: Refine::Replace,
            volume: None,
            geometric_error: f64::INFINITY,
        };
        self.tile(root, &parent)
    }

    /// One tile and, by recursion, its children; the JSON reader has bounded the depth.
    fn tile(&mut self, raw: &RawTile, parent: &Parent) -> Result<(), Problem> {
        if self.out.tiles.len() >= MAX_TILES {
            return Err(Problem::new("tileset-too-large", format!("more than {MAX_TILES} tiles"), self.url));
        }
        let index = self.out.tiles.len() as u32;
        let place = format!("tile {index}");
        let Some(volume) = raw.bounding_volume.as_ref().and_then(RawVolume::read).or_else(|| {
            self.report(&place, "tileset-malformed", "no bounding volume that is a box, region or sphere");
            parent.volume
        }) else {
            return Err(Problem::new(
                "tileset-malformed",
                "the root has no bounding volume that can be read",
                self.url,
            ));
        };
        let geometric_error = self.geometric_error(raw, parent, &place);
        let refine = match raw.refine.as_deref().map(str::to_ascii_uppercase).as_deref() {
            Some("ADD") => Refine::Add,
            Some("REPLACE") => Refine::Replace,
            _ => parent.refine,
        };
        let tileset_from_tile = parent.tileset_from_tile * self.transform(raw, &place);
        let (contents, content_volume) = self.contents(raw, &place);
        let implicit = self.implicit(raw, contents.len(), &place);
        self.out.tiles.push(DocTile {
            parent: parent.index,
            volume,
            content_volume,
            viewer_request_volume: raw.viewer_request_volume.as_ref().and_then(RawVolume::read),
            geometric_error,
            refine,
            tileset_from_tile: tileset_from_tile.to_cols_array(),
            contents,
            implicit,
        });
        let own = Parent { index: Some(index), tileset_from_tile, refine, volume: Some(volume), geometric_error };
        raw.children.iter().try_for_each(|child| self.tile(child, &own))
    }

    fn geometric_error(&mut self, raw: &RawTile, parent: &Parent, place: &str) -> f64 {
        match raw.geometric_error {
            Some(error) if error.is_finite() && error >= 0.0 => error,
            found => {
                self.report(place, "tileset-malformed", &format!("geometricError is {found:?}"));
                if parent.geometric_error.is_finite() { parent.geometric_error / 2.0 } else { 0.0 }
            }
        }
    }

    fn transform(&mut self, raw: &RawTile, place: &str) -> DMat4 {
        let Some(values) = &raw.transform else { return DMat4::IDENTITY };
        match <[f64; 16]>::try_from(values.as_slice()) {
            Ok(matrix) if values.iter().all(|v| v.is_finite()) => DMat4::from_cols_array(&matrix),
            _ => {
                self.report(place, "tileset-malformed", "the transform is not 16 finite numbers");
                DMat4::IDENTITY
            }
        }
    }

    /// Absolute URLs of the contents, and the volume that holds them when there is exactly one.
    fn contents(&mut self, raw: &RawTile, place: &str) -> (Vec<String>, Option<Volume>) {
        let drafted = raw.extensions.as_ref().and_then(|e| e.contents.as_ref()).map_or(&[][..], |c| &c.contents);
        let all: Vec<&RawContent> = raw.content.iter().chain(&raw.contents).chain(drafted).collect();
        let mut urls = Vec::new();
        for content in &all {
            match content.uri.as_deref().or(content.url.as_deref()).filter(|uri| !uri.is_empty()) {
                Some(uri) => urls.push(resolve_url(self.url, uri)),
                None => self.report(place, "tileset-malformed", "a content without uri"),
            }
        }
        let volume = match all.as_slice() {
            [one] => one.bounding_volume.as_ref().and_then(RawVolume::read),
            _ => None,
        };
        (urls, volume)
    }

    fn implicit(&mut self, raw: &RawTile, contents: usize, place: &str) -> Option<Implicit> {
        let drafted = raw.extensions.as_ref().and_then(|e| e.implicit.as_ref());
        let raw = raw.implicit_tiling.as_ref().or(drafted)?;
        let levels = raw.available_levels.or(raw.maximum_level.map(|last| last + 1.0)).unwrap_or(0.0);
        let in_range = |v: f64, max: usize| v >= 1.0 && v <= max as f64 && v.fract() == 0.0;
        let octree = match raw.subdivision_scheme.to_ascii_uppercase().as_str() {
            "QUADTREE" => Some(false),
            "OCTREE" => Some(true),
            _ => None,
        };
        let uri = raw.subtrees.uri.as_deref().or(raw.subtrees.url.as_deref());
        let subtree_max = if octree == Some(true) { MAX_SUBTREE_LEVELS * 2 / 3 } else { MAX_SUBTREE_LEVELS };
        let (Some(octree), Some(uri), true, true) =
            (octree, uri, in_range(levels, MAX_LEVELS), in_range(raw.subtree_levels, subtree_max))
        else {
            let message = format!(
                "implicit tiling needs QUADTREE or OCTREE, subtrees.uri, 1 to {MAX_LEVELS} levels and 1 to \
                 {subtree_max} levels per subtree"
            );
            self.report(place, "tileset-malformed", &message);
            return None;
        };
        Some(Implicit {
            subtrees: resolve_url(self.url, uri),
            levels: levels as u32,
            shape: SubtreeShape {
                octree,
                subtree_levels: raw.subtree_levels as u32,
                contents: contents as u32,
                semantics: self.semantics.clone(),
            },
        })
    }
}

/// The properties of a schema that selection reads.
fn semantics(schema: &Json) -> Vec<SemanticProperty> {
    let mut found = Vec::new();
    for (class, definition) in schema["classes"].as_object().into_iter().flatten() {
        for (property, json) in definition["properties"].as_object().into_iter().flatten() {
            let name = json["semantic"].as_str().unwrap_or_default();
            let (semantic, count) = match name {
                "TILE_BOUNDING_BOX" => (Semantic::TileBox, 12),
                "TILE_BOUNDING_REGION" => (Semantic::TileRegion, 6),
                "TILE_BOUNDING_SPHERE" => (Semantic::TileSphere, 4),
                "TILE_MINIMUM_HEIGHT" => (Semantic::TileMinimumHeight, 1),
                "TILE_MAXIMUM_HEIGHT" => (Semantic::TileMaximumHeight, 1),
                "TILE_GEOMETRIC_ERROR" => (Semantic::TileGeometricError, 1),
                "CONTENT_BOUNDING_BOX" => (Semantic::ContentBox, 12),
                "CONTENT_BOUNDING_REGION" => (Semantic::ContentRegion, 6),
                "CONTENT_BOUNDING_SPHERE" => (Semantic::ContentSphere, 4),
                _ => continue,
            };
            let Ok(kind) = PropertyType::parse(schema, json) else { continue };
            let elements = kind.components * if kind.array { kind.count.unwrap_or(0) } else { 1 };
            let Element::Number(number) = kind.element else { continue };
            if elements != count {
                continue;
            }
            let (scale, offset) = (0..count).map(|i| kind.scale_offset(&Json::Null, i)).unzip();
            found.push(SemanticProperty {
                class: class.clone(),
                property: property.clone(),
                semantic,
                number,
                count: count as u32,
                scale,
                offset,
            });
        }
    }
    found
}
