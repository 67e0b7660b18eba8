//! OpenStreetMap XML bytes → elements, streaming (<https://wiki.openstreetmap.org/wiki/OSM_XML>).

use super::raw::{Batch, Member, MemberKind, RawNode, RawRelation, RawTags, RawWay};
use super::source::Fault;
use crate::bake::source::Lines;
use citytwin_geo::LonLatRect;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::io::BufRead;

/// Longest run of bytes between two markup events. OpenStreetMap's longest value has 255 characters.
const MAX_EVENT_BYTES: u64 = 1024 * 1024;
/// Elements handed on at once.
const BATCH_ELEMENTS: usize = 10_000;

/// Reads a whole document; `take` gets its elements in file order.
///
/// # Errors
/// When it is not well-formed, does not begin with `<osm>`, ends before `</osm>`, or one tag is absurdly long.
pub(super) fn read(input: impl BufRead, take: &mut dyn FnMut(Batch)) -> Result<(), Fault> {
    let mut reader = Reader::from_reader(Lines::new(input, MAX_EVENT_BYTES));
    let mut document = Document::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().event_bytes = 0;
        let event = reader.read_event_into(&mut buffer).map_err(|e| e.to_string());
        let ended = matches!(event, Ok(Event::Eof));
        let result = event.and_then(|event| document.take(&event));
        if let Err(message) = result {
            return Err(Fault { place: format!("line {}", reader.get_ref().line), message });
        }
        if ended || document.batch_len() >= BATCH_ELEMENTS {
            take(std::mem::take(&mut document.batch));
        }
        if ended {
            return Ok(());
        }
    }
}

/// The element that is open below `<osm>`.
#[derive(Default)]
enum Open {
    #[default]
    Nothing,
    Node(i64, [f64; 2]),
    Way(i64),
    Relation(i64),
    /// Something else, or something that is not to be kept.
    Ignored,
}

#[derive(Default)]
struct Document {
    /// Names of the open elements are checked by the XML reader; only their number is needed here.
    depth: usize,
    root_seen: bool,
    open: Open,
    tags: Vec<(Box<str>, Box<str>)>,
    refs: Vec<i64>,
    members: Vec<Member>,
    batch: Batch,
}

impl Document {
    fn batch_len(&self) -> usize {
        self.batch.nodes.len() + self.batch.ways.len() + self.batch.relations.len()
    }

    fn take(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(tag) => {
                self.begin(tag)?;
                self.depth += 1;
            }
            Event::Empty(tag) => {
                self.begin(tag)?;
                if self.depth == 1 {
                    self.finish();
                }
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 1 {
                    self.finish();
                }
            }
            Event::Eof if self.depth > 0 => return Err("the file ends before </osm>".into()),
            Event::Eof if !self.root_seen => return Err("no <osm> element".into()),
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        let name = tag.name();
        match (self.depth, name.as_ref()) {
            (0, "osm") => self.root_seen = true,
            (0, other) => return Err(format!("expected <osm>, found <{other}>")),
            (1, "bounds") => self.bounds(&Attributes::read(tag)?),
            (1, "bound") => self.bound(&Attributes::read(tag)?),
            (1, name @ ("node" | "way" | "relation")) => self.open = self.element(name, &Attributes::read(tag)?),
            (1, _) => self.open = Open::Ignored,
            (2, "tag") => {
                let attributes = Attributes::read(tag)?;
                if let (Some(k), Some(v)) = (attributes.get("k"), attributes.get("v")) {
                    self.tags.push((k.into(), v.into()));
                }
            }
            (2, "nd") => match Attributes::read(tag)?.number("ref") {
                Some(id) => self.refs.push(id),
                None => self.bad("nd", "ref"),
            },
            (2, "member") => self.member(&Attributes::read(tag)?),
            _ => {}
        }
        Ok(())
    }

    fn bad(&mut self, element: &str, attribute: &str) {
        self.batch.warnings.add("element_without_valid_attribute", format!("<{element}>: {attribute}"));
    }

    /// `<bounds minlat minlon maxlat maxlon>`.
    fn bounds(&mut self, a: &Attributes) {
        self.open = Open::Ignored;
        let side = |key| a.number::<f64>(key).unwrap_or(f64::NAN);
        self.batch.bounds = Some(LonLatRect {
            west: side("minlon"),
            south: side("minlat"),
            east: side("maxlon"),
            north: side("maxlat"),
        });
    }

    /// `<bound box="south,west,north,east">`, as Osmosis writes it.
    fn bound(&mut self, a: &Attributes) {
        self.open = Open::Ignored;
        let sides: Vec<f64> = a.get("box").unwrap_or("").split(',').filter_map(|v| v.trim().parse().ok()).collect();
        if let [south, west, north, east] = sides[..] {
            self.batch.bounds = Some(LonLatRect { west, south, east, north });
        }
    }

    fn element(&mut self, name: &str, a: &Attributes) -> Open {
        self.tags.clear();
        self.refs.clear();
        self.members.clear();
        // Files with history, and edits that were saved before they were uploaded.
        if a.get("visible") == Some("false") || a.get("action") == Some("delete") {
            return Open::Ignored;
        }
        let Some(id) = a.number("id") else {
            self.bad(name, "id");
            return Open::Ignored;
        };
        match name {
            "way" => Open::Way(id),
            "relation" => Open::Relation(id),
            _ => match (a.number("lon"), a.number("lat")) {
                (Some(lon), Some(lat)) => Open::Node(id, [lon, lat]),
                _ => {
                    self.bad(&format!("node id=\"{id}\""), "lon, lat");
                    Open::Ignored
                }
            },
        }
    }

    fn member(&mut self, a: &Attributes) {
        let kind = match a.get("type") {
            Some("node") => Some(MemberKind::Node),
            Some("way") => Some(MemberKind::Way),
            Some("relation") => Some(MemberKind::Relation),
            _ => None,
        };
        match (kind, a.number("ref")) {
            (Some(kind), Some(id)) => {
                self.members.push(Member { kind, id, role: a.get("role").unwrap_or("").into() });
            }
            _ => self.bad("member", "type, ref"),
        }
    }

    fn finish(&mut self) {
        let tags = RawTags(std::mem::take(&mut self.tags));
        let refs = std::mem::take(&mut self.refs);
        let members = std::mem::take(&mut self.members);
        match std::mem::take(&mut self.open) {
            Open::Node(id, lonlat) => self.batch.nodes.push((id, RawNode { lonlat, tags })),
            Open::Way(id) => self.batch.ways.push((id, RawWay { refs, tags })),
            Open::Relation(id) => self.batch.relations.push((id, RawRelation { members, tags })),
            Open::Nothing | Open::Ignored => {}
        }
    }
}

/// The attributes of one tag, unescaped.
struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn read(tag: &BytesStart<'_>) -> Result<Self, String> {
        tag.attributes()
            .map(|attribute| {
                let attribute = attribute.map_err(|e| e.to_string())?;
                // OpenStreetMap files are XML 1.0.
                let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|e| e.to_string())?;
                Ok((attribute.key.as_ref().to_owned(), value.into_owned()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key)?.trim().parse().ok()
    }
}
