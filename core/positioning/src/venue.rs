//! Venues: levels, walls, openings, stairs and lifts, entrances, beacons and routes, from IMDF, IndoorGML or GeoJSON.
//!
//! Everything is in metres of the venue's plane, the same as the radio map's; [`Plane`] says how that lies on the
//! earth. A border of an area is a wall where it parts what people walk on from what they do not, unless an opening or
//! a route leads through; so a venue without openings has doors wherever its routes say.

mod geojson;
mod indoorgml;
mod names;
mod number;
mod plane;
mod walls;

pub use plane::Plane;

use crate::order::{sort_and_dedup, sort_by};
use litemap::LiteMap;
use walls::Walls;

/// Height of a floor where the venue tells none, metres.
pub const STOREY_M: f64 = 4.0;
/// At most so many corners in a venue; what comes after is left out and said so.
const MOST_CORNERS: usize = 1_000_000;
/// Nodes of routes closer than this are one, metres.
const SAME_NODE_M: f64 = 0.05;
/// Stairs of neighbouring levels within this are one flight, metres.
const SAME_FLIGHT_M: f64 = 8.0;

/// Weight of someone who went through a wall, where doors are known and where they are not.
const THROUGH_WALL: [f64; 2] = [0.02, 0.5];

/// A closed ring of corners, metres; the first is not repeated at the end.
pub(crate) type Ring = Vec<[f64; 2]>;

/// A building's inside.
#[derive(Clone, Debug, Default)]
pub struct Venue {
    /// Its name; empty when it has none.
    pub name: String,
    /// Its levels, lowest first.
    pub levels: Vec<Level>,
    /// Ways from level to level.
    pub connectors: Vec<Connector>,
    /// Ways from outdoors to inside.
    pub entrances: Vec<Spot>,
    /// What can be heard or seen at a known place.
    pub beacons: Vec<Beacon>,
    /// Where people walk: nodes, and pairs of their numbers.
    pub route_nodes: Vec<Spot>,
    /// See `route_nodes`.
    pub route_edges: Vec<(u32, u32)>,
    /// What of the files could not be read, in words.
    pub problems: Vec<String>,
    plane: Option<Plane>,
    planes: LiteMap<i16, Plane>,
    bounds_m: [[f64; 2]; 2],
}

/// A place on a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Metres in the venue's plane.
    pub at_m: [f64; 2],
    /// The floor's number, ground floor 0.
    pub floor: i16,
}

/// One level.
#[derive(Clone, Debug)]
pub struct Level {
    /// Its number, ground floor 0.
    pub floor: i16,
    /// Its name; empty when it has none.
    pub name: String,
    /// Metres above the ground floor.
    pub elevation_m: f64,
    /// Rooms, corridors, shops.
    pub areas: Vec<Area>,
    /// Whether openings or routes tell where one gets through the walls; if not, every shop seems closed.
    pub doors_known: bool,
    outline: Vec<Vec<Ring>>,
    walls: Walls,
}

/// A part of a level.
#[derive(Clone, Debug)]
pub struct Area {
    /// Its name; empty when it has none.
    pub name: String,
    /// Whether people walk from it to its neighbours without a door.
    pub open: bool,
    /// Rings, metres: the outer one, then holes.
    pub rings: Vec<Ring>,
}

/// A way from level to level.
#[derive(Clone, Debug, PartialEq)]
pub struct Connector {
    /// What it is.
    pub kind: ConnectorKind,
    /// Where it can be entered, lowest first.
    pub stops: Vec<Spot>,
}

/// What leads from level to level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ConnectorKind {
    Stairs,
    Lift,
    Escalator,
    Ramp,
}

/// What a beacon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeaconKind {
    /// Bluetooth; its id is its address, or its UUID, major and minor with slashes between.
    Bluetooth,
    /// Ultra-wide band; its id is the anchor of the observations.
    Uwb,
    /// A WiFi access point that answers round-trip-time requests; its id is its address.
    WifiRtt,
    /// A marker to be seen; its id is that of the observations.
    Marker,
}

/// What can be heard or seen at a known place.
#[derive(Clone, Debug, PartialEq)]
pub struct Beacon {
    /// What it is.
    pub kind: BeaconKind,
    /// Its name as observations have it, in lower case.
    pub id: String,
    /// Where it is.
    pub spot: Spot,
    /// Metres above its floor.
    pub height_m: f64,
    /// Power at 1 m, dBm.
    pub tx_power_dbm: f64,
}

