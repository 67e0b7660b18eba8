//! A city object's element → [`Model`].

use super::super::cityjson::{Face, Model, Place, distinct};
use super::super::crs::Crs;
use super::super::model::{Property, SurfaceClass, Tags, Warnings};
use super::super::picture::{self, Pictures};
use super::super::source::Input;
use super::super::winding;
use super::appearance::{Appearances, Mark, Marks, name_of};
use super::tree::Element;
use std::collections::BTreeMap;

/// What is inside, and only seen when there is nothing around it.
const INTERIOR: [&str; 8] = [
    "interiorRoom",
    "interiorFurniture",
    "interiorBuildingInstallation",
    "roomInstallation",
    "buildingRoom",
    "buildingFurniture",
    "interiorBridgeRoom",
    "hollowSpace",
];

/// Shapes of templates by id, kept for objects further on; those of one file seldom are more than dozens.
#[derive(Default)]
pub(super) struct Reading {
    templates: BTreeMap<String, Vec<Local>>,
    /// Whether faces are marked for appearances that come later.
    pub(super) marks: bool,
}

/// A face of a template in its own metres.
#[derive(Clone, Debug)]
struct Local {
    rings: Vec<Vec<[f64; 3]>>,
    class: Option<SurfaceClass>,
    marks: Marks,
}

/// One polygon as it stands in the file.
struct Polygon {
    ids: Vec<String>,
    lod: f64,
    /// The part of the object that it belongs to.
    part: usize,
    class: Option<SurfaceClass>,
    interior: bool,
    rings: Vec<Vec<[f64; 3]>>,
    /// Whether its coordinates are those of a template that was put in place already.
    placed: Option<Vec<Vec<Place>>>,
    marks: Marks,
}

/// What the elements around an element say.
#[derive(Clone)]
struct Around {
    lod: Option<f64>,
    part: usize,
    class: Option<SurfaceClass>,
    interior: bool,
    reversed: bool,
    dimension: usize,
    ids: Vec<String>,
}

#[derive(Default)]
struct Walk {
    polygons: Vec<Polygon>,
    points: Vec<[f64; 3]>,
    lines: Vec<Vec<[f64; 3]>>,
    /// What links say that the polygons are which they lead to.
    linked: BTreeMap<String, SurfaceClass>,
    parts: usize,
    broken: u64,
    instances: Vec<(Around, Element)>,
}

impl Reading {
    /// Reads an object; nothing, and a counted warning, when there is nothing to draw.
    pub(super) fn model(
        &mut self,
        object: &Element,
        crs: &Crs,
        input: &Input,
        pictures: &mut Pictures,
        warnings: &mut Warnings,
    ) -> Option<Model> {
        let id = short(object.attribute("id").unwrap_or(&object.name));
        let mut own = Appearances::default();
        own.read(object, &id, (!input.plain).then_some(pictures), warnings);
        let mut walk = Walk::of(object);
        for (around, element) in std::mem::take(&mut walk.instances) {
            if self.instance(&element, &around, crs, &mut walk).is_none() {
                warnings.add("template_unreadable", id.clone());
            }
        }
        if walk.broken > 0 {
            warnings.add("ring_unreadable", id.clone());
        }
        let mut model = Model {
            tags: tags(object, &id, input),
            kind: kind(&object.name).into(),
            near: Vec::new(),
            far: Vec::new(),
            footprint: Vec::new(),
            points: Vec::new(),
            lines: Vec::new(),
            height_m: object
                .find("measuredHeight")
                .and_then(number)
                .or_else(|| number(object.find("height")?.find("value")?)),
            storeys: object.find("storeysAboveGround").and_then(number),
        };
        let unplaced = fill(&mut model, walk, crs, input.lod, &id, warnings);
        let mut fits = true;
        for face in model.near.iter_mut().chain(&mut model.far).flatten().chain(&mut model.footprint) {
            let Some(marks) = face.marks.take() else { continue };
            fits &= own.show(&marks, face);
            face.marks = (self.marks && face.drape.is_none()).then_some(marks);
        }
        if !fits {
            picture::unreadable(&id, warnings);
        }
        if unplaced {
            warnings.add("coordinates_out_of_range", id.clone());
        }
        let nothing =
            model.near.is_empty() && model.footprint.is_empty() && model.points.is_empty() && model.lines.is_empty();
        if nothing {
            warnings.add("object_without_geometry", id);
            return None;
        }
        Some(model)
    }

