//! Made-up walks with realistic noise: there are no public logs of a walk from outdoors through a building to another
//! floor with barometer and ranges. **Nothing here was measured**; what it shows is that the pieces fit together, not
//! how well they do in a real mall.
//!
//! A visitor walks 80 m along a street, through the entrance of a made-up mall, along a corridor, into a shop, stands
//! there, goes on to the stairs, climbs to the upper floor and walks into a shop there. [`World::in_venue`] has somebody
//! walk along the routes of a real building, by a made-up survey.

use crate::observation::{BleReading, Mac, Measurement, Observation, WifiReading};
use crate::radio::{Fingerprint, Place, QueryOptions, RadioMap, SurveyOptions};
use crate::random::Random;
use crate::venue::{Plane, Venue};
use crate::{Positioner, PositionerOptions};
use std::fmt::Write;
use std::sync::Arc;

/// Where the made-up mall stands: a place in Helsinki, degrees.
const ORIGIN: [f64; 2] = [24.9384, 60.1699];
/// Metres from floor to floor.
const STOREY_M: f64 = 5.0;
/// Walking speed, m/s, and steps a second.
const WALK_MPS: f64 = 1.3;
const STEPS_PER_SEC: f64 = 1.9;
/// Inertial samples, milliseconds apart.
const SAMPLE_MS: f64 = 20.0;

/// What the visitor's device has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Devices {
    /// WiFi scans each 3 s (and a radio map).
    pub wifi: bool,
    /// Bluetooth beacons each second.
    pub ble: bool,
    /// Ultra-wide-band ranges each half second.
    pub uwb: bool,
    /// Air pressure each half second.
    pub barometer: bool,
}

impl Devices {
    /// Everything.
    pub const ALL: Self = Self { wifi: true, ble: true, uwb: true, barometer: true };
    /// What a phone has in a building without beacons.
    pub const PHONE: Self = Self { wifi: true, ble: false, uwb: false, barometer: true };
}

/// A made-up walk.
#[derive(Clone, Debug)]
pub struct Walk {
    /// What the device measured, in order of time.
    pub observations: Vec<Observation>,
    /// The truth each 100 ms: time in milliseconds, metres in the venue's plane, height in metres.
    pub truth: Vec<(f64, [f64; 2], f64)>,
    /// When the visitor passed the entrance, milliseconds.
    pub entered_ms: f64,
    /// When the visitor was half way up, milliseconds.
    pub climbed_ms: f64,
}

/// What following a walk came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Seconds from the first observation to the first answer.
    pub first_fix_secs: f64,
    /// Seconds from the entrance to the answer that says "indoors" for good; negative before the entrance.
    pub handover_secs: f64,
    /// Seconds from half way up to the answer that says "upper floor" for good.
    pub floor_secs: f64,
    /// Largest change of the answer from one second to the next beyond the visitor's own, metres.
    pub largest_jump_m: f64,
    /// When that was, seconds from the entrance.
    pub jumped_secs: f64,
    /// The same from the entrance on; before it ranges put right what satellites were off.
    pub jump_inside_m: f64,
    /// Mean error outdoors and inside, metres.
    pub outdoor_m: f64,
    /// See `outdoor_m`.
    pub indoor_m: f64,
    /// Mean error of the trail after the walk, inside, metres.
    pub trail_m: f64,
    /// Share of answers whose 95 % radius holds the truth.
    pub coverage95: f64,
    /// Share of answers inside on the right floor.
    pub floor_hit: f64,
}

/// Corners, kind and name of the areas of each floor.
const AREAS: [([f64; 4], &str, &str); 9] = [
    ([0.0, 16.0, 54.0, 24.0], "walkway", ""),
    ([54.0, 16.0, 60.0, 24.0], "stairs", ""),
    ([0.0, 0.0, 15.0, 16.0], "room", "Baker"),
    ([15.0, 0.0, 30.0, 16.0], "room", "Books"),
    ([30.0, 0.0, 45.0, 16.0], "room", "Tea"),
    ([45.0, 0.0, 60.0, 16.0], "room", "Toys"),
    ([0.0, 24.0, 22.0, 40.0], "room", "Shoes"),
    ([22.0, 24.0, 40.0, 40.0], "room", "Garden"),
    ([40.0, 24.0, 60.0, 40.0], "room", "Music"),
];
/// Doors: middle of a piece of 2.4 m along the corridor.
const DOORS: [[f64; 2]; 7] =
    [[8.0, 16.0], [20.0, 16.0], [38.0, 16.0], [52.0, 16.0], [11.0, 24.0], [30.0, 24.0], [47.0, 24.0]];
