//! `citytwin locate run`, as a person calls it.

use std::fs;
use std::process::Command;

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
