//! Records → the files of a published index.
//!
//! Records are numbered by tier (how important they are, and how many have their name), then by name (Han by reading),
//! so that the first records of every list are its best, and names that begin alike lie together. The same records
//! give the same bytes, whatever their order.

use crate::answers::{Answers, Place, put_numbers};
use crate::bytes::{
    bits_for, checksum, common_prefix, distance, put_ascending, put_ended, put_varint, seal, shared_front,
};
use crate::fold::{Analysis, floor};
use crate::pinyin_table;
use crate::record::{
    MAX_POPULARITY, POPULARITY_POINTS, Record, put_block, split_id, stored_importance, stored_position,
};
use crate::regions::Regions;
use crate::root::{
    ANSWER_HERE, BLOCK, Blocks, File, GROUP, INITIALS_KEY, MIN_MIRRORED, MIRRORED, Near, ONE_AT_START, ONE_ELSEWHERE,
    PAYLOAD, PHRASE, PHRASE_KEY, PINYIN_KEY, Readings, Root, WORD_KEY, marker, mirrored,
};
use std::collections::{BTreeMap, BTreeSet};

/// A block of terms or places is closed when it has grown past this many bytes.
const BLOCK_BYTES: usize = 5000;
/// Groups of a list that stand beside its key; a longer list is stored whole in the lists file besides.
pub(crate) const HEAD: usize = 64;
/// A prefix of more keys than this gets the first groups of all of them precomputed.
const WIDE_PREFIX: usize = 96;
/// Combinations of readings that one run of Han characters is filed under.
const MAX_COMBINATIONS: usize = 6;
/// Records of one place cell on average.
const CELL_RECORDS: u32 = 32;
/// Bits of a stored longitude or latitude.
const MAX_POSITION_BITS: u32 = 26;
/// Id fronts (`way/`) that are worth a place in the root.
const MAX_ID_FRONTS: usize = 4096;

/// How to build an index.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Digits of a degree after the point that positions keep: 6 (0.1 m) by default, 5 (1 m) makes a smaller index. Of
    /// records that lie so far apart that a coordinate takes more than 26 bits (67 degrees at 6 digits) one fewer is kept.
    pub position_digits: u32,
    /// For an overlay: what the records change in the indexes below it. `None` for an index of its own.
    pub overlay: Option<Overlay>,
}

/// An index that changes others: its records are added to theirs, or take the place of those with the same id.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// Ids of records that are no more.
    pub removed: Vec<String>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self { position_digits: 6, overlay: None }
    }
}

/// A built index: files to be published side by side.
pub struct BuiltIndex {
    /// The root; publish it under a name of your choice, revalidated on every visit.
    pub root: Vec<u8>,
    /// Name and bytes of the other files. The names carry a checksum of the bytes: they can be cached for ever.
    pub files: Vec<(String, Vec<u8>)>,
    /// Records in it.
    pub record_count: u32,
    /// Different keys in the dictionary.
    pub term_count: usize,
}

/// Builds the files of an index. Records without a finite position are left out; of two with the same id, name and
/// position both stay.
pub fn build(mut records: Vec<Record>, options: &BuildOptions) -> BuiltIndex {
    records.retain(|record| {
        (-180.0..=180.0).contains(&record.lon) && (-90.0..=90.0).contains(&record.lat) && !record.name.is_empty()
    });
    records.truncate((u32::MAX / 4) as usize);
    let mut root = describe(&records, options);
    let standings = standings(&records);
    let order = rank(&records, &root.readings, &standings);
    root.tiers = tiers(&order, &standings);
    let ranked = Ranked {
        group_points: group_points(&order, &standings),
        names: first_of_names(&order, &standings),
        records: order.iter().map(|number| &records[*number as usize]).collect(),
        popularity: order.iter().map(|number| standings[*number as usize].popularity).collect(),
    };
    drop((order, standings));

    let mut record_bytes = Vec::new();
    for first in (0..ranked.records.len()).step_by(BLOCK as usize) {
        let end = ranked.records.len().min(first + BLOCK as usize);
        let mut bytes = Vec::new();
        put_block(&mut bytes, &ranked.records[first..end], &ranked.popularity[first..end], &root);
        seal(&mut bytes);
        record_bytes.extend(bytes);
        root.records.ends.push(record_bytes.len() as u64);
    }
    let mut terms = TermWriter::new(&ranked.group_points);
    let term_count = write_terms(&ranked, &root, &mut terms);
    let TermWriter { bytes: term_bytes, blocks, keys, lists, .. } = terms;
    root.terms = blocks;
    root.term_keys = keys;
    let place_bytes = write_places(&ranked.records, &mut root);

    let mut files = Vec::new();
    for (file, bytes) in File::ALL.into_iter().zip([term_bytes, lists, record_bytes, place_bytes]) {
        let stem = match file {
            File::Terms => "terms",
            File::Lists => "lists",
            File::Records => "records",
            File::Places => "places",
        };
        files.push((format!("{stem}-{:08x}.bin", checksum(&bytes)), bytes));
    }
    for (slot, (name, bytes)) in root.files.iter_mut().zip(&files) {
        *slot = (name.clone(), bytes.len() as u64);
    }
    BuiltIndex { root: root.to_bytes(), files, record_count: root.record_count, term_count }
}

