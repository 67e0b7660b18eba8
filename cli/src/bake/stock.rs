//! A city on its way through a bake.

use super::model::{Area, Building, City, Place, PointThing, Tags, Way};
use super::store::{Room, Store};
use std::borrow::Cow;
use std::ops::Deref;

/// A city whose things are in stores: they take most of the memory. Everything else is that of the [`City`].
pub(super) struct Stock<'a> {
    city: Cow<'a, City>,
    pub(super) buildings: Store<'a, Building>,
    pub(super) structures: Store<'a, Building>,
    pub(super) areas: Store<'a, Area>,
    pub(super) ways: Store<'a, Way>,
    pub(super) points: Store<'a, PointThing>,
    pub(super) places: Store<'a, Place>,
    room: Room,
}

impl Stock<'static> {
    /// A city that grows.
    pub(super) fn new(city: City, room: &Room) -> Self {
        let mut stock = Self {
            city: Cow::Owned(city),
            buildings: Store::new(room),
            structures: Store::new(room),
            areas: Store::new(room),
            ways: Store::new(room),
            points: Store::new(room),
            places: Store::new(room),
            room: room.clone(),
        };
        stock.settle();
        stock
    }

    /// Puts things that were added to the city in their stores.
    pub(super) fn settle(&mut self) {
        let city = self.city.to_mut();
        self.buildings.extend(city.buildings.drain(..));
        self.structures.extend(city.structures.drain(..));
        self.areas.extend(city.areas.drain(..));
        self.ways.extend(city.ways.drain(..));
        self.points.extend(city.points.drain(..));
        self.places.extend(city.places.drain(..));
    }

    /// Everything in memory.
    pub(super) fn into_city(self) -> City {
        let mut city = self.city.into_owned();
        city.buildings = self.buildings.into_things().collect();
        city.structures = self.structures.into_things().collect();
        city.areas = self.areas.into_things().collect();
        city.ways = self.ways.into_things().collect();
        city.points = self.points.into_things().collect();
        city.places = self.places.into_things().collect();
        city
    }
}

impl<'a> Stock<'a> {
    /// A city that somebody else holds.
    pub(super) fn of(city: &'a City) -> Self {
        Self {
            buildings: Store::lent(&city.buildings),
            structures: Store::lent(&city.structures),
            areas: Store::lent(&city.areas),
            ways: Store::lent(&city.ways),
            points: Store::lent(&city.points),
            places: Store::lent(&city.places),
            city: Cow::Borrowed(city),
            room: Room::endless(),
        }
    }

    /// All but its things. Those that are added to it are to be settled.
    pub(super) fn city_mut(&mut self) -> &mut City {
        self.city.to_mut()
    }

    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.buildings.is_empty()
            && self.structures.is_empty()
            && self.areas.is_empty()
            && self.ways.is_empty()
            && self.points.is_empty()
    }

    /// Calls with the tags of everything that is drawn.
    pub(super) fn each_tags(&self, take: &mut dyn FnMut(&Tags)) {
        self.buildings.iter().chain(self.structures.iter()).for_each(|thing| take(&thing.tags));
        self.areas.iter().for_each(|area| take(&area.tags));
        self.ways.iter().for_each(|way| take(&way.tags));
        self.points.iter().for_each(|point| take(&point.tags));
    }
}

impl Deref for Stock<'_> {
    type Target = City;

    fn deref(&self) -> &City {
        &self.city
    }
}
