//! Features into tiles: a tree of groups that lie together, each group a batched model (OGC 18-053r2, section 10.2).
//!
//! Batched models, though 3D Tiles 1.1 has a newer way, because their tables are JSON: a property may be a number here
//! and a text there, or missing, as GeoJSON allows.

use crate::outline::Outline;
use crate::read::{Feature, Features, Part, Position};
use crate::shape::{Shape, Sizes};
use crate::{Limits, Tileset};
use citytwin_geo::{EnuFrame, Geodetic};
use glam::{DVec2, DVec3};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A tile is split when it has more vertices than this.
const TILE_VERTICES: usize = 40_000;
/// Drawn after the city's own ground (material `extras.citytwinFlat`): areas first, lines over them.
const FLAT_AREA: u8 = 200;
const FLAT_LINE: u8 = 201;
/// A tile is drawn as long as it covers a pixel or so: its error is this many times its size.
const ERROR_PER_SIZE: f64 = 16.0;
/// The colour without a style, linear: a clear blue.
const COLOR: [f32; 4] = [0.004, 0.095, 0.679, 1.0];

/// A feature with what is needed to sort it in.
struct Placed<'a> {
    feature: &'a Feature,
    sizes: Sizes,
    /// Middle of its bounds, degrees.
    middle: DVec2,
    vertices: usize,
}

pub(crate) fn build(features: Features, shape: &Shape, limits: &Limits) -> Tileset {
    let Features { list, mut faults } = features;
    let (sizes, problems) = shape.sizes(&list);
    let (mut placed, mut total, mut bbox) =
        (Vec::new(), 0_usize, [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY]);
    for (feature, sizes) in list.iter().zip(sizes) {
        let Some([low, high]) = bounds(feature) else {
            faults.left_out += 1;
            faults.add("geometry-missing", "its geometry is empty", "features");
            continue;
        };
        let vertices = vertex_count(feature, &sizes);
        if total + vertices > limits.max_vertices {
            faults.left_out += 1;
            faults.add(
                "geojson-too-large",
                format!("it is beyond the limit of {} vertices", limits.max_vertices),
                "features",
            );
            continue;
        }
        total += vertices;
        bbox = [bbox[0].min(low.x), bbox[1].min(low.y), bbox[2].max(high.x), bbox[3].max(high.y)];
        placed.push(Placed { feature, sizes, middle: (low + high) / 2.0, vertices });
    }
    let mut files = vec![("tileset.json".to_owned(), Vec::new())];
    let root = if placed.is_empty() { Node::nothing() } else { Node::of(&mut placed, shape, &mut files) };
    files[0].1 = document(&root.json).to_string().into_bytes();
    let shown = placed.len() as u32;
    let problems = problems.into_iter().chain(faults.problems()).collect();
    Tileset { files, shown, left_out: faults.left_out, problems, bbox: (shown > 0).then_some(bbox) }
}

fn document(root: &Value) -> Value {
    json!({
        "asset": { "version": "1.0" },
        "geometricError": root["geometricError"].as_f64().unwrap_or_default() * 2.0,
        "root": root,
    })
}

fn positions(part: &Part) -> Box<dyn Iterator<Item = &Position> + '_> {
    match part {
        Part::Point(position) => Box::new(std::iter::once(position)),
        Part::Line(line) => Box::new(line.iter()),
        Part::Polygon(rings) => Box::new(rings.iter().flatten()),
    }
}

/// South-west and north-east corner, degrees; `None` of nothing.
fn bounds(feature: &Feature) -> Option<[DVec2; 2]> {
    let points = feature.parts.iter().flat_map(positions).map(|(at, _)| DVec2::from_array(*at));
    points.fold(None, |found: Option<[DVec2; 2]>, at| {
        Some(found.map_or([at, at], |[low, high]| [low.min(at), high.max(at)]))
    })
}

