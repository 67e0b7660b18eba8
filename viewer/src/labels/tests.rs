use super::*;
use crate::camera::Camera;
use citytwin_geo::LookAt;
use citytwin_manifest::LABELS_FORMAT;

const SIZE: DVec2 = DVec2::new(800.0, 600.0);

fn screen(heading_deg: f64, distance_m: f64) -> Screen {
    let mut camera = Camera::new();
    camera.set_size_css(SIZE.x, SIZE.y);
    camera.set_look(LookAt { lon: 24.94, lat: 60.17, height_m: 0.0, distance_m, heading_deg, pitch_deg: -40.0 });
    let eye = Eye::of(&camera);
    Screen { eye, clip_from_rel: eye.clip_from_rel(1.0, 10_000.0), size_css: SIZE }
}

fn label(rank: u32, lon: f64, lat: f64, more: &str) -> Label {
    let json = format!(
        r#"{{"labels":[{{"id":"n/{rank}","name":"Name {rank}","kind":"district","lon":{lon},"lat":{lat},"rank":{rank},"reachM":3000{more}}}]}}"#
    );
    LabelCell::from_json(json.as_bytes()).expect("a cell").labels.remove(0)
}

/// Labels in one cell that is loaded.
fn loaded(labels: Vec<Label>) -> Labels {
    let index = LabelIndex {
        format: LABELS_FORMAT.into(),
        extent: [24.9, 60.15, 24.98, 60.19],
        icons: std::collections::BTreeMap::new(),
        cells: vec![[0, 0, 0, 3000], [3, 0, 0, 10]],
    };
    let mut all = Labels::new();
    all.set_index(&index);
    let wanted = all.wanted(screen(0.0, 1000.0).eye.eye_ecef);
    assert_eq!(wanted, [(0, "0/0/0.json".to_owned())], "the other cell is out of reach");
    all.loaded(0, Some(LabelCell { labels }));
    assert!(!all.loading());
    all
}

/// A grid of labels, far more than there is room for.
fn crowd() -> Labels {
    let at = |i: u32| (24.92 + f64::from(i % 20) * 0.002, 60.16 + f64::from(i / 20) * 0.001);
    loaded((0..400).map(|i| label((i * 7919) % 400, at(i).0, at(i).1, "")).collect())
}

fn measure(item: &Item) -> DVec2 {
    DVec2::new(item.text.chars().count() as f64 * 8.0, 18.0)
}

fn step(labels: &mut Labels, screen: &Screen, now_ms: f64) -> Vec<(Key, DVec3)> {
    let tests = labels.place(screen, true, now_ms, &mut measure);
    labels.sprites(screen, false, now_ms);
    tests
}

#[test]
fn no_label_covers_another_and_the_most_important_is_there() {
    let mut labels = crowd();
    for turn in 0..24 {
        step(&mut labels, &screen(f64::from(turn) * 15.0, 900.0), f64::from(turn) * 1000.0);
        let shown = labels.shown();
        assert!((10..=32).contains(&shown.len()), "{} labels", shown.len());
        for (i, a) in shown.iter().enumerate() {
            assert!(a.x - a.width / 2.0 >= 0.0 && a.x + a.width / 2.0 <= SIZE.x, "{a:?}");
            for b in &shown[i + 1..] {
                let apart =
                    (a.x - b.x).abs() >= (a.width + b.width) / 2.0 || (a.y - b.y).abs() >= (a.height + b.height) / 2.0;
                assert!(apart, "{a:?} covers {b:?}");
            }
        }
        let most_important = labels.candidates(&screen(f64::from(turn) * 15.0, 900.0)).into_iter();
        let best = most_important.min_by(|a, b| a.priority.total_cmp(&b.priority)).expect("labels in view");
        let best = labels.item(best.key).expect("an item");
        assert!(best.shown || best.area == Box2::default(), "{best:?}");
    }
}

#[test]
fn a_trembling_camera_makes_no_label_flicker() {
    let mut labels = crowd();
    let still = screen(10.0, 900.0);
    step(&mut labels, &still, 0.0);
    let ids = |labels: &Labels| labels.shown().into_iter().map(|label| label.id).collect::<Vec<_>>();
    step(&mut labels, &still, 200.0);
    let before = ids(&labels);
    for i in 1..40 {
        // A tenth of a degree to and fro is about a pixel.
        let tremble = if i % 2 == 0 { 10.0 } else { 10.1 };
        step(&mut labels, &screen(tremble, 900.0), 200.0 + f64::from(i) * 200.0);
        let gone = before.iter().filter(|id| !ids(&labels).contains(id)).count();
        assert!(gone <= 1, "{gone} of {} labels went", before.len());
    }
}

