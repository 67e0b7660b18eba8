//! Subtree files of implicit tilesets, JSON and binary.

use super::Context;
use super::bytes::{Fault, items, malformed, slice, u32_at, u64_at, uint};
use super::metadata::{Views, property_table};
use super::schema::{self, Semantic, SemanticProperty};
use crate::{Availability, Number, Problem, PropertyTable, Refine, SubtreeDoc, SubtreeShape, TileMetadata, Volume};
use serde_json::Value as Json;
use std::borrow::Cow;

/// Most problems that one subtree tells.
const MAX_PROBLEMS: usize = 16;

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
pub(crate) fn read(bytes: &[u8], url: &str, shape: &SubtreeShape, context: Context<'_>) -> Result<SubtreeDoc, Problem> {
    parse(bytes, url, shape, context).map_err(|fault| problem(fault, url.into()))
}

fn problem(fault: Fault, place: String) -> Problem {
    Problem { code: fault_code(&fault).into(), ..fault.problem(place) }
}

fn fault_code(fault: &Fault) -> &'static str {
    match fault {
        Fault::Malformed(_) => "subtree-malformed",
        Fault::Unsupported(_) => "subtree-unsupported",
        Fault::TooLarge(_) => "subtree-too-large",
        Fault::NoDecoder(_) | Fault::Pending => "subtree-pending",
    }
}

fn parse(bytes: &[u8], url: &str, shape: &SubtreeShape, context: Context<'_>) -> Result<SubtreeDoc, Fault> {
    if shape.tile_count() > context.limits().subtree_tiles as usize {
        return Err(Fault::TooLarge(format!("a subtree of {} tiles", shape.tile_count())));
    }
    let (json, binary) = chunks(bytes)?;
    let json: Json = serde_json::from_slice(json).map_err(|e| Fault::Malformed(format!("JSON: {e}")))?;
    let mut reader = Reader {
        url,
        shape,
        schema: serde_json::from_str(&shape.schema).unwrap_or(Json::Null),
        views: SubtreeViews { buffers: buffers(&json, binary, context), json: &json },
        doc: SubtreeDoc::default(),
    };
    reader.availability()?;
    reader.check_consistency();
    reader.metadata();
    context.take(reader.doc.property_bytes.len())?;
    Ok(reader.doc)
}

