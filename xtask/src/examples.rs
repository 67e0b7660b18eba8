//! `pkg-examples/`, each example built the way its reader would: from the packed tarball, in a folder outside the
//! checkout's sources, with what its own `package.json` names.

use crate::package::{copy, package};
use crate::repo::Repo;
use crate::setup;
use crate::shell::{read, read_text, remove, run, step, write};
use crate::web::Profile;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where the sources of the examples lie.
const SOURCES: &str = "pkg-examples";

/// Builds every example into `target/examples/NAME`; what is to be served lies there, or in its `dist/`.
pub(crate) fn build(repo: &Repo) -> Result<()> {
    let tarball = package(repo, Profile::Release)?;
    let out = repo.target.join("examples");
    let names = names(repo)?;
    for name in &names {
        remove(&out.join(name))?;
        copy(&repo.at(SOURCES).join(name), &out.join(name))?;
    }
    for file in ["package.json", "package-lock.json"] {
        write(&out.join(file), read(&repo.at(SOURCES).join(file))?)?;
    }
    // The packages of all examples, once: Node looks for them in the folders above, too.
    setup::node_packages_in(repo, &out, SOURCES)?;
    let installed = install(repo, &tarball)?;
    for name in &names {
        let example = out.join(name);
        copy(&installed, &example.join("node_modules/citytwin"))?;
        build_one(repo, &out, name)?;
    }
    Ok(())
}

/// The folders of the examples, sorted.
fn names(repo: &Repo) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(repo.at(SOURCES)).context("cannot read pkg-examples")? {
        let entry = entry?;
        if entry.path().join("README.md").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What `npm install TARBALL` makes of the tarball; each example gets a copy of it.
fn install(repo: &Repo, tarball: &Path) -> Result<PathBuf> {
    let folder = repo.target.join("examples-citytwin");
    remove(&folder)?;
    write(&folder.join("package.json"), "{ \"private\": true }\n")?;
    step("install the package", || {
        let mut npm = setup::npm(repo)?;
        npm.args(["install", "--no-save", "--offline", "--no-audit", "--no-fund", "--loglevel", "error"]);
        run(npm.arg(tarball).current_dir(&folder))
    })?;
    Ok(folder.join("node_modules/citytwin"))
}

/// Runs the scripts that an example has, and puts the demo beside its pages. Without a `build`, its pages import from
/// their own `node_modules`.
fn build_one(repo: &Repo, out: &Path, name: &str) -> Result<()> {
    let example = out.join(name);
    let manifest = manifest(&example)?;
    let keys = |of: &str| manifest[of].as_object().map(|entries| entries.keys().cloned().collect()).unwrap_or_default();
    let (scripts, dependencies): (Vec<String>, Vec<String>) = (keys("scripts"), keys("dependencies"));
    let run_script = |script: &str| {
        step(&format!("{name}: npm run {script}"), || {
            run(setup::npm(repo)?.args(["run", "--silent", script]).current_dir(&example))
        })
    };
    let has = |script: &str| scripts.iter().any(|name| name == script);
    if has("build") {
        run_script("build")?;
    } else {
        for package in dependencies {
            copy(&out.join("node_modules").join(&package), &example.join("node_modules").join(&package))?;
        }
    }
    let demo = repo.dist().join("twin");
    if demo.is_dir() {
        copy(&demo, &example.join(if has("build") { "dist/twin" } else { "twin" }))?;
        if has("map") {
            run_script("map")?;
        }
    }
    Ok(())
}

/// An example's `package.json`; empty when it has none.
fn manifest(example: &Path) -> Result<Value> {
    let file = example.join("package.json");
    if !file.is_file() {
        return Ok(Value::Null);
    }
    let manifest: Value = serde_json::from_str(&read_text(&file)?)?;
    ensure!(manifest["private"] == true, "{} does not say that it is private", file.display());
    Ok(manifest)
}
