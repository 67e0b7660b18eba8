//! Things of a city, more of them than the memory holds.
//!
//! A [`Store`] holds its things in memory until all stores of a [`Room`] together are full; from then on they go to a file
//! in the room's folder, from which each is read when it is looked at. The order stays, and so does every bit of them: what
//! a bake makes does not depend on how much room it has.

use super::BakeError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Written at once.
const BLOCK_BYTES: usize = 1 << 20;
/// A thing in memory is about so many times as large as in a file: pointers, lengths and what an allocator adds.
const LOOSENESS: u64 = 3;

/// How much of what was read may be held at once. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Walls>);

#[derive(Debug)]
struct Walls {
    limit_bytes: u64,
    folder: PathBuf,
    held_bytes: AtomicU64,
    files: AtomicU64,
    names: AtomicU64,
    /// The first file that could not be written or read.
    fault: Mutex<Option<(&'static str, PathBuf, io::Error)>>,
}

impl Room {
    /// Room without end, and without files.
    pub(super) fn endless() -> Self {
        Self::new(u64::MAX, PathBuf::new())
    }

    /// About so many bytes; the rest goes to files in a folder, which is made when it is needed.
    pub(super) fn new(limit_bytes: u64, folder: PathBuf) -> Self {
        let [held_bytes, files, names] = [0; 3].map(AtomicU64::new);
        Self(Arc::new(Walls { limit_bytes, folder, held_bytes, files, names, fault: Mutex::default() }))
    }

    /// Files that stores needed.
    pub(super) fn files(&self) -> u64 {
        self.0.files.load(Ordering::Relaxed)
    }

    /// What had to be written and read since the last time.
    ///
    /// # Errors
    /// [`BakeError::Io`] where it could not be; what was in the stores is then not whole.
    pub(super) fn check(&self) -> Result<(), BakeError> {
        match self.0.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some((action, path, source)) => Err(BakeError::Io { action, path, source }),
            None => Ok(()),
        }
    }

    fn fail(&self, action: &'static str, path: PathBuf, error: io::Error) {
        self.0.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((action, path, error));
    }

