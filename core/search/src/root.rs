//! The root of a published index: the small file that is read first and says where everything else is.

use crate::bytes::{Reader, bits_for, common_prefix, put_text, put_varint, seal, unseal};
use crate::fold::floor;
use crate::order::sort_pairs;
use crate::record::guess_importance;
use crate::regions::Regions;

/// Version of the layout; a reader refuses every other.
pub const FORMAT_VERSION: u64 = 6;
const MAGIC: &[u8; 4] = b"CTSI";

/// Records that one posting stands for: postings name groups of records, and a group's names are looked at one by one.
pub(crate) const GROUP: u32 = 16;
/// Records of a block of the records file, the unit of fetching.
pub(crate) const BLOCK: u32 = 64;

/// Letters of a pinyin key; longer readings are compared on the record itself.
pub(crate) const PINYIN_KEY: usize = 10;
/// Letters of an initials key.
pub(crate) const INITIALS_KEY: usize = 4;
/// Han characters in a row that get an answer beforehand at most.
pub(crate) const HAN_CHARS: usize = 3;
/// Bytes of a phrase key, without its mark.
pub(crate) const PHRASE_KEY: usize = 20;
/// The first byte of a phrase key: the first two words of a text with a space between.
pub(crate) const PHRASE: char = '\u{5}';
/// The first byte of a mirrored key: after the first letter a word's others from its end, so that words which differ
/// near their beginning are neighbours.
pub(crate) const MIRRORED: u8 = 6;
/// Letters of the shortest word that is mirrored: shorter ones are not looked for in spite of mistakes.
pub(crate) const MIN_MIRRORED: usize = 5;
/// Bytes of a word key.
pub(crate) const WORD_KEY: usize = 32;
/// The most bytes of a key, whatever it stands for.
const MAX_KEY: usize = 64;

/// Stands where the length of an answer in the lists file would: the numbers of its records follow instead.
pub(crate) const ANSWER_HERE: u64 = 1;

/// What a key of the dictionary stands for; its last byte, below every byte of a word.
pub(crate) mod marker {
    /// The precomputed answer to this text, and the first groups of all keys that start like it, where there are many.
    pub(crate) const TOPS: u8 = 0;
    /// A folded word of letters or digits.
    pub(crate) const WORD: u8 = 1;
    /// The pinyin of a run of Han characters.
    pub(crate) const PINYIN: u8 = 2;
    /// The initials of that pinyin.
    pub(crate) const INITIALS: u8 = 3;
    /// One Han character or two in a row.
    pub(crate) const HAN: u8 = 4;
}

/// Where the keys of a block stood that stand in one group alone, so that the next one's group is told by its distance:
/// keys and names are in about the same order.
pub(crate) struct Near {
    /// By kind of key.
    at_start: [u32; 8],
    elsewhere: [u32; 8],
}

impl Near {
    pub(crate) fn new(base: u32) -> Self {
        Self { at_start: [base; 8], elsewhere: [base; 8] }
    }

    /// The last group of keys of this kind.
    #[inline]
    pub(crate) fn group(&mut self, kind: u8, elsewhere: bool) -> &mut u32 {
        let groups = if elsewhere { &mut self.elsewhere } else { &mut self.at_start };
        &mut groups[usize::from(kind % 8)]
    }
}

/// What stands beside a key in the place of its payload's length: it stands in one group at the start of a text.
pub(crate) const ONE_AT_START: u64 = 0;
/// It stands in one group, elsewhere.
pub(crate) const ONE_ELSEWHERE: u64 = 1;
/// A payload follows, of so many bytes less than the number says.
pub(crate) const PAYLOAD: u64 = 2;

/// The files of a published index besides its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum File {
    /// The dictionary, with short lists of groups in it.
    Terms,
    /// Long lists of groups.
    Lists,
    /// The records.
    Records,
    /// Records by place.
    Places,
}

