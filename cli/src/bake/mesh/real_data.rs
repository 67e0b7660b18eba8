//! Meshes of whole cities: nothing broken, nothing missing.

use super::polygon::{self, clean};
use super::*;
use crate::bake::model::{City, Polygon, Solid, extent_outline};
use crate::bake::{Silent, source};
use std::path::Path;

/// A city of the repository or of the shared data; nothing, and a loud line, where it is not there.
#[allow(clippy::print_stderr)] // a skipped test must say so
fn city(path: &str) -> Option<City> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(source::read(&[source::Input::new(path)], &Silent).expect("a city that can be read"))
}

fn check_mesh(mesh: &Mesh, what: &str) {
    assert!(mesh.positions.iter().all(|p| p.is_finite()), "{what}");
    assert!(mesh.normals.iter().all(|normal| (normal.length() - 1.0).abs() < 1e-3), "{what}");
    let vertices = mesh.positions.len();
    assert!(mesh.normals.len() == vertices && mesh.colors.len() == vertices && mesh.features.len() == vertices);
    assert!(mesh.indices.iter().all(|&index| (index as usize) < vertices), "{what}");
    assert!(mesh.outline.iter().flatten().all(|&index| (index as usize) < vertices), "{what}");
    for triangle in mesh.indices.chunks_exact(3) {
        let [a, b, c] = [0, 1, 2].map(|corner| mesh.positions[triangle[corner] as usize]);
        let facing = (b - a).cross(c - a).normalize_or_zero().as_vec3();
        assert!(facing.dot(mesh.normals[triangle[0] as usize]) > 0.0, "{what}: {facing} at {a}");
    }
}

/// Area in plan of what looks up, m².
fn seen_from_above(mesh: &Mesh) -> f64 {
    let triangles = mesh.indices.chunks_exact(3);
    triangles
        .map(|triangle| {
            let [a, b, c] = [0, 1, 2].map(|corner| mesh.positions[triangle[corner] as usize]);
            (b - a).cross(c - a).z.max(0.0) * 0.5
        })
        .sum()
}

fn solid_area(solid: &Solid) -> f64 {
    clean(&solid.footprint).map_or(0.0, |footprint| polygon::area(&footprint))
}

fn check_buildings(city: &City) -> [usize; 3] {
    let mut triangles = [0; 3];
    for building in &city.buildings {
        let id = &building.tags.id;
        let mut full = Mesh::default();
        assert!(super::building(building, Detail::FULL, 1, &mut full), "{id} is not drawn");
        check_mesh(&full, id);
        let (drawn, expected) = (seen_from_above(&full), building.solids.iter().map(solid_area).sum::<f64>());
        assert!((drawn / expected - 1.0).abs() < 0.01, "{id}: {drawn} m² of {expected} m²");
        let (_, high) = full.bounds().expect("a mesh");
        let top_m = building.solids.iter().map(|solid| solid.top_m).fold(0.0, f64::max);
        assert!((high.z - top_m).abs() < 1e-3, "{id}: {} m of {top_m} m", high.z);
        triangles[0] += full.triangle_count();
        for (count, error_m) in triangles[1..].iter_mut().zip([4.0, 16.0]) {
            let mut coarse = Mesh::default();
            super::building(building, Detail { error_m }, 1, &mut coarse);
            check_mesh(&coarse, id);
            *count += coarse.triangle_count();
            if let (Some((_, coarse)), false) = (coarse.bounds(), building.solids.is_empty()) {
                assert!((coarse.z - high.z).abs() <= error_m + 1e-3, "{id}: {} m for {} m", coarse.z, high.z);
            }
        }
    }
    triangles
}

fn check_flat(city: &City) -> [[usize; 3]; 3] {
    let extent = Polygon { outer: extent_outline(&city.extent, city.origin), holes: vec![] };
    let mut triangles = [[0; 3]; 3];
    for (column, error_m) in [0.0, 4.0, 16.0].into_iter().enumerate() {
        let detail = Detail { error_m };
        let (mut ground, mut ways, mut bridges) = (Layers::default(), Layers::default(), Mesh::default());
        extent_ground(&extent, 0, &mut ground);
        for thing in &city.areas {
            let drawn = area(thing, Some(&extent), detail, 1, &mut ground);
            assert!(drawn || error_m > 0.0, "{} is not drawn", thing.tags.id);
        }
        for way in &city.ways {
            let drawn = if way.bridge {
                way_bridge(way, Some(&extent), detail, 1, &mut bridges)
            } else {
                way_flat(way, Some(&extent), detail, 1, &mut ways)
            };
            assert!(drawn || error_m > 0.0, "{} is not drawn", way.tags.id);
        }
        for (row, mesh) in [ground.into_merged(), ways.into_merged(), bridges].iter().enumerate() {
            check_mesh(mesh, "flat");
            triangles[row][column] = mesh.triangle_count();
            let beyond = mesh.positions.iter().find(|p| !within(&extent, p.truncate()));
            assert!(beyond.is_none(), "{beyond:?} lies outside of the extent");
        }
    }
    triangles
}

/// Inside, or less than a centimetre outside.
fn within(extent: &Polygon, p: glam::DVec2) -> bool {
    let ring = &extent.outer;
    let (mut inside, mut near) = (false, false);
    for (index, &a) in ring.iter().enumerate() {
        let b = ring[(index + 1) % ring.len()];
        inside ^= (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x);
        let t = ((p - a).dot(b - a) / (b - a).length_squared()).clamp(0.0, 1.0);
        near |= p.distance(a + (b - a) * t) < 0.01;
    }
    inside || near
}

#[allow(clippy::print_stderr)] // numbers for whoever runs it with --nocapture
fn check(path: &str) {
    let Some(city) = city(path) else { return };
    let start = std::time::Instant::now();
    let buildings = check_buildings(&city);
    let between = start.elapsed();
    let [ground, ways, bridges] = check_flat(&city);
    eprintln!("{path}: triangles at full detail and at errors of 4 and 16 m:");
    eprintln!("  {} buildings {buildings:?} in {between:?}", city.buildings.len());
    eprintln!("  ground {ground:?}, ways {ways:?}, bridges {bridges:?} in {:?}", start.elapsed() - between);
}

#[test]
fn helsinki_is_drawn_whole() {
    check("../demo/Helsinki.osm.pbf");
}

#[test]
fn other_cities_are_drawn_whole() {
    for file in ["monaco.osm.pbf", "nyc.osm.pbf", "suburb.osm.pbf", "berlin-siegessaeule.osm.gz"] {
        check(&format!("../../shared/data/osm/{file}"));
    }
}
