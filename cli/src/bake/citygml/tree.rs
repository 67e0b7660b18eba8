//! A piece of XML in memory, with bounds.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

/// Deepest nesting of elements. Deliveries have about twenty.
const MAX_DEPTH: usize = 200;
/// Elements of one object. A cathedral in all its detail has a hundred thousand.
const MAX_ELEMENTS: usize = 20_000_000;

/// An element without its namespace's prefix.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    fn of(tag: &BytesStart<'_>) -> Result<Self, String> {
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let key = attribute.key.local_name().into_inner().to_owned();
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string())?;
            attributes.push((key, value.into_owned()));
        }
        let name = tag.local_name().into_inner().to_owned();
        Ok(Self { name, attributes, ..Self::default() })
    }

    /// An attribute by its local name.
    pub(super) fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(k, _)| k == key).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The first attribute of this name here or below.
    pub(super) fn find_attribute(&self, key: &str) -> Option<String> {
        self.attribute(key)
            .map(str::to_owned)
            .or_else(|| self.children.iter().find_map(|child| child.find_attribute(key)))
    }

    /// The first element of this name below.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        self.children.iter().find_map(|child| if child.name == name { Some(child) } else { child.find(name) })
    }

    /// Its own text, if it has any.
    pub(super) fn trimmed(&self) -> Option<&str> {
        Some(self.text.trim()).filter(|text| !text.is_empty())
    }

    /// About what it takes.
    pub(super) fn bytes(&self) -> usize {
        let pair = |(key, value): &(String, String)| size_of::<(String, String)>() + key.len() + value.len();
        let attributes: usize = self.attributes.iter().map(pair).sum();
        let children: usize = self.children.iter().map(Self::bytes).sum();
        size_of::<Self>() + self.name.len() + self.text.len() + attributes + children
    }

    /// Whether there are positions in it.
    pub(super) fn has_geometry(&self) -> bool {
        matches!(self.name.as_str(), "posList" | "pos" | "coordinates") || self.children.iter().any(Self::has_geometry)
    }
}

/// An element that is being read.
pub(super) struct Tree {
    /// From the outermost to the one that is open.
    open: Vec<Element>,
    elements: usize,
}

impl Tree {
    /// Begins with the element that was opened.
    pub(super) fn begin(tag: &BytesStart<'_>) -> Result<Self, String> {
        Ok(Self { open: vec![Element::of(tag)?], elements: 1 })
    }

    /// Takes what comes next; true when the outermost element is closed.
    pub(super) fn take(&mut self, event: Event<'_>) -> Result<bool, String> {
        match event {
            Event::Start(tag) => {
                self.count()?;
                self.open.push(Element::of(&tag)?);
                if self.open.len() > MAX_DEPTH {
                    return Err(format!("elements nested deeper than {MAX_DEPTH}"));
                }
            }
            Event::Empty(tag) => {
                self.count()?;
                let element = Element::of(&tag)?;
                self.last().children.push(element);
            }
            Event::Text(text) => self.last().text.push_str(&text),
            Event::CData(text) => self.last().text.push_str(&text),
            Event::GeneralRef(name) => {
                let text = entity(&name);
                self.last().text.extend(text);
            }
            Event::End(_) if self.open.len() == 1 => return Ok(true),
            Event::End(_) => {
                if let Some(done) = self.open.pop() {
                    self.last().children.push(done);
                }
            }
            _ => {}
        }
        Ok(false)
    }

    /// The outermost element.
    pub(super) fn finish(mut self) -> Element {
        self.open.pop().unwrap_or_default()
    }

    fn last(&mut self) -> &mut Element {
        self.open.last_mut().expect("an element is open as long as there is a tree")
    }

    fn count(&mut self) -> Result<(), String> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(format!("an object of more than {MAX_ELEMENTS} elements"));
        }
        Ok(())
    }
}

/// The character of a reference; other entities would have to be declared, and are left out.
fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}
