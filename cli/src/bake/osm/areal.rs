//! Ways and relations that enclose something → rings and polygons.
//!
//! Rings are assembled from whole ways by their end nodes, in any order and direction. Which ring is a hole follows
//! from where it lies, not from the members' roles, which are often wrong: a place is inside where an odd number of
//! rings surround it. That also does the right thing for rings that touch in a point or share an edge.

use super::ground::{Ground, LonLat, Walk};
use super::raw::{Member, MemberKind, Raw, RawRelation, RawTags, RawWay};
use super::shape;
use super::tags::Key;
use crate::bake::model::{Polygon, Warnings};
use glam::DVec2;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// An open end is taken for cut at the border when it is nearer to it than this share of the extent's size.
const CUT_WITHIN: f64 = 0.15;

/// Something that encloses an area, not yet as polygons.
pub(super) struct Areal {
    pub(super) key: Key,
    pub(super) tags: RawTags,
    /// Lines of known nodes that together are its rings.
    lines: Vec<Vec<i64>>,
    /// Whether nodes or members are missing from the input.
    incomplete: bool,
    /// A single way: its crossings are repaired and counted, not taken for a hole.
    single: bool,
}

/// What becomes of rings that are cut at the border of the extract.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum IfCut {
    /// Buildings: half a house would be wrong.
    LeaveOut,
    /// Areas: closed along the border.
    Close,
}

/// Calls with all closed ways and multipolygons whose tags are wanted, by key.
pub(super) fn each(
    raw: &Raw,
    warnings: &mut Warnings,
    wanted: impl Fn(&RawTags) -> bool,
    take: &mut dyn FnMut(Areal, &mut Warnings),
) {
    // Spares the work, and counts each fault once although areas are looked for several times.
    let may_be = |relation: &RawRelation| !says_something(&relation.tags) || wanted(&relation.tags);
    let mut replaced = BTreeSet::new();
    let mut relations = Vec::new();
    for (id, relation) in raw.relations.iter().filter(|(_, relation)| may_be(relation)) {
        let areal = of_relation(raw, id, &relation, &mut replaced, warnings);
        if areal.is_some_and(|areal| wanted(&areal.tags)) {
            relations.push(id);
        }
    }
    for (id, way) in raw.ways.iter() {
        if is_ring(&way) && !way.tags.says_no("area") && wanted(&way.tags) && !replaced.contains(&id) {
            take(of_way(raw, id, way.into_owned()), warnings);
        }
    }
    // Made again, for all of them would fill the memory; what they lack is counted already.
    let (mut replaced, mut unheard) = (BTreeSet::new(), Warnings::default());
    for (id, relation) in raw.relations.iter().filter(|(id, _)| relations.binary_search(id).is_ok()) {
        if let Some(areal) = of_relation(raw, id, &relation, &mut replaced, &mut unheard) {
            take(areal, warnings);
        }
    }
}

/// Whether a way is closed, or was before the extract was cut: an open way whose tags only make sense for an area.
/// Some tools leave out the nodes beyond the border without a trace.
fn is_ring(way: &RawWay) -> bool {
    way.is_closed() || way.tags.0.iter().any(|(k, _)| matches!(&**k, "building" | "building:part" | "landuse"))
}

fn of_way(raw: &Raw, id: i64, way: RawWay) -> Areal {
    let lines = runs(raw, &way.refs);
    let incomplete = lines.len() != 1 || lines[0].len() != way.refs.len() || !way.is_closed();
    Areal { key: Key::Way(id), tags: way.tags, lines, incomplete, single: true }
}

/// The stretches of a way whose nodes are known. Of a closed way, the stretch over its seam is one.
fn runs(raw: &Raw, refs: &[i64]) -> Vec<Vec<i64>> {
    let mut runs: Vec<Vec<i64>> = raw.runs(refs).map(<[i64]>::to_vec).collect();
    let closed = refs.len() >= 4 && refs.first() == refs.last();
    if closed && runs.len() > 1 && runs[0].first() == refs.first() {
        let head = runs.remove(0);
        if let Some(last) = runs.last_mut() {
            last.extend(&head[1..]);
        }
    }
    runs
}

