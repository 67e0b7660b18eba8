//! Local files and data URLs as a browser would fetch them, and never one outside of the folder.

use super::Fault;
use citytwin_tiles::Problem;
use std::path::{Path, PathBuf};

/// Reads files below one directory.
#[derive(Clone, Debug)]
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    /// # Errors
    /// When the directory cannot be found.
    pub(super) fn below(directory: &Path) -> anyhow::Result<Self> {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let root = directory.canonicalize().fault(directory)?;
        Ok(Self { root })
    }

    /// The bytes of a file below the directory, or of a data URL. Links are followed before it is looked where they
    /// lead.
    pub(super) fn read(&self, url: &str) -> Result<Vec<u8>, Problem> {
        if let Some(data) = url.strip_prefix("data:") {
            return data_url(data)
                .ok_or_else(|| Problem::new("fetch-failed", "not a data URL that can be read", short(url)));
        }
        if url.contains("://") {
            return Err(Problem::new("fetch-failed", "only local files are inspected", url));
        }
        let path = &url[..url.find(['?', '#']).unwrap_or(url.len())];
        let path = unescape(path.as_bytes());
        let path = String::from_utf8_lossy(&path);
        let failed = |e: std::io::Error| Problem::new("fetch-failed", e.to_string(), url);
        let path = Path::new(path.as_ref()).canonicalize().map_err(failed)?;
        if !path.starts_with(&self.root) {
            let message = "it lies outside of the folder that is inspected; --root names a wider one";
            return Err(Problem::new("fetch-refused", message, url));
        }
        std::fs::read(path).map_err(failed)
    }
}

/// What a file is, by its first bytes.
pub(super) fn format(bytes: &[u8], expected: &citytwin_tiles::What) -> &'static str {
    use citytwin_tiles::What;
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    match (bytes.get(..4), expected) {
        (Some(b"glTF"), _) => "glb",
        (Some(b"b3dm"), _) => "b3dm",
        (Some(b"i3dm"), _) => "i3dm",
        (Some(b"pnts"), _) => "pnts",
        (Some(b"cmpt"), _) => "cmpt",
        (Some(b"vctr"), _) => "vctr",
        (Some(b"geom"), _) => "geom",
        (Some(b"subt"), _) => "subtree",
        (_, What::Subtree(_)) if start.starts_with(b"{") => "subtree (JSON)",
        (_, What::Json) if start.starts_with(b"{") => "tileset",
        _ if start.starts_with(b"{") => "JSON content",
        _ if bytes.is_empty() => "empty",
        _ => "unknown",
    }
}

/// The start of a text that may be very long.
pub(super) fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// A path as a URL reference: what would end the path or start an escape is escaped.
pub(super) fn escape(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

fn data_url(data: &str) -> Option<Vec<u8>> {
    let (kind, body) = data.split_once(',')?;
    match kind.ends_with(";base64") {
        true => citytwin_tiles::base64(body),
        false => Some(unescape(body.as_bytes())),
    }
}

/// Undoes percent escapes; what is no escape stays.
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|d| std::str::from_utf8(d).ok()).filter(|_| *first == b'%');
        match digits.and_then(|d| u8::from_str_radix(d, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_survive_the_way_to_a_file_name() {
        let name = "a b/50% #1?.json";
        assert_eq!(unescape(escape(name).as_bytes()), name.as_bytes());
        assert_eq!(unescape(b"a%20b%2"), b"a b%2");
        assert_eq!(data_url("text/plain;base64,aGk=").as_deref(), Some(&b"hi"[..]));
        assert_eq!(data_url("text/plain,h%69").as_deref(), Some(&b"hi"[..]));
    }
}
