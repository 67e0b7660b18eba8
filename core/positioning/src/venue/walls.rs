//! Where walls are, and whether a way crosses one.

use super::{Area, Ring, distance, inside, sides, to_segment};
use crate::order::{sort_by, sort_numbers};

/// Borders are looked at in pieces of this length, metres.
const PIECE_M: f64 = 0.5;
/// What lies so far beside a border decides whether it is a wall, metres.
const BESIDE_M: f64 = 0.2;
/// An opening is where an opening's line lies within this of the border, metres.
const OPENING_M: f64 = 0.35;
/// Half the width of the door that a route needs, metres.
const HALF_DOOR_M: f64 = 0.8;
/// Side of a square of the index, metres; longer in venues that would need too many.
const SQUARE_M: f64 = 4.0;
const MOST_SQUARES: f64 = 250_000.0;
/// Crossings closer than this are one wall with two faces, metres.
const WALL_M: f64 = 0.4;

/// Walls by squares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walls {
    pub(crate) segments: Vec<[[f64; 2]; 2]>,
    low: [f64; 2],
    square: f64,
    columns: usize,
    /// The segments of square i are `items[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Walls {
    pub(crate) fn new(segments: Vec<[[f64; 2]; 2]>) -> Self {
        if segments.is_empty() {
            return Self::default();
        }
        let ends = || segments.iter().flatten();
        let low = [0, 1].map(|k| ends().map(|p| p[k]).fold(f64::INFINITY, f64::min));
        let size = [0, 1].map(|k| ends().map(|p| p[k]).fold(f64::NEG_INFINITY, f64::max) - low[k]);
        let square = SQUARE_M.max((size[0] * size[1] / MOST_SQUARES).sqrt()).max(size[0].max(size[1]) / MOST_SQUARES);
        let [columns, rows] = size.map(|s| (s / square) as usize + 1);
        let mut walls = Self { segments, low, square, columns, starts: Vec::new(), items: Vec::new() };
        // How many walls each square has, where its list ends, and then the lists, filled from their ends.
        let mut starts = vec![0_u32; columns * rows + 1];
        let each = |walls: &Self, with: &mut dyn FnMut(usize, u32)| {
            for (n, [a, b]) in walls.segments.iter().enumerate().rev() {
                walls.squares(*a, *b, |i| with(i, n as u32));
            }
        };
        let squares = columns * rows;
        each(&walls, &mut |i, _| starts[i.min(squares)] += u32::from(i < squares));
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut items = vec![0; end as usize];
        each(&walls, &mut |i, n| {
            if i < squares {
                starts[i] -= 1;
                items[starts[i] as usize] = n;
            }
        });
        (walls.starts, walls.items) = (starts, items);
        walls
    }

    /// Calls for each square that the way from `a` to `b` touches: row by row, those of its part within the row.
    fn squares(&self, a: [f64; 2], b: [f64; 2], mut with: impl FnMut(usize)) {
        let [a, b] = [a, b].map(|p| [0, 1].map(|k| (p[k] - self.low[k]) / self.square));
        let (a, b) = if a[1] <= b[1] { (a, b) } else { (b, a) };
        let rows = if self.starts.is_empty() { usize::MAX } else { (self.starts.len() - 1) / self.columns };
        let last_row = rows.saturating_sub(1) as f64;
        if !(a[1].is_finite() && b[1].is_finite() && a[0].is_finite() && b[0].is_finite()) || b[1] < 0.0 {
            return;
        }
        let (first, last) = (a[1].floor().clamp(0.0, last_row.max(0.0)), b[1].floor().min(last_row));
        let slope = if b[1] > a[1] { (b[0] - a[0]) / (b[1] - a[1]) } else { 0.0 };
        let mut row = first;
        while row <= last {
            let (low, high) = (a[1].max(row), b[1].min(row + 1.0));
            let (x0, x1) =
                if b[1] > a[1] { (a[0] + slope * (low - a[1]), a[0] + slope * (high - a[1])) } else { (a[0], b[0]) };
            let (left, right) = (x0.min(x1).floor(), x0.max(x1).floor().min(self.columns as f64 - 1.0));
            let mut column = left.max(0.0);
            while column <= right {
                with(row as usize * self.columns + column as usize);
                column += 1.0;
            }
            row += 1.0;
        }
    }

    /// How many walls the straight way crosses.
    pub(crate) fn crossings(&self, from: [f64; 2], to: [f64; 2]) -> usize {
        if self.segments.is_empty() {
            return 0;
        }
        let mut at: Vec<f64> = Vec::new();
        self.squares(from, to, |square| {
            let (Some(start), Some(end)) = (self.starts.get(square), self.starts.get(square + 1)) else { return };
            for n in &self.items[*start as usize..*end as usize] {
                at.extend(crossing([from, to], self.segments[*n as usize]));
            }
        });
        if at.len() > 1 {
            sort_numbers(&mut at);
            let apart = WALL_M / distance(from, to).max(1e-9);
            at.dedup_by(|b, a| *b - *a < apart);
        }
        at.len()
    }
}