fn of_relation(
    raw: &Raw,
    id: i64,
    relation: &RawRelation,
    replaced: &mut BTreeSet<i64>,
    warnings: &mut Warnings,
) -> Option<Areal> {
    let is_building = relation.tags.is("type", "building");
    if !is_building && !relation.tags.is("type", "multipolygon") {
        return None;
    }
    // Of a building relation only the outline is its area; its parts are found by where they lie.
    let counts = |role: &str| !is_building || matches!(role, "outline" | "outer" | "inner");
    let ids: BTreeSet<i64> =
        relation.members.iter().filter(|m| m.kind == MemberKind::Way && counts(&m.role)).map(|m| m.id).collect();
    if ids.is_empty() {
        return None;
    }
    let ways: Vec<(i64, RawWay)> = ids.iter().filter_map(|w| Some((*w, raw.ways.look(*w, RawWay::clone)?))).collect();
    let is_outer = |m: &&Member| m.kind == MemberKind::Way && &*m.role != "inner";
    let outers: BTreeSet<i64> = relation.members.iter().filter(is_outer).map(|m| m.id).collect();
    let outer = |id: i64| outers.contains(&id);
    let tagged_outer = ways.iter().find(|(w, way)| outer(*w) && says_something(&way.tags));
    let mut tags = Cow::Borrowed(&relation.tags);
    if is_building {
        // Its outline speaks for itself where it is tagged.
        if !relation.tags.says_yes("building") || ways.iter().any(|(_, w)| w.tags.says_yes("building")) {
            return None;
        }
    } else if !says_something(&relation.tags) {
        // The way of mapping until about 2017: the tags stand on the outer way.
        let (way_id, way) = tagged_outer?;
        replaced.insert(*way_id);
        tags = Cow::Borrowed(&way.tags);
    } else if relation.tags.says_yes("building") {
        for (way_id, way) in ways.iter().filter(|(w, way)| outer(*w) && way.tags.says_yes("building")) {
            if way.is_closed() {
                warnings.add("building_outline_tagged_twice", format!("way/{way_id}: also relation/{id}"));
            }
            replaced.insert(*way_id);
            tags = Cow::Owned(tags.over(&way.tags));
        }
    }
    let incomplete =
        ways.len() != ids.len() || ways.iter().any(|(_, w)| w.refs.iter().any(|n| !raw.nodes.contains(*n)));
    let lines = ways.iter().flat_map(|(_, way)| runs(raw, &way.refs)).collect();
    Some(Areal { key: Key::Relation(id), tags: tags.into_owned(), lines, incomplete, single: false })
}

/// Whether there is any tag that says what something is.
fn says_something(tags: &RawTags) -> bool {
    tags.0
        .iter()
        .any(|(k, _)| !matches!(&**k, "type" | "source" | "created_by" | "note" | "attribution" | "area" | "fixme"))
}

impl Areal {
    /// Its polygons, metres, not yet cut at the border (except where rings had to be closed along it). Empty when there
    /// is nothing to draw; why is counted.
    pub(super) fn polygons(&self, raw: &Raw, ground: &Ground, if_cut: IfCut, warnings: &mut Warnings) -> Vec<Polygon> {
        let rings = self.rings(raw, ground, if_cut, warnings);
        let enu = |ring: &Vec<LonLat>| -> Vec<DVec2> {
            let ring: Vec<DVec2> = ring.iter().map(|p| ground.enu(*p)).collect();
            shape::cleaned(&ring)
        };
        let rings: Vec<Vec<DVec2>> = rings.iter().map(enu).filter(|r| r.len() >= 3).collect();
        let polygons = match &rings[..] {
            [] => Vec::new(),
            [ring] => {
                let (polygons, repaired) = shape::polygons_of_ring(ring);
                // Joining the ends of a cut ring may make it cross itself; that is not the input's fault.
                if repaired && !self.incomplete {
                    warnings.add("self_intersecting_ring", self.key.to_string());
                }
                polygons
            }
            _ => shape::even_odd(&rings),
        };
        if polygons.is_empty() && !rings.is_empty() {
            warnings.add("area_without_extent", self.key.to_string());
        }
        polygons
    }

