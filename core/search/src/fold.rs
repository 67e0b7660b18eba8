//! What makes two spellings the same.

use crate::bytes::Reader;
use std::sync::OnceLock;

/// One folded word and where it stood in the original text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Folded letters.
    pub text: String,
    /// Byte range in the text it came from.
    pub range: std::ops::Range<usize>,
}

/// Folds one character: compatibility decomposition (NFKD), accents dropped, lower case, and the letters that have
/// no decomposition but that people type without their strokes (ø, ß, æ, ł, đ).
///
/// Traditional Han characters become simplified ones, one by one (table of OpenCC, Apache-2.0).
pub fn fold(c: char, out: &mut String) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    if matches!(u32::from(c), 0x3400..=0x9FFF) {
        out.push(simplified(c));
        return;
    }
    static TABLE: OnceLock<Vec<(char, &str)>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        FOLDED
            .lines()
            .filter_map(|line| Some((line.chars().next()?, line.get(line.chars().next()?.len_utf8()..)?)))
            .collect()
    });
    if let Ok(place) = table.binary_search_by_key(&c, |(from, _)| *from) {
        out.push_str(table[place].1);
    } else if !is_combining_mark(c) {
        out.extend(c.to_lowercase());
    }
}

/// What characters fold to where that is not their lower case: compatibility decomposition (NFKD) without marks, made
/// from the crate `unicode-normalization` by a test of this module. One line each, ascending.
const FOLDED: &str = include_str!("folded.txt");

/// The ranges of combining marks, ascending: the steps from the last of one to the first of the next, and to the last of
/// that, as variable-length integers. From the same test.
const MARKS: &[u8] = include_bytes!("marks.bin");

/// Whether a character only changes the letter before it.
pub(crate) fn is_combining_mark(c: char) -> bool {
    static RANGES: OnceLock<Vec<(u32, u32)>> = OnceLock::new();
    let code = u32::from(c);
    if code < 0x300 || matches!(code, 0x4E00..=0xABEA) {
        return false;
    }
    let ranges = RANGES.get_or_init(|| {
        let mut reader = Reader::new(MARKS);
        let mut last = 0;
        let mut range = || {
            let first = last + reader.varint32()?;
            last = first + reader.varint32()?;
            Some((first, last))
        };
        std::iter::from_fn(&mut range).collect()
    });
    let after = ranges.partition_point(|(first, _)| *first <= code);
    after > 0 && code <= ranges[after - 1].1
}

/// At most `len` bytes of a text, whole characters only.
pub(crate) fn floor(text: &str, len: usize) -> &str {
    text.get(..text.floor_char_boundary(len)).unwrap_or(text)
}

/// Pairs of a traditional character and its simplified form, ascending by the first: how many, the steps between the
/// first ones, the steps between the second ones (up and down in turn: 0, -1, 1, -2), as variable-length integers. Made by
/// a test from `traditional.txt`, which takes a browser twice as long to download.
const TRADITIONAL: &[u8] = include_bytes!("traditional.bin");

/// The pairs of [`TRADITIONAL`].
fn traditional_pairs() -> Option<Vec<(u32, u32)>> {
    let mut reader = Reader::new(TRADITIONAL);
    let count = reader.len()?;
    let mut pairs = Vec::with_capacity(count);
    let mut last = 0;
    for _ in 0..count {
        last += reader.varint32()?;
        pairs.push((last, 0));
    }
    let mut last = 0;
    for (_, to) in &mut pairs {
        let step = reader.varint32()?;
        last += (step >> 1) as i32 ^ -((step & 1) as i32);
        *to = last as u32;
    }
    Some(pairs)
}

/// The simplified form of a traditional Han character of the basic plane, or the character itself.
pub(crate) fn simplified(c: char) -> char {
    const FIRST: u32 = 0x3400;
    static TABLE: OnceLock<Vec<u16>> = OnceLock::new();
    let code = u32::from(c);
    if !(FIRST..=0x9FFF).contains(&code) {
        return c;
    }
    let table = TABLE.get_or_init(|| {
        let mut table = vec![0_u16; (0xA000 - FIRST) as usize];
        for (from, to) in traditional_pairs().unwrap_or_default() {
            if let Some(slot) = table.get_mut(from.wrapping_sub(FIRST) as usize) {
                *slot = u16::try_from(to).unwrap_or(0);
            }
        }
        table
    });
    match table[(code - FIRST) as usize] {
        0 => c,
        to => char::from_u32(u32::from(to)).unwrap_or(c),
    }
}