/// The name of a root beside others: like those of the other files it carries a checksum of the bytes.
pub fn root_name(root: &[u8]) -> String {
    format!("root-{:08x}.bin", checksum(root))
}

/// What the root says about the records as a whole.
fn describe(records: &[Record], options: &BuildOptions) -> Root {
    let extent = |axis: fn(&Record) -> f64| {
        let values = records.iter().map(axis);
        values.clone().fold(f64::NEG_INFINITY, f64::max) - values.fold(f64::INFINITY, f64::min)
    };
    let widest_deg = extent(|record| record.lon).max(extent(|record| record.lat));
    let step = |digits: u32| 10_f64.powi(-(digits as i32));
    let digits = (0..=options.position_digits.min(7)).rev();
    let fitting = digits.map(step).find(|step_deg| widest_deg / step_deg < f64::from(1 << MAX_POSITION_BITS));
    let step_deg = fitting.unwrap_or(1.0);
    let edge = |axis: fn(&Record) -> f64| {
        let values = records.iter().map(axis);
        let least = values.clone().fold(f64::INFINITY, f64::min);
        let most = values.fold(f64::NEG_INFINITY, f64::max);
        if records.is_empty() { (0.0, 0) } else { (least, ((most - least) / step_deg).round() as u64) }
    };
    let (west, most_east) = edge(|record| record.lon);
    let (south, most_north) = edge(|record| record.lat);
    let mut categories: BTreeMap<&str, u32> = BTreeMap::new();
    let mut fronts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut tags: BTreeSet<&str> = BTreeSet::new();
    let mut attributes: BTreeSet<&str> = BTreeSet::new();
    let mut han: BTreeSet<char> = BTreeSet::new();
    let mut folded = String::new();
    for record in records {
        *categories.entry(&record.category).or_default() += 1;
        if let (front, Some(_)) = split_id(&record.id) {
            *fronts.entry(front).or_default() += 1;
        }
        tags.extend(record.names.keys().map(String::as_str));
        attributes.extend(record.attributes.keys().map(String::as_str));
        for (_, text) in record.texts() {
            for c in text.chars().filter(|c| !c.is_ascii()) {
                folded.clear();
                crate::fold::fold(c, &mut folded);
                han.extend(folded.chars().filter(|c| matches!(u32::from(*c), 0x4E00..=0x9FFF)));
            }
        }
    }
    // The most frequent fronts, in the order of their letters.
    let mut by_count: Vec<(&str, u32)> = fronts.into_iter().filter(|(_, count)| *count > 1).collect();
    by_count.sort_by_key(|(front, count)| (std::cmp::Reverse(*count), *front));
    by_count.truncate(MAX_ID_FRONTS);
    let mut id_prefixes: Vec<String> = by_count.into_iter().map(|(front, _)| front.to_owned()).collect();
    id_prefixes.sort();
    let mut replaced: Vec<String> = Vec::new();
    if let Some(overlay) = &options.overlay {
        replaced.extend(records.iter().map(|record| record.id.clone()).chain(overlay.removed.iter().cloned()));
        replaced.sort();
        replaced.dedup();
    }
    let readings: Vec<(char, Vec<String>)> =
        han.into_iter().map(|c| (c, pinyin_table::readings(c))).filter(|(_, readings)| !readings.is_empty()).collect();
    let mut root = Root {
        record_count: records.len() as u32,
        origin: [west, south],
        step_deg,
        position_most: [most_east, most_north],
        categories: categories.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        id_prefixes,
        tags: tags.into_iter().map(str::to_owned).collect(),
        attributes: attributes.into_iter().map(str::to_owned).collect(),
        replaced,
        readings: Readings::new(&readings),
        ..Root::default()
    };
    let positions = records.iter().map(|record| stored_position(record, &root)).collect();
    root.regions = Regions::new(root.position_most, positions);
    root
}