impl File {
    /// All of them, in the order in which the root names them.
    pub const ALL: [Self; 4] = [Self::Terms, Self::Lists, Self::Records, Self::Places];
}

/// Where the blocks of a file start and end.
#[derive(Default)]
pub(crate) struct Blocks {
    /// Offset after each block.
    pub(crate) ends: Vec<u64>,
}

impl Blocks {
    pub(crate) fn range(&self, block: usize) -> Option<std::ops::Range<u64>> {
        let end = *self.ends.get(block)?;
        let start = if block == 0 { 0 } else { *self.ends.get(block - 1)? };
        Some(start..end)
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.ends.len() as u64);
        let mut before = 0;
        for &end in &self.ends {
            put_varint(out, end - before);
            before = end;
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let count = reader.len()?;
        let mut end = 0_u64;
        let ends = (0..count)
            .map(|_| {
                end = end.checked_add(reader.varint()?)?;
                Some(end)
            })
            .collect::<Option<_>>()?;
        Some(Self { ends })
    }
}

/// Everything that the root says.
#[derive(Default)]
pub(crate) struct Root {
    pub(crate) record_count: u32,
    /// West and south edge of all records, degrees.
    pub(crate) origin: [f64; 2],
    /// Degrees of one step of a stored position.
    pub(crate) step_deg: f64,
    /// Greatest steps of a stored longitude and latitude.
    pub(crate) position_most: [u64; 2],
    pub(crate) regions: Regions,
    /// First group of each tier of records, and the points of its records on average.
    pub(crate) tiers: Vec<(u32, u8)>,
    /// Names and number of records, sorted by name.
    pub(crate) categories: Vec<(String, u32)>,
    /// What records of each category are worth that do not say it themselves.
    pub(crate) category_importance: Vec<f64>,
    pub(crate) id_prefixes: Vec<String>,
    /// Language tags of further names.
    pub(crate) tags: Vec<String>,
    /// Names of attributes.
    pub(crate) attributes: Vec<String>,
    /// Ids of records of other indexes that this one takes the place of.
    pub(crate) replaced: Vec<String>,
    pub(crate) readings: Readings,
    /// Name and length in bytes of each file.
    pub(crate) files: [(String, u64); 4],
    pub(crate) terms: Blocks,
    /// Least key that may stand in each block of terms.
    pub(crate) term_keys: Vec<Box<[u8]>>,
    pub(crate) records: Blocks,
    pub(crate) places: Blocks,
    /// First cell of each block of places.
    pub(crate) place_cells: Vec<u64>,
    /// Bits of a cell's column and of its row.
    pub(crate) place_level: u32,
}

/// Why the root of an index cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The bytes are something else.
    #[error("this is not the root of a search index: it does not start with CTSI")]
    Magic,
    /// Made by another version of the builder.
    #[error("this search index has format {found}; this build reads {FORMAT_VERSION}")]
    Version {
        /// What the file says.
        found: u64,
    },
    /// Cut short or changed on its way.
    #[error("the root of this search index is damaged: {what}")]
    Damaged {
        /// What is wrong with it.
        what: &'static str,
    },
}

