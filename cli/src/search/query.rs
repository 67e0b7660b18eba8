//! `citytwin search query`: asks an index in a folder as a browser would ask it, range by range.

use super::ROOT_NAME;
use anyhow::{Context, Result, bail};
use citytwin_search::{
    Area, Facet, FieldKind, Found, How, Need, Predicate, Problem, Query, Searcher, Shards, Stack, StackAnswer,
    StackHere, Test, Value as Attribute, is_plain_name,
};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// What `citytwin search query` is told.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// Folder of the index
    pub dir: PathBuf,
    /// What to look for; may be empty with --near, --bbox or --category
    #[arg(default_value = "")]
    pub text: String,
    /// Prefer what is near; without a text, the nearest first
    #[arg(long, value_name = "LON,LAT", allow_hyphen_values = true)]
    pub near: Option<String>,
    /// Only within so many metres of --near
    #[arg(long, value_name = "METRES", requires = "near", allow_negative_numbers = true)]
    pub radius: Option<f64>,
    /// Only within these edges
    #[arg(long, value_name = "WEST,SOUTH,EAST,NORTH", allow_hyphen_values = true, conflicts_with = "radius")]
    pub bbox: Option<String>,
    /// Only within this polygon
    #[arg(long, value_name = "LON,LAT LON,LAT …", allow_hyphen_values = true, conflicts_with_all = ["bbox", "radius"])]
    pub polygon: Option<String>,
    /// Only of this category; may be given several times
    #[arg(long)]
    pub category: Vec<String>,
    /// Match the text against this alone: name, translation, other (an old or other name) or address; may be given
    /// several times
    #[arg(long = "field", value_name = "FIELD")]
    pub fields: Vec<String>,
    /// Only on this floor, as its venue names it
    #[arg(long, allow_hyphen_values = true)]
    pub floor: Option<String>,
    /// Only where an attribute is so; may be given several times: NAME, NAME=VALUE, NAME<VALUE, NAME>VALUE,
    /// NAME=LOW..HIGH or NAME=ONE|OTHER
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// Count the hits by category, or by this attribute; may be given several times. JSON is then an object of hits and
    /// facets
    #[arg(long, value_name = "category|NAME")]
    pub facets: Vec<String>,
    /// What is here? The nearest things and the nearest address, instead of a search
    #[arg(long, value_name = "LON,LAT", allow_hyphen_values = true,
          conflicts_with_all = ["text", "near", "bbox", "polygon", "category", "fields", "floor", "conditions", "facets"])]
    pub reverse: Option<String>,
    /// At most so many hits
    #[arg(long, default_value_t = 10)]
    pub limit: usize,
    /// Say what each score is made of
    #[arg(long)]
    pub explain: bool,
    /// Print JSON: of each hit id, name, category, lon, lat, score and match
    #[arg(long)]
    pub json: bool,
    /// With --json: also what else is known of each hit (address, floor, attributes)
    #[arg(long, requires = "json")]
    pub details: bool,
}

/// Answers on standard output; parts of the index that could not be used are named on standard error.
///
/// # Errors
/// When the root cannot be read or is damaged, or an argument makes no sense.
#[expect(clippy::print_stderr, reason = "the problems beside the answer")]
pub fn run_query(args: &QueryArgs) -> Result<()> {
    let mut index = Folder::open(&args.dir)?;
    let (text, problems): (String, Vec<(usize, Problem)>) = match &args.reverse {
        Some(position) => {
            let here = index.here(position_of(position, "--reverse")?, args.limit);
            (tell_here(&here, args)?, here.problems)
        }
        None => {
            let query = query_of(args)?;
            index.require_categories(&query.categories)?;
            let answer = index.answer(&query);
            (tell_answer(&answer, args)?, answer.problems)
        }
    };
    for lost in &index.lost {
        eprintln!("problem: {lost}");
    }
    for (part, problem) in &problems {
        let name = index.stack.parts()[*part].file_name(problem.file);
        eprintln!("problem: {name}, bytes {} to {}: {}", problem.range.start, problem.range.end, problem.message);
    }
    Ok(crate::tell(&text)?)
}

