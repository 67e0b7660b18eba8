//! `twin.json` and `assets.ndjson`: the description of a twin, and the things in it that can be found.

use super::labels::middle;
use super::land::Land;
use super::model::{self, Building, City, Polygon, Tags, Way, WayClass};
use super::properties::identifier;
use super::stock::Stock;
use super::store::Store;
use super::theme::{area_class, point_class};
use super::{attributes, categories, words};
use citytwin_geo::{EnuFrame, Geodetic, LookAt};
use citytwin_manifest::{Asset, Attribution, FORMAT, Layer, PropertyWords, Text, Theme, Twin, Venue, VenueFloor};
use citytwin_search::{BuildOptions, Record, build};
use glam::DVec2;
use std::collections::{BTreeMap, BTreeSet};

/// What the file of assets is called.
pub(super) const ASSETS: &str = "assets.ndjson";
/// The folder of the search index.
pub(super) const SEARCH: &str = "search";

/// Whom a twin made from OpenStreetMap names.
pub(super) fn openstreetmap() -> Attribution {
    Attribution {
        text: "© OpenStreetMap contributors".into(),
        url: Some("https://www.openstreetmap.org/copyright".into()),
        license: Some("ODbL-1.0".into()),
    }
}

/// The manifest. `layers` are (layer id, property ids) of the tilesets that were baked, `assets` the asset lines.
pub(super) fn twin(city: &Stock, title: Text, layers: &[(&str, &[String])], assets: &str) -> Twin {
    let counts = [
        ("ground", city.areas.len()),
        ("transport", city.ways.len()),
        ("buildings", city.buildings.len()),
        ("other", city.structures.len()),
        ("furniture", city.points.len()),
        (attributes::PLACES, city.places.len()),
    ];
    let tables = counts.into_iter().filter(|(_, count)| *count > 0);
    let has_assets = !assets.is_empty();
    let foreign = foreign_words(city);
    Twin {
        format: FORMAT.into(),
        title,
        extent: extent(city),
        home: home(city),
        layers: layers.iter().map(|(id, property_ids)| layer(id, property_ids, city, &foreign)).collect(),
        assets: has_assets.then(|| ASSETS.into()),
        categories: categories_of(assets),
        search: has_assets.then(|| format!("{SEARCH}/{}", crate::search::ROOT_NAME)),
        labels: None,
        rasters: Vec::new(),
        terrain: None,
        venues: city.venues.iter().map(venue).collect(),
        attributes: tables.map(|(id, _)| (id.to_owned(), attributes::path(id))).collect(),
        attribution: city.attribution.clone(),
    }
}

fn venue(venue: &model::Venue) -> Venue {
    let name = venue.name.as_deref().unwrap_or(&venue.id);
    let floor = |(floor, name, elevation_m): &(i16, String, f64)| VenueFloor {
        floor: *floor,
        name: name.clone(),
        elevation_m: *elevation_m,
    };
    Venue {
        id: venue.id.clone(),
        title: Text::new([("en", name), ("zh-CN", name)]),
        files: venue.files.iter().map(|(name, _)| super::venue::path(venue, name)).collect(),
        floors: venue.floors.iter().map(floor).collect(),
    }
}

/// Names of attributes that are no identifiers, by the identifiers that stand for them.
fn foreign_words(city: &Stock) -> BTreeMap<String, PropertyWords> {
    let mut foreign = BTreeSet::new();
    city.each_tags(&mut |tags| {
        for (id, _) in tags.more.iter() {
            if !id.is_ascii() && !foreign.contains(id) {
                foreign.insert(id.to_owned());
            }
        }
    });
    let words = |name: &str| PropertyWords { title: Text::new([("en", name), ("zh-CN", name)]), ..Default::default() };
    foreign.iter().map(|name| (identifier(name), words(name))).collect()
}

fn layer(id: &str, property_ids: &[String], city: &Stock, foreign: &BTreeMap<String, PropertyWords>) -> Layer {
    let theme = match id {
        "ground" => Theme::Ground,
        "transport" => Theme::Transport,
        "buildings" => Theme::Buildings,
        "furniture" => Theme::Furniture,
        _ => Theme::Other,
    };
    let words_of = |property: &String| {
        let given = city.words.get(property).or_else(|| foreign.get(property)).cloned();
        given.unwrap_or_else(|| words::property(theme, property))
    };
    Layer {
        id: id.into(),
        title: words::layer(theme),
        theme,
        tileset: format!("{id}/tileset.json"),
        visible: true,
        properties: property_ids.iter().map(|property| (property.clone(), words_of(property))).collect(),
    }
}

