//! CityJSON 1.0, 1.1, 2.0 (<https://www.cityjson.org/specs/>) and CityJSONSeq → [`Model`]s.
//!
//! `geometry` reads boundaries, semantics and materials; `things` puts models on the ground. Of each object, the
//! geometry of the highest level of detail (or of that which was asked for) is drawn from near, that of the lowest
//! from 1.0 on from afar. What is inside of buildings is left out as long as there is something outside.

mod document;
mod geometry;
mod things;
mod vertices;

pub(super) use document::Document;
pub(super) use geometry::{distinct, material_color};
pub(super) use things::add;

use super::citygml::Marks;
use super::crs::{AxisOrder, Crs};
use super::feature::property;
use super::json::Reading;
use super::model::{Drape, Property, SurfaceClass, Tags, Warnings};
use super::osm::tags::is_language;
use super::picture::Pictures;
use super::source::{Fault, Gathered, Input};
use super::winding::{Ballot, Waiting};
use citytwin_manifest::Attribution;
use document::{Object, Objects};
use geometry::{Appearance, Found, Frame, Templates, Transform};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use vertices::VertexList;

/// Longitude and latitude in degrees, and height as the source has it, metres.
pub(super) type Place = [f64; 3];

/// A plane piece of a surface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Face {
    /// Outer ring and holes, open.
    pub(super) rings: Vec<Vec<Place>>,
    /// What its semantics say; absent: to be seen from where it faces.
    pub(super) class: Option<SurfaceClass>,
    /// Its material's colour, sRGB and alpha.
    pub(super) color: Option<[u8; 4]>,
    /// What it shows; as many points as its rings have.
    pub(super) drape: Option<Box<Drape>>,
    /// How appearances that come later know it, while a CityGML file is read.
    pub(super) marks: Option<Box<Marks>>,
}

impl Face {
    /// Lets it look the other way.
    pub(super) fn turn(&mut self) {
        self.rings.iter_mut().for_each(|ring| ring.reverse());
        self.drape.iter_mut().flat_map(|drape| &mut drape.uvs).for_each(|uvs| uvs.reverse());
        self.marks.iter_mut().for_each(|marks| marks.turn());
    }
}

/// One root object with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Model {
    pub(super) tags: Tags,
    /// Type of the root (`Building`, `+NoiseBuilding`).
    pub(super) kind: String,
    /// Faces of each object, as seen from near.
    pub(super) near: Vec<Vec<Face>>,
    /// The same from afar; empty where the source has no such level of detail.
    pub(super) far: Vec<Vec<Face>>,
    /// Its footprint (level of detail 0), where there is nothing higher.
    pub(super) footprint: Vec<Face>,
    pub(super) points: Vec<Place>,
    pub(super) lines: Vec<Vec<Place>>,
    /// Attributes that tell a height where there is only a footprint: metres, and number of floors.
    pub(super) height_m: Option<f64>,
    pub(super) storeys: Option<f64>,
}

impl Model {
    /// Calls with every position, degrees.
    pub(super) fn each_position(&self, take: &mut dyn FnMut([f64; 2])) {
        let faces = self.near.iter().chain(&self.far).flatten().chain(&self.footprint);
        let rings = faces.flat_map(|face| &face.rings).chain(&self.lines);
        rings.flatten().chain(&self.points).for_each(|&[lon, lat, _]| take([lon, lat]));
    }
}

/// Why a feature cannot be read.
pub(super) const WITHOUT_HEADER: &str =
    "a CityJSONFeature without the line of type \"CityJSON\" before it: the file is a piece of one";

/// What is carried through a file.
#[derive(Default)]
pub(super) struct State {
    header: Option<Header>,
    /// Features by their lines that wait until it is known which of their axes is which.
    waiting: Option<Waiting<(u64, Vec<u8>)>>,
}

/// The first line of a CityJSONSeq, or what a whole document says about itself.
struct Header {
    crs: Option<Arc<Crs>>,
    /// Why there is none.
    without_crs: String,
    transform: Transform,
    appearance: Appearance,
    templates: Templates,
}

