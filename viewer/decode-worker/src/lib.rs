//! The wasm module of a decode worker: the bytes of a tile in, GPU-ready arrays out.
//!
//! `worker.js` fetches and drives a [`Job`]; the viewer starts several such workers. This crate knows no network, no
//! engine and no GPU. It is built twice: as it is, and with the feature `full`, whose heavy and rare decoders a worker
//! loads when a tile needs them.

mod reply;

use citytwin_tiles::{Decoded, ImageFormat, Problem, Resources, TileContent, UpAxis, What, wire};
use reply::Reply;
use wasm_bindgen::prelude::wasm_bindgen;

/// A file being decoded.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Job {
    bytes: Vec<u8>,
    url: String,
    what: Vec<u8>,
    error_m: f64,
    resources: Resources,
}

#[wasm_bindgen]
impl Job {
    /// A file that was fetched from `url`. In [`wire`]: `what`, the [`What`] of the request, and `options`, the
    /// [`ImageFormat`]s that the GPU takes, the [`UpAxis`] of glTFs, if that is not theirs, and the tile's geometric
    /// error, metres; the defaults when they cannot be read.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: Vec<u8>, url: String, what: Vec<u8>, options: &[u8]) -> Self {
        let (gpu_formats, gltf_up, error_m): (Vec<ImageFormat>, Option<UpAxis>, f64) =
            wire::from_bytes(options).unwrap_or_default();
        Self { bytes, url, what, error_m, resources: Resources { gpu_formats, gltf_up, ..Resources::default() } }
    }

    /// Adds a file that [`Output::needs`] named; without bytes when it cannot be had.
    pub fn insert(&mut self, url: String, bytes: Option<Vec<u8>>) {
        self.resources.insert(url, bytes);
    }

    /// Decodes. With `settle` there is an answer in any case: what lacks a file or a decoder is left out of it.
    pub fn run(&mut self, settle: bool) -> Output {
        self.resources.settle = settle;
        let mut output = Output::default();
        let reply: Option<Reply> = self.decode(&mut output).transpose();
        if let Some(reply) = reply {
            output.failed = reply.is_err();
            output.header = wire::to_bytes(&reply);
        }
        output
    }
}

impl Job {
    /// `None` when something must be fetched first.
    fn decode(&self, output: &mut Output) -> Result<Option<reply::Decoded>, Problem> {
        let what: What = wire::from_bytes(&self.what)
            .map_err(|error| Problem::new("worker-protocol", error.to_string(), &self.url))?;
        if looks_like_a_page(&self.bytes, &what) {
            let message = "expected tile data, found a web page (HTML): the server answers a missing file with a page";
            return Err(Problem::new("html-instead-of-data", message, &self.url));
        }
        Ok(Some(match citytwin_tiles::decode_with(&self.bytes, &self.url, &what, &self.resources)? {
            Decoded::Tileset(tileset) => reply::Decoded::Tileset(tileset),
            Decoded::Subtree(subtree) => reply::Decoded::Subtree(subtree),
            Decoded::Terrain(terrain) => reply::Decoded::Terrain(terrain),
            Decoded::Content(mut content) => {
                content.compact(self.error_m);
                output.take(content)
            }
            Decoded::Needs { urls } => {
                output.needs = urls;
                return Ok(None);
            }
            Decoded::NeedsDecoders { .. } => {
                output.lacks_decoder = true;
                return Ok(None);
            }
        }))
    }
}

/// What a file became: a header for the main thread, and arrays that move to it without a copy. Or what it lacks.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Output {
    header: Vec<u8>,
    vertices: Vec<u8>,
    indices: Vec<u8>,
    properties: Vec<u8>,
    images: Vec<u8>,
    pictures: Vec<u32>,
    keeps_images: bool,
    needs: Vec<String>,
    lacks_decoder: bool,
    failed: bool,
}

impl Output {
    /// Takes the bulk arrays out of a content.
    fn take(&mut self, mut content: TileContent) -> reply::Decoded {
        let info = content.info();
        self.vertices = std::mem::take(&mut content.vertices);
        self.indices = std::mem::take(&mut content.indices);
        self.properties = std::mem::take(&mut content.property_bytes);
        self.images = std::mem::take(&mut content.image_bytes);
        for (i, image) in content.images.iter().enumerate() {
            let kind = match image.format {
                ImageFormat::Png => 0,
                ImageFormat::Jpeg => 1,
                ImageFormat::Webp => 2,
                _ => {
                    self.keeps_images = true;
                    continue;
                }
            };
            self.pictures
                .extend(image.levels.first().map(|(start, end)| [i as u32, kind, *start, *end]).iter().flatten());
        }
        reply::Decoded::Content(Box::new((content, info)))
    }
}

