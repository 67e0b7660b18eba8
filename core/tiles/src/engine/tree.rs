//! The tiles that are known so far: an arena of nodes that grows as the eye comes near.
//!
//! A tileset's `tileset.json`, an external tileset and a subtree are documents. A node that stands for a document is
//! `Unloaded` until it arrives and then holds what the document describes as its children. Children are made when they
//! are first asked for, so a large document costs nothing where nobody looks.

use super::budget::Sizes;
use crate::bounds::{Bounds, max_scale};
use crate::terrain::Terrain;
use crate::{
    Availability, ContentInfo, DocTile, Implicit, Problem, Refine, RequestId, SubtreeDoc, TerrainDoc, TerrainPlace,
    TerrainSource, TilesetDoc, TilesetId, UpAxis, Volume, What,
};
use glam::DMat4;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// Tilesets in tilesets, at most.
const MAX_NESTING: usize = 16;

/// Where a node's file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is no file.
    Empty,
    Unloaded,
    Requested(RequestId),
    /// There is something to draw.
    Loaded,
    /// It was a document, and is now the node's children.
    Document,
    Failed,
}

/// Where a node comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    /// Not in use.
    Free,
    /// Stands for a whole tileset; its file is the `tileset.json`.
    Tileset,
    /// `docs[doc].tiles[tile]` of its tileset.
    Explicit { doc: u32, tile: u32 },
    /// A tile of `trees[tree]` of its tileset, in `subtrees[subtree]`, or the root of one that has not arrived.
    Implicit { tree: u32, subtree: u32, level: u32, at: [u32; 3] },
    /// A further content of the node that links to it.
    FurtherContent,
    /// A tile of its tileset's terrain, whose file lies so many levels above it.
    Terrain { place: TerrainPlace, above: u32 },
}

/// A tile, or a file that stands for tiles.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) tileset: u32,
    pub(super) parent: u32,
    pub(super) first_child: u32,
    pub(super) next_sibling: u32,
    /// Chain of further contents of the same tile.
    pub(super) next_content: u32,
    pub(super) level: u32,
    pub(super) refine: Refine,
    expanded: bool,
    source: Source,
    transform: u32,
    pub(super) bounds: Bounds,
    pub(super) content_bounds: Option<Box<Bounds>>,
    pub(super) request_bounds: Option<Box<Bounds>>,
    pub(super) geometric_error: f64,
    pub(super) url: String,
    /// The file describes the tile itself or tiles below it, going by its URL.
    pub(super) expects_document: bool,
    pub(super) state: State,
    pub(super) info: Option<Box<ContentInfo>>,
    /// Bytes of the content when it was last loaded.
    pub(super) bytes: u64,
    /// It was loaded at some time, so that `bytes` is known.
    pub(super) sized: bool,
    /// Loaded contents of the tiles below it.
    pub(super) loaded_below: u32,
    pub(super) error_px: f64,
    /// Frame in which the view last wanted it: neither freed nor aborted.
    pub(super) wanted_frame: u64,
    /// Frame in which it was last of any use: not aborted.
    pub(super) useful_frame: u64,
    /// Frame in which it was last drawn: not freed.
    pub(super) drawn_frame: u64,
    /// Frame in which its bytes were last counted as in use.
    pub(super) used_frame: u64,
    /// Neighbours in the order of use; see [`super::cache`].
    pub(super) older: u32,
    pub(super) newer: u32,
}

/// What a node's files amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Nothing to draw.
    Empty,
    /// At least one file is neither loaded nor failed.
    Waiting,
    /// All files are loaded or failed, and at least one can be drawn.
    Ready,
    /// Nothing can be drawn because all files failed.
    Failed,
}

/// A tileset that was added.
#[derive(Debug)]
pub(super) struct Tileset {
    pub(super) visible: bool,
    pub(super) root: u32,
    docs: Vec<Doc>,
    trees: Vec<ImplicitTree>,
    subtrees: Vec<SubtreeDoc>,
    transforms: Vec<DMat4>,
    /// About what its documents take in memory.
    doc_bytes: u64,
    /// The axis that points up in its glTFs, where a document says so.
    gltf_up: Option<UpAxis>,
    /// It is a terrain.
    terrain: Option<Terrain>,
}

#[derive(Debug)]
struct Doc {
    tiles: Vec<DocTile>,
    first_child: Vec<u32>,
    next_sibling: Vec<u32>,
    /// Of the node that the document hangs below.
    ecef_from_tileset: DMat4,
}

