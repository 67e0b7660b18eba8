//! Boundaries of CityJSON geometries → faces, points and lines in degrees and metres.

use super::super::crs::Crs;
use super::super::model::{Drape, SurfaceClass, Warnings};
use super::super::picture::{self, Pictures, Wrap};
use super::super::winding;
use super::vertices::VertexList;
use super::{Face, Place};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Vertices are whole numbers of `scale` from `translate`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Transform {
    scale: [f64; 3],
    translate: [f64; 3],
}

impl Default for Transform {
    fn default() -> Self {
        Self { scale: [1.0; 3], translate: [0.0; 3] }
    }
}

impl Transform {
    fn apply(&self, vertex: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|axis| vertex[axis] * self.scale[axis] + self.translate[axis])
    }
}

/// Materials and textures.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Appearance {
    #[serde(default)]
    materials: Vec<Value>,
    #[serde(rename = "default-theme-material", default)]
    default_theme: Option<String>,
    #[serde(default)]
    textures: Vec<Value>,
    #[serde(rename = "default-theme-texture", default)]
    default_texture_theme: Option<String>,
    #[serde(rename = "vertices-texture", default)]
    texture_vertices: TextureVertices,
}

/// Texture coordinates; none where they are no pairs of numbers, because nobody's buildings depend on them.
#[derive(Clone, Debug, Default)]
struct TextureVertices(Vec<[f32; 2]>);

impl<'de> Deserialize<'de> for TextureVertices {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(text.get()).unwrap_or_default()))
    }
}

/// What is left of a material that says that it cannot be seen: its object would be lost.
const LEAST_ALPHA: f64 = 0.1;

impl Appearance {
    /// Diffuse colour of a material, sRGB, and its alpha.
    fn color(&self, index: usize) -> Option<[u8; 4]> {
        let material = self.materials.get(index)?;
        let color = material.get("diffuseColor")?.as_array()?;
        let channel = |i: usize| color.get(i).and_then(Value::as_f64);
        let transparency = material.get("transparency").and_then(Value::as_f64).unwrap_or(0.0);
        Some(material_color([channel(0)?, channel(1)?, channel(2)?], transparency))
    }

    /// A texture by its number.
    fn picture(&self, index: usize, pictures: &mut Pictures) -> Option<u32> {
        let texture = self.textures.get(index)?;
        let border = |i: usize| texture.get("borderColor")?.get(i)?.as_f64();
        let border = [0, 1, 2].map(|i| border(i).unwrap_or(0.0));
        let wrap = Wrap::of(texture.get("wrapMode").and_then(Value::as_str));
        Some(pictures.number(texture.get("image")?.as_str()?, wrap, material_color(border, 0.0)))
    }
}

/// sRGB and alpha of a material, whose numbers are 0 to 1.
pub(in crate::bake) fn material_color(diffuse: [f64; 3], transparency: f64) -> [u8; 4] {
    let byte = |value: f64| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    let [r, g, b] = diffuse.map(byte);
    [r, g, b, byte((1.0 - transparency).max(LEAST_ALPHA))]
}

/// Geometries that are used in many places.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Templates {
    #[serde(default)]
    templates: Vec<Value>,
    #[serde(rename = "vertices-templates", default)]
    vertices: Vec<[f64; 3]>,
}

/// Everything that the geometries of some objects refer to.
pub(super) struct Frame<'a> {
    pub(super) crs: &'a Crs,
    pub(super) transform: &'a Transform,
    pub(super) vertices: &'a VertexList,
    pub(super) appearance: &'a Appearance,
    pub(super) templates: &'a Templates,
    pub(super) template_appearance: &'a Appearance,
    /// The level of detail that was asked for.
    pub(super) lod: Option<f64>,
    /// No textures are asked for.
    pub(super) plain: bool,
}

/// What an object's geometries are.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) near: Vec<Face>,
    pub(super) far: Vec<Face>,
    pub(super) footprint: Vec<Face>,
    pub(super) points: Vec<Place>,
    pub(super) lines: Vec<Vec<Place>>,
}

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        self.near.is_empty() && self.footprint.is_empty() && self.points.is_empty() && self.lines.is_empty()
    }
}

/// One geometry of an object.
struct Level {
    lod: f64,
    shapes: Shapes,
}

#[derive(Default)]
struct Shapes {
    faces: Vec<Face>,
    /// Whether any of them are of a solid that was inside out.
    turned: bool,
    points: Vec<Place>,
    lines: Vec<Vec<Place>>,
}

/// How vertices of a geometry get their place.
enum Vertices<'a> {
    Own(&'a Frame<'a>),
    /// Those of a template, by a matrix (row by row) and around a point, in the units of the CRS.
    Template {
        frame: &'a Frame<'a>,
        matrix: [f64; 16],
        at: [f64; 3],
    },
}