/// A name of so many records is stood for by its best one; the others come last, so that ten names are ten neighbours.
const REPEATED: usize = 3;

/// What decides the place of a record in the index beside its name.
#[derive(Clone, Copy, Default)]
pub(crate) struct Standing {
    /// The base-two logarithm of the number of records of its name.
    pub(crate) popularity: u8,
    /// Points of the best record of its name.
    points: u8,
    /// Another record of its name stands for the name.
    repeats: bool,
    /// Number of its name.
    name: u32,
}

/// How each record stands: names that many records have, and important ones, come first.
fn standings(records: &[Record]) -> Vec<Standing> {
    let mut by_name: Vec<u32> = (0..records.len() as u32).collect();
    by_name.sort_unstable_by_key(|number| &records[*number as usize].name);
    let mut standings = vec![Standing::default(); records.len()];
    let alike = by_name.chunk_by(|a, b| records[*a as usize].name == records[*b as usize].name);
    for (name, same) in (0..).zip(alike) {
        let popularity = (bits_for(same.len() as u64) - 1).min(MAX_POPULARITY) as u8;
        let points = |number: &u32| {
            let importance = stored_importance(&records[*number as usize]) as f64;
            (importance + POPULARITY_POINTS * f64::from(popularity)).round() as u8
        };
        let points = same.iter().map(points).max().unwrap_or(0);
        let best = same.iter().copied().min_by(|a, b| among_alike(&records[*a as usize], &records[*b as usize]));
        for number in same {
            let repeats = Some(*number) != best && same.len() >= REPEATED;
            standings[*number as usize] = Standing { popularity, points, repeats, name };
        }
    }
    standings
}

/// The place of the first record of each record's name, in the order of the index.
fn first_of_names(order: &[u32], standings: &[Standing]) -> Vec<u32> {
    let mut first = vec![u32::MAX; standings.len()];
    (order.iter().enumerate())
        .map(|(place, number)| {
            let first = &mut first[standings[*number as usize].name as usize];
            *first = (*first).min(place as u32);
            *first
        })
        .collect()
}

/// The points of each group's best record; repeats of names bring none.
fn group_points(order: &[u32], standings: &[Standing]) -> Vec<u8> {
    let points = |number: &u32| match standings[*number as usize] {
        Standing { repeats: true, .. } => 0,
        Standing { points, .. } => points,
    };
    order.chunks(GROUP as usize).map(|group| group.iter().map(points).max().unwrap_or(0)).collect()
}

/// The order of records of one name, the most important first.
fn among_alike(a: &Record, b: &Record) -> std::cmp::Ordering {
    (stored_importance(b).cmp(&stored_importance(a)))
        .then_with(|| a.id.cmp(&b.id))
        .then_with(|| a.lon.total_cmp(&b.lon))
        .then_with(|| a.lat.total_cmp(&b.lat))
        .then_with(|| a.category.cmp(&b.category))
}

/// Where the names and the repeats of names start, and the points of their records on average.
fn tiers(order: &[u32], standings: &[Standing]) -> Vec<(u32, u8)> {
    let standing = |number: &u32| standings[*number as usize];
    let names = order.partition_point(|number| !standing(number).repeats);
    let points: u64 = order[..names].iter().map(|number| u64::from(standing(number).points)).sum();
    let mut tiers = vec![(0, (points / names.max(1) as u64) as u8)];
    if names < order.len() {
        tiers.push(((names as u32).div_ceil(GROUP), 0));
    }
    tiers
}

