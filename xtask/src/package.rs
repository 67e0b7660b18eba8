//! `cargo xtask package`: the npm package `citytwin` as a tarball.

use crate::repo::Repo;
use crate::setup;
use crate::shell::{files_below, output, program, read, read_text, remove, run, step, write};
use crate::web::{self, Profile};
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the package into `target/npm/citytwin`, packs it, and returns the tarball.
pub(crate) fn package(repo: &Repo, profile: Profile) -> Result<PathBuf> {
    setup::node_packages(repo, "sdk")?;
    let packed = [
        web::SDK,
        web::DECODE_WORKER,
        web::DECODE_WORKER_FULL,
        web::STYLE_WORKER,
        web::SEARCH_WORKER,
        web::POSITIONING_WORKER,
        web::GEOJSON_WORKER,
    ];
    match profile {
        Profile::Release => web::compile_all(repo)?,
        Profile::Dev => web::compile(repo, profile, &packed)?,
    }
    let npm = repo.target.join("npm");
    let sources = npm.join("ts");
    remove(&npm)?;
    copy(&repo.at("sdk/ts"), &sources)?;
    let bound = sources.join("wasm");
    web::bind(repo, profile, &packed, &bound)?;
    for script in WORKERS.iter().chain(&[SEARCH_THREAD_JS, web::REQUESTS_JS]).chain(&SHARED_TYPES) {
        let path = repo.at(script);
        copy(&path, &bound.join(path.file_name().unwrap_or_default()))?;
    }
    let package = npm.join("citytwin");
    let dist = package.join("dist");
    step("check the TypeScript", || {
        run(program(repo, "node")
            .arg(repo.at("sdk/node_modules/typescript/bin/tsc"))
            .arg("--project")
            .arg(sources.join("tsconfig.json"))
            .arg("--outDir")
            .arg(&dist))
    })?;
    for module in INTERNAL_MODULES {
        remove(&dist.join(module).with_extension("d.ts"))?;
    }
    for file in files_below(&bound)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".wasm") || name == "citytwin.d.ts" {
            copy(&file, &dist.join("wasm").join(name))?;
        }
    }
    step("bundle the scripts", || bundle(repo, &sources, &bound, &dist))?;
    for (from, to) in
        [("sdk/npm/README.md", "README.md"), ("LICENSE-MIT", "LICENSE-MIT"), ("LICENSE-APACHE", "LICENSE-APACHE")]
    {
        copy(&repo.at(from), &package.join(to))?;
    }
    write(&package.join("package.json"), manifest(repo)?)?;
    let tarball = step("pack", || {
        let name =
            output(setup::npm(repo)?.args(["pack", "--silent", "--pack-destination", ".."]).current_dir(&package))?;
        Ok(npm.join(name.trim()))
    })?;
    let bytes = read(&tarball)?.len();
    println!("    {}: {:.0} kB", repo.short(&tarball), bytes as f64 / 1000.0);
    Ok(tarball)
}

/// The scripts that `sdk/npm/package.json` exports.
const ENTRIES: [&str; 5] = ["index", "search-entry", "search-node", "positioning-entry", "element"];
/// The scripts of the workers.
const WORKERS: [&str; 5] = [
    web::DECODE_WORKER_JS,
    web::STYLE_WORKER_JS,
    web::SEARCH_WORKER_JS,
    web::GEOJSON_WORKER_JS,
    web::POSITIONING_WORKER_JS,
];
/// What makes a thread of Node look like a worker to the search's script.
const SEARCH_THREAD_JS: &str = "sdk/search-worker/node-worker.js";
/// Modules of which no entry names anything.
pub(crate) const INTERNAL_MODULES: [&str; 6] = ["options", "search-node", "sheets", "surroundings", "words", "workers"];
/// Types of the scripts that the TypeScript stands on, too.
pub(crate) const SHARED_TYPES: [&str; 1] = ["viewer/decode-worker/requests.d.ts"];

/// Makes few and small files of the scripts. The entries share what they import in chunks; the engine's glue stays beside
/// its module. Each worker is one file with all that it imports: bundlers copy what `new URL("…", import.meta.url)`
/// names, each in its own way, but none looks for what a copied file may import.
fn bundle(repo: &Repo, sources: &Path, bound: &Path, dist: &Path) -> Result<()> {
    let entries = ENTRIES.map(|entry| sources.join(entry).with_extension("ts"));
    let apart = ["--external:./wasm/citytwin.js", "--external:node:*"];
    run(esbuild(repo, dist).args(["--bundle", "--splitting"]).args(apart).args(entries))?;
    let workers = WORKERS.map(|script| bound.join(Path::new(script).file_name().unwrap_or_default()));
    run(esbuild(repo, &dist.join("wasm")).arg("--bundle").args(workers))?;
    run(esbuild(repo, &dist.join("wasm")).args(["citytwin.js", "node-worker.js"].map(|script| bound.join(script))))
}

fn esbuild(repo: &Repo, out: &Path) -> Command {
    let mut esbuild = program(repo, repo.at("sdk/node_modules/esbuild/bin/esbuild"));
    esbuild.args(["--format=esm", "--target=es2022", "--minify", "--sourcemap", "--log-level=warning"]);
    esbuild.arg(format!("--outdir={}", out.display()));
    esbuild
}

/// The package's manifest, with the workspace's version.
fn manifest(repo: &Repo) -> Result<String> {
    // As text: the order of conditions in `exports` says which counts.
    let source = read_text(&repo.at("sdk/npm/package.json"))?;
    let unset = "\"version\": \"0.0.0\"";
    ensure!(source.contains(unset), "sdk/npm/package.json does not say {unset}");
    Ok(source.replace(unset, &format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"))))
}

/// Installs the bundlers that the packed package is tested with, and the package, into `target/bundlers`.
pub(crate) fn bundlers(repo: &Repo) -> Result<()> {
    let out = repo.target.join("bundlers");
    for name in ["package.json", "package-lock.json"] {
        copy(&repo.at("tests-wasm/bundlers").join(name), &out.join(name))?;
    }
    setup::node_packages_in(repo, &out, "tests-wasm/bundlers")?;
    let installed = out.join("node_modules/citytwin");
    remove(&installed)?;
    // What Vite has kept of another build: it looks at versions only.
    remove(&out.join("node_modules/.vite"))?;
    // As npm unpacks it; npm itself would look at all the other packages again.
    copy(&repo.target.join("npm/citytwin"), &installed)
}

/// Copies a file, or a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        return write(to, read(from)?);
    }
    files_below(from)?.iter().try_for_each(|file| write(&to.join(file.strip_prefix(from)?), read(file)?))
}