impl Venue {
    /// Reads a venue: each file's name (with its folders) and text. GeoJSON by IMDF's `feature_type`, by OpenStreetMap's
    /// indoor keys, or by the file's name; IndoorGML by its first element; other files are left alone. Coordinates in
    /// degrees become metres east and north of the middle of all, or of `plane`, which then is that of the radio map.
    ///
    /// # Errors
    /// When no file holds a level, in words. What cannot be read besides is among `problems`.
    pub fn read(files: &[(&str, &str)], plane: Option<&Plane>) -> Result<Self, String> {
        let mut parts = Parts::default();
        let (gml, json): (Vec<_>, Vec<_>) = files.iter().partition(|f| f.1.trim_start().starts_with('<'));
        geojson::read(&json, plane, &mut parts);
        for (name, text) in gml {
            if let Err(problem) = indoorgml::read(text, &mut parts) {
                parts.problems.push(format!("{name}: {problem}"));
            }
        }
        if parts.levels.is_empty() {
            let why = parts.problems.first().map_or_else(|| "no levels".to_owned(), Clone::clone);
            return Err(format!("no venue (IMDF, IndoorGML or GeoJSON) in {} files: {why}", files.len()));
        }
        Ok(parts.build())
    }

    /// How the plane of a floor lies on the earth; `None` when the files do not tell.
    pub fn plane(&self, floor: i16) -> Option<&Plane> {
        self.planes.get(&floor).or(self.plane.as_ref())
    }

    /// A level by its number.
    pub fn level(&self, floor: i16) -> Option<&Level> {
        self.levels.iter().find(|level| level.floor == floor)
    }

    /// Metres of a floor above the ground floor; guessed for floors that the venue does not have.
    pub fn elevation_m(&self, floor: i16) -> f64 {
        self.level(floor).map_or(STOREY_M * f64::from(floor), |level| level.elevation_m)
    }

    /// How many walls of a floor the straight way crosses; 0 on floors that the venue does not have.
    pub fn walls_between(&self, floor: i16, from_m: [f64; 2], to_m: [f64; 2]) -> usize {
        self.level(floor).map_or(0, |level| level.walls.crossings(from_m, to_m))
    }

    /// What is left of the weight of someone who went through a wall of a floor.
    pub(crate) fn through_wall(&self, floor: i16) -> f64 {
        self.level(floor).map_or(1.0, |level| THROUGH_WALL[usize::from(!level.doors_known)])
    }

    /// The walls of a floor, as pairs of ends.
    pub fn walls(&self, floor: i16) -> &[[[f64; 2]; 2]] {
        self.level(floor).map_or(&[], |level| &level.walls.segments)
    }

    /// Whether a place lies within a floor's outline; within one of its areas, where it has none.
    pub fn contains(&self, floor: i16, at_m: [f64; 2]) -> bool {
        self.level(floor).is_some_and(|level| {
            let among_areas = || level.areas.iter().any(|a| inside(&a.rings, at_m));
            if level.outline.is_empty() { among_areas() } else { level.outline.iter().any(|rings| inside(rings, at_m)) }
        })
    }

    /// Metres to the next stairs, lift, escalator or ramp on a floor; infinite without any.
    pub fn to_connector_m(&self, floor: i16, at_m: [f64; 2]) -> f64 {
        let stops = self.connectors.iter().flat_map(|c| &c.stops).filter(|s| s.floor == floor);
        stops.map(|s| distance(s.at_m, at_m)).fold(f64::INFINITY, f64::min)
    }

    /// Metres to the next entrance, on whatever floor; infinite without any.
    pub fn to_entrance_m(&self, at_m: [f64; 2]) -> f64 {
        self.entrances.iter().map(|s| distance(s.at_m, at_m)).fold(f64::INFINITY, f64::min)
    }

    /// A beacon by what it is and its name.
    pub fn beacon(&self, kind: BeaconKind, id: &str) -> Option<&Beacon> {
        self.beacons.iter().find(|b| b.kind == kind && b.id.eq_ignore_ascii_case(id))
    }

    /// Lowest and highest corner of all levels, metres.
    pub fn bounds_m(&self) -> [[f64; 2]; 2] {
        self.bounds_m
    }

    fn find_bounds(&self) -> [[f64; 2]; 2] {
        let corners = self.levels.iter().flat_map(|level| {
            level.outline.iter().flatten().flatten().chain(level.areas.iter().flat_map(|a| a.rings.iter().flatten()))
        });
        corners.fold([[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]], |[low, high], p| {
            [[low[0].min(p[0]), low[1].min(p[1])], [high[0].max(p[0]), high[1].max(p[1])]]
        })
    }