/// The records' numbers in the order of the index.
fn rank(records: &[Record], readings: &Readings, standings: &[Standing]) -> Vec<u32> {
    let mut analysis = Analysis::default();
    // Keys lie in one arena: a million strings of their own cost twice the memory.
    let mut arena: Vec<u8> = Vec::new();
    let mut keyed: Vec<(bool, u64, u32, u32, u32)> = Vec::with_capacity(records.len());
    for (number, record) in records.iter().enumerate() {
        analysis.read(&record.name);
        let start = arena.len();
        for item in &analysis.items {
            let text = analysis.text(item);
            if item.han
                && let Some(reading) = text.chars().next().and_then(|c| readings.of(c).next())
            {
                arena.extend_from_slice(reading.as_bytes());
            }
            arena.extend_from_slice(text.as_bytes());
            arena.push(b' ');
        }
        let key = &arena[start..];
        let mut first = [0; 8];
        first[..key.len().min(8)].copy_from_slice(&key[..key.len().min(8)]);
        let repeats = standings[number].repeats;
        keyed.push((repeats, u64::from_be_bytes(first), number as u32, start as u32, arena.len() as u32));
    }
    keyed.sort_unstable_by(|a, b| {
        let key = |entry: &(bool, u64, u32, u32, u32)| &arena[entry.3 as usize..entry.4 as usize];
        let record = |entry: &(bool, u64, u32, u32, u32)| &records[entry.2 as usize];
        (a.0.cmp(&b.0).then(a.1.cmp(&b.1)))
            .then_with(|| key(a).cmp(key(b)))
            .then_with(|| record(a).name.cmp(&record(b).name))
            .then_with(|| among_alike(record(a), record(b)))
    });
    keyed.into_iter().map(|entry| entry.2).collect()
}

/// A key found in a record: where the key's bytes stand, and the record's number shifted by one with 1 for "not at
/// the start".
struct Occurrence {
    first: u64,
    start: u32,
    len: u8,
    place: u32,
}

#[derive(Default)]
struct Occurrences {
    arena: Vec<u8>,
    found: Vec<Occurrence>,
}

impl Occurrences {
    fn add(&mut self, key: &[u8], marker: u8, place: u32) {
        let start = self.arena.len();
        self.arena.extend_from_slice(key);
        self.arena.push(marker);
        let len = self.arena.len() - start;
        let mut first = [0; 8];
        first[..len.min(8)].copy_from_slice(&self.arena[start..start + len.min(8)]);
        self.found.push(Occurrence { first: u64::from_be_bytes(first), start: start as u32, len: len as u8, place });
    }

    fn key(&self, occurrence: &Occurrence) -> &[u8] {
        &self.arena[occurrence.start as usize..occurrence.start as usize + usize::from(occurrence.len)]
    }

    fn sorted(mut self) -> Self {
        let mut found = std::mem::take(&mut self.found);
        found.sort_unstable_by(|a, b| {
            a.first.cmp(&b.first).then_with(|| self.key(a).cmp(self.key(b))).then(a.place.cmp(&b.place))
        });
        self.found = found;
        self
    }
}

/// Records in the order of the index.
pub(crate) struct Ranked<'a> {
    pub(crate) records: Vec<&'a Record>,
    /// The base-two logarithm of the number of records of each record's name.
    pub(crate) popularity: Vec<u8>,
    /// Number of the first record of each record's name.
    pub(crate) names: Vec<u32>,
    /// Points of each group's best record.
    pub(crate) group_points: Vec<u8>,
}

/// Writes the whole dictionary and answers how many keys it has.
fn write_terms(ranked: &Ranked<'_>, root: &Root, terms: &mut TermWriter<'_>) -> usize {
    let mut letters = Occurrences::default();
    let mut han: Vec<(u64, u32)> = Vec::new();
    let mut analysis = Analysis::default();
    let mut before: Vec<(u64, u32)> = Vec::new();
    for (number, record) in ranked.records.iter().enumerate() {
        for (_, text) in record.texts() {
            analysis.read(text);
            collect(&analysis, &root.readings, number as u32, &mut letters, &mut han);
        }
        // Neighbours share most of their characters: drop what their group has already.
        if number as u32 % GROUP == GROUP - 1 || number + 1 == ranked.records.len() {
            let first = before.len();
            before.append(&mut han);
            before[first..].sort_unstable();
            let mut kept = first;
            for i in first..before.len() {
                if kept == first || before[kept - 1] != before[i] {
                    before[kept] = before[i];
                    kept += 1;
                }
            }
            before.truncate(kept);
        }
    }
    let mut han = before;
    han.sort_unstable();
    let letters = letters.sorted();
    let mut answers = Answers::new(ranked);
    let wide = prefixes(&letters, &mut answers, &ranked.group_points);
    answers.han(&root.readings);
    let tops = answers.write(wide, root, &mut terms.lists);

    let mut tops = tops.into_iter().peekable();
    let mut words = KeyRuns { letters: &letters, at: 0 }.peekable();
    let mut bigrams = HanRuns { found: &han, at: 0 }.peekable();
    let mut mirrored = mirrored_keys(&letters).into_iter().peekable();
    let mut count = 0;
    loop {
        // Four sorted streams, merged by key.
        let next = [
            tops.peek().map(|(key, _)| key.as_slice()),
            words.peek().map(|(key, _)| *key),
            bigrams.peek().map(|(key, _)| key.as_slice()),
            mirrored.peek().map(Vec::as_slice),
        ];
        let Some(least) = next.iter().flatten().min() else { break };
        let stream = next.iter().position(|key| key.as_ref() == Some(least)).expect("the least is one of them");
        count += 1;
        match stream {
            0 => {
                let (key, (answer, lists)) = tops.next().expect("it was peeked at");
                terms.push(&key, Some(&answer), &lists.iter().flatten().map(Vec::as_slice).collect::<Vec<_>>());
            }
            1 => {
                let (key, places) = words.next().expect("it was peeked at");
                let (start, other) = split_places(places.into_iter().map(group_of));
                terms.push(key, None, &[&start, &other]);
            }
            3 => terms.push(&mirrored.next().expect("it was peeked at"), None, &[]),
            _ => {
                let (key, places) = bigrams.next().expect("it was peeked at");
                let (start, other) = split_places(places.iter().map(|(_, place)| *place));
                terms.push(&key, None, &[&start, &other]);
            }
        }
    }
    terms.close_block();
    count
}

