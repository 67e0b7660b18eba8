//! Reading JSON by hand. A derived reader of a dozen types would cost every visitor several times the download; this
//! one also says where in the document something is wrong.

use serde_json::{Map, Value};
use std::cell::RefCell;

/// Reads a document with `read`, which notes what is wrong and goes on.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn read<T>(json: &Value, read: impl FnOnce(&At<'_>) -> T) -> Result<T, String> {
    let fault = RefCell::new(None);
    let value = read(&At { json: Some(json), up: None, step: Step::Key(""), fault: &fault });
    fault.into_inner().map_or(Ok(value), Err)
}

/// A place in a document. What is read from where there is none of it is nothing: an empty text, 0.
#[derive(Debug)]
pub struct At<'a> {
    /// What is there, if anything.
    json: Option<&'a Value>,
    up: Option<&'a At<'a>>,
    step: Step<'a>,
    fault: &'a RefCell<Option<String>>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    fn below<'b>(&'b self, step: Step<'b>, json: Option<&'b Value>) -> At<'b> {
        At { json, up: Some(self), step, fault: self.fault }
    }

    /// A member of an object.
    pub fn get<'b>(&'b self, key: &'b str) -> At<'b> {
        self.below(Step::Key(key), self.object().and_then(|map| map.get(key)))
    }

    /// The elements of a list.
    pub fn items(&self) -> impl Iterator<Item = At<'_>> {
        let items = self.json.and_then(Value::as_array);
        if items.is_none() {
            self.expected::<()>("a list");
        }
        items.into_iter().flatten().enumerate().map(|(i, json)| self.below(Step::Index(i), Some(json)))
    }

    /// The members of an object, by key.
    pub fn members(&self) -> impl Iterator<Item = (&str, At<'_>)> {
        let members = self.object().into_iter().flatten();
        members.map(|(key, json)| (key.as_str(), self.below(Step::Key(key), Some(json))))
    }

    fn object(&self) -> Option<&'a Map<String, Value>> {
        let object = self.json.and_then(Value::as_object);
        if object.is_none() {
            self.expected::<()>("an object");
        }
        object
    }

    /// Notes members that are not among the known ones.
    pub fn knows(&self, keys: &[&str]) {
        if let Some((_, unknown)) = self.members().find(|(key, _)| !keys.contains(key)) {
            unknown.wrong(&format!("is an unknown key, expected one of {}", keys.join(", ")));
        }
    }

    /// Whether there is anything but null.
    pub fn is_given(&self) -> bool {
        self.json.is_some_and(|json| !json.is_null())
    }

    /// What is read from here, or what was there before where nothing is said.
    pub fn or<T>(&self, before: T, read: impl FnOnce(&Self) -> T) -> T {
        if self.json.is_some() { read(self) } else { before }
    }

    /// The same, where there may have been nothing before: then it must be said.
    pub fn or_else<T>(&self, before: Option<T>, read: impl FnOnce(&Self) -> T) -> T {
        match before {
            Some(before) if self.json.is_none() => before,
            _ => read(self),
        }
    }

    /// What is read from here, if there is anything but null.
    pub fn optional<T>(&self, read: impl FnOnce(&Self) -> T) -> Option<T> {
        self.is_given().then(|| read(self))
    }

    /// The elements of a list that may be left out.
    pub fn list<T>(&self, read: fn(&At<'_>) -> T) -> Vec<T> {
        if self.is_given() { self.items().map(|at| read(&at)).collect() } else { Vec::new() }
    }

    /// A text.
    pub fn text(&self) -> String {
        self.json.and_then(Value::as_str).map_or_else(|| self.expected("a text"), str::to_owned)
    }

    /// A list of texts.
    pub fn texts(&self) -> Vec<String> {
        self.items().map(|at| at.text()).collect()
    }

    /// A number.
    pub fn number(&self) -> f64 {
        self.json.and_then(Value::as_f64).unwrap_or_else(|| self.expected("a number"))
    }

    /// A whole number from 0 to `most`.
    pub fn whole(&self, most: u32) -> u32 {
        let whole = self.json.and_then(Value::as_u64).filter(|value| *value <= u64::from(most));
        whole.map_or_else(|| self.expected(&format!("a whole number up to {most}")), |value| value as u32)
    }

    /// A whole number from `least` to `most`.
    pub fn signed(&self, least: i32, most: i32) -> i32 {
        let whole = self.json.and_then(Value::as_i64).filter(|value| (least.into()..=most.into()).contains(value));
        whole.map_or_else(|| self.expected(&format!("a whole number from {least} to {most}")), |value| value as i32)
    }

    /// A text that `parse` understands, `what` it should be.
    pub fn parsed<T>(&self, what: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.json.and_then(Value::as_str).and_then(parse).or_else(|| self.expected(what))
    }

    /// Yes or no.
    pub fn flag(&self) -> bool {
        self.json.and_then(Value::as_bool).unwrap_or_else(|| self.expected("true or false"))
    }

    /// Exactly `N` things.
    pub fn array<T: Default + Copy, const N: usize>(&self, read: fn(&At<'_>) -> T) -> [T; N] {
        let mut items = self.items();
        let out = std::array::from_fn(|_| items.next().map(|at| read(&at)));
        if out.iter().any(Option::is_none) || items.next().is_some() {
            self.wrong(&format!("has an invalid length, expected {N}"));
        }
        out.map(Option::unwrap_or_default)
    }

    /// The number of a word in a list of them.
    pub fn choice(&self, words: &[&str]) -> usize {
        let word = self.json.and_then(Value::as_str);
        let found = word.and_then(|word| words.iter().position(|known| *known == word));
        found.unwrap_or_else(|| self.expected(&format!("one of {}", words.join(", "))))
    }

    /// Notes that something else stands here than what was expected.
    fn expected<T: Default>(&self, what: &str) -> T {
        let found = match self.json {
            None => "is missing",
            Some(Value::Null) => "is null",
            Some(Value::Bool(_)) => "is true or false",
            Some(Value::Number(_)) => "is a number",
            Some(Value::String(_)) => "is a text",
            Some(Value::Array(_)) => "is a list",
            Some(Value::Object(_)) => "is an object",
        };
        let number = self.json.filter(|json| json.is_number()).and_then(Value::as_f64);
        let number = number.map_or_else(String::new, |number| format!(" ({number})"));
        let text = self.json.and_then(Value::as_str).filter(|text| text.len() < 60);
        let text = text.map_or_else(String::new, |text| format!(" (\"{text}\")"));
        self.wrong(&format!("{found}{number}{text}, expected {what}"));
        T::default()
    }

    fn wrong(&self, what: &str) {
        let mut fault = self.fault.borrow_mut();
        if fault.is_none() {
            let mut words = String::new();
            self.write_path(&mut words);
            if words.is_empty() {
                words.push_str("it");
            }
            words.push(' ');
            words.push_str(what);
            *fault = Some(words);
        }
    }

    fn write_path(&self, out: &mut String) {
        let Some(up) = self.up else { return };
        up.write_path(out);
        match self.step {
            Step::Key(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Step::Index(i) => out.push_str(&format!("[{i}]")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check<T>(json: &Value, of: impl FnOnce(&At<'_>) -> T, expected: &str) {
        assert_eq!(read(json, of).err().unwrap_or_default(), expected, "{json}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_only_the_first() {
        let json = json!({ "a": [{ "b": "words", "c": null }], "n": -1, "two": [1, 2], "k": "x" });
        check(&json, |at| at.get("a").items().map(|at| at.get("b").text()).collect::<Vec<_>>(), "");
        check(
            &json,
            |at| at.get("a").items().map(|at| at.get("d").text()).collect::<Vec<_>>(),
            "a[0].d is missing, expected a text",
        );
        check(
            &json,
            |at| at.get("a").items().map(|at| at.get("b").number()).sum::<f64>(),
            "a[0].b is a text (\"words\"), expected a number",
        );
        check(
            &json,
            |at| at.get("a").items().map(|at| at.get("c").flag()).collect::<Vec<_>>(),
            "a[0].c is null, expected true or false",
        );
        check(
            &json,
            |at| (at.get("n").whole(9), at.get("n").text()),
            "n is a number (-1), expected a whole number up to 9",
        );
        check(&json, |at| at.get("two").array::<f64, 3>(|at| at.number()), "two has an invalid length, expected 3");
        check(&json, |at| at.get("two").array::<f64, 1>(|at| at.number()), "two has an invalid length, expected 1");
        check(&json, |at| at.get("k").choice(&["y", "z"]), "k is a text (\"x\"), expected one of y, z");
        check(&json, |at| at.get("n").signed(-1, 0), "");
        check(&json, |at| at.get("n").signed(0, 1), "n is a number (-1), expected a whole number from 0 to 1");
        check(&json, |at| at.get("k").parsed("an x", |text| (text == "x").then_some(1)), "");
        check(
            &json,
            |at| at.get("k").parsed("a y", |text| (text == "y").then_some(1)),
            "k is a text (\"x\"), expected a y",
        );
        check(&json, |at| at.get("n").knows(&[]), "n is a number (-1), expected an object");
        check(&json, |at| at.knows(&["a", "n", "k"]), "two is an unknown key, expected one of a, n, k");
        check(&json!([]), |at| at.get("x").text(), "it is a list, expected an object");
    }

    #[test]
    fn what_is_left_out_or_null_is_not_given() {
        let json = json!({ "a": null, "list": [1, 2] });
        let of = |at: &At<'_>| {
            (at.get("a").optional(At::text), at.get("b").is_given(), at.get("list").list(|at| at.number()))
        };
        assert_eq!(read(&json, of), Ok((None, false, vec![1.0, 2.0])));
    }
}
