//! A theme → its tileset: plan, encode, describe.

use super::content::{Common, Content, Encoded, Grid, Part, Skin, digest, encode, features_of};
use super::drape;
use super::flats::{Flat, Flats, Shelves, layers};
use super::land::Land;
use super::mesh::Detail;
use super::properties::Schema;
use super::reuse::Maker;
use super::share::Share;
use super::store::{Room, Store};
use super::subtree::{self, Available};
use super::theme::Theme;
use super::tile::{Bend, Node, Square, Standing, TileKey, hand_out, plan};
use super::write::Sink;
use super::{BakeError, Cancel, Progress};
use citytwin_geo::EnuFrame;
use glam::DVec3;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Levels in one subtree file: 1,365 tiles at most, so that a subtree stays a few kilobytes.
const SUBTREE_LEVELS: u32 = 6;

/// What all themes of a twin share.
pub(super) struct Setting<'a> {
    /// The frame of the metres.
    pub frame: &'a EnuFrame,
    /// The square of the root tiles.
    pub square: Square,
    /// Whom the contents name.
    pub copyright: &'a str,
}

/// A tileset whose files are written.
pub(super) struct Tileset {
    /// Directory and layer id.
    pub id: &'static str,
    /// Property ids of its features, sorted.
    pub property_ids: Vec<String>,
    /// Numbers for the report.
    pub stats: Stats,
}

/// What a tileset holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Tiles, with or without content.
    pub tiles: u64,
    /// Contents.
    pub contents: u64,
    /// Triangles at full detail, each instance counted.
    pub triangles: u64,
    /// Instances at full detail.
    pub instances: u64,
    /// Features drawn.
    pub features: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Vertices and instances dropped because a coordinate was not a number.
    pub dropped: u64,
}

/// What is known of a tile's content besides its bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) key: TileKey,
    /// Draws everything; has no children.
    pub(super) leaf: bool,
    /// Box of what it draws, ENU metres.
    pub(super) bounds: (DVec3, DVec3),
    pub(super) triangles: u64,
    pub(super) instances: u64,
    /// Vertices and instances that are no numbers.
    pub(super) dropped: u64,
    /// Features of the theme that it draws.
    pub(super) features: Vec<u32>,
    /// Length of its file.
    pub(super) bytes: u64,
}

/// What is known of a tile that may be taken over by the next bake, where features have other numbers. Numbers with
/// fractions are kept as their bits, so that not one is lost.
#[derive(Serialize, Deserialize)]
struct Made {
    bounds: [u64; 6],
    triangles: u64,
    instances: u64,
    dropped: u64,
    bytes: u64,
    /// Places of the features that it does not draw after all in the list of those that it might.
    not_drawn: Vec<u32>,
}

impl Made {
    fn of(encoded: &Encoded, features: &[u32]) -> Self {
        let (low, high) = encoded.bounds;
        let is_drawn = |feature: &u32| encoded.features.binary_search(feature).is_ok();
        let not_drawn = (0..).zip(features).filter(|(_, feature)| !is_drawn(feature)).map(|(at, _)| at);
        Self {
            bounds: [low.x, low.y, low.z, high.x, high.y, high.z].map(f64::to_bits),
            triangles: encoded.triangles,
            instances: encoded.instances,
            dropped: encoded.dropped,
            bytes: encoded.glb.len() as u64,
            not_drawn: not_drawn.collect(),
        }
    }

    fn record(self, key: TileKey, leaf: bool, features: &[u32]) -> Record {
        let [a, b, c, d, e, f] = self.bounds.map(f64::from_bits);
        let drawn = (0..).zip(features).filter(|(at, _)| self.not_drawn.binary_search(at).is_err());
        Record {
            key,
            leaf,
            bounds: (DVec3::new(a, b, c), DVec3::new(d, e, f)),
            triangles: self.triangles,
            instances: self.instances,
            dropped: self.dropped,
            features: drawn.map(|(_, feature)| *feature).collect(),
            bytes: self.bytes,
        }
    }
}

/// What is known of the contents of a tileset, or of a share of it.
pub(super) struct Contents {
    pub(super) id: &'static str,
    pub(super) property_ids: Vec<String>,
    /// In the order of their keys.
    pub(super) records: Vec<Record>,
}

