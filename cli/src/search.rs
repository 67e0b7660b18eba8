//! `citytwin search`: builds a search index from asset lines or GeoJSON, and asks it.

use anyhow::{Context, bail};
use citytwin_search::{Answer, Area, BuildOptions, File as IndexFile, Need, Query, Record, Searcher, build};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fmt::Write;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Name of an index's root within its folder.
pub const ROOT_NAME: &str = "search.bin";

/// What to do with a search index.
#[derive(Debug, Subcommand)]
pub enum SearchCommand {
    /// Build an index of static files from asset lines (.ndjson) or GeoJSON points and shapes
    Build(BuildArgs),
    /// Ask an index
    Query(QueryArgs),
}

/// What `citytwin search build` is told.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Newline-delimited JSON of assets, or a GeoJSON FeatureCollection
    pub input: PathBuf,
    /// Folder to put the index into; made when absent
    #[arg(long)]
    pub out: PathBuf,
    /// Digits of a degree that positions keep: 6 is 0.1 m, 5 is 1 m and a smaller index
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(3..=7))]
    pub digits: u32,
}

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
    #[arg(long, value_name = "METRES", requires = "near")]
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

/// Carries out a command; results go to standard output, problems to standard error.
///
/// # Errors
/// When a file cannot be read or written, the input holds no asset, the index's root is damaged, or an argument makes
/// no sense.
pub fn run(command: &SearchCommand) -> anyhow::Result<()> {
    match command {
        SearchCommand::Build(args) => run_build(args),
        SearchCommand::Query(args) => run_query(args),
    }
}

#[expect(clippy::print_stderr, reason = "the command's report")]
fn run_build(args: &BuildArgs) -> anyhow::Result<()> {
    let bytes = std::fs::read(&args.input).with_context(|| format!("cannot read {}", args.input.display()))?;
    let (records, bad) = read_records(&bytes)?;
    drop(bytes);
    for (place, message) in bad.iter().take(10) {
        eprintln!("left out: {place}: {message}");
    }
    if bad.len() > 10 {
        eprintln!("left out: {} more", bad.len() - 10);
    }
    if records.is_empty() {
        bail!("{} holds no asset", args.input.display());
    }
    let index = build(records, &BuildOptions { position_digits: args.digits });
    write_index(&index, &args.out)?;
    let total: usize = index.root.len() + index.files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    eprintln!("{} assets, {} keys, {} bytes in {}", index.record_count, index.term_count, total, args.out.display());
    Ok(())
}

/// Writes an index into a folder, its root last, so that a reader never sees a root without its files.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write_index(index: &citytwin_search::BuiltIndex, out: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let root = [(ROOT_NAME.to_owned(), &index.root)];
    for (name, bytes) in index.files.iter().map(|(name, bytes)| (name.clone(), bytes)).chain(root) {
        let path = out.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Records, and where in the input something that is no record stands, with the reason.
type Parsed = (Vec<Record>, Vec<(String, String)>);

/// Reads asset lines or GeoJSON, whichever it is.
///
/// # Errors
/// When the input is one JSON document but no GeoJSON `FeatureCollection`.
pub fn read_records(bytes: &[u8]) -> anyhow::Result<Parsed> {
    let head = &bytes[..bytes.len().min(4096)];
    let geojson = String::from_utf8_lossy(head).contains("FeatureCollection");
    if geojson { read_geojson(bytes) } else { Ok(read_lines(bytes)) }
}

fn read_lines(bytes: &[u8]) -> Parsed {
    let mut records = Vec::new();
    let mut bad = Vec::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<Record>(line) {
            Ok(record) => records.push(record),
            Err(error) => bad.push((format!("line {}", number + 1), error.to_string())),
        }
    }
    (records, bad)
}

fn read_geojson(bytes: &[u8]) -> anyhow::Result<Parsed> {
    let document: Value = serde_json::from_slice(bytes).context("this is not GeoJSON")?;
    let Some(features) = document["features"].as_array() else { bail!("this GeoJSON has no features") };
    let mut records = Vec::new();
    let mut bad = Vec::new();
    for (number, feature) in features.iter().enumerate() {
        match record_of_feature(feature) {
            Ok(record) => records.push(record),
            Err(message) => bad.push((format!("feature {}", number + 1), message.to_owned())),
        }
    }
    Ok((records, bad))
}

