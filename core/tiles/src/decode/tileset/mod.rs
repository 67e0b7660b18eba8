//! `tileset.json`, 3D Tiles 1.0 and 1.1.

mod raw;

use super::Context;
use super::bytes::{Fault, numbers, tidy, uint};
use super::schema;
use crate::{
    ContentDetails, DocTile, Implicit, Problem, PropertyRange, Refine, SubtreeShape, TileDetails, TilesetDoc, UpAxis,
    Volume, resolve_url,
};
use glam::DMat4;
use raw::{RawContent, RawTile, RawTileset, RawVolume};
use serde_json::Value as Json;

/// Most problems that one document tells.
const MAX_PROBLEMS: usize = 64;

/// Extensions of tilesets that are understood, by name.
pub(crate) const EXTENSIONS: [&str; 8] = [
    "3DTILES_batch_table_hierarchy",
    "3DTILES_bounding_volume_S2",
    "3DTILES_content_gltf",
    "3DTILES_draco_point_compression",
    "3DTILES_implicit_tiling",
    "3DTILES_metadata",
    "3DTILES_multiple_contents",
    "3DTILES_tileset_metadata",
];

impl Volume {
    /// Whether every number is finite, no size negative and every S2 cell one of the grid.
    pub(crate) fn is_sane(&self) -> bool {
        match self {
            Self::Box(v) => v.iter().all(|v| v.is_finite()),
            Self::Region(v) => v.iter().all(|v| v.is_finite()) && v[1] <= v[3] && v[4] <= v[5],
            Self::Sphere(v) => v.iter().all(|v| v.is_finite()) && v[3] >= 0.0,
            Self::S2 { cell, heights_m: [low, high] } => {
                let lowest = cell & cell.wrapping_neg();
                let is_cell = cell >> 61 < 6 && lowest & 0x1555_5555_5555_5555 != 0;
                is_cell && low.is_finite() && high.is_finite() && low <= high
            }
        }
    }
}

/// Reads a `tileset.json`.
pub(crate) fn read(bytes: &[u8], url: &str, context: Context<'_>) -> Result<TilesetDoc, Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let json: Json = serde_json::from_slice(bytes).map_err(|e| malformed_json(&e, url))?;
    let Some(raw) = RawTileset::new(&json) else {
        return Err(Problem::new("tileset-malformed", "not a tileset.json: it has no asset or no root", url));
    };
    let mut reader =
        Reader { url, context, schema: Json::Null, group_names: Vec::new(), told: 0, out: TilesetDoc::default() };
    reader.asset(raw);
    reader.extensions(raw.extensions_used(), raw.extensions_required());
    reader.metadata(raw);
    reader.out.properties = property_ranges(raw.properties());
    reader.out.geometric_error = raw.geometric_error().filter(|e| e.is_finite() && *e >= 0.0).unwrap_or_else(|| {
        reader.report("geometricError", "tileset-malformed", "it is missing or no number of at least 0");
        0.0
    });
    reader.tree(raw.root())?;
    Ok(reader.finish())
}

fn malformed_json(error: &serde_json::Error, url: &str) -> Problem {
    let message = error.to_string();
    if message.starts_with("recursion limit") {
        // A tile is two levels of JSON.
        return Problem::new("tileset-too-large", "tiles are nested more than 60 deep in one file", url);
    }
    Problem::new("tileset-malformed", format!("not a tileset.json: {message}"), url)
}

/// `properties` of 1.0.
fn property_ranges(json: &Json) -> Vec<PropertyRange> {
    let range = |(id, json): (&String, &Json)| PropertyRange {
        id: id.clone(),
        minimum: json["minimum"].as_f64(),
        maximum: json["maximum"].as_f64(),
    };
    json.as_object().into_iter().flatten().map(range).collect()
}

