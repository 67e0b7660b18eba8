//! A frame of a view that is all loaded takes no memory from the heap.

#[path = "../benches/grown_city/mod.rs"]
mod grown_city;

#[test]
fn a_frame_in_the_steady_state_allocates_nothing() {
    let mut engine = grown_city::grown(20_000);
    // Once around, so that every list is as long as it will ever be.
    for turn in 0..360 {
        engine.update_at(&grown_city::view(f64::from(turn)), f64::from(turn));
    }
    let mut drawn = 0;
    let info = allocation_counter::measure(|| {
        for turn in 0..360 {
            drawn += engine.update_at(&grown_city::view(f64::from(turn)), f64::from(360 + turn)).draw.len();
        }
    });
    assert!(drawn > 360 * 100, "{drawn} tiles in 360 frames");
    assert_eq!((info.count_total, info.bytes_total), (0, 0), "allocations and bytes in 360 frames");
}
