//! GeoJSON (RFC 7946, and what was usual before it) → [`Feature`]s.

use super::crs::{AxisOrder, Crs};
use super::feature::vocabulary::{Shape, translate};
use super::feature::{Feature, Geometry};
use super::json::Reading;
use super::osm::ground::LonLat;
use super::source::{Fault, Gathered, Input};
use super::twin;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::de::Read;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What is carried through a file.
#[derive(Default)]
pub(super) struct State {
    /// CRS that the file names, or that a person named.
    crs: Option<Arc<Crs>>,
    /// Whether `crs` is only the default.
    assumed: bool,
    features: u64,
    placed: u64,
    /// Coordinates that have no place on the Earth in this CRS.
    unplaced: Option<[f64; 2]>,
}

impl State {
    /// The CRS, looked up when it is first asked for.
    fn crs(&mut self, input: &Input) -> Result<Arc<Crs>, String> {
        if self.crs.is_none() {
            self.assumed = input.crs.is_none();
            let name = input.crs.as_deref().unwrap_or("CRS84");
            self.crs = Some(Arc::new(input.crs(name, AxisOrder::EastNorth).map_err(|error| error.to_string())?));
        }
        Ok(self.crs.clone().expect("just set"))
    }

    /// The CRS that the file names.
    ///
    /// # Errors
    /// When it is not known, in words.
    pub(super) fn name(&mut self, crs: &str, input: &Input) -> Result<(), String> {
        self.crs = Some(Arc::new(input.crs(crs, AxisOrder::EastNorth).map_err(|error| error.to_string())?));
        self.assumed = false;
        Ok(())
    }

    /// # Errors
    /// When nothing of the file has a place, because its CRS is another.
    pub(super) fn finish(&self, input: &Input) -> Result<(), Fault> {
        let (Some([x, y]), 0) = (self.unplaced, self.placed) else { return Ok(()) };
        let name = self.crs.as_deref().map_or("CRS84", Crs::name);
        let why = if self.assumed {
            format!(
                "coordinates such as {x}, {y} are no longitude and latitude, and the file names no coordinate \
                 reference system: say which it is, for example --crs EPSG:25832"
            )
        } else {
            format!("coordinates such as {x}, {y} lie nowhere in {name}: is the coordinate reference system right?")
        };
        Err(Fault::new(input.stem(), why))
    }
}

#[derive(Deserialize)]
struct RawFeature<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    geometry: Option<RawGeometry>,
    #[serde(default)]
    properties: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
pub(super) struct RawGeometry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    coordinates: Option<Coordinates>,
    #[serde(default)]
    geometries: Vec<RawGeometry>,
}

impl RawGeometry {
    /// One of a kind that has coordinates, by GeoJSON's name.
    pub(super) fn new(kind: &str, coordinates: Coordinates) -> Self {
        Self { kind: kind.into(), coordinates: Some(coordinates), geometries: Vec::new() }
    }

    /// Several, of any kinds.
    pub(super) fn collection(geometries: Vec<Self>) -> Self {
        Self { kind: "GeometryCollection".into(), coordinates: None, geometries }
    }

    /// Adds all positions of it, in order.
    pub(super) fn add_positions(&self, to: &mut Vec<[f64; 2]>) {
        self.coordinates.iter().for_each(|coordinates| coordinates.add_positions(to));
        self.geometries.iter().for_each(|geometry| geometry.add_positions(to));
    }

    /// Its coordinates; nothing for a collection.
    pub(super) fn into_coordinates(self) -> Option<Coordinates> {
        self.coordinates
    }
}

/// A position, or a list of lists of positions to any depth that JSON is read to.
pub(super) enum Coordinates {
    Position([f64; 2]),
    List(Vec<Coordinates>),
}

impl Coordinates {
    fn add_positions(&self, to: &mut Vec<[f64; 2]>) {
        match self {
            Self::Position(position) => to.push(*position),
            Self::List(parts) => parts.iter().for_each(|part| part.add_positions(to)),
        }
    }
}

