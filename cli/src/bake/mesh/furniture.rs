//! Our own low-poly models of street furniture and trees.
//!
//! Each stands at the origin with its foot at z = 0 and faces north (+y); 1 unit is 1 m. What stands on the ground has
//! no underside.

use super::Mesh;
use super::palette::shade;
use crate::bake::model::PointClass;
use glam::{DVec2, DVec3};
use std::f64::consts::{FRAC_PI_2, TAU};

const BARK: [u8; 3] = [0x9a, 0x86, 0x70];
const LEAF: [u8; 3] = [0xa3, 0xc4, 0x8d];
const LEAF_DARK: [u8; 3] = [0x8d, 0xb3, 0x7b];
const NEEDLE: [u8; 3] = [0x83, 0xa8, 0x7c];
const METAL: [u8; 3] = [0x8b, 0x91, 0x96];
const DARK_METAL: [u8; 3] = [0x5c, 0x62, 0x68];
const PALE: [u8; 3] = [0xf4, 0xf1, 0xe9];
const GLOW: [u8; 3] = [0xff, 0xf3, 0xcf];
const RED: [u8; 3] = [0xd0, 0x5a, 0x4c];
const AMBER: [u8; 3] = [0xe2, 0xb2, 0x55];
const GREEN: [u8; 3] = [0x6f, 0xae, 0x74];
const BLUE: [u8; 3] = [0x4f, 0x86, 0xc6];
const WOOD: [u8; 3] = [0xb9, 0x9b, 0x76];
const GLASS: [u8; 3] = [0x3a, 0x42, 0x4a];

/// How many models there are of a class (trees: broad-leaved 0, conifer 1).
pub fn model_variants(class: PointClass) -> usize {
    if class == PointClass::Tree { 2 } else { 1 }
}

/// The model of a class at the origin: 1 unit is 1 m, its foot at z = 0, facing north (+y). Feature 0 throughout.
/// A `variant` beyond the last counts from the first again.
pub fn model(class: PointClass, variant: usize) -> Mesh {
    match (class, variant % model_variants(class)) {
        (PointClass::Tree, 0) => broad_leaved(),
        (PointClass::Tree, _) => conifer(),
        (PointClass::StreetLamp, _) => street_lamp(),
        (PointClass::TrafficSignal, _) => traffic_signal(),
        (PointClass::Camera, _) => camera(),
        (PointClass::Hydrant, _) => hydrant(),
        (PointClass::Stop, _) => stop(),
        (PointClass::Entrance, _) => entrance(),
        (PointClass::Bench, _) => bench(),
        (PointClass::WasteBasket, _) => waste_basket(),
        (PointClass::Bollard, _) => bollard(),
    }
}

/// The same for coarse levels: at most 20 triangles, as high and about as wide.
pub fn model_coarse(class: PointClass, variant: usize) -> Mesh {
    let mut maker = Maker::default();
    match (class, variant % model_variants(class)) {
        (PointClass::Tree, 0) => {
            maker.column(3, DVec3::ZERO, 0.22, 2.6, 0.16, BARK);
            maker.blob(DVec3::new(0.0, 0.0, 4.9), DVec3::new(2.6, 2.6, 2.8), 4, 2, LEAF);
        }
        (PointClass::Tree, _) => {
            maker.column(3, DVec3::ZERO, 0.2, 1.4, 0.16, BARK);
            maker.cone(6, 1.2, 2.2, 9.0, NEEDLE);
        }
        (PointClass::StreetLamp, _) => {
            maker.column(3, DVec3::ZERO, 0.1, 5.8, 0.06, METAL);
            maker.slab(DVec3::new(0.0, 0.6, 5.85), DVec3::new(0.22, 0.7, 0.12), GLOW);
        }
        (PointClass::TrafficSignal, _) => {
            maker.column(3, DVec3::ZERO, 0.09, 2.6, 0.07, METAL);
            maker.slab(DVec3::new(0.0, 0.1, 3.0), DVec3::new(0.34, 0.28, 0.96), DARK_METAL);
        }
        (PointClass::Camera, _) => {
            maker.column(3, DVec3::ZERO, 0.09, 4.0, 0.06, METAL);
            maker.slab(DVec3::new(0.0, 0.25, 4.05), DVec3::new(0.2, 0.55, 0.2), PALE);
        }
        (PointClass::Hydrant, _) => maker.standing(DVec3::new(0.3, 0.3, 0.85), RED),
        (PointClass::Stop, _) => {
            maker.column(3, DVec3::ZERO, 0.06, 2.8, 0.05, METAL);
            maker.slab(DVec3::new(0.0, 0.0, 2.5), DVec3::new(0.6, 0.08, 0.6), BLUE);
        }
        (PointClass::Entrance, _) => maker.standing(DVec3::new(1.1, 0.14, 2.2), WOOD),
        (PointClass::Bench, _) => {
            maker.standing(DVec3::new(1.7, 0.44, 0.46), WOOD);
            maker.slab(DVec3::new(0.0, -0.2, 0.42), DVec3::new(1.7, 0.06, 0.84), WOOD);
        }
        (PointClass::WasteBasket, _) => maker.standing(DVec3::new(0.42, 0.42, 0.9), DARK_METAL),
        (PointClass::Bollard, _) => maker.standing(DVec3::new(0.16, 0.16, 0.9), METAL),
    }
    maker.0
}

