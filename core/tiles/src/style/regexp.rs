//! Regular expressions as JavaScript writes them, matched in linear time.
//!
//! `regex-lite` matches with a bound that no pattern can break, which a style from anywhere must not either; what
//! cannot be matched so (look-around and back-references) is refused by name. Its syntax is JavaScript's but for a few
//! escapes, which are translated here.

use regex_lite::{Regex, RegexBuilder};
use std::fmt;

/// The longest pattern, bytes.
const MAX_PATTERN_BYTES: usize = 4096;
/// Most bytes of a compiled pattern: repetitions multiply.
const MAX_COMPILED_BYTES: usize = 1 << 18;
/// The longest text that is matched, bytes: the time is the product of text and pattern.
const MAX_TEXT_BYTES: usize = 1 << 16;

/// A compiled regular expression of the styling language.
#[derive(Clone, Debug)]
pub struct RegExp {
    pattern: String,
    flags: String,
    regex: Regex,
}

impl PartialEq for RegExp {
    fn eq(&self, other: &Self) -> bool {
        (&self.pattern, &self.flags) == (&other.pattern, &other.flags)
    }
}

impl fmt::Display for RegExp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = if self.pattern.is_empty() { "(?:)" } else { &self.pattern };
        write!(f, "/{pattern}/{}", self.flags)
    }
}

impl RegExp {
    /// Compiles `regExp(pattern, flags)`.
    ///
    /// # Errors
    /// A sentence when the pattern or a flag is none, is too long, or needs what cannot be matched in linear time.
    pub(super) fn new(pattern: &str, flags: &str) -> Result<Self, String> {
        if pattern.len() > MAX_PATTERN_BYTES {
            return Err(format!("a regular expression of {} bytes; the limit is {MAX_PATTERN_BYTES}", pattern.len()));
        }
        let mut builder = RegexBuilder::new(&translate(pattern)?);
        builder.size_limit(MAX_COMPILED_BYTES);
        let mut seen = String::new();
        for flag in flags.chars() {
            if seen.contains(flag) {
                return Err(format!("the flag \"{flag}\" of a regular expression is given twice"));
            }
            seen.push(flag);
            match flag {
                'i' => builder.case_insensitive(true),
                'm' => builder.multi_line(true),
                's' => builder.dot_matches_new_line(true),
                // Where a search starts and whether a character beyond 16 bits is one: no difference for one test.
                'g' | 'y' | 'u' | 'd' => &mut builder,
                _ => return Err(format!("a regular expression has no flag \"{flag}\"")),
            };
        }
        let regex = builder.build().map_err(|error| format!("not a regular expression: {error}"))?;
        Ok(Self { pattern: pattern.to_owned(), flags: flags.to_owned(), regex })
    }

    /// Whether it matches anywhere in the text; `None` when the text is too long.
    pub(super) fn test(&self, text: &str) -> Option<bool> {
        (text.len() <= MAX_TEXT_BYTES).then(|| self.regex.is_match(text))
    }

    /// What its first group captured in the first match: the outer `None` when the text is too long, the middle one
    /// without a match, the inner one without that group.
    pub(super) fn exec<'t>(&self, text: &'t str) -> Option<Option<Option<&'t str>>> {
        (text.len() <= MAX_TEXT_BYTES)
            .then(|| self.regex.captures(text).map(|captures| captures.get(1).map(|group| group.as_str())))
    }
}

/// From JavaScript's syntax to that of `regex-lite`.
fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = after;
        match c {
            '\\' => rest = escape(after, in_class, &mut out)?,
            '(' if !in_class => {
                for start in ["?=", "?!", "?<=", "?<!"] {
                    if after.starts_with(start) {
                        return Err(format!("look-around, ({start}…), cannot be matched in linear time"));
                    }
                }
                // A Rust pattern may switch flags inside; a JavaScript one may not.
                if after.starts_with('?') && !after.starts_with("?:") && !after.starts_with("?<") {
                    return Err("a group that starts with (? is (?:…) or (?<name>…)".into());
                }
                out.push(c);
            }
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                if let Some(after) = after.strip_prefix("^]") {
                    // Not of nothing: anything.
                    in_class = false;
                    out.push_str("[\\s\\S]");
                    rest = after;
                } else if let Some(after) = after.strip_prefix(']') {
                    in_class = false;
                    out.push_str("[^\\s\\S]");
                    rest = after;
                } else {
                    out.push(c);
                    if let Some(after) = after.strip_prefix('^') {
                        out.push('^');
                        rest = after;
                    }
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(c);
            }
            // Set operations are not JavaScript's.
            '&' | '~' if in_class => out.extend(['\\', c]),
            '{' if !in_class && !is_repetition(after) => out.push_str("\\{"),
            ']' | '}' if !in_class && !closes_repetition(&out, c) => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    Ok(out)
}

