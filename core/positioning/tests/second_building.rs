//! A real building that nothing was tuned on, from its files to degrees on the earth: Shinjuku terminal with its routes.
//! Survey and walk are made up. Skipped where the data folder is not beside the checkout.

use citytwin_positioning::radio::RadioMap;
use citytwin_positioning::simulate::{Devices, World};
use citytwin_positioning::venue::{Spot, Venue};
use citytwin_positioning::{Positioner, PositionerOptions, wire};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn shinjuku() -> Option<Venue> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/indoor/ShinjukuTerminal");
    let files: Vec<(String, String)> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((name(&entry.path()), std::fs::read_to_string(entry.path()).ok()?)))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    if files.is_empty() {
        #[allow(clippy::print_stderr)]
        {
            eprintln!("{} is not beside the checkout: nothing was tested", folder.display());
        }
        return None;
    }
    Some(Venue::read(&files, None).expect("a venue"))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The shortest way along the routes from a node to every other: metres, and the node before (Dijkstra 1959).
fn ways(venue: &Venue, from: usize) -> Vec<(f64, usize)> {
    let nodes = &venue.route_nodes;
    let mut best = vec![(f64::INFINITY, from); nodes.len()];
    let mut open = vec![from];
    best[from].0 = 0.0;
    while let Some(next) = (0..open.len()).min_by(|a, b| best[open[*a]].0.total_cmp(&best[open[*b]].0)) {
        let at = open.swap_remove(next);
        for (a, b) in venue.route_edges.iter().map(|(a, b)| (*a as usize, *b as usize)) {
            let to = if a == at {
                b
            } else if b == at {
                a
            } else {
                continue;
            };
            let stairs = if nodes[a].floor == nodes[b].floor { 0.0 } else { 8.0 };
            let length =
                best[at].0 + stairs + (nodes[a].at_m[0] - nodes[b].at_m[0]).hypot(nodes[a].at_m[1] - nodes[b].at_m[1]);
            if length < best[to].0 {
                best[to] = (length, at);
                open.push(to);
            }
        }
    }
    best
}

/// A way of at least 200 m with one change of floors in its middle.
fn way(venue: &Venue) -> Vec<([f64; 2], i16)> {
    let nodes = &venue.route_nodes;
    for from in (0..nodes.len()).filter(|n| nodes[*n].floor == 0).step_by(7) {
        let best = ways(venue, from);
        for to in (0..nodes.len()).filter(|n| nodes[*n].floor == -1 && (200.0..300.0).contains(&best[*n].0)) {
            let mut way = vec![to];
            while way[way.len() - 1] != from {
                way.push(best[way[way.len() - 1]].1);
            }
            way.reverse();
            let spots: Vec<Spot> = way.iter().map(|n| nodes[*n]).collect();
            let upstairs = spots.iter().take_while(|s| s.floor == 0).count();
            let middle = best[way[upstairs.min(way.len() - 1)]].0 / best[to].0;
            if spots[upstairs..].iter().all(|s| s.floor == -1) && (0.3..0.7).contains(&middle) {
                return spots.iter().map(|s| (s.at_m, s.floor)).collect();
            }
        }
    }
    panic!("there is no such way");
}

#[test]
fn a_walk_through_shinjuku_terminal_is_followed_from_files_to_degrees() {
    let Some(venue) = shinjuku() else { return };
    let venue = Arc::new(venue);
    let world = World::in_venue(venue.clone(), &way(&venue));
    let bytes = world.radio_map().to_bytes();
    assert!(bytes.len() < 300_000, "{}", bytes.len());
    let map = RadioMap::from_bytes(&bytes).expect("our own map");
    let (mut errors, mut floors, mut within, mut first_secs) = (Vec::new(), 0, 0, Vec::new());
    for seed in 0..3 {
        let walk = world.walk(seed, Devices::PHONE);
        let observations = wire::decode(&wire::encode(&walk.observations).0).expect("our own bytes");
        let options =
            PositionerOptions { map: Some(map.clone()), venue: Some(venue.clone()), ..PositionerOptions::default() };
        let mut positioner = Positioner::new(options);
        let mut rest = observations.as_slice();
        let mut first = None;
        for (time_ms, at, height) in walk.truth.iter().filter(|t| t.0 % 1e3 < 1.0) {
            let (batch, after) = rest.split_at(rest.partition_point(|o| o.time_ms <= *time_ms));
            rest = after;
            positioner.feed(batch);
            let Some((answer, coords)) = positioner.answer().and_then(|a| Some((a.clone(), a.coords?))) else {
                continue;
            };
            first.get_or_insert(*time_ms);
            let floor =
                if (height - venue.elevation_m(0)).abs() < (height - venue.elevation_m(-1)).abs() { 0 } else { -1 };
            let plane = venue.plane(floor).expect("the terminal lies on the earth");
            let found = plane.from_lonlat(coords.longitude, coords.latitude);
            let error = (found[0] - at[0]).hypot(found[1] - at[1]);
            floors += usize::from(answer.floor == Some(floor));
            within += usize::from(error <= coords.accuracy);
            errors.push(error);
        }
        first_secs.push(first.expect("it is found") / 1e3);
        assert!(positioner.trail().count() > 100);
    }
    let n = errors.len() as f64;
    let mean = errors.iter().sum::<f64>() / n;
    let (floors, within) = (floors as f64 / n, within as f64 / n);
    #[allow(clippy::print_stdout)]
    {
        println!("first answer after {first_secs:?} s; mean {mean:.1} m, floor {floors:.3}, within 95 %: {within:.3}");
    }
    assert!(
        first_secs.iter().all(|s| *s < 5.0) && mean < 5.0 && floors > 0.9 && within > 0.85,
        "{mean} {floors} {within}"
    );
}
