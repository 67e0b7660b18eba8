//! `cargo xtask bench`: what a browser downloads, and how long the demo takes until it is drawn.

pub(crate) mod bake;
pub(crate) mod engines;
pub(crate) mod pages;
pub(crate) mod search;

use crate::check::budgets;
use crate::native::{self, Build};
use crate::repo::Repo;
use crate::shell::{output, read, step, write};
use crate::test::{in_browser, site};
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Measures, prints a table, and writes `target/bench.json`.
pub(crate) fn bench(repo: &Repo) -> Result<()> {
    let pkg = site(repo, Build::Release)?;
    native::precompress(repo)?;
    let sizes = step("weigh", || budgets::weigh(repo, &pkg))?;
    let settle: Value = step("load the demo three times in headless Chromium", || {
        let json = output(in_browser(repo, Build::Release)?.arg(repo.at("tests-wasm/bench.mjs")))?;
        serde_json::from_str(&json).context("bench.mjs printed something else than JSON")
    })?;
    println!("\n  {:24} {:>10} {:>10} {:>10}", "download", "raw kB", "brotli kB", "budget kB");
    let kb = |bytes: u64| bytes as f64 / 1000.0;
    for size in &sizes {
        let row = [size.raw_bytes, size.brotli_bytes, size.budget_bytes].map(|bytes| format!("{:>10.1}", kb(bytes)));
        println!("  {:24} {}", size.group, row.join(" "));
    }
    println!("\n  {:24} {:>10}", "demo, median of 3", "");
    for (name, value) in settle.as_object().context("bench.mjs printed something else than an object")? {
        println!("  {name:24} {value:>10}");
    }
    let sizes: Vec<_> = sizes
        .iter()
        .map(|size| json!({ "group": size.group, "rawBytes": size.raw_bytes, "brotliBytes": size.brotli_bytes }))
        .collect();
    let out = repo.target.join("bench.json");
    write(&out, serde_json::to_string_pretty(&json!({ "sizes": sizes, "demo": settle }))? + "\n")?;
    println!("\n  {} ({} bytes)", repo.short(&out), read(&out)?.len());
    Ok(())
}
