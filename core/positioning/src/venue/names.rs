//! Things by their names, as a list that is sorted when somebody first asks: a B-tree costs a browser four kilobytes more.

use crate::order::sort_by;

/// Things by their names.
#[derive(Debug)]
pub(super) struct Names<T> {
    list: Vec<(String, T)>,
    /// So many of the list are in order, with each name once.
    sorted: usize,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { list: Vec::new(), sorted: 0 }
    }
}

impl<T: Copy> Names<T> {
    /// Names a thing; of several with one name the last counts.
    pub(super) fn insert(&mut self, name: String, thing: T) {
        self.list.push((name, thing));
    }

    /// The thing of a name.
    pub(super) fn get(&mut self, name: &str) -> Option<T> {
        self.tidy();
        let at = self.list.binary_search_by(|item| item.0.as_str().cmp(name)).ok()?;
        Some(self.list[at].1)
    }

    /// All things, by their names.
    pub(super) fn things(&mut self) -> impl Iterator<Item = T> + '_ {
        self.tidy();
        self.list.iter().map(|item| item.1)
    }

    fn tidy(&mut self) {
        if self.sorted < self.list.len() {
            // What was named last comes first, and stays.
            self.list.reverse();
            sort_by(&mut self.list, |a, b| a.0.cmp(&b.0));
            self.list.dedup_by(|b, a| a.0 == b.0);
            self.sorted = self.list.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thing_of_a_name_counts() {
        let mut names = Names::default();
        for (i, name) in ["b", "a", "b", "c"].into_iter().enumerate() {
            names.insert(name.to_owned(), i);
        }
        assert_eq!(["a", "b", "c", "d"].map(|name| names.get(name)), [Some(1), Some(2), Some(3), None]);
        names.insert("a".to_owned(), 9);
        assert_eq!((names.get("a"), names.get("b")), (Some(9), Some(2)));
    }
}