fn broad_leaved() -> Mesh {
    let mut maker = Maker::default();
    maker.column(5, DVec3::ZERO, 0.24, 3.0, 0.15, BARK);
    maker.blob(DVec3::new(0.0, 0.0, 4.9), DVec3::new(2.3, 2.3, 2.4), 7, 4, LEAF);
    maker.blob(DVec3::new(0.95, 0.75, 4.0), DVec3::new(1.7, 1.7, 1.45), 6, 3, LEAF_DARK);
    maker.blob(DVec3::new(-0.85, -0.7, 4.3), DVec3::new(1.75, 1.75, 1.5), 6, 3, LEAF_DARK);
    maker.0
}

fn conifer() -> Mesh {
    let mut maker = Maker::default();
    maker.column(5, DVec3::ZERO, 0.22, 1.6, 0.16, BARK);
    maker.cone(9, 1.2, 2.2, 4.6, NEEDLE);
    maker.cone(9, 3.4, 1.7, 6.8, NEEDLE);
    maker.cone(9, 5.6, 1.15, 9.0, NEEDLE);
    maker.0
}

fn street_lamp() -> Mesh {
    let mut maker = Maker::default();
    maker.column(6, DVec3::ZERO, 0.13, 0.7, 0.11, DARK_METAL);
    maker.column(6, DVec3::new(0.0, 0.0, 0.7), 0.075, 5.2, 0.05, METAL);
    maker.slab(DVec3::new(0.0, 0.45, 5.92), DVec3::new(0.08, 1.0, 0.07), METAL);
    maker.slab(DVec3::new(0.0, 1.05, 5.9), DVec3::new(0.26, 0.62, 0.12), DARK_METAL);
    maker.slab(DVec3::new(0.0, 1.05, 5.83), DVec3::new(0.2, 0.5, 0.04), GLOW);
    maker.0
}

fn traffic_signal() -> Mesh {
    let mut maker = Maker::default();
    maker.column(6, DVec3::ZERO, 0.08, 3.5, 0.07, METAL);
    maker.slab(DVec3::new(0.0, 0.17, 3.0), DVec3::new(0.34, 0.22, 0.98), DARK_METAL);
    for (z, color) in [(3.31, RED), (3.0, AMBER), (2.69, GREEN)] {
        maker.disc(DVec3::new(0.0, 0.285, z), 0.11, 8, color);
        // A hood over each light.
        maker.slab(DVec3::new(0.0, 0.35, z + 0.125), DVec3::new(0.26, 0.16, 0.025), DARK_METAL);
    }
    maker.0
}

fn camera() -> Mesh {
    let mut maker = Maker::default();
    maker.column(6, DVec3::ZERO, 0.09, 4.0, 0.06, METAL);
    maker.slab(DVec3::new(0.0, 0.12, 3.9), DVec3::new(0.07, 0.3, 0.07), METAL);
    maker.slab(DVec3::new(0.0, 0.32, 4.02), DVec3::new(0.19, 0.5, 0.18), PALE);
    maker.slab(DVec3::new(0.0, 0.36, 4.125), DVec3::new(0.25, 0.62, 0.03), PALE);
    maker.disc(DVec3::new(0.0, 0.575, 4.02), 0.07, 8, GLASS);
    maker.0
}

