//! `labels/`: names on the map, in small files by importance and place.

use super::land::Land;
use super::model::{Area, AreaClass, Building, PointClass, Polygon, Tags, Way, WayClass};
use super::stock::Stock;
use super::store::Store;
use super::twin::{center_and_area, rounded};
use citytwin_geo::EnuFrame;
use citytwin_manifest::{DEEPEST_LABEL_LEVEL, LABELS_FORMAT, Label, LabelCell, LabelIndex, LabelKind};
use glam::DVec2;
use std::collections::BTreeMap;

/// The folder of the labels, and its index.
pub(super) const LABELS: &str = "labels";
pub(super) const INDEX: &str = "labels/labels.json";
/// Labels of one cell.
const CELL: usize = 128;
/// The same name is not written twice within this distance, metres.
const APART_M: f64 = 150.0;
/// Nor is the same icon without a name drawn twice within this one, metres.
const NAMELESS_APART_M: f64 = 12.0;
/// Icons that say enough without a name.
const NAMELESS: [&str; 2] = ["camera", "hydrant"];
/// A street's name comes again after this distance, metres.
const STREET_APART_M: f64 = 220.0;
/// Pieces of a street this near to a label count to what it is written along, metres.
const STREET_NEAR_M: f64 = 120.0;

/// Index and cells as (path, bytes); nothing when nothing has a name. `extent`: that of the twin.
pub(super) fn files(city: &Stock, extent: [f64; 4]) -> Vec<(String, Vec<u8>)> {
    let labels = labels(city);
    if labels.is_empty() {
        return Vec::new();
    }
    let mut index = LabelIndex { format: LABELS_FORMAT.into(), extent, icons: BTreeMap::new(), cells: Vec::new() };
    let cells = divide(&index, labels);
    let mut files = Vec::with_capacity(cells.len() + 1);
    for (&(level, x, y), cell) in &cells {
        let reach_m = cell.labels.iter().map(|label| label.reach_m).fold(0.0, f64::max);
        index.cells.push([level, x, y, reach_m.ceil() as u32]);
        files.push((format!("{LABELS}/{level}/{x}/{y}.json"), json(cell)));
    }
    files.push((INDEX.to_owned(), json(&index)));
    files
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("labels have only string keys and finite numbers")
}

/// Every label in the coarsest cell that still has room, the most important first.
fn divide(index: &LabelIndex, labels: Vec<Label>) -> BTreeMap<(u32, u32, u32), LabelCell> {
    let [west, south, east, north] = index.extent;
    let mut cells: BTreeMap<(u32, u32, u32), LabelCell> = BTreeMap::new();
    for label in labels {
        let (u, v) = ((label.lon - west) / (east - west), (label.lat - south) / (north - south));
        for level in 0..=u32::from(DEEPEST_LABEL_LEVEL) {
            let parts = 1_u32 << level;
            let at = |share: f64| ((share * f64::from(parts)).max(0.0) as u32).min(parts - 1);
            let cell = cells.entry((level, at(u), at(v))).or_default();
            if cell.labels.len() < CELL || level == u32::from(DEEPEST_LABEL_LEVEL) {
                cell.labels.push(label);
                break;
            }
        }
    }
    cells
}

/// Something that may get a label.
struct Named {
    id: String,
    name: String,
    names: BTreeMap<String, String>,
    kind: LabelKind,
    at: DVec2,
    height_m: f64,
    reach_m: f64,
    /// Compass bearing and length, of streets.
    along: Option<(f64, f64)>,
    /// One of [`citytwin_manifest::ICONS`]; what has one needs no name.
    icon: Option<&'static str>,
}

