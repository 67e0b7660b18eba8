//! What a browser downloads, against `xtask/budgets.toml`.

use crate::package;
use crate::repo::Repo;
use crate::shell::{files_below, read, read_text};
use crate::web::{self, Profile};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How much a group of files may weigh.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    /// Names in the pkg folder or beside `index.html`; after `citytwin/`, in the `dist` folder of the npm package, and
    /// then every chunk that a script imports counts, too.
    files: Vec<String>,
    /// The most that they may weigh together, compressed with brotli 11, bytes.
    brotli_bytes: u64,
    /// Why that much.
    reason: String,
}

/// What a group of files weighs.
pub(crate) struct Size {
    /// The group, as in `budgets.toml`.
    pub(crate) group: String,
    /// As it is.
    pub(crate) raw_bytes: u64,
    /// Compressed with brotli 11.
    pub(crate) brotli_bytes: u64,
    /// The most that `brotli_bytes` may be.
    pub(crate) budget_bytes: u64,
}

/// Builds the app as published and weighs it.
pub(super) fn check(repo: &Repo) -> Result<String> {
    let pkg = web::build(repo, Profile::Release)?;
    let mut over = Vec::new();
    let mut notes = Vec::new();
    for size in weigh(repo, &pkg)? {
        let note = format!("{} {:.0} of {:.0} kB", size.group, kb(size.brotli_bytes), kb(size.budget_bytes));
        println!("    {note} (raw {:.0} kB)", kb(size.raw_bytes));
        if size.brotli_bytes > size.budget_bytes {
            over.push(note.clone());
        }
        notes.push(note);
    }
    if !web::std_sources(repo)? {
        return Ok(format!("not compared, for modules are larger without the sources of std: {}", notes.join(", ")));
    }
    if !over.is_empty() {
        bail!(
            "over budget: {}. Make it smaller, or raise the budget in xtask/budgets.toml and say there why",
            over.join(", ")
        );
    }
    Ok(notes.join(", "))
}

fn kb(bytes: u64) -> f64 {
    bytes as f64 / 1000.0
}

/// Weighs every group of `budgets.toml` in a build.
pub(crate) fn weigh(repo: &Repo, pkg: &Path) -> Result<Vec<Size>> {
    package::package(repo, Profile::Release)?;
    let budgets: BTreeMap<String, Budget> =
        toml::from_str(&read_text(&repo.at("xtask/budgets.toml"))?).context("xtask/budgets.toml")?;
    let mut sizes = Vec::new();
    for (group, budget) in budgets {
        anyhow::ensure!(!budget.reason.is_empty(), "xtask/budgets.toml gives no reason for {group}");
        let mut size = Size { group, raw_bytes: 0, brotli_bytes: 0, budget_bytes: budget.brotli_bytes };
        let mut files = Vec::new();
        for name in &budget.files {
            add(&mut files, find(repo, pkg, name)?)?;
        }
        for file in files {
            let bytes = read(&file)?;
            size.raw_bytes += bytes.len() as u64;
            size.brotli_bytes += brotli_len(&bytes)?;
        }
        sizes.push(size);
    }
    Ok(sizes)
}

fn find(repo: &Repo, pkg: &Path, name: &str) -> Result<PathBuf> {
    let places = match name.strip_prefix("citytwin/") {
        Some(name) => vec![repo.target.join("npm/citytwin/dist").join(name)],
        None => vec![pkg.join(name), repo.dist().join(name)],
    };
    places.into_iter().find(|file| file.is_file()).with_context(|| {
        let there: Vec<_> =
            files_below(pkg).unwrap_or_default().iter().map(|file| repo.short(file).to_string()).collect();
        format!("xtask/budgets.toml names {name}, which was not built; there are {}", there.join(", "))
    })
}

/// Adds a file, and the chunks that it imports.
fn add(files: &mut Vec<PathBuf>, file: PathBuf) -> Result<()> {
    if files.contains(&file) {
        return Ok(());
    }
    let imported = match file.extension() {
        Some(extension) if extension == "js" => {
            chunks(&read_text(&file)?).map(|name| file.with_file_name(name)).collect()
        }
        _ => Vec::new(),
    };
    files.push(file);
    imported.into_iter().try_for_each(|file| add(files, file))
}

/// The chunks that a minified script of ours names.
fn chunks(script: &str) -> impl Iterator<Item = &str> {
    script
        .split("\"./")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('"')?.0))
        .filter(|name| name.starts_with("chunk-"))
}

/// What the server would send, bytes.
fn brotli_len(bytes: &[u8]) -> Result<u64> {
    let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut out, &params).context("brotli")?;
    Ok(out.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::chunks;

    #[test]
    fn chunks_of_a_script() {
        let script = r#"import{a as e}from"./chunk-A1.js";import"./chunk-B2.js";import t from"./wasm/citytwin.js";new URL("./x.js",e)"#;
        assert_eq!(chunks(script).collect::<Vec<_>>(), ["chunk-A1.js", "chunk-B2.js"]);
    }
}
