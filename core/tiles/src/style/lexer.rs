//! Words and signs of an expression.

/// A place in an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    column: u32,
}

impl Spot {
    /// In characters, from 1.
    pub(super) fn column(self) -> u32 {
        self.column
    }

    pub(super) fn fault(self, message: String) -> Fault {
        Fault { column: self.column, message, is_over_limit: false }
    }

    pub(super) fn over_limit(self, message: String) -> Fault {
        Fault { is_over_limit: true, ..self.fault(message) }
    }
}

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) column: u32,
    pub(super) message: String,
    pub(super) is_over_limit: bool,
}

/// Operators of JavaScript that the language does not have, to name them whole.
const FOREIGN: [&str; 8] = [">>>", "**", "==", "!=", "<<", ">>", "??", "=>"];

/// Reads from the start of a text on.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Characters up to `at`, so that columns cost nothing: counted on from where it last stood.
    /// Up to where characters were counted, and the column there.
    counted: (usize, u32),
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, counted: (0, 1) }
    }

    /// For a part of an expression: its columns are those of the whole part.
    pub(super) fn within(text: &'a str, spot: Spot) -> Self {
        Self { text, at: 0, counted: (usize::MAX, spot.column) }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Where the next word or sign starts.
    pub(super) fn spot(&mut self) -> Spot {
        self.skip_spaces();
        let (from, column) = self.counted;
        if let Some(between) = self.text.get(from..self.at) {
            self.counted = (self.at, column + between.chars().count() as u32);
        }
        Spot { column: self.counted.1 }
    }

    pub(super) fn at_end(&mut self) -> bool {
        self.skip_spaces();
        self.rest().is_empty()
    }

    pub(super) fn is_next(&mut self, sign: &str) -> bool {
        self.skip_spaces();
        self.rest().starts_with(sign)
    }

    /// Takes a sign if it comes next.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let is_next = self.is_next(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        let spot = self.spot();
        if self.take(sign) {
            Ok(())
        } else {
            Err(spot.fault(format!("expected \"{sign}\", found {}", self.next_word())))
        }
    }

    /// What comes next, where it cannot.
    pub(super) fn unexpected(&self, spot: Spot) -> Fault {
        spot.fault(format!("unexpected {}", self.next_word()))
    }

    fn next_word(&self) -> String {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return "the end".into() };
        let word = if let Some(foreign) = FOREIGN.iter().find(|foreign| rest.starts_with(**foreign)) {
            foreign
        } else {
            let len = rest.find(|c| !is_identifier_part(c)).unwrap_or(rest.len());
            rest.get(..len.clamp(first.len_utf8(), 40)).unwrap_or(&rest[..first.len_utf8()])
        };
        format!("\"{word}\"")
    }

    /// A word.
    pub(super) fn identifier(&mut self) -> Result<(&'a str, Spot), Fault> {
        let spot = self.spot();
        let rest = self.rest();
        if !rest.starts_with(is_identifier_start) {
            return Err(self.unexpected(spot));
        }
        let len = rest.find(|c| !is_identifier_part(c)).unwrap_or(rest.len());
        self.at += len;
        Ok((&rest[..len], spot))
    }

    /// A number, if one comes next.
    pub(super) fn number(&mut self) -> Result<Option<f64>, Fault> {
        let spot = self.spot();
        let rest = self.rest();
        let digits =
            |from: usize| rest[from..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |len| from + len);
        let mut end = digits(0);
        if rest[end..].starts_with('.') {
            end = digits(end + 1);
        }
        if !rest[..end].contains(|c: char| c.is_ascii_digit()) {
            return Ok(None);
        }
        if rest[end..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
            let after = digits(end + 1 + sign);
            if after == end + 1 + sign {
                return Err(spot.fault("a number with an empty exponent".into()));
            }
            end = after;
        }
        if rest[end..].starts_with(|c| is_identifier_part(c) || c == '.') {
            return Err(spot.fault(format!("\"{}…\" is not a number", &rest[..end])));
        }
        self.at += end;
        rest[..end].parse().map(Some).map_err(|_| spot.fault(format!("\"{}\" is not a number", &rest[..end])))
    }

    /// What stands between quotes, if they come next. A backslash stands for itself: patterns are full of them.
    pub(super) fn quoted(&mut self) -> Result<Option<&'a str>, Fault> {
        let spot = self.spot();
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|c| ['\'', '"', '`'].contains(c)) else { return Ok(None) };
        let Some(len) = rest[1..].find(quote) else { return Err(spot.fault("a quote is not closed".into())) };
        self.at += len + 2;
        Ok(Some(&rest[1..=len]))
    }

    /// The first name of a path in `${…}`; `None`, and nothing taken, when what stands there is no path.
    pub(super) fn path_start(&mut self) -> Option<&'a str> {
        self.skip_spaces();
        let rest = self.rest();
        let mut end = 0;
        loop {
            let part = &rest[end..];
            let len = part.find(|c| !is_identifier_part(c)).unwrap_or(part.len());
            if len == 0 {
                return None;
            }
            end += len;
            if !rest[end..].starts_with('.') {
                break;
            }
            end += 1;
        }
        if !rest[end..].trim_start().starts_with(['}', '[']) {
            return None;
        }
        let len = rest.find(|c| !is_identifier_part(c)).unwrap_or(rest.len());
        self.at += len;
        Some(&rest[..len])
    }

    /// Everything up to the next `}`, as one name.
    pub(super) fn raw_name(&mut self, start: Spot) -> Result<&'a str, Fault> {
        let (name, _) = self.rest().split_once('}').ok_or_else(|| start.fault("${ is not closed".into()))?;
        self.at += name.len() + 1;
        let name = name.trim();
        if name.is_empty() { Err(start.fault("${} names no property".into())) } else { Ok(name) }
    }
}

fn is_identifier_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == '$' || !c.is_ascii()
}

fn is_identifier_part(c: char) -> bool {
    is_identifier_start(c) || c.is_ascii_digit()
}
