//! Pedestrian dead reckoning: inertial samples to steps.

use crate::heading::{Heading, Sample};
use crate::observation::{Measurement, Observation};
use std::collections::VecDeque;

/// Shortest time between two steps, milliseconds.
const SHORTEST_STEP_MS: f64 = 300.0;
/// A step's peak rises so far above its valley, m/s²; below it the visitor stands or fidgets.
const LEAST_SWING_MPS2: f64 = 1.6;
/// Stride in metres = base + Weinberg's constant · swing^¼ − slope · steps per second. Fitted to the length between
/// way-points of two fifths of the mall's walks, where it leaves 7 % of a stride unexplained; the fourth root alone
/// leaves 12 %. Who steps faster there takes shorter steps: past shelves and people.
const STRIDE_BASE_M: f64 = 0.165;
/// See `STRIDE_BASE_M`; m / (m/s²)^¼.
const WEINBERG: f64 = 0.7;
/// See `STRIDE_BASE_M`; metres / Hz.
const STRIDE_SLOPE: f64 = 0.377;
/// What a stride may be, metres.
const STRIDES_M: std::ops::RangeInclusive<f64> = 0.2..=1.2;
/// So many steps tell how fast they follow each other, and what their distance may be, milliseconds.
const CADENCE_STEPS: usize = 5;
/// See `CADENCE_STEPS`.
const STEP_MS: std::ops::RangeInclusive<f64> = 300.0..=1200.0;
/// Time between steps before any two are known, milliseconds.
const USUAL_STEP_MS: f64 = 530.0;
/// Time constant of the low-pass filter on the acceleration's magnitude, milliseconds.
const SMOOTHING_MS: f64 = 60.0;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Milliseconds on the host's monotonic clock, at the step's end.
    pub time_ms: f64,
    /// Length, metres; before any calibration to the visitor.
    pub stride_m: f64,
    /// Direction in which the device's top points, radians clockwise from (magnetic) north; `None` while no rotation
    /// vector and no compass told where north is.
    pub heading_rad: Option<f64>,
}

/// Finds steps in inertial samples of 20 Hz and more.
///
/// A step is a swing of the smoothed magnitude of acceleration (peak detection as in Harle 2013, "A survey of indoor
/// inertial positioning systems for pedestrians", IEEE Communications Surveys & Tutorials 15); its length follows the
/// fourth root of the swing, less the cadence (Weinberg 2002, "Using the ADXL202 in pedometer and personal navigation applications",
/// Analog Devices AN-602). Heading is the mean over the step of a gyroscope that the
/// rotation vector or the compass corrects.
#[derive(Clone, Debug, Default)]
pub struct StepDetector {
    smooth: Option<(f64, f64)>,
    /// Smoothed magnitudes of the last second, to know the swing.
    recent: VecDeque<(f64, f64)>,
    above: bool,
    peak: f64,
    last_step_ms: Option<f64>,
    /// Times between the last steps, milliseconds.
    gaps: VecDeque<f64>,
    attitude: Heading,
    /// Sum of the directions since the last step.
    heading: [f64; 2],
}

impl StepDetector {
    /// Takes one observation; returns the step that it ends, if any. Other kinds than inertial are left alone.
    pub fn observe(&mut self, observation: &Observation) -> Option<Step> {
        let Measurement::Inertial { accel_mps2, gyro_radps, magnet_ut, rotation } = observation.what else {
            return None;
        };
        let time_ms = observation.time_ms;
        let sample = Sample { accel: accel_mps2, gyro: gyro_radps, magnet: magnet_ut, rotation };
        if let Some(heading) = self.attitude.observe(time_ms, &sample) {
            self.heading[0] += heading.sin();
            self.heading[1] += heading.cos();
        }
        let [x, y, z] = accel_mps2;
        let magnitude = (x * x + y * y + z * z).sqrt();
        let value = match self.smooth {
            Some((before_ms, before)) if time_ms - before_ms < 1e3 => {
                before + (magnitude - before) * (1.0 - (-(time_ms - before_ms) / SMOOTHING_MS).exp())
            }
            _ => {
                self.recent.clear();
                magnitude
            }
        };
        self.smooth = Some((time_ms, value));
        self.recent.push_back((time_ms, value));
        while self.recent.front().is_some_and(|r| time_ms - r.0 > 1e3) || self.recent.len() > 1024 {
            self.recent.pop_front();
        }
        let mean = self.recent.iter().map(|r| r.1).sum::<f64>() / self.recent.len() as f64;
        if value > mean + 0.1 * LEAST_SWING_MPS2 {
            self.peak = if self.above { self.peak.max(value) } else { value };
            self.above = true;
            return None;
        }
        if !self.above || value > mean {
            return None;
        }
        self.above = false;
        let valley = self.recent.iter().map(|r| r.1).fold(f64::INFINITY, f64::min);
        let swing = self.peak - valley;
        let too_soon = self.last_step_ms.is_some_and(|t| time_ms - t < SHORTEST_STEP_MS);
        if swing < LEAST_SWING_MPS2 || too_soon {
            return None;
        }
        let hz = self.cadence_hz(time_ms);
        self.last_step_ms = Some(time_ms);
        let [east, north] = std::mem::take(&mut self.heading);
        let heading_rad = (east.hypot(north) > 1e-6).then(|| east.atan2(north));
        let stride_m = STRIDE_BASE_M + WEINBERG * swing.powf(0.25) - STRIDE_SLOPE * hz;
        Some(Step { time_ms, stride_m: stride_m.clamp(*STRIDES_M.start(), *STRIDES_M.end()), heading_rad })
    }

    /// Steps per second, with the one that ends now.
    fn cadence_hz(&mut self, time_ms: f64) -> f64 {
        let gap = self.last_step_ms.map_or(USUAL_STEP_MS, |last| time_ms - last);
        self.gaps.push_back(gap.clamp(*STEP_MS.start(), *STEP_MS.end()));
        if self.gaps.len() > CADENCE_STEPS {
            self.gaps.pop_front();
        }
        1e3 * self.gaps.len() as f64 / self.gaps.iter().sum::<f64>()
    }
}