fn tell_answer(answer: &StackAnswer, args: &QueryArgs) -> Result<String> {
    if args.json {
        let hits: Value = answer.hits.iter().map(|(_, hit)| hit_json(hit, args)).collect();
        let value = if args.facets.is_empty() { hits } else { json!({ "hits": hits, "facets": facets_json(answer) }) };
        return Ok(serde_json::to_string_pretty(&value)? + "\n");
    }
    let mut text = answer.hits.iter().map(|(_, hit)| hit_line(hit, args.explain)).collect::<String>();
    for facet in &answer.facets {
        let at_least = if facet.exact { "" } else { ", at least" };
        writeln!(text, "by {}{at_least}:", facet.of)?;
        for (value, count) in &facet.counts {
            writeln!(text, "{count:6}  {}", plain(value))?;
        }
    }
    if let Some(meant) = &answer.did_you_mean {
        writeln!(text, "did you mean {meant:?}?")?;
    }
    Ok(text)
}

fn tell_here(here: &StackHere, args: &QueryArgs) -> Result<String> {
    if args.json {
        let nearest: Value = here.nearest.iter().map(|(_, hit)| hit_json(hit, args)).collect();
        let address = here.address.as_ref().map(|(_, hit)| hit_json(hit, args));
        return Ok(serde_json::to_string_pretty(&json!({ "nearest": nearest, "address": address }))? + "\n");
    }
    let address = here.address.iter().map(|(_, hit)| {
        let record = &hit.record;
        format!("address: {}\n", record.address.as_deref().unwrap_or(&record.name))
    });
    Ok(address.chain(here.nearest.iter().map(|(_, hit)| hit_line(hit, args.explain))).collect())
}

fn facets_json(answer: &StackAnswer) -> Value {
    let facet = |facet: &Facet| json!({ "of": facet.of, "counts": facet.counts, "exact": facet.exact });
    answer.facets.iter().map(facet).collect()
}

fn plain(value: &Attribute) -> String {
    match value {
        Attribute::Flag(flag) => flag.to_string(),
        Attribute::Number(number) => number.to_string(),
        Attribute::Text(text) => text.clone(),
    }
}

fn hit_line(hit: &Found, explain: bool) -> String {
    let distance = hit.distance_m.map(|metres| format!("  {metres:.0} m")).unwrap_or_default();
    let line = format!("{:6.1}  {}  [{}]  {}{distance}\n", hit.score, hit.text, hit.record.category, hit.record.id);
    if !explain {
        return line;
    }
    let parts: Vec<String> = hit.explain.iter().map(|(part, value)| format!("{part} {value:+.1}")).collect();
    let how = hit.how.map_or_else(|| "no text".to_owned(), How::name);
    format!("{line}        {how}: {}\n", parts.join(", "))
}

/// A hit as JSON: `id`, `name`, `category`, `lon`, `lat`, `score`, `match`, and more where more is asked for.
fn hit_json(hit: &Found, args: &QueryArgs) -> Value {
    let record = &hit.record;
    let ranges: Vec<[usize; 2]> = hit.matched.iter().map(|range| [range.start, range.end]).collect();
    let mut value = json!({
        "id": record.id,
        "name": record.name,
        "category": record.category,
        "lon": record.lon,
        "lat": record.lat,
        "score": hit.score,
        "match": { "text": hit.text, "ranges": ranges, "how": hit.how.map(How::name) },
    });
    if let Some(distance) = hit.distance_m {
        value["match"]["distanceM"] = json!(distance);
    }
    if args.details || args.reverse.is_some() {
        value["address"] = json!(record.address);
        value["floor"] = json!(record.floor);
        value["attributes"] = json!(record.attributes);
    }
    if args.explain {
        value["explain"] = hit.explain.iter().map(|(part, value)| ((*part).to_owned(), json!(value))).collect();
    }
    value
}

