//! Answers queries over a published index, asking for the bytes that it lacks.

use crate::bytes::{Reader, each_ascending};
use crate::matcher::{
    How, Matcher, Rows, TextMatch, Token, initials_of_mixed, is_pinyin_letters, readings_of_query, typos_allowed,
};
use crate::place::{Area, cells_of, distance_m, interleave};
use crate::record::{GroupTexts, Record, RecordBlock};
use crate::root::{BLOCK, File, GROUP, INITIALS_KEY, IndexError, PINYIN_KEY, Root, WORD_KEY, marker};
use crate::store::{Look, Need, Problem, Store, coalesce};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Groups that one step of a query looks at unless its answer must be complete.
const MAX_GROUPS: usize = 192;
/// The same where most records fall to a filter, which is cheap.
const MAX_FILTERED_GROUPS: usize = 6000;
/// Blocks of the dictionary that a search for mistyped words fetches at most.
const MAX_TYPO_BLOCKS: usize = 6;
/// Blocks of the dictionary that one word's endings may fill.
const MAX_ENDING_BLOCKS: usize = 12;
/// Groups that a list may have to be compared name by name instead of being narrowed by the other words.
const SHORT_LIST: usize = 24;
/// A hit with the same name as one before it loses this much, so that ten of one name do not hide all others.
const REPEAT_PENALTY: f64 = 25.0;
/// Cells looked at around a position at most.
const MAX_CELLS: usize = 4096;

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// What was typed; when empty, everything within the other conditions is a hit.
    pub text: String,
    /// At most this many hits; [`Query::new`] says 10.
    pub limit: usize,
    /// Prefer what is near this longitude and latitude (degrees). Without a text: the nearest first.
    pub near: Option<(f64, f64)>,
    /// Only what lies here.
    pub area: Option<Area>,
    /// Only these categories; empty for all.
    pub categories: Vec<String>,
    /// Look at everything that could match, however long it takes. Default `false`: a query looks at the best
    /// few thousand records of each kind of match.
    pub exhaustive: bool,
}

impl Query {
    /// A query for a text with ten hits.
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), limit: 10, ..Self::default() }
    }
}

/// One found record.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What was found.
    pub record: Record,
    /// Its number in this index.
    pub number: u32,
    /// The text that matched: its name, another name, or its address; its name when no text was asked for.
    pub text: String,
    /// Byte ranges of `text` that the query matched, ascending.
    pub matched: Vec<Range<usize>>,
    /// How the least good word of the query matched; `None` when no text was asked for.
    pub how: Option<How>,
    /// Metres from [`Query::near`].
    pub distance_m: Option<f64>,
    /// Higher is better; comparable within one answer. The sum of `explain`.
    pub score: f64,
    /// What the score is made of.
    pub explain: Vec<(&'static str, f64)>,
}

/// What a query found so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The best hits, best first.
    pub hits: Vec<Found>,
    /// What to fetch for a better answer. Empty when this is the final one.
    pub needs: Vec<Need>,
    /// Parts of the index that could not be used.
    pub problems: Vec<Problem>,
}

/// A published index, as far as it has arrived.
///
/// ```no_run
/// # fn fetch(_: &str, _: std::ops::Range<u64>) -> Vec<u8> { Vec::new() }
/// # fn main() -> Result<(), citytwin_search::IndexError> {
/// # let root = Vec::new();
/// use citytwin_search::{Query, Searcher};
/// let mut searcher = Searcher::open(&root)?;
/// let query = Query::new("mannerheimintie");
/// loop {
///     let answer = searcher.query(&query);
///     // Show answer.hits: they get better with every round.
///     if answer.needs.is_empty() {
///         break;
///     }
///     for need in &answer.needs {
///         let bytes = fetch(searcher.file_name(need.file), need.range.clone());
///         searcher.feed(need.file, need.range.start, bytes);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Searcher {
    root: Root,
    store: Store,
}

impl Searcher {
    /// Reads the root of an index.
    ///
    /// # Errors
    /// [`IndexError`] when the bytes are no root, of another version, or damaged.
    pub fn open(root: &[u8]) -> Result<Self, IndexError> {
        let root = Root::from_bytes(root)?;
        let store = Store::new(&root);
        Ok(Self { root, store })
    }

    /// Number of records in the index.
    pub fn len(&self) -> usize {
        self.root.record_count as usize
    }

    /// Whether nothing can be found.
    pub fn is_empty(&self) -> bool {
        self.root.record_count == 0
    }

