//! Whether a text answers a query, how well, and which part of it does.

use crate::fold::{Analysis, Item, fold};
use crate::order::sort_by_key;
use crate::root::Readings;
use std::ops::Range;

/// Words of a query beyond this many are ignored.
pub(crate) const MAX_TOKENS: usize = 12;
/// Bytes of a query word beyond this many are ignored.
const MAX_TOKEN_BYTES: usize = 64;
/// Bytes of a query beyond this many are ignored.
const MAX_QUERY_BYTES: usize = 1024;
/// Words of a text beyond this many are not looked at.
const MAX_ITEMS: usize = 128;
/// Steps of one attempt to read a run of Han characters as pinyin.
const PINYIN_STEPS: u32 = 400;

/// A word of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Characters in a row, folded.
    Han(String),
    /// Letters or digits, folded.
    Word(String),
    /// Several words of letters, joined: they can only be pinyin.
    Pinyin(String),
    /// Characters in a row and, joined to them, the reading of those that follow.
    Mixed(String, String),
}

/// The ways in which a query can be read, the plain one first.
pub(crate) fn readings_of_query(query: &str) -> Vec<Vec<Token>> {
    let mut analysis = Analysis::default();
    analysis.read(crate::fold::floor(query, MAX_QUERY_BYTES));
    let mut plain: Vec<Token> = Vec::new();
    for item in &analysis.items {
        let text = analysis.text(item);
        let full = plain.len() == MAX_TOKENS;
        match plain.last_mut() {
            Some(Token::Han(run)) if item.joined => {
                if run.len() + text.len() <= MAX_TOKEN_BYTES {
                    run.push_str(text);
                }
            }
            _ if full => break,
            _ if item.han => plain.push(Token::Han(text.to_owned())),
            _ => plain.push(Token::Word(crate::fold::floor(text, MAX_TOKEN_BYTES).to_owned())),
        }
    }
    if plain.is_empty() {
        return Vec::new();
    }
    let mut joined: Vec<Token> = Vec::new();
    for token in &plain {
        match (joined.last_mut(), token) {
            (Some(Token::Pinyin(before)), Token::Word(word)) if is_pinyin_letters(word) => before.push_str(word),
            (_, Token::Word(word)) if is_pinyin_letters(word) => joined.push(Token::Pinyin(word.clone())),
            _ => joined.push(token.clone()),
        }
    }
    let differs = joined.len() < plain.len();
    let mixed = mixed_reading(&analysis);
    let mut readings: Vec<Vec<Token>> = mixed.into_iter().collect();
    readings.push(plain);
    if differs {
        readings.push(joined);
    }
    readings
}

/// A query that is nothing but characters with letters joined to them: letters that go on with the characters' reading.
fn mixed_reading(analysis: &Analysis) -> Option<Vec<Token>> {
    let (last, run) = analysis.items.split_last()?;
    let one_run = run.iter().skip(1).all(|item| item.joined) && run.iter().all(|item| item.han);
    let letters = analysis.text(last);
    let fits = one_run && run.last()?.end == last.start && run.len() <= MAX_TOKENS && letters.len() <= MAX_TOKEN_BYTES;
    let characters = run.iter().map(|item| analysis.text(item)).collect();
    (fits && !last.han && is_pinyin_letters(letters)).then(|| vec![Token::Mixed(characters, letters.to_owned())])
}

/// Whether a word can be pinyin at all.
pub(crate) fn is_pinyin_letters(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Mistakes that a word of so many letters may have: none up to four letters, one up to eight, two from nine.
pub(crate) fn typos_allowed(word: &str) -> u32 {
    match word.chars().count() {
        _ if word.bytes().any(|byte| byte.is_ascii_digit()) => 0,
        0..=4 => 0,
        5..=8 => 1,
        _ => 2,
    }
}

/// How a query word matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It is the word.
    Word,
    /// The word begins with it.
    Prefix,
    /// Han characters in a row.
    Characters,
    /// It is the pinyin of the whole run of characters.
    PinyinWhole,
    /// The pinyin begins with it.
    Pinyin,
    /// Some syllables in full, others by their initials.
    Mixed,
    /// The initials of the characters.
    Initials,
    /// The word, but for so many mistakes.
    Typo(u32),
    /// The word's beginning, but for so many mistakes.
    TypoPrefix(u32),
    /// The beginning of the pinyin, but for so many mistakes.
    TypoPinyin(u32),
}

