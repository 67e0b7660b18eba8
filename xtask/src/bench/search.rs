//! `cargo xtask bench --search`: our search beside others, over the same seeded queries, in Node.

use crate::native::{self, Build};
use crate::repo::Repo;
use crate::setup;
use crate::shell::{cargo, program, read, read_text, run, step, write};
use crate::web;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The data set's own scripts and names; they are not part of the project.
const DATA: &str = "../shared/data/search";
/// The project's part of the benchmark.
const SCRIPTS: [&str; 7] =
    ["bench.mjs", "convert.mjs", "engine.mjs", "package.json", "package-lock.json", "peers.mjs", "vary.mjs"];
/// Names of the engines as `peers.mjs` takes them, and as people know them.
const PEERS: [(&str, &str); 3] = [("mini", "MiniSearch"), ("flex", "FlexSearch"), ("orama", "Orama")];

/// How many records are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scale {
    /// 100,000.
    #[default]
    HundredThousand,
    /// 1,000,000.
    Million,
    /// 10,000,000 in shards, which no other engine holds.
    TenMillion,
}

impl Scale {
    /// What names of files say of it.
    fn stem(self) -> &'static str {
        match self {
            Self::HundredThousand => "100k",
            Self::Million => "1m",
            Self::TenMillion => "10m",
        }
    }
}

/// Measures so many records, prints a table, and writes `target/bench-search.json`.
pub(crate) fn bench(repo: &Repo, scale: Scale) -> Result<()> {
    let data = repo.at(DATA);
    if !data.join("queries.mjs").is_file() {
        bail!("the names of the search benchmark are not at {DATA}: it cannot run without them");
    }
    let folder = Folder { path: repo.target.join("bench-search"), repo };
    folder.set_up(&data)?;
    let stem = scale.stem();
    let names = folder.names(&data, scale)?;
    let (mut assets, plain) = (format!("assets-{stem}.ndjson"), format!("names-{stem}.ndjson"));
    step("convert the names", || {
        run(folder.node(&["--max-old-space-size=4000"]).args(["convert.mjs", &names, &assets, &plain]))
    })?;
    if scale == Scale::TenMillion {
        let varied = format!("varied-{stem}.ndjson");
        step("vary them ten times", || run(folder.node(&[]).args(["vary.mjs", &assets, "10", &varied])))?;
        assets = varied;
    }
    let citytwin = native::citytwin(repo, Build::Release)?;
    let index = format!("index-{stem}");
    let clock = Instant::now();
    step("build the index", || {
        run(folder.program(&citytwin).args(["search", "build", &assets, "--out", &index, "--quiet"]))
    })?;
    let build_secs = clock.elapsed().as_secs_f64();
    let wasm = engine(repo)?;
    let ours =
        folder.measure("time our engine", &["bench.mjs", &plain, &index, &wasm, "queries.mjs", "--cold", "--sizes"])?;
    let mut engines = vec![("CityTwin".to_owned(), ours)];
    for (peer, name) in PEERS.iter().filter(|_| scale != Scale::TenMillion) {
        // An engine that cannot hold so many records is told as such, and does not end the comparison.
        match folder.measure(&format!("time {name}"), &["peers.mjs", &plain, "queries.mjs", peer]) {
            Ok(result) => engines.push(((*name).to_owned(), result)),
            Err(error) => println!("    {name} gave up: {error:#}"),
        }
    }
    print_table(&engines, build_secs);
    let out = repo.target.join("bench-search.json");
    let engines: serde_json::Map<String, Value> = engines.into_iter().collect();
    let result = json!({ "records": stem, "buildSecs": build_secs, "engines": engines });
    write(&out, serde_json::to_string_pretty(&result)? + "\n")?;
    println!("\n  {} ({} bytes)", repo.short(&out), read(&out)?.len());
    Ok(())
}

/// Compiles the engine as plain exports for Node.
fn engine(repo: &Repo) -> Result<String> {
    web::require_wasm_target(repo)?;
    step("compile the engine to wasm", || {
        let mut command = cargo(repo);
        command.args(["build", "--profile", web::Profile::Release.name(), "--target", web::TARGET]);
        command.args(["--package", "citytwin-search-bench"]);
        web::small_std(repo, &mut command)?;
        run(&mut command)
    })?;
    let file = repo.target.join(web::TARGET).join(web::Profile::Release.name()).join("citytwin_search_bench.wasm");
    Ok(file.to_string_lossy().into_owned())
}