fn hydrant() -> Mesh {
    let mut maker = Maker::default();
    maker.column(8, DVec3::ZERO, 0.17, 0.08, 0.17, RED);
    maker.lid(8, DVec3::new(0.0, 0.0, 0.08), 0.17, RED);
    maker.column(8, DVec3::new(0.0, 0.0, 0.08), 0.12, 0.56, 0.12, RED);
    maker.blob(DVec3::new(0.0, 0.0, 0.64), DVec3::new(0.16, 0.16, 0.17), 8, 4, RED);
    maker.slab(DVec3::new(0.0, 0.0, 0.5), DVec3::new(0.38, 0.13, 0.13), METAL);
    maker.slab(DVec3::new(0.0, 0.13, 0.42), DVec3::new(0.15, 0.12, 0.15), METAL);
    maker.0
}

fn stop() -> Mesh {
    let mut maker = Maker::default();
    maker.column(6, DVec3::ZERO, 0.045, 2.85, 0.045, METAL);
    maker.slab(DVec3::new(0.0, 0.06, 2.52), DVec3::new(0.6, 0.05, 0.6), BLUE);
    maker.slab(DVec3::new(0.0, 0.095, 2.52), DVec3::new(0.4, 0.02, 0.12), PALE);
    maker.slab(DVec3::new(0.0, 0.06, 1.55), DVec3::new(0.42, 0.04, 0.6), PALE);
    maker.0
}

fn entrance() -> Mesh {
    let mut maker = Maker::default();
    maker.slab(DVec3::new(-0.56, 0.0, 1.1), DVec3::new(0.12, 0.24, 2.2), PALE);
    maker.slab(DVec3::new(0.56, 0.0, 1.1), DVec3::new(0.12, 0.24, 2.2), PALE);
    maker.slab(DVec3::new(0.0, 0.0, 2.26), DVec3::new(1.24, 0.24, 0.12), PALE);
    maker.slab(DVec3::new(0.0, -0.02, 1.1), DVec3::new(1.0, 0.12, 2.2), WOOD);
    maker.slab(DVec3::new(0.38, 0.06, 1.05), DVec3::new(0.06, 0.06, 0.2), DARK_METAL);
    maker.slab(DVec3::new(0.0, 0.3, 0.04), DVec3::new(1.24, 0.6, 0.08), PALE);
    maker.0
}

fn bench() -> Mesh {
    let mut maker = Maker::default();
    for x in [-0.65, 0.65] {
        maker.slab(DVec3::new(x, 0.0, 0.21), DVec3::new(0.07, 0.42, 0.42), DARK_METAL);
        maker.slab(DVec3::new(x, -0.23, 0.6), DVec3::new(0.06, 0.05, 0.5), DARK_METAL);
    }
    for y in [-0.13, 0.02, 0.17] {
        maker.slab(DVec3::new(0.0, y, 0.44), DVec3::new(1.7, 0.12, 0.04), WOOD);
    }
    for z in [0.62, 0.78] {
        maker.slab(DVec3::new(0.0, -0.2, z), DVec3::new(1.7, 0.04, 0.11), WOOD);
    }
    maker.0
}

fn waste_basket() -> Mesh {
    let mut maker = Maker::default();
    maker.column(8, DVec3::ZERO, 0.19, 0.78, 0.23, DARK_METAL);
    maker.column(8, DVec3::new(0.0, 0.0, 0.78), 0.25, 0.08, 0.25, METAL);
    maker.lid(8, DVec3::new(0.0, 0.0, 0.86), 0.25, METAL);
    // The opening in its lid.
    maker.lid(8, DVec3::new(0.0, 0.0, 0.865), 0.14, GLASS);
    maker.0
}

fn bollard() -> Mesh {
    let mut maker = Maker::default();
    maker.column(8, DVec3::ZERO, 0.09, 0.66, 0.08, METAL);
    maker.column(8, DVec3::new(0.0, 0.0, 0.66), 0.082, 0.12, 0.08, PALE);
    maker.column(8, DVec3::new(0.0, 0.0, 0.78), 0.08, 0.08, 0.08, METAL);
    maker.blob(DVec3::new(0.0, 0.0, 0.86), DVec3::new(0.08, 0.08, 0.06), 8, 4, METAL);
    maker.0
}

/// Puts simple solids together.
#[derive(Default)]
struct Maker(Mesh);

impl Maker {
    fn triangle(&mut self, corners: [u32; 3]) {
        self.0.indices.extend(corners);
    }

