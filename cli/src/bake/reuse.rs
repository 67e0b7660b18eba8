//! What the bake before made, so that a bake after one source changed makes only what it must.
//!
//! A twin is made of units: a tile, the search index, a file of attributes. What goes into a unit has a [`Digest`];
//! `bake.json` in the twin holds those, and the digests of the files that came out. A unit that would be made of the same
//! again by the same program is taken over, if its files are still what they were; anything else is made.

use super::model::Property;
use super::properties::Row;
use super::write::{Sink, StreamWriter};
use super::{BakeError, Options, source};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use twox_hash::XxHash3_128;

/// What holds the digests of a twin.
pub(super) const RECORD: &str = "bake.json";
const FORMAT: &str = "citytwin-bake/1";
/// Longest record that is read, bytes: that of a million tiles.
const MAX_RECORD_BYTES: u64 = 1 << 30;
/// Bytes of a file that are read at once.
const BLOCK_BYTES: usize = 1 << 18;

/// Stands for bytes: XXH3 of 128 bits, for what changes by itself and not by an adversary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest(u128);

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Digest {
    /// Half of it.
    pub(super) fn short(self) -> u64 {
        self.0 as u64
    }
}

/// Makes a [`Digest`] of values in order.
pub(super) struct Digester(XxHash3_128);

impl Digester {
    pub(super) fn new() -> Self {
        Self(XxHash3_128::new())
    }

    /// Takes bytes, and how many there are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.write(bytes);
    }

    /// Takes a number, or the bits of one.
    pub(super) fn number(&mut self, number: u64) {
        self.0.write(&number.to_le_bytes());
    }

    pub(super) fn float(&mut self, number: f64) {
        self.number(number.to_bits());
    }

    pub(super) fn digest(&mut self, digest: Digest) {
        self.0.write(&digest.0.to_le_bytes());
    }

    /// Takes the attributes of a feature.
    pub(super) fn row(&mut self, row: &Row) {
        self.number(row.len() as u64);
        for (id, property) in row {
            self.bytes(id.as_bytes());
            let (kind, bits) = match property {
                Property::Text(text) => {
                    self.bytes(text.as_bytes());
                    (0, 0)
                }
                Property::Number(number) => (1, number.to_bits()),
                Property::Integer(number) => (2, number.cast_unsigned()),
                Property::Flag(yes) => (3, u64::from(*yes)),
            };
            self.number(kind);
            self.number(bits);
        }
    }

    pub(super) fn finish(&self) -> Digest {
        Digest(self.0.finish_128())
    }
}

/// The digest of bytes.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest(XxHash3_128::oneshot(bytes))
}

