//! The web build: wasm modules, their glue and the page, put together in `target/dist`.
//!
//! Everything whose content the page depends on lies in `pkg-HASH/`, where HASH stands for the content: a browser
//! may keep it for ever. Only `index.html` and the files beside it have names that stay.

use crate::hash::Fnv1a;
use crate::repo::Repo;
use crate::shell::{cargo, files_below, output, program, read, read_text, remove, run, step, which, write};
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one wasm target.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// How the wasm is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As published: slow to build, small and fast.
    Release,
    /// Quick to build, several times larger and slower.
    Dev,
}

impl Profile {
    /// Cargo's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Release => "wasm-release",
            Self::Dev => "dev",
        }
    }

    /// Cargo's name of the folder that the profile is built in.
    fn folder(self) -> &'static str {
        match self {
            Self::Release => "wasm-release",
            Self::Dev => "debug",
        }
    }
}

/// What becomes of a crate: its wasm and glue under the given stem.
pub(crate) struct Module {
    /// The package.
    pub(crate) package: &'static str,
    /// Stem of the bound files: `app` gives `app.js` and `app_bg.wasm`.
    pub(crate) stem: &'static str,
    /// Whether type declarations are written too.
    pub(crate) typescript: bool,
    /// Features of the package that it is built with.
    pub(crate) features: &'static [&'static str],
    /// Whether it is compiled by itself: its features, or those it wants of what all use, would get into all.
    apart: bool,
}

impl Module {
    /// A module that is compiled with others, without type declarations.
    const fn of(package: &'static str, stem: &'static str) -> Self {
        Self { package, stem, typescript: false, features: &[], apart: false }
    }
}

/// The shell and its apps.
pub(crate) const APP: Module = Module { apart: true, ..Module::of("citytwin-www", "app") };
/// What runs in each decode worker.
pub(crate) const DECODE_WORKER: Module = Module::of("citytwin-decode-worker", "decode_worker");
/// The same with every decoder, which a worker loads when a tile needs one.
pub(crate) const DECODE_WORKER_FULL: Module = Module {
    features: &["citytwin-decode-worker/full"],
    apart: true,
    ..Module::of("citytwin-decode-worker", "decode_worker_full")
};
/// What runs in the style worker.
pub(crate) const STYLE_WORKER: Module = Module::of("citytwin-style-worker", "style_worker");
/// What runs in the search worker.
pub(crate) const SEARCH_WORKER: Module = Module::of("citytwin-search-worker", "search_worker");
/// What runs in the positioning worker.
pub(crate) const POSITIONING_WORKER: Module = Module::of("citytwin-positioning-worker", "positioning_worker");
/// What runs in the GeoJSON worker.
pub(crate) const GEOJSON_WORKER: Module =
    Module { apart: true, ..Module::of("citytwin-geojson-worker", "geojson_worker") };
/// What the npm package stands on.
pub(crate) const SDK: Module = Module { typescript: true, ..Module::of("citytwin-sdk", "citytwin") };

/// The script of a decode worker; it lies beside the bound modules.
pub(crate) const DECODE_WORKER_JS: &str = "viewer/decode-worker/worker.js";
/// The script of the style worker; it lies beside the bound modules.
pub(crate) const STYLE_WORKER_JS: &str = "viewer/style-worker/style-worker.js";
/// The script of the search worker; it lies beside the bound modules.
pub(crate) const SEARCH_WORKER_JS: &str = "sdk/search-worker/search-worker.js";

/// The script of the positioning worker; it lies beside the bound modules.
pub(crate) const POSITIONING_WORKER_JS: &str = "sdk/positioning-worker/positioning-worker.js";
/// The script of the GeoJSON worker; it lies beside the bound modules.
pub(crate) const GEOJSON_WORKER_JS: &str = "sdk/geojson-worker/geojson-worker.js";
/// What the scripts of decode and search workers ask for files with; it lies beside them.
pub(crate) const REQUESTS_JS: &str = "viewer/decode-worker/requests.js";

