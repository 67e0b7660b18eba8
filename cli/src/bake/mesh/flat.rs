//! What lies on the ground: areas and the ribbons of ways; and bridges, which are ribbons with a thickness.
//!
//! Drawing orders: 0 the bare ground, then areas by class; from [`Layers::FIRST_WAY`] on water lines, all casings, then
//! fills by class, rails last. Since every fill lies above every casing, roads run into each other at junctions.

use super::palette::{BALLAST, CASING, GROUND, TRACK, area_color, shade, way_color};
use super::polygon::{Caps, clean, extent_of, holds, intersection, parallel, ribbon, simplify, simplify_line};
use super::triangulate::triangulate;
use super::{Detail, Layers, Mesh};
use crate::bake::model::{Area, Polygon, Way, WayClass};
use glam::{DVec2, DVec3, Vec3};

/// Orders of ways.
const WATERWAY_ORDER: u32 = Layers::FIRST_WAY;
const CASING_ORDER: u32 = Layers::FIRST_WAY + 1;
const FILL_ORDER: u32 = Layers::FIRST_WAY + 2;
const BALLAST_ORDER: u32 = Layers::FIRST_WAY + 18;
const RAIL_ORDER: u32 = Layers::FIRST_WAY + 19;

/// How much a casing is wider than its road on either side, metres.
const CASING_M: f64 = 0.3;
/// How far a round cap's or join's chords are from the arc at full detail, metres.
const ARC_ERROR_M: f64 = 0.07;
/// From the middle of a track to a rail, and how wide a rail is drawn (wider than it is, or none would be seen).
const HALF_GAUGE_M: f64 = 0.75;
const RAIL_M: f64 = 0.22;
/// A track coarser than this error is one band, metres.
const ONE_BAND_ERROR_M: f64 = 0.5;
/// A bridge's deck is so thick, metres.
const DECK_M: f64 = 0.9;

/// Height of an order above the ground, metres: by order, and never above 0.3 m. Viewers that know nothing of drawing
/// orders see layers apart instead of flickering.
fn height_m(order: u32) -> f64 {
    if order < Layers::FIRST_WAY {
        0.012 * f64::from(order)
    } else {
        0.16 + 0.007 * f64::from(order - Layers::FIRST_WAY)
    }
}

/// The bare ground of the whole extent; `extent` is its border.
pub fn extent_ground(extent: &Polygon, feature: u32, out: &mut Layers) {
    if let Some(extent) = clean(extent) {
        lay(&extent, GROUND, 0, feature, out);
    }
}

/// Draws an area, cut off at `extent` where one is given; whether there was anything to draw at this detail.
pub fn area(area: &Area, extent: Option<&Polygon>, detail: Detail, feature: u32, out: &mut Layers) -> bool {
    let order = 1 + area.class as u32;
    let mut drawn = false;
    for polygon in area.polygons.iter().filter_map(clean) {
        if extent_of(&polygon.outer) < detail.error_m * 0.5 {
            continue;
        }
        let coarse = if detail.is_full() {
            polygon
        } else {
            simplify(&polygon, detail.error_m / 8.0, detail.error_m * detail.error_m)
        };
        for piece in cut(coarse, extent) {
            drawn |= lay(&piece, area_color(area.class), order, feature, out);
        }
    }
    drawn
}

/// Draws a way at grade as a ribbon, cut off at `extent`; whether there was anything to draw at this detail.
/// Draws nothing for a bridge.
pub fn way_flat(way: &Way, extent: Option<&Polygon>, detail: Detail, feature: u32, out: &mut Layers) -> bool {
    if way.bridge {
        return false;
    }
    let mut drawn = false;
    for stripe in stripes(way, detail) {
        for polygon in stripe.polygons {
            for piece in cut(polygon, extent) {
                drawn |= lay(&piece, stripe.color, stripe.order, feature, out);
            }
        }
    }
    drawn
}