/// About how many vertices will be drawn.
fn vertex_count(feature: &Feature, sizes: &Sizes) -> usize {
    let flat: usize = feature
        .parts
        .iter()
        .map(|part| match part {
            Part::Point(_) if sizes.radius_m.is_none() => 1,
            Part::Point(_) => 24,
            Part::Line(line) => 2 * line.len(),
            Part::Polygon(rings) => rings.iter().map(Vec::len).sum(),
        })
        .sum();
    if sizes.extrude_m > 0.0 { 5 * flat } else { flat }
}

/// A tile, with a sphere around it.
struct Node {
    json: Value,
    middle_ecef: DVec3,
    radius_m: f64,
}

impl Node {
    /// Of nothing: a point at the middle of the Earth.
    fn nothing() -> Self {
        let json = json!({ "boundingVolume": { "sphere": [0, 0, 0, 0] }, "geometricError": 0 });
        Self { json, middle_ecef: DVec3::ZERO, radius_m: 0.0 }
    }

    /// Of these features: a tile, or two nodes with half of them each.
    fn of(features: &mut [Placed<'_>], shape: &Shape, files: &mut Vec<(String, Vec<u8>)>) -> Self {
        let total: usize = features.iter().map(|one| one.vertices).sum();
        if features.len() == 1 || total <= TILE_VERTICES {
            return Self::leaf(features, shape, files);
        }
        let low = features.iter().map(|one| one.middle).fold(DVec2::INFINITY, DVec2::min);
        let high = features.iter().map(|one| one.middle).fold(DVec2::NEG_INFINITY, DVec2::max);
        let size = (high - low) * DVec2::new(low.y.to_radians().cos(), 1.0);
        let key = |one: &Placed<'_>| if size.x > size.y { one.middle.x } else { one.middle.y };
        features.sort_by(|a, b| key(a).total_cmp(&key(b)));
        let (first, second) = features.split_at_mut(features.len() / 2);
        let children = [first, second].map(|half| Self::of(half, shape, files));
        let (middle_ecef, radius_m) = around(&children[0], &children[1]);
        let json = json!({
            "boundingVolume": { "sphere": [middle_ecef.x, middle_ecef.y, middle_ecef.z, radius_m] },
            "geometricError": 2.0 * radius_m * ERROR_PER_SIZE,
            "refine": "ADD",
            "children": children.map(|child| child.json),
        });
        Self { json, middle_ecef, radius_m }
    }

    fn leaf(features: &[Placed<'_>], shape: &Shape, files: &mut Vec<(String, Vec<u8>)>) -> Self {
        let middle = features.iter().map(|one| one.middle).sum::<DVec2>() / features.len() as f64;
        let frame = EnuFrame::new(Geodetic::from_degrees(middle.x, middle.y, 0.0));
        let mut mesh = Mesh::new(&frame);
        for (row, one) in features.iter().enumerate() {
            for part in &one.feature.parts {
                mesh.add(part, &one.sizes, row as f32);
            }
        }
        let path = format!("{}.b3dm", files.len());
        files.push((path.clone(), batched_model(&mesh, features, shape.point_px())));
        let (center, radius_m) = ((mesh.low + mesh.high) / 2.0, (mesh.high - mesh.low).length() / 2.0);
        let json = json!({
            "transform": frame.ecef_from_enu.to_cols_array(),
            "boundingVolume": { "sphere": [center.x, center.y, center.z, radius_m] },
            "geometricError": 0,
            "refine": "ADD",
            "content": { "uri": path },
        });
        Self { json, middle_ecef: frame.ecef_from_enu.transform_point3(center), radius_m }
    }
}

/// A sphere around two nodes: its middle (ECEF) and radius, metres.
fn around(a: &Node, b: &Node) -> (DVec3, f64) {
    let apart_m = a.middle_ecef.distance(b.middle_ecef);
    if apart_m + b.radius_m <= a.radius_m {
        return (a.middle_ecef, a.radius_m);
    }
    if apart_m + a.radius_m <= b.radius_m {
        return (b.middle_ecef, b.radius_m);
    }
    let radius_m = (apart_m + a.radius_m + b.radius_m) / 2.0;
    let towards = (b.middle_ecef - a.middle_ecef).normalize_or_zero();
    (a.middle_ecef + towards * (radius_m - a.radius_m), radius_m)
}

/// What is drawn of a tile, by how it is drawn.
struct Mesh<'a> {
    frame: &'a EnuFrame,
    /// Triangles on the ground, areas and lines; triangles that stand; points.
    surfaces: [Surface; 3],
    points: Surface,
    low: DVec3,
    high: DVec3,
}

const AREAS: usize = 0;
const LINES: usize = 1;
const STANDING: usize = 2;

/// Vertices in ENU metres, with normals and rows of the table, and indices of them.
#[derive(Default)]
struct Surface {
    vertices: Vec<([f32; 3], [f32; 3], f32)>,
    indices: Vec<u32>,
}

impl<'a> Mesh<'a> {
    fn new(frame: &'a EnuFrame) -> Self {
        Self {
            frame,
            surfaces: Default::default(),
            points: Surface::default(),
            low: DVec3::INFINITY,
            high: DVec3::NEG_INFINITY,
        }
    }