/// Han ideographs, kana and hangul carry a word each; they are matched character by character.
pub(crate) fn stands_alone(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// The folded words of a text, in order.
///
/// A word ends where letters meet digits, so that `A-1024`, `A1024` and `a 1024` are the same two words.
pub fn words(text: &str) -> Vec<Word> {
    let mut analysis = Analysis::default();
    analysis.read(text);
    (analysis.items.iter())
        .map(|item| Word { text: analysis.text(item).to_owned(), range: item.start as usize..item.end as usize })
        .collect()
}

/// A word of an [`Analysis`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    fold_start: u32,
    fold_end: u32,
    /// First byte in the original text.
    pub(crate) start: u32,
    /// Byte after the last in the original text.
    pub(crate) end: u32,
    /// One Han character, kana or hangul syllable.
    pub(crate) han: bool,
    /// Follows another such character without anything between.
    pub(crate) joined: bool,
}

/// The folded words of a text; its buffers are reused from text to text.
#[derive(Default)]
pub(crate) struct Analysis {
    folded: String,
    /// In the order of the text.
    pub(crate) items: Vec<Item>,
}

impl Analysis {
    /// The folded letters of a word of this text.
    pub(crate) fn text(&self, item: &Item) -> &str {
        self.folded.get(item.fold_start as usize..item.fold_end as usize).unwrap_or_default()
    }

    /// Number of folded letters, Han characters counting as one.
    pub(crate) fn letters(&self) -> usize {
        self.items.iter().map(|item| if item.han { 1 } else { (item.fold_end - item.fold_start) as usize }).sum()
    }

    pub(crate) fn read(&mut self, text: &str) {
        self.folded.clear();
        self.items.clear();
        let mut open = false;
        let mut was_numeric = false;
        for (start, c) in text.char_indices() {
            let end = (start + c.len_utf8()) as u32;
            if c.is_ascii() {
                if c.is_ascii_alphanumeric() {
                    let numeric = c.is_ascii_digit();
                    self.open_word(&mut open, numeric != was_numeric, start);
                    was_numeric = numeric;
                    self.folded.push(c.to_ascii_lowercase());
                    self.close_at(end);
                } else if c != '\'' {
                    open = false;
                }
            } else if stands_alone(c) {
                let joined = self.items.last().is_some_and(|last| last.han && last.end as usize == start);
                let fold_start = self.folded.len() as u32;
                fold(c, &mut self.folded);
                let fold_end = self.folded.len() as u32;
                self.items.push(Item { fold_start, fold_end, start: start as u32, end, han: true, joined });
                open = false;
            } else if is_combining_mark(c) {
                // Belongs to the letter before it, which has been folded already.
                if open {
                    self.close_at(end);
                }
            } else if c.is_alphanumeric() {
                let numeric = c.is_numeric();
                self.open_word(&mut open, numeric != was_numeric, start);
                was_numeric = numeric;
                fold(c, &mut self.folded);
                self.close_at(end);
            } else if c != '’' {
                open = false;
            }
        }
        self.items.retain(|item| item.fold_start < item.fold_end);
    }

    fn open_word(&mut self, open: &mut bool, turn: bool, start: usize) {
        if !*open || turn {
            let fold = self.folded.len() as u32;
            let start = start as u32;
            self.items.push(Item { fold_start: fold, fold_end: fold, start, end: start, han: false, joined: false });
            *open = true;
        }
    }