/// The JSON and the binary chunk; a JSON subtree has no binary one.
fn chunks(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    if !bytes.starts_with(b"subt") {
        return Ok((bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes), &[]));
    }
    if bytes.len() < 24 {
        return malformed(format!("{} bytes are no subtree", bytes.len()));
    }
    let version = u32_at(bytes, 4);
    if version != 1 {
        return Err(Fault::Unsupported(format!("a subtree of version {version}, not 1")));
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

fn buffers<'a>(json: &Json, binary: &'a [u8], context: Context<'a>) -> Vec<Result<Cow<'a, [u8]>, Fault>> {
    // Only what a view refers to is worth a request.
    let used: Vec<usize> = items(&json["bufferViews"]).iter().filter_map(|view| uint(&view["buffer"])).collect();
    let buffer = |(index, json): (usize, &Json)| match json["uri"].as_str() {
        None => Ok(Cow::Borrowed(binary)),
        Some(_) if !used.contains(&index) => malformed("no view refers to the buffer"),
        Some(uri) => context.file(uri),
    };
    let whole = |(index, json): (usize, &Json)| {
        let bytes = buffer((index, json))?;
        let promised = uint(&json["byteLength"]).unwrap_or(0);
        slice(&bytes, 0, promised, "buffer").map(|_| ())?;
        Ok(bytes)
    };
    items(&json["buffers"]).iter().enumerate().map(whole).collect()
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

struct Reader<'a> {
    url: &'a str,
    shape: &'a SubtreeShape,
    schema: Json,
    views: SubtreeViews<'a>,
    doc: SubtreeDoc,
}

impl<'a> Reader<'a> {
    fn report(&mut self, place: &str, fault: Fault) {
        if self.doc.problems.len() < MAX_PROBLEMS {
            self.doc.problems.push(problem(fault, format!("{}: {place}", self.url)));
        }
    }

    fn availability(&mut self) -> Result<(), Fault> {
        let json = self.views.json;
        let (tiles, children) = (self.shape.tile_count(), self.shape.child_count());
        self.doc.tiles = self.bits(&json["tileAvailability"], tiles, "tileAvailability")?;
        // Drafts had one object instead of a list, and the list in an extension.
        let drafted = &json["extensions"]["3DTILES_multiple_contents"];
        let contents = match &json["contentAvailability"] {
            Json::Null if drafted["contentAvailability"].is_array() => items(&drafted["contentAvailability"]),
            Json::Null => items(&drafted["contents"]),
            Json::Array(items) => items,
            one => std::slice::from_ref(one),
        };
        if contents.len() > self.shape.contents as usize {
            let message = format!("{} contents, but the tileset has {}", contents.len(), self.shape.contents);
            self.report("contentAvailability", Fault::Malformed(message));
        }
        for (i, json) in contents.iter().take(self.shape.contents as usize).enumerate() {
            let available = self.bits(json, tiles, &format!("contentAvailability {i}"))?;
            self.doc.contents.push(available);
        }
        self.doc.children = self.bits(&json["childSubtreeAvailability"], children, "childSubtreeAvailability")?;
        Ok(())
    }

    fn bits(&mut self, json: &Json, bits: usize, what: &str) -> Result<Availability, Fault> {
        let available = match &json["constant"] {
            Json::Null => {
                // Drafts said `bufferView`.
                let index = uint(&json["bitstream"]).or_else(|| uint(&json["bufferView"]));
                let Some(index) = index else { return malformed(format!("{what} has neither constant nor bitstream")) };
                let bytes = slice(self.views.view(index)?, 0, bits.div_ceil(8), what)?;
                Availability::Bits(bytes.to_vec())
            }
            constant => match constant.as_f64() {
                Some(value) if value == 0.0 || value == 1.0 => Availability::Constant(value == 1.0),
                _ => return malformed(format!("{what}: the constant is {constant}, neither 0 nor 1")),
            },
        };
        if let Some(promised) = uint(&json["availableCount"]) {
            let found = available.rank(bits);
            if found != promised {
                let message = format!("availableCount is {promised}, but {found} bits of {bits} are set");
                self.report(what, Fault::Malformed(message));
            }
        }
        Ok(available)
    }

    /// What is available needs a tile to hang on.
    fn check_consistency(&mut self) {
        let shape = self.shape;
        let parent = |index: usize| (index - 1) / shape.branching();
        let tiles = &self.doc.tiles;
        let orphans = (1..shape.tile_count()).filter(|i| tiles.get(*i) && !tiles.get(parent(*i))).count();
        let bare =
            |contents: &Availability| (0..shape.tile_count()).filter(|i| contents.get(*i) && !tiles.get(*i)).count();
        // A constant says nothing of single tiles.
        let is_bits = |bits: &&Availability| matches!(bits, Availability::Bits(_));
        let contents: usize = self.doc.contents.iter().filter(is_bits).map(bare).sum();
        let last = shape.level_start(shape.subtree_levels - 1);
        let children = (0..shape.child_count()).filter(|i| self.doc.children.get(*i));
        let children = match self.doc.children {
            Availability::Constant(_) => 0,
            Availability::Bits(_) => children.filter(|i| !tiles.get(last + i / shape.branching())).count(),
        };
        for (count, what) in [
            (orphans, "tiles are available below tiles that are not"),
            (contents, "contents are available without their tiles"),
            (children, "child subtrees are available below tiles that are not"),
        ] {
            if count > 0 {
                self.report("availability", Fault::Malformed(format!("{count} {what}")));
            }
        }
    }

    /// The subtree's own entity, the property tables, and what selection reads of them.
    fn metadata(&mut self) {
        let json = self.views.json;
        let own = match &json["subtreeMetadata"] {
            Json::Null => &json["extensions"]["3DTILES_metadata"],
            own => own,
        };
        let mut messages = Vec::new();
        self.doc.subtree_metadata = schema::entity(&self.schema, own, &mut |message| messages.push(message));
        messages.into_iter().for_each(|message| self.report("subtreeMetadata", Fault::Malformed(message)));
        let of_contents = &json["contentMetadata"];
        let of_contents = if of_contents.is_number() { std::slice::from_ref(of_contents) } else { items(of_contents) };
        let count = self.doc.tiles.rank(self.shape.tile_count());
        let properties = schema::semantics(&self.schema);
        if let Some(table) = self.table(&json["tileMetadata"], count, "tileMetadata") {
            self.doc.tile_table = Some(self.columns(table, "tileMetadata"));
            self.selection(table, &properties, &(0..count).collect::<Vec<_>>(), "tileMetadata");
        }
        for (i, index) in of_contents.iter().take(self.doc.contents.len()).enumerate() {
            let place = format!("contentMetadata {i}");
            let available = self.doc.contents[i].clone();
            let count = available.rank(self.shape.tile_count());
            let table = self.table(index, count, &place);
            let columns = table.map(|table| self.columns(table, &place));
            self.doc.content_tables.push(columns);
            // Bounds of several contents do not bound the tile's content.
            let Some(table) = table.filter(|_| self.shape.contents == 1 && !properties.is_empty()) else { continue };
            // Contents are counted among contents, tiles among tiles.
            let tiles = (0..self.shape.tile_count()).filter(|bit| self.doc.tiles.get(*bit)).enumerate();
            let rows: Vec<usize> = tiles.filter(|(_, bit)| available.get(*bit)).map(|(row, _)| row).collect();
            self.selection(table, &properties, &rows, &place);
        }
    }

    /// The property table that an index refers to, if any; it should have `count` rows.
    fn table(&mut self, index: &Json, count: usize, place: &str) -> Option<&'a Json> {
        if index.is_null() {
            return None;
        }
        let tables = items(&self.views.json["propertyTables"]);
        let found = uint(index).and_then(|i| tables.get(i));
        let message = match found.map(|table| uint(&table["count"])) {
            None => format!("there is no property table {index}"),
            Some(rows) if rows == Some(count) => return found,
            Some(rows) => format!("a property table with a count of {rows:?} for {count} that are available"),
        };
        self.report(place, Fault::Malformed(message));
        found
    }

    fn columns(&mut self, table: &Json, place: &str) -> PropertyTable {
        let mut faults = Vec::new();
        let mut report = |at: String, fault: Fault| faults.push((at, fault));
        let read = property_table(&self.schema, table, &self.views, &mut self.doc.property_bytes, &mut report);
        faults.into_iter().for_each(|(at, fault)| self.report(&format!("{place}: {at}"), fault));
        read
    }

    /// Puts what a table says of selection into the rows of the tiles; `rows` has the tile's row for each of the table's.
    fn selection(&mut self, table: &Json, properties: &[SemanticProperty], rows: &[usize], place: &str) {
        let class = table["class"].as_str().unwrap_or_default();
        for property in properties.iter().filter(|p| p.class == class) {
            let stored = &table["properties"][&property.property];
            let Some(view) = uint(&stored["values"]) else { continue };
            let tiles = self.doc.tiles.rank(self.shape.tile_count());
            let values = self.views.view(view).and_then(|bytes| Values::new(bytes, stored, property, rows.len()));
            match values {
                Ok(values) => {
                    self.doc.metadata.resize(tiles, TileMetadata::default());
                    for (row, tile) in rows.iter().enumerate() {
                        apply(&mut self.doc.metadata[*tile], property.semantic, &values.row(row));
                    }
                }
                Err(fault) => self.report(&format!("{place}: {}", property.property), fault),
            }
        }
    }
}

