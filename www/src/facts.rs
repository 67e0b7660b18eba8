//! A feature's properties as a person reads them.

use crate::number;
use crate::words::Lang;
use citytwin_manifest::{PropertyWords, Twin};
use citytwin_search::Record;
use citytwin_viewer::{Hit, Value};
use std::collections::BTreeMap;

/// Longer texts are cut: nobody reads them in a panel, and a hostile one must not push everything else away.
const MAX_CHARS: usize = 400;

/// Bytes of the shortest text that may name a kind: three letters, or one Chinese character.
const MIN_KIND_BYTES: usize = 3;

/// A feature in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its name, or the best that stands for it.
    pub heading: String,
    /// What it is; empty when the heading says it.
    pub kind: String,
    /// What is known about it, in the order of its schema.
    pub rows: Vec<Row>,
    /// Its stable id in the source; may be empty.
    pub id: String,
}

/// One thing that is known about a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub label: String,
    /// The value with its unit.
    pub value: String,
    /// How it is known (`estimated`); may be empty.
    pub note: String,
}

impl Row {
    /// Where the value leads when it is a web address. Nothing but `http` and `https`: a tile could name a script.
    pub fn link(&self) -> Option<&str> {
        let is_web = self.value.starts_with("https://") || self.value.starts_with("http://");
        (is_web && !self.value.contains(char::is_whitespace) && !self.value.ends_with('…')).then_some(&self.value)
    }
}

/// The facts of a picked feature.
pub fn of_hit(hit: &Hit, twin: &Twin, lang: Lang) -> Facts {
    let Some(layer) = twin.layers.iter().find(|layer| layer.id == hit.layer) else {
        // A name or an icon on the map: its words are those of the twin's categories.
        let worded = hit.properties.iter().map(|(id, value)| match value {
            Value::Text(class) if id == "class" => (id.clone(), Value::Text(class_words(twin, class, lang))),
            _ => (id.clone(), value.clone()),
        });
        return Reader { words: &BTreeMap::new(), lang }.facts(&worded.collect::<Vec<_>>(), "");
    };
    Reader { words: &layer.properties, lang }.facts(&hit.properties, layer.title.get(lang.tag()))
}

/// The facts of a found place, before its feature has been seen on the map.
pub fn of_place(place: &Record, twin: &Twin, lang: Lang) -> Facts {
    let kind = class_words(twin, &place.category, lang);
    let heading = clean(place.names.get(lang.primary()).unwrap_or(&place.name));
    let mut others = Vec::new();
    for name in std::iter::once(&place.name).chain(place.names.values()).chain(&place.alt_names) {
        push_new(&mut others, name, &heading);
    }
    let address = place.address.as_deref().filter(|address| *address != heading);
    let mut rows = Vec::new();
    if let Some(address) = address {
        rows.push(Row { label: property_title(twin, "address", lang), value: clean(address), note: String::new() });
    }
    if !others.is_empty() {
        let value = clean(&others.join(" · "));
        rows.push(Row { label: lang.words().also_called.into(), value, note: String::new() });
    }
    Facts { heading, kind, rows, id: clean(&place.id) }
}

/// The words of a category of places, or of a class of whichever layer knows it.
pub fn class_words(twin: &Twin, class: &str, lang: Lang) -> String {
    let mut layers = twin.layers.iter().filter_map(|layer| layer.properties.get("class")?.values.get(class));
    let known = twin.categories.get(class).or_else(|| layers.next());
    known.map_or_else(|| readable_id(class), |words| clean(words.get(lang.tag())))
}

/// Those of an index's categories that go by the words of `text`, or by words that it begins, in any language that the
/// manifest knows; the most frequent first. A visitor types `kahvila` or 咖啡 and means all cafés.
pub fn kinds_called(twin: &Twin, categories: &[(String, u32)], text: &str) -> Vec<(String, u32)> {
    let typed = citytwin_search::words(text);
    let letters: usize = typed.iter().map(|word| word.text.len()).sum();
    if letters < MIN_KIND_BYTES {
        return Vec::new();
    }
    let called = |name: &str| {
        let words = citytwin_search::words(name);
        words.windows(typed.len()).any(|window| {
            let (ended, last) = (typed.len() - 1, typed.last());
            window.iter().zip(&typed).take(ended).all(|(word, typed)| word.text == typed.text)
                && last.is_some_and(|last| window[ended].text.starts_with(&last.text))
        })
    };
    let known = |id: &str| twin.categories.get(id).is_some_and(|words| words.0.values().any(|name| called(name)));
    let mut kinds: Vec<(String, u32)> =
        categories.iter().filter(|(id, _)| known(id) || called(&id.replace('_', " "))).cloned().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    kinds
}

