//! Sorting and finding by numbers, each compiled once: every further instance of the standard library's sorts and maps is
//! some kilobytes of what a browser downloads.

/// A number that is less the greater a score is.
pub(crate) fn best_first(score: f64) -> u64 {
    let bits = score.to_bits();
    if bits >> 63 == 1 { bits } else { !(bits | 1 << 63) }
}

/// Sorts by a key and then by a number.
#[inline(never)]
pub(crate) fn sort_pairs(pairs: &mut [(u64, u32)]) {
    pairs.sort_unstable();
}

/// Sorts by a key; what has the same key stays in its order.
pub(crate) fn sort_by_key<T>(values: &mut Vec<T>, key: impl FnMut(&T) -> u64) {
    let mut keyed: Vec<(u64, u32)> = values.iter().map(key).zip(0..).collect();
    sort_pairs(&mut keyed);
    let mut unsorted: Vec<Option<T>> = std::mem::take(values).into_iter().map(Some).collect();
    values.extend(keyed.iter().filter_map(|(_, at)| unsorted[*at as usize].take()));
}

/// Puts a value into ascending values, unless it is there.
pub(crate) fn insert_sorted<T: Ord>(values: &mut Vec<T>, value: T) {
    if let Err(at) = values.binary_search(&value) {
        values.insert(at, value);
    }
}

/// A number that is the same for the same bytes (FNV-1a).
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}

/// Numbers the different keys that it is shown, from nought (open addressing with linear probing).
#[derive(Default)]
pub(crate) struct Numbering {
    keys: Vec<u64>,
    /// Numbers plus one, nought for none; twice as many as there are keys, and more.
    table: Vec<u32>,
}

impl Numbering {
    /// The number of a key, and whether it is new.
    pub(crate) fn number(&mut self, key: u64) -> (usize, bool) {
        if self.table.len() <= self.keys.len() * 2 {
            self.table = vec![0; (self.table.len() * 2).max(32)];
            for number in 0..self.keys.len() {
                let slot = self.slot(self.keys[number]);
                self.table[slot] = number as u32 + 1;
            }
        }
        let slot = self.slot(key);
        let is_new = self.table[slot] == 0;
        if is_new {
            self.keys.push(key);
            self.table[slot] = self.keys.len() as u32;
        }
        (self.table[slot] as usize - 1, is_new)
    }

    /// The number of a key that has been shown.
    pub(crate) fn get(&self, key: u64) -> Option<usize> {
        if self.table.is_empty() {
            return None;
        }
        (self.table[self.slot(key)] as usize).checked_sub(1)
    }

    /// Where a key stands in the table, or would.
    fn slot(&self, key: u64) -> usize {
        let mask = self.table.len() - 1;
        // Fibonacci hashing: the upper bits of the product depend on all bits of the key.
        let mut slot = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & mask;
        loop {
            let number = self.table[slot] as usize;
            if number == 0 || self.keys[number - 1] == key {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// Values by numbers, in the order in which they came.
pub(crate) struct Keyed<V> {
    numbering: Numbering,
    values: Vec<V>,
}

impl<V> Default for Keyed<V> {
    fn default() -> Self {
        Self { numbering: Numbering::default(), values: Vec::new() }
    }
}

impl<V> Keyed<V> {
    pub(crate) fn values(&self) -> &[V] {
        &self.values
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value of a key, and whether it is the one that was given, as the first of its key.
    pub(crate) fn entry(&mut self, key: u64, value: V) -> (&mut V, bool) {
        let (number, is_new) = self.numbering.number(key);
        if is_new {
            self.values.push(value);
        }
        (&mut self.values[number], is_new)
    }

    pub(crate) fn get(&self, key: u64) -> Option<&V> {
        self.numbering.get(key).map(|number| &self.values[number])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn scores_sort_best_first() {
        let mut scores = vec![3.5, f64::INFINITY, -1.0, 0.0, 100.25, -0.5, f64::NEG_INFINITY, 3.0];
        sort_by_key(&mut scores, |score| best_first(*score));
        assert_eq!(scores, [f64::INFINITY, 100.25, 3.5, 3.0, 0.0, -0.5, -1.0, f64::NEG_INFINITY]);
        let mut words = vec!["cc", "a", "bb", "b", "", "aa"];
        sort_by_key(&mut words, |word| word.len() as u64);
        assert_eq!(words, ["", "a", "b", "cc", "bb", "aa"]);
        insert_sorted(&mut words, "zz");
        assert_eq!(words.last(), Some(&"zz"));
    }

    #[test]
    fn values_are_kept_by_their_keys() {
        let mut keyed = Keyed::default();
        let mut map = BTreeMap::new();
        assert_eq!(keyed.get(0), None);
        for i in 0..5000_u64 {
            let key = (i * 7919 % 1500) << (i % 3 * 20);
            let (value, is_new) = keyed.entry(key, 0);
            *value += i;
            assert_eq!(is_new, !map.contains_key(&key));
            *map.entry(key).or_insert(0) += i;
        }
        assert_eq!((keyed.len(), keyed.is_empty()), (map.len(), false));
        assert!(map.iter().all(|(key, value)| keyed.get(*key) == Some(value)));
        assert_eq!(keyed.get(u64::MAX), None);
    }
}
