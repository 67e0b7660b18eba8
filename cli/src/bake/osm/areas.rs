//! Land use, green, water and squares → flat areas, cut at the border of the extent.

use super::areal::{self, IfCut};
use super::coast;
use super::ground::Ground;
use super::raw::{Raw, RawTags};
use super::shape;
use super::tags;
use crate::bake::Progress;
use crate::bake::model::{Area, AreaClass, Warnings};

/// Reads all areas, by key; the sea comes first.
pub(super) fn read(
    raw: &Raw,
    ground: &Ground,
    warnings: &mut Warnings,
    progress: &dyn Progress,
    take: &mut dyn FnMut(Area),
) {
    progress.stage("areas", None);
    coast::sea(raw, ground, warnings).into_iter().for_each(&mut *take);
    areal::each(raw, warnings, |tags| class(tags).is_some(), &mut |areal, warnings| {
        progress.advance(1);
        let Some(class) = class(&areal.tags) else { return };
        if is_hidden(&areal.tags) {
            return warnings.add("underground_left_out", areal.key.to_string());
        }
        let whole = areal.polygons(raw, ground, IfCut::Close, warnings);
        let polygons = ground.clip_rings(&shape::all_rings(&whole));
        if !polygons.is_empty() {
            take(Area { tags: tags::properties(areal.key, &areal.tags), class, polygons });
        }
    });
}

/// What covers an area, if it is one that is drawn.
pub(in crate::bake) fn class(tags: &RawTags) -> Option<AreaClass> {
    use AreaClass as C;
    if tags.says_yes("building") || tags.says_yes("building:part") {
        return None;
    }
    let by_key = |key: &str| {
        Some(match (key, tags.get(key)?) {
            ("natural", "water")
            | ("waterway", "riverbank" | "dock" | "boatyard")
            | ("landuse", "reservoir" | "basin" | "pond" | "salt_pond")
            | ("leisure", "swimming_pool" | "swimming_area")
            | ("amenity", "fountain" | "swimming_pool") => C::Water,
            ("man_made", "pier" | "breakwater" | "groyne" | "quay" | "bridge") => C::Pier,
            ("amenity", "parking" | "motorcycle_parking" | "bicycle_parking" | "parking_space") => C::Parking,
            ("leisure", "pitch" | "track" | "playground" | "ice_rink" | "outdoor_seating" | "fitness_station") => {
                C::Pitch
            }
            ("place", "square")
            | ("highway", "pedestrian" | "footway" | "platform" | "rest_area" | "living_street")
            | ("railway" | "public_transport", "platform")
            | ("amenity", "marketplace" | "bus_station")
            | ("area:highway", "pedestrian" | "footway" | "traffic_island") => C::Plaza,
            (
                "leisure",
                "park" | "garden" | "dog_park" | "golf_course" | "common" | "miniature_golf" | "picnic_site",
            )
            | ("landuse", "allotments" | "orchard" | "vineyard" | "plant_nursery" | "recreation_ground")
            | ("tourism", "picnic_site" | "zoo" | "theme_park" | "camp_site") => C::Park,
            ("natural", "wood" | "tree_group") | ("landuse", "forest") => C::Wood,
            (
                "landuse",
                "grass" | "meadow" | "village_green" | "greenfield" | "farmland" | "cemetery" | "flowerbed",
            )
            | ("natural", "grassland" | "heath" | "scrub" | "shrubbery" | "wetland" | "fell" | "tundra")
            | ("amenity", "grave_yard") => C::Grass,
            ("natural", "sand" | "beach" | "shingle" | "bare_rock" | "scree" | "dune") => C::Sand,
            ("landuse", "residential" | "farmyard" | "education" | "institutional" | "religious") => C::Residential,
            ("landuse", "commercial" | "retail") => C::Commercial,
            (
                "landuse",
                "industrial" | "railway" | "port" | "harbour" | "construction" | "brownfield" | "quarry" | "garages"
                | "depot" | "landfill" | "military",
            ) => C::Industrial,
            _ => return None,
        })
    };
    let class = [
        "natural",
        "waterway",
        "leisure",
        "man_made",
        "amenity",
        "place",
        "highway",
        "railway",
        "public_transport",
        "area:highway",
        "tourism",
        "landuse",
    ]
    .into_iter()
    .find_map(by_key)?;
    // A closed footway is a walk around something; only an area where it says so. A multipolygon always is one.
    let is_line = tags.get("highway").is_some_and(|h| h != "platform" && h != "rest_area")
        && !tags.says_yes("area")
        && !tags.is("type", "multipolygon")
        && !tags.is("place", "square");
    (!is_line).then_some(class)
}

/// What cannot be seen from above: culverts, underground car parks.
pub(in crate::bake) fn is_hidden(tags: &RawTags) -> bool {
    let below = |key| tags.get(key).and_then(super::values::number).is_some_and(|v| v < 0.0);
    tags.is("location", "underground")
        || tags.first(&["tunnel"]).is_some_and(|t| t != "no")
        || tags.first(&["parking"]).is_some_and(|p| matches!(p, "underground" | "multi-storey" | "rooftop"))
        || (tags.get("amenity").is_some() && below("layer"))
        || below("level")
}
