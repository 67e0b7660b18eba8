//! What holds for any observations: their order within a batch, the origin of time, how their numbers are written, what
//! is late or wild, and how a lost visitor is found again.

use super::*;
use crate::random::Random;
use crate::simulate::{Devices, Walk, radio_map, venue, walk};
use crate::watch::WatchEvent;
use crate::wire;
use std::sync::OnceLock;

fn world() -> &'static (RadioMap, Arc<Venue>) {
    static WORLD: OnceLock<(RadioMap, Arc<Venue>)> = OnceLock::new();
    WORLD.get_or_init(|| (radio_map(), Arc::new(venue())))
}

fn positioner(seed: u64) -> Positioner {
    let (map, venue) = world();
    let indoor = IndoorOptions { seed, particles: 200, ..IndoorOptions::default() };
    let (map, venue) = (Some(map.clone()), Some(venue.clone()));
    Positioner::new(PositionerOptions { indoor, map, venue, trail_secs: 0 })
}

/// A walk from in front of the entrance into the shop.
fn entering() -> Walk {
    let mut walk = walk(2, Devices::ALL);
    walk.observations.retain(|o| (50e3..95e3).contains(&o.time_ms));
    walk
}

fn answers(seed: u64, observations: &[Observation], batch: usize) -> Vec<WatchPosition> {
    let mut positioner = positioner(seed);
    observations
        .chunks(batch)
        .filter_map(|batch| {
            positioner.feed(batch);
            positioner.answer()
        })
        .collect()
}

fn metres(a: &WatchPosition, at: [f64; 2]) -> f64 {
    a.at_m.map_or(f64::INFINITY, |p| (p[0] - at[0]).hypot(p[1] - at[1]))
}

#[test]
fn the_order_within_a_batch_does_not_matter() {
    let observations = entering().observations;
    let mut shuffled = observations.clone();
    let mut random = Random::new(8);
    for batch in shuffled.chunks_mut(100) {
        for i in (1..batch.len()).rev() {
            batch.swap(i, random.below(i + 1));
        }
        for observation in batch {
            match &mut observation.what {
                Measurement::Wifi { readings } => readings.reverse(),
                Measurement::Ble { readings } => readings.reverse(),
                _ => {}
            }
        }
    }
    let straight = answers(1, &observations, 100);
    assert!(straight.len() > 20 && straight == answers(1, &shuffled, 100));
}

#[test]
fn the_origin_of_time_and_the_wall_clock_do_not_matter() {
    let observations = entering().observations;
    let mut shifted = observations.clone();
    for observation in &mut shifted {
        observation.time_ms += 1_048_576.0;
        observation.wall_ms = Some(1.6e12 - observation.time_ms);
    }
    for (a, b) in answers(1, &observations, 100).into_iter().zip(answers(1, &shifted, 100)) {
        assert_eq!(WatchPosition { timestamp: b.timestamp, ..a }, b);
    }
}

#[test]
fn how_numbers_are_written_does_not_matter() {
    // Rounded to the binary form's steps first: both forms hold the same numbers then.
    let observations = wire::decode(&wire::encode(&entering().observations).0).expect("our own bytes");
    let json: Vec<Observation> = observations
        .iter()
        .map(|o| {
            let text = serde_json::to_string(o).expect("serialisable");
            // 3.0 as 3 and as 3e0; other keys first.
            let text = text.replace(".0,", ",").replace("\"v\":1,", "");
            let text = format!("{},\"v\":1}}", text.trim_end_matches('}'));
            if o.what.kind() == 5 { serde_json::from_str(&text).expect("the same") } else { o.clone() }
        })
        .collect();
    assert_eq!(json, observations);
    let again = wire::decode(&wire::encode(&json).0).expect("our own bytes");
    assert!(answers(1, &observations, 100) == answers(1, &again, 100));
    // A world further east by 15 degrees is the same world.
    let fixes = |east: f64| {
        let mut positioner = Positioner::new(PositionerOptions::default());
        for i in 0..30 {
            let (lon, lat) = (10.0 + east + 2e-5 * f64::from(i), 50.0 + 1e-5 * f64::from(i % 3));
            let fix = Measurement::HostFix { lon, lat, accuracy_m: 9.0, floor: None };
            positioner.feed(&[Observation::new(1e3 * f64::from(i), fix)]);
        }
        positioner.answer().and_then(|a| a.coords).expect("a position")
    };
    let (here, there) = (fixes(0.0), fixes(15.0));
    assert!((there.longitude - here.longitude - 15.0).abs() < 1e-9 && (there.latitude - here.latitude).abs() < 1e-9);
    assert!((there.accuracy - here.accuracy).abs() < 1e-6, "{here:?} {there:?}");
}

