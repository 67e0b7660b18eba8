//! Implicit tiling: which tiles there are and how large each is (3D Tiles 1.1, "Implicit Tiling", "Subtree File
//! Format", and the semantic `TILE_BOUNDING_BOX` of the 3D Metadata Semantic Reference).

use super::tile::TileKey;
use glam::DVec3;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a subtree says of a tile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Available {
    /// Whether it has a content.
    pub(super) content: bool,
    /// Tight box of its own content and all below it, ENU metres.
    pub(super) bounds: (DVec3, DVec3),
}

/// Thinnest half of a box, metres: flat tiles still have a volume.
const THINNEST_M: f64 = 0.05;

/// Levels of the tree, the root's included.
pub(super) fn levels(tiles: &BTreeMap<TileKey, Available>) -> u32 {
    tiles.keys().map(|key| key.level + 1).max().unwrap_or(0)
}

/// Every subtree file as (key of its root, bytes), in key order.
pub(super) fn subtrees(tiles: &BTreeMap<TileKey, Available>, subtree_levels: u32) -> Vec<(TileKey, Vec<u8>)> {
    let roots: BTreeSet<TileKey> =
        tiles.keys().filter(|key| key.level.is_multiple_of(subtree_levels)).copied().collect();
    roots.iter().map(|&root| (root, subtree(tiles, root, subtree_levels))).collect()
}

/// Box of 3D Tiles: centre and half axes.
pub(super) fn box_of((low, high): (DVec3, DVec3)) -> [f64; 12] {
    let (center, half) = ((low + high) / 2.0, ((high - low) / 2.0).max(DVec3::splat(THINNEST_M)));
    [center.x, center.y, center.z, half.x, 0.0, 0.0, 0.0, half.y, 0.0, 0.0, 0.0, half.z]
}

/// Schema of the tiles' metadata, for `tileset.json`.
pub(super) fn schema() -> Value {
    json!({
        "id": "citytwin",
        "classes": { "tile": { "properties": { "boundingBox": {
            "type": "SCALAR", "componentType": "FLOAT64", "array": true, "count": 12, "required": true,
            "semantic": "TILE_BOUNDING_BOX",
        } } } },
    })
}

/// The keys of one level of a subtree, in Morton order.
fn level_keys(root: TileKey, depth: u32) -> impl Iterator<Item = TileKey> {
    (0..1u64 << (2 * depth)).map(move |morton| {
        let (mut x, mut y) = (0, 0);
        for bit in 0..depth {
            x |= ((morton >> (2 * bit)) as u32 & 1) << bit;
            y |= ((morton >> (2 * bit + 1)) as u32 & 1) << bit;
        }
        TileKey { level: root.level + depth, x: (root.x << depth) | x, y: (root.y << depth) | y }
    })
}

/// The binary chunk of a subtree with its buffer views.
#[derive(Default)]
struct Binary {
    bytes: Vec<u8>,
    views: Vec<Value>,
}

impl Binary {
    fn view(&mut self, bytes: &[u8]) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        self.views.push(json!({ "buffer": 0, "byteOffset": self.bytes.len(), "byteLength": bytes.len() }));
        self.bytes.extend_from_slice(bytes);
        self.views.len() - 1
    }

    fn availability(&mut self, bits: &[bool]) -> Value {
        let count = bits.iter().filter(|bit| **bit).count();
        if count == 0 || count == bits.len() {
            return json!({ "constant": u8::from(count > 0), "availableCount": count });
        }
        let mut bytes = vec![0u8; bits.len().div_ceil(8)];
        for (i, _) in bits.iter().enumerate().filter(|(_, bit)| **bit) {
            bytes[i / 8] |= 1 << (i % 8);
        }
        json!({ "bitstream": self.view(&bytes), "availableCount": count })
    }
}