/// Takes a `CityJSON` object: a whole city, or the first line of a sequence.
///
/// # Errors
/// When it is of a version that is not supported, or has objects but no CRS; or when features before it are broken.
pub(super) fn document(
    input: &Input,
    document: Document,
    line: u64,
    reading: &mut Reading,
    gathered: &mut Gathered,
) -> Result<(), Fault> {
    check_version(document.version.as_ref()).map_err(|message| Fault::new(format!("line {line}"), message))?;
    for name in document.extensions.iter().flat_map(Map::keys) {
        gathered.warnings.add("extension_not_known", name.chars().take(80).collect::<String>());
    }
    let (crs, without_crs) = crs_of(input, document.metadata.as_ref());
    source_of(document.metadata.as_ref(), gathered);
    finish(input, reading, gathered)?;
    let mut header = Header {
        crs,
        without_crs,
        transform: document.transform.unwrap_or_default(),
        appearance: document.appearance.unwrap_or_default(),
        templates: document.templates.unwrap_or_default(),
    };
    let state = &mut reading.cityjson;
    if let (None, Some(crs)) = (input.axis_order, &header.crs) {
        if document.objects.is_empty() {
            state.waiting = Some(Waiting::new());
        } else {
            let mut ballot = Ballot::default();
            vote(&mut ballot, crs, &header.transform, &document.objects, &document.vertices);
            header.crs = Some(ballot.decide(crs.clone(), input.stem(), &mut gathered.warnings));
        }
    }
    let result = models(input, &header, None, &document.objects, &document.vertices, gathered);
    state.header = Some(header);
    result
}

/// Lets the shapes of objects say which of their axes is which.
fn vote(ballot: &mut Ballot, crs: &Crs, transform: &Transform, objects: &Objects, vertices: &VertexList) {
    for object in objects.all() {
        if ballot.is_full() {
            return;
        }
        ballot.object();
        let Some(object) = object.filter(|object| !is_interior(&object.kind)) else { continue };
        for geometry in object.geometry.iter().flatten() {
            ballot.shape(crs, &geometry::rings_of(geometry, transform, vertices));
        }
    }
}

/// Settles the order of axes, and reads features that have waited for it.
///
/// # Errors
/// As [`feature`].
pub(super) fn finish(input: &Input, reading: &mut Reading, gathered: &mut Gathered) -> Result<(), Fault> {
    let Some(Waiting { ballot, held, .. }) = reading.cityjson.waiting.take() else { return Ok(()) };
    if let Some(header) = &mut reading.cityjson.header {
        header.crs = header.crs.take().map(|crs| ballot.decide(crs, input.stem(), &mut gathered.warnings));
    }
    held.iter().try_for_each(|(line, text)| feature(input, text, *line, reading, gathered).map(|_| ()))
}

/// Reads a `CityJSONFeature`; false when this is none.
///
/// # Errors
/// When no `CityJSON` line came before it, or that names no CRS.
pub(super) fn feature(
    input: &Input,
    text: &[u8],
    line: u64,
    reading: &mut Reading,
    gathered: &mut Gathered,
) -> Result<bool, Fault> {
    #[derive(Deserialize)]
    struct Feature<'a> {
        #[serde(rename = "type")]
        kind: String,
        #[serde(rename = "CityObjects", borrow, default)]
        objects: BTreeMap<String, &'a RawValue>,
        #[serde(default)]
        vertices: VertexList,
        #[serde(default)]
        appearance: Option<Appearance>,
    }
    let Ok(feature) = serde_json::from_slice::<Feature<'_>>(text) else { return Ok(false) };
    if feature.kind != "CityJSONFeature" {
        return Ok(false);
    }
    let objects = Objects::of_feature(feature.objects);
    let Some(header) = &reading.cityjson.header else {
        return Err(Fault::new(format!("line {line}"), WITHOUT_HEADER));
    };
    if let (Some(waiting), Some(crs)) = (&mut reading.cityjson.waiting, &header.crs) {
        vote(&mut waiting.ballot, crs, &header.transform, &objects, &feature.vertices);
        if waiting.hold((line, text.to_vec()), text.len()) {
            finish(input, reading, gathered)?;
        }
        return Ok(true);
    }
    models(input, header, feature.appearance.as_ref(), &objects, &feature.vertices, gathered)?;
    Ok(true)
}