/// Builds the app into `target/dist`, leaving the demo twin that may lie there, and returns its `pkg-HASH` folder.
pub(crate) fn build(repo: &Repo, profile: Profile) -> Result<PathBuf> {
    let modules = [APP, DECODE_WORKER, DECODE_WORKER_FULL, STYLE_WORKER, SEARCH_WORKER];
    match profile {
        Profile::Release => compile_all(repo)?,
        Profile::Dev => compile(repo, profile, &modules)?,
    }
    let bound = repo.target.join("bound/app");
    bind(repo, profile, &modules, &bound)?;
    let pkg = step("put target/dist together", || assemble(repo, &bound))?;
    println!("    ready: {}", repo.short(&pkg));
    Ok(pkg)
}

/// Compiles every module as published: always the same set, so that every dependency is compiled once.
pub(crate) fn compile_all(repo: &Repo) -> Result<()> {
    let modules =
        [APP, DECODE_WORKER, DECODE_WORKER_FULL, STYLE_WORKER, SEARCH_WORKER, GEOJSON_WORKER, POSITIONING_WORKER, SDK];
    compile(repo, Profile::Release, &modules)
}

/// Compiles modules: in one go, so that what they share is compiled once, but those apart each by itself.
pub(crate) fn compile(repo: &Repo, profile: Profile, modules: &[Module]) -> Result<()> {
    require_wasm_target(repo)?;
    let (apart, together): (Vec<&Module>, Vec<&Module>) = modules.iter().partition(|module| module.apart);
    compile_together(repo, profile, &together)?;
    apart.iter().try_for_each(|module| compile_together(repo, profile, &[module]))
}

fn compile_together(repo: &Repo, profile: Profile, modules: &[&Module]) -> Result<()> {
    let stems: Vec<_> = modules.iter().map(|module| module.stem).collect();
    step(&format!("compile {} to wasm ({})", stems.join(", "), profile.name()), || {
        let mut command = cargo(repo);
        command.args(["build", "--lib", "--target", TARGET, "--profile", profile.name()]);
        command.args(modules.iter().flat_map(|module| ["--package", module.package]));
        command.args(modules.iter().flat_map(|module| module.features).flat_map(|name| ["--features", *name]));
        if profile == Profile::Release {
            small_std(repo, &mut command)?;
        }
        run(&mut command)
    })?;
    // Modules of one package have one name where cargo puts them: each gets a place of its own.
    for module in modules {
        let built = repo.target.join(TARGET).join(profile.folder()).join(module.package.replace('-', "_"));
        write(&compiled(repo, profile, module), read(&built.with_extension("wasm"))?)?;
    }
    Ok(())
}

/// Has the standard library compiled for size with the rest: its own choice of sorting, searching and formatting takes
/// a tenth of each module off. The one thing here that stable Rust does not have; the pinned toolchain keeps it as it is.
pub(crate) fn small_std(repo: &Repo, command: &mut Command) -> Result<()> {
    if std_sources(repo)? {
        command.env("RUSTC_BOOTSTRAP", "1");
        command.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"]);
    }
    Ok(())
}

/// Whether the sources of the standard library are there, or can be fetched. Without them modules are larger, no worse.
pub(crate) fn std_sources(repo: &Repo) -> Result<bool> {
    let sysroot = output(rustc(repo).args(["--print", "sysroot"]))?;
    let lock = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.lock");
    if lock.is_file() {
        return Ok(true);
    }
    let fetched = step("fetch the sources of Rust's standard library", || {
        run(program(repo, "rustup").args(["component", "add", "rust-src"]))
    });
    if let Err(error) = fetched {
        println!("    modules get a tenth larger: rustup's component rust-src cannot be had here ({error})");
    }
    Ok(lock.is_file())
}

/// Where a module lies once it is compiled.
fn compiled(repo: &Repo, profile: Profile, module: &Module) -> PathBuf {
    repo.target.join("wasm").join(profile.name()).join(module.stem).with_extension("wasm")
}

/// Binds compiled modules into a folder that holds nothing else.
pub(crate) fn bind(repo: &Repo, profile: Profile, modules: &[Module], out: &Path) -> Result<()> {
    remove(out)?;
    step("bind", || modules.iter().try_for_each(|module| bind_one(repo, profile, module, out)))
}