/// A feature's properties are those of an asset line, or OpenStreetMap's (`name:sv`, `addr:street`).
fn record_of_feature(feature: &Value) -> Result<Record, &'static str> {
    let properties = &feature["properties"];
    let text = |key: &str| properties[key].as_str().map(str::to_owned);
    let id = match [&feature["id"], &properties["id"], &properties["@id"]].into_iter().find(|id| !id.is_null()) {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => return Err("it has no id"),
    };
    let mut positions = Vec::new();
    collect_positions(&feature["geometry"]["coordinates"], &mut positions);
    if positions.is_empty() {
        return Err("it has no position");
    }
    // The middle of what it covers.
    let middle = |axis: usize| {
        let values = positions.iter().map(|position| position[axis]);
        let (least, most) = values.fold((f64::MAX, f64::MIN), |(least, most), v| (least.min(v), most.max(v)));
        f64::midpoint(least, most)
    };
    let mut record = Record {
        id,
        name: text("name").ok_or("it has no name")?,
        category: text("category").or_else(|| text("amenity")).or_else(|| text("kind")).unwrap_or("place".to_owned()),
        lon: middle(0),
        lat: middle(1),
        address: text("address").or_else(|| match (text("addr:street"), text("addr:housenumber")) {
            (Some(street), Some(number)) => Some(format!("{street} {number}")),
            (street, _) => street,
        }),
        importance: properties["importance"].as_f64(),
        height_m: properties["height"].as_f64(),
        floor: text("floor").or_else(|| text("level")),
        ..Record::default()
    };
    for (key, value) in properties.as_object().into_iter().flatten() {
        let Some(value) = value.as_str() else { continue };
        match key.split_once(':') {
            Some(("name", tag)) => {
                record.names.insert(tag.to_owned(), value.to_owned());
            }
            None if matches!(key.as_str(), "alt_name" | "old_name" | "short_name" | "ref") => {
                record.alt_names.extend(value.split(';').map(|name| name.trim().to_owned()));
            }
            _ => {}
        }
    }
    Ok(record)
}

fn collect_positions(coordinates: &Value, positions: &mut Vec<[f64; 2]>) {
    match coordinates.as_array().map(Vec::as_slice) {
        Some([lon, lat, ..]) if lon.is_number() && lat.is_number() => {
            positions.extend(lon.as_f64().zip(lat.as_f64()).map(|(lon, lat)| [lon, lat]));
        }
        Some(inner) => inner.iter().for_each(|part| collect_positions(part, positions)),
        None => {}
    }
}

#[expect(clippy::print_stderr, reason = "the problems beside the answer")]
fn run_query(args: &QueryArgs) -> anyhow::Result<()> {
    let near = args.near.as_deref().map(|text| numbers::<2>(text, "--near")).transpose()?.map(|[lon, lat]| (lon, lat));
    let bbox = args.bbox.as_deref().map(|text| numbers::<4>(text, "--bbox")).transpose()?;
    let area = match (bbox, args.radius, near) {
        (Some(edges), ..) => Some(Area::Box(edges)),
        (None, Some(radius_m), Some(center)) => Some(Area::Circle { center, radius_m }),
        _ => None,
    };
    let query = Query {
        text: args.text.clone(),
        limit: args.limit,
        near,
        area,
        categories: args.category.clone(),
        ..Query::default()
    };
    let answer = answer(&args.dir, &query)?;
    for problem in &answer.problems {
        eprintln!("problem: {:?} {}..{}: {}", problem.file, problem.range.start, problem.range.end, problem.message);
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
fn hit_json(hit: &citytwin_search::Found, explain: bool) -> Value {
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

/// Asks the index in a folder, reading only the byte ranges that the query needs.
///
/// # Errors
/// When the root cannot be read or is damaged. A missing or damaged other file is a problem of the answer.
pub fn answer(dir: &Path, query: &Query) -> anyhow::Result<Answer> {
    let path = dir.join(ROOT_NAME);
    let root = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut searcher = Searcher::open(&root).with_context(|| format!("cannot use {}", path.display()))?;
    loop {
        let answer = searcher.query(query);
        if answer.needs.is_empty() {
            return Ok(answer);
        }
        for need in &answer.needs {
            match read_range(&dir.join(searcher.file_name(need.file)), need) {
                Ok(bytes) => searcher.feed(need.file, need.range.start, bytes),
                Err(error) => searcher.fail(need, &format!("cannot be read: {error}")),
            }
        }
    }
}

fn read_range(path: &Path, need: &Need) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
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
fn numbers<const N: usize>(text: &str, argument: &str) -> anyhow::Result<[f64; N]> {
    let parsed: Result<Vec<f64>, _> = text.split(',').map(|part| part.trim().parse()).collect();
    let finite = parsed.ok().filter(|values| values.iter().all(|value: &f64| value.is_finite()));
    match finite.and_then(|values| <[f64; N]>::try_from(values).ok()) {
        Some(values) => Ok(values),
        None => bail!("{argument} takes {N} numbers with commas between them, not \"{text}\""),
    }
}

/// The names of the files of an index, for those who copy or serve it.
pub fn file_names(searcher: &Searcher) -> Vec<String> {
    IndexFile::ALL.iter().map(|file| searcher.file_name(*file).to_owned()).collect()
}
