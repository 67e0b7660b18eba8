//! `layer.json`, the document of a quantized-mesh terrain.

use super::{DEEPEST_LEVEL, TerrainDoc, TerrainGrid, TerrainPlace};
use crate::decode::{
    Fault,
    bytes::{items, malformed, strings, uint},
};
use crate::resolve_url;

/// Most rectangles of available tiles, over all levels.
const MOST_RECTANGLES: usize = 1 << 20;

pub(super) fn read(bytes: &[u8], url: &str) -> Result<TerrainDoc, Fault> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let json: serde_json::Value =
        serde_json::from_slice(text).map_err(|e| Fault::Malformed(format!("layer.json: {e}")))?;
    let format = json["format"].as_str().unwrap_or("quantized-mesh-1.0");
    if !format.starts_with("quantized-mesh-1.") {
        return Err(Fault::Unsupported(format!("terrain of the format \"{format}\"; expected quantized-mesh-1.0")));
    }
    let grid = match json["projection"].as_str().unwrap_or("EPSG:4326") {
        "EPSG:4326" => TerrainGrid::Geographic,
        "EPSG:3857" => TerrainGrid::Mercator,
        other => return Err(Fault::Unsupported(format!("terrain in \"{other}\"; expected EPSG:4326 or EPSG:3857"))),
    };
    let y_from_north = match json["scheme"].as_str().unwrap_or("tms") {
        "tms" => false,
        "slippyMap" | "xyz" => true,
        other => return Err(Fault::Unsupported(format!("terrain of the scheme \"{other}\"; expected tms"))),
    };
    let version = json["version"].as_str().unwrap_or("1.0.0");
    let templates: Vec<String> =
        strings(&json["tiles"]).map(|template| resolve_url(url, &template.replace("{version}", version))).collect();
    if templates.is_empty() {
        return malformed("layer.json: it has no \"tiles\"");
    }
    if let Some(template) = templates.iter().find(|t| !["{z}", "{x}", "{y}"].iter().all(|name| t.contains(name))) {
        return malformed(format!("layer.json: \"{template}\" lacks {{z}}, {{x}} or {{y}}"));
    }
    let available = available(&json["available"], grid, y_from_north)?;
    let said = uint(&json["maxzoom"]).and_then(|level| u32::try_from(level).ok());
    let deepest = match available.len() {
        0 => said.unwrap_or(DEEPEST_LEVEL.min(14)),
        levels => levels as u32 - 1,
    };
    let attribution = json["attribution"].as_str().filter(|words| !words.is_empty()).map(str::to_owned);
    Ok(TerrainDoc { grid, templates, y_from_north, available, max_level: deepest.min(DEEPEST_LEVEL), attribution })
}

/// The rectangles of each level, rows from the south.
fn available(json: &serde_json::Value, grid: TerrainGrid, y_from_north: bool) -> Result<Vec<Vec<[u32; 4]>>, Fault> {
    let mut levels = Vec::new();
    let mut count = 0;
    for (level, rectangles) in (0..=DEEPEST_LEVEL).zip(items(json)) {
        let rows = TerrainPlace::counts(grid, level)[1];
        let mut found = Vec::new();
        for rectangle in items(rectangles) {
            let number = |name: &str| uint(&rectangle[name]).and_then(|n| u32::try_from(n).ok());
            let names = ["startX", "startY", "endX", "endY"].map(number);
            let [Some(west), Some(south), Some(east), Some(north)] = names else {
                return malformed(format!(
                    "layer.json: a rectangle of level {level} lacks startX, startY, endX or endY"
                ));
            };
            let (south, north) = match y_from_north {
                true => ((rows - 1).saturating_sub(north), (rows - 1).saturating_sub(south)),
                false => (south, north),
            };
            found.push([west, south, east, north]);
        }
        count += found.len();
        if count > MOST_RECTANGLES {
            return Err(Fault::TooLarge(format!("layer.json: more than {MOST_RECTANGLES} rectangles of tiles")));
        }
        levels.push(found);
    }
    Ok(levels)
}
