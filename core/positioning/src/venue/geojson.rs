//! GeoJSON venues: IMDF (Apple 2021, OGC Community Standard 20-094), OpenStreetMap's Simple Indoor Tagging, the
//! Japanese indoor specification with its pedestrian network (as in Shinjuku terminal), and the floor maps of the
//! Indoor Location Competition 2.0.

use super::names::Names;
use super::number::number;
use super::{
    AreaParts, Beacon, BeaconKind, Connector, ConnectorKind, Link, Parts, Plane, Ring, Spot, distance, inside,
    middle_of,
};
use crate::order::{sort_and_dedup, sort_by};
use serde_json::Value;

/// Reads all files; what is no GeoJSON is left alone, what is broken becomes a problem.
pub(super) fn read(files: &[&(&str, &str)], plane: Option<&Plane>, parts: &mut Parts) {
    let mut collections = Vec::new();
    for (name, text) in files {
        match serde_json::from_str::<Value>(text) {
            Ok(json) => collections.push((*name, json)),
            Err(error) if name.ends_with("json") => parts.problems.push(format!("{name}: {error}")),
            Err(_) => {}
        }
    }
    let mut reader = Reader { given: plane.copied(), ..Reader::default() };
    reader.find_plane(&collections);
    parts.plane = parts.plane.or(reader.plane());
    // Levels before what refers to them, nodes before links.
    let order = |kind: Kind| match kind {
        Kind::Level | Kind::Node => 0,
        _ => 1,
    };
    let mut features: Vec<(&str, Kind, &Value)> = Vec::new();
    for (name, json) in &collections {
        for feature in json["features"].as_array().into_iter().flatten() {
            if let Some(kind) = kind_of(name, feature) {
                features.push((name, kind, feature));
            }
        }
    }
    sort_by(&mut features, |a, b| order(a.1).cmp(&order(b.1)));
    for (name, json) in collections.iter().filter(|c| is_competition_map(c.0)) {
        reader.competition_map(name, json, &collections, parts);
    }
    for (name, kind, feature) in features {
        reader.feature(name, kind, feature, parts);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Venue,
    Level,
    Unit,
    Opening,
    Fixture,
    Beacon,
    Node,
    Link,
    /// OpenStreetMap's.
    Indoor,
}

/// What a feature is: by IMDF's member, by OpenStreetMap's key, by the end of the file's name.
fn kind_of(file: &str, feature: &Value) -> Option<Kind> {
    if let Some(kind) = feature["feature_type"].as_str() {
        return match kind {
            "venue" => Some(Kind::Venue),
            "level" => Some(Kind::Level),
            "unit" => Some(Kind::Unit),
            "opening" => Some(Kind::Opening),
            "fixture" | "kiosk" => Some(Kind::Fixture),
            "beacon" => Some(Kind::Beacon),
            _ => None,
        };
    }
    let properties = &feature["properties"];
    if ["indoor", "entrance", "door"].iter().any(|key| properties[*key].is_string()) {
        return Some(Kind::Indoor);
    }
    let stem = file.rsplit('/').next().unwrap_or(file).split('.').next().unwrap_or_default();
    match stem.rsplit('_').next()? {
        "Floor" => Some(Kind::Level),
        "Space" => Some(Kind::Unit),
        "Opening" => Some(Kind::Opening),
        "Fixture" => Some(Kind::Fixture),
        "node" => Some(Kind::Node),
        "link" => Some(Kind::Link),
        _ => None,
    }
}

/// `FLOOR/geojson_map.json` of the competition's sites.
fn is_competition_map(name: &str) -> bool {
    name.ends_with("geojson_map.json")
}

#[derive(Default)]
struct Reader {
    given: Option<Plane>,
    /// From degrees, when the coordinates are degrees.
    from_degrees: Option<Plane>,
    /// Of metres, by nodes that tell both.
    fitted: Option<Plane>,
    /// Floors are found like nodes, so that both share their code.
    level_spots: Names<Spot>,
    nodes: Names<Spot>,
}

impl Reader {
    fn plane(&self) -> Option<Plane> {
        self.from_degrees.or(self.fitted).or(self.given)
    }

    /// Whether coordinates are degrees, and how the plane lies.
    fn find_plane(&mut self, collections: &[(&str, Value)]) {
        let mut bounds = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
        let mut pairs = Vec::new();
        for (name, json) in collections.iter().filter(|c| !is_competition_map(c.0)) {
            for feature in json["features"].as_array().into_iter().flatten() {
                if kind_of(name, feature).is_none() {
                    continue;
                }
                each_point(&feature["geometry"]["coordinates"], 0, &mut |p| {
                    bounds = [[0, 1].map(|k| bounds[0][k].min(p[k])), [0, 1].map(|k| bounds[1][k].max(p[k]))];
                });
                let p = &feature["properties"];
                if let (Some(at), Some(lon), Some(lat)) =
                    (point(&feature["geometry"]["coordinates"]), p["lon"].as_f64(), p["lat"].as_f64())
                {
                    pairs.push((at, [lon, lat]));
                }
            }
        }
        let is_somewhere = bounds[0][0] <= bounds[1][0];
        let degrees = bounds[0][0] >= -180.0 && bounds[1][0] <= 180.0 && bounds[0][1] >= -90.0 && bounds[1][1] <= 90.0;
        if is_somewhere && degrees {
            let [lon, lat] = super::mid(bounds[0], bounds[1]);
            self.from_degrees = Some(self.given.unwrap_or_else(|| Plane::at(lon, lat)));
        } else if self.given.is_none() {
            self.fitted = Plane::fit(&pairs).map(|fit| fit.0);
        }
    }

    fn metres(&self, p: [f64; 2]) -> [f64; 2] {
        self.from_degrees.map_or(p, |plane| plane.from_lonlat(p[0], p[1]))
    }

    /// All polygons of a geometry, in metres.
    fn polygons(&self, geometry: &Value, parts: &mut Parts) -> Vec<Vec<Ring>> {
        let mut corners = 0;
        let mut polygon = |rings: &Value| -> Vec<Ring> {
            let ring = |ring: &Value| -> Ring {
                let mut ring: Ring =
                    ring.as_array().into_iter().flatten().filter_map(point).map(|p| self.metres(p)).collect();
                if ring.len() > 1 && ring.first() == ring.last() {
                    ring.pop();
                }
                corners += ring.len();
                ring
            };
            rings.as_array().into_iter().flatten().map(ring).filter(|r| r.len() >= 3).collect()
        };
        let coordinates = &geometry["coordinates"];
        let polygons: Vec<Vec<Ring>> = match geometry["type"].as_str() {
            Some("Polygon") => vec![polygon(coordinates)],
            Some("MultiPolygon") => coordinates.as_array().into_iter().flatten().map(polygon).collect(),
            _ => Vec::new(),
        };
        let fits = parts.admit(corners);
        polygons.into_iter().filter(|rings| fits && !rings.is_empty()).collect()
    }

    /// All straight pieces of a line, in metres.
    fn line(&self, geometry: &Value, parts: &mut Parts) -> Vec<[[f64; 2]; 2]> {
        let mut lines: Vec<&Value> = Vec::new();
        match geometry["type"].as_str() {
            Some("LineString") => lines.push(&geometry["coordinates"]),
            Some("MultiLineString") => lines.extend(geometry["coordinates"].as_array().into_iter().flatten()),
            _ => {}
        }
        let mut pieces = Vec::new();
        for line in lines {
            let points: Vec<[f64; 2]> =
                line.as_array().into_iter().flatten().filter_map(point).map(|p| self.metres(p)).collect();
            if parts.admit(points.len()) {
                pieces.extend(points.windows(2).map(|pair| [pair[0], pair[1]]));
            }
        }
        pieces
    }

    fn feature(&mut self, file: &str, kind: Kind, feature: &Value, parts: &mut Parts) {
        let (properties, geometry) = (&feature["properties"], &feature["geometry"]);
        match kind {
            Kind::Venue => parts.name = label(&properties["name"]),
            Kind::Level => {
                let Some(floor) = properties["ordinal"].as_f64().and_then(floor_of) else {
                    return parts.problems.push(format!("{file}: a level without ordinal"));
                };
                if let Some(id) = id_of(feature) {
                    self.level_spots.insert(id, Spot { floor, at_m: [0.0; 2] });
                }
                let outline = self.polygons(geometry, parts);
                let level = parts.level(floor);
                level.outline.extend(outline);
                level.name = label(&properties["short_name"]);
                level.elevation_m = level.elevation_m.or(sane(&properties["elevation_m"], 1e4));
            }
            Kind::Unit => {
                let Some(floor) = self.floor(file, properties, parts) else { return };
                self.unit(floor, properties, geometry, parts);
            }
            Kind::Opening => {
                let Some(floor) = self.floor(file, properties, parts) else { return };
                let pieces = self.line(geometry, parts);
                // IMDF: principal entrances of the building.
                if properties["category"].as_str().is_some_and(|c| c.ends_with(".principal")) {
                    parts.entrances.extend(pieces.iter().map(|[a, b]| Spot { at_m: super::mid(*a, *b), floor }));
                }
                parts.level(floor).openings.extend(pieces);
            }
            Kind::Fixture => {
                let Some(floor) = self.floor(file, properties, parts) else { return };
                let polygons = self.polygons(geometry, parts);
                let walls = polygons.iter().flatten().flat_map(super::sides).collect::<Vec<_>>();
                parts.level(floor).walls.extend(walls);
            }
            Kind::Beacon => self.beacon(file, properties, geometry, parts),
            Kind::Node => self.node(properties, geometry, parts),
            Kind::Link => self.link(properties, geometry, parts),
            Kind::Indoor => self.indoor(properties, geometry, parts),
        }
    }

    /// The floor that a feature refers to by its level's id.
    fn floor(&mut self, file: &str, properties: &Value, parts: &mut Parts) -> Option<i16> {
        let id = ["level_id", "floor_id"].iter().find_map(|key| properties[*key].as_str());
        let floor = id.and_then(|id| self.level_spots.get(id)).map(|spot| spot.floor);
        let floor = floor.or_else(|| properties["ordinal"].as_f64().and_then(floor_of));
        if floor.is_none() {
            parts.problems.push(format!("{file}: a feature of no known level"));
        }
        floor
    }

    fn unit(&self, floor: i16, properties: &Value, geometry: &Value, parts: &mut Parts) {
        let category = properties["category"].as_str().unwrap_or_default();
        let (climbs, open) = match category {
            "elevator" => (Some(ConnectorKind::Lift), Some(false)),
            "stairs" | "steps" => (Some(ConnectorKind::Stairs), Some(true)),
            "escalator" => (Some(ConnectorKind::Escalator), Some(true)),
            "ramp" => (Some(ConnectorKind::Ramp), Some(true)),
            "walkway" | "movingwalkway" | "platform" | "lobby" | "foodservice" => (None, Some(true)),
            // Codes of other specifications: the routes tell.
            "" | "unspecified" => (None, None),
            code if code.len() <= 4 && code.bytes().any(|b| b.is_ascii_digit()) => (None, None),
            _ => (None, Some(false)),
        };
        let name = label(&properties["name"]);
        for rings in self.polygons(geometry, parts) {
            if let Some(kind) = climbs {
                parts.flights.push((kind, Spot { at_m: middle_of(&rings), floor }));
            }
            parts.level(floor).areas.push(AreaParts { name: name.clone(), open, rings });
        }
    }

    fn beacon(&mut self, file: &str, properties: &Value, geometry: &Value, parts: &mut Parts) {
        let kind = match properties["kind"].as_str() {
            Some("ble") => BeaconKind::Bluetooth,
            Some("uwb") => BeaconKind::Uwb,
            Some("rtt") => BeaconKind::WifiRtt,
            Some("marker") => BeaconKind::Marker,
            _ => return parts.problems.push(format!("{file}: a beacon that is no ble, uwb, rtt or marker")),
        };
        let Some(floor) = self.floor(file, properties, parts) else { return };
        let (Some(at), Some(id)) = (point(&geometry["coordinates"]), properties["id"].as_str()) else {
            return parts.problems.push(format!("{file}: a beacon without place or id"));
        };
        parts.beacons.push(Beacon {
            kind,
            id: id.to_ascii_lowercase(),
            spot: Spot { at_m: self.metres(at), floor },
            height_m: sane(&properties["height_m"], 100.0).unwrap_or(2.5),
            tx_power_dbm: sane(&properties["tx_power_dbm"], 127.0).unwrap_or(-59.0),
        });
    }

    /// A node of the pedestrian network (Ministry of Land, Infrastructure, Transport and Tourism 2018, "Specification of
    /// spatial network data for pedestrians"): half ordinals are landings, `in_out` 2 the border to outdoors.
    fn node(&mut self, properties: &Value, geometry: &Value, parts: &mut Parts) {
        let floor = properties["ordinal"].as_f64().map(f64::floor).and_then(floor_of);
        let (Some(id), Some(at), Some(floor)) =
            (properties["node_id"].as_str(), point(&geometry["coordinates"]), floor)
        else {
            return;
        };
        if parts.admit(1) {
            let spot = Spot { at_m: self.metres(at), floor };
            if properties["in_out"].as_str() == Some("2") {
                parts.entrances.push(spot);
            }
            self.nodes.insert(id.to_owned(), spot);
        }
    }

    fn link(&mut self, properties: &Value, geometry: &Value, parts: &mut Parts) {
        let mut end = |key: &str| properties[key].as_str().and_then(|id| self.nodes.get(id));
        let (Some(from), Some(to)) = (end("start_id"), end("end_id")) else { return };
        let by = match properties["route_type"].as_str() {
            Some("4") => Some(ConnectorKind::Lift),
            Some("5") => Some(ConnectorKind::Escalator),
            Some("6") => Some(ConnectorKind::Stairs),
            Some("7") => Some(ConnectorKind::Ramp),
            _ => None,
        };
        let pieces = self.line(geometry, parts);
        if from.floor != to.floor || pieces.is_empty() {
            return parts.links.push(Link { from, to, by });
        }
        let at = |at_m| Spot { at_m, ..from };
        parts.links.extend(pieces.iter().map(|[a, b]| Link { from: at(*a), to: at(*b), by }));
    }

    /// OpenStreetMap's Simple Indoor Tagging: `indoor` = room, area, corridor, wall; `level` = `0`, `0;1`, `-1-2`.
    fn indoor(&self, properties: &Value, geometry: &Value, parts: &mut Parts) {
        let text = |key: &str| properties[key].as_str().unwrap_or_default();
        let floors = floors_of(text("level"));
        let climbs = match (text("highway"), text("stairs"), text("conveying")) {
            ("elevator", ..) => Some(ConnectorKind::Lift),
            (.., "yes" | "forward" | "backward" | "reversible") => Some(ConnectorKind::Escalator),
            ("steps", ..) | (_, "yes", _) => Some(ConnectorKind::Stairs),
            _ => None,
        };
        let polygons = self.polygons(geometry, parts);
        let here = point(&geometry["coordinates"]).map(|p| self.metres(p));
        for floor in &floors {
            for rings in &polygons {
                let open = !matches!(text("indoor"), "room" | "column");
                parts.level(*floor).areas.push(AreaParts {
                    name: label(&properties["name"]),
                    open: Some(open),
                    rings: rings.clone(),
                });
            }
            if text("indoor") == "wall" {
                let pieces = self.line(geometry, parts);
                parts.level(*floor).walls.extend(pieces);
            }
            if let Some(at_m) = here {
                let door = [[at_m[0] - 0.5, at_m[1]], [at_m[0] + 0.5, at_m[1]]];
                parts.level(*floor).openings.push(door);
                if !text("entrance").is_empty() {
                    parts.entrances.push(Spot { at_m, floor: *floor });
                }
            }
        }
        let at = polygons.first().map(|rings| middle_of(rings)).or(here);
        if let (Some(kind), Some(at_m), true) = (climbs, at, floors.len() > 1) {
            let stops = floors.iter().map(|floor| Spot { at_m, floor: *floor }).collect();
            parts.connectors.push(Connector { kind, stops });
        }
    }

    /// A floor map of the competition: polygons of shops in degrees; `floor_info.json` beside it tells the size in
    /// metres of the box around them, whose lower left corner is the floor's own zero.
    fn competition_map(&self, name: &str, json: &Value, files: &[(&str, Value)], parts: &mut Parts) {
        let folder = name.rsplit_once('/').map_or("", |n| n.0);
        let floor_name = folder.rsplit('/').next().unwrap_or_default();
        let info = files
            .iter()
            .find(|f| f.0.strip_suffix("floor_info.json").is_some_and(|f| f.trim_end_matches('/') == folder));
        let size = |key: &str| info.and_then(|i| sane(&i.1["map_info"][key], 1e5)).filter(|x| *x > 1.0);
        let (Some(floor), Some(width), Some(height)) = (floor_by_name(floor_name), size("width"), size("height"))
        else {
            return parts.problems.push(format!("{name}: no floor's name (B1, F2, …) or no floor_info.json"));
        };
        let features: Vec<&Value> = json["features"].as_array().into_iter().flatten().collect();
        let mut bounds = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
        for feature in &features {
            each_point(&feature["geometry"]["coordinates"], 0, &mut |p| {
                bounds = [[0, 1].map(|k| bounds[0][k].min(p[k])), [0, 1].map(|k| bounds[1][k].max(p[k]))];
            });
        }
        let [low, high] = bounds;
        if !(low[0] < high[0] && low[1] < high[1] && low.iter().chain(&high).all(|x| x.abs() <= 180.0)) {
            return parts.problems.push(format!("{name}: no polygons in degrees"));
        }
        let corners = [
            ([0.0, 0.0], low),
            ([width, 0.0], [high[0], low[1]]),
            ([0.0, height], [low[0], high[1]]),
            ([width, height], high),
        ];
        let Some((plane, _)) = Plane::fit(&corners) else { return };
        parts.planes.insert(floor, plane);
        let own = Reader { from_degrees: Some(plane), ..Self::default() };
        let mut polygons: Vec<(String, Vec<Ring>)> = Vec::new();
        for feature in features {
            let name = label(&feature["properties"]["name"]);
            polygons.extend(own.polygons(&feature["geometry"], parts).into_iter().map(|rings| (name.clone(), rings)));
        }
        let level = parts.level(floor);
        floor_name.clone_into(&mut level.name);
        // The outline is the polygon that the middles of most others lie in.
        let holds = |rings: &[Ring]| polygons.iter().filter(|p| inside(rings, middle_of(&p.1))).count();
        let outline = (0..polygons.len()).max_by_key(|i| extent(&polygons[*i].1) as u64);
        let outline = outline.filter(|i| 2 * holds(&polygons[*i].1) >= polygons.len());
        for (i, (name, rings)) in polygons.into_iter().enumerate() {
            if Some(i) == outline {
                level.outline.push(rings);
            } else {
                level.areas.push(AreaParts { name, open: Some(false), rings });
            }
        }
    }
}

/// Metres of the outer ring's bounding box, corner to corner.
fn extent(rings: &[Ring]) -> f64 {
    let corners = || rings.iter().take(1).flatten();
    let low = [0, 1].map(|k| corners().map(|p| p[k]).fold(f64::INFINITY, f64::min));
    distance(low, [0, 1].map(|k| corners().map(|p| p[k]).fold(f64::NEG_INFINITY, f64::max)))
}

/// `F1` is the ground floor, 0; `B1` the one below it, −1.
pub(crate) fn floor_by_name(name: &str) -> Option<i16> {
    match name.split_at_checked(1)? {
        ("F", n) => n.parse::<i16>().ok().filter(|n| *n > 0).map(|n| n - 1),
        ("B", n) => n.parse::<i16>().ok().filter(|n| *n > 0).map(|n| -n),
        _ => None,
    }
}

/// A whole ordinal within what people build.
fn floor_of(ordinal: f64) -> Option<i16> {
    (ordinal.abs() < 1000.0).then(|| ordinal.floor() as i16)
}

/// `0`, `0;1;2`, `-1-2` (from −1 to 2); parts that are none are left out.
fn floors_of(text: &str) -> Vec<i16> {
    let mut floors = Vec::new();
    for part in text.split(';').map(str::trim) {
        if let Some(floor) = number(part).and_then(floor_of) {
            floors.push(floor);
        } else if let Some((from, to)) = part.char_indices().skip(1).find(|c| c.1 == '-').map(|c| part.split_at(c.0)) {
            let ends = (from.parse::<i16>(), to[1..].parse::<i16>());
            if let (Ok(from), Ok(to)) = ends {
                floors.extend((from..=to).take(200));
            }
        }
    }
    sort_and_dedup(&mut floors);
    floors
}

/// A text, or one of a text by language: English before the others.
fn label(value: &Value) -> String {
    let by_language = || value.get("en").or_else(|| value.as_object().and_then(|o| o.values().next()));
    value.as_str().or_else(|| by_language().and_then(Value::as_str)).unwrap_or_default().to_owned()
}

fn id_of(feature: &Value) -> Option<String> {
    feature["id"].as_str().or(feature["properties"]["id"].as_str()).map(str::to_owned)
}

fn sane(value: &Value, most: f64) -> Option<f64> {
    value.as_f64().filter(|x| x.abs() <= most)
}

/// A pair of numbers that a plane may hold.
fn point(value: &Value) -> Option<[f64; 2]> {
    let array = value.as_array()?;
    Some([sane(array.first()?, 1e8)?, sane(array.get(1)?, 1e8)?])
}

/// Each point of nested coordinates; GeoJSON nests four deep.
fn each_point(value: &Value, depth: u8, with: &mut impl FnMut([f64; 2])) {
    if let Some(p) = point(value) {
        with(p);
    } else if depth < 4 {
        value.as_array().into_iter().flatten().for_each(|v| each_point(v, depth + 1, with));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_openstreetmap_are_understood() {
        for (text, expected) in [
            ("0", &[0][..]),
            ("0;1", &[0, 1]),
            ("-1-2", &[-1, 0, 1, 2]),
            ("-2--1", &[-2, -1]),
            ("", &[]),
            ("x;3", &[3]),
            ("1e9", &[]),
        ] {
            assert_eq!(floors_of(text), expected, "{text}");
        }
    }

    #[test]
    fn floors_of_the_competition_start_at_f1() {
        for (name, floor) in
            [("F1", Some(0)), ("F10", Some(9)), ("B2", Some(-2)), ("F0", None), ("1", None), ("", None)]
        {
            assert_eq!(floor_by_name(name), floor, "{name}");
        }
    }
}