#[derive(Debug)]
struct ImplicitTree {
    implicit: Implicit,
    volume: Volume,
    contents: Vec<String>,
    geometric_error: f64,
    refine: Refine,
    transform: u32,
    /// Level of the root in its tileset.
    level: u32,
}

/// All nodes of all tilesets.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Indexed by [`TilesetId`]; `None` once removed.
    pub(super) tilesets: Vec<Option<Tileset>>,
    free: Vec<u32>,
    /// Most nodes there may be.
    pub(super) max_nodes: usize,
    /// A tile had to go without children because of it.
    pub(super) overflowed: bool,
}

impl Tree {
    pub(super) fn add_tileset(&mut self, url: String) -> TilesetId {
        self.add_root(url, None)
    }

    pub(super) fn add_terrain(&mut self, source: TerrainSource) -> TilesetId {
        let terrain = Terrain::new(source);
        self.add_root(terrain.url().to_owned(), Some(terrain))
    }

    fn add_root(&mut self, url: String, terrain: Option<Terrain>) -> TilesetId {
        let id = TilesetId(self.tilesets.len() as u32);
        let tileset = Tileset {
            visible: true,
            root: NONE,
            docs: Vec::new(),
            trees: Vec::new(),
            subtrees: Vec::new(),
            transforms: vec![DMat4::IDENTITY],
            doc_bytes: 0,
            gltf_up: None,
            terrain,
        };
        let is_known = tileset.terrain.as_ref().is_some_and(|terrain| !terrain.awaits_doc());
        self.tilesets.push(Some(tileset));
        let mut node = Node::new(id.0, Source::Tileset, Bounds::EVERYWHERE);
        if !is_known {
            node.expect(url, true);
        }
        node.geometric_error = f64::MAX;
        let root = self.insert(node);
        if let Some(Some(tileset)) = self.tilesets.last_mut() {
            tileset.root = root;
        }
        if is_known {
            self.hang_terrain(root);
        }
        id
    }

    pub(super) fn tileset_mut(&mut self, id: TilesetId) -> Option<&mut Tileset> {
        self.tilesets.get_mut(id.0 as usize)?.as_mut()
    }

    /// Forgets a tileset; returns its nodes, which are [released](Self::release) when nobody refers to them any more.
    pub(super) fn remove_tileset(&mut self, id: TilesetId) -> Vec<u32> {
        let all = 0..self.nodes.len() as u32;
        let nodes = all.filter(|i| self.exists(*i) && self.nodes[*i as usize].tileset == id.0).collect();
        if let Some(tileset) = self.tilesets.get_mut(id.0 as usize) {
            *tileset = None;
        }
        nodes
    }

    /// About what the tree takes in memory: nodes and documents.
    pub(super) fn bytes(&self) -> u64 {
        let docs: u64 = self.tilesets.iter().flatten().map(|t| t.doc_bytes).sum();
        (self.nodes.len() * size_of::<Node>()) as u64 + docs
    }

    /// Lets nodes be used again.
    pub(super) fn release(&mut self, nodes: &mut Vec<u32>) {
        for index in nodes.drain(..) {
            self.nodes[index as usize] = Node::new(0, Source::Free, Bounds::EVERYWHERE);
            self.free.push(index);
        }
    }

    fn insert(&mut self, node: Node) -> u32 {
        match self.free.pop() {
            Some(index) => {
                self.nodes[index as usize] = node;
                index
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() as u32 - 1
            }
        }
    }

    /// Whether it is a node of a tileset that is still there.
    pub(super) fn exists(&self, index: u32) -> bool {
        self.nodes.get(index as usize).is_some_and(|n| {
            n.source != Source::Free && (self.tilesets.get(n.tileset as usize)).is_some_and(Option::is_some)
        })
    }

    /// Whether it is a tile or a further content of one, and no stand-in for a tileset.
    pub(super) fn is_tile(&self, index: u32) -> bool {
        self.exists(index) && self.nodes[index as usize].source != Source::Tileset
    }

    /// Whether it stands for a whole tileset, and so can never be drawn itself.
    pub(super) fn is_stand_in(&self, index: u32) -> bool {
        self.nodes[index as usize].source == Source::Tileset
    }

    /// Roots of the visible tilesets, in the order in which they were added.
    pub(super) fn visible_roots(&self) -> impl Iterator<Item = u32> {
        self.tilesets.iter().flatten().filter(|t| t.visible).map(|t| t.root)
    }