/// The extent in degrees, never empty and never out of range.
pub(super) fn extent(city: &City) -> [f64; 4] {
    /// About ten metres.
    const LEAST_DEG: f64 = 1e-4;
    let e = city.extent;
    let widen = |low: f64, high: f64, limit: f64| {
        let (low, high) = if high - low < LEAST_DEG { (low - LEAST_DEG, high + LEAST_DEG) } else { (low, high) };
        (low.clamp(-limit, limit), high.clamp(-limit, limit))
    };
    let ((west, east), (south, north)) = (widen(e.west, e.east, 180.0), widen(e.south, e.north, 90.0));
    [west, south, east, north]
}

/// An oblique view of where most is built, from the south-east, where the morning sun lights what is seen.
fn home(city: &Stock) -> LookAt {
    const HEADING_DEG: f64 = 335.0;
    const PITCH_DEG: f64 = -35.0;
    let frame = EnuFrame::new(city.origin);
    let (mut sum, mut weight, mut heights) = (DVec2::ZERO, 0.0, 0.0);
    for building in city.buildings.iter().chain(city.structures.iter()) {
        let Some((center, area)) = building.outline.first().and_then(center_and_area) else { continue };
        let volume = area * building.height_m.clamp(1.0, 500.0);
        sum += center * volume;
        weight += volume;
        heights += building.height_m.clamp(0.0, 500.0) * volume;
    }
    let target = if weight > 0.0 { sum / weight } else { DVec2::ZERO };
    let height_m = if weight > 0.0 { heights / weight / 2.0 } else { 0.0 };
    let [west, south, east, north] = extent(city);
    let corner = |lon, lat| frame.enu_from_geodetic(Geodetic::from_degrees(lon, lat, 0.0)).truncate();
    let diagonal_m = corner(west, south).distance(corner(east, north));
    let at = frame.geodetic_from_enu(target.extend(frame.surface_z(target)));
    LookAt {
        lon: rounded(at.lon()),
        lat: rounded(at.lat()),
        height_m: (height_m + Land::of(city).height_m(target)).round(),
        distance_m: (diagonal_m * 0.55).clamp(150.0, 2500.0).round(),
        heading_deg: HEADING_DEG,
        pitch_deg: PITCH_DEG,
    }
}

/// Seven decimals of a degree: a centimetre.
pub(super) fn rounded(degrees: f64) -> f64 {
    rounded_to(degrees, 1e7)
}

/// The nearest of so many parts of one.
pub(super) fn rounded_to(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

/// Centre and area (m²) of a polygon's outer ring; nothing for one without area.
pub(super) fn center_and_area(polygon: &Polygon) -> Option<(DVec2, f64)> {
    let ring = &polygon.outer;
    let first = *ring.first()?;
    let (mut twice_area, mut sum) = (0.0, DVec2::ZERO);
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let (a, b) = (*a - first, *b - first);
        let cross = a.perp_dot(b);
        twice_area += cross;
        sum += (a + b) * cross;
    }
    (twice_area.abs() > 1e-6).then(|| (first + sum / (3.0 * twice_area), (twice_area / 2.0).abs()))
}

/// Words for the categories that asset lines use.
fn categories_of(assets: &str) -> BTreeMap<String, Text> {
    let used = assets.lines().filter_map(|line| serde_json::from_str::<Asset>(line).ok()).map(|asset| asset.category);
    used.collect::<BTreeSet<_>>().into_iter().filter_map(|id| Some((id.clone(), categories::words(&id)?))).collect()
}

/// The files of the search index over asset lines, as (path, bytes).
pub(super) fn search_files(assets: &str) -> Vec<(String, Vec<u8>)> {
    let records = assets.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok()).collect();
    let index = build(records, &BuildOptions::default());
    let root = (crate::search::ROOT_NAME.to_owned(), index.root);
    index.files.into_iter().chain([root]).map(|(name, bytes)| (format!("{SEARCH}/{name}"), bytes)).collect()
}

