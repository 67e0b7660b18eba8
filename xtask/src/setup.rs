//! What tests in a browser need that Rust does not bring: Node packages and Chromium.

use crate::repo::Repo;
use crate::shell::{output, program, read_text, run, step, which, write};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};

/// The oldest Node that runs the tests.
const NODE_MAJOR: u32 = 20;

/// A browser and what drives it.
pub(crate) struct Browser {
    /// Chromium, or Chrome.
    pub(crate) chromium: PathBuf,
    /// Its WebDriver.
    pub(crate) driver: PathBuf,
}

/// Installs the packages that `DIR/package-lock.json` names, unless they are there.
pub(crate) fn node_packages(repo: &Repo, dir: &str) -> Result<()> {
    node_packages_in(repo, &repo.at(dir), dir)
}

/// The same in any folder; `name` is what people are told.
pub(crate) fn node_packages_in(repo: &Repo, dir: &Path, name: &str) -> Result<()> {
    require_node(repo)?;
    let lock = read_text(&dir.join("package-lock.json"))?;
    let stamp = dir.join("node_modules/.installed");
    if read_text(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    step(&format!("install the Node packages of {name}"), || {
        run(npm(repo)?.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(dir))
            .with_context(|| format!("the Node packages of {name} cannot be had: is npm's registry reachable?"))
    })?;
    write(&stamp, lock)
}

/// npm, by its full path.
pub(crate) fn npm(repo: &Repo) -> Result<std::process::Command> {
    let npm = which(&["npm", "npm.cmd"]).context("npm is not on the PATH; it comes with Node (on Debian: npm)")?;
    Ok(program(repo, npm))
}

fn require_node(repo: &Repo) -> Result<()> {
    let node = which(&["node", "node.exe"])
        .with_context(|| format!("Node is not on the PATH: install Node {NODE_MAJOR} or newer with its npm"))?;
    let version = output(program(repo, node).arg("--version"))?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    ensure!(
        major.is_some_and(|major| major >= NODE_MAJOR),
        "Node is {}, the tests need {NODE_MAJOR} or newer",
        version.trim()
    );
    Ok(())
}

/// Makes sure that there is a C++ compiler: libFuzzer is C++.
pub(crate) fn require_cxx() -> Result<()> {
    const ADVICE: &str = "libFuzzer is compiled from C++: install a compiler (on Debian: apt-get install g++), \
                          or name one in CXX";
    ensure!(std::env::var_os("CXX").is_some() || which(&["c++", "g++", "clang++"]).is_some(), "{ADVICE}");
    Ok(())
}

/// Finds Chromium and its WebDriver: what `CHROMIUM` and `CHROMEDRIVER` name, what is on the PATH, or else Debian's,
/// which is installed where that is allowed.
pub(crate) fn browser(repo: &Repo) -> Result<Browser> {
    if let (Some(chromium), Some(driver)) = (chromium()?, driver()?) {
        return Ok(Browser { chromium, driver });
    }
    const ADVICE: &str = "install Chromium and its driver (on Debian: apt-get install chromium chromium-driver), \
                          or name them in CHROMIUM and CHROMEDRIVER";
    let Some(apt) = which(&["apt-get"]) else { bail!("no Chromium was found: {ADVICE}") };
    step("install Debian's Chromium", || {
        let apt = |args: &[&str]| run(program(repo, &apt).env("DEBIAN_FRONTEND", "noninteractive").args(args));
        apt(&["update", "-qq"])?;
        apt(&["install", "-y", "-qq", "--no-install-recommends", "chromium", "chromium-driver"])
    })
    .with_context(|| format!("no Chromium was found, and Debian's could not be installed: {ADVICE}"))?;
    match (chromium()?, driver()?) {
        (Some(chromium), Some(driver)) => Ok(Browser { chromium, driver }),
        _ => bail!("Debian's Chromium is installed but not on the PATH: {ADVICE}"),
    }
}

fn chromium() -> Result<Option<PathBuf>> {
    named_or_found("CHROMIUM", &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
}

fn driver() -> Result<Option<PathBuf>> {
    named_or_found("CHROMEDRIVER", &["chromedriver"])
}

fn named_or_found(variable: &str, names: &[&str]) -> Result<Option<PathBuf>> {
    let Some(named) = std::env::var_os(variable).map(PathBuf::from) else { return Ok(which(names)) };
    ensure!(named.is_file(), "{variable} is {}, where there is no file", named.display());
    Ok(Some(named))
}
