//! What holds for any observations: order within a batch, origin of time, seeds, corrupted maps, wild streams.

use citytwin_positioning::radio::{Fingerprint, Place, QueryOptions, RadioMap, ReadError, SurveyOptions};
use citytwin_positioning::routes::RouteGraph;
use citytwin_positioning::smooth::{SmoothOptions, smooth};
use citytwin_positioning::{IndoorFilter, IndoorOptions, IndoorPosition, Mac, Measurement, Observation, WifiReading};

/// A fixed sequence of numbers from 0 to 1 (64-bit LCG), the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

/// What a phone hears at a place of a synthetic hall of two floors: nine access points on each, log-distance loss.
fn heard(x: f64, y: f64, floor: i16, dice: &mut Dice) -> Vec<(Mac, f64)> {
    let mut readings = Vec::new();
    for ap in 0..18_u32 {
        let (ax, ay, at) = (f64::from(ap % 3) * 20.0, f64::from(ap / 3 % 3) * 20.0, (ap / 9) as i16);
        let walls = 18.0 * f64::from((at - floor).abs());
        let dbm = -38.0 - 25.0 * (x - ax).hypot(y - ay).max(1.0).log10() - walls + 6.0 * (dice.roll() - 0.5);
        if dbm > -90.0 {
            readings.push((Mac::from_index(ap), dbm));
        }
    }
    readings
}

fn survey() -> Vec<Fingerprint> {
    let mut dice = Dice(3);
    let mut fingerprints = Vec::new();
    for floor in 0..2 {
        for i in 0..121_u32 {
            let (x, y) = (f64::from(i % 11) * 4.0, f64::from(i / 11) * 4.0);
            for group in 0..3 {
                let readings = heard(x, y, floor, &mut dice);
                fingerprints.push(Fingerprint { place: Place { at_m: [x, y], floor, building: 0 }, readings, group });
            }
        }
    }
    fingerprints
}

fn map() -> RadioMap {
    RadioMap::new(&survey(), &SurveyOptions::default(), QueryOptions::default())
}

/// A walk north through the hall on floor 1: a step each half second, a scan each two.
fn walk() -> Vec<Observation> {
    let mut dice = Dice(5);
    let mut observations = Vec::new();
    for i in 0..1000_u32 {
        let time_ms = f64::from(i) * 20.0;
        let swing = 3.0 * (std::f64::consts::TAU * time_ms / 500.0).sin();
        let what = Measurement::Inertial {
            accel_mps2: [0.0, 0.0, 9.81 + swing],
            gyro_radps: None,
            magnet_ut: None,
            rotation: Some([0.0, 0.0, 0.0]),
        };
        observations.push(Observation::new(time_ms, what));
        if i % 100 == 0 {
            let y = 5.0 + 1.2 * time_ms / 1e3;
            let reading = |(bssid, rssi_dbm)| WifiReading {
                bssid,
                rssi_dbm,
                frequency_mhz: None,
                age_ms: None,
                rtt_m: None,
                rtt_sigma_m: None,
            };
            let readings = heard(20.0, y, 1, &mut dice).into_iter().map(reading).collect();
            observations.push(Observation::new(time_ms, Measurement::Wifi { readings }));
        }
    }
    observations
}

fn answers(map: &RadioMap, observations: &[Observation], seed: u64) -> Vec<IndoorPosition> {
    let mut filter = IndoorFilter::new(IndoorOptions { seed, ..IndoorOptions::default() });
    let mut answers = Vec::new();
    for observation in observations {
        let _ = filter.observe(map, observation);
        answers.extend(filter.position(map));
    }
    answers
}

#[test]
fn a_walk_through_a_synthetic_hall_is_followed_on_its_floor() {
    let map = map();
    let last = *answers(&map, &walk(), 1).last().expect("an answer");
    let error = (last.at_m[0] - 20.0).hypot(last.at_m[1] - 29.0);
    assert!(error < 5.0 && last.floor == 1 && last.floor_probability > 0.8, "{last:?}");
    assert!(last.heading_rad.is_some_and(|h| h.abs() < 0.6) && last.speed_mps > 0.5, "{last:?}");
}