#[wasm_bindgen]
impl Output {
    /// URLs to fetch and insert before the job is run again.
    pub fn needs(&mut self) -> Vec<String> {
        std::mem::take(&mut self.needs)
    }

    /// Whether the file could not be decoded: it may have been damaged on its way.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// Whether this build lacks a decoder that the file needs.
    pub fn lacks_decoder(&self) -> bool {
        self.lacks_decoder
    }

    /// What the viewer decodes first, in [`wire`]: the small part of the answer, or its problem.
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

    /// Whether some of the images go to the GPU as they are.
    pub fn keeps_images(&self) -> bool {
        self.keeps_images
    }

    /// Images; can be taken once.
    pub fn images(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.images)
    }

    /// The images that a browser decodes, four numbers each: number of the image, kind (0 PNG, 1 JPEG, 2 WebP), and
    /// its first byte and the one after its last in [`Self::images`].
    pub fn pictures(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.pictures)
    }
}

/// Whether the bytes begin as an HTML or XML page does. No tile format begins with `<`, but meshes of terrain, which begin
/// with a number.
fn looks_like_a_page(bytes: &[u8], what: &What) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    match what {
        What::Terrain(_) => [&b"<!doctype"[..], b"<html", b"<?xml"].into_iter().any(begins),
        _ => begins(b"<"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use citytwin_tiles::{TerrainFormat, TerrainGrid, TerrainPlace, TerrainTile};

    fn content() -> Vec<u8> {
        wire::to_bytes(&What::Content)
    }

    fn job(bytes: &[u8], what: Vec<u8>) -> Job {
        Job::new(bytes.to_vec(), "http://h/tiles/0.glb".into(), what, &[])
    }

    fn problem_of(mut job: Job) -> String {
        let reply: Reply = wire::from_bytes(&job.run(false).header()).expect("our own header");
        reply.expect_err("a problem").code
    }

    #[test]
    fn what_is_no_tile_comes_back_as_a_problem() {
        assert_eq!(problem_of(job(b"\n <!doctype html><title>Not found</title>", content())), "html-instead-of-data");
        assert_eq!(problem_of(job(b"\xef\xbb\xbf<html>", content())), "html-instead-of-data");
        assert_eq!(problem_of(job(b"glTF", b"\xff\xff\xff".to_vec())), "worker-protocol");
        assert!(!problem_of(job(b"glTF", content())).is_empty());
    }

    #[test]
    fn a_mesh_of_terrain_may_begin_as_a_page_does() {
        let place = TerrainPlace { grid: TerrainGrid::Geographic, level: 3, at: [2, 1] };
        let tile = TerrainTile { format: TerrainFormat::QuantizedMesh, place, above: 0, offset_m: 0.0 };
        let terrain = || wire::to_bytes(&What::Terrain(tile));
        assert_ne!(problem_of(job(b"<\x12\x34\x56\x78\x9a\x50\x41", terrain())), "html-instead-of-data");
        assert_eq!(problem_of(job(b"<!DOCTYPE html><title>Not found</title>", terrain())), "html-instead-of-data");
    }

    /// An `i3dm` of one instance whose model lies in a file of its own.
    fn by_reference() -> Vec<u8> {
        let table = br#"{"INSTANCES_LENGTH":1,"POSITION":[0,0,0]}       "#;
        let words = [1, 32 + table.len() as u32 + 8, table.len() as u32, 0, 0, 0, 0];
        [b"i3dm".to_vec(), words.map(u32::to_le_bytes).concat(), table.to_vec(), b"tree.glb".to_vec()].concat()
    }

    #[test]
    fn a_file_asks_for_others_until_it_has_them_or_must_do_without() {
        let mut job = job(&by_reference(), content());
        let mut output = job.run(false);
        assert_eq!((output.needs(), output.header()), (vec!["http://h/tiles/tree.glb".to_owned()], vec![]));
        job.insert("http://h/tiles/tree.glb".into(), None);
        assert_eq!(problem_of(job), "content-malformed");
        assert!(!self::job(&by_reference(), content()).run(true).header().is_empty(), "it settles when told to");
    }
}