/// All labels, ranked: what is seen from afar first, then the larger, then by id.
fn labels(city: &Stock) -> Vec<Label> {
    let mut named = streets(&city.ways);
    named.extend(city.buildings.iter().filter_map(|found| building(&found)));
    named.extend(city.areas.iter().filter_map(|found| area(&found)));
    named.extend(city.points.iter().filter_map(|point| {
        let (kind, reach_m, icon) = point_kind(point.class)?;
        Named::new(&point.tags, kind, point.position, reach_m, Some(icon))
    }));
    named.extend(city.places.iter().filter_map(|place| {
        let (kind, reach_m) = place_kind(&place.category)?;
        Named::new(&place.tags, kind, place.position, reach_m, icon(&place.category))
    }));
    raise(&mut named, &city.buildings);
    named.sort_by(|a, b| b.reach_m.total_cmp(&a.reach_m).then_with(|| a.id.cmp(&b.id)));
    let (frame, land) = (EnuFrame::new(city.origin), Land::of(city));
    let labels = without_repeats(named).into_iter().enumerate();
    labels.filter_map(|(rank, named)| label(&frame, &land, &named, rank as u32)).collect()
}

impl Named {
    /// Nothing where there is nothing to read: a place without a name is something to search for; a camera or hydrant says
    /// what it is by its icon.
    fn new(tags: &Tags, kind: LabelKind, at: DVec2, reach_m: f64, icon: Option<&'static str>) -> Option<Self> {
        let name = tags.name.clone().unwrap_or_default();
        let speaks = !name.is_empty() || icon.is_some_and(|icon| NAMELESS.contains(&icon));
        (speaks && at.is_finite()).then(|| {
            let (id, names) = (tags.id.clone(), tags.names.clone());
            Self { id, name, names, kind, at, height_m: 0.0, reach_m, along: None, icon }
        })
    }
}

fn label(frame: &EnuFrame, land: &Land, named: &Named, rank: u32) -> Option<Label> {
    let place = frame.geodetic_from_enu(named.at.extend(frame.surface_z(named.at)));
    let tenth = |value: f64| (value * 10.0).round() / 10.0;
    let label = Label {
        id: named.id.clone(),
        name: named.name.clone(),
        names: named.names.clone(),
        kind: named.kind,
        icon: named.icon.map(str::to_owned),
        lon: rounded(place.lon()),
        lat: rounded(place.lat()),
        height_m: tenth(named.height_m + land.height_m(named.at)),
        rank,
        reach_m: named.reach_m.round(),
        along_deg: named.along.map(|(bearing, _)| tenth(bearing)),
        length_m: named.along.map(|(_, length)| length.round()),
    };
    label.is_valid().then_some(label)
}

/// What is inside of a building is named on its roof, where it can be seen.
fn raise(named: &mut [Named], buildings: &Store<Building>) {
    /// Side of a square of the plan in which buildings are looked up, metres.
    const SQUARE_M: f64 = 64.0;
    let square = |at: DVec2| (at / SQUARE_M).floor().to_array().map(|at| at as i32);
    let mut plan: BTreeMap<[i32; 2], Vec<usize>> = BTreeMap::new();
    for (i, named) in named.iter().enumerate().filter(|(_, named)| named.along.is_none() && named.height_m == 0.0) {
        plan.entry(square(named.at)).or_default().push(i);
    }
    for building in buildings.iter() {
        let height_m = building.height_m.clamp(0.0, 1_000.0);
        for polygon in &building.outline {
            let low = polygon.outer.iter().copied().reduce(DVec2::min).unwrap_or_default();
            let high = polygon.outer.iter().copied().reduce(DVec2::max).unwrap_or_default();
            if !(low.is_finite() && high.is_finite()) {
                continue;
            }
            let ([west, south], [east, north]) = (square(low), square(high.min(low + 4_000.0)));
            for x in west..=east {
                for (_, here) in plan.range([x, south]..=[x, north]) {
                    for &i in here {
                        if goes_around(polygon, named[i].at) {
                            named[i].height_m = named[i].height_m.max(height_m);
                        }
                    }
                }
            }
        }
    }
}