    /// Puts a template in place: its own shape, or that of one further up in the file.
    fn instance(&mut self, implicit: &Element, around: &Around, crs: &Crs, walk: &mut Walk) -> Option<()> {
        let relative =
            implicit.children.iter().find(|c| matches!(c.name.as_str(), "relativeGMLGeometry" | "relativeGeometry"))?;
        let faces: Vec<Local> = if let Some(link) = relative.attribute("href") {
            self.templates.get(link.trim_start_matches('#'))?.clone()
        } else {
            let mut shape = Walk::default();
            shape.element(relative, &Around { lod: Some(1.0), ..around.clone() });
            let faces: Vec<Local> =
                shape.polygons.into_iter().map(|p| Local { rings: p.rings, class: p.class, marks: p.marks }).collect();
            if let Some(id) = relative.children.first().and_then(|shape| shape.attribute("id")) {
                self.templates.insert(id.to_owned(), faces.clone());
            }
            faces
        };
        let matrix: Vec<f64> = match implicit.find("transformationMatrix").map(|m| numbers(&m.text)) {
            Some(values) if values.len() == 16 => values,
            Some(_) => return None,
            None => vec![1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        };
        let at = implicit.find("referencePoint")?.find("pos").map(|pos| numbers(&pos.text)).filter(|p| p.len() >= 3)?;
        let north_first = crs.swaps_axes();
        let placed = |v: &[f64; 3]| -> Option<Place> {
            let row = |r: usize| {
                matrix[4 * r] * v[0] + matrix[4 * r + 1] * v[1] + matrix[4 * r + 2] * v[2] + matrix[4 * r + 3]
            };
            // A template's own axes are east and north, whatever the order of the CRS.
            let (x, y) = if north_first { (row(1), row(0)) } else { (row(0), row(1)) };
            let [lon, lat] = crs.lonlat(at[0] + x, at[1] + y)?;
            Some([lon, lat, at[2] + row(2)])
        };
        // Metres cannot be added to degrees.
        if crs.in_degrees() {
            return None;
        }
        for face in faces {
            let rings: Option<Vec<Vec<Place>>> =
                face.rings.iter().map(|ring| ring.iter().map(placed).collect()).collect();
            walk.polygons.push(Polygon {
                ids: Vec::new(),
                lod: around.lod.unwrap_or(1.0),
                part: around.part,
                class: face.class,
                interior: around.interior,
                rings: Vec::new(),
                placed: Some(rings?),
                marks: face.marks,
            });
        }
        Some(())
    }
}

/// The rings of each level of detail of each part of an object that are seen from outside, in the file's coordinates.
pub(super) fn shapes(object: &Element) -> Vec<Vec<Vec<[f64; 3]>>> {
    let mut shapes: BTreeMap<(usize, u64), Vec<Vec<[f64; 3]>>> = BTreeMap::new();
    for polygon in Walk::of(object).polygons.into_iter().filter(|polygon| !polygon.interior) {
        shapes.entry((polygon.part, (polygon.lod * 10.0) as u64)).or_default().extend(polygon.rings);
    }
    shapes.into_values().collect()
}

impl Walk {
    fn of(object: &Element) -> Self {
        let mut walk = Self::default();
        let around =
            Around { lod: None, part: 0, class: None, interior: false, reversed: false, dimension: 3, ids: Vec::new() };
        walk.element(object, &around);
        walk
    }

    fn element(&mut self, element: &Element, around: &Around) {
        let mut here = around.clone();
        let name = element.name.as_str();
        if let Some(lod) = lod_of(name) {
            here.lod = Some(lod);
        }
        if let Some(class) = class_of(name) {
            here.class = Some(class);
        }
        if let Some(dimension) = element.attribute("srsDimension").and_then(|d| d.parse().ok()) {
            here.dimension = dimension;
        }
        if let Some(id) = element.attribute("id") {
            here.ids.push(id.to_owned());
        }
        here.interior |= INTERIOR.contains(&name);
        if name.ends_with("Part") && name.starts_with(|c: char| c.is_uppercase()) {
            self.parts += 1;
            here.part = self.parts;
        }
        match name {
            // Seen where the ground is cut, never drawn; and what is told elsewhere.
            _ if name.ends_with("TerrainIntersection") || name == "Envelope" || name == "appearance" => return,
            "ImplicitGeometry" => return self.instances.push((here, element.clone())),
            "OrientableSurface" => here.reversed ^= element.attribute("orientation") == Some("-"),
            "Polygon" | "PolygonPatch" | "Triangle" | "Rectangle" => return self.polygon(element, &here),
            "Point" if here.lod.is_some() => {
                let point = element.find("pos").map(|pos| positions(&pos.text, here.dimension)).unwrap_or_default();
                return self.points.extend(point);
            }
            "LineString" | "Curve" if here.lod.is_some() => {
                let line: Vec<[f64; 3]> = ring_of(element, here.dimension);
                if line.len() >= 2 {
                    self.lines.push(line);
                }
                return;
            }
            _ => {}
        }
        if let (Some(link), Some(class)) = (element.attribute("href"), here.class) {
            self.linked.insert(link.trim_start_matches('#').to_owned(), class);
        }
        for child in &element.children {
            self.element(child, &here);
        }
    }