impl Root {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put_varint(&mut out, FORMAT_VERSION);
        put_varint(&mut out, self.record_count.into());
        for value in [self.origin[0], self.origin[1], self.step_deg] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        self.position_most.iter().for_each(|most| put_varint(&mut out, *most));
        self.regions.put(&mut out);
        put_varint(&mut out, self.tiers.len() as u64);
        for (group, points) in &self.tiers {
            put_varint(&mut out, (*group).into());
            out.push(*points);
        }
        put_varint(&mut out, self.categories.len() as u64);
        for (name, count) in &self.categories {
            put_text(&mut out, name);
            put_varint(&mut out, (*count).into());
        }
        for texts in [&self.id_prefixes, &self.tags, &self.attributes, &self.replaced] {
            put_varint(&mut out, texts.len() as u64);
            texts.iter().for_each(|text| put_text(&mut out, text));
        }
        self.readings.put(&mut out);
        for (name, len) in &self.files {
            put_text(&mut out, name);
            put_varint(&mut out, *len);
        }
        self.terms.put(&mut out);
        let mut before: &[u8] = &[];
        for key in &self.term_keys {
            let shared = common_prefix(before, key);
            put_varint(&mut out, shared as u64);
            put_varint(&mut out, (key.len() - shared) as u64);
            out.extend_from_slice(&key[shared..]);
            before = key;
        }
        self.records.put(&mut out);
        put_varint(&mut out, self.place_level.into());
        self.places.put(&mut out);
        let mut before = 0;
        for &cell in &self.place_cells {
            put_varint(&mut out, cell - before);
            before = cell;
        }
        seal(&mut out);
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, IndexError> {
        let Some(after_magic) = bytes.strip_prefix(MAGIC) else { return Err(IndexError::Magic) };
        let damaged = |what| IndexError::Damaged { what };
        let found = Reader::new(after_magic).varint().ok_or(damaged("it ends in its version"))?;
        if found != FORMAT_VERSION {
            return Err(IndexError::Version { found });
        }
        let content = unseal(bytes).ok_or(damaged("its checksum is wrong"))?;
        let mut reader = Reader::new(content.get(MAGIC.len()..).unwrap_or_default());
        reader.varint();
        Self::read(&mut reader).ok_or(damaged("a field is out of range"))
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let record_count = reader.varint32().filter(|count| *count < u32::MAX - BLOCK)?;
        let origin = [reader.f64()?, reader.f64()?];
        let step_deg = reader.f64()?;
        let position_most = [reader.varint32()?.into(), reader.varint32()?.into()];
        let sane = origin.iter().all(|edge| edge.is_finite()) && step_deg.is_finite() && step_deg > 0.0;
        if !sane {
            return None;
        }
        let regions = Regions::read(reader, position_most)?;
        let tiers = (0..reader.len()?).map(|_| Some((reader.varint32()?, reader.u8()?))).collect::<Option<_>>()?;
        let categories = (0..reader.len()?)
            .map(|_| Some((reader.text()?.to_owned(), reader.varint32()?)))
            .collect::<Option<Vec<(String, u32)>>>()?;
        let category_importance = categories.iter().map(|(name, _)| guess_importance(name)).collect();
        let mut texts = || (0..reader.len()?).map(|_| Some(reader.text()?.to_owned())).collect::<Option<Vec<_>>>();
        let id_prefixes = texts()?;
        let tags = texts()?;
        let attributes = texts()?;
        let replaced = texts()?;
        let readings = Readings::read(reader)?;
        let mut files: [(String, u64); 4] = Default::default();
        for file in &mut files {
            *file = (reader.text()?.to_owned(), reader.varint()?);
        }
        let terms = Blocks::read(reader)?;
        let mut before: Vec<u8> = Vec::new();
        let term_keys = (0..terms.ends.len())
            .map(|_| {
                let shared = usize::try_from(reader.varint()?).ok().filter(|shared| *shared <= before.len())?;
                before.truncate(shared);
                let len = reader.len()?;
                before.extend_from_slice(reader.take(len)?);
                // What keys share takes no bytes: long ones would take far more room than the root has.
                (before.len() <= MAX_KEY).then(|| before.as_slice().into())
            })
            .collect::<Option<Vec<Box<[u8]>>>>()?;
        let records = Blocks::read(reader)?;
        let place_level = reader.varint32().filter(|level| *level <= 24)?;
        let places = Blocks::read(reader)?;
        let mut cell = 0_u64;
        let place_cells = (0..places.ends.len())
            .map(|_| {
                cell = cell.checked_add(reader.varint()?)?;
                Some(cell)
            })
            .collect::<Option<_>>()?;
        let root = Self {
            record_count,
            origin,
            step_deg,
            position_most,
            regions,
            tiers,
            categories,
            category_importance,
            id_prefixes,
            tags,
            attributes,
            replaced,
            readings,
            files,
            terms,
            term_keys,
            records,
            places,
            place_cells,
            place_level,
        };
        let blocks_fit = root.records.ends.len() == record_count.div_ceil(BLOCK) as usize
            && root.term_keys.is_sorted()
            && reader.is_empty();
        blocks_fit.then_some(root)
    }

