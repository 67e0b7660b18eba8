//! `cargo xtask docs`: the reference of the npm package and the guide, as one site in `target/docs`.

use crate::package::{copy, package};
use crate::repo::Repo;
use crate::setup;
use crate::shell::{program, read_text, remove, run, step, write};
use crate::web::Profile;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Builds the package and documents it.
pub(crate) fn docs(repo: &Repo) -> Result<()> {
    package(repo, Profile::Release)?;
    site(repo)
}

/// Documents the package that lies in `target/npm/citytwin`.
pub(crate) fn site(repo: &Repo) -> Result<()> {
    setup::node_packages(repo, "docs")?;
    let out = repo.target.join("docs");
    remove(&out)?;
    let options = repo.target.join("typedoc.json");
    write(&options, serde_json::to_string_pretty(&options_of(repo, &out)?)?)?;
    step("write the guide and the reference", || {
        let typedoc = repo.at("docs/node_modules/typedoc/bin/typedoc");
        run(program(repo, "node").arg(typedoc).arg("--options").arg(&options))
    })?;
    // Beside the site as they lie in the checkout, so that the page finds its pictures.
    for file in ["index.html", "index.css"] {
        let page = Path::new("pkg-examples").join(file);
        copy(&repo.root.join(&page), &out.join(&page))?;
    }
    copy(&repo.at("docs/examples"), &out.join("docs/examples"))?;
    println!("    ready: {}", repo.short(&out.join("index.html")));
    Ok(())
}

/// What TypeDoc is told: `docs/typedoc.json`, and where things lie.
fn options_of(repo: &Repo, out: &Path) -> Result<Value> {
    let mut options: Value =
        serde_json::from_str(&read_text(&repo.at("docs/typedoc.json"))?).context("docs/typedoc.json")?;
    let compiler = repo.target.join("typedoc.tsconfig.json");
    let entries = entries(repo)?;
    let settings = json!({
        "compilerOptions": {
            "target": "ES2022", "module": "ESNext", "moduleResolution": "bundler", "lib": ["ES2022", "DOM", "DOM.Iterable"],
            "types": [], "strict": true, "skipLibCheck": true, "noEmit": true,
        },
        "files": entries,
    });
    write(&compiler, settings.to_string())?;
    options["entryPoints"] = json!(entries);
    options["tsconfig"] = json!(compiler);
    options["out"] = json!(out);
    options["readme"] = json!(repo.at("docs/guide.md"));
    let pages = options["projectDocuments"].as_array().context("docs/typedoc.json names no pages")?;
    let pages: Vec<_> = pages.iter().filter_map(|page| Some(repo.at("docs").join(page.as_str()?))).collect();
    options["projectDocuments"] = json!(pages);
    options["customCss"] = json!(repo.at("docs/site.css"));
    options["includeVersion"] = json!(true);
    Ok(options)
}

/// For each entry of the package a file that is called as people import it, `citytwin/search.d.ts`, and stands for its
/// type declarations: TypeDoc names modules after files.
fn entries(repo: &Repo) -> Result<Vec<PathBuf>> {
    let package = repo.target.join("npm/citytwin");
    let manifest: Value = serde_json::from_str(&read_text(&package.join("package.json"))?)?;
    let exports = manifest["exports"].as_object().context("the package has no exports")?;
    let modules = repo.target.join("typedoc");
    remove(&modules)?;
    let mut entries = Vec::new();
    for (name, entry) in exports {
        let Some(types) = entry.get("types").and_then(Value::as_str) else { continue };
        let declared = package.join(types).to_string_lossy().replace(".d.ts", ".js");
        let module = modules.join(format!("citytwin{}.d.ts", name.trim_start_matches('.')));
        write(&module, format!("export * from {declared:?};\n"))?;
        entries.push(module);
    }
    Ok(entries)
}