    fn close_at(&mut self, end: u32) {
        if let Some(item) = self.items.last_mut() {
            item.end = end;
            item.fold_end = self.folded.len() as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::put_varint;
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark as is_mark};

    /// The rule that the table is made by.
    fn fold_by_rule(c: char) -> String {
        let mut out = String::new();
        for part in std::iter::once(c).nfkd().filter(|part| !is_mark(*part)) {
            for lower in part.to_lowercase().flat_map(|lower| std::iter::once(lower).nfkd()) {
                match lower {
                    'ß' => out.push_str("ss"),
                    'æ' => out.push_str("ae"),
                    'œ' => out.push_str("oe"),
                    'ø' => out.push('o'),
                    'ł' => out.push('l'),
                    'đ' | 'ð' => out.push('d'),
                    'þ' => out.push_str("th"),
                    'ı' => out.push('i'),
                    other if is_mark(other) => {}
                    other => out.push(simplified(other)),
                }
            }
        }
        out
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "writes the tables when asked to by UPDATE_FOLDING=1")]
    fn tables_say_what_the_normalisation_crate_says() {
        let mut folded = String::new();
        let mut marks: Vec<(u32, u32)> = Vec::new();
        for c in (0x80..=0x2_FFFF).filter_map(char::from_u32) {
            let code = u32::from(c);
            if is_mark(c) {
                match marks.last_mut() {
                    Some((_, last)) if *last + 1 == code => *last = code,
                    _ => marks.push((code, code)),
                }
            } else if c.is_alphanumeric() && !matches!(code, 0x3400..=0x9FFF | 0xAC00..=0xFEFF | 0xFFF0..) {
                // Beyond these: Han and Hangul, which stay as they are, and compatibility forms that nobody types.
                let by_rule = fold_by_rule(c);
                if !by_rule.chars().eq(c.to_lowercase()) {
                    folded.push(c);
                    folded.push_str(&by_rule);
                    folded.push('\n');
                }
            }
        }
        let mut mark_bytes = Vec::new();
        let mut last = 0;
        for (first, end) in marks {
            put_varint(&mut mark_bytes, (first - last).into());
            put_varint(&mut mark_bytes, (end - first).into());
            last = end;
        }
        if std::env::var("UPDATE_FOLDING").is_ok() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/folded.txt"), &folded).unwrap();
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/marks.bin"), &mark_bytes).unwrap();
        } else {
            assert!(
                folded == FOLDED && mark_bytes == MARKS,
                "run this test with UPDATE_FOLDING=1 and look at the difference"
            );
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "writes the table when asked to by UPDATE_FOLDING=1")]
    fn the_table_of_traditional_characters_is_that_of_its_text() {
        let text = include_str!("traditional.txt");
        let chars: Vec<u32> = text.chars().filter(|c| *c != '\n').map(u32::from).collect();
        let mut bytes = Vec::new();
        put_varint(&mut bytes, chars.len() as u64 / 2);
        let mut last = 0;
        for from in chars.iter().step_by(2) {
            put_varint(&mut bytes, (from - last).into());
            last = *from;
        }
        let mut last = 0;
        for to in chars.iter().skip(1).step_by(2) {
            let step = *to as i32 - last;
            put_varint(&mut bytes, ((step << 1 ^ step >> 31) as u32).into());
            last = *to as i32;
        }
        if std::env::var("UPDATE_FOLDING").is_ok() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/traditional.bin"), &bytes).unwrap();
        }
        assert!(bytes == TRADITIONAL, "run this test with UPDATE_FOLDING=1");
        let pairs: Vec<(u32, u32)> = chars.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        assert_eq!(traditional_pairs(), Some(pairs));
        assert_eq!((simplified('國'), simplified('国'), simplified('a')), ('国', '国', 'a'));
    }

    #[test]
    fn spellings_that_people_take_for_the_same_fold_alike() {
        for (text, expected) in [
            ("Mannerheimintie 5", vec!["mannerheimintie", "5"]),
            ("Töölönlahti", vec!["toolonlahti"]),
            ("To\u{308}o\u{308}lo\u{308}", vec!["toolo"]),
            ("Øresund Straße", vec!["oresund", "strasse"]),
            ("Ａ－１０２４", vec!["a", "1024"]),
            ("B2 14a", vec!["b", "2", "14", "a"]),
            ("中山路廣場", vec!["中", "山", "路", "广", "场"]),
            ("中山路 12号", vec!["中", "山", "路", "12", "号"]),
            ("O'Connell’s", vec!["oconnells"]),
            ("<script>alert(1)</script>", vec!["script", "alert", "1", "script"]),
            ("İstanbul", vec!["istanbul"]),
            ("", vec![]),
            ("🚲 — …", vec![]),
        ] {
            let got: Vec<_> = words(text).into_iter().map(|word| word.text).collect();
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn ranges_point_into_the_original_text() {
        for text in ["Töölö 5 中山路", "a\u{301}b c", "İx \u{301}", "ﬁn"] {
            for word in words(text) {
                assert!(text.get(word.range.clone()).is_some(), "{text} {word:?}");
            }
        }
    }
}