/// Everything with a name (or, for places, an address), one JSON object per line.
pub(super) fn assets(city: &Stock) -> String {
    let frame = EnuFrame::new(city.origin);
    let mut lines = Vec::new();
    let mut add = |tags: &Tags, category: &str, at: DVec2| lines.extend(asset(&frame, tags, category, at));
    for building in city.buildings.iter() {
        if let Some(at) = building_center(&building) {
            add(&building.tags, "building", at);
        }
    }
    for structure in city.structures.iter() {
        if let Some(at) = building_center(&structure) {
            add(&structure.tags, &structure.class, at);
        }
    }
    for way in named_ways(&city.ways).into_iter().filter_map(|place| city.ways.get(place)) {
        add(&way.tags, way_category(way.class), along(&way.line));
    }
    for area in city.areas.iter() {
        if let Some((at, _)) = area.polygons.first().and_then(center_and_area) {
            add(&area.tags, area_class(area.class), at);
        }
    }
    for point in city.points.iter() {
        add(&point.tags, point_class(point.class), point.position);
    }
    for place in city.places.iter() {
        add(&place.tags, &place.category, place.position);
    }
    lines.concat()
}

fn building_center(building: &Building) -> Option<DVec2> {
    building.outline.first().and_then(center_and_area).map(|(center, _)| center)
}

/// A street comes in many pieces: the longest piece of each name (and kind) stands for all. Their places.
fn named_ways(ways: &Store<Way>) -> Vec<usize> {
    let length = |way: &Way| way.line.windows(2).map(|pair| pair[0].distance(pair[1])).sum::<f64>();
    let mut longest: BTreeMap<(String, &str), (usize, f64)> = BTreeMap::new();
    for (i, way) in ways.iter().enumerate() {
        let Some(name) = way.tags.name.clone() else { continue };
        let length = length(&way);
        let best = longest.entry((name, way_category(way.class))).or_insert((i, length));
        if length > best.1 {
            *best = (i, length);
        }
    }
    let mut chosen: Vec<usize> = longest.into_values().map(|(i, _)| i).collect();
    chosen.sort_unstable();
    chosen
}

fn way_category(class: WayClass) -> &'static str {
    match class {
        WayClass::Rail | WayClass::Tram => "railway",
        WayClass::Waterway => "waterway",
        _ => "street",
    }
}

/// The point halfway along a line.
fn along(line: &[DVec2]) -> DVec2 {
    middle(line).map(|(at, _, _)| at).or(line.first().copied()).unwrap_or_default()
}

fn asset(frame: &EnuFrame, tags: &Tags, category: &str, at: DVec2) -> Option<String> {
    let name = tags.name.clone().or_else(|| (category == "address").then(|| tags.address.clone()).flatten())?;
    if !at.is_finite() || name.is_empty() {
        return None;
    }
    let geodetic = frame.geodetic_from_enu(at.extend(frame.surface_z(at)));
    let asset = Asset {
        id: tags.id.clone(),
        name,
        names: tags.names.clone(),
        category: category.into(),
        lon: rounded(geodetic.lon()),
        lat: rounded(geodetic.lat()),
        address: tags.address.clone(),
    };
    let mut line = serde_json::to_string(&asset).ok()?;
    line.push('\n');
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centres_and_middles_lie_where_expected() {
        let corners = [(10.0, 10.0), (14.0, 10.0), (14.0, 12.0), (10.0, 12.0)];
        let square = Polygon { outer: corners.map(DVec2::from).to_vec(), holes: Vec::new() };
        assert_eq!(center_and_area(&square), Some((DVec2::new(12.0, 11.0), 8.0)));
        assert_eq!(center_and_area(&Polygon { outer: vec![DVec2::ONE; 3], holes: Vec::new() }), None);
        assert_eq!(along(&[DVec2::ZERO, DVec2::new(2.0, 0.0), DVec2::new(2.0, 4.0)]), DVec2::new(2.0, 1.0));
        assert_eq!(along(&[DVec2::ONE, DVec2::ONE]), DVec2::ONE);
        assert_eq!(along(&[]), DVec2::ZERO);
    }
}
