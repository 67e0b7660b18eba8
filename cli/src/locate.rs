//! `citytwin locate`: radio maps from surveys, and how far off their answers are.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A command talks to its person.

mod run;

use anyhow::{Context, bail};
use citytwin_positioning::evaluate::{self, Located, Method, Sample, Summary, SurveyWalk};
use citytwin_positioning::formats::{read_uji, read_walk};
use citytwin_positioning::radio::{Fingerprint, QueryOptions, RadioMap, SurveyOptions};
use citytwin_positioning::smooth::SmoothOptions;
use citytwin_positioning::venue::Venue;
use citytwin_positioning::{IndoorOptions, Radii};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What `citytwin locate` can do.
#[derive(clap::Subcommand)]
pub enum LocateCommand {
    /// Makes a radio map of a survey: a fingerprint table (UJIIndoorLoc's CSV, also .gz) or walks (SITE/FLOOR/*.txt.gz).
    Survey {
        /// The table or the site's folder.
        survey: PathBuf,
        /// The radio map to write.
        #[arg(long)]
        out: PathBuf,
    },
    /// Locates: one answer for each observation that changed it more than a step does, at least one each second.
    Run {
        /// Observations: one JSON object a line as the positioning schema has it (also .gz), its binary form, or a walk's lines.
        #[arg(required = true)]
        observations: Vec<PathBuf>,
        /// The radio map; without one, by whatever else is observed.
        #[arg(long)]
        radio_map: Option<PathBuf>,
        /// The venue: a folder with IMDF, IndoorGML or GeoJSON.
        #[arg(long)]
        venue: Option<PathBuf>,
        /// One JSON object a line instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Tells how far off the answers are: with a map, or cross-validated without one.
    Evaluate {
        /// Fingerprint tables; or a site's folder, a floor's, or walks in one (FLOOR/*.txt.gz). Way-points are truth only.
        #[arg(required = true)]
        observations: Vec<PathBuf>,
        /// The radio map. Without one, each user (table) or each fifth of the walks is located by a map of the others.
        #[arg(long)]
        radio_map: Option<PathBuf>,
        /// The venue of the walks, in the radio map's metres: a folder with IMDF, IndoorGML or GeoJSON.
        #[arg(long)]
        venue: Option<PathBuf>,
        /// Only these users of a table or fifths of the walks (0 to 4), separated by commas: report on what no parameter was chosen on.
        #[arg(long, value_delimiter = ',')]
        only: Vec<u32>,
        /// Walks by what came before each way-point only: what a visitor gets. Without this and `--offline`, both.
        #[arg(long, conflicts_with = "offline")]
        causal: bool,
        /// Whole walks at once, smoothed.
        #[arg(long)]
        offline: bool,
        /// One JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
}

/// Carries out a command.
///
/// # Errors
/// When a file cannot be read or written, or is neither a survey nor a radio map.
pub fn run(command: LocateCommand) -> anyhow::Result<()> {
    match command {
        LocateCommand::Survey { survey, out } => {
            let map = make_map(&read_survey(&[survey])?);
            let bytes = map.to_bytes();
            std::fs::write(&out, &bytes).with_context(|| format!("writing {}", out.display()))?;
            println!("{}: {} cells, {} bytes", out.display(), map.cell_count(), bytes.len());
            Ok(())
        }
        LocateCommand::Run { observations, radio_map, venue, json } => {
            run::run(&observations, radio_map.as_deref(), venue.as_deref(), json)
        }
        LocateCommand::Evaluate { observations, radio_map, venue, only, causal, offline, json } => {
            let survey = read_survey(&observations)?;
            let venue = venue.as_deref().map(run::read_venue).transpose()?.map(Arc::new);
            if let (Survey::Table(_), Some(_)) = (&survey, &venue) {
                eprintln!("warning: a venue tells nothing of single fingerprints");
            }
            let located = Evaluation { survey: &survey, venue, only: &only, methods: methods(causal, offline) };
            let rows = match radio_map {
                Some(path) => located.by_map(&read_map(&path)?),
                None => located.cross_validated(),
            };
            print(&rows, json)?;
            if let (Survey::Walks(walks), false) = (&survey, json) {
                print_drift(walks.iter().filter(|w| wanted(&only, w.fold)));
            }
            Ok(())
        }
    }
}

enum Survey {
    Table(Vec<Fingerprint>),
    Walks(Vec<SurveyWalk>),
}

/// How tables become maps: a cell for each place and user.
fn table_options() -> (SurveyOptions, QueryOptions) {
    (SurveyOptions::default(), QueryOptions::default())
}

/// How walks become maps: squares of 4 m, few enough access points that a mall stays below 300 kB.
fn walk_options() -> (SurveyOptions, QueryOptions) {
    let survey = SurveyOptions {
        cell_m: 4.0,
        cells_by_group: false,
        max_per_cell: 44,
        min_heard: 12,
        between_m: 0.0,
        foretold_m: 0.0,
    };
    (survey, QueryOptions::dense())
}

/// How walks are located: off line, causally (so that the last row is what a visitor gets), or both.
fn methods(causal: bool, offline: bool) -> Vec<Method> {
    let mut methods = Vec::new();
    if !causal {
        methods.push(Method::Offline(SmoothOptions::default()));
    }
    if !offline {
        methods.push(Method::Causal(IndoorOptions::default()));
    }
    methods
}

fn make_map(survey: &Survey) -> RadioMap {
    match survey {
        Survey::Table(fingerprints) => {
            let (options, query) = table_options();
            let located = evaluate::leave_groups_out(fingerprints, &options, query, &[], &no_clock);
            let mut map = RadioMap::new(fingerprints, &options, query);
            map.set_radii(evaluate::learn(located.samples.iter()), Radii::default(), Radii::default());
            map
        }
        Survey::Walks(walks) => {
            let (options, query) = walk_options();
            let both = methods(false, false);
            let located = evaluate::leave_walks_out(walks, (&options, query), None, &both, &[], &no_clock);
            let mut map = evaluate::map_of_walks(walks.iter(), &options, query, &IndoorOptions::default());
            let [smoothed, tracks] = [0, 1].map(|i| evaluate::learn(located[i].samples.iter()));
            map.set_radii(Radii::default(), tracks, smoothed);
            map
        }
    }
}

/// For what nobody times.
fn no_clock() -> f64 {
    0.0
}

type Rows = Vec<(&'static str, Summary)>;

fn wanted(only: &[u32], group: u32) -> bool {
    only.is_empty() || only.contains(&group)
}

fn name(method: &Method) -> &'static str {
    match method {
        Method::Causal(_) => "causal",
        Method::Offline(_) => "off-line",
    }
}

/// What is located, and how.
struct Evaluation<'a> {
    survey: &'a Survey,
    venue: Option<Arc<Venue>>,
    /// Groups of fingerprints or fifths of the walks; empty for all.
    only: &'a [u32],
    methods: Vec<Method>,
}

impl Evaluation<'_> {
    /// All by one map.
    fn by_map(&self, map: &RadioMap) -> Rows {
        let start = Instant::now();
        let clock = || start.elapsed().as_secs_f64() * 1e6;
        match self.survey {
            Survey::Table(fingerprints) => {
                let mut located = Located::default();
                let asked = fingerprints.iter().filter(|f| wanted(self.only, f.group));
                evaluate::locate_fingerprints(map, &|_| true, asked, &clock, &mut located);
                vec![("radio map", located.summary())]
            }
            Survey::Walks(walks) => {
                let row = |method: &Method| {
                    let mut located = Located::default();
                    for walk in walks.iter().filter(|w| wanted(self.only, w.fold)) {
                        method.locate(map, self.venue.as_ref(), walk, &clock, &mut located);
                    }
                    (name(method), located.summary())
                };
                self.methods.iter().map(row).collect()
            }
        }
    }

