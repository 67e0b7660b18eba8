//! Relative references, as RFC 3986 section 5 resolves them: the part of it that tilesets use.

/// The absolute URL (or path) of `relative`, as found in a document at `base`.
///
/// Works on URLs (`https://host/a/b.json`), rooted paths (`/a/b.json`) and relative paths (`a/b.json`). The query of
/// the base is dropped; a query of the reference is kept. Above the root of a URL, `..` stops; a relative path keeps it.
pub fn resolve_url(base: &str, relative: &str) -> String {
    if scheme_len(relative).is_some() {
        return relative.to_owned();
    }
    let base = &base[..base.find(['?', '#']).unwrap_or(base.len())];
    let (origin, base_path) = split_origin(base);
    if let Some(rest) = relative.strip_prefix("//") {
        let scheme = scheme_len(base).map_or("", |len| &base[..len]);
        return format!("{scheme}//{rest}");
    }
    let (path, suffix) = relative.split_at(relative.find(['?', '#']).unwrap_or(relative.len()));
    let joined = match path {
        "" => base_path.to_owned(),
        _ if path.starts_with('/') => path.to_owned(),
        _ if base_path.is_empty() && !origin.is_empty() => format!("/{path}"),
        _ => format!("{}{path}", &base_path[..base_path.rfind('/').map_or(0, |slash| slash + 1)]),
    };
    format!("{origin}{}{suffix}", without_dots(&joined))
}

/// `scheme://host:port` of a URL; empty for paths.
pub(crate) fn origin(url: &str) -> &str {
    split_origin(url).0
}

/// Length of a leading `scheme:`, colon included.
fn scheme_len(url: &str) -> Option<usize> {
    let colon = url.find(':')?;
    let scheme = &url.as_bytes()[..colon];
    let valid = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'-' | b'.'));
    valid.then_some(colon + 1)
}

/// Splits `scheme://host` from the path; for paths the first part is empty.
fn split_origin(url: &str) -> (&str, &str) {
    let Some(scheme) = scheme_len(url) else { return ("", url) };
    let Some(after) = url[scheme..].strip_prefix("//") else { return url.split_at(scheme) };
    let host_end = after.find('/').unwrap_or(after.len());
    url.split_at(scheme + 2 + host_end)
}

/// Removes `.` and `..` segments.
fn without_dots(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    for (i, segment) in segments.iter().enumerate() {
        let last = i + 1 == segments.len();
        match *segment {
            ".." if kept.last().is_some_and(|s| *s != "..") => {
                kept.pop();
            }
            ".." if !rooted => kept.push(".."),
            "." | ".." => {}
            other => {
                kept.push(other);
                continue;
            }
        }
        if last {
            kept.push("");
        }
    }
    format!("{}{}", if rooted { "/" } else { "" }, kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::resolve_url;

    #[test]
    fn references_resolve_as_in_rfc_3986() {
        for (base, relative, expected) in [
            ("https://h/a/tileset.json", "tiles/1.glb", "https://h/a/tiles/1.glb"),
            ("https://h/a/tileset.json?key=1/2", "tiles/1.glb?v=2", "https://h/a/tiles/1.glb?v=2"),
            ("https://h/a/b/c.json", "../d.json", "https://h/a/d.json"),
            ("https://h/a/b/c.json", "./d.json", "https://h/a/b/d.json"),
            ("https://h/a/b/c.json", "../../../../d.json", "https://h/d.json"),
            ("https://h/a/b.json", "/c.json", "https://h/c.json"),
            ("https://h", "c.json", "https://h/c.json"),
            ("https://h/a.json", "//other/c.json", "https://other/c.json"),
            ("https://h/a.json", "http://other/c.json", "http://other/c.json"),
            ("https://h/a.json", "data:application/json,{}", "data:application/json,{}"),
            ("/twin/a.json", "b/c.glb", "/twin/b/c.glb"),
            ("/twin/a.json", "../../b.glb", "/b.glb"),
            ("twin/a.json", "b.glb", "twin/b.glb"),
            ("a.json", "b.glb", "b.glb"),
            ("../a.json", "../b.glb", "../../b.glb"),
            ("twin/a.json", "../../b.glb", "../b.glb"),
            ("https://h/a/b.json", "c/..", "https://h/a/"),
            ("https://h/a/b.json", "", "https://h/a/b.json"),
            ("https://h/a/b.json", "1:2.glb", "https://h/a/1:2.glb"),
        ] {
            assert_eq!(resolve_url(base, relative), expected, "{relative} in {base}");
        }
    }
}
