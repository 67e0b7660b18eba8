//! `citytwin serve`: a directory over HTTP on this machine, the way a city's own web server should do it.
//!
//! Right media types, compressed copies, ranges, conditional requests, long caching for hashed paths, and the strict
//! Content-Security-Policy that the app is made for.

use axum::Router;
use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tower_http::services::ServeDir;

/// Nothing from elsewhere, nothing inline; wasm may be compiled.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'self'; \
     frame-ancestors 'self'";

/// Why a directory cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no such directory.
    #[error("{} is not a directory that can be read: {source}", path.display())]
    Directory {
        /// The path.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("{}", cannot_listen(host, *port, source))]
    Listen {
        /// The host that was asked for.
        host: String,
        /// The port that was asked for.
        port: u16,
        /// Why not.
        source: std::io::Error,
    },
    /// The server stopped.
    #[error("the server stopped: {0}")]
    Stopped(#[source] std::io::Error),
}

fn cannot_listen(host: &str, port: u16, source: &std::io::Error) -> String {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            format!(
                "port {port} of {host} is taken by another program: pass --port N with another number, or --port 0 for any free one"
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("port {port} of {host} needs special rights: pass --port N with a number above 1023")
        }
        _ => format!("cannot listen on {host}, port {port}: {source}"),
    }
}

/// A server that already listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Server {
    /// Listens; port 0 picks a free one.
    ///
    /// # Errors
    /// [`ServeError::Directory`] when the directory cannot be read, [`ServeError::Listen`] when the address is taken,
    /// unknown or not allowed.
    pub async fn bind(directory: &Path, host: &str, port: u16) -> Result<Self, ServeError> {
        std::fs::read_dir(directory).map_err(|source| ServeError::Directory { path: directory.into(), source })?;
        let listen = |source| ServeError::Listen { host: host.into(), port, source };
        let listener = TcpListener::bind((host, port)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { listener, address, router: router(directory) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until the process ends.
    ///
    /// # Errors
    /// [`ServeError::Stopped`].
    pub async fn run(self) -> Result<(), ServeError> {
        // Many small tiles: answers should not wait to be packed together.
        let listener = self.listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, self.router).await.map_err(ServeError::Stopped)
    }
}

fn router(directory: &Path) -> Router {
    let files = ServeDir::new(directory).precompressed_br().precompressed_gzip();
    Router::new().fallback_service(files).layer(middleware::from_fn(finish))
}

/// Adds to each answer what depends on the path and the status.
async fn finish(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let status = response.status();
    if status == StatusCode::NOT_FOUND {
        response = (StatusCode::NOT_FOUND, "not found\n").into_response();
    }
    let headers = response.headers_mut();
    if status.is_success()
        && let Some(media_type) = media_type(&path)
    {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    let lasting = status.is_success() || status == StatusCode::NOT_MODIFIED;
    let cache = if lasting && is_hashed(&path) { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    insert_constant(headers);
    response
}

fn insert_constant(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::VARY, "accept-encoding"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// A path whose name changes with its bytes: below a `pkg-<hash>` directory, or a file of a search index, whose name
/// ends in a checksum of eight hexadecimal digits (`terms-0123abcd.bin`).
fn is_hashed(path: &str) -> bool {
    let mut segments = path.split('/').rev();
    let name = segments.next().and_then(|name| name.strip_suffix(".bin")).and_then(|stem| stem.rsplit_once('-'));
    let is_checksum = |hash: &str| hash.len() == 8 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    name.is_some_and(|(_, hash)| is_checksum(hash))
        || segments.any(|segment| segment.strip_prefix("pkg-").is_some_and(|hash| !hash.is_empty()))
}

/// Media types that matter to a browser, or that a general list gets wrong or does not know.
fn media_type(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() {
        return Some("text/html; charset=utf-8");
    }
    let (_, extension) = name.rsplit_once('.')?;
    Some(match extension {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "geojson" => "application/geo+json",
        "ndjson" => "application/x-ndjson",
        "wasm" => "application/wasm",
        "glb" => "model/gltf-binary",
        "parquet" => "application/vnd.apache.parquet",
        "gltf" => "model/gltf+json",
        "bin" | "subtree" | "b3dm" | "i3dm" | "cmpt" | "pnts" | "terrain" => "application/octet-stream",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_a_hash_in_its_path_is_immutable() {
        for (path, hashed) in [
            ("/pkg-1a2b/app.js", true),
            ("/deep/pkg-1a2b/sub/app.wasm", true),
            ("/pkg-/app.js", false),
            ("/pkg-1a2b", false),
            ("/twin/twin.json", false),
            ("/", false),
            ("/twin/search/terms-0123abcd.bin", true),
            ("/twin/search/search.bin", false),
            ("/twin/search/terms-0123abc.bin", false),
            ("/twin/search/terms-0123abcg.bin", false),
        ] {
            assert_eq!(is_hashed(path), hashed, "{path}");
        }
    }

    #[test]
    fn media_types_are_those_of_the_inner_file() {
        for (path, expected) in [
            ("/", Some("text/html; charset=utf-8")),
            ("/twin/tiles/0/0/0.glb", Some("model/gltf-binary")),
            ("/a.b/app_bg.wasm", Some("application/wasm")),
            ("/LICENSE", None),
            ("/x.png", None),
        ] {
            assert_eq!(media_type(path), expected, "{path}");
        }
    }
}
