//! CityGML 2.0 and 3.0 → [`Model`](super::cityjson::Model)s, streaming: one city object at a time is in memory.
//!
//! What is read of each object: every polygon that stands in it, once, with the level of detail and the kind of
//! surface that the elements around it say; links from one to another (`xlink:href`) say what a polygon is where it
//! stands alone. Implicit geometries with their own shape, generic and simple attributes, and the first address.
//! Elements of unknown extensions (ADEs) are read the same way, as the kind of object that their name says.

mod appearance;
mod object;
mod tree;

pub(super) use appearance::Marks;

use super::crs::{AxisOrder, Crs};
use super::picture;
use super::source::{Fault, Gathered, Input, Lines};
use super::winding::Waiting;
use appearance::Appearances;
use object::Reading;
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use std::io::BufRead;
use std::sync::Arc;
use tree::{Element, Tree};

/// Longest run of bytes between two markup events: a list of a million positions.
const MAX_EVENT_BYTES: u64 = 64 << 20;

/// Whether XML that begins so is CityGML.
pub(super) fn is_citygml(beginning: &[u8]) -> bool {
    let text = String::from_utf8_lossy(beginning);
    // The root's name, after declarations and comments.
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with(['?', '!']) {
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(rest.len());
        return rest[..end].rsplit(':').next() == Some("CityModel");
    }
    false
}

/// Reads a document.
///
/// # Errors
/// When it is not well-formed, ends too early, is of another version, or names no CRS that can be read.
pub(super) fn read(input: &Input, reader: &mut dyn BufRead, gathered: &mut Gathered) -> Result<(), Fault> {
    let mut reader = Reader::from_reader(Lines::new(reader, MAX_EVENT_BYTES));
    let mut document = Document::new(input);
    let first = gathered.models.len();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().event_bytes = 0;
        let event = reader.read_event_into(&mut buffer).map_err(|error| error.to_string());
        let ended = matches!(event, Ok(Event::Eof));
        if let Err(message) = event.and_then(|event| document.take(event, gathered)) {
            return Err(Fault::new(format!("line {}", reader.get_ref().line), message));
        }
        if ended {
            document.decide(gathered);
            document.show(first, gathered);
            return Ok(());
        }
    }
}

/// Names of elements that hold one piece of an appearance each.
const SURFACE_DATA: [&str; 2] = ["surfaceDataMember", "surfaceData"];

/// Names of elements that hold one city object each.
const MEMBERS: [&str; 3] = ["cityObjectMember", "featureMember", "featureMembers"];

struct Document<'a> {
    input: &'a Input,
    /// Elements that are open outside of members.
    depth: usize,
    root_seen: bool,
    /// The element that is being gathered: a member, or the box around everything.
    tree: Option<Tree>,
    crs: Option<Arc<Crs>>,
    /// Objects that wait until it is known which of their axes is which.
    waiting: Option<Waiting<Element>>,
    reading: Reading,
    /// What appearances beside the objects say.
    appearances: Appearances,
}

impl<'a> Document<'a> {
    fn new(input: &'a Input) -> Self {
        Self {
            input,
            depth: 0,
            root_seen: false,
            tree: None,
            crs: None,
            waiting: input.axis_order.is_none().then(Waiting::new),
            reading: Reading::default(),
            appearances: Appearances::default(),
        }
    }

    fn take(&mut self, event: Event<'_>, gathered: &mut Gathered) -> Result<(), String> {
        if let Some(tree) = &mut self.tree {
            if matches!(event, Event::Eof) {
                return Err("the file ends in the middle of an object".into());
            }
            if tree.take(event)? {
                let whole = self.tree.take().map(Tree::finish);
                whole.map_or(Ok(()), |element| self.element(element, gathered))?;
            }
            return Ok(());
        }
        match event {
            Event::Start(tag) => {
                let name = tag.local_name().into_inner().to_owned();
                if self.depth == 0 && name != "CityModel" {
                    return Err(format!("expected <CityModel>, found <{name}>"));
                }
                if self.depth == 0 {
                    self.root_seen = true;
                    check_version(&tag)?;
                    // Who names no appearances has none, and nothing has to be remembered for them.
                    self.reading.marks = tag.attributes().filter_map(Result::ok).any(|attribute| {
                        let space: &str = attribute.value.as_ref();
                        space.contains("/appearance/")
                    });
                }
                let starts = self.depth == 1 && (MEMBERS.contains(&name.as_str()) || name == "boundedBy");
                if starts || SURFACE_DATA.contains(&name.as_str()) {
                    self.tree = Some(Tree::begin(&tag)?);
                } else {
                    self.depth += 1;
                }
            }
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            Event::Eof if self.depth > 0 => return Err("the file ends before </CityModel>".into()),
            Event::Eof if !self.root_seen => return Err("no <CityModel> element".into()),
            _ => {}
        }
        Ok(())
    }

