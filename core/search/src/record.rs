//! A thing that can be found, and how a block of the records file holds 64 of them.

use crate::bytes::{BitWriter, Reader, bits_at, bits_for, put_ended, put_text, put_varint, shared_front};
use crate::root::{BLOCK, GROUP, Root};
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A thing of the city that can be found: an asset line with what else search can use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Stable id from the source (`way/123`).
    pub id: String,
    /// Its name in the city's own language.
    pub name: String,
    /// Its names by language tag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, String>,
    /// Old and other names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alt_names: Vec<String>,
    /// What it is (`building`, `street`, `cafe`).
    pub category: String,
    /// Longitude, degrees (WGS84).
    pub lon: f64,
    /// Latitude, degrees (WGS84).
    pub lat: f64,
    /// Street and house number, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// From 0 (one lamp of thousands) to 1 (the central station). Guessed from the category when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<f64>,
    /// Height above the ground, metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_m: Option<f64>,
    /// The floor it is on, as its venue names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<String>,
    /// What else is known of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Value>,
}

impl Record {
    /// Importance from 0 to 1, guessed from the category when the record does not say.
    pub(crate) fn importance_or_guess(&self) -> f64 {
        let given = self.importance.filter(|importance| importance.is_finite());
        given.map_or_else(|| guess_importance(&self.category), |value| value.clamp(0.0, 1.0))
    }

    /// Every text under which the record can be found, its name first.
    pub fn texts(&self) -> impl Iterator<Item = (Field<'_>, &str)> {
        std::iter::once((Field::Name, self.name.as_str()))
            .chain(self.names.iter().map(|(tag, text)| (Field::Translation(tag), text.as_str())))
            .chain(self.alt_names.iter().map(|text| (Field::Other, text.as_str())))
            .chain(self.address.iter().map(|text| (Field::Address, text.as_str())))
    }
}

/// The importance of a record that does not say its own.
pub(crate) fn guess_importance(category: &str) -> f64 {
    match category {
        "city" | "town" | "station" | "airport" => 0.9,
        "square" | "park" | "museum" | "mall" | "university" | "hospital" | "suburb" => 0.7,
        "address" | "entrance" => 0.3,
        "lamp" | "street_lamp" | "tree" | "manhole" | "hydrant" | "valve" | "bin" | "sign" | "bench" | "sensor"
        | "camera" => 0.2,
        _ => 0.5,
    }
}

/// Width of the importance column of a block whose records all have the importance of their category.
const GUESSED: u32 = 15;

/// Which text of a record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// Its name in the city's own language.
    Name,
    /// Its name in the language of this tag.
    Translation(&'a str),
    /// An old or other name.
    Other,
    /// Street and house number.
    Address,
}

/// The kinds of [`Field`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Its name in the city's own language.
    Name,
    /// Its name in another language.
    Translation,
    /// An old or other name.
    Other,
    /// Street and house number.
    Address,
}

impl FieldKind {
    /// The kind that is called `name`, `translation`, `other` or `address`.
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "name" => Self::Name,
            "translation" => Self::Translation,
            "other" => Self::Other,
            "address" => Self::Address,
            _ => return None,
        })
    }
}

/// Extras of a stored record: what it has beside its name. Numbers from [`FIRST_TAG`] on are languages, and after
/// these attributes.
mod extra {
    pub(super) const OTHER: u64 = 0;
    pub(super) const ADDRESS: u64 = 1;
    pub(super) const FLOOR: u64 = 2;
    pub(super) const HEIGHT: u64 = 3;
    pub(super) const ID: u64 = 4;
    pub(super) const FIRST_TAG: u64 = 8;
}

/// Importance is stored in this many steps, each worth a point of a hit's score.
const IMPORTANCE_STEPS: f64 = 20.0;
/// A name of twice as many records is worth so many points more.
pub(crate) const POPULARITY_POINTS: f64 = 4.0;
/// Beyond two to the power of this, more records of a name make it no more popular.
pub(crate) const MAX_POPULARITY: u32 = 6;

/// Importance in stored steps.
pub(crate) fn stored_importance(record: &Record) -> u64 {
    (record.importance_or_guess() * IMPORTANCE_STEPS).round() as u64
}

