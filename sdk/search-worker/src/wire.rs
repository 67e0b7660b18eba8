//! Queries from JSON and answers to JSON, as `protocol.rs` says; a test holds the two against each other.

use crate::json::{Reader, Writer};
use citytwin_search::{Area, Facet, FieldKind, Found, How, Predicate, Query, Record, Test, Value};

/// Hits when a query names no limit.
const DEFAULT_LIMIT: usize = 10;
/// More hits than this are not read by anybody, and would cost the page a long task.
const MAX_LIMIT: f64 = 1000.0;
/// Digits of a degree that are told, about a centimetre.
const DEGREE_DIGITS: i32 = 7;

type Result<T> = std::result::Result<T, String>;

/// A query with its number.
pub(crate) struct Asked {
    pub(crate) id: f64,
    pub(crate) query: Query,
    /// A longitude and latitude: what lies there is asked for, instead of what the query says.
    pub(crate) here: Option<(f64, f64)>,
}

/// A fault from which the search goes on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    /// A URL, and within it bytes.
    pub(crate) place: String,
}

/// Reads an `Ask`.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn read_ask(text: &str) -> Result<Asked> {
    let mut reader = Reader::new(text);
    let mut id = None;
    let mut query = None;
    let mut here = None;
    reader.object(&mut |reader, name| {
        match name {
            "id" => id = Some(count(reader)?),
            "query" => query = Some(read_query(reader, &mut here)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    match (id, query) {
        (Some(id), Some(query)) => Ok(Asked { id, query, here }),
        _ => Err("the query lacks its number or itself".to_owned()),
    }
}

fn read_query(reader: &mut Reader<'_>, here: &mut Option<(f64, f64)>) -> Result<Query> {
    let mut query = Query { limit: DEFAULT_LIMIT, ..Query::default() };
    let mut radius_m = None;
    let mut edges = None;
    let mut rings = None;
    reader.object(&mut |reader, name| {
        match name {
            "text" => query.text = reader.string()?,
            // What is not given.
            "limit" | "near" | "radiusM" | "bbox" | "polygon" | "floor" | "here" if reader.null() => {}
            "limit" => query.limit = count(reader)?.min(MAX_LIMIT) as usize,
            "near" => query.near = Some(position(reader)?),
            "radiusM" => radius_m = Some(reader.number()?),
            "bbox" => edges = Some(reader.numbers::<4>()?),
            "polygon" => rings = Some(reader.list(&mut |reader| reader.list(&mut position))?),
            "floor" => query.floor = Some(reader.string()?),
            "here" => *here = Some(position(reader)?),
            "fields" => query.fields = reader.list(&mut field)?,
            "categories" => query.categories = reader.list(&mut Reader::string)?,
            "facets" => query.facets = reader.list(&mut Reader::string)?,
            "where" => query.predicates = reader.list(&mut predicates)?.into_iter().flatten().collect(),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    query.area = match (rings, edges, radius_m, query.near) {
        (Some(rings), ..) => Some(Area::Polygon(rings)),
        (None, Some(edges), ..) => Some(Area::Box(edges)),
        (None, None, Some(radius_m), Some(center)) => Some(Area::Circle { center, radius_m }),
        _ => None,
    };
    Ok(query)
}

/// The predicates of a condition; without any test the attribute has to exist.
fn predicates(reader: &mut Reader<'_>) -> Result<Vec<Predicate>> {
    let mut attribute = String::new();
    let mut tests = Vec::new();
    reader.object(&mut |reader, name| {
        let test = match name {
            "attribute" => {
                attribute = reader.string()?;
                return Ok(());
            }
            "equals" | "less" | "more" | "between" | "oneOf" if reader.null() => return Ok(()),
            "equals" => Test::Equals(value(reader)?),
            "less" => Test::Less(value(reader)?),
            "more" => Test::More(value(reader)?),
            "oneOf" => Test::OneOf(reader.list(&mut value)?),
            "between" => {
                let wrong = reader.expected("two values");
                let ends: [Value; 2] = reader.list(&mut value)?.try_into().map_err(|_| wrong)?;
                let [low, high] = ends;
                Test::Between(low, high)
            }
            _ => return reader.skip(),
        };
        tests.push(test);
        Ok(())
    })?;
    if tests.is_empty() {
        tests.push(Test::Exists);
    }
    Ok(tests.into_iter().map(|test| Predicate { attribute: attribute.clone(), test }).collect())
}

fn field(reader: &mut Reader<'_>) -> Result<FieldKind> {
    let wrong = reader.expected("name, translation, other or address");
    FieldKind::of_name(&reader.string()?).ok_or(wrong)
}

fn value(reader: &mut Reader<'_>) -> Result<Value> {
    if reader.is_string() {
        return Ok(Value::Text(reader.string()?));
    }
    match reader.flag() {
        Some(flag) => Ok(Value::Flag(flag)),
        None => Ok(Value::Number(reader.number()?)),
    }
}

fn position(reader: &mut Reader<'_>) -> Result<(f64, f64)> {
    reader.numbers().map(|[lon, lat]| (lon, lat))
}

/// A whole number, not below nought.
fn count(reader: &mut Reader<'_>) -> Result<f64> {
    let wrong = reader.expected("a whole number");
    let number = reader.number()?;
    if number >= 0.0 && number.fract() == 0.0 { Ok(number) } else { Err(wrong) }
}

/// The `Reply` that an index is there.
pub(crate) fn opened(count: usize, categories: &[(String, u32)]) -> String {
    let mut out = Writer::default();
    out.word("{").key("opened").word("{").key("count").number(count as f64);
    out.key("categories").word("[");
    for (name, count) in categories {
        out.word("[").text(name);
        out.number((*count).into());
        out.close(']');
    }
    out.close(']');
    out.close('}');
    out.close('}');
    out.finish()
}

/// What a query has found so far.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) id: f64,
    pub(crate) hits: Vec<Found>,
    pub(crate) address: Option<Found>,
    pub(crate) facets: Vec<Facet>,
    pub(crate) completions: Vec<String>,
    pub(crate) did_you_mean: Option<String>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) complete: bool,
}

/// The `Reply` with an answer.
pub(crate) fn answered(told: &Told) -> String {
    let mut out = Writer::default();
    out.word("{").key("answer").word("{").key("id").number(told.id);
    out.key("hits").word("[");
    told.hits.iter().for_each(|found| hit(&mut out, found));
    out.close(']');
    match &told.address {
        Some(found) => hit(out.key("address"), found),
        None => drop(out.key("address").word("null")),
    }
    out.key("facets").word("[");
    for facet in &told.facets {
        out.word("{").key("of").text(&facet.of);
        out.key("counts").word("[");
        for (value, count) in &facet.counts {
            out.word("[");
            put_value(&mut out, value);
            out.number((*count).into());
            out.close(']');
        }
        out.close(']');
        out.key("exact").flag(facet.exact);
        out.close('}');
    }
    out.close(']');
    out.key("completions").texts(&told.completions);
    text_or_null(out.key("didYouMean"), told.did_you_mean.as_deref());
    out.key("problems").word("[");
    for fault in &told.faults {
        out.word("{").key("code").text("search-part");
        out.key("message").text(&fault.message);
        out.key("place").text(&fault.place);
        out.close('}');
    }
    out.close(']');
    out.key("complete").flag(told.complete);
    out.close('}');
    out.close('}');
    out.finish()
}

fn hit(out: &mut Writer, found: &Found) {
    record(out.word("{").key("record"), &found.record);
    out.key("text").text(&found.text);
    out.key("matched").word("[");
    for range in &found.matched {
        out.word("[").number(range.start as f64);
        out.number(range.end as f64);
        out.close(']');
    }
    out.close(']');
    text_or_null(out.key("how"), found.how.map(How::name).as_deref());
    out.key("score").rounded(found.score, 3);
    match found.distance_m {
        Some(distance_m) => out.key("distanceM").rounded(distance_m, 2),
        None => drop(out.key("distanceM").word("null")),
    }
    out.close('}');
}

fn record(out: &mut Writer, record: &Record) {
    out.word("{");
    for (name, text) in [
        ("id", Some(&record.id)),
        ("name", Some(&record.name)),
        ("category", Some(&record.category)),
        ("address", record.address.as_ref()),
        ("floor", record.floor.as_ref()),
    ] {
        if let Some(text) = text {
            out.key(name).text(text);
        }
    }
    for (name, value, digits) in [
        ("lon", Some(record.lon), DEGREE_DIGITS),
        ("lat", Some(record.lat), DEGREE_DIGITS),
        ("importance", record.importance, 2),
        ("heightM", record.height_m, 2),
    ] {
        if let Some(value) = value {
            out.key(name).rounded(value, digits);
        }
    }
    if !record.names.is_empty() {
        out.key("names").word("{");
        record.names.iter().for_each(|(tag, name)| out.key(tag).text(name));
        out.close('}');
    }
    if !record.alt_names.is_empty() {
        out.key("altNames").texts(&record.alt_names);
    }
    if !record.attributes.is_empty() {
        out.key("attributes").word("{");
        record.attributes.iter().for_each(|(name, value)| put_value(out.key(name), value));
        out.close('}');
    }
    out.close('}');
}

fn put_value(out: &mut Writer, value: &Value) {
    match value {
        Value::Flag(flag) => out.flag(*flag),
        Value::Number(number) => out.number(*number),
        Value::Text(text) => out.text(text),
    }
}

fn text_or_null(out: &mut Writer, text: Option<&str>) {
    match text {
        Some(text) => out.text(text),
        None => drop(out.word("null")),
    }
}
