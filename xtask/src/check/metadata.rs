//! What cargo knows about the packages: the parts of `cargo metadata` that the checks read.

use crate::repo::Repo;
use crate::shell::{cargo, output};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Every package of the workspace and below it, on every platform.
#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
pub(super) struct Package {
    id: String,
    pub(super) name: String,
    version: String,
    /// SPDX expression.
    pub(super) license: Option<String>,
    /// Registry or repository; none for a package of the workspace.
    pub(super) source: Option<String>,
    pub(super) manifest_path: PathBuf,
    pub(super) dependencies: Vec<Dependency>,
}

/// A dependency as the package's manifest states it.
#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// None: needed to run; else `dev` or `build`.
    pub(super) kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Package {
    /// Name and version.
    pub(super) fn label(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

impl Metadata {
    /// Asks cargo about the workspace of a manifest; its `Cargo.lock` must be up to date.
    pub(super) fn load(repo: &Repo, manifest: &str) -> Result<Self> {
        let asked = ["metadata", "--format-version", "1", "--locked", "--manifest-path", manifest];
        let json = output(cargo(repo).args(asked))
            .with_context(|| format!("is the Cargo.lock beside {manifest} up to date? (cargo update --workspace)"))?;
        serde_json::from_str(&json).context("cargo metadata printed something unexpected")
    }

    /// The packages of the workspace.
    pub(super) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// Names of all packages that a package needs to run, itself left out.
    pub(super) fn needs(&self, package: &Package) -> BTreeSet<&str> {
        let edges: BTreeMap<_, _> = self.resolve.nodes.iter().map(|node| (node.id.as_str(), &node.deps)).collect();
        let mut seen = BTreeSet::new();
        let mut open = vec![package.id.as_str()];
        while let Some(id) = open.pop() {
            for edge in edges.get(id).copied().into_iter().flatten() {
                if edge.dep_kinds.iter().any(|kind| kind.kind.is_none()) && seen.insert(edge.pkg.as_str()) {
                    open.push(&edge.pkg);
                }
            }
        }
        self.packages.iter().filter(|other| seen.contains(other.id.as_str())).map(|other| other.name.as_str()).collect()
    }
}