#[test]
fn the_same_seed_gives_the_same_answers_and_another_one_others() {
    let map = map();
    assert_eq!(answers(&map, &walk(), 1), answers(&map, &walk(), 1));
    assert_ne!(answers(&map, &walk(), 1), answers(&map, &walk(), 2));
}

#[test]
fn the_origin_of_time_does_not_matter() {
    let map = map();
    let shifted: Vec<_> = walk().into_iter().map(|o| Observation { time_ms: o.time_ms + 1_048_576.0, ..o }).collect();
    for (a, b) in answers(&map, &walk(), 1).into_iter().zip(answers(&map, &shifted, 1)) {
        assert_eq!(IndoorPosition { time_ms: b.time_ms, ..a }, b);
    }
}

#[test]
fn the_order_within_a_batch_does_not_matter() {
    let map = map();
    let mut dice = Dice(9);
    let (mut forward, mut shuffled) =
        (IndoorFilter::new(IndoorOptions::default()), IndoorFilter::new(IndoorOptions::default()));
    for batch in walk().chunks(150) {
        forward.observe_batch(&map, batch);
        let mut batch = batch.to_vec();
        for i in (1..batch.len()).rev() {
            batch.swap(i, (dice.roll() * (i + 1) as f64) as usize);
        }
        for observation in &mut batch {
            if let Measurement::Wifi { readings } = &mut observation.what {
                readings.reverse();
            }
        }
        shuffled.observe_batch(&map, &batch);
        assert_eq!(forward.position(&map), shuffled.position(&map));
    }
}

#[test]
fn the_order_of_a_survey_does_not_matter() {
    let mut reversed = survey();
    reversed.reverse();
    let other = RadioMap::new(&reversed, &SurveyOptions::default(), QueryOptions::default());
    assert!(map().to_bytes() == other.to_bytes());
}

#[test]
fn a_map_that_was_written_answers_like_before() {
    let map = map();
    let bytes = map.to_bytes();
    let read = RadioMap::from_bytes(&bytes).expect("our own bytes");
    assert!(read.to_bytes() == bytes, "the same map gives the same bytes");
    let scan = heard(13.0, 21.0, 0, &mut Dice(8));
    let (a, b) = (map.locate(&scan, None).expect("a fix"), read.locate(&scan, None).expect("a fix"));
    let apart = (a.place.at_m[0] - b.place.at_m[0]).hypot(a.place.at_m[1] - b.place.at_m[1]);
    assert!(apart < 0.02 && a.place.floor == b.place.floor, "{a:?} {b:?}");
}

