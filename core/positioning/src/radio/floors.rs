//! Which floor of which building, by a linear classifier.
//!
//! Multinomial logistic regression on powed powers, scaled to unit length so that a device's gain matters less; fitted
//! by stochastic gradient descent (Robbins, Monro 1951) on copies of the survey with readings dropped at random and
//! a random offset for each copy, as another device in another hour would have heard it. Neighbours know places,
//! a linear boundary knows floors: it weighs all access points of a floor at once, where neighbours look at a few cells.

use super::{Cell, Fingerprint, Place, powed, readings};
use crate::observation::Mac;
use crate::random::Random;

/// Passes over the survey.
const EPOCHS: usize = 24;
/// Chance that a reading is dropped from a copy.
const DROPPED: f64 = 0.3;
/// Standard deviation of a copy's offset and of each of its readings, dB.
const OFFSET_DB: f64 = 4.0;
const NOISE_DB: f64 = 4.0;
/// A foretold cell counts as so many scans.
const SCANS_FORETOLD: usize = 8;
/// Step size at the start; falls linearly to 0.
const STEP: f64 = 0.8;
/// Weight decay per step and step size.
const DECAY: f64 = 1e-5;

/// The classifier: for each floor a bias and a weight for each access point.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Floors {
    /// Building and floor, ascending.
    pub(crate) classes: Vec<(u16, i16)>,
    /// `classes.len()` weights for each access point, then `classes.len()` biases.
    pub(crate) weights: Vec<f32>,
}

impl Floors {
    /// From a survey, and from cells where nobody surveyed, on floors that were.
    pub(crate) fn learn(fingerprints: &[&Fingerprint], aps: &[Mac], foretold: &[Cell], seed: u64) -> Self {
        let floor = |place: Place| (place.building, place.floor);
        let mut classes: Vec<_> = fingerprints.iter().map(|f| floor(f.place)).collect();
        classes.sort_unstable();
        classes.dedup();
        let n = classes.len();
        let mut weights = vec![0.0; n * (aps.len() + 1)];
        let surveyed = fingerprints.iter().map(|f| (known(&f.readings, aps), f.place));
        let heard = |cell: &Cell| cell.entries.iter().map(|entry| (entry.ap as usize, entry.dbm())).collect();
        let foretold = foretold.iter().flat_map(|cell| std::iter::repeat_n((heard(cell), cell.place), SCANS_FORETOLD));
        let mut samples: Vec<(Vec<(usize, f64)>, usize)> = surveyed
            .chain(foretold)
            .filter_map(|(scan, place)| Some((scan, classes.binary_search(&floor(place)).ok()?)))
            .filter(|(scan, _)| !scan.is_empty())
            .collect();
        // The order of the survey must not matter.
        samples.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal)));
        let mut random = Random::new(seed);
        let steps = EPOCHS * samples.len();
        let mut scale = 1.0_f64; // weights = scale × stored: decay in O(1)
        for step in 0..steps {
            let (scan, class) = &samples[random.below(samples.len())];
            let offset = OFFSET_DB * random.normal();
            let mut features: Vec<(usize, f64)> = Vec::with_capacity(scan.len());
            for &(ap, dbm) in scan {
                if random.uniform() >= DROPPED {
                    features.push((ap, powed(dbm + offset + NOISE_DB * random.normal())));
                }
            }
            normalise(&mut features);
            let mut p = logits(&features, &weights, n, aps.len());
            p.iter_mut().for_each(|x| *x *= scale);
            softmax(&mut p);
            let rate = STEP * (1.0 - step as f64 / steps as f64);
            scale *= 1.0 - rate * DECAY;
            p[*class] -= 1.0;
            for (ap, x) in features.into_iter().chain([(aps.len(), 0.1)]) {
                for (k, gradient) in p.iter().enumerate() {
                    weights[ap * n + k] -= (rate * gradient * x / scale) as f32;
                }
            }
        }
        weights.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
        let mut floors = Self { classes, weights };
        let scale = floors.scale();
        // As the file keeps them, so that a map that was read answers like the one that was written.
        floors.weights.iter_mut().for_each(|w| *w = scale * (*w / scale).round());
        floors
    }

    /// One step of a weight in the file.
    pub(crate) fn scale(&self) -> f32 {
        self.weights.iter().fold(1e-6, |most: f32, w| most.max(w.abs())) / 127.0
    }

    /// ln P(floor | scan) for each class; empty when the classifier knows nothing.
    pub(crate) fn ln_probabilities(&self, scan: &[(usize, f64)]) -> Vec<f64> {
        let n = self.classes.len();
        if n == 0 {
            return Vec::new();
        }
        let mut features: Vec<_> = scan.iter().map(|&(ap, dbm)| (ap, powed(dbm))).collect();
        normalise(&mut features);
        let mut p = logits(&features, &self.weights, n, self.weights.len() / n - 1);
        softmax(&mut p);
        p.iter_mut().for_each(|x| *x = x.max(1e-9).ln());
        p
    }
}

/// The readings that the map knows: index of the access point and dBm.
pub(crate) fn known(scan: &[(Mac, f64)], aps: &[Mac]) -> Vec<(usize, f64)> {
    readings(scan).into_iter().filter_map(|(mac, dbm)| Some((aps.binary_search(&mac).ok()?, dbm))).collect()
}

fn normalise(features: &mut [(usize, f64)]) {
    let length = features.iter().map(|f| f.1 * f.1).sum::<f64>().sqrt().max(1e-9);
    features.iter_mut().for_each(|f| f.1 /= length);
}

fn logits(features: &[(usize, f64)], weights: &[f32], n: usize, bias: usize) -> Vec<f64> {
    let mut sums: Vec<f64> = weights[bias * n..(bias + 1) * n].iter().map(|w| 0.1 * f64::from(*w)).collect();
    for &(ap, x) in features {
        for (sum, w) in sums.iter_mut().zip(&weights[ap * n..(ap + 1) * n]) {
            *sum += x * f64::from(*w);
        }
    }
    sums
}

fn softmax(values: &mut [f64]) {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.iter_mut().for_each(|v| *v = (*v - most).exp());
    let sum: f64 = values.iter().sum();
    values.iter_mut().for_each(|v| *v /= sum);
}
