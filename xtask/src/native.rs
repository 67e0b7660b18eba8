//! The native `citytwin` command and the demo twin that it bakes.

use crate::hash::Fnv1a;
use crate::repo::Repo;
use crate::shell::{cargo, files_below, program, read, read_text, run, step, write};
use anyhow::Result;
use std::path::PathBuf;

/// What `cargo xtask test` tests natively in one go, so that every dependency is compiled once. Only xtask is tested
/// apart: among the others its own large dependencies would get other features, and be compiled twice.
pub(crate) const TESTED: [&str; 14] = [
    "citytwin-geo",
    "citytwin-manifest",
    "citytwin-tiles",
    "citytwin-search",
    "citytwin-positioning",
    "citytwin-geojson",
    "citytwin",
    "citytwin-viewer",
    "citytwin-style-worker",
    "citytwin-search-worker",
    "citytwin-positioning-worker",
    "citytwin-sdk",
    "citytwin-www",
    "citytwin-tests-wasm",
];

/// How the command is compiled.
#[derive(Clone, Copy)]
pub(crate) enum Build {
    /// Quick to build: for tests.
    Dev,
    /// Fast to run: for people.
    Release,
}

/// Builds the `citytwin` command and returns its path.
pub(crate) fn citytwin(repo: &Repo, build: Build) -> Result<PathBuf> {
    let mut command = cargo(repo);
    let folder = match build {
        Build::Dev => {
            // The one that integration tests call: with other flags, cargo would compile half of it once more.
            command.args(["test", "--no-run", "--test", "*"]);
            command.args(TESTED.iter().flat_map(|package| ["--package", package]));
            "debug"
        }
        Build::Release => {
            command.args(["build", "--release", "--package", "citytwin"]);
            "release"
        }
    };
    step("build the citytwin command", || run(&mut command))?;
    Ok(repo.target.join(folder).join(format!("citytwin{}", std::env::consts::EXE_SUFFIX)))
}

/// The demo's cities: the folder of the site that each becomes, and what `bake` is told, paths relative to the checkout.
const DEMOS: [(&str, &[&str]); 2] = [
    ("twin", &["demo/Helsinki.osm.pbf", "--title", "Helsinki", "--title", "zh-CN=赫尔辛基"]),
    ("delft", &["demo/delft/city.toml"]),
];

/// Compresses what is served; what is fresh stays.
pub(crate) fn precompress(repo: &Repo) -> Result<()> {
    let binary = citytwin(repo, Build::Release)?;
    step("compress what is served", || run(program(repo, binary).arg("precompress").arg(repo.dist())))
}

/// Bakes the demo's cities into `target/dist/twin` and `target/dist/delft`, unless they lie there already, baked from the
/// same inputs by the same sources.
pub(crate) fn bake_demo(repo: &Repo, build: Build) -> Result<()> {
    let stamp_file = repo.target.join("demo.stamp");
    let stamp = demo_stamp(repo)?;
    let baked = DEMOS.iter().all(|(folder, _)| repo.dist().join(folder).join("twin.json").is_file());
    if baked && read_text(&stamp_file).is_ok_and(|old| old == stamp) {
        println!("==> bake the demo: up to date");
        return Ok(());
    }
    let binary = citytwin(repo, build)?;
    step("bake the demo", || {
        std::fs::create_dir_all(repo.dist())?;
        DEMOS.iter().try_for_each(|(folder, told)| {
            run(program(repo, &binary).arg("bake").args(*told).arg("--out").arg(repo.dist().join(folder)))
        })
    })?;
    write(&stamp_file, stamp)
}

/// Stands for everything that decides the baked bytes: the inputs, and the sources of what bakes it. The profile is
/// left out, because it changes no byte.
fn demo_stamp(repo: &Repo) -> Result<String> {
    let mut files = vec![repo.at("Cargo.lock"), repo.at("rust-toolchain.toml")];
    for dir in ["cli", "core", "demo"] {
        files.extend(files_below(&repo.at(dir))?);
    }
    let mut hash = Fnv1a::default();
    DEMOS.iter().flat_map(|(_, told)| *told).for_each(|word| hash.eat(word.as_bytes()));
    for file in files {
        hash.eat(repo.short(&file).to_string().as_bytes());
        hash.eat(&read(&file)?);
    }
    Ok(hash.hex())
}
