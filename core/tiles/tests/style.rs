//! The styling language against CesiumJS, the specification and hostile styles.
#![allow(clippy::disallowed_methods, clippy::print_stderr)] // a test may read files, and says what it skips

use citytwin_tiles::{Features, Style, StyleLimits, StyleValue};
use serde_json::{Map, Value as Json, json};

/// Objects with properties, each of the class "door", which is also a "building".
struct Objects(Vec<Map<String, Json>>, Vec<String>);

impl Objects {
    fn new(objects: &[Json]) -> Self {
        let objects: Vec<_> = objects.iter().map(|object| object.as_object().cloned().expect("an object")).collect();
        let mut names: Vec<String> = objects.iter().flat_map(|object| object.keys().cloned()).collect();
        names.sort();
        names.dedup();
        Self(objects, names)
    }
}

impl Features for Objects {
    fn count(&self) -> u32 {
        self.0.len() as u32
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.1.binary_search_by(|other| other.as_str().cmp(name)).ok()
    }

    fn value(&self, property: usize, row: u32) -> StyleValue<'_> {
        self.0[row as usize].get(&self.1[property]).cloned().map_or(StyleValue::Undefined, StyleValue::from_json)
    }

    fn class_name(&self, _row: u32) -> Option<&str> {
        Some("door")
    }

    fn is_class(&self, _row: u32, name: &str) -> bool {
        ["door", "building"].contains(&name)
    }
}

fn feature() -> Objects {
    Objects::new(&[serde_json::from_str(include_str!("style/feature.json")).expect("JSON")])
}

fn parse(style: &Json) -> Result<Style, citytwin_tiles::Problem> {
    Style::parse(style.to_string().as_bytes(), &StyleLimits::default())
}

/// What an expression gives, in the form of `expected.json`.
fn result(text: &str, features: &Objects) -> Json {
    let Ok(style) = parse(&json!({ "meta": { "it": text } })) else { return json!({ "refused": true }) };
    match style.meta("it", features, 0, 1234.5).expect("it is there") {
        Ok(value) => written(&value),
        Err(_) => json!({ "fails": true }),
    }
}

fn written(value: &StyleValue<'_>) -> Json {
    match value {
        StyleValue::Undefined => json!({ "undefined": true }),
        StyleValue::Null => Json::Null,
        StyleValue::Boolean(value) => json!(value),
        StyleValue::Number(value) if value.is_finite() => json!(value),
        StyleValue::Number(value) => json!({ "number": value.to_string().replace("inf", "Infinity") }),
        StyleValue::Text(text) => json!(text),
        StyleValue::Vector(vector) => json!({ "vector": vector.as_slice() }),
        StyleValue::Array(items) => json!({ "array": items.iter().map(written).collect::<Vec<_>>() }),
        StyleValue::Object(_) => json!({ "object": true }),
        StyleValue::RegExp(regexp) => json!({ "regExp": regexp.to_string() }),
    }
}

/// Equal but for the last digits of numbers.
fn alike(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64().expect("a number"), b.as_f64().expect("a number"));
            (a - b).abs() <= 1e-14 * a.abs().max(1.0)
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        _ => a == b,
    }
}