    /// The rings of a floor's outline.
    pub fn outline(&self, floor: i16) -> &[Vec<Ring>] {
        self.level(floor).map_or(&[], |level| &level.outline)
    }
}

/// What the readers find.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) levels: LiteMap<i16, LevelParts>,
    pub(crate) links: Vec<Link>,
    pub(crate) connectors: Vec<Connector>,
    /// A piece of stairs or a lift on one level, to be joined with those above and below.
    pub(crate) flights: Vec<(ConnectorKind, Spot)>,
    pub(crate) entrances: Vec<Spot>,
    pub(crate) beacons: Vec<Beacon>,
    pub(crate) plane: Option<Plane>,
    pub(crate) planes: LiteMap<i16, Plane>,
    pub(crate) problems: Vec<String>,
    pub(crate) corners: usize,
}

/// What the readers find of a level.
#[derive(Default)]
pub(crate) struct LevelParts {
    pub(crate) name: String,
    pub(crate) elevation_m: Option<f64>,
    pub(crate) outline: Vec<Vec<Ring>>,
    pub(crate) areas: Vec<AreaParts>,
    pub(crate) openings: Vec<[[f64; 2]; 2]>,
    pub(crate) walls: Vec<[[f64; 2]; 2]>,
}

pub(crate) struct AreaParts {
    pub(crate) name: String,
    /// `None` when only the routes can tell.
    pub(crate) open: Option<bool>,
    pub(crate) rings: Vec<Ring>,
}

/// A straight piece of a route.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub(crate) from: Spot,
    pub(crate) to: Spot,
    /// What it climbs by, where it leads to another floor.
    pub(crate) by: Option<ConnectorKind>,
}

impl Parts {
    pub(crate) fn level(&mut self, floor: i16) -> &mut LevelParts {
        self.levels.entry(floor).or_default()
    }

    /// Counts corners; `false` when there are too many.
    pub(crate) fn admit(&mut self, corners: usize) -> bool {
        let before = self.corners;
        self.corners = before.saturating_add(corners);
        if before <= MOST_CORNERS && self.corners > MOST_CORNERS {
            self.problems.push(format!("more than {MOST_CORNERS} corners: the rest is left out"));
        }
        self.corners <= MOST_CORNERS
    }

    fn build(mut self) -> Venue {
        self.link_openings();
        self.join_flights();
        for link in &self.links {
            if link.from.floor != link.to.floor {
                let mut stops = vec![link.from, link.to];
                sort_by(&mut stops, |a, b| a.floor.cmp(&b.floor));
                let connector = Connector { kind: link.by.unwrap_or(ConnectorKind::Stairs), stops };
                // A way up and the same way down are one.
                if !self.connectors.contains(&connector) {
                    self.connectors.push(connector);
                }
            }
        }
        let links = &self.links;
        let levels = self.levels.into_iter().map(|(floor, parts)| parts.build(floor, links)).collect();
        let (route_nodes, route_edges) = graph(links);
        let mut venue = Venue {
            name: self.name,
            levels,
            connectors: self.connectors,
            entrances: self.entrances,
            beacons: self.beacons,
            route_nodes,
            route_edges,
            problems: self.problems,
            plane: self.plane,
            planes: self.planes,
            bounds_m: [[0.0; 2]; 2],
        };
        venue.bounds_m = venue.find_bounds();
        venue
    }

    /// Without routes, openings and the areas that they belong to make some: from the middle of each opening to the
    /// middle of each area beside it (the dual graph of IndoorGML 1.1, section 7).
    fn link_openings(&mut self) {
        if !self.links.is_empty() {
            return;
        }
        for (floor, level) in self.levels.iter() {
            let spot = |at_m| Spot { at_m, floor: *floor };
            for opening in &level.openings {
                let middle = mid(opening[0], opening[1]);
                for area in level.areas.iter().filter(|a| near(&a.rings, middle, 0.6)) {
                    let to = spot(middle_of(&area.rings));
                    self.links.push(Link { from: spot(middle), to, by: None });
                }
            }
        }
    }

