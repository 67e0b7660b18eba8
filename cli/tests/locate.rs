//! `citytwin locate`, as a person calls it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const LEVEL: &str = r#"{"type":"FeatureCollection","features":[{"id":"L0","type":"Feature","feature_type":"level",
"properties":{"ordinal":0},"geometry":{"type":"Polygon","coordinates":
[[[24.94,60.17],[24.941,60.17],[24.941,60.1705],[24.94,60.1705],[24.94,60.17]]]}}]}"#;
const BEACON: &str = r#"{"type":"FeatureCollection","features":[{"type":"Feature","feature_type":"beacon",
"properties":{"kind":"marker","id":"Q7","ordinal":0},"geometry":{"type":"Point","coordinates":[24.9405,60.1702]}}]}"#;

#[test]
fn a_marker_of_the_venue_is_answered_with_a_line_of_json_in_the_w3cs_shape() {
    let folder = std::env::temp_dir().join(format!("citytwin-locate-{}", std::process::id()));
    let venue = folder.join("venue");
    fs::create_dir_all(&venue).expect("a temporary folder");
    fs::write(venue.join("level.geojson"), LEVEL).expect("written");
    fs::write(venue.join("beacon.geojson"), BEACON).expect("written");
    let seen = folder.join("seen.ndjson");
    let lines = [
        r#"{"timeMs":1,"kind":"marker","id":"Q7","sigmaM":0.5}"#,
        r#"{"timeMs":2,"kind":"marker","id":"unknown","sigmaM":0.5}"#,
        r#"{"timeMs":3,"kind":"hostFix","lon":24.9405,"lat":60.1702,"accuracyM":9}"#,
    ];
    fs::write(&seen, lines.join("\n")).expect("written");
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_citytwin"));
        command.args(["locate", "run"]).arg("--venue").arg(&venue).arg(&seen).args(more);
        command.output().expect("the command starts")
    };
    let output = run(&["--json"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let answers: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(answers.len(), 2, "{text}");
    let coords = &answers[0]["coords"];
    let near = |value: &serde_json::Value, to: f64| value.as_f64().is_some_and(|x| (x - to).abs() < 2e-5);
    assert!(near(&coords["longitude"], 24.9405) && near(&coords["latitude"], 60.1702), "{text}");
    assert!(answers[0]["floors"][0][0] == 0 && answers[1]["timestamp"] == 3.0, "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("not_used: 1"), "{output:?}");
    assert!(String::from_utf8_lossy(&run(&[]).stdout).starts_with("1 ms: "));
    fs::write(&seen, "{\"timeMs\":1}").expect("written");
    let failed = run(&[]);
    assert!(!failed.status.success() && String::from_utf8_lossy(&failed.stderr).contains("line 1"), "{failed:?}");
    let _ = fs::remove_dir_all(&folder);
}

fn locate(args: &[&str], paths: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_citytwin"));
    command.arg("locate").args(args).args(paths).output().expect("the command starts")
}

fn json(args: &[&str], paths: &[&Path]) -> serde_json::Value {
    let output = locate(args, paths);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// A number from 0 to 1 that is always the same.
fn noise(of: u32) -> f64 {
    f64::from(of.wrapping_add(1).wrapping_mul(0x9e37_79b9).rotate_left(13).wrapping_mul(0x85eb_ca6b))
        / f64::from(u32::MAX)
}

/// Power of an access point at `at`, heard at `from`.
fn dbm(at: [f64; 2], from: [f64; 2], seed: u32) -> f64 {
    let d = (at[0] - from[0]).hypot(at[1] - from[1]).max(1.0);
    (-38.0 - 24.0 * d.log10() + 12.0 * (noise(seed) - 0.5)).round()
}

/// Someone walks east through a corridor, from x = 210 m to 246 m at y = 10 m, and hears six access points.
fn walk(seed: u32) -> String {
    let mut lines = String::new();
    for i in 0..1500_u32 {
        let (time, secs) = (1000 + i * 20, f64::from(i) * 0.02);
        let at = [210.0 + 1.2 * secs, 10.0];
        let swing = 9.81 + 3.2 * (std::f64::consts::TAU * 1.8 * secs).sin();
        let half = std::f64::consts::FRAC_PI_4;
        let _ = writeln!(lines, "{time}\tTYPE_ACCELEROMETER\t0\t0\t{swing:.4}\t3");
        let _ = writeln!(lines, "{time}\tTYPE_ROTATION_VECTOR\t0\t0\t{:.4}\t3", -half.sin());
        if i % 250 == 0 {
            let _ = writeln!(lines, "{time}\tTYPE_WAYPOINT\t{}\t{}", at[0], at[1]);
        }
        for ap in (0..6_u32).filter(|_| i % 100 == 50) {
            let from = [205.0 + 9.0 * f64::from(ap), if ap % 2 == 0 { 4.0 } else { 16.0 }];
            let power = dbm(at, from, seed * 100_000 + i * 10 + ap);
            let _ = writeln!(lines, "{time}\tTYPE_WIFI\tnet\t02:00:00:00:00:0{ap}\t{power}\t5180\t{time}");
        }
    }
    lines
}

/// The corridor's walls, in the walks' own metres: nobody gets through but by a door far away.
const CORRIDOR: &str = r#"{"type":"FeatureCollection","features":[
{"id":"L0","type":"Feature","feature_type":"level","properties":{"ordinal":0},"geometry":{"type":"Polygon",
"coordinates":[[[200,0],[260,0],[260,20],[200,20],[200,0]]]}},
{"type":"Feature","feature_type":"opening","properties":{"ordinal":0},"geometry":{"type":"LineString",
"coordinates":[[200,9],[200,11]]}},
{"type":"Feature","feature_type":"fixture","properties":{"ordinal":0},"geometry":{"type":"Polygon",
"coordinates":[[[200,8.6],[260,8.6],[260,8.8],[200,8.8],[200,8.6]]]}},
{"type":"Feature","feature_type":"fixture","properties":{"ordinal":0},"geometry":{"type":"Polygon",
"coordinates":[[[200,11.2],[260,11.2],[260,11.4],[200,11.4],[200,11.2]]]}}]}"#;

fn temporary(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("citytwin-locate-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a temporary folder");
    folder
}

/// The keys of what `evaluate --json` prints.
const KEYS: [&str; 17] = [
    "count",
    "unanswered",
    "meanM",
    "medianM",
    "p75M",
    "p95M",
    "buildingHit",
    "floorHit",
    "scoreM",
    "coverage68",
    "coverage95",
    "medianRadius68M",
    "medianRadius95M",
    "fixedRadius68M",
    "fixedRadius95M",
    "firstFixSecs",
    "updateMicros",
];

/// All keys are there, and say what can be.
fn check_summary(summary: &serde_json::Value, count: u64) {
    let object = summary.as_object().expect("an object");
    let keys: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(KEYS), "{summary}");
    let number = |key: &str| object[key].as_f64().expect("a number");
    assert_eq!(number("count") + number("unanswered"), count as f64, "{summary}");
    for share in ["buildingHit", "floorHit", "coverage68", "coverage95"] {
        assert!((0.0..=1.0).contains(&number(share)), "{share}: {summary}");
    }
    assert!(number("buildingHit") == 1.0 && number("floorHit") == 1.0, "{summary}");
    let ascending = [0.0, number("medianM"), number("p75M"), number("p95M"), 30.0];
    assert!(ascending.is_sorted() && number("meanM") > 0.0, "{summary}");
    // With every floor right the score is the mean.
    assert!((number("scoreM") - number("meanM")).abs() < 1e-9, "{summary}");
    assert!(number("coverage68") <= number("coverage95"), "{summary}");
    assert!(0.0 < number("medianRadius68M") && number("medianRadius68M") <= number("medianRadius95M"), "{summary}");
    assert!(number("fixedRadius68M") <= number("fixedRadius95M"), "{summary}");
    assert!(number("updateMicros") > 0.0, "nobody looked at the clock: {summary}");
}