/// Where along the first segment, 0 to 1, the second crosses it.
fn crossing([a, b]: [[f64; 2]; 2], [c, d]: [[f64; 2]; 2]) -> Option<f64> {
    let (r, s) = ([b[0] - a[0], b[1] - a[1]], [d[0] - c[0], d[1] - c[1]]);
    let cross = r[0] * s[1] - r[1] * s[0];
    if cross == 0.0 {
        return None;
    }
    let q = [c[0] - a[0], c[1] - a[1]];
    let (t, u) = ((q[0] * s[1] - q[1] * s[0]) / cross, (q[0] * r[1] - q[1] * r[0]) / cross);
    ((0.0..=1.0).contains(&t) && (0.0..=1.0).contains(&u)).then_some(t)
}

/// The walls of a level: its own, and the borders of areas and outline that part what is open from what is not, but
/// for openings and for where routes lead through.
pub(crate) fn find(
    areas: &[Area],
    outline: &[Vec<Ring>],
    openings: &[[[f64; 2]; 2]],
    routes: &[[[f64; 2]; 2]],
    mut walls: Vec<[[f64; 2]; 2]>,
) -> Vec<[[f64; 2]; 2]> {
    let boxes: Vec<([f64; 2], [f64; 2])> = areas.iter().map(|a| bounds(&a.rings)).collect();
    let open_at = |p: [f64; 2]| {
        let here = |b: &([f64; 2], [f64; 2])| (0..2).all(|k| b.0[k] <= p[k] && p[k] <= b.1[k]);
        let mut holding =
            areas.iter().zip(&boxes).filter(|(a, b)| here(b) && inside(&a.rings, p)).map(|(a, _)| a.open).peekable();
        if holding.peek().is_some() { holding.all(|open| open) } else { outline.iter().any(|rings| inside(rings, p)) }
    };
    let rings = areas.iter().flat_map(|a| &a.rings).chain(outline.iter().flatten());
    // Rooms share sides: the first counts.
    let key = |p: [f64; 2]| p.map(|x| (x * 20.0).round() as i64);
    let keyed = |(n, [a, b]): (usize, [[f64; 2]; 2])| ((key(a).min(key(b)), key(a).max(key(b))), n, [a, b]);
    let has_length = |side: &[[f64; 2]; 2]| (0.01..1e5).contains(&distance(side[0], side[1]));
    let mut all: Vec<_> = rings.flat_map(sides).filter(has_length).enumerate().map(keyed).collect();
    sort_by(&mut all, |a, b| a.0.cmp(&b.0));
    all.dedup_by_key(|side| side.0);
    sort_by(&mut all, |a, b| a.1.cmp(&b.1));
    for (_, _, [a, b]) in all {
        let length = distance(a, b);
        let doors: Vec<f64> = routes.iter().filter_map(|route| crossing([a, b], *route)).map(|t| t * length).collect();
        let beside: Vec<&[[f64; 2]; 2]> = openings.iter().filter(|o| close([a, b], **o)).collect();
        let normal = [-(b[1] - a[1]) / length * BESIDE_M, (b[0] - a[0]) / length * BESIDE_M];
        let pieces = (length / PIECE_M).ceil() as usize;
        let at = |i: usize| {
            let s = i as f64 / pieces as f64;
            [a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1])]
        };
        let is_wall = |i: usize| {
            let m = super::mid(at(i), at(i + 1));
            let along = distance(a, m);
            let door = doors.iter().any(|d| (d - along).abs() < HALF_DOOR_M);
            let opening = beside.iter().any(|o| to_segment(**o, m) < OPENING_M);
            let through = [1.0, -1.0].iter().all(|side| open_at([m[0] + side * normal[0], m[1] + side * normal[1]]));
            !(door || opening || through)
        };
        let mut start = None;
        for i in 0..=pieces {
            let wall = i < pieces && is_wall(i);
            match (start, wall) {
                (None, true) => start = Some(i),
                (Some(from), false) => {
                    walls.push([at(from), at(i)]);
                    start = None;
                }
                _ => {}
            }
        }
    }
    walls
}

