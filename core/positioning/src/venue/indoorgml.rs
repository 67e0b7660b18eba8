//! IndoorGML 1.0 and 1.1 (OGC 14-005r5, 19-011r4): cells become areas, states and transitions routes.
//!
//! A document is read tag by tag, once. Cells and states belong to the level whose height is next to theirs; transitions
//! between levels are stairs. IndoorGML tells no datum that a browser could look up, so its metres are the plane.

use super::names::Names;
use super::number::number;
use super::{AreaParts, Link, Parts, Ring, Spot, distance};
use crate::order::sort_numbers;

/// Floors further apart than this are two levels, metres.
const LEVELS_APART_M: f64 = 1.5;
/// A face is a floor when its corners differ less in height, metres.
const FLAT_M: f64 = 0.05;

#[derive(Default)]
struct Cell {
    name: String,
    /// The lowest flat face: its height and ring.
    floor: Option<(f64, Ring)>,
}

struct Transition {
    ends: Vec<String>,
    line: Vec<[f64; 3]>,
}

/// Reads one document.
///
/// # Errors
/// When it is no IndoorGML, or its tags do not end.
pub(super) fn read(text: &str, parts: &mut Parts) -> Result<(), String> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut states: Names<[f64; 3]> = Names::default();
    let mut transitions: Vec<Transition> = Vec::new();
    let mut scope = Scope::Nothing;
    let mut points: Vec<[f64; 3]> = Vec::new();
    let mut is_indoor = false;
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (tag, after) = next_tag(&rest[start..])?;
        // Text up to the next tag.
        let content = &after[..after.find('<').unwrap_or(after.len())];
        match (local_name(tag), &mut scope) {
            ("IndoorFeatures", _) => is_indoor = true,
            ("CellSpace" | "GeneralSpace" | "TransitionSpace" | "ConnectionSpace" | "AnchorSpace", _) => {
                scope = Scope::Cell;
                cells.push(Cell::default());
            }
            ("State", _) => scope = Scope::State(attribute(tag, "id").unwrap_or_default().to_owned()),
            ("Transition", _) => {
                scope = Scope::Transition;
                transitions.push(Transition { ends: Vec::new(), line: Vec::new() });
            }
            ("connects", Scope::Transition) => {
                let end = attribute(tag, "href").unwrap_or_default().trim_start_matches('#').to_owned();
                transitions.iter_mut().last().into_iter().for_each(|t| t.ends.push(end.clone()));
            }
            ("name", Scope::Cell) => {
                if let Some(cell) = cells.last_mut().filter(|c| c.name.is_empty()) {
                    cell.name = content.trim().chars().take(200).collect();
                }
            }
            ("pos" | "posList" | "coordinates", _) => {
                let flat = points_of(content);
                if parts.admit(flat.len()) {
                    points.extend(flat);
                }
            }
            ("/LinearRing", Scope::Cell) => {
                let face = std::mem::take(&mut points);
                if let Some(cell) = cells.last_mut() {
                    cell.take(&face);
                }
            }
            ("/Point", Scope::State(id)) => {
                if let Some(at) = points.first() {
                    states.insert(std::mem::take(id), *at);
                }
                points.clear();
            }
            ("/LineString", Scope::Transition) => {
                let line = std::mem::take(&mut points);
                transitions.iter_mut().last().into_iter().for_each(|t| t.line.clone_from(&line));
            }
            (name, _) if name.starts_with('/') && matches!(name, "/CellSpace" | "/State" | "/Transition") => {
                scope = Scope::Nothing;
                points.clear();
            }
            _ => {}
        }
        rest = after;
    }
    if !is_indoor {
        return Err("no IndoorFeatures".to_owned());
    }
    assemble(cells, &mut states, &transitions, parts);
    Ok(())
}

enum Scope {
    Nothing,
    Cell,
    State(String),
    Transition,
}

impl Cell {
    fn take(&mut self, face: &[[f64; 3]]) {
        let low = face.iter().map(|p| p[2]).fold(f64::INFINITY, f64::min);
        let high = face.iter().map(|p| p[2]).fold(f64::NEG_INFINITY, f64::max);
        if face.len() < 4 || high - low > FLAT_M || self.floor.as_ref().is_some_and(|f| f.0 <= low) {
            return;
        }
        // The last corner is the first.
        self.floor = Some((low, face[..face.len() - 1].iter().map(|p| [p[0], p[1]]).collect()));
    }
}

