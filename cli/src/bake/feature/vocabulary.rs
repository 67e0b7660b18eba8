//! Attributes as other sources write them → OpenStreetMap's tags.
//!
//! Known are OpenStreetMap's own tags as attributes (with `:` or `_`), Tilezen's layers
//! (<https://tilezen.readthedocs.io/en/latest/layers/>), Geofabrik's layers (`fclass`, `code`), Overture's (`class`,
//! `subtype`), and what tables usually call a height or a number of floors. What a person says about an input
//! ([`Input`]) comes before all of that.

use super::super::model::Tags;
use super::super::osm::raw::RawTags;
use super::super::osm::tags::{address, is_language};
use super::super::source::Input;
use super::property;
use citytwin_manifest::Theme;
use serde_json::{Map, Value};

/// What kind of shape a feature has: the same word means different things on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bake) enum Shape {
    Point,
    Line,
    Polygon,
}

/// A feature's attributes in OpenStreetMap's words.
#[derive(Debug, Default)]
pub(in crate::bake) struct Translated {
    pub(in crate::bake) raw: RawTags,
    /// What is published, without an id.
    pub(in crate::bake) tags: Tags,
    /// What the source calls it.
    pub(in crate::bake) id: Option<String>,
    /// Whether its attributes say that it comes from OpenStreetMap.
    pub(in crate::bake) from_osm: bool,
}

/// Attributes that identify a feature, the best first.
const IDS: [&str; 12] =
    ["id", "@id", "osm_id", "gml_id", "gid", "fid", "objectid", "uuid", "globalid", "bin", "identificatie", "full_id"];

/// Attributes that only say how a map is to be drawn at which zoom.
const RENDERING: [&str; 12] = [
    "sort_rank",
    "min_zoom",
    "max_zoom",
    "scale_rank",
    "collision_rank",
    "tier",
    "kind_tile_rank",
    "label_placement",
    "population_rank",
    "shape_length",
    "shape_area",
    "volume",
];

/// (attribute in small letters, tag). Anything else keeps its name.
#[rustfmt::skip]
const NAMES: &[(&str, &str)] = &[
    ("addr_city", "addr:city"), ("addr_full", "addr:full"), ("addr_housename", "addr:housename"),
    ("addr_housenumber", "addr:housenumber"), ("addr_place", "addr:place"), ("addr_postcode", "addr:postcode"),
    ("addr_street", "addr:street"), ("address", "addr:full"), ("altura", "height"), ("base_height", "min_height"),
    ("bldg_height", "height"), ("bridge_1", "bridge"), ("building_color", "building:colour"),
    ("building_colour", "building:colour"), ("building_height", "height"), ("building_levels", "building:levels"),
    ("building_material", "building:material"), ("building_part", "building:part"),
    ("facade_color", "building:colour"), ("facade_material", "building:material"), ("floors", "building:levels"),
    ("hauteur", "height"), ("height_m", "height"), ("hoehe", "height"), ("hoogte", "height"),
    ("housenumber", "addr:housenumber"), ("is_bridge", "bridge"), ("is_tunnel", "tunnel"),
    ("korkeus", "height"), ("levels", "building:levels"),
    ("measuredheight", "height"), ("min_height_m", "min_height"), ("min_level", "building:min_level"),
    ("nb_etages", "building:levels"), ("nom", "name"), ("nombre", "name"), ("num_floors", "building:levels"),
    ("numfloors", "building:levels"), ("numstoreys", "building:levels"), ("naam", "name"),
    ("render_height", "height"), ("render_min_height", "min_height"), ("roof_angle", "roof:angle"),
    ("roof_color", "roof:colour"), ("roof_colour", "roof:colour"), ("roof_direction", "roof:direction"),
    ("roof_height", "roof:height"), ("roof_levels", "roof:levels"), ("roof_material", "roof:material"),
    ("roof_orientation", "roof:orientation"), ("roof_shape", "roof:shape"), ("storeys", "building:levels"),
    ("storeysaboveground", "building:levels"), ("stories", "building:levels"), ("street", "addr:street"),
    ("titel", "name"),
];

