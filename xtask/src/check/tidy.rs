//! The house rules that a machine can see: which room may stand on which, and what no file may hold.

use super::metadata::{Metadata, Package};
use crate::repo::Repo;
use crate::shell::{output, program, read, read_text};
use anyhow::{Context, Result, bail};
use std::path::Path;

/// What `core/` may not need: it knows no browser, no GPU and no runtime.
const NOT_IN_CORE: [&str; 4] = ["wasm-bindgen", "js-sys", "web-sys", "tokio"];

/// The rooms at the browser's rim, which alone may name wasm-bindgen.
const BROWSER_ROOMS: [&str; 9] = [
    "citytwin-viewer",
    "citytwin-decode-worker",
    "citytwin-style-worker",
    "citytwin-search-worker",
    "citytwin-positioning-worker",
    "citytwin-geojson-worker",
    "citytwin-sdk",
    "citytwin-www",
    "citytwin-tests-wasm",
];

/// Nobody clones a megabyte by accident; the demo's inputs are meant to be there.
const MAX_FILE_BYTES: usize = 1 << 20;

/// Checks every rule and reports all that are broken.
pub(super) fn check(repo: &Repo) -> Result<String> {
    let metadata = Metadata::load(repo, "Cargo.toml")?;
    let mut broken = Vec::new();
    for package in metadata.members() {
        broken.extend(direction(&metadata, package, &repo.root));
        broken.extend(head(package)?);
    }
    let files = files(repo)?;
    for name in &files {
        let path = repo.at(name);
        if path.is_file() {
            broken.extend(content(name, &read(&path)?));
        }
    }
    if !broken.is_empty() {
        bail!("the house rules are broken:\n  {}", broken.join("\n  "));
    }
    Ok(format!("{} files", files.len()))
}

/// Every file of the project: known to git, or new and not ignored.
fn files(repo: &Repo) -> Result<Vec<String>> {
    let list = output(program(repo, "git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))
        .context("the list of files comes from git")?;
    Ok(list.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Which room stands on which.
fn direction(metadata: &Metadata, package: &Package, root: &Path) -> Vec<String> {
    let mut broken = Vec::new();
    let needs = metadata.needs(package);
    let in_core = package.manifest_path.strip_prefix(root).is_ok_and(|path| path.starts_with("core"));
    if in_core {
        let found = NOT_IN_CORE.iter().filter(|name| needs.contains(**name));
        broken.extend(found.map(|name| format!("{} needs {name}, which core may not know", package.name)));
    }
    if needs.contains("xtask") {
        broken.push(format!("{} needs xtask, on which nothing may depend", package.name));
    }
    let names_wasm_bindgen = package.dependencies.iter().any(|dep| dep.kind.is_none() && dep.name == "wasm-bindgen");
    if names_wasm_bindgen && !BROWSER_ROOMS.contains(&package.name.as_str()) {
        broken.push(format!("{} names wasm-bindgen; that is for the rooms at the browser's rim", package.name));
    }
    broken
}

/// Every crate opens with what it is, and follows the shared lints.
fn head(package: &Package) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    let dir = package.manifest_path.parent().context("a manifest lies in a folder")?;
    for root in ["src/lib.rs", "src/main.rs"].map(|name| dir.join(name)) {
        if root.is_file() && !read_text(&root)?.starts_with("//! ") {
            broken.push(format!("{} does not begin with what the crate is (`//! …`)", root.display()));
        }
    }
    let manifest: toml::Table = read_text(&package.manifest_path)?.parse()?;
    let follows = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
    if follows != Some(true) {
        broken.push(format!("{} does not follow the shared lints (`[lints] workspace = true`)", package.name));
    }
    Ok(broken)
}

/// What no file may hold.
fn content(name: &str, bytes: &[u8]) -> Vec<String> {
    let mut broken = Vec::new();
    if bytes.len() > MAX_FILE_BYTES && !name.starts_with("demo/") {
        broken.push(format!("{name} has {} bytes; the limit is {MAX_FILE_BYTES}", bytes.len()));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return broken };
    let is_lock = name.ends_with("Cargo.lock") || name.ends_with("package-lock.json");
    let mut lines = |words: &[String], why: &str| {
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(word.as_str())) {
                broken.push(format!("{name}:{}: `{word}`: {why}", number + 1));
            }
        }
    };
    if is_lock {
        lines(
            &joined(&[("\"resolved\":", " \"http")]),
            "a lock file names no host; npm has --omit-lockfile-registry-resolved",
        );
        return broken;
    }
    lines(&joined(&MACHINE_WORDS), "a path of one machine, or a registry's host");
    if [".rs", ".mjs", ".js", ".ts", ".css", ".html", ".toml"].iter().any(|end| name.ends_with(end)) {
        lines(&joined(&UNFINISHED_WORDS), "unfinished work is not for the main branch");
    }
    if name.starts_with("www/src/") {
        lines(&joined(&[("Js", "Value")]), "the shell speaks to the viewer in plain Rust");
    }
    broken
}

/// Written in two halves, so that this file does not hold what it looks for.
const MACHINE_WORDS: [(&str, &str); 7] = [
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/ho", "me/"),
    ("registry.npm", "js.org"),
    ("index.cra", "tes.io"),
    ("static.cra", "tes.io"),
    ("files.python", "hosted.org"),
];
const UNFINISHED_WORDS: [(&str, &str); 5] =
    [("TO", "DO"), ("FIX", "ME"), ("dbg", "!("), ("todo", "!("), ("unimple", "mented!(")];

fn joined(halves: &[(&str, &str)]) -> Vec<String> {
    halves.iter().map(|(left, right)| format!("{left}{right}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_break_a_rule_are_named_with_the_line() {
        let path = joined(&MACHINE_WORDS)[0].clone();
        let later = joined(&UNFINISHED_WORDS)[0].clone();
        let value = joined(&[("Js", "Value")])[0].clone();
        for (name, text, broken) in [
            ("a.md", format!("fine\nsee {path}x"), Some("a.md:2")),
            ("Cargo.lock", format!("see {path}x"), None),
            ("a.rs", format!("// {later}: later"), Some("a.rs:1")),
            ("a.md", format!("{later}: this is prose"), None),
            ("www/src/lib.rs", value.clone(), Some("www/src/lib.rs:1")),
            ("viewer/src/lib.rs", value, None),
            ("package-lock.json", "\"resolved\": \"https://x/\"".into(), Some("package-lock.json:1")),
            ("big.bin", "x".repeat(MAX_FILE_BYTES + 1), Some("big.bin has")),
            ("demo/big.bin", "x".repeat(MAX_FILE_BYTES + 1), None),
        ] {
            let found = content(name, text.as_bytes());
            match broken {
                Some(start) => assert!(found.len() == 1 && found[0].starts_with(start), "{name}: {found:?}"),
                None => assert!(found.is_empty(), "{name}: {found:?}"),
            }
        }
    }
}
