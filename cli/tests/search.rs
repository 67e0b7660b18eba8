//! `citytwin search` from files to files, as a person calls it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const LINES: &str = r#"{"id":"way/1","name":"Kamppi","names":{"zh":"坎皮购物中心"},"category":"mall","lon":24.932,"lat":60.169,"floor":"2","attributes":{"shops":150,"roof":true,"use":"retail"}}
{"id":"node/2","name":"Café Töölö","category":"cafe","lon":24.93,"lat":60.175,"address":"Mannerheimintie 3"}
{"id":"node/3","name":"Apteekki","category":"pharmacy","lon":24.93,"lat":60.17}
{"id":"node/4","name":"Apteekki","category":"pharmacy","lon":24.96,"lat":60.17}
{"id":"node/5","name":"<img src=x onerror=alert(1)>","category":"cafe","lon":24.9,"lat":60.1}
"#;

/// A folder that is gone when this value is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("citytwin-search-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("written");
        path
    }

    fn index(&self) -> PathBuf {
        self.0.join("index")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn citytwin(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_citytwin")).arg("search").args(args).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// Builds and answers what it said on standard error.
fn build(input: &Path, out: &Path) -> String {
    let output = citytwin(&["build", path(input), "--out", path(out)]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}

/// Asks for JSON and answers the hits.
fn query(index: &Path, args: &[&str]) -> Vec<serde_json::Value> {
    let output = citytwin(&[&["query", path(index), "--json"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    answer.as_array().expect("a list of hits").clone()
}

fn ids(index: &Path, args: &[&str]) -> Vec<String> {
    query(index, args).iter().map(|hit| hit["id"].as_str().expect("an id").to_owned()).collect()
}

fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("an entry").path());
    entries
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(path).expect("read")))
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("into memory");
    encoder.finish().expect("into memory")
}

/// The same three places in each format that has no fields of its own for what asset lines have.
fn geojson() -> String {
    let feature = |id: &str, name: &str, amenity: &str, geometry: &str| {
        format!(
            r#"{{"type":"Feature","id":"{id}","geometry":{geometry},"properties":{{"name":"{name}","amenity":"{amenity}","name:zh":"坎皮"}}}}"#
        )
    };
    let features = [
        feature("a", "Kamppi", "mall", r#"{"type":"Point","coordinates":[24.932,60.169]}"#),
        feature(
            "b",
            "Apteekki",
            "pharmacy",
            r#"{"type":"Polygon","coordinates":[[[24.9,60.1],[25.1,60.1],[25.1,60.3],[24.9,60.1]]]}"#,
        ),
        feature("c", "Nowhere", "cafe", "null"),
    ];
    format!("{{\"type\":\"FeatureCollection\",\n\"features\":[\n{}\n]}}\n", features.join(",\n"))
}

fn parquet(positions: [&str; 2]) -> Vec<u8> {
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
    use parquet::file::writer::SerializedFileWriter;
    let schema = format!(
        "message assets {{ REQUIRED BYTE_ARRAY id (UTF8); OPTIONAL BYTE_ARRAY name (UTF8); REQUIRED BYTE_ARRAY category \
         (UTF8); REQUIRED DOUBLE {}; REQUIRED DOUBLE {}; }}",
        positions[0], positions[1]
    );
    let schema = parquet::schema::parser::parse_message_type(&schema).expect("a schema");
    let mut writer = SerializedFileWriter::new(Vec::new(), schema.into(), Default::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    let texts = |values: &[&str]| values.iter().map(|value| ByteArray::from(*value)).collect::<Vec<_>>();
    for (values, present) in [
        (texts(&["a", "b", "c"]), None),
        (texts(&["Kamppi", "Apteekki"]), Some([1, 1, 0])),
        (texts(&["mall", "pharmacy", "cafe"]), None),
    ] {
        let mut column = group.next_column().expect("a column").expect("a column");
        let present = present.as_ref().map(|levels| levels.as_slice());
        column.typed::<ByteArrayType>().write_batch(&values, present, None).expect("written");
        column.close().expect("closed");
    }
    for values in [[24.932, 25.0, 24.0], [60.169, 60.2, 60.0]] {
        let mut column = group.next_column().expect("a column").expect("a column");
        column.typed::<DoubleType>().write_batch(&values, None, None).expect("written");
        column.close().expect("closed");
    }
    group.close().expect("closed");
    writer.into_inner().expect("finished")
}

#[test]
fn each_format_is_known_by_its_content_and_read_through_gzip() {
    let at = Folder::new("formats");
    let collection = geojson();
    let lines: String =
        collection.lines().filter(|l| l.starts_with("{\"type\":\"Feature\",")).collect::<Vec<_>>().join("\n");
    let lines = lines.replace("},{", "}\n{").replace("},\n", "}\n");
    for (name, bytes, left_out) in [
        ("collection", collection.clone().into_bytes(), "feature 3: no position"),
        ("collection-gz", gzip(collection.as_bytes()), "feature 3: no position"),
        ("feature-lines", lines.into_bytes(), "line 3: no position"),
        ("parquet", parquet(["lon", "lat"]), "row 3: no name and no address"),
    ] {
        // A name that says nothing.
        let said = build(&at.file("input", bytes), &at.index());
        assert!(said.contains(left_out), "{name}: {said}");
        assert_eq!(ids(&at.index(), &["kamppi"]), ["a"], "{name}");
        let hit = &query(&at.index(), &["apteekki"])[0];
        assert_eq!(hit["category"], "pharmacy", "{name}");
        let (lon, lat) = (hit["lon"].as_f64().expect("lon"), hit["lat"].as_f64().expect("lat"));
        assert!((lon - 25.0).abs() < 1e-6 && (lat - 60.2).abs() < 1e-6, "{name}: the middle, not {lon} {lat}");
    }
    build(&at.file("input", gzip(LINES.as_bytes())), &at.index());
    assert_eq!(ids(&at.index(), &["坎皮"]), ["way/1"]);
}

#[test]
fn the_same_assets_give_the_same_bytes_and_nothing_else_is_left_in_the_folder() {
    let at = Folder::new("same");
    let input = at.file("a.ndjson", LINES);
    build(&input, &at.index());
    let first = files_of(&at.index());
    assert_eq!(first.len(), 5, "{:?}", first.keys());
    let backwards: Vec<&str> = LINES.lines().rev().collect();
    build(&at.file("b.ndjson", backwards.join("\n")), &at.0.join("other"));
    assert_eq!(files_of(&at.0.join("other")), first);
    // Another index in the same folder: what only the old one named goes, what is not of an index stays.
    fs::write(at.index().join("notes.txt"), "mine").expect("written");
    build(&at.file("c.ndjson", LINES.lines().next().expect("a line")), &at.index());
    let after = files_of(&at.index());
    assert_eq!(after.len(), 6, "{:?}", after.keys());
    assert!(after.contains_key("notes.txt"));
    assert_eq!(ids(&at.index(), &["apteekki"]), [""; 0]);
}

#[test]
fn bad_input_is_named_with_its_place_and_leaves_nothing_half_written() {
    let at = Folder::new("bad");
    let bad = "{\"id\":1}\n\n{\"id\":\"a\",\"name\":\"B\",\"category\":\"c\",\"lon\":1,\"lat\":2}\n\u{1}\n\
               {\"id\":\"d\",\"name\":\"D\",\"category\":\"c\",\"lon\":1,\"lat\":200}\n\
               {\"id\":\"e\",\"name\":\" \",\"category\":\"c\",\"lon\":1,\"lat\":2}\n";
    let bad = at.file("bad.ndjson", bad);
    let said = build(&bad, &at.index());
    for expected in ["line 1: invalid type", "line 4: expected value", "line 5: a position", "line 6: an empty name"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let before = files_of(&at.index());
    let strict = citytwin(&["build", path(&bad), "--out", path(&at.index()), "--strict"]);
    assert!(!strict.status.success() && text(&strict.stderr).contains("line 4"), "{}", text(&strict.stderr));
    assert_eq!(files_of(&at.index()), before);

    let cut = &geojson()[..200];
    let damaged = parquet(["lon", "lat"]);
    for (bytes, expected) in [
        (Vec::new(), "empty"),
        (b"\n\n".to_vec(), "empty"),
        (b"\x89PNG\r\n".to_vec(), "begins with"),
        (b"id,name\n".to_vec(), "not asset lines, GeoJSON or Parquet"),
        (cut.as_bytes().to_vec(), "this GeoJSON is damaged"),
        (b"{\"type\":\"FeatureCollection\"}".to_vec(), "no features"),
        (b"{\"type\":\"FeatureCollection\",\"features\":[]}".to_vec(), "holds no asset"),
        (b"{\"id\":1}".to_vec(), "line 1"),
        (damaged[..damaged.len() / 2].to_vec(), "this Parquet file is damaged"),
        (
            parquet(["x", "y"]),
            "neither columns \"lon\" and \"lat\" nor a \"geometry\"; it has id, name, category, x, y",
        ),
        (gzip(LINES.as_bytes())[..60].to_vec(), "cannot read"),
    ] {
        let output = citytwin(&["build", path(&at.file("input", bytes)), "--out", path(&at.0.join("none"))]);
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{expected}: {said}");
        assert!(!at.0.join("none").exists(), "{expected}");
    }
    let missing = citytwin(&["build", "/nowhere/at-all", "--out", path(&at.index())]);
    assert!(text(&missing.stderr).contains("cannot open /nowhere/at-all"), "{}", text(&missing.stderr));
    let below_a_file = citytwin(&["build", path(&bad), "--out", path(&bad.join("index"))]);
    assert!(text(&below_a_file.stderr).contains("cannot make"), "{}", text(&below_a_file.stderr));
}

#[test]
fn each_option_of_a_query_does_what_it_says() {
    let at = Folder::new("query");
    let index = at.index();
    build(&at.file("city.ndjson", LINES), &index);
    let check = |args: &[&str], expected: &[&str]| assert_eq!(ids(&index, args), expected, "{args:?}");
    check(&["kamppi"], &["way/1"]);
    check(&["toolo caffe"], &["node/2"]);
    check(&["apteekki", "--near", "24.96,60.17"], &["node/4", "node/3"]);
    check(&["apteekki", "--near", "24.93,60.17"], &["node/3", "node/4"]);
    check(&["apteekki", "--near=24.96,60.17", "--radius", "500"], &["node/4"]);
    check(&["--near=24.96,60.17", "--limit", "1"], &["node/4"]);
    check(&["--bbox", "24.92,60.16,24.94,60.18", "--category", "pharmacy"], &["node/3"]);
    check(&["--category", "mall", "--category", "pharmacy", "--near=24.932,60.169"], &["way/1", "node/3", "node/4"]);
    check(&["apteekki", "--bbox", "-1,-1,1,1"], &[]);
    check(&["--polygon", "24.95,60.16 24.97,60.16 24.96,60.18"], &["node/4"]);
    check(&["--floor", "2", "kamppi"], &["way/1"]);
    check(&["mannerheim", "--field", "address"], &["node/2"]);
    check(&["mannerheim", "--field", "name", "--field", "translation"], &[]);
    check(&["坎皮", "--field", "translation"], &["way/1"]);
    check(&["--floor", "-1", "kamppi"], &[]);
    for condition in
        ["shops", "shops=150", "shops>100", "shops<151", "shops=100..150", "use=school|retail", "roof=true"]
    {
        check(&["kamppi", "--where", condition], &["way/1"]);
    }
    check(&["kamppi", "--where", "shops>100", "--where", "use=school"], &[]);
    let counted = citytwin(&["query", path(&index), "apteekki", "--facets", "category", "--facets", "use", "--json"]);
    let counted: serde_json::Value = serde_json::from_slice(&counted.stdout).expect("JSON");
    assert_eq!(counted["facets"][0]["counts"], serde_json::json!([["pharmacy", 2]]));
    assert_eq!((counted["hits"].as_array().map(Vec::len), &counted["facets"][1]["of"]), (Some(2), &"use".into()));
    let here = citytwin(&["query", path(&index), "--reverse", "24.9301,60.1751", "--json", "--limit", "1"]);
    let here: serde_json::Value = serde_json::from_slice(&here.stdout).expect("JSON");
    assert_eq!(
        (&here["nearest"][0]["id"], &here["address"]["address"]),
        (&"node/2".into(), &"Mannerheimintie 3".into())
    );
    let words = citytwin(&["query", path(&index), "--reverse", "24.9301,60.1751"]);
    assert!(text(&words.stdout).starts_with("address: Mannerheimintie 3\n"), "{}", text(&words.stdout));
    let hit = &query(&index, &["mannerheim"])[0];
    assert_eq!((&hit["id"], &hit["match"]["text"]), (&"node/2".into(), &"Mannerheimintie 3".into()));
    assert_eq!(hit["match"]["ranges"], serde_json::json!([[0, 10]]));
    assert!(hit.get("explain").is_none() && hit["score"].is_number() && hit["name"] == "Café Töölö", "{hit}");
    let explained = &query(&index, &["mannerheim", "--explain"])[0];
    let sum: f64 = explained["explain"].as_object().expect("parts").values().filter_map(|part| part.as_f64()).sum();
    assert!((sum - explained["score"].as_f64().expect("a score")).abs() < 1e-6, "{explained}");
    let words = citytwin(&["query", path(&index), "img", "--explain"]);
    assert!(text(&words.stdout).contains("<img src=x onerror=alert(1)>  [cafe]  node/5"), "{}", text(&words.stdout));
}

#[test]
fn each_error_of_a_query_says_what_to_do() {
    let at = Folder::new("errors");
    let index = at.index();
    build(&at.file("city.ndjson", LINES), &index);
    for (args, expected) in [
        (&["x", "--near", "24.9"][..], "--near takes 2 numbers"),
        (&["x", "--near", "NaN,1"], "--near takes 2 numbers"),
        (&["x", "--near", "200,1"], "--near takes a longitude"),
        (&["x", "--bbox", "1,2,3"], "--bbox takes 4 numbers"),
        (&["x", "--bbox", "3,2,1,4"], "--bbox takes west before east"),
        (&["x", "--radius", "5"], "--near"),
        (&["x", "--radius", "-5", "--near", "1,1"], "--radius takes a number of metres"),
        (&["x", "--polygon", "1,1 2,2"], "--polygon takes three corners"),
        (&["x", "--polygon", "1,1 2,2 3"], "--polygon takes 2 numbers"),
        (&["x", "--where", "a="], "--where takes NAME"),
        (&["x", "--field", "names"], "--field takes name, translation, other or address"),
        (&["x", "--where", "=3"], "names no attribute"),
        (&["--reverse", "1,91"], "--reverse takes a longitude"),
        (&["x", "--reverse", "1,1"], "cannot be used with"),
        (&["x", "--category", "farmacy"], "no category \"farmacy\"; it has cafe, mall, pharmacy"),
    ] {
        let output = citytwin(&[&["query", path(&index)], args].concat());
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{args:?}: {said}");
    }
    let nowhere = citytwin(&["query", path(&at.0), "x"]);
    assert!(text(&nowhere.stderr).contains("cannot read") && text(&nowhere.stderr).contains("search.bin"));
    fs::write(at.0.join("search.bin"), "<html>").expect("written");
    let strange = citytwin(&["query", path(&at.0), "x"]);
    assert!(text(&strange.stderr).contains("not the root of a search index"), "{}", text(&strange.stderr));
}

#[test]
fn a_missing_file_gives_what_can_be_found_and_a_problem() {
    let at = Folder::new("missing");
    let index = at.index();
    build(&at.file("city.ndjson", LINES), &index);
    let records = files_of(&index).into_keys().find(|name| name.starts_with("records-")).expect("a records file");
    fs::remove_file(index.join(&records)).expect("removed");
    let output = citytwin(&["query", path(&index), "kamppi", "--json"]);
    assert!(output.status.success());
    assert_eq!(text(&output.stdout).trim(), "[]");
    assert!(text(&output.stderr).contains(&format!("problem: {records}")), "{}", text(&output.stderr));
}

/// The fields of a hit, and what was said on standard error.
fn told(index: &Path, args: &[&str]) -> (Vec<String>, String) {
    let output = citytwin(&[&["query", path(index), "--json"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    let hits: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    (hits.iter().map(|hit| hit["id"].as_str().expect("an id").to_owned()).collect(), text(&output.stderr))
}

#[test]
fn a_hit_in_json_has_its_seven_fields_and_more_when_asked() {
    let at = Folder::new("fields");
    build(&at.file("city.ndjson", LINES), &at.index());
    let seven = ["category", "id", "lat", "lon", "match", "name", "score"];
    for (args, more) in [
        (&["kamppi"][..], &[][..]),
        (&["kamppi", "--near", "24.9,60.1"], &[]),
        (&["kamppi", "--explain"], &["explain"]),
        (&["kamppi", "--details"], &["address", "attributes", "floor"]),
    ] {
        let hit = &query(&at.index(), args)[0];
        let mut expected: Vec<&str> = seven.iter().chain(more).copied().collect();
        expected.sort_unstable();
        assert_eq!(hit.as_object().expect("an object").keys().collect::<Vec<_>>(), expected, "{args:?}");
    }
    let near = &query(&at.index(), &["kamppi", "--near", "24.932,60.169"])[0];
    assert!(near["match"]["distanceM"].as_f64().is_some_and(|metres| metres < 1.0), "{near}");
}

#[test]
fn more_assets_than_a_shard_holds_become_indexes_that_are_asked_as_one() {
    let at = Folder::new("shards");
    let input = at.file("city.ndjson", LINES);
    build(&input, &at.0.join("one"));
    let said = citytwin(&["build", path(&input), "--out", path(&at.index()), "--shard-assets", "2"]);
    assert!(text(&said.stdout).starts_with("5 assets in 3 shards"), "{}", text(&said.stdout));
    // Files of the same bytes have the same name, and are one.
    let roots = |index: &Path| files_of(index).keys().filter(|name| name.starts_with("root-")).count();
    assert_eq!(roots(&at.index()), 3);
    for args in [
        &["apteekki"][..],
        &["kamppi"],
        &["坎皮"],
        &["toolo caffe"],
        &["--near=24.96,60.17"],
        &["--category", "cafe", "--near", "24.93,60.17"],
        &["--bbox", "24.92,60.16,24.94,60.18"],
    ] {
        let [mut one, mut three] = [at.0.join("one"), at.index()].map(|index| ids(&index, args));
        // Of equals the order may differ.
        if !args[0].starts_with("--near") {
            one.sort();
            three.sort();
        }
        assert_eq!(three, one, "{args:?}");
    }
    let here = citytwin(&["query", path(&at.index()), "--reverse", "24.9301,60.1751"]);
    assert!(text(&here.stdout).starts_with("address: Mannerheimintie 3\n"), "{}", text(&here.stdout));

    // A shard whose root is missing, damaged or of another version, and one whose records are cut: the rest is found.
    let whole = files_of(&at.index());
    let holding = |id: &str| {
        let root = |name: &&String| name.starts_with("root-");
        let holds = |name: &&String| {
            let alone = at.0.join("alone");
            let _ = fs::remove_dir_all(&alone);
            fs::create_dir_all(&alone).expect("made");
            whole.iter().for_each(|(name, bytes)| fs::write(alone.join(name), bytes).expect("written"));
            fs::write(alone.join("search.bin"), &whole[*name]).expect("written");
            ids(&alone, &["--limit", "99"]).contains(&id.to_owned())
        };
        whole.keys().filter(root).find(holds).expect("a shard").clone()
    };
    let root = holding("way/1");
    let mut newer = whole[&root].clone();
    newer[4] += 1;
    for (bytes, expected) in [
        (None, "cannot be read"),
        (Some(&whole[&root][..40]), "its checksum is wrong"),
        (Some(&newer[..]), "this build reads"),
        (Some(&b"<html>"[..]), "not the root of a search index"),
    ] {
        match bytes {
            Some(bytes) => fs::write(at.index().join(&root), bytes).expect("written"),
            None => fs::remove_file(at.index().join(&root)).expect("removed"),
        }
        let (found, said) = told(&at.index(), &["apteekki"]);
        assert_eq!(found.len(), 2, "{expected}");
        assert!(said.contains(&format!("problem: {root}: ")) && said.contains(expected), "{said}");
        assert_eq!(told(&at.index(), &["kamppi"]).0, [""; 0], "{expected}");
    }
    fs::write(at.index().join(&root), &whole[&root]).expect("written");
    for name in whole.keys().filter(|name| name.starts_with("records-")) {
        fs::write(at.index().join(name), &whole[name][..whole[name].len() / 2]).expect("written");
        let said = ["apteekki", "kamppi", "img"].map(|text| told(&at.index(), &[text]).1);
        assert!(said.iter().any(|said| said.contains(name.as_str()) && said.contains("too short")), "{name}");
        fs::write(at.index().join(name), &whole[name]).expect("written");
    }
    for name in whole.keys().filter(|name| name.starts_with("root-")) {
        fs::remove_file(at.index().join(name)).expect("removed");
    }
    let nothing = citytwin(&["query", path(&at.index()), "x"]);
    assert!(!nothing.status.success() && text(&nothing.stderr).contains("cannot be read"), "{}", text(&nothing.stderr));
    let cut = &whole["search.bin"][..whole["search.bin"].len() - 1];
    fs::write(at.index().join("search.bin"), cut).expect("written");
    let damaged = citytwin(&["query", path(&at.index()), "x"]);
    assert!(!damaged.status.success() && text(&damaged.stderr).contains("damaged"), "{}", text(&damaged.stderr));
}

#[test]
fn an_overlay_changes_what_is_published_and_leaves_its_files_alone() {
    let at = Folder::new("overlay");
    let input = at.file("city.ndjson", LINES);
    build(&input, &at.index());
    let base = files_of(&at.index());
    let changes = r#"{"id":"node/2","name":"Café Kallio","category":"cafe","lon":24.95,"lat":60.184}
{"id":"node/6","name":"Apteekki Kallio","category":"pharmacy","lon":24.95,"lat":60.184}
"#;
    let changes = at.file("changes.ndjson", changes);
    let gone = at.file("gone.txt", "node/3\n\n node/99 \n");
    let overlay = |args: &[&str]| citytwin(&[&["build", "--out", path(&at.index())], args].concat());
    let said = overlay(&[path(&changes), "--overlay", "--removed", path(&gone)]);
    assert!(said.status.success(), "{}", text(&said.stderr));
    assert_eq!(ids(&at.index(), &["café toolo"]), [""; 0]);
    assert_eq!(ids(&at.index(), &["café kallio"]), ["node/2"]);
    let mut found = ids(&at.index(), &["apteekki"]);
    found.sort();
    assert_eq!(found, ["node/4", "node/6"]);
    let after = files_of(&at.index());
    let kept = base.iter().filter(|(name, _)| *name != "search.bin");
    assert!(kept.clone().all(|(name, bytes)| after.get(name) == Some(bytes)), "{:?}", after.keys());

    // One more, of removals alone.
    let gone = at.file("gone.txt", "node/4");
    let said = overlay(&["--overlay", "--removed", path(&gone)]);
    assert!(said.status.success(), "{}", text(&said.stderr));
    assert_eq!(ids(&at.index(), &["apteekki"]), ["node/6"]);

    // Built anew, the folder holds one index again.
    build(&input, &at.index());
    assert_eq!(files_of(&at.index()), base);

    let nowhere = citytwin(&["build", path(&changes), "--out", path(&at.0.join("none")), "--overlay"]);
    assert!(text(&nowhere.stderr).contains("there is no index to change"), "{}", text(&nowhere.stderr));
    assert!(!at.0.join("none").exists());
    for (args, expected) in [
        (&["--removed", path(&gone)][..], "--overlay"),
        (&["--overlay"], "<INPUT>"),
        (&["--overlay", "--removed", "/nowhere/at-all"], "cannot read /nowhere/at-all"),
    ] {
        let refused = overlay(args);
        let said = text(&refused.stderr);
        assert!(!refused.status.success() && said.contains(expected), "{args:?}: {said}");
    }
    assert_eq!(files_of(&at.index()), base);
}

#[test]
fn a_build_that_fails_late_leaves_the_folder_as_it_was() {
    let at = Folder::new("late");
    build(&at.file("city.ndjson", LINES), &at.index());
    let before = files_of(&at.index());
    // The first lots are written before the bad line is read.
    let bad = at.file("bad.ndjson", format!("{}{{\"id\":1}}\n", LINES.replace("Apteekki", "Apotek")));
    let strict = ["--strict", "--shard-assets", "1", "--out"];
    let failed = citytwin(&[&["build", path(&bad)], &strict[..], &[path(&at.index())]].concat());
    assert!(!failed.status.success() && text(&failed.stderr).contains("line 6"), "{}", text(&failed.stderr));
    assert_eq!(files_of(&at.index()), before);
    let failed = citytwin(&[&["build", path(&bad)], &strict[..], &[path(&at.0.join("none"))]].concat());
    assert!(!failed.status.success() && !at.0.join("none").exists(), "{}", text(&failed.stderr));
}