/// Draws a bridge as a deck with thickness, cut off at `extent`; whether there was anything to draw at this detail.
/// Draws nothing for a way at grade.
pub fn way_bridge(way: &Way, extent: Option<&Polygon>, detail: Detail, feature: u32, out: &mut Mesh) -> bool {
    if !way.bridge {
        return false;
    }
    let before = out.indices.len();
    let deck_m = if way.deck_m.is_finite() { way.deck_m.clamp(0.0, 500.0) } else { 0.0 };
    for stripe in stripes(way, detail).into_iter().filter(|stripe| stripe.order != CASING_ORDER) {
        // Bridges side by side overlap where their ribbons are wider than they are: the higher class lies on top.
        let top_m = deck_m + 0.1 + height_m(stripe.order);
        let is_rail = stripe.order == RAIL_ORDER && stripe.color != BALLAST;
        let foot_m = if is_rail { top_m } else { (top_m - DECK_M).max(0.0) };
        for polygon in stripe.polygons {
            for piece in cut(polygon, extent) {
                deck(&piece, foot_m, top_m, stripe.color, feature, out);
            }
        }
    }
    out.indices.len() > before
}

/// One ribbon of a way.
struct Stripe {
    order: u32,
    color: [u8; 3],
    polygons: Vec<Polygon>,
}

/// The ribbons that a way is drawn with at a detail, from the lowest to the highest.
fn stripes(way: &Way, detail: Detail) -> Vec<Stripe> {
    let error_m = detail.error_m.max(0.0);
    let width_m = way.width_m;
    let finite: Vec<DVec2> = way.line.iter().copied().filter(|p| p.is_finite()).collect();
    // At the usual 16 pixels of error, a ribbon goes when it is 3 pixels wide or 4 long, unless it leads far.
    let is_needless = width_m < error_m / 5.0 || extent_of(&finite) < error_m / 4.0;
    let leads_far = way.class >= WayClass::Tertiary;
    if !width_m.is_finite() || width_m <= 0.0 || (is_needless && !leads_far) {
        return Vec::new();
    }
    let line = if detail.is_full() { finite } else { simplify_line(&finite, error_m / 8.0) };
    let arc_error_m = (error_m / 16.0).max(ARC_ERROR_M);
    let width_m = width_m.max(error_m / 10.0);
    // Stairs begin and end straight, and so does what is wider than long.
    let is_straight = way.bridge || way.class == WayClass::Steps || extent_of(&line) < width_m;
    let caps = if is_straight { Caps::Butt } else { Caps::Round };
    let band = |order: u32, color: [u8; 3], width_m: f64, caps: Caps| Stripe {
        order,
        color,
        polygons: ribbon(&line, width_m, caps, arc_error_m),
    };
    let color = way_color(way.class);
    match way.class {
        WayClass::Waterway => vec![band(WATERWAY_ORDER, color, width_m, caps)],
        WayClass::Rail | WayClass::Tram => tracks(way, &line, width_m, error_m, band),
        class => {
            let mut stripes = Vec::with_capacity(2);
            if class >= WayClass::Pedestrian && error_m < CASING_M * 16.0 {
                stripes.push(band(CASING_ORDER, CASING, width_m + 2.0 * CASING_M, caps));
            }
            stripes.push(band(FILL_ORDER + class as u32, color, width_m, caps));
            stripes
        }
    }
}

/// A track: its ballast (trams run in the street and have none) and two rails; from afar one band.
fn tracks(
    way: &Way,
    line: &[DVec2],
    width_m: f64,
    error_m: f64,
    band: impl Fn(u32, [u8; 3], f64, Caps) -> Stripe,
) -> Vec<Stripe> {
    let color = way_color(way.class);
    let is_tram = way.class == WayClass::Tram;
    if error_m > ONE_BAND_ERROR_M {
        let narrow = (2.0 * HALF_GAUGE_M).max(error_m / 10.0);
        // A band covers what lies between the rails too: as dark as rails, it would be darker than they are.
        let soft = if is_tram { BALLAST } else { TRACK };
        return vec![band(RAIL_ORDER, soft, narrow.min(width_m), Caps::Butt)];
    }
    let mut stripes = Vec::with_capacity(2);
    // A bridge needs its deck, whatever runs on it.
    if !is_tram || way.bridge {
        stripes.push(band(BALLAST_ORDER, BALLAST, width_m, Caps::Butt));
    }
    let rails = [HALF_GAUGE_M, -HALF_GAUGE_M].map(|offset| ribbon(&parallel(line, offset), RAIL_M, Caps::Butt, 0.1));
    stripes.push(Stripe { order: RAIL_ORDER, color, polygons: rails.into_iter().flatten().collect() });
    stripes
}