    /// The points that a record of a group can expect.
    pub(crate) fn points_of(&self, group: u32) -> f64 {
        let tier = self.tiers.iter().rev().find(|(first, _)| *first <= group);
        tier.map_or(0.0, |(_, points)| f64::from(*points))
    }

    /// Bits of a stored longitude (0) or latitude (1).
    pub(crate) fn position_bits(&self, axis: usize) -> u32 {
        bits_for(self.position_most[axis])
    }

    /// Number of groups of records.
    pub(crate) fn group_count(&self) -> u32 {
        self.record_count.div_ceil(GROUP)
    }

    /// The files' blocks; long lists have none.
    pub(crate) fn blocks(&self, file: File) -> Option<&Blocks> {
        match file {
            File::Terms => Some(&self.terms),
            File::Lists => None,
            File::Records => Some(&self.records),
            File::Places => Some(&self.places),
        }
    }
}

/// The mirrored form of a word.
pub(crate) fn mirrored(word: &[u8]) -> Vec<u8> {
    let (first, rest) = word.split_at(word.len().min(1));
    [MIRRORED].iter().chain(first).chain(rest.iter().rev()).copied().collect()
}

/// The word that a mirrored key without its mark stands for.
pub(crate) fn unmirrored(key: &[u8]) -> Option<Vec<u8>> {
    let [MIRRORED, first, rest @ ..] = key else { return None };
    Some([first].into_iter().chain(rest.iter().rev()).copied().collect())
}

/// The key of the answer made beforehand for Han characters in a row, without its mark. From three characters on it
/// stands beside the reading of the characters: there, texts that begin with them are found too.
pub(crate) fn han_answer_key(text: &str, readings: &Readings) -> Vec<u8> {
    match text.chars().nth(2) {
        Some(_) => {
            let reading: String = text.chars().map_while(|c| readings.of(c).next()).collect();
            [floor(&reading, PINYIN_KEY).as_bytes(), &[marker::TOPS], text.as_bytes()].concat()
        }
        None => text.chars().map(|c| readings.in_order(c)).collect::<String>().into_bytes(),
    }
}

/// How the Han characters of an index are read: pinyin without tones, the most usual reading first.
#[derive(Default)]
pub(crate) struct Readings {
    syllables: Vec<String>,
    /// Ascending by character.
    chars: Vec<(char, Vec<u16>)>,
    /// Place in `chars` plus one, from [`FIRST_HAN`] on.
    places: Vec<u16>,
    /// Place of each character from [`FIRST_HAN`] on in the order of their readings.
    order: Vec<u16>,
}

const FIRST_HAN: u32 = 0x4E00;
const LAST_HAN: u32 = 0x9FFF;

impl Readings {
    /// `chars` ascending, all within the basic block.
    #[cfg(feature = "build")]
    pub(crate) fn new(chars: &[(char, Vec<String>)]) -> Self {
        let mut syllables: Vec<String> = chars.iter().flat_map(|(_, readings)| readings.iter().cloned()).collect();
        syllables.sort();
        syllables.dedup();
        let number = |text: &String| syllables.binary_search(text).expect("every syllable was collected") as u16;
        let chars = chars.iter().map(|(c, readings)| (*c, readings.iter().map(number).collect())).collect();
        Self::placed(syllables, chars).unwrap_or_default()
    }