fn subtree(tiles: &BTreeMap<TileKey, Available>, root: TileKey, levels: u32) -> Vec<u8> {
    let keys: Vec<TileKey> = (0..levels).flat_map(|depth| level_keys(root, depth)).collect();
    let found: Vec<Option<&Available>> = keys.iter().map(|key| tiles.get(key)).collect();
    let children: Vec<bool> = level_keys(root, levels).map(|key| tiles.contains_key(&key)).collect();
    let mut binary = Binary::default();
    let tile_bits: Vec<bool> = found.iter().map(Option::is_some).collect();
    let content_bits: Vec<bool> = found.iter().map(|tile| tile.is_some_and(|tile| tile.content)).collect();
    let tile_availability = binary.availability(&tile_bits);
    let content_availability = binary.availability(&content_bits);
    let child_availability = binary.availability(&children);
    let boxes: Vec<u8> =
        found.iter().flatten().flat_map(|tile| box_of(tile.bounds)).flat_map(f64::to_le_bytes).collect();
    let values = binary.view(&boxes);
    binary.bytes.resize(binary.bytes.len().next_multiple_of(8), 0);
    let document = json!({
        "buffers": [{ "byteLength": binary.bytes.len() }],
        "bufferViews": binary.views,
        "propertyTables":
            [{ "class": "tile", "count": boxes.len() / 96, "properties": { "boundingBox": { "values": values } } }],
        "tileAvailability": tile_availability,
        "contentAvailability": [content_availability],
        "childSubtreeAvailability": child_availability,
        "tileMetadata": 0,
    });
    let mut text = document.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut file = Vec::with_capacity(24 + text.len() + binary.bytes.len());
    file.extend_from_slice(b"subt");
    file.extend_from_slice(&1u32.to_le_bytes());
    file.extend_from_slice(&(text.len() as u64).to_le_bytes());
    file.extend_from_slice(&(binary.bytes.len() as u64).to_le_bytes());
    file.extend_from_slice(&text);
    file.extend_from_slice(&binary.bytes);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(keys: &[(u32, u32, u32)]) -> BTreeMap<TileKey, Available> {
        let tile = |&(level, x, y): &(u32, u32, u32)| {
            let low = DVec3::new(f64::from(x), f64::from(y), f64::from(level));
            (TileKey { level, x, y }, Available { content: level > 0, bounds: (low, low + 1.0) })
        };
        keys.iter().map(tile).collect()
    }

    fn document(file: &[u8]) -> Value {
        let length = u64::from_le_bytes(file[8..16].try_into().expect("8 bytes")) as usize;
        serde_json::from_slice(&file[24..24 + length]).expect("JSON")
    }

    #[test]
    fn morton_order_runs_east_first() {
        let keys: Vec<(u32, u32)> = level_keys(TileKey::ROOT, 2).map(|k| (k.x, k.y)).collect();
        assert_eq!(keys[..6], [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (3, 0)]);
        assert_eq!(keys[15], (3, 3));
    }

    #[test]
    fn a_subtree_lists_tiles_contents_children_and_boxes() {
        let tiles = tree(&[(0, 0, 0), (1, 1, 0), (1, 0, 1), (2, 2, 0), (2, 3, 1)]);
        let files = subtrees(&tiles, 2);
        assert_eq!(files.iter().map(|f| f.0.level).collect::<Vec<_>>(), [0, 2, 2]);
        let file = &files[0].1;
        let json = document(file);
        assert_eq!(json["tileAvailability"]["availableCount"], 3);
        assert_eq!(json["contentAvailability"][0]["availableCount"], 2);
        assert_eq!(json["childSubtreeAvailability"]["availableCount"], 2);
        assert_eq!(json["propertyTables"][0]["count"], 3);
        let binary_at = 24 + u64::from_le_bytes(file[8..16].try_into().expect("8 bytes")) as usize;
        let view = &json["bufferViews"][json["tileAvailability"]["bitstream"].as_u64().expect("a view") as usize];
        // Root, then (0,0) no, (1,0) yes, (0,1) yes, (1,1) no.
        assert_eq!(file[binary_at + view["byteOffset"].as_u64().expect("offset") as usize], 0b01101);
        assert_eq!(file.len() % 8, 0);
        let leaf = document(&files[1].1);
        assert_eq!(leaf["childSubtreeAvailability"], json!({ "constant": 0, "availableCount": 0 }));
    }

    #[test]
    fn flat_boxes_have_a_volume() {
        assert_eq!(box_of((DVec3::ZERO, DVec3::new(4.0, 2.0, 0.0)))[11], THINNEST_M);
    }
}
