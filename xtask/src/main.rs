//! All automation of the repository: `cargo xtask VERB`.
//!
//! Each verb can be repeated, says what it does while it does it (one line per step, with seconds), and ends in a
//! clear sentence when it cannot go on. Nothing depends on this crate. Tool versions come from `Cargo.lock` and
//! the `package-lock.json` files, never from here.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod repo;
mod shell;
mod web;

use anyhow::{Result, bail};
use lexopt::prelude::*;
use repo::Repo;
use std::ffi::OsString;
use std::process::ExitCode;

const HELP: &str = "\
All automation of the repository.

Usage: cargo xtask VERB [OPTIONS]

  build [--dev]        build the web app into target/dist; --dev is quicker to build and slower to run
";

fn main() -> ExitCode {
    match run(std::env::args_os().collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Vec<OsString>) -> Result<ExitCode> {
    if args.get(1).is_some_and(|verb| verb == "test-runner") {
        // Cargo calls this with a wasm test binary; what follows belongs to the runner.
        wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(&args[1..])?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut args = lexopt::Parser::from_iter(args);
    let verb = match args.next()? {
        None | Some(Short('h') | Long("help")) => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        Some(Value(verb)) => verb.string()?,
        Some(other) => return Err(other.unexpected().into()),
    };
    let repo = Repo::find()?;
    match verb.as_str() {
        "build" => build(&repo, args),
        "help" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("there is no verb \"{other}\"; `cargo xtask --help` lists them"),
    }
}

fn build(repo: &Repo, mut args: lexopt::Parser) -> Result<ExitCode> {
    let mut profile = web::Profile::Release;
    while let Some(arg) = args.next()? {
        match arg {
            Long("dev") => profile = web::Profile::Dev,
            other => return Err(other.unexpected().into()),
        }
    }
    web::build(repo, profile)?;
    Ok(ExitCode::SUCCESS)
}