fn property_title(twin: &Twin, id: &str, lang: Lang) -> String {
    let known = twin.layers.iter().filter_map(|layer| layer.properties.get(id)).next();
    known.map_or_else(|| readable_id(id), |words| clean(words.title.get(lang.tag())))
}

/// Reads properties with one layer's words, in one language.
struct Reader<'a> {
    words: &'a BTreeMap<String, PropertyWords>,
    lang: Lang,
}

impl Reader<'_> {
    fn facts(&self, properties: &[(String, Value)], layer_title: &str) -> Facts {
        let text = |id: &str| match properties.iter().find(|(name, _)| name == id) {
            Some((_, Value::Text(text))) if !text.trim().is_empty() => Some(text.as_str()),
            _ => None,
        };
        let class = text("class").map(|class| self.class(class)).unwrap_or_else(|| clean(layer_title));
        let name = text(&format!("name_{}", self.lang.primary())).or_else(|| text("name"));
        let heading = name.or_else(|| text("address")).map(clean).unwrap_or_else(|| class.clone());
        let heading = if heading.is_empty() { self.lang.words().unnamed.to_owned() } else { heading };

        let mut rows: Vec<Row> = (properties.iter())
            .filter(|(id, value)| !is_told_elsewhere(id) && !self.is_note(id, properties) && !is_blank(value))
            .map(|(id, value)| Row {
                label: self.title(id),
                value: self.value(id, value),
                note: self.note(id, properties),
            })
            .filter(|row| row.value != heading)
            .collect();
        let mut others = Vec::new();
        for (id, value) in properties {
            if let (true, Value::Text(other)) = (is_name(id), value) {
                push_new(&mut others, other, &heading);
            }
        }
        if !others.is_empty() {
            let value = clean(&others.join(" · "));
            rows.push(Row { label: self.lang.words().also_called.into(), value, note: String::new() });
        }
        let kind = if class == heading { String::new() } else { class };
        Facts { heading, kind, rows, id: text("id").map(clean).unwrap_or_default() }
    }

    fn class(&self, class: &str) -> String {
        let named = self.words.get("class").and_then(|words| words.values.get(class));
        named.map_or_else(|| readable_id(class), |words| clean(words.get(self.lang.tag())))
    }

    fn title(&self, id: &str) -> String {
        let title = self.words.get(id).map(|words| words.title.get(self.lang.tag())).unwrap_or_default();
        if title.is_empty() { readable_id(id) } else { clean(title) }
    }

    fn value(&self, id: &str, value: &Value) -> String {
        let words = self.words.get(id);
        let key = match value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Boolean(yes) => yes.to_string(),
        };
        if let Some(named) = words.and_then(|words| words.values.get(&key)) {
            return clean(named.get(self.lang.tag()));
        }
        match value {
            // OpenStreetMap has no booleans.
            Value::Boolean(true) => self.lang.words().yes.into(),
            Value::Boolean(false) => self.lang.words().no.into(),
            Value::Text(text) if text == "yes" => self.lang.words().yes.into(),
            Value::Text(text) if text == "no" => self.lang.words().no.into(),
            Value::Text(text) => clean(text),
            Value::Number(number) => match words.and_then(|words| words.unit.as_deref()) {
                // A no-break space keeps number and unit on one line.
                Some(unit) => format!("{}\u{a0}{}", number::measure(*number), self.lang.unit(&clean(unit))),
                None => number::decimal(*number, 2),
            },
        }
    }

    /// `height_source` is a note on `height_m` or `height`.
    fn is_note(&self, id: &str, properties: &[(String, Value)]) -> bool {
        id.strip_suffix("_source").is_some_and(|stem| properties.iter().any(|(other, _)| is_of_stem(other, stem)))
    }

    fn note(&self, id: &str, properties: &[(String, Value)]) -> String {
        let note = properties.iter().find(|(other, value)| {
            other.strip_suffix("_source").is_some_and(|s| is_of_stem(id, s)) && !is_blank(value)
        });
        note.map(|(note_id, value)| self.value(note_id, value)).unwrap_or_default()
    }
}

/// Whether `id` is `stem`, or `stem` with a unit (`height_m`).
fn is_of_stem(id: &str, stem: &str) -> bool {
    id == stem || id.strip_prefix(stem).is_some_and(|rest| matches!(rest, "_m" | "_m2" | "_deg" | "_kmh"))
}

