//! What lies flat, on its way into tiles: more of it than the memory holds.

use super::clip;
use super::mesh::Mesh;
use super::store::{Room, Store};
use glam::DVec2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// So many triangles are worked on in memory, about 30 MB; so few in tests that they come by what is beyond.
pub(super) const HELD_TRIANGLES: u64 = if cfg!(test) { 1_000 } else { 500_000 };

/// A flat mesh of one colour of one layer of a theme, or a piece of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Flat {
    /// Index into the theme's layers.
    pub(super) layer: u8,
    /// Drawing order within the layer.
    pub(super) order: u32,
    pub(super) mesh: Mesh,
}

/// Flat meshes: those of one layer and order are drawn as they came.
pub(super) struct Flats {
    room: Room,
    flats: Store<'static, Flat>,
    triangles: u64,
}

impl Flats {
    pub(super) fn new(room: &Room) -> Self {
        Self { room: room.clone(), flats: Store::new(room), triangles: 0 }
    }

    pub(super) fn push(&mut self, flat: Flat) {
        if !flat.mesh.is_empty() {
            self.triangles += flat.mesh.triangle_count() as u64;
            self.flats.push(flat);
        }
    }

    pub(super) fn triangles(&self) -> u64 {
        self.triangles
    }

    pub(super) fn is_empty(&self) -> bool {
        self.triangles == 0
    }

    /// Cuts them into the four quarters around `middle`: south-west, south-east, north-west, north-east. Few enough of
    /// them stay in memory from then on.
    pub(super) fn quarters(self, middle: DVec2) -> [Self; 4] {
        let is_held = self.triangles <= HELD_TRIANGLES;
        let room = if is_held { Room::endless() } else { self.room };
        let mut quarters = [(); 4].map(|()| Self::new(&room));
        let mut cut = |flat: Flat| {
            let Flat { layer, order, mesh } = flat;
            for (quarter, mesh) in quarters.iter_mut().zip(quarter(mesh, middle)) {
                quarter.push(Flat { layer, order, mesh });
            }
        };
        match is_held {
            true => joined(self.flats.into_things()).into_iter().for_each(&mut cut),
            false => self.flats.into_things().for_each(&mut cut),
        }
        quarters
    }
}

/// Those of one layer and order as one, by layer and order.
fn joined(flats: impl Iterator<Item = Flat>) -> Vec<Flat> {
    let mut all: BTreeMap<(u8, u32), Mesh> = BTreeMap::new();
    for flat in flats {
        all.entry((flat.layer, flat.order)).or_default().append(&flat.mesh);
    }
    all.into_iter().map(|((layer, order), mesh)| Flat { layer, order, mesh }).collect()
}

/// Cuts a mesh into the four quarters around `middle`: south-west, south-east, north-west, north-east.
pub(super) fn quarter(mesh: Mesh, middle: DVec2) -> [Mesh; 4] {
    let [west, east] = clip::split(&mesh, clip::Axis::X, middle.x);
    drop(mesh);
    let [south_west, north_west] = clip::split(&west, clip::Axis::Y, middle.y);
    drop(west);
    let [south_east, north_east] = clip::split(&east, clip::Axis::Y, middle.y);
    [south_west, south_east, north_west, north_east]
}

/// The flat meshes of all tiles of a theme.
pub(super) struct Shelves(Mutex<Store<'static, Flat>>);

impl Shelves {
    pub(super) fn new(room: &Room) -> Self {
        Self(Mutex::new(Store::new(room)))
    }

    /// Puts meshes away; the places where they are.
    pub(super) fn put(&self, flats: impl Iterator<Item = Flat>) -> Vec<usize> {
        let mut store = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let put = |flat: Flat| {
            let place = store.len();
            store.push(flat);
            place
        };
        flats.map(put).collect()
    }

    /// Puts the meshes of a tile away.
    pub(super) fn put_all(&self, flats: Flats) -> Vec<usize> {
        self.put(joined(flats.flats.into_things()).into_iter())
    }

    /// All that was put away.
    pub(super) fn filled(self) -> Store<'static, Flat> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One mesh for each layer, of the meshes at places in a store.
pub(super) fn layers(store: &Store<Flat>, places: &[usize], count: usize) -> Vec<Mesh> {
    let mut layers = vec![Mesh::default(); count];
    let flats = places.iter().filter_map(|&place| store.get(place)).map(std::borrow::Cow::into_owned);
    for flat in joined(flats) {
        if let Some(layer) = layers.get_mut(usize::from(flat.layer)) {
            layer.append(&flat.mesh);
        }
    }
    layers
}