fn check_version(version: Option<&Value>) -> Result<(), String> {
    let text = match version {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err("CityJSON without a version".into()),
    };
    if ["1.0", "1.1", "2.0"].iter().any(|known| text == *known || text.starts_with(&format!("{known}."))) {
        return Ok(());
    }
    let text: String = text.chars().take(40).collect();
    Err(format!("CityJSON {text} is not supported: versions 1.0, 1.1 and 2.0 are"))
}

/// The CRS that the file names, else that of the input; else why there is none.
fn crs_of(input: &Input, metadata: Option<&Map<String, Value>>) -> (Option<Arc<Crs>>, String) {
    let named = metadata.and_then(|m| m.get("referenceSystem")).and_then(Value::as_str);
    let parsed = named.map(|name| input.crs(name, AxisOrder::Authority));
    match (parsed, &input.crs) {
        (Some(Ok(crs)), _) => (Some(Arc::new(crs)), String::new()),
        (_, Some(name)) => match input.crs(name, AxisOrder::Authority) {
            Ok(crs) => (Some(Arc::new(crs)), String::new()),
            Err(error) => (None, error.to_string()),
        },
        (Some(Err(error)), None) => (None, format!("{error}; say with --crs which one is meant")),
        (None, None) => {
            let message = "the file names no coordinate reference system: say which it is, for example --crs EPSG:7415";
            (None, message.into())
        }
    }
}

/// Title and owner of the data.
fn source_of(metadata: Option<&Map<String, Value>>, gathered: &mut Gathered) {
    let Some(metadata) = metadata else { return };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let contact = metadata.get("pointOfContact");
    let name = text(contact.and_then(|c| c.get("contactName"))).filter(|name| !name.trim().is_empty());
    let title = text(metadata.get("title")).filter(|title| !title.trim().is_empty());
    if let Some(name) = name.or(title) {
        let url = text(contact.and_then(|c| c.get("website")));
        gathered.attribute(Attribution { text: format!("© {name}"), url, license: None });
    }
}

/// Reads objects with the vertices that they share.
fn models(
    input: &Input,
    header: &Header,
    own: Option<&Appearance>,
    objects: &Objects,
    vertices: &VertexList,
    gathered: &mut Gathered,
) -> Result<(), Fault> {
    for (id, error) in objects.unreadable() {
        gathered.warnings.add("object_unreadable", format!("{}: {error}", short(id)));
    }
    if !objects.have_geometry() {
        objects.ids().for_each(|id| gathered.warnings.add("object_without_geometry", short(id)));
        return Ok(());
    }
    let Some(crs) = &header.crs else { return Err(Fault::new(input.stem(), header.without_crs.clone())) };
    let frame = Frame {
        crs,
        transform: &header.transform,
        vertices,
        appearance: own.unwrap_or(&header.appearance),
        templates: &header.templates,
        template_appearance: &header.appearance,
        lod: input.lod,
        plain: input.plain,
    };
    for root in objects.roots() {
        let family = objects.family(root);
        gathered.models.extend(model(input, &family, &frame, &mut gathered.pictures, &mut gathered.warnings));
    }
    Ok(())
}

/// An id that is fit to be shown.
fn short(id: &str) -> String {
    id.chars().take(120).collect()
}

/// What is inside, and only seen when there is nothing around it.
fn is_interior(kind: &str) -> bool {
    matches!(
        kind,
        "BuildingRoom"
            | "BuildingFurniture"
            | "BuildingStorey"
            | "BuildingUnit"
            | "BridgeRoom"
            | "BridgeFurniture"
            | "TunnelHollowSpace"
            | "TunnelFurniture"
    )
}