    /// Each group by a map of the others.
    fn cross_validated(&self) -> Rows {
        let start = Instant::now();
        let clock = || start.elapsed().as_secs_f64() * 1e6;
        match self.survey {
            Survey::Table(fingerprints) => {
                let (options, query) = table_options();
                let located = evaluate::leave_groups_out(fingerprints, &options, query, self.only, &clock);
                let surveyed: Vec<Sample> = located.samples.iter().copied().filter(|s| s.surveyed).collect();
                let mut nearest = evaluate::leave_groups_out_nearest(fingerprints);
                nearest.retain(|sample| wanted(self.only, sample.fold));
                vec![
                    ("plain 1-NN", Summary::new(&nearest, 0)),
                    ("radio map, where others surveyed", Summary::new(&surveyed, 0)),
                    ("radio map", located.summary()),
                ]
            }
            Survey::Walks(walks) => {
                let (options, query) = walk_options();
                let (map, venue) = ((&options, query), self.venue.as_ref());
                let located = evaluate::leave_walks_out(walks, map, venue, &self.methods, self.only, &clock);
                self.methods.iter().zip(&located).map(|(method, located)| (name(method), located.summary())).collect()
            }
        }
    }
}

fn print(rows: &Rows, json: bool) -> anyhow::Result<()> {
    if json {
        let (_, summary) = rows.last().context("nothing was evaluated")?;
        println!("{}", serde_json::to_string(summary)?);
        return Ok(());
    }
    println!(
        "| method | n | mean | median | p75 | p95 | building | floor | score | in 68 % | in 95 % | r68, fixed | r95, fixed | first fix | per update |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, s) in rows {
        println!(
            "| {name} | {} | {:.2} m | {:.2} | {:.2} | {:.2} | {:.2} % | {:.2} % | {:.2} | {:.1} % | {:.1} % | {:.1}, {:.1} m | {:.1}, {:.1} m | {:.1} s | {:.0} µs |",
            s.count,
            s.mean_m,
            s.median_m,
            s.p75_m,
            s.p95_m,
            100.0 * s.building_hit,
            100.0 * s.floor_hit,
            s.score_m,
            100.0 * s.coverage68,
            100.0 * s.coverage95,
            s.median_radius68_m,
            s.fixed_radius68_m,
            s.median_radius95_m,
            s.fixed_radius95_m,
            s.first_fix_secs,
            s.update_micros
        );
    }
    let unanswered = rows.last().map_or(0, |r| r.1.unanswered);
    println!(
        "\nr68, r95: median of the radii; fixed: the one radius that covers as many errors as they do\n\
         {unanswered} without an answer (nothing heard that the map knows; in walks, before the first scan)"
    );
    Ok(())
}