impl How {
    /// What it is called: `Prefix`, `Typo(1)`.
    pub fn name(self) -> String {
        let (name, mistakes) = match self {
            Self::Word => ("Word", None),
            Self::Prefix => ("Prefix", None),
            Self::Characters => ("Characters", None),
            Self::PinyinWhole => ("PinyinWhole", None),
            Self::Pinyin => ("Pinyin", None),
            Self::Mixed => ("Mixed", None),
            Self::Initials => ("Initials", None),
            Self::Typo(mistakes) => ("Typo", Some(mistakes)),
            Self::TypoPrefix(mistakes) => ("TypoPrefix", Some(mistakes)),
            Self::TypoPinyin(mistakes) => ("TypoPinyin", Some(mistakes)),
        };
        match mistakes {
            Some(mistakes) => [name, "(", &mistakes.to_string(), ")"].concat(),
            None => name.to_owned(),
        }
    }

    /// From 0 to 1.
    fn quality(self) -> f64 {
        match self {
            Self::Word | Self::Characters => 1.0,
            Self::Prefix => 0.85,
            Self::PinyinWhole => 0.8,
            Self::Pinyin => 0.7,
            Self::Mixed => 0.65,
            Self::Initials => 0.6,
            Self::Typo(mistakes) => 0.7 - 0.15 * f64::from(mistakes),
            Self::TypoPrefix(mistakes) => 0.5 - 0.15 * f64::from(mistakes),
            Self::TypoPinyin(mistakes) => 0.55 - 0.15 * f64::from(mistakes),
        }
    }
}

/// Where one query word matched.
#[derive(Clone, Copy, Debug)]
struct Place {
    how: How,
    first: usize,
    items: usize,
    /// Matched folded bytes of the last item; all of it when `None`.
    within: Option<usize>,
    /// Letters of the text that it covers, Han characters counting as one.
    letters: f64,
}