/// Where the benchmark runs: its scripts, packages and data side by side, apart from the sources.
struct Folder<'a> {
    path: PathBuf,
    repo: &'a Repo,
}

impl Folder<'_> {
    fn set_up(&self, data: &Path) -> Result<()> {
        for name in SCRIPTS {
            write(&self.path.join(name), read(&self.repo.at("bench/search").join(name))?)?;
        }
        for name in ["queries.mjs", "generate.mjs"] {
            write(&self.path.join(name), read(&data.join(name))?)?;
        }
        setup::node_packages_in(self.repo, &self.path, "the search benchmark")
    }

    /// The file of names: the one that is there, or from a million on the one that the data set's script makes.
    fn names(&self, data: &Path, scale: Scale) -> Result<String> {
        if scale == Scale::HundredThousand {
            return Ok(data.join("names-100k.ndjson.gz").to_string_lossy().into_owned());
        }
        let made = "data-1m.ndjson";
        if !self.path.join(made).is_file() {
            step("generate a million names", || run(self.node(&["--max-old-space-size=6000"]).arg("generate.mjs")))?;
        }
        Ok(made.to_owned())
    }

    /// Runs a script that writes its figures to the file named after `--json`.
    fn measure(&self, what: &str, args: &[&str]) -> Result<Value> {
        const OUT: &str = "result.json";
        step(what, || run(self.node(&["--expose-gc", "--max-old-space-size=8000"]).args(args).args(["--json", OUT])))?;
        serde_json::from_str(&read_text(&self.path.join(OUT))?).with_context(|| format!("{} wrote no JSON", args[0]))
    }

    fn node(&self, flags: &[&str]) -> std::process::Command {
        let mut node = self.program(Path::new("node"));
        node.args(flags);
        node
    }

    fn program(&self, name: &Path) -> std::process::Command {
        let mut command = program(self.repo, name);
        command.current_dir(&self.path);
        command
    }
}

/// A row for each set of queries: 95th percentile in milliseconds and how often the wanted name is found, by engine.
fn print_table(engines: &[(String, Value)], build_secs: f64) {
    let heads: Vec<String> = engines.iter().map(|(name, _)| format!("{name:>21}")).collect();
    println!("\n  {:14}{}", "p95 ms, found", heads.concat());
    let sets = engines.first().and_then(|(_, ours)| ours["sets"].as_object());
    for set in sets.into_iter().flat_map(|sets| sets.keys()) {
        let asked = engines[0].1["sets"][set]["queries"].as_u64();
        let cells: Vec<String> = engines.iter().map(|(_, result)| cell(&result["sets"][set], asked)).collect();
        println!("  {set:14}{}", cells.concat());
    }
    let Some((_, ours)) = engines.first() else { return };
    println!("  * asked fewer queries of the set, for it takes seconds for each");
    println!("\n  {:14}{:>21}{:>21}", "cold", "requests p50 / p95", "kB p50 / p95");
    for (set, result) in ours["sets"].as_object().into_iter().flatten() {
        let pair = |of: &Value, places: usize| {
            let part = |at: usize| format!("{:.places$}", of[at].as_f64().unwrap_or(f64::NAN));
            format!("{} / {}", part(0), part(1))
        };
        println!("  {set:14}{:>21}{:>21}", pair(&result["coldRequests"], 0), pair(&result["coldKb"], 1));
    }
    let heaps = engines[1..].iter().map(|(name, result)| format!("{name} {} MB", result["heapMb"]));
    println!(
        "\n  index built in {build_secs:.1} s; brotli {} MB, root {} kB",
        ours["brotli"]["totalMb"], ours["brotli"]["rootKb"]
    );
    let ours = format!("CityTwin {} MB", ours["wasmMemoryMb"]);
    println!("  memory: {}", std::iter::once(ours).chain(heaps).collect::<Vec<_>>().join(", "));
}

/// One engine's figures of a set; marked when it was asked less often than ours.
fn cell(set: &Value, asked: Option<u64>) -> String {
    let mark = if set["queries"].as_u64() < asked { "*" } else { " " };
    match (set["p95Ms"].as_f64(), set["found"].as_f64()) {
        (Some(p95_ms), Some(found)) => format!("{p95_ms:>11.3} {:>6.1} %{mark}", found * 100.0),
        _ => format!("{:>21}", "-"),
    }
}