fn print_drift<'a>(walks: impl Iterator<Item = &'a SurveyWalk>) {
    let mut drifts: Vec<f64> = walks.filter_map(evaluate::drift).collect();
    drifts.sort_unstable_by(f64::total_cmp);
    if let Some(median) = drifts.get(drifts.len() / 2) {
        let mean = drifts.iter().sum::<f64>() / drifts.len() as f64;
        let (count, mean, median) = (drifts.len(), 100.0 * mean, 100.0 * median);
        println!(
            "dead reckoning alone ends {mean:.1} % of the way off on the mean of {count} walks, median {median:.1} %"
        );
    }
}

fn read_map(path: &Path) -> anyhow::Result<RadioMap> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    RadioMap::from_bytes(&bytes).with_context(|| format!("reading {}", path.display()))
}

/// All of one kind: tables, or walks of one site.
fn read_survey(paths: &[PathBuf]) -> anyhow::Result<Survey> {
    let (mut fingerprints, mut walks) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            let before = walks.len();
            read_walks(path, &mut walks)?;
            if walks.len() == before {
                bail!("{}: no walks in FLOOR/*.txt.gz", path.display());
            }
        } else if is_walk(path) {
            read_floors_walk(path, &mut walks)?;
        } else {
            fingerprints.extend(read_table(path)?);
        }
    }
    match (fingerprints.is_empty(), walks.is_empty()) {
        (true, _) => Ok(Survey::Walks(walks)),
        (false, true) => Ok(Survey::Table(fingerprints)),
        (false, false) => bail!("{}: fingerprint tables and walks cannot be told together", paths[0].display()),
    }
}