/// How well a text answers a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TextMatch {
    /// Parts of the score with their names, to be added up.
    pub(crate) parts: [(&'static str, f64); 4],
    /// The least good of the words' matches.
    pub(crate) how: How,
    /// The text is the query and nothing else.
    pub(crate) whole: bool,
}

impl TextMatch {
    pub(crate) fn score(&self) -> f64 {
        self.parts.iter().map(|(_, value)| value).sum()
    }
}

/// Matches texts one after the other; its buffers are reused.
#[derive(Default)]
pub(crate) struct Matcher {
    pub(crate) analysis: Analysis,
    places: Vec<Place>,
    taken: u128,
    rows: Rows,
    joined: String,
}

impl Matcher {
    /// Matches every query word with a part of its own of the text; `None` when one has none.
    pub(crate) fn matches(
        &mut self,
        text: &str,
        tokens: &[Token],
        readings: &Readings,
        typos: bool,
    ) -> Option<TextMatch> {
        self.analysis.read(text);
        self.analysis.items.truncate(MAX_ITEMS);
        self.places.clear();
        self.taken = 0;
        for token in tokens {
            let next = self.places.last().map_or(0, |place| place.first + place.items);
            let place = self.place(token, next, readings, typos)?;
            for i in place.first..place.first + place.items {
                self.taken |= 1 << i;
            }
            self.places.push(place);
        }
        Some(self.judge())
    }

    fn judge(&self) -> TextMatch {
        let count = self.places.len() as f64;
        let quality = self.places.iter().map(|place| place.how.quality()).sum::<f64>() / count;
        let covered = self.places.iter().map(|place| place.letters).sum::<f64>();
        let coverage = (covered / self.analysis.letters().max(1) as f64).min(1.0);
        let in_order = self.places.windows(2).all(|pair| pair[1].first >= pair[0].first + pair[0].items);
        let starts = self.places.iter().any(|place| place.first == 0);
        let how = self.places.iter().map(|place| place.how).max().unwrap_or(How::Word);
        let whole = how <= How::Characters && how != How::Prefix && in_order && coverage >= 1.0;
        TextMatch {
            parts: [
                ("match", 50.0 * quality),
                ("start", if starts { 15.0 } else { 0.0 }),
                ("order", if in_order { 5.0 } else { 0.0 }),
                ("coverage", 8.0 * coverage + if whole { 20.0 } else { 0.0 }),
            ],
            how,
            whole,
        }
    }

    /// Byte ranges of `text` that the last successful [`Matcher::matches`] of it covered, ascending.
    pub(crate) fn ranges(&self, text: &str) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for place in &self.places {
            let items = &self.analysis.items[place.first..place.first + place.items];
            let (Some(first), Some(last)) = (items.first(), items.last()) else { continue };
            let end = match place.within {
                Some(folded) => end_of_folded(text, last, folded),
                None => last.end as usize,
            };
            ranges.push(first.start as usize..end);
        }
        sort_by_key(&mut ranges, |range| range.start as u64);
        ranges
    }

    fn place(&mut self, token: &Token, next: usize, readings: &Readings, typos: bool) -> Option<Place> {
        match token {
            Token::Han(run) => self.place_han(run, next),
            Token::Mixed(run, letters) => {
                let place = self.place_han(run, next)?;
                let after = self.analysis.items.get(place.first + place.items..)?.iter().take_while(|item| item.joined);
                let chars: Vec<char> = after.take(32).map(|item| self.char_of(item)).collect();
                let mut steps = PINYIN_STEPS;
                let spelled = spell(letters, &chars, readings, Spelled::default(), &mut steps)?;
                Some(Place { how: How::Mixed, items: place.items + spelled.items, ..place })
            }
            Token::Word(word) => self
                .place_word(word, next)
                .or_else(|| self.place_pinyin(word, readings))
                .or_else(|| if typos { self.place_typo(word, readings) } else { None }),
            Token::Pinyin(word) => self
                .place_pinyin(word, readings)
                .or_else(|| if typos { self.place_pinyin_typo(word, readings) } else { None }),
        }
    }

    fn free(&self, i: usize) -> bool {
        self.taken >> i & 1 == 0
    }

    /// From where the last word matched onwards first, so that sequences are found as sequences.
    fn order(&self, next: usize) -> impl Iterator<Item = usize> + use<> {
        let len = self.analysis.items.len();
        let next = next.min(len);
        (next..len).chain(0..next)
    }

    fn place_word(&self, word: &str, next: usize) -> Option<Place> {
        let mut prefix = None;
        for i in self.order(next) {
            let item = &self.analysis.items[i];
            if item.han || !self.free(i) {
                continue;
            }
            let text = self.analysis.text(item);
            if text == word {
                let letters = text.len() as f64;
                return Some(Place { how: How::Word, first: i, items: 1, within: None, letters });
            }
            if prefix.is_none() && text.starts_with(word) {
                let letters = word.len() as f64;
                prefix = Some(Place { how: How::Prefix, first: i, items: 1, within: Some(word.len()), letters });
            }
        }
        prefix
    }

    fn place_han(&self, run: &str, next: usize) -> Option<Place> {
        let count = run.chars().count();
        self.order(next).find_map(|first| {
            let items = self.analysis.items.get(first..first + count)?;
            let fits = items.iter().zip(run.chars()).enumerate().all(|(i, (item, c))| {
                item.han
                    && (i == 0 || item.joined)
                    && self.free(first + i)
                    && self.analysis.text(item).chars().eq(std::iter::once(c))
            });
            fits.then_some(Place { how: How::Characters, first, items: count, within: None, letters: count as f64 })
        })
    }

    /// The ranges of free runs of Han characters.
    fn runs(&self) -> impl Iterator<Item = Range<usize>> {
        let items = &self.analysis.items;
        (0..items.len()).filter(|i| items[*i].han && !items[*i].joined && self.free(*i)).map(|start| {
            let len = items[start + 1..].iter().take_while(|item| item.joined).count();
            start..start + 1 + len
        })
    }

    fn place_pinyin(&self, word: &str, readings: &Readings) -> Option<Place> {
        if !is_pinyin_letters(word) {
            return None;
        }
        self.runs().find_map(|run| {
            let chars: Vec<char> = (self.analysis.items[run.clone()].iter().take(32))
                .filter_map(|item| self.analysis.text(item).chars().next())
                .collect();
            let first = *chars.first()?;
            let starts_alike = readings.of(first).any(|reading| reading.as_bytes()[0] == word.as_bytes()[0]);
            if !starts_alike {
                return None;
            }
            let mut steps = PINYIN_STEPS;
            let spelled = spell(word, &chars, readings, Spelled::default(), &mut steps)?;
            let how = match (spelled.full, spelled.initials) {
                (_, 0) if spelled.items == chars.len() && spelled.ends => How::PinyinWhole,
                (_, 0) => How::Pinyin,
                (0, _) => How::Initials,
                _ => How::Mixed,
            };
            let items = spelled.items;
            // Letters name their characters but say little about them: a short name is no better guess than a long one.
            let letters = 0.0;
            Some(Place { how, first: run.start, items, within: None, letters })
        })
    }

    fn place_typo(&mut self, word: &str, readings: &Readings) -> Option<Place> {
        let allowed = typos_allowed(word);
        if allowed == 0 {
            return None;
        }
        let mut best: Option<Place> = None;
        for i in 0..self.analysis.items.len() {
            let item = self.analysis.items[i];
            let text = self.analysis.text(&item);
            if item.han || !self.free(i) || text.len() + 3 * (allowed as usize) < word.len() {
                continue;
            }
            let text = crate::fold::floor(text, MAX_TOKEN_BYTES);
            if letters_missing(word, text) > allowed {
                continue;
            }
            let Some((whole, prefix, at)) = self.rows.distances(word.as_bytes(), text.as_bytes(), allowed) else {
                continue;
            };
            let place = if whole <= allowed {
                let letters = text.len() as f64;
                Place { how: How::Typo(whole), first: i, items: 1, within: None, letters }
            } else {
                let at = (at..=text.len()).find(|at| text.is_char_boundary(*at))?;
                Place { how: How::TypoPrefix(prefix), first: i, items: 1, within: Some(at), letters: at as f64 }
            };
            if best.is_none_or(|best| best.how.quality() < place.how.quality()) {
                best = Some(place);
            }
        }
        best.or_else(|| self.place_pinyin_typo(word, readings))
    }

    fn place_pinyin_typo(&mut self, word: &str, readings: &Readings) -> Option<Place> {
        let allowed = typos_allowed(word);
        if allowed == 0 || !is_pinyin_letters(word) {
            return None;
        }
        let runs: Vec<Range<usize>> = self.runs().collect();
        runs.into_iter().find_map(|run| {
            // Each reading of the first character that has several, the most usual of all others.
            let several =
                self.analysis.items[run.clone()].iter().position(|item| readings.of(self.char_of(item)).len() > 1);
            let variants =
                several.map_or(1, |at| readings.of(self.char_of(&self.analysis.items[run.start + at])).len());
            (0..variants).find_map(|variant| {
                self.joined.clear();
                let mut ends = Vec::new();
                for (at, item) in self.analysis.items[run.clone()].iter().enumerate() {
                    let mut of = readings.of(self.char_of(item));
                    let reading = if Some(at) == several { of.nth(variant) } else { of.next() };
                    let Some(reading) = reading.filter(|_| self.joined.len() <= word.len() + 3) else { break };
                    self.joined.push_str(reading);
                    ends.push(self.joined.len());
                }
                if letters_missing(word, &self.joined) > allowed {
                    return None;
                }
                let (_, prefix, at) = self.rows.distances(word.as_bytes(), self.joined.as_bytes(), allowed)?;
                let items = (ends.iter().take_while(|end| **end < at).count() + 1).min(ends.len());
                Some(Place { how: How::TypoPinyin(prefix), first: run.start, items, within: None, letters: 0.0 })
            })
        })
    }

    /// The first folded character of a word.
    fn char_of(&self, item: &Item) -> char {
        self.analysis.text(item).chars().next().unwrap_or_default()
    }
}