    /// A new file in its folder.
    ///
    /// # Errors
    /// Where it cannot be made, with its path.
    pub(super) fn scratch(&self) -> Result<Scratch, (PathBuf, io::Error)> {
        let path = self.0.folder.join(format!("{}.store", self.0.names.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&self.0.folder)
            .and_then(|()| File::options().read(true).write(true).create_new(true).open(&path))
            .map(|file| Scratch { path: path.clone(), file })
            .map_err(|error| (path, error))
    }

    pub(super) fn is_endless(&self) -> bool {
        self.0.limit_bytes == u64::MAX
    }

    /// Takes room, if there is any.
    fn take(&self, bytes: u64) -> bool {
        let held = self.0.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = held.saturating_add(bytes) <= self.0.limit_bytes;
        if !fits {
            self.give(bytes);
        }
        fits
    }

    fn give(&self, bytes: u64) {
        self.0.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Things in order.
pub(super) struct Store<'a, T> {
    room: Room,
    /// Somebody else's; then there are no others.
    lent: &'a [T],
    /// The first ones.
    filed: Option<Filed>,
    /// Those after them; nothing where one was taken.
    held: Vec<Option<T>>,
    /// What those take, and what each takes on average.
    bytes: u64,
    each_bytes: u64,
    buffer: Vec<u8>,
}

impl<'a, T> Store<'a, T> {
    /// An empty one.
    pub(super) fn new(room: &Room) -> Self {
        Self {
            room: room.clone(),
            lent: &[],
            filed: None,
            held: Vec::new(),
            bytes: 0,
            each_bytes: 0,
            buffer: Vec::new(),
        }
    }

    /// One of things that are held by somebody else.
    pub(super) fn lent(things: &'a [T]) -> Self {
        let mut store = Self::new(&Room::endless());
        store.lent = things;
        store
    }

    pub(super) fn len(&self) -> usize {
        self.lent.len() + self.filed_count() + self.held.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn filed_count(&self) -> usize {
        self.filed.as_ref().map_or(0, |filed| filed.offsets.len())
    }
}

impl<T: Clone + Serialize + DeserializeOwned> Store<'_, T> {
    /// Adds a thing behind all others. What cannot be written is told by [`Room::check`].
    pub(super) fn push(&mut self, thing: T) {
        if self.room.is_endless() {
            self.held.push(Some(thing));
            return;
        }
        let buffer = std::mem::take(&mut self.buffer);
        let Some(buffer) = self.form(buffer, &thing) else { return };
        let bytes = size_of::<T>() as u64 + LOOSENESS * buffer.len() as u64;
        if self.room.take(bytes) {
            self.bytes += bytes;
            self.held.push(Some(thing));
            self.each_bytes = self.bytes / self.held.len() as u64;
            self.buffer = buffer;
        } else {
            self.file_held();
            self.buffer = self.file(buffer);
        }
    }

    /// As it is written.
    fn form(&self, mut buffer: Vec<u8>, thing: &T) -> Option<Vec<u8>> {
        buffer.clear();
        let formed = postcard::to_extend(thing, buffer);
        formed.map_err(|error| self.room.fail("write", self.room.0.folder.clone(), io::Error::other(error))).ok()
    }

    /// Moves all that is held to the file.
    fn file_held(&mut self) {
        let mut buffer = Vec::new();
        for thing in std::mem::take(&mut self.held).into_iter().flatten() {
            let Some(formed) = self.form(buffer, &thing) else { return };
            buffer = self.file(formed);
        }
        self.room.give(std::mem::take(&mut self.bytes));
    }

    fn file(&mut self, buffer: Vec<u8>) -> Vec<u8> {
        if self.filed.is_none() {
            self.room.0.files.fetch_add(1, Ordering::Relaxed);
            match self.room.scratch() {
                Ok(scratch) => {
                    self.filed =
                        Some(Filed { scratch, offsets: Vec::new(), end: 0, pending: Vec::new(), is_broken: false });
                }
                Err((path, error)) => self.room.fail("write", path, error),
            }
        }
        if let Some(filed) = &mut self.filed
            && let Err(error) = filed.add(&buffer)
        {
            self.room.fail("write", filed.scratch.path.clone(), error);
        }
        buffer
    }

    /// A thing by its place; nothing where there is none, or where it was taken.
    pub(super) fn get(&self, place: usize) -> Option<Cow<'_, T>> {
        if let Some(thing) = self.lent.get(place) {
            return Some(Cow::Borrowed(thing));
        }
        let Some(place) = place.checked_sub(self.filed_count()) else { return self.read(place).map(Cow::Owned) };
        self.held.get(place)?.as_ref().map(Cow::Borrowed)
    }

    fn read(&self, place: usize) -> Option<T> {
        let filed = self.filed.as_ref()?;
        let read = filed.get(place).and_then(|bytes| postcard::from_bytes(&bytes).map_err(io::Error::other));
        read.map_err(|error| self.room.fail("read", filed.scratch.path.clone(), error)).ok()
    }

    /// Takes a thing out of the store; all others keep their places. One that is in a file can be taken again.
    pub(super) fn take(&mut self, place: usize) -> Option<T> {
        if !self.lent.is_empty() {
            return self.lent.get(place).cloned();
        }
        let Some(held) = place.checked_sub(self.filed_count()) else { return self.read(place) };
        let thing = self.held.get_mut(held)?.take()?;
        let given = self.each_bytes.min(self.bytes);
        self.room.give(given);
        self.bytes -= given;
        Some(thing)
    }

    /// All things in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Cow<'_, T>> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    /// Changes things from a place on; each keeps its place.
    pub(super) fn change(&mut self, first: usize, mut change: impl FnMut(usize, &mut T)) {
        let count = self.filed_count();
        if first < count
            && let Some(before) = self.filed.take()
        {
            for place in 0..count {
                let bytes = before.get(place).and_then(|bytes| {
                    if place < first {
                        return Ok(bytes);
                    }
                    let mut thing = postcard::from_bytes(&bytes).map_err(io::Error::other)?;
                    change(place, &mut thing);
                    postcard::to_extend(&thing, Vec::new()).map_err(io::Error::other)
                });
                match bytes {
                    Ok(bytes) => drop(self.file(bytes)),
                    Err(error) => return self.room.fail("read", before.scratch.path.clone(), error),
                }
            }
        }
        for (place, thing) in (count..).zip(&mut self.held).skip(first.saturating_sub(count)) {
            if let Some(thing) = thing {
                change(place, thing);
            }
        }
    }

    /// Keeps those that are wanted, in order.
    pub(super) fn retain(&mut self, mut wanted: impl FnMut(&T) -> bool) {
        let mut kept = Self::new(&self.room);
        kept.extend((0..self.len()).filter_map(|place| self.take(place)).filter(|thing| wanted(thing)));
        *self = kept;
    }

    /// All things in order, each taken out of the store.
    pub(super) fn into_things(mut self) -> impl Iterator<Item = T> {
        (0..self.len()).filter_map(move |place| self.take(place))
    }
}

impl<T: Clone + Serialize + DeserializeOwned> Extend<T> for Store<'_, T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, things: I) {
        things.into_iter().for_each(|thing| self.push(thing));
    }
}