/// Reads to the end.
fn digest_of_reader(reader: &mut dyn Read) -> io::Result<Digest> {
    let mut hasher = XxHash3_128::new();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(Digest(hasher.finish_128())),
            Ok(count) => hasher.write(&block[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What a whole bake is made of: the program, what it was told, and the bytes of its inputs. Nothing where a file cannot
/// be read, or the program does not know itself.
pub(super) struct Inputs {
    program: Digest,
    all: Digest,
}

impl Inputs {
    pub(super) fn of(options: &Options) -> Option<Self> {
        let program = program()?;
        let mut digester = Digester::new();
        digester.digest(program);
        let Options { inputs, title, attribution, words, out: _, share: _, force: _, memory_bytes: _ } = options;
        digester.bytes(format!("{inputs:?} {title:?} {attribution:?} {words:?}").as_bytes());
        for input in inputs {
            for path in source::files_of(input).ok()? {
                digester.bytes(path.to_string_lossy().as_bytes());
                digester.digest(digest_of_reader(&mut File::open(path).ok()?).ok()?);
            }
        }
        Some(Self { program, all: digester.finish() })
    }
}

/// Another program may make something else: one that was built again, too, though its version is the same.
fn program() -> Option<Digest> {
    let about = std::env::current_exe().ok()?.metadata().ok()?;
    let built = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let mut digester = Digester::new();
    digester.bytes(env!("CARGO_PKG_VERSION").as_bytes());
    digester.number(about.len());
    digester.bytes(&built.as_nanos().to_le_bytes());
    Some(digester.finish())
}

/// `bake.json`.
#[derive(Serialize, Deserialize)]
struct Record {
    format: String,
    program: Digest,
    inputs: Digest,
    /// By name.
    units: BTreeMap<String, Unit>,
    /// Files that are made anew by every bake.
    rest: Vec<Made>,
    /// Whether the inputs name files beside them, which are known only when those have been read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    beside: bool,
}

#[derive(Clone, Serialize, Deserialize)]
struct Unit {
    inputs: Digest,
    files: Vec<Made>,
    /// What is known of it besides its files.
    about: serde_json::Value,
}

#[derive(Clone, Serialize, Deserialize)]
struct Made {
    path: String,
    bytes: u64,
    digest: Digest,
}

impl Made {
    fn is_below(&self, folder: &Path) -> bool {
        // Whoever edits the record does not lead out of the twin.
        let plain = Path::new(&self.path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        plain && folder.join(&self.path).metadata().is_ok_and(|about| about.is_file() && about.len() == self.bytes)
    }

    fn is_as_made(&self, folder: &Path) -> bool {
        let digest = || digest_of_reader(&mut File::open(folder.join(&self.path)).ok()?).ok();
        self.is_below(folder) && digest() == Some(self.digest)
    }
}

/// The twin of the bake before.
struct Before {
    folder: PathBuf,
    record: Record,
}

impl Before {
    /// Nothing where there is none, or none that this program made.
    fn read(folder: &Path, inputs: &Inputs) -> Option<Self> {
        let path = folder.join(RECORD);
        if path.metadata().ok()?.len() > MAX_RECORD_BYTES {
            return None;
        }
        let record: Record = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (record.format == FORMAT && record.program == inputs.program)
            .then(|| Self { folder: folder.to_owned(), record })
    }

    fn files(&self) -> impl Iterator<Item = &Made> {
        self.record.units.values().flat_map(|unit| &unit.files).chain(&self.record.rest)
    }

    /// Whether all of its files are there, and no others where a bake writes; compressed copies may be, if they are younger.
    fn is_whole(&self) -> bool {
        let known: BTreeSet<&str> = self.files().map(|made| made.path.as_str()).collect();
        let is_ours = |path: &str, folder: &Path| {
            let plain = path.strip_suffix(".br").or_else(|| path.strip_suffix(".gz")).unwrap_or(path);
            let changed = |path: &str| folder.join(path).metadata().and_then(|about| about.modified()).ok();
            known.contains(path) || (known.contains(plain) && changed(path) >= changed(plain)) || plain == RECORD
        };
        let mut open = super::write::ours(&self.folder);
        while let Some(path) = open.pop() {
            if path.is_dir() {
                let Ok(entries) = fs::read_dir(&path) else { return false };
                open.extend(entries.flatten().map(|entry| entry.path()));
                continue;
            }
            let below = path.strip_prefix(&self.folder).unwrap_or(&path);
            let name = below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            if !is_ours(&name, &self.folder) {
                return false;
            }
        }
        self.files().all(|made| made.is_below(&self.folder))
    }
}

/// Whether the twin is what this bake would make.
pub(super) fn is_up_to_date(folder: &Path, inputs: &Inputs) -> bool {
    let is_same = |before: &Before| before.record.inputs == inputs.all && !before.record.beside;
    Before::read(folder, inputs).is_some_and(|before| is_same(&before) && before.is_whole())
}

/// Makes units, or takes them over.
pub(super) struct Maker<'a> {
    sink: &'a dyn Sink,
    /// Nothing where no record is wanted.
    inputs: Option<&'a Inputs>,
    before: Option<Before>,
    units: Mutex<BTreeMap<String, Unit>>,
    rest: Noting<'a>,
    made: AtomicU64,
    kept: AtomicU64,
}

impl<'a> Maker<'a> {
    /// One that makes everything and records nothing.
    pub(super) fn anew(sink: &'a dyn Sink) -> Self {
        Self {
            sink,
            inputs: None,
            before: None,
            units: Mutex::default(),
            rest: Noting::new(sink),
            made: AtomicU64::new(0),
            kept: AtomicU64::new(0),
        }
    }

    /// One that takes over what it can from a twin, if there is one, and records what it makes.
    pub(super) fn after(before: Option<&Path>, inputs: &'a Inputs, sink: &'a dyn Sink) -> Self {
        let before = before.and_then(|folder| Before::read(folder, inputs));
        Self { inputs: Some(inputs), before, ..Self::anew(sink) }
    }

    /// Where every file goes that is no unit's.
    pub(super) fn rest(&self) -> &dyn Sink {
        &self.rest
    }

    /// Units that were made, and that were taken over.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.made.load(Ordering::Relaxed), self.kept.load(Ordering::Relaxed))
    }

    /// A unit by its name, which is that of no other: the files that `make` writes, and what it says about them. It must
    /// depend on nothing but what has gone into `inputs`.
    ///
    /// # Errors
    /// Those of `make`, and [`BakeError::Io`].
    pub(super) fn unit<T: Serialize + DeserializeOwned>(
        &self,
        name: String,
        inputs: Digest,
        make: impl FnOnce(&dyn Sink) -> Result<T, BakeError>,
    ) -> Result<T, BakeError> {
        if self.inputs.is_none() {
            self.made.fetch_add(1, Ordering::Relaxed);
            return make(self.sink);
        }
        if let Some((unit, about)) = self.known(&name, inputs) {
            self.take_over(&unit)?;
            self.kept.fetch_add(1, Ordering::Relaxed);
            self.units.lock().unwrap_or_else(PoisonError::into_inner).insert(name, unit);
            return Ok(about);
        }
        let noting = Noting::new(self.sink);
        let about = make(&noting)?;
        let value = serde_json::to_value(&about)
            .map_err(|error| BakeError::Encode { what: RECORD.into(), message: error.to_string() })?;
        let files = noting.into_files();
        self.made.fetch_add(1, Ordering::Relaxed);
        let unit = Unit { inputs, files, about: value };
        self.units.lock().unwrap_or_else(PoisonError::into_inner).insert(name, unit);
        Ok(about)
    }

    /// A unit of the bake before that is made of the same, and whose files are what they were.
    fn known<T: DeserializeOwned>(&self, name: &str, inputs: Digest) -> Option<(Unit, T)> {
        let before = self.before.as_ref()?;
        let unit = before.record.units.get(name).filter(|unit| unit.inputs == inputs)?;
        let about = T::deserialize(&unit.about).ok()?;
        unit.files.iter().all(|made| made.is_as_made(&before.folder)).then(|| (unit.clone(), about))
    }

    fn take_over(&self, unit: &Unit) -> Result<(), BakeError> {
        let Some(before) = &self.before else { return Ok(()) };
        unit.files.iter().try_for_each(|made| copy(self.sink, made.path.clone(), &before.folder.join(&made.path)))
    }

    /// Writes the record, when everything else is written. `beside`: whether the inputs name files beside them.
    ///
    /// # Errors
    /// [`BakeError::Io`] when it cannot be written.
    pub(super) fn finish(self, beside: bool) -> Result<(), BakeError> {
        let Some(inputs) = self.inputs else { return Ok(()) };
        let record = Record {
            format: FORMAT.into(),
            program: inputs.program,
            inputs: inputs.all,
            units: self.units.into_inner().unwrap_or_else(PoisonError::into_inner),
            rest: self.rest.into_files(),
            beside,
        };
        let text = serde_json::to_vec(&record).expect("digests, numbers and text are always JSON");
        self.sink.put(RECORD.into(), text)
    }
}

/// Copies a file into a twin.
pub(super) fn copy(sink: &dyn Sink, name: String, from: &Path) -> Result<(), BakeError> {
    sink.stream(name, &mut |out| {
        let mut file = File::open(from).map_err(BakeError::io("open", from))?;
        io::copy(&mut file, out).map(|_| ()).map_err(BakeError::io("copy", from))
    })
}

/// Notes what is written through it.
struct Noting<'a> {
    sink: &'a dyn Sink,
    files: Mutex<Vec<Made>>,
}

impl<'a> Noting<'a> {
    fn new(sink: &'a dyn Sink) -> Self {
        Self { sink, files: Mutex::default() }
    }

    fn note(&self, made: Made) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push(made);
    }

    fn into_files(self) -> Vec<Made> {
        let mut files = self.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }
}

impl Sink for Noting<'_> {
    fn put(&self, path: String, bytes: Vec<u8>) -> Result<(), BakeError> {
        self.note(Made { path: path.clone(), bytes: bytes.len() as u64, digest: digest_of(&bytes) });
        self.sink.put(path, bytes)
    }

    fn stream(&self, path: String, write: &mut StreamWriter<'_>) -> Result<(), BakeError> {
        let mut made = Made { path: path.clone(), bytes: 0, digest: Digest::default() };
        self.sink.stream(path, &mut |out| {
            let mut hashing = Hashing { out, hasher: XxHash3_128::new(), bytes: 0 };
            write(&mut hashing)?;
            (made.bytes, made.digest) = (hashing.bytes, Digest(hashing.hasher.finish_128()));
            Ok(())
        })?;
        self.note(made);
        Ok(())
    }

    fn totals(&self) -> (u64, u64) {
        self.sink.totals()
    }
}

/// Digests what is written.
struct Hashing<'a> {
    out: &'a mut (dyn Write + Send),
    hasher: XxHash3_128,
    bytes: u64,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.write(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