/// The end in the original text of the first `folded` folded bytes of a word.
fn end_of_folded(text: &str, item: &Item, folded: usize) -> usize {
    let (start, end) = (item.start as usize, item.end as usize);
    let mut so_far = String::new();
    for (offset, c) in text.get(start..end).unwrap_or_default().char_indices() {
        if so_far.len() >= folded {
            return start + offset;
        }
        if c != '\'' && c != '’' {
            fold(c, &mut so_far);
        }
    }
    end
}

/// Different letters of a word that a text has not: no fewer mistakes lie between the two, and this is quick to tell.
fn letters_missing(word: &str, text: &str) -> u32 {
    let letters = |text: &str| text.bytes().fold(0_u32, |set, byte| set | 1 << (byte % 32));
    (letters(word) & !letters(text)).count_ones()
}

/// How far a word has been read as pinyin.
#[derive(Clone, Copy, Default)]
struct Spelled {
    full: u32,
    initials: u32,
    items: usize,
    /// The word ended with a whole syllable.
    ends: bool,
}

/// Reads a word as syllables in full, initials (also `zh`, `ch`, `sh`), and the beginning of a last syllable.
fn spell(word: &str, chars: &[char], readings: &Readings, so_far: Spelled, steps: &mut u32) -> Option<Spelled> {
    if word.is_empty() {
        return Some(so_far);
    }
    *steps = steps.checked_sub(1)?;
    let (first, rest) = chars.split_first()?;
    let items = so_far.items + 1;
    let of = readings.of(*first);
    for reading in of.clone() {
        if let Some(after) = word.strip_prefix(reading) {
            let state = Spelled { full: so_far.full + 1, items, ends: true, ..so_far };
            if let Some(done) = spell(after, rest, readings, state, steps) {
                return Some(done);
            }
        } else if reading.starts_with(word) {
            // The last letters typed so far: after initials only, one more initial.
            let initial = word.len() == 1 && so_far.full == 0 && so_far.initials > 0;
            return Some(Spelled {
                full: so_far.full + u32::from(!initial),
                initials: so_far.initials + u32::from(initial),
                items,
                ends: false,
            });
        }
    }
    for reading in of {
        let state = Spelled { initials: so_far.initials + 1, items, ends: false, ..so_far };
        for initial in [2, 1] {
            if initial == 2 && !matches!(reading.get(..2), Some("zh" | "ch" | "sh")) {
                continue;
            }
            if let Some(after) = reading.get(..initial).and_then(|initial| word.strip_prefix(initial))
                && let Some(done) = spell(after, rest, readings, state, steps)
            {
                return Some(done);
            }
        }
    }
    None
}