/// The mirrored forms of the words and readings that may be mistyped; ascending.
fn mirrored_keys(letters: &Occurrences) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    for (key, _) in (KeyRuns { letters, at: 0 }) {
        let Some((&kind, word)) = key.split_last() else { continue };
        let letters_alone = word.iter().all(u8::is_ascii_lowercase);
        if matches!(kind, marker::WORD | marker::PINYIN) && letters_alone && word.len() >= MIN_MIRRORED {
            let mut key = mirrored(word);
            key.push(kind);
            keys.push(key);
        }
    }
    keys.sort_unstable();
    keys
}

/// The place of a record's group.
fn group_of(place: u32) -> u32 {
    ((place >> 1) / GROUP) << 1 | place & 1
}

/// Groups in which a key starts a text, and groups in which it stands elsewhere; each ascending without repeats.
fn split_places(places: impl IntoIterator<Item = u32>) -> (Vec<u32>, Vec<u32>) {
    let mut lists = [Vec::new(), Vec::new()];
    for place in places {
        let list = &mut lists[(place & 1) as usize];
        if list.last() != Some(&(place >> 1)) {
            list.push(place >> 1);
        }
    }
    let [start, other] = lists;
    (start, other)
}

/// Files every word, character, pair of characters and reading of a text.
fn collect(
    analysis: &Analysis,
    readings: &Readings,
    number: u32,
    letters: &mut Occurrences,
    han: &mut Vec<(u64, u32)>,
) {
    let items = &analysis.items;
    for (i, item) in items.iter().enumerate() {
        let place = number << 1 | u32::from(i > 0);
        let text = analysis.text(item);
        if !item.han {
            letters.add(floor(text, WORD_KEY).as_bytes(), marker::WORD, place);
            if let (0, Some(second)) = (i, items.get(1).filter(|second| !second.han)) {
                let phrase = format!("{PHRASE}{text} {}", analysis.text(second));
                letters.add(floor(&phrase, PHRASE_KEY + 1).as_bytes(), marker::WORD, place);
            }
            continue;
        }
        let c = text.chars().next().map_or('\0', |c| readings.in_order(c));
        han.push((u64::from(c) << 32, group_of(place)));
        if let Some(next) = items.get(i + 1).filter(|next| next.joined) {
            let next = analysis.text(next).chars().next().map_or('\0', |c| readings.in_order(c));
            han.push((u64::from(c) << 32 | u64::from(next), group_of(place)));
        }
        if !item.joined {
            let end = items[i + 1..].iter().position(|item| !item.joined).map_or(items.len(), |len| i + 1 + len);
            collect_readings(analysis, i..end, readings, place, letters);
        }
    }
}