/// Whether a polygon's outer ring goes around a point: a ray from there crosses it an odd number of times.
pub(super) fn goes_around(polygon: &Polygon, at: DVec2) -> bool {
    let ring = &polygon.outer;
    let crossings = ring
        .iter()
        .zip(ring.iter().cycle().skip(1))
        .filter(|(a, b)| (a.y > at.y) != (b.y > at.y) && at.x < (b.x - a.x) * (at.y - a.y) / (b.y - a.y) + a.x);
    crossings.count() % 2 == 1
}

/// A stop has two platforms, and a museum is a building and a place: one name is enough. Streets keep their own
/// distances.
fn without_repeats(named: Vec<Named>) -> Vec<Named> {
    let mut seen: BTreeMap<String, Vec<DVec2>> = BTreeMap::new();
    let mut kept = Vec::with_capacity(named.len());
    for named in named {
        let name = Some(named.name.as_str()).filter(|name| !name.is_empty());
        let places = seen.entry(name.or(named.icon).unwrap_or_default().to_owned()).or_default();
        let apart_m = match (name, named.kind) {
            (None, _) => NAMELESS_APART_M,
            (_, LabelKind::Street) => STREET_APART_M,
            _ => APART_M,
        };
        if places.iter().all(|place| place.distance(named.at) >= apart_m) {
            places.push(named.at);
            kept.push(named);
        }
    }
    kept
}

fn building(building: &Building) -> Option<Named> {
    let (at, area) = building.outline.first().and_then(center_and_area)?;
    let size_m = area.sqrt() + building.height_m.clamp(0.0, 600.0);
    let reach_m = (size_m * 12.0).clamp(350.0, 4_000.0);
    let named = Named::new(&building.tags, LabelKind::Landmark, at, reach_m, None)?;
    Some(Named { height_m: building.height_m.clamp(0.0, 1_000.0), ..named })
}

fn area(area: &Area) -> Option<Named> {
    let kind = match area.class {
        AreaClass::Water => LabelKind::Water,
        AreaClass::Park | AreaClass::Wood | AreaClass::Grass => LabelKind::Green,
        AreaClass::Plaza | AreaClass::Pier => LabelKind::Landmark,
        AreaClass::Residential | AreaClass::Commercial | AreaClass::Industrial => LabelKind::District,
        AreaClass::Sand | AreaClass::Pitch | AreaClass::Parking => LabelKind::Place,
    };
    let (at, square_m) = area.polygons.iter().filter_map(center_and_area).max_by(|a, b| a.1.total_cmp(&b.1))?;
    // A block of houses is large, and yet its name is for those who stand before it.
    let (per_m, most_m) = match kind {
        LabelKind::Place => (14.0, 400.0),
        LabelKind::District => (5.0, 2_000.0),
        _ => (14.0, 12_000.0),
    };
    Named::new(&area.tags, kind, at, (square_m.sqrt() * per_m).clamp(300.0, most_m), None)
}

/// What is drawn of the street's furniture, from how far it is seen, metres, and its icon.
fn point_kind(class: PointClass) -> Option<(LabelKind, f64, &'static str)> {
    match class {
        PointClass::Stop => Some((LabelKind::Transit, 600.0, "bus")),
        PointClass::Camera => Some((LabelKind::Place, 160.0, "camera")),
        PointClass::Hydrant => Some((LabelKind::Place, 140.0, "hydrant")),
        _ => None,
    }
}