    fn vertex(&mut self, position: DVec3, normal: DVec3, color: [u8; 4]) -> u32 {
        self.0.vertex(position, normal.normalize_or(DVec3::Z).as_vec3(), color, 0)
    }

    /// A tapering round wall without ends, darker at its foot.
    fn column(&mut self, sides: u32, foot: DVec3, radius: f64, height: f64, top_radius: f64, color: [u8; 3]) {
        let first = self.0.positions.len() as u32;
        for side in 0..sides {
            let around = DVec2::from_angle(TAU * f64::from(side) / f64::from(sides));
            let normal = (around * height).extend(radius - top_radius);
            self.vertex(foot + (around * radius).extend(0.0), normal, shade(color, 0.85));
            self.vertex(foot + (around * top_radius).extend(height), normal, shade(color, 1.0));
        }
        for side in 0..sides {
            let (a, b) = (first + 2 * side, first + 2 * ((side + 1) % sides));
            self.triangle([a, b, b + 1]);
            self.triangle([a, b + 1, a + 1]);
        }
    }

    /// A round lid that faces up.
    fn lid(&mut self, sides: u32, center: DVec3, radius: f64, color: [u8; 3]) {
        self.polygon(sides, center, radius, [DVec3::X, DVec3::Y], color);
    }

    /// A round disc that faces north.
    fn disc(&mut self, center: DVec3, radius: f64, sides: u32, color: [u8; 3]) {
        self.polygon(sides, center, radius, [DVec3::Z, DVec3::X], color);
    }

    fn polygon(&mut self, sides: u32, center: DVec3, radius: f64, [u, v]: [DVec3; 2], color: [u8; 3]) {
        let first = self.0.positions.len() as u32;
        for side in 0..sides {
            let around = DVec2::from_angle(TAU * f64::from(side) / f64::from(sides)) * radius;
            self.vertex(center + u * around.x + v * around.y, u.cross(v), shade(color, 1.0));
        }
        for side in 1..sides - 1 {
            self.triangle([first, first + side, first + side + 1]);
        }
    }

    /// An ellipsoid of `bands` rings of `sides` quads (triangles at the poles), darker below, lighter on top.
    fn blob(&mut self, center: DVec3, radii: DVec3, sides: u32, bands: u32, color: [u8; 3]) {
        let first = self.0.positions.len() as u32;
        let tone = |up: f64| shade(color, (0.95 + 0.13 * up) as f32);
        self.vertex(center - DVec3::Z * radii.z, DVec3::NEG_Z, tone(-1.0));
        for band in 1..bands {
            let (up, out) = (-FRAC_PI_2 + 2.0 * FRAC_PI_2 * f64::from(band) / f64::from(bands)).sin_cos();
            for side in 0..sides {
                // Every other ring is turned by half a side, which looks rounder.
                let turn = f64::from(side) + 0.5 * f64::from(band % 2);
                let unit = (DVec2::from_angle(TAU * turn / f64::from(sides)) * out).extend(up);
                self.vertex(center + unit * radii, unit / radii, tone(up));
            }
        }
        let last = self.vertex(center + DVec3::Z * radii.z, DVec3::Z, tone(1.0));
        let at = |band: u32, side: u32| first + 1 + (band - 1) * sides + side % sides;
        for side in 0..sides {
            self.triangle([first, at(1, side + 1), at(1, side)]);
            self.triangle([last, at(bands - 1, side), at(bands - 1, side + 1)]);
            for band in 1..bands - 1 {
                let (a, b) = (at(band, side), at(band, side + 1));
                let (c, d) = (at(band + 1, side), at(band + 1, side + 1));
                if band % 2 == 1 {
                    // The upper ring lags behind by half a side.
                    self.triangle([a, b, d]);
                    self.triangle([a, d, c]);
                } else {
                    self.triangle([a, b, c]);
                    self.triangle([b, d, c]);
                }
            }
        }
    }

    /// A cone with an underside, around the z axis, from `foot` to `top`; darker at its rim.
    fn cone(&mut self, sides: u32, foot: f64, radius: f64, top: f64, color: [u8; 3]) {
        let first = self.0.positions.len() as u32;
        let around = |turn: f64| DVec2::from_angle(TAU * turn / f64::from(sides));
        for side in 0..sides {
            let slope = |turn: f64| (around(turn) * (top - foot)).extend(radius);
            let (here, half) = (f64::from(side), f64::from(side) + 0.5);
            self.vertex((around(here) * radius).extend(foot), slope(here), shade(color, 0.88));
            self.vertex(DVec3::new(0.0, 0.0, top), slope(half), shade(color, 1.1));
        }
        for side in 0..sides {
            self.triangle([first + 2 * side, first + 2 * ((side + 1) % sides), first + 2 * side + 1]);
        }
        let center = DVec3::new(0.0, 0.0, foot);
        self.polygon(sides, center, radius, [DVec3::Y, DVec3::X], color.map(|channel| channel - channel / 4));
    }