/// Files a run of Han characters under its pinyin and its initials, in each of its readings.
fn collect_readings(
    analysis: &Analysis,
    run: std::ops::Range<usize>,
    readings: &Readings,
    place: u32,
    letters: &mut Occurrences,
) {
    let chars = analysis.items[run].iter().map_while(|item| analysis.text(item).chars().next());
    let mut keys: Vec<(String, String)> = vec![Default::default()];
    for c in chars.take(PINYIN_KEY) {
        if keys[0].0.len() >= PINYIN_KEY && keys[0].1.len() >= INITIALS_KEY {
            break;
        }
        let of = readings.of(c);
        if of.len() == 0 {
            break;
        }
        let known = keys.len();
        for reading in of.clone().skip(1) {
            for i in 0..known {
                if keys.len() < MAX_COMBINATIONS {
                    let (full, initials) = &keys[i];
                    keys.push((format!("{full}{reading}"), format!("{initials}{}", &reading[..1])));
                }
            }
        }
        let first = of.clone().next().unwrap_or_default();
        for (full, initials) in &mut keys[..known] {
            full.push_str(first);
            initials.push_str(&first[..1]);
        }
    }
    if keys[0].0.is_empty() {
        return;
    }
    let mut full: Vec<&str> = keys.iter().map(|(full, _)| floor(full, PINYIN_KEY)).collect();
    full.sort_unstable();
    full.dedup();
    full.iter().for_each(|key| letters.add(key.as_bytes(), marker::PINYIN, place));
    if keys[0].1.len() > 1 {
        let mut initials: Vec<&str> = keys.iter().map(|(_, initials)| floor(initials, INITIALS_KEY)).collect();
        initials.sort_unstable();
        initials.dedup();
        initials.iter().for_each(|key| letters.add(key.as_bytes(), marker::INITIALS, place));
    }
}

/// Walks sorted occurrences key by key.
struct KeyRuns<'a> {
    letters: &'a Occurrences,
    at: usize,
}

impl<'a> Iterator for KeyRuns<'a> {
    type Item = (&'a [u8], Vec<u32>);

    fn next(&mut self) -> Option<Self::Item> {
        let found = &self.letters.found;
        let first = found.get(self.at)?;
        let key = self.letters.key(first);
        let len = found[self.at..].iter().take_while(|other| self.letters.key(other) == key).count();
        let places = found[self.at..self.at + len].iter().map(|occurrence| occurrence.place).collect();
        self.at += len;
        Some((key, places))
    }
}

/// Walks sorted characters and pairs of characters.
struct HanRuns<'a> {
    found: &'a [(u64, u32)],
    at: usize,
}

impl<'a> Iterator for HanRuns<'a> {
    type Item = (Vec<u8>, &'a [(u64, u32)]);

    fn next(&mut self) -> Option<Self::Item> {
        let (pair, _) = *self.found.get(self.at)?;
        let len = self.found[self.at..].iter().take_while(|(other, _)| *other == pair).count();
        let run = &self.found[self.at..self.at + len];
        self.at += len;
        let mut key = String::new();
        for code in [(pair >> 32) as u32, pair as u32] {
            key.extend(char::from_u32(code).filter(|c| *c != '\0'));
        }
        let mut key = key.into_bytes();
        key.push(marker::HAN);
        Some((key, run))
    }
}

/// First groups of words, pinyin and initials, each at the start of a text and elsewhere.
pub(crate) type Tops = [Vec<u32>; 6];

/// For each prefix of many keys the first groups of all of them, by what the keys stand for. Prefixes of many records
/// get their best records offered to `answers`.
fn prefixes(letters: &Occurrences, answers: &mut Answers<'_>, points: &[u8]) -> BTreeMap<Vec<u8>, Tops> {
    // How many keys and records each open prefix has so far, and records that begin with it, by its length less one.
    let mut open: Vec<(usize, usize, usize)> = Vec::new();
    let mut wide: BTreeMap<Vec<u8>, Tops> = BTreeMap::new();
    let mut before: &[u8] = &[];
    let mut close = |open: &mut Vec<(usize, usize, usize)>, key: &[u8], len: usize, answers: &mut Answers<'_>| {
        while open.len() > len {
            let depth = open.len();
            let Some((keys, records, begun)) = open.pop() else { break };
            if std::str::from_utf8(&key[..depth]).is_ok() {
                if keys > WIDE_PREFIX {
                    wide.insert(key[..depth].to_vec(), Tops::default());
                }
                answers.add_prefix(&key[..depth], keys > WIDE_PREFIX, records, begun);
            }
        }
    };
    for (key, places) in (KeyRuns { letters, at: 0 }) {
        let shared = common_prefix(before, key).min(key.len() - 1);
        close(&mut open, before, shared, answers);
        open.resize(key.len() - 1, (0, 0, 0));
        let initials = key.last() == Some(&marker::INITIALS);
        let starts = if initials { 0 } else { places.iter().filter(|place| **place & 1 == 0).count() };
        open.iter_mut().for_each(|(keys, records, begun)| {
            *keys += 1;
            *records += places.len();
            *begun += starts;
        });
        before = key;
    }
    close(&mut open, before, 0, answers);
    for (key, mut places) in (KeyRuns { letters, at: 0 }) {
        answers.offer_key(key, &places);
        let kind = usize::from(key[key.len() - 1] - marker::WORD) * 2;
        places.sort_unstable();
        let (start, other) = split_places(places.into_iter().map(group_of));
        for (slot, mut groups) in [(kind, start), (kind + 1, other)] {
            best_groups(&mut groups, points);
            for depth in 1..key.len() {
                let Some(tops) = wide.get_mut(&key[..depth]) else { continue };
                tops[slot].extend(&groups);
                if tops[slot].len() > 64 * HEAD {
                    best_groups(&mut tops[slot], points);
                }
            }
        }
    }
    for tops in wide.values_mut() {
        tops.iter_mut().for_each(|list| best_groups(list, points));
    }
    wide
}

