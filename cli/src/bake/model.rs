//! The city between input and output: things with footprints and properties, not yet triangles.
//!
//! Positions are metres east and north of [`City::origin`] (ENU of the point on the ellipsoid); heights are metres
//! above the ground, which is the ellipsoid, or lies [`City::relief`] above it. Colours are sRGB.

use citytwin_geo::{EnuFrame, Geodetic, LonLatRect};
use citytwin_manifest::{Attribution, PropertyWords};
use glam::{DVec2, DVec3};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::picture::Picture;
use super::terrain::Relief;

/// A city read from any input. Things are in a deterministic order: by kind and numeric id of the source.
#[derive(Clone, Debug)]
pub struct City {
    /// Origin of the metres; the centre of `extent`, height 0.
    pub origin: Geodetic,
    /// What the input says it covers (its header), else the box around everything; degrees.
    pub extent: LonLatRect,
    /// Name of the city where the input has one.
    pub title: Option<String>,
    /// Whom the inputs ask to be named.
    pub attribution: Vec<Attribution>,
    /// Words for properties, by property id, besides those of the built-in list.
    pub words: BTreeMap<String, PropertyWords>,
    /// Buildings.
    pub buildings: Vec<Building>,
    /// What stands and is no building: bridges, walls, masts, relief. Drawn as buildings are.
    pub structures: Vec<Building>,
    /// Flat areas: land use, green, water.
    pub areas: Vec<Area>,
    /// Linear things: roads, paths, rails.
    pub ways: Vec<Way>,
    /// Small things at a point.
    pub points: Vec<PointThing>,
    /// The heights of the ground; absent where it is level.
    pub relief: Option<Relief>,
    /// Named places without geometry of their own here (cafés, shops, addresses): for search only.
    pub places: Vec<Place>,
    /// Insides of its buildings.
    pub venues: Vec<Venue>,
    /// What surfaces show, as [`Drape::picture`] counts them.
    pub pictures: Vec<Picture>,
    /// What was wrong with the input: code → count and the first examples.
    pub warnings: Warnings,
}

impl City {
    /// A city without anything in it.
    pub fn on(origin: Geodetic, extent: LonLatRect) -> Self {
        Self {
            origin,
            extent,
            title: None,
            attribution: Vec::new(),
            words: BTreeMap::new(),
            buildings: Vec::new(),
            structures: Vec::new(),
            areas: Vec::new(),
            ways: Vec::new(),
            points: Vec::new(),
            relief: None,
            places: Vec::new(),
            venues: Vec::new(),
            pictures: Vec::new(),
            warnings: Warnings::default(),
        }
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.buildings.is_empty()
            && self.structures.is_empty()
            && self.areas.is_empty()
            && self.ways.is_empty()
            && self.points.is_empty()
    }
}

/// A polygon with holes. Rings are open (the last point is not the first); outer counter-clockwise, holes clockwise;
/// no repeated points, no self-intersection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Polygon {
    /// Outer ring.
    pub outer: Vec<DVec2>,
    /// Holes.
    pub holes: Vec<Vec<DVec2>>,
}

/// What every thing has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tags {
    /// Stable id from the source: `way/123`, `relation/5`, `node/7`.
    pub id: String,
    /// Name in the city's own language.
    pub name: Option<String>,
    /// Names by language tag.
    pub names: BTreeMap<String, String>,
    /// Street and house number.
    pub address: Option<String>,
    /// Any further properties worth keeping (`levels`, `operator`, `surface`), by property id in snake_case.
    pub more: Properties,
}

/// A property's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Property {
    /// Text.
    Text(String),
    /// Number, in the unit that the property's id names.
    Number(f64),
    /// Whole number, in the unit that the property's id names.
    Integer(i64),
    /// Whether it is so.
    Flag(bool),
}

impl Property {
    /// A number, whole or not.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Integer(number) => Some(*number as f64),
            Self::Text(_) | Self::Flag(_) => None,
        }
    }
}

/// As a person reads it.
impl std::fmt::Display for Property {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Number(number) => number.fmt(out),
            Self::Integer(number) => number.fmt(out),
            Self::Flag(yes) => out.write_str(if *yes { "yes" } else { "no" }),
        }
    }
}

/// Properties by id. A few each of very many things: a sorted list takes a quarter of the memory of a map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Properties(Vec<(Box<str>, Property)>);