/// Tags that the rules for buildings, areas, ways, points and places look at.
#[rustfmt::skip]
const LOOKED_AT: &[&str] = &[
    "addr:city", "addr:full", "addr:housenumber", "addr:place", "addr:street", "amenity", "area", "area:highway",
    "barrier", "brand", "bridge", "building", "building:color", "building:colour", "building:facade:colour",
    "building:facade:material", "building:height", "building:levels", "building:material", "building:min_height",
    "building:min_level", "building:part", "building:roof:colour", "building:roof:material", "building:roof:shape",
    "camera:direction", "colour", "covered", "craft", "cutting", "direction", "emergency", "entrance", "healthcare",
    "height", "highway", "historic", "indoor", "junction", "landuse", "lanes", "layer", "leisure", "level", "location",
    "man_made", "material", "min_height", "name", "natural", "office", "oneway", "parking", "place", "public_transport",
    "railway", "roof:angle", "roof:color", "roof:colour", "roof:direction", "roof:height", "roof:levels",
    "roof:material", "roof:orientation", "roof:ridge:direction", "roof:shape", "roof:slope:direction", "shop",
    "surveillance:direction", "tourism", "tunnel", "waterway", "width",
];

/// Tags that are published in another form (a name, an address, the height of what is drawn).
const PUBLISHED_OTHERWISE: [&str; 9] =
    ["name", "addr:street", "addr:place", "addr:housenumber", "addr:full", "height", "min_height", "bridge", "tunnel"];

/// Translates the attributes of a feature. `layer`: the layer that it stands in, where the source has layers.
pub(in crate::bake) fn translate(
    attributes: &Map<String, Value>,
    layer: Option<&str>,
    shape: Shape,
    input: &Input,
) -> Translated {
    let (id_key, id) = id_of(attributes, input).unzip();
    let mut found = Translated { id, ..Translated::default() };
    for (key, value) in attributes {
        let lower = key.to_ascii_lowercase();
        found.from_osm |= matches!(lower.as_str(), "osm_id" | "osm_way_id");
        if id_key == Some(key) {
            continue;
        }
        // The name of everything in some exports (Overture): one of them, and those by language.
        if lower == "names"
            && let Value::Object(names) = value
        {
            overture_names(names, &mut found);
            continue;
        }
        attribute(key, &lower, value, input, &mut found);
    }
    kind(layer, shape, input, &mut found);
    found.tags.name = found.raw.get("name").map(str::to_owned);
    found.tags.address = address(&found.raw);
    // What no rule looks at is published, and need not be held twice. Tilezen's area is a number of square metres.
    found
        .raw
        .0
        .retain(|(key, value)| LOOKED_AT.contains(&&**key) && (&**key != "area" || value.parse::<f64>().is_err()));
    found.raw.0.shrink_to_fit();
    found
}

/// The attribute that identifies a feature, and what it says.
fn id_of<'a>(attributes: &'a Map<String, Value>, input: &Input) -> Option<(&'a String, String)> {
    let rank = |key: &str| match &input.id {
        Some(wanted) => (wanted == key).then_some(0),
        None => IDS.iter().position(|id| *id == key.to_ascii_lowercase()),
    };
    let ids = attributes.iter().filter_map(|(key, value)| Some((rank(key)?, key, id_text(value)?)));
    ids.min_by_key(|(rank, ..)| *rank).map(|(_, key, id)| (key, id))
}

fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().chars().take(200).collect()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn overture_names(names: &Map<String, Value>, found: &mut Translated) {
    if let Some(primary) = names.get("primary").and_then(Value::as_str) {
        push(&mut found.raw, "name", primary);
    }
    for (language, name) in names.get("common").and_then(Value::as_object).into_iter().flatten() {
        if let Some(name) = name.as_str().filter(|_| is_language(language)) {
            found.tags.names.insert(language.clone(), name.to_owned());
        }
    }
}

/// One attribute: its tag, and what is published of it.
fn attribute(key: &str, lower: &str, value: &Value, input: &Input, found: &mut Translated) {
    if RENDERING.contains(&lower) || lower.starts_with('_') {
        return;
    }
    let Some(kept) = property(value) else { return };
    let text = kept.to_string();
    found.from_osm |= lower == "source" && text.contains("openstreetmap");
    if let Some(language) = lower.strip_prefix("name:").or_else(|| lower.strip_prefix("name_"))
        && is_language(language)
    {
        found.tags.names.entry(key[5..].to_owned()).or_insert(text);
        return;
    }
    let says = |attribute: &Option<String>| attribute.as_deref() == Some(key);
    let tag = if says(&input.height) {
        "height"
    } else if says(&input.levels) {
        "building:levels"
    } else if says(&input.name) {
        "name"
    } else if input.name.is_some() && lower == "name" {
        "other_name"
    } else {
        NAMES.iter().find(|(name, _)| *name == lower).map_or(lower, |(_, tag)| tag)
    };
    let value = flag(tag, &text);
    if !value.is_empty() {
        push(&mut found.raw, tag, value);
    }
    if !PUBLISHED_OTHERWISE.contains(&tag) && lower != "source" {
        found.tags.more.insert(&published_id(tag), kept);
    }
}