    /// Root of a tileset by its number, while it is there and visible.
    pub(super) fn visible_root(&self, tileset: usize) -> Option<u32> {
        self.tilesets.get(tileset)?.as_ref().filter(|t| t.visible).map(|t| t.root)
    }

    pub(super) fn is_further_content(&self, index: u32) -> bool {
        self.nodes[index as usize].source == Source::FurtherContent
    }

    /// The axis that points up in the glTFs of a node's tileset, where that says so.
    pub(super) fn gltf_up(&self, index: u32) -> Option<UpAxis> {
        self.tilesets.get(self.nodes[index as usize].tileset as usize)?.as_ref()?.gltf_up
    }

    /// What a node's file is expected to be.
    pub(super) fn what(&self, index: u32) -> What {
        let node = &self.nodes[index as usize];
        match node.source {
            Source::Implicit { tree, subtree: NONE, .. } => match self.implicit(node.tileset, tree) {
                Some(tree) => What::Subtree(tree.implicit.shape.clone()),
                None => What::Content,
            },
            Source::Terrain { place, above } => match self.terrain(index) {
                Some(terrain) => What::Terrain(terrain.tile(place, above)),
                None => What::Content,
            },
            Source::Tileset if self.terrain(index).is_some() => What::TerrainLayer,
            _ if node.expects_document => What::Json,
            _ => What::Content,
        }
    }

    /// Whether one of the tile's files describes tiles and has neither arrived nor failed: until then nothing is known
    /// of what to draw.
    pub(super) fn awaits_document(&self, index: u32) -> bool {
        self.contents(index).any(|c| {
            let node = &self.nodes[c as usize];
            node.expects_document && matches!(node.state, State::Unloaded | State::Requested(_))
        })
    }

    fn implicit(&self, tileset: u32, tree: u32) -> Option<&ImplicitTree> {
        self.tilesets.get(tileset as usize)?.as_ref()?.trees.get(tree as usize)
    }

    pub(super) fn ecef_from_tile(&self, index: u32) -> DMat4 {
        let node = &self.nodes[index as usize];
        let tileset = self.tilesets.get(node.tileset as usize).and_then(Option::as_ref);
        tileset.and_then(|t| t.transforms.get(node.transform as usize)).copied().unwrap_or(DMat4::IDENTITY)
    }

    /// The node and its further contents.
    pub(super) fn contents(&self, index: u32) -> impl Iterator<Item = u32> {
        let next = |i: &u32| Some(self.nodes[*i as usize].next_content).filter(|n| *n != NONE);
        std::iter::successors(Some(index), next)
    }

    pub(super) fn children(&self, index: u32) -> impl Iterator<Item = u32> {
        let some = |i: u32| Some(i).filter(|i| *i != NONE);
        std::iter::successors(some(self.nodes[index as usize].first_child), move |i| {
            some(self.nodes[*i as usize].next_sibling)
        })
    }

    /// What a node's files amount to, and whether one of them was a document.
    pub(super) fn status(&self, index: u32) -> (Status, bool) {
        let (mut ready, mut failed, mut document) = (false, false, false);
        for content in self.contents(index) {
            match self.nodes[content as usize].state {
                State::Empty => {}
                State::Unloaded | State::Requested(_) => return (Status::Waiting, document),
                State::Loaded => ready = true,
                State::Document => document = true,
                State::Failed => failed = true,
            }
        }
        let status = match (ready, failed) {
            (true, _) => Status::Ready,
            (false, true) if !document => Status::Failed,
            _ => Status::Empty,
        };
        (status, document)
    }

    /// Whether a node has children or, not yet expanded, will have.
    pub(super) fn has_children(&self, index: u32) -> bool {
        let node = &self.nodes[index as usize];
        if node.first_child != NONE {
            return true;
        }
        let Some(Some(tileset)) = self.tilesets.get(node.tileset as usize) else { return false };
        match node.source {
            _ if node.expanded => false,
            Source::Explicit { doc, tile } => tileset.docs[doc as usize].first_child[tile as usize] != NONE,
            Source::Implicit { subtree: NONE, .. } => true,
            Source::Implicit { .. } => (0..8).any(|i| implicit_child(tileset, node.source, i).is_some()),
            Source::Terrain { place, above } => {
                tileset.terrain.as_ref().is_some_and(|terrain| !terrain.children(&place, above).is_empty())
            }
            Source::Free | Source::Tileset | Source::FurtherContent => false,
        }
    }