#[test]
fn the_same_seed_gives_the_same_answers_and_another_one_others() {
    let observations = entering().observations;
    let first = answers(1, &observations, 200);
    assert!(first == answers(1, &observations, 200));
    assert!(first != answers(2, &observations, 200));
}

#[test]
fn what_is_late_double_or_absurd_is_counted_and_changes_nothing() {
    let observations = entering().observations;
    let (mut clean, mut dirty) = (positioner(1), positioner(1));
    let mut added = [0_u64; 4];
    for (i, observation) in observations.iter().enumerate() {
        let fate = clean.observe(observation);
        assert_eq!(fate, dirty.observe(observation));
        if i % 10 == 3 && fate.is_ok() {
            assert_eq!(dirty.observe(observation), Err(Rejected::Duplicate));
            let late = Observation { time_ms: observation.time_ms - 40e3, ..observation.clone() };
            assert_eq!(dirty.observe(&late), Err(Rejected::Late));
            let absurd = Observation { time_ms: f64::NAN, ..observation.clone() };
            assert_eq!(dirty.observe(&absurd), Err(Rejected::Absurd));
            let unknown = Observation { v: 9, ..observation.clone() };
            assert_eq!(dirty.observe(&unknown), Err(Rejected::UnknownVersion));
            added.iter_mut().for_each(|n| *n += 1);
        }
    }
    assert_eq!(clean.answer(), dirty.answer());
    let (a, b) = (clean.counts(), dirty.counts());
    let more = [b.duplicate - a.duplicate, b.late - a.late, b.absurd - a.absurd, b.unknown_version - a.unknown_version];
    assert_eq!((more, b.counted), (added, a.counted));
}

#[test]
fn wild_streams_never_yield_what_is_not_a_number() {
    let wild = [0.0, -0.0, 1.0, -1.0, 1e-300, 1e3, 1e9, 1e300, f64::NAN, f64::INFINITY, -60.0, 0.9, 24.938, 60.17];
    let (_, venue) = world();
    for seed in 0..12 {
        let mut random = Random::new(seed);
        let mut positioner = positioner(seed);
        for i in 0..300_u32 {
            let mut any = || wild[random.below(wild.len())];
            let what = match i % 8 {
                0 => Measurement::HostFix { lon: any(), lat: any(), accuracy_m: any(), floor: Some(i as i16) },
                1 => Measurement::HostFix { lon: 24.938, lat: 60.17, accuracy_m: any(), floor: None },
                2 => Measurement::Uwb { anchor: format!("A{}", i % 9), range_m: any(), sigma_m: any() },
                3 => Measurement::Barometer { pressure_hpa: 1000.0 + any() },
                4 => Measurement::Inertial {
                    accel_mps2: [any(), any(), any()],
                    gyro_radps: Some([any(), any(), any()]),
                    magnet_ut: Some([any(), any(), any()]),
                    rotation: None,
                },
                5 => Measurement::Marker { id: "M1".to_owned(), at_m: None, floor: None, sigma_m: any() },
                6 => Measurement::MapTap { at_m: [any(), any()], floor: i as i16 % 3, sigma_m: any() },
                _ => Measurement::Gnss {
                    lon: 24.938,
                    lat: 60.17,
                    accuracy_m: any(),
                    altitude_m: Some(any()),
                    satellites: Some(i),
                    cn0_dbhz: Some(any()),
                    speed_mps: None,
                    course_deg: None,
                },
            };
            let time_ms = if i % 7 == 0 { any() } else { f64::from(i) * 100.0 };
            positioner.feed(&[Observation::new(time_ms, what)]);
            if i % 50 == 0 {
                positioner.lock_floor((i % 100 == 0).then_some(i as i16));
                positioner.set_position(f64::from(i) * 100.0, [any(), any()], any(), Some(1));
            }
            let Some(p) = positioner.answer() else { continue };
            let coords = p.coords.iter().flat_map(|c| [c.latitude, c.longitude, c.accuracy, c.speed.unwrap_or(0.0)]);
            let numbers = coords.chain(p.covariance_m2).chain(p.floors.iter().map(|f| f.1));
            let numbers =
                numbers.chain([p.radius_m, p.indoor_probability, p.timestamp]).chain(p.at_m.into_iter().flatten());
            assert!(numbers.into_iter().all(f64::is_finite), "seed {seed}, {i}: {p:?}");
            assert!((0.0..=1.0).contains(&p.indoor_probability) && venue.level(0).is_some());
        }
        let c = positioner.counts();
        assert_eq!(c.counted + c.absurd + c.late + c.duplicate + c.outlier + c.unknown_version + c.not_used, 300);
    }
}