/// What the arguments ask for.
fn query_of(args: &QueryArgs) -> Result<Query> {
    let near = args.near.as_deref().map(|text| position_of(text, "--near")).transpose()?;
    Ok(Query {
        text: args.text.clone(),
        limit: args.limit,
        near,
        area: area_of(args, near)?,
        categories: args.category.clone(),
        fields: args.fields.iter().map(|name| field(name)).collect::<Result<_>>()?,
        floor: args.floor.clone(),
        predicates: args.conditions.iter().map(|text| predicate(text)).collect::<Result<_>>()?,
        facets: args.facets.clone(),
        ..Query::default()
    })
}

fn field(name: &str) -> Result<FieldKind> {
    match FieldKind::of_name(name) {
        Some(field) => Ok(field),
        None => bail!("--field takes name, translation, other or address, not {name:?}"),
    }
}

fn area_of(args: &QueryArgs, near: Option<(f64, f64)>) -> Result<Option<Area>> {
    if let Some(text) = &args.polygon {
        let ring =
            text.split_whitespace().map(|corner| position_of(corner, "--polygon")).collect::<Result<Vec<_>>>()?;
        if ring.len() < 3 {
            bail!("--polygon takes three corners or more");
        }
        return Ok(Some(Area::Polygon(vec![ring])));
    }
    if let Some(text) = &args.bbox {
        let edges @ [west, south, east, north] = numbers::<4>(text, "--bbox")?;
        if !(west <= east && south <= north) {
            bail!("--bbox takes west before east and south before north");
        }
        return Ok(Some(Area::Box(edges)));
    }
    let (Some(radius_m), Some(center)) = (args.radius, near) else { return Ok(None) };
    if !(radius_m >= 0.0 && radius_m.is_finite()) {
        bail!("--radius takes a number of metres, 0 or more");
    }
    Ok(Some(Area::Circle { center, radius_m }))
}

fn position_of(text: &str, argument: &str) -> Result<(f64, f64)> {
    let [lon, lat] = numbers::<2>(text, argument)?;
    if !((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat)) {
        bail!("{argument} takes a longitude from -180 to 180 and a latitude from -90 to 90, in degrees");
    }
    Ok((lon, lat))
}

/// `floors`, `floors=3`, `floors<3`, `floors=3..5`, `use=school|church`.
fn predicate(text: &str) -> Result<Predicate> {
    let (attribute, test) = match text.find(['=', '<', '>']) {
        None => (text, Test::Exists),
        Some(at) => {
            let (value, is) = (text[at + 1..].trim(), &text[at..=at]);
            if value.is_empty() || value.starts_with('=') {
                bail!(
                    "--where takes NAME, NAME=VALUE, NAME<VALUE, NAME>VALUE, NAME=LOW..HIGH or NAME=ONE|OTHER, not {text:?}"
                );
            }
            let test = match (is, value.split_once("..")) {
                ("<", _) => Test::Less(attribute_value(value)),
                (">", _) => Test::More(attribute_value(value)),
                (_, Some((low, high))) => Test::Between(attribute_value(low), attribute_value(high)),
                _ if value.contains('|') => Test::OneOf(value.split('|').map(attribute_value).collect()),
                _ => Test::Equals(attribute_value(value)),
            };
            (&text[..at], test)
        }
    };
    if attribute.trim().is_empty() {
        bail!("--where {text:?} names no attribute");
    }
    Ok(Predicate { attribute: attribute.trim().to_owned(), test })
}

/// A number, yes or no (`true`, `false`), or else a text.
fn attribute_value(text: &str) -> Attribute {
    let text = text.trim();
    match (text, text.parse::<f64>()) {
        ("true", _) => Attribute::Flag(true),
        ("false", _) => Attribute::Flag(false),
        (_, Ok(number)) if number.is_finite() => Attribute::Number(number),
        _ => Attribute::Text(text.to_owned()),
    }
}