    fn corner(&self, ([lon, lat], height_m): &Position) -> (DVec2, Option<f64>) {
        (self.frame.enu_from_geodetic(Geodetic::from_degrees(*lon, *lat, 0.0)).truncate(), *height_m)
    }

    fn add(&mut self, part: &Part, sizes: &Sizes, row: f32) {
        let (outline, flat) = match part {
            Part::Point(position) => match sizes.radius_m {
                None => return self.point(position, sizes, row),
                Some(radius_m) => (Outline::disc(self.corner(position), radius_m), AREAS),
            },
            Part::Line(line) => {
                let line: Vec<_> = line.iter().map(|position| self.corner(position)).collect();
                let Some(outline) = Outline::ribbon(&line, sizes.width_m) else { return };
                (outline, LINES)
            }
            Part::Polygon(rings) => {
                let ring = |ring: &Vec<Position>| ring.iter().map(|position| self.corner(position)).collect();
                (Outline::polygon(&rings.iter().map(ring).collect::<Vec<_>>()), AREAS)
            }
        };
        self.fill(&outline, sizes, flat, row);
    }

    fn point(&mut self, position: &Position, sizes: &Sizes, row: f32) {
        let ([lon, lat], own_m) = position;
        let height_m = sizes.base_m.or(*own_m).unwrap_or(0.0) + sizes.extrude_m;
        let at = self.frame.enu_from_geodetic(Geodetic::from_degrees(*lon, *lat, height_m));
        self.grow(at);
        self.points.vertices.push((at.as_vec3().to_array(), [0.0, 0.0, 1.0], row));
    }

    fn grow(&mut self, at: DVec3) {
        self.low = self.low.min(at);
        self.high = self.high.max(at);
    }

