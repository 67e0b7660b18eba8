//! OpenStreetMap bytes → [`City`].
//!
//! `source` tells the formats apart, `pbf` and `xml` read them into `raw` elements; `ground` says which piece of the
//! Earth is baked; `areal` makes polygons of ways and relations; `building`, `areas` (with `coast`), `ways`, `points`
//! and `places` make the things of the city, each with its tags (`tags`, `values`, `color`). `shape` is plane geometry.
//!
//! The bytes are not trusted: whatever is in them gives a [`BakeError`] or a counted warning. Things whose only fault
//! is that they lie across the border of the extract are cut there (areas, ways), kept whole (buildings) or, where
//! their nodes are missing, left out and counted.

mod areal;
mod areas;
mod building;
mod coast;
mod color;
mod ground;
mod pbf;
mod places;
mod points;
mod raw;
mod shape;
mod source;
pub(super) mod tags;
#[cfg(test)]
mod tests;
mod values;
mod ways;
mod xml;

use super::model::City;
use super::{BakeError, Progress};
use ground::Ground;
use raw::Raw;
use std::path::PathBuf;

/// Reads OpenStreetMap files (`.osm.pbf`, `.osm`, `.osm.gz`, recognised by their content) as one city; elements of the
/// same id are one.
///
/// # Errors
/// [`BakeError::Io`] when a file cannot be opened; [`BakeError::Input`] with the file and the place in it when it is
/// cut off, damaged or no OpenStreetMap data; [`BakeError::Empty`] when there is nothing in it to draw.
pub fn read(paths: &[PathBuf], progress: &dyn Progress) -> Result<City, BakeError> {
    let mut raw = Raw::new();
    let total = paths.iter().map(|p| p.metadata().map(|m| m.len()).ok()).sum();
    progress.stage("read", total);
    for path in paths {
        source::read(path, &mut raw, progress)?;
    }
    city(raw, progress)
}

fn city(mut raw: Raw, progress: &dyn Progress) -> Result<City, BakeError> {
    let mut warnings = std::mem::take(&mut raw.warnings);
    let ground = Ground::new(ground::extent(&raw, &mut warnings).ok_or(BakeError::Empty)?);
    let buildings = building::read(&raw, &ground, &mut warnings, progress);
    let areas = areas::read(&raw, &ground, &mut warnings, progress);
    let ways = ways::read(&raw, &ground, &mut warnings, progress);
    let points = points::read(&raw, &ground, &mut warnings);
    let places = places::read(&raw, &ground);
    if buildings.is_empty() && areas.is_empty() && ways.is_empty() && points.is_empty() {
        return Err(BakeError::Empty);
    }
    let (origin, extent) = (ground.origin(), ground.extent);
    let title = places::city_name(&raw, &ground);
    Ok(City { origin, extent, title, buildings, areas, ways, points, places, warnings })
}
