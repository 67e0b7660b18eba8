//! What can stand between a person and the city, and the words for it.

use crate::words::Lang;
use citytwin_manifest::ManifestError;
use citytwin_viewer::ViewerError;

/// Why the city cannot be shown at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server has no twin.json at this URL.
    Missing {
        /// Where it was asked for.
        url: String,
    },
    /// The server answered with another error.
    Refused {
        /// Where it was asked for.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// There was no answer.
    Unreachable {
        /// Where it was asked for.
        url: String,
        /// The browser's words.
        message: String,
    },
    /// What came is no manifest.
    Broken {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// What came is a manifest of another format.
    Format {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        message: String,
    },
    /// `?twin=` leads to another site.
    Foreign {
        /// Where it leads.
        url: String,
    },
    /// The browser has no WebGL2 for us.
    NoWebGl2,
    /// The viewer could not start for another reason.
    NoViewer {
        /// Its words.
        message: String,
    },
}

/// A fault in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultWords {
    /// What happened.
    pub heading: &'static str,
    /// What to do.
    pub advice: String,
    /// For technicians: place and cause, as the program says it (English); may be empty.
    pub detail: String,
    /// Whether trying again can help.
    pub retry: bool,
}

impl Fault {
    /// A manifest that came from `url` and was not readable.
    pub fn from_manifest(url: &str, error: &ManifestError) -> Self {
        let (url, message) = (url.to_owned(), error.to_string());
        match error {
            ManifestError::Format { .. } => Self::Format { url, message },
            ManifestError::Json(_) | ManifestError::Value(_) => Self::Broken { url, message },
        }
    }

    /// An answer from `url` that is not a success.
    pub fn from_status(url: &str, status: u16) -> Self {
        let url = url.to_owned();
        if matches!(status, 404 | 410) { Self::Missing { url } } else { Self::Refused { url, status } }
    }

    /// A viewer that did not start.
    pub fn from_viewer(error: &ViewerError) -> Self {
        match error {
            ViewerError::NoWebGl2 => Self::NoWebGl2,
            _ => Self::NoViewer { message: error.to_string() },
        }
    }

    /// The fault in the given language.
    pub fn words(&self, lang: Lang) -> FaultWords {
        let words = lang.words();
        let say = |(heading, advice): (&'static str, &str), detail: String, retry: bool| FaultWords {
            heading,
            advice: advice.to_owned(),
            detail,
            retry,
        };
        match self {
            Self::Missing { url } => say(words.twin_missing, url.clone(), true),
            Self::Refused { url, status } => {
                let (heading, advice) = words.twin_refused;
                say((heading, &advice(*status)), url.clone(), true)
            }
            Self::Unreachable { url, message } => say(words.twin_unreachable, format!("{message} ({url})"), true),
            Self::Broken { url, message } => say(words.twin_broken, format!("{message} ({url})"), true),
            Self::Format { url, message } => say(words.twin_format, format!("{message} ({url})"), false),
            Self::Foreign { url } => say(words.twin_foreign, url.clone(), false),
            Self::NoWebGl2 => say(words.no_webgl2, String::new(), true),
            Self::NoViewer { message } => say(words.no_viewer, message.clone(), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_manifest::Twin;

    fn manifest_fault(json: &str) -> Fault {
        Fault::from_manifest("twin/twin.json", &Twin::from_json(json.as_bytes()).expect_err("a broken manifest"))
    }

    #[test]
    fn answers_become_the_fault_that_helps() {
        assert_eq!(Fault::from_status("u", 404), Fault::Missing { url: "u".into() });
        assert_eq!(Fault::from_status("u", 503), Fault::Refused { url: "u".into(), status: 503 });
        assert!(matches!(manifest_fault("<!doctype html>"), Fault::Broken { .. }));
        let other = r#"{"format":"citytwin/9","title":{},"extent":[0,0,1,1],"layers":[],"attribution":[],
            "home":{"lon":0,"lat":0,"distanceM":1,"pitchDeg":-40}}"#;
        assert!(matches!(manifest_fault(other), Fault::Format { .. }));
    }

    #[test]
    fn every_fault_has_its_own_words_in_each_language() {
        let url = || "https://city.example/twin.json".to_owned();
        let faults = [
            Fault::Missing { url: url() },
            Fault::Refused { url: url(), status: 500 },
            Fault::Unreachable { url: url(), message: "gone".into() },
            Fault::Broken { url: url(), message: "not JSON".into() },
            Fault::Format { url: url(), message: "citytwin/9".into() },
            Fault::Foreign { url: url() },
            Fault::NoWebGl2,
            Fault::NoViewer { message: "driver".into() },
        ];
        let mut headings = Vec::new();
        for fault in &faults {
            for lang in Lang::ALL {
                let words = fault.words(lang);
                assert!(!words.heading.is_empty() && !words.advice.is_empty(), "{fault:?}");
                headings.push(words.heading);
            }
        }
        headings.sort_unstable();
        headings.dedup();
        assert_eq!(headings.len(), faults.len() * Lang::ALL.len(), "no two faults look the same");
    }

    #[test]
    fn details_name_cause_and_place() {
        let words = manifest_fault("nonsense").words(Lang::Zh);
        assert!(words.detail.contains("not a twin.json") && words.detail.ends_with("(twin/twin.json)"), "{words:?}");
        assert_eq!(Fault::Refused { url: "u".into(), status: 503 }.words(Lang::En).advice.matches("503").count(), 1);
    }
}