/// The initials that a word may stand for when it mixes full syllables with initials; at most eight, each of two
/// letters or more.
pub(crate) fn initials_of_mixed(word: &str, is_syllable: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    if is_pinyin_letters(word) && word.len() <= 24 {
        let mut steps = PINYIN_STEPS;
        split_mixed(word, is_syllable, &mut String::new(), false, &mut found, &mut steps);
    }
    found
}

fn split_mixed(
    word: &str,
    is_syllable: &dyn Fn(&str) -> bool,
    so_far: &mut String,
    full: bool,
    found: &mut Vec<String>,
    steps: &mut u32,
) {
    if found.len() >= 8 || *steps == 0 {
        return;
    }
    *steps -= 1;
    if word.is_empty() {
        if full && so_far.len() > 1 && !found.contains(so_far) {
            found.push(so_far.clone());
        }
        return;
    }
    so_far.push_str(word.get(..1).unwrap_or_default());
    for len in (1..=word.len().min(6)).rev() {
        let Some((syllable, rest)) = word.split_at_checked(len) else { continue };
        let initial = len == 1 || matches!(syllable, "zh" | "ch" | "sh");
        let whole = len > 1 && is_syllable(syllable);
        if initial || whole {
            split_mixed(rest, is_syllable, so_far, full || whole || len > 1, found, steps);
        }
    }
    so_far.pop();
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one each.
/// (Damerau 1964; the rows are those of Wagner and Fischer 1974 with one more row for the swaps.)
#[derive(Default)]
pub(crate) struct Rows {
    rows: Vec<u32>,
    key: Vec<u8>,
}

impl Rows {
    /// Starts over with a word of `len` bytes.
    pub(crate) fn reset(&mut self, len: usize) {
        self.rows.clear();
        self.rows.extend(0..=len as u32);
        self.key.clear();
    }

    /// Bytes of the key so far.
    pub(crate) fn depth(&self) -> usize {
        self.key.len()
    }

    /// The distance between the word and the whole key so far.
    pub(crate) fn distance(&self, len: usize) -> u32 {
        self.rows.get(self.key.len() * (len + 1) + len).copied().unwrap_or(u32::MAX)
    }

    /// The least distance between the whole key so far and any beginning of the word.
    pub(crate) fn least(&self, len: usize) -> u32 {
        let start = self.key.len() * (len + 1);
        self.rows.get(start..start + len + 1).into_iter().flatten().copied().min().unwrap_or(u32::MAX)
    }

    /// Forgets all but the first `depth` bytes of the key.
    pub(crate) fn truncate(&mut self, depth: usize, len: usize) {
        self.key.truncate(depth);
        self.rows.truncate((depth + 1) * (len + 1));
    }

    /// Adds one byte of the key. Answers the distance between the word and the key so far, and the least distance
    /// that any longer key can have.
    pub(crate) fn push(&mut self, word: &[u8], byte: u8) -> (u32, u32) {
        let width = word.len() + 1;
        let depth = self.key.len() + 1;
        self.key.push(byte);
        let start = self.rows.len();
        self.rows.push(depth as u32);
        let mut least = depth as u32;
        for j in 1..width {
            let up = start - width;
            let cost = u32::from(word[j - 1] != byte);
            let mut value = (self.rows[up + j - 1] + cost).min(self.rows[up + j] + 1).min(self.rows[start + j - 1] + 1);
            if depth > 1 && j > 1 && word[j - 1] == self.key[depth - 2] && word[j - 2] == byte {
                value = value.min(self.rows[up - width + j - 2] + 1);
            }
            self.rows.push(value);
            least = least.min(value);
        }
        // A swap can still take back one step of the row above.
        let above = self.rows[start - width..start].iter().copied().min().unwrap_or(0);
        (self.rows[start + width - 1], least.min(above + 1))
    }

    /// Whether a mistake at most lies between a word and another.
    pub(crate) fn is_within_one(&mut self, word: &[u8], other: &[u8]) -> bool {
        self.distances(word, other, 1).is_some_and(|(whole, ..)| whole <= 1)
    }

    /// The distance of a word to a whole text and to its nearest beginning, and where that ends; `None` when both are
    /// more than `allowed`.
    fn distances(&mut self, word: &[u8], text: &[u8], allowed: u32) -> Option<(u32, u32, usize)> {
        self.reset(word.len());
        let mut prefix = (word.len() as u32, 0);
        let mut whole = word.len() as u32;
        for (i, &byte) in text.iter().enumerate() {
            let (distance, least) = self.push(word, byte);
            whole = distance;
            if distance < prefix.0 {
                prefix = (distance, i + 1);
            }
            if least > allowed {
                whole = u32::MAX;
                break;
            }
        }
        (prefix.0 <= allowed).then_some((whole, prefix.0, prefix.1))
    }
}