/// Bakes the contents of a theme that are this share's. Each depends on the inputs alone, so that it does not matter who
/// bakes it.
///
/// # Errors
/// [`BakeError::Encode`] when a content does not fit its format, [`BakeError::Io`] when it cannot be written,
/// [`BakeError::Interrupted`].
pub(super) fn contents(
    (theme, schema): (&dyn Theme, &Schema),
    setting: &Setting,
    (land, room): (&Land, &Room),
    share: Share,
    maker: &Maker,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Result<Contents, BakeError> {
    let count = theme.feature_count();
    let things = theme.things();
    let (mut flats, shelves) = (Flats::new(room), Shelves::new(room));
    theme.flats(Detail::FULL, &mut |flat| flats.push(flat));
    let mut nodes = plan(setting.square, &things, flats, &shelves, theme.largest_leaf_m());
    let interior_levels = nodes.iter().filter(|n| !n.leaf).map(|n| n.key.level + 1).max().unwrap_or(0);
    for level in 0..interior_levels {
        cancel.check()?;
        room.check()?;
        let detail = Detail { error_m: setting.square.error_at(level) };
        hand_out(setting.square, level, &mut nodes, &shelves, |take| theme.flats(detail, take));
    }
    let shelves = shelves.filled();
    let grids = grids(setting.square, &nodes, &things);
    let row = |feature: usize| (feature < count).then(|| theme.row(feature));
    let common = Common { schema, row: &row, copyright: setting.copyright };
    let bend = Bend::new(setting.frame);
    let own: Vec<Node> =
        nodes.into_iter().enumerate().filter(|(number, _)| share.has(*number)).map(|(_, node)| node).collect();
    progress.stage(theme.id(), Some(own.len() as u64));
    let records: Vec<Option<Record>> = own
        .into_par_iter()
        .map(|node| {
            cancel.check()?;
            let (key, leaf) = (node.key, node.leaf);
            let grid = grids[key.level as usize];
            let texel_m = match leaf {
                true => drape::FINEST_TEXEL_M,
                false => setting.square.error_at(key.level) / drape::TEXELS_PER_ERROR,
            };
            let mut content = draw(theme, &node, &shelves, setting, (land, &bend));
            let features = features_of(&content);
            let shown = theme.shelf().map(|shelf| (shelf.pictures, texel_m));
            let inputs = digest(&content, &features, (grid, shown), &common);
            let path = format!("{}/{}", theme.id(), key.content());
            let made = maker.unit(path.clone(), inputs, |sink| {
                if let Some(shelf) = theme.shelf() {
                    drape::drape(&mut content, shelf, texel_m)?;
                }
                let Some(encoded) = encode(content, grid, &common)? else { return Ok(None) };
                let made = Made::of(&encoded, &features);
                sink.put(path, encoded.glb)?;
                Ok(Some(made))
            })?;
            progress.advance(1);
            Ok(made.map(|made| made.record(key, leaf, &features)))
        })
        .collect::<Result<_, BakeError>>()?;
    let property_ids = schema.ids().map(String::from).collect();
    Ok(Contents { id: theme.id(), property_ids, records: records.into_iter().flatten().collect() })
}

/// The grid of each level: fine, and coarse enough for its largest tile.
fn grids(square: Square, nodes: &[Node], things: &[Standing]) -> Vec<Grid> {
    let levels = nodes.iter().map(|n| n.key.level as usize + 1).max().unwrap_or(0);
    let mut sizes: Vec<f64> = (0..levels).map(|level| square.side_at(level as u32)).collect();
    for node in nodes {
        let union =
            node.things.iter().map(|&thing| things[thing as usize].1).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        if let Some((low, high)) = union {
            let size = &mut sizes[node.key.level as usize];
            *size = size.max((high - low).max_element());
        }
    }
    sizes.into_iter().map(Grid::for_size).collect()
}

fn draw(
    theme: &dyn Theme,
    node: &Node,
    shelves: &Store<Flat>,
    setting: &Setting,
    (land, bend): (&Land, &Bend),
) -> Content {
    let detail = if node.whole { Detail::FULL } else { Detail { error_m: setting.square.error_at(node.key.level) } };
    let mut content = Content::default();
    let flats = layers(shelves, &node.flats, theme.layers().len());
    for (mesh, (flat_order, featured)) in flats.into_iter().zip(theme.layers().iter().copied()) {
        let mesh = bend.apply_flat(mesh, setting.square, land, node.key, node.leaf);
        content.parts.push(Part { mesh, flat_order: Some(flat_order), featured, skin: Skin::Plain });
    }
    if !node.things.is_empty() {
        theme.draw(&node.things, detail, bend, &mut content);
    }
    content
}

/// The tileset of all its contents; nothing when it draws nothing.
///
/// # Errors
/// [`BakeError::Io`] when what describes it cannot be written.
pub(super) fn assemble(contents: Contents, setting: &Setting, sink: &dyn Sink) -> Result<Option<Tileset>, BakeError> {
    let Contents { id, property_ids, records } = contents;
    let mut tiles: BTreeMap<TileKey, Available> = BTreeMap::new();
    let mut stats = Stats::default();
    let mut features = std::collections::BTreeSet::new();
    for record in records {
        stats.contents += 1;
        stats.dropped += record.dropped;
        stats.bytes += record.bytes;
        if record.leaf {
            stats.triangles += record.triangles;
            stats.instances += record.instances;
            features.extend(record.features);
        }
        cover(&mut tiles, record.key, record.bounds);
    }
    if tiles.is_empty() {
        return Ok(None);
    }
    stats.features = features.len() as u64;
    stats.tiles = tiles.len() as u64;
    let levels = subtree::levels(&tiles);
    let subtree_levels = levels.min(SUBTREE_LEVELS);
    let mut put = |path: String, bytes: Vec<u8>| {
        stats.bytes += bytes.len() as u64;
        sink.put(format!("{id}/{path}"), bytes)
    };
    for (root, bytes) in subtree::subtrees(&tiles, subtree_levels) {
        put(format!("subtrees/{}.{}.{}.subtree", root.level, root.x, root.y), bytes)?;
    }
    let bounds = tiles[&TileKey::ROOT].bounds;
    put("tileset.json".into(), document(setting, bounds, levels, subtree_levels))?;
    Ok(Some(Tileset { id, property_ids, stats }))
}

/// Marks a tile's content, and grows the boxes of the tile and all its ancestors.
fn cover(tiles: &mut BTreeMap<TileKey, Available>, key: TileKey, (low, high): (DVec3, DVec3)) {
    let mut at = Some(key);
    while let Some(tile_key) = at {
        let tile = tiles.entry(tile_key).or_insert(Available { content: false, bounds: (low, high) });
        tile.bounds = (tile.bounds.0.min(low), tile.bounds.1.max(high));
        tile.content |= tile_key == key;
        at = tile_key.parent();
    }
}

fn document(setting: &Setting, (low, high): (DVec3, DVec3), levels: u32, subtree_levels: u32) -> Vec<u8> {
    let half = setting.square.side_m / 2.0;
    let root_box = subtree::box_of((DVec3::new(-half, -half, low.z), DVec3::new(half, half, high.z)));
    let error = setting.square.error_at(0);
    let document: Value = json!({
        "asset": {
            "version": "1.1",
            "generator": format!("citytwin {}", env!("CARGO_PKG_VERSION")),
            "extras": { "copyright": setting.copyright },
        },
        "schema": subtree::schema(),
        // Not drawing the twin at all is an error as large as the twin.
        "geometricError": setting.square.side_m,
        "root": {
            "transform": setting.frame.ecef_from_enu.to_cols_array(),
            "boundingVolume": { "box": root_box },
            "geometricError": error,
            "refine": "REPLACE",
            "content": { "uri": "tiles/{level}/{x}/{y}.glb" },
            "implicitTiling": {
                "subdivisionScheme": "QUADTREE",
                "subtreeLevels": subtree_levels,
                "availableLevels": levels,
                "subtrees": { "uri": "subtrees/{level}.{x}.{y}.subtree" },
            },
        },
    });
    let mut text = serde_json::to_string_pretty(&document).expect("a JSON value is always text").into_bytes();
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::Silent;
    use crate::bake::mesh::Mesh;
    use crate::bake::properties::Row;
    use crate::bake::theme::Shape;
    use crate::bake::write::Held;
    use citytwin_geo::Geodetic;
    use citytwin_tiles::{Decoded, What, decode};
    use glam::{DMat4, Vec3};

    /// A turned sheet of many triangles, so that borders cut it anywhere.
    struct Sheet;

    impl Theme for Sheet {
        fn id(&self) -> &'static str {
            "ground"
        }

        fn feature_count(&self) -> usize {
            1
        }

        fn row(&self, _feature: usize) -> Row {
            Row::new()
        }

        fn shape(&self, _feature: usize) -> Shape<'_> {
            Shape::Polygons(std::borrow::Cow::default())
        }

        fn things(&self) -> std::borrow::Cow<'_, [Standing]> {
            std::borrow::Cow::default()
        }

        fn layers(&self) -> &'static [(u8, bool)] {
            &[(0, true)]
        }

        fn flats(&self, detail: Detail, take: &mut dyn FnMut(Flat)) {
            let n: u32 = if detail.is_full() { 160 } else { 20 };
            let mut mesh = Mesh::default();
            for (y, x) in (0..=n).flat_map(|y| (0..=n).map(move |x| (y, x))) {
                let at = |i: u32| (f64::from(i) / f64::from(n) - 0.5) * 900.0;
                mesh.positions.push(DVec3::new(at(x) * 0.8 - at(y) * 0.6, at(x) * 0.6 + at(y) * 0.8, 0.1));
                mesh.normals.push(Vec3::Z);
                mesh.colors.push([200, 210, 220, 255]);
                mesh.features.push(0);
            }
            for (y, x) in (0..n).flat_map(|y| (0..n).map(move |x| (y, x))) {
                let a = y * (n + 1) + x;
                mesh.indices.extend([a, a + 1, a + n + 2, a, a + n + 2, a + n + 1]);
            }
            take(Flat { layer: 0, order: 0, mesh });
        }

        fn draw(&self, _things: &[u32], _detail: Detail, _bend: &Bend, _out: &mut Content) {}
    }

    type Files = BTreeMap<String, Vec<u8>>;

    fn baked() -> (Tileset, Files) {
        let frame = EnuFrame::new(Geodetic::from_degrees(24.945, 60.17, 0.0));
        let setting = Setting { frame: &frame, square: Square { side_m: 2048.0 }, copyright: "" };
        let (held, land, cancel) = (Held::default(), Land::level(frame.origin), Cancel::default());
        let contents = contents(
            (&Sheet, &Schema::default()),
            &setting,
            (&land, &Room::endless()),
            Share::WHOLE,
            &Maker::anew(&held),
            &cancel,
            &Silent,
        )
        .unwrap();
        let tileset = assemble(contents, &setting, &held).unwrap().unwrap();
        (tileset, held.into_files().into_iter().collect())
    }

    /// Positions of a tile's vertices, ENU metres.
    fn positions(files: &Files, key: TileKey) -> Vec<DVec3> {
        let name = format!("ground/{}", key.content());
        let Some(bytes) = files.get(&name) else { return Vec::new() };
        let Ok(Decoded::Content(content)) = decode(bytes, &name, &What::Content) else { panic!("{name}") };
        let primitive = &content.primitives[0];
        let enu_from_local = DMat4::from_cols_array(&primitive.tile_from_local);
        (0..primitive.vertex_count as usize)
            .map(|i| {
                let at = primitive.positions.offset as usize + i * primitive.positions.stride as usize;
                let line =
                    |k: usize| f64::from(u16::from_le_bytes([content.vertices[at + k], content.vertices[at + k + 1]]));
                enu_from_local.transform_point3(DVec3::new(line(0), line(2), line(4)))
            })
            .collect()
    }

    #[test]
    fn neighbouring_tiles_share_the_vertices_of_their_border_bit_for_bit() {
        let (_, files) = baked();
        let level = 1;
        let mut shared = 0;
        for (x, y) in [(0, 0), (0, 1)] {
            // West and east of the origin: the border is the line east = 0.
            let on_border = |key| {
                let mut points: Vec<[u64; 3]> = positions(&files, key)
                    .into_iter()
                    .filter(|p| p.x == 0.0)
                    .map(|p| p.to_array().map(f64::to_bits))
                    .collect();
                points.sort_unstable();
                points.dedup();
                points
            };
            let west = on_border(TileKey { level, x, y });
            assert_eq!(west, on_border(TileKey { level, x: x + 1, y }), "{x} {y}");
            shared += west.len();
        }
        assert!(shared > 100, "{shared} vertices on the border");
    }

    #[test]
    fn every_tile_lies_in_the_box_that_its_ancestors_say() {
        let (tileset, files) = baked();
        assert!(tileset.stats.tiles >= 5 && tileset.stats.triangles > 51_200, "{:?}", tileset.stats);
        let root: Value = serde_json::from_slice(&files["ground/tileset.json"]).unwrap();
        let half = root["root"]["boundingVolume"]["box"][3].as_f64().unwrap();
        for level in 0..3 {
            for p in (0..1 << level)
                .flat_map(|x| (0..1 << level).map(move |y| (x, y)))
                .flat_map(|(x, y)| positions(&files, TileKey { level, x, y }))
            {
                assert!(p.x.abs() <= half && p.y.abs() <= half, "{p}");
            }
        }
    }
}