/// What follows a backslash; returns the rest of the pattern.
fn escape<'p>(after: &'p str, in_class: bool, out: &mut String) -> Result<&'p str, String> {
    let Some(c) = after.chars().next() else { return Err("a regular expression ends in a backslash".into()) };
    let rest = &after[c.len_utf8()..];
    let literal = |code: u32, out: &mut String| match char::from_u32(code) {
        Some(c) => {
            out.push_str(&regex_lite::escape(c.encode_utf8(&mut [0; 4])));
            Ok(())
        }
        None => Err("half of a surrogate pair in a regular expression".to_owned()),
    };
    match c {
        'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'n' | 'r' | 't' | 'f' | 'v' => out.extend(['\\', c]),
        'b' if in_class => out.push_str("\\x08"),
        'b' | 'B' => out.extend(['\\', c]),
        '0' => out.push_str("\\x00"),
        '1'..='9' | 'k' => return Err("a back-reference cannot be matched in linear time".into()),
        'p' | 'P' => return Err("classes by Unicode property (\\p) are not read".into()),
        'c' => {
            let letter = rest.chars().next().filter(char::is_ascii_alphabetic).ok_or("\\c without a letter")?;
            literal(u32::from(letter) % 32, out)?;
            return Ok(&rest[1..]);
        }
        'x' | 'u' => {
            let (digits, rest) = match rest.strip_prefix('{').filter(|_| c == 'u') {
                Some(braced) => braced.split_once('}').ok_or("\\u{ is not closed")?,
                None => rest.split_at_checked(if c == 'x' { 2 } else { 4 }).ok_or("\\x or \\u is cut off")?,
            };
            let digits_only = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let code = u32::from_str_radix(digits, 16).ok().filter(|_| digits_only);
            literal(code.ok_or("\\x or \\u without hexadecimal digits")?, out)?;
            return Ok(rest);
        }
        other => literal(other.into(), out)?,
    }
    Ok(rest)
}

/// Whether a brace opens `{n}`, `{n,}` or `{n,m}`; else it stands for itself.
fn is_repetition(after: &str) -> bool {
    let Some((inside, _)) = after.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

/// Whether a closing brace belongs to a repetition that was opened.
fn closes_repetition(out: &str, c: char) -> bool {
    let inside = out.trim_end_matches(|c: char| c.is_ascii_digit() || c == ',');
    c == '}' && inside.ends_with('{') && !inside.ends_with("\\{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_javascript() {
        for (pattern, flags, text, expected) in [
            ("", "", "x", true),
            ("a/b", "", "a/b", true),
            ("^Chest", "", "Chestnut", true),
            ("^chest", "i", "Chestnut", true),
            (r"\d{2,3}", "", "a12", true),
            (r"a{", "", "a{", true),
            (r"a{,2}", "", "a{,2}", true),
            (r"x\/y", "", "x/y", true),
            (r"[[]", "", "[", true),
            (r"[&&a]", "", "&", true),
            (r"[a-z&&b]", "", "c", true),
            (r"[^]", "", "\n", true),
            (r"[]", "", "a", false),
            (r"\u0041\x42\u{43}", "", "ABC", true),
            (r"\cA", "", "\u{1}", true),
            (r"[\b]", "", "\u{8}", true),
            (r"a.c", "", "a\nc", false),
            (r"a.c", "s", "a\nc", true),
            (r"^b", "m", "a\nb", true),
            (r"]}", "", "]}", true),
            (r"\-\_\é", "", "-_é", true),
            (r"(?<year>\d+)", "", "1970", true),
            ("(a|b)+?c", "g", "abc", true),
        ] {
            let regexp = RegExp::new(pattern, flags).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert_eq!(regexp.test(text), Some(expected), "{pattern} {flags} {text:?}");
        }
        for (pattern, flags) in [
            ("(", ""),
            ("*", ""),
            ("[", ""),
            ("\\", ""),
            (r"(?=a)", ""),
            (r"(?<!a)", ""),
            (r"(?i)a", ""),
            (r"(a)\1", ""),
            (r"\p{L}", ""),
            (r"\u{110000}", ""),
            (r"\x+1", ""),
            (r"a{1000000000}", ""),
            (r"((a{100}){100}){100}", ""),
            ("a", "x"),
            ("a", "ii"),
        ] {
            assert!(RegExp::new(pattern, flags).is_err(), "{pattern} {flags}");
        }
    }

    #[test]
    fn what_hangs_a_backtracking_matcher_is_matched_at_once() {
        let regexp = RegExp::new("^(a+)+$", "").expect("a pattern");
        assert_eq!(regexp.test(&format!("{}b", "a".repeat(50_000))), Some(false));
        assert_eq!(regexp.test(&"a".repeat(MAX_TEXT_BYTES + 1)), None);
    }
}