impl<'de> Deserialize<'de> for Coordinates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nested;

        /// What can stand in a list of coordinates.
        enum Item {
            Number(f64),
            Inner(Coordinates),
        }

        impl<'de> Deserialize<'de> for Item {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Any;

                impl<'de> Visitor<'de> for Any {
                    type Value = Item;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a number or a list of coordinates")
                    }

                    fn visit_f64<E>(self, v: f64) -> Result<Item, E> {
                        Ok(Item::Number(v))
                    }

                    fn visit_i64<E>(self, v: i64) -> Result<Item, E> {
                        Ok(Item::Number(v as f64))
                    }

                    fn visit_u64<E>(self, v: u64) -> Result<Item, E> {
                        Ok(Item::Number(v as f64))
                    }

                    fn visit_unit<E>(self) -> Result<Item, E> {
                        Ok(Item::Number(f64::NAN))
                    }

                    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Item, A::Error> {
                        Nested.visit_seq(seq).map(Item::Inner)
                    }
                }

                deserializer.deserialize_any(Any)
            }
        }

        impl<'de> Visitor<'de> for Nested {
            type Value = Coordinates;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("coordinates")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Coordinates, A::Error> {
                let (mut position, mut numbers, mut list) = ([f64::NAN; 2], 0, Vec::new());
                while let Some(item) = seq.next_element::<Item>()? {
                    match item {
                        Item::Number(number) => {
                            if let Some(slot) = position.get_mut(numbers) {
                                *slot = number;
                            }
                            numbers += 1;
                        }
                        Item::Inner(inner) => list.push(inner),
                    }
                }
                match (numbers, list.is_empty()) {
                    (0, _) => Ok(Coordinates::List(list)),
                    (_, true) => Ok(Coordinates::Position(position)),
                    _ => Err(serde::de::Error::custom("numbers and lists side by side in coordinates")),
                }
            }
        }

        deserializer.deserialize_seq(Nested)
    }
}

impl Coordinates {
    fn position(&self) -> Option<[f64; 2]> {
        match self {
            Self::Position(position) => Some(*position),
            Self::List(_) => None,
        }
    }

    fn list(&self) -> &[Self] {
        match self {
            Self::Position(_) => &[],
            Self::List(list) => list,
        }
    }

    fn positions(&self) -> Vec<[f64; 2]> {
        self.list().iter().filter_map(Self::position).collect()
    }
}

/// Reads one feature; false when this is none.
pub(super) fn feature(
    input: &Input,
    text: &[u8],
    layer: Option<&str>,
    reading: &mut Reading,
    gathered: &mut Gathered,
) -> bool {
    let Ok(raw) = serde_json::from_slice::<RawFeature<'_>>(text) else { return false };
    if raw.kind != "Feature" {
        return false;
    }
    take(input, raw, layer, &mut reading.geojson, gathered);
    true
}

/// What a collection says of itself, before its features or behind them.
#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(default)]
    crs: Option<Value>,
    #[serde(default)]
    name: Option<Value>,
}

impl Head {
    /// # Errors
    /// When it is not JSON, or there is something behind it.
    pub(super) fn read<'de, R: Read<'de>>(mut json: serde_json::Deserializer<R>) -> Result<Self, serde_json::Error> {
        let head = Self::deserialize(&mut json)?;
        json.end().map(|()| head)
    }
}

/// Reads a collection, feature by feature.
///
/// # Errors
/// When it is not JSON, or its CRS is unknown.
pub(super) fn collection<'de, R: Read<'de>>(
    input: &Input,
    head: &Head,
    mut json: serde_json::Deserializer<R>,
    layer: Option<&str>,
    reading: &mut Reading,
    gathered: &mut Gathered,
) -> Result<(), serde_json::Error> {
    if let Some(name) = head.crs.as_ref().and_then(|crs| crs.pointer("/properties/name")).and_then(Value::as_str) {
        reading.geojson.name(name, input).map_err(serde::de::Error::custom)?;
    }
    let named = head.name.as_ref().and_then(Value::as_str).map(str::to_owned);
    let layer = layer.map(str::to_owned).or(named);
    let walk = Walk { input, layer: layer.as_deref(), state: &mut reading.geojson, gathered };
    json.deserialize_map(walk)?;
    json.end()
}

/// Walks through a collection without holding it.
struct Walk<'a> {
    input: &'a Input,
    layer: Option<&'a str>,
    state: &'a mut State,
    gathered: &'a mut Gathered,
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a FeatureCollection")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == "features" {
                map.next_value_seed(Features(&mut self))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Features<'w, 'a>(&'w mut Walk<'a>);

impl<'de> DeserializeSeed<'de> for Features<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Features<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let walk = self.0;
        while let Some(text) = seq.next_element::<Box<serde_json::value::RawValue>>()? {
            match serde_json::from_str::<RawFeature<'_>>(text.get()) {
                Ok(raw) if raw.kind == "Feature" => take(walk.input, raw, walk.layer, walk.state, walk.gathered),
                Ok(_) => walk.gathered.warnings.add("feature_unreadable", "a member that is no Feature"),
                Err(error) => {
                    let number = walk.state.features + 1;
                    walk.gathered.warnings.add("feature_unreadable", format!("feature {number}: {error}"));
                    walk.state.features += 1;
                }
            }
        }
        Ok(())
    }
}

/// Takes a row of a table as a feature.
pub(super) fn record(
    input: &Input,
    properties: Map<String, Value>,
    geometry: Option<RawGeometry>,
    layer: Option<&str>,
    reading: &mut Reading,
    gathered: &mut Gathered,
) {
    let raw = RawFeature { kind: "Feature".into(), id: None, geometry, properties: Some(properties) };
    take(input, raw, layer, &mut reading.geojson, gathered);
}

