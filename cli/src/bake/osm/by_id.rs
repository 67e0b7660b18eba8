//! Elements by id, more of them than the memory holds.
//!
//! They are kept in blocks by ascending id, in [`Blocks`]; of each block its first id is known. An element is found by
//! reading one block. Files have their elements in order, or nearly so: what comes out of order begins a further run of
//! blocks, and runs are merged before anything is looked for.

use crate::bake::store::{Blocks, Room};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// Weight of a block.
const BLOCK: usize = 512;
/// Weight that is sorted at once.
const BATCH: usize = 64 * BLOCK;
/// So many runs become one: each has a file.
const MOST_RUNS: usize = 32;

type Block<T> = Vec<(i64, T)>;

/// What elements are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind<T> {
    /// Whether the second of two elements of one id, which came later, is the one to keep.
    pub(super) replaces: fn(&T, &T) -> bool,
    /// How much of the memory an element takes: 1 for a small one.
    pub(super) weight: fn(&T) -> usize,
}

/// Elements that come in any order.
#[derive(Debug)]
pub(super) struct Unsorted<T: 'static> {
    room: Room,
    kind: Kind<T>,
    /// Those that came last, and their weight.
    batch: Block<T>,
    weight: usize,
    /// Of each run, everything came before everything of the next.
    runs: Vec<ById<T>>,
}

impl<T: Clone + Serialize + DeserializeOwned> Unsorted<T> {
    pub(super) fn new(room: &Room, kind: Kind<T>) -> Self {
        Self { room: room.clone(), kind, batch: Vec::new(), weight: 0, runs: Vec::new() }
    }

    pub(super) fn push(&mut self, id: i64, element: T) {
        self.weight += (self.kind.weight)(&element);
        self.batch.push((id, element));
        if self.weight >= BATCH {
            self.add_batch();
        }
    }

    fn add_batch(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        self.weight = 0;
        // Stable: what came first stays first.
        batch.sort_by_key(|(id, _)| *id);
        let Some(&(first, _)) = batch.first() else { return };
        if self.runs.last().is_none_or(|run| run.last.is_some_and(|last| first <= last)) {
            if self.runs.len() == MOST_RUNS {
                self.join_runs();
            }
            self.runs.push(ById::new(&self.room));
        }
        if let Some(run) = self.runs.last_mut() {
            run.extend(batch.into_iter(), &self.kind);
        }
    }

    /// All of them by id, each once.
    pub(super) fn sorted(mut self) -> ById<T> {
        self.add_batch();
        if self.runs.len() > 1 {
            self.join_runs();
        }
        self.runs.pop().unwrap_or_else(|| ById::new(&self.room))
    }

    fn join_runs(&mut self) {
        let runs = std::mem::take(&mut self.runs);
        let mut runs: Vec<_> = runs.into_iter().map(|run| run.into_elements().peekable()).collect();
        let next = std::iter::from_fn(|| {
            // Of equal ids the one of the earliest run: what came first.
            let ids = runs.iter_mut().enumerate().filter_map(|(number, run)| Some((run.peek()?.0, number)));
            let (_, number) = ids.min()?;
            runs[number].next()
        });
        let mut all = ById::new(&self.room);
        all.extend(next, &self.kind);
        self.runs.push(all);
    }
}

/// Elements by ascending id.
pub(super) struct ById<T: 'static> {
    blocks: Blocks<Block<T>>,
    /// The first id of each block.
    firsts: Vec<i64>,
    last: Option<i64>,
    count: usize,
}

impl<T> std::fmt::Debug for ById<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} elements", self.count)
    }
}

impl<T: Clone + Serialize + DeserializeOwned> ById<T> {
    fn new(room: &Room) -> Self {
        Self { blocks: Blocks::new(room), firsts: Vec::new(), last: None, count: 0 }
    }

    /// Adds elements behind all others, by ascending id; of those with the same id, one.
    fn extend(&mut self, elements: impl Iterator<Item = (i64, T)>, kind: &Kind<T>) {
        let (mut block, mut weight): (Block<T>, _) = (Vec::new(), 0);
        for (id, element) in elements {
            if let Some((_, old)) = block.last_mut().filter(|(last, _)| *last == id) {
                if (kind.replaces)(old, &element) {
                    *old = element;
                }
                continue;
            }
            if weight >= BLOCK {
                weight = 0;
                self.push(std::mem::take(&mut block));
            }
            weight += (kind.weight)(&element);
            block.push((id, element));
        }
        self.push(block);
    }

