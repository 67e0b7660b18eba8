//! A tile's content: meshes and instances in ENU metres → glb bytes.
//!
//! Positions are rounded to a grid of 2⁻ᵏ m that is the same for all tiles of a level, so that what meets at a border
//! still meets. glTF's axes are (east, up, −north).

use super::BakeError;
use super::glb::{ComponentType, Glb};
use super::mesh::Mesh;
use super::picture::Picture;
use super::properties::{Row, Schema};
use super::reuse::{Digest, Digester};
use glam::DVec3;
use meshoptimizer_rs::{Workspace, optimize_vertex_cache, optimize_vertex_fetch_remap};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// Feature ids beyond this need floats: `_FEATURE_ID_n` may be u8, u16 or f32.
const MAX_U16_FEATURE: usize = 0xffff;

/// What a tile draws, before rounding. Feature numbers are those of the theme.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Meshes drawn with one draw call each.
    pub(super) parts: Vec<Part>,
    /// Models drawn many times.
    pub(super) groups: Vec<Group>,
    /// What [`Skin::Textured`] refers to.
    pub(super) textures: Vec<Texture>,
}

/// A picture that parts show.
#[derive(Debug)]
pub(super) struct Texture {
    /// The bytes of a WebP file.
    pub(super) webp: Vec<u8>,
    /// Beyond its border.
    pub(super) wrap: TextureWrap,
    /// Whether it has texels that are not opaque,
    pub(super) see_through: bool,
    /// and whether those are blended; else they are cut out.
    pub(super) blended: bool,
}

/// What is seen beyond a texture's border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) enum TextureWrap {
    Clamp,
    Repeat,
    Mirror,
}

/// What covers a part.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Skin {
    /// The colours of its vertices, opaque.
    #[default]
    Plain,
    /// The same, blended by their alpha.
    Glass,
    /// A texture instead of those colours.
    Textured {
        /// Index into [`Content::textures`].
        texture: usize,
        /// For each vertex, from the texture's upper left corner, in textures; from 0 to 1 where it does not repeat.
        uvs: Vec<[f32; 2]>,
    },
}

/// A mesh and how it is drawn.
#[derive(Debug)]
pub(super) struct Part {
    /// Its triangles, bent onto the Earth.
    pub(super) mesh: Mesh,
    /// Lies in the ground plane, drawn in this order; else it stands.
    pub(super) flat_order: Option<u8>,
    /// Whether its vertices belong to features.
    pub(super) featured: bool,
    /// What covers it.
    pub(super) skin: Skin,
}

/// A model and where it stands.
#[derive(Debug)]
pub(super) struct Group {
    /// Its name.
    pub(super) name: String,
    /// The model, at the origin, z up, metres.
    pub(super) model: Mesh,
    /// One for each time it is drawn.
    pub(super) instances: Vec<Instance>,
}

/// One instance of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Instance {
    /// Where its foot stands, ENU metres, bent onto the Earth.
    pub(super) position: DVec3,
    /// Compass bearing it faces, degrees.
    pub(super) bearing_deg: f64,
    /// Times as large as the model.
    pub(super) scale: f64,
    /// Its feature.
    pub(super) feature: u32,
}

/// An encoded tile.
#[derive(Debug)]
pub(super) struct Encoded {
    /// The file.
    pub(super) glb: Vec<u8>,
    /// Tight box of what it draws as rounded, ENU metres.
    pub(super) bounds: (DVec3, DVec3),
    /// Triangles, each instance counted.
    pub(super) triangles: u64,
    /// Instances.
    pub(super) instances: u64,
    /// Features of the theme that it draws, ascending.
    pub(super) features: Vec<u32>,
    /// Vertices dropped because they are not finite numbers.
    pub(super) dropped: u64,
}

/// What all tiles of a theme share.
pub(super) struct Common<'a> {
    /// Columns of the property tables.
    pub(super) schema: &'a Schema,
    /// The properties of a feature of the theme; made when asked for, because those of a large city fill the memory.
    pub(super) row: &'a (dyn Fn(usize) -> Option<Row> + Sync),
    /// Whom the file names.
    pub(super) copyright: &'a str,
}

/// The grid that positions are rounded to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    /// Distance of its lines, metres; a power of two.
    pub(super) step_m: f64,
}

impl Grid {
    /// No finer than this, metres: about a millimetre.
    const FINEST_M: f64 = 1.0 / 1024.0;

    /// The finest grid on which `size_m` metres fit into 16 bits, wherever they begin.
    pub(super) fn for_size(size_m: f64) -> Self {
        let mut step_m = Self::FINEST_M;
        while size_m / step_m > 65_533.0 && step_m < 1e9 {
            step_m *= 2.0;
        }
        Self { step_m }
    }

    fn line(self, value_m: f64) -> f64 {
        (value_m / self.step_m).round()
    }
}

fn gltf_from_enu(p: DVec3) -> DVec3 {
    DVec3::new(p.x, p.z, -p.y)
}

fn enu_from_gltf(p: DVec3) -> DVec3 {
    DVec3::new(p.x, -p.z, p.y)
}

/// Linear light of an sRGB value, both 0..255 (IEC 61966-2-1).
static LINEAR: LazyLock<[u8; 256]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let s = i as f64 / 255.0;
        let linear = if s <= 0.04045 { s / 12.92 } else { ((s + 0.055) / 1.055).powf(2.4) };
        (linear * 255.0).round() as u8
    })
});

/// Encodes a tile; nothing when there is nothing left to draw.
///
/// # Errors
/// [`BakeError::Encode`] when a buffer does not fit its format.
pub(super) fn encode(mut content: Content, grid: Grid, common: &Common) -> Result<Option<Encoded>, BakeError> {
    let dropped = drop_broken(&mut content);
    let grid = fitting(grid, &content);
    let (parts, origin) = stored_parts(&content, grid)?;
    let features = used_features(&parts, &content.groups);
    let mut tile = Tile::new(&features, common);
    tile.parts(&parts, &content.textures, grid, origin)?;
    for group in &content.groups {
        tile.group(group)?;
    }
    tile.textures(&content.textures);
    tile.finish(dropped)
}

