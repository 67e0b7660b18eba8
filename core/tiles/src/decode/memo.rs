//! Things that were made once, by two numbers.

use std::collections::BTreeMap;

/// A map to values of any type. The tree is of one type for all of them, which keeps its code once in the download.
pub(crate) struct Memo<T> {
    places: BTreeMap<(usize, usize), usize>,
    values: Vec<T>,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), values: Vec::new() }
    }
}

impl<T> Memo<T> {
    pub(crate) fn get(&self, key: (usize, usize)) -> Option<&T> {
        self.values.get(*self.places.get(&key)?)
    }

    /// Adds a value under a key that has none yet.
    pub(crate) fn insert(&mut self, key: (usize, usize), value: T) {
        self.places.insert(key, self.values.len());
        self.values.push(value);
    }
}
