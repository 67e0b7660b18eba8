//! `cargo xtask test`: native tests, wasm tests and page tests, summed up in one line.

mod count;

use crate::docs;
use crate::examples;
use crate::native::{self, Build, TESTED};
use crate::package;
use crate::repo::Repo;
use crate::setup::{self, Browser};
use crate::shell::{cargo, program, read_text, remove, step, watch, write};
use crate::web;
use anyhow::{Result, bail};
use count::Count;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Chromium without a display or a GPU, with WebGL2 in software. The page tests' harness reads them too.
const CHROMIUM_FLAGS: &str = include_str!("../../../tests-wasm/chromium-flags.json");

/// A part of the tests that can be run alone.
struct Stage {
    name: &'static str,
    what: &'static str,
    run: fn(&Repo) -> Result<Count>,
}

const STAGES: [Stage; 5] = [
    Stage { name: "native", what: "everything that needs no browser", run: native_tests },
    Stage { name: "wasm", what: "the engine inside a browser", run: wasm_tests },
    Stage { name: "gltf", what: "the baked demo through the glTF validator", run: gltf_tests },
    Stage { name: "page", what: "the app and the npm package in a browser", run: page_tests },
    Stage { name: "peers", what: "the baked demo in other engines", run: peer_tests },
];

/// Runs the named stages, or all, and says whether nothing failed.
pub(crate) fn test(repo: &Repo, wanted: &[String]) -> Result<bool> {
    if let Some(unknown) = wanted.iter().find(|name| !STAGES.iter().any(|stage| stage.name == name.as_str())) {
        let names: Vec<_> = STAGES.iter().map(|stage| format!("  {:8} {}", stage.name, stage.what)).collect();
        bail!("there is no stage \"{unknown}\"; the stages are\n{}", names.join("\n"));
    }
    let mut lines = Vec::new();
    let mut sum = Count::default();
    for stage in STAGES.iter().filter(|stage| wanted.is_empty() || wanted.iter().any(|name| name == stage.name)) {
        println!("\n##  {} tests: {}", stage.name, stage.what);
        let start = Instant::now();
        let count = (stage.run)(repo).unwrap_or_else(|error| {
            eprintln!("\nxtask: {error:#}");
            Count::one_failure()
        });
        lines.push(format!("  {:8} {count}  ({:.0} s)", stage.name, start.elapsed().as_secs_f64()));
        sum += count;
    }
    println!("\n{}\n\n{sum}", lines.join("\n"));
    Ok(sum.failed == 0)
}

fn native_tests(repo: &Repo) -> Result<Count> {
    let mut command = cargo(repo);
    command.args(["test", "--no-fail-fast"]);
    command.args(TESTED.iter().flat_map(|package| ["--package", package]));
    let mut sum = cargo_tests("build and run the native tests", &mut command)?;
    let mut command = cargo(repo);
    command.args(["test", "--package", "xtask"]);
    sum += cargo_tests("build and run the tests of xtask itself", &mut command)?;
    Ok(sum)
}

fn wasm_tests(repo: &Repo) -> Result<Count> {
    web::require_wasm_target(repo)?;
    let browser = setup::browser(repo)?;
    let webdriver = repo.target.join("webdriver.json");
    write(&webdriver, webdriver_json(&browser)?)?;
    let runner = serde_json::to_string(&[std::env::current_exe()?.to_string_lossy().as_ref(), "test-runner"])?;
    let mut command = cargo(repo);
    command
        .args(["test", "--no-fail-fast", "--tests", "--target", web::TARGET, "--package", "citytwin-tests-wasm"])
        .args(["--config", &format!("target.{}.runner={runner}", web::TARGET)])
        .env("CHROMEDRIVER", &browser.driver)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", &webdriver)
        .env("WASM_BINDGEN_TEST_TIMEOUT", "120");
    cargo_tests("build and run the tests in the browser", &mut command)
}

/// What the WebDriver asks of Chromium.
fn webdriver_json(browser: &Browser) -> Result<String> {
    let flags: serde_json::Value = serde_json::from_str(CHROMIUM_FLAGS)?;
    let options = serde_json::json!({ "binary": browser.chromium, "args": flags });
    Ok(serde_json::json!({ "goog:chromeOptions": options }).to_string())
}

fn cargo_tests(what: &str, command: &mut Command) -> Result<Count> {
    let (succeeded, printed) = step(what, || watch(command))?;
    Ok(Count::of_cargo_output(&printed).or_one_failure_unless(succeeded))
}

fn gltf_tests(repo: &Repo) -> Result<Count> {
    setup::node_packages(repo, "tests-wasm")?;
    native::bake_demo(repo, Build::Dev)?;
    node_tests(repo, "gltf", Command::new("node"))
}

fn page_tests(repo: &Repo) -> Result<Count> {
    site(repo, Build::Dev)?;
    examples::build(repo)?;
    package::bundlers(repo)?;
    docs::site(repo)?;
    let command = in_browser(repo, Build::Dev)?;
    node_tests(repo, "page", command)
}

fn peer_tests(repo: &Repo) -> Result<Count> {
    setup::node_packages(repo, "tests-wasm")?;
    native::bake_demo(repo, Build::Dev)?;
    let command = in_browser(repo, Build::Dev)?;
    node_tests(repo, "peers", command)
}

/// Builds the app as published, with the demo, and returns its `pkg-HASH` folder.
pub(crate) fn site(repo: &Repo, build: Build) -> Result<PathBuf> {
    setup::node_packages(repo, "tests-wasm")?;
    native::bake_demo(repo, build)?;
    web::build(repo, web::Profile::Release)
}

/// Node, told where the browser and the command are.
pub(crate) fn in_browser(repo: &Repo, build: Build) -> Result<Command> {
    let browser = setup::browser(repo)?;
    let citytwin = native::citytwin(repo, build)?;
    let mut command = program(repo, "node");
    command.env("CHROMIUM", browser.chromium).env("CITYTWIN", citytwin).env("CITYTWIN_TARGET", &repo.target);
    Ok(command)
}

/// Runs `tests-wasm/FOLDER/*.test.mjs`, shown for people and counted from TAP.
fn node_tests(repo: &Repo, folder: &str, mut node: Command) -> Result<Count> {
    let tests = tests_in(repo, folder)?;
    let tap = repo.target.join(format!("{folder}.tap"));
    remove(&tap)?;
    node.current_dir(&repo.root)
        .env("CITYTWIN_TARGET", &repo.target)
        .args(["--test", "--test-concurrency=1"])
        .args(["--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=tap"])
        .arg(format!("--test-reporter-destination={}", tap.display()))
        .args(tests);
    let (succeeded, _) = step(&format!("run the tests in tests-wasm/{folder}"), || watch(&mut node))?;
    Ok(Count::of_tap(&read_text(&tap)?).or_one_failure_unless(succeeded))
}

fn tests_in(repo: &Repo, folder: &str) -> Result<Vec<PathBuf>> {
    let mut tests = crate::shell::files_below(&repo.at("tests-wasm").join(folder))?;
    tests.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    if tests.is_empty() {
        bail!("there is no test in tests-wasm/{folder}");
    }
    Ok(tests)
}