/// The icon of a place. Of a value that names several (`nightclub;restaurant`) the first counts.
fn icon(category: &str) -> Option<&'static str> {
    Some(match category.split(';').next().unwrap_or_default().trim() {
        "bar" | "pub" | "nightclub" | "biergarten" => "bar",
        "bicycle_parking" | "bicycle_rental" | "bicycle" => "bicycle",
        "bus_station" | "bus_stop" => "bus",
        "cafe" | "ice_cream" | "coffee" => "cafe",
        "ferry_terminal" => "ferry",
        "hospital" | "clinic" | "doctors" | "dentist" | "pharmacy" => "hospital",
        "hotel" | "hostel" | "guest_house" | "apartment" => "hotel",
        "information" => "info",
        "library" | "books" => "library",
        "subway_entrance" => "metro",
        "memorial" | "monument" | "artwork" | "attraction" | "castle" => "monument",
        "museum" | "gallery" | "townhall" | "courthouse" => "museum",
        "parking" | "parking_entrance" => "parking",
        "restaurant" | "fast_food" | "food_court" => "restaurant",
        "school" | "university" | "college" | "kindergarten" => "school",
        "supermarket" | "convenience" | "mall" | "department_store" | "clothes" | "shoes" | "marketplace"
        | "bakery" | "gift" | "jewelry" | "cosmetics" | "electronics" | "furniture" | "kiosk" => "shop",
        "theatre" | "cinema" | "concert_hall" | "arts_centre" => "theatre",
        "station" => "train",
        "tram_stop" => "tram",
        "park" | "garden" => "tree",
        "place_of_worship" => "worship",
        _ => return None,
    })
}

/// What a place is, and from how far it is seen, metres; none for what only a search should find.
fn place_kind(category: &str) -> Option<(LabelKind, f64)> {
    use LabelKind::{District, Green, Landmark, Place, Transit, Water};
    Some(match category {
        "address" | "entrance" | "stop_position" | "platform" | "level_crossing" | "company" | "stop" => return None,
        "city" => (District, 60_000.0),
        "town" | "borough" => (District, 25_000.0),
        "suburb" | "village" | "island" => (District, 9_000.0),
        "quarter" | "neighbourhood" => (District, 4_000.0),
        "city_block" | "locality" => (District, 700.0),
        "bay" | "strait" => (Water, 6_000.0),
        "station" => (Transit, 2_500.0),
        "subway_entrance" => (Transit, 900.0),
        "tram_stop" | "bus_station" | "ferry_terminal" => (Transit, 700.0),
        "museum" | "theatre" | "townhall" | "university" | "stadium" | "castle" | "attraction" => (Landmark, 1_800.0),
        "place_of_worship" | "hospital" | "library" | "cinema" | "concert_hall" | "school" => (Landmark, 1_100.0),
        "hotel" | "embassy" | "memorial" | "artwork" | "monument" | "gallery" | "marketplace" => (Landmark, 500.0),
        "park" | "garden" | "playground" => (Green, 900.0),
        _ => (Place, 280.0),
    })
}

/// From how far a way's name is read, metres; none for ways whose names nobody looks for on a map.
fn way_kind(class: WayClass) -> Option<(LabelKind, f64)> {
    Some(match class {
        WayClass::Motorway | WayClass::Trunk | WayClass::Primary => (LabelKind::Street, 2_600.0),
        WayClass::Secondary => (LabelKind::Street, 2_000.0),
        WayClass::Tertiary => (LabelKind::Street, 1_500.0),
        WayClass::Residential | WayClass::Pedestrian => (LabelKind::Street, 1_000.0),
        WayClass::Service | WayClass::Footway | WayClass::Cycleway | WayClass::Path => (LabelKind::Street, 450.0),
        WayClass::Waterway => (LabelKind::Water, 2_500.0),
        WayClass::Steps | WayClass::Rail | WayClass::Tram => return None,
    })
}

