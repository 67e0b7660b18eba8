//! Shapes for tests: the same ones on every run.

use glam::DVec2;

/// A small generator of numbers (xorshift); no cryptography, only variety.
pub(super) struct Seeded(pub(super) u64);

impl Seeded {
    /// In 0..1.
    pub(super) fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A regular ring.
pub(super) fn ring(x: f64, y: f64, radius: f64, corners: usize) -> Vec<DVec2> {
    let step = std::f64::consts::TAU / corners as f64;
    (0..corners).map(|corner| DVec2::new(x, y) + DVec2::from_angle(corner as f64 * step) * radius).collect()
}

/// A star-shaped ring of 3 to 22 corners, 2 to 20 m from its middle.
pub(super) fn star(seeded: &mut Seeded, middle: DVec2) -> Vec<DVec2> {
    let corners = 3 + (seeded.next() * 20.0) as usize;
    let step = std::f64::consts::TAU / corners as f64;
    (0..corners)
        .map(|corner| {
            let angle = (corner as f64 + 0.8 * seeded.next()) * step;
            middle + DVec2::from_angle(angle) * (2.0 + 18.0 * seeded.next())
        })
        .collect()
}

/// A comb: many corners on the same lines, as in rows of balconies.
pub(super) fn comb(teeth: usize) -> Vec<DVec2> {
    let mut points = vec![DVec2::new(0.0, 0.0), DVec2::new(teeth as f64 * 2.0, 0.0)];
    for tooth in (0..teeth).rev() {
        let x = tooth as f64 * 2.0;
        points.extend([DVec2::new(x + 2.0, 2.0), DVec2::new(x + 1.0, 2.0), DVec2::new(x + 1.0, 1.0)]);
        points.push(DVec2::new(x, 1.0));
    }
    points
}