    fn rings(&self, raw: &Raw, ground: &Ground, if_cut: IfCut, warnings: &mut Warnings) -> Vec<Vec<LonLat>> {
        let (closed, open) = assemble(&self.lines);
        let open: Vec<Vec<LonLat>> = open.iter().map(|l| raw.places(l)).filter(|l| l.len() >= 2).collect();
        let mut rings: Vec<Vec<LonLat>> = closed.iter().map(|l| raw.places(l)).collect();
        if open.is_empty() {
            if rings.is_empty() {
                warnings.add(
                    if if_cut == IfCut::LeaveOut { "building_cut_at_border" } else { "area_beyond_border" },
                    self.key.to_string(),
                );
            }
            return rings;
        }
        let is_cut = |line: &Vec<LonLat>| {
            [line.first(), line.last()].into_iter().flatten().all(|p| ground.border_distance(*p) < CUT_WITHIN)
        };
        if if_cut == IfCut::LeaveOut {
            warnings.add("building_cut_at_border", self.key.to_string());
            return Vec::new();
        }
        // A relation that has all its members, yet no closed ring, is a mistake and not cut.
        let nothing_missing = !self.single && !self.incomplete;
        if nothing_missing || !open.iter().all(is_cut) {
            warnings.add("open_ring", self.key.to_string());
            return rings;
        }
        warnings.add("area_cut_at_border", self.key.to_string());
        if self.single {
            rings.push(closed_along_border(ground, &open));
        } else {
            rings.extend(open.into_iter().map(|line| closed_along_border(ground, &[line])));
        }
        rings
    }
}

/// One ring of several stretches in their order, joined along the border.
fn closed_along_border(ground: &Ground, lines: &[Vec<LonLat>]) -> Vec<LonLat> {
    let mut ring = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        ring.extend_from_slice(line);
        let next = &lines[(i + 1) % lines.len()];
        if let (Some(&from), Some(&to)) = (line.last(), next.first()) {
            ring.extend(ground.border_between(from, to, Walk::Shorter));
        }
    }
    ring
}

/// Joins lines by their end nodes: closed rings (without the repeated last node), and what stays open.
pub(super) fn assemble(lines: &[Vec<i64>]) -> (Vec<Vec<i64>>, Vec<Vec<i64>>) {
    let mut at: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (i, line) in lines.iter().enumerate() {
        for end in [line.first(), line.last()].into_iter().flatten() {
            at.entry(*end).or_default().push(i);
        }
    }
    let mut used = vec![false; lines.len()];
    let (mut closed, mut open) = (Vec::new(), Vec::new());
    for start in 0..lines.len() {
        if std::mem::replace(&mut used[start], true) || lines[start].is_empty() {
            continue;
        }
        let mut chain = lines[start].clone();
        // On from its end; then, if that did not close it, on from its beginning.
        for _ in 0..2 {
            while !is_closed(&chain) && extend(&mut chain, lines, &at, &mut used) {}
            if is_closed(&chain) {
                break;
            }
            chain.reverse();
        }
        if is_closed(&chain) {
            chain.pop();
            closed.push(chain);
        } else {
            open.push(chain);
        }
    }
    (closed, open)
}

fn is_closed(chain: &[i64]) -> bool {
    chain.len() >= 4 && chain.first() == chain.last()
}

/// Appends an unused line that begins or ends where the chain ends.
fn extend(chain: &mut Vec<i64>, lines: &[Vec<i64>], at: &BTreeMap<i64, Vec<usize>>, used: &mut [bool]) -> bool {
    let Some(end) = chain.last().copied() else { return false };
    let Some(&next) = at.get(&end).into_iter().flatten().find(|&&i| !used[i]) else { return false };
    used[next] = true;
    let line = &lines[next];
    if line.first() == Some(&end) {
        chain.extend(&line[1..]);
    } else {
        chain.extend(line.iter().rev().skip(1));
    }
    true
}