    /// Whether it has children, or may have some once it is expanded.
    pub(super) fn may_have_children(&self, index: u32) -> bool {
        let node = &self.nodes[index as usize];
        node.first_child != NONE || !node.expanded
    }

    /// Counts a content as loaded, or as no longer loaded, in everything above it.
    pub(super) fn count_loaded(&mut self, index: u32, loaded: bool) {
        let mut at = self.nodes[index as usize].parent;
        while let Some(node) = self.nodes.get_mut(at as usize) {
            node.loaded_below = if loaded { node.loaded_below + 1 } else { node.loaded_below.saturating_sub(1) };
            at = node.parent;
        }
    }

    /// Makes the children of a node, once.
    pub(super) fn expand(&mut self, index: u32) {
        let node = &self.nodes[index as usize];
        if node.expanded {
            return;
        }
        if self.nodes.len() - self.free.len() >= self.max_nodes {
            self.overflowed |= self.has_children(index);
            return;
        }
        match node.source {
            Source::Explicit { doc, tile } => self.expand_explicit(index, doc, tile),
            Source::Implicit { subtree, .. } if subtree != NONE => self.expand_implicit(index),
            Source::Terrain { place, above } => self.expand_terrain(index, &place, above),
            _ => return,
        }
        self.nodes[index as usize].expanded = true;
    }

    fn terrain(&self, index: u32) -> Option<&Terrain> {
        self.tilesets.get(self.nodes[index as usize].tileset as usize)?.as_ref()?.terrain.as_ref()
    }

    /// Hangs the coarsest tiles of a terrain, whose document is there, below its root.
    pub(super) fn attach_terrain(&mut self, root: u32, doc: TerrainDoc) {
        let id = TilesetId(self.nodes[root as usize].tileset);
        if let Some(terrain) = self.tileset_mut(id).and_then(|tileset| tileset.terrain.as_mut()) {
            terrain.set_doc(doc);
            self.hang_terrain(root);
        }
    }

    fn hang_terrain(&mut self, root: u32) {
        self.nodes[root as usize].state = State::Document;
        self.nodes[root as usize].expanded = true;
        let roots = self.terrain(root).map_or_else(Vec::new, Terrain::roots);
        let roots = roots.into_iter().map(|place| (place, 0)).collect();
        self.add_terrain_tiles(root, roots);
    }

    fn expand_terrain(&mut self, parent: u32, place: &TerrainPlace, above: u32) {
        let children = self.terrain(parent).map_or_else(Vec::new, |terrain| terrain.children(place, above));
        self.add_terrain_tiles(parent, children);
    }

    fn add_terrain_tiles(&mut self, parent: u32, places: Vec<(TerrainPlace, u32)>) {
        let heights_m = self.heights_above(parent);
        let level = self.child_level(parent);
        let id = self.nodes[parent as usize].tileset;
        let mut last = NONE;
        for (place, above) in places {
            let Some(Some(tileset)) = self.tilesets.get_mut(id as usize) else { return };
            let Some(terrain) = &tileset.terrain else { return };
            let ecef_from_tile = place.frame().ecef_from_enu;
            let bounds = Bounds::new(&terrain.volume(&place, heights_m), &ecef_from_tile);
            let mut node = Node::new(id, Source::Terrain { place, above }, bounds);
            node.level = level;
            node.geometric_error = terrain.error_m(&place);
            node.transform = tileset.transforms.len() as u32;
            node.expect(terrain.file_url(&place, above), false);
            tileset.transforms.push(ecef_from_tile);
            last = self.link(node, parent, last);
        }
    }

    /// Heights of the nearest loaded tile of a terrain at or above a node, metres, with room for what finer tiles find.
    fn heights_above(&self, index: u32) -> Option<[f64; 2]> {
        let mut at = index;
        while let Some(node) = self.nodes.get(at as usize) {
            if let Some([low, high]) = node.info.as_ref().and_then(|info| info.ground_m) {
                let more = (node.geometric_error / 4.0).min((high - low) / 4.0 + 5.0);
                return Some([low - more, high + more]);
            }
            at = node.parent;
        }
        None
    }