/// The features that a content may draw, ascending.
pub(super) fn features_of(content: &Content) -> Vec<u32> {
    let parts = content.parts.iter().filter(|part| part.featured).flat_map(|part| &part.mesh.features);
    let instances = content.groups.iter().flat_map(|group| &group.instances).map(|instance| &instance.feature);
    parts.chain(instances).copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Stands for all that a tile is encoded from. `features`: [`features_of`] the content; the others' numbers do not matter.
/// `shown`: pictures, and how large their texels are at least.
pub(super) fn digest(
    content: &Content,
    features: &[u32],
    (grid, shown): (Grid, Option<(&[Picture], f64)>),
    common: &Common,
) -> Digest {
    let mut digester = Digester::new();
    digester.float(grid.step_m);
    digester.bytes(common.copyright.as_bytes());
    common.schema.add_to(&mut digester);
    for part in &content.parts {
        digester.number(part.flat_order.map_or(u64::MAX, u64::from));
        digester.number(u64::from(part.featured));
        add_mesh(&part.mesh, &mut digester);
        if let Some((pictures, texel_m)) = shown.filter(|_| !part.mesh.draped.is_empty()) {
            digester.float(texel_m);
            for piece in &part.mesh.draped {
                digester.number(u64::from(piece.first_vertex));
                digester.number(piece.indices.start as u64);
                digester.bytes(&piece.uvs.iter().flatten().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
                if let Some(picture) = pictures.get(piece.picture as usize) {
                    picture.add_to(&mut digester);
                }
            }
        }
        if part.featured {
            let own = part.mesh.features.iter().flat_map(|feature| rank(features, *feature).to_le_bytes());
            digester.bytes(&own.collect::<Vec<u8>>());
        }
    }
    for group in &content.groups {
        digester.bytes(group.name.as_bytes());
        add_mesh(&group.model, &mut digester);
        digester.number(group.instances.len() as u64);
        for Instance { position, bearing_deg, scale, feature } in &group.instances {
            let numbers = position.to_array().into_iter().chain([*bearing_deg, *scale]);
            numbers.for_each(|number| digester.float(number));
            digester.number(u64::from(rank(features, *feature)));
        }
    }
    for feature in features {
        digester.row(&(common.row)(*feature as usize).unwrap_or_default());
    }
    digester.finish()
}

/// The place of a feature in an ascending list that has it.
fn rank(features: &[u32], feature: u32) -> u32 {
    features.binary_search(&feature).map_or(u32::MAX, |at| at as u32)
}

fn add_mesh(mesh: &Mesh, digester: &mut Digester) {
    let Mesh { positions, normals, colors, features: _, indices, outline, draped: _ } = mesh;
    let mut bytes: Vec<u8> = positions.iter().flat_map(|p| p.to_array()).flat_map(f64::to_le_bytes).collect();
    digester.bytes(&bytes);
    bytes = normals.iter().flat_map(|p| p.to_array()).flat_map(f32::to_le_bytes).collect();
    digester.bytes(&bytes);
    digester.bytes(colors.as_flattened());
    bytes = indices.iter().chain(outline.as_flattened()).flat_map(|i| i.to_le_bytes()).collect();
    digester.number(indices.len() as u64);
    digester.bytes(&bytes);
}

/// Removes triangles and instances with coordinates that are not numbers, and counts what was wrong.
fn drop_broken(content: &mut Content) -> u64 {
    let mut dropped = 0;
    for mesh in content.parts.iter_mut().map(|part| &mut part.mesh) {
        let broken: Vec<bool> = mesh.positions.iter().map(|p| !p.is_finite()).collect();
        let count = broken.iter().filter(|b| **b).count();
        if count == 0 {
            continue;
        }
        dropped += count as u64;
        let whole = |indices: &[u32]| indices.iter().all(|&i| !broken[i as usize]);
        mesh.indices = mesh.indices.chunks_exact(3).filter(|t| whole(t)).flatten().copied().collect();
        mesh.outline.retain(|edge| whole(edge));
    }
    for group in &mut content.groups {
        let before = group.instances.len();
        group.instances.retain(|i| i.position.is_finite() && i.bearing_deg.is_finite() && i.scale.is_finite());
        dropped += (before - group.instances.len()) as u64;
    }
    content.parts.retain(|part| !part.mesh.is_empty());
    content.groups.retain(|group| !group.instances.is_empty() && !group.model.is_empty());
    dropped
}

/// The features that are still drawn after rounding, ascending.
fn used_features(parts: &[StoredPart], groups: &[Group]) -> Vec<u32> {
    let featured = parts.iter().filter(|part| part.featured);
    let vertices = featured.flat_map(|part| &part.stored.vertices).map(|vertex| vertex.feature);
    let instances = groups.iter().flat_map(|group| &group.instances).map(|instance| instance.feature);
    vertices.chain(instances).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A part as it is stored.
struct StoredPart {
    stored: Stored,
    flat_order: Option<u8>,
    featured: bool,
    cover: Cover,
}

/// How a part is covered, as far as its material and its attributes go.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cover {
    Plain,
    Glass,
    Textured(usize),
}

/// Rounds the parts, all from the same corner: parts that still have a triangle, and the corner's grid line in
/// glTF's axes.
fn stored_parts(content: &Content, grid: Grid) -> Result<(Vec<StoredPart>, DVec3), BakeError> {
    let Some((low, high)) = part_bounds(content) else { return Ok((Vec::new(), DVec3::ZERO)) };
    // In glTF's axes the least corner is (west, bottom, −north).
    let origin = DVec3::new(grid.line(low.x), grid.line(low.z), grid.line(-high.y));
    let mut parts = Vec::new();
    for part in &content.parts {
        let (cover, uvs) = match &part.skin {
            Skin::Plain => (Cover::Plain, Uvs::None),
            Skin::Glass => (Cover::Glass, Uvs::None),
            Skin::Textured { texture, uvs } => {
                let repeats = content.textures.get(*texture).is_some_and(|t| t.wrap != TextureWrap::Clamp);
                (Cover::Textured(*texture), if repeats { Uvs::Repeating(uvs) } else { Uvs::Within(uvs) })
            }
        };
        let stored = Rounding { grid, origin, featured: part.featured, uvs }.store(&part.mesh);
        let stored = ordered(stored, part.flat_order.is_some())?;
        if !stored.indices.is_empty() {
            parts.push(StoredPart { stored, flat_order: part.flat_order, featured: part.featured, cover });
        }
    }
    Ok((parts, origin))
}

/// Smallest and largest corner of all drawn vertices of the parts.
fn part_bounds(content: &Content) -> Option<(DVec3, DVec3)> {
    let drawn = content.parts.iter().flat_map(|part| {
        let mesh = &part.mesh;
        mesh.indices.iter().map(|&i| mesh.positions[i as usize])
    });
    drawn.fold(None, |bounds, p| Some(grown(bounds, p)))
}

fn grown(bounds: Option<(DVec3, DVec3)>, p: DVec3) -> (DVec3, DVec3) {
    bounds.map_or((p, p), |(low, high)| (low.min(p), high.max(p)))
}

/// The level's grid, or a coarser one for a tile that is larger than its level expected.
fn fitting(grid: Grid, content: &Content) -> Grid {
    let size = part_bounds(content).map_or(0.0, |(low, high)| (high - low).max_element());
    Grid { step_m: grid.step_m.max(Grid::for_size(size).step_m) }
}

/// A vertex as it is stored: glTF axes, grid lines from the mesh's own corner.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Vertex {
    position: [i32; 3],
    normal: [i8; 3],
    color: [u8; 4],
    /// Feature of the theme; 0 when the mesh has none.
    feature: u32,
    /// Texture coordinates as they are stored; 0 when the mesh has none.
    uv: [u32; 2],
}

/// A mesh as it is stored.
struct Stored {
    vertices: Vec<Vertex>,
    indices: Vec<u32>,
    outline: Vec<u32>,
}

/// Texture coordinates of a mesh.
#[derive(Clone, Copy)]
enum Uvs<'a> {
    None,
    /// From 0 to 1: parts of 65,535.
    Within(&'a [[f32; 2]]),
    /// Any: floats, without the digits that nobody sees, which pack badly.
    Repeating(&'a [[f32; 2]]),
}

impl Uvs<'_> {
    fn at(self, i: usize) -> [u32; 2] {
        match self {
            Self::None => [0; 2],
            Self::Within(uvs) => uvs[i].map(|v| (v.clamp(0.0, 1.0) * 65_535.0).round() as u32),
            Self::Repeating(uvs) => uvs[i].map(|v| ((v * 4096.0).round() / 4096.0).to_bits()),
        }
    }
}

/// How a mesh is rounded.
struct Rounding<'a> {
    grid: Grid,
    /// Line of the mesh's corner, glTF axes.
    origin: DVec3,
    /// Whether its vertices belong to features.
    featured: bool,
    uvs: Uvs<'a>,
}

