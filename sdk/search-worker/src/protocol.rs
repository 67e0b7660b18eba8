//! What a page and the search worker say to each other, in JSON. The shell includes this file as its own module, so
//! that both sides read the same types and the shell does not link the engine; `sdk/ts/search.ts` names the same
//! fields for JavaScript.
//!
//! A page says `{"open": URL of the root}` first, then `{"ask": `[`Ask`]`}`, `{"cancel": number of a query}` and `{"retry":
//! true}`, which lets the next query ask again for what failed. The worker answers with a [`Reply`].

use citytwin_search::{Record, Value};
use serde::{Deserialize, Serialize};

/// A query with its number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// Chosen by the page; answers carry it.
    pub(crate) id: u32,
    /// What to look for.
    pub(crate) query: Query,
}

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Query {
    /// What was typed; when empty, everything within the other conditions is a hit.
    pub(crate) text: String,
    /// At most this many hits; 10 when absent.
    pub(crate) limit: Option<usize>,
    /// Prefer what is near this longitude and latitude (degrees).
    pub(crate) near: Option<[f64; 2]>,
    /// Only within so many metres of `near`.
    pub(crate) radius_m: Option<f64>,
    /// Only within these west, south, east and north edges (degrees).
    pub(crate) bbox: Option<[f64; 4]>,
    /// Only within these rings of longitudes and latitudes (degrees); a ring within another is a hole.
    pub(crate) polygon: Option<Vec<Vec<(f64, f64)>>>,
    /// What lies at this longitude and latitude (degrees), instead of a search: the nearest things, and the nearest
    /// address. Of the other fields only the limit counts.
    pub(crate) here: Option<[f64; 2]>,
    /// Only of these categories; empty for all.
    pub(crate) categories: Vec<String>,
    /// Match the text against these alone (`name`, `translation`, `other`, `address`); empty for all.
    pub(crate) fields: Vec<String>,
    /// Only what is on this floor, as its venue names it.
    pub(crate) floor: Option<String>,
    /// Only what meets all of these.
    #[serde(rename = "where")]
    pub(crate) conditions: Vec<Condition>,
    /// Count the hits by these: `category`, or the name of an attribute.
    pub(crate) facets: Vec<String>,
}

/// A condition on an attribute; each test that is there must pass, and without any the attribute has to exist.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Condition {
    /// The attribute's name.
    pub(crate) attribute: String,
    /// It is this.
    pub(crate) equals: Option<Value>,
    /// It is less than this.
    pub(crate) less: Option<Value>,
    /// It is more than this.
    pub(crate) more: Option<Value>,
    /// It lies between these, both included.
    pub(crate) between: Option<(Value, Value)>,
    /// It is one of these.
    pub(crate) one_of: Option<Vec<Value>>,
}

/// What the worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Reply {
    /// The index is there.
    Opened(Opened),
    /// The index cannot be used, or the worker has broken down; no query will be answered.
    Failed(Problem),
    /// What a query has found so far.
    Answer(Answer),
}

/// An index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// Number of records.
    pub(crate) count: usize,
    /// Its categories with their number of records, by name.
    pub(crate) categories: Vec<(String, u32)>,
}

/// What a query has found so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    /// The query's number.
    pub(crate) id: u32,
    /// The best hits, best first; or what lies at [`Query::here`], the nearest first.
    pub(crate) hits: Vec<Hit>,
    /// The nearest that has an address or is one, for [`Query::here`].
    pub(crate) address: Option<Box<Hit>>,
    /// Counts for [`Query::facets`], in their order.
    pub(crate) facets: Vec<Facet>,
    /// Whole texts of the best hits that the words typed so far begin.
    pub(crate) completions: Vec<String>,
    /// The query with its mistakes corrected, when nothing matches it as it was typed.
    pub(crate) did_you_mean: Option<String>,
    /// Parts of the index that could not be used.
    pub(crate) problems: Vec<Problem>,
    /// Nothing more is to come.
    pub(crate) complete: bool,
}

/// How many hits have which value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facet {
    /// `category`, or the name of an attribute.
    pub(crate) of: String,
    /// Values with their number of hits, the most frequent first.
    pub(crate) counts: Vec<(Value, u32)>,
    /// Whether all matches were counted; if not, there are at least so many.
    pub(crate) exact: bool,
}

/// One found record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hit {
    /// What was found.
    pub(crate) record: Record,
    /// Its text that matched: its name, another name, or its address.
    pub(crate) text: String,
    /// Byte ranges of `text` that the query matched, ascending.
    pub(crate) matched: Vec<[usize; 2]>,
    /// How the least good word of the query matched (`Prefix`, `Typo(1)`).
    pub(crate) how: Option<String>,
    /// Higher is better; comparable within one answer.
    pub(crate) score: f64,
    /// Metres from `near`.
    pub(crate) distance_m: Option<f64>,
}

/// A fault from which the search goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// For programs: short and stable.
    pub(crate) code: String,
    /// For people.
    pub(crate) message: String,
    /// A URL, and within it bytes.
    pub(crate) place: String,
}