    /// Follows what a loaded tile of a terrain says about how high the ground is: its own bounds, and those of the tiles
    /// below it that are not loaded.
    pub(super) fn settle_heights(&mut self, index: u32) {
        let node = &self.nodes[index as usize];
        let Source::Terrain { place, .. } = node.source else { return };
        let own = node.info.as_ref().and_then(|info| info.ground_m);
        self.place_terrain(index, &place, own);
        let mut waiting: Vec<u32> = self.children(index).collect();
        while let Some(child) = waiting.pop() {
            let node = &self.nodes[child as usize];
            let Source::Terrain { place, .. } = node.source else { continue };
            if node.info.is_none() {
                let heights_m = self.heights_above(child);
                self.place_terrain(child, &place, heights_m);
                waiting.extend(self.children(child));
            }
        }
    }

    fn place_terrain(&mut self, index: u32, place: &TerrainPlace, heights_m: Option<[f64; 2]>) {
        let Some(terrain) = self.terrain(index) else { return };
        let bounds = Bounds::new(&terrain.volume(place, heights_m), &DMat4::IDENTITY);
        self.nodes[index as usize].bounds = bounds;
    }

    fn expand_explicit(&mut self, parent: u32, doc: u32, tile: u32) {
        let Some(Some(tileset)) = self.tilesets.get(self.nodes[parent as usize].tileset as usize) else { return };
        let mut child = tileset.docs[doc as usize].first_child[tile as usize];
        let mut last = NONE;
        while child != NONE {
            last = self.add_explicit(parent, last, doc, child);
            let Some(Some(tileset)) = self.tilesets.get(self.nodes[parent as usize].tileset as usize) else { return };
            child = tileset.docs[doc as usize].next_sibling[child as usize];
        }
    }

    /// Makes the node of a document's tile below `parent`, after its child `after`.
    fn add_explicit(&mut self, parent: u32, after: u32, doc: u32, tile: u32) -> u32 {
        let id = self.nodes[parent as usize].tileset;
        let level = self.child_level(parent);
        let Some(Some(tileset)) = self.tilesets.get_mut(id as usize) else { return NONE };
        let found = &tileset.docs[doc as usize];
        let source = &found.tiles[tile as usize];
        let ecef_from_tile = found.ecef_from_tileset * DMat4::from_cols_array(&source.tileset_from_tile);
        let transform = tileset.transforms.len() as u32;
        let mut node = Node::new(id, Source::Explicit { doc, tile }, Bounds::new(&source.volume, &ecef_from_tile));
        let place = |volume: &Volume| Box::new(Bounds::new(volume, &ecef_from_tile));
        node.content_bounds = source.content_volume.as_ref().map(place);
        node.request_bounds = source.viewer_request_volume.as_ref().map(place);
        node.geometric_error = source.geometric_error * max_scale(&ecef_from_tile);
        node.refine = source.refine;
        node.level = level;
        node.transform = transform;
        let mut urls = Vec::new();
        match &source.implicit {
            Some(implicit) => {
                let tree = tileset.trees.len() as u32;
                node.source = Source::Implicit { tree, subtree: NONE, level: 0, at: [0; 3] };
                node.expect(fill(&implicit.subtrees, 0, [0; 3]), true);
                tileset.trees.push(ImplicitTree {
                    implicit: implicit.clone(),
                    volume: source.volume,
                    contents: source.contents.clone(),
                    geometric_error: node.geometric_error,
                    refine: source.refine,
                    transform,
                    level,
                });
            }
            None => urls.clone_from(&source.contents),
        }
        tileset.transforms.push(ecef_from_tile);
        let index = self.link(node, parent, after);
        self.set_contents(index, urls);
        index
    }

    /// Level of a child in its tileset.
    fn child_level(&self, parent: u32) -> u32 {
        let parent = &self.nodes[parent as usize];
        if parent.source == Source::Tileset { 0 } else { parent.level + 1 }
    }

    fn link(&mut self, mut node: Node, parent: u32, after: u32) -> u32 {
        node.parent = parent;
        let index = self.insert(node);
        match self.nodes.get_mut(after as usize) {
            Some(previous) => previous.next_sibling = index,
            None => {
                self.nodes[index as usize].next_sibling = self.nodes[parent as usize].first_child;
                self.nodes[parent as usize].first_child = index;
            }
        }
        index
    }