impl Rounding<'_> {
    /// Rounds and welds a mesh; its triangles stay in order.
    fn store(&self, mesh: &Mesh) -> Stored {
        let mut vertices = Vec::with_capacity(mesh.positions.len());
        // Only looked up, never walked: its order does not reach the output.
        let mut known: HashMap<Vertex, u32> = HashMap::with_capacity(mesh.positions.len());
        let mut welded = vec![u32::MAX; mesh.positions.len()];
        for i in mesh.indices.iter().map(|&i| i as usize) {
            if welded[i] == u32::MAX {
                let vertex = self.vertex(mesh, i);
                welded[i] = *known.entry(vertex).or_insert_with(|| {
                    vertices.push(vertex);
                    vertices.len() as u32 - 1
                });
            }
        }
        let mut indices = Vec::with_capacity(mesh.indices.len());
        for triangle in mesh.indices.chunks_exact(3) {
            let corners = [triangle[0], triangle[1], triangle[2]].map(|i| welded[i as usize]);
            let [a, b, c] = corners.map(|corner| vertices[corner as usize].position);
            if a != b && b != c && c != a {
                indices.extend(corners);
            }
        }
        let edges = mesh.outline.iter().map(|edge| edge.map(|i| welded[i as usize]));
        let outline = edges.filter(|&[a, b]| a != b && a != u32::MAX && b != u32::MAX).flatten().collect();
        Stored { vertices, indices, outline }
    }

    fn vertex(&self, mesh: &Mesh, i: usize) -> Vertex {
        let p = gltf_from_enu(mesh.positions[i]);
        let lines = DVec3::new(self.grid.line(p.x), self.grid.line(p.y), self.grid.line(p.z)) - self.origin;
        let normal = gltf_from_enu(mesh.normals[i].as_dvec3());
        let normal = if normal.is_finite() { normal.normalize_or(DVec3::Y) } else { DVec3::Y };
        let [r, g, b, a] = mesh.colors[i].map(usize::from);
        Vertex {
            position: lines.to_array().map(|line| line as i32),
            normal: normal.to_array().map(|v| (v * 127.0).round() as i8),
            color: if matches!(self.uvs, Uvs::None) { [LINEAR[r], LINEAR[g], LINEAR[b], a as u8] } else { [255; 4] },
            feature: if self.featured { mesh.features[i] } else { 0 },
            uv: self.uvs.at(i),
        }
    }
}

