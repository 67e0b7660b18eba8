//! The wasm module of the GeoJSON worker: a document in, the files of a tileset out.
//!
//! It is loaded when a page first adds data of its own. `geojson-worker.js` fetches and calls [`Made`]; the page keeps
//! the files and hands them to the decode workers.

use citytwin_geojson::{Limits, Problem, Shape, Tileset, tileset};
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

/// A tileset that was made.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Made {
    tileset: Tileset,
}

#[wasm_bindgen]
impl Made {
    /// Makes a tileset of a GeoJSON document; `shape` is JSON, see [`Shape::parse`].
    ///
    /// # Errors
    /// The problem, as JSON: `{code, message, place}`.
    #[wasm_bindgen(constructor)]
    pub fn new(document: &[u8], shape: &str) -> Result<Made, String> {
        let made = Shape::parse(shape.as_bytes()).and_then(|shape| tileset(document, &shape, &Limits::default()));
        made.map(|tileset| Self { tileset }).map_err(|problem| plain(&problem).to_string())
    }

    /// What became of the features: `{shown, leftOut, problems, bbox}` as JSON.
    pub fn report(&self) -> String {
        let Tileset { shown, left_out, problems, bbox, .. } = &self.tileset;
        let problems: Vec<Value> = problems.iter().map(plain).collect();
        json!({ "shown": shown, "leftOut": left_out, "problems": problems, "bbox": bbox }).to_string()
    }

    /// Path of the next file; nothing when there is none any more.
    pub fn path(&self) -> Option<String> {
        self.tileset.files.last().map(|(path, _)| path.clone())
    }

    /// Takes the bytes of the file of [`Made::path`] out.
    pub fn take(&mut self) -> Vec<u8> {
        self.tileset.files.pop().map(|(_, bytes)| bytes).unwrap_or_default()
    }
}

fn plain(Problem { code, message, place, .. }: &Problem) -> Value {
    json!({ "code": code, "message": message, "place": place })
}