    /// The categories of the index with their number of records, by name.
    pub fn categories(&self) -> impl Iterator<Item = (&str, u32)> {
        self.root.categories.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// The name of a file beside the root.
    pub fn file_name(&self, file: File) -> &str {
        &self.root.files[file as usize].0
    }

    /// Length of a file in bytes.
    pub fn file_len(&self, file: File) -> u64 {
        self.root.files[file as usize].1
    }

    /// Takes bytes of a file that start at `offset`: those of a need, or a whole file. A boxed slice or a vector is
    /// kept without being copied.
    pub fn feed(&mut self, file: File, offset: u64, bytes: impl Into<Box<[u8]>>) {
        self.store.feed(file, offset, bytes.into());
    }

    /// Says that a need will not be met. Queries no longer ask for it and name it among their problems.
    pub fn fail(&mut self, need: &Need, message: &str) {
        self.store.fail(need, message);
    }

    /// Lets queries ask again for what failed.
    pub fn retry(&mut self) {
        self.store.forget_failures();
    }

    /// Bytes of the files that have arrived and are kept.
    pub fn held_bytes(&self) -> u64 {
        self.store.held_bytes()
    }

    /// The best answer that the bytes at hand allow, and what to fetch for a better one. An older query is given up
    /// by not asking again.
    pub fn query(&self, query: &Query) -> Answer {
        let mut run = Run::new(self, query);
        run.search();
        run.answer()
    }
}

/// A list of groups that starts with its best ones.
#[derive(Clone, Debug, Default)]
struct List {
    /// Ascending; all of the list, or its head.
    groups: Vec<u32>,
    /// The whole list, where `groups` is only its head: bytes of the lists file, and how many groups it has.
    whole: Option<(Range<u64>, usize)>,
}

impl List {
    fn len(&self) -> usize {
        self.whole.as_ref().map_or(self.groups.len(), |(_, len)| *len)
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// The groups of everything that one letter word may stand for.
#[derive(Default)]
struct WordLists {
    /// By kind of key: words, pinyin, initials; each at the start of a text and elsewhere.
    exact: [List; 6],
    /// The same for longer keys that begin with the word.
    longer: [List; 6],
    /// `longer` holds only the first groups.
    cut: bool,
}

/// A verified record that matches.
struct Scored {
    number: u32,
    score: f64,
    name_hash: u64,
    whole: bool,
}

struct Run<'a> {
    searcher: &'a Searcher,
    query: &'a Query,
    /// Sorted places in the root's list; `None` for all.
    categories: Option<Vec<usize>>,
    matcher: Matcher,
    texts: GroupTexts<'a>,
    needs: Vec<Need>,
    problems: Vec<Problem>,
    hits: BTreeMap<u32, Scored>,
    names: BTreeSet<u64>,
    /// Names that the groups that have not arrived will bring, roughly.
    awaited: usize,
    /// Groups looked at, by the reading of the query and whether typos were allowed.
    seen: BTreeSet<(u8, u32)>,
}

impl<'a> Run<'a> {
    fn new(searcher: &'a Searcher, query: &'a Query) -> Self {
        let categories = (!query.categories.is_empty()).then(|| {
            let places = query.categories.iter().filter_map(|wanted| {
                searcher.root.categories.binary_search_by(|(name, _)| name.as_str().cmp(wanted)).ok()
            });
            let mut places: Vec<usize> = places.collect();
            places.sort_unstable();
            places
        });
        Self {
            searcher,
            query,
            categories,
            matcher: Matcher::default(),
            texts: GroupTexts::default(),
            needs: Vec::new(),
            problems: Vec::new(),
            hits: BTreeMap::new(),
            names: BTreeSet::new(),
            awaited: 0,
            seen: BTreeSet::new(),
        }
    }

    fn root(&self) -> &'a Root {
        &self.searcher.root
    }

    fn filtered(&self) -> bool {
        self.categories.is_some() || self.query.area.is_some()
    }

    /// Different names after which a step of the query has found enough.
    fn enough(&self) -> usize {
        if self.query.exhaustive { usize::MAX } else { self.query.limit.clamp(10, 200) }
    }

    fn max_groups(&self) -> usize {
        match () {
            () if self.query.exhaustive => usize::MAX,
            () if self.filtered() => MAX_FILTERED_GROUPS,
            () if self.query.near.is_some() => 4 * MAX_GROUPS,
            () => MAX_GROUPS,
        }
    }

    fn search(&mut self) {
        if self.query.limit == 0 || self.searcher.is_empty() || self.categories.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        let readings = readings_of_query(&self.query.text);
        if readings.is_empty() {
            // Nothing that could be a word: only an empty text asks for everything.
            if self.query.text.trim().is_empty() {
                self.search_places();
            }
            return;
        }
        if let Some(area) = self.query.area.filter(|area| self.is_small(area)) {
            for (i, tokens) in readings.iter().enumerate() {
                self.search_area(&area, tokens, i as u8 * 2, false);
                if self.hits.is_empty() {
                    self.search_area(&area, tokens, i as u8 * 2 + 1, true);
                }
            }
            return;
        }
        for (i, tokens) in readings.iter().enumerate() {
            match tokens.as_slice() {
                [only] => self.search_word(only, i as u8 * 2),
                _ => self.search_words(tokens, i as u8 * 2, false),
            }
        }
        let typed = self.names.len() + self.awaited;
        if typed < self.query.limit || self.query.exhaustive {
            for (i, tokens) in readings.iter().enumerate() {
                self.search_typos(tokens, i as u8 * 2 + 1);
            }
        }
        if let Some(near) = self.query.near {
            self.search_around(near, &readings[0]);
        }
    }

    // --- blocks -----------------------------------------------------------------------------------------------------

    fn look(&mut self, file: File, range: Range<u64>, block: Option<usize>) -> Option<&'a [u8]> {
        match self.searcher.store.look(file, range, block) {
            Look::Have(content) => Some(content),
            Look::Missing(range) => {
                let need = Need { file, range };
                if !self.needs.contains(&need) {
                    self.needs.push(need);
                }
                None
            }
            Look::Bad(problem) => {
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                None
            }
        }
    }

