//! A tile's content: meshes and instances in ENU metres → glb bytes.
//!
//! Positions are rounded to a grid of 2⁻ᵏ m that is the same for all tiles of a level, so that what meets at a border
//! still meets. glTF's axes are (east, up, −north).

use super::BakeError;
use super::glb::{ComponentType, Glb, IndexMode};
use super::mesh::Mesh;
use super::properties::{Row, Schema};
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
    /// Properties of every feature of the theme.
    pub(super) rows: &'a [Row],
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
    let features = used_features(&content);
    let grid = fitting(grid, &content);
    let mut tile = Tile::new(grid, &features, common);
    tile.parts(&content)?;
    for group in &content.groups {
        tile.group(group)?;
    }
    tile.finish(dropped)
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

fn used_features(content: &Content) -> Vec<u32> {
    let mut used = BTreeSet::new();
    for part in content.parts.iter().filter(|part| part.featured) {
        used.extend(part.mesh.indices.iter().map(|&i| part.mesh.features[i as usize]));
    }
    used.extend(content.groups.iter().flat_map(|group| &group.instances).map(|i| i.feature));
    used.into_iter().collect()
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
    row: u32,
}

/// A mesh as it is stored.
struct Stored {
    vertices: Vec<Vertex>,
    indices: Vec<u32>,
    outline: Vec<u32>,
}

/// How a mesh is rounded.
struct Rounding<'a> {
    grid: Grid,
    /// Line of the mesh's corner, glTF axes.
    origin: DVec3,
    /// Features in the order of the property table; nothing when the mesh has none.
    features: Option<&'a [u32]>,
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
        let feature = self.features.and_then(|features| features.binary_search(&mesh.features[i]).ok());
        Vertex {
            position: lines.to_array().map(|line| line as i32),
            normal: normal.to_array().map(|v| (v * 127.0).round() as i8),
            color: [LINEAR[r], LINEAR[g], LINEAR[b], a as u8],
            row: feature.unwrap_or(0) as u32,
        }
    }
}

/// Orders triangles for the GPU's vertex cache (unless they must stay in drawing order) and vertices by first use.
fn ordered(stored: Stored, keep_triangles: bool) -> Result<Stored, BakeError> {
    if stored.indices.is_empty() {
        return Ok(stored);
    }
    let failed = |error: meshoptimizer_rs::Error| BakeError::Encode { what: "a mesh".into(), message: format!("{error:?}") };
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
    grid: Grid,
    features: &'a [u32],
    common: &'a Common<'a>,
    nodes: Vec<Value>,
    meshes: Vec<Value>,
    materials: Vec<Value>,
    extensions: BTreeSet<&'static str>,
    bounds: Option<(DVec3, DVec3)>,
    triangles: u64,
    instances: u64,
}

impl<'a> Tile<'a> {
    fn new(grid: Grid, features: &'a [u32], common: &'a Common<'a>) -> Self {
        Self {
            glb: Glb::default(),
            grid,
            features,
            common,
            nodes: Vec::new(),
            meshes: Vec::new(),
            materials: Vec::new(),
            extensions: BTreeSet::new(),
            bounds: None,
            triangles: 0,
            instances: 0,
        }
    }

    /// All parts as one node, with the rounding as its scale.
    fn parts(&mut self, content: &Content) -> Result<(), BakeError> {
        let Some((low, high)) = part_bounds(content) else { return Ok(()) };
        // In glTF's axes the least corner is (west, bottom, −north).
        let origin = DVec3::new(self.grid.line(low.x), self.grid.line(low.z), self.grid.line(-high.y));
        let mut primitives = Vec::new();
        for part in &content.parts {
            let features = part.featured.then_some(self.features);
            let stored = Rounding { grid: self.grid, origin, features }.store(&part.mesh);
            let stored = ordered(stored, part.flat_order.is_some())?;
            if stored.indices.is_empty() {
                continue;
            }
            self.grow(&stored, origin);
            self.triangles += stored.indices.len() as u64 / 3;
            let material = self.material(part.flat_order);
            primitives.push(self.primitive(&stored, part.featured, material)?);
        }
        if primitives.is_empty() {
            return Ok(());
        }
        self.meshes.push(json!({ "primitives": primitives }));
        self.nodes.push(json!({
            "mesh": self.meshes.len() - 1,
            "translation": (origin * self.grid.step_m).to_array(),
            "scale": vec![self.grid.step_m; 3],
        }));
        Ok(())
    }