    fn placed(syllables: Vec<String>, chars: Vec<(char, Vec<u16>)>) -> Option<Self> {
        let mut places = vec![0; (LAST_HAN - FIRST_HAN + 1) as usize];
        for (place, (c, _)) in chars.iter().enumerate() {
            *places.get_mut(u32::from(*c).checked_sub(FIRST_HAN)? as usize)? = place as u16 + 1;
        }
        let mut keyed: Vec<(u64, u32)> = Vec::with_capacity(chars.len());
        for (c, readings) in &chars {
            let syllable = syllables.get(usize::from(*readings.first()?))?.as_bytes();
            // A reading's letters come before its characters, as in the order of the names.
            let mut key = [u8::MAX; 8];
            key.iter_mut().zip(syllable).take(6).for_each(|(byte, letter)| *byte = *letter);
            let code = u32::from(*c);
            key[6..].copy_from_slice(&(code as u16).to_be_bytes());
            keyed.push((u64::from_be_bytes(key), code - FIRST_HAN));
        }
        sort_pairs(&mut keyed);
        let unread = (0..).zip(&places).filter(|(_, place)| **place == 0).map(|(at, _)| at);
        let mut order = vec![0; places.len()];
        for (place, at) in (0..).zip(keyed.iter().map(|(_, at)| *at).chain(unread)) {
            *order.get_mut(at as usize)? = place;
        }
        Some(Self { syllables, chars, places, order })
    }

    /// The character that stands for a Han character in a key, so that keys are in the order of their readings, as names
    /// are.
    pub(crate) fn in_order(&self, c: char) -> char {
        let at = u32::from(c).checked_sub(FIRST_HAN);
        let place = at.and_then(|at| self.order.get(at as usize));
        place.and_then(|place| char::from_u32(FIRST_HAN + u32::from(*place))).unwrap_or(c)
    }

    /// The readings of a character; none when it has none.
    pub(crate) fn of(&self, c: char) -> impl ExactSizeIterator<Item = &str> + Clone {
        let place = u32::from(c).checked_sub(FIRST_HAN).and_then(|at| self.places.get(at as usize)).copied();
        let readings = match place.unwrap_or(0).checked_sub(1) {
            Some(place) => self.chars.get(place as usize).map_or(&[][..], |(_, readings)| readings),
            None => &[],
        };
        readings.iter().map(|number| self.syllables[*number as usize].as_str())
    }

    /// Whether some character is read like this.
    pub(crate) fn is_syllable(&self, text: &str) -> bool {
        self.syllables.binary_search_by(|known| known.as_str().cmp(text)).is_ok()
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.syllables.len() as u64);
        self.syllables.iter().for_each(|syllable| put_text(out, syllable));
        put_varint(out, self.chars.len() as u64);
        let mut before = FIRST_HAN;
        for (c, _) in &self.chars {
            put_varint(out, (u32::from(*c) - before).into());
            before = u32::from(*c);
        }
        for (_, readings) in &self.chars {
            // Readings beyond the first are few: a flag in the lowest bit says that another follows.
            for (i, reading) in readings.iter().enumerate() {
                put_varint(out, u64::from(*reading) << 1 | u64::from(i + 1 < readings.len()));
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let syllables = (0..reader.len()?).map(|_| Some(reader.text()?.to_owned())).collect::<Option<Vec<String>>>()?;
        if syllables.iter().any(String::is_empty) {
            return None;
        }
        let count = reader.len()?;
        let mut code = FIRST_HAN;
        let mut chars = (0..count)
            .map(|_| {
                code = code.checked_add(reader.varint32()?).filter(|code| *code <= LAST_HAN)?;
                Some((char::from_u32(code)?, Vec::new()))
            })
            .collect::<Option<Vec<(char, Vec<u16>)>>>()?;
        for (_, readings) in &mut chars {
            loop {
                let value = reader.varint32()?;
                let number = u16::try_from(value >> 1).ok()?;
                syllables.get(number as usize)?;
                readings.push(number);
                if value & 1 == 0 {
                    break;
                }
            }
        }
        if chars.len() > (LAST_HAN - FIRST_HAN + 1) as usize {
            return None;
        }
        Self::placed(syllables, chars)
    }
}
