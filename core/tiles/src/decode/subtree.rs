//! Subtree files of implicit tilesets, JSON and binary.

use super::Context;
use super::bytes::{Fault, base64, items, malformed, slice, u64_at, uint};
use super::metadata::Views;
use crate::{Availability, Problem, Semantic, SubtreeDoc, SubtreeShape, TileMetadata, Volume};
use serde_json::Value as Json;
use std::borrow::Cow;

impl SubtreeShape {
    /// Children of a tile.
    pub fn branching(&self) -> usize {
        if self.octree { 8 } else { 4 }
    }

    /// Tiles of a whole subtree.
    pub fn tile_count(&self) -> usize {
        self.level_start(self.subtree_levels)
    }

    /// Child subtrees of a whole subtree.
    pub fn child_count(&self) -> usize {
        self.branching().saturating_pow(self.subtree_levels)
    }

    /// Index of the first tile of a local level.
    pub fn level_start(&self, level: u32) -> usize {
        (self.branching().saturating_pow(level) - 1) / (self.branching() - 1)
    }
}

/// Reads a subtree file.
pub(crate) fn read(
    bytes: &[u8],
    url: &str,
    shape: &SubtreeShape,
    _context: Context<'_>,
) -> Result<SubtreeDoc, Problem> {
    parse(bytes, url, shape).map_err(|fault| Problem { code: fault_code(&fault).into(), ..fault.problem(url) })
}

fn fault_code(fault: &Fault) -> &'static str {
    match fault {
        Fault::Malformed(_) => "subtree-malformed",
        Fault::Unsupported(_) => "subtree-unsupported",
        Fault::TooLarge(_) => "subtree-too-large",
        Fault::NoDecoder(_) | Fault::Pending => "subtree-pending",
    }
}

fn parse(bytes: &[u8], url: &str, shape: &SubtreeShape) -> Result<SubtreeDoc, Fault> {
    let (json, binary) = chunks(bytes)?;
    let json: Json = serde_json::from_slice(json).map_err(|e| Fault::Malformed(format!("JSON: {e}")))?;
    let views = SubtreeViews { json: &json, buffers: buffers(&json, binary) };
    let tiles = availability(&json["tileAvailability"], &views, shape.tile_count(), "tileAvailability")?;
    let contents = &json["contentAvailability"];
    // Drafts had one object instead of a list.
    let contents = if contents.is_object() { std::slice::from_ref(contents) } else { items(contents) };
    let contents = contents
        .iter()
        .take(shape.contents as usize)
        .map(|c| availability(c, &views, shape.tile_count(), "contentAvailability"))
        .collect::<Result<Vec<_>, _>>()?;
    let children =
        availability(&json["childSubtreeAvailability"], &views, shape.child_count(), "childSubtreeAvailability")?;
    let mut doc = SubtreeDoc { tiles, contents, children, ..SubtreeDoc::default() };
    if let Err(fault) = metadata(&mut doc, &json, &views, shape) {
        let code = fault_code(&fault);
        doc.problems.push(Problem { code: code.into(), ..fault.problem(format!("{url}: tileMetadata")) });
    }
    Ok(doc)
}

/// The JSON and the binary chunk; a JSON subtree has no binary one.
fn chunks(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    if !bytes.starts_with(b"subt") {
        return Ok((bytes, &[]));
    }
    if bytes.len() < 24 {
        return malformed(format!("{} bytes are no subtree", bytes.len()));
    }
    let len = |at: usize| usize::try_from(u64_at(bytes, at)).unwrap_or(usize::MAX);
    let json = slice(bytes, 24, len(8), "JSON chunk")?;
    let binary = slice(bytes, 24 + json.len(), len(16), "binary chunk")?;
    Ok((json, binary))
}

struct SubtreeViews<'a> {
    json: &'a Json,
    buffers: Vec<Result<Cow<'a, [u8]>, Fault>>,
}

fn buffers<'a>(json: &Json, binary: &'a [u8]) -> Vec<Result<Cow<'a, [u8]>, Fault>> {
    let buffer = |json: &Json| match json["uri"].as_str() {
        None => Ok(Cow::Borrowed(binary)),
        Some(uri) => match uri.strip_prefix("data:").and_then(|data| data.split_once(";base64,")) {
            Some((_, data)) => {
                base64(data).map(Cow::Owned).ok_or_else(|| Fault::Malformed("a buffer is not base64".into()))
            }
            None => Err(Fault::Unsupported("subtree buffers in files of their own are not read yet".into())),
        },
    };
    items(&json["buffers"]).iter().map(buffer).collect()
}

impl Views for SubtreeViews<'_> {
    fn view(&self, index: usize) -> Result<&[u8], Fault> {
        let view = &self.json["bufferViews"][index];
        match self.buffers.get(uint(&view["buffer"]).unwrap_or(usize::MAX)) {
            Some(Ok(buffer)) => {
                slice(buffer, uint(&view["byteOffset"]).unwrap_or(0), uint(&view["byteLength"]).unwrap_or(0), "view")
            }
            Some(Err(fault)) => Err(fault.clone()),
            None => malformed(format!("bufferView {index} is missing or has no buffer")),
        }
    }
}

