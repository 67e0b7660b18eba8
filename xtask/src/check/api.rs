//! The public surface of the npm package, against its committed snapshot `sdk/api.d.ts`.
//!
//! It may change, but not unnoticed: whoever changes it renews the snapshot with `UPDATE_API=1`, and says in
//! `CHANGELOG.md` what has changed; the snapshot's checksum there is what a machine can check of that.

use crate::hash::Fnv1a;
use crate::package::{INTERNAL_MODULES, SHARED_TYPES};
use crate::repo::Repo;
use crate::setup;
use crate::shell::{files_below, program, read_text, remove, run, write};
use anyhow::{Result, bail, ensure};
use std::fmt::Write as _;

const SNAPSHOT: &str = "sdk/api.d.ts";
const CHANGELOG: &str = "CHANGELOG.md";
/// What stands in for the bound module, which need not be built for this.
const ENGINE: &str = "export class Handle { constructor(...parts: any[]); [name: string]: any }
export default function load(options: { module_or_path: string }): Promise<unknown>;
";

/// Compares, or renews.
pub(super) fn check(repo: &Repo) -> Result<String> {
    let found = surface(repo)?;
    let snapshot = repo.at(SNAPSHOT);
    if std::env::var_os("UPDATE_API").is_some() {
        write(&snapshot, &found)?;
    } else if read_text(&snapshot).ok().as_deref() != Some(&found) {
        write(&repo.target.join("api/api.d.ts"), &found)?;
        bail!(
            "the package's public surface is not as in {SNAPSHOT}: `diff {SNAPSHOT} target/api/api.d.ts` shows what has \
             changed; if it shall, run `UPDATE_API=1 cargo xtask check api` and say so in {CHANGELOG}"
        );
    }
    let mut hash = Fnv1a::default();
    hash.eat(found.as_bytes());
    let named = format!("`{SNAPSHOT}` {}", hash.hex());
    ensure!(
        read_text(&repo.at(CHANGELOG))?.contains(&named),
        "the package's public surface has changed: {CHANGELOG} must say how, and name the snapshot as {named}"
    );
    Ok(named)
}

/// The declarations of every module that an entry names something of, one after the other.
fn surface(repo: &Repo) -> Result<String> {
    setup::node_packages(repo, "sdk")?;
    let (sources, out) = (repo.target.join("api/ts"), repo.target.join("api/out"));
    remove(&sources)?;
    remove(&out)?;
    for file in files_below(&repo.at("sdk/ts"))? {
        write(&sources.join(file.strip_prefix(repo.at("sdk/ts"))?), read_text(&file)?)?;
    }
    write(&sources.join("wasm/citytwin.d.ts"), ENGINE)?;
    for types in SHARED_TYPES {
        let path = repo.at(types);
        write(&sources.join("wasm").join(path.file_name().unwrap_or_default()), read_text(&path)?)?;
    }
    let tsc = repo.at("sdk/node_modules/typescript/bin/tsc");
    let mut tsc_run = program(repo, "node");
    tsc_run.arg(tsc).arg("--project").arg(sources.join("tsconfig.json")).arg("--outDir").arg(&out);
    run(tsc_run.arg("--emitDeclarationOnly"))?;
    let mut text = String::from(
        "// The public surface of the npm package citytwin. Made by `cargo xtask check api`; see there.\n",
    );
    let mut files = files_below(&out)?;
    files.sort();
    for file in files {
        let name = file.strip_prefix(&out)?.to_string_lossy().replace('\\', "/");
        let module = name.strip_suffix(".d.ts").unwrap_or(&name);
        if !module.contains('/') && !INTERNAL_MODULES.contains(&module) {
            write!(text, "\n// ---- {name}\n\n{}", read_text(&file)?)?;
        }
    }
    Ok(text)
}