/// Leaves the groups with the best records; ascending.
fn best_groups(list: &mut Vec<u32>, points: &[u8]) {
    list.sort_unstable();
    list.dedup();
    if list.len() > HEAD {
        list.sort_by_key(|group| std::cmp::Reverse(points[*group as usize]));
        list.truncate(HEAD);
        list.sort_unstable();
    }
}

/// Writes keys in order into blocks, each key sharing the front of the one before it.
struct TermWriter<'a> {
    group_points: &'a [u8],
    bytes: Vec<u8>,
    blocks: Blocks,
    keys: Vec<Box<[u8]>>,
    lists: Vec<u8>,
    /// Entries of the block that is being written, and about how many bytes they take.
    entries: Vec<Entry>,
    entry_bytes: usize,
    before: Vec<u8>,
}

/// A key, and what stands beside it.
struct Entry {
    key: Box<[u8]>,
    /// Its [`Place`].
    answer: Vec<u8>,
    lists: Vec<EntryList>,
}

/// The groups of a list that stand beside the key, how many there are in all, and where all are when that is more.
struct EntryList {
    head: Vec<u32>,
    len: usize,
    whole: Vec<u8>,
}

impl<'a> TermWriter<'a> {
    fn new(group_points: &'a [u8]) -> Self {
        let (bytes, keys, lists, entries, entry_bytes, before) = Default::default();
        Self { group_points, bytes, blocks: Blocks::default(), keys, lists, entries, entry_bytes, before }
    }

    fn push(&mut self, key: &[u8], answer: Option<&Place>, lists: &[&[u32]]) {
        if self.entry_bytes >= BLOCK_BYTES {
            self.close_block();
        }
        if self.entries.is_empty() {
            // The shortest key that parts this block from the one before it.
            let len = (common_prefix(&self.before, key) + 1).min(key.len());
            self.keys.push(key[..len].into());
        }
        let shared = if self.entries.is_empty() { 0 } else { shared_front(&self.before, key) };
        let mut place = Vec::new();
        match answer {
            Some(Place::Copied(range)) => {
                put_varint(&mut place, range.end - range.start);
                put_varint(&mut place, range.start);
            }
            Some(Place::Here(numbers)) => {
                put_varint(&mut place, ANSWER_HERE);
                put_numbers(&mut place, numbers);
            }
            None => {}
        }
        let lists: Vec<EntryList> = lists.iter().map(|list| self.entry_list(list)).collect();
        let entry = Entry { key: key.into(), answer: place, lists };
        // As if the groups before were near: a byte more or less makes no difference to a block.
        let base = entry.lists.iter().find_map(|list| list.head.first().copied()).unwrap_or(0);
        let mut written = Vec::new();
        entry.put(&mut written, [shared, 0], &mut Near::new(base));
        self.entry_bytes += written.len();
        self.entries.push(entry);
        self.before.clear();
        self.before.extend_from_slice(key);
    }

    fn entry_list(&mut self, list: &[u32]) -> EntryList {
        let mut head = list.to_vec();
        best_groups(&mut head, self.group_points);
        let mut whole = Vec::new();
        if list.len() > HEAD {
            let mut tail = Vec::new();
            put_ascending(&mut tail, list, 0);
            seal(&mut tail);
            put_varint(&mut whole, self.lists.len() as u64);
            put_varint(&mut whole, tail.len() as u64);
            self.lists.extend(tail);
        }
        EntryList { head, len: list.len(), whole }
    }