    fn grow(&mut self, stored: &Stored, origin: DVec3) {
        for vertex in &stored.vertices {
            let lines = DVec3::from_array(vertex.position.map(f64::from)) + origin;
            self.bounds = Some(grown(self.bounds, enu_from_gltf(lines * self.grid.step_m)));
        }
    }

    fn material(&mut self, flat_order: Option<u8>) -> usize {
        let mut material = json!({ "pbrMetallicRoughness": { "metallicFactor": 0.0, "roughnessFactor": 1.0 } });
        if let Some(order) = flat_order {
            material["extras"] = json!({ "citytwinFlat": order });
        }
        if let Some(same) = self.materials.iter().position(|m| *m == material) {
            return same;
        }
        self.materials.push(material);
        self.materials.len() - 1
    }

    fn primitive(&mut self, stored: &Stored, featured: bool, material: usize) -> Result<Value, BakeError> {
        let count = stored.vertices.len();
        let position = self.positions(stored)?;
        let mut attributes = self.surface(stored)?;
        attributes.insert("POSITION".into(), json!(position));
        let mut primitive = json!({ "material": material });
        if featured {
            let rows: Vec<u32> = stored.vertices.iter().map(|v| v.row).collect();
            attributes.insert("_FEATURE_ID_0".into(), json!(self.feature_ids(&rows)?));
            let unique: BTreeSet<u32> = rows.into_iter().collect();
            self.extensions.insert("EXT_mesh_features");
            primitive["extensions"]["EXT_mesh_features"] =
                json!({ "featureIds": [{ "featureCount": unique.len(), "attribute": 0, "propertyTable": 0 }] });
        }
        primitive["attributes"] = Value::Object(attributes);
        primitive["indices"] = json!(self.glb.indices(&stored.indices, count, IndexMode::Triangles)?);
        if !stored.outline.is_empty() {
            let accessor = self.glb.indices(&stored.outline, count, IndexMode::Sequence)?;
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

    /// Normals and colours.
    fn surface(&mut self, stored: &Stored) -> Result<Map<String, Value>, BakeError> {
        let count = stored.vertices.len();
        let normals: Vec<u8> = stored.vertices.iter().flat_map(|v| [v.normal[0] as u8, v.normal[1] as u8, v.normal[2] as u8, 0]).collect();
        let colors: Vec<u8> = stored.vertices.iter().flat_map(|v| v.color).collect();
        let mut attributes = Map::new();
        for (name, bytes, component, kind) in
            [("NORMAL", normals, ComponentType::I8, "VEC3"), ("COLOR_0", colors, ComponentType::U8, "VEC4")]
        {
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
        let stored = ordered(Rounding { grid, origin: DVec3::ZERO, features: None }.store(&group.model), false)?;
        if stored.indices.is_empty() {
            return Ok(());
        }
        let material = self.material(None);
        let primitive = self.primitive(&stored, false, material)?;
        self.meshes.push(json!({ "name": group.name, "primitives": [primitive] }));
        let least = group.instances.iter().map(|i| i.position).reduce(DVec3::min).unwrap_or_default();
        let origin = least.floor();
        let attributes = self.instance_attributes(group, origin, grid)?;
        let unique: BTreeSet<u32> = group.instances.iter().map(|i| i.feature).collect();
        self.nodes.push(json!({
            "mesh": self.meshes.len() - 1,
            "translation": gltf_from_enu(origin).to_array(),
            "scale": vec![grid.step_m; 3],
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
            rows.push(self.features.binary_search(&instance.feature).unwrap_or(0) as f32);
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
            let rows: Vec<&Row> = self.features.iter().filter_map(|&f| self.common.rows.get(f as usize)).collect();
            extensions.insert("EXT_structural_metadata".into(), self.common.schema.write(&rows, &mut self.glb));
            self.extensions.insert("EXT_structural_metadata");
        }
        self.extensions.extend(["EXT_meshopt_compression", "KHR_mesh_quantization"]);
        let required: Vec<&str> = ["EXT_mesh_gpu_instancing", "EXT_meshopt_compression", "KHR_mesh_quantization"]
            .into_iter()
            .filter(|name| self.extensions.contains(name))
            .collect();
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
