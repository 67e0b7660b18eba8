//! What crosses the border to JavaScript, as plain objects with camelCase names.

use citytwin_viewer::{Event, Hit, LookAt, Problem, Progress, ShownLabel, Stats, Value, ViewerError, ViewerOptions};
use serde::{Deserialize, Serialize, Serializer};

/// [`ViewerOptions`], as far as hosts choose them; what is left out has its default.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OptionsShape {
    max_error_px: Option<f64>,
    cache_bytes: Option<f64>,
    idle_timeout_ms: Option<f64>,
}

impl From<OptionsShape> for ViewerOptions {
    fn from(given: OptionsShape) -> Self {
        let defaults = Self::default();
        Self {
            max_error_px: given.max_error_px.unwrap_or(defaults.max_error_px),
            cache_bytes: given.cache_bytes.map_or(defaults.cache_bytes, |bytes| bytes as u64),
            idle_timeout_ms: given.idle_timeout_ms.unwrap_or(defaults.idle_timeout_ms),
            ..defaults
        }
    }
}

/// An event: `{ type, data }`; types are in lower case, as those of the DOM.
#[derive(Serialize)]
#[serde(tag = "type", content = "data", rename_all = "lowercase")]
pub enum EventShape<'a> {
    /// [`Event::Click`].
    Click(Option<HitShape<'a>>),
    /// [`Event::Hover`].
    Hover(Option<HitShape<'a>>),
    /// [`Event::View`].
    View(LookAt),
    /// [`Event::ViewRest`].
    ViewRest(LookAt),
    /// [`Event::Progress`].
    #[serde(with = "ProgressShape")]
    Progress(Progress),
    /// [`Event::Problem`].
    Problem(&'a Problem),
    /// [`Event::ProblemSolved`].
    ProblemSolved(&'a Problem),
    /// [`Event::ContextLost`].
    ContextLost,
    /// [`Event::ContextRestored`].
    ContextRestored,
    /// [`Event::Settled`].
    Settled,
}

impl<'a> EventShape<'a> {
    /// The shape of an event; none for events that JavaScript does not know.
    pub fn of(event: &'a Event) -> Option<Self> {
        Some(match event {
            Event::Click(hit) => Self::Click(hit.as_ref().map(HitShape::of)),
            Event::Hover(hit) => Self::Hover(hit.as_ref().map(HitShape::of)),
            Event::View(view) => Self::View(*view),
            Event::ViewRest(view) => Self::ViewRest(*view),
            Event::Progress(progress) => Self::Progress(*progress),
            Event::Problem(problem) => Self::Problem(problem),
            Event::ProblemSolved(problem) => Self::ProblemSolved(problem),
            Event::ContextLost => Self::ContextLost,
            Event::ContextRestored => Self::ContextRestored,
            Event::Settled => Self::Settled,
            _ => return None,
        })
    }
}

/// The `type` that an event has in JavaScript; `None` for events that it does not know. Told without making the shape,
/// which costs more than all else of an event.
pub fn event_type(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Click(_) => "click",
        Event::Hover(_) => "hover",
        Event::View(_) => "view",
        Event::ViewRest(_) => "viewrest",
        Event::Progress(_) => "progress",
        Event::Problem(_) => "problem",
        Event::ProblemSolved(_) => "problemsolved",
        Event::ContextLost => "contextlost",
        Event::ContextRestored => "contextrestored",
        Event::Settled => "settled",
        _ => return None,
    })
}

/// A [`Hit`], its properties as one object in the schema's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HitShape<'a> {
    layer: &'a str,
    feature_id: u32,
    #[serde(serialize_with = "as_object")]
    properties: &'a [(String, Value)],
    lon: f64,
    lat: f64,
    height_m: f64,
}

impl<'a> HitShape<'a> {
    /// The shape of a hit.
    pub fn of(hit: &'a Hit) -> Self {
        Self {
            layer: &hit.layer,
            feature_id: hit.feature_id,
            properties: &hit.properties,
            lon: hit.lon,
            lat: hit.lat,
            height_m: hit.height_m,
        }
    }
}

/// A [`ShownLabel`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownLabelShape<'a> {
    id: &'a str,
    text: &'a str,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    angle_deg: f64,
}

impl<'a> ShownLabelShape<'a> {
    /// The shape of a label.
    pub fn of(label: &'a ShownLabel) -> Self {
        let ShownLabel { id, text, x, y, width, height, angle_deg } = label;
        Self { id, text, x: *x, y: *y, width: *width, height: *height, angle_deg: *angle_deg }
    }
}

/// A property's value as JavaScript has it.
#[derive(Serialize)]
#[serde(untagged)]
enum ValueShape<'a> {
    Text(&'a str),
    Number(f64),
    Boolean(bool),
}