fn bind_one(repo: &Repo, profile: Profile, module: &Module, out: &Path) -> Result<()> {
    let mut args: Vec<OsString> = vec!["wasm-bindgen".into(), compiled(repo, profile, module).into()];
    args.extend(["--target", "web", "--out-name", module.stem, "--out-dir"].map(OsString::from));
    args.push(out.into());
    if !module.typescript {
        args.push("--no-typescript".into());
    }
    if profile == Profile::Release {
        args.extend(["--remove-name-section", "--remove-producers-section"].map(OsString::from));
    }
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(args).with_context(|| format!("cannot bind {}", module.package))
}

/// Makes sure that the pinned toolchain can compile to wasm.
pub(crate) fn require_wasm_target(repo: &Repo) -> Result<()> {
    let libdir = output(rustc(repo).args(["--print", "target-libdir", "--target", TARGET]))?;
    if Path::new(libdir.trim()).is_dir() {
        return Ok(());
    }
    let advice = "rust-toolchain.toml names it; with rustup, `rustup target add wasm32-unknown-unknown` fetches it";
    if which(&["rustup"]).is_none() {
        bail!("this Rust cannot compile to {TARGET}: {advice}");
    }
    step(&format!("fetch Rust's {TARGET} target"), || {
        run(program(repo, "rustup").args(["target", "add", TARGET]))
            .with_context(|| format!("Rust's {TARGET} target cannot be had here ({advice})"))
    })
}

fn rustc(repo: &Repo) -> Command {
    program(repo, std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Puts bound modules and the page's own files together.
fn assemble(repo: &Repo, bound: &Path) -> Result<PathBuf> {
    let mut pkg = Vec::new();
    for file in files_below(bound)? {
        pkg.push((relative(&file, bound)?, read(&file)?));
    }
    let mut beside = Vec::new();
    let scripts = [DECODE_WORKER_JS, STYLE_WORKER_JS, SEARCH_WORKER_JS, REQUESTS_JS].map(|script| (script, true));
    for (dir, into_pkg) in [("www/assets", false)].into_iter().chain(scripts) {
        let path = repo.at(dir);
        if path.is_file() {
            pkg.push((relative(&path, path.parent().unwrap_or(&path))?, read(&path)?));
        }
        for file in files_below(&path)? {
            let entry = (relative(&file, &path)?, read(&file)?);
            // Scripts import their neighbours in pkg-HASH; all else keeps its name beside index.html.
            if into_pkg || entry.0.ends_with(".js") { pkg.push(entry) } else { beside.push(entry) }
        }
    }
    pkg.sort();
    let mut hash = Fnv1a::default();
    for (path, bytes) in &pkg {
        hash.eat(path.as_bytes());
        hash.eat(bytes);
    }
    let name = format!("pkg-{}", hash.hex());
    let page = index_html(repo, &name)?;

    let dist = repo.dist();
    clear(&dist)?;
    for (path, bytes) in &pkg {
        write(&dist.join(&name).join(path), bytes)?;
    }
    for (path, bytes) in &beside {
        write(&dist.join(path), bytes)?;
    }
    write(&dist.join("index.html"), page)?;
    Ok(dist.join(name))
}

fn index_html(repo: &Repo, pkg: &str) -> Result<String> {
    let source = repo.at("www/index.html");
    let page = read_text(&source)?;
    ensure!(page.contains("{{pkg}}"), "{} does not name {{{{pkg}}}}", repo.short(&source));
    Ok(page.replace("{{pkg}}", pkg))
}

/// Removes what an earlier build left, with its compressed copies, but not the demo cities.
fn clear(dist: &Path) -> Result<()> {
    std::fs::create_dir_all(dist).with_context(|| format!("cannot create {}", dist.display()))?;
    for entry in std::fs::read_dir(dist)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name != "twin" && name != "delft") {
            remove(&path)?;
        }
    }
    Ok(())
}

fn relative(file: &Path, base: &Path) -> Result<String> {
    let path = file.strip_prefix(base)?.to_str().with_context(|| format!("{} is not UTF-8", file.display()))?;
    Ok(path.replace('\\', "/"))
}
