//! A made-up walk ends at the same place in a browser as natively.
#![allow(missing_docs)]

use citytwin_positioning::simulate::{Devices, radio_map, venue, walk};
use citytwin_positioning::{Positioner, PositionerOptions};
use std::sync::Arc;

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test::wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn a_walk_ends_at_the_same_place_to_a_nanometre() {
    let options =
        PositionerOptions { map: Some(radio_map()), venue: Some(Arc::new(venue())), ..PositionerOptions::default() };
    let mut positioner = Positioner::new(options);
    let observations = walk(4, Devices::ALL).observations;
    let entering =
        observations.partition_point(|o| o.time_ms < 45e3)..observations.partition_point(|o| o.time_ms < 75e3);
    for batch in observations[entering].chunks(200) {
        positioner.feed(batch);
    }
    let answer = positioner.answer().expect("an answer");
    let [east, north] = answer.at_m.expect("in the venue");
    let found = [east, north, answer.radius_m, answer.indoor_probability];
    let expected = [16.992_966_758_082_858, 20.043_650_782_408_17, 1.536_678_398_121_077, 0.945_254_047_207_723_1];
    for (found, expected) in found.into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9, "{answer:?}");
    }
}
