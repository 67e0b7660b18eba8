//! `citytwin search query`: asks an index in a folder as a browser would ask it, range by range.

use super::ROOT_NAME;
use anyhow::{Context, Result, bail};
use citytwin_search::{Answer, Area, Found, Need, Query, Searcher};
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
    /// Only of this category; may be given several times
    #[arg(long)]
    pub category: Vec<String>,
    /// At most so many hits
    #[arg(long, default_value_t = 10)]
    pub limit: usize,
    /// Say what each score is made of
    #[arg(long)]
    pub explain: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Answers on standard output; parts of the index that could not be used are named on standard error.
///
/// # Errors
/// When the root cannot be read or is damaged, or an argument makes no sense.
#[expect(clippy::print_stderr, reason = "the problems beside the answer")]
pub fn run_query(args: &QueryArgs) -> Result<()> {
    let query = query_of(args)?;
    let mut index = Folder::open(&args.dir)?;
    index.require_categories(&query.categories)?;
    let answer = index.answer(&query);
    for problem in &answer.problems {
        let name = index.searcher.file_name(problem.file);
        eprintln!("problem: {name}, bytes {} to {}: {}", problem.range.start, problem.range.end, problem.message);
    }
    if args.json {
        let hits: Vec<Value> = answer.hits.iter().map(|hit| hit_json(hit, args.explain)).collect();
        return Ok(crate::tell(&(serde_json::to_string_pretty(&hits)? + "\n"))?);
    }
    let mut text = String::new();
    for hit in &answer.hits {
        let distance = hit.distance_m.map(|metres| format!("  {metres:.0} m")).unwrap_or_default();
        writeln!(text, "{:6.1}  {}  [{}]  {}{distance}", hit.score, hit.text, hit.record.category, hit.record.id)?;
        if args.explain {
            let parts: Vec<String> = hit.explain.iter().map(|(part, value)| format!("{part} {value:+.1}")).collect();
            writeln!(text, "        {:?}: {}", hit.how, parts.join(", "))?;
        }
    }
    Ok(crate::tell(&text)?)
}

/// A hit as JSON: `id`, `name`, `category`, `lon`, `lat`, `score`, `match`, and what else is known.
fn hit_json(hit: &Found, explain: bool) -> Value {
    let record = &hit.record;
    let ranges: Vec<[usize; 2]> = hit.matched.iter().map(|range| [range.start, range.end]).collect();
    let mut value = json!({
        "id": record.id,
        "name": record.name,
        "category": record.category,
        "lon": record.lon,
        "lat": record.lat,
        "score": hit.score,
        "match": { "text": hit.text, "ranges": ranges, "how": hit.how.map(|how| format!("{how:?}")) },
    });
    if let Some(distance) = hit.distance_m {
        value["distanceM"] = json!(distance);
    }
    if let Some(address) = &record.address {
        value["address"] = json!(address);
    }
    if explain {
        value["explain"] = hit.explain.iter().map(|(part, value)| ((*part).to_owned(), json!(value))).collect();
    }
    value
}

/// What the arguments ask for.
fn query_of(args: &QueryArgs) -> Result<Query> {
    let near = args.near.as_deref().map(|text| numbers::<2>(text, "--near")).transpose()?;
    if near.is_some_and(|[lon, lat]| !((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat))) {
        bail!("--near takes a longitude from -180 to 180 and a latitude from -90 to 90, in degrees");
    }
    let near = near.map(|[lon, lat]| (lon, lat));
    if args.radius.is_some_and(|radius_m| !(radius_m >= 0.0 && radius_m.is_finite())) {
        bail!("--radius takes a number of metres, 0 or more");
    }
    let bbox = args.bbox.as_deref().map(|text| numbers::<4>(text, "--bbox")).transpose()?;
    if bbox.is_some_and(|[west, south, east, north]| !(west <= east && south <= north)) {
        bail!("--bbox takes west before east and south before north");
    }
    let area = match (bbox, args.radius, near) {
        (Some(edges), ..) => Some(Area::Box(edges)),
        (None, Some(radius_m), Some(center)) => Some(Area::Circle { center, radius_m }),
        _ => None,
    };
    let categories = args.category.clone();
    Ok(Query { text: args.text.clone(), limit: args.limit, near, area, categories, ..Query::default() })
}

/// An index in a folder.
pub struct Folder {
    dir: PathBuf,
    searcher: Searcher,
}

impl Folder {
    /// Reads its root.
    ///
    /// # Errors
    /// When the root cannot be read, is damaged, or of another version.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(ROOT_NAME);
        let root = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let searcher = Searcher::open(&root).with_context(|| format!("cannot use {}", path.display()))?;
        Ok(Self { dir: dir.to_owned(), searcher })
    }

    /// Answers a query, reading only the byte ranges that it needs. A missing or damaged file is a problem of the
    /// answer.
    pub fn answer(&mut self, query: &Query) -> Answer {
        loop {
            let answer = self.searcher.query(query);
            if answer.needs.is_empty() {
                return answer;
            }
            for need in &answer.needs {
                match read_range(&self.dir, self.searcher.file_name(need.file), need) {
                    Ok(bytes) => self.searcher.feed(need.file, need.range.start, bytes),
                    Err(error) => self.searcher.fail(need, &format!("cannot be read: {error}")),
                }
            }
        }
    }

    /// A misspelt category would find nothing without a word.
    fn require_categories(&self, wanted: &[String]) -> Result<()> {
        let known: Vec<&str> = self.searcher.categories().map(|(name, _)| name).collect();
        match wanted.iter().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => bail!("this index has no category {unknown:?}; it has {}", known.join(", ")),
            None => Ok(()),
        }
    }
}

fn read_range(dir: &Path, name: &str, need: &Need) -> std::io::Result<Vec<u8>> {
    if name.contains(['/', '\\', ':']) {
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