impl Properties {
    fn find(&self, id: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(id))
    }

    /// Sets a property.
    pub fn insert(&mut self, id: &str, property: Property) {
        match self.find(id) {
            Ok(at) => self.0[at].1 = property,
            Err(at) => self.0.insert(at, (id.into(), property)),
        }
    }

    /// Sets a property that is not there yet.
    pub fn insert_new(&mut self, id: &str, property: Property) {
        if let Err(at) = self.find(id) {
            self.0.insert(at, (id.into(), property));
        }
    }

    /// A property.
    pub fn get(&self, id: &str) -> Option<&Property> {
        self.find(id).ok().map(|at| &self.0[at].1)
    }

    /// All of them, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Property)> {
        self.0.iter().map(|(id, property)| (&**id, property))
    }
}

impl<const N: usize> From<[(&str, Property); N]> for Properties {
    fn from(properties: [(&str, Property); N]) -> Self {
        let mut all = Self::default();
        properties.into_iter().for_each(|(id, property)| all.insert(id, property));
        all
    }
}

/// One building: one feature, made of one or more solids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Building {
    /// Id, name, address, properties.
    pub tags: Tags,
    /// What kind (`building=*`): `apartments`, `church`, `yes`.
    pub class: String,
    /// The whole footprint, for coarse levels of detail and for "what is here".
    pub outline: Vec<Polygon>,
    /// Its `building:part`s, else its outline, as prisms: what is drawn where there are no surfaces, and from afar.
    pub solids: Vec<Solid>,
    /// Its surfaces, where the source has a model of it: what is drawn from near.
    pub surfaces: Vec<Surface>,
    /// Height of its highest point, metres above ground.
    pub height_m: f64,
    /// Where the height comes from.
    pub height_source: HeightSource,
}

/// Where a building's height comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeightSource {
    /// `height=*`.
    Tagged,
    /// `building:levels=*`.
    Levels,
    /// From its type and neighbours.
    Estimated,
}

/// A plane piece of a model's surface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Surface {
    /// East, north, above ground, metres. The outer ring is counter-clockwise seen from outside, then come its holes;
    /// open.
    pub rings: Vec<Vec<DVec3>>,
    /// What it is a piece of.
    pub class: SurfaceClass,
    /// sRGB and alpha; absent: by its class. Where it shows a picture, about the colour of that.
    pub color: Option<[u8; 4]>,
    /// What it shows.
    pub drape: Option<Box<Drape>>,
}

/// The part of a picture that a surface shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drape {
    /// Index into [`City::pictures`].
    pub picture: u32,
    /// For each point of each ring: right and up from the picture's lower left corner, in pictures.
    pub uvs: Vec<Vec<[f32; 2]>>,
}

/// What a surface is a piece of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum SurfaceClass {
    Roof,
    Wall,
    /// The underside on the ground: never seen.
    Ground,
    Window,
    Door,
    Other,
}

/// A prism with a roof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solid {
    /// Its footprint.
    pub footprint: Polygon,
    /// Underside, metres above ground.
    pub base_m: f64,
    /// Top of the roof, metres above ground; above `base_m`.
    pub top_m: f64,
    /// Its roof.
    pub roof: Roof,
    /// Wall colour, sRGB.
    pub wall_color: [u8; 3],
    /// Roof colour, sRGB.
    pub roof_color: [u8; 3],
}

/// A roof; its height is part of the solid's height.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roof {
    /// Shape (`roof:shape`).
    pub shape: RoofShape,
    /// From the eaves to the top, metres; 0 for flat; at most `top_m - base_m`.
    pub height_m: f64,
    /// Compass bearing that the roof faces down to (skillion) or that the ridge lies along (gabled, hipped), degrees;
    /// absent: the ridge lies along the longer side of the footprint.
    pub direction_deg: Option<f64>,
    /// `roof:orientation=across`: the ridge lies across the longer side.
    pub across: bool,
}

/// `roof:shape`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum RoofShape {
    Flat,
    Gabled,
    Hipped,
    Pyramidal,
    Skillion,
    Dome,
}

/// A flat area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// Id, name, properties.
    pub tags: Tags,
    /// What covers it.
    pub class: AreaClass,
    /// Where.
    pub polygons: Vec<Polygon>,
}