/// Numbers of one property, row by row.
struct Values<'a> {
    bytes: &'a [u8],
    number: Number,
    scale_offset: Vec<(f64, f64)>,
}

impl<'a> Values<'a> {
    /// Checks that there are so many rows.
    fn new(bytes: &'a [u8], stored: &Json, property: &SemanticProperty, rows: usize) -> Result<Self, Fault> {
        let Some(len) = rows.checked_mul(property.count * property.number.size()) else {
            return malformed("absurd count");
        };
        let own = |key: &str, i: usize| stored[key].as_f64().or_else(|| stored[key][i].as_f64());
        let transform = |(i, (scale, offset)): (usize, &(f64, f64))| {
            (own("scale", i).unwrap_or(*scale), own("offset", i).unwrap_or(*offset))
        };
        let scale_offset = property.scale_offset.iter().enumerate().map(transform).collect();
        Ok(Self { bytes: slice(bytes, 0, len, &property.property)?, number: property.number, scale_offset })
    }

    fn row(&self, row: usize) -> Vec<f64> {
        let width = self.scale_offset.len();
        let value = |(i, (scale, offset)): (usize, &(f64, f64))| {
            self.number.read(self.bytes, row * width + i).unwrap_or(0.0) * scale + offset
        };
        self.scale_offset.iter().enumerate().map(value).collect()
    }
}

fn apply(row: &mut TileMetadata, semantic: Semantic, values: &[f64]) {
    let sane = |volume: Volume| Some(volume).filter(Volume::is_sane);
    let as_box = |v: &[f64]| v.try_into().ok().map(Volume::Box).and_then(sane);
    let as_region = |v: &[f64]| v.try_into().ok().map(Volume::Region).and_then(sane);
    let as_sphere = |v: &[f64]| v.try_into().ok().map(Volume::Sphere).and_then(sane);
    let finite = values.first().copied().filter(|v| v.is_finite());
    match semantic {
        // The most telling shape stays, whatever the order of the properties.
        Semantic::TileBox => row.volume = prefer(row.volume, as_box(values)),
        Semantic::TileRegion => row.volume = prefer(row.volume, as_region(values)),
        Semantic::TileSphere => row.volume = prefer(row.volume, as_sphere(values)),
        Semantic::ContentBox => row.content_volume = prefer(row.content_volume, as_box(values)),
        Semantic::ContentRegion => row.content_volume = prefer(row.content_volume, as_region(values)),
        Semantic::ContentSphere => row.content_volume = prefer(row.content_volume, as_sphere(values)),
        Semantic::TileMinimumHeight => row.minimum_height_m = finite,
        Semantic::TileMaximumHeight => row.maximum_height_m = finite,
        Semantic::TileGeometricError => row.geometric_error = finite.filter(|v| *v >= 0.0),
        Semantic::TileRefine => {
            row.refine = match finite {
                Some(0.0) => Some(Refine::Add),
                Some(1.0) => Some(Refine::Replace),
                _ => row.refine,
            }
        }
    }
}

/// A box goes before a region, a region before a sphere.
fn prefer(held: Option<Volume>, found: Option<Volume>) -> Option<Volume> {
    let rank = |volume: &Option<Volume>| match volume {
        Some(Volume::Box(_)) => 3,
        Some(Volume::Region(_)) => 2,
        Some(_) => 1,
        None => 0,
    };
    if rank(&held) > rank(&found) { held } else { found }
}
