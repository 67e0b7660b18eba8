//! `cargo xtask fuzz`: feeds the parsers what nobody would write, on stable Rust.
//!
//! What cargo-fuzz does with `--sanitizer none`, without what it needs nightly Rust for: the targets of `fuzz/` are
//! built with LLVM's coverage pass and linked with libFuzzer. Seeds come from `fuzz/seeds/` and from a folder of tiles.

use crate::hash::Fnv1a;
use crate::repo::Repo;
use crate::setup;
use crate::shell::{cargo, files_below, output, program, read, read_text, run, step, write};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Coverage of each edge, in counters that libFuzzer finds by the table of program counters, and of what is compared
/// with what. Branches stay apart so that each of them counts.
const RUSTFLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "--cfg=fuzzing",
];

/// Where tiles lie on a machine that has them, beside the checkout.
const TILES: &str = "../shared/data/tiles";
/// Larger seeds slow the search down more than they add to it.
const MAX_SEED_BYTES: u64 = 128 << 10;
/// An input that takes longer is reported; decoding any seed takes milliseconds.
const TIMEOUT_SECS: u32 = 20;
/// A target that holds more is reported.
const MAX_RSS_MB: u32 = 2048;

/// What to fuzz and for how long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Names of targets; empty: all, one after the other.
    pub(crate) targets: Vec<String>,
    /// For each target; 0: run the seeds once and stop.
    pub(crate) secs: u32,
    /// A folder with tiles.
    pub(crate) corpus: Option<PathBuf>,
}

/// The parts of `fuzz/Cargo.toml` that matter here.
#[derive(Deserialize)]
struct Manifest {
    bin: Vec<Target>,
    package: Package,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Package {
    metadata: Seeds,
}

#[derive(Deserialize)]
struct Seeds {
    /// Ends of the names of files that are seeds, by target.
    seeds: BTreeMap<String, Vec<String>>,
    /// Files with a seed on each line, by target; relative to the manifest.
    lists: BTreeMap<String, String>,
}

/// Fuzzes as planned, prints a table, and says whether nothing was found.
pub(crate) fn fuzz(repo: &Repo, plan: &Plan) -> Result<bool> {
    let manifest: Manifest = toml::from_str(&read_text(&repo.at("fuzz/Cargo.toml"))?).context("fuzz/Cargo.toml")?;
    let targets = chosen(&manifest, &plan.targets)?;
    let folder = match &plan.corpus {
        Some(folder) => {
            ensure!(folder.is_dir(), "there is no folder {}", folder.display());
            Some(folder.clone())
        }
        None => Some(repo.at(TILES)).filter(|folder| folder.is_dir()),
    };
    if folder.is_none() {
        println!("There is no {TILES}: only the seeds of fuzz/seeds are used. --corpus names another folder of tiles.");
    }
    let dir = build(repo, &targets)?;
    let mut table = Vec::new();
    let mut clean = true;
    for target in targets {
        let sources = &manifest.package.metadata;
        let seeds = step(&format!("gather seeds of {target}"), || gather(repo, target, sources, folder.as_deref()))?;
        let report = step(&format!("fuzz {target}"), || fuzz_one(repo, &dir.join(target), target, &seeds, plan.secs))?;
        clean &= report.found.is_none();
        table.push(report.line(target));
    }
    let verdict = if clean { "Nothing was found." } else { "Something was found." };
    println!("\n{}\n\n{verdict}", table.join("\n"));
    Ok(clean)
}

/// The wanted targets, or all of them.
fn chosen<'a>(manifest: &'a Manifest, wanted: &[String]) -> Result<Vec<&'a str>> {
    let all: Vec<&str> = manifest.bin.iter().map(|target| target.name.as_str()).collect();
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(&name.as_str())) {
        bail!("there is no fuzz target \"{unknown}\"; the targets are {}", all.join(", "));
    }
    Ok(all.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)).collect())
}

