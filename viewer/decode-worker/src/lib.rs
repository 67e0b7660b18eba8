//! The wasm module of a decode worker: the bytes of a tile in, GPU-ready arrays out.
//!
//! `worker.js` fetches and calls [`decode`]; the viewer starts several such workers. This crate knows no network, no
//! engine and no GPU.

mod reply;

use citytwin_tiles::{Decoded, Problem, What};
use reply::Reply;
use wasm_bindgen::prelude::wasm_bindgen;

/// What a file became: a header for the main thread, and arrays that move to it without a copy.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Output {
    header: Vec<u8>,
    vertices: Vec<u8>,
    indices: Vec<u8>,
    properties: Vec<u8>,
}

#[wasm_bindgen]
impl Output {
    /// What the viewer decodes first, in `postcard`: the small part of the answer, or its problem.
    pub fn header(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.header)
    }

    /// Vertex and instance arrays; can be taken once.
    pub fn vertices(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.vertices)
    }

    /// Index arrays; can be taken once.
    pub fn indices(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.indices)
    }

    /// Property columns; can be taken once.
    pub fn properties(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.properties)
    }
}

/// Decodes a file that was fetched from `url`; `what` is the [`What`] of the request in `postcard`. A file that
/// cannot be read gives a header that holds its problem.
#[wasm_bindgen]
pub fn decode(bytes: &[u8], url: &str, what: &[u8]) -> Output {
    let mut output = Output::default();
    let reply = decode_into(&mut output, bytes, url, what);
    output.header = postcard::to_allocvec(&reply).unwrap_or_default();
    output
}

fn decode_into(output: &mut Output, bytes: &[u8], url: &str, what: &[u8]) -> Reply {
    let what: What =
        postcard::from_bytes(what).map_err(|error| Problem::new("worker-protocol", error.to_string(), url))?;
    if looks_like_a_page(bytes) {
        let message = "expected tile data, found a web page (HTML): the server answers a missing file with a page";
        return Err(Problem::new("html-instead-of-data", message, url));
    }
    Ok(match citytwin_tiles::decode(bytes, url, &what)? {
        Decoded::Tileset(tileset) => reply::Decoded::Tileset(tileset),
        Decoded::Subtree(subtree) => reply::Decoded::Subtree(subtree),
        Decoded::Content(mut content) => {
            let info = content.info();
            output.vertices = std::mem::take(&mut content.vertices);
            output.indices = std::mem::take(&mut content.indices);
            output.properties = std::mem::take(&mut content.property_bytes);
            reply::Decoded::Content(Box::new((content, info)))
        }
        // `decode` leaves such parts out, with a problem.
        Decoded::Needs { .. } | Decoded::NeedsDecoders { .. } => {
            return Err(Problem::new("resource-pending", "it waits for another file", url));
        }
    })
}

/// Whether the bytes begin as an HTML page does. No tile format begins with `<`.
fn looks_like_a_page(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    text.trim_ascii_start().first() == Some(&b'<')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(bytes: &[u8], what: &[u8]) -> String {
        let mut output = decode(bytes, "tiles/0.glb", what);
        let reply: Reply = postcard::from_bytes(&output.header()).expect("our own header");
        reply.expect_err("a problem").code
    }

    #[test]
    fn what_is_no_tile_comes_back_as_a_problem() {
        let content = postcard::to_allocvec(&What::Content).expect("a request");
        assert_eq!(problem_of(b"\n <!doctype html><title>Not found</title>", &content), "html-instead-of-data");
        assert_eq!(problem_of(b"\xef\xbb\xbf<html>", &content), "html-instead-of-data");
        assert_eq!(problem_of(b"glTF", b"\xff\xff\xff"), "worker-protocol");
        assert!(!problem_of(b"glTF", &content).is_empty());
    }
}
