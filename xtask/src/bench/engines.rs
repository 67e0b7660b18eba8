//! `cargo xtask bench --engine`: our engine beside others, over the same tilesets and views, in one browser.

use crate::native::Build;
use crate::package;
use crate::repo::Repo;
use crate::shell::{run, step};
use crate::test::{in_browser, site};
use crate::web::Profile;
use anyhow::Result;

/// Measures, prints tables, and writes `bench.json`, `bench.svg` and `bench.md` into `target/engines`. `args` go to the
/// script.
pub(crate) fn bench(repo: &Repo, args: &[String]) -> Result<()> {
    site(repo, Build::Release)?;
    package::package(repo, Profile::Release)?;
    step("measure each engine in headless Chromium", || {
        run(in_browser(repo, Build::Release)?.arg(repo.at("tests-wasm/engines/bench.mjs")).args(args))
    })
}