fn availability(json: &Json, views: &dyn Views, bits: usize, what: &str) -> Result<Availability, Fault> {
    if let Some(constant) = json["constant"].as_i64() {
        return Ok(Availability::Constant(constant != 0));
    }
    // Drafts said `bufferView`.
    let index = uint(&json["bitstream"]).or_else(|| uint(&json["bufferView"]));
    let Some(index) = index else { return malformed(format!("{what} has neither constant nor bitstream")) };
    let bytes = views.view(index)?;
    let needed = bits.div_ceil(8);
    slice(bytes, 0, needed, what).map(|b| Availability::Bits(b.to_vec()))
}

/// What the property tables say of each available tile and of its first content.
fn metadata(doc: &mut SubtreeDoc, json: &Json, views: &dyn Views, shape: &SubtreeShape) -> Result<(), Fault> {
    let tables = items(&json["propertyTables"]);
    let of_tiles = uint(&json["tileMetadata"]).and_then(|i| tables.get(i));
    let of_contents = json["contentMetadata"].get(0).and_then(uint).and_then(|i| tables.get(i));
    if shape.semantics.is_empty() || (of_tiles.is_none() && of_contents.is_none()) {
        return Ok(());
    }
    let count = doc.tiles.rank(shape.tile_count());
    let mut rows = Vec::new();
    if let Some(table) = of_tiles {
        read_table(table, shape, views, count, |row, property, values| {
            if rows.len() < count {
                rows.resize(count, TileMetadata::default());
            }
            apply(&mut rows[row], property, values);
        })?;
    }
    if let (Some(table), Some(available)) = (of_contents, doc.contents.first()) {
        // Contents are counted among contents, tiles among tiles.
        let tiles = (0..shape.tile_count()).filter(|index| doc.tiles.get(*index)).enumerate();
        let tile_rows: Vec<usize> = tiles.filter(|(_, index)| available.get(*index)).map(|(row, _)| row).collect();
        read_table(table, shape, views, tile_rows.len(), |row, property, values| {
            if rows.len() < count {
                rows.resize(count, TileMetadata::default());
            }
            apply(&mut rows[tile_rows[row]], property, values);
        })?;
    }
    doc.metadata = rows;
    Ok(())
}

/// Hands every value of every property with a semantic to `sink`.
fn read_table(
    table: &Json,
    shape: &SubtreeShape,
    views: &dyn Views,
    count: usize,
    mut sink: impl FnMut(usize, Semantic, &[f64]),
) -> Result<(), Fault> {
    let class = table["class"].as_str().unwrap_or_default();
    for property in shape.semantics.iter().filter(|p| p.class == class) {
        let stored = &table["properties"][&property.property];
        let Some(view) = uint(&stored["values"]) else { continue };
        let bytes = views.view(view)?;
        let width = property.count as usize;
        let Some(len) = count.checked_mul(width * property.number.size()) else { return malformed("absurd count") };
        slice(bytes, 0, len, &property.property)?;
        let mut values = vec![0.0; width];
        for row in 0..count {
            for (i, value) in values.iter_mut().enumerate() {
                let own = |key: &str| stored[key].as_f64().or_else(|| stored[key][i].as_f64());
                let scale = own("scale").or_else(|| property.scale.get(i).copied()).unwrap_or(1.0);
                let offset = own("offset").or_else(|| property.offset.get(i).copied()).unwrap_or(0.0);
                *value = property.number.read(bytes, row * width + i).unwrap_or(0.0) * scale + offset;
            }
            sink(row, property.semantic, &values);
        }
    }
    Ok(())
}

fn apply(row: &mut TileMetadata, semantic: Semantic, values: &[f64]) {
    let sane = |volume: Volume| Some(volume).filter(Volume::is_sane);
    let as_box = |v: &[f64]| v.try_into().ok().map(Volume::Box).and_then(sane);
    let as_region = |v: &[f64]| v.try_into().ok().map(Volume::Region).and_then(sane);
    let as_sphere = |v: &[f64]| v.try_into().ok().map(Volume::Sphere).and_then(sane);
    let finite = values.first().copied().filter(|v| v.is_finite());
    match semantic {
        // A box goes before a region, a region before a sphere.
        Semantic::TileBox => row.volume = as_box(values).or(row.volume),
        Semantic::TileRegion => row.volume = prefer(row.volume, as_region(values)),
        Semantic::TileSphere => row.volume = row.volume.or_else(|| as_sphere(values)),
        Semantic::ContentBox => row.content_volume = as_box(values).or(row.content_volume),
        Semantic::ContentRegion => row.content_volume = prefer(row.content_volume, as_region(values)),
        Semantic::ContentSphere => row.content_volume = row.content_volume.or_else(|| as_sphere(values)),
        Semantic::TileMinimumHeight => row.minimum_height_m = finite,
        Semantic::TileMaximumHeight => row.maximum_height_m = finite,
        Semantic::TileGeometricError => row.geometric_error = finite.filter(|v| *v >= 0.0),
    }
}

/// A region displaces a sphere but no box.
fn prefer(held: Option<Volume>, region: Option<Volume>) -> Option<Volume> {
    match held {
        Some(Volume::Box(_)) => held,
        _ => region.or(held),
    }
}