/// Orders triangles for the GPU's vertex cache (unless they must stay in drawing order) and vertices by first use.
fn ordered(stored: Stored, keep_triangles: bool) -> Result<Stored, BakeError> {
    if stored.indices.is_empty() {
        return Ok(stored);
    }
    let failed =
        |error: meshoptimizer_rs::Error| BakeError::Encode { what: "a mesh".into(), message: format!("{error:?}") };
    let mut workspace = Workspace::default();
    let count = stored.vertices.len();
    let indices = if keep_triangles {
        stored.indices
    } else {
        optimize_vertex_cache(&stored.indices, count, &mut workspace).map_err(failed)?
    };
    let fetch = optimize_vertex_fetch_remap(&indices, count, &mut workspace).map_err(failed)?;
    let new = |old: u32| fetch.remap[old as usize];
    let mut vertices = vec![stored.vertices[0]; fetch.vertex_count];
    for (old, vertex) in stored.vertices.iter().enumerate() {
        if let Some(slot) = vertices.get_mut(fetch.remap[old] as usize) {
            *slot = *vertex;
        }
    }
    let mut edges: Vec<[u32; 2]> = stored
        .outline
        .chunks_exact(2)
        .map(|edge| [new(edge[0]), new(edge[1])])
        .filter(|edge| edge.iter().all(|&i| (i as usize) < fetch.vertex_count))
        .map(|[a, b]| [a.min(b), a.max(b)])
        .collect();
    edges.sort_unstable();
    edges.dedup();
    Ok(Stored { vertices, indices: indices.into_iter().map(new).collect(), outline: edges.into_flattened() })
}

/// A tile under construction.
struct Tile<'a> {
    glb: Glb,
    features: &'a [u32],
    common: &'a Common<'a>,
    nodes: Vec<Value>,
    meshes: Vec<Value>,
    materials: Vec<Value>,
    /// Images, samplers and textures.
    pictures: [Vec<Value>; 3],
    extensions: BTreeSet<&'static str>,
    bounds: Option<(DVec3, DVec3)>,
    triangles: u64,
    instances: u64,
}

impl<'a> Tile<'a> {
    fn new(features: &'a [u32], common: &'a Common<'a>) -> Self {
        Self {
            glb: Glb::default(),
            features,
            common,
            nodes: Vec::new(),
            meshes: Vec::new(),
            materials: Vec::new(),
            pictures: Default::default(),
            extensions: BTreeSet::new(),
            bounds: None,
            triangles: 0,
            instances: 0,
        }
    }

    /// Row of a feature in the property table.
    fn row(&self, feature: u32) -> u32 {
        self.features.binary_search(&feature).expect("every feature that is drawn is in the list") as u32
    }

    /// All parts as one node, with the rounding as its scale.
    fn parts(
        &mut self,
        parts: &[StoredPart],
        textures: &[Texture],
        grid: Grid,
        origin: DVec3,
    ) -> Result<(), BakeError> {
        let mut primitives = Vec::new();
        for part in parts {
            for vertex in &part.stored.vertices {
                let lines = DVec3::from_array(vertex.position.map(f64::from)) + origin;
                self.bounds = Some(grown(self.bounds, enu_from_gltf(lines * grid.step_m)));
            }
            self.triangles += part.stored.indices.len() as u64 / 3;
            let material = self.material(part.flat_order, part.cover, textures);
            let uvs = match part.cover {
                Cover::Textured(texture) => textures.get(texture).map(|texture| texture.wrap),
                _ => None,
            };
            primitives.push(self.primitive(&part.stored, part.featured, uvs, material)?);
        }
        if primitives.is_empty() {
            return Ok(());
        }
        self.meshes.push(json!({ "primitives": primitives }));
        self.nodes.push(json!({
            "mesh": self.meshes.len() - 1,
            "translation": (origin * grid.step_m).to_array(),
            "scale": [grid.step_m, grid.step_m, grid.step_m],
        }));
        Ok(())
    }

    fn material(&mut self, flat_order: Option<u8>, cover: Cover, textures: &[Texture]) -> usize {
        let mut material = json!({ "pbrMetallicRoughness": { "metallicFactor": 0.0, "roughnessFactor": 1.0 } });
        if let Some(order) = flat_order {
            material["extras"] = json!({ "citytwinFlat": order });
        }
        match cover {
            Cover::Plain => {}
            Cover::Glass => material["alphaMode"] = json!("BLEND"),
            Cover::Textured(texture) => {
                material["pbrMetallicRoughness"]["baseColorTexture"] = json!({ "index": texture });
                if let Some(Texture { blended, .. }) = textures.get(texture).filter(|texture| texture.see_through) {
                    material["alphaMode"] = json!(if *blended { "BLEND" } else { "MASK" });
                }
            }
        }
        if let Some(same) = self.materials.iter().position(|m| *m == material) {
            return same;
        }
        self.materials.push(material);
        self.materials.len() - 1
    }

    /// Adds textures with their images; each has the number that materials know it by.
    fn textures(&mut self, textures: &[Texture]) {
        let [images, samplers, list] = &mut self.pictures;
        for texture in textures {
            let view = self.glb.plain_view(&texture.webp);
            images.push(json!({ "bufferView": view, "mimeType": "image/webp" }));
            let wrap = match texture.wrap {
                TextureWrap::Clamp => 33071,
                TextureWrap::Repeat => 10497,
                TextureWrap::Mirror => 33648,
            };
            let sampler = json!({ "magFilter": 9729, "minFilter": 9987, "wrapS": wrap, "wrapT": wrap });
            let same = samplers.iter().position(|known| *known == sampler).unwrap_or_else(|| {
                samplers.push(sampler);
                samplers.len() - 1
            });
            let source = json!({ "EXT_texture_webp": { "source": images.len() - 1 } });
            list.push(json!({ "sampler": same, "extensions": source }));
            self.extensions.insert("EXT_texture_webp");
        }
    }

