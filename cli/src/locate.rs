//! `citytwin locate`: radio maps from surveys, and how far off their answers are.
#![allow(clippy::print_stdout, clippy::print_stderr)] // A command talks to its person.

mod run;

use anyhow::{Context, bail};
use citytwin_positioning::evaluate::{self, Followed, Method, Sample, Summary, SurveyWalk};
use citytwin_positioning::formats::{read_uji, read_walk};
use citytwin_positioning::radio::{Fingerprint, QueryOptions, RadioMap, SurveyOptions};
use citytwin_positioning::smooth::SmoothOptions;
use citytwin_positioning::{IndoorOptions, Radii};
use std::io::Read;
use std::path::{Path, PathBuf};
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
        /// Fingerprint table or site's folder; way-points are truth only.
        observations: PathBuf,
        /// The radio map. Without one, each user (table) or each fifth of the walks is located by a map of the others.
        #[arg(long)]
        radio_map: Option<PathBuf>,
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
            let map = make_map(&read_survey(&survey)?);
            let bytes = map.to_bytes();
            std::fs::write(&out, &bytes).with_context(|| format!("writing {}", out.display()))?;
            println!("{}: {} cells, {} bytes", out.display(), map.cell_count(), bytes.len());
            Ok(())
        }
        LocateCommand::Run { observations, radio_map, venue, json } => {
            run::run(&observations, radio_map.as_deref(), venue.as_deref(), json)
        }
        LocateCommand::Evaluate { observations, radio_map, only, causal, offline, json } => {
            let survey = read_survey(&observations)?;
            let rows = match radio_map {
                Some(path) => with_map(&read_map(&path)?, &survey, &only, &methods(causal, offline)),
                None => cross_validated(&survey, &only, &methods(causal, offline)),
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
    let survey = SurveyOptions { cell_m: 4.0, cells_by_group: false, max_per_cell: 44, min_heard: 12, between_m: 0.0 };
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
            let samples = evaluate::leave_groups_out(fingerprints, &options, query).0;
            let mut map = RadioMap::new(fingerprints, &options, query);
            map.set_radii(evaluate::learn(samples.iter()), Radii::default(), Radii::default());
            map
        }
        Survey::Walks(walks) => {
            let (options, query) = walk_options();
            let located = evaluate::leave_walks_out(walks, &options, query, &methods(false, false), &[]);
            let mut map = evaluate::map_of_walks(walks.iter(), &options, query, &IndoorOptions::default());
            let [smoothed, tracks] = [0, 1].map(|i| evaluate::learn(located[i].samples.iter()));
            map.set_radii(Radii::default(), tracks, smoothed);
            map
        }
    }
}

type Rows = Vec<(&'static str, Summary)>;

fn wanted(only: &[u32], group: u32) -> bool {
    only.is_empty() || only.contains(&group)
}

fn some(samples: Vec<Sample>, only: &[u32]) -> Vec<Sample> {
    samples.into_iter().filter(|s| wanted(only, s.fold)).collect()
}

fn with_map(map: &RadioMap, survey: &Survey, only: &[u32], methods: &[Method]) -> Rows {
    match survey {
        Survey::Table(fingerprints) => {
            let start = Instant::now();
            let asked = fingerprints.iter().filter(|f| wanted(only, f.group));
            let (samples, unanswered) = evaluate::locate_fingerprints(map, asked);
            let micros = start.elapsed().as_secs_f64() * 1e6 / (samples.len() + unanswered).max(1) as f64;
            vec![("radio map", Summary { update_micros: micros, ..Summary::new(&samples, unanswered) })]
        }
        Survey::Walks(walks) => {
            let row = |method: &Method| {
                let start = Instant::now();
                let mut followed = Followed::default();
                for walk in walks.iter().filter(|w| wanted(only, w.fold)) {
                    method.locate(map, walk, &mut followed);
                }
                let micros = start.elapsed().as_secs_f64() * 1e6 / followed.observations.max(1) as f64;
                (name(method), summary_of(&followed, micros))
            };
            methods.iter().map(row).collect()
        }
    }
}

fn name(method: &Method) -> &'static str {
    match method {
        Method::Causal(_) => "causal",
        Method::Offline(_) => "off-line",
    }
}

