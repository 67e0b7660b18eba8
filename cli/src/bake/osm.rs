//! OpenStreetMap bytes → [`City`].
//!
//! `source` tells the two formats apart, `pbf` and `xml` read them into `raw` elements; `ground` says which piece of the
//! Earth is baked; `areal` makes polygons of ways and relations; `building`, `areas` (with `coast`), `ways`, `points`
//! and `places` make the things of the city, each with its tags (`tags`, `values`, `color`). `shape` is plane geometry.
//!
//! The bytes are not trusted: whatever is in them gives a fault or a counted warning. Things whose only fault
//! is that they lie across the border of the extract are cut there (areas, ways), kept whole (buildings) or, where
//! their nodes are missing, left out and counted.

mod areal;
pub(super) mod areas;
pub(super) mod building;
mod by_id;
mod coast;
pub(super) mod color;
pub(super) mod ground;
mod pbf;
pub(super) mod places;
pub(super) mod points;
pub(super) mod raw;
pub(super) mod shape;
pub(super) mod source;
pub(super) mod tags;
#[cfg(test)]
mod tests;
pub(super) mod values;
pub(super) mod ways;
mod xml;

use super::Progress;
use super::model::{City, Warnings};
use super::stock::Stock;
use super::store::{Room, Store};
use ground::Ground;
use raw::Raw;
use std::collections::BTreeMap;

/// The things of the city, on a ground that holds them.
pub(super) fn city_on(
    ground: &Ground,
    raw: &Raw,
    mut warnings: Warnings,
    room: &Room,
    progress: &dyn Progress,
) -> Stock<'static> {
    let mut buildings = Store::new(room);
    building::read(raw, ground, room, &mut warnings, progress, &mut |building| buildings.push(building));
    let areas = areas::read(raw, ground, &mut warnings, progress);
    let ways = ways::read(raw, ground, &mut warnings, progress);
    let points = points::read(raw, ground, &mut warnings);
    let places = places::read(raw, ground);
    let city = City {
        origin: ground.origin(),
        extent: ground.extent,
        title: places::city_name(raw, ground),
        attribution: Vec::new(),
        words: BTreeMap::new(),
        buildings: Vec::new(),
        structures: Vec::new(),
        areas,
        ways,
        points,
        relief: None,
        places,
        venues: Vec::new(),
        pictures: Vec::new(),
        warnings,
    };
    Stock::with(city, buildings, room)
}