    fn primitive(
        &mut self,
        stored: &Stored,
        featured: bool,
        texture: Option<TextureWrap>,
        material: usize,
    ) -> Result<Value, BakeError> {
        let count = stored.vertices.len();
        let position = self.positions(stored)?;
        let mut attributes = self.surface(stored, texture.is_none())?;
        if let Some(wrap) = texture {
            attributes.insert("TEXCOORD_0".into(), json!(self.uvs(stored, wrap)?));
        }
        attributes.insert("POSITION".into(), json!(position));
        let mut primitive = json!({ "material": material });
        if featured {
            let rows: Vec<u32> = stored.vertices.iter().map(|v| self.row(v.feature)).collect();
            attributes.insert("_FEATURE_ID_0".into(), json!(self.feature_ids(&rows)?));
            let unique: BTreeSet<u32> = rows.into_iter().collect();
            self.extensions.insert("EXT_mesh_features");
            primitive["extensions"]["EXT_mesh_features"] =
                json!({ "featureIds": [{ "featureCount": unique.len(), "attribute": 0, "propertyTable": 0 }] });
        }
        primitive["attributes"] = Value::Object(attributes);
        primitive["indices"] = json!(self.glb.triangles(&stored.indices, count)?);
        if !stored.outline.is_empty() {
            let accessor = self.glb.edges(&stored.outline)?;
            self.extensions.insert("CESIUM_primitive_outline");
            primitive["extensions"]["CESIUM_primitive_outline"] = json!({ "indices": accessor });
        }
        Ok(primitive)
    }

    fn positions(&mut self, stored: &Stored) -> Result<usize, BakeError> {
        let (mut low, mut high) = ([i32::MAX; 3], [i32::MIN; 3]);
        let mut bytes = Vec::with_capacity(stored.vertices.len() * 8);
        for vertex in &stored.vertices {
            for (k, &line) in vertex.position.iter().enumerate() {
                low[k] = low[k].min(line);
                high[k] = high[k].max(line);
                // Two's complement: the low 16 bits serve the signed and the unsigned type.
                bytes.extend_from_slice(&(line as u16).to_le_bytes());
            }
            bytes.extend_from_slice(&[0; 2]);
        }
        let component = match (low.iter().min(), high.iter().max()) {
            (Some(0..), Some(..=0xffff)) => ComponentType::U16,
            (Some(-0x8000..), Some(..=0x7fff)) => ComponentType::I16,
            _ => {
                let message = format!("positions {low:?}..{high:?} do not fit 16 bits");
                return Err(BakeError::Encode { what: "a mesh".into(), message });
            }
        };
        let view = self.glb.attribute_view(&bytes, 8, true)?;
        Ok(self.glb.accessor(json!({
            "bufferView": view, "componentType": component as u32, "count": stored.vertices.len(), "type": "VEC3",
            "min": low, "max": high,
        })))
    }

    fn uvs(&mut self, stored: &Stored, wrap: TextureWrap) -> Result<usize, BakeError> {
        let uvs = stored.vertices.iter().flat_map(|vertex| vertex.uv);
        let (bytes, stride, accessor): (Vec<u8>, usize, Value) = match wrap {
            TextureWrap::Clamp => {
                let accessor = json!({ "componentType": ComponentType::U16 as u32, "normalized": true });
                (uvs.flat_map(|v| (v as u16).to_le_bytes()).collect(), 4, accessor)
            }
            _ => {
                let accessor = json!({ "componentType": ComponentType::F32 as u32 });
                (uvs.flat_map(u32::to_le_bytes).collect(), 8, accessor)
            }
        };
        let mut accessor = accessor;
        accessor["bufferView"] = json!(self.glb.attribute_view(&bytes, stride, true)?);
        accessor["count"] = json!(stored.vertices.len());
        accessor["type"] = json!("VEC2");
        Ok(self.glb.accessor(accessor))
    }

    /// Normals and, unless a texture says them, colours.
    fn surface(&mut self, stored: &Stored, colored: bool) -> Result<Map<String, Value>, BakeError> {
        let count = stored.vertices.len();
        let normals: Vec<u8> =
            stored.vertices.iter().flat_map(|v| [v.normal[0] as u8, v.normal[1] as u8, v.normal[2] as u8, 0]).collect();
        let colors: Vec<u8> = stored.vertices.iter().flat_map(|v| v.color).collect();
        let mut attributes = Map::new();
        for (name, bytes, component, kind) in
            [("NORMAL", normals, ComponentType::I8, "VEC3"), ("COLOR_0", colors, ComponentType::U8, "VEC4")]
        {
            if name == "COLOR_0" && !colored {
                continue;
            }
            let view = self.glb.attribute_view(&bytes, 4, true)?;
            let accessor = self.glb.accessor(json!({
                "bufferView": view, "componentType": component as u32, "normalized": true, "count": count, "type": kind,
            }));
            attributes.insert(name.into(), json!(accessor));
        }
        Ok(attributes)
    }

    fn feature_ids(&mut self, rows: &[u32]) -> Result<usize, BakeError> {
        let narrow = self.features.len() <= MAX_U16_FEATURE;
        let (bytes, component): (Vec<u8>, _) = if narrow {
            (rows.iter().flat_map(|&row| row.to_le_bytes()).collect(), ComponentType::U16)
        } else {
            (rows.iter().flat_map(|&row| (row as f32).to_le_bytes()).collect(), ComponentType::F32)
        };
        let view = self.glb.attribute_view(&bytes, 4, true)?;
        Ok(self.glb.accessor(json!({
            "bufferView": view, "componentType": component as u32, "count": rows.len(), "type": "SCALAR",
        })))
    }

