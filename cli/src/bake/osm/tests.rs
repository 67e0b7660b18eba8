//! Whole files through the front door.

use super::*;
use crate::bake::Silent;

#[test]
fn helsinki_print() {
    let t = std::time::Instant::now();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../demo/Helsinki.osm.pbf");
    let path = std::env::var("OSM").map(PathBuf::from).unwrap_or(path);
    let city = read(&[path], &Silent).unwrap();
    eprintln!("{:?} {:?}", t.elapsed(), city.extent);
    eprintln!("b {} a {} w {} p {} pl {}", city.buildings.len(), city.areas.len(), city.ways.len(), city.points.len(), city.places.len());
    for (k, w) in &city.warnings.0 { eprintln!("{k} {} {:?}", w.count, w.examples); }
}
