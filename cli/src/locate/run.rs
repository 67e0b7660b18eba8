//! `citytwin locate run`: a line for each answer.

use super::{read_bytes, read_map, read_text};
use anyhow::Context;
use citytwin_positioning::formats::read_walk;
use citytwin_positioning::venue::Venue;
use citytwin_positioning::watch::WatchPosition;
use citytwin_positioning::{Measurement, Observation, Positioner, PositionerOptions, wire};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Locates the observations of each file, each by an engine of its own.
pub(super) fn run(files: &[PathBuf], radio_map: Option<&Path>, venue: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let map = radio_map.map(read_map).transpose()?;
    let venue = venue.map(read_venue).transpose()?.map(Arc::new);
    for path in files {
        let options = PositionerOptions { map: map.clone(), venue: venue.clone(), ..PositionerOptions::default() };
        locate(Positioner::new(options), path, json)?;
    }
    Ok(())
}

fn locate(mut positioner: Positioner, path: &Path, json: bool) -> anyhow::Result<()> {
    let observations = observations_of(read_bytes(path)?).with_context(|| path.display().to_string())?;
    let mut out = std::io::stdout().lock();
    let mut told_ms = f64::NEG_INFINITY;
    for observation in &observations {
        let counted = positioner.observe(observation).is_ok();
        // Steps and pressure move the answer too, but a line for each would say little.
        let dense = matches!(observation.what, Measurement::Inertial { .. } | Measurement::Barometer { .. });
        if !counted || (dense && observation.time_ms - told_ms < 1e3) {
            continue;
        }
        let Some(answer) = positioner.answer() else { continue };
        told_ms = observation.time_ms;
        if json {
            writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        } else {
            writeln!(out, "{}", line(&answer))?;
        }
    }
    eprintln!("{}: {:?}", path.display(), positioner.counts());
    Ok(())
}

fn line(answer: &WatchPosition) -> String {
    let metres = answer.at_m.map(|[east, north]| format!(" {east:.1} {north:.1} m"));
    let degrees = answer.coords.as_ref().map(|c| format!(" {:.7} {:.7} °", c.longitude, c.latitude));
    let floor = answer.floor.zip(answer.floor_probability);
    let floor = floor.map(|(floor, p)| format!(", floor {floor} ({:.0} %)", 100.0 * p));
    format!(
        "{:.0} ms:{}{}{}, ±{:.1} m, {:.0} % indoors",
        answer.timestamp,
        metres.unwrap_or_default(),
        degrees.unwrap_or_default(),
        floor.unwrap_or_default(),
        answer.radius_m,
        100.0 * answer.indoor_probability
    )
}

/// Observations of the schema's JSON lines, of its binary form, or of a walk.
fn observations_of(bytes: Vec<u8>) -> anyhow::Result<Vec<Observation>> {
    if bytes.starts_with(b"CTOB") {
        return Ok(wire::decode(&bytes)?);
    }
    let text = String::from_utf8(bytes).context("neither text nor observations in their binary form")?;
    if !text.trim_start().starts_with('{') {
        return Ok(read_walk(&text).observations);
    }
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(n, line)| serde_json::from_str(line).with_context(|| format!("line {n}"))).collect()
}

/// The venue in a folder and the folders below it.
pub(super) fn read_venue(folder: &Path) -> anyhow::Result<Venue> {
    let mut files = Vec::new();
    collect(folder, folder, &mut files).with_context(|| folder.display().to_string())?;
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let venue = Venue::read(&files, None).map_err(|why| anyhow::anyhow!("{}: {why}", folder.display()))?;
    for problem in venue.problems.iter().take(20) {
        eprintln!("warning: {problem}");
    }
    Ok(venue)
}

fn collect(base: &Path, folder: &Path, files: &mut Vec<(String, String)>) -> anyhow::Result<()> {
    for path in super::sorted(folder)? {
        let name = path.to_string_lossy().to_lowercase();
        if path.is_dir() {
            collect(base, &path, files)?;
        } else if [".geojson", ".json", ".gml", ".xml"].iter().any(|end| name.ends_with(end)) {
            let name = path.strip_prefix(base).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push((name, read_text(&path)?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_are_read_in_every_form() {
        let json = "{\"timeMs\":1.0,\"kind\":\"barometer\",\"pressureHpa\":1000.0}\n\n";
        let read = observations_of(json.into()).expect("readable");
        assert_eq!(read.len(), 1);
        assert_eq!(observations_of(wire::encode(&read).0).expect("readable"), read);
        let beacon = "5\tTYPE_BEACON\tA\t1\t2\t-56\t-80\t3.0\tE0:78:A3:3D:B5:D6\t5";
        assert_eq!(observations_of(beacon.into()).expect("readable").len(), 1);
        for (bad, why) in [(&b"{\"timeMs\":1.0}"[..], "line 1"), (b"CTOB\x09", "version 9"), (b"\xff\xfe", "neither")] {
            let error = observations_of(bad.to_vec()).expect_err("no observations");
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }
}