fn is_name(id: &str) -> bool {
    id == "name" || id.starts_with("name_")
}

/// Told by the heading, by the kind or at the panel's foot.
fn is_told_elsewhere(id: &str) -> bool {
    is_name(id) || id == "class" || id == "id"
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.trim().is_empty(),
        Value::Number(number) => !number.is_finite(),
        Value::Boolean(_) => false,
    }
}

/// Adds a name that is neither the heading nor there already.
fn push_new(names: &mut Vec<String>, name: &str, heading: &str) {
    let name = clean(name);
    if !name.is_empty() && name != heading && !names.contains(&name) {
        names.push(name);
    }
}

/// `roof_shape` → `Roof shape`.
fn readable_id(id: &str) -> String {
    let spaced = clean(&id.replace(['_', ':'], " "));
    let mut chars = spaced.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// One line of at most [`MAX_CHARS`] characters, without control characters and without those that turn the writing
/// direction of what follows.
fn clean(text: &str) -> String {
    let visible = |c: &char| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let mut chars = text.trim().chars().filter(visible).map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = chars.by_ref().take(MAX_CHARS).collect();
    if chars.next().is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_manifest::Text;

    fn twin() -> Twin {
        let json = r#"{"format":"citytwin/1","title":{"en":"Helsinki"},"extent":[0,0,1,1],"attribution":[],
            "home":{"lon":0,"lat":0,"distanceM":1,"pitchDeg":-40},
            "categories":{"cafe":{"en":"Café","zh-CN":"咖啡馆"}},
            "layers":[{"id":"buildings","title":{"en":"Buildings","zh-CN":"建筑"},"theme":"buildings",
                "tileset":"b/tileset.json","properties":{
                "class":{"title":{"en":"Kind","zh-CN":"类别"},"values":{"church":{"en":"Church","zh-CN":"教堂"}}},
                "height_m":{"title":{"en":"Height","zh-CN":"高度"},"unit":"m"},
                "height_source":{"title":{"en":"Height known from"},
                    "values":{"estimated":{"en":"estimated","zh-CN":"估计值"}}},
                "levels":{"title":{"en":"Floors","zh-CN":"层数"}},
                "address":{"title":{"en":"Address","zh-CN":"地址"}}}}]}"#;
        Twin::from_json(json.as_bytes()).expect("a good manifest")
    }

    fn text(value: &str) -> Value {
        Value::Text(value.into())
    }

    /// Shows facts as one line: `heading | kind | label: value (note); … | id`.
    fn check(properties: &[(&str, Value)], lang: Lang, expected: &str) {
        let properties = properties.iter().map(|(id, value)| ((*id).to_owned(), value.clone())).collect();
        let hit = Hit { layer: "buildings".into(), feature_id: 0, properties, lon: 0.0, lat: 0.0, height_m: 0.0 };
        assert_eq!(line(&of_hit(&hit, &twin(), lang)), expected);
    }

    fn line(facts: &Facts) -> String {
        let rows: Vec<_> = (facts.rows.iter())
            .map(|row| {
                let note = if row.note.is_empty() { String::new() } else { format!(" ({})", row.note) };
                format!("{}: {}{note}", row.label, row.value)
            })
            .collect();
        format!("{} | {} | {} | {}", facts.heading, facts.kind, rows.join("; "), facts.id)
    }

    #[test]
    fn kinds_go_by_their_words_in_any_language() {
        let mut twin = twin();
        let pharmacy = Text::new([("en", "Pharmacy"), ("fi", "Apteekki"), ("zh-CN", "药店")]);
        twin.categories.insert("pharmacy".to_owned(), pharmacy);
        let categories = [("bus_stop", 40), ("cafe", 3), ("pharmacy", 7)].map(|(id, count)| (id.to_owned(), count));
        for (typed, expected) in [
            ("cafe", &["cafe"][..]),
            ("CAFÉ", &["cafe"]),
            ("咖啡", &["cafe"]),
            ("药", &["pharmacy"]),
            ("apteek", &["pharmacy"]),
            ("pharmacy", &["pharmacy"]),
            ("bus st", &["bus_stop"]),
            ("stop", &["bus_stop"]),
            ("stop bus", &[]),
            ("ph", &[]),
            ("cafeteria", &[]),
            ("", &[]),
            ("🚲", &[]),
        ] {
            let kinds: Vec<String> = kinds_called(&twin, &categories, typed).into_iter().map(|(id, _)| id).collect();
            assert_eq!(kinds, expected, "{typed}");
        }
    }

    #[test]
    fn a_building_is_told_in_the_readers_language() {
        let church = [
            ("id", text("way/123")),
            ("name", text("Tuomiokirkko")),
            ("name_en", text("Helsinki Cathedral")),
            ("name_sv", text("Domkyrkan")),
            ("class", text("church")),
            ("height_m", Value::Number(62.04)),
            ("height_source", text("estimated")),
            ("levels", Value::Number(3.0)),
            ("address", text("")),
        ];
        check(
            &church,
            Lang::En,
            "Helsinki Cathedral | Church | Height: 62\u{a0}m (estimated); Floors: 3; Also called: Tuomiokirkko · \
             Domkyrkan | way/123",
        );
        check(
            &church,
            Lang::Zh,
            "Tuomiokirkko | 教堂 | 高度: 62\u{a0}米 (估计值); 层数: 3; 其他名称: Helsinki Cathedral · Domkyrkan | way/123",
        );
    }

    #[test]
    fn a_nameless_building_is_called_by_its_address_or_its_kind() {
        check(
            &[("class", text("church")), ("address", text("Kirkkokatu 18"))],
            Lang::En,
            "Kirkkokatu 18 | Church |  | ",
        );
        check(&[("class", text("church"))], Lang::Zh, "教堂 |  |  | ");
        check(&[], Lang::En, "Buildings |  |  | ");
    }

    #[test]
    fn properties_without_words_are_shown_under_their_own_id() {
        check(
            &[
                ("roof_shape", text("gabled")),
                ("class", text("barn")),
                ("wheelchair", text("yes")),
                ("lit", Value::Boolean(false)),
            ],
            Lang::En,
            "Barn |  | Roof shape: gabled; Wheelchair: Yes; Lit: No | ",
        );
        check(&[("noise_source", text("traffic"))], Lang::En, "Buildings |  | Noise source: traffic | ");
    }

    #[test]
    fn only_web_addresses_become_links() {
        let link = |value: &str| {
            Row { label: String::new(), value: value.into(), note: String::new() }.link().map(str::to_owned)
        };
        assert_eq!(link("https://kiasma.fi/"), Some("https://kiasma.fi/".into()));
        for other in ["javascript:alert(1)", "data:text/html,x", "kiasma.fi", "https://a b", "https://cut…", ""] {
            assert_eq!(link(other), None, "{other}");
        }
    }

    #[test]
    fn unknown_layers_and_values_do_no_harm() {
        let properties = vec![("height_m".into(), Value::Number(f64::NAN)), ("x".into(), Value::Number(1e300))];
        let hit = Hit { layer: "gone".into(), feature_id: 0, properties, lon: 0.0, lat: 0.0, height_m: 0.0 };
        assert_eq!(line(&of_hit(&hit, &twin(), Lang::En)), "Unnamed |  | X: 1e300 | ");
    }

    #[test]
    fn hostile_text_stays_one_short_line_of_text() {
        let hostile = format!("<img src=x onerror=alert(1)>\u{202e}\n\0{}", "a".repeat(10_000));
        let hit = Hit {
            layer: "buildings".into(),
            feature_id: 0,
            properties: vec![("name".into(), Value::Text(hostile))],
            lon: 0.0,
            lat: 0.0,
            height_m: 0.0,
        };
        let Facts { heading, rows, .. } = of_hit(&hit, &twin(), Lang::En);
        assert_eq!(rows, [], "the name is told once");
        assert!(heading.starts_with("<img src=x onerror=alert(1)>  aaa"), "{heading}");
        assert!(heading.chars().count() <= MAX_CHARS + 1 && heading.ends_with('…'));
    }

    #[test]
    fn a_found_place_is_told_like_a_feature() {
        let place = Record {
            id: "way/123".into(),
            name: "Tuomiokirkko".into(),
            names: [("en".to_owned(), "Helsinki Cathedral".to_owned())].into(),
            category: "church".into(),
            lon: 24.95,
            lat: 60.17,
            address: Some("Unioninkatu 29".into()),
            ..Record::default()
        };
        assert_eq!(
            line(&of_place(&place, &twin(), Lang::En)),
            "Helsinki Cathedral | Church | Address: Unioninkatu 29; Also called: Tuomiokirkko | way/123"
        );
        assert_eq!(class_words(&twin(), "cafe", Lang::Zh), "咖啡馆");
        assert_eq!(class_words(&twin(), "police_station", Lang::Zh), "Police station");
    }
}