impl Vertices<'_> {
    fn place(&self, index: usize) -> Option<Place> {
        let (frame, [x, y, z]) = match self {
            Self::Own(frame) => (frame, frame.vertex(index)?),
            Self::Template { frame, matrix: m, at } => {
                let [x, y, z] = *frame.templates.vertices.get(index)?;
                let row = |r: usize| m[4 * r] * x + m[4 * r + 1] * y + m[4 * r + 2] * z + m[4 * r + 3];
                (frame, [row(0) + at[0], row(1) + at[1], row(2) + at[2]])
            }
        };
        let [lon, lat] = frame.crs.lonlat(x, y)?;
        z.is_finite().then_some([lon, lat, z])
    }

    fn appearance(&self) -> &Appearance {
        match self {
            Self::Own(frame) => frame.appearance,
            Self::Template { frame, .. } => frame.template_appearance,
        }
    }

    fn plain(&self) -> bool {
        let (Self::Own(frame) | Self::Template { frame, .. }) = self;
        frame.plain
    }
}

impl Frame<'_> {
    /// A vertex in the units of the CRS.
    fn vertex(&self, index: usize) -> Option<[f64; 3]> {
        self.vertices.get(index).map(|vertex| self.transform.apply(vertex))
    }

    /// Reads an object's geometries; faults are counted under its id.
    pub(super) fn read(
        &self,
        id: &str,
        geometries: &[Value],
        pictures: &mut Pictures,
        warnings: &mut Warnings,
    ) -> Found {
        let mut levels: Vec<Level> = Vec::new();
        for geometry in geometries {
            let shapes = self.shapes(id, geometry, pictures, warnings);
            let lod = lod_of(geometry).unwrap_or_else(|| {
                // An instance has the level of its template.
                let template = geometry.get("template").and_then(Value::as_u64).map(|t| t as usize);
                template.and_then(|t| lod_of(self.templates.templates.get(t)?)).unwrap_or(1.0)
            });
            levels.push(Level { lod, shapes });
        }
        if levels.iter().any(|level| level.shapes.turned) {
            winding::turned(id, warnings);
        }
        self.choose(levels)
    }

    /// Near: the level that was asked for, else the highest. Far: the lowest from 1 on that is lower than near.
    fn choose(&self, levels: Vec<Level>) -> Found {
        let solid = |level: &&Level| level.lod >= 1.0 && !level.shapes.faces.is_empty();
        let highest = levels.iter().filter(solid).map(|level| level.lod).fold(0.0, f64::max);
        let near = match self.lod {
            Some(wanted) if levels.iter().filter(solid).any(|level| same(level.lod, wanted)) => wanted,
            _ => highest,
        };
        let far = levels.iter().filter(solid).map(|level| level.lod).filter(|lod| *lod < near).fold(near, f64::min);
        let mut found = Found::default();
        // Points and lines stand for what has no surface.
        let only_points = levels.iter().all(|level| level.shapes.faces.is_empty());
        for level in levels {
            let Level { lod, shapes } = level;
            if only_points {
                found.points.extend(shapes.points);
                found.lines.extend(shapes.lines);
            } else if lod < 1.0 {
                found.footprint.extend(shapes.faces);
            } else if same(lod, near) {
                found.near.extend(shapes.faces);
            } else if same(lod, far) {
                found.far.extend(shapes.faces);
            }
        }
        found
    }

    fn shapes(&self, id: &str, geometry: &Value, pictures: &mut Pictures, warnings: &mut Warnings) -> Shapes {
        let Some(kind) = geometry.get("type").and_then(Value::as_str) else {
            warnings.add("geometry_unreadable", format!("{id}: without a type"));
            return Shapes::default();
        };
        if kind != "GeometryInstance" {
            return boundaries((id, kind), geometry, &Vertices::Own(self), pictures, warnings);
        }
        match self.instance(geometry) {
            Some((template, vertices)) => {
                let kind = template.get("type").and_then(Value::as_str).unwrap_or_default();
                boundaries((id, kind), template, &vertices, pictures, warnings)
            }
            None => {
                warnings.add("template_unreadable", id);
                Shapes::default()
            }
        }
    }

    fn instance<'a>(&'a self, geometry: &Value) -> Option<(&'a Value, Vertices<'a>)> {
        let template = self.templates.templates.get(geometry.get("template")?.as_u64()? as usize)?;
        let at = self.vertex(geometry.get("boundaries")?.get(0)?.as_u64()? as usize)?;
        let mut matrix = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        if let Some(values) = geometry.get("transformationMatrix").and_then(Value::as_array) {
            for (slot, value) in matrix.iter_mut().zip(values) {
                *slot = value.as_f64()?;
            }
        }
        Some((template, Vertices::Template { frame: self, matrix, at }))
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

/// `"2.2"`, or the number 2 of version 1.0.
fn lod_of(geometry: &Value) -> Option<f64> {
    match geometry.get("lod")? {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_f64(),
        _ => None,
    }
    .filter(|lod: &f64| (0.0..10.0).contains(lod))
}

fn boundaries(
    (id, kind): (&str, &str),
    geometry: &Value,
    vertices: &Vertices<'_>,
    pictures: &mut Pictures,
    warnings: &mut Warnings,
) -> Shapes {
    let nothing = Value::Null;
    let boundaries = geometry.get("boundaries").unwrap_or(&nothing);
    let depth = match kind {
        "MultiPoint" => {
            let points = boundaries.as_array().into_iter().flatten();
            let points = points.filter_map(|index| vertices.place(index.as_u64()? as usize)).collect();
            return Shapes { points, ..Shapes::default() };
        }
        "MultiLineString" => {
            let lines = boundaries.as_array().into_iter().flatten();
            let lines = lines.filter_map(|line| ring(line, vertices)).filter(|line| line.len() >= 2).collect();
            return Shapes { lines, ..Shapes::default() };
        }
        "MultiSurface" | "CompositeSurface" => 0,
        "Solid" => 1,
        "MultiSolid" | "CompositeSolid" => 2,
        _ => {
            let kind: String = kind.chars().take(40).collect();
            warnings.add("geometry_unreadable", format!("{id}: {kind}"));
            return Shapes::default();
        }
    };
    let semantics = geometry.get("semantics");
    let of_theme = |key: &str, wanted: &Option<String>| {
        let themes = geometry.get(key).and_then(Value::as_object)?;
        wanted.as_deref().and_then(|theme| themes.get(theme)).or_else(|| themes.values().next())
    };
    let material = of_theme("material", &vertices.appearance().default_theme);
    let texture = of_theme("texture", &vertices.appearance().default_texture_theme).filter(|_| !vertices.plain());
    let mut reader = Reader {
        id,
        vertices,
        surfaces: semantics.and_then(|s| s.get("surfaces")),
        // One material for the whole geometry.
        material: material.and_then(|m| m.get("value")).and_then(Value::as_u64),
        faces: Vec::new(),
        turned: false,
        pictures,
        unreadable: false,
        warnings,
    };
    let values = semantics.and_then(|s| s.get("values")).unwrap_or(&nothing);
    let materials = material.and_then(|m| m.get("values")).unwrap_or(&nothing);
    let textures = texture.and_then(|t| t.get("values")).unwrap_or(&nothing);
    reader.walk(boundaries, values, materials, textures, depth);
    if reader.unreadable {
        picture::unreadable(id, reader.warnings);
    }
    Shapes { faces: reader.faces, turned: reader.turned, ..Shapes::default() }
}

struct Reader<'a> {
    id: &'a str,
    vertices: &'a Vertices<'a>,
    surfaces: Option<&'a Value>,
    material: Option<u64>,
    faces: Vec<Face>,
    turned: bool,
    pictures: &'a mut Pictures,
    /// Whether any texture coordinates fit no ring.
    unreadable: bool,
    warnings: &'a mut Warnings,
}