/// The parts of a polygon inside the extent.
fn cut(polygon: Polygon, extent: Option<&Polygon>) -> Vec<Polygon> {
    match extent {
        Some(extent) if !holds(extent, &polygon.outer) => {
            intersection(&polygon, extent).iter().filter_map(clean).collect()
        }
        _ => vec![polygon],
    }
}

/// Lays a polygon on its order; whether it has any triangles.
fn lay(polygon: &Polygon, color: [u8; 3], order: u32, feature: u32, out: &mut Layers) -> bool {
    let found = triangulate(polygon);
    if found.triangles.is_empty() {
        return false;
    }
    let mesh = out.layer(order);
    let first = mesh.positions.len() as u32;
    let color = shade(color, 1.0);
    for point in found.points {
        mesh.vertex(point.extend(height_m(order)), Vec3::Z, color, feature);
    }
    mesh.indices.extend(found.triangles.iter().flatten().map(|index| first + index));
    true
}

/// A slab: top, sides and underside; only a top when it has no thickness.
fn deck(plan: &Polygon, foot_m: f64, top_m: f64, color: [u8; 3], feature: u32, out: &mut Mesh) {
    /// The colours of a slab's sides and underside as shares of its own.
    const SIDE_SHADE: f32 = 0.86;
    const UNDERSIDE_SHADE: f32 = 0.7;
    let found = triangulate(plan);
    if found.triangles.is_empty() {
        return;
    }
    let first = out.positions.len() as u32;
    for &point in &found.points {
        out.vertex(point.extend(top_m), Vec3::Z, shade(color, 1.0), feature);
    }
    out.indices.extend(found.triangles.iter().flatten().map(|index| first + index));
    if top_m - foot_m < 0.01 {
        return;
    }
    let first = out.positions.len() as u32;
    for &point in &found.points {
        out.vertex(point.extend(foot_m), Vec3::NEG_Z, shade(color, UNDERSIDE_SHADE), feature);
    }
    out.indices.extend(found.triangles.iter().flat_map(|&[a, b, c]| [first + a, first + c, first + b]));
    for ring in std::iter::once(&plan.outer).chain(&plan.holes) {
        for (index, &from) in ring.iter().enumerate() {
            let to = ring[(index + 1) % ring.len()];
            let normal = (-(to - from).normalize_or(DVec2::Y).perp()).extend(0.0).as_vec3();
            let side = |p: DVec2, z: f64| -> DVec3 { p.extend(z) };
            let color = shade(color, SIDE_SHADE);
            let corners = [side(from, foot_m), side(to, foot_m), side(to, top_m), side(from, top_m)];
            let [a, b, c, d] = corners.map(|corner| out.vertex(corner, normal, color, feature));
            out.indices.extend([a, b, c, a, c, d]);
            out.outline.extend([[d, c], [a, b]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::polygon;
    use super::super::test_shapes::{Seeded, ring, star};
    use super::*;
    use crate::bake::model::{AreaClass, Tags};

    fn way(class: WayClass, line: &[(f64, f64)], width_m: f64) -> Way {
        let line = line.iter().map(|&(x, y)| DVec2::new(x, y)).collect();
        Way { tags: Tags::default(), class, line, width_m, deck_m: 0.0, bridge: false }
    }

    fn square(half: f64) -> Polygon {
        let outer = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(x, y)| DVec2::new(x, y) * half).into();
        Polygon { outer, holes: vec![] }
    }

    /// Area in plan of what looks up, m²; everything must be sound.
    fn covered(mesh: &Mesh) -> f64 {
        assert!(mesh.positions.iter().all(|p| p.is_finite()));
        let mut covered = 0.0;
        for triangle in mesh.indices.chunks_exact(3) {
            let [a, b, c] = [0, 1, 2].map(|corner| mesh.positions[triangle[corner] as usize]);
            let facing = (b - a).cross(c - a);
            let normal = mesh.normals[triangle[0] as usize];
            assert!(facing.normalize().as_vec3().dot(normal) > 0.99, "{facing} {normal}");
            covered += facing.z.max(0.0) * 0.5;
        }
        covered
    }

    fn flat(way: &Way, extent: Option<&Polygon>, error_m: f64) -> Layers {
        let mut layers = Layers::default();
        way_flat(way, extent, Detail { error_m }, 3, &mut layers);
        layers
    }

    #[test]
    fn areas_cover_themselves_less_their_holes() {
        let hole: Vec<DVec2> = ring(0.0, 0.0, 3.0, 9).into_iter().rev().collect();
        let park = Polygon { outer: ring(1.0, 1.0, 30.0, 40), holes: vec![hole] };
        let area_m2 = polygon::area(&park);
        let thing = Area { tags: Tags::default(), class: AreaClass::Park, polygons: vec![park] };
        let mut layers = Layers::default();
        assert!(area(&thing, None, Detail::FULL, 1, &mut layers));
        assert!((covered(&layers.clone().into_merged()) / area_m2 - 1.0).abs() < 1e-9);
        let mut layers = Layers::default();
        assert!(area(&thing, Some(&square(10.0)), Detail::FULL, 1, &mut layers));
        let within = covered(&layers.clone().into_merged());
        assert!((within - (400.0 - polygon::signed_area(&ring(0.0, 0.0, 3.0, 9)))).abs() < 1e-3, "{within}");
    }

    #[test]
    fn small_areas_and_holes_go_from_afar() {
        let hole: Vec<DVec2> = ring(0.0, 0.0, 3.0, 9).into_iter().rev().collect();
        let park = Polygon { outer: ring(0.0, 0.0, 30.0, 40), holes: vec![hole] };
        let thing = Area { tags: Tags::default(), class: AreaClass::Park, polygons: vec![park] };
        let triangles = |error_m: f64| {
            let mut layers = Layers::default();
            area(&thing, None, Detail { error_m }, 1, &mut layers);
            covered(&layers.clone().into_merged());
            layers.into_merged().triangle_count()
        };
        assert_eq!(triangles(0.0), 40 + 9);
        assert!((2..20).contains(&triangles(16.0)), "{}", triangles(16.0));
        assert_eq!(triangles(128.0), 0);
    }

    #[test]
    fn a_straight_road_is_as_wide_as_it_says_and_ends_round() {
        let road = way(WayClass::Residential, &[(0.0, 0.0), (100.0, 0.0)], 6.0);
        let layers = flat(&road, None, 0.0);
        let round = std::f64::consts::PI * 9.0;
        let fill = covered(&layers.0[&(FILL_ORDER + WayClass::Residential as u32)]);
        assert!((fill - 600.0 - round).abs() < 0.03 * round, "{fill}");
        let rim = covered(&layers.0[&CASING_ORDER]);
        assert!((rim - 660.0 - 1.21 * round).abs() < 0.04 * round, "{rim}");
        assert!(layers.0.values().flat_map(|mesh| &mesh.features).all(|&feature| feature == 3));
    }

    #[test]
    fn ribbons_end_at_the_extent() {
        let border = square(50.0);
        for class in [WayClass::Primary, WayClass::Footway, WayClass::Rail, WayClass::Waterway] {
            let crossing = way(class, &[(-50.0, -20.0), (10.0, 5.0), (50.0, 5.0)], 8.0);
            let merged = flat(&crossing, Some(&border), 0.0).into_merged();
            let (low, high) = merged.bounds().expect("a ribbon");
            assert!(low.x > -50.001 && high.x < 50.001 && low.x < -49.9 && high.x > 49.9, "{class:?}: {low} {high}");
        }
    }

    #[test]
    fn casings_lie_below_all_fills_and_nothing_is_higher_than_30_cm() {
        let mut layers = Layers::default();
        for class in [WayClass::Steps, WayClass::Motorway, WayClass::Rail, WayClass::Tram, WayClass::Waterway] {
            way_flat(&way(class, &[(0.0, 0.0), (30.0, 9.0)], 4.0), None, Detail::FULL, 0, &mut layers);
        }
        extent_ground(&square(50.0), 0, &mut layers);
        let heights: Vec<f64> = layers.0.values().map(|mesh| mesh.positions[0].z).collect();
        assert!(heights.is_sorted() && heights[0] == 0.0 && heights[heights.len() - 1] <= 0.3, "{heights:?}");
        assert!(layers.0.keys().filter(|&&order| order >= FILL_ORDER).count() >= 3);
        assert!(layers.0.contains_key(&CASING_ORDER));
        assert!(height_m(1 + AreaClass::Pier as u32) < height_m(Layers::FIRST_WAY));
    }

    #[test]
    fn a_roundabout_has_its_middle_open() {
        let mut line: Vec<(f64, f64)> = ring(0.0, 0.0, 15.0, 24).iter().map(|p| (p.x, p.y)).collect();
        line.push(line[0]);
        let layers = flat(&way(WayClass::Tertiary, &line, 6.0), None, 0.0);
        let fill = covered(&layers.0[&(FILL_ORDER + WayClass::Tertiary as u32)]);
        assert!((fill / (std::f64::consts::TAU * 15.0 * 6.0) - 1.0).abs() < 0.03, "{fill}");
    }

    #[test]
    fn any_crooked_line_has_a_sound_ribbon() {
        let mut seeded = Seeded(11);
        for round in 0..200 {
            let line: Vec<(f64, f64)> = star(&mut seeded, DVec2::splat(5e3)).iter().map(|p| (p.x, p.y)).collect();
            for class in [WayClass::Footway, WayClass::Primary, WayClass::Rail, WayClass::Tram] {
                for error_m in [0.0, 2.0, 16.0] {
                    let mut crooked = way(class, &line, 0.5 + 20.0 * seeded.next());
                    covered(&flat(&crooked, None, error_m).into_merged());
                    (crooked.bridge, crooked.deck_m) = (true, 5.0);
                    let mut mesh = Mesh::default();
                    way_bridge(&crooked, None, Detail { error_m }, 0, &mut mesh);
                    assert!(covered(&mesh) > 0.0 || (class == WayClass::Footway && error_m > 0.0), "{round} {class:?}");
                }
            }
        }
    }

    #[test]
    fn bridges_stand_and_roads_lie() {
        let mut bridge = way(WayClass::Primary, &[(0.0, 0.0), (40.0, 0.0)], 10.0);
        (bridge.bridge, bridge.deck_m) = (true, 6.0);
        assert!(flat(&bridge, None, 0.0).0.is_empty());
        let mut mesh = Mesh::default();
        assert!(way_bridge(&bridge, None, Detail::FULL, 5, &mut mesh));
        let (low, high) = mesh.bounds().expect("a deck");
        assert!(high.z > 6.0 && high.z < 6.5 && (high.z - low.z - DECK_M).abs() < 1e-9, "{low} {high}");
        assert_eq!(mesh.triangle_count(), 2 + 2 + 8);
        assert!((covered(&mesh) - 400.0).abs() < 0.1);
        bridge.bridge = false;
        assert!(!way_bridge(&bridge, None, Detail::FULL, 5, &mut Mesh::default()));
    }

    #[test]
    fn broken_lines_draw_nothing() {
        for line in [vec![], vec![(0.0, 0.0)], vec![(1.0, 1.0); 5], vec![(f64::NAN, 0.0), (f64::INFINITY, 1.0)]] {
            for class in [WayClass::Primary, WayClass::Rail, WayClass::Waterway] {
                for error_m in [0.0, 4.0] {
                    assert!(flat(&way(class, &line, 5.0), Some(&square(9.0)), error_m).into_merged().is_empty());
                }
            }
        }
        for width_m in [0.0, -4.0, f64::NAN, f64::INFINITY, 1e9] {
            assert!(flat(&way(WayClass::Path, &[(0.0, 0.0), (9.0, 0.0)], width_m), None, 0.0).into_merged().is_empty());
        }
    }

    #[test]
    fn only_ways_that_lead_far_are_left_from_afar() {
        let line = [(0.0, 0.0), (100.0, 0.0), (200.0, 1.0)];
        assert!(flat(&way(WayClass::Footway, &line, 2.0), None, 32.0).into_merged().is_empty());
        assert!(!flat(&way(WayClass::Primary, &line, 2.0), None, 32.0).into_merged().is_empty());
    }
}