/// Splits an id into a front and a number, where that gives the id back.
pub(crate) fn split_id(id: &str) -> (&str, Option<u64>) {
    let digits = id.bytes().rev().take_while(u8::is_ascii_digit).count().min(15);
    let (front, number) = id.split_at_checked(id.len() - digits).unwrap_or((id, ""));
    match number.parse::<u64>() {
        Ok(value) if !(number.starts_with('0') && number.len() > 1) => (front, Some(value)),
        _ => (id, None),
    }
}

/// Appends one block: at most [`BLOCK`] records, in order, each with the popularity of its name.
pub(crate) fn put_block(out: &mut Vec<u8>, records: &[&Record], popularity: &[u8], root: &Root) {
    let mut groups = Vec::new();
    for group in records.chunks(GROUP as usize) {
        groups.push(group_bytes(group, root));
    }
    for group in &groups {
        put_varint(out, group.len() as u64);
    }
    let ids: Vec<(u64, u64)> = records.iter().map(|record| stored_id(&record.id, root)).collect();
    let numbers = ids.iter().filter(|(front, _)| *front > 0).map(|(_, number)| *number);
    let least_number = numbers.clone().min().unwrap_or(0);
    let id_bits = bits_for(numbers.max().unwrap_or(0) - least_number);
    put_varint(out, least_number);
    out.push(id_bits as u8);
    let importances: Vec<u64> = records.iter().map(|record| stored_importance(record)).collect();
    let least_importance = importances.iter().copied().min().unwrap_or(0);
    let guess = |category: &str| (guess_importance(category) * IMPORTANCE_STEPS).round() as u64;
    let guessed = importances.iter().zip(records).all(|(importance, record)| *importance == guess(&record.category));
    let spread = importances.iter().copied().max().unwrap_or(0) - least_importance;
    let importance_bits = if guessed { GUESSED } else { bits_for(spread) };
    let popularity_bits = bits_for(popularity.iter().copied().max().unwrap_or(0).into());
    out.extend([least_importance as u8, importance_bits as u8 | (popularity_bits as u8) << 4]);
    let mut bits = BitWriter::default();
    let category_bits = bits_for(root.categories.len() as u64);
    for record in records {
        let place = root.categories.partition_point(|(name, _)| *name < record.category);
        bits.put(place as u64, category_bits);
    }
    if !guessed {
        importances.iter().for_each(|importance| bits.put(importance - least_importance, importance_bits));
    }
    popularity.iter().for_each(|popularity| bits.put((*popularity).into(), popularity_bits));
    let front_bits = bits_for(root.id_prefixes.len() as u64);
    ids.iter().for_each(|(front, _)| bits.put(*front, front_bits));
    ids.iter().for_each(|(front, number)| bits.put(if *front > 0 { number - least_number } else { 0 }, id_bits));
    let places = records.iter().map(|record| root.regions.place_of(stored_position(record, root)));
    places.clone().for_each(|(region, _)| bits.put(region, root.regions.depth()));
    for (region, place) in places {
        bits.put(place, root.regions.bits(region).unwrap_or(0));
    }
    out.extend(bits.finish());
    groups.iter().for_each(|group| out.extend_from_slice(group));
}

/// The id's front counted from 1 (0: the whole id is among the extras) and its number.
pub(crate) fn stored_id(id: &str, root: &Root) -> (u64, u64) {
    match split_id(id) {
        (front, Some(number)) => match root.id_prefixes.binary_search_by(|known| known.as_str().cmp(front)) {
            Ok(place) => (place as u64 + 1, number),
            Err(_) => (0, 0),
        },
        _ => (0, 0),
    }
}

/// Steps east and north of the root's origin.
pub(crate) fn stored_position(record: &Record, root: &Root) -> [u64; 2] {
    let steps = |value: f64, axis: usize| {
        (((value - root.origin[axis]) / root.step_deg).round().max(0.0) as u64).min(root.position_most[axis])
    };
    [steps(record.lon, 0), steps(record.lat, 1)]
}

