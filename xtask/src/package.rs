//! `cargo xtask package`: the npm package `citytwin` as a tarball, and the examples that stand on it.

use crate::repo::Repo;
use crate::setup;
use crate::shell::{files_below, output, program, read, read_text, remove, run, step, write};
use crate::web::{self, Profile};
use anyhow::{Context, Result};
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
    ];
    // As published, with the app, though it is not packed: the same set as elsewhere compiles every dependency once.
    let app = [
        web::APP,
        web::DECODE_WORKER,
        web::DECODE_WORKER_FULL,
        web::STYLE_WORKER,
        web::SEARCH_WORKER,
        web::POSITIONING_WORKER,
        web::SDK,
    ];
    web::compile(repo, profile, if profile == Profile::Release { &app } else { &packed })?;
    let npm = repo.target.join("npm");
    let sources = npm.join("ts");
    remove(&npm)?;
    copy(&repo.at("sdk/ts"), &sources)?;
    web::bind(repo, profile, &packed, &sources.join("wasm"))?;
    let package = npm.join("citytwin");
    step("compile the TypeScript", || {
        run(program(repo, "node")
            .arg(repo.at("sdk/node_modules/typescript/bin/tsc"))
            .arg("--project")
            .arg(sources.join("tsconfig.json"))
            .arg("--outDir")
            .arg(package.join("dist")))
    })?;
    copy(&sources.join("wasm"), &package.join("dist/wasm"))?;
    copy(&repo.at(web::DECODE_WORKER_JS), &package.join("dist/wasm/worker.js"))?;
    copy(&repo.at(web::STYLE_WORKER_JS), &package.join("dist/wasm/style-worker.js"))?;
    copy(&repo.at(web::SEARCH_WORKER_JS), &package.join("dist/wasm/search-worker.js"))?;
    copy(&repo.at(web::POSITIONING_WORKER_JS), &package.join("dist/wasm/positioning-worker.js"))?;
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

/// The package's manifest, with the workspace's version.
fn manifest(repo: &Repo) -> Result<String> {
    let mut manifest: serde_json::Value = serde_json::from_str(&read_text(&repo.at("sdk/npm/package.json"))?)?;
    manifest["version"] = env!("CARGO_PKG_VERSION").into();
    Ok(serde_json::to_string_pretty(&manifest)? + "\n")
}

/// Builds each example the way its reader would, from the packed tarball, into `target/examples`.
pub(crate) fn examples(repo: &Repo) -> Result<()> {
    let tarball = package(repo, Profile::Release)?;
    let out = repo.target.join("examples");
    remove(&out)?;
    for entry in std::fs::read_dir(repo.at("pkg-examples")).context("cannot read pkg-examples")? {
        let source = entry?.path();
        let Some(name) = source.file_name().filter(|_| source.is_dir()) else { continue };
        let example = out.join(name);
        copy(&source, &example)?;
        step(&format!("install the package into {}", repo.short(&example)), || {
            let mut npm = setup::npm(repo)?;
            npm.args(["install", "--no-save", "--offline", "--no-audit", "--no-fund", "--loglevel", "error"]);
            run(npm.arg(&tarball).current_dir(&example))
        })?;
        let twin = repo.dist().join("twin");
        if twin.is_dir() {
            copy(&twin, &example.join("twin"))?;
        }
    }
    Ok(())
}

/// Copies a file, or a folder with everything in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        return write(to, read(from)?);
    }
    files_below(from)?.iter().try_for_each(|file| write(&to.join(file.strip_prefix(from)?), read(file)?))
}
