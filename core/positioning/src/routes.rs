//! Where people walk: a graph learnt from surveys.

use crate::order::sort_by;
use crate::radio::{Place, distance};
use std::collections::{BTreeMap, BTreeSet};

/// Way-points closer than this are one node, metres.
const SAME_NODE_M: f64 = 0.1;
/// At most so many points stand for the routes of a floor.
const MOST_POINTS: usize = 20_000;

/// Nodes and straight edges between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteGraph {
    pub(crate) nodes: Vec<Place>,
    /// Pairs of nodes, the smaller number first; ascending.
    pub(crate) edges: Vec<(u32, u32)>,
}

/// A place where someone may walk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RoutePoint {
    pub(crate) at_m: [f64; 2],
    /// Metres of route that it stands for.
    pub(crate) length_m: f64,
}

impl RouteGraph {
    /// Learns from the ways that surveyors took: places in the order in which they were reached. Steps from floor to
    /// floor and from building to building make no edge. The order of the ways does not matter.
    pub fn learn<'a>(ways: impl Iterator<Item = &'a [Place]>) -> Self {
        let key = |p: &Place| (p.building, p.floor, p.at_m.map(|x| (x / SAME_NODE_M).round() as i64));
        let mut nodes = BTreeMap::new();
        let mut edges = BTreeSet::new();
        for way in ways {
            let way: Vec<&Place> = way.iter().filter(|p| p.at_m.iter().all(|x| x.abs() < 1e6)).collect();
            for place in &way {
                let at_m = key(place).2.map(|i| i as f64 * SAME_NODE_M);
                nodes.insert(key(place), Place { at_m, ..**place });
            }
            for step in way.windows(2) {
                let (a, b) = (key(step[0]), key(step[1]));
                if a != b && (a.0, a.1) == (b.0, b.1) {
                    edges.insert((a.min(b), a.max(b)));
                }
            }
        }
        let numbers: BTreeMap<_, u32> = nodes.keys().zip(0..).map(|(key, n)| (*key, n)).collect();
        let edges = edges.into_iter().map(|(a, b)| (numbers[&a], numbers[&b])).collect();
        Self { nodes: nodes.into_values().collect(), edges }
    }

    /// Whether nothing was learnt.
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Places along the routes of a floor, `spacing_m` apart on each edge; those of different edges that fall into one
    /// square of half that size become one, and where several edges run side by side each stands for less.
    pub(crate) fn points(&self, building: u16, floor: i16, spacing_m: f64) -> Vec<RoutePoint> {
        let mut squares: Vec<([i64; 2], [f64; 2])> = Vec::new();
        let square = |at_m: [f64; 2], side: f64| at_m.map(|x| (x / side).floor() as i64);
        for (a, b) in &self.edges {
            let (a, b) = (self.nodes[*a as usize], self.nodes[*b as usize]);
            if (a.building, a.floor) != (building, floor) || (b.building, b.floor) != (building, floor) {
                continue;
            }
            let pieces = (distance(a.at_m, b.at_m) / spacing_m).ceil().clamp(1.0, 1e3) as u32;
            for i in 0..=pieces {
                let s = f64::from(i) / f64::from(pieces);
                let at_m = [0, 1].map(|k| a.at_m[k] + s * (b.at_m[k] - a.at_m[k]));
                squares.push((square(at_m, spacing_m / 2.0), at_m));
            }
            if squares.len() > 4 * MOST_POINTS {
                first_of_each(&mut squares);
                if squares.len() > MOST_POINTS {
                    break;
                }
            }
        }
        first_of_each(&mut squares);
        squares.truncate(MOST_POINTS);
        let crowd = |at_m: &[f64; 2]| {
            let [x, y] = square(*at_m, spacing_m / 2.0);
            let from = |at: [i64; 2]| squares.partition_point(|s| s.0 < at);
            let rows = (x - 4..=x + 4).flat_map(|x| &squares[from([x, y - 4])..from([x, y + 5])]);
            rows.map(|(_, q)| (-(distance(*at_m, *q) / spacing_m).powi(2)).exp()).sum::<f64>()
        };
        squares.iter().map(|(_, at_m)| RoutePoint { at_m: *at_m, length_m: spacing_m / crowd(at_m) }).collect()
    }
}

/// Sorts by square and keeps the first point of each.
fn first_of_each(squares: &mut Vec<([i64; 2], [f64; 2])>) {
    sort_by(squares, |a, b| a.0.cmp(&b.0));
    squares.dedup_by_key(|s| s.0);
}

/// Squares of `side_m` within `reach_m` of the points, that no point lies in or beside: the floor off the routes.
pub(crate) fn off_route(points: &[RoutePoint], side_m: f64, reach_m: f64) -> Vec<[f64; 2]> {
    let reach = (reach_m / side_m).ceil().clamp(1.0, 10.0) as i64;
    let mut squares: BTreeMap<[i64; 2], bool> = BTreeMap::new();
    for point in points {
        let [x, y] = point.at_m.map(|x| (x / side_m).round() as i64);
        for (i, j) in (-reach..=reach).flat_map(|i| (-reach..=reach).map(move |j| (i, j))) {
            let at_m = [x + i, y + j].map(|k| k as f64 * side_m);
            let taken = distance(at_m, point.at_m) < 0.6 * side_m;
            *squares.entry([x + i, y + j]).or_default() |= taken;
        }
    }
    let free = squares.into_iter().filter(|s| !s.1).map(|s| s.0.map(|k| k as f64 * side_m));
    free.take(MOST_POINTS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64, floor: i16) -> Place {
        Place { at_m: [x, y], floor, building: 0 }
    }

    #[test]
    fn ways_that_share_points_become_one_graph_whatever_their_order() {
        let ways = [
            vec![at(0.0, 0.0, 0), at(10.0, 0.0, 0), at(10.0, 8.0, 0)],
            vec![at(10.0, 8.01, 0), at(10.0, 0.0, 0)],
            vec![at(0.0, 0.0, 1), at(5.0, 0.0, 1), at(5.0, 0.0, 2)],
        ];
        let graph = RouteGraph::learn(ways.iter().map(Vec::as_slice));
        assert_eq!((graph.nodes.len(), graph.edges.len()), (6, 3), "{graph:?}");
        assert_eq!(graph, RouteGraph::learn(ways.iter().rev().map(Vec::as_slice)));
        let points = graph.points(0, 0, 1.0);
        let length: f64 = points.iter().map(|p| p.length_m).sum();
        assert!(points.len() == 19 && (5.0..25.0).contains(&length), "{} {length}", points.len());
        assert!(off_route(&points, 3.0, 9.0).iter().all(|at| points.iter().all(|p| distance(p.at_m, *at) >= 1.8)));
    }
}
