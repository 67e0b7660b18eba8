//! The little JSON that a page and the worker exchange, written by hand: readers and writers that are derived for any
//! format take a third of what a browser would download.

/// What is wrong with a text, in words.
type Result<T> = std::result::Result<T, String>;

/// Arrays and objects within each other beyond this are refused.
const MAX_DEPTH: usize = 32;

/// Reads JSON from the front of a text, piece by piece.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// What was expected instead of what is there.
    pub(crate) fn expected(&self, what: &str) -> String {
        ["the query does not read as JSON: expected ", what, " at byte ", &decimal(self.at as f64)].concat()
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.rest().as_bytes();
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Takes a word that stands next.
    fn takes(&mut self, word: &str) -> bool {
        self.peek();
        let found = self.rest().starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Takes `null` where it stands next.
    pub(crate) fn null(&mut self) -> bool {
        self.takes("null")
    }

    /// Takes `true` or `false` where one of them stands next.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        if self.takes("true") { Some(true) } else { self.takes("false").then_some(false) }
    }

    /// Whether a string stands next.
    pub(crate) fn is_string(&mut self) -> bool {
        self.peek() == Some(b'"')
    }

    pub(crate) fn number(&mut self) -> Result<f64> {
        self.peek();
        let rest = self.rest();
        let is_part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'e' | b'E');
        let len = rest.bytes().take_while(is_part).count();
        let digits = rest.get(..len).filter(|digits| !digits.is_empty());
        match digits.map(number_of).filter(|value| value.is_finite()) {
            Some(value) => {
                self.at += len;
                Ok(value)
            }
            None => Err(self.expected("a number")),
        }
    }

    /// A string; half of a surrogate pair, which no text can hold, becomes U+FFFD.
    pub(crate) fn string(&mut self) -> Result<String> {
        if !self.takes("\"") {
            return Err(self.expected("a string"));
        }
        let mut out = String::new();
        let mut high: Option<u32> = None;
        loop {
            let rest = self.rest();
            let plain = rest.bytes().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1F)).count();
            if plain > 0 && high.take().is_some() {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            let unit = match rest.as_bytes().get(plain) {
                Some(b'\\') => self.escaped()?,
                Some(b'"') => {
                    self.at += 1;
                    out.extend(high.map(|_| char::REPLACEMENT_CHARACTER));
                    return Ok(out);
                }
                _ => return Err(self.expected("the end of a string")),
            };
            match (high.take(), unit) {
                (Some(high), 0xDC00..=0xDFFF) => {
                    let code = 0x1_0000 + ((high - 0xD800) << 10 | (unit - 0xDC00));
                    out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                (before, unit) => {
                    out.extend(before.map(|_| char::REPLACEMENT_CHARACTER));
                    match unit {
                        0xD800..=0xDBFF => high = Some(unit),
                        unit => out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)),
                    }
                }
            }
        }
    }

    /// The UTF-16 unit that an escape stands for.
    fn escaped(&mut self) -> Result<u32> {
        let wrong = self.expected("an escape");
        let kind = self.text.as_bytes().get(self.at + 1).copied();
        self.at += 2;
        Ok(match kind {
            Some(plain @ (b'"' | b'\\' | b'/')) => plain.into(),
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => 10,
            Some(b'r') => 13,
            Some(b't') => 9,
            Some(b'u') => {
                let digits = self.text.get(self.at..self.at + 4).ok_or_else(|| wrong.clone())?;
                self.at += 4;
                digits.chars().try_fold(0, |code, c| Some(code << 4 | c.to_digit(16)?)).ok_or(wrong)?
            }
            _ => return Err(wrong),
        })
    }

    /// Hands the reader to `each` at every element of an array.
    pub(crate) fn array(&mut self, each: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.members("[", "]", each)
    }

    /// Hands the reader to `each` at the value of every member of an object, with the member's name.
    pub(crate) fn object(&mut self, each: &mut dyn FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        self.members("{", "}", &mut |reader| {
            let name = reader.string()?;
            if !reader.takes(":") {
                return Err(reader.expected("a colon"));
            }
            each(reader, &name)
        })
    }

    fn members(&mut self, open: &str, close: &str, each: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<()> {
        if self.depth == MAX_DEPTH || !self.takes(open) {
            return Err(self.expected(open));
        }
        self.depth += 1;
        if !self.takes(close) {
            loop {
                each(self)?;
                if self.takes(close) {
                    break;
                }
                if !self.takes(",") {
                    return Err(self.expected(close));
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// All elements of an array.
    pub(crate) fn list<T>(&mut self, element: &mut dyn FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut list = Vec::new();
        self.array(&mut |reader| {
            list.push(element(reader)?);
            Ok(())
        })?;
        Ok(list)
    }

    /// Exactly so many numbers.
    pub(crate) fn numbers<const N: usize>(&mut self) -> Result<[f64; N]> {
        let mut numbers = [0.0; N];
        let mut count = 0;
        self.array(&mut |reader| {
            let number = reader.number()?;
            *numbers.get_mut(count).ok_or_else(|| reader.expected("no more numbers"))? = number;
            count += 1;
            Ok(())
        })?;
        if count == N { Ok(numbers) } else { Err(self.expected("more numbers")) }
    }

    /// Passes over a value, whatever it is.
    pub(crate) fn skip(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'[') => self.array(&mut Self::skip),
            Some(b'{') => self.object(&mut |reader, _| reader.skip()),
            _ if self.null() || self.flag().is_some() => Ok(()),
            _ => self.number().map(drop),
        }
    }

    /// Nothing may come after what was read.
    pub(crate) fn end(&mut self) -> Result<()> {
        if self.peek().is_none() { Ok(()) } else { Err(self.expected("the end")) }
    }
}

/// Writes JSON; commas come of themselves.
#[derive(Default)]
pub(crate) struct Writer {
    out: String,
}

impl Writer {
    pub(crate) fn finish(self) -> String {
        self.out
    }

    fn comma(&mut self) {
        if !matches!(self.out.as_bytes().last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(',');
        }
    }

    /// Writes `null`, `true`, `false`, or the beginning of an array or object.
    pub(crate) fn word(&mut self, word: &str) -> &mut Self {
        self.comma();
        self.out.push_str(word);
        self
    }

    /// Ends an array or object.
    pub(crate) fn close(&mut self, bracket: char) {
        self.out.push(bracket);
    }

    pub(crate) fn key(&mut self, name: &str) -> &mut Self {
        self.text(name);
        self.out.push(':');
        self
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.word(if flag { "true" } else { "false" });
    }

    /// A number; `null` for what is none in JSON.
    pub(crate) fn number(&mut self, value: f64) {
        self.comma();
        if value.is_finite() { self.out.push_str(&decimal(value)) } else { self.out.push_str("null") }
    }

    /// A number rounded to so many digits after the point.
    pub(crate) fn rounded(&mut self, value: f64, digits: i32) {
        let power = 10_f64.powi(digits);
        self.number((value * power).round() / power);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.comma();
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.out.extend(['\\', c]),
                '\n' => self.out.push_str("\\n"),
                '\0'..='\x1F' => {
                    self.out.push_str("\\u00");
                    for digit in [c as u32 >> 4, c as u32 & 15] {
                        self.out.extend(char::from_digit(digit, 16));
                    }
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    pub(crate) fn texts(&mut self, texts: &[String]) {
        self.word("[");
        texts.iter().for_each(|text| self.text(text));
        self.close(']');
    }
}

/// The shortest decimal digits of a finite number. A browser has them already: the tables and code of our own would be
/// a tenth of the module.
fn decimal(value: f64) -> String {
    // Whole numbers are most of them, and need no call.
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return (value as i64).to_string();
    }
    digits::of(value)
}

fn number_of(text: &str) -> f64 {
    digits::read(text)
}

#[cfg(target_arch = "wasm32")]
mod digits {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_name = String)]
        pub(super) fn of(value: f64) -> String;
        #[wasm_bindgen(js_name = Number)]
        pub(super) fn read(text: &str) -> f64;
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod digits {
    pub(super) fn of(value: f64) -> String {
        value.to_string()
    }

    pub(super) fn read(text: &str) -> f64 {
        text.parse().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(value: &serde_json::Value, out: &mut Writer) {
        match value {
            serde_json::Value::Null => drop(out.word("null")),
            serde_json::Value::Bool(flag) => out.flag(*flag),
            serde_json::Value::Number(number) => out.number(number.as_f64().expect("a number")),
            serde_json::Value::String(text) => out.text(text),
            serde_json::Value::Array(parts) => {
                out.word("[");
                parts.iter().for_each(|part| write(part, out));
                out.close(']');
            }
            serde_json::Value::Object(members) => {
                out.word("{");
                members.iter().for_each(|(name, value)| write(value, out.key(name)));
                out.close('}');
            }
        }
    }

    #[test]
    fn what_is_written_reads_back_elsewhere() {
        for text in [
            "null",
            "[]",
            "{}",
            r#"[1,-2.5,1e300,0.1,123456789012,[[],{}],true,false,null]"#,
            r#"{"a":"","b":"\"\\/\n\r\t\u0000\u001f\u007f","山":{"c":[{"d":1},{"d":2}]}}"#,
            "\"\u{202e}👩‍👩‍👧 \u{301}\"",
        ] {
            let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
            let mut out = Writer::default();
            write(&value, &mut out);
            let out = out.finish();
            let back: serde_json::Value = serde_json::from_str(&out).expect(&out);
            // Numbers compare as numbers: 1 and 1.0 are the same to a page.
            assert_eq!(back.to_string().replace(".0", ""), value.to_string().replace(".0", ""), "{out}");
            Reader::new(&out).skip().expect(&out);
        }
        let mut out = Writer::default();
        out.number(f64::NAN);
        out.rounded(24.931_999_999_999_995, 7);
        assert_eq!(out.finish(), "null,24.932");
    }

    #[test]
    fn strings_read_as_the_browser_writes_them() {
        for (text, expected) in [
            (r#""""#, ""),
            (r#""a\"b\\c\/d""#, "a\"b\\c/d"),
            (r#""\b\f\n\r\t""#, "\u{8}\u{c}\n\r\t"),
            (r#""\u4e2d\u5C71""#, "中山"),
            (r#""\ud83d\udc69""#, "👩"),
            (r#""\ud83d""#, "\u{FFFD}"),
            (r#""\ud83dx\udc69\ud83d\ud83d\udc69""#, "\u{FFFD}x\u{FFFD}\u{FFFD}👩"),
        ] {
            assert_eq!(Reader::new(text).string().as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_in_words() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            "{",
            "[",
            "[1",
            "[1,",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "\"",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12é4\"",
            "\"\\",
            "nul",
            "-",
            "1e999",
            "--1",
            "é",
            "}",
            &deep,
        ] {
            let error = Reader::new(text).skip().expect_err(text);
            assert!(error.starts_with("the query does not read as JSON: expected "), "{error}");
        }
        let mut reader = Reader::new("[1] x");
        assert_eq!(
            reader.numbers::<2>(),
            Err("the query does not read as JSON: expected more numbers at byte 3".into())
        );
        assert!(reader.end().is_err());
        assert!(Reader::new("[1,2,3]").numbers::<2>().is_err());
    }
}
