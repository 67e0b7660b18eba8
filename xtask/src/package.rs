//! `cargo xtask package`: the npm package `citytwin` as a tarball.

use crate::repo::Repo;
use crate::setup;
use crate::shell::{files_below, output, program, read, read_text, remove, run, step, write};
use crate::web::{self, Profile};
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};

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
    for script in WORKERS.iter().chain(&[web::REQUESTS_JS]).chain(&SHARED_TYPES) {
        let path = repo.at(script);
        copy(&path, &bound.join(path.file_name().unwrap_or_default()))?;
    }
    let package = npm.join("citytwin");
    step("compile the TypeScript", || {
        run(program(repo, "node")
            .arg(repo.at("sdk/node_modules/typescript/bin/tsc"))
            .arg("--project")
            .arg(sources.join("tsconfig.json"))
            .arg("--outDir")
            .arg(package.join("dist")))
    })?;
    for file in files_below(&bound)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The glue of the workers goes into their scripts.
        if name.ends_with(".wasm") || name.starts_with("citytwin.") || name == "requests.js" {
            copy(&file, &package.join("dist/wasm").join(name))?;
        }
    }
    bundle_workers(repo, &bound, &package.join("dist/wasm"))?;
    copy(&repo.at(SEARCH_THREAD_JS), &package.join("dist/wasm/node-worker.js"))?;
    for module in INTERNAL_MODULES {
        remove(&package.join("dist").join(module).with_extension("d.ts"))?;
    }
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
/// Modules of which no entry names anything: nobody needs their types.
pub(crate) const INTERNAL_MODULES: [&str; 6] = ["options", "search-node", "sheets", "surroundings", "words", "workers"];
/// Types of the scripts that the TypeScript stands on, too.
pub(crate) const SHARED_TYPES: [&str; 1] = ["viewer/decode-worker/requests.d.ts"];

/// Makes one file of each worker's script and what it imports: bundlers copy what `new URL("…", import.meta.url)`
/// names, each in its own way, but none looks for what a copied file may import.
fn bundle_workers(repo: &Repo, sources: &Path, out: &Path) -> Result<()> {
    step("bundle the workers", || {
        let mut esbuild = program(repo, repo.at("sdk/node_modules/esbuild/bin/esbuild"));
        for script in WORKERS {
            esbuild.arg(sources.join(repo.at(script).file_name().unwrap_or_default()));
        }
        esbuild.arg(format!("--outdir={}", out.display()));
        run(esbuild.args([
            "--bundle",
            "--format=esm",
            "--target=es2022",
            "--minify",
            "--sourcemap",
            "--log-level=warning",
        ]))
    })
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