/// Access points: place and floor.
const ACCESS_POINTS: [([f64; 2], i16); 12] = [
    ([6.0, 20.0], 0),
    ([28.0, 19.0], 0),
    ([50.0, 21.0], 0),
    ([8.0, 6.0], 0),
    ([37.0, 7.0], 0),
    ([30.0, 33.0], 0),
    ([9.0, 21.0], 1),
    ([33.0, 21.0], 1),
    ([48.0, 19.0], 1),
    ([21.0, 8.0], 1),
    ([52.0, 32.0], 1),
    ([11.0, 34.0], 1),
];
const BEACONS: [([f64; 2], i16); 6] =
    [([2.0, 17.0], 0), ([26.0, 24.0], 0), ([45.0, 16.5], 0), ([52.0, 23.5], 1), ([30.0, 16.5], 1), ([12.0, 23.5], 1)];
const ANCHORS: [([f64; 2], i16); 8] = [
    ([4.0, 16.5], 0),
    ([20.0, 23.5], 0),
    ([36.0, 16.5], 0),
    ([52.0, 23.5], 0),
    ([4.0, 23.5], 1),
    ([20.0, 16.5], 1),
    ([36.0, 23.5], 1),
    ([52.0, 16.5], 1),
];

/// The made-up mall in IMDF's form: file names and texts.
pub fn venue_files() -> Vec<(String, String)> {
    let plane = Plane::at(ORIGIN[0], ORIGIN[1]);
    let lonlat = |x: f64, y: f64| {
        let [lon, lat] = plane.to_lonlat([x, y]);
        format!("[{lon:.9},{lat:.9}]")
    };
    let rectangle = |[x0, y0, x1, y1]: [f64; 4]| {
        let corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]].map(|[x, y]| lonlat(x, y)).join(",");
        format!(r#"{{"type":"Polygon","coordinates":[[{corners}]]}}"#)
    };
    let mut files: Vec<(&str, Vec<String>)> =
        ["venue", "level", "unit", "opening", "beacon"].map(|name| (name, Vec::new())).into();
    let mut add = |file: usize, more: &str, geometry: &str| {
        let (kind, features) = &mut files[file];
        let n = features.len();
        features.push(format!(
            r#"{{"type":"Feature","feature_type":"{kind}","id":"{kind}-{n}",{more},"geometry":{geometry}}}"#
        ));
    };
    add(
        0,
        r#""properties":{"category":"shoppingcenter","name":{"en":"Made-up mall"}}"#,
        &rectangle([0.0, 0.0, 60.0, 40.0]),
    );
    for floor in 0..2 {
        let level = format!(
            r#""properties":{{"ordinal":{floor},"short_name":{{"en":"{}"}},"elevation_m":{}}}"#,
            floor + 1,
            STOREY_M * f64::from(floor)
        );
        add(1, &level, &rectangle([0.0, 0.0, 60.0, 40.0]));
        for (corners, category, name) in AREAS {
            let more = format!(
                r#""properties":{{"category":"{category}","level_id":"level-{floor}","name":{{"en":"{name}"}}}}"#
            );
            add(2, &more, &rectangle(corners));
        }
        let mut opening = |category: &str, a: String, b: String| {
            let more = format!(r#""properties":{{"category":"{category}","level_id":"level-{floor}"}}"#);
            add(3, &more, &format!(r#"{{"type":"LineString","coordinates":[{a},{b}]}}"#));
        };
        for [x, y] in DOORS {
            opening("pedestrian", lonlat(x - 1.2, y), lonlat(x + 1.2, y));
        }
        if floor == 0 {
            opening("pedestrian.principal", lonlat(0.0, 18.0), lonlat(0.0, 22.0));
        }
    }
    for (kind, places) in [("ble", &BEACONS[..]), ("uwb", &ANCHORS[..])] {
        for (n, ([x, y], floor)) in places.iter().enumerate() {
            let id = if kind == "ble" { beacon_mac(n).to_string() } else { format!("A{n}") };
            let more = format!(
                r#""properties":{{"kind":"{kind}","id":"{id}","level_id":"level-{floor}","height_m":2.6,"tx_power_dbm":-59}}"#
            );
            add(4, &more, &format!(r#"{{"type":"Point","coordinates":{}}}"#, lonlat(*x, *y)));
        }
    }
    let marker = r#""properties":{"kind":"marker","id":"M1","level_id":"level-1","height_m":1.5}"#;
    add(4, marker, &format!(r#"{{"type":"Point","coordinates":{}}}"#, lonlat(50.0, 20.0)));
    let text = |features: &[String]| {
        let mut text = r#"{"type":"FeatureCollection","note":"made up, not measured","features":["#.to_owned();
        let _ = write!(text, "{}]}}", features.join(",\n"));
        text
    };
    files.iter().map(|(name, features)| (format!("{name}.geojson"), text(features))).collect()
}

/// The made-up mall.
///
/// # Panics
/// Never: its files are our own.
pub fn venue() -> Venue {
    let files = venue_files();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let plane = Plane::at(ORIGIN[0], ORIGIN[1]);
    Venue::read(&files, Some(&plane)).expect("our own files")
}

fn beacon_mac(n: usize) -> Mac {
    Mac([0xc0, 0, 0, 0, 0, n as u8])
}

/// A building, its access points, and the way that somebody takes through it.
#[derive(Debug)]
pub struct World {
    /// The building.
    pub venue: Arc<Venue>,
    /// Place and floor of each access point.
    access_points: Vec<([f64; 2], i16)>,
    /// Where surveyors scan.
    surveyed: Vec<([f64; 2], i16)>,
    way: Way,
    /// Whether it is the mall, with its street, beacons and anchors.
    is_mall: bool,
}

/// Access points of a real building hang so far apart along its routes, metres; surveyors scan each so many.
const ACCESS_POINTS_APART_M: f64 = 18.0;
/// See `ACCESS_POINTS_APART_M`.
const SCANS_APART_M: f64 = 2.0;
/// Routes are surveyed that lead so near past a place of the walk, metres.
const SURVEYED_BESIDE_M: f64 = 30.0;

impl World {
    /// The made-up mall.
    pub fn mall() -> Self {
        let grid = |i| [f64::from(i % 30) * 2.0 + 1.0, f64::from(i / 30) * 2.0 + 1.0];
        Self {
            venue: Arc::new(venue()),
            access_points: ACCESS_POINTS.to_vec(),
            surveyed: (0..2_i16).flat_map(|floor| (0..30 * 20).map(move |i| (grid(i), floor))).collect(),
            way: Way::new(),
            is_mall: true,
        }
    }

    /// A walk along places of a building, each with its floor, inside all the time. Access points and survey are made up
    /// along the building's routes on the floors that the walk visits.
    pub fn in_venue(venue: Arc<Venue>, places: &[([f64; 2], i16)]) -> Self {
        let visited = |floor: i16| places.iter().any(|p| p.1 == floor);
        let (mut surveyed, mut access_points): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
        for (a, b) in &venue.route_edges {
            let (a, b) = (venue.route_nodes[*a as usize], venue.route_nodes[*b as usize]);
            if a.floor != b.floor || !visited(a.floor) {
                continue;
            }
            let length = (a.at_m[0] - b.at_m[0]).hypot(a.at_m[1] - b.at_m[1]);
            let pieces = (length / SCANS_APART_M).ceil().clamp(1.0, 1e3) as u32;
            let point = |i| [0, 1].map(|k| a.at_m[k] + f64::from(i) / f64::from(pieces) * (b.at_m[k] - a.at_m[k]));
            let near = |at: &[f64; 2]| {
                places
                    .iter()
                    .any(|(p, floor)| *floor == a.floor && (p[0] - at[0]).hypot(p[1] - at[1]) < SURVEYED_BESIDE_M)
            };
            surveyed.extend((0..=pieces).map(point).filter(near).map(|at| (at, a.floor)));
        }
        for (at, floor) in &surveyed {
            let near =
                |p: &([f64; 2], i16)| p.1 == *floor && (p.0[0] - at[0]).hypot(p.0[1] - at[1]) < ACCESS_POINTS_APART_M;
            if !access_points.iter().any(near) {
                access_points.push((*at, *floor));
            }
        }
        let way = Way::along(places, |floor| venue.elevation_m(floor));
        Self { venue, access_points, surveyed, way, is_mall: false }
    }

    /// The floor at a height.
    fn floor_at(&self, height_m: f64) -> i16 {
        let levels = self.venue.levels.iter();
        let apart = |floor: i16| (self.venue.elevation_m(floor) - height_m).abs();
        let nearest = levels.map(|l| l.floor).min_by(|a, b| apart(*a).total_cmp(&apart(*b)));
        nearest.expect("a venue has levels")
    }

    /// What a device hears of an access point: log-distance loss, walls, slab.
    fn wifi_dbm(&self, n: usize, at: [f64; 2], floor: i16) -> f64 {
        let (ap, ap_floor) = self.access_points[n];
        let up = self.venue.elevation_m(ap_floor) - self.venue.elevation_m(floor);
        let d = (ap[0] - at[0]).hypot(ap[1] - at[1]).hypot(up).max(1.0);
        let walls = if ap_floor == floor { self.venue.walls_between(floor, ap, at) as f64 } else { 1.0 };
        -36.0 - 27.0 * d.log10() - 4.0 * walls.min(4.0) - 17.0 * f64::from((ap_floor - floor).abs())
    }

    /// The radio map of a made-up survey: three devices.
    pub fn radio_map(&self) -> RadioMap {
        let mut random = Random::new(99);
        let mut fingerprints = Vec::new();
        for group in 0..3 {
            let offset = 3.0 * random.normal();
            for &(at_m, floor) in &self.surveyed {
                let mut readings = Vec::new();
                for n in 0..self.access_points.len() {
                    let dbm = self.wifi_dbm(n, at_m, floor) + offset + 3.0 * random.normal();
                    if dbm > -90.0 {
                        readings.push((Mac::from_index(n as u32), dbm));
                    }
                }
                fingerprints.push(Fingerprint { place: Place { at_m, floor, building: 0 }, readings, group });
            }
        }
        let between_m = if self.is_mall { SurveyOptions::default().between_m } else { 0.0 };
        let survey = SurveyOptions {
            cell_m: 2.0,
            cells_by_group: false,
            between_m,
            foretold_m: 0.0,
            ..SurveyOptions::default()
        };
        RadioMap::new(
            &fingerprints,
            &survey,
            QueryOptions { similarity_power: 25.0, linear_floor_power: 0.3, ..QueryOptions::default() },
        )
    }
}

/// The radio map of the mall's made-up survey, on a grid of 2 m.
pub fn radio_map() -> RadioMap {
    World::mall().radio_map()
}

/// Where the visitor is at a time: way-points with the seconds that they are reached at.
#[derive(Debug)]
struct Way(Vec<(f64, [f64; 2], f64)>);

impl Way {
    fn new() -> Self {
        let mut way = Self(vec![(0.0, [-80.0, 20.0], 0.0)]);
        for at in [[0.0, 20.0], [30.0, 20.0], [30.0, 32.0]] {
            way.walk(at);
        }
        way.stand(10.0);
        for at in [[30.0, 20.5], [54.5, 20.5]] {
            way.walk(at);
        }
        way.climb([59.0, 21.0], STOREY_M / 2.0);
        way.climb([54.5, 18.5], STOREY_M);
        for at in [[20.0, 19.0], [20.0, 8.0]] {
            way.walk(at);
        }
        way.stand(8.0);
        way
    }

    /// Along places; from floor to floor as on stairs, though the places lie above each other.
    fn along(places: &[([f64; 2], i16)], elevation_m: impl Fn(i16) -> f64) -> Self {
        let mut way = Self(Vec::new());
        for (at, floor) in places {
            let height = elevation_m(*floor);
            match way.0.last().copied() {
                None => way.0.push((0.0, *at, height)),
                Some((_, _, before)) if before == height => way.walk(*at),
                Some((secs, from, before)) => {
                    let length = (at[0] - from[0]).hypot(at[1] - from[1]).max(1.5 * (height - before).abs());
                    way.0.push((secs + length / (0.5 * WALK_MPS), *at, height));
                }
            }
        }
        way.stand(8.0);
        way
    }

    fn last(&self) -> (f64, [f64; 2], f64) {
        self.0[self.0.len() - 1]
    }

    fn walk(&mut self, to: [f64; 2]) {
        let (secs, at, height) = self.last();
        self.0.push((secs + (to[0] - at[0]).hypot(to[1] - at[1]) / WALK_MPS, to, height));
    }

    fn stand(&mut self, for_secs: f64) {
        let (secs, at, height) = self.last();
        self.0.push((secs + for_secs, at, height));
    }

    fn climb(&mut self, to: [f64; 2], height: f64) {
        // Slower than on the flat.
        let (secs, at, _) = self.last();
        self.0.push((secs + (to[0] - at[0]).hypot(to[1] - at[1]) / (0.5 * WALK_MPS), to, height));
    }

    /// Place, height, and direction in radians clockwise from north; `None` while standing.
    fn at(&self, secs: f64) -> ([f64; 2], f64, Option<f64>) {
        let i = self.0.partition_point(|w| w.0 <= secs).clamp(1, self.0.len() - 1);
        let ((t0, a, h0), (t1, b, h1)) = (self.0[i - 1], self.0[i]);
        let s = if t1 > t0 { ((secs - t0) / (t1 - t0)).clamp(0.0, 1.0) } else { 1.0 };
        let d = [b[0] - a[0], b[1] - a[1]];
        let heading = (d[0].hypot(d[1]) > 0.01 && secs < t1).then(|| d[0].atan2(d[1]));
        ([a[0] + s * d[0], a[1] + s * d[1]], h0 + s * (h1 - h0), heading)
    }
}

/// The walk of a seed through the mall.
pub fn walk(seed: u64, devices: Devices) -> Walk {
    World::mall().walk(seed, devices)
}

impl World {
    /// The walk of a seed.
    pub fn walk(&self, seed: u64, devices: Devices) -> Walk {
        let (venue, way) = (&self.venue, &self.way);
        let mut r = Random::new(seed.wrapping_mul(0x9e37_79b9).wrapping_add(7));
        let end_secs = way.last().0;
        let mut walk = Walk { observations: Vec::new(), truth: Vec::new(), entered_ms: 0.0, climbed_ms: 0.0 };
        // What is a device's own, and what changes slowly.
        let (wifi_offset, ble_offset) = (4.0 * r.normal(), 3.0 * r.normal());
        let (mut heading_bias, gait) = (0.12 * r.normal(), 1.0 + 0.06 * r.normal());
        let mut drift = [0.0_f64; 2];
        let mut weather_hpa = 0.0;
        let mut facing = std::f64::consts::FRAC_PI_2;
        for i in 0..=(end_secs * 1e3 / SAMPLE_MS) as u32 {
            let time_ms = f64::from(i) * SAMPLE_MS;
            let secs = time_ms / 1e3;
            let (at, height, heading) = way.at(secs);
            let floor = self.floor_at(height);
            let each = |ms: u32| (i * 20).is_multiple_of(ms);
            let mut add = |what| walk.observations.push(Observation::new(time_ms, what));
            if walk.entered_ms == 0.0 && at[0] >= 0.0 {
                walk.entered_ms = time_ms;
            }
            if walk.climbed_ms == 0.0 && height >= STOREY_M / 2.0 {
                walk.climbed_ms = time_ms;
            }
            if each(100) {
                walk.truth.push((time_ms, at, height));
            }
            let before = facing;
            if let Some(heading) = heading {
                let turn =
                    (heading - facing + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU) - std::f64::consts::PI;
                facing += turn.clamp(-0.05, 0.05);
            }
            heading_bias += 0.002 * r.normal();
            let swing =
                if heading.is_some() { 3.2 * gait * (std::f64::consts::TAU * STEPS_PER_SEC * secs).sin() } else { 0.0 };
            let seen = (facing + heading_bias) / 2.0;
            add(Measurement::Inertial {
                accel_mps2: [0.15 * r.normal(), 0.15 * r.normal(), 9.81 + swing + 0.15 * r.normal()],
                gyro_radps: Some([
                    0.01 * r.normal(),
                    0.01 * r.normal(),
                    (before - facing) / (SAMPLE_MS / 1e3) + 0.02 * r.normal(),
                ]),
                magnet_ut: None,
                rotation: Some([0.0, 0.0, -seen.sin() * seen.cos().signum()]),
            });
            if each(1000) {
                drift = drift.map(|d| 0.92 * d + 1.2 * r.normal());
                if self.is_mall {
                    gnss(&mut add, venue, at, floor, drift, &mut r);
                }
            }
            if devices.barometer && each(500) {
                weather_hpa += 0.002 * r.normal();
                // The air lock of the entrance.
                let gust = if self.is_mall && at[0].abs() < 2.0 { 0.15 } else { 0.0 };
                let true_hpa = 1009.3 * (1.0 - (height + 20.0) / 44_330.77).powf(5.255_88);
                add(Measurement::Barometer { pressure_hpa: true_hpa + weather_hpa + gust + 0.04 * r.normal() });
            }
            if devices.wifi && i % 150 == 25 {
                let readings = (0..self.access_points.len()).filter_map(|n| {
                    let dbm = self.wifi_dbm(n, at, floor) + wifi_offset + 4.0 * r.normal();
                    (dbm > -90.0).then_some(WifiReading {
                        bssid: Mac::from_index(n as u32),
                        rssi_dbm: dbm,
                        frequency_mhz: Some(5180),
                        age_ms: Some(200.0 + 800.0 * r.uniform()),
                        rtt_m: None,
                        rtt_sigma_m: None,
                    })
                });
                let readings: Vec<WifiReading> = readings.collect();
                if !readings.is_empty() {
                    add(Measurement::Wifi { readings });
                }
            }
            if self.is_mall && devices.ble && i % 50 == 10 {
                let readings: Vec<BleReading> = (0..BEACONS.len())
                    .filter_map(|n| {
                        let (place, on) = BEACONS[n];
                        let up = 1.4 + STOREY_M * f64::from(on - floor);
                        let d = (place[0] - at[0]).hypot(place[1] - at[1]).hypot(up).max(0.5);
                        let dbm = -59.0 - 22.0 * d.log10() - 15.0 * f64::from((on - floor).abs())
                            + ble_offset
                            + 5.0 * r.normal();
                        (dbm > -92.0).then_some(BleReading {
                            mac: beacon_mac(n),
                            rssi_dbm: dbm,
                            tx_power_dbm: Some(-59.0),
                            uuid: None,
                            major_minor: None,
                        })
                    })
                    .collect();
                if !readings.is_empty() {
                    add(Measurement::Ble { readings });
                }
            }
            if self.is_mall && devices.uwb && i % 25 == 5 {
                for (n, (anchor, on)) in ANCHORS.iter().enumerate() {
                    let up = 1.4 + STOREY_M * f64::from(on - floor);
                    let d = (anchor[0] - at[0]).hypot(anchor[1] - at[1]).hypot(up);
                    let walls = venue.walls_between(floor, at, *anchor) > 0;
                    if *on != floor || d > 25.0 || (walls && d > 14.0) || r.uniform() < 0.1 {
                        continue;
                    }
                    let excess = if walls || r.uniform() < 0.1 { -1.5 * r.uniform().ln() } else { 0.0 };
                    let range_m = (d + excess + 0.1 * r.normal()).max(0.0);
                    add(Measurement::Uwb { anchor: format!("A{n}"), range_m, sigma_m: 0.15 });
                }
            }
        }
        walk
    }
}

/// Satellites: well received in the street, badly at the front and just behind it, not at all inside.
fn gnss(add: &mut impl FnMut(Measurement), venue: &Venue, at: [f64; 2], floor: i16, drift: [f64; 2], r: &mut Random) {
    let poor = at[0] > -5.0;
    if at[0] > 9.0 || floor > 0 {
        return;
    }
    let sigma = if poor { 9.0 } else { 1.5 };
    let off = drift.map(|d| d + sigma * r.normal());
    let plane = venue.plane(0).expect("the mall has a plane");
    let [lon, lat] = plane.to_lonlat([at[0] + off[0], at[1] + off[1]]);
    add(Measurement::Gnss {
        lon,
        lat,
        accuracy_m: if poor { 24.0 + 8.0 * r.uniform() } else { 8.0 + 2.0 * r.uniform() },
        altitude_m: Some(24.0 + 6.0 * r.normal()),
        satellites: Some(if poor { 4 + r.below(3) } else { 10 + r.below(4) } as u32),
        cn0_dbhz: Some(if poor { 24.0 } else { 37.0 } + 2.0 * r.normal()),
        speed_mps: None,
        course_deg: None,
    });
}

/// Follows a walk and compares each second's answer with the truth.
pub fn follow(walk: &Walk, map: Option<&RadioMap>, venue: &Arc<Venue>) -> Outcome {
    let options = PositionerOptions { map: map.cloned(), venue: Some(venue.clone()), ..PositionerOptions::default() };
    let mut positioner = Positioner::new(options);
    let plane = *venue.plane(0).expect("the mall has a plane");
    let place = |c: &crate::watch::Coordinates| plane.from_lonlat(c.longitude, c.latitude);
    let mut outcome = Outcome { first_fix_secs: f64::NAN, ..Outcome::default() };
    let (mut errors, mut inside, mut hits, mut floors) = ([Vec::new(), Vec::new()], 0, 0, 0);
    let mut before: Option<([f64; 2], [f64; 2])> = None;
    let (mut outdoors_until, mut ground_until) = (walk.truth[0].0, walk.truth[0].0);
    let mut rest = walk.observations.as_slice();
    for (time_ms, truth, height) in walk.truth.iter().filter(|t| t.0 % 1e3 < 1.0) {
        let (batch, after) = rest.split_at(rest.partition_point(|o| o.time_ms <= *time_ms));
        rest = after;
        positioner.feed(batch);
        let Some(answer) = positioner.answer() else { continue };
        let Some(coords) = answer.coords else { continue };
        if outcome.first_fix_secs.is_nan() {
            outcome.first_fix_secs = time_ms / 1e3;
        }
        let at = place(&coords);
        let error = (at[0] - truth[0]).hypot(at[1] - truth[1]);
        if let Some((a, t)) = before {
            let own = [truth[0] - t[0], truth[1] - t[1]];
            let jump = (at[0] - a[0] - own[0]).hypot(at[1] - a[1] - own[1]);
            if *time_ms >= walk.entered_ms {
                outcome.jump_inside_m = outcome.jump_inside_m.max(jump);
            }
            if jump > outcome.largest_jump_m {
                (outcome.largest_jump_m, outcome.jumped_secs) = (jump, (time_ms - walk.entered_ms) / 1e3);
            }
        }
        before = Some((at, *truth));
        inside += usize::from(error <= coords.accuracy);
        let indoors = *time_ms >= walk.entered_ms;
        errors[usize::from(indoors)].push(error);
        if indoors {
            let right = answer.floor == Some(i16::from(*height > STOREY_M / 2.0));
            (hits, floors) = (hits + usize::from(right), floors + 1);
        }
        if answer.indoor_probability < 0.5 {
            outdoors_until = *time_ms;
        }
        if answer.floor != Some(1) {
            ground_until = *time_ms;
        }
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len().max(1) as f64;
    let truth_at = |time_ms: f64| walk.truth[((time_ms / 100.0).round() as usize).min(walk.truth.len() - 1)].1;
    let trail = positioner.trail().filter(|p| p.timestamp >= walk.entered_ms).filter_map(|p| {
        let (at, truth) = (place(p.coords.as_ref()?), truth_at(p.timestamp));
        Some((at[0] - truth[0]).hypot(at[1] - truth[1]))
    });
    outcome.trail_m = mean(&trail.collect::<Vec<_>>());
    outcome.handover_secs = (outdoors_until + 1e3 - walk.entered_ms) / 1e3;
    outcome.floor_secs = (ground_until + 1e3 - walk.climbed_ms) / 1e3;
    outcome.coverage95 = inside as f64 / (errors[0].len() + errors[1].len()).max(1) as f64;
    outcome.floor_hit = hits as f64 / floors.max(1) as f64;
    (outcome.outdoor_m, outcome.indoor_m) = (mean(&errors[0]), mean(&errors[1]));
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcomes of seeds, and their table.
    fn run(seeds: u64, devices: Devices) -> Vec<Outcome> {
        let venue = Arc::new(venue());
        let map = radio_map();
        (0..seeds).map(|seed| follow(&walk(seed, devices), devices.wifi.then_some(&map), &venue)).collect()
    }

    fn quantile(outcomes: &[Outcome], p: f64, of: impl Fn(&Outcome) -> f64) -> f64 {
        let mut values: Vec<f64> = outcomes.iter().map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[((values.len() - 1) as f64 * p).round() as usize]
    }

    fn mean(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
        outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64
    }

    #[allow(clippy::print_stdout)]
    fn print(name: &str, o: &[Outcome]) {
        let three = |of: fn(&Outcome) -> f64| {
            format!("{:.1} / {:.1} / {:.1}", quantile(o, 0.5, of), quantile(o, 0.95, of), quantile(o, 1.0, of))
        };
        println!(
            "| {name} | {} | {} | {} | {} | {} | {:.1} | {:.1} | {:.1} | {:.1} % | {:.1} % |",
            three(|x| x.first_fix_secs),
            three(|x| x.handover_secs),
            three(|x| x.floor_secs),
            three(|x| x.largest_jump_m),
            three(|x| x.jump_inside_m),
            mean(o, |x| x.outdoor_m),
            mean(o, |x| x.indoor_m),
            mean(o, |x| x.trail_m),
            100.0 * mean(o, |x| x.coverage95),
            100.0 * mean(o, |x| x.floor_hit)
        );
    }

    #[test]
    fn a_visitor_is_handed_over_without_a_jump_and_found_upstairs() {
        for (name, devices) in [("all", Devices::ALL), ("phone", Devices::PHONE)] {
            let o = run(5, devices);
            print(name, &o);
            assert!(quantile(&o, 1.0, |x| x.first_fix_secs) <= 1.0, "{o:?}");
            assert!(quantile(&o, 0.5, |x| x.handover_secs.abs()) <= 8.0, "{o:?}");
            assert!(quantile(&o, 1.0, |x| x.largest_jump_m) <= 10.0, "{o:?}");
            assert!(quantile(&o, 1.0, |x| x.jump_inside_m) <= 7.0, "{o:?}");
            assert!(quantile(&o, 0.5, |x| x.floor_secs) <= 10.0, "{o:?}");
            assert!(mean(&o, |x| x.indoor_m) < 4.0 && mean(&o, |x| x.coverage95) > 0.85, "{o:?}");
        }
    }

    #[test]
    fn ranges_of_one_anchor_do_not_keep_a_visitor_on_the_wrong_side_of_it() {
        // The first anchor alone cannot tell two places apart; the next two say for seconds that it is the other one.
        let devices = Devices { wifi: false, ble: false, uwb: true, barometer: true };
        let outcome = follow(&walk(68, devices), None, &Arc::new(venue()));
        assert!(outcome.jump_inside_m < 8.0 && outcome.indoor_m < 2.0, "{outcome:?}");
    }

    #[test]
    #[ignore = "the README's table: minutes without optimisation"]
    fn a_hundred_seeds() {
        let none = Devices { wifi: false, ble: false, uwb: false, barometer: false };
        let rows = [
            ("everything", Devices::ALL),
            ("phone: WiFi, barometer", Devices::PHONE),
            ("WiFi without barometer", Devices { wifi: true, ..none }),
            ("Bluetooth, barometer", Devices { ble: true, barometer: true, ..none }),
            ("UWB, barometer", Devices { uwb: true, barometer: true, ..none }),
            ("venue alone, barometer", Devices { barometer: true, ..none }),
        ];
        for (name, devices) in rows {
            print(name, &run(100, devices));
        }
    }
}