#[test]
fn a_visitor_who_was_carried_away_is_found_again_by_ranges() {
    let mut positioner = positioner(1);
    let range = |secs: f64, from: [f64; 2], at: [f64; 2], anchor: &str| {
        let range_m = (from[0] - at[0]).hypot(from[1] - at[1]).hypot(1.4);
        Observation::new(1e3 * secs, Measurement::Uwb { anchor: anchor.to_owned(), range_m, sigma_m: 0.15 })
    };
    let anchors = [([4.0, 16.5], "A0"), ([20.0, 23.5], "A1"), ([36.0, 16.5], "A2"), ([52.0, 23.5], "A3")];
    let stand = |positioner: &mut Positioner, from: f64, at: [f64; 2]| {
        for i in 0..12 {
            let secs = from + 0.5 * f64::from(i);
            for (place, name) in anchors {
                positioner.feed(&[range(secs, place, at, name)]);
            }
        }
    };
    stand(&mut positioner, 1.0, [12.0, 20.0]);
    let first = positioner.answer().expect("an answer");
    assert!(metres(&first, [12.0, 20.0]) < 1.5, "{first:?}");
    assert!(first.radius_m < 3.0 && metres(&first, [12.0, 20.0]) < first.radius_m, "{first:?}");
    stand(&mut positioner, 8.0, [44.0, 18.0]);
    let then = positioner.answer().expect("an answer");
    assert!(metres(&then, [44.0, 18.0]) < 1.5, "{then:?}");
}

#[test]
fn one_reflected_range_moves_nobody() {
    let mut positioner = positioner(1);
    let at = [20.0, 20.0];
    let mut feed = |secs: f64, excess: f64| {
        for (place, name) in [([4.0, 16.5], "A0"), ([20.0, 23.5], "A1"), ([36.0, 16.5], "A2")] {
            let off = if name == "A2" { excess } else { 0.0 };
            let range_m = f64::hypot(place[0] - at[0], place[1] - at[1]).hypot(1.4) + off;
            let what = Measurement::Uwb { anchor: name.to_owned(), range_m, sigma_m: 0.15 };
            positioner.feed(&[Observation::new(1e3 * secs, what)]);
        }
        positioner.answer()
    };
    for i in 1..10 {
        feed(f64::from(i), 0.0);
    }
    let after = feed(10.0, 6.0).expect("an answer");
    assert!(metres(&after, at) < 1.0, "{after:?}");
}