/// A street comes in many pieces: its name is written on the longest, and again along it.
fn streets(ways: &Store<Way>) -> Vec<Named> {
    /// A way by its place: the names of all pieces of a city would fill the memory.
    struct Piece {
        place: usize,
        at: DVec2,
        bearing_deg: f64,
        length_m: f64,
    }
    let mut by_name: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
    for (place, way) in ways.iter().enumerate() {
        let (Some(name), Some(_)) = (&way.tags.name, way_kind(way.class)) else { continue };
        let Some((at, bearing_deg, length_m)) = middle(&way.line) else { continue };
        let piece = Piece { place, at, bearing_deg, length_m };
        match by_name.get_mut(name) {
            Some(pieces) => pieces.push(piece),
            None => drop(by_name.insert(name.clone(), vec![piece])),
        }
    }
    let mut named = Vec::new();
    for mut pieces in by_name.into_values() {
        // Of equally long ones, that which came first.
        pieces.sort_by(|a, b| b.length_m.total_cmp(&a.length_m));
        let mut taken: Vec<DVec2> = Vec::new();
        for Piece { place, at, bearing_deg, length_m } in &pieces {
            if taken.iter().any(|other| other.distance(*at) < STREET_APART_M) {
                continue;
            }
            let Some(way) = ways.get(*place) else { continue };
            let Some((kind, reach_m)) = way_kind(way.class) else { continue };
            let again = if taken.is_empty() { 1.0 } else { 0.6 };
            let Some(mut street) = Named::new(&way.tags, kind, *at, reach_m * again, None) else { continue };
            let around = pieces.iter().filter(|piece| piece.at.distance(*at) < STREET_NEAR_M);
            let along_m = around.map(|piece| piece.length_m).sum::<f64>().min(2.0 * STREET_NEAR_M).max(*length_m);
            (street.height_m, street.along) = (way.deck_m, Some((*bearing_deg, along_m)));
            taken.push(*at);
            named.push(street);
        }
    }
    named
}