#[test]
fn a_street_is_never_written_upside_down_nor_where_it_is_too_short() {
    let street = r#","kind":"street","alongDeg":30,"lengthM":400"#;
    let short = r#","kind":"street","alongDeg":30,"lengthM":5"#;
    let mut street = label(0, 24.94, 60.17, street.replace(r#","kind":"street""#, "").as_str());
    street.kind = LabelKind::Street;
    let mut short = label(1, 24.942, 60.17, short.replace(r#","kind":"street""#, "").as_str());
    short.kind = LabelKind::Street;
    let mut labels = loaded(vec![street, short]);
    for turn in 0..72 {
        let screen = screen(f64::from(turn) * 5.0, 600.0);
        let now_ms = f64::from(turn) * 1000.0;
        let tests: Vec<_> = step(&mut labels, &screen, now_ms).into_iter().map(|(key, _)| (key, true)).collect();
        labels.found(&tests, now_ms);
        step(&mut labels, &screen, now_ms + 500.0);
        let shown = labels.shown();
        assert_eq!(shown.len(), 1, "{shown:?}");
        // Upright ones may lean a little to either side of the vertical without turning.
        assert!(shown[0].angle_deg.abs() <= 97.0, "{shown:?}");
        let at = DVec2::new(shown[0].x, shown[0].y);
        assert_eq!(labels.at(at).map(|item| item.label.id.as_str()), Some("n/0"));
    }
}

#[test]
fn what_stands_behind_a_house_is_not_shown_until_it_is_seen() {
    let mut stop = label(0, 24.94, 60.17, "");
    stop.kind = LabelKind::Transit;
    let mut labels = loaded(vec![stop]);
    let view = screen(0.0, 500.0);
    let tests = step(&mut labels, &view, 0.0);
    assert_eq!((tests.len(), labels.shown().len()), (1, 0), "nobody knows yet");
    labels.found(&[(tests[0].0, false)], 20.0);
    assert!(step(&mut labels, &view, 200.0).is_empty() && labels.shown().is_empty());
    let again = step(&mut labels, &view, 900.0);
    assert_eq!(again.len(), 1, "asked again after a while");
    labels.found(&[(again[0].0, true)], 920.0);
    assert!(labels.busy());
    step(&mut labels, &view, 1100.0);
    assert_eq!(labels.shown().len(), 1);
}

#[test]
fn what_was_hidden_before_a_jump_is_asked_again_though_nothing_moves_any_more() {
    let mut stop = label(0, 24.94, 60.17, "");
    stop.kind = LabelKind::Transit;
    let mut labels = loaded(vec![stop]);
    let tests = step(&mut labels, &screen(0.0, 500.0), 0.0);
    // Seen from elsewhere while the answer is under way.
    let there = screen(90.0, 500.0);
    step(&mut labels, &there, 150.0);
    labels.found(&[(tests[0].0, false)], 160.0);
    let rest = |labels: &mut Labels, now_ms| labels.place(&there, false, now_ms, &mut measure);
    assert!(labels.busy() && rest(&mut labels, 260.0).is_empty(), "the answer holds for a while");
    assert!(labels.busy());
    let again = rest(&mut labels, 500.0);
    assert_eq!(again.len(), 1);
    labels.found(&[(again[0].0, true)], 510.0);
    rest(&mut labels, 610.0);
    assert!(labels.shown().len() == 1 && !labels.due);
}

#[test]
fn labels_fade_in_and_out_unless_motion_is_reduced() {
    let mut labels = loaded(vec![label(0, 24.94, 60.17, "")]);
    let view = screen(0.0, 500.0);
    labels.place(&view, true, 0.0, &mut measure);
    let opacity = |labels: &mut Labels, motion, now_ms| {
        labels.sprites(&view, motion, now_ms).first().map_or(0.0, |sprite| sprite.opacity)
    };
    opacity(&mut labels, true, 0.0);
    let half = opacity(&mut labels, true, 50.0);
    assert!(half > 0.2 && half < 0.8 && labels.busy(), "{half}");
    for now_ms in [100.0, 150.0, 200.0, 250.0] {
        opacity(&mut labels, true, now_ms);
    }
    assert!(!labels.busy(), "nothing more to draw");
    labels.set_on(false);
    labels.place(&view, false, 400.0, &mut measure);
    assert_eq!(opacity(&mut labels, false, 420.0), 0.0);
    assert!(labels.shown().is_empty() && !labels.busy());
}

#[test]
fn another_language_gives_other_names_and_a_failed_cell_is_not_asked_again() {
    let names = r#","names":{"zh":"埃斯普拉纳德公园"}"#;
    let mut labels = loaded(vec![label(0, 24.94, 60.17, names)]);
    let view = screen(0.0, 500.0);
    labels.set_locale("zh-CN");
    step(&mut labels, &view, 0.0);
    assert_eq!(labels.shown()[0].text, "埃斯普拉纳德公园");
    labels.set_locale("fi");
    step(&mut labels, &view, 500.0);
    assert_eq!(labels.shown()[0].text, "Name 0");
    let far = LookAt { lon: 20.0, lat: 50.0, height_m: 0.0, distance_m: 500.0, heading_deg: 0.0, pitch_deg: -40.0 };
    let far_ecef = ecef_from_geodetic(Geodetic::from_degrees(far.lon, far.lat, 0.0));
    assert!(labels.wanted(far_ecef).is_empty(), "dropped, for it is far away");
    assert_eq!(labels.sprites(&view, false, 600.0).len(), 0);
    assert_eq!(labels.wanted(view.eye.eye_ecef).len(), 1, "and asked for again");
    labels.loaded(0, None);
    assert!(labels.wanted(view.eye.eye_ecef).is_empty());
}