/// An index in a folder, or its shards and overlays.
pub struct Folder {
    dir: PathBuf,
    stack: Stack,
    /// Roots that cannot be used, and why.
    lost: Vec<String>,
}

impl Folder {
    /// Reads its root, or those that its list of shards names; one that cannot be used is left out.
    ///
    /// # Errors
    /// When no root can be read, is undamaged, and of this version.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(ROOT_NAME);
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let cannot = || format!("cannot use {}", path.display());
        let mut folder = Self { dir: dir.to_owned(), stack: Stack::default(), lost: Vec::new() };
        let Some(list) = Shards::read(&bytes).with_context(cannot)? else {
            folder.stack.push(Searcher::open(&bytes).with_context(cannot)?);
            return Ok(folder);
        };
        for name in &list.roots {
            let opened =
                std::fs::read(dir.join(name)).context("cannot be read").and_then(|bytes| Ok(Searcher::open(&bytes)?));
            match opened {
                Ok(searcher) => folder.stack.push(searcher),
                Err(error) => folder.lost.push(format!("{name}: {error:#}")),
            }
        }
        if folder.stack.parts().is_empty() {
            bail!("{}: {}", cannot(), folder.lost.join("; "));
        }
        Ok(folder)
    }

    /// Answers a query, reading only the byte ranges that it needs. A missing or damaged file is a problem of the
    /// answer.
    pub fn answer(&mut self, query: &Query) -> StackAnswer {
        loop {
            let answer = self.stack.query(query);
            if answer.needs.is_empty() {
                return answer;
            }
            self.read(&answer.needs);
        }
    }

    /// What lies at a longitude and latitude (degrees).
    pub fn here(&mut self, position: (f64, f64), limit: usize) -> StackHere {
        loop {
            let here = self.stack.here(position, limit);
            if here.needs.is_empty() {
                return here;
            }
            self.read(&here.needs);
        }
    }

    fn read(&mut self, needs: &[(usize, Need)]) {
        for (part, need) in needs {
            let searcher = &mut self.stack.parts_mut()[*part];
            match read_range(&self.dir, searcher.file_name(need.file), need) {
                Ok(bytes) => searcher.feed(need.file, need.range.start, bytes),
                Err(error) => searcher.fail(need, &format!("cannot be read: {error}")),
            }
        }
    }

    /// A misspelt category would find nothing without a word.
    fn require_categories(&self, wanted: &[String]) -> Result<()> {
        let known: Vec<String> = self.stack.categories().into_iter().map(|(name, _)| name).collect();
        match wanted.iter().find(|name| !known.contains(name)) {
            Some(unknown) => bail!("this index has no category {unknown:?}; it has {}", known.join(", ")),
            None => Ok(()),
        }
    }
}

fn read_range(dir: &Path, name: &str, need: &Need) -> std::io::Result<Vec<u8>> {
    if !is_plain_name(name) {
        return Err(std::io::Error::other("the root names a file outside its folder"));
    }
    let mut file = std::fs::File::open(dir.join(name))?;
    // A damaged root may ask for more than there is.
    let end = need.range.end.min(file.metadata()?.len());
    if end < need.range.end {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the file is too short"));
    }
    file.seek(SeekFrom::Start(need.range.start))?;
    let mut bytes = vec![0; usize::try_from(end - need.range.start).unwrap_or(usize::MAX)];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Numbers between commas.
fn numbers<const N: usize>(text: &str, argument: &str) -> Result<[f64; N]> {
    let parsed: Result<Vec<f64>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    let finite = parsed.ok().filter(|values| values.iter().all(|value: &f64| value.is_finite()));
    match finite.and_then(|values| <[f64; N]>::try_from(values).ok()) {
        Some(values) => Ok(values),
        None => bail!("{argument} takes {N} numbers with commas between them, not \"{text}\""),
    }
}
