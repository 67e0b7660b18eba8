//! The licence and dependency policy of `deny.toml`, read the way cargo-deny reads it, checked against what cargo
//! knows. Whoever has cargo-deny can run it on the same file.

use super::metadata::Metadata;
use crate::repo::Repo;
use crate::shell::read_text;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The tables of `deny.toml` that are checked here.
#[derive(Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// Checks every package and reports all that are against the policy.
pub(super) fn check(repo: &Repo) -> Result<String> {
    let policy: Policy = toml::from_str(&read_text(&repo.at("deny.toml"))?).context("deny.toml")?;
    let metadata = [Metadata::load(repo, "Cargo.toml")?, Metadata::load(repo, super::FUZZ)?];
    let packages: BTreeMap<_, _> =
        metadata.iter().flat_map(|all| &all.packages).map(|one| (one.label(), one)).collect();
    let mut against = Vec::new();
    for (label, package) in &packages {
        let exception = policy.licenses.exceptions.iter().find(|exception| exception.name == package.name);
        let also = exception.map_or(&[][..], |exception| &exception.allow);
        let allowed = |id: &str| policy.licenses.allow.iter().chain(also).any(|allowed| allowed == id);
        match package.license.as_deref() {
            None => against.push(format!("{label} names no licence")),
            Some(licence) if !satisfied(licence, &allowed).with_context(|| format!("{label}: {licence}"))? => {
                against.push(format!("{label} has the licence {licence}, which deny.toml does not allow"));
            }
            Some(_) => {}
        }
        let registry = package.source.as_deref().map(|source| source.strip_prefix("registry+").unwrap_or(source));
        if registry.is_some_and(|registry| !policy.sources.allow_registry.iter().any(|allowed| allowed == registry)) {
            against.push(format!("{label} comes from {}", registry.unwrap_or_default()));
        }
        if let Some(ban) = policy.bans.deny.iter().find(|ban| ban.name == package.name) {
            against.push(format!("{label} is banned: {}", ban.reason));
        }
    }
    for manifest in ["tests-wasm/package.json", "sdk/package.json", "sdk/npm/package.json"] {
        against.extend(node_dependencies(repo, manifest)?);
    }
    if !against.is_empty() {
        bail!("against the policy of deny.toml:\n  {}", against.join("\n  "));
    }
    Ok(format!("{} packages", packages.len()))
}

/// The npm package brings nothing along; tests may use what they like.
fn node_dependencies(repo: &Repo, manifest: &str) -> Result<Option<String>> {
    let json: serde_json::Value = serde_json::from_str(&read_text(&repo.at(manifest))?).context(manifest.to_owned())?;
    let some = json.get("dependencies").and_then(serde_json::Value::as_object).is_some_and(|list| !list.is_empty());
    Ok(some.then(|| format!("{manifest} has dependencies: Node packages are for building and testing only")))
}

/// Whether a licence expression (SPDX, or the older `A/B` for "A or B") can be met with allowed licences alone.
///
/// # Errors
/// When it is not such an expression.
fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let met = any_of(&mut words, allowed)?;
    ensure!(words.is_empty(), "not a licence expression");
    Ok(met)
}

fn any_of(words: &mut Vec<&str>, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let mut met = all_of(words, allowed)?;
    while words.last() == Some(&"OR") {
        words.pop();
        met |= all_of(words, allowed)?;
    }
    Ok(met)
}

fn all_of(words: &mut Vec<&str>, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let mut met = one(words, allowed)?;
    while words.last() == Some(&"AND") {
        words.pop();
        met &= one(words, allowed)?;
    }
    Ok(met)
}

fn one(words: &mut Vec<&str>, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let word = words.pop().context("not a licence expression")?;
    if word == "(" {
        let met = any_of(words, allowed)?;
        ensure!(words.pop() == Some(")"), "a bracket is not closed");
        return Ok(met);
    }
    ensure!(!["OR", "AND", "WITH", ")"].contains(&word), "not a licence expression");
    if words.last() == Some(&"WITH") {
        words.pop();
        let exception = words.pop().context("WITH names no exception")?;
        return Ok(allowed(&format!("{word} WITH {exception}")));
    }
    Ok(allowed(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_met_when_allowed_licences_suffice() {
        let allowed = |id: &str| ["MIT", "Zlib", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].contains(&id);
        for (expression, met) in [
            ("MIT", Some(true)),
            ("GPL-3.0", Some(false)),
            ("GPL-3.0 OR MIT", Some(true)),
            ("MIT/GPL-3.0", Some(true)),
            ("MIT AND GPL-3.0", Some(false)),
            ("MIT AND (GPL-3.0 OR Zlib)", Some(true)),
            ("GPL-3.0 OR MIT AND GPL-2.0", Some(false)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("MIT WITH LLVM-exception", Some(false)),
            ("(MIT", None),
            ("MIT OR", None),
            ("MIT Zlib", None),
            ("", None),
        ] {
            assert_eq!(satisfied(expression, &allowed).ok(), met, "{expression}");
        }
    }
}