#[test]
fn walks_are_evaluated_by_a_map_and_a_venue_and_across_each_other() {
    let folder = temporary("walks");
    let (site, venue, map) = (folder.join("site"), folder.join("venue"), folder.join("map.ctrm"));
    fs::create_dir_all(site.join("F1")).expect("a floor's folder");
    fs::create_dir_all(&venue).expect("a venue's folder");
    fs::write(venue.join("corridor.geojson"), CORRIDOR).expect("written");
    let walks: Vec<PathBuf> = (0..5).map(|n| site.join(format!("F1/walk{n}.txt"))).collect();
    for (n, path) in walks.iter().enumerate() {
        fs::write(path, walk(n as u32)).expect("written");
    }
    assert!(locate(&["survey"], &[&site, Path::new("--out"), &map]).status.success());

    let by_map = ["evaluate", "--json", "--radio-map", map.to_str().expect("text"), "--causal"];
    // A site, its floor's folder and its walks one by one are the same observations.
    let mean = |paths: &[&Path], more: &[&str]| {
        let summary = json(&[&by_map[..], more].concat(), paths);
        check_summary(&summary, 30);
        summary["meanM"].as_f64().expect("a number")
    };
    let all: Vec<&Path> = walks.iter().map(PathBuf::as_path).collect();
    let alone = mean(&[&site], &[]);
    assert_eq!([alone; 2], [mean(&[&site.join("F1")], &[]), mean(&all, &[])]);
    let walled = mean(&[&site], &["--venue", venue.to_str().expect("text")]);
    assert!(walled != alone && walled < 3.0, "walls count: {walled} m against {alone} m");
    check_summary(&json(&["evaluate", "--json"], &[&site, Path::new("--venue"), &venue]), 30);
    check_summary(&json(&["evaluate", "--json", "--offline", "--only", "1,2"], &[&site]), 12);
    let table = locate(&["evaluate"], &[&site]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("| causal | 2") && table.contains("| off-line | 30 ") && table.contains("fixed"), "{table}");

    let lost = folder.join("lost.txt");
    fs::write(&lost, walk(0)).expect("written");
    for (paths, why) in [(vec![lost.as_path()], "folder of its floor"), (vec![&folder], "no walks in")] {
        let failed = locate(&["evaluate"], &paths);
        assert!(!failed.status.success() && String::from_utf8_lossy(&failed.stderr).contains(why), "{failed:?}");
    }
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn a_fingerprint_table_is_evaluated_by_a_map_and_user_by_user() {
    let folder = temporary("table");
    let mut csv: String = (1..=520).map(|n| format!("WAP{n:03},")).collect();
    csv += "LONGITUDE,LATITUDE,FLOOR,BUILDINGID,SPACEID,RELATIVEPOSITION,USERID,PHONEID,TIMESTAMP\n";
    for (user, x) in (1..=3).flat_map(|user| (0..20).map(move |x| (user, x))) {
        let at = [-7500.0 + 2.0 * f64::from(x), 4_864_900.0];
        for ap in 0..520_u32 {
            let from = [-7510.0 + 10.0 * f64::from(ap), 4_864_905.0];
            let heard = (ap < 6).then(|| dbm(at, from, user * 10_000 + x * 10 + ap));
            let _ = write!(csv, "{},", heard.unwrap_or(100.0));
        }
        let _ = writeln!(csv, "{},{},2,1,0,0,{user},0,0", at[0], at[1]);
    }
    let (table, map) = (folder.join("table.csv"), folder.join("map.ctrm"));
    fs::write(&table, csv).expect("written");
    check_summary(&json(&["evaluate", "--json"], &[&table]), 60);
    check_summary(&json(&["evaluate", "--json", "--only", "2"], &[&table]), 20);
    assert!(locate(&["survey"], &[&table, Path::new("--out"), &map]).status.success());
    let summary = json(&["evaluate", "--json", "--radio-map"], &[&map, &table, &table]);
    check_summary(&summary, 120);
    assert_eq!(summary["firstFixSecs"], 0.0);
    let _ = fs::remove_dir_all(&folder);
}