fn group_bytes(records: &[&Record], root: &Root) -> Vec<u8> {
    let mut out = Vec::new();
    let mut shared = 0;
    for (at, record) in records.iter().enumerate() {
        let tail = &record.name.as_bytes()[shared..];
        shared = records.get(at + 1).map_or(0, |next| shared_front(record.name.as_bytes(), next.name.as_bytes()));
        put_ended(&mut out, tail, shared);
    }
    let mut all_extras = Vec::new();
    let mut any = false;
    for record in records {
        let mut extras: Vec<(u64, &str)> = Vec::new();
        let first_attribute = extra::FIRST_TAG + root.tags.len() as u64;
        // In centimetres: reading a whole number takes far less code than reading a fraction.
        let height = record.height_m.map(|height| format!("{}", (height * 100.0).round() as i64));
        for (field, text) in record.texts() {
            match field {
                Field::Name => {}
                Field::Translation(tag) => {
                    let place = root.tags.partition_point(|known| known.as_str() < tag);
                    extras.push((extra::FIRST_TAG + place as u64, text));
                }
                Field::Other => extras.push((extra::OTHER, text)),
                Field::Address => extras.push((extra::ADDRESS, text)),
            }
        }
        extras.extend(record.floor.as_deref().map(|floor| (extra::FLOOR, floor)));
        extras.extend(height.as_deref().map(|height| (extra::HEIGHT, height)));
        if stored_id(&record.id, root).0 == 0 {
            extras.push((extra::ID, &record.id));
        }
        let count = extras.len() + record.attributes.len();
        any |= count > 0;
        put_varint(&mut all_extras, count as u64);
        for (kind, text) in extras {
            put_varint(&mut all_extras, kind);
            put_text(&mut all_extras, text);
        }
        for (name, value) in &record.attributes {
            let kind = first_attribute + root.attributes.partition_point(|known| known < name) as u64;
            put_varint(&mut all_extras, kind);
            let value = value.to_bytes();
            put_varint(&mut all_extras, value.len() as u64);
            all_extras.extend(value);
        }
    }
    if any {
        out.extend(all_extras);
    }
    out
}

/// A block of records, opened.
#[derive(Clone, Copy)]
pub(crate) struct RecordBlock<'a> {
    root: &'a Root,
    count: usize,
    /// Byte ranges of the groups in `texts`, as their ends.
    ends: [u32; (BLOCK / GROUP) as usize],
    least_number: u64,
    id_bits: u32,
    least_importance: u8,
    importance_bits: u32,
    popularity_bits: u32,
    columns: &'a [u8],
    texts: &'a [u8],
}

impl<'a> RecordBlock<'a> {
    /// Opens block number `block` of the records file.
    pub(crate) fn open(bytes: &'a [u8], block: u32, root: &'a Root) -> Option<Self> {
        let count = root.record_count.checked_sub(block.checked_mul(BLOCK)?)?.min(BLOCK) as usize;
        Self::open_counted(bytes, count, root)
    }