    /// A box around a centre; without its underside where it stands on the ground.
    fn slab(&mut self, center: DVec3, size: DVec3, color: [u8; 3]) {
        let half = size * 0.5;
        let axes = [DVec3::X, DVec3::Y, DVec3::Z];
        for (index, &normal) in axes.iter().enumerate() {
            let (u, v) = (axes[(index + 1) % 3], axes[(index + 2) % 3]);
            for sign in [1.0, -1.0] {
                if index == 2 && sign < 0.0 && center.z - half.z < 1e-6 {
                    continue;
                }
                let corner = |a: f64, b: f64| center + (normal * sign + u * (a * sign) + v * b) * half;
                let foot_shade = if index == 2 && sign < 0.0 { 0.75 } else { 1.0 };
                let corners = [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)];
                let [a, b, c, d] = corners.map(|p| self.vertex(p, normal * sign, shade(color, foot_shade)));
                self.triangle([a, b, c]);
                self.triangle([a, c, d]);
            }
        }
    }

    /// A box that stands on the ground at the origin.
    fn standing(&mut self, size: DVec3, color: [u8; 3]) {
        self.slab(DVec3::Z * (size.z * 0.5), size, color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::Vec3;

    const CLASSES: [PointClass; 10] = [
        PointClass::Tree,
        PointClass::StreetLamp,
        PointClass::TrafficSignal,
        PointClass::Camera,
        PointClass::Hydrant,
        PointClass::Stop,
        PointClass::Entrance,
        PointClass::Bench,
        PointClass::WasteBasket,
        PointClass::Bollard,
    ];

    fn all() -> impl Iterator<Item = (PointClass, usize)> {
        CLASSES.into_iter().flat_map(|class| (0..model_variants(class)).map(move |variant| (class, variant)))
    }

    /// Stands on the ground, small enough, unit normals, and every triangle turned to the side its normals point to.
    fn check(mesh: &Mesh, name: &str, most_triangles: usize) {
        let count = mesh.triangle_count();
        assert!((1..=most_triangles).contains(&count), "{name}: {count} triangles");
        let (low, high) = mesh.bounds().expect("a model has vertices");
        assert!(low.z.abs() < 1e-9 && high.z > 0.3 && high.z < 12.0, "{name}: from {} to {}", low.z, high.z);
        assert!(mesh.normals.iter().all(|normal| (normal.length() - 1.0).abs() < 1e-4));
        for triangle in mesh.indices.chunks_exact(3) {
            let [a, b, c] = [0, 1, 2].map(|corner| mesh.positions[triangle[corner] as usize]);
            let normal: Vec3 = triangle.iter().map(|&index| mesh.normals[index as usize]).sum();
            let facing = (b - a).cross(c - a).as_vec3();
            assert!(facing.length() > 1e-7 && facing.dot(normal) > 0.0, "{name}: a triangle faces inwards");
        }
    }

    #[test]
    fn models_are_small_and_face_outwards() {
        for (class, variant) in all() {
            let most = if class == PointClass::Tree { 120 } else { 150 };
            check(&model(class, variant), &format!("{class:?} {variant}"), most);
        }
    }

    #[test]
    fn coarse_models_are_as_high_and_much_smaller() {
        for (class, variant) in all() {
            let name = format!("{class:?} {variant}");
            let (fine, coarse) = (model(class, variant), model_coarse(class, variant));
            check(&coarse, &name, 20);
            let height = |mesh: &Mesh| mesh.bounds().expect("a model has vertices").1.z;
            assert!((height(&fine) / height(&coarse) - 1.0).abs() < 0.25, "{name}");
        }
    }

    #[test]
    fn a_variant_beyond_the_last_starts_over() {
        assert_eq!(model(PointClass::Tree, 2), model(PointClass::Tree, 0));
        assert_eq!(model(PointClass::Bench, 5), model(PointClass::Bench, 0));
    }
}