fn as_object<S: Serializer>(properties: &&[(String, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(properties.iter().map(|(id, value)| {
        let value = match value {
            Value::Text(text) => ValueShape::Text(text),
            Value::Number(number) => ValueShape::Number(*number),
            Value::Boolean(yes) => ValueShape::Boolean(*yes),
        };
        (id, value)
    }))
}

#[derive(Serialize)]
#[serde(remote = "Progress", rename_all = "camelCase")]
struct ProgressShape {
    wanted: u64,
    loaded: u64,
    failed: u64,
    requests_active: u64,
    bytes: u64,
}

/// What hosts see of [`Stats`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatsShape {
    tiles_visible: u32,
    triangles_visible: u64,
    features_visible: u64,
    requests_active: u32,
    bytes_downloaded: u64,
    gpu_bytes: u64,
    heap_bytes: u64,
    frame_cpu_ms: QuantilesShape,
    effective_error_px: f64,
}

/// Median and 95th percentile.
#[derive(Serialize)]
struct QuantilesShape {
    p50: f64,
    p95: f64,
}

impl StatsShape {
    /// The shape of the figures.
    pub fn of(stats: &Stats) -> Self {
        Self {
            tiles_visible: stats.tiles_drawn,
            triangles_visible: stats.triangles_drawn,
            features_visible: stats.features_drawn,
            requests_active: stats.requests_active,
            bytes_downloaded: stats.bytes_downloaded,
            gpu_bytes: stats.gpu_bytes,
            heap_bytes: stats.heap_bytes,
            frame_cpu_ms: QuantilesShape { p50: stats.frame_cpu_ms_p50, p95: stats.frame_cpu_ms_p95 },
            effective_error_px: stats.effective_error_px,
        }
    }
}

/// What those see of [`Stats`] who look for leaks.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosticsShape {
    tree_bytes: u64,
    frames: u64,
}

impl DiagnosticsShape {
    /// The shape of the figures.
    pub fn of(stats: &Stats) -> Self {
        Self { tree_bytes: stats.tree_bytes, frames: stats.frames }
    }
}

/// The code by which programs tell failures apart; listed in `ts/errors.ts`.
pub fn error_code(error: &ViewerError) -> &'static str {
    match error {
        ViewerError::NoWebGl2 => "no-webgl2",
        ViewerError::Graphics(_) => "graphics",
        _ => "browser",
    }
}

/// The same, of a style that was not taken.
pub fn style_error_code(problem: &Problem) -> &'static str {
    if problem.code == "layer" { "layer" } else { "style" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn check(event: &Event, expected: &Json) {
        assert_eq!(event_type(event), expected["type"].as_str());
        let shape = EventShape::of(event).expect("JavaScript knows this event");
        assert_eq!(&serde_json::to_value(shape).expect("a plain object"), expected);
    }

    #[test]
    fn events_cross_the_border_as_plain_camel_case_objects() {
        let hit = Hit {
            layer: "buildings".into(),
            feature_id: 7,
            properties: vec![
                ("name".into(), Value::Text("Kämp".into())),
                ("height_m".into(), Value::Number(21.5)),
                ("listed".into(), Value::Boolean(true)),
            ],
            lon: 24.9,
            lat: 60.2,
            height_m: 40.0,
        };
        let properties = json!({ "name": "Kämp", "height_m": 21.5, "listed": true });
        check(
            &Event::Click(Some(hit)),
            &json!({ "type": "click", "data":
                { "layer": "buildings", "featureId": 7, "properties": properties,
                  "lon": 24.9, "lat": 60.2, "heightM": 40.0 } }),
        );
        check(&Event::Hover(None), &json!({ "type": "hover", "data": null }));
        let progress = Progress { wanted: 9, loaded: 4, failed: 1, requests_active: 2, bytes: 1000 };
        check(
            &Event::Progress(progress),
            &json!({ "type": "progress", "data":
                { "wanted": 9, "loaded": 4, "failed": 1, "requestsActive": 2, "bytes": 1000 } }),
        );
        check(
            &Event::Problem(Problem::new("code", "words", "a.glb")),
            &json!({ "type": "problem", "data": { "code": "code", "message": "words", "place": "a.glb" } }),
        );
        check(&Event::ContextLost, &json!({ "type": "contextlost" }));
    }

    #[test]
    fn stats_cross_the_border_in_camel_case() {
        let stats = Stats { tiles_drawn: 3, frame_cpu_ms_p50: 1.5, ..Stats::default() };
        let json = serde_json::to_value(StatsShape::of(&stats)).expect("a plain object");
        let frame = json!({ "p50": 1.5, "p95": 0.0 });
        assert_eq!((&json["tilesVisible"], &json["frameCpuMs"]), (&json!(3), &frame), "{json}");
    }

    #[test]
    fn properties_keep_the_order_of_the_schema() {
        let properties = ["z", "a", "m"].map(|id| (id.to_owned(), Value::Number(1.0))).to_vec();
        let hit = Hit { layer: String::new(), feature_id: 0, properties, lon: 0.0, lat: 0.0, height_m: 0.0 };
        let json = serde_json::to_string(&HitShape::of(&hit)).expect("a plain object");
        assert!(json.contains(r#"{"z":1.0,"a":1.0,"m":1.0}"#), "{json}");
    }
}