    /// Gives a node its files; each one after the first gets a node of its own.
    fn set_contents(&mut self, index: u32, urls: Vec<String>) {
        let mut last = index;
        for (i, url) in urls.into_iter().enumerate() {
            if i > 0 {
                let owner = &self.nodes[index as usize];
                let mut node = Node::new(owner.tileset, Source::FurtherContent, owner.bounds.clone());
                node.parent = owner.parent;
                node.level = owner.level;
                node.transform = owner.transform;
                node.geometric_error = owner.geometric_error;
                let next = self.insert(node);
                self.nodes[last as usize].next_content = next;
                last = next;
            }
            let document = is_json_url(&url);
            self.nodes[last as usize].expect(url, document);
        }
    }

    /// Hangs a tileset below the node whose file it was.
    pub(super) fn attach_tileset(&mut self, index: u32, doc: TilesetDoc) -> Result<(), Problem> {
        self.check_nesting(index)?;
        let owner = self.content_owner(index);
        let ecef_from_tileset = self.ecef_from_tile(index);
        let id = self.nodes[index as usize].tileset;
        let Some(Some(tileset)) = self.tilesets.get_mut(id as usize) else { return Ok(()) };
        let mut first_child = vec![NONE; doc.tiles.len()];
        let mut next_sibling = vec![NONE; doc.tiles.len()];
        // Backwards, so that the chains come out in the document's order.
        for (i, tile) in doc.tiles.iter().enumerate().rev() {
            if let Some(parent) = tile.parent.filter(|parent| (*parent as usize) < i) {
                next_sibling[i] = std::mem::replace(&mut first_child[parent as usize], i as u32);
            }
        }
        tileset.doc_bytes += bytes_of_tiles(&doc.tiles);
        tileset.gltf_up = doc.gltf_up.or(tileset.gltf_up);
        let has_root = !doc.tiles.is_empty();
        let number = tileset.docs.len() as u32;
        tileset.docs.push(Doc { tiles: doc.tiles, first_child, next_sibling, ecef_from_tileset });
        self.nodes[index as usize].state = State::Document;
        if has_root {
            // Children of the node itself may be there already, or come later: this one goes before them.
            self.expand(owner);
            self.add_explicit(owner, NONE, number, 0);
        }
        Ok(())
    }

    /// Refuses a tileset that holds itself, and a tower of tilesets.
    fn check_nesting(&self, index: u32) -> Result<(), Problem> {
        let url = &self.nodes[index as usize].url;
        let mut depth = 0;
        let mut at = self.nodes[self.content_owner(index) as usize].parent;
        while let Some(node) = self.nodes.get(at as usize) {
            for content in self.contents(at).filter(|c| self.nodes[*c as usize].state == State::Document) {
                depth += usize::from(!matches!(node.source, Source::Implicit { .. }));
                if self.nodes[content as usize].url == *url || depth > MAX_NESTING {
                    return Err(Problem::new("tileset-nested", "the tileset holds itself, or is nested too deep", url));
                }
            }
            at = node.parent;
        }
        Ok(())
    }

    /// The tile that a further content belongs to; else the node itself.
    fn content_owner(&self, index: u32) -> u32 {
        if !self.is_further_content(index) {
            return index;
        }
        let siblings = self.children(self.nodes[index as usize].parent);
        siblings.into_iter().find(|tile| self.contents(*tile).any(|c| c == index)).unwrap_or(index)
    }

    /// Fills in the root of a subtree from its file.
    pub(super) fn attach_subtree(&mut self, index: u32, doc: SubtreeDoc) {
        let node = &self.nodes[index as usize];
        let Source::Implicit { tree, level, at, .. } = node.source else { return };
        let Some(Some(tileset)) = self.tilesets.get_mut(node.tileset as usize) else { return };
        let subtree = tileset.subtrees.len() as u32;
        tileset.doc_bytes += bytes_of_subtree(&doc);
        tileset.subtrees.push(doc);
        self.nodes[index as usize].source = Source::Implicit { tree, subtree, level, at };
        self.nodes[index as usize].state = State::Empty;
        self.nodes[index as usize].url.clear();
        self.fill_implicit(index);
    }