impl Reader<'_> {
    /// Goes down to surfaces, with the semantics, the material and the texture of each beside it. A shell that is not the first of
    /// its solid is a cavity, which nobody sees.
    fn walk(&mut self, boundaries: &Value, values: &Value, materials: &Value, textures: &Value, depth: u32) {
        let nothing = Value::Null;
        let first = self.faces.len();
        for (i, inner) in boundaries.as_array().into_iter().flatten().enumerate() {
            let beside = |list: &'_ Value| list.get(i).cloned().unwrap_or(Value::Null);
            let textures = textures.get(i).unwrap_or(&nothing);
            if depth > 0 {
                let is_cavity = depth == 1 && i > 0;
                if !is_cavity {
                    self.walk(inner, &beside(values), &beside(materials), textures, depth - 1);
                }
                continue;
            }
            let class = beside(values).as_u64().and_then(|v| self.surfaces?.get(v as usize)).and_then(class_of);
            let material = beside(materials).as_u64().or(self.material);
            let color = material.and_then(|m| self.vertices.appearance().color(m as usize));
            self.surface(inner, class, color, textures);
        }
        // One shell, or surfaces that may be one.
        if depth == 0 {
            self.turned |= winding::turn(&mut self.faces[first..]);
        }
    }

    fn surface(&mut self, rings: &Value, class: Option<SurfaceClass>, color: Option<[u8; 4]>, textures: &Value) {
        let mut read = Vec::new();
        let mut shown = Shown::default();
        for (i, indices) in rings.as_array().into_iter().flatten().enumerate() {
            let whole = ring(indices, self.vertices).unwrap_or_default();
            let kept = distinct(&whole);
            if kept.len() >= 3 {
                let appearance = self.vertices.appearance();
                shown.ring(textures.get(i), &kept, whole.len(), &appearance.texture_vertices.0);
                read.push(kept.into_iter().map(|at| whole[at]).collect());
                continue;
            }
            // Without its outer ring there is no surface; without a hole, there still is.
            self.warnings.add("ring_unreadable", self.id);
            if i == 0 {
                return;
            }
        }
        if !read.is_empty() {
            self.unreadable |= shown.unreadable;
            let picture = shown.texture.and_then(|t| self.vertices.appearance().picture(t, self.pictures));
            self.unreadable |= shown.texture.is_some() && picture.is_none();
            let drape = picture.filter(|_| shown.uvs.len() == read.len());
            let drape = drape.map(|picture| Box::new(Drape { picture, uvs: shown.uvs }));
            self.faces.push(Face { rings: read, class, color, drape, marks: None });
        }
    }
}

