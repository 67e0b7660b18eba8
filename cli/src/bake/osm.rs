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
use super::store::Room;
use ground::Ground;
use raw::Raw;

/// The things of the city, on a ground that holds them.
pub(super) fn city_on(
    ground: &Ground,
    raw: &Raw,
    mut warnings: Warnings,
    room: &Room,
    progress: &dyn Progress,
) -> Stock<'static> {
    let mut stock = Stock::new(City::on(ground.origin(), ground.extent), room);
    building::read(raw, ground, room, &mut warnings, progress, &mut |building| stock.buildings.push(building));
    areas::read(raw, ground, &mut warnings, progress, &mut |area| stock.areas.push(area));
    ways::read(raw, ground, &mut warnings, progress, &mut |way| stock.ways.push(way));
    points::read(raw, ground, &mut warnings, &mut stock.points);
    places::read(raw, ground, &mut |place| stock.places.push(place));
    let city = stock.city_mut();
    (city.title, city.warnings) = (places::city_name(raw, ground), warnings);
    stock
}
