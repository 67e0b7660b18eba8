//! Things by two numbers.

use std::collections::BTreeMap;

/// A map to values of any type. The tree is of one type for all of them, which keeps its code once in the download.
pub(crate) struct Memo<T> {
    places: BTreeMap<[u64; 2], usize>,
    values: Vec<T>,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), values: Vec::new() }
    }
}

impl<T> Memo<T> {
    pub(crate) fn get(&self, key: [u64; 2]) -> Option<&T> {
        self.values.get(*self.places.get(&key)?)
    }

    /// Adds a value under a key that has none yet.
    pub(crate) fn insert(&mut self, key: [u64; 2], value: T) {
        self.places.insert(key, self.values.len());
        self.values.push(value);
    }

    /// The value under a key, which `make` makes if there is none yet.
    pub(crate) fn or_insert_with(&mut self, key: [u64; 2], make: impl FnOnce() -> T) -> &mut T {
        let next = self.values.len();
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.values.push(make());
        }
        &mut self.values[place]
    }

    /// The values, in the order in which they came.
    pub(crate) fn into_values(self) -> Vec<T> {
        self.values
    }
}