    /// Gives faces what appearances anywhere in the file say.
    fn show(&self, first: usize, gathered: &mut Gathered) {
        if !self.reading.marks {
            return;
        }
        let (models, warnings) = (&mut gathered.models, &mut gathered.warnings);
        models.change(first, |_, model| {
            let mut fits = true;
            for face in model.near.iter_mut().chain(&mut model.far).flatten().chain(&mut model.footprint) {
                if let Some(marks) = face.marks.take().filter(|_| !self.appearances.is_empty()) {
                    fits &= self.appearances.show(&marks, face);
                }
            }
            if !fits {
                picture::unreadable(&model.tags.id, warnings);
            }
        });
    }

    fn element(&mut self, element: Element, gathered: &mut Gathered) -> Result<(), String> {
        if SURFACE_DATA.contains(&element.name.as_str()) {
            let pictures = (!self.input.plain).then_some(&mut gathered.pictures);
            self.appearances.read(&element, self.input.stem(), pictures, &mut gathered.warnings);
            return Ok(());
        }
        if element.name == "boundedBy" {
            let envelope = element.children.iter().find(|child| child.name == "Envelope");
            if let Some(name) =
                envelope.and_then(|envelope| envelope.attribute("srsName")).filter(|_| self.crs.is_none())
            {
                self.crs = Some(self.parse_crs(name)?);
            }
            return Ok(());
        }
        for object in element.children {
            self.find_crs(&object)?;
            let Some(waiting) = &mut self.waiting else {
                self.object(&object, gathered);
                continue;
            };
            waiting.ballot.object();
            if let Some(crs) = &self.crs {
                object::shapes(&object).iter().for_each(|rings| waiting.ballot.shape(crs, rings));
            }
            let bytes = object.bytes();
            if waiting.hold(object, bytes) {
                self.decide(gathered);
            }
        }
        Ok(())
    }

    /// The CRS of the file is that of its first object, if none was named before.
    fn find_crs(&mut self, object: &Element) -> Result<(), String> {
        if self.crs.is_none() {
            self.crs = match (object.find_attribute("srsName"), &self.input.crs) {
                (Some(name), _) => Some(self.parse_crs(&name)?),
                (None, Some(name)) => Some(self.parse_crs(name)?),
                (None, None) if object.has_geometry() => {
                    return Err("the file names no coordinate reference system: say which it is, for example --crs \
                                EPSG:25832"
                        .into());
                }
                (None, None) => None,
            };
        }
        Ok(())
    }

    /// Settles the order of axes, and reads what has waited for it.
    fn decide(&mut self, gathered: &mut Gathered) {
        let Some(Waiting { ballot, held, .. }) = self.waiting.take() else { return };
        self.crs = self.crs.take().map(|crs| ballot.decide(crs, self.input.stem(), &mut gathered.warnings));
        held.iter().for_each(|object| self.object(object, gathered));
    }

    fn object(&mut self, object: &Element, gathered: &mut Gathered) {
        // Without a CRS, there is no geometry either.
        let crs = self.crs.clone().unwrap_or_else(|| Arc::new(Crs::wgs84()));
        let (pictures, warnings) = (&mut gathered.pictures, &mut gathered.warnings);
        gathered.models.extend(self.reading.model(object, &crs, self.input, pictures, warnings));
    }

    fn parse_crs(&self, name: &str) -> Result<Arc<Crs>, String> {
        let parsed = self.input.crs(name, AxisOrder::Authority);
        // What a person says helps where the file's own name is none.
        let parsed = match (&parsed, &self.input.crs) {
            (Err(_), Some(given)) => self.input.crs(given, AxisOrder::Authority),
            _ => parsed,
        };
        parsed.map(Arc::new).map_err(|error| format!("{error}; say with --crs which one is meant"))
    }
}

/// Refuses CityGML 1, whose elements are others.
fn check_version(root: &quick_xml::events::BytesStart<'_>) -> Result<(), String> {
    for attribute in root.attributes().filter_map(Result::ok) {
        let value = attribute.value.as_ref();
        if value == "http://www.opengis.net/citygml/1.0" || value == "http://www.citygml.org/citygml/1/0/0" {
            return Err("CityGML 1.0 is not supported: versions 2.0 and 3.0 are".into());
        }
    }
    Ok(())
}