/// What covers an area, in drawing order: later ones lie on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum AreaClass {
    Residential,
    Commercial,
    Industrial,
    Sand,
    Grass,
    Park,
    Wood,
    Pitch,
    Plaza,
    Parking,
    Water,
    /// Piers and the like, above water.
    Pier,
}

/// A linear thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Way {
    /// Id, name, properties.
    pub tags: Tags,
    /// What it is.
    pub class: WayClass,
    /// Its centre line, two points or more, clipped to the extent.
    pub line: Vec<DVec2>,
    /// Full width, metres.
    pub width_m: f64,
    /// Height above ground, metres: 0, or that of a bridge's deck.
    pub deck_m: f64,
    /// A bridge: drawn with a deck that has thickness.
    pub bridge: bool,
}

/// What a way is, in drawing order: later ones lie on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum WayClass {
    Steps,
    Path,
    Footway,
    Cycleway,
    Pedestrian,
    Service,
    Residential,
    Tertiary,
    Secondary,
    Primary,
    Trunk,
    Motorway,
    Rail,
    Tram,
    /// Streams and canals drawn as lines.
    Waterway,
}

/// A small thing at a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointThing {
    /// Id, name, properties.
    pub tags: Tags,
    /// What it is.
    pub class: PointClass,
    /// Where.
    pub position: DVec2,
    /// Compass bearing it faces, degrees, where known.
    pub direction_deg: Option<f64>,
    /// Its height, metres, where known.
    pub height_m: Option<f64>,
}

/// What a small thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum PointClass {
    Tree,
    StreetLamp,
    TrafficSignal,
    Camera,
    Hydrant,
    Stop,
    Entrance,
    Bench,
    WasteBasket,
    Bollard,
}

/// A findable place that is not drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Id, name, address.
    pub tags: Tags,
    /// What it is (`cafe`, `museum`, `address`).
    pub category: String,
    /// Where.
    pub position: DVec2,
}

/// The inside of a building.
#[derive(Clone, Debug, PartialEq)]
pub struct Venue {
    /// That of its input.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Number, name and metres above the ground floor of each floor, lowest first.
    pub floors: Vec<(i16, String, f64)>,
    /// Name and bytes of its files.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Counted warnings, each with its first examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Warnings(pub BTreeMap<String, Warning>);

/// One kind of warning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Warning {
    /// How often.
    pub count: u64,
    /// The first three, as `id: what was found`.
    pub examples: Vec<String>,
}

impl Warnings {
    /// Counts a warning.
    pub fn add(&mut self, code: &str, example: impl Into<String>) {
        let warning = self.0.entry(code.to_owned()).or_default();
        warning.count += 1;
        if warning.examples.len() < 3 {
            warning.examples.push(example.into());
        }
    }

    /// Counts those of another list too.
    pub fn absorb(&mut self, other: Self) {
        for (code, warning) in other.0 {
            let mine = self.0.entry(code).or_default();
            mine.count += warning.count;
            let room = 3 - mine.examples.len().min(3);
            mine.examples.extend(warning.examples.into_iter().take(room));
        }
    }
}

/// The border of an extent in metres east and north of `origin`: open, counter-clockwise, from the south-western
/// corner. Long sides have points in between, because a parallel is curved in the plane (14 m over 50 km at 30°N).
pub fn extent_outline(extent: &LonLatRect, origin: Geodetic) -> Vec<DVec2> {
    /// Longest side of a step, degrees: bends by less than a centimetre up to 60° of latitude.
    const STEP_DEG: f64 = 0.01;
    let frame = EnuFrame::new(origin);
    let LonLatRect { west, south, east, north } = *extent;
    let corners = [[west, south], [east, south], [east, north], [west, north]];
    let mut outline = Vec::new();
    for (i, from) in corners.iter().enumerate() {
        let to = corners[(i + 1) % 4];
        let steps = ((to[0] - from[0]).abs().max((to[1] - from[1]).abs()) / STEP_DEG).ceil().clamp(1.0, 2048.0);
        for step in 0..steps as u32 {
            let t = f64::from(step) / steps;
            let (lon, lat) = (from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t);
            outline.push(frame.enu_from_geodetic(Geodetic::from_degrees(lon, lat, 0.0)).truncate());
        }
    }
    outline
}