    /// Opens a block of `count` records, at most [`BLOCK`].
    pub(crate) fn open_counted(bytes: &'a [u8], count: usize, root: &'a Root) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let mut ends = [0; (BLOCK / GROUP) as usize];
        let mut end = 0_u32;
        for slot in ends.iter_mut().take(count.div_ceil(GROUP as usize)) {
            end = end.checked_add(reader.varint32()?)?;
            *slot = end;
        }
        let least_number = reader.varint()?;
        let id_bits = u32::from(reader.u8()?);
        let least_importance = reader.u8()?;
        let widths = reader.u8()?;
        let (importance_bits, popularity_bits) = (u32::from(widths & 15), u32::from(widths >> 4));
        if id_bits > 56 || count > BLOCK as usize {
            return None;
        }
        let mut opened = Self {
            root,
            count,
            ends,
            least_number,
            id_bits,
            least_importance,
            importance_bits,
            popularity_bits,
            columns: &[],
            texts: &[],
        };
        let columns = reader.rest().len().checked_sub(end as usize)?;
        opened.columns = reader.take(columns)?;
        opened.texts = reader.rest();
        (opened.fixed_bits() <= columns * 8).then_some(opened)
    }

    /// Bits of a category, importance, popularity, id front, id number and region. The places within regions come after
    /// them, each in as many bits as its region says.
    fn widths(&self) -> [u32; 6] {
        [
            bits_for(self.root.categories.len() as u64),
            if self.importance_bits == GUESSED { 0 } else { self.importance_bits },
            self.popularity_bits,
            bits_for(self.root.id_prefixes.len() as u64),
            self.id_bits,
            self.root.regions.depth(),
        ]
    }

    /// Bits of all columns but the places.
    fn fixed_bits(&self) -> usize {
        self.widths().iter().sum::<u32>() as usize * self.count
    }

    fn column(&self, column: usize, row: usize) -> Option<u64> {
        let widths = self.widths();
        let before: u32 = widths[..column].iter().sum();
        bits_at(self.columns, before as usize * self.count + row * widths[column] as usize, widths[column])
    }

    /// Number of records in it.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Longitude and latitude of a record, degrees.
    pub(crate) fn position(&self, row: usize) -> Option<(f64, f64)> {
        let regions = &self.root.regions;
        let mut at = self.fixed_bits();
        for before in 0..row {
            at += regions.bits(self.column(5, before)?)? as usize;
        }
        let region = self.column(5, row)?;
        let steps = regions.position_of(region, bits_at(self.columns, at, regions.bits(region)?)?)?;
        let degrees = |axis: usize| self.root.origin[axis] + steps[axis] as f64 * self.root.step_deg;
        Some((degrees(0), degrees(1)))
    }

    /// The record's category as its place in the root's list.
    pub(crate) fn category(&self, row: usize) -> Option<usize> {
        usize::try_from(self.column(0, row)?).ok()
    }

    /// The id's front in the root's list counted from 1, and its number; front 0 when it is among the texts.
    pub(crate) fn split_id(&self, row: usize) -> Option<(u64, u64)> {
        match self.column(3, row)? {
            0 => Some((0, 0)),
            front => Some((front, self.least_number.checked_add(self.column(4, row)?)?)),
        }
    }

    /// From 0 to 1.
    pub(crate) fn importance(&self, row: usize) -> Option<f64> {
        if self.importance_bits == GUESSED {
            return self.root.category_importance.get(self.category(row)?).copied();
        }
        Some((f64::from(self.least_importance) + self.column(1, row)? as f64) / IMPORTANCE_STEPS)
    }

    /// The base-two logarithm of how many records have its name.
    pub(crate) fn popularity(&self, row: usize) -> Option<f64> {
        Some(self.column(2, row)? as f64)
    }

    /// Reads the names of group `group` of this block, and its further texts.
    pub(crate) fn read_group(&self, group: usize, texts: &mut GroupTexts<'a>) -> Option<()> {
        let start = if group == 0 { 0 } else { *self.ends.get(group - 1)? as usize };
        let mut reader = Reader::new(self.texts.get(start..*self.ends.get(group)? as usize)?);
        texts.names.clear();
        texts.ends.clear();
        texts.extras.clear();
        texts.extra_ends.clear();
        let rows = self.count.saturating_sub(group * GROUP as usize).min(GROUP as usize);
        let mut before = 0;
        let mut shared = 0;
        for _ in 0..rows {
            let (tail, shared_with_next) = reader.ended()?;
            let start = texts.names.len();
            texts.names.get(before..start)?.get(..shared)?;
            texts.names.extend_from_within(before..before + shared);
            texts.names.push_str(std::str::from_utf8(tail).ok()?);
            texts.ends.push(texts.names.len() as u32);
            (before, shared) = (start, shared_with_next);
        }
        if reader.is_empty() {
            texts.extra_ends.resize(rows, 0);
            return Some(());
        }
        let first_attribute = extra::FIRST_TAG + self.root.tags.len() as u64;
        for _ in 0..rows {
            for _ in 0..reader.len()? {
                let kind = reader.varint()?;
                let bytes = reader.len()?;
                let bytes = reader.take(bytes)?;
                let text = if kind < first_attribute { std::str::from_utf8(bytes).ok()? } else { "" };
                texts.extras.push(Extra { kind, text, bytes });
            }
            texts.extra_ends.push(texts.extras.len() as u32);
        }
        reader.is_empty().then_some(())
    }

    /// The whole record; `texts` must be those of its group.
    pub(crate) fn record(&self, row: usize, texts: &GroupTexts<'a>) -> Option<Record> {
        let slot = row % GROUP as usize;
        let (lon, lat) = self.position(row)?;
        let mut record = Record {
            name: texts.name(slot)?.to_owned(),
            category: self.root.categories.get(self.category(row)?)?.0.clone(),
            lon,
            lat,
            importance: self.importance(row),
            ..Record::default()
        };
        record.id = match self.split_id(row)? {
            (0, _) => texts.whole_id(slot)?.to_owned(),
            (front, number) => format!("{}{number}", self.root.id_prefixes.get(usize::try_from(front - 1).ok()?)?),
        };
        for &Extra { kind, text, bytes } in texts.extras_of(slot) {
            match kind {
                extra::OTHER => record.alt_names.push(text.to_owned()),
                extra::ADDRESS => record.address = Some(text.to_owned()),
                extra::FLOOR => record.floor = Some(text.to_owned()),
                extra::HEIGHT => record.height_m = text.parse::<i64>().ok().map(|height| height as f64 / 100.0),
                extra::ID => {}
                tag => {
                    let tag = usize::try_from(tag.checked_sub(extra::FIRST_TAG)?).ok()?;
                    match self.root.tags.get(tag) {
                        Some(tag) => record.names.insert(tag.clone(), text.to_owned()).map(Value::Text),
                        None => {
                            let name = self.root.attributes.get(tag - self.root.tags.len())?;
                            record.attributes.insert(name.clone(), Value::from_bytes(bytes)?)
                        }
                    };
                }
            }
        }
        Some(record)
    }
}