    fn push(&mut self, block: Block<T>) {
        let [(first, _), ..] = &block[..] else { return };
        self.firsts.push(*first);
        self.last = block.last().map(|(id, _)| *id);
        self.count += block.len();
        self.blocks.push(block);
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn contains(&self, id: i64) -> bool {
        self.look(id, |_| ()).is_some()
    }

    /// What somebody says of an element.
    pub(super) fn look<R>(&self, id: i64, at: impl FnOnce(&T) -> R) -> Option<R> {
        let number = self.firsts.partition_point(|first| *first <= id).checked_sub(1)?;
        let find = |block: &Block<T>| {
            let place = block.binary_search_by_key(&id, |(other, _)| *other).ok()?;
            Some(at(&block[place].1))
        };
        self.blocks.look(number, find)?
    }

    /// All by ascending id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, Cow<'_, T>)> {
        self.blocks.iter().flat_map(|block| -> Box<dyn Iterator<Item = _>> {
            match block {
                Cow::Borrowed(block) => Box::new(block.iter().map(|(id, element)| (*id, Cow::Borrowed(element)))),
                Cow::Owned(block) => Box::new(block.into_iter().map(|(id, element)| (id, Cow::Owned(element)))),
            }
        })
    }

    fn into_elements(self) -> impl Iterator<Item = (i64, T)> {
        self.blocks.into_things().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elements as they come, of which the larger stays, and the later of equals.
    fn sorted(name: &str, limit_bytes: u64, elements: &[(i64, u32)]) -> Vec<(i64, u32)> {
        let folder = std::env::temp_dir().join(format!("citytwin-by-id-{name}-{}", std::process::id()));
        let room = Room::new(limit_bytes, folder.clone());
        // Some weigh as much as a block.
        let weight = |element: &u32| if element % 1000 == 7 { 600 } else { 1 };
        let mut unsorted = Unsorted::new(&room, Kind { replaces: |old, new| old / 10 <= new / 10, weight });
        elements.iter().for_each(|&(id, element)| unsorted.push(id, element));
        let by_id = unsorted.sorted();
        let all: Vec<(i64, u32)> = by_id.iter().map(|(id, element)| (id, *element)).collect();
        assert_eq!(by_id.len(), all.len());
        for &(id, element) in &all {
            assert_eq!(by_id.look(id, |found| *found), Some(element), "{id}");
        }
        let known = |id| all.binary_search_by_key(&id, |(other, _)| *other).is_ok();
        for id in all.iter().flat_map(|(id, _)| [id - 1, id + 1]).chain([i64::MIN, i64::MAX]) {
            assert_eq!(by_id.contains(id), known(id), "{id}");
        }
        room.check().expect("all was written and read");
        let _ = std::fs::remove_dir_all(folder);
        all
    }

    #[test]
    fn elements_in_any_order_are_found_by_id_with_room_and_without() {
        let shuffled = |count: u64| (0..count).map(move |i| ((i * 7_919 % count) as i64 * 3 - 1_000, i as u32));
        let cases: [(&str, Vec<(i64, u32)>); 5] = [
            ("none", Vec::new()),
            ("ordered", (0..100_000).map(|i| (i64::from(i), i)).collect()),
            ("shuffled", shuffled(100_003).collect()),
            // More runs than there may be.
            ("backwards", (0..1_300_000).rev().map(|i| (i64::from(i), i)).collect()),
            // A second file with other copies of half of them.
            ("twice", shuffled(70_001).chain(shuffled(70_001).step_by(2).map(|(id, e)| (id, e ^ 15))).collect()),
        ];
        for (name, elements) in cases {
            let mut expected = std::collections::BTreeMap::new();
            for &(id, element) in &elements {
                let kept = expected.entry(id).or_insert(element);
                if *kept / 10 <= element / 10 {
                    *kept = element;
                }
            }
            let expected: Vec<(i64, u32)> = expected.into_iter().collect();
            for limit_bytes in [0, 300_000, u64::MAX] {
                assert!(sorted(name, limit_bytes, &elements) == expected, "{name}, {limit_bytes}");
            }
        }
    }
}
