//! `natural=coastline` → the sea inside the extent (<https://wiki.openstreetmap.org/wiki/Tag:natural=coastline>).
//!
//! Land lies to the left of a coastline, water to its right. Each stretch of coast inside the extent enters and leaves
//! through its border; a ring of water is closed from where one stretch leaves, clockwise along the border, to where
//! the next one enters. Islands are closed already and become holes.

use super::ground::{Ground, LonLat, Walk};
use super::raw::Raw;
use crate::bake::model::{Area, AreaClass, Property, Tags, Warnings};
use glam::DVec2;
use std::collections::BTreeMap;

/// The sea, where the extent has any.
pub(super) fn sea(raw: &Raw, ground: &Ground, warnings: &mut Warnings) -> Option<Area> {
    let (islands, mut stretches) = coast(raw, ground, warnings);
    drop_contradictions(ground, &mut stretches, warnings);
    let mut rings: Vec<Vec<LonLat>> = water_rings(ground, &stretches);
    // A coast without an end at the border is an island in the sea, unless its water lies inside.
    let all_land_inside = islands.iter().all(|i| twice_area_deg2(i) > 0.0);
    if rings.is_empty() && !islands.is_empty() && all_land_inside {
        let e = &ground.extent;
        rings.push(vec![[e.west, e.south], [e.east, e.south], [e.east, e.north], [e.west, e.north]]);
    }
    rings.extend(islands);
    let rings: Vec<Vec<DVec2>> = rings.iter().map(|r| r.iter().map(|p| ground.enu(*p)).collect()).collect();
    let polygons = ground.clip_rings(&rings);
    if polygons.is_empty() {
        return None;
    }
    let more = [("natural", Property::Text("coastline".to_owned()))].into();
    let tags = Tags { id: "sea".to_owned(), more, ..Tags::default() };
    Some(Area { tags, class: AreaClass::Water, polygons })
}

/// Closed coasts that the extent holds whole, and stretches from border to border, all in their own direction.
fn coast(raw: &Raw, ground: &Ground, warnings: &mut Warnings) -> (Vec<Vec<LonLat>>, Vec<Vec<LonLat>>) {
    let lines: Vec<Vec<i64>> = raw
        .ways
        .iter()
        .filter(|(_, w)| w.tags.is("natural", "coastline"))
        .flat_map(|(_, w)| raw.runs(&w.refs).filter(|run| run.len() >= 2).map(<[i64]>::to_vec).collect::<Vec<_>>())
        .collect();
    let (mut islands, mut stretches) = (Vec::new(), Vec::new());
    for chain in joined_in_direction(&lines) {
        let line = raw.places(&chain);
        let closed = chain.len() >= 4 && chain.first() == chain.last();
        let inside = line.iter().all(|p| ground.contains(*p));
        if closed && inside {
            islands.push(line[..line.len() - 1].to_vec());
            continue;
        }
        let mut pieces = ground.clip_line(&line);
        // A ring that begins inside: its first and last piece are one.
        if closed
            && pieces.len() > 1
            && pieces[0].first() == line.first()
            && line.first().is_some_and(|p| ground.contains(*p))
        {
            let head = pieces.remove(0);
            if let Some(last) = pieces.last_mut() {
                last.extend(&head[1..]);
            }
        }
        for piece in pieces {
            // An end inside is where the extract was cut; it goes on straight to the border.
            let ends = [piece.first(), piece.last()];
            if ends.into_iter().flatten().any(|p| ground.border_distance(*p) > 0.05) {
                warnings.add("coastline_ends_inside", format!("at {:.5}, {:.5}", piece[0][0], piece[0][1]));
            }
            stretches.push(piece);
        }
    }
    (islands, stretches)
}

/// Joins lines where one ends and another begins. Never turns a line around: its direction says where the water is.
fn joined_in_direction(lines: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let mut starting_at: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (i, line) in lines.iter().enumerate().rev() {
        starting_at.entry(line[0]).or_default().push(i);
    }
    let ends: std::collections::BTreeSet<i64> = lines.iter().filter_map(|l| l.last().copied()).collect();
    // Begin with lines that nothing leads to, so that chains are as long as can be; what is left are rings.
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|&i| ends.contains(&lines[i][0]));
    let mut used = vec![false; lines.len()];
    let mut chains = Vec::new();
    for start in order {
        if std::mem::replace(&mut used[start], true) {
            continue;
        }
        let mut chain = lines[start].clone();
        while chain.len() < 4 || chain.first() != chain.last() {
            let Some(end) = chain.last() else { break };
            let Some(&next) = starting_at.get(end).into_iter().flatten().rev().find(|&&i| !used[i]) else { break };
            used[next] = true;
            chain.extend(&lines[next][1..]);
        }
        chains.push(chain);
    }
    chains
}

/// Along the border land and water must take turns. Where they do not, because pieces of the coast are missing from the
/// input, stretches that end inside are left out, the shortest first, until they do: a missing islet is better than a
/// city under water.
fn drop_contradictions(ground: &Ground, stretches: &mut Vec<Vec<LonLat>>, warnings: &mut Warnings) {
    let is_cut = |s: &[LonLat]| [s.first(), s.last()].into_iter().flatten().any(|p| ground.border_distance(*p) > 1e-9);
    while !takes_turns(ground, stretches) {
        let shortest = (0..stretches.len()).min_by_key(|&i| (!is_cut(&stretches[i]), stretches[i].len()));
        let Some(i) = shortest else { return };
        let [lon, lat] = stretches[i][0];
        warnings.add("coastline_contradicts", format!("at {lon:.5}, {lat:.5}"));
        stretches.remove(i);
    }
}

fn takes_turns(ground: &Ground, stretches: &[Vec<LonLat>]) -> bool {
    let mut ends: Vec<(f64, bool)> = Vec::new();
    for stretch in stretches {
        for (point, enters) in [(stretch.first(), true), (stretch.last(), false)] {
            ends.extend(point.map(|p| (ground.border_position(*p), enters)));
        }
    }
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    ends.iter().zip(ends.iter().cycle().skip(1)).all(|(a, b)| a.1 != b.1)
}

/// Closes stretches along the border to rings with the water inside.
fn water_rings(ground: &Ground, stretches: &[Vec<LonLat>]) -> Vec<Vec<LonLat>> {
    let position = |p: Option<&LonLat>| p.map_or(0.0, |p| ground.border_position(*p));
    let entries: Vec<f64> = stretches.iter().map(|s| position(s.first())).collect();
    let mut used = vec![false; stretches.len()];
    let mut rings = Vec::new();
    for start in 0..stretches.len() {
        if used[start] {
            continue;
        }
        let mut ring = Vec::new();
        let mut current = start;
        loop {
            used[current] = true;
            ring.extend_from_slice(&stretches[current]);
            let exit = position(stretches[current].last());
            // Clockwise means backwards in position. The ring's own beginning is always there to be found.
            let way = |i: &usize| (exit - entries[*i]).rem_euclid(4.0);
            let next = (0..stretches.len())
                .filter(|&i| i == start || !used[i])
                .min_by(|a, b| way(a).total_cmp(&way(b)))
                .unwrap_or(start);
            if let (Some(&from), Some(&to)) = (stretches[current].last(), stretches[next].first()) {
                ring.extend(ground.border_between(from, to, Walk::Clockwise));
            }
            if next == start {
                break;
            }
            current = next;
        }
        rings.push(ring);
    }
    rings
}

fn twice_area_deg2(ring: &[LonLat]) -> f64 {
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
}