/// Id of a published property: that of the same OpenStreetMap tag where there is one.
fn published_id(tag: &str) -> String {
    use super::super::osm::tags::{KEPT, NUMBERS};
    let known = KEPT.iter().chain(&NUMBERS).find(|(from, _)| *from == tag);
    known.map_or_else(|| tag.replace([':', ' ', '-'], "_"), |(_, to)| (*to).to_owned())
}

/// A flag's value as OpenStreetMap writes it; empty where it says nothing. Geofabrik writes `T` and `F`, and `F`
/// (along the line), `T` (against it) and `B` (both) for directions.
fn flag<'a>(tag: &str, text: &'a str) -> &'a str {
    match (tag, text) {
        ("oneway", "F" | "true") => "yes",
        ("oneway", "T") => "-1",
        ("oneway", "B" | "false") => "",
        ("bridge" | "tunnel", "T" | "true" | "1" | "t") => "yes",
        ("bridge" | "tunnel", "F" | "false" | "0" | "f" | "no") => "",
        ("layer" | "maxspeed", "0") => "",
        _ => text,
    }
}

/// Adds a tag; the first of several attributes with one meaning counts.
fn push(raw: &mut RawTags, tag: &str, value: &str) {
    if raw.get(tag).is_none() {
        raw.0.push((tag.into(), value.into()));
    }
}

/// Adds the tag that says what a feature is, unless it has one.
fn kind(layer: Option<&str>, shape: Shape, input: &Input, found: &mut Translated) {
    let raw = &mut found.raw;
    let text = |raw: &RawTags, key: &str| raw.get(key).map(|v| v.to_ascii_lowercase());
    if let Some(kind) = text(raw, "kind") {
        let detail = text(raw, "kind_detail");
        tilezen(&kind, detail.as_deref(), layer, shape, raw);
    } else if let Some(fclass) = text(raw, "fclass") {
        let detail = text(raw, "type").filter(|_| fclass == "building");
        word(if fclass == "building" { detail.as_deref().unwrap_or("building") } else { &fclass }, shape, raw);
        if fclass == "building" {
            push(raw, "building", detail.as_deref().unwrap_or("yes"));
        }
    } else if let (Some(class), Some("road" | "rail" | "water")) = (text(raw, "class"), raw.get("subtype")) {
        word(&class, shape, raw);
    }
    by_input(shape, input, raw);
    // An area that only says so by its shape: OpenStreetMap takes a closed street for a line.
    if shape == Shape::Polygon && raw.get("highway").is_some() {
        push(raw, "area", "yes");
    }
}

/// What a person says that features without a kind of their own are; else, polygons with a height are buildings.
fn by_input(shape: Shape, input: &Input, raw: &mut RawTags) {
    let class = input.class.as_deref();
    match (input.theme, shape) {
        (Some(Theme::Buildings), Shape::Polygon) => push(raw, "building", class.unwrap_or("yes")),
        (Some(Theme::Ground), Shape::Polygon) => word(class.unwrap_or("residential"), shape, raw),
        (Some(Theme::Transport), Shape::Line) if raw.get("railway").is_none() => {
            word(class.unwrap_or("road"), shape, raw);
        }
        (Some(Theme::Furniture), Shape::Point) => word(class.unwrap_or("bollard"), shape, raw),
        (Some(Theme::Other), Shape::Point) => push(raw, "amenity", class.unwrap_or("place")),
        _ => {}
    }
    let has_height = ["height", "building:levels"].iter().any(|key| raw.get(key).is_some());
    let says_what = ["building", "building:part", "landuse", "natural", "leisure", "amenity", "highway", "man_made"];
    if shape == Shape::Polygon && has_height && says_what.iter().all(|key| raw.get(key).is_none()) {
        push(raw, "building", "yes");
    }
}