    /// Volume, error and contents of an implicit tile whose subtree is there.
    fn fill_implicit(&mut self, index: u32) {
        let node = &self.nodes[index as usize];
        let Source::Implicit { tree, subtree, level, at } = node.source else { return };
        let Some(Some(tileset)) = self.tilesets.get(node.tileset as usize) else { return };
        let tree = &tileset.trees[tree as usize];
        let doc = &tileset.subtrees[subtree as usize];
        let shape = &tree.implicit.shape;
        let bit = shape.level_start(level % shape.subtree_levels)
            + local_morton(shape.octree, level % shape.subtree_levels, at);
        if !doc.tiles.get(bit) {
            // Only the root of a subtree can come here: its parent promised it.
            self.nodes[index as usize].expanded = true;
            return;
        }
        let said = doc.metadata.get(doc.tiles.rank(bit)).copied().unwrap_or_default();
        let ecef_from_tile = tileset.transforms[tree.transform as usize];
        let implied = tree.volume.subdivided(shape.octree, level, at).unwrap_or(tree.volume);
        let volume = said.volume.unwrap_or_else(|| with_heights(implied, said.minimum_height_m, said.maximum_height_m));
        let urls: Vec<String> = (tree.contents.iter().zip(&doc.contents))
            .filter(|(_, available)| available.get(bit))
            .map(|(template, _)| fill(template, level, at))
            .collect();
        let implied_error = tree.geometric_error * 0.5f64.powi(level as i32);
        let error = said.geometric_error.map_or(implied_error, |error| error * max_scale(&ecef_from_tile));
        let node = &mut self.nodes[index as usize];
        node.bounds = Bounds::new(&volume, &ecef_from_tile);
        node.content_bounds = said.content_volume.map(|v| Box::new(Bounds::new(&v, &ecef_from_tile)));
        node.geometric_error = error;
        self.set_contents(index, urls);
    }

    fn expand_implicit(&mut self, parent: u32) {
        let node = &self.nodes[parent as usize];
        let id = node.tileset;
        let source = node.source;
        let Source::Implicit { tree, subtree, .. } = source else { return };
        let mut last = NONE;
        for i in 0..8 {
            let Some(Some(tileset)) = self.tilesets.get(id as usize) else { return };
            let Some(child) = implicit_child(tileset, source, i) else { continue };
            let found = &tileset.trees[tree as usize];
            let volume = found.volume.subdivided(found.implicit.shape.octree, child.level, child.at);
            let ecef_from_tile = tileset.transforms[found.transform as usize];
            let bounds = Bounds::new(&volume.unwrap_or(found.volume), &ecef_from_tile);
            let subtree = if child.starts_subtree { NONE } else { subtree };
            let source = Source::Implicit { tree, subtree, level: child.level, at: child.at };
            let mut node = Node::new(id, source, bounds);
            node.refine = found.refine;
            node.level = found.level + child.level;
            node.transform = found.transform;
            node.geometric_error = found.geometric_error * 0.5f64.powi(child.level as i32);
            if child.starts_subtree {
                node.expect(fill(&found.implicit.subtrees, child.level, child.at), true);
            }
            last = self.link(node, parent, last);
            if !child.starts_subtree {
                self.fill_implicit(last);
            }
        }
    }
}

impl Node {
    fn new(tileset: u32, source: Source, bounds: Bounds) -> Self {
        Self {
            tileset,
            parent: NONE,
            first_child: NONE,
            next_sibling: NONE,
            next_content: NONE,
            level: 0,
            refine: Refine::Replace,
            expanded: false,
            source,
            transform: 0,
            bounds,
            content_bounds: None,
            request_bounds: None,
            geometric_error: 0.0,
            url: String::new(),
            expects_document: false,
            state: State::Empty,
            info: None,
            bytes: 0,
            sized: false,
            loaded_below: 0,
            error_px: 0.0,
            wanted_frame: 0,
            useful_frame: 0,
            drawn_frame: 0,
            used_frame: 0,
            older: NONE,
            newer: NONE,
        }
    }
}

impl Node {
    /// Bytes that its content has, or may be expected to have.
    pub(super) fn size(&self, sizes: &Sizes) -> u64 {
        match self.state {
            _ if self.sized => self.bytes,
            State::Unloaded | State::Requested(_) if !self.expects_document => sizes.mean(),
            _ => 0,
        }
    }

    /// Gives it a file to load.
    fn expect(&mut self, url: String, document: bool) {
        self.url = url;
        self.expects_document = document;
        self.state = State::Unloaded;
    }
}

/// About what a document's tiles take in memory, with their links and transforms.
fn bytes_of_tiles(tiles: &[DocTile]) -> u64 {
    let urls: usize = tiles.iter().flat_map(|t| &t.contents).map(|url| url.len() + size_of::<String>()).sum();
    (tiles.len() * (size_of::<DocTile>() + size_of::<DMat4>() + 8) + urls) as u64
}

