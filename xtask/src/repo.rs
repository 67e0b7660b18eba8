//! Where things are.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// The checkout and its build directory.
pub(crate) struct Repo {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target directory.
    pub(crate) target: PathBuf,
}

impl Repo {
    /// The checkout that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
        ensure!(
            root.join("Cargo.toml").is_file(),
            "the checkout that xtask was built from is no longer at {}; run it through `cargo xtask`",
            root.display()
        );
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => std::path::absolute(dir)?,
            None => root.join("target"),
        };
        Ok(Self { root: root.to_owned(), target })
    }

    /// A path below the checkout.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The site that is served: the web app, and the demo cities in `twin/` and `delft/`.
    pub(crate) fn dist(&self) -> PathBuf {
        self.target.join("dist")
    }

    /// The path as people like to read it: relative to the checkout where it lies within.
    pub(crate) fn short<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
