//! What several test files need.
#![allow(clippy::disallowed_methods, clippy::print_stderr, clippy::unwrap_used)] // reads fixtures, and says so when they are absent
#![allow(dead_code)] // each takes its part of it

use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// The tiles of others; says so when they are absent.
pub(crate) fn samples() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/tiles");
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!("SKIPPED: {} is not there, so nothing of it was tested", dir.display());
    None
}

/// All files below a directory whose name ends in one of `endings`, sorted.
pub(crate) fn files(dir: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Calls `f` with every version of `json` in which one value is replaced by `other`.
pub(crate) fn for_each_replacement(json: &Json, other: &Json, f: &mut dyn FnMut(&Json)) {
    fn paths(json: &Json, at: &str, out: &mut Vec<String>) {
        out.push(at.to_owned());
        match json {
            Json::Array(items) => items.iter().enumerate().for_each(|(i, v)| paths(v, &format!("{at}/{i}"), out)),
            Json::Object(map) => map.iter().for_each(|(k, v)| paths(v, &format!("{at}/{k}"), out)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    paths(json, "", &mut all);
    for path in all {
        let mut json = json.clone();
        if let Some(value) = json.pointer_mut(&path) {
            *value = other.clone();
        }
        f(&json);
    }
}

/// A subtree file in its binary form.
pub(crate) fn packed_subtree(json: &Json, binary: &[u8]) -> Vec<u8> {
    let mut text = json.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut out = b"subt\x01\0\0\0".to_vec();
    out.extend((text.len() as u64).to_le_bytes());
    out.extend((binary.len() as u64).to_le_bytes());
    out.extend(text);
    out.extend(binary);
    out
}