impl<T> Drop for Store<'_, T> {
    fn drop(&mut self) {
        self.room.give(self.bytes);
    }
}

/// Blocks of small things, of which those that were read last stay in memory.
pub(super) struct Blocks<T: 'static> {
    store: Store<'static, T>,
    /// Each at the remainder of its number; empty until one was read from a file.
    recent: RefCell<Vec<Option<Recent<T>>>>,
}

/// A block and its number.
type Recent<T> = (usize, Rc<T>);

impl<T: Clone + Serialize + DeserializeOwned> Blocks<T> {
    /// So many stay.
    pub(super) const RECENT: usize = 128;

    pub(super) fn new(room: &Room) -> Self {
        Self { store: Store::new(room), recent: RefCell::default() }
    }

    pub(super) fn push(&mut self, block: T) {
        self.store.push(block);
    }

    pub(super) fn len(&self) -> usize {
        self.store.len()
    }

    /// What somebody sees in a block.
    pub(super) fn look<R>(&self, number: usize, see: impl FnOnce(&T) -> R) -> Option<R> {
        if let Some(block) = self.recent(number) {
            return Some(see(&block));
        }
        Some(match self.store.get(number)? {
            Cow::Borrowed(block) => see(block),
            Cow::Owned(block) => see(&self.keep(number, block)),
        })
    }

    fn recent(&self, number: usize) -> Option<Rc<T>> {
        let recent = self.recent.borrow();
        let (own, block) = recent.get(number % Self::RECENT)?.as_ref()?;
        (*own == number).then(|| Rc::clone(block))
    }

    fn keep(&self, number: usize, block: T) -> Rc<T> {
        let (block, mut recent) = (Rc::new(block), self.recent.borrow_mut());
        recent.resize(Self::RECENT, None);
        recent[number % Self::RECENT] = Some((number, Rc::clone(&block)));
        block
    }

    /// All in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Cow<'_, T>> {
        self.store.iter()
    }

    /// All in order, each taken out.
    pub(super) fn into_things(self) -> impl Iterator<Item = T> {
        self.store.into_things()
    }
}

/// A file that is removed with this.
pub(super) struct Scratch {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing to do when it cannot be removed: it goes with its folder.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Things in a file.
struct Filed {
    scratch: Scratch,
    /// Where each begins.
    offsets: Vec<u64>,
    /// Where the next one would.
    end: u64,
    /// The end of it, not yet written.
    pending: Vec<u8>,
    /// Something could not be written: nothing of it is read any more.
    is_broken: bool,
}

impl Filed {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.offsets.push(self.end);
        self.end += bytes.len() as u64;
        if self.is_broken {
            return Ok(());
        }
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= BLOCK_BYTES {
            let written = write_at(&self.scratch.file, &self.pending, self.end - self.pending.len() as u64);
            self.is_broken = written.is_err();
            self.pending.clear();
            return written;
        }
        Ok(())
    }

