//! All automation of the repository: `cargo xtask VERB`.
//!
//! Each verb can be repeated, says what it does while it does it (one line per step, with seconds), and ends in a
//! clear sentence when it cannot go on. Nothing depends on this crate. Tool versions come from `Cargo.lock` and
//! the `package-lock.json` files, never from here.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod check;
mod docs;
mod examples;
mod fuzz;
mod hash;
mod native;
mod package;
mod repo;
mod serve;
mod setup;
mod shell;
mod test;
mod web;

use anyhow::{Context, Result, bail, ensure};
use lexopt::prelude::*;
use repo::Repo;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
All automation of the repository.

Usage: cargo xtask VERB [OPTIONS]

  serve [--port N]     build everything and serve the demo city on 127.0.0.1, port 8080 unless told otherwise
  test [STAGE…]        native, wasm, gltf, page and peers tests: all stages, or those named
  check [CHECK…]       fmt, tidy, licences, api, clippy, clippy-wasm, docs and sizes: all checks, or those named
  bake-demo            bake the demo city into target/dist/twin
  build [--dev]        build the web app into target/dist; --dev is quicker to build and slower to run
  fuzz [TARGET…] [--all] [--seconds N] [--corpus DIR]
                       feed the parsers of fuzz/ what nobody would write: the targets named, or all, 60 seconds each
                       unless told otherwise, from seeds of ../shared/data/tiles where that is, or of DIR
  package [--dev]      build the npm package into target/npm, and the examples that stand on it; --dev is quicker to
                       build, slower to run, and leaves the examples alone
  docs                 write the guide and the reference of the npm package into target/docs
  bench                measure downloads and the time until the demo is drawn; writes target/bench.json
  bench --engine [-- --sets city,helsinki,delaware,newyork --runs N --pictures --out FILE.md]
                       measure the engine beside CesiumJS and 3DTilesRendererJS; writes target/engines/; with
                       --looks all only takes pictures: by day and dusk, seen through, cut, below ground, from afar
  bench --pages        measure the smallest page with a city beside the same with CesiumJS and 3DTilesRendererJS;
                       writes target/pages/
  bench --bake         measure time, memory and bytes of baking the cities of ../shared/data, beside cjio and py3dtiles
  bench --search       measure the search beside other engines at 100,000 records; writes target/bench-search.json
  bench --million      the same at 1,000,000 records: takes half an hour and 8 GB
  bench --ten-million  our search alone over ten shards of 1,000,000 records each

Node packages come from npm and Chromium from Debian where they are not there yet; CHROMIUM and CHROMEDRIVER name
others. UPDATE_GOLDEN=1 makes the page tests rewrite their golden pictures.
";