struct Reader<'a> {
    url: &'a str,
    context: Context<'a>,
    schema: Json,
    /// Names of the groups, where they have some; by index.
    group_names: Vec<String>,
    told: usize,
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
        self.told += 1;
        if self.told <= MAX_PROBLEMS {
            self.out.problems.push(Problem::new(code, message, format!("{}: {place}", self.url)));
        }
    }

    fn finish(mut self) -> TilesetDoc {
        let untold = self.told.saturating_sub(MAX_PROBLEMS);
        if untold > 0 {
            let message = format!("and {untold} more problems of this file");
            self.out.problems.push(Problem::new("tileset-malformed", message, self.url));
        }
        self.out
    }

    fn asset(&mut self, raw: RawTileset<'_>) {
        let version = raw.version();
        if !["0.0", "1.0", "1.1"].contains(&version) {
            let message = format!("3D Tiles \"{version}\" is not known; it is read as 1.1");
            self.report("asset.version", "tileset-unsupported", &message);
        }
        self.out.gltf_up = match raw.gltf_up_axis().map(str::to_ascii_uppercase).as_deref() {
            Some("X") => Some(UpAxis::X),
            Some("Z") => Some(UpAxis::Z),
            None | Some("Y") => None,
            Some(other) => {
                let message = format!("\"{other}\" is no axis; y is taken");
                self.report("asset.gltfUpAxis", "tileset-malformed", &message);
                None
            }
        };
        self.out.version = version.to_owned();
        self.out.tileset_version = raw.tileset_version().map(str::to_owned);
    }

    fn extensions(&mut self, mut used: Vec<String>, mut required: Vec<String>) {
        [&mut used, &mut required].into_iter().for_each(tidy);
        for name in required.iter().filter(|name| !EXTENSIONS.contains(&name.as_str())) {
            let message = format!("the tileset requires the extension \"{name}\", which is not understood");
            self.report("extensionsRequired", "tileset-unsupported", &message);
        }
        self.out.extensions_used = used;
        self.out.extensions_required = required;
    }

    /// Schema, groups, statistics and the tileset's own entity.
    fn metadata(&mut self, raw: RawTileset<'_>) {
        self.schema = raw.schema().clone();
        if let Some(uri) = raw.schema_uri().filter(|_| self.schema.is_null()) {
            self.schema = self.schema_file(uri).unwrap_or_else(|fault| {
                let Problem { message, .. } = fault.problem("");
                self.report("schemaUri", "tileset-unsupported", &message);
                Json::Null
            });
        }
        schema::modernize(&mut self.schema);
        if self.schema.is_object() {
            let mut found = Vec::new();
            let read = schema::schema(&self.schema, &mut |place, message| found.push((place.to_owned(), message)));
            self.out.schema = Some(read);
            found.iter().for_each(|(place, message)| self.report(place, "tileset-malformed", message));
        }
        self.out.statistics = schema::statistics(raw.statistics());
        self.out.metadata = self.entity(raw.metadata(), "metadata");
        self.groups(raw.groups());
    }

    fn schema_file(&self, uri: &str) -> Result<Json, Fault> {
        let bytes = self.context.file(uri)?;
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        serde_json::from_slice(text).map_err(|e| Fault::Malformed(format!("the schema is not JSON: {e}")))
    }

    /// A list; in drafts a map.
    fn groups(&mut self, json: &Json) {
        let named: Vec<(String, &Json)> = match json {
            Json::Array(items) => items.iter().enumerate().map(|(i, json)| (i.to_string(), json)).collect(),
            Json::Object(map) => map.iter().map(|(name, json)| (name.clone(), json)).collect(),
            _ => Vec::new(),
        };
        for (name, json) in named {
            // A group that cannot be read keeps its place, so that the others keep theirs.
            let entity = self.entity(json, &format!("group {name}")).unwrap_or_default();
            self.out.groups.push(entity);
            self.group_names.push(name);
        }
    }

    fn entity(&mut self, json: &Json, place: &str) -> Option<crate::MetadataEntity> {
        if json.is_null() {
            return None;
        }
        let mut messages = Vec::new();
        let entity = schema::entity(&self.schema, json, &mut |message| messages.push(message));
        if entity.is_none() {
            messages.push("metadata without a class".into());
        }
        messages.iter().for_each(|message| self.report(place, "metadata-malformed", message));
        entity
    }

    /// Flattens the tree, parents before children, depth first.
    fn tree(&mut self, root: RawTile<'_>) -> Result<(), Problem> {
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
    fn tile(&mut self, raw: RawTile<'_>, parent: &Parent) -> Result<(), Problem> {
        let most = self.context.limits().tiles;
        if self.out.tiles.len() >= most as usize {
            return Err(Problem::new("tileset-too-large", format!("more than {most} tiles in one file"), self.url));
        }
        let index = self.out.tiles.len() as u32;
        let place = format!("tile {index}");
        let Some(volume) = raw.bounding_volume().and_then(RawVolume::read).or_else(|| {
            self.report(&place, "tileset-malformed", "no bounding volume that is a box, region, sphere or S2 cell");
            parent.volume
        }) else {
            let message = "the root has no bounding volume that can be read";
            return Err(Problem::new("tileset-malformed", message, self.url));
        };
        let geometric_error = self.geometric_error(raw, parent, &place);
        let refine = self.refine(raw, parent, &place);
        let tileset_from_tile = parent.tileset_from_tile * self.transform(raw, &place);
        let (contents, details) = self.contents(raw, &place);
        let metadata = self.entity(raw.metadata(), &place);
        let implicit = self.implicit(raw, &contents, &place);
        let content_volume = match details.as_slice() {
            [one] => one.volume,
            _ => None,
        };
        let viewer_request_volume = self.volume(raw.viewer_request_volume(), &place, "viewerRequestVolume");
        let told = metadata.is_some() || details.iter().any(|d| *d != ContentDetails::default());
        self.out.tiles.push(DocTile {
            parent: parent.index,
            volume,
            content_volume,
            viewer_request_volume,
            geometric_error,
            refine,
            tileset_from_tile: tileset_from_tile.to_cols_array(),
            contents,
            implicit,
            details: told.then(|| Box::new(TileDetails { metadata, contents: details })),
        });
        let own = Parent { index: Some(index), tileset_from_tile, refine, volume: Some(volume), geometric_error };
        raw.children().try_for_each(|child| self.tile(child, &own))
    }

    /// A volume that may be absent, but if it is there must be one.
    fn volume(&mut self, raw: Option<RawVolume<'_>>, place: &str, what: &str) -> Option<Volume> {
        let volume = raw?.read();
        if volume.is_none() {
            let message = format!("the {what} is no box, region, sphere or S2 cell");
            self.report(place, "tileset-malformed", &message);
        }
        volume
    }

    fn geometric_error(&mut self, raw: RawTile<'_>, parent: &Parent, place: &str) -> f64 {
        match raw.geometric_error() {
            Some(error) if error.is_finite() && error >= 0.0 => error,
            _ => {
                self.report(place, "tileset-malformed", "the geometricError is no number of at least 0");
                if parent.geometric_error.is_finite() { parent.geometric_error / 2.0 } else { 0.0 }
            }
        }
    }

    fn refine(&mut self, raw: RawTile<'_>, parent: &Parent, place: &str) -> Refine {
        let Some(given) = raw.refine() else { return parent.refine };
        match given.to_ascii_uppercase().as_str() {
            "ADD" => Refine::Add,
            "REPLACE" => Refine::Replace,
            _ => {
                self.report(place, "tileset-malformed", "refine is neither ADD nor REPLACE");
                parent.refine
            }
        }
    }

    fn transform(&mut self, raw: RawTile<'_>, place: &str) -> DMat4 {
        let Some(values) = raw.transform() else { return DMat4::IDENTITY };
        let matrix = numbers(values).map(|values| DMat4::from_cols_array(&values));
        matrix.unwrap_or_else(|| {
            self.report(place, "tileset-malformed", "the transform is not 16 finite numbers");
            DMat4::IDENTITY
        })
    }

    /// Absolute URLs of the contents, and what is said of each.
    fn contents(&mut self, raw: RawTile<'_>, place: &str) -> (Vec<String>, Vec<ContentDetails>) {
        let (mut urls, mut details) = (Vec::new(), Vec::new());
        for (i, content) in raw.contents().enumerate() {
            let place = format!("{place}: content {i}");
            let Some(uri) = content.uri() else {
                self.report(&place, "tileset-malformed", "a content without uri");
                // In subtrees the further ones are known by their number, which they would lose.
                if raw.implicit().is_some() { break } else { continue }
            };
            urls.push(resolve_url(self.url, uri));
            details.push(ContentDetails {
                volume: self.volume(content.bounding_volume(), &place, "content's boundingVolume"),
                group: self.group(content, &place),
                metadata: self.content_metadata(content, &place),
            });
        }
        (urls, details)
    }

    /// In drafts, the object that names the group may have a class or not.
    fn content_metadata(&mut self, content: RawContent<'_>, place: &str) -> Option<crate::MetadataEntity> {
        let json = content.metadata();
        let only_group = json["class"].is_null() && !json["group"].is_null();
        if only_group { None } else { self.entity(json, place) }
    }

    fn group(&mut self, content: RawContent<'_>, place: &str) -> Option<u32> {
        let given = content.group();
        let named = given.as_str().and_then(|name| self.group_names.iter().position(|known| known == name));
        let index = named.or_else(|| uint(given));
        match index.filter(|i| *i < self.out.groups.len()) {
            Some(index) => Some(index as u32),
            None => {
                if !given.is_null() {
                    let message = format!("there is no group {given}");
                    self.report(place, "metadata-malformed", &message);
                }
                None
            }
        }
    }

    fn implicit(&mut self, tile: RawTile<'_>, contents: &[String], place: &str) -> Option<Implicit> {
        let raw = tile.implicit()?;
        if tile.children().len() > 0 {
            self.report(place, "tileset-malformed", "the root of an implicit tree has children of its own");
        }
        let limits = self.context.limits();
        let (levels, subtree_levels) = (raw.levels(), raw.subtree_levels());
        let in_range = |v: f64, max: u32| v >= 1.0 && v <= f64::from(max) && v.fract() == 0.0;
        let octree = match raw.subdivision_scheme().to_ascii_uppercase().as_str() {
            "QUADTREE" => Some(false),
            "OCTREE" => Some(true),
            _ => None,
        };
        // Coordinates stay below 2³¹.
        let most_levels = limits.levels.min(31);
        let (Some(octree), Some(uri), true, true) =
            (octree, raw.subtrees().uri(), in_range(levels, most_levels), in_range(subtree_levels, 31))
        else {
            let message = format!(
                "implicit tiling needs QUADTREE or OCTREE, subtrees.uri, 1 to {most_levels} levels, and at least 1 \
                 level per subtree"
            );
            self.report(place, "tileset-malformed", &message);
            return None;
        };
        let subtrees = resolve_url(self.url, uri);
        let shape = SubtreeShape {
            octree,
            subtree_levels: subtree_levels as u32,
            contents: contents.len() as u32,
            schema: if self.schema.is_object() { self.schema.to_string() } else { String::new() },
        };
        if shape.tile_count() > limits.subtree_tiles as usize {
            let message = format!("a subtree of more than {} tiles", limits.subtree_tiles);
            self.report(place, "tileset-too-large", &message);
            return None;
        }
        if contents.iter().chain([&subtrees]).any(|template| template.len() > limits.template_bytes as usize) {
            let message = format!("a URL template of more than {} bytes", limits.template_bytes);
            self.report(place, "tileset-too-large", &message);
            return None;
        }
        Some(Implicit { subtrees, levels: levels as u32, shape })
    }
}