    /// A model drawn many times: a node of its own.
    fn group(&mut self, group: &Group) -> Result<(), BakeError> {
        let Some((low, high)) = group.model.bounds() else { return Ok(()) };
        // Signed lines around the model's own origin: half the range to each side.
        let grid = Grid::for_size(2.0 * low.abs().max(high.abs()).max_element());
        let stored = ordered(
            Rounding { grid, origin: DVec3::ZERO, featured: false, uvs: Uvs::None }.store(&group.model),
            false,
        )?;
        if stored.indices.is_empty() {
            return Ok(());
        }
        let material = self.material(None, Cover::Plain, &[]);
        let primitive = self.primitive(&stored, false, None, material)?;
        self.meshes.push(json!({ "name": group.name, "primitives": [primitive] }));
        let least = group.instances.iter().map(|i| i.position).reduce(DVec3::min).unwrap_or_default();
        let origin = least.floor();
        let attributes = self.instance_attributes(group, origin, grid)?;
        let unique: BTreeSet<u32> = group.instances.iter().map(|i| i.feature).collect();
        self.nodes.push(json!({
            "mesh": self.meshes.len() - 1,
            "translation": gltf_from_enu(origin).to_array(),
            "scale": [grid.step_m, grid.step_m, grid.step_m],
            "extensions": {
                "EXT_mesh_gpu_instancing": { "attributes": attributes },
                "EXT_instance_features":
                    { "featureIds": [{ "featureCount": unique.len(), "attribute": 0, "propertyTable": 0 }] },
            },
        }));
        self.extensions.extend(["EXT_mesh_gpu_instancing", "EXT_instance_features"]);
        self.triangles += stored.indices.len() as u64 / 3 * group.instances.len() as u64;
        self.instances += group.instances.len() as u64;
        // Whichever way it is turned.
        let reach = low.truncate().abs().max(high.truncate().abs()).length();
        for instance in &group.instances {
            let corners = [DVec3::new(-reach, -reach, low.z), DVec3::new(reach, reach, high.z)];
            for corner in corners {
                self.bounds = Some(grown(self.bounds, instance.position + corner * instance.scale));
            }
        }
        Ok(())
    }

