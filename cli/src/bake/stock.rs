//! A city on its way through a bake.

use super::model::{Building, City, Tags};
use super::store::{Room, Store};
use std::borrow::Cow;
use std::ops::Deref;

/// A city whose buildings are in stores: they take most of the memory. Everything else is that of the [`City`].
pub(super) struct Stock<'a> {
    city: Cow<'a, City>,
    pub(super) buildings: Store<'a, Building>,
    pub(super) structures: Store<'a, Building>,
    room: Room,
}

impl Stock<'static> {
    /// A city that grows, whose buildings are already in their store.
    pub(super) fn with(city: City, buildings: Store<'static, Building>, room: &Room) -> Self {
        Self { city: Cow::Owned(city), buildings, structures: Store::new(room), room: room.clone() }
    }

    /// Puts buildings that were added to the city in their stores.
    pub(super) fn settle(&mut self) {
        let city = self.city.to_mut();
        self.buildings.extend(city.buildings.drain(..));
        self.structures.extend(city.structures.drain(..));
    }

    /// Everything in memory.
    pub(super) fn into_city(self) -> City {
        let mut city = self.city.into_owned();
        city.buildings = self.buildings.into_things().collect();
        city.structures = self.structures.into_things().collect();
        city
    }
}

impl<'a> Stock<'a> {
    /// A city that somebody else holds.
    pub(super) fn of(city: &'a City) -> Self {
        Self {
            buildings: Store::lent(&city.buildings),
            structures: Store::lent(&city.structures),
            city: Cow::Borrowed(city),
            room: Room::endless(),
        }
    }

    /// All but its buildings. Those that are added to it are to be settled.
    pub(super) fn city_mut(&mut self) -> &mut City {
        self.city.to_mut()
    }

    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.buildings.is_empty() && self.structures.is_empty() && self.city.is_empty()
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