fn cross_validated(survey: &Survey, only: &[u32], methods: &[Method]) -> Rows {
    match survey {
        Survey::Table(fingerprints) => {
            let (options, query) = table_options();
            let (samples, unanswered) = evaluate::leave_groups_out(fingerprints, &options, query);
            let samples = some(samples, only);
            let surveyed: Vec<Sample> = samples.iter().copied().filter(|s| s.surveyed).collect();
            vec![
                ("plain 1-NN", Summary::new(&some(evaluate::leave_groups_out_nearest(fingerprints), only), 0)),
                ("radio map, where others surveyed", Summary::new(&surveyed, 0)),
                ("radio map", Summary::new(&samples, unanswered)),
            ]
        }
        Survey::Walks(walks) => {
            let (options, query) = walk_options();
            let located = evaluate::leave_walks_out(walks, &options, query, methods, only);
            methods.iter().zip(&located).map(|(method, followed)| (name(method), summary_of(followed, 0.0))).collect()
        }
    }
}

fn summary_of(followed: &Followed, update_micros: f64) -> Summary {
    let first = &followed.first_fix_secs;
    Summary {
        first_fix_secs: first.iter().sum::<f64>() / first.len().max(1) as f64,
        update_micros,
        ..Summary::new(&followed.samples, followed.unanswered)
    }
}

fn print(rows: &Rows, json: bool) -> anyhow::Result<()> {
    if json {
        let (_, summary) = rows.last().context("nothing was evaluated")?;
        println!("{}", serde_json::to_string(summary)?);
        return Ok(());
    }
    println!(
        "| method | n | mean | median | p75 | p95 | building | floor | score | in 68 % | in 95 % | r68 | r95 | first fix | per update |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, s) in rows {
        println!(
            "| {name} | {} | {:.2} m | {:.2} | {:.2} | {:.2} | {:.2} % | {:.2} % | {:.2} | {:.1} % | {:.1} % | {:.1} m | {:.1} m | {:.1} s | {:.0} µs |",
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
            s.median_radius95_m,
            s.first_fix_secs,
            s.update_micros
        );
    }
    let unanswered = rows.last().map_or(0, |r| r.1.unanswered);
    println!("\n{unanswered} without an answer (nothing heard that the map knows; in walks, before the first scan)");
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

fn read_survey(path: &Path) -> anyhow::Result<Survey> {
    if path.is_dir() { read_site(path).map(Survey::Walks) } else { read_table(path).map(Survey::Table) }
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

/// Walks in `SITE/FLOOR/*.txt[.gz]`, in order of their names; the n-th is held out with the fifth n mod 5.
fn read_site(site: &Path) -> anyhow::Result<Vec<SurveyWalk>> {
    let mut walks = Vec::new();
    for floor_path in sorted(site)?.iter().filter(|p| p.is_dir()) {
        let name = floor_path.file_name().unwrap_or_default().to_string_lossy();
        let Some(floor) = floor_number(&name) else {
            eprintln!("warning: {}: not a floor's name (B1, F2, …)", floor_path.display());
            continue;
        };
        let is_walk = |p: &&PathBuf| [".txt", ".txt.gz"].iter().any(|end| p.to_string_lossy().ends_with(end));
        for path in sorted(floor_path)?.iter().filter(is_walk) {
            let walk = read_walk(&read_text(path)?);
            if walk.bad_lines > 0 {
                eprintln!("warning: {}: {} lines could not be read", path.display(), walk.bad_lines);
            }
            walks.push(SurveyWalk { floor, fold: walks.len() as u32 % 5, walk });
        }
    }
    if walks.is_empty() {
        bail!("{}: no walks in FLOOR/*.txt.gz", site.display());
    }
    Ok(walks)
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
        for followed in evaluate::leave_walks_out(&walks, &options, query, &methods(false, false), &[0]) {
            let summary = Summary::new(&followed.samples, followed.unanswered);
            assert!(summary.count > 30 && summary.median_m < 15.0, "{summary:?}");
        }
    }
}