    /// Instance transforms in the node's own units, which are the model's grid.
    ///
    /// Floats without gaps: some readers take instance attributes only so.
    fn instance_attributes(&mut self, group: &Group, origin: DVec3, grid: Grid) -> Result<Value, BakeError> {
        let (mut places, mut turns, mut scales, mut rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for instance in &group.instances {
            let place = gltf_from_enu((instance.position - origin) / grid.step_m);
            places.extend(place.to_array().map(|v| v as f32));
            // A bearing runs clockwise seen from above, a turn about glTF's up axis the other way.
            let (sin, cos) = (-instance.bearing_deg.to_radians() / 2.0).sin_cos();
            turns.extend([0.0, sin as f32, 0.0, cos as f32]);
            scales.extend([instance.scale as f32; 3]);
            rows.push(self.row(instance.feature) as f32);
        }
        let mut attributes = Map::new();
        for (name, values, kind, width) in [
            ("TRANSLATION", places, "VEC3", 3),
            ("ROTATION", turns, "VEC4", 4),
            ("SCALE", scales, "VEC3", 3),
            ("_FEATURE_ID_0", rows, "SCALAR", 1),
        ] {
            let bytes: Vec<u8> = values.iter().flat_map(|v: &f32| v.to_le_bytes()).collect();
            let view = self.glb.attribute_view(&bytes, width * 4, false)?;
            let accessor = self.glb.accessor(json!({
                "bufferView": view, "componentType": ComponentType::F32 as u32, "count": group.instances.len(),
                "type": kind,
            }));
            attributes.insert(name.into(), json!(accessor));
        }
        Ok(Value::Object(attributes))
    }

    fn finish(mut self, dropped: u64) -> Result<Option<Encoded>, BakeError> {
        let Some(bounds) = self.bounds else { return Ok(None) };
        let mut document = Map::new();
        let mut extensions = Map::new();
        if !self.features.is_empty() {
            let rows: Vec<Row> = self.features.iter().filter_map(|&f| (self.common.row)(f as usize)).collect();
            extensions.insert("EXT_structural_metadata".into(), self.common.schema.write(&rows, &mut self.glb));
            self.extensions.insert("EXT_structural_metadata");
        }
        self.extensions.extend(["EXT_meshopt_compression", "KHR_mesh_quantization"]);
        let needed =
            ["EXT_mesh_gpu_instancing", "EXT_meshopt_compression", "EXT_texture_webp", "KHR_mesh_quantization"];
        let required: Vec<&str> = needed.into_iter().filter(|name| self.extensions.contains(name)).collect();
        let generator = format!("citytwin {}", env!("CARGO_PKG_VERSION"));
        document.insert(
            "asset".into(),
            json!({ "version": "2.0", "generator": generator, "copyright": self.common.copyright }),
        );
        document.insert("extensionsUsed".into(), json!(self.extensions));
        document.insert("extensionsRequired".into(), json!(required));
        if !extensions.is_empty() {
            document.insert("extensions".into(), Value::Object(extensions));
        }
        document.insert("scene".into(), json!(0));
        document.insert("scenes".into(), json!([{ "nodes": (0..self.nodes.len()).collect::<Vec<_>>() }]));
        document.insert("nodes".into(), Value::Array(self.nodes));
        document.insert("meshes".into(), Value::Array(self.meshes));
        document.insert("materials".into(), Value::Array(self.materials));
        for (name, values) in ["images", "samplers", "textures"].into_iter().zip(self.pictures) {
            if !values.is_empty() {
                document.insert(name.into(), Value::Array(values));
            }
        }
        Ok(Some(Encoded {
            glb: self.glb.finish(document)?,
            bounds,
            triangles: self.triangles,
            instances: self.instances,
            features: self.features.to_vec(),
            dropped,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bake::model::Property;
    use citytwin_tiles::{Attribute, Component, Decoded, Primitive, TileContent, Value as Cell, What, decode};
    use glam::{DMat4, Vec3};

    fn read(encoded: &Encoded) -> TileContent {
        match decode(&encoded.glb, "test.glb", &What::Content) {
            Ok(Decoded::Content(content)) => {
                assert_eq!(content.problems, []);
                content
            }
            other => panic!("not a content: {other:?}"),
        }
    }

    fn values(bytes: &[u8], attribute: Attribute, count: u32) -> Vec<Vec<f64>> {
        let one = |at: usize| match attribute.component {
            Component::I8 => f64::from(bytes[at] as i8),
            Component::U8 => f64::from(bytes[at]),
            Component::I16 => f64::from(i16::from_le_bytes([bytes[at], bytes[at + 1]])),
            Component::U16 => f64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]])),
            Component::U32 => f64::from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())),
            Component::F32 => f64::from(f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())),
        };
        let size = match attribute.component {
            Component::I8 | Component::U8 => 1,
            Component::I16 | Component::U16 => 2,
            Component::U32 | Component::F32 => 4,
        };
        (0..count as usize)
            .map(|i| {
                let at = attribute.offset as usize + i * attribute.stride as usize;
                (0..attribute.components as usize).map(|c| one(at + c * size)).collect()
            })
            .collect()
    }

    fn positions(content: &TileContent, primitive: &Primitive) -> Vec<DVec3> {
        let tile_from_local = DMat4::from_cols_array(&primitive.tile_from_local);
        values(&content.vertices, primitive.positions, primitive.vertex_count)
            .iter()
            .map(|v| tile_from_local.transform_point3(DVec3::new(v[0], v[1], v[2])))
            .collect()
    }

    fn indices(content: &TileContent, range: citytwin_tiles::IndexRange) -> Vec<usize> {
        let at = |i: u32| range.offset as usize + i as usize * if range.wide { 4 } else { 2 };
        (0..range.count)
            .map(|i| {
                let bytes = &content.indices[at(i)..];
                match range.wide {
                    true => u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize,
                    false => usize::from(u16::from_le_bytes(bytes[..2].try_into().unwrap())),
                }
            })
            .collect()
    }

    /// A triangle for each feature, standing side by side.
    fn teeth(features: std::ops::Range<u32>) -> Mesh {
        let mut mesh = Mesh::default();
        for feature in features {
            let base = mesh.positions.len() as u32;
            let corner = DVec3::new(f64::from(feature % 300) + 0.31, f64::from(feature / 300) - 55.7, 2.0);
            mesh.positions.extend([corner, corner + DVec3::X * 0.7, corner + DVec3::Z * 9.3]);
            mesh.normals.extend([Vec3::NEG_Y; 3]);
            mesh.colors.extend([[128, 255, 0, 255]; 3]);
            mesh.features.extend([feature; 3]);
            mesh.indices.extend([base, base + 1, base + 2]);
            mesh.outline.push([base, base + 2]);
        }
        mesh
    }

    fn rows(count: u32) -> Vec<Row> {
        let text = |i: u32| Property::Text(format!("way/{i}"));
        (0..count)
            .map(|i| Row::from([("id".into(), text(i)), ("height_m".into(), Property::Number(f64::from(i)))]))
            .collect()
    }

    fn check(content: Content, rows: &[Row]) -> (Encoded, TileContent) {
        let schema = Schema::of("building", rows.len(), &|i| rows[i].clone());
        let common = Common { schema: &schema, row: &|i| rows.get(i).cloned(), copyright: "© somebody" };
        let encoded = encode(content, Grid::for_size(300.0), &common).unwrap().expect("something to draw");
        let content = read(&encoded);
        let info = content.info();
        assert_eq!((info.triangles, info.instances), (encoded.triangles, encoded.instances));
        assert_eq!(info.features, encoded.features.len() as u64);
        let [low, high] = info.bounds.expect("bounds");
        let (our_low, our_high) = encoded.bounds;
        assert!(our_low.cmple(DVec3::from(low) + 1e-3).all() && our_high.cmpge(DVec3::from(high) - 1e-3).all());
        (encoded, content)
    }

    fn part(mesh: Mesh) -> Content {
        Content {
            parts: vec![Part { mesh, flat_order: None, featured: true, skin: Skin::Plain }],
            ..Content::default()
        }
    }

    #[test]
    fn triangles_features_and_properties_survive_within_half_a_grid_step() {
        let mesh = teeth(5..105);
        let (_, content) = check(part(mesh.clone()), &rows(200));
        let primitive = &content.primitives[0];
        let positions = positions(&content, primitive);
        let features = values(&content.vertices, primitive.feature_ids.unwrap(), primitive.vertex_count);
        let half_step = Grid::for_size(300.0).step_m / 2.0;
        let mut seen = Vec::new();
        for triangle in indices(&content, primitive.indices.unwrap()).chunks(3) {
            let row = features[triangle[0]][0] as u32;
            let cells = content.tables[0].row(&content.property_bytes, row);
            let (_, Cell::Text(id)) = cells.iter().find(|(name, _)| name == "id").unwrap() else { panic!("{cells:?}") };
            let feature: u32 = id.trim_start_matches("way/").parse().unwrap();
            let first = (feature as usize - 5) * 3;
            let mut found: Vec<usize> = triangle
                .iter()
                .map(|&i| {
                    let near =
                        |k: &usize| (mesh.positions[first + k] - positions[i]).abs().max_element() <= half_step * 1.001;
                    (0..3).find(near).expect("a corner of this very feature")
                })
                .collect();
            // The order may turn, but not round.
            let least = found.iter().position(|&k| k == 0).unwrap();
            found.rotate_left(least);
            assert_eq!(found, [0, 1, 2], "the winding stays");
            assert!(cells.contains(&("height_m".into(), Cell::Number(f64::from(feature)))));
            seen.push(feature);
        }
        seen.sort_unstable();
        assert_eq!(seen, (5..105).collect::<Vec<_>>());
        assert_eq!(primitive.outline.unwrap().count, 200);
        let normal = &values(&content.vertices, primitive.normals.unwrap(), 1)[0];
        assert_eq!(normal[..], [0.0, 0.0, 127.0], "south is glTF's +z");
        let color = &values(&content.vertices, primitive.colors.unwrap(), 1)[0];
        assert_eq!(color[..], [55.0, 255.0, 0.0, 255.0], "sRGB 128 is 55 in linear light");
    }

    #[test]
    fn outlines_join_the_vertices_they_joined() {
        let (_, content) = check(part(teeth(0..50)), &rows(50));
        let primitive = &content.primitives[0];
        let positions = positions(&content, primitive);
        for edge in indices(&content, primitive.outline.unwrap()).chunks(2) {
            let along = (positions[edge[1]] - positions[edge[0]]).abs();
            assert!(along.x < 0.01 && (along.z - 9.3).abs() < 0.02, "{along}");
        }
    }

    #[test]
    fn more_features_than_16_bits_become_floats() {
        let (encoded, content) = check(part(teeth(0..66_000)), &rows(66_000));
        assert_eq!(encoded.features.len(), 66_000);
        let ids = content.primitives[0].feature_ids.unwrap();
        assert_eq!(ids.component, Component::F32);
        let greatest = values(&content.vertices, ids, content.primitives[0].vertex_count)
            .into_iter()
            .map(|v| v[0])
            .fold(0.0, f64::max);
        assert_eq!(greatest, 65_999.0);
        assert!(content.primitives[0].indices.unwrap().wide, "198,000 vertices");
    }

    #[test]
    fn what_is_not_a_number_is_left_out_and_counted() {
        let mut mesh = teeth(0..10);
        mesh.positions[4].x = f64::NAN;
        mesh.positions[8].z = f64::INFINITY;
        mesh.normals[0] = Vec3::NAN;
        let (encoded, content) = check(part(mesh), &rows(10));
        assert_eq!((encoded.triangles, encoded.dropped), (8, 2));
        assert!(content.info().bounds.unwrap().iter().flatten().all(|v| v.is_finite()));
        let nothing = part(Mesh { positions: vec![DVec3::NAN; 3], ..teeth(0..1) });
        let common = Common { schema: &Schema::default(), row: &|_| None, copyright: "" };
        assert!(encode(nothing, Grid::for_size(1.0), &common).unwrap().is_none());
    }

    #[test]
    fn a_content_far_larger_than_its_level_gets_a_coarser_grid() {
        let mut mesh = teeth(0..2);
        mesh.positions[4].x += 90_000.0;
        let (_, content) = check(part(mesh), &rows(2));
        let far = positions(&content, &content.primitives[0]).into_iter().map(|p| p.x).fold(0.0, f64::max);
        assert!((far - 90_002.01).abs() < 2.0, "{far}");
    }

    #[test]
    fn flat_parts_stay_in_drawing_order() {
        let mesh = teeth(0..200);
        let part = Part { mesh, flat_order: Some(10), featured: true, skin: Skin::Plain };
        let flat = Content { parts: vec![part], ..Content::default() };
        let (_, content) = check(flat, &rows(200));
        let primitive = &content.primitives[0];
        assert_eq!(primitive.flat_order, Some(10));
        let features = values(&content.vertices, primitive.feature_ids.unwrap(), primitive.vertex_count);
        let order: Vec<u32> =
            indices(&content, primitive.indices.unwrap()).iter().map(|&i| features[i][0] as u32).collect();
        assert!(order.is_sorted());
    }

    #[test]
    fn instances_stand_turn_and_grow_as_told() {
        let mut model = teeth(0..1);
        // A pointer from the origin to 2 m north, and 1 m high.
        model.positions = vec![DVec3::ZERO, DVec3::Y * 2.0, DVec3::Z];
        let instances = vec![
            Instance { position: DVec3::new(100.5, -20.25, 3.0), bearing_deg: 90.0, scale: 1.5, feature: 1 },
            Instance { position: DVec3::new(-7.0, 500.0, 0.0), bearing_deg: 0.0, scale: 1.0, feature: 3 },
        ];
        let group = Group { name: "tree".into(), model, instances: instances.clone() };
        let (_, content) = check(Content { groups: vec![group], ..Content::default() }, &rows(5));
        let primitive = &content.primitives[0];
        let placed = primitive.instances.expect("instanced");
        let tile_from_local = DMat4::from_cols_array(&primitive.tile_from_local);
        let local = values(&content.vertices, primitive.positions, primitive.vertex_count);
        let rows = values(&content.vertices, placed.feature_ids.unwrap(), placed.count);
        let transforms_at = placed.transforms.offset as usize;
        for (i, instance) in instances.iter().enumerate() {
            let number = |k: usize| {
                let at = transforms_at + i * placed.transforms.stride as usize + k * 4;
                f64::from(f32::from_le_bytes(content.vertices[at..at + 4].try_into().unwrap()))
            };
            let row = |r: usize, p: DVec3| {
                number(4 * r) * p.x + number(4 * r + 1) * p.y + number(4 * r + 2) * p.z + number(4 * r + 3)
            };
            let drawn: Vec<DVec3> = local
                .iter()
                .map(|v| DVec3::new(v[0], v[1], v[2]))
                .map(|p| tile_from_local.transform_point3(DVec3::new(row(0, p), row(1, p), row(2, p))))
                .collect();
            let (sin, cos) = instance.bearing_deg.to_radians().sin_cos();
            for expected in [DVec3::ZERO, DVec3::new(2.0 * sin, 2.0 * cos, 0.0), DVec3::Z] {
                let expected = instance.position + expected * instance.scale;
                assert!(drawn.iter().any(|p| p.distance(expected) < 0.005), "{expected} is not in {drawn:?}");
            }
            assert_eq!(rows[i][0], i as f64, "features 1 and 3 are rows 0 and 1");
        }
    }
}
