//! What can be asked, and what an answer says.

use crate::matcher::How;
use crate::place::Area;
use crate::record::{FieldKind, Record};
use crate::store::{Need, Problem};
use crate::value::Value;
use std::ops::Range;

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// What was typed; when empty, everything within the other conditions is a hit.
    pub text: String,
    /// At most this many hits; [`Query::new`] says 10. With none, what is found is still counted for the facets.
    pub limit: usize,
    /// Prefer what is near this longitude and latitude (degrees). Without a text: the nearest first.
    pub near: Option<(f64, f64)>,
    /// Only what lies here: a box (what is in view), a circle, a polygon.
    pub area: Option<Area>,
    /// Only these categories; empty for all.
    pub categories: Vec<String>,
    /// Match the text against these fields alone; empty for all.
    pub fields: Vec<FieldKind>,
    /// Only what is on this floor, as its venue names it.
    pub floor: Option<String>,
    /// Only records whose attributes meet all of these.
    pub predicates: Vec<Predicate>,
    /// Count the hits by these: `category`, or the name of an attribute.
    pub facets: Vec<String>,
    /// Look at everything that could match, however long it takes. Default `false`: a query looks at the best
    /// few thousand records of each kind of match.
    pub exhaustive: bool,
}

impl Query {
    /// A query for a text with ten hits.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), limit: 10, ..Self::default() }
    }

    /// Whether nothing but the text says what is wanted.
    pub(crate) fn is_plain(&self) -> bool {
        self.area.is_none() && self.categories.is_empty() && self.fields.is_empty() && !self.looks_inside()
    }

    /// Whether ten of one name would hide all others: where no place is asked for.
    pub(crate) fn spreads_names(&self) -> bool {
        self.near.is_none() && self.area.is_none() && !self.text.trim().is_empty()
    }

    /// Whether a record's floor or attributes matter.
    pub(crate) fn looks_inside(&self) -> bool {
        self.floor.is_some() || !self.predicates.is_empty()
    }
}

/// A condition on one attribute. A record without the attribute meets none.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    /// Name of the attribute.
    pub attribute: String,
    /// What its value must be.
    pub test: Test,
}

impl Predicate {
    /// Whether a record meets it.
    pub fn holds(&self, record: &Record) -> bool {
        record.attributes.get(&self.attribute).is_some_and(|value| self.test.holds(value))
    }
}

/// What the value of an attribute must be. Numbers compare with numbers and texts with texts, byte by byte.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Anything.
    Exists,
    /// This.
    Equals(Value),
    /// Less than this.
    Less(Value),
    /// More than this.
    More(Value),
    /// From the first to the second, both included.
    Between(Value, Value),
    /// One of these.
    OneOf(Vec<Value>),
}

impl Test {
    /// Whether a value passes.
    pub fn holds(&self, value: &Value) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let is = |other: &Value, wanted| value.compare(other) == Some(wanted);
        match self {
            Self::Exists => true,
            Self::Equals(other) => is(other, Equal),
            Self::Less(other) => is(other, Less),
            Self::More(other) => is(other, Greater),
            Self::Between(low, high) => (is(low, Greater) || is(low, Equal)) && (is(high, Less) || is(high, Equal)),
            Self::OneOf(others) => others.iter().any(|other| is(other, Equal)),
        }
    }
}

/// One found record.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What was found.
    pub record: Record,
    /// Its number in this index.
    pub number: u32,
    /// The text that matched: its name, another name, or its address; its name when no text was asked for.
    pub text: String,
    /// Byte ranges of `text` that the query matched, ascending.
    pub matched: Vec<Range<usize>>,
    /// How the least good word of the query matched; `None` when no text was asked for.
    pub how: Option<How>,
    /// The query is the whole of `text`.
    pub whole: bool,
    /// Metres from [`Query::near`].
    pub distance_m: Option<f64>,
    /// Higher is better; comparable within one answer. The sum of `explain`.
    pub score: f64,
    /// What the score is made of.
    pub explain: Vec<(&'static str, f64)>,
}

/// How many hits have which value.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    /// `category`, or the name of an attribute.
    pub of: String,
    /// Values with their number of hits, the most frequent first.
    pub counts: Vec<(Value, u32)>,
    /// The counts are those of all matches: of exhaustive queries, and of those for all that lies in an area, unless it
    /// is most of a large index. `false`: of those that were looked at, so there are at least so many.
    pub exact: bool,
}

/// What a query found so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The best hits, best first.
    pub hits: Vec<Found>,
    /// Counts for [`Query::facets`], in their order.
    pub facets: Vec<Facet>,
    /// How the words typed so far go on in the best hits: whole texts to be offered instead of the query.
    pub completions: Vec<String>,
    /// The query with its mistakes corrected, when nothing matches it as it was typed.
    pub did_you_mean: Option<String>,
    /// What to fetch for a better answer. Empty when this is the final one. A host that is offline says so by
    /// [`crate::Searcher::fail`]: the parts that lack are then named in `problems`.
    pub needs: Vec<Need>,
    /// Parts of the index that could not be used.
    pub problems: Vec<Problem>,
}

impl Answer {
    /// Whether nothing lacks: all parts that the query needed have arrived and could be read.
    pub fn is_complete(&self) -> bool {
        self.needs.is_empty() && self.problems.is_empty()
    }
}

/// What lies at a position.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Here {
    /// The nearest records, the nearest first.
    pub nearest: Vec<Found>,
    /// The nearest record that has an address or is one.
    pub address: Option<Found>,
    /// As in [`Answer`].
    pub needs: Vec<Need>,
    /// As in [`Answer`].
    pub problems: Vec<Problem>,
}
