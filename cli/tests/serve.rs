//! `citytwin serve` as a browser sees it: real TCP, HTTP/1.1 written by hand.

use citytwin::serve::{CONTENT_SECURITY_POLICY, Server};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A site in a temporary directory, served while this value lives.
struct Site {
    directory: PathBuf,
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn site(name: &str) -> Site {
    let base = std::env::temp_dir().join(format!("citytwin-serve-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&base);
    let directory = base.join("site");
    fs::create_dir_all(directory.join("pkg-0a1b2c/deep")).expect("directories");
    fs::create_dir_all(directory.join("twin")).expect("directories");
    fs::write(base.join("secret.txt"), "not yours").expect("written");
    for (path, bytes) in [
        ("index.html", "<!doctype html><title>x</title>".to_owned()),
        ("pkg-0a1b2c/app.js", "console.log('city');".repeat(200)),
        ("pkg-0a1b2c/app_bg.wasm", "\0asm".repeat(500)),
        ("twin/twin.json", "{\"a\": 1}".repeat(300)),
        ("twin/assets.ndjson", "{}\n".into()),
        ("twin/0.glb", "0123456789".into()),
        ("twin/0.subtree", "subt".into()),
        ("twin/odd name.svg", "<svg/>".into()),
    ] {
        fs::write(directory.join(path), bytes).expect("written");
    }
    citytwin::precompress::precompress(&directory).expect("compressed");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(Server::bind(&directory, "127.0.0.1", 0)).expect("a free port");
    let address = server.address();
    runtime.spawn(server.run());
    Site { directory: base, address, _runtime: runtime }
}

impl Site {
    fn get(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.request("GET", target, headers)
    }

    fn request(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        let extra: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{extra}\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(bytes[..end].to_vec()).expect("text");
        let mut lines = head.lines();
        let status = lines.next().and_then(|l| l.split(' ').nth(1)).and_then(|s| s.parse().ok()).expect("a status");
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        assert_ne!(headers.get("transfer-encoding").map(String::as_str), Some("chunked"), "the client cannot read it");
        Answer { status, headers, body: bytes[end + 4..].to_vec() }
    }
}

#[test]
fn every_kind_of_file_has_its_media_type() {
    let site = site("types");
    for (target, media_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/pkg-0a1b2c/app.js", "text/javascript; charset=utf-8"),
        ("/pkg-0a1b2c/app_bg.wasm", "application/wasm"),
        ("/twin/twin.json", "application/json"),
        ("/twin/assets.ndjson", "application/x-ndjson"),
        ("/twin/0.glb", "model/gltf-binary"),
        ("/twin/0.subtree", "application/octet-stream"),
        ("/twin/odd%20name.svg", "image/svg+xml"),
    ] {
        let answer = site.get(target, &[]);
        assert_eq!((answer.status, answer.header("content-type")), (200, media_type), "{target}");
        assert_eq!(answer.header("content-encoding"), "", "nothing was said of compression");
        assert_eq!(answer.header("content-security-policy"), CONTENT_SECURITY_POLICY);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.body.is_empty());
    }
}

#[test]
fn compressed_copies_keep_the_inner_media_type() {
    let site = site("compressed");
    for (accept, encoding) in
        [("br", "br"), ("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip"), ("identity", "")]
    {
        let answer = site.get("/pkg-0a1b2c/app_bg.wasm", &[("accept-encoding", accept)]);
        assert_eq!(answer.header("content-encoding"), encoding, "{accept}");
        assert_eq!(answer.header("content-type"), "application/wasm", "{accept}");
        assert_eq!(answer.header("vary"), "accept-encoding");
        assert_eq!(answer.body.len() < 1000, !encoding.is_empty(), "{accept}");
    }
    let small = site.get("/twin/0.glb", &[("accept-encoding", "br")]);
    assert_eq!((small.status, small.header("content-encoding"), small.body.len()), (200, "", 10));
}

#[test]
fn ranges_are_cut_exactly_and_refused_beyond_the_end() {
    let site = site("ranges");
    let answer = site.get("/twin/0.glb", &[("range", "bytes=2-4")]);
    assert_eq!((answer.status, answer.body.as_slice()), (206, b"234".as_slice()));
    assert_eq!(answer.header("content-range"), "bytes 2-4/10");
    assert_eq!(answer.header("content-type"), "model/gltf-binary");
    assert_eq!(site.get("/twin/0.glb", &[("range", "bytes=-3")]).body, b"789");
    assert_eq!(site.get("/twin/0.glb", &[("range", "bytes=50-60")]).status, 416);
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let site = site("conditional");
    let first = site.get("/twin/0.glb", &[]);
    assert_eq!(first.header("cache-control"), "no-cache");
    let again = site.get("/twin/0.glb", &[("if-modified-since", first.header("last-modified"))]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let again = site.get("/twin/0.glb", &[("if-none-match", first.header("etag"))]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("cache-control"), "no-cache");
}

#[test]
fn hashed_paths_are_kept_for_good_but_their_absence_is_not() {
    let site = site("cache");
    let forever = "public, max-age=31536000, immutable";
    assert_eq!(site.get("/pkg-0a1b2c/app.js", &[]).header("cache-control"), forever);
    assert_eq!(site.get("/pkg-0a1b2c/none.js", &[]).header("cache-control"), "no-cache");
    assert_eq!(site.get("/index.html", &[]).header("cache-control"), "no-cache");
}

#[test]
fn what_is_not_there_or_not_below_is_a_short_404() {
    let site = site("missing");
    for target in [
        "/none",
        "/twin/none.glb",
        "/../secret.txt",
        "/twin/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/twin/%2e%2e/%2e%2e/secret.txt",
        "/%00",
        "/twin/0.glb/",
    ] {
        let answer = site.get(target, &[]);
        assert!(answer.status == 404 || answer.status == 400, "{target}: {}", answer.status);
        assert!(answer.body.len() < 100 && !answer.body.windows(9).any(|w| w == b"not yours"), "{target}");
        assert_eq!(answer.header("content-security-policy"), CONTENT_SECURITY_POLICY, "{target}");
    }
    let missing = site.get("/none", &[]);
    assert_eq!(
        (missing.header("content-type"), missing.body.as_slice()),
        ("text/plain; charset=utf-8", b"not found\n".as_slice())
    );
    assert_eq!(site.request("POST", "/index.html", &[]).status, 405);
    let head = site.request("HEAD", "/twin/0.glb", &[]);
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "10", 0));
}

#[test]
fn a_taken_port_and_a_missing_directory_say_so_in_a_sentence() {
    let site = site("taken");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bind = |directory: PathBuf, port| {
        runtime.block_on(Server::bind(&directory, "127.0.0.1", port)).err().expect("it cannot be served").to_string()
    };
    let taken = bind(site.directory.join("site"), site.address.port());
    assert!(taken.contains("is taken") && taken.contains("--port"), "{taken}");
    assert!(bind(site.directory.join("nowhere"), 0).contains("nowhere"));
}