/// One thing that a record has beside its name.
#[derive(Clone, Copy)]
struct Extra<'a> {
    kind: u64,
    /// Empty for an attribute.
    text: &'a str,
    bytes: &'a [u8],
}

/// The texts of one group of records; its buffers are reused from group to group.
#[derive(Default)]
pub(crate) struct GroupTexts<'a> {
    names: String,
    ends: Vec<u32>,
    extras: Vec<Extra<'a>>,
    extra_ends: Vec<u32>,
}

impl<'a> GroupTexts<'a> {
    pub(crate) fn name(&self, slot: usize) -> Option<&str> {
        let start = if slot == 0 { 0 } else { *self.ends.get(slot - 1)? as usize };
        self.names.get(start..*self.ends.get(slot)? as usize)
    }

    fn extras_of(&self, slot: usize) -> &[Extra<'a>] {
        let start = if slot == 0 { 0 } else { self.extra_ends.get(slot - 1).map_or(0, |end| *end as usize) };
        let end = self.extra_ends.get(slot).map_or(start, |end| *end as usize);
        self.extras.get(start..end).unwrap_or_default()
    }

    fn extra(&self, slot: usize, wanted: u64) -> Option<Extra<'a>> {
        self.extras_of(slot).iter().find(|extra| extra.kind == wanted).copied()
    }

    /// The id of a record whose id is not in its block's columns.
    pub(crate) fn whole_id(&self, slot: usize) -> Option<&'a str> {
        self.extra(slot, extra::ID).map(|extra| extra.text)
    }

    /// The floor that a record is on.
    pub(crate) fn floor(&self, slot: usize) -> Option<&'a str> {
        self.extra(slot, extra::FLOOR).map(|extra| extra.text)
    }

    /// The value of attribute number `attribute` of the root, as its bytes.
    pub(crate) fn attribute(&self, slot: usize, attribute: usize, root: &Root) -> Option<&'a [u8]> {
        let kind = extra::FIRST_TAG + (root.tags.len() + attribute) as u64;
        self.extra(slot, kind).map(|extra| extra.bytes)
    }

    /// The texts other than the name under which the record can be found.
    pub(crate) fn further(&self, slot: usize) -> impl Iterator<Item = (FieldKind, &'a str)> {
        self.extras_of(slot).iter().filter_map(|extra| {
            let field = match extra.kind {
                extra::OTHER => FieldKind::Other,
                extra::ADDRESS => FieldKind::Address,
                kind if kind >= extra::FIRST_TAG && !extra.text.is_empty() => FieldKind::Translation,
                _ => return None,
            };
            Some((field, extra.text))
        })
    }
}