fn check(table: &[(&str, Json)]) {
    let features = feature();
    let wrong: Vec<String> = table
        .iter()
        .map(|(text, expected)| (text, expected, result(text, &features)))
        .filter(|(_, expected, found)| !alike(expected, found))
        .map(|(text, expected, found)| format!("{text}\n    expected {expected}\n    found    {found}"))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[test]
fn expressions_give_what_cesiumjs_gives() {
    let expected: Vec<(String, Json)> = serde_json::from_str(include_str!("style/expected.json")).expect("JSON");
    assert!(expected.len() >= 500);
    check(&expected.iter().map(|(text, expected)| (text.as_str(), expected.clone())).collect::<Vec<_>>());
}

/// Mostly out of the specification's own text (OGC 22-025r4, section 11), and what the crate's documentation promises
/// beyond CesiumJS.
#[test]
fn expressions_give_what_the_specification_says() {
    let refused = || json!({ "refused": true });
    check(&[
        // Matching binds like ===, so it stands beside logic; CesiumJS takes the rest for its right side.
        ("regExp('a') =~ 'bar' && true", json!(true)),
        ("true && ${County} =~ regExp('^Chest')", json!(true)),
        ("${County} !~ regExp('x') ? 1 : 2", json!(1.0)),
        // A number in place of a vector, as in GLSL.
        ("clamp(vec2(-1, 5), 0, 3)", json!({ "vector": [0.0, 3.0] })),
        ("mix(vec2(0, 2), vec2(2, 4), 0.5)", json!({ "vector": [1.0, 3.0] })),
        // Names that are no JavaScript names.
        ("${building:levels} + 1", json!(6.0)),
        ("${spaces here}", json!("odd")),
        // Paths, texts of any quotes and escapes in texts with variables.
        ("`${name}`", json!("Chestnut Hall")),
        ("'${address.street}'", json!("Example street")),
        ("'\\${name}'", json!("\\Chestnut Hall")),
        ("'${vector}'", json!("(1, 2, 3)")),
        ("${feature.address.numbers[0]}", json!(7.0)),
        // Constants of Math and Number.
        ("Math.SQRT2 * Math.SQRT1_2", json!(1.0)),
        ("Number.NEGATIVE_INFINITY", json!({ "number": "-Infinity" })),
        // A regular expression from anywhere has the methods, not only a literal one.
        ("(true ? regExp('a') : regExp('b')).test('bar')", json!(true)),
        ("regExp('(?=a)b')", refused()),
        ("color('no such colour')", json!({ "fails": true })),
        ("color(1)", json!({ "fails": true })),
        ("normalize(vec2(0))", json!({ "fails": true })),
        ("Math.TAU", refused()),
        ("${tiles3d_no_such}", refused()),
        ("color('red', 1, 2)", refused()),
        ("", refused()),
        ("   ", refused()),
    ]);
}

/// Evaluates a style over objects.
fn styled(style: &Json, objects: &[Json]) -> citytwin_tiles::Styled {
    parse(style).unwrap_or_else(|problem| panic!("{style}: {problem}")).evaluate(&Objects::new(objects), 0.0)
}

#[test]
fn the_first_condition_that_holds_decides_and_none_leaves_the_default() {
    let style = json!({
        "defines": { "Half": "${Height} / 2" },
        "show": "${Height} > 0",
        "color": { "conditions": [
            ["${Half} >= 50", "color('red')"],
            ["${Half} >= 10", "rgba(0, 0, 255, 0.5)"],
            ["${name} === 'tower'", "color('#00FF00')"],
        ] },
        "pointSize": { "conditions": [["${Height} > 10", "${Half}"], ["true", "2.5"]] },
    });
    let objects = [
        json!({ "Height": 100 }),
        json!({ "Height": 20 }),
        json!({ "Height": 1, "name": "tower" }),
        json!({ "Height": -1 }),
    ];
    let styled = styled(&style, &objects);
    assert_eq!(styled.show, Some(vec![true, true, true, false]));
    assert_eq!(styled.color, Some(vec![[255, 0, 0, 255], [0, 0, 255, 128], [0, 255, 0, 255], [255; 4]]));
    assert_eq!(styled.point_size, Some(vec![50.0, 10.0, 2.5, 2.5]));
    assert_eq!(styled.problems, []);
}

#[test]
fn a_define_sees_the_property_of_its_own_name_so_that_there_is_no_circle() {
    let style = json!({
        "defines": { "Height": "${Height} / 2", "a": "${b}", "b": "${a}" },
        "show": "${Height} === 75 && ${a} === undefined && ${b} === undefined && ${feature.Height} === 150",
    });
    assert_eq!(styled(&style, &[json!({ "Height": 150 })]).show, Some(vec![true]));
}

#[test]
fn rules_that_are_absent_give_no_column_and_plain_values_are_taken() {
    let objects = [json!({}), json!({})];
    assert_eq!(styled(&json!({}), &objects), citytwin_tiles::Styled::default());
    let plain = styled(&json!({ "show": false, "pointSize": 3, "color": null, "labelText": "'x'" }), &objects);
    assert_eq!((plain.show, plain.color, plain.point_size), (Some(vec![false; 2]), None, Some(vec![3.0; 2])));
}

#[test]
fn what_cannot_be_evaluated_has_the_default_and_is_counted() {
    let style = json!({
        "show": "${Height} > 10",
        "color": { "conditions": [["${kind} === 'x'", "${tint}"], ["true", "color(${tint})"]] },
        "pointSize": "${Height}",
    });
    let objects = [
        json!({ "Height": 5, "tint": "red" }),
        json!({ "tint": 5 }),
        json!({}),
        json!({ "kind": "x", "tint": 7, "Height": -1 }),
    ];
    let styled = styled(&style, &objects);
    assert_eq!(styled.show, Some(vec![false, true, true, false]));
    assert_eq!(styled.color, Some(vec![[255, 0, 0, 255], [255; 4], [255; 4], [255; 4]]));
    assert_eq!(styled.point_size, Some(vec![5.0, 1.0, 1.0, 1.0]));
    let told: Vec<String> = styled.problems.iter().map(ToString::to_string).collect();
    for (place, message) in [
        ("show: column 11 of `${Height} > 10`", "a comparison takes two numbers (2 features)"),
        ("color.conditions[0][1]: column 1 of `${tint}`", "color is not a colour (1 feature)"),
        ("color.conditions[1][1]: column 1 of `color(${tint})`", "color takes a text (2 features)"),
        ("pointSize: column 1 of `${Height}`", "pointSize is not a number from 0 up (1 feature)"),
    ] {
        let expected = format!("{place}: {message} (style-evaluation)");
        assert!(told.contains(&expected), "{expected} is not among {told:#?}");
    }
    assert_eq!(told.len(), 4);
}

#[test]
fn meta_is_evaluated_for_the_feature_that_is_asked_about() {
    let style = parse(&json!({ "meta": { "description": "'${name} has ' + ${floors} + ' floors'", "bad": "!1" } }))
        .expect("a style");
    assert_eq!(style.meta_names().collect::<Vec<_>>(), ["bad", "description"]);
    let features = Objects::new(&[json!({ "name": "A", "floors": 1 }), json!({ "name": "B", "floors": 2 })]);
    let told = style.meta("description", &features, 1, 0.0).expect("there").expect("evaluated");
    assert_eq!(told, StyleValue::Text("B has 2 floors".into()));
    assert!(style.meta("bad", &features, 0, 0.0).expect("there").is_err());
    assert!(style.meta("none", &features, 0, 0.0).is_none());
}

#[test]
fn a_style_says_what_it_reads_and_whether_time_moves_it() {
    let style = parse(&json!({ "show": "${a.b} > 1 && ${feature['c d']} && ${a} && '${e}' === ''" })).expect("a style");
    assert_eq!(style.properties(), ["a", "c d", "e"]);
    assert!(!style.depends_on_time());
    let style = parse(&json!({ "pointSize": "${tiles3d_tileset_time} / 1000" })).expect("a style");
    assert!(style.depends_on_time());
    assert_eq!(style.evaluate(&feature(), 2500.0).point_size, Some(vec![2.5]));
}

#[test]
fn a_style_that_is_none_names_the_expression_and_the_column() {
    for (style, code, place, message) in [
        (json!({ "show": "1 +" }), "style-malformed", "show: column 4 of `1 +`", "unexpected the end"),
        (json!({ "show": "${ä} == 1" }), "style-malformed", "show: column 6 of", "unexpected \"==\""),
        (json!({ "color": "colour('red')" }), "style-malformed", "color: column 1", "there is no function \"colour\""),
        (
            json!({ "color": { "conditions": [["true", "rgb(1, 2)"]] } }),
            "style-malformed",
            "color.conditions[0][1]: column 1",
            "rgb takes 3 values, not 2",
        ),
        (
            json!({ "defines": { "a": "(1" } }),
            "style-malformed",
            "defines.a: column 3",
            "expected \")\", found the end",
        ),
        (json!({ "meta": { "m": "foo" } }), "style-malformed", "meta.m: column 1", "\"foo\" is not defined"),
        (json!({ "show": "regExp('(')" }), "style-malformed", "show: column 1", "not a regular expression"),
        (json!({ "show": "regExp('(a)\\1')" }), "style-malformed", "show: column 1", "back-reference"),
        (json!({ "color": {} }), "style-malformed", "color", "without a list of conditions"),
        (json!({ "color": { "conditions": [["true"]] } }), "style-malformed", "color.conditions[0]", "two expressions"),
        (json!({ "color": { "conditions": { "true": "1" } } }), "style-malformed", "color", "without a list"),
        (json!({ "show": [] }), "style-malformed", "show", "a text, a number or a boolean"),
        (json!({ "meta": [] }), "style-malformed", "meta", "not an object"),
        (json!([]), "style-malformed", "style", "a JSON object"),
    ] {
        let problem = parse(&style).expect_err("malformed");
        assert_eq!(problem.code, code, "{style}");
        assert!(problem.place.starts_with(place), "{style}: {problem}");
        assert!(problem.message.contains(message), "{style}: {problem}");
    }
    assert_eq!(Style::parse(b"{", &StyleLimits::default()).expect_err("not JSON").code, "style-malformed");
}

#[test]
fn hostile_styles_are_refused_or_evaluated_within_their_bounds() {
    let many = |part: &str, count: usize| part.repeat(count);
    let sum = |count: usize| format!("1{}", many("+1", count));
    // A define of 20,000 steps, asked for 20,000 times.
    let wide = sum(20_000).replace('1', "${x}");
    for (style, refused) in [
        (json!({ "show": many("(", 100_000) }), true),
        (json!({ "show": many("[", 100_000) }), true),
        (json!({ "show": many("!", 100_000) + "true" }), true),
        (json!({ "show": many("-", 100_000) + "1" }), true),
        (json!({ "show": many("true?", 100_000) }), true),
        (json!({ "show": many("abs(", 10_000) + "1" + &many(")", 10_000) }), true),
        (json!({ "show": many("${a[", 10_000) }), true),
        (json!({ "show": format!("${{a{}}}", many("[0]", 10_000)) }), true),
        (json!({ "show": format!("${{a}}{}", many(".b", 10_000)) }), true),
        (json!({ "show": wide }), true),
        (json!({ "show": many("true && ", 10_000) + "true" }), false),
        (json!({ "show": many("${x} || ", 10_000) + "true" }), false),
        (json!({ "show": format!("'{}' === ''", many("a", 900_000)) }), false),
        (json!({ "show": format!("'{}'", many("${a}", 100_000)) }), true),
        (json!({ "show": many("x", 2_000_000) }), true),
        (json!({ "show": format!("regExp('{}')", many("(", 1000)) }), true),
        (json!({ "show": format!("regExp('{}')", many("a", 10_000)) }), true),
        (json!({ "show": "regExp('(((a{99}){99}){99}){99}')" }), true),
        (json!({ "show": "regExp('^(a+)+$').test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab')" }), false),
        (
            json!({ "defines": { "d": format!("[{}0]", many("${x},", 5000)) }, "show": format!("[{}0].length > 1", many("${d},", 5000)) }),
            true,
        ),
        (
            json!({ "defines": { "d": format!("'{}'", many("a", 200_000)) }, "show": format!("{}'' === ''", many("${d}+", 200)) }),
            false,
        ),
        (json!({ "show": "${\u{0}}" }), false),
        (json!({ "show": "\u{0}" }), true),
        (json!({ "show": "'\u{1f600}'[0] === ${\u{1f600}}" }), false),
        (
            json!({ "show": "1e999 > 1 && [1][1e999] === undefined && [1][-1] === undefined && vec2(1)[1e9] === undefined" }),
            false,
        ),
    ] {
        let shown: String = style.to_string().chars().take(80).collect();
        match parse(&style) {
            Ok(style) => {
                assert!(!refused, "taken: {shown}");
                style.evaluate(&feature(), 0.0);
            }
            Err(problem) => assert!(refused, "{shown}: {problem}"),
        }
    }
}

/// A style that was written for another engine, with members that only others know.
#[test]
fn the_style_of_the_shared_tiles_is_read() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/tiles/spec-tilesets/CesiumJS/Style/style.json");
    let Ok(bytes) = std::fs::read(path) else {
        return eprintln!("SKIPPED: there is no ../shared/data/tiles/spec-tilesets");
    };
    let style = Style::parse(&bytes, &StyleLimits::default()).expect("a style");
    let styled = style.evaluate(&Objects::new(&[json!({ "id": 50 }), json!({ "id": 100 }), json!({})]), 0.0);
    assert_eq!(styled.show, Some(vec![true, false, true]));
    assert_eq!(styled.color, Some(vec![[255, 0, 0, 255]; 3]));
    assert_eq!(styled.point_size, Some(vec![0.5, 1.0, 1.0]));
    assert_eq!(styled.problems.len(), 2);
}