fn read_table(path: &Path) -> anyhow::Result<Vec<Fingerprint>> {
    let (fingerprints, bad) = read_uji(&read_text(path)?);
    if fingerprints.is_empty() {
        bail!("{}: no line of a fingerprint table ({bad} others)", path.display());
    }
    if bad > 0 {
        eprintln!("warning: {}: {bad} lines could not be read", path.display());
    }
    Ok(fingerprints)
}

fn is_walk(path: &Path) -> bool {
    path.to_str().is_some_and(|name| name.ends_with(".txt") || name.ends_with(".txt.gz"))
}

/// The walks of a floor's folder, or of a site's with its floors in folders, in order of their names.
fn read_walks(folder: &Path, walks: &mut Vec<SurveyWalk>) -> anyhow::Result<()> {
    let paths = sorted(folder)?;
    if floor_of(folder).is_some() {
        return paths.iter().filter(|p| is_walk(p)).try_for_each(|path| read_floors_walk(path, walks));
    }
    for floor in paths.iter().filter(|p| p.is_dir()) {
        match floor_of(floor) {
            Some(_) => read_walks(floor, walks)?,
            None => eprintln!("warning: {}: not a floor's name (B1, F2, …)", floor.display()),
        }
    }
    Ok(())
}

/// A walk in the folder of its floor; the n-th is held out with the fifth n mod 5.
fn read_floors_walk(path: &Path, walks: &mut Vec<SurveyWalk>) -> anyhow::Result<()> {
    let absolute = path.canonicalize().with_context(|| format!("reading {}", path.display()))?;
    let Some(floor) = absolute.parent().and_then(floor_of) else {
        bail!("{}: a walk has to lie in the folder of its floor (B1, F2, …)", path.display());
    };
    let walk = read_walk(&read_text(path)?);
    if walk.bad_lines > 0 {
        eprintln!("warning: {}: {} lines could not be read", path.display(), walk.bad_lines);
    }
    walks.push(SurveyWalk { floor, fold: walks.len() as u32 % 5, walk });
    Ok(())
}

/// The floor that a folder is named after.
fn floor_of(folder: &Path) -> Option<i16> {
    floor_number(&folder.file_name()?.to_string_lossy())
}

/// `F1` is the ground floor, 0; `B1` the one below it, −1.
fn floor_number(name: &str) -> Option<i16> {
    match name.split_at_checked(1)? {
        ("F", n) => n.parse::<i16>().ok().filter(|n| *n > 0).map(|n| n - 1),
        ("B", n) => n.parse::<i16>().ok().filter(|n| *n > 0).map(|n| -n),
        _ => None,
    }
}

fn sorted(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(read_bytes(path)?).with_context(|| format!("{} is not text", path.display()))
}

fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .read_to_end(&mut out)
        .with_context(|| format!("unpacking {}", path.display()))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_told_by_their_names() {
        for (name, expected) in
            [("F1", Some(0)), ("B1", Some(-1)), ("F4", Some(3)), ("F0", None), ("", None), ("ß1", None)]
        {
            assert_eq!(floor_number(name), expected, "{name}");
        }
    }

    /// Looks for the published data beside the repository; says so when it is not there.
    fn data(path: &str) -> Option<PathBuf> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/positioning").join(path);
        if !path.exists() {
            eprintln!("SKIPPED: {} is not here", path.display());
            return None;
        }
        Some(path)
    }

    #[test]
    fn walks_of_a_real_mall_are_followed() {
        let Some(site) = data("ilc20/site1/F4") else { return };
        let walks: Vec<SurveyWalk> = sorted(&site)
            .expect("a folder")
            .iter()
            .filter(|p| p.extension().is_some_and(|e| e == "gz"))
            .take(24)
            .enumerate()
            .map(|(i, p)| SurveyWalk { floor: 3, fold: i as u32 % 3, walk: read_walk(&read_text(p).expect("text")) })
            .collect();
        let (options, query) = walk_options();
        let both = methods(false, false);
        for located in evaluate::leave_walks_out(&walks, (&options, query), None, &both, &[0], &no_clock) {
            let summary = located.summary();
            assert!(summary.count > 30 && summary.median_m < 15.0, "{summary:?}");
        }
    }
}
