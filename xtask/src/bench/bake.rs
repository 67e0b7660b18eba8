//! `cargo xtask bench --bake`: time, memory and bytes of baking the cities of `../shared/data`.

use crate::native::{self, Build};
use crate::repo::Repo;
use crate::shell::{files_below, output, program, remove};
use anyhow::{Result, ensure};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A city, and its inputs below `../shared/data`.
const CITIES: [(&str, &[&str]); 5] = [
    ("Helsinki", &["demo/Helsinki.osm.pbf"]),
    ("Delft", &["demo/delft.city.jsonl"]),
    ("Monaco on its terrain", &["osm/monaco.osm.pbf", "osm/N43E007.hgt.zip"]),
    ("Shanghai", &["china/shanghai_tilezen_34tiles.json"]),
    (
        "New York",
        &["scale/nyc_buildings.geojsonl.gz", "scale/nyc_roads.geojsonl.gz", "scale/nyc_addresses.geojsonl.gz"],
    ),
];

/// Bakes each once and prints a table. Peak memory is what Linux tells of the process.
pub(crate) fn bench(repo: &Repo) -> Result<()> {
    let binary = native::citytwin(repo, Build::Release)?;
    println!("\n  {:24} {:>8} {:>12} {:>8} {:>10}", "city", "seconds", "peak MiB", "files", "MB");
    for (city, inputs) in CITIES {
        let inputs: Vec<_> = inputs.iter().map(|input| repo.at("../shared/data").join(input)).collect();
        if inputs.iter().any(|input| !input.is_file()) {
            println!("  {city:24} its inputs are not there");
            continue;
        }
        let out = repo.target.join("bench-bake");
        if out.exists() {
            remove(&out)?;
        }
        let mut command = program(repo, &binary);
        command.args(["bake", "--quiet", "--out"]).arg(&out).args(&inputs).stderr(Stdio::null());
        let clock = Instant::now();
        let mut child = command.spawn()?;
        let mut peak_kib = 0;
        let status = loop {
            peak_kib = peak_kib.max(high_water_kib(child.id()));
            match child.try_wait()? {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        let secs = clock.elapsed().as_secs_f64();
        ensure!(status.success(), "baking {city} failed");
        let files = files_below(&out)?;
        let bytes: u64 = files.iter().filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum();
        println!("  {city:24} {secs:>8.1} {:>12} {:>8} {:>10.1}", peak_kib / 1024, files.len(), bytes as f64 / 1e6);
        remove(&out)?;
    }
    println!("\n  load: {}", output(program(repo, "uptime").stdin(Stdio::null()))?.trim());
    Ok(())
}

/// Most memory that a process has held so far.
fn high_water_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
