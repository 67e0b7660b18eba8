//! Observations of both forms, and what an engine makes of any stream of them in a venue with a radio map.
#![no_main]

use citytwin_fuzz as _;
use citytwin_positioning::radio::RadioMap;
use citytwin_positioning::venue::Venue;
use citytwin_positioning::{IndoorOptions, Observation, Positioner, PositionerOptions, simulate, wire};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, OnceLock};

fn world() -> &'static (RadioMap, Arc<Venue>) {
    static WORLD: OnceLock<(RadioMap, Arc<Venue>)> = OnceLock::new();
    WORLD.get_or_init(|| (simulate::radio_map(), Arc::new(simulate::venue())))
}

fuzz_target!(|data: &[u8]| {
    let read = match wire::decode(data) {
        Ok(read) => {
            let (bytes, left_out) = wire::encode(&read);
            assert!(
                left_out == 0 && wire::decode(&bytes).as_ref() == Ok(&read),
                "what was read is not written the same"
            );
            read
        }
        Err(_) => serde_json::from_slice::<Vec<Observation>>(data).unwrap_or_default(),
    };
    let (map, venue) = world();
    let indoor = IndoorOptions { particles: 50, ..IndoorOptions::default() };
    let options = PositionerOptions {
        indoor,
        map: Some(map.clone()),
        venue: Some(venue.clone()),
        ..PositionerOptions::default()
    };
    let mut positioner = Positioner::new(options);
    for batch in read.chunks(3) {
        positioner.feed(batch);
        let Some(p) = positioner.answer() else { continue };
        let coords = p.coords.iter().flat_map(|c| [c.latitude, c.longitude, c.accuracy]);
        let numbers = coords.chain(p.covariance_m2).chain([p.radius_m, p.indoor_probability, p.timestamp]);
        assert!(numbers.chain(p.at_m.into_iter().flatten()).all(f64::is_finite), "{p:?}");
    }
});
