//! A whole `CityJSON` object, read once from its beginning to its end. Its vertices most often stand behind its objects,
//! and an object's parts anywhere: until all is known, objects are kept as text, in files where there is no room.

use super::super::store::{Room, Store};
use super::geometry::{Appearance, Templates, Transform};
use super::vertices::VertexList;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a document holds.
pub(in crate::bake) struct Document {
    /// Its `type`.
    pub(in crate::bake) kind: Option<String>,
    pub(super) version: Option<Value>,
    pub(super) transform: Option<Transform>,
    pub(super) metadata: Option<Map<String, Value>>,
    pub(super) objects: Objects,
    pub(super) vertices: VertexList,
    pub(super) appearance: Option<Appearance>,
    pub(super) templates: Option<Templates>,
    pub(super) extensions: Option<Map<String, Value>>,
}

/// Its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Member {
    Type,
    Version,
    Transform,
    Metadata,
    #[serde(rename = "CityObjects")]
    Objects,
    Vertices,
    Appearance,
    #[serde(rename = "geometry-templates")]
    Templates,
    Extensions,
    #[serde(other)]
    Other,
}

impl Member {
    fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Version => "version",
            Self::Transform => "transform",
            Self::Metadata => "metadata",
            Self::Objects => "CityObjects",
            Self::Vertices => "vertices",
            Self::Appearance => "appearance",
            Self::Templates => "geometry-templates",
            Self::Extensions => "extensions",
            Self::Other => "another",
        }
    }
}

impl Document {
    /// Reads one.
    ///
    /// # Errors
    /// When it is no JSON, or its members are not of the right types.
    pub(in crate::bake) fn read<'de, R: serde_json::de::Read<'de>>(
        json: &mut serde_json::Deserializer<R>,
        room: &Room,
    ) -> Result<Self, serde_json::Error> {
        let document = Self {
            kind: None,
            version: None,
            transform: None,
            metadata: None,
            objects: Objects::new(room),
            vertices: VertexList::new(room),
            appearance: None,
            templates: None,
            extensions: None,
        };
        json.deserialize_map(document)
    }
}

impl<'de> Visitor<'de> for Document {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CityJSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(member) = map.next_key::<Member>()? {
            if member != Member::Other && !seen.insert(member) {
                return Err(A::Error::duplicate_field(member.name()));
            }
            match member {
                Member::Type => self.kind = map.next_value()?,
                Member::Version => self.version = map.next_value()?,
                Member::Transform => self.transform = map.next_value()?,
                Member::Metadata => self.metadata = map.next_value()?,
                Member::Objects => map.next_value_seed(&mut self.objects)?,
                Member::Vertices => map.next_value_seed(&mut self.vertices)?,
                Member::Appearance => self.appearance = map.next_value()?,
                Member::Templates => self.templates = map.next_value()?,
                Member::Extensions => self.extensions = map.next_value()?,
                Member::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self)
    }
}

/// A city object. With [`Nothing`] for its values, only whether it can be read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Object<V = Value> {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) attributes: Option<BTreeMap<String, V>>,
    pub(super) geometry: Option<Vec<V>>,
    pub(super) children: Option<Vec<String>>,
    parents: Option<Vec<String>>,
    pub(super) address: Option<V>,
}

/// Any value, which is looked at and left.
#[derive(Clone, Copy, Debug, Default)]
struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

// Unlike `IgnoredAny`, it finds all that is wrong with a value: numbers too large, characters that are none.
impl<'de> Visitor<'de> for Nothing {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// Objects by id; those that cannot be read with the reason.
pub(super) struct Objects {
    texts: Store<'static, Box<str>>,
    known: BTreeMap<String, Result<Known, String>>,
}

struct Known {
    parents: Vec<String>,
    has_geometry: bool,
    kept: Kept,
}

enum Kept {
    Object(Box<Object>),
    /// Its place among the texts.
    Text(usize),
}

impl Objects {
    fn new(room: &Room) -> Self {
        Self { texts: Store::new(room), known: BTreeMap::new() }
    }

    /// Those of a feature, all in memory.
    pub(super) fn of_feature(texts: BTreeMap<String, &RawValue>) -> Self {
        let mut objects = Self::new(&Room::endless());
        for (id, text) in texts {
            let known = serde_json::from_str::<Object>(text.get()).map(|mut object| Known {
                parents: object.parents.take().unwrap_or_default(),
                has_geometry: object.has_geometry(),
                kept: Kept::Object(Box::new(object)),
            });
            objects.known.insert(id, known.map_err(|error| error.to_string()));
        }
        objects
    }

    /// Adds one of a document, of which only the text is kept.
    fn add(&mut self, id: String, text: Box<RawValue>) {
        let known = serde_json::from_str::<Object<Nothing>>(text.get()).map(|object| Known {
            has_geometry: object.has_geometry(),
            parents: object.parents.unwrap_or_default(),
            kept: Kept::Text(self.texts.len()),
        });
        if known.is_ok() {
            self.texts.push(text.into());
        }
        self.known.insert(id, known.map_err(|error| error.to_string()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Those that cannot be read, and why.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.known.iter().filter_map(|(id, known)| Some((id.as_str(), known.as_ref().err()?.as_str())))
    }

    fn readable(&self) -> impl Iterator<Item = (&str, &Known)> {
        self.known.iter().filter_map(|(id, known)| Some((id.as_str(), known.as_ref().ok()?)))
    }

    /// Ids of those that can be read.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.readable().map(|(id, _)| id)
    }

    /// Whether any has a geometry.
    pub(super) fn have_geometry(&self) -> bool {
        self.readable().any(|(_, known)| known.has_geometry)
    }

    /// Ids of those that belong to no other.
    pub(super) fn roots(&self) -> impl Iterator<Item = &str> {
        let is_known = |id: &String| self.known.get(id).is_some_and(Result::is_ok);
        self.readable().filter(move |(_, known)| !known.parents.iter().any(is_known)).map(|(id, _)| id)
    }

    /// All objects, nothing where one cannot be read.
    pub(super) fn all(&self) -> impl Iterator<Item = Option<Cow<'_, Object>>> {
        self.known.values().map(|known| self.object(known.as_ref().ok()?))
    }

    fn object<'a>(&'a self, known: &'a Known) -> Option<Cow<'a, Object>> {
        match &known.kept {
            Kept::Object(object) => Some(Cow::Borrowed(object)),
            Kept::Text(place) => serde_json::from_str(&self.texts.get(*place)?).ok().map(Cow::Owned),
        }
    }

    /// A root and everything below it, each once, however the file tangles them.
    pub(super) fn family<'a>(&'a self, root: &'a str) -> Vec<(&'a str, Cow<'a, Object>)> {
        let (mut seen, mut open, mut family) = (BTreeSet::from([root]), vec![root], Vec::new());
        while let Some(id) = open.pop() {
            let Some(Ok(known)) = self.known.get(id) else { continue };
            let Some(object) = self.object(known) else { continue };
            let group = object.kind == "CityObjectGroup";
            for child in object.children.iter().flatten().filter(|_| !group).rev() {
                if let Some((child, _)) = self.known.get_key_value(child)
                    && seen.insert(child)
                {
                    open.push(child);
                }
            }
            family.push((id, object));
        }
        family
    }
}

impl<V> Object<V> {
    fn has_geometry(&self) -> bool {
        self.geometry.as_ref().is_some_and(|all| !all.is_empty())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Objects {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Objects {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((id, text)) = map.next_entry()? {
            self.add(id, text);
        }
        Ok(())
    }
}