fn assemble(cells: Vec<Cell>, states: &mut Names<[f64; 3]>, transitions: &[Transition], parts: &mut Parts) {
    let mut heights: Vec<f64> = cells.iter().filter_map(|c| c.floor.as_ref().map(|f| f.0)).collect();
    if heights.is_empty() {
        // A graph alone: heights of its states, which are at most a storey above their floors.
        heights.extend(states.things().map(|p| p[2]));
    }
    let elevations = levels(heights);
    // The ground floor is the level next to height 0, or the lowest of a document that knows no 0.
    let ground = elevations.iter().enumerate().min_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map_or(0, |e| e.0);
    let zero = elevations.get(ground).copied().unwrap_or(0.0);
    let floor_at = |z: f64| {
        // The highest level that is not above.
        let below = elevations.iter().rposition(|e| *e <= z + LEVELS_APART_M / 3.0).unwrap_or(0);
        (below as i64 - ground as i64) as i16
    };
    for (n, elevation) in elevations.iter().enumerate() {
        parts.level((n as i64 - ground as i64) as i16).elevation_m = Some(elevation - zero);
    }
    for cell in cells {
        if let Some((z, ring)) = cell.floor {
            parts.level(floor_at(z)).areas.push(AreaParts { name: cell.name, open: Some(false), rings: vec![ring] });
        }
    }
    let spot = |p: &[f64; 3]| Spot { at_m: [p[0], p[1]], floor: floor_at(p[2]) };
    for transition in transitions {
        let ends: Vec<[f64; 3]> = transition.ends.iter().filter_map(|id| states.get(id)).collect();
        let line = if transition.line.len() > 1 { &transition.line } else { &ends };
        let changes = line.first().map(&spot).map(|s| s.floor) != line.last().map(&spot).map(|s| s.floor);
        if let (true, Some(first), Some(last)) = (changes, line.first(), line.last()) {
            parts.links.push(Link { from: spot(first), to: spot(last), by: None });
            continue;
        }
        for pair in line.windows(2).filter(|p| distance([p[0][0], p[0][1]], [p[1][0], p[1][1]]) > 0.0) {
            parts.links.push(Link { from: spot(&pair[0]), to: spot(&pair[1]), by: None });
        }
    }
}

/// Heights that are apart, lowest first; at most a thousand.
fn levels(mut heights: Vec<f64>) -> Vec<f64> {
    sort_numbers(&mut heights);
    let mut levels: Vec<f64> = Vec::new();
    for z in heights {
        if levels.last().is_none_or(|last| z - last > LEVELS_APART_M) && levels.len() < 1000 {
            levels.push(z);
        }
    }
    levels
}

/// The tag at the start of the text, without its brackets, and what comes after; comments, instructions and character
/// data are tags without a name.
fn next_tag(text: &str) -> Result<(&str, &str), String> {
    for (open, close) in [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")] {
        if let Some(body) = text.strip_prefix(open) {
            let end = body.find(close).ok_or_else(|| format!("{open} does not end"))?;
            return Ok(("", &body[end + close.len()..]));
        }
    }
    let end = text.find('>').ok_or("a tag does not end")?;
    Ok((&text[1..end], &text[end + 1..]))
}

/// `gml:pos` → `pos`, `/gml:Point` → `/Point`.
fn local_name(tag: &str) -> &str {
    let name = tag.split(|c: char| c.is_whitespace()).next().unwrap_or_default().trim_end_matches('/');
    match (name.strip_prefix('/'), name.rsplit_once(':')) {
        (Some(_), Some((_, local))) => {
            // Keep the slash: names of closing tags are told apart by it.
            CLOSING.iter().find(|closing| &closing[1..] == local).copied().unwrap_or("/")
        }
        (None, Some((_, local))) => local,
        (_, None) => name,
    }
}

/// The closing tags that matter.
const CLOSING: [&str; 6] = ["/LinearRing", "/Point", "/LineString", "/CellSpace", "/State", "/Transition"];

/// The value of an attribute, whatever its prefix.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        if before.ends_with([':', ' ', '\t', '\n']) {
            let value = after.trim_start().strip_prefix('=').map(str::trim_start);
            if let Some(quote @ ('"' | '\'')) = value.and_then(|v| v.chars().next()) {
                return value.and_then(|v| v[1..].split(quote).next());
            }
        }
        rest = after;
    }
    None
}

/// Triples of numbers; one that is none ends the list.
fn points_of(text: &str) -> Vec<[f64; 3]> {
    let sane = |t: &str| number(t).filter(|x| x.abs() < 1e8);
    let numbers: Vec<f64> =
        text.split([' ', ',', '\n', '\t', '\r']).filter(|t| !t.is_empty()).map_while(sane).collect();
    numbers.chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect()
}