    /// The filled outline at its height, with walls below it where it is extruded.
    fn fill(&mut self, outline: &Outline, sizes: &Sizes, flat: usize, row: f32) {
        let own_m = outline.vertices.iter().find_map(|(_, height_m)| *height_m);
        let is_flat = sizes.extrude_m == 0.0 && sizes.base_m.is_none() && own_m.is_none();
        let standing = if is_flat { flat } else { STANDING };
        // What is extruded has a level floor; what is not keeps the heights of its corners.
        let lowest_m = outline.vertices.iter().filter_map(|(_, height_m)| *height_m).fold(f64::INFINITY, f64::min);
        let floor_m = sizes.base_m.unwrap_or(if lowest_m.is_finite() { lowest_m } else { 0.0 });
        let top_m = |height_m: Option<f64>| match height_m {
            Some(height_m) if sizes.extrude_m == 0.0 && sizes.base_m.is_none() => height_m,
            _ => floor_m + sizes.extrude_m,
        };
        let bent = |at: DVec2, height_m: f64| at.extend(height_m + self.frame.surface_z(at));
        let tops: Vec<DVec3> = outline.vertices.iter().map(|(at, height_m)| bent(*at, top_m(*height_m))).collect();
        let feet: Vec<DVec3> = if sizes.extrude_m > 0.0 {
            outline.vertices.iter().map(|(at, _)| bent(*at, floor_m)).collect()
        } else {
            Vec::new()
        };
        for at in tops.iter().chain(&feet) {
            self.low = self.low.min(*at);
            self.high = self.high.max(*at);
        }
        let surface = &mut self.surfaces[standing];
        let first = surface.vertices.len() as u32;
        surface.vertices.extend(tops.iter().map(|at| (at.as_vec3().to_array(), [0.0, 0.0, 1.0], row)));
        surface.indices.extend(outline.triangles.iter().flatten().map(|i| first + i));
        if feet.is_empty() {
            return;
        }
        for [a, b] in outline.sides() {
            let along = (feet[b] - feet[a]).truncate().normalize_or_zero();
            let normal = [along.y as f32, -along.x as f32, 0.0];
            let first = surface.vertices.len() as u32;
            for at in [feet[a], feet[b], tops[b], tops[a]] {
                surface.vertices.push((at.as_vec3().to_array(), normal, row));
            }
            surface.indices.extend([0, 1, 2, 0, 2, 3].map(|i| first + i));
        }
    }
}

/// A batched model with one primitive for each way of drawing that occurs.
fn batched_model(mesh: &Mesh<'_>, features: &[Placed<'_>], point_px: f32) -> Vec<u8> {
    let glb = model(mesh, point_px);
    let feature_table = padded(json!({ "BATCH_LENGTH": features.len() }).to_string().into_bytes(), 28);
    let batch_table = padded(table(features).to_string().into_bytes(), 28 + feature_table.len());
    let glb = padded_with(glb, 0, 0);
    let length = 28 + feature_table.len() + batch_table.len() + glb.len();
    let mut bytes = b"b3dm".to_vec();
    for word in [1, length, feature_table.len(), 0, batch_table.len(), 0] {
        bytes.extend_from_slice(&(word as u32).to_le_bytes());
    }
    for part in [feature_table, batch_table, glb] {
        bytes.extend(part);
    }
    bytes
}

/// JSON, filled up with spaces so that what follows it lies at a multiple of 8 bytes.
fn padded(json: Vec<u8>, start: usize) -> Vec<u8> {
    padded_with(json, start, b' ')
}

fn padded_with(mut bytes: Vec<u8>, start: usize, fill: u8) -> Vec<u8> {
    bytes.resize(bytes.len() + (8 - (start + bytes.len()) % 8) % 8, fill);
    bytes
}