    fn block(&mut self, file: File, block: usize) -> Option<&'a [u8]> {
        let range = self.root().blocks(file)?.range(block)?;
        self.look(file, range, Some(block))
    }

    fn has_block(&self, file: File, block: usize) -> bool {
        let range = self.root().blocks(file).and_then(|blocks| blocks.range(block));
        range.is_some_and(|range| !matches!(self.searcher.store.look(file, range, Some(block)), Look::Missing(_)))
    }

    fn damaged(&mut self, file: File, block: usize) {
        let range = self.root().blocks(file).and_then(|blocks| blocks.range(block)).unwrap_or_default();
        let problem = Problem { file, range, message: "damaged: it does not read as it should".to_owned() };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    // --- the dictionary ---------------------------------------------------------------------------------------------

    /// The block in which a key stands if it stands anywhere.
    fn term_block(&self, key: &[u8]) -> usize {
        self.root().term_keys.partition_point(|first| first.as_ref() <= key).saturating_sub(1)
    }

    /// Hands every key of a block from `from` on with its payload to `each` until it answers `false`; answers whether
    /// the block was read to its end.
    fn each_term(&mut self, block: usize, each: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> bool {
        let Some(bytes) = self.block(File::Terms, block) else { return true };
        match each_key(bytes, each) {
            Some(finished) => finished,
            None => {
                self.damaged(File::Terms, block);
                true
            }
        }
    }

    /// Decodes the lists of a payload.
    fn lists<const N: usize>(&self, payload: &[u8]) -> Option<[List; N]> {
        let mut reader = Reader::new(payload);
        let mut lists: [List; N] = std::array::from_fn(|_| List::default());
        for list in &mut lists {
            *list = read_list(&mut reader, self.root().group_count())?;
        }
        Some(lists)
    }

    /// Reads the whole of a list of which only the head is there; leaves the head where it has not arrived.
    fn load(&mut self, list: &mut List) -> bool {
        let Some((range, len)) = list.whole.clone() else { return true };
        let universe = self.root().group_count();
        let Some(bytes) = self.look(File::Lists, range.clone(), None) else { return false };
        // Each group takes at least one bit.
        let mut groups = Vec::with_capacity(len.min(bytes.len() * 8));
        let read = each_ascending(bytes, len, universe, |group| {
            groups.push(group);
            true
        });
        if read.is_none() {
            let message = "damaged: a list does not read as it should".to_owned();
            self.problems.push(Problem { file: File::Lists, range, message });
            return false;
        }
        list.groups = groups;
        list.whole = None;
        true
    }

    /// Lists of one exact key.
    fn exact_lists(&mut self, key: &[u8]) -> [List; 2] {
        let block = self.term_block(key);
        let mut payload_found: Option<Vec<u8>> = None;
        self.each_term(block, &mut |found, payload| {
            if found == key {
                payload_found = Some(payload.to_vec());
            }
            found < key
        });
        let Some(payload) = payload_found else { return Default::default() };
        match self.lists(&payload) {
            Some(lists) => lists,
            None => {
                self.damaged(File::Terms, block);
                Default::default()
            }
        }
    }

    /// Everything that a word of letters may stand for. With `all`, every longer key is looked at, as far as the
    /// dictionary's blocks for them are few; otherwise the precomputed first groups do.
    fn word_lists(&mut self, word: &str, all: bool) -> WordLists {
        let mut lists = WordLists::default();
        let key = crate::fold::floor(word, WORD_KEY).as_bytes();
        let mut payloads: Vec<(usize, bool, Vec<u8>)> = Vec::new();
        let mut tops: Option<Vec<u8>> = None;
        let last_block = self.term_block(&[key, &[0xFF]].concat());
        let first_block = self.term_block(key);
        let many = last_block - first_block > MAX_ENDING_BLOCKS && !self.query.exhaustive;
        let use_tops = !all || many;
        for block in first_block..=last_block {
            let finished = self.each_term(block, &mut |found, payload| {
                let Some(after) = found.strip_prefix(key) else { return found < key };
                match after {
                    [marker::TOPS] => tops = Some(payload.to_vec()),
                    [kind @ marker::WORD..=marker::INITIALS] => {
                        payloads.push((usize::from(kind - marker::WORD) * 2, true, payload.to_vec()));
                    }
                    // Keys of this word alone come first; with the tops at hand, the longer ones need not be read.
                    _ if tops.is_some() && use_tops => return false,
                    [.., kind @ marker::WORD..=marker::INITIALS] => {
                        payloads.push((usize::from(kind - marker::WORD) * 2, false, payload.to_vec()));
                    }
                    _ => {}
                }
                true
            });
            if !finished {
                break;
            }
        }
        for (kind, exact, payload) in payloads {
            let Some([start, other]) = self.lists::<2>(&payload) else {
                self.damaged(File::Terms, first_block);
                continue;
            };
            for (slot, mut list) in [(kind, start), (kind + 1, other)] {
                if exact {
                    lists.exact[slot] = list;
                } else {
                    if all || self.query.exhaustive {
                        self.load(&mut list);
                    }
                    lists.longer[slot].groups.extend(list.groups);
                }
            }
        }
        if let (Some(payload), true) = (tops, use_tops) {
            if let Some(tops) = self.lists::<6>(&payload) {
                lists.longer = tops;
                lists.cut = true;
            } else {
                self.damaged(File::Terms, first_block);
            }
        }
        for list in &mut lists.longer {
            list.groups.sort_unstable();
            list.groups.dedup();
        }
        // Pinyin and initials are filed under their first letters only.
        for (len, marker, slot) in [(PINYIN_KEY, marker::PINYIN, 2), (INITIALS_KEY, marker::INITIALS, 4)] {
            // No syllable begins with i, u or v.
            let possible = marker == marker::PINYIN || !word.contains(['i', 'u', 'v']);
            if word.len() > len && is_pinyin_letters(word) && possible {
                let [start, other] = self.exact_lists(&[&word.as_bytes()[..len], &[marker]].concat());
                lists.longer[slot] = merge(std::mem::take(&mut lists.longer[slot]), start);
                lists.longer[slot + 1] = merge(std::mem::take(&mut lists.longer[slot + 1]), other);
            }
        }
        lists
    }

    /// Groups of initials that a word mixing syllables and initials may stand for.
    fn mixed_lists(&mut self, word: &str) -> [List; 2] {
        let root = self.root();
        let initials = initials_of_mixed(word, &|syllable| root.readings.is_syllable(syllable));
        let mut lists: [List; 2] = Default::default();
        for initials in initials {
            if initials.len() >= INITIALS_KEY {
                let key = [&initials.as_bytes()[..INITIALS_KEY], &[marker::INITIALS]].concat();
                let [start, other] = self.exact_lists(&key);
                lists = [merge(std::mem::take(&mut lists[0]), start), merge(std::mem::take(&mut lists[1]), other)];
            } else {
                let found = self.word_lists(&initials, true);
                let [.., exact_start, exact_other] = found.exact;
                let [.., start, other] = found.longer;
                for (slot, list) in [(0, exact_start), (0, start), (1, exact_other), (1, other)] {
                    lists[slot] = merge(std::mem::take(&mut lists[slot]), list);
                }
            }
        }
        lists
    }

    /// Lists of the characters, and of the pairs, of a run of Han characters: the first for its beginning.
    fn han_lists(&mut self, run: &str) -> Vec<[List; 2]> {
        let chars: Vec<char> = run.chars().collect();
        let key = |part: &[char]| {
            let mut key = part.iter().collect::<String>().into_bytes();
            key.push(marker::HAN);
            key
        };
        match chars.as_slice() {
            [_] => vec![self.exact_lists(&key(&chars))],
            _ => chars.windows(2).map(|pair| self.exact_lists(&key(pair))).collect(),
        }
    }

    // --- steps of a search ------------------------------------------------------------------------------------------

    /// One word: what begins with it first, then what has it elsewhere, then readings.
    fn search_word(&mut self, token: &Token, mark: u8) {
        let tokens = std::slice::from_ref(token);
        match token {
            Token::Han(run) => {
                let lists = self.han_lists(run);
                self.search_han(lists, tokens, mark);
            }
            Token::Word(word) | Token::Pinyin(word) => {
                let all = self.query.exhaustive || self.filtered();
                let lists = self.word_lists(word, all);
                let cut = lists.cut;
                let first = if matches!(token, Token::Pinyin(_)) { 2 } else { 0 };
                let WordLists { mut exact, mut longer, .. } = lists;
                for kind in (first..6).step_by(2) {
                    for lists in [&mut exact, &mut longer] {
                        for slot in [kind, kind + 1] {
                            // Twice as many as wanted, so that the better of two kinds of match can win.
                            if self.names.len() + self.awaited < self.enough().saturating_mul(2) {
                                self.verify_list(std::mem::take(&mut lists[slot]), tokens, mark, false);
                            }
                        }
                    }
                }
                if (self.names.is_empty() || self.query.exhaustive) && is_pinyin_letters(word) && word.len() > 2 && !cut
                {
                    for list in self.mixed_lists(word) {
                        self.verify_list(list, tokens, mark, false);
                    }
                }
            }
        }
    }

    fn search_han(&mut self, mut lists: Vec<[List; 2]>, tokens: &[Token], mark: u8) {
        if lists.iter().any(|[start, other]| start.is_empty() && other.is_empty()) {
            return;
        }
        if let [_] = lists.as_slice() {
            let [start, other] = lists.remove(0);
            self.verify_list(start, tokens, mark, false);
            self.verify_list(other, tokens, mark, false);
            return;
        }
        let [start, other] = std::mem::take(&mut lists[0]);
        for first in [start, other] {
            let rest = lists[1..].to_vec();
            let mut all = vec![first];
            // A run may begin a text with its first pair only: all others stand elsewhere.
            all.extend(
                rest.into_iter().map(|[start, other]| if start.is_empty() { other } else { self.union(start, other) }),
            );
            let list = self.intersect(all);
            self.verify_list(list, tokens, mark, false);
        }
    }

    fn union(&mut self, mut a: List, mut b: List) -> List {
        self.load(&mut a);
        self.load(&mut b);
        merge(a, b)
    }

    /// Groups that stand in all lists. A short list is not narrowed further: its names are looked at anyway.
    fn intersect(&mut self, mut lists: Vec<List>) -> List {
        lists.sort_by_key(List::len);
        let mut lists = lists.into_iter();
        let Some(mut least) = lists.next() else { return List::default() };
        // All lists are fetched in one round.
        let mut rest: Vec<List> = lists.collect();
        if least.len() > SHORT_LIST {
            rest.iter_mut().for_each(|list| {
                self.load(list);
            });
        }
        if !self.load(&mut least) {
            return List::default();
        }
        for mut other in rest {
            if least.groups.len() <= SHORT_LIST && other.whole.is_some() {
                continue;
            }
            if self.load(&mut other) {
                let mut rest = other.groups.as_slice();
                least.groups.retain(|group| {
                    rest = &rest[gallop(rest, *group)..];
                    rest.first() == Some(group)
                });
            }
        }
        least
    }

    /// Several words: groups that have each of them.
    fn search_words(&mut self, tokens: &[Token], mark: u8, typos: bool) {
        let mut all: Vec<List> = Vec::new();
        let mut broad: Vec<List> = Vec::new();
        for token in tokens {
            match token {
                Token::Han(run) => {
                    for [start, other] in self.han_lists(run) {
                        all.push(self.union(start, other));
                    }
                }
                Token::Word(word) | Token::Pinyin(word) => {
                    let lists = self.word_lists(word, true);
                    let mut list = List::default();
                    let mut complete = !lists.cut;
                    for mut part in lists.exact.into_iter().chain(lists.longer) {
                        complete &= self.load(&mut part);
                        list.groups.extend(part.groups);
                    }
                    if typos {
                        for (_, groups) in self.typo_groups(word, typos_allowed(word), !self.query.exhaustive) {
                            list.groups.extend(groups);
                        }
                    }
                    if list.is_empty() && !typos && is_pinyin_letters(word) && word.len() > 2 {
                        for mut part in self.mixed_lists(word) {
                            self.load(&mut part);
                            list.groups.extend(part.groups);
                        }
                    }
                    list.groups.sort_unstable();
                    list.groups.dedup();
                    if complete { all.push(list) } else { broad.push(list) }
                }
            }
        }
        // A word of too many endings narrows nothing down; without any other, its first groups must do.
        let list = if all.is_empty() { self.intersect(broad) } else { self.intersect(all) };
        self.verify_list(list, tokens, mark, typos);
    }

    fn search_typos(&mut self, tokens: &[Token], mark: u8) {
        let mistyped = |token: &Token| match token {
            Token::Han(_) => 0,
            Token::Word(word) | Token::Pinyin(word) => typos_allowed(word),
        };
        let most = tokens.iter().map(mistyped).max().unwrap_or(0);
        if most == 0 {
            return;
        }
        let [Token::Word(word) | Token::Pinyin(word)] = tokens else {
            self.search_words(tokens, mark, true);
            return;
        };
        // The first letter is nearly always right, and believing it leaves a tenth of the dictionary to search.
        for (allowed, first_right) in [(1, true), (2, true), (1, false)] {
            if allowed > most || (allowed == 2 && self.query.exhaustive) {
                continue;
            }
            let allowed = if self.query.exhaustive { most } else { allowed };
            for (_, groups) in self.typo_groups(word, allowed, first_right && !self.query.exhaustive) {
                if self.names.len() + self.awaited >= self.enough().saturating_mul(3) {
                    break;
                }
                self.verify_list(List { groups, whole: None }, tokens, mark, true);
            }
            if !self.names.is_empty() {
                break;
            }
        }
    }

    /// Groups of keys within so many mistakes of a word, by how good such a match is, the best first.
    fn typo_groups(&mut self, word: &str, allowed: u32, first_right: bool) -> BTreeMap<(u32, u8), Vec<u32>> {
        let mut groups: BTreeMap<(u32, u8), Vec<u32>> = BTreeMap::new();
        if allowed == 0 {
            return groups;
        }
        let word = crate::fold::floor(word, WORD_KEY).as_bytes();
        let universe = self.root().group_count();
        let mut budget = MAX_TYPO_BLOCKS;
        let near = self.term_block(word);
        // What is at hand is searched in full; beyond it, only the blocks around the word itself are fetched.
        let half = MAX_TYPO_BLOCKS / 2;
        for block in near.saturating_sub(half)..(near + half).min(self.root().term_keys.len()) {
            if budget > 0 && !self.has_block(File::Terms, block) {
                budget -= 1;
                self.block(File::Terms, block);
            }
        }
        let mut rows = Rows::default();
        rows.reset(word.len());
        // By depth: least distance of the word to a beginning of the key so far.
        let mut nearest: Vec<u32> = vec![u32::MAX];
        let mut block = 0;
        let mut blocks = self.root().term_keys.len();
        let first_byte = word.first().copied().filter(|_| first_right);
        if let Some(first) = first_byte {
            block = self.term_block(&[first]);
            blocks = blocks.min(self.term_block(&[first, 0xFF]) + 1);
        }
        while block < blocks {
            if self.has_block(File::Terms, block) {
                let mut dead: Option<usize> = None;
                let mut last: Vec<u8> = Vec::new();
                let mut before_len = 0;
                let Some(bytes) = self.block(File::Terms, block) else {
                    block += 1;
                    continue;
                };
                // Rows are kept from key to key as far as the keys begin alike.
                rows.truncate(0, word.len());
                nearest.truncate(1);
                let damaged = each_key_alive(bytes, &mut |key, shared, payload| {
                    let shared = shared.min(before_len);
                    before_len = key.len();
                    let Some((&kind, letters)) = key.split_last() else { return ALIVE };
                    if first_byte.is_some() && letters.first() != first_byte.as_ref() {
                        return ALIVE;
                    }
                    dead = None;
                    let keep = shared.min(rows.depth()).min(letters.len());
                    rows.truncate(keep, word.len());
                    nearest.truncate(keep + 1);
                    let mut whole = u32::MAX;
                    for (depth, &byte) in letters.iter().enumerate().skip(keep) {
                        let (distance, least) = rows.push(word, byte);
                        whole = distance;
                        let best = nearest.last().copied().unwrap_or(u32::MAX).min(distance);
                        nearest.push(best);
                        if least > allowed && best > allowed {
                            dead = Some(depth + 1);
                            last.clear();
                            last.extend_from_slice(&letters[..=depth]);
                            return depth + 1;
                        }
                    }
                    if keep == letters.len() {
                        whole = rows.distance(word.len());
                    }
                    let mut best = nearest.last().copied().unwrap_or(u32::MAX);
                    if kind == marker::PINYIN && letters.len() >= PINYIN_KEY {
                        // The reading goes on where its key ends: so may the word.
                        best = best.min(rows.least(word.len()));
                    }
                    let class = match kind {
                        marker::WORD if whole <= allowed => (whole, 0),
                        marker::PINYIN if whole <= allowed => (whole, 1),
                        marker::WORD if best <= allowed => (best, 2),
                        marker::PINYIN if best <= allowed => (best, 3),
                        _ => return ALIVE,
                    };
                    // A distance of nought has been found without mistakes already.
                    let mut reader = Reader::new(payload);
                    let list = groups.entry(class).or_default();
                    for _ in 0..2 {
                        match read_list(&mut reader, universe) {
                            Some(found) => list.extend(found.groups),
                            None => return ALIVE,
                        }
                    }
                    ALIVE
                })
                .is_none();
                if damaged {
                    self.damaged(File::Terms, block);
                }
                // When the block ended in a dead prefix, go to where another begins.
                if dead.is_some() {
                    let mut next = last.clone();
                    if let Some(byte) = next.last_mut() {
                        *byte = byte.saturating_add(1);
                    }
                    block = self.term_block(&next).max(block + 1);
                    continue;
                }
            }
            block += 1;
        }
        for list in groups.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
        groups
    }

    // --- places -----------------------------------------------------------------------------------------------------

    /// Whether an area has so few cells that looking at its records beats looking for the words first.
    fn is_small(&self, area: &Area) -> bool {
        cells_of(area.bounds(), self.root())
            .is_none_or(|([left, low], [right, high])| u64::from(right - left + 1) * u64::from(high - low + 1) <= 64)
    }

    /// Numbers of the records in the given cells.
    fn records_in(&mut self, cells: &[u64]) -> Vec<u32> {
        let mut numbers = Vec::new();
        let root = self.root();
        let mut at = 0;
        while let Some(&cell) = cells.get(at) {
            let block = root.place_cells.partition_point(|first| *first <= cell).saturating_sub(1);
            let end = root.place_cells.get(block + 1).copied().unwrap_or(u64::MAX);
            let until = at + cells[at..].partition_point(|other| *other < end).max(1);
            if let Some(bytes) = self.block(File::Places, block) {
                let first = root.place_cells.get(block).copied().unwrap_or(0);
                if read_cells(bytes, first, &cells[at..until], root.record_count, &mut numbers).is_none() {
                    self.damaged(File::Places, block);
                }
            }
            at = until;
        }
        numbers.sort_unstable();
        numbers
    }

    fn cells_within(&self, area: &Area) -> Vec<u64> {
        let Some(([left, low], [right, high])) = cells_of(area.bounds(), self.root()) else { return Vec::new() };
        let mut cells: Vec<u64> = (low..=high)
            .flat_map(|row| (left..=right).map(move |column| interleave(column, row)))
            .take(if self.query.exhaustive { usize::MAX } else { MAX_CELLS })
            .collect();
        cells.sort_unstable();
        cells
    }

    fn search_area(&mut self, area: &Area, tokens: &[Token], mark: u8, typos: bool) {
        let cells = self.cells_within(area);
        let numbers = self.records_in(&cells);
        self.verify_records(&numbers, tokens, mark, typos);
    }

    /// Looks at the given records, ascending.
    fn verify_records(&mut self, numbers: &[u32], tokens: &[Token], mark: u8, typos: bool) {
        for same_group in numbers.chunk_by(|a, b| a / GROUP == b / GROUP) {
            let mut rows = 0_u16;
            same_group.iter().for_each(|number| rows |= 1 << (number % GROUP));
            self.verify_group(same_group[0] / GROUP, tokens, typos, rows);
            let _ = mark;
        }
    }

    /// No text: everything in an area, or what is nearest.
    fn search_places(&mut self) {
        match (self.query.area, self.query.near) {
            (Some(area), _) => self.search_area(&area, &[], 0, false),
            (None, Some(near)) => self.search_around(near, &[]),
            (None, None) => {
                // The most important records of the wanted categories.
                let most = if self.query.exhaustive { u32::MAX } else { MAX_FILTERED_GROUPS as u32 };
                let groups = (0..self.root().group_count().min(most)).collect();
                self.verify_list(List { groups, whole: None }, &[], 0, false);
            }
        }
    }

    /// Rings of growing size around a position, until there are hits enough that no ring beyond can beat.
    fn search_around(&mut self, near: (f64, f64), tokens: &[Token]) {
        let root = self.root();
        if !(near.0.is_finite() && near.1.is_finite()) {
            return;
        }
        let cell_deg = f64::from(2_u32.pow(root.position_bits[1].saturating_sub(root.place_level))) * root.step_deg;
        let mut radius_m = (cell_deg * 111_195.0 / 2.0).max(20.0);
        let rings = if tokens.is_empty() { 12 } else { 3 };
        for _ in 0..rings {
            let area = Area::Circle { center: near, radius_m };
            let cells = self.cells_within(&area);
            let numbers = self.records_in(&cells);
            self.verify_records(&numbers, tokens, 0, false);
            let within = self.hits.values().filter(|hit| -hit.score <= radius_m).count();
            if (tokens.is_empty() && within >= self.query.limit) || cells.len() >= MAX_CELLS || !self.needs.is_empty() {
                break;
            }
            radius_m *= if tokens.is_empty() && self.hits.is_empty() { 4.0 } else { 2.0 };
        }
    }

    // --- records ----------------------------------------------------------------------------------------------------

    /// Looks at the names of a list's groups until there are enough hits.
    fn verify_list(&mut self, mut list: List, tokens: &[Token], mark: u8, typos: bool) {
        let enough = if typos { self.enough().saturating_mul(2) } else { self.enough() };
        let max_groups = self.max_groups();
        let mut found = BTreeSet::new();
        let mut awaited = 0;
        let mut done = 0;
        loop {
            while let Some(&group) = list.groups.get(done) {
                if found.len() + awaited >= enough || done >= max_groups {
                    self.awaited += awaited;
                    return;
                }
                done += 1;
                if !self.seen.insert((mark, group)) {
                    continue;
                }
                match self.verify_group(group, tokens, typos, u16::MAX) {
                    Some(names) => found.extend(names),
                    // A group that has not arrived brings a hit at least; one in a row of groups brings many.
                    None if list.groups.get(done) == Some(&(group + 1)) => awaited += GROUP as usize / 2,
                    None => awaited += 1,
                }
            }
            if list.whole.is_none() || !self.load(&mut list) {
                self.awaited += awaited;
                return;
            }
        }
    }

    /// Looks at those records of a group that `rows` names; answers the names of the hits, `None` when the group has
    /// not arrived.
    fn verify_group(&mut self, group: u32, tokens: &[Token], typos: bool, rows: u16) -> Option<Vec<u64>> {
        let root = self.root();
        let block_number = group / (BLOCK / GROUP);
        let Some(bytes) = self.block(File::Records, block_number as usize) else {
            let range = root.records.range(block_number as usize)?;
            let missing = self.needs.iter().any(|need| need.file == File::Records && need.range == range);
            return if missing { None } else { Some(Vec::new()) };
        };
        let Some(block) = RecordBlock::open(bytes, block_number, root) else {
            self.damaged(File::Records, block_number as usize);
            return Some(Vec::new());
        };
        let first = (group % (BLOCK / GROUP) * GROUP) as usize;
        let count = block.count().saturating_sub(first).min(GROUP as usize);
        let wanted = |slot: usize| -> Option<bool> {
            if rows >> slot & 1 == 0 {
                return Some(false);
            }
            if let Some(categories) = &self.categories
                && categories.binary_search(&block.category(first + slot)?).is_err()
            {
                return Some(false);
            }
            match &self.query.area {
                Some(area) => Some(area.contains(block.position(first + slot)?)),
                None => Some(true),
            }
        };
        let wanted: Option<Vec<bool>> = (0..count).map(wanted).collect();
        let Some(wanted) = wanted else {
            self.damaged(File::Records, block_number as usize);
            return Some(Vec::new());
        };
        let mut names = Vec::new();
        if !wanted.contains(&true) {
            return Some(names);
        }
        let mut texts = std::mem::take(&mut self.texts);
        if block.read_group(first / GROUP as usize, &mut texts).is_none() {
            self.damaged(File::Records, block_number as usize);
            return Some(names);
        }
        for slot in (0..count).filter(|slot| wanted[*slot]) {
            let number = group * GROUP + slot as u32;
            let scored = score(&mut self.matcher, &texts, slot, tokens, root, typos);
            let Some((text_match, field_penalty)) = scored else { continue };
            let row = first + slot;
            let (Some(importance), Some(position)) = (block.importance(row), block.position(row)) else { continue };
            let distance = self.query.near.map(|near| distance_m(near, position));
            let parts = parts_of(text_match.as_ref(), field_penalty, importance, distance);
            let name_hash = hash_name(texts.name(slot).unwrap_or_default());
            names.push(name_hash);
            self.names.insert(name_hash);
            let score = parts.iter().map(|(_, value)| value).sum();
            let whole = text_match.is_some_and(|text_match| text_match.whole);
            let hit = Scored { number, score, name_hash, whole };
            let better = self.hits.get(&number).is_none_or(|old| old.score < hit.score);
            if better {
                self.hits.insert(number, hit);
            }
        }
        self.texts = texts;
        Some(names)
    }

    fn answer(mut self) -> Answer {
        let mut hits: Vec<Scored> = std::mem::take(&mut self.hits).into_values().collect();
        let order = |a: &Scored, b: &Scored| b.score.total_cmp(&a.score).then(a.number.cmp(&b.number));
        hits.sort_unstable_by(order);
        let spread = self.query.near.is_none() && self.query.area.is_none() && !self.query.text.trim().is_empty();
        let mut repeated = BTreeSet::new();
        if spread {
            let mut names = BTreeSet::new();
            for hit in &mut hits {
                if !names.insert(hit.name_hash) && !hit.whole {
                    hit.score -= REPEAT_PENALTY;
                    repeated.insert(hit.number);
                }
            }
            hits.sort_unstable_by(order);
        }
        hits.truncate(self.query.limit);
        let readings = readings_of_query(&self.query.text);
        let found = hits.iter().filter_map(|hit| self.found(hit, &readings, repeated.contains(&hit.number))).collect();
        Answer { hits: found, needs: coalesce(self.needs), problems: self.problems }
    }

    /// The whole of a hit, with its highlights.
    fn found(&mut self, hit: &Scored, readings: &[Vec<Token>], repeated: bool) -> Option<Found> {
        let root = self.root();
        let block_number = hit.number / BLOCK;
        let block = RecordBlock::open(self.block(File::Records, block_number as usize)?, block_number, root)?;
        let row = (hit.number % BLOCK) as usize;
        let mut texts = GroupTexts::default();
        block.read_group(row / GROUP as usize, &mut texts)?;
        let record = block.record(row, &texts)?;
        let slot = row % GROUP as usize;
        let distance = self.query.near.map(|near| distance_m(near, (record.lon, record.lat)));
        let importance = block.importance(row)?;
        let mut best: Option<Found> = None;
        let none = [Vec::new()];
        let readings = if readings.is_empty() { &none[..] } else { readings };
        for (tokens, typos) in readings.iter().flat_map(|tokens| [(tokens, false), (tokens, true)]) {
            if typos && best.is_some() {
                break;
            }
            let candidates = std::iter::once((0.0, texts.name(slot)?))
                .chain(texts.further(slot).map(|(address, text)| (field_penalty(address), text)));
            for (penalty, text) in candidates {
                let text_match = match tokens.as_slice() {
                    [] => None,
                    _ => match self.matcher.matches(text, tokens, &root.readings, typos) {
                        Some(text_match) => Some(text_match),
                        None => continue,
                    },
                };
                let mut explain = parts_of(text_match.as_ref(), penalty, importance, distance).to_vec();
                if repeated {
                    explain.push(("repeat", -REPEAT_PENALTY));
                }
                explain.retain(|(_, value)| *value != 0.0);
                let score = explain.iter().map(|(_, value)| value).sum();
                if best.as_ref().is_none_or(|best| best.score < score) {
                    let matched = if tokens.is_empty() { Vec::new() } else { self.matcher.ranges(text) };
                    let how = text_match.map(|text_match| text_match.how);
                    best = Some(Found {
                        record: record.clone(),
                        number: hit.number,
                        text: text.to_owned(),
                        matched,
                        how,
                        distance_m: distance,
                        score,
                        explain,
                    });
                }
                if tokens.is_empty() {
                    break;
                }
            }
        }
        best
    }
}

fn field_penalty(address: bool) -> f64 {
    if address { 12.0 } else { 3.0 }
}

/// The best of a record's texts that alone answers the query; with no words, every record does.
fn score(
    matcher: &mut Matcher,
    texts: &GroupTexts<'_>,
    slot: usize,
    tokens: &[Token],
    root: &Root,
    typos: bool,
) -> Option<(Option<TextMatch>, f64)> {
    let name = texts.name(slot)?;
    if tokens.is_empty() {
        return Some((None, 0.0));
    }
    let mut best: Option<(TextMatch, f64)> = None;
    let candidates =
        std::iter::once((0.0, name)).chain(texts.further(slot).map(|(address, text)| (field_penalty(address), text)));
    for (penalty, text) in candidates {
        if let Some(found) = matcher.matches(text, tokens, &root.readings, typos)
            && best.as_ref().is_none_or(|(best, before)| best.score() - before < found.score() - penalty)
        {
            best = Some((found, penalty));
        }
    }
    best.map(|(text_match, penalty)| (Some(text_match), penalty))
}

/// What a hit's score is made of. Without a text the nearest comes first.
fn parts_of(
    text_match: Option<&TextMatch>,
    field_penalty: f64,
    importance: f64,
    distance_m: Option<f64>,
) -> [(&'static str, f64); 7] {
    let text = text_match.map_or([("match", 0.0); 4], |text_match| text_match.parts);
    let [a, b, c, d] = text;
    let (importance, distance) = match (text_match, distance_m) {
        (None, Some(distance)) => (0.0, -distance),
        (_, Some(distance)) => (20.0 * importance, -4.0 * (distance / 100.0).ln_1p()),
        (_, None) => (20.0 * importance, 0.0),
    };
    [a, b, c, d, ("field", -field_penalty), ("importance", importance), ("distance", distance)]
}

/// A number that is the same for the same name (FNV-1a).
fn hash_name(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

fn merge(mut a: List, b: List) -> List {
    if a.is_empty() {
        return b;
    }
    if !b.is_empty() {
        a.groups.extend(b.groups);
        a.groups.sort_unstable();
        a.groups.dedup();
        // Two heads merged are a head of the union; which whole it was the head of is no longer known.
        a.whole = None;
    }
    a
}

/// How many values at the front are below `target`, found in steps that double.
fn gallop(values: &[u32], target: u32) -> usize {
    let mut step = 1;
    while step < values.len() && values[step] < target {
        step *= 2;
    }
    let low = step / 2;
    low + values[low..values.len().min(step + 1)].partition_point(|value| *value < target)
}

/// Reads one list of a payload.
fn read_list(reader: &mut Reader<'_>, universe: u32) -> Option<List> {
    const HEAD: usize = 64;
    let len = usize::try_from(reader.varint()?).ok().filter(|len| *len <= universe as usize)?;
    let head = len.min(HEAD);
    let mut groups = Vec::with_capacity(head);
    if head == 1 {
        groups.push(reader.varint32().filter(|group| *group < universe)?);
    } else if head > 1 {
        let bytes = reader.len()?;
        each_ascending(reader.take(bytes)?, head, universe, |group| {
            groups.push(group);
            true
        })?;
    }
    let mut whole = None;
    if len > HEAD {
        let start = reader.varint()?;
        whole = Some((start..start.checked_add(reader.varint()?)?, len));
    }
    Some(List { groups, whole })
}

/// Hands every key of a block of terms with its payload to `each` until it answers `false`. `None` when the block does
/// not read as it should; else whether it was read to its end.
fn each_key(bytes: &[u8], each: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> Option<bool> {
    let mut finished = true;
    each_key_alive(bytes, &mut |key, _, payload| {
        finished = finished && each(key, payload);
        if finished { ALIVE } else { 0 }
    })?;
    Some(finished)
}

/// Takes a key, how many bytes it shares with the one before, and its payload; answers how many bytes are dead.
type EachKey<'a> = dyn FnMut(&[u8], usize, &[u8]) -> usize + 'a;

/// What [`each_key_alive`] is answered to go on with the next key.
const ALIVE: usize = usize::MAX;

/// Hands every key of a block with its shared length and payload to `each`, except that keys which begin with the
/// same `dead` bytes as the last one are skipped when `each` answered `dead`.
fn each_key_alive(bytes: &[u8], each: &mut EachKey<'_>) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let mut key: Vec<u8> = Vec::new();
    let mut dead = ALIVE;
    while !reader.is_empty() {
        let shared = usize::try_from(reader.varint()?).ok()?;
        let len = reader.len()?;
        let tail = reader.take(len)?;
        let len = reader.len()?;
        let payload = reader.take(len)?;
        if dead == 0 {
            return Some(());
        }
        // Of a dead key only the dead bytes are kept: a key that shares fewer is the next one to look at.
        if shared < dead {
            if shared > key.len() {
                return None;
            }
            key.truncate(shared);
            key.extend_from_slice(tail);
            dead = each(&key, shared, payload);
        }
    }
    Some(())
}

/// Adds the records of the wanted cells (ascending) of a block of places.
fn read_cells(bytes: &[u8], first: u64, wanted: &[u64], universe: u32, numbers: &mut Vec<u32>) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let mut cell = first;
    while !reader.is_empty() {
        cell = cell.checked_add(reader.varint()?)?;
        let count = usize::try_from(reader.varint()?).ok()?;
        let len = reader.len()?;
        let coded = reader.take(len)?;
        if wanted.binary_search(&cell).is_ok() {
            each_ascending(coded, count, universe, |number| {
                numbers.push(number);
                true
            })?;
        }
    }
    Some(())
}
