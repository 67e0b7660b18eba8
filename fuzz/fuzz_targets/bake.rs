//! Any bytes as an input of a bake: OpenStreetMap, GeoJSON, FlatGeobuf, GeoParquet, CityJSON, CityGML, GeoTIFF, packed or
//! not.
#![no_main]

use citytwin::bake::Input;
use citytwin::bake::source::read_bytes;
use citytwin_fuzz as _;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // A CRS that takes small numbers, so that what is found has a place.
    let input = Input { crs: Some("EPSG:28992".into()), ..Input::new("fuzz") };
    let _ = read_bytes(&input, data);
});
