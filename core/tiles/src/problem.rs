//! Recoverable faults as values.

use serde::Serialize;

/// One tile, feature or record is bad; the scene goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// For programs: short, stable, kebab-case (`content-truncated`).
    pub code: String,
    /// For people: what was expected and what was found.
    pub message: String,
    /// Where: a URL, and within it a path (`tiles/3/1/2.glb: meshes[0]`).
    pub place: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(code: &str, message: impl Into<String>, place: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), place: place.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({})", self.place, self.message, self.code)
    }
}