fn main() -> ExitCode {
    match run(std::env::args_os().collect()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Carries out a command line; false when tests or checks failed.
fn run(args: Vec<OsString>) -> Result<bool> {
    if args.get(1).is_some_and(|verb| verb == "test-runner") {
        // Cargo calls this with a wasm test binary; what follows belongs to the runner.
        wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(&args[1..])?;
        return Ok(true);
    }
    let mut args = lexopt::Parser::from_iter(args);
    let verb = match args.next()? {
        None | Some(Short('h') | Long("help")) => "help".to_owned(),
        Some(Value(verb)) => verb.string()?,
        Some(other) => return Err(other.unexpected().into()),
    };
    let options = Options::parse(&verb, args)?;
    if options.help {
        print!("{HELP}");
        return Ok(true);
    }
    let repo = Repo::find()?;
    match verb.as_str() {
        "serve" => serve::serve(&repo, options.port)?,
        "test" => return test::test(&repo, &options.names),
        "check" => return check::check(&repo, &options.names),
        "bake-demo" => native::bake_demo(&repo, native::Build::Release)?,
        "build" => drop(web::build(&repo, if options.dev { web::Profile::Dev } else { web::Profile::Release })?),
        "package" if options.dev => drop(package::package(&repo, web::Profile::Dev)?),
        "docs" => docs::docs(&repo)?,
        "package" => examples::build(&repo)?,
        "fuzz" => {
            ensure!(options.all == options.names.is_empty(), "name targets of fuzz/, or say --all");
            let plan = fuzz::Plan { targets: options.names, secs: options.secs, corpus: options.corpus };
            return fuzz::fuzz(&repo, &plan);
        }
        "bench" if options.engine => bench::engines::bench(&repo, &options.names)?,
        "bench" if options.pages => bench::pages::bench(&repo)?,
        "bench" if options.bake => bench::bake::bench(&repo)?,
        "bench" if options.search => {
            bench::search::bench(&repo, options.scale)?;
        }
        "bench" => bench::bench(&repo)?,
        other => bail!("there is no verb \"{other}\"; `cargo xtask --help` lists them"),
    }
    Ok(true)
}

/// What may follow a verb.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    help: bool,
    port: u16,
    dev: bool,
    engine: bool,
    search: bool,
    pages: bool,
    bake: bool,
    scale: bench::search::Scale,
    all: bool,
    secs: u32,
    corpus: Option<PathBuf>,
    names: Vec<String>,
}

impl Options {
    /// Reads what follows a verb, and refuses what that verb does not know.
    fn parse(verb: &str, mut args: lexopt::Parser) -> Result<Self> {
        let mut options = Self { help: verb == "help", port: 8080, secs: 60, ..Self::default() };
        while let Some(arg) = args.next()? {
            match arg {
                Short('h') | Long("help") => options.help = true,
                Long("port") if verb == "serve" => {
                    options.port = args.value()?.parse().context("--port takes a number from 1 to 65535")?;
                }
                Long("dev") if verb == "build" || verb == "package" => options.dev = true,
                Long("engine") if verb == "bench" => options.engine = true,
                Long("search") if verb == "bench" => options.search = true,
                Long("bake") if verb == "bench" => options.bake = true,
                Long("pages") if verb == "bench" => options.pages = true,
                Long("million") if verb == "bench" => {
                    options.search = true;
                    options.scale = bench::search::Scale::Million;
                }
                Long("ten-million") if verb == "bench" => {
                    options.search = true;
                    options.scale = bench::search::Scale::TenMillion;
                }
                Long("all") if verb == "fuzz" => options.all = true,
                Long("seconds") if verb == "fuzz" => {
                    options.secs = args.value()?.parse().context("--seconds takes a number")?;
                }
                Long("corpus") if verb == "fuzz" => options.corpus = Some(args.value()?.into()),
                Value(name) if ["test", "check", "fuzz"].contains(&verb) || options.engine => {
                    options.names.push(name.string()?);
                }
                other => return Err(other.unexpected()).with_context(|| format!("`cargo xtask {verb}`")),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verb: &str, args: &[&str], expected: Option<&Options>) {
        assert_eq!(Options::parse(verb, lexopt::Parser::from_args(args)).ok().as_ref(), expected, "{verb} {args:?}");
    }

    #[test]
    fn each_verb_takes_its_own_options_and_no_others() {
        let none = || Options { port: 8080, secs: 60, ..Options::default() };
        check("serve", &["--port", "9000"], Some(&Options { port: 9000, ..none() }));
        check("serve", &["--port", "70000"], None);
        check("serve", &["--dev"], None);
        check("build", &["--dev"], Some(&Options { dev: true, ..none() }));
        check("test", &["page", "wasm"], Some(&Options { names: vec!["page".into(), "wasm".into()], ..none() }));
        check("package", &["page"], None);
        let fuzz = Options { all: true, secs: 5, corpus: Some("tiles".into()), ..none() };
        check("fuzz", &["--all", "--seconds", "5", "--corpus", "tiles"], Some(&fuzz));
        check("test", &["--seconds", "5"], None);
        check("bench", &["--help"], Some(&Options { help: true, ..none() }));
        check("bench", &["--pages"], Some(&Options { pages: true, ..none() }));
        check("bench", &["--bake"], Some(&Options { bake: true, ..none() }));
        check("bench", &["--search"], Some(&Options { search: true, ..none() }));
        let at = |scale| Options { search: true, scale, ..none() };
        check("bench", &["--million"], Some(&at(bench::search::Scale::Million)));
        check("bench", &["--ten-million"], Some(&at(bench::search::Scale::TenMillion)));
        check("serve", &["--search"], None);
        let engine = Options { engine: true, names: vec!["--runs".into(), "1".into()], ..none() };
        check("bench", &["--engine", "--", "--runs", "1"], Some(&engine));
    }
}