    fn polygon(&mut self, element: &Element, around: &Around) {
        let mut rings = Vec::new();
        let mut ids = around.ids.clone();
        ids.extend(element.attribute("id").map(str::to_owned));
        let mut marks = Marks { surfaces: ids.iter().map(|id| name_of(id)).collect(), rings: Vec::new() };
        for (i, boundary) in element
            .children
            .iter()
            .filter(|c| matches!(c.name.as_str(), "exterior" | "interior" | "outerBoundaryIs" | "innerBoundaryIs"))
            .enumerate()
        {
            let whole = ring_of(boundary, around.dimension);
            let mut kept = distinct(&whole);
            if around.reversed {
                kept.reverse();
            }
            if kept.len() >= 3 {
                rings.push(kept.iter().map(|&at| whole[at]).collect());
                let name = boundary.children.first().and_then(|ring| ring.attribute("id")).map(name_of);
                let kept = kept.into_iter().map(|at| at as u32).collect();
                marks.rings.push(Mark { name, count: whole.len() as u32, kept });
            } else {
                self.broken += 1;
                // Without its outer ring there is no surface.
                if i == 0 {
                    return;
                }
            }
        }
        if rings.is_empty() {
            self.broken += 1;
            return;
        }
        self.polygons.push(Polygon {
            ids,
            lod: around.lod.unwrap_or(1.0),
            part: around.part,
            class: around.class,
            interior: around.interior,
            rings,
            placed: None,
            marks,
        });
    }
}

/// Chooses levels of detail as for CityJSON and puts everything on the Earth; true when something has no place there.
fn fill(model: &mut Model, walk: Walk, crs: &Crs, wanted: Option<f64>, id: &str, warnings: &mut Warnings) -> bool {
    let Walk { mut polygons, points, lines, linked, .. } = walk;
    if polygons.iter().any(|p| !p.interior) {
        let before = polygons.len();
        polygons.retain(|p| !p.interior);
        if polygons.len() < before {
            warnings.add("interior_left_out", id);
        }
    }
    let mut unplaced = false;
    let mut place = |[x, y, z]: [f64; 3]| {
        let at = crs.lonlat(x, y);
        unplaced |= at.is_none();
        at.map(|[lon, lat]| [lon, lat, z])
    };
    let mut by_part: BTreeMap<usize, BTreeMap<u64, Vec<Face>>> = BTreeMap::new();
    for polygon in polygons {
        let class = polygon.class.or_else(|| polygon.ids.iter().rev().find_map(|id| linked.get(id).copied()));
        let rings: Option<Vec<Vec<Place>>> = match polygon.placed {
            Some(rings) => Some(rings),
            None => polygon.rings.iter().map(|ring| ring.iter().map(|p| place(*p)).collect()).collect(),
        };
        let Some(rings) = rings else { continue };
        let face = Face { rings, class, color: None, drape: None, marks: Some(Box::new(polygon.marks)) };
        by_part.entry(polygon.part).or_default().entry((polygon.lod * 10.0) as u64).or_default().push(face);
    }
    let mut turned = false;
    by_part.values_mut().flat_map(BTreeMap::values_mut).for_each(|faces| turned |= winding::turn(faces));
    if turned {
        winding::turned(id, warnings);
    }
    for levels in by_part.into_values() {
        let solid = || levels.keys().copied().filter(|lod| *lod >= 10);
        let highest = solid().max();
        let near = wanted.map(|lod| (lod * 10.0).round() as u64).filter(|lod| levels.contains_key(lod)).or(highest);
        let far = near.and_then(|near| solid().filter(|lod| *lod < near).min());
        for (lod, faces) in levels {
            if lod < 10 {
                model.footprint.extend(faces);
            } else if Some(lod) == near {
                model.near.push(faces);
            } else if Some(lod) == far {
                model.far.push(faces);
            }
        }
    }
    if !model.near.is_empty() {
        model.footprint.clear();
    }
    if model.near.is_empty() && model.footprint.is_empty() {
        model.points = points.into_iter().filter_map(&mut place).collect();
        model.lines = lines.iter().map(|line| line.iter().filter_map(|p| place(*p)).collect()).collect();
        model.lines.retain(|line: &Vec<Place>| line.len() >= 2);
    }
    unplaced
}

/// `lod2MultiSurface` → 2; CityGML 2's `lod0FootPrint` is 0.
fn lod_of(name: &str) -> Option<f64> {
    let digit = name.strip_prefix("lod")?.chars().next()?.to_digit(10)?;
    Some(f64::from(digit.min(4)))
}

fn class_of(name: &str) -> Option<SurfaceClass> {
    Some(match name {
        "RoofSurface" | "OuterFloorSurface" => SurfaceClass::Roof,
        "WallSurface" => SurfaceClass::Wall,
        "GroundSurface" => SurfaceClass::Ground,
        "Window" | "WindowSurface" => SurfaceClass::Window,
        "Door" | "DoorSurface" => SurfaceClass::Door,
        "ClosureSurface" | "OuterCeilingSurface" => SurfaceClass::Other,
        _ => return None,
    })
}

/// What CityJSON calls the same kind of object.
fn kind(name: &str) -> &str {
    match name {
        "ReliefFeature" | "TINRelief" => "TINRelief",
        "Track" | "Square" => "TransportSquare",
        "GenericOccupiedSpace" | "GenericUnoccupiedSpace" | "GenericLogicalSpace" => "GenericCityObject",
        other => other,
    }
}

/// Positions of a ring or line, whichever way they are written.
fn ring_of(element: &Element, dimension: usize) -> Vec<[f64; 3]> {
    let mut found = Vec::new();
    collect(element, dimension, &mut found);
    found
}

fn collect(element: &Element, dimension: usize, out: &mut Vec<[f64; 3]>) {
    let dimension = element.attribute("srsDimension").and_then(|d| d.parse().ok()).unwrap_or(dimension);
    match element.name.as_str() {
        "posList" | "pos" => out.extend(positions(&element.text, dimension)),
        // GML 2: commas within a position, blanks between positions.
        "coordinates" => out.extend(element.text.split_whitespace().filter_map(|position| {
            let values = numbers(&position.replace(',', " "));
            (values.len() >= 2).then(|| [values[0], values[1], values.get(2).copied().unwrap_or(0.0)])
        })),
        _ => element.children.iter().for_each(|child| collect(child, dimension, out)),
    }
}

fn positions(text: &str, dimension: usize) -> Vec<[f64; 3]> {
    let values = numbers(text);
    let dimension = if dimension == 2 { 2 } else { 3 };
    values.chunks_exact(dimension).map(|p| [p[0], p[1], p.get(2).copied().unwrap_or(0.0)]).collect()
}

pub(super) fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().map(|word| word.parse().unwrap_or(f64::NAN)).collect()
}