/// About what a subtree takes in memory.
fn bytes_of_subtree(doc: &SubtreeDoc) -> u64 {
    let bits = |a: &Availability| if let Availability::Bits(bytes) = a { bytes.len() } else { 0 };
    let contents: usize = doc.contents.iter().map(bits).sum();
    (bits(&doc.tiles) + bits(&doc.children) + contents + size_of_val(doc.metadata.as_slice())) as u64
}

/// A child of an implicit tile.
struct ImplicitChild {
    level: u32,
    at: [u32; 3],
    starts_subtree: bool,
}

/// The `i`th child of an implicit tile whose subtree is there, where it is available.
fn implicit_child(tileset: &Tileset, source: Source, i: u32) -> Option<ImplicitChild> {
    let Source::Implicit { tree, subtree, level, at } = source else { return None };
    let doc = tileset.subtrees.get(subtree as usize)?;
    let implicit = &tileset.trees[tree as usize].implicit;
    let shape = &implicit.shape;
    let level = level + 1;
    // Columns and rows are 32-bit numbers.
    if level >= implicit.levels.min(u32::BITS) || i as usize >= shape.branching() {
        return None;
    }
    let at = std::array::from_fn(|axis| at[axis] * 2 + (i >> axis & 1));
    let starts_subtree = level.is_multiple_of(shape.subtree_levels);
    let available = if starts_subtree {
        doc.children.get(local_morton(shape.octree, shape.subtree_levels, at))
    } else {
        let local = level % shape.subtree_levels;
        doc.tiles.get(shape.level_start(local) + local_morton(shape.octree, local, at))
    };
    available.then_some(ImplicitChild { level, at, starts_subtree })
}

/// Morton index among the tiles of a local level: the lowest `level` bits of each coordinate, x lowest.
fn local_morton(octree: bool, level: u32, at: [u32; 3]) -> usize {
    let axes = if octree { 3 } else { 2 };
    let mut index = 0;
    for bit in 0..level {
        for (axis, coordinate) in at.iter().enumerate().take(axes) {
            index |= ((coordinate >> bit & 1) as usize) << (bit as usize * axes + axis);
        }
    }
    index
}

/// A URL template with its variables filled in.
fn fill(template: &str, level: u32, [x, y, z]: [u32; 3]) -> String {
    let mut url = template.to_owned();
    for (name, value) in [("{level}", level), ("{x}", x), ("{y}", y), ("{z}", z)] {
        url = url.replace(name, &value.to_string());
    }
    url
}

/// Whether the path ends in `.json`.
fn is_json_url(url: &str) -> bool {
    let path = &url[..url.find(['?', '#']).unwrap_or(url.len())];
    path.len() >= 5 && path.is_char_boundary(path.len() - 5) && path[path.len() - 5..].eq_ignore_ascii_case(".json")
}

/// A region between the heights that its metadata gives.
fn with_heights(volume: Volume, minimum_m: Option<f64>, maximum_m: Option<f64>) -> Volume {
    match volume {
        Volume::Region([w, s, e, n, low, high]) => {
            let (low, high) = (minimum_m.unwrap_or(low), maximum_m.unwrap_or(high));
            Volume::Region([w, s, e, n, low.min(high), high.max(low)])
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn morton_order_interleaves_x_lowest() {
        assert_eq!(local_morton(false, 1, [1, 0, 0]), 1);
        assert_eq!(local_morton(false, 1, [0, 1, 0]), 2);
        assert_eq!(local_morton(false, 2, [3, 0, 0]), 5);
        assert_eq!(local_morton(true, 1, [0, 0, 1]), 4);
        assert_eq!(local_morton(true, 2, [2, 1, 3]), 0b10_1110);
        assert_eq!(local_morton(false, 2, [7, 4, 0]), 5, "only the lowest bits count");
    }

    #[test]
    fn templates_are_filled_everywhere() {
        assert_eq!(fill("t/{level}/{x}/{y}/{z}.glb?l={level}", 3, [1, 2, 4]), "t/3/1/2/4.glb?l=3");
    }

    #[test]
    fn a_tileset_is_told_by_its_path() {
        for (url, expected) in [
            ("a/tileset.json", true),
            ("a/TILESET.JSON?k=1", true),
            ("a.glb?x=.json", false),
            (".json", true),
            ("", false),
        ] {
            assert_eq!(is_json_url(url), expected, "{url}");
        }
    }
}
