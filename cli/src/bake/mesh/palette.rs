//! Colours by day, sRGB. Bright and calm: data that is drawn on the city later must be the most saturated thing.

use crate::bake::model::{AreaClass, WayClass};

/// The bare ground.
pub(super) const GROUND: [u8; 3] = [0xef, 0xec, 0xe6];
/// The rim of a road.
pub(super) const CASING: [u8; 3] = [0xd3, 0xcd, 0xc2];
/// What rails lie on.
pub(super) const BALLAST: [u8; 3] = [0xe0, 0xdb, 0xd1];

/// A track from afar: rails and what lies between them.
pub(super) const TRACK: [u8; 3] = [0xcd, 0xc8, 0xbe];

/// A pane of glass.
pub(super) const WINDOW: [u8; 3] = [0xb9, 0xc6, 0xce];
/// Tiles of a pitched roof: half of its colour.
const TILES: [u8; 3] = [0xc9, 0x8f, 0x77];

/// The colour of a pitched roof of a house whose flat roof would have this one.
pub(super) fn pitched(roof: [u8; 3]) -> [u8; 3] {
    std::array::from_fn(|i| ((u16::from(roof[i]) + u16::from(TILES[i])) / 2) as u8)
}

/// The colour of an area.
pub(super) fn area_color(class: AreaClass) -> [u8; 3] {
    match class {
        AreaClass::Residential => [0xec, 0xe8, 0xe0],
        AreaClass::Commercial => [0xed, 0xe5, 0xda],
        AreaClass::Industrial => [0xe6, 0xe2, 0xdc],
        AreaClass::Sand => [0xef, 0xe6, 0xc8],
        AreaClass::Grass => [0xd6, 0xe4, 0xc6],
        AreaClass::Park => [0xcf, 0xe0, 0xbf],
        AreaClass::Wood => [0xb5, 0xcf, 0xa4],
        AreaClass::Pitch => [0xc3, 0xdb, 0xb8],
        AreaClass::Plaza => [0xe9, 0xe3, 0xd6],
        AreaClass::Parking => [0xe4, 0xe0, 0xd8],
        AreaClass::Water => [0xa9, 0xcb, 0xe0],
        AreaClass::Pier => [0xd9, 0xcf, 0xbd],
    }
}

/// The colour of a way's surface; of the rails themselves for rails.
pub(super) fn way_color(class: WayClass) -> [u8; 3] {
    match class {
        WayClass::Steps => [0xd5, 0xcd, 0xbf],
        WayClass::Path | WayClass::Footway => [0xdf, 0xd9, 0xcd],
        WayClass::Cycleway => [0xdc, 0xd9, 0xd2],
        WayClass::Pedestrian => [0xe7, 0xe1, 0xd5],
        WayClass::Service => [0xf5, 0xf3, 0xee],
        WayClass::Residential => [0xf8, 0xf6, 0xf2],
        WayClass::Tertiary => [0xfb, 0xfa, 0xf7],
        WayClass::Secondary => [0xfd, 0xfc, 0xfa],
        WayClass::Primary | WayClass::Trunk | WayClass::Motorway => [0xff, 0xff, 0xff],
        WayClass::Rail | WayClass::Tram => [0xb9, 0xb3, 0xaa],
        WayClass::Waterway => area_color(AreaClass::Water),
    }
}

/// A colour made darker (`factor` below 1) or lighter, with full alpha.
pub(super) fn shade(color: [u8; 3], factor: f32) -> [u8; 4] {
    let [r, g, b] = color.map(|channel| (f32::from(channel) * factor).round().clamp(0.0, 255.0) as u8);
    [r, g, b, 255]
}