/// Whether an opening may lie on a side at all.
fn close([a, b]: [[f64; 2]; 2], [c, d]: [[f64; 2]; 2]) -> bool {
    (0..2).all(|k| c[k].min(d[k]) <= a[k].max(b[k]) + OPENING_M && a[k].min(b[k]) <= c[k].max(d[k]) + OPENING_M)
}

fn bounds(rings: &[Ring]) -> ([f64; 2], [f64; 2]) {
    let corners = || rings.iter().flatten();
    let low = [0, 1].map(|k| corners().map(|p| p[k]).fold(f64::INFINITY, f64::min));
    (low, [0, 1].map(|k| corners().map(|p| p[k]).fold(f64::NEG_INFINITY, f64::max)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn room(x: f64, y: f64, open: bool) -> Area {
        let ring = vec![[x, y], [x + 10.0, y], [x + 10.0, y + 10.0], [x, y + 10.0]];
        Area { name: String::new(), open, rings: vec![ring] }
    }

    #[test]
    fn walls_part_rooms_from_corridors_but_for_doors() {
        // A corridor of two pieces, a room with an opening above the first, one with a route into it above the second.
        let areas = [room(0.0, 0.0, true), room(10.0, 0.0, true), room(0.0, 10.0, false), room(10.0, 10.0, false)];
        let opening = [[4.0, 10.0], [6.0, 10.1]];
        let route = [[15.0, 5.0], [15.0, 15.0]];
        let walls = Walls::new(find(&areas, &[], &[opening], &[route], Vec::new()));
        for (from, to, expected) in [
            ([5.0, 5.0], [15.0, 5.0], 0),
            ([5.0, 5.0], [5.0, 15.0], 0),
            ([15.0, 5.0], [15.2, 15.0], 0),
            ([2.0, 5.0], [2.0, 15.0], 1),
            ([5.0, 15.0], [15.0, 15.0], 1),
            ([5.0, 5.0], [5.0, -5.0], 1),
            ([-5.0, 15.0], [25.0, 15.0], 3),
        ] {
            assert_eq!(walls.crossings(from, to), expected, "{from:?} {to:?}");
            assert_eq!(walls.crossings(to, from), expected, "{to:?} {from:?}");
        }
        assert_eq!(walls.crossings([f64::NAN, 0.0], [1.0, 1.0]), 0);
        assert_eq!(walls.crossings([-1e12, 5.0], [1e12, 5.0]), 2);
    }

    #[test]
    fn the_index_finds_what_a_look_at_every_wall_finds() {
        let mut random = Random::new(5);
        let mut point = |side: f64| [side * random.uniform(), side * random.uniform()];
        let segments: Vec<_> = (0..300)
            .map(|_| {
                let (a, d) = (point(80.0), point(9.0));
                [a, [a[0] + d[0] - 4.5, a[1] + d[1] - 4.5]]
            })
            .collect();
        let walls = Walls::new(segments.clone());
        for _ in 0..500 {
            let way = [point(100.0), point(100.0)];
            let slow = segments.iter().any(|s| crossing(way, *s).is_some());
            assert_eq!(walls.crossings(way[0], way[1]) > 0, slow, "{way:?}");
        }
    }
}