    fn get(&self, place: usize) -> io::Result<Vec<u8>> {
        let missing = || io::Error::from(io::ErrorKind::UnexpectedEof);
        if self.is_broken {
            return Err(missing());
        }
        let from = *self.offsets.get(place).ok_or_else(missing)?;
        let to = self.offsets.get(place + 1).copied().unwrap_or(self.end);
        let written = self.end - self.pending.len() as u64;
        if from >= written {
            let (from, to) = ((from - written) as usize, (to - written) as usize);
            return self.pending.get(from..to).map(<[u8]>::to_vec).ok_or_else(missing);
        }
        let mut bytes = vec![0; (to - from) as usize];
        read_at(&self.scratch.file, &mut bytes, from)?;
        Ok(bytes)
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    let _one = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
    io::Seek::seek(&mut file, io::SeekFrom::Start(at))?;
    io::Read::read_exact(&mut file, bytes)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    let _one = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
    io::Seek::seek(&mut file, io::SeekFrom::Start(at))?;
    io::Write::write_all(&mut file, bytes)
}

/// Those who read and write share one place in a file.
#[cfg(not(unix))]
static ONE_BY_ONE: Mutex<()> = Mutex::new(());

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("citytwin-store-{name}-{}", std::process::id()))
    }

    /// The words that a store of so much room gives back, and the files that it needed.
    fn stocked(name: &str, limit_bytes: u64) -> (Vec<String>, u64) {
        let folder = folder(name);
        let room = Room::new(limit_bytes, folder.clone());
        let mut store = Store::new(&room);
        for i in 0..50_000 {
            store.push(format!("word {i} {}", "x".repeat(i % 7)));
            if i % 999 == 0 {
                // Whatever is written already, all of it is there.
                assert_eq!(store.get(i / 2).as_deref(), Some(&format!("word {} {}", i / 2, "x".repeat(i / 2 % 7))));
            }
        }
        store.change(40_000, |place, word| word.push_str(&format!(" changed {place}")));
        let words: Vec<String> = store.iter().map(Cow::into_owned).collect();
        assert_eq!((store.len(), store.get(50_000)), (50_000, None));
        assert!(room.0.held_bytes.load(Ordering::Relaxed) <= limit_bytes);
        assert!(store.into_things().eq(words.iter().cloned()));
        room.check().expect("all was written and read");
        assert_eq!(room.0.held_bytes.load(Ordering::Relaxed), 0, "all room is given back");
        assert_eq!(std::fs::read_dir(&folder).map_or(0, Iterator::count), 0, "no file is left");
        let _ = std::fs::remove_dir_all(folder);
        (words, room.files())
    }

    #[test]
    fn things_and_their_order_do_not_depend_on_the_room() {
        let (all, files) = stocked("all", u64::MAX);
        assert_eq!((files, all.len()), (0, 50_000));
        for limit_bytes in [0, 10_000, 2_000_000] {
            let (words, files) = stocked(&format!("{limit_bytes}"), limit_bytes);
            // One for the things, and one where some of those in it were changed.
            assert!(words == all && (1..=2).contains(&files), "{limit_bytes}: {files}");
        }
    }

    #[test]
    fn a_file_that_takes_no_more_is_told_once_and_fills_no_memory() {
        let path = folder("full");
        std::fs::write(&path, "").expect("written");
        let file = File::open(&path).expect("to be read only");
        let scratch = Scratch { path, file };
        let mut filed = Filed { scratch, offsets: Vec::new(), end: 0, pending: Vec::new(), is_broken: false };
        let told = (0..40).filter(|_| filed.add(&[7; BLOCK_BYTES / 4]).is_err()).count();
        assert_eq!((told, filed.offsets.len(), filed.pending.len()), (1, 40, 0));
        assert!([0, 3, 39].iter().all(|place| filed.get(*place).is_err()));
    }

    #[test]
    fn a_disk_that_takes_nothing_is_told_once() {
        let file = folder("file");
        std::fs::write(&file, "not a folder").expect("written");
        let room = Room::new(0, file.clone());
        let mut store = Store::new(&room);
        (0..3).for_each(|i: u32| store.push(i));
        let told = room.check().expect_err("no folder").to_string();
        assert!(told.contains("cannot write") && told.contains(&*file.to_string_lossy()), "{told}");
        std::fs::remove_file(file).expect("removed");
    }
}
