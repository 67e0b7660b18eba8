//! `cargo xtask bench --bake`: time, memory and bytes of baking the cities of `../shared/data`, and of what others make of
//! one of them.

use crate::native::{self, Build};
use crate::repo::Repo;
use crate::shell::{files_below, output, program, read_text, remove, which, write};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Delft, as lines of CityJSON.
const DELFT: &str = "demo/delft.city.jsonl";
/// A city, and its inputs below `../shared/data`.
const CITIES: [(&str, &[&str]); 5] = [
    ("Helsinki", &["demo/Helsinki.osm.pbf"]),
    ("Delft", &[DELFT]),
    ("Monaco on its terrain", &["osm/monaco.osm.pbf", "osm/N43E007.hgt.zip"]),
    ("Shanghai", &["china/shanghai_tilezen_34tiles.json"]),
    (
        "New York",
        &["scale/nyc_buildings.geojsonl.gz", "scale/nyc_roads.geojsonl.gz", "scale/nyc_addresses.geojsonl.gz"],
    ),
];

/// Others are stopped after this long.
const LIMIT: Duration = Duration::from_secs(600);

/// Bakes each once and prints a table, then lets others convert Delft. CPU seconds and peak memory are what
/// Linux tells of the process.
pub(crate) fn bench(repo: &Repo) -> Result<()> {
    let binary = native::citytwin(repo, Build::Release)?;
    let room = repo.target.join("bench-bake");
    println!("\n  {:40} {:>8} {:>8} {:>10} {:>8} {:>8}", "city", "seconds", "CPU s", "peak MiB", "files", "MB");
    for (city, inputs) in CITIES {
        let inputs: Vec<_> = inputs.iter().map(|input| repo.at("../shared/data").join(input)).collect();
        if inputs.iter().any(|input| !input.is_file()) {
            println!("  {city:40} its inputs are not there");
            continue;
        }
        let mut command = program(repo, &binary);
        command.args(["bake", "--quiet", "--out"]).arg(&room).args(&inputs).stderr(Stdio::null());
        row(city, command, &room)?;
    }
    others(repo, &room)?;
    println!("\n  load: {}", output(program(repo, "uptime").stdin(Stdio::null()))?.trim());
    Ok(())
}

/// Delft at level of detail 2.2, as others convert it: cjio to one glb, py3dtiles to a tileset of b3dm.
fn others(repo: &Repo, room: &Path) -> Result<()> {
    let delft = repo.at("../shared/data").join(DELFT);
    if !delft.is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(room).with_context(|| format!("cannot create {}", room.display()))?;
    let mut cjio = program(repo, "cjio");
    cjio.args(["--suppress_msg", "stdin", "lod_filter", "2.2", "export", "glb"]).arg(room.join("delft.glb"));
    cjio.stdin(File::open(&delft).context("Delft")?);
    let shapes = repo.target.join("bench-bake-shapes");
    write_shapes(&delft, &shapes)?;
    let mut py3dtiles = program(repo, "py3dtiles");
    py3dtiles.args(["export", "-d"]).arg(&shapes).arg("-s").arg(room);
    for (name, mut command) in [("cjio: Delft to one glb", cjio), ("py3dtiles: Delft's surfaces to b3dm", py3dtiles)] {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if which(&[&command.get_program().to_string_lossy()]).is_none() {
            println!("  {name:40} not on the PATH: pip install cjio triangle mapbox-earcut py3dtiles \"numpy<2\"");
            continue;
        }
        std::fs::create_dir_all(room).with_context(|| format!("cannot create {}", room.display()))?;
        // One that lacks something leaves the others to be measured.
        if let Err(error) = row(name, command, room) {
            println!("  {name:40} {error:#}");
        }
    }
    remove(&shapes)
}

/// Runs a command that writes into a folder, prints what it took and made, and removes the folder.
fn row(name: &str, mut command: Command, out: &Path) -> Result<()> {
    let clock = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let (mut peak_kib, mut cpu_secs) = (0, 0.0_f64);
    let status = loop {
        peak_kib = peak_kib.max(high_water_kib(child.id()));
        cpu_secs = cpu_secs.max(cpu_seconds(child.id()));
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if clock.elapsed() > LIMIT => break None,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let secs = clock.elapsed().as_secs_f64();
    let Some(status) = status else {
        child.kill().and_then(|()| child.wait())?;
        println!("  {name:40} {secs:>8.1} {cpu_secs:>8.1} {:>10} and not done", peak_kib / 1024);
        return remove(out);
    };
    ensure!(status.success(), "{name}: {} failed", command.get_program().display());
    let files = files_below(out)?;
    let bytes: u64 = files.iter().filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum();
    let (peak_mib, megabytes) = (peak_kib / 1024, bytes as f64 / 1e6);
    println!("  {name:40} {secs:>8.1} {cpu_secs:>8.1} {peak_mib:>10} {:>8} {megabytes:>8.1}", files.len());
    remove(out)
}

/// The surfaces of each building as a file of well-known binary (a `MultiPolygon Z`), which is what py3dtiles reads.
fn write_shapes(delft: &Path, folder: &Path) -> Result<()> {
    let text = read_text(delft)?;
    let mut lines = text.lines().map(serde_json::from_str::<Value>);
    let header = lines.next().context("Delft is empty")??;
    for (number, feature) in lines.enumerate() {
        let feature = feature?;
        let corner = |index: &Value| -> Option<[f64; 3]> {
            let corner = feature["vertices"].get(index.as_u64()? as usize)?;
            let mut place = [0.0; 3];
            for (axis, value) in place.iter_mut().enumerate() {
                let [scale, translate] = ["scale", "translate"].map(|key| header["transform"][key][axis].as_f64());
                *value = corner[axis].as_f64()? * scale? + translate?;
            }
            Some(place)
        };
        let objects = feature["CityObjects"].as_object().into_iter().flat_map(|objects| objects.values());
        let geometries = objects.flat_map(|object| object["geometry"].as_array().into_iter().flatten());
        let faces = geometries.filter(|geometry| geometry["lod"] == "2.2");
        let faces: Vec<&Value> = faces.flat_map(|g| g["boundaries"][0].as_array().into_iter().flatten()).collect();
        let mut shape = [&[1][..], &1006_u32.to_le_bytes(), &(faces.len() as u32).to_le_bytes()].concat();
        for face in faces {
            let rings: Vec<&Vec<Value>> = face.as_array().into_iter().flatten().filter_map(Value::as_array).collect();
            shape.extend([&[1][..], &1003_u32.to_le_bytes(), &(rings.len() as u32).to_le_bytes()].concat());
            for ring in rings {
                let mut corners = ring.iter().map(corner).collect::<Option<Vec<_>>>().context("a corner is missing")?;
                corners.extend(corners.first().copied());
                shape.extend((corners.len() as u32).to_le_bytes());
                shape.extend(corners.iter().flatten().flat_map(|value| value.to_le_bytes()));
            }
        }
        write(&folder.join(format!("{number}.wkb")), &shape)?;
    }
    Ok(())
}

/// Most memory that a process has held so far.
fn high_water_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What a process and those of its children that have ended have used of processors so far.
fn cpu_seconds(pid: u32) -> f64 {
    /// Linux tells times to other programs in hundredths of a second.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name of the program, in parentheses, may hold anything; the times are the 14th to 17th field.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    fields.skip(11).take(4).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}