    fn close_block(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        // Names stand in the order of their readings, as the keys do: the groups of a block's keys are neighbours.
        let mut firsts: Vec<u32> = self.entries.iter().filter_map(Entry::first_of_names).collect();
        firsts.sort_unstable();
        let base = firsts.get(firsts.len() / 2).copied().unwrap_or(0);
        let mut block = Vec::new();
        put_varint(&mut block, base.into());
        let mut near = Near::new(base);
        let mut shared = 0;
        for (at, entry) in self.entries.iter().enumerate() {
            let with_next = self.entries.get(at + 1).map_or(0, |next| shared_front(&entry.key, &next.key));
            entry.put(&mut block, [shared, with_next], &mut near);
            shared = with_next;
        }
        seal(&mut block);
        self.bytes.append(&mut block);
        self.blocks.ends.push(self.bytes.len() as u64);
        self.entries.clear();
        self.entry_bytes = 0;
    }
}

impl Entry {
    /// The first group of the texts that begin with the key.
    fn first_of_names(&self) -> Option<u32> {
        self.lists.first().and_then(|list| list.head.first().copied())
    }

    /// The only group that the key stands in, and whether that is elsewhere than at the start of a text.
    fn only_group(&self) -> Option<(u32, bool)> {
        match self.lists.iter().map(|list| list.head.as_slice()).collect::<Vec<_>>()[..] {
            [[group], []] => Some((*group, false)),
            [[], [group]] => Some((*group, true)),
            _ => None,
        }
    }

    /// Appends what the key does not share with the key before it, `shared` being the bytes that it shares with that and
    /// with the next.
    fn put(&self, out: &mut Vec<u8>, shared: [usize; 2], near: &mut Near) {
        let [with_before, with_next] = shared;
        put_ended(out, &self.key[with_before..], with_next);
        let (Some(&first), Some(&kind)) = (self.key.first(), self.key.last()) else { return };
        if first == MIRRORED {
            return;
        }
        if let Some((group, elsewhere)) = self.only_group() {
            put_varint(out, if elsewhere { ONE_ELSEWHERE } else { ONE_AT_START });
            let last = near.group(kind, elsewhere);
            put_varint(out, distance(*last, group));
            *last = group;
            return;
        }
        let mut payload = self.answer.clone();
        for list in &self.lists {
            put_varint(&mut payload, list.len as u64);
            put_ascending(&mut payload, &list.head, *near.group(kind, false));
            payload.extend_from_slice(&list.whole);
        }
        put_varint(out, payload.len() as u64 + PAYLOAD);
        out.extend(payload);
    }
}

/// Records by place: cells of a grid over the index in the order of a Z curve, each with the groups that its
/// records are in.
fn write_places(ranked: &[&Record], root: &mut Root) -> Vec<u8> {
    let count = root.record_count;
    root.place_level = bits_for(u64::from(count / CELL_RECORDS)).div_ceil(2).min(16);
    let mut placed: Vec<(u64, u32)> = (ranked.iter().enumerate())
        .map(|(number, record)| (crate::place::cell_of(stored_position(record, root), root), number as u32))
        .collect();
    placed.sort_unstable();
    let mut bytes = Vec::new();
    let mut block = Vec::new();
    let mut before = 0;
    let mut numbers = Vec::new();
    for cell in placed.chunk_by(|a, b| a.0 == b.0) {
        if block.len() >= BLOCK_BYTES {
            close_places(&mut block, &mut bytes, root);
        }
        if block.is_empty() {
            root.place_cells.push(cell[0].0);
            before = cell[0].0;
        }
        numbers.clear();
        numbers.extend(cell.iter().map(|(_, number)| number / GROUP));
        numbers.dedup();
        put_varint(&mut block, cell[0].0 - before);
        put_varint(&mut block, numbers.len() as u64);
        put_ascending(&mut block, &numbers, 0);
        before = cell[0].0;
    }
    close_places(&mut block, &mut bytes, root);
    bytes
}

fn close_places(block: &mut Vec<u8>, bytes: &mut Vec<u8>, root: &mut Root) {
    if !block.is_empty() {
        seal(block);
        bytes.append(block);
        root.places.ends.push(bytes.len() as u64);
    }
}