/// A root with all that belongs to it; nothing, and a counted warning, when there is nothing to draw.
fn model(
    input: &Input,
    family: &[(&str, Cow<'_, Object>)],
    frame: &Frame<'_>,
    pictures: &mut Pictures,
    warnings: &mut Warnings,
) -> Option<Model> {
    let (id, root) = family.first()?;
    let mut found: Vec<(&str, Found)> = Vec::new();
    for (id, object) in family {
        let own = frame.read(&short(id), object.geometry.as_deref().unwrap_or_default(), pictures, warnings);
        if !own.is_empty() {
            found.push((&object.kind, own));
        }
    }
    if found.iter().any(|(kind, _)| !is_interior(kind)) {
        let before = found.len();
        found.retain(|(kind, _)| !is_interior(kind));
        if found.len() < before {
            warnings.add("interior_left_out", short(id));
        }
    }
    let number = |keys: &[&str]| number(root.attributes.as_ref()?, keys);
    let mut model = Model {
        tags: tags(input, (id, root), family),
        kind: root.kind.clone(),
        near: Vec::new(),
        far: Vec::new(),
        footprint: Vec::new(),
        points: Vec::new(),
        lines: Vec::new(),
        height_m: number(&["measuredHeight", "height", "b3_h_max"]),
        storeys: number(&["storeysAboveGround", "b3_bouwlagen"]),
    };
    for (_, own) in found {
        model.near.extend((!own.near.is_empty()).then_some(own.near));
        model.far.extend((!own.far.is_empty()).then_some(own.far));
        model.footprint.extend(own.footprint);
        model.points.extend(own.points);
        model.lines.extend(own.lines);
    }
    if !model.near.is_empty() {
        model.footprint.clear();
    }
    let nothing =
        model.near.is_empty() && model.footprint.is_empty() && model.points.is_empty() && model.lines.is_empty();
    if nothing {
        warnings.add("object_without_geometry", short(id));
        return None;
    }
    Some(model)
}

fn number(attributes: &BTreeMap<String, Value>, keys: &[&str]) -> Option<f64> {
    keys.iter().find_map(|key| attributes.get(*key)?.as_f64()).filter(|n| n.is_finite() && *n > 0.0)
}

/// Attributes of the root; where a single part has more, those too.
fn tags(input: &Input, (id, root): (&str, &Object), family: &[(&str, Cow<'_, Object>)]) -> Tags {
    let mut tags = Tags { id: short(id), address: address(root.address.as_ref()), ..Tags::default() };
    let parts = family.iter().skip(1).filter(|(_, object)| !is_interior(&object.kind));
    let only_part = parts.clone().map(|(_, part)| part).next().filter(|_| parts.clone().count() == 1);
    let own = root.attributes.iter().chain(only_part.and_then(|part| part.attributes.as_ref())).flatten();
    for (key, value) in own {
        let Some(value) = property(value) else { continue };
        match (&value, key.as_str()) {
            (Property::Text(name), key) if input.name.as_deref().unwrap_or("name") == key => {
                tags.name.get_or_insert_with(|| name.clone());
            }
            (Property::Text(name), key) if key.strip_prefix("name:").is_some_and(is_language) => {
                tags.names.entry(key[5..].to_owned()).or_insert_with(|| name.clone());
            }
            _ => {
                tags.more.insert_new(key, value);
            }
        }
    }
    let count = parts.count();
    if count > 1 {
        tags.more.insert("parts", Property::Integer(count as i64));
    }
    tags
}

/// Street and number of the first address, in the words that CityGML and most others use.
fn address(value: Option<&Value>) -> Option<String> {
    let first = match value? {
        Value::Array(all) => all.first()?,
        one => one,
    };
    let part = |keys: &[&str]| {
        let find = |wanted: &str| {
            let object = first.as_object()?;
            object.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
        };
        keys.iter().find_map(|key| match find(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let street = part(&["thoroughfareName", "street", "streetName"])?;
    Some(match part(&["thoroughfareNumber", "streetNumber", "houseNumber", "number"]) {
        Some(number) => format!("{street} {number}"),
        None => street,
    })
}
