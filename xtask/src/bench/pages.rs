//! `cargo xtask bench --pages`: the smallest page with a city, beside the same with other engines, in one browser.

use crate::examples;
use crate::native::{self, Build};
use crate::repo::Repo;
use crate::setup;
use crate::shell::{run, step};
use crate::test::in_browser;
use anyhow::Result;

/// Measures, prints a table, and writes it into `target/pages`.
pub(crate) fn bench(repo: &Repo) -> Result<()> {
    setup::node_packages(repo, "tests-wasm")?;
    native::bake_demo(repo, Build::Release)?;
    examples::build(repo)?;
    step("measure the smallest page of each engine in headless Chromium", || {
        run(in_browser(repo, Build::Release)?.arg(repo.at("tests-wasm/pages/bench.mjs")))
    })
}
