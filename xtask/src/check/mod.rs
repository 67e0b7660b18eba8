//! `cargo xtask check`: everything that is settled without running the program.

mod api;
pub(crate) mod budgets;
mod licences;
mod metadata;
mod tidy;

use crate::repo::Repo;
use crate::shell::{cargo, run, step};
use crate::web;
use anyhow::{Result, bail};
use std::time::Instant;

/// What the wasm target alone compiles in full.
const WASM_PACKAGES: [&str; 9] = [
    "citytwin-viewer",
    "citytwin-decode-worker",
    "citytwin-style-worker",
    "citytwin-search-worker",
    "citytwin-positioning-worker",
    "citytwin-geojson-worker",
    "citytwin-www",
    "citytwin-sdk",
    "citytwin-tests-wasm",
];

/// The fuzz targets, a workspace of their own.
const FUZZ: &str = "fuzz/Cargo.toml";

/// One row of the table.
struct Check {
    name: &'static str,
    /// The note for the table.
    run: fn(&Repo) -> Result<String>,
}

const CHECKS: [Check; 8] = [
    Check { name: "fmt", run: fmt },
    Check { name: "tidy", run: tidy::check },
    Check { name: "licences", run: licences::check },
    Check { name: "api", run: api::check },
    Check { name: "clippy", run: clippy },
    Check { name: "clippy-wasm", run: clippy_wasm },
    Check { name: "docs", run: docs },
    Check { name: "sizes", run: budgets::check },
];

/// Runs the named checks, or all, prints a table and says whether all passed.
pub(crate) fn check(repo: &Repo, wanted: &[String]) -> Result<bool> {
    if let Some(unknown) = wanted.iter().find(|name| !CHECKS.iter().any(|check| check.name == name.as_str())) {
        let names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        bail!("there is no check \"{unknown}\"; the checks are {}", names.join(", "));
    }
    let mut table = Vec::new();
    let mut all_passed = true;
    for check in CHECKS.iter().filter(|check| wanted.is_empty() || wanted.iter().any(|name| name == check.name)) {
        let start = Instant::now();
        let (verdict, note) = match step(check.name, || (check.run)(repo)) {
            Ok(note) => ("ok", note),
            Err(error) => {
                eprintln!("\nxtask: {}: {error:#}\n", check.name);
                all_passed = false;
                ("FAILED", "see above".to_owned())
            }
        };
        let secs = start.elapsed().as_secs_f64();
        table.push(format!("  {:12} {verdict:6} {secs:6.1} s  {note}", check.name));
    }
    println!("\n{}\n\n{}", table.join("\n"), if all_passed { "All checks passed." } else { "Some checks failed." });
    Ok(all_passed)
}

fn fmt(repo: &Repo) -> Result<String> {
    run(cargo(repo).args(["fmt", "--all", "--check"]))?;
    run(cargo(repo).args(["fmt", "--check", "--manifest-path", FUZZ]))?;
    Ok(String::new())
}

fn clippy(repo: &Repo) -> Result<String> {
    run(cargo(repo).args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // Without libFuzzer itself, so that no C++ compiler is needed.
    let fuzz = ["clippy", "--quiet", "--no-default-features", "--bins", "--lib", "--manifest-path", FUZZ];
    let target = repo.target.join("fuzz");
    run(cargo(repo).args(fuzz).arg("--target-dir").arg(target).args(["--", "-D", "warnings"]))?;
    Ok("native, all targets, and fuzz".into())
}

fn clippy_wasm(repo: &Repo) -> Result<String> {
    web::require_wasm_target(repo)?;
    let mut command = cargo(repo);
    command.args(["clippy", "--quiet", "--all-targets", "--target", web::TARGET]);
    command.args(WASM_PACKAGES.iter().flat_map(|package| ["--package", package]));
    run(command.args(["--", "-D", "warnings"]))?;
    Ok(web::TARGET.into())
}

/// Each room for where it runs: the viewer's interface exists in the browser only.
fn docs(repo: &Repo) -> Result<String> {
    let document = |args: &[&str]| {
        run(cargo(repo).args(["doc", "--quiet", "--no-deps"]).args(args).env("RUSTDOCFLAGS", "-D warnings"))
    };
    let native: Vec<_> = WASM_PACKAGES.iter().flat_map(|package| ["--exclude", package]).collect();
    document(&[&["--workspace"], native.as_slice()].concat())?;
    let wasm: Vec<_> = WASM_PACKAGES.iter().flat_map(|package| ["--package", package]).collect();
    document(&[&["--target", web::TARGET], wasm.as_slice()].concat())?;
    Ok(format!("target/doc, target/{}/doc", web::TARGET))
}