#[test]
fn a_marker_of_the_venue_a_locked_floor_and_a_set_position_hold() {
    let mut positioner = positioner(1);
    let (id, _) = positioner.watch_position(WatchOptions::default(), 0.0);
    let marker = |id: &str| Measurement::Marker { id: id.to_owned(), at_m: None, floor: None, sigma_m: 0.5 };
    let told = positioner.feed(&[Observation::new(1.0, marker("M1"))]);
    assert!(matches!(&told[..], [WatchEvent::Position(i, p)] if *i == id && metres(p, [50.0, 20.0]) < 0.5), "{told:?}");
    assert_eq!(positioner.observe(&Observation::new(2.0, marker("none"))), Err(Rejected::NotUsed));
    let answer = positioner.answer().expect("an answer");
    assert_eq!(answer.counted.iter().map(|h| h.kind).collect::<Vec<_>>(), ["marker"]);
    positioner.lock_floor(Some(0));
    let locked = positioner.position(2.0).expect("a position");
    assert_eq!((locked.floor, locked.floor_probability), (Some(0), Some(1.0)));
    positioner.lock_floor(None);
    let plane = world().1.plane(0).expect("a plane");
    let there = positioner.set_position(10.0, plane.to_lonlat([10.0, 20.0]), 3.0, Some(0));
    assert!(matches!(&there[..], [WatchEvent::Position(_, p)] if metres(p, [10.0, 20.0]) < 1.0), "{there:?}");
    assert_eq!(positioner.set_position(11.0, [f64::NAN, 0.0], 3.0, None), []);
}

#[test]
fn a_lift_is_told_from_pressure_alone() {
    let mut positioner = positioner(1);
    let marker = Measurement::MapTap { at_m: [56.0, 20.0], floor: 0, sigma_m: 1.0 };
    positioner.feed(&[Observation::new(0.0, marker)]);
    let mut told = Vec::new();
    for i in 1..160 {
        let secs = 0.5 * f64::from(i);
        // Stands for 30 s, rises by 5 m in 10 s, stands.
        let height = ((secs - 30.0) / 2.0).clamp(0.0, 5.0);
        let pressure_hpa = 1009.3 * (1.0 - height / 44_330.77).powf(5.255_88);
        positioner.feed(&[Observation::new(1e3 * secs, Measurement::Barometer { pressure_hpa })]);
        told.push((secs, positioner.answer().and_then(|a| a.floors.last().copied())));
    }
    let floor_1 =
        |secs: f64| told.iter().find(|t| t.0 == secs).and_then(|t| t.1).filter(|f| f.0 == 1).map_or(0.0, |f| f.1);
    assert!(floor_1(29.0) < 0.2 && floor_1(60.0) > 0.8, "{told:?}");
}

#[test]
fn a_walls_other_side_is_not_reached_by_a_noisy_heading() {
    // Along a shop's wall, with a compass that is off towards it.
    let follow = |with_venue: bool| {
        let (_, venue) = world();
        let venue = Some(venue.clone()).filter(|_| with_venue);
        let mut filter = IndoorFilter::new(IndoorOptions { particles: 400, ..IndoorOptions::default() });
        filter.set_venue(venue);
        filter.set_position(Place { at_m: [22.0, 17.5], floor: 0, building: 0 }, 0.4);
        let map = &world().0;
        for i in 0..900_u32 {
            let time_ms = 20.0 * f64::from(i);
            let swing = 3.0 * (std::f64::consts::TAU * 1.9 * time_ms / 1e3).sin();
            let half = (std::f64::consts::FRAC_PI_2 + 0.2) / 2.0;
            let what = Measurement::Inertial {
                accel_mps2: [0.0, 0.0, 9.81 + swing],
                gyro_radps: None,
                magnet_ut: None,
                rotation: Some([0.0, 0.0, -half.sin()]),
            };
            let _ = filter.observe(map, &Observation::new(time_ms, what));
        }
        filter.position(map).expect("a position").at_m
    };
    let (open, walled) = (follow(false), follow(true));
    assert!(open[1] < 15.0, "without walls the compass leads into the shop: {open:?}");
    assert!(walled[1] > 15.5 && walled[0] > 32.0, "{walled:?}");
}