/// The point halfway along a line, the bearing there (degrees clockwise from north), and the line's length.
pub(super) fn middle(line: &[DVec2]) -> Option<(DVec2, f64, f64)> {
    let length: f64 = line.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
    let mut left = length / 2.0;
    for pair in line.windows(2) {
        let step = pair[1] - pair[0];
        let size = step.length();
        if size >= left && size > 0.0 {
            let bearing = step.x.atan2(step.y).to_degrees().rem_euclid(360.0);
            return Some((pair[0] + step * (left / size), bearing, length));
        }
        left -= size;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(rank: u32, lon: f64, lat: f64) -> Label {
        let json = format!(
            r#"{{"labels":[{{"id":"n/{rank}","name":"N","kind":"place","lon":{lon},"lat":{lat},"rank":{rank},"reachM":300}}]}}"#
        );
        LabelCell::from_json(json.as_bytes()).expect("a cell").labels.remove(0)
    }

    #[test]
    fn the_most_important_labels_lie_in_the_coarsest_cell_that_has_room() {
        let extent = [0.0, 0.0, 1.0, 1.0];
        let index = LabelIndex { format: LABELS_FORMAT.into(), extent, icons: BTreeMap::new(), cells: Vec::new() };
        let labels = (0..400).map(|i| label(i, f64::from(i % 20) / 20.0, f64::from(i / 20) / 20.0)).collect();
        let cells = divide(&index, labels);
        assert_eq!(cells.values().map(|cell| cell.labels.len()).sum::<usize>(), 400);
        assert!(cells[&(0, 0, 0)].labels.iter().map(|label| label.rank).eq(0..128));
        for (&(level, x, y), cell) in &cells {
            let [west, south, east, north] = index.cell_extent(level, x, y);
            for label in &cell.labels {
                assert!((west..=east).contains(&label.lon) && (south..=north).contains(&label.lat), "{label:?}");
            }
            assert!(cell.labels.len() <= CELL && cell.labels.is_sorted_by_key(|label| label.rank));
        }
        assert!(cells.len() > 4, "what had no room is divided");
    }

    #[test]
    fn a_long_street_is_named_again_and_a_name_nearby_is_not() {
        let tags = |id: &str, name: &str| Tags { id: id.into(), name: Some(name.into()), ..Tags::default() };
        let way = |id: &str, from: f64, to: f64| Way {
            tags: tags(id, "Long Street"),
            class: WayClass::Residential,
            line: vec![DVec2::new(from, 0.0), DVec2::new(to, 0.0)],
            width_m: 8.0,
            deck_m: 0.0,
            bridge: false,
        };
        let ways = [way("way/1", 0.0, 90.0), way("way/2", 90.0, 150.0), way("way/3", 500.0, 580.0)];
        let streets = streets(&Store::lent(&ways));
        let found: Vec<_> = streets.iter().map(|s| (s.id.as_str(), s.at.x, s.reach_m, s.along)).collect();
        assert_eq!(found, [("way/1", 45.0, 1000.0, Some((90.0, 150.0))), ("way/3", 540.0, 600.0, Some((90.0, 80.0)))]);
        let (north, south) = (tags("node/1", "Square"), tags("node/2", "Square"));
        let stops = [DVec2::ZERO, DVec2::new(0.0, 40.0)];
        let twice = vec![
            Named::new(&north, LabelKind::Transit, stops[0], 600.0, None).expect("a name"),
            Named::new(&south, LabelKind::Transit, stops[1], 600.0, None).expect("a name"),
        ];
        assert_eq!(without_repeats(twice).len(), 1);
    }

    #[test]
    fn what_is_inside_of_a_building_is_named_on_its_roof() {
        let corners = [(10.0, 10.0), (90.0, 10.0), (90.0, 40.0), (10.0, 40.0)];
        let outline = vec![Polygon { outer: corners.map(DVec2::from).to_vec(), holes: Vec::new() }];
        let building = Building {
            tags: Tags::default(),
            class: "yes".into(),
            outline,
            surfaces: Vec::new(),
            solids: Vec::new(),
            height_m: 24.0,
            height_source: super::super::model::HeightSource::Tagged,
        };
        let tags = Tags { name: Some("Café".into()), ..Tags::default() };
        let places = [DVec2::new(80.0, 30.0), DVec2::new(80.0, 50.0)];
        let mut named = places.map(|at| Named::new(&tags, LabelKind::Place, at, 280.0, None).expect("a name"));
        raise(&mut named, &Store::lent(&[building]));
        assert_eq!(named.map(|named| named.height_m), [24.0, 0.0]);
    }

    #[test]
    fn every_icon_is_a_built_in_one_and_only_some_need_no_name() {
        let categories = ["pub", "bus_station", "cafe", "hotel", "subway_entrance", "museum", "tram_stop", "station"];
        let of_places = categories.iter().map(|category| icon(category).expect("an icon"));
        let of_points = [PointClass::Stop, PointClass::Camera, PointClass::Hydrant]
            .map(|class| point_kind(class).expect("a kind").2);
        for icon in of_places.chain(of_points).chain(NAMELESS) {
            assert!(citytwin_manifest::ICONS.contains(&icon), "{icon}");
        }
        assert_eq!(
            (icon("nightclub;restaurant"), icon("address"), point_kind(PointClass::Tree)),
            (Some("bar"), None, None)
        );
        let tags = Tags { id: "node/1".into(), ..Tags::default() };
        let named = |icon, x: f64| Named::new(&tags, LabelKind::Place, DVec2::new(x, 0.0), 160.0, icon);
        assert!(
            named(Some("cafe"), 0.0).is_none()
                && named(None, 0.0).is_none()
                && named(Some("camera"), f64::NAN).is_none()
        );
        let cameras = [0.0, 4.0, 60.0].iter().filter_map(|x| named(Some("camera"), *x)).collect();
        assert_eq!(without_repeats(cameras).len(), 2, "two on one pole are one icon");
    }

    #[test]
    fn the_middle_of_a_line_knows_where_it_goes() {
        let line = [DVec2::ZERO, DVec2::new(2.0, 0.0), DVec2::new(2.0, 4.0)];
        assert_eq!(middle(&line), Some((DVec2::new(2.0, 1.0), 0.0, 6.0)));
        assert_eq!(middle(&[DVec2::ONE, DVec2::ONE]), None);
    }
}