    /// Pieces of stairs that lie above each other become one connector.
    fn join_flights(&mut self) {
        sort_by(&mut self.flights, |a, b| a.1.floor.cmp(&b.1.floor).then(a.0.cmp(&b.0)));
        let mut joined: Vec<Connector> = Vec::new();
        for (kind, spot) in self.flights.drain(..) {
            let below = joined.iter_mut().find(|c| {
                let last = c.stops[c.stops.len() - 1];
                c.kind == kind && last.floor < spot.floor && distance(last.at_m, spot.at_m) < SAME_FLIGHT_M
            });
            match below {
                Some(connector) => connector.stops.push(spot),
                None => joined.push(Connector { kind, stops: vec![spot] }),
            }
        }
        self.connectors.extend(joined.into_iter().filter(|c| c.stops.len() > 1));
    }
}

impl LevelParts {
    fn build(self, floor: i16, links: &[Link]) -> Level {
        let here: Vec<[[f64; 2]; 2]> = links
            .iter()
            .filter(|l| l.from.floor == floor && l.to.floor == floor)
            .map(|l| [l.from.at_m, l.to.at_m])
            .collect();
        let areas: Vec<Area> = self
            .areas
            .into_iter()
            .map(|a| {
                let walked = || here.iter().any(|l| inside(&a.rings, mid(l[0], l[1])));
                Area { open: a.open.unwrap_or_else(walked), name: a.name, rings: a.rings }
            })
            .collect();
        let doors_known = !self.openings.is_empty() || !here.is_empty();
        let segments = walls::find(&areas, &self.outline, &self.openings, &here, self.walls);
        Level {
            floor,
            name: self.name,
            elevation_m: self.elevation_m.unwrap_or(STOREY_M * f64::from(floor)),
            areas,
            doors_known,
            outline: self.outline,
            walls: Walls::new(segments),
        }
    }
}

fn graph(links: &[Link]) -> (Vec<Spot>, Vec<(u32, u32)>) {
    let key = |s: &Spot| (s.floor, s.at_m.map(|x| (x / SAME_NODE_M).round() as i64));
    // Of ends at one node the last counts.
    let mut nodes: Vec<_> = links.iter().flat_map(|l| [l.from, l.to]).map(|s| (key(&s), s)).rev().collect();
    sort_by(&mut nodes, |a, b| a.0.cmp(&b.0));
    nodes.dedup_by_key(|n| n.0);
    let number = |s: &Spot| nodes.partition_point(|n| n.0 < key(s)) as u32;
    let ends = links.iter().map(|l| (number(&l.from), number(&l.to)));
    let mut edges: Vec<(u32, u32)> = ends.filter(|(a, b)| a != b).map(|(a, b)| (a.min(b), a.max(b))).collect();
    sort_and_dedup(&mut edges);
    (nodes.into_iter().map(|n| n.1).collect(), edges)
}

pub(crate) fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

pub(crate) fn mid(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0]
}

/// The mean of the corners of the outer ring: inside of most rooms.
pub(crate) fn middle_of(rings: &[Ring]) -> [f64; 2] {
    let Some(ring) = rings.first().filter(|r| !r.is_empty()) else { return [0.0; 2] };
    let n = ring.len() as f64;
    [0, 1].map(|k| ring.iter().map(|p| p[k]).sum::<f64>() / n)
}

/// Sides of a ring.
pub(crate) fn sides(ring: &Ring) -> impl Iterator<Item = [[f64; 2]; 2]> + '_ {
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| [*a, *b])
}

/// Even-odd rule over all rings.
pub(crate) fn inside(rings: &[Ring], p: [f64; 2]) -> bool {
    let crosses = |[a, b]: &[[f64; 2]; 2]| {
        (a[1] > p[1]) != (b[1] > p[1]) && p[0] < (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) + a[0]
    };
    rings.iter().flat_map(sides).filter(crosses).count() % 2 == 1
}

/// Whether a place lies inside or within `metres` of the border.
fn near(rings: &[Ring], p: [f64; 2], metres: f64) -> bool {
    inside(rings, p) || rings.iter().flat_map(sides).any(|side| to_segment(side, p) < metres)
}

/// Metres from a place to a segment.
pub(crate) fn to_segment([a, b]: [[f64; 2]; 2], p: [f64; 2]) -> f64 {
    let d = [b[0] - a[0], b[1] - a[1]];
    let square = d[0] * d[0] + d[1] * d[1];
    let s = if square > 0.0 { ((p[0] - a[0]) * d[0] + (p[1] - a[1]) * d[1]) / square } else { 0.0 };
    let s = s.clamp(0.0, 1.0);
    distance(p, [a[0] + s * d[0], a[1] + s * d[1]])
}