#[test]
fn corrupted_maps_are_refused_without_panic() {
    let bytes = map().to_bytes();
    assert_eq!(RadioMap::from_bytes(b"").err(), Some(ReadError::NotARadioMap));
    assert_eq!(RadioMap::from_bytes(b"CTRM").err(), Some(ReadError::Truncated));
    assert_eq!(RadioMap::from_bytes(b"CTRM\x63\x00").err(), Some(ReadError::UnknownVersion(99)));
    for length in (0..bytes.len()).step_by(97) {
        assert!(RadioMap::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    for at in (6..bytes.len()).step_by(101) {
        let mut bad = bytes.clone();
        bad[at] ^= 0x40;
        assert_eq!(RadioMap::from_bytes(&bad).err(), Some(ReadError::Corrupted), "byte {at}");
    }
}

#[test]
fn corrupted_maps_with_a_fitting_checksum_neither_panic_nor_allocate_what_they_claim() {
    let good = map().to_bytes();
    for at in (6..160).chain((160..good.len() - 4).step_by(397)) {
        for value in [0, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            let body = bad.len() - 4;
            let sum = crc32(&bad[..body]);
            bad[body..].copy_from_slice(&sum.to_le_bytes());
            let Ok(map) = RadioMap::from_bytes(&bad) else { continue };
            if let Some(fix) = map.locate(&heard(13.0, 21.0, 0, &mut Dice(8)), None) {
                assert!(fix.place.at_m.iter().chain(&fix.radii_m).all(|x| x.is_finite()), "byte {at}");
            }
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn wild_streams_never_yield_what_is_not_a_number() {
    let map = map();
    let wild =
        [0.0, -0.0, 1.0, -1.0, 1e-300, 1e3, 1e9, -1e14, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -60.0, 0.9];
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut filter = IndoorFilter::new(IndoorOptions { particles: 60, ..IndoorOptions::default() });
        for i in 0..400_u32 {
            let mut any = || wild[(dice.roll() * wild.len() as f64) as usize];
            let reading = |n: u32, rssi_dbm, age_ms| WifiReading {
                bssid: Mac::from_index(n),
                rssi_dbm,
                frequency_mhz: None,
                age_ms,
                rtt_m: None,
                rtt_sigma_m: None,
            };
            let what = match i % 6 {
                0 => Measurement::Wifi {
                    readings: vec![reading(i % 18, any(), None), reading(i % 7, any(), Some(any()))],
                },
                1 => Measurement::Wifi { readings: (0..i % 9).map(|n| reading(n, -60.0, None)).collect() },
                2 | 3 => Measurement::Inertial {
                    accel_mps2: [any(), any(), any()],
                    gyro_radps: None,
                    magnet_ut: None,
                    rotation: Some([any(), any(), any()]),
                },
                4 => Measurement::MapTap { at_m: [any(), any()], floor: i as i16, sigma_m: any() },
                _ => Measurement::Gnss {
                    lon: any(),
                    lat: any(),
                    accuracy_m: any(),
                    altitude_m: None,
                    satellites: None,
                    cn0_dbhz: None,
                    speed_mps: None,
                    course_deg: None,
                },
            };
            let time_ms = if i % 5 == 0 { any() } else { f64::from(i) * 100.0 };
            let _ = filter.observe(&map, &Observation::new(time_ms, what));
            if let Some(p) = filter.position(&map) {
                let numbers = p.at_m.iter().chain(&p.covariance_m2).chain(&p.radii_m);
                assert!(
                    numbers.chain([&p.speed_mps, &p.floor_probability]).all(|x| x.is_finite()),
                    "seed {seed}, {i}: {p:?}"
                );
                assert!(p.radii_m[1] >= p.radii_m[0] && p.heading_rad.is_none_or(f64::is_finite), "{p:?}");
            }
        }
        let c = filter.counts();
        assert_eq!(c.counted + c.absurd + c.late + c.duplicate + c.outlier + c.unknown_version + c.not_used, 400);
    }
}

#[test]
fn a_smoothed_walk_is_turned_to_where_it_went() {
    // A compass that is off by 25°.
    let mut observations = walk();
    for observation in &mut observations {
        if let Measurement::Inertial { rotation, .. } = &mut observation.what {
            *rotation = Some([0.0, 0.0, -(25_f64.to_radians() / 2.0).sin()]);
        }
    }
    let map = map();
    let off = |corrections| {
        let track = smooth(&map, None, &observations, &SmoothOptions { corrections, ..SmoothOptions::default() });
        let p = track.at(19e3).expect("a position").place.at_m;
        (p[0] - 20.0).hypot(p[1] - 5.0 - 1.2 * 19.0)
    };
    assert!(off(2) < off(0) && off(2) < 4.0, "{} {}", off(2), off(0));
}

#[test]
fn a_survey_that_heard_nothing_makes_a_map_that_knows_nothing() {
    let silent = Fingerprint { place: Place { at_m: [1.0, 2.0], floor: 0, building: 0 }, readings: vec![], group: 1 };
    for survey in [vec![], vec![silent]] {
        let map = RadioMap::new(&survey, &SurveyOptions::default(), QueryOptions::default());
        assert_eq!((map.cell_count(), map.locate(&[(Mac::from_index(1), -50.0)], None)), (0, None));
        let read = RadioMap::from_bytes(&map.to_bytes()).expect("our own bytes");
        assert_eq!(read.cell_count(), 0);
        let mut filter = IndoorFilter::new(IndoorOptions::default());
        for observation in walk() {
            let _ = filter.observe(&map, &observation);
        }
        assert!(!filter.has_fix() && filter.position(&map).is_none());
        assert!(smooth(&map, None, &walk(), &SmoothOptions::default()).moments().is_empty());
    }
}

#[test]
fn a_cell_lies_midway_between_cells_that_are_near() {
    let place = |x: f64| Place { at_m: [x, 0.0], floor: 0, building: 0 };
    let fingerprint = |x: f64, dbm: f64| Fingerprint {
        place: place(x),
        readings: vec![(Mac::from_index(1), dbm), (Mac::from_index(2), -60.0)],
        group: 0,
    };
    let survey = [fingerprint(0.0, -50.0), fingerprint(6.0, -70.0), fingerprint(60.0, -90.0)];
    for (between_m, expected) in [(0.0, 3), (8.0, 4), (70.0, 6)] {
        let options = SurveyOptions { between_m, min_heard: 1, ..SurveyOptions::default() };
        let map = RadioMap::new(&survey, &options, QueryOptions::default());
        assert_eq!(map.cell_count(), expected, "{between_m} m");
    }
    let options = SurveyOptions { min_heard: 1, ..SurveyOptions::default() };
    let map = RadioMap::new(&survey, &options, QueryOptions { neighbours: 1, ..QueryOptions::default() });
    let fix = map.locate(&fingerprint(3.0, -60.0).readings, None).expect("a fix");
    assert_eq!(fix.place, place(3.0));
}

#[test]
fn a_part_of_a_floor_that_nobody_surveyed_is_told_from_the_floor_below_it() {
    let unsurveyed = |place: &Place| place.floor == 1 && place.at_m[0] > 18.0;
    let (asked, mut surveyed): (Vec<_>, Vec<_>) = survey().into_iter().partition(|f| unsurveyed(&f.place));
    let map = |foretold_m| {
        let options = SurveyOptions { foretold_m, ..SurveyOptions::default() };
        RadioMap::new(&surveyed, &options, QueryOptions::default())
    };
    let right = |map: &RadioMap| {
        let near = |f: &&Fingerprint| {
            let place = map.locate(&f.readings, None).expect("a fix").place;
            place.floor == 1 && (place.at_m[0] - f.place.at_m[0]).hypot(place.at_m[1] - f.place.at_m[1]) < 10.0
        };
        asked.iter().filter(near).count() as f64 / asked.len() as f64
    };
    let (without, with) = (map(0.0), map(3.5));
    assert!(right(&with) > right(&without) + 0.2, "{} {}", right(&without), right(&with));
    let added: Vec<Place> =
        (without.cell_count()..with.cell_count()).map(|i| with.cell_place(i).expect("a cell")).collect();
    assert!(!added.is_empty() && added.iter().all(|place| place.floor == 1 && place.at_m[0] > 16.0), "{added:?}");
    surveyed.reverse();
    let options = SurveyOptions { foretold_m: 3.5, ..SurveyOptions::default() };
    let reversed = RadioMap::new(&surveyed, &options, QueryOptions::default());
    assert_eq!(reversed.to_bytes(), with.to_bytes());
}

#[test]
fn a_smoothed_walk_keeps_to_its_route_whatever_the_order_of_its_observations() {
    let place = |x: f64, y: f64| Place { at_m: [x, y], floor: 1, building: 0 };
    let ways = [vec![place(20.0, 0.0), place(20.0, 40.0)], vec![place(0.0, 20.0), place(40.0, 20.0)]];
    for routes in [RouteGraph::default(), RouteGraph::learn(ways.iter().map(Vec::as_slice))] {
        let mut map = map();
        map.set_routes(routes.clone());
        let map = RadioMap::from_bytes(&map.to_bytes()).expect("what was written");
        assert_eq!(map.routes(), &routes);
        let mut observations = walk();
        let track = smooth(&map, None, &observations, &SmoothOptions::default());
        for secs in [2.0, 8.0, 14.0, 19.0] {
            let p = track.at(secs * 1e3).expect("a position");
            let off = (p.place.at_m[0] - 20.0).hypot(p.place.at_m[1] - 5.0 - 1.2 * secs);
            assert!(off < 6.0 && p.place.floor == 1 && p.radii_m[1] >= p.radii_m[0], "{secs} s: {p:?}");
        }
        observations.reverse();
        assert_eq!(smooth(&map, None, &observations, &SmoothOptions::default()), track);
    }
    assert_eq!(smooth(&map(), None, &[], &SmoothOptions::default()).at(0.0), None);
}