fn number(element: &Element) -> Option<f64> {
    element.trimmed()?.parse().ok().filter(|value: &f64| value.is_finite() && *value > 0.0)
}

fn short(id: &str) -> String {
    id.chars().take(120).collect()
}

/// Names that hold no attribute of the object.
const STRUCTURAL: [&str; 8] = [
    "boundedBy",
    "boundary",
    "externalReference",
    "creationDate",
    "opening",
    "cityObject",
    "metaDataProperty",
    "adeHook",
];

/// Simple children, generic attributes, the name and the first address.
fn tags(object: &Element, id: &str, input: &Input) -> Tags {
    let mut tags = Tags { id: id.into(), ..Tags::default() };
    for child in &object.children {
        let name = child.name.as_str();
        if child.children.is_empty() {
            let Some(text) = child.trimmed() else { continue };
            let is_name = input.name.as_deref().unwrap_or("name") == name;
            if is_name && tags.name.is_none() {
                tags.name = Some(text.to_owned());
            } else if !STRUCTURAL.contains(&name) {
                tags.more.insert_new(name, value(text));
            }
            continue;
        }
        if name.ends_with("Attribute") || name == "genericAttribute" {
            generic(child, &mut tags);
        }
    }
    tags.address = address(object);
    tags
}

/// CityGML 2: `<stringAttribute name="x"><value>`; 3: `<genericAttribute><StringAttribute><name>x</name><value>`.
fn generic(element: &Element, tags: &mut Tags) {
    let holder = if element.name == "genericAttribute" { element.children.first() } else { Some(element) };
    let Some(holder) = holder else { return };
    let child = |name: &str| holder.children.iter().find(|c| c.name == name).and_then(Element::trimmed);
    let name = holder.attribute("name").or_else(|| child("name"));
    if let (Some(name), Some(text)) = (name, child("value")) {
        tags.more.insert(&short(name), value(text));
    }
}

fn value(text: &str) -> Property {
    match text.parse::<f64>() {
        // `0123` and `007` are codes.
        Ok(number) if number.is_finite() && (!text.starts_with('0') || text.len() == 1 || text.starts_with("0.")) => {
            text.parse().map_or(Property::Number(number), Property::Integer)
        }
        _ => Property::Text(text.to_owned()),
    }
}

fn address(object: &Element) -> Option<String> {
    let address = object.find("Address")?;
    let street = address.find("ThoroughfareName").or_else(|| address.find("NameElement"))?.trimmed()?;
    let number = address.find("ThoroughfareNumber").or_else(|| address.find("Number")).and_then(Element::trimmed);
    Some(match number {
        Some(number) => format!("{street} {number}"),
        None => street.to_owned(),
    })
}