/// What the rings of a surface show.
#[derive(Default)]
struct Shown {
    texture: Option<usize>,
    uvs: Vec<Vec<[f32; 2]>>,
    unreadable: bool,
}

impl Shown {
    /// Takes the texture of a ring of `count` vertices, of which those at `kept` stay: its number, then a coordinate for
    /// each vertex. A ring without any is `[null]`.
    fn ring(&mut self, values: Option<&Value>, kept: &[usize], count: usize, vertices: &[[f32; 2]]) {
        let Some([texture, at @ ..]) = values.and_then(Value::as_array).map(Vec::as_slice) else { return };
        if texture.is_null() {
            return;
        }
        let uv = |index: usize| {
            let uv = vertices.get(usize::try_from(at.get(index)?.as_u64()?).ok()?)?;
            uv.iter().all(|v| v.is_finite()).then_some(*uv)
        };
        let texture = texture.as_u64().and_then(|t| usize::try_from(t).ok());
        let uvs: Option<Vec<[f32; 2]>> = kept.iter().map(|&index| uv(index)).collect();
        match (texture, uvs) {
            (Some(texture), Some(uvs)) if at.len() == count && self.texture.is_none_or(|known| known == texture) => {
                self.texture = Some(texture);
                self.uvs.push(uvs);
            }
            _ => self.unreadable = true,
        }
    }
}

/// All rings of a geometry's surfaces in the file's coordinates, without those that are broken.
pub(super) fn rings_of(geometry: &Value, transform: &Transform, vertices: &VertexList) -> Vec<Vec<[f64; 3]>> {
    fn gather(list: &Value, corner: &impl Fn(&Value) -> Option<[f64; 3]>, rings: &mut Vec<Vec<[f64; 3]>>) {
        let Some(items) = list.as_array() else { return };
        if items.first().is_some_and(Value::is_u64) {
            rings.extend(items.iter().map(corner).collect::<Option<Vec<_>>>());
        } else {
            items.iter().for_each(|inner| gather(inner, corner, rings));
        }
    }
    let corner = |index: &Value| Some(transform.apply(vertices.get(usize::try_from(index.as_u64()?).ok()?)?));
    let mut rings = Vec::new();
    let is_of_surfaces = geometry.get("type").and_then(Value::as_str).is_some_and(|kind| {
        matches!(kind, "MultiSurface" | "CompositeSurface" | "Solid" | "MultiSolid" | "CompositeSolid")
    });
    if let Some(boundaries) = geometry.get("boundaries").filter(|_| is_of_surfaces) {
        gather(boundaries, &corner, &mut rings);
    }
    rings
}

/// Places of a list of vertices; nothing when one is missing.
fn ring(indices: &Value, vertices: &Vertices<'_>) -> Option<Vec<Place>> {
    indices.as_array()?.iter().map(|index| vertices.place(usize::try_from(index.as_u64()?).ok()?)).collect()
}

/// The points of a ring that stay when each is there once: those that repeat the one before go, and so does the first
/// point again at the end.
pub(in crate::bake) fn distinct<P: PartialEq>(ring: &[P]) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..ring.len()).filter(|&i| i == 0 || ring[i] != ring[i - 1]).collect();
    while kept.len() > 1 && kept.last().is_some_and(|&last| ring[last] == ring[0]) {
        kept.pop();
    }
    kept
}

fn class_of(surface: &Value) -> Option<SurfaceClass> {
    Some(match surface.get("type")?.as_str()? {
        "RoofSurface" | "OuterFloorSurface" => SurfaceClass::Roof,
        "WallSurface" => SurfaceClass::Wall,
        "GroundSurface" => SurfaceClass::Ground,
        "Window" => SurfaceClass::Window,
        "Door" => SurfaceClass::Door,
        "ClosureSurface" | "OuterCeilingSurface" => SurfaceClass::Other,
        _ => return None,
    })
}