/// Every property of any of the features, with a value or null for each.
fn table(features: &[Placed<'_>]) -> Value {
    let names: BTreeSet<&String> = features.iter().flat_map(|one| one.feature.properties.keys()).collect();
    let column = |name: &String| -> Value {
        features.iter().map(|one| one.feature.properties.get(name).cloned().unwrap_or_default()).collect()
    };
    Value::Object(names.into_iter().map(|name| (name.clone(), column(name))).collect())
}

/// A binary glTF. Its axes are glTF's: x east, y up, z south.
fn model(mesh: &Mesh<'_>, point_px: f32) -> Vec<u8> {
    let mut bin = Vec::new();
    let (mut views, mut accessors, mut primitives, mut materials) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let flat_order = [Some(FLAT_AREA), Some(FLAT_LINE), None];
    let surfaces = mesh.surfaces.iter().zip(flat_order).map(|(surface, order)| (surface, order, 4));
    for (surface, order, mode) in surfaces.chain([(&mesh.points, None, 0)]) {
        if surface.vertices.is_empty() {
            continue;
        }
        let mut push = |bytes: Vec<u8>, accessor: Value| {
            views.push(json!({ "buffer": 0, "byteOffset": bin.len(), "byteLength": bytes.len() }));
            bin.extend(bytes);
            let mut accessor = accessor;
            accessor["bufferView"] = json!(views.len() - 1);
            accessors.push(accessor);
            accessors.len() - 1
        };
        let count = surface.vertices.len();
        let turned = |[east, north, up]: [f32; 3]| [east, up, -north];
        let places: Vec<[f32; 3]> = surface.vertices.iter().map(|(at, _, _)| turned(*at)).collect();
        let low = places.iter().fold([f32::INFINITY; 3], |low, at| std::array::from_fn(|i| low[i].min(at[i])));
        let high = places.iter().fold([f32::NEG_INFINITY; 3], |high, at| std::array::from_fn(|i| high[i].max(at[i])));
        let vec3 = json!({ "componentType": 5126, "count": count, "type": "VEC3" });
        let bytes =
            |values: Vec<[f32; 3]>| values.iter().flatten().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let mut placed = vec3.clone();
        (placed["min"], placed["max"]) = (json!(low), json!(high));
        let mut attributes = json!({ "POSITION": push(bytes(places), placed) });
        if mode == 4 {
            let normals = surface.vertices.iter().map(|(_, normal, _)| turned(*normal)).collect();
            attributes["NORMAL"] = json!(push(bytes(normals), vec3));
        }
        let rows = surface.vertices.iter().flat_map(|(_, _, row)| row.to_le_bytes()).collect();
        attributes["_BATCHID"] = json!(push(rows, json!({ "componentType": 5126, "count": count, "type": "SCALAR" })));
        let mut primitive = json!({ "attributes": attributes, "mode": mode, "material": materials.len() });
        if mode == 4 {
            let indices = surface.indices.iter().flat_map(|index| index.to_le_bytes()).collect();
            let accessor = json!({ "componentType": 5125, "count": surface.indices.len(), "type": "SCALAR" });
            primitive["indices"] = json!(push(indices, accessor));
        }
        primitives.push(primitive);
        materials.push(material(order, (mode == 0).then_some(point_px)));
    }
    let points = mesh.points.vertices.is_empty();
    let document = json!({
        "asset": { "version": "2.0", "generator": "citytwin-geojson" },
        "extensionsUsed": if points { vec![] } else { vec!["BENTLEY_materials_point_style"] },
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": [{ "mesh": 0 }],
        "meshes": [{ "primitives": primitives }],
        "materials": materials,
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{ "byteLength": bin.len() }],
    });
    binary(&document, bin)
}

fn material(flat_order: Option<u8>, point_px: Option<f32>) -> Value {
    let mut material = json!({
        "pbrMetallicRoughness": { "baseColorFactor": COLOR, "metallicFactor": 0.0, "roughnessFactor": 1.0 },
        "doubleSided": true,
    });
    if let Some(order) = flat_order {
        material["extras"] = json!({ "citytwinFlat": order });
    }
    if let Some(diameter) = point_px {
        material["extensions"] = json!({ "BENTLEY_materials_point_style": { "diameter": diameter.round() as u32 } });
    }
    material
}

fn binary(document: &Value, bin: Vec<u8>) -> Vec<u8> {
    let json = padded(document.to_string().into_bytes(), 20);
    let bin = padded_with(bin, 0, 0);
    let mut bytes = b"glTF".to_vec();
    let length = 12 + 8 + json.len() + 8 + bin.len();
    for word in [2, length as u32, json.len() as u32] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.extend_from_slice(b"JSON");
    bytes.extend(json);
    bytes.extend_from_slice(&(bin.len() as u32).to_le_bytes());
    bytes.extend_from_slice(b"BIN\0");
    bytes.extend(bin);
    bytes
}