/// Builds the targets and returns the folder that they lie in.
fn build(repo: &Repo, targets: &[&str]) -> Result<PathBuf> {
    setup::require_cxx()?;
    let version = output(program(repo, "rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
    let target_dir = repo.target.join("fuzz");
    let mut command = cargo(repo);
    // With --target, build scripts and procedural macros are built without these flags.
    command.args(["build", "--quiet", "--release", "--target", host, "--manifest-path", "fuzz/Cargo.toml"]);
    command.arg("--target-dir").arg(&target_dir);
    command.args(targets.iter().flat_map(|target| ["--bin", target]));
    command.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", RUSTFLAGS.join(" "));
    step("build the fuzz targets", || run(&mut command))?;
    Ok(target_dir.join(host).join("release"))
}

/// Gathers a target's seeds in one folder, named by their content, and returns it.
fn gather(repo: &Repo, target: &str, sources: &Seeds, folder: Option<&Path>) -> Result<PathBuf> {
    let dir = repo.target.join("fuzz/seeds").join(target);
    crate::shell::remove(&dir)?;
    std::fs::create_dir_all(&dir)?;
    let keep = |bytes: &[u8]| {
        let mut name = Fnv1a::default();
        name.eat(bytes);
        write(&dir.join(name.hex()), bytes)
    };
    for file in files_below(&repo.at("fuzz/seeds").join(target))? {
        keep(&read(&file)?)?;
    }
    if let Some(list) = sources.lists.get(target) {
        read_text(&repo.at("fuzz").join(list))?
            .lines()
            .filter(|line| !line.is_empty())
            .try_for_each(|line| keep(line.as_bytes()))?;
    }
    let ends = sources.seeds.get(target).map_or(&[][..], Vec::as_slice);
    for file in folder.map_or(Ok(Vec::new()), files_below)? {
        if is_seed(&file, ends) && file.metadata()?.len() <= MAX_SEED_BYTES {
            keep(&read(&file)?)?;
        }
    }
    println!("    {} seeds", files_below(&dir)?.len());
    Ok(dir)
}

/// Whether the file's name ends, after a dot, in one of these ways.
fn is_seed(file: &Path, ends: &[String]) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    ends.iter().any(|end| name == *end || name.strip_suffix(end.as_str()).is_some_and(|stem| stem.ends_with('.')))
}

/// Runs one target. What it learns stays in `target/fuzz/corpus/TARGET` for the next time.
fn fuzz_one(repo: &Repo, binary: &Path, target: &str, seeds: &Path, secs: u32) -> Result<Report> {
    let corpus = repo.target.join("fuzz/corpus").join(target);
    let artifacts = repo.target.join("fuzz/artifacts").join(target);
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    let mut command = program(repo, binary);
    command.arg(&corpus).arg(seeds);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.arg(if secs == 0 { "-runs=0".into() } else { format!("-max_total_time={secs}") });
    command.args([&format!("-timeout={TIMEOUT_SECS}"), &format!("-rss_limit_mb={MAX_RSS_MB}"), "-print_final_stats=1"]);
    let dictionary = repo.at(&format!("fuzz/seeds/{target}.dict"));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let mut child = command.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot start {target}"))?;
    let log_path = repo.target.join(format!("fuzz/{target}.log"));
    let mut log = std::fs::File::create(&log_path)?;
    let mut report = Report::default();
    for line in child.stderr.take().into_iter().flat_map(|stderr| BufReader::new(stderr).split(b'\n')) {
        let line = String::from_utf8_lossy(&line?).into_owned();
        writeln!(log, "{line}")?;
        if report.read(&line) {
            println!("    {line}");
        }
    }
    if !child.wait()?.success() && report.found.is_none() {
        report.found = Some(format!("see {}", repo.short(&log_path)));
    }
    if let Some(found) = &report.found {
        println!(
            "    found: {found}\n    again: {} FILE; all that was printed: {}",
            binary.display(),
            log_path.display()
        );
    }
    Ok(report)
}

/// What libFuzzer said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    executions: u64,
    per_sec: u64,
    edges: u64,
    inputs: u64,
    peak_rss_mb: u64,
    /// The file with the input that failed.
    found: Option<String>,
}

impl Report {
    /// Takes in a line and says whether people want to see it.
    fn read(&mut self, line: &str) -> bool {
        if let Some((_, file)) = line.split_once("Test unit written to ") {
            self.found = Some(file.to_owned());
            return true;
        }
        if let Some(stat) = line.strip_prefix("stat::") {
            let (name, value) = stat.split_once(':').unwrap_or((stat, ""));
            let value = value.trim().parse().unwrap_or(0);
            match name {
                "number_of_executed_units" => self.executions = value,
                "average_exec_per_sec" => self.per_sec = value,
                "peak_rss_mb" => self.peak_rss_mb = value,
                _ => {}
            }
            return false;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |word: &str| {
            let at = words.iter().position(|other| *other == word)?;
            words.get(at + 1)?.split('/').next()?.parse().ok()
        };
        self.edges = after("cov:").unwrap_or(self.edges);
        self.inputs = after("corp:").unwrap_or(self.inputs);
        // Progress now and then, and why it stopped; not each find, nor the words for a dictionary at the end.
        let is_chatter = ["#", "\"", "NEW_FUNC"].iter().any(|start| line.trim_start().starts_with(start));
        !is_chatter || line.contains("pulse") || line.contains("DONE")
    }

    /// A row of the table.
    fn line(&self, target: &str) -> String {
        let found = self.found.as_deref().map_or("ok".to_owned(), |found| format!("FOUND {found}"));
        format!(
            "  {target:16} {:>12} executions  {:>7}/s  {:>6} edges  {:>5} inputs  {:>5} MB  {found}",
            self.executions, self.per_sec, self.edges, self.inputs, self.peak_rss_mb
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_summed_up_from_what_libfuzzer_prints() {
        let mut report = Report::default();
        let shown = [
            ("INFO: Loaded 1 modules", true),
            ("#12\tNEW    cov: 81 ft: 82 corp: 3/14b lim: 4 exec/s: 0 rss: 31Mb", false),
            ("#4096\tpulse  cov: 95 ft: 120 corp: 17/140b lim: 40 exec/s: 2048 rss: 33Mb", true),
            ("    \"glTF\" # Uses: 12", false),
            ("stat::number_of_executed_units: 5000", false),
            ("stat::average_exec_per_sec:     2500", false),
            ("stat::peak_rss_mb:              34", false),
        ];
        for (line, expected) in shown {
            assert_eq!(report.read(line), expected, "{line}");
        }
        let expected = Report { executions: 5000, per_sec: 2500, edges: 95, inputs: 17, peak_rss_mb: 34, found: None };
        assert_eq!(report, expected);
        assert!(report.read("artifact_prefix='x/'; Test unit written to x/crash-1"));
        assert_eq!(report.found.as_deref(), Some("x/crash-1"));
    }

    #[test]
    fn seeds_are_told_by_the_end_of_their_name() {
        let ends = ["subtree".to_owned(), "subtree.json".to_owned()];
        for (name, expected) in [
            ("a/0.0.0.subtree", true),
            ("a/SUBTREE.JSON", true),
            ("a/0.subtree.json", true),
            ("a/tileset.json", false),
            ("a/nosubtree", false),
        ] {
            assert_eq!(is_seed(Path::new(name), &ends), expected, "{name}");
        }
    }
}