fn tilezen(kind: &str, detail: Option<&str>, layer: Option<&str>, shape: Shape, raw: &mut RawTags) {
    match (kind, shape) {
        ("building", _) => push(raw, "building", detail.unwrap_or("yes")),
        ("building_part", _) => push(raw, "building:part", detail.unwrap_or("yes")),
        ("address", _) => {
            if let Some(detail) = detail {
                push(raw, "amenity", detail);
            }
        }
        ("entrance", Shape::Point) => push(raw, "entrance", detail.unwrap_or("yes")),
        ("highway", Shape::Line) => word(detail.unwrap_or("motorway"), shape, raw),
        ("major_road", Shape::Line) => word(detail.unwrap_or("primary"), shape, raw),
        ("minor_road", Shape::Line) => word(detail.unwrap_or("residential"), shape, raw),
        ("path", Shape::Line) => word(detail.unwrap_or("path"), shape, raw),
        ("rail", Shape::Line) => word(detail.unwrap_or("rail"), shape, raw),
        // Routes of lines that the layer of roads has as tracks; outlines of areas; borders.
        _ if matches!(layer, Some("transit" | "boundaries" | "earth")) && shape != Shape::Point => {}
        ("locality" | "neighbourhood" | "borough" | "macrohood", Shape::Point) => {
            let place = match detail.unwrap_or(kind) {
                "neighbourhood" | "borough" | "macrohood" => "suburb",
                other => other,
            };
            push(raw, "place", place);
        }
        ("natural_wood" | "natural_forest", _) => word("wood", shape, raw),
        _ => word(kind, shape, raw),
    }
}

/// Adds the tag that a bare word is the value of.
fn word(word: &str, shape: Shape, raw: &mut RawTags) {
    let list: &[(&str, &[&str])] = match shape {
        Shape::Point => POINT_WORDS,
        Shape::Line => LINE_WORDS,
        Shape::Polygon => AREA_WORDS,
    };
    if let Some((key, _)) = list.iter().find(|(_, words)| words.contains(&word)) {
        return push(raw, key, word);
    }
    match (word, shape) {
        ("lake" | "ocean" | "sea" | "river" | "bay" | "strait" | "playa" | "canal" | "stream", Shape::Polygon) => {
            push(raw, "natural", "water");
        }
        ("unknown" | "road" | "minor" | "secondary_street", Shape::Line) => push(raw, "highway", "unclassified"),
        _ if shape == Shape::Line && word.starts_with("track_grade") => push(raw, "highway", "track"),
        ("camera", Shape::Point) => push(raw, "man_made", "surveillance"),
        ("hydrant", Shape::Point) => push(raw, "emergency", "fire_hydrant"),
        ("stop", Shape::Point) => push(raw, "highway", "bus_stop"),
        ("traffic_signal", Shape::Point) => push(raw, "highway", "traffic_signals"),
        ("manhole", Shape::Point) => push(raw, "man_made", "manhole"),
        (_, Shape::Line) => {}
        // Found by its name, with that word as its category.
        _ => push(raw, "amenity", word),
    }
}

const POINT_WORDS: &[(&str, &[&str])] = &[
    ("natural", &["tree"]),
    ("highway", &["street_lamp", "traffic_signals", "bus_stop"]),
    ("man_made", &["surveillance", "manhole"]),
    ("emergency", &["fire_hydrant"]),
    ("railway", &["tram_stop", "station", "halt", "subway_entrance", "train_station_entrance"]),
    ("barrier", &["bollard"]),
    ("place", &["city", "town", "village", "hamlet", "suburb"]),
];

const LINE_WORDS: &[(&str, &[&str])] = &[
    (
        "highway",
        &[
            "motorway",
            "motorway_link",
            "trunk",
            "trunk_link",
            "primary",
            "primary_link",
            "secondary",
            "secondary_link",
            "tertiary",
            "tertiary_link",
            "residential",
            "unclassified",
            "living_street",
            "service",
            "track",
            "pedestrian",
            "footway",
            "cycleway",
            "path",
            "bridleway",
            "steps",
            "busway",
        ],
    ),
    ("railway", &["rail", "narrow_gauge", "subway", "funicular", "monorail", "tram", "light_rail"]),
    ("waterway", &["river", "canal", "stream", "ditch", "drain"]),
    ("man_made", &["pier"]),
];

const AREA_WORDS: &[(&str, &[&str])] = &[
    (
        "leisure",
        &[
            "park",
            "garden",
            "pitch",
            "playground",
            "dog_park",
            "golf_course",
            "miniature_golf",
            "track",
            "swimming_pool",
            "ice_rink",
            "common",
        ],
    ),
    (
        "landuse",
        &[
            "forest",
            "grass",
            "meadow",
            "farmland",
            "residential",
            "commercial",
            "retail",
            "industrial",
            "cemetery",
            "recreation_ground",
            "allotments",
            "orchard",
            "vineyard",
            "quarry",
            "military",
            "railway",
            "village_green",
            "reservoir",
            "basin",
            "construction",
            "brownfield",
            "landfill",
            "plant_nursery",
            "port",
            "harbour",
        ],
    ),
    ("natural", &["wood", "water", "scrub", "heath", "beach", "sand", "wetland", "grassland", "shingle", "bare_rock"]),
    ("waterway", &["riverbank", "dock"]),
    ("highway", &["pedestrian", "footway"]),
    ("man_made", &["pier", "bridge", "breakwater", "groyne", "quay"]),
    ("amenity", &["parking", "fountain", "grave_yard", "marketplace"]),
    ("tourism", &["zoo", "theme_park", "camp_site"]),
];

