//! Venues: IMDF, IndoorGML and other GeoJSON, a file or several with a line of dashes between.
#![no_main]

use citytwin_fuzz as _;
use citytwin_positioning::venue::Venue;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let names = ["level.geojson", "F1/geojson_map.json", "F1/floor_info.json", "a_node.geojson", "a_link.geojson"];
    let files: Vec<(&str, &str)> = text.split("\n---\n").zip(names.iter().cycle()).map(|(t, n)| (*n, t)).collect();
    let Ok(venue) = Venue::read(&files, None) else { return };
    for level in &venue.levels {
        assert!(level.elevation_m.is_finite());
        venue.walls_between(level.floor, [-1e3, -1e3], [1e3, 1e3]);
        venue.contains(level.floor, [1.0, 1.0]);
        if let Some(plane) = venue.plane(level.floor) {
            assert!(plane.to_lonlat([1.0, 1.0]).iter().all(|x| x.is_finite()));
        }
    }
});