fn take(input: &Input, raw: RawFeature<'_>, layer: Option<&str>, state: &mut State, gathered: &mut Gathered) {
    state.features += 1;
    let number = state.features;
    let mut properties = raw.properties.unwrap_or_default();
    // A feature's own id comes before any attribute's.
    if let Some(id) = raw.id {
        properties.entry("id").or_insert(id);
    }
    let Some(geometry) = raw.geometry else {
        gathered.warnings.add("feature_without_geometry", format!("{}, feature {number}", input.stem()));
        return;
    };
    let mut flat = Vec::new();
    flatten(geometry, &mut flat);
    let crs = match state.crs(input) {
        Ok(crs) => crs,
        Err(message) => {
            gathered.warnings.add("crs_unknown", message);
            return;
        }
    };
    for (kind, coordinates) in flat {
        let mut place = Place { crs: &crs, unplaced: None, placed: 0 };
        let found = place.shapes(&kind, &coordinates);
        state.placed += place.placed;
        state.unplaced = state.unplaced.or(place.unplaced);
        let Some((shape, geometry)) = found else {
            let code = if place.unplaced.is_some() { "coordinates_out_of_range" } else { "geometry_unreadable" };
            gathered.warnings.add(code, format!("{}, feature {number}: {kind}", input.stem()));
            continue;
        };
        let mut words = translate(&properties, layer, shape, input);
        let own = words.id.take().unwrap_or_else(|| number.to_string());
        words.tags.id = format!("{}/{own}", layer.unwrap_or_else(|| input.stem()));
        if place.unplaced.is_some() {
            gathered.warnings.add("coordinates_out_of_range", words.tags.id.clone());
        }
        if words.from_osm {
            gathered.attribute(twin::openstreetmap());
        }
        gathered.features.push(Feature { raw: words.raw, tags: words.tags, geometry });
    }
}

/// The geometries of a collection of collections.
fn flatten(geometry: RawGeometry, out: &mut Vec<(String, Coordinates)>) {
    if let Some(coordinates) = geometry.coordinates {
        out.push((geometry.kind, coordinates));
    }
    geometry.geometries.into_iter().for_each(|inner| flatten(inner, out));
}

/// Puts coordinates on the Earth.
struct Place<'a> {
    crs: &'a Crs,
    placed: u64,
    unplaced: Option<[f64; 2]>,
}

impl Place<'_> {
    fn line(&mut self, positions: &[[f64; 2]]) -> Vec<LonLat> {
        positions
            .iter()
            .filter_map(|&[x, y]| {
                let at = self.crs.lonlat(x, y);
                match at {
                    Some(_) => self.placed += 1,
                    None => self.unplaced = self.unplaced.or(Some([x, y])),
                }
                at
            })
            .collect()
    }

    /// Shapes of a known kind; nothing for another, or for one that is not nested as its kind says.
    fn shapes(&mut self, kind: &str, coordinates: &Coordinates) -> Option<(Shape, Geometry)> {
        let mut polygon = |rings: &Coordinates| -> Vec<Vec<LonLat>> {
            rings.list().iter().map(|ring| self.line(&ring.positions())).filter(|ring| ring.len() >= 3).collect()
        };
        let found = match kind {
            "Polygon" => (Shape::Polygon, Geometry::Polygons(vec![polygon(coordinates)])),
            "MultiPolygon" => {
                (Shape::Polygon, Geometry::Polygons(coordinates.list().iter().map(&mut polygon).collect()))
            }
            "Point" => (Shape::Point, Geometry::Points(self.line(&[coordinates.position()?]))),
            "MultiPoint" => (Shape::Point, Geometry::Points(self.line(&coordinates.positions()))),
            "LineString" => (Shape::Line, Geometry::Lines(vec![self.line(&coordinates.positions())])),
            "MultiLineString" => {
                let lines = coordinates.list().iter().map(|line| self.line(&line.positions())).collect();
                (Shape::Line, Geometry::Lines(lines))
            }
            _ => return None,
        };
        let empty = match &found.1 {
            Geometry::Points(points) => points.is_empty(),
            Geometry::Lines(lines) => lines.iter().all(|line| line.len() < 2),
            Geometry::Polygons(polygons) => polygons.iter().all(Vec::is_empty),
        };
        (!empty).then_some(found)
    }
}

#[cfg(test)]
impl fmt::Display for RawGeometry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn text(coordinates: &Coordinates) -> String {
            let Coordinates::List(list) = coordinates else { return format!("{:?}", coordinates.position().unwrap()) };
            format!("[{}]", list.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        match &self.coordinates {
            Some(coordinates) => write!(f, "{} {}", self.kind, text(coordinates)),
            None => {
                let parts: Vec<String> = self.geometries.iter().map(ToString::to_string).collect();
                write!(f, "{} ({})", self.kind, parts.join(", "))
            }
        }
    }
}