#[cfg(test)]
mod tests {
    use super::super::super::model::Property;
    use super::*;

    fn tags_of(json: &str, layer: Option<&str>, shape: Shape, input: &Input) -> String {
        let attributes: Map<String, Value> = serde_json::from_str(json).expect("an object");
        let found = translate(&attributes, layer, shape, input);
        let mut tags: Vec<String> = found.raw.0.iter().map(|(k, v)| format!("{k}={v}")).collect();
        tags.sort();
        tags.join(" ")
    }

    #[test]
    fn what_others_write_becomes_openstreetmaps_tags() {
        use Shape::{Line, Point, Polygon};
        let buildings = Input { theme: Some(Theme::Buildings), height: Some("h".into()), ..Input::default() };
        let trees = Input {
            theme: Some(Theme::Furniture),
            class: Some("tree".into()),
            name: Some("art".into()),
            ..Input::default()
        };
        let plain = Input::default();
        for (json, layer, shape, input, expected) in [
            (
                r#"{"kind":"building","height":12.5,"roof_shape":"gabled"}"#,
                None,
                Polygon,
                &plain,
                "building=yes height=12.5 roof:shape=gabled",
            ),
            (
                r#"{"kind":"building_part","kind_detail":"tower","min_height":3}"#,
                Some("buildings"),
                Polygon,
                &plain,
                "building:part=tower min_height=3",
            ),
            (
                r#"{"kind":"major_road","kind_detail":"secondary","is_bridge":true}"#,
                Some("roads"),
                Line,
                &plain,
                "bridge=yes highway=secondary",
            ),
            (
                r#"{"fclass":"footway","code":5153,"oneway":"B","bridge":"F","tunnel":"T","layer":0}"#,
                None,
                Line,
                &plain,
                "highway=footway tunnel=yes",
            ),
            (r#"{"fclass":"building","type":"church"}"#, None, Polygon, &plain, "amenity=church building=church"),
            (
                r#"{"class":"primary","subtype":"road","names":{"primary":"Main St","common":{"sv":"Storgatan"}}}"#,
                None,
                Line,
                &plain,
                "highway=primary name=Main St",
            ),
            (r#"{"h":9,"height":500}"#, None, Polygon, &buildings, "building=yes height=9"),
            (r#"{"art":"Quercus robur","name":"T-17"}"#, None, Point, &trees, "name=Quercus robur natural=tree"),
            (r#"{"num_floors":4,"class":"house"}"#, None, Polygon, &plain, "building:levels=4 building=yes"),
            (r#"{"kind":"lake"}"#, Some("water"), Polygon, &plain, "natural=water"),
            (r#"{"kind":"subway"}"#, Some("transit"), Line, &plain, ""),
            (r#"{"kind":"pedestrian"}"#, Some("landuse"), Polygon, &plain, "area=yes highway=pedestrian"),
            (r#"{"foo":null,"bar":"","baz":[]}"#, None, Point, &plain, ""),
        ] {
            assert_eq!(tags_of(json, layer, shape, input), expected, "{json}");
        }
    }

    #[test]
    fn ids_names_and_attributes_are_kept() {
        let json = r#"{"OBJECTID":7,"id":"b-1","name":"Tower","name:zh-Hans":"塔","owner":"City","_tile":"3","sort_rank":1,
            "addr_street":"Main St","addr_housenumber":"5","source":"openstreetmap.org","year":1931}"#;
        let attributes: Map<String, Value> = serde_json::from_str(json).expect("an object");
        let found = translate(&attributes, None, Shape::Polygon, &Input::default());
        assert_eq!(found.id.as_deref(), Some("b-1"));
        assert!(found.from_osm);
        let tags = found.tags;
        assert_eq!((tags.name.as_deref(), tags.address.as_deref()), (Some("Tower"), Some("Main St 5")));
        assert_eq!(tags.names["zh-Hans"], "塔");
        let kept: Vec<&str> = tags.more.iter().map(|(id, _)| id).collect();
        assert_eq!(kept, ["objectid", "owner", "year"]);
        assert_eq!(tags.more.get("year"), Some(&Property::Integer(1931)));
    }
}
